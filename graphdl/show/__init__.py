"""Graphs as people read them: text, LaTeX, derivations."""
