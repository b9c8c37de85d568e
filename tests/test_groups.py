"""Parameter groups, beside real PyTorch optimizers with real parameter groups."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch
from flax import nnx
from torch.optim import lr_scheduler

from jaxsched import (
    CosineAnnealingLR,
    CyclicLR,
    ExponentialLR,
    LambdaLR,
    OneCycleLR,
    StepLR,
    by_group,
    current_lr,
)

LABELS = {"conv": "backbone", "block": {"w": "backbone", "b": "head"}, "out": "head"}
RATES = {"backbone": 0.01, "head": 0.1}
N = 40

# A torch scheduler over both groups, and one of ours for each.
PAIRS = {
    "base_lr": (
        lambda o: lr_scheduler.CosineAnnealingLR(o, 30, 1e-4),
        {label: CosineAnnealingLR(lr, 30, 1e-4) for label, lr in RATES.items()},
    ),
    "lr_lambda": (
        lambda o: lr_scheduler.LambdaLR(o, [lambda k: 0.5**k, lambda k: 1 / (k + 1)]),
        {"backbone": LambdaLR(0.01, lambda k: 0.5**k), "head": LambdaLR(0.1, lambda k: 1 / (k + 1))},
    ),
    "CyclicLR": (
        lambda o: lr_scheduler.CyclicLR(o, [0.01, 0.1], [0.03, 0.7], 6, 9, cycle_momentum=False),
        {
            "backbone": CyclicLR(0.01, 0.03, 6, 9, cycle_momentum=False),
            "head": CyclicLR(0.1, 0.7, 6, 9, cycle_momentum=False),
        },
    ),
    "OneCycleLR": (
        lambda o: lr_scheduler.OneCycleLR(o, [0.03, 0.7], total_steps=N + 1, cycle_momentum=False),
        {
            "backbone": OneCycleLR(0.03, total_steps=N + 1, cycle_momentum=False),
            "head": OneCycleLR(0.7, total_steps=N + 1, cycle_momentum=False),
        },
    ),
}


def zeros(dtype=jnp.float32):
    return jax.tree.map(lambda _: jnp.zeros(2, dtype), LABELS)


def torch_groups(make_optimizer, **settings):
    """An optimizer over a zero parameter for each group."""
    parameters = {label: torch.nn.Parameter(torch.zeros(2, dtype=torch.float64)) for label in RATES}
    groups = [{"params": [parameters[x]], "lr": lr, **settings.get(x, {})} for x, lr in RATES.items()]
    return parameters, make_optimizer(groups)


@pytest.mark.parametrize("name", PAIRS)
def test_applies_what_torch_applies_to_each_group(name):
    make_scheduler, schedules = PAIRS[name]
    parameters, torch_optimizer = torch_groups(torch.optim.SGD)
    scheduler = make_scheduler(torch_optimizer)
    want = {label: [] for label in RATES}
    for _ in range(N):
        for parameter in parameters.values():
            parameter.data.zero_()
            parameter.grad = torch.ones_like(parameter)
        torch_optimizer.step()
        scheduler.step()
        for label, parameter in parameters.items():
            want[label].append(-parameter[0].item())

    optimizer = by_group(optax.sgd, schedules, LABELS)

    @jax.jit
    def train():
        def step(state, _):
            updates, state = optimizer.update(jax.tree.map(jnp.ones_like, zeros()), state, zeros())
            return state, (optax.apply_updates(zeros(), updates), current_lr(state))

        return jax.lax.scan(step, optimizer.init(zeros()), length=N)[1]

    params, read = train()
    for label, rates in want.items():
        rates = np.float32(rates)
        assert len(set(rates.tolist())) > 10
        np.testing.assert_array_equal(read[label], rates)
        for own, values in zip(jax.tree.leaves(LABELS), jax.tree.leaves(params), strict=True):
            if own == label:
                np.testing.assert_array_equal(-values, np.stack([rates, rates], axis=1))


def test_weights_after_20_updates_are_those_of_torch():
    # A quadratic loss, float64, momentum, and a setting of one group's own.
    target = np.array([1.0, -2.0])
    schedules = PAIRS["CyclicLR"][1]
    make = functools.partial(torch.optim.SGD, momentum=0.9, weight_decay=0.01)
    parameters, torch_optimizer = torch_groups(make, head={"momentum": 0.5})
    scheduler = PAIRS["CyclicLR"][0](torch_optimizer)
    for _ in range(20):
        torch_optimizer.zero_grad()
        sum(((x - torch.tensor(target)) ** 2).sum() for x in parameters.values()).backward()
        torch_optimizer.step()
        scheduler.step()

    def sgd(learning_rate, momentum=0.9):
        return optax.chain(optax.add_decayed_weights(0.01), optax.sgd(learning_rate, momentum))

    with jax.enable_x64(True):
        groups = {
            "backbone": schedules["backbone"],
            "head": {"learning_rate": schedules["head"], "momentum": 0.5},
        }
        optimizer = by_group(sgd, groups, LABELS)
        params = zeros(np.float64)
        state = optimizer.init(params)

        @jax.jit
        def step(params, state):
            grads = jax.grad(lambda p: sum(((x - target) ** 2).sum() for x in jax.tree.leaves(p)))(params)
            updates, state = optimizer.update(grads, state, params)
            return optax.apply_updates(params, updates), state

        for _ in range(20):
            params, state = step(params, state)
        for label, value in zip(jax.tree.leaves(LABELS), jax.tree.leaves(params), strict=True):
            np.testing.assert_allclose(value, parameters[label].detach().numpy(), rtol=1e-14)


def test_momentum_cycles_with_its_group():
    peak = OneCycleLR(0.1, total_steps=9)
    groups = {"backbone": StepLR(0.01, 3), "head": {"learning_rate": peak, "b1": peak.momentum}}
    optimizer = by_group(optax.adam, groups, LABELS)
    state = optimizer.init(zeros())
    for k in range(9):
        with jax.numpy_dtype_promotion("standard"):  # which Optax itself relies on
            _, state = optimizer.update(zeros(), state)
        hyperparams = state.inner_states["head"].inner_state.hyperparams
        assert hyperparams["b1"] == peak.momentum.on_host(k)
        assert set(hyperparams) == {"learning_rate", "b1"}


def test_a_number_is_kept_and_can_be_changed():
    optimizer = by_group(optax.sgd, {"backbone": 0.01, "head": StepLR(0.1, 1)}, LABELS)
    state = optimizer.init(zeros())
    state.inner_states["backbone"].inner_state.hyperparams["learning_rate"] = jnp.float32(0.5)
    updates, state = optimizer.update(jax.tree.map(jnp.ones_like, zeros()), state)
    np.testing.assert_array_equal(-updates["conv"], np.float32([0.5, 0.5]))
    np.testing.assert_array_equal(-updates["out"], np.float32([0.1, 0.1]))


def test_the_first_argument_may_have_any_name():
    optimizer = by_group(lambda lr: optax.scale(-lr), dict(RATES), LABELS)
    updates, _ = optimizer.update(jax.tree.map(jnp.ones_like, zeros()), optimizer.init(zeros()))
    np.testing.assert_array_equal(-updates["conv"], np.float32([0.01, 0.01]))


def test_bfloat16_parameters_round_nothing_but_themselves():
    optimizer = by_group(optax.adamw, {"backbone": 0.01, "head": ExponentialLR(0.1, 0.9)}, LABELS)
    params = zeros(jnp.bfloat16)
    state = optimizer.init(params)
    with jax.numpy_dtype_promotion("standard"):
        _, after = optimizer.update(jax.tree.map(jnp.ones_like, params), state, params)
    assert current_lr(after) == {"backbone": np.float32(0.01), "head": np.float32(0.1)}
    # The state keeps its types: it can be carried through a scan, and nothing compiles twice.
    assert jax.tree.map(lambda x: x.dtype, after) == jax.tree.map(lambda x: x.dtype, state)


def test_constant_settings_stay_constants_of_the_program():
    groups = {"backbone": StepLR(0.01, 3), "head": {"learning_rate": StepLR(0.1, 3), "weight_decay": 0.1}}
    state = by_group(functools.partial(optax.adamw, b1=0.8), groups, LABELS).init(zeros())
    for label in groups:
        assert set(state.inner_states[label].inner_state.hyperparams) == {"learning_rate"}


def test_labels_of_an_upper_part_and_from_a_function():
    gradients = jax.tree.map(jnp.ones_like, zeros())

    def label(path, _):
        return "head" if path[0].key == "out" else "backbone"

    upper = {"conv": "backbone", "block": "backbone", "out": "head"}
    for labels in (upper, lambda params: jax.tree_util.tree_map_with_path(label, params)):
        optimizer = by_group(optax.sgd, dict(RATES), labels)
        updates, _ = optimizer.update(gradients, optimizer.init(zeros()))
        assert updates["block"]["b"][0] == np.float32(-0.01)
        assert updates["out"][0] == np.float32(-0.1)


class Model(nnx.Module):
    def __init__(self):
        self.backbone, self.head = nnx.Param(jnp.zeros(2)), nnx.Param(jnp.zeros(2))


def test_nnx():
    schedules = {label: ExponentialLR(lr, 0.9) for label, lr in RATES.items()}
    labels = functools.partial(jax.tree_util.tree_map_with_path, lambda path, _: path[0].key)
    model = Model()
    optimizer = nnx.Optimizer(model, by_group(optax.sgd, schedules, labels), wrt=nnx.Param)

    @nnx.jit
    def step(model, optimizer):
        optimizer.update(model, nnx.grad(lambda m: m.backbone.sum() + m.head.sum())(model))

    for k in range(5):
        for label in RATES:
            getattr(model, label)[...] = jnp.zeros(2)
        step(model, optimizer)
        read = current_lr(optimizer.opt_state)
        assert set(read) == set(RATES)
        for label, schedule in schedules.items():
            assert read[label] == schedule.on_host(k)
            np.testing.assert_array_equal(-getattr(model, label)[...], [schedule.on_host(k)] * 2)


def init(groups, labels):
    return by_group(optax.sgd, groups, labels).init(zeros())


@pytest.mark.parametrize(
    ("kind", "make", "message"),
    [
        (
            ValueError,
            lambda: init(dict(RATES), {**LABELS, "out": "haed"}),
            "by_group: labels['out'] must be one of 'backbone', 'head', got 'haed' (str). "
            "Give the label a schedule in groups.",
        ),
        (
            ValueError,
            lambda: init(dict(RATES), lambda params: jax.tree.map(lambda _: "head", params)),
            "by_group: groups must have parameters, got none with the label 'backbone'. "
            "Remove the group, or correct the labels.",
        ),
        (
            ValueError,
            lambda: init({"head": 0.1}, {"conv": "head", "block": None, "out": "head"}),
            "by_group: labels must have the structure of the parameters, or of its upper part, got "
            "PyTreeDef({'block': None, 'conv': *, 'out': *}). "
            "Make them from the parameters, with jax.tree.map_with_path.",
        ),
        (
            ValueError,
            lambda: init({"head": {"momentum": 0.9}}, LABELS),
            "by_group: groups['head'] must be given a \"learning_rate\", got {'momentum': 0.9} (dict). "
            "Only its schedule can tell how fast it learns.",
        ),
        (
            ValueError,
            lambda: init({}, LABELS),
            "by_group: groups must be a mapping with labels, got {} (dict). Give at least one.",
        ),
        (
            TypeError,
            lambda: init({"head": [0.1, 0.2]}, LABELS),
            "by_group: groups['head'] must be a finite number >= 0, got [0.1, 0.2] (list). "
            "A schedule drives one parameter group; make one for each value.",
        ),
        (
            TypeError,
            lambda: init([0.1], LABELS),
            "by_group: groups must be a mapping from labels to schedules, got [0.1] (list). "
            'Write it like {"backbone": slow, "head": fast}.',
        ),
        (
            TypeError,
            lambda: by_group(optax.sgd(0.1), dict(RATES), LABELS),
            re.compile(
                r"by_group: make_optimizer must be a function, got Gradient.* Pass the function itself, .*"
            ),
        ),
    ],
)
def test_error(kind, make, message):
    with pytest.raises(kind) as raised:
        make()
    if isinstance(message, str):
        assert str(raised.value) == message
    else:
        assert message.fullmatch(str(raised.value))


def test_a_label_without_parameters_under_it_counts_for_nothing():
    params = {"a": jnp.zeros(2), "empty": {}}
    optimizer = by_group(optax.sgd, {"x": 0.1, "y": 0.2}, {"a": "x", "empty": "y"})
    with pytest.raises(ValueError, match="got none with the label 'y'"):
        optimizer.init(params)


@pytest.mark.parametrize("x64", [False, True])
@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16, jnp.float32], ids=lambda dtype: dtype.__name__)
@pytest.mark.parametrize(
    "inside",
    [
        lambda optimizer: optimizer,
        lambda optimizer: optax.apply_if_finite(optimizer, 2),
        lambda optimizer: optax.chain(optimizer, optax.trace(0.9)),
        lambda optimizer: optax.MultiSteps(optimizer, 2).gradient_transformation(),
    ],
    ids=["alone", "apply_if_finite", "trace", "MultiSteps"],
)
@pytest.mark.parametrize(("make", "cycled"), [(optax.adamw, "b1"), (optax.sgd, "momentum")])
def test_no_type_changes_in_a_loop(make, cycled, inside, dtype, x64):
    peak = OneCycleLR(0.1, total_steps=10)
    groups = {"x": {"learning_rate": peak, cycled: peak.momentum}, "y": 0.1}
    optimizer = inside(by_group(make, groups, {"a": "x", "b": "y"}))
    with jax.enable_x64(x64), jax.numpy_dtype_promotion("standard"):
        params = {"a": jnp.ones(2, dtype), "b": jnp.ones(2, dtype)}

        def step(carry, _):
            params, state = carry
            updates, state = optimizer.update(jax.tree.map(jnp.ones_like, params), state, params)
            assert {leaf.dtype for leaf in jax.tree.leaves(updates)} == {jnp.dtype(dtype)}
            return (optax.apply_updates(params, updates), state), None

        (after, _), _ = jax.lax.scan(step, (params, optimizer.init(params)), None, length=4)
    assert (after["a"] < 1).all()
