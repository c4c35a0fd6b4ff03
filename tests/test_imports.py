"""Imports go one way: codegen knows nothing of graphdl, and no module leads back to itself."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def modules(package):
    """Module name -> its file."""
    files = sorted((ROOT / package).rglob("*.py"))
    return {
        ".".join(f.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): f
        for f in files
    }


ALL = modules("codegen") | modules("graphdl")


def imported(file):
    """The modules of ours that a file imports as it is loaded; type checking and functions apart."""
    found = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (inner & set(ALL)) or {node.module}
    return found & set(ALL)


def test_codegen_knows_nothing_of_graphdl():
    for name, file in modules("codegen").items():
        names = {n.name for s in ast.walk(ast.parse(file.read_text())) if isinstance(s, ast.Import)
                 for n in s.names}  # fmt: skip
        names |= {
            s.module or ""
            for s in ast.walk(ast.parse(file.read_text()))
            if isinstance(s, ast.ImportFrom)
        }
        assert not {n for n in names if n.split(".")[0] == "graphdl"}, name


def test_no_module_leads_back_to_itself():
    order = TopologicalSorter({name: imported(file) - {name} for name, file in ALL.items()})
    assert len(list(order.static_order())) == len(ALL)


def test_a_bare_import_is_light():
    code = (
        "import sys, graphdl; heavy = {'sympy', 'numba', 'scipy', 'rich', 'sklearn', 'matplotlib',"
        "'pygraphviz', 'graphdl.show.picture', 'graphdl.studies', 'codegen.cuda.executable'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
