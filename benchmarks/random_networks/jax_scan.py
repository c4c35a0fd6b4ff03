"""JAX: a whole epoch in one `jit` over `lax.scan`, with donated state.

NumPy shuffles: `jax.random.permutation` sorts, which takes sixty times as long for 8192 rows.
Each loss takes what comes before the last activation, and so the form of it that costs least.
"""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax, nn

from benchmarks.random_networks.draw import MOMENTUM, Data, Network

VERSION = f"jax {jax.__version__}"
EPSILON = 1e-7


def prepare(network: Network, data: Data) -> "JaxScan":
    return JaxScan(network, data)


class JaxScan:
    def __init__(self, network: Network, data: Data):
        self.network, self.rng = network, np.random.default_rng(0)
        parameters = list(map(jnp.asarray, data.parameters))
        starts = OPTIMIZERS[network.optimizer][0]
        slots = [tuple(jnp.full_like(w, start) for start in starts) for w in parameters]
        self.state = parameters, slots, jnp.zeros((), jnp.float32), jnp.ones((), jnp.float32)
        self.x, self.y = jnp.asarray(data.x), jnp.asarray(data.y)
        self.epoch = jax.jit(partial(_epoch, network), donate_argnums=0)
        self.mean = jax.jit(partial(_mean_over_batches, network))

    def train(self, epochs: int) -> int:
        for _ in range(epochs):
            order = self.rng.permutation(self.network.rows).astype(np.int32)
            batches = order.reshape(self.network.steps, self.network.batch)
            self.state, loss = self.epoch(self.state, batches, self.x, self.y)
        loss.block_until_ready()
        return epochs * self.network.steps

    def loss(self) -> float:
        """Over all rows, batch by batch: some losses are no mean over rows."""
        return float(self.mean(self.state[0], self.x, self.y))


def _epoch(network: Network, state, batches, x, y):
    def step(state, rows):
        batch_loss = partial(_loss, network, x=x[rows], y=y[rows])
        loss, gradients = jax.value_and_grad(batch_loss)(state[0])
        return _updated(network, state, gradients), loss

    state, losses = lax.scan(step, state, batches)
    return state, losses.mean()


def _mean_over_batches(network: Network, parameters, x, y):
    def batches(a):
        return a.reshape(network.steps, network.batch, *a.shape[1:])

    return lax.map(lambda b: _loss(network, parameters, *b), (batches(x), batches(y))).mean()


def _loss(network: Network, parameters, x, y):
    *hidden, last = zip(parameters[::2], parameters[1::2], strict=True)
    activation = ACTIVATIONS[network.activation]
    for kernel, bias in hidden:
        x = activation(x @ kernel + bias)
    z = x @ last[0] + last[1]
    return jnp.mean(LOSSES[network.loss](y, z))


# -------------------------------------------------- activations


def _sparsemax(z):
    falling = -jnp.sort(-z, axis=-1)
    sums, counts = jnp.cumsum(falling, -1), jnp.arange(1, z.shape[-1] + 1, dtype=z.dtype)
    support = jnp.sum(1 + counts * falling > sums, -1, keepdims=True)
    tau = (jnp.take_along_axis(sums, support - 1, -1) - 1) / support.astype(z.dtype)
    return nn.relu(z - tau)


ACTIVATIONS = {
    "celu": nn.celu,
    "elu": nn.elu,
    "exponential": jnp.exp,
    "gelu": partial(nn.gelu, approximate=False),
    "glu": nn.glu,
    "hard_shrink": lambda z: jnp.where(jnp.abs(z) > 0.5, z, 0),
    "hard_sigmoid": nn.hard_sigmoid,
    "hard_silu": nn.hard_silu,
    "hard_tanh": nn.hard_tanh,
    "leaky_relu": partial(nn.leaky_relu, negative_slope=0.2),
    "linear": lambda z: z,
    "log_sigmoid": nn.log_sigmoid,
    "log_softmax": nn.log_softmax,
    "mish": nn.mish,
    "relu": nn.relu,
    "relu6": nn.relu6,
    "selu": nn.selu,
    "sigmoid": nn.sigmoid,
    "silu": nn.silu,
    "soft_shrink": lambda z: jnp.where(jnp.abs(z) > 0.5, z - 0.5 * jnp.sign(z), 0),
    "softmax": nn.softmax,
    "softplus": nn.softplus,
    "softsign": nn.soft_sign,
    "sparse_plus": nn.sparse_plus,
    "sparse_sigmoid": nn.sparse_sigmoid,
    "sparsemax": _sparsemax,
    "squareplus": nn.squareplus,
    "tanh": jnp.tanh,
    "tanh_shrink": lambda z: z - jnp.tanh(z),
    "threshold": lambda z: jnp.where(z > 0.1, z, 0),
}


# -------------------------------------------------- losses, from what the last product gives


def _direction(a):
    square = jnp.sum(a * a, -1, keepdims=True)
    return a * lax.rsqrt(jnp.maximum(square, EPSILON**2))


def _bce(y, z):
    return nn.softplus(z) - y * z


def _focal(y, z):
    doubt = y * nn.sigmoid(-z) + (1 - y) * nn.sigmoid(z)
    return doubt**2 * _bce(y, z)


def _cce(y, z):
    return -jnp.sum(y * nn.log_softmax(z), -1)


def _sparse_cce(y, z):
    true = jnp.take_along_axis(z, y[:, None], axis=-1)[:, 0]
    return nn.logsumexp(z, axis=-1) - true


def _focal_cce(y, z):
    log_share = nn.log_softmax(z)
    return -0.25 * jnp.sum((1 - jnp.exp(log_share)) ** 2 * y * log_share, -1)


def _kld(y, z):
    y = jnp.clip(y, EPSILON, 1)
    return jnp.sum(y * (jnp.log(y) - nn.log_softmax(z)), -1)


def _categorical_hinge(y, z):
    p = nn.softmax(z)
    return nn.relu(jnp.max((1 - y) * p, -1) - jnp.sum(y * p, -1) + 1)


def _dice(y, z):
    p = nn.sigmoid(z)
    return 1 - 2 * jnp.sum(y * p) / (jnp.sum(y) + jnp.sum(p) + EPSILON)


def _tversky(y, z):
    p = nn.sigmoid(z)
    common, missed, wrong = jnp.sum(y * p), jnp.sum(y * (1 - p)), jnp.sum(p * (1 - y))
    return 1 - common / (common + 0.5 * missed + 0.5 * wrong + EPSILON)


def _huber(y, z):
    size = jnp.abs(z - y)
    return jnp.where(size <= 1, 0.5 * size * size, size - 0.5)


def _msle(y, z):
    return (jnp.log1p(nn.softplus(z)) - jnp.log1p(y)) ** 2


def _poisson(y, z):
    p = nn.softplus(z)
    return p - y * jnp.log(p + EPSILON)


LOSSES = {
    "mean_squared_error": lambda y, z: (z - y) ** 2,
    "mean_absolute_error": lambda y, z: jnp.abs(z - y),
    "mean_absolute_percentage_error": lambda y, z: 100 * jnp.abs(z - y) / jnp.abs(y),
    "mean_squared_logarithmic_error": _msle,
    "huber": _huber,
    "log_cosh": lambda y, z: z - y + nn.softplus(-2 * (z - y)) - math.log(2),
    "cosine_similarity": lambda y, z: -jnp.sum(_direction(y) * _direction(z), -1),
    "poisson": _poisson,
    "hinge": lambda y, z: nn.relu(1 - y * z),
    "squared_hinge": lambda y, z: nn.relu(1 - y * z) ** 2,
    "binary_crossentropy": _bce,
    "binary_focal_crossentropy": _focal,
    "dice": _dice,
    "tversky": _tversky,
    "categorical_hinge": _categorical_hinge,
    "kl_divergence": _kld,
    "categorical_crossentropy": _cce,
    "categorical_focal_crossentropy": _focal_cce,
    "sparse_categorical_crossentropy": _sparse_cce,
}


# -------------------------------------------------- optimizers: (w, g, slots, rate, t, Π) -> w, slots


def _updated(network: Network, state, gradients):
    parameters, slots, t, product = state
    t = t + 1
    product = product * _look_ahead(t)
    update = OPTIMIZERS[network.optimizer][1]
    moved = [
        update(w, g, s, network.rate, t, product)
        for w, g, s in zip(parameters, gradients, slots, strict=True)
    ]
    return [w for w, _ in moved], [s for _, s in moved], t, product


def _sgd(w, g, slots, rate, t, product):
    return w - rate * g, slots


def _momentum(w, g, slots, rate, t, product):
    v = MOMENTUM * slots[0] - rate * g
    return w + v, (v,)


def _nesterov(w, g, slots, rate, t, product):
    v = MOMENTUM * slots[0] - rate * g
    return w + MOMENTUM * v - rate * g, (v,)


def _moments(g, slots):
    m, v = slots
    return 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g


def _adam(w, g, slots, rate, t, product):
    m, v = _moments(g, slots)
    scale = rate * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
    return w - scale * m / (jnp.sqrt(v) + EPSILON), (m, v)


def _adamw(w, g, slots, rate, t, product):
    return _adam(w - 0.004 * rate * w, g, slots, rate, t, product)


def _adamax(w, g, slots, rate, t, product):
    m, u = 0.9 * slots[0] + 0.1 * g, jnp.maximum(0.999 * slots[1], jnp.abs(g))
    return w - rate / (1 - 0.9**t) * m / (u + EPSILON), (m, u)


def _look_ahead(t):
    return 0.9 * (1 - 0.5 * 0.96**t)


def _nadam(w, g, slots, rate, t, product):
    now, ahead = _look_ahead(t), _look_ahead(t + 1)
    m, v = _moments(g, slots)
    mean = ahead / (1 - product * ahead) * m + (1 - now) / (1 - product) * g
    return w - rate * mean / (jnp.sqrt(v / (1 - 0.999**t)) + EPSILON), (m, v)


def _adadelta(w, g, slots, rate, t, product):
    a = 0.95 * slots[0] + 0.05 * g * g
    move = -jnp.sqrt(slots[1] + EPSILON) * g * lax.rsqrt(a + EPSILON)
    return w + rate * move, (a, 0.95 * slots[1] + 0.05 * move * move)


def _adagrad(w, g, slots, rate, t, product):
    a = slots[0] + g * g
    return w - rate * g * lax.rsqrt(a + EPSILON), (a,)


def _rmsprop(w, g, slots, rate, t, product):
    v = 0.9 * slots[0] + 0.1 * g * g
    return w - rate * g * lax.rsqrt(v + EPSILON), (v,)


def _ftrl(w, g, slots, rate, t, product):
    n = slots[0] + g * g
    z = slots[1] + g - (jnp.sqrt(n) - jnp.sqrt(slots[0])) / rate * w
    return -z * rate * lax.rsqrt(n), (n, z)


def _lion(w, g, slots, rate, t, product):
    m = slots[0]
    return w - rate * jnp.sign(0.9 * m + 0.1 * g), (0.99 * m + 0.01 * g,)


OPTIMIZERS = {  # what each slot starts from, and the step
    "sgd": ((), _sgd),
    "momentum": ((0.0,), _momentum),
    "nesterov": ((0.0,), _nesterov),
    "adam": ((0.0, 0.0), _adam),
    "adamw": ((0.0, 0.0), _adamw),
    "adamax": ((0.0, 0.0), _adamax),
    "nadam": ((0.0, 0.0), _nadam),
    "adadelta": ((0.0, 0.0), _adadelta),
    "adagrad": ((0.1,), _adagrad),
    "rmsprop": ((0.0,), _rmsprop),
    "ftrl": ((0.1, 0.0), _ftrl),
    "lion": ((0.0,), _lion),
}
