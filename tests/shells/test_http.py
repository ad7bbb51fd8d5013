"""One port for pages and OCPP: who gets in, who is kept out, and what strangers may take (reliability, finding 5)."""

import asyncio
import contextlib
import shutil
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from tests.patience import PATIENCE_S
from tests.shells.wires import Recorder, certificate, frame, read_frame, read_head, request
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from chargepost.run import http
from chargepost.run.http import Door, Limits, ServeError, Server, serve
from chargepost.run.websocket import Handshake, Listener, Refusal

BOTH_LOOPS = True
OCPP16, OCPP201 = Subprotocol("ocpp1.6"), Subprotocol("ocpp2.0.1")


async def hello(request: Request) -> Response:
    return PlainTextResponse(f"{request.method} {request.url.path} {len(await request.body())}")


async def stream(_: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        yield b"first"
        await asyncio.get_running_loop().create_future()

    return StreamingResponse(parts())


PAGES = Starlette(routes=[Route("/stream", stream), Route("/{path:path}", hello, methods=["GET", "POST"])])


class Desk:
    """Decides about handshakes: CP1 with its password gets in."""

    def __init__(self) -> None:
        self.asked: list[Handshake] = []
        self.listeners: list[Recorder] = []

    def __call__(self, handshake: Handshake) -> Listener | Refusal:
        self.asked.append(handshake)
        if handshake.identity != "CP1":
            return Refusal(404, "unknown station")
        if handshake.password != b"secret":
            return Refusal(401, "wrong password")
        self.listeners.append(Recorder(echo=True))
        return self.listeners[-1]


@contextlib.asynccontextmanager
async def serving(admit: Any = None, app: Any = PAGES, **more: Any) -> AsyncIterator[Server]:
    server = await serve("127.0.0.1", 0, app, admit or Desk(), **more)
    try:
        yield server
    finally:
        await server.close()


def dialled(
    server: Server, path: str = "/ocpp/CP1", user: str = "CP1", password: str = "secret", **more: Any
) -> connect:
    options: dict[str, Any] = {"subprotocols": [OCPP16], "proxy": None} | more
    scheme = "wss" if "ssl" in options else "ws"
    headers = {"Authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()}
    return connect(f"{scheme}://127.0.0.1:{server.port}{path}", additional_headers=headers, **options)


async def refused(server: Server, *args: str, **more: Any) -> tuple[int, str]:
    """Status and body of the refusal."""
    with pytest.raises(InvalidStatus) as error:
        await dialled(server, *args, **more)
    return error.value.response.status_code, (error.value.response.body or b"").decode()


async def raw(server: Server, data: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(data)
    return reader, writer


async def to_the_end(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(PATIENCE_S):
        return await reader.read()


# --- who gets in ----------------------------------------------------------------------------------------------------


async def test_pages_and_ocpp_share_the_port() -> None:
    desk = Desk()
    async with serving(desk) as server, httpx2.AsyncClient(trust_env=False) as client:
        url = f"http://127.0.0.1:{server.port}"
        async with dialled(server) as station:
            assert (await client.get(f"{url}/a%20b")).text == "GET /a b 0"
            await station.send("[2]")
            assert (await client.post(f"{url}/p", content=b"x" * 300_000)).text == "POST /p 300000"  # kept alive
            assert await station.recv() == "[2]"
            assert station.subprotocol == OCPP16
            assert (await client.get(f"{url}/ocpp/CP1")).text == "GET /ocpp/CP1 0"  # no upgrade: a page
        assert (await desk.listeners[0].ended()).startswith("the other side closed: 1000")
        assert not server.wires


async def test_requests_in_one_packet_are_all_answered() -> None:
    async with serving() as server:
        reader, writer = await raw(server, b"GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n")
        for path in (b"/1", b"/2"):
            async with asyncio.timeout(PATIENCE_S):
                assert await reader.readuntil(b"GET " + path + b" 0")
        writer.close()


async def test_a_header_may_come_byte_by_byte_and_frames_right_behind_it() -> None:
    desk = Desk()
    async with serving(desk) as server:
        authorization = "Authorization: Basic " + b64encode(b"CP1:secret").decode()
        reader, writer = await raw(server)
        for byte in request("/ocpp/CP1", authorization):
            writer.write(bytes([byte]))
            await writer.drain()
        head = await read_head(reader)
        assert head["sec-websocket-protocol"] == "ocpp1.6"
        writer.close()
        reader, writer = await raw(server, request("/ocpp/CP1", authorization) + frame(0x81, b"[2]", mask=True))
        await read_head(reader)
        assert await read_frame(reader) == (0x81, b"[2]")
        writer.close()


@pytest.mark.parametrize(
    ("args", "more", "status", "words"),
    [
        (("/ocpp/CP2",), {}, 404, "unknown station"),
        (("/ocpp/",), {}, 404, "unknown station"),
        (("/ocpp/CP1/x",), {}, 404, "no WebSocket here"),
        (("/ocpp/%FF",), {}, 404, "no WebSocket here"),
        (("/ocpp/CP1%00",), {}, 404, "no WebSocket here"),
        (("/OCPP/CP1",), {}, 404, "no WebSocket here"),
        (("/elsewhere",), {}, 404, "no WebSocket here"),
        (("/ocpp/CP1", "CP1", "wrong"), {}, 401, "wrong password"),
        (("/ocpp/CP1",), {"subprotocols": [OCPP201]}, 400, "only ocpp1.6, ocpp1.5"),
        (("/ocpp/CP1",), {"subprotocols": ["OCPP1.6"]}, 400, "only ocpp1.6, ocpp1.5"),
        (("/ocpp/CP1",), {"subprotocols": None}, 400, "only ocpp1.6, ocpp1.5"),
    ],
)
async def test_j_3_2_a_handshake_is_refused_with_its_status(
    args: tuple[str, ...], more: dict[str, Any], status: int, words: str
) -> None:
    async with serving() as server:
        found, body = await refused(server, *args, **more)
        assert found == status
        assert words in body


async def test_a_refused_password_names_the_scheme() -> None:
    async with serving() as server:
        with pytest.raises(InvalidStatus) as error:
            await dialled(server, password="wrong")
        assert error.value.response.headers["WWW-Authenticate"].startswith("Basic ")


@pytest.mark.parametrize(
    ("offered", "chosen"), [([OCPP201, OCPP16], OCPP16), ([Subprotocol("ocpp1.5"), OCPP16], Subprotocol("ocpp1.5"))]
)
async def test_j_3_3_the_server_answers_one_subprotocol(offered: list[Subprotocol], chosen: Subprotocol) -> None:
    desk = Desk()
    async with serving(desk) as server, dialled(server, subprotocols=offered) as station:
        assert station.subprotocol == chosen
        assert desk.asked[0].subprotocols == tuple(offered)
        assert await desk.listeners[0].next("opened") == chosen


@pytest.mark.parametrize(
    ("path", "identity"),
    [("/ocpp/RDAM%20123", "RDAM 123"), ("/ocpp/a%2Fb", "a/b"), ("/ocpp/%C3%A9", "é"), ("/ocpp/x?y=/z", "x")],
)
async def test_j_3_1_the_identity_is_percent_decoded(path: str, identity: str) -> None:
    desk = Desk()
    async with serving(desk) as server:
        assert (await refused(server, path, "me", "a:b"))[0] == 404
    (asked,) = desk.asked
    assert asked.identity == identity
    assert asked.path == path.partition("?")[0]
    assert (asked.user, asked.password) == ("me", b"a:b")
    assert asked.peer.startswith("127.0.0.1:")
    assert asked.headers["upgrade"] == "websocket"
    assert "authorization" not in asked.headers


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (request(key="c2hvcnQ="), 400),
        (request(key="!!"), 400),
        (request("/ocpp/CP1", "Sec-WebSocket-Key: " + b64encode(bytes(16)).decode()), 400),  # twice
        (request().replace(b"13", b"8"), 426),
        (request().replace(b"HTTP/1.1", b"HTTP/1.0"), 400),
        (request().replace(b"GET", b"POST"), 400),
        (b"SSH-2.0-OpenSSH_9\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"GET / HTTP/1.1\r\nno header\r\n\r\n", 400),
        (b"GET /" + b"x" * 20_000, 431),
        (b"GET / HTTP/1.1\r\nx: " + b"x" * 20_000, 431),
    ],
)
async def test_what_is_no_request_is_answered_and_closed(data: bytes, status: int) -> None:
    async with serving() as server:
        reader, writer = await raw(server, data)
        answer = await to_the_end(reader)
        assert answer.startswith(f"HTTP/1.1 {status} ".encode())
        if data.startswith(b"\x16"):
            assert b"not https" in answer
        writer.close()


async def test_without_pages_only_ocpp_is_answered() -> None:
    async with serving(app=None) as server:
        async with dialled(server) as station:
            await station.send("x")
            assert await station.recv() == "x"
        async with httpx2.AsyncClient(trust_env=False) as client:
            assert (await client.get(f"http://127.0.0.1:{server.port}/")).status_code == 404


async def test_more_doors_lead_to_other_listeners() -> None:
    """Pages keep a WebSocket each, without a subprotocol, past the stations' own path."""
    page = Recorder(echo=True)
    async with serving(doors=[Door("/live/", lambda _: page)]) as server:
        async with dialled(server, "/live/1", subprotocols=None) as tab:
            await tab.send("?")
            assert await tab.recv() == "?"
            assert tab.subprotocol is None
        assert await page.next("opened") == ""
        assert (await refused(server, "/ocpp/CP2"))[0] == 404


# --- a decision that takes its time ---------------------------------------------------------------------------------


class SlowDesk:
    """Asks for time; the test says when it is over."""

    def __init__(self) -> None:
        self.listener = Recorder(echo=True)
        self.asked = asyncio.Event()
        self.verdict: asyncio.Future[Listener | Refusal] = asyncio.get_running_loop().create_future()

    async def __call__(self, handshake: Handshake) -> Listener | Refusal:
        if handshake.identity == "fast":
            return Recorder(echo=True)
        self.asked.set()
        return await self.verdict


async def test_a_slow_decision_holds_nobody_else_up() -> None:
    desk = SlowDesk()
    async with serving(desk) as server:
        reader, writer = await raw(server, request() + frame(0x81, b"early", mask=True))
        await desk.asked.wait()
        async with dialled(server, "/ocpp/fast") as other:
            await other.send("x")
            assert await other.recv() == "x"
        writer.write(frame(0x81, b"still early", mask=True))
        await writer.drain()
        desk.verdict.set_result(desk.listener)
        await read_head(reader)
        assert await read_frame(reader) == (0x81, b"early")
        assert await read_frame(reader) == (0x81, b"still early")
        writer.close()


async def test_a_slow_decision_may_refuse() -> None:
    desk = SlowDesk()
    async with serving(desk) as server:
        desk.verdict.set_result(Refusal(409, "the older link is alive"))
        assert await refused(server) == (409, "the older link is alive\n")


async def test_who_leaves_during_the_decision_is_told_as_closed() -> None:
    """The slot that was given away is free again: never `opened`, but `closed`."""
    desk = SlowDesk()
    async with serving(desk) as server:
        _, writer = await raw(server, request())
        await desk.asked.wait()
        writer.transport.abort()
        async with dialled(server, "/ocpp/fast"):  # by then our side knows
            pass
        desk.verdict.set_result(desk.listener)
        assert "before it opened" in await desk.listener.ended()
        assert len(desk.listener.told) == 1


async def test_who_floods_during_the_decision_is_cut_off() -> None:
    desk = SlowDesk()
    async with serving(desk) as server:
        reader, writer = await raw(server, request())
        await desk.asked.wait()
        writer.write(b"x" * 100_000)
        with contextlib.suppress(ConnectionError):
            assert await to_the_end(reader) == b""
        desk.verdict.set_result(desk.listener)
        assert "before it opened" in await desk.listener.ended()


async def test_a_decision_that_never_comes_is_a_refusal() -> None:
    async with serving(SlowDesk(), limits=Limits(admit_s=0.02)) as server:
        assert (await refused(server))[0] == 503


async def test_a_decision_that_fails_is_our_error_and_shows_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: Handshake) -> Listener:
        raise RuntimeError("inner words")

    async def fail_late(_: Handshake) -> Listener:
        raise RuntimeError("inner words")

    for admit in (fail, fail_late):
        async with serving(admit) as server:
            status, body = await refused(server)
            assert status == 500
            assert "inner words" not in body
    assert caplog.text.count("inner words") >= 2


# --- what strangers may take ----------------------------------------------------------------------------------------


async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """A byte of a header now and then, until the other side has enough of it."""
    answer = asyncio.ensure_future(to_the_end(reader))
    while not answer.done():
        writer.write(b"x")
        await asyncio.wait([answer], timeout=0.02)
    writer.close()
    try:
        return await answer
    except ConnectionError:
        return b"HTTP/1.1 408 "  # closed under a byte of ours, which lost the answer


async def test_fifty_dripping_clients_are_closed_at_the_deadline_and_hold_nobody_up() -> None:
    async with serving(limits=Limits(header_s=0.2)) as server, httpx2.AsyncClient(trust_env=False) as client:
        drips = [asyncio.ensure_future(drip(*await raw(server, b"GET / HTTP/1.1\r\nx: "))) for _ in range(50)]
        async with dialled(server) as station:
            await station.send("x")
            assert await station.recv() == "x"
        assert (await client.get(f"http://127.0.0.1:{server.port}/")).status_code == 200
        assert all(answer.startswith(b"HTTP/1.1 408 ") for answer in await asyncio.gather(*drips))
        assert not server.waiting


@pytest.mark.parametrize(
    ("start", "limits"),
    [
        (b"GET / HTTP/1.1\r\nx: ", Limits(header_s=0.05)),
        (b"POST / HTTP/1.1\r\nContent-Length: 999999\r\n\r\n", Limits(request_s=0.05)),
    ],
)
async def test_a_later_request_of_a_connection_has_a_deadline_too(start: bytes, limits: Limits) -> None:
    async with serving(limits=limits) as server:
        reader, writer = await raw(server, b"GET /1 HTTP/1.1\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(PATIENCE_S):
            await reader.readuntil(b"GET /1 0")
        writer.write(start)
        await drip(reader, writer)


async def test_a_request_has_a_size() -> None:
    limits = Limits(header_bytes=500, request_bytes=1_000)
    async with serving(limits=limits) as server:
        begin = b"GET /1 HTTP/1.1\r\nHost: x\r\n\r\n"
        reader, writer = await raw(server, begin)
        async with asyncio.timeout(PATIENCE_S):
            await reader.readuntil(b"GET /1 0")
        writer.write(b"GET /2 HTTP/1.1\r\n")
        await writer.drain()
        for _ in range(3):
            writer.write(b"x: " + b"y" * 200 + b"\r\n")
            await writer.drain()
        assert b" 431 " in await to_the_end(reader)
        for body in (b"Content-Length: 5000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n1388\r\n"):
            reader, writer = await raw(server, b"POST / HTTP/1.1\r\n" + body + b"x" * 3_000)
            assert b" 200 " not in await to_the_end(reader)
            writer.close()


async def test_of_too_many_that_wait_the_oldest_goes() -> None:
    async with serving(limits=Limits(waiting=3)) as server:
        waiting = []
        for _ in range(4):
            waiting.append(await raw(server, b"GET / HTT"))
        async with dialled(server) as station:
            await station.send("x")
            assert await station.recv() == "x"
        assert b" 408 " in await to_the_end(waiting[0][0])
        last_reader, last_writer = waiting[-1]
        last_writer.write(b"P/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert b"GET / 0" in await to_the_end(last_reader)
        for _, writer in waiting:
            writer.close()


async def test_pages_have_a_number_and_stations_are_not_of_it() -> None:
    async with serving(limits=Limits(http=2)) as server:
        kept = []
        for _ in range(2):
            reader, writer = await raw(server, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            await read_head(reader)
            kept.append(writer)
        reader, third = await raw(server, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b" 503 " in await to_the_end(reader)
        async with dialled(server) as station:
            await station.send("x")
            assert await station.recv() == "x"
        for writer in [*kept, third]:
            writer.close()


async def test_a_silent_page_is_closed() -> None:
    async with serving(limits=Limits(keep_alive_s=0)) as server:
        reader, writer = await raw(server, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"GET / 0" in await to_the_end(reader)
        writer.close()


# --- the port, and the end ------------------------------------------------------------------------------------------


async def test_a_busy_port_gives_way_to_the_next_one_unless_it_is_fixed() -> None:
    async with serving() as first:
        second = await serve("127.0.0.1", first.port, PAGES, None)
        assert second.port > first.port
        await second.close()
        with pytest.raises(ServeError, match=f"127.0.0.1:{first.port} is in use by another program"):
            await serve("127.0.0.1", first.port, PAGES, None, fixed=True)


async def test_a_host_that_is_none_is_said_to_be_none() -> None:
    with pytest.raises(ServeError, match=r"cannot listen on host\.invalid:0"):
        await serve("host.invalid", 0, PAGES, None)


async def test_localhost_is_one_port() -> None:
    server = await serve("localhost", 0, PAGES, None)
    assert server.host == "localhost"
    reader, writer = await raw(server, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert b"GET / 0" in await to_the_end(reader)
    writer.close()
    await server.close()


async def test_closing_says_goodbye_to_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "HTTP_GRACE_S", 0.02)
    desk = Desk()
    server = await serve("127.0.0.1", 0, PAGES, desk)
    stations: list[ClientConnection] = [await dialled(server) for _ in range(3)]
    waiting, writer = await raw(server, b"GET / HTT")
    live, live_writer = await raw(server, b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
    async with asyncio.timeout(PATIENCE_S):
        await live.readuntil(b"first")
    closing = asyncio.ensure_future(server.close())
    for station in stations:
        with pytest.raises(ConnectionClosed):
            await station.recv()
        assert station.close_code == 1001
    assert b" 503 " in await to_the_end(waiting)
    with contextlib.suppress(ConnectionError):
        await to_the_end(live)
    await closing
    for listener in desk.listeners:
        assert (await listener.ended()).startswith("we closed: 1001")
    assert not server.wires
    assert not server.state.connections
    with pytest.raises(ConnectionRefusedError):
        await raw(server)
    writer.close()
    live_writer.close()


async def test_closing_does_not_wait_for_a_page_that_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "HTTP_GRACE_S", 10 * PATIENCE_S)
    server = await serve("127.0.0.1", 0, PAGES, None)
    reader, writer = await raw(server, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    async with asyncio.timeout(PATIENCE_S):
        await reader.readuntil(b"GET / 0")
        await server.close()
    writer.close()


async def test_closing_does_not_wait_for_ever_for_a_station_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A half-open link: nobody answers the closing."""
    monkeypatch.setattr("chargepost.run.websocket.CLOSE_WAIT_S", 0.02)
    ours = Recorder()
    server = await serve("127.0.0.1", 0, None, lambda _: ours)
    reader, writer = await raw(server, request())
    await read_head(reader)
    await server.close()
    assert await ours.ended() == "we closed: 1001 the server is closing"
    writer.close()


@pytest.mark.skipif(not shutil.which("openssl"), reason="makes its certificate with openssl")
async def test_tls_carries_both_and_survives_who_speaks_none(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tls, trusting = certificate(tmp_path)
    async with serving(secured=tls) as server:
        async with dialled(server, ssl=trusting) as station:
            await station.send("x" * 100_000)
            assert await station.recv() == "x" * 100_000
        async with httpx2.AsyncClient(trust_env=False, verify=trusting) as client:
            assert (await client.get(f"https://127.0.0.1:{server.port}/")).text == "GET / 0"
        reader, writer = await raw(server, b"GET / HTTP/1.1\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            await to_the_end(reader)
        writer.close()
        with contextlib.suppress(ssl.SSLError):
            await asyncio.open_connection("127.0.0.1", server.port, ssl=ssl.create_default_context())
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
