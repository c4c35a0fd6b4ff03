"""From what a user passes (nodes, numbers, arrays) to nodes, and back to numbers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphdl.core.errors import DTypeError, ShapeError
from graphdl.core.graph import Node, Variable, apply, leaf
from graphdl.core.interpret import interpret
from graphdl.core.notation import COMPARE, PRODUCT, Written, plain
from graphdl.core.op import Inference, Op, Sample
from graphdl.core.tensor import Tensor, recording
from graphdl.core.types import FLOATS, Type, as_shape, dtype_name, floatx


def _number(value: np.ndarray) -> str:
    """The shortest text that stands for the number in its own dtype: 0.1, 2, 1e-07."""
    return str(value[()]).removesuffix(".0")


def _signed(text: str) -> Written:
    return Written(text, PRODUCT) if text.startswith("-") else Written(text)


def _constant_text(_: str, __: Sequence[Written], attrs: Any) -> Written:
    value = attrs["value"]
    if value.ndim == 0:
        return _signed(_number(value))
    inner = np.array2string(value, separator=", ", threshold=6, edgeitems=2)
    return Written(" ".join(inner.split()))


def _constant_latex(_: str, __: Sequence[Written], attrs: Any) -> Written:
    """Like the text, with powers of ten as such."""
    if attrs["value"].ndim:
        return Written(rf"\left{_constant_text(_, __, attrs).text[:-1]}\right]")
    mantissa, exponential, exponent = _number(attrs["value"]).partition("e")
    if exponential:
        factor = "" if mantissa == "1" else rf"{mantissa} \cdot "
        return Written(rf"{factor}10^{{{int(exponent)}}}", PRODUCT)
    words = {"inf": r"\infty", "-inf": r"-\infty", "nan": r"\mathrm{NaN}"}
    return _signed(words.get(mantissa, mantissa))


constant_op = Op(
    name="constant",
    infer=lambda rule, value: Type(value.shape, value.dtype.name),
    reference=lambda value: value,
    vjp=lambda node, ct: (),
    text=_constant_text,
    latex=_constant_latex,
)

tensor_op = Op(
    name="tensor",
    infer=lambda rule, **attrs: attrs["type"],
    reference=lambda **_: None,
    vjp=lambda node, ct: (),
    text=lambda _, __, attrs: Written(plain(attrs["name"])),
)

variable_op = Op(
    name="variable",
    infer=lambda rule, **attrs: attrs["type"],
    reference=lambda **_: None,
    vjp=lambda node, ct: (),
    text=lambda _, __, attrs: Written(plain(attrs["name"])),
)


def constant(value: Any, dtype: str | None = None) -> Node:
    """A node that holds a number or an array (copied)."""
    if isinstance(value, Node):
        return value
    array = np.array(value, order="C")
    if array.dtype.kind not in "fiub":
        raise DTypeError(f"a constant holds numbers, got {type(value).__name__} {value!r:.60}")
    array = array.astype(dtype_name(dtype or _natural(value, array)), order="C", copy=False)
    array.flags.writeable = False
    return apply(constant_op, value=array)


def _natural(value: Any, array: np.ndarray) -> str:
    """The dtype of a value that comes without one: floats become floatx, others stay."""
    if array.dtype.kind == "f":
        return floatx()
    return "bool" if array.dtype.kind == "b" else "int32" if array.dtype == np.int32 else "int64"


def tensor(name: str, shape: Any = (), dtype: str | None = None) -> Node:
    """A free symbol: an input that a compiled function is called with.

    `shape` lists whole numbers and names; the same name is the same size everywhere.
    """
    if not isinstance(name, str) or not name:
        raise ShapeError(f"a tensor needs a name (a string), got {name!r}")
    kind = Type(as_shape(shape), dtype_name(dtype))
    return leaf(Node, tensor_op, kind, name=name)


def variable(
    value: Any,
    name: str = "variable",
    dtype: str | None = None,
    constraint: Callable[[Node], Node] | None = None,
    *,
    trainable: bool = True,
) -> Variable:
    """A node that holds a value of its own, which updates may change.

    Floats become floatx unless `dtype` says otherwise; whole numbers and booleans keep their kind.
    An optimizer brings each new value to the constraint (`gd.constraints`).
    """
    if isinstance(value, Node):
        raise DTypeError("a Variable starts from numbers, not from a node")
    array = np.array(value, order="C")
    if array.dtype.kind not in "fiub":
        raise DTypeError(f"a Variable holds numbers, got {type(value).__name__}")
    array = array.astype(dtype_name(dtype or _natural(value, array)), order="C")
    node = leaf(Variable, variable_op, Type(array.shape, array.dtype.name), name=str(name))
    slots = {
        "storage": array,
        "constraint": constraint,
        "trainable": bool(trainable),
        "changes": [0],
    }
    for slot, content in slots.items():
        object.__setattr__(node, slot, content)
    return node  # type: ignore[return-value]


def is_one(node: Node | None) -> bool:
    """Is it 1 everywhere, repeated or not?"""
    while node is not None and node.op.name in ("broadcast_to", "reshape"):
        node = node.inputs[0]
    return (
        node is not None and node.op.name == "constant" and bool((node.attrs["value"] == 1).all())
    )


def operands(*values: Any, floating: bool = False) -> list[Node]:
    """Values as nodes of one dtype: numbers and arrays take that of the nodes among them."""
    if all(isinstance(v, Node) and v.type.dtype in FLOATS for v in values):
        return list(values)  # two float dtypes: the op's type rule names both
    strong = [v.dtype for v in values if isinstance(v, Node)]
    floats = [d for d in strong if d in FLOATS]
    dtype = floats[0] if floats else strong[0] if strong else None
    if dtype is None or (dtype not in FLOATS and _needs_float(values, floating)):
        dtype = _weak_dtype(values, floating)
    return [_operand(v, dtype) for v in values]


def _needs_float(values: Sequence[Any], floating: bool) -> bool:
    return floating or any(
        not isinstance(v, Node) and np.asarray(v).dtype.kind == "f" for v in values
    )


def _weak_dtype(values: Sequence[Any], floating: bool) -> str:
    arrays = [np.asarray(v) for v in values if not isinstance(v, Node)]
    if floating or any(a.dtype.kind == "f" for a in arrays):
        return floatx()
    kinds = np.result_type(*arrays).name if arrays else floatx()
    return kinds if kinds in ("bool", "int32") else "int64"


def _operand(value: Any, dtype: str) -> Node:
    if not isinstance(value, Node):
        return constant(value, dtype)
    if value.dtype == dtype or value.dtype in FLOATS:
        return value
    return cast(value, dtype)


def _cast_latex(_: str, args: Sequence[Written], __: Any) -> Written:
    """The value itself; a condition as 1 or 0 in Iverson's brackets."""
    condition = args[0].strength == COMPARE
    return Written(rf"\left[{args[0].text}\right]") if condition else args[0]


cast_op = Op(
    name="cast",
    infer=lambda rule, a, dtype: Type(a.shape, dtype),
    reference=lambda a, dtype: a.astype(dtype),
    partials=lambda node: [1 if node.type.is_float and node.inputs[0].type.is_float else None],
    text=lambda _, args, attrs: Written(f"{attrs['dtype']}({args[0].text})"),
    latex=_cast_latex,
    samples=(
        Sample(((4, 3),), {"dtype": "float64"}),
        Sample(((4, 3),), {"dtype": "int64"}),
        Sample(((2, 3),), {"dtype": "bool"}),
        Sample(((3,),), {"dtype": "float64"}, dtypes=("bool",)),
        Sample(((),), {"dtype": "float32"}, dtypes=("int64",)),
    ),
    why_not="it turns the value into a whole number or a truth value",
)


def _same_type(rule: Inference, a: Type, **_: Any) -> Type:
    return a


named_op = Op(
    name="named",
    infer=_same_type,
    reference=lambda a, name: a,
    vjp=lambda node, ct: [ct],
    text=lambda _, __, attrs: Written(plain(attrs["name"])),
    moves=True,
    samples=(Sample(((4, 3),), {"name": "z"}), Sample(((),), {"name": "ŷ"})),
)


def label(node: Node, name: str) -> Node:
    """The same value under a name: printing and derivations stop there."""
    if not isinstance(name, str) or not name:
        raise ShapeError(f"a name is a string, got {name!r}")
    return apply(named_op, node, name=name)


def public(function: Callable[..., Any], numbers: bool = False) -> Callable[..., Any]:
    """Nodes in, a node out; numbers in, numbers out, computed at once by the interpreter.

    Inside a tape variables, tensors and arrays are recorded and a tensor comes out. `numbers` says
    that the function's numbers are operands: the tape then takes them for arguments, not structure.
    """

    @functools.wraps(function)
    def either(*args: Any, **kwargs: Any) -> Any:
        found = kinds(args) | (kinds(kwargs.values()) if kwargs else 0)
        tape = recording.get()
        if tape is not None and (found & TENSOR or not found & SYMBOLIC):
            return tape.apply(function, args, kwargs, numbers)
        if found & SYMBOLIC or found == VARIABLE:
            return function(*args, **kwargs)
        args = tuple(_eager(a) for a in args)
        result = _numbers(function(*args, **{k: _eager(v) for k, v in kwargs.items()}))
        return _tensors(result) if found & TENSOR else result

    return either


SYMBOLIC, VARIABLE, TENSOR = 1, 2, 4


def kinds(values: Any) -> int:
    """What there is among values: nodes that are no variables, variables, tensors."""
    found = 0
    for v in values:
        if isinstance(v, Node):
            found |= VARIABLE if isinstance(v, Variable) else SYMBOLIC
        elif isinstance(v, Tensor):
            found |= TENSOR
        elif isinstance(v, (list, tuple)):
            found |= kinds(v)
    return found


def _eager(value: Any) -> Any:
    """Arrays keep their float dtype; bare numbers and lists become floatx constants."""
    if isinstance(value, (list, tuple)) and any(isinstance(v, (np.ndarray, Tensor)) for v in value):
        return type(value)(map(_eager, value))
    if isinstance(value, Tensor):
        return constant(value.array, value.dtype)
    if isinstance(value, (np.ndarray, np.generic)):
        return constant(value, value.dtype.name if value.dtype.name in FLOATS else None)
    return value


def _tensors(result: Any) -> Any:
    if isinstance(result, (list, tuple)):
        return type(result)(map(_tensors, result))
    return Tensor(result) if isinstance(result, (np.ndarray, np.generic)) else result


def _numbers(result: Any) -> Any:
    if isinstance(result, (list, tuple)):
        return type(result)(map(_numbers, result))
    if not isinstance(result, Node):
        return result
    return interpret([result], {})[0][()]


@public
def cast(value: Any, dtype: str) -> Node:
    """The value in another dtype; a float becomes whole by dropping its fraction."""
    node, target = constant(value), dtype_name(dtype)
    return node if node.dtype == target else apply(cast_op, node, dtype=target)


def like(node: Node, number: float) -> Node:
    """A scalar constant of the node's dtype."""
    return constant(number, node.dtype)
