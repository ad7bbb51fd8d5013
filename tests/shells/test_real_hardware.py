"""A station with real instruments, whole: tables of a site file, a meter and an I/O module in other processes, a reader
on a pseudo terminal, a real supervision.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.patience import PATIENCE_S
from tests.ports.benches import Process, slave
from tests.ports.test_real_reader import Terminal
from tests.shells.rig import BADGE, Rig, rigged, until

from chargepost import signals as sig
from chargepost.cli import run_with
from chargepost.drivers.car import CARS
from chargepost.drivers.real.meter import ModbusMeter
from chargepost.drivers.real.station import FittedStation
from chargepost.run import site
from chargepost.run.given import Unfit, find_model, judge
from chargepost.run.hardware import HardwarePart
from chargepost.run.house import Plan, _given, opened
from chargepost.run.runner import StationHost
from chargepost.run.site import SiteError
from chargepost.run.store import Store
from chargepost.signals import Reading

COIL, FEEDBACK, STOP = 0, 1, 2
NONE = (0.0, 0.0, 0.0)

WHOLE = """\
[[stations]]
id = "GARAGE"
model = "evlink-pro-ac"

[stations.hardware.meter]
at = "tcp://127.0.0.1:502"
unit = 30
poll = "100 ms"

[stations.hardware.reader]
at = "/dev/ttyUSB0"

[stations.hardware.io]
at = "/dev/ttyUSB1"
baud = 9600
contactor = { coil = 0, feedback = 1 }
inputs = { emergency_stop = { line = 2, normally = "closed" }, detection_loop = 3 }
lights = { green = 4, red = 5 }

[stations.hardware.tic]
at = "/dev/ttyAMA0"
mode = "standard"
"""


def test_the_tables_of_a_site_file_make_instruments() -> None:
    (part,) = site.read(WHOLE, "garage.toml").stations
    fittings = _given(part, None, {}).fittings
    assert fittings
    assert (list(fittings.meters), list(fittings.contactors), list(fittings.lights)) == ([1], [1], [1])
    assert fittings.reader
    assert fittings.tic
    assert fittings.reader_error == "9.0", "the code of this product"
    assert len(fittings.wires) == 4
    assert part.hardware
    assert part.hardware.tic
    line = part.hardware.tic.line()
    assert (line.baud, line.parity, line.byte_size) == (9600, "even", 7), "the standard mode of the TIC"


def test_several_connectors_have_a_list_of_tables() -> None:
    """R-314: metering per charge point."""
    text = """[[stations]]
id = "P"
model = "evlink-parking"
[[stations.hardware.meter]]
at = "tcp://10.0.0.130:502"
[[stations.hardware.meter]]
at = "tcp://10.0.0.130:502"
unit = 31
connector = 2
"""
    fittings = _given(site.read(text, "p.toml").stations[0], None, {}).fittings
    assert fittings
    assert list(fittings.meters) == [1, 2]
    given = _given(site.read(text, "p.toml").stations[0], None, {}).settings
    assert given == {"energymetering": "IEM_3x5x", "energymetering/2": "IEM_3x5x"}, "it is metered by what is named"


@pytest.mark.parametrize(
    ("right", "wrong", "line"),
    [
        ("unit = 30", "unit = 256", "5: stations[0].hardware.meter: unit: a meter has 1 to 255, not 256"),
        ("[stations.hardware.reader]", "[stations.hardware.raeder]",
         "10: stations[0].hardware.raeder: there is no such key; did you mean reader or meter?"),
        ('at = "/dev/ttyUSB0"', 'at = "ttyUSB0"', "10: stations[0].hardware.reader: at: 'ttyUSB0' is no wire: give"),
        ("coil = 0", "coil = 4", "13: stations[0].hardware.io: line 4 is there twice among the outputs"),
        ("detection_loop = 3", "detection_loop = 1", "13: stations[0].hardware.io: line 1 is there twice among the"),
        ("red = 5", "rde = 5", "13: stations[0].hardware.io: lights.rde: no colour of a lamp: green, blue, red"),
        (", feedback = 1", "", "16: stations[0].hardware.io.contactor: feedback is missing: give the input that its"),
        ('"standard"', '"new"', "22: stations[0].hardware.tic.mode: 'new' is none of historic, standard"),
        ('"100 ms"', '"soon"', "8: stations[0].hardware.meter.poll: 'soon' is no duration"),
    ],
)  # fmt: skip
def test_a_wrong_table_is_one_line_with_its_place(right: str, wrong: str, line: str) -> None:
    with pytest.raises(SiteError) as error:
        site.read(WHOLE.replace(right, wrong), "garage.toml")
    assert str(error.value).startswith(f"garage.toml:{line}"), str(error.value)


@pytest.mark.parametrize(
    ("right", "wrong", "why"),
    [
        ("detection_loop", "lop", "hardware: inputs.lop: EVlink Pro AC has no such input; did you mean stop?"),
        ("unit = 30", "connector = 2", "hardware: meter: EVlink Pro AC has no connector 2: 1 to 1"),
        ("[stations.hardware.tic]", '[stations.hardware.gpio]\nchip = "/dev/gpiochip-9"\n[stations.hardware.tic]',
         "hardware.gpio: /dev/gpiochip-9: No such file or directory: name the chip that gpiodetect lists, as chip"),
    ],
)  # fmt: skip
def test_what_the_station_has_no_place_for_is_said(right: str, wrong: str, why: str) -> None:
    (part,) = site.read(WHOLE.replace(right, wrong), "garage.toml").stations
    with pytest.raises(Unfit) as error:
        _given(part, None, {})
    assert f"{error.value.path}: {error.value.reason}" == why


def test_one_station_takes_its_instruments_from_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """chargepost station MODEL --hardware FILE: the same tables without `stations.hardware`."""
    path = tmp_path / "mine.toml"
    path.write_text('[meter]\nat = "tcp://127.0.0.1:502"\nunti = 3\n')
    assert run_with(["station", "evlink-pro-ac", "--hardware", str(path)]) == 2
    assert f"{path}:3: meter.unti: there is no such key; did you mean unit?" in capsys.readouterr().err
    path.write_text('[meter]\nat = "tcp://127.0.0.1:502"\n')
    assert site.load_hardware(path).meter
    assert run_with(["station", "evlink-pro-ac", "--hardware", str(tmp_path / "none.toml")]) == 2
    path.write_text('[gpio]\nchip = "/dev/gpiochip-9"\n')
    assert run_with(["station", "evlink-pro-ac", "--hardware", str(path), "--tool", "none"]) == 2
    assert f"{path}:1: gpio: /dev/gpiochip-9: No such file" in capsys.readouterr().err


async def test_an_instrument_that_is_not_there_is_named_once_with_the_reason(caplog: pytest.LogCaptureFixture) -> None:
    """The product's own words are of a meter; which wire is silent, and why, only this side knows."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    text = WHOLE[: WHOLE.index("[stations.hardware.reader]")].replace("127.0.0.1:502", f"127.0.0.1:{port}")
    async with opened(Plan(site.read(text, "garage.toml"), Store(None), "0", 60)) as house:
        host = house.stations.hosts["GARAGE"]
        assert isinstance(host.hardware, FittedStation)
        (meter,) = host.hardware.fittings.wires
        assert isinstance(meter, ModbusMeter)
        await until(lambda: bool(caplog.records), asyncio.Event())
        meter.fell_silent("still nothing")
        meter._reading = Reading(0.0, NONE, NONE, NONE)
        meter.heard()
        told = [each.getMessage() for each in caplog.records if "meter at" in each.getMessage()]
    first, last = told
    assert first.startswith(f"GARAGE: the meter at tcp://127.0.0.1:{port} does not answer: Connect")
    assert last == f"GARAGE: the meter at tcp://127.0.0.1:{port} answers again"


# --- one charge -------------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def garage(
    rig: Rig, tables: Mapping[str, object], name: str = "evlink-pro-ac", interval_s: str = "1"
) -> AsyncIterator[StationHost]:
    """A station whose instruments are these."""
    hardware = msgspec.convert(tables, HardwarePart, dec_hook=site._quantity)
    model = find_model(name)
    settings = {"MeterValueSampleInterval": interval_s, **hardware.settings(model)}
    given = judge("GARAGE", model, settings, rig.url)
    host = StationHost(given._replace(fittings=hardware.fittings(model)), rig.carriage)
    rig.hosts.append(host)
    assert isinstance(host.hardware, FittedStation)
    task = asyncio.create_task(host.hardware.run(host.look))
    host.start()
    try:
        yield host
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def instrument(host: StationHost, name: str) -> Any:
    assert isinstance(host.hardware, FittedStation)
    return getattr(host.hardware.fittings, name)


async def coil(io: Process, position: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while (await io.do("coils"))[COIL] != position:
            continue


@pytest.mark.slow
async def test_r_311_a_charge_on_real_instruments_from_the_badge_to_the_bill() -> None:
    terminal = Terminal()
    async with slave("meter", "tcp") as meter, slave("io", "rtu", 1) as io, rigged(speed=1.0) as rig:
        await io.do(f"input {STOP} 1")
        tables = {
            "meter": {"at": meter.at, "poll": "20 ms"},
            "reader": {"at": terminal.path},
            "io": {
                "at": io.at,
                "contactor": {"coil": COIL, "feedback": FEEDBACK},
                "inputs": {"emergency_stop": {"line": STOP, "normally": "closed"}},
            },
        }
        async with garage(rig, tables) as host:
            await rig.until(lambda: host.view().link.boot == "Accepted", "the boot is accepted")
            assert host.plug_in(1, None)
            assert host.plug_in(1, CARS["Compact"])

            await rig.until(lambda: not instrument(host, "reader").silent, "the reader is heard")
            terminal.say(f"UID {BADGE}\r\n".encode())
            await coil(io, "1")
            await io.do(f"input {FEEDBACK} 1")
            await rig.until(lambda: host.view().connectors[0].contactor, "the auxiliary contact is closed")
            await rig.until(lambda: host.view().connectors[0].transaction is not None, "a transaction runs")
            await meter.do("pass 3600")
            await rig.until(lambda: host.view().connectors[0].energy_wh > 1_010_000, "an hour of the meter has passed")
            await io.do(f"input {STOP} 0")
            await coil(io, "0")
            await io.do(f"input {FEEDBACK} 0")
            await rig.until(lambda: host.view().connectors[0].transaction is None, "the charge is over")
        (stop,) = [
            msgspec.json.decode(trace["raw"])[3]
            for trace in rig.carriage.frames.traces("GARAGE")
            if '"StopTransaction"' in trace["raw"]
        ]
        assert (stop["meterStop"], stop["reason"]) == (1_000_000 + 10_709, "EmergencyStop"), "3 x 230 V x 16 A x 0.97"
    terminal.close()


@pytest.mark.slow
async def test_r_246_r_153_a_real_meter_that_is_lost_is_estimated_and_found_again() -> None:
    """Three polls without an answer: error 12, and the register goes on by the reference voltage; it never falls."""
    async with slave("meter", "rtu") as meter, rigged() as rig:
        tables = {"meter": {"at": meter.at, "poll": "20 ms"}}
        async with garage(rig, tables, "evlink-smart-wallbox", "15") as host:
            await rig.until(lambda: host.view().link.boot == "Accepted", "the boot is accepted")
            await rig.until(lambda: not instrument(host, "meters")[1].silent, "the meter is heard")
            host.plug_in(1, CARS["Compact"])
            host.present_badge(BADGE)
            await rig.until(lambda: host.view().connectors[0].transaction is not None, "a transaction runs")
            await meter.do("silent")
            await rig.until(lambda: host.view().connectors[0].vendor_error == "12", "the meter is lost")
            assert host.view().connectors[0].status == "Charging", "a warning beside it"
            estimated = len(registers(rig)) + 3
            await rig.until(lambda: len(registers(rig)) >= estimated, "the estimate goes on")
            await meter.do("speak")
            await rig.until(lambda: host.view().connectors[0].vendor_error == "", "the meter is found again")
            found = len(registers(rig)) + 2
            await rig.until(lambda: len(registers(rig)) >= found, "it is sampled again")
            host.tell(sig.StopAsked(1))
            await rig.until(lambda: host.view().connectors[0].transaction is None, "the charge is over")
        told = registers(rig)
        assert told == sorted(told)
        assert told[-1] > told[0] >= 1_000_000


def registers(rig: Rig) -> list[int]:
    """As they were told, oldest first."""
    found = []
    for trace in rig.carriage.frames.traces("GARAGE"):
        if '"MeterValues"' in trace["raw"]:
            values = msgspec.json.decode(trace["raw"])[3]["meterValue"][0]["sampledValue"]
            found += [int(each["value"]) for each in values if each.get("measurand", "").endswith("Register")]
    return found


@pytest.mark.slow
async def test_a_process_runs_the_instruments_of_its_site_file_and_leaves_them_switched_off() -> None:
    async with slave("io", "tcp", 1) as io:
        text = WHOLE[: WHOLE.index("[stations.hardware.meter]")]
        text += f'[stations.hardware.io]\nat = "{io.at}"\ncontactor = {{ coil = {COIL}, feedback = {FEEDBACK} }}\n'
        async with opened(Plan(site.read(text, "garage.toml"), Store(None), "0")) as house:
            host = house.stations.hosts["GARAGE"]
            host.hardware.do(sig.SwitchPower(1, True), host.clock.now())
            await coil(io, "1")
        assert (await io.do("coils"))[COIL] == "0"


@pytest.mark.slow
async def test_at_the_end_of_the_program_a_real_contactor_opens() -> None:
    async with slave("io", "tcp", 1) as io, rigged(speed=1.0) as rig:
        tables = {"io": {"at": io.at, "contactor": {"coil": COIL, "feedback": FEEDBACK}}}
        async with garage(rig, tables) as host:
            await rig.until(lambda: host.view().link.boot == "Accepted", "the boot is accepted")
            host.hardware.do(sig.SwitchPower(1, True), host.clock.now())
            await coil(io, "1")
        assert (await io.do("coils"))[COIL] == "0"
