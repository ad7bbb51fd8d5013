"""The picture of a site: what was drawn under the fuse line, and who was shed and why."""

import re
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from chargepost.cli import run_with
from chargepost.fleet.plot import Span, reasons, shed_spans
from chargepost.fleet.report import run_fleet, summary_lines
from chargepost.fleet.scenario import SCENARIOS, load
from chargepost.fleet.site import Shed
from chargepost.run import virtual

GARAGE = SCENARIOS / "garage.toml"
SVG = "{http://www.w3.org/2000/svg}"


def test_a_span_is_from_one_word_of_the_leader_to_the_next() -> None:
    shed = [
        Shed(100.0, 0, True, "fuse main L1, 63 A"),
        Shed(105.0, 1, True, "fuse main L1, 63 A"),
        Shed(107.0, 1, False, ""),
        Shed(400.0, 0, True, "fuse main L2, 61.5 A"),
        Shed(500.0, 0, False, ""),
    ]
    spans = shed_spans(shed, 900.0)
    assert spans == [Span(0, 100.0, 400.0, "fuse main L1, 63 A"), Span(0, 400.0, 500.0, "fuse main L2, 61.5 A")]
    assert reasons(spans) == [("fuse main L1", 300.0), ("fuse main L2", 100.0)]


def test_the_picture_shows_every_station_the_fuse_and_who_was_shed() -> None:
    pictures: list[str] = []
    plan = msgspec.structs.replace(load(GARAGE), hours=12.0)
    summary = run_fleet(plan, plot=pictures.append)
    assert summary.verdict == "laws hold"
    assert any(why.startswith("fuse ") for why in summary.shed)
    assert any(line.startswith("shed   ") for line in summary_lines(summary))
    (picture,) = pictures
    root = ElementTree.fromstring(picture)
    words = [each.text or "" for each in root.iter(f"{SVG}text")]
    titles = [each.text or "" for each in root.iter(f"{SVG}title")]
    assert {"fuse main: 43 kW", "fuse main: 63 A", "CP00002/2", "the building"} <= set(words)
    assert any(" shed " in title and ": fuse " in title for title in titles)
    assert "href" not in picture, "nothing is loaded from elsewhere"
    assert len(picture) < 150_000


def test_plot_writes_the_picture_and_says_where_and_how_far_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(virtual, "TOLD_EVERY_S", 0.0)
    plot = tmp_path / "day.svg"
    scenario = tmp_path / "short.toml"
    scenario.write_text(GARAGE.read_text().replace("hours = 24", "hours = 6"))
    assert run_with(["fleet", str(scenario), "--virtual", "--plot", str(plot)]) == 0
    assert plot.read_text().startswith("<svg ")
    said = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"chargepost: 00:10 of 06:00, x[\d,]+, [\d,]+ checks", said[0])
    assert said[-1] == f"chargepost: the picture is in {plot}"


@pytest.mark.parametrize("virtually", [["--virtual"], ["--until", "5s", "--speed", "60", "--control", "none"]])
def test_a_picture_that_cannot_be_written_takes_nothing_else_along(
    virtually: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scenario = tmp_path / "short.toml"
    scenario.write_text(GARAGE.read_text().replace("hours = 24", "hours = 4"))
    assert run_with(["fleet", str(scenario), *virtually, "--plot", str(tmp_path)]) == 1
    told = capsys.readouterr()
    assert f"--plot {tmp_path}: cannot be written: Is a directory" in told.err
    assert "trouble  " in told.out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--plot", "x.svg"], "--plot: the scenario has no site to draw: give it [[fuses]]"),
        (["--virtual", "--plot", "x.svg"], "--plot: the scenario has no site to draw: give it [[fuses]]"),
        ([str(GARAGE), "--virtual", "--plot", "/nowhere/x.svg"], "--plot /nowhere/x.svg: there is no folder /nowhere"),
    ],
)
def test_a_picture_that_cannot_be_says_why(words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_with(["fleet", *words]) == 2
    assert says in capsys.readouterr().err
