"""Import of published checkpoints: both file layouts, the YAML file, and what must be refused."""

from __future__ import annotations

import random

import numpy as np
import pytest

torch = pytest.importorskip("torch")
yaml = pytest.importorskip("yaml")

import golden_torch as golden  # noqa: E402
from memoryformer.cli import main  # noqa: E402
from memoryformer.import_checkpoint import ImportOptions, import_checkpoint, read_published  # noqa: E402
from memoryformer.nn import MemoryFormerForCausalLM  # noqa: E402

MODEL = golden.ROOT / "model" / "lm_d64_k16_t4"


@pytest.fixture
def tensors():
    return golden.read(MODEL / "model.safetensors")[0]


@pytest.fixture
def yaml_values():
    """The keys of the published tiny.yml with the sizes of the test model."""
    table = {"code_length": 4, "ffn_num_table": 16, "remove_projection": True, "block_size": 64, "act_fn": "silu"}
    return {
        "num-layers": 2,
        "hidden-size": 64,
        "num-attention-heads": 4,
        "seq-length": 64,
        "max-position-embeddings": 64,
        "pos-emb": "rotary",
        "rotary-pct": 0.25,
        "no-weight-tying": True,
        "gpt-j-residual": False,
        "norm": "rmsnorm",
        "mlp_type": "MemoryBlock",
        "double_mlp_table": True,
        "mlp_expand_type": "extra_bit",
        "attn_memory_config": {
            **table, "fc_qkv": False, "value_size": 64, "del_dense": True, "shared_projection": False
        },
        "memory_config": {**table, "hidden_size": 64, "output_size": 64, "act_pos": "none"},
        "fp16": {"enabled": True},
    }


def write_module(folder, tensors, **extra):
    """mp_rank_00_model_states.pt as DeepSpeed writes it, with the states of random generators."""
    folder.mkdir(parents=True, exist_ok=True)
    client = {
        "iteration": 7,
        "random_rng_state": random.getstate(),
        "np_rng_state": np.random.get_state(),
        "torch_rng_state": torch.get_rng_state(),
        "param_shapes": [{name: tensor.shape for name, tensor in tensors.items()}],
    }
    torch.save({"module": tensors, **client, **extra}, folder / "mp_rank_00_model_states.pt")


def write_layers(folder, tensors, rank=0):
    """One file per layer, names without prefix."""
    folder.mkdir(parents=True, exist_ok=True)
    layers = {}
    for name, tensor in tensors.items():
        _, layer, rest = name.split(".", 2)
        layers.setdefault(int(layer), {})[rest] = tensor
    for layer, content in layers.items():
        torch.save(content, folder / f"layer_{layer:02d}-model_{rank:02d}-model_states.pt")


def write_yaml(tmp_path, values):
    path = tmp_path / "model.yml"
    path.write_text(yaml.safe_dump(values))
    return path


def assert_equals_golden(directory):
    """The same parameters bit for bit, the same configuration, and the golden logits."""
    found, expected = (MemoryFormerForCausalLM.from_pretrained(path) for path in (directory, MODEL))
    assert found.config == expected.config
    for name, tensor in expected.state_dict().items():
        assert torch.equal(found.state_dict()[name], tensor), name
    case, _ = golden.read(MODEL / "expected.safetensors")
    with torch.no_grad():
        logits = found(case["prompt0.input_ids"].long()[None])[0]
    assert (logits - case["prompt0.logits"]).abs().max() <= 3e-5


def test_module_entry_with_yaml(tmp_path, tensors, yaml_values):
    tensors["sequential.2.attention.rotary_emb.inv_freq"] = torch.ones(2)
    write_module(tmp_path / "global_step7", tensors)
    options = ImportOptions(config=write_yaml(tmp_path, yaml_values))
    import_checkpoint(tmp_path / "global_step7", tmp_path / "out", options)
    assert_equals_golden(tmp_path / "out")


def test_layer_files_below_latest_sharded(tmp_path, tensors):
    write_layers(tmp_path / "global_step12", tensors)
    (tmp_path / "latest").write_text("global_step12\n")
    options = ImportOptions(num_attention_heads=4, max_position_embeddings=64, max_shard_bytes=400_000)
    import_checkpoint(tmp_path, tmp_path / "out", options)
    assert_equals_golden(tmp_path / "out")
    assert len(list((tmp_path / "out").glob("model-*-of-*.safetensors"))) > 2


def test_layer_files_win_over_an_empty_module(tmp_path, tensors):
    write_layers(tmp_path, tensors)
    torch.save({"module": None}, tmp_path / "mp_rank_00_model_states.pt")
    assert read_published(tmp_path).keys() == tensors.keys()


def test_dtype_is_kept_or_changed(tmp_path, tensors):
    half = {name: tensor.half() for name, tensor in tensors.items()}
    write_module(tmp_path, half)
    cases = (("keep", torch.float16, torch.float16), ("bf16", torch.bfloat16, torch.float32))
    for dtype, matrix, vector in cases:
        import_checkpoint(tmp_path, tmp_path / dtype, ImportOptions(num_attention_heads=4, dtype=dtype))
        stored, _ = golden.read(tmp_path / dtype / "model.safetensors")
        assert stored["sequential.2.mlp.0.tables"].dtype == matrix
        assert stored["sequential.2.mlp.0.bias"].dtype == vector


def test_command_line(tmp_path, tensors, yaml_values, capsys):
    write_module(tmp_path / "in", tensors)
    config = str(write_yaml(tmp_path, yaml_values))
    assert main(["import", str(tmp_path / "in"), "--output", str(tmp_path / "out"), "--config", config]) == 0
    assert '"memory_num_tables": 16' in capsys.readouterr().out
    assert_equals_golden(tmp_path / "out")
    assert main(["import", str(tmp_path / "none"), "--output", str(tmp_path / "out")]) == 1
    assert "expected mp_rank_00_model_states.pt" in capsys.readouterr().err


@pytest.mark.parametrize(
    "key, value, message",
    [
        ("attn_memory_config.shared_projection", True, "shared_projection must be False, found True"),
        ("attn_memory_config.remove_projection", False, "a projection before the hash not supported"),
        ("memory_config.remove_projection", False, "a projection before the hash not supported"),
        ("attn_memory_config.fc_qkv", True, "dense Q, K and V not supported"),
        ("attn_memory_config.del_dense", False, "an output projection not supported"),
        ("gpt-j-residual", True, "parallel residuals not supported"),
        ("no-weight-tying", False, "tied to the embedding not supported"),
        ("norm", "layernorm", "norm must be 'rmsnorm', found 'layernorm'"),
        ("pos-emb", "alibi", "other than rotary not supported"),
        ("num-layers", 6, "num_layers is 6, but the tensors have 2"),
        ("memory_config.code_length", 8, "code_length is 8, but the tensors have 4"),
        ("attn_memory_config.value_size", 128, "value_size is 128, but the tensors have 64"),
    ],
)
def test_yaml_that_is_refused(tmp_path, tensors, yaml_values, key, value, message):
    section, _, name = key.rpartition(".")
    (yaml_values[section] if section else yaml_values)[name] = value
    write_module(tmp_path, tensors)
    with pytest.raises(ValueError, match=message):
        import_checkpoint(tmp_path, tmp_path / "out", ImportOptions(config=write_yaml(tmp_path, yaml_values)))
    assert not (tmp_path / "out").exists()


def change(tensors, name, tensor):
    if tensor is None:
        del tensors[name]
    else:
        tensors[name] = tensor


@pytest.mark.parametrize(
    "name, tensor, message",
    [
        ("sequential.2.mlp.0.hash.projection.weight", torch.ones(1), "a projection before the hash"),
        ("sequential.6.final_linear.weight", None, "no tensor sequential.6.final_linear.weight"),
        ("sequential.3.mlp.1.bias", torch.ones(95), r"must have shape \[96\], found \[95\]"),
        ("sequential.3.attention.dense.weight", torch.ones(1), "tensors that a MemoryFormer does not"),
        ("sequential.2.mlp.2.tables", None, r"for n = 2, 3, ..., found n = \[3\]"),
        ("sequential.2.mlp.2.tables", torch.ones(256, 64), "cannot tell the code bits"),
        ("sequential.2.mlp.2.tables", [1], "expected a tensor for"),
    ],
)
def test_tensors_that_are_refused(tmp_path, tensors, name, tensor, message):
    change(tensors, name, tensor)
    torch.save({"module": tensors}, tmp_path / "mp_rank_00_model_states.pt")
    with pytest.raises(ValueError, match=message):
        import_checkpoint(tmp_path, tmp_path / "out", ImportOptions(num_attention_heads=4))


def test_heads_must_come_from_somewhere(tmp_path, tensors):
    write_module(tmp_path, tensors)
    with pytest.raises(ValueError, match="heads is not in the tensors"):
        import_checkpoint(tmp_path, tmp_path / "out")


@pytest.mark.parametrize("layout", ["module", "layers"])
def test_tensor_parallel_is_refused(tmp_path, tensors, layout):
    if layout == "module":
        write_module(tmp_path, tensors)
        (tmp_path / "mp_rank_01_model_states.pt").touch()
    else:
        write_layers(tmp_path, tensors)
        write_layers(tmp_path, tensors, rank=1)
    with pytest.raises(ValueError, match=r"found ranks \[0, 1\]"):
        read_published(tmp_path)


class Unknown:
    """Stands for an object whose class the importer must not run."""


def test_foreign_objects_are_not_loaded(tmp_path, tensors):
    write_module(tmp_path, tensors, scaler=Unknown())
    with pytest.raises(ValueError, match="holds more than tensors"):
        read_published(tmp_path)
