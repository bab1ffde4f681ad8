"""The Python interface of compiled models, on a library whose plan is written by hand (fake_model.cpp)."""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
import threading

import numpy as np
import pytest

import fake_model
from memoryformer import Error, Feed, abi, load, runtime

VOCABULARY = 11
HEADER = fake_model.ROOT / "include" / "mf-c" / "model.h"


def next_token(ids):
    """What the fake model draws greedily after ids."""
    return sum((p + 1) * token for p, token in enumerate(ids)) % VOCABULARY


def continuation(ids, count):
    ids = list(ids)
    for _ in range(count):
        ids.append(next_token(ids))
    return ids[-count:]


def row(ids):
    return -np.abs(np.arange(VOCABULARY) - next_token(ids)).astype(np.float32)


@pytest.fixture
def model():
    with load(fake_model.library(), threads=2) as opened:
        yield opened


def test_structs_have_the_sizes_of_the_header(tmp_path):
    """A C compiler prints the size of every mirrored struct."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    mirrors = {
        "DLTensor": abi.DLTensor,
        "mf_parallel_for": abi.ParallelFor,
        "mf_open_options": abi.OpenOptions,
        "mf_progress": abi.Progress,
        "mf_session_options": abi.SessionOptions,
        "mf_feed": abi.Feed,
        "mf_sampling": abi.Sampling,
        "mf_api": abi.Api,
    }
    prints = "".join(f'printf("%zu\\n", sizeof({name}));' for name in mirrors)
    source = tmp_path / "sizes.c"
    source.write_text(f'#include <stdio.h>\n#include "{HEADER}"\nint main(void) {{ {prints} return 0; }}\n')
    subprocess.run([compiler, source, "-o", tmp_path / "sizes"], check=True)
    sizes = subprocess.run([tmp_path / "sizes"], check=True, capture_output=True, text=True).stdout.split()
    assert sizes == [str(ctypes.sizeof(mirror)) for mirror in mirrors.values()]


def test_statuses_are_those_of_the_header():
    names = re.findall(r"^  MF_[A-Z_]+ = (\d+)", HEADER.read_text().split("typedef enum mf_status")[1], re.M)
    count = len(abi.STATUS_NAMES)
    assert count == 10 and names[:count] == [str(code) for code in range(count)]


def test_info(model):
    assert model.info["name"] == "fake" and model.info["runtime"]["threads"] == 2
    assert runtime.library_info(fake_model.library())["limits"]["vocabulary"] == VOCABULARY


def test_generate(model):
    streamed = []
    assert model.generate([1, 2, 3], 6, stream=streamed.append) == continuation([1, 2, 3], 6) == streamed


def test_generate_ends_before_a_stop_token(model):
    expected = continuation([1, 2, 3], 6)
    stop = expected[3]
    assert model.generate([1, 2, 3], 6, stop={stop}) == expected[: expected.index(stop)]


def test_generate_samples_by_seed(model):
    draws = {seed: model.generate([1, 2, 3], 10, temperature=2.0, seed=seed) for seed in range(4)}
    assert len({tuple(ids) for ids in draws.values()}) > 1
    assert model.generate([1, 2, 3], 10, temperature=2.0, seed=2) == draws[2]
    assert model.generate([1, 2, 3], 10, temperature=2.0, seed=2, top_k=1) == continuation([1, 2, 3], 10)


def test_generate_beyond_the_positions_is_refused(model):
    with pytest.raises(Error, match="3 tokens and 15 new ones need 17 positions, the model has 16"):
        model.generate([1, 2, 3], 15)


def test_step_orders_rows_by_feed(model):
    with model.session(max_sequences=3) as session:
        a, b, c = session.add(), session.add(), session.add()
        logits = session.step([Feed(b, [5, 6], "all"), (a, [1]), (c, np.int32([7, 8, 9]), "none")])
        np.testing.assert_array_equal(logits, [row([5]), row([5, 6]), row([1])])
        assert [session.length(sequence) for sequence in (a, b, c)] == [1, 2, 3]
        assert session.step([(c, [1], "none")]) is None


def test_sequences_fork_truncate_and_go(model):
    with model.session(max_sequences=2) as session:
        first = session.add()
        session.step([(first, [1, 2, 3, 4])])
        second = session.fork(first, 2)
        session.truncate(first, 3)
        logits = session.step([(second, [9]), (first, [9])])
        np.testing.assert_array_equal(logits, [row([1, 2, 9]), row([1, 2, 3, 9])])
        with pytest.raises(Error) as refused:
            session.add()
        assert refused.value.status == abi.STATUS_NAMES.index("limit exceeded")
        session.remove(first)
        assert session.length(session.add()) == 0


def test_forward_takes_torch_without_a_copy(model):
    torch = pytest.importorskip("torch")
    ids = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    out = torch.zeros(3, 3, VOCABULARY)
    with model.session(max_sequences=2) as session:
        assert session.forward(torch.tensor(ids), out) is out
        np.testing.assert_array_equal(out.numpy(), session.forward(ids))
    np.testing.assert_array_equal(out[1, 2].numpy(), row([4, 5, 6]))


def test_call(model):
    x, factor = np.arange(15, dtype=np.float32).reshape(5, 3), np.float32([1, 2, 3])
    y, total = model.call("scale", x, factor)
    np.testing.assert_array_equal(y, x * factor)
    assert total.dtype == np.int64 and total.tolist() == [5]
    np.testing.assert_array_equal(model.call("scale", np.asfortranarray(x), factor)[0], y)


def test_call_writes_to_given_outputs(model):
    torch = pytest.importorskip("torch")
    x = torch.arange(12.0).reshape(4, 3).requires_grad_()
    y, total = torch.zeros(4, 3), np.zeros(1, np.int64)
    results = model.call("scale", x, [np.float32(1)] * 3, outputs=[y, total])
    assert results[0] is y and results[1] is total
    assert torch.equal(y, x.detach()) and total[0] == 4


def test_parallel_for_of_the_host():
    ranges = []

    def run(body, count):
        for begin in range(0, count, 2):
            ranges.append((begin, min(begin + 2, count)))
            body(*ranges[-1], 0)

    x = np.ones((5, 3), np.float32)
    with load(fake_model.library(), parallel_for=run) as model:
        assert model.info["runtime"]["parallel_for"] == "host"
        np.testing.assert_array_equal(model.call("scale", x, x[0])[0], x)
    assert ranges == [(0, 2), (2, 4), (4, 5)]


def test_an_exception_of_the_parallel_for_is_raised():
    def run(body, count):
        raise ZeroDivisionError("in the loop")

    x = np.ones((5, 3), np.float32)
    with load(fake_model.library(), parallel_for=run) as model, pytest.raises(ZeroDivisionError, match="in the loop"):
        model.call("scale", x, x[0])


def test_threads_share_a_model(model):
    results = [None] * 8

    def work(index):
        with model.session() as session:
            results[index] = [session.forward([[index, 1, k]])[0, -1].argmax() for k in range(VOCABULARY)]

    threads = [threading.Thread(target=work, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [[next_token([index, 1, k]) for k in range(VOCABULARY)] for index in range(8)]


X, ROW = np.ones((2, 3), np.float32), np.ones(3, np.float32)


@pytest.mark.parametrize(
    "arguments, outputs, message",
    [
        (("nothing", X), None, "no entry 'nothing'; the library has scale"),
        (("scale", X), None, "expected 2 inputs, found 1"),
        (("scale", X.astype(np.float64), ROW), None, "'x'.*expected f32, found f64"),
        (("scale", X[:, :2], ROW), None, "'x'.*expected 3, found 2"),
        (("scale", X, ROW), [X.T, np.zeros(1, np.int64)], "C-contiguous"),
        (("scale", X, ROW), [[0.0], [0]], "outputs must be numpy arrays"),
        (("scale", X, "text"), None, "cannot be passed"),
        (("step", X, ROW), [], "sequences; use step"),
        (("scale", ROW), [np.zeros((2, 3), np.float32), np.zeros(1, np.int64)], "expected 2 inputs, found 1"),
    ],
)
def test_calls_that_are_refused(model, arguments, outputs, message):
    with pytest.raises(Error, match=message):
        model.call(*arguments, outputs=outputs)


@pytest.mark.parametrize(
    "feed, message",
    [
        ((0, []), "at least one token"),
        ((0, [VOCABULARY]), "11"),
        ((0, [-1]), "-1"),
        ((3, [1]), "sequence 3"),
        ((0, [1] * 17), "16"),
        ((0, [1.5]), "f64"),
        ((0, [1], "some"), "logits must be one of none, last, all, found 'some'"),
    ],
)
def test_steps_that_are_refused_append_nothing(model, feed, message):
    with model.session() as session:
        sequence = session.add()
        with pytest.raises(Error, match=message):
            session.step([feed])
        assert session.length(sequence) == 0


def test_what_is_closed_is_refused(model):
    session = model.session()
    model.close()
    with pytest.raises(Error, match="the model is closed"):
        model.session()
    session.add()  # a session keeps its model
    session.close()
    with pytest.raises(Error, match="the session is closed"):
        session.add()


def test_files_that_are_no_model(tmp_path):
    with pytest.raises(Error, match="no such model library"):
        load(tmp_path / "nothing.so")
    text = tmp_path / "text.so"
    text.write_text("text")
    with pytest.raises(Error, match="cannot load the model library"):
        load(text)
    with pytest.raises(Error, match="exports no mf_model_api"):
        load(np._core._multiarray_umath.__file__)
    with pytest.raises(Error, match="load_mode must be one of map, copy"):
        load(fake_model.library(), load_mode="read")
    with pytest.raises(Error, match="expected one of plain, found 'x86-64-v9'") as refused:
        load(fake_model.library(), variant="x86-64-v9")
    assert refused.value.status == abi.STATUS_NAMES.index("invalid argument")
