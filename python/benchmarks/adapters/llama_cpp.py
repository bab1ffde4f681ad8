"""llama.cpp on random GGUF files of Pythia's shapes: prefill with the last logits, greedy decode."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np

from ..adapter import Prepared, Unavailable
from ..config import Contestant
from ..paths import OUTPUT
from ..problem import Problem

try:
    import gguf
    import llama_cpp
except (ImportError, OSError, RuntimeError) as error:
    raise Unavailable(f"llama.cpp: {error}") from error

TYPES = {
    "f16": gguf.GGMLQuantizationType.F16,
    "i8": gguf.GGMLQuantizationType.Q8_0,
    "i4": gguf.GGMLQuantizationType.Q4_0,
}
VARIANTS = ("no_flash",)

# The library keeps it as long as the process lives.
QUIET = llama_cpp.llama_log_callback(lambda level, text, data: None)
llama_cpp.llama_log_set(QUIET, ctypes.c_void_p(0))


def prepare(problem: Problem, contestant: Contestant) -> Prepared:
    """dtype f16, i8 (Q8_0) or i4 (Q4_0, also the head). variant: `no_flash` switches flash attention off."""
    if contestant.dtype not in TYPES:
        raise Unavailable(f"no files in {contestant.dtype}")
    depth, tokens = problem.case.get("depth", 0), problem.tokens
    path = model_file(problem, contestant.dtype)
    model = Model(path, problem.case.threads, depth + tokens + 1, contestant.variant == "no_flash")
    if contestant.operation == "prefill":
        ids = np.random.default_rng(0).integers(0, model.vocabulary, tokens)
        return Prepared(lambda: model.feed(ids, keep=0), tokens, lambda logits: {"logits": logits})
    if contestant.operation == "decode":
        if depth:
            model.feed(np.random.default_rng(0).integers(0, model.vocabulary, depth), keep=0)
        return Prepared(lambda: model.decode(tokens, depth), tokens)
    raise Unavailable(f"no {contestant.operation} here")


class Model:
    """A model with one sequence, through the C interface."""

    def __init__(self, path: Path, threads: int, positions: int, no_flash: bool) -> None:
        self._model = llama_cpp.llama_model_load_from_file(str(path).encode(), llama_cpp.llama_model_default_params())
        if not self._model:
            raise RuntimeError(f"llama.cpp refuses {path}")
        options = llama_cpp.llama_context_default_params()
        options.n_ctx = positions
        options.n_threads = options.n_threads_batch = threads
        if no_flash:
            options.flash_attn_type = 0
        self._context = llama_cpp.llama_init_from_model(self._model, options)
        self.vocabulary = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(self._model))

    def feed(self, ids: np.ndarray, keep: int = -1) -> np.ndarray:
        """Appends ids after the first `keep` positions (-1: all) and returns the logits of the last one."""
        if keep >= 0:
            llama_cpp.llama_memory_seq_rm(llama_cpp.llama_get_memory(self._context), 0, keep, -1)
        tokens = (llama_cpp.llama_token * len(ids))(*map(int, ids))
        if llama_cpp.llama_decode(self._context, llama_cpp.llama_batch_get_one(tokens, len(ids))) != 0:
            raise RuntimeError("llama_decode failed")
        return np.ctypeslib.as_array(llama_cpp.llama_get_logits_ith(self._context, -1), (self.vocabulary,))

    def decode(self, count: int, depth: int) -> int:
        """Feeds `count` tokens greedily after the first `depth` positions."""
        token = int(self.feed(np.array([1]), keep=depth).argmax())
        for _ in range(count - 1):
            token = int(self.feed(np.array([token])).argmax())
        return token

    def __del__(self) -> None:
        if getattr(self, "_context", None):
            llama_cpp.llama_free(self._context)
        if getattr(self, "_model", None):
            llama_cpp.llama_model_free(self._model)


def model_file(problem: Problem, dtype: str) -> Path:
    """A GGUF file with random weights of the case's shape; written once."""
    layers, width, heads = problem.case.get("layers", 1), problem.width, problem.heads
    vocabulary = problem.case.get("vocabulary", 50304)
    path = OUTPUT / f"gptneox-{layers}x{width}-{vocabulary}-{dtype}.gguf"
    if path.exists():
        return path
    OUTPUT.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    writer = gguf.GGUFWriter(partial, "gptneox")
    writer.add_context_length(2048)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(4 * width)
    writer.add_head_count(heads)
    writer.add_rope_dimension_count(width // heads // 4)
    writer.add_layer_norm_eps(1e-5)
    writer.add_parallel_residual(True)
    writer.add_tokenizer_model("no_vocab")
    writer.add_vocab_size(vocabulary)
    random = np.random.default_rng(0)
    for name, shape in tensors(layers, width, vocabulary):
        if len(shape) == 1:
            writer.add_tensor(name, np.full(shape, float(name.endswith("norm.weight")), np.float32))
            continue
        weight = random.standard_normal(shape, np.float32) * np.float32(np.sqrt(0.4 / width))
        writer.add_tensor(name, gguf.quants.quantize(weight, TYPES[dtype]), raw_dtype=TYPES[dtype])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return partial.rename(path)


def tensors(layers: int, width: int, vocabulary: int) -> list[tuple[str, tuple[int, ...]]]:
    """Names and shapes of GPT-NeoX's tensors in a GGUF file."""
    linears = {"attn_qkv": (3 * width, width), "attn_output": (width, width), "ffn_up": (4 * width, width)}
    linears["ffn_down"] = (width, 4 * width)
    found = [("token_embd.weight", (vocabulary, width)), ("output.weight", (vocabulary, width))]
    found += [(f"output_norm.{part}", (width,)) for part in ("weight", "bias")]
    for layer in range(layers):
        for name in ("attn_norm", "ffn_norm"):
            found += [(f"blk.{layer}.{name}.{part}", (width,)) for part in ("weight", "bias")]
        for name, shape in linears.items():
            found += [(f"blk.{layer}.{name}.weight", shape), (f"blk.{layer}.{name}.bias", shape[:1])]
    return found
