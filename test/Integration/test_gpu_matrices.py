"""What the lanes of a warp do together on host threads: shuffles, matrices and tensor-core products against numpy."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

from gpu_host import HandWritten

SPACE = "#gpu.address_space<workgroup>"


@pytest.mark.parametrize("mode", ["idx", "xor", "up", "down"])
def test_shuffle(mode, tmp_path):
    """Lane l asks with operand l * 3 % 32; where no lane is, it gets its own value."""
    body = f"""%x0 = memref.load %x[%thread] : memref<32xf32>
      %three = arith.constant 3 : index
      %times = arith.muli %thread, %three : index
      %rest = arith.remui %times, %c32 : index
      %operand = arith.index_cast %rest : index to i32
      %width = arith.constant 32 : i32
      %other, %valid = gpu.shuffle {mode} %x0, %operand, %width : f32
      memref.store %other, %y[%thread] : memref<32xf32>"""
    x = np.random.default_rng(0).standard_normal(32).astype(np.float32)
    lane = np.arange(32)
    operand = lane * 3 % 32
    source = {"idx": operand, "xor": lane ^ operand, "up": lane - operand, "down": lane + operand}[mode]
    source = np.where((source >= 0) & (source < 32), source, lane)
    y, counts = HandWritten(tmp_path, [("x", (32,), "f32")], (32,), body).run(x)
    np.testing.assert_array_equal(y, x[source])
    assert counts["operations"]["shuffle"] == 32


def load_body(matrices, transposed):
    """Rows of x to workgroup memory, matrices of it to registers, registers to y."""
    stores = "".join(
        f"""%e{m}{i} = vector.extract %r[{m}, {i}] : f16 from vector<{matrices}x2xf16>
      %f{m}{i} = arith.extf %e{m}{i} : f16 to f32
      %at{m}{i} = arith.constant {2 * m + i} : index
      memref.store %f{m}{i}, %y[%thread, %at{m}{i}] : memref<32x{2 * matrices}xf32>
      """
        for m in range(matrices)
        for i in range(2)
    )
    return f"""%w = memref.view %memory[%c0][] : memref<0xi8, {SPACE}> to memref<32x8xf16, {SPACE}>
      %token = nvgpu.device_async_copy %x[%thread, %c0], %w[%thread, %c0], 8 {{bypassL1}} : memref<32x8xf16> to memref<32x8xf16, {SPACE}>
      nvvm.cp.async.commit.group
      nvvm.cp.async.wait.group 0
      gpu.barrier
      %r = nvgpu.ldmatrix %w[%thread, %c0] {{numTiles = {matrices} : i32, transpose = {str(transposed).lower()}}} : memref<32x8xf16, {SPACE}> -> vector<{matrices}x2xf16>
      {stores}"""


@pytest.mark.parametrize("matrices", [1, 2, 4])
@pytest.mark.parametrize("transposed", [False, True])
def test_load_matrices(matrices, transposed, tmp_path):
    x = np.random.default_rng(1).standard_normal((32, 8)).astype(np.float16)
    kernel = HandWritten(tmp_path, [("x", (32, 8), "f16")], (32, 2 * matrices), load_body(matrices, transposed), workgroup=512)
    y, counts = kernel.run(x)
    lane = np.arange(32)
    for m in range(matrices):
        matrix = x[8 * m : 8 * m + 8].T if transposed else x[8 * m : 8 * m + 8]
        for i in range(2):
            np.testing.assert_array_equal(y[:, 2 * m + i], matrix[lane // 4, 2 * (lane % 4) + i].astype(np.float32))
    # Copies write 512 bytes, matrices of 128 bytes are read: a wavefront each.
    assert counts["workgroup_wavefronts"] == counts["workgroup_ideal_wavefronts"] == 4 + matrices
    assert counts["copied_bytes"] == 512


def test_copies_of_fewer_elements_end_in_zeros(tmp_path):
    """The last two rows of eight are behind the end: nothing of them is read."""
    body = f"""%w = memref.view %memory[%c0][] : memref<0xi8, {SPACE}> to memref<32x8xf16, {SPACE}>
      %end = arith.constant 30 : index
      %isThere = arith.cmpi ult, %thread, %end : index
      %row = arith.select %isThere, %thread, %c0 : index
      %count = arith.select %isThere, %c8, %c0 : index
      %token = nvgpu.device_async_copy %x[%row, %c0], %w[%thread, %c0], 8, %count {{bypassL1}} : memref<30x8xf16> to memref<32x8xf16, {SPACE}>
      nvvm.cp.async.commit.group
      nvvm.cp.async.wait.group 0
      %v = vector.load %w[%thread, %c0] {{alignment = 16 : i64}} : memref<32x8xf16, {SPACE}>, vector<8xf16>
      %f = arith.extf %v : vector<8xf16> to vector<8xf32>
      vector.store %f, %y[%thread, %c0] {{alignment = 16 : i64}} : memref<32x8xf32>, vector<8xf32>"""
    x = np.random.default_rng(2).standard_normal((30, 8)).astype(np.float16)
    y, _ = HandWritten(tmp_path, [("x", (30, 8), "f16")], (32, 8), body, workgroup=512).run(x)
    np.testing.assert_array_equal(y[:30], x.astype(np.float32))
    np.testing.assert_array_equal(y[30:], 0)


SUMS = "!llvm.struct<(f32, f32, f32, f32)>"


def product_body(element):
    """y = a b + c, with the fragments that PTX says: a lane has group = lane / 4 and t = lane % 4. b lies transposed."""
    lines = ["%group = arith.divui %lane, %c4 : index", "%t = arith.remui %lane, %c4 : index",
             "%t0 = arith.muli %t, %c2 : index", "%t1 = arith.addi %t0, %c1 : index",
             "%t8 = arith.addi %t0, %c8 : index", "%group8 = arith.addi %group, %c8 : index"]
    words = {"a": [("%group", "%t0"), ("%group8", "%t0"), ("%group", "%t8"), ("%group8", "%t8")],
             "b": [("%group", "%t0"), ("%group", "%t8")]}
    sums = [("%group", "%t0"), ("%group", "%t1"), ("%group8", "%t0"), ("%group8", "%t1")]
    for name, places in words.items():
        for i, (row, column) in enumerate(places):
            source = f"%{name}[{row}, {column}] {{alignment = 4 : i64}} : memref<{16 if name == 'a' else 8}x16x{element}>"
            lines.append(f"%{name}{i} = vector.load {source}, vector<2x{element}>")
    lines += [f"%c_{i} = memref.load %c[{row}, {column}] : memref<16x8xf32>" for i, (row, column) in enumerate(sums)]
    lines += multiply_vectors() if element == "f16" else multiply_words(words)
    lines += [f"memref.store %d{i}, %y[{row}, {column}] : memref<16x8xf32>" for i, (row, column) in enumerate(sums)]
    return "\n      ".join(lines)


def multiply_words(words):
    """nvvm.mma.sync takes bf16 as words."""
    for name, places in words.items():
        for i in range(len(places)):
            yield f"%v{name}{i} = vector.bitcast %{name}{i} : vector<2xbf16> to vector<1xi32>"
            yield f"%w{name}{i} = vector.extract %v{name}{i}[0] : i32 from vector<1xi32>"
    types = "multiplicandAPtxType = #nvvm.mma_type<bf16>, multiplicandBPtxType = #nvvm.mma_type<bf16>"
    layouts = "layoutA = #nvvm.mma_layout<row>, layoutB = #nvvm.mma_layout<col>"
    yield ("%d = nvvm.mma.sync A[%wa0, %wa1, %wa2, %wa3] B[%wb0, %wb1] C[%c_0, %c_1, %c_2, %c_3] "
           f"{{{layouts}, {types}, shape = #nvvm.shape<m = 16, n = 8, k = 16>}} : (i32, i32, f32) -> {SUMS}")
    for i in range(4):
        yield f"%d{i} = llvm.extractvalue %d[{i}] : {SUMS}"


def multiply_vectors():
    """nvgpu.mma.sync takes f16 as vectors."""
    for name, count, element, prefix in [("a", 4, "f16", "%a"), ("b", 2, "f16", "%b")]:
        yield f"%zero{name} = arith.constant dense<0.0> : vector<{count}x2x{element}>"
        before = f"%zero{name}"
        for i in range(count):
            yield (f"%m{name}{i} = vector.insert {prefix}{i}, {before}[{i}] : vector<2x{element}> into "
                   f"vector<{count}x2x{element}>")
            before = f"%m{name}{i}"
    yield "%zeroc = arith.constant dense<0.0> : vector<2x2xf32>"
    before = "%zeroc"
    for i in range(4):
        yield f"%mc{i} = vector.insert %c_{i}, {before}[{i // 2}, {i % 2}] : f32 into vector<2x2xf32>"
        before = f"%mc{i}"
    yield ("%d = nvgpu.mma.sync (%ma3, %mb1, %mc3) {mmaShape = [16, 8, 16]} : "
           "(vector<4x2xf16>, vector<2x2xf16>, vector<2x2xf32>) -> vector<2x2xf32>")
    for i in range(4):
        yield f"%d{i} = vector.extract %d[{i // 2}, {i % 2}] : f32 from vector<2x2xf32>"


@pytest.mark.parametrize("element", ["f16", "bf16"])
def test_multiply_matrices(element, tmp_path):
    dtype = {"f16": np.float16, "bf16": ml_dtypes.bfloat16}[element]
    inputs = [("a", (16, 16), element), ("b", (8, 16), element), ("c", (16, 8), "f32")]
    kernel = HandWritten(tmp_path, inputs, (16, 8), product_body(element))
    random = np.random.default_rng(3)
    # Small integers are exact in any order.
    a, b = (random.integers(-8, 9, shape).astype(dtype) for shape in [(16, 16), (8, 16)])
    c = random.integers(-100, 101, (16, 8)).astype(np.float32)
    y, counts = kernel.run(a, b, c)
    np.testing.assert_array_equal(y, a.astype(np.float32) @ b.astype(np.float32).T + c)
    assert counts["operations"]["matrix_product"] == 32
    # Others to the bound of 16 sums; with subnormals and an infinity.
    a, b = (random.standard_normal(shape).astype(dtype) for shape in [(16, 16), (8, 16)])
    a[3, 3], a[4, :] = np.inf, np.float32(2.0**-24)
    b[:, 3] = np.abs(b[:, 3])
    y, _ = kernel.run(a, b, c)
    with np.errstate(invalid="ignore"):
        products = a.astype(np.float64)[:, None, :] * b.astype(np.float64)[None, :, :]
    exact, condition = products.sum(2) + c, np.abs(products).sum(2) + np.abs(c)
    finite = np.arange(16) != 3
    assert np.all(np.abs(y[finite] - exact[finite]) <= 16 * 2.0**-24 * condition[finite])
    np.testing.assert_array_equal(y[3], exact[3].astype(np.float32))


def wide_body():
    """y = a b + c of tf32, whose words have an element each."""
    lines = ["%group = arith.divui %lane, %c4 : index", "%t = arith.remui %lane, %c4 : index",
             "%t4 = arith.addi %t, %c4 : index", "%group8 = arith.addi %group, %c8 : index",
             "%t0 = arith.muli %t, %c2 : index", "%t1 = arith.addi %t0, %c1 : index"]
    words = {"a": [("%group", "%t"), ("%group8", "%t"), ("%group", "%t4"), ("%group8", "%t4")],
             "b": [("%group", "%t"), ("%group", "%t4")]}
    sums = [("%group", "%t0"), ("%group", "%t1"), ("%group8", "%t0"), ("%group8", "%t1")]
    for name, places in words.items():
        for i, (row, column) in enumerate(places):
            lines += [f"%{name}{i} = memref.load %{name}[{row}, {column}] : memref<{16 if name == 'a' else 8}x8xf32>",
                      f"%w{name}{i} = arith.bitcast %{name}{i} : f32 to i32"]
    lines += [f"%c_{i} = memref.load %c[{row}, {column}] : memref<16x8xf32>" for i, (row, column) in enumerate(sums)]
    types = "multiplicandAPtxType = #nvvm.mma_type<tf32>, multiplicandBPtxType = #nvvm.mma_type<tf32>"
    layouts = "layoutA = #nvvm.mma_layout<row>, layoutB = #nvvm.mma_layout<col>"
    lines.append("%d = nvvm.mma.sync A[%wa0, %wa1, %wa2, %wa3] B[%wb0, %wb1] C[%c_0, %c_1, %c_2, %c_3] "
                 f"{{{layouts}, {types}, shape = #nvvm.shape<m = 16, n = 8, k = 8>}} : (i32, i32, f32) -> {SUMS}")
    lines += [f"%d{i} = llvm.extractvalue %d[{i}] : {SUMS}" for i in range(4)]
    lines += [f"memref.store %d{i}, %y[{row}, {column}] : memref<16x8xf32>" for i, (row, column) in enumerate(sums)]
    return "\n      ".join(lines)


def test_multiply_wide(tmp_path):
    """Products of tf32 do not see the last 13 bits of a word."""
    kernel = HandWritten(tmp_path, [("a", (16, 8), "f32"), ("b", (8, 8), "f32"), ("c", (16, 8), "f32")], (16, 8), wide_body())
    random = np.random.default_rng(4)
    a, b, c = (random.integers(-900, 901, shape).astype(np.float32) for shape in [(16, 8), (8, 8), (16, 8)])
    y, counts = kernel.run(a * np.float32(1 + 2.0**-11), b, c)
    np.testing.assert_array_equal(y, a @ b.T + c)
    assert counts["operations"]["matrix_product"] == 32
