"""Is the `codegen` that Python would import our own?

Another distribution has a package of that name, and a user may have a `codegen.py` beside a script.
The package is looked up without executing it: a stranger's code may be heavy, or fail.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

OURS = Path(__file__).resolve().parent.parent / "codegen" / "__init__.py"


def require_own_codegen() -> None:
    """Raise ImportError, naming the intruder and the cure, when `codegen` is not graphdl's."""
    found = _found()
    if found == OURS and OURS.is_file():
        return
    raise ImportError(_message(found))


def _found() -> Path | None:
    loaded = sys.modules.get("codegen")
    if loaded is not None:
        origin = getattr(loaded, "__file__", None)
    else:
        spec = importlib.util.find_spec("codegen")
        origin = spec.origin if spec else None
    return Path(origin).resolve() if origin else None


def _message(found: Path | None) -> str:
    need = f"graphdl needs its own package 'codegen' ({OURS.parent})"
    if found is None:
        return (
            f"{need}, but it is missing or only a remnant of it is left: another distribution of that "
            "name was probably uninstalled over it. Reinstall graphdl: "
            "pip install --force-reinstall --no-deps graphdl"
        )
    owners = _owners(found)
    if owners:
        names = ", ".join(f"{name} {version}" for name, version in owners.items())
        cure = f"pip uninstall {' '.join(owners)}, or install graphdl in an environment of its own"
        return f"{need}, but Python finds the one of {names} at {found}. Cure: {cure}"
    return (
        f"{need}, but Python finds {found} first. Rename or move that file: a file or folder called "
        "'codegen' beside your script, or on PYTHONPATH, hides it"
    )


def _owners(found: Path) -> dict[str, str]:
    """Names and versions of the installed distributions that this very file is of."""
    from importlib import metadata  # noqa: PLC0415  (takes 20 ms; needed on failure only)

    names = set(metadata.packages_distributions().get("codegen", ())) - {"graphdl"}
    others = [metadata.distribution(name) for name in sorted(names)]
    file = "codegen/__init__.py"
    return {d.name: d.version for d in others if Path(str(d.locate_file(file))).resolve() == found}
