"""What a compiled library is: its symbols, what it needs, its C header, its memory while running, other machines."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

import golden
import memoryformer
from harness import GOLDEN, ROOT, run
from memoryformer.runtime import library_info

NAME = "lm_d64_k16_t4"
SOURCES = Path(__file__).parent / "c"
INCLUDE = f"-I{ROOT / 'include'}"
OLDEST_GLIBC = (2, 28)
MAY_NEED = {"libc.so.6", "libm.so.6", "libpthread.so.0", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}


def tool(*names):
    """The first of these programs that there is; skips the test where there is none."""
    for name in names:
        if shutil.which(name):
            return name
    pytest.skip(f"no {' or '.join(names)}")


def read_elf(path, *options):
    return run(tool("readelf", "llvm-readelf-22"), "-W", *options, path).stdout


def build(compiler, source, output, *options):
    """Compiles a C source of this folder with warnings as errors."""
    command = [compiler, "-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror"]
    subprocess.run([*command, SOURCES / source, "-o", output, *options], check=True)
    return output


def expected(prompt):
    tensors, _ = golden.read(GOLDEN / "model" / NAME / "expected.safetensors")
    return tensors[f"prompt{prompt}.input_ids"].tolist(), tensors[f"prompt{prompt}.greedy_ids"].tolist()


@pytest.fixture(scope="session")
def library(compiler):
    return compiler.model(NAME)


def test_exports_two_functions(library):
    name = library_info(library)["name"]
    rows = [line.split() for line in read_elf(library, "--dyn-syms").splitlines()]
    rows = [row for row in rows if len(row) >= 8 and row[4] in ("GLOBAL", "WEAK") and row[6] != "UND"]
    assert sorted(row[7] for row in rows) == sorted(["mf_model_api", f"mf_{name}_api"])


def test_needs_libc_and_libm_of_old_systems(library):
    needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", read_elf(library, "-d")))
    assert needed and needed <= MAY_NEED
    versions = re.findall(r"GLIBC_(\d+)\.(\d+)", read_elf(library, "-V"))
    assert max((int(major), int(minor)) for major, minor in versions) <= OLDEST_GLIBC


def test_has_no_executable_stack_or_text_relocations(library):
    stack = re.search(r"GNU_STACK\s+(?:\S+\s+){5}(\w+)", read_elf(library, "-l"))
    assert stack and "E" not in stack.group(1)
    assert "TEXTREL" not in read_elf(library, "-d")


def test_c_program_linked_with_the_header(tmp_path):
    """The golden checkpoint under the name lm, linked by its header, which needs no other file."""
    checkpoint = tmp_path / "lm"
    shutil.copytree(GOLDEN / "model" / NAME, checkpoint)
    library = memoryformer.compile(checkpoint, tmp_path / "lm.so")
    program = build(tool("cc"), "generate.c", tmp_path / "generate", f"-I{tmp_path}", library, f"-Wl,-rpath,{tmp_path}")
    with memoryformer.load(library) as model:
        continuation = model.generate([5], 20)
    result = run(program, 5, 20)
    assert result.stdout.strip() == ",".join(map(str, continuation)), result.stderr


def test_header_is_also_cxx(compiler, library, tmp_path):
    header = library.with_suffix(".h")
    (tmp_path / "use.cpp").write_text(f'#include "{header}"\n#include "{header}"\nint main() {{ return 0; }}\n')
    compile_command = [tool("c++"), "-std=c++17", "-Wall", "-Wextra", "-Werror"]
    subprocess.run([*compile_command, "-fsyntax-only", tmp_path / "use.cpp"], check=True)


@pytest.mark.parametrize("prompt", [0, 1])
def test_c_program_that_opens_a_library(library, prompt, tmp_path):
    program = build(tool("cc"), "open.c", tmp_path / "open", INCLUDE, "-ldl")
    ids, greedy = expected(prompt)
    result = run(program, library, len(greedy), *ids)
    assert result.stdout.strip() == ",".join(map(str, greedy)), result.stderr


def test_steps_take_no_memory(library, tmp_path):
    """Between the creation and the end of a session nothing is allocated, freed, mapped or unmapped."""
    compiler = tool("cc")
    count = build(compiler, "count_allocations.c", tmp_path / "count.so", "-shared", "-fPIC", "-ldl")
    program = build(compiler, "step_quietly.c", tmp_path / "step_quietly", INCLUDE, "-ldl")
    vocabulary = library_info(library)["limits"]["vocabulary"]
    result = run("env", f"LD_PRELOAD={count}", program, library, vocabulary)
    assert result.returncode == 0 and result.stdout.strip() == "0", result.stdout + result.stderr


@pytest.mark.parametrize("prompt", [0, 1])
def test_aarch64_under_emulation(compiler, prompt, tmp_path):
    cross, emulator = tool("aarch64-linux-gnu-gcc"), tool("qemu-aarch64", "qemu-aarch64-static")
    library = compiler.model(NAME, "--mtriple=aarch64-unknown-linux-gnu")
    assert "AArch64" in read_elf(library, "-h")
    needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", read_elf(library, "-d")))
    assert needed <= MAY_NEED
    program = build(cross, "open.c", tmp_path / "open", INCLUDE, "-ldl")
    ids, greedy = expected(prompt)
    result = run(emulator, "-L", "/usr/aarch64-linux-gnu", program, library, len(greedy), *ids)
    assert result.stdout.strip() == ",".join(map(str, greedy)), result.stderr
