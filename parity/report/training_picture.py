"""The losses of all twins, overlaid: for report.md, which cannot draw."""

from __future__ import annotations

import io
from collections.abc import Sequence

from ..training import TrainingResult

COLUMNS = 5


def render(results: Sequence[TrainingResult]) -> bytes:
    """A PNG with a panel for each pair of twins, in the order of the table."""
    # Not at the top: it takes longer to import than all commands but this one's need.
    import matplotlib.figure

    rows = -(-len(results) // COLUMNS)
    width, height = 3 * COLUMNS, 2.1 * rows + 0.5
    figure = matplotlib.figure.Figure(figsize=(width, height))
    # Margins in inches, titles where they stand, no minor ticks: to have all that found takes four times as
    # long as to draw the panels.
    figure.subplots_adjust(
        left=0.8 / width,
        right=1 - 0.1 / width,
        bottom=0.5 / height,
        top=1 - 0.6 / height,
        wspace=0.06,
        hspace=0.3,
    )
    panels = figure.subplots(rows, COLUMNS, sharex=True, sharey=True, squeeze=False).ravel()
    panels[0].set_yscale("log")  # of all: they share it
    for panel in panels[len(results) :]:
        panel.remove()
    for panel, result in zip(panels, results, strict=False):
        if result.loss is None:
            panel.remove()
            continue
        ours, theirs = result.loss
        panel.plot(theirs, color="#f0a060", linewidth=3.5, label="PyTorch")
        panel.plot(ours, color="#20304a", linewidth=0.9, label="Flax with jaxsched")
        known = f"{result.case.optimizer}\n{result.case.scheduler}"
        title = result.case.name.replace(" and ", "\n") if result.case.brought else known
        panel.set_title(title, fontsize=8, loc="left", y=1.0)
        # At the bottom left: losses begin at the top.
        panel.text(
            0.03,
            0.05,
            f"{'weights ' if result.find('weights') else ''}{result.worst:.0e} apart",
            transform=panel.transAxes,
            fontsize=7,
            color="#a00000" if not result.passed else "#606060",
        )
        panel.tick_params(labelsize=7)
        panel.minorticks_off()
        panel.spines[["top", "right"]].set_visible(False)
    drawn = [panel for panel in panels if panel.lines]
    if drawn:
        figure.legend(*drawn[0].get_legend_handles_labels(), loc="upper right", ncols=2, fontsize=8)
    figure.supxlabel("update", fontsize=8, y=0.1 / height)
    figure.supylabel("loss of the batch", fontsize=8, x=0.1 / width)
    file = io.BytesIO()
    # Without the version of matplotlib, so that the same run is the same file.
    figure.savefig(file, dpi=110, metadata={"Software": None})
    return file.getvalue()
