"""What the examples share: a schedule from the command line, progress, pictures on disk.

Nothing here trains. Each example does that in plain sight.
"""

from __future__ import annotations

import argparse
import ast
import os
import pathlib
from collections.abc import Iterator
from typing import Any

import matplotlib.figure
import rich.progress

import jaxsched


def parser(doc: str | None, name: str) -> argparse.ArgumentParser:
    """A parser whose help is the example's docstring, with the options that all have."""
    made = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    out = pathlib.Path("examples-out") / name
    made.add_argument(
        "--out", type=pathlib.Path, default=out, metavar="DIR", help="for the files (%(default)s)"
    )
    made.add_argument("--seed", type=int, default=0, metavar="N", help="of weights and batches (%(default)s)")
    return made


def add_schedule(parser: argparse.ArgumentParser, default: str) -> None:
    """The options ``--schedule NAME`` and ``--set argument=value``."""
    parser.add_argument(
        "--schedule", default=default, metavar="NAME", help="a class of jaxsched (%(default)s)"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="an argument of it; may be repeated"
    )


def schedule_from(
    parser: argparse.ArgumentParser, args: argparse.Namespace, **defaults: Any
) -> jaxsched.Schedule:
    """The schedule that the options name; ``defaults`` fill in what ``--set`` leaves open."""
    kind = getattr(jaxsched, args.schedule, None)
    if not (isinstance(kind, type) and issubclass(kind, jaxsched.Schedule)) or kind is jaxsched.Schedule:
        names = [n for n in dir(jaxsched) if n.endswith(("LR", "Restarts"))]
        parser.error(f"--schedule: no schedule is called {args.schedule!r}; there are {', '.join(names)}")
    given = {}
    for setting in args.set:
        name, equals, text = setting.partition("=")
        if not equals:
            parser.error(f"--set: wants NAME=VALUE, got {setting!r}")
        try:
            given[name] = ast.literal_eval(text)
        except (SyntaxError, ValueError):
            given[name] = text  # a word, as in anneal_strategy=linear
    fields = kind.__dataclass_fields__
    try:
        return kind(**{n: v for n, v in defaults.items() if n in fields} | given)
    except (TypeError, ValueError) as error:
        parser.error(f"{args.schedule}: {error}")


class Progress:
    """A bar with the loss, the learning rate, and the time left; in a log file, nothing.

    >>> with Progress("updates", total=2) as progress:
    ...     for _ in range(2):
    ...         progress(loss=0.5, lr=0.1)
    """

    def __init__(self, what: str, total: int, *, disable: bool = False) -> None:
        columns = ("{task.description}", rich.progress.BarColumn(), rich.progress.MofNCompleteColumn(),
                   "{task.fields[facts]}", rich.progress.TimeRemainingColumn())  # fmt: skip
        self._bar = rich.progress.Progress(*columns, transient=True, disable=disable)
        self._task = self._bar.add_task(what, total=total, facts="")

    def __call__(self, advance: int = 1, **facts: float) -> None:
        text = "  ".join(f"{name} {float(value):.4g}" for name, value in facts.items())
        self._bar.update(self._task, advance=advance, facts=text)

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()


def save(figure: matplotlib.figure.Figure, path: pathlib.Path) -> pathlib.Path:
    """Write a picture, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    figure.savefig(part, dpi=150, format=path.suffix[1:], bbox_inches="tight")
    part.replace(path)
    return path


def batches(rng: Any, size: int, batch: int) -> Iterator[Any]:
    """Indices of one epoch's batches, shuffled; what does not fill a batch is left out."""
    order = rng.permutation(size)
    for start in range(0, size - batch + 1, batch):
        yield order[start : start + batch]
