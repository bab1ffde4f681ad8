"""MemoryFormer language models: PyTorch reference, training, conversion and compiled inference.

Importing the package loads nothing else: every name below is fetched from its module when it is first used, so that
running a compiled model needs neither torch nor tokenizers.
"""

from __future__ import annotations

import importlib

_EXPORTS = {
    "AttentionConfig": "config",
    "MemoryFormerConfig": "config",
    "DenseConfig": "config",
    "memory_hash": "hash",
    "memory_lookup": "hash",
    "MemoryLayer": "nn",
    "MemoryFormerBlock": "nn",
    "MemoryFormerForCausalLM": "nn",
    "DenseForCausalLM": "dense",
    "compile": "compiler",
    "load": "runtime",
    "Model": "runtime",
    "Session": "runtime",
    "Feed": "runtime",
    "Error": "abi",
    "TextModel": "text",
}
_SUBMODULES = ("nn", "runtime")

__all__ = [*_EXPORTS, *_SUBMODULES]


def __getattr__(name: str) -> object:
    """Imports the module that defines an exported name (PEP 562)."""
    if name in _SUBMODULES:
        return importlib.import_module(f".{name}", __name__)
    if name not in _EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_EXPORTS[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
