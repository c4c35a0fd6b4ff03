"""docs/lecture.md names every item of the lecture, and nothing that is not there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGE = (DOCS / "lecture.md").read_text(encoding="utf-8")
ROWS = [line for line in PAGE.splitlines() if re.match(r"\| \d+ \|", line)]
LEAST, MOST = 1_000, 150_000  # bytes of a picture


def functions(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_each_of_the_55_items_has_a_lesson_and_a_test():
    assert [int(line.split("|")[1]) for line in ROWS] == list(range(1, 56))
    for line in ROWS:
        assert re.search(r"\(\.\./examples/\w+\.py\)", line) and "::test_" in line, line


def test_every_test_that_is_named_exists():
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)
    assert len(named) > 60
    missing = [f"{file}::{name}" for file, name in named if name not in functions(ROOT / file)]
    assert not missing


def test_a_row_test_is_listed_in_its_own_row():
    for path in Path(__file__).parent.glob("test_rows_*.py"):
        for name in functions(path):
            if row := re.match(r"test_row_(\d+)_", name):
                assert f"{path.name}::{name}`" in ROWS[int(row[1]) - 1], name


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_what_a_page_links_to_is_there(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (page.parent / target).is_file(), target


def test_every_picture_is_shown_and_small():
    shown = "".join(page.read_text(encoding="utf-8") for page in DOCS.glob("*.md"))
    pictures = list((DOCS / "pictures").iterdir())
    assert pictures
    for picture in pictures:
        assert f"pictures/{picture.name})" in shown
        assert LEAST < picture.stat().st_size < MOST
