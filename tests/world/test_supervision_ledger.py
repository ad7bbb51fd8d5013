"""The central system's ledger on real SQLite: what is told twice is kept once, also over a restart (P2, P9)."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chargepost.journal import wrong_rows
from chargepost.supervision.books import Books
from chargepost.supervision.ledger import FILE_NAME, SEALED, Ledger
from chargepost.supervision.wishes import (
    BadgeGone,
    BadgeRow,
    Begun,
    ConnectorRow,
    EventRow,
    MeterRow,
    RefusedRow,
    Row,
    StationGone,
    StationRow,
    StopRow,
    Store,
    SupersededRow,
    TransactionRow,
)

START = TransactionRow("S1", 1, "BADGE", 100, 1000.0, 4711, "Accepted")
STOP = StopRow("S1", 4711, 900, 2000.0, "Local", "BADGE")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Whatever a test has written, each row is as it was written (P8)."""
    ledger = Ledger(tmp_path)
    yield ledger
    ledger.close()
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as db:
        assert not list(wrong_rows(db, SEALED))


def put(ledger: Ledger, *rows: Row) -> Begun | None:
    """Write the rows and wait until they are durable; the ledger's word on a start."""
    durable: list[Store] = []
    wish = Store(1, rows)
    ledger.store(wish, durable.append)
    ledger.journal.flush()
    assert durable == [wish]
    return ledger.begun(wish)


def test_a_start_told_again_keeps_its_first_number_and_its_end(ledger: Ledger) -> None:
    again = TransactionRow("S1", 1, "BADGE", 100, 1000.0, 815, "Invalid")
    assert put(ledger, START) == Begun(4711, True)
    assert put(ledger, again) == Begun(4711, True)
    put(ledger, STOP)
    assert put(ledger, again) == Begun(4711, False)
    (record,) = ledger.transactions()
    assert (record.transaction, record.id_tag_status, record.energy_wh, record.reason) == (
        4711, "Accepted", 800, "Local",
    )  # fmt: skip


def test_a_number_taken_by_another_transaction_is_said_so(ledger: Ledger) -> None:
    put(ledger, START)
    assert put(ledger, TransactionRow("S2", 1, "BADGE", 100, 1000.0, 4711, "Accepted")) is None


def test_the_first_stop_holds_and_only_of_the_own_station(ledger: Ledger) -> None:
    put(ledger, START)
    put(ledger, StopRow("S2", 4711, 1, 1.0, "Other"))
    assert ledger.transactions(open_only=True)
    put(ledger, STOP)
    put(ledger, StopRow("S1", 4711, 5000, 3000.0, "Remote"))
    (record,) = ledger.transactions()
    assert (record.stop_wh, record.stop_utc_s, record.reason) == (900, 2000.0, "Local")


NEXT = TransactionRow("S1", 1, "BADGE", 0, 5000.0, 815, "Accepted")
SUPERSEDED = SupersededRow("S1", 4711, 400, 1500.0, 6000.0, NEXT)


def test_a_start_and_what_it_supersedes_are_one_piece_and_a_late_stop_wins(ledger: Ledger) -> None:
    put(ledger, START)
    put(ledger, MeterRow("S1", 1, 4711, 1500.0, b'[{"value":"400"}]'))
    assert put(ledger, NEXT, SUPERSEDED) == Begun(815, True)
    (event,) = ledger.events("S1")
    assert (event.event, event.at_utc_s) == ("superseded", 6000.0)
    kept = ledger.load()
    assert (kept.open_transactions, kept.superseded, kept.metered) == ((NEXT,), (START,), ())
    ghost = ledger.transactions()[-1]
    assert (ghost.stop_wh, ghost.stop_utc_s, ghost.reason) == (400, 1500.0, "Superseded")
    assert put(ledger, START) == Begun(4711, False)
    put(ledger, STOP)
    put(ledger, NEXT, SUPERSEDED)
    ghost = ledger.transactions()[-1]
    assert (ghost.stop_wh, ghost.reason) == (900, "Local")
    assert len(ledger.events("S1")) == 1
    assert ledger.load().superseded == ()


def test_a_start_that_was_told_before_under_another_number_supersedes_nothing(ledger: Ledger) -> None:
    put(ledger, msgspec.structs.replace(NEXT, transaction=5))
    put(ledger, START)
    assert put(ledger, NEXT, SUPERSEDED) == Begun(5, True)
    assert {row.transaction for row in ledger.load().open_transactions} == {5, 4711}
    assert ledger.events("S1") == []


def test_the_last_meter_values_of_open_transactions_are_kept_for_the_next_life(ledger: Ledger) -> None:
    put(ledger, START)
    last = MeterRow("S1", 1, 4711, 1600.0, b"[]")
    put(ledger, last, MeterRow("S1", 1, 4711, 1500.0, b"[]"), MeterRow("S1", 1, 0, 1700.0, b"[]"))
    assert [row.measured_utc_s for row in ledger.load().metered] == [1600.0, 1500.0]


def test_meter_values_are_kept_once_each(ledger: Ledger) -> None:
    put(ledger, START)
    first, other = (MeterRow("S1", 1, 4711, 1500.0, samples) for samples in (b'[{"value":"1"}]', b'[{"value":"2"}]'))
    put(ledger, first, first)
    put(ledger, other)
    put(ledger, MeterRow("S2", 1, 4711, 1500.0, b"[]"))
    assert ledger.meter_values(4711) == [first, other], "of the transaction's own station"


def test_a_new_life_knows_what_the_old_one_knew(tmp_path: Path) -> None:
    rows: list[Row] = [
        StationRow("S1", registration="Accepted", password_hash="ab$cd", vendor="V"),
        StationRow("GONE"),
        ConnectorRow("S1", 1, "Charging", "NoError", 1000.0),
        ConnectorRow("GONE", 1, "Available", "NoError", 1.0),
        BadgeRow("Badge", parent="P", expiry_utc_s=5.0),
        BadgeRow("BADGE", status="Blocked"),
        BadgeRow("OLD"),
        RefusedRow("X", "10.0.0.1", "unknown station", 404, 2, 50.0),
        EventRow("S1", 1.0, "boot", "hello"),
        START,
        TransactionRow("S1", 2, "BADGE", 0, 1.0, 5, "Accepted"),
        StopRow("S1", 5, 10, 2.0, "Local"),
    ]
    ledger = Ledger(tmp_path)
    first = ledger.load()
    put(ledger, *rows)
    put(ledger, BadgeGone("old"), StationGone("GONE"))
    ledger.close()

    ledger = Ledger(tmp_path)
    kept = ledger.load()
    ledger.close()
    assert kept.life == first.life + 1
    assert kept.stations == (rows[0],)
    assert kept.connectors == (rows[2],)
    assert kept.badges == (rows[5],), "the same badge, whatever its case"
    assert kept.refused == (rows[7],)
    assert kept.open_transactions == (START,)


def test_done_is_called_after_the_write_from_the_writers_thread(ledger: Ledger) -> None:
    seen: list[tuple[int, int]] = []
    ledger.store(Store(3, (START,)), lambda wish: seen.append((wish.token, threading.get_ident())))
    ledger.journal.flush()
    ((token, thread),) = seen
    assert token == 3
    assert thread != threading.get_ident()
    assert ledger.transactions()


def test_questions_filter_and_page(ledger: Ledger) -> None:
    for number in range(1, 8):
        put(ledger, TransactionRow(f"S{number % 2}", 1, f"tag{number % 3}", 0, float(number), number, "Accepted"))
    assert [t.transaction for t in ledger.transactions(limit=3, offset=1)] == [6, 5, 4]
    assert [t.transaction for t in ledger.transactions(identity="S0", id_tag="TAG0")] == [6]
    assert ledger.transactions(identity="' OR 1=1 --") == []


def _rows() -> st.SearchStrategy[list[Row]]:
    small = st.integers(1, 2)
    start = st.builds(
        TransactionRow,
        identity=st.sampled_from(["S1", "S2"]),
        connector=small,
        id_tag=st.sampled_from(["a", "A"]),
        start_wh=small,
        start_utc_s=small.map(float),
        transaction=st.integers(1, 6),
        id_tag_status=st.just("Accepted"),
    )
    stop = st.builds(
        StopRow,
        identity=st.sampled_from(["S1", "S2"]),
        transaction=st.integers(1, 6),
        stop_wh=small,
        stop_utc_s=small.map(float),
        reason=st.just("Local"),
    )
    superseded = st.builds(
        SupersededRow,
        identity=st.sampled_from(["S1", "S2"]),
        transaction=st.integers(1, 6),
        stop_wh=small,
        stop_utc_s=small.map(float),
        at_utc_s=st.just(9.0),
        by=start,
    )
    return st.lists(st.one_of(start, stop, superseded), max_size=25)


@settings(max_examples=60, deadline=None)
@given(rows=_rows())
@example(rows=[START, STOP, StopRow("S1", 4711, 5000, 3000.0, "Remote")])
@example(rows=[START, StopRow("S2", 4711, 5000, 3000.0, "Remote")])
@example(rows=[START, NEXT, SUPERSEDED])
@example(rows=[START, NEXT, SUPERSEDED, STOP, SUPERSEDED])
def test_the_books_in_memory_say_what_the_ledger_says(rows: list[Row]) -> None:
    ledger, books = Ledger(None), Books()
    try:
        for row in rows:
            assert put(ledger, row) == books.store(Store(1, (row,)))
        recorded = {t.transaction: t.stop_wh for t in ledger.transactions(limit=100)}
        assert recorded == {
            number: books.stops[number].stop_wh if number in books.stops else None for number in books.starts
        }
    finally:
        ledger.close()


def test_p8_a_copy_that_becomes_the_store_counts_lives_it_cannot_know_of(tmp_path: Path) -> None:
    """Message ids rest on the life: none may come twice (OCPP-J 4.1.4)."""
    ledger = Ledger(tmp_path)
    assert ledger.load().life == 1
    put(ledger, START)
    ledger.close()
    (tmp_path / "supervision.sqlite").write_bytes(b"")
    ledger = Ledger(tmp_path)
    assert ledger.load().life == 1002
    assert [row.transaction for row in ledger.transactions()] == [4711]
    ledger.close()
