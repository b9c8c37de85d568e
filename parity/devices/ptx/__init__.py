"""Programs for NVIDIA GPUs: what XLA compiles, down to the PTX of each kernel.

A compilation with ``compiler_options={"xla_dump_to": folder}`` leaves in the folder what `gather` reads and
`PtxProgram` executes. That is the whole program: the entry of the optimised HLO says in which order kernels
and copies run, the buffer assignment where in memory their operands and results lie (two values may share
a place), the thunks how many threads there are, and the PTX what a thread does. The last step, from PTX to
the instructions of one GPU, is ptxas's. It keeps to what the ISA says of each instruction, so the bits are
the ISA's; where the ISA leaves ptxas a choice there is an `UnknownOperation`.

`entry` and `launches` read the program and its memory, `text` and `flow` a kernel; `kernel` traces one, with
`computing`, `accesses` and `warps` for its instructions; `operations` says what they compute;
`graph` runs it.
"""

from .program import PtxProgram as PtxProgram, gather as gather
