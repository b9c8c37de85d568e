"""What the instructions of PTX compute, each as NumPy has it, to the last bit.

A register is bits, so what goes in and comes out are arrays of unsigned integers (of bool for a
predicate); an instruction's type says how it looks at them. "The ISA" is NVIDIA's *PTX ISA*, from which
the sentences in quotation marks are. Which of the NaNs an operation answers is not told; here it is NumPy's.
"""

from __future__ import annotations

import numpy as np

from ..program import NOT_KNOWN, ONLY_THE_DEVICE
from .comparisons import select, set_predicate
from .conversions import convert
from .floats import absolute, arithmetic, copysign, extreme, multiply_add, negate, reciprocal, test_property
from .integers import bit_field, carrying, funnel, logic, multiply, product_sum, quotient, shift
from .operation import TYPES, Builder, Operation


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


_BUILDERS: dict[str, Builder] = {
    "add": arithmetic(np.add, np.add),
    "sub": arithmetic(np.subtract, np.subtract),
    "mul": multiply,
    "fma": multiply_add,
    "mad": lambda m, t: carrying(m, t) if "cc" in m else product_sum(m, t),
    "madc": carrying,
    "div": quotient(remainder=False),
    "rem": quotient(remainder=True),
    "rcp": arithmetic(reciprocal, None, explicit=True),
    "sqrt": arithmetic(np.sqrt, None, explicit=True),
    "min": extreme(largest=False),
    "max": extreme(largest=True),
    "neg": negate,
    "abs": absolute,
    "copysign": copysign,
    "testp": test_property,
    "setp": set_predicate,
    "selp": select,
    "shl": shift(left=True),
    "shr": shift(left=False),
    "shf": funnel,
    "bfe": bit_field,
    "and": logic(np.bitwise_and, np.logical_and, 2),
    "or": logic(np.bitwise_or, np.logical_or, 2),
    "xor": logic(np.bitwise_xor, np.logical_xor, 2),
    "not": logic(np.invert, np.logical_not, 1),
    "cvt": convert,
}
