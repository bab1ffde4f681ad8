"""Dense layers that keep some features of each group: against the layers with zeros in place of the others, bit for bit,
and against float64 with the features chosen here."""

from __future__ import annotations

import json
from pathlib import Path

import memoryformer
import numpy as np
import pytest
from gpu_host import counts, open_checked
from harness import Compiler, every_variant, run
from test_quantised import call

PANEL = 32  # columns that keep the same features


def choose(weight: np.ndarray, kept: int, of: int) -> np.ndarray:
    """Where `weight` [N, D] is kept: of each group the features with the largest sum of squares in a panel."""
    mask = np.zeros(weight.shape, bool)
    for begin in range(0, len(weight), PANEL):
        squares = (weight[begin : begin + PANEL].astype(np.float64) ** 2).sum(axis=0).reshape(-1, of)
        order = np.argsort(-squares, axis=1, kind="stable")[:, :kept]
        chosen = np.zeros(squares.shape, bool)
        np.put_along_axis(chosen, order, True, axis=1)
        mask[begin : begin + PANEL] = chosen.ravel()
    return mask


def module(path: Path, features: int, columns: int) -> str:
    """A layer [columns, features] that comes into another one, [8, columns]."""
    first, second = f"tensor<{columns}x{features}xf32>", f"tensor<8x{columns}xf32>"
    hidden, out = f"tensor<?x{columns}xf32>", "tensor<?x8xf32>"
    return "\n".join([
        f'mf.parameter @w : {first} from #mf.tensor_file<path = "{path}", offset = 0, element_type = f32>',
        f"mf.parameter @v : {second} from #mf.random<seed = 3, scale = 1.0 : f32>",
        f'func.func @layers(%x: tensor<?x{features}xf32> {{mf.name = "x", mf.dims = ["rows", ""]}}) -> '
        f'({hidden} {{mf.name = "h", mf.dims = ["rows", ""]}}, {out} {{mf.name = "y", mf.dims = ["rows", ""]}}) {{',
        "%c0 = arith.constant 0 : index", f"%n = tensor.dim %x, %c0 : tensor<?x{features}xf32>",
        f"%w = mf.get_parameter @w : {first}", f"%v = mf.get_parameter @v : {second}",
        f"%e = tensor.empty(%n) : {hidden}", f"%f = tensor.empty(%n) : {out}",
        f"%h = mf.linear ins(%x, %w : tensor<?x{features}xf32>, {first}) outs(%e : {hidden}) -> {hidden}",
        f"%y = mf.linear ins(%h, %v : {hidden}, {second}) outs(%f : {out}) -> {out}",
        f"return %h, %y : {hidden}, {out}", "}"])


@pytest.mark.parametrize("dtype", ["f32", "f16", "bf16"])
@pytest.mark.parametrize("features,columns,kept,of", [(576, 576, 7, 8), (64, 80, 2, 4), (1024, 96, 2, 4), (36, 33, 1, 4), (600, 64, 3, 8),
                                                      (128, 31, 1, 64)])
def test_pruned_is_zeroed(compiler: Compiler, tmp_path_factory, features: int, columns: int, kept: int, of: int,
                          dtype: str) -> None:
    folder = tmp_path_factory.mktemp("weights")
    random = np.random.default_rng(11)
    weight = random.standard_normal((columns, features)).astype(np.float32)
    weight[: columns // 2, ::7] *= 4
    mask = choose(weight, kept, of)
    weight.tofile(folder / "whole.bin")
    np.where(mask, weight, 0).astype(np.float32).tofile(folder / "zeroed.bin")
    options = (f"--weight-dtype={dtype}",)
    name = f"weights_{features}_{columns}"
    pruned = compiler.module(name, module(folder / "whole.bin", features, columns), *options, f"--prune-weights={kept}:{of}")
    zeroed = compiler.module(name + "_zeroed", module(folder / "zeroed.bin", features, columns), *options)
    x = random.standard_normal((43, features)).astype(np.float32)
    expected = {variant: call(model, "layers", x) for variant, model in every_variant(zeroed)}
    if dtype == "f32":
        left = np.where(mask, weight, 0).astype(np.float64)
        condition = np.abs(x).astype(np.float64) @ np.abs(left).T
        for h, _ in expected.values():
            assert np.all(np.abs(h - x.astype(np.float64) @ left.T) <= 2.0**-23 * features * condition)
    for variant, model in every_variant(pruned, threads=2):
        for rows in (43, 14, 5, 1):
            for got, wanted in zip(call(model, "layers", x[:rows]), expected[variant]):
                np.testing.assert_array_equal(got, wanted[:rows])


@pytest.mark.parametrize("dtype", ["f32", "f16", "bf16"])
@pytest.mark.parametrize("features,columns,kept,of", [(576, 96, 7, 8), (36, 33, 1, 4), (600, 64, 3, 8)])
def test_pruned_on_gpus(compiler: Compiler, tmp_path_factory, features: int, columns: int, kept: int, of: int, dtype: str) -> None:
    """Both kernels, of tiles and of streams, on host threads with all checks: the bits of one another, and the sums of the
    features that are left within the roundings of a sum in slices."""
    path = tmp_path_factory.mktemp("weights") / "whole.bin"
    random = np.random.default_rng(12)
    weight = random.standard_normal((columns, features)).astype(np.float32)
    weight.tofile(path)
    options = (f"--weight-dtype={dtype}", f"--prune-weights={kept}:{of}", "--gpu-host", "-mcpu=native")
    library = compiler.module(f"weights_gpu_{features}_{columns}", module(path, features, columns), *options)
    x = random.standard_normal((70, features)).astype(np.float32)
    with memoryformer.load(library) as cpu, open_checked(library, threads=2) as gpu:
        wanted, expected = call(gpu, "layers", x), call(cpu, "layers", x)
        for rows in (1, 5, 7, 8, 65):
            for got, whole in zip(call(gpu, "layers", x[:rows]), wanted):
                np.testing.assert_array_equal(got, whole[:rows])
        names = set(counts(gpu))
    assert any("tile" in name for name in names) and any("stream" in name for name in names), names
    # Weights of half precision are chosen and rounded as on the CPU, whose features are compared with numpy above.
    condition = np.abs(x).astype(np.float64) @ np.abs(weight).T.astype(np.float64)
    assert np.all(np.abs(wanted[0] - expected[0].astype(np.float64)) <= 2 * 2.0**-24 * features * condition)
    if dtype == "f32":
        exact = x.astype(np.float64) @ np.where(choose(weight, kept, of), weight, 0).astype(np.float64).T
        assert np.all(np.abs(wanted[0] - exact) <= 2.0**-24 * features * condition)


def test_saving(tmp_path) -> None:
    """A model's weights take half of the bytes and the numbers of the features; the head and memory layers stay."""
    sizes, reports = [], []
    for options in ([], ["--prune-weights=2:4"]):
        done = run("mf-compile", "tiny", "--random-weights", "--layer-kinds=dense", "--random-dtype=f16", "-mcpu=native", *options,
                   "-o", tmp_path / "dense.so", "--report=json")
        assert done.returncode == 0, done.stderr
        reports.append(json.loads(done.stderr))
        sizes.append((tmp_path / "dense.mfp").stat().st_size)
    whole, pruned = reports
    assert not whole["pruned_weights"] and len(pruned["pruned_weights"]) == 6 * 6
    for weight in pruned["pruned_weights"]:
        numbers = weight["bytes_before"] // 2 // PANEL  # two bytes for what was 32 weights of two
        assert weight["bytes"] == weight["bytes_before"] // 2 + numbers, weight
        assert weight["kept"] == weight["features"] // 2
    saved = sum(weight["bytes_before"] - weight["bytes"] for weight in pruned["pruned_weights"])
    # More where tensors do not begin at multiples of 2 MiB any longer.
    assert sizes[0] - sizes[1] > 0.9 * saved


@pytest.mark.parametrize("options,text", [
    (["--prune-weights=2"], "--prune-weights expects n:m with 1 <= n < m <= 64, found '2'"),
    (["--prune-weights=4:4"], "--prune-weights expects n:m with 1 <= n < m <= 64, found '4:4'"),
    (["--prune-weights=2:4", "--weight-dtype=i8"], "--prune-weights is for weights of floats: it does not go with --weight-dtype=i8"),
    (["--prune-tables=x.json", "--prune-at-most=-1"], "--prune-at-most expects 0 or more uses, found -1"),
])
def test_refused(tmp_path, options: list[str], text: str) -> None:
    done = run("mf-compile", "tiny", "--random-weights", "-o", tmp_path / "x.so", *options)
    assert done.returncode == 2 and text in done.stderr, done.stderr
