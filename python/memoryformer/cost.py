"""Multiply-adds of a decoder block, in the way the paper compares them (arXiv 2411.12992).

Each kind of block is a model of one layer, given to the compiler as a config.json; the compiler says what it costs
(mf-report-cost).
"""

from __future__ import annotations

import csv
import dataclasses
import functools
import json
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TextIO

from .compiler import run_tool
from .config import AttentionConfig, DenseConfig, MemoryFormerConfig

Polynomial = dict[int, float]
"""Coefficients by the power of the number of tokens."""


@dataclasses.dataclass(frozen=True)
class Sizes:
    """What a comparison leaves fixed."""

    head_size: int = 64
    code_bits: int = 8
    causal: bool = False  # models that generate, whose attention is masked; the paper counts all pairs
    linformer_size: int = 256
    performer_features: int = 256

    def heads(self, width: int) -> int:
        if width % self.head_size != 0:
            raise ValueError(f"the head size {self.head_size} must divide the width, found {width}")
        return width // self.head_size


@dataclasses.dataclass(frozen=True)
class Row:
    kind: str
    tokens: int
    width: int
    multiply_adds: float
    of_dense: float


def compare(tokens: Iterable[int], widths: Iterable[int], sizes: Sizes) -> list[Row]:
    """A row for each kind of block, width and number of tokens."""
    rows = []
    for width in widths:
        costs = {kind: block(width, sizes) for kind, block in BLOCKS.items()}
        for count in tokens:
            dense = evaluate(costs["dense"], count)
            for kind, polynomial in costs.items():
                multiply_adds = evaluate(polynomial, count)
                rows.append(Row(kind, count, width, multiply_adds, multiply_adds / dense))
    return rows


def write(rows: Sequence[Row], form: str, file: TextIO) -> None:
    """Rows as text, csv or jsonl."""
    if form == "jsonl":
        for row in rows:
            print(json.dumps(dataclasses.asdict(row)), file=file)
    elif form == "csv":
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(field.name for field in dataclasses.fields(Row))
        writer.writerows(dataclasses.astuple(row) for row in rows)
    else:
        print(f"{'kind':<14}{'tokens':>8}{'width':>8}{'multiply-adds':>18}{'of dense':>10}", file=file)
        for row in rows:
            line = f"{row.kind:<14}{row.tokens:>8}{row.width:>8}{row.multiply_adds:>18.0f}{row.of_dense:>10.2%}"
            print(line, file=file)


def evaluate(polynomial: Polynomial, tokens: int) -> float:
    return sum(coefficient * tokens**power for power, coefficient in polynomial.items())


#
# What the compiler says
#


def report(module: str, *options: str) -> dict:
    """What mf-report-cost, with further options, says of a module, as JSON."""
    options = " ".join(["format=json", *options])
    return json.loads(run_tool("mf-opt", "-", f"--mf-report-cost={options}", "-o", "/dev/null", text=module))


def polynomial(cost: dict, quantity: str = "multiply_adds") -> Polynomial:
    """A quantity of a cost of the report, of a sequence from its beginning, in the number of tokens."""
    result: Polynomial = {}
    for term in cost[quantity]["terms"]:
        powers = dict(term["powers"])
        power = powers.pop("tokens", 0)
        if "cache" in powers:
            continue
        if powers:
            raise ValueError(f"expected costs in tokens and cache, found {cost[quantity]['text']}")
        result[power] = result.get(power, 0) + term["coefficient"]
    return result


def find_block(found: dict, name: str) -> dict:
    """The cost of one block of the report's only function."""
    (function,) = found["functions"]
    (block,) = [entry for entry in function["blocks"] if entry["name"] == name]
    return block["cost"]


#
# Blocks, as the compiler imports them
#


def _block(config: MemoryFormerConfig | DenseConfig) -> Polynomial:
    """Multiply-adds of the block of a model with one layer."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "config.json")
        path.write_text(json.dumps(config.to_dict()))
        module = run_tool("mf-compile", path, "--random-weights", "--compile-to=model", "-o", "-")
    return polynomial(find_block(report(module), "layers.0"))


def _shape(width: int, sizes: Sizes) -> dict:
    heads = sizes.heads(width)
    return {"hidden_size": width, "num_hidden_layers": 1, "num_attention_heads": heads, "vocab_size": 1}


def _dense(width: int, sizes: Sizes, **attention: object) -> Polynomial:
    """Query, key, value and output projections, attention of a kind, and two layers 4 times as wide."""
    kind = AttentionConfig(**attention)
    causal = sizes.causal and kind.kind != "linformer"
    return _block(DenseConfig(**_shape(width, sizes), attention=kind, causal=causal))


@functools.cache
def dense_block(width: int, sizes: Sizes) -> Polynomial:
    return _dense(width, sizes)


@functools.cache
def linformer_block(width: int, sizes: Sizes) -> Polynomial:
    """arXiv 2006.04768; it has no causal form."""
    return _dense(width, sizes, kind="linformer", projected_length=sizes.linformer_size)


@functools.cache
def performer_block(width: int, sizes: Sizes) -> Polynomial:
    """arXiv 2009.14794."""
    return _dense(width, sizes, kind="performer", features=sizes.performer_features)


@functools.cache
def cosformer_block(width: int, sizes: Sizes) -> Polynomial:
    """arXiv 2202.08791."""
    return _dense(width, sizes, kind="cosformer")


@functools.cache
def memoryformer_block(width: int, sizes: Sizes) -> Polynomial:
    """arXiv 2411.12992."""
    shape = _shape(width, sizes)
    return _block(MemoryFormerConfig(**shape, memory_code_bits=sizes.code_bits, causal=sizes.causal))


BLOCKS: dict[str, Callable[[int, Sizes], Polynomial]] = {
    "dense": dense_block,
    "Linformer": linformer_block,
    "Performer": performer_block,
    "cosFormer": cosformer_block,
    "MemoryFormer": memoryformer_block,
}
"""The kinds of blocks that are compared, each a function of width and sizes."""
