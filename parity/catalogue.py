"""The only list of all cases of schedules: command line, tests, benchmarks and docs read it."""

from __future__ import annotations

from .cases import CASES, Case, ComparedCase
from .cases.by_metric import PLATEAU_CASES
from .cases.timm import CASES as OF_TIMM
from .cases.transformers import CASES as OF_TRANSFORMERS, GREEDY_CASES, INSTALLED
from .reference import timm

PYTORCH_CASES: tuple[ComparedCase, ...] = (*CASES, *PLATEAU_CASES)
"""Of PyTorch's own classes."""

TRANSFORMERS_CASES: tuple[ComparedCase, ...] = (*OF_TRANSFORMERS, *GREEDY_CASES) if INSTALLED else ()
"""Of the schedules of transformers, where it is installed."""

TIMM_CASES: tuple[Case, ...] = OF_TIMM if timm.INSTALLED else ()
"""Of timm's schedulers, where it is installed."""

ALL_CASES: tuple[ComparedCase, ...] = (*PYTORCH_CASES, *TRANSFORMERS_CASES, *TIMM_CASES)
"""Of schedules. `training.TRAINING_CASES` are the others."""
