"""`Schedule`: a count in, a value out; float64 inside, one rounding at the end."""

import dataclasses
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from . import _numerics as nx, _one_value
from ._arguments import Integer, describe
from ._shared_rate import SharedRate
from ._value import Value, has_arrays

_READS = 3
"""So many reads of one value are not worth a program, which takes as long to write as 50 of them do."""


class Schedule(SharedRate):
    """A hyperparameter as a function of the update count; base of all schedules.

    ``schedule(k)`` is the value that update ``k`` applies, where the *count* ``k`` says
    how many optimizer updates came before this one: PyTorch's learning rate after ``k``
    calls of ``scheduler.step()``.

    A schedule is a value. It prints as the call that makes it, compares equal to another
    of the same class and arguments, hashes (when its arguments are Python numbers),
    pickles, and goes to and from a dict that JSON can hold. It is also a pytree: its leaves
    are the arguments given as arrays. A Python number is a constant of the compiled
    program and keeps all its digits; an array is data, which can be vmapped over,
    differentiated, and changed without compiling again.

    Anything in Optax that takes a schedule takes one of these:

    >>> import jaxsched, optax
    >>> schedule = jaxsched.CosineAnnealingLR(0.1, T_max=100, eta_min=1e-4)
    >>> schedule
    CosineAnnealingLR(0.1, T_max=100, eta_min=0.0001)
    >>> schedule(0), schedule(100)
    (Array(0.1, dtype=float32), Array(0.0001, dtype=float32))
    >>> optimizer = optax.adamw(schedule)

    To write your own, derive a class, annotate its arguments as in a dataclass, and define
    ``_formula``. The subclass becomes a frozen dataclass and a pytree by itself; the
    arguments annotated with a checker are checked when a value is made. In a chain it overwrites the
    learning rate in force; `Multiplies` is for one that multiplies it.

    >>> import jax.numpy as jnp
    >>> class RootDecay(jaxsched.Schedule):
    ...     base_lr: float
    ...     def _formula(self, k):
    ...         return self.base_lr / jnp.sqrt(k + 1.0)
    >>> RootDecay(0.5)(3)
    Array(0.25, dtype=float32)
    """

    _accepts_fractions: ClassVar[bool] = False
    """Whether the count may be a fraction, as in ``scheduler.step(epoch + i / n)``."""

    __slots__ = ("_programs",)
    if TYPE_CHECKING:
        _programs: ClassVar[_one_value.Programs]
    """What reads one value, where no copy and no pickle sees it."""

    _recording: ClassVar[type["Schedule"]]
    """`Recorded`. It derives from this class, and so puts itself here."""

    def __call__(self, count: Any) -> jax.Array:
        """The value at ``count``.

        Args:
          count: updates so far; an integer or an array of any integer dtype and shape.
            A negative count is taken as 0.

        Returns:
          An array of the shape of ``count`` and of JAX's default float type: float32, or
          float64 under ``jax_enable_x64``; never weakly typed.

        Raises:
          TypeError: ``count`` is not of an integer type.
        """
        dtype = jax.dtypes.canonicalize_dtype(float)  # what `jnp.result_type` says, sooner
        with jax.enable_x64(True):
            value: jax.Array = _evaluate(*jax.tree.map(_settle, (self, self._count(count))), dtype)
        return value

    def on_host(self, count: Any) -> np.ndarray[Any, Any]:
        """The value at ``count``, computed by NumPy: the same bits, no device operation.

        For log lines and plots: evaluating ``schedule(step)`` only to print it runs a
        program on the accelerator and can stall the training loop. One Python int, read again and
        again from one schedule, soon costs a tenth: its formula is then a function of Python.

        >>> from jaxsched import StepLR
        >>> StepLR(0.1, step_size=30).on_host([0, 29, 30, 60])
        array([0.1  , 0.1  , 0.01 , 0.001], dtype=float32)

        So does a class of your own whose ``_formula`` consists of operators and of other schedules. What it
        calls of ``jax.numpy`` runs on the device here, too, and may differ from the compiled program, which
        combines operations, by a last bit of float64.

        Args:
          count: as for a call, but a Python int, list or NumPy array.

        Returns:
          A NumPy array (or scalar) equal to ``schedule(count)`` to the bit.
        """
        dtype = jax.dtypes.canonicalize_dtype(float)  # what `jnp.result_type` says, sooner
        if type(count) is int:  # one value, for a log
            try:  # without asking what `__getattr__` a class may have
                one: np.ndarray[Any, Any] = object.__getattribute__(self, "_programs")[dtype](count)
            except (AttributeError, KeyError):
                self._read_without_program(dtype)
            except _one_value.UNKNOWN:
                pass
            else:
                return one
        if not isinstance(count, (int, float, np.generic, np.ndarray, jax.Array)):
            count = self._listed(count)
        count = self._count(np.asarray(count) if isinstance(count, jax.Array) else count)
        with np.errstate(all="ignore"), jax.enable_x64(True), nx.to_be(dtype):
            values: np.ndarray[Any, Any] = nx.round_to(_value(_of_numpy(self), count), dtype)
        return values

    def _read_without_program(self, dtype: np.dtype[Any]) -> None:
        """Writes the program of a type, if one value has been read often enough for it to pay."""
        try:
            programs = object.__getattribute__(self, "_programs")
        except AttributeError:
            programs = _one_value.Programs()
            object.__setattr__(self, "_programs", programs)
        programs.reads += 1
        if programs.reads <= _READS:
            return
        if any(isinstance(x, np.ndarray) for x in jax.tree.leaves(self)):  # somebody may write into it
            programs[dtype] = _one_value.unknown
            return
        with np.errstate(all="ignore"), jax.enable_x64(True), nx.to_be(dtype):
            programs[dtype] = _one_value.written(_of_numpy(self)._formula, dtype)

    def recorded(self, total_steps: int) -> "Schedule":
        """The same values as a table: `Recorded`, with the same bits on every device by construction.

        >>> from jaxsched import StepLR
        >>> StepLR(0.1, step_size=2).recorded(3)
        Recorded([0.1, 0.1, 0.010000000000000002])

        Args:
          total_steps: how many counts, an integer >= 1; from there on the last value stays.
        """
        Integer(1, "It is a number of updates.", array=False)("recorded", "total_steps", total_steps)
        with jax.enable_x64(True):
            make: Callable[[list[float]], Schedule] = self._recording
            return make(self.on_host(np.arange(total_steps)).tolist())

    def _listed(self, count: Any) -> Any:
        if not isinstance(count, (list, tuple, range)):
            raise self._no_count(count)
        try:
            return np.asarray(count)
        except ValueError:  # of rows that differ in length
            raise self._no_count(count) from None

    def _no_count(self, count: object) -> TypeError:
        return TypeError(
            f"{type(self).__name__}: count must be an integer or an array of integers, got {describe(count)}."
        )

    def _count(self, count: Any) -> Any:
        """Checks a count; what comes from the host becomes NumPy int64 or float64."""
        allowed = "an integer or an array of integers"
        if not isinstance(count, jax.Array):
            if isinstance(count, (bool, str, np.ma.MaskedArray)) or not isinstance(
                count, (int, float, np.generic, np.ndarray)
            ):
                raise self._no_count(count)
            try:
                given, count = count, np.asarray(count)
                if count.dtype == object and not all(isinstance(x, int) for x in count.flat):
                    raise self._no_count(given)
                if count.dtype == object:
                    count = count.astype(np.int64)
                if count.dtype == np.uint64 and (count >= 2**63).any():
                    raise OverflowError
            except OverflowError:
                raise ValueError(
                    f"{type(self).__name__}: count must be below 2**63, got {describe(count)}."
                ) from None
        if jnp.issubdtype(count.dtype, jnp.integer) and count.dtype.kind != "m":  # a duration is one to NumPy
            return count.astype(np.int64) if isinstance(count, (np.ndarray, np.generic)) else count
        if jnp.issubdtype(count.dtype, jnp.floating) and self._accepts_fractions:
            if isinstance(count, np.ndarray) and not np.isfinite(count).all():
                raise ValueError(f"{type(self).__name__}: count must be finite, got {describe(count)}.")
            return count.astype(np.float64) if isinstance(count, (np.ndarray, np.generic)) else count
        raise TypeError(
            f"{type(self).__name__}: count must be {allowed}, got dtype {count.dtype}. "
            "Count updates in an integer: float32 has no odd numbers above 2**24."
        )


# Evaluation -----------------------------------------------------------------------------


@functools.partial(jax.jit, static_argnames="dtype")
def _evaluate(schedule: Schedule, count: Any, dtype: Any) -> jax.Array:
    """One program for all modes: called from Python it is compiled, in a trace inlined."""
    # An array that the caller's program holds as a constant stays data: of sums of a constant converted from
    # float32, XLA's TPU compiler keeps 24 bits.
    schedule = jax.tree.map(_widen, _kept(schedule))
    count = _narrow(count) if _takes_narrow_counts(schedule) else _widen(count)
    with jax.named_scope(type(schedule).__name__), nx.to_be(dtype):
        value: jax.Array = nx.round_to(_value(schedule, count), dtype, schedule._least())
    # A single value is about to be multiplied with every weight there is. XLA would move the formula into
    # that loop, and a GPU compute it again for each of them.
    if value.ndim == 0:
        value = jax.lax.optimization_barrier(value)  # type: ignore[no-untyped-call]
    return value


def _kept(schedule: Schedule) -> Schedule:
    return jax.lax.optimization_barrier(schedule) if jax.tree.leaves(schedule) else schedule  # type: ignore[no-untyped-call]


def _of_numpy(schedule: Schedule) -> Schedule:
    """With NumPy's arrays as arguments, as wide as they are computed with."""
    if not has_arrays(schedule):  # without this question, half the time would go into an empty map
        return schedule
    found: Schedule = jax.tree.map(lambda x: _widen(np.asarray(x)), schedule)
    return found


def _value(schedule: Schedule, count: Any) -> Any:
    """The formula at a count clipped at 0, in float64 and of full shape."""
    k = nx.maximum(count, np.zeros((), count.dtype))
    if k.dtype.kind == "f":  # above it a float64 has no fractions, and further on no whole numbers
        k = nx.minimum(k, np.float64(2.0**53))
    xp = nx.namespace(k)
    value = xp.asarray(schedule._formula(k))
    value = value.astype(np.float64)
    if value.shape == k.shape:
        return value
    return xp.broadcast_to(value, np.broadcast_shapes(value.shape, k.shape))


def _settle(x: Any) -> Any:
    """Widens a tracer before it enters a program, unless it has 32 bits for sure.

    Under ``vmap`` a tracer of a NumPy int64 array claims to be int32 while x64 is off, but
    hands the program 64 bits. A conversion, unlike a call, reads what is really there.
    """
    if not isinstance(x, jax.core.Tracer):
        return x
    inner: Any = x
    # There is no public way to ask; a tracer by another name than these is not known to be honest.
    while type(inner).__name__ == "BatchTracer":
        inner = inner.val
    sure = not isinstance(inner, jax.core.Tracer) or type(inner).__name__ == "DynamicJaxprTracer"
    return x if sure and inner.dtype in (np.int32, np.uint32) else _widen(x)


def _narrow(count: Any) -> Any:
    """A count of no more than 32 bits in int32 or uint32, others as in `_widen`."""
    if count.dtype.kind in "iu" and count.dtype.itemsize <= 4:
        return count if count.dtype in (np.int32, np.uint32) else count.astype(np.int32)
    return _widen(count)


_MOST = 2**30
"""Two whole numbers below it have a sum that an int32 can hold."""


def _takes_narrow_counts(value: Any) -> bool:
    """Whether a schedule's formula, and those of all its members, do with 32 bits."""
    if isinstance(value, Value):
        if isinstance(value, Schedule) and not value._takes_narrow_counts:
            return False
        return all(_takes_narrow_counts(getattr(value, field.name)) for field in dataclasses.fields(value))
    if isinstance(value, tuple):
        return all(map(_takes_narrow_counts, value))
    if isinstance(value, int):
        return abs(value) < _MOST
    return not (isinstance(value, (jax.Array, np.ndarray)) and value.dtype.kind in "iu")


def _widen(x: Any) -> Any:
    """An array to float64 or int64, exactly (a uint64 above int64 to its largest)."""
    if jnp.issubdtype(x.dtype, jnp.floating):
        return x.astype(np.float64)
    if x.dtype == np.uint64:
        x = nx.minimum(x, np.uint64(nx.LAST_COUNT))
    return x.astype(np.int64)
