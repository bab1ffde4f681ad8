"""Checkpoint directories in the Hugging Face shape: config.json and one safetensors file or shards with an index."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from .files import replace_file, write_json

DTYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}
DEFAULT_SHARD_BYTES = 5_000_000_000
_SINGLE, _INDEX = "model.safetensors", "model.safetensors.index.json"


def stored_tensor(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """The form in which a parameter is stored: matrices as `dtype`, vectors (biases, scales) as float32."""
    return tensor.detach().cpu().to(dtype if tensor.dim() >= 2 else torch.float32).contiguous()


def _shards(tensors: Mapping[str, Tensor], max_shard_bytes: int) -> list[list[str]]:
    """Names in their order, cut where a file would exceed `max_shard_bytes`; a bigger tensor gets its own file."""
    shards: list[list[str]] = []
    used = 0
    for name, tensor in tensors.items():
        if not shards or used + tensor.nbytes > max_shard_bytes:
            shards.append([])
            used = 0
        shards[-1].append(name)
        used += tensor.nbytes
    return shards


def write_checkpoint(
    directory: str | Path,
    config: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    max_shard_bytes: int = DEFAULT_SHARD_BYTES,
) -> None:
    """Writes `config` as config.json and `tensors` as they are; files of an earlier checkpoint there are removed."""
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    shards = _shards(tensors, max_shard_bytes)
    count = len(shards)
    names = [f"model-{index:05d}-of-{count:05d}.safetensors" for index in range(1, count + 1)]
    if count == 1:
        names = [_SINGLE]
    for name, keys in zip(names, shards):
        content = {key: tensors[key].contiguous() for key in keys}
        replace_file(directory / name, lambda path: save_file(content, path, metadata={"format": "pt"}))
    stale = {*directory.glob("model*.safetensors"), directory / _INDEX} - {directory / name for name in names}
    if count > 1:
        index = {
            "metadata": {"total_size": sum(tensor.nbytes for tensor in tensors.values())},
            "weight_map": {key: name for name, keys in zip(names, shards) for key in keys},
        }
        write_json(directory / _INDEX, index)
        stale.remove(directory / _INDEX)
    for path in stale:
        path.unlink(missing_ok=True)
    write_json(directory / "config.json", config)


def read_tensors(directory: str | Path) -> dict[str, Tensor]:
    """All tensors of a checkpoint directory, as stored."""
    directory = Path(directory)
    if (directory / _INDEX).exists():
        weight_map = json.loads((directory / _INDEX).read_text(encoding="utf-8"))["weight_map"]
    elif (directory / _SINGLE).exists():
        weight_map = None
    else:
        raise FileNotFoundError(f"{directory}: expected {_SINGLE} or {_INDEX}, found neither")
    files = sorted(set(weight_map.values())) if weight_map else [_SINGLE]
    tensors: dict[str, Tensor] = {}
    for name in files:
        if Path(name).name != name:
            raise ValueError(f"{directory / _INDEX}: expected plain file names, found {name!r}")
        with safe_open(directory / name, framework="pt") as file:
            tensors.update({key: file.get_tensor(key) for key in file.keys()})
    if weight_map and set(weight_map) != set(tensors):
        difference = sorted(set(weight_map) ^ set(tensors))
        raise ValueError(f"{directory / _INDEX}: index and files disagree about {', '.join(difference[:4])}")
    return tensors


class Pretrained:
    """save_pretrained and from_pretrained for a module with `config` and a class with `config_class`."""

    config_class: type

    def save_pretrained(
        self, directory: str | Path, dtype: str = "f32", max_shard_bytes: int = DEFAULT_SHARD_BYTES
    ) -> None:
        """Writes config.json and safetensors; matrices as `dtype` (f32, f16 or bf16), vectors always as f32."""
        stored = {name: stored_tensor(tensor, DTYPES[dtype]) for name, tensor in self.state_dict().items()}
        config = {**self.config.to_dict(), "torch_dtype": str(DTYPES[dtype]).removeprefix("torch.")}
        write_checkpoint(directory, config, stored, max_shard_bytes)

    @classmethod
    def from_pretrained(cls, directory: str | Path, dtype: torch.dtype = torch.float32) -> "Pretrained":
        """Reads a checkpoint directory; every parameter is converted to `dtype` (widening is exact)."""
        model = cls(cls.config_class.read(directory)).to(dtype)
        model.load_state_dict(read_tensors(directory))
        return model
