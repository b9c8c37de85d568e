"""OneCycleLR, its learning rate and its momentum."""

import math
from typing import Any

import numpy as np

from ..arithmetic import Arithmetic, Counts
from ..curves import cosine, line
from ..known import Formula, Known
from ..turns import Kind, Turns, once


class OneCycleLR(Known):
    theirs = "torch.optim.lr_scheduler.OneCycleLR"
    quantities = ("lr", "momentum")

    def formula(self, a: Arithmetic, quantity: str) -> Formula:
        """Past the end it goes on as PyTorch does, which raises at the second update there."""
        phases, options = self.scheduler._schedule_phases, self.options
        anneal = cosine if self.scheduler._anneal_func_type == "cos" else line
        starts, stops = (
            np.array([options[phase[f"{side}_{quantity}"]] for phase in phases]) for side in ("start", "end")
        )
        ends = np.array([phase["end_step"] for phase in phases])
        begins = np.array([0.0, *ends[:-1]])
        reached = np.maximum.accumulate(ends)  # with three phases, one may end before the one before it

        def values(k: Counts) -> Any:
            i = np.minimum(np.searchsorted(reached, k), len(ends) - 1)
            way = (a.number(k) - a.number(begins[i])) / (a.number(ends[i]) - a.number(begins[i]))
            return anneal(a, starts[i], stops[i], way)

        return values

    def closed_form(self, a: Arithmetic, quantity: str) -> Formula:
        """Past the end the last value stays."""
        formula, last = self.formula(a, quantity), self.scheduler.total_steps - 1
        return lambda k: formula(np.minimum(k, last))

    def turns(self) -> Turns:
        ends = [phase["end_step"] for phase in self.scheduler._schedule_phases]
        return once(
            Kind.END_OF_PHASE, *{whole for end in ends for whole in (math.floor(end), math.ceil(end))}
        )
