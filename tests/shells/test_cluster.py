"""Stations of two processes under one fuse: reports and grants are datagrams, and only who has the key is heard."""

import asyncio
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.shells.killing import START_S, Process, ask
from tests.shells.rig import until

from chargepost.drivers.simulated import CARS
from chargepost.energy.cluster import Report
from chargepost.energy.wire import Answer, Hello, Up, read_answer, seal
from chargepost.run import site
from chargepost.run.cluster import KEY_VARIABLE, TOLD_MAX, MemberSite
from chargepost.run.house import House, Plan, opened
from chargepost.run.http import ServeError
from chargepost.run.store import Store

KEY = b"a key of this test alone"
STATION = """
[[stations]]
id = "NAME"
model = "evlink-pro-ac/cable"
settings = { AuthenticationOCPPMode = false }
"""
MANAGER = """
schema = 1
remote = [{ id = "FAR", model = "evlink-pro-ac/cable" }]
[[fuses]]
name = "main"
rating = "40 A"
members = ["NEAR", "FAR"]
[site]
floor = "8 A"
cluster = { key_file = "KEY", listen = "AT" }
MORE
""" + STATION.replace("NAME", "NEAR")
MEMBER = """
schema = 1
[site]
floor = "8 A"
cluster = { manager = "AT", key_file = "KEY" }
""" + STATION.replace("NAME", "FAR")
FAST = CARS["Fast charger"]
SPEED = 60.0
NOMINAL_V = 230.0


class Pair:
    """A manager and a member, each with its own clock and its own socket, in one loop."""

    def __init__(self, folder: Path, more: str = "") -> None:
        (folder / "key").write_bytes(KEY + b"\n")
        self.folder, self.more = folder, more

    def plan(self, text: str, at: str) -> Plan:
        text = text.replace("KEY", str(self.folder / "key")).replace("AT", at).replace("MORE", self.more)
        return Plan(site.read(text, "site.toml"), Store(None), "0", speed=SPEED)

    @asynccontextmanager
    async def open(self, member: str = MEMBER) -> AsyncIterator[tuple[House, House]]:
        async with opened(self.plan(MANAGER, "127.0.0.1:0")) as near, opened(self.plan(member, near.cluster)) as far:
            yield near, far


def offered(house: House, name: str) -> tuple[float, str]:
    view = house.stations.hosts[name].view().connectors[0]
    return view.offered_a, view.limit_source


async def figures(house: House) -> Counter[str]:
    """The datagrams of an end, by what became of them, as Prometheus is told."""
    found = [each for each in await house.stations.families() if each.name == "chargepost_cluster_datagrams_total"]
    return Counter({sample.labels["outcome"]: int(sample.value) for sample in found[0].samples})


@pytest.mark.slow
async def test_the_owner_of_a_station_elsewhere_overrides_the_hours_of_the_site(tmp_path: Path) -> None:
    hour, nothing = time.gmtime(time.time() + 7 * 3600).tm_hour, asyncio.Event()
    async with Pair(tmp_path, f'off_peak = ["{hour}:00-{hour}:01"]').open() as (_near, far):
        assert far.stations.hosts["FAR"].plug_in(1, FAST)
        await until(lambda: "off-peak" in offered(far, "FAR")[1], nothing)
        await far.stations.charge_now("FAR", 1)
        await until(lambda: offered(far, "FAR")[0] == 32, nothing)


@pytest.mark.slow
async def test_a_hostile_datagram_is_counted_and_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A wrong key, no message, too long, replayed from elsewhere; by a station that nobody knows. Two processes go on
    sharing their fuse."""
    nothing = asyncio.Event()
    taken: list[bytes] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as attacker:
        async with Pair(tmp_path).open() as (near, far):
            member = far.stations._carriage.site
            assert isinstance(member, MemberSite)
            send = member.end.send

            def overheard(what: Up | Answer, peer: object = None) -> None:
                taken.append(seal(what, KEY))
                send(what)

            member.end.send = overheard  # type: ignore[method-assign]
            assert far.stations.hosts["FAR"].plug_in(1, FAST)
            await until(lambda: offered(far, "FAR")[0] == 32, nothing)
            host, _, port = near.cluster.rpartition(":")
            at = host, int(port)
            stranger = Up("n", "", SPEED, 8.0, 1, Report("EVIL", 1, 0, ()))
            for _ in range(3):
                for datagram in (
                    bytes(60_000), b"", b"[]", seal(stranger, b"a key of somebody else"), seal(stranger, KEY),
                    seal(Hello("n", "FAR", "", 2), KEY), taken[0], taken[-1],
                ):  # fmt: skip
                    attacker.sendto(datagram, at)
            assert near.stations.hosts["NEAR"].plug_in(1, FAST)
            await until(lambda: offered(far, "FAR") == offered(near, "NEAR") == (20, "fuse main L1, 40 A"), nothing)
            attacker.settimeout(START_S)
            assert isinstance(read_answer(attacker.recv(4096), KEY), Hello), "told why it is refused"
            seen = await figures(near)
            assert (seen["too long"], seen["wrong key"], seen["malformed"], seen["refused"]) == (3, 9, 3, 3)
            assert seen["stale"] + seen["met"] >= 6
    assert sum("not in the manager's [[remote]]" in record.message for record in caplog.records) == 1
    assert sum("has not our key" in record.message for record in caplog.records) == 1
    assert not any(KEY.decode() in record.getMessage() for record in caplog.records)


async def test_who_changes_ports_does_not_fill_the_log_before_a_member_that_is_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stranger = seal(Up("n", "", SPEED, 8.0, 1, Report("EVIL", 1, 0, ())), KEY)
    async with opened(Pair(tmp_path).plan(MANAGER, "127.0.0.1:0")) as near:
        host, _, port = near.cluster.rpartition(":")
        for datagram in (*[b"no key" * 20] * (TOLD_MAX + 1), stranger, stranger):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as attacker:
                attacker.sendto(datagram, (host, int(port)))
        site = near.stations._carriage.site
        await until(lambda: site.post.__self__.counts["refused"] == 2, asyncio.Event())  # type: ignore[union-attr]
    for words in ("has not our key", "EVIL at 127.0.0.1: it is not in the manager's [[remote]]"):
        assert sum(words in record.message for record in caplog.records) == 1, words


@pytest.mark.slow
async def test_a_member_that_begins_anew_with_a_clock_that_is_behind_is_heard(tmp_path: Path) -> None:
    nothing, pair = asyncio.Event(), Pair(tmp_path)
    async with pair.open() as (near, far):
        assert far.stations.hosts["FAR"].plug_in(1, FAST)
        await until(lambda: offered(far, "FAR")[0] == 32, nothing)
        shared = near.stations._carriage.site
        ahead = shared.leader._seats["FAR"]  # type: ignore[union-attr]
        ahead.number += 10**9
        async with opened(pair.plan(MEMBER, near.cluster)) as again:
            far.stations.hosts["FAR"].stop()
            assert again.stations.hosts["FAR"].plug_in(1, FAST)
            await until(lambda: offered(again, "FAR")[0] == 32, nothing)


@pytest.mark.slow
async def test_of_two_processes_with_one_station_the_later_is_led_and_both_logs_say_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Else each would draw what only one of them was given."""
    nothing, pair, why = asyncio.Event(), Pair(tmp_path), "another process runs a station of this name"

    def told(end: str) -> bool:
        return any(end in record.message and why in record.message for record in caplog.records)

    async with pair.open() as (near, far):
        assert far.stations.hosts["FAR"].plug_in(1, FAST)
        await until(lambda: offered(far, "FAR")[0] == 32, nothing)
        async with opened(pair.plan(MEMBER, near.cluster)) as again:
            assert again.stations.hosts["FAR"].plug_in(1, FAST)
            await until(lambda: offered(again, "FAR")[0] == 32 and offered(far, "FAR")[0] == 8, nothing)
            await until(lambda: told("manager of the fuses") and told("is refused"), nothing)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (('"8 A"', '"10 A"'), "it has a floor (A) of 10, the manager says 8: make them the same"),
        (("evlink-pro-ac/cable", "evlink-parking"), "it has connectors 2, the manager says 1: make them the same"),
        (('"FAR"', '"OTHER"'), "it is not in the manager's [[remote]]"),
    ],
)
async def test_a_member_that_does_not_fit_the_manager_is_refused_and_both_logs_say_why(
    change: tuple[str, str], why: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def told(end: str) -> bool:
        return any(end in record.message and why in record.message for record in caplog.records)

    member = MEMBER.replace(*change).replace("AuthenticationOCPPMode = false", "")
    async with Pair(tmp_path).open(member) as (_near, _far):
        await until(lambda: told("manager of the fuses") and told("is refused"), asyncio.Event())


@pytest.mark.parametrize(
    ("key", "says"),
    [(None, "cannot be read"), (b"short", "has 16 bytes and more, this one 5"), (b"", "is not set")],
)
async def test_a_key_that_is_none_is_told_with_what_to_do(
    key: bytes | None, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = Pair(tmp_path)
    path = tmp_path / "key"
    path.write_bytes(key) if key else path.unlink()
    plan = pair.plan(MANAGER.replace("KEY", "") if key == b"" else MANAGER, "127.0.0.1:0")
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    with pytest.raises(ServeError, match=says) as error:
        async with opened(plan):
            raise AssertionError("it has begun")
    assert "openssl rand" in str(error.value)
    if key == b"":
        monkeypatch.setenv(KEY_VARIABLE, KEY.decode())
        async with opened(plan):
            pass


# --- real processes ---------------------------------------------------------------------------------------------------

VIP = """
vips = ["BOSS"]
[supervision]
accept_unknown = true
accept_badges = ["*"]
"""
SHARED = {"NEAR": (8, "fuse main L1, 40 A"), "FAR": (32, "cable 32 A")}
"""The VIP has what its cable bears, the other the rest."""


@pytest.mark.slow
def test_a_manager_that_is_killed_is_seen_by_its_members_and_the_fuse_holds_all_the_time(tmp_path: Path) -> None:
    """Two programs under one fuse, SIGKILL to the manager, and its return; measured on what the outlets draw.

    At the member charges a VIP of the site, who goes first.
    """
    Pair(tmp_path)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        at = f"127.0.0.1:{probe.getsockname()[1]}"
    near = _program(tmp_path, "near", guarded(MANAGER.replace("MORE", VIP)), at)
    near.start()
    central = near.served["supervision"]["ocpp"].replace("/{id}", "")
    far = _program(tmp_path, "far", f'supervision.url = "{central}"\n{guarded(MEMBER)}', at)
    far.start()
    measured = Measured(near, far)

    def begin(process: Process, name: str, badge: str) -> None:
        measured.until(lambda _: ask(process, f"/stations/{name}")["link"]["boot"] == "Accepted")
        assert ask(process, f"/stations/{name}/start", {"connector": 1, "id_tag": badge, "car": "Fast charger"})

    try:
        begin(far, "FAR", "BOSS")
        measured.until(lambda seen: seen["FAR"] == SHARED["FAR"])
        begin(near, "NEAR", "VISITOR")
        measured.until(SHARED.__eq__)
        near.kill()
        measured.until(lambda seen: seen["FAR"] == (8, "the site is silent: its floor"))
        near.start()
        begin(near, "NEAR", "VISITOR")
        measured.until(SHARED.__eq__)
    finally:
        near.end()
        far.end()
    assert 39 < measured.worst_a <= 40.05, "it was full, and never above"


def guarded(text: str) -> str:
    """Charging takes a badge."""
    return text.replace("AuthenticationOCPPMode = false", "RestoreTimeout = 1")


def _program(folder: Path, name: str, text: str, at: str) -> Process:
    path = folder / f"{name}.toml"
    path.write_text(text.replace("KEY", str(folder / "key")).replace("AT", at))
    ports = ("--listen", "127.0.0.1:0", "--control", "127.0.0.1:0", "--tool", "none")
    return Process("run", str(path), "--store", "none", "--speed", f"{SPEED:g}", *ports)


class Measured:
    """What two outlets draw, as often as their processes can say."""

    def __init__(self, near: Process, far: Process) -> None:
        self.near, self.far, self.worst_a = near, far, 0.0

    def until(self, what: Callable[[dict[str, tuple[float, str]]], bool]) -> None:
        deadline, seen = time.monotonic() + START_S, {}
        while time.monotonic() < deadline:
            near_a, near = _look(self.near, "NEAR")
            far_a, far = _look(self.far, "FAR")
            again_a, _ = _look(self.near, "NEAR")  # what it drew both before and after, it drew meanwhile
            self.worst_a = max(self.worst_a, min(near_a, again_a) + far_a)
            seen = {"NEAR": near, "FAR": far}
            if what(seen):
                return
        raise AssertionError(f"never happened: {seen}")


def _look(process: Process, name: str) -> tuple[float, tuple[float, str]]:
    """What the outlet draws on each phase; its offer, and by whom. A process that is dead draws nothing."""
    if process.process is None or process.process.poll() is not None:
        return 0.0, (0.0, "dead")
    view: dict[str, Any] = (ask(process, f"/stations/{name}") or {"connectors": [{}]})["connectors"][0]
    offer = view.get("offered_a", 0.0), view.get("limit_source", "")
    return view.get("power_w", 0.0) / 3 / NOMINAL_V, offer
