"""The benchmark for GPUs: `python -m benchmarks.gpu`. No GPU has run it yet."""
