"""A question to a time server, against real ones on loopback: good, silent, and lying."""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from chargepost.run import ntp
from chargepost.run.gate import Place

NOW_UTC_S = 1_900_000_000
HERE = (Place("127.0.0.1"),)
"""The owner of the process means this machine."""


def answer(asked: bytes, *, first: int = 0b00_100_100, stratum: int = 2, seconds: int | None = None) -> bytes:
    """As RFC 5905 has it: mode, stratum, the question's own mark, and the date."""
    data = bytearray(48)
    data[:2] = bytes([first, stratum])
    data[24:32] = asked[40:48]
    data[40:48] = struct.pack(">II", NOW_UTC_S + ntp.EPOCH_S if seconds is None else seconds, 2**31)
    return bytes(data)


@asynccontextmanager
async def server(*answers: Callable[[bytes], bytes]) -> AsyncIterator[str]:
    """Sends each of these for every question."""

    class Server(asyncio.DatagramProtocol):
        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: Any) -> None:
            for each in answers:
                self.transport.sendto(each(data), addr)

    transport, _protocol = await asyncio.get_running_loop().create_datagram_endpoint(
        Server, local_addr=("127.0.0.1", 0)
    )
    try:
        yield f"127.0.0.1:{transport.get_extra_info('sockname')[1]}"
    finally:
        transport.close()


def draw(size: int) -> bytes:
    return bytes(range(1, size + 1))


async def test_the_date_is_that_of_the_server() -> None:
    async with server(answer) as at:
        assert NOW_UTC_S + 0.5 <= await ntp.ask(at, draw, HERE) < NOW_UTC_S + 60


@pytest.mark.parametrize(
    "lies",
    [
        lambda asked: answer(asked, stratum=0),
        lambda asked: answer(asked, stratum=16),
        lambda asked: answer(asked, first=0b11_100_100),
        lambda asked: answer(asked, first=0b00_100_011),
        lambda asked: answer(asked, seconds=0),
    ],
)
async def test_a_server_that_knows_no_time_is_not_believed(lies: Callable[[bytes], bytes]) -> None:
    async with server(lies) as at:
        with pytest.raises(ntp.NoTime, match="knows no time itself"):
            await ntp.ask(at, draw, HERE)


async def test_what_is_no_answer_to_this_question_is_not_looked_at() -> None:
    async with server(lambda _: b"short", lambda _: answer(bytes(48), seconds=1), lambda _: bytes(48), answer) as at:
        assert NOW_UTC_S <= await ntp.ask(at, draw, HERE) < NOW_UTC_S + 60


async def test_a_silent_server_and_a_name_that_is_none_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ntp, "ANSWER_S", 0.05)
    async with server() as at:
        with pytest.raises(ntp.NoTime, match="does not answer"):
            await ntp.ask(at, draw, HERE)
    for name in ("", "no such host", "a/b", "127.0.0.1:99999", "name.invalid"):
        with pytest.raises(ntp.NoTime, match=r"leads nowhere|is no host|no port"):
            await ntp.ask(name, draw)


async def test_a_time_server_is_none_on_this_machine_nor_at_another_port_unless_the_owner_means_it() -> None:
    """It is named in the tool: with it nobody asks what only this machine can ask."""
    async with server(answer) as at:
        for name, why in {at: "port 123; the owner can allow it", "127.0.0.1": "leads to 127.0.0.1: the owner",
                          "169.254.169.254": "the owner", "ip6-localhost": "the owner|leads nowhere",
                          "198.51.100.7:53": "port 123"}.items():  # fmt: skip
            with pytest.raises(ntp.NoTime, match=why):
                await ntp.ask(name, draw)
    with pytest.raises(ntp.NoTime, match="no gateway"):
        await ntp.ask("198.51.100.7", draw, (), lambda host: f"{host}: no gateway")


def test_the_second_era_of_ntp_begins_in_2036() -> None:
    data = answer(bytes(48), seconds=5)
    assert ntp.date_of(data) == pytest.approx(2**32 + 5 - ntp.EPOCH_S + 0.5)
