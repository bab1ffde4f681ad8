"""Cross entropy of a compiled language model on a text. Needs numpy only.

The text is cut into windows that do not overlap, each a sequence of its own: the context of a prediction begins where
its window does. Every token but the first is predicted once.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from .runtime import Feed, Model

# Tokens of a step: what bounds the logits in memory, f32 [tokens, vocabulary].
CHUNK = 256


class Measurement(NamedTuple):
    """The mean cross entropy in nats of `tokens` predicted tokens, in windows of `window` tokens."""

    loss: float
    tokens: int
    window: int

    @property
    def perplexity(self) -> float:
        """exp(loss), infinite where that overflows."""
        return math.exp(self.loss) if self.loss < 709.0 else math.inf

    def to_dict(self) -> dict[str, Any]:
        """As the command prints it with --json."""
        return {"loss": self.loss, "perplexity": self.perplexity, "tokens": self.tokens, "window": self.window}


def measure(model: Model, ids: Any, window: int = 0) -> Measurement:
    """Predicts ids [n] from the tokens before them; n >= 2. window: tokens of a sequence, 0: the model's positions."""
    ids = np.asarray(ids)
    if ids.ndim != 1 or len(ids) < 2:
        raise ValueError(f"a perplexity needs at least 2 tokens in a row, found shape {list(ids.shape)}")
    limits = model.info.get("limits")
    if limits is None:
        raise ValueError("a perplexity needs a language model; the library has only entries to call")
    positions, vocabulary = limits["max_positions"], limits["vocabulary"]
    if not 0 <= window <= positions:
        raise ValueError(f"window must be 1 to {positions}, the model's positions, or 0 for these; found {window}")
    if ids.min() < 0 or ids.max() >= vocabulary:
        raise ValueError(
            f"tokens must be 0 to {vocabulary - 1}, found {ids.min()} to {ids.max()}: the tokenizer is another model's"
        )
    window = window or positions
    chunk = min(window, CHUNK)
    total, logits = 0.0, np.empty((chunk, vocabulary), np.float32)
    with model.session(max_tokens_per_call=chunk, max_positions=window) as session:
        sequence = session.add()
        for begin in range(0, len(ids) - 1, window):
            session.truncate(sequence, 0)
            end = min(begin + window, len(ids) - 1)
            for first in range(begin, end, chunk):
                last = min(first + chunk, end)
                out = logits[: last - first]
                session.step([Feed(sequence, ids[first:last], "all")], out=out)
                total += _cross_entropy(out, ids[first + 1 : last + 1])
    return Measurement(total / (len(ids) - 1), len(ids) - 1, window)


def _cross_entropy(logits: np.ndarray, targets: np.ndarray) -> float:
    """Sum over the rows of f32 [n, vocabulary] of -log softmax at the target, in float64."""
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(axis=1, keepdims=True)
    wanted = shifted[np.arange(len(targets)), targets]
    return float((np.log(np.exp(shifted).sum(axis=1)) - wanted).sum())
