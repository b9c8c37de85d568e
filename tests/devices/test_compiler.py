"""The process that compiles: what it answers is the program that the function itself has."""

import json
import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxsched
import parity
from parity.devices.compare import compare
from parity.devices.compiler import ROOT, CompilationError, Compiler, read
from parity.devices.door import brought
from parity.devices.targets import BY_NAME, ENVIRONMENT, TARGETS, missing

pytestmark = pytest.mark.skipif(missing(TARGETS) is not None, reason=str(missing(TARGETS)))
COUNT = jax.ShapeDtypeStruct((), np.int32)
TPU, GPU = BY_NAME["tpu:v5e"], BY_NAME["cuda:h100"]


@pytest.fixture(scope="module")
def compiler():
    with Compiler() as made:
        yield made


@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_for_every_target(compiler, target):
    program = compiler.compile(jaxsched.StepLR(0.1, 30, gamma=0.5), [COUNT], target)
    (values,) = program.replay([np.asarray([0, 29, 30, 60, 2**31 - 1], np.int32)])
    assert values.tolist() == [np.float32(x) for x in (0.1, 0.1, 0.05, 0.025, 0.0)]


DIRECTLY = """
import json, pathlib, sys, tempfile
import jax, numpy as np
import jaxsched
from parity.devices.compiler import _device
from parity.devices.hlo import full_text
from parity.devices.ptx import gather
from parity.devices.targets import BY_NAME
target = BY_NAME[sys.argv[1]]
sharding = jax.sharding.SingleDeviceSharding(_device(target))
count = jax.ShapeDtypeStruct((), np.int32, sharding=sharding)
lowered = jax.jit(eval(sys.argv[2])).lower(count)
if target.name.startswith("tpu"):
    print(json.dumps({"hlo": full_text(lowered.compile())}))
else:
    with tempfile.TemporaryDirectory() as folder:
        compiled = lowered.compile(compiler_options={"xla_dump_to": folder, "xla_dump_emitter_re": "ptx"})
        print(json.dumps(gather(pathlib.Path(folder), full_text(compiled))))
"""


@pytest.mark.parametrize("target", [TPU, GPU], ids=str)
@pytest.mark.parametrize(
    "schedule",
    ["jaxsched.CosineAnnealingLR(0.1, T_max=100)", "jaxsched.LambdaLR(0.1, lambda k: 1 / (k + 1))"],
)
def test_the_function_itself_has_the_same_program(compiler, target, schedule):
    done = subprocess.run(
        [sys.executable, "-c", DIRECTLY, target.name, schedule],
        env={**os.environ, **ENVIRONMENT, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    directly = read(json.loads(done.stdout.splitlines()[-1]), target)
    ours = compiler.compile(eval(schedule), [COUNT], target)
    assert ours.instructions(0) == directly.instructions(0)
    assert list(map(str, ours.unknown(0))) == list(map(str, directly.unknown(0)))
    if not ours.unknown(0):
        counts = np.arange(1_000, dtype=np.int32)
        for a, b in zip(ours.replay([counts]), directly.replay([counts]), strict=True):
            assert (a.view(np.uint32) == b.view(np.uint32)).all()


def test_an_unknown_operation_is_named_with_its_line(compiler):
    def schedule(count):
        return jnp.cos(count.astype(jnp.float32))

    line = schedule.__code__.co_firstlineno + 1
    (found,) = compare([brought(schedule)], [TPU], compiler)
    (unknown,) = found["tpu:v5e"].unknown
    assert unknown.operation == "cosine"
    assert unknown.source == f"{__file__}:{line}"
    assert (found["tpu:v5e"].compared, found["tpu:v5e"].same) == (0, False)


def test_a_compiler_that_dies_is_an_error_and_the_next_one_compiles():
    with Compiler() as compiler:
        schedule = jaxsched.ConstantLR(0.1)
        compiler.compile(schedule, [COUNT], GPU)
        compiler._process.kill()
        with pytest.raises(CompilationError, match="the compiler ended with signal 9"):
            compiler.compile(schedule, [COUNT], GPU)
        compiler.compile(schedule, [COUNT], GPU)
        assert "error" in compiler._ask({"target": "cuda:h100", "program": "AAAA"})
        compiler.compile(schedule, [COUNT], GPU)


def test_a_compiler_that_refuses_its_flags_is_quoted_and_nothing_else(monkeypatch):
    monkeypatch.setenv("LIBTPU_INIT_ARGS", "--no_such_flag")
    with Compiler() as compiler, pytest.raises(CompilationError) as caught:
        compiler.compile(jaxsched.ConstantLR(0.1), [COUNT], TPU)
    assert str(caught.value).startswith(
        "the compiler ended with exit code 1: ERROR: Unknown command line flag"
    )


def test_what_no_reader_understands_is_an_error():
    with pytest.raises(CompilationError, match="its program cannot be read: "):
        read({"hlo": "no program"}, TPU)


def test_compare_devices():
    found = parity.compare_devices(jaxsched.LinearLR(0.1), "cuda:a100", "tpu:v6e", counts=range(100))
    assert list(found) == ["cuda:a100", "tpu:v6e"]
    assert [(finding.same, finding.compared) for finding in found.values()] == [(True, 100)] * 2
    plateau = jaxsched.ReduceLROnPlateau(0.1, factor=0.5, patience=1)
    assert parity.compare_devices(plateau, "cuda:h100")["cuda:h100"].same


@pytest.mark.parametrize("target", [TPU, GPU], ids=str)
def test_instructions_of_several_outputs_count_once(compiler, target):
    def function(count):
        shared = count * count + 3
        return shared * 5, shared - 7

    program = compiler.compile(function, [COUNT], target)
    first, second, both = program.instructions(0), program.instructions(1), program.instructions(0, 1)
    assert max(first, second) < both <= first + second


def test_a_users_cosine_on_a_gpu_is_executed_but_for_angles_that_take_the_long_way(compiler):
    def schedule(scale):
        return jaxsched.LambdaLR(0.1, lambda k: jnp.cos(k * scale))

    near, far = (
        compare([brought(schedule(scale), range(9_000))], [GPU], compiler)[0]["cuda:h100"]
        for scale in (0.001, 1e7)
    )
    assert near.same
    assert far.compared == 0
    (unknown,) = far.unknown
    assert (unknown.operation, unknown.why) == ("bra", "a loop that runs so often as its data say")
    assert unknown.source == f"{__file__}:{schedule.__code__.co_firstlineno + 1}"
