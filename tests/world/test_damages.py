"""Three hundred ways to damage a store (P8; reliability bar 8): the station starts, boots and charges after each.

The store is one that was closed once, so that there is a copy, went on, and was killed with part of it in the log.
"""

import logging
import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest
from tests.patience import PATIENCE_S
from tests.rules.rig import Rig
from tests.rules.test_power_cut import end, fresh, visit
from tests.soak import times
from tests.world.disk import Files
from tests.world.test_power_cuts import KINDS, Content, lay_out

from chargepost import journal as journal_module
from chargepost import signals as sig
from chargepost.journal import StoreError, _connect
from chargepost.records.ledger import recall

DAMAGES, FLIPS = times(300, 3_000), times(100, 3_000)
STATION = KINDS["station"]
BADGE = b"0123456789ABCDEF"
"""In each charge record."""
MAIN, LOG, COPY = STATION.name, f"{STATION.name}-wal", f"{STATION.name}.good"
PAGE = 4096


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


class Kept:
    """The files of a killed process, and what the store held after each piece."""

    def __init__(self, folder: Path) -> None:
        pieces = STATION.pieces(40)
        self.contents: list[Content] = STATION.contents(pieces)
        self.copied = len(pieces) // 2
        with closing(STATION.open(folder / MAIN)) as journal:
            for piece in pieces[: self.copied]:
                journal.submit(piece)
        with closing(STATION.open(folder / MAIN, checkpoints_often)) as journal:
            for piece in pieces[self.copied :]:
                journal.submit(piece)
                assert journal.flush(PATIENCE_S)
            self.files = files_of(folder)
            """Part of it in the log."""
            with closing(sqlite3.connect(folder / MAIN)) as other:
                other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self.settled = files_of(folder)
            """All of it in the file."""


def files_of(folder: Path) -> Files:
    return {name: (folder / name).read_bytes() for name in (MAIN, LOG, COPY)}


def checkpoints_often(path: Path | None) -> sqlite3.Connection:
    """So that the file holds more than the copy, and the log more than the file."""
    connection = _connect(path)
    connection.execute("PRAGMA wal_autocheckpoint=70")
    return connection


Damage = Callable[[Files, Random], None]


def flip(files: Files, dice: Random, name: str = MAIN) -> None:
    data = bytearray(files[name] or bytes(1))
    for _ in range(dice.choice((1, 1, 8, 64))):
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    files[name] = bytes(data)


def flip_one(files: Files, dice: Random) -> None:
    """Anywhere behind the header, whose version may read as one of tomorrow."""
    data = bytearray(files[MAIN])
    data[dice.randrange(100, len(data))] ^= 1 << dice.randrange(8)
    files[MAIN] = bytes(data)


def flip_header(files: Files, dice: Random) -> None:
    data = bytearray(files[MAIN])
    data[dice.randrange(100)] ^= 1 << dice.randrange(8)
    files[MAIN] = bytes(data)


def flip_log(files: Files, dice: Random) -> None:
    flip(files, dice, LOG)


def truncate(files: Files, dice: Random) -> None:
    files[MAIN] = files[MAIN][: dice.randrange(1, len(files[MAIN]))]


def zero_page(files: Files, dice: Random) -> None:
    at = dice.randrange(len(files[MAIN]) // PAGE) * PAGE
    files[MAIN] = files[MAIN][:at] + bytes(PAGE) + files[MAIN][at + PAGE :]


def lose_log(files: Files, dice: Random) -> None:
    del files[LOG]


def empty(files: Files, dice: Random) -> None:
    files[MAIN] = b""


def lose(files: Files, dice: Random) -> None:
    del files[MAIN]


def no_database(files: Files, dice: Random) -> None:
    files[MAIN] = dice.randbytes(dice.randrange(1, 3 * PAGE))


def wild_version(files: Files, dice: Random) -> None:
    version = dice.randrange(1_002, 2**32)
    files[MAIN] = files[MAIN][:60] + version.to_bytes(4, "big") + files[MAIN][64:]
    files[LOG] = b""


ALL: list[Damage] = [
    flip, flip_header, flip_log, truncate, zero_page, lose_log, empty, lose, no_database, wild_version,
]  # fmt: skip


class Found(NamedTuple):
    """After a damage."""

    content: int | None
    """After which piece the store held this; None: after none."""
    aside: bool
    memory: dict[str, bytes]


def open_after(damage: Damage, kept: Kept, settled: bool, dice: Random, folder: Path) -> Found:
    files = dict(kept.settled if settled else kept.files)
    damage(files, dice)
    lay_out(files, folder)
    with closing(STATION.open(folder / MAIN)) as journal:
        content, memory = STATION.read(journal), recall(journal, "CP-1")
    held = kept.contents.index(content) if content in kept.contents else None
    return Found(held, (folder / f"{MAIN}.damaged-1").exists(), memory)


def charges(memory: dict[str, bytes]) -> None:
    """The station boots with it, ends or gives up what ran, and charges somebody new."""
    rig = Rig("evlink-pro-ac", memory=memory)
    rig.run(60)
    end(rig)
    rig.plug()
    rig.badge()
    rig.run(10)
    assert rig.power(), rig.view
    assert rig.said("BootNotification")


@pytest.mark.slow
def test_p8_after_each_damage_the_station_boots_and_charges_and_keeps_what_the_copy_has(folder: Path) -> None:
    kept, seen = Kept(folder / "kept"), Counter[tuple[str, str]]()
    for number in range(DAMAGES):
        damage = ALL[number % len(ALL)]
        settled, dice = number // len(ALL) % 2 == 0, Random(number)
        try:
            found = open_after(damage, kept, settled, dice, folder / "cut")
        except StoreError as error:  # the flipped bit makes a believable version: left alone, as any newer store
            if damage is flip_header and "use the newer program" in str(error):
                continue
            raise
        where = (number, damage.__name__, settled)
        assert found.content is not None, where
        assert found.content >= kept.copied, where
        seen[damage.__name__, "aside" if found.aside else "in use"] += 1
        charges(found.memory)
    aside = {name for name, what in seen if what == "aside"}
    assert aside == {"flip", "flip_header", "truncate", "zero_page", "empty", "no_database", "wild_version"}, seen


def flip_value(files: Files, dice: Random) -> None:
    """One bit of what is billed: of all damages the one that SQLite does not see."""
    data = bytearray(files[MAIN])
    data[dice.choice([found.start() for found in re.finditer(BADGE, data)]) + dice.randrange(len(BADGE))] ^= 1
    files[MAIN] = bytes(data)


def unseen(kept: Kept, flipped: Damage, folder: Path) -> list[int]:
    """Of so many flips those after which the store held what it never did."""
    found = (open_after(flipped, kept, True, Random(number), folder / "cut") for number in range(FLIPS))
    return [number for number, each in enumerate(found) if each.content is None or each.content < kept.copied]


@pytest.mark.slow
@pytest.mark.parametrize("damage", [flip_value, flip_one])
def test_p8_no_bit_flipped_in_a_value_goes_unseen(damage: Damage, folder: Path) -> None:
    assert not unseen(Kept(folder / "kept"), damage, folder)


@pytest.mark.slow
def test_p8_no_bit_flipped_in_the_words_of_a_table_goes_unseen(folder: Path) -> None:
    """Some make another table of it, some words that are not text."""
    kept = Kept(folder / "kept")
    start = kept.settled[MAIN].index(b"CREATE TABLE records")
    for bit in range(0, 8 * 64, times(3, 1)):
        found = open_after(partial(flip_bit, start * 8 + bit), kept, True, Random(0), folder / "cut")
        assert found.content is not None, bit
        assert found.content >= kept.copied, bit


def flip_bit(bit: int, files: Files, dice: Random) -> None:
    data = bytearray(files[MAIN])
    data[bit // 8] ^= 1 << bit % 8
    files[MAIN] = bytes(data)


def test_p8_a_blob_that_became_a_text_is_seen(folder: Path) -> None:
    """One bit of a row's header is the difference."""

    def as_text(files: Files, dice: Random) -> None:
        with closing(sqlite3.connect(":memory:")) as store:
            store.deserialize(files[MAIN][:18] + bytes((1, 1)) + files[MAIN][20:])  # not WAL: there is no file
            store.execute("UPDATE memory SET value = CAST(value AS TEXT) WHERE key = 'boot'")
            store.commit()
            data = store.serialize()
        files[MAIN] = data[:18] + bytes((2, 2)) + data[20:]

    kept = Kept(folder / "kept")
    assert open_after(as_text, kept, True, Random(0), folder / "cut").aside


def test_p8_a_copy_with_a_wrong_row_is_not_used(folder: Path) -> None:
    kept = Kept(folder / "kept")
    kept.settled[COPY] = kept.settled[COPY].replace(BADGE, BADGE[::-1], 1)
    found = open_after(empty, kept, True, Random(1), folder / "cut")
    assert (found.content, found.aside) == (0, True), "a fresh one"


def test_p8_a_wrong_row_is_not_copied(folder: Path) -> None:
    """It came while the store was open: the copy from before stays."""
    kept = Kept(folder / "kept")
    lay_out(kept.settled, folder / "cut")
    with closing(STATION.open(folder / "cut" / MAIN)) as journal:
        journal.submit([("UPDATE memory SET value = value || ' ' WHERE key = 'boot'", ())])
    with closing(STATION.open(folder / "cut" / MAIN)) as journal:
        assert (folder / "cut" / f"{MAIN}.damaged-1").exists()
        assert STATION.read(journal) == kept.contents[-1]


def test_rows_that_are_not_judged_are_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept(folder / "kept")
    monkeypatch.setattr(journal_module, "wrong_rows", lambda connection, sealed: ())
    assert unseen(kept, flip_value, folder)


def test_a_check_that_is_skipped_is_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept(folder / "kept")
    monkeypatch.setattr(journal_module, "_check", lambda connection: None)
    with pytest.raises((AssertionError, sqlite3.Error, StoreError)):  # noqa: PT012 - one of them
        for number in range(60):
            found = open_after(zero_page, kept, True, Random(number), folder / "cut")
            assert found.content is not None
            assert found.content >= kept.copied


def test_p8_a_value_that_cannot_be_read_is_left_out_and_named() -> None:
    """A station is built from whatever its memory holds; a count of starts that is lost makes no id come twice."""
    rig = fresh("evlink-pro-ac")
    visit(rig)
    rig.cut()
    rig.charge()
    for key in [key for key in rig.memory if not key.startswith("setting/")]:
        for broken in (b"\x00", b"{}", b'"x"', b"[1]"):
            memory = rig.memory | {key: broken}
            again = Rig("evlink-pro-ac", memory=memory)
            again.run(30)
            assert again.said("BootNotification"), (key, broken)
    for key in [key for key in rig.memory if key.startswith("setting/")]:
        again = Rig("evlink-pro-ac", memory=rig.memory | {key: b"\x00"})
        assert f"{key} cannot be read and is left out" in [note.text for note in again.wished(sig.Note)]
    memory = rig.memory | {"boot": b"\xff"}
    again = Rig("evlink-pro-ac", memory=memory)
    assert "memory damaged" in again.notes()
    assert again.station.talk.life.startswith("1.")
    assert memory["boot"] == b"1"


def test_p8_a_key_that_is_no_key_of_ours_is_passed_over() -> None:
    rig = fresh("evlink-pro-ac")
    rig.cut()
    rig.charge()
    for key, value in list(rig.memory.items()):
        again = Rig("evlink-pro-ac", memory={**rig.memory, key[:-1] + "\ufffd": value})
        again.run(30)
        assert again.said("BootNotification"), key
