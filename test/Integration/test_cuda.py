"""Models on CUDA devices, with a driver that has none: what is launched and copied, which kernels run, how calls fail."""

from __future__ import annotations

import ctypes
import os

import memoryformer
import numpy as np
import pytest
from memoryformer import abi

import modules
from fake_cuda import Driver, build_driver, build_kernels
from harness import GOLDEN, run

NO_DEVICE, UNSUPPORTED, OUT_OF_MEMORY, DEVICE_ERROR = 9, 7, 2, 8


def layer_text():
    function = modules.Function("layer")
    x = function.argument("x", ("tokens", 32))
    tables = function.parameter("tables", (4, 256, 64), "f16")
    codes, scores = function.hash(x, 8, "probability")
    (y,) = function.lookup(codes, scores, [tables], [])
    parameter = modules.parameter("tables", (4, 256, 64), "#mf.random<seed = 3, scale = 1.0 : f64>", "f16")
    return modules.module(function.text(y=y), parameter)


@pytest.fixture(scope="module")
def library(compiler):
    return compiler.module("cuda_layer", layer_text(), "--gpu-arch=sm_80,sm_90a", "--ptxas=none")


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    return Driver(build_driver(tmp_path_factory.mktemp("driver")))


@pytest.fixture(scope="module")
def kernels(compiler, library, tmp_path_factory):
    module = tmp_path_factory.mktemp("kernels") / "layer.mlir"
    module.write_text(layer_text())
    return build_kernels(module)


@pytest.fixture
def fake(driver, kernels, monkeypatch):
    """The driver, with no objects and all settings as usual; nothing may be left."""
    monkeypatch.setenv("FAKE_CUDA_KERNELS", str(kernels))
    driver.reset()
    assert driver.live == 0
    yield driver
    assert driver.live == 0


def inputs(tokens):
    return np.random.default_rng(tokens).standard_normal((tokens, 32)).astype(np.float32)


def test_results_are_those_of_the_cpu(fake, library):
    with memoryformer.load(library) as cpu, memoryformer.load(library, device="cuda:0") as model:
        for tokens in [1, 2, 7, 64, 65, 200, 0, 600]:
            (expected,), (found,) = (m.call("layer", inputs(tokens)) for m in (cpu, model))
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
        assert model.info["runtime"]["variant"] == "cuda-sm_80"
        assert model.info["runtime"]["device"]["code"] == "ptx"
    launches = [line.split()[1] for line in fake.log if line.startswith("launch")]
    assert launches[:2] == ["hash_0", "lookup_gather_1"] and launches[-1] == "lookup_tile_2"


def test_a_result_in_another_shape_is_copied_on_the_device(driver, compiler, tmp_path, monkeypatch):
    function = modules.Function("shapes")
    x = function.argument("x", ("tokens", 40))
    y = function.row_op("mf.add", x, x)
    text = modules.module(function.text(y=y, heads=function.split_heads(y, 5)))
    (tmp_path / "shapes.mlir").write_text(text)
    monkeypatch.setenv("FAKE_CUDA_KERNELS", str(build_kernels(tmp_path / "shapes.mlir")))
    driver.reset()
    with memoryformer.load(compiler.module("shapes", text, "--gpu-arch=sm_80", "--ptxas=none"), device="cuda:0") as model:
        for tokens in (1, 7, 300):
            x = np.random.default_rng(tokens).standard_normal((tokens, 40)).astype(np.float32)
            y, heads = model.call("shapes", x)
            np.testing.assert_array_equal(y, 2 * x)
            np.testing.assert_array_equal(heads, (2 * x).reshape(tokens, 5, 8))
    assert any(line.startswith("launch copy_") for line in driver.log)


def test_parameters_are_uploaded_once(fake, library):
    with memoryformer.load(library, device="cuda") as first, memoryformer.load(library, device="cuda:0") as second:
        results = [model.call("layer", inputs(5))[0] for model in (first, second)]
        np.testing.assert_array_equal(*results)
    assert sum(line == "to-device 131072" for line in fake.log) == 1
    assert fake.log.count("module ptx") == 1


def test_calls_of_one_size_replay_a_graph(fake, library):
    with memoryformer.load(library, device="cuda:0") as model:
        results = [model.call("layer", inputs(5))[0] for _ in range(4)]
        assert model.info["runtime"]["device"]["graphs"] == {"captured": 1, "replayed": 3}
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])
    assert fake.log.count("graph") == 3 and sum(line.startswith("launch") for line in fake.log) == 2


class DeviceTensor:
    """A matrix in the device's memory, as something with __dlpack__ would give it."""

    def __init__(self, fake, array, offset=0):
        self.fake, self.array, self.offset = fake, array, offset
        self.address = fake.library.fake_cuda_tensor(array.nbytes + offset)
        fake.library.fake_cuda_copy(self.address + offset, array.ctypes.data, array.nbytes)

    def struct(self, device=0):
        shape = (ctypes.c_int64 * 2)(*self.array.shape)
        return abi.Tensor(
            abi.DLTensor(self.address + self.offset, abi.DLDevice(2, device), 2, abi.DLDataType(2, 32, 1), shape, None, 0), shape
        )

    def read(self):
        self.fake.library.fake_cuda_copy(self.array.ctypes.data, self.address + self.offset, self.array.nbytes)
        return self.array


@pytest.mark.parametrize("offset", [0, 4])
def test_tensors_of_the_device_are_taken_in_place(offset, fake, library, monkeypatch):
    with memoryformer.load(library, device="cuda:0") as model:
        (expected,) = model.call("layer", inputs(7))
        x, y = DeviceTensor(fake, inputs(7), offset), DeviceTensor(fake, np.zeros((7, 64), np.float32), offset)
        plain = abi.tensor
        monkeypatch.setattr(abi, "tensor", lambda v, **o: v.struct() if isinstance(v, DeviceTensor) else plain(v, **o))
        fake.reset()
        model.call("layer", x, outputs=[y])
        np.testing.assert_array_equal(y.read(), expected)
        # What is not aligned to what kernels load is copied, on the device.
        assert [line.split()[0] for line in fake.log].count("on-device") == 2 * bool(offset)
        assert not any(line.startswith(("to-device", "to-host")) for line in fake.log)
        monkeypatch.setattr(abi, "tensor", lambda v, **o: v.struct(1) if isinstance(v, DeviceTensor) else plain(v, **o))
        with pytest.raises(memoryformer.Error, match="on the CPU or on cuda:0, found device type 2, number 1"):
            model.call("layer", x, outputs=[y])
        for tensor in (x, y):
            fake.library.fake_cuda_free(tensor.address)
    with memoryformer.load(library) as cpu, pytest.raises(memoryformer.Error, match="expected a tensor on the CPU"):
        cpu.call("layer", x, outputs=[y])


def test_clusters_are_launched_whole(fake, library, tmp_path, monkeypatch):
    """PTX states the blocks of a cluster: the driver refuses a grid that is no multiple of them."""
    module = tmp_path / "layer.mlir"
    module.write_text(layer_text())
    monkeypatch.setenv("FAKE_CUDA_KERNELS", str(build_kernels(module, "sm_90a")))
    monkeypatch.setenv("FAKE_CUDA_CAPABILITY", "9.0")
    with memoryformer.load(library) as cpu, memoryformer.load(library, device="cuda:0") as model:
        for tokens in [65, 600, 1100]:
            (expected,), (found,) = (m.call("layer", inputs(tokens)) for m in (cpu, model))
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
        assert model.info["runtime"]["variant"] == "cuda-sm_90a"
    launches = [line.split()[1:] for line in fake.log if line.startswith("launch lookup_tile")]
    # Blocks of 512 tokens, two in a cluster; more workgroup memory than a driver gives unasked.
    assert [int(launch[2]) for launch in launches] == [2, 2, 4]
    assert all(int(launch[5]) == 3 * 32768 + 24 for launch in launches)


def test_the_variant_is_the_one_for_the_device(fake, library, monkeypatch):
    monkeypatch.setenv("FAKE_CUDA_KERNELS", "")
    for capability, variant in [("8.6", "cuda-sm_80"), ("9.0", "cuda-sm_90a"), ("10.0", "cuda-sm_80")]:
        monkeypatch.setenv("FAKE_CUDA_CAPABILITY", capability)
        with memoryformer.load(library, device="cuda:0") as model:
            assert model.info["runtime"]["variant"] == variant
    monkeypatch.setenv("FAKE_CUDA_CAPABILITY", "7.5")
    with pytest.raises(memoryformer.Error, match="capability 7.5: cuda-sm_80 needs 8.0 or later; cuda-sm_90a needs 9.0$"):
        memoryformer.load(library, device="cuda:0")
    monkeypatch.setenv("FAKE_CUDA_CAPABILITY", "8.0")
    with pytest.raises(memoryformer.Error, match="expected cuda:0 to cuda:0, found cuda:1") as refused:
        memoryformer.load(library, device="cuda:1")
    assert refused.value.status == NO_DEVICE


FUNCTIONS = [
    "cuDeviceGetCount", "cuDeviceGet", "cuDeviceGetName", "cuDeviceGetAttribute", "cuDevicePrimaryCtxRetain",
    "cuCtxPushCurrent_v2", "cuModuleLoadDataEx", "cuModuleGetFunction", "cuFuncSetAttribute", "cuMemGetInfo_v2",
    "cuMemAlloc_v2", "cuMemHostAlloc", "cuMemcpyHtoDAsync_v2", "cuMemcpyDtoHAsync_v2", "cuStreamCreate",
    "cuStreamSynchronize", "cuEventCreate", "cuEventRecord", "cuLaunchKernel",
]  # fmt: skip


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_failure_is_one_error_and_leaves_nothing(function, fake, library, monkeypatch):
    failures = 0
    # Without a context nothing can be given back: only those that come before there is anything.
    for nth in range(1, 2 if function == "cuCtxPushCurrent_v2" else 9):
        monkeypatch.setenv("FAKE_CUDA_FAIL", f"{function}:{nth}:{2 if 'Alloc' in function else 700}")
        fake.reset()
        try:
            with memoryformer.load(library, device="cuda:0") as model:
                model.call("layer", inputs(5))
        except memoryformer.Error as error:
            failures += 1
            assert error.status == (OUT_OF_MEMORY if "Alloc" in function else DEVICE_ERROR)
            assert f"FAKE_ERROR_{2 if 'Alloc' in function else 700}" in str(error) and "\n" not in str(error)
            if function == "cuModuleLoadDataEx":
                assert "what the assembler says" in str(error)
        monkeypatch.delenv("FAKE_CUDA_FAIL")
        assert fake.live == 0
    assert failures > 0
    # The next one finds all as it was.
    fake.reset()
    with memoryformer.load(library, device="cuda:0") as model:
        model.call("layer", inputs(5))


def test_memory_is_counted_before_it_is_taken(fake, library, monkeypatch):
    monkeypatch.setenv("FAKE_CUDA_MEMORY", "131071")
    with pytest.raises(memoryformer.Error, match="parameters: needs 131072 bytes, 131071 of") as refused:
        memoryformer.load(library, device="cuda:0")
    assert refused.value.status == OUT_OF_MEMORY
    assert not any(line.startswith("to-device") for line in fake.log)
    monkeypatch.setenv("FAKE_CUDA_MEMORY", "140000")
    with memoryformer.load(library, device="cuda:0") as model:
        model.call("layer", inputs(5))
        with pytest.raises(memoryformer.Error, match="workspace and operands") as refused:
            model.call("layer", inputs(500))
        assert refused.value.status == OUT_OF_MEMORY
        model.call("layer", inputs(5))


def run_on_device(library, tmp_path, folder=None):
    np.save(tmp_path / "x.npy", inputs(3))
    environment = {**os.environ, "LD_LIBRARY_PATH": str(folder or tmp_path)}
    return run("mf-run", library, "--entry=layer", f"--input=@{tmp_path / 'x.npy'}", "--device=cuda:0", env=environment)


@pytest.mark.parametrize("missing", [None, "cuLaunchKernel", "cuGraphLaunch"])
def test_functions_that_a_driver_lacks(missing, kernels, library, tmp_path, monkeypatch):
    monkeypatch.setenv("FAKE_CUDA_KERNELS", str(kernels))
    build_driver(tmp_path, missing)
    result = run_on_device(library, tmp_path)
    if missing == "cuLaunchKernel":
        assert result.returncode == 19 and "has no function cuLaunchKernel" in result.stderr
    else:
        assert result.returncode == 0, result.stderr


def test_without_a_driver(library, compiler, tmp_path):
    """The library runs on the CPU, and asking for a device is one error."""
    result = run_on_device(library, tmp_path)
    if result.returncode == 0:
        pytest.skip("this machine has a CUDA driver and a device")
    assert result.returncode == 19 and len(result.stderr.splitlines()) == 1, result.stderr
    assert "libcuda.so.1: cannot open" in result.stderr
    assert run("mf-run", library, "--entry=layer", f"--input=@{tmp_path / 'x.npy'}").returncode == 0
    plain = compiler.module("cuda_layer_plain", layer_text())
    refused = run_on_device(plain, tmp_path)
    assert refused.returncode == 17 and "compile it with mf-compile --gpu-arch" in refused.stderr


def test_sessions_of_a_language_model(driver, compiler, tmp_path, monkeypatch):
    """Chunks, forks and cuts have the CPU's logits; decode steps replay one graph; caches never leave the device."""
    checkpoint, module = GOLDEN / "model" / "lm_d64_k16_t4", tmp_path / "lm.mlir"
    assert run("mf-compile", checkpoint, "--emit=mlir", "--compile-to=import", "-o", module).returncode == 0
    monkeypatch.setenv("FAKE_CUDA_KERNELS", str(build_kernels(module)))
    library = compiler.model("lm_d64_k16_t4", "--gpu-arch=sm_80")
    driver.reset()
    steps = []
    with memoryformer.load(library) as cpu, memoryformer.load(library, device="cuda:0") as gpu:
        assert cpu.generate([1, 2, 3], 12) == gpu.generate([1, 2, 3], 12)
        assert gpu.info["runtime"]["device"]["graphs"] == {"captured": 1, "replayed": 10}
        for model in (cpu, gpu):
            with model.session(max_sequences=2, max_positions=32, max_tokens_per_call=4) as session:
                first = session.add()
                logits = [session.step([(first, [1, 2, 3, 4, 5, 6], "all")])]
                second = session.fork(first, 4)
                logits.append(session.step([(first, [7]), (second, [8, 9])]))
                session.truncate(second, 0)
                logits.append(session.step([(second, [3, 4])]))
                steps.append(np.concatenate(logits))
    # The kernels of both are checked against golden's bounds elsewhere; here a wrong state would be off by far more.
    np.testing.assert_allclose(steps[1], steps[0], rtol=1e-4, atol=1e-4)
    assert driver.live == 0
