"""The one table of what jaxsched does otherwise than PyTorch; each entry stands with its class's cases."""

from __future__ import annotations

from .cases import transformers
from .cases.deviation import (
    Demonstration as Demonstration,
    Deviation as Deviation,
    demonstrate as demonstrate,
)
from .cases.tried import TRIED

DEVIATIONS: tuple[Deviation, ...] = (
    *(deviation for tried in TRIED for deviation in getattr(tried, "DEVIATIONS", ())),
    *(transformers.DEVIATIONS if transformers.INSTALLED else ()),
)
"""In the order of the reports."""
