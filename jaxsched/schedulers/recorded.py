import dataclasses
import pathlib
from collections.abc import Sequence
from typing import Annotated, ClassVar, TypeAlias, cast, final

import jax
import numpy as np

from .. import _numerics as nx
from .._arguments import error
from .._schedule import Schedule
from .._trajectories import read
from .._value import Numbers


@dataclasses.dataclass(frozen=True)
class Finite:
    """Finite numbers, at least one: a sequence, or an array of one dimension."""

    def __call__(self, owner: str, name: str, value: object) -> Numbers | nx.Array:
        if isinstance(value, Numbers):
            return value
        allowed = "a sequence of finite numbers"
        if isinstance(value, jax.core.Tracer):
            array: nx.Array | np.ndarray = value
        elif isinstance(value, (jax.Array, np.ndarray)) or (
            isinstance(value, Sequence) and not isinstance(value, (str, bytes))
        ):
            try:
                array = value if isinstance(value, jax.Array) else np.asarray(value)
            except ValueError:  # of several lengths
                array = np.empty(0, object)
        else:
            raise error(TypeError, owner, name, value, allowed, "Write it like [0.1, 0.05, 0.01].")
        if array.dtype.kind in "iu" and not isinstance(array, jax.Array):
            array = array.astype(np.float64)
        if array.ndim != 1 or not jax.numpy.issubdtype(array.dtype, np.floating):
            found = f"{array.dtype}{list(array.shape)}"
            raise error(TypeError, owner, name, value, allowed, f"It must have one dimension; it is {found}.")
        if len(array) == 0:
            raise error(ValueError, owner, name, value, allowed, "Give at least one.")
        if isinstance(array, jax.core.Tracer):
            return array
        infinite = np.flatnonzero(~np.isfinite(np.asarray(array)))
        if len(infinite):
            at = int(infinite[0])
            remedy = "Leave it out, or say what the value was."
            raise error(ValueError, owner, f"{name}[{at}]", array[at].item(), "a finite number", remedy)
        return (
            Numbers(np.asarray(array, np.float64))
            if isinstance(value, Sequence)
            else cast(nx.Array, own(array))
        )


def own(array: nx.Array | np.ndarray) -> nx.Array | np.ndarray:
    """What nobody changes later."""
    return array.copy() if isinstance(array, np.ndarray) else array


Recording: TypeAlias = Sequence[float] | np.ndarray | jax.Array
"""Numbers one after another: Python's are constants of the program, an array is data."""


@final
class Recorded(Schedule):
    r"""A trajectory, looked up: one value for each count, of which the last one stays.

    .. math::
        \mathrm{lr}(k) = \text{values}_{\min(k,\; n - 1)}

    What has no formula here is a schedule once it has been recorded: `from_torch` makes one of any
    object that steps a learning rate, and `Schedule.recorded` of any schedule. A value is rounded
    once, when it is looked up.

    Args:
      values: finite numbers, at least one; they may be below 0. A list is a constant of the program; an array
        is data, which ten million values had better be.

    Raises:
      ValueError: there is no value, or one is not finite.
      TypeError: an argument is of the wrong type.

    >>> from jaxsched import CosineAnnealingLR, Recorded
    >>> Recorded([0.1, 0.05, 0.01]).on_host([0, 1, 2, 3])
    array([0.1 , 0.05, 0.01, 0.01], dtype=float32)
    >>> CosineAnnealingLR(0.1, T_max=100).recorded(101)
    Recorded(<101 values from 0.1 to 0.0, 96558417>)
    """

    values: Annotated[Recording, Finite()]

    _takes_narrow_counts: ClassVar[bool] = True

    @classmethod
    def load(cls, path: str | pathlib.Path) -> "Recorded":
        """The trajectory in a file.

        CSV: one value a line, or ``count,value``; a first line of words is a heading. JSON: a list of values.
        Values are decimal, or hexadecimal as ``float.hex`` writes them. `parity compare` reads the same.

        Raises:
          ValueError: the file and line where something else stands.
          OSError: the file cannot be read.
        """
        return cls(read(pathlib.Path(path)).tolist())

    def __len__(self) -> int:
        """How many values there are."""
        return len(self._table)

    @property
    def _table(self) -> np.ndarray | nx.Array:
        return self.values.array if isinstance(self.values, Numbers) else self.values  # type: ignore[return-value]

    def _formula(self, k: jax.Array) -> jax.Array:
        return nx.lookup(self._table, k)


Schedule._recording = Recorded
