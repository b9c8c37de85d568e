"""Sequences whose members go on from the learning rate in force."""

import jax.numpy as jnp
import numpy as np

from jaxsched import SWALR, MultiStepLR, SequentialLR


def test_from_a_small_learning_rate_on_there_are_subnormal_values():
    falls = MultiStepLR(0.1, milestones=[1, 2], gamma=1e-18)
    sequence = SequentialLR([falls, SWALR(0.1, swa_lr=0.0, anneal_epochs=40)], [3])
    values = sequence.on_host(np.arange(50))
    assert ((values > 0) & (values < np.finfo(np.float32).smallest_normal)).sum() > 3
    np.testing.assert_array_equal(sequence(jnp.arange(50)), values)
