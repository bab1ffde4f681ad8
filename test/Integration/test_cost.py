"""What the compiler says a model costs: against the paper's figures, closed forms, and what generated code executes."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

from harness import GOLDEN, ROOT, run
from instructions import Executed
from memoryformer import cost
from memoryformer.compiler import run_tool
from modules import Function, module, parameter

#
# The paper's comparison
#


def test_ratio_of_the_paper():
    (row,) = [row for row in cost.compare([2048], [2048], cost.Sizes()) if row.kind == "MemoryFormer"]
    assert f"{row.of_dense:.2%}" == "18.97%"


@pytest.mark.parametrize("name, percent", [("tiny", 43), ("small", 35), ("base", 29)])
def test_ratio_of_the_named_models(name, percent):
    model = run_tool("mf-compile", name, "--random-weights", "--compile-to=model", "-o", "-")
    found = cost.report(model, "count-masked-pairs")
    (step,) = found["functions"]
    blocks = [block for block in step["blocks"] if block["name"].startswith("layers.")]
    assert len(blocks) == {"tiny": 6, "small": 12, "base": 24}[name]
    width = {"tiny": 512, "small": 768, "base": 1024}[name]
    dense = cost.evaluate(cost.dense_block(width, cost.Sizes()), 2048)
    for block in blocks:
        assert round(100 * cost.evaluate(cost.polynomial(block["cost"]), 2048) / dense) == percent


@pytest.mark.parametrize("width, bits", [(128, 8), (192, 4), (1024, 8)])
def test_closed_forms(width, bits):
    sizes = cost.Sizes(code_bits=bits)
    assert cost.dense_block(width, sizes) == {2: 2 * width, 1: 12 * width**2}
    lookups = (3 + (bits + 2) / bits + 1) / bits
    assert cost.memoryformer_block(width, sizes) == {2: 2 * width, 1: lookups * width**2}
    # Of s^2 pairs a causal mask leaves s (s + 1) / 2.
    causal = cost.Sizes(code_bits=bits, causal=True)
    assert cost.dense_block(width, causal) == {2: width, 1: 12 * width**2 + width}
    assert cost.memoryformer_block(width, causal) == {2: width, 1: lookups * width**2 + width}


def test_causal_linear_attention():
    """Beside the recurrent sums, chunks have pairs of query and key inside: products with a feature and with a value."""
    width, heads, size, chunk = 192, 3, 64, 32
    features = {"performer": 20, "cosformer": 2 * size}
    sizes = cost.Sizes(performer_features=20, causal=True)
    for kind, block in ("performer", cost.performer_block), ("cosformer", cost.cosformer_block):
        inside = heads * (chunk + 1) / 2 * (features[kind] + size)
        whole = block(width, cost.Sizes(performer_features=20))
        assert block(width, sizes) == {1: whole[1] + inside}


def test_other_attention():
    """The products by their shapes: matrices of (rows, sum, columns) for each head, times heads."""
    width, heads, size, tokens = 192, 3, 64, 100
    products = {
        "Linformer": [(30, tokens, size)] * 2 + [(tokens, size, 30), (tokens, 30, size)],
        "Performer": [(tokens, size, 20)] * 2 + [(20, tokens, size), (tokens, 20, size), (tokens, 20, 1)],
        "cosFormer": [(2 * size, tokens, size), (tokens, 2 * size, size), (tokens, 2 * size, 1)],
    }
    for row in cost.compare([tokens], [width], cost.Sizes(linformer_size=30, performer_features=20)):
        if row.kind in products:
            attention = heads * sum(a * b * c for a, b, c in products[row.kind])
            assert row.multiply_adds == 12 * tokens * width**2 + attention


def test_values_are_those_of_the_polynomials():
    """Text, terms and values of a whole model agree; blocks and the rest add up."""
    path = GOLDEN / "model" / "lm_d64_k16_t4"
    model = run_tool("mf-compile", path, "--compile-to=model", "-o", "-")
    sizes = {"tokens": 37, "cache": 5, "rows": 3, "picks": 2}
    at = ",".join(f"{name}:{size}" for name, size in sizes.items())
    (step,) = json.loads(
        run_tool("mf-opt", "-", f"--mf-report-cost=format=json at={at}", "-o", "/dev/null", text=model)
    )["functions"]
    for quantity, found in step["cost"].items():
        expected = sum(
            term["coefficient"] * np.prod([sizes[name] ** power for name, power in term["powers"].items()])
            for term in found["terms"]
        )
        assert found["value"] == expected
        groups = [*step["blocks"], step["rest"]]
        assert sum(group["cost"][quantity]["value"] for group in groups) == expected
        assert sum(op["cost"][quantity]["value"] for group in groups for op in group["ops"]) == expected
    names = [block["name"] for block in step["blocks"]]
    assert names[0] == "embedding" and names[-1] == "head" and "layers.0" in names


def test_llama_blocks(tmp_path):
    """Grouped heads and a gate; an embedding that is the head, too, is stored twice."""
    width, inner, heads, size, groups, vocabulary = 96, 160, 6, 16, 2, 50
    config = {
        "model_type": "llama",
        "architectures": ["LlamaForCausalLM"],
        "hidden_size": width,
        "intermediate_size": inner,
        "num_attention_heads": heads,
        "num_key_value_heads": groups,
        "num_hidden_layers": 2,
        "max_position_embeddings": 64,
        "vocab_size": vocabulary,
        "tie_word_embeddings": True,
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    path = tmp_path / "config.json"
    model = run_tool("mf-compile", path, "--random-weights", "--compile-to=model", "-o", "-")
    found = cost.report(model)
    (step,) = found["functions"]
    assert {block["name"] for block in step["blocks"]} == {"embedding", "layers.0", "layers.1", "head"}
    assert cost.find_block(found, "head")["multiply_adds"]["text"] == f"{vocabulary * width} picks + {vocabulary * width} rows"
    assert cost.find_block(found, "embedding")["weight_bytes"]["text"] == f"{4 * width} tokens"
    block = cost.find_block(found, "layers.1")
    keys = groups * size
    linear = 2 * width * width + 2 * width * keys + 3 * width * inner
    assert cost.polynomial(block) == {2: width, 1: linear + width}
    assert block["state_written_bytes"]["text"] == f"{2 * 4 * keys} tokens"
    assert block["exponentials"]["text"] == f"{heads} cache tokens + {heads // 2} tokens^2 + {heads // 2 + inner} tokens"


@pytest.mark.parametrize("options", [(), ("--table-dtype=i4", "--head-dtype=i8")], ids=["f32", "few bits"])
def test_stored_bytes(compiler, options):
    """Bytes of tables and weights are those of the parameter file, but for header and alignment."""
    library = compiler.model("lm_d64_k16_t4", *options)
    result = run("mf-compile", GOLDEN / "model" / "lm_d64_k16_t4", *options, "--report=json", "-o", library)
    found = json.loads(result.stderr)
    (step,) = found["cost"]["functions"]
    stored = sum(step["stored"].values())
    padding = found["parameters"]["bytes"] - stored
    assert 0 < padding <= 4096 + 512 * found["parameters"]["tensors"]


#
# The command
#


def command(*arguments):
    words = [sys.executable, "-m", "memoryformer", "cost", *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, cwd=ROOT / "python")


def test_command(tmp_path):
    sizes = ("--tokens", "128,2048", "--widths", "128,512")
    lines = [json.loads(line) for line in command(*sizes, "--format", "jsonl").stdout.splitlines()]
    kinds = ["dense", "Linformer", "Performer", "cosFormer", "MemoryFormer"]
    assert [(row["kind"], row["tokens"], row["width"]) for row in lines] == [
        (kind, tokens, width) for width in (128, 512) for tokens in (128, 2048) for kind in kinds
    ]
    table = list(csv.DictReader(io.StringIO(command(*sizes, "--format", "csv").stdout)))
    assert [float(row["multiply_adds"]) for row in table] == [row["multiply_adds"] for row in lines]
    text = command(*sizes).stdout
    assert re.search(r"MemoryFormer +2048 +512 +4647288832 +43.28%", text), text
    assert command("--widths", "100").stderr.strip().endswith("the head size 64 must divide the width, found 100")


@pytest.mark.skipif(not importlib.util.find_spec("matplotlib"), reason="needs matplotlib")
def test_chart(tmp_path):
    chart = tmp_path / "cost.png"
    result = command("--tokens", "128,256", "--widths", "128,256", "--output", chart)
    assert result.returncode == 0, result.stderr
    assert chart.read_bytes().startswith(b"\x89PNG")


#
# Generated code
#


def has_avx2():
    with open("/proc/cpuinfo") as file:
        return "avx2" in file.read()


counts_instructions = pytest.mark.skipif(
    not shutil.which("valgrind") or not has_avx2(), reason="needs valgrind and a CPU with AVX2"
)
V3 = "-mcpu=x86-64-v3"


def at_most_two_percent_off(executed, least, most):
    """Executed lanes are at least the model's, at most those with padding, but for 2 %."""
    return 0.98 * least <= executed <= 1.02 * most


def model_cost(text, **sizes):
    """The model's cost at these sizes."""
    at = ",".join(f"{name}:{size}" for name, size in sizes.items())
    found = run_tool("mf-opt", "-", f"--mf-report-cost=format=json at={at}", "-o", "/dev/null", text=text)
    (function,) = json.loads(found)["functions"]
    return {quantity: value["value"] for quantity, value in function["cost"].items()}


@counts_instructions
@pytest.mark.parametrize("tokens", [33, 400])
def test_lanes_of_a_memory_layer(compiler, tmp_path, tokens):
    """A hash without multiply-adds, and a lookup without exponentials. Padding: columns to whole vectors, and the tokens of
    a hash to 8 for each of its blocks."""
    tables, bits, columns = 16, 8, 92
    function = Function("layer")
    codes, scores = function.hash(function.argument("x", ("tokens", tables * bits)), bits, "magnitude")
    stored = function.parameter("t", (tables, 1 << bits, columns))
    (result,) = function.lookup(codes, scores, [stored], [])
    source = "#mf.random<seed = 1, scale = 1.0 : f32>"
    text = module(parameter("t", stored.shape, source), function.text(y=result))
    expected = model_cost(text, tokens=tokens)
    assert expected["multiply_adds"] == tokens * tables * columns
    assert expected["exponentials"] == tokens * tables * bits

    np.save(tmp_path / "x.npy", np.random.default_rng(1).standard_normal((tokens, tables * bits), dtype=np.float32))
    executed = Executed(compiler.module("cost_layer", text, V3), "--entry=layer", f"--input=@{tmp_path / 'x.npy'}")
    padded = tokens * tables * up(columns, 8)
    assert at_most_two_percent_off(executed.multiply_adds(), expected["multiply_adds"], padded)
    assert at_most_two_percent_off(executed.exponentials(), expected["exponentials"], up(tokens, 8) * tables * bits)


def up(number, multiple):
    return -(-number // multiple) * multiple


def attention(size):
    function = Function("attention")
    q, k, v = (function.argument(name, ("tokens", 1, size)) for name in "qkv")
    return module(function.text(y=function.row_op("mf.attention", q, k, v, before="causal scale(0.125)")))


def padded_pairs(text, tokens):
    """Pairs that tiles of the strategy's queries and keys cover, and the blocks of keys that queries meet: for each of
    them, sums are rescaled by one exponential more."""
    strategy = run_tool("mf-opt", "-", "--mf-model-pipeline", "--mf-strategy-pipeline=cpu=x86-64-v3", text=text)
    (found,) = re.findall(r"mf\.attention.*?strategy\(<?#?([^>]*)>", strategy)
    tile = {name: int(size) for name, size in re.findall(r"(\w+) = (\d+)", found)}
    queries, keys = tile["queries"], tile["keys"]
    visible = [up(min(up(token + 1, queries), tokens), keys) for token in range(up(tokens, queries))]
    return sum(visible), sum(visible) // keys


@counts_instructions
def test_lanes_of_attention(compiler, tmp_path):
    """Products are counted as the difference of two head sizes, in which the polynomials of exponentials cancel, whatever
    order the kernel sums in. Padding: whole tiles of the strategy's queries and keys."""
    tokens, sizes = 768, (64, 128)
    lanes, exponentials, expected, padded = [], [], [], []
    for size in sizes:
        text = attention(size)
        expected.append(model_cost(text, tokens=tokens))
        pairs = tokens * (tokens + 1) // 2
        assert expected[-1]["multiply_adds"] == pairs * 2 * size and expected[-1]["exponentials"] == pairs
        padded.append(padded_pairs(text, tokens))
        inputs = []
        for seed, name in enumerate("qkv"):
            path = tmp_path / f"{name}{size}.npy"
            np.save(path, np.random.default_rng(seed).standard_normal((tokens, 1, size), dtype=np.float32))
            inputs.append(f"--input=@{path}")
        executed = Executed(compiler.module(f"cost_attention_{size}", text, V3), "--entry=attention", *inputs)
        lanes.append(executed.multiply_adds())
        exponentials.append(executed.exponentials())
    least = expected[1]["multiply_adds"] - expected[0]["multiply_adds"]
    most = 2 * (padded[1][0] * sizes[1] - padded[0][0] * sizes[0])
    print(f"products: {lanes[1] - lanes[0]} in [{least}, {most}]; exponentials: {exponentials}, {expected}, {padded}")
    assert at_most_two_percent_off(lanes[1] - lanes[0], least, most)
    for found, model, (pairs, blocks) in zip(exponentials, expected, padded, strict=True):
        assert at_most_two_percent_off(found, model["exponentials"], pairs + blocks)
