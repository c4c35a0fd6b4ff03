"""The functions that printed programs call: `functions.js`, taken apart."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path


@cache
def library() -> dict[str, str]:
    """Name -> the text of a function and of the comment above it, in the order of the file."""
    text = Path(__file__).with_name("functions.js").read_text(encoding="utf-8")
    found = {}
    for piece in text.strip().split("\n\n"):
        named = re.search(r"^function (\w+)\(", piece, re.MULTILINE)
        if named:
            found[named[1]] = piece
    return found


def source(names: Iterable[str]) -> list[str]:
    """The texts of the named functions and of all that they call, each once."""
    texts, wanted, pending = library(), set(), list(names)
    while pending:
        name = pending.pop()
        if name not in wanted:
            wanted.add(name)
            pending += [c for c in re.findall(r"(?<![.\w])(\w+)\(", texts[name]) if c in texts]
    return [text for name, text in texts.items() if name in wanted]
