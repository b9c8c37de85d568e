"""Operations that call computations: reductions, loops and branches."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

import numpy as np

from ..program import Array
from .nodes import Node, Value, leaves_of
from .operation import UnreadError
from .text import Instruction


class Computation(Protocol):
    """What is called, as far as these operations look at it."""

    nodes: list[Node]
    parameters: list[Node]

    @property
    def whole(self) -> Callable[[Sequence[Array]], list[Array]]:
        """All of its outputs, from an array for each parameter."""


_Caller: TypeAlias = Callable[
    [Instruction, list[Node], list[Node], Sequence[Computation]], Callable[..., Value]
]

WITH_FUNCTIONS = {
    "reduce": ("to_apply",),
    "while": ("condition", "body"),
    "conditional": ("branch_computations", "true_computation", "false_computation"),
}


def _reduce(
    instruction: Instruction, leaves: list[Node], operands: list[Node], functions: Sequence[Computation]
) -> Callable[..., Value]:
    (function,) = functions
    arrays = len(operands) // 2
    dims, over = operands[0].shape.dims, instruction.numbers("dimensions")
    count = math.prod(dims[d] for d in over)
    inside = [
        n for n in function.nodes if n.same_as is None and not n.elements and n not in function.parameters
    ]
    # Of the order HLO says nothing. It must not matter, and of sums of floats it does.
    any_order = len(inside) == 1 and inside[0].instruction.opcode in ("minimum", "maximum")
    if count > 1 and any(n.shape.is_float for n in function.nodes) and not any_order:
        raise UnreadError("only the device knows the order of what it reduces")
    kept = tuple(n for d, n in enumerate(dims) if d not in over)

    def run(*values: Array) -> Value:
        calls = max(len(value) for value in values)

        def lanes(x: Array) -> Array:
            """One row for each call and kept element, with what is reduced in it."""
            x = np.moveaxis(x, [d + 1 for d in over], range(-len(over), 0)) if over else x
            return np.broadcast_to(x, (calls, *x.shape[1:])).reshape(-1, count)

        rows = [lanes(x) for x in values[:arrays]]
        each = math.prod(kept)
        totals = [np.broadcast_to(x[:, None], (calls, each)).reshape(-1) for x in values[arrays:]]
        for n in range(count):
            totals = function.whole([*totals, *(row[:, n] for row in rows)])
        results = tuple(np.broadcast_to(x, calls * each).reshape((calls, *kept)) for x in totals)
        return results if instruction.shape.is_tuple else results[0]

    return run


def _where_each(condition: Array, xs: Sequence[Array], ys: Sequence[Array]) -> list[Array]:
    """For each call all of the one or all of the other."""
    return [
        np.where(condition.reshape((-1,) + (1,) * (x.ndim - 1)), x, y) for x, y in zip(xs, ys, strict=True)
    ]


def _while(
    instruction: Instruction, leaves: list[Node], operands: list[Node], functions: Sequence[Computation]
) -> Callable[..., Value]:
    condition, body = functions

    def run(*state: Array) -> Value:
        now = list(state)
        goes_on = condition.whole(now)[0]
        while goes_on.any():
            now = _where_each(goes_on, body.whole(now), now)
            goes_on = goes_on & condition.whole(now)[0]
        return tuple(now) if instruction.shape.is_tuple else now[0]

    return run


def _conditional(
    instruction: Instruction, leaves: list[Node], operands: list[Node], functions: Sequence[Computation]
) -> Callable[..., Value]:
    counts = [len(leaves_of(operand)) for operand in operands[1:]]
    is_boolean = operands[0].shape.dtype == "pred"

    def run(which: Array, *given: Array) -> Value:
        # The first branch is the true one; an index that is out of bounds takes the last.
        last = len(functions) - 1
        index = np.where(which, 0, 1) if is_boolean else np.where((which < 0) | (which > last), last, which)
        answers, at = [], 0
        for count, function in zip(counts, functions, strict=True):
            answers.append(function.whole(given[at : at + count]))
            at += count
        chosen = answers[-1]
        for n in range(last):
            chosen = _where_each(index == n, answers[n], chosen)
        return tuple(chosen) if instruction.shape.is_tuple else chosen[0]

    return run


CALLERS: dict[str, _Caller] = {"reduce": _reduce, "while": _while, "conditional": _conditional}
