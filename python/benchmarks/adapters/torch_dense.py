"""PyTorch's dense layers: f32 and bf16 (plain, or packed for oneDNN), int8 with dynamically quantised activations."""

from __future__ import annotations

from collections.abc import Callable

from torch.nn import functional as F

from ..adapter import Prepared, Unavailable
from ..config import Contestant
from ..problem import Problem
from .torch_common import DTYPES, prepared, set_up, torch


VARIANTS = ("packed", "x86", "onednn", "fbgemm")


def prepare(problem: Problem, contestant: Contestant) -> Prepared:
    """variant: `packed` for floats, a quantised engine (x86, onednn, fbgemm) for i8."""
    device = set_up(problem.case)
    x, weight = torch.from_numpy(problem.x).to(device), torch.from_numpy(problem.weight).to(device)
    if device.type != "cpu" and (contestant.dtype == "i8" or contestant.variant):
        raise Unavailable("packed weights and int8 engines are the CPU's")
    if contestant.dtype == "i8":
        run = _int8(x, weight, contestant.variant or "x86")
    else:
        dtype = DTYPES.get(contestant.dtype)
        if dtype is None:
            raise Unavailable(f"no dense layer in {contestant.dtype}")
        if contestant.variant not in ("", "packed"):
            raise Unavailable(f"{contestant.variant} is an engine for int8")
        run = _floating(x.to(dtype), weight.to(dtype), contestant.variant == "packed")
    return prepared(run, problem.tokens, lambda y: {"y": y}, device)


def _floating(x: torch.Tensor, weight: torch.Tensor, packed: bool) -> Callable[[], torch.Tensor]:
    if not packed:
        return lambda: F.linear(x, weight)
    weight = torch.ops.mkldnn._reorder_linear_weight(weight, x.shape[0])
    return lambda: torch.ops.mkldnn._linear_pointwise(x, weight, None, "none", [], "")


def _int8(x: torch.Tensor, weight: torch.Tensor, engine: str) -> Callable[[], torch.Tensor]:
    """Per-column weights of `engine`, chosen when they are packed."""
    if engine not in torch.backends.quantized.supported_engines:
        raise Unavailable(f"this PyTorch has no quantised engine {engine}")
    torch.backends.quantized.engine = engine
    scales = weight.abs().amax(1) / 127
    zeros = torch.zeros(len(scales), dtype=torch.int64)
    quantised = torch.quantize_per_channel(weight, scales.double(), zeros, 0, torch.qint8)
    packed = torch.ops.quantized.linear_prepack(quantised, None)
    return lambda: torch.ops.quantized.linear_dynamic(x, packed)
