"""A whole block with every intermediate as a result, against golden data."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

import golden
import modules
from harness import GOLDEN, every_variant
from test_memory_layer import ELEMENTS, unsigned

CASES = [
    ("block_d64_k8_t8", "magnitude"),
    ("block_d64_k8_t8", "probability"),
    ("block_d128_k32_t4", "magnitude"),
]
TOLERANCE = 1e-5
POSITIONS = 128


def read_parameters(name):
    tensors = {}
    for part in ("attention", "mlp"):
        tensors.update(golden.read(GOLDEN / "block" / name / f"params-{part}.safetensors")[0])
    return tensors


def read_config(name):
    return json.loads((GOLDEN / "block" / name / "config.json").read_text())


class BlockWriter:
    """Writes a block as the README of golden describes it; parameters are arguments."""

    def __init__(self, name, score):
        self.config, self.parameters = read_config(name), read_parameters(name)
        self.score = score
        self.function = modules.Function(f"{name}_{score}")
        self.given = []

    def parameter(self, name):
        """The argument for a parameter; tables are cut into [K, rows, N]."""
        tensor = self.parameters[name]
        if name.endswith("tables"):
            tensor = tensor.reshape(self.config["memory_num_tables"], -1, tensor.shape[1])
        self.given.append(tensor)
        argument = name.replace(".", "_")
        return self.function.argument(argument, tuple(tensor.shape), ELEMENTS[tensor.dtype.name])

    def layers(self, codes, scores, *names):
        tables = [self.parameter(f"{name}.tables") for name in names]
        biases = [self.parameter(f"{name}.bias") for name in names]
        return self.function.lookup(codes, scores, tables, biases)

    def text(self):
        config, function = self.config, self.function
        d, heads, bits = config["hidden_size"], config["num_attention_heads"], config["memory_code_bits"]
        eps = config["rms_norm_eps"]
        r = {}
        x = function.argument("x", ("tokens", d))
        positions = function.argument("positions", ("tokens",), "i32")
        angles = function.parameter(f"angles{d}", (POSITIONS, d // heads // 8, 2))
        scale = self.parameter("input_layernorm.scale")
        r["attn_norm"] = function.row_op("mf.rms_norm", x, scale, attributes=f"{{eps = {eps:e} : f64}}")
        r["attn_codes"], r["attn_scores"] = function.hash(r["attn_norm"], bits, self.score)
        names = [f"attention.{side}_proj" for side in ("query", "key", "value")]
        qkv = self.layers(r["attn_codes"], r["attn_scores"], *names)
        r["q"], r["k"], r["v"] = (function.split_heads(side, heads) for side in qkv)
        r["q_rot"] = function.row_op("mf.rope", r["q"], positions, angles)
        r["k_rot"] = function.row_op("mf.rope", r["k"], positions, angles)
        before = f"causal scale({1 / math.sqrt(d // heads)!r})"
        r["attn_out"] = function.join_heads(
            function.row_op("mf.attention", r["q_rot"], r["k_rot"], r["v"], before=before)
        )
        r["attn_residual"] = function.row_op("mf.add", x, r["attn_out"])
        scale = self.parameter("post_attention_layernorm.scale")
        r["ffn_norm"] = function.row_op(
            "mf.rms_norm", r["attn_residual"], scale, attributes=f"{{eps = {eps:e} : f64}}"
        )
        r["ffn1_codes"], r["ffn1_scores"] = function.hash(r["ffn_norm"], bits, self.score)
        (r["ffn1_out"],) = self.layers(r["ffn1_codes"], r["ffn1_scores"], "mlp.0")
        weight, bias = self.parameter("mlp.1.weight"), self.parameter("mlp.1.bias")
        r["ffn_hidden"] = function.row_op("mf.layer_norm", r["ffn1_out"], weight, bias)
        extra = config["memory_ffn_extra_bits"]
        r["ffn2_codes"], r["ffn2_scores"] = function.hash(r["ffn_hidden"], bits + extra, self.score)
        (r["ffn_out"],) = self.layers(r["ffn2_codes"], r["ffn2_scores"], "mlp.2")
        r["out"] = function.row_op("mf.add", r["attn_residual"], r["ffn_out"])
        self.names = list(r)
        return function.text(**r)


@pytest.fixture(scope="session")
def blocks():
    return {case: BlockWriter(*case) for case in CASES}


def module_text(blocks):
    parts = [block.text() for block in blocks.values()]
    for d, heads in {(block.config["hidden_size"], block.config["num_attention_heads"]) for block in blocks.values()}:
        source = "#mf.rotary_angles<base = 1.0e4 : f64>"
        parts.append(modules.parameter(f"angles{d}", (POSITIONS, d // heads // 8, 2), source))
    return modules.module(*parts)


@pytest.fixture(scope="session")
def library(compiler, blocks):
    return compiler.module("blocks", module_text(blocks), "--gpu-host")


def with_heads(expected):
    """[head, seq, head_dim] of golden as the [seq, head, head_dim] of a function."""
    return expected.transpose(1, 0, 2) if expected.ndim == 3 else expected


def check_intermediates(model, variant, case, block, margin):
    name, score = case
    expected, _ = golden.read(GOLDEN / "block" / name / f"expected-{score}.safetensors")
    for batch in range(len(expected["x"])):
        x = expected["x"][batch]
        positions = np.arange(len(x), dtype=np.int32)
        results = model.call(f"{name}_{score}", x, positions, *block.given)
        for result_name, result in zip(block.names, results):
            wanted = with_heads(expected[result_name][batch])
            if result_name.endswith("codes"):
                np.testing.assert_array_equal(unsigned(result), wanted, err_msg=f"{variant} {result_name}")
                continue
            # Scores may be large; golden's bound holds for values of order 1 to 6.
            tolerance = TOLERANCE * np.maximum(1, np.abs(wanted) / 6)
            margin(f"block, {result_name}", np.max(np.abs(result - wanted) / tolerance))


@pytest.mark.parametrize("case", CASES, ids=["-".join(case) for case in CASES])
def test_every_intermediate(case, blocks, library, margin):
    for variant, model in every_variant(library):
        check_intermediates(model, variant, case, blocks[case], margin)
