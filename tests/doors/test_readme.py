"""The README is what a package index shows: short, with links that work there, and figures of the report."""

import pathlib
import re

import numpy as np

from docs._pages import readme

ROOT = pathlib.Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
REPORT = (ROOT / "docs" / "report.md").read_text()


def test_it_is_short_and_begins_with_what_people_need():
    lines = README.splitlines()
    assert len(lines) < 150
    first_screen = "\n".join(lines[:50])
    for needed in ("<picture>", "pip install jaxsched", "from_torch"):
        assert needed in first_screen
    assert "make parity" in README
    assert "make test" in README
    assert "ULP" not in first_screen


def test_no_link_is_relative():
    links = re.findall(r"\]\(([^)]+)\)|(?:src|srcset)=\"([^\"]+)\"", README)
    assert len(links) > 10
    for link in map("".join, links):
        assert link.startswith("https://"), link


def test_links_into_the_repository_and_the_site_lead_to_something():
    files = re.findall(r"https://\S+?/jaxsched/jaxsched/(?:blob/|tree/)?main/([^)\"\s]+)", README)
    pages = re.findall(r"https://jaxsched\.github\.io/jaxsched/([\w/.-]+)\.html", README)
    assert files
    assert pages
    for file in files:
        assert (ROOT / file).exists(), file
    for page in pages:
        if not page.startswith("generated/"):
            assert (ROOT / "docs" / f"{page}.md").exists(), page


def test_the_figures_are_those_of_the_report():
    # `make docs` writes the report; a figure that was typed would not be in it.
    assert REPORT.splitlines()[2] in README


def test_the_picture_shows_what_it_says():
    found = readme.curves()
    assert (found["jaxsched"] == found["pytorch"].astype(np.float32)).all()
    assert np.max(np.abs(found["optax"] - found["pytorch"])) > 0.1 * np.max(found["pytorch"])
