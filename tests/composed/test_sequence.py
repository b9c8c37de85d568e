"""Sequences whose members go on from the learning rate in force."""

import jax
import jax.numpy as jnp
import numpy as np

import jaxsched
from jaxsched import SWALR, CosineAnnealingLR, LinearLR, MultiStepLR, SequentialLR


def test_from_a_small_learning_rate_on_there_are_subnormal_values():
    falls = MultiStepLR(0.1, milestones=[1, 2], gamma=1e-18)
    sequence = SequentialLR([falls, SWALR(0.1, swa_lr=0.0, anneal_epochs=40)], [3])
    values = sequence.on_host(np.arange(50))
    assert ((values > 0) & (values < np.finfo(np.float32).smallest_normal)).sum() > 3
    np.testing.assert_array_equal(sequence(jnp.arange(50)), values)


def test_phases_of_equal_schedules_are_one_computation():
    """Of fifty phases of two schedules the program is hardly longer than of four, and says the same."""
    milestones = np.cumsum(np.random.default_rng(0).integers(0, 40, 49)).tolist()
    cosine, line = CosineAnnealingLR(0.1, T_max=30, eta_min=0.01), LinearLR(0.1, total_iters=20)
    counts = np.arange(1300)

    def size(schedule):
        return len(jax.jit(schedule).lower(jnp.int32(0)).as_text().splitlines())

    many = SequentialLR([cosine, line] * 25, milestones)
    different = SequentialLR(
        [(cosine, line)[i % 2] if i else LinearLR(0.1, total_iters=21) for i in range(50)], milestones
    )
    assert size(many) < 2 * size(SequentialLR([cosine, line] * 2, milestones[:3]))
    for sequence in (many, different):
        at = np.searchsorted(milestones, counts, side="right")
        begins = np.append(0, milestones)[at]
        members = [sequence.schedulers[i] for i in at]
        wanted = [s.on_host(k) for s, k in zip(members, (counts - begins).tolist(), strict=True)]
        np.testing.assert_array_equal(sequence.on_host(counts), wanted)
        np.testing.assert_array_equal([sequence.on_host(k) for k in counts.tolist()], wanted)
        np.testing.assert_array_equal(sequence(counts), wanted)
        np.testing.assert_array_equal(jax.jit(sequence)(counts.astype(np.uint32)), wanted)
        np.testing.assert_array_equal(jax.vmap(sequence)(counts), wanted)


def test_members_that_are_data_are_not_taken_for_equal():
    def first(rates):
        members = [jaxsched.StepLR(rate, step_size=9) for rate in rates]
        return SequentialLR(members, [3, 6])(jnp.asarray([0, 3, 6]))

    rates = jnp.asarray([0.1, 0.2, 0.4])
    np.testing.assert_array_equal(jax.jit(first)(rates), rates)
    np.testing.assert_array_equal(jax.vmap(first)(jnp.stack([rates, rates])), jnp.stack([rates, rates]))
    assert jax.grad(lambda rates: first(rates).sum())(rates).tolist() == [1.0, 1.0, 1.0]
