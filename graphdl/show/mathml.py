r"""LaTeX as MathML, for pages that load nothing: `mathml(r"\frac{a}{b}")`.

The conversion is latex2mathml's, with what it lets slip handled here: lines that are aligned become
the rows of a table, escaped signs become text, and a command that it does not know is an error,
where it would print the command's name.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree

_NAMESPACE = "http://www.w3.org/1998/Math/MathML"
_ALIGNED = re.compile(r"\\begin\{aligned\}(.*)\\end\{aligned\}", re.DOTALL)
_ESCAPED = re.compile(r"\\\\|\\([&%#$_ ])|\\(backslash|backprime|sim|wedge)\{\}")
_SIGNS = {" ": "\u00a0", "backslash": "\u29f5", "backprime": "‵", "sim": "∼", "wedge": "∧"}
_LETTER = re.compile('<mi mathvariant="normal">([^<]*)</mi>')
_WORD = re.compile('(?:<mi mathvariant="normal">[^<]*</mi>){2,}')  # upright letters make a word
_FIRST = 0xF000  # private characters: they pass through the conversion as they are


def mathml(latex: str, display: bool = True) -> str:
    r"""A `<math>` element. Raises ValueError where a command has no MathML.

    latex: the dialect of `Node.latex()`: no macros, `\begin{aligned}` only around the whole.
    """
    style = ' display="block"' if display else ""
    return f'<math xmlns="{_NAMESPACE}"{style}>{fragment(latex)}</math>'


def fragment(latex: str) -> str:
    """The inside of that element."""
    whole = _ALIGNED.fullmatch(latex.strip())
    text = f"<mrow>{_row(latex)}</mrow>" if whole is None else _table(whole[1])
    ElementTree.fromstring(text)  # what a page cannot read is our error, not the reader's
    left = re.search(r"\\[A-Za-z]*", text)
    if left is not None:
        raise ValueError(f"{left[0]} has no MathML (in {latex!r:.200})")
    return text


def _table(body: str) -> str:
    """Aligned lines: the parts between `&` are right- and left-aligned in turn."""
    rows = [line.strip() for line in body.split("\\\\\n") if line.strip()]
    cells = ["".join(f"<mtd>{_row(c)}</mtd>" for c in _cells(row)) for row in rows]
    inner = "".join(f"<mtr>{row}</mtr>" for row in cells)
    return f'<mtable displaystyle="true" class="aligned">{inner}</mtable>'


def _cells(row: str) -> list[str]:
    """The parts between `&`, but for those inside an environment of their own."""
    cells, depth = [""], 0
    for part in re.split(r"(\\begin\{|\\end\{|\\&|&)", row):
        depth += (part == r"\begin{") - (part == r"\end{")
        if part == "&" and not depth:
            cells.append("")
        else:
            cells[-1] += part
    return cells


def _row(latex: str) -> str:
    """One line."""
    from latex2mathml.converter import convert

    if not latex.strip():
        return "<mrow></mrow>"
    kept: list[str] = []
    made = convert(_ESCAPED.sub(lambda m: _keep(m, kept), latex))
    inner = made[made.index(">") + 1 : made.rindex("</math>")]
    inner = _WORD.sub(lambda m: f"<mtext>{''.join(_LETTER.findall(m[0]))}</mtext>", inner)
    return re.sub(
        f"[{chr(_FIRST)}-{chr(_FIRST + 0x7FF)}]", lambda m: kept[ord(m[0]) - _FIRST], inner
    )


def _keep(match: re.Match[str], kept: list[str]) -> str:
    """A private character in place of an escaped sign, which comes back after the conversion."""
    sign = match[1] or match[2]
    if sign is None:  # the end of a line, and no sign
        return match[0]
    text = _SIGNS.get(sign, sign)
    kept.append("&amp;" if text == "&" else text)
    return chr(_FIRST + len(kept) - 1)
