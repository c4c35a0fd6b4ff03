"""The logs of epochs as lines of a CSV file."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

from graphdl.callbacks.base import Callback, Logs, Reported


class CSVLogger(Callback):
    """Writes a line an epoch: its number, then loss, metrics and what callbacks before it add.

    filename: the file, in a folder that exists; separator: one character between the fields; append:
    keep what the file holds and write below it, in its columns. "NA" stands where an epoch has no
    value (validation_freq). The file is whole after every epoch: nothing stays open in between.
    """

    def __init__(
        self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False
    ) -> None:
        if not isinstance(filename, (str, os.PathLike)):
            raise TypeError(f"CSVLogger: filename is a path, got {filename!r:.60}")
        if not isinstance(separator, str) or len(separator) != 1 or separator in '"\r\n':
            raise ValueError(f"CSVLogger: separator is one character, got {separator!r:.60}")
        self.filename, self.separator, self.append = os.fspath(filename), separator, bool(append)
        self._names: tuple[str, ...] = ()
        self.keys: list[str] | None = None

    def check_logs(self, reported: Reported) -> None:
        self._names = reported.names
        if not Path(self.filename).absolute().parent.is_dir():
            raise FileNotFoundError(f"CSVLogger: there is no folder for {self.filename!r}")
        columns = self._columns()
        missing = sorted(set(self._names) - set(columns)) if columns else []
        if missing:
            raise ValueError(
                f"CSVLogger: {self.filename!r} has the columns {', '.join(columns)}, none for "
                f"{', '.join(missing)}; write to another file, or use append=False"
            )

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.keys = self._columns()[1:] or None
        if not self.append:
            Path(self.filename).write_text("", encoding="utf-8")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = logs or {}
        if self.keys is None:
            self.keys = sorted({*self._names, *logs})
            self._write(["epoch", *self.keys])
        self._write([epoch, *(logs.get(key, "NA") for key in self.keys)])

    def _write(self, row: list[Any]) -> None:
        with open(self.filename, "a", encoding="utf-8", newline="") as file:
            csv.writer(file, delimiter=self.separator, lineterminator="\n").writerow(row)

    def _columns(self) -> list[str]:
        """The first line of the file that is appended to; empty where there is none."""
        if not self.append or not os.path.exists(self.filename):
            return []
        with open(self.filename, encoding="utf-8", newline="") as file:
            return next(csv.reader(file, delimiter=self.separator), [])
