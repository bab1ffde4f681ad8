"""The largest elements of rows, alone and fused with a dense layer: equal, bit for bit, to those of the written elements."""

from __future__ import annotations

import memoryformer
import numpy as np
import pytest
from harness import Compiler
from test_quantised import call, variants


def select(x: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Values and columns of the k largest of each row; NaN and -inf are none, the lower of equal columns comes first."""
    values, ids = np.full((len(x), k), -np.inf, np.float32), np.full((len(x), k), -1, np.int32)
    for row, elements in enumerate(x):
        there = np.flatnonzero(elements > -np.inf)
        best = there[np.argsort(-elements[there], kind="stable")][:k]
        values[row, : len(best)], ids[row, : len(best)] = elements[best], best
    return values, ids


def top_k_body(x: str, columns: int, run: int, k: int) -> list[str]:
    runs = -(-columns // run)
    shapes = [f"tensor<?x{runs}x{k}x{element}>" for element in ("f32", "i32")]
    results = [f"tensor<?x{k}x{element}>" for element in ("f32", "i32")]
    empty = [f"%e{i} = tensor.empty(%n) : {shape}" for i, shape in enumerate(shapes + results)]
    return [
        *empty,
        f"%r:2 = mf.top_k columns({run}) ins({x} : tensor<?x{columns}xf32>) outs(%e0, %e1 : {', '.join(shapes)}) -> "
        + ", ".join(shapes),
        f"%m:2 = mf.merge_top_k columns({run}) ins(%r#0, %r#1 : {', '.join(shapes)}) outs(%e2, %e3 : "
        f"{', '.join(results)}) -> {', '.join(results)}",
        f"return %m#0, %m#1 : {', '.join(results)}",
    ]


def function(name: str, width: int, results: list[str], body: list[str]) -> list[str]:
    x = f"tensor<?x{width}xf32>"
    named = ", ".join(f'{kind} {{mf.name = "y{i}", mf.dims = ["rows", ""]}}' for i, kind in enumerate(results))
    return [f'func.func @{name}(%x: {x} {{mf.name = "x", mf.dims = ["rows", ""]}}) -> ({named}) {{',
            "%c0 = arith.constant 0 : index", f"%n = tensor.dim %x, %c0 : {x}", *body, "}"]


def module(features: int, columns: int, run: int, k: int) -> str:
    """`best` from x alone, `head` of a dense layer, `logits` the dense layer alone."""
    best = [f"tensor<?x{k}xf32>", f"tensor<?x{k}xi32>"]
    weight, logits = f"tensor<{columns}x{features}xf32>", f"tensor<?x{columns}xf32>"
    linear = [f"%w = mf.get_parameter @w : {weight}", f"%e = tensor.empty(%n) : {logits}",
              f"%y = mf.linear ins(%x, %w : tensor<?x{features}xf32>, {weight}) outs(%e : {logits}) -> {logits}"]
    return "\n".join([
        f"mf.parameter @w : {weight} from #mf.random<seed = 3, scale = 1.0 : f32>",
        *function("best", columns, best, top_k_body("%x", columns, run, k)),
        *function("head", features, best, linear + top_k_body("%y", columns, run, k)),
        *function("logits", features, [logits], [*linear, f"return %y : {logits}"])])


def hard_rows(columns: int) -> np.ndarray:
    """Equal elements, infinities, NaN, signed zeros, few or no elements that count."""
    random = np.random.default_rng(2)
    x = random.integers(-3, 4, (12, columns)).astype(np.float32)
    x[1] = 1
    x[2] = -np.inf
    x[3] = np.nan
    x[4, ::2] = np.nan
    x[5, 1::3] = np.inf
    x[6] = -np.inf
    x[6, columns // 2] = -5
    x[7] = np.where(np.arange(columns) % 2, -0.0, 0.0)
    x[8, -1] = 100
    x[9, 0] = 100
    x[10] = random.standard_normal(columns)
    return x


@pytest.mark.parametrize("columns,run,k", [(1000, 96, 1), (1000, 96, 3), (70, 64, 5), (7, 64, 2), (384, 384, 1), (33, 1, 2)])
def test_top_k(compiler: Compiler, columns: int, run: int, k: int) -> None:
    library = compiler.module(f"top_k_{columns}_{run}_{k}", module(20, columns, run, k), "--gpu-host")
    x = hard_rows(columns)
    values, ids = select(x, k)
    for variant in variants(library):
        for threads in (1, 2):
            with memoryformer.load(library, variant=variant, threads=threads) as model:
                found_values, found_ids = call(model, "best", x)
                assert np.array_equal(found_ids, ids), variant
                assert np.array_equal(found_values, values)


@pytest.mark.parametrize("dtype", ["f32", "bf16", "i8", "i4"])
@pytest.mark.parametrize("columns,run,k", [(1000, 96, 1), (1000, 96, 3), (70, 48, 2), (768, 384, 1)])
def test_head(compiler: Compiler, columns: int, run: int, k: int, dtype: str) -> None:
    """Also where runs do not begin at panels, which are not fused, and with NaN in what goes in."""
    library = compiler.module(f"top_k_head_{columns}_{run}_{k}", module(64, columns, run, k), f"--head-dtype={dtype}")
    x = np.random.default_rng(4).standard_normal((130, 64)).astype(np.float32)
    x[7, 3], x[8] = np.nan, 0
    for variant in variants(library):
        for threads in (1, 2):
            with memoryformer.load(library, variant=variant, threads=threads) as model:
                values, ids = select(call(model, "logits", x)[0], k)
                assert np.all(ids[7] == -1) and np.all(ids[8] == np.arange(k))
                for count in (1, 2, 15, len(x)):
                    found_values, found_ids = call(model, "head", x[:count])
                    assert np.array_equal(found_ids, ids[:count]), (variant, threads, count)
                    assert np.array_equal(found_values, values[:count])
