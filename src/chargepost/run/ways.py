"""How a file is fetched or sent: FTP and FTPS (passive), HTTP and HTTPS. Blocking; each transfer has a thread.

The peer may be hostile: whatever it sends is bounded in size, and whatever it does in time. Imported when the first
file moves, because most stations never move one.
"""

import ftplib
import http.client
import io
import socket
import ssl
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from chargepost.redact import MASK, redact_text
from chargepost.run.gate import FTPS_AT_ONCE, PORTS, Gate, Limits, Target, TransferError

PIECE_BYTES = 65_536
"""Read at a time."""

REPLY_LINES_MAX = 100
"""Of one answer of an FTP server; greetings have some ten."""

REDIRECTS_MAX = 3
"""Of a download: one from a short address to a long one, one from a host to its mirror, and one to spare."""

CONTINUES_MAX = 10
"""Answers "100 Continue" before the real one; one is usual."""

DATA_PORT_MIN = 1_024
"""An FTP server that offers a port below it for a file means another service of its host."""

WORDS_MAX = 200
"""Characters of a peer's words in an error."""

AGENT = "chargepost"


class Errand:
    """One transfer: what it may do, and the end of it from outside."""

    def __init__(self, gate: Gate, limits: Limits, tls: Callable[[], ssl.SSLContext]) -> None:
        self.gate, self.limits = gate, limits
        self._tls = tls
        self._context: ssl.SSLContext | None = None
        self.given_up = ""
        """Why, as soon as it is."""
        self.open: list[Callable[[], object]] = []
        """How what it has opened is closed."""
        self._handles: list[socket.socket] = []

    def give_up(self, reason: str) -> None:
        """From any thread: whatever it waits for ends now."""
        self.given_up = self.given_up or reason
        for handle in self._handles:
            with suppress(OSError):  # it has ended by itself
                handle.shutdown(socket.SHUT_RDWR)

    def go_on(self) -> None:
        """Raises TransferError once it is given up."""
        if self.given_up:
            raise TransferError(self.given_up)

    def connect(self, target: Target) -> socket.socket:
        """At one of the addresses that the gate found good, in order. Raises TransferError."""
        why: OSError | None = None
        for number in self.gate.addresses(target):
            try:
                return self.connect_to(number, target.port)
            except OSError as error:
                why = error
        self.go_on()
        raise TransferError(f"{target}: cannot be reached: {words(why)}")

    def connect_to(self, number: str, port: int) -> socket.socket:
        self.go_on()
        return self.adopt(socket.create_connection((number, port), self.limits.connect_s))

    def adopt(self, peer: socket.socket) -> socket.socket:
        """A socket that is open from now on until the end of the errand."""
        peer.settimeout(self.limits.idle_s)
        handle = peer.dup()  # ours, whatever TLS makes of the other
        self.open += (peer.close, handle.close)
        self._handles.append(handle)
        self.go_on()
        return peer

    def close(self) -> None:
        for shut in reversed(self.open):
            with suppress(OSError):
                shut()

    def encrypt(self, peer: socket.socket, target: Target, session: ssl.SSLSession | None = None) -> ssl.SSLSocket:
        self._context = self._context or self._tls()  # one, or a session could not be gone on with
        return self._context.wrap_socket(peer, server_hostname=target.host, session=session)


def fetch(errand: Errand, url: str, write: Callable[[bytes], object]) -> int:
    """Download; the size in bytes. Raises TransferError. What `write` raises passes through."""
    target = errand.gate.admit(url)
    way = _fetch_by_ftp if target.scheme in ("ftp", "ftps") else _fetch_by_http
    return told(errand, target, lambda: way(errand, target, write))


def send(errand: Errand, folder: str, name: str, body: bytes) -> int:
    """Upload; the size in bytes. Raises TransferError."""
    target = errand.gate.admit(folder).below(name)
    way = _send_by_ftp if target.scheme in ("ftp", "ftps") else _send_by_http
    told(errand, target, lambda: way(errand, target, body))
    return len(body)


def told(errand: Errand, target: Target, go: Callable[[], int]) -> int:
    """Whatever goes wrong, in words for people, without the password that the peer may have said back."""
    try:
        done = go()
        errand.go_on()
    except TransferError as error:
        raise TransferError(errand.given_up or clean(str(error), target)) from None
    except (OSError, EOFError, ValueError, http.client.HTTPException, ftplib.Error) as error:
        reason = errand.given_up or f"{target}: {clean(words(error), target)}"
        raise TransferError(reason) from None
    finally:
        errand.close()
    return done


def words(error: BaseException | None) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return f"its certificate is not accepted: {error.verify_message}"
        case ssl.SSLError():
            return f"no TLS: {error.reason or error}"
        case TimeoutError():
            return "it does not answer"
        case ConnectionRefusedError():
            return "nothing listens there"
        case http.client.IncompleteRead() | EOFError() | http.client.RemoteDisconnected() | ConnectionError():
            return "it closed the connection before the end"
        case ftplib.Error():
            return f"it answers {error}"
        case http.client.HTTPException() | UnicodeError():
            return "its answer is not understood"
        case OSError():
            return error.strerror or str(error)
    return str(error)


def clean(text: str, target: Target) -> str:
    """A peer's words on one line, without secrets."""
    if target.password:
        text = text.replace(target.password, MASK)
    return redact_text("".join(each if each.isprintable() else " " for each in text))[:WORDS_MAX]


# --- FTP --------------------------------------------------------------------------------------------------------------


class Ftp(ftplib.FTP):
    """A session that dials only where the gate found it good, and reads no answer without end."""

    def __init__(self, errand: Errand, target: Target) -> None:
        super().__init__(timeout=errand.limits.idle_s)
        self._errand, self._target = errand, target
        self._lines = 0
        self.host = target.host
        errand.open.append(self.close)

    def begin(self) -> "Ftp":
        """Connect and log in."""
        errand, target = self._errand, self._target
        sock = errand.connect(target)
        self.af = sock.family
        at_once = target.scheme == "ftps" and target.port == FTPS_AT_ONCE
        self._take(errand.encrypt(sock, target) if at_once else sock)
        self.welcome = self.getresp()
        if target.scheme == "ftps" and not at_once:
            self.voidcmd("AUTH TLS")
            assert self.sock is not None
            self._take(errand.encrypt(self.sock, target))
        try:
            self.login(target.user, target.password)
        except ftplib.Error as error:
            raise TransferError(f"cannot log in at {target}: {error}") from None
        if target.scheme == "ftps":
            self.voidcmd("PBSZ 0")
            self.voidcmd("PROT P")
        self.voidcmd("TYPE I")
        return self

    def _take(self, sock: socket.socket) -> None:
        """From now on; what came before, unencrypted, is forgotten."""
        self.sock = sock
        self.file = sock.makefile("r", encoding=self.encoding)

    def getline(self) -> str:
        self._lines += 1
        if self._lines > REPLY_LINES_MAX:
            raise TransferError(f"{self._target}: it answers without end")
        return super().getline()

    def getmultiline(self) -> str:
        self._lines = 0
        return super().getmultiline()

    def ntransfercmd(self, cmd: str, rest: int | str | None = None) -> tuple[socket.socket, int | None]:
        """A connection for one file."""
        data = self._passively(cmd) if self.passiveserver else self._actively(cmd)
        if isinstance(self.sock, ssl.SSLSocket):
            data = self._errand.encrypt(data, self._target, self.sock.session)  # some servers insist on the session
        return data, None

    def _passively(self, cmd: str) -> socket.socket:
        """To the host we speak with already, whatever address it names (RFC 2428 too)."""
        number, port = self.makepasv()
        if port < DATA_PORT_MIN:
            raise TransferError(f"{self._target}: it offers port {port} for the file, which is no port for files")
        data = self._errand.connect_to(number, port)
        self._ask_for_file(cmd)
        return data

    def _actively(self, cmd: str) -> socket.socket:
        """From the host we speak with already, and nobody else, at a port that is open for this file only."""
        assert self.sock is not None
        here, there = self.sock.getsockname()[0], self.sock.getpeername()[0]
        listener = self._errand.adopt(socket.create_server((here, 0), family=self.af, backlog=1))
        tell = self.sendport if self.af == socket.AF_INET else self.sendeprt
        tell(here, listener.getsockname()[1])
        self._ask_for_file(cmd)
        listener.settimeout(self._errand.limits.connect_s)
        try:
            data, peer = listener.accept()
        except TimeoutError:
            raise TransferError(
                f"{self._target}: it does not open a connection to this station: switch passive mode on"
            ) from None
        finally:
            listener.close()
        self._errand.adopt(data)
        if peer[0] != there:
            raise TransferError(f"{self._target}: {peer[0]} came for the file in its place")
        return data

    def _ask_for_file(self, cmd: str) -> None:
        answer = self.sendcmd(cmd)
        if answer[0] == "2":  # some say so before the file as well
            answer = self.getresp()
        if answer[0] != "1":
            raise ftplib.error_reply(answer)  # noqa: S321 - what products speak

    def known_size(self, path: str) -> int | None:
        try:
            return self.size(path)
        except ftplib.Error:
            return None  # not every server tells


def _fetch_by_ftp(errand: Errand, target: Target, write: Callable[[bytes], object]) -> int:
    session = Ftp(errand, target).begin()
    counted = _Counted(errand, target, write, session.known_size(target.file))
    with opened(session, f"RETR {target.file}") as data:
        while piece := data.recv(PIECE_BYTES):
            counted.add(piece)
    session.voidresp()
    counted.end()
    bye(session)
    return counted.size


def _send_by_ftp(errand: Errand, target: Target, body: bytes) -> int:
    return store(Ftp(errand, target), target, body)


def store(session: Ftp, target: Target, body: bytes) -> int:
    """Upload over a session that has not begun yet."""
    session.begin()
    with opened(session, f"STOR {target.file}") as data:
        for start in range(0, len(body), PIECE_BYTES):
            data.sendall(body[start : start + PIECE_BYTES])
    session.voidresp()
    bye(session)
    return len(body)


@contextmanager
def opened(session: Ftp, command: str) -> Iterator[socket.socket]:
    """The connection for a file; its end is said, for our other handle of it would keep it open."""
    with session.transfercmd(command) as data:
        yield data
        with suppress(OSError):  # it has ended by itself; whether it has the file, its answer tells
            if isinstance(data, ssl.SSLSocket):
                data.unwrap()
            socket.socket.shutdown(data, socket.SHUT_WR)


def bye(session: Ftp) -> None:
    with suppress(OSError, EOFError, ValueError, ftplib.Error, TransferError):  # the file is whole already
        session.quit()


# --- HTTP -------------------------------------------------------------------------------------------------------------


def _fetch_by_http(errand: Errand, target: Target, write: Callable[[bytes], object]) -> int:
    for _ in range(REDIRECTS_MAX + 1):
        answer = ask(errand, target, "GET", b"")
        if answer.status in (301, 302, 303, 307, 308):
            target = errand.gate.redirect(target, answer.headers.get("Location", ""))
            continue
        if answer.status != 200:
            raise refusal(target, answer)
        counted = _Counted(errand, target, write, answer.length)
        while piece := answer.read(PIECE_BYTES):
            counted.add(piece)
        counted.end()
        return counted.size
    raise TransferError(f"{target}: it sends us on and on")


def _send_by_http(errand: Errand, target: Target, body: bytes) -> int:
    answer = ask(errand, target, "PUT", body)
    if not 200 <= answer.status < 300:
        raise refusal(target, answer)
    return len(body)


def ask(
    errand: Errand,
    target: Target,
    method: str,
    body: bytes,
    content_type: str = "application/octet-stream",
    hand_over: Callable[[], object] = lambda: None,
) -> http.client.HTTPResponse:
    """`hand_over` is called when the server is there, and has nothing yet."""
    peer = errand.connect(target)
    if target.scheme == "https":
        peer = errand.encrypt(peer, target)
    wire = http.client.HTTPConnection(target.host, target.port)
    errand.open.append(wire.close)
    wire.response_class = _Answer
    wire.auto_open = 0  # never dials by itself
    wire.sock = peer
    host = str(target.place._replace(port=None)) if target.port == PORTS[target.scheme] else str(target.place)
    headers = {"Host": host, "User-Agent": AGENT, "Accept-Encoding": "identity", "Connection": "close"}
    if target.user or target.password:
        pair = target.user.encode() + b":" + target.password.encode()
        headers["Authorization"] = f"Basic {b64encode(pair).decode()}"
    if method != "GET":
        headers |= {"Content-Length": str(len(body)), "Content-Type": content_type}
    hand_over()
    try:
        wire.request(method, target.resource, io.BytesIO(body) if method != "GET" else None, headers)
    except ConnectionError:
        errand.go_on()  # it may have answered before it had everything
    answer = wire.getresponse()
    errand.open.append(answer.close)
    return answer


class _Answer(http.client.HTTPResponse):
    """One that says "100 Continue" a few times at most."""

    _continued = 0

    def _read_status(self) -> tuple[str, int, str]:
        self._continued += 1
        if self._continued > CONTINUES_MAX:
            raise http.client.HTTPException("endless")
        return super()._read_status()  # type: ignore[misc,no-any-return]


def refusal(target: Target, answer: http.client.HTTPResponse) -> TransferError:
    words = f"{answer.status} {answer.reason}".strip()
    if answer.status == 401:
        return TransferError(f"cannot log in at {target}: {words}")
    return TransferError(f"{target}: it answers {words}")


class _Counted:
    """A download as it comes: never larger than allowed, and as large as was said."""

    def __init__(self, errand: Errand, target: Target, write: Callable[[bytes], object], said: int | None) -> None:
        self.size = 0
        self._errand, self._target, self._write, self._said = errand, target, write, said
        self._check(said or 0)

    def _check(self, size: int) -> None:
        most = self._errand.limits.file_bytes
        if size > most:
            raise TransferError(f"{self._target}: the file is larger than {most / 1_048_576:g} MiB")

    def add(self, piece: bytes) -> None:
        self._errand.go_on()
        self.size += len(piece)
        self._check(self.size)
        self._write(piece)

    def end(self) -> None:
        self._errand.go_on()
        if self._said is not None and self.size != self._said:
            raise TransferError(f"{self._target}: {self.size} bytes of {self._said} came")
