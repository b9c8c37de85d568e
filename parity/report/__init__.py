"""One model of results (`parity.results.Run`), one file for each form it is written in."""

from __future__ import annotations

import os
import pathlib
import tempfile

from ..results import Run
from . import json_file, junit_xml, markdown, page, training_picture

FILES = {
    "report.html": page.render,
    "report.json": json_file.render,
    "report.md": markdown.render,
    "junit.xml": junit_xml.render,
}


def write(run: Run, folder: pathlib.Path) -> list[pathlib.Path]:
    """Writes every form into the folder; each file whole, or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    written = [write_file(folder / name, render(run)) for name, render in FILES.items()]
    if run.training:
        written.append(write_file(folder / markdown.PICTURE, training_picture.render(run.training)))
    return written


def write_file(path: pathlib.Path, content: str | bytes) -> pathlib.Path:
    """Writes a file whole, or not at all."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    return path
