"""One HTML file of everything: style, font, programs, data. It loads nothing and sends nothing."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from codegen.javascript import javascript
from graphdl.compile import Compiled

# In an order in which each comes after those that it imports.
MODULES = (
    "known", "engine", "store", "text", "walk", "steps", "places", "badges", "graph", "formula",
    "numbers", "predict", "story", "code", "playback", "main",
)  # fmt: skip

PACKAGE = "graphdl.explorer"
_IMPORT = re.compile(r'^import (\* as \w+|\{[^}]*\}) from "\./(\w+)\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:const|let|function|async function|class) (\w+))", re.MULTILINE)
_PLACE = re.compile(r"<!--(\w+)-->")


def assemble(
    known: Mapping[str, Any],
    pictures: Mapping[str, str],
    texts: Mapping[str, str],
    programs: Mapping[str, Compiled],
) -> str:
    """The page. `texts` are plain: they are escaped here; `programs` become functions by name."""
    style = _asset("page.css") + _font()
    script = "\n".join([*_programs(programs), *map(_module, MODULES)])
    parts = {
        **{k: html.escape(v) for k, v in texts.items()},
        **pictures,
        "style": style,
        "script": script,
        "known": island(known),
        "policy": _policy(style, script),
    }
    return _PLACE.sub(lambda m: parts[m[1]], _asset("page.html"))


def island(known: Mapping[str, Any]) -> str:
    """JSON that cannot end the element it stands in."""
    text = json.dumps(known, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _policy(style: str, script: str) -> str:
    """Only this page's own style and script may run; nothing may be fetched."""
    return (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "font-src data:; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _programs(programs: Mapping[str, Compiled]) -> list[str]:
    return [javascript(made.executable.program, name) for name, made in programs.items()]


def _module(name: str) -> str:
    """An ES module as a part of one script: a scope of its own that gives its exports."""
    text = _IMPORT.sub(_import, _asset(f"{name}.js"))
    exports = [m[1] for m in _EXPORT.finditer(text)]
    body = _EXPORT.sub("", text).rstrip()
    return f"const ${name} = (() => {{\n{body}\nreturn {{ {', '.join(exports)} }};\n}})();\n"


def _import(match: re.Match[str]) -> str:
    what, module = match[1], match[2]
    return f"const {what.removeprefix('* as ')} = ${module};\n"


@cache
def _font() -> str:
    """The glyphs of mathematics, so that braces stretch where no such font is installed."""
    data = base64.b64encode(resources.files(PACKAGE).joinpath("assets/math.woff2").read_bytes())
    return (
        '@font-face { font-family: "graphdl math"; '
        f"src: url(data:font/woff2;base64,{data.decode()}) format('woff2') }}\n"
    )


@cache
def _asset(name: str) -> str:
    return resources.files(PACKAGE).joinpath("assets", name).read_text(encoding="utf-8")
