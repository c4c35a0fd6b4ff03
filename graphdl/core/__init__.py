"""Nodes, types, sizes, graphs and what they mean."""
