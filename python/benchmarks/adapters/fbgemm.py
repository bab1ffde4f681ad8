"""FBGEMM's quantised lookups as PyTorch carries them (int8 and int4 rows with a scale and an offset each), weighted."""

from __future__ import annotations

from ..adapter import Prepared, Unavailable
from ..config import Contestant
from ..problem import Problem
from .torch_common import set_up, torch


def prepare(problem: Problem, contestant: Contestant) -> Prepared:
    """variant: int32 or int64 (default) indices."""
    operations = torch.ops.quantized
    known = {
        "i8": (operations.embedding_bag_byte_prepack, operations.embedding_bag_byte_rowwise_offsets),
        "i4": (operations.embedding_bag_4bit_prepack, operations.embedding_bag_4bit_rowwise_offsets),
    }
    if contestant.dtype not in known:
        raise Unavailable(f"its floating lookups are torch_embedding_bag's; no {contestant.dtype} here")
    set_up(problem.case.threads)
    pack, lookup = known[contestant.dtype]
    packed = pack(torch.from_numpy(problem.tables).reshape(-1, problem.columns))
    integer = torch.int32 if contestant.variant == "int32" else torch.int64
    indices = torch.from_numpy(problem.rows).reshape(-1).to(integer)
    offsets = torch.arange(problem.tokens + 1, dtype=integer) * problem.tables_count
    scores = torch.from_numpy(problem.hashed[1]).reshape(-1)

    def run() -> torch.Tensor:
        return lookup(packed, indices, offsets, False, 0, False, scores, None, True)

    return Prepared(run, problem.tokens, lambda y: {"y": y.numpy()})
