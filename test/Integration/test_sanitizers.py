"""Generated code and runtime under ThreadSanitizer and AddressSanitizer: two models, eight sessions in eight threads."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from harness import ROOT, run

SOURCE = Path(__file__).parent / "c" / "threads.c"
CLANG = shutil.which("clang-22")


def has_runtime(sanitizer: str) -> bool:
    """Whether clang's runtime of a sanitizer is installed."""
    library = {"thread": "tsan", "address": "asan"}[sanitizer]
    name = f"libclang_rt.{library}-x86_64.a"
    found = subprocess.run([CLANG, f"-print-file-name={name}"], capture_output=True, text=True, check=True).stdout.strip()
    return Path(found).is_absolute() and Path(found).exists()


@pytest.mark.parametrize("sanitizer", ["thread", "address"])
def test_sessions_in_threads(compiler, sanitizer, tmp_path):
    if not CLANG or not has_runtime(sanitizer):
        pytest.skip(f"clang-22 or its runtime for -fsanitize={sanitizer} is missing")
    options = (f"--sanitize={sanitizer}", "-mcpu=native")
    libraries = [compiler.model(name, *options) for name in ("lm_d64_k16_t4", "lm_d32_k4_t8_f16_sharded")]
    program = tmp_path / "threads"
    flags = [f"-fsanitize={sanitizer}", "-g", "-O1", "-Wall", "-Wextra", "-Werror", f"-I{ROOT / 'include'}"]
    subprocess.run([CLANG, *flags, SOURCE, "-o", program, "-lpthread", "-ldl"], check=True)
    result = run(program, *libraries, env={**os.environ, "TSAN_OPTIONS": "exitcode=66"})
    assert result.returncode == 0 and result.stdout == "equal\n", result.stdout + result.stderr[:4000]
    assert "WARNING" not in result.stderr
