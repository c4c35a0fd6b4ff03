"""Whatever target a program asks for, it goes to the device.

    pytest -p tests.gpu.everywhere tests/lecture        # tests that were written for the CPU
    python -m tests.gpu.everywhere examples/01_….py     # a script, as a reader runs it

With NUMBA_ENABLE_CUDASIM=1 the device is Numba's simulator.
"""

import runpy
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import pytest

from graphdl.training import runner

# the modules that have programs compiled; `graphdl.function` is also the name of a function
ASK = [
    import_module(f"graphdl.{name}") for name in ("function", "tape.programs", "training.runner")
]


@contextmanager
def everywhere() -> Iterator[list[str]]:
    """Notes the names of the programs that went to the device."""
    made, compiled = [], runner.compile_graph
    begin = runner.Runner.__init__

    def on_the_device(graph, target="cpu", *others, **settings):
        made.append(settings.get("name", "program"))
        return compiled(graph, "cuda", *others, **settings)

    def begun(self, step, target, *others):
        begin(self, step, "cuda", *others)

    for module in ASK:
        vars(module)["compile_graph"] = on_the_device
    runner.Runner.__init__ = begun
    try:
        yield made
    finally:
        for module in ASK:
            vars(module)["compile_graph"] = compiled
        runner.Runner.__init__ = begin


@pytest.fixture(autouse=True)
def on_the_device():
    with everywhere():
        yield


def main(script: str) -> None:
    sys.argv = [script]
    sys.path[0] = str(Path(script).parent)
    with everywhere() as made:
        runpy.run_path(script, run_name="__main__")
    print(f"{len(made)} programs on the device")


if __name__ == "__main__":
    main(sys.argv[1])
