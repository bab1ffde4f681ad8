"""Multiply-adds of a decoder block, in the way the paper compares them (arXiv 2411.12992).

MemoryFormer and dense blocks are written as models of the compiler, which says what they cost (mf-report-cost). Attention of
other kinds, in a dense block, has closed forms here.
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
from .config import MemoryFormerConfig

Polynomial = dict[int, float]
"""Coefficients by the power of the number of tokens."""


@dataclasses.dataclass(frozen=True)
class Sizes:
    """What a comparison leaves fixed."""

    head_size: int = 64
    code_bits: int = 8
    causal: bool = False  # count only pairs that a causal mask leaves
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


def report(module: str, causal: bool) -> dict:
    """What mf-report-cost says of a module, as JSON."""
    options = "format=json" + ("" if causal else " count-masked-pairs")
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


def find_block(found: dict, name: str, function: str = "step") -> dict:
    """The cost of one block of the report."""
    (step,) = [entry for entry in found["functions"] if entry["name"] == function]
    (block,) = [entry for entry in step["blocks"] if entry["name"] == name]
    return block["cost"]


@functools.cache
def memoryformer_block(width: int, sizes: Sizes) -> Polynomial:
    """The block of a model with these sizes, as the compiler imports it."""
    config = MemoryFormerConfig(
        hidden_size=width,
        num_hidden_layers=1,
        num_attention_heads=sizes.heads(width),
        memory_code_bits=sizes.code_bits,
        vocab_size=1,
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "config.json")
        path.write_text(json.dumps(config.to_dict()))
        module = run_tool("mf-compile", path, "--random-weights", "--compile-to=model", "-o", "-")
    return polynomial(find_block(report(module, sizes.causal), "layers.0"))


@functools.cache
def dense_block(width: int, sizes: Sizes) -> Polynomial:
    """The products of a dense block: query, key, value, attention, output projection, two layers 4 times as wide."""
    return polynomial(find_block(report(_dense_module(width, sizes), sizes.causal), "layers.0"))


def _dense_module(width: int, sizes: Sizes) -> str:
    weights = {"query": (width, width), "key": (width, width), "value": (width, width), "output": (width, width)}
    weights.update(up=(4 * width, width), down=(width, 4 * width))
    heads = f"tensor<?x{sizes.heads(width)}x{sizes.head_size}xf32>"
    lines = ["%c0 = arith.constant 0 : index", f"%n = tensor.dim %x, %c0 : tensor<?x{width}xf32>"]
    for name, (rows, _) in weights.items():
        lines.append(f"%w.{name} = mf.get_parameter @{name} : tensor<{rows}x{weights[name][1]}xf32>")
        lines.append(f"%init.{name} = tensor.empty(%n) : tensor<?x{rows}xf32>")

    def linear(name: str, operand: str) -> str:
        rows, features = weights[name]
        lines.append(
            f"%{name} = mf.linear ins({operand}, %w.{name} : tensor<?x{features}xf32>, tensor<{rows}x{features}xf32>) "
            f"outs(%init.{name} : tensor<?x{rows}xf32>) -> tensor<?x{rows}xf32>"
        )
        return f"%{name}"

    for name in ("query", "key", "value"):
        split = f"output_shape [%n, {sizes.heads(width)}, {sizes.head_size}] : tensor<?x{width}xf32> into {heads}"
        lines.append(f"%{name}.heads = tensor.expand_shape {linear(name, '%x')} [[0], [1, 2]] {split}")
    lines.append(f"%init.heads = tensor.empty(%n) : {heads}")
    operands = f"%query.heads, %key.heads, %value.heads : {heads}, {heads}, {heads}"
    lines.append(
        f"%sum = mf.attention causal scale(1.0) ins({operands}) outs(%init.heads : {heads}) -> {heads}\n"
        f"%joined = tensor.collapse_shape %sum [[0], [1, 2]] : {heads} into tensor<?x{width}xf32>"
    )
    result = linear("down", linear("up", linear("output", "%joined")))
    parameters = [
        f'mf.parameter @{name} : tensor<{rows}x{columns}xf32> from #mf.fill<0.0 : f64> {{mf.block = "layers.0"}}'
        for name, (rows, columns) in weights.items()
    ]
    dims = 'mf.dims = ["tokens", ""]'
    head = f'func.func @step(%x: tensor<?x{width}xf32> {{mf.name = "x", {dims}}})'
    head += f' -> (tensor<?x{width}xf32> {{mf.name = "y", {dims}}}) {{'
    return "\n".join([*parameters, head, *lines, f"return {result} : tensor<?x{width}xf32>", "}"])


#
# Closed forms: products of an attention that takes the place of softmax attention in a dense block
#


def _without_attention(width: int, sizes: Sizes) -> Polynomial:
    """A dense block's linear layers: what of its cost is in proportion to the tokens, but for attention's own part."""
    return {1: dense_block(width, dataclasses.replace(sizes, causal=False)).get(1, 0)}


def linformer_block(width: int, sizes: Sizes) -> Polynomial:
    """arXiv 2006.04768: E K and F V in R^{k x d}, then attention over k keys: 4 s k d. There is no causal form."""
    return {1: _without_attention(width, sizes)[1] + 4 * sizes.linformer_size * width}


def performer_block(width: int, sizes: Sizes) -> Polynomial:
    """arXiv 2009.14794: r features of queries and keys (2 s r d), sums of keys with values and products of queries
    with them (2 s r d), and the denominators, s r in each head."""
    features = sizes.performer_features
    return {1: _without_attention(width, sizes)[1] + features * (4 * width + sizes.heads(width))}


def cosformer_block(width: int, sizes: Sizes) -> Polynomial:
    """arXiv 2202.08791: 2 e features in each head of e: sums of keys with values and products of queries with them
    (4 s e d), and the denominators, 2 s e in each head."""
    return {1: _without_attention(width, sizes)[1] + 4 * sizes.head_size * width + 2 * width}


BLOCKS: dict[str, Callable[[int, Sizes], Polynomial]] = {
    "dense": dense_block,
    "Linformer": linformer_block,
    "Performer": performer_block,
    "cosFormer": cosformer_block,
    "MemoryFormer": memoryformer_block,
}
"""The kinds of blocks that are compared, each a function of width and sizes."""
