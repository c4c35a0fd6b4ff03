"""What the pictures share: axes to draw on, colours, and a second cue beside each colour."""

from __future__ import annotations

from typing import Any

import numpy as np

# Okabe and Ito's palette: told apart with every common form of colour blindness
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (2, 1)))
MARKERS = "osD^vPX"
GREY = "#606060"


def pyplot() -> Any:
    """matplotlib.pyplot; raises ImportError that says which extra brings it."""
    try:
        from matplotlib import pyplot as plt
    except ImportError as error:
        raise ImportError(
            'pictures are drawn by matplotlib, which is not installed: pip install "graphdl[plot]"'
        ) from error
    return plt


def axes(ax: Any = None, size: tuple[float, float] = (6.4, 4.4)) -> Any:
    """The axes that were given, or those of a new figure. Nothing is shown or saved."""
    return ax if ax is not None else pyplot().subplots(figsize=size, layout="constrained")[1]


def pair(ax: Any = None, size: tuple[float, float] = (11.0, 4.4)) -> Any:
    """Two axes side by side: those that were given, or those of a new figure."""
    if ax is None:
        return pyplot().subplots(1, 2, figsize=size, layout="constrained")[1]
    if np.size(ax) != 2:
        raise ValueError(f"this picture has two parts: ax is a pair of axes, got {ax!r:.60}")
    return np.ravel(ax)


def line(k: int, marks: bool = False) -> dict[str, Any]:
    """Colour and dashes of the k-th line, no two pairs alike for 49 lines; with `marks` a marker."""
    turn = k // len(COLOURS)
    style = {"color": COLOURS[k % len(COLOURS)], "linestyle": DASHES[(k + turn) % len(DASHES)]}
    return style | ({"marker": MARKERS[k % len(MARKERS)], "markersize": 5} if marks else {})


def finish(ax: Any, x: str, y: str, title: str = "", legend: bool = True) -> Any:
    """Labels, a light grid and, where several things are drawn, a legend."""
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    if title:
        ax.set_title(title)
    ax.grid(alpha=0.25)
    ax.set_axisbelow(True)
    if legend and ax.get_legend_handles_labels()[0]:
        ax.legend(fontsize="small")
    return ax
