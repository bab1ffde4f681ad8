"""Golden memory layers on a real CUDA device; skipped where there is none."""

from __future__ import annotations

import memoryformer
import pytest

import modules
from test_memory_layer import Case, FILES


@pytest.fixture(scope="module")
def cases():
    return {stem: Case(stem) for stem in FILES}


@pytest.fixture(scope="module")
def library(compiler, cases):
    text = modules.module(*(case.text() for case in cases.values()))
    library = compiler.module("memory_layers_device", text, "--gpu-arch=sm_80,sm_90a")
    try:
        memoryformer.load(library, device="cuda:0").close()
    except memoryformer.Error as error:
        if error.status == 9:
            pytest.skip(f"no CUDA device: {error}")
        raise
    return library


@pytest.mark.parametrize("stem", FILES)
def test_golden_layer(stem, cases, library, margin):
    with memoryformer.load(library, device="cuda:0") as model:
        for kind in cases[stem].kinds:
            cases[stem].check(model, kind, margin, "device")
