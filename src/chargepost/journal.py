"""The one way to disk: submit, sync, then acknowledge; read back after a power cut.

A store is one SQLite file in WAL mode with synchronous=EXTRA: what `done` has acknowledged survives a power cut.
(synchronous=NORMAL loses acknowledged rows there, and a test that only kills the process does not show it. EXTRA is
FULL, and syncs the folder too when a new store leaves its rollback journal: one that came back would empty the store.)
One thread writes; whatever was submitted while it wrote goes into its next commit, so ten thousand stations cost few
syncs.

When the disk is full or failing, nothing is lost: the group is kept, the connection is given up (what the system holds
in memory after a failed sync cannot be trusted), the store opened anew and the group written again, exactly once.

Beside the store lies a copy, NAME.good, for the day the file itself is damaged: made after the check at each start,
every hour in which something was written, and at the end.

SQLite has no checksum of a value, so rows carry a `seal` of their own, written with them and judged with the file.
"""

import json
import logging
import os
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import cache
from itertools import chain, count
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit
from zlib import crc32

Statement = tuple[str, Sequence[object]]

GROUP_MAX = 1_000
"""Pieces in one commit: some 10 ms of work, so that no acknowledgement waits long behind others."""
WAITING_MAX = 200_000
"""Pieces waiting for the disk: some 100 MB at most. Past it `submit` refuses, and its caller must not acknowledge."""
RETRY_FIRST_S, RETRY_MAX_S = 0.05, 2.0
"""The pause before a failed group is tried again doubles between these: a disk that has space again is used soon."""
BUSY_S = 2.0
"""How long another program (a copy being made, `verify`) may hold the store before that counts as trouble."""
CLOSE_WAIT_S = 5.0
"""How long `close` waits for a disk that refuses; what is not written by then was never acknowledged."""

GOOD_EVERY_S = 3600.0
"""Between two copies of a store that is written to: what a damaged disk costs at most is an hour."""
GOOD_MAX_BYTES = 256 * 2**20
"""Of a store that is still copied: a second or two, in which nothing else is written. A larger one wants a backup."""

JUDGED_TOGETHER = 10_000
"""Rows that SQLite hands over at once for their seals: some 5 MB. One by one, each would wait for a busy thread."""

VERSIONS_AHEAD_MAX = 1_000
"""A version further ahead than any program will come is no version, but damage."""

# Primary result codes of SQLite (sqlite.org/rescode.html) that speak of the disk; all others speak of the statement.
DISK_CODES = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_IOERR: "the disk fails or is full",
    sqlite3.SQLITE_READONLY: "the store may not be written",
    sqlite3.SQLITE_CANTOPEN: "the store cannot be opened",
    sqlite3.SQLITE_PERM: "the store may not be opened",
    sqlite3.SQLITE_BUSY: "another program holds the store",
    sqlite3.SQLITE_LOCKED: "another program holds the store",
    sqlite3.SQLITE_PROTOCOL: "another program holds the store",
    sqlite3.SQLITE_NOMEM: "no memory is left",
    sqlite3.SQLITE_NOLFS: "the file has grown past what the disk allows",
}
DAMAGE_CODES = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}

# Which group was committed last, in the same commit: after a failed sync it tells whether the group is in the store.
MARK_SCHEMA = """
CREATE TABLE IF NOT EXISTS journal_mark (
  only INTEGER PRIMARY KEY CHECK (only = 1), life TEXT NOT NULL, number INTEGER NOT NULL);
"""
WRITE_MARK = "INSERT OR REPLACE INTO journal_mark VALUES (1, ?, ?)"
READ_MARK = "SELECT life, number FROM journal_mark"

log = logging.getLogger(__name__)


class StoreError(Exception):
    """The store cannot be used; the text is one line: which file, why, and what to do."""


class _DamagedError(Exception):
    """The file is no store, or its pages contradict each other."""


class Sealed(NamedTuple):
    """Columns of a table that are always written together, a blob last, and the column of their `seal`."""

    table: str
    columns: Sequence[str]
    column: str


class _Piece(NamedTuple):
    """Statements that are written together or not at all."""

    statements: Sequence[Statement]
    done: Callable[[], None] | None


def parse_store(url: str) -> Path | None:
    """The folder a store URL names: a bare path or `file:` URL; None for "none", which is memory only.

    Raises StoreError for anything else.
    """
    if url == "none":
        return None
    remedy = "give a folder, file:FOLDER, or none for memory only"
    if not url or "\0" in url:
        raise StoreError(f"store {url!r} names no folder: {remedy}")
    parts = urlsplit(url)
    if len(parts.scheme) <= 1:  # a single letter is a drive, not a scheme
        return Path(url)
    if parts.scheme != "file" or parts.netloc not in ("", "localhost") or not parts.path:
        raise StoreError(f"store {parts.scheme}: is not known here: {remedy}")
    return Path(unquote(parts.path))


class Acknowledgements:
    """Takes what `done` has to tell from the writer thread to a loop's: many of one commit wake the loop once."""

    def __init__(self, wake: Callable[[Callable[[], None]], object]) -> None:
        """`wake` has the loop call something soon, from any thread."""
        self._wake = wake
        self._waiting: deque[Callable[[], None]] = deque()
        self._awake = False

    def carry(self, what: Callable[[], None]) -> None:
        """`what` is called on the loop's thread, in the order of carrying."""
        self._waiting.append(what)
        if not self._awake:
            self._awake = True
            self._wake(self._deliver)

    def _deliver(self) -> None:
        self._awake = False  # first: what is carried from here on wakes the loop anew
        for _ in range(len(self._waiting)):
            try:
                self._waiting.popleft()()
            except Exception:  # theirs must not stop those behind
                log.exception("a listener failed on its acknowledgement")


class Journal:
    """One store: one writer thread, and a connection of its own for reading.

    `path` is the SQLite file (its folder is made when missing). None is memory only: there is no disk to wait for, so
    a piece is written, and its `done` called, before `submit` returns. `schema` makes the tables of
    `version`; it runs once on a new store and on one of an older version, so it must say IF NOT EXISTS.

    `on_trouble(reason)` is called when the disk starts to refuse and `on_trouble(None)` when it is over, from the
    writer thread; while opening, from the caller's, about a damaged file that was set aside. `on_copy` gives statements
    for a store that is its copy come back: what was numbered since the copy was made must not be numbered twice.
    A store in which a row of `sealed` has a wrong seal is damaged.

    `connect` opens a file for reading and writing; tests look underneath the store through it.
    """

    def __init__(
        self,
        path: Path | None,
        schema: str,
        version: int,
        *,
        on_trouble: Callable[[str | None], None] | None = None,
        on_copy: "OnCopy | None" = None,
        sealed: Sequence[Sealed] = (),
        connect: "Connect | None" = None,
    ) -> None:
        self.path = path
        self._schema, self._version = schema, version
        self._on_copy, self._sealed, self._connect = on_copy, sealed, connect or _connect
        self._on_trouble = on_trouble
        self._waiting: deque[_Piece] = deque()
        self._changed = threading.Condition()
        self._unwritten = 0
        self._behind_since_s = 0.0
        """Nothing that is not written is older than that."""
        self._closing = self._given_up = False
        self._reading = threading.Lock()
        self._writer = self._open_or_set_aside()
        self._number = count(_last_number(self._writer) + 1)
        self._copied_at, self._uncopied = -GOOD_EVERY_S, True
        self._reader = self._open_reader()
        self._life: str = self._writer.execute("SELECT hex(randomblob(16))").fetchone()[0]
        self._thread = threading.Thread(target=self._run, name=f"journal {path}", daemon=True)
        if path is not None:
            self._thread.start()

    # --- for everybody -------------------------------------------------------------------------------------------

    def submit(self, statements: Sequence[Statement], done: Callable[[], None] | None = None) -> None:
        """Write these statements in one piece; `done` is called, from the writer thread, once they are durable.

        Pieces become durable in the order of submission. A piece whose statements are wrong in themselves is dropped
        and logged, and its `done` is never called. Raises StoreError when closed or when `WAITING_MAX` are waiting.
        """
        piece = _Piece(statements, done)
        if self.path is None:
            self._write_in_memory(piece)
            return
        with self._changed:
            if self._closing:
                raise StoreError(f"{self._name}: the store is closed")
            if self._unwritten >= WAITING_MAX:
                raise StoreError(f"{self._name}: {WAITING_MAX} writes wait for the disk: make space, then try again")
            if not self._unwritten:
                self._behind_since_s = monotonic()
            self._waiting.append(piece)
            self._unwritten += 1
            self._changed.notify_all()

    @property
    def waiting(self) -> int:
        """Pieces that are not durable yet."""
        return self._unwritten

    @property
    def lag_s(self) -> float:
        """How long the oldest of them has been waiting, at most."""
        with self._changed:
            return monotonic() - self._behind_since_s if self._unwritten else 0.0

    def read(self, sql: str, params: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query on the durable state. Never holds the writer up."""
        with self._reading:
            try:
                return self._reader.execute(sql, params).fetchall()
            except sqlite3.DatabaseError as error:
                if _primary_code(error) in DISK_CODES.keys() | DAMAGE_CODES:
                    raise StoreError(f"{self._name}: cannot be read: {error}") from error
                raise

    def flush(self, timeout_s: float | None = None) -> bool:
        """Wait until all that was submitted is durable; False when it is not within `timeout_s`."""
        with self._changed:
            return (
                self._changed.wait_for(lambda: not self._unwritten or self._given_up, timeout_s) and not self._unwritten
            )

    def close(self) -> None:
        """Write what is waiting and close; gives a refusing disk `CLOSE_WAIT_S`. May be called twice."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            if not self.flush(CLOSE_WAIT_S):
                log.error("%s: closed with %d writes that the disk refused", self._name, self._unwritten)
            with self._changed:
                self._given_up = True
                self._changed.notify_all()
            self._thread.join()
            if self._uncopied and not self._unwritten:
                self._keep_copy()
        with self._reading:
            self._reader.close()
        self._writer.close()

    def _write_in_memory(self, piece: _Piece) -> None:
        with self._reading:  # reader and writer are one connection
            if self._closing:
                raise StoreError(f"{self._name}: the store is closed")
            try:
                fits = self._fits(piece)
            except (sqlite3.Error, _DamagedError) as error:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise StoreError(f"{self._name}: {_in_words(error)}") from error
        if fits:
            self._acknowledge(piece)

    # --- the writer thread ---------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            if self._uncopied and monotonic() >= self._copied_at + GOOD_EVERY_S:
                self._keep_copy()
            group = self._next_group()
            taken = len(group)
            if taken:
                self._write_whatever_it_takes(group)
                self._uncopied = True
                with self._changed:
                    self._unwritten -= taken
                    self._changed.notify_all()
            elif self._closing:
                return

    def _next_group(self) -> list[_Piece]:
        """The next pieces to commit together; none when the journal closes, or a copy is due."""
        with self._changed:
            wait_s = self._copied_at + GOOD_EVERY_S - monotonic() if self._uncopied else None
            self._changed.wait_for(lambda: self._waiting or self._closing, wait_s)
            return [self._waiting.popleft() for _ in range(min(len(self._waiting), GROUP_MAX))]

    def _write_whatever_it_takes(self, group: list[_Piece]) -> None:
        """Return when the group is durable and acknowledged, or the journal was told to give up."""
        number = next(self._number)
        pause_s, trouble = RETRY_FIRST_S, ""
        while not self._given_up:
            try:
                if trouble:
                    self._reopen()
                if not (trouble and self._has_mark(number)):
                    self._commit(group, number)
            except (sqlite3.Error, StoreError, OSError, _DamagedError) as error:
                reason = f"{self._name}: {_in_words(error)}; trying again"
                if not trouble:
                    self._tell(reason)
                trouble = reason
                with self._changed:
                    self._changed.wait_for(lambda: self._given_up, pause_s)
                pause_s = min(2 * pause_s, RETRY_MAX_S)
                continue
            if trouble:
                self._tell(None)
            for piece in group:
                self._acknowledge(piece)
            return

    def _commit(self, group: list[_Piece], number: int) -> None:
        """Commit the group; pieces that are wrong in themselves are taken out of it."""
        try:
            self._begin(number)
            for piece in group:
                for sql, params in piece.statements:
                    self._writer.execute(sql, params)
            self._writer.execute("COMMIT")
            return
        except Exception as error:
            _raise_if_disk(error)
            self._writer.execute("ROLLBACK")
        # rare: once more, each piece by itself, to find the wrong one
        self._begin(number)
        group[:] = [piece for piece in group if self._fits(piece)]
        self._writer.execute("COMMIT")

    def _begin(self, number: int) -> None:
        self._writer.execute("BEGIN IMMEDIATE")
        self._writer.execute(WRITE_MARK, (self._life, number))

    def _fits(self, piece: _Piece) -> bool:
        """Write a piece; False, and nothing of it is written, when it is wrong in itself."""
        self._writer.execute("SAVEPOINT piece")
        try:
            for sql, params in piece.statements:
                self._writer.execute(sql, params)
        except Exception as error:
            _raise_if_disk(error)
            log.exception("%s: dropped a write that cannot be made", self._name)
            self._writer.execute("ROLLBACK TO piece")
            self._writer.execute("RELEASE piece")
            return False
        self._writer.execute("RELEASE piece")
        return True

    def _acknowledge(self, piece: _Piece) -> None:
        if piece.done is None:
            return
        try:
            piece.done()
        except Exception:  # theirs must not stop the writing of others
            log.exception("%s: a listener failed on its acknowledgement", self._name)

    def _tell(self, reason: str | None) -> None:
        if reason:
            log.error(reason)
        else:
            log.warning("%s: writes again", self._name)
        if self._on_trouble is not None:
            try:
                self._on_trouble(reason)
            except Exception:
                log.exception("%s: a listener failed on trouble", self._name)

    # --- the copy ------------------------------------------------------------------------------------------------

    def _keep_copy(self) -> None:
        """Replace the copy by what the store holds now; a store that turns out to be damaged keeps its older one."""
        assert self.path is not None
        self._copied_at, self._uncopied = monotonic(), False
        try:
            if self.path.stat().st_size > GOOD_MAX_BYTES:
                log.warning("%s: too large to be copied by itself: make a backup now and then", self._name)
            else:
                self._copy(self._writer, _good(self.path))
        except _DamagedError as damage:
            log.error("%s: damaged (%s): its older copy stays as it is", self._name, damage)
        except (sqlite3.Error, OSError) as error:
            log.warning("%s: no copy could be made: %s", self._name, _in_words(error))

    def _copy(self, source: sqlite3.Connection, to: Path) -> None:
        """A whole and synced copy under that name, or the file that was there before."""
        new = to.with_name(f"{to.name}.new")
        for suffix in ("", "-journal"):
            new.with_name(new.name + suffix).unlink(missing_ok=True)
        try:
            with closing(self._connect(new)) as copy:
                source.backup(copy)
                copy.execute("PRAGMA journal_mode=DELETE").fetchone()
                self._judge(copy)
            new.replace(to)
            _sync_folder(to.parent)
        except sqlite3.Error as error:
            if _primary_code(error) in DAMAGE_CODES:
                raise _DamagedError(str(error)) from error
            raise
        finally:
            new.unlink(missing_ok=True)  # half a copy would take the room that the store needs

    def _copy_for_use(self) -> Path | None:
        """The copy, once more, to become the store; None when there is none that is whole. Disk errors pass."""
        assert self.path is not None
        back = self.path.with_name(f"{self.path.name}.back")
        try:
            with self._whole_copy() as source:
                if source is None:
                    return None
                self._copy(source, back)
            with closing(self._connect(back)) as copy:
                self._bring_up(copy)
                copy.execute("BEGIN IMMEDIATE")
                for sql, params in self._on_copy(copy) if self._on_copy else ():
                    copy.execute(sql, params)
                copy.execute("COMMIT")
        except _DamagedError:
            back.unlink(missing_ok=True)
            return None
        return back

    @contextmanager
    def _whole_copy(self, newer_than: int = -1) -> Iterator[sqlite3.Connection | None]:
        """The copy, when it is of a version we know, newer than that group, and whole."""
        assert self.path is not None
        good = _good(self.path)
        if not good.is_file():
            yield None
            return
        with closing(self._connect(good)) as copy:
            try:
                (found,) = copy.execute("PRAGMA user_version").fetchone()
                fits = 0 < found <= self._version and _last_number(copy) > newer_than
                if fits:
                    self._judge(copy)
            except (sqlite3.Error, _DamagedError) as error:
                if _primary_code(error) in DISK_CODES:
                    raise
                log.error("%s: the copy cannot be used: %s", good, error)
                fits = False
            yield copy if fits else None

    # --- opening -------------------------------------------------------------------------------------------------

    @property
    def _name(self) -> str:
        return str(self.path or "store in memory")

    def _reopen(self) -> None:
        """A connection that failed is not asked again (fsync may report an error only once)."""
        self._writer.close()
        self._writer = self._open_or_set_aside(reopening=True)
        # writes every committed page anew and syncs: nothing rests on what a failed sync left in the system's cache
        busy, *_ = self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise StoreError("another program holds the store")

    def _has_mark(self, number: int) -> bool:
        return bool(self._writer.execute(READ_MARK).fetchall() == [(self._life, number)])

    def _open_or_set_aside(self, reopening: bool = False) -> sqlite3.Connection:
        try:
            return self._open()
        except _DamagedError as damage:
            assert self.path is not None
            try:
                back = self._copy_for_use()
                aside = _set_aside(self.path)
                was = f"set aside as {aside.name}" if aside else "nothing is left of it"
                if back:
                    back.rename(self.path)
                    _sync_folder(self.path.parent)
            except (sqlite3.Error, OSError) as error:
                raise StoreError(f"{self.path}: damaged ({damage}), and cannot be set aside: {error}") from error
            writer = self._open(fresh=True)
            if reopening:
                with self._reading:
                    self._reader.close()
                    self._reader = self._open_reader()
            instead = "its last good copy is used" if back else "a fresh one is begun"
            self._tell(f"{self.path}: the store is damaged ({damage}): {was}, {instead}")
            if not reopening and self._on_trouble is not None:
                self._on_trouble(None)  # without a line: the one above says it all
            return writer

    def _open(self, fresh: bool = False) -> sqlite3.Connection:
        """A connection for writing to a whole store of our version. Raises _DamagedError or StoreError.

        `fresh`: what is there was just put there, and is not compared with the copy.
        """
        try:
            if self.path is not None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                if self.path.is_file() and not self.path.stat().st_size:
                    raise _DamagedError("it is empty")  # SQLite would take it for a new one
                if not fresh and not self.path.exists() and _good(self.path).exists():
                    raise _DamagedError("it is gone")
            writer = self._connect(self.path)
            try:
                self._prepare(writer)
                if self.path is not None and not fresh:
                    self._compare_with_copy(writer)
            except BaseException:
                writer.close()
                raise
            return writer
        except (sqlite3.Error, OSError) as error:
            if _primary_code(error) in DAMAGE_CODES:
                raise _DamagedError(str(error)) from error
            raise StoreError(f"{self._name}: {_in_words(error)}: choose another place with --store") from error

    def _compare_with_copy(self, writer: sqlite3.Connection) -> None:
        """A store that lacks what its copy has was robbed of its log, or is an old file that somebody put there."""
        assert self.path is not None
        with self._whole_copy(newer_than=_last_number(writer)) as copy:
            if copy is not None:
                raise _DamagedError(f"it is older than its copy {_good(self.path).name}: its log is lost")

    def _prepare(self, writer: sqlite3.Connection) -> None:
        try:
            (found,) = writer.execute("PRAGMA user_version").fetchone()
            self._judge(writer)
            if found:
                _last_number(writer)
        except sqlite3.Error as error:
            # whatever its code: a flipped bit makes a file format, or the name of a column, unknown
            if _primary_code(error) in DISK_CODES:
                raise
            raise _DamagedError(str(error)) from error
        if not 0 <= found <= self._version + VERSIONS_AHEAD_MAX:
            raise _DamagedError(f"its version reads {found}")
        if found > self._version:
            raise StoreError(
                f"{self._name}: the store is of version {found}, this program knows {self._version}: "
                "use the newer program, or another store with --store"
            )
        writer.execute("PRAGMA synchronous=EXTRA")  # first: the way to WAL of a new store uses a rollback journal
        writer.execute("PRAGMA journal_mode=WAL").fetchone()
        if found < self._version:
            self._bring_up(writer)

    def _bring_up(self, connection: sqlite3.Connection) -> None:
        """Make what an older version has not. Raises _DamagedError, and changes nothing, where its tables do not become
        ours: they would take no write."""
        try:
            connection.executescript(
                f"BEGIN IMMEDIATE; {MARK_SCHEMA} {self._schema}; PRAGMA user_version={self._version:d}"
            )
        except sqlite3.Error as error:
            if _primary_code(error) in DISK_CODES:
                raise
            raise _DamagedError(str(error)) from error
        if wrong := next(wrong_tables(connection, self._schema), None):
            connection.execute("ROLLBACK")
            raise _DamagedError(wrong)
        connection.execute("COMMIT")

    def _judge(self, connection: sqlite3.Connection) -> None:
        """Raises _DamagedError for a file that is not whole, or a row that is not as it was written."""
        connection.text_factory = _text  # what SQLite says of a damage holds some of the damaged bytes
        try:
            _check(connection)
            (found,) = connection.execute("PRAGMA user_version").fetchone()
            wrong = None
            if found == self._version:
                found_wrong = chain(wrong_tables(connection, self._schema), wrong_rows(connection, self._sealed))
                wrong = next(found_wrong, None)
        except UnicodeDecodeError as error:  # they stand in the words of an error too
            raise _DamagedError("a name in it is not text") from error
        if wrong:
            raise _DamagedError(wrong)

    def _open_reader(self) -> sqlite3.Connection:
        if self.path is None:
            return self._writer
        reader = self._connect(self.path)
        reader.execute("PRAGMA query_only=ON")
        reader.text_factory = _text
        reader.execute(READ_MARK).fetchall()  # now: the index of the log that it needs has no room on a full disk
        return reader


Connect = Callable[[Path | None], sqlite3.Connection]
OnCopy = Callable[[sqlite3.Connection], Iterable[Statement]]


def seal(*fields: str | float | None, data: bytes = b"") -> int:
    """The checksum of what is written in one row: CRC-32 over the fields as they will be read back, then the blob."""
    return crc32(data, crc32(repr([field if field.__class__ is str else _as_read(field) for field in fields]).encode()))


def _as_read(field: object) -> object:
    """In one form, whether it was an integer or a float when it was written."""
    if isinstance(field, float):
        return int(field) if field.is_integer() else field
    return int(field) if isinstance(field, int) else field


IN_JSON = {
    "BLOB": """iif(typeof("{0}") = 'blob', lower(hex("{0}")), NULL)""",
    "INTEGER": 'json(lower(quote("{}")))',
    "REAL": 'json(lower(quote("{}")))',
}
"""How a column of that type comes out whole: JSON of a number by itself has fewer digits, and one flipped bit makes
a text of a blob."""


def wrong_rows(connection: sqlite3.Connection, sealed: Sequence[Sealed]) -> Iterator[str]:
    """One sentence, without a value, for each row whose seal is not that of its fields."""
    for table, columns, column in sealed:
        types = {name: kind for _, name, kind, *_ in connection.execute(f"PRAGMA table_info({table})").fetchall()}
        row = ", ".join(IN_JSON.get(types.get(name, ""), '"{}"').format(name) for name in (*columns, column))
        sql = f"SELECT json_group_array(json_array({row})) FROM (SELECT * FROM {table} LIMIT ? OFFSET ?)"  # noqa: S608
        for offset in count(0, JUDGED_TOGETHER):
            rows = json.loads(connection.execute(sql, (JUDGED_TOGETHER, offset)).fetchone()[0])
            for number, (*fields, found) in enumerate(rows, offset + 1):
                data = fields.pop() if types.get(columns[-1]) == "BLOB" else ""
                if data is None or seal(*fields, data=bytes.fromhex(data)) != found:
                    yield f"row {number} of {table} is not as it was written"
            if len(rows) < JUDGED_TOGETHER:
                break


def _connect(path: Path | None) -> sqlite3.Connection:
    # transactions are opened by hand; the threads take turns by our own locks
    return sqlite3.connect(path or ":memory:", timeout=BUSY_S, isolation_level=None, check_same_thread=False)


def _text(data: bytes) -> str:
    """A flipped bit in a text is seen as such, and does not hide the rows around it."""
    return data.decode("utf-8", "replace")


def _check(connection: sqlite3.Connection) -> None:
    (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if found != "ok":
        raise _DamagedError(found.splitlines()[-1])


def wrong_tables(connection: sqlite3.Connection, schema: str) -> Iterator[str]:
    """One sentence where the tables are not those of the schema: SQLite believes what a flipped bit has made of it."""
    if _shape(connection) != _shape_of(MARK_SCHEMA + schema):
        yield "its tables are not as they were made"


def _shape(connection: sqlite3.Connection) -> list[object]:
    """Columns, keys and indices of each table."""
    sql = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"
    names = [name for (name,) in connection.execute(sql).fetchall()]
    pragmas = ("table_info", "index_list", "foreign_key_list")
    return [(name, [connection.execute(f'PRAGMA {each}("{name}")').fetchall() for each in pragmas]) for name in names]


@cache
def _shape_of(schema: str) -> list[object]:
    with closing(sqlite3.connect(":memory:")) as fresh:
        fresh.executescript(schema)
        return _shape(fresh)


def _last_number(connection: sqlite3.Connection) -> int:
    """Of the groups, over all lives of the store."""
    return max((int(number) for _, number in connection.execute(READ_MARK).fetchall()), default=0)


def _good(path: Path) -> Path:
    return path.with_name(f"{path.name}.good")


def _sync_folder(folder: Path) -> None:
    """A new name outlives a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _primary_code(error: BaseException) -> int:
    """SQLite's primary result code (the low byte of the extended one); 0 when the error is not SQLite's own."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _raise_if_disk(error: Exception) -> None:
    """Pass on what speaks of the disk or the file, not of the statement."""
    code = _primary_code(error)
    if code in DAMAGE_CODES:
        raise _DamagedError(str(error)) from error
    if code in DISK_CODES:
        raise error


def _in_words(error: BaseException) -> str:
    words = DISK_CODES.get(_primary_code(error))
    return f"{words} ({error})" if words else str(error)


def _set_aside(path: Path) -> Path | None:
    """Rename a damaged store, with its log, to the first free `.damaged-N`; it can still be examined there.

    None when there was nothing.
    """
    aside = next(name for n in count(1) if not (name := path.with_name(f"{path.name}.damaged-{n}")).exists())
    parts = [part for suffix in ("", "-wal", "-shm") if (part := path.with_name(path.name + suffix)).exists()]
    for part in parts:
        part.rename(aside.with_name(aside.name + part.name.removeprefix(path.name)))
    return aside if parts else None
