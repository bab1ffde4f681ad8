"""Exact attention against golden data and a float64 reference."""

from __future__ import annotations

import math
import os
import sys

import numpy as np
import pytest

import golden
import modules
import reference
from harness import GOLDEN, ROOT, every_variant, run

# name: heads, key heads, head_dim, value_dim
SHAPES = {"a": (3, 3, 16, 16), "b": (2, 2, 16, 28), "grouped": (6, 2, 8, 8), "odd": (1, 1, 5, 3),
          "d24": (2, 1, 24, 40), "d96": (1, 1, 96, 96), "d128": (1, 1, 128, 128)}
TOLERANCE = 2e-5


def attention_text(name, causal):
    heads, key_heads, head_dim, value_dim = SHAPES[name]
    function = modules.Function(f"{name}_{'causal' if causal else 'full'}")
    q = function.argument("q", ("queries", heads, head_dim))
    k = function.argument("k", ("keys", key_heads, head_dim))
    v = function.argument("v", ("keys", key_heads, value_dim))
    before = f"{'causal ' if causal else ''}scale({1 / math.sqrt(head_dim)!r})"
    y = function.row_op("mf.attention", q, k, v, shape=("queries", heads, value_dim), before=before)
    return function.text(y=y)


def module_text():
    return modules.module(*(attention_text(name, causal) for name in SHAPES for causal in (True, False)))


@pytest.fixture(scope="session")
def library(compiler):
    return compiler.module("attention", module_text(), "--gpu-host")


def check_golden(model, name, kind, margin):
    tensors, _ = golden.read(GOLDEN / "attention" / f"softmax_{name}.safetensors")
    for batch in range(len(tensors["q"])):
        q, k, v, expected = (tensors[key][batch].swapaxes(0, 1) for key in ("q", "k", "v", f"out_{kind}"))
        (y,) = model.call(f"{name}_{kind}", q, k, v)
        margin(f"attention, golden {kind}", np.max(np.abs(y - expected)) / TOLERANCE)


@pytest.mark.parametrize("kind", ["causal", "full"])
@pytest.mark.parametrize("name", ["a", "b"])
def test_golden(name, kind, library, margin):
    for _, model in every_variant(library):
        check_golden(model, name, kind, margin)


@pytest.mark.parametrize("queries, keys", [(1, 1), (1, 65), (7, 64), (64, 65), (65, 65), (5, 2), (3, 0), (0, 4)])
@pytest.mark.parametrize("causal", [True, False], ids=["causal", "full"])
@pytest.mark.parametrize("name", ["grouped", "odd"])
def test_lengths(name, causal, queries, keys, library, margin):
    """The mask is aligned at the bottom right; rows without a key give 0."""
    heads, key_heads, head_dim, value_dim = SHAPES[name]
    random = np.random.default_rng(queries * 100 + keys)
    q = random.normal(0, 2, (queries, heads, head_dim)).astype(np.float32)
    k = random.normal(0, 2, (keys, key_heads, head_dim)).astype(np.float32)
    v = random.normal(0, 1, (keys, key_heads, value_dim)).astype(np.float32)
    expected = reference.attention(q, k, v, causal)
    for _, model in every_variant(library):
        (y,) = model.call(f"{name}_{'causal' if causal else 'full'}", q, k, v)
        margin("attention, lengths", np.max(np.abs(y - expected), initial=0) / TOLERANCE)


def test_large_scores_do_not_overflow(library, margin):
    heads, _, head_dim, value_dim = SHAPES["odd"]
    random = np.random.default_rng(0)
    q, k = (random.normal(0, 100, (33, heads, head_dim)).astype(np.float32) for _ in range(2))
    v = random.normal(0, 1, (33, heads, value_dim)).astype(np.float32)
    # The error of a score is a few units of the products' sum; it becomes a relative error of its weight.
    magnitude = np.abs(q).astype(np.float64).max() * np.abs(k).max() * head_dim / math.sqrt(head_dim)
    tolerance = 8 * reference.UNIT_ROUNDOFF * magnitude * np.abs(v).max()
    for _, model in every_variant(library):
        (y,) = model.call("odd_causal", q, k, v)
        margin("attention, large scores", np.max(np.abs(y - reference.attention(q, k, v, True))) / tolerance)


def test_prefixes_and_threads_leave_the_bits(library):
    """Token i of a causal result depends on tokens up to i alone; 7 threads give the bits of 1."""
    heads, key_heads, head_dim, value_dim = SHAPES["grouped"]
    random = np.random.default_rng(1)
    q = random.normal(size=(70, heads, head_dim)).astype(np.float32)
    k = random.normal(size=(70, key_heads, head_dim)).astype(np.float32)
    v = random.normal(size=(70, key_heads, value_dim)).astype(np.float32)
    for threads in (1, 7):
        for _, model in every_variant(library, threads=threads):
            (whole,) = model.call("grouped_causal", q, k, v)
            for length in (1, 2, 16, 17, 33, 64, 69):
                (part,) = model.call("grouped_causal", q[:length], k[:length], v[:length])
                np.testing.assert_array_equal(part, whole[:length])


@pytest.mark.parametrize("keys", [1, 2, 63, 64, 65, 1000, 1100])
@pytest.mark.parametrize("name", ["d24", "d96", "d128"])
def test_head_sizes_and_parts(name, keys, library, margin):
    """The last queries of a context, short and longer than a part (1,024 keys)."""
    heads, key_heads, head_dim, value_dim = SHAPES[name]
    random = np.random.default_rng(keys)
    q = random.normal(0, 2, (min(keys, 14), heads, head_dim)).astype(np.float32)
    k = random.normal(0, 1, (keys, key_heads, head_dim)).astype(np.float32)
    v = random.normal(0, 1, (keys, key_heads, value_dim)).astype(np.float32)
    expected = reference.attention(q, k, v, True)
    for _, model in every_variant(library):
        (y,) = model.call(f"{name}_causal", q, k, v)
        margin("attention, head sizes and parts", np.max(np.abs(y - expected)) / TOLERANCE)


def test_one_query_has_the_bits_of_a_tile(library):
    """Alone, in a tile and in the last part of a long context, also beside later tokens that are no numbers."""
    heads, key_heads, head_dim, value_dim = SHAPES["d24"]
    random = np.random.default_rng(2)
    q = random.normal(size=(1100, heads, head_dim)).astype(np.float32)
    k = random.normal(size=(1100, key_heads, head_dim)).astype(np.float32)
    v = random.normal(size=(1100, key_heads, value_dim)).astype(np.float32)
    for _, model in every_variant(library):
        (whole,) = model.call("d24_causal", q, k, v)
        for token in (0, 5, 127, 128, 1023, 1024, 1099):
            (one,) = model.call("d24_causal", q[token : token + 1], k[: token + 1], v[: token + 1])
            np.testing.assert_array_equal(one[0], whole[token])
        later_k, later_v = k.copy(), v.copy()
        later_k[1030:], later_v[1030:] = np.nan, np.inf
        (part,) = model.call("d24_causal", q, later_k, later_v)
        np.testing.assert_array_equal(part[:1030], whole[:1030])


PEAK = """
import resource, sys
import memoryformer
import numpy as np
tokens = int(sys.argv[2])
x = np.ones((tokens, 1, 5), np.float32)
with memoryformer.load(sys.argv[1], threads=2) as model:
    model.call("odd_causal", x[:1], x[:1], x[:1, :, :3])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    model.call("odd_causal", x, x, x[:, :, :3])
print(1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before))
"""


def test_memory_does_not_grow_with_the_square(library):
    """What a call adds to the memory of a process, in proportion to the tokens: a matrix of scores of 16,384 would be a
    GiB, and sixteen times that of 4,096."""
    peaks = []
    for tokens in (4096, 16384):
        done = run(sys.executable, "-c", PEAK, library, tokens, env={**os.environ, "PYTHONPATH": str(ROOT / "python")})
        assert done.returncode == 0, done.stderr
        peaks.append(int(done.stdout))
    assert peaks[1] < 16 << 20 and peaks[1] < 8 * peaks[0] + (4 << 20), peaks
