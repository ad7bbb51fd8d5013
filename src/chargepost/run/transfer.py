"""Files of stations: fetched, examined and sent in threads of their own, kept in a folder beside the store.

The one way out is `ways`, through the `gate`; here is who waits for whom, where a file lies, and when it goes. All of
this is called on the loop's thread, and nothing here waits for a peer or a disk but the threads.
"""

import asyncio
import os
import re
import secrets
import shutil
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from chargepost import signals as sig
from chargepost.catalogue.model import Model
from chargepost.redact import redact_text
from chargepost.run.gate import Gate, Limits, Place, TransferError, gate

if TYPE_CHECKING:
    import ssl

    from chargepost.run.ways import Errand

WORKERS_MAX = 8
"""Transfers at once in a process. Each has a thread; those of ten thousand stations take turns."""

JOBS_MAX = 4
"""Of one station at once: a firmware and a report, each while the one before it is given up."""

FILES_MAX = 4
"""Kept for one station: the firmware that waits to be installed, and some that nobody discarded; the oldest goes."""

CLOSE_WAIT_S = 1.0
"""How long the end of the process waits for threads that were given up."""

PART = ".part"
"""Ends the name of a file that is still coming."""

Work = sig.Fetch | sig.Examine | sig.SendReport


class Owner(Protocol):
    """The station whose files they are."""

    identity: str
    model: Model

    def tell(self, *facts: sig.Fact) -> None: ...
    def line_settings(self) -> tuple[str, bool]:
        """The URL of its supervision, and whether it accepts self-signed certificates."""
        ...

    def way(self, host: str) -> str:
        """Why it does not reach a host, by its own network settings; empty when nothing is known to be in the way."""
        ...

    def log_between(self, since_utc_s: float | None, until_utc_s: float | None) -> str:
        """What is kept of its log, without secrets."""
        ...


class Terms(NamedTuple):
    """What the owner of the stations says about files."""

    allowed: tuple[Place, ...] = ()
    """Hosts beside the supervision's."""
    keys: tuple[bytes, ...] = ()
    """Public keys (PEM) of those whose firmware is installed."""
    limits: Limits = Limits()


class Job:
    """One wish under way."""

    def __init__(self, owner: Owner, wish: Work, errand: "Errand", work: Callable[[], sig.Fact]) -> None:
        self.owner, self.wish, self.errand, self.work = owner, wish, errand, work
        self.timer: asyncio.TimerHandle | None = None
        self.thread: threading.Thread | None = None


class Transfers:
    """The files of all stations of a process."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        folder: Path | None,
        terms: Terms,
        *,
        tls: "Callable[[bool], ssl.SSLContext] | None" = None,
    ) -> None:
        """`folder`: None keeps them as long as the process lives. `tls`: how peers are verified."""
        self._loop, self._terms, self._tls = loop, terms, tls
        self.allowed = terms.allowed
        self._mark = secrets.token_hex(8)
        """In the names of our parts; those with another are of a process that is dead."""
        self._folder = folder or Path(tempfile.gettempdir()) / f"chargepost-{self._mark}"
        self._temporary = folder is None
        self._jobs: dict[str, list[Job]] = {}
        """By station."""
        self._waiting: deque[Job] = deque()
        self._running: set[Job] = set()
        self._numbers = count(1)
        self._tidying = threading.Lock()
        self._renaming = threading.Lock()
        """Held while a file gets its name: whoever gives a job up knows whether it got it."""

    # --- wishes ------------------------------------------------------------------------------------------------------

    def do(self, owner: Owner, wish: Work | sig.Discard) -> None:
        """Answered by a fact, later; a Discard by none."""
        if isinstance(wish, sig.Discard):
            self._discard(owner.identity, wish.job)
            return
        jobs = self._jobs.setdefault(owner.identity, [])
        if len(jobs) >= JOBS_MAX:
            refusal = _failed(wish, f"{JOBS_MAX} transfers of this station are under way already")
            self._loop.call_soon(owner.tell, refusal)
            return
        job = self._job(owner, wish)
        jobs.append(job)
        self._waiting.append(job)
        self._begin()

    def give_up(self, identity: str, job: str | None = None) -> None:
        """End one job of a station, or all (its power went); nobody is told."""
        for each in list(self._jobs.get(identity, ())):
            if job in (None, each.wish.job):
                with self._renaming:
                    each.errand.give_up("given up")
                self._forget(each)
                with suppress(ValueError):
                    self._waiting.remove(each)

    def under_way(self, identity: str) -> int:
        """How many transfers a station waits for."""
        return len(self._jobs.get(identity, ()))

    def close(self) -> None:
        """End all, and remove what only this process wanted."""
        for identity in list(self._jobs):
            self.give_up(identity)
        until = time.monotonic() + CLOSE_WAIT_S
        for job in self._running:
            if job.thread:
                job.thread.join(max(until - time.monotonic(), 0.0))
        if self._temporary:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _discard(self, identity: str, job: str) -> None:
        self.give_up(identity, job)
        with suppress(OSError):
            self.path(identity, job).unlink()

    # --- who waits for whom ------------------------------------------------------------------------------------------

    def _job(self, owner: Owner, wish: Work) -> Job:
        from chargepost.run.ways import Errand  # noqa: PLC0415 - most stations never move a file

        url, self_signed = owner.line_settings()
        gated = self._gate(owner.model, url)._replace(way=owner.way)
        errand = Errand(gated, self._terms.limits, lambda: self._context(self_signed))
        identity, model = owner.identity, owner.model
        match wish:
            case sig.Fetch(job, url):
                return Job(owner, wish, errand, lambda: self._fetch(errand, identity, job, url))
            case sig.Examine():
                return Job(owner, wish, errand, lambda: self._examine(identity, wish, model))
            case sig.SendReport():
                text = redact_text(wish.text) + owner.log_between(wish.since_utc_s, wish.until_utc_s)
                return Job(owner, wish, errand, lambda: _send(errand, wish, text))

    def _gate(self, model: Model, supervision: str) -> Gate:
        return gate(model.file_transfers, supervision, self._terms.allowed)

    def _context(self, accept_self_signed: bool) -> "ssl.SSLContext":
        from chargepost.run import tls  # noqa: PLC0415

        return (self._tls or tls.client)(accept_self_signed)

    def _begin(self) -> None:
        while self._waiting and len(self._running) < WORKERS_MAX:
            job = self._waiting.popleft()
            self._running.add(job)
            total_s = self._terms.limits.total_s
            job.timer = self._loop.call_later(total_s, job.errand.give_up, f"it took longer than {total_s:g} s")
            job.thread = threading.Thread(target=self._run, args=(job,), name="chargepost-transfer", daemon=True)
            job.thread.start()

    def _run(self, job: Job) -> None:
        """In its thread. Whatever happens, the station gets an answer."""
        try:
            fact = job.work()
        except TransferError as error:
            fact = _failed(job.wish, str(error))
        except Exception as error:
            fact = _failed(job.wish, f"a fault of ours ({type(error).__name__})")
        with suppress(RuntimeError):  # the loop is closed, nobody waits
            self._loop.call_soon_threadsafe(self._done, job, fact)

    def _done(self, job: Job, fact: sig.Fact) -> None:
        self._running.discard(job)
        if job.timer:
            job.timer.cancel()
        if self._forget(job):
            job.owner.tell(fact)
        self._begin()

    def _forget(self, job: Job) -> bool:
        """Whether somebody still waits for it."""
        jobs = self._jobs.get(job.owner.identity, [])
        if job not in jobs:
            return False
        jobs.remove(job)
        if not jobs:
            del self._jobs[job.owner.identity]
        return True

    def bring(self, identity: str, job: str, data: bytes) -> None:
        """A file that somebody has brought; it is on disk when this returns. Raises TransferError."""
        with self._coming(self.path(identity, job)) as (file, arrived):
            _write(file, data)
            arrived(lambda: None)

    # --- where a file lies -------------------------------------------------------------------------------------------

    def path(self, identity: str, job: str) -> Path:
        """Of a fetched file."""
        return self._folder / _file_name(identity) / _file_name(job)

    def _make_room(self, path: Path) -> None:
        """Its folder, without what dead processes left half, and with room for one more."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.parent.mkdir(exist_ok=True, mode=0o700)
        others = []
        for each in path.parent.iterdir():
            if each.name.endswith(PART):
                if f"-{self._mark}-" not in each.name:
                    each.unlink(missing_ok=True)
            elif each != path:
                others.append(each)
        others.sort(key=lambda each: each.stat().st_mtime, reverse=True)
        for each in others[FILES_MAX - 1 :]:
            each.unlink(missing_ok=True)

    @contextmanager
    def _coming(self, path: Path) -> Iterator[tuple[int, Callable[[Callable[[], None]], None]]]:
        """A part to write to, and what gives it its name once it is whole and synced, unless it is not wanted any more.

        Whatever is not called so is no file. Raises TransferError in words of the disk.
        """
        with _disk(), self._tidying:
            self._make_room(path)
            part = path.with_name(f".{path.name}-{self._mark}-{next(self._numbers)}{PART}")
            file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)

        def arrived(go_on: Callable[[], None]) -> None:
            with _disk():
                os.fsync(file)
                with self._renaming:
                    go_on()
                    part.rename(path)
                _sync_folder(path.parent)
                _sync_folder(path.parent.parent)

        try:
            yield file, arrived
        finally:
            os.close(file)
            part.unlink(missing_ok=True)

    # --- in threads --------------------------------------------------------------------------------------------------

    def _fetch(self, errand: "Errand", identity: str, job: str, url: str) -> sig.Fact:
        from chargepost.run.ways import fetch  # noqa: PLC0415

        errand.gate.admit(url)  # before anything is touched
        path = self.path(identity, job)
        with self._coming(path) as (file, arrived):
            size = fetch(errand, url, lambda piece: _write(file, piece))
            arrived(errand.go_on)
        return sig.Fetched(job, size)

    def _examine(self, identity: str, wish: sig.Examine, model: Model) -> sig.Fact:
        from chargepost.catalogue.image import SIZE_MAX, examine  # noqa: PLC0415

        try:
            with self.path(identity, wish.job).open("rb") as file:
                data = file.read(SIZE_MAX + 1)  # one more than an image has, so that a larger file is seen
        except OSError as error:
            return sig.Examined(wish.job, "missing", reason=f"the file is not here any more: {error.strerror}")
        verdict = examine(data, model, self._terms.keys, wish.certificate, wish.signature)
        return sig.Examined(wish.job, *verdict)


def _send(errand: "Errand", wish: sig.SendReport, text: str) -> sig.Fact:
    from chargepost.run.ways import send  # noqa: PLC0415

    body = text.encode("utf-8", "replace")
    if wish.compressed:
        import gzip  # noqa: PLC0415

        body = gzip.compress(body, mtime=0)
    return sig.Sent(wish.job, send(errand, wish.url, wish.name, body))


def _failed(wish: Work, reason: str) -> sig.Fact:
    if isinstance(wish, sig.Examine):
        return sig.Examined(wish.job, "damaged", reason=reason)
    return sig.TransferFailed(wish.job, reason)


@contextmanager
def _disk() -> Iterator[None]:
    """What the disk says, in words."""
    try:
        yield
    except OSError as error:
        raise TransferError(f"the file cannot be kept: {error.strerror}: make room beside the store") from None


def _write(file: int, piece: bytes) -> None:
    with _disk():
        while piece:
            piece = piece[os.write(file, piece) :]


def _sync_folder(folder: Path) -> None:
    """A new name survives a power cut only when its folder is synced too."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _file_name(text: str) -> str:
    """An identity or a job as a file's name: as it is, or its hash where it would mean something to the system."""
    plain = re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}", text)
    return text if plain and not text.endswith(PART) else sha256(text.encode()).hexdigest()
