"""The commands of ``parity``, one file each.

A command has ``add(commands)``, which adds its parser, and ``main(options)``, which runs it and returns its
exit code. It is imported when it is asked for: `parity --help` waits for no library.
"""

COMMANDS = {
    "run": "compare, print the verdict, write the report",
    "train": "train twins in PyTorch and Flax side by side, ours or yours",
    "devices": "the bits of schedules on a TPU or GPU, without one",
    "list": "print the names of the cases",
    "show": "one case, with all facts; or as a script",
    "compare": "your own schedule with your own PyTorch scheduler",
    "record": "PyTorch's trajectories into a file",
    "check": "schedules with a file of trajectories",
    "diff": "two reports, before and after",
    "optimizers": "torch.optim beside Optax: what trains something else",
    "peers": "who else has these schedulers, and how far each is from PyTorch",
    "deviations": "what jaxsched does otherwise than PyTorch, on purpose",
    "selftest": "put defects in; each must be found and named",
}
"""What each does, in a line; in the order of the help."""

RUN_CODE_OF_OTHERS = frozenset({"compare", "check", "devices", "train"})
"""Those that import what somebody names."""

STEP_PYTORCH = frozenset(
    {"run", "train", "show", "compare", "record", "optimizers", "peers", "deviations", "selftest"}
)
"""Those that step PyTorch, and wait for it anyway."""
