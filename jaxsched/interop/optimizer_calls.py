"""An optimizer as calls, from which both it and its source are made: the two cannot differ."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeAlias

import optax

from .. import optimizers

Node: TypeAlias = object
"""A `Call`, a `Function`, a `Name`, or a value that is written as its ``repr``."""

_WIDTH = 100


@dataclasses.dataclass(frozen=True)
class Name:
    """What a function is given: a hyperparameter that changes."""

    name: str


class Call:
    """A function of ``optax`` or `jaxsched.optimizers` and its arguments."""

    def __init__(self, function: str, *arguments: Node, **named: Node) -> None:
        self.function, self.arguments, self.named = function, arguments, named


@dataclasses.dataclass(frozen=True)
class Function:
    """A function of these names."""

    names: tuple[str, ...]
    body: Node


def built(node: Node, given: Mapping[str, object] | None = None) -> Any:
    """What the calls make."""
    given = given or {}
    if isinstance(node, Call):
        home, _, name = node.function.rpartition(".")
        function = getattr(optax if home else optimizers, name)
        named = {key: built(value, given) for key, value in node.named.items()}
        return function(*(built(x, given) for x in node.arguments), **named)
    if isinstance(node, Function):
        body = node.body
        return lambda **values: built(body, values)
    if isinstance(node, Name):
        return given[node.name]
    return node


def written(node: Node, indent: int = 0, taken: int = 0) -> str:
    """The source of the calls, on a line with ``indent`` spaces and then ``taken`` characters."""
    if isinstance(node, Name):
        return node.name
    if isinstance(node, Function):
        head = f"lambda {', '.join(node.names)}: "
        return head + written(node.body, indent, taken + len(head))
    if isinstance(node, Call):
        return _fitting(f"{node.function}(", _arguments(node), ")", indent, taken)
    if isinstance(node, dict):
        entries = [(f"{key!r}: ", value) for key, value in node.items()]
        return _fitting("{", entries, "}", indent, taken)
    return repr(node)


def functions(node: Node) -> set[str]:
    """The names of all functions called."""
    inner: list[Node] = []
    found = set()
    if isinstance(node, Call):
        found, inner = {node.function}, [value for _, value in _arguments(node)]
    elif isinstance(node, Function):
        inner = [node.body]
    elif isinstance(node, dict):
        inner = list(node.values())
    return found.union(*map(functions, inner))


def values(node: Node) -> list[object]:
    """All that is written as its ``repr``."""
    if isinstance(node, Call):
        return [x for _, value in _arguments(node) for x in values(value)]
    if isinstance(node, Function):
        return values(node.body)
    if isinstance(node, dict):
        return [x for value in node.values() for x in values(value)]
    return [] if isinstance(node, Name) else [node]


def _arguments(call: Call) -> list[tuple[str, Node]]:
    return [("", x) for x in call.arguments] + [(f"{key}=", x) for key, x in call.named.items()]


def _fitting(head: str, parts: list[tuple[str, Node]], tail: str, indent: int, taken: int) -> str:
    """On one line where it fits, else with a line for each part."""
    line = head + ", ".join(before + written(part) for before, part in parts) + tail
    if "\n" not in line and indent + taken + len(line) < _WIDTH:
        return line
    inner = indent + 4
    lines = [f"{' ' * inner}{before}{written(part, inner, len(before))},\n" for before, part in parts]
    return f"{head}\n{''.join(lines)}{' ' * indent}{tail}"
