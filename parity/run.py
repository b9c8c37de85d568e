"""All names of a run in one place: its cases, who runs them (`runner`), and what comes of it (`results`)."""

from __future__ import annotations

from . import cases_hugging_face, plateau
from .cases import CASES, Case
from .environment import environment as environment
from .results import (
    CaseResult as CaseResult,
    OptaxResult as OptaxResult,
    PairCase as PairCase,
    Run as Run,
    Tally as Tally,
    gathered as gathered,
)
from .runner import (
    BATCH as BATCH,
    AnyCase as AnyCase,
    Profile as Profile,
    profiled as profiled,
    run as run,
)

PYTORCH_CASES: tuple[Case | plateau.PlateauCase, ...] = (*CASES, *plateau.PLATEAU_CASES)
"""Of PyTorch's own classes."""

_HUGGING_FACE: tuple[Case | plateau.PlateauCase, ...] = (
    (*cases_hugging_face.CASES, *cases_hugging_face.GREEDY_CASES) if cases_hugging_face.INSTALLED else ()
)
ALL_CASES: tuple[Case | plateau.PlateauCase, ...] = (*PYTORCH_CASES, *_HUGGING_FACE)
"""Of schedules. `training.TRAINING_CASES` are the others."""
