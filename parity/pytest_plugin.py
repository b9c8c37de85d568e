"""A plugin for pytest: what `assert_parity` and `assert_training_parity` compared goes into a report.

In anyone's tests::

    from parity import assert_parity

    def test_my_schedule():
        assert_parity(my_schedule, make_torch_scheduler, steps=1000)

and ``pytest -p parity.pytest_plugin --parity-report=DIR`` writes there the report that
``parity run`` writes, with a case for each call, named after its test. It is asked for and
not loaded by itself, because it brings JAX into every run of pytest: put the ``-p`` into
``addopts`` where that is wanted.
"""

from __future__ import annotations

import os
import pathlib
import pickle
import time
from typing import Any

import pytest

from . import report
from .api import recorders
from .comparison import Comparison
from .report import github
from .report.wording import summaries
from .results import CaseResult, PairCase, gathered
from .training import BroughtTwins, TrainingResult
from .twins import TrainingComparison
from .twins.compare import recorders as training_recorders

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
        recorders.append(config.stash[KEY].record)
        training_recorders.append(config.stash[KEY].record_training)


def pytest_unconfigure(config: pytest.Config) -> None:
    if KEY in config.stash:
        recorders.remove(config.stash[KEY].record)
        training_recorders.remove(config.stash[KEY].record_training)


class Recorder:
    """Gathers comparisons from this process and from the workers of pytest-xdist."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.results: list[CaseResult | TrainingResult] = []
        self.start = time.perf_counter()

    def record(self, schedule: Any, comparison: Comparison, seconds: float) -> None:
        name, command = self._called()
        case = PairCase(name, type(schedule).__name__, comparison.steps)
        self.results.append(CaseResult(case, comparison, None, seconds, 0.0, command=command))

    def record_training(self, comparison: TrainingComparison, seconds: float) -> None:
        name, command = self._called()
        case = BroughtTwins(name, comparison.steps)
        self.results.append(TrainingResult(case, comparison, ((), ()), seconds, command=command))

    def _called(self) -> tuple[str, str]:
        """What a comparison of this test is called, and the command that does it once more."""
        test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]
        again = sum(result.case.name.partition(" #")[0] == test for result in self.results)
        return f"{test} #{again + 1}" if again else test, f"pytest '{test}'"

    @pytest.hookimpl(optionalhook=True)  # pytest-xdist need not be there
    def pytest_testnodedown(self, node: Any) -> None:
        output = getattr(node, "workeroutput", {})  # a worker that has crashed leaves none
        if "parity" in output:
            self.results += pickle.loads(output["parity"])

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            output["parity"] = pickle.dumps(self.results)

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if not self.results:
            terminalreporter.write_line("parity: no assert_parity was called; no report was written")
            return
        run = gathered(self.results, time.perf_counter() - self.start)
        paths = report.write(run, self.folder)
        github.announce(run)
        terminalreporter.section("parity")
        for line in summaries(run):
            terminalreporter.write_line(line)
        terminalreporter.write_line("wrote " + ", ".join(map(str, paths)))
