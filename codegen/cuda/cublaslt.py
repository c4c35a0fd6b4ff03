"""Products by cuBLASLt, through nvmath-python's bindings, which call it one to one.

cuBLASLt reads matrices column by column, and ours lie row by row: what it sees of one is the transpose.
So it is asked for outᵀ = bᵀ·aᵀ: b is its first operand, a its second.

The same bits run after run: a prepared product keeps its algorithm, all share one workspace and one
stream, and REDUCTION_SCHEME_MASK leaves no way to put parts of sums together but in the workspace, in
the type of the sums, in a step of its own; none in place, in the order in which blocks come.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from nvmath.bindings import cublas
from nvmath.bindings import cublasLt as lt

from codegen.cuda.blas import Product
from codegen.cuda.dependencies import Touched, behind
from codegen.cuda.device import DeviceError
from codegen.cuda.interface import Device, Pointer
from codegen.cuda.mirrors import allocated
from codegen.cuda.refusals import words_of_cublas

WORKSPACE = 32 << 20  # bytes; NVIDIA's own size for Hopper
ALIGNED = 256  # bytes: where an array begins can say no more to the library
DATA = {"float32": 0, "float64": 1}  # cudaDataType
ARITHMETIC = {
    "float32": cublas.ComputeType.COMPUTE_32F,
    "tf32": cublas.ComputeType.COMPUTE_32F_FAST_TF32,
    "bf16": cublas.ComputeType.COMPUTE_32F_FAST_16BF,
    "float64": cublas.ComputeType.COMPUTE_64F,
}
OPERATION, PREFERENCE = lt.MatmulDescAttribute, lt.MatmulPreferenceAttribute


def ask(doing: str, call: Callable[..., Any], *arguments: Any) -> Any:
    """What a call of the library gives; DeviceError where it refuses."""
    try:
        return call(*arguments)
    except lt.cuBLASLtError as error:
        name = cublas.Status(error.status).name
        raise DeviceError(words_of_cublas(doing, name, error.status)) from None


class CublasLt:
    """The library on a device: its handle, and the workspace that all products share."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self.handle = ask("start cuBLASLt", lt.create)
        _ends_with(self, lt.destroy, self.handle)

    @property
    def needed(self) -> int:
        return 0 if "workspace" in vars(self) else WORKSPACE

    @cached_property
    def workspace(self) -> int:
        """Where it lies; taken before anything is captured."""
        return allocated(self, self._device, WORKSPACE, "the workspace of cuBLASLt")

    def prepare(self, product: Product, a: Pointer, b: Pointer, out: Pointer) -> Multiplication:
        workspace = Pointer(self.workspace, "uint8", WORKSPACE)  # so no two products run at once
        touched = Touched((behind(a), behind(b)), (behind(out), behind(workspace)))
        return Multiplication(self, product, (b.address, a.address, out.address), touched)


class Multiplication:
    """A product with all that the library is told, to be enqueued again and again."""

    def __init__(
        self, library: CublasLt, product: Product, places: tuple[int, int, int], touched: Touched
    ) -> None:
        self.name, self.touched = str(product), touched
        self._library, self._workspace, self._places = library, library.workspace, places
        self._one, self._zero = np.ones(1, product.dtype), np.zeros(1, product.dtype)
        data, (a, b, out) = DATA[product.dtype], product.shapes
        self._layouts = [self._layout(data, *shape) for shape in (b, a, out)]
        self._operation = self._described(product, data)
        self._algorithm = self._chosen()

    def enqueue(self, stream: int) -> None:
        """Ask for the product on a stream."""
        first, second, out = self._places
        of_first, of_second, of_out = self._layouts
        ask(
            f"launch {self.name}", lt.matmul, self._library.handle, self._operation,
            self._one.ctypes.data, first, of_first, second, of_second, self._zero.ctypes.data,
            out, of_out, out, of_out, self._algorithm.ptr, self._workspace, WORKSPACE, stream,
        )  # fmt: skip

    def _layout(self, data: int, rows: int, columns: int) -> int:
        """A matrix of ours: to the library its rows are columns, one after the other."""
        doing = f"describe a matrix of {self.name}"
        made = ask(doing, lt.matrix_layout_create, data, columns, rows, columns)
        _ends_with(self, lt.matrix_layout_destroy, made)
        return made

    def _described(self, product: Product, data: int) -> int:
        """What is done: the arithmetic, and which operands lie transposed."""
        doing, compute = f"describe {self.name}", ARITHMETIC[product.arithmetic]
        made = ask(doing, lt.matmul_desc_create, compute, data)
        _ends_with(self, lt.matmul_desc_destroy, made)
        for which, transposed in ((OPERATION.TRANSA, product.tb), (OPERATION.TRANSB, product.ta)):
            value = np.int32(cublas.Operation.T if transposed else cublas.Operation.N)
            _set(doing, lt.matmul_desc_set_attribute, made, which, value)
        return made

    def _chosen(self) -> Any:
        """The algorithm that the library takes for the fastest, first in the record of it."""
        doing = f"choose how to do {self.name}"
        found, count = lt.MatmulHeuristicResult(), np.zeros(1, np.int32)
        preference = ask(doing, lt.matmul_preference_create)
        try:
            for which, value in self._preferences().items():
                _set(doing, lt.matmul_preference_set_attribute, preference, which, value)
            ask(
                doing, lt.matmul_algo_get_heuristic, self._library.handle, self._operation,
                *self._layouts, self._layouts[-1], preference, 1, found.ptr, count.ctypes.data,
            )  # fmt: skip
        finally:
            lt.matmul_preference_destroy(preference)
        if not count[0]:
            none = cublas.Status.NOT_SUPPORTED
            raise DeviceError(words_of_cublas(doing, none.name, none))
        return found

    def _preferences(self) -> dict[int, np.generic]:
        """Attributes by their numbers. C is D: the sum begins with 0·out."""
        first, second, out = map(_alignment, self._places)
        return {
            PREFERENCE.MAX_WORKSPACE_BYTES: np.uint64(WORKSPACE),
            PREFERENCE.REDUCTION_SCHEME_MASK: np.uint32(lt.ReductionScheme.COMPUTE_TYPE),
            PREFERENCE.MIN_ALIGNMENT_A_BYTES: first,
            PREFERENCE.MIN_ALIGNMENT_B_BYTES: second,
            PREFERENCE.MIN_ALIGNMENT_C_BYTES: out,
            PREFERENCE.MIN_ALIGNMENT_D_BYTES: out,
        }


def _alignment(address: int) -> np.uint32:
    """The largest power of two, up to that of a whole allocation, that divides an address."""
    return np.uint32(min(ALIGNED, address & -address))


def _set(doing: str, call: Callable[..., None], what: int, which: int, value: np.generic) -> None:
    """Tell the library the value of an attribute: it copies so many bytes."""
    held = np.array([value])
    ask(doing, call, what, which, held.ctypes.data, held.nbytes)


def _ends_with(owner: object, destroy: Callable[[int], None], what: int) -> None:
    """What the library made is given back when its owner ends."""
    weakref.finalize(owner, _quietly, destroy, what).atexit = False


def _quietly(destroy: Callable[[int], None], what: int) -> None:
    with contextlib.suppress(lt.cuBLASLtError):
        destroy(what)
