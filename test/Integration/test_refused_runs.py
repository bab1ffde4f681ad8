"""Broken parameter files, arrays and command lines of mf-run: exit status, one message, no output."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest

import broken
import memoryformer
import modules
from harness import run

USAGE, FILE, LIBRARY, ARGUMENT, IO_ERROR, BAD_PARAMETERS, LIMIT, UNSUPPORTED = 2, 3, 4, 11, 13, 14, 16, 17


@pytest.fixture(scope="session")
def model(compiler):
    return compiler.model("lm_d64_k16_t4")


@pytest.fixture(scope="session")
def entry_library(compiler):
    """scale: y = 3 x / rms(x) of x [tokens, 8]."""
    function = modules.Function("scale")
    x = function.argument("x", ("tokens", 8))
    gain = function.parameter("gain", (8,))
    text = function.text(y=function.row_op("mf.rms_norm", x, gain))
    parameter = modules.parameter("gain", (8,), "#mf.fill<3.0 : f64>")
    return compiler.module("scale", modules.module(text, parameter))


def parameters_of(library):
    with memoryformer.load(library) as model:
        return model.info["runtime"]["parameters"]["path"]


def refused(status, message, *command):
    result = run("mf-run", *command)
    assert result.returncode == status, result.stdout + result.stderr
    assert message in result.stderr, result.stderr
    assert result.stdout == "" and len(result.stderr.strip().splitlines()) <= 2, result.stdout + result.stderr


# What is done to a copy of the parameter file, whether opening it is refused too, and a word of the message.
PARAMETERS = {
    "truncated": (broken.cut("m.mfp", -1), True, "bytes"),
    "cut in the header": (broken.cut("m.mfp", 40), True, "m.mfp"),
    "empty": (broken.cut("m.mfp", 0), True, "m.mfp"),
    "longer": (lambda folder: (folder / "m.mfp").open("ab").write(b"\0"), True, "bytes"),
    "magic": (broken.patch("m.mfp", 0, b"X"), True, "m.mfp"),
    "version": (broken.patch("m.mfp", 8, b"\x63"), True, "version"),
    "tensor count": (broken.patch("m.mfp", 12, b"\xff\xff\xff\xff"), True, "m.mfp"),
    "header size": (broken.patch("m.mfp", 16, b"\xff" * 8), True, "m.mfp"),
    "digest": (broken.patch("m.mfp", 32, b"\0\1\2\3\4\5\6\7"), True, "m.mfp"),
    "flipped bit of a record": (broken.patch("m.mfp", 64 + 24, b"\x7f"), True, "m.mfp"),
    "flipped data": (broken.patch("m.mfp", -1, b"\x55"), False, "digest"),
}


@pytest.mark.parametrize("what", PARAMETERS)
def test_parameter_files(what, model, tmp_path):
    change, open_refused, message = PARAMETERS[what]
    shutil.copy(parameters_of(model), tmp_path / "m.mfp")
    change(tmp_path)
    path = tmp_path / "m.mfp"
    refused(BAD_PARAMETERS, message, "verify", path)
    refused(BAD_PARAMETERS, "m.mfp", "verify", path, f"--library={model}")
    if open_refused:
        refused(BAD_PARAMETERS, "m.mfp", model, "--ids=1", f"--parameters={path}")
        refused(BAD_PARAMETERS, "m.mfp", model, "--ids=1", f"--parameters={path}", "--load=copy")
    with pytest.raises(memoryformer.Error, match="m.mfp") as error:
        memoryformer.load(model, parameters=path, verify=True)
    assert error.value.status == 4


@pytest.mark.parametrize("index", [0, 5, -1])
def test_a_damaged_tensor_is_named(index, model, tmp_path):
    """One bit of one tensor, found by its record in the header."""
    path = tmp_path / "m.mfp"
    shutil.copy(parameters_of(model), path)
    data = path.read_bytes()
    count = int.from_bytes(data[12:16], "little")
    record = data[64 + index % count * 104 :]
    name_offset, offset = int.from_bytes(record[:4], "little"), int.from_bytes(record[80:88], "little")
    name = data[name_offset : data.index(b"\0", name_offset)].decode()
    broken.patch("m.mfp", offset, bytes([data[offset] ^ 1]))(tmp_path)
    result = run("mf-run", "verify", path)
    with pytest.raises(memoryformer.Error) as error:
        memoryformer.runtime.verify_parameters(model, path)
    for text in (result.stderr, str(error.value)):
        assert f"'{name}'" in text


def test_parameters_of_another_model(model, compiler):
    other = parameters_of(compiler.model("lm_d32_k4_t8_f16_sharded"))
    refused(BAD_PARAMETERS, other, model, "--ids=1", f"--parameters={other}")
    refused(BAD_PARAMETERS, other, "verify", other, f"--library={model}")
    assert run("mf-run", "verify", other).returncode == 0


def test_parameters_that_are_no_file(model, tmp_path):
    refused(IO_ERROR, "nothing.mfp", model, "--ids=1", f"--parameters={tmp_path}/nothing.mfp")
    refused(FILE, "nothing.mfp", "verify", tmp_path / "nothing.mfp")
    result = run("mf-run", model, "--ids=1", f"--parameters={tmp_path}")
    assert result.returncode in (IO_ERROR, BAD_PARAMETERS) and str(tmp_path) in result.stderr


@pytest.mark.parametrize(
    "arguments, status, message",
    [
        ([], USAGE, "expected one of --ids, --entry, --count-codes and --info, found 0"),
        (["--ids=1", "--info"], USAGE, "found 2"),
        (["--ids=1,x"], USAGE, "'x'"),
        (["--ids=512"], ARGUMENT, "512"),
        (["--ids=-1"], ARGUMENT, "-1"),
        (["--ids=99999999999"], ARGUMENT, "99999999999"),
        (["--ids=1", "--max-new-tokens=-1"], USAGE, "--max-new-tokens"),
        (["--ids=1", "--max-new-tokens=65"], USAGE, "65 positions, the model has 64"),
        (["--ids=1", "--temperature=-1"], ARGUMENT, "temperature"),
        (["--ids=1", "--top-p=1.5", "--temperature=1"], ARGUMENT, "top_p"),
        (["--ids=1", "--top-k=-1", "--temperature=1"], ARGUMENT, "top_k"),
        (["--ids=1", "--threads=-1"], ARGUMENT, "threads"),
        (["--ids=1", "--variant=i386"], ARGUMENT, "i386"),
        (["--ids=1", "--max-tokens-per-call=-5"], ARGUMENT, "max_tokens_per_call"),
        (["--ids=1", "--load=read"], USAGE, "read"),
        (["--ids=1", "--device=gpu-host"], UNSUPPORTED, "compile it with mf-compile --gpu-host"),
        (["--ids=1", "--device=cuda:0"], UNSUPPORTED, "compile it with mf-compile --gpu-arch"),
        (["--ids=1", "--device=cuda:x"], ARGUMENT, "found 'cuda:x'"),
        (["--ids=1", "--check"], USAGE, "are for --device=gpu-host"),
        (["--ids=1", "--count=json"], USAGE, "are for --device=gpu-host"),
        (["--ids=1", "--bogus"], USAGE, "bogus"),
        (["--ids=1", "--input=@x.npy"], USAGE, "need --entry"),
        (["--entry=nothing"], USAGE, "no entry 'nothing'"),
        (["--entry=forward"], USAGE, "'ids' is missing"),
    ],
)
def test_command_lines(arguments, status, message, model):
    refused(status, message, model, *arguments)


def test_what_is_no_library(tmp_path):
    refused(USAGE, "expected a model library")
    refused(LIBRARY, "nothing.so", tmp_path / "nothing.so", "--info")
    (tmp_path / "text.so").write_text("text")
    refused(LIBRARY, "text.so", tmp_path / "text.so", "--info")
    subprocess.run(["cc", "-shared", "-x", "c", "/dev/null", "-o", tmp_path / "empty.so"], check=True)
    refused(LIBRARY, "mf_model_api", tmp_path / "empty.so", "--info")
    refused(USAGE, "positional", "verify")


X = np.ones((3, 8), np.float32)


@pytest.mark.parametrize(
    "arguments, status, message",
    [
        (["--ids=1"], USAGE, "no language model"),
        ([], USAGE, "expected one of"),
        (["--entry=scale"], USAGE, "'x' is missing"),
        (["--entry=scale", "--input=x.npy"], USAGE, "expected @file.npy or name=@file.npy, found 'x.npy'"),
        (["--entry=scale", "--input=z=@{tmp}/x.npy"], USAGE, "no input 'z'"),
        (["--entry=scale", "--input=@{tmp}/x.npy", "--input=@{tmp}/x.npy"], USAGE, "has 1 inputs, found one more"),
        (["--entry=scale", "--input=x=@{tmp}/x.npy", "--input=x=@{tmp}/x.npy"], USAGE, "given twice"),
        (["--entry=scale", "--input=@{tmp}/x.npy", "--output=z=@{tmp}/y.npy"], USAGE, "no output 'z'"),
        (["--entry=scale", "--input=@{tmp}/nothing.npy"], FILE, "nothing.npy"),
        (["--entry=scale", "--input=@{tmp}/x.npy", "--expected=@{tmp}/nothing.npy"], FILE, "nothing.npy"),
        (["--entry=scale", "--input=@{tmp}/x.npy", "--output=@{tmp}/missing/y.npy"], FILE, "missing"),
        (["--entry=scale", "--input=@{tmp}/f8.npy"], ARGUMENT, "f64"),
        (["--entry=scale", "--input=@{tmp}/narrow.npy"], ARGUMENT, "7"),
        (["--entry=scale", "--input=@{tmp}/flat.npy"], USAGE, "tokens"),
    ],
)
def test_entry_command_lines(arguments, status, message, entry_library, tmp_path):
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "f8.npy", X.astype(np.float64))
    np.save(tmp_path / "narrow.npy", X[:, :7].copy())
    np.save(tmp_path / "flat.npy", np.float32(1))
    before = sorted(tmp_path.iterdir())
    refused(status, message, entry_library, *(argument.format(tmp=tmp_path) for argument in arguments))
    assert sorted(tmp_path.iterdir()) == before


def header(text, version=1):
    """The bytes of an .npy file with this header and 3 x 8 floats."""
    text = text.encode() + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + len(text).to_bytes(2, "little") + text + X.tobytes()


GOOD = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 8), }"
ARRAYS = {
    "no magic": (b"numpy" + bytes(100), "magic"),
    "empty": (b"", "magic"),
    "version 3": (header(GOOD, version=3), "3.0"),
    "cut in the header": (header(GOOD)[:30], "truncated"),
    "cut in the data": (header(GOOD)[:-1], "96 bytes"),
    "longer": (header(GOOD) + b"\0", "96 bytes"),
    "big-endian": (header(GOOD.replace("<f4", ">f4")), ">f4"),
    "complex": (header(GOOD.replace("<f4", "<c8")), "<c8"),
    "objects": (header(GOOD.replace("<f4", "|O")), "|O"),
    "Fortran order": (header(GOOD.replace("False", "True")), "Fortran"),
    "no shape": (header("{'descr': '<f4', 'fortran_order': False, }"), "lacks"),
    "negative extent": (header(GOOD.replace("3, 8", "-3, 8")), "-3"),
    "huge shape": (header(GOOD.replace("3, 8", "4294967296, 4294967296")), "too big"),
    "key twice": (header(GOOD.replace("'shape'", "'descr'")), "twice"),
    "unknown key": (header(GOOD.replace("'shape'", "'size'")), "size"),
    "what follows": (header(GOOD + "x"), "after"),
}


@pytest.mark.parametrize("what", ARRAYS)
def test_arrays(what, entry_library, tmp_path):
    data, message = ARRAYS[what]
    (tmp_path / "x.npy").write_bytes(data)
    refused(FILE, message, entry_library, "--entry=scale", f"--input=@{tmp_path}/x.npy")


@pytest.mark.parametrize("dtype", ["<f2", "<f4", "<f8", "|i1", "<i2", "<i4", "<i8", "|u1", "<u2"])
@pytest.mark.parametrize("changed", [False, True])
def test_arrays_are_read_as_numpy_writes_them(dtype, changed, entry_library, tmp_path):
    """Rows of ones become rows of 3; expected arrays may have any dtype."""
    expected = np.full(X.shape, 3, dtype)
    expected[1, 2] += changed
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", expected)
    call = ["mf-run", entry_library, "--entry=scale", f"--input=@{tmp_path}/x.npy", "--atol=1e-5"]
    result = run(*call, f"--expected=@{tmp_path}/y.npy", f"--output=@{tmp_path}/written.npy")
    assert result.returncode == changed, result.stdout + result.stderr
    assert ("the first at 10: expected 4, found 3" in result.stdout) == changed
    assert (tmp_path / "written.npy").exists() != changed
    if not changed:
        np.testing.assert_allclose(np.load(tmp_path / "written.npy"), expected, rtol=1e-6)
