"""A network cable between two peers that can be pulled: a TCP relay on loopback.

While it is out both ends keep their sockets and hear nothing, neither bytes nor an end; what is sent is lost. A new
connection is taken (a loopback cannot do otherwise) and finds silence. Once back, a link that lost something stays
dead, as no TCP goes on over a gap; one that was quiet meanwhile goes on.
"""

import asyncio
import contextlib
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from tests.shells.peers.record import News

CHUNK = 65536


class Cable(News):
    """`url` is the way through the cable to the URL it was made for."""

    url: str

    def __init__(self, target: str) -> None:
        super().__init__()
        parts = urlsplit(target)
        assert parts.hostname
        assert parts.port
        self._host, self._port, self._path = parts.hostname, parts.port, parts.path
        self.is_out = False
        self.lost_bytes = 0
        """Swallowed so far: proof that both ends were cut off while they spoke."""
        self._links: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        self.url = f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}{self._path}"
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._server.close()
        links = list(self._links)
        for link in links:
            link.cancel()
        await asyncio.gather(*links, return_exceptions=True)

    def pull(self) -> None:
        self.is_out = True

    def plug(self) -> None:
        self.is_out = False

    def swallowed(self, data: bytes) -> None:
        self.lost_bytes += len(data)
        self.tell()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._links.add(task)
        try:
            with contextlib.suppress(asyncio.CancelledError):  # else the server complains of its own end
                await (self._swallow(reader) if self.is_out else self._carry(reader, writer))
        finally:
            writer.transport.abort()
            self._links.discard(task)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = _Link(self)
        far_reader, far_writer = await asyncio.open_connection(self._host, self._port)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(link.carry(reader, far_writer))
                both.create_task(link.carry(far_reader, writer))
        except* ConnectionError:
            pass
        finally:
            far_writer.transport.abort()

    async def _swallow(self, reader: asyncio.StreamReader) -> None:
        """A new connection while the cable is out: nobody is there."""
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(CHUNK):
                self.swallowed(data)


class _Link:
    """One connection through the cable."""

    def __init__(self, cable: Cable) -> None:
        self._cable = cable
        self._dead = False

    async def carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        """Bytes and the end of the stream, as long as the cable is in. A dead link never ends by itself."""
        while data := await self._read(source):
            self._dead = self._dead or self._cable.is_out
            if self._dead:
                self._cable.swallowed(data)
                continue
            target.write(data)
            await target.drain()
        if self._dead or self._cable.is_out:
            self._dead = True
            await asyncio.Future()  # the other end is never told
        with contextlib.suppress(OSError):
            target.write_eof()

    async def _read(self, source: asyncio.StreamReader) -> bytes:
        try:
            return await source.read(CHUNK)
        except ConnectionError:
            if self._dead or self._cable.is_out:
                return b""
            raise
