"""The pictures of why.md: the two curves that each of its blocks compares."""

from __future__ import annotations

import functools
import json
import pathlib
import re
from typing import Any

import numpy as np

from parity import answers, stepped

from . import blocks
from .device import FILE
from .pictures import save

PAGE = pathlib.Path(__file__).parents[1] / "why.md"

# Where little would be seen of all counts: what is drawn of them, and whether on a logarithmic axis.
ZOOMED = {"Float32 cancellation": (slice(19_980, 20_000), True)}


def slug(title: str) -> str:
    return re.sub(r"\W+", "-", title.lower()).strip("-")


def text() -> str:
    """The page with a picture above each answer."""
    page = PAGE.read_text(encoding="utf-8")
    for title in blocks.sections(page):
        name = f"generated/pictures/why-{slug(title)}"
        both = "\n".join(
            f"![{title}: the two curves]({name}-{theme}.svg){{.only-{theme}}}" for theme in ("light", "dark")
        )
        head, heading, below = page.partition(f"## {title}\n")
        page = head + heading + below.replace("```text", both + "\n\n```text", 1)
    return page


def write(folder: pathlib.Path) -> None:
    """All pictures; each block is run for its own."""
    page = PAGE.read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    blocks.run(blocks.blocks(page)[0].code, names, PAGE.name)
    for title, section in blocks.sections(page).items():
        (block,) = blocks.blocks(section)
        if "compare_devices" in block.code:
            draw = _on_device
        else:
            blocks.run(block.code, names, PAGE.name)
            draw = functools.partial(_draw, dict(names), re.search(r"steps=([\d_]+)", block.code), title)
            names.pop("optax_", None)
        save(folder, f"why-{slug(title)}", draw)


def _draw(names: dict[str, Any], steps: Any, title: str, axes: Any, colours: dict[str, str]) -> None:
    if "optax_" in names:
        theirs, ours, what = names["pytorch"], names["optax_"], "weight"
    else:
        count = int(steps.group(1))
        per_epoch = 100 if "Epochs" in title else 1
        live = stepped.step(names["make_torch_scheduler"](), -(-count // per_epoch))
        theirs, what = np.repeat(live.values, per_epoch), "learning rate"
        (ours,) = answers.all_under_jit([names["schedule"]], [np.arange(count, dtype=np.int32)])
    shown, logarithmic = ZOOMED.get(title, (slice(None), False))
    counts = np.arange(len(theirs))[shown]
    axes.plot(counts, np.asarray(theirs)[shown], color=colours["pytorch"], linewidth=3.5, label="PyTorch")
    axes.plot(counts, np.asarray(ours)[shown], color=colours["other"], linewidth=1.5, label="JAX, as written")
    axes.set(xlabel="count of updates", ylabel=what)
    axes.xaxis.get_major_locator().set_params(integer=True)
    if logarithmic:
        axes.set_yscale("log")
    axes.legend()


def _on_device(axes: Any, colours: dict[str, str]) -> None:
    kept = json.loads(FILE.read_text(encoding="utf-8"))
    counts, device, host = (np.asarray(kept[name]) for name in ("counts", "device", "host"))
    exact = 0.1 * np.sin(np.pi * (10_000 - counts) / 20_000) ** 2
    spacing = np.spacing(exact.astype(np.float32))
    furthest = counts[np.argmax(np.abs(device - host) / spacing)]
    near = np.abs(counts - furthest) <= 20
    for values, colour, width, label in (
        (host, "pytorch", 3.5, "on a CPU"),
        (device, "other", 1.5, "on an H100"),
    ):
        axes.plot(
            counts[near],
            ((values - exact) / spacing)[near],
            color=colours[colour],
            linewidth=width,
            label=label,
        )
    axes.set(xlabel="count of updates", ylabel="distance from the exact value, ULP")
    axes.legend()
