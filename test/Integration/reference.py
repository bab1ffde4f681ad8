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


FEATURE_MAPS = ("elu", "cosformer", "softmax", "relu")
"""Feature maps of linear attention; the last two are FAVOR+ kernels and need a projection."""


def features(
    name: str, x: np.ndarray, projection: np.ndarray | None, max_positions: int
) -> tuple[np.ndarray, np.ndarray]:
    """Features [T, H, r] of x [T, H, d] in its precision, up to the factor exp(logarithm) [T, H, 1]."""
    none = np.zeros((*x.shape[:2], 1), x.dtype)
    if name == "elu":
        return np.where(x > 0, x + 1, np.exp(np.minimum(x, 0))), none
    if name == "cosformer":
        angles = (np.arange(1, len(x) + 1) * np.pi / 2 / max_positions)[:, None, None]
        positive = np.maximum(x, 0)
        return np.concatenate([positive * np.sin(angles), positive * np.cos(angles)], axis=2).astype(x.dtype), none
    projected = x @ projection.astype(x.dtype).T
    if name == "relu":
        return np.maximum(projected, 0) + x.dtype.type(1e-3), none
    root = x.dtype.type(x.shape[2] ** 0.25)
    logarithms = projected / root
    highest = logarithms.max(axis=2, keepdims=True)
    return np.exp(logarithms - highest), highest - ((x / root) ** 2).sum(axis=2, keepdims=True) / 2


def _denominator(name: str, total: np.ndarray) -> np.ndarray:
    """The reciprocal, 0 of 0."""
    total = {"elu": total + 1e-6, "cosformer": np.maximum(total, 1e-6)}.get(name, total).astype(total.dtype)
    return np.divide(1, total, where=total != 0, out=np.zeros_like(total))


def recurrent_attention(
    name: str, q: np.ndarray, k: np.ndarray, v: np.ndarray, causal: bool, projection: np.ndarray | None = None,
    max_positions: int = 1,
) -> np.ndarray:
    """The form that sums phi(k) v^T, in the precision of q; one maximum for the logarithms of all keys."""
    query, _ = features(name, q, projection, max_positions)
    key, logarithms = features(name, k, projection, max_positions)
    key = key * np.exp(logarithms - logarithms.max(axis=0))
    values = np.concatenate([v.astype(q.dtype), np.ones_like(v[:, :, :1])], axis=2)
    sums = np.einsum("thr,the->thre", key, values)
    sums = np.cumsum(sums, axis=0, dtype=q.dtype) if causal else sums.sum(axis=0, keepdims=True, dtype=q.dtype)
    y = np.einsum("thr,thre->the", query, np.broadcast_to(sums, (len(q), *sums.shape[1:])))
    return y[:, :, :-1] * _denominator(name, y[:, :, -1])[..., None]


def linear_attention(
    name: str, q: np.ndarray, k: np.ndarray, v: np.ndarray, causal: bool, projection: np.ndarray | None = None,
    max_positions: int = 1,
) -> tuple[np.ndarray, np.ndarray]:
    """The masked quadratic form [T, H, e] in the precision of q, and the condition of its sums."""
    query, _ = features(name, q, projection, max_positions)
    key, logarithms = features(name, k, projection, max_positions)
    visible = np.tri(len(q), len(k), dtype=bool) if causal else np.ones((len(q), len(k)), bool)
    shifts = np.where(visible, logarithms[:, :, 0].T[:, None, :], -np.inf)  # [H, T, S]
    weights = np.einsum("thr,shr->hts", query, key) * np.exp(shifts - shifts.max(axis=2, keepdims=True))
    factor = _denominator(name, weights.sum(axis=2))
    sums, conditions = (np.einsum("hts,she->hte", weights, side) for side in (v.astype(q.dtype), np.abs(v)))
    return (sums * factor[..., None]).swapaxes(0, 1), (conditions * factor[..., None]).swapaxes(0, 1)
