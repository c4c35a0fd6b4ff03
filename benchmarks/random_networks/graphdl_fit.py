"""graphdl as a user writes it: `compile` and `fit`."""

import graphdl as gd
from benchmarks.random_networks.draw import MOMENTUM, Data, Network

VERSION = f"graphdl {gd.__version__}"


def prepare(network: Network, data: Data) -> "GraphdlFit":
    return GraphdlFit(network, data)


class GraphdlFit:
    def __init__(self, network: Network, data: Data):
        self.network, self.data = network, data
        dense = [
            gd.layers.Dense(units, activation=_activation(name))
            for (_, units), name in zip(network.kernels, network.activations, strict=True)
        ]
        self.model = gd.Sequential([gd.layers.Input(shape=network.sizes[:1]), *dense])
        self.model.set_weights(data.parameters)
        self.model.compile(optimizer=_optimizer(network), loss=network.loss)

    def train(self, epochs: int) -> int:
        batch = self.network.batch
        self.model.fit(self.data.x, self.data.y, epochs=epochs, batch_size=batch, verbose=0)
        return epochs * self.network.steps

    def loss(self) -> float:
        """Over all rows."""
        return self.model.evaluate(
            self.data.x, self.data.y, batch_size=self.network.batch, verbose=0
        )


def _activation(name: str):
    """A threshold has no defaults."""
    return (lambda z: gd.activations.threshold(z, 0.1, 0.0)) if name == "threshold" else name


def _optimizer(network: Network):
    if network.optimizer in ("momentum", "nesterov"):
        nesterov = network.optimizer == "nesterov"
        return gd.optimizers.SGD(network.rate, momentum=MOMENTUM, nesterov=nesterov)
    return gd.optimizers.KNOWN[network.optimizer](network.rate)
