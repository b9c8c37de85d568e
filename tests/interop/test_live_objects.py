"""The live object is the truth: whatever was done to it, the answer of `from_torch` is what it will do."""

import types
import warnings

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler as lrs, swa_utils

import jaxsched
from jaxsched import from_torch

STEPS = 45
TOTAL = 60


def sgd(*rates):
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": lr} for lr in rates or (0.1,)]
    return torch.optim.SGD(groups, momentum=0.9)


def advanced(scheduler, steps):
    for _ in range(steps):
        scheduler.optimizer.step()
        scheduler.step()
    return scheduler


def changed(scheduler, **attributes):
    for name, value in attributes.items():
        setattr(scheduler, name, value)
    return scheduler


def went_on(scheduler, group=0):
    """What the object itself does from now on, as far as it goes."""
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(STEPS):
            found.append(float(scheduler.optimizer.param_groups[group]["lr"]))
            scheduler.optimizer.step()
            try:
                scheduler.step()
            except ValueError:
                break
    return np.array(found)


def same(schedule, first, wanted):
    found = schedule.on_host(first + np.arange(len(wanted)))
    both = (found < 3.4e38) | (wanted < 3.4e38)  # what grows beyond float32 stays at its end
    np.testing.assert_allclose(found[both], wanted[both].astype(np.float32), rtol=2.5e-7, atol=1e-14)


# found.md, kind 1 ---------------------------------------------------------------------------


def get_lr_of_its_own():
    live = lrs.StepLR(sgd(), 5)
    live.get_lr = types.MethodType(lambda self: [g["lr"] * 0.99 for g in self.optimizer.param_groups], live)
    return live


class StepLR(lrs.StepLR):
    def get_lr(self):
        return [0.05 for _ in self.base_lrs]


def in_disguise():
    class StepLR(lrs.StepLR):
        def get_lr(self):
            return [0.05 for _ in self.base_lrs]

    StepLR.__module__ = lrs.__name__
    return StepLR(sgd(), 5)


def chain_of_one_that_had_stepped():
    optimizer = sgd()
    exponential = advanced(lrs.ExponentialLR(optimizer, 0.9), 3)
    return lrs.ChainedScheduler([exponential, lrs.StepLR(optimizer, 10, 0.5)])


def chain_of_one_that_steps_alone():
    optimizer = sgd()
    cosine = lrs.CosineAnnealingLR(optimizer, 20)
    chain = lrs.ChainedScheduler([lrs.ExponentialLR(optimizer, 0.9), cosine], optimizer)
    advanced(cosine, 3)
    return chain


def sequence_of_one_that_steps_alone():
    optimizer = sgd()
    warmup = lrs.LinearLR(optimizer, 0.1, total_iters=9)
    sequence = lrs.SequentialLR(optimizer, [warmup, lrs.ExponentialLR(optimizer, 0.9)], [9])
    advanced(warmup, 1)
    return sequence


def sequence_from_the_fifth():
    optimizer = sgd()
    optimizer.param_groups[0]["initial_lr"] = 0.1
    members = [lrs.LinearLR(optimizer, 0.1, total_iters=9), lrs.ExponentialLR(optimizer, 0.9)]
    return lrs.SequentialLR(optimizer, members, [9], last_epoch=4)


class Remembers(lrs.LRScheduler):
    """Keeps what it did in tensors: one that is empty at first, a table, and one that has a gradient."""

    def __init__(self, optimizer):
        self.late = torch.empty(0)
        self.table = torch.linspace(0.5, 1.0, 7)
        self.learned = torch.ones(1, requires_grad=True) * 3
        super().__init__(optimizer)

    def get_lr(self):
        if self.last_epoch > 20:
            self.late = torch.cat([self.late, torch.ones(1)])
        shares = self.table[self.last_epoch % 7] + self.table.mean() + self.learned
        return [lr * shares.item() / (1 + len(self.late)) for lr in self.base_lrs]


def restarts_at_a_fraction():
    live = lrs.CosineAnnealingWarmRestarts(sgd(), 5, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        live.step(2.75)
    return live


def adam_with_a_tensor():
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], lr=torch.tensor(0.1))
    return lrs.ExponentialLR(optimizer, 0.9)


def set_by_hand():
    live = advanced(lrs.CosineAnnealingLR(sgd(), 30, 0.01), 7)
    live.optimizer.param_groups[0]["lr"] = 0.2
    return live


def swa_as_in_the_documentation():
    optimizer = sgd()
    cosine, swa = lrs.CosineAnnealingLR(optimizer, 100), swa_utils.SWALR(optimizer, swa_lr=0.05)
    advanced(cosine, 20)
    return swa


def sequence_of_a_chain():
    optimizer = sgd()
    chain = lrs.ChainedScheduler(
        [lrs.ExponentialLR(optimizer, 0.9), lrs.StepLR(optimizer, 3, 0.5)], optimizer
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return lrs.SequentialLR(optimizer, [chain, lrs.ExponentialLR(optimizer, 0.8)], [5])


def loaded(cls, *args, **kwargs):
    """With a state, and without the optimizer's."""

    def make():
        trained = advanced(cls(sgd(), *args, **kwargs), 12)
        fresh = cls(sgd(), *args, **kwargs)
        fresh.load_state_dict(trained.state_dict())
        return fresh

    return make


FORMULA, RATE, RECORDING, HORIZON = (
    "a formula",
    "one from the learning rate in force",
    "a recording",
    "a horizon",
)
"""What the answer is: `RECORDING` with a warning, where the class says something else; `HORIZON` without."""

KIND_1 = {
    "T_0 assigned": (lambda: changed(lrs.CosineAnnealingWarmRestarts(sgd(), 5, 2), T_0=7), RECORDING),
    "T_i assigned": (lambda: changed(lrs.CosineAnnealingWarmRestarts(sgd(), 5, 2), T_i=9), RECORDING),
    "CyclicLR.gamma assigned": (
        lambda: changed(lrs.CyclicLR(sgd(), 0.1, 0.5, 5, mode="exp_range", gamma=0.9), gamma=0.8),
        RECORDING,
    ),
    "CyclicLR.mode assigned": (
        lambda: changed(lrs.CyclicLR(sgd(), 0.1, 0.5, 5), mode="triangular2"),
        RECORDING,
    ),
    "CyclicLR.scale_mode assigned": (
        lambda: changed(lrs.CyclicLR(sgd(), 0.1, 0.5, 5, mode="triangular2"), scale_mode="iterations"),
        RECORDING,
    ),
    "OneCycleLR.total_steps assigned": (
        lambda: changed(lrs.OneCycleLR(sgd(), 0.5, total_steps=70), total_steps=80),
        RECORDING,
    ),
    "SWALR.anneal_func assigned": (
        lambda: changed(swa_utils.SWALR(sgd(), 0.05), anneal_func=lambda t: t * t),
        RECORDING,
    ),
    "StepLR.gamma assigned": (lambda: changed(lrs.StepLR(sgd(), 5), gamma=0.5), FORMULA),
    "get_lr on the object": (get_lr_of_its_own, RECORDING),
    "get_lr of a subclass": (lambda: StepLR(sgd(), 5), HORIZON),
    "what it keeps in tensors": (lambda: Remembers(sgd()), HORIZON),
    "get_lr of a subclass in disguise": (in_disguise, RECORDING),
    "a chain of one that had stepped": (chain_of_one_that_had_stepped, FORMULA),
    "a chain of one that steps alone": (chain_of_one_that_steps_alone, FORMULA),
    "a sequence of one that steps alone": (sequence_of_one_that_steps_alone, RECORDING),
    "a gamma as a tensor": (lambda: lrs.ExponentialLR(sgd(), torch.tensor(0.9)), RECORDING),
    "a learning rate as a tensor": (adam_with_a_tensor, RECORDING),
    "restarts at a fraction": (restarts_at_a_fraction, RECORDING),
    "MultiStepLR loaded": (loaded(lrs.MultiStepLR, [5, 20]), RATE),
    "CosineAnnealingLR loaded": (loaded(lrs.CosineAnnealingLR, 20), RATE),
    "StepLR loaded": (loaded(lrs.StepLR, 5), RATE),
    "ExponentialLR loaded": (loaded(lrs.ExponentialLR, 0.9), RATE),
    "LinearLR loaded": (loaded(lrs.LinearLR, 0.1, total_iters=30), RATE),
    "PolynomialLR loaded": (loaded(lrs.PolynomialLR, 30), RATE),
    "OneCycleLR loaded": (loaded(lrs.OneCycleLR, 0.5, total_steps=70), RATE),
    "CosineAnnealingWarmRestarts loaded": (loaded(lrs.CosineAnnealingWarmRestarts, 9), RATE),
    "LambdaLR loaded": (loaded(lrs.LambdaLR, lambda k: 0.9**k), RATE),
    "a learning rate set by hand": (set_by_hand, RATE),
    "SequentialLR(last_epoch=4)": (sequence_from_the_fifth, RECORDING),
    # Kind 3, but for what is below.
    "SWALR as in its documentation": (swa_as_in_the_documentation, RATE),
    "a sequence of a chain": (sequence_of_a_chain, RATE),
    "OneCycleLR(max_lr=0)": (lambda: lrs.OneCycleLR(sgd(), 0.0, total_steps=70), FORMULA),
    "T_max=50.0": (lambda: lrs.CosineAnnealingLR(sgd(), 50.0), FORMULA),
    "step_size=30.0": (lambda: lrs.StepLR(sgd(), 30.0), FORMULA),
    "T_max=12.5": (lambda: lrs.CosineAnnealingLR(sgd(), 12.5), RECORDING),
    "max_momentum=1.2": (lambda: lrs.OneCycleLR(sgd(), 0.1, total_steps=70, max_momentum=1.2), RECORDING),
}


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize(("make", "answer"), KIND_1.values(), ids=KIND_1)
def test_it_does_what_the_object_does(make, answer, resume):
    live = make()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        schedule = from_torch(live, total_steps=TOTAL, resume=resume)
    assert isinstance(schedule, jaxsched.Recorded) == (answer in (RECORDING, HORIZON))
    assert bool(said) == (answer in (RATE, RECORDING))
    assert ("SetAt(" in repr(schedule)) == (answer == RATE)
    same(schedule, 0 if resume else schedule.position, went_on(live))


@pytest.mark.parametrize(("make", "answer"), KIND_1.values(), ids=KIND_1)
def test_without_a_horizon_it_says_that_one_is_needed(make, answer):
    live = make()
    if answer == RECORDING:
        with pytest.raises((ValueError, TypeError), match=r"Give total_steps=|give total_steps="):
            from_torch(live)
    elif answer == HORIZON:
        with pytest.raises(
            TypeError, match="Any other that steps a learning rate is recorded: give total_steps="
        ):
            from_torch(live)
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            schedule = from_torch(live)
        same(schedule, schedule.position, went_on(live))


def test_nothing_of_the_original_is_touched():
    optimizer = sgd(0.1, 0.2)
    members = [lrs.LinearLR(optimizer, 0.1, total_iters=9), lrs.OneCycleLR(optimizer, 0.3, total_steps=40)]
    live = advanced(lrs.SequentialLR(optimizer, members, [9]), 12)
    before = repr(live.state_dict()), repr(optimizer.state_dict()), torch.random.get_rng_state()
    from_torch(live, group=1)
    assert (repr(live.state_dict()), repr(optimizer.state_dict())) == before[:2]
    assert torch.equal(torch.random.get_rng_state(), before[2])


# Random changes -----------------------------------------------------------------------------

EXAMPLES = max(200, hypothesis.settings().max_examples)
"""`make test-long` has many more."""

numbers = st.sampled_from([0, 1, 2, 3, 7, 20, 0.5, 0.9, 1.1, 0.0, 1e-3, 30])
MAKE = {
    "StepLR": lambda o: lrs.StepLR(o, 5, 0.5),
    "MultiStepLR": lambda o: lrs.MultiStepLR(o, [4, 9, 20], 0.5),
    "ConstantLR": lambda o: lrs.ConstantLR(o, 0.5, 8),
    "LinearLR": lambda o: lrs.LinearLR(o, 0.25, 0.75, 12),
    "ExponentialLR": lambda o: lrs.ExponentialLR(o, 0.9),
    "PolynomialLR": lambda o: lrs.PolynomialLR(o, 25, 2.0),
    "CosineAnnealingLR": lambda o: lrs.CosineAnnealingLR(o, 12, 0.01),
    "CosineAnnealingWarmRestarts": lambda o: lrs.CosineAnnealingWarmRestarts(o, 5, 2, 0.01),
    "CyclicLR": lambda o: lrs.CyclicLR(o, 0.1, 0.5, 4, mode="exp_range", gamma=0.95),
    "OneCycleLR": lambda o: lrs.OneCycleLR(o, 0.3, total_steps=90),
    "SWALR": lambda o: swa_utils.SWALR(o, 0.05, 7),
    "LambdaLR": lambda o: lrs.LambdaLR(o, lambda k: 1 / (1 + k)),
    "MultiplicativeLR": lambda o: lrs.MultiplicativeLR(o, lambda k: 0.95),
    "SequentialLR": lambda o: lrs.SequentialLR(o, [lrs.LinearLR(o, 0.1), lrs.CosineAnnealingLR(o, 30)], [5]),
    "ChainedScheduler": lambda o: lrs.ChainedScheduler([lrs.LinearLR(o, 0.1), lrs.ExponentialLR(o, 0.9)], o),
}
KEPT_OUT = {"optimizer", "_schedulers", "lr_lambdas", "anneal_func", "_scale_fn_ref", "_scale_fn_custom"}


def test_one_that_will_grow_is_seen_where_it_is_small():
    live = advanced(lrs.StepLR(sgd(), 5, 0.5), 5)
    live.gamma = 2
    with pytest.warns(UserWarning, match="goes on from the learning rate in force"):
        schedule = from_torch(live)
    same(schedule, 5, went_on(live))


@hypothesis.settings(max_examples=EXAMPLES)
@hypothesis.given(st.sampled_from(sorted(MAKE)), st.integers(0, 30), st.data())
def test_no_change_makes_a_silent_difference(name, steps, data):
    live = advanced(MAKE[name](sgd()), steps)
    chosen = data.draw(st.sampled_from([live, *getattr(live, "_schedulers", [])]))
    attributes = [
        n for n, v in vars(chosen).items() if n not in KEPT_OUT and isinstance(v, (int, float, list))
    ]
    for attribute in data.draw(st.lists(st.sampled_from([*attributes, "lr"]), max_size=2)):
        value = data.draw(numbers)
        if attribute == "lr":
            live.optimizer.param_groups[0]["lr"] = value
        else:
            was = getattr(chosen, attribute)
            setattr(chosen, attribute, [value] * len(was) if isinstance(was, list) else value)
    resume, horizon = data.draw(st.booleans()), data.draw(st.sampled_from([None, TOTAL + 30]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            schedule = from_torch(live, total_steps=horizon, resume=resume)
        except (TypeError, ValueError):
            return
    first = 0 if resume else schedule.position
    try:
        wanted = went_on(live)
    except Exception:
        return  # nor can it be trained with
    same(schedule, first, wanted)


# Those that look at a metric ----------------------------------------------------------------


def test_a_machine_is_held_against_a_copy_that_is_told_the_same(monkeypatch):
    live = lrs.ReduceLROnPlateau(sgd(), patience=2)
    for metric in (3.0, 3.0, 2.0):
        live.step(metric)
    assert from_torch(live) == jaxsched.ReduceLROnPlateau(0.1, patience=2)
    monkeypatch.setattr(lrs.ReduceLROnPlateau, "step", lambda self, metrics, epoch=None: None)
    with pytest.raises(ValueError, match=r"told .* as the last of \d+ metrics, a copy of it has"):
        from_torch(live)
    assert (live.num_bad_epochs, live.optimizer.param_groups[0]["lr"]) == (0, 0.1)
    assert from_torch(live, verify=0) == jaxsched.ReduceLROnPlateau(0.1, patience=2)
