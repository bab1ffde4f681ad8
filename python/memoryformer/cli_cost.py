"""The commands `cost` and `plot-compare`: what models cost on paper, and where which one is faster."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path


def _numbers(text: str) -> list[int]:
    numbers = [int(word) for word in text.split(",")]
    if min(numbers) < 1:
        raise argparse.ArgumentTypeError(f"expected numbers from 1 on, found {text}")
    return numbers


def _add_cost(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "cost",
        help="multiply-adds of a block: memory layers, dense layers, other attention",
        description="What the compiler says of a block with memory layers and of dense blocks with each kind of attention. "
        "Lists are numbers separated by commas.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--tokens", type=_numbers, default=[512, 2048, 8192], help="tokens s of a sequence")
    parser.add_argument("--widths", type=_numbers, default=[512, 1024, 2048], help="widths d")
    parser.add_argument("--head-size", type=int, default=64, help="features of a head")
    parser.add_argument("--code-bits", type=int, default=8, help="tau")
    parser.add_argument("--causal", action="store_true", help="blocks that generate: masked, in chunks; Linformer has none")
    parser.add_argument("--linformer-size", type=int, default=256, help="keys k that Linformer projects to")
    parser.add_argument("--performer-features", type=int, default=256, help="random features r of a Performer head")
    parser.add_argument("--format", choices=("text", "csv", "jsonl"), default="text")
    parser.add_argument("--output", type=Path, help="also draw the comparison, as a PNG file")
    parser.set_defaults(run=_cost)


def _cost(options: argparse.Namespace) -> None:
    from . import cost

    sizes = cost.Sizes(
        head_size=options.head_size,
        code_bits=options.code_bits,
        causal=options.causal,
        linformer_size=options.linformer_size,
        performer_features=options.performer_features,
    )
    rows = cost.compare(options.tokens, options.widths, sizes)
    cost.write(rows, options.format, sys.stdout)
    if options.output:
        from .plot import draw_costs

        draw_costs(options.tokens, options.widths, sizes, options.output)


def _add_plot_compare(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("plot-compare", help="draw what mf-bench --compare measured")
    parser.add_argument("rows", type=Path, help="output of mf-bench --compare with -o jsonl")
    parser.add_argument("--output", type=Path, required=True, help="PNG file")
    parser.set_defaults(run=_plot_compare)


def _plot_compare(options: argparse.Namespace) -> None:
    from .plot import draw_comparison

    rows = [json.loads(line) for line in options.rows.read_text(encoding="utf-8").splitlines()]
    if not rows or "a us/token" not in rows[0]:
        raise ValueError(f"{options.rows}: expected lines of mf-bench --compare -o jsonl")
    draw_comparison(rows, options.output)


COMMANDS = (_add_cost, _add_plot_compare)
