"""A Llama-type decoder in PyTorch operators: what compiled models are compared with, for results and for speed."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F


class TorchLlama:
    """Evaluates a checkpoint directory without biases in float32."""

    def __init__(self, directory: Path) -> None:
        self.config = json.loads((directory / "config.json").read_text())
        self.tensors = {name: tensor.float() for name, tensor in load_file(directory / "model.safetensors").items()}
        self.heads, self.groups = self.config["num_attention_heads"], self.config["num_key_value_heads"]
        size = self.config["head_dim"] = self.config.get("head_dim") or self.config["hidden_size"] // self.heads
        self.head = self.tensors.get("lm_head.weight", self.tensors["model.embed_tokens.weight"])
        frequencies = self.config["rope_theta"] ** -(torch.arange(0, size, 2, dtype=torch.float64) / size)
        angles = torch.arange(self.config["max_position_embeddings"])[:, None] * frequencies
        self.cosine, self.sine = angles.cos().float(), angles.sin().float()

    @torch.inference_mode()
    def forward(self, ids: Tensor, cache: list | None = None, last: bool = False) -> Tensor:
        """Logits of ids [n], which follow what the cache holds; of the last one alone where `last`."""
        start = cache[0][0].shape[1] if cache else 0
        x = self.tensors["model.embed_tokens.weight"][ids]
        for layer in range(self.config["num_hidden_layers"]):
            x = x + self._attention(self._norm(x, layer, "input_layernorm"), layer, start, cache)
            norm = self._norm(x, layer, "post_attention_layernorm")
            gate = F.silu(self._linear(norm, layer, "mlp.gate_proj"))
            x = x + self._linear(gate * self._linear(norm, layer, "mlp.up_proj"), layer, "mlp.down_proj")
        x = F.rms_norm(x[-1:] if last else x, x.shape[1:], self.tensors["model.norm.weight"], self.config["rms_norm_eps"])
        return F.linear(x, self.head)

    def _linear(self, x: Tensor, layer: int, name: str) -> Tensor:
        return F.linear(x, self.tensors[f"model.layers.{layer}.{name}.weight"])

    def _norm(self, x: Tensor, layer: int, name: str) -> Tensor:
        weight = self.tensors[f"model.layers.{layer}.{name}.weight"]
        return F.rms_norm(x, x.shape[1:], weight, self.config["rms_norm_eps"])

    def _rotate(self, x: Tensor, start: int) -> Tensor:
        """x [heads, n, size]."""
        rows = slice(start, start + x.shape[1])
        low, high = x.chunk(2, dim=2)
        cosine, sine = self.cosine[rows], self.sine[rows]
        return torch.cat([low * cosine - high * sine, high * cosine + low * sine], dim=2)

    def _attention(self, x: Tensor, layer: int, start: int, cache: list | None) -> Tensor:
        sides = (self._linear(x, layer, f"self_attn.{side}_proj").unflatten(1, (-1, self.config["head_dim"])) for side in "qkv")
        q, k, v = (side.transpose(0, 1) for side in sides)
        q, k = self._rotate(q, start), self._rotate(k, start)
        if cache is not None:
            if start:
                k, v = torch.cat([cache[layer][0], k], dim=1), torch.cat([cache[layer][1], v], dim=1)
                cache[layer] = k, v
            else:
                cache.append((k, v))
        attended = F.scaled_dot_product_attention(q[None], k[None], v[None], is_causal=start == 0, enable_gqa=True)[0]
        return self._linear(attended.transpose(0, 1).flatten(1), layer, "self_attn.o_proj")
