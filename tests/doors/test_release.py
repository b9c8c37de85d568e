"""What a release needs: the table of versions, the workflow, the forms, and one address everywhere."""

import pathlib
import re
import tomllib

import pytest
import yaml

import jaxsched

ROOT = pathlib.Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
HOME = PROJECT["urls"]["Source"]


def read(path):
    return (ROOT / path).read_text()


def table():
    """The lines of docs/versions.md, by the name of the line."""
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in read("docs/versions.md").splitlines()
    ]
    columns, _, *lines = (row for row in rows if len(row) > 2)
    return {line[0]: dict(zip(columns, line, strict=True)) for line in lines}


def pinned(path):
    return dict(re.findall(r"^([\w-]+)==(\S+)$", read(path), re.MULTILINE))


def jobs():
    """Of the job that runs the tests: the line of the table, and what it is given."""
    matrix = yaml.safe_load(read(".github/workflows/ci.yml"))["jobs"]["test"]["strategy"]["matrix"]
    return {job["name"].split()[0]: job for job in matrix["include"]}


PACKAGES = ("jax", "optax", "numpy", "flax", "torch")


def test_every_line_of_versions_is_a_job_with_these_versions():
    assert list(table()) == ["oldest", "pinned", "newest"]
    assert table().keys() == jobs().keys()
    for name, line in table().items():
        assert line["Python"] == jobs()[name]["python"]
    for name, path in (("oldest", "constraints-oldest.txt"), ("pinned", "constraints.txt")):
        assert jobs()[name]["constraints"] == path
        assert path in table()[name]["installed by"]
        assert {package: table()[name][package] for package in PACKAGES} == {
            package: pinned(path)[package] for package in PACKAGES
        }
    newest = table()["newest"]
    assert newest["torch"] == pinned("constraints.txt")["torch"]
    assert {newest[package] for package in PACKAGES if package != "torch"} == {"newest"}


def test_the_oldest_versions_are_the_lower_bounds():
    oldest = table()["oldest"]
    needed = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["parity"]]
    bounds = dict(re.match(r"([\w-]+)>=([\d.]+)", requirement).groups() for requirement in needed)
    for package in ("jax", "optax", "numpy", "flax"):
        assert f"{oldest[package]}.".startswith(f"{bounds[package]}."), package
    assert f"from {bounds['torch']} on" in read("docs/versions.md")
    assert PROJECT["requires-python"] == f">={oldest['Python']}"
    said = {text.rpartition(" ")[2] for text in PROJECT["classifiers"] if "Python :: 3." in text}
    assert {line["Python"] for line in table().values()} <= said


def test_one_address():
    assert {url.startswith(HOME) for url in PROJECT["urls"].values()} == {True}
    for path in ("CITATION.cff", "SECURITY.md", ".github/ISSUE_TEMPLATE/config.yml"):
        assert re.findall(r"https://github\.com/[\w-]+/[\w-]+", read(path)), path
        assert set(re.findall(r"https://github\.com/[\w-]+/[\w-]+", read(path))) == {HOME}, path


def test_the_citation_is_of_this_version():
    cited = yaml.safe_load(read("CITATION.cff"))
    assert cited["version"] == jaxsched.__version__
    assert cited["license"] == PROJECT["license"]
    assert {"cff-version", "message", "title", "authors"} <= cited.keys()


def test_nothing_is_published_that_was_not_built_and_tried():
    workflow = yaml.safe_load(read(".github/workflows/release.yml"))
    build, publish = workflow["jobs"]["build"], workflow["jobs"]["publish"]
    assert publish["needs"] == "build"
    done = [step.get("run", "") for step in build["steps"]]
    for wanted in ("make test", "make parity", "make dist", "minimal.py"):
        assert any(wanted in run for run in done), wanted
    assert (ROOT / "examples" / "minimal.py").exists()
    # Only what publishes may sign, write or ask for a token; and it runs nothing of the repository.
    assert workflow["permissions"] == {"contents": "read"}
    assert "permissions" not in build
    assert publish["permissions"] == {"contents": "write", "id-token": "write", "attestations": "write"}
    assert not any("checkout" in step.get("uses", "") for step in publish["steps"])
    assert all("${{" not in step.get("run", "") for job in (build, publish) for step in job["steps"])
    makes = set(re.findall(r"make ([a-z-]+)", "\n".join(done)))
    assert makes <= set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))


@pytest.mark.parametrize("form", ["not-pytorchs", "missing"])
def test_the_forms_ask_for_a_script(form):
    given = yaml.safe_load(read(f".github/ISSUE_TEMPLATE/{form}.yml"))
    assert {"name", "description", "body"} <= given.keys()
    fields = [field for field in given["body"] if field["type"] == "textarea"]
    assert "parity show" in fields[0]["attributes"]["description"]
    assert "--script" in fields[0]["attributes"]["description"]
    assert len({field["id"] for field in fields}) == len(fields) >= 2
