"""Several programs compiled as one module: each keeps its function, they share the helpers.

A third of the time that a small program takes to compile goes into helpers, such as the products,
that it has in common with the others.
"""

from __future__ import annotations

import ast
import itertools
from types import SimpleNamespace

from codegen import cache
from graphdl.function import Function


def compile_together(functions: list[Function]) -> None:
    """Give each function its machine code, made in one go for all that are compiled alike."""
    alike = itertools.groupby(sorted(functions, key=_compiler), _compiler)
    for group in [list(some) for _, some in alike]:
        module = cache.load(_merged([f._executable.emitted.source for f in group]), "together")
        for k, f in enumerate(group):
            run = getattr(module, f"run{k}")
            f._executable.module = SimpleNamespace(run=run, __graphdl__=module.__graphdl__)


def _compiler(function: Function) -> str:
    """What compiles it: programs that allocate go another way."""
    lines = function._executable.emitted.source.splitlines()
    return next(line for line in lines if line.startswith("jit = "))


def _merged(sources: list[str]) -> str:
    """One module: what they have in common once, then run0, run1, …"""
    shared: dict[str, str] = {}  # what a statement defines -> its text
    runs, signatures = [], {}
    for k, source in enumerate(sources):
        for what, text in _statements(source):
            if what == "run":
                runs.append(text.replace("def run(", f"def run{k}(", 1))
            elif what == "ENTRY":
                signatures[f"run{k}"] = ast.literal_eval(text.partition("=")[2].strip())["run"]
            else:
                assert shared.setdefault(what, text) == text, f"two helpers are called {what!r}"
    return "\n\n\n".join([*shared.values(), *runs, f"ENTRY = {signatures!r}\n"])


def _statements(source: str) -> list[tuple[str, str]]:
    """(what it defines, text) of each statement of a module but the text at its top."""
    lines, found = source.splitlines(), []
    for node in ast.parse(source).body[1:]:
        decorators = getattr(node, "decorator_list", [])
        text = "\n".join(lines[(decorators or [node])[0].lineno - 1 : node.end_lineno])
        if isinstance(node, ast.FunctionDef):
            what = node.name
        else:
            what = node.targets[0].id if isinstance(node, ast.Assign) else text
        found.append((what, text))
    return found
