"""Nothing in a schedule leaves float32's range: infinity or NaN among a TPU's constants shows what does."""

import gzip
import pathlib

import jax
import numpy as np
import pytest
from catalogue import CATALOGUE

from parity.devices.compiler import Compiler
from parity.devices.hlo import HloProgram
from parity.devices.targets import BY_NAME, missing

TPU = BY_NAME["tpu:v5e"]
# They are given functions of the tests' own, which may do as they like.
OWN = [s for name, s in CATALOGUE.items() if "lambda" not in name and "scale" not in name]


def out_of_range(program):
    """Where constants come from that float32 does not hold, except in functions of the tests' own."""
    return sorted(
        {
            str(source)
            for _, values, source in program.constants()
            if values.dtype.kind == "f"
            and not np.isfinite(values).all()
            and "catalogue.py" not in str(source)
        }
    )


def test_a_constant_out_of_range_is_found():
    recorded = pathlib.Path(__file__).parent / "data" / "linear_to_zero.v5e.hlo.txt.gz"
    assert out_of_range(HloProgram(gzip.decompress(recorded.read_bytes()).decode())) != []


@pytest.mark.skipif(missing([TPU]) is not None, reason=str(missing([TPU])))
def test_no_constant_is_out_of_range():
    count = jax.ShapeDtypeStruct((), np.int32)
    with Compiler() as compiler:
        for some in (OWN[i::5] for i in range(5)):
            program = compiler.compile(lambda k, some=some: tuple(s(k) for s in some), [count], TPU)
            assert out_of_range(program) == []
