"""Counts what generated code executes: callgrind's count of each instruction, and the disassembly that says what it is."""

from __future__ import annotations

import collections
import re
import shutil
import subprocess
from pathlib import Path

from harness import BIN

LANES = {"ymm": 8, "xmm": 4}
OBJDUMP = shutil.which("llvm-objdump-22") or "/usr/lib/llvm-22/bin/llvm-objdump"


class Executed:
    """The instructions of a library that one run of mf-run executed, with how often."""

    def __init__(self, library: Path, *arguments: object) -> None:
        counts = _run(library, arguments)
        code = _disassemble(library)
        self.counts: collections.Counter[str] = collections.Counter()
        for address, count in counts.items():
            self.counts[code[address]] += count

    def lanes(self, pattern: str) -> int:
        """f32 lanes of the instructions whose text matches: 8 of ymm registers, 4 of xmm, 1 of a scalar (`...ss`)."""
        total = 0
        for text, count in self.counts.items():
            if re.match(pattern, text):
                scalar = text.split()[0].endswith("ss")
                total += count * (1 if scalar else next(LANES[kind] for kind in LANES if kind in text))
        return total

    def multiply_adds(self) -> int:
        """Lanes of fused multiply-adds."""
        return self.lanes(r"vfn?m(add|sub)\d")

    def exponentials(self) -> int:
        """Lanes of exponentials: each shifts an integer to the exponent's place, and nothing else shifts by 23."""
        return self.lanes(r"vpslld\s+\$(23|0x17),")


def _run(library: Path, arguments: tuple[object, ...]) -> dict[int, int]:
    """Executions of each instruction of the library, by its address in the file."""
    output = library.with_suffix(".callgrind")
    command = ["valgrind", "--tool=callgrind", "--dump-instr=yes", "--compress-pos=no", "--compress-strings=no"]
    command += [f"--callgrind-out-file={output}", BIN / "mf-run", library, "--threads=1", *arguments]
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    counts: dict[int, int] = collections.defaultdict(int)
    is_library = is_call = False
    for line in output.read_text().splitlines():
        if line.startswith("ob="):
            is_library = line[3:] == str(library)
        elif line.startswith("calls="):
            is_call = True  # the next line has the cost of what was called
        elif line.startswith("0x"):
            if is_library and not is_call:
                address, _, count = line.split()
                counts[int(address, 16)] += int(count)
            is_call = False
    assert counts, f"callgrind saw nothing of {library}"
    return counts


def _disassemble(library: Path) -> dict[int, str]:
    command = [OBJDUMP, "-d", "--no-show-raw-insn", str(library)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.finditer(r"^\s*([0-9a-f]+):\s+(.*)$", text, re.MULTILINE)
    return {int(line[1], 16): line[2] for line in found}
