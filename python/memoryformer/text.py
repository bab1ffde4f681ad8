"""Text in, text out: a compiled model with its tokenizer. Needs the package tokenizers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from .abi import Error
from .runtime import Model, load

_INCOMPLETE = "\N{REPLACEMENT CHARACTER}"


class TextModel:
    """A model and the tokenizer.json that it was trained with."""

    def __init__(self, model: Model, tokenizer: Any) -> None:
        """tokenizer: a `tokenizers.Tokenizer`, or the path of a tokenizer.json."""
        self.model = model
        self.tokenizer = _read_tokenizer(tokenizer) if isinstance(tokenizer, (str, os.PathLike)) else tokenizer

    @classmethod
    def load(cls, path: str | os.PathLike[str], tokenizer: Any = None, **options: Any) -> TextModel:
        """Opens a library; `tokenizer` None is the tokenizer.json beside it, `options` are those of `load`."""
        beside = Path(path).parent / "tokenizer.json"
        return cls(load(path, **options), tokenizer if tokenizer is not None else beside)

    def encode(self, text: str) -> list[int]:
        """Token ids of a text."""
        return self.tokenizer.encode(text).ids

    def decode(self, ids: Iterable[int]) -> str:
        """Text of token ids."""
        return self.tokenizer.decode(list(ids))

    def stream(self, prompt: str, max_new_tokens: int, **options: Any) -> Iterator[str]:
        """Yields the continuation in pieces of whole characters; `options` are those of `Model.tokens`."""
        return stream_text(self.tokenizer, self.model.tokens(self.encode(prompt), max_new_tokens, **options))

    def generate(self, prompt: str, max_new_tokens: int, **options: Any) -> str:
        """The continuation of a prompt; `options` are those of `Model.tokens`."""
        return "".join(self.stream(prompt, max_new_tokens, **options))


def stream_text(tokenizer: Any, ids: Iterable[int]) -> Iterator[str]:
    """Decodes ids as they come. The pieces, joined, are the text of all ids, characters that never end included."""
    context: list[int] = []  # ids of the piece before: some decoders treat the first id of a text in another way
    pending: list[int] = []
    for token in ids:
        pending.append(token)
        piece = tokenizer.decode(context + pending)[len(tokenizer.decode(context)) :]
        if piece and not piece.endswith(_INCOMPLETE):
            yield piece
            context, pending = pending, []
    rest = tokenizer.decode(context + pending)[len(tokenizer.decode(context)) :]
    if rest:
        yield rest


def _read_tokenizer(path: str | os.PathLike[str]) -> Any:
    from tokenizers import Tokenizer

    if not os.path.exists(path):
        raise Error(f"{os.fspath(path)}: no tokenizer there")
    return Tokenizer.from_file(os.fspath(path))
