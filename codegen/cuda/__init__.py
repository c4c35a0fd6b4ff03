"""The same programs as CUDA kernels: `emit` writes a module, `executable` runs it, `cubin` compiles it.

A module is Python text that numba-cuda compiles for a GPU, that Numba's CUDA simulator runs without
one, and whose functions keep to what both have (`dialect`). What is done without a GPU: results in the
simulator are compared with the CPU's, and kernels are compiled to machine code. No GPU has confirmed
any of this yet, and nothing here launches on one: `device` says so to whoever asks.
"""
