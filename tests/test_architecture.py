"""The rooms of the house: who may import whom, read from the imports themselves."""

import ast
import graphlib
import pathlib
import sys

import pytest

import jaxsched
import parity

ROOT = pathlib.Path(jaxsched.__file__).parents[1]

# From the ground up: a module imports from its own line or from those above it in this list, never below.
# A name stands for the module and all in it, unless a longer one stands elsewhere.
JAXSCHED = """
jaxsched._numerics
jaxsched._arguments jaxsched._one_value jaxsched._trajectories jaxsched._walled
jaxsched._functions
jaxsched._value
jaxsched._shared_rate
jaxsched._schedule
jaxsched.schedulers
jaxsched.composed jaxsched.by_metric
jaxsched.hugging_face jaxsched.timm
jaxsched.optimizers
jaxsched._groups jaxsched._reading jaxsched._plot
jaxsched.interop.from_transformers jaxsched.interop.from_timm
jaxsched.interop.source jaxsched.interop.replay jaxsched.interop.wrappers
jaxsched.interop.states
jaxsched.interop.counterparts
jaxsched.interop.held
jaxsched.interop.answer
jaxsched.interop
jaxsched
"""
PARITY = """
parity parity._garbage parity._quiet parity.metrics parity.ulp parity.commands.exits parity.commands.about
parity.guard
parity.reference
parity.causes parity.environment parity.handed_in
parity.comparison parity.twins
parity.stepped
parity.judge
parity.answers
parity.api
parity.modes parity.workers
parity.results
parity.cases
parity.catalogue parity.cases_hugging_face parity.deviations
parity.training
parity.devices
parity.optimizers parity.peers
parity.runner
parity.run
parity.golden parity.exhaustive parity.selftest
parity.report
parity.commands
parity.cli parity.pytest_plugin
parity.__main__
"""


def modules(package):
    """Every module of a package: its name and its source."""
    folder = pathlib.Path(package.__file__).parent
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder.parent).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imports(name, path, known):
    """The known modules that a module imports, wherever in it, but not for types alone."""
    inside = name if path.stem == "__init__" else name.rpartition(".")[0]
    found = set()
    waiting = [ast.parse(path.read_text())]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        waiting += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = inside.split(".")[: len(inside.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            found |= {f"{base}.{a.name}" if f"{base}.{a.name}" in known else base for a in node.names}
    return {each for each in found if each in known and each != name}


def graph(package):
    known = dict(modules(package))
    return {name: imports(name, path, known) for name, path in known.items()}


def circle(arrows):
    """A circle of imports; None where there is none."""
    try:
        graphlib.TopologicalSorter(arrows).prepare()
    except graphlib.CycleError as error:
        return error.args[1]
    return None


def floor(name, floors):
    """Which line a module stands on."""
    lines = [line.split() for line in floors.strip().splitlines()]
    fitting = [
        (len(room), number)
        for number, line in enumerate(lines)
        for room in line
        if name == room or name.startswith(f"{room}.")
    ]
    return max(fitting)[1]


def upward(arrows, floors):
    """Imports that go up."""
    return [
        f"{name} imports {other}"
        for name, others in arrows.items()
        for other in sorted(others)
        if floor(other, floors) > floor(name, floors)
    ]


@pytest.mark.parametrize("package", [jaxsched, parity])
def test_no_imports_in_a_circle(package):
    assert circle(graph(package)) is None


@pytest.mark.parametrize(("package", "floors"), [(jaxsched, JAXSCHED), (parity, PARITY)])
def test_no_import_goes_up(package, floors):
    arrows = graph(package)
    assert upward(arrows, floors) == []
    rooms = {room for line in floors.split() for room in line.split()}
    assert {room for room in rooms if not any(f"{n}.".startswith(f"{room}.") for n in arrows)} == set()


def test_the_tests_above_can_fail(tmp_path):
    files = {"__init__": "", "ground": "", "middle": "from . import ground", "top": "from .middle import x"}
    for name, text in files.items():
        (tmp_path / f"{name}.py").write_text(text)

    class Package:
        __file__ = str(tmp_path / "__init__.py")

    name = tmp_path.name
    floors = "\n".join(f"{name}.{room}" for room in ("ground", "middle", "top")) + f"\n{name}"
    assert circle(graph(Package)) is None
    assert upward(graph(Package), floors) == []
    (tmp_path / "ground.py").write_text(f"def late():\n    import {name}.top\n")
    assert upward(graph(Package), floors) == [f"{name}.ground imports {name}.top"]
    assert set(circle(graph(Package))) == {f"{name}.{room}" for room in ("ground", "middle", "top")}


def kinds():
    """The names of all kinds of case and spec."""
    import parity.catalogue
    import parity.training  # noqa: F401 - one more kind
    from parity.cases import BaseCase, BaseSpec

    found, waiting = set(), [BaseCase, BaseSpec]
    while waiting:
        kind = waiting.pop()
        found.add(kind.__name__)
        waiting += kind.__subclasses__()
    return found


def asked_for(tree, names):
    """The lines that ask whether something is of one of these classes."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or getattr(node.func, "id", "") not in ("isinstance", "issubclass"):
            continue
        if {n.id for n in ast.walk(node.args[1]) if isinstance(n, ast.Name)} & names:
            yield node.lineno


def test_only_the_kinds_of_case_ask_which_kind_one_is():
    found = {
        f"{name}:{line}"
        for name, path in modules(parity)
        if not name.startswith("parity.cases")
        for line in asked_for(ast.parse(path.read_text()), kinds())
    }
    assert found == set()
    assert {"Case", "PlateauCase", "GreedyCase", "TrainingCase", "Spec", "TimmSpec"} <= kinds()
    assert list(asked_for(ast.parse("x\nisinstance(case, (int, PlateauCase))"), kinds())) == [2]


@pytest.mark.parametrize("package", [jaxsched, parity])
def test_no_module_is_named_like_one_of_the_standard_library(package):
    stems = {pathlib.Path(path).stem for _, path in modules(package)} - {"__init__", "__main__"}
    assert len(stems) > 30
    assert stems.isdisjoint(sys.stdlib_module_names)


@pytest.mark.parametrize("package", [jaxsched, parity])
def test_a_function_has_a_name_that_says_what_it_does(package):
    defined = {
        node.name: name
        for name, path in modules(package)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
    }
    assert {name: defined[name] for name in ("of", "_n", "_said", "_some") if name in defined} == {}


def test_no_two_test_files_have_one_name():
    """pytest cannot collect them together."""
    names = [path.name for path in pathlib.Path(__file__).parent.rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))
