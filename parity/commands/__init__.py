"""The commands of ``parity``, one file each, in the order in which the help shows them.

A command has ``add(commands)``, which adds its parser, and ``main(options)``, which runs it
and returns its exit code.
"""

from . import check, compare, deviations, devices, diff, list, record, run, selftest, show, train

COMMANDS = (run, train, devices, list, show, compare, record, check, diff, deviations, selftest)
