"""Every schedule drawn: a picture each, and a page with all of them.

  python examples/gallery.py
  python examples/gallery.py --only OneCycleLR --steps 500

The page is index.html in --out; it opens from disk.
"""

from __future__ import annotations

import html

import common
from matplotlib.figure import Figure

import jaxsched as js
from jaxsched import Schedule
from parity.cases import MEMBERS


def every_tenth(k: int) -> float:
    return 0.7 if k % 10 == 9 else 1.0


def inverse_time(k):
    return 1 / (1 + 0.05 * k)


WARMUP = js.LinearLR(0.1, start_factor=0.1, total_iters=20)

GALLERY: dict[str, list[Schedule]] = {
    "ConstantLR": [js.ConstantLR(0.1, factor=0.3, total_iters=40)],
    "LinearLR": [js.LinearLR(0.1, 0.1, total_iters=40), js.LinearLR(0.1, 1.0, 0.2, total_iters=80)],
    "StepLR": [js.StepLR(0.1, step_size=30, gamma=0.5)],
    "MultiStepLR": [js.MultiStepLR(0.1, milestones=[30, 80], gamma=0.3)],
    "ExponentialLR": [js.ExponentialLR(0.1, gamma=0.97), js.ExponentialLR(0.1, gamma=0.99)],
    "PolynomialLR": [js.PolynomialLR(0.1, total_iters=100, power=p) for p in (0.5, 1.0, 2.0)],
    "CosineAnnealingLR": [js.CosineAnnealingLR(0.1, T_max=100), js.CosineAnnealingLR(0.1, 50, eta_min=0.02)],
    "CosineAnnealingWarmRestarts": [js.CosineAnnealingWarmRestarts(0.1, T_0=20, T_mult=2)],
    "CyclicLR": [
        js.CyclicLR(0.01, max_lr=0.1, step_size_up=15),
        js.CyclicLR(0.01, max_lr=0.1, step_size_up=15, mode="triangular2"),
        js.CyclicLR(0.01, max_lr=0.1, step_size_up=15, mode="exp_range", gamma=0.98),
    ],
    "OneCycleLR": [
        js.OneCycleLR(0.1, total_steps=120),
        js.OneCycleLR(0.1, total_steps=120, anneal_strategy="linear", three_phase=True),
    ],
    "Momentum": [js.OneCycleLR(0.1, total_steps=120).momentum],
    "LambdaLR": [js.LambdaLR(0.1, inverse_time)],
    "MultiplicativeLR": [js.MultiplicativeLR(0.1, every_tenth, total_steps=120)],
    "SWALR": [js.SWALR(0.1, swa_lr=0.03, anneal_epochs=40)],
    "SequentialLR": [js.SequentialLR([WARMUP, js.CosineAnnealingLR(0.1, T_max=100)], milestones=[20])],
    "ChainedScheduler": [js.ChainedScheduler([WARMUP, js.StepLR(0.1, step_size=40, gamma=0.5)])],
    "PerEpoch": [js.PerEpoch(js.CosineAnnealingLR(0.1, T_max=12), steps_per_epoch=10)],
    "SetAt": [js.SetAt(js.CosineAnnealingLR(0.1, T_max=100), 40, 0.09)],
    "Warmup": [js.Warmup(js.PerEpoch(js.StepLR(0.1, 2), 20), 30)],
    "Recorded": [js.Recorded([0.1 / (1 + k // 10) for k in range(120)])],
    "StartingAt": [js.StartingAt(js.OneCycleLR(0.1, total_steps=120), 30)],
}
# Of a class that is not among them, what is tried of it in sequences and chains.
for spec in MEMBERS.values():
    GALLERY.setdefault(spec.scheduler, [spec.schedule(0.1)])

PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>The schedules of jaxsched</title>
<style>
  :root {{ color-scheme: light dark; }}
  body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }}
  main {{ display: grid; gap: 2rem; }}
  main {{ grid-template-columns: repeat(auto-fill, minmax(min(21rem, 100%), 1fr)); }}
  h2 {{ font-size: 1.1rem; margin: 0 0 .5rem; }}
  img {{ width: 100%; height: auto; border-radius: 4px; background: #fff; }}
  code {{ display: block; font-size: .8rem; overflow-wrap: anywhere; }}
</style>
<h1>The schedules of jaxsched</h1>
<p>PyTorch's learning-rate schedulers as Optax schedules, over {steps} updates.</p>
<main>
{figures}
</main>
</html>
"""

FIGURE = """\
<section>
  <h2>{name}</h2>
  <img src="{name}.png" alt="{name} over {steps} updates" width="1000" height="600" loading="lazy">
  {calls}
</section>"""


def draw(schedules: list[Schedule], steps: int, name: str) -> Figure:
    figure = Figure(figsize=(5, 3), layout="constrained")
    axes = js.plot(schedules, steps, ax=figure.subplots())
    axes.set(title=name, ylim=(0, None), xlim=(0, steps))
    if name == "Momentum":
        axes.set(ylabel="momentum", title="OneCycleLR(…).momentum", ylim=(0.8, 1.0))
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def main(argv: list[str] | None = None) -> list[str]:
    parser = common.parser(__doc__, "gallery")
    parser.add_argument("--steps", type=int, default=121, metavar="N", help="counts to draw (%(default)s)")
    parser.add_argument("--only", choices=sorted(GALLERY), metavar="NAME", help="one of %(choices)s")
    args = parser.parse_args(argv)
    if args.steps < 1:
        parser.error(f"--steps: must be at least 1, got {args.steps}.")
    names = [args.only] if args.only else list(GALLERY)
    figures = []
    with common.Progress("pictures", len(names)) as progress:
        for name in names:
            common.save(draw(GALLERY[name], args.steps, name), args.out / f"{name}.png")
            calls = "\n  ".join(f"<code>{html.escape(_shown(schedule))}</code>" for schedule in GALLERY[name])
            figures.append(FIGURE.format(name=name, steps=args.steps, calls=calls))
            progress(lr=GALLERY[name][0].on_host(0))
    page = args.out / "index.html"
    page.write_text(PAGE.format(steps=args.steps, figures="\n".join(figures)), encoding="utf-8")
    print(f"{len(names)} schedules drawn. Page: {page}")
    return names


def _shown(schedule: Schedule) -> str:
    """The call that makes it; a function by its name only."""
    text = repr(schedule)
    for function in (every_tenth, inverse_time):
        text = text.replace(repr(function), function.__name__)
    return text


if __name__ == "__main__":
    main()
