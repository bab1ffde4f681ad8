"""check_needed.py library architecture: the libraries and glibc versions that a model library needs are the documented ones."""

import re
import subprocess
import sys

library, architecture = sys.argv[1:]
dynamic = subprocess.run(["llvm-readelf", "-d", "-V", library], capture_output=True, text=True, check=True).stdout
needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic))
allowed = {"libc.so.6", "libm.so.6", "libpthread.so.0"}
if architecture == "x86_64":
    allowed.add("ld-linux-x86-64.so.2")  # the loader itself: thread-local storage
assert "libc.so.6" in needed and needed <= allowed, needed
versions = {tuple(map(int, version.split("."))) for version in re.findall(r"GLIBC_([0-9.]+)", dynamic)}
assert versions and max(versions) <= (2, 28), versions
