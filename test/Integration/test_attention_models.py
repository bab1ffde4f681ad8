"""Compiled models of every attention against PyTorch in float64, and what their sessions keep bit for bit."""

from __future__ import annotations

import numpy as np
import pytest

import memoryformer
from harness import check_changing_company, every_variant, run

torch = pytest.importorskip("torch")

SHAPE = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "vocab_size": 300,
    "max_position_embeddings": 80,
    "memory_code_bits": 4,
}
LINEAR = {
    "linear": {"kind": "linear", "chunk": 8},
    "performer": {"kind": "performer", "features": 64, "chunk": 16},
    "performer_relu": {"kind": "performer", "features": 40, "kernel": "relu"},
    "cosformer": {"kind": "cosformer", "max_positions": 100},
}
WHOLE = {**LINEAR, "softmax": {"kind": "softmax"}, "linformer": {"kind": "linformer", "projected_length": 12}}
IDS = np.random.default_rng(0).integers(0, 300, 72)


def make_model(kind, causal):
    """Large tables, so that attention is no small part of the residual."""
    torch.manual_seed(1)
    config = memoryformer.MemoryFormerConfig(**SHAPE, attention=WHOLE[kind], causal=causal)
    model = memoryformer.MemoryFormerForCausalLM(config).eval()
    for block in model.blocks:
        for layer in (block.attention.query_proj, block.attention.key_proj, block.attention.value_proj):
            layer.reset_parameters(0.3)
    return model


def model_case(compiler, tmp_path_factory, get_options):
    """Gives library, and logits of IDS in float64 and in float32, of a model; `get_options` says how it is compiled."""
    made = {}

    def get(kind, causal):
        if (kind, causal) not in made:
            model = make_model(kind, causal)
            folder = tmp_path_factory.mktemp("models") / f"{kind}_{'causal' if causal else 'whole'}"
            model.save_pretrained(folder)
            ids = torch.from_numpy(IDS)[None]
            with torch.no_grad():
                plain = model(ids)[0].numpy()
                exact = model.double()(ids)[0].numpy()
            made[kind, causal] = compiler.checkpoint(folder, *get_options(causal)), exact, plain
        return made[kind, causal]

    return get


@pytest.fixture(scope="session")
def case(compiler, tmp_path_factory):
    # The kernels of whole sequences run in every variant in test_linear_attention.
    return model_case(compiler, tmp_path_factory, lambda causal: [] if causal else ["-mcpu=native"])


def ratio(logits, exact, plain):
    """The error as a part of twice that of PyTorch in float32, plus a few roundings."""
    return np.max(np.abs(logits - exact)) / (2 * np.max(np.abs(plain - exact)) + 4e-7 * np.max(np.abs(exact)))


@pytest.mark.parametrize("kind", LINEAR)
def test_causal_logits(kind, case, margin):
    library, exact, plain = case(kind, True)
    for _, model in every_variant(library):
        with model.session() as session:
            margin(f"model, {kind}", ratio(session.forward(IDS[None])[0], exact, plain))


@pytest.mark.parametrize("kind", WHOLE)
def test_whole_logits(kind, case, margin):
    """Models that are not causal take whole sequences, through one entry point."""
    library, exact, plain = case(kind, False)
    with memoryformer.load(library) as model:
        (logits,) = model.call("forward", IDS.astype(np.int32))
        margin(f"model, whole {kind}", ratio(logits, exact, plain))
        with pytest.raises(memoryformer.Error, match="no language model"):
            model.session()


def test_sequences_that_pass_the_positions_are_read_safely(case):
    """As many columns as a Linformer's projection has are used, and no more are read."""
    library, *_ = case("linformer", False)
    with memoryformer.load(library) as model:
        (logits,) = model.call("forward", np.tile(IDS, 20).astype(np.int32))
        assert logits.shape == (1440, 300) and np.isfinite(logits).all()


def fed(model, pieces, **options):
    """Logits of all tokens of a sequence fed piece by piece."""
    with model.session(**options) as session:
        sequence = session.add()
        return np.concatenate([session.step([(sequence, piece, "all")]) for piece in pieces])


@pytest.mark.parametrize("kind", LINEAR)
def test_any_cut_leaves_the_bits(kind, case):
    """Token by token, in pieces, in chunks of a call and by any number of threads: the logits of the whole."""
    library, *_ = case(kind, True)
    for variant, model in every_variant(library):
        expected = fed(model, [IDS])
        np.testing.assert_array_equal(fed(model, IDS[:, None]), expected, err_msg=variant)
        np.testing.assert_array_equal(fed(model, np.split(IDS, [5, 6, 23, 40])), expected, err_msg=variant)
    with memoryformer.load(library, threads=3) as model:
        expected = fed(model, [IDS])
        for chunk in (1, 7, 16, 50):
            np.testing.assert_array_equal(fed(model, [IDS], max_tokens_per_call=chunk), expected)
        changed = np.concatenate([IDS[:40], (IDS[40:] + 1) % 300])
        np.testing.assert_array_equal(fed(model, [changed])[:40], expected[:40])


@pytest.mark.parametrize("kind", LINEAR)
def test_neighbours_leave_the_bits(kind, case):
    library, *_ = case(kind, True)
    with memoryformer.load(library) as model:
        expected = fed(model, [IDS])
        with model.session(max_sequences=4, max_tokens_per_call=30) as session:
            check_changing_company(session, IDS, expected, count=4)


@pytest.mark.parametrize("kind", ["linear", "performer"])
def test_fork_and_truncate(kind, case):
    """A recurrent state can be copied and emptied, not taken back."""
    library, *_ = case(kind, True)
    with memoryformer.load(library) as model, model.session(max_sequences=2) as session:
        expected = fed(model, [IDS])
        first = session.add()
        session.step([(first, IDS[:21], "none")])
        second = session.fork(first)
        session.step([(first, IDS[::-1][:20], "none")])
        np.testing.assert_array_equal(session.step([(second, IDS[21:], "all")]), expected[21:])
        for action in (lambda: session.fork(second, 30), lambda: session.truncate(second, 30)):
            with pytest.raises(memoryformer.Error, match="recurrent"):
                action()
        session.truncate(first, 0)
        np.testing.assert_array_equal(session.step([(first, IDS, "all")]), expected)
        session.remove(first)
        np.testing.assert_array_equal(session.step([(session.add(), IDS, "all")]), expected)


@pytest.mark.parametrize("kind", LINEAR)
def test_state_does_not_grow(kind, case):
    library, *_ = case(kind, True)
    with memoryformer.load(library) as model:
        (entry,) = model.info["entries"]
        states = [operand for operand in entry["operands"] if operand["role"] == "state"]
        assert len(states) == SHAPE["num_hidden_layers"]
        for state in states:
            assert state["shape"][0] == "sequences" and all(isinstance(extent, int) for extent in state["shape"][1:])


@pytest.mark.parametrize("kind", ["performer", "cosformer"])
def test_mf_run_continues(kind, case):
    library, exact, _ = case(kind, True)
    with memoryformer.load(library) as model:
        expected = model.generate(IDS[:9], 20)
    assert expected[0] == np.argmax(exact[8])
    result = run("mf-run", library, f"--ids={','.join(map(str, IDS[:9]))}", "--max-new-tokens=20")
    assert result.returncode == 0 and result.stdout.strip() == ",".join(map(str, expected)), result.stderr

