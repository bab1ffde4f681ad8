"""Builds the model library of fake_model.cpp once a process; tests that need it are skipped where there is no clang."""

from __future__ import annotations

import functools
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_FOLDER = tempfile.TemporaryDirectory(prefix="fake-model-")  # goes when the process ends
FLAGS = "-std=c++17 -O1 -shared -fPIC -fvisibility=hidden -fno-exceptions -fno-rtti -lpthread -lm".split()


@functools.cache
def library() -> Path:
    """Path of the library."""
    compiler = shutil.which("clang++-22") or shutil.which("clang++")
    if compiler is None:
        pytest.skip("no clang++ to build the fake model")
    output = Path(_FOLDER.name) / "fake.so"
    runtime = ROOT / "lib" / "Runtime"
    sources = [str(path) for path in sorted(runtime.rglob("*.cpp"))]
    includes = [f"-I{ROOT / 'include'}", f"-I{runtime}"]
    fake = str(Path(__file__).with_suffix(".cpp"))
    subprocess.run([compiler, *FLAGS, *includes, *sources, fake, "-o", str(output)], check=True)
    return output
