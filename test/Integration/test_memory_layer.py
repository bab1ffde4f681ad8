"""Memory layers, hash then lookup, against golden data and a float64 reference, in every variant this CPU runs."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

import golden
import modules
import reference
from harness import GOLDEN, every_variant, run

FILES = sorted(path.stem for path in (GOLDEN / "memory_layer").glob("*.safetensors"))
SCORES = {"mag": "magnitude", "prob_t1": "probability", "prob_t2": "probability"}
ELEMENTS = {"float32": "f32", "float16": "f16", "bfloat16": "bf16"}


def unsigned(codes):
    """Codes as the ABI has them: i8 or i16 bits, to be read as unsigned."""
    return codes.view(f"u{codes.itemsize}").astype(np.int64)


def layer(name, bits, tables, columns, score, temperature, element="f32", sources=None):
    """A function x, tables, bias -> codes, scores, y; with `sources`, tables and bias are parameters of these."""
    function = modules.Function(name)
    x = function.argument("x", ("tokens", tables * bits))
    shape = (tables, 2**bits, columns)
    if sources:
        table, bias = function.parameter(f"{name}.tables", shape), function.parameter(f"{name}.bias", (columns,))
    else:
        table, bias = function.argument("tables", shape, element), function.argument("bias", (columns,))
    codes, scores = function.hash(x, bits, score, temperature)
    (y,) = function.lookup(codes, scores, [table], [bias])
    text = function.text(codes=codes, scores=scores, y=y)
    if sources:
        text += modules.parameter(f"{name}.tables", shape, sources[0])
        text += modules.parameter(f"{name}.bias", (columns,), sources[1])
    return text


def random_source(seed, log2_scale):
    return f"#mf.random<seed = {seed}, scale = {2.0**log2_scale:e} : f64>"


class Case:
    """A golden file: its sizes, and a function for each kind of score in it."""

    def __init__(self, stem):
        self.stem = stem
        self.tensors, self.metadata = golden.memory_layer(GOLDEN / "memory_layer" / f"{stem}.safetensors")
        self.bits, self.tables = int(self.metadata["code_bits"]), int(self.metadata["num_tables"])
        self.columns = int(self.metadata["output_size"])
        self.kinds = [kind for kind in SCORES if f"y.{kind}" in self.tensors]
        self.generated = stem.startswith("gen_")

    def function(self, kind):
        return f"{self.stem}_{kind}"

    def text(self):
        element, sources = ELEMENTS[self.tensors["tables"].dtype.name], None
        if self.generated:
            scale = int(self.metadata["table_log2_scale"])
            seeds = self.metadata["table_seed"], self.metadata["bias_seed"]
            sources = [random_source(seed, scale) for seed in seeds]
        parts = []
        for kind in self.kinds:
            temperature = float(self.metadata.get(f"temperature_{kind[5:]}", 1))
            sizes = self.bits, self.tables, self.columns
            parts.append(layer(self.function(kind), *sizes, SCORES[kind], temperature, element, sources))
        return "".join(parts)

    def inputs(self):
        """x, and what is no parameter of the library."""
        x = self.tensors["x"]
        if self.generated:
            return [x]
        return [x, self.tensors["tables"].reshape(self.tables, 2**self.bits, self.columns), self.tensors["bias"]]

    def check(self, model, kind, margin, what):
        """Runs the function on the inputs, and compares with the file."""
        codes, scores, y = model.call(self.function(kind), *self.inputs())
        np.testing.assert_array_equal(unsigned(codes), self.tensors["codes"], err_msg=what)
        expected = self.tensors[f"scores.{kind}"]
        tolerance = reference.score_tolerance(self.bits, expected)
        margin(f"{what}, scores", np.max(np.abs(scores - expected) / tolerance))
        condition = self.tensors[f"y_abs.{kind}"].astype(np.float64)
        tolerance = reference.lookup_tolerance(self.bits, self.tables, condition)
        margin(f"{what}, y", np.max(np.abs(y - self.tensors[f"y.{kind}"]) / tolerance))
        if self.stem == "exact_integers":
            np.testing.assert_array_equal(y, self.tensors[f"y_f32.{kind}"], err_msg=what)


@pytest.fixture(scope="session")
def cases():
    return {stem: Case(stem) for stem in FILES}


@pytest.fixture(scope="session")
def golden_library(compiler, cases):
    return compiler.module("memory_layers", modules.module(*(case.text() for case in cases.values())))


@pytest.mark.parametrize("stem", FILES)
def test_golden(stem, cases, golden_library, margin):
    for variant, model in every_variant(golden_library):
        for kind in cases[stem].kinds:
            cases[stem].check(model, kind, margin, f"memory layer, {variant}")


@pytest.mark.parametrize("stem", ["exact_integers", "k16_t4_n33_m66"])
def test_threads_and_tokens_leave_the_bits(stem, cases, golden_library):
    """Row i is the same whatever stands beside it and however many threads run."""
    case = cases[stem]
    x, *rest = case.inputs()
    for threads in (1, 2, 3, 7):
        for _, model in every_variant(golden_library, threads=threads):
            whole = model.call(case.function("mag"), x, *rest)
            for tokens in (1, 2, 7, 64, 65):
                for part, full in zip(model.call(case.function("mag"), x[:tokens], *rest), whole):
                    np.testing.assert_array_equal(part, full[:tokens])
            for part, full in zip(model.call(case.function("mag"), x[3:5], *rest), whole):
                np.testing.assert_array_equal(part, full[3:5])


def test_variants_agree_on_hashes(cases, golden_library):
    """Codes and scores have the same bits in every variant."""
    for case in cases.values():
        inputs = case.inputs()
        results = [model.call(case.function("mag"), *inputs)[:2] for _, model in every_variant(golden_library)]
        for codes, scores in results[1:]:
            np.testing.assert_array_equal(codes, results[0][0], err_msg=case.stem)
            np.testing.assert_array_equal(scores, results[0][1], err_msg=case.stem)


def test_mf_run(cases, golden_library, tmp_path):
    case = cases["k5_t3_n7_m5"]
    x, tables, bias = case.inputs()
    expected = case.tensors["y.mag"]
    for name, array in {"x": x, "tables": tables, "bias": bias, "y": expected}.items():
        np.save(tmp_path / f"{name}.npy", array)
    inputs = [f"--input={name}=@{tmp_path}/{name}.npy" for name in ("x", "tables", "bias")]
    call = ["mf-run", golden_library, f"--entry={case.function('mag')}", *inputs]
    compared = [*call, f"--expected=y=@{tmp_path}/y.npy", f"--output=codes=@{tmp_path}/codes.npy"]
    result = run(*compared, "--atol=1e-5")
    assert result.returncode == 0, result.stderr
    assert "y f32[5, 7]: max abs error" in result.stdout and "scores f32[5, 5]:" in result.stdout
    np.testing.assert_array_equal(unsigned(np.load(tmp_path / "codes.npy")), case.tensors["codes"])
    expected[2, 3] += 1
    np.save(tmp_path / "y.npy", expected)
    result = run(*compared, "--atol=1e-5")
    assert result.returncode == 1 and "1 of 35 elements differ, the first at 17" in result.stdout


# --- Shapes that golden does not have --------------------------------------------------------------------------------

SHAPES = {
    bits: (bits, (1, 3, 5, 16, 33)[bits % 5], (1, 7, 33)[bits % 3], ("f32", "f16", "bf16")[bits // 2 % 3])
    for bits in range(1, 13)
}
KINDS = {"magnitude": 1.0, "probability": 0.75}


@pytest.fixture(scope="session")
def shape_library(compiler):
    parts = [
        layer(f"t{bits}_{score}", bits, tables, columns, score, temperature, element)
        for bits, tables, columns, element in SHAPES.values()
        for score, temperature in KINDS.items()
    ]
    return compiler.module("shapes", modules.module(*parts))


def make_inputs(bits, tables, columns, element, tokens):
    random = np.random.default_rng(bits)
    x = random.normal(0, 2, (tokens, tables * bits)).astype(np.float32)
    x.flat[:: 7 + bits] = np.resize(np.float32([0.0, -0.0, 1e-40, -1e-40, 50.0, -80.0]), x.flat[:: 7 + bits].shape)
    table = random.normal(0, 1, (tables, 2**bits, columns)).astype(np.float32)
    types = {"f32": np.float32, "f16": np.float16, "bf16": ml_dtypes.bfloat16}
    return x, table.astype(types[element]), random.normal(0, 1, columns).astype(np.float32)


@pytest.mark.parametrize("tokens", [0, 1, 2, 7, 64, 65])
@pytest.mark.parametrize("bits", SHAPES)
def test_shapes(bits, tokens, shape_library, margin):
    _, tables, columns, element = SHAPES[bits]
    x, table, bias = make_inputs(*SHAPES[bits], tokens)
    for variant, model in every_variant(shape_library):
        for score, temperature in KINDS.items():
            codes, scores, y = model.call(f"t{bits}_{score}", x, table, bias)
            expected_codes, expected_scores = reference.hash_layer(x, bits, score, temperature)
            np.testing.assert_array_equal(unsigned(codes), expected_codes, err_msg=variant)
            expected, condition = reference.lookup(expected_codes, expected_scores, table.astype(np.float32), bias)
            score_ratio = np.abs(scores - expected_scores) / reference.score_tolerance(bits, expected_scores)
            ratio = np.abs(y - expected) / reference.lookup_tolerance(bits, tables, condition)
            margin("memory layer shapes, scores", np.max(score_ratio, initial=0))
            margin("memory layer shapes, y", np.max(ratio, initial=0))


def test_scores_of_one_bit(shape_library, margin):
    """1 / (1 + exp(-2 |z| / t)) for floats all over its range, which bounds the error of the exponential."""
    bits, tables, _, _ = SHAPES[1]
    first, last = np.float32([2.0**-30, 130]).view(np.int32)
    z = np.arange(first, last, 1499, dtype=np.int32).view(np.float32)
    z = z[: z.size // tables * tables]
    x = (z * np.resize(np.float32([1, -1]), z.size)).reshape(-1, tables)
    _, table, bias = make_inputs(*SHAPES[1], 0)
    _, expected = reference.hash_layer(x, bits, "probability", KINDS["probability"])
    for _, model in every_variant(shape_library):
        scores = model.call("t1_probability", x, table, bias)[1]
        margin("scores of one bit", np.max(np.abs(scores - expected) / (3 * reference.UNIT_ROUNDOFF * expected)))
        zeros = model.call("t1_probability", np.float32([[0, -0.0, 130]]), table, bias)[1]
        np.testing.assert_array_equal(zeros, [[0.5, 0.5, 1]])
        nans = np.uint32([[0x7FC00001, 0xFFC00001, 0x7FFFFFFF]]).view(np.float32)
        assert np.isnan(model.call("t1_probability", nans, table, bias)[1]).all()


def test_values_that_are_not_finite(shape_library):
    """NaN has bit 0, infinities have the bit of their sign, and other chunks are not touched."""
    bits, tables, _, _ = SHAPES[4]
    x, table, bias = make_inputs(*SHAPES[4], 7)
    clean = x.copy()
    x[1, 0], x[2, 1], x[3, 2], x[4, 3] = np.nan, -np.nan, np.inf, -np.inf
    for _, model in every_variant(shape_library):
        codes, scores, y = model.call("t4_magnitude", x, table, bias)
        np.testing.assert_array_equal(unsigned(codes), reference.hash_layer(x, bits, "magnitude")[0])
        _, clean_scores, clean_y = model.call("t4_magnitude", clean, table, bias)
        assert np.isnan(scores[[1, 2], 0]).all() and np.isposinf(scores[[3, 4], 0]).all()
        np.testing.assert_array_equal(scores[:, 1:], clean_scores[:, 1:])
        np.testing.assert_array_equal(y[[0, 5, 6]], clean_y[[0, 5, 6]])
