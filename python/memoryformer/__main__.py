"""Entry point of `python -m memoryformer`."""

import sys

from .cli import main

sys.exit(main())
