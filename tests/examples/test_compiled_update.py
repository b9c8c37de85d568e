"""A whole update, compiled for a device that is not here: its schedule is computed once, not per weight."""

import re

import digits_lenet
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

import jaxsched
from parity.devices.compiler import Compiler, read
from parity.devices.targets import BY_NAME, Family, missing

SCHEDULE = jaxsched.CosineAnnealingLR(0.1, T_max=1000, eta_min=1e-4)
COUNTS = np.append(np.arange(2100), np.random.default_rng(0).integers(0, 2**31, 2000)).astype(np.int32)

every = pytest.mark.parametrize("target", BY_NAME.values(), ids=BY_NAME)
one_of_each = pytest.mark.parametrize(
    "target", [BY_NAME["tpu:v5e"], BY_NAME["cuda:h100"]], ids=["tpu:v5e", "cuda:h100"]
)


@pytest.fixture(scope="module")
def compiler():
    with Compiler() as compiler:
        yield compiler


def compiled(compiler, step, shapes, target):
    if needed := missing([target]):
        pytest.skip(needed)
    return compiler.texts(step, shapes, target)


def shapes_of(leaves):
    return [jax.ShapeDtypeStruct(x.shape, x.dtype) for x in leaves]


def update(optimizer):
    """The update of two arrays of weights, as a function of arrays: the gradients, the weights, the state."""
    weights = {"w": jnp.zeros((256, 384)), "b": jnp.zeros(384)}
    leaves, structure = jax.tree.flatten((weights, weights, optimizer.init(weights)))

    def step(*leaves):
        gradients, weights, state = jax.tree.unflatten(structure, leaves)
        updates, state = optimizer.update(gradients, state, weights)
        return tuple(jax.tree.leaves((optax.apply_updates(weights, updates), state)))

    return step, shapes_of(leaves)


def train_step():
    """The LeNet's train step, and which of its outputs is the learning rate that it applied."""
    model = digits_lenet.LeNet(8, 10, nnx.Rngs(0))
    adam = optax.inject_hyperparams(optax.adam)(learning_rate=SCHEDULE)
    structure, state = nnx.split((model, nnx.Optimizer(model, adam, wrt=nnx.Param)))
    paths, leaves = zip(*jax.tree.leaves_with_path(state), strict=True)

    def step(*arguments):
        x, y, *leaves = arguments
        model, optimizer = nnx.merge(structure, jax.tree.unflatten(jax.tree.structure(state), leaves))
        digits_lenet.train_step(model, optimizer, x, y)
        return tuple(jax.tree.leaves(nnx.state((model, optimizer))))

    batch = jax.ShapeDtypeStruct((64, 8, 8, 1), np.float32), jax.ShapeDtypeStruct((64,), np.int32)
    names = [jax.tree_util.keystr(path) for path in paths]
    return step, [*batch, *shapes_of(leaves)], names


def is_once(texts, target):
    """Asserts that what a schedule computes is computed by one thread, or on single numbers."""
    if target.family is Family.CUDA:
        kernels = re.findall(r"^\.visible \.entry (\w+)\(.*?^\}", texts["ptx"], re.MULTILINE | re.DOTALL)
        bodies = re.findall(r"^\.visible \.entry \w+\(.*?^\}", texts["ptx"], re.MULTILINE | re.DOTALL)
        assert len(kernels) > 2
        wide = {name: body for name, body in zip(kernels, bodies, strict=True) if ".f64" in body}
        assert len(wide) == 1, f"float64 in {sorted(wide)}"
        (name, body), *_ = wide.items()
        assert re.search(r"\.reqntid 1, 1, 1$", body, re.MULTILINE)
        launches = [line for line in texts["thunks"].splitlines() if re.search(rf"\] {name} ", line)]
        assert len(launches) == 1
        assert "grid: [1, 1, 1]" in launches[0]
    else:
        mine = re.findall(
            r"^ +(?:ROOT )?%\S+ = (.*?)op_name=\"[^\"]*CosineAnnealingLR", texts["hlo"], re.MULTILINE
        )
        assert len(mine) > 100
        assert [line for line in mine if not re.match(r"\w+\[\]", line)] == []


@every
def test_an_update_computes_its_schedule_once(compiler, target):
    step, shapes = update(optax.adamw(SCHEDULE))
    is_once(compiled(compiler, step, shapes, target), target)


@every
def test_the_rate_that_reaches_the_weights(compiler, target):
    # Of gradients of -1 the new weights are the learning rates.
    step, shapes = update(optax.sgd(SCHEDULE))
    texts = compiled(compiler, step, shapes, target)
    counts = COUNTS[::100]
    given = [np.full((len(counts), *s.shape), -1 if i < 2 else 0, s.dtype) for i, s in enumerate(shapes)]
    given[-1] = counts
    b, w, *_ = read(texts, target).replay(given)
    want = SCHEDULE.on_host(counts)
    assert w.shape == (len(counts), 256, 384)
    for weights in (b, w):
        one_each = weights.reshape(len(counts), -1)
        np.testing.assert_array_equal(one_each, np.broadcast_to(want[:, None], one_each.shape))


@one_of_each
def test_a_train_step_computes_its_schedule_once(compiler, target):
    step, shapes, names = train_step()
    texts = compiled(compiler, step, shapes, target)
    is_once(texts, target)
    (rate,) = [i for i, name in enumerate(names) if "['hyperparams']['learning_rate']" in name]
    # The count that the schedule is given, and not Adam's.
    counting = {i for i, s in enumerate(shapes) if s.dtype == np.int32 and s.shape == () and i > 1}
    given = [np.broadcast_to(np.zeros((), s.dtype), (len(COUNTS), *s.shape)) for s in shapes]
    for i in counting:
        given[i] = COUNTS
    (got,) = read(texts, target).replay(given, outputs=[rate])
    np.testing.assert_array_equal(got.view(np.int32), SCHEDULE.on_host(COUNTS).view(np.int32))
