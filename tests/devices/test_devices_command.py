"""The command: what it prints, writes and exits with."""

import json
import os
import re
import subprocess
import sys
import textwrap

import pytest

from parity import cli
from parity.commands import devices as command
from parity.devices.compiler import ROOT
from parity.devices.targets import TARGETS, missing

LACKING = missing(TARGETS)
needs_compilers = pytest.mark.skipif(LACKING is not None, reason=str(LACKING))


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A module of somebody's, in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine_of_devices.py").write_text(
        textwrap.dedent("""
            import jax, jax.numpy as jnp, numpy as np, jaxsched

            def cosine(count):
                return jnp.cos(count.astype(jnp.float32))

            def halves(count):
                return count.astype(jnp.float32) * 0.5

            def called_back(count):
                return jax.pure_callback(np.cos, jnp.float32(0), count, vmap_method="sequential")

            def of_zero(count):
                return jnp.cos(jnp.minimum(count, 0).astype(jnp.float32))

            class Off(jaxsched.StepLR):
                def on_host(self, count):
                    return np.nextafter(super().on_host(count), np.float32(1))

            off = Off(0.1, 30)
            plateau = jaxsched.ReduceLROnPlateau(0.1, factor=0.5, patience=1)
            number = 3
        """)
    )
    return "mine_of_devices"


def test_without_the_compilers_one_line_says_what_to_install(monkeypatch, capsys):
    line = "tpu:v5e needs libtpu, which is not installed: pip install 'jaxsched[devices]', on x86-64 Linux"
    monkeypatch.setattr(command, "missing", lambda targets: line)
    assert cli.main(["devices"]) == cli.Exit.USAGE
    assert capsys.readouterr().err == f"parity: {line}\n"


def test_a_target_that_there_is_not(capsys):
    assert cli.main(["devices", "cuda:h1000"]) == cli.Exit.USAGE
    assert "there is no target 'cuda:h1000'; there are tpu:v4, " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["{mine}:nothing"], "has no attribute 'nothing'"),
        (["{mine}:number"], "must be a function of a count, or have init and step"),
        (["not_a_target"], "is neither a target (tpu:v4, "),
        (["{mine}:halves", "-k", "cosine"], "-k, --scheduler and --param choose among cases"),
    ],
)
def test_what_cannot_be_compared(mine, monkeypatch, capsys, words, says):
    monkeypatch.setattr(command, "missing", lambda targets: None)
    assert cli.main(["devices", *(word.format(mine=mine) for word in words)]) == cli.Exit.USAGE
    assert says in capsys.readouterr().err


def test_no_case(monkeypatch, capsys):
    monkeypatch.setattr(command, "missing", lambda targets: None)
    assert cli.main(["devices", "-k", "no such case"]) == cli.Exit.NOTHING
    assert "nothing compared" in capsys.readouterr().err


@needs_compilers
def test_passes_and_writes_the_report(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["devices", "-k", "StepLR(0.05, step_size=30)", "--steps", "5000"]) == cli.Exit.PASSED
    out = capsys.readouterr().out
    assert "tpu:v5e" in out
    assert "cuda:h100" in out
    assert "  Optax's exponential_decay(staircase=True)  " in out
    assert out.splitlines()[-1] == (
        "tpu:v5e, cuda:h100: 1 schedule passed, 0 failed; 10,010 of 10,010 values have the host's bits"
    )
    assert "\\x1b" not in out
    written = json.loads((tmp_path / "parity-report" / "report.json").read_text())
    assert written["summary"]["verdict"] == "passed"
    assert {"libtpu", "jax-cuda12-plugin"} <= set(written["environment"])
    (row,) = written["devices"]["schedules"]
    assert [each["target"] for each in row["targets"]] == ["tpu:v5e", "cuda:h100"]
    assert all(each["instructions"] > 5 for each in row["targets"])
    assert row["optax"]["targets"][0]["unknown"][0]["operation"] == "power"


@pytest.mark.slow
@needs_compilers
def test_two_processes_find_what_one_does(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    found = []
    for jobs in ("1", "2"):
        options = ["devices", "cuda:h100", "--scheduler", "LinearLR", "--steps", "200", "--jobs", jobs]
        assert cli.main([*options, "--json", "report.json"]) == cli.Exit.PASSED
        rows = json.loads((tmp_path / "report.json").read_text())["devices"]["schedules"]
        for row in rows:
            for each in (*row["targets"], *row["optax"]["targets"]):
                del each["seconds"]
        found.append(rows)
    capsys.readouterr()
    assert found[0] == found[1]


@needs_compilers
def test_somebodys_own(mine, capsys):
    assert cli.main(["devices", f"{mine}:halves", f"{mine}:plateau", "cuda:h100", "--steps", "999"]) == 0
    out = capsys.readouterr().out
    assert out.count("same bits") == 2


@pytest.mark.parametrize(
    "words",
    [
        "cuda:h100 --steps 99 mine:f tpu:v4 --json - mine:g",
        "--steps 99 cuda:h100 mine:f --json - tpu:v4 mine:g",
    ],
)
def test_options_may_stand_between_words(words):
    options = cli.parse(["devices", *words.split()])
    assert options.what == ["cuda:h100", "mine:f", "tpu:v4", "mine:g"]
    assert (options.steps, options.json) == (99, "-")


@pytest.mark.parametrize("words", [["--no-such-option"], ["cuda:h100", "--no-such-option", "mine:f"]])
def test_an_option_that_there_is_not_shows_what_the_command_takes(words, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(["devices", *words])
    assert caught.value.code == cli.Exit.USAGE
    said = capsys.readouterr().err
    assert "[TARGET | SCHEDULE ...]" in said
    assert "unrecognized arguments: --no-such-option" in said


@needs_compilers
def test_each_is_compared_once_and_the_command_that_does_it_again_keeps_its_options(mine, capsys):
    words = [f"{mine}:halves", "CUDA:h100", f"{mine}:halves", "cuda:H100", "--steps", "99", "--json", "-"]
    assert cli.main(["devices", *words]) == cli.Exit.PASSED
    (row,) = json.loads(capsys.readouterr().out)["devices"]["schedules"]
    assert [each["target"] for each in row["targets"]] == ["cuda:h100"]
    assert row["again"] == f"parity devices {mine}:halves cuda:h100 --steps 99"


def test_what_steps_are_is_said(capsys):
    with pytest.raises(SystemExit):
        cli.main(["devices", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "--steps N N counts of each, of all sizes, in place of 100,000; of a plateau N steps" in said


@needs_compilers
def test_other_bits_fail(mine, capsys):
    arguments = ["devices", "cuda:b200", f"{mine}:off", "--steps", "999"]
    assert cli.main(arguments) == cli.Exit.FAILED
    said = " ".join(capsys.readouterr().out.split())
    assert "999 of 999 counts differ, first at count 2: device 0x3dcccccd = 0.1, host 0x3dccccce = " in said
    assert re.search(r"0\.10000001, 1 ULP apart; at most 1 ULP( |$)", said)


@needs_compilers
def test_compared_on_one_target_of_two_is_not_green(mine, capsys):
    arguments = ["devices", "cuda:h100", "tpu:v5e", f"{mine}:of_zero", "--steps", "99"]
    assert cli.main(arguments) == cli.Exit.FAILED
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith(
        "cuda:h100, tpu:v5e: 0 schedules passed, 0 failed, 1 not compared (on tpu:v5e); 99 of"
    )


@needs_compilers
def test_nothing_compared_is_not_green(mine, capsys):
    assert cli.main(["devices", "tpu:v5e", f"{mine}:cosine"]) == cli.Exit.NOTHING
    captured = capsys.readouterr()
    assert "not compared: cosine, only the device knows its last bit, at" in " ".join(captured.out.split())
    assert "nothing compared" in captured.err


@needs_compilers
def test_xla_that_ends_the_process_is_an_internal_error(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_no_such_flag")
    done = subprocess.run(
        [sys.executable, "-m", "parity", "devices", "-k", "no such case"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == cli.Exit.INTERNAL
    assert done.stderr.startswith("parity: XLA ended with exit code 1: ")
    assert "Unknown flag in XLA_FLAGS: --xla_no_such_flag" in done.stderr


def test_whoever_calls_exit_makes_no_verdict(monkeypatch, capsys):
    def leaves(*_):
        sys.exit(0)

    monkeypatch.setattr(command, "missing", lambda targets: None)
    monkeypatch.setattr(command, "_catalogue", leaves)
    assert cli.main(["devices", "-k", "StepLR"]) == cli.Exit.INTERNAL
    assert capsys.readouterr().err.startswith("parity: something called sys.exit(0); no verdict")


@needs_compilers
def test_what_cannot_be_exported_is_not_compared(mine, capsys):
    assert cli.main(["devices", f"{mine}:called_back", "cuda:h100", "--steps", "9"]) == cli.Exit.NOTHING
    assert "it cannot be exported: " in capsys.readouterr().out
