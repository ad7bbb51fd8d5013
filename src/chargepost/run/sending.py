"""How a file of charge records leaves: by mail, FTP, or as a form over HTTP; each also by TLS. Blocking, in a thread.

Settings are those of the commissioning guide, Publication settings (R-331, R-333 to R-336). The way out is that of all
files: the gate for addresses, and an errand that ends when its time is over.
"""

import smtplib
import socket
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import NamedTuple
from urllib.parse import quote

from chargepost.redact import MASK
from chargepost.run.gate import PORTS, SAFE_IN_PATH, Gate, Place, Target, TransferError, read_place
from chargepost.run.ways import REPLY_LINES_MAX, Errand, Ftp, ask, refusal, store, told
from chargepost.station.settings import Settings

LINE_MAX = 2_000
"""Bytes of one line of an SMTP server: RFC 5321 allows 512, and some say more."""

SCHEMES = frozenset(PORTS)


class Way(NamedTuple):
    """Where charge records go, as the owner set it."""

    protocol: str
    server: str
    port: int
    encryption: str
    user: str
    password: str
    passive: bool = False
    sender: str = ""
    receivers: tuple[str, ...] = ()
    path: str = ""
    field: str = ""

    def __repr__(self) -> str:
        """Without the password."""
        return f"Way({self.protocol} {self.server}:{self.port})"


class Parcel:
    """A file on its way."""

    def __init__(
        self,
        name: str,
        subject: str,
        text: str,
        body: bytes,
        utc_s: float,
        hand_over: Callable[[], object],
        mail_id: str = "",
    ) -> None:
        """`hand_over`: called before the last step of what cannot be repeated; when it raises, nothing is sent.

        `mail_id`: by it a receiver knows the same mail again; the name of the file, unless it says something else.
        """
        self.name, self.subject, self.text, self.body, self.utc_s = name, subject, text, body, utc_s
        self.mail_id = mail_id or name
        self.hand_over = hand_over
        self.doubtful = False
        """The server may have it: its answer did not come."""

    def given(self) -> None:
        self.hand_over()
        self.doubtful = True


def way_of(settings: Settings) -> Way:
    """Raises TransferError, with the field that is missing: all are mandatory."""
    protocol = settings.text("ReportProtocol")
    row = f"Report{protocol.capitalize()}"
    server, port = settings.text(f"{row}Server").strip(), settings.number(f"{row}Port")
    authenticated = settings.flag(f"{row}Authentication")
    way = Way(
        protocol, server, port, settings.text(f"{row}Encryption"),
        settings.text(f"{row}User") if authenticated else "",
        settings.text(f"{row}Password") if authenticated else "",
        settings.flag("ReportFtpPassive"), settings.text("ReportSmtpSender"),
        tuple(each for each in settings.text("ReportSmtpReceiver").split(";") if each),
        settings.text("ReportHttpPath"), settings.text("ReportHttpFieldName"),
    )  # fmt: skip
    missing = {
        "server": not server,
        "user name": authenticated and not way.user,
        "sender": protocol == "SMTP" and not way.sender,
        "receiver": protocol == "SMTP" and not way.receivers,
        "field name": protocol == "HTTP" and not way.field,
    }
    if said := [what for what, missed in missing.items() if missed]:
        raise TransferError(f"{protocol}: no {' and no '.join(said)}: fill in the publication settings")
    return way


def place_of(way: Way) -> Place:
    """The server's host with its port; `https://` and its like before it are taken off. Raises TransferError."""
    _, _, host = way.server.rpartition("://")
    try:
        place = read_place(host.rstrip("/"))
    except ValueError:
        raise TransferError(f"{way.server[:80]!r} is no server: give its name or address alone") from None
    if place.port is not None:
        raise TransferError(f"{way.server[:80]!r}: the port has a field of its own: give the name or address alone")
    return place._replace(port=way.port)


def encryption_of(way: Way) -> str:
    """As set; or TLS where the server's address asks for it."""
    return "TLS" if way.server.lower().startswith(("https://", "ftps://", "smtps://")) else way.encryption


def send(errand: Errand, way: Way, parcel: Parcel) -> str:
    """To whom it went, for people. Raises TransferError; then `parcel.doubtful` says whether the server may have it."""
    encrypted = "s" if encryption_of(way) == "TLS" else ""
    path = quote(way.path if way.path.startswith("/") else f"/{way.path}", safe=SAFE_IN_PATH + "?")
    url = f"{way.protocol.lower()}{encrypted}://{place_of(way)}{path if way.protocol == 'HTTP' else '/'}"
    target = errand.gate.admit(url)._replace(user=way.user, password=way.password)
    words: list[str] = []

    def go() -> int:
        try:
            words.append(WAYS[way.protocol](errand, target, way, parcel))
        except (smtplib.SMTPException, TransferError) as error:
            said = str(error) if isinstance(error, TransferError) else f"{target}: {_smtp_words(error)}"
            raise TransferError(_without_login(said, target)) from None
        return len(parcel.body)

    told(errand, target, go)
    return words[0]


def gate_for(way: Way, allowed: tuple[Place, ...]) -> Gate:
    """The server that the tool names, and what the owner of the process allows."""
    return Gate(SCHEMES, allowed, (place_of(way),))


def _without_login(text: str, target: Target) -> str:
    """Servers repeat what they were told, also in base64."""
    for login in (target.password, f"\0{target.user}\0{target.password}"):
        if target.password:
            text = text.replace(b64encode(login.encode()).decode(), MASK)
    return text


# --- FTP --------------------------------------------------------------------------------------------------------------


def _by_ftp(errand: Errand, target: Target, way: Way, parcel: Parcel) -> str:
    """Under the same name again it takes the place of the first: no hand-over, no doubt."""
    session = Ftp(errand, target)
    session.set_pasv(way.passive)
    store(session, target.below(parcel.name), parcel.body)
    return f"{parcel.name} at {target}"


# --- HTTP -------------------------------------------------------------------------------------------------------------

BOUNDARY = "chargepost-7b6e1d0c52f94a83"
"""Between the parts of a form; no charge record has such a line."""


def _by_http(errand: Errand, target: Target, way: Way, parcel: Parcel) -> str:
    """As a form with one file (RFC 7578). What is sent on elsewhere was not taken."""
    name = "".join(each if each.isascii() and each not in '"\r\n\\' else "_" for each in way.field)
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="{parcel.name}"\r\n'
        "Content-Type: text/csv; charset=utf-8\r\n\r\n"
    )
    body = head.encode() + parcel.body + f"\r\n--{BOUNDARY}--\r\n".encode()
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    answer = ask(errand, target, "POST", body, kind, parcel.given)
    parcel.doubtful = False
    if 300 <= answer.status < 400:
        raise TransferError(f"{target}: it sends us on to another address: give that one, with https if it says so")
    if not 200 <= answer.status < 300:
        raise refusal(target, answer)
    return f"{parcel.name} at {target}"


# --- SMTP -------------------------------------------------------------------------------------------------------------


class _Smtp(smtplib.SMTP):
    """A session on a socket of the errand, that reads no answer without end."""

    def __init__(self, errand: Errand, target: Target) -> None:
        super().__init__(local_hostname="chargepost", timeout=errand.limits.idle_s)
        self._errand, self._target = errand, target
        self._host = target.host

    def begin(self, encryption: str) -> None:
        sock = self._errand.connect(self._target)
        here = sock.getsockname()[0]
        self.local_hostname = f"[IPv6:{here}]" if ":" in here else f"[{here}]"
        self._take(self._errand.encrypt(sock, self._target) if encryption == "TLS" else sock)
        self._expect(220, *self.getreply())
        self.ehlo_or_helo_if_needed()
        if encryption == "STARTTLS":
            if not self.has_extn("starttls"):
                raise TransferError(f"{self._target}: it offers no STARTTLS: choose another encryption, or its port")
            self._expect(220, *self.docmd("STARTTLS"))
            self._take(self._errand.encrypt(sock, self._target))
            self.ehlo_resp = self.helo_resp = None  # what was said before, unencrypted, is forgotten
            self.esmtp_features = {}
            self.ehlo_or_helo_if_needed()

    def _take(self, sock: socket.socket) -> None:
        self.sock, self.file = sock, sock.makefile("rb")

    def _expect(self, wanted: int, code: int, words: bytes) -> None:
        if code != wanted:
            raise smtplib.SMTPResponseException(code, words)

    def getreply(self) -> tuple[int, bytes]:
        assert self.file is not None
        lines = []
        for _ in range(REPLY_LINES_MAX):
            line = self.file.readline(LINE_MAX + 1)
            if not line:
                raise EOFError
            if len(line) < 4 or not line[:3].isdigit():
                raise TransferError(f"{self._target}: it does not speak SMTP: look at the port and the encryption")
            lines.append(line[4:].strip())
            if line[3:4] != b"-":
                return int(line[:3]), b"\n".join(lines)
        raise TransferError(f"{self._target}: it answers without end")


def _by_smtp(errand: Errand, target: Target, way: Way, parcel: Parcel) -> str:
    mail = _mail(way, parcel)
    smtp = _Smtp(errand, target)
    smtp.begin(encryption_of(way))
    if way.user:
        try:
            smtp.login(way.user, way.password)
        except smtplib.SMTPNotSupportedError:
            raise TransferError(f"{target}: it asks for no user name: switch authentication off") from None
        except (smtplib.SMTPException, UnicodeError) as error:
            raise TransferError(f"cannot log in at {target}: {_smtp_words(error)}") from None
    code, words = smtp.mail(way.sender)
    if code != 250:
        raise TransferError(f"{target}: it refuses the sender {way.sender}: {_said(code, words)}")
    refused = [(each, _said(*answer)) for each in way.receivers if (answer := smtp.rcpt(each))[0] not in (250, 251)]
    said = "; ".join(f"{each}: {why}" for each, why in refused)
    if len(refused) == len(way.receivers):
        raise TransferError(f"{target}: it refuses every receiver: {said}")
    parcel.given()
    try:
        code, words = smtp.data(mail)
    except smtplib.SMTPDataError as error:  # it did not even want to begin
        parcel.doubtful = False
        raise TransferError(f"{target}: it refuses the mail: {_smtp_words(error)}") from None
    parcel.doubtful = False
    if code != 250:
        raise TransferError(f"{target}: it refuses the mail: {_said(code, words)}")
    reached = [each for each in way.receivers if each not in dict(refused)]
    return f"to {', '.join(reached)} by {target}" + (f"; refused: {said}" if refused else "")


def _mail(way: Way, parcel: Parcel) -> bytes:
    """Raises TransferError for addresses that older servers do not understand."""
    if not all(each.isascii() for each in (way.sender, *way.receivers)):
        raise TransferError("SMTP: a mail address has letters that are not ASCII: give it in its ASCII form")
    mail = EmailMessage(policy=SMTP)
    try:
        mail["From"], mail["To"], mail["Subject"] = way.sender, ", ".join(way.receivers), parcel.subject
    except ValueError:
        raise TransferError("SMTP: a mail address is none: look at sender and receivers") from None
    mail["Date"] = format_datetime(datetime.fromtimestamp(parcel.utc_s, UTC))
    mail["Message-ID"] = f"<{parcel.mail_id}@{way.sender.rpartition('@')[2]}>"
    mail.set_content(parcel.text)
    mail.add_attachment(parcel.body, maintype="text", subtype="csv", filename=parcel.name)
    return mail.as_bytes()


def _said(code: int, words: bytes) -> str:
    return f"{code} {words.decode('utf-8', 'replace')}"


def _smtp_words(error: Exception) -> str:
    match error:
        case smtplib.SMTPResponseException(smtp_code=code, smtp_error=words):
            return f"it answers {_said(code, words if isinstance(words, bytes) else str(words).encode())}"
        case smtplib.SMTPServerDisconnected():
            return "it closed the connection before the end"
        case UnicodeError():
            return "user name and password may have ASCII letters only"
    return str(error) or "its answer is not understood"


WAYS: dict[str, Callable[[Errand, Target, Way, Parcel], str]] = {"FTP": _by_ftp, "HTTP": _by_http, "SMTP": _by_smtp}
