"""Which lines of the generated module compute a value: a store, its loops, what it is made of."""

from __future__ import annotations

import re

from graphdl.explorer.engine import Engine

MOST = 24  # lines that are shown above the one that stores
_STORE = re.compile(r"\s*(\w+)\[|\s*multiply\(.*, (\w+)(?:\[:\w+\])?\)$")
_SCALAR = re.compile(r"\b[aestc]\d+\b")
_WORDS = {"value": "{}", "cotangent": "∂J/∂{}", "gradient": "∂J/∂{}", "new": "the new {}"}


def lines_of(engine: Engine) -> dict[str, str]:
    """For each output its lines, below a comment that says what the arrays are."""
    lowered = engine.compiled.lowered
    lines = engine.compiled.executable.source.splitlines()
    names = {b.name: n.attrs["name"] for n, b in lowered.inputs}
    keys: dict[str, str] = {}
    for key, buffer in zip(engine.outputs, lowered.outputs, strict=True):
        keys.setdefault(buffer.name, key)
        names.setdefault(buffer.name, _said(key))
    found: dict[str, str] = {}
    for at, line in enumerate(lines):
        store = _STORE.match(line)
        buffer = store and (store[1] or store[2])
        if buffer in keys:
            found[keys[buffer]] = _with_names([*_around(lines, at), line], names)
    return found


def _said(key: str) -> str:
    kind, _, name = key.partition(":")
    return _WORDS.get(kind, "").format(name)


def _with_names(lines: list[str], names: dict[str, str]) -> str:
    used = dict.fromkeys(re.findall(r"\b(?:x|out)\d+\b", "\n".join(lines)))
    words = [f"{b} is {names[b]}" for b in used if names.get(b)]
    cut = min(len(line) - len(line.lstrip()) for line in lines)
    return "\n".join([f"# {', '.join(words)}", *(line[cut:] for line in lines)])


def _around(lines: list[str], at: int) -> list[str]:
    """The loops that hold a line, and the lines above it that compute its scalars."""
    kept: list[str] = []
    indent = _indent(lines[at])
    wanted = set(_SCALAR.findall(lines[at].partition("=")[2]))
    for line in reversed(lines[:at]):
        if (line.strip() and _indent(line) < 4) or len(kept) >= MOST:
            break
        name, _, value = line.strip().partition(" = ")
        if name in wanted:
            wanted |= set(_SCALAR.findall(value))
            kept.append(line)
        elif _indent(line) < indent and line.lstrip().startswith("for "):
            kept.append(line)
            indent = _indent(line)
    return kept[::-1]


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
