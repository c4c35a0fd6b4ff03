"""The tape: operations are recorded as graphs while they are written, one turn of a loop at a time."""

from graphdl.tape.gradient import GradientTape

__all__ = ["GradientTape"]
