"""Files of stations: by which ways they come and go (OCPP 1.6, 5.7 and 5.19), and what no server may do to us."""

import asyncio
import contextlib
import errno
import gzip
import os
import resource
import socket
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from tests.patience import PATIENCE_S
from tests.shells import file_servers as servers
from tests.shells.file_servers import PASSWORD, QUOTED, USER

from chargepost import catalogue
from chargepost import signals as sig
from chargepost.catalogue import image
from chargepost.run.gate import Limits, Place
from chargepost.run.transfer import FILES_MAX, JOBS_MAX, Terms, Transfers

LOCAL = Place("127.0.0.1")
USUAL = Limits()
FILE = os.urandom(300_000)


class Owner:
    """A station, as far as its files are concerned."""

    def __init__(self, model: str = "evlink-pro-ac", supervision: str = "ws://central.example/ocpp") -> None:
        self.identity, self.model = "CP-1", catalogue.load(model)
        self.supervision, self.self_signed = supervision, False
        self.facts: asyncio.Queue[sig.Fact] = asyncio.Queue()

    def tell(self, *facts: sig.Fact) -> None:
        for fact in facts:
            self.facts.put_nowait(fact)

    def line_settings(self) -> tuple[str, bool]:
        return self.supervision, self.self_signed

    def way(self, host: str) -> str:
        return ""

    def log_between(self, since_utc_s: float | None, until_utc_s: float | None) -> str:
        return f"log from {since_utc_s} to {until_utc_s}\n"


class Desk:
    """One station and its transfers."""

    def __init__(self, transfers: Transfers, owner: Owner) -> None:
        self.transfers, self.owner = transfers, owner

    async def do(self, wish: sig.Fetch | sig.Examine | sig.SendReport) -> sig.Fact:
        self.transfers.do(self.owner, wish)
        async with asyncio.timeout(PATIENCE_S):
            return await self.owner.facts.get()

    async def fetch(self, url: str, job: str = "fw-1") -> sig.Fact:
        return await self.do(sig.Fetch(job, url))

    async def failure(self, url: str) -> str:
        fact = await self.fetch(url)
        assert isinstance(fact, sig.TransferFailed), fact
        assert not list(self.folder.rglob("*.part")), "half a file is left"
        assert not self.kept("fw-1")
        return fact.reason

    async def send(self, url: str, *, compressed: bool = False) -> sig.Fact:
        return await self.do(sig.SendReport("log-1", url, "report 1.log", "what we are\n", compressed, 1.0, 2.0))

    @property
    def folder(self) -> Path:
        return self.transfers.path("CP-1", "x").parent

    def kept(self, job: str = "fw-1") -> bytes | None:
        path = self.transfers.path("CP-1", job)
        return path.read_bytes() if path.exists() else None


@contextlib.asynccontextmanager
async def desk(
    folder: Path | None,
    *allowed: Place,
    owner: Owner | None = None,
    limits: Limits = USUAL,
    trusted: Path | None = None,
    keys: tuple[bytes, ...] = (),
) -> AsyncIterator[Desk]:
    def tls(accept_self_signed: bool) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(trusted) if trusted else None)
        if accept_self_signed:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context

    terms = Terms(allowed, keys, limits)
    transfers = Transfers(asyncio.get_running_loop(), folder, terms, tls=tls)
    try:
        yield Desk(transfers, owner or Owner())
    finally:
        transfers.close()


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return servers.certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """The folder of a server."""
    folder = tmp_path / "there"
    (folder / "new").mkdir(parents=True)
    (folder / "new" / "image 1.bin").write_bytes(FILE)
    return folder


@contextlib.contextmanager
def server(scheme: str, there: Path, pem: Path) -> Iterator[tuple[int, Callable[[str], bytes]]]:
    """A server of this kind with the file /new/image 1.bin; its port, and how to see what it was sent."""
    if scheme.startswith("ftp"):
        with servers.ftp(there, pem if scheme == "ftps" else None) as port:
            yield port, lambda name: (there / "new" / name).read_bytes()
    else:
        with servers.web(pem if scheme == "https" else None) as web:
            web.files["/new/image%201.bin"] = FILE
            yield web.port, lambda name: web.sent[f"/new/{name.replace(' ', '%20')}"][0]


WAYS = ["ftp", "ftps", "http", "https"]


@pytest.mark.parametrize("scheme", WAYS)
async def test_r_231_r_232_a_file_comes_by_each_way(scheme: str, there: Path, pem: Path, tmp_path: Path) -> None:
    """R-231, R-232: FTP, FTPS, HTTP and HTTPS, with the name and the password of the URL."""
    with server(scheme, there, pem) as (port, _):
        async with desk(tmp_path / "files", LOCAL, trusted=pem) as at:
            url = f"{scheme}://{USER}:{QUOTED}@127.0.0.1:{port}/new/image%201.bin"
            assert await at.fetch(url) == sig.Fetched("fw-1", len(FILE))
            assert at.kept() == FILE


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("scheme", WAYS)
async def test_r_231_r_232_a_report_goes_by_each_way(
    scheme: str, compressed: bool, there: Path, pem: Path, tmp_path: Path
) -> None:
    """R-231, R-232: to the folder of the URL, with the log between the two dates, as gzip when wished."""
    text = b"what we are\nlog from 1.0 to 2.0\n"
    with server(scheme, there, pem) as (port, sent):
        async with desk(tmp_path / "files", LOCAL, trusted=pem) as at:
            fact = await at.send(f"{scheme}://{USER}:{QUOTED}@127.0.0.1:{port}/new/", compressed=compressed)
            assert isinstance(fact, sig.Sent), fact
            body = sent("report 1.log")
            assert fact.size_bytes == len(body)
            assert (gzip.decompress(body) if compressed else body) == text


@pytest.mark.parametrize("scheme", ["ftps", "https"])
async def test_a_certificate_is_verified_unless_the_owner_accepts_self_signed_ones(
    scheme: str, there: Path, pem: Path, tmp_path: Path
) -> None:
    with server(scheme, there, pem) as (port, _):
        async with desk(tmp_path / "files", LOCAL) as at:
            url = f"{scheme}://{USER}:{QUOTED}@127.0.0.1:{port}/new/image%201.bin"
            assert "its certificate is not accepted: self-signed certificate" in await at.failure(url)
            at.owner.self_signed = True
            assert await at.fetch(url) == sig.Fetched("fw-1", len(FILE))


async def test_an_ftp_server_without_tls_is_not_spoken_to_in_the_clear(there: Path, tmp_path: Path) -> None:
    with servers.ftp(there) as port:
        async with desk(tmp_path / "files", LOCAL) as at:
            reason = await at.failure(f"ftps://{USER}:{QUOTED}@127.0.0.1:{port}/new/image%201.bin")
            assert reason.startswith(f"ftps 127.0.0.1:{port}: it answers 5")


@pytest.mark.parametrize("scheme", ["ftp", "http"])
async def test_a_wrong_password_is_told_and_not_shown(scheme: str, there: Path, tmp_path: Path, pem: Path) -> None:
    with server(scheme, there, pem) as (port, _):
        async with desk(tmp_path / "files", LOCAL) as at:
            reason = await at.failure(f"{scheme}://{USER}:canary7@127.0.0.1:{port}/private")
            assert reason.startswith(f"cannot log in at {scheme} 127.0.0.1:{port}: ")
            assert "canary7" not in reason


@pytest.mark.parametrize(("scheme", "words"), [("ftp", "it answers 550"), ("http", "it answers 404 Not Found")])
async def test_a_file_that_is_not_there_is_told(
    scheme: str, words: str, there: Path, tmp_path: Path, pem: Path
) -> None:
    with server(scheme, there, pem) as (port, _):
        async with desk(tmp_path / "files", LOCAL) as at:
            reason = await at.failure(f"{scheme}://{USER}:{QUOTED}@127.0.0.1:{port}/new/other")
            assert words in reason


async def test_a_port_where_nothing_listens_is_told_as_such(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    async with desk(tmp_path / "files", LOCAL) as at:
        reason = await at.failure(f"http://127.0.0.1:{port}/image")
        assert reason == f"http 127.0.0.1:{port}: cannot be reached: nothing listens there"


# --- where a file lies ------------------------------------------------------------------------------------------------


async def test_a_fetched_file_survives_the_process_and_is_examined_by_the_next(tmp_path: Path) -> None:
    private, public = image.draw_key()
    releases = catalogue.load("evlink-parking@R6"), catalogue.load("evlink-parking@R7")
    with servers.web() as web:
        web.files["/a"] = image.make("evlink-parking", "R7", "chargepost test", private)
        async with desk(tmp_path / "files", LOCAL) as at:
            await at.fetch(f"http://127.0.0.1:{web.port}/a")
    async with desk(tmp_path / "files", owner=Owner("evlink-parking@R6"), keys=(public,)) as at:
        assert at.owner.model == releases[0]
        assert await at.do(sig.Examine("fw-1")) == sig.Examined("fw-1", "good", releases[1].name)
        at.transfers.do(at.owner, sig.Discard("fw-1"))
        assert at.kept() is None
        gone = await at.do(sig.Examine("fw-1"))
        assert isinstance(gone, sig.Examined)
        assert gone.verdict == "missing"


async def test_without_a_store_nothing_is_left_at_the_end() -> None:
    with servers.web() as web:
        web.files["/a"] = FILE
        async with desk(None, LOCAL) as at:
            await at.fetch(f"http://127.0.0.1:{web.port}/a")
            folder = at.folder.parent
            assert at.kept() == FILE
            assert folder.stat().st_mode & 0o777 == 0o700
    assert not folder.exists()


async def test_files_that_nobody_discards_and_halves_of_a_dead_process_go_by_themselves(tmp_path: Path) -> None:
    with servers.web() as web:
        web.files["/a"] = b"a"
        async with desk(tmp_path / "files", LOCAL) as at:
            at.folder.mkdir(parents=True)
            (at.folder / ".fw-0-dead-1.part").write_bytes(b"half")
            for number in range(FILES_MAX + 2):
                await at.fetch(f"http://127.0.0.1:{web.port}/a", f"fw-{number}")
                os.utime(at.transfers.path("CP-1", f"fw-{number}"), (number, number))
            names = sorted(path.name for path in at.folder.iterdir())
            assert names == [f"fw-{number}" for number in range(2, FILES_MAX + 2)]


@pytest.mark.parametrize("name", ["..", ".", "a/../../b", "CON\0", "ä" * 48, "x.part"])
async def test_no_name_leads_out_of_the_folder(name: str, tmp_path: Path) -> None:
    async with desk(tmp_path / "files") as at:
        path = at.transfers.path(name, name)
        assert path.resolve().parent.parent == (tmp_path / "files").resolve()
        assert not path.name.endswith(".part")


async def test_a_full_disk_is_told_and_nothing_half_is_left(tmp_path: Path) -> None:
    """The limit of the system on the size of a file stands for the disk."""
    import signal

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    was = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with servers.web() as web:
        web.files["/a"] = FILE
        async with desk(tmp_path / "files", LOCAL) as at:
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
            try:
                reason = await at.failure(f"http://127.0.0.1:{web.port}/a")
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, before)
                signal.signal(signal.SIGXFSZ, was)
    assert reason == f"the file cannot be kept: {os.strerror(errno.EFBIG)}: make room beside the store"


# --- giving up --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", WAYS)
async def test_a_transfer_that_is_given_up_ends_at_once_and_tells_nobody(scheme: str, tmp_path: Path) -> None:
    """Discard, a power cut or a removed station: its thread is free for others, whatever it waited for."""
    with servers.hostile(servers.silent) as silent, servers.web() as web:
        web.files["/a"] = b"a"
        async with desk(tmp_path / "files", LOCAL) as at:
            for number in range(20):
                for job in range(JOBS_MAX - 1):
                    at.transfers.do(at.owner, sig.Fetch(f"{job}", f"{scheme}://127.0.0.1:{silent}/a"))
                await asyncio.sleep(0)
                if number % 2:
                    at.transfers.give_up("CP-1")
                else:
                    for job in range(JOBS_MAX - 1):
                        at.transfers.do(at.owner, sig.Discard(f"{job}"))
            assert await at.fetch(f"http://127.0.0.1:{web.port}/a") == sig.Fetched("fw-1", 1)
            assert at.owner.facts.empty()


async def test_one_station_has_a_few_transfers_at_once(tmp_path: Path) -> None:
    with servers.hostile(servers.silent) as silent:
        async with desk(tmp_path / "files", LOCAL) as at:
            for number in range(JOBS_MAX):
                at.transfers.do(at.owner, sig.Fetch(f"{number}", f"http://127.0.0.1:{silent}/a"))
            fact = await at.fetch(f"http://127.0.0.1:{silent}/a")
            told = f"{JOBS_MAX} transfers of this station are under way already"
            assert fact == sig.TransferFailed("fw-1", told)
            assert await at.do(sig.Examine("fw-1")) == sig.Examined("fw-1", "damaged", reason=told)


# --- hostile servers --------------------------------------------------------------------------------------------------

SHORT = Limits(file_bytes=1_048_576, connect_s=5.0, idle_s=0.3, total_s=1.0)


def _http(head: bytes, piece: bytes = b"", *, endless: bool = False) -> Callable[[socket.socket], None]:
    def act(peer: socket.socket) -> None:
        peer.recv(10_000)
        peer.sendall(head)
        while endless:
            peer.sendall(piece)
        peer.sendall(piece)

    return act


def _dripping(first: bytes, drop: bytes) -> Callable[[socket.socket], None]:
    """One byte more often than the idle limit, for ever."""
    import threading

    def act(peer: socket.socket) -> None:
        peer.sendall(first)
        pause = threading.Event()
        while not pause.wait(0.05):
            peer.sendall(drop)

    return act


def _answering(*answers: bytes) -> Callable[[socket.socket], None]:
    """One line after the other, whatever is said."""

    def act(peer: socket.socket) -> None:
        for answer in answers:
            peer.sendall(answer + b"\r\n")
            peer.recv(1_000)

    return act


OK = b"HTTP/1.1 200 OK\r\n"

HOSTILE = {
    "endless body": ("http", _http(OK + b"\r\n", b"x" * 65_536, endless=True), "larger than 1 MiB"),
    "a size too large": ("http", _http(OK + b"Content-Length: 9999999999\r\n\r\n"), "larger than 1 MiB"),
    "less than was said": ("http", _http(OK + b"Content-Length: 100\r\n\r\n", b"x" * 40), "40 bytes of 100 came"),
    "a broken chunk": ("http", _http(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"ff\r\nx"), "before the end"),
    "no HTTP": ("http", _http(b"SSH-2.0-OpenSSH_9.2\r\n"), "not understood"),
    "endless headers": ("http", _http(OK, b"X-A: " + b"x" * 1_000 + b"\r\n", endless=True), "not understood"),
    "endless continue": ("http", _http(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n" * 99,
                                       endless=True), "not understood"),
    "silence": ("http", servers.silent, "does not answer"),
    "goodbye": ("http", lambda peer: None, "closed the connection"),
    "dripping headers": ("http", _dripping(OK, b"x"), "took longer than 1 s"),
    "a dripping body": ("http", _dripping(OK + b"\r\n", b"x"), "took longer than 1 s"),
    "no TLS": ("https", _http(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "no TLS"),
    "silent TLS": ("https", servers.silent, "does not answer"),
    "a long greeting line": ("ftp", _dripping(b"220 " + b"x" * 100_000, b"x"), "more than 8192 bytes"),
    "a greeting without end": ("ftp", _dripping(b"220-x\r\n" * 10_000, b"220-x\r\n"), "answers without end"),
    "a dripping greeting": ("ftp", _dripping(b"220 ", b"x"), "took longer than 1 s"),
    "no FTP": ("ftp", _dripping(b"\xff\xfe\r\n", b"x"), "not understood"),
    "FTP that is full": ("ftp", _dripping(b"421 too many\r\n", b"x"), "421 too many"),
    "FTP that says the password back": ("ftp", _answering(b"220 hi", b"331 word", b"530 canary7?"), "530 ***?"),
    "HTTP that says it back": ("http", _http(b"HTTP/1.1 403 not_canary7\r\n\r\n"), "403 not_***"),
    "FTP that goes": ("ftp", lambda peer: None, "closed the connection"),
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
async def test_a_hostile_server_is_bounded_and_told(kind: str, tmp_path: Path) -> None:
    scheme, act, words = HOSTILE[kind]
    with servers.hostile(act) as port:
        async with desk(tmp_path / "files", LOCAL, limits=SHORT) as at:
            reason = await at.failure(f"{scheme}://{USER}:canary7@127.0.0.1:{port}/new/a")
            assert words in reason
            assert "canary7" not in reason


def _ftp_server(passive: bytes, said: list[bytes]) -> Callable[[socket.socket], None]:
    """Speaks FTP as far as the connection for the file, which it says is there."""

    def act(peer: socket.socket) -> None:
        peer.sendall(b"220 ready\r\n")
        with peer.makefile("rb") as lines:
            for line in lines:
                said.append(line)
                answers = {b"USER": b"331 word", b"PASS": b"230 in", b"SIZE": b"213 5", b"PASV": passive}
                peer.sendall(answers.get(line[:4], b"200 ok") + b"\r\n")

    return act


async def test_a_passive_answer_does_not_lead_to_another_host(tmp_path: Path) -> None:
    """Whatever address 227 names, the file comes from the server itself; and not from a service below 1024."""
    said: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as ours, socket.create_server(("127.0.0.2", 0)) as other:
        port = other.getsockname()[1]
        passive = b"227 =(127,0,0,2,%d,%d)" % divmod(port, 256)
        with servers.hostile(_ftp_server(passive, said)) as server_port:
            async with desk(tmp_path / "files", LOCAL, limits=SHORT) as at:
                assert await at.failure(f"ftp://127.0.0.1:{server_port}/a")
        other.setblocking(False)
        with pytest.raises(BlockingIOError):
            other.accept()
        ours.close()
    with servers.hostile(_ftp_server(b"227 =(127,0,0,1,0,22)", said)) as server_port:
        async with desk(tmp_path / "files", LOCAL, limits=SHORT) as at:
            assert "offers port 22" in await at.failure(f"ftp://127.0.0.1:{server_port}/a")


async def test_a_redirect_passes_the_gate_again(tmp_path: Path, pem: Path) -> None:
    with servers.web() as web, servers.web() as other, servers.web(pem) as safe:
        here = Place("127.0.0.1", web.port), Place("127.0.0.1", safe.port)
        web.files["/a"] = web.files["/c"] = FILE
        web.moved |= {
            "/once": "/a",
            "/on": f"http://127.0.0.1:{other.port}/a",
            "/file": "file:///etc/passwd",
            "/ftp": f"ftp://127.0.0.1:{web.port}/a",
            "/round": "/round",
            "/lost": "http://[",
        }
        safe.moved["/down"] = f"http://127.0.0.1:{web.port}/a"
        async with desk(tmp_path / "files", *here, trusted=pem) as at:
            base = f"http://{USER}:{QUOTED}@127.0.0.1:{web.port}"
            assert await at.fetch(f"{base}/once") == sig.Fetched("fw-1", len(FILE))
            at.transfers.do(at.owner, sig.Discard("fw-1"))
            assert f"127.0.0.1:{other.port}: files may not be fetched" in await at.failure(f"{base}/on")
            assert "file: is not spoken" in await at.failure(f"{base}/file")
            assert "only HTTP is followed" in await at.failure(f"{base}/ftp")
            assert "sends us on and on" in await at.failure(f"{base}/round")
            assert "sends us on to" in await at.failure(f"{base}/lost")
            assert "not encrypted" in await at.failure(f"https://127.0.0.1:{safe.port}/down")
        assert not other.asked


async def test_a_password_stays_with_its_host(tmp_path: Path) -> None:
    with servers.web() as web, servers.web() as other:
        other.files["/a"] = web.files["/a"] = FILE
        web.moved["/on"] = f"http://127.0.0.1:{other.port}/a"
        async with desk(tmp_path / "files", LOCAL) as at:
            await at.fetch(f"http://{USER}:{QUOTED}@127.0.0.1:{web.port}/on")
        basic = f"Basic {b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}"
        assert (web.asked, other.asked) == ([("/on", basic)], [("/a", "")])
