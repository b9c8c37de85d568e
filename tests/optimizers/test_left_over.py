"""Many groups, narrow types, what is frozen, and what was written in another way, beside PyTorch."""

import enum
import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch
from torch.optim import lr_scheduler

from jaxsched import StepLR, current_lr, optax_code, optimizer_from_torch, optimizer_state_from_torch


def weight(*shape, dtype=torch.float64):
    return torch.nn.Parameter(torch.ones(shape or (2,), dtype=dtype))


@pytest.fixture(autouse=True)
def wide():
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
        yield


def test_a_scheduler_is_stepped_once_for_all_groups(monkeypatch):
    """Each of its steps is one for each group: stepped for every group, they would be the square."""
    made = []
    get_lr = lr_scheduler.CosineAnnealingLR.get_lr
    monkeypatch.setattr(lr_scheduler.CosineAnnealingLR, "get_lr", lambda self: made.append(0) or get_lr(self))

    def steps(groups):
        live = torch.optim.AdamW([{"params": [weight()], "lr": 0.1 + i} for i in range(groups)])
        scheduler = lr_scheduler.CosineAnnealingLR(live, T_max=10)
        made.clear()
        optimizer_from_torch(live, scheduler, labels=lambda path, leaf: 0)
        params, names = [jnp.ones(2)] * groups, {i: f"{i}" for i in range(groups)}
        labels = lambda path, leaf: path[0].idx  # noqa: E731
        optimizer_state_from_torch(live, params, scheduler, names=names, labels=labels)
        return len(made)

    assert steps(6) == steps(2)


@pytest.mark.parametrize(
    ("name", "arguments", "numbers"),
    [("NAdam", {}, ("mu_product",)), ("ASGD", {"t0": 1.0}, ("eta", "mu"))],
)
@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_what_load_state_dict_casts(name, arguments, numbers, dtype):
    """NAdam's mu_product and ASGD's eta are of the type of their parameter from then on."""
    w = weight(3, dtype=getattr(torch, dtype))
    live = getattr(torch.optim, name)([w], lr=0.1, **arguments)
    gradients = np.random.default_rng(0).normal(size=(30, 3))

    def step(k):
        w.grad = torch.tensor(gradients[k]).to(w.dtype)
        live.step()

    for k in range(3):
        step(k)
    live.load_state_dict(live.state_dict())
    made = optimizer_from_torch(live)
    params = jnp.asarray(w.detach().double().numpy().copy(), dtype)
    state = optimizer_state_from_torch(live, params, names={0: ""})
    for ours, like in zip(jax.tree.leaves(state), jax.tree.leaves(made.init(params)), strict=True):
        assert ours.dtype == like.dtype
    for k in range(3, 30):
        step(k)
        updates, state = made.update(jnp.asarray(gradients[k], dtype), state, params)
        params = params + updates
        inner = state.inner_state[0] if name == "NAdam" else state.inner_state
        for number in numbers:
            assert getattr(inner, number) == float(live.state[w][number])
    if dtype == "float64":
        np.testing.assert_allclose(params, w.detach().numpy(), rtol=1e-13)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": math.nan}),
        ("Rprop", {"lr": math.inf, "step_sizes": (1e-6, math.inf)}),
        ("ASGD", {"lr": 0.1, "t0": math.inf}),
        ("ASGD", {"lr": 0.1, "t0": -math.inf, "alpha": math.nan}),
        ("Adafactor", {"lr": 0.1, "eps": (math.inf, 1e-3)}),
    ],
)
def test_the_code_of_what_is_infinite_runs(name, arguments):
    w = weight()
    live = getattr(torch.optim, name)([w], **arguments)
    scope = {}
    exec(optax_code(live), scope)
    params = jnp.ones(2)
    state = scope["optimizer"].init(params)
    for _ in range(3):
        w.grad = torch.ones_like(w)
        live.step()
        updates, state = scope["optimizer"].update(jnp.ones(2), state, params)
        params = params + updates
    np.testing.assert_allclose(params, w.detach().numpy(), rtol=1e-14)


def frozen_backbone(kind, never):
    """As PyTorch trains it: frozen, or without a gradient; there is no state of it in either."""
    params = {"backbone": np.array([1.0, -2.0]), "head": np.array([0.5, 3.0])}
    tensors = {key: torch.nn.Parameter(torch.tensor(p)) for key, p in params.items()}
    tensors["backbone"].requires_grad_(never)
    live = kind(tensors.items(), lr=0.1)
    gradients = np.random.default_rng(0).normal(size=(8, 2))

    def step(k):
        tensors["head"].grad = torch.tensor(gradients[k])
        live.step()

    return live, tensors, gradients, step


@pytest.mark.parametrize("kind", [torch.optim.AdamW, torch.optim.ASGD, torch.optim.SGD])
@pytest.mark.parametrize("never", [False, True])
def test_what_is_frozen_is_left_out(kind, never):
    live, tensors, gradients, step = frozen_backbone(kind, never)
    for k in range(4):
        step(k)
    params = {key: jnp.asarray(p.detach().numpy().copy()) for key, p in tensors.items()}
    labels = {"backbone": "frozen", "head": "trained"}
    optimizer = optax.partition(
        {"trained": optimizer_from_torch(live), "frozen": optax.set_to_zero()}, labels
    )
    trained = jax.tree.map(lambda label, p: p if label == "trained" else optax.MaskedNode(), labels, params)
    names = {"head": "head"}
    if kind is torch.optim.SGD and never:  # it keeps nothing of any parameter, by which one could tell
        with pytest.raises(ValueError, match="names must have a place for each parameter, got none for 'ba"):
            optimizer_state_from_torch(live, trained, names=names)
        return
    state = optimizer.init(params)
    state.inner_states["trained"] = optax.MaskedState(optimizer_state_from_torch(live, trained, names=names))
    assert jax.tree.structure(state) == jax.tree.structure(optimizer.init(params))
    for k in range(4, 8):
        step(k)
        updates, state = optimizer.update(dict.fromkeys(params, jnp.asarray(gradients[k])), state, params)
        params = optax.apply_updates(params, updates)
    for key, p in tensors.items():
        np.testing.assert_allclose(params[key], p.detach().numpy(), rtol=1e-13)


def test_what_is_frozen_is_not_moved():
    live, _, _, step = frozen_backbone(torch.optim.AdamW, never=False)
    params = {"backbone": jnp.ones(2), "head": jnp.ones(2)}
    names = {"backbone": "backbone", "head": "head"}
    optimizer_state_from_torch(live, params, names=names)  # its beginning: nothing has a state
    step(0)
    with pytest.raises(ValueError, match=r"'backbone' is frozen.* put optax\.MaskedNode\(\) in its place"):
        optimizer_state_from_torch(live, params, names=names)
    with pytest.raises(ValueError, match="got backbone, to which no name leads"):
        optimizer_state_from_torch(live, params, names={"head": "head"})
    live, _, _, step = frozen_backbone(torch.optim.AdamW, never=True)
    step(0)
    with pytest.raises(ValueError, match="'backbone' stands at 0 and 'head' at 1"):
        optimizer_state_from_torch(live, params, names=names)


class Halving(lr_scheduler.LRScheduler):
    """No formula is known of it."""

    def get_lr(self):
        return [base / 2 ** (self.last_epoch // 3) for base in self.base_lrs]


@pytest.mark.parametrize("every", [1, 4])
def test_going_on_where_a_recorded_scheduler_stands(every):
    gradients = np.random.default_rng(0).normal(size=(24, 2))

    def begun():
        w = weight()
        live = torch.optim.AdamW([w], lr=0.1)
        return w, live, Halving(live)

    w, live, scheduler = begun()

    def step(k):
        w.grad = torch.tensor(gradients[k])
        live.step()
        if (k + 1) % every == 0:
            scheduler.step()

    for k in range(14):
        step(k)
    epochs = {"total_steps": 24, "steps_per_epoch": every}
    with pytest.raises(ValueError, match=r"Make both anew.*optimizer_state_from_torch takes this one"):
        optimizer_from_torch(live, scheduler, **epochs)
    _, *fresh = begun()
    optimizer = optimizer_from_torch(*fresh, **epochs)
    params = jnp.asarray(w.detach().numpy().copy())
    state = optimizer_state_from_torch(live, params, scheduler, names={0: ""}, **epochs)
    assert jax.tree.structure(state) == jax.tree.structure(optimizer.init(params))
    for k in range(14, 24):
        rate = live.param_groups[0]["lr"]
        step(k)
        updates, state = optimizer.update(jnp.asarray(gradients[k]), state, params)
        params = params + updates
        assert current_lr(state) == rate
    np.testing.assert_allclose(params, w.detach().numpy(), rtol=1e-13)


def adam(**options):
    return torch.optim.Adam([weight()], **options)


def named(*names):
    return torch.optim.SGD(
        [{"params": [weight()], "name": name, "lr": 0.1 + i} for i, name in enumerate(names)]
    )


CYCLING = {
    "SequentialLR": lambda o: lr_scheduler.SequentialLR(
        o, [lr_scheduler.LinearLR(o), lr_scheduler.CyclicLR(o, 0.1, 0.2)], [5]
    ),
    "ChainedScheduler": lambda o: lr_scheduler.ChainedScheduler(
        [lr_scheduler.CyclicLR(o, 0.1, 0.2), lr_scheduler.LinearLR(o)]
    ),
}


@pytest.mark.filterwarnings("ignore:from_torch. the optimizer's learning rate is")
@pytest.mark.parametrize("name", CYCLING)
def test_a_momentum_that_a_member_cycles_is_recorded(name):
    live = adam()
    scheduler = CYCLING[name](live)
    with pytest.raises(ValueError, match=f"total_steps must be given where {name} also changes the momentum"):
        optimizer_from_torch(live, scheduler)
    optimizer_from_torch(live, scheduler, total_steps=20)


class Part(enum.Enum):
    BODY = "body"


class Text(enum.StrEnum):
    BODY = "body"


@pytest.mark.parametrize("name", [Part.BODY, ["body"], ("body",), b"body", 1.5])
def test_names_of_groups_that_are_no_text(name):
    says = "must be no number" if name == 1.5 else "must be a string"
    for convert in (optimizer_from_torch, optax_code):
        with pytest.raises(
            ValueError, match=f"the name of a group {says}, got .*param_groups.0..'name'. as a"
        ):
            convert(named(name, "head"))


@pytest.mark.parametrize("name", [np.str_("body"), Text.BODY])
def test_names_of_groups_are_plain_text(name):
    live, params = named(name, "head"), {"x": jnp.ones(2), "y": jnp.ones(2)}
    scope = {}
    exec(optax_code(live), scope)
    for first in (name, "body"):
        assert set(scope["make_optimizer"]({"x": "body", "y": "head"}).init(params).inner_states) == {
            "body",
            "head",
        }
        state = optimizer_from_torch(live, labels={"x": first, "y": "head"}).init(params)
        assert [type(label) for label in state.inner_states] == [str, str]


def test_some_names_of_groups():
    with pytest.raises(
        ValueError, match="the names of groups must be there for all groups or for none, got "
    ):
        optimizer_from_torch(named(None, "head"))
    assert "They are names: indices are none" in optax_code(named("body", "head"))
    assert "They are names" not in optax_code(named(None, None))


def test_arguments_that_are_arrays():
    live = torch.optim.Rprop([weight()], lr=np.array(0.1), step_sizes=np.array([1e-6, 2.0]))
    assert "max_step_size=2.0" in optax_code(live)
    live = torch.optim.AdamW([weight()], betas=np.array([0.5, 0.75]), eps=np.float64(0.25))
    assert "b1=0.5, b2=0.75, eps=0.25" in optax_code(live)


ANOTHER = {
    "labels must be a function of a path and a leaf, got <function": lambda: optimizer_from_torch(
        named("a", "b"), labels=lambda params: params
    ),
    r"params\['w'\] must be an array of JAX, got PyTorch's Parameter": lambda: optimizer_from_torch(
        adam()
    ).init({"w": weight()}),
    "updates must be an array of JAX, got PyTorch's Parameter": lambda: optimizer_from_torch(adam()).update(
        weight(), optimizer_from_torch(adam()).init(jnp.ones(2)), jnp.ones(2)
    ),
    "optimizer_state_from_torch: params must be an array of JAX, got <obj": lambda: (
        optimizer_state_from_torch(adam(), object(), names={})
    ),
    "optimizer must come before scheduler, got StepLR first and Adam after it": lambda: optimizer_from_torch(
        lr_scheduler.StepLR(adam(), 3), adam()
    ),
    "optimizer must be an optimizer, got the scheduler StepLR": lambda: optax_code(
        lr_scheduler.StepLR(adam(), 3)
    ),
    "scheduler must be a scheduler or None, got the optimizer Adam": lambda: optax_code(adam(), adam()),
    r"params must be a pytree of arrays, got .* \(StepLR\)": lambda: optimizer_state_from_torch(
        adam(), lr_scheduler.StepLR(adam(), 3), jnp.ones(2), names={}
    ),
    "optimizer must be an object, got <class": lambda: optax_code(torch.optim.Adam),
    "A state_dict says no class": lambda: optax_code(adam().state_dict()),
    r"scheduler must be a live scheduler of PyTorch, got StepLR\(0.1": lambda: optax_code(
        adam(), StepLR(0.1, step_size=3)
    ),
}


@pytest.mark.parametrize("says", ANOTHER)
def test_something_else_was_handed_in(says):
    with pytest.raises(TypeError, match=says):
        ANOTHER[says]()


@pytest.mark.parametrize(("dtype", "exponents"), [("float32", (-17, -27)), ("float64", (-153, -168))])
def test_rprop_tells_the_sign_of_a_product_that_is_subnormal(dtype, exponents):
    """As long as PyTorch does: where its own product is 0, the size stays."""
    sizes = np.logspace(*exponents, 64)
    signs = np.sign(np.random.default_rng(0).normal(size=(20, 64)))
    w = torch.nn.Parameter(torch.ones(64, dtype=getattr(torch, dtype)))
    live = torch.optim.Rprop([w], lr=0.01)
    made = optimizer_from_torch(live)
    params = jnp.ones(64, dtype)
    state = made.init(params)
    for k in range(20):
        gradient = (signs[k] * sizes).astype(dtype)
        w.grad = torch.tensor(gradient)
        live.step()
        updates, state = made.update(jnp.asarray(gradient), state, params)
        params = params + updates
    np.testing.assert_array_equal(params, w.detach().numpy())


def test_a_group_that_is_frozen_is_left_out():
    body, head = weight(), weight()
    body.requires_grad_(False)
    groups = [{"params": [body], "name": "body", "lr": 0.1}, {"params": [head], "name": "head", "lr": 0.2}]
    live = torch.optim.AdamW(groups)

    def step():
        head.grad = torch.ones_like(head)
        live.step()

    step()
    labels = {"x": "body", "y": "head"}
    made = optimizer_from_torch(live, labels=labels)
    around = {"x": "frozen", "y": "trained"}
    optimizer = optax.partition({"trained": made, "frozen": optax.set_to_zero()}, around)
    params = {"x": jnp.ones(2), "y": jnp.asarray(head.detach().numpy().copy())}
    state = optimizer.init(params)
    trained, names = {**params, "x": optax.MaskedNode()}, {1: "y"}
    inner = optimizer_state_from_torch(live, trained, names=names, labels=labels)
    state.inner_states["trained"] = optax.MaskedState(inner)
    assert jax.tree.structure(state) == jax.tree.structure(optimizer.init(params))
    step()
    updates, state = optimizer.update({"x": jnp.ones(2), "y": jnp.ones(2)}, state, params)
    np.testing.assert_allclose(params["y"] + updates["y"], head.detach().numpy(), rtol=1e-13)
    assert (updates["x"] == 0).all()
    head.requires_grad_(False)
    body.requires_grad_(True)
    with pytest.raises(ValueError, match="groups must have parameters, got none with the label 'body'"):
        optimizer_from_torch(live, labels=labels).init(trained)


def test_a_scheduler_stepped_per_epoch_is_noticed():
    kept = torch.nn.Parameter(torch.ones(2))
    live = torch.optim.Adam([kept], lr=0.1)
    scheduler = lr_scheduler.StepLR(live, step_size=2)
    for update in range(50):
        kept.grad = torch.ones(2)
        live.step()
        if update % 10 == 9:
            scheduler.step()
    params = {"w": jnp.array(kept.detach().numpy())}
    with pytest.raises(ValueError, match=r"50 updates, and the scheduler 5 steps.* about 10"):
        optimizer_state_from_torch(live, params, scheduler, names={0: "w"})
    for given, count in ((10, 50), (1, 5)):
        state = optimizer_state_from_torch(live, params, scheduler, names={0: "w"}, steps_per_epoch=given)
        assert state.hyperparams_states["learning_rate"].count == count
