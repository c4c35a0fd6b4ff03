"""Exercises made of a derivation: friendly numbers, questions, a key, in text, LaTeX and HTML."""
