"""A learning rate set by hand: the real PyTorch goes on from it, and `SetAt` beside it."""

import functools

import jax
import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler, swa_utils

import jaxsched
from jaxsched import SetAt

STEPS = 40
COUNTS = (0, 1, 4, 5, 6, 11, 12, 13, 30)

# Each name, and what PyTorch and we are given besides optimizer and learning rate.
CLASSES = {
    "ConstantLR": dict(factor=0.25, total_iters=6),
    "LinearLR": dict(start_factor=0.25, total_iters=12),
    "StepLR": dict(step_size=5, gamma=0.5),
    "MultiStepLR": dict(milestones=[4, 5, 5, 20], gamma=0.5),
    "ExponentialLR": dict(gamma=0.9),
    "PolynomialLR": dict(total_iters=20, power=1.5),
    "CosineAnnealingLR": dict(T_max=6, eta_min=0.01),
    "CosineAnnealingWarmRestarts": dict(T_0=5, T_mult=2, eta_min=0.01),
    "LambdaLR": dict(lr_lambda=lambda k: 1 / (1 + 0.5 * k)),
    "MultiplicativeLR": dict(lr_lambda=lambda k: 0.9),
    "SWALR": dict(swa_lr=0.05, anneal_epochs=7),
}


def theirs(name, optimizer, **arguments):
    library = swa_utils if name == "SWALR" else lr_scheduler
    return getattr(library, name)(optimizer, **arguments)


def stepped(make, count, lr):
    """What PyTorch does whose learning rate is set to ``lr`` after so many steps."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    scheduler = make(optimizer)
    found = []
    for k in range(STEPS):
        if k == count:
            optimizer.param_groups[0]["lr"] = lr
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


def same(schedule, compiled, wanted):
    found = schedule.on_host(np.arange(STEPS))
    np.testing.assert_allclose(found, wanted, rtol=2e-7, atol=1e-16)
    np.testing.assert_array_equal(compiled, found)


def compiled(schedules):
    """What each answers; they share most of their program, which so is compiled once."""
    return jax.jit(lambda k: {given: schedule(k) for given, schedule in schedules.items()})(np.arange(STEPS))


RATES = (0.3, 0.004)


@functools.cache
def of_a_class(name):
    """The schedule by count and learning rate, and what each answers."""
    schedule = getattr(jaxsched, name)(0.1, **CLASSES[name])
    schedules = {(count, lr): SetAt(schedule, count, lr) for count in COUNTS for lr in RATES}
    return schedules, compiled(schedules)


@pytest.mark.parametrize("lr", RATES)
@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("name", CLASSES)
def test_a_class(name, count, lr):
    schedules, values = of_a_class(name)
    wanted = stepped(lambda o: theirs(name, o, **CLASSES[name]), count, lr)
    same(schedules[count, lr], values[count, lr], wanted)


def sequence(optimizer):
    members = [
        lr_scheduler.LinearLR(optimizer, 0.25, total_iters=5),
        swa_utils.SWALR(optimizer, swa_lr=0.05, anneal_epochs=4),
        lr_scheduler.CosineAnnealingLR(optimizer, 6, 0.01),
        swa_utils.SWALR(optimizer, swa_lr=0.02, anneal_epochs=9),
        lr_scheduler.ExponentialLR(optimizer, 0.9),
    ]
    return lr_scheduler.SequentialLR(optimizer, members, [5, 12, 20, 30])


def chain(optimizer):
    members = [lr_scheduler.ExponentialLR(optimizer, 0.9), lr_scheduler.StepLR(optimizer, 5, 0.5)]
    return lr_scheduler.ChainedScheduler(members, optimizer)


def chain_of_cosines(optimizer):
    members = [lr_scheduler.ExponentialLR(optimizer, 0.9), lr_scheduler.CosineAnnealingLR(optimizer, 6, 0.01)]
    return lr_scheduler.ChainedScheduler(members, optimizer)


def overwritten_chain(optimizer):
    members = [lr_scheduler.LambdaLR(optimizer, lambda k: 0.9**k), lr_scheduler.ExponentialLR(optimizer, 0.5)]
    return lr_scheduler.ChainedScheduler(members, optimizer)


@functools.cache
def of_a_composition(make):
    """The schedule by count, and what each answers."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    schedule = jaxsched.from_torch(make(optimizer), total_steps=STEPS)
    schedules = {count: SetAt(schedule, count, 0.3) for count in COUNTS}
    return schedules, compiled(schedules)


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("make", [sequence, chain, chain_of_cosines, overwritten_chain])
def test_a_composition(make, count):
    schedules, values = of_a_composition(make)
    same(schedules[count], values[count], stepped(make, count, 0.3))


@pytest.mark.parametrize("count", [0, 3])
def test_in_a_chain_it_is_what_it_is_alone(count):
    alone = SetAt(jaxsched.StepLR(0.1, step_size=5), count, 0.3)
    idle = jaxsched.ConstantLR(0.1, factor=1.0)
    for members in ([alone], [alone, idle], [idle, alone]):
        chained = jaxsched.ChainedScheduler(members, total_steps=STEPS)
        assert chained.on_host(range(STEPS)).tolist() == alone.on_host(range(STEPS)).tolist()
