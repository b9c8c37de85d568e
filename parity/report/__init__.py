"""One model of results (`parity.run.Run`), one file for each form it is written in."""

from __future__ import annotations

import os
import pathlib
import tempfile

from ..run import Run
from . import json, markdown

FILES = {"report.json": json.render, "report.md": markdown.render}


def write(run: Run, folder: pathlib.Path) -> list[pathlib.Path]:
    """Writes every form into the folder; each file whole, or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, render in FILES.items():
        text = render(run)
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=f".{name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(temporary, 0o644)
            os.replace(temporary, folder / name)
        except BaseException:
            os.unlink(temporary)
            raise
        paths.append(folder / name)
    return paths
