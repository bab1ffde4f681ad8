"""The command line: commands that need no torch, and generation with a stand-in for the runtime."""

from __future__ import annotations

import re
import subprocess
import sys
import types
from pathlib import Path

import pytest

from memoryformer.cli import main

PACKAGE = Path(__file__).resolve().parents[1]


def test_package_and_help_need_no_torch():
    program = (
        "import sys; sys.modules.update(torch=None, tokenizers=None, matplotlib=None)\n"
        "import memoryformer, memoryformer.cli, memoryformer.config\n"
        "assert 'MemoryLayer' in dir(memoryformer)\n"
        "assert memoryformer.MemoryFormerConfig(8, 1, 1).memory_num_tables == 1\n"
        "sys.exit(memoryformer.cli.main(['train', '--text', 'x', '--output', 'y']))"
    )
    result = subprocess.run([sys.executable, "-c", program], cwd=PACKAGE, capture_output=True, text=True)
    assert result.returncode == 1 and "memoryformer train: error: " in result.stderr and "torch" in result.stderr


def test_unknown_name_of_the_package():
    import memoryformer

    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        memoryformer.nothing


@pytest.mark.parametrize("command", ["train", "plot", "import", "compile", "info", "generate", "perplexity"])
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    assert f"{command} " in capsys.readouterr().out


class EchoModel:
    """Returns the given continuation and records its calls."""

    info = {"hidden_size": 8}

    def __init__(self, continuation):
        self.continuation, self.calls = continuation, []

    def tokens(self, prompt_ids, max_new_tokens, **sampling):
        self.calls.append((list(prompt_ids), max_new_tokens, sampling))
        yield from self.continuation


def use_runtime(monkeypatch, model):
    runtime = types.ModuleType("memoryformer.runtime")
    runtime.load = lambda path, load_mode="map", threads=0: model
    runtime.Model = EchoModel
    monkeypatch.setitem(sys.modules, "memoryformer.runtime", runtime)


def test_generate_from_ids(monkeypatch, capsys):
    model = EchoModel([4, 5])
    use_runtime(monkeypatch, model)
    assert main(["generate", "m.so", "--prompt-ids", "1", "2", "--max-new-tokens", "2", "--top-k", "3"]) == 0
    assert capsys.readouterr().out == "4 5\n"
    assert model.calls == [([1, 2], 2, {"temperature": 0.0, "top_k": 3, "top_p": 1.0, "seed": 0})]


def test_generate_says_how_fast(monkeypatch, capsys):
    use_runtime(monkeypatch, EchoModel([4, 5, 6]))
    assert main(["generate", "m.so", "--prompt-ids", "1", "--timing"]) == 0
    assert re.fullmatch(r"prompt 1 tokens: \d+ tokens/s, decode 2 tokens: \d+ tokens/s\n", capsys.readouterr().err)


def test_generate_streams_whole_characters(monkeypatch, tmp_path, capsys):
    corpus = pytest.importorskip("memoryformer.corpus", exc_type=ImportError)
    tokenizer = corpus.train_tokenizer("to be or not to be", 258)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    use_runtime(monkeypatch, EchoModel(tokenizer.encode("é – ü").ids))
    assert main(["generate", str(tmp_path / "m.so"), "--prompt", "to be "]) == 0
    assert capsys.readouterr().out == "to be é – ü\n"


def test_generate_without_tokenizer_is_explained(monkeypatch, tmp_path, capsys):
    use_runtime(monkeypatch, EchoModel([]))
    pytest.importorskip("tokenizers")
    assert main(["generate", str(tmp_path / "m.so"), "--prompt", "x"]) == 1
    assert "name one with --tokenizer" in capsys.readouterr().err


def test_info(monkeypatch, capsys):
    use_runtime(monkeypatch, EchoModel([]))
    assert main(["info", "m.so"]) == 0
    assert '"hidden_size": 8' in capsys.readouterr().out


def test_compile_passes_options_on(monkeypatch, tmp_path):
    calls = []
    compiler = types.ModuleType("memoryformer.compiler")
    compiler.compile = lambda model, output, *, options=(): calls.append((str(model), str(output), options))
    monkeypatch.setitem(sys.modules, "memoryformer.compiler", compiler)
    assert main(["compile", "dir", "-o", "m.so", "--", "--threads=2", "--verbose"]) == 0
    assert calls == [("dir", "m.so", ("--threads=2", "--verbose"))]


def test_other_commands_pass_nothing_on(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["info", "m.so", "--", "--verbose"])
    assert "info passes nothing on" in capsys.readouterr().err
