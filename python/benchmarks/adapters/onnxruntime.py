"""ONNX Runtime: a dense layer in f32, int8 (dynamically quantised activations) and int4 (MatMulNBits)."""

from __future__ import annotations

import numpy as np

from ..adapter import Prepared, Unavailable
from ..config import Contestant
from ..problem import Problem

try:
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper
except ImportError as error:
    raise Unavailable(f"ONNX Runtime: {error}") from error

VARIANTS = ("per_column", "per_tensor")
BLOCK = 32


def prepare(problem: Problem, contestant: Contestant) -> Prepared:
    """variant of i8: `per_column` (default) or `per_tensor` scales."""
    makers = {"f32": _float_nodes, "i8": _int8_nodes, "i4": _int4_nodes}
    if contestant.operation != "dense" or contestant.dtype not in makers:
        raise Unavailable(f"no {contestant.operation} in {contestant.dtype}")
    nodes, constants = makers[contestant.dtype](problem.weight, contestant.variant)
    graph = helper.make_graph(
        nodes,
        "dense",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["tokens", problem.width])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["tokens", problem.columns])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    session = _session(helper.make_model(graph, opset_imports=opsets, ir_version=9), problem.case.threads)
    feeds = {"x": problem.x}
    return Prepared(lambda: session.run(None, feeds)[0], problem.tokens, lambda y: {"y": y})


def _session(model: onnx.ModelProto, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _float_nodes(weight: np.ndarray, variant: str) -> tuple[list, dict]:
    return [helper.make_node("MatMul", ["x", "w"], ["y"])], {"w": np.ascontiguousarray(weight.T)}


def _int8_nodes(weight: np.ndarray, variant: str) -> tuple[list, dict]:
    """The nodes that its own quantiser writes; the runtime fuses them."""
    largest = np.abs(weight).max() if variant == "per_tensor" else np.abs(weight).max(1)
    scale = (largest / np.float32(127)).astype(np.float32)
    quantised = np.rint(weight / np.reshape(scale, (-1, 1))).astype(np.int8).T
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["xq", "x_scale", "x_zero"]),
        helper.make_node("MatMulInteger", ["xq", "w", "x_zero", "w_zero"], ["product"]),
        helper.make_node("Cast", ["product"], ["wide"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["x_scale", "w_scale"], ["scale"]),
        helper.make_node("Mul", ["wide", "scale"], ["y"]),
    ]
    zero = np.zeros(scale.shape, np.int8)
    return nodes, {"w": np.ascontiguousarray(quantised), "w_scale": scale, "w_zero": zero}


def _int4_nodes(weight: np.ndarray, variant: str) -> tuple[list, dict]:
    """Blocks of 32 features with a scale each, symmetric; accuracy level 4: int8 activations."""
    columns, width = weight.shape
    if width % BLOCK:
        raise Unavailable(f"int4 needs a multiple of {BLOCK} features, found {width}")
    blocks = weight.reshape(columns, width // BLOCK, BLOCK)
    scale = (np.abs(blocks).max(-1) / np.float32(7)).astype(np.float32)
    quantised = (np.rint(blocks / scale[..., None]) + 8).astype(np.uint8)
    packed = quantised[..., 0::2] | quantised[..., 1::2] << 4
    attributes = {"K": width, "N": columns, "bits": 4, "block_size": BLOCK, "accuracy_level": 4}
    node = helper.make_node("MatMulNBits", ["x", "w", "scale"], ["y"], domain="com.microsoft", **attributes)
    return [node], {"w": packed, "scale": scale}
