"""Whole models of every attention by the kernels of GPUs, on host threads with all checks, against PyTorch in float64."""

from __future__ import annotations

import memoryformer
import numpy as np
import pytest

import gpu_host
from harness import check_changing_company

pytest.importorskip("torch")

from test_attention_models import IDS, fed, model_case, ratio  # noqa: E402  torch is there


@pytest.fixture(scope="module")
def case(compiler, tmp_path_factory):
    return model_case(compiler, tmp_path_factory, lambda causal: ["--gpu-host", "-mcpu=native"])


@pytest.mark.parametrize("kind", ["linear", "performer", "cosformer"])
def test_causal_models(kind, case, margin):
    """The logits, and their bits however the sequence is cut into calls."""
    library, exact, plain = case(kind, True)
    with gpu_host.open_checked(library, threads=2) as model, memoryformer.load(library) as cpu:
        expected = fed(model, [IDS])
        margin(f"model, GPU on host, {kind}", ratio(expected, exact, plain))
        np.testing.assert_array_equal(fed(model, [*np.split(IDS, [5, 6, 23, 40, 66, 67])]), expected)
        assert model.generate(IDS[:9], 12) == cpu.generate(IDS[:9], 12)


def test_neighbours_leave_the_bits(case):
    library, *_ = case("performer", True)
    with gpu_host.open_checked(library, threads=2) as model:
        expected = fed(model, [IDS])
        with model.session(max_sequences=3, max_tokens_per_call=30) as session:
            check_changing_company(session, IDS, expected, count=3)


@pytest.mark.parametrize("kind", ["linformer", "performer_relu"])
def test_whole_models(kind, case, margin):
    library, exact, plain = case(kind, False)
    with gpu_host.open_checked(library, threads=2) as model:
        (logits,) = model.call("forward", IDS.astype(np.int32))
    margin(f"model, GPU on host, whole {kind}", ratio(logits, exact, plain))
