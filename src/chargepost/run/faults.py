"""The fault-injecting proxy on a link, and the file that says what it and the rules for frames are to do.

The proxy stands on the loopback between the stations of this process and their central systems; it knows bytes only, so
TLS and WebSocket go through it as they are. Everything is in the time of the world, as other network time-outs are.
"""

import asyncio
import contextlib
import logging
import re
import socket
import struct
import tomllib
from collections import Counter
from collections.abc import Collection
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from chargepost.catalogue.checks import nearest
from chargepost.fleet import faults as rows
from chargepost.fleet.faults import Direction, Faults, FrameJudge
from chargepost.fleet.timeline import dice
from chargepost.run.clock import Clock
from chargepost.run.line import LinkFaults
from chargepost.run.site import place

CHUNK = 65_536
"""Bytes read at once."""

HELD_MAX = 64
"""Chunks on their way in one direction; past it the sender has to wait, as on a full line."""

TRICKLE_S = 0.1
"""A narrow line passes its bytes in pieces that take so long."""

GIVES_UP_S = 900.0
"""How long a connection of which one end has gone unheard lasts: TCP gives up about then."""

RESET_NOW = struct.pack("ii", 1, 0)
"""SO_LINGER 0: closing sends a reset instead of a goodbye."""

log = logging.getLogger("chargepost.link")


class FaultsError(ValueError):
    """The file cannot be used; its text is one line: file, line, key path, remedy."""


# --- the file -------------------------------------------------------------------------------------------------------


def load(path: Path) -> Faults:
    """Raises FaultsError."""
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise FaultsError(f"{path}: cannot be read: {error.strerror}: give the path of a file of faults") from None
    except UnicodeDecodeError:
        raise FaultsError(f"{path}: is not text in UTF-8: save it so") from None
    return read(text, str(path))


def read(text: str, name: str) -> Faults:
    """The faults in a text; `name` is how errors call it. Raises FaultsError."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FaultsError(f"{name}: is not TOML: {error}") from None
    try:
        faults = msgspec.convert(document, Faults)
    except msgspec.ValidationError as error:
        what, path = _explained(error, document)
        raise FaultsError(f"{place(name, text, path)}{path}: {what}") from None
    if not (faults.frames or faults.bytes):
        raise FaultsError(f"{name}: there are no faults: add [[frames]] or [[bytes]] with do")
    return faults


def _explained(error: msgspec.ValidationError, document: dict[str, Any]) -> tuple[str, str]:
    """What is wrong, with the remedy, and the path to it."""
    what, _, inside = str(error).partition(" - at ")
    path = inside.strip("`").removeprefix("$").lstrip(".")
    row = _row(path, document)
    kinds = {rows.WORDS[kind]: kind for kind in (rows.BYTE_ROWS if path.startswith("bytes") else rows.FRAME_ROWS)}
    kind = kinds.get(str(row.get("do", ""))) or Faults
    word = re.search(r"`(.+?)`", what)
    if path.endswith(".do"):
        return f"there is no fault {row['do']!r} here{_near(str(row['do']), kinds)}", path
    if word and what.startswith("Object contains unknown"):
        return f"there is no such key here{_near(word[1], kind.__struct_fields__)}", ".".join(
            filter(None, (path, word[1]))
        )
    if word and what.startswith("Object missing"):
        return f"{word[1]} is missing{': one of ' + ', '.join(kinds) if word[1] == 'do' else ''}", path
    if what.startswith("Invalid enum"):
        return f"{what[0].lower()}{what[1:]}: {CHOICES[path.rpartition('.')[2]]}", path
    return what[0].lower() + what[1:], path or "file"


CHOICES = {"direction": "up is from the station, down is to it", "message": "take call or answer"}


def _row(path: str, document: dict[str, Any]) -> dict[str, Any]:
    """The row that a path leads into; empty when it is none."""
    found = re.match(r"(\w+)\[(\d+)\]", path)
    row = document[found[1]][int(found[2])] if found else {}
    return row if isinstance(row, dict) else {}


def _near(word: str, known: Collection[str]) -> str:
    return nearest(word, known) or f"; known: {', '.join(known)}"


# --- the proxy ------------------------------------------------------------------------------------------------------


class Proxy:
    """Between the stations of a process and whichever central systems they dial; on its loop's thread."""

    def __init__(self, faults: Faults, clock: Clock) -> None:
        self._faults, self._clock = faults, clock
        self._server: asyncio.Server | None = None
        self._due: dict[int, Connection] = {}
        """By the port that it is about to be dialled from: nobody else is served."""
        self._dials: Counter[str] = Counter()
        self._spent: Counter[tuple[str, int]] = Counter()
        """How many connections of a station a row has befallen."""
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", 0)

    async def close(self) -> None:
        if self._server:
            self._server.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def faults_for(self, identity: str) -> LinkFaults:
        """What befalls the link of one station."""
        faults = self._faults
        judge = FrameJudge(faults.frames, faults.seed, identity) if faults.frames else None
        return LinkFaults(judge, partial(self.way, identity) if faults.bytes else None)

    async def way(self, identity: str, host: str, port: int) -> socket.socket:
        """A socket that leads there through this proxy. Raises OSError as if it led there itself."""
        assert self._server
        befall = self._befall(identity)
        jitter = dice(self._faults.seed, f"{identity} jitter {self._dials[identity]}")
        connection = Connection(befall, self._clock, jitter, identity)
        await connection.reach(host, port)
        near = socket.socket()
        near.setblocking(False)
        mine = 0
        try:
            near.bind(("127.0.0.1", 0))
            mine = near.getsockname()[1]
            self._due[mine] = connection
            await self._clock.loop.sock_connect(near, self._server.sockets[0].getsockname())
        except BaseException:
            near.close()
            self._due.pop(mine, None)
            connection.reset()
            raise
        return near

    def _befall(self, identity: str) -> dict[Direction, list[rows.ByteFault]]:
        """The rows that befall the next connection of this station."""
        self._dials[identity] += 1
        chosen: dict[Direction, list[rows.ByteFault]] = {"up": [], "down": []}
        for number, row in enumerate(self._faults.bytes):
            drawn = dice(self._faults.seed, f"{identity} bytes {number} {self._dials[identity]}").random()
            times = row.times if isinstance(row, rows.End) else None
            if drawn < row.chance and (times is None or self._spent[identity, number] < times):
                self._spent[identity, number] += 1
                for direction in (row.direction,) if row.direction else ("up", "down"):
                    chosen[direction].append(row)
        return chosen

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = self._due.pop(writer.get_extra_info("peername")[1], None)
        if connection is None:
            writer.transport.abort()
            return
        task = self._clock.loop.create_task(connection.carry(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class Connection:
    """One connection through the proxy: two flows, and how it ends."""

    def __init__(
        self, befall: dict[Direction, list[rows.ByteFault]], clock: Clock, jitter: Random, identity: str
    ) -> None:
        self._befall, self._clock, self._jitter, self._identity = befall, clock, jitter, identity
        self._writers: list[asyncio.StreamWriter] = []

    async def reach(self, host: str, port: int) -> None:
        """Its far end first: so that one that cannot be reached is told as such. Raises OSError."""
        self._far, writer = await asyncio.open_connection(host, port)
        self._writers.append(writer)

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Until both directions have ended, or one has and the other is given up."""
        self._writers.append(writer)
        up = self._flow("up", reader, self._writers[0])
        down = self._flow("down", self._far, writer)
        flows = [asyncio.ensure_future(flow.run()) for flow in (up, down)]
        try:
            await asyncio.wait(flows, return_when=asyncio.FIRST_COMPLETED)
            wait_s = self._clock.machine_s(GIVES_UP_S)
            _, unheard = await asyncio.wait(flows, timeout=wait_s)
            if not unheard:
                self.close()
        finally:
            for flow in flows:
                flow.cancel()
            await asyncio.gather(*flows, return_exceptions=True)
            self.reset()

    def _flow(self, direction: Direction, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> "Flow":
        name = f"{self._identity} {direction}"
        return Flow(self, self._befall[direction], reader, writer, self._clock, self._jitter, name)

    def reset(self) -> None:
        """At once, unless it was closed already."""
        for writer in self._writers:
            if writer.is_closing():
                continue
            near = writer.get_extra_info("socket")
            with contextlib.suppress(OSError, AttributeError):  # it has gone already
                near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_NOW)
            writer.transport.abort()

    def close(self) -> None:
        for writer in self._writers:
            writer.close()


class Flow:
    """The bytes of one direction."""

    def __init__(
        self, connection: Connection, befall: list[rows.ByteFault], reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter, clock: Clock, jitter: Random, name: str,
    ) -> None:  # fmt: skip
        self._connection, self._reader, self._writer = connection, reader, writer
        self._clock, self._dice, self._name = clock, jitter, name
        self._late = [row for row in befall if isinstance(row, rows.Latency)]
        self._bytes_per_s = min((row.bytes_per_s for row in befall if isinstance(row, rows.Bandwidth)), default=None)
        self._end = min(
            (row for row in befall if isinstance(row, rows.End)), key=lambda row: row.after_bytes, default=None
        )
        self._passed = 0
        self._ended = False
        self._held: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(HELD_MAX)

    async def run(self) -> None:
        """Until its sender has ended and all has arrived, or a fault has ended the connection."""
        filling = asyncio.ensure_future(self._fill())
        try:
            while True:
                due, data = await self._held.get()
                await self._clock.sleep(max(due - self._clock.now(), 0.0))
                if not await (self._pass(data) if data else self._finish()):
                    break
        except OSError:  # who should read it has gone
            self._connection.reset()
        finally:
            filling.cancel()
            await asyncio.gather(filling, return_exceptions=True)

    async def _fill(self) -> None:
        data = b"."
        while data:
            try:
                data = await self._reader.read(CHUNK)
            except OSError:  # a reset: passed on as an end, after what came before it
                data = b""
            late_ms = sum(row.latency_ms + row.jitter_ms * self._dice.random() for row in self._late)
            await self._held.put((self._clock.now() + late_ms / 1000, data))

    async def _pass(self, data: bytes) -> bool:
        """False: this was the end."""
        end = self._end
        left = len(data) if end is None else max(end.after_bytes - self._passed, 0)
        await self._write(data[:left])
        if end is None or len(data) <= left:
            return True
        if not self._ended:
            log.info("%s: %s after %d bytes", self._name, rows.WORDS[type(end)], end.after_bytes)
        self._ended = True
        match end:
            case rows.Reset():
                self._connection.reset()
            case rows.Truncate():
                self._connection.close()
            case rows.BlackHole():
                return True
        return False

    async def _finish(self) -> bool:
        """The sender has ended; past a black hole nobody hears of it."""
        if not self._ended and not self._writer.is_closing():
            self._writer.write_eof()
        return False

    async def _write(self, data: bytes) -> None:
        piece = max(int(self._bytes_per_s * TRICKLE_S), 1) if self._bytes_per_s else CHUNK
        for start in range(0, len(data), piece):
            part = data[start : start + piece]
            if self._bytes_per_s:
                await self._clock.sleep(len(part) / self._bytes_per_s)
            self._writer.write(part)
            self._passed += len(part)
            await self._writer.drain()
