"""A plugin for pytest: what ``assert_parity`` compared goes into a report.

Installed with the package. In anyone's tests::

    from parity import assert_parity

    def test_my_schedule():
        assert_parity(my_schedule, make_torch_scheduler, steps=1000)

and ``pytest --parity-report=DIR`` writes there the report that ``parity run`` writes, with
a case for each call, named after its test.
"""

from __future__ import annotations

import os
import pathlib
import pickle
import time
from typing import Any

import pytest

KEY = pytest.StashKey["Recorder"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("parity").addoption(
        "--parity-report",
        metavar="DIR",
        type=pathlib.Path,
        help="write what assert_parity compared to DIR: report.html, report.json and the other forms",
    )


def pytest_configure(config: pytest.Config) -> None:
    folder = config.getoption("--parity-report")
    if folder is not None:
        config.stash[KEY] = Recorder(folder)
        config.pluginmanager.register(config.stash[KEY])


class Recorder:
    """Gathers comparisons from this process and from the workers of pytest-xdist."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.results: list[Any] = []
        self.start = time.perf_counter()

    def pytest_runtest_setup(self) -> None:
        # Imported late: a plugin is loaded by every pytest run, and PyTorch is heavy.
        from .compare import recorders

        recorders[:] = [self.record]

    def record(self, schedule: Any, comparison: Any, seconds: float) -> None:
        from .run import CaseResult, PairCase

        test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]
        again = sum(result.case.name.partition(" #")[0] == test for result in self.results)
        name = f"{test} #{again + 1}" if again else test
        case = PairCase(name, type(schedule).__name__, comparison.steps)
        self.results.append(CaseResult(case, comparison, None, seconds, 0.0, command=f"pytest '{test}'"))

    def pytest_testnodedown(self, node: Any) -> None:
        self.results += pickle.loads(node.workeroutput["parity"])

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            output["parity"] = pickle.dumps(self.results)

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        from . import report
        from .run import gathered

        run = gathered(self.results, time.perf_counter() - self.start)
        paths = report.write(run, self.folder)
        terminalreporter.section("parity")
        terminalreporter.write_line(run.summary())
        terminalreporter.write_line("wrote " + ", ".join(map(str, paths)))
