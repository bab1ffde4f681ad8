"""What the checks of gpu-host find in broken kernels, and what they count in right ones."""

from __future__ import annotations

import re

import memoryformer
import numpy as np
import pytest

import gpu_host
import modules
from gpu_host import HandWritten, drop
from test_gpu_host import Layer

W = "memref<2048xf32, #gpu.address_space<workgroup>>"
VIEW = f"%w = memref.view %memory[%c0][] : memref<0xi8, #gpu.address_space<workgroup>> to {W}\n"
X = "memref<64xf32>"

# What two warps do to %x and %y, 64 floats each, and %w, 2,048 floats of workgroup memory.
BROKEN = {
    "is out of bounds: index 64 of dimension 0 of 64, by thread 63 of block": f"%b = memref.load %x[%next] : {X}",
    "is misaligned: its address is no multiple of 16 bytes":
        f"%b = vector.load %x[%thread] {{alignment = 16 : i64}} : {X}, vector<1xf32>",
    "is out of bounds: byte 8195 of the 8192 bytes of workgroup memory": f"""
        %v = memref.view %memory[%c4][] : memref<0xi8, #gpu.address_space<workgroup>> to {W}
        %index = arith.constant 2047 : index
        memref.store %a, %v[%index] : {W}""",
    "not all threads of its block reach": "scf.if %isFew { gpu.barrier }",
    "lanes of its warp that do not come": "scf.if %isFirst { %v = nvvm.vote.sync ballot %all, %isFew -> i32 }",
    "reads workgroup memory that nothing wrote": f"%b = memref.load %w[%thread] : {W}",
    "writes workgroup memory that another thread wrote": f"memref.store %a, %w[%c1] : {W}",
    "reads workgroup memory that another thread wrote": f"""memref.store %a, %w[%thread] : {W}
        %b = memref.load %w[%before] : {W}""",
    "writes workgroup memory that another thread read": f"""memref.store %a, %w[%thread] : {W}
        gpu.barrier
        %b = memref.load %w[%next] : {W}
        memref.store %a, %w[%thread] : {W}""",
    "reads workgroup memory while a copy to it is on its way": f"""
        scf.if %isCopier {{
          %token = nvgpu.device_async_copy %x[%quad], %w[%quad], 4 {{bypassL1}} : {X} to {W}
        }}
        nvvm.cp.async.commit.group
        nvvm.cp.async.wait.group 1
        gpu.barrier
        %b = memref.load %w[%thread] : {W}""",
}


def compile_body(folder, body):
    prefix = VIEW + f"""
      %all = arith.constant -1 : i32
      %next = arith.addi %thread, %c1 : index
      %isFew = arith.cmpi ult, %thread, %c32 : index
      %isFirst = arith.cmpi ult, %thread, %c1 : index
      %previous = arith.subi %thread, %c1 : index
      %before = arith.select %isFirst, %c0, %previous : index
      %quad = arith.muli %thread, %c4 : index
      %isCopier = arith.cmpi ult, %thread, %c16 : index
      %a = memref.load %x[%thread] : {X}
      """
    return HandWritten(folder, [("x", (64,), "f32")], (64,), prefix + body, threads=64, workgroup=8192)


@pytest.mark.parametrize("message", BROKEN)
def test_broken_kernels(message, tmp_path):
    kernel = compile_body(tmp_path, BROKEN[message])
    with pytest.raises(memoryformer.Error, match=re.escape(message)) as error:
        kernel.run(np.zeros(64, np.float32))
    assert "kernel 'kernel': op " in str(error.value)


def test_counts(tmp_path):
    """Lanes that read one bank in 32 rows take 32 wavefronts; a broadcast takes one; strided loads touch 32 sectors."""
    body = f"""memref.store %a, %w[%thread] : {W}
      gpu.barrier
      %i = arith.muli %lane, %c32 : index
      %same = memref.load %w[%c0] : {W}
      memref.store %a, %y[%thread] : {X}
      gpu.barrier
      scf.if %isFew {{ memref.store %a, %w[%i] : {W} }}"""
    y, counts = compile_body(tmp_path, body).run(np.arange(64, dtype=np.float32))
    np.testing.assert_array_equal(y, np.arange(64))
    assert counts["blocks"] == counts["launches"] == 1
    assert counts["global_load_bytes"] == counts["global_store_bytes"] == 256
    assert counts["global_load_sectors"] == counts["global_store_sectors"] == 8
    # Two warps store and read a word for all; one stores to one bank.
    assert counts["workgroup_wavefronts"] == 2 + 2 + 32
    assert counts["workgroup_ideal_wavefronts"] == 2 + 2 + 1
    operations = counts["operations"]
    assert operations["barrier"] == 2 * 64 and operations["store"] == 64 + 64 + 32 and operations["load"] == 64 + 64


def test_barriers_of_warps_order_their_lanes_alone(tmp_path):
    body = f"""memref.store %a, %w[%thread] : {W}
      nvvm.bar.warp.sync %all : i32
      %partner = arith.subi %c32, %c1 : index
      %mirror = arith.subi %partner, %lane : index
      %other = arith.subi %thread, %lane : index
      %place = arith.addi %OTHER, %mirror : index
      %b = memref.load %w[%place] : {W}
      nvvm.bar.warp.sync %all : i32
      memref.store %b, %w[%thread] : {W}
      memref.store %b, %y[%thread] : {X}"""
    x = np.arange(64, dtype=np.float32)
    y, _ = compile_body(tmp_path / "own", body.replace("%OTHER", "%other")).run(x)
    np.testing.assert_array_equal(y, x.reshape(2, 32)[:, ::-1].ravel())
    # The second warp reads what the first one wrote.
    with pytest.raises(memoryformer.Error, match="race: reads workgroup memory that another thread wrote"):
        compile_body(tmp_path / "first", body.replace("%OTHER", "%c0")).run(x)
    # Without the second barrier lanes overwrite what others read.
    unordered = body.replace("%OTHER", "%other").replace("nvvm.bar.warp.sync %all : i32", "", 2).replace(
        f"%w[%thread] : {W}\n", f"%w[%thread] : {W}\n nvvm.bar.warp.sync %all : i32\n", 1)
    with pytest.raises(memoryformer.Error, match="race: "):
        compile_body(tmp_path / "unordered", unordered).run(x)


def test_a_failed_call_leaves_the_model_usable(tmp_path):
    """Only threads of large numbers read behind the end; the error is that of the lowest block."""
    body = """%block = gpu.block_id x
      %start = arith.muli %block, %c16 : index
      %i = arith.addi %start, %thread : index
      %a = memref.load %x[%i] : memref<64xf32>
      memref.store %a, %y[%i] : memref<64xf32>"""
    kernel = HandWritten(tmp_path, [("x", (64,), "f32")], (64,), body, blocks=8)
    for threads in (1, 2, 3):
        with gpu_host.open_checked(kernel.library, threads=threads) as model:
            for _ in range(2):
                with pytest.raises(memoryformer.Error, match=r"index 64 .* by thread 16 of block \(3, 0, 0\)"):
                    model.call("kernel", np.zeros(64, np.float32), np.zeros(64, np.float32))


# The lookup through slices, broken on purpose.


@pytest.fixture(scope="module")
def tile(tmp_path_factory):
    """A layer, its module, and the text of its kernels."""
    folder = tmp_path_factory.mktemp("tile")
    layer = Layer(3, 8, 64, "f16")
    source = folder / "layer.mlir"
    source.write_text(layer.text(folder))
    return layer, source.read_text(), gpu_host.kernels(source)


def run_changed(folder, tile, change, tokens=64):
    return gpu_host.run_changed_tile(folder, *tile, change, tokens)


@pytest.mark.parametrize("number", [0, 1])
def test_a_removed_barrier_is_a_race(number, tile, tmp_path):
    with pytest.raises(memoryformer.Error, match="race: .* without a barrier|a copy to it is on its way|nothing wrote"):
        run_changed(tmp_path, tile, drop("gpu.barrier", number))


def test_a_removed_wait_is_seen(tile, tmp_path):
    with pytest.raises(memoryformer.Error, match="reads workgroup memory while a copy to it is on its way"):
        run_changed(tmp_path, tile, drop("nvvm.cp.async.wait.group", 0))


def test_an_index_off_by_one_is_out_of_bounds(tile, tmp_path):
    """The bound of the tokens that are stored is one too high."""

    def change(text):
        more = r"\1_it = \2\n\1_one = arith.constant 1 : index\n\1 = arith.addi \1_it, \1_one : index"
        return re.sub(r"(%\w+) = (memref\.dim %arg\d+, %\w+ : memref<\?x64xf32>)", more, text)

    with pytest.raises(memoryformer.Error, match="out of bounds: index 64 of dimension 0 of 64"):
        run_changed(tmp_path, tile, change)


def test_a_wrong_order_of_lanes_has_bank_conflicts(tile, tmp_path):
    """The lanes of a phase read one column of many rows instead of one row: right, but in turn."""

    def change(text):
        thread = re.search(r"(%\w+) = gpu\.thread_id", text).group(1)
        text = re.sub(rf"arith\.divui {thread}, %\w+", f"arith.REM {thread}, %a_64", text)
        text = re.sub(rf"arith\.remui {thread}, %\w+", f"arith.divui {thread}, %a_64", text)
        head, _, rest = text.replace("arith.REM", "arith.remui").partition("{\n")
        return f"{head}{{\n%a_64 = arith.constant 64 : index\n{rest}"

    counts = run_changed(tmp_path, tile, change, tokens=512)
    assert counts["workgroup_wavefronts"] > 4 * counts["workgroup_ideal_wavefronts"]


def test_kernels_of_another_model_are_refused(tile, tmp_path):
    model_text = modules.module('func.func @other(%x: tensor<4xf32> {mf.name = "x"}) -> (tensor<4xf32> {mf.name = "y"}) { return %x : tensor<4xf32> }')
    with pytest.raises(memoryformer.Error, match="has other entry points than the model"):
        gpu_host.compile_kernels(tmp_path, model_text, tile[2])
