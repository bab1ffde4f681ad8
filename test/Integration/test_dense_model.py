"""Dense and hybrid decoders against float64: GPT-NeoX and Llama blocks, memory blocks among them, random weights."""

from __future__ import annotations

import json
import os
import re
import sys

import numpy as np
import pytest
from safetensors.numpy import save_file

import decoders
import golden
import memoryformer
from harness import ROOT, every_variant, run
from memoryformer.runtime import library_info
from reference import UNIT_ROUNDOFF

NEOX = {"model_type": "gpt_neox", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 131,
        "max_position_embeddings": 96, "rotary_pct": 0.25, "layer_norm_eps": 1e-5, "intermediate_size": 256}
LLAMA = {"model_type": "llama", "hidden_size": 72, "num_hidden_layers": 2, "num_attention_heads": 6,
         "num_key_value_heads": 2, "vocab_size": 131, "max_position_embeddings": 96, "rms_norm_eps": 1e-5,
         "rope_theta": 5000.0, "intermediate_size": 104}
MEMORY = {"memory_num_tables": 16, "memory_code_bits": 4, "memory_ffn_extra_bits": 1, "memory_score": "magnitude"}
MEMORYFORMER = {**MEMORY, "model_type": "memoryformer", "hidden_size": 64, "num_hidden_layers": 3,
                "num_attention_heads": 4, "vocab_size": 131, "max_position_embeddings": 96, "rotary_pct": 0.25,
                "layer_norm_eps": 1e-5}
MODELS = {
    "neox": NEOX,
    # 5 heads of 14 features, 6 of them rotated.
    "neox_odd": {**NEOX, "hidden_size": 70, "num_attention_heads": 5, "rotary_pct": 0.43, "rotary_emb_base": 500,
                 "intermediate_size": 99, "layer_norm_eps": 1e-3},
    "neox_sequential_tanh": {**NEOX, "use_parallel_residual": False, "hidden_act": "gelu_new", "attention_bias": False},
    "neox_tied": {**NEOX, "tie_word_embeddings": True, "num_hidden_layers": 1},
    "llama": LLAMA,
    "llama_tied_bias": {**LLAMA, "tie_word_embeddings": True, "attention_bias": True, "mlp_bias": True,
                        "num_key_value_heads": 6, "head_dim": 10},
}
HYBRIDS = {
    "memory_dense": {**MEMORYFORMER, "layer_kinds": ["memory", "dense", "memory"]},
    "all_dense": {**MEMORYFORMER, "layer_kinds": "dense", "dense_intermediate_size": 96},
    "neox_memory": {**NEOX, **MEMORY, "layer_kinds": ["dense", "memory"]},
    "llama_memory": {**LLAMA, **MEMORY, "memory_num_tables": 18, "layer_kinds": ["memory", "dense"]},
}
IDS = np.random.default_rng(3).integers(0, 131, 70)


def write_checkpoint(folder, config, tensors):
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    save_file(tensors, folder / "model.safetensors")
    return folder


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """The directory, configuration and tensors of each model, made when it is asked for."""
    folder, made = tmp_path_factory.mktemp("dense"), {}

    def make(name):
        if name not in made:
            config = {**MODELS, **HYBRIDS}[name]
            tensors = decoders.random_tensors(config)
            made[name] = write_checkpoint(folder / name, config, tensors), config, tensors
        return made[name]

    return make


def tolerance(config, tensors, ids, factor=2):
    """Float64 logits, and the rule for f32: twice the error of a plain evaluation, plus 2 u times the condition."""
    exact, condition = decoders.Decoder(config, tensors, np.float64).logits(ids)
    plain, _ = decoders.Decoder(config, tensors, np.float32).logits(ids)
    return exact, factor * np.max(np.abs(plain - exact)) + 2 * UNIT_ROUNDOFF * condition


@pytest.mark.parametrize("name", [*MODELS, *HYBRIDS])
def test_logits(name, models, compiler, margin):
    folder, config, tensors = models(name)
    # Scores of memory layers multiply errors, so that one token has the largest by far, and evaluations differ in it.
    exact, bound = tolerance(config, tensors, IDS, factor=4 if "memory" in config.get("layer_kinds", "") else 2)
    for _, model in every_variant(compiler.checkpoint(folder, "--gpu-host")):
        with model.session() as session:
            margin(f"dense models, {name}", np.max(np.abs(session.forward(IDS[None])[0] - exact) / bound))


@pytest.mark.parametrize("name", ["neox", "llama", "neox_memory"])
def test_token_by_token_is_forward(name, models, compiler):
    """Decode steps give the bits of the whole, whatever else is in the call."""
    folder, _, _ = models(name)
    for variant, model in every_variant(compiler.checkpoint(folder, "--gpu-host"), threads=2):
        with model.session() as session:
            whole = session.forward(IDS[None])[0]
        with model.session(max_sequences=2) as session:
            sequence, other = session.add(), session.add()
            steps = [session.step([(sequence, IDS[i : i + 1], "all"), (other, IDS[i : i + 1], "all")])[:1]
                     for i in range(len(IDS))]
        np.testing.assert_array_equal(np.concatenate(steps), whole, err_msg=variant)


def parse_random(text, name):
    """The elements of a pseudo-random parameter, from what the module says of it."""
    found = re.search(rf'mf.parameter @"?{re.escape(name)}"? : tensor<([0-9x]+)xf32> from (#mf\.\w+<[^>]*>)', text)
    shape, source = tuple(map(int, found[1].split("x"))), found[2]
    if source.startswith("#mf.fill"):
        return np.full(shape, float(re.search(r"<(\S+)", source)[1]), np.float32)
    seed, scale = re.search(r"seed = (\d+), scale = (\S+)", source).groups()
    return (golden.splitmix_uniform(int(seed), int(np.prod(shape)), 0) * np.float32(scale)).reshape(shape)


def fuse(parts, heads):
    """Rows of [heads, 3, size] of the queries, keys and values of all heads."""
    split = [part.reshape(heads, -1, *part.shape[1:]) for part in parts]
    return np.stack(split, axis=1).reshape(-1, *parts[0].shape[1:])


def test_tied_embedding_is_stored_once(models, compiler):
    """Unless the head gets a type of its own."""
    for options, copies in [((), 1), (("--head-dtype=i8",), 2), (("--head-dtype=f32",), 1)]:
        library = compiler.checkpoint(models("neox_tied")[0], *options, "-mcpu=native")
        parameters = library_info(library)["parameters"]
        large = [each for each in parameters if "embed" in each["name"] and not each["name"].endswith(".scales")]
        assert len(large) == copies, [each["name"] for each in parameters]


def test_pythia_70m(tmp_path, compiler, margin):
    """The named configuration at its full size, with the weights that --random-weights gives it."""
    module = run("mf-compile", "pythia-70m", "--random-weights=5", "--compile-to=import", "-o", "-")
    assert module.returncode == 0, module.stderr
    config = json.loads(re.search(r'mf.config = "(.*?)", mf', module.stdout)[1].replace('\\22', '"'))
    assert (config["hidden_size"], config["num_hidden_layers"], config["use_parallel_residual"]) == (512, 6, True)
    tensors = {}
    for name in decoders.shapes(config):
        if ".query_key_value." in name:
            prefix, kind = name.rsplit(".", 1)
            parts = [parse_random(module.stdout, f"{prefix}.{side}.{kind}") for side in ("query", "key", "value")]
            tensors[name] = fuse(parts, config["num_attention_heads"])
        else:
            tensors[name] = parse_random(module.stdout, name)
    ids = np.random.default_rng(1).integers(0, config["vocab_size"], 12)
    exact, bound = tolerance(config, tensors, ids)
    library = tmp_path / "pythia.so"
    done = run("mf-compile", "pythia-70m", "--random-weights=5", "-mcpu=native", "-o", library)
    assert done.returncode == 0, done.stderr
    with memoryformer.load(library) as model, model.session() as session:
        margin("dense models, pythia-70m", np.max(np.abs(session.forward(ids[None])[0] - exact) / bound))


def test_layer_kinds_are_one_flag(tmp_path, compiler, models, margin):
    """--layer-kinds makes another model of a configuration; of a checkpoint it asks for the tensors of that model."""
    for kinds, memory, dense in (("dense", 0, 2), ("memory", 2, 0), ("dense,memory", 1, 1)):
        path = tmp_path / "config.json"
        path.write_text(json.dumps({**MEMORYFORMER, "num_hidden_layers": 2}))
        module = run("mf-compile", path, "--random-weights", f"--layer-kinds={kinds}", "--compile-to=import", "-o", "-")
        assert module.returncode == 0, module.stderr
        assert module.stdout.count("mf.activation") == dense and module.stdout.count("mf.hash") == 3 * memory
        assert ("layer_kinds" in re.search(r'mf.config = "(.*?)", mf', module.stdout)[1])
    refused = run("mf-compile", models("memory_dense")[0], "--layer-kinds=dense", "-o", tmp_path / "model.so")
    assert refused.returncode == 1
    assert "sequential.2.attention.query_key_value.weight: expected a tensor [192, 64], found none" in refused.stderr


QUANTISED = {"f16": 2.0**-11, "bf16": 2.0**-8, "i8": 1 / 127, "i4": 1 / 7}


@pytest.mark.parametrize("dtype", QUANTISED)
@pytest.mark.parametrize("name", ["neox", "llama", "all_dense"])
def test_weight_types(name, dtype, models, compiler):
    """The weights of dense layers, and nothing else, are rounded."""
    folder, config, tensors = models(name)
    group = 8 if name.startswith("llama") else 32
    library = compiler.checkpoint(folder, f"--weight-dtype={dtype}", f"--weight-group={group}")
    exact, _ = decoders.Decoder(config, tensors, np.float64).logits(IDS)
    spread = exact.std()
    for _, model in every_variant(library):
        with model.session() as session:
            logits = session.forward(IDS[None])[0]
        # The relative error of a product of many random terms is that of one of them, a few of these follow each other.
        relative = np.sqrt(np.mean((logits - exact) ** 2)) / spread
        assert QUANTISED[dtype] / 100 < relative < 3 * QUANTISED[dtype], relative


def test_checkpoint_benchmark(models, compiler):
    """The command that compares a checkpoint with PyTorch runs; what it measures is not judged."""
    pytest.importorskip("torch")
    folder, _, _ = models("llama")
    library = compiler.checkpoint(folder)
    words = [sys.executable, "-m", "benchmarks.checkpoint", folder, "--library", library, "--tokens", 9, "--new-tokens", 4]
    done = run(*words, "--repetitions", 1, env={**os.environ, "PYTHONPATH": str(ROOT / "python")})
    assert done.returncode == 0, done.stderr
    rows = re.findall(r"^\| (\w+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", done.stdout, re.MULTILINE)
    assert [row[0] for row in rows] == ["prefill", "decode"] and all(float(row[1]) > 0 for row in rows)
