"""Run the lessons and keep what they draw in docs/pictures. Needs graphdl[data,plot]."""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
environment = {**os.environ, "PICTURES": str(HERE / "pictures"), "PYTHONPATH": str(ROOT)}

for lesson in sorted((ROOT / "examples").glob("[0-9]*.py")):
    if "show(" in lesson.read_text(encoding="utf-8"):
        command = [sys.executable, str(lesson)]
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
