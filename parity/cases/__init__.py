"""What is tried: schedulers with their arguments, and for how many counts.

A file of `parity.cases.pytorch` for each of PyTorch's classes, `transformers` for the schedules of that
library, `metrics` for the schedulers that are told metrics. `parity.catalogue` lists all.
"""

from .by_count import Case as Case
from .case import BaseCase as BaseCase
from .compared import ComparedCase as ComparedCase
from .functions import (
    cool as cool,
    cosine_by_hand as cosine_by_hand,
    decay_95 as decay_95,
    every_third as every_third,
    fade as fade,
    halve as halve,
    inverse_time as inverse_time,
    ten_epochs_each as ten_epochs_each,
    warmup_then_inverse_sqrt as warmup_then_inverse_sqrt,
    warmup_then_inverse_sqrt_traceable as warmup_then_inverse_sqrt_traceable,
)
from .member import HORIZON as HORIZON, member as member
from .members import MEMBERS as MEMBERS, chain as chain, sequence as sequence
from .spec import BaseSpec as BaseSpec, Spec as Spec
from .tried import TRIED

CASES: tuple[Case, ...] = tuple(case for tried in TRIED for case in tried.CASES)
"""Of PyTorch's classes, count by count."""
