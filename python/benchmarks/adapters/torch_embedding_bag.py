"""PyTorch's embedding_bag: a lookup with per-sample weights, mode sum, in f32, f16 or bf16."""

from __future__ import annotations

from torch.nn import functional as F

from ..adapter import Prepared, Unavailable
from ..config import Contestant
from ..problem import Problem
from .torch_common import DTYPES, prepared, set_up, torch


def prepare(problem: Problem, contestant: Contestant) -> Prepared:
    """Table offsets are added to the codes beforehand, to its favour."""
    if contestant.dtype not in DTYPES:
        raise Unavailable(f"embedding_bag has no {contestant.dtype} tables; see fbgemm")
    device = set_up(problem.case)
    dtype = DTYPES[contestant.dtype]
    tables = torch.from_numpy(problem.tables).reshape(-1, problem.columns).to(device, dtype)
    indices = torch.from_numpy(problem.rows).to(device)
    scores = torch.from_numpy(problem.hashed[1]).to(device, dtype)

    def run() -> torch.Tensor:
        return F.embedding_bag(indices, tables, per_sample_weights=scores, mode="sum")

    return prepared(run, problem.tokens, lambda y: {"y": y}, device)
