"""What ``fit``, ``evaluate`` and ``predict`` show while they run.

    Epoch 3/20
    34/34 ━━━━━━━━━━━━━━━━━━━━ 0s 12ms/step - accuracy: 0.8711 - loss: 0.4103

On a terminal the second line is live: it is drawn once an epoch has lasted longer than a blink, and
redrawn at most 20 times a second. A notebook gets one output that is replaced in place, so that the
saved file holds the final state. Where nobody watches (a pipe, a log file) an epoch is one line.

Nothing here runs per step: `update` is called after each chunk of steps, and returns at once
between two drawings.
"""

import html
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Protocol, Self, TextIO

from graphdl.table import printable

Verbose = Literal["auto", 0, 1, 2]

INTERVAL = 0.05
BAR_CELLS = 20
_GREEN, _GREY, _BOLD, _PLAIN = "\x1b[32m", "\x1b[90m", "\x1b[1m", "\x1b[0m"


class Progress:
    """The display of one call of ``fit``, ``evaluate`` or ``predict``.

    `verbose` is 0 (silent), 1 (a bar), 2 (one line an epoch) or "auto": 1 on a terminal or in a
    notebook, else 2. `epochs` is None where there are none to count (``evaluate``, ``predict``):
    no headline is printed then. `steps` is the number of steps an epoch has. `stream` is
    ``sys.stdout`` unless given.

    Use it as a context manager: an error or an interrupt then leaves the terminal as it was found.
    """

    def __init__(
        self,
        verbose: Verbose = "auto",
        epochs: int | None = None,
        steps: int = 1,
        stream: TextIO | None = None,
    ) -> None:
        if verbose not in ("auto", 0, 1, 2):
            raise ValueError(f'verbose must be "auto", 0, 1 or 2, not {verbose!r}')
        self._epochs = epochs
        self._steps = steps
        self._screen = _screen_for(verbose, stream)
        self._headline = ""
        self._done = 0
        self._started = self._reported = self._drawn = 0.0

    def begin_epoch(self, epoch: int) -> None:
        """Start the clock of an epoch, counted from 0. Compile before: that is no step's time."""
        self._headline = "" if self._epochs is None else f"Epoch {epoch + 1}/{self._epochs}"
        self._done = 0
        self._screen.begin(self._headline)
        self._started = self._reported = self._drawn = time.perf_counter()

    def update(self, step: int, logs: Mapping[str, float]) -> None:
        """Report that `step` steps of the epoch are done, and the means of `logs` so far."""
        self._done = step
        self._reported = now = time.perf_counter()
        if self._screen.live and now - self._drawn >= INTERVAL and step < self._steps:
            left = (now - self._started) / max(step, 1) * (self._steps - step)
            self._screen.draw(self._headline, self._line(step, left, logs))
            self._drawn = now

    def end_epoch(self, logs: Mapping[str, float]) -> None:
        """Finish the epoch. Its time includes validation, its time a step does not."""
        now = time.perf_counter()
        if self._done == 0:
            self._done, self._reported = self._steps, now
        line = self._line(self._steps, now - self._started, logs)
        self._screen.finish(self._headline, line)

    def close(self) -> None:
        """Release the terminal: an unfinished bar stays as it stands. Harmless when repeated."""
        self._screen.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _line(self, step: int, seconds: float, logs: Mapping[str, float]) -> "Line":
        a_step = (self._reported - self._started) / max(self._done, 1)
        return Line(step, self._steps, seconds, a_step, logs)


@dataclass(frozen=True, slots=True)
class Line:
    """Where an epoch stands, to be written with a bar or plain. Times are in seconds."""

    step: int
    steps: int
    seconds: float
    a_step: float
    logs: Mapping[str, float]

    def with_bar(self, colour: bool) -> str:
        filled = BAR_CELLS * self.step // max(self.steps, 1)
        done, rest, count = "━" * filled, "─" * (BAR_CELLS - filled), self._count()
        if colour:
            count = f"{_BOLD}{count}{_PLAIN}"
            done, rest = f"{_GREEN}{done}{_PLAIN}", f"{_GREY}{rest}{_PLAIN}" if rest else ""
        return f"{count} {done}{rest} {format_duration(self.seconds)} {self._tail()}"

    def plain(self) -> str:
        return f"{self._count()} - {format_duration(self.seconds)} - {self._tail()}"

    def _count(self) -> str:
        return f"{self.step:>{len(str(self.steps))}}/{self.steps}"

    def _tail(self) -> str:
        values = [f"{printable(name)}: {format_value(value)}" for name, value in self.logs.items()]
        return " - ".join([format_step_time(self.a_step), *values])


def format_duration(seconds: float) -> str:
    """``7s``, ``1:05``, ``2:00:09``."""
    whole = int(seconds)
    minutes, hours = whole // 60, whole // 3600
    if hours:
        return f"{hours}:{minutes % 60:02}:{whole % 60:02}"
    return f"{minutes}:{whole % 60:02}" if minutes else f"{whole}s"


def format_step_time(seconds: float) -> str:
    """``2s/step``, ``12ms/step``, ``7µs/step``."""
    if seconds >= 1:
        return f"{seconds:.0f}s/step"
    return f"{seconds * 1e3:.0f}ms/step" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}µs/step"


def format_value(value: float) -> str:
    """Four digits after the point, with an exponent where these would show next to nothing."""
    value = float(value)
    return f"{value:.4f}" if value == 0 or abs(value) > 1e-3 else f"{value:.4e}"


class _Screen(Protocol):
    """Where the lines go. `draw` is called only where `live`."""

    live: bool

    def begin(self, headline: str) -> None: ...
    def draw(self, headline: str, line: Line) -> None: ...
    def finish(self, headline: str, line: Line) -> None: ...
    def close(self) -> None: ...


class _Silent:
    live = False

    def begin(self, headline: str) -> None: ...
    def draw(self, headline: str, line: Line) -> None: ...
    def finish(self, headline: str, line: Line) -> None: ...
    def close(self) -> None: ...


class _Log(_Silent):
    """A stream without a cursor: what a terminal shows in the end, or one line an epoch."""

    def __init__(self, stream: TextIO, bar: bool) -> None:
        self.stream = stream
        self.bar = bar

    def begin(self, headline: str) -> None:
        if self.bar and headline:
            self.write(headline)

    def finish(self, headline: str, line: Line) -> None:
        if self.bar:
            self.write(line.with_bar(colour=False))
        else:
            self.write(" - ".join(filter(None, [headline, line.plain()])))

    def write(self, text: str) -> None:
        self.stream.write(_encodable(text, self.stream) + "\n")
        self.stream.flush()


class _Terminal(_Log):
    """Draws the running epoch with rich, which keeps it below whatever callbacks print.

    A finished epoch is a line like any other, so a fit of short epochs never loads rich.
    """

    live = True

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream, bar=True)
        # Old consoles of Windows print escape sequences instead of obeying them.
        self.colour = not os.environ.get("NO_COLOR") and os.name != "nt"
        self.running: Any = None

    def draw(self, headline: str, line: Line) -> None:
        from rich.text import Text

        if self.running is None:
            self.running = self._start()
        text = Text.from_ansi(_encodable(line.with_bar(self.colour), self.stream))
        text.no_wrap, text.overflow = True, "ellipsis"
        self.running.update(text, refresh=True)

    def finish(self, headline: str, line: Line) -> None:
        self._stop(keep=False)
        self.write(line.with_bar(self.colour))

    def close(self) -> None:
        self._stop(keep=True)

    def _start(self) -> Any:
        from rich.console import Console
        from rich.live import Live

        ours = self.stream is sys.stdout
        live = Live(
            console=Console(file=self.stream),
            auto_refresh=False,
            redirect_stdout=ours,
            redirect_stderr=ours and sys.stderr.isatty(),
        )
        live.start()
        return live

    def _stop(self, keep: bool) -> None:
        live, self.running = self.running, None
        if live is not None:
            live.transient = not keep
            live.stop()


class _Notebook(_Silent):
    """One output of the cell, replaced in place; a notebook is saved with its last state."""

    live = True

    def __init__(self) -> None:
        from IPython.display import display

        self.handle: Any = display(self._bundle(""), raw=True, display_id=True)
        self.pending: tuple[str, Line] | None = None
        self.shown = 0.0

    def draw(self, headline: str, line: Line) -> None:
        self.pending = headline, line
        # A thousand short epochs must not become a thousand messages to the browser.
        if time.perf_counter() - self.shown >= INTERVAL:
            self.close()

    finish = draw

    def close(self) -> None:
        if self.pending is None:
            return
        headline, line = self.pending
        text = "\n".join(filter(None, [headline, line.with_bar(colour=False)]))
        self.handle.update(self._bundle(text), raw=True)
        self.pending, self.shown = None, time.perf_counter()

    def _bundle(self, text: str) -> dict[str, str]:
        return {"text/plain": text, "text/html": f"<pre>{html.escape(text)}</pre>"}


def _screen_for(verbose: Verbose, stream: TextIO | None) -> _Screen:
    notebook = stream is None and _in_notebook()
    stream = sys.stdout if stream is None else stream
    if verbose == 0 or stream is None:  # a process without a console has no stdout
        return _Silent()
    terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
    if verbose == 2 or (verbose == "auto" and not (notebook or terminal)):
        return _Log(stream, bar=False)
    if notebook:
        return _Notebook()
    return _Terminal(stream) if terminal else _Log(stream, bar=True)


def _in_notebook() -> bool:
    # Where IPython is not imported yet, this is no notebook: nothing is loaded to find that out.
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return getattr(shell, "kernel", None) is not None


def _encodable(text: str, stream: TextIO) -> str:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        plain = text.translate(str.maketrans("━─µ", "=.u"))
        return plain.encode(encoding, "backslashreplace").decode(encoding)
    return text
