"""A fleet on real sockets under the fuses of its scenario: leaders, members and links as in a virtual day."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.shells.rig import until

from chargepost.cli import run_with
from chargepost.energy import cluster
from chargepost.fleet import scenario, site
from chargepost.run import fleet
from chargepost.run.addresses import parse
from chargepost.run.crowd import CrowdView
from chargepost.run.house import Plan, opened
from chargepost.run.store import Store

SCENARIO = """
stations = 6
models = { evlink-pro-ac = 1.0 }
people = { visits_per_day = 480.0, stay_s = 170.0 }
fuses = [{ name = "main", rating_a = 20.0 }]
site = { clusters = 2, floor_a = 6.0, lose = 0.05, outages_per_day = 400.0, outage_s = 120.0 }
"""
"""Two sites of three stations on 20 A, a car at each of them nearly all the time, and links that are cut often."""
SPEED = 120.0


async def crowded(folder: Path, done: Callable[[dict[str, Any]], bool], capsys: pytest.CaptureFixture[str]) -> Any:
    """What such a fleet tells at its end, which comes when this is so."""
    (folder / "fused.toml").write_text(SCENARIO)
    plan = scenario.load(folder / "fused.toml")
    house_plan = Plan(
        fleet.site(plan, "", {}), Store(None), "0", SPEED, supervision=parse("127.0.0.1:0"), crowd=True, scenario=plan
    )
    view, stop = CrowdView(json=True, live=False), asyncio.Event()
    async with opened(house_plan) as house:
        sites = house.sites
        assert sites
        shown = asyncio.create_task(view.show(house, stop))
        await until(lambda: done(sites.as_json()), asyncio.Event())
        stop.set()
        await shown
        assert sites.picture().count("fuse main: 20 A") == 1
    view.end("")
    return json.loads(capsys.readouterr().out.splitlines()[-1])


@pytest.mark.slow
async def test_a_fleet_on_real_sockets_is_never_above_its_fuses_and_tells_who_was_shed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    end = await crowded(tmp_path, lambda told: told["shed"] and told["trouble"] and told["work"]["fuse"] > 40, capsys)
    assert end["above"] == {}
    assert end["trouble"]["site link cut"] > 0
    assert any(why.startswith("fuse main") for why in end["shed"])


class Generous(cluster.Leader):
    """A planted fault: every fuse is twice as large as it is."""

    def _room(self, now: float) -> list[int]:
        return [2 * steps for steps in self.tree.rating]


@pytest.mark.slow
async def test_a_leader_that_gives_too_much_is_seen_on_real_sockets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site, "Leader", Generous)
    assert "site 1: fuse main L1" in (await crowded(tmp_path, lambda told: len(told["above"]) == 6, capsys))["above"]


def test_a_fleet_under_fuses_draws_its_picture_at_its_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, plot = tmp_path / "fused.toml", tmp_path / "fused.svg"
    path.write_text(SCENARIO)
    options = ["--speed", f"{SPEED:g}", "--until", "10s", "--control", "none", "--plot", str(plot)]
    assert run_with(["fleet", str(path), *options]) == 0
    assert "fuse main: 14 kW" in plot.read_text()
    assert "fuses         never above" in capsys.readouterr().out


def test_fuses_of_a_fleet_in_shards_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "fused.toml").write_text(SCENARIO)
    words = ["--shards", "2", "--supervision", "ws://h/x", "--store", "x"]
    assert run_with(["fleet", str(tmp_path / "fused.toml"), *words]) == 2
    assert "--shards: a scenario with fuses is for one process" in capsys.readouterr().err
