"""Kernels and models of this compiler, compiled once into the benchmarks' folder."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import memoryformer
import numpy as np
from memoryformer.compiler import find_compiler
from memoryformer.config import DenseConfig, MemoryFormerConfig
from memoryformer.runtime import Feed

from ..adapter import Prepared, Unavailable
from ..config import Contestant
from ..kernels import WRITERS, Writer
from ..paths import OUTPUT
from ..problem import Problem

# Architectures that kernels for CUDA devices are compiled for.
CUDA = "--gpu-arch=sm_80,sm_90a"
# A block is a model of one layer whose embedding and head, of so many words, cost next to nothing.
BLOCK_VOCABULARY = 64
PLAIN = ("f32", "f16", "bf16")
VARIANTS = ("dense",)


def prepare(problem: Problem, contestant: Contestant) -> Prepared:
    """dtype: of tables or dense weights and, in models, the head. variant: `dense` for the dense GPT-NeoX of the same
    width. Further options of mf-compile stand in MF_COMPILE_OPTIONS."""
    if contestant.operation in WRITERS:
        return _kernel(problem, contestant)
    if contestant.operation in ("prefill", "block", "decode"):
        return _model(problem, contestant)
    raise Unavailable(f"no {contestant.operation} here")


def _kernel(problem: Problem, contestant: Contestant) -> Prepared:
    element = contestant.dtype if contestant.dtype in PLAIN else "f32"
    text = WRITERS[contestant.operation](Writer(problem, element))
    model = _opened("kernel.mlir", text, _dtype_options(contestant.dtype), problem)
    inputs = _inputs(problem, contestant.operation)
    outputs = model.call("kernel", *inputs)
    finish = lambda: None  # noqa: E731
    if problem.case.device == "cuda":
        import torch

        inputs, outputs = ([torch.from_numpy(array).cuda() for array in arrays] for arrays in (inputs, outputs))
        finish = torch.cuda.synchronize

    def named(result: list[Any]) -> dict[str, np.ndarray]:
        result = [y if isinstance(y, np.ndarray) else y.cpu().numpy() for y in result]
        if contestant.operation == "hash":
            codes, scores = result
            return {"codes": codes.view(f"u{codes.itemsize}"), "scores": scores}
        return {"y": result[0]}

    return Prepared(lambda: model.call("kernel", *inputs, outputs=outputs), problem.tokens, named, finish)


def _opened(file: str, text: str, options: list[str], problem: Problem) -> memoryformer.Model:
    """A compiled text on the device of the case."""
    if problem.case.device == "cuda":
        options = [*options, CUDA]
    library = _compiled(file, text, options)
    try:
        return memoryformer.load(
            library, load_mode="copy", threads=problem.case.threads, device=problem.case.device
        )
    except memoryformer.Error as error:
        if problem.case.device == "cpu":
            raise
        raise Unavailable(str(error)) from error


def _inputs(problem: Problem, operation: str) -> list[np.ndarray]:
    if operation == "lookup":
        codes, scores = problem.hashed
        return [codes.view(f"i{codes.itemsize}"), scores]
    if operation == "attention":
        return list(problem.qkv)
    return [problem.x]


def _model(problem: Problem, contestant: Contestant) -> Prepared:
    block = contestant.operation == "block"
    shape = {
        "hidden_size": problem.width,
        "num_hidden_layers": problem.case.get("layers", 1),
        "num_attention_heads": problem.heads,
        "vocab_size": BLOCK_VOCABULARY if block else problem.case.get("vocabulary", 50304),
    }
    if contestant.variant == "dense":
        config = DenseConfig(**shape)
    else:
        config = MemoryFormerConfig(**shape, memory_code_bits=problem.bits)
    options = ["--random-weights", f"--random-dtype={contestant.dtype if contestant.dtype in PLAIN else 'f32'}"]
    options += _dtype_options(contestant.dtype, head=True)
    model = _opened("config.json", json.dumps(config.to_dict()), options, problem)
    depth, tokens = problem.case.get("depth", 0), problem.tokens
    session = model.session(max_tokens_per_call=max(depth, tokens), max_positions=depth + tokens)
    sequence = session.add()
    logits = np.empty((1, config.vocab_size), np.float32)
    ids = np.random.default_rng(0).integers(0, config.vocab_size, max(depth, tokens))

    def prefill() -> np.ndarray:
        session.truncate(sequence, 0)
        return session.step([Feed(sequence, ids[:tokens])], out=logits)

    def decode() -> np.ndarray:
        session.truncate(sequence, depth)
        feed = np.array([1])
        for _ in range(tokens):
            ids, best = session.step_top_k([Feed(sequence, feed)])
            feed = ids[0]
        return best

    named = lambda y: {} if block else {"logits": y}  # noqa: E731
    if depth:
        session.step([Feed(sequence, ids[:depth], "none")])
    return Prepared(decode if contestant.operation == "decode" else prefill, tokens, named)


def _dtype_options(dtype: str, head: bool = False) -> list[str]:
    """The options that store tables, and all dense weights of a model, in a quantised type."""
    if dtype in PLAIN:
        return []
    return [f"--table-dtype={dtype}"] + ([f"--head-dtype={dtype}", f"--weight-dtype={dtype}"] if head else [])


def _compiled(file: str, text: str, options: list[str]) -> Path:
    """Compiles a text unless the same compiler has done so before. A text with its options has one folder, however often
    the compiler changes: a library of its own for each build of the compiler would fill the disk."""
    options = [*options, *os.environ.get("MF_COMPILE_OPTIONS", "").split()]
    tool = find_compiler()
    folder = OUTPUT / hashlib.sha256(json.dumps([text, options]).encode()).hexdigest()[:16]
    library, stamp = folder / "model.so", folder / "compiler"
    compiler = f"{tool} {tool.stat().st_mtime_ns}"
    if library.exists() and stamp.exists() and stamp.read_text() == compiler:
        return library
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    source = folder / file
    source.write_text(text)
    try:
        memoryformer.compile(source, library, options=options)
    except memoryformer.Error as error:
        if "nknown command line" not in str(error):
            raise
    if not library.exists():  # an option that the tool does not know may also end in its help
        raise Unavailable(f"not supported yet: this mf-compile does not take {' '.join(options)}")
    stamp.write_text(compiler)
    return library
