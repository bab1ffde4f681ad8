# lit configuration of test/: every file with a RUN line, apart from Inputs directories, data, and what other runners run:
# Unit (GoogleTest) and Integration (pytest).
import os
import platform
import shutil

import lit.formats

config.name = "MF"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test", ".c", ".py"]
config.excludes = ["Inputs", "Integration", "Unit", "golden", "models", "lit.cfg.py", "lit.site.cfg.py"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.mf_binary_dir, "test")

# mf-opt, mf-compile, ... and FileCheck, not, split-file, llc, ... are found by name.
config.environment["PATH"] = os.pathsep.join(
    [config.mf_tools_dir, config.llvm_tools_dir, config.environment.get("PATH", "")]
)
for name in ["CUDA_HOME", "CUDA_ROOT", "CUDA_PATH", "MF_NUM_THREADS", "XDG_CACHE_HOME"]:
    if name in os.environ:
        config.environment[name] = os.environ[name]

config.substitutions += [
    ("%python", config.python_executable),
    ("%mf_source_dir", config.mf_source_dir),
    ("%golden", os.path.join(config.test_source_root, "golden")),
]


def cpu_flags():
    """The words of the first `flags` or `Features` line of /proc/cpuinfo."""
    try:
        with open("/proc/cpuinfo") as cpuinfo:
            for line in cpuinfo:
                key, _, value = line.partition(":")
                if key.strip() in ("flags", "Features"):
                    return set(value.split())
    except OSError:
        pass
    return set()


def find_ptxas():
    """The path of ptxas, from PATH or from where CUDA is said or known to be."""
    roots = [os.environ.get(name) for name in ("CUDA_ROOT", "CUDA_HOME", "CUDA_PATH")] + ["/usr/local/cuda"]
    places = [os.path.join(root, "bin") for root in roots if root]
    return shutil.which("ptxas", path=os.pathsep.join([config.environment["PATH"]] + places))


# Features: the host's architecture (x86_64, aarch64), its vector extensions, and tools that some tests need.
config.available_features.add({"AMD64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine()))
flags = cpu_flags()
for feature, needed in {
    "avx2": {"avx2", "fma"},
    "avx512": {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"},
    "avx512vnni": {"avx512_vnni"},
    "avx512bf16": {"avx512_bf16"},
}.items():
    if needed <= flags:
        config.available_features.add(feature)
for tool in ["qemu-aarch64", "aarch64-linux-gnu-gcc", "gcc"]:
    if shutil.which(tool, path=config.environment["PATH"]):
        config.available_features.add(tool)
ptxas = find_ptxas()
if ptxas:
    config.available_features.add("ptxas")
    config.substitutions.append(("%ptxas", ptxas))
