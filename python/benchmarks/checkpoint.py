"""A Llama-type checkpoint compiled by this compiler against PyTorch in float32, in one run:

    python -m benchmarks.checkpoint DIRECTORY

Both take turns; the table has the medians. Prefill computes the last logits only; decode is greedy, with a cache.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import memoryformer
import numpy as np
from memoryformer.runtime import Feed

from .adapter import Prepared
from .worker import settle, time_calls

Contestant = Callable[[], object]


def ours(model: memoryformer.Model, ids: np.ndarray, new_tokens: int) -> tuple[Contestant, Contestant]:
    """Prefill of ids, and decode of new tokens behind them."""
    session = model.session(max_tokens_per_call=len(ids), max_positions=len(ids) + new_tokens)
    sequence = session.add()

    def prefill() -> np.ndarray:
        session.truncate(sequence, 0)
        return session.step([Feed(sequence, ids)])

    def decode() -> None:
        session.truncate(sequence, len(ids))
        token = np.array([1])
        for _ in range(new_tokens):
            token = np.array([session.step([Feed(sequence, token)])[0].argmax()])

    return prefill, decode


def pytorch(directory: Path, ids: np.ndarray, new_tokens: int) -> tuple[Contestant, Contestant]:
    import torch

    from .torch_llama import TorchLlama

    model, prompt = TorchLlama(directory), torch.from_numpy(ids)
    context: list = []
    model.forward(prompt, context, last=True)

    def decode() -> None:
        cache, token = list(context), torch.tensor([1])
        for _ in range(new_tokens):
            token = model.forward(token, cache, last=True).argmax(dim=1)

    return lambda: model.forward(prompt, last=True), decode


def compare(ours: Contestant, peer: Contestant, tokens: int, repetitions: int) -> tuple[float, float]:
    """Tokens per second of both, the medians of interleaved repetitions after one that warms up."""
    seconds: tuple[list[float], list[float]] = [], []
    for repetition in range(repetitions + 1):
        for kept, contestant in zip(seconds, (ours, peer)):
            settle()
            once = time_calls(Prepared(contestant, tokens), 1)
            if repetition:
                kept.append(once)
    return tuple(tokens / statistics.median(kept) for kept in seconds)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.checkpoint", description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path, help="checkpoint directory of a Llama-type model")
    parser.add_argument("--tokens", type=int, default=512, help="tokens of the prompt (%(default)s)")
    parser.add_argument("--new-tokens", type=int, default=32, help="tokens that are decoded (%(default)s)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--library", type=Path, help="the compiled model, if it exists (default: it is compiled)")
    options = parser.parse_args()
    import torch

    torch.set_num_threads(options.threads)
    vocabulary = json.loads((options.directory / "config.json").read_text())["vocab_size"]
    with tempfile.TemporaryDirectory() as folder:
        library = options.library or memoryformer.compile(options.directory, Path(folder) / "model.so")
        with memoryformer.load(library, load_mode="copy", threads=options.threads) as model:
            ids = np.random.default_rng(0).integers(0, vocabulary, options.tokens)
            pairs = zip(
                ("prefill", "decode"),
                ours(model, ids, options.new_tokens),
                pytorch(options.directory, ids, options.new_tokens),
                (options.tokens, options.new_tokens),
            )
            print("| operation | ours, tokens/s | PyTorch f32, tokens/s | ratio |\n|---|---:|---:|---:|")
            for name, our, peer, tokens in pairs:
                mine, theirs = compare(our, peer, tokens, options.repetitions)
                print(f"| {name} | {mine:.1f} | {theirs:.1f} | {mine / theirs:.2f} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
