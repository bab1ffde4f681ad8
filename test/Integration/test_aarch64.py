"""Dense layers of few bits and the largest elements on AArch64, under qemu: the bits are those of x86."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import memoryformer
import numpy as np
import pytest
from harness import ROOT, Compiler
from test_quantised import call
from test_top_k import hard_rows, module

GCC, QEMU = shutil.which("aarch64-linux-gnu-gcc"), shutil.which("qemu-aarch64")
pytestmark = pytest.mark.skipif(not (GCC and QEMU), reason="needs aarch64-linux-gnu-gcc and qemu-aarch64")

# Without and with the dot products of Armv8.4.
CPUS = {"aarch64": "max,sve=off", "neoverse-n1": "neoverse-n1"}


@pytest.fixture(scope="module")
def caller(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("aarch64") / "call_rows"
    source = ROOT / "test" / "Integration" / "c" / "call_rows.c"
    subprocess.run([GCC, f"-I{ROOT / 'include'}", source, "-o", program, "-ldl"], check=True)
    return program


def call_there(caller: Path, cpu: str, library: Path, entry: str, x: np.ndarray, outputs: list[tuple]) -> list[np.ndarray]:
    """`outputs`: dtype and columns of each."""
    folder = library.parent
    x.tofile(folder / "x.bin")
    words = [word for i, (dtype, columns) in enumerate(outputs)
             for word in (np.dtype(dtype).kind, columns, folder / f"y{i}.bin")]
    command = [QEMU, "-cpu", CPUS[cpu], "-L", "/usr/aarch64-linux-gnu", caller, library, entry, *x.shape, folder / "x.bin"]
    ended = subprocess.run([str(word) for word in command + words], capture_output=True, text=True, timeout=200)
    assert ended.returncode == 0, ended.stderr
    return [np.fromfile(folder / f"y{i}.bin", dtype).reshape(len(x), columns) for i, (dtype, columns) in enumerate(outputs)]


@pytest.mark.parametrize("cpu", CPUS)
@pytest.mark.parametrize("dtype,features", [("i8", 64), ("i8", 33), ("i4", 64), ("i4", 36)])
def test_head(compiler: Compiler, caller: Path, dtype: str, features: int, cpu: str) -> None:
    columns, k = 200, 3
    name, text = f"aarch64_{features}", module(features, columns, 96, k)
    options = [f"--head-dtype={dtype}", f"--head-group={32 if features % 32 == 0 else 0}"]
    there = compiler.module(name, text, *options, "-mtriple=aarch64-linux-gnu", f"-mcpu={cpu}")
    x = np.random.default_rng(3).standard_normal((9, features)).astype(np.float32)
    x[4] *= 1000
    logits, = call_there(caller, cpu, there, "logits", x, [(np.float32, columns)])
    with memoryformer.load(compiler.module(name, text, *options)) as model:
        assert np.array_equal(logits, call(model, "logits", x)[0])
        values, ids = call(model, "head", x)
    found_values, found_ids = call_there(caller, cpu, there, "head", x, [(np.float32, k), (np.int32, k)])
    assert np.array_equal(found_ids, ids) and np.array_equal(found_values, values)


def test_top_k(compiler: Compiler, caller: Path) -> None:
    text, x = module(20, 70, 64, 5), hard_rows(70)
    there = compiler.module("aarch64_top_k", text, "-mtriple=aarch64-linux-gnu")
    with memoryformer.load(compiler.module("aarch64_top_k", text)) as model:
        expected = call(model, "best", x)
    for found, wanted in zip(call_there(caller, "aarch64", there, "best", x, [(np.float32, 5), (np.int32, 5)]), expected):
        assert np.array_equal(found, wanted)
