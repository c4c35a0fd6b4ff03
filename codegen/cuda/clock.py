"""The clock: whole numbers on the device that say where a run stands.

Step, rows and randomness come from here and not from the numbers that a launch is given, so that the
same launches, captured once, can be run for every step.
"""

from __future__ import annotations

FIELDS = {
    "now": 0,  # steps begun in this run
    "status": 1,  # 0, or the `now` of the step that a guard refused
    "step": 2,  # the number of this step, counted from the first one ever
    "start": 3,  # where its rows begin in the data …
    "rows": 4,  # … and how many there are
    "seed": 5,
    "total": 6,  # rows of data
    "batch": 7,  # rows of a full batch
    "time": 8,  # what is added to a step of the data to have its number
    "last": 9,  # the steps that have begun when this run ends
}


def at(field: str) -> str:
    """A field as text."""
    return f"clock[uint64({FIELDS[field]})]"


ADVANCES = ("step", "start", "rows", "now")  # what it writes
ADVANCE = f'''def advance(clock):
    """The next step: which rows of the data it takes. Runs before all else of a step, in one thread."""
    if {at("status")} == 0:
        now = {at("now")}
        start = now * {at("batch")}
        {at("step")} = {at("time")} + now
        {at("start")} = start
        {at("rows")} = min({at("batch")}, {at("total")} - start)
        {at("now")} = now + 1
'''
