"""Writes records as a table (md), lines (jsonl) and a bar chart (png), and judges the bars."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .config import Bar, Config

Record = dict[str, Any]


class Verdict(NamedTuple):
    """A bar at one point: what was compared, the ratio, and pass, FAIL, report, no figure or not judged."""

    bar: Bar
    point: str
    ours: str
    peer: str
    ratio: float | None
    needed: str
    verdict: str


def median(record: Record) -> float:
    return record["us_per_token"]["median"]


def timed(records: Sequence[Record]) -> list[Record]:
    """Records with figures that count: a wrong result has none."""
    return [record for record in records if record["status"] == "ok" and "us_per_token" in record]


def groups(records: Sequence[Record]) -> dict[str, list[Record]]:
    """Records by their case."""
    found: dict[str, list[Record]] = {}
    for record in records:
        found.setdefault(point_label(record), []).append(record)
    return found


def point_label(record: Record, threads: bool = True) -> str:
    sizes = [f"{name} {value}" for name, value in record["sizes"].items()]
    return ", ".join(sizes + ([f"threads {record['threads']}"] if threads else []))


def fastest_peer(records: Sequence[Record]) -> Record | None:
    return min((record for record in timed(records) if not record["ours"]), key=median, default=None)


def judge(config: Config, records: Sequence[Record]) -> list[Verdict]:
    """Every bar at every point where it applies."""
    verdicts = [verdict for bar in config.bars for verdict in (_scaling if bar.scaling else _ratios)(bar, records)]
    # The sizes of a quick run say nothing about a bar.
    return [verdict._replace(verdict="not judged") for verdict in verdicts] if config.quick else verdicts


def _fastest(records: Sequence[Record], pattern: str) -> Record | None:
    patterns = pattern.split("|")
    matching = (r for r in timed(records) if any(fnmatch.fnmatch(r["label"], p.strip()) for p in patterns))
    return min(matching, key=median, default=None)


def _ratios(bar: Bar, records: Sequence[Record]) -> Iterator[Verdict]:
    for point, group in groups(records).items():
        if not bar.applies(group[0]["sizes"], group[0]["threads"]):
            continue
        ours, peer = _fastest(group, bar.ours), _fastest(group, bar.peers)
        if bar.at_most is not None:
            needed, ratio = f"at most {bar.at_most:g}", median(ours) / median(peer) if ours and peer else None
            passed = ratio is not None and ratio <= bar.at_most
        else:
            needed = f"at least {bar.at_least:g}" if bar.at_least else ""
            ratio = median(peer) / median(ours) if ours and peer else None
            passed = ratio is not None and (bar.at_least is None or ratio >= bar.at_least)
        yield Verdict(bar, point, _figure(ours), _figure(peer), ratio, needed, _word(ratio, passed, bool(needed)))


def _scaling(bar: Bar, records: Sequence[Record]) -> Iterator[Verdict]:
    """Threads: the fewest against the most, at every point; ours must gain `scaling`, or what the peer gains."""
    points: dict[str, list[Record]] = {}
    for record in records:
        points.setdefault(point_label(record, threads=False), []).append(record)
    for point, group in points.items():
        if not bar.applies(group[0]["sizes"], group[0]["threads"]):
            continue
        ours, peer = _gain(group, bar.ours), _gain(group, bar.peers)
        needed = min(bar.scaling, peer) if peer else bar.scaling
        passed = ours is not None and ours >= needed
        peer_text = f"{bar.peers}: {peer:.2f}" if peer else "no figure"
        yield Verdict(bar, point, bar.ours, peer_text, ours, f"at least {needed:.2f}", _word(ours, passed, True))


def _gain(records: Sequence[Record], pattern: str) -> float | None:
    counts = sorted({record["threads"] for record in records})
    few, most = (_fastest([r for r in records if r["threads"] == count], pattern) for count in (counts[0], counts[-1]))
    return median(few) / median(most) if few and most and counts[0] != counts[-1] else None


def _figure(record: Record | None) -> str:
    return f"{record['label']}: {median(record):.4g} us" if record else "no figure"


def _word(ratio: float | None, passed: bool, has_bar: bool) -> str:
    if ratio is None:
        return "no figure"
    return ("pass" if passed else "FAIL") if has_bar else "report"


def markdown(config: Config, machine: dict[str, Any], records: Sequence[Record]) -> str:
    """The machine, the bars, and a table with a row for each figure."""
    lines = [f"# {config.title}", "", _machine_line(machine), ""]
    verdicts = judge(config, records)
    if verdicts:
        lines += ["| bar | at | ours | fastest peer | ratio | needed | verdict |", "|---|---|---|---|---|---|---|"]
        for v in verdicts:
            ratio = f"{v.ratio:.2f}" if v.ratio is not None else ""
            lines.append(f"| {v.bar.what} | {v.point} | {v.ours} | {v.peer} | {ratio} | {v.needed} | {v.verdict} |")
        lines.append("")
    lines += ["| case | contestant | us per token, median | min | max | tokens/s | x fastest peer | error |"]
    lines += ["|---|---|---|---|---|---|---|---|"]
    for point, group in groups(records).items():
        peer = fastest_peer(group)
        for record in sorted(group, key=lambda r: median(r) if "us_per_token" in r else float("inf")):
            lines.append(f"| {point} | {record['label']} | {_cells(record, peer)} |")
    return "\n".join(lines) + "\n"


def read(path: Path) -> tuple[dict[str, Any], list[Record]]:
    """The machine and the records of a file that `write` left."""
    machine, *records = map(json.loads, path.read_text().splitlines())
    return machine["machine"], records


def summary(results: Sequence[tuple[Config, dict[str, Any], Sequence[Record]]]) -> str:
    """One table of the bars of several configurations, with a line for each machine that they ran on."""
    lines = list(dict.fromkeys(_machine_line(machine, dated=False) for _, machine, _ in results))
    lines += ["", "| benchmark | what | at | ours, per token | fastest peer | ratio | asked |"]
    lines += ["|---|---|---|---|---|---|---|"]
    for config, _, records in results:
        constant = _constant_sizes(records)
        for v in judge(config, records):
            if v.ratio is not None:
                point = ", ".join(part for part in v.point.split(", ") if part not in constant)
                cells = [config.name, v.bar.what, point, v.ours, v.peer, f"{v.ratio:.2f}", v.needed]
                lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _constant_sizes(records: Sequence[Record]) -> set[str]:
    """The parts of a case's label that all records share."""
    labels = [set(point_label(record, threads=False).split(", ")) for record in records]
    return set.intersection(*labels) if labels else set()


def _cells(record: Record, peer: Record | None) -> str:
    if "us_per_token" not in record:
        return f"{record['status']}: {record['reason'].replace('|', '/')} | | | | |"
    times = record["us_per_token"]
    error = f"{record['error']:.1e}" if record["error"] is not None else ""
    ratio = f"{median(peer) / times['median']:.2f}" if peer else ""
    figures = [f"{times[name]:.4g}" for name in ("median", "min", "max")]
    figures += [f"{1e6 / times['median']:.4g}", ratio, error]
    return " | ".join(figures)


def _machine_line(machine: dict[str, Any], dated: bool = True) -> str:
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    caches = ", ".join(f"{name} {size}" for name, size in machine["caches"].items())
    gpus = [f"GPU {gpu}" for gpu in machine.get("gpus", [])]
    hardware = f"{machine['cpu']}, {machine['cpus']} CPUs ({', '.join(machine['features'])}; {caches})"
    return "; ".join([hardware, *gpus, packages, *([machine["date"]] if dated else [])])


def chart(config: Config, records: Sequence[Record], path: Path) -> bool:
    """Speed relative to the fastest peer, a group of bars for each case; False without matplotlib or figures."""
    try:
        import matplotlib
    except ImportError:
        return False
    matplotlib.use("Agg")
    from matplotlib import pyplot

    grouped = {point: timed(group) for point, group in groups(records).items()}
    grouped = {point: group for point, group in grouped.items() if fastest_peer(group)}
    labels = list(dict.fromkeys(record["label"] for group in grouped.values() for record in group))
    if not labels:
        return False
    figure, axes = pyplot.subplots(figsize=(max(8, 1.0 + 0.16 * len(labels) * len(grouped)), 6), layout="constrained")
    colours = pyplot.get_cmap("tab20")
    for index, label in enumerate(labels):
        places, heights = [], []
        for place, group in enumerate(grouped.values()):
            found = [record for record in group if record["label"] == label]
            if found:
                places.append(place + 0.85 * (index - (len(labels) - 1) / 2) / len(labels))
                heights.append(median(fastest_peer(group)) / median(found[0]))
        edge = "black" if label.startswith("ours ") else "none"
        axes.bar(places, heights, 0.85 / len(labels), label=label, color=colours(index % 20), edgecolor=edge)
    axes.axhline(1, color="black", linewidth=0.8)
    axes.set_xticks(range(len(grouped)), [point.replace(", ", "\n") for point in grouped], fontsize="small")
    axes.set_ylabel("speed / fastest peer's")
    axes.set_title(config.title)
    axes.legend(fontsize="small", ncols=3)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
    return True


def write(config: Config, machine: dict[str, Any], records: Sequence[Record], folder: Path) -> list[Path]:
    """Writes NAME.jsonl, NAME.md and NAME.png to a folder and returns what was written."""
    folder.mkdir(parents=True, exist_ok=True)
    base = folder / config.name
    lines = [{"machine": machine}, *records]
    base.with_suffix(".jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    base.with_suffix(".md").write_text(markdown(config, machine, records))
    drawn = chart(config, records, base.with_suffix(".png"))
    return [base.with_suffix(suffix) for suffix in (".jsonl", ".md", *([".png"] if drawn else []))]
