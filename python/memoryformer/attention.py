"""Attention in PyTorch: exact, linear (elu + 1), Performer, cosFormer and Linformer, causal or whole.

Every module takes queries, keys and values [batch, heads, n, head_dim] and gives [batch, n, heads * head_dim]. They are
quadratic references with gradients; the compiler evaluates the same formulas in chunks.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .config import AttentionConfig


def merge_heads(x: Tensor) -> Tensor:
    """[batch, heads, n, head_dim] -> [batch, n, heads * head_dim]."""
    return x.transpose(1, 2).flatten(2)


class SoftmaxAttention(nn.Module):
    """softmax(q k^T / sqrt(head_dim)) v."""

    def __init__(self, causal: bool = True) -> None:
        super().__init__()
        self.causal = causal

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return merge_heads(F.scaled_dot_product_attention(q, k, v, is_causal=self.causal))


class LinearAttention(nn.Module):
    """y_i = sum_j a_ij v_j / den(sum_j a_ij) with a_ij = phi_i(q_i) . phi_j(k_j); here phi(x) = elu(x) + 1 and 1e-6 is
    added to the denominator. Causal: j <= i."""

    def __init__(self, causal: bool = True) -> None:
        super().__init__()
        self.causal = causal

    def features(self, x: Tensor) -> Tensor:
        """[..., n, head_dim] -> [..., n, features]."""
        return F.elu(x) + 1

    def weights(self, q: Tensor, k: Tensor) -> Tensor:
        """a [..., n, n], up to a factor per row."""
        weights = self.features(q) @ self.features(k).transpose(-1, -2)
        return weights.tril() if self.causal else weights

    def denominator(self, total: Tensor) -> Tensor:
        return total + 1e-6

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        weights = self.weights(q, k)
        return merge_heads(weights @ v / self.denominator(weights.sum(dim=-1, keepdim=True)))


class CosformerAttention(LinearAttention):
    """a_ij = relu(q_i) . relu(k_j) cos(pi (i - j) / 2M), the denominator at least 1e-6. M = `max_positions` is fixed: if
    it were the length of the call, a longer sequence would change the results of its prefix."""

    def __init__(self, max_positions: int, causal: bool = True) -> None:
        super().__init__(causal)
        self.max_positions = max_positions

    def features(self, x: Tensor) -> Tensor:
        positions = torch.arange(1, x.shape[-2] + 1, dtype=torch.float64, device=x.device)
        angles = (positions * (math.pi / 2 / self.max_positions))[:, None]
        return torch.cat([F.relu(x) * angles.sin().to(x.dtype), F.relu(x) * angles.cos().to(x.dtype)], dim=-1)

    def denominator(self, total: Tensor) -> Tensor:
        return total.clamp(min=1e-6)


class PerformerAttention(LinearAttention):
    """FAVOR+ with a fixed projection `weight` W [features, head_dim]: blocks of orthogonal rows whose norms are those of
    normal vectors. Kernel `softmax`: phi(x) = exp(W x' - |x'|^2 / 2), x' = x / head_dim^(1/4), relative to the maximum
    over all visible keys; `relu`: phi(x) = relu(W x) + 1e-3. Nothing is added to the denominator."""

    def __init__(self, head_dim: int, features: int, kernel: str = "softmax", causal: bool = True) -> None:
        super().__init__(causal)
        self.kernel = kernel
        self.register_buffer("weight", torch.empty(features, head_dim))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        features, head_dim = self.weight.shape
        blocks = [torch.linalg.qr(torch.randn(head_dim, head_dim))[0] for _ in range(-(-features // head_dim))]
        norms = torch.randn(features, head_dim).norm(dim=1, keepdim=True)
        self.weight.copy_(torch.cat(blocks)[:features] * norms)

    def features(self, x: Tensor) -> Tensor:
        return F.relu(x @ self.weight.T) + 1e-3

    def weights(self, q: Tensor, k: Tensor) -> Tensor:
        if self.kernel == "relu":
            return super().weights(q, k)
        scale = q.shape[-1] ** -0.25
        query, key = q @ self.weight.T * scale, k @ self.weight.T * scale
        # A row's own factor cancels; the keys' are taken relative to the largest that the row sees.
        query_features = torch.exp(query - query.amax(dim=-1, keepdim=True))
        highest = key.amax(dim=-1, keepdim=True)
        key_features = torch.exp(key - highest)
        logarithms = (highest - (k * scale).square().sum(dim=-1, keepdim=True) / 2).transpose(-1, -2)
        if self.causal:
            visible = torch.ones(q.shape[-2], k.shape[-2], dtype=torch.bool, device=q.device).tril()
            logarithms = torch.where(visible, logarithms, -math.inf)
        factors = torch.exp(logarithms - logarithms.amax(dim=-1, keepdim=True).detach())
        return query_features @ key_features.transpose(-1, -2) * factors

    def denominator(self, total: Tensor) -> Tensor:
        return total


class LinformerAttention(nn.Module):
    """softmax(q (E k)^T / sqrt(head_dim)) F v with `key` E and `value` F [projected_length, positions]. Every projected
    key mixes all positions, so it cannot be causal."""

    def __init__(self, projected_length: int, max_positions: int) -> None:
        super().__init__()
        self.key, self.value = (nn.Parameter(torch.empty(projected_length, max_positions)) for _ in range(2))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        for weight in (self.key, self.value):
            nn.init.normal_(weight, std=weight.shape[0] ** -0.5)

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        count = k.shape[-2]
        keys, values = self.key[:, :count] @ k, self.value[:, :count] @ v
        return merge_heads(F.scaled_dot_product_attention(q, keys, values))


def make_attention(attention: AttentionConfig, causal: bool, head_dim: int, max_positions: int) -> nn.Module:
    """The module of a configuration. Its tensors have the names that checkpoints have behind `attention.<kind>.`."""
    if attention.kind == "softmax":
        return SoftmaxAttention(causal)
    if attention.kind == "linear":
        return LinearAttention(causal)
    if attention.kind == "performer":
        return PerformerAttention(head_dim, attention.features, attention.kernel, causal)
    if attention.kind == "cosformer":
        return CosformerAttention(attention.max_positions or max_positions, causal)
    return LinformerAttention(attention.projected_length, max_positions)
