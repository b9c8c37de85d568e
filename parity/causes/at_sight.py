"""What needs no prediction."""

from __future__ import annotations

from collections.abc import Iterator

import ml_dtypes
import numpy as np

from .parting import Parting, counts


def not_finite(p: Parting) -> Iterator[str]:
    bad = np.flatnonzero(~np.isfinite(p.ours))
    if bad.size:
        kinds = (
            "NaN"
            if np.isnan(p.ours[bad]).all()
            else "infinite"
            if np.isinf(p.ours[bad]).all()
            else "NaN or infinite"
        )
        yield f"{kinds} at {counts(bad)}"
    elif not np.isfinite(p.torch).all():
        yield f"PyTorch's own value is not finite at {counts(np.flatnonzero(~np.isfinite(p.torch)))}"


def sign(p: Parting) -> Iterator[str]:
    at = p.differing
    beyond = np.abs(p.torch[at]).min() > p.rounding
    turned = np.allclose(p.ours[at], -p.torch[at], rtol=1e-6, atol=p.rounding if beyond else 0)
    if turned and (p.torch[at] != 0).any():
        yield f"PyTorch's with the sign turned: the sign is wrong at {counts(at)}"
    elif not p.torch[at].any() and np.signbit(p.ours[at]).all() and not p.ours[at].any():
        yield f"-0 instead of 0 at {counts(at)}"


def coarse(p: Parting) -> Iterator[str]:
    for kind, digits in ((np.float16, 11), (ml_dtypes.bfloat16, 8)):
        rounded = p.torch.astype(kind).astype(np.float64)
        if np.abs(p.ours - rounded).max() == 0 and (rounded != p.torch.astype(np.float32)).any():
            yield f"rounded to {np.dtype(kind).name}, which keeps {digits} bits"


def float32(p: Parting) -> Iterator[str]:
    furthest = np.abs(p.ours - p.torch).max()
    if furthest <= p.rounding:
        yield (
            f"rounding: nowhere further off than {furthest / p.peak:.1g} of the highest value, "
            "as when the formula is evaluated in float32"
        )


def constant(p: Parting) -> Iterator[str]:
    if len(p.ours) > 2 and np.ptp(p.ours) <= p.rounding / 1e3 and np.ptp(p.torch) > p.rounding:
        yield f"never moves: {p.ours[0]:.6g} at every count, where PyTorch's changes"
    elif not p.torch.any() and np.ptp(p.ours) <= p.rounding:
        yield f"{p.ours[0]:.6g} at every count, where PyTorch has 0"
