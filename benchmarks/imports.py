"""What `import jaxsched` adds to `import optax`, in seconds and in modules."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator

from .harness import OURS, Goal, Race, together

# One process measures both: the second figure is the first and what came on top.
SECONDS = """
import time
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
    def measure() -> dict[str, float]:
        command = [sys.executable, "-c", program]
        found = subprocess.run(command, check=True, capture_output=True, text=True)
        optax, both = json.loads(found.stdout)
        return {OURS: both, "optax": optax}

    goals = [Goal("optax", least)]
    note = "Ours is Optax and jaxsched, without jaxsched's own modules where these are counted."
    return Race(name, together(measure, (OURS, "optax")), goals, unit=unit, turns=turns, note=note)
