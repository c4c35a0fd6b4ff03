import io
import os
import re
import signal
import subprocess
import sys
import types

import pytest

from graphdl import progress
from graphdl.progress import Progress, screens
from graphdl.progress.line import format_duration, format_step_time, format_value


class Screen(io.StringIO):
    """A terminal that keeps all it was sent."""

    def isatty(self):
        return True


class Clock:
    """Time that moves only when it is told to."""

    def __init__(self):
        self.now = 100.0

    def perf_counter(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    monkeypatch.setattr(screens, "time", clock)
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    return clock


def run_epochs(display, clock, epochs=2, chunk=0.2):
    """Two chunks an epoch, of 17 steps and `chunk` seconds each."""
    with display:
        for epoch in range(epochs):
            display.begin_epoch(epoch)
            for step in (17, 34):
                clock.now += chunk
                display.update(step, {"accuracy": 0.5, "loss": 0.7})
            clock.now += 1
            display.end_epoch({"accuracy": 0.87114, "loss": 0.41032, "val_loss": 5e-5})


def plain(text):
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def test_a_file_gets_one_line_an_epoch(clock):
    stream = io.StringIO()
    run_epochs(Progress(epochs=20, steps=34, stream=stream), clock)
    assert stream.getvalue().splitlines() == [
        f"Epoch {epoch}/20 - 34/34 - 1s - 12ms/step"
        " - accuracy: 0.8711 - loss: 0.4103 - val_loss: 5.0000e-05"
        for epoch in (1, 2)
    ]


def test_verbose_1_writes_the_finished_bar_into_a_file(clock):
    stream = io.StringIO()
    run_epochs(Progress(verbose=1, epochs=20, steps=34, stream=stream), clock, epochs=1)
    assert stream.getvalue() == (
        "Epoch 1/20\n"
        "34/34 ━━━━━━━━━━━━━━━━━━━━ 1s 12ms/step"
        " - accuracy: 0.8711 - loss: 0.4103 - val_loss: 5.0000e-05\n"
    )


def test_verbose_0_is_silent(clock, capsys):
    run_epochs(Progress(verbose=0, epochs=2, steps=34), clock)
    assert capsys.readouterr() == ("", "")


def test_without_epochs_there_is_no_headline(clock):
    for verbose, start in ((1, "34/34 ━"), (2, "34/34 - ")):
        stream = io.StringIO()
        run_epochs(Progress(verbose, steps=34, stream=stream), clock, epochs=1)
        assert stream.getvalue().startswith(start)


def test_a_terminal_sees_the_running_epoch_and_keeps_the_finished_one(clock):
    screen = Screen()
    run_epochs(Progress(epochs=2, steps=34, stream=screen), clock, epochs=1)
    text = plain(screen.getvalue())
    assert "17/34 ━━━━━━━━━━────────── 0s 12ms/step - accuracy: 0.5000 - loss: 0.7000" in text
    assert text.endswith(
        "34/34 ━━━━━━━━━━━━━━━━━━━━ 1s 12ms/step"
        " - accuracy: 0.8711 - loss: 0.4103 - val_loss: 5.0000e-05\n"
    )
    assert "\x1b[32m━" in screen.getvalue()
    assert screen.getvalue().rfind("\x1b[?25h") > screen.getvalue().rfind("\x1b[?25l") > 0


def test_no_color_is_honoured(clock, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    screen = Screen()
    run_epochs(Progress(epochs=2, steps=34, stream=screen), clock)
    assert "17/34" in screen.getvalue() and not re.search(r"\x1b\[[0-9;]*m", screen.getvalue())


def test_a_dumb_terminal_is_a_file(clock, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    screen = Screen()
    run_epochs(Progress(epochs=2, steps=34, stream=screen), clock)
    assert len(screen.getvalue().splitlines()) == 2 and "\x1b" not in screen.getvalue()


def test_the_bar_is_drawn_at_most_20_times_a_second(clock, monkeypatch):
    drawn = []
    monkeypatch.setattr(screens.Terminal, "draw", lambda self, *line: drawn.append(line))
    display = Progress(epochs=1, steps=10_000, stream=Screen())
    display.begin_epoch(0)
    for step in range(1, 10_000):
        clock.now += 0.001
        display.update(step, {})
    assert 180 <= len(drawn) <= 200


def test_short_epochs_draw_no_live_bar(clock):
    screen = Screen()
    run_epochs(Progress(epochs=2, steps=34, stream=screen), clock, chunk=0.0001)
    assert "\x1b[?25l" not in screen.getvalue()
    assert plain(screen.getvalue()).count("34/34 ━━━━━━━━━━━━━━━━━━━━ 1s 6µs/step") == 2


def test_the_time_left_is_shown_while_an_epoch_runs(clock, monkeypatch):
    lines = []
    monkeypatch.setattr(screens.Terminal, "draw", lambda self, _, line: lines.append(line))
    display = Progress(epochs=1, steps=100, stream=Screen())
    display.begin_epoch(0)
    clock.now += 10
    display.update(25, {})
    assert lines[0].with_bar(colour=False) == " 25/100 ━━━━━─────────────── 30s 400ms/step"


def test_an_interrupt_leaves_the_bar_and_shows_the_cursor(clock):
    screen = Screen()
    with pytest.raises(KeyboardInterrupt), Progress(epochs=2, steps=34, stream=screen) as display:
        display.begin_epoch(0)
        clock.now += 1
        display.update(17, {"loss": 0.5})
        raise KeyboardInterrupt
    assert plain(screen.getvalue()).endswith("loss: 0.5000\n")
    assert screen.getvalue().rfind("\x1b[?25h") > screen.getvalue().rfind("\x1b[?25l") > 0
    display.close()


def test_a_long_line_is_cut_while_it_is_live_and_whole_in_the_end(clock, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    screen = Screen()
    run_epochs(Progress(epochs=1, steps=34, stream=screen), clock, epochs=1)
    live = next(line for line in plain(screen.getvalue()).splitlines() if "17/34" in line)
    assert live.rstrip("\r").split("\r")[-1].endswith("…")
    assert "val_loss: 5.0000e-05" in screen.getvalue()


def test_names_cannot_move_the_cursor(clock):
    stream = io.StringIO()
    with Progress(2, epochs=1, steps=1, stream=stream) as display:
        display.begin_epoch(0)
        display.end_epoch({"\x1b[2Jloss\n[red]\ud800": 1.0})
    assert "\\x1b[2Jloss\\n[red]\\ud800: 1.0000\n" in stream.getvalue()


def test_a_stream_of_ascii_gets_ascii(clock):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    with Progress(1, epochs=1, steps=34, stream=stream) as display:
        display.begin_epoch(0)
        clock.now += 0.0001
        display.update(34, {})
        display.end_epoch({"ŷ": 1.0})
    last = raw.getvalue().decode("ascii").splitlines()[-1]
    assert last == "34/34 ==================== 0s 3us/step - \\u0177: 1.0000"


def test_an_unknown_verbosity_is_refused():
    with pytest.raises(ValueError, match='verbose must be "auto", 0, 1 or 2, not 3'):
        Progress(verbose=3)


class Notebook:
    """Stands in for IPython in a kernel: records what the cell's output is."""

    def __init__(self):
        self.outputs = []

    def get_ipython(self):
        return types.SimpleNamespace(kernel=object())

    def display(self, bundle, raw, display_id):
        assert raw and display_id
        self.outputs.append(bundle)
        return self

    def update(self, bundle, raw):
        assert raw
        self.outputs.append(bundle)


@pytest.fixture
def notebook(monkeypatch):
    notebook = Notebook()
    monkeypatch.setitem(sys.modules, "IPython", notebook)
    monkeypatch.setitem(sys.modules, "IPython.display", notebook)
    return notebook


def test_a_notebook_keeps_the_final_state(clock, notebook, capsys):
    run_epochs(Progress(epochs=2, steps=34), clock)
    last = notebook.outputs[-1]
    assert last["text/plain"].startswith("Epoch 2/2\n34/34 ━━━━━━━━━━━━━━━━━━━━ 1s 12ms/step - acc")
    assert last["text/html"] == f"<pre>{last['text/plain']}</pre>"
    assert any("17/34" in bundle["text/plain"] for bundle in notebook.outputs)
    assert capsys.readouterr().out == ""


def test_short_epochs_do_not_flood_a_notebook(clock, notebook):
    display = Progress(epochs=1000, steps=1)
    with display:
        for epoch in range(1000):
            display.begin_epoch(epoch)
            clock.now += 0.001
            display.end_epoch({"<b>": 1.0})
    assert 15 <= len(notebook.outputs) <= 25
    assert "Epoch 1000/1000" in notebook.outputs[-1]["text/plain"]
    assert "&lt;b&gt;: 1.0000" in notebook.outputs[-1]["text/html"]


def test_verbose_2_is_lines_in_a_notebook_too(clock, notebook, capsys):
    run_epochs(Progress(2, epochs=2, steps=34), clock)
    assert len(capsys.readouterr().out.splitlines()) == 2 and not notebook.outputs


PROGRAM = """
import sys, time
from graphdl.progress import Progress
assert "rich" not in sys.modules
with Progress(epochs=9, steps=900) as display:
    display.begin_epoch(0)
    for step in range(1, 900):
        time.sleep(0.02)
        display.update(step, {"loss": 0.5})
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_ctrl_c_on_a_terminal_shows_the_cursor_again():
    keyboard, terminal = os.openpty()
    environment = os.environ | {"TERM": "xterm"}
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdin=terminal,
        stdout=terminal,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    os.close(terminal)
    seen = b""
    while b"ms/step" not in seen:
        seen += os.read(keyboard, 4096)
    process.send_signal(signal.SIGINT)
    seen += _rest(keyboard)
    os.close(keyboard)
    assert process.wait() != 0
    assert seen.rfind(b"\x1b[?25h") > seen.rfind(b"\x1b[?25l") > 0
    assert seen.rstrip(b"\x1b[?25h").endswith(b"\n")


def _rest(keyboard):
    """What is still to be read, until the other side is closed (Linux says so with an error)."""
    rest = b""
    try:
        while chunk := os.read(keyboard, 4096):
            rest += chunk
    except OSError:
        return rest
    return rest


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (59.9, "59s"), (65, "1:05"), (3600, "1:00:00"), (7209, "2:00:09")],
)
def test_durations(seconds, text):
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(2.4, "2s/step"), (0.0124, "12ms/step"), (0.001, "1ms/step"), (0.00099, "990µs/step")]
    + [(7.2e-6, "7µs/step"), (0, "0µs/step")],
)
def test_step_times(seconds, text):
    assert format_step_time(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.87114, "0.8711"), (-12.5, "-12.5000"), (0, "0.0000"), (5e-5, "5.0000e-05")]
    + [(float("nan"), "nan"), (float("inf"), "inf")],
)
def test_values(value, text):
    assert format_value(value) == text
