"""What the instructions of PTX compute, each as NumPy has it, to the last bit.

A register is bits, so what goes in and comes out are arrays of unsigned integers (of bool for a
predicate); an instruction's type says how it looks at them. "The ISA" is NVIDIA's *PTX ISA*, from which
the sentences in quotation marks are. Which of the NaNs an operation answers is not told; here it is NumPy's.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from .program import Array

ONLY_THE_DEVICE = "only the device knows its last bit"
NOT_KNOWN = "the reader does not know it"
MAY_CONTRACT = "ptxas may contract it"

Floats = npt.NDArray[np.float64]

_FLOATS: dict[str, npt.DTypeLike] = {"f32": np.float32, "f64": np.float64}
_SIGNED: dict[str, npt.DTypeLike] = {"s8": np.int8, "s16": np.int16, "s32": np.int32, "s64": np.int64}
_UNSIGNED: dict[str, npt.DTypeLike] = {
    f"{letter}{8 * size}": f"u{size}" for letter in "ub" for size in (1, 2, 4, 8)
}
TYPES: dict[str, np.dtype[np.generic]] = {
    name: np.dtype(dtype) for name, dtype in {**_FLOATS, **_SIGNED, **_UNSIGNED, "pred": np.bool_}.items()
}


@dataclasses.dataclass(frozen=True)
class Operation:
    """An instruction that computes; what it does in memory and to the flow is elsewhere."""

    sources: tuple[str, ...]
    """The type in which it looks at each operand."""

    result: str
    """The type of what it answers."""

    call: Callable[..., Array]
    """Arrays of these types in, one of that type out."""

    undefined: Callable[..., Array] | None = None
    """Of the same arrays: where the ISA does not say what comes out."""


def find(opcode: str) -> Operation | str:
    """The operation of an opcode, or why there is none: `ONLY_THE_DEVICE`, `NOT_KNOWN`."""
    name, *parts = opcode.split(".")
    if "approx" in parts or "full" in parts or name in ("ex2", "lg2", "sin", "cos", "tanh"):
        return ONLY_THE_DEVICE
    types = [part for part in parts if part in TYPES]
    modifiers = [part for part in parts if part not in TYPES]
    build = _BUILDERS.get(name)
    found = build(modifiers, types) if build and types else None
    return NOT_KNOWN if found is None else found


_Builder = Callable[[list[str], list[str]], Operation | None]


# Floating point ---------------------------------------------------------------------------


def _flushed(x: Array) -> Array:
    """Subnormal numbers as zeros of their sign; ``.ftz``."""
    return np.where(np.abs(x) < np.finfo(np.float32).tiny, np.copysign(np.zeros_like(x), x), x)


def _saturated(x: Array) -> Array:
    """ "clamps the result to [0.0, 1.0]. NaN results are flushed to +0.0f" """
    # Not np.clip, which leaves -0.
    clamped: Array = np.where(x > 0, np.minimum(x, x.dtype.type(1)), x.dtype.type(0))
    return clamped


def _float_operation(call: Callable[..., Array], modifiers: Sequence[str], type_: str, n: int) -> Operation:
    if "ftz" in modifiers:
        exact = call

        def call(*xs: Array) -> Array:
            return _flushed(exact(*map(_flushed, xs)))

    if "sat" in modifiers:
        unclamped = call

        def call(*xs: Array) -> Array:
            return _saturated(unclamped(*xs))

    return Operation((type_,) * n, type_, call)


def _rounding(modifiers: Sequence[str], allowed: Sequence[str]) -> bool:
    """Whether the modifiers are a subset of these: the nearest even is the only rounding that is known."""
    return set(modifiers) <= {"ftz", "sat", *allowed}


def _arithmetic(
    floats: Callable[..., Array], integers: Callable[..., Array] | None, explicit: bool = False
) -> _Builder:
    """add, sub, div, sqrt, rcp: of floats rounded to nearest even, of whole numbers modulo 2**n."""
    n = 1 if floats in (np.sqrt, _reciprocal) else 2

    def build(modifiers: list[str], types: list[str]) -> Operation | None:
        type_ = types[-1]
        if type_ in _FLOATS:
            if not _rounding(modifiers, ["rn"]) or (explicit and "rn" not in modifiers) or len(types) > 1:
                return None
            return _float_operation(floats, modifiers, type_, n)
        if integers is None or modifiers or len(types) > 1:
            return None
        return Operation((type_,) * n, type_, integers)

    return build


def _reciprocal(x: Array) -> Array:
    inverse: Array = np.divide(x.dtype.type(1), x)
    return inverse


def _two_sum(x: Array, y: Array) -> tuple[Array, Array]:
    """The rounded sum and its error, exactly (Knuth); in floats of any one type."""
    total = x + y
    shadow = total - x
    return total, (x - (total - shadow)) + (y - shadow)


def _to_odd(total: Floats, error: Floats) -> Floats:
    """``total + error``, of a `_two_sum`, rounded to odd.

    That is: itself if it is a float64, else that of its two neighbours whose last bit is 1. The rounded
    sum is one of the two, and the other lies on the error's side.
    """
    bits = np.ascontiguousarray(total).view(np.int64)
    outwards = np.where((error > 0) == (total > 0), 1, -1)
    even = (error != 0) & np.isfinite(total) & (bits & 1 == 0)
    return np.where(even, bits + outwards, bits).view(np.float64)


def fma32(a: Array, b: Array, c: Array) -> Array:
    """``a*b + c`` of float32, rounded once.

    The product of two float32 is a float64: 48 bits, above 2**-298. The sum, rounded to odd at 53 bits,
    rounds to 24 or fewer as the exact sum does (Boldo and Melquiond 2008: two bits more are enough).
    """
    product = a.astype(np.float64) * b.astype(np.float64)
    total, error = _two_sum(product, np.broadcast_to(c.astype(np.float64), np.broadcast(product, c).shape))
    return _to_odd(total, error).astype(np.float32)


def fma64(a: Array, b: Array, c: Array) -> Array:
    """``a*b + c`` of float64, rounded once.

    By Boldo and Melquiond, "Emulation of FMA and correctly rounded sums: proved algorithms using rounding
    to odd" (2008), figure 5. With exact ``uh + ul = a*b``, ``th + tl = c + ul``, ``vh + vl = uh + th``,
    the result is ``vh + odd(tl + vl)``. Their theorem asks that nothing overflows and that ``ul`` is a
    float64, which the bounds below see to: Dekker's product is exact where the factors can be split and
    the last bit of the product, some 2**-106 of it, is not below 2**-1074. Outside of these bounds are a
    factor of 0, where the product is exact, infinities and NaN, which need no rounding, and what is left
    to `fractions`.
    """
    a, b, c = (np.ascontiguousarray(x) for x in np.broadcast_arrays(a, b, c))
    product = a * b
    size_a, size_b, size = np.abs(a), np.abs(b), np.abs(product)
    safe = (size_a < 2.0**990) & (size_b < 2.0**990) & (size_a > 2.0**-960) & (size_b > 2.0**-960)
    safe &= (size > 2.0**-900) & (size < 2.0**1000) & (np.abs(c) < 2.0**1000)

    ul = _product_error(a, b, product)
    th, tl = _two_sum(c, ul)
    vh, vl = _two_sum(product, th)
    result = np.where(safe, vh + _to_odd(*_two_sum(tl, vl)), product + c)
    if safe.all():
        return result

    factors_finite = np.isfinite(a) & np.isfinite(b)
    # The product of two finite factors may have overflowed; an infinite or undefined c takes no notice.
    result = np.where(factors_finite & ~np.isfinite(c), c, result)
    by_hand = ~safe & factors_finite & np.isfinite(c) & (a != 0) & (b != 0)
    for at in zip(*np.nonzero(by_hand), strict=True):
        result[at] = _fma_of_numbers(float(a[at]), float(b[at]), float(c[at]))
    return result


def _product_error(a: Array, b: Array, product: Array) -> Array:
    """``a*b - product``, exactly (Dekker)."""

    def split(x: Array) -> tuple[Array, Array]:
        scaled = x * 134217729.0
        high = scaled - (scaled - x)
        return high, x - high

    (a1, a2), (b1, b2) = split(a), split(b)
    error: Array = ((a1 * b1 - product) + a1 * b2 + a2 * b1) + a2 * b2
    return error


def _fma_of_numbers(a: float, b: float, c: float) -> float:
    """For finite numbers; neither factor is 0."""
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    try:
        size = float(abs(exact))  # correctly rounded, to a subnormal number or 0 as well
    except OverflowError:
        size = math.inf
    return -size if exact < 0 else size  # a sum that vanishes is +0: its terms have different signs


def _multiply_add(modifiers: list[str], types: list[str]) -> Operation | None:
    """fma"""
    if len(types) > 1 or types[0] not in _FLOATS or "rn" not in modifiers or not _rounding(modifiers, ["rn"]):
        return None
    return _float_operation(fma32 if types[0] == "f32" else fma64, modifiers, types[0], 3)


def _bits(x: Array) -> Array:
    return np.ascontiguousarray(x).view(f"u{x.dtype.itemsize}")


def _extreme(largest: bool) -> _Builder:
    """min, max: a NaN gives way to a number, "+0.0 > -0.0"; with .NaN a NaN prevails.

    With .relu nothing is less than 0.
    """

    def of_floats(x: Array, y: Array) -> Array:
        x, y = np.broadcast_arrays(x, y)
        chosen = np.where((x > y) if largest else (x < y), x, y)
        both = _bits(x) & _bits(y) if largest else _bits(x) | _bits(y)  # equal ones differ in sign at most
        chosen = np.where(x == y, both.view(x.dtype), chosen)
        return np.where(np.isnan(x), y, np.where(np.isnan(y), x, chosen))

    def prevailing(x: Array, y: Array) -> Array:
        return np.where(np.isnan(x) | np.isnan(y), x.dtype.type(np.nan), of_floats(x, y))

    def build(modifiers: list[str], types: list[str]) -> Operation | None:
        (type_,) = types
        if type_ in _FLOATS and set(modifiers) <= {"ftz", "NaN"}:
            return _float_operation(prevailing if "NaN" in modifiers else of_floats, modifiers, type_, 2)
        call = np.maximum if largest else np.minimum
        if modifiers == ["relu"] and type_ == "s32":
            return Operation((type_,) * 2, type_, lambda x, y: np.maximum(call(x, y), np.int32(0)))
        if modifiers or type_ in _FLOATS:
            return None
        return Operation((type_,) * 2, type_, call)

    return build


def _sign(type_: str) -> Array:
    dtype = TYPES[type_]
    return np.array(1 << (8 * dtype.itemsize - 1), f"u{dtype.itemsize}")


def _of_bits(call: Callable[..., Array], type_: str, n: int, modifiers: Sequence[str] = ()) -> Operation:
    """What happens to a float's bits alone, as neg, abs and copysign do."""

    def of_floats(*xs: Array) -> Array:
        return call(*map(_bits, xs)).view(TYPES[type_])

    return _float_operation(of_floats, modifiers, type_, n)


def _negative(modifiers: list[str], types: list[str]) -> Operation | None:
    (type_,) = types
    if not set(modifiers) <= {"ftz"}:
        return None
    if type_ in _FLOATS:
        return _of_bits(lambda x: x ^ _sign(type_), type_, 1, modifiers)
    return Operation((type_,), type_, np.negative)


def _absolute(modifiers: list[str], types: list[str]) -> Operation | None:
    (type_,) = types
    if not set(modifiers) <= {"ftz"}:
        return None
    if type_ in _FLOATS:
        return _of_bits(lambda x: x & ~_sign(type_), type_, 1, modifiers)
    return Operation((type_,), type_, np.abs)


def _copysign(modifiers: list[str], types: list[str]) -> Operation | None:
    """ "Copy sign bit of a into value of b" """
    (type_,) = types
    sign = _sign(type_)
    return None if modifiers else _of_bits(lambda a, b: (a & sign) | (b & ~sign), type_, 2)


def _test(modifiers: list[str], types: list[str]) -> Operation | None:
    """testp"""
    tests: dict[str, Callable[[Array], Array]] = {
        "finite": np.isfinite,
        "infinite": np.isinf,
        "number": lambda x: ~np.isnan(x),
        "notanumber": np.isnan,
    }
    (type_,) = types
    if len(modifiers) != 1 or modifiers[0] not in tests:
        return None
    return Operation((type_,), "pred", tests[modifiers[0]])


# Comparisons ------------------------------------------------------------------------------

_ORDERED: dict[str, Callable[[Array, Array], Array]] = {
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
}
_OF_UNSIGNED = {"lo": "lt", "ls": "le", "hi": "gt", "hs": "ge"}
_OF_PREDICATES: dict[str, Callable[[Array, Array], Array]] = {
    "and": np.logical_and,
    "or": np.logical_or,
    "xor": np.logical_xor,
}


def _comparison(name: str, floats: bool) -> Callable[[Array, Array], Array] | None:
    name = _OF_UNSIGNED.get(name, name)
    if name in _ORDERED and (not floats or name != "ne"):
        return _ORDERED[name]
    if not floats:
        return None
    if name == "ne":  # "if either operand is NaN, the result is False" holds for ne as well
        return lambda x, y: (x < y) | (x > y)
    if name in ("nan", "num"):
        return lambda x, y: (np.isnan(x) | np.isnan(y)) == (name == "nan")
    ordered = _ORDERED.get(name.removesuffix("u"))
    return None if ordered is None else lambda x, y: ordered(x, y) | np.isnan(x) | np.isnan(y)


def _set_predicate(modifiers: list[str], types: list[str]) -> Operation | None:
    """setp; with a third operand where another predicate is combined with the outcome."""
    (type_,) = types
    flush = "ftz" in modifiers
    modifiers = [modifier for modifier in modifiers if modifier != "ftz"]
    compare = _comparison(modifiers[0], type_ in _FLOATS) if modifiers else None
    if compare is None or len(modifiers) > 2 or (len(modifiers) == 2 and modifiers[1] not in _OF_PREDICATES):
        return None

    def call(x: Array, y: Array, *others: Array) -> Array:
        holds = compare(_flushed(x), _flushed(y)) if flush else compare(x, y)
        return _OF_PREDICATES[modifiers[1]](holds, *others) if others else holds

    return Operation((type_, type_) + ("pred",) * (len(modifiers) - 1), "pred", call)


def _select(modifiers: list[str], types: list[str]) -> Operation | None:
    (type_,) = types
    if modifiers:
        return None

    def call(x: Array, y: Array, p: Array) -> Array:
        return np.where(p, x, y)

    return Operation((type_, type_, "pred"), type_, call)


# Whole numbers ----------------------------------------------------------------------------


def _wide(type_: str) -> str:
    return f"{type_[0]}{2 * int(type_[1:])}"


def _high_product(x: Array, y: Array) -> Array:
    """The upper half of the product, of whole numbers of any type."""
    if x.dtype.itemsize < 8:
        wide = np.dtype(f"{x.dtype.kind}{2 * x.dtype.itemsize}")
        upper: Array = ((x.astype(wide) * y.astype(wide)) >> (8 * x.dtype.itemsize)).astype(x.dtype)
        return upper
    half, mask = np.uint64(32), np.uint64(2**32 - 1)
    u, v = x.view(np.uint64), y.view(np.uint64)
    low = (u & mask) * (v & mask)
    middle = (u >> half) * (v & mask) + (low >> half)
    other = (u & mask) * (v >> half) + (middle & mask)
    high: Array = (u >> half) * (v >> half) + (middle >> half) + (other >> half)
    if x.dtype.kind == "i":  # each negative factor was taken 2**64 too large
        high = high - np.where(x < 0, v, 0).astype(np.uint64) - np.where(y < 0, u, 0).astype(np.uint64)
    return high.view(x.dtype)


def _product(modifiers: list[str], types: list[str]) -> Operation | None:
    (type_,) = types
    if type_ in _FLOATS:
        return _arithmetic(np.multiply, None)(modifiers, types)
    if modifiers == ["lo"]:
        return Operation((type_,) * 2, type_, np.multiply)
    if modifiers == ["hi"]:
        return Operation((type_,) * 2, type_, _high_product)
    if modifiers == ["wide"] and type_[1:] in ("16", "32"):
        wide = TYPES[_wide(type_)]
        return Operation((type_,) * 2, _wide(type_), lambda x, y: x.astype(wide) * y.astype(wide))
    return None


def _product_sum(modifiers: list[str], types: list[str]) -> Operation | None:
    """mad, of whole numbers. (mad.f32 is fma.)"""
    (type_,) = types
    if type_ in _FLOATS:
        return _multiply_add(modifiers, types)
    product = _product(modifiers, types)
    if product is None:
        return None
    return Operation(
        (*product.sources, product.result), product.result, lambda x, y, z: product.call(x, y) + z
    )


def _carrying(modifiers: list[str], types: list[str]) -> Operation | None:
    """mad.cc and madc of 32 bits, answered in 64: the carry is above the sum.

    A fourth operand is the carry that comes in.
    """
    if types != ["u32"] or (half := [m for m in modifiers if m != "cc"]) not in (["lo"], ["hi"]):
        return None
    shift, mask = np.uint64(32 if half == ["hi"] else 0), np.uint64(2**32 - 1)

    def call(x: Array, y: Array, z: Array, carry: Array) -> Array:
        product = x.astype(np.uint64) * y.astype(np.uint64)
        total: Array = ((product >> shift) & mask) + z + carry
        return total

    return Operation(("u32", "u32", "u32", "u64"), "u64", call)


def _magnitude(x: Array) -> Array:
    return np.abs(x).view(f"u{x.dtype.itemsize}")  # of the smallest number, too


def _quotient(remainder: bool) -> _Builder:
    """div and rem of whole numbers, towards zero; div of floats."""

    def call(x: Array, y: Array) -> Array:
        x, y = np.broadcast_arrays(x, np.where(y == 0, y.dtype.type(1), y))
        if x.dtype.kind == "u":
            return x % y if remainder else x // y
        size = _magnitude(x) % _magnitude(y) if remainder else _magnitude(x) // _magnitude(y)
        negative = (x < 0) if remainder else (x < 0) != (y < 0)
        return np.where(negative, -size.view(x.dtype), size.view(x.dtype))

    def undefined(x: Array, y: Array) -> Array:
        if x.dtype.kind == "u":
            return np.equal(y, 0)
        return np.equal(y, 0) | (np.equal(y, -1) & np.equal(x, np.iinfo(x.dtype).min))

    def build(modifiers: list[str], types: list[str]) -> Operation | None:
        (type_,) = types
        if type_ in _FLOATS:
            return None if remainder else _arithmetic(np.divide, None, explicit=True)(modifiers, types)
        return None if modifiers else Operation((type_,) * 2, type_, call, undefined)

    return build


def _shift(left: bool) -> _Builder:
    """ "Shift amounts greater than the register width N are clamped to N." """

    def build(modifiers: list[str], types: list[str]) -> Operation | None:
        (type_,) = types
        dtype = TYPES[type_]
        width = 8 * dtype.itemsize

        def call(x: Array, n: Array) -> Array:
            within = np.minimum(n, width - 1).astype(dtype)
            shifted = x << within if left else x >> within
            if dtype.kind == "i" and not left:  # width - 1 leaves nothing but the sign
                return shifted
            return np.where(n >= width, dtype.type(0), shifted)

        return None if modifiers else Operation((type_, "u32"), type_, call)

    return build


def _funnel(modifiers: list[str], types: list[str]) -> Operation | None:
    """shf: 32 bits out of the 64 of b, a."""
    if types != ["b32"] or len(modifiers) != 2 or modifiers[1] not in ("wrap", "clamp"):
        return None
    left, wrap = modifiers[0] == "l", modifiers[1] == "wrap"

    def call(a: Array, b: Array, c: Array) -> Array:
        n = (c & np.uint32(31) if wrap else np.minimum(c, np.uint32(32))).astype(np.uint64)
        both = (b.astype(np.uint64) << np.uint64(32)) | a
        return ((both << n) >> np.uint64(32) if left else both >> n).astype(np.uint32)

    return Operation(("b32", "b32", "u32"), "b32", call)


def _bit_field(modifiers: list[str], types: list[str]) -> Operation | None:
    """bfe"""
    (type_,) = types
    dtype = TYPES[type_]
    width = 8 * dtype.itemsize

    def call(x: Array, start: Array, length: Array) -> Array:
        start, length = start & np.uint32(255), length & np.uint32(255)
        # To the upper end and back: this repeats the sign, if there is one. What is past the end of the
        # register is filled with the sign bit as well, as the shift to the right has it.
        start = np.minimum(start, np.uint32(width - 1 if dtype.kind == "i" else width)).astype(np.int64)
        length = np.minimum(length.astype(np.int64), width - start)
        up = np.minimum(width - start - length, width - 1).astype(dtype)
        down = np.minimum(width - length, width - 1).astype(dtype)
        return np.where(length == 0, dtype.type(0), (x << up) >> down)

    return None if modifiers else Operation((type_, "u32", "u32"), type_, call)


def _logic(of_bits: Callable[..., Array], of_predicates: Callable[..., Array], n: int) -> _Builder:
    def build(modifiers: list[str], types: list[str]) -> Operation | None:
        (type_,) = types
        return (
            None
            if modifiers
            else Operation((type_,) * n, type_, of_predicates if type_ == "pred" else of_bits)
        )

    return build


# Conversions ------------------------------------------------------------------------------

_TO_WHOLE: dict[str, Callable[[Array], Array]] = {
    "rni": np.rint,
    "rzi": np.trunc,
    "rmi": np.floor,
    "rpi": np.ceil,
}


def _to_integer(source: str, result: str, to_whole: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """Clamped to what the type can hold.

    "NaN input results in following value: Zero if source is not .f64 and destination is not .s64, .u64.
    Otherwise 1 << (BitWidth(dst) - 1) corresponding to the value of (MAXINT >> 1) + 1 for unsigned type or
    MININT for signed type."
    """
    dtype, bounds = TYPES[result], np.iinfo(TYPES[result].str)
    width = 8 * dtype.itemsize
    of_nan = 0 if source != "f64" and width != 64 else (bounds.min if dtype.kind == "i" else 1 << (width - 1))

    def call(x: Array) -> Array:
        whole = to_whole(x)
        above, below = whole >= float(bounds.max + 1), whole < float(bounds.min)
        inside = np.where(above | below | np.isnan(whole), whole.dtype.type(0), whole).astype(dtype)
        inside = np.where(above, dtype.type(bounds.max), np.where(below, dtype.type(bounds.min), inside))
        return np.where(np.isnan(whole), dtype.type(of_nan), inside)

    return call


def _convert(modifiers: list[str], types: list[str]) -> Operation | None:
    """cvt"""
    if len(types) != 2:
        return None
    result, source = types
    dtype = TYPES[result]
    flush, clamp = "ftz" in modifiers, "sat" in modifiers
    rounding = [modifier for modifier in modifiers if modifier not in ("ftz", "sat")]
    call: Callable[[Array], Array]
    if source in _FLOATS and result in _FLOATS:
        if source == result and len(rounding) == 1 and rounding[0] in _TO_WHOLE:
            call = _TO_WHOLE[rounding[0]]
        elif rounding == (["rn"] if (result, source) == ("f32", "f64") else []):
            call = lambda x: x.astype(dtype)  # noqa: E731
        else:
            return None
        if flush:
            rounded = call
            call = lambda x: _flushed(rounded(_flushed(x)))  # noqa: E731
        if clamp:
            unclamped = call
            call = lambda x: _saturated(unclamped(x))  # noqa: E731
    elif source in _FLOATS:
        if len(rounding) != 1 or rounding[0] not in _TO_WHOLE or dtype.itemsize < 4:
            return None
        to_integer = _to_integer(source, result, _TO_WHOLE[rounding[0]])
        call = (lambda x: to_integer(_flushed(x))) if flush else to_integer
    elif result in _FLOATS:
        if rounding != ["rn"] or clamp:
            return None
        call = lambda x: x.astype(dtype)  # noqa: E731
    elif rounding or clamp or flush:
        return None
    else:
        call = lambda x: x.astype(dtype)  # noqa: E731
    return Operation((source,), result, call)


_BUILDERS: dict[str, _Builder] = {
    "add": _arithmetic(np.add, np.add),
    "sub": _arithmetic(np.subtract, np.subtract),
    "mul": _product,
    "fma": _multiply_add,
    "mad": lambda m, t: _carrying(m, t) if "cc" in m else _product_sum(m, t),
    "madc": _carrying,
    "div": _quotient(remainder=False),
    "rem": _quotient(remainder=True),
    "rcp": _arithmetic(_reciprocal, None, explicit=True),
    "sqrt": _arithmetic(np.sqrt, None, explicit=True),
    "min": _extreme(largest=False),
    "max": _extreme(largest=True),
    "neg": _negative,
    "abs": _absolute,
    "copysign": _copysign,
    "testp": _test,
    "setp": _set_predicate,
    "selp": _select,
    "shl": _shift(left=True),
    "shr": _shift(left=False),
    "shf": _funnel,
    "bfe": _bit_field,
    "and": _logic(np.bitwise_and, np.logical_and, 2),
    "or": _logic(np.bitwise_or, np.logical_or, 2),
    "xor": _logic(np.bitwise_xor, np.logical_xor, 2),
    "not": _logic(np.invert, np.logical_not, 1),
    "cvt": _convert,
}
