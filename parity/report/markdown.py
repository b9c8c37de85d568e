"""The report for people who read it in a browser, and for docs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..cases import BaseSpec, Case, Spec
from ..deviations import Demonstration
from ..devices.compare import Finding
from ..devices.table import Table
from ..plateau import PlateauCase
from ..run import CaseResult, Run
from ..training import RELATIVE, TrainingResult
from . import devices as on_devices

DEVIATIONS = """\
What jaxsched does otherwise than PyTorch, on purpose: only where PyTorch raises without need,
divides by zero, or returns nonsense. What each of the two says is not copied here but asked of
them; a deviation that no longer occurs fails the run."""


def render(run: Run, shown: Sequence[CaseResult] | None = None, *, picture: bool = True) -> str:
    """The run as Markdown; what failed comes first.

    Args:
      run: what to report.
      shown: the results that get rows of their own, where not all of them have room.
      picture: whether the picture of the twins lies beside the text.
    """
    shown = run.results if shown is None else shown
    parts = [
        f"# {title(run)}: {run.verdict}",
        *(f"{line}." for line in summaries(run)),
        *_failures(run, shown),
        *_section("By scheduler", "", by_scheduler(run)),
        *_section("Beside Optax", BESIDE_OPTAX, beside_optax(shown)),
        *_training_section(run, picture),
        *(_devices_sections(run.devices) if run.devices is not None else []),
        *_section("Deviations", DEVIATIONS, deviations(run.deviations)),
        *_section("Modes", MODES, modes(run)),
        *_section("Arguments", "Every argument that was given, and with how many values.", arguments(run)),
        *_section("Cases", _share_shown(run, shown), _cases(shown)),
        *_section("Not judged", NOT_JUDGED, _not_judged(shown)),
        *_section("Environment", "", _table(("what", "value"), _filled(run.environment))),
        took(run),
    ]
    return "\n\n".join(parts) + "\n"


BESIDE_OPTAX = """\
How far Optax's own schedule is from PyTorch's, for the same case, where Optax has an equal: the
greatest distance in ULP (of float32, at PyTorch's value; where that is 0 an ULP is 1.4e-45), the
count where that is, and the greatest difference as a share of the highest value (`inf` and `nan`:
Optax returns NaN). On the right, jaxsched."""

TRAINING = f"""\
One network trained twice, in PyTorch and in Flax, from the same weights and on the same batches, in
float64 on the CPU. Learning rate and momentum must be the same float32 numbers at every update;
losses, gradient norms and weights may be {RELATIVE:g} apart (each column shows the greatest relative
distance), since the two sum in orders of their own. A plateau's decisions depend on the losses that
they lead to."""

MODES = """\
How many schedules were called in each way, and how many then gave other bits at any of 256 counts.
That is besides the two ways in which every value was compared: under jit and vmap, and eagerly."""

NOT_JUDGED = """\
Events of a scheduler that come after the last count compared, so that nothing is known of them."""


def title(run: Run) -> str:
    """What the run is about."""
    only_devices = run.devices is not None and not (run.results or run.training)
    return "Bits on devices" if only_devices else "Parity with PyTorch"


def took(run: Run) -> str:
    """How long, in a sentence."""
    if not run.torch_seconds:
        return f"{run.seconds:.1f} s."
    return f"{run.seconds:.1f} s; PyTorch's own loops took {run.torch_seconds:.1f} s of it, in all processes."


def summaries(run: Run) -> list[str]:
    """A line for the schedules, one for the twins, and one for the devices, where there are any."""
    others = [run.training_summary()] if run.training else []
    others += [on_devices.summary(run.devices)] if run.devices is not None else []
    return ([run.summary()] if run.results or not others else []) + others


def _devices_sections(table: Table) -> list[str]:
    return [
        *_section("Devices", on_devices.lead(table), by_class(table)),
        *_section("Every schedule on devices", "", devices(table)),
        *_section("Optax on devices", on_devices.OPTAX, optax_by_function(table)),
        *_section("Every case of Optax's on devices", "", optax_on_devices(table)),
    ]


def by_class(table: Table) -> str:
    """One row for each class of schedules."""
    return _table(("schedules", *table.targets), on_devices.by_class(table))


def optax_by_function(table: Table) -> str:
    """One row for each of Optax's functions."""
    return _table(("schedules", *table.targets), on_devices.optax(table))


def devices(table: Table) -> str:
    """One row for each schedule, what failed first."""
    rows = on_devices.worst_first(table.rows)
    return _on_devices(table, ((f"`{row.name}`", row.findings, not row.accepted) for row in rows), "schedule")


def optax_on_devices(table: Table) -> str:
    """One row for each case that Optax has an equal of."""
    rows = [row for row in table.rows if row.optax is not None]
    named = ((f"`{row.name}`: `{row.optax}`", row.optax_findings, False) for row in rows)
    return _on_devices(table, named, "case, and Optax's function")


def _on_devices(table: Table, rows: Iterable[tuple[str, Mapping[str, Finding], bool]], what: str) -> str:
    columns = [what, *(column for target in table.targets for column in (target, "instructions"))]
    cells = []
    for name, findings, failed in rows:
        line = [name]
        for target in table.targets:
            said = on_devices.said(findings[target])
            line += [
                f"**{said}**" if failed and not findings[target].same else said,
                on_devices.instructions(findings[target]),
            ]
        cells.append(line)
    return _table(columns, cells)


def _training_section(run: Run, picture: bool) -> list[str]:
    shown = [f"![The losses of all twins, overlaid]({PICTURE})"] if run.training and picture else []
    return _section("Training", TRAINING, training(run.training)) + shown


PICTURE = "training.png"
"""Written beside the report by `report.write`."""


def training(results: Sequence[TrainingResult]) -> str:
    """One row for each pair of twins."""
    return _table(
        ("optimizer", "schedule", "verdict", "updates", "same learning rate", "before rounding", "momentum",
         "loss", "gradient norm", "weights", "reductions"),
        (
            (
                result.case.optimizer,
                " and ".join(f"`{result.case.spec.call(lr)}`" for lr in result.case.base_lrs),
                "passed" if result.passed else f"**failed**: {result.problem}",
                f"{result.case.steps:,}",
                "yes" if result["learning rate"].parts is None else "**no**",
                f"{result.lr_float64:.1e}",
                *_momentum(result),
                *(f"{result[name].furthest:.1e}" for name in ("loss", "gradient norm", "weights")),
                _reductions(result),
            )
            for result in results
        ),
    )  # fmt: skip


def _momentum(result: TrainingResult) -> list[str]:
    cycled = [quantity for quantity in result.quantities if quantity.name == "momentum"]
    return ["the same" if cycled[0].parts is None else "**not the same**"] if cycled else ["–"]


def _reductions(result: TrainingResult) -> str:
    ours, theirs = result.reductions
    if not ours and not theirs:
        return "–"
    return f"{len(ours)}, at the same updates" if ours == theirs else f"**{len(ours)} and {len(theirs)}**"


def _section(title: str, says: str, table: str) -> list[str]:
    """A section, unless its table has no rows."""
    return [f"## {title}", *filter(None, [says]), table] if table.count("\n") > 1 else []


def _filled(environment: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(name, value or "–") for name, value in environment.items()]


def _share_shown(run: Run, shown: Sequence[CaseResult]) -> str:
    return "" if len(shown) == len(run.results) else f"{len(shown)} of {len(run.results)}, failures first."


def _cases(shown: Sequence[CaseResult]) -> str:
    return _table(
        ("case", "verdict", "steps", "identical", "max ULP", "first divergence"),
        (
            (
                f"`{result.case.name}`",
                "passed" if result.passed else "**failed**",
                f"{result.comparison.steps:,}",
                f"{result.comparison.identical:,}",
                ulp(result.comparison.max_ulp),
                _count(result.comparison.first_divergence),
            )
            for result in shown
        ),
    )


def by_scheduler(run: Run) -> str:
    """One row for each class."""
    return _table(
        (
            "scheduler",
            "cases",
            "failed",
            "steps",
            "identical",
            "correctly rounded where torch is not",
            "max ULP",
        ),
        (
            (
                tally.scheduler,
                str(tally.cases),
                str(tally.failed),
                f"{tally.steps:,}",
                f"{tally.identical:,}",
                str(tally.correctly_rounded),
                ulp(tally.max_ulp),
            )
            for tally in run.by_scheduler()
        ),
    )


def beside_optax(results: Sequence[CaseResult]) -> str:
    """One row for each case that Optax has an equal of."""
    columns = ("case", "optax", "steps", "optax: max ULP", "at count", "of the peak", "jaxsched: max ULP")
    return _table(
        columns,
        (
            (
                f"`{result.case.name}`",
                f"`{result.optax.name}`",
                f"{result.optax.steps:,}",
                ulp(result.optax.max_ulp),
                _count(result.optax.max_ulp_count),
                f"{result.optax.max_share:.1e}" if result.optax.max_share else "0",
                ulp(result.comparison.max_ulp),
            )
            for result in results
            if result.optax is not None
        ),
    )


def deviations(shown: Iterable[Demonstration]) -> str:
    """The table of deviations, with what each side says today."""
    return _table(
        ("when", "PyTorch", "jaxsched", "why", "PyTorch says", "jaxsched says", "since"),
        (
            (
                one.deviation.when,
                one.deviation.torch_does,
                one.deviation.jaxsched_does,
                one.deviation.reason,
                f"`{one.torch}`",
                f"`{one.jaxsched}`" + ("" if one.occurs else " **no longer occurs**"),
                f"torch {one.deviation.torch_version}",
            )
            for one in shown
        ),
    )


def deviations_page(shown: Sequence[Demonstration]) -> str:
    """The table as a page of its own, for docs."""
    return f"# Deviations from PyTorch\n\n{DEVIATIONS}\n\n{deviations(shown)}\n"


def ulp(value: float) -> str:
    """A distance in ULP: plain while it is short, in powers of ten when it is not."""
    return f"{round(value):,}" if value < 1e6 else f"{value:.1e}"


def modes(run: Run) -> str:
    """In which ways schedules were called, and what came of it."""
    rows = []
    for mode in dict.fromkeys(mode for result in run.results for mode in result.modes):
        found = [result.modes[mode] for result in run.results if mode in result.modes]
        rows.append((mode, str(len(found)), str(sum(n > 0 for n in found))))
    return _table(("mode", "schedules", "with other bits"), rows)


def arguments(run: Run) -> str:
    """Which arguments were exercised, nested ones too."""
    seen: dict[str, dict[str, set[str]]] = {}

    def see(spec: BaseSpec) -> None:
        mine = seen.setdefault(spec.scheduler, {})
        for name, value in spec.arguments.items():
            mine.setdefault(name, set()).add(repr(value))
            for member in value if isinstance(value, tuple) else ():
                see(member)

    for result in run.results:
        if isinstance(result.case, Case):
            see(result.case.spec)
        elif isinstance(result.case, PlateauCase):
            see(Spec("ReduceLROnPlateau", result.case.trace.arguments))
    rows = (
        (scheduler, ", ".join(f"`{name}` ({len(values)})" for name, values in sorted(mine.items())))
        for scheduler, mine in sorted(seen.items())
    )
    return _table(("scheduler", "arguments"), rows)


def _not_judged(results: Sequence[CaseResult]) -> str:
    rows = (
        (f"`{result.case.name}`", f"{event.what} at count {event.count:,}")
        for result in results
        for event in result.comparison.unseen
    )
    return _table(("case", "never reached"), rows)


def _failures(run: Run, shown: Sequence[CaseResult]) -> list[str]:
    lines = []
    for result in shown:
        if not result.passed:
            lines.append(f"- `{result.case.name}`: {result.problem}")
            found = result.comparison
            lines += [f"  - cause: {found.cause}"] if found.cause else []
            lines += [f"  - who: {found.who}"] if found.who else []
            lines.append(f"  - again: `{result.again}`")
    for twins in run.parted:
        lines += [f"- `{twins.case.name}`: {twins.problem}", f"  - again: `{twins.again}`"]
    heading = "## Failed"
    for row in run.devices.refused if run.devices is not None else ():
        heading = heading if row.failed else "## Failed, or not compared"
        lines += [f"- `{row.name}`: {on_devices.problem(row)}", f"  - again: `{row.again}`"]
    lines += [f"- {shown.deviation.when}: this deviation no longer occurs" for shown in run.outdated]
    return [heading, "\n".join(lines)] if lines else []


def _count(count: float | None) -> str:
    return "–" if count is None else f"{count:g}"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
