"""The benchmarks' driver with tiny sizes, and what it does with what cannot run or is wrong."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("tomllib")

from benchmarks import config, problem, report, worker
from benchmarks.__main__ import main as benchmarks_main
from benchmarks.adapter import Prepared

PYTHON = Path(__file__).resolve().parents[1]
needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs torch")

CONFIG = """
title = "Test"
threads = [1, 2]
repetitions = 3

[grid]
width = [16, 24]
tokens = [5]

[quick]
width = [16]
tokens = [3]

[[contestants]]
adapter = "openblas"
operation = "dense"
dtypes = ["f32", "bf16"]

[[bars]]
what = "itself"
ours = "openblas *"
peers = "openblas dense f32"
at_least = 0.5
where = { width = [24] }
"""


@pytest.fixture
def config_file(tmp_path):
    path = tmp_path / "test.toml"
    path.write_text(CONFIG)
    return path


def run_driver(tmp_path, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(PYTHON), "OPENBLAS_CORETYPE": "Prescott"}
    command = [sys.executable, "-m", "benchmarks", "run", *map(str, arguments), "--output", str(tmp_path / "out")]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)


def read_lines(path):
    first, *records = map(json.loads, path.read_text().splitlines())
    return first["machine"], records


def line(label, median, ours=False, threads=1, status="ok", **sizes):
    times = {"median": median, "min": median, "max": median}
    known = {"label": label, "ours": ours, "threads": threads, "status": status, "reason": "", "error": None}
    return {**known, "sizes": sizes or {"width": 16}, "us_per_token": times}


def bars_config(peers="peer *", **bar):
    return config.Config("t", "T", (), (), (config.Bar("b", "ours *", peers, **bar),), 1, 0.0)


# --- Configurations --------------------------------------------------------------------------------------------------


def test_grid_and_contestants(config_file):
    loaded = config.load(config_file)
    assert [(case.sizes["width"], case.threads) for case in loaded.cases] == [(16, 1), (24, 1), (16, 2), (24, 2)]
    assert [contestant.label for contestant in loaded.contestants] == ["openblas dense f32", "openblas dense bf16"]
    quick = config.load(config_file, quick=True)
    assert [case.sizes for case in quick.cases] == [{"width": 16, "tokens": 3}] and quick.repetitions == 2
    assert config.load(config_file, adapters=["torch_*"]).contestants == ()


@pytest.mark.parametrize(
    "change, message",
    [
        (("title", "titel"), "unknown titel"),
        (("at_least", "atleast"), "unknown atleast"),
        (('adapter = "openblas"', ""), "needs an adapter"),
        (('what = "itself"', ""), "needs what"),
        (("title =", 'device = "tpu"\ntitle ='), "device expects cpu or cuda, found 'tpu'"),
        (("[grid]\nwidth = [16, 24]\ntokens = [5]", ""), r"needs a \[grid\]"),
        (("= [1, 2]", "= [1,"), "test.toml: "),
    ],
)
def test_broken_configurations(config_file, change, message):
    config_file.write_text(CONFIG.replace(*change))
    with pytest.raises(config.ConfigError, match=message):
        config.load(config_file)


def test_summary_is_one_table_of_bars(tmp_path):
    machine = {"cpu": "C", "cpus": 2, "features": [], "caches": {}, "packages": {"numpy": "1"}, "date": "today"}
    both = bars_config(at_least=2)
    records = [line("ours a", 4.0, ours=True, width=16, tokens=3), line("peer b", 9.0, width=16, tokens=3)]
    records += [line("ours a", 5.0, ours=True, width=16, tokens=4), line("peer b", 9.0, width=16, tokens=4)]
    report.write(both, machine, records, tmp_path)
    machine_line, _, _, _, *rows = report.summary([(both, *report.read(tmp_path / "t.jsonl"))]).splitlines()
    assert machine_line.startswith("C, 2 CPUs") and "today" not in machine_line
    assert rows == [
        "| t | b | tokens 3, threads 1 | ours a: 4 us | peer b: 9 us | 2.25 | at least 2 |",
        "| t | b | tokens 4, threads 1 | ours a: 5 us | peer b: 9 us | 1.80 | at least 2 |",
    ]


def test_summary_names_what_has_not_run(tmp_path, capsys):
    assert benchmarks_main(["summary", "block", "hash", "--results", str(tmp_path)]) == 1
    assert "no results of block, hash" in capsys.readouterr().err


def test_every_shipped_configuration_loads():
    names = sorted(config.CONFIGS.glob("*.toml"))
    assert len(names) >= 10
    for path in names:
        for quick in (False, True):
            loaded = config.load(path, quick=quick)
            assert loaded.cases and loaded.repetitions >= (2 if quick else 7)
            for contestant in loaded.contestants:
                assert importlib.util.find_spec(f"benchmarks.adapters.{contestant.adapter}"), contestant
            if not quick:
                points = [(case.sizes, case.threads) for case in loaded.cases]
                assert all(any(bar.applies(*point) for point in points) for bar in loaded.bars), path
    with pytest.raises(config.ConfigError, match="there are attention"):
        config.find("nothing")


# --- The driver ------------------------------------------------------------------------------------------------------


def test_run(config_file, tmp_path):
    result = run_driver(tmp_path, config_file)
    assert result.returncode == 0, result.stderr
    machine, records = read_lines(tmp_path / "out" / "test.jsonl")
    assert machine["packages"]["numpy"] and machine["cpus"] >= 1
    assert len(records) == 8
    for record in records:
        if record["dtype"] == "bf16":
            assert record["status"] == "not available" and "us_per_token" not in record
            continue
        times = record["us_per_token"]
        assert record["status"] == "ok" and len(record["seconds"]) == 3 and record["error"] < 1e-6
        assert 0 < times["min"] <= times["median"] <= times["max"]
    table = (tmp_path / "out" / "test.md").read_text()
    rows = [row for row in table.splitlines() if row.startswith("| width")]
    assert len(rows) == 8 and sum("not available" in row for row in rows) == 4
    assert {row.count("|") for row in rows} == {9}
    bars = [row for row in table.splitlines() if row.startswith("| itself")]
    assert len(bars) == 2 and all("width 24" in row and "| pass |" in row for row in bars)


@needs_torch
@pytest.mark.parametrize("name", ["memory_layer", "lookup", "lookup_tokens", "attention", "block", "prefill_tiny"])
def test_quick_peers(name, tmp_path):
    peers = "openblas,torch_dense,torch_embedding_bag,torch_attention,torch_dense_model,fbgemm"
    result = run_driver(tmp_path, name, "--quick", "--adapters", peers)
    assert result.returncode == 0, result.stderr
    _, records = read_lines(tmp_path / "out" / f"{name}.jsonl")
    assert records and not any(record["ours"] for record in records)
    allowed = {"fbgemm", "torch_dense_model"}  # packages and torch.compile that a machine may lack
    for record in records:
        assert record["status"] == "ok" or (record["variant"] and record["adapter"] in allowed), record
        if record["status"] == "ok" and record["operation"] in ("dense", "lookup", "attention"):
            assert record["error"] is not None
    assert "not judged" in result.stdout and "| pass |" not in result.stdout


@needs_torch
def test_without_a_cuda_device(tmp_path):
    import torch

    if torch.cuda.is_available():
        pytest.skip("has a CUDA device")
    result = run_driver(tmp_path, "cuda_*", "--quick", "--adapters", "torch_*,fbgemm")
    assert result.returncode == 1, result.stderr
    files = sorted((tmp_path / "out").glob("*.jsonl"))
    assert len(files) == len(list(config.CONFIGS.glob("cuda_*.toml"))) >= 9
    for file in files:
        machine, records = read_lines(file)
        assert records and {record["status"] for record in records} == {"not available"}
        assert all("no CUDA device" in record["reason"] for record in records), file


def test_nothing_has_a_figure(config_file, tmp_path):
    config_file.write_text(CONFIG.replace('dtypes = ["f32", "bf16"]', 'variants = ["none"]'))
    result = run_driver(tmp_path, config_file, "--quick")
    assert result.returncode == 1 and "the adapter has no variant none" in result.stdout
    result = run_driver(tmp_path, "nothing")
    assert result.returncode == 2 and "no configuration 'nothing'" in result.stderr


# --- Checks and verdicts ---------------------------------------------------------------------------------------------


def test_wrong_results_have_no_figure():
    case = config.Case({"width": 16, "tokens": 9}, 1)
    data = problem.Problem(case)
    right = data.x.astype("f8") @ data.weight.T.astype("f8")
    for row, status in ((None, "ok"), (8, "wrong result"), (0, "wrong result")):
        result = right.copy()
        if row is not None:
            result[row, 3] += 0.01
        run = worker.Run(config.Contestant("a", "dense", "f32"), Prepared(lambda: None, 9))
        worker.check(run, data, {"y": result}, data.reference("dense"))
        assert run.status == status and (run.prepared is None) == (status != "ok")
    run = worker.Run(config.Contestant("a", "dense", "f32"), Prepared(lambda: None, 9))
    worker.check(run, data, {"y": right * float("nan")}, {})
    assert run.reason == "y is not finite"


def test_repetitions_are_interleaved():
    order = []
    runs = [config.Contestant("a", "none", name) for name in ("f32", "bf16")]

    def prepare(run, *_):
        run.prepared = Prepared(lambda: order.append(run.contestant.dtype), 1)

    original, worker.prepare = worker.prepare, prepare
    try:
        records = worker.run_case(config.Case({}, 1), runs, {"min_ms": 0.0, "repetitions": 3})
    finally:
        worker.prepare = original
    assert order == ["f32", "bf16", "bf16", "f32", "f32", "bf16"]
    assert [len(record["seconds"]) for record in records] == [3, 3]


def test_ratios_take_the_fastest_right_one():
    records = [line("ours f32", 4, ours=True), line("ours i8", 2, ours=True), line("peer a", 6), line("peer b", 5)]
    records.append(line("peer c", 1, status="wrong result"))
    (verdict,) = report.judge(bars_config(at_least=2.5), records)
    assert (verdict.ratio, verdict.verdict) == (2.5, "pass") and "peer b" in verdict.peer and "i8" in verdict.ours
    assert report.judge(bars_config(at_least=2.6), records)[0].verdict == "FAIL"
    assert report.judge(bars_config(at_most=0.4), records)[0].verdict == "pass"
    assert report.judge(bars_config(at_most=0.3), records)[0].verdict == "FAIL"
    assert report.judge(bars_config(), records)[0].verdict == "report"
    assert report.judge(bars_config(at_least=1), records[2:])[0].verdict == "no figure"
    assert report.judge(bars_config(at_least=1, where={"width": [32]}), records) == []


def test_scaling_asks_no_more_than_the_peer_gains():
    records = [line("ours f32", 4, ours=True), line("ours f32", 2.5, ours=True, threads=2)]
    assert report.judge(bars_config(scaling=1.8), records)[0].verdict == "FAIL"
    peers = [line("peer", 8), line("peer", 5, threads=2)]
    judged = report.judge(bars_config(scaling=1.8, peers="peer"), records + peers)
    assert judged[0].verdict == "pass" and judged[0].ratio == 1.6


def test_chart(tmp_path):
    pytest.importorskip("matplotlib")
    assert report.chart(bars_config(), [line("ours f32", 4, ours=True), line("peer a", 6)], tmp_path / "chart.png")
    assert (tmp_path / "chart.png").stat().st_size > 1000
    assert not report.chart(bars_config(), [line("ours f32", 4, ours=True)], tmp_path / "none.png")


@pytest.mark.parametrize("bits", [8, 10])
def test_references_agree(bits):
    """The codes select the rows that the reference sums: against a sum written out."""
    data = problem.Problem(config.Case({"width": 4 * bits, "tokens": 3, "columns": 5, "bits": bits}, 1))
    tables = data.tables.reshape(-1, 5)
    for token in range(3):
        expected = sum(s * tables[r].astype("f8") for s, r in zip(data.hashed[1][token], data.rows[token]))
        assert abs(data.reference("lookup")["y"][token] - expected).max() < 1e-6
    code = int("".join("1" if value >= 0 else "0" for value in data.x[0, :bits]), 2)
    assert data.hashed[0][0, 0] == code
