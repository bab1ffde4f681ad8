"""FBGEMM's quantised lookups, weighted: int8 and int4 rows with a scale and an offset each.

PyTorch carries FBGEMM's generated CPU kernels; the package fbgemm-gpu-cpu, on CUDA devices fbgemm-gpu, is the variant
`package`.
"""

from __future__ import annotations

from ..adapter import Prepared, Unavailable
from ..config import Contestant
from ..problem import Problem
from .torch_common import prepared, set_up, torch

VARIANTS = ("package",)


def prepare(problem: Problem, contestant: Contestant) -> Prepared:
    if contestant.dtype not in ("i8", "i4"):
        raise Unavailable(f"its floating lookups are torch_embedding_bag's; no {contestant.dtype} here")
    device = set_up(problem.case)
    if device.type != "cpu" and contestant.variant != "package":
        raise Unavailable("PyTorch's own kernels of FBGEMM are the CPU's")
    tables = torch.from_numpy(problem.tables).reshape(-1, problem.columns)
    integer = torch.int32 if contestant.variant == "package" else torch.int64
    indices = torch.from_numpy(problem.rows).reshape(-1).to(integer)
    offsets = torch.arange(problem.tokens + 1, dtype=integer) * problem.tables_count
    scores = torch.from_numpy(problem.hashed[1]).reshape(-1)
    if contestant.variant == "package":
        if contestant.dtype != "i8":
            raise Unavailable(f"the package is run in i8 only, not {contestant.dtype}")
        module = _package(tables, device)
        indices, offsets, scores = (given.to(device) for given in (indices, offsets, scores))
        return prepared(
            lambda: module(indices, offsets, per_sample_weights=scores), problem.tokens, lambda y: {"y": y}, device
        )
    operations = torch.ops.quantized
    if contestant.dtype == "i8":
        packed = operations.embedding_bag_byte_prepack(tables)
        lookup = operations.embedding_bag_byte_rowwise_offsets
    else:
        packed = operations.embedding_bag_4bit_prepack(tables)
        lookup = operations.embedding_bag_4bit_rowwise_offsets

    def run() -> torch.Tensor:
        return lookup(packed, indices, offsets, False, 0, False, scores, None, True)

    return Prepared(run, problem.tokens, lambda y: {"y": y.numpy()})


def _package(tables: torch.Tensor, device: torch.device) -> torch.nn.Module:
    """Its batched lookup of one int8 table with f32 output."""
    try:
        from fbgemm_gpu.split_embedding_configs import SparseType
        from fbgemm_gpu.split_table_batched_embeddings_ops_common import EmbeddingLocation, PoolingMode
        from fbgemm_gpu.split_table_batched_embeddings_ops_inference import IntNBitTableBatchedEmbeddingBagsCodegen
    except (ImportError, OSError, RuntimeError) as error:
        raise Unavailable(f"FBGEMM's package does not load with PyTorch {torch.__version__}: {error}") from error
    rows, columns = tables.shape
    location = EmbeddingLocation.HOST if device.type == "cpu" else EmbeddingLocation.DEVICE
    specification = ("tables", rows, columns, SparseType.INT8, location)
    module = IntNBitTableBatchedEmbeddingBagsCodegen(
        [specification], pooling_mode=PoolingMode.SUM, output_dtype=SparseType.FP32, device=device
    )
    module.fill_random_weights()
    weights, scales = module.split_embedding_weights()[0]
    low = tables.min(1).values.half()
    scale = ((tables.max(1).values - low.float()) / 255).half()
    weights.copy_(((tables - low.float()[:, None]) / scale.float()[:, None]).round().clamp(0, 255).to(torch.uint8))
    scales.copy_(torch.stack([scale, low], 1).view(torch.uint8))
    return module
