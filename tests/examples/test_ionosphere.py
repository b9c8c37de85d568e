"""PyTorch and Flax stay together, and every way to the data works or says what is wrong."""

import argparse
import email.message
import hashlib
import io
import json
import os
import pathlib
import time
import urllib.error
import urllib.request
import urllib.response

import ionosphere
import numpy as np
import pytest

BESIDE = pathlib.Path(__file__).parents[3] / "shared/data/ionosphere.data"
FILE = pathlib.Path(os.environ.get("JAXSCHED_IONOSPHERE", BESIDE))
FACTORS = {
    "constant": lambda epoch: 1.0,
    "LinearLR, 1.0 → 0.3 over 10": lambda epoch: 1.0 - 0.7 * min(epoch, 10) / 10,
    "LinearLR, 1.0 → 0.5 over 30": lambda epoch: 1.0 - 0.5 * min(epoch, 30) / 30,
    "StepLR, halved every 15": lambda epoch: 0.5 ** (epoch // 15),
    "LambdaLR, 0.1/(1 + 0.01·epoch)": lambda epoch: 1 / (1 + 0.01 * epoch),
}


def check(runs, epochs):
    """What must hold of a training on any data."""
    assert list(runs) == list(FACTORS)
    for name, (run, exact) in runs.items():
        updates = len(run.lr) // epochs
        factors = [FACTORS[name](k // updates) for k in range(len(run.lr))]
        np.testing.assert_allclose(run.lr[:, 0], 0.1 * np.array(factors), rtol=1e-12)
        np.testing.assert_array_equal(run.lr[:, 1], np.float32(run.lr[:, 0]))
        # One rounding of the weights for each update is what two right programs may differ by.
        assert run.apart.max() < len(run.lr) * np.finfo(np.float32).eps
        assert exact.apart.max() < len(run.lr) * np.finfo(np.float64).eps
        np.testing.assert_allclose(run.loss[:, 1], run.loss[:, 0], rtol=1e-5)
        np.testing.assert_allclose(exact.loss[:, 1], exact.loss[:, 0], rtol=1e-12)


def test_the_two_frameworks_stay_together(tmp_path, capsys):
    page = tmp_path / "page.md"
    options = ["--epochs", "2", "--out", str(tmp_path / "out"), "--markdown", str(page)]
    runs = ionosphere.main(options)

    check(runs, epochs=2)
    assert all(run.accuracy[-1].min() > 0.85 for run, _ in runs.values())
    assert (tmp_path / "out" / "ionosphere.png").stat().st_size > 10_000
    *printed, last = capsys.readouterr().out.strip().splitlines()
    updates = sum(len(run.lr) for run, _ in runs.values())
    assert last.startswith(f"{updates} of {updates} learning rates have the same bits; weights at most ")
    assert "\n".join(printed) in page.read_text(encoding="utf-8")
    assert "569 rows of 30 numbers, 455 of them to train on" in page.read_text(encoding="utf-8")


@pytest.mark.skipif(
    not FILE.exists(), reason="no ../shared/data/ionosphere.data; name UCI's file in JAXSCHED_IONOSPHERE"
)
def test_the_real_data(tmp_path):
    parser = argparse.ArgumentParser()
    x, y = ionosphere.load(parser, str(FILE))
    assert x.shape == (351, 34)
    assert np.count_nonzero(y == 1) == 225, "good"
    runs = ionosphere.main(["--epochs", "16", "--data", str(FILE), "--out", str(tmp_path)])
    check(runs, epochs=16)
    assert all(run.accuracy[-1].min() > 0.8 for run, _ in runs.values())


# The data -------------------------------------------------------------------------------


def rows(count):
    numbers = np.random.default_rng(0).uniform(-1, 1, (count, 34)).round(5)
    return [",".join([*map(str, row), "bg"[i % 2]]) for i, row in enumerate(numbers)]


BAD_LINES = {
    "a number short": ",".join(["0"] * 33 + ["g"]),
    "a number too many": ",".join(["0"] * 35 + ["g"]),
    "a word": ",".join(["0"] * 33 + ["zero", "g"]),
    "not finite": ",".join(["0"] * 33 + ["nan", "g"]),
    "no class": ",".join(["0"] * 35),
    "blank": "",
}


@pytest.mark.parametrize("line", BAD_LINES.values(), ids=BAD_LINES)
def test_a_bad_line(line, tmp_path, capsys):
    file = tmp_path / "ionosphere.data"
    file.write_text("\n".join([*rows(2), line, *rows(2)]) + "\n")
    with pytest.raises(SystemExit):
        ionosphere.main(["--data", str(file)])
    wanted = "must be 34 finite numbers and then g or b, with commas between, got "
    assert f"--data: {file}, line 3: {wanted}{line[:60]!r}." in capsys.readouterr().err


def test_too_little_data(tmp_path, capsys):
    file = tmp_path / "ionosphere.data"
    file.write_text("\n".join(rows(40)))
    with pytest.raises(SystemExit):
        ionosphere.main(["--data", str(file)])
    assert f"--data: {file} must have 24 rows or more of each class, got 20." in capsys.readouterr().err


@pytest.mark.parametrize("content", [None, b"\xff\xfe"], ids=["no file", "no text"])
def test_no_data(content, tmp_path, capsys):
    file = tmp_path / "ionosphere.data"
    if content:
        file.write_bytes(content)
    with pytest.raises(SystemExit):
        ionosphere.main(["--data", str(file)])
    message = "--data: must be breast-cancer, openml or a file like ionosphere.data, got"
    assert message in capsys.readouterr().err


def test_no_epochs(capsys):
    with pytest.raises(SystemExit):
        ionosphere.main(["--epochs", "0"])
    assert "--epochs: must be at least 1, got 0." in capsys.readouterr().err


class OpenML(urllib.request.BaseHandler):
    """openml.org, with these lines for its data set 59."""

    handler_order = 0  # before urllib's own

    def __init__(self, lines):
        columns = [f"@ATTRIBUTE a{i:02} REAL" for i in range(1, 35)] + ["@ATTRIBUTE class {b,g}"]
        self.arff = "\n".join(["@RELATION ionosphere", *columns, "@DATA", *lines]).encode()
        self.rows = len(lines)

    def https_open(self, request):
        return self.answer(request.full_url)

    http_open = https_open

    def answer(self, url):
        if "/features/59" in url:
            names = [f"a{i:02}" for i in range(1, 35)] + ["class"]
            found = {"data_features": {"feature": [self.feature(i, name) for i, name in enumerate(names)]}}
        elif "/qualities/59" in url:
            found = {"data_qualities": {"quality": [{"name": "NumberOfInstances", "value": str(self.rows)}]}}
        elif url.endswith("/data/59"):
            about = {"id": "59", "name": "ionosphere", "version": "1", "format": "ARFF", "status": "active"}
            about |= {"description": "", "url": "https://www.openml.org/data/v1/download/59/ionosphere.arff"}
            about |= {"md5_checksum": hashlib.md5(self.arff).hexdigest()}
            found = {"data_set_description": about}
        else:
            found = None
        body = self.arff if found is None else json.dumps(found).encode()
        response = urllib.response.addinfourl(io.BytesIO(body), email.message.Message(), url, 200)
        response.msg = "OK"
        return response

    def feature(self, index, name):
        last = name == "class"
        kind = "nominal" if last else "numeric"
        facts = {"index": str(index), "name": name, "data_type": kind, "is_target": str(last).lower()}
        return facts | {"is_ignore": "false", "is_row_identifier": "false", "number_of_missing_values": "0"}


@pytest.fixture
def network(tmp_path, monkeypatch):
    """Sets what answers to URLs; scikit-learn's cache is empty."""
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "cache"))
    yield lambda handler: urllib.request.install_opener(urllib.request.build_opener(handler))
    urllib.request.install_opener(None)


def test_openml_gives_what_the_file_gives(tmp_path, network):
    parser, file = argparse.ArgumentParser(), tmp_path / "ionosphere.data"
    file.write_text("\n".join(rows(10)))
    network(OpenML(rows(10)))
    for fetched, read in zip(
        ionosphere.load(parser, "openml"), ionosphere.load(parser, str(file)), strict=True
    ):
        np.testing.assert_array_equal(fetched, read)
        assert np.issubdtype(fetched.dtype, np.number)


def test_openml_out_of_reach(network, monkeypatch, capsys):
    class Nothing(OpenML):
        def answer(self, url):
            raise urllib.error.URLError("no route")

    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    network(Nothing([]))
    with pytest.raises(SystemExit), pytest.warns(UserWarning, match="A network error occurred"):
        ionosphere.main(["--data", "openml"])
    assert "openml.org must be reachable, got <urlopen error no route>" in capsys.readouterr().err
