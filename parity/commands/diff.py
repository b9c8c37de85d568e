"""``parity diff``: two reports, before and after."""

from __future__ import annotations

import argparse
import json
import math
import pathlib
import sys
from collections.abc import Mapping
from typing import Any

from .. import report
from ..report.json_file import SCHEMA_VERSION
from ._common import Exit, UsageError, complain, parser

DESCRIPTION = """\
Compares two files report.json of `parity run`: what is worse, better, new and gone, with the
figures before and after and their ratio.

A case is worse when it fails and did not before, when a smaller share of it is identical to
PyTorch, when its greatest distance is greater, or when fewer counts were compared. Seconds
are shown, and not judged.
"""

EPILOG = """\
exit codes: 0 nothing is worse, 1 a case is, 2 wrong usage, 3 internal error, 5 no case is in both
"""

FIGURES = ("steps", "identical", "max_ulp", "seconds")
CHANGES = ("worse", "better", "new", "gone", "same")


def add(commands: Any) -> None:
    command = parser(commands, "diff", DESCRIPTION, EPILOG)
    command.add_argument("old", metavar="OLD.json", type=pathlib.Path)
    command.add_argument("new", metavar="NEW.json", type=pathlib.Path)
    command.add_argument("--all", action="store_true", help="show the cases that are the same, too")
    command.add_argument("--json", metavar="FILE", help="write it to FILE as JSON; - is standard output")


def main(options: argparse.Namespace) -> int:
    old, new = _read("OLD", options.old), _read("NEW", options.new)
    if not old["cases"].keys() & new["cases"].keys():
        complain(f"nothing compared: no case is in both {options.old} and {options.new}")
        return Exit.NOTHING
    found = differences(old, new)
    if options.json == "-":
        sys.stdout.write(_as_json(found))
    else:
        _show(found, options.all)
        if options.json:
            report.write_file(pathlib.Path(options.json), _as_json(found))
    return Exit.FAILED if found["summary"]["worse"] else Exit.PASSED


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Every case before and after, with the ratios; what is worst comes first."""
    cases = []
    for name in {**new["cases"], **old["cases"]}:
        before, after = old["cases"].get(name), new["cases"].get(name)
        cases.append({"name": name, "change": _change(before, after), **_sides(before, after)})
    cases.sort(key=lambda case: CHANGES.index(case["change"]))
    summary = {change: sum(case["change"] == change for case in cases) for change in CHANGES}
    return {
        "schema_version": SCHEMA_VERSION,
        "environment": {"before": old["environment"], "after": new["environment"]},
        "summary": summary,
        "total": _sides(_total(old), _total(new)),
        "cases": cases,
    }


def _change(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> str:
    if after is None:
        return "gone"
    if before is None:
        return "new" if after["verdict"] == "passed" else "worse"
    pairs = list(zip(_standing(before), _standing(after), strict=True))
    if any(now < then for then, now in pairs):
        return "worse"
    return "better" if any(now > then for then, now in pairs) else "same"


def _standing(case: Mapping[str, Any]) -> tuple[float, ...]:
    """How a case stands: the greater, the better."""
    share = case["identical"] / max(case["steps"], 1)
    return case["verdict"] == "passed", share, -_ulp(case["max_ulp"]), case["steps"]


def _ulp(value: float | None) -> float:
    """A distance as the report has it, where what is not finite stands as null."""
    return math.inf if value is None else value


def _total(side: Mapping[str, Any]) -> dict[str, Any]:
    cases = side["cases"].values()
    furthest = max((_ulp(case["max_ulp"]) for case in cases), default=0.0)
    sums = {figure: sum(case[figure] for case in cases) for figure in ("steps", "identical", "seconds")}
    return {
        **sums,
        "max_ulp": furthest if math.isfinite(furthest) else None,
        "verdict": side["summary"]["verdict"],
    }


def _sides(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> dict[str, Any]:
    shown = ("verdict", *FIGURES)
    ratio = None
    if before is not None and after is not None:
        ratio = {figure: _ratio(before[figure], after[figure]) for figure in FIGURES}
    return {
        "before": before and {figure: before[figure] for figure in shown},
        "after": after and {figure: after[figure] for figure in shown},
        "ratio": ratio,
    }


def _ratio(before: float | None, after: float | None) -> float | None:
    """After to before; None where there is none."""
    if before == after:
        return 1.0
    return None if not before or after is None else after / before


def _read(which: str, path: pathlib.Path) -> dict[str, Any]:
    """A report, with its cases by name."""
    where = f"diff: {which}: {path}"
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as reason:
        raise UsageError(f"diff: {which}: {reason}") from reason
    except RecursionError as reason:
        raise UsageError(f"{where}: must be JSON: nested too deeply") from reason
    except ValueError as reason:
        raise UsageError(f"{where}: must be JSON: {reason}") from reason
    if not isinstance(found, dict) or not {"schema_version", "summary", "cases"} <= found.keys():
        raise UsageError(f"{where}: must be a report.json; `parity run` writes one")
    if found["schema_version"] != SCHEMA_VERSION:
        raise UsageError(
            f"{where}: schema_version must be {SCHEMA_VERSION}, got {found['schema_version']!r}. "
            "Take the parity that wrote it, or run it anew."
        )
    if not isinstance(found["summary"], dict) or not isinstance(found["summary"].get("verdict"), str):
        raise UsageError(f"{where}: summary must have a verdict")
    if not isinstance(found["cases"], list) or not isinstance(found.get("environment"), dict):
        raise UsageError(f"{where}: cases must be a list, and environment an object")
    cases: dict[str, Any] = {}
    for i, case in enumerate(found["cases"]):
        _check(f"{where}: case {i}", case)
        if case["name"] in cases:
            raise UsageError(f"{where}: case {i} has the name of an earlier one, {case['name']}")
        cases[case["name"]] = case
    return {**found, "cases": cases}


def _check(where: str, case: Any) -> None:
    """Whether a case has what is compared.

    Raises:
      UsageError: something is missing, or something else.
    """
    if not isinstance(case, dict):
        raise UsageError(f"{where} must be an object, got {case!r:.60}")
    needed = {"name", "verdict", *FIGURES}
    if not needed <= case.keys():
        raise UsageError(f"{where} lacks {', '.join(sorted(needed - case.keys()))}")
    for name in sorted(needed):
        value, text = case[name], name in ("name", "verdict")
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not (isinstance(value, str) if text else number or (name == "max_ulp" and value is None)):
            raise UsageError(f"{where}: {name} must be {'text' if text else 'a number'}, got {value!r:.60}")


def _as_json(found: Mapping[str, Any]) -> str:
    return json.dumps(found, indent=1, allow_nan=False) + "\n"


def _show(found: Mapping[str, Any], everything: bool) -> None:
    for case in found["cases"]:
        if everything or case["change"] != "same":
            _block(f"{case['change']}: {case['name']}", case)
    _block("all cases", found["total"])
    print(", ".join(f"{n} {change}" for change, n in found["summary"].items()))


def _block(title: str, sides: Mapping[str, Any]) -> None:
    print(title)
    print(f"  {'':10}{'before':>14}{'after':>14}{'ratio':>10}")
    for figure in ("verdict", *FIGURES):
        cells = [
            "" if sides[side] is None else _cell(figure, sides[side][figure]) for side in ("before", "after")
        ]
        ratio = (sides["ratio"] or {}).get(figure)
        cells.append("" if ratio is None else f"{ratio:.4g}")
        print(f"  {figure:10}{cells[0]:>14}{cells[1]:>14}{cells[2]:>10}".rstrip())


def _cell(figure: str, value: Any) -> str:
    if figure == "verdict":
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{_ulp(value):.4g}"
