"""What a step of a session takes and returns, as the library's structs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from . import abi
from .abi import Error

_ONE, _TOKEN_TYPES = (1,), (np.dtype(np.int32), np.dtype(np.int64))


class Feed(NamedTuple):
    """Tokens that a step appends to a sequence: ids [n], n >= 1; `logits` is "none", "last" or "all"."""

    sequence: int
    tokens: Any
    logits: str = "last"


class Feeds:
    """Feeds as the library takes them, and the rows that they ask for."""

    def __init__(self, feeds: list[Feed]) -> None:
        self._given = [token_tensor(feed.tokens) for feed in feeds]  # the structs point into them
        self.count, self.rows = len(feeds), 0
        self.structs = (abi.Feed * max(len(feeds), 1))()
        for struct, feed, tokens in zip(self.structs, feeds, self._given):
            if feed.logits not in abi.LOGITS:
                raise Error(f"logits must be one of {', '.join(abi.LOGITS)}, found {feed.logits!r}")
            struct.sequence, struct.tokens, struct.logits = feed.sequence, tokens.pointer, abi.LOGITS[feed.logits]
            self.rows += math.prod(tokens.shape) if feed.logits == "all" else int(feed.logits == "last")


class SingleTokens:
    """Feeds of one token each that ask for the last logits, as those of a decode step: their structs are made once. To
    make them takes a tenth of such a step of a small model."""

    def __init__(self, count: int) -> None:
        self.count = self.rows = count
        self._tokens = np.zeros((count, 1), np.int64)
        self._tensors = [abi.tensor(token) for token in self._tokens]
        last = abi.LOGITS["last"]
        self.structs = (abi.Feed * count)(*(abi.Feed(0, tensor.pointer, last) for tensor in self._tensors))

    def fill(self, feeds: list[Feed]) -> None:
        for struct, token, feed in zip(self.structs, self._tokens, feeds):
            struct.sequence, token[0] = feed.sequence, feed.tokens[0]


class BestTokens:
    """Room for the ids i32 [rows, k] and logits f32 [rows, k] of the likeliest tokens; its structs are made once."""

    def __init__(self, rows: int, k: int) -> None:
        self._arrays = np.empty((rows, k), np.int32), np.empty((rows, k), np.float32)
        self._tensors = [abi.tensor(array, output=True) for array in self._arrays]
        self.pointers = [tensor.pointer if rows else None for tensor in self._tensors]

    def copy(self) -> tuple[np.ndarray, np.ndarray]:
        ids, logits = self._arrays
        return ids.copy(), logits.copy()


class StepStructs:
    """The structs of the last decode step, kept for the next one of the same shape."""

    def __init__(self) -> None:
        self._tokens = SingleTokens(0)
        self._best, self._shape = BestTokens(0, 0), (0, 0)

    def take(self, feeds: Sequence[Feed | tuple]) -> Feeds | SingleTokens:
        given = [Feed(*feed) for feed in feeds]
        if not given or not all(_is_single(feed) for feed in given):
            return Feeds(given)
        if len(given) != self._tokens.count:
            self._tokens = SingleTokens(len(given))
        self._tokens.fill(given)
        return self._tokens

    def best(self, rows: int, k: int) -> BestTokens:
        if self._shape != (rows, k):
            self._best, self._shape = BestTokens(rows, k), (rows, k)
        return self._best


def _is_single(feed: Feed) -> bool:
    tokens = feed.tokens
    return (
        isinstance(tokens, np.ndarray)
        and tokens.shape == _ONE
        and tokens.dtype in _TOKEN_TYPES
        and feed.logits == "last"
    )


def token_tensor(ids: Any) -> abi.Tensor:
    """Ids as they are where they have a dtype of their own, else as int64."""
    if hasattr(ids, "__dlpack__") and not isinstance(ids, np.ndarray):
        return abi.tensor(ids)
    array = np.asarray(ids)
    return abi.tensor(array if array.size else array.astype(np.int64))
