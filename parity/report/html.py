"""The report for people: one page that opens from disk, worst first, to search, with pictures.

All words are written here, so that they are read, and tested, without the page's script, which
only hides, shows and draws. The page loads nothing: its security policy forbids that, and every
script but the one whose hash it names.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import math
import pathlib
import re
import string
import urllib.parse
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import modes, ulp
from ..comparison import Comparison, Curves, Distance, Integrity, Row, bits
from ..devices.compare import Finding
from ..devices.table import Table
from ..reference.events import Event
from ..results import CaseResult, Run
from ..training import TrainingResult
from . import devices as on_devices, markdown

POINTS = 300
"""Counts of a trajectory that are drawn, at most."""

MARKS = 40
"""Events that are marked in a picture, at most."""

NAMED = 8
"""Events of a kind whose counts stand in the text, at most."""


class Html(str):
    """Text that is HTML already. All other text is escaped."""


def render(run: Run) -> str:
    """The run as one HTML page."""
    style, script = _beside("page.css"), _beside("page.js")
    sections: dict[str, tuple[str, str] | tuple[str, str, Html]] = {
        "Beside Optax": (markdown.BESIDE_OPTAX, _beside_optax(run.results)),
        "Training": (markdown.TRAINING, markdown.training(run.training), _twins(run.training)),
        **(_devices(run.devices) if run.devices is not None else {}),
        "Deviations": (markdown.DEVIATIONS, markdown.deviations(run.deviations)),
        "Modes": (markdown.MODES, markdown.modes(run)),
        "Arguments": ("Every argument that was given, and with how many values.", markdown.arguments(run)),
    }
    sections = {title: each for title, each in sections.items() if each[1].count("\n") > 1}  # with rows
    return string.Template(_beside("page.html")).substitute(
        title=markdown.title(run),
        style=style,
        style_hash=_hash(style),
        script=script,
        script_hash=_hash(script),
        verdict=run.verdict,
        verdict_class=_verdict(run.passed),
        provenance=_html(_provenance(run)),
        outdated=_join(
            Html(f"<p class=problem>{_prose(shown.deviation.when)}: this deviation no longer occurs</p>")
            for shown in run.outdated
        ),
        figures=_figures(run),
        no_cases="" if run.results else " hidden",
        nav=_join(Html(f'<a href="#{_id(title)}">{title}</a>') for title in sections),
        schedulers=_schedulers(run),
        options=_join(Html(f"<option>{_html(tally.scheduler)}</option>") for tally in run.by_scheduler()),
        count=f"{len(run.results):,}",
        # The worst failure is open: where the two part, and why, is seen at once.
        cases=_join(
            _case(result, opened=i == 0 and not result.passed)
            for i, result in enumerate(worst_first(run.results))
        ),
        sections=_join(_section(title, *each) for title, each in sections.items()),
        environment=_table(
            ("what", "value"), [(n, v or "–") for n, v in (*run.environment.items(), _took(run))]
        ),
    )


def _devices(table: Table) -> dict[str, tuple[str, str, Html]]:
    ours = [(row.name, row.findings, not row.accepted) for row in on_devices.worst_first(table.rows)]
    theirs = [
        (f"{row.optax} for {row.name}", row.optax_findings, False)
        for row in table.rows
        if row.optax is not None
    ]
    failed = _on_devices(table, [row for row in ours if row[2]], "Failed, or not compared")
    return {
        "Devices": (
            on_devices.lead(table),
            markdown.by_class(table),
            Html(failed + _folded("Every schedule", _on_devices(table, ours))),
        ),
        "Optax on devices": (
            on_devices.OPTAX,
            markdown.optax_by_function(table),
            _folded("Every case", _on_devices(table, theirs)),
        ),
    }


def _on_devices(
    table: Table, rows: Iterable[tuple[str, Mapping[str, Finding], bool]], caption: str = ""
) -> Html:
    cells = [
        [
            Html(f"<code>{_html(name)}</code>"),
            *(_finding(findings[target], failed and not findings[target].same) for target in table.targets),
        ]
        for name, findings, failed in rows
    ]
    return _table(("schedule", *table.targets), cells, caption)


def _finding(found: Finding, wrong: bool) -> Html:
    said = (
        Html(f"<span class=failed>{_html(on_devices.said(found))}</span>")
        if wrong
        else on_devices.said(found)
    )
    size = "" if found.instructions is None else f" <small>{found.instructions:,} instructions</small>"
    return Html(f"{_html(said)}{size}")


def _folded(title: str, content: Html) -> Html:
    return Html(f"<details><summary class=plain><span>{title}</span></summary>{content}</details>")


def worst_first(results: Iterable[CaseResult]) -> list[CaseResult]:
    """What failed, then the rest; each by the distance to PyTorch."""
    return sorted(results, key=lambda result: (result.passed, -_furthest(result.comparison)))


def _furthest(found: Comparison) -> float:
    return found.max_ulp if found.steps else math.inf


def _figures(run: Run) -> Html:
    """What matters most, large."""
    furthest = max((_furthest(result.comparison) for result in run.results), default=math.inf)
    twins = (
        ("twins that stay together", f"{len(run.training) - len(run.parted):,}", f"of {len(run.training):,}"),
    )
    figures = (
        ("cases passed", f"{len(run.results) - len(run.failed):,}", f"of {len(run.results):,}"),
        ("values identical to PyTorch’s", f"{run.identical:,}", f"of {run.steps:,}"),
        ("correctly rounded, unlike PyTorch’s", f"{run.correctly_rounded:,}", ""),
        ("greatest distance", _ulp(furthest), "ULP"),
    )
    devices = _device_figures(run.devices) if run.devices is not None else ()
    figures = (*(figures if run.results else ()), *(twins if run.training else ()), *devices)
    return _join(
        Html(f"<div><dt>{name}</dt><dd><b>{value}</b> {unit}</dd></div>") for name, value, unit in figures
    )


def _device_figures(table: Table) -> tuple[tuple[str, str, str], ...]:
    return (
        (
            f"schedules the same on {', '.join(table.targets)}",
            f"{sum(row.passed for row in table.rows):,}",
            f"of {len(table.rows):,}",
        ),
        (
            f"values with {on_devices.whose(table)}".replace("'", "’"),
            f"{table.same:,}",
            f"of {table.compared:,}",
        ),
    )


def _provenance(run: Run) -> str:
    known = run.environment
    named = ("jaxsched", "torch", "jax", "optax", "numpy", *on_devices.PACKAGES)
    versions = ", ".join(f"{name} {known[name]}" for name in named if name in known)
    date = known["date"].replace("T", " ").replace("+00:00", " UTC")
    return f"{versions}; {known['device']}; {date}"


def _ulp(value: float) -> str:
    return markdown.ulp(value) if math.isfinite(value) else "∞"


def _schedulers(run: Run) -> Html:
    rows = [
        (
            _link(tally.scheduler, scheduler=tally.scheduler),
            f"{tally.cases:,}",
            Html(f"<strong class=failed>{tally.failed:,}</strong>") if tally.failed else "0",
            f"{tally.steps:,}",
            f"{tally.identical:,}",
            _ulp(tally.max_ulp),
            _squares(result for result in run.results if result.case.scheduler == tally.scheduler),
        )
        for tally in run.by_scheduler()
    ]
    return _table(("scheduler", "cases", "failed", "counts", "identical", "max ULP", "each case"), rows)


def _squares(results: Iterable[CaseResult]) -> Html:
    """A square for each case, for the mouse; whoever uses the keyboard has the list."""
    squares = []
    for result in worst_first(results):
        found = result.comparison
        kind = "same" if found.identical == found.steps else "rounded"
        name, target = _html(result.case.name), _address(q=result.case.name)
        look = kind if result.passed else "wrong"
        squares.append(Html(f'<a class={look} href="{target}" title="{name}" tabindex=-1></a>'))
    return Html(f"<span class=squares aria-hidden=true>{_join(squares)}</span>")


def _beside_optax(results: Iterable[CaseResult]) -> str:
    """The table, worst first."""
    return markdown.beside_optax(sorted(results, key=lambda r: -r.optax.max_ulp if r.optax else 0.0))


def _took(run: Run) -> tuple[str, str]:
    torch = f"; PyTorch’s own loops {run.torch_seconds:.1f} s, of all processes" if run.torch_seconds else ""
    return "time", f"{run.seconds:.1f} s{torch}"


def _section(title: str, lead: str, table: str, more: str = "") -> Html:
    head = f"<h2 id={_id(title)}>{title}</h2><p>{_prose(lead)}</p>"
    return Html(f"<section>{head}{_from_markdown(table)}{more}</section>\n")


def _id(title: str) -> str:
    return title.lower().replace(" ", "-")


# One case


def _case(result: CaseResult, opened: bool) -> Html:
    case, found, verdict = result.case, result.comparison, _verdict(result.passed)
    problem = f"<p class=problem>{_html(result.problem)}</p>" if result.problem else ""
    apart = f"{_ulp(found.max_ulp)} ULP" if found.steps else ""
    return Html(
        f'<li data-scheduler="{_html(case.scheduler)}" data-verdict={verdict}>'
        f"<details{' open' if opened else ''}><summary>"
        f"<span class={verdict}>{verdict}</span><h3>{_html(case.name)}</h3>"
        f"<span class=n>{found.steps:,} counts</span><span class=n>{apart}</span>{problem}</summary>\n"
        f"{_picture(result)}<div class=facts>{_facts(result)}</div></details></li>\n"
    )


def _facts(result: CaseResult) -> Html:
    found = result.comparison
    facts = (
        ("cause", found.cause),
        ("who", found.who),
        ("identical", f"{found.identical:,} of {found.steps:,} values"),
        (
            "rounded",
            found.correctly_rounded and f"{found.correctly_rounded:,} correctly where PyTorch’s is not",
        ),
        ("least tolerance", _tolerance(found)),
        ("integrity", found.integrity and _integrity(found.integrity)),
        ("called", found.eager and _called(result)),
        ("events", found.curves and _events(_turns(found.curves.events))),
        ("not judged", _events(found.unseen)),
        ("Optax", _optax(result)),
        ("time", f"{result.seconds:.2f} s, of which PyTorch’s loop {result.torch_seconds:.2f} s"),
        ("again", Html(f"<code>{_html(result.again)}</code>")),
        ("link", _link("to this case alone", q=result.case.name)),
    )
    listed = _join(Html(f"<dt>{name}</dt><dd>{_html(text)}</dd>") for name, text in facts if text)
    return Html(f"<dl>{listed}</dl>{_window(found)}{_three_ways(found.distances)}")


def _tolerance(found: Comparison) -> str:
    """The least tolerance that each way of measuring would have needed."""
    least = found.tolerance
    if least is None:
        return ""
    if least.ulp == 0:
        return "none"
    if not math.isfinite(least.ulp):
        return "no tolerance would do: a value is not finite"
    return f"absolute {least.absolute:.3g}, or relative {least.relative:.3g}, or {least.ulp:.4g} ULP"


def _integrity(found: Integrity) -> str:
    kinds = {
        "NaN": found.nan,
        "infinite": found.infinite,
        "negative": found.negative,
        "−0": found.negative_zero,
        "subnormal": found.subnormal,
    }
    some = ", ".join(f"{n:,} {kind}" for kind, n in kinds.items() if n)
    return f"{found.returns}; {some or 'no value is ' + ', '.join(kinds)}"


def _called(result: CaseResult) -> str:
    """In which ways, besides the one that was compared."""
    said = [f"at {result.comparison.eager:,} counts eagerly"]
    if result.modes:
        said.append(f"at {modes.COUNTS} in each of the modes {', '.join(result.modes)}")
    differing = ", ".join(f"{mode} ({n})" for mode, n in result.modes.items() if n)
    return f"{'; '.join(said)}: {f'other bits in {differing}' if differing else 'the same bits'}"


def _turns(events: Sequence[Event]) -> list[Event]:
    """Without the first count, which every trajectory has."""
    return [event for event in events if event.count > 0]


def _events(events: Sequence[Event]) -> str:
    """Each kind, and where it happens."""
    kinds: dict[str, list[str]] = {}
    for event in events:
        kinds.setdefault(event.what, []).append(f"{event.count:,}")
    return "; ".join(f"{what} at {_some(counts)}" for what, counts in kinds.items())


def _some(counts: Sequence[str]) -> str:
    """Their list, if it is short."""
    return ", ".join(counts[:NAMED]) + (f" and {len(counts) - NAMED:,} more" if len(counts) > NAMED else "")


def _optax(result: CaseResult) -> str:
    theirs = result.optax
    return f"{theirs.name}: {_ulp(theirs.max_ulp)} ULP from PyTorch" if theirs else ""


def _window(found: Comparison) -> Html:
    """The surroundings of the first failure, or else of the worst count."""
    middle = found.first_failure or found.worst
    caption = "The first counts" if middle is None else f"Around count {middle.count:g}"
    rows = [(f"{row.count:g}", *_values(row)) for row in found.window]
    return _table(("count", "ours", "PyTorch", "exact"), rows, caption)


def _three_ways(found: Sequence[Distance]) -> Html:
    rows = [
        (
            each.between,
            f"{each.identical:,} of {each.counts:,}",
            f"{each.max_ulp:.4g}" if math.isfinite(each.max_ulp) else "∞",
            f"{each.worst.count:g}",
            *_values(each.worst),
        )
        for each in found
    ]
    columns = ("between", "alike", "max ULP", "at count", "ours", "PyTorch", "exact")
    return _table(columns, rows, "Three ways, where they are furthest apart")


def _values(row: Row) -> tuple[Html, ...]:
    return tuple(map(_value, (row.ours, row.torch, row.exact)))


def _value(value: float | None) -> Html:
    if value is None:
        return Html("–")
    number, word = bits(value).split()
    return Html(f"<span class=value>{number} <small>{word.strip('()')}</small></span>")


# Its picture


def _picture(result: CaseResult) -> Html:
    """The numbers of a picture, for the page's script to draw."""
    curves = result.comparison.curves
    return Html("") if curves is None else _figure(_panels(result, curves))


def _panels(result: CaseResult, curves: Curves) -> dict[str, Any]:
    """Both trajectories, the signed error and the distance in ULP, over some of the counts."""
    ulps = ulp.rounded_distance(curves.ours, curves.torch)
    with np.errstate(over="ignore", invalid="ignore"):
        torch = curves.torch.astype(np.float32)
        error = curves.ours - curves.torch
    events, found = _turns(curves.events), result.comparison
    marked = [
        events[i] for i in np.unique(np.linspace(0, len(events) - 1, min(MARKS, len(events)), dtype=int))
    ]
    pointed = found.first_failure or found.worst
    # The count before an event, too, so that a step is upright.
    kept = {i for event in marked for i in (event.count - 1, event.count)}
    kept |= {int(np.argmax(curves.counts == pointed.count))} if pointed else set()
    chosen = _chosen(curves.ours, torch, error, ulps, kept)
    ours, theirs = _numbers(curves.ours[chosen], 9), _numbers(torch[chosen], 9)
    return {
        "k_is": "count" if curves.counts.dtype == np.int32 else "epoch",
        "k": curves.counts[chosen].tolist(),
        "events": [(event.count, event.what) for event in marked],
        "failure": found.first_failure and found.first_failure.count,
        "at": pointed and pointed.count,
        "panels": [
            {
                "kind": "pair",
                "title": {"lr": "learning rate"}.get(result.case.quantity, result.case.quantity),
                "ours": ours,
                "torch": None if theirs == ours else theirs,
            },
            {"kind": "error", "title": "ours − PyTorch", "error": _numbers(error[chosen], 3)},
            {
                "kind": "distance",
                "title": "distance in ULP",
                "unit": "ULP",
                "distance": _numbers(ulps[chosen], 4) if ulps.any() else None,
            },
        ],
    }


def _chosen(
    ours: npt.NDArray[Any],
    torch: npt.NDArray[Any],
    error: npt.NDArray[Any],
    ulps: npt.NDArray[Any],
    kept: set[int],
) -> npt.NDArray[np.int64]:
    """Which counts are drawn: all, or these, the ends, and the extremes of each of some equal parts."""
    steps = len(ours)
    if steps <= POINTS:
        return np.arange(steps)
    kept = kept | {0, steps - 1, int(np.argmax(np.nan_to_num(np.abs(error))))}
    low, high = np.fmin(ours, torch), np.fmax(ours, torch)
    for part in np.array_split(np.arange(steps), (POINTS - len(kept)) // 3):
        kept |= {int(part[0] + i) for i in (low[part].argmin(), high[part].argmax(), ulps[part].argmax())}
    return np.asarray(sorted(kept))


def _numbers(values: npt.NDArray[Any], digits: int) -> list[float | str]:
    """What JSON can hold of them: ``nan``, ``inf`` and ``-inf`` are text."""
    return [float(f"{value:.{digits}g}") if math.isfinite(value) else str(value) for value in values.tolist()]


# Twins


def _twins(results: Iterable[TrainingResult]) -> Html:
    """Each pair with its picture, worst first."""
    worst = sorted(results, key=lambda result: (result.passed, -result["weights"].furthest))
    return Html(f"<ul class=twins>{_join(_pair(result) for result in worst)}</ul>") if worst else Html("")


def _pair(result: TrainingResult) -> Html:
    verdict, problem = _verdict(result.passed), result.problem
    said = f"<p class=problem>{_html(problem)}</p>" if problem else ""
    return Html(
        f"<li><details{'' if result.passed else ' open'}><summary><span class={verdict}>{verdict}</span>"
        f"<h3>{_html(result.case.name)}</h3><span class=n>{result.case.steps:,} updates</span>"
        f"<span class=n>{result['weights'].furthest:.1e} apart</span>{said}</summary>\n"
        f"{_figure(_curves(result))}<div class=facts><dl><dt>again</dt>"
        f"<dd><code>{_html(result.again)}</code></dd></dl></div></details></li>\n"
    )


def _curves(result: TrainingResult) -> dict[str, Any]:
    first = result.first and result.first.parts
    panels: list[dict[str, Any]] = []
    for title, (ours, theirs) in (
        ("learning rate", result.curves.lr),
        ("loss of the batch", result.curves.loss),
    ):
        pair = _numbers(ours, 9), _numbers(theirs, 9)
        same = pair[0] == pair[1]
        panels.append(
            {
                "kind": "pair",
                "title": title,
                "ours": pair[0],
                "torch": None if same else pair[1],
                "float64": True,
            }
        )
    return {
        "k_is": "update",
        "k": list(range(result.case.steps)),
        "events": [(update, "reduced") for update in result.reductions[1][:MARKS]],
        "failure": first,
        "at": first,
        "panels": [
            *panels,
            {
                "kind": "distance",
                "title": "distance of the weights, relative",
                "unit": "of the weights apart",
                "distance": _numbers(result.curves.weights, 3),
            },
        ],
    }


# HTML


def _html(text: str | None) -> Html:
    return text if isinstance(text, Html) else Html(html.escape(text or ""))


def _prose(text: str) -> Html:
    """Text in which backticks mark code, and two stars what matters, as in Markdown."""
    marked = re.sub(r"`([^`]*)`", r"<code>\1</code>", html.escape(text))
    return Html(re.sub(r"\*\*([^*]*)\*\*", r"<strong>\1</strong>", marked))


def _figure(data: dict[str, Any]) -> Html:
    return Html(f'<figure><script type="application/json">{_json(data)}</script></figure>')


def _join(parts: Iterable[Html]) -> Html:
    return Html("".join(parts))


def _json(data: Any) -> Html:
    """JSON that does not end the element it stands in, nor begin a comment."""
    return Html(json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c"))


def _address(**wanted: str) -> Html:
    """Of the page, with only the cases that are wanted."""
    return _html("#" + urllib.parse.urlencode(wanted, quote_via=urllib.parse.quote))


def _link(text: str, **wanted: str) -> Html:
    return Html(f'<a href="{_address(**wanted)}">{_html(text)}</a>')


def _from_markdown(table: str) -> Html:
    """A table of the Markdown report."""
    columns, _, *rows = (
        [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in table.splitlines()
    )
    return _table(columns, [[_prose(cell) for cell in row] for row in rows])


_NUMBER = re.compile(r"(<strong class=failed>)?[-−]?[\d,.]+(e[-+]\d+)?(</strong>)?|inf|nan|∞|–")


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], caption: str = "") -> Html:
    if not rows:
        return Html("")
    looks = [" class=n" if all(map(_NUMBER.fullmatch, cells)) else "" for cells in zip(*rows, strict=True)]
    head = _join(
        Html(f"<th scope=col{look}>{_html(column)}</th>") for look, column in zip(looks, columns, strict=True)
    )
    lines = (
        _join(Html(f"<td{look}>{_html(cell)}</td>") for look, cell in zip(looks, row, strict=True))
        for row in rows
    )
    body = _join(Html(f"<tr>{line}</tr>") for line in lines)
    said = f"<caption>{_html(caption)}</caption>" if caption else ""
    return Html(
        f"<div class=scroll><table>{said}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


# Files


def _beside(name: str) -> str:
    return pathlib.Path(__file__).with_name(name).read_text(encoding="utf-8")


def _hash(source: str) -> str:
    """By what the security policy of a page knows an inline source."""
    return f"sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}"


def _verdict(passed: bool) -> str:
    return "passed" if passed else "failed"
