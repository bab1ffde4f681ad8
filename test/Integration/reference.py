"""float64 references: the formulas of test/golden/README.md, evaluated directly."""

from __future__ import annotations

import numpy as np

UNIT_ROUNDOFF = 2.0**-24


def hash_layer(x: np.ndarray, bits: int, score: str, temperature: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Codes i64 [M, K] and scores f64 [M, K] of x [M, K * bits]."""
    z = x.astype(np.float64).reshape(x.shape[0], x.shape[1] // bits, bits)
    with np.errstate(invalid="ignore", over="ignore"):
        codes = ((z >= 0) << np.arange(bits)[::-1]).sum(axis=2)
        magnitude = np.abs(z)
        product = np.prod(1 + np.exp(-2 * magnitude / temperature), axis=2)
    return codes, (magnitude.sum(axis=2) if score == "magnitude" else 1.0) / product


def lookup(
    codes: np.ndarray, scores: np.ndarray, tables: np.ndarray, bias: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """y f64 [M, N] and its condition for tables [K, 2^bits, N]."""
    rows = tables.astype(np.float64)[np.arange(tables.shape[0]), codes]  # [M, K, N]
    offset = 0.0 if bias is None else bias.astype(np.float64)
    y = (scores[..., None] * rows).sum(axis=1) + offset
    return y, (np.abs(scores[..., None] * rows)).sum(axis=1) + np.abs(offset)


def score_tolerance(bits: int, scores: np.ndarray) -> np.ndarray:
    return (4 * bits + 8) * UNIT_ROUNDOFF * scores + 1e-30


def lookup_tolerance(bits: int, tables: int, condition: np.ndarray) -> np.ndarray:
    return (tables + 4 * bits + 8) * UNIT_ROUNDOFF * condition + 1e-30


def attention(q: np.ndarray, k: np.ndarray, v: np.ndarray, causal: bool) -> np.ndarray:
    """f64 [T, H, e] of q [T, H, d], k [S, G, d], v [S, G, e]: the mask is aligned at the bottom right."""
    group = q.shape[1] // k.shape[1]
    k, v = (np.repeat(side.astype(np.float64), group, axis=1) for side in (k, v))
    scores = np.einsum("thd,shd->hts", q.astype(np.float64), k) / np.sqrt(q.shape[2])
    last = np.arange(q.shape[0])[:, None] + k.shape[0] - q.shape[0]
    seen = np.arange(k.shape[0])[None, :] <= last if causal else np.full(scores.shape[1:], True)
    scores = np.where(seen, scores, -np.inf)
    highest = scores.max(axis=2, keepdims=True, initial=-np.inf)
    weights = np.exp(scores - np.where(np.isfinite(highest), highest, 0))
    total = weights.sum(axis=2, keepdims=True)
    return np.einsum("hts,she->the", np.divide(weights, total, where=total > 0, out=np.zeros_like(weights)), v)
