"""Decoders evaluated from their formulas in float64 or float32: GPT-NeoX, Llama, and memory blocks among their blocks.

A model is the content of a config.json and the tensors of its checkpoint under the names of Hugging Face.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

ERF = np.vectorize(math.erf, otypes=[np.float64])


def activation(kind: str, x: np.ndarray) -> np.ndarray:
    """GELU exact or in its tanh form, or SiLU, in the type of x."""
    if kind == "silu":
        return x / (1 + np.exp(-x))
    if kind == "gelu":
        return x * x.dtype.type(0.5) * (1 + ERF(x.astype(np.float64) / math.sqrt(2)).astype(x.dtype))
    inner = x.dtype.type(math.sqrt(2 / math.pi)) * (x + x.dtype.type(0.044715) * x**3)
    return x * x.dtype.type(0.5) * (1 + np.tanh(inner))


class Decoder:
    """Evaluates a model in `dtype`; every operation rounds to it."""

    def __init__(self, config: Mapping[str, Any], tensors: Mapping[str, np.ndarray], dtype: type) -> None:
        self.config, self.tensors, self.dtype = config, tensors, dtype
        self.family = config["model_type"]
        self.heads = config["num_attention_heads"]
        self.groups = config.get("num_key_value_heads") or self.heads
        self.size = config.get("head_dim") or config["hidden_size"] // self.heads
        kinds = config.get("layer_kinds", "memory" if self.family == "memoryformer" else "dense")
        self.kinds = [kinds] * config["num_hidden_layers"] if isinstance(kinds, str) else kinds

    def tensor(self, name: str) -> np.ndarray:
        return self.tensors[name].astype(self.dtype)

    def logits(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Logits [n, vocabulary] of ids [n], and the condition of their sums."""
        names = {
            "memoryformer": ("sequential.0.word_embeddings.weight", f"sequential.{len(self.kinds) + 3}.norm",
                             f"sequential.{len(self.kinds) + 4}.final_linear.weight"),
            "gpt_neox": ("gpt_neox.embed_in.weight", "gpt_neox.final_layer_norm", "embed_out.weight"),
            "llama": ("model.embed_tokens.weight", "model.norm", "lm_head.weight"),
        }
        embedding, norm, head = names[self.family]
        x = self.tensor(embedding)[ids]
        for layer, kind in enumerate(self.kinds):
            prefix = {"memoryformer": f"sequential.{layer + 2}.", "gpt_neox": f"gpt_neox.layers.{layer}.",
                      "llama": f"model.layers.{layer}."}[self.family]
            x = self.memory_block(x, prefix) if kind == "memory" else self.dense_block(x, prefix)
        x = self.memory_norm(x, norm + ".scale") if self.family == "memoryformer" else self.norm(x, norm)
        weight = self.tensor(embedding if self.config.get("tie_word_embeddings") else head)
        return x @ weight.T, np.abs(x) @ np.abs(weight).T

    # Parts

    def norm(self, x: np.ndarray, name: str) -> np.ndarray:
        if self.family == "llama":
            root = np.sqrt((x * x).mean(axis=1, keepdims=True) + self.dtype(self.config.get("rms_norm_eps", 1e-6)))
            return self.tensor(name + ".weight") * (x / root)
        centred = x - x.mean(axis=1, keepdims=True)
        root = np.sqrt((centred * centred).mean(axis=1, keepdims=True) + self.dtype(self.config["layer_norm_eps"]))
        return centred / root * self.tensor(name + ".weight") + self.tensor(name + ".bias")

    def memory_norm(self, x: np.ndarray, name: str) -> np.ndarray:
        eps = self.config.get("rms_norm_eps", 1e-8) if self.family == "memoryformer" else 1e-8
        return self.tensor(name) * (x / (np.sqrt((x * x).mean(axis=1, keepdims=True)) + self.dtype(eps)))

    def linear(self, x: np.ndarray, name: str) -> np.ndarray:
        y = x @ self.tensor(name + ".weight").T
        return y + self.tensor(name + ".bias") if name + ".bias" in self.tensors else y

    def rotate(self, x: np.ndarray) -> np.ndarray:
        """x [n, heads, size]; angles are those of the positions 0 .. n - 1."""
        if self.family == "llama":
            width, base = self.size, self.config.get("rope_theta", 10000)
        else:
            width, base = int(self.config["rotary_pct"] * self.size), self.config.get("rotary_emb_base", 10000)
        frequencies = base ** -(np.arange(0, width, 2) / width)
        angles = np.arange(len(x))[:, None, None] * frequencies
        cosine, sine = np.cos(angles).astype(self.dtype), np.sin(angles).astype(self.dtype)
        low, high, rest = np.split(x, [width // 2, width], axis=2)
        return np.concatenate([low * cosine - high * sine, high * cosine + low * sine, rest], axis=2)

    def attention(self, q: np.ndarray, k: np.ndarray, v: np.ndarray) -> np.ndarray:
        """[n, heads * size] of [n, heads, size] queries and [n, groups, size] keys and values."""
        q, k = self.rotate(q), self.rotate(k)
        k, v = (np.repeat(side, self.heads // self.groups, axis=1) for side in (k, v))
        scores = np.einsum("thd,shd->hts", q, k) * self.dtype(1 / math.sqrt(self.size))
        scores = np.where(np.tril(np.ones(scores.shape[1:], bool)), scores, -np.inf)
        weights = np.exp(scores - scores.max(axis=2, keepdims=True))
        weights /= weights.sum(axis=2, keepdims=True)
        return np.einsum("hts,shd->thd", weights, v).reshape(len(q), -1)

    # Blocks

    def dense_block(self, x: np.ndarray, prefix: str) -> np.ndarray:
        parallel = self.family == "gpt_neox" and self.config.get("use_parallel_residual", True)
        attended = x + self.dense_attention(self.norm(x, prefix + "input_layernorm"), prefix)
        norm = self.norm(x if parallel else attended, prefix + "post_attention_layernorm")
        if self.family == "llama":
            gate = activation(self.config.get("hidden_act", "silu"), self.linear(norm, prefix + "mlp.gate_proj"))
            hidden = gate * self.linear(norm, prefix + "mlp.up_proj")
            return attended + self.linear(hidden, prefix + "mlp.down_proj")
        hidden = activation(self.config.get("hidden_act", "gelu"), self.linear(norm, prefix + "mlp.dense_h_to_4h"))
        return attended + self.linear(hidden, prefix + "mlp.dense_4h_to_h")

    def dense_attention(self, x: np.ndarray, prefix: str) -> np.ndarray:
        if self.family == "llama":
            q, k, v = (self.linear(x, f"{prefix}self_attn.{side}_proj").reshape(len(x), -1, self.size) for side in "qkv")
            return self.linear(self.attention(q, k, v), prefix + "self_attn.o_proj")
        fused = self.linear(x, prefix + "attention.query_key_value").reshape(len(x), self.heads, 3, self.size)
        return self.linear(self.attention(*np.moveaxis(fused, 2, 0)), prefix + "attention.dense")

    def memory_layer(self, x: np.ndarray, name: str, bits: int) -> np.ndarray:
        codes, scores = self.hash(x, bits)
        tables = self.tensor(name + ".tables").reshape(codes.shape[1], 2**bits, -1)
        rows = tables[np.arange(codes.shape[1]), codes]
        return np.einsum("mk,mkn->mn", scores, rows) + self.tensor(name + ".bias")

    def hash(self, x: np.ndarray, bits: int) -> tuple[np.ndarray, np.ndarray]:
        z = x.reshape(len(x), -1, bits)
        magnitude = np.abs(z)
        product = np.prod(1 + np.exp(-2 * magnitude), axis=2)
        codes = ((z >= 0) << np.arange(bits)[::-1]).sum(axis=2)
        return codes, (magnitude.sum(axis=2) if self.config["memory_score"] == "magnitude" else 1) / product

    def memory_block(self, x: np.ndarray, prefix: str) -> np.ndarray:
        bits = self.config["memory_code_bits"]
        norm = self.memory_norm(x, prefix + "input_layernorm.scale")
        sides = (self.memory_layer(norm, f"{prefix}attention.{side}_proj", bits) for side in ("query", "key", "value"))
        x = x + self.attention(*(side.reshape(len(x), -1, self.size) for side in sides))
        norm = self.memory_norm(x, prefix + "post_attention_layernorm.scale")
        inner = self.memory_layer(norm, prefix + "mlp.0", bits)
        centred = inner - inner.mean(axis=1, keepdims=True)
        root = np.sqrt((centred * centred).mean(axis=1, keepdims=True) + self.dtype(self.config.get("layer_norm_eps", 1e-5)))
        hidden = centred / root * self.tensor(prefix + "mlp.1.weight") + self.tensor(prefix + "mlp.1.bias")
        return x + self.memory_layer(hidden, prefix + "mlp.2", bits + self.config["memory_ffn_extra_bits"])


def random_tensors(config: Mapping[str, Any], seed: int = 0) -> dict[str, np.ndarray]:
    """A checkpoint of `config` with normal elements: deviation 1 / sqrt(inputs) for matrices, 0.1 for vectors (about 1
    for the scales of norms), 0.5 for embeddings and tables."""
    random = np.random.default_rng(seed)
    tensors = {}
    for name, shape in shapes(config).items():
        values = random.standard_normal(shape)
        if len(shape) == 1:
            values = 0.1 * values + name.endswith((".scale", "norm.weight", "mlp.1.weight"))
        elif name.endswith((".tables", "embed_in.weight", "word_embeddings.weight", "embed_tokens.weight")):
            values *= 0.5
        else:
            values /= math.sqrt(shape[1])
        tensors[name] = values.astype(np.float32)
    return tensors


def shapes(config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the tensors of a checkpoint."""
    width, vocabulary, family = config["hidden_size"], config["vocab_size"], config["model_type"]
    inner = config.get("dense_intermediate_size", 4 * width) if family == "memoryformer" else config["intermediate_size"]
    decoder = Decoder(config, {}, np.float64)
    bias = config.get("attention_bias", family != "llama")
    found = {}

    def linear(name: str, outputs: int, inputs: int, has_bias: bool) -> None:
        found[name + ".weight"] = (outputs, inputs)
        if has_bias:
            found[name + ".bias"] = (outputs,)

    def norm(name: str) -> None:
        found[name + ".weight"] = (width,)
        if family != "llama":
            found[name + ".bias"] = (width,)

    def memory(name: str, bits: int, tables: int, outputs: int) -> None:
        found[name + ".tables"], found[name + ".bias"] = (tables * 2**bits, outputs), (outputs,)

    heads, groups = decoder.heads * decoder.size, decoder.groups * decoder.size
    prefixes = {"memoryformer": ("sequential.{}.", 2), "gpt_neox": ("gpt_neox.layers.{}.", 0), "llama": ("model.layers.{}.", 0)}
    pattern, offset = prefixes[family]
    for layer, kind in enumerate(decoder.kinds):
        prefix = pattern.format(layer + offset)
        if kind == "memory":
            bits, tables = config["memory_code_bits"], config["memory_num_tables"]
            total = bits + config["memory_ffn_extra_bits"]
            for side, outputs in (("query", heads), ("key", groups), ("value", groups)):
                memory(f"{prefix}attention.{side}_proj", bits, tables, outputs)
            memory(prefix + "mlp.0", bits, tables, tables * total)
            memory(prefix + "mlp.2", total, tables, width)
            found[prefix + "mlp.1.weight"] = found[prefix + "mlp.1.bias"] = (tables * total,)
            found[prefix + "input_layernorm.scale"] = found[prefix + "post_attention_layernorm.scale"] = (width,)
            continue
        norm(prefix + "input_layernorm"), norm(prefix + "post_attention_layernorm")
        if family == "llama":
            for side, outputs in (("q", heads), ("k", groups), ("v", groups)):
                linear(f"{prefix}self_attn.{side}_proj", outputs, width, bias)
            linear(prefix + "self_attn.o_proj", width, heads, bias)
            for side in ("gate", "up"):
                linear(f"{prefix}mlp.{side}_proj", inner, width, config.get("mlp_bias", False))
            linear(prefix + "mlp.down_proj", width, inner, config.get("mlp_bias", False))
        else:
            linear(prefix + "attention.query_key_value", 3 * width, width, bias)
            linear(prefix + "attention.dense", width, width, bias)
            linear(prefix + "mlp.dense_h_to_4h", inner, width, True)
            linear(prefix + "mlp.dense_4h_to_h", width, inner, True)
    if family == "memoryformer":
        last = config["num_hidden_layers"] + 3
        found |= {"sequential.0.word_embeddings.weight": (vocabulary, width), f"sequential.{last}.norm.scale": (width,),
                  f"sequential.{last + 1}.final_linear.weight": (vocabulary, width)}
        return found
    embedding, last, head = {"gpt_neox": ("gpt_neox.embed_in.weight", "gpt_neox.final_layer_norm", "embed_out.weight"),
                             "llama": ("model.embed_tokens.weight", "model.norm", "lm_head.weight")}[family]
    found[embedding] = (vocabulary, width)
    norm(last)
    if not config.get("tie_word_embeddings"):
        found[head] = (vocabulary, width)
    return found
