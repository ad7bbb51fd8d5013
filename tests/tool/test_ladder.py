"""The way to the supervision, step by step, against real ones that go wrong in real ways (ux, check 5)."""

import asyncio
import contextlib
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import msgspec
import pytest
import websockets

from chargepost.commissioning import ladder as words_of
from chargepost.commissioning.access import ADMIN, USER
from chargepost.commissioning.port import Step
from chargepost.run import ladder, tls
from tests.shells.authority import Made, foreign, given, ours
from tests.shells.rig import until
from tests.shells.wires import RawServer, read_frame, read_head, upgrade
from tests.shells.wires import frame as ws_frame
from tests.tool.rig import Commissioned, commissioned


def bad(steps: Sequence[Step]) -> tuple[str, str]:
    """The first broken step and its cause."""
    return next(((each.name, each.cause) for each in steps if each.state == "bad"), ("", ""))


def states(steps: Sequence[Step]) -> dict[str, str]:
    return {each.name: each.state for each in steps}


async def tried(site: Commissioned, url: str) -> list[Step]:
    return list(await site.embedded().port.try_link(url))


async def answer_with(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_head(reader)
    writer.write(f"HTTP/1.1 {head}\r\nContent-Length: 0\r\n\r\n".encode())
    await writer.drain()


def answering(head: str) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    return lambda reader, writer: answer_with(head, reader, writer)


async def test_a_good_way_is_good_to_the_websocket_and_nothing_is_saved() -> None:
    async def central(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await upgrade(reader, writer, "Sec-WebSocket-Protocol: ocpp1.6")
        asked.append(head[""])
        first, _payload = await read_frame(reader)
        asked.append(str(first))

    asked: list[str] = []
    async with commissioned() as site, RawServer(central) as url:
        before = site.embedded().port.setting("SupervisionUrl")
        steps = await tried(site, f"{url}/ocpp/")
        assert bad(steps) == ("", "")
        assert states(steps)["websocket"] == "good"
        assert states(steps)["boot"] == "unknown"
        assert site.embedded().port.setting("SupervisionUrl") == before
        await until(lambda: len(asked) == 2, asyncio.Event())
    assert asked[0].startswith("GET /ocpp/S1 HTTP/1.1")
    assert asked[1] == str(0x88), "it says goodbye, and nothing before it"


@pytest.mark.parametrize(
    ("url", "step", "cause"),
    [
        ("", "address", "none"),
        ("http://supervision.example/soap", "address", "http"),
        ("https://supervision.example/soap", "address", "http"),
        ("ftp://supervision.example", "address", "scheme"),
        ("ws://", "address", "scheme"),
        ("ws://one two/", "address", "scheme"),
        ("ws://supervision.invalid/ocpp", "tcp", "name"),
        ("ws://169.254.169.254/latest/meta-data", "tcp", "forbidden"),
        ("ws://[fe80::1]/ocpp", "tcp", "forbidden"),
        ("ws://0.0.0.0:80/ocpp", "tcp", "forbidden"),
        ("ws://224.0.0.1/ocpp", "tcp", "forbidden"),
    ],
)
async def test_an_address_that_leads_nowhere_is_told_apart(url: str, step: str, cause: str) -> None:
    async with commissioned() as site:
        assert bad(await tried(site, url)) == (step, cause)


async def test_a_port_where_nobody_listens_is_refused_and_the_name_is_resolved_in_words() -> None:
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    async with commissioned() as site:
        steps = await tried(site, f"ws://localhost:{port}/ocpp")
        assert bad(steps) == ("tcp", "refused")
        told = next(each.told for each in steps if each.name == "tcp")
    assert told.startswith("localhost resolves to ")
    assert f"nothing listens on localhost:{port}" in told


@pytest.mark.parametrize(
    ("head", "cause"),
    [
        ("404 Not Found", "http 404"),
        ("401 Unauthorized", "http 401"),
        ("403 Forbidden", "http 403"),
        ("503 Busy", "http 503"),
        ("302 Found\r\nLocation: ws://127.0.0.1:1/stolen", "http 302"),
        ("500 Oops", "http 500"),
        ("101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade", "subprotocol"),
    ],
)
async def test_an_answer_that_is_no_websocket_is_told_apart_and_never_followed(head: str, cause: str) -> None:
    async with commissioned() as site, RawServer(answering(head)) as url:
        assert bad(await tried(site, url)) == ("websocket", cause)


async def test_another_subprotocol_and_another_language_are_told_apart() -> None:
    async def newer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upgrade(reader, writer, "Sec-WebSocket-Protocol: ocpp2.0.1")

    async def mail(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n\r\n")
        await reader.read(10)

    async def thrown_out(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upgrade(reader, writer, "Sec-WebSocket-Protocol: ocpp1.6")
        writer.write(ws_frame(0x88, b"\x03\xf0"))

    async with commissioned() as site:
        for central, cause in ((newer, "subprotocol"), (mail, "not_websocket"), (thrown_out, "closed")):
            async with RawServer(central) as url:
                assert bad(await tried(site, url)) == ("websocket", cause)


async def test_a_server_that_says_nothing_has_its_time_and_only_one_test_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ladder, "STEP_S", 0.3)

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with commissioned() as site, RawServer(mute) as url:
        first = asyncio.create_task(tried(site, url))
        await asyncio.sleep(0)
        assert await tried(site, url) == []
        assert bad(await first) == ("websocket", "silent")


async def test_a_header_without_end_is_given_up() -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        while True:
            writer.write(b"X-More: " + b"x" * 1000 + b"\r\n")
            await writer.drain()

    async with commissioned() as site, RawServer(endless) as url:
        assert bad(await tried(site, url)) == ("websocket", "not_websocket")


async def test_the_password_goes_to_the_place_it_is_for_and_to_no_other() -> None:
    async def central(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await read_head(reader))
        writer.write(b"HTTP/1.1 401 Unauthorized\r\n\r\n")

    heads: list[dict[str, str]] = []
    key = {"AuthorizationKey": "0123456789abcdef01"}
    async with (
        RawServer(central) as home, RawServer(central) as elsewhere,
        commissioned(supervision=home, settings=key) as site,
    ):  # fmt: skip
        await until(lambda: bool(heads), asyncio.Event())
        heads.clear()
        assert bad(await tried(site, elsewhere)) == ("websocket", "http 401")
        assert "authorization" not in heads[-1]
        assert bad(await tried(site, f"{home}/other")) == ("websocket", "http 401")
        assert heads[-1]["authorization"].startswith("Basic ")


# --- TLS ------------------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def served(context: ssl.SSLContext) -> AsyncIterator[str]:
    """A central system by TLS that lets everybody in."""

    async def central(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await upgrade(reader, writer, "Sec-WebSocket-Protocol: ocpp1.6")
            await reader.read(10)
        writer.close()

    server = await asyncio.start_server(central, "127.0.0.1", 0, ssl=context)
    yield f"wss://127.0.0.1:{server.sockets[0].getsockname()[1]}/ocpp"
    server.close()


CERTIFICATES: dict[str, tuple[Callable[[], Made], str]] = {
    "good": (lambda: given(ours()), ""),
    "another name": (lambda: given(ours(), name="central.example"), "tls_name"),
    "expired": (lambda: given(ours(), days=(-20, -1)), "expired"),
    "of the future": (lambda: given(ours(), days=(5, 20)), "not_yet"),
    "foreign root": (lambda: given(foreign()), "root"),
    "self-signed": (lambda: given(None), "root"),
}


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize(("made", "cause"), CERTIFICATES.values(), ids=list(CERTIFICATES))
async def test_each_trouble_with_a_certificate_has_its_cause_tried_and_dialled(
    made: Callable[[], Made], cause: str, tmp_path: Path
) -> None:
    async with served(tls.server(*made().files(tmp_path))) as url, commissioned(supervision=url) as site:
        steps = await tried(site, f"{url}/other")
        assert bad(steps) == (("tls", cause) if cause else ("", ""))
        if cause:
            await until(lambda: bad(site.embedded().port.ladder()) == ("tls", cause), asyncio.Event())
            assert states(site.embedded().port.ladder())["tcp"] == "good"


@pytest.mark.usefixtures("trusted")
async def test_a_certificate_that_was_replaced_is_looked_at_though_the_link_could_be_taken_up(tmp_path: Path) -> None:
    context = tls.server(*given(ours()).files(tmp_path))
    async with served(context) as url, commissioned(supervision=url) as site:
        assert bad(await tried(site, f"{url}/other")) == ("", "")
        context.load_cert_chain(*given(ours(), name="central.example").files(tmp_path, "new"))
        assert bad(await tried(site, f"{url}/other")) == ("tls", "tls_name")


async def test_wss_at_a_port_without_tls_is_told() -> None:
    async with commissioned() as site, RawServer(answering("400 Bad Request")) as url:
        assert bad(await tried(site, url.replace("ws:", "wss:"))) == ("tls", "tls")


# --- the link as it is ----------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def central(status: str = "Accepted", serial_max: int = 100) -> AsyncIterator[tuple[str, list[str]]]:
    """A strict one; and the serial numbers it was told."""
    serials: list[str] = []

    async def talk(link: websockets.ServerConnection) -> None:
        async for frame in link:
            _kind, ident, action, payload = msgspec.json.decode(frame)
            if action == "BootNotification":
                serials.append(payload["chargeBoxSerialNumber"])
                if len(serials[-1]) > serial_max:
                    await link.send(f'[4,"{ident}","TypeConstraintViolation","chargeBoxSerialNumber is too long",{{}}]')
                    continue
                answer: dict[str, object] = {"status": status, "currentTime": "2026-11-20T12:00:00Z", "interval": 5}
            else:
                answer = {}
            await link.send(msgspec.json.encode([3, ident, answer]).decode())

    async with websockets.serve(talk, "127.0.0.1", 0, subprotocols=[websockets.Subprotocol("ocpp1.6")]) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ocpp", serials


async def test_an_older_version_than_the_address_stands_for_is_told_there_and_at_its_field() -> None:
    async with central() as (url, _serials), commissioned(supervision=url, settings={"ocppVersion": "1.5"}) as site:
        await until(lambda: site.host().view().link.boot == "Accepted", asyncio.Event())
        steps = {each.name: each for each in site.embedded().port.ladder()}
        assert (steps["address"].state, steps["address"].cause) == ("good", "version")
        async with site.client(ADMIN) as client:
            assert "OCPP 1.5 is set, but an address" in (await client.get("overview/station")).text
            assert "1.6 is spoken, whatever stands here" in (await client.get("configuration/supervision")).text
            await client.save("configuration/supervision", ocpp_version="1.6")
            assert "whatever stands here" not in (await client.get("configuration/supervision")).text
        assert not any(each.cause for each in site.embedded().port.ladder())


async def test_a_station_that_is_booted_has_all_steps_good() -> None:
    async with central() as (url, _serials), commissioned(supervision=url) as site:
        await until(lambda: set(states(site.embedded().port.ladder()).values()) == {"good"}, asyncio.Event())
        steps = site.embedded().port.ladder()
    assert [each.name for each in steps] == [
        "process", "address", "tcp", "websocket", "boot", "connectors", "answer", "waiting",
    ]  # fmt: skip


@pytest.mark.parametrize(("status", "expected"), [("Rejected", ("boot", "rejected")), ("Pending", ("", ""))])
async def test_a_boot_that_is_not_accepted_is_never_green(status: str, expected: tuple[str, str]) -> None:
    async with central(status) as (url, _serials), commissioned(supervision=url) as site:
        await until(lambda: site.host().view().link.boot == status, asyncio.Event())
        steps = list(site.embedded().port.ladder())
    assert bad(steps) == expected
    assert states(steps)["boot"] in ("bad", "wait")
    assert states(steps)["connectors"] == "unknown"


async def test_serial_numbers_too_long_for_a_strict_supervision_are_cured_by_one_click() -> None:
    async with (
        central(serial_max=25) as (url, serials), commissioned(supervision=url, speed=60) as site,
        site.client(ADMIN) as client,
    ):  # fmt: skip
        await until(lambda: bad(site.embedded().port.ladder()) == ("boot", "serial"), asyncio.Event())
        page = (await client.get("overview/station")).text
        assert "the serial number has 33 characters, OCPP allows 25" in page
        key = "truncateBootNotificationsSerialNumbers"
        assert f"Switch it on: {key}" in page
        form = {"csrf": await client.csrf("overview/station"), "key": key}
        await client.http.post(f"{client.at}overview/station/do/cure", data=form)
        await until(lambda: site.host().view().link.boot == "Accepted", asyncio.Event())
        assert bad(site.embedded().port.ladder()) == ("", "")
    assert len(serials[-1]) == 25


@pytest.mark.parametrize(
    ("head", "cause"), [("404 Not Found", "http 404"), ("401 Unauthorized", "http 401"), ("302 Found", "http 302")]
)
async def test_a_refused_dial_is_shown_with_its_remedy(head: str, cause: str) -> None:
    async with RawServer(answering(head)) as url, commissioned(supervision=url) as site:
        await until(lambda: bad(site.embedded().port.ladder()) == ("websocket", cause), asyncio.Event())
        async with site.client(USER) as client:
            page = (await client.get("overview/station/live")).text
    what, remedy = words_of.REMEDIES.get(cause, words_of.REMEDIES["http 3"])
    assert what in page
    assert remedy in page


async def test_nobody_at_the_port_and_no_address_are_told_apart() -> None:
    async with commissioned(settings={"Supervised": True}) as site:
        assert bad(site.embedded().port.ladder()) == ("address", "none")
    async with commissioned(supervision="ws://127.0.0.1:1/ocpp") as site:
        await until(lambda: bad(site.embedded().port.ladder()) == ("tcp", "refused"), asyncio.Event())
        site.host().faults.set(cut=True)
        assert bad(await tried(site, "ws://127.0.0.1:1/other")) == ("tcp", "cable")


@pytest.mark.slow
async def test_r_277_a_wrong_gateway_ends_the_link_with_the_reboot_and_the_right_one_brings_it_back() -> None:
    """Until then the station goes on with the old one (commissioning guide, Network: Save and Reboot)."""
    async with central() as (url, _serials), commissioned(supervision=url, speed=60) as site:
        port = site.embedded().port
        await until(lambda: site.host().view().link.boot == "Accepted", asyncio.Event())
        async with site.client(ADMIN) as client:
            await client.save("configuration/network", network_gateway="192.168.0.1")
            assert bad(port.ladder()) == bad(await tried(site, f"{url}/other")) == ("", "")
            await client.save("configuration/network", reboot=True, network_gateway="192.168.0.2")
            await until(
                lambda: "no router at the default gateway 192.168.0.2" in site.host().view().link.error, asyncio.Event()
            )
            assert bad(port.ladder()) == bad(await tried(site, "ws://elsewhere.invalid/x")) == ("tcp", "gateway")
            await until(lambda: [each.code for each in port.errors() if each.connectors] == ["30"], asyncio.Event())
            page = (await client.get("overview/station")).text
            assert words_of.REMEDIES["gateway"][1] in page
            header = page[page.index("<header") : page.index("</header>")]
            assert "Operational, with errors" in header, "it is not green while an error stands"
            assert "30 Supervision Communication" in header
            await client.save("configuration/network", reboot=True, network_gateway="192.168.0.254")
        await until(lambda: site.host().view().link.boot == "Accepted", asyncio.Event())
        assert bad(port.ladder()) == ("", "")


async def test_r_279_a_wi_fi_card_takes_its_settings_over_when_the_power_comes_back() -> None:
    card = {"WifiPresent": True, "WifiSsid": "elsewhere", "WifiKey": "0123456789"}
    async with central() as (url, _serials), commissioned(supervision=url, settings=card, speed=60) as site:
        port = site.embedded().port
        await until(lambda: bad(port.ladder()) == ("tcp", "wifi_name"), asyncio.Event())
        port.change({"WifiSsid": "chargepost"}, ADMIN)
        life = site.host().life
        port.restart()
        await until(lambda: site.host().life > life and site.host().station is not None, asyncio.Event())
        assert bad(port.ladder()) == ("tcp", "wifi_name")
        site.host().power_cycle(5)
        await until(lambda: site.host().view().link.boot == "Accepted", asyncio.Event())


async def test_r_280_a_modem_that_loses_its_power_takes_the_link_along() -> None:
    async with (
        central() as (url, _serials), commissioned(supervision=url, settings={"ModemPresent": True}, speed=60) as site,
    ):  # fmt: skip
        await until(lambda: site.host().view().link.boot == "Accepted", asyncio.Event())
        site.host().set_input("modem", False)
        await until(lambda: bad(site.embedded().port.ladder()) == ("tcp", "modem"), asyncio.Event())
        site.host().set_input("modem", True)
        await until(lambda: bad(site.embedded().port.ladder()) == ("", ""), asyncio.Event())
        await until(lambda: site.host().view().link.state == "open", asyncio.Event())


async def test_the_cable_and_the_modem_are_put_back_each_by_itself() -> None:
    async with (
        central() as (url, _serials), commissioned(supervision=url, settings={"ModemPresent": True}, speed=60) as site,
    ):  # fmt: skip
        host, nothing = site.host(), asyncio.Event()
        await until(lambda: host.view().link.boot == "Accepted", nothing)
        host.faults.set(cut=True)
        host.set_input("modem", False)
        host.set_input("modem", True)
        assert host.faults.cut, "the cable is still out"
        host.set_input("modem", False)
        host.faults.set(cut=False)
        assert host.faults.cut, "the modem is still without power"
        site.embedded().port.change({"ModemPresent": "false"}, ADMIN)
        life = host.life
        site.embedded().port.restart()
        await until(lambda: host.life > life and host.view().link.state == "open", nothing)


async def test_a_standalone_station_has_no_broken_step_and_is_told_where_that_is_chosen() -> None:
    """From the factory; its page Supervision is not there."""
    async with commissioned() as site, site.client(ADMIN) as client:
        assert [each.state for each in site.embedded().port.ladder() if each.state == "bad"] == []
        page = (await client.get("overview/station")).text
        assert "The station type is Standalone" in page
        assert "on the sub-tab General settings" in page
        assert 'class="rung-bad"' not in page


async def test_a_link_that_is_open_is_not_disturbed_by_a_test() -> None:
    async with central() as (url, serials), commissioned(supervision=url) as site:
        await until(lambda: site.host().view().link.boot == "Accepted", asyncio.Event())
        assert states(await tried(site, url))["boot"] == "good"
        assert len(serials) == 1


# --- words ----------------------------------------------------------------------------------------------------------


def test_every_cause_has_words_and_a_remedy() -> None:
    source = (Path(ladder.__file__)).read_text()
    causes = set(re.findall(r'_bad\("\w+", "(\w+)"', source)) | set(re.findall(r'"bad", "(\w+)"', source))
    causes |= set(re.findall(r'cause = "(\w+)"', source)) | set(re.findall(r'"unknown", "(\w+)"', source))
    assert causes - words_of.REMEDIES.keys() == set()
    assert causes >= {"none", "http", "scheme", "timeout", "cable", "silent", "serial"}
    assert words_of.REMEDIES.keys() >= ladder.OF_TCP


async def test_the_test_is_for_the_admin_alone_and_says_what_it_found() -> None:
    nowhere = "ws://127.0.0.1:1/ocpp"
    async with commissioned(supervision=nowhere) as site, site.client(ADMIN) as admin, site.client(USER) as user:
        address = "configuration/supervision"
        page = (await admin.get(address)).text
        assert "data-link-test" in page
        assert words_of.REMEDIES["refused"][0] in page
        for client, status in ((admin, 200), (user, 404)):
            form = {"csrf": await client.csrf(), "supervision-url": "http://supervision.example/soap"}
            answer = await client.http.post(f"{client.at}{address}/do/test", data=form)
            assert answer.status_code == status
            if status == 200:
                assert words_of.REMEDIES["http"][0] in answer.text
        assert site.setting("SupervisionUrl") == nowhere
