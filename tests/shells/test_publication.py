"""Charge records are published: by mail, FTP and HTTP, each also by TLS, to real servers on loopback.

The commissioning guide, Publication settings. The date is the station's own, set as a time server would.
"""

import asyncio
import base64
import contextlib
import csv
import email
import email.policy
import io
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from email.message import EmailMessage, Message
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from tests.patience import PATIENCE_S
from tests.shells import file_servers as servers
from tests.shells.file_servers import PASSWORD, USER
from tests.shells.rig import until

from chargepost import signals as sig
from chargepost.drivers.network import Around
from chargepost.journal import Journal
from chargepost.records import cdr
from chargepost.records.ledger import STATION_SCHEMA, STATION_SEALED, STATION_VERSION
from chargepost.records.publish import RETRY_S, State
from chargepost.run.clock import Clock
from chargepost.run.frames import Frames
from chargepost.run.gate import Limits, Place, TransferError
from chargepost.run.given import find_model, judge
from chargepost.run.publish import Publisher
from chargepost.run.runner import Carriage, StationHost
from chargepost.run.sending import Way, gate_for, place_of, way_of
from chargepost.run.transfer import Terms
from chargepost.signals import ChargeDetail, ChargeRecord, Remember
from chargepost.station.settings import Settings

LOCAL = Place("127.0.0.1")
PARIS = ZoneInfo("Europe/Paris")
DETAIL = ChargeDetail("3N152820234A1S1B7551700014", "AC_SINGLE_PHASE", "TYPE2", "Anna")
QUICK = Limits(connect_s=5.0, idle_s=5.0, total_s=15.0)
SECRETS = (PASSWORD, base64.b64encode(PASSWORD.encode()).decode())


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS).timestamp()


def charge(n: int) -> ChargeRecord:
    begun = at("2026-03-01 10:00")
    return ChargeRecord(f"1-{n}", 1, "04A2", begun + n, begun + 3600, n, n + 7, 9.0, "Local", 900 + n, True, DETAIL)


class Yard:
    """One station whose charge records are published, with a store that outlives it."""

    def __init__(self, folder: Path, settings: dict[str, str], terms: Terms, trusted: Path | None) -> None:
        self.folder, self.terms, self.trusted = folder, terms, trusted
        self.settings = {"TimeZone": "Europe/Paris", "ReportFrequency": "Daily", **settings}
        self.open()

    def open(self) -> None:
        """The process begins."""
        clock = Clock()
        self.clock = clock
        self.journal = Journal(self.folder / "stations.sqlite", STATION_SCHEMA, STATION_VERSION, sealed=STATION_SEALED)
        carriage = Carriage(clock, self.journal, Frames(), lambda: 0.5, lambda identity, what: None)
        self.host = StationHost(judge("CP-1", find_model("evlink-parking"), self.settings), carriage)
        self.publisher = Publisher(clock, self.journal, {"CP-1": self.host}, self.terms, self._tls)
        self.host.start()

    def _tls(self, accept_self_signed: bool) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.trusted) if self.trusted else None)

    def end(self) -> None:
        """The process ends, as it likes."""
        self.publisher.close()
        self.host.remove()
        self.journal.close()

    def charged(self, *numbers: int) -> None:
        self.host.ledger.keep("CP-1", {}, lambda: None, Remember(1, {}, records=tuple(map(charge, numbers))))
        assert self.journal.flush(PATIENCE_S)

    def set(self, **settings: str) -> None:
        self.host.tell(*(sig.SettingChanged(key, value) for key, value in settings.items()))

    def look(self, date: str | float) -> State:
        """At this date, once."""
        utc_s = at(date) if isinstance(date, str) else date
        self.host.tell(sig.ClockSet(utc_s, "NTP"))
        self.publisher.start()
        if self.publisher._timer:
            self.publisher._timer.cancel()  # a test says itself when it is looked at
        return self.state

    @property
    def state(self) -> State:
        return self.publisher.state("CP-1")

    async def until(self, what: Callable[[], bool]) -> None:
        await until(what, asyncio.Event())

    async def published(self, date: str | float) -> State:
        """Look at this date, and wait for what comes of it."""
        before = self.state.results[:1]
        self.look(date)
        await self.until(lambda: self.state.results[:1] != before)
        return self.state

    async def tested(self) -> tuple[str, str]:
        result = await self.publisher.test("CP-1")
        return result.what, result.text


@contextlib.asynccontextmanager
async def yard(
    folder: Path,
    settings: dict[str, str],
    *,
    allowed: tuple[Place, ...] = (LOCAL,),
    trusted: Path | None = None,
    limits: Limits = QUICK,
) -> AsyncIterator[Yard]:
    made = Yard(folder, settings, Terms(allowed, (), limits), trusted)
    try:
        yield made
    finally:
        made.end()


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return servers.certificate(tmp_path_factory.mktemp("tls"))


# --- servers ----------------------------------------------------------------------------------------------------------


class Post:
    """A mail server: what came, and whom it refuses."""

    def __init__(self) -> None:
        self.mails: list[tuple[Envelope, EmailMessage]] = []
        self.logins: list[tuple[bytes, bytes]] = []
        self.encrypted: list[bool] = []
        self.refuses: dict[str, str] = {}
        """By word or address: an answer."""
        self.port = 0

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refuses:
            return self.refuses[address]
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refuses:
            return self.refuses[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if "DATA" in self.refuses:
            return self.refuses["DATA"]
        assert isinstance(envelope.content, bytes)
        self.encrypted.append(
            session.ssl is not None or getattr(server.transport, "get_extra_info", str)("sslcontext") is not None
        )
        self.mails.append((envelope, email.message_from_bytes(envelope.content, policy=email.policy.default)))
        return "250 it is here"

    def log_in(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        self.logins.append((data.login, data.password))
        good = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        said = base64.b64encode(data.password).decode()
        return (
            AuthResult(success=good, handled=True)
            if good
            else AuthResult(success=False, handled=False, message=f"535 {said} is wrong")
        )

    def attached(self) -> list[tuple[str, str]]:
        """Name and text of each file that came."""
        parts = [part for _, mail in self.mails for part in mail.iter_attachments()]
        return [(str(part.get_filename()), payload(part)) for part in parts]


def payload(part: Message) -> str:
    data = part.get_payload(decode=True)
    assert isinstance(data, bytes)
    return data.decode()


pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH")


@contextlib.asynccontextmanager
async def mail(pem: Path | None = None, *, tls: str = "None", login: bool = False, **kind: Any) -> AsyncIterator[Post]:
    """`tls`: None, STARTTLS or TLS, as the setting says it."""
    post = Post()
    context = None
    if pem and tls != "None":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
    rules: dict[str, Any] = (
        {"authenticator": post.log_in, "auth_required": True, "auth_require_tls": False} if login else {}
    )
    if tls == "STARTTLS":
        rules |= {"tls_context": context, "require_starttls": True}

    def session() -> SMTP:
        return SMTP(post, hostname="mail.example", **rules, **kind)

    server = await asyncio.get_running_loop().create_server(
        session, "127.0.0.1", 0, ssl=context if tls == "TLS" else None
    )
    post.port = server.sockets[0].getsockname()[1]
    try:
        yield post
    finally:
        server.close()


def by_mail(post: Post, **more: str) -> dict[str, str]:
    """Ports of mail go up to 587, and no test may have those: the row is written as the file of the station has it."""
    return {
        "ReportProtocol": "SMTP", "ReportSmtpServer": "127.0.0.1", "ReportSmtpSender": "post@yard.example",
        "ReportSmtpReceiver": "anna@yard.example;bert@yard.example", **more,
    }  # fmt: skip


LOGIN = {"Authentication": "true", "User": USER, "Password": PASSWORD}


def row(protocol: str, **values: str) -> dict[str, str]:
    return {"ReportProtocol": protocol.upper(), **{f"Report{protocol}{name}": value for name, value in values.items()}}


FORM = row("Http", Server="127.0.0.1", FieldName="f")
MAIL = {"Server": "127.0.0.1", "Sender": "post@yard.example", "Receiver": "anna@yard.example;bert@yard.example"}


def at_port(yard: Yard, protocol: str, port: int) -> None:
    """Past the range of the row, which free ports are not in."""
    station = yard.host.station
    assert station
    station.core.settings.changed[f"report{protocol.lower()}port"] = str(port)


def table(text: str, separator: str = ";") -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))


# --- the three ways ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("login", [False, True])
@pytest.mark.parametrize("tls", ["None", "STARTTLS", "TLS"])
async def test_r_331_r_333_by_mail(tmp_path: Path, pem: Path, tls: str, login: bool) -> None:
    """SMTP parameters: server, port, authentication, sender, receivers by semicolon."""
    more = {"ReportSmtpEncryption": tls, **(row("Smtp", **LOGIN) if login else {})}
    async with mail(pem, tls=tls, login=login) as post, yard(tmp_path, by_mail(post, **more), trusted=pem) as y:
        at_port(y, "Smtp", post.port)
        y.charged(1, 2)
        y.look("2026-03-02 23:59")
        state = await y.published("2026-03-03 00:01")
        assert (state.results[0].what, state.sent_to) == ("sent", 2), state.results[0].text
    ((envelope, message),) = post.mails
    assert (envelope.mail_from, envelope.rcpt_tos) == ("post@yard.example", ["anna@yard.example", "bert@yard.example"])
    assert message["To"] == "anna@yard.example, bert@yard.example"
    assert "1 to 2" in message["Subject"]
    ((name, text),) = post.attached()
    assert name.endswith("_1-2.csv")
    assert [line[0] for line in table(text)] == ["Charge number", "1", "2"]
    assert table(text)[0] == list(cdr.HEADINGS)
    assert table(text)[2][6:9] == ["2026-03-01 10:00", "2026-03-01 11:00", "0,007"]
    assert post.logins == ([(USER.encode(), PASSWORD.encode())] if login else [])
    assert post.encrypted == [tls != "None"]


@pytest.mark.parametrize("encryption", ["None", "TLS"])
@pytest.mark.parametrize("passive", ["true", "false"])
async def test_r_331_r_334_by_ftp_active_and_passive(tmp_path: Path, pem: Path, encryption: str, passive: str) -> None:
    """FTP parameters: server, authentication, port, passive mode."""
    there = tmp_path / "there"
    there.mkdir()
    with servers.ftp(there, pem if encryption == "TLS" else None) as port:
        settings = row("Ftp", Server="127.0.0.1", Passive=passive, Encryption=encryption, **LOGIN)
        settings |= {"ReportFieldSeparator": "Tab", "ReportDecimalSeparator": "Dot"}
        async with yard(tmp_path, settings, trusted=pem) as y:
            at_port(y, "Ftp", port)
            y.charged(1, 2, 3)
            y.look("2026-03-02 23:59")
            state = await y.published("2026-03-03 00:01")
            assert state.results[0].what == "sent", state.results[0].text
    (file,) = there.iterdir()
    assert file.name.endswith("_1-3.csv")
    assert table(file.read_bytes().decode(), "\t")[3][8] == "0.007"


@pytest.mark.parametrize("encryption", ["None", "TLS"])
@pytest.mark.parametrize("login", [False, True])
async def test_r_331_r_335_by_http_as_a_form(tmp_path: Path, pem: Path, encryption: str, login: bool) -> None:
    """HTTP parameters: server, authentication, port, path, field name; a file of a form (RFC 7578)."""
    with servers.web(pem if encryption == "TLS" else None) as there:
        settings = row(
            "Http", Server="127.0.0.1", Path="in box/cdr?site=7", FieldName="upload", Encryption=encryption,
            **(LOGIN if login else {"User": "nobody", "Password": "not asked for"}),
        )  # fmt: skip
        async with yard(tmp_path, settings, trusted=pem) as y:
            at_port(y, "Http", there.port)
            y.charged(1)
            y.look("2026-03-02 23:59")
            state = await y.published("2026-03-03 00:01")
            assert state.results[0].what == "sent", state.results[0].text
    ((path, headers, body),) = there.posted
    assert path == "/in%20box/cdr?site=7"
    form = email.message_from_bytes(b"Content-Type: " + headers["Content-Type"].encode() + b"\r\n\r\n" + body)
    _, part = form.walk()
    assert part.get_param("name", header="content-disposition") == "upload"
    assert str(part.get_filename()).endswith("_1-1.csv")
    assert table(payload(part))[1][0] == "1"
    sent = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    assert headers["Authorization"] == (sent if login else None)


# --- once, and never lost ---------------------------------------------------------------------------------------------


async def test_r_330_a_server_that_is_down_gets_everything_once_when_it_is_back(tmp_path: Path) -> None:
    """Publication settings, note 1. Tried again after the pauses, then at the next date; nothing is lost."""
    with servers.web() as there:
        async with yard(tmp_path, FORM) as y:
            at_port(y, "Http", there.port)
            y.charged(1, 2)
            there.answers_post = 503
            y.look("2026-03-02 23:59")
            now = at("2026-03-03 00:01")
            for pause_s in (0, *RETRY_S):
                y.look(now + pause_s - 2)
                assert not y.publisher._under_way, "not before the pause is over"
                now += pause_s + 2
                state = await y.published(now)
                assert (state.results[0].what, state.sent_to) == ("failed", 0)
                assert "503" in state.results[0].text
            before = len(there.posted)
            y.look("2026-03-03 23:00")
            there.answers_post = 200
            y.charged(3)
            y.look("2026-03-03 23:59")
            assert len(there.posted) == before == len(RETRY_S) + 1
            state = await y.published("2026-03-04 00:01")
            assert state.sent_to == 2, "first what had failed"
            state = await y.published("2026-03-04 00:01")
            assert state.sent_to == 3
            y.look("2026-03-05 00:01")
            assert not y.publisher._under_way
    numbers = [body.split(b"filename=")[1].split(b"_")[1][:7] for _, _, body in there.posted[before:]]
    assert numbers == [b"1-2.csv", b"3-3.csv"]
    charges = [[line.split(b";")[0] for line in body.split(b"\r\n") if b";AC_" in line] for _, _, body in there.posted]
    assert charges[before:] == [[b"1", b"2"], [b"3"]]


async def test_r_330_a_station_without_power_at_the_date_makes_it_up(tmp_path: Path) -> None:
    with servers.web() as there:
        async with yard(tmp_path, FORM) as y:
            y.charged(1)
            y.look("2026-03-02 23:59")
            y.host.stop()
            y.publisher.start()
            assert not there.posted
            y.journal.flush(PATIENCE_S)
            y.end()
            y.open()  # the whole process was away
            at_port(y, "Http", there.port)
            state = await y.published("2026-03-05 08:00")
            assert (state.results[0].what, state.sent_to) == ("sent", 1)
    assert len(there.posted) == 1


def swallowing(wanted: bytes, *answers: bytes, seen: list[bytes]) -> Callable[[socket.socket], None]:
    """A server that says its lines, takes everything, and never says that it has it."""

    def act(peer: socket.socket) -> None:
        peer.sendall(answers[0]) if answers else None
        got, left = b"", list(answers[1:])
        while piece := peer.recv(65_536):
            got += piece
            if wanted in got and not seen:
                seen.append(got)
            if left and got.endswith(b"\r\n"):
                peer.sendall(left.pop(0))

    return act


SMTP_LINES = [b"220 hello\r\n", b"250 hello\r\n", b"250 OK\r\n", b"250 OK\r\n", b"250 OK\r\n", b"354 go on\r\n"]


@pytest.mark.parametrize("protocol", ["Smtp", "Http"])
async def test_r_330_what_a_server_may_have_is_not_sent_again_after_a_crash(tmp_path: Path, protocol: str) -> None:
    """A mail or a call cannot be taken back: at most once. That it is taken is durable before it is."""
    seen: list[bytes] = []
    end, lines = (b"\r\n.\r\n", SMTP_LINES) if protocol == "Smtp" else (b"--\r\n", [])
    with servers.hostile(swallowing(end, *lines, seen=seen)) as port:
        settings = row("Smtp", **MAIL) if protocol == "Smtp" else FORM
        async with yard(tmp_path, settings) as y:
            at_port(y, protocol, port)
            y.charged(1, 2)
            y.look("2026-03-02 23:59")
            y.look("2026-03-03 00:01")
            await y.until(lambda: bool(seen))
            assert y.state.batch, "the answer has not come"
            y.end()
            y.open()
            at_port(y, protocol, port)
            state = y.look("2026-03-03 00:02")
            assert [(each.what, each.first, each.last) for each in state.results] == [("in doubt", 1, 2)]
            y.charged(3)
            seen.clear()
            y.look("2026-03-04 00:01")
            await y.until(lambda: bool(seen))
            assert b"_3-3.csv" in seen[0], "only what is new"


async def test_r_330_a_file_that_an_ftp_server_may_have_takes_its_own_place(tmp_path: Path) -> None:
    """FTP: sent again under the same name, so it is there once."""
    there = tmp_path / "there"
    there.mkdir()
    async with yard(tmp_path, row("Ftp", Server="127.0.0.1", Passive="true", **LOGIN)) as y:
        y.charged(1, 2)
        y.look("2026-03-02 23:59")
        with servers.ftp(there) as port:
            at_port(y, "Ftp", port)
            y.look("2026-03-03 00:01")
            await y.until(lambda: any(file.stat().st_size for file in there.iterdir()))
            y.end()  # its answer is not written down any more
            y.open()
            y.charged(3)
            at_port(y, "Ftp", port)
            state = y.look("2026-03-03 00:05")
            await y.until(lambda: y.state.sent_to >= 2)
            state = await y.published("2026-03-04 00:01") if y.state.sent_to < 3 else y.state
            assert state.sent_to == 3
    assert sorted(file.name.partition("_")[2] for file in there.iterdir()) == ["1-2.csv", "3-3.csv"]


async def test_r_330_an_answer_that_does_not_come_in_time_is_in_doubt(tmp_path: Path) -> None:
    seen: list[bytes] = []
    with servers.hostile(swallowing(b"--\r\n", seen=seen)) as port:
        short = Limits(connect_s=5.0, idle_s=0.2, total_s=15.0)
        async with yard(tmp_path, FORM, limits=short) as y:
            at_port(y, "Http", port)
            y.charged(1)
            y.look("2026-03-02 23:59")
            state = await y.published("2026-03-03 00:01")
            assert (state.results[0].what, state.sent_to) == ("in doubt", 1)
            assert "does not answer" in state.results[0].text


async def test_r_330_what_is_in_doubt_is_sent_again_by_hand(tmp_path: Path) -> None:
    """Somebody has looked whether it came; publication may be switched off meanwhile."""
    seen: list[bytes] = []
    async with yard(tmp_path, FORM, limits=Limits(connect_s=5.0, idle_s=0.2, total_s=15.0)) as y:
        y.charged(1, 2)
        y.look("2026-03-02 23:59")
        with servers.hostile(swallowing(b"--\r\n", seen=seen)) as port:
            at_port(y, "Http", port)
            await y.published("2026-03-03 00:01")
        y.set(ReportFrequency="Disabled")
        assert not y.publisher.again("CP-1", 1, 1)
        with servers.web() as there:
            at_port(y, "Http", there.port)
            assert y.publisher.again("CP-1", 1, 2)
            assert not y.publisher.again("CP-1", 1, 2), "it is under way"
            await y.until(lambda: y.state.results[0].what == "sent")
    ((_, _, body),) = there.posted
    assert b"_1-2.csv" in body


async def test_r_330_a_value_that_cannot_be_read_sends_nothing_twice(tmp_path: Path) -> None:
    with servers.web() as there:
        async with yard(tmp_path, FORM) as y:
            at_port(y, "Http", there.port)
            y.charged(1)
            y.host.ledger.keep("CP-1", {"publication": b"{"}, lambda: None)
            assert y.journal.flush(PATIENCE_S)
            y.look("2026-03-02 23:59")
            y.charged(2)
            state = await y.published("2026-03-03 00:01")
            assert (state.results[0].first, state.results[0].last) == (2, 2)


async def test_r_329_disabled_from_the_factory_sends_nothing(tmp_path: Path) -> None:
    with servers.web() as there:
        async with yard(tmp_path, FORM) as y:
            y.set(ReportFrequency="Disabled")
            at_port(y, "Http", there.port)
            y.charged(1)
            for day in ("2026-03-02", "2026-03-03", "2026-04-01"):
                y.look(f"{day} 00:01")
            assert not y.publisher._under_way
            assert find_model("evlink-parking").hidden["reportfrequency"].default == "Disabled"
    assert not there.posted


# --- a test says exactly what went wrong ------------------------------------------------------------------------------


async def test_a_test_sends_no_charge_and_counts_for_none(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.mkdir()
    with servers.ftp(there) as port:
        async with yard(tmp_path, row("Ftp", Server="127.0.0.1", **LOGIN)) as y:
            at_port(y, "Ftp", port)
            y.charged(1)
            what, text = await y.tested()
            assert what == "test passed"
            assert "_test.csv at ftp 127.0.0.1" in text
            assert y.state.sent_to == 0
            y.host.hardware.around = Around(router="10.1.0.1")
            assert "the station has no default gateway; the router is at 10.1.0.1" in (await y.tested())[1]
    (file,) = there.iterdir()
    assert table(file.read_bytes().decode()) == [list(cdr.HEADINGS)]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (row("Smtp"), "SMTP: no server and no sender and no receiver: fill in the publication settings"),
        (row("Smtp", **MAIL, Authentication="true"), "SMTP: no user name: fill in"),
        (row("Http", Server="127.0.0.1"), "HTTP: no field name: fill in"),
        (row("Ftp", Server="127.0.0.1:2121"), "the port has a field of its own"),
        (row("Ftp", Server="no host"), "'no host' is no server: give its name or address alone"),
        (row("Ftp", Server="nowhere.invalid"), "ftp nowhere.invalid:1: the name leads nowhere: look at the address"),
        (row("Ftp", Server="127.0.0.1"), "ftp 127.0.0.1:1: cannot be reached: nothing listens there"),
        (row("Smtp", **(MAIL | {"Sender": "pöst@yard.example"})), "has letters that are not ASCII"),
    ],
)
async def test_a_test_says_what_is_missing_or_out_of_reach(
    tmp_path: Path, settings: dict[str, str], words: str
) -> None:
    async with yard(tmp_path, settings) as y:
        at_port(y, settings["ReportProtocol"], 1)
        what, text = await y.tested()
    assert what == "test failed"
    assert words in text


@pytest.mark.parametrize(
    ("settings", "refuses", "words"),
    [
        (row("Smtp", **MAIL, **(LOGIN | {"Password": "s3cret/wrong"})), {}, "cannot log in at smtp 127.0.0.1"),
        (row("Smtp", **MAIL, **LOGIN), {"post@yard.example": "550 who"}, "refuses the sender post@yard.example: 550"),
        (
            row("Smtp", **MAIL, **LOGIN), {"anna@yard.example": "550 gone", "bert@yard.example": "552 full"},
            "it refuses every receiver: anna@yard.example: 550 gone; bert@yard.example: 552 full",
        ),
        (row("Smtp", **MAIL, **LOGIN), {"DATA": "554 no such mail"}, "refuses the mail: 554 no such mail"),
        (row("Smtp", **MAIL, **LOGIN, Encryption="STARTTLS"), {}, "offers no STARTTLS: choose another encryption"),
        (row("Smtp", **MAIL, **LOGIN, Encryption="TLS"), {}, "no TLS: "),
        (FORM, {}, "its answer is not understood"),
    ],
)  # fmt: skip
async def test_a_test_says_what_a_mail_server_refuses(
    tmp_path: Path, settings: dict[str, str], refuses: dict[str, str], words: str, caplog: pytest.LogCaptureFixture
) -> None:
    """In its words, and without the password, which some servers say back."""
    caplog.set_level(logging.DEBUG)
    async with mail(login=True) as post, yard(tmp_path, settings) as y:
        post.refuses = refuses
        at_port(y, settings["ReportProtocol"], post.port)
        what, text = await y.tested()
        assert y.host.station
        assert "s3cret" not in repr(way_of(y.host.station.core.settings))
    assert what == "test failed"
    assert words in text
    for secret in (*SECRETS, "s3cret", base64.b64encode(b"s3cret/wrong").decode()):
        assert secret not in text
        assert not [
            each for each in caplog.records if each.name.startswith("chargepost") and secret in each.getMessage()
        ]


async def test_some_receivers_may_be_refused_and_the_others_have_it(tmp_path: Path) -> None:
    async with mail() as post, yard(tmp_path, by_mail(post)) as y:
        post.refuses = {"bert@yard.example": "550 gone"}
        at_port(y, "Smtp", post.port)
        what, text = await y.tested()
    assert what == "test passed"
    assert "to anna@yard.example by smtp" in text
    assert "refused: bert@yard.example: 550 gone" in text


async def test_no_login_asked_for_is_said(tmp_path: Path) -> None:
    async with mail() as post, yard(tmp_path, row("Smtp", **MAIL, **LOGIN)) as y:
        at_port(y, "Smtp", post.port)
        assert "asks for no user name: switch authentication off" in (await y.tested())[1]


@pytest.mark.parametrize("settings", [row("Smtp", **MAIL, Encryption="TLS"), FORM | row("Http", Encryption="TLS")])
async def test_a_certificate_that_nobody_vouches_for_is_not_taken(
    tmp_path: Path, pem: Path, settings: dict[str, str]
) -> None:
    with servers.web(pem) as there:
        async with yard(tmp_path, settings) as y:
            at_port(y, settings["ReportProtocol"], there.port)
            assert "its certificate is not accepted" in (await y.tested())[1]
    assert not there.posted


@pytest.mark.parametrize(("status", "words"), [(401, "cannot log in at http"), (404, "it answers 404"), (500, "500")])
async def test_a_test_says_what_a_web_server_answers(tmp_path: Path, status: int, words: str) -> None:
    with servers.web() as there:
        there.answers_post = status
        async with yard(tmp_path, FORM | row("Http", **LOGIN)) as y:
            at_port(y, "Http", there.port)
            assert words in (await y.tested())[1]


# --- nobody gets in through it ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "server",
    [
        "127.0.0.1", "localhost", "LOCALHOST.", "127.1", "2130706433", "0x7f.1", "0.0.0.0", "::1", "[::1]",
        "::ffff:127.0.0.1",
        "169.254.169.254", "fe80::1", "224.0.0.1", "http://127.0.0.1", "https://localhost/",
    ],
)  # fmt: skip
@pytest.mark.parametrize("protocol", ["Http", "Ftp", "Smtp"])
async def test_the_tool_reaches_nothing_that_only_this_machine_reaches(
    tmp_path: Path, server: str, protocol: str
) -> None:
    """Who has an account of the tool is not who runs the process: --transfer-hosts is theirs alone."""
    settings = row(protocol, Server=server, **({"FieldName": "f"} if protocol == "Http" else {}))
    if protocol == "Smtp":
        settings |= row("Smtp", Sender="a@b.example", Receiver="c@d.example")
    with servers.web() as there:
        async with yard(tmp_path, settings, allowed=(Place("127.0.0.1", 1), Place("localhost", 1))) as y:
            at_port(y, protocol, there.port)
            what, text = await y.tested()
    assert what == "test failed"
    assert "the owner can allow it with --transfer-hosts" in text or "leads nowhere" in text, text
    assert not there.posted


@pytest.mark.parametrize("server", ["10.1.2.3", "192.168.7.9", "fd00::7", "203.0.113.5", "https://203.0.113.5/"])
def test_the_tool_may_name_a_server_of_the_site_or_of_the_world(server: str) -> None:
    way = Way("HTTP", server, 80, "None", "", "")
    gate = gate_for(way, ())
    target = gate.admit(f"http://{place_of(way)}/")
    assert gate.addresses(target) == [place_of(way).host]
    with pytest.raises(TransferError, match="--transfer-hosts"):
        gate.admit(f"http://{place_of(way)._replace(port=81)}/")


async def test_a_server_sends_us_nowhere_else(tmp_path: Path) -> None:
    with servers.web() as other, servers.web() as there:
        there.answers_post, there.moved["/"] = 307, f"http://127.0.0.1:{other.port}/"
        async with yard(tmp_path, FORM) as y:
            at_port(y, "Http", there.port)
            assert "sends us on to another address" in (await y.tested())[1]
    assert not other.posted


async def test_only_the_server_may_open_the_connection_for_a_file(tmp_path: Path) -> None:
    """Active FTP: another address that comes to the port first gets nothing."""
    thieves: list[socket.socket] = []

    def act(peer: socket.socket) -> None:
        peer.sendall(b"220 hello\r\n")
        reader = peer.makefile("rb")
        while line := reader.readline():
            if line.startswith(b"PORT"):
                *_, high, low = line.split()[1].split(b",")
                here = "127.0.0.1", int(high) * 256 + int(low)
                thieves.append(socket.create_connection(here, source_address=("127.0.0.2", 0)))
            code = {b"USER": b"331", b"PASS": b"230", b"STOR": b"150"}.get(line[:4], b"200")
            peer.sendall(code + b" OK\r\n")

    with servers.hostile(act) as port:
        async with yard(tmp_path, row("Ftp", Server="127.0.0.1", **LOGIN)) as y:
            at_port(y, "Ftp", port)
            _, text = await y.tested()
    assert "127.0.0.2 came for the file in its place" in text
    with thieves[0] as thief:
        assert thief.recv(1_000) == b""


@pytest.mark.parametrize("said", [b"220-on and on\r\n", b"220 " + 5_000 * b"x", b"HTTP/1.1 400 Bad Request\r\n", b"22"])
async def test_a_mail_server_without_end_or_sense_is_left(tmp_path: Path, said: bytes) -> None:
    def act(peer: socket.socket) -> None:
        while True:
            peer.sendall(said)
            if said == b"22":
                peer.shutdown(socket.SHUT_WR)

    short = Limits(connect_s=5.0, idle_s=1.0, total_s=5.0)
    with servers.hostile(act) as port:
        async with yard(tmp_path, row("Smtp", **MAIL), limits=short) as y:
            at_port(y, "Smtp", port)
            what, text = await y.tested()
    assert what == "test failed"
    assert any(words in text for words in ("does not speak SMTP", "without end", "before the end"))


# --- settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        ("ReportProtocol", ["SMTP", "FTP", "HTTP"], ["Mail"]),
        ("ReportFieldSeparator", ["Semicolon", "Comma", "Tab"], ["|"]),
        ("ReportDecimalSeparator", ["Comma", "Dot"], ["'"]),
        ("ReportSmtpPort", ["25", "587", "465", "26"], ["24", "588", "x"]),
        (
            "ReportSmtpSender",
            ["a@b.example", "a@" + "b" * 252],
            ["a@" + "b" * 253, "nobody", "a@b\r\nBcc: c@d", "a@b;c@d"],
        ),
        ("ReportSmtpReceiver", ["a@b", "a@b;c@d"], ["a@b; c@d", "a@b;", ";a@b", "a@b;c", "a@" + "b" * 253]),
        ("ReportFtpPort", ["1", "9999"], ["0", "10000"]),
        ("ReportFtpPassive", ["true", "false"], ["perhaps"]),
        ("ReportHttpPort", ["1", "9999"], ["0", "10000"]),
        ("ReportHttpPath", ["x" * 99], ["x" * 100]),
        ("ReportHttpFieldName", ["x" * 49], ["x" * 50, 'a"b', "a\r\nb"]),
    ],
)
def test_r_332_r_333_r_334_r_335_settings_have_the_ranges_of_the_guide(
    key: str, good: list[str], bad: list[str]
) -> None:
    """Publication settings; "less than 255, 100, 50 characters" (Q-063), "25...587" (Q-064); in every product."""
    for line in ("evlink-smart-wallbox@R4", "evlink-city", "evlink-pro-ac", "evlink-pro-dc", "schneider-charge"):
        keys = Settings(find_model(line), {})
        assert [keys.change(key, value, owner=True)[0] for value in good] == ["Accepted"] * len(good)
        assert [keys.change(key, value, owner=True)[0] for value in bad] == ["Rejected"] * len(bad)
        assert keys.change(key, good[0])[0] == "NotSupported", "no supervision sees it"


@pytest.mark.parametrize(
    ("key", "factory"),
    [
        ("ReportFrequency", "Disabled"), ("ReportProtocol", "SMTP"), ("ReportFieldSeparator", "Semicolon"),
        ("ReportDecimalSeparator", "Comma"), ("ReportSmtpPort", "25"), ("ReportSmtpAuthentication", "false"),
        ("ReportFtpAuthentication", "false"), ("ReportFtpPort", "21"), ("ReportFtpPassive", "false"),
        ("ReportHttpAuthentication", "false"), ("ReportHttpPort", "80"),
    ],
)  # fmt: skip
def test_r_331_r_332_r_333_r_334_r_335_factory_settings_are_the_guides(key: str, factory: str) -> None:
    """Publication settings, column Factory setting."""
    spec = find_model("evlink-parking").key(key)
    assert spec
    assert spec.default == factory


async def test_a_test_of_a_station_without_power_is_refused(tmp_path: Path) -> None:
    async with yard(tmp_path, row("Ftp", Server="127.0.0.1")) as y:
        y.host.stop()
        assert await y.tested() == ("test failed", "the station has no power: try again in a while")
