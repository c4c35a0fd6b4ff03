"""Functions whose own text is pasted into generated modules."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any


class Snippets:
    """A library of scalar functions: runnable here, and recorded as text for emitters."""

    def __init__(self) -> None:
        self.text: dict[str, str] = {}  # each function comes after those it calls
        self._calls: dict[str, list[str]] = {}

    def record(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Keep the text of a function; used as a decorator that generated modules define anew."""
        name = function.__name__
        self._calls[name] = [callee for callee in self.text if callee in function.__code__.co_names]
        self.text[name] = inspect.getsource(function)
        return function

    def source(self, *names: str, instead: Mapping[str, str] | None = None) -> str:
        """Text of the named functions after all that they call, each once, ready to paste.

        instead: other texts for some of them, which call nothing.
        """
        other = instead or {}
        wanted, pending = set(), list(names)
        while pending:
            name = pending.pop()
            wanted.add(name)
            pending += [] if name in other else self._calls[name]
        texts = {**self.text, **other}
        return "\n\n".join(text for name, text in texts.items() if name in wanted)


scalar_functions = Snippets()  # of the vocabulary: codegen.single, codegen.double, codegen.scalars
