"""Formulas of SymPy as graphs. All but `recipe` loads SymPy: import it at first need."""
