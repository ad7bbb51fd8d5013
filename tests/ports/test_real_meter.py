"""The Modbus meter of the guides against a Modbus server in another process (R-311; register lists of the iEM3000)."""

import asyncio
import os
import pty
import tty

import pytest

from chargepost.catalogue import load
from chargepost.drivers import check
from chargepost.drivers.real import registers
from chargepost.drivers.real.meter import UNIT, ModbusMeter
from chargepost.drivers.real.modbus import Refused
from chargepost.drivers.real.wires import Line

from .benches import QUICK, Bench, Process, running, slave

HANDS = {"make the meter silent": "silent", "let the meter speak again": "speak"}


def meter(at: str, unit: int = UNIT) -> ModbusMeter:
    return ModbusMeter(Line(at=at), unit, **QUICK)


def bench(process: Process) -> Bench:
    return Bench(process, HANDS)  # type: ignore[arg-type]  # of the requests, those that a meter hears


@pytest.mark.parametrize("framing", ["tcp", "rtu"])
async def test_r_311_the_meter_keeps_its_contract(framing: str) -> None:
    async with slave("meter", framing) as process:
        driver, hands = meter(process.at), bench(process)
        async with running(driver, hands):
            await hands.until(lambda: not driver.silent)
            await asyncio.to_thread(check.check_meter, driver, hands)


async def test_r_311_values_are_read_from_the_registers_of_the_guide() -> None:
    async with slave("meter", "tcp") as process:
        driver, hands = meter(process.at), bench(process)
        async with running(driver, hands):
            await process.do("load 10")
            await process.do("register 98765432109")
            await hands.polled()
            read = driver.read()
    assert read.energy_wh == 98765432109, "64 bits, the higher word first"
    assert read.current_a == (10.0, 10.0, 10.0)
    assert read.voltage_v == (230.0, 230.0, 230.0)
    assert read.power_w == pytest.approx((2231.0, 2231.0, 2231.0)), "kW on the wire"
    assert (read.frequency_hz, round(read.power_factor, 4)) == (50.0, 0.97)
    asked = registers.load("iem3x5x").questions()
    assert asked == [(2999, 6), (3027, 6), (3053, 6), (3109, 2), (3203, 4), (3219, 4)]


async def test_a_meter_that_was_never_heard_is_silent_and_says_where() -> None:
    driver = meter("tcp://127.0.0.1:9")
    with pytest.raises(OSError, match=r"the meter at tcp://127\.0\.0\.1:9 does not answer: has not been heard yet"):
        driver.read()
    hands = Bench()
    async with running(driver, hands):
        await hands.polled()
    with pytest.raises(OSError, match=r"does not answer: .*onnect"):
        driver.read()


async def test_another_unit_on_the_line_is_not_our_meter() -> None:
    async with slave("meter", "rtu", unit=2) as process:
        driver, hands = meter(process.at, 30), bench(process)
        async with running(driver, hands):
            await hands.polled()
            with pytest.raises(OSError, match="unit 30 left a question unanswered"):
                driver.read()


async def test_noise_before_an_answer_and_a_wrong_checksum_cost_a_poll_and_no_more() -> None:
    """Modbus over serial line, 2.5.1.2: a frame with a wrong checksum is discarded."""
    async with slave("meter", "rtu") as process:
        driver, hands = meter(process.at), bench(process)
        async with running(driver, hands):
            await hands.until(lambda: not driver.silent)
            noise = os.open(process.at, os.O_WRONLY | os.O_NOCTTY)
            os.write(noise, bytes(range(40)))
            os.close(noise)
            await hands.polled(3)
            await hands.until(lambda: not driver.silent)
            assert driver.read().energy_wh == 1_000_000


async def test_a_meter_that_hangs_up_is_called_again() -> None:
    begun = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        begun.append(await reader.read(64))
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        hands = Bench()
        driver = meter(f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        async with running(driver, hands):
            await hands.until(lambda: len(begun) > 2)
            with pytest.raises(OSError, match="closed at the other end"):
                driver.read()


async def test_a_slave_that_refuses_is_silent_with_its_reason() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while asked := await reader.read(64):
            writer.write(asked[:4] + b"\x00\x03" + asked[6:7] + b"\x83\x02")

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        hands = Bench()
        driver = meter(f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        async with running(driver, hands):
            await hands.polled()
            with pytest.raises(OSError, match="unit 30 refuses register 2999: code 2"):
                driver.read()
    assert issubclass(Refused, OSError)


def test_r_311_addresses_are_those_of_the_guide() -> None:
    """Commissioning guide, Meters sub-tab: RTU address 1 to 255 (30), gateway 130 to 162 (130)."""
    hidden = load("evlink-parking").hidden
    address, gateway = hidden["powermeterrtuaddress"], hidden["powermetergatewayaddress"]
    assert (address.min, address.max, address.default) == (1, 255, str(UNIT))
    assert (gateway.min, gateway.max, gateway.default) == (130, 162, "130")
    for unit in (1, 255):
        meter("tcp://h:1", unit)
    for unit in (0, 256):
        with pytest.raises(ValueError, match="1 to 255"):
            meter("tcp://h:1", unit)


@pytest.mark.parametrize("at", ["", "meter", "tcp://h", "tcp://h:port", "http://h:1"])
def test_a_wire_that_is_none_is_refused(at: str) -> None:
    with pytest.raises(ValueError, match="is no wire"):
        Line(at=at)


def test_a_value_that_is_no_number_is_zero() -> None:
    """What the meter has no phase for it says as NaN."""
    known = registers.load("iem3x5x")
    words = {at + place: 0 for value in known.registers.values() for at in value.at for place in range(value.words)}
    words |= {2999: 0x3F80, 3000: 0, 3001: 0xFFC0, 3002: 0}
    assert known.values(words)["current_a"] == (1.0, 0.0, 0.0)


async def test_a_serial_line_that_is_not_there_is_said() -> None:
    here, there = pty.openpty()
    tty.setraw(there)
    path = os.ttyname(there)
    os.close(there)
    os.close(here)
    driver, hands = meter(f"{path}-gone"), Bench()
    async with running(driver, hands):
        await hands.polled()
        with pytest.raises(OSError, match="gone"):
            driver.read()
