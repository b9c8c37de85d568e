"""transformers and timm, where they have what is meant to do as one of PyTorch's classes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from .. import stepped
from ..cases import ComparedCase
from ..cases.timm import TimmSpec
from ..cases.transformers import HuggingFaceSpec
from ..reference.live import Live, read
from .peer import Candidate, Values


def in_transformers(case: ComparedCase) -> Candidate | None:
    given, steps = case.arguments, case.steps
    match case.scheduler:
        case "ReduceLROnPlateau" if case.setup.beside is None:
            return _candidate(case, "reduce_lr_on_plateau", dict(given), steps)
        case "LinearLR" if given.get("start_factor") == 1.0 and given.get("end_factor") == 0.0:
            return _candidate(case, "linear", _training(given["total_iters"]), steps)
        case "PolynomialLR":
            power, total = given.get("power", 1.0), given.get("total_iters", 5)
            return _candidate(case, "polynomial", {**_training(total), "power": power, "lr_end": 0.0}, steps)
        case "CosineAnnealingLR":
            # Past the end PyTorch's comes up again, and so does transformers'.
            end = given.get("eta_min", 0.0)
            name, more = ("cosine_with_min_lr", {"min_lr": end}) if end else ("cosine", {})
            return _candidate(case, name, {**_training(given["T_max"]), **more}, steps)
        case "CosineAnnealingWarmRestarts" if given.get("T_mult", 1) == 1 and not given.get("eta_min"):
            cycles = math.ceil(steps / given["T_0"])
            more = {"num_cycles": cycles}
            return _candidate(
                case, "cosine_with_restarts", {**_training(cycles * given["T_0"]), **more}, steps
            )
    return None


def _training(updates: int) -> dict[str, Any]:
    return {"num_warmup_steps": 0, "num_training_steps": updates}


def _candidate(case: ComparedCase, name: str, given: Mapping[str, Any], steps: int) -> Candidate:
    spec = HuggingFaceSpec(name, given)
    return Candidate(f"get_scheduler({name!r})", steps, lambda n: _applied(case, spec.torch, n))


def in_timm(case: ComparedCase) -> Candidate | None:
    given, steps = case.arguments, case.steps
    match case.scheduler:
        case "StepLR":
            arguments = {"decay_t": given["step_size"], "decay_rate": given.get("gamma", 0.1)}
            return _of_timm(case, "StepLRScheduler", arguments, steps)
        case "MultiStepLR":
            arguments = {"decay_t": sorted(given["milestones"]), "decay_rate": given.get("gamma", 0.1)}
            return _of_timm(case, "MultiStepLRScheduler", arguments, steps)
        case "ExponentialLR":
            return _of_timm(case, "StepLRScheduler", {"decay_t": 1, "decay_rate": given["gamma"]}, steps)
        case "PolynomialLR":
            arguments = {"t_initial": given.get("total_iters", 5), "power": given.get("power", 1.0)}
            return _of_timm(case, "PolyLRScheduler", arguments, steps)
        case "CosineAnnealingLR":
            # Past the end PyTorch's comes up again, where timm's stays.
            arguments = {"t_initial": given["T_max"], "lr_min": given.get("eta_min", 0.0)}
            return _of_timm(case, "CosineLRScheduler", arguments, min(steps, given["T_max"] + 1))
        case "CosineAnnealingWarmRestarts":
            arguments = {"t_initial": given["T_0"], "lr_min": given.get("eta_min", 0.0), "cycle_limit": steps}
            if given.get("T_mult", 1) != 1:
                arguments["cycle_mul"] = float(given["T_mult"])
            return _of_timm(case, "CosineLRScheduler", arguments, steps)
        case "cosine" if given.get("num_cycles", 0.5) == 0.5:
            warmup, training = given["num_warmup_steps"], given["num_training_steps"]
            if warmup >= training:
                return None
            arguments = {"t_initial": training - warmup, "warmup_t": warmup, "warmup_prefix": True}
            return _of_timm(case, "CosineLRScheduler", arguments, min(steps, training + 1))
    return None


def _of_timm(case: ComparedCase, name: str, given: Mapping[str, Any], steps: int) -> Candidate:
    spec = TimmSpec(name, given)
    return Candidate(name, steps, lambda n: _applied(case, spec.torch, n))


def _applied(case: ComparedCase, make: Any, steps: int) -> Values:
    import torch

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=case.setup.base_lr)
    live: Live = make(optimizer)
    if case.setup.metrics is None:
        return stepped.step(live, steps).values
    _, metrics = case.setup.metrics
    values = [read(live, "lr", 0)]
    for metric in metrics[: steps - 1]:
        optimizer.step()
        live.step(metric)
        values.append(read(live, "lr", 0))
    return values
