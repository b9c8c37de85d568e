"""The documentation site: `make site` builds it into site/."""

from __future__ import annotations

import inspect
import os
import pathlib
import re
import sys
from typing import Any

ROOT = pathlib.Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

project = "jaxsched"
author = "The jaxsched authors"
copyright = author
SOURCE = "https://github.com/jaxsched/jaxsched/blob/main"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",  # for its role, which makes a link of a name where there is one
    "sphinx.ext.intersphinx",
    "sphinx.ext.linkcode",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
]
exclude_patterns = ["_pages", "_static"]
nitpicky = True

# Markdown ---------------------------------------------------------------------------------

myst_enable_extensions = ["attrs_inline", "dollarmath"]
myst_heading_anchors = 3

# Docstrings -------------------------------------------------------------------------------

default_role = "autolink"
add_module_names = False
toc_object_entries = False
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autosummary_generate = False
napoleon_numpy_docstring = False
napoleon_use_rtype = False

# Fetched from the network; where there is none, names of theirs are no links, and nothing fails.
ELSEWHERE = {
    "python": "https://docs.python.org/3/",
    "numpy": "https://numpy.org/doc/stable/",
    "jax": "https://docs.jax.dev/en/latest/",
    "optax": "https://optax.readthedocs.io/en/latest/",
    "flax": "https://flax.readthedocs.io/en/latest/",
    "torch": "https://docs.pytorch.org/docs/stable/",
}
intersphinx_mapping = {}
if os.environ.get("JAXSCHED_SITE_ONLINE"):
    intersphinx_mapping = {name: (url, None) for name, url in ELSEWHERE.items()}
nitpick_ignore_regex = [
    (r"py:.*", rf"({'|'.join(ELSEWHERE)}|np|chex|collections|typing|dataclasses|matplotlib)\..*"),
    (r"py:.*", r"(ValueError|TypeError|ImportError|RuntimeError|AssertionError|Exception|KeyError|Any)"),
]

# Looks ------------------------------------------------------------------------------------

html_theme = "sphinx_book_theme"
html_title = "jaxsched"
html_static_path = ["_static"]
html_favicon = "_static/icon.svg"
html_css_files = ["site.css"]
html_context = {"default_mode": "auto"}
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "repository_url": "https://github.com/jaxsched/jaxsched",
    "repository_branch": "main",
    "path_to_docs": "docs",
    "use_repository_button": True,
    "navbar_persistent": [],  # a second search
    "show_toc_level": 2,
    "show_navbar_depth": 1,
    "use_download_button": False,
    "use_fullscreen_button": False,
}
html_math_renderer = "mathml"


def linkcode_resolve(domain: str, info: dict[str, str]) -> str | None:
    """Where the source of a public name is. What is public says `jaxsched`; its functions say the file."""
    value: Any = sys.modules.get(info["module"])
    for name in info["fullname"].split("."):
        value = getattr(value, name, None)
    value = inspect.unwrap(value.fget if isinstance(value, property) else value)
    code = getattr(getattr(value, "__func__", value), "__code__", None)
    if inspect.isclass(value):
        codes = [getattr(each, "__code__", None) for each in vars(value).values()]
        files = [each.co_filename for each in codes if each and each.co_filename.startswith(str(ROOT))]
        found = files and re.search(rf"^class {value.__name__}\b", pathlib.Path(files[0]).read_text(), re.M)
        file = files[0] if found else None
        line = found.string[: found.start()].count("\n") + 1 if found else 0
    else:
        file, line = (code.co_filename, code.co_firstlineno) if code else (None, 0)
    if file is None or not file.startswith(str(ROOT)):
        return None
    return f"{SOURCE}/{pathlib.Path(file).relative_to(ROOT).as_posix()}#L{line}"


def outside(app: Any, docname: str, source: list[str]) -> None:
    """A link out of docs/ goes to the file on GitHub, which must be there."""

    def there(match: re.Match[str]) -> str:
        path = match.group(1)
        if not (ROOT / path.partition("#")[0]).exists():
            raise FileNotFoundError(f"{docname}: links to ../{path}, which is not there")
        return f"]({SOURCE}/{path})"

    if "/" not in docname:
        source[0] = re.sub(r"\]\(\.\./([^)]+)\)", there, source[0])


def with_pictures(app: Any, docname: str, source: list[str]) -> None:
    """Two pictures stand in why.md above each answer."""
    if docname == "why":
        from docs._pages import why

        source[0] = why.text()


def as_called(app: Any, what: str, name: str, value: Any, options: Any, arguments: str, returns: str) -> Any:
    """The arguments of a class of ours. Their types stand in words below, with the range that is allowed."""
    if what != "class":
        return None
    given = inspect.signature(value).parameters.values()
    shown = [p.replace(annotation=p.empty) for p in given if p.name != "position"]
    return str(inspect.Signature(shown)), None


def mathml(formula: str, display: str = "inline") -> str:
    """A formula as browsers draw it. In a word of text an underscore needs no backslash here."""
    from latex2mathml.converter import convert

    words = re.sub(r"\\text\{([^}]*)\}", lambda word: word.group(0).replace(r"\_", "_"), formula)
    return convert(words, display=display)


def setup(app: Any) -> None:
    from docutils.nodes import SkipNode

    from docs._pages import generated

    # Browsers draw MathML themselves: no script, and nothing from the network.
    def inline(translator: Any, node: Any) -> None:
        translator.body.append(mathml(node.astext()))
        raise SkipNode

    def displayed(translator: Any, node: Any) -> None:
        translator.body.append(f'<div class="math">{mathml(node.astext(), "block")}</div>')
        raise SkipNode

    app.add_html_math_renderer("mathml", (inline, None), (displayed, None))
    app.connect("autodoc-process-signature", as_called)
    app.connect("builder-inited", lambda app: generated.write())
    app.connect("source-read", outside)
    app.connect("source-read", with_pictures)
