"""HLO on a TPU in plain Python, written from the definitions and for one value at a time.

A second opinion for `parity.devices.hlo`, with which it shares no code. Values are bits, as a Python int;
what they mean says the type: "f32", "s32", "u32" or "pred". Arithmetic on floats is done in `Fraction` and
rounded by `rounded`.
"""

import re
from fractions import Fraction

SIGN = 0x80000000
INFINITY = 0x7F800000
NAN = 0x7FC00000
WORD = 0xFFFFFFFF


# Floats


def is_nan(x):
    return x & ~SIGN > INFINITY


def is_infinite(x):
    return x & ~SIGN == INFINITY


def flushed(x):
    return x if x & INFINITY else x & SIGN


def exact(x):
    """The number that finite bits stand for."""
    exponent, fraction = (x >> 23) & 0xFF, x & 0x7FFFFF
    number = Fraction(fraction + (1 << 23 if exponent else 0)) * Fraction(2) ** (max(exponent, 1) - 150)
    return -number if x & SIGN else number


def rounded(number, sign_of_zero=0):
    """To the nearest float32, ties to even; what is below the smallest normal number is flushed."""
    if number == 0:
        return sign_of_zero
    sign, size = (SIGN, -number) if number < 0 else (0, number)
    exponent = size.numerator.bit_length() - size.denominator.bit_length()
    if size < Fraction(2) ** exponent:
        exponent -= 1
    unit = Fraction(2) ** (max(exponent, -126) - 23)
    multiple, rest = divmod(size, unit)
    if rest * 2 > unit or (rest * 2 == unit and multiple % 2):
        multiple += 1
    if multiple < 1 << 23:
        return sign
    if multiple == 1 << 24:
        multiple, exponent = 1 << 23, exponent + 1
    if exponent > 127:
        return sign | INFINITY
    return sign | (max(exponent, -126) + 127) << 23 | (multiple - (1 << 23))


def add(x, y):
    x, y = flushed(x), flushed(y)
    if is_nan(x) or is_nan(y) or (is_infinite(x) and is_infinite(y) and x != y):
        return NAN
    if is_infinite(x) or is_infinite(y):
        return x if is_infinite(x) else y
    return rounded(exact(x) + exact(y), x & y & SIGN)


def multiply(x, y):
    x, y = flushed(x), flushed(y)
    sign = (x ^ y) & SIGN
    if is_nan(x) or is_nan(y):
        return NAN
    if is_infinite(x) or is_infinite(y):
        return NAN if 0 in (x & ~SIGN, y & ~SIGN) else sign | INFINITY
    return rounded(exact(x) * exact(y), sign)


def product_is_open(x, y):
    """Whether the product is below 2**-126 and rounds to it."""
    if INFINITY in (x & INFINITY, y & INFINITY):
        return False
    size = abs(exact(flushed(x)) * exact(flushed(y)))
    return Fraction(2) ** -126 - Fraction(2) ** -150 <= size < Fraction(2) ** -126


def compare(direction, x, y):
    """Of floats."""
    x, y = flushed(x), flushed(y)
    if is_nan(x) or is_nan(y):
        return int(direction == "NE")
    return order(direction, *(_extended(z) for z in (x, y)))


def _extended(x):
    if is_infinite(x):
        return (-1 if x & SIGN else 1) * Fraction(2) ** 200
    return exact(x)


def order(direction, x, y):
    return int({"EQ": x == y, "NE": x != y, "LT": x < y, "LE": x <= y, "GT": x > y, "GE": x >= y}[direction])


def extremum(opcode, x, y):
    x, y = flushed(x), flushed(y)
    if is_nan(x) or is_nan(y):
        return NAN
    first = _extended(x) < _extended(y) if opcode == "minimum" else _extended(x) > _extended(y)
    return x if first else y


def whole(opcode, x):
    """floor, ceil, round-nearest-even, round-nearest-afz."""
    x = flushed(x)
    if is_nan(x):
        return NAN
    if is_infinite(x):
        return x
    number = exact(x)
    below = number.numerator // number.denominator
    part = number - below
    half = Fraction(1, 2)
    if opcode == "floor":
        up = False
    elif opcode == "ceil":
        up = part > 0
    elif opcode == "round-nearest-even":
        up = part > half or (part == half and below % 2 == 1)
    else:
        up = part > half or (part == half and number > 0)
    return rounded(Fraction(below + up), x & SIGN)


def to_integer(kind, x):
    return truncated(x) & WORD


def truncated(x):
    """Of a finite number."""
    size = abs(exact(x))
    number = size.numerator // size.denominator
    return -number if x & SIGN else number


def holds(kind, x):
    """Whether a whole number can be what a finite float is without its fraction."""
    least, most = (-(2**31), 2**31 - 1) if kind == "s32" else (0, 2**32 - 1)
    return not is_nan(x) and not is_infinite(x) and least <= truncated(x) <= most


# Integers


def signed(x):
    return x - 2**32 if x & SIGN else x


def number(kind, x):
    return signed(x) if kind == "s32" else x


def shift(opcode, x, by):
    """A negative amount is a large one."""
    if opcode == "shift-left":
        return (x << by) & WORD if by < 32 else 0
    if opcode == "shift-right-logical":
        return x >> by if by < 32 else 0
    return (signed(x) >> min(by, 31)) & WORD


def divide(kind, x, y):
    a, b = number(kind, x), number(kind, y)
    quotient = abs(a) // abs(b)
    return (quotient if (a < 0) == (b < 0) else -quotient) & WORD


def remainder(kind, x, y):
    a, b = number(kind, x), number(kind, y)
    rest = abs(a) % abs(b)
    return (-rest if a < 0 else rest) & WORD


def operate(opcode, result, kind, operands, direction=None):
    """One operation on operands of a type; the bits of its result."""
    x, *others = operands
    y = others[0] if others else 0
    floats = {"add": add, "multiply": multiply, "subtract": lambda x, y: add(x, y ^ SIGN)}
    if opcode == "select":
        return y if x else others[1]
    if opcode in ("bitcast-convert", "bitcast", "copy"):
        return x
    if opcode == "convert":
        if kind == "f32":
            return int(flushed(x) & ~SIGN != 0) if result == "pred" else to_integer(result, x)
        if result == "f32":
            return rounded(Fraction(number(kind, x)))
        return int(x != 0) if result == "pred" else x
    if opcode == "compare":
        if kind == "f32":
            return compare(direction, x, y)
        return order(direction, number(kind, x), number(kind, y))
    if kind == "f32":
        if opcode in floats:
            return floats[opcode](x, y)
        if opcode == "is-finite":
            return int(not is_nan(x) and not is_infinite(x))
        if opcode == "abs":
            return x & ~SIGN
        if opcode == "negate":
            return x ^ SIGN
        if opcode == "sign":
            return NAN if is_nan(x) else x & SIGN | (0x3F800000 if x & ~SIGN else 0)
        if opcode in ("minimum", "maximum"):
            return extremum(opcode, x, y)
        return whole(opcode, x)
    mask = 1 if kind == "pred" else WORD
    if opcode in ("add", "subtract", "multiply"):
        a, b = number(kind, x), number(kind, y)
        return {"add": a + b, "subtract": a - b, "multiply": a * b}[opcode] & mask
    if opcode in ("and", "or", "xor"):
        return {"and": x & y, "or": x | y, "xor": x ^ y}[opcode]
    if opcode == "not":
        return ~x & mask
    if opcode == "negate":
        return -x & mask
    if opcode == "abs":
        return abs(number(kind, x)) & mask
    if opcode == "sign":
        return ((number(kind, x) > 0) - (number(kind, x) < 0)) & mask
    if opcode.startswith("shift"):
        return shift(opcode, x, y)
    if opcode == "divide":
        return divide(kind, x, y)
    if opcode == "remainder":
        return remainder(kind, x, y)
    if opcode in ("minimum", "maximum"):
        take_x = number(kind, x) < number(kind, y)
        return x if take_x == (opcode == "minimum") else y
    if opcode == "count-leading-zeros":
        return 32 - x.bit_length()
    if opcode == "popcnt":
        return bin(x).count("1")
    raise NotImplementedError(opcode)


# Programs

LINE = re.compile(r" +(ROOT )?%([\w.-]+) = (\w+)\[\]\S* ([\w-]+)\(([^)]*)\)(?:, direction=(\w+))?", re.M)


def literal(kind, text):
    if kind == "pred":
        return int(text == "true")
    if kind != "f32":
        return int(text) & WORD
    if text in ("inf", "-inf", "nan"):
        return {"inf": INFINITY, "-inf": INFINITY | SIGN, "nan": NAN}[text]
    number = Fraction(text)
    # XLA prints constants so that they can be read back; none here is subnormal.
    return rounded(number, SIGN if text.startswith("-") else 0)


def run(text, count):
    """The bits that a program answers that has one count, one result and scalars only."""
    lines = LINE.findall(text[text.index("\nENTRY") :])
    values = {}
    for root, name, kind, opcode, inside, direction in lines:
        if opcode == "parameter":
            values[name] = kind, count & WORD
        elif opcode == "constant":
            values[name] = kind, literal(kind, inside)
        else:
            operands = [values[operand] for operand in re.findall(r"%([\w.-]+)", inside)]
            of = operands[-1][0] if opcode == "select" else operands[0][0]
            values[name] = kind, operate(opcode, kind, of, [bits for _, bits in operands], direction)
        if root:
            return values[name][1]
    raise ValueError("no ROOT")
