"""Golden vectors: what PyTorch did, in a file, and checked where there is no PyTorch."""

import copy
import dataclasses
import importlib.metadata
import json
import os
import pathlib
import platform
import re
import subprocess
import sys

import jax.numpy as jnp
import jsonschema
import numpy as np
import pytest

import parity
from parity import cli, golden
from parity.cases import CASES, Case, Spec
from parity.cases.by_metric import PLATEAU_CASES
from parity.catalogue import PYTORCH_CASES
from parity.reference import exact
from parity.reference.events import Event

ROOT = pathlib.Path(parity.__file__).parent.parent
FILE = ROOT / "parity" / "vectors" / "torch-2.13.json"
PAGE = (ROOT / "docs" / "golden-vectors.md").read_text()
PROSE = " ".join(PAGE.split())
WRITTEN = json.loads(FILE.read_text())
VECTORS = {vector.case.name: vector for vector in golden.read(FILE)[1]}

COSINE = "CosineAnnealingLR(0.1, T_max=10000)"
LONGEST = "CosineAnnealingLR(0.1, T_max=100000)"


# The committed file ---------------------------------------------------------------------


def test_the_file_has_every_case_and_is_small():
    assert list(VECTORS) == [case.name for case in PYTORCH_CASES]
    assert FILE.stat().st_size < 2_000_000


def test_the_file_follows_its_schema():
    schema = json.loads((FILE.parent / "schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate(WRITTEN)
    small = {**WRITTEN, "cases": WRITTEN["cases"][:1]}
    for spoil in (
        lambda case: case.pop("torch"),
        lambda case: case.update(another=1),
        lambda case: case["torch"].__setitem__(0, 0.1),
        lambda case: case["torch"].__setitem__(0, "nan"),
        lambda case: case["exact"].update(first="0x1.0p+0"),
    ):
        spoilt = copy.deepcopy(small)
        spoil(spoilt["cases"][0])
        assert not validator.is_valid(spoilt)


@pytest.mark.skipif(
    (WRITTEN["torch"], WRITTEN["platform"])
    != (importlib.metadata.version("torch"), f"{platform.system()} {platform.machine()}"),
    reason="the file is of another PyTorch, or of another machine's libm",
)
def test_pytorch_still_does_what_the_file_says():
    cases = [case for case in PYTORCH_CASES if case.steps <= 600]
    assert {case.scheduler for case in cases} == {case.scheduler for case in PYTORCH_CASES}
    anew = json.loads(golden.render([golden.record(case) for case in cases]))
    names = {case.name for case in cases}
    assert anew["functions"].items() <= WRITTEN["functions"].items()
    assert anew["cases"] == [case for case in WRITTEN["cases"] if case["name"] in names]


def test_a_file_that_is_read_and_written_is_the_same():
    cases = json.loads(golden.render(list(VECTORS.values())))["cases"]
    assert cases == WRITTEN["cases"]


def test_an_exact_value_that_decides_is_of_pytorchs_rounding_error():
    # So that the rule of the page, which knows no drift, is that of `parity.compare`.
    deciding = []
    for vector in VECTORS.values():
        values = dict(zip(vector.counts.tolist(), vector.torch.tolist(), strict=True))
        for count, right in vector.exact.items():
            assert right != values[count]
            if np.float32(right) != np.float32(values[count]):
                assert abs(right - values[count]) <= 8 * 2.0**-53 * (count + 1) * max(vector.torch)
                deciding.append(vector.case.name)
    assert deciding == [LONGEST] * 2
    assert "At two counts of all cases that shows in float32" in PROSE


def test_the_page_is_of_this_format():
    assert (golden.COMPLETE, golden.FIRST, golden.LAST, golden.EVEN) == (200, 16, 3, 128)
    assert {*WRITTEN, *WRITTEN["cases"][0]} == set(re.findall(r"`(\w+)`", "".join(TABLES)))


TABLES = re.findall(r"^\| (`.*?`(?:, `.*?`)*) \|", PAGE, re.MULTILINE)


# What is chosen, and how it is written --------------------------------------------------


def long_case(steps):
    return Case(Spec("StepLR", {"step_size": 30}), 0.1, steps)


def test_which_counts_stand_in_the_file():
    assert golden.chosen(long_case(200), []) == list(range(200))
    counts = golden.chosen(long_case(5000), [Event(1777, "milestone"), Event(4999, "milestone")])
    assert counts == sorted(set(counts))
    assert {*range(16), 1776, 1777, 1778, 4997, 4998, 4999} <= set(counts)
    assert counts[-1] == 4999
    assert max(np.diff(counts)) <= 40
    assert len(counts) < 16 + 3 + 3 + 128
    for case in (*PLATEAU_CASES, *(case for case in CASES if case.fractions)):
        assert golden.chosen(case, []) == list(range(case.steps))


def test_every_event_of_a_case_is_in_the_file_with_its_neighbours():
    for vector in VECTORS.values():
        counts = set(vector.counts.tolist())
        for event in vector.events:
            near = {event.count - 1, event.count, event.count + 1}
            assert {k for k in near if 0 <= k < vector.case.steps} <= counts


def test_an_exact_value_next_to_a_tie_keeps_its_float32():
    above = 1 + exact.mp.mpf(2) ** -24 + exact.mp.mpf(2) ** -90
    assert np.float32(float(above)) == 1
    assert np.float32(golden._float64(above)) == np.float32(1 + 2**-23) == exact.to_float32(above)
    assert golden._float64(exact.mp.mpf(0.1)) == 0.1


def test_what_pytorch_cannot_do_is_not_recorded():
    case = Case(Spec("OneCycleLR", {"max_lr": 0.1, "total_steps": 2}), 0.1, 9)
    with pytest.raises(RuntimeError, match="PyTorch ended at count 3: ValueError: Tried to step 3 times"):
        golden.record(case)


# Checking -------------------------------------------------------------------------------


def test_pytorchs_rounding_error_is_excused_as_in_compare():
    found = golden.check(VECTORS[LONGEST])
    assert found.passed
    assert found.correctly_rounded == 2
    # Without the exact value there is nothing to excuse it with.
    bare = golden.check(dataclasses.replace(VECTORS[LONGEST], exact={}))
    assert not bare.passed
    assert bare.steps - bare.identical == 2


@pytest.mark.parametrize(
    "name",
    [
        "StepLR(0.05, step_size=30)",
        "OneCycleLR(max_lr=0.1, total_steps=100, three_phase=True).momentum",
        "CosineAnnealingWarmRestarts(0.1, T_0=7, T_mult=3) by step(epoch)",
        "LambdaLR(0.1, lr_lambda=warmup_then_inverse_sqrt)",
    ],
)
def test_a_whole_trajectory_is_judged_as_by_compare(name):
    case, schedule = VECTORS[name].case, VECTORS[name].case.schedule()

    def broken(k):
        return schedule(jnp.asarray(k + 1, k.dtype if hasattr(k, "dtype") else None)) * 1.5

    for ours in (schedule, broken):
        live = parity.compare(
            ours,
            case.make_torch_scheduler,
            steps=case.steps,
            quantity=case.quantity,
            fractions=case.fractions,
        )
        filed = golden.check(VECTORS[name], ours)
        kept = ("identical", "correctly_rounded", "max_ulp", "first_divergence", "first_failure", "cause")
        if case.steps <= golden.COMPLETE or case.fractions:
            assert [getattr(filed, field) for field in kept] == [getattr(live, field) for field in kept]
        assert filed.passed == live.passed == (ours is schedule)


def test_how_far_pytorch_may_drift_depends_on_the_steps_it_made():
    # Next to the middle between two float32 numbers, on either side of it.
    middle = 0.5 + 2.0**-25
    torch, right = np.array([1.0, middle - 2.0**-40]), middle + 2.0**-40
    ours = np.full(100_001, np.float32(right))
    ours[0] = 1.0
    for count, passes in ((100_000, True), (1, False)):
        counts = np.array([0, count], np.int32)
        vector = golden.Vector(long_case(count + 1), counts, torch, {count: right}, ())
        found = golden.check(vector, ours)
        assert (found.identical, found.correctly_rounded, found.passed) == (1, int(passes), passes)


def test_a_difference_over_gaps_is_named():
    schedule = VECTORS[COSINE].case.schedule()
    found = golden.check(VECTORS[COSINE], lambda k: schedule(k + 1))
    assert found.cause == "1 count ahead of PyTorch: would agree if shifted by −1"
    assert found.first_failure.count == 0
    # Where jaxsched does not agree with the file either, nothing may stand in for PyTorch.
    torch = VECTORS[COSINE].torch.copy()
    torch[40] *= 1.5
    spoilt = dataclasses.replace(VECTORS[COSINE], torch=torch)
    where = f"first differs at count {spoilt.counts[40]}, next to no event of the trajectory"
    values = np.asarray(schedule(np.arange(spoilt.case.steps)))
    assert spoilt.counts[40] > 1000
    assert golden.check(spoilt).cause == golden.check(spoilt, values).cause == where
    assert golden.check(spoilt, lambda k: schedule(k + 1)).cause == "first differs at the first count"


def test_plateau_of_somebody_else():
    name = "ReduceLROnPlateau(0.1, patience=0, factor=0.9) on 'flat, patience 0'"
    ours = VECTORS[name].case.plateau()

    def rates(metrics, skip=0):
        state = ours.init()
        found = [state.lr] * (1 + skip)
        for metric in metrics:
            state = ours.step(state, metric)
            found.append(state.lr)
        return found

    assert golden.check(VECTORS[name]).passed
    assert golden.check(VECTORS[name], rates).passed
    late = golden.check(VECTORS[name], lambda metrics: rates(metrics, skip=1)[:-1])
    assert late.cause == "1 count behind PyTorch: would agree if shifted by +1"


# The commands ---------------------------------------------------------------------------

WITHOUT_TORCH = """
import importlib.metadata, sys

class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ImportError("there is no torch here")

def no_version(name, version=importlib.metadata.version):
    if name == "torch":
        raise importlib.metadata.PackageNotFoundError(name)
    return version(name)

sys.meta_path.insert(0, NoTorch())
importlib.metadata.version = no_version
from parity import cli
for arguments in {arguments}:
    print("exit", int(cli.main(arguments)))
assert "torch" not in sys.modules
"""


def test_check_needs_no_torch(tmp_path):
    arguments = [
        ["check", str(FILE), "--case", "PolynomialLR(0.1, total_iters=100"],
        ["record", "-k", "PolynomialLR(0.1)"],
    ]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH.format(arguments=arguments)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == f"torch {WRITTEN['torch']}, as recorded in {FILE}"
    assert re.match(r"6 passed, 0 failed: ([\d,]+) of \1 values \(100 %\) identical", lines[1])
    # The same import did fail where PyTorch is needed.
    assert lines[2:] == ["exit 0", "exit 3"]
    assert "there is no torch here" in done.stderr


@pytest.fixture
def mine(tmp_path, monkeypatch):
    (tmp_path / "mine_of_golden.py").write_text(
        "from jaxsched import StepLR\n"
        "right = StepLR(0.05, step_size=30)\n"
        "early = lambda k: right(k + 1)\n"
        "def factory():\n    return early\n"
    )
    values = [0.05] * 30 + [0.05 * 0.1] * 30 + [0.05 * 0.1 * 0.1] * 30 + [0.05 * 0.1 * 0.1 * 0.1] * 30
    (tmp_path / "values.csv").write_text("\n".join(map(repr, values)))
    (tmp_path / "few.csv").write_text("0.05\n")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.modules.pop("mine_of_golden", None)


STEP = ("--case", "StepLR(0.05, step_size=30)")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["mine_of_golden:right", *STEP], 0, "passed (120 of 120 values identical to PyTorch's"),
        (
            ["mine_of_golden:early", *STEP],
            1,
            "failed: 1 count ahead of PyTorch: would agree if shifted by −1",
        ),
        (
            ["mine_of_golden:factory", *STEP],
            1,
            "again: parity check {file} mine_of_golden:factory --case 'StepLR(0.05,",
        ),
        (["values.csv", *STEP], 0, "1 passed, 0 failed: 120 of 120 values"),
        (["few.csv", *STEP], 5, "the schedule has 1 values for 120 counts"),
        (["--case", "no such case"], 5, "has 'no such case' in its name"),
        (
            ["mine_of_golden:right"],
            2,
            "check: --case must name one case for mine_of_golden:right to be compared with",
        ),
        (["mine_of_golden:no", *STEP], 2, "check: SCHEDULE: module 'mine_of_golden' has no attribute 'no'"),
    ],
)
def test_check(mine, capsys, arguments, code, says):
    assert cli.main(["check", str(FILE), *arguments]) == code
    captured = capsys.readouterr()
    assert says.format(file=FILE) in captured.out + captured.err


def test_jaxsched_is_made_from_the_arguments_in_the_file(tmp_path, capsys):
    spoilt = {**WRITTEN, "cases": copy.deepcopy(WRITTEN["cases"][:2])}
    spoilt["cases"][1]["spec"]["arguments"]["factor"] = 0.6
    (tmp_path / "golden.json").write_text(json.dumps(spoilt))
    assert cli.main(["check", str(tmp_path / "golden.json")]) == cli.Exit.FAILED
    assert (
        "ConstantLR(0.05, factor=0.6, total_iters=4)\n"
        "failed: only before the end of total_iters at count 4, 0.03 where PyTorch" in capsys.readouterr().out
    )


def test_a_value_that_is_not_pytorchs_is_found(tmp_path, capsys):
    spoilt = {**WRITTEN, "cases": copy.deepcopy(WRITTEN["cases"][:6])}
    spoilt["cases"][4]["torch"][7] = (0.25).hex()
    (tmp_path / "golden.json").write_text(json.dumps(spoilt))
    assert cli.main(["check", str(tmp_path / "golden.json")]) == cli.Exit.FAILED
    text = capsys.readouterr().out
    assert text.startswith(
        f"{spoilt['cases'][4]['name']}\nfailed: wrong at 1 of 148 counts, most at count 7 ("
    )
    assert "against PyTorch's 0.25" in text
    assert "5 passed, 1 failed" in text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[", "must be JSON: "),
        ("[]", "must be a file of golden vectors; `parity record` writes one"),
        ('{"schema_version": 1}', "must be a file of golden vectors; `parity record` writes one"),
        (
            json.dumps({**WRITTEN, "schema_version": 2}),
            "schema_version must be 1, got 2. Take the parity that",
        ),
        (json.dumps({**WRITTEN, "cases": [{}]}), "case 0: KeyError: 'spec'"),
        (
            json.dumps({**WRITTEN, "cases": [{**WRITTEN["cases"][0], "counts": [0] * 20}]}),
            "ConstantLR(0.1): counts must ascend, with a value of PyTorch's for each",
        ),
        (
            json.dumps(WRITTEN).replace("decay_95", "CASES"),
            "function must be one of parity.cases, got 'CASES'",
        ),
    ],
)
def test_what_is_no_file_of_golden_vectors(text, says, tmp_path, capsys):
    path = tmp_path / "golden.json"
    path.write_text(text)
    assert cli.main(["check", str(path)]) == cli.Exit.USAGE
    assert f"check: GOLDEN: {path}: " in (error := capsys.readouterr().err)
    assert says in error


def test_a_file_that_is_not_there(capsys):
    assert cli.main(["check", "nowhere.json"]) == cli.Exit.USAGE
    assert "No such file or directory: 'nowhere.json'" in capsys.readouterr().err


def test_record(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    chosen = ["record", "-k", "StepLR(0.05"]
    assert cli.main([*chosen, "--steps", "40"]) == 0
    assert capsys.readouterr().out == "wrote golden.json: 2 cases, 80 values\n"
    first, _ = json.loads((tmp_path / "golden.json").read_text())["cases"]
    assert (first["steps"], first["counts"]) == (40, list(range(40)))
    assert first["torch"][29:31] == ["0x1.999999999999ap-5", (0.05 * 0.1).hex()]
    assert cli.main(["check", "golden.json"]) == 0
    assert cli.main(["record", "-k", "no such case"]) == cli.Exit.NOTHING
    assert cli.main([*chosen, "-o", "nowhere/golden.json"]) == cli.Exit.USAGE
    assert "record: --output nowhere/golden.json: there is no folder nowhere" in capsys.readouterr().err


def test_a_file_is_recorded_whole_or_not_at_all(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "golden.json").write_text("before")
    monkeypatch.setattr(os, "replace", lambda *paths: (_ for _ in ()).throw(OSError("disk full")))
    assert cli.main(["record", "-k", "StepLR(0.05, st", "--steps", "3"]) == cli.Exit.INTERNAL
    assert [path.name for path in tmp_path.iterdir()] == ["golden.json"]
    assert (tmp_path / "golden.json").read_text() == "before"


# The page -------------------------------------------------------------------------------


def reader(code):
    """Runs the reader of the page, in a Python without any package."""
    return subprocess.run([sys.executable, "-I", "-S", "-c", code], cwd=ROOT, capture_output=True, text=True)


def test_the_reader_of_the_page():
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    done = reader(code)
    assert done.returncode == 0, done.stderr
    assert f"It prints `{done.stdout.strip()}`." in PAGE
    old = "min(k, total_iters)) /"
    assert code.count(old) == 1
    broken = reader(code.replace(old, "min(k + 1, total_iters)) /"))
    assert broken.returncode == 1
    assert "PolynomialLR(0.1) at count 0: 3da3d70a, not 3dcccccd" in broken.stderr


# Every case, without a compiler ----------------------------------------------------------------


@pytest.mark.parametrize(
    "name", [name for name, vector in VECTORS.items() if isinstance(vector.case, Case)], ids=str
)
def test_on_the_host_every_case_is_pytorchs(name):
    """`make parity` compiles them all; on the host, whose bits are the same, all of them take seconds."""
    vector = VECTORS[name]
    right = [
        vector.exact.get(k, x) for k, x in zip(vector.counts.tolist(), vector.torch.tolist(), strict=True)
    ]
    np.testing.assert_array_equal(vector.case.schedule().on_host(vector.inputs), np.float32(right))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "--case must name one case for mine:f to be compared with, one of "),
        (["--case", "StepLR(.1,3)"], "got 'StepLR(.1,3)', which is in no name; close are\n  StepLR("),
        (["--case", "StepLR"], "got 'StepLR', which is in the names of "),
    ],
)
def test_which_case_is_meant(options, said, capsys):
    assert cli.main(["check", str(FILE), "mine:f", *options]) == cli.Exit.USAGE
    assert said in capsys.readouterr().err


def test_a_name_that_a_module_does_not_have(tmp_path, monkeypatch, capsys):
    (tmp_path / "some_schedules.py").write_text("def s_step(count): return 0.1\ndef t_step(): pass\n")
    monkeypatch.chdir(tmp_path)
    for text, said in (
        ("some_schedules:s_stp", "Did you mean some_schedules:s_step"),
        ("some_schedules.py:s_step", "a module is named without .py: some_schedules:s_step"),
    ):
        assert cli.main(["compare", text, "some_schedules:t_step", "--steps", "5"]) == cli.Exit.USAGE
        assert said in capsys.readouterr().err
