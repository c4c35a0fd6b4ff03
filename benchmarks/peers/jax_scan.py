"""JAX: a whole epoch, shuffle included, in one `jit` over `lax.scan`, with donated state.

A scan needs equal batches: the ragged last one is left out and not counted.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from benchmarks.workloads import BETA_1, BETA_2, EPSILON, Data, Parameters, Workload

VERSION = f"jax {jax.__version__}"


def prepare(workload: Workload, data: Data) -> "JaxScan":
    return JaxScan(workload, data)


class JaxScan:
    def __init__(self, workload: Workload, data: Data):
        self.steps = workload.full_batches
        parameters = jax.tree.map(jnp.asarray, data.parameters)
        zeros = partial(jax.tree.map, jnp.zeros_like)
        self.state = (parameters, zeros(parameters), zeros(parameters), jnp.zeros((), jnp.int32))
        self.key = jax.random.key(0)
        self.x, self.labels = jnp.asarray(data.x), jnp.asarray(data.labels, jnp.int32)
        self.epoch = jax.jit(partial(_epoch, workload), donate_argnums=(0, 1))

    def train(self, epochs: int) -> int:
        for _ in range(epochs):
            self.state, self.key, loss = self.epoch(self.state, self.key, self.x, self.labels)
        loss.block_until_ready()
        return epochs * self.steps

    def parameters(self) -> Parameters:
        return jax.device_get(self.state[0])


def _epoch(workload: Workload, state, key, x, labels):
    key, shuffle = jax.random.split(key)
    order = jax.random.permutation(shuffle, workload.rows)
    batches = order[: workload.full_batches * workload.batch].reshape(-1, workload.batch)
    update = {"adam": _adam, "sgd": _sgd}[workload.optimizer]

    def step(state, rows):
        batch_loss = partial(_loss, x=x[rows], labels=labels[rows], binary=workload.binary)
        loss, gradients = jax.value_and_grad(batch_loss)(state[0])
        return update(state, gradients, workload.learning_rate), loss

    state, losses = lax.scan(step, state, batches)
    return state, key, losses.mean()


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
