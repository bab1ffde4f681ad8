"""The compiler as a process, with scripts in its place."""

from __future__ import annotations

import pytest

import memoryformer
from memoryformer import Error, compiler


def script(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_compile_passes_paths_and_options(tmp_path, monkeypatch):
    output = tmp_path / "m.so"
    monkeypatch.setenv("MF_COMPILE", script(tmp_path / "tool", 'echo "$@" > "$3"'))
    assert memoryformer.compile(tmp_path / "model", output, options=["--variant=x86-64-v3"]) == output
    assert output.read_text() == f"{tmp_path}/model -o {output} --variant=x86-64-v3\n"


def test_warnings_are_shown(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MF_COMPILE", script(tmp_path / "tool", "echo careful >&2"))
    memoryformer.compile("model", tmp_path / "m.so")
    assert capsys.readouterr().err == "careful\n"


def test_a_failure_carries_the_message(tmp_path, monkeypatch):
    monkeypatch.setenv("MF_COMPILE", script(tmp_path / "tool", "echo config.json: broken >&2; exit 3"))
    with pytest.raises(Error, match="exit status 3: config.json: broken"):
        memoryformer.compile("model", tmp_path / "m.so")


def test_where_the_compiler_is_looked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("MF_COMPILE", str(tmp_path / "missing"))
    with pytest.raises(Error, match="MF_COMPILE names .*missing"):
        compiler.find_compiler()
    monkeypatch.delenv("MF_COMPILE")
    monkeypatch.setattr(compiler, "_BUILT_TOOL", tmp_path / "built")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Error, match="mf-compile was not found"):
        compiler.find_compiler()
    found = script(tmp_path / "mf-compile", "true")
    assert str(compiler.find_compiler()) == found
