"""The report for programs. Numbers that are not finite stand as null."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

from ..compare import Difference
from ..deviations import Demonstration
from ..run import CaseResult, Run

SCHEMA_VERSION = 1


def render(run: Run) -> str:
    """The run as JSON text."""
    return json.dumps(to_dict(run), indent=1, allow_nan=False) + "\n"


def to_dict(run: Run) -> dict[str, Any]:
    """The run as a dict that JSON can hold."""
    return {
        "schema_version": SCHEMA_VERSION,
        "environment": {**run.environment, "seconds": round(run.seconds, 3)},
        "summary": {
            "verdict": _verdict(run.passed),
            "passed": len(run.results) - len(run.failed),
            "failed": len(run.failed),
            "steps": run.steps,
            "identical": run.identical,
            "correctly_rounded": run.correctly_rounded,
            "deviations": len(run.deviations),
            "outdated_deviations": len(run.outdated),
        },
        "cases": [_case(result) for result in run.results],
        "deviations": [_deviation(shown) for shown in run.deviations],
    }


def _verdict(passed: bool) -> str:
    return "passed" if passed else "failed"


def _case(result: CaseResult) -> dict[str, Any]:
    case, found = result.case, result.comparison
    return {
        "name": case.name,
        "scheduler": case.scheduler,
        "quantity": case.quantity,
        "verdict": _verdict(found.passed),
        "problem": found.problem,
        "steps": found.steps,
        "identical": found.identical,
        "identical_share": found.identical / max(found.steps, 1),
        "correctly_rounded": found.correctly_rounded,
        "max_ulp": _number(found.max_ulp),
        "worst": _difference(found.worst),
        "first_divergence": found.first_divergence,
        "first_failure": _difference(found.first_failure),
        "eager": found.eager,
        "optax": _optax(result),
        "seconds": round(result.seconds, 3),
    }


def _difference(found: Difference | None) -> dict[str, Any] | None:
    return (
        None if found is None else {name: _number(value) for name, value in dataclasses.asdict(found).items()}
    )


def _optax(result: CaseResult) -> dict[str, Any] | None:
    if result.optax is None:
        return None
    return {
        "name": result.optax.name,
        "steps": result.optax.steps,
        "identical": result.optax.identical,
        "max_ulp": _number(result.optax.max_ulp),
        "max_ulp_count": result.optax.max_ulp_count,
        "max_share": _number(result.optax.max_share),
    }


def _deviation(shown: Demonstration) -> dict[str, Any]:
    entry = shown.deviation
    return {
        "scheduler": entry.scheduler,
        "when": entry.when,
        "torch_does": entry.torch_does,
        "jaxsched_does": entry.jaxsched_does,
        "reason": entry.reason,
        "torch_version": entry.torch_version,
        "torch": shown.torch,
        "jaxsched": shown.jaxsched,
        "occurs": shown.occurs,
    }


def _number(value: float | None) -> float | None:
    return value if value is None or math.isfinite(value) else None
