"""Attention over caches of bf16, whose elements lie in pairs for dot products, against a float64 reference."""

from __future__ import annotations

import math

import numpy as np
import pytest

import modules
from harness import every_variant, running_variants

# name: heads, key heads, head_dim, value_dim. Vectors of all widths, and features that are no whole vectors.
SHAPES = {"grouped": (6, 2, 16, 16), "odd": (2, 1, 6, 3), "d80": (2, 2, 80, 44)}
POSITIONS = 1200
BF16 = 2.0**-9
"""The greatest error of a rounding to bf16, relative to the result's magnitude."""


def cached_text(name: str) -> str:
    heads, key_heads, head_dim, value_dim = SHAPES[name]
    function = modules.Function(name)
    q = function.argument("q", ("queries", heads, head_dim))
    ends = function.argument("ends", ("queries",), "i32")
    slots = function.argument("slots", ("queries",), "i32")
    places = function.argument("places", ("keys",), "i32")
    rows = [function.argument("k", ("keys", key_heads, head_dim)), function.argument("v", ("keys", key_heads, value_dim))]
    owners = function.argument("owners", ("keys",), "i32")
    caches = []
    for row, layout in zip(rows, ("<keys = 16, features = 2>", "<keys = 2>")):
        cache = function.empty((2, key_heads, POSITIONS, row.shape[2]), "bf16")
        caches.append(function.update_state(row, owners, places, cache, layout))
    before = f"scale({1 / math.sqrt(head_dim)!r}) layout(<keys = 16, features = 2>) values_layout(<keys = 2>)"
    y = function.row_op("mf.cached_attention", q, *caches, slots, ends, shape=("queries", heads, value_dim), before=before)
    return function.text(y=y)


@pytest.fixture(scope="session")
def library(compiler):
    return compiler.module("cached_attention", modules.module(*map(cached_text, SHAPES)), "--gpu-host")


def rounded(x: np.ndarray) -> np.ndarray:
    """The nearest bf16, ties to even, of numbers."""
    bits = x.astype(np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)


def make(name: str, keys: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    heads, key_heads, head_dim, value_dim = SHAPES[name]
    random = np.random.default_rng(seed)
    q = random.normal(0, 2, (keys, heads, head_dim)).astype(np.float32)
    k = random.normal(0, 1, (keys, key_heads, head_dim)).astype(np.float32)
    v = random.normal(0, 1, (keys, key_heads, value_dim)).astype(np.float32)
    return q, k, v


def call(model, name, q, k, v, ends=None, order=None):
    """Queries at the positions `ends` of slot 1; keys are written in `order`."""
    ends = np.arange(len(q)) if ends is None else np.asarray(ends)
    order = np.arange(len(k)) if order is None else order
    (y,) = model.call(name, q, ends.astype(np.int32), np.ones(len(q), np.int32), order.astype(np.int32), k[order], v[order],
                      np.ones(len(k), np.int32))
    return y


def reference(q, k, v):
    """Result and bound, in float64, on the rounded keys and values.

    Where queries are rounded, a score s moves by at most e = 2^-9 sum |q k| scale, its weight by a factor in e^-e..e^e,
    normalised by one of the same; the rounding of a weight and the approximation of its exponential move it by 2^-9 +
    2^-13. What f32 adds is that of test_attention.py, in scores and sums of the magnitudes here.
    """
    k, v = rounded(k).astype(np.float64), rounded(v).astype(np.float64)
    q = q.astype(np.float64)
    group = q.shape[1] // k.shape[1]
    k, v = np.repeat(k, group, axis=1), np.repeat(v, group, axis=1)
    scale = 1 / math.sqrt(q.shape[2])
    seen = np.tril(np.ones((len(q), len(k)), bool))
    scores = np.where(seen, np.einsum("ihd,jhd->hij", q, k) * scale, -np.inf)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    moved = np.where(seen, np.einsum("ihd,jhd->hij", np.abs(q), np.abs(k)) * scale * BF16, 0)
    relative = np.exp(moved + moved.max(axis=-1, keepdims=True)) * (1 + BF16 + 2 * 2.0**-13) - 1
    expected = np.einsum("hij,jhe->ihe", weights, v)
    return expected, np.einsum("hij,jhe->ihe", weights * relative, np.abs(v)) + 2e-5


@pytest.mark.parametrize("keys", [1, 2, 7, 65, 150])
@pytest.mark.parametrize("name", SHAPES)
def test_bounds(name, keys, library, margin):
    """Within the bound of a dot product's roundings; without one, within the tolerance of f32."""
    q, k, v = make(name, keys, seed=keys)
    expected, bound = reference(q, k, v)
    for variant, model in every_variant(library):
        y = call(model, name, q, k, v)
        margin("attention, caches in pairs", np.max(np.abs(y - expected) / bound))
        # Tensor cores take heads of multiples of 16 features, and round as dot products do.
        on_tensor_cores = variant.startswith("gpu") and q.shape[2] % 16 == 0 and v.shape[2] % 16 == 0
        if "bf16" not in variant and not on_tensor_cores:
            margin("attention, caches in pairs, products of f32", np.max(np.abs(y - expected)) / 2e-5)


def test_queries_are_rounded_where_there_is_a_dot_product(library):
    """So that the wider bound above is not given away: the error is that of bf16 there, and not elsewhere."""
    q, k, v = make("d80", 64, seed=0)
    expected, _ = reference(q, k, v)
    errors = {variant: np.max(np.abs(call(model, "d80", q, k, v) - expected)) for variant, model in every_variant(library)}
    assert all((error > 2e-4) == ("bf16" in variant) for variant, error in errors.items()), errors


@pytest.mark.parametrize("name", SHAPES)
def test_bits(name, library):
    """A query alone has the bits of its tile, whatever later tokens are and in whichever order the rows were written."""
    q, k, v = make(name, 1100, seed=5)
    random = np.random.default_rng(6)
    for threads in (1, 7):
        for variant, model in every_variant(library, threads=threads):
            if variant.startswith("gpu"):
                continue
            whole = call(model, name, q, k, v)
            ends = np.array([0, 1, 5, 126, 127, 128, 1022, 1023, 1024, 1099])
            for end in ends:
                np.testing.assert_array_equal(call(model, name, q[end : end + 1], k, v, [end])[0], whole[end])
            np.testing.assert_array_equal(call(model, name, q[ends], k, v, ends), whole[ends])
            np.testing.assert_array_equal(call(model, name, q, k, v, order=random.permutation(1100)), whole)
            for end in (1, 130, 1030):  # a pair of keys that ends behind the query, and one that does not
                for first in (end, end + 1):
                    later_k, later_v = k.copy(), v.copy()
                    later_k[first:], later_v[first:] = np.nan, np.inf
                    part = call(model, name, q[:first], later_k, later_v)
                    np.testing.assert_array_equal(part, whole[:first])


def test_the_instruction_is_run(library):
    """Where the CPU has it, the variant with dot products is among those that run."""
    flags = open("/proc/cpuinfo").read().split()
    assert ("avx512_bf16" in flags) == any("bf16" in variant for variant in running_variants(library))
