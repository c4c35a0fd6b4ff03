"""What the lessons draw with: a notebook shows a picture, a script saves it where PICTURES says."""

import os
import sys
from pathlib import Path


def show(study, name, draw="plot"):
    """Draw a study, by its method `draw`, in a notebook or into the folder that PICTURES names.

    A script without that folder draws nothing, and so needs no matplotlib.
    """
    folder = os.environ.get("PICTURES")
    if not folder and "ipykernel" not in sys.modules:
        return
    if folder:
        import matplotlib

        matplotlib.use("agg")  # a file needs no screen
    axes = getattr(study, draw)()
    if folder:
        figure = getattr(axes, "flat", [axes])[0].figure
        Path(folder).mkdir(parents=True, exist_ok=True)
        figure.savefig(Path(folder) / f"{name}.png", dpi=90)
