"""The lecture's studies. Each function returns its numbers; `.plot()` draws them (extra "plot").

A study of a model works on copies: weights, optimizer, metrics and random streams stay as they are.
"""

from graphdl.studies.activation import Activation, activation
from graphdl.studies.capacity import Capacity, capacity
from graphdl.studies.collapse import Collapse, Collapsed, collapse
from graphdl.studies.compare import Comparison, compare_optimizers
from graphdl.studies.curvature import Curvature, curvature
from graphdl.studies.decision import Decision, Line, decision
from graphdl.studies.effective import EffectiveRates, effective_rates
from graphdl.studies.flops import Flops, gradient_flops
from graphdl.studies.landscape import Landscape, WeightPath, landscape
from graphdl.studies.learning_rate import LearningRates, learning_rate_study
from graphdl.studies.minimise import Minimum, closed_form, minimise
from graphdl.studies.noise import GradientNoise, gradient_noise
from graphdl.studies.range_test import RangeTest, range_test
from graphdl.studies.regularisation import Regularisation, regularisation
from graphdl.studies.throughput import Throughput, throughput

__all__ = [
    "Activation", "Capacity", "Collapse", "Collapsed", "Comparison", "Curvature", "Decision",
    "EffectiveRates", "Flops", "GradientNoise", "Landscape", "LearningRates", "Line", "Minimum",
    "RangeTest", "Regularisation", "Throughput", "WeightPath", "activation", "capacity",
    "closed_form", "collapse", "compare_optimizers", "curvature", "decision", "effective_rates",
    "gradient_flops", "gradient_noise", "landscape", "learning_rate_study", "minimise",
    "range_test", "regularisation", "throughput",
]  # fmt: skip
