"""Reads configuration files: which sizes, which contestants, which bars."""

from __future__ import annotations

import fnmatch
import itertools
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

__all__ = ["CONFIGS", "Bar", "Case", "Config", "ConfigError", "Contestant", "find", "find_all", "load", "replace"]

DEVICES = ("cpu", "cuda")
CONFIGS = Path(__file__).parent / "configs"
TOP_LEVEL = {"title", "operation", "device", "threads", "repetitions", "min_ms", "grid", "quick", "contestants", "bars"}


class ConfigError(ValueError):
    """A configuration that cannot be run; the message names file and key."""


@dataclass(frozen=True)
class Case:
    """One point of the grid: sizes by name and a number of threads; device: "cpu" or "cuda"."""

    sizes: dict[str, int]
    threads: int
    device: str = "cpu"

    def __getitem__(self, name: str) -> int:
        return self.sizes[name]

    def get(self, name: str, default: int) -> int:
        return self.sizes.get(name, default)

    @property
    def label(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in self.sizes.items())


@dataclass(frozen=True)
class Contestant:
    """What an adapter is asked to run: an operation at an element type, perhaps in a variant of the library's own."""

    adapter: str
    operation: str
    dtype: str
    variant: str = ""

    @property
    def ours(self) -> bool:
        return self.adapter == "ours"

    @property
    def label(self) -> str:
        return " ".join(part for part in (self.adapter, self.operation, self.dtype, self.variant) if part)


@dataclass(frozen=True)
class Bar:
    """A requirement: the fastest of `ours` against the fastest of `peers`, both patterns of contestants' labels.

    at_least: time of the peer / time of ours. at_most: time of ours / time of the peer. scaling: time of ours with the
    fewest threads / time with the most, and the same of the peer for comparison. None of them: the ratio is reported.
    """

    what: str
    ours: str
    peers: str
    at_least: float | None = None
    at_most: float | None = None
    scaling: float | None = None
    where: dict[str, list[int]] = field(default_factory=dict)

    def applies(self, sizes: dict[str, int], threads: int) -> bool:
        known = {**sizes, "threads": threads}
        return all(known.get(name) in allowed for name, allowed in self.where.items())


@dataclass(frozen=True)
class Config:
    """A configuration file, resolved."""

    name: str
    title: str
    cases: tuple[Case, ...]
    contestants: tuple[Contestant, ...]
    bars: tuple[Bar, ...]
    repetitions: int
    min_ms: float
    quick: bool = False


def find(name: str) -> Path:
    """A path as it is, else a configuration that ships here, with or without its suffix."""
    for path in (Path(name), CONFIGS / name, CONFIGS / f"{name}.toml"):
        if path.is_file():
            return path
    shipped = ", ".join(sorted(path.stem for path in CONFIGS.glob("*.toml")))
    raise ConfigError(f"no configuration {name!r}; there are {shipped}")


def find_all(names: Sequence[str]) -> list[Path]:
    """`find` of every name; one with * is all configurations that ship here whose names match."""
    paths = []
    for name in names:
        matching = [path for path in sorted(CONFIGS.glob("*.toml")) if "*" in name and fnmatch.fnmatch(path.stem, name)]
        paths += matching or [find(name)]
    return paths


def load(path: Path, *, quick: bool = False, threads: Sequence[int] = (), adapters: Sequence[str] = ()) -> Config:
    """Reads a file.

    quick: the sizes of its [quick] table and two short repetitions. threads: instead of the file's. adapters: patterns
    of those to run.
    """
    try:
        raw = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {error}") from error
    _check_keys(path, raw, TOP_LEVEL)
    if not raw.get("grid") or not raw.get("contestants"):
        raise ConfigError(f"{path}: needs a [grid] and [[contestants]]")
    contestants = tuple(c for item in raw["contestants"] for c in _contestants(path, raw, item))
    if adapters:
        contestants = tuple(c for c in contestants if any(fnmatch.fnmatch(c.adapter, a) for a in adapters))
    bars = [_bar(path, item) for item in raw.get("bars", [])]
    device = raw.get("device", "cpu")
    if device not in DEVICES:
        raise ConfigError(f"{path}: device expects {' or '.join(DEVICES)}, found {device!r}")
    thread_counts = list(threads) or ([1] if quick else raw.get("threads", [1]))
    return Config(
        path.stem,
        raw.get("title", path.stem),
        tuple(_cases(raw.get("quick", raw["grid"]) if quick else raw["grid"], thread_counts, device)),
        contestants,
        tuple(replace(bar, where={}) if quick else bar for bar in bars),
        2 if quick else raw.get("repetitions", 9),
        0.0 if quick else raw.get("min_ms", 20.0),
        quick,
    )


def _cases(grid: dict[str, Any], threads: Sequence[int], device: str) -> list[Case]:
    """Every combination of the grid's lists, once a number of threads."""
    lists = [value if isinstance(value, list) else [value] for value in grid.values()]
    points = [dict(zip(grid, values)) for values in itertools.product(*lists)]
    return [Case(point, count, device) for count in threads for point in points]


def _contestants(path: Path, raw: dict[str, Any], item: dict[str, Any]) -> list[Contestant]:
    _check_keys(path, item, {"adapter", "operation", "dtypes", "variants"})
    operation = item.get("operation", raw.get("operation"))
    if "adapter" not in item or operation is None:
        raise ConfigError(f"{path}: a contestant needs an adapter and an operation, found {item}")
    pairs = itertools.product(item.get("dtypes", ["f32"]), item.get("variants", [""]))
    return [Contestant(item["adapter"], operation, dtype, variant) for dtype, variant in pairs]


def _bar(path: Path, item: dict[str, Any]) -> Bar:
    _check_keys(path, item, {"what", "ours", "peers", "at_least", "at_most", "scaling", "where"})
    missing = {"what", "ours", "peers"} - item.keys()
    if missing:
        raise ConfigError(f"{path}: a bar needs {', '.join(sorted(missing))}, found {item}")
    return Bar(**item)


def _check_keys(path: Path, found: dict[str, Any], known: set[str]) -> None:
    unknown = found.keys() - known
    if unknown:
        raise ConfigError(f"{path}: unknown {', '.join(sorted(unknown))}; known are {', '.join(sorted(known))}")
