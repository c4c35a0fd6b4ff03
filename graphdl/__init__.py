"""graphdl: the neural-network compiler you can read.

Write a network as mathematics, read its backpropagation, train it in compiled code. The names below
stand in the order of the way through the house: declare, differentiate, compile, run.
"""

from graphdl.guard import require_own_codegen

require_own_codegen()

from graphdl import activations, datasets, initializers, losses, metrics, optimizers, random  # noqa: E402
from graphdl import layers, regularizers  # noqa: E402
from graphdl.config import set_seed  # noqa: E402
from graphdl.core import errors  # noqa: E402
from graphdl.core.errors import (  # noqa: E402
    DisconnectedError,
    DTypeError,
    GraphdlError,
    GraphError,
    MemoryBudgetError,
    NonFiniteError,
    NotBuiltError,
    NotCompiledError,
    NotDifferentiableError,
    ShapeError,
)
from graphdl.core.graph import Graph, Node  # noqa: E402
from graphdl.core.interpret import interpret  # noqa: E402
from graphdl.core.types import floatx, set_floatx  # noqa: E402
