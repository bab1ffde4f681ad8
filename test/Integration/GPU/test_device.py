"""Every golden case on a real CUDA device; skipped where there is none."""

from __future__ import annotations

import pytest

import modules
import test_attention
import test_block
import test_memory_layer
import test_model
from test_block import CASES
from test_memory_layer import FILES
from test_model import MODELS


@pytest.fixture(scope="module")
def layers():
    return {stem: test_memory_layer.Case(stem) for stem in FILES}


@pytest.mark.parametrize("stem", FILES)
def test_golden_layer(stem, layers, on_device, margin):
    with on_device("device_layers", modules.module(*(layer.text() for layer in layers.values()))) as model:
        for kind in layers[stem].kinds:
            layers[stem].check(model, kind, margin, "device")


@pytest.mark.parametrize("kind", ["causal", "full"])
@pytest.mark.parametrize("name", ["a", "b"])
def test_golden_attention(name, kind, on_device, margin):
    with on_device("device_attention", test_attention.module_text()) as model:
        test_attention.check_golden(model, name, kind, margin)


@pytest.fixture(scope="module")
def blocks():
    return {case: test_block.BlockWriter(*case) for case in CASES}


@pytest.fixture(scope="module")
def block_module(blocks):
    return test_block.module_text(blocks)


@pytest.mark.parametrize("case", CASES, ids=["-".join(case) for case in CASES])
def test_golden_block(case, blocks, block_module, on_device, margin):
    with on_device("device_blocks", block_module) as model:
        test_block.check_intermediates(model, "device", case, blocks[case], margin)


@pytest.mark.parametrize("name", MODELS)
def test_golden_model(name, on_device, margin):
    expected = test_model.read_expected(name)
    with on_device(name) as model:
        test_model.check_logits(model, expected, margin)
        test_model.check_greedy_ids(model, expected)
