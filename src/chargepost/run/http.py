"""One port for web pages, their API and OCPP: the first bytes of a connection decide who gets it.

A connection begins with `FirstBytes`, which reads one request header under a deadline, a size and a number of its own
(uvicorn has none of the three, so fifty clients that drip a header would hold fifty connections for ever). A WebSocket
under one of the doors goes to picows, everything else to uvicorn's protocol with the ASGI application. What was handed
over is closed here too, when the server closes.
"""

import asyncio
import contextlib
import errno
import inspect
import logging
import ssl
from base64 import b64decode
from collections.abc import Awaitable, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any, NamedTuple, cast
from urllib.parse import unquote_to_bytes

import aiofastnet
import httptools
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from chargepost.run import tls
from chargepost.run.websocket import (
    CLOSE_WAIT_S,
    GOING_AWAY,
    Admit,
    Handshake,
    Listener,
    Refusal,
    Wire,
    accept,
    basic,
    choose,
    on_uvloop,
)

PORT_TRIES = 100
"""Ports tried, one after the other, where the wished one is busy: more than one person starts on one machine."""
BACKLOG = 4096
"""Connections the system keeps for us: a whole fleet comes back at once after a restart."""
HTTP_GRACE_S = 1.0
"""What a closing server leaves to pages that are being answered; live streams would never end by themselves."""

log = logging.getLogger(__name__)


class Limits(NamedTuple):
    """What strangers may take, before anybody knows who they are."""

    header_s: float = 10.0
    """From the first moment to the end of a request header."""
    header_bytes: int = 16 * 1024
    waiting: int = 2_000
    """Connections without a whole header; past it the oldest is closed: honest ones need milliseconds."""
    http: int = 1_000
    """Connections for pages and the API at once."""
    request_s: float = 120.0
    """For a request with its body: a firmware file over a slow line."""
    request_bytes: int = 64 * 1024 * 1024
    keep_alive_s: int = 30
    """Silence after which a page's connection is closed."""
    admit_s: float = 15.0
    """For a decision about a WebSocket: an older link is pinged for 5 s first."""


class Door(NamedTuple):
    """WebSockets under a path: who decides about them, and in which subprotocols."""

    path: str
    """Ends in a slash; what follows it is the identity, one part."""
    admit: Admit
    subprotocols: tuple[str, ...] = ()
    """None: no subprotocol is negotiated."""
    end: str = ""
    """What follows the identity: pages of one station share its path, and so its cookie."""


class ServeError(Exception):
    """The port cannot be had; the text is one line for people."""


async def serve(
    host: str,
    port: int,
    app: ASGIApp | None,
    admit: Admit | None,
    *,
    ocpp_path: str = "/ocpp/",
    subprotocols: tuple[str, ...] = ("ocpp1.6", "ocpp1.5"),
    doors: Sequence[Door] = (),
    fixed: bool = False,
    limits: Limits | None = None,
    secured: ssl.SSLContext | None = None,
) -> "Server":
    """Listen on the running loop; port 0 takes a free one.

    Where the port is busy the next free one is taken, unless it is `fixed`. `doors` are more paths for WebSockets
    besides the OCPP one (pages keep one each). `secured`: by TLS, and nothing is served without. Raises ServeError.
    """
    ocpp = [Door(ocpp_path, admit, subprotocols)] if admit else []
    limits = limits or Limits()
    server = Server(app, [*ocpp, *doors], limits)
    loop = asyncio.get_running_loop()
    create = loop.create_server if on_uvloop() and not secured else partial(aiofastnet.create_server, loop)
    more = {"ssl": secured, "ssl_handshake_timeout": limits.header_s, **tls.BUFFERS} if secured else {}
    # of a name with several addresses one is served, so that there is one port
    address = {"localhost": "127.0.0.1"}.get(host, host)
    last = port if fixed or port == 0 else min(port + PORT_TRIES - 1, 65535)
    for number in range(port, last + 1):
        try:
            server.begin(host, await create(partial(FirstBytes, server), address, number, backlog=BACKLOG, **more))
            return server
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise ServeError(f"cannot listen on {host}:{number}: {error.strerror or error}") from error
    busy = f"{host}:{port} is" if last == port else f"{host}:{port} to {last} are"
    raise ServeError(f"{busy} in use by another program: give another port, or 0 for any")


class Server:
    """What listens, and everything that came of it."""

    host: str
    port: int

    def __init__(self, app: ASGIApp | None, doors: Sequence[Door], limits: Limits) -> None:
        self.doors, self.limits = doors, limits
        self.waiting: dict[FirstBytes, None] = {}
        self.wires: set[Wire] = set()
        self.state = ServerState()
        self.closing = False
        self.has_pages = app is not None
        self.config = Config(
            app or _nothing, interface="asgi3", http="httptools", ws="none", lifespan="off", log_config=None,
            access_log=False, server_header=False, proxy_headers=False, timeout_keep_alive=limits.keep_alive_s,
        )  # fmt: skip
        self.config.load()
        self.left = self._left  # one bound method for all connections
        self._empty = asyncio.Event()
        self._listening: asyncio.Server | None = None

    def begin(self, host: str, listening: asyncio.Server) -> None:
        self._listening = listening
        self.host, self.port = host, listening.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening, say goodbye (1001 on WebSockets), and cut what is left after a moment."""
        self.closing = True
        if self._listening is not None:
            self._listening.close()
        for first in list(self.waiting):
            first.refuse(Refusal(503, "the server is closing"))
        for pages in self._pages():
            pages.shutdown()
        for wire in list(self.wires):
            wire.close(GOING_AWAY, "the server is closing")
        await self._wait_empty(HTTP_GRACE_S)
        for pages in self._pages():
            pages.transport.abort()
        await self._wait_empty(CLOSE_WAIT_S)
        for wire in list(self.wires):
            wire.cut("the server closed")

    def _pages(self) -> list["Pages"]:
        return cast(list["Pages"], list(self.state.connections))

    async def _wait_empty(self, wait_s: float) -> None:
        self.left(None)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._empty.wait(), wait_s)

    def _left(self, who: object) -> None:
        """A connection is gone."""
        self.wires.discard(who)
        if self.closing:
            (self._empty.clear if self.wires or self.state.connections else self._empty.set)()


async def _nothing(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """Stands where there are no pages; never called."""


class FirstBytes(asyncio.Protocol):
    """Reads one request header and passes the transport on."""

    __slots__ = (
        "_at_work", "_complete", "_headers", "_parser", "_rest", "_seen", "_server", "_timer", "_transport",
        "_url",
    )  # fmt: skip

    def __init__(self, server: Server) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._parser: Any = httptools.HttpRequestParser(self)
        self._seen = bytearray()
        self._rest: bytearray | None = None
        self._url = b""
        self._headers: dict[str, str] = {}
        self._complete = False
        self._timer: asyncio.TimerHandle | None = None
        self._at_work: asyncio.Task[None] | None = None

    # --- of asyncio ----------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        server = self._server
        if server.closing:
            self._transport.abort()
            return
        if len(server.waiting) >= server.limits.waiting:
            next(iter(server.waiting)).refuse(Refusal(408, "too many wait"))
        server.waiting[self] = None
        self._timer = asyncio.get_running_loop().call_later(
            server.limits.header_s, self.refuse, Refusal(408, "the request did not arrive in time")
        )

    def data_received(self, data: bytes) -> None:
        if self._transport is None:  # refused, the rest is of no interest
            return
        most = self._server.limits.header_bytes
        if self._rest is not None:  # a decision is pending; an honest client waits for it
            self._rest += data
            if len(self._rest) > most:
                self._transport.abort()
            return
        self._seen += data
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if self._headers.get("upgrade", "").lower() == "websocket":
                self._decide(data[upgrade.args[0] :])
                return
        except httptools.HttpParserError:
            if not self._complete:
                hello = self._seen.startswith(b"\x16\x03")
                self.refuse(Refusal(400, "this port speaks http, not https" if hello else "this is not HTTP"))
                return
        if self._complete:
            self._hand_to_pages()
        elif len(self._seen) > most:
            self.refuse(Refusal(431, f"a request header may have {most} bytes"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        self._transport = None

    # --- of httptools --------------------------------------------------------------------------------------------

    def on_url(self, url: bytes) -> None:
        if not self._complete:
            self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._complete:
            key, text = name.decode("latin-1").lower(), value.decode("latin-1")
            self._headers[key] = f"{self._headers[key]}, {text}" if key in self._headers else text  # RFC 9110, 5.3

    def on_headers_complete(self) -> None:
        self._complete = True

    # --- parts ---------------------------------------------------------------------------------------------------

    def _forget(self) -> None:
        """It waits no longer for its header."""
        self._server.waiting.pop(self, None)
        self._parser = None  # which holds us
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def refuse(self, refusal: Refusal) -> None:
        """Answer in plain HTTP and close."""
        transport, self._transport = self._transport, None
        self._forget()
        if transport is None or transport.is_closing():
            return
        transport.write(_refusal(refusal))
        transport.close()

    def _hand_to_pages(self) -> None:
        server, transport = self._server, self._transport
        assert transport is not None
        if not server.has_pages:
            self.refuse(Refusal(404, "there are no pages here, only OCPP"))
        elif len(server.state.connections) >= server.limits.http:
            self.refuse(Refusal(503, "too many connections"))
        else:
            self._forget()
            pages = Pages(server)
            pages.connection_made(transport)
            transport.set_protocol(pages)
            pages.data_received(bytes(self._seen))

    def _decide(self, rest: bytes) -> None:
        """A WebSocket is asked for: judge the request, then ask whose door it is."""
        asked = self._judge()
        if isinstance(asked, Refusal):
            self.refuse(asked)
            return
        door, handshake, subprotocol = asked
        self._forget()
        self._rest = bytearray(rest)
        try:
            verdict = door.admit(handshake)
        except Exception:
            self._failed()
            return
        if inspect.isawaitable(verdict):
            self._at_work = asyncio.get_running_loop().create_task(self._await(verdict, subprotocol))
        else:
            self._answer(verdict, subprotocol)

    async def _await(self, verdict: Awaitable[Listener | Refusal], subprotocol: str) -> None:
        try:
            async with asyncio.timeout(self._server.limits.admit_s):
                decided = await verdict
        except TimeoutError:
            self.refuse(Refusal(503, "no decision in time"))
        except Exception:
            self._failed()
        else:
            self._answer(decided, subprotocol)

    def _failed(self) -> None:
        log.exception("deciding about a WebSocket failed")
        self.refuse(Refusal(500, "an error on our side"))

    def _answer(self, verdict: Listener | Refusal, subprotocol: str) -> None:
        transport, server = self._transport, self._server
        if isinstance(verdict, Refusal):
            self.refuse(verdict)
        elif transport is None or transport.is_closing() or server.closing:
            verdict.closed("the connection was lost before it opened", None)
            self.refuse(Refusal(503, "the server is closing"))
        else:
            key, rest = self._headers["sec-websocket-key"], bytes(self._rest or b"")
            self._transport = None
            wire = Wire(verdict, subprotocol=subprotocol, left=server.left)
            server.wires.add(wire)
            accept(transport, wire, key, rest)

    def _judge(self) -> tuple[Door, Handshake, str] | Refusal:
        headers, parser = self._headers, self._parser
        if parser.get_method() != b"GET" or parser.get_http_version() != "1.1":
            return Refusal(400, "a WebSocket begins with GET and HTTP/1.1")
        if headers.get("sec-websocket-version") != "13":
            return Refusal(426, "only version 13 of WebSocket is known")
        if not _is_key(headers.get("sec-websocket-key", "")):
            return Refusal(400, "no valid Sec-WebSocket-Key")
        found = self._find_door()
        if found is None:
            return Refusal(404, "no WebSocket here")
        door, path, identity = found
        offered = tuple(
            token.strip() for token in headers.get("sec-websocket-protocol", "").split(",") if token.strip()
        )
        subprotocol = choose(offered, door.subprotocols) if door.subprotocols else ""
        if subprotocol is None:
            return Refusal(400, f"none of the subprotocols is known here, only {', '.join(door.subprotocols)}")
        user, password = basic(headers.pop("authorization", ""), identity)
        return door, Handshake(identity, path, offered, user, password, self._peer_name(), headers), subprotocol

    def _find_door(self) -> tuple[Door, str, str] | None:
        """The door of the path, the path, and the identity: a slash within one must be written %2F."""
        try:
            path = httptools.parse_url(self._url).path.decode("ascii")
            for door in self._server.doors:
                if not (path.startswith(door.path) and path.endswith(door.end)):
                    continue
                name = path[len(door.path) : len(path) - len(door.end)]
                if "/" not in name:
                    identity = unquote_to_bytes(name).decode()
                    return (door, path, identity) if identity.isprintable() else None
        except (httptools.HttpParserInvalidURLError, UnicodeError, AttributeError):
            pass
        return None

    def _peer_name(self) -> str:
        assert self._transport is not None
        name = self._transport.get_extra_info("peername")
        return f"{name[0]}:{name[1]}" if name else ""


def _is_key(text: str) -> bool:
    try:
        return len(b64decode(text, validate=True)) == 16
    except ValueError:
        return False


MORE_HEADERS = {
    401: 'WWW-Authenticate: Basic realm="ocpp", charset="UTF-8"\r\n',
    426: "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
}


def _refusal(refusal: Refusal) -> bytes:
    status, body = HTTPStatus(refusal.status), f"{refusal.reason}\n".encode()
    return (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n{MORE_HEADERS.get(status.value, '')}Connection: close\r\n"
        f"Content-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


class Pages(HttpToolsProtocol):
    """uvicorn's protocol, with a deadline and a size for each request of a connection that is kept open."""

    def __init__(self, server: Server) -> None:
        super().__init__(server.config, server.state, {})
        self._home = server
        self._size = 0
        self._in_header = False
        self._timer: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        limits = self._home.limits
        self._size += len(data)
        super().data_received(data)
        if self._in_header and self._size > limits.header_bytes:
            self._end(Refusal(431, f"a request header may have {limits.header_bytes} bytes"))
        elif self._size > limits.request_bytes:
            self._end(Refusal(413, f"a request may have {limits.request_bytes} bytes"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait(None)
        super().connection_lost(exc)
        self._home.left(self)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_header = True
        self._wait(self._home.limits.header_s)

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._in_header = False
        self._wait(self._home.limits.request_s)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._size = 0
        self._wait(None)

    def _wait(self, deadline_s: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if deadline_s is not None:
            late = Refusal(408, "the request did not arrive in time")
            self._timer = self.loop.call_later(deadline_s, self._end, late)

    def _end(self, refusal: Refusal) -> None:
        self._wait(None)
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete:  # else an answer is under way: nothing may go between
            self.transport.write(_refusal(refusal))
            self.transport.close()
        else:
            self.transport.abort()
