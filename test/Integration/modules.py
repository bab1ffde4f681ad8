"""Writes .mlir modules whose functions take and return tensors with named dimensions."""

from __future__ import annotations

from collections.abc import Sequence

Shape = Sequence[int | str]
"""Extents: a number, or the name of a symbolic dimension."""


def tensor_type(shape: Shape, element: str) -> str:
    extents = [str(extent) if isinstance(extent, int) else "?" for extent in shape]
    return f"tensor<{'x'.join([*extents, element])}>"


class Value:
    """An SSA value: its name, shape and element type."""

    def __init__(self, name: str, shape: Shape, element: str) -> None:
        self.name, self.shape, self.element = name, tuple(shape), element

    @property
    def type(self) -> str:
        return tensor_type(self.shape, self.element)


def _operands(*values: Value) -> str:
    return f"{', '.join(value.name for value in values)} : {', '.join(value.type for value in values)}"


class Function:
    """Builds one function; its results are named when it is printed."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.arguments: list[tuple[str, Value]] = []
        self.lines: list[str] = []
        self.dims: dict[str, str] = {}
        self.count = 0

    def argument(self, name: str, shape: Shape, element: str = "f32") -> Value:
        value = Value(f"%{name}", shape, element)
        self.arguments.append((name, value))
        for axis, extent in enumerate(shape):
            if isinstance(extent, str) and extent not in self.dims:
                self.dims[extent] = f"%dim_{extent}"
                self.lines.append(f"%axis_{extent} = arith.constant {axis} : index")
                self.lines.append(f"%dim_{extent} = tensor.dim {value.name}, %axis_{extent} : {value.type}")
        return value

    def parameter(self, symbol: str, shape: Shape, element: str = "f32") -> Value:
        value = self._new(shape, element)
        self.lines.append(f'{value.name} = mf.get_parameter @"{symbol}" : {value.type}')
        return value

    def empty(self, shape: Shape, element: str = "f32") -> Value:
        value = self._new(shape, element)
        sizes = ", ".join(self.dims[extent] for extent in shape if isinstance(extent, str))
        self.lines.append(f"{value.name} = tensor.empty({sizes}) : {value.type}")
        return value

    def hash(self, x: Value, bits: int, score: str, temperature: float = 1.0) -> tuple[Value, Value]:
        shape = (x.shape[0], x.shape[1] // bits)
        codes, scores = self.empty(shape, "i8" if bits <= 8 else "i16"), self.empty(shape)
        head = f"mf.hash {score} bits({bits})"
        if score == "probability":
            head += f" temperature({temperature:e})"
        results = self._new(codes.shape, codes.element), self._new(shape)
        self._op(head, f"ins({_operands(x)}) outs({_operands(codes, scores)})", results)
        return results

    def lookup(self, codes: Value, scores: Value, tables: Sequence[Value], biases: Sequence[Value]) -> list[Value]:
        inits = [self.empty((codes.shape[0], table.shape[2])) for table in tables]
        results = [self._new(init.shape) for init in inits]
        text = f"ins({_operands(codes, scores)}) tables({_operands(*tables)})"
        text += f" biases({_operands(*biases)})" if biases else ""
        self._op("mf.lookup", f"{text} outs({_operands(*inits)})", results)
        return results

    def row_op(
        self, op: str, *inputs: Value, attributes: str = "", shape: Shape | None = None, before: str = ""
    ) -> Value:
        """An op `op before ins(inputs) outs(empty) attributes` whose result is shaped like its first input."""
        init = self.empty(shape if shape is not None else inputs[0].shape)
        result = self._new(init.shape)
        self._op(f"{op} {before}".strip(), f"ins({_operands(*inputs)}) outs({_operands(init)}) {attributes}", [result])
        return result

    def linear_attention(
        self, q: Value, k: Value, v: Value, features: str, projection: Value | None = None, causal: bool = True,
        chunk: int = 32,
    ) -> Value:
        """`features` is the text of a feature map."""
        init = self.empty((*q.shape[:2], v.shape[2]))
        result = self._new(init.shape)
        head = f"mf.linear_attention {'causal ' if causal else ''}features({features}) chunk({chunk})"
        self._op(head, f"ins({_operands(q, k, v)}) {_projection(projection)} outs({_operands(init)})", [result])
        return result

    def recurrent_attention(
        self, tokens: Sequence[Value], state: Value, features: str, projection: Value | None = None, chunk: int = 32
    ) -> tuple[Value, Value]:
        """Result and new state for `tokens`: q, k, v, slots, positions."""
        init = self.empty((*tokens[0].shape[:2], tokens[2].shape[2]))
        results = self._new(init.shape), self._new(state.shape)
        head = f"mf.recurrent_attention features({features}) chunk({chunk})"
        self._op(
            head, f"ins({_operands(*tokens)}) {_projection(projection)} outs({_operands(init, state)})", results
        )
        return results

    def update_state(self, x: Value, slots: Value, positions: Value, state: Value, layout: str) -> Value:
        result = self._new(state.shape, state.element)
        operands = f"ins({_operands(x, slots, positions)}) outs({_operands(state)})"
        self._op(f"mf.update_state layout({layout})", operands, [result])
        return result

    def split_heads(self, x: Value, heads: int) -> Value:
        result = self._new((x.shape[0], heads, x.shape[1] // heads))
        sizes = ", ".join(str(self.dims.get(extent, extent)) for extent in result.shape)
        self.lines.append(
            f"{result.name} = tensor.expand_shape {x.name} [[0], [1, 2]] output_shape [{sizes}] : "
            f"{x.type} into {result.type}"
        )
        return result

    def join_heads(self, x: Value) -> Value:
        result = self._new((x.shape[0], x.shape[1] * x.shape[2]))
        self.lines.append(
            f"{result.name} = tensor.collapse_shape {x.name} [[0], [1, 2]] : {x.type} into {result.type}"
        )
        return result

    def text(self, **results: Value) -> str:
        """The function, returning `results` under their names."""
        arguments = ", ".join(f"{v.name}: {v.type} {_attributes(name, v)}" for name, v in self.arguments)
        types = ", ".join(f"{v.type} {_attributes(name, v)}" for name, v in results.items())
        body = "\n".join(f"    {line}" for line in [*self.lines, f"return {_operands(*results.values())}"])
        return f"  func.func @{self.name}({arguments})\n      -> ({types}) {{\n{body}\n  }}\n"

    def _op(self, head: str, rest: str, results: Sequence[Value]) -> None:
        names = ", ".join(result.name for result in results)
        types = ", ".join(result.type for result in results)
        self.lines.append(f"{names} = {head} {rest.strip()} -> {types}")

    def _new(self, shape: Shape, element: str = "f32") -> Value:
        self.count += 1
        return Value(f"%{self.count - 1}", shape, element)


def _projection(value: Value | None) -> str:
    return f"projection({_operands(value)})" if value else ""


def _attributes(name: str, value: Value) -> str:
    dims = ", ".join(f'"{extent if isinstance(extent, str) else ""}"' for extent in value.shape)
    return f'{{mf.name = "{name}", mf.dims = [{dims}]}}'


def parameter(symbol: str, shape: Shape, source: str, element: str = "f32") -> str:
    """A parameter from a source attribute."""
    return f'  mf.parameter @"{symbol}" : {tensor_type(shape, element)} from {source}\n'


def module(*parts: str) -> str:
    return "module {\n" + "".join(parts) + "}\n"


def linear_module(features: int, columns: int) -> str:
    """A dense layer of pseudo-random f32: @linear(x [rows, features]) -> y [rows, columns]."""
    return "\n".join([
        f"mf.parameter @w : tensor<{columns}x{features}xf32> from #mf.random<seed = 3, scale = 1.0 : f32>",
        f'func.func @linear(%x: tensor<?x{features}xf32> {{mf.name = "x", mf.dims = ["rows", ""]}}) -> '
        f'(tensor<?x{columns}xf32> {{mf.name = "y", mf.dims = ["rows", ""]}}) {{',
        "%c0 = arith.constant 0 : index", f"%n = tensor.dim %x, %c0 : tensor<?x{features}xf32>",
        f"%w = mf.get_parameter @w : tensor<{columns}x{features}xf32>", f"%e = tensor.empty(%n) : tensor<?x{columns}xf32>",
        f"%y = mf.linear ins(%x, %w : tensor<?x{features}xf32>, tensor<{columns}x{features}xf32>) "
        f"outs(%e : tensor<?x{columns}xf32>) -> tensor<?x{columns}xf32>", f"return %y : tensor<?x{columns}xf32>", "}"])
