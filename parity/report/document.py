"""What a report is made of: sections of tables, whose text knows what is code and what matters.

No form of report reads another's. Markdown and the page both lay these out.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence
from typing import ClassVar, Protocol, TypeAlias


class Marked(Protocol):
    """A piece of text that is more than plain. Forms may have kinds of their own."""

    kind: ClassVar[str]

    @property
    def text(self) -> str: ...


@dataclasses.dataclass(frozen=True)
class Code:
    """What is to be copied as it is, such as the name of a case."""

    kind: ClassVar[str] = "code"
    text: str


@dataclasses.dataclass(frozen=True)
class Strong:
    """What matters most where it stands."""

    kind: ClassVar[str] = "strong"
    text: str


class StrongNumber(Strong):
    """One among the numbers of a column."""


Span: TypeAlias = str | Marked
Text: TypeAlias = Span | Sequence[Span]


@dataclasses.dataclass(frozen=True)
class Table:
    """Columns by rows; it may have no rows."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Text, ...], ...]
    caption: str = ""


@dataclasses.dataclass(frozen=True)
class Section:
    """A table, with what stands above and below it."""

    title: str
    lead: Text
    table: Table
    below: Text = ""


def table(columns: Iterable[str], rows: Iterable[Iterable[Text]], caption: str = "") -> Table:
    """A table of anything that can be gone through."""
    return Table(tuple(columns), tuple(map(tuple, rows)), caption)


def spans(text: Text) -> Sequence[Span]:
    """The pieces of a text."""
    return (text,) if isinstance(text, str) or not isinstance(text, Sequence) else text


def joined(texts: Iterable[Text], between: str) -> tuple[Span, ...]:
    """Texts with the same words between each two."""
    found: list[Span] = []
    for text in texts:
        found += [between] if found else []
        found += spans(text)
    return tuple(found)


def marked(prose: str) -> tuple[Span, ...]:
    """Prose of ours, in which backticks mark code and two stars what matters.

    Only for what is written in these sources: a name that somebody chose is a `Code`, whatever is in it.

    >>> marked("`a` is **not** b")
    (Code(text='a'), ' is ', Strong(text='not'), ' b')
    """
    pieces = re.split(r"(`[^`]*`|\*\*[^*]*\*\*)", prose)  # what is marked stands at the odd places
    found = (_mark(piece) if i % 2 else piece for i, piece in enumerate(pieces))
    return tuple(span for span in found if span)


def _mark(piece: str) -> Span:
    return Code(piece[1:-1]) if piece.startswith("`") else Strong(piece[2:-2])
