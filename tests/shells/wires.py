"""Peers for tests of the wire: a listener that can be waited for, and raw sockets that say what they are told."""

import asyncio
import base64
import hashlib
import ssl
import struct
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tests.patience import PATIENCE_S

from chargepost.run.websocket import Link, dial
from chargepost.signals import Dial


class Recorder:
    """A listener that keeps what it was told."""

    def __init__(self, echo: bool = False) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.link: Link | None = None
        self._echo = echo
        self._queue: asyncio.Queue[tuple[Any, ...]] = asyncio.Queue()

    def _tell(self, *what: Any) -> None:
        self.told.append(what)
        self._queue.put_nowait(what)

    def opened(self, link: Link, subprotocol: str) -> None:
        self.link = link
        self._tell("opened", subprotocol)

    def received(self, data: bytes) -> None:
        self._tell("received", data)
        if self._echo and self.link:
            self.link.send(data)

    def ponged(self) -> None:
        self._tell("ponged")

    def closed(self, reason: str, status: int | None) -> None:
        self._tell("closed", reason, status)

    async def next(self, kind: str) -> Any:
        """The next thing told, which must be of this kind: its only value, or its values."""
        async with asyncio.timeout(PATIENCE_S):
            found, *values = await self._queue.get()
        assert found == kind, (found, *values)
        return values[0] if len(values) == 1 else tuple(values)

    async def ended(self) -> str:
        """The reason of `closed`, whatever came before; nothing may come after."""
        async with asyncio.timeout(PATIENCE_S):
            while (what := await self._queue.get())[0] != "closed":
                pass
        await asyncio.sleep(0)
        assert [name for name, *_ in self.told].count("closed") == 1
        assert self.told[-1] == what
        return str(what[1])


def dialled(url: str, subprotocols: tuple[str, ...] = ("ocpp1.6",), **more: Any) -> Recorder:
    listener = Recorder()
    options = {"user": "CP1", "password": None, "timeout_s": PATIENCE_S} | more
    trust = options.pop("trust", None)
    dial(Dial(url, subprotocols, **options), listener, trust=trust)
    return listener


class RawServer:
    """Answers each connection with a function of its reader and writer."""

    def __init__(self, answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[object]]) -> None:
        self._answer = answer
        self._tasks: list[asyncio.Task[Any]] = []

    async def __aenter__(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.append(task)
        try:
            await self._answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def read_head(reader: asyncio.StreamReader) -> dict[str, str]:
    """A request or answer head: "" is its first line."""
    async with asyncio.timeout(PATIENCE_S):
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
    return {"": first} | {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


async def upgrade(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    *more: str,
    before: Callable[[], Awaitable[None]] | None = None,
) -> dict[str, str]:
    """Answer a handshake with 101, after `before`; `more` are header lines."""
    head = await read_head(reader)
    if before:
        await before()
    digest = hashlib.sha1((head["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
    lines = [
        "HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
        "Sec-WebSocket-Accept: " + base64.b64encode(digest).decode(), *more,
    ]  # fmt: skip
    writer.write("\r\n".join([*lines, "", ""]).encode())
    return head


def request(path: str = "/ocpp/CP1", *more: str, subprotocol: str | None = "ocpp1.6", key: str | None = None) -> bytes:
    """A client's handshake."""
    lines = [
        f"GET {path} HTTP/1.1", "Host: x", "Upgrade: websocket", "Connection: keep-alive, Upgrade",
        "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: " + (key or base64.b64encode(bytes(16)).decode()),
    ]  # fmt: skip
    if subprotocol:
        lines.append(f"Sec-WebSocket-Protocol: {subprotocol}")
    return "\r\n".join([*lines, *more, "", ""]).encode()


def frame(first: int, payload: bytes = b"", mask: bool = False, length: int | None = None) -> bytes:
    """One frame: `first` is its first byte, fin, reserved bits and opcode."""
    size = len(payload) if length is None else length
    flag = 0x80 if mask else 0
    if size < 126:
        head = struct.pack("!BB", first, flag | size)
    elif size < 65536:
        head = struct.pack("!BBH", first, flag | 126, size)
    else:
        head = struct.pack("!BBQ", first, flag | 127, size)
    return head + (b"\0\0\0\0" if mask else b"") + payload


async def read_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """First byte and payload of the next frame."""
    async with asyncio.timeout(PATIENCE_S):
        first, size = await reader.readexactly(2)
        mask = size & 0x80
        size &= 0x7F
        if size >= 126:
            size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8), "big")
        key = await reader.readexactly(4) if mask else b"\0\0\0\0"
        payload = await reader.readexactly(size)
    return first, bytes(byte ^ key[n % 4] for n, byte in enumerate(payload))


async def read_close(reader: asyncio.StreamReader) -> int:
    """The code of the closing frame, past whatever comes before it."""
    while True:
        first, payload = await read_frame(reader)
        if first == 0x88:
            return int.from_bytes(payload[:2], "big")


def certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A self-signed certificate of this machine: the server's context, and that of a client who trusts it."""
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-keyout", key, "-out", cert],
        check=True, capture_output=True,
    )  # fmt: skip
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(cert, key)
    return server, ssl.create_default_context(cafile=str(cert))
