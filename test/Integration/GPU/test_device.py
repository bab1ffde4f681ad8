"""Golden memory layers on a real CUDA device; skipped where there is none."""

from __future__ import annotations

import memoryformer
import numpy as np
import pytest

import modules
import reference
from test_memory_layer import Case, FILES, unsigned


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
    case = cases[stem]
    with memoryformer.load(library, device="cuda:0") as model:
        for kind in case.kinds:
            codes, scores, y = model.call(case.function(kind), *case.inputs())
            np.testing.assert_array_equal(unsigned(codes), case.tensors["codes"])
            expected = case.tensors[f"scores.{kind}"]
            margin("device, scores", np.max(np.abs(scores - expected) / reference.score_tolerance(case.bits, expected)))
            condition = case.tensors[f"y_abs.{kind}"].astype(np.float64)
            tolerance = reference.lookup_tolerance(case.bits, case.tables, condition)
            margin("device, y", np.max(np.abs(y - case.tensors[f"y.{kind}"]) / tolerance))
