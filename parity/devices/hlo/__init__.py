"""Programs for TPUs: optimised HLO, read and executed.

On a TPU there is no float64 and no int64: XLA writes them out as operations on float32, uint32 and int32,
so what is left are operations of which nearly all are defined to the last bit. Each instruction is taken to
round by itself, also where a product is added to something: the pairs of float32 that stand for a float64
would fall apart otherwise.

Operations take and give NumPy arrays whose first axis is the call. That axis has length 1 where a value is
the same for all calls. None writes to what it was given.

A TPU has no subnormal float32: what arithmetic is given and what it makes is flushed to a zero of the
same sign. Copies, selects, bitcasts and integer operations keep bits. HLO leaves open:

* the bits of a NaN. Arithmetic makes 0x7fc00000 here, whatever NumPy's processor makes.
* ``abs``, ``negate``, ``minimum`` and ``maximum`` of a subnormal, which may flush or not, and the sign
  where minimum and maximum choose between the two zeros. What hangs on that is refused (`OpenError`).
* whether a product that rounds to the smallest normal number, from below it, is flushed: refused, too.

`text` reads a program, `graph` makes nodes of it and runs them, with `calls` for those that call others;
`elementwise` (of `floats` and `integers`) and `movement` say what operations do.
"""

from .program import HloProgram as HloProgram, full_text as full_text
