"""Writes the modules that `ours` compiles, one function each, with pseudo-random parameters."""

from __future__ import annotations

import math
import sys

from .paths import ROOT
from .problem import TABLE_SCALE, TABLE_SEED, Problem

sys.path.append(str(ROOT / "test" / "Integration"))
import modules  # noqa: E402  the writer that the integration tests use


class Writer:
    """A module of one function; parameters are numbered by their seeds. element: of tables and weights."""

    def __init__(self, problem: Problem, element: str) -> None:
        self.problem, self.element = problem, element
        self.function = modules.Function("kernel")
        self.parameters: list[str] = []

    def table(self, tables: int, bits: int, columns: int) -> modules.Value:
        source = f"#mf.random<seed = {TABLE_SEED + len(self.parameters)}, scale = {TABLE_SCALE:e} : f64>"
        return self.parameter((tables, 2**bits, columns), source, self.element)

    def fill(self, size: int, value: float) -> modules.Value:
        return self.parameter((size,), f"#mf.fill<{value:e} : f64>", "f32")

    def parameter(self, shape: tuple[int, ...], source: str, element: str) -> modules.Value:
        symbol = f"p{len(self.parameters)}"
        self.parameters.append(modules.parameter(symbol, shape, source, element))
        return self.function.parameter(symbol, shape, element)

    def layers(self, x: modules.Value, bits: int, columns: int, count: int = 1) -> list[modules.Value]:
        """Memory layers that share one hash."""
        codes, scores = self.function.hash(x, bits, "magnitude")
        return self.lookups(codes, scores, bits, columns, count)

    def lookups(
        self, codes: modules.Value, scores: modules.Value, bits: int, columns: int, count: int
    ) -> list[modules.Value]:
        tables = [self.table(codes.shape[1], bits, columns) for _ in range(count)]
        return self.function.lookup(codes, scores, tables, [])

    def feed_forward(self, x: modules.Value) -> modules.Value:
        """d -> K (bits + 2) -> LayerNorm -> d."""
        problem = self.problem
        hidden = problem.tables_count * (problem.bits + 2)
        (y,) = self.layers(x, problem.bits, hidden)
        y = self.function.row_op("mf.layer_norm", y, self.fill(hidden, 1.0), self.fill(hidden, 0.0))
        return self.layers(y, problem.bits + 2, problem.width)[0]

    def attention(self, q: modules.Value, k: modules.Value, v: modules.Value) -> modules.Value:
        before = f"causal scale({1 / math.sqrt(q.shape[2])!r})"
        return self.function.row_op("mf.attention", q, k, v, before=before)

    def text(self, **results: modules.Value) -> str:
        return modules.module(self.function.text(**results), *self.parameters)


def lookup(w: Writer) -> str:
    p = w.problem
    codes = w.function.argument("codes", ("tokens", p.tables_count), "i8" if p.bits <= 8 else "i16")
    scores = w.function.argument("scores", ("tokens", p.tables_count))
    return w.text(y=w.lookups(codes, scores, p.bits, p.columns, 1)[0])


def memory_layer(w: Writer) -> str:
    x = w.function.argument("x", ("tokens", w.problem.width))
    return w.text(y=w.layers(x, w.problem.bits, w.problem.columns)[0])


def hash_alone(w: Writer) -> str:
    x = w.function.argument("x", ("tokens", w.problem.width))
    codes, scores = w.function.hash(x, w.problem.bits, "magnitude")
    return w.text(codes=codes, scores=scores)


def ffn_pair(w: Writer) -> str:
    return w.text(y=w.feed_forward(w.function.argument("x", ("tokens", w.problem.width))))


def attention(w: Writer) -> str:
    q, k, v = (w.function.argument(name, ("tokens", w.problem.heads, w.problem.head_dim)) for name in "qkv")
    return w.text(y=w.attention(q, k, v))


WRITERS = {
    "lookup": lookup,
    "memory_layer": memory_layer,
    "hash": hash_alone,
    "ffn_pair": ffn_pair,
    "attention": attention,
}
