"""Passes over different data may interleave: none sees the data of another."""

import numpy as np

import graphdl as gd


def test_evaluating_other_data_in_a_callback_leaves_validation_alone():
    draw = np.random.default_rng(0)
    x, other = draw.normal(size=(2, 24, 3)).astype("f4")
    y, wrong = x.sum(1), other.sum(1) + 100

    def losses(callbacks):
        gd.set_seed(1)
        model = gd.Sequential([gd.layers.Input(shape=(3,)), gd.layers.Dense(1)])
        model.compile("sgd", "mse", target="python")
        history = model.fit(
            x, y, 8, epochs=3, verbose=0, validation_data=(x, y),
            callbacks=[c(model) for c in callbacks],
        )  # fmt: skip
        return history.history

    def meddler(model, hook="on_epoch_end"):
        def evaluate(number, logs):
            assert model.evaluate(other, wrong, 8, verbose=0) > 1000
            assert model.predict(other, 8).shape == (24, 1)

        return gd.callbacks.LambdaCallback(**{hook: evaluate})

    alone = losses([])
    assert losses([meddler]) == alone
    assert losses([lambda model: meddler(model, "on_train_batch_end")]) == alone
