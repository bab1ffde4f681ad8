"""The driver of c/fake_cuda.c, and kernels that it runs: those of a module, on host threads, with all checks."""

from __future__ import annotations

import ctypes
import re
from pathlib import Path

from harness import BIN, ROOT, run

SOURCES = Path(__file__).parent / "c"
LLVM = Path("/usr/lib/llvm-22/bin")


def checked(*command: object, **options: object) -> str:
    result = run(*command, **options)
    assert result.returncode == 0, result.stderr
    return result.stdout


def build_driver(folder: Path, without: str | None = None) -> Path:
    """Builds libcuda.so.1; `without`: a function that it lacks."""
    library, script = folder / "libcuda.so.1", folder / "hidden.map"
    script.write_text("{ local: %s; };" % (without or "none_of_them"))
    checked(
        "gcc", "-shared", "-fPIC", "-O1", "-std=gnu11", "-Wall", "-Wl,-soname,libcuda.so.1", f"-Wl,--version-script={script}",
        *(SOURCES / f"fake_cuda{part}.c" for part in ("", "_memory", "_streams")), "-o", library, "-ldl", "-lpthread",
    )
    return library


def build_kernels(module: Path, arch: str = "sm_80") -> Path:
    """The library of a module's kernels for FAKE_CUDA_KERNELS."""
    text = checked("mf-opt", module, "--mf-model-pipeline", f"--mf-gpu-pipeline=arch={arch}")
    text = checked("mf-opt", "--mf-gpu-host-pipeline=checked=true", input=text)
    text = re.sub(r"global internal constant (@kernels\.\w+\.kernel)", r"global external constant \1", text)
    text = checked(LLVM / "mlir-translate", "--allow-unregistered-dialect", "--mlir-to-llvmir", input=text)
    source, library = module.with_suffix(f".{arch}.ll"), module.with_suffix(f".{arch}.kernels.so")
    source.write_text(text)
    lib = ROOT / "lib" / "Runtime"
    checked("clang-22", "-c", "-O1", "-fPIC", "-march=x86-64-v3", "-w", source, "-o", source.with_suffix(".o"))
    checked(
        "clang++-22", "-std=c++17", "-shared", "-fPIC", "-O1", f"-I{ROOT / 'include'}", f"-I{lib}",
        SOURCES / "fake_cuda_kernels.cpp", source.with_suffix(".o"), BIN.parent / "lib" / "Runtime" / "libMFRuntime.a",
        "-lpthread", "-ldl", "-lm", "-o", library,
    )
    return library


class Driver:
    """The driver in this process: what the runtime opens as libcuda.so.1 from now on."""

    def __init__(self, path: Path) -> None:
        self.library = ctypes.CDLL(str(path), ctypes.RTLD_GLOBAL)
        self.library.fake_cuda_log.restype = ctypes.c_char_p
        self.library.fake_cuda_tensor.restype = ctypes.c_uint64
        self.library.fake_cuda_tensor.argtypes = [ctypes.c_size_t]
        self.library.fake_cuda_copy.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]
        self.library.fake_cuda_free.argtypes = [ctypes.c_uint64]

    def reset(self) -> None:
        self.library.fake_cuda_reset()

    @property
    def live(self) -> int:
        return self.library.fake_cuda_live()

    @property
    def log(self) -> list[str]:
        return self.library.fake_cuda_log().decode().splitlines()
