"""The reader of NVIDIA programs: each instruction against its definition, whole programs against the host.

The definitions are written here once more, for Python's numbers. The recorded programs are what XLA
(jax 0.10.2) compiled for an H100; with each come arguments and what the schedule makes of them on the host.
"""

from __future__ import annotations

import gzip
import itertools
import json
import math
import operator
import pathlib
import struct
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from parity.devices.program import UnknownOperation
from parity.devices.ptx import PtxProgram, gather, kernel

DATA = pathlib.Path(__file__).parent / "data"

# A program of one kernel ------------------------------------------------------------------


def one_kernel(
    body: str,
    inputs: Sequence[str] = ("s32[]",),
    output: str = "s32[]",
    threads: int = 1,
    grid: int = 1,
    functions: str = "",
    operation: str = "",
) -> PtxProgram:
    """As `texts_of_one_kernel`."""
    return PtxProgram(texts_of_one_kernel(body, inputs, output, threads, grid, functions, operation))


def texts_of_one_kernel(
    body: str,
    inputs: Sequence[str] = ("s32[]",),
    output: str = "s32[]",
    threads: int = 1,
    grid: int = 1,
    functions: str = "",
    operation: str = "",
) -> dict[str, str]:
    """A kernel whose parameters are in ``%rd1``, ``%rd2``, …, that of its output the last one."""
    shapes = [*inputs, output]
    names = [f"p{i}" for i in range(len(inputs))]
    loads = "".join(
        f"ld.param.b64 %rd{i}, [kernel_param_{i - 1}]; cvta.to.global.u64 %rd{i}, %rd{i};\n"
        for i in range(1, len(shapes) + 1)
    )
    parameters = ", ".join(f".param .u64 .ptr .align 16 kernel_param_{i}" for i in range(len(shapes)))
    ptx = f"""
.version 8.8
.target sm_90a
.address_size 64
{functions}
.visible .entry kernel({parameters})
.reqntid {threads}, 1, 1
{{
    .reg .pred %p<9>; .reg .b16 %rs<9>; .reg .b32 %r<99>; .reg .b64 %rd<99>;
    {loads}
    {body}
}}
"""
    hlo = f"""HloModule test, is_scheduled=true

FileNames
1 "/src/schedule.py"
2 "/src/jaxsched/_numerics/powers.py"

FileLocations
1 {{file_name_id=1 function_name_id=1 line=12 end_line=12 column=1 end_column=2}}
2 {{file_name_id=2 function_name_id=1 line=99 end_line=99 column=1 end_column=2}}

StackFrames
1 {{file_location_id=1 parent_frame_id=1}}
2 {{file_location_id=2 parent_frame_id=1}}

%fused (p: s32[]) -> s32[] {{
  {operation}
}}

ENTRY %main () -> {output} {{
"""
    for i, (name, shape) in enumerate(zip(names, inputs, strict=True)):
        hlo += f"  %{name} = {shape} parameter({i})\n"
    hlo += f"  ROOT %kernel = {output} fusion({', '.join('%' + n for n in names)}), calls=%fused\n}}\n"
    buffers = "BufferAssignment:\n"
    for i, (name, shape) in enumerate(zip([*names, "kernel"], shapes, strict=True)):
        what = f"parameter {i}, shape |{shape}|" if name != "kernel" else "maybe-live-out"
        buffers += f"allocation {i}: size {_size(shape)}, {what}:\n"
        buffers += f" value: <{i} {name} @0> (size={_size(shape)},offset=0): {shape}\n"
    thunks = (
        f"001: kCustomKernel [source | sink] kernel grid: [{grid}, 1, 1] threads: [{threads}, 1, 1]  "
        "shared_memory: 0 bytes\n"
    )
    return {"hlo": hlo, "buffers": buffers, "thunks": thunks, "ptx": ptx}


def _size(shape: str) -> int:
    type_, _, lengths = shape.rstrip("]").partition("[")
    count = math.prod(int(length) for length in lengths.split(",") if length)
    return count * int(type_[1:]) // 8


def run(opcode: str, types: Sequence[str], result: str, bits: Sequence[Sequence[int]]) -> list[int]:
    """An instruction's answers, as bits, for many calls; a call's operands are a row.

    Args:
      types: of the operands: ``f32``, ``u16``, ``pred``, …
    """
    widths = [32 if type_ == "pred" else int(type_[1:]) for type_ in types]
    body, operands = "", []
    for i, (type_, width) in enumerate(zip(types, widths, strict=True), 1):
        register = f"%{_LETTERS[width]}{20 + i if width == 64 else i}"
        body += f"ld.global.b{width} {register}, [%rd{i}];\n"
        if type_ == "pred":
            body += f"setp.ne.b32 %p{i}, {register}, 0;\n"
            register = f"%p{i}"
        operands.append(register)
    if result == "pred":
        body += f"{opcode} %p8, {', '.join(operands)};\nselp.b32 %r8, 1, 0, %p8;\n"
        stored, width = "%r8", 32
    else:
        width = int(result[1:])
        stored = f"%{_LETTERS[width]}{30 if width == 64 else 8}"
        body += f"{opcode} {stored}, {', '.join(operands)};\n"
    body += f"st.global.b{width} [%rd{len(types) + 1}], {stored};\nret;"
    program = one_kernel(body, [f"u{width}[]" for width in widths], f"u{width}[]")
    columns = [
        np.array([row[i] for row in bits], object).astype(f"u{width // 8}") for i, width in enumerate(widths)
    ]
    (answers,) = program.replay(columns)
    return [int(answer) for answer in answers]


_LETTERS = {16: "rs", 32: "r", 64: "rd"}

# Numbers and their bits -------------------------------------------------------------------

FORMATS = {"f32": ("<I", "<f"), "f64": ("<Q", "<d")}
PRECISION = {"f32": (24, -149, 128), "f64": (53, -1074, 1024)}


def value(bits: int, type_: str) -> Any:
    """The number that a type sees in bits."""
    if type_ in FORMATS:
        as_bits, as_float = FORMATS[type_]
        return struct.unpack(as_float, struct.pack(as_bits, bits))[0]
    if type_ == "pred":
        return bool(bits)
    width = int(type_[1:])
    bits %= 2**width
    return bits - 2**width if type_[0] == "s" and bits >= 2 ** (width - 1) else bits


def bits_of(number: Any, type_: str) -> int:
    if type_ in FORMATS:
        as_bits, as_float = FORMATS[type_]
        found: int = struct.unpack(as_bits, struct.pack(as_float, number))[0]
        return found
    whole = int(number)
    return whole if type_ == "pred" else whole % (1 << int(type_[1:]))


def nearest(exact: Fraction, type_: str, negative_zero: bool = False) -> float:
    """The float next to an exact number, the even one of two; ``-0.0`` for 0 if that is asked for."""
    precision, smallest, largest = PRECISION[type_]
    if exact == 0:
        return -0.0 if negative_zero else 0.0
    size = abs(exact)
    exponent = size.numerator.bit_length() - size.denominator.bit_length()
    exponent -= size < Fraction(2) ** exponent
    unit = Fraction(2) ** max(exponent - precision + 1, smallest)
    whole, rest = divmod(size, unit)
    whole += rest > unit / 2 or (rest == unit / 2 and whole % 2)
    rounded = whole * unit
    answer = math.inf if rounded >= 2**largest else float(rounded)
    return -answer if exact < 0 else answer


def of_fractions(compute: Callable[..., Fraction], type_: str, by_floats: Callable[..., float]) -> Any:
    """An operation of floats: exactly, and once rounded; infinities and NaN by Python's own floats."""

    def call(*xs: float) -> float:
        if not all(map(math.isfinite, xs)):
            return by_floats(*xs)
        exact = compute(*map(Fraction, xs))
        return (
            nearest(exact, type_, math.copysign(1, by_floats(*xs)) < 0)
            if exact == 0
            else nearest(exact, type_)
        )

    return call


def product_sum(type_: str) -> Callable[[float, float, float], float]:
    """fma"""

    def call(a: float, b: float, c: float) -> float:
        if not all(map(math.isfinite, (a, b, c))):
            return a * b + c if not (math.isfinite(a) and math.isfinite(b)) else c
        exact = Fraction(a) * Fraction(b) + Fraction(c)
        product_negative = math.copysign(1, a) * math.copysign(1, b) < 0
        return nearest(exact, type_, product_negative and math.copysign(1, c) < 0)

    return call


def root(type_: str) -> Callable[[float], float]:
    """sqrt"""

    def call(x: float) -> float:
        if x < 0 or not math.isfinite(x):
            return math.inf if x == math.inf else math.nan
        if x == 0:
            return x
        scaled = Fraction(x) * 4**1400  # a whole number
        floor = math.isqrt(int(scaled))
        # What is not exact lies strictly between two whole numbers; in the middle it rounds as well.
        exact = Fraction(floor) if floor**2 == scaled else floor + Fraction(1, 2)
        return nearest(exact / 2**1400, type_)

    return call


def flushed(x: float) -> float:
    return math.copysign(0.0, x) if abs(x) < 2.0**-126 else x


def divided(type_: str) -> Any:
    def by_floats(x: float, y: float) -> float:
        if y == 0:
            sign = math.copysign(1, x) * math.copysign(1, y)
            return math.nan if x == 0 or math.isnan(x) else math.copysign(math.inf, sign)
        return x / y

    def call(x: float, y: float) -> float:
        if y == 0:
            return by_floats(x, y)
        found: float = of_fractions(operator.truediv, type_, by_floats)(x, y)
        return found

    return call


def extreme(largest: bool) -> Callable[[float, float], float]:
    """min, max"""

    def call(x: float, y: float) -> float:
        if math.isnan(x) or math.isnan(y):
            return y if math.isnan(x) else x
        return (max if largest else min)(x, y, key=lambda z: (z, math.copysign(1, z)))

    return call


SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.1, 1.5, 2.5, -2.5, 3.0, 1e10, -123456.789, math.inf, -math.inf, math.nan]
EDGES: dict[str, list[int]] = {
    "f32": [bits_of(x, "f32") for x in (*SPECIAL, 2.0**31, 2.0**32, -(2.0**31), 2.0**63, 2.0**64, 0.5, -0.5)]
    + [1, 0x80000001, 0x007FFFFF, 0x00800000, 0x7F7FFFFF, 0xFF7FFFFF, 0x3F7FFFFF, 0x3F800001, 0x4B000001],
    "f64": [
        bits_of(x, "f64")
        for x in (*SPECIAL, 2.0**31, 2.0**31 - 0.5, -(2.0**31) - 0.5, 2.0**63, 2.0**64, -(2.0**63), 0.5, -0.5)
    ]
    + [bits_of(x, "f64") for x in (2.0**-149, 2.0**-150, 3 * 2.0**-150, 1 + 2.0**-24, 2.0**128 - 2.0**103)]
    + [1, 2**63 + 1, 2**52 - 1, 2**52, 0x7FEFFFFFFFFFFFFF, 0x3FEFFFFFFFFFFFFF, 0x3FF0000000000001],
    "pred": [0, 1],
}
for _width in (16, 32, 64):
    _whole = [0, 1, 2, 3, 7, 100, 2**_width - 1, 2**_width - 2, 2 ** (_width - 1), 2 ** (_width - 1) - 1]
    _whole += [0x9E3779B97F4A7C15 % 2**_width, 0xC2B2AE3D27D4EB4F % 2**_width]
    for _letter in "sub":
        EDGES[f"{_letter}{_width}"] = _whole
SHIFTS = [0, 1, 5, 15, 16, 17, 31, 32, 33, 63, 64, 65, 255, 2**32 - 1]


def same(found: int, expected: int, type_: str) -> bool:
    if type_ in FORMATS and math.isnan(value(expected, type_)):
        return math.isnan(value(found, type_))
    return found == expected


def check(
    opcode: str, types: Sequence[str], result: str, define: Callable[..., Any], rows: Iterable[Sequence[int]]
) -> None:
    chosen = list(rows)
    found = run(opcode, types, result, chosen)
    for row, answer in zip(chosen, found, strict=True):
        numbers = [value(bits, type_) for bits, type_ in zip(row, types, strict=True)]
        expected = bits_of(define(*numbers), result)
        assert same(answer, expected, result), (opcode, numbers, hex(answer), hex(expected))


# Each instruction -------------------------------------------------------------------------

Definition = tuple[str, tuple[str, ...], str, Callable[..., Any]]


def _floating() -> Iterable[Definition]:
    for f in ("f32", "f64"):
        yield f"add.rn.{f}", (f, f), f, of_fractions(operator.add, f, operator.add)
        yield f"sub.rn.{f}", (f, f), f, of_fractions(operator.sub, f, operator.sub)
        yield f"mul.rn.{f}", (f, f), f, of_fractions(operator.mul, f, operator.mul)
        yield f"add.{f}", (f, f), f, of_fractions(operator.add, f, operator.add)
        yield f"div.rn.{f}", (f, f), f, divided(f)
        yield f"rcp.rn.{f}", (f,), f, lambda x, f=f: divided(f)(1.0, x)
        yield f"sqrt.rn.{f}", (f,), f, root(f)
        yield f"neg.{f}", (f,), f, operator.neg
        yield f"abs.{f}", (f,), f, abs
        yield f"copysign.{f}", (f, f), f, lambda x, y: math.copysign(y, x)
        yield f"min.{f}", (f, f), f, extreme(largest=False)
        yield f"max.{f}", (f, f), f, extreme(largest=True)
        yield (
            f"min.NaN.{f}", (f, f), f,
            lambda x, y: math.nan if math.isnan(x) or math.isnan(y) else extreme(largest=False)(x, y),
        )  # fmt: skip
        yield f"selp.{f}", (f, f, "pred"), f, lambda x, y, p: x if p else y
        yield f"testp.finite.{f}", (f,), "pred", math.isfinite
        yield f"testp.notanumber.{f}", (f,), "pred", math.isnan
        for name, compare in COMPARISONS.items():

            def ordered(x: float, y: float, compare: Callable[..., bool] = compare) -> bool:
                return not math.isnan(x) and not math.isnan(y) and compare(x, y)

            def unordered(x: float, y: float, compare: Callable[..., bool] = compare) -> bool:
                return math.isnan(x) or math.isnan(y) or compare(x, y)

            yield f"setp.{name}.{f}", (f, f), "pred", ordered
            yield f"setp.{name}u.{f}", (f, f), "pred", unordered
        yield f"setp.num.{f}", (f, f), "pred", lambda x, y: not math.isnan(x) and not math.isnan(y)
        yield f"setp.nan.{f}", (f, f), "pred", lambda x, y: math.isnan(x) or math.isnan(y)
    add = of_fractions(operator.add, "f32", operator.add)
    multiply = of_fractions(operator.mul, "f32", operator.mul)
    yield "add.rn.ftz.f32", ("f32", "f32"), "f32", lambda x, y: flushed(add(flushed(x), flushed(y)))
    yield "mul.rn.ftz.f32", ("f32", "f32"), "f32", lambda x, y: flushed(multiply(flushed(x), flushed(y)))
    yield "add.rn.sat.f32", ("f32", "f32"), "f32", lambda x, y: _clamped(add(x, y))
    yield "setp.gt.ftz.f32", ("f32", "f32"), "pred", lambda x, y: flushed(x) > flushed(y)
    yield "abs.ftz.f32", ("f32",), "f32", lambda x: abs(flushed(x))


def _clamped(x: float) -> float:
    return 0.0 if math.isnan(x) or x <= 0 else min(x, 1.0)


COMPARISONS: dict[str, Callable[..., bool]] = {
    "eq": operator.eq, "ne": operator.ne, "lt": operator.lt, "le": operator.le, "gt": operator.gt,
    "ge": operator.ge,
}  # fmt: skip


def _whole_numbers() -> Iterable[Definition]:
    for width in (16, 32, 64):
        for t in (f"s{width}", f"u{width}"):
            yield f"add.{t}", (t, t), t, operator.add
            yield f"sub.{t}", (t, t), t, operator.sub
            yield f"mul.lo.{t}", (t, t), t, operator.mul
            yield f"mul.hi.{t}", (t, t), t, lambda x, y, w=width: (x * y) >> w
            yield f"mad.lo.{t}", (t, t, t), t, lambda x, y, z: x * y + z
            yield f"min.{t}", (t, t), t, min
            yield f"max.{t}", (t, t), t, max
            if t == "s32":
                yield f"min.relu.{t}", (t, t), t, lambda x, y: max(min(x, y), 0)
                yield f"max.relu.{t}", (t, t), t, lambda x, y: max(x, y, 0)
            for name, compare in COMPARISONS.items():
                yield f"setp.{name}.{t}", (t, t), "pred", compare
        if width < 64:
            for letter in "su":
                t, wide = f"{letter}{width}", f"{letter}{2 * width}"
                yield f"mul.wide.{t}", (t, t), wide, operator.mul
                yield f"mad.wide.{t}", (t, t, wide), wide, lambda x, y, z: x * y + z
        s, b = f"s{width}", f"b{width}"
        yield f"neg.{s}", (s,), s, operator.neg
        yield f"abs.{s}", (s,), s, abs
        yield f"and.{b}", (b, b), b, operator.and_
        yield f"or.{b}", (b, b), b, operator.or_
        yield f"xor.{b}", (b, b), b, operator.xor
        yield f"not.{b}", (b,), b, operator.invert
        yield f"selp.{b}", (b, b, "pred"), b, lambda x, y, p: x if p else y
    yield "setp.hi.u32", ("u32", "u32"), "pred", operator.gt
    yield "setp.lo.u64", ("u64", "u64"), "pred", operator.lt
    yield "setp.lt.and.s32", ("s32", "s32", "pred"), "pred", lambda x, y, p: x < y and p
    yield "setp.lt.xor.s32", ("s32", "s32", "pred"), "pred", lambda x, y, p: (x < y) != p
    yield "and.pred", ("pred", "pred"), "pred", lambda x, y: x and y
    yield "or.pred", ("pred", "pred"), "pred", lambda x, y: x or y
    yield "xor.pred", ("pred", "pred"), "pred", operator.ne
    yield "not.pred", ("pred",), "pred", operator.not_


def _conversions() -> Iterable[Definition]:
    roundings: dict[str, Callable[[Fraction], int]] = {
        "rni": round, "rzi": math.trunc, "rmi": math.floor, "rpi": math.ceil
    }  # fmt: skip
    for f in ("f32", "f64"):
        for name, to_whole in roundings.items():
            for t in ("s32", "u32", "s64", "u64"):
                yield f"cvt.{name}.{t}.{f}", (f,), t, _to_integer(f, t, to_whole)

            def to_itself(x: float, to_whole: Callable[[Fraction], int] = to_whole) -> float:
                return math.copysign(to_whole(Fraction(x)), x) if math.isfinite(x) else x

            yield f"cvt.{name}.{f}.{f}", (f,), f, to_itself
        for t in ("s16", "u16", "s32", "u32", "s64", "u64"):
            yield f"cvt.rn.{f}.{t}", (t,), f, lambda x, f=f: nearest(Fraction(x), f)
    yield "cvt.f64.f32", ("f32",), "f64", lambda x: x
    yield "cvt.ftz.f64.f32", ("f32",), "f64", flushed
    yield (
        "cvt.rn.f32.f64", ("f64",), "f32",
        lambda x: nearest(Fraction(x), "f32", math.copysign(1, x) < 0) if math.isfinite(x) else x,
    )  # fmt: skip
    for source, result in itertools.permutations(("s16", "u16", "s32", "u32", "s64", "u64"), 2):
        yield f"cvt.{result}.{source}", (source,), result, lambda x: x


def _to_integer(source: str, result: str, to_whole: Callable[[Fraction], int]) -> Callable[[float], int]:
    width = int(result[1:])
    half = 1 << (width - 1)
    low, high = (-half, half - 1) if result[0] == "s" else (0, 2 * half - 1)

    def call(x: float) -> int:
        if math.isnan(x):
            return 0 if source == "f32" and width == 32 else half
        if math.isinf(x):
            return high if x > 0 else low
        return max(low, min(high, to_whole(Fraction(x))))

    return call


@pytest.mark.parametrize(
    ("opcode", "types", "result", "define"),
    [pytest.param(*case, id=case[0]) for case in (*_floating(), *_whole_numbers(), *_conversions())],
)
def test_an_instruction_does_what_its_definition_says_at_the_edges(
    opcode: str, types: tuple[str, ...], result: str, define: Callable[..., Any]
) -> None:
    check(opcode, types, result, define, itertools.product(*(EDGES[type_] for type_ in types)))


@pytest.mark.parametrize("width", [16, 32, 64])
def test_shifts_of_more_than_the_width_leave_nothing_but_the_sign(width: int) -> None:
    rows = list(itertools.product(EDGES[f"u{width}"], SHIFTS))
    check(f"shl.b{width}", (f"b{width}", "u32"), f"b{width}", lambda x, n: x << min(n, width), rows)
    check(f"shr.u{width}", (f"u{width}", "u32"), f"u{width}", lambda x, n: x >> n, rows)
    check(f"shr.s{width}", (f"s{width}", "u32"), f"s{width}", lambda x, n: x >> n, rows)


def test_funnel_shifts() -> None:
    rows = list(itertools.product(EDGES["u32"][:8], EDGES["u32"][:8], SHIFTS))
    types = ("b32", "b32", "u32")
    for mode, amount in {"wrap": lambda n: n % 32, "clamp": lambda n: min(n, 32)}.items():
        check(
            f"shf.l.{mode}.b32", types, "b32",
            lambda a, b, n, of=amount: ((b << 32 | a) << of(n)) >> 32, rows,
        )  # fmt: skip
        check(f"shf.r.{mode}.b32", types, "b32", lambda a, b, n, of=amount: (b << 32 | a) >> of(n), rows)


@pytest.mark.parametrize("type_", ["u32", "s32", "u64", "s64"])
def test_bit_fields(type_: str) -> None:
    """As the ISA writes it: bit by bit."""
    width = int(type_[1:])

    def field(x: int, start: int, length: int) -> int:
        start, length, last = start & 255, length & 255, width - 1
        bits = [(x >> i) & 1 for i in range(width)]
        sign = 0 if type_[0] == "u" or length == 0 else bits[min(start + length - 1, last)]
        return sum((bits[start + i] if i < length and start + i <= last else sign) << i for i in range(width))

    lengths = [0, 1, 11, 20, 31, 32, 33, 63, 64, 65, 255, 256]
    rows = itertools.product(EDGES[type_][4:], lengths, lengths)
    check(f"bfe.{type_}", (type_, "u32", "u32"), type_, field, rows)


@pytest.mark.parametrize("type_", ["s16", "u16", "s32", "u32", "s64", "u64"])
def test_division_is_towards_zero_and_nothing_is_said_of_zero(type_: str) -> None:
    smallest = -(2 ** (int(type_[1:]) - 1))
    rows = [
        row
        for row in itertools.product(EDGES[type_], repeat=2)
        if row[1] and not (value(row[0], type_) == smallest and value(row[1], type_) == -1)
    ]

    def quotient(x: int, y: int) -> int:
        return abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1)

    check(f"div.{type_}", (type_, type_), type_, quotient, rows)
    check(f"rem.{type_}", (type_, type_), type_, lambda x, y: x - quotient(x, y) * y, rows)
    for opcode in (f"div.{type_}", f"rem.{type_}"):
        with pytest.raises(UnknownOperation, match=rf"{opcode}: the ISA leaves its result open"):
            run(opcode, (type_, type_), type_, [(5, 3), (5, 0)])
        if type_[0] == "s":
            with pytest.raises(UnknownOperation):
                run(opcode, (type_, type_), type_, [(bits_of(smallest, type_), bits_of(-1, type_))])


def test_words_are_taken_apart_and_put_together() -> None:
    program = one_kernel(
        "ld.global.b64 %rd5, [%rd1]; mov.b64 {%r1, %r2}, %rd5; { .reg .b32 tmp; mov.b64 {tmp, %r3}, %rd5; }\n"
        "mov.b64 {_, %r4}, %rd5; xor.b32 %r4, %r4, %r3; add.s32 %r1, %r1, %r4; mov.b64 %rd6, {%r2, %r1};\n"
        "st.global.b64 [%rd2], %rd6; ret;",
        ["u64[]"],
        "u64[]",
    )
    (found,) = program.replay([np.array([0x0123456789ABCDEF, 5], np.uint64)])
    assert [hex(x) for x in found] == ["0x89abcdef01234567", "0x500000000"]


def test_a_product_of_many_words_carries() -> None:
    program = one_kernel(
        "ld.global.b32 %r1, [%rd1]; ld.global.b32 %r2, [%rd2]; ld.global.b32 %r3, [%rd3];\n"
        "mad.lo.cc.u32 %r4, %r1, %r2, %r3; madc.hi.u32 %r5, %r1, %r2, 0; mov.b64 %rd9, {%r4, %r5};\n"
        "st.global.b64 [%rd4], %rd9; ret;",
        ["u32[]"] * 3,
        "u64[]",
    )
    rows = np.array(list(itertools.product(EDGES["u32"], repeat=3)), np.uint32)
    (found,) = program.replay(list(rows.T.copy()))
    assert found.tolist() == [int(a) * int(b) + int(c) for a, b, c in rows.tolist()]


# fma --------------------------------------------------------------------------------------


@pytest.mark.parametrize("type_", ["f32", "f64"])
def test_fma_at_the_edges(type_: str) -> None:
    edges = [x for x in EDGES[type_] if not 2 < abs(value(x, type_)) < 2.0**100]  # too many of these
    check(f"fma.rn.{type_}", (type_,) * 3, type_, product_sum(type_), itertools.product(edges, repeat=3))


@pytest.mark.parametrize("type_", ["f32", "f64"])
@given(data=st.data())
def test_fma_rounds_once(type_: str, data: st.DataObject) -> None:
    """At random, and where the product nearly cancels, is halfway or leaves the range."""
    width = int(type_[1:])
    any_bits = st.integers(0, 2**width - 1)
    few_bits = st.integers(1, 2**12).map(lambda n: bits_of(float(n), type_))
    rows = []
    for _ in range(20):
        a, b, c = (data.draw(st.one_of(any_bits, few_bits)) for _ in range(3))
        rows.append((a, b, c))
        exact = [value(x, type_) for x in (a, b)]
        if all(map(math.isfinite, exact)):
            product = nearest(-Fraction(exact[0]) * Fraction(exact[1]), type_)
            near = bits_of(product, type_)
            rows += [(a, b, near), (a, b, max(near - 1, 0)), (a, b, min(near + 1, 2**width - 1))]
            if math.isfinite(product):
                other = Fraction(product) * Fraction(2) ** data.draw(st.integers(-120, 120))
                rows.append((a, b, bits_of(nearest(other, type_), type_)))
    check(f"fma.rn.{type_}", (type_,) * 3, type_, product_sum(type_), rows)


def test_fma_at_the_ends_of_the_range() -> None:
    """Where the product, or what is left of it beside the other term, is next to 2**-1074 or 2**1024."""
    random = np.random.default_rng(11)
    rows = []
    for exponent in (*range(-1160, -850, 5), *range(960, 1030, 2)):
        a, b = (1 + random.random(2)) * [1.0, -1.0] ** random.integers(0, 2, 2)
        half = exponent // 2
        a, b = math.ldexp(a, half), math.ldexp(b, exponent - half)
        product = bits_of(nearest(-Fraction(a) * Fraction(b), "f64"), "f64")
        other = bits_of(math.ldexp(1.1, max(exponent - 60, -1074)), "f64")
        for c in (product, product + 1, max(product - 1, 0), product ^ 2**63, other, other ^ 2**63, 1):
            rows.append((bits_of(a, "f64"), bits_of(b, "f64"), c))
    check("fma.rn.f64", ("f64",) * 3, "f64", product_sum("f64"), rows)


def test_a_sum_of_products_that_ptxas_may_contract_is_not_guessed() -> None:
    load = "ld.global.b64 %rd5, [%rd1]; mul{0}.f64 %rd6, %rd5, %rd5; {1} add{2}.f64 %rd7, %rd6, %rd5;"
    store = " st.global.b64 [%rd2], %rd7; ret;"
    argument = np.array([0.1, 3.0])

    def replayed(*parts: str) -> Any:
        return one_kernel(load.format(*parts) + store, ["f64[]"], "f64[]").replay([argument])[0].tolist()

    for exact in ((".rn", "", ""), ("", "", ".rn"), (".rn", "", ".rn")):
        assert replayed(*exact) == [0.1 * 0.1 + 0.1, 12.0]
    for loose in (
        ("", "", ""),
        ("", "neg.f64 %rd6, %rd6;", ""),
        ("", "mov.b64 %rd8, %rd6; mov.b64 %rd6, %rd8;", ""),
    ):
        with pytest.raises(UnknownOperation, match=r"add\.f64: ptxas may contract it"):
            replayed(*loose)


# Flow and memory --------------------------------------------------------------------------


def whole(program: PtxProgram, *columns: Sequence[int]) -> list[Any]:
    (found,) = program.replay([np.array(column, np.int32) for column in columns])
    return found.tolist()  # type: ignore[no-any-return]


def test_branches_that_meet_again() -> None:
    program = one_kernel(
        """
        ld.global.b32 %r1, [%rd1];
        mov.b32 %r2, 1000;
        setp.lt.s32 %p1, %r1, 0;
        @%p1 bra $L_negative;
        setp.gt.s32 %p2, %r1, 10;
        @!%p2 bra $L_small;
        add.s32 %r2, %r1, 1;
        bra.uni $L_end;
    $L_small:
        mul.lo.s32 %r2, %r1, %r1;
        setp.eq.s32 %p3, %r1, 5;
        @%p3 bra $L_end;
        add.s32 %r2, %r2, 500;
    $L_end:
        add.s32 %r2, %r2, 7;
        st.global.b32 [%rd2], %r2;
        ret;
    $L_negative:
        neg.s32 %r2, %r1;
        bra.uni $L_end;
        """
    )
    assert whole(program, [-3, 11, 5, 4, 0]) == [10, 19, 32, 523, 507]


def test_a_way_that_ends_before_the_others_meet() -> None:
    program = one_kernel(
        """
        ld.global.b32 %r1, [%rd1];
        st.global.b32 [%rd2], %r1;
        setp.lt.s32 %p1, %r1, 0;
        @%p1 bra $L_meet;
        setp.eq.s32 %p2, %r1, 3;
        @%p2 bra $L_end;
    $L_meet:
        mov.b32 %r2, 50;
        st.global.b32 [%rd2], %r2;
    $L_end:
        ret;
        """
    )
    assert whole(program, [-1, 3, 4]) == [50, 3, 50]


def test_instructions_under_a_predicate() -> None:
    program = one_kernel(
        """
        ld.global.b32 %r1, [%rd1];
        setp.lt.s32 %p1|%p2, %r1, 0;
        mov.b32 %r2, 1;
        @%p1 add.s32 %r2, %r2, 10;
        @!%p2 add.s32 %r2, %r2, 100;
        @%p2 add.s32 %r2, %r2, 1000;
        st.global.b32 [%rd2], %r2;
        @%p1 st.global.b32 [%rd2], %r1;
        ret;
        """
    )
    assert whole(program, [-5, 5]) == [-5, 1001]


LOOP = """
        ld.global.b32 %r1, [%rd1];
        mov.b32 %r2, {start};
        mov.b32 %r3, 0;
    $L_loop:
        add.s32 %r3, %r3, %r1;
        add.s32 %r2, %r2, 1;
        setp.lt.s32 %p1, %r2, 5;
        @%p1 bra $L_loop;
        st.global.b32 [%rd2], %r3;
        ret;
"""


def test_a_loop_is_written_out_if_constants_say_how_often_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    assert whole(one_kernel(LOOP.format(start="0")), [1, -7]) == [5, -35]
    for start in ("%r1", "%tid.x"):
        program = one_kernel(LOOP.format(start=start), threads=1 if start == "%r1" else 2)
        with pytest.raises(UnknownOperation, match="bra: a loop that runs so often as its data say"):
            whole(program, [1])
    monkeypatch.setattr(kernel, "_LONGEST", 200)
    endless = "$L_loop: ld.global.b32 %r1, [%rd1]; bra.uni $L_loop;"
    with pytest.raises(UnknownOperation, match="a loop too long"):
        whole(one_kernel(endless), [1])


def test_a_loop_that_some_threads_do_not_come_to() -> None:
    """The loop leaves their registers as they were, and local memory is each thread's own."""
    body = """
        .local .align 4 .b8 __local_depot0[12];
        .reg .b64 %SPL;
        mov.b64 %SPL, __local_depot0;
        mov.u32 %r9, %tid.x;
        mul.wide.u32 %rd5, %r9, 4;
        add.s64 %rd6, %rd1, %rd5;
        add.s64 %rd7, %rd2, %rd5;
        ld.global.nc.b32 %r1, [%rd6];
        mov.b32 %r3, -1;
        setp.lt.s32 %p1, %r1, 0;
        @%p1 bra $L_end;
        mov.b64 %rd8, 0;
    $L_loop:
        add.s64 %rd9, %SPL, %rd8;
        add.s32 %r3, %r3, %r1;
        st.local.b32 [%rd9], %r3;
        add.s64 %rd8, %rd8, 4;
        setp.ne.b64 %p2, %rd8, 12;
        @%p2 bra $L_loop;
        rem.u32 %r4, %r1, 3;
        mul.wide.u32 %rd10, %r4, 4;
        add.s64 %rd11, %SPL, %rd10;
        ld.local.b32 %r3, [%rd11];
    $L_end:
        st.global.b32 [%rd7], %r3;
        ret;
    """
    program = one_kernel(body, ["s32[3]"], "s32[3]", threads=3)
    (found,) = program.replay([np.array([[0, -2, 4], [5, 1, -9]], np.int32)])
    assert found.tolist() == [[-1, -1, 7], [14, 1, -1]]


def test_threads_and_blocks_have_numbers() -> None:
    body = """
        mov.u32 %r1, %tid.x; mov.u32 %r2, %ctaid.x; mov.u32 %r3, %ntid.x;
        mad.lo.s32 %r4, %r2, %r3, %r1;
        setp.gt.u32 %p1, %r4, 4;
        @%p1 bra $L_end;
        mul.wide.u32 %rd5, %r4, 4;
        add.s64 %rd6, %rd1, %rd5;
        ld.global.nc.b32 %r5, [%rd6];
        shl.b32 %r6, %r2, 8;
        or.b32 %r7, %r6, %r1;
        add.s32 %r8, %r7, %r5;
        add.s64 %rd7, %rd2, %rd5;
        st.global.b32 [%rd7], %r5;
        setp.ne.u32 %p2, %r1, 0;
        @%p2 st.global.b32 [%rd7], %r8;
    $L_end:
        ret;
    """
    program = one_kernel(body, ["s32[5]"], "s32[5]", threads=2, grid=3)
    (found,) = program.replay([np.array([[10, 20, 30, 40, 50]] * 2, np.int32)])
    assert found.tolist() == [[10, 21, 30, 297, 50]] * 2


def test_a_function_is_called_for_the_threads_that_come_to_it() -> None:
    functions = """
    .func (.param .b64 func_retval0) twice(.param .b64 twice_param_0)
    ;
    .func (.param .b64 func_retval0) twice(.param .b64 twice_param_0)
    {
        .reg .pred %p<3>; .reg .b64 %rd<9>;
        ld.param.b64 %rd1, [twice_param_0];
        setp.gt.s64 %p1, %rd1, 100;
        @%p1 bra $L_far;
        shl.b64 %rd2, %rd1, 1;
        st.param.b64 [func_retval0], %rd2;
        ret;
    $L_far:
        st.param.b64 [func_retval0], %rd1;
        ret;
    }
    """
    call = """
        {{ // callseq
        .param .b64 param0;
        .param .b64 retval0;
        st.param.b64 [param0], {0};
        call.uni (retval0), twice, (param0);
        ld.param.b64 {0}, [retval0];
        }}
    """
    body = (
        "ld.global.s32 %rd5, [%rd1]; setp.eq.s64 %p1, %rd5, 3; @%p1 bra $L_end;"
        + call.format("%rd5")
        + "$L_end:"
        + call.format("%rd5")
        + "st.global.b32 [%rd2], %rd5; ret;"
    )
    assert whole(one_kernel(body, functions=functions), [3, 7, -1, 60, 200]) == [6, 28, -4, 120, 200]


# As libdevice's reduction of large angles: registers with names, two results, a loop that the data end.
_SLOW_PATH = """
.func (.param .align 16 .b8 func_retval0[16]) trig_slowpath(.param .b64 trig_slowpath_param_0)
{
    .reg .pred %p<3>; .reg .b32 %r<9>; .reg .b64 %rd<9>;
    ld.param.b64 %rd1, [trig_slowpath_param_0];
    { .reg .b32 tmp; mov.b64 {tmp, %r8}, %rd1; }
    {
    .reg .u32 alo, ahi;
    mov.b64 {alo,ahi}, %rd1;
    mad.lo.u32 %r1, alo, alo, ahi;
    }
    mov.b32 %r2, 0;
$L_again:
    add.s32 %r2, %r2, 1;
    setp.lt.s32 %p1, %r2, END;
    @%p1 bra $L_again;
    add.s32 %r1, %r1, %r2;
    st.param.b32 [func_retval0+8], %r1;
    st.param.b64 [func_retval0], %rd1;
    ret;
}
"""

_CALLS_IT = """
    ld.global.s32 %rd5, [%rd1]; mov.b32 %r4, 0; setp.lt.s64 %p1, %rd5, 10; @%p1 bra $L_end;
    {
    .param .b64 param0;
    .param .align 16 .b8 retval0[16];
    st.param.b64 [param0], %rd5;
    call.uni (retval0), trig_slowpath, (param0);
    ld.param.b32 %r4, [retval0+8];
    ld.param.b64 %rd5, [retval0];
    }
$L_end:
    cvt.u32.u64 %r5, %rd5; add.s32 %r5, %r5, %r4; st.global.b32 [%rd2], %r5; ret;
"""


def test_a_function_has_registers_with_names_and_several_results() -> None:
    program = one_kernel(_CALLS_IT, functions=_SLOW_PATH.replace("END", "5"))
    assert whole(program, [3, 10, 12]) == [3, 10 + 10 * 10 + 5, 12 + 12 * 12 + 5]


def test_a_function_that_cannot_be_executed_is_missed_by_those_who_call_it() -> None:
    operation = '%e = f32[] cosine(%p), metadata={op_name="cos" stack_frame_id=2}'
    program = one_kernel(_CALLS_IT, functions=_SLOW_PATH.replace("END", "%r1"), operation=operation)
    assert whole(program, [3, -7]) == [3, -7]
    with pytest.raises(UnknownOperation, match="bra: a loop that runs so often as its data say") as caught:
        whole(program, [3, 12])
    assert caught.value.source == "/src/schedule.py:12"


def test_an_operand_that_there_is_not_is_named_with_its_instruction() -> None:
    (error,) = one_kernel("add.s32 %r1, nobody, 1; st.global.b32 [%rd2], %r1; ret;").unknown(0)
    assert (error.operation, error.why) == ("add.s32", "no operand: nobody")


def test_tables_are_read_by_index() -> None:
    table = ".global .align 4 .b8 squares[20] = {0, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 9, 0, 0, 0, 0, 1};\n"
    body = """
        ld.global.b32 %r1, [%rd1];
        mul.wide.s32 %rd5, %r1, 4;
        mov.b64 %rd6, squares;
        add.s64 %rd7, %rd6, %rd5;
        ld.global.nc.b32 %r2, [%rd7+4];
        st.global.b32 [%rd2], %r2;
        ret;
    """
    program = one_kernel(body, functions=table)
    assert whole(program, [-1, 0, 1, 2, 3]) == [0, 1, 4, 9, 256]
    with pytest.raises(ValueError, match="nothing has been written to"):
        whole(program, [4])
    with pytest.raises(ValueError, match="outside"):
        whole(program, [-2])


def test_bytes_and_pairs_in_memory() -> None:
    body = """
        ld.global.nc.v2.b32 {%r1, %r2}, [%rd1];
        ld.global.s8 %r3, [%rd2];
        ld.global.b8 %rs1, [%rd2];
        cvt.u32.u16 %r4, %rs1;
        add.s32 %r5, %r3, %r4;
        st.global.v2.b32 [%rd3], {%r2, %r1};
        st.global.b32 [%rd3+8], %r5;
        ret;
    """
    program = one_kernel(body, ["s32[2]", "s8[]"], "s32[3]")
    (found,) = program.replay([np.array([[1, 2], [3, 4]], np.int32), np.array([-1, 5], np.int8)])
    assert found.tolist() == [[2, 1, 254], [4, 3, 10]]


def test_sums_across_a_warp() -> None:
    body = """
        mov.u32 %r1, %tid.x; mul.wide.u32 %rd5, %r1, 4; add.s64 %rd6, %rd1, %rd5; add.s64 %rd7, %rd2, %rd5;
        ld.global.nc.b32 %r2, [%rd6];
        shfl.sync.{0}.b32 %r3, %r2, {1}, {2}, -1;
        st.global.b32 [%rd7], %r3; ret;
    """
    # The source of each thread, as the ISA computes it.
    for mode, number, clamp in (
        ("down", 5, 31),
        ("up", 3, 0),
        ("bfly", 16, 31),
        ("idx", 7, 31),
        ("down", 3, 0x181F),
    ):
        low, mask = clamp & 31, clamp >> 8 & 31
        expected = []
        for lane in range(32):
            last = (lane & mask) | (low & ~mask)
            source = {
                "up": lane - number, "down": lane + number, "bfly": lane ^ number,
                "idx": (lane & mask) | (number & ~mask & 31),
            }[mode]  # fmt: skip
            expected.append(source if (source >= last if mode == "up" else source <= last) else lane)
        program = one_kernel(body.format(mode, number, clamp), ["s32[64]"], "s32[64]", threads=64)
        (found,) = program.replay([np.arange(64, dtype=np.int32)[None]])
        assert found.tolist() == [[*expected, *(32 + source for source in expected)]]
    with pytest.raises(UnknownOperation, match="threads that are not there"):
        one_kernel(body.format("down", 1, 31), ["s32[2]"], "s32[2]", threads=2).replay(
            [np.zeros((1, 2), np.int32)]
        )


@pytest.mark.parametrize(
    ("body", "threads", "message"),
    [
        ("ld.global.b32 %r1, [%rd1]; ret;", 1, "nothing has been written to"),
        ("ld.global.b32 %r1, [%rd2]; st.global.b32 [%rd2], %r1; ret;", 1, "nothing has been written to"),
        ("ld.global.b32 %r1, [%rd1+4]; st.global.b32 [%rd2], %r1; ret;", 1, "nothing has been written to"),
        ("ld.global.b32 %r1, [%rd1+8]; st.global.b32 [%rd2], %r1; ret;", 1, "outside"),
        ("ld.global.b32 %r1, [%rd1+2]; st.global.b32 [%rd2], %r1; ret;", 1, "not aligned"),
        ("mov.b32 %r1, 1; st.global.b32 [%rd2+-4], %r1; ret;", 1, "outside"),
        ("mov.u32 %r1, %tid.x; st.global.b32 [%rd2], %r1; ret;", 2, "threads that store at one place"),
    ],
)
def test_what_no_sound_program_does_is_an_error(body: str, threads: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        whole(one_kernel(body, threads=threads), [1])


# What cannot be had -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "opcode",
    ["ex2.approx.ftz.f32", "lg2.approx.f32", "sin.approx.f32", "cos.approx.f32", "rcp.approx.ftz.f64",
     "rsqrt.approx.f64", "sqrt.approx.f32", "tanh.approx.f32"],
)  # fmt: skip
def test_an_approximation_is_only_the_devices(opcode: str) -> None:
    with pytest.raises(UnknownOperation, match="only the device knows its last bit") as caught:
        run(opcode, (opcode[-3:],), opcode[-3:], [(0,)])
    assert caught.value.operation == opcode


@pytest.mark.parametrize(
    "opcode", ["add.rz.f64", "mul.rm.f32", "fma.rp.f64", "mul24.lo.s32", "cvt.rz.f32.f64"]
)
def test_other_roundings_are_not_known(opcode: str) -> None:
    types = ("f64",) if "cvt" in opcode else (opcode[-3:],) * (3 if "fma" in opcode else 2)
    with pytest.raises(UnknownOperation, match=f"{opcode}: the reader does not know it"):
        run(opcode, types, "f32" if "cvt" in opcode else opcode[-3:], [(0,) * len(types)])


def test_division_in_full_range_is_only_the_devices() -> None:
    with pytest.raises(UnknownOperation, match="only the device"):
        run("div.full.f32", ("f32", "f32"), "f32", [(0, 0)])


@pytest.mark.parametrize(
    "statement",
    [
        "bar.sync 0;",
        "atom.global.add.u32 %r2, [%rd1], 1;",
        "ld.shared.b32 %r2, [%rd1];",
        "vote.sync.any.pred %p1, %p1, -1;",
        "membar.gl;",
    ],
)
def test_what_threads_do_together_spoils_the_kernel(statement: str) -> None:
    program = one_kernel(f"ld.global.b32 %r1, [%rd1]; {statement} st.global.b32 [%rd2], %r1; ret;")
    (error,) = program.unknown(0)
    assert error.operation == statement.split()[0].rstrip(";")
    with pytest.raises(UnknownOperation):
        whole(program, [1])


def test_an_unknown_instruction_names_the_line_of_the_schedule() -> None:
    body = (
        "ld.global.b32 %r1, [%rd1]; ex2.approx.f32 %r2, %r1; setp.gt.f32 %p1, %r1, 0f00000000;\n"
        "@%p1 bra $L_end; mov.b32 %r2, %r1; $L_end: st.global.b32 [%rd2], %r2; ret;"
    )
    operation = '%e = f32[] exponential(%p), metadata={op_name="exp" stack_frame_id=2}'
    program = one_kernel(body, ["f32[]"], "f32[]", operation=operation)
    (error,) = program.unknown(0)
    assert (error.operation, error.source) == ("ex2.approx.f32", "/src/schedule.py:12")
    assert one_kernel(body, ["f32[]"], "f32[]").unknown(0)[0].source is None
    assert (
        one_kernel(body, ["f32[]"], "f32[]", operation=operation.replace("exponential", "cosine"))
        .unknown(0)[0]
        .source
        is None
    )


def test_an_unknown_instruction_that_no_thread_comes_to_changes_nothing() -> None:
    body = (
        "ld.global.b32 %r1, [%rd1]; mov.b32 %r2, %r1; setp.lt.f32 %p1, %r1, 0f42000000;\n"
        "@%p1 bra $L_end; sin.approx.f32 %r2, %r1; $L_end: st.global.b32 [%rd2], %r2; ret;"
    )
    program = one_kernel(body, ["f32[]"], "f32[]")
    assert program.replay([np.array([1.0, 31.0], np.float32)])[0].tolist() == [1, 31]
    with pytest.raises(UnknownOperation, match=r"sin\.approx\.f32"):
        program.replay([np.array([1.0, 32.0], np.float32)])


def test_memory_that_is_used_again_keeps_nothing_of_before() -> None:
    """An approximation of an earlier kernel in the same place is nothing that the output depends on."""
    store = "ld.global.b32 %r1, [%rd1]; {} st.global.b32 [%rd2], %r1; ret;"
    texts = texts_of_one_kernel(store.format(""))
    before = texts_of_one_kernel(store.format("ex2.approx.f32 %r1, %r1;"))["ptx"].replace("kernel", "before")
    root = "  ROOT %kernel"
    texts["hlo"] = texts["hlo"].replace(root, f"  %before = s32[] fusion(%p0), calls=%fused\n{root}")
    texts["buffers"] += " value: <9 before @0> (size=4,offset=0): s32[]\n"
    texts["thunks"] = texts["thunks"].replace("kernel", "before") + texts["thunks"]
    texts["ptx"] += before
    program = PtxProgram(texts)
    assert program.unknown(0) == []
    assert whole(program, [5]) == [5]
    texts["hlo"] = texts["hlo"].replace("fusion(%p0), calls=%fused\n}", "fusion(%before), calls=%fused\n}")
    assert [error.operation for error in PtxProgram(texts).unknown(0)] == ["ex2.approx.f32"]


# Recorded programs ------------------------------------------------------------------------


def recorded(name: str) -> tuple[dict[str, str], list[Any], list[Any]]:
    """The texts of a program, arguments, and what the host makes of them."""
    found = json.loads(gzip.decompress((DATA / f"{name}.sm_90.ptx.json.gz").read_bytes()))

    def array(given: dict[str, Any]) -> Any:
        return np.frombuffer(bytes.fromhex(given["bytes"]), given["dtype"]).reshape(given["shape"])

    texts = {name: "\n".join(lines) + "\n" for name, lines in found["texts"].items()}
    return texts, [array(x) for x in found["arguments"]], [array(x) for x in found["outputs"]]


def assert_same(found: Sequence[Any], expected: Sequence[Any]) -> None:
    for x, y in zip(found, expected, strict=True):
        assert x.dtype == y.dtype
        assert x.shape == y.shape
        assert x.tobytes() == y.tobytes()


def test_schedules_of_one_program_are_those_of_the_host() -> None:
    """A cosine, a LambdaLR with a power that only the device can tell, and a PolynomialLR."""
    texts, arguments, (cosine, polynomial) = recorded("three")
    program = PtxProgram(texts)
    assert_same(program.replay(arguments, [0, 2]), [cosine, polynomial])
    assert_same(program.replay(arguments, [2]), [polynomial])
    with pytest.raises(
        UnknownOperation, match=r"^rcp\.approx\.ftz\.f64: only the device .*, at /src/parity/cases\.py:122$"
    ):
        program.replay(arguments)
    assert [len(program.unknown(i)) for i in range(3)] == [0, 1, 0]
    assert [program.instructions(i) for i in range(3)] == [85, 211, 303]


def test_many_calls_are_the_same_as_each_by_itself() -> None:
    texts, arguments, (cosine, _) = recorded("three")
    program = PtxProgram(texts)
    many = np.tile(arguments[0], 100)  # more than one chunk
    assert_same(program.replay([many], [0]), [np.tile(cosine, 100)])
    assert_same(program.replay([many[:1]], [0]), [cosine[:1]])
    assert program.replay([many[:0]], [0])[0].shape == (0,)


def test_a_table_in_memory_that_32_threads_search() -> None:
    texts, arguments, expected = recorded("table")
    assert_same(PtxProgram(texts).replay(arguments), expected)


def test_a_step_of_seven_kernels_with_arrays() -> None:
    texts, arguments, expected = recorded("greedy")
    assert_same(PtxProgram(texts).replay(arguments), expected)


def test_cosines_of_libdevice_are_cosines() -> None:
    """Optax's schedule, and the bare cosine of the count, which is reduced in a loop with a table.

    "2 (full range)" ulps is the error that the CUDA programming guide names for cosf.
    """
    texts, (counts,), _ = recorded("cosine")
    program = PtxProgram(texts)
    schedule, cosine = program.replay([counts])
    assert program.unknown(0) == program.unknown(1) == []
    assert np.abs(counts.astype(np.float64)).max() > 105615  # from where the loop is needed
    for x, y in zip(counts.astype(np.float32).tolist(), cosine.tolist(), strict=True):
        assert abs(y - math.cos(x)) <= 2 * np.spacing(np.float32(abs(y)))
    assert schedule[counts == 0] == np.float32(0.1)
    assert not schedule[counts >= 100].any()


def test_what_is_given_must_be_what_was_compiled() -> None:
    texts, (counts,), _ = recorded("table")
    program = PtxProgram(texts)
    for wrong in ([counts.astype(np.int64)], [counts[:, None]], [], [counts, counts]):
        with pytest.raises(ValueError, match="argument"):
            program.replay(wrong)


def test_texts_that_do_not_belong_together_are_refused() -> None:
    texts, *_ = recorded("table")
    changes = [
        ("hlo", "is_scheduled=true", "", "without a schedule"),
        ("hlo", "constant({1, 0.9", "constant({...}, {", "not written out"),
        ("buffers", "constant_2_0", "constant_9_9", "no buffer of"),
        ("thunks", "002:", "002", "fusion: the reader does not know it"),
        ("thunks", "001: ", "001: kCopy [source] kCopy\n001: ", "thunks that no instruction"),
        ("ptx", ".param .u64 .ptr .align 256 loop_select_fusion_param_0,", "", "has 2 parameters, not 3"),
    ]
    for name, old, new, message in changes:
        assert old in texts[name], old
        with pytest.raises((ValueError, UnknownOperation), match=message):
            PtxProgram({**texts, name: texts[name].replace(old, new)}).replay([np.zeros(1, np.int32)])


def test_gather_wants_one_compilation(tmp_path: pathlib.Path) -> None:
    texts, arguments, expected = recorded("table")
    with pytest.raises(ValueError, match="0 files"):
        gather(tmp_path, texts["hlo"])
    for name, key in (
        ("sm_9.0a_gpu_after_optimizations-buffer-assignment.txt", "buffers"),
        ("thunk_sequence.txt", "thunks"),
    ):
        (tmp_path / f"module_0001.{name}").write_text(texts[key])
    for i, part in enumerate(texts["ptx"].split("//\n// Generated")):
        (tmp_path / f"module_0001.{i}.ptx").write_text(part)
    gathered = gather(tmp_path, texts["hlo"])
    assert json.loads(json.dumps(gathered)) == gathered
    assert_same(PtxProgram(gathered).replay(arguments), expected)
    (tmp_path / "module_0002.thunk_sequence.txt").write_text("")
    with pytest.raises(ValueError, match="2 files"):
        gather(tmp_path, texts["hlo"])
