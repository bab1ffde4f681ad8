"""The dense GPT-NeoX decoder with sequential residual: the baseline that a MemoryFormer is trained against.

Parameter names and the layout of the fused QKV projection ([heads, 3, head_dim] rows) are those of the Hugging Face
implementation of GPT-NeoX.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .attention import make_attention
from .checkpoint import Pretrained
from .config import DenseConfig
from .nn import RotaryEmbedding


class DenseAttention(nn.Module):
    """Attention with a fused QKV projection, partial rotary embedding and an output projection."""

    def __init__(self, config: DenseConfig) -> None:
        super().__init__()
        self.heads = config.num_attention_heads
        self.query_key_value = nn.Linear(config.hidden_size, 3 * config.hidden_size)
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.rotary_emb = RotaryEmbedding(config.rotary_dims, config.rotary_emb_base)
        # Under its kind's name, which the names of its tensors have.
        self.kind = config.attention.kind
        attention = make_attention(config.attention, config.causal, config.head_dim, config.max_position_embeddings)
        self.add_module(self.kind, attention)

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, n, d] -> [batch, n, d]."""
        positions = torch.arange(x.shape[1], device=x.device)
        q, k, v = self.query_key_value(x).unflatten(-1, (self.heads, -1)).transpose(1, 2).chunk(3, dim=-1)
        return self.dense(getattr(self, self.kind)(self.rotary_emb(q, positions), self.rotary_emb(k, positions), v))


class DenseMLP(nn.Module):
    """d -> 4 d -> d with GELU."""

    def __init__(self, config: DenseConfig) -> None:
        super().__init__()
        self.dense_h_to_4h = nn.Linear(config.hidden_size, config.intermediate_size)
        self.dense_4h_to_h = nn.Linear(config.intermediate_size, config.hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        return self.dense_4h_to_h(F.gelu(self.dense_h_to_4h(x)))


class DenseBlock(nn.Module):
    """x + attention(norm(x)), then + mlp of its norm; LayerNorm throughout."""

    def __init__(self, config: DenseConfig) -> None:
        super().__init__()
        self.input_layernorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.attention = DenseAttention(config)
        self.post_attention_layernorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.mlp = DenseMLP(config)
        self.dropout = nn.Dropout(config.hidden_dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.dropout(self.attention(self.input_layernorm(x)))
        return x + self.dropout(self.mlp(self.post_attention_layernorm(x)))


class DenseForCausalLM(Pretrained, nn.Module):
    """Embedding, dense blocks, final LayerNorm and untied LM head."""

    config_class = DenseConfig

    def __init__(self, config: DenseConfig) -> None:
        super().__init__()
        self.config = config
        self.gpt_neox = nn.ModuleDict(
            {
                "embed_in": nn.Embedding(config.vocab_size, config.hidden_size),
                "layers": nn.ModuleList(DenseBlock(config) for _ in range(config.num_hidden_layers)),
                "final_layer_norm": nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps),
            }
        )
        self.embed_out = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """GPT-NeoX initialisation: N(0, 2 / (5 d)), output projections N(0, (2 / (L sqrt(d)))^2), biases 0."""
        width, layers = self.config.hidden_size, self.config.num_hidden_layers
        output_std = min(math.sqrt(2 / (5 * width)), 2 / (layers * math.sqrt(width)))
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                is_output = name.endswith(("attention.dense.weight", "dense_4h_to_h.weight"))
                nn.init.normal_(parameter, std=output_std if is_output else math.sqrt(2 / (5 * width)))
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(self, input_ids: Tensor) -> Tensor:
        """input_ids [batch, n] -> logits [batch, n, vocab]."""
        x = self.gpt_neox["embed_in"](input_ids)
        for block in self.gpt_neox["layers"]:
            x = block(x)
        return self.embed_out(self.gpt_neox["final_layer_norm"](x))
