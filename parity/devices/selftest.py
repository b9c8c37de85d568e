"""Compiled programs with one thing changed, each of which must be found; and one that was wrong by itself."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Callable

from . import recorded, subjects
from .compare import judge
from .compiler import Texts, read
from .findings import Finding
from .subjects import OfCount


@dataclasses.dataclass(frozen=True)
class Change:
    """A program, and what is done to it."""

    name: str
    program: str
    """As it is recorded."""

    change: Callable[[Texts], Texts]

    def find(self) -> Finding:
        """What the comparison makes of it."""
        return _judged(self.program, self.change)


def run() -> list[tuple[Change, Finding]]:
    """Every change, compared."""
    return [(change, change.find()) for change in CHANGES]


def controls() -> dict[str, Finding]:
    """The same programs unchanged, but for the faulty one."""
    return {
        name: _judged(name, lambda texts: texts)
        for name, recipe in recorded.RECIPES.items()
        if not recipe.faulty
    }


def _judged(program: str, change: Callable[[Texts], Texts]) -> Finding:
    known = recorded.load(program)
    changed = read(change(known.texts), known.target)
    return judge(OfCount(known.schedule, [_counts()]), known.target, changed)


@functools.cache
def _counts() -> subjects.Counts:
    # The schedules that are recorded turn at these.
    return subjects.counts([10, 30, 60, 90, 100], 200)


def _replaced(program: str, name: str, old: str, new: str, which: int, text: str) -> Change:
    """A change of one place: of all that match ``old``, which."""

    def change(texts: Texts) -> Texts:
        place = list(re.finditer(old, texts[text], re.MULTILINE))[which]
        before, after = texts[text][: place.start()], texts[text][place.end() :]
        return {**texts, text: before + place.expand(new) + after}

    return Change(name, program, change)


def _tpu(name: str, old: str, new: str, which: int = 0, program: str = "linear.tpu-v5e") -> Change:
    return _replaced(program, f"TPU: {name}", old, new, which, "hlo")


def _gpu(
    name: str, old: str, new: str, which: int = 0, program: str = "cosine.cuda-h100", text: str = "ptx"
) -> Change:
    return _replaced(program, f"GPU: {name}", old, new, which, text)


_SELP = r"(selp\.\w+ \t%\w+, )(\S+), (\S+), (%p\d+);"
_TABLE = "exponential.tpu-v5e"
_LOOKED_UP = "exponential.cuda-h100"
_FORMULA = "exponential_formula.cuda-h100"

CHANGES: tuple[Change, ...] = (
    Change(
        "TPU: an earlier version, with 2**149 in its rounding", "linear_to_zero.tpu-v5e", lambda texts: texts
    ),
    _tpu("a constant, its last bit", r"constant\(0\.025\)", "constant(0.0250000022)"),
    _tpu("a factor, its last bit", r"constant\(0\.00249958038\)", "constant(0.00249958061)"),
    _tpu("the last count of the ramp", r"constant\(30\)", "constant(31)"),
    _tpu("an addition subtracts", r"(f32\S*) add\(", r"\1 subtract(", 1),
    _tpu("a subtraction adds", r"(f32\S*) subtract\(", r"\1 add(", 9),
    _tpu("a multiplication adds", r"(f32\S*) multiply\(", r"\1 add(", 5),
    _tpu("operands of a select swapped", r"select\(([^,]+), ([^,]+), ([^,)]+)\)", r"select(\1, \3, \2)", 2),
    _tpu("a maximum is a minimum", r" maximum\(", " minimum("),
    _tpu("a sign is not changed", r" negate\(", " copy("),
    _tpu("an and is an or", r" and\(", " or(", 4),
    _tpu("a shift by one bit less", r"(s32\S*) constant\(9\)", r"\1 constant(8)", program=_TABLE),
    _tpu("a mask with one bit less", r"constant\(511\)", "constant(255)", program=_TABLE),
    _tpu("one number of a table", r"constant\(\{(\S+), \S+,", r"constant({\1, 1,", program=_TABLE),
    _gpu("a constant, one bit", r"0d3F1A36E2EB1C432D", "0d3F1A36E2FB1C432D"),
    _gpu("an addition subtracts", r"add\.rn\.f64", "sub.rn.f64"),
    _gpu("a maximum is a minimum", r"max\.s32", "min.s32"),
    _gpu("the high half of a product is the low one", r"mul\.hi\.u32", "mul.lo.u32"),
    _gpu("a shift by one bit less", r"(shr\.u32 .*, )6;", r"\g<1>5;"),
    _gpu("operands of a select swapped", _SELP, r"\1\3, \2, \4;", -1),
    _gpu("a comparison lets one more count in", r"setp\.gt\.s32", "setp.ge.s32", program=_LOOKED_UP),
    _gpu(
        "one number of a table",
        r"constant\(\{ *(\S+), \S+,",
        r"constant({\1, 1,",
        program=_LOOKED_UP,
        text="hlo",
    ),
    _gpu("to the nearest whole number becomes down", r"cvt\.rni\.", "cvt.rmi.", program=_FORMULA),
    _gpu("to nearest becomes towards zero", r"cvt\.rn\.f32\.f64", "cvt.rz.f32.f64", program=_FORMULA),
)
