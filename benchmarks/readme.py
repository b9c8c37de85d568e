"""The README's table of schedulers: one that it does not have yet gets a line. Part of `make docs`."""

from __future__ import annotations

import dataclasses
import pathlib
import re

import jaxsched
from parity.cases import MEMBERS

README = pathlib.Path(__file__).parents[1] / "README.md"


def line(name: str) -> str:
    """The class and its arguments, with their defaults."""
    _, *arguments = dataclasses.fields(getattr(jaxsched, name))
    shown = (a.name if a.default is dataclasses.MISSING else f"{a.name}={a.default!r}" for a in arguments)
    return f"| `{name}` | `{', '.join(shown)}` |\n"


def completed(text: str) -> str:
    """The page with a line for each class; new ones stand before those that are made of others."""
    there = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    missing = dict.fromkeys(spec.scheduler for spec in MEMBERS.values() if spec.scheduler not in there)
    composed = "| `SequentialLR` |"
    return text.replace(composed, "".join(map(line, missing)) + composed)


if __name__ == "__main__":
    README.write_text(completed(README.read_text()))
