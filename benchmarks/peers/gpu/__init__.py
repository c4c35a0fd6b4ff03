"""The peers on a GPU: the CPU's where they need only be told the device, else a form of their own.

No GPU has run any of them yet. Products are float32's own (`highest`), or TF32's where the variable
PRECISION says `tf32`.
"""

import os

OURS = "gpu.graphdl_fit"
FLOOR = "gpu.floor"
LIBRARIES = {
    "gpu.torch_graph": "torch",
    "gpu.jax_scan": "jax",
    FLOOR: "torch",
    "gpu.torch_eager": "torch",
    "gpu.torch_compile": "torch",
    "gpu.torch_compile_graph": "torch",
}
"""Every peer, and the library that it needs; those that are fast and start fast are first."""

PRECISION = "BENCHMARK_PRECISION"


def tf32() -> bool:
    """May products round their factors to TF32?"""
    return os.environ.get(PRECISION) == "tf32"
