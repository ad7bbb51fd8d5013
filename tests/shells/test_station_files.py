"""Files and the carrier: a station becomes another release, sends its report, and gives up with its power."""

import gzip
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from tests.shells import file_servers as servers
from tests.shells.rig import Rig, rigged

from chargepost import signals as sig
from chargepost.catalogue import image, load
from chargepost.ocpp import messages as m
from chargepost.run.house import Plan, opened
from chargepost.run.runner import StationHost
from chargepost.run.site import Site, StationPart
from chargepost.run.store import Store
from chargepost.run.transfer import Terms, Transfers
from chargepost.run.words import Event
from chargepost.station.memory import INSTALLED


async def booted(rig: Rig, host: StationHost) -> None:
    await rig.until(lambda: host.view().link.boot == "Accepted", "the boot is accepted")


async def install(rig: Rig, host: StationHost, name: str) -> None:
    """As a station leaves its memory after an installation; then it starts anew."""
    host.ledger.keep(host.identity, {INSTALLED: msgspec.json.encode(name)}, lambda: None)
    first = host.station
    host.restart(False, 0.0)
    await rig.until(lambda: host.station not in (None, first), "it starts anew")


async def test_after_an_installation_the_next_life_is_of_that_model(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        host = rig.station("evlink-parking@R6", "S-1")
        await install(rig, host, load("evlink-parking@R7").name)
        assert (host.model.release, host.view().release) == ("R7", "R7")
    async with rigged(tmp_path) as rig:
        assert rig.station("evlink-parking@R6", "S-1").view().release == "R7"


@pytest.mark.parametrize(("name", "why"), [("evlink-parking@R99", "not known"), ("evlink-pro-ac", "another product")])
async def test_a_firmware_that_is_not_known_is_told_and_the_station_stays_what_it_was(name: str, why: str) -> None:
    async with rigged() as rig:
        host = rig.station("evlink-parking@R6", "S-1")
        await install(rig, host, name)
        assert host.view().release == "R6"
        notes = [what for _, what in rig.happened if isinstance(what, sig.Note) and what.event == "firmware"]
        assert [why in note.text for note in notes] == [True]


@pytest.mark.parametrize("how", ["power_cycle", "restart", "remove"])
async def test_a_station_that_ends_gives_up_its_transfers(how: str) -> None:
    with servers.hostile(servers.silent) as port:
        async with rigged() as rig:
            host = rig.station("evlink-pro-ac", "S-1")
            transfers = rig.carriage.transfers
            transfers.do(host, sig.Fetch("fw-1", f"http://127.0.0.1:{port}/a"))
            assert transfers.under_way("S-1") == 1
            if how == "power_cycle":
                host.power_cycle(1.0)
            elif how == "restart":
                host.restart(False)
            else:
                host.remove()
                rig.hosts.clear()
            assert transfers.under_way("S-1") == 0


async def test_a_report_holds_what_is_kept_of_the_log_between_its_dates_without_secrets() -> None:
    site = Site(name="t", stations=(StationPart(id="S-1", model="evlink-pro-ac"),))
    async with opened(Plan(site, Store(None), "0")) as house:
        host, log = house.stations.hosts["S-1"], house.stations.log
        log.received("S-1", b'[2,"1","ChangeConfiguration",{"key":"AuthorizationKey","value":"canary7"}]', 5.0)
        log.sent("S-1", b'[2,"2","Heartbeat",{}]', 50.0)
        house.stations.happened.append(Event(20.0, "S-1", sig.Note("info", "fetch", "ftp://yard:canary7@files/a")))
        house.stations.happened.append(Event(30.0, "S-2", sig.Note("info", "other", "of another station")))
        assert host.log_between(4.0, 51.0).splitlines() == [
            "",
            "log",
            '1970-01-01T00:00:05.000Z csms-to-cp [2,"1","ChangeConfiguration",'
            '{"key":"AuthorizationKey","value":"***"}]',
            "1970-01-01T00:00:20.000Z fetch: ftp://yard:***@files/a",
            '1970-01-01T00:00:50.000Z cp-to-csms [2,"2","Heartbeat",{}]',
        ]
        assert "Heartbeat" not in host.log_between(None, 49.0)
        assert "ChangeConfiguration" not in host.log_between(6.0, None)


async def test_5_19_a_station_becomes_the_release_that_it_is_told_to_fetch(tmp_path: Path) -> None:
    """1.6, 5.19: over a real socket, from a real server, examined with the key that the owner named."""
    private, public = image.draw_key()
    with servers.web() as web:
        web.files["/R7.bin"] = image.make("evlink-parking", "R7", "chargepost test", private)
        async with rigged(tmp_path) as rig:
            rig.carriage.transfers = Transfers(rig.clock.loop, tmp_path / "files", Terms(keys=(public,)))
            host = rig.station("evlink-parking@R6", "S-1")
            await booted(rig, host)
            url = f"http://127.0.0.1:{web.port}/R7.bin"
            await rig.central.command("S-1", m.UpdateFirmware(location=url, retrieve_date=datetime.now(UTC)))
            await rig.until(lambda: host.model.release == "R7", "it is installed")
            await rig.until(lambda: firmware_statuses(rig)[-1:] == ["Installed"], "it is told")
            assert firmware_statuses(rig) == ["Downloading", "Downloaded", "Installing", "Installed"]
            assert not [path for path in (tmp_path / "files").rglob("*") if path.is_file()]


def firmware_statuses(rig: Rig) -> list[str]:
    return [
        trace["payload"]["status"]
        for trace in rig.carriage.frames.traces("S-1")
        if trace["action"] == "FirmwareStatusNotification" and trace["messageType"] == "CALL"
    ]


async def test_5_9_diagnostics_come_to_the_folder_that_is_named(tmp_path: Path) -> None:
    """1.6, 5.9: one file, sent by FTP below the location, without the password of the URL in it."""
    there = tmp_path / "there"
    there.mkdir()
    with servers.ftp(there) as port:
        async with rigged() as rig:
            host = rig.station("evlink-pro-ac", "S-1")
            await booted(rig, host)
            url = f"ftp://{servers.USER}:{servers.QUOTED}@127.0.0.1:{port}/"
            answer = await rig.central.command("S-1", m.GetDiagnostics(location=url))
            assert isinstance(answer.payload, m.GetDiagnosticsResponse)
            name = str(answer.payload.file_name)
            await rig.until(lambda: "Uploaded" in str(rig.carriage.frames.traces("S-1")[-2:]), "it is uploaded")
            data = (there / name).read_bytes()
            text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode()
            assert servers.PASSWORD not in text
            assert servers.QUOTED not in text
