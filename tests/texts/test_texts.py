"""Every text of help, and the errors of construction, as they were last read by somebody.

A text that changes turns one of these red: read the difference, and if it is better, run
`pytest tests/texts --snapshot-update` and commit what that writes.
"""

import inspect
import sys

import pytest
from catalogue import CATALOGUE, arguments

import jaxsched
from jaxsched import ReduceLROnPlateau, hugging_face, timm
from parity import cli
from parity.cases.timm import CASES as TIMM_CASES
from parity.commands import COMMANDS

# The words of argparse itself are other ones before and after.
ON_THIS_PYTHON = pytest.mark.skipif(
    sys.version_info[:2] not in ((3, 11), (3, 12)), reason="argparse of another Python writes it otherwise"
)


@ON_THIS_PYTHON
@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help(command, snapshot, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit, match="0"):
        cli.main([*filter(None, [command]), "--help"])
    assert capsys.readouterr().out == snapshot


WRONG = (-1, 1.5, float("nan"), "0.1", None)
"""What somebody may give by mistake, to any argument."""


def made_of_catalogue():
    """A schedule of each class, and what it was made of; the state machines likewise."""
    found = {}
    for schedule in (*CATALOGUE.values(), *(case.schedule() for case in TIMM_CASES)):
        found.setdefault(type(schedule), arguments(schedule))
    for machine in (ReduceLROnPlateau, hugging_face.GreedyLR, timm.PlateauLRScheduler):
        found[machine] = {
            name: parameter.default
            for name, parameter in inspect.signature(machine).parameters.items()
            if parameter.default is not inspect.Parameter.empty
        } | {"base_lr": 0.1}
    return found


def said(make, given):
    """What it says to these arguments; None where it takes them."""
    try:
        make(**given)
    except (TypeError, ValueError, OverflowError) as reason:
        return f"{type(reason).__name__}: {reason}"
    return None


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("kind", made_of_catalogue(), ids=lambda kind: kind.__name__)
def test_errors_of_construction(kind, snapshot):
    right = made_of_catalogue()[kind]
    assert said(kind, right) is None
    lines = []
    for name in right:
        for value in WRONG:
            text = said(kind, {**right, name: value})
            if text is not None:
                lines.append(f"{name}={value!r}: {text}")
    assert "\n".join(lines) == snapshot


def test_every_class_is_there():
    public = {
        value
        for module in (jaxsched, hugging_face, timm)
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, jaxsched.Schedule) and not inspect.isabstract(value)
    }
    assert public <= set(made_of_catalogue())
