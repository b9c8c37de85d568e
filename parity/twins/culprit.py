"""What is likely to blame, from what parts first and what is still the same there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .. import causes, ulp
from . import directions
from .door import ROWS
from .follow import Record, pair_of
from .quantities import (
    BATCH,
    DECAY,
    GRADIENT,
    GRADIENT_NORM,
    LOSS,
    LR,
    MOMENTUM,
    START,
    UPDATE_NORM,
    WEIGHTS,
    WORDS,
)

DATA, WEIGHTS_AT_START, RATE, OPTIMIZER = "data order", "initial weights", "learning rate", "optimizer"


class Culprit(NamedTuple):
    """What is likely to blame."""

    names: tuple[str, ...]
    """Of all that is not ruled out, the likeliest first: ``data order``, ``initial weights``, ``loss``,
    ``gradient``, ``learning rate``, ``momentum``, ``decay``, ``optimizer``, or a quantity of your naming;
    ``rounding`` where the same twins stay together in float64, or an optimizer divides by its size a gradient
    that is 0 but for rounding; ``chance`` where both twins are one function."""

    because: str
    """Why, in one sentence without a full stop."""

    wanted: tuple[str, ...] = ()
    """What the twins would have to tell for fewer to be left."""

    @property
    def name(self) -> str:
        """The likeliest."""
        return self.names[0]

    def __str__(self) -> str:
        text = f"{' or '.join(self.names)}: {self.because}"
        return f"{text}; tell {' and '.join(self.wanted)} to be sure" if self.wanted else text


def rounding(apart: float) -> Culprit:
    """Nobody is to blame: in float64 the two are only so far apart."""
    because = f"in float64 the twins are {apart:.1e} apart there, so that what parts them here is rounding"
    return Culprit(("rounding",), because)


def by_chance(first: int) -> Culprit:
    """One function, called twice, has not done the same."""
    because = f"both twins are the same function, and it does not do the same twice, from update {first} on"
    return Culprit(("chance",), f"{because}: give whatever it draws from a seed of its own")


def culprit(record: Record) -> Culprit | None:
    """What is likely to blame for what parts first; None where nothing parts.

    Weights that part because their gradient is nothing but rounding hide nothing that parts later.
    """
    found = _first_culprit(record)
    if found is None or found.name != "rounding" or not record.silent:
        return found
    later = _first_culprit(record.without_silent())
    if later is None:
        return found
    aside = directions.first_few(sorted(record.silent))
    because = f"{later.because}; set aside is {aside}, whose gradient is 0 but for rounding"
    return later._replace(because=because)


def _first_culprit(record: Record) -> Culprit | None:
    parted = [(k, key) for key in record.compared if (k := record.parts(key)) is not None]
    if not parted:
        return None
    first = min(k for k, _ in parted)
    key = next(key for k, key in parted if k == first)  # in the order within an update
    rule = _RULES.get(key)
    if rule is None:
        return Culprit((WORDS.get(key, key),), "nothing that is known by its name parts with it or before it")
    return rule(record, first)


def _other_batches(record: Record, first: int) -> Culprit:
    """The batches are known not to be the same."""
    ours, theirs = record.batches
    if ours[first].partition(ROWS)[0] == theirs[first].partition(ROWS)[0]:
        because = f"at update {first} the batch has PyTorch's numbers, but other labels go with the inputs"
        return Culprit((DATA,), because)
    for by in (1, -1):
        mine, other = ours[max(by, 0) : len(ours) + min(by, 0)], theirs[max(-by, 0) : len(ours) + min(-by, 0)]
        if len(mine) > 1 and mine == other:
            which = "behind" if by > 0 else "ahead of"
            return Culprit((DATA,), f"the batches are one update {which} PyTorch's")
    if Counter(ours) == Counter(theirs):
        return Culprit((DATA,), f"from update {first} on the same batches come in another order")
    seen = len(set(ours) & set(theirs))
    shared = f"{seen:,} of {len(set(theirs)):,} are on both sides" if seen else "none is on both sides"
    return Culprit((DATA,), f"from update {first} on the batches are others; {shared}")


def _other_start(record: Record, first: int) -> Culprit:
    others = [name for name, apart in record.start.items() if apart > record.relative]
    which = ", ".join(others[:3]) + (", …" if len(others) > 3 else "")
    of = f"{len(others)} of {len(record.start)} arrays are" if any(others) else "they are"
    named = f" ({which})" if any(others) else ""
    return Culprit(
        (WEIGHTS_AT_START,),
        f"{of} not the same before the first update{named}, up to {max(record.start.values()):.2g} apart",
    )


def _other_loss(record: Record, first: int) -> Culprit:
    ours, theirs = (np.ravel(side) for side in pair_of(record, LOSS))
    if _is_reordered(ours, theirs, record.relative):
        return Culprit((DATA,), "the losses are PyTorch's in another order")
    batches = BATCH in record.apart
    weights = START in record.apart if first == 0 else WEIGHTS in record.apart
    times = _times(record, ours, theirs, first)
    if first > 0 and not weights:
        # An update before this one may have been another.
        names = (OPTIMIZER, "decay", *((RATE,) if LR not in record.apart else ()))
        names += () if batches else (DATA,)
        wanted = ("weights", *(("lr",) if LR not in record.apart else ()), *(() if batches else ("batch",)))
        return Culprit(names, f"all that was told agrees before the loss of update {first}", wanted)
    same = [*(["the same weights"] if weights else []), *(["the same batch"] if batches else [])]
    lost = record.not_finite.get(LOSS, (None,))[0] == first
    if lost and not (np.isfinite(ours[first]) or np.isfinite(theirs[first])):
        because = f"it is not finite at update {first} in either twin, so that nothing is known to differ"
        return Culprit(("loss",), because)
    because = f"it is {'not finite' if lost else 'another'} at update {first}"
    because += f"{' from ' + ' and '.join(same) if same else ''}{times}"
    names = (
        ("loss",)
        + (() if batches else (DATA,))
        + (() if weights or first else (WEIGHTS_AT_START,))
    )  # fmt: skip
    if not times and not weights:
        names = tuple(reversed(names))  # another beginning is commoner than another loss
    elif not times and not batches:
        names = (DATA, "loss")
    wanted = (*(() if batches else ("batch",)), *(() if weights else ("initial_weights",)))
    return Culprit(names, because, wanted)


def _is_reordered(ours: directions.Floats, theirs: directions.Floats, relative: float) -> bool:
    if len(ours) < 2 or not (np.isfinite(ours).all() and np.isfinite(theirs).all()):
        return False
    within = relative * max(float(np.abs(theirs).max()), 1e-300)
    return bool((np.abs(np.sort(ours) - np.sort(theirs)) <= within).all() and np.ptp(theirs) > 10 * within)


def _times(record: Record, ours: directions.Floats, theirs: directions.Floats, first: int) -> str:
    """A word on a loss or norm that is a round multiple of PyTorch's."""
    if not theirs[first] or not np.isfinite([ours[first], theirs[first]]).all():
        return ""
    ratio = float(ours[first] / theirs[first])
    for number, said in ((ratio, ""), (1 / ratio if ratio else np.inf, "1/")):
        if 2 <= round(abs(number)) <= 1e6 and abs(number - round(number)) <= 1e-3:
            sum_or_mean = ", as a sum is of a mean" if not said else ", as a mean is of a sum"
            return f": {said}{round(number)} times PyTorch's{sum_or_mean}"
    return ": PyTorch's with the other sign" if abs(ratio + 1) < 1e-3 else ""


def _other_gradient(record: Record, first: int) -> Culprit:
    loss = LOSS in record.apart
    because = f"it is another at update {first}"
    others = [name for name, apart in record.gradients.items() if name and apart > record.relative]
    if others:
        because += f" in {len(others)} of {len(record.gradients)} arrays ({directions.first_few(others)})"
    if GRADIENT_NORM in record.values:
        ours, theirs = (np.ravel(side) for side in pair_of(record, GRADIENT_NORM))
        because += f", of norm {ours[first]:.4g} where PyTorch's is {theirs[first]:.4g}"
        for who, mine, other in (("the JAX twin", ours, theirs), ("PyTorch", theirs, ours)):
            clipped = np.flatnonzero(mine < other * (1 - 1e-3))
            if len(clipped) > 1 and np.ptp(mine[clipped]) <= 1e-3 * mine[clipped].max():
                because += f"; {who} clips it to {mine[clipped].mean():.4g}"
                break
        else:
            because += _times(record, ours, theirs, first)
    if loss:
        return Culprit(("gradient",), f"{because}, while the loss is the same")
    before: tuple[str, ...] = (DATA,) if BATCH not in record.apart else ()
    before += (WEIGHTS_AT_START,) if first == 0 and START not in record.apart else ()
    return Culprit(("gradient", "loss", *before), because, ("loss",))


def _other_rate(record: Record, first: int) -> Culprit:
    ours, theirs = pair_of(record, LR)
    rounded, differing = _rounded(ours), _differing(ours, theirs)
    group = int(np.flatnonzero(differing[first])[0])
    told = causes.name(rounded[:, group], theirs[:, group], np.flatnonzero(differing[:, group]), ())
    values = f"{ours[first, group]:.9g} where PyTorch's is {theirs[first, group]:.9g} at update {first}"
    of = f" of group {group}" if ours.shape[1] > 1 else ""
    return Culprit((RATE,), f"{values}{of}: {told}" if not told.startswith(causes.WHERE) else f"{values}{of}")


def _rounded(values: directions.Floats) -> npt.NDArray[np.float32]:
    with np.errstate(over="ignore"):
        return values.astype(np.float32)


def _differing(ours: directions.Floats, theirs: directions.Floats) -> npt.NDArray[np.bool_]:
    """Where settings are not the same float32 numbers, or are none."""
    differ: npt.NDArray[np.bool_] = ~(ulp.rounded_distance(_rounded(ours), theirs) == 0)
    return differ


def _other_setting(name: str, key: str) -> Callable[[Record, int], Culprit]:
    def rule(record: Record, first: int) -> Culprit:
        ours, theirs = pair_of(record, key)
        group = int(np.flatnonzero(_differing(ours, theirs)[first])[0])
        return Culprit(
            (name,),
            f"{ours[first, group]:.9g} where PyTorch's is {theirs[first, group]:.9g} at update {first}",
        )

    return rule


def _other_update(record: Record, first: int) -> Culprit:
    """The weights part, and what made the update is the same as far as it is known."""
    told = set(record.apart)
    unknown = [key for key in (LR, GRADIENT_NORM) if key not in told]
    if GRADIENT in told and GRADIENT_NORM in unknown:
        unknown.remove(GRADIENT_NORM)
    before: tuple[str, ...] = (RATE,) if LR in unknown else ()
    before += ("gradient",) if GRADIENT_NORM in unknown else ()
    lr = None
    if LR in record.values:
        rates = pair_of(record, LR)[1][first]
        lr = float(rates[0]) if (rates == rates[0]).all() else None
    if record.around is None or record.parts(WEIGHTS) != first:
        return Culprit(
            (OPTIMIZER, "decay", MOMENTUM, *before),
            f"update {first} is of another size",
            ("weights", *unknown) if WEIGHTS not in told else tuple(unknown),
        )
    found = directions.direction(record.around, first, lr, record.relative)
    others = [name for name in before if name != found.name]
    if found.may_be_rounding and GRADIENT not in told:
        unknown.append(GRADIENT)
    return Culprit((found.name, *others), found.because, tuple(unknown))


_RULES: Mapping[str, Callable[[Record, int], Culprit]] = {
    BATCH: _other_batches,
    START: _other_start,
    LOSS: _other_loss,
    GRADIENT: _other_gradient,
    GRADIENT_NORM: _other_gradient,
    LR: _other_rate,
    MOMENTUM: _other_setting("momentum", MOMENTUM),
    DECAY: _other_setting("decay", DECAY),
    UPDATE_NORM: _other_update,
    WEIGHTS: _other_update,
}
