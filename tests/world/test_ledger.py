"""What a station's process keeps: memory and charge records, exactly once (reliability P1, P2)."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Event

import msgspec
import pytest

from chargepost.journal import Journal, wrong_rows
from chargepost.records.cdr import view
from chargepost.records.ledger import (
    STATION_SCHEMA,
    STATION_SEALED,
    STATION_VERSION,
    StationLedger,
    count_records,
    recall,
    records,
    remember_statements,
    skip_lives,
)
from chargepost.signals import ChargeDetail, ChargeRecord, Remember

FIRST = ChargeRecord("r1", 1, "04A2", 1e9, 1e9 + 60.5, 100, 350, 60.25, "Local")


@pytest.fixture(params=["file", "memory"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Journal]:
    """Whatever a test has written, each row is as it was written (P8)."""
    path = tmp_path / "store" if request.param == "file" else None
    store = Journal(path, STATION_SCHEMA, STATION_VERSION)
    yield store
    store.close()
    if path:
        with closing(sqlite3.connect(path)) as db:
            assert not list(wrong_rows(db, STATION_SEALED))


def keep(journal: Journal, station: str, wish: Remember) -> None:
    journal.submit(remember_statements(station, wish))
    assert journal.flush(20)


def test_memory_is_put_replaced_and_dropped_per_station(journal: Journal) -> None:
    keep(journal, "A", Remember(1, {"x": b"1", "y": b"2", "z": b""}))
    keep(journal, "B", Remember(1, {"x": b"9"}))
    keep(journal, "A", Remember(2, {"x": b"3"}, drops=("y", "x", "never")))
    assert recall(journal, "A") == {"x": b"3", "z": b""}
    assert recall(journal, "B") == {"x": b"9"}
    assert recall(journal, "C") == {}


def test_what_a_station_keeps_is_there_with_and_without_a_disk(journal: Journal) -> None:
    ledger, done = StationLedger(journal), Event()
    ledger.keep("A", {"world": b"1"}, lambda: None, Remember(1, {"x": b"1", "y": b"2"}))
    ledger.keep("B", {"x": b"9"}, lambda: None)
    ledger.keep("A", {"world": b"2"}, done.set, Remember(2, {"x": b"3"}, drops=("y", "never")))
    assert done.wait(20)
    assert ledger.recall("A") == {"x": b"3", "world": b"2"}
    assert ledger.recall("B") == {"x": b"9"}
    assert ledger.recall("C") == {}
    ledger.recall("A")["x"] = b"mine"
    assert ledger.recall("A")["x"] == b"3", "what was handed out is a copy"


def test_a_record_comes_back_as_it_was_newest_first(journal: Journal) -> None:
    second = msgspec.structs.replace(FIRST, record="r2", transaction=2**70, delivered=True, start_utc_s=5.0)
    keep(journal, "A", Remember(1, {}, records=(FIRST,)))
    keep(journal, "A", Remember(2, {}, records=(second,)))
    assert records(journal, "A") == [second, FIRST]
    assert records(journal, "A", limit=1) == [second]
    assert records(journal, "B") == []


def test_p2_a_record_written_again_is_the_same_one(journal: Journal) -> None:
    """What is billed stays; the number and the delivery may become known later, and are not forgotten again."""
    known = msgspec.structs.replace(FIRST, transaction=7, delivered=True, stop_wh=999_999)
    for again in (FIRST, known, FIRST):
        keep(journal, "A", Remember(1, {}, records=(again,)))
    keep(journal, "B", Remember(1, {}, records=(FIRST,)))
    assert records(journal, "A") == [msgspec.structs.replace(FIRST, transaction=7, delivered=True)]
    assert records(journal, "B") == [FIRST]


def test_p8_a_copy_that_becomes_the_store_counts_starts_it_cannot_know_of(tmp_path: Path) -> None:
    """Message ids and names of records rest on the count of starts: none may come twice (errata 3.1)."""
    path = tmp_path / "store"

    def opened() -> Journal:
        return Journal(path, STATION_SCHEMA, STATION_VERSION, on_copy=skip_lives, sealed=STATION_SEALED)

    journal = opened()
    keep(journal, "A", Remember(1, {"boot": b"7", "other": b"1"}))
    keep(journal, "B", Remember(1, {"boot": b"12"}))
    journal.close()
    path.write_bytes(b"")
    journal = opened()
    assert recall(journal, "A") == {"boot": b"1007", "other": b"1"}
    assert recall(journal, "B") == {"boot": b"1012"}
    journal.close()


def test_r_328_older_charges_are_kept_and_each_has_its_number(journal: Journal) -> None:
    """Chapter 6: charges are counted; those that are not shown or exported any more stay in the store."""
    detail = ChargeDetail("3N15", "DC", "CCS2", "Anna")
    made = [msgspec.structs.replace(FIRST, record=f"r{n}", detail=detail if n % 2 else None) for n in range(1, 8)]
    for record in made:
        keep(journal, "A", Remember(1, {}, records=(record,)))
        keep(journal, "B", Remember(1, {}, records=(record,)))
    assert count_records(journal, "A") == 7
    assert records(journal, "A", limit=3, last=5) == made[4:1:-1]
    assert count_records(journal, "C") == 0


def test_p8_a_store_of_before_the_details_opens_and_goes_on(tmp_path: Path) -> None:
    """Version 1 of a store had what is billed only: its rows and seals stay as they are."""
    path = tmp_path / "store"
    before, _, _ = STATION_SCHEMA.partition("CREATE TABLE IF NOT EXISTS details")
    old = Journal(path, before, 1, sealed=STATION_SEALED[:-1])
    keep(old, "A", Remember(1, {"boot": b"7"}, records=(FIRST,)))
    old.close()
    told: list[str | None] = []
    journal = Journal(path, STATION_SCHEMA, STATION_VERSION, sealed=STATION_SEALED, on_trouble=told.append)
    detailed = msgspec.structs.replace(FIRST, record="r2", detail=ChargeDetail("3N15", "DC", "CCS2", ""))
    keep(journal, "A", Remember(2, {}, records=(detailed, msgspec.structs.replace(FIRST, delivered=True))))
    assert records(journal, "A") == [detailed, msgspec.structs.replace(FIRST, delivered=True)]
    assert view(FIRST, 1, serial="3N16", published="not yet", waiting=True).station == "3N16"
    journal.close()
    with closing(sqlite3.connect(path)) as db:
        assert not list(wrong_rows(db, STATION_SEALED))
    assert told == [], "nothing was damaged"
