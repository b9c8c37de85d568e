"""Random arguments, the real PyTorch, every value: a search for what the table lacks."""

import hypothesis
import hypothesis.strategies as st
import torch

import jaxsched
import parity

rates = st.one_of(st.sampled_from([0.1, 1e-3, 3e-4, 1.0, 0.05]), st.floats(1e-8, 10.0))
shares = st.one_of(st.sampled_from([0.1, 0.5, 1 / 3, 1.0]), st.floats(1e-3, 1.0))
lengths = st.integers(1, 120)
gammas = st.one_of(st.sampled_from([0.1, 0.5, 0.9, 0.9999, 1.0]), st.floats(0.01, 1.05))


def fixed(name, **arguments):
    """Arguments for a scheduler that takes the optimizer's learning rate."""
    return st.tuples(st.just(name), rates, st.fixed_dictionaries(arguments))


def own(name, **arguments):
    """Arguments for one that sets its own."""
    return st.tuples(st.just(name), st.none(), st.fixed_dictionaries(arguments))


schedulers = st.one_of(
    fixed("ConstantLR", factor=shares, total_iters=lengths),
    fixed("LinearLR", start_factor=shares, end_factor=shares, total_iters=lengths),
    fixed("StepLR", step_size=lengths, gamma=gammas),
    fixed("MultiStepLR", milestones=st.lists(st.integers(0, 150), max_size=20), gamma=gammas),
    fixed("ExponentialLR", gamma=gammas),
    fixed(
        "PolynomialLR",
        total_iters=lengths,
        power=st.one_of(st.sampled_from([0.5, 0.9, 1.0, 2.0]), st.floats(0.1, 4)),
    ),
    fixed("CosineAnnealingLR", T_max=lengths, eta_min=rates),
    fixed("CosineAnnealingWarmRestarts", T_0=lengths, T_mult=st.integers(1, 4), eta_min=rates),
    own(
        "CyclicLR",
        base_lr=rates,
        max_lr=rates,
        step_size_up=lengths,
        step_size_down=lengths,
        mode=st.sampled_from(["triangular", "triangular2", "exp_range"]),
        gamma=st.floats(0.9, 1.0),
        base_momentum=st.floats(0.5, 0.85),
        max_momentum=st.floats(0.85, 0.99),
    ),
    own(
        "OneCycleLR",
        max_lr=rates,
        total_steps=st.integers(200, 400),
        pct_start=st.floats(0.0, 1.0),
        anneal_strategy=st.sampled_from(["cos", "linear"]),
        div_factor=st.floats(1.0, 100.0),
        final_div_factor=st.floats(1.0, 1e5),
        three_phase=st.booleans(),
        base_momentum=st.floats(0.5, 0.85),
        max_momentum=st.floats(0.85, 0.99),
    ),
)


@hypothesis.given(schedulers)
# Its exact values are ties between two float32 numbers, and PyTorch's own rounding decides for one of them.
@hypothesis.example(("CosineAnnealingLR", 1.0, {"T_max": 3, "eta_min": 2**-24}))
def test_equals_pytorch(drawn):
    name, base_lr, arguments = drawn

    def make_torch_scheduler():
        parameter = torch.nn.Parameter(torch.zeros(1))
        optimizer = torch.optim.SGD([parameter], lr=base_lr or 0.1, momentum=0.9)
        return getattr(torch.optim.lr_scheduler, name)(optimizer, **arguments)

    first = () if base_lr is None else (base_lr,)
    schedule = getattr(jaxsched, name)(*first, **arguments)
    if name == "CosineAnnealingLR" and arguments["eta_min"] > base_lr:
        # Past T_max PyTorch's recursion multiplies its own rounding errors, which are eta_min's, by up to
        # (2 * T_max / pi)**2: more than parity allows for, as CosineAnnealingLR(0.0003, 30, 8.125) at 60. So
        # here the exact value alone is the measure.
        _, ours, _ = parity.compare(schedule, make_torch_scheduler, steps=200).distances
        assert ours.between == "schedule and exact"
        assert ours.max_ulp <= 0.5 + 1e-6
    else:
        parity.assert_parity(schedule, make_torch_scheduler, steps=200)
    if base_lr is None:
        parity.assert_parity(schedule.momentum, make_torch_scheduler, steps=200, quantity="momentum")
