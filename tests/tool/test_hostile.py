"""What strangers and careless people send: scripts, files that are none, addresses within, slow and foreign clients.

Nothing runs, nothing leaks, nothing is half done, and a charge goes on.
"""

import asyncio
import contextlib
import io
import json
import logging
import zipfile
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from chargepost import signals as sig
from chargepost.commissioning import badge_file, tabs, transfer, views
from chargepost.commissioning.access import ADMIN, USER
from chargepost.commissioning.api import COOKIE, TOLDS_MAX, Tool
from chargepost.commissioning.words import words
from chargepost.drivers.simulated import CarSpec
from chargepost.run.gate import Place
from chargepost.run.store import hold
from chargepost.run.transfer import Terms
from chargepost.run.verify import verify
from chargepost.signals import OwnBadge
from chargepost.spreadsheet import FORMULA
from chargepost.web import Files
from tests.shells.rig import until
from tests.tool.payloads import PAYLOADS, SHORT_MAX, odd
from tests.tool.rig import OWN, Client, Commissioned, commissioned
from tests.tool.test_access_table import change, everything
from tests.tool.test_frames import ask, put


async def send(client: Client, at: str, data: bytes, **headers: str) -> tuple[int, str]:
    headers = {"x-csrf": await client.csrf(), "content-type": "application/octet-stream", **headers}
    answer = await client.http.post(client.at + at, content=data, headers=headers, follow_redirects=True)
    return answer.status_code, answer.text


# --- scripts ---------------------------------------------------------------------------------------------------------


ONLY_WITHIN_SCRIPTS = {"'-hit()-'", '\\";hit();//', "${hit()}", "{{ self.__init__.__globals__ }}{{7*191}}"}
"""Or where a template takes them for its own: the browser tests look for what these do."""


def test_there_are_sixty_payloads_and_each_is_seen_where_it_is_not_escaped() -> None:
    assert len(set(PAYLOADS)) == len(PAYLOADS) == 60
    within = ('<p title="{}"></p>', "<p title='{}'></p>", "<textarea>{}</textarea>", "<title>{}</title>", "<p>{}</p>",
              "<!--{}-->", "<a href='{}'>x</a>")  # fmt: skip
    unseen = {each for each in PAYLOADS if not any(odd(form.replace("{}", each)) for form in within)}
    assert unseen <= ONLY_WITHIN_SCRIPTS


@pytest.mark.slow
async def test_sixty_payloads_in_every_field_are_shown_as_text() -> None:
    settings = {"Supervised": True, "WifiPresent": True}
    async with commissioned("evlink-smart-wallbox@R7", settings=settings) as site, site.client(ADMIN) as client:
        port = site.embedded().port
        rows = [
            (row, sub) for row, sub in tabs.every_field(port)
            if views.shown(row, sub, ADMIN, port, words("en")).writable and row.key
        ]  # fmt: skip
        kept: set[str] = set()
        for payload in PAYLOADS:
            await refuse_in_forms(client, rows, payload)
            takers = [row.name for row, _ in rows if not refuses(port, row, payload)]
            answer = await change(client, dict.fromkeys(takers, payload))
            assert set(answer["refused"]) <= {"set-point", "ip-address"}, answer
            kept |= set(answer["changed"])
            answer = await client.get("configuration/general")
            assert odd(answer.text) == [], payload
        for sub in tabs.SUB_TABS:
            assert odd((await client.get(f"{sub.tab}/{sub.name}")).text) == [], sub.name
        assert {"box-identity", "smtp-server", "http-path"} <= kept
        assert odd((await client.get("about")).text) == []
        assert odd((await client.get("maintenance/report/files/report.html")).text, file=True) == []


def refuses(port: Any, row: views.Field, value: str) -> bool:
    if views.choices_of(row, port) or not value.isprintable() or (row.refuses and row.refuses(port, value)):
        return True
    keys = row.sets(port, value) if row.sets else {row.key: value}
    return any(port.refuses(key, each) for key, each in keys.items())


async def refuse_in_forms(client: Client, rows: list[tuple[views.Field, views.SubTab]], payload: str) -> None:
    """Each form with the payload in all of its fields comes back with what was typed."""
    csrf = await client.csrf()
    for at in {f"{sub.tab}/{sub.name}" for _, sub in rows}:
        form = {row.name: payload for row, sub in rows if at == f"{sub.tab}/{sub.name}"}
        answer = await client.http.post(client.at + at, data=form | {"csrf": csrf})
        assert answer.status_code == 422, (at, payload)
        assert odd(answer.text) == [], (at, payload)


QUERY = ("first", "last", "badge", "socket", "comment", "search", "page", "next", "action", "outcome", "n", "before")
"""Everything that an address of a page may say."""


@pytest.mark.slow
async def test_sixty_payloads_through_addresses_and_the_login_are_shown_as_text() -> None:
    async with commissioned("evlink-parking") as site, site.client(ADMIN) as client, site.client() as nobody:
        for payload in PAYLOADS:
            for path in ("records/charges", "authentication/badges", "overview/frames", "login"):
                query = dict.fromkeys(
                    ("first", "last", "badge", "socket", "comment", "search", "page", "next"), payload
                )
                answer = await client.get(path, params=query)
                assert answer.status_code == 200, path
                assert odd(answer.text) == [], (path, payload)
            refused = await nobody.log_in(payload, payload)
            assert odd(refused.text) == [], payload
        lost = await client.get("configuration/%3Cscript%3Ehit()%3C%2Fscript%3E", headers={"accept": "text/html"})
        assert (lost.status_code, odd(lost.text)) == (404, [])
        lost = await client.http.get(f"{site.url}%3Cscript%3Ehit()", headers={"accept": "text/html"})
        assert lost.status_code == 404
        assert "<script>hit" not in lost.text


@pytest.mark.slow
async def test_sixty_payloads_through_both_imports_are_shown_as_text() -> None:
    async with commissioned("evlink-parking") as site, site.client(ADMIN) as client:
        short = [each for each in PAYLOADS if len(each) <= SHORT_MAX and each.isprintable()]
        comments = [each for each in PAYLOADS if len(each) <= badge_file.COMMENT_MAX and each.isprintable()]
        assert len(short) > 4
        assert len(comments) > 40
        rows = [OwnBadge(n, short[n - 1] if n <= len(short) else f"B{n}", "User", each)
                for n, each in enumerate(comments, 1)]  # fmt: skip
        data = badge_file.written(rows)
        status, page = await send(client, "authentication/badges/do/import", data)
        assert (status, odd(page)) == (200, [])
        form = {"csrf": await client.csrf(), "file": data.decode()}
        at = f"{client.at}authentication/badges/do/replace"
        page = (await client.http.post(at, data=form, follow_redirects=True)).text
        assert f"The list has {len(rows)} badges now." in page
        assert odd(page) == []
        cells = (await client.get("authentication/badges/files/badges.csv")).text
        assert not [line for line in cells.splitlines() if line.split(";")[1][:1] in FORMULA]

        for payload in PAYLOADS:
            text = sealed(site, box_identity=payload.replace("\n", " ").replace("\t", " "), NetworkGateway=payload)
            form = {"csrf": await client.csrf(), "text": text}
            answer = await client.http.post(f"{client.at}configuration/general/do/import-preview", data=form)
            assert odd(answer.text) == [], payload
            answer = await client.http.post(f"{client.at}configuration/general/do/import", data=form)
            assert answer.status_code == 422, payload  # a gateway is none of these
            assert odd(answer.text) == [], payload


def sealed(site: Commissioned, **values: str) -> str:
    """A configuration file as it would be with these values, with its seal: whoever reads the code can make one."""
    text = transfer.export(site.embedded().port).decode().rpartition("# seal")[0]
    names = {"box_identity": "boxIdentity"}
    for name, value in values.items():
        key = names.get(name, name)
        lines = [line for line in text.split("\n") if not line.lower().startswith(f"{key.lower()}=")]
        assert len(lines) < len(text.split("\n")), key
        at = next(n for n, line in enumerate(lines) if line.startswith("[") and line != "[STATION]") + 1
        text = "\n".join([*lines[:at], f"{key}=".ljust(transfer.VALUE_AT) + value, *lines[at:]])
    return f"{text}# seal = {transfer._seal(text)}\n"


def say_all(site: Commissioned, payloads: Iterable[str]) -> int:
    """A supervision that puts scripts everywhere, and one badge of each; the number of the last frame."""
    for number, payload in enumerate(payloads):
        text = json.dumps(payload)
        ask(site, f"a{number}", "Authorize", f'{{"idTag":{text}}}', f'[4,"ID",{text},{text},{{"x":{text}}}]')
        put(site, False, f'[2,{text},{text},{{"key":{text},"value":{text}}}]')
        put(site, False, f'[2,"b{number}","ChangeConfiguration",{{"key":{text},"value":{text}}}]')
        put(site, True, f'[3,"b{number}",{{"status":{text}}}]')
        put(site, False, payload)
    return site.embedded().port.last_frame()


@pytest.mark.slow
async def test_sixty_payloads_of_a_supervision_are_shown_as_text_among_the_frames() -> None:
    async with commissioned("evlink-parking") as site, site.client(ADMIN) as client:
        last = say_all(site, PAYLOADS)
        assert last >= 5 * len(PAYLOADS)
        seen = 0
        for before in range(last + 1, 0, -100):
            page = (await client.get("overview/frames", params={"before": str(before)})).text
            assert odd(page) == [], before
            seen += page.count("hit()")
        assert seen > len(PAYLOADS)
        for number in range(1, last + 1, 7):
            assert odd((await client.get("overview/frames", params={"n": str(number)})).text) == [], number


UNSEEN = ("a\nb", "x\n[STATION]\nproduct=evil", "x\r\nRCPT TO: <a@a.example>", "a\0b", "a\u2028b", "\x1b[2J", "\u202eb")
"""Text that is more than a line, or other than it looks."""


async def test_a_value_is_a_line_that_can_be_seen_and_the_file_holds_no_other() -> None:
    """By OCPP it may be set nevertheless: the file of the configuration can still be read."""
    async with commissioned("evlink-parking", settings={"Supervised": True}) as site, site.client(ADMIN) as client:
        port = site.embedded().port
        for text in UNSEEN:
            for name in ("station-name", "box-identity", "smtp-server", "smtp-user", "smtp-password", "http-path"):
                answer = await change(client, {name: text})
                assert list(answer["refused"]) == [name], text
            site.host().tell(sig.SettingChanged("boxIdentity", text, "the supervision"))
            assert transfer.read(transfer.export(port).decode(), port, words("en")), text


# --- files that are none ---------------------------------------------------------------------------------------------


def zipped(**members: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name.replace("_", "/").replace("UP", ".."), data)
    return made.getvalue()


GOOD_CSV = badge_file.written([OwnBadge(1, "04A1", "User", "Anna")])
BAD: dict[str, bytes] = {
    "empty": b"",
    "NUL": GOOD_CSV.replace(b"Anna", b"An\0a"),
    "NULs": bytes(100_000),
    "UTF-16": GOOD_CSV.decode().encode("utf-16"),
    "Latin-1": GOOD_CSV.decode().replace("Anna", "Änna").encode("latin-1"),
    "half a character": GOOD_CSV[:-3] + b"\xc3",
    "a million lines": b"1;04A1;User;\r\n" * 70_000,
    "more than a million lines": b"1;04A1;User;\r\n" * 1_000_000,
    "one endless line": b"1;" * 450_000,
    "one endless quote": b'number;identifier;type;comment\r\n1;"' + b"x" * 900_000,
    "a bomb": zipped(bomb=bytes(50_000_000)),
    "a traversal": zipped(UP_UP_UP_etc_passwd=b"root::0:0:::"),
    "a page": b"<!doctype html><script>hit()</script>",
    "a number too large": GOOD_CSV.replace(b"\r\n1;", b"\r\n" + b"9" * 5000 + b";"),
}


@pytest.fixture
async def parked(tmp_path: Path) -> AsyncIterator[tuple[Commissioned, Client]]:
    store = hold(tmp_path / "store")
    async with commissioned("evlink-parking@R7", store=store, speed=20) as site, site.client(ADMIN) as client:
        yield site, client


async def test_files_that_are_none_are_refused_and_change_nothing(parked: tuple[Commissioned, Client]) -> None:
    site, client = parked
    site.host().tell(sig.BadgeKept("04OLD"))
    before = everything(site)
    for name, data in BAD.items():
        status, page = await send(client, "authentication/badges/do/import", data)
        assert status in (413, 422), name
        assert odd(page) == [], name
        for action in ("import-preview", "import"):
            form = {"csrf": await client.csrf(), "text": data[:5_000_000].decode("utf-8", "replace")}
            answer = await client.http.post(f"{client.at}configuration/general/do/{action}", data=form)
            assert answer.status_code in (413, 422), (name, action)
            assert odd(answer.text) == [], (name, action)
        if data:
            header = "..%2f..%2f..%2fetc%2fpasswd"
            status, page = await send(client, "maintenance/firmware/do/bring", data, **{"x-file": header})
            assert status in (200, 413), name
            await until(lambda: site.embedded().port.firmware().step == "", asyncio.Event())
    station = site.host().station
    assert station
    assert [each.id_tag for each in site.embedded().port.badges()] == ["04OLD"]
    assert everything(site) == before
    assert site.host().model.release == "R7"


async def test_no_name_leads_out_of_where_it_stands(parked: tuple[Commissioned, Client]) -> None:
    site, client = parked
    for up in ("../", "..%2f", "%2e%2e/", "%2e%2e%2f", "..\\", "..%5c", "%252e%252e%252f", "....//", "/", "%2f"):
        for path in (f"static/{up}api.py", f"vendor/{up}access.py", f"static/{up * 8}etc/passwd",
                     f"stations/{up}S1/about", f"stations/S1/records/charges/files/{up}charges.csv",
                     f"stations/S1/maintenance/{up * 8}etc/passwd"):  # fmt: skip
            reader, writer = await asyncio.open_connection(*site.url[7:-1].split(":"))
            cookie = f"{COOKIE}={client.http.cookies[COOKIE]}"
            writer.write(f"GET /{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\n"
                         "Connection: close\r\n\r\n".encode())  # fmt: skip
            answer = await reader.read()
            writer.close()
            assert answer.split(b" ")[1] in (b"303", b"400", b"404"), path
            assert b"root:" not in answer, path
            assert b"scrypt" not in answer, path


# --- addresses within ------------------------------------------------------------------------------------------------

WITHIN = ("127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0.0.0.0", "::1", "[::1]",
          "::ffff:127.0.0.1", "127.0.0.1.", "LOCALHOST", "169.254.169.254", "224.0.0.1", "user@127.0.0.1",
          "127.0.0.1#a", "127.0.0.1/a", "127.0.0.1?a", "a.example@127.0.0.1", "127.0.0.1%00", "①②⑦.⓪.⓪.①")  # fmt: skip


async def low_port(heard: Any) -> tuple[asyncio.Server, int]:
    """A server at a free port that the page takes: 9999 is the highest."""
    for port in range(9_999, 1_024, -1):
        with contextlib.suppress(OSError):
            return await asyncio.start_server(heard, "127.0.0.1", port), port
    raise AssertionError("no free port")


async def test_publication_reaches_nothing_on_this_machine(parked: tuple[Commissioned, Client]) -> None:
    _site, client = parked
    came: list[bytes] = []

    async def heard(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(await reader.read(100))
        writer.close()

    server, port = await low_port(heard)
    async with server:
        for protocol in ("HTTP", "FTP"):
            name = protocol.lower()
            for host in WITHIN:
                values = {"report-protocol": protocol, f"{name}-server": host, f"{name}-port": str(port)}
                if protocol == "HTTP":
                    values |= {"http-field-name": "f", "http-path": "/"}
                if (await change(client, values))["refused"]:
                    continue
                form = {"csrf": await client.csrf()}
                answer = await client.http.post(
                    f"{client.at}records/publication/do/test", data=form, follow_redirects=True
                )
                assert "The test did not arrive." in answer.text, host
    assert came == []


async def test_the_test_of_a_supervision_reaches_nothing_on_this_machine() -> None:
    """Where the tool is open to others; who is at the machine itself may try what is on it."""
    came: list[bytes] = []

    async def heard(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(await reader.read(100))
        writer.close()

    async with await asyncio.start_server(heard, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with commissioned("evlink-pro-ac") as site, site.client(ADMIN) as client:
            site.embedded().port._private = False  # type: ignore[attr-defined]  # as behind an address of the network
            for host in WITHIN:
                form = {"csrf": await client.csrf(), "supervision-url": f"ws://{host}:{port}/ocpp"}
                at = f"{client.at}configuration/supervision/do/test"
                answer = await client.http.post(at, data=form, follow_redirects=True)
                assert answer.status_code in (200, 422), host
                assert odd(answer.text) == [], host
    assert came == []


class Heard(asyncio.DatagramProtocol):
    """Keeps what comes."""

    def __init__(self) -> None:
        self.came: list[bytes] = []
        self.happened = asyncio.Event()

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.came.append(data)
        self.happened.set()


async def test_a_time_server_is_asked_one_question_that_carries_nothing() -> None:
    """And none on this machine, unless its owner means it: whoever names it can neither write the question nor read the
    answer."""
    loop = asyncio.get_running_loop()
    transport, heard = await loop.create_datagram_endpoint(Heard, local_addr=("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    here = Terms((Place("127.0.0.1"),))
    async with commissioned("evlink-parking", files=here) as site, site.client(USER) as client:
        for text in ("127.0.0.1:123\r\nX", "a b", "file:///etc/passwd", "http://127.0.0.1/", "-oProxy", "x" * 201):
            answer = await change(client, {"ntp-server": text})
            assert odd(str(answer)) == [], text
        await change(client, {"time-settings": "NTP server", "ntp-server": f"127.0.0.1:{port}"})
        await until(lambda: heard.came != [], heard.happened)
    transport.close()
    (question,) = heard.came
    assert len(question) == 48
    assert question[0] == 0x23
    assert question[1:40] == bytes(39)


# --- foreign pages ---------------------------------------------------------------------------------------------------


async def test_nothing_is_done_for_another_origin_and_nothing_told_to_another_name() -> None:
    async with commissioned("evlink-parking") as site, site.client(ADMIN) as client:
        before, csrf = everything(site), await client.csrf()
        own = urlsplit(site.url).netloc
        origins = ("http://evil.example", "null", "", "file://", f"http://{own}.evil.example", "http://127.0.0.1:1",
                   f"http://evil.example/{own}", f"http://evil.example:{own[10:]}", "http://127.0.0.1")  # fmt: skip
        posts = [row for row in Tool(None, lambda: 0.0, "").rows()  # type: ignore[arg-type]  # rows do not ask
                 if not isinstance(row, Files) and row.method != "GET"]  # fmt: skip
        for row in posts:
            at = site.url.rstrip("/") + row.path.format(id="S1", tab="configuration", sub="general", action="import")
            for headers in (*({"origin": origin} for origin in origins), {"sec-fetch-site": "cross-site"},
                            {"sec-fetch-site": "same-site"}):  # fmt: skip
                answer = await client.http.request(
                    row.method, at, data={"csrf": csrf, "station-name": "taken"}, headers=headers | {"x-csrf": csrf}
                )
                assert answer.status_code == 403, (row.path, headers)
        for host in ("evil.example", f"evil.example:{urlsplit(site.url).port}", "127.0.0.1.evil.example", "",
                     "127.0.0.2"):  # fmt: skip
            for path in ("", "login", "api/state", "api/fields", "configuration/general", "about"):
                answer = await client.get(path, headers={"host": host})
                assert answer.status_code in (400, 403), (path, host)
                assert "S1" not in answer.text, (path, host)
        assert everything(site) == before
        assert (await client.get("api/fields")).status_code == 200, "the session is still there"


async def test_a_session_is_never_one_that_somebody_else_knows() -> None:
    """Fixation: what a browser brings is not taken over, and each step to more rights has a new token."""
    async with commissioned("evlink-parking") as site, site.client() as client:
        client.http.cookies.set(COOKIE, "planted", path="/stations/S1/")
        await client.log_in(ADMIN, site.first())
        tokens = {each.value for each in client.http.cookies.jar if each.name == COOKIE and each.value}
        assert tokens - {"planted"}
        first = str(next(iter(tokens - {"planted"})))
        embedded = site.embedded()
        assert embedded.access.session("planted", 0) is None
        assert embedded.access.session("", 0) is None
        client.http.cookies.clear()
        client.http.cookies.set(COOKIE, first, path="/stations/S1/")
        form = {
            "csrf": await client.csrf("password"),
            "old": site.first(),
            "new": OWN,
            "again": OWN,
        }
        changed = await client.http.post(f"{client.at}password", data=form)
        second = changed.cookies[COOKIE]
        assert second != first
        client.http.cookies.clear()
        for token, status in ((first, 401), (second, 200)):
            bearer = {"authorization": f"Bearer {token}"}
            assert (await client.get("api/fields", headers=bearer)).status_code == status
        client.http.cookies.set(COOKIE, second, path="/stations/S1/")
        csrf = await client.csrf()
        again = await client.log_in(ADMIN, OWN)  # in the same browser
        third = again.cookies[COOKIE]
        client.http.cookies.clear()
        bearer = {"authorization": f"Bearer {second}"}
        assert (await client.get("api/fields", headers=bearer)).status_code == 401
        client.http.cookies.set(COOKIE, third, path="/stations/S1/")
        assert (await client.http.post(f"{client.at}logout", data={"csrf": csrf})).status_code == 403
        await client.http.post(f"{client.at}logout", data={"csrf": await client.csrf()})
        bearer = {"authorization": f"Bearer {third}"}
        assert (await client.get("api/fields", headers=bearer)).status_code == 401


async def test_what_nobody_comes_to_read_is_not_kept_for_ever() -> None:
    async with commissioned("evlink-parking") as site, site.client(ADMIN) as client:
        csrf = await client.csrf()
        for _try in range(3 * TOLDS_MAX):
            await client.http.post(f"{client.at}authentication/badges/do/change", data={"csrf": csrf, "badge": "none"})
        (waiting,) = site.embedded().tolds.values()
        assert len(waiting) == TOLDS_MAX
        page = (await client.get("about")).text
        assert page.count("This badge is not on the list any more.") == TOLDS_MAX
        assert site.embedded().tolds == {}


# --- all of it during a charge ---------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def dripping(site: Commissioned, count: int) -> AsyncIterator[list[asyncio.StreamWriter]]:
    """Clients that send a byte now and then, some of a header, some of a body."""
    starts = (
        b"GET /stations/S1/login HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ",
        b"POST /stations/S1/login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 60000\r\n\r\nuser=",
        b"POST /stations/S1/api/login HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n",
    )
    writers = []
    for number in range(count):
        _reader, writer = await asyncio.open_connection(*site.url[7:-1].split(":"))
        writer.write(starts[number % len(starts)])
        writers.append(writer)
    stop = asyncio.Event()

    async def drip() -> None:
        while not stop.is_set():
            for writer in writers:
                if not writer.is_closing():
                    writer.write(b"a")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 0.05)

    dripper = asyncio.ensure_future(drip())
    try:
        yield writers
    finally:
        stop.set()
        await dripper
        for writer in writers:
            writer.close()


@pytest.mark.slow
async def test_a_charge_goes_on_and_its_energy_is_right_while_fifty_clients_drip(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The energy of the record is what the car took: its steady power for as long as it charged."""
    settings = {"AuthenticationOCPPMode": "false", "defaultIdTag": "04A1"}
    store = hold(tmp_path / "store")
    async with commissioned("evlink-parking", store=store, settings=settings, speed=60) as site:
        host, publisher = site.host(), site.house.stations.publisher
        await site.up()
        async with site.client(ADMIN) as client, dripping(site, 50):
            host.plug_in(1, CarSpec(name="car", battery_wh=60_000, soc_percent=20, phases=1, max_current_a=16))
            await until(lambda: host.view().connectors[0].power_w > 3_000, asyncio.Event())
            powers = set()
            while (transaction := host.view().connectors[0].transaction) and transaction.energy_wh < 250:
                assert (await client.get("maintenance/status")).status_code == 200
                await send(client, "authentication/badges/do/import", BAD["a bomb"])
                powers.add(round(host.view().connectors[0].power_w))
            host.tell(sig.StopAsked(1))
            await until(lambda: publisher.newest("S1") == 1, asyncio.Event())
        (record,) = publisher.charges("S1", 10)
        assert min(powers) > 3_000, "it never paused"
        assert record.energy_wh == pytest.approx(max(powers) * record.duration_s / 3600, rel=0.08)
    assert verify(tmp_path / "store") == []
    # who leaves half way is no fault of ours
    assert [each.getMessage() for each in caplog.records if each.levelno >= logging.ERROR] == [], (
        "who leaves is no fault"
    )
