"""Times the contestants of one number of threads, interleaved; run as a process by the driver.

Reads a job from a JSON file and appends a JSON line per contestant to another. A process for each number of threads,
because OpenMP and OpenBLAS take theirs from the environment when they are loaded.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
import traceback
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .adapter import Prepared, Unavailable
from .config import Case, Contestant
from .problem import Problem

# Error of the checked rows / their size, root mean square, that an element type may have.
TOLERANCES = {"f32": 1e-5, "f16": 3e-3, "bf16": 2e-2, "i8": 5e-2, "i4": 3e-1}

# Seconds from which the checked run is warm-up enough.
LONG_RUN = 0.5


@dataclass
class Run:
    """A contestant during one case."""

    contestant: Contestant
    prepared: Prepared | None = None
    status: str = "ok"
    reason: str = ""
    error: float | None = None
    calls: int = 1
    seconds: list[float] = field(default_factory=list)

    def fail(self, status: str, reason: str) -> None:
        self.status, self.reason, self.prepared = status, reason, None


def settle(limit: float = 0.5) -> None:
    """Waits until the threads of idle libraries have stopped spinning: no one else's time is measured then."""
    end = time.perf_counter() + limit
    while time.perf_counter() < end:
        busy = time.process_time()
        time.sleep(0.004)
        if time.process_time() - busy < 0.001:
            return


def time_calls(prepared: Prepared, calls: int) -> float:
    """Seconds of one call, averaged over some."""
    begin = time.perf_counter()
    for _ in range(calls):
        prepared.run()
    prepared.finish()
    return (time.perf_counter() - begin) / calls


def prepare(run: Run, problem: Problem, references: dict[str, Any], min_ms: float) -> None:
    """Prepares a contestant, checks its result once, warms it up and chooses how many calls a repetition has."""
    contestant = run.contestant
    try:
        adapter = importlib.import_module(f"benchmarks.adapters.{contestant.adapter}")
        if contestant.variant and contestant.variant not in getattr(adapter, "VARIANTS", ()):
            raise Unavailable(f"the adapter has no variant {contestant.variant}")
        run.prepared = adapter.prepare(problem, contestant)
        begin = time.perf_counter()
        result = run.prepared.run()
        run.prepared.finish()
        once = time.perf_counter() - begin
        outputs = run.prepared.outputs(result)
    except Unavailable as reason:
        return run.fail("not available", str(reason))
    except Exception as error:  # a peer may fail in any way; the others go on
        traceback.print_exc()
        return run.fail("failed", f"{type(error).__name__}: {error}".splitlines()[0][:200])
    if contestant.operation not in references:
        references[contestant.operation] = problem.reference(contestant.operation)
    check(run, problem, outputs, references[contestant.operation])
    if run.prepared is None:
        return
    settle()
    if once < LONG_RUN:
        once = time_calls(run.prepared, 1)
    run.calls = max(1, min(10000, int(min_ms * 1e-3 / max(once, 1e-7))))


def check(run: Run, problem: Problem, outputs: dict[str, np.ndarray], reference: dict[str, np.ndarray]) -> None:
    """Fails a contestant whose checked rows are further from the reference than its element type allows."""
    tolerance = TOLERANCES[run.contestant.dtype]
    for name, output in outputs.items():
        array = np.asarray(output, np.float64)
        if not np.isfinite(array).all():
            return run.fail("wrong result", f"{name} is not finite")
        if name not in reference:
            continue
        wanted = reference[name]
        found = array[problem.checked].reshape(wanted.shape)
        size = np.sqrt(np.mean(wanted**2)) or 1.0
        run.error = max(run.error or 0.0, float(np.sqrt(np.mean((found - wanted) ** 2)) / size))
        if run.error > tolerance:
            return run.fail("wrong result", f"error of {name} is {run.error:.2g} of its size, allowed {tolerance:.2g}")


def run_case(case: Case, contestants: list[Contestant], job: dict[str, Any]) -> list[dict[str, Any]]:
    """Times all contestants of a case, one repetition of each at a time, and returns a record for each."""
    problem, references = Problem(case), {}
    runs = [Run(contestant) for contestant in contestants]
    for run in runs:
        prepare(run, problem, references, job["min_ms"])
    ready = [run for run in runs if run.prepared]
    for repetition in range(job["repetitions"]):
        first = repetition % max(len(ready), 1)
        for run in ready[first:] + ready[:first]:
            settle()
            run.seconds.append(time_calls(run.prepared, run.calls))
    return [record(case, run) for run in runs]


def record(case: Case, run: Run) -> dict[str, Any]:
    """A line of the results."""
    line = {"sizes": case.sizes, "threads": case.threads, **asdict(run.contestant), "label": run.contestant.label}
    line |= {"ours": run.contestant.ours, "status": run.status, "reason": run.reason, "error": run.error}
    if run.seconds:
        per_token = np.array(run.seconds) * 1e6 / run.prepared.tokens
        line["us_per_token"] = {"median": float(np.median(per_token)), "min": float(per_token.min())}
        line["us_per_token"]["max"] = float(per_token.max())
        line |= {"tokens": run.prepared.tokens, "calls": run.calls, "seconds": run.seconds}
    return line


def main(job_file: str, results_file: str) -> None:
    job = json.loads(Path(job_file).read_text())
    contestants = [Contestant(**item) for item in job["contestants"]]
    with open(results_file, "a") as results:
        for item in job["cases"]:
            for line in run_case(Case(**item), contestants, job):
                results.write(json.dumps(line) + "\n")
                figure = line.get("us_per_token", {}).get("median")
                print(
                    f"{Case(**item).label}, threads {line['threads']}: {line['label']}: "
                    + (f"{figure:.3f} us per token" if figure is not None else f"{line['status']}: {line['reason']}"),
                    file=sys.stderr,
                )
            results.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
