"""graphdl: the neural-network compiler you can read.

Write a network as mathematics, read its backpropagation, train it in compiled code. The names below
stand in the order of the way through the house: declare, differentiate, compile, train.
"""

# fmt: off
# ruff: noqa: E402, I001  (the guard comes before anything that imports codegen; the order is a story)
import importlib
from typing import TYPE_CHECKING, Any

from graphdl.guard import require_own_codegen

require_own_codegen()

from graphdl import random
from codegen.team import set_threads, threads
from graphdl.config import set_seed
from graphdl.core import errors
from graphdl.core.graph import Graph, Node
from graphdl.core.interpret import interpret
from graphdl.core.tensor import Tensor
from graphdl.core.types import floatx, set_floatx
from graphdl.ops import operators as _operators  # noqa: F401  (gives nodes their operators)
from graphdl.show import install as _install  # noqa: F401  (gives nodes and derivations their text)
from graphdl.ops.build import cast, constant, tensor, variable as Variable
from graphdl.ops.arithmetic import (
    absolute, add, clip, divide, equal, floor, greater, greater_equal, isfinite, isnan, less,
    less_equal, log, logical_and, logical_not, logical_or, logical_xor, maximum, minimum, mod,
    multiply, negative, not_equal, power, round, rsqrt, sign, sqrt, square, subtract, where,
)
from graphdl.ops.functions import (
    cos, erf, exp, expm1, log1p, relu, sigmoid, sin, softplus, tanh, xlogy,
)
from graphdl.ops.activations import (
    celu, elu, gelu, hard_sigmoid, hard_tanh, leaky_relu, log_sigmoid, mish, relu6, selu, silu,
    softsign,
)
from graphdl.ops.reduce import (
    argmax, argmin, log_softmax, logsumexp, max, mean, min, norm, prod, softmax, std, sum, var,
)
from graphdl.ops.shape import (
    broadcast_to, concat, expand_dims, flip, pad, reshape, split, squeeze, stack, transpose,
)
from graphdl.ops.index import (
    arange, argsort, cumsum, eye, gather, one_hot, ones, sort, take_along, top_k, zeros,
)
from graphdl.ops.linalg import einsum, matmul, outer, tensordot
from graphdl.ops.control import stop_gradient
from graphdl.ops.formula import elementwise
from graphdl.differentiate.chain_rule import grad
from graphdl.differentiate.forward import hessian, hvp, jacobian, jvp
from graphdl.function import Function, function
from graphdl.device import to_device
from graphdl import activations, constraints, initializers, regularizers
from graphdl import layers, losses, metrics, optimizers, callbacks, datasets
from graphdl.layers import Layer
from graphdl.layers.core import Input
from graphdl.model import Model
from graphdl.sequential import Sequential
from graphdl.files.load import load_model
from graphdl.tape import GradientTape
from graphdl.version import __version__

if TYPE_CHECKING:
    from graphdl import explorer, studies
    from graphdl.derivation.derivation import derive
    from graphdl.derivation.grade import grade
    from graphdl.derivation.worksheet import worksheet
    from graphdl.show.picture import plot_model

abs = absolute
pow = power


def __getattr__(name: str) -> Any:
    """What teaches and draws is loaded when it is asked for: most programs train and never look."""
    if name in ("explorer", "studies"):
        return importlib.import_module(f"graphdl.{name}")
    if name == "derive":
        return importlib.import_module("graphdl.derivation.derivation").derive
    if name in ("grade", "worksheet"):
        return getattr(importlib.import_module(f"graphdl.derivation.{name}"), name)
    if name == "plot_model":
        return importlib.import_module("graphdl.show.picture").plot_model
    raise AttributeError(f"module 'graphdl' has no attribute {name!r}")


__all__ = [
    "random", "set_seed", "set_threads", "threads", "errors", "Graph", "Node", "Tensor",
    "interpret", "floatx", "set_floatx",
    "cast", "constant", "tensor", "Variable", "absolute", "add", "clip", "divide", "equal",
    "floor", "greater", "greater_equal", "isfinite", "isnan", "less", "less_equal", "log",
    "logical_and", "logical_not", "logical_or", "logical_xor", "maximum", "minimum", "mod",
    "multiply", "negative", "not_equal", "power", "round", "rsqrt", "sign", "sqrt", "square",
    "subtract", "where", "cos", "erf", "exp", "expm1", "log1p", "relu", "sigmoid", "sin",
    "softplus", "tanh", "xlogy", "celu", "elu", "gelu", "hard_sigmoid", "hard_tanh",
    "leaky_relu", "log_sigmoid", "mish", "relu6", "selu", "silu", "softsign", "argmax",
    "argmin", "log_softmax", "logsumexp", "max", "mean", "min", "norm", "prod", "softmax",
    "std", "sum", "var", "broadcast_to", "concat", "expand_dims", "flip", "pad", "reshape",
    "split", "squeeze", "stack", "transpose", "arange", "argsort", "cumsum", "eye", "gather",
    "one_hot", "ones", "sort", "take_along", "top_k", "zeros", "einsum", "matmul", "outer",
    "tensordot", "stop_gradient", "elementwise", "grad", "derive", "hessian", "hvp", "jacobian",
    "jvp", "Function", "function", "to_device", "activations", "constraints", "initializers",
    "regularizers", "layers", "losses", "metrics", "optimizers", "callbacks", "datasets", "Layer",
    "Input", "Model", "Sequential", "load_model", "GradientTape", "studies", "explorer",
    "grade", "worksheet", "plot_model", "abs", "pow", "__version__",
]
