"""A twin of somebody's: called and stepped at the door, and what it tells of an update taken apart.

Whatever it does instead of telling numbers is one line that names it, the update, and what is wanted.
"""

from __future__ import annotations

import hashlib
import inspect
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from ..handed_in import NotComparable, short, takes, theirs
from .quantities import BATCH, ONE_EACH, SETTINGS, START, SUMMED

Numbers: TypeAlias = Mapping[str, npt.NDArray[np.float64]]
"""A quantity: its arrays by name, of which a single one has the name ''."""


class Told(NamedTuple):
    """What is known of an update."""

    numbers: Mapping[str, Numbers]
    """By key, without the batch."""

    batch: str | None
    """What tells the batch from others."""

    @property
    def keys(self) -> set[str]:
        return {*self.numbers, *([] if self.batch is None else [BATCH])}


_END = object()


class Twin:
    """A twin that is being trained."""

    def __init__(self, make: Any, name: str, *, float64: bool = False) -> None:
        """Makes it.

        Raises:
          NotComparable: there is none.
        """
        self.name = name
        self.seconds = 0.0
        self.digits: set[int] = set()
        """The mantissas, in bits, of the numbers that it told at its first update."""

        if not callable(make) or not takes(make, 0):
            raise NotComparable(
                f"{name} must be a function of no arguments that returns an iterator over updates, or an "
                f"object with step(), got {short(make)}"
            )
        with theirs(name):
            made = make(float64=True) if float64 else make()
            if hasattr(made, "__iter__") or hasattr(made, "__next__"):
                iterator = iter(made)
                self._iterator: Any = iterator
                self._next: Callable[[], Any] = lambda: next(iterator, _END)
            elif callable(getattr(made, "step", None)):
                self._iterator = made
                self._next = made.step
            else:
                raise NotComparable(
                    f"{name} must return an iterator over updates, or an object with step(), got "
                    f"{short(made)}"
                )

    def check_is_another(self, other: Twin) -> None:
        """Raises `NotComparable` where both are one object, of which each would get every other update."""
        if self._iterator is other._iterator:
            raise NotComparable(
                f"{self.name} returns the very {type(self._iterator).__name__} that {other.name} returns, "
                "so that each would get every other update; make it anew at each call"
            )

    def update(self, at: int) -> Told | None:
        """What it tells of its next update; None where it has ended.

        Raises:
          NotComparable: it fails, or tells something else than numbers.
        """
        start = time.perf_counter()
        with theirs(self.name, f" at update {at}"):
            try:
                found = self._next()
            except StopIteration:
                found = _END
        self.seconds += time.perf_counter() - start
        if found is _END:
            return None
        if hasattr(found, "_asdict"):
            found = found._asdict()
        if not isinstance(found, Mapping):
            raise NotComparable(
                f"{self.name} must tell of each update a mapping such as {{'loss': 0.5, 'lr': 0.1}}, got "
                f"{short(found)} at update {at}"
            )
        numbers: dict[str, Numbers] = {}
        batch = None
        with theirs(self.name, f" at update {at}"):
            for key, value in found.items():
                if key == BATCH:
                    batch = fingerprint(value)
                else:
                    numbers[self._key(key, at)] = self._read(key, value, at)
        return Told(numbers, batch)

    def _key(self, key: object, at: int) -> str:
        if not isinstance(key, str) or not key:
            raise NotComparable(
                f"{self.name} must name quantities with text, got {short(key)} at update {at}"
            )
        if key == START and at > 0:
            raise NotComparable(
                f"{self.name} tells {START} at update {at}; they are what the first update begins with"
            )
        return key

    def _read(self, key: str, value: Any, at: int) -> Numbers:
        found = {}
        for label, each in _flat(value):
            what = f"{key}[{label!r}]" if label else key
            array = self._numbers(each, what, at)
            if at == 0 and key in SUMMED:
                self.digits |= {_mantissa(each, array)}
            found[label] = array
        if key in SETTINGS:  # one for each group, however they are told
            found = {"": np.concatenate([np.ravel(array) for array in found.values()] or [np.empty(0)])}
        if not found or not all(array.size for array in found.values()):
            raise NotComparable(f"{self.name} tells nothing as {key} at update {at}, got {short(value)}")
        if key in ONE_EACH and sum(array.size for array in found.values()) != 1:
            raise NotComparable(
                f"{self.name} must tell one number as {key}, got {short(value)} at update {at}"
            )
        return found

    def _numbers(self, value: Any, what: str, at: int) -> npt.NDArray[np.float64]:
        try:
            array = _array(value)
            wrong = array.dtype.kind in "bOSUVcMm"
        except (TypeError, ValueError):
            wrong = True
        if wrong:
            several = isinstance(value, (list, tuple)) and any(hasattr(each, "shape") for each in value)
            raise NotComparable(
                f"{self.name} must tell real numbers, or arrays of them, got {short(value)} as {what} at "
                f"update {at}{'; name arrays of several shapes in a mapping' if several else ''}"
            )
        # A copy: what a twin hands over may be the memory in which it goes on computing.
        return np.array(array, np.float64)


def _array(value: Any) -> npt.NDArray[Any]:
    """A number or array of whichever library; bfloat16 becomes float32."""
    if hasattr(value, "detach"):  # PyTorch's
        value = value.detach().cpu()
        value = value.float() if "bfloat16" in str(value.dtype) else value
        return np.asarray(value.numpy())
    if isinstance(value, (list, tuple)):
        return np.asarray([np.asarray(_array(each)) for each in value])
    array = np.asarray(value)
    return array.astype(np.float32) if array.dtype.name == "bfloat16" else array


def _flat(value: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """What a mapping holds, however deep, by names joined with dots; what is none, by ''."""
    if not isinstance(value, Mapping):
        yield before, value
        return
    for name, each in value.items():
        yield from _flat(each, f"{before}.{name}" if before else str(name))


def _mantissa(value: Any, array: npt.NDArray[np.float64]) -> int:
    """In how many bits numbers were computed, as far as they show it; 0 where they do not.

    An array says it by its type. What is float64 may have been made of less, as by ``float(loss)``, and says
    it by its digits: next to no float64 is one that float32 holds, too, but for those that hold few digits.
    """
    dtype = str(getattr(value, "dtype", ""))
    for name, bits in (("bfloat16", 8), ("float16", 11), ("float32", 24)):
        if dtype.endswith(name):
            return bits
    scaled = np.frexp(array[np.isfinite(array)])[0]
    if (np.ldexp(scaled, FEW) % 1 == 0).all():
        return 0
    return 24 if (np.ldexp(scaled, 24) % 1 == 0).all() else 53


FEW = 12
"""Bits of numbers that say nothing of how they were computed: a half, or 27 of 32."""


def fingerprint(value: Any) -> str:
    """What tells one batch from another: a text as it is, of arrays their numbers in whatever order.

    So the layout of images is no matter, nor whether labels are int32 or int64. Of several arrays of as many
    samples, what follows `ROWS` tells which inputs go with which labels, in whatever order.
    """
    if isinstance(value, str):
        return value
    parts = list(_parts(value))
    text = " ".join(_hashed(part if isinstance(part, bytes) else _numbers(part)) for part in parts)
    rows = [part for part in parts if not isinstance(part, bytes) and part.ndim and len(part)]
    if len(rows) < 2 or len(rows) < len(parts) or len({len(part) for part in rows}) > 1:
        return text
    n = len(rows[0])
    beside = np.concatenate([np.sort(np.reshape(part, (n, -1))) for part in rows], axis=1)
    samples = sorted(_hashed(_numbers(row, in_order=True)) for row in beside)
    return f"{text}{ROWS}{n} {_hashed(''.join(samples).encode())}"


ROWS = " of samples: "


def _hashed(part: bytes) -> str:
    return hashlib.blake2b(part, digest_size=8).hexdigest()


def _numbers(array: npt.NDArray[np.float64], *, in_order: bool = False) -> bytes:
    with np.errstate(over="ignore"):
        return (array if in_order else np.sort(np.ravel(array))).astype(np.float32).tobytes()


def alike(ours: str, theirs: str) -> tuple[str, str]:
    """Two fingerprints, without their samples where these are not told of both or are not as many."""
    mine, other = (text.partition(ROWS) for text in (ours, theirs))
    if mine[2].split()[:1] == other[2].split()[:1]:
        return ours, theirs
    return mine[0], other[0]


def _parts(value: Any) -> Iterator[bytes | npt.NDArray[np.float64]]:
    """Each array, or the bytes of each text, of a batch of whichever form."""
    inside = list(value.values()) if isinstance(value, Mapping) else value
    if isinstance(inside, (list, tuple)) and any(_is_a_part(each) for each in inside):
        for each in inside:
            yield from _parts(each)
    elif isinstance(value, (str, bytes)):
        yield value.encode() if isinstance(value, str) else value
    else:
        yield _array(inside).astype(np.float64)


def _is_a_part(value: Any) -> bool:
    """Whether it is more than a number of a list."""
    return isinstance(value, (str, bytes, list, tuple, Mapping)) or hasattr(value, "shape")


def in_float64(make: Any) -> bool:
    """Whether a twin can be made in float64: its function takes ``float64``."""
    try:
        return "float64" in inspect.signature(make).parameters
    except (TypeError, ValueError):
        return False
