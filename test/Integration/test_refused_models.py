"""Broken checkpoints and modules: mf-compile says what is wrong, exits as documented and leaves no file behind."""

from __future__ import annotations

import re
import shutil

import pytest

import broken
from harness import GOLDEN, run

INPUT_MODEL, COMMAND_LINE, IO, COMPILE = 1, 2, 3, 4
WEIGHTS = "model.safetensors"
EMBEDDING = "sequential.0.word_embeddings.weight"
TABLES = "sequential.2.mlp.0.tables"


def refused(folder, *arguments):
    """Runs mf-compile with an output in an empty folder; returns exit status and message."""
    output = folder / "output"
    output.mkdir()
    result = run("mf-compile", *arguments, "-o", output / "m.so")
    assert list(output.iterdir()) == [], "a refused compilation left files"
    assert "error" in result.stderr and "Stack dump" not in result.stderr, result.stderr
    return result.returncode, result.stderr


CHECKPOINTS = {
    "no config": (broken.remove("config.json"), "config.json"),
    "config that is no JSON": (broken.text("config.json", "{"), "config.json"),
    "config that is a list": (broken.text("config.json", "[]"), "config.json"),
    "config key twice": (broken.text("config.json", '{"hidden_size": 1, "hidden_size": 2}'), "hidden_size"),
    "no hidden_size": (broken.config(hidden_size=None), "hidden_size"),
    "hidden_size of text": (broken.config(hidden_size="64"), "hidden_size"),
    "negative layers": (broken.config(num_hidden_layers=-1), "num_hidden_layers"),
    "huge hidden_size": (broken.config(hidden_size=2**62), "hidden_size"),
    "heads that do not divide": (broken.config(num_attention_heads=5), "num_attention_heads"),
    "tables times bits": (broken.config(memory_num_tables=15), "memory_num_tables|memory_code_bits"),
    "seventeen bits": (broken.config(memory_code_bits=17), "memory_code_bits"),
    "score": (broken.config(memory_score="cosine"), "memory_score.*cosine"),
    "temperature": (broken.config(memory_score="probability", memory_temperature=0), "memory_temperature"),
    "attention that is not causal": (broken.config(attention_type="linformer"), "attention_type.*linformer"),
    "odd rotary size": (broken.config(rotary_pct=0.2), "rotary_pct|rotary"),
    "parallel residual": (broken.config(use_parallel_residual=True), "use_parallel_residual"),
    "tied embeddings": (broken.config(tie_word_embeddings=True), "tie_word_embeddings"),
    "another architecture": (broken.config(model_type="llama", architectures=["LlamaForCausalLM"]), "model_type|archi"),
    "vocabulary": (broken.config(vocab_size=513), EMBEDDING),
    "one more layer": (broken.config(num_hidden_layers=3), r"sequential\.4"),
    "no weights": (broken.remove(WEIGHTS), "safetensors"),
    "weights that are a folder": (broken.folder_instead(WEIGHTS), WEIGHTS),
    "empty weights": (broken.cut(WEIGHTS, 0), WEIGHTS),
    "weights cut in the header": (broken.cut(WEIGHTS, 100), WEIGHTS),
    "weights cut in the data": (broken.cut(WEIGHTS, -1), WEIGHTS),
    "header length": (broken.patch(WEIGHTS, 0, b"\xff" * 8), WEIGHTS),
    "header that is no JSON": (broken.patch(WEIGHTS, 8, b"}"), WEIGHTS),
    "missing tensor": (broken.drop_tensor(TABLES), TABLES),
    "shape of a tensor": (broken.tensor(TABLES, shape=[96, 256]), TABLES),
    "rank of a tensor": (broken.tensor(TABLES, shape=[256 * 96]), TABLES),
    "dtype of a tensor": (broken.tensor(TABLES, dtype="I32"), TABLES),
    "unknown dtype": (broken.tensor(TABLES, dtype="F31"), "F31"),
    "offsets that overlap": (broken.tensor(TABLES, data_offsets=[0, 256 * 96 * 4]), "expected"),
    "offsets beyond the file": (broken.tensor(TABLES, data_offsets=[2**40, 2**40 + 256 * 96 * 4]), "expected"),
}

SHARDED = {
    "missing shard": (broken.remove("model-00002-of-00003.safetensors"), "model-00002-of-00003"),
    "index that is no JSON": (broken.text("model.safetensors.index.json", "nothing"), "index.json"),
    "index without a map": (broken.text("model.safetensors.index.json", "{}"), "weight_map"),
    "index that leaves the folder": (
        broken.text("model.safetensors.index.json", '{"weight_map": {"a": "../../x.safetensors"}}'),
        "x.safetensors",
    ),
}


def check_checkpoint(name, change, message, tmp_path):
    checkpoint = tmp_path / "checkpoint"
    shutil.copytree(GOLDEN / "model" / name, checkpoint)
    change(checkpoint)
    status, text = refused(tmp_path, checkpoint)
    assert status in (INPUT_MODEL, IO), text
    assert re.search(message, text), text


@pytest.mark.parametrize("what", CHECKPOINTS)
def test_checkpoints(what, tmp_path):
    check_checkpoint("lm_d64_k16_t4", *CHECKPOINTS[what], tmp_path)


@pytest.mark.parametrize("what", SHARDED)
def test_sharded_checkpoints(what, tmp_path):
    check_checkpoint("lm_d32_k4_t8_f16_sharded", *SHARDED[what], tmp_path)


def function(body, arguments="%x: tensor<?x8xf32>", results="tensor<?x8xf32>", before=""):
    return f"module {{\n{before}\nfunc.func @f({arguments}) -> {results} {{\n{body}\n}}\n}}\n"


NORM = """%c0 = arith.constant 0 : index
%n = tensor.dim %x, %c0 : tensor<?x8xf32>
%init = tensor.empty(%n) : tensor<?x8xf32>
%scale = mf.get_parameter @scale : tensor<8xf32>
%y = mf.rms_norm ins(%x, %scale : tensor<?x8xf32>, tensor<8xf32>) outs(%init : tensor<?x8xf32>) -> tensor<?x8xf32>
return %y : tensor<?x8xf32>"""
SINE = "%y = math.sin %x : tensor<?x8xf32>\nreturn %y : tensor<?x8xf32>"
NAMED = 'tensor<?x8xf32> {mf.dims = ["tokens", ""]}'
HASH = """%c, %s = mf.hash magnitude bits(3) ins(%x : tensor<?x8xf32>)
    outs(%a, %b : tensor<?x2xi8>, tensor<?x2xf32>) -> tensor<?x2xi8>, tensor<?x2xf32>
return %s : tensor<?x2xf32>"""
HASH_ARGUMENTS = "%x: tensor<?x8xf32>, %a: tensor<?x2xi8>, %b: tensor<?x2xf32>"


def from_file(path):
    return f'mf.parameter @scale : tensor<8xf32> from #mf.tensor_file<path = "{path}", offset = 0, element_type = f32>'


MODULES = {
    "no MLIR": ("nothing", "expected|custom op"),
    "unknown op": (function("%y = mf.nothing %x\nreturn %x : tensor<?x8xf32>"), "mf.nothing"),
    "an op's constraint": (function(HASH, HASH_ARGUMENTS, "tensor<?x2xf32>"), "mf.hash"),
    "unknown parameter": (function(NORM), "scale"),
    "parameter of another type": (
        function(NORM, before="mf.parameter @scale : tensor<9xf32> from #mf.fill<1.0 : f64>"),
        "scale|type",
    ),
    "missing file": (function(NORM, before=from_file("/nothing/there.bin")), "/nothing/there.bin"),
    "short file": (function(NORM, before=from_file("/dev/null")), "/dev/null"),
    "an op that has no lowering": (function(SINE, f"%x: {NAMED}", f"({NAMED})"), "math.sin|m.mlir:4:6"),
    "no function": ("module {}\n", "function|entry"),
    "an argument that is no tensor": (function("return %x : index", "%x: index", "index"), "tensor|index"),
}


@pytest.mark.parametrize("what", MODULES)
def test_modules(what, tmp_path):
    text, message = MODULES[what]
    (tmp_path / "m.mlir").write_text(text)
    status, found = refused(tmp_path, tmp_path / "m.mlir")
    assert status in (INPUT_MODEL, IO, COMPILE), found
    assert re.search(message, found), found


@pytest.mark.parametrize(
    "arguments, status, message",
    [
        ([], COMMAND_LINE, "."),
        (["{tmp}/nothing"], IO, "nothing"),
        (["{tmp}/nothing.mlir"], IO, "nothing.mlir"),
        (["{model}", "--bogus"], COMMAND_LINE, "bogus"),
        (["{model}", "{model}"], COMMAND_LINE, "."),
        (["{model}", "--mtriple=vax-dec-none"], COMMAND_LINE, "vax"),
    ],
)
def test_command_lines(arguments, status, message, tmp_path):
    names = {"tmp": tmp_path, "model": GOLDEN / "model" / "lm_d64_k16_t4"}
    found_status, found = refused(tmp_path, *(argument.format(**names) for argument in arguments))
    assert found_status == status and re.search(message, found), found


def test_an_output_that_cannot_be_written(tmp_path):
    model = GOLDEN / "model" / "lm_d64_k16_t4"
    result = run("mf-compile", model, "-o", tmp_path / "missing" / "m.so")
    assert result.returncode == IO and "missing" in result.stderr and list(tmp_path.iterdir()) == []
