"""Python functions that a library calls while it runs: loops on the caller's threads, progress of an upload."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from . import abi

LoopBody = Callable[[int, int, int], None]
ParallelFor = Callable[[LoopBody, int], None]
Progress = Callable[[int, int], None]


class HostLoop:
    """A Python parallel loop as the library's callback; its exceptions are raised again after the library's call."""

    def __init__(self, function: ParallelFor, workers: int) -> None:
        self._function = function
        self._failures = threading.local()
        self._run = abi.ParallelForRun(self._call)
        self.struct = abi.ParallelFor(self._run, None, max(workers, 1))

    def _call(self, context: int | None, body: Any, closure: int | None, count: int) -> None:
        try:
            self._function(lambda begin, end, worker: body(closure, begin, end, worker), count)
        except BaseException as error:  # it cannot pass through the library's frames
            self._failures.error = error

    def reraise(self) -> None:
        error = getattr(self._failures, "error", None)
        if error is not None:
            self._failures.error = None
            raise error


class Listener:
    """A Python function as the library's callback of progress; it is not called again once it has raised `error`."""

    def __init__(self, function: Progress) -> None:
        self._function = function
        self.error: BaseException | None = None
        self.struct = abi.Progress(abi.ReportProgress(self._report), None)

    def _report(self, context: int | None, done: int, total: int) -> None:
        try:
            if self.error is None:
                self._function(done, total)
        except BaseException as error:  # it cannot pass through the library's frames
            self.error = error
