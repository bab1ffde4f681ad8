"""The golden data as torch tensors."""

from __future__ import annotations

from pathlib import Path

import ml_dtypes
import numpy as np
import torch
from torch import Tensor

import golden
from golden import ROOT, UNIT_ROUNDOFF  # noqa: F401  the same for both


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata of one safetensors file."""
    return _convert(golden.read(path))


def memory_layer(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """A memory layer case with its tables and bias, stored or generated."""
    return _convert(golden.memory_layer(path))


def _convert(case: tuple[dict[str, np.ndarray], dict[str, str]]) -> tuple[dict[str, Tensor], dict[str, str]]:
    tensors, metadata = case
    return {name: _tensor(array) for name, array in tensors.items()}, metadata


def _tensor(array: np.ndarray) -> Tensor:
    if array.dtype == ml_dtypes.bfloat16:
        return torch.from_numpy(array.view(np.int16).copy()).view(torch.bfloat16)
    return torch.from_numpy(array.copy())
