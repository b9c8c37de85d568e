"""The formulas of transformers' schedules: for arrays of counts, what they are for one."""

import numpy as np
import pytest
import torch

pytest.importorskip("transformers", reason="transformers is not installed")

import transformers

from parity.cases.transformers import CASES
from parity.reference import exact, transformers as formulas
from parity.reference.arithmetic import double_double, fifty_digits
from parity.reference.pytorch import known

CLOSED = [case for case in CASES if case.scheduler != "constant"]


@pytest.mark.parametrize("case", CLOSED, ids=lambda case: case.name)
def test_many_counts_at_once_are_as_exact_as_one(case):
    scheduler = case.make_torch_scheduler()
    counts = np.unique([*range(12), *np.random.default_rng(0).integers(case.steps, size=40), case.steps - 1])
    with np.errstate(divide="ignore", invalid="ignore"):  # what is not chosen may be anything
        found = known(scheduler).closed_form(double_double, "lr")(counts)
    arbiter = exact.formula_of(scheduler)
    high, low = (np.broadcast_to(part, counts.shape).tolist() for part in (found.high, found.low))
    for k, a, b in zip(counts.tolist(), high, low, strict=True):
        assert abs(fifty_digits.number(a) + b - arbiter(k)) < 1e-28 * case.base_lr


def test_a_function_of_anybodys_is_not_guessed():
    assert formulas.factor(fifty_digits, lambda k: 1.0) is None


def test_every_function_of_transformers_that_takes_a_count_is_known():
    import transformers.optimization

    theirs = {name for name in vars(transformers.optimization) if name.endswith("_lambda")}
    assert theirs - {"_get_constant_lambda"} == set(formulas.TABLE)


@pytest.mark.parametrize("name", ["linear", "cosine", "cosine_with_restarts", "cosine_with_min_lr"])
@pytest.mark.parametrize("warmup", [0, 7])
def test_a_training_that_ends_with_its_warmup(name, warmup):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    specific = {"min_lr": 0.01} if name == "cosine_with_min_lr" else {}
    scheduler = transformers.get_scheduler(name, optimizer, warmup, warmup, specific)
    formula = exact.formula_of(scheduler)
    for k in range(12):
        assert float(formula(k)) == pytest.approx(scheduler.get_last_lr()[0], rel=1e-12, abs=1e-17)
        optimizer.step()
        scheduler.step()
