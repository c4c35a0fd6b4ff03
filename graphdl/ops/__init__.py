"""The vocabulary: one family of operations a file."""
