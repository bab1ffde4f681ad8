"""Locality-sensitive hash and table lookup, the two halves of a memory layer, as differentiable torch functions.

Formulas: arXiv 2411.12992, equations 3 to 7, and for the score `magnitude` the published implementation.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from .config import MAX_CODE_BITS, SCORES


def memory_hash(
    x: Tensor, code_bits: int, score: str = "magnitude", temperature: float = 1.0
) -> tuple[Tensor, Tensor]:
    """Hashes every chunk z of `code_bits` consecutive features.

    Args:
        x: [..., K * code_bits], floating.
        code_bits: tau, 1 to 16.
        score: `magnitude`, sum|z| / prod(1 + exp(-2|z|)), or `probability`, 1 / prod(1 + exp(-2|z| / temperature)).
        temperature: t of `probability`; `magnitude` does not use it.

    Returns:
        codes [..., K] int64 and scores [..., K] of the type of x. Bit i of a code is z_i >= 0, the first element being
        the most significant bit: +0.0 and -0.0 give 1, NaN gives 0. The codes carry no gradient, and the gradient of a
        score with respect to z_i is 0 where z_i = 0.
    """
    if not 1 <= code_bits <= MAX_CODE_BITS:
        raise ValueError(f"code_bits must be 1 to {MAX_CODE_BITS}, found {code_bits}")
    if x.shape[-1] % code_bits != 0:
        raise ValueError(f"the last dimension must be a multiple of code_bits = {code_bits}, found {x.shape[-1]}")
    if score not in SCORES:
        raise ValueError(f"score must be one of {SCORES}, found {score!r}")
    z = x.unflatten(-1, (x.shape[-1] // code_bits, code_bits))
    return _codes(z), _scores(z, score, temperature)


def _codes(z: Tensor) -> Tensor:
    """Codes [..., K] int64 of chunks [..., K, tau]."""
    bits = z.shape[-1]
    weights = 2 ** torch.arange(bits - 1, -1, -1, device=z.device)
    return ((z.detach() >= 0) * weights).sum(-1)


def _scores(z: Tensor, score: str, temperature: float) -> Tensor:
    """Scores [..., K] of chunks [..., K, tau]; torch gives abs the gradient sign(z), with sign(0) = 0."""
    magnitude = z.abs()
    if score == "probability":
        return 1 / (1 + torch.exp(magnitude * (-2 / temperature))).prod(-1)
    return magnitude.sum(-1) / (1 + torch.exp(-2 * magnitude)).prod(-1)


def memory_lookup(codes: Tensor, scores: Tensor, tables: Tensor, bias: Tensor | None = None) -> Tensor:
    """y[n] = bias[n] + sum_k scores[k] * tables[k * 2^tau + codes[k], n], summed in float32 or better.

    Args:
        codes: [..., K] integer.
        scores: [..., K].
        tables: [K * 2^tau, N]; half-precision tables are widened.
        bias: [N] or None.

    Returns:
        [..., N] of the type of scores.
    """
    num_tables = codes.shape[-1]
    if tables.shape[0] % num_tables != 0:
        raise ValueError(f"tables must have a multiple of K = {num_tables} rows, found {tables.shape[0]}")
    accumulator = torch.promote_types(scores.dtype, torch.float32)
    first_row = torch.arange(num_tables, device=codes.device) * (tables.shape[0] // num_tables)
    y = F.embedding_bag(
        (codes + first_row).reshape(-1, num_tables),
        tables.to(accumulator),
        per_sample_weights=scores.reshape(-1, num_tables).to(accumulator),
        mode="sum",
    )
    if bias is not None:
        y = y + bias.to(accumulator)
    return y.reshape(*codes.shape[:-1], tables.shape[1]).to(scores.dtype)
