"""What `import jaxsched` adds to `import optax`, in seconds and in modules."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator

from .harness import OURS, Goal, Race, together

# Why a goal is missed, where it is.
CLASSES = "Forty modules and two dozen dataclasses are made at import; what they need is loaded already."

# One process measures both: the second figure is the first and what came on top.
SECONDS = """
import gc, time
gc.disable()
start = time.perf_counter()
import optax
optax_done = time.perf_counter()
import jaxsched
print("[", optax_done - start, ",", time.perf_counter() - start, "]")
"""

MODULES = """
import sys
import optax
optax_done = set(sys.modules)
import jaxsched
print("[", len(optax_done), ",", sum(not name.startswith("jaxsched") for name in sys.modules), "]")
"""


def races(quick: bool) -> Iterator[tuple[str, Callable[[], Race]]]:
    yield "import", lambda: _race("import", SECONDS, 1 / 1.05)
    yield "import, modules", lambda: _race("import, modules", MODULES, 1.0, unit="integer", turns=1)


def _race(name: str, program: str, least: float, unit: str = "second", turns: int | None = None) -> Race:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

    def measure() -> dict[str, float]:
        command = [sys.executable, "-c", program]
        found = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
        optax, both = json.loads(found.stdout)
        return {OURS: both, "optax": optax}

    measure()  # the first one writes the bytecode
    goals = [Goal("optax", least, CLASSES)]
    note = (
        "Ours is Optax and jaxsched; where modules are counted, without jaxsched's own. Garbage is not "
        "collected: it costs 40 ms, and to whom is chance."
    )
    return Race(name, together(measure, (OURS, "optax")), goals, unit=unit, turns=turns, note=note)
