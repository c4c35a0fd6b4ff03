"""TensorFlow's names for graphdl: `import graphdl.tf as tf` in place of `import tensorflow as tf`.

Names and nothing more: each stands for something of graphdl's, and an unknown one for an error that
says how graphdl writes it. Slips of the kind that slides have do what was meant, with a SlideWarning.
"""

from __future__ import annotations

from typing import Any

import graphdl as gd
from graphdl.core.errors import SlideWarning
from graphdl.core.tensor import Tensor
from graphdl.tape import GradientTape
from graphdl.tf import functions as f
from graphdl.tf import keras
from graphdl.tf.names import Names, tensors, unknown

float32, float64, int32, int64, bool = "float32", "float64", "int32", "int64", "bool"

Variable, constant, convert_to_tensor, cast = f.variable, f.constant, f.convert_to_tensor, f.cast
zeros, ones, fill, range = f.zeros, f.ones, f.fill, f.range_
zeros_like, ones_like, eye = f.zeros_like, f.ones_like, tensors(gd.eye)
stop_gradient, identity = tensors(gd.stop_gradient), f.convert_to_tensor

matmul, transpose, argmax, argmin = f.matmul, f.transpose, f.argmax, f.argmin
clip_by_value, cumsum, split = f.clip_by_value, f.cumsum, f.split
reduce_mean, reduce_sum, reduce_prod = tensors(gd.mean), tensors(gd.sum), tensors(gd.prod)
reduce_max, reduce_min = tensors(gd.max), tensors(gd.min)

# the names and the order of the arguments are the same
_SAME = (
    "abs", "add", "argsort", "concat", "cos", "divide", "einsum", "equal", "exp", "expand_dims",
    "floor", "gather", "greater", "greater_equal", "less", "less_equal", "logical_and",
    "logical_not", "logical_or", "maximum", "minimum", "multiply", "negative", "norm",
    "not_equal", "one_hot", "pad", "pow", "reshape", "round", "sigmoid", "sign", "sin", "sort",
    "sqrt", "square", "squeeze", "stack", "subtract", "tanh", "tensordot", "where",
)  # fmt: skip
globals().update({name: tensors(getattr(gd, name)) for name in _SAME})

math = Names(
    "tf.math",
    {n: globals()[n] for n in (
        *_SAME, "argmax", "argmin", "cumsum", "reduce_mean", "reduce_sum", "reduce_prod",
        "reduce_max", "reduce_min",
    )}
    | {n: tensors(getattr(gd, n)) for n in (
        "erf", "expm1", "log", "log1p", "rsqrt", "softplus", "top_k", "xlogy"
    )}
    | {"reduce_std": tensors(gd.std), "reduce_variance": tensors(gd.var),
       "reduce_logsumexp": tensors(gd.logsumexp), "is_nan": tensors(gd.isnan),
       "is_finite": tensors(gd.isfinite), "log_sigmoid": tensors(gd.log_sigmoid)},
)  # fmt: skip
nn = Names(
    "tf.nn",
    {n: tensors(getattr(gd, n)) for n in (
        "elu", "gelu", "log_softmax", "relu", "relu6", "selu", "sigmoid", "silu", "softmax",
        "softplus", "softsign", "tanh",
    )}
    | {"swish": tensors(gd.silu), "leaky_relu": f.leaky_relu,
       "softmax_cross_entropy_with_logits": f.softmax_cross_entropy_with_logits,
       "sparse_softmax_cross_entropy_with_logits": f.sparse_softmax_cross_entropy_with_logits,
       "sigmoid_cross_entropy_with_logits": f.sigmoid_cross_entropy_with_logits},
)  # fmt: skip
linalg = Names("tf.linalg", {"matmul": f.matmul, "norm": tensors(gd.norm), "eye": eye})
random = Names(
    "tf.random",
    {"normal": f.normal, "uniform": f.uniform, "truncated_normal": f.truncated_normal,
     "set_seed": f.set_seed},
)  # fmt: skip

_INSTEAD = {
    "function": "leave the decorator out: what a tape records is compiled by itself",
    "data": "arrays go straight into fit(x, y, batch_size=…), which shuffles and batches them",
    "Session": "values are computed when they are asked for; there are no sessions",
}


_OWN = ("annotations", "Any", "gd", "f", "Names", "tensors", "unknown")


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(name)
    if name in _INSTEAD:
        raise AttributeError(f"graphdl.tf has no tf.{name}: {_INSTEAD[name]}")
    raise unknown("tf", name, {n: v for n, v in globals().items() if n not in _OWN})


__all__ = [
    "GradientTape",
    "SlideWarning",
    "Tensor",
    "Variable",
    "keras",
    "linalg",
    "math",
    "nn",
    "random",
]
