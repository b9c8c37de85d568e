"""Whole numbers: arithmetic, shifts, fields of bits and logic."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..program import Array
from .floats import arithmetic, multiply_add
from .operation import FLOATS, TYPES, Builder, Operation


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


def multiply(modifiers: list[str], types: list[str]) -> Operation | None:
    (type_,) = types
    if type_ in FLOATS:
        return arithmetic(np.multiply, None)(modifiers, types)
    if modifiers == ["lo"]:
        return Operation((type_,) * 2, type_, np.multiply)
    if modifiers == ["hi"]:
        return Operation((type_,) * 2, type_, _high_product)
    if modifiers == ["wide"] and type_[1:] in ("16", "32"):
        wide = TYPES[_wide(type_)]
        return Operation((type_,) * 2, _wide(type_), lambda x, y: x.astype(wide) * y.astype(wide))
    return None


def product_sum(modifiers: list[str], types: list[str]) -> Operation | None:
    """mad, of whole numbers. (mad.f32 is fma.)"""
    (type_,) = types
    if type_ in FLOATS:
        return multiply_add(modifiers, types)
    product = multiply(modifiers, types)
    if product is None:
        return None
    return Operation(
        (*product.sources, product.result), product.result, lambda x, y, z: product.call(x, y) + z
    )


def carrying(modifiers: list[str], types: list[str]) -> Operation | None:
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


def quotient(remainder: bool) -> Builder:
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
        if type_ in FLOATS:
            return None if remainder else arithmetic(np.divide, None, explicit=True)(modifiers, types)
        return None if modifiers else Operation((type_,) * 2, type_, call, undefined)

    return build


def shift(left: bool) -> Builder:
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


def funnel(modifiers: list[str], types: list[str]) -> Operation | None:
    """shf: 32 bits out of the 64 of b, a."""
    if types != ["b32"] or len(modifiers) != 2 or modifiers[1] not in ("wrap", "clamp"):
        return None
    left, wrap = modifiers[0] == "l", modifiers[1] == "wrap"

    def call(a: Array, b: Array, c: Array) -> Array:
        n = (c & np.uint32(31) if wrap else np.minimum(c, np.uint32(32))).astype(np.uint64)
        both = (b.astype(np.uint64) << np.uint64(32)) | a
        return ((both << n) >> np.uint64(32) if left else both >> n).astype(np.uint32)

    return Operation(("b32", "b32", "u32"), "b32", call)


def bit_field(modifiers: list[str], types: list[str]) -> Operation | None:
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


def logic(of_bits: Callable[..., Array], of_predicates: Callable[..., Array], n: int) -> Builder:
    def build(modifiers: list[str], types: list[str]) -> Operation | None:
        (type_,) = types
        return (
            None
            if modifiers
            else Operation((type_,) * n, type_, of_predicates if type_ == "pred" else of_bits)
        )

    return build
