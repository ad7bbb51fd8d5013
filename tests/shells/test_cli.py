"""The command line as people and programs meet it: exit codes, one line for an error, data on stdout."""

import asyncio
import contextlib
import io
import json
import os
import re
import resource
import signal
import socket
import sqlite3
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
import websockets
from rich.console import Console
from rich.text import Text
from tests.patience import PATIENCE_S
from tests.shells.exposition import read as read_exposition
from tests.shells.rig import rigged, until
from tests.shells.test_runner import charging, ended

from chargepost.catalogue import load
from chargepost.cli import run_with
from chargepost.drivers.simulated import CARS
from chargepost.journal import Journal, seal
from chargepost.records.ledger import STATION_SEALED
from chargepost.run import faults, fleet
from chargepost.run.addresses import Address, parse
from chargepost.run.given import judge
from chargepost.run.house import House, Plan, opened
from chargepost.run.http import ServeError
from chargepost.run.quantities import Duration
from chargepost.run.site import BadgePart, Site, StationPart, SupervisionPart, VisitorsPart, demo
from chargepost.run.store import Store, hold, hold_any
from chargepost.run.terminal import LOOKS, LiveView, gist, heading
from chargepost.run.verify import ACROSS, AS_MADE, AS_WRITTEN, BY_HAND, CHECKS, verify
from chargepost.run.words import Event, line
from chargepost.signals import Note
from chargepost.station.answers import ANSWERS
from chargepost.supervision.ledger import SEALED


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of whoever runs the tests is read or written."""
    for name in [name for name in os.environ if name.startswith("CHARGEPOST_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


# --- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        ("runn", 2, "there is no command runn; did you mean run?"),
        ("run --listn x", 2, "no such option: --listn"),
        ("run nowhere.toml", 2, "nowhere.toml: cannot be read"),
        ("run --listen nonsense", 2, "'nonsense' is no address to listen on: give HOST:PORT"),
        ("run --speed 0", 2, "--speed 0: give a number above 0"),
        ("station", 2, "missing argument 'MODEL': see chargepost station -h"),
        ("station evlink-pro-acc", 2, "did you mean evlink-pro-ac"),
        ("station evlink-pro-ac --set Foo", 2, "--set 'Foo': write it as KEY=VALUE"),
        ("station evlink-pro-ac --set HeartbeatIntervall=1", 2, "did you mean HeartbeatInterval"),
        (
            "station evlink-pro-ac --set HeartbeatInterval=x",
            2,
            "--set HeartbeatInterval: 'x' is refused: it is an int from 1 up",
        ),
        ("station evlink-pro-ac --supervision localhost:9000", 2, "has no scheme: give ws://HOST:PORT/PATH"),
        ("station evlink-pro-ac --supervision http://h/x", 2, "http:// does not fit"),
        ("station evlink-pro-ac --id a/b", 2, "'a/b' is no identity"),
        ("station evlink-pro-ac --store sql://x", 2, "store sql: is not known here"),
        ("station evlink-pro-ac --transfer-hosts http://h/", 2, "--transfer-hosts: 'http://h/' is no host: give HOST"),
        ("station evlink-pro-ac --firmware-key /nowhere", 2, "/nowhere: cannot be read: No such file or directory"),
        ("run --firmware-key /dev/null", 2, "/dev/null: it is no public key in PEM"),
        ("supervision --store /dev/null/x", 1, "/dev/null/x: cannot be written"),
        ("models evlink-pro-acc", 2, "did you mean evlink-pro-ac"),
        ("verify /nowhere", 2, "/nowhere: holds no store"),
        ("config", 2, "chargepost config --show"),
        ("fleet --until soon", 2, "--until: 'soon' is no duration"),
        ("fleet --virtual --until 90s", 2, "in virtual time give the number of a frame"),
        ("fleet --virtual --stations 0", 2, "stations: must be 1 to"),
        ("fleet --stations 20000", 2, "--stations 20000: give 1 to 10000; more need --virtual"),
    ],
)
def test_an_error_is_one_line_with_its_remedy(
    words: str, code: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_with(words.split()) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("chargepost: ")
    assert said.err.count("\n") == 1
    assert line in said.err


def test_a_secret_that_is_refused_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    secret = "correct-horse-battery-staple"
    assert run_with(["station", "evlink-pro-ac", "--store", "none", "--set", f"AuthorizationKey={secret}"]) == 2
    said = capsys.readouterr()
    assert "AuthorizationKey" in said.err
    assert secret not in said.err + said.out


def test_a_fault_of_ours_is_told_in_one_line_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("chargepost.catalogue.report.list_models", lambda: 1 / 0)
    assert run_with(["models"]) == 1
    assert capsys.readouterr().err == (
        "chargepost: a fault of ours: ZeroDivisionError: division by zero: please report it, with --log-level debug\n"
    )


@pytest.mark.parametrize("command", ["run", "station", "fleet", "supervision", "models", "verify", "config"])
def test_help_begins_with_three_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_with([command, "-h"]) == 0
    before_options = capsys.readouterr().out.partition("Options:")[0]
    assert len(re.findall(rf"^  (?:\w+=\w+ )?chargepost {command}\b", before_options, re.MULTILINE)) == 3


# --- what tells -------------------------------------------------------------------------------------------------------


def test_the_models_are_told_to_people_and_to_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_with(["models"]) == 0
    assert "* evlink-pro-ac/socket@2.0.1" in capsys.readouterr().out
    for words in (
        ["models"],
        ["models", "evlink-pro-ac"],
        ["models", "--diff", "evlink-pro-ac", "evlink-smart-wallbox"],
    ):
        assert run_with([*words, "--json"]) == 0
        assert [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert run_with(["--version"]) == 0
    assert capsys.readouterr().out.startswith("chargepost ")


def test_flag_goes_before_environment_before_user_file_before_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def origin(command: str, option: str) -> tuple[object, str]:
        assert run_with(["config", "--show", "--json"]) == 0
        rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        (row,) = [row for row in rows if (row["command"], row["option"]) == (command, option)]
        return row["value"], row["origin"]

    assert origin("run", "--speed") == (1.0, "default")
    path = tmp_path / "config" / "chargepost" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text("speed = 2\n[station]\nspeed = -3\n")
    assert origin("run", "--speed") == (2, str(path))
    assert run_with(["station", "evlink-pro-ac"]) == 2
    assert "--speed -3" in capsys.readouterr().err
    monkeypatch.setenv("CHARGEPOST_SPEED", "-4")
    assert origin("run", "--speed") == ("-4", "environment CHARGEPOST_SPEED")
    assert run_with(["station", "evlink-pro-ac"]) == 2
    assert "--speed -4" in capsys.readouterr().err
    assert run_with(["station", "evlink-pro-ac", "--speed", "-5"]) == 2
    assert "--speed -5" in capsys.readouterr().err
    path.write_text("spead = 2\n")
    assert run_with(["models"]) == 2
    assert "spead: there is no such option; did you mean speed" in capsys.readouterr().err


def test_the_configuration_is_shown_as_it_acts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CHARGEPOST_CONTROL_TOKEN", "secret-of-mine")
    assert run_with(["config", "--show"]) == 0
    shown = capsys.readouterr().out
    assert "secret-of-mine" not in shown
    rows = {tuple(words[:2]): words[2] for line in shown.splitlines()[1:] if (words := line.split())}
    assert rows["run", "--listen"] == "127.0.0.1:8610"
    assert rows["run", "--speed"] == "1.0"
    assert rows["run", "--json"] == "off"
    assert rows["run", "--store"].endswith("chargepost/demo")
    assert rows["fleet", "--stations"] == "200"
    assert rows["station", "--set"] == "-"
    assert rows["station", "--control-token"] == "***"


def test_messages_that_this_version_does_not_answer_are_marked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    model = load("evlink-pro-ac")
    assert run_with(["models", "evlink-pro-ac"]) == 0
    shown = capsys.readouterr().out
    answered = set(re.findall(r"^  (\w+) +answers\b(?!.*not in this version)", shown, re.MULTILINE))
    marked = set(re.findall(r"^  (\w+) +answers\b.*  not in this version: answered NotSupported", shown, re.MULTILINE))
    assert answered | marked == set(model.messages.answers)
    assert answered == set(model.messages.answers) & set(ANSWERS)


def test_naming_a_supervision_of_ocpp_j_sets_the_version_unless_another_is_asked_for() -> None:
    """Q-186: EVlink speaks 1.5 in the factory."""
    model = load("evlink-city")
    assert judge("A", model, {}).settings.get("ocppversion") is None
    assert judge("A", model, {}, "ws://h/x").settings["ocppversion"] == "1.6"
    assert judge("A", model, {"OcppVersion": "1.5"}, "ws://h/x").settings["ocppversion"] == "1.5"


def test_the_supervision_of_a_site_that_is_wrong_is_told_once_with_its_own_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "site.toml"
    stations = "".join(f'[[stations]]\nid = "{name}"\nmodel = "evlink-pro-ac"\n' for name in "AB")
    file.write_text(f'[supervision]\nlisten = "127.0.0.1:0"\nurl = "http://x/y"\n{stations}')
    assert run_with(["run", str(file), "--store", "none", "--control", "none"]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"chargepost: {file}:3: supervision.url: http:// does not fit")
    assert said.count("\n") == 1


def test_a_tenth_of_a_fleet_has_a_car_at_any_time() -> None:
    site = fleet.site(msgspec.structs.replace(fleet.DEFAULT, stations=300), "ws://h/x", {})
    habits = [part.visitors.habits() for part in site.stations if part.visitors]
    stay_s, pause_s = (sum(sum(getattr(each, span)) / 2 for each in habits) for span in ("stay_s", "pause_s"))
    assert stay_s / (stay_s + pause_s) == pytest.approx(0.1)
    assert len({badge for each in habits for badge in each.badges}) == 300
    assert max(each.first_s for each in habits) <= fleet.TURN_S


def test_addresses_are_read_as_people_write_them() -> None:
    assert parse("127.0.0.1:0") == Address("127.0.0.1", 0)
    assert parse("[::1]:8610", fixed=True) == Address("::1", 8610, True)
    assert str(parse("[::1]:8610")) == "[::1]:8610"
    assert parse(":8610").host == "127.0.0.1"
    for wrong in ("", "8610", "host", "host:", "host:70000", "host:-1", "a b:1", "[::1]"):
        with pytest.raises(ValueError, match="give HOST:PORT"):
            parse(wrong)


# --- stores -----------------------------------------------------------------------------------------------------------


def test_a_store_belongs_to_one_process_at_a_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with contextlib.closing(hold(tmp_path / "demo")):
        assert run_with(["station", "evlink-pro-ac", "--store", str(tmp_path / "demo")]) == 1
        assert f"another chargepost uses this store (process {os.getpid()})" in capsys.readouterr().err
        with contextlib.closing(hold_any(tmp_path / "demo")) as second:
            assert second.folder == tmp_path / "demo-2"
    hold(tmp_path / "demo").close()


@pytest.mark.parametrize("file", ["stations.sqlite", "supervision.sqlite"])
def test_a_store_of_a_newer_version_is_left_alone(
    file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A whole store with another number; a file that is none but for its number counts as damaged."""
    Journal(tmp_path / file, "CREATE TABLE of_tomorrow (x)", 999).close()
    before = (tmp_path / file).read_bytes()
    command = ["run", "--store", str(tmp_path), *FREE]
    assert run_with(command) == 1
    assert "the store is of version 999" in capsys.readouterr().err
    assert run_with(["verify", str(tmp_path)]) == 2, "there is nothing it can check"
    assert "use the newer" in capsys.readouterr().err
    assert (tmp_path / file).read_bytes() == before


@pytest.mark.parametrize("broken", [b"no store at all" * 1000, b""])
async def test_a_damaged_store_is_set_aside_in_one_line_and_the_site_runs(broken: bytes, tmp_path: Path) -> None:
    (tmp_path / "stations.sqlite").write_bytes(broken)
    async with started("run", *FREE, "--store", str(tmp_path)) as site:
        await site.until(event="boot accepted")
        code, said = await site.end()
    assert code == 0
    assert re.fullmatch(r".* error +\S+/stations.sqlite: .*: set aside as stations.sqlite.damaged-1, .*\n", said), said
    assert (tmp_path / "stations.sqlite.damaged-1").read_bytes() == broken


# --- what serves ------------------------------------------------------------------------------------------------------


class Process:
    """A command that serves, with its lines of JSON."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.told: list[dict[str, Any]] = []

    async def until(self, **fields: object) -> dict[str, Any]:
        """The first line, from now on, that says this."""
        assert self.process.stdout
        async with asyncio.timeout(PATIENCE_S):
            while line := await self.process.stdout.readline():
                self.told.append(json.loads(line))
                if fields.items() <= self.told[-1].items():
                    return self.told[-1]
        raise AssertionError(f"{fields} was never told, but {self.told}")

    async def end(self, number: signal.Signals = signal.SIGINT) -> tuple[int, str]:
        """The exit code, and what was said on stderr."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        async with asyncio.timeout(PATIENCE_S):
            _, said = await self.process.communicate()
        return self.process.returncode or 0, said.decode()


@contextlib.asynccontextmanager
async def started(*words: str) -> AsyncIterator[Process]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "chargepost", *words, "--json", stdout=pipe, stderr=pipe
    )
    try:
        yield Process(process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


@contextlib.asynccontextmanager
async def lines(*words: str) -> AsyncIterator[Callable[[str], Awaitable[str]]]:
    """A command that serves, as people see it: waits for the first line of stdout with these words."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "chargepost", *words, stdout=pipe, stderr=pipe)
    assert process.stdout
    out = process.stdout

    async def until_said(text: str) -> str:
        async with asyncio.timeout(PATIENCE_S):
            while said := (await out.readline()).decode():
                if text in said:
                    return said
        raise AssertionError(f"{text} was never said")

    try:
        yield until_said
    finally:
        process.kill()
        await process.communicate()


FREE = ("--listen", "127.0.0.1:0", "--control", "127.0.0.1:0", "--tool", "127.0.0.1:0")


@pytest.mark.slow
async def test_the_demo_charges_ends_cleanly_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    store = str(tmp_path / "store")
    async with started("run", *FREE, "--store", store, "--speed", "20") as demo_site:
        serving = await demo_site.until(event="serving")
        assert [station["id"] for station in serving["stations"]] == ["PROAC-1", "EVB-1"]
        assert serving["supervision"]["password"]
        async with httpx2.AsyncClient(trust_env=False) as http:
            assert (await http.get(f"{serving['control']}live")).status_code == 200
            assert (await http.get(serving["supervision"]["url"])).status_code == 303
        await demo_site.until(event="status", new="Charging")
        await demo_site.until(event="status", new="Charging")
        code, said = await demo_site.end()
        assert code == 0
        assert "error" not in said
    assert run_with(["verify", store]) == 0
    async with started("run", *FREE, "--store", store, "--speed", "20") as demo_site:
        serving = await demo_site.until(event="serving")
        assert serving["supervision"]["password"] is None
        await demo_site.until(event="transaction ends")
        await demo_site.until(event="transaction begins")
        assert (await demo_site.end(signal.SIGTERM))[0] == 0
    assert run_with(["verify", store]) == 0


@pytest.mark.slow
async def test_a_kill_in_mid_charge_loses_nothing(tmp_path: Path) -> None:
    store = str(tmp_path / "store")
    async with started("run", *FREE, "--store", store, "--speed", "20") as demo_site:
        await demo_site.until(event="status", new="Charging")
        await demo_site.end(signal.SIGKILL)
    async with started("run", *FREE, "--store", store, "--speed", "20") as demo_site:
        await demo_site.until(event="transaction ends")
        await demo_site.end()
    assert run_with(["verify", store]) == 0
    with contextlib.closing(sqlite3.connect(f"{store}/supervision.sqlite")) as db:
        starts = db.execute("SELECT identity, connector, start_utc_s FROM transactions").fetchall()
        assert len(starts) == len(set(starts)) >= 1


@pytest.mark.slow
async def test_a_full_disk_stops_new_charges_and_loses_nothing(tmp_path: Path) -> None:
    """No file of the process may grow: what is not written waits, and is written when there is room again."""
    store = str(tmp_path / "store")
    async with started("run", *FREE, "--store", store, "--speed", "20") as demo_site:
        await demo_site.until(event="serving")
        await demo_site.until(event="boot accepted")
        pid = demo_site.process.pid
        free = resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        refused = await demo_site.until(event="disk refuses")
        assert "no new charge until there is room" in refused["text"]
        resource.prlimit(pid, resource.RLIMIT_FSIZE, free)
        await demo_site.until(event="disk good again")
        await demo_site.until(event="transaction begins")
        await demo_site.until(event="transaction ends")
        assert (await demo_site.end())[0] == 0
    assert run_with(["verify", store]) == 0


async def test_a_bad_network_is_a_file_or_a_request(tmp_path: Path) -> None:
    """The rules of `--faults` and those of `/link` act on a real station, and end together."""
    path = tmp_path / "bad.toml"
    refuse = 'do = "answer"\naction = "Authorize"\nanswer = { idTagInfo = { status = "Blocked" } }'
    path.write_text(f'seed = 7\n[[bytes]]\ndo = "latency"\nlatency_ms = 500\n[[frames]]\n{refuse}')
    plan = Plan(
        demo(), Store(None), "0", 60.0, supervision=parse("127.0.0.1:0"), control=parse("127.0.0.1:0"),
        faults=faults.load(path),
    )  # fmt: skip
    async with opened(plan) as house, httpx2.AsyncClient(base_url=house.control_url, trust_env=False) as http:
        assert ("faults", "1 of frames, 1 of bytes", "seed 7") in house.addresses()
        assert house.as_json()["faults_seed"] == 7

        happening = asyncio.Event()
        house.listen(lambda _: happening.set())

        async def authorized(badge: str) -> str:
            """What the station reads about a badge."""

            def answers() -> list[str]:
                frames = house.stations.log.traces("MINE")
                asked = [each["messageId"] for each in frames if f'"{badge}"' in each["raw"]]
                read = [each["raw"] for each in frames if each["messageType"] == "CALLRESULT"]
                return [raw for raw in read if asked and f'"{asked[-1]}"' in raw]

            await http.post("/stations/MINE/present_badge", json={"id_tag": badge})
            await until(lambda: bool(answers()), happening)
            return str(json.loads(answers()[-1])[2]["idTagInfo"]["status"])

        assert (await http.post("/stations", json={"id": "MINE", "model": "evlink-pro-ac"})).status_code == 201
        await until(lambda: house.stations.hosts["MINE"].view().link.boot == "Accepted", happening)
        assert await authorized("BADGE1") == "Blocked"
        rules = {"frames": [{"do": "answer", "action": "Authorize", "answer": {"idTagInfo": {"status": "Expired"}}}]}
        assert (await http.post("/stations/MINE/link", json=rules)).status_code == 200
        assert await authorized("BADGE2") == "Expired"
        wrong = await http.post("/stations/MINE/link", json={"frames": [{"do": "drop", "action": "Autorize"}]})
        assert wrong.status_code == 422
        assert "did you mean Authorize?" in wrong.text
        await http.post("/stations/MINE/reset_faults")
        assert await authorized("BADGE3") == "Invalid"


async def test_the_control_api_moves_a_real_station() -> None:
    plan = Plan(demo(), Store(None), "0", 60.0, supervision=parse("127.0.0.1:0"), control=parse("127.0.0.1:0"))
    async with opened(plan) as house, httpx2.AsyncClient(base_url=house.control_url, trust_env=False) as http:

        async def post(action: str, **body: Any) -> Any:
            answer = await http.post(f"/stations/MINE/{action}", json=body)
            assert answer.status_code == 200, answer.text
            return answer.json()["connectors"][0]

        made = await http.post("/stations", json={"id": "MINE", "model": "evlink-pro-ac"})
        assert made.status_code == 201, made.text
        started = await post("start", connector=1, id_tag="04A2B3C4D5E680")
        assert started["power_w"] > 0
        assert (await http.post("/stations/MINE/unplug", json={"connector": 1})).status_code == 409, "it is locked"
        assert (await http.post("/stations/MINE/plug_in", json={"connector": 1})).status_code == 409, "it is taken"
        await post("inject_fault", connector=1, code="GroundFailure")
        faulted = (await http.get("/stations/MINE")).json()["connectors"][0]
        assert (faulted["status"], faulted["error"]) == ("Faulted", "GroundFailure")
        await post("reset_faults")
        assert (await http.get("/stations/MINE")).json()["connectors"][0]["status"] != "Faulted"
        wrong = await http.post("/stations/MINE/set_key", json={"key": "HeartbeatInterval", "value": "soon"})
        assert wrong.status_code == 422
        assert "it is an int" in wrong.json()["detail"]
        await post("set_key", key="HeartbeatInterval", value="60")
        metrics = (await http.get("/metrics")).text
        assert re.search(r'^chargepost_stations\{link="open"\} 3$', metrics, re.MULTILINE)
        read_exposition(metrics)
        await post("power_cycle", seconds=30)
        assert (await http.get("/ready")).status_code == 503
        dark = await http.post("/stations/MINE/present_badge", json={"id_tag": "A1"})
        assert dark.status_code == 409
        assert (await http.delete("/stations/MINE")).status_code == 204
        assert "MINE" not in house.stations.hosts
        happening = asyncio.Event()
        house.stations.listeners.append(lambda _: happening.set())
        await until(lambda: all(h.view().link.boot == "Accepted" for h in house.stations.hosts.values()), happening)
        assert (await http.get("/ready")).status_code == 200


@pytest.fixture
def busy() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


async def test_a_port_asked_for_by_name_that_is_busy_is_an_error(busy: int) -> None:
    for option in ("--listen", "--control"):
        words = [*FREE]
        words[words.index(option) + 1] = f"127.0.0.1:{busy}"
        async with started("run", *words, "--store", "none") as process:
            code, said = await process.end(signal.SIGCONT)
            assert code == 2
            assert f"127.0.0.1:{busy} is in use by another program" in said
            assert said.count("\n") == 1


async def test_a_port_of_the_site_file_that_is_busy_gives_the_next_one(busy: int, tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text(
        f'[supervision]\nlisten = "127.0.0.1:{busy}"\n[[stations]]\nid = "S-1"\nmodel = "evlink-pro-ac"\n'
        '[[stations]]\nid = "S-2"\nmodel = "evlink-pro-acc"\n'
    )
    async with started("run", str(file), "--store", "none", "--control", "127.0.0.1:0", "--tool", "none") as process:
        serving = await process.until(event="serving")
        assert f":{busy}/" not in serving["supervision"]["url"]
        await process.until(event="boot accepted", station="S-1")
        code, said = await process.end()
        assert code == 0
        wrong, port, again = said.splitlines()
        assert wrong.startswith(f"chargepost: {file}:8: stations[1].model: ")
        assert "did you mean evlink-pro-ac" in wrong
        assert port.startswith(f"chargepost: port {busy} is in use: the supervision takes ")
        assert again == f"chargepost: did not run: {wrong.removeprefix('chargepost: ')}", (
            "what came between may be long"
        )


async def test_a_site_of_which_no_station_can_be_is_wrong_usage(tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text('[[stations]]\nid = "S-1"\nmodel = "evlink-pro-ac"\nsettings = { Foo = 1 }\n')
    async with started("run", str(file), "--store", "none", *FREE) as process:
        code, said = await process.end(signal.SIGCONT)
        assert code == 2
        assert said.startswith(f"chargepost: {file}:4: stations[0].settings.Foo: EVlink Pro AC has no key Foo")


async def test_one_station_goes_to_a_supervision_of_its_own_process() -> None:
    async with started("supervision", "--accept-unknown", "--store", "none", "--listen", "127.0.0.1:0") as central:
        serving = await central.until(event="serving")
        url = serving["supervision"]["ocpp"]
        words = (
            "evlink-smart-wallbox",
            "--id",
            "W-1",
            "--supervision",
            url,
            "--control",
            "127.0.0.1:0",
            "--tool",
            "none",
        )
        async with started("station", *words, "--set", "HeartbeatInterval=60") as station:
            await station.until(event="serving")
            await station.until(event="boot accepted")
            assert (await station.end())[0] == 0
        assert (await central.end())[0] == 0


async def test_both_products_get_into_a_site_that_lets_nobody_in_without_a_key() -> None:
    closed = msgspec.structs.replace(demo().supervision, accept_unknown=False)
    site = msgspec.structs.replace(demo(), supervision=closed)
    plan = Plan(site, Store(None), "0", 60.0, supervision=parse("0.0.0.0:0"))
    async with opened(plan) as house:
        hosts = list(house.stations.hosts.values())
        happening = asyncio.Event()
        house.stations.listeners.append(lambda _: happening.set())
        assert len(hosts) == 2
        await until(lambda: all(h.view().link.boot == "Accepted" for h in hosts), happening)


async def test_a_station_that_cannot_connect_says_why() -> None:
    words = ("evlink-pro-ac", "--supervision", "ws://127.0.0.1:9/ocpp", "--control", "none", "--tool", "none")
    async with started("station", *words) as station:
        told = await station.until(event="link down")
        assert "127.0.0.1" in told["text"]
    async with lines("station", *words, "--plain") as said:
        assert "nothing listens on 127.0.0.1:9" in await said("link down")


async def test_a_peer_that_agrees_to_no_version_is_told_once() -> None:
    """A handshake without a subprotocol succeeds; the station hangs up by itself, and must say why (J 3.1.2)."""

    links = []

    async def stay(link: websockets.ServerConnection) -> None:
        links.append(link)
        await link.wait_closed()

    async with websockets.serve(stay, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        part = StationPart(id="S-1", model="evlink-pro-ac", supervision=f"ws://127.0.0.1:{port}")
        async with opened(Plan(Site(name="wrong", stations=(part,)), Store(None), "0", 600.0)) as house:
            told: list[str] = []
            happening = asyncio.Event()
            house.listen(lambda event: told.append(line(event)))
            await until(lambda: len(links) >= 3, happening)
            assert sum("link down: the peer agreed to no OCPP version" in each for each in told) == 1
            assert "offline: the peer agreed to no OCPP version" in rendered(house, 120, 24)


async def test_a_supervision_alone_tells_who_connects_who_may_not_and_who_charges() -> None:
    site = Site(name="supervision", supervision=SupervisionPart(badges=(BadgePart(id_tag="A1"),)))
    plan = Plan(site, Store(None), "0", 60.0, supervision=parse("127.0.0.1:0"))
    heard: list[Event] = []
    happening = asyncio.Event()

    def listen(event: Event) -> None:
        heard.append(event)
        happening.set()

    def words() -> str:
        return "\n".join(line(event) for event in heard)

    async with opened(plan) as house:
        assert house.supervision
        house.listen(listen)
        part = StationPart(id="T-1", model="evlink-pro-ac", supervision=house.supervision.ocpp)
        async with opened(Plan(Site(name="theirs", stations=(part,)), Store(None), "0", 60.0)) as visitor:
            host = visitor.stations.hosts["T-1"]
            await until(lambda: "refused: 404" in words(), happening)
            await until(lambda: bool(host.view().link.error), happening)
            assert f"\noffline: {host.view().link.error}" in rendered(visitor, 200, 24)
            assert "404" in host.view().link.error
            house.supervision.expect(["T-1"])
            await until(lambda: "connected: from 127.0.0.1" in words(), happening)
            await until(lambda: host.view().link.boot == "Accepted", happening)
            host.plug_in(1, CARS["Compact"])
            host.present_badge("A1", 1)
            await until(lambda: "#1 charge begins: badge A1, 0 Wh" in words(), happening)
            host.present_badge("A1", 1)
            await until(lambda: "charge ends: transaction " in words(), happening)
        await until(lambda: "disconnected: " in words(), happening)
        assert words().count("refused") == 1, "once for each reason"
        assert "starts anew" not in words()


async def test_what_listens_everywhere_is_told_as_it_can_be_dialled() -> None:
    plan = Plan(demo(), Store(None), "0", supervision=parse("0.0.0.0:0"), control=parse("0.0.0.0:0"))
    async with opened(plan) as house:
        addresses = {what: where for what, where, _ in house.addresses()}
        told = "\n".join(heading(house))
    assert "0.0.0.0" not in told
    assert addresses["supervision"].startswith("http://127.0.0.1:")
    assert addresses["control API"].startswith("http://127.0.0.1:")
    assert addresses["from others"].startswith(f"ws://{socket.gethostname()}:")


async def test_a_driver_is_at_one_station_at_a_time() -> None:
    """Two stations and one badge between them: whoever is away is not drawn, and each charges in turn."""
    habits = VisitorsPart(badges=("A1",), first=Duration(1), stay=(Duration(20), Duration(30)))
    parts = tuple(StationPart(id=name, model="evlink-pro-ac", visitors=habits) for name in ("S-1", "S-2"))
    site = Site(
        name="two", stations=parts, supervision=SupervisionPart(badges=(BadgePart(id_tag="A1"),), accept_unknown=True)
    )
    plan = Plan(site, Store(None), "0", 60.0, supervision=parse("127.0.0.1:0"))
    names: set[str] = set()
    async with opened(plan) as house:
        happened: list[tuple[str, str]] = []
        happening = asyncio.Event()

        def listen(event: Event) -> None:
            names.add(getattr(event.what, "event", ""))
            if isinstance(event.what, Note) and event.what.event.startswith("transaction "):
                happened.append((event.what.event, event.station))
                happening.set()

        house.listen(listen)
        await until(lambda: {name for _, name in happened[1:]} == {"S-1", "S-2"} and len(happened) >= 5, happening)
    assert not names & {"connected", "disconnected"}, "of our own stations their own words are enough"
    assert [event for event, _ in happened[:4]] == ["transaction begins", "transaction ends"] * 2


# --- the terminal -----------------------------------------------------------------------------------------------------


def rendered(house: House, width: int, height: int, encoding: str = "utf-8") -> str:
    paper = io.TextIOWrapper(io.BytesIO(), encoding, errors="replace")
    console = Console(file=paper, width=width, height=height, force_terminal=True, no_color=True)
    console.print(LiveView(console).render(house))
    paper.seek(0)
    return paper.read()


def test_a_frame_begins_with_what_is_looked_for() -> None:
    status = {"connectorId": 1, "errorCode": "NoError", "status": "Charging"}
    assert gist("StatusNotification", status) == "#1 Charging "
    assert gist("StatusNotification", status | {"errorCode": "GroundFailure"}) == "#1 Charging GroundFailure "
    samples = [
        {"value": "1234", "unit": "Wh"},
        {"value": "7.2", "unit": "kW", "measurand": "Power.Active.Import"},
        {"value": "16", "measurand": "Current.Import", "phase": "L1"},
    ]
    assert gist("MeterValues", {"connectorId": 2, "meterValue": [{"sampledValue": samples}]}) == "#2 1.234 kWh 7.20 kW "
    for wrong in (
        None,
        {},
        {"connectorId": 1, "meterValue": []},
        {"connectorId": 1, "meterValue": [{"sampledValue": 1}]},
    ):
        assert gist("MeterValues", wrong) == gist("StatusNotification", wrong) == ""


async def test_all_stations_are_counted_not_only_those_that_fit() -> None:
    parts = tuple(StationPart(id=f"S-{number}", model="evlink-pro-ac") for number in range(60))
    async with opened(Plan(Site(name="many", stations=parts), Store(None), "0")) as house:
        assert "0 of 60 charging" in rendered(house, 120, 24)


async def test_a_start_that_fails_before_it_shows_the_password_leaves_it_to_the_next(tmp_path: Path) -> None:
    here = parse("127.0.0.1:0")

    def plan(control: Address | None = None) -> Plan:
        return Plan(demo(), hold(tmp_path), "0", supervision=here, control=control)

    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(ServeError):
        async with opened(plan(Address("127.0.0.1", taken.getsockname()[1], fixed=True))):
            pass
    for first in (True, False):
        async with opened(plan()) as house:
            assert house.supervision
            assert (house.supervision.first_password is not None) == first


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 50)])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
async def test_the_live_view_fits_and_says_who_limits(width: int, height: int, encoding: str) -> None:
    plan = Plan(demo(), Store(None), "0", 60.0, supervision=parse("127.0.0.1:0"), control=parse("127.0.0.1:0"))
    async with opened(plan) as house:
        happening = asyncio.Event()
        house.stations.listeners.append(lambda _: happening.set())

        def told() -> bool:
            newest = house.stations.log.newest(house.stations.hosts, 5)
            return any(trace["action"] == "StartTransaction" for trace in newest)

        await until(told, happening)
        shown = rendered(house, width, height, encoding)
        assert max(map(len, heading(house))) < 80
        assert heading(house)[-1].split() == [
            "password",
            house.supervision and house.supervision.first_password,
            "(shown",
            "once)",
        ]
    lines = Text.from_ansi(shown).plain.splitlines()
    assert len(lines) < height
    assert max(map(len, lines)) <= width
    (row,) = [line for line in lines if "Charging" in line][:1]
    assert re.search(r"kW .* kWh .* A (cable|rating|setting)", row)
    assert any("StartTransaction" in line for line in lines)
    assert "\x1b[3" not in shown, "no colour where none is wanted"


def test_each_status_has_a_word_and_a_shape_of_its_own() -> None:
    assert len({shape for _, shape, _ in LOOKS.values()}) == len(LOOKS)


# --- verify -----------------------------------------------------------------------------------------------------------


def kept(key: str, **value: object) -> str:
    """SQL that has station S keep a value."""
    return f"INSERT INTO memory (station, key, value) VALUES ('S', '{key}', CAST('{json.dumps(value)}' AS BLOB));"


def waits(seq: int, kind: str) -> str:
    return kept(f"outbox/{seq}", kind=kind, transaction="t", payload={}, numbered=True)


def numbered(name: str) -> str:
    return kept(f"number/{name}").replace("{}", "7")


def without_keys(table: str) -> str:
    """SQL that takes the unique keys of a table away."""
    return f"CREATE TABLE plain AS SELECT * FROM {table}; DROP TABLE {table}; ALTER TABLE plain RENAME TO {table};"


OPEN = {"connector": 1, "start_wh": 0, "last_wh": 0}
ANOTHER = """INSERT INTO records SELECT 99, station, {name}, connector, id_tag, start_utc_s + {s}, stop_utc_s + {s},
  stop_wh + {wh}, stop_wh + {wh}, duration_s, reason, -1, 0, 0, 0, 0 FROM records"""
OPENED = "INSERT INTO transactions (transaction_id, identity, connector, id_tag, start_wh, start_utc_s, id_tag_status)"

PLANTED = [
    ("stations.sqlite", AS_MADE, "ALTER TABLE memory ADD COLUMN more"),
    ("supervision.sqlite", AS_MADE, "ALTER TABLE badges ADD COLUMN more"),
    ("stations.sqlite", AS_WRITTEN, "UPDATE memory SET value = value || ' ' WHERE key = 'boot'"),
    ("stations.sqlite", AS_WRITTEN, "UPDATE records SET stop_wh = stop_wh + 1"),
    ("stations.sqlite", AS_WRITTEN, """UPDATE records SET "transaction" = "transaction" || '0'"""),
    ("supervision.sqlite", AS_WRITTEN, "UPDATE transactions SET id_tag_status = id_tag"),
    ("supervision.sqlite", AS_WRITTEN, "UPDATE transactions SET stop_utc_s = stop_utc_s + 1"),
    ("supervision.sqlite", AS_WRITTEN, "INSERT INTO metered VALUES ('S', 1, 0, 0, x'00', x'00', 0)"),
    ("stations.sqlite", "a stop is not before its start", "UPDATE records SET stop_utc_s = start_utc_s - 1"),
    ("stations.sqlite", "energy is not negative", "UPDATE records SET start_wh = -1, stop_wh = -1"),
    ("stations.sqlite", "a record is there once", without_keys("records") + ANOTHER.format(name="record", s=1, wh=0)),
    ("stations.sqlite", "a detail is of a record",
     "INSERT INTO details SELECT station, 'never', serial, charge_type, socket_type, comment, 0 FROM details"),
    ("stations.sqlite", "no two starts of a connector are at one instant", ANOTHER.format(name="'later'", s=0, wh=0)),
    ("stations.sqlite", "energy is billed once",
     ANOTHER.format(name="'later'", s=1, wh=5) + "; UPDATE records SET stop_wh = stop_wh + 9 WHERE number < 99"),
    ("stations.sqlite", "messages wait in order",
     kept("transaction/t", name="t", **OPEN) + waits(1, "meter") + waits(2, "start")),
    ("stations.sqlite", "nothing is forgotten", waits(1, "stop")),
    ("stations.sqlite", "nothing is forgotten", kept("transaction/t", name="t", **OPEN)),
    ("stations.sqlite", "nothing is forgotten", numbered("t") + kept("record/t")),
    ("stations.sqlite", "nothing is forgotten", """UPDATE records SET delivered = 0, "transaction" = NULL"""),
    ("stations.sqlite", "a connector has one open transaction",
     kept("transaction/t", name="t", **OPEN) + waits(1, "start") + numbered("u")
     + kept("transaction/u", name="u", **OPEN)),
    ("stations.sqlite", "a transaction is open or recorded",
     numbered("t") + kept("transaction/t", name="t", **OPEN)
     + "UPDATE memory SET key = (SELECT 'transaction/' || record FROM records) WHERE key = 'transaction/t';"
     "UPDATE memory SET key = (SELECT 'number/' || record FROM records) WHERE key = 'number/t';"
     "UPDATE memory SET station = (SELECT station FROM records) WHERE station = 'S';"
     "UPDATE memory SET value = CAST(replace(value, '\"t\"', (SELECT json_quote(record) FROM records)) AS BLOB)"),
    ("stations.sqlite", "a number is of a transaction", numbered("t")),
    ("stations.sqlite", "a register never falls",
     kept("meter/1", energy_wh=5) + numbered("t")
     + kept("transaction/t", name="t", connector=1, start_wh=0, last_wh=50)),
    ("stations.sqlite", "what is kept can be understood",
     kept("outbox/1") + "UPDATE memory SET value = x'00' WHERE key = 'outbox/1'"),
    ("supervision.sqlite", "a stop is not before its start", "UPDATE transactions SET stop_utc_s = start_utc_s - 1"),
    ("supervision.sqlite", "energy is not negative", "UPDATE transactions SET stop_wh = start_wh - 1"),
    ("supervision.sqlite", "a start is there once",
     without_keys("transactions") + "INSERT INTO transactions SELECT * FROM transactions"),
    ("supervision.sqlite", "a sample is there once",
     "DROP TABLE metered; CREATE TABLE metered (identity TEXT, connector INTEGER, transaction_id INTEGER,"
     "measured_utc_s REAL, samples BLOB, digest BLOB, seal INTEGER);"
     + 2 * "INSERT INTO metered VALUES ('S', 1, 0, 0, x'00', x'00', 0);"),
    ("supervision.sqlite", "a stop is whole", "UPDATE transactions SET stop_wh = NULL"),
    ("supervision.sqlite", "a connector has one open transaction",
     f"{OPENED} VALUES (1, 'S', 1, 'A', 0, 0, 'Accepted'), (2, 'S', 1, 'B', 5, 9, 'Accepted'),"
     "(3, 'S', 2, 'B', 5, 9, 'Accepted')"),
    ("supervision.sqlite", "no record without its transaction",
     "INSERT INTO metered VALUES ('S', 1, 77, 0, x'00', x'00', 0)"),
]  # fmt: skip
"""A fault in one file, which that file alone shows: its first finding."""

PLANTED_BETWEEN = [
    ("what was delivered is there", "DELETE FROM transactions; DELETE FROM metered"),
    ("what was delivered is there", "UPDATE transactions SET stop_wh = stop_wh + 1"),
    ("what was delivered is there", "UPDATE transactions SET stop_wh = NULL, stop_utc_s = NULL"),
    ("what is billed has happened", f"{OPENED} SELECT 1, identity, 1, 'A', 0, 0, 'Accepted' FROM transactions"),
]
"""A fault that only the two stores together show."""


@pytest.fixture(scope="module")
def good_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store after one whole visit."""
    folder: Path = tmp_path_factory.mktemp("store")

    async def visit() -> None:
        async with rigged(folder) as rig:
            await ended(rig, await charging(rig))

    asyncio.run(visit())
    return folder


def copied(good_store: Path, folder: Path) -> Path:
    for file in good_store.glob("*.sqlite"):
        with (
            contextlib.closing(sqlite3.connect(file)) as source,
            contextlib.closing(sqlite3.connect(folder / file.name)) as target,
        ):
            source.backup(target)
    return folder


def test_a_store_after_a_visit_is_right(good_store: Path) -> None:
    assert verify(good_store) == []
    assert verify(good_store / "stations.sqlite") == []


def plant(path: Path, sql: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.executescript(sql)


def sealed(*fields: Any) -> int:
    *rest, last = fields
    return seal(*rest, data=last) if isinstance(last, bytes) else seal(*fields)


def plant_sealed(path: Path, sql: str) -> None:
    """A fault of the program, not of the disk: each row is as it was written."""
    plant(path, sql)
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.create_function("seal", -1, sealed)
        for table, columns, column in STATION_SEALED if path.name == "stations.sqlite" else SEALED:
            names = ", ".join(f'"{name}"' for name in columns)
            db.execute(f"UPDATE {table} SET {column} = seal({names})")


@pytest.mark.parametrize(("file", "rule", "sql"), PLANTED)
def test_verify_finds_what_must_not_be(
    file: str, rule: str, sql: str, good_store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = copied(good_store, tmp_path) / file
    (plant if rule == AS_WRITTEN else plant_sealed)(path, sql)
    remade = {AS_MADE} if "CREATE TABLE" in sql else set()
    assert {finding.rule for finding in verify(path)} == {rule} | remade
    assert run_with(["verify", str(path)]) == 3
    assert capsys.readouterr().out.startswith(f"{path}: {rule}: ")


@pytest.mark.parametrize(("rule", "sql"), PLANTED_BETWEEN)
def test_verify_holds_the_stations_against_their_supervision(
    rule: str, sql: str, good_store: Path, tmp_path: Path
) -> None:
    """Together in one folder, or in two."""
    store = copied(good_store, tmp_path)
    path = store / "supervision.sqlite"
    plant_sealed(path, sql)
    assert verify(path) == verify(store / "stations.sqlite") == []
    assert [finding.rule for finding in verify(store)] == [rule]
    away = store / "away"
    away.mkdir()
    path.rename(away / path.name)
    assert [finding.rule for finding in verify(store, away)] == [rule]


def test_every_rule_of_verify_has_a_planted_fault() -> None:
    rules = {(file, rule.name) for file, (_, rules) in CHECKS.items() for rule in rules}
    assert rules <= {(file, rule) for file, rule, _ in PLANTED}
    assert {rule for (_, rule, _), _ in ACROSS} == {rule for rule, _ in PLANTED_BETWEEN}


def test_a_finding_names_the_promise_and_what_to_do(
    good_store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = copied(good_store, tmp_path) / "stations.sqlite"
    plant_sealed(path, "UPDATE records SET stop_wh = start_wh - 1")
    assert run_with(["verify", str(path), "--json"]) == 3
    found = json.loads(capsys.readouterr().out)
    assert found.keys() == {"file", "promise", "rule", "what", "remedy"}
    assert (found["promise"], found["remedy"]) == ("P3", BY_HAND)


async def test_a_store_in_use_is_verified_as_it_is_at_one_instant(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        host = await charging(rig)
        assert await asyncio.to_thread(verify, tmp_path) == []
        await ended(rig, host)
        assert await asyncio.to_thread(verify, tmp_path) == []


def test_verify_tells_a_damaged_file_and_what_is_none(
    good_store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = copied(good_store, tmp_path) / "stations.sqlite"
    data = bytearray(path.read_bytes())
    data[4096 * 2 : 4096 * 2 + 600] = b"\xff" * 600
    path.write_bytes(data)
    assert verify(path)
    (finding,) = verify(path)
    assert finding.what.startswith("it is damaged (")
    assert "\n" not in finding.what
    path.write_bytes(b"no store at all" * 1000)
    assert run_with(["verify", str(path)]) == 2
    path.write_bytes(b"")
    assert run_with(["verify", str(path)]) == 2
    assert "is empty, so it is damaged" in capsys.readouterr().err
