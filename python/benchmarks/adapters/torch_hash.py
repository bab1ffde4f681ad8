"""The hash of the PyTorch reference, eager or compiled by torch.compile."""

from __future__ import annotations

import numpy as np
from memoryformer.hash import memory_hash

from ..adapter import Prepared, Unavailable
from ..config import Contestant
from ..problem import Problem
from .torch_common import set_up, torch


VARIANTS = ("eager", "compiled")


def prepare(problem: Problem, contestant: Contestant) -> Prepared:
    """variant: `eager` (default) or `compiled`."""
    if contestant.dtype != "f32":
        raise Unavailable(f"the reference hashes f32, not {contestant.dtype}")
    set_up(problem.case.threads)
    x, bits = torch.from_numpy(problem.x), problem.bits
    function = torch.compile(memory_hash, dynamic=False) if contestant.variant == "compiled" else memory_hash

    def outputs(result: tuple[torch.Tensor, torch.Tensor]) -> dict[str, np.ndarray]:
        return {"codes": result[0].numpy(), "scores": result[1].numpy()}

    return Prepared(lambda: function(x, bits), problem.tokens, outputs)
