"""Where lines of progress go: a terminal, a notebook, a file, nowhere."""

import html
import os
import sys
import time
from typing import Any, Literal, Protocol, TextIO

from graphdl.progress.line import Line

Verbose = Literal["auto", 0, 1, 2]
INTERVAL = 0.05  # seconds from one drawing to the next


class Screen(Protocol):
    """Where the lines go. `draw` is called only where `live`."""

    live: bool

    def begin(self, headline: str) -> None: ...
    def draw(self, headline: str, line: Line) -> None: ...
    def finish(self, headline: str, line: Line) -> None: ...
    def close(self) -> None: ...


class Silent:
    live = False

    def begin(self, headline: str) -> None: ...
    def draw(self, headline: str, line: Line) -> None: ...
    def finish(self, headline: str, line: Line) -> None: ...
    def close(self) -> None: ...


class Log(Silent):
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


class Terminal(Log):
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

        running = self.running or self._start()
        text = Text.from_ansi(_encodable(line.with_bar(self.colour), self.stream))
        text.no_wrap, text.overflow = True, "ellipsis"
        running.update(text, refresh=True)

    def finish(self, headline: str, line: Line) -> None:
        self._stop(keep=False)
        self.write(line.with_bar(self.colour))

    def close(self) -> None:
        self._stop(keep=True)

    def _start(self) -> Any:
        from rich.console import Console
        from rich.live import Live

        ours = self.stream is sys.stdout
        # Known before it hides the cursor, so that an interrupt in between still shows it again.
        self.running = Live(
            console=Console(file=self.stream),
            auto_refresh=False,
            redirect_stdout=ours,
            redirect_stderr=ours and sys.stderr.isatty(),
        )
        self.running.start()
        return self.running

    def _stop(self, keep: bool) -> None:
        if self.running is not None:
            self.running.transient = not keep
            self.running.stop()
            self.running = None


class Notebook(Silent):
    """One output of the cell, replaced in place; a notebook is saved with its last state."""

    live = True

    def __init__(self) -> None:
        from IPython.display import display  # pyright: ignore[reportMissingImports]

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


def screen_for(verbose: Verbose, stream: TextIO | None) -> Screen:
    notebook = stream is None and _in_notebook()
    stream = sys.stdout if stream is None else stream
    if verbose == 0 or stream is None:  # a process without a console has no stdout
        return Silent()
    terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
    if verbose == 2 or (verbose == "auto" and not (notebook or terminal)):
        return Log(stream, bar=False)
    if notebook:
        return Notebook()
    return Terminal(stream) if terminal else Log(stream, bar=True)


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
