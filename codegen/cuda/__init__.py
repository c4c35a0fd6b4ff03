"""The same programs as CUDA kernels: `emit` writes a module, `image` compiles it, `executable` runs it.

A module is Python text that numba-cuda compiles for a GPU, that Numba's CUDA simulator runs without
one, and whose functions keep to what both have (`dialect`). The runtime knows a device by `interface`:
`driver` is a GPU, `simulated` the simulator. No GPU has confirmed any of this yet.
"""
