"""Pictures in two colours of ink: for light pages and for dark ones."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

LIGHT = {"ink": "#1f2328", "faint": "#d0d7de", "pytorch": "#8c959f", "ours": "#0969da", "other": "#cf222e"}
DARK = {"ink": "#e6edf3", "faint": "#3d444d", "pytorch": "#9198a1", "ours": "#58a6ff", "other": "#ff7b72"}
CYCLE = {
    "light": ["#0969da", "#bf8700", "#1a7f37", "#8250df"],
    "dark": ["#58a6ff", "#e3b341", "#3fb950", "#bc8cff"],
}

Draw = Callable[[Axes, dict[str, str]], None]
"""Draws into the axes, with these colours."""


def save(folder: pathlib.Path, name: str, draw: Draw, size: tuple[float, float] = (6.4, 3.2)) -> None:
    """Writes ``name-light.svg`` and ``name-dark.svg``; the same picture is the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    for theme, colours in (("light", LIGHT), ("dark", DARK)):
        with rc_context({"svg.hashsalt": name, "svg.fonttype": "path", "font.size": 9}):
            figure = Figure(figsize=size, layout="constrained")
            axes = figure.subplots()
            axes.set_prop_cycle(color=CYCLE[theme])
            draw(axes, colours)
            _ink(axes, colours)
            figure.savefig(folder / f"{name}-{theme}.svg", transparent=True, metadata={"Date": None})


def _ink(axes: Axes, colours: dict[str, str]) -> None:
    axes.grid(color=colours["faint"], alpha=0.6, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(colours["faint"])
    axes.tick_params(which="both", colors=colours["ink"], length=0)
    for text in (axes.xaxis.label, axes.yaxis.label, axes.title):
        text.set_color(colours["ink"])
    legend = axes.get_legend()
    if legend is not None:
        legend.get_frame().set(alpha=0, linewidth=0)
        for text in legend.get_texts():
            text.set_color(colours["ink"])


def shown(file: str, alt: str) -> str:
    """The MyST lines that show both, each where its theme is."""
    return f"![{alt}]({file}-light.svg){{.only-light}}\n![{alt}]({file}-dark.svg){{.only-dark}}\n"
