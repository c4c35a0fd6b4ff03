"""One record, four forms: chain, index, matrix, code."""
