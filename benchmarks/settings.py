"""Where the peers live: `benchmarks.toml` names an interpreter for each library.

    [python]
    jax = "~/environments/jax/bin/python"
    pytensor = "../pytensor/bin/python"

A library stands for all its peers (`pytensor`: one call a step, and one scan an epoch). Paths are
relative to the file. What is not named runs in the interpreter that runs the benchmarks.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path

from benchmarks.peers import LIBRARIES

FILE = Path("benchmarks.toml")


class SettingsError(Exception):
    """The file says something that cannot be meant; the text says what and where."""


def read_pythons(file: Path = FILE, libraries: Mapping[str, str] = LIBRARIES) -> dict[str, str]:
    """The interpreter of each peer that `file` names one for; nothing where there is no file.

    libraries: that of each peer.
    """
    if not file.exists():
        return {}
    try:
        settings = tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file}: {error}") from None
    python = settings.pop("python", {})
    if settings or not isinstance(python, Mapping):
        raise SettingsError(f"{file}: one table [python] is expected, got {', '.join(settings)}")
    named = {library: _interpreter(file, library, path) for library, path in python.items()}
    return {peer: named[library] for peer, library in libraries.items() if library in named}


def _interpreter(file: Path, library: str, path: object) -> str:
    if library not in LIBRARIES.values():
        known = ", ".join(dict.fromkeys(LIBRARIES.values()))
        raise SettingsError(f"{file}: no peer uses {library!r}; known are {known}")
    if not isinstance(path, str):
        raise SettingsError(f"{file}: {library} needs the path of a Python, got {path!r}")
    # not resolved: the link that an environment's python is says which environment it is
    python = Path(os.path.abspath(file.parent / Path(path).expanduser()))
    if not os.access(python, os.X_OK):
        raise SettingsError(f"{file}: {library}: there is no Python at {python}")
    return str(python)
