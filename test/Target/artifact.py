"""The files of a library appear complete or not at all, whenever the compiler is ended.

RUN: %python %s %t %golden/model/lm_d64_k16_t4
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

folder, model = Path(sys.argv[1]), sys.argv[2]
shutil.rmtree(folder, ignore_errors=True)
folder.mkdir(parents=True)
temporary = folder / "tmp"
temporary.mkdir()
environment = dict(os.environ, TMPDIR=str(temporary))


def start(*options: str) -> subprocess.Popen:
    # A path without a directory: temporary names must be beside it, not where such names usually are.
    command = ["mf-compile", *options, "-mcpu=x86-64-v2", "-o", "m.so"]
    return subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.DEVNULL)


def tokens() -> str:
    """What the library answers; it must be complete to do so."""
    command = ["mf-run", str(folder / "m.so"), "--ids=1,2,3", "--max-new-tokens=4"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def names() -> set[str]:
    return {path.name for path in folder.iterdir()} - {"tmp"}


# Two models under one name, so that a compilation replaces the other one's files.
kinds = {"trained": (model,), "random": (model, "--random-weights=7")}
answers = {}
for kind, options in kinds.items():
    began = time.monotonic()
    assert start(*options).wait() == 0
    duration = time.monotonic() - began
    answers[kind] = tokens()
    assert names() == {"m.so", "m.mfp", "m.h"}, names()
assert answers["trained"] != answers["random"], answers

random.seed(1)
for round in range(20):
    # SIGKILL leaves no time to clean up; SIGTERM does.
    ending = signal.SIGKILL if round % 2 else signal.SIGTERM
    process = start(*kinds["random" if round % 4 < 2 else "trained"])
    # Half of the rounds aim at the end, where the files are written.
    time.sleep(duration * (random.random() if round % 3 else 0.9 + 0.2 * random.random()))
    process.send_signal(ending)
    process.wait()
    assert tokens() in answers.values(), (round, tokens())
    known = {name for name in names() if name in ("m.so", "m.mfp", "m.h")}
    extra = names() - known
    if ending == signal.SIGTERM:
        assert not list(temporary.iterdir()), list(temporary.iterdir())
    for path in temporary.iterdir():
        path.unlink()
    assert all(name.startswith("m.") for name in extra), extra

# The next compilation that ends well takes leftovers of a commit along.
assert start(*kinds["trained"]).wait() == 0
assert tokens() == answers["trained"]
assert not [name for name in names() if name.endswith(".mfp") and name != "m.mfp"], names()
