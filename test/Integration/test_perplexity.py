"""Perplexity of the model that ships, with tables and head of few bits, on held-out text that ships with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from harness import ROOT, Compiler

MODEL = ROOT / "test" / "models" / "shakespeare"


def perplexity(library, text=MODEL / "validation.txt") -> float:
    # The window that the model was trained with: behind it, noise is as likely to help as to harm.
    command = [sys.executable, "-m", "memoryformer", "perplexity", library, "--text", text,
               "--tokenizer", MODEL / "tokenizer.json", "--window", "256", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "python")}
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["perplexity"]


@pytest.fixture(scope="module")
def exact(compiler: Compiler) -> float:
    value = perplexity(compiler.checkpoint(MODEL, "--table-dtype=f32", "-mcpu=native"))
    # 3.432 nats on all of the validation text; this is its end.
    assert 30 < value < 37
    return value


@pytest.mark.parametrize("options,bound", [(["--table-dtype=i8"], 0.005), (["--table-dtype=i8", "--head-dtype=i8"], 0.005),
                                           (["--table-dtype=i4"], 0.03), (["--table-dtype=i8", "--head-dtype=i4"], 0.03)])
def test_few_bits(compiler: Compiler, exact: float, options: list[str], bound: float) -> None:
    value = perplexity(compiler.checkpoint(MODEL, *options, "-mcpu=native"))
    assert abs(value / exact - 1) <= bound
