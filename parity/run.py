"""All names of a run in one place: its cases, who runs them (`runner`), and what comes of it (`results`)."""

from __future__ import annotations

from .catalogue import ALL_CASES as ALL_CASES, PYTORCH_CASES as PYTORCH_CASES
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
    Profile as Profile,
    profiled as profiled,
    run as run,
)
