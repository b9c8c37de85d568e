"""The reader of TPU programs: each operation against its definition, and whole programs."""

import gzip
import itertools
import math
import pathlib
import re
import struct

import by_definition as definition
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, strategies as st

import jaxsched
from parity.devices.hlo import HloProgram, full_text
from parity.devices.program import UnknownOperation, float32

DATA = pathlib.Path(__file__).parent / "data"
DTYPES = {"f32": np.float32, "s32": np.int32, "u32": np.uint32, "pred": np.bool_}


def recorded(name):
    """A program that XLA compiled for a TPU v5e at commit 5bcc52d, as `hlo.full_text` gives it."""
    return gzip.decompress((DATA / f"{name}.v5e.hlo.txt.gz").read_bytes()).decode()


def program(result, operation, *parameters, attributes="", before=""):
    """The text of a program of one operation on parameters of these shapes."""
    shapes = [f"  %p{n} = {shape} parameter({n})\n" for n, shape in enumerate(parameters)]
    operands = ", ".join(f"%p{n}" for n in range(len(parameters)))
    return (
        f"HloModule one, is_scheduled=true\n\n{before}ENTRY %main (p: s32[]) -> {result} {{\n"
        f"{''.join(shapes)}  ROOT %r = {result} {operation}({operands}){attributes}\n}}\n"
    )


def bits_of(array):
    return [int(x) for x in (array if array.dtype == np.bool_ else array.view(np.uint32))]


def array(kind, bits):
    bits = np.asarray(bits, np.uint32)
    return bits.astype(np.bool_) if kind == "pred" else bits.view(DTYPES[kind])


def replay_one(opcode, result, kinds, columns, direction=None):
    attributes = f", direction={direction}" if direction else ""
    text = program(f"{result}[]", opcode, *(f"{kind}[]{{:T(128)}}" for kind in kinds), attributes=attributes)
    arguments = [array(kind, column) for kind, column in zip(kinds, columns, strict=True)]
    return bits_of(HloProgram(text).replay(arguments)[0])


def bits(number):
    return struct.unpack("<I", struct.pack("<f", number))[0]


NAMED = [0.0, 0.5, 1.0, 1.5, 2.5, 3.5, 0.1, 0.49999997, 8388607.5, 8388609.0, 16777217.0, 1e-20, 3e-38, 2e38]
NAMED += [
    2.0**31,
    2.0**32,
    2.0**31 - 128,
    2.0**32 - 256,
    65536.0,
    4097.0,
    0.3,
    0.7,
    1.0 + 2.0**-23,
    2.0**-126,
]
SPECIAL = [0x00000001, 0x007FFFFF, 0x00800001, 0x7F7FFFFF, definition.INFINITY, definition.NAN, 0x7F800001]
FLOATS = [b ^ sign for b in [*map(bits, NAMED), *SPECIAL] for sign in (0, definition.SIGN)]
NUMBERS = [0, 1, 2, 3, 7, 15, 16, 31, 32, 33, 63, 64, 255, 256, 65535, 65536, 16777217, 33554435, 0x7FFFFFFF]
INTEGERS = sorted({b for n in NUMBERS for b in (n, -n & 0xFFFFFFFF, ~n & 0xFFFFFFFF, n ^ 0x80000000)})
EDGES = {"f32": FLOATS, "s32": INTEGERS, "u32": INTEGERS, "pred": [0, 1]}
ANY = {"f32": st.integers(0, 2**32 - 1), "s32": st.integers(0, 2**32 - 1), "u32": st.integers(0, 2**32 - 1)}
ANY["pred"] = st.integers(0, 1)

UNARY = {
    "f32": ["is-finite", "floor", "ceil", "round-nearest-even", "round-nearest-afz"],
    "s32": ["negate", "abs", "sign", "not", "count-leading-zeros", "popcnt"],
    "u32": ["negate", "not", "count-leading-zeros", "popcnt"],
    "pred": ["not"],
}
SHIFTS = ["shift-left", "shift-right-logical", "shift-right-arithmetic"]
BINARY = {
    "f32": ["add", "subtract", "multiply"],
    "s32": [
        "add",
        "subtract",
        "multiply",
        "divide",
        "remainder",
        "minimum",
        "maximum",
        "and",
        "or",
        "xor",
        *SHIFTS,
    ],
    "pred": ["and", "or", "xor"],
}
BINARY["u32"] = BINARY["s32"]
CONVERSIONS = [(a, b) for a, b in itertools.product(DTYPES, DTYPES) if a != b]
DIRECTIONS = ["EQ", "NE", "LT", "LE", "GT", "GE"]

OPERATIONS = [
    *((op, "pred" if op == "is-finite" else kind, [kind], None) for kind, ops in UNARY.items() for op in ops),
    *((op, kind, [kind, kind], None) for kind, ops in BINARY.items() for op in ops),
    *(("compare", "pred", [kind, kind], d) for kind in ("f32", "s32", "u32") for d in DIRECTIONS),
    *(("convert", b, [a], None) for a, b in CONVERSIONS),
    *(("select", kind, ["pred", kind, kind], None) for kind in ("f32", "u32")),
    *(("bitcast-convert", b, [a], None) for a, b in (("f32", "u32"), ("f32", "s32"), ("u32", "f32"))),
    ("bitcast", "u32", ["f32"], None),
    *((op, "f32", ["f32"], None) for op in ("abs", "negate", "sign")),
    *((op, "f32", ["f32", "f32"], None) for op in ("minimum", "maximum")),
]


def is_open(opcode, kinds, operands, result=None):
    """Whether HLO leaves open what a device answers."""
    if opcode in ("divide", "remainder"):
        return operands[1] == 0 or (kinds[0] == "s32" and operands == (2**31, 2**32 - 1))
    if opcode == "convert" and kinds[0] == "f32" and result in ("s32", "u32"):
        return not definition.holds(result, operands[0])
    if kinds[0] != "f32":
        return False
    subnormal = any(x != definition.flushed(x) for x in operands)
    if opcode in ("abs", "negate", "sign"):
        return subnormal
    if opcode in ("minimum", "maximum"):
        zeros = {x for x in operands if not x & ~definition.SIGN}
        return subnormal or len(zeros) == 2
    return opcode == "multiply" and definition.product_is_open(*operands)


def check(opcode, result, kinds, direction, rows):
    rows = [row for row in rows if not is_open(opcode, kinds, tuple(row), result)]
    if not rows:  # random ones may all be such
        return
    answered = replay_one(
        opcode, result, kinds, [list(column) for column in zip(*rows, strict=True)], direction
    )
    of = kinds[-1]
    wanted = [definition.operate(opcode, result, of, row, direction) for row in rows]
    wrong = [(row, got, want) for row, got, want in zip(rows, answered, wanted, strict=True) if got != want]
    assert not wrong, [[hex(x) for x in (*row, got, want)] for row, got, want in wrong[:5]]


IDS = [f"{op} {'-'.join(kinds)}-{result} {d or ''}".strip() for op, result, kinds, d in OPERATIONS]


@pytest.mark.parametrize(("opcode", "result", "kinds", "direction"), OPERATIONS, ids=IDS)
def test_an_operation_at_its_edges(opcode, result, kinds, direction):
    check(opcode, result, kinds, direction, list(itertools.product(*(EDGES[kind] for kind in kinds))))


@given(st.data())
def test_an_operation_anywhere(data):
    opcode, result, kinds, direction = data.draw(st.sampled_from(OPERATIONS))
    # Of two floats that are next to each other more is to be seen than of any two.
    row = st.tuples(*(st.one_of(ANY[kind], st.sampled_from(EDGES[kind])) for kind in kinds))
    rows = [*data.draw(st.lists(row, min_size=1, max_size=200)), tuple(EDGES[kind][0] for kind in kinds)]
    if opcode in ("abs", "negate", "minimum", "maximum", "sign"):
        rows.append((bits(1.0),) * len(kinds))
    check(opcode, result, kinds, direction, rows)


@pytest.mark.parametrize("by", [0, 1, 31, 32, 33, 2**31 - 1, -1, -32, -(2**31)])
@pytest.mark.parametrize("kind", ["s32", "u32"])
@pytest.mark.parametrize("opcode", SHIFTS)
def test_a_shift_by_a_constant(opcode, kind, by):
    constant = by if kind == "s32" else by & 0xFFFFFFFF
    text = f"""HloModule one

ENTRY %main (p: {kind}[]) -> {kind}[] {{
  %p = {kind}[]{{:T(128)}} parameter(0)
  %by = {kind}[]{{:T(128)}} constant({constant})
  ROOT %r = {kind}[]{{:T(128)}} {opcode}(%p, %by)
}}
"""
    answered = bits_of(HloProgram(text).replay([array(kind, INTEGERS)])[0])
    assert answered == [definition.shift(opcode, x, by & 0xFFFFFFFF) for x in INTEGERS]


# The same edges by XLA's own CPU, where it defines them as a TPU does


ON_CPU = {
    "divide": jax.lax.div,
    "remainder": jax.lax.rem,
    "shift-left": jax.lax.shift_left,
    "shift-right-logical": jax.lax.shift_right_logical,
    "shift-right-arithmetic": jax.lax.shift_right_arithmetic,
    "count-leading-zeros": jax.lax.clz,
    "popcnt": jax.lax.population_count,
    "abs": jax.lax.abs,
    "sign": jax.lax.sign,
    "minimum": jax.lax.min,
    "maximum": jax.lax.max,
    "multiply": jax.lax.mul,
    "round-nearest-even": lambda x: jax.lax.round(x, jax.lax.RoundingMethod.TO_NEAREST_EVEN),
    "round-nearest-afz": lambda x: jax.lax.round(x, jax.lax.RoundingMethod.AWAY_FROM_ZERO),
    "floor": jax.lax.floor,
    "ceil": jax.lax.ceil,
}
NORMAL = [x for x in FLOATS if x == definition.flushed(x)]


@pytest.mark.parametrize(
    ("opcode", "kind"),
    [(op, k) for op in ON_CPU for k in ("f32", "s32", "u32") if op in UNARY[k] + BINARY[k]]
    + [("minimum", "f32"), ("maximum", "f32")],
)
def test_an_operation_as_on_a_cpu(opcode, kind):
    edges = NORMAL if kind == "f32" else INTEGERS
    operands = 1 if opcode in UNARY[kind] else 2
    rows = [row for row in itertools.product(edges, repeat=operands) if not is_open(opcode, [kind], row)]
    if kind == "f32" and opcode == "multiply":  # a CPU does not always flush
        rows = [row for row in rows if definition.multiply(*row) & ~definition.SIGN]
    columns = [list(column) for column in zip(*rows, strict=True)]
    here = array(kind, replay_one(opcode, kind, [kind] * operands, columns))
    there = np.asarray(jax.jit(ON_CPU[opcode])(*(jnp.asarray(array(kind, column)) for column in columns)))
    if kind == "f32":  # of a NaN the bits are nobody's business
        assert (np.isnan(here) == np.isnan(there)).all()
        here, there = np.where(np.isnan(here), 0, here), np.where(np.isnan(there), 0, there)
    assert bits_of(here) == bits_of(there)


@pytest.mark.parametrize(("of", "to"), [(a, b) for a, b in CONVERSIONS if "pred" not in (a, b)])
def test_a_conversion_as_on_a_cpu(of, to):
    edges = [x for x in (NORMAL if of == "f32" else INTEGERS) if not is_open("convert", [of], (x,), to)]
    there = jax.lax.convert_element_type(jnp.asarray(array(of, edges)), DTYPES[to])
    assert replay_one("convert", to, [of], [edges]) == bits_of(np.asarray(there))


# What HLO leaves open


def two(first, then, kind="f32"):
    """One operation after the other."""
    return f"""HloModule two

ENTRY %main (p: f32[], q: f32[]) -> {kind}[] {{
  %p = f32[]{{:T(128)}} parameter(0)
  %q = f32[]{{:T(128)}} parameter(1)
  %x = f32[]{{:T(128)}} {first}
  ROOT %r = {kind}[]{{:T(128)}} {then}
}}
"""


SUBNORMAL, ZERO, MINUS_ZERO, ONE = (float32([x]) for x in (1, 0, definition.SIGN, bits(1.0)))


@pytest.mark.parametrize("kind", ["s32", "u32"])
@pytest.mark.parametrize("opcode", ["divide", "remainder"])
def test_a_division_by_zero_is_refused(opcode, kind):
    replay_one(opcode, kind, [kind, kind], [[7], [3]])
    with pytest.raises(UnknownOperation, match="a division by 0"):
        replay_one(opcode, kind, [kind, kind], [[7, 1], [3, 0]])
    if kind == "s32":
        with pytest.raises(UnknownOperation, match="the smallest number divided by -1"):
            replay_one(opcode, kind, [kind, kind], [[2**31], [2**32 - 1]])


@pytest.mark.parametrize(
    ("x", "kind"), [(2.0**31, "s32"), (-1.0, "u32"), (math.nan, "s32"), (math.inf, "u32")]
)
def test_a_number_that_a_whole_one_cannot_be_is_refused(x, kind):
    replay_one("convert", kind, ["f32"], [[bits(2.0)]])
    with pytest.raises(UnknownOperation, match="cannot hold"):
        replay_one("convert", kind, ["f32"], [[bits(2.0), bits(x)]])


@pytest.mark.parametrize("first", ["abs(%p)", "negate(%p)", "minimum(%p, %q)", "maximum(%q, %p)", "sign(%p)"])
def test_a_subnormal_that_only_a_device_can_flush_is_refused(first):
    for then in ("copy(%x)", "select(%c, %x, %q)", "bitcast(%x)"):
        text = two(first, then).replace(
            "  %x =", "  %c = pred[]{:T(512)} compare(%p, %q), direction=EQ\n  %x ="
        )
        shown = HloProgram(text)
        with pytest.raises(UnknownOperation, match="only the device knows"):
            shown.replay([SUBNORMAL, ONE])
        shown.replay([ONE, ONE])
    with pytest.raises(UnknownOperation, match="only the device knows"):
        HloProgram(two(first, "bitcast-convert(%x)", "u32")).replay([SUBNORMAL, ONE])


@pytest.mark.parametrize("first", ["abs(%p)", "negate(%p)", "minimum(%p, %q)", "maximum(%q, %p)"])
def test_a_subnormal_that_nobody_sees_is_not_refused(first):
    (got,) = HloProgram(two(first, "add(%x, %q)")).replay([SUBNORMAL, ONE])
    assert got == (2 if first.startswith("max") else 1)


@pytest.mark.parametrize("first", ["minimum(%p, %q)", "maximum(%p, %q)"])
def test_the_choice_between_two_zeros(first):
    zeros = [ZERO, MINUS_ZERO]
    for then in ("copy(%x)", "add(%x, %x)", "multiply(%x, %q)"):
        with pytest.raises(UnknownOperation, match="which of the two zeros"):
            HloProgram(two(first, then)).replay(zeros)
    assert bits_of(HloProgram(two(first, "abs(%x)")).replay(zeros)[0]) == [0]
    assert HloProgram(two(first, "compare(%x, %q), direction=EQ", "pred")).replay(zeros)[0].all()
    (same,) = HloProgram(two(first, "copy(%x)")).replay([MINUS_ZERO, MINUS_ZERO])
    assert bits_of(same) == [definition.SIGN]


@pytest.mark.parametrize("cast", ["bitcast", "bitcast-convert"])
def test_integers_made_of_a_float_see_all_of_its_bits(cast):
    """What compares bits is not what compares numbers."""
    text = two("abs(%p)", "compare(%b, %b), direction=EQ", "pred").replace(
        "  ROOT", f"  %b = u32[]{{:T(128)}} {cast}(%x)\n  ROOT"
    )
    found = HloProgram(text)
    assert not found.unknown(0)
    with pytest.raises(UnknownOperation, match="whether it flushes"):
        found.replay([SUBNORMAL, ONE])


def test_a_product_that_rounds_to_the_smallest_normal_number():
    """It is below it, and flushed by a device that looks before it rounds."""
    x, y = float32([bits(2.0**-63 * (1 + 2.0**-12))]), float32([bits(2.0**-63 * (1 - 2.0**-12))])
    assert definition.product_is_open(bits_of(x)[0], bits_of(y)[0])
    text = program("f32[]", "multiply", "f32[]", "f32[]")
    with pytest.raises(UnknownOperation, match="flushed") as raised:
        HloProgram(text).replay([x, y])
    assert raised.value.operation == "multiply"
    below = HloProgram(text).replay([x, y * np.float32(1 - 2.0**-20)])[0]
    assert bits_of(below) == [0]
    exactly = HloProgram(text).replay([float32([bits(2.0**-63)])] * 2)[0]
    assert bits_of(exactly) == [0x00800000]


@pytest.mark.parametrize("of", ["0.25", "-8", "1", "8.50705917e+37", "1.17549435e-38"])
def test_a_division_by_a_power_of_two_is_exact(of):
    text = two(f"constant({of})", "divide(%p, %x)")
    rows = [x for x in NORMAL if not definition.product_is_open(x, bits(1 / float(of)))]
    (got,) = HloProgram(text).replay([array("f32", rows)] * 2)
    assert bits_of(got) == [definition.multiply(x, bits(1 / float(of))) for x in rows]


@pytest.mark.parametrize("of", ["3", "0", "inf", "nan", "1.70141183e+38", "1e-45"])
def test_any_other_division_only_the_device_knows(of):
    found = HloProgram(two(f"constant({of})", "divide(%p, %x)"))
    (unknown,) = found.unknown(0)
    assert (unknown.operation, unknown.why) == ("divide", "only the device knows its last bit")
    with pytest.raises(UnknownOperation, match="divide"):
        found.replay([ONE, ONE])


@pytest.mark.parametrize(
    "opcode", ["cosine", "exponential", "rsqrt", "sqrt", "log", "tanh", "logistic", "erf"]
)
def test_a_function_only_the_device_knows(opcode):
    (unknown,) = HloProgram(program("f32[]", opcode, "f32[]")).unknown(0)
    assert (unknown.operation, unknown.why) == (opcode, "only the device knows its last bit")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (program("f32[]", "custom-call", "f32[]", attributes=', custom_call_target="x"'), "does not know it"),
        (program("f32[]", "frobnicate", "f32[]"), "does not know it"),
        (program("f64[]", "negate", "f64[]"), "does not know the type f64"),
        (program("bf16[]", "convert", "f32[]"), "does not know the type bf16"),
        (
            program("pred[]", "compare", "f32[]", "f32[]", attributes=", direction=LT, type=TOTALORDER"),
            "TOTAL",
        ),
        (two("constant({...})", "add(%p, %x)"), "print large constants"),
        (two("constant(nan(0x1))", "add(%p, %x)"), "does not know the value"),
    ],
)
def test_what_the_reader_does_not_know(text, why):
    found = HloProgram(text)
    with pytest.raises(UnknownOperation, match=why):
        found.replay([ONE] * 2 if "%q" in text else [ONE] * text.count("parameter"))


# Arrays


def arrays(x, *others):
    """For two calls: different values in each."""
    return [np.stack([a, a[..., ::-1] * 3 + 1]).astype(np.int32) for a in (x, *others)]


GRID = np.arange(24, dtype=np.int32).reshape(2, 3, 4)


@pytest.mark.parametrize(
    ("result", "operation", "attributes", "wanted"),
    [
        ((4, 6), "reshape", "", lambda x: x.reshape(4, 6)),
        ((4, 2, 3), "transpose", ", dimensions={2,0,1}", lambda x: x.transpose(2, 0, 1)),
        ((2, 3, 4), "reverse", ", dimensions={0,2}", lambda x: x[::-1, :, ::-1]),
        ((1, 2, 2), "slice", ", slice={[1:2], [0:2], [0:4:3]}", lambda x: x[1:2, 0:2, 0:4:3]),
        ((2, 5, 3, 4), "broadcast", ", dimensions={0,2,3}", lambda x: np.stack([x] * 5, 1)),
        # Transposed memory, looked at in its own order.
        ((4, 3, 2), "bitcast", "", lambda x: x.transpose(2, 1, 0)),
    ],
)
def test_what_moves_elements(result, operation, attributes, wanted):
    shape = f"s32[{','.join(map(str, result))}]"
    layout = "{0,1,2:T(1,128)}" if operation == "bitcast" else "{2,1,0}"
    out = "{2,1,0:T(1,128)}" if operation == "bitcast" else ""
    text = program(shape + out, operation, f"s32[2,3,4]{layout}", attributes=attributes)
    (x,) = arrays(GRID)
    (got,) = HloProgram(text).replay([x])
    np.testing.assert_array_equal(got, np.stack([wanted(each) for each in x]))


def test_a_bitcast_of_what_lies_in_tiles():
    """Two rows of two tiles each: in memory the tiles come one after the other."""
    text = program("s32[2,2,128]{2,1,0:T(2,128)}", "bitcast", "s32[2,256]{1,0:T(2,128)}")
    x = np.arange(512, dtype=np.int32).reshape(1, 2, 256)
    (got,) = HloProgram(text).replay([x])
    np.testing.assert_array_equal(got[0], x[0].reshape(2, 2, 128).transpose(1, 0, 2))
    first = HloProgram(program("s32[1]{0:T(128)}", "bitcast", "s32[5]{0:T(128)}"))
    assert first.replay([np.arange(10, dtype=np.int32).reshape(2, 5)])[0].tolist() == [[0], [5]]
    beyond = HloProgram(program("s32[5]{0:T(128)}", "bitcast", "s32[1]{0:T(128)}"))
    assert "holds no element" in beyond.unknown(0)[0].why


def test_pad():
    text = program("s32[6,2]", "pad", "s32[2,3]", "s32[]", attributes=", padding=1_2_1x0_-1")
    x, value = np.arange(6, dtype=np.int32).reshape(1, 2, 3), np.array([-1], np.int32)
    (got,) = HloProgram(text).replay([x, value])
    assert got[0].tolist() == [[-1, -1], [0, 1], [-1, -1], [3, 4], [-1, -1], [-1, -1]]


def test_concatenate_and_iota():
    text = """HloModule m

ENTRY %main (p: s32[2,2]) -> s32[2,5] {
  %p = s32[2,2]{1,0:T(2,128)} parameter(0)
  %i = s32[2,3]{1,0:T(2,128)} iota(), iota_dimension=1
  ROOT %r = s32[2,5]{1,0:T(2,128)} concatenate(%p, %i), dimensions={1}
}
"""
    (got,) = HloProgram(text).replay([np.arange(8, dtype=np.int32).reshape(2, 2, 2)])
    assert got.tolist() == [[[0, 1, 0, 1, 2], [2, 3, 0, 1, 2]], [[4, 5, 0, 1, 2], [6, 7, 0, 1, 2]]]


@pytest.mark.parametrize("start", [-5, 0, 1, 2, 3, 100])
def test_dynamic_slices_are_moved_inside(start):
    x, at = np.arange(10, dtype=np.int32).reshape(2, 5), np.array([start, 0], np.int32)
    text = program("s32[3]", "dynamic-slice", "s32[5]", "s32[]", attributes=", dynamic_slice_sizes={3}")
    inside = min(max(start, 0), 2)
    (got,) = HloProgram(text).replay([x, at])
    assert got.tolist() == [list(range(inside, inside + 3)), [5, 6, 7]]
    update = np.full((2, 3), -1, np.int32)
    text = program("s32[5]", "dynamic-update-slice", "s32[5]", "s32[3]", "s32[]")
    (got,) = HloProgram(text).replay([x, update, at])
    wanted = list(range(5))
    wanted[inside : inside + 3] = [-1] * 3
    assert got.tolist() == [wanted, [-1, -1, -1, 8, 9]]


GATHERS = {
    "rows": lambda x, i: x.at[i[:, 0]].get(mode="promise_in_bounds"),
    "elements": lambda x, i: x.at[i[:, 0], i[:, 1]].get(mode="promise_in_bounds"),
    "columns": lambda x, i: x.at[:, i[:, 1]].get(mode="promise_in_bounds"),
    "between": lambda x, i: x.reshape(2, 3, 4).at[:, i[:, 0] % 3].get(mode="promise_in_bounds"),
    "along": lambda x, i: jnp.take_along_axis(x, i[:, :1] % 4, axis=1, mode="promise_in_bounds"),
    "clipped": lambda x, i: x.at[i[:, 0] * 100 - 50].get(mode="clip"),
}


@pytest.mark.parametrize("name", GATHERS)
def test_a_gather_as_on_a_cpu(name):
    """The forms that jax.numpy makes."""
    x = np.arange(24, dtype=np.int32).reshape(1, 6, 4) * np.array([1, -3], np.int32).reshape(2, 1, 1)
    rng = np.random.default_rng(0)
    index = rng.integers(0, 4, (2, 6, 2)).astype(np.int32)
    with jax.numpy_dtype_promotion("standard"):
        lowered = jax.jit(GATHERS[name]).lower(x[0], index[0])
        wanted = np.stack(
            [GATHERS[name](jnp.asarray(a), jnp.asarray(i)) for a, i in zip(x, index, strict=True)]
        )
    text = lowered.as_text(dialect="hlo")
    assert " gather(" in text
    np.testing.assert_array_equal(HloProgram(text).replay([x, index])[0], wanted)


def reducing(opcode, kind, shape, result, dimensions):
    return f"""HloModule m

%region (a: {kind}[], b: {kind}[]) -> {kind}[] {{
  %a = {kind}[]{{:T(128)}} parameter(0)
  %b = {kind}[]{{:T(128)}} parameter(1)
  ROOT %c = {kind}[]{{:T(128)}} {opcode}(%a, %b)
}}

ENTRY %main (p: {kind}{shape}) -> {kind}{result} {{
  %p = {kind}{shape} parameter(0)
  %zero = {kind}[]{{:T(128)}} constant(7)
  ROOT %r = {kind}{result} reduce(%p, %zero), dimensions={dimensions}, to_apply=%region
}}
"""


def test_reduce():
    (x,) = arrays(GRID)
    (got,) = HloProgram(reducing("add", "s32", "[2,3,4]", "[3]", "{0,2}")).replay([x])
    np.testing.assert_array_equal(got, x.sum((1, 3)) + 7)
    most = HloProgram(reducing("maximum", "f32", "[4]", "[]", "{0}"))
    assert most.replay([np.array([[1, 2, 9, 3], [1, 2, 3, 4]], np.float32)])[0].tolist() == [9, 7]
    assert most.instructions(0) == 6
    total = HloProgram(reducing("add", "f32", "[4]", "[]", "{0}"))
    assert "order" in total.unknown(0)[0].why
    one = HloProgram(reducing("add", "f32", "[1]", "[]", "{0}"))
    assert one.replay([np.array([[2.0]], np.float32)])[0].tolist() == [9]


# Whole programs


COUNTS = np.concatenate([np.arange(-3, 60), [395, 400, 401, 4095, 2**24 + 1, 2**31 - 1, -(2**31)]]).astype(
    np.int32
)


def test_the_fault_that_a_flushed_subnormal_makes():
    """Its float64 is a pair of float32 on a TPU, where 2.0**149 is infinity and 0 * inf NaN."""
    (got,) = HloProgram(recorded("linear_to_zero")).replay([COUNTS])
    schedule = jaxsched.LinearLR(0.1, start_factor=1.0, end_factor=0.0, total_iters=10)
    late = COUNTS >= 10
    assert set(bits_of(np.abs(got[late]))) == {0x34C00000} == {bits(3.5762787e-07)}
    assert bits_of(got[~late]) == bits_of(schedule.on_host(COUNTS[~late]))
    assert (schedule.on_host(COUNTS[late]) == 0).all()


def test_a_second_reader_agrees():
    text = recorded("linear_to_zero")
    (got,) = HloProgram(text).replay([COUNTS])
    assert bits_of(got) == [definition.run(text, int(count)) for count in COUNTS]


def test_a_table():
    """Boundaries that are counted by a reduction of pairs, and two look-ups."""
    (got,) = HloProgram(recorded("table")).replay([COUNTS])
    schedule = jaxsched.MultiStepLR(0.1, milestones=list(range(10, 410, 10)), gamma=0.9)
    assert bits_of(got) == bits_of(schedule.on_host(COUNTS))


def test_two_schedules_in_one_program_answer_as_each_alone():
    both = HloProgram(recorded("two"))
    alone = [HloProgram(recorded(name)) for name in ("linear_to_zero", "table")]
    assert both.outputs == 2
    for got, single in zip(both.replay([COUNTS]), alone, strict=True):
        assert bits_of(got) == bits_of(single.replay([COUNTS])[0])
    (second,) = both.replay([COUNTS], [1])
    assert bits_of(second) == bits_of(alone[1].replay([COUNTS])[0])
    assert both.instructions(0) < 400


def states(machine, steps):
    """A trace on the host: each state with the metric that it is given, and what comes of it."""
    metrics = np.random.default_rng(0).choice([0.5, 1.0, 2.0, np.inf, np.nan], steps).astype(np.float32)
    step = jax.jit(lambda state, metric: machine.step(state, metric))
    state, before, after = machine.init(), [], []
    for metric in metrics:
        before.append(jax.tree.leaves((state, metric)))
        state = step(state, metric)
        after.append(jax.tree.leaves(state))
    return [[np.stack(leaf) for leaf in zip(*each, strict=True)] for each in (before, after)]


def test_a_step_of_a_plateau():
    """All but what rounding took, which needs more bits than a pair has."""
    machine = jaxsched.ReduceLROnPlateau(0.1, factor=0.5, patience=1)
    before, after = states(machine, 30)
    found = HloProgram(recorded("plateau_step"))
    for name, got, wanted in zip(machine.init()._fields, found.replay(before), after, strict=True):
        assert got.shape == wanted.shape
        if name != "lr_rest":
            assert bits_of(got) == bits_of(wanted), name


def test_a_step_with_a_window():
    """`maximum` of two padded arrays puts arrays together; a division only the device knows."""
    machine = jaxsched.hugging_face.GreedyLR(0.1, smooth=True, window_size=5)
    before, after = states(machine, 30)
    found = HloProgram(recorded("greedy_step"))
    known = set()
    for n, (name, wanted) in enumerate(zip(machine.init()._fields, after, strict=True)):
        if found.unknown(n):
            assert {u.operation for u in found.unknown(n)} == {"divide"}
            assert all("greedy_lr.py" in (u.source or "") for u in found.unknown(n))
            with pytest.raises(UnknownOperation):
                found.replay(before, [n])
        else:
            np.testing.assert_array_equal(found.replay(before, [n])[0], wanted)
            known.add(name)
    assert known == {"window", "last_epoch"}
    with pytest.raises(UnknownOperation, match=r"divide: only the device knows its last bit, at .*\.py:\d+"):
        found.replay(before)


def branches(k):
    x = jax.lax.cond(k > 5, lambda k: (k * 3, k), lambda k: (k - 7, k + 1), k)
    y = jax.lax.fori_loop(0, jnp.minimum(x[0] & 15, 9), lambda i, s: (s[0] * 5 + i, s[1] ^ s[0]), (k, x[1]))
    z = jax.lax.switch(k, [lambda k: k + 1, lambda k: k * 2, lambda k: k - 9], y[0])
    return y, z, x


def test_branches_and_loops():
    found = HloProgram(recorded("branches"))
    wanted = jax.tree.leaves(jax.vmap(branches)(jnp.asarray(COUNTS)))
    for got, want in zip(found.replay([COUNTS]), wanted, strict=True):
        assert bits_of(got) == bits_of(np.asarray(want))


def test_a_conditional_by_a_boolean():
    """The first of its computations is that of the truth."""
    once = """%NAME (p: s32[]) -> s32[] {
  %p = s32[]{:T(128)} parameter(0)
  ROOT %r = s32[]{:T(128)} OPCODE(%p)
}

"""
    before = "".join(
        once.replace("NAME", name).replace("OPCODE", opcode)
        for name, opcode in (("yes", "negate"), ("no", "not"))
    )
    for attributes in (", true_computation=%yes, false_computation=%no", ", branch_computations={%yes, %no}"):
        text = program(
            "s32[]", "conditional", "pred[]", "s32[]", "s32[]", attributes=attributes, before=before
        )
        found = HloProgram(text)
        arguments = [np.array([True, False]), np.array([5, 6], np.int32), np.array([7, 8], np.int32)]
        assert found.replay(arguments)[0].tolist() == [-5, -9]
        assert found.instructions(0) == 8


def test_a_conditional_by_a_number():
    """One out of bounds takes the last of its computations."""
    before = "".join(
        f"%to_{n} (p: s32[]) -> s32[] {{\n  %p = s32[] parameter(0)\n  %n = s32[] constant({n})\n"
        "  ROOT %r = s32[] multiply(%p, %n)\n}\n\n"
        for n in (10, 11, 12)
    )
    calls = ", branch_computations={%to_10, %to_11, %to_12}"
    text = program("s32[]", "conditional", *["s32[]"] * 4, attributes=calls, before=before)
    index = np.array([0, 1, 2, 3, -1, -(2**31)], np.int32)
    (got,) = HloProgram(text).replay([index, *[np.ones(6, np.int32)] * 3])
    assert got.tolist() == [10, 11, 12, 12, 12, 12]


def looked_up(k):
    table = jnp.arange(24, dtype=jnp.int32).reshape(4, 6) * 7
    floats = (jnp.arange(24, dtype=jnp.float32) / 8).reshape(4, 6)
    row = floats[k % 4]
    return (
        table.at[k & 3, (k >> 2) % 6].get(mode="promise_in_bounds"),
        jax.lax.dynamic_update_slice(floats, row[None] * 0.5, (k, 0)),
        jnp.concatenate([row, row[::-1]]).at[k % 12].set(3.0),
        jnp.max(table[k % 4]),
        jnp.sum(table * k, axis=0),
        floats.T[k % 6],
        jnp.argmax(table[k % 4]).astype(jnp.int32),
    )


def test_arrays_of_a_compiled_program():
    found = HloProgram(recorded("arrays"))
    with jax.numpy_dtype_promotion("standard"):
        wanted = jax.vmap(looked_up)(jnp.asarray(COUNTS))
    for got, want in zip(found.replay([COUNTS]), wanted, strict=True):
        np.testing.assert_array_equal(got, np.asarray(want))


def test_an_unknown_operation_names_the_line_it_came_from():
    found = HloProgram(recorded("optax_cosine"))
    (unknown,) = found.unknown(0)
    assert unknown.operation == "cosine"
    assert re.search(r"optax/.*\.py:\d+$", unknown.source or "")
    with pytest.raises(UnknownOperation, match=r"cosine: only the device knows its last bit, at .*optax"):
        found.replay([COUNTS])


def test_the_source_is_a_line_of_the_formula():
    sources = {source for _, _, source in HloProgram(recorded("linear_to_zero")).constants()}
    assert any(re.search(r"schedulers/linear_lr\.py:\d+$", source or "") for source in sources)
    text = recorded("linear_to_zero")
    unknown = HloProgram(text.replace(" convert(", " frobnicate(", 1)).unknown(0)[0]
    # Read in the tables by hand: the conversion in `_times`, called by `interpolate`, by this line.
    assert re.search(r"schedulers/linear_lr\.py:52$", unknown.source or "")


# The table of frames as a program of another version prints it: callers' numbers as they are.
FRAMES = """HloModule m

FileNames
1 "/src/mine.py"
2 "/src/jaxsched/_numerics/counts.py"
3 "/lib/site-packages/jax/_src/lax.py"

FunctionNames
1 "mine"

FileLocations
1 {file_name_id=1 function_name_id=1 line=12 end_line=12 column=1 end_column=2}
2 {file_name_id=2 function_name_id=1 line=34 end_line=34 column=1 end_column=2}
3 {file_name_id=3 function_name_id=1 line=56 end_line=56 column=1 end_column=2}

StackFrames
1 {file_location_id=1 parent_frame_id=ROOT}
2 {file_location_id=2 parent_frame_id=FIRST}
3 {file_location_id=3 parent_frame_id=SECOND}
4 {file_location_id=2 parent_frame_id=ROOT}


ENTRY %main (p: f32[]) -> f32[] {
  %p = f32[] parameter(0)
  ROOT %r = f32[] cosine(%p), metadata={op_name="dimensions={3}" stack_frame_id=FRAME}
}
"""


@pytest.mark.parametrize("shift", [0, 1])
@pytest.mark.parametrize(
    ("frame", "wanted"),
    [
        (1, "/src/mine.py:12"),
        (2, "/src/mine.py:12"),
        (3, "/src/mine.py:12"),
        (4, "/src/jaxsched/_numerics/counts.py:34"),
    ],
)
def test_frames(frame, wanted, shift):
    text = FRAMES
    for name, number in {"ROOT": 0, "FIRST": 1, "SECOND": 2}.items():
        text = text.replace(f"parent_frame_id={name}", f"parent_frame_id={number + shift}")
    (unknown,) = HloProgram(text.replace("FRAME}", f"{frame}}}")).unknown(0)
    assert unknown.source == wanted


def test_an_older_programs_source():
    metadata = ', metadata={op_name="f" source_file="/src/mine.py" source_line=7}'
    (unknown,) = HloProgram(program("f32[]", "cosine", "f32[]", attributes=metadata)).unknown(0)
    assert unknown.source == "/src/mine.py:7"


@pytest.mark.parametrize("name", ["linear_to_zero", "table", "optax_cosine"])
def test_the_instructions_of_a_single_output_are_all_of_its_lines(name):
    text = recorded(name)
    lines = re.findall(r"^ +(?:ROOT )?%?[\w.-]+ = ", text, re.MULTILINE)
    assert HloProgram(text).instructions(0) == len(lines)


def test_constants():
    found = {name: value for name, value, _ in HloProgram(recorded("table")).constants()}
    boundaries = [value for value in found.values() if value.shape == (40,)]
    assert [value.tolist() for value in boundaries] == [list(range(10, 410, 10))]
    assert any(value.dtype == np.float32 and np.isinf(value).any() for value in found.values())
    with pytest.raises(UnknownOperation, match="print large constants"):
        list(HloProgram(two("constant({...})", "add(%p, %x)")).constants())


def test_the_full_text_has_all_constants():
    table = np.arange(100, dtype=np.float32) ** 3
    compiled = jax.jit(lambda k: jnp.asarray(table).at[k].get(mode="promise_in_bounds")).lower(0).compile()
    with pytest.raises(UnknownOperation, match="print large constants"):
        list(HloProgram(compiled.as_text() or "").constants())
    values = [value for _, value, _ in HloProgram(full_text(compiled)).constants() if value.shape == (100,)]
    np.testing.assert_array_equal(values, [table])


def test_a_constant_that_needs_all_of_its_digits():
    text = program("f32[3]", "copy", "f32[3]").replace(
        "parameter(0)", "constant({1.40129846e-45, -0, 16777215})"
    )
    assert bits_of(HloProgram(text).replay([])[0][0]) == [1, definition.SIGN, bits(16777215.0)]


def test_many_calls_are_cut_and_put_together():
    found = HloProgram(recorded("linear_to_zero"))
    many = np.resize(COUNTS, 40_000)
    (got,), (few,) = found.replay([many]), found.replay([COUNTS])
    assert bits_of(got) == bits_of(np.resize(few, 40_000))


def test_arguments_that_do_not_fit():
    found = HloProgram(recorded("linear_to_zero"))
    for wrong in ([], [COUNTS, COUNTS], [COUNTS.astype(np.int64)], [COUNTS[:, None]]):
        with pytest.raises(ValueError, match="for each call"):
            found.replay(wrong)
    with pytest.raises(ValueError, match="same number of calls"):
        HloProgram(program("f32[]", "add", "f32[]", "f32[]")).replay([ONE, float32([0, 0])])


def test_a_program_without_parameters():
    text = "HloModule m\n\nENTRY %main () -> f32[] {\n  ROOT %r = f32[] constant(0.5)\n}\n"
    assert HloProgram(text).replay([])[0].tolist() == [0.5]
    assert HloProgram(text).replay([COUNTS])[0].tolist() == [0.5] * len(COUNTS)


@pytest.mark.parametrize(
    "text", ["", "no program", "HloModule m\n\nENTRY %m (p: f32[]) -> f32[] {\n  what\n}\n"]
)
def test_what_is_no_program(text):
    with pytest.raises(ValueError, match="It is no"):
        HloProgram(text)
