"""Draws the losses of training logs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

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
