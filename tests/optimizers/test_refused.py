"""What is not one of PyTorch's optimizers as it makes them raises, and says what."""

import functools
import re
import types

import jax.numpy as jnp
import pytest
import torch
from beside import live, random, stepped
from torch.optim import lr_scheduler

from jaxsched import optax_code, optimizer_from_torch

WEIGHT = torch.nn.Parameter(torch.zeros(2, 2))


class Mine(torch.optim.Adam):
    pass


class Wrapper:
    def __init__(self):
        self.optimizer = torch.optim.SGD([WEIGHT], lr=0.1)


@pytest.mark.parametrize(
    ("optimizer", "message"),
    [
        (Mine([WEIGHT]), "It is a subclass of Adam and may do something else; make a Adam"),
        (torch.optim.LBFGS([WEIGHT]), "got LBFGS. It evaluates the loss several times in an update"),
        (torch.optim.SparseAdam([WEIGHT]), "got SparseAdam. It updates only the entries that a sparse"),
        (Wrapper(), "It has an optimizer within: hand in optimizer.optimizer."),
        ("Adam", "got 'Adam' \\(str\\). Build it of Optax's parts by hand."),
    ],
)
@pytest.mark.parametrize("function", [optimizer_from_torch, optax_code])
def test_other_classes(function, optimizer, message):
    with pytest.raises(TypeError, match=f"{function.__name__}: optimizer must be one of SGD, .*{message}"):
        function(optimizer)


def scheduled_over_a_step_of_mine(optimizer):
    optimizer.step = types.MethodType(lambda self: None, optimizer)
    lr_scheduler.StepLR(optimizer, 3)


def changed(change):
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(2))], lr=0.1)
    change(optimizer)
    return optimizer


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda o: setattr(o, "trust", 3),
            "AdamW.trust must be as AdamW makes it, got 3, which was put there",
        ),
        (lambda o: setattr(o, "step", lambda: None), "AdamW.step must be as AdamW makes it, got <function"),
        (lambda o: scheduled_over_a_step_of_mine(o), "AdamW.step must be as AdamW makes it"),
        (lambda o: setattr(o, "step", functools.wraps(type(o).step)(lambda: None)), "AdamW.step must be"),
        (lambda o: setattr(o, "step", functools.wraps(o.step)(lambda: None)), "AdamW.step must be as AdamW"),
        (
            lambda o: o.register_step_pre_hook(lambda *_: None),
            "AdamW._optimizer_step_pre_hooks must be as AdamW makes it",
        ),
        (
            lambda o: o.register_step_post_hook(lambda *_: None),
            "AdamW._optimizer_step_post_hooks must be as AdamW makes it",
        ),
        (
            lambda o: o.param_groups[0].update(lr_scale=0.5),
            "AdamW.param_groups[0] must have nothing but what AdamW knows, got 'lr_scale': 0.5",
        ),
        (
            lambda o: o.param_groups[0].update(betas=(1.5, 0.9)),
            "AdamW.param_groups[0] must have values that AdamW takes",
        ),
        (lambda o: o.param_groups[0].update(lr=-1.0), "PyTorch says: Invalid learning rate: -1.0"),
        (
            lambda o: o.add_param_group(
                {"params": torch.nn.Parameter(torch.zeros(2, dtype=torch.complex64))}
            ),
            "AdamW.param_groups[1] must have real parameters, got one of torch.complex64",
        ),
    ],
)
def test_what_was_changed_by_hand(change, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        optimizer_from_torch(changed(change))


def test_two_groups_of_one_name():
    optimizer = torch.optim.SGD(
        [{"params": [torch.nn.Parameter(torch.zeros(1))], "name": "one"} for _ in range(2)], lr=0.1
    )
    with pytest.raises(ValueError, match="the name of a group must be its own, got 'one' for 2 of them"):
        optimizer_from_torch(optimizer)


def test_the_scheduler_of_another_optimizer():
    one, other = (torch.optim.SGD([WEIGHT], lr=0.1) for _ in range(2))
    scheduler = lr_scheduler.StepLR(one, 3)
    with pytest.raises(ValueError, match="scheduler must drive the optimizer, and drives another SGD"):
        optimizer_from_torch(other, scheduler)


def test_what_pytorch_changes_itself_is_known():
    """Schedulers put a function around step and keys into the groups; a step leaves traces."""
    params, grads = random("Adam", 0, 2)
    given = {"lr": torch.tensor(0.1), "fused": True}
    optimizer, tensors = live("Adam", params, given, torch.float32)
    before = optax_code(optimizer)
    for make in (
        lambda: lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=9),
        lambda: lr_scheduler.CyclicLR(optimizer, 0.1, 0.2),
        lambda: torch.optim.swa_utils.SWALR(optimizer, 0.1),
    ):
        make()
    stepped(optimizer, tensors, grads)
    optimizer.zero_grad()
    optimizer.load_state_dict(optimizer.state_dict())
    optimizer.param_groups[0].update(lr=0.1, betas=(0.9, 0.999))
    assert "lambda learning_rate: optax.adam(learning_rate, b1=0.9, b2=0.999, eps=1e-08)" in before
    assert optax_code(optimizer).replace("0.1,", "") == before.replace("0.10000000149011612,", "")


def test_muon_of_what_is_no_matrix():
    from jaxsched.optimizers import muon

    with pytest.raises(ValueError, match=r"muon: params\['bias'\] must have two axes, got the shape \(3,\)"):
        muon(0.1).init({"bias": jnp.zeros(3)})
    with pytest.raises(ValueError, match="muon: adjust_lr_fn must be None, 'original' or 'match_rms_adamw'"):
        muon(0.1, adjust_lr_fn="moonshot")


@pytest.mark.parametrize("name", ["asgd", "adafactor"])
def test_params_must_be_given(name):
    from jaxsched import optimizers

    optimizer = getattr(optimizers, name)(0.1)
    with pytest.raises(ValueError, match=f"{name}: params must be given to update, got None"):
        optimizer.update(jnp.zeros(2), optimizer.init(jnp.zeros(2)))


def test_an_option_of_another_pytorch_does_nothing_at_its_default():
    class Newer(torch.optim.SGD):
        def __init__(self, *arguments, **named):
            super().__init__(*arguments, **named)
            self.defaults["cautious"] = False
            for group in self.param_groups:
                group["cautious"] = False
            self._of_next_year = 1

    Newer.__name__, Newer.__module__ = "SGD", "torch.optim.sgd"
    Newer.step = torch.optim.SGD.step
    optimizer = Newer([torch.nn.Parameter(torch.zeros(2))], lr=0.1)
    assert "optax.sgd(learning_rate)" in optax_code(optimizer)
    optimizer.param_groups[0]["cautious"] = True
    with pytest.raises(ValueError, match="must have nothing but what SGD knows, got 'cautious': True"):
        optax_code(optimizer)


def test_a_decay_of_adamw_that_was_coupled_by_hand_is_coupled():
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(2))], weight_decay=0.5)
    optimizer.param_groups[0]["decoupled_weight_decay"] = False
    assert "optax.add_decayed_weights(weight_decay=0.5)" in optax_code(optimizer)
