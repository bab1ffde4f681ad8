"""Runs compiled models: `load` a library, `call` an entry point, or `generate` and `step` sessions of a language model.

Needs numpy only. Tensors go in as numpy arrays or as anything with `__dlpack__` (torch), without copies where they are
compact; results are numpy arrays. What a library refuses is raised as `memoryformer.Error`, with its status.

A model may be used by many threads at once; a session by one thread at a time.
"""

from __future__ import annotations

import ctypes
import json
import os
import weakref
from collections.abc import Collection, Iterator, Sequence
from ctypes import POINTER, byref, c_char_p, c_int32, c_void_p
from typing import Any

import numpy as np

from . import abi
from .abi import Error
from .callbacks import HostLoop, Listener, ParallelFor, Progress
from .feeds import Feed, StepStructs, token_tensor

__all__ = ["Error", "Feed", "Model", "Session", "library_info", "load", "verify_parameters"]


def load(
    path: str | os.PathLike[str],
    load_mode: str = "map",
    threads: int = 0,
    variant: str | None = None,
    parallel_for: ParallelFor | None = None,
    *,
    parameters: str | os.PathLike[str] | None = None,
    verify: bool = False,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Model:
    """Opens a compiled model library.

    load_mode: "map" shares the parameter file's pages between processes, "copy" reads it into huge pages.
    threads: of the model's pool, the caller included; 0: as many as the process may use.
    variant: instruction-set variant, one of info's "variants"; None: the best that this CPU runs.
    parallel_for: runs `body(begin, end, worker)` over a partition of [0, count) instead of the pool; bodies that run at
        the same time need different workers below `threads` (at least 1).
    parameters: parameter file; None: the one beside the library.
    verify: check the digest of every tensor while opening.
    device: what runs the model: "cpu"; "gpu-host", its kernels for GPUs on threads of the CPU; or "cuda:0", a CUDA
        device, where tensors of that device with `__dlpack__` (torch) are used without a copy in `Model.call`.
    progress: called with the bytes of the parameters that have arrived on a CUDA device and with all there are; what it
        raises, `load` raises once the model is open.
    """
    options = {"parameters": parameters, "verify": verify, "device": device, "progress": progress}
    return Model(path, load_mode, threads, variant, parallel_for, **options)


def library_info(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What was compiled, without opening the model."""
    return json.loads(abi.open_library(path).library_info())


def verify_parameters(library: str | os.PathLike[str], path: str | os.PathLike[str] | None = None) -> None:
    """Checks every digest of a parameter file (None: the library's own) against its header and the library."""
    api = abi.open_library(library)
    api.check(api.verify_parameters(_path_bytes(path)))


class Model:
    """An open model: immutable, shared by threads. Close it, or use it in a `with` statement."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        load_mode: str = "map",
        threads: int = 0,
        variant: str | None = None,
        parallel_for: ParallelFor | None = None,
        *,
        parameters: str | os.PathLike[str] | None = None,
        verify: bool = False,
        device: str = "cpu",
        progress: Progress | None = None,
    ) -> None:
        """As `load`."""
        if load_mode not in abi.LOAD_MODES:
            raise Error(f"load_mode must be one of {', '.join(abi.LOAD_MODES)}, found {load_mode!r}")
        self._api = abi.open_library(path)
        self._loop = HostLoop(parallel_for, threads) if parallel_for is not None else None
        listener = Listener(progress) if progress is not None else None
        options = abi.OpenOptions(
            ctypes.sizeof(abi.OpenOptions),
            _path_bytes(parameters),
            abi.LOAD_MODES[load_mode],
            threads,
            variant.encode() if variant is not None else None,
            ctypes.pointer(self._loop.struct) if self._loop else None,
            int(verify),
            device.encode(),
            ctypes.pointer(listener.struct) if listener else None,
        )
        handle = c_void_p()
        self._api.check(self._api.model_open(byref(options), byref(handle)))
        self._handle = handle
        self._close = weakref.finalize(self, self._api.model_close, handle)
        if listener and listener.error:
            self.close()
            raise listener.error
        self._compiled: dict[str, Any] = json.loads(self._api.library_info())

    def close(self) -> None:
        """Drops the model; sessions that are open go on."""
        self._close()

    def __enter__(self) -> Model:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def info(self) -> dict[str, Any]:
        """What was compiled and how it was opened."""
        text = c_char_p()
        self._check(self._api.model_info(self._open_handle(), byref(text)))
        return json.loads(text.value)

    def session(self, max_sequences: int = 1, max_tokens_per_call: int = 0, max_positions: int = 0) -> Session:
        """A session of a language model: all memory it will ever use is allocated here.

        max_tokens_per_call: longer calls run in chunks of this; 0: 2048. max_positions: 0: the model's.
        """
        return Session(self, max_sequences, max_tokens_per_call, max_positions)

    def tokens(
        self,
        prompt_ids: Sequence[int],
        max_new_tokens: int,
        *,
        temperature: float = 0.0,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int = 0,
        stop: Collection[int] = (),
    ) -> Iterator[int]:
        """Yields the continuation of a prompt token by token; ends before a token of `stop`.

        temperature 0 takes the most probable token; top_k 0 and top_p 1 sample from all of them.
        """
        prompt = np.asarray(prompt_ids, dtype=np.int64).reshape(-1)
        positions = len(prompt) + max(max_new_tokens - 1, 0)  # the last token is drawn, not fed
        limit = self._limits()["max_positions"]
        if positions > limit:
            raise Error(
                f"a prompt of {len(prompt)} tokens and {max_new_tokens} new ones need {positions} positions, "
                f"the model has {limit}"
            )
        with self.session(max_tokens_per_call=min(max(len(prompt), 1), 2048), max_positions=positions) as session:
            sequence, feed = session.add(), prompt
            for counter in range(max_new_tokens):
                if temperature == 0 and session.best:
                    token = int(session.step_top_k([Feed(sequence, feed)])[0][0, 0])
                    if token < 0:
                        raise Error("logits: expected a logit above minus infinity, found none")
                else:
                    logits = session.step([Feed(sequence, feed)])
                    token = session.sample(logits[0], temperature, top_k, top_p, seed, counter)
                if token in stop:
                    return
                yield token
                feed = np.array([token])

    def generate(
        self,
        prompt_ids: Sequence[int],
        max_new_tokens: int,
        *,
        temperature: float = 0.0,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int = 0,
        stream: Callable[[int], None] | None = None,
        stop: Collection[int] = (),
    ) -> list[int]:
        """The continuation of a prompt, as `tokens`; `stream` is called with each token when it is known."""
        sampling = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "seed": seed}
        generated = []
        for token in self.tokens(prompt_ids, max_new_tokens, **sampling, stop=stop):
            generated.append(token)
            if stream is not None:
                stream(token)
        return generated

    def call(self, entry: str, *inputs: Any, outputs: Sequence[Any] | None = None) -> list[Any]:
        """Calls an entry point; returns its outputs in operand order.

        outputs: compact tensors to write to; None: new numpy arrays, shaped by the dimensions that the inputs bind.
        """
        given = [abi.tensor(value) for value in inputs]
        if outputs is None:
            outputs = self._new_outputs(entry, given)
        written = [abi.tensor(value, output=True) for value in outputs]
        arguments = _tensor_array(given), len(given), _tensor_array(written), len(written)
        self._check(self._api.call(self._open_handle(), entry.encode(), *arguments))
        return list(outputs)

    def _new_outputs(self, entry: str, inputs: Sequence[abi.Tensor]) -> list[np.ndarray]:
        known = {item["name"]: item for item in self._compiled["entries"]}
        if entry not in known:
            raise Error(f"no entry {entry!r}; the library has {', '.join(known)}")
        operands = known[entry]["operands"]
        dims: dict[str, int] = {}
        for operand, given in zip((o for o in operands if o["role"] == "input"), inputs):
            dims.update({dim: extent for dim, extent in zip(operand["shape"], given.shape) if isinstance(dim, str)})
        shaped = [operand for operand in operands if operand["role"] == "output"]
        free = sorted({dim for operand in shaped for dim in operand["shape"] if isinstance(dim, str)} - dims.keys())
        if free:
            raise Error(f"entry {entry!r}: the inputs do not say {', '.join(free)}; pass the outputs")
        return [
            np.empty([dims.get(dim, dim) for dim in operand["shape"]], abi.numpy_dtype(operand["dtype"]))
            for operand in shaped
        ]

    def _limits(self) -> dict[str, Any]:
        limits = self._compiled.get("limits")
        if limits is None:
            raise Error("the library is no language model; use call")
        return limits

    def _open_handle(self) -> c_void_p:
        if not self._close.alive:
            raise Error("the model is closed")
        return self._handle

    def _check(self, status: int) -> None:
        self._api.check(status)
        if self._loop:
            self._loop.reraise()


class Session:
    """Sequences of one caller: added, forked and removed between steps. One thread at a time."""

    def __init__(self, model: Model, max_sequences: int, max_tokens_per_call: int, max_positions: int) -> None:
        self._model, self._api = model, model._api
        self._vocabulary = int(model._limits()["vocabulary"])
        # How many of the likeliest tokens `step_top_k` can tell; 0: it is not there.
        self.best = int(model._limits().get("best", 0)) if self._api.has("step_top_k") else 0
        size = ctypes.sizeof(abi.SessionOptions)
        options = abi.SessionOptions(size, max_sequences, max_tokens_per_call, max_positions)
        handle = c_void_p()
        model._check(self._api.session_create(model._open_handle(), byref(options), byref(handle)))
        self._handle = handle
        self._close = weakref.finalize(self, self._api.session_destroy, handle)
        self._structs = StepStructs()

    def close(self) -> None:
        """Frees the session and its sequences."""
        self._close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def add(self) -> int:
        """A new, empty sequence."""
        sequence = c_int32()
        self._check(self._api.sequence_add(self._open_handle(), byref(sequence)))
        return sequence.value

    def remove(self, sequence: int) -> None:
        """Frees a sequence."""
        self._check(self._api.sequence_remove(self._open_handle(), sequence))

    def fork(self, sequence: int, length: int = -1) -> int:
        """A new sequence that begins as a copy of the first `length` tokens (-1: all)."""
        forked = c_int32()
        self._check(self._api.sequence_fork(self._open_handle(), sequence, length, byref(forked)))
        return forked.value

    def truncate(self, sequence: int, length: int) -> None:
        """Keeps the first `length` tokens; 0 empties the sequence."""
        self._check(self._api.sequence_truncate(self._open_handle(), sequence, length))

    def length(self, sequence: int) -> int:
        """Number of tokens of a sequence."""
        length = c_int32()
        self._check(self._api.sequence_length(self._open_handle(), sequence, byref(length)))
        return length.value

    def step(self, feeds: Sequence[Feed | tuple], out: Any = None) -> Any:
        """Appends the tokens of every feed `(sequence, tokens[, logits])` to its sequence, one feed a sequence.

        Returns the logits asked for, f32 [rows, vocabulary], in the order of the feeds: one row for "last" (the
        default), one a token for "all", none for "none"; None where there are no rows. On an error nothing is appended.
        out: compact f32 [rows, vocabulary] to write to instead of a new array.
        """
        given = self._structs.take(feeds)
        if out is None and given.rows:
            out = np.empty((given.rows, self._vocabulary), np.float32)
        logits = abi.tensor(out, output=True).pointer if out is not None else None
        self._check(self._api.step(self._open_handle(), given.structs, given.count, logits))
        return out

    def step_top_k(self, feeds: Sequence[Feed | tuple], k: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Appends like `step`; returns the ids i32 [rows, k] and logits f32 [rows, k] of the likeliest tokens.

        In descending order, of equal logits the lower id first, -1 where there is none. The other logits are never
        written. k: at most `best`.
        """
        if not self.best:
            raise Error("this library cannot tell the likeliest tokens alone; use step and sample")
        given = self._structs.take(feeds)
        best = self._structs.best(given.rows, k)
        self._check(self._api.step_top_k(self._open_handle(), given.structs, given.count, *best.pointers))
        return best.copy()

    def forward(self, ids: Any, out: Any = None) -> Any:
        """Logits f32 [batch, length, vocabulary] of ids [batch, length]; uses free sequences, at least one."""
        given = token_tensor(ids)
        if out is None:
            out = np.empty((*given.shape, self._vocabulary), np.float32)
        self._check(self._api.forward(self._open_handle(), given.pointer, abi.tensor(out, output=True).pointer))
        return out

    def sample(
        self,
        logits: Any,
        temperature: float = 0.0,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int = 0,
        counter: int = 0,
    ) -> int:
        """Draws a token from logits f32 [vocabulary]; equal (logits, seed, counter) give equal tokens."""
        sampling = abi.Sampling(ctypes.sizeof(abi.Sampling), temperature, top_k, top_p, seed, counter)
        token = c_int32()
        given = abi.tensor(logits)
        self._check(self._api.sample(self._open_handle(), given.pointer, byref(sampling), byref(token)))
        return token.value

    def _open_handle(self) -> c_void_p:
        if not self._close.alive:
            raise Error("the session is closed")
        return self._handle

    def _check(self, status: int) -> None:
        self._model._check(status)


def _path_bytes(path: str | os.PathLike[str] | None) -> bytes | None:
    return os.fsencode(path) if path is not None else None


def _tensor_array(tensors: Sequence[abi.Tensor]) -> Any:
    return (POINTER(abi.DLTensor) * max(len(tensors), 1))(*(tensor.pointer for tensor in tensors))
