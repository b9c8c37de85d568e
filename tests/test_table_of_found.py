"""Each line of the table of what was found has its tests, and they are there."""

import ast
import functools
import pathlib

import pytest
from table_of_found import TABLE, held_by

HERE = pathlib.Path(__file__).parent
LINES = [pytest.param(line, id=line.tried) for lines in TABLE.values() for line in lines]


@functools.cache
def functions(file):
    return {
        node.name
        for node in ast.walk(ast.parse((HERE / file).read_text()))
        if isinstance(node, ast.FunctionDef)
    }


@pytest.mark.parametrize("line", LINES)
def test_a_line_is_held(line):
    assert line.before
    assert line.now
    assert line.tests
    for test in line.tests:
        file, name = test.split("::")
        assert name.startswith("test_")
        assert name in functions(file), f"{test} is no longer there: say what holds the line now"


def test_every_line_of_new_users_is_there():
    numbers = [int(line.tried.split(":")[0]) for line in TABLE["New users"]]
    assert numbers == [*range(1, 16), 19]


def test_pytest_is_given_each_test_once():
    assert len(held_by()) == len(set(held_by())) > 40
