"""Attention and dense layers by products of matrices, on host threads: against float64 on the rounded inputs, bits of every
cut into calls, bank conflicts, and kernels that were broken on purpose."""

from __future__ import annotations

import math
import re

import memoryformer
import ml_dtypes
import numpy as np
import pytest

import gpu_host
import modules
import reference
from gpu_host import counts

TOKENS = [1, 2, 7, 16, 64, 65]
DTYPES = {"f16": np.float16, "bf16": ml_dtypes.bfloat16}
UNITS = {"f16": 2.0**-11, "bf16": 2.0**-8}
U = reference.UNIT_ROUNDOFF


class Attention:
    """Heads that share keys by threes, over the caches of three sequences."""

    heads, key_heads, sequences, positions = 6, 2, 3, 192

    def __init__(self, element, head_dim, value_dim, layout):
        self.element, self.head_dim, self.value_dim, self.layout = element, head_dim, value_dim, layout
        random = np.random.default_rng(11)
        shape = (self.sequences, self.key_heads, self.positions)
        self.keys, self.values = (
            random.normal(0, 1, (*shape, size)).astype(DTYPES[element]) for size in (head_dim, value_dim)
        )

    def text(self):
        function = modules.Function("attention")
        q = function.argument("q", ("tokens", self.heads, self.head_dim))
        caches = [
            function.argument(name, ("sequences", self.key_heads, "positions", size), self.element)
            for name, size in [("keys", self.head_dim), ("values", self.value_dim)]
        ]
        rest = [function.argument(name, ("tokens",), "i32") for name in ("slots", "places")]
        layouts = {"rows": "", "columns": " layout(<keys = 16>)", "pairs": " layout(<keys = 16, features = 2>) values_layout(<keys = 2>)"}
        before = f"scale({1 / math.sqrt(self.head_dim)!r}){layouts[self.layout]}"
        y = function.row_op(
            "mf.cached_attention", q, *caches, *rest, shape=("tokens", self.heads, self.value_dim), before=before
        )
        return modules.module(function.text(y=y))

    def tokens(self, count):
        """Queries, slots and positions of `count` tokens: runs of the three sequences, some behind a context."""
        random = np.random.default_rng(count)
        q = random.normal(0, 1.5, (count, self.heads, self.head_dim)).astype(np.float32)
        first, second = count * 3 // 5, count * 4 // 5
        slots = np.repeat([2, 0, 1], [first, second - first, count - second]).astype(np.int32)
        begins = np.repeat([5, 100, 0], [first, second - first, count - second])
        starts = np.repeat([0, first, second], [first, second - first, count - second])
        return q, slots, (begins + np.arange(count) - starts).astype(np.int32)

    def call(self, model, q, slots, places, keys=None, values=None):
        keys, values = self.keys if keys is None else keys, self.values if values is None else values
        if self.layout != "rows":
            keys = self.pack(keys, 16, 2 if self.layout == "pairs" else 1)
        if self.layout == "pairs":
            values = self.pack(values, 2, 1)
        (y,) = model.call("attention", q, keys, values, slots, places)
        return y

    @staticmethod
    def pack(cache, keys, features):
        """Blocks of `keys` positions as [features / f, keys, f]."""
        blocks = cache.reshape(*cache.shape[:2], -1, keys, cache.shape[3] // features, features).swapaxes(3, 4)
        return np.ascontiguousarray(blocks).reshape(cache.shape)

    def check(self, y, q, slots, places, margin):
        """Queries and weights are rounded to the caches' type; an error of a score is a relative one of its weight."""
        q = q.astype(DTYPES[self.element]).astype(np.float64)
        for token, (slot, place) in enumerate(zip(slots, places)):
            k, v = (np.repeat(cache[slot, :, : place + 1].astype(np.float64), 3, axis=0) for cache in (self.keys, self.values))
            scores = np.einsum("hd,hsd->hs", q[token], k) / math.sqrt(self.head_dim)
            magnitude = np.einsum("hd,hsd->hs", np.abs(q[token]), np.abs(k)).max(axis=1) / math.sqrt(self.head_dim)
            weights = np.exp(scores - scores.max(axis=1, keepdims=True))
            weights /= weights.sum(axis=1, keepdims=True)
            relative = UNITS[self.element] + (2 * (self.head_dim + 4) * magnitude + place + 64) * U
            # Weights of f16 below 2^-14 of the largest are multiples of 2^-24 of it.
            bound = relative[:, None] * np.einsum("hs,hse->he", weights, np.abs(v)) + 2.0**-25 * np.abs(v).sum(axis=1)
            error = np.abs(y[token] - np.einsum("hs,hse->he", weights, v))
            margin(f"attention on tensor cores, {self.element}", np.max(error / bound))


SHAPES = {
    "f16": ("f16", 64, 64, "rows"), "bf16": ("bf16", 64, 64, "rows"), "layout": ("f16", 64, 64, "columns"),
    "narrow": ("bf16", 16, 48, "columns"), "wide": ("f16", 128, 32, "rows"), "pairs": ("bf16", 64, 64, "pairs"),
    "wide pairs": ("bf16", 128, 128, "pairs"),
}


@pytest.fixture(scope="module")
def attention_library(compiler):
    def compile_attention(name):
        attention = Attention(*SHAPES[name])
        return attention, compiler.module(f"attention_matrices_{name.replace(' ', '_')}", attention.text(), "--gpu-host")

    return compile_attention


@pytest.mark.parametrize("name", SHAPES)
def test_attention(name, attention_library, margin):
    """Each token has the bits that it has alone, whatever is beside it; caches behind it may hold anything."""
    attention, library = attention_library(name)
    for tokens in TOKENS if name == "f16" else [2, 33]:
        with gpu_host.open_checked(library, threads=2) as model:
            inputs = attention.tokens(tokens)
            y = attention.call(model, *inputs)
            attention.check(y, *inputs, margin)
            names = counts(model)
            assert any(kernel.startswith("attention_matri") for kernel in names)
            if tokens >= 16:  # fewer share blocks of keys among warps
                assert sum(kernel["global_store_bytes"] for kernel in names.values()) == y.nbytes
            assert all(kernel["workgroup_wavefronts"] == kernel["workgroup_ideal_wavefronts"] for kernel in names.values()) \
                or name == "narrow"
            for token in range(0, tokens, 29):
                alone = attention.call(model, *(values[token : token + 1] for values in inputs))
                np.testing.assert_array_equal(alone[0], y[token])


def test_later_tokens_are_not_seen(attention_library):
    """Keys and values behind a token, be they no numbers, leave its bits."""
    attention, library = attention_library("f16")
    q, slots, places = attention.tokens(64)
    keys, values = attention.keys.copy(), attention.values.copy()
    for slot in range(attention.sequences):
        end = places[slots == slot][-1] + 1
        keys[slot, :, end - 3 :], values[slot, :, end - 3 :] = np.nan, np.inf
    last = np.array([places[token] >= places[slots == slots[token]][-1] - 2 for token in range(64)])
    with gpu_host.open_checked(library) as model:
        expected = attention.call(model, q, slots, places)
        y = attention.call(model, q, slots, places, keys, values)
        np.testing.assert_array_equal(y[~last], expected[~last])
        assert not np.isfinite(y[last]).any()


def test_threads_leave_the_bits(attention_library):
    attention, library = attention_library("layout")
    inputs = attention.tokens(65)
    outcomes = []
    for threads in (1, 3):
        with gpu_host.open_checked(library, threads=threads) as model:
            y = attention.call(model, *inputs)
            # Where arrays begin in sectors of 32 bytes is another with each call.
            kernels = {name: {k: v for k, v in kernel.items() if not k.endswith("sectors")}
                       for name, kernel in counts(model).items()}
            outcomes.append((y, kernels))
    with memoryformer.load(library, variant="gpu-host", threads=2) as model:
        np.testing.assert_array_equal(attention.call(model, *inputs), outcomes[0][0])
    np.testing.assert_array_equal(outcomes[0][0], outcomes[1][0])
    assert outcomes[0][1] == outcomes[1][1]


class Dense:
    """A weight that is a parameter, so that it lies in panels."""

    def __init__(self, features, columns, element):
        self.features, self.columns, self.element = features, columns, element
        random = np.random.default_rng(features)
        self.weight = random.normal(0, 1, (columns, features)).astype(DTYPES[element])

    def text(self, folder):
        function = modules.Function("linear")
        x = function.argument("x", ("tokens", self.features))
        shape, path = (self.columns, self.features), folder / "weight.bin"
        path.write_bytes(self.weight.tobytes())
        source = f'#mf.tensor_file<path = "{path}", offset = 0, element_type = {self.element}>'
        weight = function.parameter("weight", shape, self.element)
        y = function.row_op("mf.linear", x, weight, shape=("tokens", self.columns))
        return modules.module(function.text(y=y), modules.parameter("weight", shape, source, self.element))

    def call(self, model, x):
        (y,) = model.call("linear", x)
        return y

    def check(self, y, x, margin):
        """Two parts leave 2^-23 of an element; each part is a product and a sum of its own."""
        x, weight = x.astype(np.float64), self.weight.astype(np.float64)
        bound = (2 * self.features + 18) * U * (np.abs(x) @ np.abs(weight).T) + 1e-30
        margin(f"dense layer on tensor cores, {self.element}", np.max(np.abs(y - x @ weight.T) / bound))


DENSE = {"f16": (96, 136, "f16"), "bf16": (96, 136, "bf16"), "rest": (72, 131, "f16"), "slices": (2056, 24, "f16"),
         "one": (8, 1, "f16")}


@pytest.mark.parametrize("name", DENSE)
def test_dense(name, compiler, tmp_path, margin):
    """A row has the same bits among any number of others; rows of any magnitude have the error of f32 arithmetic."""
    dense = Dense(*DENSE[name])
    library = compiler.module(f"dense_matrices_{name}", dense.text(tmp_path), "--gpu-host")
    random = np.random.default_rng(3)
    x = random.normal(0, 1, (130, dense.features)) * 2.0 ** random.integers(-60, 61, (130, 1))
    x = x.astype(np.float32)
    with gpu_host.open_checked(library, threads=2) as model:
        whole = dense.call(model, x)
    dense.check(whole, x, margin)
    for tokens in [1, 7, 31, 32, 65]:
        with gpu_host.open_checked(library) as model:
            np.testing.assert_array_equal(dense.call(model, x[:tokens]), whole[:tokens])
            ((kernel, count),) = counts(model).items()
        assert kernel.startswith("linear_matrix_stream" if tokens < 32 else "linear_matrices")
        if tokens >= 32:
            assert count["workgroup_wavefronts"] == count["workgroup_ideal_wavefronts"] > 0


def test_a_dense_layer_streams_its_weight_once(compiler, tmp_path):
    """Up to 16 tokens: in sectors of 32 bytes, at most a tenth beyond the weight."""
    dense = Dense(1024, 128, "f16")
    library = compiler.module("dense_matrices_once", dense.text(tmp_path), "--gpu-host")
    for tokens in [1, 8]:
        x = gpu_host.aligned(np.ones((tokens, 1024), np.float32))
        with gpu_host.open_checked(library) as model:
            dense.call(model, x)
            ((_, count),) = counts(model).items()
        # Two blocks of columns read x.
        needed = dense.weight.nbytes + 2 * x.nbytes
        assert needed <= 32 * count["global_load_sectors"] <= 1.1 * needed


# Kernels broken on purpose.


def run_changed(folder, text, kernel, change, call):
    """Calls the module `text` with its kernel as `change` makes it; the counts of that kernel."""
    source = folder / "source.mlir"
    source.write_text(text)
    kernels = gpu_host.kernels(source)
    begin = kernels.index(f"gpu.func @{kernel}")
    changed = change(kernels[begin:])
    assert changed != kernels[begin:]
    with gpu_host.open_checked(gpu_host.compile_kernels(folder, text, kernels[:begin] + changed)) as model:
        call(model)
        return next(count for name, count in counts(model).items() if name.startswith(kernel))


def drop(op):
    """Removes the first line with `op`."""
    return lambda text: re.sub(rf"\n[^\n]*{re.escape(op)}[^\n]*", "", text, count=1)


def unpermute(text):
    """Pieces of 16 bytes stay where they are; a constant number of one is the right operand."""

    def keep(match):
        piece = match.group(2) if match.group(2).startswith("%c") else match.group(1)
        return f"arith.addi {piece}, %zero_index : index"

    text = re.sub(r"arith\.xori (%\w+), (%\w+) : index", keep, text)
    return text.replace("{\n", "{\n%zero_index = arith.constant 0 : index\n", 1)


@pytest.mark.parametrize("kernel, tokens", [("attention_matrices", 20), ("attention_matrix_blocks", 1)])
def test_a_removed_wait_of_attention_is_seen(kernel, tokens, tmp_path):
    attention = Attention("f16", 16, 16, "rows")
    with pytest.raises(memoryformer.Error, match="reads workgroup memory while a copy to it is on its way"):
        run_changed(tmp_path, attention.text(), kernel, drop("nvvm.cp.async.wait.group"),
                    lambda model: attention.call(model, *attention.tokens(tokens)))


@pytest.mark.parametrize("op, message", [("nvvm.cp.async.wait.group", "while a copy to it is on its way"),
                                         ("gpu.barrier", "race: |that nothing wrote")])
def test_a_dense_layer_needs_its_waits(op, message, tmp_path):
    dense = Dense(128, 16, "f16")
    with pytest.raises(memoryformer.Error, match=message):
        run_changed(tmp_path, dense.text(tmp_path), "linear_matrices", drop(op),
                    lambda model: dense.call(model, np.zeros((32, 128), np.float32)))


def test_half_of_a_permutation_gives_other_results(tmp_path):
    """Copies that permute otherwise than loads."""
    attention = Attention("f16", 64, 64, "rows")
    inputs = attention.tokens(20)

    def change(text):
        first = text.index("nvgpu.device_async_copy")
        return unpermute(text[:first]) + text[first:]

    def call(model):
        attention.check(attention.call(model, *inputs), *inputs, within_bound)

    def within_bound(name, ratio):
        assert ratio <= 1, name

    with pytest.raises(AssertionError):
        run_changed(tmp_path, attention.text(), "attention_matrices", change, call)
