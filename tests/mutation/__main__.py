"""Breaks the schedules and the comparison on purpose, a line at a time, and counts who notices.

``python tests/mutation`` copies the repository at its last commit to a folder of its own,
has Cosmic Ray make every mutant of the rooms in `ROOMS` that its operators know, draws
a fixed sample, runs `judge` on each, and writes ``docs/mutants.md``. What survives stands
there with the reason, from ``survivors.toml``; a survivor without one is an error.
"""

import argparse
import collections
import json
import os
import pathlib
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import tomllib

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent

ROOMS = (
    "jaxsched/schedulers",
    "jaxsched/composed",
    "jaxsched/_numerics",
    "jaxsched/hugging_face",
    "jaxsched/interop",
    "parity/judge.py",
    "parity/ulp.py",
    "parity/causes",
    "parity/reference",
)

CONFIG = """
[cosmic-ray]
module-path = {rooms}
timeout = 900.0
excluded-modules = []
test-command = "{python} tests/mutation/judge.py"
[cosmic-ray.distributor]
name = "local"
"""

# A difference turned into a shift or a bitwise operation is found by anything that runs. An "or" stands in
# annotations, which nothing evaluates; so do decorators like @final.
TRIVIAL = ("RemoveDecorator", "RShift", "LShift", "BitAnd", "BitOr", "BitXor", "Pow", "Mod", "FloorDiv")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python tests/mutation", description=__doc__)
    parser.add_argument("--mutants", type=int, default=120, help="how many to draw (default: %(default)s)")
    parser.add_argument("--work", type=pathlib.Path, help="folder to work in, kept; goes on where it was")
    parser.add_argument(
        "--again",
        action="store_true",
        help="in that folder: what survived unexplained, by the tests of today",
    )
    options = parser.parse_args()
    work = options.work or pathlib.Path(tempfile.mkdtemp(prefix="mutants-"))
    session, config = work / "session.sqlite", work / "config.toml"
    if not session.exists():
        shutil.rmtree(work, ignore_errors=True)
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(work)], check=True)
        config.write_text(CONFIG.format(python=sys.executable, rooms=json.dumps(ROOMS)))
        tool("init", config, session, work=work)
        sample(session, options.mutants)
    elif options.again:
        subprocess.run(["git", "fetch", "--quiet", str(ROOT), "HEAD"], cwd=work, check=True)
        subprocess.run(["git", "checkout", "--quiet", "FETCH_HEAD", "--", "tests"], cwd=work, check=True)
        subprocess.run(
            ["git", "-c", "user.name=-", "-c", "user.email=-", "commit", "-qam", "-"], cwd=work, check=True
        )
        forget_survivors(session)
    tool("exec", config, session, work=work)
    return report(session)


def tool(command: str, config: pathlib.Path, session: pathlib.Path, *, work: pathlib.Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(work), "JAX_PLATFORMS": "cpu"}
    arguments = [command, config.name, session.name]
    subprocess.run([shutil.which("cosmic-ray"), *arguments], cwd=work, env=environment, check=True)


def sample(session: pathlib.Path, wanted: int) -> None:
    """Keeps so many mutants, as evenly over the files as there are."""
    with sqlite3.connect(session) as store:
        rows = store.execute("select job_id, module_path, operator_name from mutation_specs").fetchall()
        files = collections.defaultdict(list)
        for job, path, operator in sorted(rows):
            if not operator.endswith(TRIVIAL) and "_BitOr_" not in operator:
                files[path].append(job)
        draw = random.Random(0)
        for jobs in files.values():
            draw.shuffle(jobs)
        kept = set()
        while len(kept) < wanted and any(files.values()):
            # What judges is looked at as thoroughly as three schedulers.
            for path, jobs in files.items():
                for _ in range(3 if path.startswith(("parity/judge", "parity/ulp", "parity/causes")) else 1):
                    if jobs and len(kept) < wanted:
                        kept.add(jobs.pop())
        for table in ("mutation_specs", "work_items"):
            marks = ",".join("?" * len(kept))
            store.execute(f"delete from {table} where job_id not in ({marks})", sorted(kept))


def forget_survivors(session: pathlib.Path) -> None:
    """Takes back the verdict on those without a reason."""
    with sqlite3.connect(session) as store:
        rows = store.execute(
            "select job_id, diff, test_outcome from mutation_specs join work_results using (job_id)"
        )
        known = reasons()
        open_ = [
            job for job, diff, said in rows if said.lower() == "survived" and change_of(diff) not in known
        ]
        store.executemany("delete from work_results where job_id = ?", [(job,) for job in open_])


def change_of(diff: str) -> str:
    """The line before and after."""
    return " → ".join(
        line[1:].strip() for line in diff.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")
    )


def reasons() -> dict[str, str]:
    return {entry["change"]: entry["reason"] for entry in tomllib.loads(survivors())["equivalent"]}


def report(session: pathlib.Path) -> int:
    """Writes the table; returns 1 when a survivor has no reason."""
    with sqlite3.connect(session) as store:
        rows = store.execute(
            "select module_path, start_pos_row, operator_name, test_outcome, diff from mutation_specs "
            "join work_results using (job_id) order by module_path, start_pos_row, operator_name"
        ).fetchall()
    known = reasons()
    by_file = collections.defaultdict(collections.Counter)
    survived, unexplained = [], 0
    for path, row, _, outcome, diff in rows:
        by_file[path][outcome.lower()] += 1
        if outcome.lower() == "survived":
            change = change_of(diff)
            reason = known.get(change)
            unexplained += reason is None
            survived.append((f"`{path}`:{row}", f"`{change}`", reason or "**unexplained**"))
    total = sum(sum(counts.values()) for counts in by_file.values())
    lines = [
        "# Mutants",
        "",
        "Lines changed on purpose, one at a time, and whether the fast tests or the quick profile of parity",
        "notice. Written by `python tests/mutation`; the sample is drawn with a fixed seed.",
        "",
        f"{total} mutants: {total - len(survived)} killed, {len(survived)} survived, of these "
        f"{len(survived) - unexplained} explained as equivalent.",
        "",
        "| file | mutants | killed | survived |",
        "| --- | --- | --- | --- |",
    ]
    lines += [
        f"| `{path}` | {sum(counts.values())} | {counts['killed']} | {counts['survived']} |"
        for path, counts in by_file.items()
    ]
    if survived:
        lines += [
            "",
            "## Survivors",
            "",
            "| where | change | why it changes nothing |",
            "| --- | --- | --- |",
        ]
        lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in survived]
    (ROOT / "docs" / "mutants.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines[5:7]))
    return 1 if unexplained else 0


def survivors() -> str:
    return (HERE / "survivors.toml").read_text()


if __name__ == "__main__":
    sys.exit(main())
