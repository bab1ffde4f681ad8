"""Model configurations: the keys of config.json, their defaults and their constraints. Needs no torch."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any, ClassVar

SCORES = ("magnitude", "probability")
MAX_CODE_BITS = 16


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


@dataclasses.dataclass(frozen=True)
class AttentionConfig:
    """The key `attention` of config.json. A kind has the keys in `KEYS`, of the others those are None."""

    kind: str = "softmax"
    features: int | None = None  # random features of a head
    kernel: str | None = None  # what they approximate: softmax or relu
    max_positions: int | None = None  # None: max_position_embeddings
    projected_length: int | None = None  # keys and values that a sequence is projected to
    chunk: int | None = None  # tokens of a chunk when compiled; None: the compiler's

    KEYS: ClassVar[dict[str, tuple[str, ...]]] = {
        "softmax": (),
        "linear": ("chunk",),
        "performer": ("features", "kernel", "chunk"),
        "cosformer": ("max_positions", "chunk"),
        "linformer": ("projected_length",),
    }

    def __post_init__(self) -> None:
        _require(self.kind in self.KEYS, f"attention.kind must be one of {tuple(self.KEYS)}, found {self.kind!r}")
        if self.kind == "performer" and self.kernel is None:
            object.__setattr__(self, "kernel", "softmax")
        for field in dataclasses.fields(self)[1:]:
            value = getattr(self, field.name)
            if field.name not in self.KEYS[self.kind]:
                _require(value is None, f"attention.{field.name} is no key of kind {self.kind!r}")
            elif field.name == "kernel":
                _require(value in ("softmax", "relu"), f"attention.kernel must be softmax or relu, found {value!r}")
            elif value is not None or field.name in ("features", "projected_length"):
                valid = isinstance(value, int) and value >= 1
                _require(valid, f"attention.{field.name} must be at least 1, found {value}")

    def to_dict(self) -> dict[str, Any]:
        return {key: value for key, value in dataclasses.asdict(self).items() if value is not None}


@dataclasses.dataclass(frozen=True)
class _Config:
    """Keys that every decoder here has; GPT-NeoX names."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    vocab_size: int = 50304
    max_position_embeddings: int = 2048
    rotary_pct: float = 0.25
    rotary_emb_base: float = 10000
    layer_norm_eps: float = 1e-5
    bos_token_id: int = 0
    eos_token_id: int = 0
    hidden_dropout: float = 0.0  # of what attention and feed-forward part add to the residual, in training only
    attention: AttentionConfig = AttentionConfig()
    causal: bool = True

    FIXED: ClassVar[dict[str, Any]] = {}

    def __post_init__(self) -> None:
        sizes = ("hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size", "max_position_embeddings")
        for name in sizes:
            _require(getattr(self, name) >= 1, f"{name} must be at least 1, found {getattr(self, name)}")
        _require(
            self.hidden_size % self.num_attention_heads == 0,
            f"hidden_size must be a multiple of num_attention_heads = {self.num_attention_heads}, "
            f"found {self.hidden_size}",
        )
        if isinstance(self.attention, dict):
            object.__setattr__(self, "attention", AttentionConfig(**self.attention))
        _require(
            self.attention.kind != "linformer" or not self.causal,
            "a Linformer cannot be causal: its keys and values are mixtures of all positions",
        )
        positions = self.attention.max_positions
        _require(
            positions is None or positions >= self.max_position_embeddings,
            f"attention.max_positions must be at least max_position_embeddings = {self.max_position_embeddings}, "
            f"found {positions}",
        )
        _require(0 <= self.hidden_dropout < 1, f"hidden_dropout must be in [0, 1), found {self.hidden_dropout}")
        _require(
            self.rotary_dims % 2 == 0,
            f"the rotary size int(rotary_pct * head_dim) must be even, found {self.rotary_dims} "
            f"(rotary_pct {self.rotary_pct}, head_dim {self.head_dim})",
        )

    @property
    def head_dim(self) -> int:
        return self.hidden_size // self.num_attention_heads

    @property
    def rotary_dims(self) -> int:
        """Leading features of each head that the rotary embedding turns."""
        return int(self.rotary_pct * self.head_dim)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "_Config":
        """Reads the keys of a config.json; a fixed key with another value is an error, unknown keys are ignored."""
        for key, expected in cls.FIXED.items():
            found = values.get(key, expected)
            _require(found == expected, f"config.json: {key} must be {expected!r}, found {found!r}")
        names = {field.name for field in dataclasses.fields(cls)}
        missing = [
            field.name
            for field in dataclasses.fields(cls)
            if field.default is dataclasses.MISSING and field.name not in values
        ]
        _require(not missing, f"config.json: missing {', '.join(missing)}")
        config = cls(**{key: value for key, value in values.items() if key in names})
        written = config.to_dict()
        expected = written["intermediate_size"]
        found = values.get("intermediate_size", expected)
        _require(found == expected, f"config.json: intermediate_size must be {expected}, found {found}")
        return config

    @classmethod
    def read(cls, directory: str | Path) -> "_Config":
        """Reads `directory`/config.json."""
        return cls.from_dict(json.loads(Path(directory, "config.json").read_text(encoding="utf-8")))

    def to_dict(self) -> dict[str, Any]:
        raise NotImplementedError

    def _keys(self) -> dict[str, Any]:
        """The fields as keys of config.json; those of a causal model with exact attention are the defaults."""
        keys = dataclasses.asdict(self)
        del keys["attention"], keys["causal"]
        if self.attention.kind != "softmax":
            keys["attention"] = self.attention.to_dict()
        if not self.causal:
            keys["causal"] = False
        return keys


@dataclasses.dataclass(frozen=True)
class MemoryFormerConfig(_Config):
    """A MemoryFormer decoder (arXiv 2411.12992): every fully connected layer of a block is a memory layer.

    `memory_num_tables` K times `memory_code_bits` tau must equal `hidden_size`. The second lookup of the feed-forward
    part has tau + `memory_ffn_extra_bits` bits, so its input is K (tau + extra) wide.
    """

    memory_num_tables: int = 0
    memory_code_bits: int = 8
    memory_ffn_extra_bits: int = 2
    memory_score: str = "magnitude"
    memory_temperature: float = 1.0
    rms_norm_eps: float = 1e-8

    FIXED: ClassVar[dict[str, Any]] = {
        "model_type": "memoryformer",
        "attention_type": "softmax",
        "use_parallel_residual": False,
        "tie_word_embeddings": False,
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        bits, ffn_bits = self.memory_code_bits, self.memory_code_bits + self.memory_ffn_extra_bits
        if self.memory_num_tables == 0 and bits >= 1 and self.hidden_size % bits == 0:
            object.__setattr__(self, "memory_num_tables", self.hidden_size // bits)
        for name, value in (("memory_code_bits", bits), ("memory_code_bits + memory_ffn_extra_bits", ffn_bits)):
            _require(1 <= value <= MAX_CODE_BITS, f"{name} must be 1 to {MAX_CODE_BITS}, found {value}")
        _require(
            self.memory_num_tables * bits == self.hidden_size,
            f"memory_num_tables * memory_code_bits must equal hidden_size = {self.hidden_size}, "
            f"found {self.memory_num_tables} * {bits}",
        )
        _require(self.memory_score in SCORES, f"memory_score must be one of {SCORES}, found {self.memory_score!r}")
        _require(self.memory_temperature > 0, f"memory_temperature must be positive, found {self.memory_temperature}")

    @property
    def ffn_code_bits(self) -> int:
        return self.memory_code_bits + self.memory_ffn_extra_bits

    @property
    def intermediate_size(self) -> int:
        """Width of the hidden vector of the feed-forward part, K (tau + extra)."""
        return self.memory_num_tables * self.ffn_code_bits

    def to_dict(self) -> dict[str, Any]:
        """The content of config.json, without `torch_dtype`, which belongs to the stored tensors."""
        return {
            "architectures": ["MemoryFormerForCausalLM"],
            **self.FIXED,
            **self._keys(),
            "intermediate_size": self.intermediate_size,
            "attention_dropout": 0.0,
            "use_cache": True,
        }


@dataclasses.dataclass(frozen=True)
class DenseConfig(_Config):
    """The dense GPT-NeoX decoder with sequential residual that a MemoryFormer is compared with."""

    FIXED: ClassVar[dict[str, Any]] = {
        "model_type": "gpt_neox",
        "hidden_act": "gelu",
        "use_parallel_residual": False,
        "tie_word_embeddings": False,
    }

    @property
    def intermediate_size(self) -> int:
        return 4 * self.hidden_size

    def to_dict(self) -> dict[str, Any]:
        """The content of config.json, without `torch_dtype`."""
        return {
            "architectures": ["GPTNeoXForCausalLM"],
            **self.FIXED,
            **self._keys(),
            "intermediate_size": self.intermediate_size,
            "attention_dropout": 0.0,
            "use_cache": True,
        }
