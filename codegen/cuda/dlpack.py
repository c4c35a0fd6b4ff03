"""DLPack: how array libraries hand memory to each other, as its header lays it out in C.

A capsule holds a structure; who takes the memory renames the capsule and calls the structure's deleter
when it is done. Both forms are known: before version 1, and the one that carries its version.
"""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

CUDA = 2  # the kind of device
VERSION = (1, 0)
KINDS = {"i": 0, "u": 1, "f": 2, "b": 6}  # of a dtype, by NumPy's letter

_int64s = ctypes.POINTER(ctypes.c_int64)
_Deleter = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class _DType(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16))


class _Tensor(ctypes.Structure):
    _fields_ = (
        ("data", ctypes.c_void_p), ("kind", ctypes.c_int32), ("number", ctypes.c_int32),
        ("axes", ctypes.c_int32), ("dtype", _DType), ("shape", _int64s), ("strides", _int64s),
        ("offset", ctypes.c_uint64),
    )  # fmt: skip


class _Plain(ctypes.Structure):
    """DLManagedTensor."""

    _fields_ = (("tensor", _Tensor), ("context", ctypes.c_void_p), ("deleter", ctypes.c_void_p))


class _Versioned(ctypes.Structure):
    """DLManagedTensorVersioned."""

    _fields_ = (
        ("major", ctypes.c_uint32), ("minor", ctypes.c_uint32), ("context", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p), ("flags", ctypes.c_uint64), ("tensor", _Tensor),
    )  # fmt: skip


_FORMS: dict[bytes, type[ctypes.Structure]] = {
    b"dltensor": _Plain,
    b"dltensor_versioned": _Versioned,
}
# a capsule knows its name by address, so these stay
_FRESH = {form: ctypes.create_string_buffer(name) for name, form in _FORMS.items()}
_TAKEN = {form: ctypes.create_string_buffer(b"used_" + name) for name, form in _FORMS.items()}


@dataclass(frozen=True)
class Block:
    """Memory in C order on a device, and what says that nobody needs it any more."""

    address: int
    shape: tuple[int, ...]
    dtype: np.dtype
    done: Callable[[], None]


# ------------------------------------------------------------------ capsules


def _python(name: str, result: Any, *takes: Any) -> Any:
    function = ctypes.PYFUNCTYPE(result, *takes)
    return function((name, ctypes.pythonapi))


_object, _text, _address = ctypes.py_object, ctypes.c_char_p, ctypes.c_void_p
_new = _python("PyCapsule_New", _object, _address, _address, _address)
_is = _python("PyCapsule_IsValid", ctypes.c_int, _object, _text)
_pointer = _python("PyCapsule_GetPointer", _address, _object, _text)
_rename = _python("PyCapsule_SetName", ctypes.c_int, _object, _address)
# of a capsule that is on its way out, and must not be given a reference again
_is_at = _python("PyCapsule_IsValid", ctypes.c_int, _address, _text)
_pointer_at = _python("PyCapsule_GetPointer", _address, _address, _text)

# ------------------------------------------------------------------ giving

_given: dict[int, tuple[ctypes.Structure, Any, Any]] = {}  # what consumers hold, by its number
_numbers = itertools.count(1)


@_Deleter
def _delete_plain(address: int) -> None:
    _given.pop(_Plain.from_address(address).context, None)


@_Deleter
def _delete_versioned(address: int) -> None:
    _given.pop(_Versioned.from_address(address).context, None)


@_Deleter
def _drop(capsule: int) -> None:
    """A capsule ends: where nobody took what it holds, that ends too."""
    for name, form in _FORMS.items():
        if _is_at(capsule, name):
            _given.pop(form.from_address(_pointer_at(capsule, name)).context, None)


def give(address: int, shape: tuple[int, ...], dtype: np.dtype, owner: Any, versioned: bool) -> Any:
    """A capsule for memory that `owner` keeps."""
    form = _Versioned if versioned else _Plain
    number, held = next(_numbers), form()
    axes, steps = (ctypes.c_int64 * len(shape))(*shape), _steps(shape)
    kind = _DType(KINDS[dtype.kind], 8 * dtype.itemsize, 1)
    strides = (ctypes.c_int64 * len(shape))(*steps)
    held.tensor = _Tensor(
        address, CUDA, 0, len(shape), kind, ctypes.cast(axes, _int64s),
        ctypes.cast(strides, _int64s), 0,
    )  # fmt: skip
    held.context = number
    held.deleter = ctypes.cast(_delete_versioned if versioned else _delete_plain, _address)
    if versioned:
        held.major, held.minor = VERSION
    _given[number] = held, owner, (axes, strides)
    name = ctypes.addressof(_FRESH[form])
    return _new(ctypes.addressof(held), name, ctypes.cast(_drop, _address))


def _steps(shape: tuple[int, ...]) -> list[int]:
    """Elements from one entry of an axis to the next, in C order."""
    return [int(np.prod(shape[k + 1 :], dtype=np.int64)) for k in range(len(shape))]


# ------------------------------------------------------------------ taking


def take(capsule: Any) -> Block:
    """The memory that a capsule holds; BufferError where it is not of the kind that programs take."""
    form, name = next(((f, n) for n, f in _FORMS.items() if _is(capsule, n)), (None, b""))
    if form is None:
        raise BufferError("the DLPack capsule was taken before, or is of an unknown form")
    held: Any = form.from_address(_pointer(capsule, name))
    tensor = held.tensor
    if form is _Versioned and held.major != VERSION[0]:
        raise BufferError(f"DLPack version {held.major}.{held.minor} is not known here")
    _require(tensor)
    shape = tuple(tensor.shape[k] for k in range(tensor.axes))
    letter = {code: letter for letter, code in KINDS.items()}[tensor.dtype.code]
    dtype = np.dtype("bool" if letter == "b" else f"{letter}{tensor.dtype.bits // 8}")
    _rename(capsule, ctypes.addressof(_TAKEN[form]))
    address = (tensor.data or 0) + tensor.offset
    return Block(address, shape, dtype, lambda: _deleted(held))


def _deleted(held: Any) -> None:
    if held.deleter:
        _Deleter(held.deleter)(ctypes.addressof(held))


def _require(tensor: _Tensor) -> None:
    """Raise where this is not numbers in C order on the first GPU."""
    if (tensor.kind, tensor.number) != (CUDA, 0):
        raise BufferError(
            f"expected an array on the first GPU, got DLPack device ({tensor.kind}, {tensor.number})"
        )
    if tensor.dtype.lanes != 1 or tensor.dtype.code not in KINDS.values():
        raise BufferError("expected an array of floats, whole numbers or truths")
    if tensor.strides:
        axes = range(tensor.axes)
        require_order([tensor.shape[k] for k in axes], [tensor.strides[k] for k in axes])


def require_order(shape: Sequence[int], strides: Sequence[float]) -> None:
    """Raise BufferError where strides, in elements, are not those of C order."""
    steps = _steps(tuple(shape))
    if 0 not in shape and any(
        n > 1 and s != wanted for n, s, wanted in zip(shape, strides, steps, strict=True)
    ):
        raise BufferError("expected an array in C order; make a contiguous copy of it")
