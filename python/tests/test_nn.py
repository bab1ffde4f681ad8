"""The PyTorch reference against float64 golden data: outputs, gradients, intermediates, logits, continuations."""

from __future__ import annotations

import json

import pytest

torch = pytest.importorskip("torch")

import golden_torch as golden  # noqa: E402
from golden import UNIT_ROUNDOFF  # noqa: E402
from memoryformer.config import MemoryFormerConfig  # noqa: E402
from memoryformer.hash import memory_hash, memory_lookup  # noqa: E402
from memoryformer.nn import (  # noqa: E402
    MemoryFormerBlock,
    MemoryFormerForCausalLM,
    MemoryLayer,
    RMSNorm,
    RotaryEmbedding,
    greedy,
)

LAYERS = sorted((golden.ROOT / "memory_layer").glob("*.safetensors"))
BLOCKS = sorted((golden.ROOT / "block").glob("*/expected-*.safetensors"))
MODELS = sorted(path.parent for path in (golden.ROOT / "model").glob("*/config.json"))
LAYER_CASES = [
    (path, kind)
    for path in LAYERS
    for kind in ("mag", "prob_t1", "prob_t2")
    if not (path.stem.startswith("gen_") and kind == "prob_t2")
]
GRADIENT_CASES = [(path, kind) for path, kind in LAYER_CASES if "dy" in golden.read(path)[0]]


def stem(value):
    return value if isinstance(value, str) else f"{value.parent.name}-{value.stem}"


def make_layer(path, kind, dtype):
    """The layer of a case in `dtype`, and its tensors."""
    tensors, metadata = golden.memory_layer(path)
    score = "magnitude" if kind == "mag" else "probability"
    temperature = float(metadata[f"temperature_{kind[-2:]}"]) if kind != "mag" else 1.0
    sizes = (int(metadata[key]) for key in ("num_tables", "code_bits", "output_size"))
    layer = MemoryLayer(*sizes, score, temperature).to(dtype)
    layer.load_state_dict({"tables": tensors["tables"], "bias": tensors["bias"]})
    return layer, tensors


def test_all_cases_are_there():
    assert (len(LAYERS), len(BLOCKS), len(MODELS)) == (15, 3, 2)
    assert len(GRADIENT_CASES) == 27


@pytest.mark.parametrize("path, kind", LAYER_CASES, ids=stem)
def test_memory_layer_float32(path, kind):
    layer, expected = make_layer(path, kind, torch.float32)
    codes, scores = layer.hash(expected["x"])
    y = layer.lookup(codes, scores)
    assert torch.equal(codes, expected["codes"].long())
    reference = expected[f"scores.{kind}"]
    assert ((scores - reference).abs() <= (4 * layer.code_bits + 8) * UNIT_ROUNDOFF * reference + 1e-30).all()
    bound = (layer.num_tables + 4 * layer.code_bits + 8) * UNIT_ROUNDOFF * expected[f"y_abs.{kind}"].double() + 1e-30
    assert ((y - expected[f"y.{kind}"]).abs() <= bound).all()
    if path.stem == "exact_integers":
        assert torch.equal(y, expected[f"y_f32.{kind}"])


@pytest.mark.parametrize("path, kind", LAYER_CASES, ids=stem)
def test_memory_layer_float64(path, kind):
    layer, expected = make_layer(path, kind, torch.float64)
    y = layer(expected["x"].double())
    assert ((y - expected[f"y.{kind}"]).abs() <= 1e-14 * expected[f"y_abs.{kind}"] + 1e-30).all()


@pytest.mark.parametrize("dtype, bound", [(torch.float32, 1e-5), (torch.float64, 1e-7)], ids=["float32", "float64"])
@pytest.mark.parametrize("path, kind", GRADIENT_CASES, ids=stem)
def test_memory_layer_gradients(path, kind, dtype, bound):
    layer, expected = make_layer(path, kind, dtype)
    x = expected["x"].to(dtype).requires_grad_()
    layer(x).backward(expected["dy"].to(dtype))
    found = {f"dx.{kind}": x.grad, "dbias": layer.bias.grad}
    if f"dtables.{kind}" in expected:
        found[f"dtables.{kind}"] = layer.tables.grad
    for name, gradient in found.items():
        reference = expected[name].double()
        # edge_large has gradients near 1e-87, which float32 cannot hold: the same floor as for scores and sums.
        assert (gradient - reference).abs().max() <= bound * reference.abs().max() + 1e-30, name


def test_gradient_of_score_is_zero_at_signed_zero():
    for score in ("magnitude", "probability"):
        x = torch.tensor([[0.0, -0.0, 1.0]], requires_grad=True)
        codes, scores = memory_hash(x, 3, score)
        scores.sum().backward()
        assert codes.item() == 0b111
        assert x.grad[0, :2].tolist() == [0.0, 0.0] and x.grad[0, 2] > 0


def test_nan_hashes_to_zero_bit():
    codes, scores = memory_hash(torch.tensor([[float("nan"), 1.0]]), 2)
    assert codes.item() == 0b01 and scores.isnan().all()


def test_sixteen_bits_and_no_tokens():
    codes, _ = memory_hash(torch.tensor([[1.0] + [-1.0] * 14 + [1.0]]), 16)
    assert codes.item() == 0x8001
    layer = MemoryLayer(3, 2, 5)
    assert layer(torch.empty(0, 6)).shape == (0, 5)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: memory_hash(torch.zeros(1, 17), 17), "code_bits must be 1 to 16, found 17"),
        (lambda: memory_hash(torch.zeros(1, 5), 2), "multiple of code_bits = 2, found 5"),
        (lambda: memory_hash(torch.zeros(1, 4), 2, "softmax"), "score must be one of"),
        (lambda: MemoryLayer(2, 2, 3)(torch.zeros(1, 5)), "must have 4 features, found 5"),
        (lambda: memory_lookup(torch.zeros(1, 3).long(), torch.zeros(1, 3), torch.zeros(4, 2)), "multiple of K = 3"),
        (lambda: RotaryEmbedding(3), "must be even, found 3"),
        (lambda: MemoryFormerConfig(32, 1, 1, memory_code_bits=5), "memory_num_tables \\* memory_code_bits"),
        (lambda: MemoryFormerConfig(24, 1, 2, memory_code_bits=8), "must be even, found 3"),
        (lambda: MemoryFormerConfig.from_dict({"attention_type": "linear"}), "attention_type must be 'softmax'"),
        (lambda: MemoryFormerConfig.from_dict({"hidden_size": 8}), "missing num_hidden_layers"),
    ],
)
def test_errors_say_what_was_found(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_rms_norm():
    tensors, metadata = golden.read(golden.ROOT / "ops" / "rms_norm.safetensors")
    norm = RMSNorm(tensors["x"].shape[1], float(metadata["eps"]))
    norm.load_state_dict({"scale": tensors["scale"]})
    error = (norm(tensors["x"]) - tensors["y"]).abs()
    assert (error <= 1e-6 * tensors["y"].abs().clamp_min(1)).all()


def test_layer_norm():
    tensors, metadata = golden.read(golden.ROOT / "ops" / "layer_norm.safetensors")
    x = tensors["x"]
    y = torch.nn.functional.layer_norm(x, x.shape[1:], tensors["weight"], tensors["bias"], float(metadata["eps"]))
    error = (y - tensors["y"]).abs().amax(1)
    easy = (x.double().var(1, correction=0) > 1e-3) | (x.double().mean(1) == 0)
    assert (error <= torch.where(easy, 1e-5, 1e-3)).all()


@pytest.mark.parametrize("head_dim", [8, 16, 64, 96])
def test_rotary(head_dim):
    tensors, _ = golden.read(golden.ROOT / "ops" / "rotary.safetensors")
    y = RotaryEmbedding(head_dim // 4)(tensors[f"x.hd{head_dim}"], tensors["positions"])
    assert (y - tensors[f"y.hd{head_dim}"]).abs().max() <= 1e-6


@pytest.mark.parametrize("dtype, bound", [(torch.float32, 1e-5), (torch.float64, 1e-7)], ids=["float32", "float64"])
@pytest.mark.parametrize("path", BLOCKS, ids=stem)
def test_block_and_every_intermediate(path, dtype, bound):
    expected, metadata = golden.read(path)
    values = json.loads((path.parent / "config.json").read_text())
    values |= {"memory_score": metadata["score"], "memory_temperature": float(metadata["temperature"])}
    block = MemoryFormerBlock(MemoryFormerConfig.from_dict(values)).to(dtype)
    parameters = [golden.read(path.parent / f"params-{part}.safetensors")[0] for part in ("attention", "mlp")]
    block.load_state_dict(parameters[0] | parameters[1])
    found = {}
    with torch.no_grad():
        block(expected["x"].to(dtype), intermediates=found)
    assert set(found) == set(expected) - {"x", "out_published_f32"}
    for name, value in found.items():
        if name.endswith("_codes"):
            assert torch.equal(value, expected[name].long()), name
        else:
            scale = expected[name].abs().max().clamp_min(1)
            assert (value - expected[name].double()).abs().max() <= bound * scale, name
    assert (found["out"] - expected["out"]).abs().max() <= (1e-5 if dtype == torch.float32 else 1e-13)


@pytest.mark.parametrize("directory", MODELS, ids=lambda path: path.name)
def test_model_logits_and_greedy_ids(directory):
    model = MemoryFormerForCausalLM.from_pretrained(directory)
    expected, _ = golden.read(directory / "expected.safetensors")
    for prompt in ("prompt0", "prompt1"):
        ids = expected[f"{prompt}.input_ids"].long()
        found = {}
        with torch.no_grad():
            logits = model(ids[None], found)
        assert (logits[0] - expected[f"{prompt}.logits"]).abs().max() <= 3e-5
        for name in ("block0_out", "block1_out", "final_norm"):
            assert (found[name][0] - expected[f"{prompt}.{name}"]).abs().max() <= 3e-5, name
        continuation = greedy(model, ids.tolist(), 32)
        assert continuation == expected[f"{prompt}.greedy_ids"].tolist()
        full = torch.cat((ids, torch.tensor(continuation)))
        with torch.no_grad():
            nll = torch.nn.functional.cross_entropy(model(full[None])[0, :-1], full[1:], reduction="none")
        assert (nll - expected[f"{prompt}.nll"]).abs().max() <= 6e-5


@pytest.mark.parametrize("directory", MODELS, ids=lambda path: path.name)
@pytest.mark.parametrize("max_shard_bytes", [10**9, 300_000])
def test_saved_model_equals_loaded_one(directory, max_shard_bytes, tmp_path):
    model = MemoryFormerForCausalLM.from_pretrained(directory)
    stored = "f16" if directory.name.endswith("sharded") else "f32"
    model.save_pretrained(tmp_path, "f32")
    model.save_pretrained(tmp_path, stored, max_shard_bytes)
    again = MemoryFormerForCausalLM.from_pretrained(tmp_path)
    assert again.config == model.config
    assert (tmp_path / "model.safetensors").exists() == (max_shard_bytes == 10**9)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name
    original = json.loads((directory / "config.json").read_text())
    assert json.loads((tmp_path / "config.json").read_text()) == original


def test_bf16_checkpoint_rounds_matrices_only(tmp_path):
    model = MemoryFormerForCausalLM.from_pretrained(MODELS[0])
    model.save_pretrained(tmp_path, "bf16")
    again = MemoryFormerForCausalLM.from_pretrained(tmp_path).state_dict()
    for name, tensor in model.state_dict().items():
        expected = tensor.bfloat16().float() if tensor.dim() == 2 else tensor
        assert torch.equal(again[name], expected), name
