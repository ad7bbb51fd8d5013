"""Contactors, inputs and lights on a Modbus I/O module in another process, and on the lines of a GPIO chip."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import gpiod
import pytest
from gpiod.line import Bias, Direction, Edge, Value

from chargepost.drivers import check
from chargepost.drivers.check import Request
from chargepost.drivers.real.boards import BoardContactor, BoardInputs, BoardLights, Contact
from chargepost.drivers.real.gpio import Gpio
from chargepost.drivers.real.io import ModbusIo
from chargepost.drivers.real.wires import Line

from .benches import QUICK, Bench, Process, running, slave

COIL, FEEDBACK = 2, 5
DOOR, STOP = 6, 7
GREEN, RED = 8, 9
LINES = 16
"""Of the module."""
CONTACTS = {"door": Contact(DOOR), "emergency_stop": Contact(STOP, normally_closed=True)}


class Wired(Bench):
    """The auxiliary contact follows the coil, as iron does; an input is changed by hand."""

    def __init__(self, process: Process) -> None:
        super().__init__(process)

    def let_pass(self, seconds: float) -> None:
        async def follow() -> None:
            assert self._process
            await self.polled_io()
            coils = await self._process.do("coils")
            await self._process.do(f"input {FEEDBACK} {coils[COIL]}")
            await self.polled_io()

        asyncio.run_coroutine_threadsafe(follow(), self._loop).result(10)

    def ask(self, what: Request) -> None:
        async def open_door() -> None:
            assert self._process
            await self._process.do(f"input {DOOR} 1")
            await self.polled_io()

        asyncio.run_coroutine_threadsafe(open_door(), self._loop).result(10)

    looks: Callable[[], int]

    async def polled_io(self) -> None:
        seen = self.looks()
        await self.until(lambda: self.looks() >= seen + 2)


class Counted(ModbusIo):
    """Counts its looks, also those in which nothing has changed."""

    looks = 0

    async def _write(self, master: Any) -> None:
        self.looks += 1
        await super()._write(master)


@asynccontextmanager
async def module(framing: str) -> AsyncIterator[tuple[Counted, Wired, Process]]:
    async with slave("io", framing, 1) as process:
        driver = Counted(Line(at=process.at), 1, [COIL, GREEN, RED], [FEEDBACK, DOOR, STOP], **QUICK)
        hands = Wired(process)
        hands.looks = lambda: driver.looks
        async with running(driver, hands):
            await hands.until(lambda: not driver.silent)
            yield driver, hands, process


@pytest.mark.parametrize("framing", ["tcp", "rtu"])
async def test_contactor_and_inputs_of_a_modbus_module_keep_their_contracts(framing: str) -> None:
    async with module(framing) as (driver, hands, process):
        await asyncio.to_thread(check.check_contactor, BoardContactor(driver, COIL, FEEDBACK), hands)
        await asyncio.to_thread(check.check_inputs, BoardInputs(driver, CONTACTS), hands)
        lights = BoardLights(driver, {"green": GREEN, "red": RED})
        check.check_lights(lights)
        lights.show("green", 100)
        await hands.polled_io()
        assert await process.do("coils") == "0" * GREEN + "1" + "0" * (LINES - GREEN - 1)


async def test_a_welded_contactor_on_a_modbus_module_is_found() -> None:
    async with module("tcp") as (driver, hands, process):
        await process.do(f"input {COIL} 1")
        await process.do(f"input {FEEDBACK} 1")
        hands.let_pass = lambda seconds: None  # type: ignore[method-assign]
        await hands.polled_io()
        with pytest.raises(AssertionError, match="told False, found True"):
            await asyncio.to_thread(check.check_contactor, BoardContactor(driver, COIL, FEEDBACK), hands)


async def test_a_normally_closed_contact_is_active_when_it_opens() -> None:
    async with module("tcp") as (driver, hands, process):
        inputs = BoardInputs(driver, CONTACTS)
        assert inputs.read() == {"door": False, "emergency_stop": True}, "a wire that is off is a stop"
        await process.do(f"input {STOP} 1")
        await hands.until(lambda: not inputs.read()["emergency_stop"])


async def test_a_module_that_forgot_its_outputs_gets_them_again() -> None:
    async with module("tcp") as (driver, hands, process):
        driver.set(COIL, True)
        await hands.polled_io()
        assert (await process.do("coils"))[COIL] == "1"
        await process.do(f"coil {COIL} 0")
        await hands.polled_io()
        assert (await process.do("coils"))[COIL] == "1"


async def test_a_silent_module_knows_no_position_and_at_rest_all_is_off() -> None:
    async with module("tcp") as (driver, hands, process):
        contactor = BoardContactor(driver, COIL, FEEDBACK)
        await process.do("silent")
        await hands.until(lambda: bool(driver.silent))
        with pytest.raises(OSError, match="the I/O module at tcp://"):
            contactor.closed()
        contactor.switch(True)
        await process.do("speak")
        await hands.until(lambda: not driver.silent)
        await hands.polled_io()
        assert (await process.do("coils"))[COIL] == "1", "what was wished meanwhile is done"
        await driver.rest()
        assert set(await process.do("coils")) == {"0"}


# --- GPIO: what the driver asks of the kernel -------------------------------------------------------------------------


class Kernel:
    """A chip at the level of gpiod requests: settings are taken, values read and written, edges told."""

    def __init__(self) -> None:
        self.settings: dict[int, gpiod.LineSettings] = {}
        self.values: dict[int, Value] = {}
        self.asked: tuple[str, str] = ("", "")
        self.released = False
        self.fd, self.tell = os.pipe()

    def request_lines(self, chip: str, config: Mapping[int, gpiod.LineSettings], consumer: str) -> "Kernel":
        self.asked, self.settings = (chip, consumer), dict(config)
        self.values = dict.fromkeys(config, Value.INACTIVE)
        return self

    def get_value(self, line: int) -> Value:
        assert not self.released
        return self.values[line]

    def set_value(self, line: int, value: Value) -> None:
        assert self.settings[line].direction is Direction.OUTPUT, "an input is not driven"
        self.values[line] = value

    def read_edge_events(self) -> list[bytes]:
        return [os.read(self.fd, 4096)]

    def release(self) -> None:
        self.released = True

    def touch(self, line: int, active: bool) -> None:
        """From outside."""
        assert self.settings[line].direction is Direction.INPUT
        self.values[line] = Value.ACTIVE if active else Value.INACTIVE
        os.write(self.tell, b"edge")


class Pins(Bench):
    """What hangs on the pins."""

    def __init__(self, kernel: Kernel) -> None:
        super().__init__()
        self.kernel = kernel

    def let_pass(self, seconds: float) -> None:
        self.kernel.touch(FEEDBACK, self.kernel.values[COIL] is Value.ACTIVE)

    def ask(self, what: Request) -> None:
        self.kernel.touch(DOOR, True)


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    made = Kernel()
    yield made
    os.close(made.fd)
    os.close(made.tell)


def chip(kernel: Kernel) -> Gpio:
    return Gpio("/dev/gpiochip0", [COIL, GREEN, RED], [FEEDBACK, DOOR, STOP], kernel.request_lines)


async def test_contactor_inputs_and_lights_on_gpio_keep_their_contracts(kernel: Kernel) -> None:
    driver, hands = chip(kernel), Pins(kernel)
    check.check_contactor(BoardContactor(driver, COIL, FEEDBACK), hands)
    check.check_inputs(BoardInputs(driver, CONTACTS), hands)
    lights = BoardLights(driver, {"green": GREEN, "red": RED})
    check.check_lights(lights)
    lights.show("off", 100)


async def test_lines_are_requested_as_a_safe_board_wants_them(kernel: Kernel) -> None:
    """Outputs begin low, inputs have a pull-up, are debounced and tell both edges."""
    chip(kernel)
    assert kernel.asked == ("/dev/gpiochip0", "chargepost")
    coil, door = kernel.settings[COIL], kernel.settings[DOOR]
    assert (coil.direction, coil.output_value) == (Direction.OUTPUT, Value.INACTIVE)
    assert (door.direction, door.bias, door.edge_detection) == (Direction.INPUT, Bias.PULL_UP, Edge.BOTH)
    assert door.active_low, "a contact to ground is active"
    assert door.debounce_period.total_seconds() == 0.02


async def test_an_edge_is_told_at_once(kernel: Kernel) -> None:
    driver, hands = chip(kernel), Pins(kernel)
    async with running(driver, hands):
        await asyncio.sleep(0)
        kernel.touch(DOOR, True)
        await hands.until(lambda: hands.changes > 0)
    await driver.rest()
    assert kernel.released


async def test_colours_light_alone_and_blinking_ones_go_dark_and_bright(kernel: Kernel) -> None:
    lights = BoardLights(chip(kernel), {"green": GREEN, "red": RED})
    seen: set[bool] = set()

    def lit(line: int) -> bool:
        return kernel.values[line] is Value.ACTIVE

    lights.show("green", 80)
    assert (lit(GREEN), lit(RED)) == (True, False)
    lights.show("red blinking", 80)
    assert not lit(GREEN)
    await Pins(kernel).until(lambda: (seen.add(lit(RED)) or seen) == {True, False})  # type: ignore[func-returns-value]
    lights.show("red", 0)
    assert not lit(RED)
    lights.show("blue", 100)
    assert not lit(GREEN), "a colour that is not wired is dark"


async def test_a_chip_that_is_not_there_is_said() -> None:
    with pytest.raises(OSError, match="gpiochip"):
        Gpio("/dev/gpiochip-none", [COIL], [DOOR])
