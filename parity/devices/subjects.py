"""What is compared: a function, the arguments it is called with, and what it must answer."""

from __future__ import annotations

import abc
import contextlib
import dataclasses
import functools
import inspect
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

import jax
import numpy as np
import numpy.typing as npt

from .program import Array
from .targets import Target

Counts: TypeAlias = npt.NDArray[np.int32]

COUNTS = 100_000
"""At how many counts, or steps, each function is compared at least."""

SMALL = 4_096
"""The counts below this are all compared."""

EVERY = 2**24
"""The counts up to this one are what the exhaustive profile compares."""

LAST = 2**31 - 1

_CHUNK = 2**17
"""Calls at once."""

_HALFWAY = 1e-6
"""ULP from halfway between two float32 numbers within which jaxsched promises no more than one of the two."""

_SHAKEN = 2.0**-43
"""What a pair of float32 may make of a number, relative to it."""

_SHAKES = 24
"""Next to a threshold half of them decide otherwise."""


BY_XLA = "XLA's CPU program"
"""The measure of what has no ``on_host``."""

Call: TypeAlias = Callable[[Sequence[Array]], list[Array]]
"""A device: from one array for each argument, the calls along its first axis, to one for each leaf."""


class Answers(NamedTuple):
    """Some calls, what the device answers, and what it must."""

    places: Array
    """What to call each: its count, or which step it is."""

    device: list[Array]
    """One array for each leaf that is compared, the calls along its first axis."""

    wanted: list[Array]


class Subject(abc.ABC):
    """A function whose bits on a device are asked for."""

    place: str
    """What `Answers.places` are: ``count`` or ``step``."""

    arguments: tuple[jax.ShapeDtypeStruct, ...]

    leaves: tuple[str, ...]
    """The names of what it answers; one empty name where that is a single array."""

    measure: str
    """What says which bits are right."""

    notes: tuple[str, ...] = ()
    """What a learning rate would not be."""

    @abc.abstractmethod
    def __call__(self, *arguments: Any) -> tuple[Any, ...]:
        """One call; JAX can trace it."""

    def compared(self, target: Target) -> list[int]:
        """The leaves that must be the same there."""
        return list(range(len(self.leaves)))

    @abc.abstractmethod
    def ask(self, call: Call, target: Target) -> Iterator[Answers]:
        """Makes all calls; the same ones whenever it is asked."""

    def undecided(self, answers: Answers) -> Array:
        """At which calls the answer hangs on bits that a pair of float32 does not have."""
        return np.zeros(len(answers.places), bool)


def _like(value: Array) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(value.shape, value.dtype)  # type: ignore[no-untyped-call]


# Schedules ------------------------------------------------------------------------------


@dataclasses.dataclass(eq=False)
class OfCount(Subject):
    """A function of one count: a schedule."""

    function: Callable[[Any], Any]
    counts: Sequence[Array]
    """int32, or float32 where counts may be fractions."""

    place = "count"

    def __post_init__(self) -> None:
        self.arguments = (_like(self.counts[0][0]),)
        with on_cpu():
            answer = jax.eval_shape(self.function, *self.arguments)
        self.leaves = _names(answer)
        self.measure = "host" if hasattr(self.function, "on_host") else BY_XLA
        self.notes = tuple(_unlike_a_learning_rate(jax.tree.leaves(answer)))

    def __call__(self, *arguments: Any) -> tuple[Any, ...]:
        return tuple(jax.tree.leaves(self.function(*arguments)))

    def ask(self, call: Call, target: Target) -> Iterator[Answers]:
        for part in self.counts:
            for at in range(0, len(part), _CHUNK):
                counts = part[at : at + _CHUNK]
                yield Answers(counts, call([counts]), self._wanted(counts))

    def _wanted(self, counts: Array) -> list[Array]:
        if hasattr(self.function, "on_host"):
            return [self.function.on_host(counts)]
        # Always so many at once: then it is one program.
        padded = np.pad(counts, (0, -len(counts) % min(_CHUNK, COUNTS)), mode="edge")
        return [np.asarray(leaf)[: len(counts)] for leaf in self._on_cpu(padded)]

    def undecided(self, answers: Answers) -> Array:
        """Where the unrounded value is halfway between two float32 numbers, and they are the two answers."""
        if not hasattr(self.function, "on_host"):
            return super().undecided(answers)
        with jax.enable_x64(True):
            exact = self.function.on_host(answers.places)
        (device,), (host,) = answers.device, answers.wanted
        low, high = np.minimum(device, host), np.maximum(device, host)
        middle = (low.astype(np.float64) + high) / 2
        within = np.abs(exact - middle) <= _HALFWAY * (high.astype(np.float64) - low)
        halfway: Array = within & (np.nextafter(low, np.float32(np.inf)) == high)
        return halfway

    @functools.cached_property
    def _on_cpu(self) -> Callable[[Array], tuple[jax.Array, ...]]:
        compiled = jax.jit(jax.vmap(self))

        def call(counts: Array) -> tuple[jax.Array, ...]:
            with on_cpu():
                return compiled(counts)  # type: ignore[no-any-return]

        return call


def _unlike_a_learning_rate(leaves: Sequence[Any]) -> Iterator[str]:
    """What is said of an answer that is more or less than one number with a fraction."""
    numbers = sum(leaf.size for leaf in leaves)
    if numbers != 1:
        yield f"{numbers:,} numbers a count"
    for dtype in dict.fromkeys(leaf.dtype for leaf in leaves):
        if not jax.numpy.issubdtype(dtype, jax.numpy.floating):
            yield f"the answer is {dtype}"


@contextlib.contextmanager
def on_cpu() -> Iterator[None]:
    """A context in which JAX computes on the CPU, and takes what anybody writes."""
    cpu = jax.local_devices(backend="cpu")[0]
    with jax.default_device(cpu), jax.numpy_dtype_promotion("standard"):
        yield


def _names(tree: Any) -> tuple[str, ...]:
    return tuple(jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_flatten_with_path(tree)[0])


def counts(turns: Iterable[int] = (), horizon: int = 0, *, number: int = COUNTS) -> Counts:
    """So many different counts, in order; the same ones in every run.

    The first 4,096, every event with its two neighbours on both sides, the powers of two with theirs, and
    random ones: of the whole of int32, of the horizon, and of every order of magnitude.

    Args:
      turns: where something happens.
      horizon: up to where most things happen.
      number: how many.
    """
    events = np.asarray([*turns], np.int64)
    powers = 2 ** np.arange(32, dtype=np.int64)
    near = [(each[:, None] + np.arange(-2, 3)).ravel() for each in (events, powers)]
    chosen = _within(np.concatenate([np.arange(SMALL), *near]))
    rng = np.random.default_rng(len(chosen))
    if len(chosen) > number:
        return np.sort(rng.permutation(chosen)[:number]).astype(np.int32)
    here = rng.integers(2 * horizon + SMALL, size=(number - len(chosen)) // 3)
    chosen = np.union1d(chosen, here)
    beyond = _anywhere(2 * number)
    beyond = beyond[~np.isin(beyond, chosen, assume_unique=True)]
    return np.union1d(chosen, beyond[: number - len(chosen)]).astype(np.int32)


_TURNS = 2_000
"""So many turns are looked for in what somebody brings."""


def turns_of(function: Any) -> list[int]:
    """Counts at which a function may turn, as far as the whole numbers in it tell.

    A period's end is a number itself or some times it, and a member of a sequence turns so long after
    another number. They are looked for among its fields, what it closes over and what is bound to it.
    """
    found: dict[int, None] = {}
    seen: set[int] = set()
    waiting = [function]
    while waiting and len(seen) < 10_000:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
            if 0 < value <= LAST:
                found.setdefault(int(value))
        elif isinstance(value, (tuple, list)):
            waiting += value
        elif isinstance(value, dict):
            waiting += value.values()
        elif dataclasses.is_dataclass(value) and not isinstance(value, type):
            waiting += [getattr(value, field.name) for field in dataclasses.fields(value)]
        elif isinstance(value, functools.partial):
            waiting += [value.func, value.args, value.keywords]
        elif inspect.isfunction(value):
            closure = inspect.getclosurevars(value)
            waiting += [*closure.nonlocals.values(), value.__defaults__ or (), value.__kwdefaults__ or {}]
            waiting += [x for x in closure.globals.values() if isinstance(x, (int, tuple)) or callable(x)]
            waiting += value.__code__.co_consts
        elif hasattr(value, "size") and getattr(value, "size", 0) <= _TURNS and _is_whole(value):
            waiting += np.asarray(value).ravel().tolist()
    numbers = sorted(found)
    sums = (a + b for i, a in enumerate(numbers) for b in numbers[i:])
    multiples = (n * times for times in range(3, 9) for n in numbers)
    together = dict.fromkeys(itertools.chain(numbers, sums, multiples))
    return [turn for turn in itertools.islice(together, _TURNS) if turn <= LAST]


def _is_whole(value: Any) -> bool:
    dtype = getattr(value, "dtype", None)
    return dtype is not None and getattr(dtype, "kind", "") in "iu"


@functools.cache
def _anywhere(number: int) -> npt.NDArray[np.int64]:
    """So many different counts of the whole of int32 and of every order of magnitude, in no order."""
    rng = np.random.default_rng(number)
    uniform = rng.integers(LAST, size=number, endpoint=True)
    by_size = np.exp(rng.uniform(np.log(SMALL), np.log(LAST), size=number)).astype(np.int64)
    return rng.permutation(np.unique(np.concatenate([uniform, by_size])))[:number]


def _within(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.unique(counts[(counts >= 0) & (counts <= LAST)])


def every(beyond: Counts) -> list[Counts]:
    """All counts up to 2**24, and those of the others that are larger."""
    return [np.arange(EVERY + 1, dtype=np.int32), beyond[beyond > EVERY]]


def negative() -> Counts:
    """Counts that our schedules take for 0."""
    return np.asarray([-(2**31), -(2**31) + 1, -4_096, -2, -1], np.int32)


def fractions(epochs: Sequence[float], *, number: int = COUNTS) -> npt.NDArray[np.float32]:
    """So many fractional counts: these, whole ones, and random ones; float32, in order."""
    rng = np.random.default_rng(len(epochs))
    chosen = np.unique(np.concatenate([np.asarray(epochs), np.arange(SMALL)]).astype(np.float32))
    drawn = np.concatenate(
        [
            rng.uniform(0, 2 * max(epochs) + 1, size=2 * number),
            np.exp(rng.uniform(-20, np.log(LAST), size=2 * number)),
        ]
    )
    more = rng.permutation(np.setdiff1d(drawn.astype(np.float32), chosen))
    return np.sort(np.concatenate([rng.permutation(chosen), more])[:number])


# State machines -------------------------------------------------------------------------

_TRACES = 1_250

STEPS = 80
"""Of each trace of metrics."""


class OfState(Subject):
    """A function of a state and a metric: the step of a plateau or of GreedyLR.

    The CPU's own step is told many different metrics, trace by trace. A GPU's must make the same of each
    state that the CPU's went through, and of each metric, to the last leaf.

    On a TPU there is no float64 but a pair of float32, of some 48 bits, so that what a state keeps beyond
    its float32 numbers (``lr_rest``) is shorter there, and of another's states nothing can be asked. There
    the device goes through the traces by itself, from the first state on, and all else must be the same.
    """

    place = "step"

    measure = BY_XLA

    def __init__(self, machine: Any, number: int = COUNTS) -> None:
        self._machine, self._number = machine, number
        start = machine.init()
        self._tree = jax.tree.structure(start)
        with on_cpu():  # a number of Python's has no dtype of its own
            self._start = [np.asarray(jax.numpy.asarray(leaf)) for leaf in jax.tree.leaves(start)]
        leaves = [*self._start, np.zeros((), np.float32)]
        self.arguments = tuple(map(_like, leaves))
        self.leaves = _names(start)

    def __call__(self, *arguments: Any) -> tuple[Any, ...]:
        *state, metric = arguments
        after = self._machine.step(jax.tree.unflatten(self._tree, state), metric)
        return tuple(jax.tree.leaves(after))

    def compared(self, target: Target) -> list[int]:
        every = super().compared(target)
        return every if target.has_float64 else [i for i in every if not self.leaves[i].endswith("_rest")]

    def ask(self, call: Call, target: Target) -> Iterator[Answers]:
        before, after = self._traces
        told = self._told
        if target.has_float64:
            states = [_together(leaf) for leaf in before]
            yield Answers(
                np.arange(told.size), call([*states, told.ravel()]), [_together(leaf) for leaf in after]
            )
            return
        traces, steps = told.shape
        state = [np.repeat(leaf[None], traces, axis=0) for leaf in self._start]
        compared = self.compared(target)
        for step in range(steps):
            state = call([*state, told[:, step]])
            yield Answers(
                step + steps * np.arange(traces),
                [state[i] for i in compared],
                [after[i][:, step] for i in compared],
            )

    def undecided(self, answers: Answers) -> Array:
        """Where the CPU's own trace, in float64, is another one if it is shaken at every step.

        Shaken are the numbers that float32 does not hold, and so not the metrics, nor a tie between them.
        """
        shaky: Array = self._shaky[np.divmod(answers.places, self._told.shape[1])]
        return shaky

    @functools.cached_property
    def _shaky(self) -> Array:
        told = self._told.astype(np.float64)
        with on_cpu(), jax.enable_x64(True):
            start = list(map(np.asarray, jax.tree.leaves(self._machine.init())))
            first = [np.repeat(leaf[None], len(told), axis=0) for leaf in start]
            step = jax.jit(jax.vmap(self))

            def walk(shake: Callable[[Array], Array]) -> Iterator[list[Array]]:
                """What must be the same of the states after each step, in float32."""
                state = first
                for metrics in told.T:
                    state = list(map(np.asarray, step(*map(shake, state), shake(metrics))))
                    kept = zip(self.leaves, state, strict=True)
                    yield [_narrow(leaf) for name, leaf in kept if not name.endswith("_rest")]

            wanted = list(walk(lambda x: x))
            rng = np.random.default_rng(0)
            changed = np.zeros(told.shape, bool)
            for _ in range(_SHAKES):
                for i, (one, other) in enumerate(
                    zip(wanted, walk(functools.partial(_shaken, rng)), strict=True)
                ):
                    for leaf, shaken in zip(one, other, strict=True):
                        unlike = (leaf != shaken) & ~((leaf != leaf) & (shaken != shaken))
                        changed[:, i] |= unlike.reshape(len(unlike), -1).any(-1)
        return np.logical_or.accumulate(changed, axis=1)

    @property
    def _told(self) -> npt.NDArray[np.float32]:
        return metrics()[: -(-self._number // STEPS)]

    @functools.cached_property
    def _traces(self) -> tuple[list[Array], list[Array]]:
        """The states before and after each step on the CPU, of shape ``(traces, steps, …)``."""
        told = self._told
        states = [[np.repeat(leaf[None], len(told), axis=0) for leaf in self._start]]
        with on_cpu():
            step = jax.jit(jax.vmap(self))
            for metrics in told.T:
                states.append(list(map(np.asarray, step(*states[-1], metrics))))
        leaves = [np.stack(leaf, axis=1) for leaf in zip(*states, strict=True)]
        return [leaf[:, :-1] for leaf in leaves], [leaf[:, 1:] for leaf in leaves]


def _narrow(leaf: Array) -> Array:
    return leaf.astype(np.float32) if leaf.dtype.kind == "f" else leaf


def _shaken(rng: np.random.Generator, leaf: Array) -> Array:
    """Numbers changed by a little; counters as they are, and what float32 holds: that is exact on a TPU."""
    if leaf.dtype.kind != "f":
        return leaf
    changed = leaf * (1 + _SHAKEN * rng.uniform(-1, 1, leaf.shape))
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where(leaf == leaf.astype(np.float32), leaf, changed)


def _together(leaves: Array) -> Array:
    """All steps of all traces along one axis."""
    return leaves.reshape(leaves.shape[0] * leaves.shape[1], *leaves.shape[2:])


@functools.cache
def metrics() -> npt.NDArray[np.float32]:
    """What validation loops might report, and what they should not: ``(traces, steps)``.

    Noise that falls, stays or rises, ties, signs, sizes, values next to one another; in half of the traces
    now and then NaN or an infinity.
    """
    rng = np.random.default_rng(0)
    k = np.arange(STEPS)
    told = np.empty((_TRACES, STEPS))
    for i, trace in enumerate(told):
        noise = rng.normal(size=STEPS)
        match i % 8:
            case 0:
                trace[:] = np.exp(-k * rng.uniform(0, 0.05)) * (1 + 0.1 * noise)
            case 1:
                trace[:] = rng.choice([0.0, -0.0, 1.0, -1.0, 0.25, 0.75, 1e-3], size=STEPS)
            case 2:
                trace[:] = 1.0 - (k // rng.integers(1, 40)) * rng.choice([1e-5, 1e-3, 0.1])
            case 3:
                trace[:] = 10.0 ** rng.uniform(-6, 6, size=STEPS) * np.sign(noise)
            case 4:
                trace[:] = rng.normal() + k * rng.choice([-1e-3, 1e-4, 1e-2])
            case 5:
                trace[:] = 1 + rng.integers(-3, 4, size=STEPS) * 2.0**-23
            case 6:
                trace[:] = np.full(STEPS, rng.choice([0.0, 1.0, -1.0, 3e4]))
            case 7:
                trace[:] = np.exp(-k / 50) * (1 + rng.integers(-2, 3, size=STEPS) * 1e-4)
        if i // 8 % 2:
            odd = rng.random(STEPS) < 0.05
            trace[odd] = rng.choice([np.nan, np.inf, -np.inf], size=STEPS)[odd]
    return told.astype(np.float32)
