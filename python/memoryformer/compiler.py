"""Compiles models by running the tool mf-compile as a process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from .abi import Error

# A checkout that was built in place: <root>/build/bin beside <root>/python.
_BUILT_TOOL = Path(__file__).resolve().parents[2] / "build" / "bin" / "mf-compile"


def run_tool(name: str, *arguments: str | os.PathLike[str], text: str | None = None) -> str:
    """Standard output of a tool that lies beside mf-compile, given `text`; its message where it fails."""
    command = [os.fspath(find_compiler().with_name(name)), *map(os.fspath, arguments)]
    result = subprocess.run(command, input=text, capture_output=True, text=True, errors="replace")
    if result.returncode != 0:
        raise Error(f"{name} failed with exit status {result.returncode}: {result.stderr.strip()}")
    return result.stdout


def find_compiler() -> Path:
    """mf-compile: what MF_COMPILE names, else the one built in this checkout, else the one on PATH."""
    named = os.environ.get("MF_COMPILE")
    if named:
        if not os.access(named, os.X_OK):
            raise Error(f"MF_COMPILE names {named}, which is no program")
        return Path(named)
    if os.access(_BUILT_TOOL, os.X_OK):
        return _BUILT_TOOL
    found = shutil.which("mf-compile")
    if not found:
        raise Error(f"mf-compile was not found at {_BUILT_TOOL} nor on PATH; build it or name it in MF_COMPILE")
    return Path(found)


def compile(
    model: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    options: Sequence[str] = (),
    progress: bool = False,
) -> Path:
    """Compiles a checkpoint directory (config.json and safetensors) or an .mlir file to a model library.

    Writes `output`, its parameter file and its C header, and returns `output`.
    options: further options of mf-compile. progress: show the tool's messages while it runs.
    """
    command = [os.fspath(find_compiler()), os.fspath(model), "-o", os.fspath(output), *options]
    result = subprocess.run(command, stderr=subprocess.PIPE if not progress else None, text=True, errors="replace")
    if result.returncode != 0:
        message = (result.stderr or "").strip() or "see the messages above"
        raise Error(f"mf-compile failed with exit status {result.returncode}: {message}")
    if result.stderr:
        print(result.stderr, end="", file=sys.stderr)
    return Path(output)
