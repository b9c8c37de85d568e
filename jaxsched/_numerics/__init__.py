"""The few float64 primitives every schedule is built from.

Three things are promised of each function here:

* an error bound, stated in units of ``u = 2**-53`` (half a float64 ULP of 1);
* *the same float64 bits everywhere*: NumPy, JAX operation by operation, and one program
  compiled by XLA for a CPU or GPU. This is what makes a schedule equal to itself in
  every mode, and it needs care, because a compiler is allowed to

  - contract ``a*b + c`` into one fused multiply-add (XLA does, on CPU and GPU);
  - turn ``(x + constant) - constant`` into ``x`` (XLA does, for scalars); and
  - turn ``x / constant`` into ``x * (1/constant)`` (XLA does; this is why a staircase
    compiled from ``count / 41`` can step one count late).

  So whatever must be rounded before the next operation goes through `rounded`, all products
  that are added to something among it (`product`), and nothing is ever divided by what may
  be a constant (`fraction`);

* *nothing leaves float32's range* while a float32 is computed. A TPU has no float64 and makes one of
  two float32: a constant of 2**149 is infinite there, and 2**-150 is 0. It keeps some 48 bits of the
  53, which is more than the rounding at the end needs.

Functions take NumPy or JAX arrays, or Python numbers, and answer in kind: Python numbers
stay Python numbers and are folded on the host, in 50 digits where it pays. Arrays are float64 or
whole. A count is an int64, or an int32 or uint32 where the caller's has no more bits: 64 bits are
emulated on a TPU, and slow on a CPU. Nothing is ever subtracted from a smaller count, so that all
three give the same numbers. Callers run inside ``jax.enable_x64``.

No float64 bit pattern is ever taken apart: TPUs emulate float64 and cannot bitcast it.
"""

from .arrays import (
    Array as Array,
    Number as Number,
    Values as Values,
    Whole as Whole,
    choose as choose,
    is_number as is_number,
    like as like,
    maximum as maximum,
    minimum as minimum,
    namespace as namespace,
    to_float as to_float,
    where as where,
)
from .counts import (
    LAST_COUNT as LAST_COUNT,
    count_reached as count_reached,
    divmod_count as divmod_count,
    later as later,
    lookup as lookup,
    one_count as one_count,
    piecewise as piecewise,
    since as since,
    times as times,
    until as until,
    wide as wide,
)
from .curves import (
    Way as Way,
    cosine_wave as cosine_wave,
    fraction as fraction,
    half_cosine as half_cosine,
    interpolate as interpolate,
    least_between as least_between,
    linear as linear,
    reciprocal as reciprocal,
    ways as ways,
)
from .powers import (
    Lifted as Lifted,
    first_lifted_powers as first_lifted_powers,
    first_powers as first_powers,
    fraction_power as fraction_power,
    lifted_fraction_power as lifted_fraction_power,
    lifted_power as lifted_power,
    power as power,
    product_of_lifted as product_of_lifted,
)
from .rounding import (
    capped as capped,
    exact_difference as exact_difference,
    minus as minus,
    product as product,
    product_of as product_of,
    quotient as quotient,
    round_to as round_to,
    rounded as rounded,
    rounded_sum as rounded_sum,
    sqrt as sqrt,
    to_be as to_be,
)
