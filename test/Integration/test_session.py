"""Sessions of compiled models: what a sequence's logits may and may not depend on."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import golden
import memoryformer
from harness import GOLDEN, check_changing_company, every_variant, running_variants

NAME = "lm_d64_k16_t4"
OTHER = "lm_d32_k4_t8_f16_sharded"
IDS = np.random.default_rng(0).integers(0, 256, 64)


@pytest.fixture(scope="session")
def library(compiler):
    return compiler.model(NAME, "--gpu-host")


@pytest.fixture
def model(library):
    with memoryformer.load(library, threads=2) as opened:
        yield opened


def whole(model, ids=IDS):
    """Logits [n, vocabulary] of all tokens in one call."""
    with model.session() as session:
        return session.forward(ids[None])[0]


def fed(model, pieces, **options):
    """Logits of all tokens of a sequence fed piece by piece."""
    with model.session(**options) as session:
        sequence = session.add()
        return np.concatenate([session.step([(sequence, piece, "all")]) for piece in pieces])


def test_token_by_token_is_forward(library):
    """Decode steps give the bits of the whole, in every variant."""
    for variant, model in every_variant(library):
        np.testing.assert_array_equal(fed(model, IDS[:, None]), whole(model), err_msg=variant)


@pytest.mark.parametrize("sizes", [[1, 63], [7, 57], [16, 16, 32], [33, 31], [5, 1, 1, 40, 17]])
def test_pieces_leave_the_bits(model, sizes):
    pieces = np.split(IDS, np.cumsum(sizes)[:-1])
    np.testing.assert_array_equal(fed(model, pieces), whole(model))


@pytest.mark.parametrize("chunk", [1, 2, 7, 16, 64, 100])
def test_chunks_leave_the_bits(model, chunk):
    np.testing.assert_array_equal(fed(model, [IDS], max_tokens_per_call=chunk), whole(model))


@pytest.mark.parametrize("threads", [1, 2, 3, 7])
def test_threads_leave_the_bits(library, model, threads):
    with memoryformer.load(library, threads=threads) as other:
        assert other.info["runtime"]["threads"] == threads
        np.testing.assert_array_equal(whole(other), whole(model))
        np.testing.assert_array_equal(fed(other, IDS[:, None]), whole(model))


def test_a_parallel_loop_of_the_host_leaves_the_bits(library, model):
    """Odd partitions, run backwards by two workers in turn."""

    def run(body, count):
        for part, begin in enumerate(reversed(range(0, count, 3))):
            body(begin, min(begin + 3, count), part % 2)

    with memoryformer.load(library, threads=2, parallel_for=run) as other:
        np.testing.assert_array_equal(whole(other), whole(model))


def test_later_tokens_leave_earlier_logits(library):
    changed = IDS.copy()
    changed[40:] = (changed[40:] + 1) % 256
    for variant, model in every_variant(library):
        full = whole(model)
        np.testing.assert_array_equal(whole(model, changed)[:40], full[:40], err_msg=variant)
        for length in (1, 2, 15, 16, 17, 63):
            np.testing.assert_array_equal(whole(model, IDS[:length]), full[:length], err_msg=variant)


def test_neighbours_leave_the_bits(model):
    """Prefill of some sequences and decode of others in one call, in changing company."""
    expected = whole(model)
    with model.session(max_sequences=5, max_tokens_per_call=48) as session:
        check_changing_company(session, IDS, expected, count=5)


def test_the_likeliest_token_is_that_of_the_logits(library):
    """Of mixed feeds, in chunks, beside steps that write logits; in every variant and with 1 and 2 threads."""
    for threads in (1, 2):
        for variant, model in every_variant(library, threads=threads):
            expected = whole(model)
            with model.session(max_sequences=3, max_tokens_per_call=16) as session:
                assert session.best == 1
                a, b, c = (session.add() for _ in range(3))
                ids, logits = session.step_top_k([(a, IDS[:20], "all"), (b, IDS[:33]), (c, IDS[:5], "none")])
                rows = np.concatenate([expected[:20], expected[32:33]])
                np.testing.assert_array_equal(ids[:, 0], rows.argmax(axis=1), err_msg=variant)
                np.testing.assert_array_equal(logits[:, 0], rows.max(axis=1), err_msg=variant)
                np.testing.assert_array_equal(session.step([(a, IDS[20:21]), (c, IDS[5:6])]), expected[[20, 5]])
                ids, _ = session.step_top_k([(c, IDS[6:7])])
                assert ids[0, 0] == expected[6].argmax()
                assert session.step_top_k([(c, IDS[7:9], "none")])[0].shape == (0, 1)
                assert session.length(c) == 9


def test_single_tokens_leave_what_steps_before_returned(model):
    """Steps of one token each share their structs: for any number of sequences, and beside ids in a list."""
    expected = whole(model)
    with model.session(max_sequences=2) as session:
        a, b = session.add(), session.add()
        steps = [session.step_top_k([(a, IDS[:1]), (b, IDS[:1])])]
        steps += [session.step_top_k([(a, IDS[i : i + 1])]) for i in (1, 2)]
        steps += [session.step_top_k([(b, [int(IDS[1])])]), session.step_top_k([(b, IDS[2:3]), (a, IDS[3:4])])]
    rows = [[0, 0], [1], [2], [1], [2, 3]]
    for (ids, logits), places in zip(steps, rows, strict=True):
        np.testing.assert_array_equal(ids[:, 0], expected[places].argmax(axis=1))
        np.testing.assert_array_equal(logits[:, 0], expected[places].max(axis=1))


def test_more_than_the_likeliest_token_is_refused(model):
    with model.session() as session:
        with pytest.raises(memoryformer.Error, match="ids: dimension 1: expected 1 to 1, .* found 2"):
            session.step_top_k([(session.add(), IDS[:3])], k=2)


def test_forward_beside_sequences(model):
    batch = np.stack([np.roll(IDS, shift)[:20] for shift in range(7)])
    with model.session(max_sequences=4) as session:
        sequence = session.add()
        session.step([(sequence, IDS[:10], "none")])
        logits = session.forward(batch)
        np.testing.assert_array_equal(session.step([(sequence, IDS[10:11])])[0], whole(model)[10])
    for ids, got in zip(batch, logits):
        np.testing.assert_array_equal(got, whole(model, ids))


def test_fork_and_truncate(model):
    expected = whole(model)
    with model.session(max_sequences=3) as session:
        first = session.add()
        session.step([(first, IDS[:30], "none")])
        whole_fork, part_fork = session.fork(first), session.fork(first, 12)
        assert [session.length(s) for s in (first, whole_fork, part_fork)] == [30, 30, 12]
        other = np.concatenate([IDS[:12], IDS[50:60]])
        np.testing.assert_array_equal(session.step([(part_fork, IDS[50:60], "all")]), whole(model, other)[12:])
        session.step([(first, IDS[::-1][:20], "none")])
        np.testing.assert_array_equal(session.step([(whole_fork, IDS[30:], "all")]), expected[30:])
        session.truncate(first, 30)
        np.testing.assert_array_equal(session.step([(first, IDS[30:40], "all")]), expected[30:40])
        session.truncate(first, 0)
        np.testing.assert_array_equal(session.step([(first, IDS, "all")]), expected)
        session.remove(whole_fork)
        again = session.add()
        np.testing.assert_array_equal(session.step([(again, IDS, "all")]), expected)


def test_limits(model):
    with model.session(max_sequences=1, max_positions=8) as session:
        sequence = session.add()
        with pytest.raises(memoryformer.Error, match="8"):
            session.step([(sequence, IDS[:9])])
        session.step([(sequence, IDS[:8], "none")])
        with pytest.raises(memoryformer.Error) as refused:
            session.step([(sequence, IDS[8:9])])
        assert refused.value.status == 6 and session.length(sequence) == 8
        with pytest.raises(memoryformer.Error):
            session.step([(sequence, [512])])


def test_ways_of_loading_are_equal(library):
    results = []
    for load_mode in ("map", "copy"):
        with memoryformer.load(library, load_mode=load_mode, verify=True) as model:
            results.append(whole(model))
            assert model.info["runtime"]["load_mode"] == load_mode
    np.testing.assert_array_equal(*results)


def test_two_models_in_one_process(compiler, model):
    expected = whole(model)
    tensors, _ = golden.read(GOLDEN / "model" / OTHER / "expected.safetensors")
    with memoryformer.load(compiler.model(OTHER)) as other:
        greedy = other.generate(tensors["prompt1.input_ids"], 32)
        np.testing.assert_array_equal(whole(model), expected)
    assert greedy == tensors["prompt1.greedy_ids"].tolist()
    np.testing.assert_array_equal(whole(model), expected)


def test_eight_sessions_in_eight_threads(model):
    expected = [whole(model, np.roll(IDS, shift)) for shift in range(8)]
    failures = []

    def work(shift):
        ids = np.roll(IDS, shift)
        try:
            for _ in range(5):
                np.testing.assert_array_equal(fed(model, np.split(ids, [20, 21, 22, 50])), expected[shift])
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(shift,)) for shift in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures[0]


def test_sampling_is_determined(library):
    """Equal seeds give equal tokens, in every variant and thread count; other seeds give others."""
    options = {"temperature": 1.3, "top_k": 40, "top_p": 0.95}
    drawn = {}
    for threads in (1, 3):
        for variant, model in every_variant(library, threads=threads):
            for seed in (0, 1):
                drawn.setdefault((variant, seed), set()).add(tuple(model.generate(IDS[:5], 40, seed=seed, **options)))
    assert all(len(results) == 1 for results in drawn.values())
    for variant in running_variants(library):
        assert drawn[variant, 0] != drawn[variant, 1]


def test_sampling_filters(model):
    logits = whole(model)[-1]
    order = np.argsort(-logits, kind="stable")
    p = np.exp(logits.astype(np.float64) - logits.max())
    p /= p.sum()
    nucleus = set(order[: int(np.searchsorted(np.cumsum(p[order]), 0.5)) + 1].tolist())
    with model.session() as session:

        def draw(**options):
            return {session.sample(logits, seed=9, counter=i, **options) for i in range(500)}

        assert draw() == {int(order[0])}
        assert draw(temperature=3.0, top_k=5) == set(order[:5].tolist())
        assert draw(temperature=1.0, top_p=0.5) <= nucleus
        flat = np.zeros_like(logits)
        assert session.sample(flat) == 0


@pytest.mark.parametrize("dtype", ["f16", "bf16"])
def test_half_precision_caches(dtype, compiler, model):
    """A step, chunks and forks have the bits of the whole; the logits stay near those of f32 caches. The rounding of keys
    and values is the only difference, so the logits move by about its unit; codes that flip are why it is a median."""
    unit = {"f16": 2.0**-11, "bf16": 2.0**-8}[dtype]
    exact = whole(model)
    for variant, half in every_variant(compiler.model(NAME, f"--cache-dtype={dtype}", "--gpu-host")):
        logits = whole(half)
        np.testing.assert_array_equal(fed(half, IDS[:, None]), logits, err_msg=variant)
        # 61 positions are no whole number of blocks of keys.
        with half.session(max_positions=61, max_sequences=2) as session:
            first = session.add()
            session.step([(first, IDS[:21], "none")])
            forked = session.fork(first, 19)
            np.testing.assert_array_equal(session.step([(forked, IDS[19:61], "all")]), logits[19:61], err_msg=variant)
        assert (logits != exact).any(), "the caches are f32"
        error = np.median(np.abs(logits - exact)) / np.abs(exact).max()
        assert error <= 8 * unit, f"{variant}: {error:.3g}"
