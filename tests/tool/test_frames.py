"""The frames of the link as exchanges, and what an open page is told at once (ux, checks 20, 27, 28)."""

import asyncio
import contextlib
import random
import re
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import websockets

from chargepost.commissioning import exchanges
from chargepost.commissioning.access import ADMIN, USER
from chargepost.commissioning.exchanges import Exchange, Filter
from chargepost.commissioning.words import words
from chargepost.run import stream
from chargepost.run.history import EVERY_S
from chargepost.supervision.tracelog import (
    BLOCK_BYTES,
    BLOCK_FRAMES,
    FRAME_BYTES_MAX,
    FRAMES_MAX,
    PACKED_BYTES_MAX,
    FrameLog,
)
from tests.patience import PATIENCE_S
from tests.shells.rig import until
from tests.shells.wires import request
from tests.tool.rig import Client, Commissioned, commissioned

PAGE = "overview/frames"
SPOKEN = words("en")


def put(site: Commissioned, up: bool, frame: str, at_utc_s: float | None = None) -> None:
    """A frame as the wire brings it."""
    log = site.house.stations.log
    at = site.house.clock.utc_s() if at_utc_s is None else at_utc_s
    (log.sent if up else log.received)("S1", frame.encode(), at)


def ask(site: Commissioned, ident: str, action: str, payload: str, answer: str = "", up: bool = True) -> None:
    put(site, up, f'[2,"{ident}","{action}",{payload}]')
    if answer:
        put(site, not up, answer.replace("ID", ident))


def found(site: Commissioned, **wanted: str) -> list[Exchange]:
    return exchanges.found(site.embedded().port, SPOKEN, Filter(**wanted))


async def test_an_exchange_is_one_row_with_a_sentence_latency_and_size() -> None:
    async with commissioned() as site:
        start = '{"connectorId":1,"idTag":"04A2","meterStart":120,"timestamp":"2026-11-20T12:00:00Z"}'
        ask(site, "a", "StartTransaction", start, '[3,"ID",{"transactionId":812,"idTagInfo":{"status":"Accepted"}}]')
        (row,) = found(site)
    assert (row.asks, row.says) == ("Connector 1, badge 04A2, register 120 Wh", "Accepted, no. 812")
    assert (row.outcome, row.up, row.action) == ("answered", True, "StartTransaction")
    assert row.latency_s is not None
    assert row.size == sum(len(text) for text in row.texts)
    assert len(row.texts) == 2


WRONG = {
    "error": ('[4,"ID","NotImplemented","no such thing",{}]', "error", "NotImplemented: no such thing"),
    "refused": (
        '[3,"ID",{"status":"Rejected","currentTime":"2026-11-20T12:00:00Z","interval":9}]', "refused", "Rejected"
    ),
    "missing field": ('[3,"ID",{"status":"Accepted","interval":9}]', "invalid", "currentTime"),
    "wrong type": ('[3,"ID",{"status":"Accepted","currentTime":5,"interval":9}]', "invalid", "currentTime"),
    "not waited for": ("", "open", ""),
}  # fmt: skip


@pytest.mark.parametrize(("answer", "outcome", "named"), WRONG.values(), ids=list(WRONG))
async def test_what_went_wrong_is_worded_with_the_field_named(answer: str, outcome: str, named: str) -> None:
    """ux, check 28: a CALLERROR, a violation of the schema."""
    async with commissioned() as site:
        ask(site, "b", "BootNotification", '{"chargePointVendor":"V","chargePointModel":"M"}', answer)
        (row,) = found(site)
    assert row.outcome == outcome
    assert named in row.says
    assert len(row.texts) == (2 if answer else 1)


async def test_a_question_of_the_supervision_that_is_not_valid_is_worded() -> None:
    async with commissioned() as site:
        refusal = '[4,"ID","TypeConstraintViolation","type: it is no word of OCPP",{}]'
        ask(site, "c", "Reset", '{"type":"Medium"}', refusal, up=False)
        (row,) = found(site)
        put(site, False, "hello")
        (nonsense, _row) = found(site)
    assert (row.outcome, row.up) == ("invalid", False)
    assert "TypeConstraintViolation" in row.says
    assert nonsense.outcome == "invalid"


async def test_a_question_without_an_answer_is_given_up_by_the_next_one_or_by_its_time() -> None:
    async with commissioned() as site:
        long_ago = site.house.clock.utc_s() - 3600
        put(site, True, '[2,"d","Heartbeat",{}]', long_ago)
        assert [row.outcome for row in found(site)] == ["unanswered"]
        put(site, True, '[2,"e","Heartbeat",{}]')
        put(site, True, '[2,"f","Heartbeat",{}]')
        assert [row.outcome for row in found(site)] == ["open", "unanswered", "unanswered"]
        put(site, False, '[3,"nobody",{}]')
        assert found(site)[0].says == "" or found(site)[0].outcome == "invalid"


async def test_secrets_are_masked_where_the_frames_come_from() -> None:
    """ux, check 28: no secret readable."""
    async with commissioned() as site, site.client(ADMIN) as client:
        put(site, False, '[2,"g","ChangeConfiguration",{"key":"AuthorizationKey","value":"0123456789abcdef"}]')
        file = '{"location":"ftp://me:hush@host/f","retrieveDate":"2026-11-20T12:00:00Z"}'
        put(site, False, f'[2,"h","UpdateFirmware",{file}]')
        page = (await client.get(PAGE)).text
    assert "ChangeConfiguration" in page
    assert "0123456789abcdef" not in page
    assert "hush" not in page


async def five_thousand(site: Commissioned) -> None:
    for number in range(5_000):
        action = "Heartbeat" if number % 10 else "Authorize"
        answer = '[4,"ID","InternalError","no",{}]' if number % 500 == 7 else '[3,"ID",{}]'
        payload = "{}" if number % 10 else '{"idTag":"X"}'
        if number % 10 == 0:
            answer = '[3,"ID",{"idTagInfo":{"status":"Accepted"}}]'
        elif number % 500 != 7:
            answer = '[3,"ID",{"currentTime":"2026-11-20T12:00:00Z"}]'
        ask(site, f"n{number}", action, payload, answer)


async def test_five_thousand_exchanges_are_kept_filtered_paged_and_linked() -> None:
    """ux, check 27."""
    async with commissioned() as site, site.client(ADMIN) as client:
        await five_thousand(site)
        newest = found(site)
        assert len(newest) == exchanges.PAGE
        seen, before = len(newest), newest[-1].number
        while rows := exchanges.found(site.embedded().port, SPOKEN, Filter(), before):
            seen, before = seen + len(rows), rows[-1].number
        assert seen == 5_000
        assert {row.outcome for row in found(site)} == {"answered"}
        assert len(found(site, outcome="error")) == 10
        assert len(found(site, outcome="trouble")) == 10
        assert {row.action for row in found(site, action="authorize")} == {"Authorize"}
        page = (await client.get(f"{PAGE}?action=Authorize&outcome=answered")).text
        assert page.count('<li id="x') == exchanges.PAGE
        assert "Heartbeat</strong>" not in page
        assert "before=" in page
        oldest = exchanges.found(site.embedded().port, SPOKEN, Filter("Authorize"), limit=10_000)[-1]
        page = (await client.get(f"{PAGE}?n={oldest.number}")).text
        assert page.count('<li id="x') == 1
        assert "details open" in page
        for _turn in range(FRAMES_MAX):
            put(site, True, '[3,"x",{}]')
        assert "not kept any more" in (await client.get(f"{PAGE}?n={oldest.number}")).text


async def test_a_hostile_frame_is_text() -> None:
    async with commissioned() as site, site.client(ADMIN) as client:
        ask(site, "<b>", "<script>alert(1)</script>", '{"status":"<img src=x onerror=alert(1)>"}')
        ask(
            site,
            "i",
            "DataTransfer",
            '{"vendorId":"{0.__class__}","messageId":"{x}"}',
            '[3,"ID",{"status":"Accepted"}]',
        )
        page = (await client.get(PAGE)).text
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "{0.__class__}, {x}" in page


async def test_frames_are_for_the_admin_alone() -> None:
    async with commissioned() as site, site.client(USER) as client:
        assert (await client.get(PAGE)).status_code == 404
        assert PAGE not in (await client.get("overview/station")).text


# --- what is kept ---------------------------------------------------------------------------------------------------


def test_packed_frames_are_found_as_they_came() -> None:
    """Of two stations, back and forth over many blocks."""
    log, put = FrameLog(), []
    for number in range(1, 3 * BLOCK_FRAMES):
        identity, data = "S1" if number % 3 else "S2", b'[2,"%d","Heartbeat",{}]' % number
        log.add(identity, data, at_utc_s=number / 7, direction="cp-to-csms", trouble="late" if number % 5 == 0 else "")
        put.append((identity, number, data, number / 7))
    for identity in ("S1", "S2"):
        own = [each[1:] for each in put if each[0] == identity]
        for after, before in ((0, 2**62), (0, BLOCK_FRAMES + 9), (BLOCK_FRAMES - 9, 2**62)):
            there = [each for each in own if after < each[0] < before]
            found = log.between(identity, after, before, 50)
            assert [(frame.number, frame.data, frame.at_utc_s) for frame in found] == there[-50:]
            found = log.following(identity, after, 50)
            assert [frame.number for frame in found] == [each[0] for each in own if each[0] > after][:50]
        assert log.newest(identity) == own[-1][0]
        assert log.newest(identity, own[-1][0]) == own[-1][0]
        assert [frame.trouble for frame in log.frames(identity, errors=True)].count("late") > 50
    assert log.last({"S1", "S2", "S3"}, 10) == {"S1", "S2"}
    assert log.newest("S3", 4) == 4


def test_frames_that_cannot_be_packed_take_no_more_room_than_others() -> None:
    log, noise = FrameLog(), random.Random(1)
    for _ in range(600):
        log.add("S1", noise.randbytes(FRAME_BYTES_MAX + 1), at_utc_s=0.0, direction="csms-to-cp")
    kept = len(log.between("S1", 0, 2**62, FRAMES_MAX))
    assert 100 < kept <= (PACKED_BYTES_MAX + BLOCK_BYTES) // FRAME_BYTES_MAX + 1


# --- at once --------------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def listening(site: Commissioned, client: Client, **more: Any) -> AsyncIterator[websockets.ClientConnection]:
    origin = site.url.rstrip("/")
    cookies = "; ".join(f"{name}={value}" for name, value in client.http.cookies.items())
    options = {"origin": origin, "additional_headers": {"Cookie": cookies}} | more
    url = client.at.replace("http:", "ws:") + "stream"
    async with websockets.connect(url, **options) as link:
        yield link


async def told(link: websockets.ClientConnection, kind: str) -> Any:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            message = msgspec.json.decode(await link.recv())
            if kind in message:
                return message[kind]


async def test_an_exchange_is_told_at_once_and_again_when_it_is_answered() -> None:
    async with commissioned() as site, site.client(ADMIN) as client, listening(site, client) as link:
        await link.send('{"frames":{"after":0}}')
        put(site, True, '[2,"j","Heartbeat",{}]')
        ((number, html),) = await told(link, "rows")
        assert "Waiting for the answer" in html
        put(site, False, '[3,"j",{"currentTime":"2026-11-20T12:00:00Z"}]')
        ((again, html),) = await told(link, "rows")
        assert again == number
        assert "Answered" in html
        assert f'id="x{number}"' in html


async def test_only_what_the_filter_takes_is_told() -> None:
    async with commissioned() as site, site.client(ADMIN) as client, listening(site, client) as link:
        await link.send('{"frames":{"after":0,"action":"Authorize"}}')
        put(site, True, '[2,"k","Heartbeat",{}]')
        put(site, True, '[2,"l","Authorize",{"idTag":"A"}]')
        rows = await told(link, "rows")
    assert len(rows) == 1
    assert "Authorize" in rows[0][1]


async def test_the_curve_comes_whole_and_then_point_by_point() -> None:
    async with commissioned() as site, site.client(USER) as client, listening(site, client) as link:
        assert site.house.tools
        history = site.house.tools.tools.history
        for _turn in range(3):
            history.sample()
        await link.send('{"curve":{"connector":1}}')
        whole = await told(link, "curve")
        assert (whole["from"], whole["taken"], len(whole["at"])) == (0, history.count, history.count)
        history.sample()
        more = await told(link, "curve")
        assert (more["from"], len(more["power_kw"])) == (whole["taken"], more["taken"] - whole["taken"])
        await link.send('{"curve":{"connector":1,"taken":100000}}')
        assert (await told(link, "curve"))["from"] == 0, "of an earlier program"
    assert EVERY_S == 5


async def test_a_change_is_told_to_the_picture() -> None:
    async with commissioned() as site, site.client(USER) as client, listening(site, client) as link:
        await link.send('{"picture":true}')
        assert await told(link, "changed"), "the page is older than its stream"
        site.host().plug_in(1, None)
        assert await told(link, "changed")


async def test_a_user_is_told_no_frames() -> None:
    async with commissioned() as site, site.client(USER) as client, listening(site, client) as link:
        put(site, True, '[2,"m","Heartbeat",{}]')
        await link.send('{"frames":{"after":0},"picture":true}')
        async with asyncio.timeout(PATIENCE_S):
            assert "rows" not in msgspec.json.decode(await link.recv())


async def status(site: Commissioned, client: Client, **more: Any) -> int:
    with pytest.raises(websockets.InvalidStatus) as error:
        async with listening(site, client, **more):
            pass
    return error.value.response.status_code


async def test_nobody_and_no_page_of_another_site_may_listen() -> None:
    async with commissioned() as site, site.client() as nobody, site.client(ADMIN) as client:
        assert await status(site, nobody) == 401
        assert await status(site, client, origin="https://evil.example") == 403
        assert await status(site, client, origin=None) == 403
        stranger = Client(client.http, client.at.replace("/S1/", "/S9/"))
        assert await status(site, stranger) == 404
        await client.log_in(ADMIN, site.first())  # refused: the password was changed


async def test_a_rebound_host_name_may_not_listen() -> None:
    async with commissioned() as site, site.client(ADMIN) as client:
        cookies = "; ".join(f"{name}={value}" for name, value in client.http.cookies.items())
        port = int(site.url.rpartition(":")[2].rstrip("/"))
        answers = []
        for host in (f"127.0.0.1:{port}", f"evil.example:{port}"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            more = (f"Origin: http://{host}", f"Cookie: {cookies}")
            asked = request("/stations/S1/stream", *more, subprotocol=None).replace(
                b"Host: x", f"Host: {host}".encode()
            )
            writer.write(asked)
            answers.append((await reader.readline()).split()[1])
            writer.close()
        assert answers == [b"101", b"403"]


async def test_a_logout_ends_what_is_told() -> None:
    async with commissioned() as site, site.client(ADMIN) as client, listening(site, client) as link:
        await link.send('{"picture":true}')
        await client.http.post(f"{client.at}logout", data={"csrf": await client.csrf()})
        async with asyncio.timeout(PATIENCE_S):
            await link.wait_closed()
        assert link.close_code == stream.NO_SESSION


async def test_what_is_no_question_of_our_pages_ends_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    async with commissioned() as site, site.client(ADMIN) as client:
        for asked in ("no json", '{"curve":{"connector":"x"}}', '{"frames":{"action":"' + "x" * 2000 + '"}}'):
            async with listening(site, client) as link:
                await link.send(asked)
                await link.wait_closed()
                assert link.close_code == 1008
        monkeypatch.setattr(stream, "STREAMS_MAX", 1)
        async with listening(site, client):
            assert await status(site, client) == 503


async def test_a_flood_is_told_by_its_newest_and_a_page_can_ask_no_more_than_that() -> None:
    async with commissioned() as site, site.client(ADMIN) as client, listening(site, client) as link:
        await five_thousand(site)
        await link.send('{"frames":{"after":0}}')
        rows = await told(link, "rows")
    assert len(rows) == stream.ROWS_MAX
    assert rows[-1][0] > rows[0][0]
    assert re.search("n4999", rows[-1][1])
    assert sum(len(html) for _number, html in rows) < 500_000


async def test_all_streams_are_gone_when_their_pages_are() -> None:
    async with commissioned() as site, site.client(ADMIN) as client:
        assert site.house.tools
        streams = site.house.tools.streams
        async with contextlib.AsyncExitStack() as stack:
            for _page in range(10):
                await stack.enter_async_context(listening(site, client))
            await until(lambda: len(streams.open) == 10, asyncio.Event())
        await until(lambda: not streams.open, asyncio.Event())
