"""Tables of plain text, drawn with box characters: the look of ``model.summary()``.

A table is a string: it is printed, logged, compared in a test, without a terminal library. Cells
may hold any text whatever its script; what would move the cursor or reorder the line is escaped.
"""

import unicodedata
from collections.abc import Sequence


def render(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    footer: Sequence[str] = (),
    width: int = 80,
) -> str:
    """The table as text, without a newline at its end.

    A cell that is an int is printed with thousands separators and set to the right, anything else
    as ``str`` gives it, to the left. Columns that do not fit into `width` characters together are
    narrowed, widest first, and their long cells go on in further lines.
    """
    for row in rows:
        if len(row) != len(columns):
            raise ValueError(
                f"a row has {len(row)} cells where the table has {len(columns)} columns: {row!r}"
            )
    head = [printable(name) for name in columns]
    body = [[_cell_text(cell) for cell in row] for row in rows]
    widths = _column_widths(head, body, width)
    to_right = [_is_numeric(rows, index) for index in range(len(columns))]

    drawn = [_lines(row, widths, to_right, "│") for row in body]
    lines = [printable(title), _rule("┏━┳┓", widths)]
    lines += _lines(head, widths, to_right, "┃")
    lines.append(_rule("┡━╇┩" if rows else "┗━┻┛", widths))
    for index, row_lines in enumerate(drawn):
        lines += [_rule("├─┼┤", widths)] * (index > 0) + row_lines
    if rows:
        lines.append(_rule("└─┴┘", widths))
    return "\n".join(lines + [f" {printable(line)}" for line in footer])


def total(label: str, count: int, size: int) -> str:
    """A footer line, ``Total params: 513 (2.00 KB)``: `count` numbers in `size` bytes."""
    return f"{label}: {count:,} ({format_size(size)})"


def format_size(size: int) -> str:
    """`size` bytes with two digits after the point, in the largest unit that leaves 1 or more."""
    value = float(size)
    for unit in ("B", "KB", "MB", "GB"):
        if value < 1024:
            return f"{value:.2f} {unit}"
        value /= 1024
    return f"{value:.2f} TB"


def printable(text: str) -> str:
    """`text` on one line: control, bidirectional and undefined characters as escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def display_width(text: str) -> int:
    """Cells that printable `text` fills on a terminal: 2 for a wide character, 0 for a mark."""
    return len(text) if text.isascii() else sum(map(_character_width, text))


def _character_width(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _cell_text(cell: object) -> str:
    return f"{cell:,}" if _is_int(cell) else printable(str(cell))


def _is_int(cell: object) -> bool:
    return isinstance(cell, int) and not isinstance(cell, bool)


def _is_numeric(rows: Sequence[Sequence[object]], index: int) -> bool:
    return bool(rows) and all(_is_int(row[index]) for row in rows)


def _column_widths(head: list[str], body: list[list[str]], width: int) -> list[int]:
    # A heading is never folded, and a column holds at least one wide character.
    least = [max(display_width(name), 2) for name in head]
    longest = [max(map(display_width, column)) for column in zip(head, *body, strict=True)]
    widths = [max(low, min(high, width)) for low, high in zip(least, longest, strict=True)]
    excess = sum(widths) + 3 * len(widths) + 1 - width
    for _ in range(excess):
        slack = [w if w > low else 0 for w, low in zip(widths, least, strict=True)]
        if not any(slack):
            break
        widths[slack.index(max(slack))] -= 1
    return widths


def _lines(row: list[str], widths: list[int], to_right: list[bool], edge: str) -> list[str]:
    folded = [_fold(text, width) for text, width in zip(row, widths, strict=True)]
    height = max(map(len, folded))
    padded = [cell + [""] * (height - len(cell)) for cell in folded]
    return [
        edge + edge.join(map(_pad, line, widths, to_right)) + edge
        for line in zip(*padded, strict=True)
    ]


def _fold(text: str, width: int) -> list[str]:
    lines, used = [""], 0
    for character in text:
        size = _character_width(character)
        if used + size > width:
            lines.append("")
            used = 0
        lines[-1] += character
        used += size
    return lines


def _pad(text: str, width: int, to_right: bool) -> str:
    space = " " * (width - display_width(text))
    return f" {space}{text} " if to_right else f" {text}{space} "


def _rule(glyphs: str, widths: list[int]) -> str:
    left, line, cross, right = glyphs
    return left + cross.join(line * (width + 2) for width in widths) + right
