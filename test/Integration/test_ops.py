"""Single operators against golden data: norms, rotary embedding, and a dense layer against float64."""

from __future__ import annotations

import numpy as np
import pytest

import golden
import modules
import reference
from harness import GOLDEN, every_variant

HEAD_DIMS = (8, 16, 64, 96)
LINEAR_SHAPES = {"square": (16, 16, "f32"), "odd": (33, 7, "f16"), "wide": (5, 130, "bf16"), "one": (1, 1, "f32")}
# More features than a block, more columns than a task, neither a multiple of anything.
LINEAR_SHAPES["large"] = (531, 811, "f32")


def norm_text(name, inputs):
    function = modules.Function(name)
    x = function.argument("x", ("tokens", 64))
    scales = [function.argument(argument, (64,)) for argument in inputs]
    return function.text(y=function.row_op(f"mf.{name}", x, *scales))


def rope_text(head_dim):
    function = modules.Function(f"rope{head_dim}")
    x = function.argument("x", ("tokens", 2, head_dim))
    positions = function.argument("positions", ("tokens",), "i32")
    angles = function.parameter(f"angles{head_dim}", (2048, head_dim // 8, 2))
    source = "#mf.rotary_angles<base = 1.0e4 : f64>"
    parameter = modules.parameter(f"angles{head_dim}", (2048, head_dim // 8, 2), source)
    return function.text(y=function.row_op("mf.rope", x, positions, angles)) + parameter


def linear_text(name):
    inputs, outputs, element = LINEAR_SHAPES[name]
    function = modules.Function(f"linear_{name}")
    x = function.argument("x", ("tokens", inputs))
    source = f"#mf.random<seed = {inputs}, scale = 1.0 : f64>"
    if element != "f32":
        source = "#mf.fill<0.5 : f64>"
    weight = function.parameter(f"weight_{name}", (outputs, inputs), element)
    y = function.row_op("mf.linear", x, weight, shape=("tokens", outputs))
    return function.text(y=y) + modules.parameter(f"weight_{name}", (outputs, inputs), source, element)


def embedding_text():
    function = modules.Function("embedding")
    ids = function.argument("ids", ("tokens",), "i32")
    table = function.argument("table", (9, 33), "f16")
    return function.text(y=function.row_op("mf.embedding", ids, table, shape=("tokens", 33)))


def add_text(name):
    function = modules.Function(name)
    a, b = function.argument("a", ("tokens", 5)), function.argument("b", ("tokens", 5))
    return function.text(y=function.row_op("mf.add", a, b))


@pytest.fixture(scope="session")
def library(compiler):
    norms = norm_text("rms_norm", ["scale"]), norm_text("layer_norm", ["weight", "bias"])
    ropes, linears = map(rope_text, HEAD_DIMS), map(linear_text, LINEAR_SHAPES)
    adds = add_text("add"), add_text("add_again")
    return compiler.module("ops", modules.module(*norms, *ropes, *linears, embedding_text(), *adds), "--gpu-host")


def read(name):
    tensors, _ = golden.read(GOLDEN / "ops" / f"{name}.safetensors")
    return tensors


def test_rms_norm(library, margin):
    case = read("rms_norm")
    for _, model in every_variant(library):
        (y,) = model.call("rms_norm", case["x"], case["scale"])
        assert np.isfinite(y).all()
        margin("rms_norm", np.max(np.abs(y - case["y"]) / (1e-6 * np.maximum(1, np.abs(case["y"])))))


def test_layer_norm(library, margin):
    case = read("layer_norm")
    x = case["x"].astype(np.float64)
    easy = (x.var(axis=1) > 1e-3) | (np.abs(x.mean(axis=1)) < 0.01)  # rows were made with a mean of 0 or 3
    tolerance = np.where(easy, 1e-5, 1e-3)[:, None]
    for _, model in every_variant(library):
        (y,) = model.call("layer_norm", case["x"], case["weight"], case["bias"])
        margin("layer_norm", np.max(np.abs(y - case["y"]) / tolerance))


@pytest.mark.parametrize("head_dim", HEAD_DIMS)
def test_rotary(head_dim, library, margin):
    case = read("rotary")
    x = case[f"x.hd{head_dim}"][0].transpose(1, 0, 2)
    expected = case[f"y.hd{head_dim}"][0].transpose(1, 0, 2)
    passed = 2 * (head_dim // 8)
    for _, model in every_variant(library):
        (y,) = model.call(f"rope{head_dim}", x, case["positions"])
        margin("rotary", np.max(np.abs(y - expected)) / 1e-6)
        np.testing.assert_array_equal(y[:, :, passed:], x[:, :, passed:])


@pytest.mark.parametrize("tokens", [0, 1, 2, 7, 64, 65])
@pytest.mark.parametrize("name", LINEAR_SHAPES)
def test_linear(name, tokens, library, margin):
    inputs, outputs, element = LINEAR_SHAPES[name]
    x = np.random.default_rng(tokens).normal(size=(tokens, inputs)).astype(np.float32)
    weight = np.full((outputs, inputs), 0.5)
    if element == "f32":
        weight = golden.splitmix_uniform(inputs, outputs * inputs, 0).reshape(outputs, inputs)
    weight = weight.astype(np.float64)
    expected, condition = x.astype(np.float64) @ weight.T, np.abs(x).astype(np.float64) @ np.abs(weight).T
    tolerance = (inputs + 1) * reference.UNIT_ROUNDOFF * condition + 1e-30
    for _, model in every_variant(library):
        (y,) = model.call(f"linear_{name}", x)
        margin("linear", np.max(np.abs(y - expected) / tolerance, initial=0))


@pytest.mark.parametrize("name", LINEAR_SHAPES)
def test_linear_rows_are_independent(name, library):
    """A row has the same bits alone and among any number of others, in register tiles of every height."""
    x = np.random.default_rng(5).normal(size=(125, LINEAR_SHAPES[name][0])).astype(np.float32)
    for _, model in every_variant(library):
        (alone,) = zip(*(model.call(f"linear_{name}", row[None]) for row in x[:20]))
        for tokens in (2, 3, 6, 13, 20, 125):
            (y,) = model.call(f"linear_{name}", x[:tokens])
            np.testing.assert_array_equal(y[:20], np.concatenate(alone)[:tokens])


def test_embedding_clamps_ids(library):
    table = np.random.default_rng(0).normal(size=(9, 33)).astype(np.float16)
    ids = np.int32([0, 8, 3, -1, 9, 2**31 - 1, -(2**31)])
    for _, model in every_variant(library):
        (y,) = model.call("embedding", ids, table)
        np.testing.assert_array_equal(y, table[np.clip(ids, 0, 8)].astype(np.float32))


def test_equal_entries_both_exist(library):
    """Sharing of equal code must leave every entry point its name."""
    a, b = np.random.default_rng(0).normal(size=(2, 65, 5)).astype(np.float32)
    for _, model in every_variant(library):
        for entry in ("add", "add_again"):
            np.testing.assert_array_equal(model.call(entry, a, b)[0], a + b)
