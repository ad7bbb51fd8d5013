"""OCPP-J's wire: one WebSocket, as a client and as a server (RFC 6455; OCPP-J 1.6, chapter 3).

picows splits the bytes into frames, by callbacks and without a task per connection. It does no more than that, so here
fragments are joined, text is checked, reserved bits are refused, the subprotocol is compared and everything is bounded.
Compression is never offered and never accepted.
"""

import asyncio
import contextlib
import errno
import logging
import re
import socket
import ssl
from base64 import b64decode, b64encode
from binascii import Error as NotBase64Error
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, cast
from urllib.parse import SplitResult, unquote_to_bytes, urlsplit

from picows import (
    WSAutoPingStrategy,
    WSCloseCode,
    WSFrame,
    WSHandshakeError,
    WSListener,
    WSMsgType,
    WSTransport,
    WSUpgradeResponse,
    WSUpgradeResponseWithListener,
    ws_connect,
)
from picows.picows import WSProtocol  # type: ignore[attr-defined]  # not a public name: hence the pin ~=2.3

from chargepost.run import tls
from chargepost.signals import Dial

MESSAGE_MAX = 1024 * 1024
"""Bytes of one message, fragments together: the longest OCPP 1.6 message, a full local list, stays well below."""
UNSENT_MAX = 2 * MESSAGE_MAX
"""Bytes the system has not taken from us yet. Who reads so slowly is cut off, else one peer could take all memory."""
CLOSE_WAIT_S = 5.0
"""How long a peer may take to answer our closing before the connection is cut."""
PICOWS_LATER_S = 5.0
"""What picows' own time-out of a handshake comes after ours, which then has cancelled it."""
READ_BUFFER = 2048
"""Of each connection, at first: it grows with the first long message. picows allows no less."""

NORMAL, GOING_AWAY, PROTOCOL_ERROR, NOT_TEXT, BAD_TEXT, TOO_BIG, OWN_ERROR = 1000, 1001, 1002, 1003, 1007, 1009, 1011
"""Close codes (RFC 6455, 7.4.1)."""

log = logging.getLogger(__name__)

# picows' own lines show headers, so also passwords, and cost a Logger for each connection unless it is an adapter
_silent = logging.getLogger(__name__ + ".frames")
_silent.setLevel(logging.CRITICAL)
_SILENT = logging.LoggerAdapter(_silent, {})


def _is_news(record: logging.LogRecord) -> bool:
    """Not so a TLS handshake that failed: aiofastnet reports it as a fault of the program, peers fail often."""
    return not record.getMessage().startswith("SSL handshake failed")


logging.getLogger("asyncio").addFilter(_is_news)


class Link(Protocol):
    """An open WebSocket, to be used on its own loop's thread. After it closed, calls do nothing."""

    def send(self, data: bytes) -> None:
        """Send one text message (UTF-8)."""

    def ping(self) -> None: ...

    def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Start closing; `closed` follows once the peer agreed, or after `CLOSE_WAIT_S`."""


class Listener(Protocol):
    """Told what happens on one connection: `opened` at most once, and exactly one `closed` at the end."""

    def opened(self, link: Link, subprotocol: str) -> None:
        """`subprotocol` is empty when the other side named none."""

    def received(self, data: bytes) -> None:
        """One whole text message, valid UTF-8."""

    def ponged(self) -> None: ...

    def closed(self, reason: str, status: int | None) -> None:
        """Why, in words for people; `status` is the HTTP status where a handshake was refused."""


class Wire(WSListener):
    """One connection: a picows listener on one side, a `Link` on the other. One object, since there are thousands."""

    __slots__ = ("_deadline", "_left", "_listener", "_offered", "_partial", "_reason", "_transport", "subprotocol")

    def __init__(
        self,
        listener: Listener,
        *,
        offered: Sequence[str] | None = None,
        subprotocol: str = "",
        left: Callable[["Wire"], None] | None = None,
    ) -> None:
        """A client says what it `offered`; a server has already chosen the `subprotocol`.

        `left` is called when the connection is gone, after the listener was told.
        """
        self._listener: Listener | None = listener
        self._left = left
        self._offered = offered
        self.subprotocol = subprotocol
        self._transport: WSTransport | None = None
        self._partial: bytearray | None = None
        self._reason = ""
        self._deadline: asyncio.TimerHandle | None = None

    # --- Link ----------------------------------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        if (transport := self._transport) is not None:
            try:
                transport.send(WSMsgType.TEXT, data)
                self._bound_unsent(transport)
            except RuntimeError:  # uvloop: the transport has closed
                self._find_gone(transport)

    def ping(self) -> None:
        if (transport := self._transport) is not None:
            try:
                transport.send_ping()
                self._bound_unsent(transport)
            except RuntimeError:
                self._find_gone(transport)

    def close(self, code: int = NORMAL, reason: str = "") -> None:
        transport = self._transport
        if transport is None or self._deadline is not None:
            return
        if not transport.is_close_frame_sent:  # picows may have begun, without a deadline
            self._reason = self._reason or f"we closed: {code} {reason}".rstrip()
            try:
                transport.send_close(cast(WSCloseCode, code), _at_most(reason.encode(), 123))  # RFC 6455, 5.5
            except RuntimeError:
                self._find_gone(transport)
                return
        self._deadline = asyncio.get_running_loop().call_later(CLOSE_WAIT_S, self.cut)

    def cut(self, reason: str = "") -> None:
        """End the connection at once, whatever is unsent."""
        self._reason = self._reason or reason
        if (transport := self._transport) is not None:
            try:
                transport.disconnect(False)
            except RuntimeError:
                self._find_gone(transport)

    def _find_gone(self, transport: WSTransport) -> None:
        """The connection has closed and nobody has told us; soon, for a listener may be at work just now."""
        asyncio.get_running_loop().call_soon(self._gone, transport)

    def _gone(self, transport: WSTransport) -> None:
        if self._transport is transport:
            self.on_ws_disconnected(transport)

    def end(self, reason: str, status: int | None = None) -> None:
        """Tell the listener, the first time, that it is over."""
        listener, self._listener = self._listener, None
        if listener is not None:
            _guarded(listener.closed, reason, status)

    @property
    def is_open(self) -> bool:
        return self._transport is not None

    # --- picows' callbacks ---------------------------------------------------------------------------------------

    def on_ws_connected(self, transport: WSTransport) -> None:
        if self._listener is None:  # given up in the meantime
            transport.disconnect(False)
            return
        self._transport = transport
        if self._offered is not None:
            headers = transport.response.headers
            self.subprotocol = headers.get("Sec-WebSocket-Protocol", "")
            if self.subprotocol and self.subprotocol not in self._offered:
                self._reason = (
                    f"the central system chose the subprotocol {self.subprotocol!r}, "
                    f"but only {', '.join(self._offered) or 'none'} was offered"
                )
                self.close(PROTOCOL_ERROR, "a subprotocol that was not offered")
                return
            if "Sec-WebSocket-Extensions" in headers:
                self._reason = "the central system chose a WebSocket extension, but none was offered"
                self.close(PROTOCOL_ERROR, "an extension that was not offered")
                return
        for head in (transport.request, transport.response):  # several KB of no more use
            head.headers = cast(Any, None)
        transport.request.path = b""
        _guarded(self._listener.opened, self, self.subprotocol)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        kind = frame.msg_type
        if kind == WSMsgType.CLOSE:
            self._answer_close(transport, frame.get_payload_as_bytes())
        elif transport.is_close_frame_sent or self._listener is None:
            pass  # we said goodbye: only the answer to that counts
        elif frame.rsv1 or frame.rsv2 or frame.rsv3:
            self.close(PROTOCOL_ERROR, "a reserved bit is set, no extension is in use")
        elif kind == WSMsgType.TEXT:
            if self._partial is not None:
                self.close(PROTOCOL_ERROR, "a new message began inside another")
            elif frame.fin:
                self._deliver(frame.get_payload_as_bytes())
            else:
                self._partial = bytearray(frame.get_payload_as_memoryview())
        elif kind == WSMsgType.CONTINUATION:
            self._continue(frame)
        elif kind == WSMsgType.PING:
            transport.send_pong(frame.get_payload_as_bytes())
            self._bound_unsent(transport)
        elif kind == WSMsgType.PONG:
            _guarded(self._listener.ponged)
        else:
            self.close(NOT_TEXT, "OCPP-J is text")

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        handshake = transport.close_handshake
        if not self._reason and handshake is not None and handshake.sent is not None:
            # picows found the fault by itself: framing, length, mask
            self._reason = f"we closed: {int(cast(int, handshake.sent.code))} {handshake.sent.reason}".rstrip()
            if transport.is_client_side:
                _keep(asyncio.ensure_future(_forget_error(transport)))
        self._transport = self._partial = None
        self.end(self._reason or "the connection was lost")
        left, self._left = self._left, None
        if left is not None:
            left(self)

    def pause_writing(self) -> None:
        """Senders cannot be slowed down: `_bound_unsent` cuts those who do not read."""

    def resume_writing(self) -> None: ...

    # --- parts ---------------------------------------------------------------------------------------------------

    def _continue(self, frame: WSFrame) -> None:
        if self._partial is None:
            self.close(PROTOCOL_ERROR, "a fragment without a beginning")
        elif len(self._partial) + frame.payload_size > MESSAGE_MAX:
            self._partial = None
            self.close(TOO_BIG, f"a message may have {MESSAGE_MAX} bytes")
        else:
            self._partial += frame.get_payload_as_memoryview()
            if frame.fin:
                data, self._partial = bytes(self._partial), None
                self._deliver(data)

    def _deliver(self, data: bytes) -> None:
        if not data.isascii():
            try:
                data.decode()
            except UnicodeDecodeError:
                self.close(BAD_TEXT, "text must be UTF-8")
                return
        assert self._listener is not None
        _guarded(self._listener.received, data)

    def _answer_close(self, transport: WSTransport, payload: bytes) -> None:
        code = int.from_bytes(payload[:2], "big") if payload else NORMAL
        words = f"{code} {payload[2:].decode()}".rstrip() if payload else "without a code"
        self._reason = self._reason or f"the other side closed: {words}"
        if not transport.is_close_frame_sent:
            transport.send_close(cast(WSCloseCode, code))
        transport.disconnect()
        if self._deadline is None:
            self._deadline = asyncio.get_running_loop().call_later(CLOSE_WAIT_S, self.cut)

    def _bound_unsent(self, transport: WSTransport) -> None:
        if transport.underlying_transport.get_write_buffer_size() > UNSENT_MAX:
            self.cut(f"the other side does not read: {UNSENT_MAX} bytes wait for it")


def _at_most(text: bytes, size: int) -> str:
    return text[:size].decode(errors="ignore")


def _guarded(tell: Callable[..., None], *what: object) -> None:
    """A fault of the listener is logged here; it must not reach other connections."""
    try:
        tell(*what)
    except Exception:
        log.exception("a listener failed")


async def _forget_error(transport: WSTransport) -> None:
    """picows keeps what the peer did wrong for a waiter; the listener was told already."""
    with contextlib.suppress(Exception):
        await transport.wait_disconnected()


_tasks: set[asyncio.Future[Any]] = set()


def _keep(task: asyncio.Future[Any]) -> None:
    """The loop itself holds its tasks only weakly."""
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


def on_uvloop() -> bool:
    """Else aiofastnet carries the bytes: it is cheaper than the standard loop, and dearer than uvloop.

    TLS it carries better than either at a server, and dearer than uvloop at a client (see `tls.client`).
    """
    return type(asyncio.get_running_loop()).__module__.startswith("uvloop")


# --- the client -----------------------------------------------------------------------------------------------------


Way = Callable[[str, int], Awaitable[socket.socket]]
"""A connected socket that leads to this host and port; raises OSError."""


def dial(
    dial: Dial, listener: Listener, *, trust: ssl.SSLContext | None = None, way: Way | None = None
) -> asyncio.Task[None]:
    """Start connecting on the running loop; the listener is told `opened`, or `closed` with the reason in words.

    Cancelling the returned task gives a dial up that is not yet open. `trust` replaces the dial's roots and the
    system's, `way` the direct connection.
    """
    task = asyncio.get_running_loop().create_task(_dial(dial, Wire(listener, offered=dial.subprotocols), trust, way))
    _keep(task)
    return task


async def _dial(dial: Dial, wire: Wire, trust: ssl.SSLContext | None, way: Way | None) -> None:
    try:
        url = _split(dial.url)
    except ValueError as error:
        wire.end(str(error))
        return
    secure = url.scheme == "wss"
    headers = _headers(dial, url)
    try:
        async with asyncio.timeout(dial.timeout_s):
            await ws_connect(
                lambda: wire,
                url._replace(netloc=url.netloc.rpartition("@")[2]).geturl() if "@" in dial.url else dial.url,
                ssl_context=(trust or tls.client(dial.accept_self_signed, dial.roots)) if secure else None,
                websocket_handshake_timeout=dial.timeout_s + PICOWS_LATER_S,  # its own would be nobody's exception
                logger_name=_SILENT,
                enable_auto_pong=False,
                max_frame_size=MESSAGE_MAX,
                extra_headers=headers,
                max_redirects=0,  # never carry a password elsewhere
                socket_factory=(lambda to: way(to.host, to.port)) if way else None,
                read_buffer_init_size=READ_BUFFER,
                use_aiofastnet=not on_uvloop(),
                **(tls.BUFFERS if secure and not on_uvloop() else {}),
            )
    except asyncio.CancelledError:
        if not wire.is_open:
            wire.end("dialling was given up")
        raise
    except Exception as error:  # whatever a socket, TLS, a name server or a peer can do
        if not wire.is_open:
            wire.end(*_in_words(error, dial, url))
    else:
        if not wire.is_open:  # closed before or while it opened; the latter was told already
            wire.end(f"{_place(url)} closed the connection without an answer: is it an OCPP-J server?")
    finally:
        headers.clear()  # picows keeps the list as long as the connection


def _split(text: str) -> SplitResult:
    """Raises ValueError, in words, for anything that is no WebSocket URL."""
    remedy = "give ws://HOST[:PORT]/PATH or wss://HOST[:PORT]/PATH"
    try:
        url = urlsplit(text)
        fits = url.scheme in ("ws", "wss") and url.hostname and url.port != 0 and not url.fragment
    except ValueError:  # a port that is no port, an address that is none
        fits = False
    if not fits or re.search(r"[\x00-\x20\x7f]", text):
        raise ValueError(f"the address of the central system is not a WebSocket URL: {remedy}")
    return url


def _headers(dial: Dial, url: SplitResult) -> list[tuple[str, str]]:
    headers = []
    if dial.subprotocols:
        headers.append(("Sec-WebSocket-Protocol", ", ".join(dial.subprotocols)))
    user, password = dial.user.encode(), dial.password
    if password is None and url.password is not None:
        user, password = unquote_to_bytes(url.username or ""), unquote_to_bytes(url.password)
    if password is not None:
        headers.append(("Authorization", "Basic " + b64encode(user + b":" + password).decode()))
    return headers


def _place(url: SplitResult) -> str:
    return f"{url.hostname}:{url.port or (443 if url.scheme == 'wss' else 80)}"


REFUSALS = {
    400: "the handshake is refused: does it know one of the subprotocols {subprotocols}?",
    401: "the user or the password is refused",
    403: "access is refused",
    404: "{path} is not known there: check the identity and the path",
    426: "it wants another version of the protocol",
    429: "too many attempts: it wants to be left alone for a while",
    503: "it is not available now",
}
"""What an HTTP status means where a WebSocket was asked for (OCPP-J 1.6, 3.2 and 3.3)."""

UNREACHED = {
    errno.ECONNREFUSED: "nothing listens on {place}: is the central system running, is the port right?",
    errno.ENETUNREACH: "there is no way to the network of {place}",
    errno.EHOSTUNREACH: "{place} cannot be reached",
    errno.ETIMEDOUT: "{place} does not answer",
    errno.ECONNRESET: "{place} cut the connection off",
}


def _in_words(error: Exception, dial: Dial, url: SplitResult) -> tuple[str, int | None]:
    """What went wrong, for a person who has to put it right; and the HTTP status when there was one."""
    place = _place(url)
    match error:
        case WSHandshakeError():
            line = (error.raw_header or b"").partition(b"\r\n")[0]
            found = re.match(rb"HTTP/1\.\d (\d{3})\b", line)
            status = int(found[1]) if found else None
            if status is None or status == 101:
                return f"{place} does not speak WebSocket: {error}", None
            words = "it points to another address: set that one" if status // 100 == 3 else REFUSALS.get(status)
            words = words or line[13:].decode("ascii", "replace") or "no reason given"
            words = words.format(path=url.path or "/", subprotocols=", ".join(dial.subprotocols))
            return f"HTTP {status} from {place}: {words}", status
        case ssl.SSLError():
            return tls.in_words(error, place, dial.roots), None
        case ConnectionResetError() if url.scheme == "wss":
            return f"no TLS with {place}, it ended the handshake: is it a wss port?", None
        case socket.gaierror():
            return f"the name {url.hostname} does not resolve: check the address and the name server", None
        case TimeoutError():
            return f"{place} did not answer within {dial.timeout_s:g} s", None
        case OSError():
            # where a name has several addresses, the loop only gives a text with each one's error
            found_errno = error.errno or next((n for n in UNREACHED if f"Errno {n}]" in str(error)), None)
            if found_errno in UNREACHED:
                return UNREACHED[found_errno].format(place=place), None
    return f"no connection to {place}: {error}", None


# --- the server, once the request is read ---------------------------------------------------------------------------


class Handshake(NamedTuple):
    """Who asks for a WebSocket, before anything was promised."""

    identity: str
    """The last part of the path, percent-decoded."""
    path: str
    subprotocols: tuple[str, ...]
    """As asked for, in order of preference."""
    user: str | None
    password: bytes | None
    """HTTP Basic. Never to be logged."""
    peer: str
    """Address and port."""
    headers: Mapping[str, str] = {}
    """All but the authorization, names in lower case."""


class Refusal(NamedTuple):
    """The handshake is answered with this HTTP status (400 and up) and these words."""

    status: int
    reason: str


Admit = Callable[[Handshake], Listener | Refusal | Awaitable[Listener | Refusal]]
"""Decides about a handshake; may take its time (to ping an older link, say) by being a coroutine function."""


def choose(offered: Sequence[str], known: Sequence[str]) -> str | None:
    """The first subprotocol of the client's list that the server knows, by its exact token (OCPP-J 1.6, 3.3)."""
    return next((token for token in offered if token in known), None)


def basic(header: str, identity: str) -> tuple[str | None, bytes | None]:
    """User and password of an Authorization header; (None, None) for none, or one that cannot be read.

    The password may be any bytes. The user must not contain a colon, except as far as the identity does.
    """
    scheme, _, coded = header.partition(" ")
    try:
        if scheme.lower() != "basic":
            return None, None
        plain = b64decode(coded.strip(), validate=True)
        user = identity.encode() if plain.startswith(identity.encode() + b":") else plain.partition(b":")[0]
        if not plain.startswith(user + b":"):
            return None, None
        return user.decode(), plain[len(user) + 1 :]
    except (NotBase64Error, UnicodeError, ValueError):
        return None, None


def accept(transport: asyncio.Transport, wire: Wire, key: str, rest: bytes) -> None:
    """Answer a checked handshake with 101 and pass the transport on; `rest` is what came after the request."""

    def answer(_: object) -> WSUpgradeResponseWithListener:
        headers = {"Sec-WebSocket-Protocol": wire.subprotocol} if wire.subprotocol else None
        return WSUpgradeResponseWithListener(WSUpgradeResponse.create_101_response(headers), wire)

    protocol = WSProtocol(
        None, None, False, answer, _SILENT, True, None, False, 20, 20, WSAutoPingStrategy.PING_WHEN_IDLE,
        False, MESSAGE_MAX, None, READ_BUFFER,
    )  # fmt: skip
    protocol.connection_made(transport)
    # the request itself was read and judged already; picows needs its essence only
    _feed(
        protocol,
        b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key.encode() + b"\r\n\r\n",
    )
    transport.set_protocol(protocol)
    _feed(protocol, rest)


def _feed(protocol: asyncio.BufferedProtocol, data: bytes) -> None:
    while data:
        room = cast(memoryview, protocol.get_buffer(-1))
        part = data[: len(room)]
        room[: len(part)] = part
        protocol.buffer_updated(len(part))
        data = data[len(part) :]
