"""The benchmarks run at tiny sizes; nothing here depends on a time."""

import importlib.util
import json
import math

import jax
import pyperf
import pytest

import benchmarks.__main__ as command
from benchmarks import compile, harness, instructions

LIBTPU = importlib.util.find_spec("libtpu") and importlib.util.find_spec("flatbuffers")


@pytest.fixture(autouse=True)
def strict():
    """Optax is measured as people run it: with JAX's own promotion."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    quick = ["--quick", "--turns", "1", "--output", str(folder), "--page", str(folder / "docs")]
    assert command.main(quick) == 0
    return folder


@pytest.mark.slow
def test_every_race_has_finite_ratios(folder):
    results = json.loads((folder / "results.json").read_text())
    names = {result["race"] for result in results}
    for name, _ in command.races(quick=True):
        assert name in names or name.startswith("growth") or (name.startswith("TPU") and not LIBTPU), name
    for result in results:
        assert 0 < result["ratio"] < math.inf, result
        assert result["verdict"] in ("reached", "undecided", "missed")


@pytest.mark.slow
def test_pyperf_reads_all_values(folder):
    suite = pyperf.BenchmarkSuite.load(str(folder / "pyperf.json"))
    names = {name for name, _ in command.races(quick=True) if LIBTPU or not name.startswith("TPU")}
    assert {f"{name}: {harness.OURS}" for name in names} <= set(suite.get_benchmark_names())


@pytest.mark.slow
def test_the_page_shows_every_result_and_every_growth(folder):
    page = (folder / "docs" / "benchmarks.md").read_text()
    for result in json.loads((folder / "results.json").read_text()):
        assert f"| {result['race']} |" in page
    for what in ("phases", "milestones", "cycles", "groups", "count", "goals"):
        assert f"(benchmarks/{what}.svg)" in page
        assert (folder / "docs" / "benchmarks" / f"{what}.svg").exists()


def test_what_cannot_be_run_is_named(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(instructions, "missing", lambda targets: "a compiler is missing")
    assert command.main(["--quick", "-k", "TPU instructions StepLR", "--output", str(tmp_path)]) == 1
    assert "It takes no TPU, but its compiler: a compiler is missing" in capsys.readouterr().out


@pytest.mark.slow
def test_settings_given_as_arrays_compile_once():
    (_, ours), (_, theirs) = compile._runs(compile.QUICK_SETTINGS).values()
    assert (ours, theirs) == (1, compile.QUICK_SETTINGS)


def side(values):
    values = iter(values)
    return harness.Side(lambda loops: next(values), once=True)


def race(ours, theirs, least):
    return harness.Race(
        "race", {harness.OURS: side(ours), "other": side(theirs)}, [harness.Goal("other", least)]
    )


@pytest.mark.parametrize(
    ("ours", "theirs", "least", "verdict"),
    [
        ([1.0, 1.0, 1.0], [2.0, 2.0, 2.0], 2.0, "reached"),
        ([1.0, 1.0, 1.0], [2.0, 2.0, 2.0], 2.1, "missed"),
        ([1.0, 1.0, 1.0], [1.0, 2.0, 4.0], 2.5, "undecided"),
        # Turn by turn: a machine that becomes slower for both changes no ratio.
        ([1.0, 10.0, 100.0], [2.0, 20.0, 200.0], 2.0, "reached"),
    ],
)
def test_verdicts(ours, theirs, least, verdict):
    (result,), benchmarks = harness.run(race(ours, theirs, least), turns=3)
    assert result.verdict == verdict
    assert [benchmark.get_values() for benchmark in benchmarks] == [tuple(ours), tuple(theirs)]


def test_the_sides_take_turns():
    order = []

    def noting(name):
        return harness.Side(lambda loops: order.append(name) or 1.0, once=True)

    sides = {name: noting(name) for name in (harness.OURS, "a", "b")}
    harness.run(harness.Race("race", sides, []), turns=2)
    assert order == [harness.OURS, "a", "b", "b", "a", harness.OURS]


def test_a_turn_is_long_enough_to_be_timed():
    loops = []

    def measure(n):
        loops.append(n)
        return n * harness.TURN_SECONDS / 10

    harness.run(harness.Race("race", {harness.OURS: harness.Side(measure)}, []), turns=1)
    assert loops == [1, 1, 10]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-k", "nothing"], "-k must select a race, got 'nothing'. --list names them all."),
        (["--turns", "0"], "--turns must be at least 1, got 0. 11 make a good spread."),
    ],
)
def test_bad_arguments(arguments, message, capsys):
    with pytest.raises(SystemExit):
        command.main(arguments)
    assert message in capsys.readouterr().err
