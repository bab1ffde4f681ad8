"""Runs a configuration: one worker process for each number of threads, then the reports."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from dataclasses import asdict
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

from .config import Config
from .paths import ROOT

PACKAGES = ("numpy", "torch", "onnxruntime", "fbgemm-gpu-cpu", "fbgemm-gpu", "llama-cpp-python")

# Settings that make a library choose kernels of another machine.
DROPPED = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA")
DROPPED += ("MKL_ENABLE_INSTRUCTIONS",)


def machine() -> dict[str, Any]:
    """What figures depend on besides the code: CPU, its vector features, caches, versions."""
    words = {"model name": platform.processor(), "flags": ""}
    try:
        lines = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
        words |= {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    except OSError:
        pass
    flags = words["flags"].split()
    known = ("avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512_vnni", "avx512_bf16", "avx_vnni", "amx_int8")
    return {
        "cpu": words["model name"],
        "cpus": os.cpu_count(),
        "features": [flag for flag in known if flag in flags],
        "caches": _caches(),
        "gpus": _gpus(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }


def _caches() -> dict[str, str]:
    found = {}
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        try:
            kind, level, size = ((index / name).read_text().strip() for name in ("type", "level", "size"))
        except OSError:
            continue
        if kind != "Instruction":
            found[f"L{level}"] = size
    return found


def _gpus() -> list[str]:
    """Names of CUDA devices and the version of their driver, where there are any."""
    query = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        found = subprocess.run(query, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return found.stdout.splitlines() if found.returncode == 0 else []


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def environment(threads: int) -> dict[str, str]:
    """A worker's environment: threads of every library, huge pages for what they allocate."""
    environment = {name: value for name, value in os.environ.items() if name not in DROPPED}
    for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR"):
        environment[f"{name}_NUM_THREADS"] = str(threads)
    paths = [str(ROOT / "python"), environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    environment["THP_MEM_ALLOC_ENABLE"] = "1"
    tunables = [environment.get("GLIBC_TUNABLES", ""), "glibc.malloc.hugetlb=1"]
    environment["GLIBC_TUNABLES"] = ":".join(filter(None, tunables))
    return environment


def run(config: Config) -> tuple[list[dict[str, Any]], int]:
    """The records of all cases in the order of the configuration, and 0, or 1 where a worker died before its end."""
    records, failed = [], 0
    for threads in dict.fromkeys(case.threads for case in config.cases):
        with tempfile.TemporaryDirectory() as folder:
            job, results = Path(folder) / "job.json", Path(folder) / "results.jsonl"
            results.touch()
            content = {
                "cases": [asdict(case) for case in config.cases if case.threads == threads],
                "contestants": [asdict(contestant) for contestant in config.contestants],
                "repetitions": config.repetitions,
                "min_ms": config.min_ms,
            }
            job.write_text(json.dumps(content))
            command = [sys.executable, "-m", "benchmarks.worker", str(job), str(results)]
            status = subprocess.run(command, env=environment(threads), stdout=sys.stderr).returncode
            records += [json.loads(line) for line in results.read_text().splitlines()]
            if status != 0:
                failed = 1
                print(f"the worker of {threads} threads ended early, with status {status}", file=sys.stderr)
    return records, failed
