"""Numbers as they stand in files."""

from __future__ import annotations

import math

LAST = 2**31 - 1
"""The largest count; JAX's are int32."""


Row = tuple[str, int | None, str]
"""Where it stands, the count if there is one, and the value as it is written."""


def count_in(where: str, text: str) -> int:
    try:
        count = float(text)
        if count != int(count):
            raise ValueError
    except (ValueError, OverflowError):
        raise ValueError(f"{where}: count must be a whole number, got {text!r:.60}") from None
    if count > LAST:
        raise ValueError(f"{where}: count must be at most {LAST:,}, got {text!r:.60}")
    return int(count)


def is_number(text: str) -> bool:
    try:
        number_in("", text)
    except ValueError:
        return False
    return True


def number_in(where: str, text: str) -> float:
    try:
        found = float.fromhex(text) if "0x" in text.lower() else float(text)
    except (ValueError, OverflowError):
        raise ValueError(f"{where}: must be a number, got {text!r:.60}") from None
    if math.isinf(found) and any(digit in text for digit in "123456789"):
        raise ValueError(f"{where}: must be a number that float64 holds, got {text!r:.60}")
    return found
