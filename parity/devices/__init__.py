"""What a schedule computes on devices that nobody here has.

A schedule is compiled for the device (`targets`), the compiled program is read (`hlo` for a TPU, `ptx` for
an NVIDIA GPU) and executed, operation by operation, on NumPy arrays of counts (`program`). Each operation
is the one that IEEE 754 or the instruction set defines; one that only the device knows is an error that
names it, and never a guess.
"""

from .. import _quiet

_quiet.load_jax()  # where its compilers are, it says much about devices that are not
