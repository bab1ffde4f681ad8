"""Command lines that are refused: exit status, one message that names the culprit, no file.

RUN: %python %s %t %S/../../Target/Inputs/norm.mlir
"""

import shutil
import subprocess
import sys
from pathlib import Path

folder, module = Path(sys.argv[1]), sys.argv[2]
INPUT, USAGE, IO, COMPILE = 1, 2, 3, 4

BROKEN = folder / "broken.mlir"
EMPTY = folder / "empty.mlir"
CASES = [
    ([], USAGE, "no model"),
    ([module, module], USAGE, "Too many positional arguments"),
    ([module, "--bogus"], USAGE, "bogus"),
    ([module, "--emit=elf"], USAGE, "elf"),
    ([module, "-mcpu=z80"], USAGE, "z80"),
    ([module, "-mcpu=x86-64-v3,nothing"], USAGE, "nothing"),
    ([module, "-mtriple=riscv64-linux-gnu"], USAGE, "riscv64"),
    ([module, "-mtriple=x86_64-pc-windows-msvc"], USAGE, "windows"),
    ([module, "-mtriple=aarch64-linux-gnu", "-mcpu=x86-64-v3"], USAGE, "x86-64-v3"),
    ([module, "-mtriple=aarch64-linux-gnu", "--sanitize=address"], USAGE, "sanitizer"),
    ([module, "--sanitize=leak"], USAGE, "leak"),
    ([module, "--name=a-b"], USAGE, "a-b"),
    ([module, "--name=1a"], USAGE, "1a"),
    ([module, "-j=x"], USAGE, "x"),
    ([module, "--compile-to=nowhere"], USAGE, "nowhere"),
    ([module, "--compile-to=tile", "--emit=asm"], USAGE, "--compile-to"),
    ([module, "--emit=asm", "--variant=z80"], USAGE, "z80"),
    ([module, "--random-weights"], USAGE, "--random-weights"),
    (["tiny", "--random-weights=x"], USAGE, "x"),
    (["tiny"], USAGE, "--random-weights"),
    ([module, "--report=xml"], USAGE, "xml"),
    ([module, "--tokens=5"], USAGE, "--report"),
    ([module, "--report", "--cache=5"], USAGE, "--tokens=N"),
    ([module, "--report", "--tokens=-2"], USAGE, "from 0 on"),
    ([module, "--gpu-arch=sm_80,sm_80"], USAGE, "found 'sm_80,sm_80'"),
    ([module, "--gpu-arch=sm_80", "--trace-codes"], USAGE, "--trace-codes"),
    ([module, "--gpu-arch=sm_80", "--ptxas=/nothing"], USAGE, "/nothing"),
    ([module, "--gpu-kernels=x.mlir"], USAGE, "--gpu-kernels is for --gpu-host"),
    ([module, "--gpu-host", "--emit=ptx"], USAGE, "--gpu-host is for libraries"),
    ([module, "--gpu-host", "--sanitize=thread"], USAGE, "--gpu-host"),
    ([module, "--gpu-host", f"--gpu-kernels={EMPTY}"], INPUT, "without a gpu.module"),
    (["tiny", "--random-weights", f"--prune-tables={folder / 'nothing.json'}"], IO, "nothing.json"),
    (["tiny", "--random-weights", f"--prune-tables={EMPTY}", "--prune-at-most=-1"], USAGE, "found -1"),
    ([str(folder / "nothing")], IO, "nothing"),
    ([str(folder / "nothing.mlir")], IO, "nothing.mlir"),
    ([str(folder)], INPUT, "config.json"),
    ([str(BROKEN)], INPUT, "broken.mlir:1:1"),
    ([str(EMPTY)], INPUT, "no public function"),
]


def refuse(arguments: list[str], output: Path) -> tuple[int, str]:
    result = subprocess.run(["mf-compile", *arguments, "-o", str(output)], capture_output=True, text=True)
    assert "Stack dump" not in result.stderr and result.stderr.count("mf-compile: ") == 1, result.stderr
    return result.returncode, result.stderr


shutil.rmtree(folder, ignore_errors=True)
folder.mkdir(parents=True)
BROKEN.write_text("nothing\n")
EMPTY.write_text("module {}\n")
output = folder / "output"
output.mkdir()
for arguments, status, text in CASES:
    found, message = refuse(arguments, output / "m.so")
    assert found == status and text in message, (arguments, found, message)
    assert not list(output.iterdir()), (arguments, list(output.iterdir()))

found, message = refuse([module], output / "missing" / "m.so")
assert found == IO and "missing" in message, message
found, message = refuse([module], folder)
assert found == IO and "no regular file" in message, message
found, message = refuse([module], Path("-"))
assert found == USAGE and "standard output" in message, message
