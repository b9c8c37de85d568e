"""Exact values in fifty digits, distances to them, and random arguments: for tests of accuracy."""

import mpmath
import numpy as np

mp = mpmath.mp.clone()
mp.dps = 50
exactly = mp.mpf

LARGEST = 2**31 - 1


def rate(draw):
    return draw.choice([0.1, 1e-3, 1.0, draw.random(), 10 ** draw.uniform(-12, 6)])


def length(draw):
    return int(10 ** draw.uniform(0, 9.3))


def counts_up_to(far, draw):
    """The ends and their neighbours, and counts of every size from both ends."""
    far = max(1, min(far, LARGEST - 1))
    near = [int(far * 10 ** -draw.uniform(0, 9)) for _ in range(3)]
    anywhere = [draw.randint(0, far) for _ in range(6)]
    return [0, 1, far - 1, far, far + 1, far // 2, *anywhere, *near, *[far - n for n in near], LARGEST]


def float64_ulps(got, want):
    if want < 1e-290:  # it may be flushed to 0
        return 0 if 0 <= got < 1e-290 else mp.inf
    if want > 1e290:  # growth ends at a huge number
        return 0 if got > 1e280 else mp.inf
    return abs(exactly(got) - want) / exactly(float(np.spacing(abs(float(want)))))


def float32_ulps(got, want):
    if want > 3e38:
        return 0 if got > 2.9e38 else mp.inf
    return abs(exactly(got) - want) / exactly(float(np.spacing(np.float32(abs(want)))))


def excess(values, counts, exact, ulps, allowed):
    """Where the error is more than what is allowed, and how much."""
    found = [(k, value, ulps(value, exact(k))) for k, value in zip(counts, values.tolist(), strict=True)]
    return [(k, value, float(exact(k)), float(error)) for k, value, error in found if not error <= allowed]
