"""What is made anew at each build and kept by nobody: docs/generated/."""

from __future__ import annotations

import pathlib

FOLDER = pathlib.Path(__file__).parents[1] / "generated"


def write() -> None:
    """All pages and pictures; what is imported for them is imported now."""
    from . import gallery, reference, why

    FOLDER.mkdir(exist_ok=True)
    gallery.write(FOLDER)
    reference.write(FOLDER)
    why.write(FOLDER / "pictures")
