"""Draws losses of training logs, costs of blocks and comparisons of compiled models."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from . import cost

matplotlib.use("Agg")


def read_log(path: str | Path) -> list[dict]:
    """The lines of a log.jsonl."""
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


def draw_losses(logs: Mapping[str, list[dict]], output: str | Path) -> None:
    """Training losses (thin) and validation losses (with markers) of named logs, one colour each, as a PNG file."""
    figure = Figure(figsize=(7, 4.5), dpi=120, layout="constrained")
    axes = figure.add_subplot(xlabel="step", ylabel="loss (nats per token)")
    for index, (name, lines) in enumerate(logs.items()):
        color = f"C{index}"
        for key, label, style in (
            ("train_loss", None, {"linewidth": 0.6, "alpha": 0.45}),
            ("validation_loss", name, {"marker": "o", "markersize": 3.5}),
        ):
            points = [(line["step"], line[key]) for line in lines if key in line]
            if points:
                axes.plot(*zip(*points), color=color, label=label and _label(label, points), **style)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(output, format="png")


def _label(name: str, points: list[tuple[int, float]]) -> str:
    return f"{name}, validation (last: {points[-1][1]:.3f})"


def draw_costs(tokens: Sequence[int], widths: Sequence[int], sizes: cost.Sizes, output: str | Path) -> None:
    """Multiply-adds of a block: against tokens at the greatest width, against width at the middle number of tokens."""
    figure = Figure(figsize=(10, 4.5), dpi=120, layout="constrained")
    width, count = max(widths), sorted(tokens)[len(tokens) // 2]
    left, right = figure.subplots(1, 2)
    left.set(xlabel="tokens s", ylabel="multiply-adds of a block", title=f"width {width}")
    right.set(xlabel="width d", title=f"{count} tokens")
    for axes, places, rows in (
        (left, tokens, cost.compare(tokens, [width], sizes)),
        (right, widths, cost.compare([count], widths, sizes)),
    ):
        for kind, marker in zip(cost.BLOCKS, "osv^D"):
            values = [row.multiply_adds for row in rows if row.kind == kind]
            axes.plot(places, values, marker=marker, markersize=5, alpha=0.8, label=kind)
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.grid(alpha=0.3)
    left.legend()
    figure.savefig(output, format="png")


def draw_comparison(rows: Sequence[dict], output: str | Path) -> None:
    """Time per token of two models against tokens of a call, a pair of lines for each depth and number of threads, and
    where they cross."""
    figure = Figure(figsize=(7, 4.5), dpi=120, layout="constrained")
    axes = figure.add_subplot(xlabel="tokens of a call", ylabel="us per token")
    cases = sorted({(row["threads"], row["depth"]) for row in rows})
    for index, (threads, depth) in enumerate(cases):
        mine = [row for row in rows if (row["threads"], row["depth"]) == (threads, depth)]
        for side, style in (("a", "-"), ("b", "--")):
            label = f"{side}: {mine[0][side]}, {threads} threads, depth {depth}"
            times = [row[f"{side} us/token"] for row in mine]
            axes.plot([row["tokens"] for row in mine], times, style, color=f"C{index}", marker="o", markersize=3.5, label=label)
        for row in mine:
            if row["crossover"] is not None:
                axes.axvline(row["crossover"], color=f"C{index}", linestyle=":", linewidth=0.9)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(output, format="png")
