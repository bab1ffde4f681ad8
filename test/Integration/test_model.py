"""Compiled checkpoints against golden data: logits, greedy continuations, negative log-likelihoods."""

from __future__ import annotations

import numpy as np
import pytest

import golden
import memoryformer
from harness import GOLDEN, every_variant, run

MODELS = sorted(path.name for path in (GOLDEN / "model").iterdir())
TOLERANCE = 3e-5


def read_expected(name):
    return golden.read(GOLDEN / "model" / name / "expected.safetensors")[0]


@pytest.fixture(scope="session", params=MODELS)
def case(request, compiler):
    """Library and expected tensors of a golden model."""
    return compiler.model(request.param, "--gpu-host"), read_expected(request.param)


def prompts(expected):
    return [(expected[f"prompt{j}.input_ids"], expected[f"prompt{j}.greedy_ids"], j) for j in (0, 1)]


def log_likelihoods(logits, ids):
    """-log p(ids[t + 1] | ids[..t]) of the f32 logits of ids, in float64."""
    logits = logits.astype(np.float64)
    highest = logits.max(axis=1)
    normaliser = highest + np.log(np.exp(logits - highest[:, None]).sum(axis=1))
    return normaliser[:-1] - logits[np.arange(len(ids) - 1), ids[1:]]


def check_logits(model, expected, margin):
    with model.session() as session:
        for ids, _, j in prompts(expected):
            logits = session.forward(ids[None])[0]
            margin("model, logits", np.max(np.abs(logits - expected[f"prompt{j}.logits"])) / TOLERANCE)


@pytest.mark.parametrize("load_mode", ["map", "copy"])
def test_logits(case, load_mode, margin):
    library, expected = case
    for _, model in every_variant(library, load_mode=load_mode):
        check_logits(model, expected, margin)


def check_greedy_ids(model, expected):
    for ids, greedy, _ in prompts(expected):
        assert model.generate(ids, 32) == greedy.tolist()


def test_greedy_ids(case):
    library, expected = case
    for _, model in every_variant(library):
        check_greedy_ids(model, expected)


def test_negative_log_likelihoods(case, margin):
    """Over prompt and continuation; a logit's error enters at most twice."""
    library, expected = case
    for _, model in every_variant(library):
        with model.session() as session:
            for ids, greedy, j in prompts(expected):
                sequence = np.concatenate([ids, greedy])
                nll = log_likelihoods(session.forward(sequence[None])[0], sequence)
                margin("model, nll", np.max(np.abs(nll - expected[f"prompt{j}.nll"])) / (2 * TOLERANCE))


def test_probabilities_sum_to_what_sampling_draws(case):
    """Draws at temperature 1 have the frequencies of the softmax: a chi-square bound that fails once in a million."""
    library, expected = case
    ids = expected["prompt1.input_ids"]
    with memoryformer.load(library) as model, model.session() as session:
        logits = session.forward(ids[None])[0, -1]
        draws = 20000
        counts = np.bincount(
            [session.sample(logits, temperature=1.0, seed=5, counter=i) for i in range(draws)], minlength=len(logits)
        )
    p = np.exp(logits.astype(np.float64) - logits.max())
    p /= p.sum()
    common = p * draws >= 5
    observed = np.append(counts[common], counts[~common].sum())
    mean = np.append(p[common], p[~common].sum()) * draws
    statistic = (np.square(observed - mean) / np.maximum(mean, 1e-9)).sum()
    freedom = len(mean) - 1
    assert statistic < freedom + 5 * np.sqrt(2 * freedom) + 15


def test_mf_run_continues(case):
    library, expected = case
    for ids, greedy, _ in prompts(expected):
        text = ",".join(map(str, ids))
        for extra in ([], ["--stream"], ["--load=copy", "--threads=1"], ["--max-tokens-per-call=3", "--timing"]):
            result = run("mf-run", library, f"--ids={text}", "--max-new-tokens=32", *extra)
            assert result.returncode == 0, result.stderr
            assert result.stdout.strip() == ",".join(map(str, greedy))
            assert ("tokens/s" in result.stderr) == ("--timing" in extra)


def test_mf_run_forward_and_verify(case, tmp_path):
    library, expected = case
    np.save(tmp_path / "ids.npy", expected["prompt1.input_ids"][None])
    np.save(tmp_path / "logits.npy", expected["prompt1.logits"][None])
    arguments = f"--input=@{tmp_path}/ids.npy", f"--expected=@{tmp_path}/logits.npy"
    result = run("mf-run", library, "--entry=forward", *arguments, f"--atol={TOLERANCE}")
    assert result.returncode == 0 and "max abs error" in result.stdout, result.stderr
    result = run("mf-run", library, "--entry=forward", *arguments, "--atol=1e-12")
    assert result.returncode == 1 and "elements differ" in result.stdout
    with memoryformer.load(library) as model:
        parameters = model.info["runtime"]["parameters"]["path"]
    for extra in ([], [f"--library={library}"]):
        result = run("mf-run", "verify", parameters, *extra)
        assert result.returncode == 0 and result.stdout.endswith(": good\n"), result.stderr
    memoryformer.runtime.verify_parameters(library)
