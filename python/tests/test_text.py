"""Text around a model: pieces of whole characters, and the tokenizer beside the library."""

from __future__ import annotations

import pytest

import fake_model
from memoryformer import Error
from memoryformer.text import TextModel, stream_text

tokenizers = pytest.importorskip("tokenizers")


def byte_tokenizer():
    """A byte-level tokenizer without merges: an id a byte."""
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE({symbol: i for i, symbol in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    return tokenizer


@pytest.mark.parametrize("text", ["plain", "é – ü", "\N{GRINNING FACE}\N{ROCKET} twice", " leading", ""])
def test_pieces_are_whole_characters(text):
    tokenizer = byte_tokenizer()
    pieces = list(stream_text(tokenizer, tokenizer.encode(text).ids))
    assert pieces == list(text)


def test_a_character_that_never_ends_is_kept():
    tokenizer = byte_tokenizer()
    ids = tokenizer.encode("aé").ids[:-1]
    assert "".join(stream_text(tokenizer, ids)) == "a\N{REPLACEMENT CHARACTER}"


def test_decoders_that_strip_a_leading_space():
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel({"▁to": 0, "▁be": 1, "?": 2}, unk_token="?"))
    tokenizer.decoder = tokenizers.decoders.Metaspace()
    assert list(stream_text(tokenizer, [0, 1, 0])) == ["to", " be", " to"]


class EchoModel:
    def __init__(self, ids):
        self.ids = ids

    def tokens(self, prompt_ids, max_new_tokens, **options):
        yield from self.ids[:max_new_tokens]


def test_generate_text():
    tokenizer = byte_tokenizer()
    model = TextModel(EchoModel(tokenizer.encode("ärger").ids), tokenizer)
    assert model.generate("x", 3) == "är" and list(model.stream("x", 6)) == list("ärger")


def test_the_tokenizer_beside_the_library(tmp_path):
    with pytest.raises(Error, match="tokenizer.json: no tokenizer there"):
        TextModel.load(fake_model.library())
    byte_tokenizer().save(str(tmp_path / "tokenizer.json"))
    model = TextModel.load(fake_model.library(), tmp_path / "tokenizer.json")
    assert model.decode(model.encode("héllo")) == "héllo"
    assert model.model.info["name"] == "fake"
