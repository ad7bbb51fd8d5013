"""What must hold in a store, checked from outside: read-only, and without the program that wrote it.

A store that a running process uses can be checked: each file is seen as it was at one instant. Given the store of the
stations and that of their supervision, the two are held against each other.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec

from chargepost.journal import StoreError, wrong_rows, wrong_tables
from chargepost.ocpp.outbox import Saved
from chargepost.records.ledger import STATION_SCHEMA, STATION_SEALED, STATION_VERSION
from chargepost.run.store import STATIONS_FILE
from chargepost.supervision import ledger
from chargepost.supervision.wishes import SUPERSEDED

ORDER = {"start": 0, "meter": 1, "stop": 2}
"""Of the messages of one transaction."""

FINDINGS_MAX = 1_000
"""Shown; a store with more is broken as a whole."""

DAMAGED = "the next start sets it aside and goes on with its last good copy, if there is one"
AS_MADE = "the tables are as they were made"
AS_WRITTEN = "a row is as it was written"
UNREADABLE = "was it written by another version of this program? Keep a copy of the store, and report it"
BY_HAND = (
    "compare the charge record with the supervision, correct the bill by hand, keep a copy of the store, report it"
)
WRITTEN_BY_HAND = "was the store edited, or merged with another one? Put a copy in its place, or report it"


class Finding(NamedTuple):
    """One thing that must not be."""

    file: str
    promise: str
    """Which of the promises it breaks (docs/explanation/nothing-lost.md)."""
    rule: str
    what: str
    remedy: str


Check = Callable[[sqlite3.Connection], Iterator[str]]


class Rule(NamedTuple):
    """What must hold in one file, and what to do where it does not."""

    promise: str
    name: str
    check: Check
    remedy: str


def verify(*stores: Path) -> list[Finding]:
    """All findings of these folders, or files of such. Raises StoreError for what is none or cannot be read."""
    findings: list[Finding] = []
    with ExitStack() as stack:
        paths = [path for store in stores for path in _files(store)]
        before = [_open(path, stack) for path in paths if path.name == ledger.FILE_NAME]
        opened = [(path, _open(path, stack)) for path in paths if path.name == STATIONS_FILE]
        opened += [(path, _open(path, stack)) for path in paths if path.name == ledger.FILE_NAME]
        whole = [path for path, db in opened if _apply(path, db, findings)]
        stations = [each for each in opened if each[0].name == STATIONS_FILE]
        centrals = [each for each in opened if each[0].name == ledger.FILE_NAME]
        if stations and centrals and len(whole) == len(opened):
            for rule, check in ACROSS:
                found = check([db for _, db in stations], before, [db for _, db in centrals])
                findings += [Finding(str(stations[0][0]), *rule[:2], what, rule[2]) for what in found]
    return findings[:FINDINGS_MAX]


def _files(store: Path) -> list[Path]:
    if store.is_file() and store.name in CHECKS:
        return [store]
    if store.is_file():
        raise StoreError(f"{store}: is neither {' nor '.join(CHECKS)}: give the folder they are in")
    paths = [store / name for name in CHECKS if (store / name).is_file()]
    if not paths:
        raise StoreError(f"{store}: holds no store: give the folder with {' or '.join(CHECKS)}")
    return paths


def _apply(path: Path, db: sqlite3.Connection, findings: list[Finding]) -> bool:
    """All rules of one file; False: it is damaged, so nothing else in it means anything."""
    try:
        if whole := list(_whole(db)):
            findings += [Finding(str(path), "P8", "the file is whole", what, DAMAGED) for what in whole]
            return False
        for rule in CHECKS[path.name][1]:
            findings += [Finding(str(path), rule.promise, rule.name, what, rule.remedy) for what in rule.check(db)]
    except (sqlite3.Error, UnicodeDecodeError) as error:
        findings.append(Finding(str(path), "P8", "the file is whole", f"it is damaged ({error})", DAMAGED))
        return False
    except msgspec.MsgspecError as error:
        findings.append(Finding(str(path), "P8", "what is kept can be understood", str(error), UNREADABLE))
        return False
    return True


def _open(path: Path, stack: ExitStack) -> sqlite3.Connection:
    """The file as it is from now on, whoever writes to it meanwhile."""
    version, _ = CHECKS[path.name]
    if not path.stat().st_size:
        raise StoreError(f"{path}: is empty, so it is damaged: {DAMAGED}")
    try:
        db = sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True, isolation_level=None)
        stack.enter_context(closing(db))
        db.execute("BEGIN")
        (found,) = db.execute("PRAGMA user_version").fetchone()
    except sqlite3.Error as error:
        raise StoreError(f"{path}: cannot be read: {error}: is it a store of chargepost?") from None
    if found != version:
        remedy = "use the newer one" if found > version else "let this program run on it once"
        raise StoreError(f"{path}: the store is of version {found}, this program knows {version}: {remedy}")
    return db


def _rows(sql: str, say: Callable[..., str]) -> Check:
    """A finding for each row of a query that must have none."""
    return lambda db: (say(*row) for row in db.execute(sql))


def _whole(db: sqlite3.Connection) -> Iterator[str]:
    """One sentence, with the last of what SQLite has to say."""
    (found, *_) = (row[0] for row in db.execute("PRAGMA integrity_check(1)"))
    return iter(() if found == "ok" else (f"it is damaged ({found.splitlines()[-1].strip()})",))


# --- stations.sqlite --------------------------------------------------------------------------------------------------


class _Open(msgspec.Struct):
    """What is looked at of an open transaction."""

    name: str
    connector: int
    start_wh: int
    last_wh: float
    id_tag: str = ""
    start_utc_s: float = 0.0


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


def _nothing_is_forgotten(db: sqlite3.Connection) -> Iterator[str]:
    """What is told is of a transaction that is open or recorded; what is open or recorded is told, or waits to be."""
    waits: dict[tuple[str, str], set[str]] = {}
    for station, _, saved in _memory(db, "outbox/", Saved):
        waits.setdefault((station, saved.transaction), set()).add(saved.kind)
    running = {(station, name) for station, name, _ in _memory(db, "transaction/", _Open)}
    over = {(station, record) for station, record in db.execute("SELECT station, record FROM records")}
    untold = {(station, name) for station, name, _ in _memory(db, "record/", msgspec.Raw)}
    numbered = {(station, name) for station, name, _ in _memory(db, "number/", int)}
    for station, name in sorted(waits.keys() - running - over):
        yield f"{station}: messages of transaction {name} wait, and it is neither open nor recorded"
    for station, name in sorted((running | untold) - numbered):
        if "start" not in waits.get((station, name), ()):
            yield f"{station}: the start of transaction {name} was not answered, and does not wait to be told"
    for station, name in sorted(untold):
        if "stop" not in waits.get((station, name), ()):
            yield f"{station}: the stop of transaction {name} was not answered, and does not wait to be told"
    sql = """SELECT station, record FROM records WHERE NOT delivered AND "transaction" IS NULL"""
    for station, name in sorted({(row[0], row[1]) for row in db.execute(sql)} - untold):
        yield f"{station}: record {name} was neither delivered nor given up, and does not wait to be told"


def _open_or_recorded(db: sqlite3.Connection) -> Iterator[str]:
    over = {(station, record) for station, record in db.execute("SELECT station, record FROM records")}
    for station, name, _ in _memory(db, "transaction/", _Open):
        if (station, name) in over:
            yield f"{station}: transaction {name} is open, and has a charge record"


def _numbers_are_of_something(db: sqlite3.Connection) -> Iterator[str]:
    known = {(station, name) for station, name, _ in _memory(db, "transaction/", _Open)}
    known |= {(station, name) for station, name, _ in _memory(db, "record/", msgspec.Raw)}
    for station, name, number in _memory(db, "number/", int):
        if (station, name) not in known:
            yield f"{station}: number {number} is kept for transaction {name}, which is neither open nor untold"


IN_A_ROW = """SELECT station, connector, record, before FROM (
  SELECT station, connector, record, {what} AS value, lag({last}) OVER each AS last, lag(record) OVER each AS before
  FROM records WINDOW each AS (PARTITION BY station, connector ORDER BY number)) WHERE value {wrong} last"""
"""Charge records beside the one written before on the same connector."""

STATION_CHECKS = [
    Rule("P8", AS_WRITTEN, lambda db: wrong_rows(db, STATION_SEALED), DAMAGED),
    Rule("P6", "a stop is not before its start", _rows(
        "SELECT station, record FROM records WHERE stop_utc_s < start_utc_s OR duration_s < 0",
        lambda station, record: f"{station}: record {record}",
    ), BY_HAND),
    Rule("P3", "energy is not negative", _rows(
        "SELECT station, record, stop_wh - start_wh FROM records WHERE stop_wh < start_wh OR start_wh < 0",
        lambda station, record, wh: f"{station}: record {record} has {wh} Wh",
    ), BY_HAND),
    Rule("P2", "a record is there once", _rows(
        "SELECT station, record FROM records GROUP BY station, record HAVING count(*) > 1",
        lambda station, record: f"{station}: record {record}",
    ), WRITTEN_BY_HAND),
    Rule("P9", "a detail is of a record", _rows(
        "SELECT station, record FROM details EXCEPT SELECT station, record FROM records",
        lambda station, record: f"{station}: details of {record}",
    ), WRITTEN_BY_HAND),
    Rule("P6", "no two starts of a connector are at one instant", _rows(
        IN_A_ROW.format(what="start_utc_s", last="start_utc_s", wrong="<="),
        lambda station, connector, record, before: f"{station} connector {connector}: {record} and {before} before it",
    ), BY_HAND),
    Rule("P3", "energy is billed once", _rows(
        IN_A_ROW.format(what="start_wh", last="stop_wh", wrong="<"),
        lambda station, connector, record, before: (
            f"{station} connector {connector}: {record} begins below the register at which {before} ended"
        ),
    ), BY_HAND),
    Rule("P5", "messages wait in order", _outbox_in_order, BY_HAND),
    Rule("P4", "nothing is forgotten", _nothing_is_forgotten, BY_HAND),
    Rule("P2", "a connector has one open transaction", _one_per_connector, WRITTEN_BY_HAND),
    Rule("P2", "a transaction is open or recorded", _open_or_recorded, BY_HAND),
    Rule("P2", "a number is of a transaction", _numbers_are_of_something, WRITTEN_BY_HAND),
    Rule("P3", "a register never falls", _registers_do_not_fall, BY_HAND),
    Rule("P8", AS_MADE, lambda db: wrong_tables(db, STATION_SCHEMA), DAMAGED),
]  # fmt: skip

# --- supervision.sqlite -----------------------------------------------------------------------------------------------

SUPERVISION_CHECKS = [
    Rule("P8", AS_WRITTEN, lambda db: wrong_rows(db, ledger.SEALED), DAMAGED),
    Rule("P6", "a stop is not before its start", _rows(
        "SELECT identity, transaction_id FROM transactions WHERE stop_utc_s < start_utc_s",
        lambda identity, number: f"{identity}: transaction {number}",
    ), BY_HAND),
    Rule("P3", "energy is not negative", _rows(
        "SELECT identity, transaction_id, stop_wh - start_wh FROM transactions WHERE stop_wh < start_wh",
        lambda identity, number, wh: f"{identity}: transaction {number} has {wh} Wh",
    ), BY_HAND),
    Rule("P2", "a start is there once", _rows(
        "SELECT identity, connector, start_utc_s FROM transactions"
        " GROUP BY identity, connector, id_tag, start_wh, start_utc_s HAVING count(*) > 1",
        lambda identity, connector, at: f"{identity} connector {connector} at {at}",
    ), BY_HAND),
    Rule("P2", "a sample is there once", _rows(
        "SELECT identity, transaction_id, measured_utc_s FROM metered"
        " GROUP BY identity, connector, transaction_id, measured_utc_s, samples HAVING count(*) > 1",
        lambda identity, number, at: f"{identity}: transaction {number} at {at}",
    ), WRITTEN_BY_HAND),
    Rule("P9", "no record without its transaction", _rows(
        "SELECT identity, transaction_id, count(*) FROM metered m WHERE transaction_id > 0 AND NOT EXISTS"
        " (SELECT 1 FROM transactions t WHERE t.transaction_id = m.transaction_id) GROUP BY identity, transaction_id",
        lambda identity, number, count: f"{identity}: {count} meter values of transaction {number}",
    ), WRITTEN_BY_HAND),
    Rule("P2", "a connector has one open transaction", _rows(
        "SELECT identity, connector, count(*) FROM transactions WHERE stop_wh IS NULL"
        " GROUP BY identity, connector HAVING count(*) > 1",
        lambda identity, connector, count: f"{identity} connector {connector}: {count} are open",
    ), BY_HAND),
    Rule("P9", "a stop is whole", _rows(
        "SELECT identity, transaction_id FROM transactions WHERE (stop_wh IS NULL) != (stop_utc_s IS NULL)",
        lambda identity, number: f"{identity}: transaction {number}",
    ), WRITTEN_BY_HAND),
    Rule("P8", AS_MADE, lambda db: wrong_tables(db, ledger.SCHEMA), DAMAGED),
]  # fmt: skip

CHECKS: dict[str, tuple[int, list[Rule]]] = {
    STATIONS_FILE: (STATION_VERSION, STATION_CHECKS),
    ledger.FILE_NAME: (ledger.VERSION, SUPERVISION_CHECKS),
}
"""Each file of a store: the version we know, and what must hold in it."""

# --- both -------------------------------------------------------------------------------------------------------------

Stores = Sequence[sqlite3.Connection]

TOLD = "SELECT identity, transaction_id, connector, id_tag, start_wh, start_utc_s, stop_wh, reason FROM transactions"


def _told_is_kept(stations: Stores, _: Stores, centrals: Stores) -> Iterator[str]:
    """What the supervision has answered it has: looked at last, for meanwhile it may have heard more."""
    told = {(row[0], str(row[1])): row[2:] for db in centrals for row in db.execute(TOLD)}
    sql = """SELECT station, record, "transaction", connector, id_tag, start_wh, stop_wh FROM records WHERE delivered"""
    for station, record, number, *ours in (row for db in stations for row in db.execute(sql)):
        theirs = told.get((station, number))
        if theirs is None:
            yield f"{station}: record {record} was delivered as transaction {number}, which is not there"
            continue
        *other, _, stop_wh, reason = theirs
        if [*other, stop_wh] != ours and reason != SUPERSEDED:
            yield f"{station}: record {record}: {_charge(ours)}, transaction {number}: {_charge([*other, stop_wh])}"


def _nothing_is_made_up(stations: Stores, before: Stores, _: Stores) -> Iterator[str]:
    """What the supervision has did happen: looked at first, for meanwhile more may have begun."""
    sql = "SELECT station, connector, id_tag, start_wh, start_utc_s FROM records"
    happened = {(*row[:4], int(row[4])) for db in stations for row in db.execute(sql)}
    happened |= {
        (station, tx.connector, tx.id_tag, tx.start_wh, int(tx.start_utc_s))
        for db in stations
        for station, _, tx in _memory(db, "transaction/", _Open)
    }
    here = {row[0] for db in stations for row in db.execute("SELECT DISTINCT station FROM memory")}
    for identity, number, connector, id_tag, start_wh, start_utc_s, *_ in (
        row for db in before for row in db.execute(TOLD)
    ):
        if identity in here and (identity, connector, id_tag, start_wh, int(start_utc_s)) not in happened:
            yield f"{identity} connector {connector}: transaction {number} is not known at the station"


def _charge(row: Sequence[Any]) -> str:
    connector, id_tag, start_wh, stop_wh = row
    return f"connector {connector}, {id_tag}, {start_wh} to {'?' if stop_wh is None else stop_wh} Wh"


ELSEWHERE = (
    "has the station another central system, or one of the stores an older copy? If not, correct the bill by hand"
)

ACROSS = [
    (("P9", "what was delivered is there", ELSEWHERE), _told_is_kept),
    (("P2", "what is billed has happened", ELSEWHERE), _nothing_is_made_up),
]
"""What must hold between the stores: promise, name, remedy; and its check."""
