"""Lookups and dense layers of every stored type against float64, bit for bit over token counts and variants.

Bounds. Scores and activations are rounded to steps of max / 127, so each is off by half a step. Elements are off by

- f16: half a unit in the last place, 2^-12 of values below 1;
- i8: half a step of a scale of at most 1 / 127;
- i4: half a step, 1 / 14, or, where the search cuts the largest elements off, by what is cut: at most 1 / 5 for elements
  that are uniform in [-1, 1), whose squared error is least for scales of 0.8 / 7 and more.

A sum of K products of such factors is off by at most the sum over k of |score| * e + |table| * h + h * e, with e for
elements and h half a step of the scores. i8 is checked beyond that against the same integers in float64, where only the
f32 products are left: 2^-21 of the largest result. So are groups of i4, whose scales are bf16: there, one rounding a group
and sum, 2^-23 of the sum of magnitudes each.
"""

from __future__ import annotations

import memoryformer
import numpy as np
import pytest

import modules
from harness import Compiler
from memoryformer.runtime import library_info

STEPS = {"f32": 1e-6, "f16": 2.0**-12, "i8": 1 / 254, "i4": 1 / 5}
COUNTS = (1, 2, 7, 63, 64, 65, 300)


def random_elements(count: int, seed: int) -> np.ndarray:
    """`#mf.random<seed, scale = 1>`: SplitMix64, the top 24 bits as f32 in [-1, 1)."""
    with np.errstate(over="ignore"):
        word = np.uint64(seed) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        word ^= word >> np.uint64(31)
    return (word >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-23) - np.float32(1)


def quantise_rows(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`mf.quantize_rows`: integers [tokens, d] and scales [tokens, 1], in float32 like the op."""
    largest = np.abs(x).max(axis=1, keepdims=True)
    return np.rint(x * (np.float32(127) / largest)), largest / np.float32(127)


def quantise_columns(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """i8 elements and their scales: the largest magnitude of a column (last axis) over 127."""
    scales = np.abs(table).reshape(-1, table.shape[-1]).max(axis=0) / np.float32(127)
    return np.rint(table * (np.float32(1) / scales)).clip(-127, 127), scales


def bfloat16(x: np.ndarray) -> np.ndarray:
    bits = x.astype(np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).view(np.float32)


def quantise_groups(weight: np.ndarray, group: int) -> tuple[np.ndarray, np.ndarray]:
    """i4 elements [columns, groups, group] and bf16 scales [columns, groups, 1]: of 13 fractions of the largest magnitude
    over 7 the one with the least squared error, summed in f32 like the compiler does."""
    x = weight.astype(np.float32).reshape(len(weight), -1, group)
    largest = np.abs(x).max(axis=2, keepdims=True) / np.float32(7)
    fractions = np.float32(0.4) + np.float32(0.05) * np.arange(13, dtype=np.float32)
    scales = bfloat16(largest * fractions)
    rounded = [np.rint(x * (np.float32(1) / scales[..., i : i + 1])).clip(-7, 7) for i in range(len(fractions))]
    errors = [(x - q * scales[..., i : i + 1]) ** 2 for i, q in enumerate(rounded)]
    best = np.argmin([np.cumsum(e, axis=2, dtype=np.float32)[..., -1:] for e in errors], axis=0)
    return np.choose(best, rounded), np.take_along_axis(scales, best, axis=2)


def call(model: memoryformer.Model, entry: str, *inputs: np.ndarray) -> list[np.ndarray]:
    results = model.call(entry, *[np.ascontiguousarray(array) for array in inputs])
    if isinstance(results, dict):
        return list(results.values())
    return list(results) if isinstance(results, (list, tuple)) else [results]


def variants(library) -> list[str]:
    """Variants that this CPU runs."""
    names = []
    for variant in library_info(library)["variants"]:
        try:
            memoryformer.load(library, variant=variant["name"]).close()
            names.append(variant["name"])
        except memoryformer.Error:
            pass
    return names


def lookup_module(tables: int, rows: int, columns: list[int]) -> str:
    code = "i8" if rows <= 256 else "i16"
    parameters, types, operands, biases, bias_types, inits, body = [], [], [], [], [], [], []
    for i, width in enumerate(columns):
        parameters += [f"mf.parameter @t{i} : tensor<{tables}x{rows}x{width}xf32> from #mf.random<seed = {i + 1}, scale = 1.0 : f32>",
                       f"mf.parameter @b{i} : tensor<{width}xf32> from #mf.random<seed = {100 + i}, scale = 1.0 : f32>"]
        body += [f"%t{i} = mf.get_parameter @t{i} : tensor<{tables}x{rows}x{width}xf32>",
                 f"%b{i} = mf.get_parameter @b{i} : tensor<{width}xf32>", f"%e{i} = tensor.empty(%n) : tensor<?x{width}xf32>"]
        types.append(f"tensor<{tables}x{rows}x{width}xf32>")
        bias_types.append(f"tensor<{width}xf32>")
        operands.append(f"%t{i}")
        biases.append(f"%b{i}")
        inits.append(f"tensor<?x{width}xf32>")
    results = ", ".join(f'{kind} {{mf.name = "y{i}", mf.dims = ["tokens", ""]}}' for i, kind in enumerate(inits))
    names = [f"%y#{i}" for i in range(len(columns))] if len(columns) > 1 else ["%y"]
    argument = '{{mf.name = "{}", mf.dims = ["tokens", ""]}}'
    join = ", ".join
    return "\n".join([
        *parameters,
        f"func.func @lookup(%c: tensor<?x{tables}x{code}> {argument.format('codes')}, "
        f"%s: tensor<?x{tables}xf32> {argument.format('scores')}) -> ({results}) {{",
        "%c0 = arith.constant 0 : index", f"%n = tensor.dim %c, %c0 : tensor<?x{tables}x{code}>", *body,
        f"%y{':' + str(len(columns)) if len(columns) > 1 else ''} = mf.lookup ins(%c, %s : tensor<?x{tables}x{code}>, "
        f"tensor<?x{tables}xf32>) tables({join(operands)} : {join(types)}) biases({join(biases)} : {join(bias_types)}) "
        f"outs({join(f'%e{i}' for i in range(len(columns)))} : {join(inits)}) -> {join(inits)}",
        f"return {join(names)} : {join(inits)}", "}"])


@pytest.mark.parametrize("dtype", STEPS)
@pytest.mark.parametrize("tables,rows,columns", [(8, 256, [64]), (7, 16, [128, 128]), (64, 256, [512] * 3),
                                                 (13, 1024, [200]), (3, 4, [20]), (33, 256, [960])],
                         ids=lambda value: str(value).replace(" ", ""))
def test_lookup(compiler: Compiler, tables: int, rows: int, columns: list[int], dtype: str) -> None:
    name = f"quantised_{tables}_{rows}_{len(columns)}"
    library = compiler.module(name, lookup_module(tables, rows, columns), f"--table-dtype={dtype}")
    random = np.random.default_rng(5)
    rows_of = random.integers(0, rows, (max(COUNTS), tables))
    codes = rows_of.astype(np.uint8).view(np.int8) if rows <= 256 else rows_of.astype(np.int16)
    scores = np.abs(random.standard_normal(codes.shape)).astype(np.float32)
    step = scores.max(axis=1, keepdims=True) / 254 if dtype.startswith("i") else np.zeros((len(scores), 1))
    seen = None
    for variant in variants(library):
        with memoryformer.load(library, variant=variant, threads=2) as model:
            whole = call(model, "lookup", codes, scores)
            for i, (width, y) in enumerate(zip(columns, whole)):
                table = random_elements(tables * rows * width, i + 1).reshape(tables, rows, width)
                picked = table[np.arange(tables), rows_of].astype(np.float64)
                exact = random_elements(width, 100 + i) + np.einsum("mk,mkn->mn", scores.astype(np.float64), picked)
                bound = (scores * STEPS[dtype]).sum(axis=1)[:, None] + step * np.abs(picked).sum(axis=1)
                bound += step * STEPS[dtype] * tables + 1e-5
                assert np.all(np.abs(y - exact) <= bound)
                if dtype == "i8":
                    (q, q_scale), (t, t_scale) = quantise_rows(scores), quantise_columns(table)
                    sums = np.einsum("mk,mkn->mn", q.astype(np.float64), t[np.arange(tables), rows_of].astype(np.float64))
                    exact = random_elements(width, 100 + i) + sums * t_scale * q_scale.astype(np.float64)
                    assert np.all(np.abs(y - exact) <= 2.0**-21 * np.abs(exact).max())
                for count in COUNTS[:-1]:
                    assert np.array_equal(call(model, "lookup", codes[:count], scores[:count])[i], y[:count]), count
        # Without fused products (v2) only the last product and the bias round in another way.
        if dtype.startswith("i") and variant != "x86-64-v2":
            assert seen is None or all(np.array_equal(a, b) for a, b in zip(seen, whole))
            seen = whole


@pytest.mark.parametrize("dtype", ["f32", "f16", "i8", "i4"])
@pytest.mark.parametrize("features,columns", [(64, 96), (512, 1000), (20, 16), (33, 70)])
def test_linear(compiler: Compiler, features: int, columns: int, dtype: str) -> None:
    text = modules.linear_module(features, columns)
    group = 32 if features % 32 == 0 else 0
    library = compiler.module(f"linear_{features}_{columns}", text, f"--head-dtype={dtype}", f"--head-group={group}")
    x = np.random.default_rng(1).standard_normal((9, features)).astype(np.float32)
    weight = random_elements(columns * features, 3).reshape(columns, features).astype(np.float64)
    exact = x.astype(np.float64) @ weight.T
    step = np.abs(x).max(axis=1, keepdims=True) / 254 if dtype.startswith("i") else np.zeros((len(x), 1))
    bound = (np.abs(x) * STEPS[dtype]).sum(axis=1)[:, None] + step * np.abs(weight).sum(axis=1)
    bound += step * STEPS[dtype] * features + 1e-4
    seen = None
    for variant in variants(library):
        with memoryformer.load(library, variant=variant, threads=2) as model:
            y = call(model, "linear", x)[0]
            assert np.all(np.abs(y - exact) <= bound)
            if dtype == "i8":
                (q, q_scale), (w, w_scale) = quantise_rows(x), quantise_columns(weight.T.astype(np.float32))
                integers = q.astype(np.float64) @ w.astype(np.float64) * w_scale * q_scale
                assert np.all(np.abs(y - integers) <= 2.0**-21 * np.abs(integers).max())
            if dtype == "i4" and group:
                (q, q_scale), (w, w_scale) = quantise_rows(x), quantise_groups(weight, group)
                sums = np.einsum("mgd,ngd->mng", q.reshape(len(x), -1, group).astype(np.float64), w) * w_scale[..., 0]
                margin = 2.0**-23 * (sums.shape[2] + 3) * np.abs(sums).sum(axis=2) * q_scale
                assert np.all(np.abs(y - sums.sum(axis=2) * q_scale) <= margin)
            # Also between variants: nothing is fused.
            assert seen is None or np.array_equal(seen, y)
            seen = y if dtype.startswith("i") else None
            for row in range(len(x)):
                assert np.array_equal(call(model, "linear", x[row : row + 1])[0][0], y[row]), row
