"""What is compared: a function, the arguments it is called with, and what it must answer."""

from .asked import (
    COUNTS as COUNTS,
    EVERY as EVERY,
    LAST as LAST,
    SMALL as SMALL,
    Counts as Counts,
    counts as counts,
    every as every,
    fractions as fractions,
    negative as negative,
)
from .of_count import OfCount as OfCount
from .of_state import STEPS as STEPS, OfState as OfState, metrics as metrics
from .subject import (
    BY_XLA as BY_XLA,
    Answers as Answers,
    Call as Call,
    Subject as Subject,
    on_cpu as on_cpu,
)
from .turns import turns_of as turns_of
