"""What can be proved of a model before it is trained: `model.lint()`."""

from graphdl.lint.check import lint
from graphdl.lint.finding import Finding, Report

__all__ = ["Finding", "Report", "lint"]
