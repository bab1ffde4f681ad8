"""The attention modules against golden data, their configuration, and their prefixes."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

import golden_torch as golden  # noqa: E402
from memoryformer.attention import (  # noqa: E402
    CosformerAttention,
    LinearAttention,
    LinformerAttention,
    PerformerAttention,
    SoftmaxAttention,
    make_attention,
)
from memoryformer.config import AttentionConfig, MemoryFormerConfig  # noqa: E402

FOLDER = golden.ROOT / "attention"
CASES = [(kind, size) for kind in ("softmax", "linear", "performer", "cosformer") for size in "ab"]


def make(kind, tensors, causal, max_positions):
    if kind == "performer":
        module = PerformerAttention(tensors["W"].shape[1], tensors["W"].shape[0], causal=causal)
        module.load_state_dict({"weight": tensors["W"]})
        return module
    if kind == "cosformer":
        return CosformerAttention(max_positions, causal)
    return {"softmax": SoftmaxAttention, "linear": LinearAttention}[kind](causal)


@pytest.mark.parametrize("causal", [True, False], ids=["causal", "full"])
@pytest.mark.parametrize("kind, size", CASES)
def test_golden(kind, size, causal):
    tensors, metadata = golden.read(FOLDER / f"{kind}_{size}.safetensors")
    tolerance = 2e-5 if kind in ("softmax", "linear") else 1e-4 * tensors["v"].abs().max()
    for positions in metadata.get("M", "0").split(","):
        suffix = f"_M{positions}" if kind == "cosformer" else ""
        out = make(kind, tensors, causal, int(positions))(tensors["q"], tensors["k"], tensors["v"])
        expected = tensors[f"out_{'causal' if causal else 'full'}{suffix}"].transpose(1, 2).flatten(2)
        assert (out - expected).abs().max() <= tolerance


@pytest.mark.parametrize("size", "ab")
def test_golden_linformer(size):
    tensors, _ = golden.read(FOLDER / f"linformer_{size}.safetensors")
    module = LinformerAttention(*tensors["E"].shape)
    module.load_state_dict({"key": tensors["E"], "value": tensors["F"]})
    out = module(tensors["q"], tensors["k"], tensors["v"])
    assert (out - tensors["out_full"].transpose(1, 2).flatten(2)).abs().max() <= 2e-5


def config(**attention):
    return AttentionConfig(**attention)


@pytest.mark.parametrize(
    "attention",
    [
        config(kind="linear"),
        config(kind="cosformer"),
        config(kind="performer", features=24),
        config(kind="performer", features=24, kernel="relu"),
    ],
    ids=str,
)
def test_later_tokens_leave_earlier_results(attention):
    torch.manual_seed(0)
    module = make_attention(attention, True, 8, 32).double()
    q, k, v = (torch.randn(1, 2, 20, 8, dtype=torch.float64) for _ in range(3))
    whole = module(q, k, v)
    part = module(q[:, :, :12], k[:, :, :12], v[:, :, :12])
    torch.testing.assert_close(part, whole[:, :12])
    q.requires_grad_(), k.requires_grad_()
    module(q, k, v).square().sum().backward()
    assert q.grad.isfinite().all() and k.grad.abs().sum() > 0


def test_random_features_are_orthogonal():
    weight = PerformerAttention(16, 40).weight
    directions = weight / weight.norm(dim=1, keepdim=True)
    for block in directions.split(16):
        torch.testing.assert_close(block @ block.T, torch.eye(len(block)), atol=1e-5, rtol=0)


SHAPE = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "memory_code_bits": 4}


def test_configurations_round_trip():
    for attention, causal in ((config(kind="performer", features=8), True), (config(), False)):
        written = MemoryFormerConfig(**SHAPE, attention=attention, causal=causal).to_dict()
        assert MemoryFormerConfig.from_dict(written).attention == attention
        assert MemoryFormerConfig.from_dict(written).causal == causal
    assert "attention" not in MemoryFormerConfig(**SHAPE).to_dict()


@pytest.mark.parametrize(
    "keys, message",
    [
        ({"attention": {"kind": "exact"}}, "attention.kind"),
        ({"attention": {"kind": "performer"}}, "attention.features"),
        ({"attention": {"kind": "linear", "features": 4}}, "no key of kind"),
        ({"attention": {"kind": "cosformer", "max_positions": 8}}, "at least max_position_embeddings"),
        ({"attention": {"kind": "linformer", "projected_length": 4}}, "cannot be causal"),
    ],
)
def test_refused_configurations(keys, message):
    with pytest.raises(ValueError, match=message):
        MemoryFormerConfig(**SHAPE, **keys)
