"""Linear attention, whole and token by token, and Linformer against golden data and a float64 reference."""

from __future__ import annotations

import math

import numpy as np
import pytest

import golden
import modules
import reference
from harness import GOLDEN, every_variant

CHUNK = 32
SIZES = {"a": (3, 16, 16, 37), "b": (2, 16, 28, 37)}  # heads, head size, value size, features of the projection
FEATURES = {
    "elu": "#mf.elu_features",
    "cosformer": "#mf.cosformer_features<max_positions = 1024>",
    "softmax": "#mf.favor_features<kind = softmax>",
    "relu": "#mf.favor_features<kind = relu>",
}
MAX_POSITIONS = {"a": (21, 45), "b": (70, 143)}  # of the golden files
for _m in (m for pair in MAX_POSITIONS.values() for m in pair):
    FEATURES[f"M{_m}"] = f"#mf.cosformer_features<max_positions = {_m}>"


# size, feature map, golden file, suffix of its outputs
GOLDEN_CASES = [(size, name, file, "") for size in SIZES for name, file in (("elu", "linear"), ("softmax", "performer"))]
GOLDEN_CASES += [(size, f"M{m}", "cosformer", f"_M{m}") for size in SIZES for m in MAX_POSITIONS[size]]


def state_size(name, head_size, value_size, rows):
    """Elements of one head's state: `RecurrentState`."""
    features = {"elu": head_size, "cosformer": 2 * head_size}.get(name, rows)
    count = features * (value_size + CHUNK + 1) + CHUNK * value_size + (CHUNK + 1 if name == "softmax" else 0)
    return -(-count // 16) * 16


def arguments(function, size, name):
    """q, k, v and, where the map has one, the projection."""
    heads, head_size, value_size, rows = SIZES[size]
    q, k = (function.argument(side, ("tokens", heads, head_size)) for side in "qk")
    v = function.argument("v", ("tokens", heads, value_size))
    return q, k, v, function.argument("w", (rows, head_size)) if name in ("softmax", "relu") else None


def whole_text(size, name, causal):
    function = modules.Function(f"{name}_{size}_{'causal' if causal else 'full'}")
    q, k, v, w = arguments(function, size, name)
    return function.text(y=function.linear_attention(q, k, v, FEATURES[name], w, causal, CHUNK))


def recurrent_text(size, name):
    heads, head_size, value_size, rows = SIZES[size]
    function = modules.Function(f"{name}_{size}_recurrent")
    q, k, v, w = arguments(function, size, name)
    slots, positions = (function.argument(side, ("tokens",), "i32") for side in ("slots", "positions"))
    state = function.argument("state", ("slots_held", heads, state_size(name, head_size, value_size, rows)))
    y, new = function.recurrent_attention((q, k, v, slots, positions), state, FEATURES[name], w, CHUNK)
    return function.text(y=y, new=new)


def linformer_text(size, rows, columns):
    heads, head_size, value_size, _ = SIZES[size]
    function = modules.Function(f"linformer_{size}")
    q, k = (function.argument(side, ("tokens", heads, head_size)) for side in "qk")
    v = function.argument("v", ("tokens", heads, value_size))
    e, f = (function.argument(side, (rows, columns)) for side in "ef")
    keys, values = (
        function.row_op("mf.project_sequence", x, w, shape=(rows, *x.shape[1:])) for x, w in ((k, e), (v, f))
    )
    before = f"scale({1 / math.sqrt(head_size)!r})"
    y = function.row_op("mf.attention", q, keys, values, shape=("tokens", heads, value_size), before=before)
    return function.text(y=y)


@pytest.fixture(scope="session")
def library(compiler):
    cases = {(size, name) for size, name, *_ in GOLDEN_CASES} | {("a", name) for name in reference.FEATURE_MAPS}
    parts = [whole_text(size, name, causal) for size, name in sorted(cases) for causal in (True, False)]
    parts += [recurrent_text("a", name) for name in reference.FEATURE_MAPS]
    parts += [linformer_text("a", 5, 21), linformer_text("b", 17, 70)]
    return compiler.module("linear_attention", modules.module(*parts))


def make_inputs(name, length, size="a", scale=1.0, seed=0):
    """q, k, v and a list with the projection, where there is one."""
    heads, head_size, value_size, rows = SIZES[size]
    random = np.random.default_rng(length + 1000 * seed)
    q, k = (random.normal(0, scale, (length, heads, head_size)).astype(np.float32) for _ in range(2))
    v = random.normal(0, 1, (length, heads, value_size)).astype(np.float32)
    w = random.normal(0, 1, (rows, head_size)).astype(np.float32)
    return q, k, v, [w] if name in ("softmax", "relu") else []


@pytest.mark.parametrize("causal", [True, False], ids=["causal", "full"])
@pytest.mark.parametrize("size, name, file, suffix", GOLDEN_CASES)
def test_golden(size, name, file, suffix, causal, library, margin):
    tensors, _ = golden.read(GOLDEN / "attention" / f"{file}_{size}.safetensors")
    kind = "causal" if causal else "full"
    tolerance = 2e-5 if file == "linear" else 1e-4 * np.max(np.abs(tensors["v"]))
    more = [tensors["W"]] if "W" in tensors else []
    for _, model in every_variant(library):
        for batch in range(len(tensors["q"])):
            q, k, v, expected = (tensors[key][batch].swapaxes(0, 1) for key in ("q", "k", "v", f"out_{kind}{suffix}"))
            (y,) = model.call(f"{name}_{size}_{kind}", q, k, v, *more)
            margin(f"{file} attention, golden {kind}", np.max(np.abs(y - expected)) / tolerance)


@pytest.mark.parametrize("size", SIZES)
def test_golden_linformer(size, library, margin):
    tensors, _ = golden.read(GOLDEN / "attention" / f"linformer_{size}.safetensors")
    for _, model in every_variant(library):
        for batch in range(len(tensors["q"])):
            q, k, v, expected = (tensors[key][batch].swapaxes(0, 1) for key in ("q", "k", "v", "out_full"))
            (y,) = model.call(f"linformer_{size}", q, k, v, tensors["E"], tensors["F"])
            margin("linformer attention, golden", np.max(np.abs(y - expected)) / 2e-5)


def test_linformer_of_fewer_tokens(library):
    """Columns of E and F behind the last token count for nothing."""
    tensors, _ = golden.read(GOLDEN / "attention" / "linformer_a.safetensors")
    q, k, v = (tensors[key][0].swapaxes(0, 1) for key in "qkv")
    silent = [np.concatenate([x[:9], np.zeros_like(x[9:])]) for x in (k, v)]
    for _, model in every_variant(library):
        (y,) = model.call("linformer_a", q[:9], k[:9], v[:9], tensors["E"], tensors["F"])
        (padded,) = model.call("linformer_a", q, *silent, tensors["E"], tensors["F"])
        np.testing.assert_allclose(y, padded[:9], rtol=1e-6, atol=1e-7)


def check_rule(margin, label, y, name, q, k, v, causal, more):
    """At most twice the error of a plain float32 evaluation, the worse of the quadratic and the recurrent one, plus two
    roundings of the sum of magnitudes."""
    sides = [x.astype(np.float64) for x in (q, k, v)]
    exact, condition = reference.linear_attention(name, *sides, causal, *more, max_positions=1024)
    plain, _ = reference.linear_attention(name, q, k, v, causal, *more, max_positions=1024)
    recurrent = reference.recurrent_attention(name, q, k, v, causal, *more, max_positions=1024)
    error = max(np.max(np.abs(side - exact)) for side in (plain, recurrent))
    tolerance = 2 * error + 2 * reference.UNIT_ROUNDOFF * condition
    margin(label, np.max(np.abs(y - exact) / tolerance))


@pytest.mark.parametrize("causal", [True, False], ids=["causal", "full"])
@pytest.mark.parametrize("length", [1, 2, 63, 64, 65, 1000])
@pytest.mark.parametrize("name", reference.FEATURE_MAPS)
def test_lengths(name, length, causal, library, margin):
    q, k, v, more = make_inputs(name, length)
    for _, model in every_variant(library):
        (y,) = model.call(f"{name}_a_{'causal' if causal else 'full'}", q, k, v, *more)
        check_rule(margin, f"linear attention, {name}", y, name, q, k, v, causal, more)


def test_no_tokens(library):
    for name in reference.FEATURE_MAPS:
        q, k, v, more = make_inputs(name, 0)
        for _, model in every_variant(library):
            for kind in ("causal", "full"):
                assert model.call(f"{name}_a_{kind}", q, k, v, *more)[0].shape == v.shape


@pytest.mark.parametrize("name", reference.FEATURE_MAPS)
def test_prefixes_and_threads_leave_the_bits(name, library):
    q, k, v, more = make_inputs(name, 131)
    for threads in (1, 7):
        for _, model in every_variant(library, threads=threads):
            (whole,) = model.call(f"{name}_a_causal", q, k, v, *more)
            for length in (1, 2, 31, 32, 33, 64, 100):
                (part,) = model.call(f"{name}_a_causal", q[:length], k[:length], v[:length], *more)
                np.testing.assert_array_equal(part.view(np.int32), whole[:length].view(np.int32))
            later = [np.concatenate([x[:40], x[40:] * 100]) for x in (q, k, v)]
            (changed,) = model.call(f"{name}_a_causal", *later, *more)
            np.testing.assert_array_equal(changed[:40].view(np.int32), whole[:40].view(np.int32))


@pytest.mark.parametrize("name", reference.FEATURE_MAPS)
def test_recurrent_is_whole(name, library):
    """Tokens of three sequences in changing company, in runs of any size: the bits of each sequence alone."""
    random = np.random.default_rng(7)
    heads, head_size, value_size, rows = SIZES["a"]
    _, _, _, more = make_inputs(name, 100)
    sequences = [make_inputs(name, 100, seed=seed)[:3] for seed in (0, 1, 2)]
    for _, model in every_variant(library):
        expected = [model.call(f"{name}_a_causal", *sides, *more)[0] for sides in sequences]
        state = np.zeros((3, heads, state_size(name, head_size, value_size, rows)), np.float32)
        lengths = [0, 0, 0]
        while min(lengths) < 100:
            tokens = []  # (slot, position)
            for slot in random.permutation(3)[: random.integers(1, 4)]:
                count = min(int(random.choice([1, 1, 2, 9, 40, 64])), 100 - lengths[slot])
                tokens += [(slot, lengths[slot] + i) for i in range(count)]
                lengths[slot] += count
            if not tokens:
                continue
            sides = [np.stack([sequences[slot][i][position] for slot, position in tokens]) for i in range(3)]
            slots, positions = (np.array(side, np.int32) for side in zip(*tokens))
            y, state = model.call(f"{name}_a_recurrent", *sides, *more, slots, positions, state)
            for (slot, position), row in zip(tokens, y):
                np.testing.assert_array_equal(row.view(np.int32), expected[slot][position].view(np.int32))


def test_features_that_are_all_zero(library):
    """cosFormer's features of negative elements are 0, and so is the result."""
    q, k, v, _ = make_inputs("cosformer", 70)
    for _, model in every_variant(library):
        for kind in ("causal", "full"):
            (y,) = model.call(f"cosformer_a_{kind}", -np.abs(q), k, v)
            assert not y.any()
            (y,) = model.call(f"cosformer_a_{kind}", q, -np.abs(k), v)
            assert not y.any()


@pytest.mark.parametrize("name, scale", [("elu", 1e4), ("cosformer", 1e4), ("relu", 1e4), ("softmax", 8)])
def test_large_activations(name, scale, library, margin):
    q, k, v, more = make_inputs(name, 100, scale=scale)
    for _, model in every_variant(library):
        for causal in (True, False):
            (y,) = model.call(f"{name}_a_{'causal' if causal else 'full'}", q, k, v, *more)
            assert np.isfinite(y).all()
            check_rule(margin, f"linear attention, large {name}", y, name, q, k, v, causal, more)


def test_logits_that_underflow(library):
    """Exponential features of huge activations are 0 or 1: results stay between the values."""
    q, k, v, more = make_inputs("softmax", 100, scale=1e6)
    for _, model in every_variant(library):
        for kind in ("causal", "full"):
            (y,) = model.call(f"softmax_a_{kind}", q, k, v, *more)
            assert np.isfinite(y).all() and np.max(np.abs(y)) <= np.max(np.abs(v)) * 1.001


def test_keys_of_growing_norm(library, margin):
    """The maximum of the logarithms rises and falls over many orders of magnitude along the sequence."""
    q, k, v, more = make_inputs("softmax", 200)
    k *= np.linspace(0.1, 6, 200)[np.random.default_rng(5).permutation(200), None, None].astype(np.float32)
    for _, model in every_variant(library):
        (y,) = model.call("softmax_a_causal", q, k, v, *more)
        check_rule(margin, "linear attention, growing keys", y, "softmax", q, k, v, True, more)
