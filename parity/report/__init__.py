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
    data = content.encode(errors="backslashreplace") if isinstance(content, str) else content
    if path.exists() and not path.is_file():  # a device, a pipe: written to, never replaced
        with open(path, "wb") as stream:
            stream.write(data)
        return path
    target = path.resolve()  # a link stays one
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:100]}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(temporary, 0o644)
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise
    return path
