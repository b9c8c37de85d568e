"""The blocks of code of a page, and what they print."""

from __future__ import annotations

import contextlib
import io
import re
from typing import Any, NamedTuple

import jax

FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A block, and the block of text below it that says what it prints."""

    language: str
    code: str
    printed: str | None


def blocks(page: str) -> list[Block]:
    """All blocks of a page that have a language; what is printed belongs to the block above it."""
    found: list[Block] = []
    end = 0
    for match in FENCE.finditer(page):
        language, code = match.groups()
        if language == "text" and found and not page[end : match.start()].strip():
            found[-1] = found[-1]._replace(printed=code)
        elif language not in ("", "text"):
            found.append(Block(language, code, None))
        end = match.end()
    return found


def sections(page: str) -> dict[str, str]:
    """The text below each heading of the second level."""
    return dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))


def run(code: str, names: dict[str, Any], where: str) -> str:
    """Runs a block as a user would, with JAX's own promotion; what it printed."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), jax.numpy_dtype_promotion("standard"):
        exec(compile(code, where, "exec"), names)
    return said.getvalue()
