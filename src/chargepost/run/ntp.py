"""A question to a time server and its answer: one datagram each way (SNTP, RFC 4330 and 5905)."""

import asyncio
import struct
from collections.abc import Callable

from chargepost.run.gate import PORTS, REMEDY, Gate, Place, TransferError, read_place

PORT = PORTS["ntp"]
ANSWER_S = 5.0
"""For each address of the server; who is slower tells no useful time."""
ADDRESSES_MAX = 4
"""Asked one after the other: a pool has many."""
EPOCH_S = 2_208_988_800
"""Seconds from 1900, where NTP begins, to 1970."""
ERA_S = 2**32
REQUEST = 0b00_100_011
"""No warning, version 4, client."""


class NoTime(Exception):
    """The server does not tell it; the text is for people."""


async def ask(
    server: str, draw: Callable[[int], bytes], allowed: tuple[Place, ...] = (),
    way: Callable[[str], str] = lambda host: "",
) -> float:  # fmt: skip
    """The date, as seconds since 1970, at the moment this returns. `server` is HOST or HOST:PORT. Raises NoTime.

    `allowed`: hosts that the owner of the process means; `way`: see `Gate`.
    """
    loop = asyncio.get_running_loop()
    try:
        place = read_place(server)
    except ValueError as error:
        raise NoTime(str(error)) from None
    port = place.port or PORT
    if port != PORT and not any(each.covers(place.host, port) for each in allowed):
        raise NoTime(f"{server}: time is asked for at port {PORT}; {REMEDY} {place}")
    gate = Gate(frozenset({"ntp"}), allowed, (Place(place.host, port),), way)
    try:
        found = await asyncio.to_thread(gate.addresses, gate.admit(f"ntp://{Place(place.host, port)}"))
    except TransferError as error:
        raise NoTime(str(error)) from None
    why = "no address"
    for number in found[:ADDRESSES_MAX]:
        try:
            return await _ask_one(loop, (number, port), draw(8))
        except TimeoutError:
            why = "it does not answer"
        except (OSError, ValueError) as error:
            why = str(error)
    raise NoTime(f"{server}: {why}")


async def _ask_one(loop: asyncio.AbstractEventLoop, address: tuple[str, int], mark: bytes) -> float:
    answer: asyncio.Future[bytes] = loop.create_future()
    transport, _protocol = await loop.create_datagram_endpoint(lambda: _Question(answer, mark), remote_addr=address)
    try:
        sent_s = loop.time()
        transport.sendto(bytes([REQUEST]) + bytes(39) + mark)
        data = await asyncio.wait_for(answer, ANSWER_S)
        return date_of(data) + (loop.time() - sent_s) / 2
    finally:
        transport.close()


class _Question(asyncio.DatagramProtocol):
    """Takes the first datagram that answers this question; what others send is not looked at."""

    def __init__(self, answer: asyncio.Future[bytes], mark: bytes) -> None:
        self._answer, self._mark = answer, mark

    def datagram_received(self, data: bytes, addr: object) -> None:
        if len(data) >= 48 and data[24:32] == self._mark and not self._answer.done():
            self._answer.set_result(data)

    def error_received(self, error: Exception) -> None:
        if not self._answer.done():
            self._answer.set_exception(error)


def date_of(data: bytes) -> float:
    """When the server sent its answer, in seconds since 1970. Raises ValueError for a server that knows no time."""
    warning, mode, stratum = data[0] >> 6, data[0] & 7, data[1]
    seconds, fraction = struct.unpack(">II", data[40:48])
    if mode != 4 or warning == 3 or not 0 < stratum < 16 or not seconds:
        raise ValueError("it answers, but knows no time itself")
    if seconds < ERA_S // 2:  # after February 2036
        seconds += ERA_S
    return float(seconds - EPOCH_S + fraction / ERA_S)
