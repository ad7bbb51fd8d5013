"""A station as a Modbus TCP server: frames on one side, `energy/remote.py` on the other.

Function codes 3, 6 and 16 (Modbus application protocol 1.1b3), in frames with the seven-byte header of Modbus TCP. The
framing is our own: docs/decisions/modbus-frames-are-ours.md. A client can neither make the station wait nor fill its
memory: what it may ask, hold and leave unread is bounded, and a connection that is no Modbus is closed.
"""

import asyncio
import errno
import logging
import socket
import struct
from collections.abc import Callable
from typing import NamedTuple, cast

from chargepost.catalogue.model import Model
from chargepost.energy.remote import ILLEGAL_VALUE, ControlFact, IllegalError, Image
from chargepost.run.addresses import Address
from chargepost.run.http import ServeError
from chargepost.run.runner import StationHost
from chargepost.signals import ExternalView
from chargepost.station import external


class Bounds(NamedTuple):
    """What one client, and all together, may ask, hold and leave unread."""

    clients: int = 16
    """Connections to one station: a few controllers and who looks on. A newcomer takes the place of one that has never
    asked anything, else of the one that has been silent for longest."""
    frame_s: float = 5.0
    """From the first byte of a request to its last: it has 260 at most, and fits into one packet."""
    idle_s: float = 300.0
    """Without a request a connection is closed: controllers ask every few seconds; whoever is gone rarely says so."""
    turn_requests: int = 8
    """Answered in one turn of the loop, for one client; then others have theirs."""
    turn_pause_s: float = 0.05
    """Until its next turn: 160 requests a second are ten times what a controller asks."""
    unsent: int = 16 * 1024
    """Bytes of answers that a client has not read, sixty of the longest kind, here and as many again in the system."""


BACKLOG = 32
"""Connections that wait to be accepted."""

HEADER = struct.Struct(">HHHB")
"""Transaction, protocol (0), length of what follows it, unit."""
LENGTHS = range(2, 255)
"""Of unit and PDU: a PDU has 1 to 253 bytes."""

READ, WRITE_ONE, WRITE_MANY = 3, 6, 16
READ_MAX, WRITE_MAX = 125, 123
"""Registers of one request."""
ILLEGAL_FUNCTION, DEVICE_FAILURE, NO_SUCH_UNIT = 1, 4, 11
"""Exception codes besides those of the registers; 11 is a gateway's, whose target does not answer."""
FIRST_UNITS = frozenset({0, 1, 255})
"""Of the first charge point: a device that is reached by its address alone is 0 or 255."""

log = logging.getLogger("chargepost.modbus")


class Registers:
    """The registers of one station, as its program is now."""

    def __init__(self, host: StationHost) -> None:
        self._host = host
        self._of: tuple[Model, Image] | None = None

    @property
    def there(self) -> bool:
        """The station has power, and its server is switched on."""
        station = self._host.station
        return station is not None and external.answers(station.core)

    def answer(self, unit: int, pdu: bytes) -> bytes:
        """The PDU of the answer, or of an exception."""
        try:
            return self._asked(1 if unit in FIRST_UNITS else unit, pdu)
        except IllegalError as error:
            return bytes((pdu[0] | 0x80, error.code))
        except Exception as error:  # a fault of ours is the device's for the client, and stops nobody else
            log.error("%s: a Modbus request failed (%s: %s)", self._host.identity, type(error).__name__, error)
            return bytes((pdu[0] | 0x80, DEVICE_FAILURE))

    def _asked(self, connector: int, pdu: bytes) -> bytes:
        function, data = pdu[0], pdu[1:]
        if function not in REQUESTS:
            raise IllegalError(ILLEGAL_FUNCTION, f"there is no function {function}")
        station = self._host.station
        if station is None or connector > len(station.connectors):
            raise IllegalError(NO_SUCH_UNIT, f"there is no charge point {connector}")
        return bytes((function,)) + REQUESTS[function](self, connector, data)

    def _read(self, connector: int, data: bytes) -> bytes:
        address, count = _words(data, 2)
        if not 1 <= count <= READ_MAX:
            raise IllegalError(ILLEGAL_VALUE, f"{count} registers are asked for")
        words = self._image().read(address, count, self._view(connector))
        return bytes((len(words),)) + words

    def _write_one(self, connector: int, data: bytes) -> bytes:
        address, value = _words(data, 2)
        self._write(connector, address, [value])
        return data

    def _write_many(self, connector: int, data: bytes) -> bytes:
        address, count = _words(data[:4], 2)
        if not 1 <= count <= WRITE_MAX or len(data) != 5 + 2 * count or data[4] != 2 * count:
            raise IllegalError(ILLEGAL_VALUE, f"{count} registers do not fit their bytes")
        self._write(connector, address, _words(data[5:], count))
        return data[:4]

    def _write(self, connector: int, address: int, words: list[int]) -> None:
        station = self._host.station
        assert station
        allowed = external.obeys(station.core)
        facts: list[ControlFact] = self._image().write(
            address, words, connector, self._view(connector), allowed=allowed
        )
        self._host.tell(*facts)

    def _image(self) -> Image:
        model = self._host.model
        if self._of is None or self._of[0] is not model:
            assert model.modbus
            self._of = model, Image(model.registers, low_word_first=model.modbus.low_word_first)
        return self._of[1]

    def _view(self, connector: int) -> ExternalView:
        host, station = self._host, self._host.station
        assert station
        now = host.clock.now()
        host.hardware.advance(now)
        return external.view(station, station.connectors[connector - 1], now, host.hardware.read_meter(connector))


REQUESTS: dict[int, Callable[[Registers, int, bytes], bytes]] = {
    READ: Registers._read,
    WRITE_ONE: Registers._write_one,
    WRITE_MANY: Registers._write_many,
}
"""What is answered, by function code."""


def _words(data: bytes, count: int) -> list[int]:
    if len(data) != 2 * count:
        raise IllegalError(ILLEGAL_VALUE, f"{len(data)} bytes are not {count} registers")
    return list(struct.unpack(f">{count}H", data))


class Client(asyncio.Protocol):
    """One connection."""

    __slots__ = ("_buffer", "_server", "_timer", "_transport", "_waits", "asked", "heard_s")

    def __init__(self, server: "ModbusServer") -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._timer: asyncio.TimerHandle | None = None
        self._waits = False
        """Its turn is over, and reading is paused until the next."""
        self.asked = 0
        """Whole requests so far."""
        self.heard_s = server.loop.time()
        """When the last one came, or the connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # that of uvloop is one, too, and does not say so
        self._server.came(self)
        self._set_timer(self._server.bounds.idle_s)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._buffer.clear()
        self._set_timer(None)
        self._server.clients.pop(self, None)

    def data_received(self, data: bytes) -> None:
        began, asked = not self._buffer, self.asked
        self._buffer += data
        self._serve()
        if began or asked != self.asked:
            self._watch()

    def _watch(self) -> None:
        """What has just begun has its time; so has silence."""
        bounds = self._server.bounds
        self._set_timer(None if self._waits else bounds.frame_s if self._buffer else bounds.idle_s)

    def close(self, why: str) -> None:
        if self._transport is not None:
            log.debug("%s: Modbus client: %s", self._server.identity, why)
            self._transport.abort()
            self._transport = None

    def _serve(self) -> None:
        """Answer what is there, as many as one turn allows."""
        for _ in range(self._server.bounds.turn_requests):
            if self._transport is None or not self._next():
                return
        if self._buffer and self._transport is not None and not self._transport.is_closing():
            self._waits = True
            self._transport.pause_reading()
            self._server.loop.call_later(self._server.bounds.turn_pause_s, self._again)

    def _again(self) -> None:
        self._waits = False
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
            self._serve()
            self._watch()

    def _next(self) -> bool:
        """One request; False when there is no whole one."""
        if len(self._buffer) < HEADER.size:
            return False
        transaction, protocol, length, unit = HEADER.unpack_from(self._buffer)
        if protocol or length not in LENGTHS:
            self.close("what it says is no Modbus")
            return False
        if len(self._buffer) < HEADER.size - 1 + length:
            return False
        pdu = bytes(self._buffer[HEADER.size : HEADER.size - 1 + length])
        del self._buffer[: HEADER.size - 1 + length]
        if not self._server.registers.there:
            self.close("nothing answers: the station has no power, or its Modbus server is off")
            return False
        self.asked += 1
        self.heard_s = self._server.loop.time()
        answer = self._server.registers.answer(unit, pdu)
        if self._transport is None or self._transport.is_closing():
            return False
        self._transport.write(HEADER.pack(transaction, 0, len(answer) + 1, unit) + answer)
        if self._transport.get_write_buffer_size() > self._server.bounds.unsent:
            self.close("it does not read its answers")
            return False
        return True

    def _set_timer(self, wait_s: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        if wait_s is not None and self._transport is not None:
            self._timer = self._server.loop.call_later(wait_s, self.close, f"nothing whole in {wait_s:g} s")


class ModbusServer:
    """What listens for one station."""

    address: Address

    def __init__(self, host: StationHost, bounds: Bounds) -> None:
        self.bounds = bounds
        self.identity = host.identity
        self.registers = Registers(host)
        self.loop = asyncio.get_running_loop()
        self.clients: dict[Client, None] = {}
        self._listening: asyncio.Server | None = None

    async def open(self, address: Address) -> None:
        """Port 0 takes a free one. Raises ServeError."""
        host = {"localhost": "127.0.0.1"}.get(address.host, address.host)
        try:
            self._listening = await self.loop.create_server(lambda: Client(self), host, address.port, backlog=BACKLOG)
        except OSError as error:
            busy = error.errno == errno.EADDRINUSE
            why = "it is in use by another program: give another port" if busy else error.strerror or str(error)
            raise ServeError(f"Modbus of {self.identity}: cannot listen on {address}: {why}") from error
        for each in self._listening.sockets:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self.bounds.unsent)  # those it accepts have the same
        self.address = Address(address.host, self._listening.sockets[0].getsockname()[1])

    def came(self, newcomer: Client) -> None:
        """There is room, or somebody makes it; nobody is let in while nothing answers."""
        if not self.registers.there:
            newcomer.close("nothing answers")
            return
        if len(self.clients) >= self.bounds.clients:
            leaves = min(self.clients, key=lambda client: (client.asked > 0, client.heard_s))
            del self.clients[leaves]
            leaves.close("another takes its place")
        self.clients[newcomer] = None

    async def close(self) -> None:
        if self._listening:
            self._listening.close()
        for client in list(self.clients):
            client.close("the server ends")


async def serve_modbus(
    host: StationHost,
    address: Address,
    bounds: Bounds = Bounds(),
) -> ModbusServer:
    """Raises ServeError."""
    server = ModbusServer(host, bounds)
    await server.open(address)
    return server
