"""What the adapters of PyTorch share."""

from __future__ import annotations

from ..adapter import Unavailable

try:
    import torch
except ImportError as error:
    raise Unavailable(f"PyTorch: {error}") from error

DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}


def set_up(threads: int) -> None:
    """Threads, and no gradients."""
    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
