"""JAX: all epochs, shuffles included, in one `jit` over `lax.scan`, with donated state.

A scan needs equal batches: the ragged last one is left out and not counted. Tried, one core, as
time of the plain form (a `jit` call an epoch, `jax.random.permutation`, a tree of parameters):

* one call for all epochs: 0.77 on the lecture's network, 0.96 on digits; taken
* a shuffle that sorts once: 0.6 on the perceptron, 0.89 on digits; taken
* parameters as one flat vector: 0.86 of the above on the lecture's network, 0.97 on digits, 1.03 on
  the deep one; taken up to a size
* `unroll` of 2 or 4, rows gathered for the whole epoch at once: no gain
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jax.flatten_util import ravel_pytree

from benchmarks.workloads import BETA_1, BETA_2, EPSILON, Data, Parameters, Workload

FLAT_UP_TO = 20_000  # parameters
VERSION = f"jax {jax.__version__}"


def prepare(workload: Workload, data: Data) -> "JaxScan":
    return JaxScan(workload, data)


class JaxScan:
    def __init__(self, workload: Workload, data: Data):
        self.steps = workload.full_batches
        parameters = jax.tree.map(jnp.asarray, data.parameters)
        flat, self.unravel = ravel_pytree(parameters)
        if flat.size > FLAT_UP_TO:
            flat, self.unravel = parameters, lambda same: same
        self.state = fresh_state(flat)
        self.key = jax.random.key(0)
        self.x, self.labels = jnp.asarray(data.x), jnp.asarray(data.labels, jnp.int32)
        self.epochs = jax.jit(partial(_epochs, workload, self.unravel), donate_argnums=(0, 1))

    def train(self, epochs: int) -> int:
        self.state, self.key, loss = self.epochs(self.state, self.key, self.x, self.labels, epochs)
        loss.block_until_ready()
        return epochs * self.steps

    def parameters(self) -> Parameters:
        return jax.device_get(self.unravel(self.state[0]))


def fresh_state(parameters):
    """The parameters, Adam's two means of gradients, the steps taken."""
    zeros = partial(jax.tree.map, jnp.zeros_like)
    return parameters, zeros(parameters), zeros(parameters), jnp.zeros((), jnp.int32)


def _epochs(workload: Workload, unravel: Callable, state, key, x, labels, epochs):
    def epoch(_, carry):
        state, key, _ = carry
        return epoch_of(workload, unravel, _permutation, state, key, x, labels)

    return lax.fori_loop(0, epochs, epoch, (state, key, jnp.float32(0)))


def epoch_of(workload: Workload, unravel: Callable, permutation: Callable, state, key, x, labels):
    """State, key and mean loss after an epoch."""
    key, shuffle = jax.random.split(key)
    order = permutation(shuffle, workload.rows)
    batches = order[: workload.full_batches * workload.batch].reshape(-1, workload.batch)
    update = {"adam": _adam, "sgd": _sgd}[workload.optimizer]

    def step(state, rows):
        def batch_loss(parameters):
            return _loss(unravel(parameters), x[rows], labels[rows], workload.binary)

        loss, gradients = jax.value_and_grad(batch_loss)(state[0])
        return update(state, gradients, workload.learning_rate), loss

    state, losses = lax.scan(step, state, batches)
    return state, key, losses.mean()


def _permutation(key, count: int):
    """Rows sorted by one random word each; `jax.random.permutation` sorts twice, and stably."""
    words = jax.random.bits(key, (count,))
    return lax.sort_key_val(words, jnp.arange(count), is_stable=False)[1]


def _loss(parameters, x, labels, binary):
    for kernel, bias in parameters[:-1]:
        x = jax.nn.relu(x @ kernel + bias)
    z = x @ parameters[-1][0] + parameters[-1][1]
    if binary:
        return jnp.mean(jax.nn.softplus(z[:, 0]) - labels * z[:, 0])
    true = jnp.take_along_axis(z, labels[:, None], axis=1)[:, 0]
    return jnp.mean(jax.nn.logsumexp(z, axis=1) - true)


def _sgd(state, gradients, rate):
    parameters, *rest = state
    return (jax.tree.map(lambda p, g: p - rate * g, parameters, gradients), *rest)


def _adam(state, gradients, rate):
    parameters, m, v, t = state
    t = t + 1
    scale = rate * jnp.sqrt(1 - BETA_2 ** t.astype(jnp.float32)) / (1 - BETA_1**t)
    m = jax.tree.map(lambda m, g: BETA_1 * m + (1 - BETA_1) * g, m, gradients)
    v = jax.tree.map(lambda v, g: BETA_2 * v + (1 - BETA_2) * g * g, v, gradients)
    parameters = jax.tree.map(
        lambda p, m, v: p - scale * m / (jnp.sqrt(v) + EPSILON), parameters, m, v
    )
    return parameters, m, v, t
