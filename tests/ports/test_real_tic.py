"""The tele-information of a French meter: both modes, over a serial line of 7 bits and over TCP (R-205, R-246)."""

import asyncio
import os
from contextlib import suppress

import pytest

from chargepost.drivers import check
from chargepost.drivers.check import Request
from chargepost.drivers.real import tic as frames
from chargepost.drivers.real.tic import TicLine
from chargepost.drivers.real.wires import Line
from chargepost.signals import Tic
from tests.patience import PATIENCE_S

from .benches import Bench, running
from .test_real_reader import Terminal


def said(separator: str, *groups: str) -> bytes:
    """Groups as a meter says them: the checksum is of label, values and the separators between them.

    In the standard mode the separator before the checksum counts too (specification of the TIC, 5.3.6).
    """
    lines = []
    for group in groups:
        text = group.replace(" ", separator)
        summed = text + separator if separator == "\t" else text
        lines.append(f"\n{text}{separator}{chr((sum(summed.encode()) & 0x3F) + 0x20)}\r")
    return b"\x02" + "".join(lines).encode() + b"\x03"


SINGLE = said(" ", "ADCO 020830022493", "OPTARIF HC..", "ISOUSC 30", "PTEC HP..", "IINST 002", "PAPP 00430")
THREE = said(" ", "ADCO 020830022493", "ISOUSC 045", "IINST1 011", "IINST2 004", "IINST3 009", "PAPP 05520")
STANDARD = said(
    "\t", "ADSC 041876012345", "VTIC 02", "DATE H261120170000 ", "EAST 012345678", "IRMS1 007", "URMS1 231", "PREF 06",
    "SINSTS 01617",
)  # fmt: skip
STANDARD_THREE = said("\t", "ADSC 041876012345", "IRMS1 007", "IRMS2 012", "IRMS3 000", "PREF 18")


@pytest.mark.parametrize(
    ("frame", "heard"),
    [
        (SINGLE, Tic("historic", 30.0, (2.0, 0.0, 0.0), 1)),
        (THREE, Tic("historic", 45.0, (11.0, 4.0, 9.0), 3)),
        (STANDARD, Tic("standard", 6000 / 230, (7.0, 0.0, 0.0), 1)),
        (STANDARD_THREE, Tic("standard", 6000 / 230, (7.0, 12.0, 0.0), 3)),
    ],
)
def test_frames_of_both_modes_tell_what_is_subscribed_and_drawn(frame: bytes, heard: Tic) -> None:
    """ISOUSC is in A; PREF is in kVA, which is so many A per phase at 230 V."""
    assert frames.read(frame) == heard


def test_a_checksum_is_as_the_meters_of_the_field_print_it() -> None:
    """Lines as they are printed in descriptions of the historic mode."""
    assert frames.lines(b"\x02\nADCO 031428067147 9\r\nIINST 001 X\r\nMOTDETAT 000000 B\r\x03").keys() >= {
        "IINST",
        "MOTDETAT",
    }


def test_a_line_with_a_wrong_checksum_is_as_if_it_had_not_been_said() -> None:
    for wrong in (SINGLE.replace(b"IINST 002", b"IINST 003"), SINGLE.replace(b"ISOUSC 30", b"ISOUSC 90")):
        assert frames.read(wrong) is None
    other = SINGLE.replace(b"PAPP 00430", b"PAPP 99999")
    assert frames.read(other) == frames.read(SINGLE), "the rest of the frame counts"
    assert "PAPP" not in frames.lines(other)


def test_a_space_may_be_a_checksum() -> None:
    label = next(f"IINST {n:03}" for n in range(100) if (sum(f"IINST {n:03}".encode()) & 0x3F) == 0)
    assert frames.lines(said(" ", label)) == {"IINST": label[-3:]}


@pytest.mark.parametrize(
    "frame", [b"", b"\x02\x03", b"\x02\n\r\x03", b"\n A\r", SINGLE[:40], bytes(range(256)), STANDARD[::-1]]
)
def test_what_is_no_frame_tells_nothing(frame: bytes) -> None:
    assert frames.read(frame) is None


class Speaks(Bench):
    """A meter at the end of a serial line: one frame after the other while it speaks."""

    def __init__(self, terminal: Terminal, driver: TicLine) -> None:
        super().__init__()
        self.driver, self.terminal, self.speaks = driver, terminal, True

    async def speak(self) -> None:
        """Whether anybody listens or not: what finds no room is lost, as on a wire."""
        os.set_blocking(self.terminal.here, False)
        while True:
            if self.speaks:
                with suppress(BlockingIOError):
                    self.terminal.say(THREE)
            await asyncio.sleep(0.01)

    def ask(self, what: Request) -> None:
        self.speaks = what == "let the house's meter speak again"

        async def noticed() -> None:
            await self.until(lambda: bool(self.driver.silent) != self.speaks)

        asyncio.run_coroutine_threadsafe(noticed(), self._loop).result(20)


async def test_the_meter_of_the_house_keeps_its_contract() -> None:
    terminal = Terminal()
    driver = TicLine(Line(at=terminal.path, baud=1200, parity="even", byte_size=7), silent_s=0.2, again_s=0.01)
    hands = Speaks(terminal, driver)
    speaking = asyncio.create_task(hands.speak())
    async with running(driver, hands):
        await hands.until(lambda: not driver.silent)
        await asyncio.to_thread(check.check_house_meter, driver, hands)
    speaking.cancel()
    terminal.close()


@pytest.mark.parametrize(
    ("tic", "why"),
    [
        (Tic("historic", 0.0, (1.0, 0.0, 0.0)), "nothing is subscribed"),
        (Tic("historic", 30.0, (1.0, 1.0, 0.0)), "1 phases, yet"),
        (Tic("historic", 30.0, (-1.0, 0.0, 0.0)), "it does not give"),
        (Tic("historic", 30.0, (1.0, 0.0, 0.0)), "OSError"),
    ],
)
def test_a_meter_of_a_house_that_breaks_its_contract_is_found(tic: Tic, why: str) -> None:
    with pytest.raises(AssertionError, match=why):
        check.check_house_meter(Always(tic), Nobody())


class Always:
    """Says the same, whatever hands do."""

    def __init__(self, tic: Tic) -> None:
        self.tic = tic

    def read(self) -> Tic:
        return self.tic


class Nobody:
    def let_pass(self, seconds: float) -> None: ...
    def ask(self, what: Request) -> None: ...


async def test_frames_come_over_a_serial_line_of_seven_bits() -> None:
    terminal = Terminal()
    driver = TicLine(Line(at=terminal.path, baud=1200, parity="even", byte_size=7), again_s=0.01)
    hands = Bench()
    async with running(driver, hands):
        async with asyncio.timeout(PATIENCE_S):
            while driver.silent:
                terminal.say(SINGLE[-20:] + SINGLE)
                await asyncio.sleep(0.01)
        assert driver.read().load_a == (2.0, 0.0, 0.0)
    terminal.close()


async def test_a_line_that_was_opened_with_eight_bits_hears_the_parity_as_the_eighth() -> None:
    terminal = Terminal()
    driver, hands = TicLine(Line(at=terminal.path), again_s=0.01), Bench()
    even = bytes(byte | (byte.bit_count() & 1) << 7 for byte in THREE)
    assert even != THREE
    async with running(driver, hands):
        async with asyncio.timeout(PATIENCE_S):
            while driver.silent:
                terminal.say(even)
                await asyncio.sleep(0.01)
        assert driver.read().load_a == (11.0, 4.0, 9.0)
    terminal.close()


async def test_frames_come_over_tcp_and_a_silence_is_told() -> None:
    async def meter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"rest of a frame\x03" + STANDARD[:30])
        await writer.drain()
        writer.write(STANDARD[30:])
        await reader.read()
        writer.close()

    async with await asyncio.start_server(meter, "127.0.0.1", 0) as server:
        at = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        driver, hands = TicLine(Line(at=at), silent_s=0.3, again_s=30), Bench()
        with pytest.raises(OSError, match="has not been heard yet"):
            driver.read()
        async with running(driver, hands):
            await hands.until(lambda: not driver.silent)
            assert driver.read().subscribed_a == pytest.approx(26.087, abs=0.001)
            await hands.until(lambda: bool(driver.silent))
            with pytest.raises(OSError, match=r"no good frame within 0\.3 s: is the mode right"):
                driver.read()


async def test_a_flood_without_a_frame_is_held_within_a_bound() -> None:
    terminal = Terminal()
    os.set_blocking(terminal.here, False)
    driver, hands = TicLine(Line(at=terminal.path, parity="even", byte_size=7), silent_s=0.2, again_s=30), Bench()
    async with running(driver, hands):
        while not (driver.silent and driver.silent.startswith("no good frame")):
            with suppress(BlockingIOError):
                terminal.say(b"\x02" + b"x" * 1000)
            await asyncio.sleep(0)
    terminal.close()
