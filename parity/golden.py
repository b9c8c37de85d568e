"""Golden vectors: what PyTorch did, in a file, to check against where there is no PyTorch.

The form of the file is described in docs/golden-vectors.md, for readers in any language, and
in ``vectors/schema.json``; what is there keeps its meaning while ``schema_version`` stays.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import inspect
import json
import pathlib
import platform
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from . import cases, causes
from .answers import under_jit
from .cases import Case, ComparedCase, Spec
from .cases.by_metric import PlateauCase
from .comparison import Comparison
from .judge import judge, recorded
from .metrics import MetricCase
from .reference import exact
from .reference.events import Event, Kind
from .reference.live import QUANTITIES
from .stepped import Stepped

FORMAT = "parity golden vectors"
SCHEMA_VERSION = 1

COMPLETE = 200
"""Trajectories of at most so many counts stand in the file whole."""

FIRST, LAST, EVEN = 16, 3, 128
"""Of longer ones: so many at either end, and so many evenly spread; and each event with its neighbours."""

CLOSE = 1e-6
"""ULP of float32: an exact value nearer to PyTorch's than that, and of the same float32, is left out."""


@dataclasses.dataclass(frozen=True, eq=False)
class Vector:
    """A case and what PyTorch did with it at some counts."""

    case: ComparedCase

    counts: npt.NDArray[np.int32]
    """How many steps PyTorch had made, ascending; the first is 0, the last the last of the case."""

    torch: npt.NDArray[np.float64]

    exact: Mapping[int, float]
    """The exact value by count, to float64, where PyTorch's own rounding error shows."""

    events: tuple[Event, ...]

    @property
    def inputs(self) -> npt.NDArray[Any]:
        """What a schedule is called with: the counts, or epochs."""
        return self.case.inputs(self.counts)


# Recording ------------------------------------------------------------------------------


def record(case: ComparedCase, progress: Callable[[int], None] = lambda steps: None) -> Vector:
    """Steps the real PyTorch scheduler of a case and keeps what is to stand in the file."""
    found = case.step(progress)
    if found.ended is not None:
        raise RuntimeError(f"{case.name}: PyTorch ended at count {len(found.values)}: {found.ended}")
    assert found.exact is not None, case.name
    events = tuple(event for event in found.events if event.what)
    counts = np.asarray(chosen(case, events), np.int32)
    vector = Vector(case, counts, found.values[counts], {}, events)
    errors = {
        count: _float64(right)
        for count, value, right in zip(
            counts.tolist(), vector.torch.tolist(), map(found.exact, vector.inputs.tolist()), strict=True
        )
        if not _close(value, right)
    }
    return dataclasses.replace(vector, exact=errors)


def chosen(case: ComparedCase, turns: Sequence[Event]) -> list[int]:
    """The counts that stand in the file.

    All, if they are few, or if one depends on those before (metrics) or is no whole number
    (epochs). Else the first 16, every event with the counts before and after it, 128 evenly
    spread from the first to the last, and the last three.
    """
    steps = case.steps
    if steps <= COMPLETE or not case.leaps:
        return list(range(steps))
    ends = {*range(FIRST), *range(steps - LAST, steps)}
    near = {turn.count + offset for turn in turns for offset in (-1, 0, 1)}
    even = {round(i * (steps - 1) / (EVEN - 1)) for i in range(EVEN)}
    return sorted(k for k in ends | near | even if 0 <= k < steps)


def _close(torch: float, right: Any) -> bool:
    """Whether PyTorch's value may stand for the exact one."""
    nearest = exact.to_float32(right)
    return bool(
        np.float32(torch) == nearest and abs(right - torch) <= CLOSE * float(np.spacing(abs(nearest)))
    )


def _float64(right: Any) -> float:
    """An exact value to float64; next to a tie, on its side of it, so that float32 of it is right too."""
    value = float(right)
    nearest = exact.to_float32(right)
    return value if np.float32(value) == nearest else float(np.nextafter(value, np.float64(nearest)))


# Checking -------------------------------------------------------------------------------


def check(vector: Vector, candidate: Callable[[Any], Any] | npt.NDArray[Any] | None = None) -> Comparison:
    """`parity.compare` with what PyTorch did once, and by the same rule.

    Args:
      vector: what PyTorch did.
      candidate: a schedule; for ReduceLROnPlateau a function from all metrics to the learning
        rates before the first and after each; or the values at count 0, 1, …; None is
        jaxsched's own, made from the arguments in the file.
    """
    case, counts = vector.case, vector.counts
    known = {**dict(zip(vector.inputs.tolist(), vector.torch.tolist(), strict=True)), **vector.exact}

    def arbiter(k: float) -> Any:
        return exact.mp.mpf(known[k])

    events = (*case.by_heart, *vector.events)
    stepped = Stepped(vector.inputs, vector.torch, events=events, exact=arbiter, made=counts)
    if candidate is None:
        (answers,) = case.answer_all([case], [stepped])
    elif callable(candidate):
        answers = case.ask(candidate, stepped)
    else:
        answers = recorded(candidate[counts[counts < len(candidate)]], stepped)
    found = judge(answers, stepped)
    if candidate is None or found.first_failure is None or len(counts) == case.steps:
        return found
    if not check(vector).passed:
        return found
    return dataclasses.replace(found, cause=_cause(vector, candidate))


def _cause(vector: Vector, candidate: Callable[[Any], Any] | npt.NDArray[Any]) -> str:
    """What a difference looks like over all counts.

    PyTorch's are not known there. jaxsched, which is right at each recorded count, stands for
    it: in this sentence only, and not in the verdict.
    """
    schedule = vector.case.function()
    assert schedule is not None  # else all counts are in the file
    counts = np.arange(vector.case.steps, dtype=np.int32)
    theirs = np.asarray(under_jit(schedule, counts)).astype(np.float64)
    mine = under_jit(candidate, counts) if callable(candidate) else candidate[: len(counts)]
    mine = np.asarray(mine).astype(np.float32)
    return causes.name(mine, theirs, np.flatnonzero(mine != theirs.astype(np.float32)), vector.events)


# The file -------------------------------------------------------------------------------


def render(vectors: Sequence[Vector]) -> str:
    """The file: JSON, a line for each case, with nothing in it that another run would change."""
    functions = sorted(
        {function for vector in vectors for function in vector.case.setup.spec.given_functions()}, key=_name
    )
    head = {
        "format": FORMAT,
        "schema_version": SCHEMA_VERSION,
        "torch": importlib.metadata.version("torch"),
        "platform": f"{platform.system()} {platform.machine()}",
        "functions": {_name(function): inspect.getsource(function) for function in functions},
    }
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    rows = ",\n".join(
        json.dumps(_to_dict(vector), separators=(",", ":"), allow_nan=False) for vector in vectors
    )
    return "{\n" + ",\n".join([*lines, f'"cases": [\n{rows}\n]']) + "\n}\n"


def read(path: pathlib.Path) -> tuple[str, list[Vector]]:
    """The version of PyTorch, and what it did, from a file that `render` wrote.

    Raises:
      ValueError: another file, another version, or a case that cannot be understood.
      OSError: the file cannot be read.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    except RecursionError as reason:
        raise ValueError(f"{path}: must be JSON: nested too deeply") from reason
    except ValueError as reason:
        raise ValueError(f"{path}: must be JSON: {reason}") from reason
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise ValueError(f"{path}: must be a file of golden vectors; `parity record` writes one")
    if found.get("schema_version") != SCHEMA_VERSION:
        raise ValueError(
            f"{path}: schema_version must be {SCHEMA_VERSION}, got {found.get('schema_version')!r}. "
            "Take the parity that wrote it, or record it anew."
        )
    vectors = []
    try:
        for case in found["cases"]:
            vectors.append(_from_dict(case))
        return str(found["torch"]), vectors
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as reason:
        raise ValueError(f"{path}: case {len(vectors)}: {type(reason).__name__}: {reason}") from reason


def _name(function: Callable[..., Any]) -> str:
    return function.__name__


def _to_dict(vector: Vector) -> dict[str, Any]:
    case, given = vector.case, vector.case.setup
    return {
        "name": case.name,
        "quantity": case.quantity,
        "spec": given.spec.recorded(),
        "base_lr": given.base_lr,
        "epochs": given.epochs,
        "metrics": given.metrics and {"name": given.metrics[0], "values": _hex(given.metrics[1])},
        "beside": given.beside and given.beside.recorded(),
        "steps": case.steps,
        "events": [{"count": event.count, "what": event.what} for event in vector.events],
        "counts": vector.counts.tolist(),
        "torch": _hex(vector.torch),
        "exact": {str(count): value.hex() for count, value in vector.exact.items()},
    }


def _from_dict(data: Mapping[str, Any]) -> Vector:
    spec, base_lr = _decode(data["spec"]), data["base_lr"]
    if data["quantity"] not in QUANTITIES:
        raise ValueError(f"quantity must be one of {', '.join(QUANTITIES)}, got {data['quantity']!r}")
    if type(spec) is not Spec:
        raise ValueError(f"spec must be a scheduler and its arguments, got {spec!r}")
    if not isinstance(base_lr, (int, float)) or not 0 <= base_lr < np.inf:
        raise ValueError(f"base_lr must be a number >= 0, got {base_lr!r}")
    if not isinstance(data["steps"], int) or data["steps"] < 1:
        raise ValueError(f"steps must be a whole number >= 1, got {data['steps']!r}")
    epochs = data["epochs"]
    if epochs is not None and (
        not isinstance(epochs, list) or not epochs or not all(map(_is_number, epochs))
    ):
        raise ValueError(f"epochs must be null or a list of numbers, got {epochs!r}")
    case: ComparedCase
    if data["metrics"] is None:
        case = Case(spec, base_lr, data["steps"], data["quantity"], epochs and tuple(epochs))
    else:
        metrics = tuple(map(float.fromhex, data["metrics"]["values"]))
        beside = _decode(data["beside"])
        other, others = (beside.scheduler, beside.arguments) if beside else (None, {})
        trace = MetricCase(data["metrics"]["name"], metrics, spec.arguments, base_lr, other, others)
        case = PlateauCase(trace)
    counts = np.asarray(data["counts"], np.int32)
    torch = np.asarray([float.fromhex(text) for text in data["torch"]])
    if len(counts) != len(torch) or not len(counts) or (np.diff(counts, prepend=-1) <= 0).any():
        raise ValueError(f"{data['name']}: counts must ascend, with a value of PyTorch's for each")
    return Vector(
        case,
        counts,
        torch,
        {int(count): float.fromhex(text) for count, text in data["exact"].items()},
        tuple(Event(event["count"], Kind(event["what"])) for event in data["events"]),
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _hex(values: Any) -> list[str]:
    return [float(value).hex() for value in values]


def _decode(value: Any) -> Any:
    if isinstance(value, dict) and "function" in value:
        function = vars(cases).get(value["function"])
        if not inspect.isfunction(function):
            raise ValueError(f"function must be one of parity.cases, got {value['function']!r}")
        return function
    if isinstance(value, dict):
        arguments, ours = (
            {name: _decode(each) for name, each in value[key].items()} for key in ("arguments", "jaxsched")
        )
        return Spec(value["scheduler"], arguments, ours)
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return tuple(map(_decode, value))
    return value
