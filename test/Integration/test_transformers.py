"""Checkpoints that the package transformers writes, compiled, against its models in float64."""

from __future__ import annotations

import numpy as np
import pytest

from harness import every_variant

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

SHAPE = {"hidden_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 131,
         "max_position_embeddings": 80, "initializer_range": 0.2}
PYTHIA_70M = {"hidden_size": 512, "num_hidden_layers": 6, "num_attention_heads": 8, "intermediate_size": 2048,
              "vocab_size": 50304, "max_position_embeddings": 2048, "initializer_range": 0.02}
MODELS = {
    "pythia_70m": ("GPTNeoX", PYTHIA_70M),
    "neox": ("GPTNeoX", {"intermediate_size": 384}),
    "neox_sequential": ("GPTNeoX", {"intermediate_size": 200, "use_parallel_residual": False, "hidden_act": "gelu_new",
                                    "attention_bias": False}),
    "llama": ("Llama", {"intermediate_size": 136, "num_key_value_heads": 2}),
    "llama_tied": ("Llama", {"intermediate_size": 136, "tie_word_embeddings": True, "attention_bias": True}),
}
IDS = np.random.default_rng(0).integers(0, 131, 61)


@pytest.mark.parametrize("name", MODELS)
def test_logits(name, tmp_path_factory, compiler, margin):
    family, options = MODELS[name]
    torch.manual_seed(1)
    config = getattr(transformers, f"{family}Config")(**{**SHAPE, **options})
    model = getattr(transformers, f"{family}ForCausalLM")(config).eval()
    # Biases begin with 0 and scales with 1, which would hide what is done with them.
    for parameter in model.parameters():
        if parameter.dim() == 1:
            parameter.data += 0.1 * torch.randn_like(parameter)
    folder = tmp_path_factory.mktemp("transformers") / name
    model.save_pretrained(folder)
    with torch.inference_mode():
        ids = torch.from_numpy(IDS)[None]
        plain = model(ids).logits[0].numpy()
        exact = model.double()(ids).logits[0].numpy()
    # Angles are float32 in transformers, whatever the model is.
    bound = 2 * np.abs(plain - exact).max() + 2e-6 * np.abs(exact).max()
    for _, compiled in every_variant(compiler.checkpoint(folder)):
        with compiled.session() as session:
            margin(f"transformers, {name}", np.abs(session.forward(IDS[None])[0] - exact).max() / bound)
