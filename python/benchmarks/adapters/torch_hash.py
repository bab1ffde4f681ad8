"""The hash of the PyTorch reference, eager or compiled by torch.compile."""

from __future__ import annotations

from memoryformer.hash import memory_hash

from ..adapter import Prepared, Unavailable
from ..config import Contestant
from ..problem import Problem
from .torch_common import prepared, set_up, torch


VARIANTS = ("eager", "compiled")


def prepare(problem: Problem, contestant: Contestant) -> Prepared:
    """variant: `eager` (default) or `compiled`."""
    if contestant.dtype != "f32":
        raise Unavailable(f"the reference hashes f32, not {contestant.dtype}")
    device = set_up(problem.case)
    x, bits = torch.from_numpy(problem.x).to(device), problem.bits
    function = torch.compile(memory_hash, dynamic=False) if contestant.variant == "compiled" else memory_hash

    return prepared(lambda: function(x, bits), problem.tokens, lambda y: {"codes": y[0], "scores": y[1]}, device)
