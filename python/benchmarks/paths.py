"""Where the benchmarks find the checkout and leave what they make."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OUTPUT = Path(os.environ.get("MF_BENCH_DIR", ROOT / "build" / "bench"))
