"""`parity train mine:a mine:b`: twins of somebody's on the command line and in the reports."""

import json
import pathlib
import subprocess
import sys

import jsonschema
import pytest

import parity
from parity import cli

MINE = """
def twin(steps=50, decay=0.0, weight=1.0):
    for k in range(steps):
        lr = 0.1
        told = {"initial_weights": weight} if k == 0 else {}
        told |= {"loss": weight**2 / 2, "gradient_norm": abs(weight), "lr": lr, "accuracy": 0.5}
        weight -= lr * (weight + decay * weight)
        yield {**told, "weights": weight}

def other():
    return twin(decay=0.01)

def short():
    return twin(steps=7)

def silent():
    return iter(())

def only_lr():
    return ({"lr": 0.1} for _ in range(50))

def another_loss():
    return ({"accuracy": float("nan")} for _ in range(50))

def raises():
    yield from twin(steps=3)
    raise RuntimeError("no more memory")

def leaves():
    import os
    os._exit(0)

number = 3
"""


@pytest.fixture(autouse=True)
def _mine(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(MINE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "mine", raising=False)


def train(*words):
    return cli.main(["train", *words, "--output", "out"])


SCHEMA = json.loads((pathlib.Path(parity.__file__).parent / "report" / "schema.json").read_text())


def report():
    found = json.loads(pathlib.Path("out/report.json").read_text())
    jsonschema.validate(found, SCHEMA)
    (twins,) = found["training"]
    return twins


def test_twins_that_stay_together(capsys):
    assert train("mine:twin", "mine:twin", "--steps", "20") == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "mine:twin and mine:twin"
    assert "learning rate: 0 ULP apart at most, at update 0" in said
    assert said[-1].startswith("training: 1 of 1 pairs of twins stay together; in 20 updates")
    assert (report()["verdict"], report()["updates"], report()["culprit"]) == ("passed", 20, None)


def test_twins_that_part(capsys):
    words = ("mine:twin", "mine:other", "--steps", "20")
    assert train(*words) == 1
    said = capsys.readouterr().out
    assert (
        "FAILED mine:twin and mine:other: the twins part at update 0, by the weights, up to 0.022 (relative) "
        in said
    )
    because = "update 0 shrinks the weights by 0.001 of themselves more than PyTorch's"
    assert f"       culprit: decay: {because}" in said
    assert f"       again: parity train {' '.join(words)}" in said
    twins = report()
    assert twins["culprit"]["names"] == ["decay"]
    assert twins["growth"]["sudden"] is True
    for name in ("report.md", "report.html", "junit.xml"):
        text = pathlib.Path("out", name).read_text()
        assert "the twins part at update 0, by the weights" in text, name
        if name != "report.md":
            assert because.replace("'", "&#39;") in text or because in text, name
    markdown = pathlib.Path("out/report.md").read_text()
    assert "| `mine:twin and mine:other` | weights | 0.022 (relative) | 19 | **0** |" in markdown
    assert "`mine:twin and mine:other`: growth: the distance of the weights begins at 1.1e-03" in markdown
    page = pathlib.Path("out/report.html").read_text()
    assert "0.022 (relative)" in page
    assert "same learning rate" not in page  # no table of a single pair
    assert "Two trainings that somebody brought" in pathlib.Path("out/report.md").read_text()
    assert pathlib.Path("out/training.png").read_bytes().startswith(b"\x89PNG")
    assert train(*words, "--relative", "0.1") == 0


def test_a_twin_that_tells_little(capsys):
    assert train("mine:twin", "mine:only_lr", "--steps", "20") == 0
    said = capsys.readouterr().out
    assert "note: not compared: weights, which only mine:twin tells" in said
    assert report()["loss"]["flax"] == {"first": None, "last": None}
    assert train("mine:only_lr", "mine:another_loss", "--steps", "20") == 1
    assert "nothing was compared" in capsys.readouterr().out


def test_a_twin_that_ends_too_soon(capsys):
    assert train("mine:twin", "mine:short", "--steps", "20") == 1
    assert "mine:short has ended after 7 of 20 updates" in capsys.readouterr().out
    assert report()["updates"] == 7
    assert train("mine:twin", "mine:silent", "--steps", "20") == 5
    assert "mine:silent has ended after 0 of 20 updates; nothing was compared" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["mine:twin"], "train: two twins must be named, PyTorch's first, or none, got mine:twin"),
        (["mine:twin", "mine:twin"], "train: --steps must be given with twins of yours"),
        (["mine:twin", "mine:twin", "--steps", "9", "-k", "x"], "train: -k: not with twins of yours"),
        (["mine:twin", "mine:twin", "--steps", "9", "--jobs", "2"], "train: --jobs: not with twins of yours"),
        (["mine:twin", "mine:none", "--steps", "9"], "train: the second TWIN: module 'mine' has no at"),
        (["mine:number", "mine:twin", "--steps", "9"], "train: the first TWIN must be something to call"),
        (["mine:twin", "mine:twin", "--steps", "9", "--relative", "-1"], "train: relative must be a finite"),
        (["mine:twin", "mine:raises", "--steps", "9"], "train: mine:raises at update 3 failed: RuntimeE"),
        (["mine:twin", "mine:leaves", "--steps", "9"], "train: mine:leaves failed: it calls os._exit(0)"),
        (["--relative", "1e-3"], "train: --relative goes with two twins of yours"),
    ],
)  # fmt: skip
def test_wrong_usage_is_one_line(words, says, capsys):
    assert train(*words) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith(f"parity: {says}")


def test_it_is_watched():
    """A twin that becomes another program is no verdict."""
    pathlib.Path("gone.py").write_text(
        "import os\ndef twin():\n    os.execv('/bin/true', ['/bin/true'])\n", encoding="utf-8"
    )
    root = pathlib.Path(parity.__file__).parents[1]
    code = f"import sys; sys.path.insert(0, {str(root)!r}); from parity import cli; sys.exit(cli.program())"
    words = ["train", "gone:twin", "gone:twin", "--steps", "3"]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert done.returncode == 2
    assert "before there was a verdict" in done.stderr
