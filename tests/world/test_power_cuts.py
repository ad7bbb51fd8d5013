"""The power goes at any write, sync or half write of a store (P1, P9; reliability bar 2): nothing acknowledged is lost.

What is checked in each of thousands of disks that a cut may leave (see disk.py): the store opens as it is, and it holds
exactly what it held after some piece that is not older than the last one acknowledged. So a piece is there as a whole
or not at all, none is missing before one that is there, and transactions, outbox and records fit together. Each
content is put before `chargepost verify` too, once.
"""

import shutil
import sqlite3
from bisect import bisect_right
from collections.abc import Callable
from contextlib import closing
from functools import cache
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import msgspec
import pytest
from tests.patience import PATIENCE_S
from tests.rules.central_harness import GOOD, World
from tests.rules.test_power_cut import fresh, visit
from tests.soak import times
from tests.world.disk import Disk, Files, Recorded

from chargepost import signals as sig
from chargepost.journal import Connect, Journal, Sealed, Statement, StoreError
from chargepost.records.ledger import (
    STATION_SCHEMA,
    STATION_SEALED,
    STATION_VERSION,
    recall,
    records,
    remember_statements,
)
from chargepost.run.store import STATIONS_FILE
from chargepost.run.verify import verify
from chargepost.supervision import ledger
from chargepost.supervision.wishes import Store

TRANSACTIONS = 120
CHECKPOINT_PAGES = 40
"""Of the log, not SQLite's thousand: so the moves from the log into the file are many and cut in the middle too."""

Piece = list[Statement]
Content = tuple[object, ...]


# --- what is written: real stations and a real central system --------------------------------------------------------


@cache
def pieces_of_a_station(transactions: int) -> list[Piece]:
    """What a Pro AC remembers of so many visits, every tenth of them offline."""
    rig = fresh("evlink-pro-ac")
    rig.own(AllowOfflineTxForUnknownId="true", LocalAuthorizeOffline="true")
    for n in range(transactions):
        if n % 10 == 7:
            rig.cut()
        visit(rig)
        if n % 10 == 7:
            rig.mend_at_once()
            rig.run(60)
    return [remember_statements("CP-1", wish) for wish in rig.wished(sig.Remember)]


@cache
def pieces_of_a_supervision(transactions: int) -> list[Piece]:
    """What a central system stores of so many transactions; each message comes twice, as from a poor link."""
    world = World()
    peer = world.station()
    for n in range(transactions):
        at = f"2027-01-15T{n // 60:02}:{n % 60:02}:0"
        start = {"connectorId": 1, "idTag": GOOD, "meterStart": n * 1000, "timestamp": f"{at}0Z"}
        number = [peer.ask("StartTransaction", start)["transactionId"] for _ in range(2)][-1]
        sample = [{"timestamp": f"{at}5Z", "sampledValue": [{"value": str(n * 1000 + 5)}]}]
        stop = {"transactionId": number, "meterStop": n * 1000 + 7, "timestamp": f"{at}7Z"}
        for _ in range(2):
            peer.ask("MeterValues", {"connectorId": 1, "transactionId": number, "meterValue": sample})
            peer.ask("StopTransaction", stop)
    stores = [wish for wish in world.wishes if isinstance(wish, Store)]
    return [[s for row in wish.rows for s in ledger.STATEMENTS[type(row)](row)] for wish in stores]


class Kind:
    """One of the two stores: what is written to it, and what is read back of it."""

    def __init__(
        self, name: str, schema: str, version: int, pieces: Callable[[int], list[Piece]],
        read: Callable[[Journal], Content], sealed: list[Sealed],
    ) -> None:  # fmt: skip
        self.name, self.schema, self.version, self.pieces, self.read = name, schema, version, pieces, read
        self.sealed = sealed

    def open(self, path: Path | None, connect: Connect | None = None) -> Journal:
        return Journal(path, self.schema, self.version, sealed=self.sealed, connect=connect)

    def contents(self, pieces: list[Piece]) -> list[Content]:
        """Before the first piece, and after each."""
        with closing(self.open(None)) as journal:
            found = [self.read(journal)]
            for piece in pieces:
                journal.submit(piece)
                found.append(self.read(journal))
            return found


def read_station(journal: Journal) -> Content:
    return tuple(sorted(recall(journal, "CP-1").items())), tuple(records(journal, "CP-1", limit=10_000))


def read_supervision(journal: Journal) -> Content:
    tables = ("transactions", "metered", "events", "stations", "connectors", "badges")
    return tuple(tuple(journal.read(f"SELECT * FROM {table} ORDER BY rowid")) for table in tables)


KINDS = {
    "station": Kind(STATIONS_FILE, STATION_SCHEMA, STATION_VERSION, pieces_of_a_station, read_station, STATION_SEALED),
    "supervision": Kind(
        ledger.FILE_NAME, ledger.SCHEMA, ledger.VERSION, pieces_of_a_supervision, read_supervision, ledger.SEALED
    ),
}


# --- the disk ---------------------------------------------------------------------------------------------------------


class Written:
    """The real Journal's work on a recorded disk: what was acknowledged after how many calls."""

    def __init__(self, kind: Kind, pieces: list[Piece], folder: Path, connect: Callable[[Disk], Connect]) -> None:
        self.disk = Disk()
        self.acknowledged: list[int] = []
        """Calls made when each piece was acknowledged."""
        opened = connect(self.disk)

        def checkpoints_often(path: Path | None) -> sqlite3.Connection:
            connection = opened(path)
            connection.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
            return connection

        dice = Random(3)
        journal = kind.open(folder / kind.name, checkpoints_often)
        for piece in pieces:
            journal.submit(piece, lambda: self.acknowledged.append(len(self.disk.ops)))
            if dice.random() < 0.8:  # else it shares a commit with the next
                assert journal.flush(PATIENCE_S)
        assert journal.flush(PATIENCE_S)
        journal.close()

    def least(self, calls: int) -> int:
        """Pieces acknowledged before the next call, so that the cut may not take them."""
        return bisect_right(self.acknowledged, calls)


def lay_out(files: Files, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)


class Played(NamedTuple):
    """Power cuts, and what was wrong after them."""

    cuts: int
    wrong: list[str]


def play(
    kind: Kind, folder: Path, *, cuts: int, transactions: int = TRANSACTIONS,
    connect: Callable[[Disk], Connect] = lambda disk: disk.connect,
) -> Played:  # fmt: skip
    """So many power cuts while the real Journal writes the pieces; the real Journal opens what is left."""
    pieces = kind.pieces(transactions)
    written = Written(kind, pieces, folder / "written", connect)
    held = {content: n for n, content in enumerate(kind.contents(pieces))}
    verified: set[int] = set()
    calls = len(written.disk.ops)
    each = cuts // calls + 3  # some are alike, and are not counted
    states = written.disk.states(each, Random(5), min(1.0, 2.0 * cuts / (calls * each)))
    wrong, played = [], 0
    for state in islice(states, cuts):
        played += 1
        least, cut = written.least(state.calls), folder / "cut"
        lay_out(state.files, cut)
        where = f"cut after call {state.calls}, {least} pieces acknowledged"
        try:
            with closing(kind.open(cut / kind.name)) as journal:
                found = held.get(kind.read(journal))
        except (StoreError, sqlite3.Error, msgspec.MsgspecError) as error:
            wrong.append(f"{where}: does not open: {error}")
            continue
        if least and any("damaged" in path.name for path in cut.iterdir()):
            wrong.append(f"{where}: it was set aside")
        elif found is None:
            wrong.append(f"{where}: half a piece, or a piece without one before it")
        elif found < least:
            wrong.append(f"{where}: only {found} are there")
        elif found not in verified:
            verified.add(found)
            wrong += [f"{where}: {finding.rule}: {finding.what}" for finding in verify(cut / kind.name)]
    return Played(played, wrong)


# --- what must hold ---------------------------------------------------------------------------------------------------


CUTS = {"station": times(2_000, 50_000), "supervision": times(1_000, 20_000)}
"""In the long form two to four minutes each, at 150 to 300 a second."""


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_p1_p9_a_power_cut_at_any_write_loses_nothing_acknowledged(name: str, folder: Path) -> None:
    played = play(KINDS[name], folder, cuts=CUTS[name])
    assert not played.wrong, played.wrong[:10]
    assert played.cuts == CUTS[name]


# --- and what the check catches ---------------------------------------------------------------------------------------


class SyncsSeldom(Recorded):
    """The usual advice for WAL: fast, and loses what it acknowledged."""

    def execute(self, sql: str, params: Any = ()) -> Any:
        return super().execute(sql.replace("synchronous=EXTRA", "synchronous=NORMAL"), params)


class LeavesTheFolder(Recorded):
    """FULL: the rollback journal in which a new store begins may come back."""

    def execute(self, sql: str, params: Any = ()) -> Any:
        return super().execute(sql.replace("synchronous=EXTRA", "synchronous=FULL"), params)


class AcknowledgesEarly(Recorded):
    """The commit waits until the next group begins; the writer believes it done."""

    in_group = late = False

    def execute(self, sql: str, params: Any = ()) -> Any:
        if sql == "COMMIT" and self.in_group:
            self.in_group, self.late = False, True
            return None
        if sql == "BEGIN IMMEDIATE":
            self.in_group = True
            if self.late:
                self.late = False
                super().execute("COMMIT")
        return super().execute(sql, params)

    def close(self) -> None:
        if self.late:
            super().execute("COMMIT")
        super().close()


class HalvesPieces(Recorded):
    """Each statement of a group by itself."""

    in_group = False

    def execute(self, sql: str, params: Any = ()) -> Any:
        if sql == "BEGIN IMMEDIATE":
            self.in_group = True
        elif sql != "COMMIT" or not self.in_group:
            return super().execute(sql, params)
        return None


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        (SyncsSeldom, "pieces acknowledged: only "),
        (LeavesTheFolder, "pieces acknowledged: only 0 are there"),
        (AcknowledgesEarly, "pieces acknowledged: only "),
        (HalvesPieces, "half a piece"),
    ],
)
def test_a_planted_fault_is_found_by_power_cuts(fault: type[Recorded], found: str, folder: Path) -> None:
    def connect(disk: Disk) -> Connect:
        return lambda path: fault(path, disk)  # type: ignore[return-value]  # as much of a connection as is used

    played = play(KINDS["station"], folder, cuts=300, transactions=4, connect=connect)
    assert any(found in wrong for wrong in played.wrong), played
