"""The kernels of GPUs, run on host threads with all checks: golden memory layers, slices of tables, row ops."""

from __future__ import annotations

import memoryformer
import numpy as np
import pytest

import gpu_host
import modules
import reference
from harness import every_variant
from test_memory_layer import Case, FILES, unsigned

TOKENS = [1, 2, 7, 64, 65, 200]
DTYPES = {"f32": np.float32, "f16": np.float16}


@pytest.fixture(scope="module")
def golden_cases():
    return {stem: Case(stem) for stem in FILES}


@pytest.fixture(scope="module")
def golden_library(compiler, golden_cases):
    text = modules.module(*(case.text() for case in golden_cases.values()))
    return compiler.module("memory_layers_gpu", text, "--gpu-host")


@pytest.mark.parametrize("stem", FILES)
def test_golden_layer(stem, golden_cases, golden_library, margin):
    case = golden_cases[stem]
    with gpu_host.open_checked(golden_library) as model:
        for kind in case.kinds:
            case.check(model, kind, margin, "GPU on host")


@pytest.mark.parametrize("stem", ["k2_t10_n20_m65", "k5_t3_n7_m5", "edge_signs"])
def test_hash_has_the_bits_of_the_cpu(stem, golden_cases, golden_library):
    case = golden_cases[stem]
    for kind in case.kinds:
        results = {variant: model.call(case.function(kind), *case.inputs()) for variant, model in every_variant(golden_library)}
        for codes, scores, _ in results.values():
            np.testing.assert_array_equal(codes, results[gpu_host.CHECKED][0])
            np.testing.assert_array_equal(scores.view(np.uint32), results[gpu_host.CHECKED][1].view(np.uint32))


class Layer:
    """Two lookups over one read of the codes, of tables that lie in strips."""

    def __init__(self, tables, bits, columns, element):
        self.tables, self.bits, self.columns, self.element = tables, bits, columns, element
        random = np.random.default_rng(7)
        shape = (tables, 2**bits, columns)
        self.sets = [random.standard_normal(shape).astype(DTYPES[element]) for _ in range(2)]

    def text(self, folder):
        function = modules.Function("lookup")
        codes = function.argument("codes", ("tokens", self.tables), "i8" if self.bits <= 8 else "i16")
        scores = function.argument("scores", ("tokens", self.tables))
        shape = (self.tables, 2**self.bits, self.columns)
        sets = [function.parameter(f"tables{i}", shape, self.element) for i in range(2)]
        y0, y1 = function.lookup(codes, scores, sets, [])
        parameters = [modules.parameter(f"tables{i}", shape, source, self.element) for i, source in enumerate(self.sources(folder))]
        return modules.module(function.text(y0=y0, y1=y1), *parameters)

    def sources(self, folder):
        """The tables as a file."""
        for i, tables in enumerate(self.sets):
            path = folder / f"tables{i}-{self.bits}-{self.columns}-{self.element}.bin"
            path.write_bytes(tables.tobytes())
            yield f'#mf.tensor_file<path = "{path}", offset = 0, element_type = {self.element}>'

    def inputs(self, tokens):
        random = np.random.default_rng(tokens)
        codes = random.integers(0, 2**self.bits, (tokens, self.tables)).astype(np.uint8 if self.bits <= 8 else np.uint16)
        return codes.view(np.int8 if self.bits <= 8 else np.int16), random.uniform(0, 2, (tokens, self.tables)).astype(np.float32)

    def check(self, results, codes, scores):
        for y, tables in zip(results, self.sets):
            expected, condition = reference.lookup(unsigned(codes), scores.astype(np.float64), tables, None)
            assert np.all(np.abs(y - expected) <= reference.lookup_tolerance(self.bits, self.tables, condition))

    @property
    def bytes(self):
        return sum(tables.nbytes for tables in self.sets)


@pytest.fixture(scope="module")
def layer_library(compiler, tmp_path_factory):
    """Compiles a layer of `Layer`."""
    folder = tmp_path_factory.mktemp("tables")

    def compile_layer(*sizes):
        layer = Layer(*sizes)
        return layer, compiler.module("lookup_gpu", layer.text(folder), "--gpu-host")

    return compile_layer


@pytest.mark.parametrize("element", ["f32", "f16"])
def test_slices_and_gather_have_the_same_bits(element, layer_library):
    layer, library = layer_library(3, 8, 128, element)
    codes, scores = layer.inputs(max(TOKENS))
    with gpu_host.open_checked(library, threads=3) as model:
        whole = model.call("lookup", codes, scores)
    for tokens in TOKENS:
        with gpu_host.open_checked(library) as model:
            results = model.call("lookup", codes[:tokens], scores[:tokens])
            ((name, counts),) = gpu_host.counts(model).items()
        assert name.startswith("lookup_gather" if tokens < 64 else "lookup_tile")
        layer.check(results, codes[:tokens], scores[:tokens])
        for part, full in zip(results, whole):
            np.testing.assert_array_equal(part, full[:tokens])
        if tokens >= 64:
            assert counts["copied_bytes"] == layer.bytes
            assert counts["workgroup_wavefronts"] == counts["workgroup_ideal_wavefronts"] > 0


def test_neither_threads_nor_checks_change_anything(layer_library):
    layer, library = layer_library(3, 8, 128, "f16")
    codes, scores = layer.inputs(600)
    outcomes = []
    for threads in (1, 2, 3):
        with gpu_host.open_checked(library, threads=threads) as model:
            outcomes.append((*model.call("lookup", codes, scores), gpu_host.counts(model)))
        with memoryformer.load(library, variant="gpu-host", threads=threads) as model:
            outcomes.append((*model.call("lookup", codes, scores), outcomes[0][2]))
            assert gpu_host.counts(model) == {}
    for outcome in outcomes[1:]:
        np.testing.assert_array_equal(outcome[0], outcomes[0][0])
        np.testing.assert_array_equal(outcome[1], outcomes[0][1])
        assert outcome[2] == outcomes[0][2]


def test_no_tokens_launch_nothing(layer_library):
    layer, library = layer_library(3, 8, 64, "f16")
    with gpu_host.open_checked(library) as model:
        results = model.call("lookup", *layer.inputs(0))
        assert all(y.shape == (0, 64) for y in results)
        assert all(kernel["blocks"] == 0 for kernel in gpu_host.counts(model).values())


def test_tables_of_several_slices(layer_library):
    """Tables of 10 bits pass in four slices."""
    layer, library = layer_library(2, 10, 64, "f16")
    codes, scores = layer.inputs(600)
    with gpu_host.open_checked(library) as model:
        results = model.call("lookup", codes, scores)
        ((name, counts),) = gpu_host.counts(model).items()
    assert name.startswith("lookup_tile")
    layer.check(results, codes, scores)
    # 512 tokens of a block read the tables once.
    assert counts["copied_bytes"] == 2 * layer.bytes
    assert counts["workgroup_wavefronts"] == counts["workgroup_ideal_wavefronts"]


@pytest.mark.parametrize("size", [1, 33, 128, 516])
def test_rows(size, compiler):
    function = modules.Function("rows")
    x, weight, bias = (function.argument(n, s) for n, s in [("x", ("t", size)), ("w", (size,)), ("b", (size,))])
    ids = function.argument("ids", ("t",), "i32")
    rms, layer = function.row_op("mf.rms_norm", x, weight), function.row_op("mf.layer_norm", x, weight, bias)
    total, rows = function.row_op("mf.add", x, rms), function.row_op("mf.embedding", ids, x, shape=("t", size))
    inside = function.row_op("mf.rms_norm", x, weight, attributes="{eps = 1.0e-3 : f64, eps_inside_root}")
    shifted = function.row_op("mf.add", x, bias)
    text = function.text(rms=rms, layer=layer, total=total, rows=rows, inside=inside, shifted=shifted)
    library = compiler.module(f"rows_{size}", modules.module(text), "--gpu-host")
    random = np.random.default_rng(size)
    with gpu_host.open_checked(library) as model:
        for tokens in TOKENS:
            x, w, b = (random.standard_normal(s).astype(np.float32) for s in [(tokens, size), size, size])
            x[0] = 0
            ids = random.integers(-3, tokens + 3, tokens).astype(np.int32)
            check_rows(model.call("rows", x, w, b, ids), x, w, b, ids)


def check_rows(results, x, w, b, ids):
    tokens, size = x.shape
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
def test_rope(half, compiler):
    """Four heads of 16: some features pass, or none."""
    function = modules.Function("rope")
    x, positions = function.argument("x", ("t", 4, 16)), function.argument("positions", ("t",), "i32")
    angles = function.argument("angles", (40, half, 2))
    y = function.row_op("mf.rope", x, positions, angles)
    library = compiler.module(f"rope_{half}", modules.module(function.text(y=y)), "--gpu-host")
    random = np.random.default_rng(half)
    turn = random.uniform(0, 6, (40, half))
    angles = np.stack([np.cos(turn), np.sin(turn)], axis=2).astype(np.float32)
    with gpu_host.open_checked(library) as model:
        for tokens in TOKENS:
            x = random.standard_normal((tokens, 4, 16)).astype(np.float32)
            positions = random.integers(-2, 43, tokens).astype(np.int32)
            (y,) = model.call("rope", x, positions, angles)
            cosine, sine = angles[np.clip(positions, 0, 39), None].astype(np.float64).transpose(3, 0, 1, 2)
            low, high = x[..., :half].astype(np.float64), x[..., half : 2 * half].astype(np.float64)
            parts = {(0, half): (low * cosine, -high * sine), (half, 2 * half): (high * cosine, low * sine)}
            for part, (a, b) in parts.items():
                bound = 2 * reference.UNIT_ROUNDOFF * (np.abs(a) + np.abs(b))
                assert np.all(np.abs(y[..., slice(*part)] - (a + b)) <= bound)
            np.testing.assert_array_equal(y[..., 2 * half :], x[..., 2 * half :])
