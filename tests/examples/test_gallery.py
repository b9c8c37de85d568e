"""Every schedule is in the gallery, and the page shows every picture."""

import html.parser

import gallery
import pytest

import jaxsched
from jaxsched import Schedule


def test_every_schedule_has_a_picture():
    public = {
        name
        for name, kind in vars(jaxsched).items()
        if isinstance(kind, type) and issubclass(kind, Schedule) and kind is not Schedule
    }
    assert set(gallery.GALLERY) == public | {"Momentum"}
    for name, schedules in gallery.GALLERY.items():
        assert {type(schedule).__name__ for schedule in schedules} == {name}


def test_the_page_shows_every_picture(tmp_path, capsys):
    assert gallery.main(["--out", str(tmp_path), "--steps", "60"]) == list(gallery.GALLERY)
    sources = []
    reader = html.parser.HTMLParser()
    reader.handle_starttag = lambda tag, attributes: sources.append(dict(attributes).get("src"))
    text = (tmp_path / "index.html").read_text()
    reader.feed(text)
    assert [s for s in sources if s] == [f"{name}.png" for name in gallery.GALLERY]
    assert {path.stem for path in tmp_path.glob("*.png")} == set(gallery.GALLERY)
    assert all(path.stat().st_size > 5_000 for path in tmp_path.glob("*.png"))
    assert "<code>StepLR(0.1, step_size=30, gamma=0.5)</code>" in text
    assert "lr_lambda=every_tenth" in text
    assert "http" not in text
    assert f"{len(gallery.GALLERY)} schedules drawn" in capsys.readouterr().out


def test_bad_options(capsys):
    with pytest.raises(SystemExit):
        gallery.main(["--steps", "0"])
    assert "--steps: must be at least 1, got 0." in capsys.readouterr().err
