"""Arithmetic, roots and rounding, element by element with broadcasting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphdl.core.graph import Node, apply
from graphdl.core.notation import (
    ATOM,
    COMPARE,
    POWER,
    PRODUCT,
    SUM,
    UNARY,
    Notation,
    Written,
    function,
    infix,
    latex_function,
    latex_product,
    minus,
    plus,
    prefix,
)
from graphdl.core.op import ZERO, Inference, Op, Sample, Where
from graphdl.core.types import Type
from graphdl.ops.build import operands, public


def _broadcast(rule: Inference, *types: Type, **_: Any) -> Type:
    return Type(rule.broadcast(*[t.shape for t in types]), rule.same_dtype(*types))


def floating_type(rule: Inference, *types: Type, **_: Any) -> Type:
    kind = _broadcast(rule, *types)
    if not kind.is_float:
        raise rule.fail(f"takes floating-point values, got {kind.dtype}; use gd.cast")
    return kind


def samples(arity: int, *domain: tuple[float, float]) -> tuple[Sample, ...]:
    """Equal shapes, scalars, broadcasting, and an empty axis."""
    interval = domain[0] if len(domain) == 1 else domain
    shapes = [((),) * arity, ((4, 3),) * arity, ((0, 2),) * arity]
    if arity > 1:
        shapes += [((4, 3), (3,), (4, 1))[:arity], ((), (2, 1, 3), (4, 1))[:arity]]
    return tuple(Sample(s, domain=interval) for s in shapes)  # type: ignore[arg-type]


def elementwise(
    name: str,
    reference: Callable[..., Any],
    partials: Callable[[Node], Any],
    *,
    arity: int = 1,
    floating: bool = False,
    domain: tuple[tuple[float, float], ...] = ((-2.0, 2.0),),
    text: Notation | None = None,
    **rest: Any,
) -> Op:
    """An op that acts on each element alone."""
    return Op(
        name=name,
        infer=floating_type if floating else _broadcast,
        reference=reference,
        partials=partials,
        text=text or function(name),
        samples=samples(arity, *domain),
        **rest,
    )


def _over(name: str, args: Any, attrs: Any) -> Written:
    """a/b, and a for a/1 (the mean over an axis of length 1)"""
    return args[0] if args[1].text == "1" else infix("/", PRODUCT, UNARY)(name, args, attrs)


def _frac(_: str, args: Any, __: Any) -> Written:
    if args[1].text == "1":
        return args[0]
    return Written(rf"\frac{{{args[0].text}}}{{{args[1].text}}}", PRODUCT)


def _power(_: str, args: Any, __: Any) -> Written:
    return Written(f"{args[0].at_least(ATOM)}^{{{args[1].text}}}", POWER)


add_op = elementwise(
    "add",
    np.add,
    lambda n: [1, 1],
    arity=2,
    text=plus,
    latex=plus,
    sympy=lambda sp, a, b: a + b,
)
sub_op = elementwise(
    "sub",
    np.subtract,
    lambda n: [1, -1],
    arity=2,
    text=infix(" - ", SUM, PRODUCT),
    latex=infix(" - ", SUM, PRODUCT),
    sympy=lambda sp, a, b: a - b,
)
mul_op = elementwise(
    "mul",
    np.multiply,
    lambda n: [n.inputs[1], n.inputs[0]],
    arity=2,
    text=infix("*", PRODUCT),
    latex=latex_product,
    sympy=lambda sp, a, b: a * b,
)
div_op = elementwise(
    "div",
    np.true_divide,
    lambda n: [1 / n.inputs[1], -n / n.inputs[1]],
    arity=2,
    floating=True,
    domain=((-2.0, 2.0), (0.5, 2.0)),
    text=_over,
    latex=_frac,
    sympy=lambda sp, a, b: a / b,
)
neg_op = elementwise(
    "neg",
    np.negative,
    lambda n: [-1],
    text=minus,
    latex=minus,
    sympy=lambda sp, a: -a,
)


def _pow_partials(node: Node) -> list[Any]:
    """∂xᵖ/∂x = p·xᵖ⁻¹, 0 where p = 0; ∂xᵖ/∂p = xᵖ·log x, 0 at x = 0 where p ≥ 0."""
    x, p = node.inputs
    exponent = ZERO
    if p.op.name != "constant":
        exponent = Where(not_equal(x, 0) | (p < 0), node * _log(x))
    return [Where(not_equal(p, 0), p * x ** (p - 1)), exponent]


def _log(x: Node) -> Node:
    return apply(log_op, x)


log_op = elementwise(
    "log",
    np.log,
    lambda n: [1 / n.inputs[0]],
    floating=True,
    domain=((0.3, 3.0),),
    latex=latex_function(r"\log"),
    sympy=lambda sp, a: sp.log(a),
)
pow_op = elementwise(
    "pow",
    np.power,
    _pow_partials,
    arity=2,
    floating=True,
    domain=((0.3, 2.0), (-2.0, 2.0)),
    text=infix("**", POWER, left=ATOM),
    latex=_power,
    sympy=lambda sp, a, b: a**b,
)
square_op = elementwise(
    "square",
    np.square,
    lambda n: [2 * n.inputs[0]],
    text=lambda _, args, __: Written(f"{args[0].at_least(ATOM)}**2", POWER),
    latex=lambda _, args, __: Written(f"{args[0].at_least(ATOM)}^{{2}}", POWER),
    sympy=lambda sp, a: a**2,
)
sqrt_op = elementwise(
    "sqrt",
    np.sqrt,
    lambda n: [0.5 / n],
    floating=True,
    domain=((0.3, 3.0),),
    latex=lambda _, args, __: Written(rf"\sqrt{{{args[0].text}}}"),
    sympy=lambda sp, a: sp.sqrt(a),
)
rsqrt_op = elementwise(
    "rsqrt",
    lambda a: 1 / np.sqrt(a),
    lambda n: [-0.5 * n / n.inputs[0]],
    floating=True,
    domain=((0.3, 3.0),),
    body=lambda a: 1 / apply(sqrt_op, a),
    sympy=lambda sp, a: 1 / sp.sqrt(a),
)
abs_op = elementwise(
    "abs",
    np.abs,
    lambda n: [apply(sign_op, n.inputs[0])],
    domain=((0.2, 2.0),),
    latex=lambda _, args, __: Written(rf"\left|{args[0].text}\right|"),
    sympy=lambda sp, a: sp.Abs(a),
)
sign_op = elementwise(
    "sign", np.sign, lambda n: [ZERO], domain=((0.2, 2.0),), sympy=lambda sp, a: sp.sign(a)
)
floor_op = elementwise(
    "floor",
    np.floor,
    lambda n: [ZERO],
    floating=True,
    domain=((0.2, 0.8),),
    latex=lambda _, args, __: Written(rf"\left\lfloor {args[0].text} \right\rfloor"),
    sympy=lambda sp, a: sp.floor(a),
)
round_op = elementwise("round", np.round, lambda n: [ZERO], floating=True, domain=((0.1, 0.4),))


def _mod(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a - b * np.floor(a / b) if a.dtype.kind == "f" else np.mod(a, b)


mod_op = elementwise(
    "mod",
    _mod,
    lambda n: [1, -apply(floor_op, n.inputs[0] / n.inputs[1])],
    arity=2,
    domain=((0.1, 0.9), (1.2, 2.0)),
    sympy=lambda sp, a, b: a - b * sp.floor(a / b),
)


def _larger(a: Node, b: Node) -> Where:
    """1 where a > b, 1/2 at a tie, exactly 0 elsewhere (NaN included)."""
    return Where(apply(ge_op, a, b), _half_at_tie(a, b))


def _half_at_tie(a: Node, b: Node) -> Node:
    half, one = operands(0.5, 1.0, a)[:2]
    return apply(where_op, apply(eq_op, a, b), half, one)


maximum_op = elementwise(
    "maximum",
    np.maximum,
    lambda n: [_larger(n.inputs[0], n.inputs[1]), _larger(n.inputs[1], n.inputs[0])],
    arity=2,
    latex=latex_function(r"\max"),
    sympy=lambda sp, a, b: sp.Max(a, b),
)
minimum_op = elementwise(
    "minimum",
    np.minimum,
    lambda n: [_larger(n.inputs[1], n.inputs[0]), _larger(n.inputs[0], n.inputs[1])],
    arity=2,
    latex=latex_function(r"\min"),
    sympy=lambda sp, a, b: sp.Min(a, b),
)


def _clip_partials(node: Node) -> list[Where]:
    """1 on the closed interval [low, high], 0 outside; a bound gets what it holds back."""
    x, low, high = node.inputs
    inside = (x >= low) & (x <= high)
    return [Where(inside, 1), Where(x < low, 1), Where(x > high, 1)]


clip_op = elementwise(
    "clip",
    lambda a, low, high: np.minimum(np.maximum(a, low), high),
    _clip_partials,
    arity=3,
    domain=((-2.0, 2.0), (-1.0, -0.5), (0.5, 1.0)),
    sympy=lambda sp, a, low, high: sp.Min(sp.Max(a, low), high),
)


# ------------------------------------------------------------------ comparisons and logic


def _truth(rule: Inference, *types: Type) -> Type:
    rule.same_dtype(*types)
    return Type(rule.broadcast(*[t.shape for t in types]), "bool")


def _logic(rule: Inference, *types: Type) -> Type:
    if any(t.dtype != "bool" for t in types):
        raise rule.fail(f"takes truth values, got {' and '.join(t.dtype for t in types)}")
    return Type(rule.broadcast(*[t.shape for t in types]), "bool")


def _compare(
    name: str, reference: Callable[..., Any], sign: str, latex: str, sympy: Callable[..., Any]
) -> Op:
    return Op(
        name=name,
        infer=_truth,
        reference=reference,
        text=infix(f" {sign} ", COMPARE, SUM, SUM),
        latex=infix(f" {latex} ", COMPARE, SUM, SUM),
        sympy=sympy,
        samples=samples(2, (-2.0, 2.0)),
        why_not="a comparison has no derivative",
    )


eq_op = _compare("eq", np.equal, "==", "=", lambda sp, a, b: sp.Eq(a, b))
ne_op = _compare("ne", np.not_equal, "!=", r"\neq", lambda sp, a, b: sp.Ne(a, b))
lt_op = _compare("lt", np.less, "<", "<", lambda sp, a, b: sp.Lt(a, b))
le_op = _compare("le", np.less_equal, "<=", r"\leq", lambda sp, a, b: sp.Le(a, b))
gt_op = _compare("gt", np.greater, ">", ">", lambda sp, a, b: sp.Gt(a, b))
ge_op = _compare("ge", np.greater_equal, ">=", r"\geq", lambda sp, a, b: sp.Ge(a, b))


def _logical(
    name: str,
    reference: Callable[..., Any],
    arity: int,
    text: Notation,
    latex: Notation,
    sympy: Callable[..., Any],
) -> Op:
    bools = tuple(Sample(s.shapes, dtypes=("bool",) * arity) for s in samples(arity, (0.0, 1.0)))
    return Op(
        name=name,
        infer=_logic,
        reference=reference,
        text=text,
        latex=latex,
        sympy=sympy,
        samples=bools,
        why_not="logic has no derivative",
    )


def _logic_sign(sign: str) -> Notation:
    """a sign b, with brackets round everything but calls and names."""
    return infix(f" {sign} ", COMPARE, UNARY, UNARY)


and_op = _logical(
    "and", np.logical_and, 2, _logic_sign("&"), _logic_sign(r"\land"), lambda sp, *a: sp.And(*a)
)
or_op = _logical(
    "or", np.logical_or, 2, _logic_sign("|"), _logic_sign(r"\lor"), lambda sp, *a: sp.Or(*a)
)
xor_op = _logical(
    "xor", np.logical_xor, 2, _logic_sign("^"), _logic_sign(r"\oplus"), lambda sp, *a: sp.Xor(*a)
)
not_op = _logical("not", np.logical_not, 1, prefix("~"), prefix(r"\lnot "), lambda sp, a: sp.Not(a))


def _test(name: str, reference: Callable[..., Any], of_real: bool) -> Op:
    """A test of floating-point values; of a real number the answer is always `of_real`."""
    return Op(
        name=name,
        infer=lambda rule, a: Type(a.shape, "bool"),
        reference=reference,
        text=function(name),
        sympy=lambda sp, a: sp.true if of_real else sp.false,
        samples=samples(1, (-2.0, 2.0)),
        why_not="a test has no derivative",
    )


isnan_op = _test("isnan", np.isnan, False)
isfinite_op = _test("isfinite", np.isfinite, True)


def _where_infer(rule: Inference, c: Type, a: Type, b: Type) -> Type:
    if c.dtype != "bool":
        raise rule.fail(f"the condition is a truth value, got {c.dtype}; compare it first")
    return Type(rule.broadcast(c.shape, a.shape, b.shape), rule.same_dtype(a, b))


def _cases(_: str, args: Any, __: Any) -> Written:
    """Two cases; a value that is only masked stands behind its condition in Iverson's brackets."""
    condition, a, b = (arg.text for arg in args)
    if b == "0" and a != "1":
        return Written(rf"\left[{condition}\right] \odot {args[1].at_least(UNARY)}", PRODUCT)
    rows = rf"{a} & \text{{if }} {condition} \\ {b} & \text{{otherwise}}"
    return Written(rf"\begin{{cases}} {rows} \end{{cases}}", COMPARE)


where_op = Op(
    name="where",
    infer=_where_infer,
    reference=np.where,
    partials=lambda n: [
        None,
        Where(n.inputs[0], 1),
        Where(apply(not_op, n.inputs[0]), 1),
    ],
    text=function("where"),
    latex=_cases,
    sympy=lambda sp, c, a, b: sp.Piecewise((a, c), (b, True)),
    samples=tuple(
        Sample(s.shapes, dtypes=("bool", "float", "float")) for s in samples(3, (-2.0, 2.0))
    ),
)


# ------------------------------------------------------------------ the functions of the face


def _binary(op: Op, doc: str) -> Callable[[Any, Any], Node]:
    floating = op.infer is floating_type

    def function_(a: Any, b: Any) -> Node:
        return apply(op, *operands(a, b, floating=floating))

    function_.__name__ = function_.__qualname__ = op.name
    function_.__doc__ = doc
    return public(function_, numbers=True)


def unary(op: Op, doc: str, floating: bool = True) -> Callable[[Any], Node]:
    def function_(a: Any) -> Node:
        return apply(op, *operands(a, floating=floating))

    function_.__name__ = function_.__qualname__ = op.name
    function_.__doc__ = doc
    return public(function_)


add = _binary(add_op, "a + b")
subtract = _binary(sub_op, "a - b")
multiply = _binary(mul_op, "a · b, element by element")
divide = _binary(div_op, "a / b; IEEE: 1/0 is inf, 0/0 is nan")
equal = _binary(eq_op, "a = b, element by element")
not_equal = _binary(ne_op, "a ≠ b, element by element")
less = _binary(lt_op, "a < b")
less_equal = _binary(le_op, "a ≤ b")
greater = _binary(gt_op, "a > b")
greater_equal = _binary(ge_op, "a ≥ b")
logical_and = _binary(and_op, "a and b")
logical_or = _binary(or_op, "a or b")
logical_xor = _binary(xor_op, "either a or b")
mod = _binary(mod_op, "a - b·floor(a/b): the remainder with the sign of b")
minimum = _binary(minimum_op, "the smaller; NaN if either is; the gradient of a tie is shared")
negative = unary(neg_op, "-a", floating=False)
logical_not = unary(not_op, "not a", floating=False)
absolute = unary(abs_op, "|a|; derivative 0 at 0", floating=False)
sign = unary(sign_op, "-1, 0 or 1; NaN stays", floating=False)
square = unary(square_op, "a²", floating=False)
sqrt = unary(sqrt_op, "√a; NaN below 0")
rsqrt = unary(rsqrt_op, "1/√a")
log = unary(log_op, "natural logarithm; -inf at 0, NaN below")
floor = unary(floor_op, "the largest whole number not above a; derivative 0")
round = unary(round_op, "the nearest whole number, half to even; derivative 0")
isnan = unary(isnan_op, "True where a is not a number")
isfinite = unary(isfinite_op, "True where a is neither NaN nor infinite")


@public
def maximum(a: Any, b: Any) -> Node:
    """The larger; NaN if either is. The gradient of a tie is shared; max(a, 0) is relu."""
    from_zero = [v for v in (a, b) if not _is_zero(v)]
    if len(from_zero) == 1 and isinstance(from_zero[0], Node) and from_zero[0].type.is_float:
        return apply(relu_op, from_zero[0])
    return apply(maximum_op, *operands(a, b))


def _is_zero(value: Any) -> bool:
    if isinstance(value, Node):
        return value.op.name == "constant" and value.rank == 0 and value.attrs["value"] == 0
    return np.ndim(value) == 0 and value == 0


relu_op = elementwise(
    "relu",
    lambda a: np.where(a <= 0, a.dtype.type(0), a),
    lambda n: [Where(n > 0, 1)],
    floating=True,
    domain=((0.2, 2.0),),
    latex=latex_function(r"\operatorname{relu}"),
    sympy=lambda sp, a: sp.Piecewise((a, a > 0), (0, True)),
)


@public
def power(a: Any, b: Any) -> Node:
    """a to the power b. Whole and half exponents that are known become products and roots."""
    if not isinstance(b, Node) and np.ndim(b) == 0 and isinstance(a, Node):
        if b == 2:
            return square(a)
        if b == 1:
            return a
        if b == 0.5:
            return sqrt(a)
    return apply(pow_op, *operands(a, b, floating=True))


@public
def clip(a: Any, low: Any, high: Any) -> Node:
    """a held within [low, high]; derivative 1 on the closed interval."""
    return apply(clip_op, *operands(a, low, high))


@public
def where(condition: Any, a: Any, b: Any) -> Node:
    """a where the condition holds, b elsewhere. The branch not taken adds exactly 0 to a gradient."""
    chosen = operands(condition)[0]
    return apply(where_op, chosen, *operands(a, b))
