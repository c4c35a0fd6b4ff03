"""Derivations: the record of the chain rule, as a person reads, checks and teaches it."""
