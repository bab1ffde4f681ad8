"""Entry points of modules that have passed mf-gpu-pipeline: places in one workspace, grids, launches of kernels."""

import re

import numpy as np

from gpu_kernels import Launch
from gpu_text import KernelError, dtype_of, parse_block, parse_kernels
from harness import run


class Module:
    """A module in text, compiled for `arch`; `edit` changes its kernels as text in generic form first."""

    def __init__(self, folder, text, arch="sm_80", edit=lambda text: text):
        source = folder / "module.mlir"
        source.write_text(text)
        done = run("mf-opt", source, "--mf-model-pipeline", f"--mf-gpu-pipeline=arch={arch}", "--mlir-print-op-generic")
        assert done.returncode == 0, done.stderr
        self.text = edit(done.stdout)
        self.kernels = parse_kernels(self.text)
        self.entries = {}
        lines = iter(self.text.splitlines())
        for line in lines:
            if match := re.match(r'\s*"func\.func"\(\) <\{.*sym_name = "([\w.]+)"', line):
                self.entries[match.group(1)] = parse_block(lines, [])[0]

    def run(self, name, dims, operands, parameters=()):
        """Runs an entry point's launches on arrays for its operands. Returns name of the kernel and counts of each."""
        entry = Entry(self, dims, operands, parameters)
        entry.run_block(self.entries[name])
        return entry.launches


class Entry:
    """What an entry point does on the host: places in one workspace, grids, launches."""

    def __init__(self, module, dims, operands, parameters):
        self.module, self.dims, self.operands, self.parameters = module, dims, operands, parameters
        self.env, self.launches = {}, []

    def run_block(self, ops):
        for op in ops:
            if op.name in ("func.return", "scf.yield"):
                return
            values = [self.env.get(o) for o in op.operands]
            index = re.search(r"index = (\d+)", op.props)
            result = self.evaluate(op, values, index and int(index.group(1)))
            if op.results:
                self.env[op.result] = result

    def evaluate(self, op, values, index):
        if op.name == "arith.constant":
            return int(re.search(r"value = (-?\d+)", op.props).group(1))
        if op.name in ("arith.addi", "arith.muli", "arith.andi", "arith.ceildivui", "arith.cmpi"):
            x, y = values
            return {"addi": x + y, "muli": x * y, "andi": x & y, "ceildivui": -(-x // y) if y else 0,
                    "cmpi": x < y}[op.name[6:]]
        if op.name == "mf.frame_dim":
            return self.dims[index]
        if op.name == "mf.frame_operand":
            return self.operands[index]
        if op.name == "mf.frame_parameter":
            return self.parameters[index]
        if op.name == "mf.frame_workspace":
            return np.full(values[1], 0xFF, np.uint8)
        if op.name == "memref.dim":
            return values[0].shape[values[1]]
        if op.name == "memref.view":
            dtype, shape = dtype_of(op.result_type)
            sizes = iter(values[2:])
            shape = [next(sizes) if extent < 0 else extent for extent in shape]
            size = int(np.prod(shape)) * np.dtype(dtype).itemsize
            return values[0][values[1]:values[1] + size].view(dtype).reshape(shape)
        if op.name == "scf.if":
            return self.run_block(op.regions[0 if values[0] else 1])
        if op.name == "gpu.launch_func":
            return self.launch(op, values)
        raise KernelError(f"no meaning for {op.name} on the host")

    def launch(self, op, values):
        name = re.search(r"@kernels::@(\w+)", op.props).group(1)
        grid, threads, arguments = values[:3], values[3], values[7:]
        kernel = self.module.kernels[name]
        if kernel[0] != threads:
            raise KernelError(f"{name} is launched with {threads} threads, its size is {kernel[0]}")
        counts = Launch(kernel, grid, arguments).run() if all(grid) else {}
        self.launches.append((name, counts))
