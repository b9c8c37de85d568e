"""Prose with marks, taken apart once for all forms of report."""

import dataclasses

from hypothesis import given, strategies as st
from parsed_page import Parsed

from parity import run as runner
from parity.deviations import DEVIATIONS, Demonstration
from parity.report import markdown, page, wording
from parity.report.document import Code, Strong, joined, marked, spans


def test_marks():
    assert marked("a `b` c") == ("a ", Code("b"), " c")
    assert marked("**a**: `b **c**`") == (Strong("a"), ": ", Code("b **c**"))
    assert marked("") == ()
    assert marked("2 ** 3, a lone ` and `") == ("2 ** 3, a lone ", Code(" and "))
    assert spans("a") == ("a",)
    assert spans(Code("a")) == (Code("a"),)
    assert joined(["a", (Code("b"), "c")], ", ") == ("a", ", ", Code("b"), "c")


@given(st.text("`*a \n|"))
def test_markdown_gives_prose_back_as_it_was(prose):
    assert markdown._text(marked(prose)) == prose


def test_no_mark_is_left_on_the_page():
    """Each of the deviations, and each text above a table."""
    shown = tuple(Demonstration(deviation, "1", "2") for deviation in DEVIATIONS)
    run = runner.Run((), (), shown, runner.environment(), 1.0)
    outdated = dataclasses.replace(run, deviations=(Demonstration(DEVIATIONS[0], "1", "1"),))
    for each in (run, outdated):
        parsed = Parsed(page.render(each))
        for text in (*parsed.texts("td"), *parsed.texts("p")):
            assert "`" not in text
            assert "**" not in text
    for lead in (wording.TRAINING, wording.DEVIATIONS, wording.MODES, wording.ARGUMENTS):
        assert marked(lead) == (lead,)  # these the page shows as they are
