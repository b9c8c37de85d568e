"""The report for programs. Numbers that are not finite stand as null.

Its form is published as a JSON Schema, ``schema.json`` beside this file; what is there keeps
its meaning while ``schema_version`` stays.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from ..comparison import Difference, Distance, Row, Tolerance
from ..deviations import Demonstration
from ..devices import findings as on_devices
from ..devices.table import Table
from ..optimizers import Beside
from ..results import CaseResult, OptaxResult, Run
from ..training import TrainingResult
from . import wording_devices
from .wording import verdict

SCHEMA_VERSION = 1

Json: TypeAlias = Mapping[str, "Json"] | Sequence["Json"] | str | float | None
Object: TypeAlias = dict[str, Json]


def render(run: Run) -> str:
    """The run as JSON text."""
    return json.dumps(to_dict(run), indent=1, allow_nan=False) + "\n"


def to_dict(run: Run) -> Object:
    """The run as a dict that JSON can hold."""
    return {
        "schema_version": SCHEMA_VERSION,
        "environment": {**run.environment, "seconds": round(run.seconds, 3)},
        "summary": {
            "verdict": verdict(run.passed),
            "passed": len(run.results) - len(run.failed),
            "failed": len(run.failed),
            "steps": run.steps,
            "identical": run.identical,
            "correctly_rounded": run.correctly_rounded,
            "deviations": len(run.deviations),
            "outdated_deviations": len(run.outdated),
            "twins": len(run.training),
            "twins_parted": len(run.parted),
            "optimizers": len(run.optimizers),
            "optimizers_failed": len(run.other_optimizers),
            "torch_seconds": round(run.torch_seconds, 3),
            "schedules_on_devices": 0 if run.devices is None else len(run.devices.rows),
            "schedules_on_devices_failed": 0 if run.devices is None else len(run.devices.failed),
            "schedules_on_devices_not_compared": 0
            if run.devices is None
            else sum(not row.passed and not row.failed for row in run.devices.rows),
        },
        "cases": [_case(result) for result in run.results],
        "training": [_training(result) for result in run.training],
        "optimizers": [_optimizer(beside) for beside in run.optimizers],
        "deviations": [_deviation(shown) for shown in run.deviations],
        "devices": None if run.devices is None else _devices(run.devices),
    }


def _case(result: CaseResult) -> Object:
    case, found = result.case, result.comparison
    return {
        "name": case.name,
        "scheduler": case.scheduler,
        "quantity": case.quantity,
        "verdict": verdict(result.passed),
        "problem": result.problem,
        "remark": "; ".join(filter(None, [found.remark, *found.read])) or None,
        "cause": found.cause,
        "who": found.who,
        "steps": found.steps,
        "identical": found.identical,
        "identical_share": found.identical / max(found.steps, 1),
        "correctly_rounded": found.correctly_rounded,
        "max_ulp": _number(found.max_ulp),
        "worst": _difference(found.worst),
        "first_divergence": found.first_divergence,
        "first_failure": _difference(found.first_failure),
        "distances": [_distance(each) for each in found.distances],
        "window": [_row(row) for row in found.window],
        "least_tolerance": _numbers(found.tolerance),
        "integrity": None if found.integrity is None else dataclasses.asdict(found.integrity),
        "notes": list(found.notes),
        "not_judged": [{"count": event.count, "what": event.what} for event in found.not_judged],
        "eager": found.eager,
        "modes": dict(result.modes),
        "optax": _numbers(result.optax),
        "again": result.again,
        "seconds": round(result.seconds, 3),
        "torch_seconds": round(result.torch_seconds, 3),
    }


def _training(result: TrainingResult) -> Object:
    found = result.comparison
    return {
        "name": result.case.name,
        "optimizer": result.case.optimizer,
        "scheduler": result.case.scheduler,
        "verdict": verdict(result.passed),
        "problem": result.problem,
        "updates": found.steps,
        "quantities": [
            {**quantity._asdict(), "furthest": _number(quantity.furthest)} for quantity in result.quantities
        ],
        "first": None if result.first is None else result.first.name,
        "culprit": None
        if found.culprit is None
        else {
            "names": list(found.culprit.names),
            "because": found.culprit.because,
            "wanted": list(found.culprit.wanted),
        },
        "growth": None
        if found.growth is None
        else {**_finite(found.growth._asdict()), "is_rounding": found.growth.is_rounding},
        "relative": _number(found.relative),
        "precision": found.precision,
        "notes": list(found.notes),
        "lr_float64": _number(result.lr_float64),
        "reductions": dict(zip(("flax", "torch"), map(list, result.reductions), strict=True)),
        "loss": {
            side: {"first": _number(float(losses[0])), "last": _number(float(losses[-1]))}
            for side, losses in zip(("flax", "torch"), result.loss or ([math.nan],) * 2, strict=True)
        },
        "again": result.again,
        "seconds": round(result.seconds, 3),
        "torch_seconds": round(result.torch_seconds, 3),
    }


def _finite(values: dict[str, Json]) -> Object:
    return {name: _number(value) for name, value in values.items()}


def _row(row: Row) -> Object:
    return {field.name: _number(getattr(row, field.name)) for field in dataclasses.fields(Row)}


def _difference(found: Difference | None) -> Object | None:
    return None if found is None else {**_row(found), "ulp": _number(found.ulp)}


def _distance(found: Distance) -> Object:
    return {
        "between": found.between,
        "counts": found.counts,
        "identical": found.identical,
        "max_ulp": _number(found.max_ulp),
        "worst": _row(found.worst),
    }


def _numbers(found: Tolerance | OptaxResult | None) -> Object | None:
    if found is None:
        return None
    return {name: _number(value) for name, value in dataclasses.asdict(found).items()}


def _deviation(shown: Demonstration) -> Object:
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


def _optimizer(beside: Beside) -> Object:
    return {
        "name": beside.row.name,
        "verdict": verdict(beside.passed),
        "obvious": beside.row.obvious or None,
        "obvious_apart": _number(beside.obvious),
        "why": beside.row.why or None,
        "right_apart": _number(beside.right),
        "within": beside.row.within,
    }


def _devices(table: Table) -> Object:
    return {
        "targets": list(table.targets),
        "schedules": [
            {
                "name": row.name,
                "scheduler": row.scheduler,
                "verdict": wording_devices.row_verdict(row),
                "problem": wording_devices.problem(row),
                "targets": [_finding(finding) for finding in row.findings.values()],
                "optax": None
                if row.optax is None
                else {
                    "name": row.optax,
                    "targets": [_finding(finding) for finding in row.optax_findings.values()],
                },
                "again": row.again,
            }
            for row in table.rows
        ],
    }


def _finding(found: on_devices.Finding) -> Object:
    return {
        **dataclasses.asdict(found),
        "first": _on_device(found.first),
        "furthest": _on_device(found.furthest),
        "seconds": round(found.seconds, 3),
    }


def _on_device(found: on_devices.Difference | None) -> Object | None:
    return None if found is None else {**dataclasses.asdict(found), "ulp": _number(found.ulp)}


def _number(value: Json) -> Json:
    """What JSON can hold of a value."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
