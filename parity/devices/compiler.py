"""Compiles for devices that are not here, in a process of its own.

The compilers must find their environment set before JAX is imported, they print, and a fault of theirs
ends the process that they are in. So `Compiler` starts ``python -m parity.devices.compiler`` and sends it
what is to be compiled as `jax.export` writes it: traced and lowered here, where the function is, and for
the platform of the device. What `jax.export` keeps is the whole program with its source lines; tests show
that the device's program is the one that compiling the function itself gives.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import IO, Any, TypeAlias

from .program import Program
from .targets import BY_NAME, ENVIRONMENT, Family, Target

Texts: TypeAlias = dict[str, str]
"""A compiled program, as its reader takes it."""

ROOT = pathlib.Path(__file__).parents[2]


class CompilationError(Exception):
    """The program could not be made; the text is the compiler's own."""


class Compiler:
    """A process that compiles; started when it is first needed, and anew when it has ended.

    Use it as a context manager, or `close` it.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._said: IO[bytes] | None = None

    def __enter__(self) -> Compiler:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the process."""
        process, said = self._process, self._said
        self._process = self._said = None
        if process is not None:
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    pipe.close()  # type: ignore[union-attr]
            process.wait()
        if said is not None:
            said.close()

    def texts(self, function: Callable[..., Any], arguments: Sequence[Any], target: Target) -> Texts:
        """What ``function`` is compiled to.

        Args:
          function: of one or more arrays, whose answer is an array or a tuple of some.
          arguments: a `jax.ShapeDtypeStruct` for each.
          target: for what.

        Raises:
          CompilationError: JAX cannot export it, or the compiler refuses it or does not survive it.
        """
        import jax
        import jax.export

        try:
            with jax.numpy_dtype_promotion("standard"):  # the function may be anyone's
                exported = jax.export.export(jax.jit(function), platforms=[target.family.value])(*arguments)
            program = exported.serialize()
        except Exception as reason:  # a callback, say, which needs the host beside the device
            raise CompilationError(f"it cannot be exported: {type(reason).__name__}: {reason}") from reason
        answer = self._ask({"target": target.name, "program": base64.b64encode(program).decode("ascii")})
        if "error" in answer:
            raise CompilationError(answer["error"])
        texts: Texts = answer["texts"]
        return texts

    def compile(self, function: Callable[..., Any], arguments: Sequence[Any], target: Target) -> Program:
        """The same, read: something to execute."""
        return read(self.texts(function, arguments, target), target)

    def _ask(self, job: Mapping[str, str]) -> dict[str, Any]:
        process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(json.dumps(job) + "\n")
            process.stdin.flush()
        line = process.stdout.readline()
        if line:
            answer: dict[str, Any] = json.loads(line)
            return answer
        code = process.wait()
        assert self._said is not None
        self._said.seek(0)
        last = self._said.read().decode(errors="replace").strip().splitlines()[-5:]
        self.close()
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return {"error": f"the compiler ended with {how}: {' '.join(last) or 'it said nothing'}"}

    def _start(self) -> subprocess.Popen[str]:
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 -- `close` does
        path = os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), str(ROOT))))
        self._process = subprocess.Popen(
            # Python warns that the module is there already; what is said last must be the compiler's.
            [sys.executable, "-W", "ignore::RuntimeWarning:runpy", "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
            env={**os.environ, **ENVIRONMENT, "PYTHONPATH": path},
        )
        return self._process


def read(texts: Texts, target: Target) -> Program:
    """A compiled program, to be executed.

    Raises:
      CompilationError: its reader does not know what to make of it.
    """
    try:
        return _read(texts, target)
    except ValueError as reason:
        raise CompilationError(f"its program cannot be read: {reason}") from reason


def _read(texts: Texts, target: Target) -> Program:
    if target.family is Family.TPU:
        from .hlo import HloProgram

        return HloProgram(texts["hlo"])
    from .ptx import PtxProgram

    return PtxProgram(texts)


# In the process that compiles -----------------------------------------------------------


def main() -> None:
    """Answers each line of standard input, a job, with a line on standard output."""
    # What the compilers print must not come between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        job = json.loads(line)
        try:
            texts = _compiled(base64.b64decode(job["program"]), BY_NAME[job["target"]])
            answer: dict[str, Any] = {"texts": texts}
        except Exception as reason:
            answer = {"error": f"{type(reason).__name__}: {reason}"}
        print(json.dumps(answer), file=answers, flush=True)


def _compiled(program: bytes, target: Target) -> Texts:
    import jax
    import jax.experimental.topologies
    import jax.export

    device = _device(target)
    if device.device_kind != target.kind:
        raise RuntimeError(f"asked for {target.kind}, got {device.device_kind}")
    exported = jax.export.deserialize(bytearray(program))
    sharding = jax.sharding.SingleDeviceSharding(device)
    arguments = [
        jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding)  # type: ignore[no-untyped-call]
        for x in exported.in_avals
    ]
    lowered = jax.jit(exported.call).lower(*arguments)
    from .hlo import full_text

    if target.family is Family.TPU:
        return {"hlo": full_text(lowered.compile())}
    from .ptx import gather

    with tempfile.TemporaryDirectory() as folder:
        # From JAX 0.11 on PTX is written only where it is asked for by name.
        compiled = lowered.compile(compiler_options={"xla_dump_to": folder, "xla_dump_emitter_re": "ptx"})
        texts = gather(pathlib.Path(folder), full_text(compiled))
    if f".target {target.architecture}" not in texts["ptx"]:
        raise RuntimeError(f"no program for {target.architecture} came out")
    return texts


def _device(target: Target) -> Any:
    """One that JAX believes in; it is nowhere."""
    import jax.experimental.topologies

    get = jax.experimental.topologies.get_topology_desc
    if target.family is Family.TPU:
        topology = get(target.topology, platform="tpu")
    else:
        topology = get(platform="cuda", topology=target.topology, target_config=target.description)
    return topology.devices[0]


if __name__ == "__main__":
    main()
