"""What may stand in a text on the page besides code and what matters."""

from __future__ import annotations

import dataclasses
import re
import urllib.parse
from collections.abc import Iterable
from typing import ClassVar

from ...comparison import Row, bits
from ...results import CaseResult
from ..document import Span, StrongNumber, Table, Text, spans
from ..facts import worst_first


@dataclasses.dataclass(frozen=True)
class Link:
    """To the page itself, showing only the cases that are wanted."""

    kind: ClassVar[str] = "link"
    text: str
    address: str


@dataclasses.dataclass(frozen=True)
class Value:
    """A number with its bits as float32."""

    kind: ClassVar[str] = "value"
    text: str
    bits: str


@dataclasses.dataclass(frozen=True)
class Small:
    """What matters less than what it stands beside."""

    kind: ClassVar[str] = "small"
    text: str


@dataclasses.dataclass(frozen=True)
class Failed:
    """For what the run does not pass."""

    kind: ClassVar[str] = "failed"
    text: str


@dataclasses.dataclass(frozen=True)
class FailedNumber(StrongNumber):
    """How many of these there are."""

    kind: ClassVar[str] = "failed number"


@dataclasses.dataclass(frozen=True)
class Square:
    """A case, as small as can be."""

    look: str
    """How it came out: ``same``, ``rounded`` or ``wrong``."""

    name: str
    address: str


@dataclasses.dataclass(frozen=True)
class Squares:
    """One for each case, for the mouse; whoever uses the keyboard has the list."""

    kind: ClassVar[str] = "squares"
    squares: tuple[Square, ...]
    text: str = ""


def address(**wanted: str) -> str:
    """Of the page, with only the cases that are wanted."""
    return "#" + urllib.parse.urlencode(wanted, quote_via=urllib.parse.quote)


def link(text: str, **wanted: str) -> Link:
    return Link(text, address(**wanted))


def squares(results: Iterable[CaseResult]) -> Squares:
    return Squares(tuple(map(_square, worst_first(results))))


def _square(result: CaseResult) -> Square:
    found = result.comparison
    right = "same" if found.identical == found.steps else "rounded"
    return Square(right if result.passed else "wrong", result.case.name, address(q=result.case.name))


def values(row: Row) -> tuple[Span, ...]:
    """Ours, PyTorch's and the exact value at one count, a cell for each."""
    return tuple(map(_value, (row.ours, row.torch, row.exact)))


def _value(value: float | None) -> Span:
    if value is None:
        return "–"
    number, word = bits(value).split()
    return Value(number, word.strip("()"))


_NUMBER = re.compile(r"[-−]?[\d,.]+(e[-+]\d+)?|inf|nan|∞|–")


def numbers(shown: Table) -> list[bool]:
    """Of each column whether it has only numbers, which stand on the right."""
    if not shown.rows:
        return [False] * len(shown.columns)
    return [all(map(_is_number, column)) for column in zip(*shown.rows, strict=True)]


def _is_number(cell: Text) -> bool:
    pieces = spans(cell)
    if len(pieces) != 1 or not isinstance(pieces[0], str | StrongNumber):
        return False
    text = pieces[0] if isinstance(pieces[0], str) else pieces[0].text
    return _NUMBER.fullmatch(text) is not None
