"""The C interface of compiled model libraries, include/mf-c/model.h, as ctypes declarations.

`tensor` makes the `DLTensor` of a numpy array or of anything with `__dlpack__`, over the same memory.
"""

from __future__ import annotations

import ctypes
import functools
import os
from ctypes import CFUNCTYPE, POINTER, Structure, c_char_p, c_float, c_int32, c_int64, c_size_t, c_uint8, c_void_p
from ctypes import c_uint16, c_uint64
from typing import Any

import numpy as np

ABI_VERSION = 1
STATUS_NAMES = (
    "ok",
    "invalid argument",
    "out of memory",
    "i/o error",
    "bad parameters",
    "unsupported CPU",
    "limit exceeded",
    "unsupported",
    "device error",
    "no device",
)
LOAD_MODES = {"map": 0, "copy": 1}
LOGITS = {"none": 0, "last": 1, "all": 2}
CPU_DEVICE = 1


class Error(ValueError):
    """A compiled model or the compiler refused something.

    `status` is the library's status code (mf_status in mf-c/model.h), or None where no library was involved.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class DLDevice(Structure):
    _fields_ = [("device_type", c_int32), ("device_id", c_int32)]


class DLDataType(Structure):
    _fields_ = [("code", c_uint8), ("bits", c_uint8), ("lanes", c_uint16)]


class DLTensor(Structure):
    _fields_ = [
        ("data", c_void_p),
        ("device", DLDevice),
        ("ndim", c_int32),
        ("dtype", DLDataType),
        ("shape", POINTER(c_int64)),
        ("strides", POINTER(c_int64)),
        ("byte_offset", c_uint64),
    ]


LoopBody = CFUNCTYPE(None, c_void_p, c_int64, c_int64, c_int64)
ParallelForRun = CFUNCTYPE(None, c_void_p, LoopBody, c_void_p, c_int64)


class ParallelFor(Structure):
    _fields_ = [("run", ParallelForRun), ("context", c_void_p), ("max_workers", c_int32)]


ReportProgress = CFUNCTYPE(None, c_void_p, c_uint64, c_uint64)


class Progress(Structure):
    _fields_ = [("report", ReportProgress), ("context", c_void_p)]


class OpenOptions(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("parameters_path", c_char_p),
        ("load_mode", c_int32),
        ("threads", c_int32),
        ("variant", c_char_p),
        ("parallel_for", POINTER(ParallelFor)),
        ("verify", c_int32),
        ("device", c_char_p),
        ("progress", POINTER(Progress)),
    ]


class SessionOptions(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("max_sequences", c_int32),
        ("max_tokens_per_call", c_int32),
        ("max_positions", c_int32),
    ]


class Feed(Structure):
    _fields_ = [("sequence", c_int32), ("tokens", POINTER(DLTensor)), ("logits", c_int32)]


class Sampling(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("temperature", c_float),
        ("top_k", c_int32),
        ("top_p", c_float),
        ("seed", c_uint64),
        ("counter", c_uint64),
    ]


def _function(result: Any, *arguments: Any) -> Any:
    return CFUNCTYPE(result, *arguments)


_TENSORS = POINTER(POINTER(DLTensor))


class Api(Structure):
    """The table of functions; statuses are c_int32."""

    _fields_ = [
        ("size", c_size_t),
        ("abi_version", c_int32),
        ("last_error", _function(c_char_p)),
        ("model_open", _function(c_int32, POINTER(OpenOptions), POINTER(c_void_p))),
        ("model_close", _function(None, c_void_p)),
        ("model_info", _function(c_int32, c_void_p, POINTER(c_char_p))),
        ("library_info", _function(c_char_p)),
        ("verify_parameters", _function(c_int32, c_char_p)),
        ("session_create", _function(c_int32, c_void_p, POINTER(SessionOptions), POINTER(c_void_p))),
        ("session_destroy", _function(None, c_void_p)),
        ("sequence_add", _function(c_int32, c_void_p, POINTER(c_int32))),
        ("sequence_remove", _function(c_int32, c_void_p, c_int32)),
        ("sequence_fork", _function(c_int32, c_void_p, c_int32, c_int32, POINTER(c_int32))),
        ("sequence_truncate", _function(c_int32, c_void_p, c_int32, c_int32)),
        ("sequence_length", _function(c_int32, c_void_p, c_int32, POINTER(c_int32))),
        ("step", _function(c_int32, c_void_p, POINTER(Feed), c_int32, POINTER(DLTensor))),
        ("forward", _function(c_int32, c_void_p, POINTER(DLTensor), POINTER(DLTensor))),
        ("sample", _function(c_int32, c_void_p, POINTER(DLTensor), POINTER(Sampling), POINTER(c_int32))),
        ("call", _function(c_int32, c_void_p, c_char_p, _TENSORS, c_int32, _TENSORS, c_int32)),
        ("step_top_k", _function(c_int32, c_void_p, POINTER(Feed), c_int32, POINTER(DLTensor), POINTER(DLTensor))),
    ]

    def has(self, member: str) -> bool:
        """Whether the library's table goes as far as this member: an older one may not."""
        field = getattr(Api, member)
        return self.size >= field.offset + field.size

    def check(self, status: int) -> None:
        """Raises the calling thread's last error unless the status is MF_OK."""
        if status != 0:
            raise Error(self.last_error().decode(errors="replace"), status)


def open_library(path: str | os.PathLike[str]) -> Api:
    """The functions of a model library. Libraries stay loaded until the process ends."""
    file = os.path.abspath(path)
    if not os.path.exists(file):
        raise Error(f"{file}: no such model library")
    try:
        library = ctypes.CDLL(file)
    except OSError as error:
        raise Error(f"cannot load the model library: {error}") from error
    try:
        entry = library.mf_model_api
    except AttributeError:
        raise Error(f"{file}: not a compiled model: it exports no mf_model_api") from None
    entry.argtypes, entry.restype = [c_int32], POINTER(Api)
    table = entry(ABI_VERSION)
    if not table:
        raise Error(f"{file}: the library does not serve version {ABI_VERSION} of the interface")
    if table.contents.size < ctypes.sizeof(Api):
        raise Error(f"{file}: the library's table has {table.contents.size} bytes, {ctypes.sizeof(Api)} are needed")
    return table.contents


# --- Tensors ---------------------------------------------------------------------------------------------------------

_CPU = DLDevice(CPU_DEVICE, 0)
_KIND_CODES = {"i": 0, "u": 1, "f": 2}
_NUMPY_DTYPES = {f"f{8 * size}": np.dtype(f"f{size}") for size in (2, 4, 8)}
_NUMPY_DTYPES.update({f"{kind}{8 * size}": np.dtype(f"{kind}{size}") for kind in "iu" for size in (1, 2, 4, 8)})

_capsule_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_capsule_pointer.argtypes, _capsule_pointer.restype = [ctypes.py_object, c_char_p], c_void_p


class Tensor:
    """A `DLTensor` over memory of others: `struct`, passed by `pointer`. Both keep the memory alive."""

    def __init__(self, struct: DLTensor, *owners: object) -> None:
        struct.owners = owners  # a pointer refers to the struct's object
        self.struct = struct

    @property
    def pointer(self) -> Any:
        return ctypes.pointer(self.struct)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.struct.shape[: self.struct.ndim])


def numpy_dtype(name: str) -> np.dtype:
    """The numpy type of a dtype's name in info: f32, i8, ..."""
    if name not in _NUMPY_DTYPES:
        raise Error(f"numpy has no type for {name}; pass the outputs as tensors that have __dlpack__")
    return _NUMPY_DTYPES[name]


def tensor(value: object, *, output: bool = False) -> Tensor:
    """A numpy array, a tensor with `__dlpack__` (torch), or numbers, as a `DLTensor` over the same memory.

    Inputs that are not compact are copied; outputs must be compact, writable tensors.
    """
    if isinstance(value, np.ndarray) or not hasattr(value, "__dlpack__"):
        return _numpy_tensor(value, output)
    if hasattr(value, "detach"):  # torch exports no tensor that records gradients
        value = value.detach()
    if not output and hasattr(value, "contiguous"):
        value = value.contiguous()
    capsule = value.__dlpack__()
    address = _capsule_pointer(capsule, b"dltensor")
    # The capsule is never consumed, so its destructor frees the managed tensor that begins with this struct.
    return Tensor(DLTensor.from_address(address), capsule, value)


def _numpy_tensor(value: object, output: bool) -> Tensor:
    if output and not isinstance(value, np.ndarray):
        raise Error(f"outputs must be numpy arrays or have __dlpack__, found {type(value).__name__}")
    array = value if output else np.asarray(value, order="C")
    if output and not (array.flags.c_contiguous and array.flags.writeable):
        raise Error("outputs must be C-contiguous and writable")
    shape = (c_int64 * max(array.ndim, 1))(*array.shape)
    address = array.__array_interface__["data"][0]  # `ctypes.data` builds an object for it: decode feels that
    struct = DLTensor(address, _CPU, array.ndim, _numpy_code(array.dtype), shape, None, 0)
    return Tensor(struct, array, shape)


@functools.cache
def _numpy_code(dtype: np.dtype) -> DLDataType:
    if dtype.name == "bfloat16":  # of ml_dtypes
        return DLDataType(4, 16, 1)
    if dtype.kind not in _KIND_CODES or not dtype.isnative:
        raise Error(f"tensors of {dtype} cannot be passed; expected native floats or integers")
    return DLDataType(_KIND_CODES[dtype.kind], 8 * dtype.itemsize, 1)
