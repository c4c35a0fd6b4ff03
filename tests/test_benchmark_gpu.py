"""The benchmark for GPUs without one: its refusal, its protocol, its tables from made-up times."""

import json
import sys

import pytest

from benchmarks.compare import Comparison, Entry, Plan
from benchmarks.gpu import __main__ as command
from benchmarks.gpu import machine, measure, report
from benchmarks.gpu.networks import NETWORKS
from benchmarks.gpu.profile import Launched, Profile, text
from benchmarks.peers.gpu import FLOOR, LIBRARIES, OURS, PRECISION, tf32
from benchmarks.process import WorkerError
from benchmarks.settings import read_pythons

GPU = {"gpu": "A GPU, compute capability 9.0", "processor": "A CPU", "versions": {"numba": "1"}}


def entry(peer, times, base_times=(1.0, 1.0, 1.0), loss=0.5):
    return Entry(peer, f"{peer} 1", 10, tuple(times), tuple(base_times), 1.0, loss, 100.0)


def comparison(name, *peers, skipped=None):
    own = entry("graphdl_fit", [1.0] * 3)
    return Comparison(NETWORKS[name], 1, own, peers, skipped or {})


def recorded(*results, failed=()):
    return json.loads(json.dumps(report.record_of(GPU, results, failed)))


def test_without_a_gpu_it_says_so_and_measures_nothing(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(command, "found", lambda: ("cpu", "no NVIDIA driver was found"))
    for wanted in ([], ["--profile", "mnist-like"]):
        assert command.main([*wanted, "--json", str(tmp_path / "gpu.json")]) == 1
        said = capsys.readouterr().out
        assert said == "no GPU, and nothing was measured: no NVIDIA driver was found\n"
    assert not any(tmp_path.iterdir())


def test_all_networks_take_whole_batches():
    assert all(w.rows == w.batch * w.full_batches for w in NETWORKS.values())
    assert [(w.network, w.batch) for w in NETWORKS.values()] == [
        ("2-64-64-1", 64), ("30-16-1", 32), ("784-128-10", 128), ("784-512-512-10", 128),
        ("784-4096-4096-10", 1024),
    ]  # fmt: skip
    assert {w.optimizer for w in NETWORKS.values()} == {"adam"}


def test_the_widest_network_is_measured_in_tf32_too():
    question = measure.Question(networks=("micro", "wide"))
    assert list(question.passes()) == [("micro", "float32"), ("wide", "float32"), ("wide", "tf32")]
    for precision in ("float32", "tf32"):
        environment = measure.machine_for(question, precision).environment()
        assert environment[PRECISION] == precision
        assert environment["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"


def test_a_peer_learns_its_precision_from_its_environment(monkeypatch):
    monkeypatch.delenv(PRECISION, raising=False)
    assert not tf32()
    monkeypatch.setenv(PRECISION, "tf32")
    assert tf32()


def test_workers_are_not_pinned():
    assert machine.Unpinned(1).cores == []


def test_without_nvidia_smi_the_record_has_the_drivers_name(monkeypatch):
    monkeypatch.setattr(machine, "require_device", lambda: "A GPU")
    monkeypatch.setenv("PATH", "")
    record = machine.gpu_record()
    assert record["gpu"] == "A GPU" and "driver_version" not in record
    assert record["versions"]["numba"]
    assert machine.gpu_text(record).startswith("A GPU, driver of unknown version, ")


def test_a_peers_interpreter_is_its_librarys(tmp_path):
    python = tmp_path / "python"
    python.touch(0o755)
    (tmp_path / "benchmarks.toml").write_text('[python]\njax = "python"\n')
    named = read_pythons(tmp_path / "benchmarks.toml", LIBRARIES)
    assert named == {"gpu.jax_scan": str(python)}


@pytest.mark.parametrize("peer", LIBRARIES)
def test_a_peer_without_its_library_or_a_gpu_is_refused_by_name(peer, monkeypatch):
    from benchmarks.worker import Worker, _answer

    library = LIBRARIES[peer]
    worker = Worker(NETWORKS["lecture"].json, peer, 0.0)
    monkeypatch.setitem(sys.modules, library, None)
    for name in [n for n in sys.modules if n.startswith("benchmarks.peers.")]:
        monkeypatch.delitem(sys.modules, name)  # as in a process of its own
    assert _answer(worker, {"do": "setup"}) == {"missing": library}


def test_when_the_time_is_over_nothing_more_begins(monkeypatch):
    def compare(workload, base, peers, machine, plan, say):
        assert (base, list(peers)) == (OURS, list(LIBRARIES))
        with pytest.raises(WorkerError, match="0 minutes were over before it began"):
            monkeypatch.setattr(measure.time, "monotonic", lambda: float("inf"))
            say("next")
        return comparison(
            "micro", entry(FLOOR, [0.5] * 3, loss=None), skipped={"gpu.jax_scan": "?"}
        )

    monkeypatch.setattr(measure, "compare", compare)
    monkeypatch.setattr(measure.time, "monotonic", lambda: 0.0)
    question = measure.Question(networks=("micro", "lecture"), minutes=0)
    (precision, first), (_, second) = measure.measured(question)
    assert precision == "float32" and first.floor.peer == "floor"
    assert first.skipped == {"jax_scan": "?"}
    assert (
        second == "lecture, float32: graphdl_fit did not run: 0 minutes were over before it began"
    )


def test_the_table_of_a_record_is_that_of_the_run():
    peers = entry("torch_graph", [2.0, 3.0, 4.0]), entry("floor", [0.5] * 3, loss=None)
    results = [
        ("float32", comparison("micro", *peers, skipped={"jax_scan": "jax is not installed"})),
        ("tf32", comparison("wide", entry("torch_eager", [5.0] * 3))),
    ]
    record = recorded(*results, failed=["small, float32: graphdl_fit did not run: why"])
    assert report.results_of(record) == results
    lines = report.tables_text(record).splitlines()
    assert lines[0] == "A GPU, compute capability 9.0, driver of unknown version, A CPU"
    cells = [[c.strip() for c in line.strip("|").split("|")] for line in lines[2:6]]
    assert cells[0] == [
        "network, batch",
        "graphdl, µs",
        "× floor",
        "PyTorch",
        "PyTorch, CUDA graph",
    ]
    assert cells[2] == ["2-64-64-1, 64", "1", "2.00 (2.00-2.00)", "-", "3.00 (2.20-3.80)"]
    assert cells[3] == ["784-4096-4096-10, 1024, tf32", "1", "-", "5.00 (5.00-5.00)", "-"]
    assert "numba 1, torch_graph 1, floor 1, torch_eager 1" in lines
    assert lines[-2:] == [
        "skipped jax_scan (micro float32): jax is not installed",
        "small, float32: graphdl_fit did not run: why",
    ]


def test_goals_are_held_against_the_fastest_peer_and_on_the_widest_against_the_floor():
    micro = report.network_text("float32", comparison("micro", entry("jax_scan", [3.0] * 3)))
    assert "goal 2.0 times the fastest peer: holds (jax_scan 3.00" in micro
    near, far = (entry("floor", [t] * 3, loss=None) for t in (0.9, 0.8))
    assert "goal at most 1.15 × floor: holds" in report.network_text(
        "float32", comparison("wide", near)
    )
    assert "does not hold" in report.network_text("float32", comparison("wide", far))


def test_a_record_is_shown_without_a_gpu(tmp_path, capsys):
    file = tmp_path / "gpu.json"
    file.write_text(json.dumps(recorded(("float32", comparison("lecture")))))
    assert command.main(["--show", str(file)]) == 0
    assert "| 30-16-1, 32" in capsys.readouterr().out


def test_a_run_writes_json_and_a_table_and_names_what_failed(monkeypatch, tmp_path, capsys):
    made = iter([("float32", comparison("micro")), ("float32", "wide, float32: it did not run")])
    monkeypatch.setattr(command, "found", lambda: ("cuda", "A GPU"))
    monkeypatch.setattr(command, "gpu_record", lambda: GPU)
    monkeypatch.setattr(command, "measured", lambda question: made)
    assert command.main(["--json", str(tmp_path / "new" / "gpu.json")]) == 0
    record = json.loads((tmp_path / "new" / "gpu.json").read_text())
    assert record["machine"] == GPU and record["failed"] == ["wide, float32: it did not run"]
    table = (tmp_path / "new" / "gpu.md").read_text()
    assert table in capsys.readouterr().out and "2-64-64-1" in table


def test_a_question_is_narrowed_by_options():
    options = command._parser().parse_args(
        ["--networks", "wide", "--peers", "floor", "--rounds", "3", "--minutes", "1"]
    )
    asked = command._question(options)
    assert (asked.networks, asked.peers, asked.minutes) == (["wide"], [FLOOR], 1)
    assert asked.plan == Plan(3, 0.1)


def test_a_profile_tells_launches_gaps_bytes_and_the_floor():
    launches = (Launched("advance", "", 1.0, 0), Launched("kernel1", "z = x @ W", 4.0, 8000))
    made = Profile("a net", "A GPU", launches, 0.5, 6.0, 2_000_000, 12_000, 28_000, 3.0)
    assert (made.launched_us, made.gaps_us) == (5.0, 1.0)
    said = text(made)
    assert "z = x @ W" in said and "| kernel1 | 4.00 | 0.008 |  2.0 |" in said
    assert "3.00 µs (2.00 ×)" in said
    assert json.loads(json.dumps(made.record))["gaps_us"] == 1.0
    assert "not measured" in text(Profile("a net", "A GPU", launches, 0.5, 6.0, 1, 1, 1))
