"""What a station's process keeps on disk: the memory of its stations and their charge records."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from sys import intern
from typing import Any

from chargepost.journal import Journal, Sealed, Statement, seal
from chargepost.signals import ChargeDetail, ChargeRecord, Remember

STATION_VERSION = 2
STATION_SCHEMA = """
CREATE TABLE IF NOT EXISTS memory (
  station TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, seal INTEGER,
  PRIMARY KEY (station, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS records (
  number INTEGER PRIMARY KEY,              -- in order of writing
  station TEXT NOT NULL, record TEXT NOT NULL, connector INTEGER NOT NULL, id_tag TEXT NOT NULL,
  start_utc_s REAL NOT NULL, stop_utc_s REAL NOT NULL, start_wh INTEGER NOT NULL, stop_wh INTEGER NOT NULL,
  duration_s REAL NOT NULL, reason TEXT NOT NULL,
  "transaction" TEXT,                      -- any integer (OCPP 1.6, 4.8), so also one too long for SQLite
  delivered INTEGER NOT NULL,
  billed_seal INTEGER, number_seal INTEGER, delivered_seal INTEGER,
  UNIQUE (station, record));
CREATE TABLE IF NOT EXISTS details (       -- since version 2: what a record says beside what is billed
  station TEXT NOT NULL, record TEXT NOT NULL, serial TEXT NOT NULL, charge_type TEXT NOT NULL,
  socket_type TEXT NOT NULL, comment TEXT NOT NULL, seal INTEGER,
  PRIMARY KEY (station, record)) WITHOUT ROWID;
"""

LIVES_SKIPPED = 1_000
"""Starts that a copy of the store may not know of: it is an hour old at most, and a station takes seconds to start."""

PUT = "INSERT INTO memory VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value, seal = excluded.seal"
DROP = "DELETE FROM memory WHERE station = ? AND key = ?"
FIELDS = [field for field in ChargeRecord.__struct_fields__ if field != "detail"]
DETAILS = ChargeDetail.__struct_fields__
COLUMNS = ", ".join(f'"{field}"' for field in FIELDS)
# What is billed is written once; later only the central system's number and the delivery may become known.
BILLED = [field for field in FIELDS if field not in ("transaction", "delivered")]
BILLED_COLUMNS, WHOLE = len(BILLED), len(FIELDS)
STATION_SEALED = [
    Sealed("memory", ("station", "key", "value"), "seal"),
    Sealed("records", ("station", *BILLED), "billed_seal"),
    Sealed("records", ("station", "record", "transaction"), "number_seal"),
    Sealed("records", ("station", "record", "delivered"), "delivered_seal"),
    Sealed("details", ("station", "record", *DETAILS), "seal"),
]
"""What is written together; of a record three times, for each part becomes known by itself."""
ADD = f"""
INSERT INTO records (station, {COLUMNS}, billed_seal, number_seal, delivered_seal)
  VALUES (?{", ?" * len(FIELDS)}, ?, ?, ?)
ON CONFLICT (station, record) DO UPDATE SET
  "transaction" = coalesce(excluded."transaction", "transaction"), delivered = max(excluded.delivered, delivered),
  number_seal = iif(excluded."transaction" IS NULL, number_seal, excluded.number_seal),
  delivered_seal = iif(excluded.delivered > delivered, excluded.delivered_seal, delivered_seal)
"""  # noqa: S608 - the names are those of our own type
DESCRIBE = f"INSERT OR IGNORE INTO details VALUES (?, ?{', ?' * len(DETAILS)}, ?)"  # noqa: S608
COUNT = "SELECT count(*) FROM records WHERE station = ?"
NEWEST = f"""
SELECT {COLUMNS}, {", ".join(DETAILS)} FROM records LEFT JOIN details USING (station, record)
WHERE station = ? ORDER BY number DESC LIMIT ? OFFSET max((SELECT count(*) FROM records WHERE station = ?) - ?, 0)
"""  # noqa: S608
NEWEST_OF_ALL = 2**63 - 1
"""The largest number of SQLite."""


def remember_statements(station: str, wish: Remember) -> list[Statement]:
    """The piece to submit for one `Remember`: where a key is both dropped and put, it is put."""
    return [
        *((DROP, (station, key)) for key in wish.drops),
        *(_put(station, key, value) for key, value in wish.puts.items()),
        *((ADD, _row(station, record)) for record in wish.records),
        *((DESCRIBE, _detail(station, record.record, record.detail)) for record in wish.records if record.detail),
    ]


def skip_lives(copy: sqlite3.Connection) -> Iterator[Statement]:
    """For a copy that becomes the store: message ids and names of records rest on the count of starts, none twice."""
    for station, value in copy.execute("SELECT station, value FROM memory WHERE key = 'boot'").fetchall():
        if value.isdigit():
            yield _put(station, "boot", b"%d" % (int(value) + LIVES_SKIPPED))


def recall(journal: Journal, station: str) -> dict[str, bytes]:
    """The memory of a station as it was last durable; empty for a station never seen."""
    return dict(journal.read("SELECT key, value FROM memory WHERE station = ?", (station,)))


def records(journal: Journal, station: str, limit: int = 30, last: int = NEWEST_OF_ALL) -> list[ChargeRecord]:
    """The charge records written last, newest first, from that charge number down. It is counted in the same reading:
    another thread may be writing a newer one."""
    return [_record(row) for row in journal.read(NEWEST, (station, limit, station, last))]


def count_records(journal: Journal, station: str) -> int:
    """All that were ever written: the newest has this charge number, the one before it the number before it."""
    (((total,)),) = journal.read(COUNT, (station,))
    return int(total)


def _record(row: Sequence[Any]) -> ChargeRecord:
    billed, (transaction, delivered), described = row[:BILLED_COLUMNS], row[BILLED_COLUMNS:WHOLE], row[WHOLE:]
    detail = None if described[0] is None else ChargeDetail(*described)
    values: list[Any] = [*billed, None if transaction is None else int(transaction), bool(delivered), detail]
    return ChargeRecord(*values)


class StationLedger:
    """What the stations of a process remember: in a journal, or in memory where the journal has no disk.

    Memory needs no SQL: it takes a piece ten times as fast. Charge records are not kept there: nobody could read them.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._memories: dict[str, dict[str, bytes]] = {}
        self.marks: dict[str, int] = {}
        """Of each station how often its charge records have changed in this run, so that nobody has to count them."""

    def keep(
        self, station: str, puts: Mapping[str, bytes], done: Callable[[], None], wish: Remember | None = None
    ) -> None:
        """Keep these values, and what the station wishes to remember, in one piece. `done`, StoreError: as `submit`."""
        if self._journal.path:
            statements = remember_statements(station, wish) if wish else []
            statements += [_put(station, key, value) for key, value in puts.items()]
            self._journal.submit(statements, self._marking(station, done) if wish and wish.records else done)
            return
        memory = self._memories.setdefault(station, {})
        if wish:
            for key in wish.drops:
                memory.pop(key, None)
            puts = {**wish.puts, **puts}
        for key, value in puts.items():
            memory[intern(key)] = value  # thousands of stations have the same keys
        done()

    def _marking(self, station: str, done: Callable[[], None]) -> Callable[[], None]:
        def durable() -> None:
            self.marks[station] = self.marks.get(station, 0) + 1
            done()

        return durable

    def recall(self, station: str) -> dict[str, bytes]:
        """As `recall` of a journal."""
        return recall(self._journal, station) if self._journal.path else dict(self._memories.get(station, {}))


def _put(station: str, key: str, value: bytes) -> Statement:
    return PUT, (station, key, value, seal(station, key, data=value))


def _row(station: str, record: ChargeRecord) -> list[object]:
    row = {field: getattr(record, field) for field in FIELDS}
    if record.transaction is not None:
        row["transaction"] = str(record.transaction)
    return [
        station,
        *row.values(),
        seal(station, *(row[field] for field in BILLED)),
        seal(station, record.record, row["transaction"]),
        seal(station, record.record, record.delivered),
    ]


def _detail(station: str, record: str, detail: ChargeDetail) -> list[object]:
    row = [station, record, *(getattr(detail, field) for field in DETAILS)]
    return [*row, seal(*row)]
