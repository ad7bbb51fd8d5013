"""What must hold in a store, checked from outside: read-only, and without the program that wrote it."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec

from chargepost.journal import StoreError
from chargepost.ocpp.outbox import Saved
from chargepost.records.ledger import STATION_VERSION
from chargepost.run.store import STATIONS_FILE
from chargepost.supervision import ledger

ORDER = {"start": 0, "meter": 1, "stop": 2}
"""Of the messages of one transaction."""

FINDINGS_MAX = 1_000
"""Shown; a store with more is broken as a whole."""


class Finding(NamedTuple):
    """One thing that must not be."""

    file: str
    rule: str
    what: str


Check = Callable[[sqlite3.Connection], Iterator[str]]


def verify(store: Path) -> list[Finding]:
    """All findings of a folder, or of one file in it. Raises StoreError when there is nothing that can be read."""
    paths = [store] if store.is_file() else [store / name for name in CHECKS if (store / name).is_file()]
    if not paths:
        raise StoreError(f"{store}: holds no store: give the folder with {' or '.join(CHECKS)}")
    findings: list[Finding] = []
    for path in paths:
        if path.name not in CHECKS:
            raise StoreError(f"{path}: is neither {' nor '.join(CHECKS)}: give the folder they are in")
        version, checks = CHECKS[path.name]
        with closing(_open(path, version)) as db:
            try:
                for rule, check in ({"the file is whole": _whole} | checks).items():
                    found = [Finding(path.name, rule, what) for what in check(db)]
                    findings += found
                    if found and check is _whole:
                        break  # in a file that contradicts itself nothing else means anything
            except sqlite3.Error as error:
                findings.append(Finding(path.name, "the file is whole", f"it is damaged ({error}): {DAMAGED}"))
            except msgspec.MsgspecError as error:
                findings.append(Finding(path.name, "what is kept can be understood", str(error)))
    return findings[:FINDINGS_MAX]


def _open(path: Path, version: int) -> sqlite3.Connection:
    if not path.stat().st_size:
        raise StoreError(f"{path}: is empty, so it is damaged: {DAMAGED}")
    try:
        db = sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True)
        (found,) = db.execute("PRAGMA user_version").fetchone()
    except sqlite3.Error as error:
        raise StoreError(f"{path}: cannot be read: {error}: is it a store of chargepost?") from None
    if found != version:
        db.close()
        remedy = "use the newer one" if found > version else "let this program run on it once"
        raise StoreError(f"{path}: the store is of version {found}, this program knows {version}: {remedy}")
    return db


def _rows(sql: str, say: Callable[..., str]) -> Check:
    """A finding for each row of a query that must have none."""
    return lambda db: (say(*row) for row in db.execute(sql))


def _whole(db: sqlite3.Connection) -> Iterator[str]:
    """One sentence, with the last of what SQLite has to say."""
    (found, *_) = (row[0] for row in db.execute("PRAGMA integrity_check(1)"))
    return iter(() if found == "ok" else (f"it is damaged ({found.splitlines()[-1].strip()}): {DAMAGED}",))


DAMAGED = "the next start sets it aside and goes on with its last good copy, if there is one"


# --- stations.sqlite --------------------------------------------------------------------------------------------------


class _Open(msgspec.Struct):
    """What is looked at of an open transaction."""

    name: str
    connector: int
    start_wh: int
    last_wh: float


class _Register(msgspec.Struct):
    energy_wh: float


def _memory(db: sqlite3.Connection, prefix: str, kind: type[Any]) -> Iterator[tuple[str, str, Any]]:
    sql = "SELECT station, key, value FROM memory WHERE substr(key, 1, ?) = ? ORDER BY station, key"
    for station, key, value in db.execute(sql, (len(prefix), prefix)):
        yield station, key[len(prefix) :], msgspec.json.decode(value, type=kind)


def _outbox_in_order(db: sqlite3.Connection) -> Iterator[str]:
    """Start before meter values before stop, for each transaction that still has something to say."""
    last: dict[tuple[str, str], int] = {}
    for station, seq, saved in _memory(db, "outbox/", Saved):
        key, rank = (station, saved.transaction), ORDER[saved.kind]
        if rank < last.get(key, 0) or (rank == last.get(key) and saved.kind != "meter"):
            yield f"{station}: message {seq} of transaction {saved.transaction} ({saved.kind}) comes too late"
        last[key] = max(rank, last.get(key, 0))


def _one_per_connector(db: sqlite3.Connection) -> Iterator[str]:
    seen: dict[tuple[str, int], str] = {}
    for station, _, tx in _memory(db, "transaction/", _Open):
        if other := seen.get((station, tx.connector)):
            yield f"{station} connector {tx.connector}: {other} and {tx.name} are both open"
        seen[station, tx.connector] = tx.name


def _registers_do_not_fall(db: sqlite3.Connection) -> Iterator[str]:
    registers = {
        (station, number): value.energy_wh
        for prefix in ("meter/", "world/")
        for station, number, value in _memory_of_numbers(db, prefix)
    }
    for station, _, tx in _memory(db, "transaction/", _Open):
        register = registers.get((station, str(tx.connector)))
        if tx.last_wh < tx.start_wh:
            yield f"{station}: transaction {tx.name} read {tx.last_wh} Wh after it began at {tx.start_wh} Wh"
        if register is not None and register + 1 < tx.last_wh:
            yield f"{station}: transaction {tx.name} read {tx.last_wh} Wh, the meter stands at {register} Wh"


def _memory_of_numbers(db: sqlite3.Connection, prefix: str) -> Iterator[tuple[str, str, _Register]]:
    for station, rest, raw in _memory(db, prefix, msgspec.Raw):
        if rest.isdigit():
            yield station, rest, msgspec.json.decode(raw, type=_Register)


STATION_CHECKS: dict[str, Check] = {
    "a stop is not before its start": _rows(
        "SELECT station, record FROM records WHERE stop_utc_s < start_utc_s OR duration_s < 0",
        lambda station, record: f"{station}: record {record}",
    ),
    "energy is not negative": _rows(
        "SELECT station, record, stop_wh - start_wh FROM records WHERE stop_wh < start_wh OR start_wh < 0",
        lambda station, record, wh: f"{station}: record {record} has {wh} Wh",
    ),
    "a record is there once": _rows(
        "SELECT station, record FROM records GROUP BY station, record HAVING count(*) > 1",
        lambda station, record: f"{station}: record {record}",
    ),
    "messages wait in order": _outbox_in_order,
    "a connector has one open transaction": _one_per_connector,
    "a register never falls": _registers_do_not_fall,
}

# --- supervision.sqlite -----------------------------------------------------------------------------------------------

SUPERVISION_CHECKS: dict[str, Check] = {
    "a stop is not before its start": _rows(
        "SELECT identity, transaction_id FROM transactions WHERE stop_utc_s < start_utc_s",
        lambda identity, number: f"{identity}: transaction {number}",
    ),
    "energy is not negative": _rows(
        "SELECT identity, transaction_id, stop_wh - start_wh FROM transactions WHERE stop_wh < start_wh",
        lambda identity, number, wh: f"{identity}: transaction {number} has {wh} Wh",
    ),
    "a start is there once": _rows(
        "SELECT identity, connector, start_utc_s FROM transactions"
        " GROUP BY identity, connector, id_tag, start_wh, start_utc_s HAVING count(*) > 1",
        lambda identity, connector, at: f"{identity} connector {connector} at {at}",
    ),
    "no record without its transaction": _rows(
        "SELECT identity, transaction_id, count(*) FROM metered m WHERE transaction_id > 0 AND NOT EXISTS"
        " (SELECT 1 FROM transactions t WHERE t.transaction_id = m.transaction_id) GROUP BY identity, transaction_id",
        lambda identity, number, count: f"{identity}: {count} meter values of transaction {number}",
    ),
    "a connector has one open transaction": _rows(
        "SELECT identity, connector, count(*) FROM transactions WHERE stop_wh IS NULL"
        " GROUP BY identity, connector HAVING count(*) > 1",
        lambda identity, connector, count: f"{identity} connector {connector}: {count} are open",
    ),
    "a stop is whole": _rows(
        "SELECT identity, transaction_id FROM transactions WHERE (stop_wh IS NULL) != (stop_utc_s IS NULL)",
        lambda identity, number: f"{identity}: transaction {number}",
    ),
}

CHECKS: dict[str, tuple[int, dict[str, Check]]] = {
    STATIONS_FILE: (STATION_VERSION, STATION_CHECKS),
    ledger.FILE_NAME: (ledger.VERSION, SUPERVISION_CHECKS),
}
"""Each file of a store: the version we know, and what must hold in it."""
