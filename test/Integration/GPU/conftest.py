"""Modules of the folder above are found from here; what tests on a device share."""

import ctypes
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

import memoryformer  # noqa: E402  the path is set above


@pytest.fixture(scope="session")
def driver():
    """Skips the test where there is no CUDA device, before anything is compiled for it."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        pytest.skip(f"no CUDA device: {error}")
    count = ctypes.c_int(0)
    if (result := driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count))) or count.value == 0:
        pytest.skip(f"no CUDA device: the driver says {result} and counts {count.value}")


@pytest.fixture(scope="session")
def on_device(compiler, driver):
    """Opens a module or a golden model on the first CUDA device."""

    def opened(name, text=None):
        options = ("--gpu-arch=sm_80,sm_90a",)
        library = compiler.model(name, *options) if text is None else compiler.module(name, text, *options)
        return memoryformer.load(library, device="cuda:0")

    return opened
