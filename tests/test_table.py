import pytest

from graphdl.table import display_width, format_size, printable, render, total

COLUMNS = ["Layer (type)", "Output Shape", "Param #"]


def test_looks_like_this():
    text = render(
        'Model: "sequential"',
        COLUMNS,
        [["dense (Dense)", (None, 16), 496], ["dense_1 (Dense)", (None, 1), 1017]],
        [total("Total params", 1513, 6052), total("Non-trainable params", 0, 0)],
    )
    assert text == "\n".join(
        [
            'Model: "sequential"',
            "┏━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━┳━━━━━━━━━┓",
            "┃ Layer (type)    ┃ Output Shape ┃ Param # ┃",
            "┡━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━╇━━━━━━━━━┩",
            "│ dense (Dense)   │ (None, 16)   │     496 │",
            "├─────────────────┼──────────────┼─────────┤",
            "│ dense_1 (Dense) │ (None, 1)    │   1,017 │",
            "└─────────────────┴──────────────┴─────────┘",
            " Total params: 1,513 (5.91 KB)",
            " Non-trainable params: 0 (0.00 B)",
        ]
    )


def test_without_rows_the_heading_is_closed():
    assert render("empty", ["a", "b"], []).splitlines() == [
        "empty",
        "┏━━━━┳━━━━┓",
        "┃ a  ┃ b  ┃",
        "┗━━━━┻━━━━┛",
    ]


def test_a_column_of_mixed_cells_is_text():
    lines = render("", ["value"], [[1], [True], ["?"]]).splitlines()
    assert [line.strip("│ ") for line in lines if line.startswith("│")] == ["1", "True", "?"]


@pytest.mark.parametrize("width", [50, 80, 120])
@pytest.mark.parametrize(
    "name",
    ["x" * 500, "層" * 100, "e\u0301" * 90, "a\nb\x1b[2J\u202e\ud800" * 9],
    ids=["long", "wide", "combining", "control"],
)
def test_any_name_keeps_the_frame_straight_and_within_the_width(name, width):
    lines = render("t", COLUMNS, [[name, (None, 16), 496], ["y", "z", 1]], width=width).splitlines()
    widths = {display_width(line) for line in lines[1:]}
    assert len(widths) == 1 and widths.pop() <= width
    assert all(line.isprintable() for line in lines)


def test_folding_loses_nothing_of_a_long_name():
    name = "".join(map(chr, range(0x4E00, 0x4E60)))
    rows = [
        line.split("│") for line in render("t", COLUMNS, [[name, "", 0]], width=50).splitlines()
    ]
    assert "".join(cells[1].strip() for cells in rows if len(cells) == 5) == name


def test_a_heading_is_kept_whole_even_where_the_width_does_not_hold_it():
    assert "┃ Layer (type) ┃ Output Shape ┃ Param # ┃" in render(
        "t", COLUMNS, [["x" * 99, 1, 1]], width=5
    )


def test_a_title_or_footer_stays_on_one_line():
    assert render("a\nb", ["c"], [], ["d\re"]).splitlines()[::4] == ["a\\nb", " d\\re"]


def test_a_row_of_another_length_is_refused():
    with pytest.raises(ValueError, match=r"2 cells .* 3 columns: \['dense', 16\]"):
        render("t", COLUMNS, [["dense", 16]])


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0.00 B"), (1023, "1023.00 B"), (1024, "1.00 KB"), (2052, "2.00 KB"), (5 << 20, "5.00 MB")]
    + [(3 << 30, "3.00 GB"), (2000 << 40, "2000.00 TB")],
)
def test_sizes(size, text):
    assert format_size(size) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ŷ 層 é 'q\"", "ŷ 層 é 'q\""),
        ("a\nb\tc", "a\\nb\\tc"),
        ("\x1b[31m\x07", "\\x1b[31m\\x07"),
        ("\u202eevil", "\\u202eevil"),
        ("\ud800", "\\ud800"),
    ],
)
def test_printable_escapes_what_would_act_on_the_terminal(text, shown):
    assert printable(text) == shown


@pytest.mark.parametrize(
    ("text", "cells"), [("ab", 2), ("層", 2), ("e\u0301", 1), ("σ", 1), ("", 0)]
)
def test_display_width(text, cells):
    assert display_width(text) == cells
