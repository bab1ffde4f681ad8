"""The built tools and libraries compiled once a session.

MF_BIN_DIR names the folder of the tools, default build/bin; MF_COMPILE_OPTIONS are further options of every compile.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("MF_BIN_DIR", ROOT / "build" / "bin")).resolve()
GOLDEN = ROOT / "test" / "golden"
sys.path[:0] = [str(ROOT / "python"), str(ROOT / "python" / "tests")]
os.environ.setdefault("MF_COMPILE", str(BIN / "mf-compile"))

import memoryformer  # noqa: E402  the path is set above
import numpy as np  # noqa: E402
from memoryformer.runtime import library_info  # noqa: E402


def run(*command: object, **options: object) -> subprocess.CompletedProcess[str]:
    """Runs a tool of MF_BIN_DIR or a program with its output captured; the caller looks at the exit status."""
    words = [str(word) for word in command]
    if (BIN / words[0]).exists():
        words[0] = str(BIN / words[0])
    return subprocess.run(words, capture_output=True, text=True, timeout=300, **options)


class Compiler:
    """Compiles inputs into one temporary folder, each once a session."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.done: dict[tuple, Path | memoryformer.Error] = {}

    def model(self, name: str, *options: str) -> Path:
        """Library of a golden checkpoint."""
        return self.checkpoint(GOLDEN / "model" / name, *options)

    def checkpoint(self, path: Path, *options: str) -> Path:
        """Library of a checkpoint directory."""
        return self._compile(path, path.name, str(path), options)

    def module(self, name: str, text: str, *options: str) -> Path:
        """Library of a module given as text."""
        source = self.folder / f"{name}.mlir"
        source.write_text(text)
        return self._compile(source, name, text, options)

    def _compile(self, source: Path, name: str, content: str, options: tuple[str, ...]) -> Path:
        """Once for equal contents, a path or a text: other sources may have the same name."""
        options += tuple(os.environ.get("MF_COMPILE_OPTIONS", "").split())
        key = (name, content, options)
        if key not in self.done:
            folder = self.folder / f"{len(self.done)}-{name}"
            folder.mkdir()
            try:
                self.done[key] = memoryformer.compile(source, folder / f"{name}.so", options=options)
            except memoryformer.Error as error:
                self.done[key] = error
        if isinstance(self.done[key], memoryformer.Error):
            raise self.done[key]
        return self.done[key]


def running_variants(library: Path) -> list[str]:
    """The variants of a library that this CPU runs."""
    with memoryformer.load(library) as model:
        return [variant["name"] for variant in model.info["runtime"]["variants"] if variant["runs"]]


def every_variant(library: Path, **options: object):
    """Opens the library once for every variant that this CPU runs."""
    assert running_variants(library), library_info(library)
    for variant in running_variants(library):
        with memoryformer.load(library, variant=variant, **options) as model:
            yield variant, model


def check_changing_company(session, ids: np.ndarray, expected: np.ndarray, count: int) -> None:
    """`count` sequences of the same tokens, fed in calls that mix some of them, a few tokens or many of each: all logits
    have the bits of `expected`, whoever else is in the call."""
    random = np.random.default_rng(3)
    sequences, lengths = [session.add() for _ in range(count)], [0] * count
    while min(lengths) < len(ids):
        ready = [i for i in random.permutation(count) if lengths[i] < len(ids)]
        chosen = ready[: random.integers(1, count + 1)]
        sizes = [min(int(random.choice([1, 1, 2, 9, 30])), len(ids) - lengths[i]) for i in chosen]
        feeds = [(sequences[i], ids[lengths[i] : lengths[i] + n], "all") for i, n in zip(chosen, sizes)]
        rows = np.split(session.step(feeds), np.cumsum(sizes)[:-1])
        for i, n, got in zip(chosen, sizes, rows):
            np.testing.assert_array_equal(got, expected[lengths[i] : lengths[i] + n])
            lengths[i] += n
