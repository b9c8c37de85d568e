"""The notebook: its cells, run one after the other, but for the one that installs."""

import json
import pathlib

import matplotlib.figure
import matplotlib.pyplot

FILE = pathlib.Path(__file__).parents[2] / "examples" / "quickstart.ipynb"
NOTEBOOK = json.loads(FILE.read_text())
CODE = [cell for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]


def test_it_runs(capsys):
    install, *cells = ["".join(cell["source"]) for cell in CODE]
    assert install.startswith('%pip install --quiet "jaxsched[parity] @ git+https://')
    assert not any(line.startswith(("%", "!")) for cell in cells for line in cell.splitlines())
    names = {"__name__": "__main__"}
    try:
        for cell in cells:
            exec(compile(cell, FILE.name, "exec"), names)
    finally:
        matplotlib.pyplot.close("all")  # else whoever draws next in this process draws into its picture
    assert isinstance(names["figure"], matplotlib.figure.Figure)
    assert names["losses"][-1] < names["losses"][0] / 4
    first, *_, optax, jaxsched = capsys.readouterr().out.splitlines()
    assert first == str(names["schedule"]).splitlines()[0]
    assert optax.startswith("optax failed: ")
    assert jaxsched == "jaxsched passed"


def test_nothing_that_was_run_is_kept():
    """What it prints depends on who runs it; kept, it would go stale."""
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in CODE)
    assert len({cell["id"] for cell in NOTEBOOK["cells"]}) == len(NOTEBOOK["cells"])
