"""``python -m docs._pages.device``: Optax's cosine on an NVIDIA H100, for a picture of why.md.

It needs the extra devices. What the compiled program answers is kept in a file, since whoever builds the
site has no compiler for a GPU.
"""

from __future__ import annotations

import json
import pathlib

import numpy as np
import optax

from parity.devices.compiler import Compiler
from parity.devices.door import brought
from parity.devices.targets import find

FILE = pathlib.Path(__file__).with_name("device.json")
TARGET = "cuda:h100"


def main() -> None:
    (target,) = find([TARGET])
    subject = brought(optax.cosine_decay_schedule(0.1, 10_000), np.arange(9_300, 9_901, dtype=np.int32))
    with Compiler() as compiler:
        program = compiler.compile(subject, subject.arguments, target)
        answers = list(subject.ask(program.replay, target))
    counts = np.concatenate([each.places for each in answers])
    device, host = (np.concatenate([getattr(e, name)[0] for e in answers]) for name in ("device", "wanted"))
    kept = {"counts": counts, "device": device.astype(np.float64), "host": host.astype(np.float64)}
    text = json.dumps({"target": TARGET, **{name: values.tolist() for name, values in kept.items()}})
    FILE.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
