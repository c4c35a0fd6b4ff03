"""The lecture's studies. Each function returns its numbers; `.plot()` draws them (extra "plot").

A study of a model works on copies: weights, optimizer, metrics and random streams stay as they are.
"""

from graphdl.studies.activation import Activation, activation
from graphdl.studies.curvature import Curvature, curvature
from graphdl.studies.decision import Decision, Line, decision
from graphdl.studies.landscape import Landscape, WeightPath, landscape
from graphdl.studies.learning_rate import LearningRates, learning_rate_study
from graphdl.studies.minimise import Minimum, closed_form, minimise
from graphdl.studies.optimizers import (
    Comparison,
    EffectiveRates,
    compare_optimizers,
    effective_rates,
)
