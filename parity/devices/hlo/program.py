"""A program for a TPU, from its text."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..program import Array, Program, UnknownOperation
from .graph import Graph, Plan
from .nodes import cone_of
from .text import DTYPES, LiteralError, literal, parse

if TYPE_CHECKING:
    import jax

_CALLS = 16384
"""So many at a time: their values stay in the processor's cache."""

_CALLS_OF_WIDE = 2**20
"""The same, times the elements of the widest value, where that is an array."""


def full_text(compiled: jax.stages.Compiled) -> str:
    """The text of a compiled program for `HloProgram`.

    As ``compiled.as_text()``, but arrays of more than ten constants with their values, which that leaves
    out, and without the notes of XLA's backend, which are most of it.
    """
    options = None
    for module in ("jaxlib._hlo", "jaxlib._jax", "jaxlib.xla_extension"):  # by the version of jaxlib
        try:
            options = importlib.import_module(module).HloPrintOptions()
            break
        except (ImportError, AttributeError):
            continue
    if options is None:
        raise RuntimeError("This version of jaxlib cannot print a program with all of its constants.")
    options.print_large_constants = True
    options.print_backend_config = False
    executable: Any = compiled.runtime_executable()
    (module,) = executable.hlo_modules()
    text: str = module.to_string(options)
    return text


class HloProgram(Program):
    """A program compiled for a TPU, made from its text.

    Args:
      text: what `full_text` gives. ``compiled.as_text()`` will do for a program without large tables:
        those it leaves out, and then what looks something up in one is unknown.

    Raises:
      ValueError: it is no such text.
    """

    def __init__(self, text: str) -> None:
        self._module = parse(text)
        self._graph = Graph(self._module, self._module.entry)
        self._plans: dict[tuple[int, ...], Plan] = {}

    @property
    def outputs(self) -> int:
        """How many outputs it has."""
        return len(self._graph.outputs)

    def replay(self, arguments: Sequence[Array], outputs: Sequence[int] | None = None) -> list[Array]:
        """What the device answers, for n calls at once.

        Args:
          arguments: one array for each parameter of the program, in its order: of shape ``(n, *shape)``,
            where a call is given ``shape``, and of the parameter's type. A program without parameters is
            given any arrays, that say n, or none for one call.
          outputs: the numbers of those that are wanted, all if None; nothing else is executed.

        Returns:
          One array of shape ``(n, *shape)`` for each of them, with the bits that the device answers.

        Raises:
          UnknownOperation: they depend on an operation that cannot be executed here, or on one that HLO
            does not define for what it is given in one of the calls.
          ValueError: the arguments are of other shapes or types than the parameters.
        """
        wanted = tuple(range(self.outputs)) if outputs is None else tuple(outputs)
        nodes = [self._graph.outputs[n] for n in wanted]
        for node in cone_of(nodes):
            if node.unknown:
                raise node.unknown[0]
        calls = self._check(arguments)
        plan = self._plans.get(wanted)
        if plan is None:
            plan = self._plans[wanted] = self._graph.plan(nodes)
        results = [np.empty((calls, *node.shape.dims), DTYPES[node.shape.dtype]) for node in nodes]
        step = min(_CALLS, max(1, _CALLS_OF_WIDE // max(1, plan.widest)))
        with np.errstate(all="ignore"):
            for start in range(0, calls, step):
                part = slice(start, start + step)
                for result, value in zip(results, plan([x[part] for x in arguments]), strict=True):
                    result[part] = value
        return results

    def _check(self, arguments: Sequence[Array]) -> int:
        """Checks arguments; how many calls they are for."""
        parameters = self._graph.parameters
        expected = [f"{p.shape.dtype}{list(p.shape.dims)}" for p in parameters]
        if parameters:
            fits = len(arguments) == len(parameters) and all(
                x.shape[1:] == p.shape.dims and x.dtype == DTYPES.get(p.shape.dtype)
                for x, p in zip(arguments, parameters, strict=True)
            )
            if not fits:
                given = [f"{x.dtype}{list(x.shape)}" for x in arguments]
                raise ValueError(f"The program takes, for each call, {expected}; it was given {given}.")
        lengths = {len(x) for x in arguments} or {1}
        if len(lengths) > 1:
            raise ValueError(f"All arguments must be for the same number of calls, not {sorted(lengths)}.")
        return lengths.pop()

    def instructions(self, *outputs: int) -> int:
        """How many instructions these outputs depend on, as printed lines, those of called computations too.

        Parameters and constants are among them; the tuple that gathers the outputs is not.
        """
        nodes = [self._graph.outputs[output] for output in outputs]
        return len({line for node in cone_of(nodes) for line in node.lines})

    def unknown(self, output: int) -> list[UnknownOperation]:
        """The operations that an output depends on and that cannot be executed here; each once."""
        found: dict[tuple[str, str, str | None], UnknownOperation] = {}
        for node in cone_of([self._graph.outputs[output]]):
            for error in node.unknown:
                found.setdefault((error.operation, error.why, error.source), error)
        return list(found.values())

    def constants(self) -> Iterator[tuple[str, Array, str | None]]:
        """Name, value and ``file:line`` of each constant of the program.

        Raises:
          UnknownOperation: the text leaves a value out.
        """
        for instructions in self._module.computations.values():
            for instruction in instructions:
                if instruction.opcode == "constant":
                    source = self._module.source(instruction)
                    try:
                        yield instruction.name, literal(instruction), source
                    except LiteralError as e:
                        raise UnknownOperation("constant", str(e), source) from None
