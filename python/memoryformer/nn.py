"""Plain PyTorch reference of MemoryFormer: memory layer, norms, rotary embedding, block and causal language model.

It follows the published implementation (a fork of GPT-NeoX) in names and formulas, works in float32 and float64, and
hands out every intermediate result of a block on request.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from .attention import make_attention
from .checkpoint import Pretrained
from .config import MemoryFormerConfig
from .hash import memory_hash, memory_lookup

Intermediates = dict[str, Tensor]


class MemoryLayer(nn.Module):
    """Memory layer [..., K * tau] -> [..., N]: hash, then the score-weighted sum of one table row per chunk.

    Parameters: `tables` [K * 2^tau, N], `bias` [N].
    """

    def __init__(
        self, num_tables: int, code_bits: int, output_size: int, score: str = "magnitude", temperature: float = 1.0
    ) -> None:
        super().__init__()
        self.num_tables, self.code_bits = num_tables, code_bits
        self.score, self.temperature = score, temperature
        self.tables = nn.Parameter(torch.empty(num_tables << code_bits, output_size))
        self.bias = nn.Parameter(torch.empty(output_size))
        self.reset_parameters()

    def reset_parameters(self, std: float = 0.02) -> None:
        """Normal tables and nearly zero biases, as published."""
        nn.init.normal_(self.tables, std=std)
        nn.init.normal_(self.bias, std=0.001)

    def hash(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Codes and scores [..., K] of x [..., K * tau]."""
        expected = self.num_tables * self.code_bits
        if x.shape[-1] != expected:
            raise ValueError(f"the input must have {expected} features, found {x.shape[-1]}")
        return memory_hash(x, self.code_bits, self.score, self.temperature)

    def lookup(self, codes: Tensor, scores: Tensor) -> Tensor:
        """[..., K] codes and scores -> [..., N]; layers that share one hash call this with the same codes."""
        return memory_lookup(codes, scores, self.tables, self.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.lookup(*self.hash(x))

    def extra_repr(self) -> str:
        return (
            f"num_tables={self.num_tables}, code_bits={self.code_bits}, output_size={self.tables.shape[1]}, "
            f"score={self.score}, temperature={self.temperature}"
        )


class RMSNorm(nn.Module):
    """scale * x / (sqrt(mean(x^2)) + eps) over the last dimension: eps stands outside the root, a zero row gives 0.

    Evaluated in float32 or better.
    """

    def __init__(self, size: int, eps: float = 1e-8) -> None:
        super().__init__()
        self.eps = eps
        self.scale = nn.Parameter(torch.ones(size))

    def forward(self, x: Tensor) -> Tensor:
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        norm = torch.linalg.vector_norm(wide, dim=-1, keepdim=True) / math.sqrt(x.shape[-1])
        return (self.scale * (wide / (norm + self.eps))).to(x.dtype)


class RotaryEmbedding(nn.Module):
    """Turns the first `dims` features of every head, in NeoX pairs (i, i + dims / 2), and passes on the others.

    y = x cos + rotate_half(x) sin with rotate_half(a, b) = (-b, a) and angle position / base^(2 i / dims). The angles
    and their sines are float64, whatever the type of x.
    """

    def __init__(self, dims: int, base: float = 10000) -> None:
        super().__init__()
        if dims % 2 != 0:
            raise ValueError(f"the rotary size must be even, found {dims}")
        self.dims, self.base = dims, base

    def forward(self, x: Tensor, positions: Tensor) -> Tensor:
        """x [..., n, head_dim], positions [n] integer -> [..., n, head_dim]."""
        if self.dims == 0:
            return x
        exponents = torch.arange(0, self.dims, 2, dtype=torch.float64, device=x.device) / self.dims
        angles = positions.to(torch.float64)[:, None] / self.base**exponents
        cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
        a, b, rest = x.tensor_split((self.dims // 2, self.dims), dim=-1)
        return torch.cat((a * cos - b * sin, b * cos + a * sin, rest), dim=-1)


def split_heads(x: Tensor, heads: int) -> Tensor:
    """[batch, n, heads * head_dim] -> [batch, heads, n, head_dim]."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


class MemoryAttention(nn.Module):
    """Attention whose Q, K and V are three lookups with one shared hash; there is no output projection."""

    def __init__(self, config: MemoryFormerConfig) -> None:
        super().__init__()
        self.heads = config.num_attention_heads
        self.query_proj, self.key_proj, self.value_proj = (
            _memory_layer(config, config.memory_code_bits, config.hidden_size) for _ in range(3)
        )
        self.rotary_emb = RotaryEmbedding(config.rotary_dims, config.rotary_emb_base)
        # Under its kind's name, which the names of its tensors have.
        self.kind = config.attention.kind
        attention = make_attention(config.attention, config.causal, config.head_dim, config.max_position_embeddings)
        self.add_module(self.kind, attention)

    def forward(self, x: Tensor, positions: Tensor, intermediates: Intermediates | None = None) -> Tensor:
        """x [batch, n, d] -> [batch, n, d]."""
        codes, scores = self.query_proj.hash(x)
        q, k, v = (
            split_heads(layer.lookup(codes, scores), self.heads)
            for layer in (self.query_proj, self.key_proj, self.value_proj)
        )
        q_rot, k_rot = self.rotary_emb(q, positions), self.rotary_emb(k, positions)
        out = getattr(self, self.kind)(q_rot, k_rot, v)
        _keep(intermediates, attn_codes=codes, attn_scores=scores, q=q, k=k, v=v, q_rot=q_rot, k_rot=k_rot)
        _keep(intermediates, attn_out=out)
        return out


class MemoryFormerBlock(nn.Module):
    """x + attention(norm(x)), then + memory FFN (lookup, LayerNorm, lookup with more bits) of its norm.

    No activation function: the hash is the nonlinearity.
    """

    def __init__(self, config: MemoryFormerConfig) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.attention = MemoryAttention(config)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout)
        self.mlp = nn.ModuleList(
            (
                _memory_layer(config, config.memory_code_bits, config.intermediate_size),
                nn.LayerNorm(config.intermediate_size, eps=config.layer_norm_eps),
                _memory_layer(config, config.ffn_code_bits, config.hidden_size),
            )
        )

    def forward(
        self, x: Tensor, positions: Tensor | None = None, intermediates: Intermediates | None = None
    ) -> Tensor:
        """x [batch, n, d] -> [batch, n, d].

        `positions` [n] defaults to 0 .. n-1. `intermediates` receives `attn_norm`, `attn_codes`, `attn_scores`, `q`,
        `k`, `v`, `q_rot`, `k_rot`, `attn_out`, `attn_residual`, `ffn_norm`, `ffn1_codes`, `ffn1_scores`, `ffn1_out`,
        `ffn_hidden`, `ffn2_codes`, `ffn2_scores`, `ffn_out` and `out`; heads are [batch, heads, n, head_dim].
        """
        if positions is None:
            positions = torch.arange(x.shape[1], device=x.device)
        attn_norm = self.input_layernorm(x)
        attn_residual = x + self.dropout(self.attention(attn_norm, positions, intermediates))
        ffn_norm = self.post_attention_layernorm(attn_residual)
        out = attn_residual + self.dropout(self._feed_forward(ffn_norm, intermediates))
        _keep(intermediates, attn_norm=attn_norm, attn_residual=attn_residual, ffn_norm=ffn_norm, out=out)
        return out

    def _feed_forward(self, x: Tensor, intermediates: Intermediates | None) -> Tensor:
        expand, norm, contract = self.mlp
        ffn1_codes, ffn1_scores = expand.hash(x)
        ffn1_out = expand.lookup(ffn1_codes, ffn1_scores)
        ffn_hidden = norm(ffn1_out)
        ffn2_codes, ffn2_scores = contract.hash(ffn_hidden)
        ffn_out = contract.lookup(ffn2_codes, ffn2_scores)
        _keep(intermediates, ffn1_codes=ffn1_codes, ffn1_scores=ffn1_scores, ffn1_out=ffn1_out)
        _keep(intermediates, ffn_hidden=ffn_hidden, ffn2_codes=ffn2_codes, ffn2_scores=ffn2_scores, ffn_out=ffn_out)
        return ffn_out


class MemoryFormerForCausalLM(Pretrained, nn.Module):
    """Embedding, blocks, final RMSNorm and untied LM head; parameters carry the names of published checkpoints.

    With L blocks: `sequential.0.word_embeddings`, `sequential.2` .. `sequential.<L+1>` the blocks,
    `sequential.<L+3>.norm`, `sequential.<L+4>.final_linear`.
    """

    config_class = MemoryFormerConfig

    def __init__(self, config: MemoryFormerConfig) -> None:
        super().__init__()
        self.config = config
        layers, width = config.num_hidden_layers, config.hidden_size
        embedding = nn.Embedding(config.vocab_size, width)
        head = nn.Linear(width, config.vocab_size, bias=False)
        self.sequential = nn.ModuleDict({"0": nn.ModuleDict({"word_embeddings": embedding})})
        for layer in range(layers):
            self.sequential[str(2 + layer)] = MemoryFormerBlock(config)
        norm = RMSNorm(width, config.rms_norm_eps)
        self.sequential[str(layers + 3)] = nn.ModuleDict({"norm": norm})
        self.sequential[str(layers + 4)] = nn.ModuleDict({"final_linear": head})
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Q, K, V tables and head N(0, 2 / (5 d)) and FFN tables N(0, 0.02^2) as published; embedding N(0, 1).

        The published embedding is as small as the tables. But signs of a small embedding, and with them the codes of
        the first block, change all through the first steps, so the tables learn late: at d = 128 the validation loss
        after 300 steps is 3.92 with N(0, 1) and 4.07 with the published standard deviation.
        """
        std = math.sqrt(2 / (5 * self.config.hidden_size))
        nn.init.normal_(self.word_embeddings.weight)
        nn.init.normal_(self.final_linear.weight, std=std)
        for block in self.blocks:
            for layer in (block.attention.query_proj, block.attention.key_proj, block.attention.value_proj):
                layer.reset_parameters(std)

    @property
    def word_embeddings(self) -> nn.Embedding:
        return self.sequential["0"]["word_embeddings"]

    @property
    def blocks(self) -> list[MemoryFormerBlock]:
        return [self.sequential[str(2 + layer)] for layer in range(self.config.num_hidden_layers)]

    @property
    def final_norm(self) -> RMSNorm:
        return self.sequential[str(self.config.num_hidden_layers + 3)]["norm"]

    @property
    def final_linear(self) -> nn.Linear:
        return self.sequential[str(self.config.num_hidden_layers + 4)]["final_linear"]

    def forward(self, input_ids: Tensor, intermediates: Intermediates | None = None) -> Tensor:
        """input_ids [batch, n] -> logits [batch, n, vocab]; `intermediates` receives `block<i>_out`, `final_norm`."""
        x = self.word_embeddings(input_ids)
        for index, block in enumerate(self.blocks):
            x = block(x)
            _keep(intermediates, **{f"block{index}_out": x})
        x = self.final_norm(x)
        _keep(intermediates, final_norm=x)
        return self.final_linear(x)


@torch.no_grad()
def greedy(model: nn.Module, prompt_ids: list[int], max_new_tokens: int) -> list[int]:
    """The most probable continuation, ties to the lowest id; the whole sequence is evaluated at every step."""
    ids = list(prompt_ids)
    device = next(model.parameters()).device
    for _ in range(max_new_tokens):
        logits = model(torch.tensor([ids], device=device))
        ids.append(int(logits[0, -1].argmax()))
    return ids[len(prompt_ids) :]


def _memory_layer(config: MemoryFormerConfig, code_bits: int, output_size: int) -> MemoryLayer:
    return MemoryLayer(
        config.memory_num_tables, code_bits, output_size, config.memory_score, config.memory_temperature
    )


def _keep(intermediates: Intermediates | None, **tensors: Tensor) -> None:
    if intermediates is not None:
        intermediates.update(tensors)
