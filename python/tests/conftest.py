"""Makes the package importable from a checkout and torch single-threaded, so that results do not depend on cores."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

try:
    import torch
except ImportError:
    pass
else:
    torch.set_num_threads(1)
