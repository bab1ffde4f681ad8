"""Activations, biases and RMSNorm with eps inside the root against float64, each beside a plain float32 evaluation."""

from __future__ import annotations

import numpy as np
import pytest

import modules
from decoders import activation
from harness import every_variant
from reference import UNIT_ROUNDOFF

KINDS = ("gelu", "gelu_tanh", "silu")
WIDTH = 77
EDGES = np.float32([0, -0.0, 1e-45, -1e-45, 1e-30, -1e-30, 0.95 * 2**0.5, -0.95 * 2**0.5, 5.6, 5.7, -5.6, -5.7, 13, -13,
                    88, -88, 100, -100, 1e4, -1e4, 1e20, -1e20, 3e38, -3e38])


def activation_text(kind):
    function = modules.Function(kind)
    x, bias, factor = (function.argument(name, shape) for name, shape in
                       (("x", ("tokens", WIDTH)), ("bias", (WIDTH,)), ("factor", ("tokens", WIDTH))))
    init = [function.empty(("tokens", WIDTH)) for _ in range(2)]
    plain, gated = modules.Value("%plain", x.shape, "f32"), modules.Value("%gated", x.shape, "f32")
    outs = "outs({0.name} : {0.type}) -> {0.type}"
    function.lines += [
        f"%plain = mf.activation {kind} ins(%x : {x.type}) {outs.format(init[0])}",
        f"%gated = mf.activation {kind} ins(%x : {x.type}) bias(%bias : {bias.type}) factor(%factor : {factor.type}) "
        f"{outs.format(init[1])}",
    ]
    return function.text(y=plain, gated=gated)


def rows_text():
    function = modules.Function("rows")
    x, scale = function.argument("x", ("tokens", WIDTH)), function.argument("scale", (WIDTH,), "f16")
    norm = function.row_op("mf.rms_norm", x, scale, attributes="{eps = 1.0e-3 : f64, eps_inside_root}")
    return function.text(norm=norm, biased=function.row_op("mf.add", x, scale))


@pytest.fixture(scope="session")
def library(compiler):
    return compiler.module("activations", modules.module(*map(activation_text, KINDS), rows_text()), "--gpu-host")


@pytest.fixture(scope="session")
def x():
    """Dense where the functions bend, then all magnitudes, then what hurts."""
    random = np.random.default_rng(0)
    values = [np.linspace(-7, 7, 20 * WIDTH), random.standard_normal(20 * WIDTH) * 10.0 ** random.uniform(-30, 2, 20 * WIDTH)]
    edges = np.resize(EDGES, WIDTH)
    return np.concatenate([*values, edges]).astype(np.float32).reshape(-1, WIDTH)


@pytest.mark.parametrize("kind", KINDS)
def test_activation(kind, library, x, margin):
    with np.errstate(all="ignore"):
        exact = activation(kind, x.astype(np.float64))
        plain = activation(kind, x)
    # A subnormal x may lose all of its bits in any evaluation.
    usual = (np.abs(x) > 1e-30) & (np.abs(x) < 100)
    bound = 2 * np.max(np.abs(plain - exact)[usual] / np.abs(x[usual])) * np.abs(x) + 1e-37
    bias = np.random.default_rng(1).standard_normal(WIDTH).astype(np.float32)
    factor = np.random.default_rng(2).standard_normal(x.shape).astype(np.float32)
    for _, model in every_variant(library):
        y, gated = model.call(kind, x, bias, factor)
        margin(f"activation, {kind}", np.max(np.abs(y - exact) / bound))
        # The same function of a sum, then a product.
        (again, _) = model.call(kind, x + bias, bias, factor)
        with np.errstate(over="ignore"):
            np.testing.assert_array_equal(gated, again * factor)
        # Alone, a token has the same bits, and so has an element at another place of a row.
        for token in (0, 19, len(x) - 1):
            np.testing.assert_array_equal(model.call(kind, x[token : token + 1], bias, factor[:1])[0][0], y[token])
        turned = model.call(kind, np.roll(x, 5, axis=1).copy(), bias, factor)[0]
        np.testing.assert_array_equal(np.roll(turned, -5, axis=1), y)


@pytest.mark.parametrize("kind", KINDS)
def test_limits(kind, library):
    """Far from 0 the functions are x and 0, exactly; NaN stays."""
    far = np.zeros((3, WIDTH), np.float32)
    far[0], far[1], far[2] = np.linspace(20, 3e38, WIDTH), -np.linspace(110, 3e38, WIDTH), np.nan
    zeros = np.zeros_like(far)
    for _, model in every_variant(library):
        y, _ = model.call(kind, far, zeros[0], zeros)
        np.testing.assert_array_equal(y[0], far[0])
        np.testing.assert_array_equal(y[1], 0)
        assert np.isnan(y[2]).all()
        # The error function is odd: f(x) - f(-x) = x.
        if kind == "gelu":
            x = np.resize(np.float32([0.125, 0.5, 1, 2, 4]), (1, WIDTH))
            (up, _), (down, _) = (model.call(kind, sign * x, zeros[0], zeros[:1]) for sign in (1, -1))
            np.testing.assert_allclose(up + down + x, 2 * up, rtol=3 * UNIT_ROUNDOFF)


def test_rms_norm_and_bias(library, margin):
    random = np.random.default_rng(3)
    x = (random.standard_normal((33, WIDTH)) * 10.0 ** random.integers(-6, 4, (33, 1))).astype(np.float32)
    x[5] = 0
    scale = random.standard_normal(WIDTH).astype(np.float16)
    exact = x.astype(np.float64)
    exact = exact / np.sqrt((exact**2).mean(axis=1, keepdims=True) + 1e-3) * scale
    for _, model in every_variant(library):
        norm, biased = model.call("rows", x, scale)
        margin("rms_norm, eps inside the root", np.max(np.abs(norm - exact) / (8 * UNIT_ROUNDOFF * np.abs(exact) + 1e-37)))
        np.testing.assert_array_equal(biased, x + scale.astype(np.float32))
