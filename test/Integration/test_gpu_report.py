"""What mf-compile --report says of kernels for CUDA devices."""

from __future__ import annotations

import json
import os
import shutil

import pytest

from harness import GOLDEN, run

MODEL = GOLDEN / "model" / "lm_d64_k16_t4"
PTXAS = shutil.which("ptxas", path=os.pathsep.join([os.environ["PATH"], "/usr/local/cuda/bin"]))


def compile_report(path, *options):
    done = run("mf-compile", MODEL, "-o", path / "m.so", "-mcpu=native", "--gpu-arch=sm_80,sm_90a", *options)
    assert done.returncode == 0, done.stderr
    return done.stderr


def by_arch(text):
    return {gpu["arch"]: gpu for gpu in json.loads(text)["gpus"]}


@pytest.mark.skipif(not PTXAS, reason="needs ptxas")
def test_resources_of_every_kernel(tmp_path):
    gpus = by_arch(compile_report(tmp_path, "--report=json"))
    assert list(gpus) == ["sm_80", "sm_90a"]
    for gpu in gpus.values():
        assert {"lookup", "attention"} <= {kernel["name"].split("_")[0] for kernel in gpu["kernels"]}
        assert any("hash" in kernel["name"] for kernel in gpu["kernels"])
        for kernel in gpu["kernels"]:
            assert 0 < kernel["registers"] <= 255 and kernel["spill_store_bytes"] == 0, kernel
            occupancy = kernel["occupancy"]
            assert 1 <= occupancy["blocks"] and occupancy["warps"] <= occupancy["max_warps"]


def test_without_an_assembler(tmp_path):
    text = compile_report(tmp_path, "--ptxas=none", "--report")
    assert "kernels for sm_80, not assembled" in text and "registers" not in text
    gpus = by_arch(compile_report(tmp_path, "--ptxas=none", "--report=json"))
    assert all("registers" not in kernel for gpu in gpus.values() for kernel in gpu["kernels"])


def test_times_are_predictions(tmp_path):
    text = compile_report(tmp_path, "--ptxas=none", "--report", "--tokens=3", "--cache=5")
    assert "predicted, not measured: the least time that memory and arithmetic allow a call of 3 tokens after 5" in text

    def times(tokens):
        report = compile_report(tmp_path, "--ptxas=none", "--report=json", f"--tokens={tokens}", "--cache=0")
        return {
            (entry["function"], entry["device"]): entry
            for gpu in by_arch(report).values()
            for entry in gpu["predicted_least_times"]
        }

    few, many = times(1), times(64)
    assert {device for _, device in few} == {"A100", "H100", "H200"}
    for key, entry in few.items():
        assert sum(entry["seconds_by_op"].values()) == pytest.approx(entry["seconds"])
        assert entry["seconds"] < many[key]["seconds"] < 64 * entry["seconds"]
    for (function, device), entry in few.items():
        if device == "H100":  # bound by memory, whose rates alone differ
            assert entry["seconds"] * 3350 == pytest.approx(few[function, "H200"]["seconds"] * 4800)


@pytest.mark.parametrize("options", [(), ("--table-dtype=i8", "--head-dtype=i8")], ids=["floats", "i8"])
def test_launches_of_one_token(tmp_path, options):
    """Nine for each of two blocks and their last sum; for a row of logits and for a pick each a norm and the head; then the
    search in runs and over them."""
    report = compile_report(tmp_path, "--ptxas=none", "--report=json", *options)
    for gpu in by_arch(report).values():
        assert gpu["launches_of_one_token"]["step"] == 2 * 9 + 1 + 2 * 2 + 2
    assert "25 launches of one token @step\n" in compile_report(tmp_path, "--ptxas=none", "--report", *options)
