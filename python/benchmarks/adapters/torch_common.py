"""What the adapters of PyTorch share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..adapter import Prepared, Unavailable
from ..config import Case

try:
    import torch
except ImportError as error:
    raise Unavailable(f"PyTorch: {error}") from error

DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}


def set_up(case: Case) -> torch.device:
    """Threads, and no gradients; returns the device that the case asks for, or raises Unavailable."""
    torch.set_num_threads(case.threads)
    torch.set_grad_enabled(False)
    if case.device == "cuda" and not torch.cuda.is_available():
        raise Unavailable("no CUDA device that this PyTorch can use")
    return torch.device(case.device)


def prepared(
    run: Callable[[], Any], tokens: int, outputs: Callable[[Any], dict[str, torch.Tensor]], device: torch.device
) -> Prepared:
    """outputs: tensors by name, of any float type, on `device`."""

    def named(result: Any) -> dict[str, np.ndarray]:
        return {name: y.float().cpu().numpy() for name, y in outputs(result).items()}

    return Prepared(run, tokens, named, torch.cuda.synchronize if device.type == "cuda" else lambda: None)
