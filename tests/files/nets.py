"""Models and layers that the tests of files share."""

import hashlib

import numpy as np

import graphdl as gd

_draw = np.random.default_rng(0)
X = _draw.normal(size=(40, 3)).astype(np.float32)
Y = X.sum(axis=1, keepdims=True)


class Keeps(gd.layers.Layer):
    """Keeps its constructor's arguments."""

    def __init__(self, units, scale=1.0, **rest):
        super().__init__(**rest)
        self.units, self.scale = units, scale

    def build(self, input_shape):
        self.W = self.add_weight((input_shape[-1], self.units), name="W")

    def call(self, inputs):
        return gd.matmul(inputs, self.W) * self.scale


class FromTheSlide(gd.layers.Layer):
    """Keeps nothing of its arguments."""

    def __init__(self, input_dim, output_dim):
        super().__init__()
        self.W = self.add_weight([input_dim, output_dim])
        self.b = self.add_weight([1, output_dim])

    def call(self, inputs):
        return gd.sigmoid(gd.matmul(inputs, self.W) + self.b)


class Net(gd.Model):
    """A subclass with layers as attributes."""

    def __init__(self, width, **rest):
        super().__init__(**rest)
        self.width = width
        self.one, self.two = FromTheSlide(3, width), gd.layers.Dense(1)

    def call(self, inputs):
        return self.two(self.one(inputs))


CUSTOM = {"Keeps": Keeps, "FromTheSlide": FromTheSlide, "Net": Net}


def small(optimizer="adam", target="python", **rest):
    """A compiled Sequential; with Dropout, where there is one."""
    dropout = [gd.layers.Dropout(0.25)] if hasattr(gd.layers, "Dropout") else []
    layers = [gd.layers.Input((3,)), gd.layers.Dense(4, "tanh"), *dropout, gd.layers.Dense(1)]
    model = gd.Sequential(layers)
    model.compile(optimizer, "mse", target=target, **rest)
    return model


def same(ours, theirs):
    """Are two models' weights equal to the bit, names included?"""
    names = [w.name for w in ours.weights] == [w.name for w in theirs.weights]
    pairs = zip(ours.get_weights(), theirs.get_weights(), strict=True)
    return names and all(a.tobytes() == b.tobytes() and a.dtype == b.dtype for a, b in pairs)


def digest(model):
    """One number for all weights and the state of the optimizer."""
    arrays = [*model.get_weights(), *(v.value for v in model.optimizer.variables)]
    return hashlib.sha256(b"".join(a.tobytes() for a in arrays)).hexdigest()
