"""Writes the programs down anew."""

import re

import jax
import numpy as np

from ..compiler import Compiler, Texts
from ..targets import BY_NAME
from . import RECIPES, write

_FOLDER = re.compile(r'^(\d+ ")[^"\n]*?/((?:jaxsched|parity|jax|optax)/[^"\n]*|[^"/\n]*)"$', re.MULTILINE)


def without_folders(texts: Texts) -> Texts:
    """The names of the sources without those of the folders that they lay in."""
    return {name: _FOLDER.sub(r'\1\2"', text) for name, text in texts.items()}


def main() -> None:
    with Compiler() as compiler:
        for name, recipe in RECIPES.items():
            if not recipe.lasting:
                count = jax.ShapeDtypeStruct((), np.int32)  # type: ignore[no-untyped-call]
                write(name, without_folders(compiler.texts(recipe.schedule, [count], BY_NAME[recipe.target])))
                print(name)


if __name__ == "__main__":
    main()
