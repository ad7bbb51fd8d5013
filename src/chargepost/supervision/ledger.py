"""The central system's tables on a journal: each kind of row -> its statements, and the questions pages ask.

A transaction row with a stop is the charge record. What is told twice is kept once: the unique keys say so, not code.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec

from chargepost.journal import Connect, Journal, Sealed, Statement, seal
from chargepost.supervision.state import SUPERSEDED_MAX, start_key
from chargepost.supervision.wishes import (
    SUPERSEDED,
    BadgeGone,
    BadgeRow,
    Begun,
    ConnectorRow,
    EventRow,
    Kept,
    MeterRow,
    RefusedRow,
    StationGone,
    StationRow,
    StopRow,
    Store,
    SupersededRow,
    TransactionRow,
)

VERSION = 1
FILE_NAME = "supervision.sqlite"

EVENTS_MAX = 1_000_000
"""Events kept: about 100 MB, years of a small site; the oldest go first."""

DIGEST_BYTES = 8
"""Of samples, told apart only among those of one instant, connector and transaction."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS lives (life INTEGER PRIMARY KEY, seal INTEGER);
CREATE TABLE IF NOT EXISTS stations (
  identity TEXT PRIMARY KEY, boot_policy TEXT NOT NULL, registration TEXT NOT NULL, password_hash TEXT NOT NULL,
  vendor TEXT NOT NULL, model TEXT NOT NULL, serial_number TEXT NOT NULL, firmware TEXT NOT NULL,
  seal INTEGER);
CREATE TABLE IF NOT EXISTS connectors (
  identity TEXT NOT NULL, connector INTEGER NOT NULL, status TEXT NOT NULL, error TEXT NOT NULL,
  since_utc_s REAL NOT NULL, info TEXT NOT NULL, vendor_error TEXT NOT NULL,
  seal INTEGER,
  PRIMARY KEY (identity, connector));
CREATE TABLE IF NOT EXISTS transactions (
  transaction_id INTEGER PRIMARY KEY, identity TEXT NOT NULL, connector INTEGER NOT NULL, id_tag TEXT NOT NULL,
  start_wh INTEGER NOT NULL, start_utc_s REAL NOT NULL, id_tag_status TEXT NOT NULL, reservation INTEGER,
  stop_wh INTEGER, stop_utc_s REAL, reason TEXT, stop_id_tag TEXT,
  start_seal INTEGER, stop_seal INTEGER,
  UNIQUE (identity, connector, id_tag, start_wh, start_utc_s));
CREATE INDEX IF NOT EXISTS open_transactions ON transactions (transaction_id) WHERE stop_wh IS NULL;
CREATE INDEX IF NOT EXISTS transactions_by_time ON transactions (start_utc_s);
CREATE TABLE IF NOT EXISTS metered (           -- rows stand in order of arrival, the key holds a digest: cheap to add
  identity TEXT NOT NULL, connector INTEGER NOT NULL, transaction_id INTEGER NOT NULL, measured_utc_s REAL NOT NULL,
  samples BLOB NOT NULL, digest BLOB NOT NULL, seal INTEGER,
  UNIQUE (identity, connector, transaction_id, measured_utc_s, digest));
CREATE TABLE IF NOT EXISTS events (
  number INTEGER PRIMARY KEY, identity TEXT NOT NULL, at_utc_s REAL NOT NULL, event TEXT NOT NULL, text TEXT NOT NULL,
  seal INTEGER);
CREATE INDEX IF NOT EXISTS events_by_station ON events (identity, number);
CREATE TABLE IF NOT EXISTS badges (
  folded TEXT PRIMARY KEY, id_tag TEXT NOT NULL, status TEXT NOT NULL, parent TEXT NOT NULL, expiry_utc_s REAL,
  comment TEXT NOT NULL, seal INTEGER);
CREATE TABLE IF NOT EXISTS refused (
  identity TEXT NOT NULL, peer TEXT NOT NULL, reason TEXT NOT NULL, status INTEGER NOT NULL, count INTEGER NOT NULL,
  last_utc_s REAL NOT NULL, seal INTEGER,
  PRIMARY KEY (identity, peer, reason));
CREATE TABLE IF NOT EXISTS users (
  name TEXT PRIMARY KEY, password_hash TEXT NOT NULL, seal INTEGER);
"""

LIVES_SKIPPED = 1_000
"""Starts that a copy of the store may not know of: message ids rest on the life, and an hour has fewer."""


def _put(table: str, columns: str) -> str:
    """Replace the row with this primary key; last comes its seal. Table and columns are ours."""
    marks = ", ".join("?" * (len(columns.split(", ")) + 1))
    return f"INSERT OR REPLACE INTO {table} ({columns}, seal) VALUES ({marks})"  # noqa: S608 - names of ours only


STATION_COLUMNS = "identity, boot_policy, registration, password_hash, vendor, model, serial_number, firmware"
CONNECTOR_COLUMNS = "identity, connector, status, error, since_utc_s, info, vendor_error"
START_COLUMNS = "identity, connector, id_tag, start_wh, start_utc_s, transaction_id, id_tag_status, reservation"
STOP_COLUMNS = "transaction_id, identity, stop_wh, stop_utc_s, reason, stop_id_tag"
METER_COLUMNS = "identity, connector, transaction_id, measured_utc_s, samples"
EVENT_COLUMNS = "identity, at_utc_s, event, text"
BADGE_COLUMNS = "id_tag, status, parent, expiry_utc_s, comment"
REFUSED_COLUMNS = "identity, peer, reason, status, count, last_utc_s"

SEALED = [
    Sealed(table, columns.split(", "), column)
    for table, columns, column in (
        ("lives", "life", "seal"),
        ("stations", STATION_COLUMNS, "seal"),
        ("connectors", CONNECTOR_COLUMNS, "seal"),
        ("transactions", START_COLUMNS, "start_seal"),
        ("transactions", STOP_COLUMNS, "stop_seal"),
        ("metered", METER_COLUMNS, "seal"),
        ("events", EVENT_COLUMNS, "seal"),
        ("badges", f"{BADGE_COLUMNS}, folded", "seal"),
        ("refused", REFUSED_COLUMNS, "seal"),
        ("users", "name, password_hash", "seal"),
    )
]
"""What is written together; of a transaction twice, for its stop comes later."""

PUT_STATION = _put("stations", STATION_COLUMNS)
PUT_CONNECTOR = _put("connectors", CONNECTOR_COLUMNS)
PUT_BADGE = _put("badges", f"{BADGE_COLUMNS}, folded")
PUT_REFUSED = _put("refused", REFUSED_COLUMNS)
BEGIN = f"INSERT OR IGNORE INTO transactions ({START_COLUMNS}, start_seal, stop_seal) VALUES (?{', ?' * 9})"  # noqa: S608
METER = "INSERT OR IGNORE INTO metered VALUES (?, ?, ?, ?, ?, ?, ?)"
EVENT = f"INSERT INTO events ({EVENT_COLUMNS}, seal) VALUES (?, ?, ?, ?, ?)"  # noqa: S608
PUT_LIFE = "INSERT OR REPLACE INTO lives VALUES (?, ?)"
STOP = f"""UPDATE transactions SET stop_wh = ?, stop_utc_s = ?, reason = ?, stop_id_tag = ?, stop_seal = ?
  WHERE transaction_id = ? AND identity = ? AND (stop_wh IS NULL OR reason = '{SUPERSEDED}')"""  # noqa: S608
FIND_START = """SELECT transaction_id, stop_wh IS NULL FROM transactions
  WHERE identity = ? AND connector = ? AND id_tag = ? AND start_wh = ? AND start_utc_s = ?"""

STILL_OPEN_BY = """WHERE transaction_id = ? AND identity = ? AND stop_wh IS NULL AND EXISTS (
  SELECT 1 FROM transactions WHERE transaction_id = ?
    AND identity = ? AND connector = ? AND id_tag = ? AND start_wh = ? AND start_utc_s = ?)"""
"""An open transaction, when the start that supersedes it was taken under the number it proposed."""
SUPERSEDE = f"""UPDATE transactions SET stop_wh = ?, stop_utc_s = ?, reason = '{SUPERSEDED}', stop_seal = ?
  {STILL_OPEN_BY}"""  # noqa: S608
TELL_SUPERSEDED = f"""INSERT INTO events ({EVENT_COLUMNS}, seal)
  SELECT identity, ?, 'superseded', ?, ? FROM transactions {STILL_OPEN_BY}"""  # noqa: S608

METERED_KEPT = 5
"""Meter values of an open transaction looked at for its last register: a station tells it in nearly each."""

values = msgspec.structs.astuple


def _supersede(row: SupersededRow) -> list[Statement]:
    """The event first: it is written only while the transaction is open."""
    which = (row.transaction, row.identity, row.by.transaction, *start_key(row.by))
    told = seal(row.identity, row.at_utc_s, "superseded", row.words)
    stop = seal(row.transaction, row.identity, row.stop_wh, row.stop_utc_s, SUPERSEDED, None)
    return [
        (TELL_SUPERSEDED, (row.at_utc_s, row.words, told, *which)),
        (SUPERSEDE, (row.stop_wh, row.stop_utc_s, stop, *which)),
    ]


def _begin(row: TransactionRow) -> list[Statement]:
    start = values(row)
    return [(BEGIN, (*start, seal(*start), seal(row.transaction, row.identity, None, None, None, None)))]


def _stop(row: StopRow) -> list[Statement]:
    which, stop = (row.transaction, row.identity), (row.stop_wh, row.stop_utc_s, row.reason, row.stop_id_tag)
    return [(STOP, (*stop, seal(*which, *stop), *which))]


def _meter(row: MeterRow) -> list[Statement]:
    *which, samples = values(row)
    digest = blake2b(samples, digest_size=DIGEST_BYTES).digest()
    return [(METER, (*which, samples, digest, seal(*which, data=samples)))]


def _sealed(*fields: Any) -> tuple[Any, ...]:
    return *fields, seal(*fields)


def _skip_lives(copy: sqlite3.Connection) -> Iterator[Statement]:
    """For a copy that becomes the store."""
    for (life,) in copy.execute("SELECT max(life) FROM lives HAVING count(*)").fetchall():
        yield PUT_LIFE, _sealed(life + LIVES_SKIPPED)


STATEMENTS: dict[type, Callable[[Any], list[Statement]]] = {
    StationRow: lambda row: [(PUT_STATION, _sealed(*values(row)))],
    ConnectorRow: lambda row: [(PUT_CONNECTOR, _sealed(*values(row)))],
    TransactionRow: _begin,
    StopRow: _stop,
    SupersededRow: _supersede,
    MeterRow: _meter,
    EventRow: lambda row: [(EVENT, _sealed(*values(row)))],
    BadgeRow: lambda row: [(PUT_BADGE, _sealed(*values(row), row.id_tag.lower()))],
    BadgeGone: lambda row: [("DELETE FROM badges WHERE folded = ?", (row.id_tag.lower(),))],
    StationGone: lambda row: [
        ("DELETE FROM stations WHERE identity = ?", (row.identity,)),
        ("DELETE FROM connectors WHERE identity = ?", (row.identity,)),
    ],
    RefusedRow: lambda row: [(PUT_REFUSED, _sealed(*values(row)))],
}


class Transaction(msgspec.Struct, frozen=True):
    """A transaction as pages and records show it; no stop yet: it runs, or its end was never told."""

    transaction: int
    identity: str
    connector: int
    id_tag: str
    id_tag_status: str
    start_utc_s: float
    start_wh: int
    stop_utc_s: float | None = None
    stop_wh: int | None = None
    reason: str | None = None

    @property
    def energy_wh(self) -> int | None:
        return None if self.stop_wh is None else self.stop_wh - self.start_wh


class Event(msgspec.Struct, frozen=True):
    """One line of what happened."""

    number: int
    identity: str
    at_utc_s: float
    event: str
    text: str


class Ledger:
    """The tables. Writes go through the journal and are acknowledged when durable; reads see what is durable."""

    def __init__(
        self,
        folder: Path | None,
        *,
        on_trouble: Callable[[str | None], None] | None = None,
        connect: Connect | None = None,
    ) -> None:
        """`folder` None: memory only. Raises StoreError with one clear line. `connect` is the journal's."""
        path = folder / FILE_NAME if folder else None
        self.journal = Journal(
            path, SCHEMA, VERSION, on_trouble=on_trouble, on_copy=_skip_lives, sealed=SEALED, connect=connect
        )

    def load(self) -> Kept:
        """What a central system begins with; counts one life more."""
        read = self.journal.read
        ((last,),) = read("SELECT coalesce(max(life), 0) FROM lives")
        self.journal.submit(
            [
                (PUT_LIFE, _sealed(last + 1)),
                ("DELETE FROM lives WHERE life <= ?", (last,)),
                ("DELETE FROM events WHERE number <= (SELECT max(number) FROM events) - ?", (EVENTS_MAX,)),
                ("DELETE FROM refused WHERE last_utc_s < (SELECT max(last_utc_s) FROM refused) - 30 * 86400", ()),
            ]
        )
        self.journal.flush()
        running = [TransactionRow(*row) for row in read(_select(START_COLUMNS, "transactions WHERE stop_wh IS NULL"))]
        newest = f"transactions WHERE reason = ? ORDER BY start_utc_s DESC LIMIT {SUPERSEDED_MAX}"
        superseded = [TransactionRow(*row) for row in read(_select(START_COLUMNS, newest), (SUPERSEDED,))]
        return Kept(
            life=last + 1,
            stations=tuple(StationRow(*row) for row in read(_select(STATION_COLUMNS, "stations"))),
            connectors=tuple(ConnectorRow(*row) for row in read(_select(CONNECTOR_COLUMNS, "connectors"))),
            open_transactions=tuple(running),
            metered=tuple(metered for row in running for metered in self._last_metered(row)),
            superseded=tuple(reversed(superseded)),
            badges=tuple(BadgeRow(*row) for row in read(_select(BADGE_COLUMNS, "badges"))),
            refused=tuple(
                RefusedRow(*row)
                for row in reversed(read(_select(REFUSED_COLUMNS, "refused ORDER BY last_utc_s DESC LIMIT 1000")))
            ),
        )

    def store(self, wish: Store, done: Callable[[Store], None] | None) -> None:
        """Write the rows in one piece; `done(wish)` is called from the writer thread when they are durable.

        Raises StoreError when the store is closed or the disk has refused for so long that memory runs out.
        """
        statements = [statement for row in wish.rows for statement in STATEMENTS[type(row)](row)]
        if done is None or not wish.token:
            self.journal.submit(statements)
        else:
            self.journal.submit(statements, lambda: done(wish))

    def begun(self, wish: Store) -> Begun | None:
        """What became of the start in a durable piece; None: no start in it, or its number is another's."""
        starts = [row for row in wish.rows if isinstance(row, TransactionRow)]
        if not starts:
            return None
        row = starts[0]
        key = (row.identity, row.connector, row.id_tag, row.start_wh, row.start_utc_s)
        found = self.journal.read(FIND_START, key)
        return Begun(found[0][0], bool(found[0][1])) if found else None

    # --- questions ---------------------------------------------------------------------------------------------------

    def transactions(
        self, *, identity: str = "", id_tag: str = "", open_only: bool = False, limit: int = 50, offset: int = 0
    ) -> list[Transaction]:
        """The newest first."""
        columns = (
            "transaction_id, identity, connector, id_tag, id_tag_status, start_utc_s, start_wh, "
            "stop_utc_s, stop_wh, reason"
        )
        rows = self.journal.read(
            _select(columns, "transactions")
            + " WHERE (?1 = '' OR identity = ?1) AND (?2 = '' OR lower(id_tag) = lower(?2))"
            + " AND (NOT ?3 OR stop_wh IS NULL) ORDER BY start_utc_s DESC, transaction_id LIMIT ?4 OFFSET ?5",
            (identity, id_tag, open_only, limit, offset),
        )
        return [Transaction(*row) for row in rows]

    def meter_values(self, transaction: int, limit: int = 1000) -> list[MeterRow]:
        """The samples of a transaction, in the order of measuring."""
        rows = self.journal.read(
            "SELECT m.identity, m.connector, m.transaction_id, m.measured_utc_s, m.samples FROM transactions t"
            " JOIN metered m ON (m.identity, m.connector, m.transaction_id) ="
            " (t.identity, t.connector, t.transaction_id)"
            " WHERE t.transaction_id = ? ORDER BY m.measured_utc_s, m.rowid LIMIT ?",
            (transaction, limit),
        )
        return [MeterRow(*row) for row in rows]

    def _last_metered(self, row: TransactionRow) -> list[MeterRow]:
        source = (
            "metered WHERE (identity, connector, transaction_id) = (?, ?, ?)"
            f" ORDER BY measured_utc_s DESC LIMIT {METERED_KEPT}"
        )
        found = self.journal.read(_select(METER_COLUMNS, source), (row.identity, row.connector, row.transaction))
        return [MeterRow(*each) for each in found]

    def events(self, identity: str, limit: int = 50) -> list[Event]:
        """The newest first."""
        rows = self.journal.read(
            "SELECT number, identity, at_utc_s, event, text FROM events WHERE identity = ?"
            " ORDER BY number DESC LIMIT ?",
            (identity, limit),
        )
        return [Event(*row) for row in rows]

    def user_hash(self, name: str) -> str | None:
        found: Sequence[tuple[str]] = self.journal.read("SELECT password_hash FROM users WHERE name = ?", (name,))
        return found[0][0] if found else None

    def put_user(self, name: str, password_hash: str) -> None:
        self.journal.submit([("INSERT OR REPLACE INTO users VALUES (?, ?, ?)", _sealed(name, password_hash))])
        self.journal.flush()

    def close(self) -> None:
        self.journal.close()


def _select(columns: str, source: str) -> str:
    return f"SELECT {columns} FROM {source}"  # noqa: S608 - names of ours only
