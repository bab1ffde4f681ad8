"""What the driver and the adapters agree on.

An adapter is a module of `benchmarks.adapters` with a function `prepare(problem, contestant) -> Prepared` and, where it
has any, `VARIANTS`, the names of its variants. It raises `Unavailable` where the machine or the library cannot run what
is asked; the reason is shown in the tables.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


class Unavailable(Exception):
    """A contestant that cannot run here, and why."""


@dataclass
class Prepared:
    """A contestant ready to run.

    run: what is timed. outputs: its result as arrays by name, to be checked against the problem's reference.
    tokens: tokens that one run processes. finish: waits for the end of what goes on after `run` has returned.
    """

    run: Callable[[], Any]
    tokens: int
    outputs: Callable[[Any], dict[str, np.ndarray]] = lambda result: {}
    finish: Callable[[], Any] = lambda: None
