"""numpy's OpenBLAS: a dense layer in f32. Its threads are set in the environment before numpy is loaded."""

from __future__ import annotations

import numpy as np

from ..adapter import Prepared, Unavailable
from ..config import Contestant
from ..problem import Problem


def prepare(problem: Problem, contestant: Contestant) -> Prepared:
    if contestant.operation != "dense" or contestant.dtype != "f32":
        raise Unavailable(f"no {contestant.operation} in {contestant.dtype}")
    weight = np.ascontiguousarray(problem.weight.T)
    y = np.empty((problem.tokens, problem.columns), np.float32)
    return Prepared(lambda: np.matmul(problem.x, weight, out=y), problem.tokens, lambda result: {"y": result})
