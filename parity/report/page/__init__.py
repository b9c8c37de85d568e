"""The report for people: one page that opens from disk, worst first, to search, with pictures.

`view` says what stands on it, and the templates how that is laid out. The scripts only hide, show and draw:
all words are in the file, and can be read and tested without a browser. The page loads nothing. Its security
policy forbids that, and every style and script but those whose hashes it names.

Everything that comes from a run is escaped by Jinja; no text of a run is ever marked as safe.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import pathlib
from typing import TYPE_CHECKING

from ...results import Run
from ..document import spans
from . import view
from .cells import numbers

if TYPE_CHECKING:
    import jinja2


def render(run: Run) -> str:
    """The run as one HTML page."""
    shown = view.page(run)
    scripts = [_Source("pictures.js"), *([_Source("filter.js")] if shown.cases else [])]
    return _template().render(page=shown, style=_Source("style.css"), scripts=scripts)


class _Source:
    """A style or script of this package, which is no text of a run, and by what a policy knows it."""

    def __init__(self, name: str) -> None:
        import markupsafe

        text = pathlib.Path(__file__).with_name(name).read_text(encoding="utf-8")
        self.text = markupsafe.Markup(text)  # quotes and ampersands are not escaped in these two elements
        self.hash = f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@functools.cache
def _template() -> jinja2.Template:
    import jinja2  # not at the top: only who writes a page needs it

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(__name__),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["spans"] = spans
    environment.filters["numbers"] = numbers
    # In the order given, and without a NaN, which is no JSON.
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "allow_nan": False}
    return environment.get_template("page.html")
