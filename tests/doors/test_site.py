"""The site: pages are in the navigation, public names in the reference, schedulers in the tables."""

import importlib
import importlib.util
import pathlib
import re
import subprocess
import sys

import pytest

import jaxsched
from docs._pages import reference
from jaxsched.interop.counterparts import counterparts
from jaxsched.interop.optimizer_rows import REFUSED, ROWS

ROOT = pathlib.Path(__file__).parents[2]
DOCS = ROOT / "docs"
INDEX = (DOCS / "index.md").read_text()
NAVIGATION = re.findall(
    r"^([\w/.-]+)$", "\n".join(re.findall(r"```\{toctree\}\n(.*?)```", INDEX, re.DOTALL)), re.M
)


def conf():
    spec = importlib.util.spec_from_file_location("conf", DOCS / "conf.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(name="conf")
def _conf(monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    return conf()


def test_every_page_is_in_the_navigation_once():
    assert len(NAVIGATION) == len(set(NAVIGATION))
    written = {page.stem for page in DOCS.glob("*.md")} - {"index"}
    made = {f"generated/{name.rpartition('.')[0]}" for name in reference.pages()} | {"generated/gallery"}
    assert set(NAVIGATION) == written | made


def test_every_public_name_is_in_the_reference():
    for name in reference.MODULES:
        module = importlib.import_module(name)
        page = reference.pages()[f"reference-{name}.rst"]
        for each in vars(module):
            value = getattr(module, each)
            if not each.startswith("_") and getattr(value, "__module__", None) == name:
                assert f":: {name}.{each}\n" in page, each
    assert ":: parity.assert_parity\n" in reference.pages()["reference-parity.rst"]
    assert ":: jaxsched.Schedule\n" in reference.pages()["reference-jaxsched.rst"]


def test_every_command_is_in_the_reference():
    text = reference.pages()["command-line.md"]
    for command in ("run", "compare", "selftest"):
        assert f"## parity {command}\n" in text
    assert "--steps-per-epoch" in text


def test_sources_are_found(conf):
    for name in ("StepLR", "ReduceLROnPlateau", "from_torch", "StepLR.on_host"):
        link = conf.linkcode_resolve("py", {"module": "jaxsched", "fullname": name})
        file, _, line = link.removeprefix(f"{conf.SOURCE}/").partition("#L")
        said = (ROOT / file).read_text().splitlines()[int(line) - 1]
        assert name.rpartition(".")[2] in said


def test_a_dead_link_out_of_the_docs_is_an_error(conf):
    source = ["[there](../pyproject.toml)"]
    conf.outside(None, "start", source)
    assert source == [f"[there]({conf.SOURCE}/pyproject.toml)"]
    with pytest.raises(FileNotFoundError, match="start"):
        conf.outside(None, "start", ["[gone](../gone.py)"])


def test_every_scheduler_and_optimizer_has_a_line():
    pytest.importorskip("transformers")
    equals = pytest.importorskip("docs._pages.equals")
    page = equals.page()
    for name in counterparts():
        assert f"jaxsched.{name}(" in page or name == "GreedyLR"
    for name in vars(jaxsched.timm):
        if name.endswith("Scheduler"):
            assert f"jaxsched.timm.{name}(" in page
    for name in (*ROWS, *REFUSED):
        assert f"`torch.optim.{name}(" in page or f"`{name}` is refused" in page
    assert "get_scheduler('greedy'" in page
    # `make docs` wrote the page that is there; it is another where another torch is installed.
    if equals.torch.__version__.startswith("2.13."):
        assert equals.PAGE.read_text() == page, "make docs writes it anew"


def test_every_schedule_is_in_the_gallery():
    gallery = pytest.importorskip("docs._pages.gallery")
    drawn = {type(schedule) for schedules in gallery.drawn().values() for schedule in schedules}
    drawn |= {type(machine) for machine in gallery.machines().values()}
    kinds = {"transformers": gallery.TRANSFORMERS_CASES, "timm": gallery.TIMM_CASES}
    drawn |= {type(case.schedule()) for cases in kinds.values() for case in gallery.telling(cases).values()}
    wanted = {
        value
        for module in (jaxsched, jaxsched.timm)
        for value in vars(module).values()
        if isinstance(value, type) and value.__module__ == module.__name__ and hasattr(value, "base_lr")
    }
    wanted |= {row.ours for row in counterparts().values()}
    assert wanted <= drawn


@pytest.mark.slow
def test_the_site_is_built(tmp_path):
    pytest.importorskip("sphinx_book_theme", reason="the extra site is not installed")
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-b",
        "html",
        "-W",
        "--keep-going",
        "-q",
        "-d",
        str(tmp_path / "d"),
    ]
    subprocess.run([*command, str(DOCS), str(tmp_path / "site")], check=True, cwd=ROOT)
    assert (tmp_path / "site" / "index.html").exists()
