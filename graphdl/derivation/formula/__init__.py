"""Formulas as people type them: read by a grammar of our own, never evaluated as code."""
