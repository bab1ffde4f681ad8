"""Slices of tables at 2,048 tokens: how often tables are read, wavefronts of workgroup memory, and kernels of clusters
broken on purpose."""

from __future__ import annotations

import re

import memoryformer
import numpy as np
import pytest

import gpu_host
from gpu_host import drop
from test_gpu_host import Layer
from test_gpu_integers import CPU, OPTIONS, lookup_inputs
from test_quantised import call, lookup_module

ARCHS = ["sm_80", "sm_90a"]
TOKENS = 2048
TABLES = 4


def check_traffic(counts, table_bytes, sharing, blocks):
    """Each table is read once for `sharing` tokens, by `blocks` blocks. A wavefront has 128 bytes: of rows that tokens
    read, and of slices that blocks get."""
    assert counts["copied_bytes"] == table_bytes * TOKENS // sharing
    rows = TOKENS * table_bytes // 256
    assert counts["workgroup_wavefronts"] <= 1.05 * (rows + counts["copied_bytes"] * blocks) / 128
    assert counts["workgroup_wavefronts"] <= 1.05 * counts["workgroup_ideal_wavefronts"]


@pytest.mark.parametrize("arch", ARCHS)
@pytest.mark.parametrize("element", ["f32", "f16"])
def test_floats(element, arch, compiler, tmp_path):
    layer = Layer(TABLES, 8, 64, element)
    library = compiler.module(f"slices_{element}_{arch}", layer.text(tmp_path), *OPTIONS, f"--gpu-arch={arch}")
    codes, scores = layer.inputs(TOKENS)
    with gpu_host.open_checked(library, threads=2) as model:
        results = model.call("lookup", codes, scores)
        ((name, counts),) = gpu_host.counts(model).items()
        few = model.call("lookup", codes[:63], scores[:63])
        many = model.call("lookup", codes[:70], scores[:70])
    assert name.startswith("lookup_tile")
    layer.check(results, codes, scores)
    check_traffic(counts, layer.bytes, 1024, 1 if arch == "sm_80" else 2)
    for y, gathered, clamped in zip(results, few, many):
        np.testing.assert_array_equal(gathered, y[:63])
        np.testing.assert_array_equal(clamped, y[:70])


# Blocks of sm_80 have sums for 512 tokens of i4: parts of rows are whole sectors of memory.
@pytest.mark.parametrize("arch,dtype,sharing,blocks", [("sm_80", "i8", 1024, 1), ("sm_90a", "i8", 1024, 4),
                                                       ("sm_80", "i4", 512, 1), ("sm_90a", "i4", 1024, 8)])
def test_integers(arch, dtype, sharing, blocks, compiler):
    columns = 128 if dtype == "i8" else 256
    options = f"--table-dtype={dtype}", *OPTIONS, f"--gpu-arch={arch}"
    library = compiler.module(f"slices_{dtype}_{arch}", lookup_module(TABLES, 256, [columns]), *options)
    inputs = lookup_inputs(TABLES, 256, TOKENS)
    with gpu_host.open_checked(library, threads=2) as model:
        results = call(model, "lookup", *inputs)
        (counts,) = [kernel for name, kernel in gpu_host.counts(model).items() if name.startswith("lookup_integer_tile")]
    with memoryformer.load(library, variant=CPU) as model:
        for y, expected in zip(results, call(model, "lookup", *inputs), strict=True):
            np.testing.assert_array_equal(y, expected)
    check_traffic(counts, TABLES * 256 * 128, sharing, blocks)


# Two strips of 64 bytes lie behind each other, the second one a row further: of 10 bits, in four slices.
@pytest.mark.parametrize("arch", ARCHS)
def test_ten_bits(arch, compiler):
    options = "--table-dtype=i8", *OPTIONS, f"--gpu-arch={arch}"
    library = compiler.module(f"ten_bits_{arch}", lookup_module(2, 1024, [128]), *options)
    inputs = lookup_inputs(2, 1024, 1024)
    with gpu_host.open_checked(library, threads=2) as model:
        results = call(model, "lookup", *inputs)
        (counts,) = [kernel for name, kernel in gpu_host.counts(model).items() if name.startswith("lookup_integer_tile")]
    with memoryformer.load(library, variant=CPU) as model:
        np.testing.assert_array_equal(results[0], call(model, "lookup", *inputs)[0])
    # Blocks of sm_80 have 256 tokens.
    assert counts["copied_bytes"] == 2 * 1024 * 128 * (4 if arch == "sm_80" else 1)
    assert counts["workgroup_wavefronts"] == counts["workgroup_ideal_wavefronts"]


# Broken on purpose.


@pytest.fixture(scope="module")
def tiles(tmp_path_factory):
    """A layer, its module, and the text of its kernels by architecture."""
    folder = tmp_path_factory.mktemp("slices")
    layer = Layer(4, 8, 64, "f16")
    source = folder / "layer.mlir"
    source.write_text(layer.text(folder))
    return layer, source.read_text(), {arch: gpu_host.kernels(source, arch) for arch in ARCHS}


def run_changed(folder, arch, tiles, change):
    layer, model_text, texts = tiles
    return gpu_host.run_changed_tile(folder, layer, model_text, texts[arch], change, 1024, f"-mcpu={CPU}", threads=2)


# The first set is the one that block z = 0 computes: ops 0 to 2 of the barrier of the cluster are before its loop.
BROKEN = {
    "wait": (drop("mf.mbarrier_wait", 0), "reads workgroup memory while a copy to it is on its way|that nothing wrote"),
    "expect": (drop("mf.mbarrier_expect", 0), "waits for arrivals or bytes that do not come"),
    "init": (drop("mf.mbarrier_init", 1), "uses a barrier that nothing initialised|counted by a barrier that nothing"),
    "cluster wait at the start": (drop("nvvm.cluster.wait", 0), "twice|nothing initialised|without an arrival"),
    "cluster barrier of the loop": (
        lambda text: drop("nvvm.cluster.arrive", 2)(drop("nvvm.cluster.wait", 1)(text)),
        "race: writes workgroup memory that another thread read|copy to it is on its way|waits at a barrier"),
    "parity": (lambda text: re.sub(r"parity\(%\w+\)", "parity(%odd)", text).replace(
        "{\n", "{\n%odd = arith.constant 1 : i32\n", 1), "copy to it is on its way"),
    "a row too far": (lambda text: re.sub(r"elements\(8192\)", "elements(16384)", text), "out of bounds|do not come|on its way"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_clusters(name, tiles, tmp_path):
    change, message = BROKEN[name]
    with pytest.raises(memoryformer.Error, match=message):
        run_changed(tmp_path, "sm_90a", tiles, change)


def test_lanes_that_begin_with_the_same_table_meet_in_its_banks(tiles, tmp_path):
    """Right results: each lane knows which table it reads first. Half of the rows of two tokens are in the same banks."""

    def change(text):
        group = re.search(r"(%\w+) = arith\.divui %thread_id_x, %c4", text).group(1)
        return re.sub(rf"= arith\.remui {group}, %c2 ", "= arith.subi %c2, %c2 ", text)

    counts = run_changed(tmp_path, "sm_80", tiles, change)
    assert counts["workgroup_wavefronts"] > 1.3 * counts["workgroup_ideal_wavefronts"]


def test_strips_without_a_row_between_them_meet_in_banks(tmp_path):
    """Of tables of 10 bits: both strips of a slice begin at the same bank."""
    model_text = lookup_module(2, 1024, [128])
    source = tmp_path / "model.mlir"
    source.write_text(model_text)
    text = gpu_host.kernels(source, "sm_80", "table-dtype=i8")
    changed = text.replace("2x1x2x257x64xi8", "2x1x2x256x64xi8")
    assert changed != text
    library = gpu_host.compile_kernels(tmp_path / "changed", model_text, changed, "--table-dtype=i8", f"-mcpu={CPU}")
    with gpu_host.open_checked(library) as model:
        call(model, "lookup", *lookup_inputs(2, 1024, 300))
        (counts,) = [kernel for name, kernel in gpu_host.counts(model).items() if name.startswith("lookup_integer_tile")]
    assert counts["workgroup_wavefronts"] > 1.3 * counts["workgroup_ideal_wavefronts"]
