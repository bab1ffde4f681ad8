"""What kernels of GPUs read, counted on host threads: a decode step and a prefill of one layer of the base model's width."""

from __future__ import annotations

import json

import memoryformer
import numpy as np
import pytest

import gpu_host

WIDTH, TABLES, BITS, EXTRA, VOCABULARY = 1024, 128, 8, 2, 16384
INNER = TABLES * (BITS + EXTRA)
# Bytes of an element.
DTYPES = {"i8": 1, "i4": 0.5}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base-1")
    config = {"architectures": ["MemoryFormerForCausalLM"], "model_type": "memoryformer", "hidden_size": WIDTH,
              "num_hidden_layers": 1, "num_attention_heads": 16, "vocab_size": VOCABULARY, "max_position_embeddings": 2048,
              "rotary_pct": 0.25, "rotary_emb_base": 10000, "rms_norm_eps": 1e-8, "layer_norm_eps": 1e-5,
              "intermediate_size": INNER, "memory_num_tables": TABLES, "memory_code_bits": BITS,
              "memory_ffn_extra_bits": EXTRA, "memory_score": "magnitude", "memory_temperature": 1.0,
              "attention_type": "softmax", "use_parallel_residual": False, "tie_word_embeddings": False}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def decode_step(library, cache):
    """The kernels of one token behind `cache` tokens, with what they did."""
    ids = np.arange(cache + 1) % 97
    with gpu_host.open_checked(library, threads=2) as model, model.session() as session:
        sequence = session.add()
        session.step([(sequence, ids[:-1], "none")])
        before = gpu_host.counts(model)
        session.step([(sequence, ids[-1:], "last")])
        after = gpu_host.counts(model)
    done = {}
    for name, counts in after.items():
        difference = {key: counts[key] - before.get(name, {}).get(key, 0) for key in ("launches", "global_load_sectors")}
        if difference["launches"]:
            done[name] = difference
    return done


@pytest.mark.parametrize("dtype", ["i8", "i4"])
def test_decode_reads_rows_head_and_cache(dtype, folder, compiler):
    """In sectors of 32 bytes, at most a tenth beyond what a step cannot do without."""
    options = f"--table-dtype={dtype}", f"--head-dtype={dtype}", "--cache-dtype=f16", "--random-weights", "--gpu-host"
    library = compiler.checkpoint(folder, *options, "-mcpu=x86-64-v3")
    cache = 7
    kernels = decode_step(library, cache)
    element = DTYPES[dtype]
    rows = TABLES * (3 * WIDTH + INNER + WIDTH) * element
    # Scales: of i8 one of 4 bytes for each column of the head, of i4 one of 2 bytes for 32 features.
    head = VOCABULARY * WIDTH * element + VOCABULARY * (4 if dtype == "i8" else 2 * WIDTH // 32)
    needed = rows + head + (cache + 1) * 2 * WIDTH * 2
    read = 32 * sum(kernel["global_load_sectors"] for kernel in kernels.values())
    assert needed <= read <= 1.1 * needed, {name: kernel["global_load_sectors"] * 32 for name, kernel in kernels.items()}
    # Nine kernels for the block; the embedding begins its first one, and the head has three and a norm.
    assert sum(kernel["launches"] for kernel in kernels.values()) <= 13
