"""Files as other programs write them: which column is read, and what is said of those that cannot be."""

import csv
import json
import shlex

import numpy as np
import pytest

from jaxsched._trajectories import log
from parity import cli

RATES = [0.1 * 0.9**k for k in range(10)]
COUNTS = list(range(10))


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path, columns):
    """A table with a column for each, as CSV, JSON or an object a line."""
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    with open(path, "w", newline="") as file:
        if path.suffix == ".csv":
            writer = csv.DictWriter(file, list(columns))
            writer.writeheader()
            writer.writerows(rows)
        elif path.suffix == ".json":
            json.dump(rows, file)
        else:
            file.writelines(f"{json.dumps(row)}\n" for row in rows)


def refused(capsys, *words):
    """The one line that it is refused with."""
    assert cli.main(["compare", *words, "--steps", "10"]) == cli.Exit.USAGE
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("parity: ")]
    assert len(lines) == 1
    return lines[0]


# Which column ---------------------------------------------------------------------------

KINDS = ["csv", "json", "jsonl"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_loss_is_not_taken_for_a_learning_rate(kind, here, capsys):
    write(here / f"a.{kind}", {"step": COUNTS, "loss": RATES})
    assert (
        f"a.{kind}: no column is named like a learning rate; columns: step, loss; name it: a.{kind}:loss"
    ) in refused(capsys, f"a.{kind}", f"a.{kind}")
    assert log(here / f"a.{kind}", "loss").values.tolist() == RATES


def test_nor_the_loss_of_an_event_file(here):
    writer = pytest.importorskip("tensorboardX").SummaryWriter(".")
    for k, x in enumerate(RATES):
        writer.add_scalar("train/loss", x, k)
    writer.close()
    (file,) = here.glob("*tfevents*")
    with pytest.raises(ValueError, match="no column is named like a learning rate; columns: train/loss"):
        log(file)


def test_nor_a_lone_column_of_it(here):
    (here / "a.csv").write_text("loss\n" + "\n".join(map(repr, RATES)))
    (here / "a.json").write_text(json.dumps({"loss": RATES}))
    for name in ("a.csv", "a.json"):
        with pytest.raises(ValueError, match=f"columns: loss; name it: .*{name}:loss"):
            log(here / name)


def test_where_there_are_only_counts_nothing_can_be_named(here):
    write(here / "a.csv", {"step": COUNTS, "epoch": COUNTS})
    with pytest.raises(ValueError, match=r"columns: step, epoch: log it, too$"):
        log(here / "a.csv")


@pytest.mark.parametrize(
    "columns",
    [
        {"Wall time": RATES, "Step": COUNTS, "Value": RATES},
        {"value": RATES},
        {"step": COUNTS, "": RATES},
    ],
    ids=["TensorBoard", "value", "none"],
)
def test_a_name_that_says_nothing_is_taken(columns, here):
    write(here / "a.csv", columns)
    found = log(here / "a.csv")
    assert (found.values.tolist(), found.read) == (RATES, None)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("others", "name", "by"),
    [
        ({"step": COUNTS, "loss": RATES}, "lr", "step"),
        ({"step": COUNTS, "loss": RATES}, "train/learning_rate", "step"),
        ({"step": COUNTS, "value": RATES}, "learningRate", "step"),
        ({"step": COUNTS, "lr_backbone": RATES}, "lr", "step"),
        ({"epoch": COUNTS, "step": COUNTS, "train_loss": RATES}, "lr-SGD", "step"),
        ({"epoch": COUNTS, "step": COUNTS, "lr-SGD-momentum": RATES}, "lr-SGD", "step"),
        ({"step": COUNTS, "grad_norm": RATES}, "lr-AdamW/pg1", "step"),
        (
            {"_step": [3 * k for k in COUNTS], "trainer/global_step": COUNTS, "epoch": COUNTS},
            "lr-SGD",
            "trainer/global_step",
        ),
    ],
)
def test_a_learning_rate_among_others_is_read_and_said(kind, others, name, by, here):
    write(here / f"a.{kind}", {**others, name: [2 * x for x in RATES]})
    found = log(here / f"a.{kind}")
    assert found.values.tolist() == [2 * x for x in RATES]
    assert found.counts.tolist() == COUNTS
    assert found.read == f"read column {name!r} by {by!r}"


@pytest.mark.parametrize(
    ("columns", "first"),
    [
        ({"step": COUNTS, "a - lr": RATES, "b - lr": RATES}, "a - lr"),
        ({"step": COUNTS, "lr/pg1": RATES, "lr/pg2": RATES}, "lr/pg1"),
        ({"_step": COUNTS, "trainer/global_step": COUNTS, "train_loss": RATES, "eta": RATES}, "eta"),
    ],
)
def test_what_is_suggested_can_be_pasted_into_a_shell(columns, first, here, capsys):
    (here / "my logs").mkdir()
    write(here / "my logs" / "a.csv", columns)
    line = refused(capsys, "my logs/a.csv", "my logs/a.csv")
    (suggested,) = shlex.split(line.lower().rpartition("name it: ")[2])
    assert suggested == f"my logs/a.csv:{first}"
    assert cli.main(["compare", suggested, suggested, "--steps", "10"]) == 0


def test_a_column_that_is_not_there(here, capsys):
    write(here / "a.csv", {"step": COUNTS, "loss": RATES, "lr": RATES})
    line = refused(capsys, "a.csv:rate", "a.csv:lr")
    assert "a.csv: must have 'rate', got loss, lr. Name it: a.csv:lr" in line


# JSON -----------------------------------------------------------------------------------


def test_a_line_that_is_cut_off_is_said_by_its_number(here, capsys):
    write(here / "a.jsonl", {"step": COUNTS, "lr": RATES})
    with open("a.jsonl", "a") as file:
        file.write('{"step": 10, "lr')
    assert (
        'a.jsonl, line 11: must be JSON by itself, got \'{"step": 10, "lr\': it is cut off, as when a run is '
        "killed; delete the line"
    ) in refused(capsys, "a.jsonl", "a.jsonl")


def test_a_bad_line_in_the_middle_is_said_by_its_number(here):
    write(here / "a.jsonl", {"step": COUNTS, "lr": RATES})
    lines = (here / "a.jsonl").read_text().splitlines()
    (here / "a.jsonl").write_text("\n".join([*lines[:4], "", "{oops}", *lines[4:]]))
    with pytest.raises(ValueError, match=r"line 6: must be JSON by itself, got '\{oops\}': Expecting"):
        log(here / "a.jsonl")


def test_json_over_several_lines_is_one(here):
    (here / "a.json").write_text(json.dumps({"step": COUNTS, "lr": RATES}, indent=1))
    assert log(here / "a.json").values.tolist() == RATES


def test_pairs_of_count_and_value(here, capsys):
    (here / "a.json").write_text(json.dumps([[10 * k, x] for k, x in enumerate(RATES)]))
    found = log(here / "a.json")
    assert (found.counts.tolist(), found.values.tolist()) == ([10 * k for k in COUNTS], RATES)
    (here / "b.json").write_text(json.dumps([[1, 2, 3, 4]]))
    assert "b.json: value 0: must be a number, [count, value], or [wall time, step, value], got" in refused(
        capsys, "b.json", "b.json"
    )


@pytest.mark.parametrize("column", [None, "optim.lr", "optim/lr"])
@pytest.mark.parametrize("kind", ["json", "jsonl", "lists.json"])
def test_nested_objects(kind, column, here):
    path = here / f"a.{kind}"
    if kind == "lists.json":
        path.write_text(json.dumps({"step": COUNTS, "optim": {"lr": RATES}}))
    else:
        write(path, {"step": COUNTS, "optim": [{"lr": x} for x in RATES]})
    assert log(path, column).values.tolist() == RATES


def test_nested_beyond_all_logs(here):
    (here / "a.json").write_text('[{"a":' * 400 + "1" + "}]" * 400)
    (here / "b.json").write_text('{"a":' * 900 + "1" + "}" * 900)
    for name in ("a.json", "b.json"):
        with pytest.raises(ValueError, match=name):
            log(here / name)


def test_of_many_names_the_first_are_said(here):
    (here / "a.json").write_text(json.dumps({str(k): 0.1 for k in range(100)}))
    with pytest.raises(ValueError, match=r"got dict of 0, 1, .*, 11, … \(100 in all\)$"):
        log(here / "a.json")


# A run that was resumed -----------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_counts_that_were_logged_again_with_the_same_value(kind, here):
    twice = [*COUNTS[:7], *COUNTS[4:]]
    write(here / f"a.{kind}", {"step": twice, "lr": [RATES[k] for k in twice]})
    found = log(here / f"a.{kind}")
    assert (found.counts.tolist(), found.values.tolist()) == (COUNTS, RATES)


def test_counts_that_were_logged_again_with_another_value(here, capsys):
    twice = [*COUNTS[:7], *COUNTS[4:]]
    values = [x * (1 if i < 7 else 2) for i, x in enumerate(RATES[k] for k in twice)]
    write(here / "a.csv", {"step": twice, "lr": values})
    line = refused(capsys, "a.csv", "a.csv")
    assert (
        f"a.csv, line 9: must have the value that count 4 has further up, {RATES[4]!r}, got {values[7]!r}"
        in line
    )
    assert line.endswith(": keep the one that was applied, and delete the other")


def test_not_a_number_twice_is_the_same(here):
    (here / "a.csv").write_text("step,lr\n0,nan\n0,nan\n1,0.1\n")
    assert np.isnan(log(here / "a.csv").values).tolist() == [True, False]


def test_a_resumed_run_of_tensorboard(here):
    module = pytest.importorskip("tensorboardX")
    writer = module.SummaryWriter(".")
    for k in [*COUNTS[:7], *COUNTS[4:]]:
        writer.add_scalar("lr", RATES[k], k)
    writer.close()
    (file,) = here.glob("*tfevents*")
    assert log(file).counts.tolist() == COUNTS
