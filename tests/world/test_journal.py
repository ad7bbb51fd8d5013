"""The store keeps what it acknowledged (reliability P1, P7, P8, P9): killed, full, failing, damaged, busy."""

import json
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.patience import PATIENCE_S

from chargepost import journal as journal_module
from chargepost.journal import Acknowledgements, Journal, Statement, StoreError, parse_store

SCHEMA = "CREATE TABLE IF NOT EXISTS rows (n INTEGER, text TEXT UNIQUE)"
ADD = "INSERT INTO rows VALUES (?, ?)"


def numbers(journal: Journal) -> list[int]:
    return [n for (n,) in journal.read("SELECT n FROM rows ORDER BY rowid")]


class Troubles(list[str | None]):
    """What `on_trouble` was told, and a way to wait for the beginning of it."""

    def __init__(self) -> None:
        self.began = threading.Event()

    def __call__(self, reason: str | None) -> None:
        self.append(reason)
        if reason:
            self.began.set()


class Held:
    """The writer thread waits in an acknowledgement, so that what is submitted meanwhile becomes one group."""

    def __init__(self, journal: Journal) -> None:
        self._entered, self._release = threading.Event(), threading.Event()
        journal.submit([], self._wait)
        assert self._entered.wait(PATIENCE_S)

    def _wait(self) -> None:
        self._entered.set()
        assert self._release.wait(PATIENCE_S)

    def release(self) -> None:
        self._release.set()


# --- acknowledgement ------------------------------------------------------------------------------------------------


def test_p9_nothing_is_acknowledged_before_it_is_durable(tmp_path: Path) -> None:
    path = tmp_path / "store"
    journal = Journal(path, SCHEMA, 1)
    seen = []

    def look(number: int) -> None:
        with sqlite3.connect(path) as other:
            seen.append((number, other.execute("SELECT count(*) FROM rows WHERE n = ?", (number,)).fetchone()[0]))

    for number in range(20):
        journal.submit([(ADD, (number, None))], lambda number=number: look(number))  # type: ignore[misc]
    assert journal.flush(PATIENCE_S)
    assert seen == [(number, 1) for number in range(20)]  # in the order of submission
    journal.close()


def test_every_commit_is_synced(tmp_path: Path) -> None:
    """WAL with synchronous=NORMAL loses acknowledged rows at a power cut, and no killed process shows it."""
    journal = Journal(tmp_path / "store", SCHEMA, 1)
    assert journal._writer.execute("PRAGMA synchronous").fetchone() == (3,)  # EXTRA
    assert journal._writer.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    journal.close()


def test_a_piece_is_written_together_or_not_at_all(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A wrong piece takes neither its own first half nor its neighbours with it."""
    journal = Journal(tmp_path / "store", SCHEMA, 1)
    acknowledged: list[str] = []
    held = Held(journal)
    pieces: dict[str, list[Statement]] = {
        "first": [(ADD, (1, "a"))],
        "wrong SQL": [(ADD, (2, "b")), ("nonsense", ())],
        "not unique": [(ADD, (3, "c")), (ADD, (4, "a"))],
        "too big": [(ADD, (5, "d")), (ADD, (2**63, "e"))],
        "no text": [(ADD, (6, "f")), (ADD, (7, "\ud800"))],
        "last": [(ADD, (8, "g"))],
    }
    for name, statements in pieces.items():
        journal.submit(statements, lambda name=name: acknowledged.append(name))  # type: ignore[misc]
    held.release()
    with caplog.at_level(logging.CRITICAL):
        assert journal.flush(PATIENCE_S)
    assert numbers(journal) == [1, 8]
    assert acknowledged == ["first", "last"]
    journal.close()


def test_a_failing_listener_does_not_stop_the_writing(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "store", SCHEMA, 1)
    journal.submit([(ADD, (1, None))], lambda: 1 / 0)  # type: ignore[arg-type]
    journal.submit([(ADD, (2, None))])
    assert journal.flush(PATIENCE_S)
    assert numbers(journal) == [1, 2]
    journal.close()


def test_a_reader_never_holds_the_writer_up(tmp_path: Path) -> None:
    path = tmp_path / "store"
    journal = Journal(path, SCHEMA, 1)
    with sqlite3.connect(path, isolation_level=None) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM rows").fetchall()
        journal.submit([(ADD, (1, None))])
        assert journal.flush(PATIENCE_S)
        assert reader.execute("SELECT count(*) FROM rows").fetchone() == (0,)  # its own, older state
        assert numbers(journal) == [1]
    journal.close()


def test_what_waits_is_bounded_and_refused_loudly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "WAITING_MAX", 3)
    journal = Journal(tmp_path / "store", SCHEMA, 1)
    held = Held(journal)
    journal.submit([(ADD, (1, None))])
    journal.submit([(ADD, (2, None))])
    with pytest.raises(StoreError, match="wait for the disk"):
        journal.submit([(ADD, (3, None))])
    held.release()
    assert journal.flush(PATIENCE_S)
    journal.submit([(ADD, (4, None))])
    journal.close()  # writes what waits
    assert numbers(Journal(tmp_path / "store", SCHEMA, 1)) == [1, 2, 4]


def test_a_closed_journal_takes_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "store", SCHEMA, 1)
    journal.close()
    journal.close()
    with pytest.raises(StoreError, match="closed"):
        journal.submit([])


def test_memory_only_behaves_the_same() -> None:
    journal = Journal(None, SCHEMA, 1)
    done = threading.Event()
    journal.submit([(ADD, (1, None))], done.set)
    journal.submit([("nonsense", ())])
    journal.submit([(ADD, (2, None))])
    assert journal.flush(PATIENCE_S)
    assert done.is_set()
    assert numbers(journal) == [1, 2]
    journal.close()


def test_in_memory_a_piece_is_there_when_submit_returns_and_a_failed_one_leaves_nothing() -> None:
    journal = Journal(None, SCHEMA, 1)
    done: list[int] = []
    journal.submit([(ADD, (1, None)), ("nonsense", ())], lambda: done.append(1))
    journal.submit([(ADD, (2, None))], lambda: done.append(2))
    assert (numbers(journal), done) == ([2], [2])
    journal.close()
    with pytest.raises(StoreError, match="closed"):
        journal.submit([])


def test_acknowledgements_keep_their_order_and_wake_the_loop_once(caplog: pytest.LogCaptureFixture) -> None:
    soon: list[Callable[[], None]] = []
    carrier = Acknowledgements(soon.append)
    told: list[int] = []
    carrier.carry(lambda: told.append(1))
    carrier.carry(lambda: told.append(1 // 0))

    def third() -> None:
        told.append(3)
        carrier.carry(lambda: told.append(4))

    carrier.carry(third)
    assert len(soon) == 1
    soon.pop()()
    assert told == [1, 3], "a failing listener stops nobody; what is carried meanwhile has its own turn"
    soon.pop()()
    assert told == [1, 3, 4]
    assert not soon
    assert "ZeroDivisionError" in caplog.text


# --- kill -9 --------------------------------------------------------------------------------------------------------

WRITER = """
import os, sys
from collections.abc import Callable
from pathlib import Path
from chargepost.journal import Journal
journal = Journal(Path(sys.argv[1]), sys.argv[2], 1)
(last,) = journal.read("SELECT coalesce(max(n), 0) FROM rows")[0]
for n in range(last + 1, last + 1_000_000):
    journal.submit([("INSERT INTO rows VALUES (?, NULL)", (n,)), ("INSERT INTO rows VALUES (?, NULL)", (-n,))],
                   lambda n=n: os.write(1, b"%d\\n" % n))
    if n % 50 == 0:
        journal.flush()
"""


def test_p1_kill_9_in_the_middle_of_writing_loses_nothing_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "store"
    acknowledged = 0
    for kill in range(4):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(path), SCHEMA], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            for line in writer.stdout:
                acknowledged = int(line)
                if acknowledged % (150 + 37 * kill) == 0:
                    os.kill(writer.pid, signal.SIGKILL)
                    break
            rest = writer.stdout.read().split(b"\n")[:-1]  # acknowledged before the blow, read after it
        acknowledged = max([acknowledged, *map(int, rest)])
        journal = Journal(path, SCHEMA, 1)
        found = numbers(journal)
        journal.close()
        ups, downs = found[::2], found[1::2]
        assert ups == list(range(1, len(ups) + 1))  # in order, none twice, none missing
        assert downs == [-n for n in ups]  # no half piece
        assert len(ups) >= acknowledged
    assert acknowledged > 0


# --- disk full, failing, busy ---------------------------------------------------------------------------------------

FULL_DISK = """
import json, resource, sys, threading
from collections.abc import Callable
from pathlib import Path
from chargepost.journal import Journal
told, began = [], threading.Event()
def trouble(reason):
    told.append(reason)
    began.set()
journal = Journal(Path(sys.argv[1]), sys.argv[2], 1, on_trouble=trouble)
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), hard))
acknowledged = []
for n in range(300):
    journal.submit([("INSERT INTO rows VALUES (?, ?)", (n, str(n) * 300))], lambda n=n: acknowledged.append(n))
assert began.wait(20)
durable = [n for (n,) in journal.read("SELECT n FROM rows")]
before = list(acknowledged)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
assert journal.flush(20)
found = [n for (n,) in journal.read("SELECT n FROM rows ORDER BY rowid")]
print(json.dumps({"told": told, "before": before, "durable": durable, "acknowledged": acknowledged, "found": found}))
journal.close()
"""


@pytest.mark.parametrize("space", [40_000, 90_000, 200_000])
def test_p7_a_full_disk_loses_nothing_and_recovers_without_a_restart(tmp_path: Path, space: int) -> None:
    script = [sys.executable, "-c", FULL_DISK, str(tmp_path / "store"), SCHEMA, str(space)]
    ran = subprocess.run(script, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    seen = json.loads(ran.stdout)
    assert set(seen["before"]) <= set(seen["durable"])
    assert seen["found"] == seen["acknowledged"] == list(range(300))
    begin, end = seen["told"]
    assert "the disk fails or is full" in begin
    assert end is None


def test_p7_a_store_at_its_page_limit_says_that_the_disk_is_full(tmp_path: Path) -> None:
    troubles = Troubles()
    journal = Journal(tmp_path / "store", SCHEMA, 1, on_trouble=troubles)
    (pages,) = journal._writer.execute("PRAGMA page_count").fetchone()
    journal._writer.execute(f"PRAGMA max_page_count = {pages}")  # of this connection only: the next one is free of it
    for n in range(100):
        journal.submit([(ADD, (n, str(n) * 200))])
    assert journal.flush(PATIENCE_S)
    assert numbers(journal) == list(range(100))
    begin, end = troubles
    assert begin is not None
    assert "the disk is full" in begin
    assert end is None
    journal.close()


class FailsOnce:
    """A connection whose first COMMIT reports a failed sync, though (`kept`) or unless the group got to the file."""

    def __init__(self, connection: sqlite3.Connection, kept: bool) -> None:
        self._connection, self._kept = connection, kept

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, sql: str, params: Any = ()) -> sqlite3.Cursor:
        if sql != "COMMIT":
            return self._connection.execute(sql, params)
        if self._kept:
            self._connection.execute(sql)
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
        raise error


@pytest.mark.parametrize("wrong_one", [False, True])
@pytest.mark.parametrize("kept", [True, False])
def test_a_failed_sync_writes_the_group_exactly_once(tmp_path: Path, kept: bool, wrong_one: bool) -> None:
    """After an fsync error nobody knows whether the group is in the file: the mark in the same commit tells."""
    troubles = Troubles()
    journal = Journal(tmp_path / "store", SCHEMA, 1, on_trouble=troubles)
    acknowledged: list[int] = []
    held = Held(journal)
    journal._writer = FailsOnce(journal._writer, kept)  # type: ignore[assignment]
    for n in range(3):
        journal.submit([(ADD, (n, None))], lambda n=n: acknowledged.append(n))  # type: ignore[misc]
    if wrong_one:
        journal.submit([("nonsense", ())], lambda: acknowledged.append(99))
    held.release()
    assert journal.flush(PATIENCE_S)
    assert numbers(journal) == acknowledged == [0, 1, 2]
    assert [bool(reason) for reason in troubles] == [True, False]
    journal.close()


def test_a_store_held_by_another_program_is_trouble_until_it_lets_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "BUSY_S", 0.01)
    troubles = Troubles()
    tries = threading.Semaphore(0)

    def count(path: Path | None) -> sqlite3.Connection:
        if other:
            tries.release()
        return journal_module._connect(path)

    other: sqlite3.Connection | None = None
    journal = Journal(tmp_path / "store", SCHEMA, 1, on_trouble=troubles, connect=count)
    Held(journal).release()  # its first copy is made
    other = sqlite3.connect(tmp_path / "store", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    journal.submit([(ADD, (1, None))])
    assert troubles.began.wait(PATIENCE_S)
    assert all(tries.acquire(timeout=PATIENCE_S) for _ in range(3))
    assert not journal.flush(0)
    other.execute("ROLLBACK")
    assert journal.flush(PATIENCE_S)
    assert numbers(journal) == [1]
    begin, end = troubles  # told once, however often it was tried
    assert "another program holds the store" in str(begin)
    assert end is None
    journal.close()
    other.close()


def test_closing_does_not_wait_for_ever_for_a_disk_that_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "BUSY_S", 0.01)
    monkeypatch.setattr(journal_module, "CLOSE_WAIT_S", 0.05)
    journal = Journal(tmp_path / "store", SCHEMA, 1)
    other = sqlite3.connect(tmp_path / "store", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    done: list[None] = []
    journal.submit([(ADD, (1, None))], lambda: done.append(None))
    journal.close()
    assert not done
    other.close()


# --- newer, older, damaged ------------------------------------------------------------------------------------------


def test_p8_a_newer_store_is_refused_in_one_line_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "store"
    Journal(path, SCHEMA, 7).close()
    before = path.read_bytes()
    with pytest.raises(StoreError) as refused:
        Journal(path, SCHEMA, 6)
    text = str(refused.value)
    assert str(path) in text
    assert "version 7" in text
    assert "knows 6" in text
    assert "\n" not in text
    assert path.read_bytes() == before


def test_an_older_store_gets_what_is_new(tmp_path: Path) -> None:
    path = tmp_path / "store"
    old = Journal(path, SCHEMA, 1)
    old.submit([(ADD, (1, None))])
    old.close()
    new = Journal(path, SCHEMA + "; CREATE TABLE IF NOT EXISTS more (n INTEGER)", 2)
    assert numbers(new) == [1]
    assert new.read("SELECT * FROM more") == []
    new.close()


@pytest.mark.parametrize("schema", ["rows (n INTEGER)", "rows (n INTEGER, texts TEXT UNIQUE)"])
def test_p8_an_older_store_that_is_not_what_it_should_have_become_is_set_aside(schema: str, tmp_path: Path) -> None:
    """Else it takes no write, and each is dropped. Its copy is no better, and is not used."""
    path = tmp_path / "store"
    Journal(path, f"CREATE TABLE IF NOT EXISTS {schema}", 1).close()
    old = Journal(path, f"CREATE TABLE IF NOT EXISTS {schema}", 1)
    old.submit([("INSERT INTO rows (n) VALUES (1)", ())])
    old.close()
    assert (tmp_path / "store.good").exists()
    troubles = Troubles()
    new = Journal(path, SCHEMA + "; CREATE INDEX IF NOT EXISTS by_text ON rows (text)", 2, on_trouble=troubles)
    assert "set aside as store.damaged-1, a fresh one is begun" in str(troubles[0])
    new.submit([(ADD, (2, "b"))])
    assert new.flush(PATIENCE_S)
    assert numbers(new) == [2]
    new.close()
    assert not (tmp_path / "store.back").exists()


def damage_header(data: bytes) -> bytes:
    return b"\0" * 100 + data[100:]


def damage_page(data: bytes) -> bytes:
    middle = len(data) // 2 // 4096 * 4096
    return data[:middle] + b"\xff" * 4096 + data[middle + 4096 :]


def cut_in_half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def replace_by_text(data: bytes) -> bytes:
    return b"this was a store once\n" * 1000


def empty(_: bytes) -> bytes:
    """As a disk leaves it that lost the pages but not the name; SQLite takes it for a new one."""
    return b""


DAMAGES = [damage_header, damage_page, cut_in_half, replace_by_text, empty]


def filled(path: Path, start: int = 0) -> None:
    """A life of the store with 200 rows more."""
    journal = Journal(path, SCHEMA, 1)
    for n in range(start, start + 200):
        journal.submit([(ADD, (n, str(n) * 100))])
    journal.close()


def broken_by(damage: Callable[[bytes], bytes], path: Path) -> bytes:
    broken = damage(path.read_bytes())
    path.write_bytes(broken)
    return broken


@pytest.mark.parametrize("damage", DAMAGES)
def test_p8_a_damaged_store_is_set_aside_and_its_copy_used(damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = tmp_path / "store"
    for turn in (1, 2):
        filled(path, 200 * turn - 200)
        broken = broken_by(damage, path)
        troubles = Troubles()
        journal = Journal(path, SCHEMA, 1, on_trouble=troubles)
        assert numbers(journal) == list(range(200 * turn))
        journal.close()
        assert path.with_name(f"store.damaged-{turn}").read_bytes() == broken
        begin, end = troubles
        assert f"set aside as store.damaged-{turn}, its last good copy is used" in str(begin)
        assert "\n" not in str(begin)
        assert end is None


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("copy", [*DAMAGES, Path.unlink])
def test_p8_where_the_copy_is_damaged_too_a_fresh_store_is_begun(
    damage: Callable[[bytes], bytes], copy: Any, tmp_path: Path
) -> None:
    path, good = tmp_path / "store", tmp_path / "store.good"
    filled(path)
    broken = broken_by(damage, path)
    if copy is Path.unlink:
        good.unlink()
    else:
        broken_by(copy, good)
    troubles = Troubles()
    journal = Journal(path, SCHEMA, 1, on_trouble=troubles)
    assert numbers(journal) == []
    journal.submit([(ADD, (7, None))])
    journal.close()
    assert "set aside as store.damaged-1, a fresh one is begun" in str(troubles[0])
    assert path.with_name("store.damaged-1").read_bytes() == broken
    again = Journal(path, SCHEMA, 1, on_trouble=troubles)
    assert numbers(again) == [7]
    again.close()
    assert len(troubles) == 2


@pytest.mark.parametrize("copy", DAMAGES)
def test_p8_a_damaged_copy_does_not_hurt_a_whole_store(copy: Callable[[bytes], bytes], tmp_path: Path) -> None:
    """And is replaced by a good one."""
    path, good = tmp_path / "store", tmp_path / "store.good"
    filled(path)
    broken_by(copy, good)
    troubles = Troubles()
    journal = Journal(path, SCHEMA, 1, on_trouble=troubles)
    assert numbers(journal) == list(range(200))
    journal.close()
    assert not troubles
    path.unlink()
    journal = Journal(path, SCHEMA, 1)
    assert numbers(journal) == list(range(200))
    journal.close()


def test_p8_a_store_that_lost_its_log_is_older_than_its_copy(tmp_path: Path) -> None:
    """Killed, then robbed of its write-ahead log: SQLite sees nothing wrong with what is left."""
    path = tmp_path / "store"
    filled(path)
    before = path.read_bytes()
    filled(path, 200)
    path.write_bytes(before)
    troubles = Troubles()
    journal = Journal(path, SCHEMA, 1, on_trouble=troubles)
    assert numbers(journal) == list(range(400))
    assert "it is older than its copy store.good" in str(troubles[0])
    journal.close()


def test_p8_a_copy_is_made_again_an_hour_after_something_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "store"
    monkeypatch.setattr(journal_module, "GOOD_EVERY_S", 0.0)
    journal = Journal(path, SCHEMA, 1)
    journal.submit([(ADD, (1, None))])
    assert journal.flush(PATIENCE_S)
    Held(journal).release()  # a copy that is due goes before the next group
    with sqlite3.connect(tmp_path / "store.good") as copy:
        assert copy.execute("SELECT n FROM rows").fetchall() == [(1,)]
    journal.close()


def test_p8_a_copy_that_comes_back_skips_what_was_numbered_since(tmp_path: Path) -> None:
    path = tmp_path / "store"
    filled(path)
    broken_by(empty, path)
    journal = Journal(path, SCHEMA, 1, on_copy=lambda _: [("UPDATE rows SET n = n + 1000 WHERE n = ?", (199,))])
    assert numbers(journal)[-2:] == [198, 1199]
    journal.close()
    journal = Journal(path, SCHEMA, 1, on_copy=lambda _: [("UPDATE rows SET n = n + 1000 WHERE n > ?", (198,))])
    assert numbers(journal)[-2:] == [198, 1199]
    journal.close()


def test_p8_a_disk_without_room_for_a_copy_is_no_trouble(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "store"
    (tmp_path / "store.good").mkdir()
    filled(path)
    journal = Journal(path, SCHEMA, 1)
    assert numbers(journal) == list(range(200))
    journal.close()
    assert "no copy could be made" in caplog.text
    assert sorted(each.name for each in tmp_path.iterdir()) == ["store", "store.good"]


def test_p8_a_version_that_no_program_will_have_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "store"
    filled(path)
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA user_version = 1073741825")
    other.close()
    troubles = Troubles()
    journal = Journal(path, SCHEMA, 1, on_trouble=troubles)
    assert numbers(journal) == list(range(200))
    assert "its version reads 1073741825" in str(troubles[0])
    journal.close()


def test_p8_a_store_damaged_while_in_use_is_replaced_and_the_group_kept(tmp_path: Path) -> None:
    """The writer finds the damage at a commit; what it was about to write goes into the fresh store."""
    path = tmp_path / "store"
    troubles = Troubles()
    journal = Journal(path, SCHEMA, 1, on_trouble=troubles)
    for n in range(300):
        journal.submit([(ADD, (n, str(n) * 100))])
    assert journal.flush(PATIENCE_S)
    journal._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    (pages,) = journal._writer.execute("PRAGMA page_count").fetchone()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096 * (pages - 1))
    journal._writer.execute("PRAGMA shrink_memory")
    journal.submit([(ADD, (1000, "new"))])
    assert journal.flush(PATIENCE_S)
    assert numbers(journal) == [1000]
    assert any("set aside as store.damaged-1" in str(reason) for reason in troubles)
    assert troubles[-1] is None
    journal.close()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StoreError, match="--store") as refused:
        Journal(tmp_path / "file" / "store", SCHEMA, 1)
    assert "\n" not in str(refused.value)


# --- store URLs -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "folder"),
    [
        ("none", None),
        ("data", Path("data")),
        ("./a b", Path("a b")),
        ("/var/lib/chargepost", Path("/var/lib/chargepost")),
        ("file:///var/lib/charge%20post", Path("/var/lib/charge post")),
        ("file:data", Path("data")),
        ("file://localhost/data", Path("/data")),
    ],
)
def test_a_store_is_a_folder_a_file_url_or_none(url: str, folder: Path | None) -> None:
    assert parse_store(url) == folder


@pytest.mark.parametrize("url", ["", "postgresql://me:secret@db/x", "file://elsewhere/x", "http://x", "a\0b", "file:"])
def test_another_store_is_refused_with_the_remedy_and_without_its_password(url: str) -> None:
    with pytest.raises(StoreError, match="give a folder, file:FOLDER, or none") as refused:
        parse_store(url)
    assert "secret" not in str(refused.value)
