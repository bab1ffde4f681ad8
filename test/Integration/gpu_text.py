"""Reads modules that mf-opt has printed in generic form: ops, regions, kernels, types."""

import re

import ml_dtypes
import numpy as np

DTYPES = {"index": np.uint64, "i64": np.uint64, "i32": np.uint32, "i16": np.uint16, "i8": np.uint8, "i1": np.bool_,
          "f32": np.float32, "f16": np.float16, "bf16": ml_dtypes.bfloat16}
OP = re.compile(r'^\s*(?:(%[\w:, ]+?) = )?"([\w.]+)"\((.*?)\)(?: <\{(.*?)\}>)?(?: (\(\{)| : (.*))?$')


class KernelError(AssertionError):
    pass


class Op:
    def __init__(self, match):
        results, self.name, operands, self.props, region, types = match.groups()
        self.result, self.operands = None, [o for o in operands.split(", ") if o]
        self.results = 0
        if results:
            name, _, count = results.partition(":")
            self.result, self.results = name, int(count or 1)
        self.props, self.types, self.regions, self.args = self.props or "", types or "", [], []
        self.has_regions = bool(region)

    @property
    def result_type(self):
        return self.types.rpartition("-> ")[2].strip("()")


def parse_block(lines, args):
    """Ops up to the end of the region; returns them and the line that ended it."""
    ops = []
    for line in lines:
        text = line.strip()
        if text.startswith("^bb0"):
            args.extend(re.findall(r"(%\w+): ", text))
            continue
        if text.startswith("}"):
            return ops, text
        match = OP.match(line)
        if not match:
            raise KernelError(f"cannot read: {text}")
        op = Op(match)
        end = "}, {" if op.has_regions else ""
        while end.startswith("}, {"):
            body, end = parse_block(lines, op.args)
            op.regions.append(body)
        if end:
            op.types = end.partition(" : ")[2]
        ops.append(op)
    raise KernelError("a region does not end")


def parse_kernels(text):
    """Name to (block size, argument names, ops) for a module in generic form."""
    kernels, lines = {}, iter(text.splitlines())
    for line in lines:
        match = re.match(r'\s*"gpu\.func"\(\) <\{.*known_block_size = array<i32: (\d+), 1, 1>', line)
        if match:
            args = []
            ops, end = parse_block(lines, args)
            kernels[re.search(r'sym_name = "(\w+)"', end).group(1)] = (int(match.group(1)), args, ops)
    return kernels


def dtype_of(text):
    """The dtype and the shape of a type as text, without memory space."""
    match = re.match(r"(?:vector|memref)<((?:[\d?]+x)*)(\w+)", text)
    if not match:
        return DTYPES[text], ()
    return DTYPES[match.group(2)], tuple(int(n) if n != "?" else -1 for n in match.group(1).split("x")[:-1])
