"""PyTorch under graphdl's names: the same formula can be written once and run on either."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F


def _axes(x, axis):
    return tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)


def _prod(x, axis=None, keepdims=False):
    for a in sorted(_axes(x, axis), reverse=True):
        x = x.prod(a, keepdim=keepdims)
    return x


def _deviation(function):
    def reduced(x, axis=None, keepdims=False, ddof=0):
        return function(x, dim=_axes(x, axis), keepdim=keepdims, correction=ddof)

    return reduced


def _reduction(function):
    def reduced(x, axis=None, keepdims=False):
        axes = _axes(x, axis)
        return function(x, dim=axes, keepdim=keepdims) if axes else x

    return reduced


def _split(x, sections, axis):
    return torch.split(x, x.shape[axis] // sections, axis)


def _pad(x, widths, value=0.0):
    return F.pad(x, [n for pair in reversed(widths) for n in pair], value=value)


def _cce(y, p, from_logits=False):
    if from_logits:
        return -(y * F.log_softmax(p, -1)).sum(-1)
    q = (p / p.sum(-1, keepdim=True)).clamp(1e-7, 1 - 1e-7)
    return -(y * q.log()).sum(-1)


def _bce(y, p, from_logits=False):
    if from_logits:
        y, p = torch.broadcast_tensors(y, p)
        return F.binary_cross_entropy_with_logits(p, y, reduction="none")
    q = p.clamp(1e-7, 1 - 1e-7)
    return -(y * q.log() + (1 - y) * (1 - q).log())


# PyTorch 2.13's own celu and hardsigmoid keep float32 constants in their float64 gradients.
NAMES = {
    "abs": torch.abs,
    "bce": _bce,
    "broadcast_to": torch.broadcast_to,
    "cast": lambda x, dtype: x.to(getattr(torch, dtype)),
    "cce": _cce,
    "celu": lambda x, alpha=1.0: torch.where(x > 0, x, alpha * torch.expm1(x / alpha)),
    "clip": torch.clamp,
    "concat": lambda xs, axis: torch.cat(list(xs), axis),
    "constant": lambda value, like: _constant(value, like),
    "cumsum": lambda x, axis: x.cumsum(axis),
    "elu": lambda x, alpha=1.0: F.elu(x, alpha),
    "expand_dims": torch.unsqueeze,
    "flip": lambda x, axis: x.flip(axis),
    "gather": lambda x, i, axis: _gather(x, i, axis),
    "gelu": lambda x, approximate=False: F.gelu(x, approximate="tanh" if approximate else "none"),
    "hard_sigmoid": lambda x: F.relu6(x + 3) / 6,
    "hard_tanh": F.hardtanh,
    "leaky_relu": lambda x, slope: F.leaky_relu(x, slope),
    "linear": lambda x: x,
    "log_sigmoid": F.logsigmoid,
    "log_softmax": lambda x, axis=-1: F.log_softmax(x, axis),
    "logsumexp": _reduction(torch.logsumexp),
    "max": _reduction(torch.amax),
    "mean": _reduction(torch.mean),
    "min": _reduction(torch.amin),
    "mish": F.mish,
    "mod": lambda a, b: a - b * torch.floor(a / b),
    "norm": lambda x, axis=None, keepdims=False: torch.linalg.vector_norm(x, 2, axis, keepdims),
    "one_hot": lambda i, depth, like: F.one_hot(i, depth).to(like.dtype),
    "pad": _pad,
    "power": torch.pow,
    "prod": _prod,
    "relu": F.relu,
    "relu6": F.relu6,
    "selu": F.selu,
    "silu": F.silu,
    "softmax": lambda x, axis=-1: F.softmax(x, axis),
    "softplus": lambda x: F.softplus(x, threshold=1e9),
    "softsign": F.softsign,
    "sort": lambda x, axis: torch.sort(x, axis).values,
    "split": _split,
    "stack": lambda xs, axis: torch.stack(list(xs), axis),
    "std": _deviation(torch.std),
    "stop_gradient": lambda x: x.detach(),
    "sum": lambda x, axis=None, keepdims=False: torch.sum(x, _axes(x, axis), keepdims),
    "take_along": lambda x, i, axis: torch.take_along_dim(x, i, axis),
    "tensordot": lambda a, b, axes: torch.tensordot(a, b, axes),
    "top_k": lambda x, k: torch.topk(x, k).values,
    "transpose": torch.permute,
    "var": _deviation(torch.var),
}


def _constant(value, like):
    value = np.asarray(value)
    return torch.tensor(value, dtype=like.dtype if value.dtype.kind == "f" else None)


def _gather(x, indices, axis):
    picked = torch.index_select(x, axis, indices.reshape(-1))
    return picked.reshape((*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]))


class Torch:
    """graphdl's functions, on tensors."""

    def __getattr__(self, name):
        return NAMES.get(name) or getattr(torch, name)


def gradients(function, arrays, dtype):
    """The value of a scalar function of tensors, and its gradient for each array."""
    kind = getattr(torch, dtype)
    tensors = [torch.tensor(a, dtype=kind, requires_grad=True) for a in arrays]
    value = function(Torch(), tensors)
    found = torch.autograd.grad(value, tensors, allow_unused=True)
    zeros = [np.zeros(a.shape) for a in arrays]
    return value.item(), [
        z if g is None else g.double().numpy() for g, z in zip(found, zeros, strict=True)
    ]
