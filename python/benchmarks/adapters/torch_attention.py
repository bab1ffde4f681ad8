"""PyTorch's scaled_dot_product_attention, causal."""

from __future__ import annotations

from torch.nn import functional as F

from ..adapter import Prepared, Unavailable
from ..config import Contestant
from ..problem import Problem
from .torch_common import DTYPES, prepared, set_up, torch


def prepare(problem: Problem, contestant: Contestant) -> Prepared:
    if contestant.dtype not in DTYPES:
        raise Unavailable(f"no attention in {contestant.dtype}")
    device = set_up(problem.case)
    sides = [torch.from_numpy(side).transpose(0, 1)[None] for side in problem.qkv]
    q, k, v = (side.to(device, DTYPES[contestant.dtype]).contiguous() for side in sides)

    def run() -> torch.Tensor:
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)

    return prepared(run, problem.tokens, lambda y: {"y": y[0].transpose(0, 1)}, device)
