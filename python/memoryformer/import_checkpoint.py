"""Converts checkpoints of the published MemoryFormer code (a fork of GPT-NeoX) into checkpoint directories.

Shapes are read from the tensors; what tensors do not show (heads, positions, rotary share) comes from the YAML file of
the training run or from options. Where the two disagree, the import stops: published configurations and the paper
differ from each other, so nothing is assumed.
"""

from __future__ import annotations

import dataclasses
import pickle
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .checkpoint import DEFAULT_SHARD_BYTES, DTYPES, stored_tensor, write_checkpoint
from .config import MemoryFormerConfig
from .nn import MemoryFormerForCausalLM

_MODEL_FILE = re.compile(r"mp_rank_(\d+)_model_states\.pt")
_LAYER_FILE = re.compile(r"layer_(\d+)-model_(\d+)-model_states\.pt")
_BLOCK_TABLES = re.compile(r"sequential\.(\d+)\.mlp\.2\.tables")
_IGNORED = ".attention.rotary_emb.inv_freq"

# YAML keys with the one supported value and what another value would mean. Absent keys have that value, or are
# checked by the shapes of the tensors.
_SUPPORTED: tuple[tuple[str, Any, str], ...] = (
    ("pos_emb", "rotary", "position embeddings other than rotary"),
    ("no_weight_tying", True, "an LM head tied to the embedding"),
    ("gpt_j_residual", False, "parallel residuals"),
    ("norm", "rmsnorm", "block norms other than RMSNorm"),
    ("use_qk_layernorm", False, "norms of Q and K"),
    ("apply_query_key_layer_scaling", False, "another attention scale"),
    ("mlp_type", "MemoryBlock", "feed-forward parts without tables"),
    ("mlp_expand_type", "extra_bit", "another expansion of the feed-forward part"),
    ("double_mlp_table", True, "a feed-forward part of one lookup"),
    ("aux_loss", False, "auxiliary losses"),
    ("attn_memory_config.fc_qkv", False, "dense Q, K and V"),
    ("attn_memory_config.del_dense", True, "an output projection"),
    ("attn_memory_config.shared_projection", False, "a projection shared by the hashes"),
    ("attn_memory_config.remove_projection", True, "a projection before the hash"),
    ("memory_config.remove_projection", True, "a projection before the hash"),
)

# YAML keys and the configuration fields that they must agree with.
_CHECKED: tuple[tuple[str, str], ...] = (
    ("num_layers", "num_hidden_layers"),
    ("hidden_size", "hidden_size"),
    ("attn_memory_config.value_size", "hidden_size"),
    ("memory_config.hidden_size", "hidden_size"),
    ("memory_config.output_size", "hidden_size"),
    ("attn_memory_config.ffn_num_table", "memory_num_tables"),
    ("memory_config.ffn_num_table", "memory_num_tables"),
    ("attn_memory_config.code_length", "memory_code_bits"),
    ("memory_config.code_length", "memory_code_bits"),
)


@dataclasses.dataclass(frozen=True)
class ImportOptions:
    """What the tensors of a checkpoint do not say; None means the YAML file's value or the published default."""

    config: Path | None = None
    num_attention_heads: int | None = None
    max_position_embeddings: int | None = None
    code_bits: int | None = None
    score: str = "magnitude"
    temperature: float = 1.0
    dtype: str = "keep"
    max_shard_bytes: int = DEFAULT_SHARD_BYTES


def import_checkpoint(checkpoint: Path, output: Path, options: ImportOptions = ImportOptions()) -> MemoryFormerConfig:
    """Writes the checkpoint directory `output` from a folder `global_step<N>` or the folder above it.

    Matrices keep their type or get `options.dtype`; with another type than `keep`, vectors become float32.
    Raises ValueError for models that the semantics here do not cover and FileNotFoundError for absent files.
    """
    tensors = read_published(Path(checkpoint))
    config = make_config(tensors, options)
    _check_tensors(config, tensors)
    if options.dtype != "keep":
        tensors = {name: stored_tensor(tensor, DTYPES[options.dtype]) for name, tensor in tensors.items()}
    dtype = str(tensors["sequential.2.mlp.0.tables"].dtype).removeprefix("torch.")
    write_checkpoint(output, {**config.to_dict(), "torch_dtype": dtype}, tensors, options.max_shard_bytes)
    return config


def read_published(checkpoint: Path) -> dict[str, Tensor]:
    """All parameters of a published checkpoint by their names `sequential.<n>.<parameter>`."""
    folder = _step_folder(checkpoint)
    layers = _rank_zero_files(folder, _LAYER_FILE, rank_group=2)
    models = _rank_zero_files(folder, _MODEL_FILE, rank_group=1)
    if layers:
        tensors = {
            f"sequential.{int(match[1])}.{name}": tensor
            for match, path in layers
            for name, tensor in _tensors_in(_load(path), path).items()
        }
    elif models:
        path = models[0][1]
        content = _load(path)
        if not isinstance(content, Mapping) or not isinstance(content.get("module"), Mapping):
            raise ValueError(f"{path}: expected an entry 'module' with the parameters")
        tensors = _tensors_in(content["module"], path)
    else:
        raise FileNotFoundError(
            f"{folder}: expected mp_rank_00_model_states.pt or layer_<nn>-model_00-model_states.pt, found neither"
        )
    return {name: tensor for name, tensor in tensors.items() if not name.endswith(_IGNORED)}


def _step_folder(checkpoint: Path) -> Path:
    """The folder with the files: `checkpoint`, or the one below it that its file `latest` names."""
    latest = checkpoint / "latest"
    return checkpoint / latest.read_text(encoding="utf-8").strip() if latest.exists() else checkpoint


def _rank_zero_files(folder: Path, pattern: re.Pattern[str], rank_group: int) -> list[tuple[re.Match[str], Path]]:
    """The files of tensor-parallel rank 0, sorted by name; an error if there are other ranks."""
    matches = [(pattern.fullmatch(path.name), path) for path in sorted(folder.glob("*.pt"))]
    found = [(match, path) for match, path in matches if match]
    ranks = sorted({int(match[rank_group]) for match, _ in found})
    if ranks not in ([], [0]):
        raise ValueError(
            f"{folder}: tensor-parallel checkpoints are not supported, expected rank 0 only, found ranks {ranks}; "
            "merge them with the tools of GPT-NeoX first"
        )
    return found


def _load(path: Path) -> Any:
    """torch.load that runs no code from the file; the numpy state of random generators is let through."""
    reconstruct = np.empty(0).__reduce__()[0]
    allowed = [
        (reconstruct, "numpy.core.multiarray._reconstruct"),
        (reconstruct, "numpy._core.multiarray._reconstruct"),
        np.ndarray,
        np.dtype,
        type(np.dtype(np.uint32)),
    ]
    try:
        with torch.serialization.safe_globals(allowed):
            return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except pickle.UnpicklingError as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"{path}: holds more than tensors and plain values ({reason}); save its 'module' entry alone"
        ) from error


def _tensors_in(content: Any, path: Path) -> dict[str, Tensor]:
    if not isinstance(content, Mapping):
        raise ValueError(f"{path}: expected a dictionary of tensors, found {type(content).__name__}")
    for name, value in content.items():
        if not isinstance(value, Tensor):
            raise ValueError(f"{path}: expected a tensor for {name!r}, found {type(value).__name__}")
    return dict(content)


def make_config(tensors: Mapping[str, Tensor], options: ImportOptions) -> MemoryFormerConfig:
    """The configuration that tensors, YAML file and options agree on."""
    if any(".hash.projection." in name for name in tensors):
        raise ValueError("the checkpoint has a projection before the hash (remove_projection: false): not supported")
    yaml = read_yaml(options.config) if options.config else {}
    for key, expected, meaning in _SUPPORTED:
        found = yaml.get(key, expected)
        if found != expected:
            raise ValueError(f"{options.config}: {key} must be {expected!r}, found {found!r}: {meaning} not supported")
    heads = options.num_attention_heads or yaml.get("num_attention_heads")
    if heads is None:
        raise ValueError("the number of attention heads is not in the tensors: name the YAML file or the heads")
    positions = options.max_position_embeddings or yaml.get("max_position_embeddings", yaml.get("seq_length", 2048))
    config = MemoryFormerConfig(
        **shapes_of(tensors, options.code_bits or yaml.get("memory_config.code_length")),
        num_attention_heads=int(heads),
        max_position_embeddings=int(positions),
        rotary_pct=float(yaml.get("rotary_pct", 0.25)),
        rotary_emb_base=float(yaml.get("rotary_emb_base", 10000)),
        rms_norm_eps=float(yaml.get("rms_norm_epsilon", 1e-8)),
        memory_score=options.score,
        memory_temperature=options.temperature,
    )
    for key, field in _CHECKED:
        found = yaml.get(key, getattr(config, field))
        if found != getattr(config, field):
            raise ValueError(f"{options.config}: {key} is {found}, but the tensors have {getattr(config, field)}")
    return config


def read_yaml(path: Path) -> dict[str, Any]:
    """A GPT-NeoX YAML file as one flat dictionary: hyphens become underscores, nested keys are joined with dots."""
    import yaml

    content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected a mapping, found {type(content).__name__}")
    flat: dict[str, Any] = {}
    for key, value in content.items():
        if isinstance(value, dict):
            flat.update({f"{key}.{name}".replace("-", "_"): item for name, item in value.items()})
        else:
            flat[key.replace("-", "_")] = value
    return flat


def shapes_of(tensors: Mapping[str, Tensor], code_bits: int | None) -> dict[str, int]:
    """The sizes that the tensors determine; `code_bits` decides where they leave tau open.

    With e extra bits the second FFN lookup has 2^e times the rows of the first, whose width is K (tau + e): so
    e = log2(rows_2 / rows_0) and, for e > 0, K = (width - d) / e and tau = d / K.
    """
    blocks = sorted(int(match[1]) for match in map(_BLOCK_TABLES.fullmatch, tensors) if match)
    if not blocks or blocks != list(range(2, 2 + len(blocks))):
        raise ValueError(f"expected sequential.<n>.mlp.2.tables for n = 2, 3, ..., found n = {blocks}")
    vocab, width = _shape(tensors, "sequential.0.word_embeddings.weight")
    rows_0, ffn_width = _shape(tensors, "sequential.2.mlp.0.tables")
    rows_2, _ = _shape(tensors, "sequential.2.mlp.2.tables")
    extra = (rows_2 // rows_0).bit_length() - 1
    tables = (ffn_width - width) // extra if extra > 0 else width // code_bits if code_bits else 0
    if tables <= 0 or width % tables != 0:
        raise ValueError(
            f"cannot tell the code bits from tables [{rows_0}, {ffn_width}] and [{rows_2}, {width}]: pass the code bits"
        )
    return {
        "hidden_size": width,
        "num_hidden_layers": len(blocks),
        "vocab_size": vocab,
        "memory_num_tables": tables,
        "memory_code_bits": width // tables,
        "memory_ffn_extra_bits": extra,
    }


def _shape(tensors: Mapping[str, Tensor], name: str) -> tuple[int, ...]:
    if name not in tensors:
        raise ValueError(f"the checkpoint has no tensor {name}")
    return tuple(tensors[name].shape)


def _check_tensors(config: MemoryFormerConfig, tensors: Mapping[str, Tensor]) -> None:
    """Every parameter of the model is there with its shape, and nothing else is."""
    with torch.device("meta"):
        expected = {name: tuple(value.shape) for name, value in MemoryFormerForCausalLM(config).state_dict().items()}
    for name, shape in expected.items():
        found = _shape(tensors, name)
        if found != shape:
            raise ValueError(f"tensor {name} must have shape {list(shape)}, found {list(found)}")
    surplus = sorted(set(tensors) - set(expected))
    if surplus:
        raise ValueError(f"the checkpoint has tensors that a MemoryFormer does not: {', '.join(surplus[:4])}")
