"""In which order the blocks of a function are executed, and where its branches come together again."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence


@dataclasses.dataclass(frozen=True)
class Flow:
    """The blocks of a function in an order in which only loops go back."""

    order: tuple[int, ...]
    joins: Mapping[int, int]
    """For a block: the one whose mask it has, as each way from that one leads to it and to it only so."""


@functools.cache
def flow_of(targets: tuple[tuple[int, ...], ...]) -> Flow:
    order: list[int] = []
    seen: set[int] = set()

    def visit(block: int) -> None:
        seen.add(block)
        for target in reversed(targets[block]):
            if target not in seen:
                visit(target)
        order.append(block)

    visit(0)
    order.reverse()
    place = {block: i for i, block in enumerate(order)}
    behind = {block: _reached(targets[block], targets) for block in order}
    loops = {block: {other for other in behind[block] if block in behind[other]} for block in order}
    joins = {}
    for block in order[1:]:
        dominators = [d for d in order if d != block and block not in _reached([0], targets, without=d)]
        nearest = max(dominators, key=place.__getitem__)
        around = _reached([nearest], targets, without=block)
        # In another loop the two are not reached equally often.
        if all(targets[other] for other in around) and loops[block] == loops[nearest]:
            joins[block] = nearest
    return Flow(tuple(order), joins)


def _reached(starts: Sequence[int], targets: Sequence[Sequence[int]], without: int | None = None) -> set[int]:
    """These blocks and all that some way leads to from there that does not touch one of them."""
    found = {start for start in starts if start != without}
    todo = list(found)
    while todo:
        for target in targets[todo.pop()]:
            if target not in found and target != without:
                found.add(target)
                todo.append(target)
    return found
