"""`parity compare` with what programs have logged: read, or refused, and never passed over."""

import json

import numpy as np
import pytest

from jaxsched._trajectories import log
from parity import cli

MODULE = """
import jaxsched, numpy as np, torch
schedule = jaxsched.StepLR(0.1, step_size=30)
slow = jaxsched.PerEpoch(schedule, 10)
three = jaxsched.StepLR(0.1, step_size=3)
flat = lambda k: 0.1
def make():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    return torch.optim.lr_scheduler.StepLR(optimizer, 30)
def rates(metrics): return np.ones(len(metrics) + 1) * 0.1
def complex_rates(metrics): return rates(metrics) + 5j
def texts(metrics): return ["0.1"] * (len(metrics) + 1)
def too_many(metrics): return np.ones(len(metrics) + 4)
def generator(metrics): return (x for x in metrics)
"""
TENTH = [(k, 0.1 * 0.1 ** (k // 30)) for k in range(0, 100, 10)]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(MODULE)
    monkeypatch.delitem(__import__("sys").modules, "mine", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def table(heading, rows):
    return "\n".join([heading, *(",".join(map(str, row)) for row in rows)]) + "\n"


@pytest.mark.parametrize(
    "heading",
    [
        "step,lr",
        "train/global_step,lr",
        "steps,lr",
        "epoch,lr",
        "_step,lr",
        "trainer/global_step,lr",
        "iters,lr",
    ],
)
def test_the_count_has_many_names(heading, tmp_path):
    (tmp_path / "a.csv").write_text(table(heading, TENTH))
    assert log(tmp_path / "a.csv").counts.tolist() == [k for k, _ in TENTH]
    name = heading.partition(",")[0]
    (tmp_path / "a.json").write_text(json.dumps([{name: k, "lr": lr} for k, lr in TENTH]))
    assert log(tmp_path / "a.json").counts.tolist() == [k for k, _ in TENTH]


@pytest.mark.parametrize("name", ["a.csv", "a.json"])
def test_a_column_that_looks_like_a_count_is_not_passed_over(name, tmp_path):
    file = tmp_path / name
    rows = [{"samples": k, "lr": lr} for k, lr in TENTH]
    file.write_text(table("samples,lr", TENTH) if name == "a.csv" else json.dumps(rows))
    with pytest.raises(ValueError, match="'samples' looks like it"):
        log(file)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.csv", "0.1\n0.1\n", "a.csv:loss: .*must have a heading for 'loss'"),
        ("a.json", "[0.1, 0.1]", "must have 'loss', got a list of values without names"),
    ],
)
def test_a_column_where_there_are_none(name, text, says, tmp_path):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=says.partition(": .*")[2] or says):
        log(tmp_path / name, "loss")


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("step;lr\n0;0.1\n10;0.01\n", [0, 10]),
        ("step\tlr\n0\t0.1\n10\t0.01\n", [0, 10]),
    ],
)
def test_semicolons_and_tabs(text, counts, tmp_path):
    (tmp_path / "a.csv").write_text(text)
    assert log(tmp_path / "a.csv").counts.tolist() == counts


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.JSONL"])
def test_an_object_a_line(name, tmp_path):
    (tmp_path / name).write_text("".join(json.dumps({"step": k, "lr": lr}) + "\n" for k, lr in TENTH))
    assert log(tmp_path / name).counts.tolist() == [k for k, _ in TENTH]


@pytest.mark.parametrize("first", ["N/A", "-", "null"])
def test_a_lone_word_for_nothing_is_no_heading(first, tmp_path):
    (tmp_path / "a.csv").write_text(f"{first}\n0.1\n0.1\n")
    with pytest.raises(ValueError, match="line 1: must be a number, or a heading"):
        log(tmp_path / "a.csv")


def test_numbers_that_happen_to_be_short_are_taken_at_their_word(tmp_path):
    halves = [0.1 * 0.5 ** (k // 2) for k in range(12)]
    (tmp_path / "a.json").write_text(json.dumps(halves))
    assert log(tmp_path / "a.json").digits is None
    (tmp_path / "a.csv").write_text("".join(f"{0.1 * 0.97**k:.6g}\n" for k in range(40)))
    assert log(tmp_path / "a.csv").digits == "the 6 digits that it kept"
    (tmp_path / "b.csv").write_text("".join(f"{0.1 * 0.97 ** (k // 5):.6f}\n" for k in range(40)))
    assert log(tmp_path / "b.csv").digits == "the 6 digits behind the point that it kept"


@pytest.mark.parametrize("count", ["1e30", "2147483648", "1e400"])
def test_a_count_beyond_all_counts(count, tmp_path):
    (tmp_path / "a.csv").write_text(f"step,lr\n0,0.1\n{count},0.1\n")
    with pytest.raises(ValueError, match="line 3: count must be"):
        log(tmp_path / "a.csv")


COMMANDS = [
    ("mine:schedule tenth.csv --steps 100", 0, "passed (10 of 10"),
    ("mine:three tenth.csv --steps 100", 1, "failed"),
    ("mine:flat epochs.csv --steps 60", 1, "never moves: 0.1 at every count"),
    ("mine:slow epochs.csv --steps 600 --steps-per-epoch 10", 0, "passed (600 of 600"),
    ("mine:schedule epochs.csv --steps 600 --steps-per-epoch 10", 1, "failed"),
    (
        "mine:schedule epochs.csv --steps 60 --group 7",
        2,
        "--group must be left out where SCHEDULER is a file",
    ),
    ("mine:schedule epochs.csv --steps 60 --quantity momentum", 2, "--quantity must be left out"),
    ("mine:schedule gap.csv --steps 990", 2, "which ends at count 500"),
    ("mine:schedule mine:make --steps 60 --max-ulp -1", 2, "--max-ulp must be a finite number >= 0"),
    (f"mine:schedule mine:make --steps {'9' * 25}", 2, "must be a whole number from 1 to"),
    ("mine:schedule mine:make --steps 60 -o mine.py", 2, "no folder that can be written to"),
    (f"mine:schedule mine:make --steps 60 -o {'x' * 300}", 2, "no folder that can be written to"),
    ("mine:schedule mine:make --steps 60 -o taken", 2, "is a folder, in the place of a report"),
]


@pytest.mark.parametrize(("words", "code", "says"), COMMANDS, ids=[words for words, _, _ in COMMANDS])
def test_a_log_beside_options(words, code, says, folder, capsys):
    (folder / "tenth.csv").write_text(table("train/global_step,train/lr", TENTH))
    (folder / "epochs.csv").write_text("".join(f"{0.1 * 0.1 ** (k // 30)!r}\n" for k in range(60)))
    rows = [(k, 0.1) for k in range(10)] + [(500, 0.1)]
    (folder / "gap.csv").write_text(table("step,lr", rows))
    (folder / "taken" / "report.html").mkdir(parents=True)
    try:
        found = cli.main(["compare", *words.split()])
    except SystemExit as left:
        found = left.code
    captured = capsys.readouterr()
    assert (found, says in captured.out + captured.err) == (code, True), captured


@pytest.mark.parametrize("name", ["complex_rates", "texts", "too_many", "generator"])
def test_a_function_of_metrics_that_gives_something_else(name, folder, capsys):
    vectors = next(iter((cli_root() / "parity" / "vectors").glob("torch-*.json")))
    case = "ReduceLROnPlateau(0.1) on 'improving'"
    assert cli.main(["check", str(vectors), f"mine:{name}", "--case", case]) == 2
    assert "must return 61 real numbers, got" in capsys.readouterr().err
    assert cli.main(["check", str(vectors), "mine:rates", "--case", case]) == 0


def cli_root():
    import pathlib

    return pathlib.Path(cli.__file__).parents[1]


def report_of(name, text, folder):
    (folder / name).write_text(text)
    return name


GOOD = {
    "schema_version": 3,
    "environment": {},
    "summary": {"verdict": "passed"},
    "cases": [{"name": "a", "verdict": "passed", "steps": 1, "identical": 1, "max_ulp": 0.0, "seconds": 0.1}],
}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({}, None),
        ({"cases": [1]}, "case 0 must be an object"),
        ({"cases": "abc"}, "cases must be a list"),
        ({"cases": None}, "cases must be a list"),
        ({"cases": GOOD["cases"] * 2}, "case 1 has the name of an earlier one, a"),
        ({"cases": [{**GOOD["cases"][0], "name": ["a"]}]}, "name must be text"),
        ({"cases": [{**GOOD["cases"][0], "steps": "5"}]}, "steps must be a number"),
        ({"cases": [{**GOOD["cases"][0], "max_ulp": "x"}]}, "max_ulp must be a number"),
        ({"summary": {}}, "summary must have a verdict"),
        ({"summary": []}, "summary must have a verdict"),
    ],
)
def test_diff_of_something_else(change, says, folder, capsys):
    from parity.report.json_file import SCHEMA_VERSION

    whole = {**GOOD, "schema_version": SCHEMA_VERSION}
    (folder / "a.json").write_text(json.dumps(whole))
    (folder / "b.json").write_text("\ufeff" + json.dumps({**whole, **change}))
    assert cli.main(["diff", "a.json", "b.json"]) == (0 if says is None else 2)
    assert says is None or says in capsys.readouterr().err


@pytest.mark.parametrize("command", [["diff", "deep.json", "deep.json"], ["check", "deep.json"]])
def test_what_is_nested_too_deeply(command, folder, capsys):
    (folder / "deep.json").write_text("[" * 100_000)
    assert cli.main(command) == 2
    assert "nested too deeply" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"quantity": None}, "quantity must be one of lr, momentum, got None"),
        ({"spec": None}, "spec must be a scheduler"),
        ({"base_lr": None}, "base_lr must be a number"),
        ({"base_lr": -3}, "base_lr must be a number >= 0"),
        ({"epochs": []}, "epochs must be null or a list"),
        ({"epochs": "x"}, "epochs must be null or a list"),
        ({"counts": [float("inf")]}, "case 0"),
    ],
)
def test_golden_vectors_of_something_else(change, says, folder, capsys):
    vectors = next(iter((cli_root() / "parity" / "vectors").glob("torch-*.json")))
    found = json.loads(vectors.read_text())
    found["cases"] = [{**found["cases"][0], **change}]
    (folder / "v.json").write_text("\ufeff" + json.dumps(found))
    assert cli.main(["check", "v.json"]) == 2
    assert says in capsys.readouterr().err


def test_a_link_stays_one_and_a_device_is_written_to(folder):
    import os
    import stat

    from parity.report import write_file

    (folder / "target").write_text("old")
    (folder / "link").symlink_to("target")
    write_file(folder / "link", "new")
    assert (folder / "link").is_symlink()
    assert (folder / "target").read_text() == "new"
    os.mkfifo(folder / "pipe")
    reading = os.open(folder / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_file(folder / "pipe", "new")
    assert os.read(reading, 10) == b"new"
    os.close(reading)
    assert stat.S_ISFIFO((folder / "pipe").stat().st_mode)


def test_an_event_file_of_tensors(tmp_path):
    event_pb2 = pytest.importorskip("tensorboardX.proto.event_pb2")
    import struct

    data = b""
    for k in range(4):
        event = event_pb2.Event(step=k)
        value = event.summary.value.add(tag="lr")
        if k % 2:
            value.tensor.dtype = 1
            value.tensor.tensor_content = np.float32(0.1 * k).tobytes()
        else:
            value.tensor.dtype = 2
            value.tensor.double_val.append(0.1 * k)
        body = event.SerializeToString()
        data += struct.pack("<Q", len(body)) + b"\0" * 4 + body + b"\0" * 4
    (tmp_path / "events.out.tfevents.1").write_bytes(data)
    found = log(tmp_path / "events.out.tfevents.1")
    assert np.float32(found.values).tolist() == np.float32([0, 0.1, 0.2, 0.3]).tolist()


WITHOUT = """
import sys
missing = set(sys.argv.pop(1).split(","))
class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in missing:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Nothing())
from parity.cli import main
sys.exit(main())
"""


@pytest.mark.parametrize(
    ("missing", "words", "code", "says"),
    [
        ("rich,torch,mpmath,jinja2,jax,optax", "--help", 0, "usage: parity"),
        ("rich", "list", 2, "list needs rich, which is not installed: pip install 'jaxsched[parity]'"),
        ("mpmath", "run", 2, "run needs mpmath, which is not installed: pip install 'jaxsched[parity]'"),
        ("rich", "check x", 2, "check needs rich, which is not installed: pip install 'jaxsched[check]'"),
        ("torch", "run --jobs 1 -k StepLR(0.05", 2, "run needs torch, which is not installed: pip install"),
        ("torch", "selftest", 2, "selftest needs torch, which is not installed: pip install"),
        ("torch,flax", "compare a.csv a.csv --steps 2", 0, "passed (2 of 2"),
    ],
)
def test_without_a_package(missing, words, code, says, folder):
    import os
    import subprocess
    import sys

    (folder / "a.csv").write_text("0.1\n0.1\n")
    environment = {**os.environ, "PYTHONPATH": str(cli_root()), "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, missing, *words.split()],
        capture_output=True, text=True, env=environment,
    )  # fmt: skip
    assert (done.returncode, says in done.stdout + done.stderr) == (code, True), done.stdout + done.stderr
    assert "Traceback" not in done.stderr
