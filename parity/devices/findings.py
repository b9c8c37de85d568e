"""What came of a function on a device, and how it is said."""

from __future__ import annotations

import dataclasses
import math
import os
import pathlib
import re


@dataclasses.dataclass(frozen=True)
class Unknown:
    """An operation whose result only the device knows, or that a reader does not."""

    operation: str
    why: str
    source: str | None
    """``file:line`` of what it came from."""

    def __str__(self) -> str:
        return f"{self.operation}: {self.why}" + (f", at {self.source}" if self.source else "")


@dataclasses.dataclass(frozen=True)
class Difference:
    """A call that a device answers otherwise."""

    at: float
    """The count, or which step."""

    leaf: str
    """Which part of the answer; empty where it has only one."""

    device: str
    """The bits that the device has: ``0x34c00000``."""

    host: str
    """Those that it should have."""

    device_value: str
    """What these bits are in decimals, as few as tell it from its neighbours; of an array all of them."""

    host_value: str

    ulp: float
    """How many float32 numbers lie from one to the other, if it is that; of whole numbers their difference.

    Infinitely many, where one is a NaN or an infinity and the other is not. Of an array the most.
    """


@dataclasses.dataclass(frozen=True)
class Finding:
    """What came of a function on one target."""

    target: str
    place: str
    """What is counted: ``count`` or ``step``."""

    compared: int
    differing: int
    first: Difference | None
    """The first call with other bits."""

    instructions: int | None
    """Of the compiled program; None where there is none."""

    unknown: tuple[Unknown, ...]
    """What stood in the way of executing it; then nothing was compared."""

    error: str | None
    """Why there is no program to execute, or none that this machine can."""

    seconds: float
    """What it took to compile and to execute it."""

    undecided: int = 0
    """Calls, not among those that differ, whose answer hangs on bits that the target's float64 lacks."""

    furthest: Difference | None = None
    """The call of which the two answers are the most ULP apart; the first one of several."""

    measure: str = "host"
    """What says which bits are right: ``host`` is jaxsched's ``on_host``, else it is a program of XLA's."""

    notes: tuple[str, ...] = ()
    """What a learning rate would not be: ``the answer is int32``."""

    def __str__(self) -> str:
        return f"{self.target}: {outcome_and_size(self)}"

    @property
    def same(self) -> bool:
        """Whether anything was compared, and every bit is the same where the target can decide it."""
        return self.compared > 0 and self.differing == 0


def verdict(finding: Finding) -> str:
    """What came of it, without the program."""
    if finding.error is not None:
        return f"not compared: {_first_line(finding.error)}"
    if finding.unknown:
        return "not compared: " + "; ".join(map(_unknown, finding.unknown))
    if not finding.differing:
        if not finding.compared:
            return "not compared"
        return (
            f"same bits but at {finding.undecided:,} {finding.place}s" if finding.undecided else "same bits"
        )
    return f"{finding.differing:,} of {finding.compared:,} {finding.place}s differ"


def where(finding: Finding) -> str:
    """The first difference, and how far the furthest goes; empty where there is none."""
    first, furthest = finding.first, finding.furthest
    if first is None or furthest is None:
        return ""
    leaf = f" {first.leaf}," if first.leaf else ""
    device, right = f"{first.device} = {first.device_value}", f"{first.host} = {first.host_value}"
    most = "" if furthest.ulp == first.ulp else f", at {_at(finding, furthest)}"
    return (
        f"first at {_at(finding, first)}:{leaf} device {device}, {finding.measure} {right}, "
        f"{_ulp(first)} apart; at most {_ulp(furthest)}{most}"
    )


def _at(finding: Finding, found: Difference) -> str:
    return f"{finding.place} {f'{int(found.at):,}' if found.at == int(found.at) else repr(found.at)}"


def _ulp(found: Difference) -> str:
    return f"{found.ulp:,.0f} ULP" if math.isfinite(found.ulp) else "infinitely many ULP"


def outcome(finding: Finding) -> str:
    """What came of it, what of the answer is unlike a learning rate, and where it differs: in one line."""
    return ", ".join(filter(None, (verdict(finding), *finding.notes, where(finding))))


def outcome_and_size(finding: Finding) -> str:
    """The same, and how many instructions the program has."""
    if finding.instructions is None or not finding.compared:
        return outcome(finding)
    return f"{outcome(finding)} ({finding.instructions:,} instructions)"


def instructions(finding: Finding) -> str:
    return "–" if finding.instructions is None else f"{finding.instructions:,}"


def _unknown(unknown: Unknown) -> str:
    return ", ".join(
        filter(None, (unknown.operation, unknown.why, unknown.source and f"at {short(unknown.source)}"))
    )


def short(source: str) -> str:
    """A place in a file, without what leads to the packages or to the current folder."""
    inside = re.split(r"[\\/](?:site|dist)-packages[\\/]", source)[-1]
    for folder in (pathlib.Path(__file__).parents[2], pathlib.Path.cwd()):
        inside = inside.removeprefix(f"{folder}{os.sep}")
    return inside


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]
