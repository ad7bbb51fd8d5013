"""A virtual day: the laws hold over several seeds, and the same seed is the same day (issue of the world; bar 3)."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chargepost.fleet import post, report
from chargepost.fleet.scenario import DEFAULT, Disturbances, Link, Scenario, ScenarioError, load, read
from chargepost.fleet.timeline import Stopped
from chargepost.fleet.world import World

ROUGH = {
    "link": Link(lose=0.003, duplicate=0.01, cuts_per_day=10, outages_per_day=4),
    "disturbances": Disturbances(
        power_cuts_per_day=4, unlucky_cut=0.01, clock_steps_per_day=4, disk_troubles_per_day=2,
        hardware_faults_per_day=4, resets_per_day=2, commands_per_day=20, central_restarts_per_day=10,
        central_clock_steps_per_day=6,
    ),
}  # fmt: skip


def day(stations: int, seed: int = 1, **more: Any) -> Scenario:
    return msgspec.structs.replace(load(), stations=stations, seed=seed, **more)


def well(summary: report.Summary) -> bool:
    assert summary.verdict == "laws hold", "\n".join(report.summary_lines(summary))
    return summary.transactions > 0


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_laws_hold_over_a_day_of_twenty_stations(seed: int) -> None:
    assert well(report.run_fleet(day(20, seed)))


@pytest.mark.parametrize("seed", range(4, 9))
def test_the_laws_hold_over_a_rough_day(seed: int) -> None:
    assert well(report.run_fleet(day(6, seed, **ROUGH)))


@pytest.mark.parametrize(
    "model", ["evlink-pro-ac/cable", "evlink-pro-ac/socket-domestic", "evlink-smart-wallbox/rfid-te"]
)
def test_the_laws_hold_for_other_outlets(model: str) -> None:
    assert well(report.run_fleet(day(6, 9, models={model: 1.0}, **ROUGH)))


@pytest.mark.slow
def test_the_laws_hold_over_the_default_day_of_two_hundred_stations() -> None:
    assert well(report.run_fleet(load()))


# --- the same day again ----------------------------------------------------------------------------------------------

ALONE = """
import msgspec
from chargepost.fleet import report, scenario
print(report.run_fleet(msgspec.structs.replace(scenario.load(), stations=4, seed=7, hours=10)).digest)
"""


def test_same_seed_same_digest_in_another_process_with_another_hash_seed() -> None:
    def alone(hash_seed: str) -> str:
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        done = subprocess.run(
            [sys.executable, "-c", ALONE], env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    here = report.run_fleet(day(4, 7, hours=10)).digest
    assert alone("1") == alone("2") == here
    assert report.run_fleet(day(4, 8, hours=10)).digest != here


def test_a_replay_stops_at_the_frame_and_is_the_same_up_to_it() -> None:
    whole = World(day(4, 7, hours=10), until_frame=200)
    with pytest.raises(Stopped):
        whole.run(36_000)
    again = report.run_fleet(day(4, 7, hours=10), until_frame=200)
    assert (again.verdict, again.frames, again.digest) == ("stopped", 200, whole.digest())


DATES = re.compile(rb'"[-0-9T:.]+Z"')


def said(plan: Scenario) -> list[tuple[float, str, bool, bytes]]:
    """Each frame of a day, dates left out: an alarm may ring a grain of the clock earlier when another one does."""
    frames: list[tuple[float, str, bool, bytes]] = []
    world = World(plan)
    kept = world._frame

    def frame(identity: str, up: bool, data: bytes) -> None:
        frames.append((world.timeline.now, identity, up, DATES.sub(b"", data)))
        kept(identity, up, data)

    world._frame = frame  # type: ignore[method-assign]
    world.run(plan.duration_s)
    return frames


@pytest.mark.parametrize("model", ["evlink-pro-ac", "evlink-smart-wallbox"])
def test_pings_that_are_caught_up_with_are_as_those_that_ring(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines fall silent, are cut and come back; the wallbox hangs up after a time-out of its own, too."""
    plan = day(4, 11, hours=12, models={model: 1.0}, **ROUGH)
    caught_up = said(plan)
    monkeypatch.setattr(post, "PING", None)
    rung = said(plan)
    assert [frame[1:] for frame in caught_up] == [frame[1:] for frame in rung]
    assert max(abs(one[0] - other[0]) for one, other in zip(caught_up, rung, strict=True)) < 0.01


# --- the summary -----------------------------------------------------------------------------------------------------


def test_progress_and_ten_lines_at_the_end() -> None:
    steps: list[report.Progress] = []
    summary = report.run_fleet(day(3, hours=4), progress=steps.append)
    assert [step.now_s for step in steps] == [600.0 * n for n in range(1, 25)]
    assert steps[-1].laws_checked <= summary.laws_checked
    lines = report.summary_lines(summary)
    assert len(lines) == 10
    assert lines[-1].endswith(f"--virtual --stations 3 --seed 1 --until {summary.frames}")


# --- scenario files --------------------------------------------------------------------------------------------------


def test_the_default_scenario_is_what_the_types_say_plus_settings() -> None:
    default = load()
    assert (default.stations, default.hours) == (200, 24)
    assert (default.people, default.link, default.disturbances) == (
        Scenario().people,
        Scenario().link,
        Scenario().disturbances,
    )
    assert DEFAULT.name == "day.toml"


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"statoins": 3}, "a.toml: statoins: unknown key; did you mean stations?"),
        ({"people": {"sty_s": 3}}, "a.toml: people.sty_s: unknown key; did you mean stay_s?"),
        ({"people": {"stay_s": "long"}}, "a.toml: people.stay_s: expected `float`, got `str`"),
        ({"people": {"blocked": 1.5}}, "a.toml: people.blocked: 1.5 is not within 0 and 1"),
        ({"hours": 1}, "a.toml: hours: must be 4 to 10000"),
        ({"models": {"evlink-pro-dx": 1}}, "a.toml: models: "),
        ({"stations": 0}, "a.toml: stations: must be 1 to 100000"),
        ({"people": {"by_hour": [1.0]}}, "a.toml: people.by_hour: must be 24 numbers"),
    ],
)
def test_a_wrong_scenario_is_one_line_with_file_and_key(table: dict[str, Any], words: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        read(table, "a.toml")
    text = str(caught.value).replace("`", "")
    assert text.startswith(words.replace("`", ""))
    assert "\n" not in text


def test_a_file_that_is_no_toml_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "b.toml"
    path.write_text("stations = = 3")
    with pytest.raises(ScenarioError, match=r"^b\.toml: "):
        load(path)
    with pytest.raises(ScenarioError, match=r"^none\.toml: No such file"):
        load(tmp_path / "none.toml")
