"""Many stations on real sockets: who they are, how they begin, what the system must grant (design, 5)."""

import asyncio
import resource
from pathlib import Path

import msgspec
import pytest
from tests.shells.rig import until

from chargepost.cli import run_with
from chargepost.fleet.scenario import People
from chargepost.run import fleet, limits
from chargepost.run.addresses import parse
from chargepost.run.house import House, Plan, opened
from chargepost.run.limits import TooFewFiles, need
from chargepost.run.site import Site, SupervisionPart
from chargepost.run.stations import START_BATCH
from chargepost.run.store import Store

MIXED = msgspec.structs.replace(fleet.DEFAULT, models={"evlink-pro-ac": 3.0, "evlink-smart-wallbox": 1.0})


def test_a_fleet_is_mixed_by_its_shares_and_nobody_is_there_twice() -> None:
    site = fleet.site(msgspec.structs.replace(MIXED, stations=400), "ws://h/x", {"HeartbeatInterval": "60"})
    models = [part.model for part in site.stations]
    assert sum("evlink-pro-ac" in model for model in models) == 300
    assert len({part.id for part in site.stations}) == 400
    assert len({badge for part in site.stations if part.visitors for badge in part.visitors.badges}) == 400
    assert all(part.keys()["HeartbeatInterval"] == "60" for part in site.stations)


def test_keys_of_a_scenario_are_for_the_products_that_have_them() -> None:
    plan = msgspec.structs.replace(MIXED, stations=4, settings={"rfidStatusTimeout": "5", "HeartbeatInterval": "7"})
    for part in fleet.site(plan, "ws://h/x", {}).stations:
        assert part.keys().get("HeartbeatInterval") == "7"
    assert len({tuple(part.keys()) for part in fleet.site(plan, "ws://h/x", {}).stations}) == 2


def test_a_scenario_without_visits_has_no_visitors() -> None:
    nobody = msgspec.structs.replace(MIXED, stations=3, people=People(visits_per_day=0))
    assert not any(part.visitors for part in fleet.site(nobody, "ws://h/x", {}).stations)


async def test_a_fleet_is_switched_on_one_after_the_other() -> None:
    """With a ramp the house is open, and shows what happens, while stations still come."""
    plan = msgspec.structs.replace(MIXED, stations=130, people=People(visits_per_day=0))
    site = fleet.site(plan, "", {})
    house_plan = Plan(site, Store(None), "0", supervision=parse("127.0.0.1:0"), ramp_s=0.5, crowd=True)
    async with opened(house_plan) as house:
        await asyncio.sleep(0)
        assert len(house.stations.hosts) == START_BATCH
        assert len(house.wanted) == 130
        assert "130 stations" in house.title
        happening = asyncio.Event()
        house.stations.listeners.append(lambda _: happening.set())
        await until(lambda: house.stations.counts["boot accepted"] >= 130, happening)
        tasks = [task for task in asyncio.all_tasks() if "station" in repr(task.get_coro()).lower()]
        assert len(tasks) < 10, "a task per station"


async def heard(house: House, event: str) -> None:
    """Until it has happened at three stations."""
    happening = asyncio.Event()
    house.stations.listeners.append(lambda _: happening.set())
    await until(lambda: house.stations.counts[event] >= 3, happening)


async def test_a_fleet_with_the_key_of_its_pattern_is_let_in_where_others_can_connect(tmp_path: Path) -> None:
    key = tmp_path / "fleet.key"
    key.write_text("0123456789abcdefghij\n")
    central = SupervisionPart(admit=("FLEET-*",), admit_key_file=str(key), accept_badges=("FLEET*",))
    plan = Plan(Site(name="central", supervision=central), Store(None), "0", supervision=parse("0.0.0.0:0"))
    three = msgspec.structs.replace(fleet.DEFAULT, stations=3, people=People(visits_per_day=0))
    async with opened(plan) as house:
        assert house.supervision
        url = f"ws://127.0.0.1:{house.supervision.at.port}/ocpp"
        for given, seen in ((key.read_text().strip(), "boot accepted"), ("f" * 20, "link down")):
            site = fleet.site(three, url, {"AuthorizationKey": given})
            async with opened(Plan(site, Store(None), "0", crowd=True)) as stations:
                await heard(stations, seen)
        assert stations.stations.tally.lost["http 401"] == 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--admit FLEET-* --listen 0.0.0.0:0", "admit: others can connect here, so a key is needed"),
        ("--admit FLEET-* --admit-key nowhere.key", "nowhere.key: the key cannot be read"),
        ("--admit FLEET-* --admit-key short.key", "short.key: a key has 16 to 40 characters"),
    ],
)
def test_letting_in_by_a_pattern_takes_a_good_key(
    words: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("short.key").write_text("too short")
    listen = "" if "--listen" in words else " --listen 127.0.0.1:0"
    assert run_with(["supervision", "--store", "none", *f"{words}{listen}".split()]) == 1
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_too_few_open_files_is_said_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The soft limit is raised by itself; past the hard one nothing begins."""
    granted: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: granted[-1] if granted else (256, 1000))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: granted.append(limits))
    need(800, served_here=False)
    assert granted == [(1000, 1000)]
    with pytest.raises(TooFewFiles, match=r"801 stations need 1,001 open files, .* --stations 800"):
        need(801, served_here=False)
    with pytest.raises(TooFewFiles, match="run the supervision in a process of its own"):
        need(401, served_here=True)
    assert run_with(["fleet", "--stations", "900", "--supervision", "ws://127.0.0.1:9", "--control", "none"]) == 1
    assert "900 stations need 1,100 open files" in capsys.readouterr().err
    assert limits.SPARE == 200
