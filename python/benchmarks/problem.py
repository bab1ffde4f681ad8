"""The data of a case, made once and shared by its contestants, and float64 references of some rows."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from .config import Case

TABLE_SEED, TABLE_SCALE = 7, 0.125
CHECKED_ROWS = 4


def splitmix_uniform(seed: int, count: int, scale: float) -> np.ndarray:
    """The first `count` elements of `#mf.random<seed, scale>`, float32."""
    values = np.empty(count, np.float32)
    for begin in range(0, count, 1 << 22):
        end = min(begin + (1 << 22), count)
        with np.errstate(over="ignore"):
            w = np.uint64(seed) + np.arange(begin + 1, end + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
            w = (w ^ (w >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            w = (w ^ (w >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            w = w ^ (w >> np.uint64(31))
        values[begin:end] = ((w >> np.uint64(40)).astype(np.float64) * 2.0**-23 - 1) * scale
    return values


class Problem:
    """Inputs of one case; sizes that a case does not name have defaults."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.tokens = case.get("tokens", 1)
        self.width = case.get("width", 64)
        self.columns = case.get("columns", self.width)
        self.bits = case.get("bits", 8)
        self.tables_count = self.width // self.bits
        self.heads = case.get("heads", max(self.width // 64, 1))
        self.head_dim = case.get("head_dim", 64)

    def _random(self, seed: int) -> np.random.Generator:
        return np.random.default_rng(seed)

    @cached_property
    def x(self) -> np.ndarray:
        """Activations [tokens, width]."""
        return self._random(1).standard_normal((self.tokens, self.width), np.float32)

    @cached_property
    def weight(self) -> np.ndarray:
        """Dense weight [columns, width]."""
        weight = self._random(2).standard_normal((self.columns, self.width), np.float32)
        return weight / np.float32(np.sqrt(self.width))

    @cached_property
    def tables(self) -> np.ndarray:
        """Tables [tables, rows, columns] of `#mf.random`."""
        shape = (self.tables_count, 2**self.bits, self.columns)
        return splitmix_uniform(TABLE_SEED, int(np.prod(shape)), TABLE_SCALE).reshape(shape)

    @cached_property
    def hashed(self) -> tuple[np.ndarray, np.ndarray]:
        """Codes (unsigned) and scores `magnitude` [tokens, tables] of x."""
        codes = np.empty((self.tokens, self.tables_count), np.uint8 if self.bits <= 8 else np.uint16)
        scores = np.empty(codes.shape, np.float32)
        for begin in range(0, self.tokens, 256):
            z = self.x[begin : begin + 256].reshape(-1, self.tables_count, self.bits).astype(np.float64)
            codes[begin : begin + 256] = (z >= 0) @ (1 << np.arange(self.bits - 1, -1, -1))
            magnitude = np.abs(z)
            scores[begin : begin + 256] = magnitude.sum(-1) / (1 + np.exp(-2 * magnitude)).prod(-1)
        return codes, scores

    @cached_property
    def rows(self) -> np.ndarray:
        """Rows [tokens, tables] int64 of the tables as one matrix that the codes select."""
        return self.hashed[0].astype(np.int64) + np.arange(self.tables_count) * 2**self.bits

    @cached_property
    def qkv(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Queries, keys and values [tokens, heads, head_dim]."""
        shape = (self.tokens, self.heads, self.head_dim)
        return tuple(self._random(seed).standard_normal(shape, np.float32) for seed in (3, 4, 5))

    @property
    def checked(self) -> np.ndarray:
        """Tokens whose results are checked: some at the beginning and the last."""
        return np.unique(np.r_[np.arange(min(CHECKED_ROWS, self.tokens)), self.tokens - 1])

    def reference(self, operation: str) -> dict[str, np.ndarray]:
        """float64 results of an operation for the tokens `checked`; empty where it has no reference here."""
        known = {"lookup": self._lookup, "memory_layer": self._lookup, "hash": self._hash, "dense": self._dense}
        known["attention"] = self._attention
        return known[operation]() if operation in known else {}

    def _lookup(self) -> dict[str, np.ndarray]:
        codes, scores = (array[self.checked] for array in self.hashed)
        y = np.zeros((len(codes), self.columns))
        for table in range(self.tables_count):
            y += scores[:, table, None].astype(np.float64) * self.tables[table][codes[:, table]]
        return {"y": y}

    def _hash(self) -> dict[str, np.ndarray]:
        codes, scores = (array[self.checked].astype(np.float64) for array in self.hashed)
        return {"codes": codes, "scores": scores}

    def _dense(self) -> dict[str, np.ndarray]:
        return {"y": self.x[self.checked].astype(np.float64) @ self.weight.T.astype(np.float64)}

    def _attention(self) -> dict[str, np.ndarray]:
        q, k, v = (side.astype(np.float64) for side in self.qkv)
        y = np.zeros((len(self.checked), self.heads, self.head_dim))
        for index, token in enumerate(self.checked):
            logits = np.einsum("hd,khd->hk", q[token], k[: token + 1]) / np.sqrt(self.head_dim)
            weights = np.exp(logits - logits.max(-1, keepdims=True))
            y[index] = np.einsum("hk,khd->hd", weights / weights.sum(-1, keepdims=True), v[: token + 1])
        return {"y": y}
