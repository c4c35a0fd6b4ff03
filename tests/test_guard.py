"""A `codegen` that is not graphdl's gives the error that names the intruder and the cure."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with both packages in it, as an installation has them."""
    site = tmp_path_factory.mktemp("site")
    unused = shutil.ignore_patterns("__pycache__")
    for name in ("graphdl", "codegen"):
        shutil.copytree(ROOT / name, site / name, ignore=unused)
    return site


def start(script, *path):
    """Run a script in a process of its own whose imports come from `path`, in this order.

    Without `site`, so that an editable installation of graphdl itself is not in the way; the
    libraries are added by their folder.
    """
    libraries = Path(np.__file__).resolve().parents[1]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (*path, libraries)))}
    return subprocess.run(
        [sys.executable, "-S", script], cwd=script.parent, env=environment, capture_output=True,
        text=True, timeout=120,
    )  # fmt: skip


@pytest.fixture
def script(tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    path = folder / "main.py"
    path.write_text("import graphdl\nprint(graphdl.Sequential)\n")
    return path


def refusal(done):
    """The message of the ImportError with which the process ended."""
    assert done.returncode == 1, done.stdout
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: graphdl needs its own package 'codegen'"), done.stderr
    return last


def other_distribution(folder):
    """A package `codegen` of another distribution, which must not be executed."""
    (folder / "codegen").mkdir(parents=True)
    (folder / "codegen" / "__init__.py").write_text("raise SystemExit('executed')\n")
    info = folder / "codegen-0.57.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: codegen\nVersion: 0.57.0\n")
    (info / "top_level.txt").write_text("codegen\n")
    (info / "RECORD").write_text("codegen/__init__.py,,\n")
    return folder


def test_our_own_is_found(installed, script):
    done = start(script, installed)
    assert done.returncode == 0, done.stderr
    assert "Sequential" in done.stdout


def test_another_distribution(installed, script, tmp_path):
    other = other_distribution(tmp_path / "other")
    message = refusal(start(script, other, installed))
    assert "codegen 0.57.0" in message
    assert str(other / "codegen" / "__init__.py") in message
    assert "pip uninstall codegen" in message


def test_another_distribution_behind_ours_does_no_harm(installed, script, tmp_path):
    done = start(script, installed, other_distribution(tmp_path / "other"))
    assert done.returncode == 0, done.stderr


def test_a_remnant(installed, script, tmp_path):
    site = tmp_path / "site"
    shutil.copytree(installed, site)
    (site / "codegen" / "__init__.py").unlink()
    message = refusal(start(script, site))
    assert "remnant" in message
    assert "pip install --force-reinstall --no-deps graphdl" in message


def test_nothing_at_all(installed, script, tmp_path):
    site = tmp_path / "site"
    shutil.copytree(installed / "graphdl", site / "graphdl")
    assert "missing" in refusal(start(script, site))


def test_a_file_beside_the_script(installed, script):
    own = script.with_name("codegen.py")
    own.write_text("raise SystemExit('executed')\n")
    message = refusal(start(script, installed))
    assert str(own) in message
    assert "Rename or move that file" in message


def test_a_folder_beside_the_script(installed, script):
    own = script.parent / "codegen" / "__init__.py"
    own.parent.mkdir()
    own.write_text("raise SystemExit('executed')\n")
    message = refusal(start(script, installed))
    assert str(own) in message
    assert "beside your script" in message


def test_a_folder_is_not_taken_for_a_distribution_that_is_installed_as_well(
    installed, script, tmp_path
):
    own = script.parent / "codegen" / "__init__.py"
    own.parent.mkdir()
    own.touch()
    message = refusal(start(script, other_distribution(tmp_path / "other"), installed))
    assert str(own) in message and "0.57.0" not in message


def test_one_that_was_imported_before(installed, script):
    script.with_name("codegen.py").write_text("mine = True\n")
    script.write_text("import codegen\nimport graphdl\n")
    assert str(script.with_name("codegen.py")) in refusal(start(script, installed))
