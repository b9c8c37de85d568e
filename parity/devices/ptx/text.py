"""The text of PTX, read: functions, their registers, and blocks of instructions."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence


@dataclasses.dataclass(frozen=True)
class Instruction:
    """One statement that is executed."""

    text: str
    opcode: str
    operands: tuple[str, ...]
    guard: str | None = None
    """The register of ``@%p``."""

    unless: bool = False
    """Whether it is ``@!%p``."""

    @property
    def name(self) -> str:
        return self.opcode.split(".")[0]


@dataclasses.dataclass(frozen=True)
class Block:
    """Instructions of which all or none are reached. Only the last one may branch."""

    instructions: tuple[Instruction, ...]
    targets: tuple[int, ...]
    """Where the flow goes on: at a branch's target, behind it. Empty where the function ends."""


@dataclasses.dataclass(frozen=True)
class Function:
    """An ``.entry`` or ``.func``."""

    name: str
    parameters: tuple[str, ...]
    """Of an entry: each a pointer."""

    registers: Mapping[str, int]
    """The size in bits (1: a predicate) of each register, or of those that begin so."""

    arrays: Mapping[str, int]
    """Arrays in local memory, and their size in bytes."""

    blocks: tuple[Block, ...]


@dataclasses.dataclass(frozen=True)
class Module:
    """What one text of PTX has."""

    functions: Mapping[str, Function]
    tables: Mapping[str, bytes]
    """Global arrays that are filled when the program is loaded."""


_FUNCTION = re.compile(r"\.(?:entry|func)\s+(?:\(([^)]*)\)\s*)?([\w$]+)\s*\(([^)]*)\)([^{;]*)([{;])")
_TABLE = re.compile(r"^\.(?:visible \.)?global \.align \d+ \.b8 ([\w$]+)\[(\d+)\] = \{([^}]*)\};", re.M)
_REGISTERS = re.compile(r"\.reg\s+\.(pred|[bfsu]\d+)\s+(.*)$", re.S)
_ARRAY = re.compile(r"\.local\s+\.align\s+\d+\s+\.b8\s+([\w$]+)\[(\d+)\]$")
_STATEMENT = re.compile(r"(?:@(!?)(%?[\w$]+)\s+)?([\w.:]+)\s*(.*)$", re.S)
_LABEL = re.compile(r"([\w$]+):(?!:)\s*")


def read(text: str) -> Module:
    """A text of PTX.

    Raises:
      ValueError: it is none that the compiler writes.
    """
    text = re.sub(r"//[^\n]*", "", text)
    functions = {}
    for match in _FUNCTION.finditer(text):
        if match[5] == "{":
            functions[match[2]] = _function(match[2], match[3], text[match.end() : _end(text, match.end())])
    tables = {}
    for name, size, values in _TABLE.findall(text):
        given = bytes(int(value) for value in values.split(","))
        tables[name] = given + bytes(int(size) - len(given))
    return Module(functions, tables)


def _end(text: str, start: int) -> int:
    """Where the brace closes that was opened just before ``start``."""
    depth = 1
    for match in re.compile(r"[{}]").finditer(text, start):
        depth += 1 if match[0] == "{" else -1
        if depth == 0:
            return match.start()
    raise ValueError("a brace that is never closed")


def _function(name: str, parameters: str, body: str) -> Function:
    registers: dict[str, int] = {}
    arrays: dict[str, int] = {}
    instructions: list[Instruction] = []
    labels: dict[str, int] = {}
    for raw in body.split(";"):
        statement = raw
        while True:  # braces around statements only bound names, which are never used twice
            statement = statement.lstrip("{} \t\n")
            label = _LABEL.match(statement)
            if not label:
                break
            labels[label[1]] = len(instructions)
            statement = statement[label.end() :]
        statement = statement.strip()
        if not statement or statement.startswith((".pragma", ".param")):
            continue
        if match := _REGISTERS.match(statement):
            width = 1 if match[1] == "pred" else int(match[1][1:])
            for register in match[2].split(","):
                registers[register.strip().split("<")[0]] = width
        elif match := _ARRAY.match(statement):
            arrays[match[1]] = int(match[2])
        else:
            instructions.append(_instruction(statement))
    pointers = [part.strip() for part in parameters.split(",") if part.strip()]
    return Function(
        name,
        tuple(re.split(r"\s+", re.sub(r"\[\d+\]$", "", part))[-1] for part in pointers),
        registers,
        arrays,
        _blocks(instructions, labels),
    )


def _instruction(statement: str) -> Instruction:
    match = _STATEMENT.match(statement)
    if not match:
        raise ValueError(f"no instruction: {statement!r}")
    operands = tuple(part.strip() for part in re.split(r",(?![^{(\[]*[})\]])", match[4]) if part.strip())
    # `.param::entry` says whose parameters they are, which the name of each says, too.
    opcode = re.sub(r"\.param::(entry|func)\b", ".param", match[3])
    return Instruction(" ".join(statement.split()), opcode, operands, match[2], match[1] == "!")


def _blocks(instructions: Sequence[Instruction], labels: Mapping[str, int]) -> tuple[Block, ...]:
    ends = {i + 1 for i, each in enumerate(instructions) if each.name in ("bra", "ret", "exit")}
    starts = sorted({0, *labels.values(), *ends} - {len(instructions)})
    number = {start: i for i, start in enumerate(starts)}
    number[len(instructions)] = len(starts)  # an empty block at the end, where a label may stand
    blocks = []
    for start, end in zip(starts, [*starts[1:], len(instructions)], strict=True):
        last, targets = instructions[end - 1], []
        if last.name == "bra":
            if last.operands[0] not in labels:
                raise ValueError(f"no such label: {last.text!r}")
            targets.append(number[labels[last.operands[0]]])
        if last.guard is not None or last.name not in ("bra", "ret", "exit"):
            targets.append(number[end])
        blocks.append(Block(tuple(instructions[start:end]), tuple(targets)))
    return (*blocks, Block((), ()))
