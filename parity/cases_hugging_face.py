"""The cases of transformers, under their old name."""

from .cases.transformers import (
    CASES as CASES,
    GREEDY_CASES as GREEDY_CASES,
    INSTALLED as INSTALLED,
    GreedyCase as GreedyCase,
    HuggingFaceSpec as HuggingFaceSpec,
)
