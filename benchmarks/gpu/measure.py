"""Runs the comparisons, one after the other, until they are done or the time is spent."""

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from benchmarks import parts
from benchmarks.compare import Comparison, Plan, compare
from benchmarks.gpu.machine import Unpinned
from benchmarks.gpu.networks import NETWORKS, TF32
from benchmarks.peers.gpu import FLOOR, LIBRARIES, OURS, PRECISION
from benchmarks.process import WorkerError

PREFIX = "gpu."
IN_TF32 = ("gpu.torch_graph", "gpu.jax_scan", FLOOR, "gpu.torch_compile_graph")
VARIABLES = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
"""Ours and a peer share the GPU's memory; JAX would take three quarters of it."""


@dataclass(frozen=True)
class Question:
    """What is to be measured, and how long it may take in all."""

    networks: Sequence[str] = tuple(NETWORKS)
    peers: Sequence[str] = tuple(LIBRARIES)
    pythons: dict[str, str] = field(default_factory=dict)
    plan: Plan = field(default_factory=lambda: Plan(9, 0.1))
    minutes: float = 7.5

    def passes(self) -> Iterator[tuple[str, str]]:
        """Networks and precisions, the small ones first."""
        yield from ((name, "float32") for name in self.networks)
        yield from ((name, "tf32") for name in self.networks if name in TF32)


def measured(question: Question) -> Iterator[tuple[str, Comparison | str]]:
    """(precision, a comparison, or why there is none) of each pass."""
    end = time.monotonic() + 60 * question.minutes

    def say(text: str) -> None:
        if time.monotonic() > end:
            raise WorkerError(f"{question.minutes:g} minutes were over before it began")
        parts.say(text)

    for name, precision in question.passes():
        peers = [p for p in question.peers if precision == "float32" or p in IN_TF32]
        try:
            say(f"{name}, {precision}")
            found = compare(
                NETWORKS[name], OURS, peers, machine_for(question, precision), question.plan, say
            )
        except WorkerError as error:
            yield (
                precision,
                f"{name}, {precision}: {OURS.removeprefix(PREFIX)} did not run: {error}",
            )
        else:
            yield precision, _with_short_names(found)


def machine_for(question: Question, precision: str) -> Unpinned:
    # the loss before and after is NumPy's: on all cores, so that nobody waits for it
    blas = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(os.cpu_count() or 1))
    return Unpinned(1, question.pythons, {**VARIABLES, **blas, PRECISION: precision})


def _with_short_names(found: Comparison) -> Comparison:
    """The peers' names without that of their folder."""
    short = lambda entry: replace(entry, peer=entry.peer.removeprefix(PREFIX))  # noqa: E731
    skipped = {peer.removeprefix(PREFIX): why for peer, why in found.skipped.items()}
    return replace(
        found, base=short(found.base), peers=tuple(map(short, found.peers)), skipped=skipped
    )
