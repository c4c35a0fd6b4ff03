"""One training step on the device, launch by launch: times, gaps, bytes.

Each launch is timed between two events, the median of many steps; what two events take with nothing in
between is taken off. In a fit the launches are replayed from a graph, with less between them: what a
replayed step takes beyond the sum of its launches is the gaps. The bytes of a launch are those of the
arrays that it takes, each once, of data the rows of a batch: what caches keep is not known.
"""

from dataclasses import asdict, dataclass
from itertools import pairwise
from statistics import median
from typing import Any

from benchmarks.peers.gpu.graphdl_fit import GraphdlCuda
from benchmarks.report import table
from benchmarks.workloads import Workload, make_data
from codegen import memory
from codegen.profile import costs

ADAM_BYTES = 28  # a parameter: of float32 four read and three written


@dataclass(frozen=True)
class Launched:
    kernel: str
    what: str
    us: float
    bytes: int


@dataclass(frozen=True)
class Profile:
    """A step of one network. Times in microseconds."""

    network: str
    device: str
    launches: tuple[Launched, ...]
    event_us: float
    """Between two events with nothing in between; taken off each launch."""
    replayed_us: float
    """A step as a fit runs it, the shuffle and the end of an epoch left out."""
    flops: int
    bytes: int
    """What the items of the program read and write, each array of each item once."""
    optimizer_bytes: int
    """That the optimizer cannot do without."""
    floor_us: float | None = None

    @property
    def launched_us(self) -> float:
        return sum(one.us for one in self.launches)

    @property
    def gaps_us(self) -> float:
        """Of the replayed step, in no launch; below 0, launches are slower one by one."""
        return self.replayed_us - self.launched_us

    @property
    def record(self) -> dict:
        return {**asdict(self), "launched_us": self.launched_us, "gaps_us": self.gaps_us}


def profile(workload: Workload, repeats: int = 20) -> Profile:
    """Train an epoch, then look at single steps, and at whole passes."""
    data = make_data(workload)
    trainer = GraphdlCuda(workload, data)
    trainer.train(1)
    model = trainer.model
    session = model._session("train", model._data("fit", data.x, data.labels), workload.batch)
    executable = session.compiled.executable
    device, numbers = executable.device, session.numbers(0, 1, 0, 1)
    event = median(_between(device, lambda: None) for _ in range(repeats))
    steps = [executable.profile(session.binding, numbers) for _ in range(repeats + 1)][1:]
    times = [median(one) for one in zip(*([t for _, t in step] for step in steps), strict=True)]
    session.run(0, session.steps, 0, 1)  # captures
    passes = [_between(device, lambda: session.run(0, session.steps, 0, 1)) for _ in range(5)]
    sizes = session.sizes(workload.batch) | {"total": workload.batch}
    whole = costs(executable.program, sizes)
    parameters = sum((fan_in + 1) * out for fan_in, out in pairwise(workload.sizes))
    calls = zip(executable.emitted.calls, times, strict=True)
    return Profile(
        str(workload), device.name,
        tuple(_launched(call, t - event, sizes) for call, t in calls),
        event * 1e3, median(passes) / session.steps * 1e3,
        sum(c.flops for c in whole), sum(c.bytes for c in whole), ADAM_BYTES * parameters,
    )  # fmt: skip


def text(found: Profile) -> str:
    headings = ("launch", "µs", "MB", "GB/s", "")
    rows = [
        (one.kernel, f"{one.us:.2f}", f"{one.bytes / 1e6:.3f}", _rate(one.bytes, one.us), one.what)
        for one in found.launches
    ]
    floor = f"{found.floor_us:.2f} µs" if found.floor_us else "not measured"
    over = f" ({found.replayed_us / found.floor_us:.2f} ×)" if found.floor_us else ""
    return "\n".join([
        f"{found.network}, on {found.device}", table(headings, rows), "",
        f"launches, one by one       {found.launched_us:10.2f} µs, {len(found.launches)} of them "
        f"({found.event_us:.2f} µs of each event taken off)",
        f"a step of a replayed graph {found.replayed_us:10.2f} µs",
        f"gaps                       {found.gaps_us:10.2f} µs",
        f"operations                 {found.flops / 1e6:10.2f} million",
        f"bytes, item by item        {found.bytes / 1e6:10.2f} MB, "
        f"{_rate(found.bytes, found.replayed_us)} GB/s",
        f"bytes of the optimizer     {found.optimizer_bytes / 1e6:10.2f} MB",
        f"floor                      {floor}{over}",
    ])  # fmt: skip


def _launched(call: Any, milliseconds: float, sizes: dict[str, int]) -> Launched:
    known = {**sizes, **call.sizes}
    notes = [line.strip(" #") for line in call.kernel.lines if line.lstrip().startswith("#")]
    nbytes = sum(memory.nbytes(b, known) for b in dict.fromkeys(call.buffers))
    what = notes[0][:60] if notes else ""
    return Launched(call.kernel.name, what, max(0.0, milliseconds * 1e3), nbytes)


def _between(device: Any, do: Any) -> float:
    """The milliseconds on the device of what is asked meanwhile."""
    first = device.mark()
    do()
    return device.milliseconds(first, device.mark())


def _rate(nbytes: int, us: float) -> str:
    return f"{nbytes / us / 1e3:.1f}" if us > 0 else "-"
