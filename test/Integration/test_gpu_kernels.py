"""The kernels of GPUs, run by the interpreter of gpu_kernels.py: golden memory layers, row ops, broken kernels."""

from __future__ import annotations

import re

import numpy as np
import pytest

import gpu_entries
import gpu_kernels
import gpu_text
import modules
import reference
from harness import every_variant, run
from test_memory_layer import Case, FILES, random_source, unsigned

TOKENS = [1, 2, 7, 64, 65, 200]
DTYPES = {"f32": np.float32, "f16": np.float16}


def outputs(bits, tokens, tables, columns):
    return [np.zeros((tokens, tables), np.uint8 if bits <= 8 else np.uint16),
            np.zeros((tokens, tables), np.float32), np.zeros((tokens, columns), np.float32)]


@pytest.mark.parametrize("stem", [stem for stem in FILES if not stem.startswith("gen_")])
def test_golden_layer(stem, tmp_path):
    case = Case(stem)
    module = gpu_entries.Module(tmp_path, modules.module(case.text()))
    inputs = case.inputs()
    for kind in case.kinds:
        results = outputs(case.bits, inputs[0].shape[0], case.tables, case.columns)
        module.run(case.function(kind), [inputs[0].shape[0]], [*inputs, *results])
        codes, scores, y = results
        np.testing.assert_array_equal(codes, case.tensors["codes"])
        expected = case.tensors[f"scores.{kind}"]
        assert np.all(np.abs(scores - expected) <= reference.score_tolerance(case.bits, expected))
        condition = case.tensors[f"y_abs.{kind}"].astype(np.float64)
        tolerance = reference.lookup_tolerance(case.bits, case.tables, condition)
        assert np.all(np.abs(y - case.tensors[f"y.{kind}"]) <= tolerance)
        if stem == "exact_integers":
            np.testing.assert_array_equal(y, case.tensors[f"y_f32.{kind}"])


@pytest.mark.parametrize("stem", ["k2_t10_n20_m65", "k5_t3_n7_m5", "edge_signs"])
def test_hash_has_the_bits_of_the_cpu(stem, compiler, tmp_path):
    case = Case(stem)
    text = modules.module(case.text())
    module, library = gpu_entries.Module(tmp_path, text), compiler.module(f"gpu_{stem}", text)
    inputs = case.inputs()
    for _, model in every_variant(library):
        for kind in case.kinds:
            results = outputs(case.bits, inputs[0].shape[0], case.tables, case.columns)
            module.run(case.function(kind), [inputs[0].shape[0]], [*inputs, *results])
            codes, scores, _ = model.call(case.function(kind), *inputs)
            np.testing.assert_array_equal(results[0], unsigned(codes))
            np.testing.assert_array_equal(results[1].view(np.uint32), scores.view(np.uint32))


class Layer:
    """Two lookups over one read of the codes, of tables that lie in strips."""

    def __init__(self, tables, bits, columns, element):
        self.tables, self.bits, self.columns, self.element = tables, bits, columns, element
        random = np.random.default_rng(7)
        shape = (tables, 2**bits, columns)
        self.sets = [random.standard_normal(shape).astype(DTYPES[element]) for _ in range(2)]

    def text(self):
        function = modules.Function("lookup")
        codes = function.argument("codes", ("tokens", self.tables), "i8" if self.bits <= 8 else "i16")
        scores = function.argument("scores", ("tokens", self.tables))
        shape = (self.tables, 2**self.bits, self.columns)
        sets = [function.parameter(f"tables{i}", shape, self.element) for i in range(2)]
        y0, y1 = function.lookup(codes, scores, sets, [])
        parameters = [modules.parameter(f"tables{i}", shape, random_source(i, 0), self.element) for i in range(2)]
        # The layout changes types: functions read the parameter as it is declared until mf-select-layouts.
        return modules.module(function.text(y0=y0, y1=y1), *parameters)

    def inputs(self, tokens):
        random = np.random.default_rng(tokens)
        codes = random.integers(0, 2**self.bits, (tokens, self.tables)).astype(np.uint8 if self.bits <= 8 else np.uint16)
        return codes, random.uniform(0, 2, (tokens, self.tables)).astype(np.float32)

    def run(self, module, codes, scores):
        """Both results, and the launches."""
        strip = 128 // np.dtype(DTYPES[self.element]).itemsize
        packed = [tables.reshape(self.tables, -1, self.columns // strip, strip).transpose(2, 0, 1, 3).copy()
                  for tables in self.sets]
        results = [np.zeros((codes.shape[0], self.columns), np.float32) for _ in range(2)]
        launches = module.run("lookup", [codes.shape[0]], [codes, scores, *results], packed)
        return results, launches

    def check(self, results, codes, scores):
        for y, tables in zip(results, self.sets):
            expected, condition = reference.lookup(codes, scores.astype(np.float64), tables, None)
            assert np.all(np.abs(y - expected) <= reference.lookup_tolerance(self.bits, self.tables, condition))

    @property
    def bytes(self):
        return sum(tables.nbytes for tables in self.sets)


@pytest.mark.parametrize("element", ["f32", "f16"])
def test_slices_and_gather_have_the_same_bits(element, tmp_path):
    layer = Layer(3, 8, 128, element)
    module = gpu_entries.Module(tmp_path, layer.text())
    codes, scores = layer.inputs(max(TOKENS))
    whole, _ = layer.run(module, codes, scores)
    for tokens in TOKENS:
        results, launches = layer.run(module, codes[:tokens], scores[:tokens])
        ((name, counts),) = launches
        assert name.startswith("lookup_gather" if tokens < 64 else "lookup_tile")
        layer.check(results, codes[:tokens], scores[:tokens])
        for part, full in zip(results, whole):
            np.testing.assert_array_equal(part, full[:tokens])
        if tokens >= 64:
            assert counts["copied_bytes"] == layer.bytes
            assert counts["wavefronts"] == counts["ideal_wavefronts"] > 0


def test_no_tokens_launch_nothing(tmp_path):
    layer = Layer(3, 8, 64, "f16")
    results, ((_, counts),) = layer.run(gpu_entries.Module(tmp_path, layer.text()), *layer.inputs(0))
    assert counts == {} and all(y.shape == (0, 64) for y in results)


def test_tables_of_several_slices(tmp_path):
    """Tables of 10 bits pass in four slices."""
    layer = Layer(2, 10, 64, "f16")
    module = gpu_entries.Module(tmp_path, layer.text())
    codes, scores = layer.inputs(600)
    results, ((name, counts),) = layer.run(module, codes, scores)
    assert name.startswith("lookup_tile")
    layer.check(results, codes, scores)
    # 512 tokens of a block read the tables once.
    assert counts["copied_bytes"] == 2 * layer.bytes
    assert counts["wavefronts"] == counts["ideal_wavefronts"]


@pytest.mark.parametrize("size", [1, 33, 128, 516])
def test_rows(size, tmp_path):
    function = modules.Function("rows")
    x, weight, bias = (function.argument(n, s) for n, s in [("x", ("t", size)), ("w", (size,)), ("b", (size,))])
    ids = function.argument("ids", ("t",), "i32")
    rms, layer = function.row_op("mf.rms_norm", x, weight), function.row_op("mf.layer_norm", x, weight, bias)
    total, rows = function.row_op("mf.add", x, rms), function.row_op("mf.embedding", ids, x, shape=("t", size))
    inside = function.row_op("mf.rms_norm", x, weight, attributes="{eps = 1.0e-3 : f64, eps_inside_root}")
    shifted = function.row_op("mf.add", x, bias)
    text = function.text(rms=rms, layer=layer, total=total, rows=rows, inside=inside, shifted=shifted)
    module = gpu_entries.Module(tmp_path, modules.module(text))
    random = np.random.default_rng(size)
    for tokens in TOKENS:
        x, w, b = (random.standard_normal(s).astype(np.float32) for s in [(tokens, size), size, size])
        x[0] = 0
        ids = random.integers(-3, tokens + 3, tokens).astype(np.int32)
        results = [np.full((tokens, size), np.nan, np.float32) for _ in range(6)]
        module.run("rows", [tokens], [x, w, b, ids.view(np.uint32), *results])
        z, u = x.astype(np.float64), reference.UNIT_ROUNDOFF
        norm = w * z / (np.sqrt((z**2).mean(1, keepdims=True)) + 1e-8)
        # Each lane adds a 32nd, then five levels; quotient, root and three products follow.
        rounding = (size / 32 + 16) * u
        assert np.all(np.abs(results[0] - norm) <= rounding * np.abs(norm))
        inside = w * z / np.sqrt((z**2).mean(1, keepdims=True) + 1e-3)
        assert np.all(np.abs(results[4] - inside) <= rounding * np.abs(inside))
        centred = z - z.mean(1, keepdims=True)
        factor = 1 / np.sqrt((centred**2).mean(1, keepdims=True) + 1e-5)
        spread = factor * (np.abs(z) + np.abs(z).mean(1, keepdims=True))
        slack = 3 * rounding * (np.abs(w) * spread * np.maximum(1, spread.max(1, keepdims=True)) + np.abs(b))
        assert np.all(np.abs(results[1] - (w * centred * factor + b)) <= slack)
        np.testing.assert_array_equal(results[2], x + results[0])
        np.testing.assert_array_equal(results[5], x + b)
        np.testing.assert_array_equal(results[3], x[np.clip(ids, 0, tokens - 1)])


@pytest.mark.parametrize("half", [4, 8])
def test_rope(half, tmp_path):
    """Four heads of 16: some features pass, or none."""
    function = modules.Function("rope")
    x, positions = function.argument("x", ("t", 4, 16)), function.argument("positions", ("t",), "i32")
    angles = function.argument("angles", (40, half, 2))
    y = function.row_op("mf.rope", x, positions, angles)
    module = gpu_entries.Module(tmp_path, modules.module(function.text(y=y)))
    random = np.random.default_rng(half)
    turn = random.uniform(0, 6, (40, half))
    angles = np.stack([np.cos(turn), np.sin(turn)], axis=2).astype(np.float32)
    for tokens in TOKENS:
        x = random.standard_normal((tokens, 4, 16)).astype(np.float32)
        positions = random.integers(-2, 43, tokens).astype(np.int32)
        y = np.full_like(x, np.nan)
        module.run("rope", [tokens], [x, positions.view(np.uint32), angles, y])
        cosine, sine = angles[np.clip(positions, 0, 39), None].astype(np.float64).transpose(3, 0, 1, 2)
        low, high = x[..., :half].astype(np.float64), x[..., half : 2 * half].astype(np.float64)
        for part, (a, b) in {(0, half): (low * cosine, -high * sine), (half, 2 * half): (high * cosine, low * sine)}.items():
            bound = 2 * reference.UNIT_ROUNDOFF * (np.abs(a) + np.abs(b))
            assert np.all(np.abs(y[..., slice(*part)] - (a + b)) <= bound)
        np.testing.assert_array_equal(y[..., 2 * half :], x[..., 2 * half :])


# Kernels that are broken on purpose.


def edit_tile(change):
    """Changes the kernel with slices only."""

    def edit(text):
        begin = text.index('"gpu.func"', text.index('sym_name = "lookup_gather'))
        end = text.index('sym_name = "lookup_tile')
        changed = change(text[begin:end])
        assert changed != text[begin:end]
        return text[:begin] + changed + text[end:]

    return edit


def drop(op, number):
    def change(text):
        seen = -1
        kept = []
        for line in text.split("\n"):
            seen += f'"{op}"' in line
            if not (f'"{op}"' in line and seen == number):
                kept.append(line)
        return "\n".join(kept)

    return change


def run_broken(folder, change, tokens=64):
    layer = Layer(3, 8, 64, "f16")
    module = gpu_entries.Module(folder, layer.text(), edit=edit_tile(change))
    codes, scores = layer.inputs(tokens)
    results, launches = layer.run(module, codes, scores)
    layer.check(results, codes, scores)
    return launches[0][1]


@pytest.mark.parametrize("number", [0, 1])
def test_a_removed_barrier_is_a_race(number, tmp_path):
    with pytest.raises(gpu_text.KernelError, match="race in workgroup memory"):
        run_broken(tmp_path, drop("gpu.barrier", number))


def test_a_removed_wait_is_seen(tmp_path):
    with pytest.raises(gpu_text.KernelError, match="copy to it is on its way"):
        run_broken(tmp_path, drop("nvvm.cp.async.wait.group", 0))


def test_an_index_off_by_one_is_out_of_bounds(tmp_path):
    """The bound of the tokens that are stored is one too high."""

    def change(text):
        (dim,) = set(re.findall(r'(%\d+) = "memref.dim"\(%arg\d+, %\d+\) : \(memref<\?x64xf32>', text)[:1])
        one = '%one = "arith.constant"() <{value = 1 : index}> : () -> index'
        line = next(line for line in text.split("\n") if f"{dim} = " in line)
        shifted = f'%more = "arith.addi"({dim}, %one) <{{}}> : (index, index) -> index'
        text = text.replace(line, f"{line}\n{one}\n{shifted}")
        return re.sub(rf'(= "arith.cmpi"\(%\d+, ){dim}\)', r"\1%more)", text)

    with pytest.raises(gpu_text.KernelError, match="out of bounds: index 64 of dimension 0 of 64"):
        run_broken(tmp_path, change)


def test_a_wrong_order_of_lanes_has_bank_conflicts(tmp_path):
    """The lanes of a phase read one column of many rows instead of one row: right, but in turn."""

    def change(text):
        thread = re.search(r'(%\d+) = "gpu.thread_id"', text).group(1)
        text = re.sub(rf'"arith.divui"\({thread}, %\d+\)', f'"arith.REM"({thread}, %c64)', text)
        text = re.sub(rf'"arith.remui"\({thread}, %\d+\)', f'"arith.divui"({thread}, %c64)', text)
        constant = '%c64 = "arith.constant"() <{value = 64 : index}> : () -> index'
        head, _, rest = text.replace("arith.REM", "arith.remui").partition("):\n")
        return f"{head}):\n{constant}\n{rest}"

    counts = run_broken(tmp_path, change, tokens=512)
    assert counts["wavefronts"] > 6 * counts["ideal_wavefronts"]


# What runs kernels knows what the contract permits.


def test_the_contract_permits_what_the_interpreter_knows():
    done = run("mf-opt", "-", "--mf-verify-gpu-kernel-contract", input="module attributes {mf.gpu_target = #mf.gpu_target<"
               'arch = "sm_80", workgroup_bytes = 0>} { gpu.module @k { gpu.func @f() kernel attributes {known_block_size = '
               'array<i32: 32, 1, 1>} { %c = arith.constant 1.0 : f32 %x = math.exp %c : f32 gpu.return } } }')
    assert done.returncode != 0
    permitted = re.search(r"a kernel may hold (.*)", done.stderr).group(1)
    assert gpu_kernels.known_ops() <= {name.replace(".", "_") for name in permitted.split(", ")}
