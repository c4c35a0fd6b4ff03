"""A run's tables, JSON, picture and settings, from made-up times; no test trains a peer."""

import json
import sys
from dataclasses import asdict

import numpy as np
import pytest

from benchmarks import growth, parts
from benchmarks.__main__ import _parser, _resolved
from benchmarks.compare import Comparison, Entry, Plan
from benchmarks.growth import NETWORKS, SERIES, Growth, Point
from benchmarks.parts import Choice
from benchmarks.peers import FLOOR, OURS
from benchmarks.picture import draw
from benchmarks.process import Machine
from benchmarks.report import comparison_record, comparison_text, growth_text, summary_text
from benchmarks.settings import SettingsError, read_pythons
from benchmarks.startup import Startup
from benchmarks.worker import Worker, _answer
from benchmarks.workloads import WORKLOADS, Workload


def entry(peer, times, base_times=(1.0, 1.0, 1.0), loss=0.5, start_loss=1.0):
    return Entry(peer, "1", 10, tuple(times), tuple(base_times), start_loss, loss, 100.0)


def comparison(*peers, threads=1, skipped=None, workload="lecture"):
    base = entry(OURS, [1.0, 1.0, 1.0])
    return Comparison(WORKLOADS[workload], threads, base, peers, skipped or {})


def options(*arguments):
    return _resolved(_parser().parse_args(arguments))


def test_without_arguments_everything_is_measured():
    asked = options()
    assert asked.parts == ["steady", "startup", "growth"]
    assert asked.threads == list(dict.fromkeys([1, Machine.all_cores()]))
    assert tuple(asked.workloads) == tuple(WORKLOADS) and asked.peers[-1] == FLOOR


def test_a_narrow_question_is_about_steady_time_on_one_core():
    asked = options("--workloads", "digits", "--peers", "jax_scan", FLOOR)
    assert (asked.parts, asked.threads, asked.workloads) == (["steady"], [1], ["digits"])
    assert options("--workloads", "digits", "--parts", "growth").parts == ["growth"]
    assert options("--peers", "jax_scan", "--threads", "all").threads == [Machine.all_cores()]


def choice(**changed):
    settings = {
        "base": OURS, "peers": (), "workloads": ("lecture",), "growth": {}, "growth_peers": (),
        "startup": ("lecture",), "startup_peers": (), "plan": Plan(), "repeats": 1,
    }  # fmt: skip
    return Choice(**settings | changed)


def test_a_workload_travels_as_json():
    for workload in WORKLOADS.values():
        assert Workload.from_json(workload.json) == workload


def test_equal_widths_are_folded_in_a_networks_name():
    assert WORKLOADS["deep"].network == "(64×11)-10"
    assert WORKLOADS["mnist-like"].network == "784-512-512-10"


def test_a_peer_ten_times_slower_gets_few_rounds():
    plan = Plan(rounds=9, slow=10.0, few=3)
    assert (plan.rounds_for(1.0, 9.9, 100), plan.rounds_for(1.0, 10.0, 100)) == (9, 3)
    assert Plan(rounds=2).rounds_for(1.0, 50.0, 100) == 2


def test_an_epoch_that_takes_long_gets_few_rounds_unless_they_were_asked_for():
    assert Plan(rounds=9).rounds_for(6e5, 6e5, 2) == 3
    asked = options("--rounds", "9")
    assert Plan(9, asked.round_seconds, long=asked.long).rounds_for(6e5, 6e5, 2) == 9


def test_the_floor_is_no_rival_and_ours_is_divided_by_it():
    result = comparison(entry("jax_scan", [8.0, 9.0, 10.0]), entry(FLOOR, [0.5] * 3, loss=None))
    assert result.fastest.peer == "jax_scan"
    assert result.floor.base_over.median == 2.0
    lines = comparison_text(result).splitlines()
    assert "18.00" in next(line for line in lines if line.startswith("| jax_scan"))
    assert "2.00 (2.00-2.00)" in next(line for line in lines if line.startswith(f"| {OURS}"))


def test_the_goal_is_the_workloads_on_one_core_and_parity_on_several():
    peer = entry("jax_scan", [2.0, 2.0, 2.0])
    assert "goal 8.0 times the fastest peer: does not hold" in comparison_text(comparison(peer))
    assert "goal 1.0 times the fastest peer: holds" in comparison_text(comparison(peer, threads=2))


@pytest.mark.parametrize("loss", [0.9, 0.1, float("nan")])
def test_another_loss_after_the_first_epoch_is_a_warning(loss):
    result = comparison(entry("torch_eager", [2.0] * 3, loss=loss))
    assert list(result.doubtful) == ["torch_eager"]
    assert "WARNING torch_eager: loss" in comparison_text(result)


def test_a_loss_within_what_shuffling_explains_is_none():
    fair = comparison(
        entry("torch_eager", [2.0] * 3, loss=0.54), entry(FLOOR, [1.0] * 3, loss=None)
    )
    assert fair.doubtful == {} and "WARNING" not in comparison_text(fair)


def test_summary_has_a_row_a_network_and_a_column_a_peer():
    first = comparison(entry("jax_scan", [8.0] * 3), entry(FLOOR, [2.0] * 3, loss=None))
    second = comparison(entry("torch_eager", [3.0] * 3), workload="digits")
    lines = summary_text([first, second]).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
    assert cells[0] == ["network", OURS, "× floor", "jax_scan", "torch_eager"]
    assert cells[2] == ["lecture", "1", "0.50 (0.50-0.50)", "8.00 (8.00-8.00)", "-"]
    assert cells[3] == ["digits", "1", "-", "-", "3.00 (3.00-3.00)"]


def test_growth_table_joins_the_series_and_says_where_one_ended():
    ours = Growth(
        "depth", OURS, (Point(1, 2.0, 10.0, 100.0, 0.5), Point(100, 2.1, 900.0, 120.0, 0.5))
    )
    other = Growth("depth", "jax_scan", (Point(1, 1.0, 20.0, 200.0, 0.5),), "ended at depth 100")
    text = growth_text("depth", [ours, other])
    assert "| 100   |" in text and "jax_scan: ended at depth 100" in text
    last = next(line for line in text.splitlines() if line.startswith("| 100 "))
    assert [cell.strip() for cell in last.strip("|").split("|")][-3:] == ["-", "-", "-"]


def test_a_peer_that_takes_long_ends_its_series_and_the_base_does_not(monkeypatch):
    point = Point(1, 2.0, 10.0, 100.0, 0.5)
    monkeypatch.setattr(growth, "_point", lambda *_: (point, 2 * growth.PATIENCE))
    ours, other = growth.measure_growth("depth", (1, 2), [OURS, "jax_scan"], Machine(), str)
    assert len(ours.points) == 2 and not ours.ended
    assert len(other.points) == 1 and other.ended.startswith("ended at depth 1: 60 s")


@pytest.mark.parametrize("axis", SERIES)
def test_networks_grow_along_their_axis_alone(axis):
    small, large = (NETWORKS[axis](value) for value in SERIES[axis][:2])
    differing = [f for f in ("rows", "sizes", "batch", "optimizer")
                 if getattr(small, f) != getattr(large, f)]  # fmt: skip
    assert differing == [{"depth": "sizes", "width": "sizes"}.get(axis, axis)]
    assert all(NETWORKS[axis](value).full_batches >= 1 for value in SERIES[axis])


def test_the_json_of_a_run_draws_its_picture(tmp_path):
    peer, floor = entry("jax_scan", [2.0, 3.0, 4.0]), entry(FLOOR, [1.0] * 3, loss=None)
    steady = [comparison_record(comparison(peer, floor, threads=n)) for n in (1, 2)]
    starts = [asdict(Startup(name, 2.0, 0.5, 0.1, 3)) for name in (OURS, "jax_scan")]
    points = (Point(1, 2.0, 10.0, 100.0, 0.5), Point(10, 2.0, 90.0, 110.0, 0.5))
    record = {
        "steady": steady,
        "startup": [{"workload": "lecture", "startup": starts, "skipped": {}}],
        "growth": [asdict(Growth(axis, OURS, points)) for axis in SERIES],
    }
    read = json.loads(json.dumps(record))
    assert read["steady"][1]["threads"] == 2
    assert read["steady"][0]["times_floor"] == {"median": 1.0, "low": 1.0, "high": 1.0}
    assert read["steady"][0]["peers"][0]["ratio"]["median"] == 3.0
    assert set(read["steady"][0]) == {
        "workload", "threads", "base", "peers", "fastest_peer", "times_floor", "doubtful", "skipped",
    }  # fmt: skip
    draw(read, tmp_path / "new" / "picture.svg")
    assert "lecture" in (tmp_path / "new" / "picture.svg").read_text()


def test_a_part_that_was_not_run_is_not_drawn(tmp_path):
    steady = [comparison_record(comparison(entry("jax_scan", [2.0, 3.0, 4.0])))]
    draw({"steady": steady, "startup": [], "growth": []}, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")


def settings(tmp_path, text):
    file = tmp_path / "benchmarks.toml"
    file.write_text(text)
    return read_pythons(file)


def test_settings_name_an_interpreter_for_all_peers_of_a_library(tmp_path):
    python = tmp_path / "python"
    python.touch(0o755)
    named = settings(tmp_path, '[python]\npytensor = "python"\n')
    assert named == {"pytensor_numba": str(python), "pytensor_scan": str(python)}
    assert read_pythons(tmp_path / "absent.toml") == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[python]\nnumpy = "python"', "no peer uses 'numpy'; known are jax"),
        ('[python]\njax = "nowhere"', "jax: there is no Python at"),
        ("[python]\njax = 3", "jax needs the path of a Python, got 3"),
        ('[pythons]\njax = "python"', r"one table \[python\] is expected, got pythons"),
        ("python = 3", "one table"),
        ("[python", "benchmarks.toml: "),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(tmp_path, text, message):
    with pytest.raises(SettingsError, match=message):
        settings(tmp_path, text)


def test_a_missing_peer_is_skipped_and_named(capsys):
    broken = Machine(pythons={OURS: "/bin/false"})
    assert parts.steady(choice(), broken) == []
    assert (
        f"lecture: {OURS} could not run: its process ended with status 1" in capsys.readouterr().out
    )
    (record,) = parts.startup(choice(startup_peers=[OURS]), broken)
    assert list(record["skipped"]) == [OURS] and record["startup"] == []
    assert f"skipped {OURS}: its process" in capsys.readouterr().out


def test_a_library_that_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    answer = _answer(Worker(WORKLOADS["perceptron"].json, "sklearn_mlp", 0.0), {"do": "setup"})
    assert answer == {"missing": "sklearn"}


@pytest.mark.parametrize("a_lies, b_lies", [(False, False), (True, False), (False, True)])
def test_the_floor_multiplies_matrices_as_they_lie(a_lies, b_lies):
    from benchmarks.peers import floor

    m, n, k = 3, 4, 5
    rng = np.random.default_rng(0)
    a = rng.standard_normal((k, m) if a_lies else (m, k), dtype=np.float32)
    b = rng.standard_normal((n, k) if b_lies else (k, n), dtype=np.float32)
    c = np.empty((m, n), np.float32)
    addresses = (x.ctypes.data for x in (a, b, c))
    product = floor.Product(m, n, k, *addresses, a_lies, b_lies)
    sizes = product.sizes()
    call = product.call(sizes)
    floor._sgemm(*map(int, call))
    assert np.allclose(c, (a.T if a_lies else a) @ (b.T if b_lies else b), atol=1e-6)
    assert call[floor.LEFT] == product.a
