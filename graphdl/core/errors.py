"""The errors a user meets. Each message names the thing, what was expected, what came, the cure."""

from codegen.cuda.device import DeviceError as DeviceError  # what a GPU or its driver refused


class GraphdlError(Exception):
    """Base of every error raised by graphdl itself."""


class ShapeError(GraphdlError, ValueError):
    """Shapes or named sizes that cannot fit together."""


class DTypeError(GraphdlError, TypeError):
    """A dtype that an operation does not take, or two that must not be mixed."""


class GraphError(GraphdlError, ValueError):
    """A graph that is not what the caller declared: missing inputs, unknown nodes, wrong updates."""


class NotDifferentiableError(GraphdlError, ValueError):
    """Every path to the variable runs through an operation that has no derivative."""


class DisconnectedError(GraphdlError, ValueError):
    """The result does not depend on the variable at all."""


class NonFiniteError(GraphdlError, ArithmeticError):
    """A loss or gradient became NaN or infinite; the step was refused and nothing was changed."""


class WrongDerivativeError(GraphdlError, ArithmeticError):
    """A step of a derivation is not the derivative it claims to be; the message names the step."""


class NotBuiltError(GraphdlError, RuntimeError):
    """A model was used before its weights exist."""


class NotCompiledError(GraphdlError, RuntimeError):
    """A model was trained or evaluated before `compile`."""


class TargetError(GraphdlError, RuntimeError):
    """A target that cannot be compiled for, or run on, here; the message says what is missing."""


class MemoryBudgetError(GraphdlError, MemoryError):
    """The arrays asked for are larger than the memory of this machine."""


class ModelFileError(GraphdlError, ValueError):
    """A file that is not what it should be, or a model that cannot be written to one."""


class FormulaError(GraphdlError, ValueError):
    """A typed formula that cannot be read, or whose parts do not fit; points at the place."""


class TapeError(GraphdlError, RuntimeError):
    """A GradientTape that was asked for a gradient it cannot give."""


class SlideWarning(UserWarning):
    """What was written is a known slip; what was meant was done, and the message says what it is."""
