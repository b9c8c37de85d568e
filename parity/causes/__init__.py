"""Why two trajectories part, in one sentence: a file for each kind of cause, `table` asks them in order."""

from .table import WHERE as WHERE, name as name, whereabouts as whereabouts
