"""Printed programs run by Node.js: one process, a line of JSON in and one out for each run."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

SERVER = r"""
const vm = require("vm");
const lines = require("readline").createInterface({ input: process.stdin });
const KINDS = { Float64Array, Float32Array, Int32Array, Uint8Array };
const read = ([kind, text]) => {
  const bytes = Uint8Array.from(Buffer.from(text, "base64"));
  return new KINDS[kind](bytes.buffer);
};
const write = (a) => [
  a.constructor.name, Buffer.from(a.buffer, a.byteOffset, a.byteLength).toString("base64"),
];
const map = (o, f) => Object.fromEntries(Object.entries(o).map(([k, v]) => [k, f(v)]));
const answer = ({ source, name, arrays, sizes, scalars, calls }) => {
  const program = vm.runInThisContext(`${source}\n${name};`)();
  const held = map(arrays, read);
  const numbers = map(scalars, (v) => read(v)[0]);
  const status = calls.map((options) => program.run(held, sizes, numbers, options));
  const buffers = [...program.arguments, ...program.temps];
  const shapes = Object.fromEntries(buffers.map((b) => [b.name, b.shape(sizes)]));
  return { status, arrays: map(held, write), shapes };
};
lines.on("line", (line) => {
  let result;
  try {
    result = answer(JSON.parse(line));
  } catch (error) {
    result = { error: `${error.name}: ${error.message}` };
  }
  console.log(JSON.stringify(result));
});
"""
KINDS = {
    "float64": "Float64Array",
    "float32": "Float32Array",
    "int32": "Int32Array",
    "uint8": "Uint8Array",
}
HELD = {"float32": "float64", "int64": "float64", "bool": "uint8"}  # what a page holds them in


class Node:
    """A Node.js that makes no code out of strings, so that no program can rely on it."""

    def __init__(self) -> None:
        path = shutil.which("node")
        if path is None:
            pytest.skip("printed programs are run by Node.js, and there is no `node` on the path")
        self.process = subprocess.Popen(
            [path, "--disallow-code-generation-from-strings", "-e", SERVER],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8",
        )  # fmt: skip

    def close(self) -> None:
        self.process.communicate()

    def run(
        self,
        source: str,
        arrays: Mapping[str, Any],
        sizes: Mapping[str, int] | None = None,
        scalars: Mapping[str, float] | None = None,
        calls: Sequence[Mapping[str, int]] = ({},),
        name: str = "makeProgram",
    ) -> tuple[list[int], dict[str, np.ndarray]]:
        """What each call returned, and all arrays afterwards, flat; RuntimeError where it threw.

        `shapes` then holds what the program says of its buffers.
        """
        request = {
            "source": source, "name": name, "sizes": sizes or {}, "calls": list(calls),
            "arrays": {k: _packed(np.asarray(v)) for k, v in arrays.items()},
            "scalars": {k: _packed(np.float64(v)) for k, v in (scalars or {}).items()},
        }  # fmt: skip
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        found = json.loads(self.process.stdout.readline())
        if "error" in found:
            raise RuntimeError(found["error"])
        self.shapes = found["shapes"]
        return found["status"], {k: _unpacked(*v) for k, v in found["arrays"].items()}


def _packed(a: np.ndarray) -> tuple[str, str]:
    """Kind and bytes: every number travels to the bit."""
    a = np.ascontiguousarray(a, HELD.get(a.dtype.name, a.dtype.name))
    return KINDS[a.dtype.name], base64.b64encode(a.tobytes()).decode()


def _unpacked(kind: str, text: str) -> np.ndarray:
    dtype = next(d for d, k in KINDS.items() if k == kind)
    return np.frombuffer(base64.b64decode(text), dtype)
