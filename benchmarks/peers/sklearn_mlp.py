"""scikit-learn: `MLPClassifier` without penalty, one `fit` for all epochs of a call.

`fit` with a warm start takes 0.7 of the time of a `partial_fit` an epoch on the lecture's network,
one core, and 0.95 on digits; it makes Adam's state anew at each call. Inputs and settings are not
checked for what they are here (0.97).
"""

import warnings

import numpy as np
import sklearn
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from benchmarks.workloads import BETA_1, BETA_2, EPSILON, Data, Parameters, Workload

VERSION = f"scikit-learn {sklearn.__version__}"
NEVER = 10**9  # epochs without progress before it stops

sklearn.set_config(assume_finite=True, skip_parameter_validation=True)


def prepare(workload: Workload, data: Data) -> "SklearnMlp":
    return SklearnMlp(workload, data)


class SklearnMlp:
    def __init__(self, workload: Workload, data: Data):
        self.data, self.steps = data, workload.steps
        self.model = MLPClassifier(
            hidden_layer_sizes=workload.sizes[1:-1],
            solver=workload.optimizer,
            alpha=0.0,
            batch_size=workload.batch,
            learning_rate_init=workload.learning_rate,
            beta_1=BETA_1,
            beta_2=BETA_2,
            epsilon=EPSILON,
            momentum=0.0,
            nesterovs_momentum=False,
            random_state=0,
            tol=0.0,
            n_iter_no_change=NEVER,
        )
        self._start_from(workload, data)

    def train(self, epochs: int) -> int:
        self.model.max_iter = epochs
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # all epochs are meant to be run
            self.model.fit(self.data.x, self.data.labels)
        return epochs * self.steps

    def parameters(self) -> Parameters:
        return list(zip(self.model.coefs_, self.model.intercepts_, strict=True))

    def _start_from(self, workload: Workload, data: Data) -> None:
        # The estimator makes its arrays in the first step and updates them in place from then on
        first = slice(workload.batch)
        classes = np.unique(data.labels)
        self.model.partial_fit(data.x[first], data.labels[first], classes=classes)
        for mine, given in zip(self.parameters(), data.parameters, strict=True):
            for array, start in zip(mine, given, strict=True):
                array[...] = start
        self.model.warm_start = True
