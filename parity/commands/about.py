"""What `parity --help` and `parity run --help` say."""

DESCRIPTION = """\
Steps real PyTorch learning-rate schedulers, with real optimizers, beside the JAX schedules
of jaxsched, and says where the two part and who is wrong.

A case passes when every value has the bits of PyTorch's value rounded to float32, or, where
PyTorch's own rounding error is the difference, when ours is the float32 nearest to the exact
value (the formula in 50-digit arithmetic). There is no tolerance.
"""

EPILOG = """\
examples:
  parity run                            everything; the report goes to parity-report/
  parity run --scheduler OneCycleLR     one scheduler
  parity run --param T_max=1000         the cases that give this argument so
  parity run --profile quick            a minute on two cores: short cases, fewer ways of calling
  parity run --json - | jq .summary     for programs

exit codes: 0 all passed, 1 a case failed, 2 wrong usage, 3 internal error, 5 nothing compared
"""
