"""OCPP-J's wire against other people's WebSockets and against raw bytes (OCPP-J 1.6, chapter 3; RFC 6455)."""

import asyncio
import contextlib
import shutil
import ssl
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path

import pytest
from tests.patience import PATIENCE_S
from tests.shells.wires import (
    RawServer,
    Recorder,
    certificate,
    dialled,
    frame,
    read_close,
    read_frame,
    read_head,
    request,
    upgrade,
)  # fmt: skip
from websockets.asyncio.server import Server as PeerServer
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as peer_serve
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from chargepost.run import websocket
from chargepost.run.http import serve
from chargepost.run.websocket import MESSAGE_MAX, Wire, basic, choose, dial
from chargepost.signals import Dial

BOTH_LOOPS = True
OCPP16 = Subprotocol("ocpp1.6")


def url_of(server: PeerServer, path: str = "/ocpp/CP1", scheme: str = "ws") -> str:
    return f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}{path}"


async def echo(peer: ServerConnection) -> None:
    async for message in peer:
        await peer.send(message)


# --- the client, opening --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offered", "known", "chosen"),
    [
        (("ocpp1.6",), ["ocpp1.6"], "ocpp1.6"),
        (("ocpp1.6", "ocpp1.5"), ["ocpp1.5"], "ocpp1.5"),
        (("ocpp1.5", "ocpp1.6"), ["ocpp2.0.1", "ocpp1.6"], "ocpp1.6"),
    ],
)
async def test_j_3_3_the_subprotocol_the_server_chose_is_told(
    offered: tuple[str, ...], known: list[str], chosen: str
) -> None:
    async with peer_serve(echo, "127.0.0.1", 0, subprotocols=[Subprotocol(name) for name in known]) as server:
        station = dialled(url_of(server), offered)
        assert await station.next("opened") == chosen
        assert station.link
        station.link.close()
        await station.ended()


async def test_j_3_3_a_server_without_a_subprotocol_is_told_as_empty() -> None:
    async with peer_serve(echo, "127.0.0.1", 0) as server:
        assert await dialled(url_of(server)).next("opened") == ""


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("Sec-WebSocket-Protocol: ocpp2.0.1", "chose the subprotocol 'ocpp2.0.1', but only ocpp1.6 was offered"),
        ("Sec-WebSocket-Protocol: OCPP1.6", "chose the subprotocol 'OCPP1.6'"),
        ("Sec-WebSocket-Protocol: ocpp1.6, ocpp1.5", "chose the subprotocol 'ocpp1.6, ocpp1.5'"),
        ("Sec-WebSocket-Extensions: permessage-deflate", "extension, but none was offered"),
    ],
)
async def test_j_3_3_an_answer_that_was_not_offered_ends_the_connection(line: str, words: str) -> None:
    code: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upgrade(reader, writer, line)
        code.set_result(await read_close(reader))

    async with RawServer(answer) as url:
        station = dialled(url)
        assert words in await station.ended()
        assert station.link is None
        assert await code == 1002


async def test_the_password_goes_as_raw_bytes_and_nowhere_else() -> None:
    heads = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await upgrade(reader, writer))

    async with RawServer(answer) as url:
        await dialled(url, user="CP 1", password=b"\x00\xffpw:x").ended()
        await dialled(url.replace("ws://", "ws://me:s%20ecret@"), user="CP1").ended()
        await dialled(url).ended()
    raw, in_url, none = heads
    assert basic(raw["authorization"], "CP 1") == ("CP 1", b"\x00\xffpw:x")
    assert basic(in_url["authorization"], "") == ("me", b"s ecret")
    assert "@" not in in_url["host"]
    assert "authorization" not in none
    assert "sec-websocket-extensions" not in none


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "HTTP 401 from 127.0.0.1:PORT: the user or the password is refused"),
        (404, "HTTP 404 from 127.0.0.1:PORT: /ocpp/CP1 is not known there"),
        (400, "does it know one of the subprotocols ocpp1.6?"),
        (503, "not available now"),
        (302, "points to another address"),
        (418, "I'm a Teapot"),
        (200, "OK"),
    ],
)
async def test_a_refused_handshake_tells_its_status_and_what_it_means(status: int, words: str) -> None:
    def refuse(peer: ServerConnection, _: Request) -> Response:
        return peer.respond(HTTPStatus(status), "no")

    async with peer_serve(echo, "127.0.0.1", 0, process_request=refuse) as server:
        reason, told = await dialled(url_of(server)).next("closed")
        port = str(server.sockets[0].getsockname()[1])
        assert told == status
        assert words.replace("PORT", port) in reason


@pytest.mark.parametrize(
    ("answer", "words", "status"),
    [
        (b"SSH-2.0-OpenSSH_9\r\n\r\n", "does not speak WebSocket", None),
        (b"HTTP/1.0 404 Nowhere\r\n\r\n", "HTTP 404", 404),
        (b"HTTP/1.1 499 Odd\r\n\r\n", "Odd", 499),
        (b"\xff\xfe\r\n\r\n", "does not speak WebSocket", None),
        (b"HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n", "does not speak WebSocket", None),
        (b"", "closed the connection without an answer", None),
        (b"HTTP/1.1 101", "closed the connection without an answer", None),
        (b"x" * 40_000, "does not speak WebSocket", None),
    ],
)
async def test_a_server_that_is_none_is_said_to_be_none(answer: bytes, words: str, status: int | None) -> None:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(answer)
        await writer.drain()

    async with RawServer(say) as url:
        reason, told = await dialled(url).next("closed")
        assert words in reason
        assert told == status


async def test_nothing_listens() -> None:
    async with RawServer(lambda *_: asyncio.sleep(0)) as url:
        pass
    for host in ("127.0.0.1", "localhost"):  # the second may have two addresses
        reason, status = await dialled(url.replace("127.0.0.1", host)).next("closed")
        assert f"nothing listens on {host}:{url.rpartition(':')[2]}" in reason
        assert status is None


@pytest.mark.parametrize("last", ["send", "ping", "close", "cut"])
async def test_a_connection_that_closed_without_a_word_is_over_when_it_is_used(last: str) -> None:
    """uvloop refuses to write to a transport that has closed; with ten thousand stations it happened unannounced."""

    class Closed:
        is_close_frame_sent, close_handshake, is_client_side = False, None, True

        def refuse(self, *_: object) -> None:
            raise RuntimeError("unable to perform operation on <TCPTransport closed=True>; the handler is closed")

        send = send_ping = send_close = disconnect = refuse

    there, left = Recorder(), list[Wire]()
    wire = Wire(there, left=left.append)
    wire._transport = Closed()  # type: ignore[assignment]
    use = {"send": lambda: wire.send(b"[]"), "ping": wire.ping, "close": wire.close, "cut": wire.cut}[last]
    use()
    use()
    assert not there.told, "nobody is told while they are at work"
    assert await there.ended()
    assert left == [wire]
    assert not wire.is_open


async def test_a_name_that_does_not_resolve() -> None:
    reason, _ = await dialled("ws://central.invalid/ocpp/CP1").next("closed")
    assert reason.startswith("the name central.invalid does not resolve")


@pytest.mark.parametrize("scheme", ["ws:", "wss:"])
async def test_a_server_that_never_answers(scheme: str) -> None:
    async with RawServer(lambda reader, _: reader.read()) as url:
        reason, _ = await dialled(url.replace("ws:", scheme), timeout_s=0.05).next("closed")
        assert "did not answer within 0.05 s" in reason


async def test_a_dial_can_be_given_up() -> None:
    async with RawServer(lambda reader, _: reader.read()) as url:
        listener = Recorder()
        dialling = dial(Dial(url, ("ocpp1.6",), "CP1", None, PATIENCE_S), listener)
        await asyncio.sleep(0)
        dialling.cancel()
        assert await listener.next("closed") == ("dialling was given up", None)


async def test_a_dial_that_was_given_up_is_cut_when_its_answer_comes_late() -> None:
    asked, given_up, cut = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def answer_late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def wait() -> None:
            asked.set()
            await given_up.wait()

        await upgrade(reader, writer, before=wait)
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        cut.set()

    async with RawServer(answer_late) as url:
        listener = Recorder()
        dialling = dial(Dial(url, ("ocpp1.6",), "CP1", None, PATIENCE_S), listener)
        await asked.wait()
        dialling.cancel()
        assert await listener.next("closed") == ("dialling was given up", None)
        given_up.set()
        async with asyncio.timeout(PATIENCE_S):
            await cut.wait()
        assert len(listener.told) == 1


async def test_a_password_is_never_carried_to_another_address() -> None:
    asked = []

    async def send_away(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await read_head(reader))
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: " + url.encode() + b"/elsewhere\r\n\r\n")

    async with RawServer(send_away) as url:
        _, status = await dialled(url, password=b"secret").next("closed")
        assert status == 302
        assert len(asked) == 1


@pytest.mark.parametrize(
    "url",
    ["", "http://x/", "ws://", "ws:///CP1", "ws://x:99999/", "ws://x:no/", "ws://x/#a", "ws://[::1/", "ws://x/a b"],
)
async def test_what_is_no_websocket_url(url: str) -> None:
    reason, _ = await dialled(url).next("closed")
    assert "not a WebSocket URL: give ws://" in reason


# --- TLS ------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not shutil.which("openssl"), reason="makes its certificate with openssl")
async def test_tls_trusts_the_system_a_given_root_or_context_or_whoever_is_accepted(tmp_path: Path) -> None:
    tls, trusting = certificate(tmp_path)
    roots = (ssl.DER_cert_to_PEM_cert(trusting.get_ca_certs(binary_form=True)[0]),)
    async with peer_serve(echo, "127.0.0.1", 0, ssl=tls, subprotocols=[OCPP16]) as server:
        url = url_of(server, scheme="wss")
        reason, status = await dialled(url).next("closed")
        assert "the certificate of 127.0.0.1:" in reason
        assert "self-signed" in reason
        assert status is None
        for station in (dialled(url, accept_self_signed=True), dialled(url, roots=roots), dialled(url, trust=trusting)):
            assert await station.next("opened") == "ocpp1.6"
            assert station.link
            station.link.send(b"x" * 100_000)
            assert await station.next("received") == b"x" * 100_000
            station.link.close()
            await station.ended()


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b""])
async def test_tls_with_a_server_that_speaks_none(answer: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(answer)

    async with RawServer(say) as url:
        reason, _ = await dialled(url.replace("ws:", "wss:")).next("closed")
        assert reason.startswith("no TLS with 127.0.0.1:")
    assert not caplog.records


# --- talking and closing --------------------------------------------------------------------------------------------


async def test_text_goes_both_ways_whole() -> None:
    async with peer_serve(echo, "127.0.0.1", 0, subprotocols=[OCPP16]) as server:
        station = dialled(url_of(server))
        await station.next("opened")
        assert station.link
        for text in (b"[2]", "größe ⚡".encode(), b"", b"x" * MESSAGE_MAX, b"y" * 70_000):
            station.link.send(text)
            assert await station.next("received") == text


async def test_fragments_of_the_peer_arrive_as_one_message_with_pings_between() -> None:
    async def say(peer: ServerConnection) -> None:
        async def parts() -> AsyncIterator[str]:
            yield "[3,"
            await (await peer.ping())
            yield '"é'
            yield '"]'

        await peer.send(parts())

    async with peer_serve(say, "127.0.0.1", 0) as server:
        station = dialled(url_of(server))
        await station.next("opened")
        assert await station.next("received") == '[3,"é"]'.encode()


async def test_ping_is_answered_with_pong() -> None:
    async with peer_serve(echo, "127.0.0.1", 0) as server:
        station = dialled(url_of(server))
        await station.next("opened")
        assert station.link
        station.link.ping()
        await station.next("ponged")


async def test_a_closing_is_agreed_and_afterwards_nothing_happens() -> None:
    seen: asyncio.Future[tuple[int | None, str | None]] = asyncio.get_running_loop().create_future()

    async def listen(peer: ServerConnection) -> None:
        await peer.wait_closed()
        seen.set_result((peer.close_code, peer.close_reason))

    async with peer_serve(listen, "127.0.0.1", 0) as server:
        station = dialled(url_of(server))
        await station.next("opened")
        assert station.link
        station.link.close(4000, "é" * 100)  # cut to what fits
        station.link.close(1001, "again")
        station.link.send(b"late")
        assert await station.ended() == "we closed: 4000 " + "é" * 100
        assert await seen == (4000, "é" * 61)
        station.link.send(b"later")
        station.link.ping()
        station.link.close()


@pytest.mark.parametrize(("code", "reason"), [(1001, "restarting"), (1000, ""), (3999, "own")])
async def test_the_peers_closing_is_answered_and_told(code: int, reason: str) -> None:
    async def leave(peer: ServerConnection) -> None:
        await peer.close(code, reason)

    async with peer_serve(leave, "127.0.0.1", 0) as server:
        assert await dialled(url_of(server)).ended() == f"the other side closed: {code} {reason}".rstrip()


async def test_a_peer_that_never_agrees_to_close_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "CLOSE_WAIT_S", 0.02)

    async def ignore(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upgrade(reader, writer)
        await reader.read()

    async with RawServer(ignore) as url:
        station = dialled(url)
        await station.next("opened")
        assert station.link
        station.link.close(1000, "enough")
        assert await station.ended() == "we closed: 1000 enough"


async def test_a_lost_connection_is_told() -> None:
    async def vanish(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upgrade(reader, writer)
        await read_frame(reader)
        writer.transport.abort()

    async with RawServer(vanish) as url:
        station = dialled(url)
        await station.next("opened")
        assert station.link
        station.link.send(b"hello")
        assert await station.ended() == "the connection was lost"


async def test_a_listener_that_fails_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    class Failing(Recorder):
        def received(self, data: bytes) -> None:
            super().received(data)
            raise RuntimeError("a bug of ours")

    async with peer_serve(echo, "127.0.0.1", 0) as server:
        station = Failing()
        dial(Dial(url_of(server), (), "", None, PATIENCE_S), station)
        await station.next("opened")
        assert station.link
        for text in (b"1", b"2"):
            station.link.send(text)
            assert await station.next("received") == text
        assert "a bug of ours" in caplog.text


# --- what a frame may not be, on both sides -------------------------------------------------------------------------

TEXT, BINARY, MORE, PING, FIN = 0x1, 0x2, 0x0, 0x9, 0x80


@contextlib.asynccontextmanager
async def raw_peer(role: str) -> AsyncIterator[tuple[Recorder, asyncio.StreamReader, asyncio.StreamWriter]]:
    """Our side in the role, opened; and the raw bytes of the other side."""
    ours = Recorder()
    if role == "server":
        server = await serve("127.0.0.1", 0, None, lambda _: ours)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(request())
        await read_head(reader)
        await ours.next("opened")
        yield ours, reader, writer
        writer.transport.abort()
        await server.close()
        return
    streams: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]]
    streams = asyncio.get_running_loop().create_future()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upgrade(reader, writer)
        streams.set_result((reader, writer))
        await asyncio.get_running_loop().create_future()

    async with RawServer(answer) as url:
        dial(Dial(url, ("ocpp1.6",), "CP1", None, PATIENCE_S), ours)
        reader, writer = await streams
        await ours.next("opened")
        yield ours, reader, writer


HALF = b"x" * (MESSAGE_MAX // 2)
REFUSED = {
    "a reserved bit": (1002, [(FIN | 0x40 | TEXT, b"hi")]),
    "another reserved bit": (1002, [(FIN | 0x10 | TEXT, b"hi")]),
    "a reserved bit on a ping": (1002, [(FIN | 0x20 | PING, b"hi")]),
    "an unknown opcode": (1002, [(FIN | 0x3, b"hi")]),
    "a fragmented ping": (1002, [(PING, b"hi")]),
    "a long ping": (1002, [(FIN | PING, b"x" * 126)]),
    "an orphan continuation": (1002, [(FIN | MORE, b"hi")]),
    "a message inside another": (1002, [(TEXT, b"a"), (FIN | TEXT, b"b")]),
    "a closing with an impossible code": (1002, [(FIN | 0x8, b"\x00\x05")]),
    "binary": (1003, [(FIN | BINARY, b"hi")]),
    "fragmented binary": (1003, [(BINARY, b"hi"), (FIN | MORE, b"ho")]),
    "invalid UTF-8": (1007, [(FIN | TEXT, b'[2,"\xff"]')]),
    "a surrogate": (1007, [(FIN | TEXT, b"\xed\xa0\x80")]),
    "UTF-8 cut short": (1007, [(TEXT, b"\xe2"), (FIN | MORE, b"\x82")]),
    "fragments too long": (1009, [(TEXT, HALF), (MORE, HALF), (FIN | MORE, b"y")]),
}


@pytest.mark.parametrize("role", ["server", "client"])
@pytest.mark.parametrize("case", REFUSED)
async def test_rfc_6455_a_wrong_frame_ends_the_connection_with_its_code(role: str, case: str) -> None:
    code, frames = REFUSED[case]
    async with raw_peer(role) as (ours, reader, writer):
        for first, payload in frames:
            writer.write(frame(first, payload, mask=role == "server"))
        assert await read_close(reader) == code
        writer.close()
        assert str(code) in await ours.ended()
        assert all(name != "received" for name, *_ in ours.told)


@pytest.mark.parametrize("role", ["server", "client"])
async def test_a_frame_that_will_be_too_long_is_refused_before_it_arrives(role: str) -> None:
    async with raw_peer(role) as (ours, reader, writer):
        writer.write(frame(FIN | TEXT, b"begin", mask=role == "server", length=200 * MESSAGE_MAX))
        assert await read_close(reader) == 1009
        assert "1009" in await ours.ended()


@pytest.mark.parametrize("role", ["server", "client"])
async def test_rfc_6455_5_1_the_mask_is_as_the_role_wants_it(role: str) -> None:
    async with raw_peer(role) as (ours, reader, writer):
        writer.write(frame(FIN | TEXT, b"hi", mask=role == "client"))
        assert await read_close(reader) == 1002
        assert "1002" in await ours.ended()


@pytest.mark.parametrize("role", ["server", "client"])
async def test_many_fragments_with_a_character_cut_between_them_are_one_message(role: str) -> None:
    mask = role == "server"
    async with raw_peer(role) as (ours, _, writer):
        parts = [frame(TEXT, b"[\xe2", mask), *[frame(MORE, b"", mask)] * 10_000, frame(FIN | MORE, b"\x82\xac]", mask)]
        writer.write(b"".join(parts))
        assert await ours.next("received") == "[€]".encode()


@pytest.mark.parametrize("role", ["server", "client"])
async def test_who_never_reads_is_cut_off(role: str) -> None:
    async with raw_peer(role) as (ours, _, _writer):
        assert ours.link
        for _ in range(1_000):  # far more than any kernel keeps
            ours.link.send(b"x" * 60_000)
        assert "does not read" in await ours.ended()


@pytest.mark.parametrize("role", ["server", "client"])
async def test_who_pings_and_never_reads_is_cut_off(role: str) -> None:
    async with raw_peer(role) as (ours, _, writer):
        ping = frame(FIN | PING, b"x" * 125, mask=role == "server") * 1_000
        with contextlib.suppress(ConnectionError):
            while len(ours.told) < 2:
                writer.write(ping)
                await writer.drain()
        assert "does not read" in await ours.ended()


@pytest.mark.parametrize("role", ["server", "client"])
async def test_who_breaks_the_rules_and_never_reads_can_be_cut_off(role: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """picows began to close, but what was sent before does not leave: our own closing has a deadline."""
    monkeypatch.setattr(websocket, "CLOSE_WAIT_S", 0.05)
    async with raw_peer(role) as (ours, _, writer):
        assert isinstance(ours.link, Wire)
        transport = ours.link._transport
        assert transport
        while transport.underlying_transport.get_write_buffer_size() == 0:
            ours.link.send(b"x" * 60_000)
        writer.write(frame(FIN | 0x3, b"hi", mask=role == "server"))
        async with asyncio.timeout(PATIENCE_S):
            while not transport.is_close_frame_sent:  # noqa: ASYNC110 - picows tells nobody that it began
                await asyncio.sleep(0)
        ours.link.close(1001)
        assert "1002" in await ours.ended()


@pytest.mark.parametrize("role", ["server", "client"])
async def test_after_our_closing_nothing_is_received_any_more(role: str) -> None:
    mask = role == "server"
    async with raw_peer(role) as (ours, reader, writer):
        assert ours.link
        ours.link.close(1000, "enough")
        assert await read_close(reader) == 1000
        writer.write(frame(FIN | TEXT, b"late", mask) + frame(FIN | 0x8, b"\x03\xe8", mask))
        assert await ours.ended() == "we closed: 1000 enough"
        assert [name for name, *_ in ours.told] == ["opened", "closed"]


@pytest.mark.parametrize("role", ["server", "client"])
@pytest.mark.parametrize(("payload", "answer"), [(b"", 1000), (b"\x03\xe9bye", 1001), (b"\x0f\xa0", 4000)])
async def test_rfc_6455_5_5_1_a_closing_is_answered_with_its_code(role: str, payload: bytes, answer: int) -> None:
    async with raw_peer(role) as (ours, reader, writer):
        writer.write(frame(FIN | 0x8, payload, mask=role == "server"))
        assert await read_close(reader) == answer
        assert "the other side closed" in await ours.ended()


# --- parts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offered", "known", "chosen"),
    [
        (["ocpp1.6", "ocpp1.5"], ["ocpp1.5", "ocpp1.6"], "ocpp1.6"),
        (["ocpp2.0.1", "ocpp1.5"], ["ocpp1.6", "ocpp1.5"], "ocpp1.5"),
        (["OCPP1.6", "ocpp1.6j", "ocpp1"], ["ocpp1.6"], None),
        ([], ["ocpp1.6"], None),
    ],
)
def test_j_3_3_the_clients_order_counts_and_the_token_is_exact(
    offered: list[str], known: list[str], chosen: str | None
) -> None:
    assert choose(offered, known) == chosen


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("Basic Q1AxOnB3", ("CP1", b"pw")),
        ("basic  Q1AxOnB3 ", ("CP1", b"pw")),
        ("Basic Q1AxOg==", ("CP1", b"")),
        ("Basic Q1AxOmE6Yg==", ("CP1", b"a:b")),
        ("Basic Q1AxOv8A", ("CP1", b"\xff\x00")),
        ("Basic YTpiOmM=", ("a:b", b"c")),  # an identity with a colon
        ("Basic Q1Ax", (None, None)),
        ("Basic /zpw", (None, None)),
        ("Basic !!!", (None, None)),
        ("Basic é", (None, None)),
        ("Basic", (None, None)),
        ("Bearer Q1AxOnB3", (None, None)),
        ("", (None, None)),
    ],
)
def test_basic_authentication_is_read_as_bytes(header: str, found: tuple[str | None, bytes | None]) -> None:
    assert basic(header, "a:b") == found
