"""`Tensor`: a number or an array that a tape can follow; computed when it is asked for.

It stands between a node, which has no value, and an array, which has no history. While it is pending
it has both a node and the recording under which that node means a number. Once the number is there
(`float`, `numpy()`, `print`, an update) it lets go of the recording, so a list of a thousand losses
holds a thousand numbers and no batch of data. A node alone could not do this: nodes are interned,
and the loss of this turn of a loop and that of the last one are one node with two values.
"""

from __future__ import annotations

import contextvars
import weakref
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from graphdl.core.graph import Node

# The recording of the tape that is open here, if any: see graphdl.tape.
recording: contextvars.ContextVar[Any] = contextvars.ContextVar("recording", default=None)


class off_tape:
    """A context in which nothing is recorded: where graphdl builds graphs of its own."""

    def __enter__(self) -> None:
        self._token = recording.set(None)

    def __exit__(self, *_: object) -> None:
        recording.reset(self._token)


class Tensor:
    """An array with a history. Made by operations inside a tape, by `tape.gradient`, `tf.constant`.

    Behaves as a number or an array wherever one is expected; operators give tensors again.
    """

    __slots__ = ("__weakref__", "_array", "_home", "_node", "_record")
    __hash__ = None  # type: ignore[assignment]  (== compares values)

    if TYPE_CHECKING:  # what graphdl.ops.operators gives every tensor

        def __add__(self, other: Any) -> Tensor: ...
        def __radd__(self, other: Any) -> Tensor: ...
        def __sub__(self, other: Any) -> Tensor: ...
        def __rsub__(self, other: Any) -> Tensor: ...
        def __mul__(self, other: Any) -> Tensor: ...
        def __rmul__(self, other: Any) -> Tensor: ...
        def __truediv__(self, other: Any) -> Tensor: ...
        def __rtruediv__(self, other: Any) -> Tensor: ...
        def __pow__(self, other: Any) -> Tensor: ...
        def __rpow__(self, other: Any) -> Tensor: ...
        def __matmul__(self, other: Any) -> Tensor: ...
        def __rmatmul__(self, other: Any) -> Tensor: ...
        def __lt__(self, other: Any) -> Tensor: ...
        def __le__(self, other: Any) -> Tensor: ...
        def __gt__(self, other: Any) -> Tensor: ...
        def __ge__(self, other: Any) -> Tensor: ...
        def __neg__(self) -> Tensor: ...
        def __abs__(self) -> Tensor: ...
        def __getitem__(self, key: Any) -> Tensor: ...
        def named(self, name: str) -> Tensor: ...

    def __init__(self, array: Any = None, node: Node | None = None, record: Any = None) -> None:
        self._array: np.ndarray | None = None if array is None else _owned(array)
        self._node: Any = node
        self._record: Any = record
        self._home: weakref.ref[Any] | None = None

    # -------------------------------------------------- the value

    @property
    def array(self) -> np.ndarray:
        """The value, computed now if it is pending; not to be written to."""
        if self._array is None:
            self._record.settle()
        assert self._array is not None
        return self._array

    def settle(self, array: np.ndarray) -> None:
        """Take the value and let go of the recording."""
        array.flags.writeable = False
        self._home = self._record.home
        self._array, self._record = array, None

    @property
    def pending(self) -> Any:
        """The recording under which the value has still to be computed, else None."""
        return self._record

    def node_in(self, record: Any) -> Node | None:
        """The tensor's node where it belongs to that recording."""
        mine = self._record is record or (self._home is not None and self._home() is record)
        return self._node if mine else None

    def numpy(self) -> np.ndarray | np.generic:
        """A copy of the value; a NumPy number where there are no axes."""
        return self.array.copy()[()]

    def item(self) -> float | int | bool:
        """The value of a tensor with one element, as Python's own number."""
        return self.array.item()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.array.astype(dtype or self.array.dtype, copy=bool(copy))

    def __float__(self) -> float:
        return float(self.array.item())

    def __int__(self) -> int:
        return int(self.array.item())

    def __bool__(self) -> bool:
        return bool(self.array)

    # -------------------------------------------------- the type

    @property
    def shape(self) -> tuple[int, ...]:
        """Whole numbers, known without computing the value."""
        return self._array.shape if self._array is not None else self._record.shape(self._node)

    @property
    def dtype(self) -> str:
        """The name of the dtype, as nodes have it."""
        return self._array.dtype.name if self._array is not None else self._node.dtype

    @property
    def rank(self) -> int:
        return len(self.shape)

    ndim = rank

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a tensor without axes has no length")
        return self.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        return (self[k] for k in range(len(self)))

    # -------------------------------------------------- text

    def __repr__(self) -> str:
        return f"tensor({self.array[()]}, shape={self.shape}, dtype={self.dtype})"

    def __str__(self) -> str:
        return str(self.array[()])

    def __format__(self, spec: str) -> str:
        return format(self.array[()], spec)


def _owned(array: Any) -> np.ndarray:
    """A copy that nobody writes to."""
    mine = np.array(array, order="C")
    mine.flags.writeable = False
    return mine


def pending_together(values: Sequence[Any]) -> Any:
    """The one recording under which all the values are pending tensors, else None."""
    first = values[0]._record if isinstance(values[0], Tensor) else None
    together = all(isinstance(v, Tensor) and v._record is first for v in values)
    return first if together else None
