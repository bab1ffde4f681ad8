"""mf-bench: every option is understood, formats parse, derived columns agree with each other. Speeds are never asserted."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import math
import os
import re
import sys

import pytest

from harness import ROOT, library_info, run

USAGE, FILE, LIBRARY, ARGUMENT, UNSUPPORTED = 2, 3, 4, 11, 17
QUICK = ("-t", "1", "-r", "1", "--no-probe")
SMALL = ("--width", "64", "--tables", "8", "--bits", "8")
FACTS = ["cpu", "features", "compiler"]


def bench(*options, status=0, **keywords):
    result = run("mf-bench", *options, **keywords)
    assert result.returncode == status, result.stderr
    return result


def rows(*options, **keywords):
    text = bench(*options, "-o", "jsonl", **keywords).stdout
    assert str(ROOT) not in text and "/tmp" not in text, text
    return [json.loads(line) for line in text.splitlines()]


def multiply_adds(row):
    """Of a call, from the rate and the time."""
    return row["GMAC/s"] * 1e9 * row["us/token"] * 1e-6 * row["tokens"]


def total_bytes(row):
    return row["KB/token"] * 1e3 * row["tokens"]


# The multiply-adds of a call on t tokens: width 64, 8 tables of 8 bits, heads of 64.
MULTIPLY_ADDS = {
    "lookup": lambda t: t * 8 * 64,
    "memory-layer": lambda t: t * 8 * 64,
    "ffn": lambda t: t * 8 * (80 + 64),
    "linear": lambda t: t * 64 * 64,
    "attention": lambda t: t * (t + 1) * 64,
    # As the cost model has it: sums of keys and values and of queries and these, and the pairs of chunks of 32.
    "linear-attention": lambda t: t * (2 * 64 * 64 + 64 + (32 + 1) // 2 * 2 * 64 + 64),
}


@pytest.mark.parametrize("kernel", ["lookup", "hash", "linear", "attention", "linear-attention", "memory-layer", "ffn"])
def test_kernel(kernel, tmp_path):
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    found = rows("--kernel", kernel, *SMALL, "--tokens", "1,33", *QUICK, env=environment)
    assert list(tmp_path.iterdir()) == [], "temporary files are left"
    assert [(row["kernel"], row["threads"], row["tokens"]) for row in found] == [(kernel, 1, 1), (kernel, 1, 33)]
    for row in found:
        assert row["us/token"] > 0 and row["best"] <= row["us/token"] and row["cache"] == "warm"
        assert row["% of FMA"] is None and row["% of memory"] is None and row["% of L2"] is None
        if kernel == "hash":
            assert row["GMAC/s"] is None
        else:
            assert multiply_adds(row) == pytest.approx(MULTIPLY_ADDS[kernel](row["tokens"]))


@pytest.mark.parametrize("dtype, size", [("f32", 4), ("f16", 2), ("bf16", 2)])
def test_bytes_of_a_lookup(dtype, size):
    one, many = rows("--kernel", "lookup", *SMALL, "--tokens", "1,512", "--dtype", dtype, *QUICK)
    # A token reads a row of each table, its codes and scores, and writes 64 sums.
    assert total_bytes(one) == pytest.approx(8 * 64 * size + 8 * 5 + 4 * 64)
    distinct = 8 * 256 * (1 - (1 - 1 / 256) ** 512)
    assert total_bytes(many) == pytest.approx(distinct * 64 * size + 512 * (8 * 5 + 4 * 64))


def test_lists_and_ranges():
    found = rows("--kernel", "hash", *SMALL, "--tokens", "1,3-4,6-11+4,16-100*4", "-t", "1-2", "-r", "1", "--no-probe")
    tokens = [1, 3, 4, 6, 10, 16, 64]
    assert [(row["threads"], row["tokens"]) for row in found] == [(t, n) for t in (1, 2) for n in tokens]


def test_bits_beyond_bytes():
    (row,) = rows("--kernel", "lookup", "--width", "32", "--tables", "3", "--bits", "10", "--tokens", "5", *QUICK)
    assert row["tables"] == "3 x 10 bits" and multiply_adds(row) == pytest.approx(5 * 3 * 32)


def test_variants():
    found = rows("--kernel", "hash", *SMALL, "--tokens", "1", "--mcpu", "x86-64-v2,native", *QUICK)
    assert sorted(row["variant"] for row in found) == ["native", "x86-64-v2"]


def test_shares_of_the_ceilings():
    (row,) = rows("--kernel", "lookup", *SMALL, "--tokens", "8", "-t", "1", "-r", "1", "--probe-mib", "16")
    assert row["% of FMA"] > 0 and row["% of L2"] > 0
    assert row["% of memory"] is None, "the tables fit into the caches"


@pytest.mark.parametrize("load", ["map", "copy"])
def test_cold_tables(load, tmp_path):
    options = ("--kernel", "memory-layer", "--width", "256", "--tables", "64", "--tokens", "1,4", "--cold")
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    found = rows(*options, "--load", load, "--probe-mib", "16", "-t", "1", "-r", "1", env=environment)
    for row in found:
        assert row["cache"] == "cold" and row["load"] == load and row["% of memory"] > 0
        assert row["pages"] in ("4 KiB", "huge")
    assert list(tmp_path.iterdir()) == [], "temporary files are left"


def test_formats_agree():
    options = ("--kernel", "attention", "--width", "64", "--head-size", "32", "--tokens", "2,4", *QUICK)
    (columns,) = {tuple(row) for row in rows(*options)}
    assert list(columns[:3]) == FACTS

    table = list(csv.DictReader(io.StringIO(bench(*options, "-o", "csv").stdout)))
    assert len(table) == 2 and tuple(table[0]) == columns
    assert [row["tokens"] for row in table] == ["2", "4"] and float(table[0]["us/token"]) > 0
    assert table[0]["dtype"] == "f32" and table[0]["% of memory"] == ""

    text = bench(*options, "-o", "md").stdout
    for fact in FACTS:
        assert re.search(rf"^{fact}: .+$", text, re.MULTILINE), text
    lines = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    assert [cell.strip() for cell in lines[0]] == list(columns[3:])
    assert all(re.fullmatch(r" -+[-:] ", cell) for cell in lines[1]) and len(lines) == 4
    assert bench(*options).stdout.splitlines()[:3] == text.splitlines()[:3], "Markdown is the default"


def test_facts():
    (row,) = rows("--kernel", "hash", *SMALL, "--tokens", "1", *QUICK)
    assert re.fullmatch(r"mf \d+\.\d+\.\d+ \(LLVM 22\..*\)", row["compiler"]), row
    assert row["cpu"] and row["features"]


def test_probe():
    found = rows("--probe", "-t", "1", "--probe-mib", "16")
    assert [row["ceiling"] for row in found[:3]] == ["multiply-adds f32", "L2 read", "memory, sequential"]
    pieces = [64, 128, 256, 512, 1024, 2048, 4096]
    kinds = ("memory, random", "memory, random after a stream")
    assert [(row["pages"], row["ceiling"], row["piece bytes"]) for row in found[3:]] == [
        (pages, kind, piece) for pages in ("huge", "4 KiB") for kind in kinds for piece in pieces
    ]
    assert all(row["rate"] > 0 and row["threads"] == 1 for row in found)


@pytest.fixture(scope="module")
def model(compiler):
    return compiler.model("lm_d64_k16_t4")


def test_model_on_a_device(compiler):
    library = compiler.model("lm_d64_k16_t4", "--gpu-host")
    (row,) = rows("-m", library, "--device=gpu-host", "-t", "2", "-r", "1", "-p", "0", "-n", "1")
    assert row["variant"] == "gpu-host" and row["tokens/s"] > 0


def test_model(model):
    found = rows("-m", model, "-t", "1,2", "-r", "3", "-p", "4,8", "-n", "3", "-d", "0,5")
    tests = [("prefill", 4), ("prefill", 8), ("decode", 3)]
    expected = [(t, d, kind, n) for t in (1, 2) for d in (0, 5) for kind, n in tests]
    assert [(row["threads"], row["depth"], row["test"], row["tokens"]) for row in found] == expected
    for row in found:
        assert row["tokens/s"] * row["ms/token"] == pytest.approx(1000) and row["best"] >= row["tokens/s"]
        assert row["load"] == "map" and row["model compiler"].startswith("mf-compile ") and row["MiB"] > 0


def test_model_options(model):
    options = ("--load", "copy", "--variant", "x86-64-v2", "--max-tokens-per-call", "2")
    parameters = ("--parameters", model.with_suffix(".mfp"))
    (row,) = rows("-m", model, "-t", "1", "-r", "1", "-p", "0", "-n", "2", *options, *parameters)
    assert (row["load"], row["variant"], row["test"]) == ("copy", "x86-64-v2", "decode")


def test_comparison(compiler, tmp_path):
    """A model against itself: which one is faster is chance, and the derived columns follow from what was measured."""
    model = compiler.model("lm_d64_k16_t4")
    options = ("--compare", model, model, "--tokens", "12,1-11", "-d", "0,3", "-t", "1,2", "-r", "1")
    found = rows(*options)
    cases = [(threads, depth, tokens) for threads in (1, 2) for depth in (0, 3) for tokens in range(1, 13)]
    assert [(row["threads"], row["depth"], row["tokens"]) for row in found] == cases
    for before, row in zip([None, *found], found):
        assert row["a"] == row["b"] == model.stem and row["a us/token"] > 0
        ratio = row["b us/token"] / row["a us/token"]
        assert row["b / a"] == pytest.approx(ratio) and row["faster"] == ("a" if ratio > 1 else "b")
        if before is None or row["tokens"] == 1 or before["faster"] == row["faster"]:
            assert row["crossover"] is None
        else:
            x = [math.log(side["tokens"]) for side in (before, row)]
            y = [math.log(side["b / a"]) for side in (before, row)]
            crossing = x[0] + (x[1] - x[0]) * y[0] / (y[0] - y[1])
            assert row["crossover"] == pytest.approx(math.exp(crossing))
            assert before["tokens"] <= row["crossover"] <= row["tokens"]
    assert any(row["crossover"] for row in found), "chance that none of 44 differs from the one before: 2^-44"


def test_comparison_by_default(compiler):
    """Tokens are powers of two up to the positions of both models."""
    models = compiler.model("lm_d64_k16_t4"), compiler.model("lm_d32_k4_t8_f16_sharded")
    positions = min(library_info(model)["limits"]["max_positions"] for model in models)
    found = rows("--compare", *models, "-t", "1", "-r", "2", "-d", "1")
    assert [row["tokens"] for row in found] == [2**i for i in range(32) if 2**i + 1 <= positions]
    assert {(row["a"], row["b"]) for row in found} == {tuple(model.stem for model in models)}
    assert {row["faster"] for row in found} <= {"a", "b", "neither"}


@pytest.mark.skipif(not importlib.util.find_spec("matplotlib"), reason="needs matplotlib")
def test_chart_of_a_comparison(model, tmp_path):
    file, chart = tmp_path / "rows.jsonl", tmp_path / "rows.png"
    options = ("--compare", model, model, "--tokens", "1,2,4", "-t", "1", "-r", "1", "-o", "jsonl")
    file.write_text(bench(*options).stdout)
    command = [sys.executable, "-m", "memoryformer", "plot-compare", file, "--output", chart]
    result = run(*command, cwd=ROOT / "python")
    assert result.returncode == 0, result.stderr
    assert chart.read_bytes().startswith(b"\x89PNG")
    file.write_text("{}\n")
    assert "expected lines of mf-bench --compare" in run(*command, cwd=ROOT / "python").stderr


@pytest.mark.parametrize("kernel, ops", [("linear", ["mf.linear"]), ("memory-layer", ["mf.hash", "mf.lookup"])])
def test_tune(kernel, ops, tmp_path):
    file = tmp_path / "strategies.mlir"
    options = ("--kernel", kernel, *SMALL, "--tokens", "3,17", "-t", "1", "-r", "1")
    found = rows(*options, f"--tune={file}", "--mcpu", "x86-64-v2")
    for op in ops:
        mine = [row for row in found if row["op"] == op]
        assert len({row["strategy"] for row in mine}) >= 2 and {row["tokens"] for row in mine} == {3, 17}
        assert all(row["of selected"] == 1 for row in mine[:2])
        (chosen,) = {row["strategy"] for row in mine if row["note"] == "chosen"}
        assert chosen in file.read_text()
    assert {row["op"] for row in found} == set(ops)
    # Both compilers read what was written.
    bench(*options, "--no-probe", f"--strategy={file}")
    library = tmp_path / "m.so"
    module = ROOT / "test" / "Target" / "Inputs" / "norm.mlir"
    result = run("mf-compile", module, f"--strategy={file}", "-o", library)
    assert result.returncode == 0, result.stderr


def test_strategy_file_is_used(tmp_path):
    """A strategy that no kernel of this family can have is refused, so the file was read."""
    file = tmp_path / "strategies.mlir"
    file.write_text(
        'module attributes {mf.strategies = [#mf.strategy_rule<op = "mf.hash", '
        "strategy = #mf.cpu_rows<tokens = 16, lanes = 4>>]} {}\n"
    )
    result = bench("--kernel", "hash", *SMALL, *QUICK, f"--strategy={file}", status=LIBRARY)
    assert "expects a strategy #mf.cpu_hash, found #mf.cpu_rows" in result.stderr


ERRORS = [
    ([], "one of -m, --kernel, --compare and --probe, found 0"),
    (["--compare", "a", "b", "--parameters=c"], "--parameters goes with -m alone"),
    (["--compare", "a", "b", "--compare", "c", "d"], "--compare expects two libraries once, found 4"),
    (["--compare", "a", "b", "--tokens", "0"], "--tokens expects numbers from 1 on"),
    (["--probe", "--kernel=hash"], "found 2"),
    (["--bogus"], "bogus"),
    (["--kernel=sort"], "sort"),
    (["--kernel=hash", "-t", "0"], "-t expects numbers from 1 on"),
    (["--kernel=hash", "-t", "1,"], "found ''"),
    (["--kernel=hash", "--tokens", "4-2"], "found '4-2'"),
    (["--kernel=hash", "--tokens", "1-8*1"], "found '1-8*1'"),
    (["--kernel=hash", "--tokens", "1-8+x"], "found '1-8+x'"),
    (["--kernel=hash", "--tokens", "1-1000000"], "at most 4096 numbers"),
    (["--kernel=hash", "-r", "0"], "-r expects at least 1, found 0"),
    (["--kernel=hash", "-o", "xml"], "xml"),
    (["--kernel=hash", "--load", "swap"], "swap"),
    (["--kernel=hash", "--width", "0"], "--width expects"),
    (["--kernel=hash", "--bits", "17"], "--bits expects 1 to 16, found 17"),
    (["--kernel=ffn", "--bits", "15", "--width", "15"], "--bits expects 1 to 14, found 15"),
    (["--kernel=lookup", "--tables", "70000"], "--tables expects"),
    (["--kernel=ffn", "--width", "60", "--bits", "8"], "needs width = tables x bits"),
    (["--kernel=attention", "--width", "100"], "--head-size expects a divisor of the width 100"),
    (["--kernel=hash", "--dtype", "f16"], "'hash' has none"),
    (["--kernel=lookup", "--dtype", "f64"], "f64"),
    (["--kernel=lookup", "--mcpu", "z80"], "z80"),
    (["--kernel=lookup", "--cold"], "1 to 256 tokens"),
    (["--kernel=attention", "--cold", "--tokens", "1"], "with parameters"),
    (["--kernel=hash", "--tune=x", "-t", "1,2"], "--tune needs one number of threads"),
    (["--probe", "--tune=x"], "--tune needs a --kernel"),
    (["--kernel=hash", "--device=cuda:0"], "--device goes with -m alone"),
    (["--probe", "--probe-mib", "-1"], "--probe-mib expects"),
]


@pytest.mark.parametrize("options, message", ERRORS, ids=[" ".join(options) or "nothing" for options, _ in ERRORS])
def test_errors(options, message):
    result = bench(*options, status=USAGE)
    assert message in result.stderr and result.stdout == "", result.stderr


def test_errors_of_models(model, tmp_path):
    too_long = bench("-m", model, "-p", "100000", "-t", "1", status=USAGE)
    assert "prefill of 100000 tokens at depth 0 needs 100000 positions, the model has" in too_long.stderr
    too_long = bench("--compare", model, model, "--tokens", "100000", status=USAGE)
    assert "prefill of 100000 tokens at depth 0" in too_long.stderr
    nothing = bench("--compare", model, tmp_path / "nothing.so", status=LIBRARY)
    assert "nothing.so" in nothing.stderr
    nothing = bench("-m", tmp_path / "nothing.so", status=LIBRARY)
    assert "nothing.so" in nothing.stderr
    unknown = bench("-m", model, "--variant", "z80", "-p", "1", "-n", "0", status=ARGUMENT)
    assert "z80" in unknown.stderr
    device = bench("-m", model, "--device=cuda:0", "-p", "1", "-n", "0", status=UNSUPPORTED)
    assert "has no code for CUDA devices: compile it with mf-compile --gpu-arch" in device.stderr


def test_errors_of_files(tmp_path):
    options = ("--kernel", "linear", *SMALL, "--tokens", "1", "-t", "1", "-r", "1")
    result = bench(*options, f"--tune={tmp_path / 'no' / 'file.mlir'}", status=FILE)
    assert "file.mlir" in result.stderr
    result = bench(*options, "--no-probe", f"--strategy={tmp_path / 'none.mlir'}", status=FILE)
    assert "none.mlir" in result.stderr
