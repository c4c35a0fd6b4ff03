"""The command line. Exit codes: 0 done, 1 failed, 2 asked wrongly, 130 stopped by Ctrl-C."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence

from graphdl.cli import explore, train
from graphdl.cli.arguments import parser
from graphdl.core.errors import GraphdlError

COMMANDS = {"train": train, "explore": explore}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (the process's own if None) and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show ┃ or ∂ gets an escape instead of ending the run.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    arguments = parser().parse_args(argv)
    try:
        COMMANDS[arguments.command].run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read us, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return _failed("stopped", 130)
    except (GraphdlError, ImportError, ValueError, NotImplementedError, OSError) as error:
        return _failed(f"error: {error}", 1)
    return 0


def _failed(message: str, code: int) -> int:
    sys.stderr.write(f"graphdl: {message}\n")
    return code
