"""Kernels of GPUs on host threads: libraries with --gpu-host, kernels that were changed or written by hand, counts."""

from __future__ import annotations

from pathlib import Path

import memoryformer
import numpy as np

from harness import run

CHECKED = "gpu-host-checked"
TARGET = '#mf.gpu_target<arch = "sm_80", workgroup_bytes = 166912>'


def open_checked(library: Path, **options: object):
    """The library with its checked kernels: a call raises memoryformer.Error where one does something wrong."""
    return memoryformer.load(library, variant=CHECKED, **options)


def aligned(array: np.ndarray) -> np.ndarray:
    """A copy at a multiple of 64 bytes: as many sectors as it needs."""
    room = np.empty(array.nbytes + 64, np.uint8)
    start = -room.ctypes.data % 64
    copy = room[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def counts(model) -> dict[str, dict]:
    """What kernels did since the model was opened, by their names."""
    return {kernel["name"]: kernel for kernel in model.info["runtime"].get("gpu_host", {"kernels": []})["kernels"]}


def kernels(source: Path, arch: str = "sm_80", model: str = "") -> str:
    """The module after mf-model-pipeline, with options, and mf-gpu-pipeline, as text."""
    done = run("mf-opt", source, f"--mf-model-pipeline={model}", f"--mf-gpu-pipeline=arch={arch}")
    assert done.returncode == 0, done.stderr
    return done.stdout


def compile_kernels(folder: Path, model: str, kernels_text: str, *options: str) -> Path:
    """A library of `model` that has the kernels and launches of another module."""
    folder.mkdir(exist_ok=True)
    source, changed = folder / "model.mlir", folder / "kernels.mlir"
    source.write_text(model)
    changed.write_text(kernels_text)
    return memoryformer.compile(source, folder / "model.so", options=("--gpu-host", f"--gpu-kernels={changed}", *options))


def drop(op: str, number: int):
    """A change of kernels' text that removes an op without results: the one with this number."""

    def change(text: str) -> str:
        lines = text.split("\n")
        places = [i for i, line in enumerate(lines) if line.strip().startswith(op)]
        del lines[places[number]]
        return "\n".join(lines)

    return change


def run_changed_tile(folder: Path, layer, model_text: str, text: str, change, tokens: int, *options: str, threads: int = 0):
    """Runs a layer with the kernel of slices in `text` as `change` makes it, and checks the results; the counts."""
    begin = text.index("gpu.func @lookup_tile")
    changed = change(text[begin:])
    assert changed != text[begin:]
    library = compile_kernels(folder, model_text, text[:begin] + changed, *options)
    codes, scores = layer.inputs(tokens)
    with open_checked(library, threads=threads) as model:
        results = model.call("lookup", codes, scores)
        ((_, counted),) = counts(model).items()
    layer.check(results, codes, scores)
    return counted


class HandWritten:
    """A kernel written by hand: `inputs` are triples of name, shape and element type; `body` also sees %y, the f32 output
    of shape `output`, and has %thread, %lane and index constants %c0 to %c512."""

    def __init__(self, folder: Path, inputs, output, body: str, threads: int = 32, workgroup: int = 0, blocks: int = 1):
        inputs = [*inputs, ("like", output, "f32")]
        self.output = output
        operands = [*inputs, ("y", output, "f32")]
        self.library = compile_kernels(folder, self._model(inputs), self._kernels(operands, body, threads, workgroup, blocks))

    @staticmethod
    def _type(kind: str, shape, element: str) -> str:
        return f"{kind}<{'x'.join([*map(str, shape), element])}>"

    def _model(self, inputs) -> str:
        arguments = ", ".join(
            f'%{name}: {self._type("tensor", shape, element)} {{mf.name = "{name}"}}' for name, shape, element in inputs
        )
        kind = self._type("tensor", self.output, "f32")
        return f"func.func @kernel({arguments}) -> ({kind} {{mf.name = \"y\"}}) {{ return %like : {kind} }}\n"

    def _kernels(self, operands, body: str, threads: int, workgroup: int, blocks: int) -> str:
        memrefs = [(name, self._type("memref", shape, element)) for name, shape, element in operands]
        interface = ", ".join(
            f'<name = "{name}", role = {"output" if name == "y" else "input"}, '
            f'type = {self._type("tensor", shape, element)}, dims = [{", ".join(chr(34) * 2 for _ in shape)}]>'
            for name, shape, element in operands
        )
        reads = "\n".join(f"%{name} = mf.frame_operand %frame[{i}] : {kind}" for i, (name, kind) in enumerate(memrefs))
        arguments = ", ".join(f"%{name} : {kind}" for name, kind in memrefs)
        constants = "\n".join(f"%c{i} = arith.constant {i} : index" for i in [0, 1, 2, 4, 8, 16, 32, 64, 128, 512])
        return f"""module attributes {{gpu.container_module, mf.gpu_target = {TARGET}}} {{
  func.func @kernel(%frame: !mf.frame) attributes {{mf.entry = #mf.entry<dims = [], operands = [{interface}]>}} {{
    {reads}
    %one = arith.constant 1 : index
    %blocks = arith.constant {blocks} : index
    %threads = arith.constant {threads} : index
    %bytes = arith.constant {workgroup} : i32
    gpu.launch_func @kernels::@kernel blocks in (%blocks, %one, %one) threads in (%threads, %one, %one)
        dynamic_shared_memory_size %bytes args({arguments})
    return
  }}
  func.func @kernel.workspace(%frame: !mf.frame) -> i64 {{
    %none = arith.constant 0 : i64
    return %none : i64
  }}
  gpu.module @kernels {{
    memref.global "public" @workgroup_memory : memref<0xi8, #gpu.address_space<workgroup>> {{alignment = 128 : i64}}
    gpu.func @kernel({arguments.replace(" : ", ": ")}) kernel
        attributes {{known_block_size = array<i32: {threads}, 1, 1>}} {{
      {constants}
      %thread = gpu.thread_id x
      %lane = arith.remui %thread, %c32 : index
      %memory = memref.get_global @workgroup_memory : memref<0xi8, #gpu.address_space<workgroup>>
      {body}
      gpu.return
    }}
  }}
}}
"""

    def run(self, *inputs: np.ndarray, **options: object):
        """The output and the counts."""
        with open_checked(self.library, **options) as model:
            like, y = (aligned(np.zeros(self.output, np.float32)) for _ in range(2))
            model.call("kernel", *map(aligned, inputs), like, outputs=[y])
            return y, counts(model)["kernel"]
