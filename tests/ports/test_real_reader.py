"""The badge reader on a serial line: one line of text a badge (its protocol is told in drivers/real/reader.py)."""

import asyncio
import os
import tty
from collections.abc import Iterator

import pytest

from chargepost.drivers import check
from chargepost.drivers.check import Request
from chargepost.drivers.real.reader import SerialReader, id_tag
from chargepost.drivers.real.wires import Line

from .benches import Bench, running

BADGE = b"UID 04:a1:b2:c3:d4:e5:f6\r\n"


class Terminal:
    """A serial line whose other end is in our hands."""

    def __init__(self) -> None:
        self.here, there = os.openpty()
        tty.setraw(there)
        self.path = os.ttyname(there)
        self._there: int | None = there

    def say(self, data: bytes) -> None:
        os.write(self.here, data)

    def close(self) -> None:
        os.close(self.here)
        if self._there is not None:
            os.close(self._there)


class Presents(Bench):
    """A badge is held before the reader."""

    def __init__(self, terminal: Terminal, reader: SerialReader) -> None:
        super().__init__()
        self.terminal, self.reader = terminal, reader

    def ask(self, what: Request) -> None:
        async def present() -> None:
            seen = self.changes
            self.terminal.say(BADGE)
            await self.until(lambda: self.changes > seen)

        asyncio.run_coroutine_threadsafe(present(), self._loop).result(10)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    made = Terminal()
    yield made
    made.close()


async def test_a_serial_reader_keeps_its_contract(terminal: Terminal) -> None:
    driver = SerialReader(Line(at=terminal.path, baud=9600), again_s=0.01)
    hands = Presents(terminal, driver)
    async with running(driver, hands):
        await hands.until(lambda: not driver.silent)
        await asyncio.to_thread(check.check_reader, driver, hands)


async def test_lines_come_in_pieces_and_noise_between_them_is_passed_over(terminal: Terminal) -> None:
    driver, hands = SerialReader(Line(at=terminal.path), again_s=0.01), Bench()
    async with running(driver, hands):
        await hands.until(lambda: not driver.silent)
        for piece in (b"READER v1.2 ready\r\n", b"\xff\xfe" * 100, b"\n04A1", b"B2C3"):
            terminal.say(piece)
        terminal.say(b"\n")
        badge: list[str | None] = []
        await hands.until(lambda: badge.append(driver.badge()) or badge[-1] is not None)  # type: ignore[func-returns-value]
        assert badge[-1] == "04A1B2C3"


async def test_a_reader_whose_wire_breaks_is_silent_with_its_reason(terminal: Terminal) -> None:
    driver, hands = SerialReader(Line(at=f"{terminal.path}0"), again_s=0.01), Bench()
    async with running(driver, hands):
        await hands.polled()
        assert driver.silent
        with pytest.raises(OSError, match="the badge reader at"):
            driver.must_speak()


@pytest.mark.parametrize(
    ("line", "tag"),
    [
        (b"04A1B2C3", "04A1B2C3"),
        (b"uid: 04-a1-b2-c3-d4-e5-f6", "04A1B2C3D4E5F6"),
        (b"04 A1 B2 C3 D4 E5 F6 07 08 09", "04A1B2C3D4E5F6070809"),
        (b"UID=04A1B2C3\r", "04A1B2C3"),
        (b"04A1B2C3D4", None),  # five bytes: no card has them
        (b"04A1B2C", None),
        (b"04A1B2C3D4E5F607080910", None),  # it would not fit an idTag
        (b"UID", None),
        (b"", None),
        (b"\xff\x00", None),
        (b"HELLO", None),
    ],
)
def test_a_uid_of_4_7_or_10_bytes_is_a_badge_and_nothing_else_is(line: bytes, tag: str | None) -> None:
    """ISO/IEC 14443-3, 6.5.4: single, double and triple size; OCPP 1.6, 7.29: at most 20 characters."""
    assert id_tag(line) == tag
    assert tag is None or len(tag) <= check.ID_TAG_MAX
