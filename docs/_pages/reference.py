"""The reference: every public name with its docstring, a page for each module; and the command line."""

from __future__ import annotations

import importlib
import inspect
import os
import pathlib
import types
from unittest import mock

from parity import cli
from parity.commands import COMMANDS

MODULES = {
    "jaxsched": "The schedules, what composes them, and what converts from PyTorch.",
    "jaxsched.hugging_face": "The schedules of transformers.",
    "jaxsched.timm": "The schedulers of timm.",
    "jaxsched.optimizers": "PyTorch's optimizers that have no equal in Optax.",
    "parity": "The validator: what a test of yours calls.",
}


def public(module: types.ModuleType) -> list[str]:
    """The public names of a module, those of its parts left out; sorted as people look them up."""
    names = getattr(module, "__all__", None) or [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and not inspect.ismodule(value) and value.__module__ == module.__name__
    ]
    return sorted(names, key=str.lower)


def pages() -> dict[str, str]:
    """The text of each page, by the name of its file."""
    found = {f"reference-{name}.rst": _page(name, about) for name, about in MODULES.items()}
    return {**found, "command-line.md": _command_line()}


def write(folder: pathlib.Path) -> None:
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")


def _page(name: str, about: str) -> str:
    module = importlib.import_module(name)
    lines = [name, "=" * len(name), "", about, "", f".. module:: {name}", ""]
    for each in public(module):
        value = getattr(module, each)
        kind = "class" if inspect.isclass(value) else "function" if callable(value) else "data"
        lines += [each, "-" * len(each), "", f".. auto{kind}:: {name}.{each}", ""]
        if kind == "class":
            fields = getattr(value, "_fields", ())  # of a named tuple: "Alias for field number 0"
            left = [f"   :exclude-members: {', '.join(fields)}"] if fields else []
            lines[-1:] = ["   :members:", *left, ""]
    return "\n".join(lines)


def _command_line() -> str:
    """What ``--help`` says, of the program and of each command."""
    with mock.patch.dict(os.environ, {"COLUMNS": "100"}):
        said = {"parity": cli.parser().format_help()}
        for command in COMMANDS:
            (commands,) = cli.parser(
                command
            )._subparsers._group_actions  # argparse has no other way to a command
            said[f"parity {command}"] = commands.choices[command].format_help()
    parts = ["# The command line\n", "What `--help` says. `python -m parity` is the same.\n"]
    parts += [f"## {name}\n\n```\n{text.rstrip()}\n```\n" for name, text in said.items()]
    return "\n".join(parts)
