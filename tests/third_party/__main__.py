"""Writes docs/third-party.md: which objects of other libraries were converted, and into what."""

import datetime
import pathlib
import sys
import warnings

import torch
from objects import OBJECTS
from test_objects import STEPS, test_does_what_the_object_does as check

from jaxsched import from_torch

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "third-party.md"


def main() -> None:
    warnings.simplefilter("ignore")
    missing = {theirs.package for theirs in OBJECTS if not theirs.installed}
    if missing:
        sys.exit(f"not installed: {', '.join(sorted(missing))}. Run `make third-party`.")
    rows = []
    for theirs in OBJECTS:
        check(theirs)
        answer = from_torch(theirs.make(), total_steps=STEPS, step=theirs.given, quantity=theirs.quantity)
        rows.append(f"| `{theirs.name}` | {theirs.version} | `{type(answer).__name__}` |")
    libraries = {theirs.package for theirs in OBJECTS}
    today = datetime.date.today().isoformat()
    PAGE.write_text(
        f"""# Schedulers of other libraries

{len(OBJECTS)} live objects of {len(libraries)} libraries, converted by `from_torch(scheduler,
total_steps={STEPS})` and then stepped as their library does: the float32 bits are the same at every
count, and the object was left as it was. Written by `make third-party` on {today}, with torch
{torch.__version__.partition("+")[0]}.

What has no formula here is recorded. A class of transformers is known; a `LambdaLR` is traced, or its
function called once for each count.

| object | version | becomes |
| --- | --- | --- |
"""
        + "\n".join(rows)
        + "\n"
    )


if __name__ == "__main__":
    main()
