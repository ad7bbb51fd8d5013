"""The disk is full, or fails, at each write and each sync (P7, P9; reliability bar 7).

Three ways to it: SQLite's own calls refused underneath the real Journal, and the power cut in the middle of that; a
real limit on the size of files, in a process of its own; and a real station that is told so at each point of a visit.
"""

import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.rules.rig import Rig
from tests.rules.test_power_cut import end, fresh, told, visit, wishes_of_a_visit
from tests.soak import times
from tests.world.disk import FULL, SYNC_ERROR, WRITE_ERROR, Disk, Kind, Op, Recorded, refusal
from tests.world.test_power_cuts import KINDS, play

from chargepost import journal as journal_module
from chargepost import signals as sig
from chargepost.journal import Connect

STATION = KINDS["station"]
OPENING = {"write": 15, "sync": 7}
"""Calls of a store that is just begun; one that cannot be opened is no store (test_journal.py)."""
CUTS = times(6, 60)
"""Powers cut for each point at which the disk refuses."""


@pytest.fixture(autouse=True)
def _tried_again_at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(journal_module, "RETRY_FIRST_S", 0.001)
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def refusing(
    call: Kind, at: int, often: int, code: int, recorded: type[Recorded] = Recorded
) -> Callable[[Disk], Connect]:
    """The disk refuses this call so often, from the so manieth on that is made for the store after it was opened."""
    first, seen = OPENING[call] + at, [0]

    def fail(op: Op) -> BaseException | None:
        if op.kind == call and op.file in (STATION.name, f"{STATION.name}-wal"):
            seen[0] += 1
            if first <= seen[0] < first + often:
                return refusal(code)
        return None

    def connect(disk: Disk) -> Connect:
        disk.fail = fail
        return lambda path: recorded(path, disk)  # type: ignore[return-value]  # as much of one as is used

    return connect


@pytest.mark.slow
@pytest.mark.parametrize(
    ("call", "code"), [("write", FULL), ("write", WRITE_ERROR), ("sync", SYNC_ERROR)], ids=["full", "write", "sync"]
)
def test_p7_a_disk_that_refuses_at_each_point_loses_nothing(call: Kind, code: int, folder: Path) -> None:
    """One group is written and acknowledged exactly once, in order; a power cut before, meanwhile or after takes none.

    A sync that failed is told once, and what it should have written is gone: the store is opened anew, and all of it
    written again (reliability, section 4; PostgreSQL, 2018).
    """
    points = times(100, 300) if call == "write" else times(30, 60)
    for at in range(points):
        connect = refusing(call, at, often=1 + at % 3, code=code)
        played = play(STATION, folder / str(at), cuts=CUTS, transactions=4, connect=connect)
        assert not played.wrong, (at, played.wrong[:5])
        assert played.cuts >= CUTS // 2


class Swallows(Recorded):
    """A commit that failed is taken for one that did not."""

    def execute(self, sql: str, params: Any = ()) -> Any:
        try:
            return super().execute(sql, params)
        except Exception:
            if sql != "COMMIT":
                raise
            if self.in_transaction:
                super().execute("ROLLBACK")


def test_an_error_that_is_swallowed_is_found(folder: Path) -> None:
    wrong = []
    for at in range(6):
        connect = refusing("sync", at, often=1, code=SYNC_ERROR, recorded=Swallows)
        wrong += play(STATION, folder / str(at), cuts=40, transactions=4, connect=connect).wrong
    assert any("half a piece, or a piece without one before it" in each for each in wrong), wrong


# --- a limit on the size of files -------------------------------------------------------------------------------------

LIMITED = """
import json, logging, resource, sys, threading
from pathlib import Path
from chargepost import journal as module
logging.disable(logging.CRITICAL)
module.RETRY_FIRST_S = 0.001
path, points = Path(sys.argv[1]), int(sys.argv[3])
told, began = [], threading.Event()
def trouble(reason):
    told.append(bool(reason))
    if reason:
        began.set()
journal = module.Journal(path, sys.argv[2], 1, on_trouble=trouble)
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
acknowledged, n = [], 0
def add():
    global n
    journal.submit([("INSERT INTO rows VALUES (?, ?)", (n, str(n) * 50))], lambda n=n: acknowledged.append(n))
    n += 1
for point in range(points):
    add()
    journal.flush()
    log = path.with_name(path.name + "-wal")
    began.clear()
    resource.setrlimit(resource.RLIMIT_FSIZE, (max(log.stat().st_size if log.exists() else 0, 4096) + 37 * point, hard))
    while not began.wait(0.0005):
        add()
    before = list(acknowledged)
    durable = {each for (each,) in journal.read("SELECT n FROM rows")}
    assert durable >= set(before), point
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert journal.flush(20), point
found = [each for (each,) in journal.read("SELECT n FROM rows ORDER BY rowid")]
assert found == acknowledged == list(range(n))
journal.close()
print(json.dumps(told))
"""


@pytest.mark.slow
def test_p7_space_ends_at_many_points_and_comes_back_in_one_process(tmp_path: Path) -> None:
    """RLIMIT_FSIZE: the system itself refuses. One trouble is told at each point, and one end of it."""
    points = times(40, 300)
    schema = "CREATE TABLE IF NOT EXISTS rows (n INTEGER, text TEXT)"
    script = [sys.executable, "-c", LIMITED, str(tmp_path / "store"), schema, str(points)]
    ran = subprocess.run(script, capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == [True, False] * points


# --- a station --------------------------------------------------------------------------------------------------------


def refused_from(model: str, wish: int) -> Rig:
    """A visit in which the disk takes nothing any more after so many wishes."""
    rig = fresh(model)
    rig.own(SecurityEventsEnabled="true")
    rig.forget()
    last, do, full = rig.done + wish, rig._do, list[bool]()

    def until_full(wish: sig.Wish) -> None:
        if rig.done > last and not full:
            full.append(True)
            rig.disk = False
            rig.station.handle(sig.NotRemembered("the disk is full"), rig.now)
        do(wish)

    rig._do = until_full  # type: ignore[method-assign]
    return rig


def hands(rig: Rig) -> None:
    """The visit as far as a refusing station lets it come."""
    try:
        visit(rig)
    except AssertionError as error:
        assert "the cable is locked" in str(error)  # noqa: PT017 - what the driver finds, no finding of ours


@pytest.mark.slow
@pytest.mark.parametrize("model", ["evlink-pro-ac", "evlink-smart-wallbox"])
def test_p7_a_full_disk_at_each_point_of_a_visit(model: str) -> None:
    """No new transaction, and the connector says so; what runs ends safely; one event; good again without a restart."""
    begun = 0
    points = range(0, wishes_of_a_visit(model), times(2, 1))
    for wish in points:
        rig, where = refused_from(model, wish), f"full after wish {wish}"
        hands(rig)
        rig.run(5)
        started = any(key.startswith("transaction/") for key in rig.memory) or bool(rig.records)
        begun += started
        assert rig.notes().count("disk refuses") <= 1, where
        if "disk refuses" in rig.notes():
            events = [p.type for p in rig.said("SecurityEventNotification")]
            assert events.count("MemoryExhaustion") == (1 if model == "evlink-pro-ac" else 0), where
            closes = len([w for w in rig.wished(sig.SwitchPower) if w.on])
            if rig.hardware.connector(1).plugged:
                rig.hardware.unplug(1, rig.now)
                rig.run(5)
            assert not rig.power(), f"{where}: power without a car"
            if not rig.hardware.connector(1).plugged:
                assert rig.view.status == "Faulted", (where, rig.view.status)
                rig.plug()
                rig.badge()
                rig.run(20)
                assert len([w for w in rig.wished(sig.SwitchPower) if w.on]) == closes, f"{where}: a new charge"
        rig.disk = True
        rig.write()
        rig.run(30)
        end(rig)
        if rig.hardware.connector(1).plugged:
            rig.hardware.unplug(1, rig.now)
        rig.run(60)
        end(rig)
        assert rig.view.status == "Available", (where, rig.view)
        kinds = [type(payload).__name__ for payload in told(rig)]
        assert kinds.count("StartTransaction") == kinds.count("StopTransaction") == len(rig.records), where
        assert "disk good again" in rig.notes() or "disk refuses" not in rig.notes(), where
    assert begun >= len(points) // 4
