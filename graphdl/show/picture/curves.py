"""The curves of a training as SVG: one panel a quantity, training solid, validation dashed.

x is the epoch, counted from 1. The best epoch, that of the least (validation) loss, is marked in
every panel. Values that are not finite leave a gap.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence

from graphdl.show.picture.svg import SVG, safe

PANELS = 4
WIDTH, HEIGHT = 330.0, 220.0
LEFT, RIGHT, TOP, BOTTOM = 54.0, 12.0, 34.0, 34.0
TICKS = 5

STYLE = """
.graphdl-curves{font-family:system-ui,sans-serif;font-size:11px}
.graphdl-curves .ground{fill:#fff}.graphdl-curves text{fill:#1b1f24}
.graphdl-curves .grid{stroke:#d5d9df;stroke-width:1}
.graphdl-curves .line{fill:none;stroke-width:2}
.graphdl-curves .train{stroke:#0072b2}.graphdl-curves .val{stroke:#d55e00;stroke-dasharray:6 4}
.graphdl-curves .dot{stroke:none}
.graphdl-curves .dot.train{fill:#0072b2}.graphdl-curves .dot.val{fill:#d55e00}
.graphdl-curves .best{stroke:#4d5560;stroke-width:1.2;stroke-dasharray:2 3}
.graphdl-curves .middle{text-anchor:middle}.graphdl-curves .end{text-anchor:end}
.graphdl-curves .title{font-size:13px;font-weight:600}
@media(prefers-color-scheme:dark){
.graphdl-curves .ground{fill:#15181d}.graphdl-curves text{fill:#e8eaed}
.graphdl-curves .grid{stroke:#3a414b}.graphdl-curves .best{stroke:#98a1ad}
.graphdl-curves .train{stroke:#56b4e9}.graphdl-curves .val{stroke:#f0a070}
.graphdl-curves .dot.train{fill:#56b4e9}.graphdl-curves .dot.val{fill:#f0a070}
}
"""


def curves(history: Mapping[str, Sequence[float]]) -> SVG:
    """The panels of at most four quantities, the loss first."""
    names = [n for n in history if not n.startswith("val_") and history[n]]
    names.sort(key=lambda n: n != "loss")
    best = best_epoch(history)
    panels = [_panel(n, history, best, k * WIDTH) for k, n in enumerate(names[:PANELS])]
    body = "\n".join(panels)
    prefix = "h" + hashlib.sha256(body.encode()).hexdigest()[:8]
    width, height = f"{WIDTH * max(len(panels), 1):g}", f"{HEIGHT:g}"
    return SVG(
        f'<svg xmlns="http://www.w3.org/2000/svg" class="graphdl-curves" role="img" '
        f'aria-labelledby="{prefix}-title {prefix}-about" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" style="max-width:100%;height:auto">\n'
        f'<title id="{prefix}-title">History of a training</title>\n'
        f'<desc id="{prefix}-about">{safe(described(history))}</desc>\n'
        f'<style>{STYLE}</style>\n<rect class="ground" width="{width}" height="{height}" rx="6"/>\n'
        f"{body}\n</svg>"
    )


def best_epoch(history: Mapping[str, Sequence[float]]) -> int | None:
    """The epoch of the least validation loss, else of the least loss, counted from 0."""
    values = history.get("val_loss") or history.get("loss") or ()
    finite = [(v, k) for k, v in enumerate(values) if math.isfinite(v)]
    return min(finite)[1] if finite else None


def described(history: Mapping[str, Sequence[float]]) -> str:
    """The curves for who cannot see them: where each begins and ends, and the best epoch."""
    ends = [f"{n} from {v[0]:.4g} to {v[-1]:.4g}" for n, v in history.items() if v]
    best = best_epoch(history)
    marked = f"; best epoch {best + 1}" if best is not None else ""
    epochs = max((len(v) for v in history.values()), default=0)
    return f"{epochs} {'epoch' if epochs == 1 else 'epochs'}: {', '.join(ends)}{marked}."


def _panel(
    name: str, history: Mapping[str, Sequence[float]], best: int | None, offset: float
) -> str:
    lines = {"train": history[name], "val": history.get(f"val_{name}", ())}
    values = [v for line in lines.values() for v in line if math.isfinite(v)]
    low, high, step = _scale(values)
    count = max(map(len, lines.values()))
    at_x = lambda k: LEFT + (WIDTH - LEFT - RIGHT) * (k / (count - 1) if count > 1 else 0.5)  # noqa: E731
    at_y = lambda v: HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (v - low) / (high - low)  # noqa: E731
    parts = [*_grid(low, high, step, at_y), *_epochs(count, at_x)]
    if best is not None:
        x = f"{at_x(best):.1f}"
        parts.append(f'<path class="best" d="M{x} {TOP}V{HEIGHT - BOTTOM}"/>')
        words = f"best: epoch {best + 1}"
        parts.append(f'<text class="end" x="{WIDTH - RIGHT}" y="30">{words}</text>')
    for kind, line in lines.items():
        parts += _curve(kind, line, at_x, at_y)
    key = "training ──" + ("   validation ╌╌" if lines["val"] else "")
    parts.append(f'<text class="title" x="{LEFT}" y="16">{safe(name)}</text>')
    parts.append(f'<text x="{LEFT}" y="30">{key}</text>')
    return f'<g transform="translate({offset:g} 0)">{"".join(parts)}</g>'


def _curve(kind: str, line: Sequence[float], at_x, at_y) -> Iterable[str]:  # type: ignore[no-untyped-def]
    """The line, broken where a value is not finite; a value that stands alone is a dot."""
    pieces: list[list[tuple[float, float]]] = [[]]
    for k, v in enumerate(line):
        if math.isfinite(v):
            pieces[-1].append((at_x(k), at_y(v)))
        else:
            pieces.append([])
    for piece in pieces:
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in piece)
        if len(piece) == 1:
            x, y = piece[0]
            yield f'<circle class="dot {kind}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>'
        elif piece:
            yield f'<polyline class="line {kind}" points="{points}"/>'


def _scale(values: Sequence[float]) -> tuple[float, float, float]:
    """A range of round numbers around the values, and the step between grid lines."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    span = high - low or abs(high) or 1.0
    rough = span / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.999)
    bottom = math.floor(low / step) * step
    return bottom, max(math.ceil(high / step) * step, bottom + step), step


def _grid(low: float, high: float, step: float, at_y) -> Iterable[str]:  # type: ignore[no-untyped-def]
    for k in range(round((high - low) / step) + 1):
        y = f"{at_y(low + k * step):.1f}"
        yield f'<path class="grid" d="M{LEFT} {y}H{WIDTH - RIGHT}"/>'
        value = low + k * step
        text = f"{0.0 if abs(value) < step / 2 else value:.4g}"
        yield f'<text class="end" x="{LEFT - 6}" y="{y}" dy="4">{text}</text>'


def _epochs(count: int, at_x) -> Iterable[str]:  # type: ignore[no-untyped-def]
    every = max(1, math.ceil((count - 1) / TICKS))
    for k in range(0, count, every):
        y = HEIGHT - BOTTOM + 14
        yield f'<text class="middle" x="{at_x(k):.1f}" y="{y}">{k + 1}</text>'
    middle = (LEFT + WIDTH - RIGHT) / 2
    yield f'<text class="middle" x="{middle}" y="{HEIGHT - 5}">epoch</text>'
