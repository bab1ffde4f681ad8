"""Trains a small language model, MemoryFormer or dense, on a text file.

The output directory is a checkpoint directory (config.json, model.safetensors, tokenizer.json) with log.jsonl and
loss.png. While training runs it also holds checkpoint.pt, from which an interrupted run goes on: on the same machine
with the same number of threads the losses are those of an uninterrupted run.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from . import corpus
from .checkpoint import Pretrained, replace_file
from .config import AttentionConfig, DenseConfig, MemoryFormerConfig
from .dense import DenseForCausalLM
from .nn import MemoryFormerForCausalLM
from .plot import draw_losses, read_log

ARCHITECTURES = {"memoryformer": MemoryFormerForCausalLM, "dense": DenseForCausalLM}


@dataclasses.dataclass(frozen=True)
class TrainOptions:
    """What decides the result of a run and its log; `train` of the command line documents each."""

    text: str
    architecture: str = "memoryformer"
    vocab_size: int = 1024
    hidden_size: int = 128
    layers: int = 2
    heads: int = 2
    code_bits: int = 8
    score: str = "magnitude"
    temperature: float = 1.0
    dropout: float = 0.0
    attention: str = "softmax"
    attention_features: int = 128
    context: int = 256
    max_positions: int = 512
    batch: int = 16
    steps: int = 1200
    warmup_steps: int = 100
    learning_rate: float = 3e-3
    weight_decay: float = 0.01
    clip: float = 1.0
    validation_fraction: float = 0.05
    evaluate_every: int = 200
    log_every: int = 10
    seed: int = 0
    dtype: str = "f16"


@dataclasses.dataclass
class Run:
    """A training run in progress: everything that checkpoint.pt stores, and the data."""

    options: TrainOptions
    output: Path
    training: np.ndarray
    validation: np.ndarray
    model: Pretrained
    optimizer: torch.optim.Optimizer
    data_order: torch.Generator
    step: int = 0
    seconds: float = 0.0

    def fingerprint(self) -> dict[str, Any]:
        """Options and a digest of the tokens: a checkpoint goes on only with equal ones."""
        tokens = np.concatenate((self.training, self.validation))
        return {**dataclasses.asdict(self.options), "text": hashlib.sha256(tokens.tobytes()).hexdigest()}

    def save(self) -> None:
        """Writes checkpoint.pt atomically."""
        state = {
            "fingerprint": self.fingerprint(),
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "data_order": self.data_order.get_state(),
            "rng": torch.get_rng_state(),
            "step": self.step,
            "seconds": self.seconds,
        }
        replace_file(self.output / "checkpoint.pt", lambda path: torch.save(state, path))

    def resume(self) -> None:
        """Goes on from checkpoint.pt and drops the log lines of later steps; without a checkpoint starts the log."""
        path, log = self.output / "checkpoint.pt", self.output / "log.jsonl"
        if not path.exists():
            log.unlink(missing_ok=True)
            return
        state = torch.load(path, weights_only=True)
        self._check(path, state["fingerprint"])
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.data_order.set_state(state["data_order"])
        torch.set_rng_state(state["rng"])
        self.step, self.seconds = state["step"], state["seconds"]
        kept = [json.dumps(line) + "\n" for line in self.logged() if line["step"] <= self.step]
        replace_file(log, lambda temporary: temporary.write_text("".join(kept), encoding="utf-8"))

    def _check(self, path: Path, found: dict[str, Any]) -> None:
        expected = self.fingerprint()
        different = [key for key in expected if found.get(key) != expected[key]]
        if different:
            details = ", ".join(f"{key} {found.get(key)} there, {expected[key]} now" for key in different)
            raise ValueError(f"{path} belongs to a run with other options ({details}); remove it to start anew")

    def logged(self) -> list[dict[str, Any]]:
        """The lines of log.jsonl; none where the run is too short to have logged a step."""
        path = self.output / "log.jsonl"
        return read_log(path) if path.exists() else []

    def log(self, **values: float | str) -> None:
        """Appends a line to log.jsonl."""
        line = {"step": self.step, **values, "seconds": round(self.seconds, 2)}
        with open(self.output / "log.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def make_model(options: TrainOptions, vocab_size: int) -> Pretrained:
    """A freshly initialised model of the chosen architecture."""
    shape = {
        "hidden_size": options.hidden_size,
        "num_hidden_layers": options.layers,
        "num_attention_heads": options.heads,
        "vocab_size": vocab_size,
        "max_position_embeddings": options.max_positions,
        "hidden_dropout": options.dropout,
        "attention": AttentionConfig(
            options.attention, features=options.attention_features if options.attention == "performer" else None
        ),
    }
    if options.architecture == "dense":
        return DenseForCausalLM(DenseConfig(**shape))
    config = MemoryFormerConfig(
        **shape,
        memory_code_bits=options.code_bits,
        memory_score=options.score,
        memory_temperature=options.temperature,
    )
    return MemoryFormerForCausalLM(config)


def make_optimizer(model: nn.Module, options: TrainOptions) -> torch.optim.Optimizer:
    """AdamW with weight decay on matrices only."""
    matrices = [parameter for parameter in model.parameters() if parameter.dim() >= 2]
    vectors = [parameter for parameter in model.parameters() if parameter.dim() < 2]
    groups = [
        {"params": matrices, "weight_decay": options.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=options.learning_rate, betas=(0.9, 0.95))


def learning_rate(options: TrainOptions, step: int) -> float:
    """Linear warm-up, then a cosine down to zero after the last step; `step` counts from 0."""
    if step < options.warmup_steps:
        return options.learning_rate * (step + 1) / options.warmup_steps
    done = (step - options.warmup_steps) / max(1, options.steps - options.warmup_steps)
    return options.learning_rate * 0.5 * (1 + math.cos(math.pi * done))


def loss_of(model: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
    """Mean cross entropy in nats of inputs and targets [batch, n]."""
    return F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())


@torch.no_grad()
def evaluate(model: nn.Module, tokens: np.ndarray, options: TrainOptions) -> float:
    """Mean loss over all whole windows of `tokens`, without dropout."""
    model.eval()
    batches = corpus.all_windows(tokens, options.batch, options.context)
    losses = [(loss_of(model, inputs, targets).item(), len(inputs)) for inputs, targets in batches]
    model.train()
    return sum(loss * count for loss, count in losses) / sum(count for _, count in losses)


def prepare(options: TrainOptions, output: Path) -> Run:
    """Tokenizer, data, model and optimiser of a run that has not started, written as far as they are final."""
    if options.context > options.max_positions:
        raise ValueError(f"context must be at most max_positions = {options.max_positions}, found {options.context}")
    output.mkdir(parents=True, exist_ok=True)
    text = corpus.read_text(options.text)
    tokenizer = corpus.train_tokenizer(text, options.vocab_size)
    replace_file(output / "tokenizer.json", lambda path: tokenizer.save(str(path)))
    tokens = corpus.encode(tokenizer, text)
    training, validation = corpus.split(tokens, options.validation_fraction, options.context)
    torch.manual_seed(options.seed)
    model = make_model(options, options.vocab_size)
    data_order = torch.Generator().manual_seed(options.seed)
    return Run(options, output, training, validation, model, make_optimizer(model, options), data_order)


def train_step(run: Run) -> float:
    """One optimiser step; returns the loss before it."""
    options = run.options
    for group in run.optimizer.param_groups:
        group["lr"] = learning_rate(options, run.step)
    inputs, targets = corpus.random_windows(run.training, options.batch, options.context, run.data_order)
    run.optimizer.zero_grad(set_to_none=True)
    loss = loss_of(run.model, inputs, targets)
    loss.backward()
    nn.utils.clip_grad_norm_(run.model.parameters(), options.clip)
    run.optimizer.step()
    run.step += 1
    return loss.item()


def train(options: TrainOptions, output: str | Path, checkpoint_every: int = 200, progress: bool = True) -> Path:
    """Trains, or goes on with, a model and writes it to `output`.

    Args:
        options: what decides the result.
        output: directory for everything that is written.
        checkpoint_every: steps between two writes of checkpoint.pt, 0 for none but the last.
        progress: shows a progress bar.

    Returns:
        The output directory. The last line of its log.jsonl holds the validation loss of the model as trained and
        as stored (`stored_validation_loss`, with `dtype`).
    """
    run = prepare(options, Path(output))
    run.resume()
    bar = tqdm(total=options.steps, initial=run.step, disable=not progress, unit="step")
    while run.step < options.steps:
        started = time.perf_counter()
        values = {"train_loss": train_step(run)}
        if run.step % options.evaluate_every == 0 and run.step < options.steps:
            values["validation_loss"] = evaluate(run.model, run.validation, options)
        run.seconds += time.perf_counter() - started
        if "validation_loss" in values or run.step % options.log_every == 0:
            run.log(**values)
        bar.update()
        bar.set_postfix({key: f"{value:.3f}" for key, value in values.items()})
        if run.step == options.steps or (checkpoint_every and run.step % checkpoint_every == 0):
            run.save()
    bar.close()
    _finish(run)
    return run.output


def _finish(run: Run) -> None:
    """Stores the model, evaluates it as trained and as stored, and draws the losses."""
    options = run.options
    run.model.save_pretrained(run.output, options.dtype)
    stored = ARCHITECTURES[options.architecture].from_pretrained(run.output)
    if not any("dtype" in line for line in run.logged()):
        run.log(
            validation_loss=evaluate(run.model, run.validation, options),
            stored_validation_loss=evaluate(stored, run.validation, options),
            dtype=options.dtype,
        )
    draw_losses({options.architecture: run.logged()}, run.output / "loss.png")
