"""A program for an NVIDIA GPU, from the texts that its compilation leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ..program import Array, Program, UnknownOperation
from .entry import Entry, placed, shortened
from .graph import Graph, Plan, Value
from .launches import trace_program
from .memory import Memory

_CHUNK = 32768
"""So many calls at once: more no longer fit into a cache, of fewer NumPy spends its time between them."""


def gather(folder: Path, hlo: str) -> dict[str, str]:
    """The texts of a program; what `PtxProgram` takes.

    Args:
      folder: what ``xla_dump_to`` named for this compilation and for no other.
      hlo: the text of the compiled program, with all of its constants.

    Raises:
      ValueError: the folder has not what one compilation for an NVIDIA GPU leaves.
    """

    def one(pattern: str) -> str:
        found = sorted(folder.glob(pattern))
        if len(found) != 1:
            raise ValueError(f"{len(found)} files {pattern} in {folder}")
        return found[0].read_text()

    return {
        "hlo": shortened(hlo),
        "buffers": one("*gpu_after_optimizations-buffer-assignment.txt"),
        "thunks": one("*thunk_sequence.txt"),
        "ptx": "\n".join(path.read_text() for path in sorted(folder.glob("*.ptx"))),
    }


class PtxProgram(Program):
    """A program for an NVIDIA GPU.

    Which of the NaNs a result is, is not told by the ISA; here it is NumPy's.
    """

    def __init__(self, texts: Mapping[str, str]) -> None:
        """
        Args:
          texts: what `gather` answers.

        Raises:
          ValueError: they are not what the compiler is known to write.
        """
        self._graph = Graph()
        entry = Entry(texts["hlo"], texts["buffers"])
        trace_program(self._graph, entry, texts["ptx"], texts["thunks"])
        self._parameters = entry.parameter_nodes
        self._outputs = entry.outputs
        self._plans: dict[tuple[int, ...], Plan] = {}

    def replay(self, arguments: Sequence[Array], outputs: Sequence[int] | None = None) -> list[Array]:
        """As `Program.replay`.

        Args:
          arguments: an array of shape ``(n, *shape)`` for each parameter.
          outputs: which outputs to compute; all of them if not given.
        """
        wanted = tuple(range(len(self._outputs)) if outputs is None else outputs)
        if len(arguments) != len(self._parameters):
            raise ValueError(f"{len(arguments)} arguments for {len(self._parameters)} parameters")
        n = len(arguments[0]) if arguments else 1
        for argument, parameter in zip(arguments, self._parameters, strict=True):
            parameter.shape.check(argument, n)
        if wanted not in self._plans:
            self._plans[wanted] = self._graph.plan([self._outputs[i].node for i in wanted])
        plan = self._plans[wanted]
        shapes = [self._outputs[i].shape for i in wanted]
        results = [np.empty((n, *shape.lengths), shape.dtype) for shape in shapes]
        for start in range(0, n, _CHUNK):
            rows = slice(start, start + _CHUNK)
            given: dict[int, Value] = {
                parameter.node: placed(parameter, argument[rows])
                for argument, parameter in zip(arguments, self._parameters, strict=True)
            }
            for result, i, value in zip(results, wanted, plan.run(given), strict=True):
                assert isinstance(value, Memory)
                output = self._outputs[i]
                result[rows] = value.values(output.offset, output.shape.dtype, output.shape.lengths)
        return results

    def instructions(self, *outputs: int) -> int:
        """How many instructions of PTX these outputs depend on; those of a function at each call."""
        cone = self._graph.cone([self._outputs[output].node for output in outputs])
        numbers = {self._graph.nodes[i].instruction for i in cone}
        return len(numbers - {None})

    def unknown(self, output: int) -> list[UnknownOperation]:
        """As `Program.unknown`. One that only some threads come to may stop no `replay`."""
        cone = self._graph.cone([self._outputs[output].node])
        found = {str(error): error for i in cone if (error := self._graph.nodes[i].unknown)}
        return list(found.values())
