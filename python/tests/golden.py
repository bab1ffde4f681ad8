"""Access to the golden data in test/golden and the generator of tables given by formula; numpy only."""

from __future__ import annotations

from pathlib import Path

import ml_dtypes
import numpy as np
from safetensors import deserialize, safe_open

ROOT = Path(__file__).resolve().parents[2] / "test" / "golden"
UNIT_ROUNDOFF = 2.0**-24
DTYPES = {"F64": np.float64, "F32": np.float32, "F16": np.float16, "BF16": ml_dtypes.bfloat16, "I32": np.int32}


def read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Tensors and metadata of one safetensors file."""
    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
    stored = deserialize(path.read_bytes())
    tensors = {name: np.frombuffer(item["data"], DTYPES[item["dtype"]]).reshape(item["shape"]) for name, item in stored}
    return tensors, metadata


def splitmix_uniform(seed: int, count: int, log2_scale: int) -> np.ndarray:
    """The first `count` values ((w >> 40) * 2^-23 - 1) * 2^log2_scale of SplitMix64, exact in float32."""
    with np.errstate(over="ignore"):
        w = np.uint64(seed) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        w = (w ^ (w >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        w = (w ^ (w >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        w = w ^ (w >> np.uint64(31))
    values = ((w >> np.uint64(40)).astype(np.float64) * 2.0**-23 - 1) * 2.0**log2_scale
    return values.astype(np.float32)


def memory_layer(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """A memory layer case with its tables and bias, stored or generated."""
    tensors, metadata = read(path)
    if "tables" not in tensors:
        rows = int(metadata["num_tables"]) << int(metadata["code_bits"])
        columns, scale = int(metadata["output_size"]), int(metadata["table_log2_scale"])
        tensors["tables"] = splitmix_uniform(int(metadata["table_seed"]), rows * columns, scale).reshape(rows, columns)
        tensors["bias"] = splitmix_uniform(int(metadata["bias_seed"]), columns, scale)
    return tensors, metadata
