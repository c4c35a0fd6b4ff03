"""Adam in PyTorch on the CPU, in either float dtype: how exact float32 can be expected to be."""

import numpy as np
import torch
from torch.nn import functional as F

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7


def adam(start, x, y, batch, rate, dtype) -> list[np.ndarray]:
    """The weights of a dense tanh network after the batches in their order."""
    kind = getattr(torch, dtype)
    weights = [torch.tensor(w, dtype=kind, requires_grad=True) for w in start]
    m, v = ([torch.zeros_like(w) for w in weights] for _ in range(2))
    x, y = torch.tensor(x, dtype=kind), torch.tensor(y)
    for t, rows in enumerate(torch.arange(len(x)).split(batch), 1):
        gradients = torch.autograd.grad(_loss(weights, x[rows], y[rows]), weights)
        scale = rate * (1 - BETA_2**t) ** 0.5 / (1 - BETA_1**t)
        with torch.no_grad():
            for w, m_, v_, g in zip(weights, m, v, gradients, strict=True):
                m_.mul_(BETA_1).add_((1 - BETA_1) * g)
                v_.mul_(BETA_2).add_((1 - BETA_2) * g * g)
                w.sub_(scale * m_ / (v_.sqrt() + EPSILON))
    return [w.detach().numpy().astype(float) for w in weights]


def _loss(weights, x, y):
    *hidden, kernel, bias = weights
    for w, b in zip(hidden[::2], hidden[1::2], strict=True):
        x = torch.tanh(x @ w + b)
    z = x @ kernel + bias
    if z.shape[1] == 1:
        return F.binary_cross_entropy_with_logits(z, y.to(z.dtype))
    return F.cross_entropy(z, y)
