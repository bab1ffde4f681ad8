"""Linear attention, Linformer and their models by the kernels of GPUs, on host threads with all checks."""

from __future__ import annotations

import numpy as np
import pytest

import golden
import gpu_host
import modules
import reference
from harness import GOLDEN
from test_linear_attention import (
    GOLDEN_CASES, SIZES, check_rule, linformer_text, make_inputs, recurrent_text, state_size, whole_text,
)  # fmt: skip


# A golden case of each map, of the other size that of the map with most to do.
CASES = [(*case, causal) for case in GOLDEN_CASES for causal in (True, False) if case[:2] in {("a", "elu"), ("a", "softmax"), ("a", "M21"), ("b", "softmax")}]


@pytest.fixture(scope="module")
def library(compiler):
    whole = {(size, name, causal) for size, name, *_, causal in CASES}
    whole |= {("a", name, causal) for name in reference.FEATURE_MAPS for causal in (True, False)}
    parts = [whole_text(*case) for case in sorted(whole)]
    parts += [recurrent_text("a", name) for name in reference.FEATURE_MAPS]
    parts += [linformer_text("a", 5, 21), linformer_text("b", 17, 70)]
    return compiler.module("linear_attention_gpu", modules.module(*parts), "--gpu-host", "-mcpu=native")


@pytest.fixture(scope="module")
def model(library):
    with gpu_host.open_checked(library, threads=2) as model:
        yield model


@pytest.mark.parametrize("size, name, file, suffix, causal", CASES)
def test_golden(size, name, file, suffix, causal, model, margin):
    tensors, _ = golden.read(GOLDEN / "attention" / f"{file}_{size}.safetensors")
    kind = "causal" if causal else "full"
    tolerance = 2e-5 if file == "linear" else 1e-4 * np.max(np.abs(tensors["v"]))
    more = [tensors["W"]] if "W" in tensors else []
    for batch in range(len(tensors["q"])):
        q, k, v, expected = (tensors[key][batch].swapaxes(0, 1) for key in ("q", "k", "v", f"out_{kind}{suffix}"))
        (y,) = model.call(f"{name}_{size}_{kind}", q, k, v, *more)
        margin(f"{file} attention, GPU on host, {kind}", np.max(np.abs(y - expected)) / tolerance)


@pytest.mark.parametrize("size", SIZES)
def test_golden_linformer(size, model, margin):
    tensors, _ = golden.read(GOLDEN / "attention" / f"linformer_{size}.safetensors")
    for batch in range(len(tensors["q"])):
        q, k, v, expected = (tensors[key][batch].swapaxes(0, 1) for key in ("q", "k", "v", "out_full"))
        (y,) = model.call(f"linformer_{size}", q, k, v, tensors["E"], tensors["F"])
        margin("linformer attention, GPU on host", np.max(np.abs(y - expected)) / 2e-5)
    # Columns of E and F behind the last token count for nothing.
    (few,) = model.call(f"linformer_{size}", q[:9], k[:9], v[:9], tensors["E"], tensors["F"])
    silent = [np.concatenate([x[:9], np.zeros_like(x[9:])]) for x in (k, v)]
    (padded,) = model.call(f"linformer_{size}", q, *silent, tensors["E"], tensors["F"])
    np.testing.assert_allclose(few, padded[:9], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("causal", [True, False], ids=["causal", "full"])
@pytest.mark.parametrize("name", reference.FEATURE_MAPS)
def test_lengths(name, causal, model, library, margin):
    function = f"{name}_a_{'causal' if causal else 'full'}"
    for length in (0, 1, 2, 7, 64, 65, 200):
        q, k, v, more = make_inputs(name, length)
        (y,) = model.call(function, q, k, v, *more)
        if length:
            check_rule(margin, f"linear attention, GPU on host, {name}", y, name, q, k, v, causal, more)
    with gpu_host.open_checked(library, threads=1) as alone:
        np.testing.assert_array_equal(alone.call(function, q, k, v, *more)[0].view(np.int32), y.view(np.int32))


@pytest.mark.parametrize("name, scale", [("elu", 1e4), ("cosformer", 1e4), ("relu", 1e4), ("softmax", 8)])
def test_large_activations(name, scale, model, margin):
    q, k, v, more = make_inputs(name, 70, scale=scale)
    for causal in (True, False):
        (y,) = model.call(f"{name}_a_{'causal' if causal else 'full'}", q, k, v, *more)
        check_rule(margin, f"linear attention, GPU on host, large {name}", y, name, q, k, v, causal, more)


def test_keys_of_growing_norm(model, margin):
    q, k, v, more = make_inputs("softmax", 100)
    k *= np.linspace(0.1, 6, 100)[np.random.default_rng(5).permutation(100), None, None].astype(np.float32)
    (y,) = model.call("softmax_a_causal", q, k, v, *more)
    check_rule(margin, "linear attention, GPU on host, growing keys", y, "softmax", q, k, v, True, more)


@pytest.mark.parametrize("name", reference.FEATURE_MAPS)
def test_later_tokens_leave_the_bits(name, model):
    q, k, v, more = make_inputs(name, 70)
    (whole,) = model.call(f"{name}_a_causal", q, k, v, *more)
    for length in (1, 33, 40):
        (part,) = model.call(f"{name}_a_causal", q[:length], k[:length], v[:length], *more)
        np.testing.assert_array_equal(part.view(np.int32), whole[:length].view(np.int32))
    # Also what is no number.
    later = [np.concatenate([x[:40], np.full_like(x[40:], np.nan)]) for x in (q, k, v)]
    (changed,) = model.call(f"{name}_a_causal", *later, *more)
    np.testing.assert_array_equal(changed[:40].view(np.int32), whole[:40].view(np.int32))


@pytest.mark.parametrize("name", reference.FEATURE_MAPS)
def test_recurrent_is_whole(name, model):
    """Tokens of three sequences in changing company, in runs of any size: the bits of each sequence alone."""
    random = np.random.default_rng(7)
    heads, head_size, value_size, rows = SIZES["a"]
    length, (*_, more) = 70, make_inputs(name, 100)
    sequences = [make_inputs(name, length, seed=seed)[:3] for seed in (0, 1, 2)]
    expected = [model.call(f"{name}_a_causal", *sides, *more)[0] for sides in sequences]
    state = np.zeros((3, heads, state_size(name, head_size, value_size, rows)), np.float32)
    lengths = [0, 0, 0]
    while min(lengths) < length:
        tokens = []  # (slot, position)
        for slot in random.permutation(3)[: random.integers(1, 4)]:
            count = min(int(random.choice([1, 1, 2, 9, 40, 64])), length - lengths[slot])
            tokens += [(slot, lengths[slot] + i) for i in range(count)]
            lengths[slot] += count
        if not tokens:
            continue
        # A sequence's tokens ascend; they need not stand together.
        if random.integers(2):
            tokens.sort(key=lambda token: token[1])
        sides = [np.stack([sequences[slot][i][position] for slot, position in tokens]) for i in range(3)]
        slots, positions = (np.array(side, np.int32) for side in zip(*tokens))
        y, state = model.call(f"{name}_a_recurrent", *sides, *more, slots, positions, state)
        for (slot, position), row in zip(tokens, y):
            np.testing.assert_array_equal(row.view(np.int32), expected[slot][position].view(np.int32))
