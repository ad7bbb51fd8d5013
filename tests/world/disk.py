"""The disk underneath a store: what is written and synced is recorded, and may fail; power cuts are played from it.

A killed process shows nothing of a missing sync, since the system still writes what it was given. So the real Journal
runs on a connection of apsw, which lets SQLite's calls to the system be written in Python (a VFS), and each write and
sync is noted in order. From that record follows what a disk may hold when the power goes at any instant: everything
up to the last sync of each file, and of what came after it any part, down to single sectors. Those files are opened by
the real Journal on Python's own SQLite.

The journal's connections are few methods wide: `Recorded` gives apsw's the same and turns its errors into sqlite3's.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, Literal, NamedTuple

import apsw

SECTOR = 512
"""What a disk writes as a whole, or not at all."""

Kind = Literal["write", "cut", "sync", "lose", "delete"]


class Op(NamedTuple):
    """One call that changes a file, or makes its changes durable. `lose`: a sync that failed."""

    kind: Kind
    file: str
    offset: int = 0
    data: bytes = b""


Files = dict[str, bytes]

FULL, WRITE_ERROR, SYNC_ERROR = apsw.SQLITE_FULL, apsw.SQLITE_IOERR_WRITE, apsw.SQLITE_IOERR_FSYNC


def refusal(code: int) -> Exception:
    """What SQLite is told by a disk that refuses."""
    error = apsw.exception_for(code)
    vars(error)["extendedresult"] = code
    return error


Fail = Callable[[Op], BaseException | None]


class State(NamedTuple):
    """What a disk may hold after a power cut, and how many calls were made before it."""

    files: Files
    calls: int


class Disk:
    """Records; `fail` may refuse a call, with what it returns."""

    _names = count(1)

    def __init__(self) -> None:
        self.ops: list[Op] = []
        self.fail: Fail = lambda op: None
        self.name = f"recorded-{next(self._names)}"
        self._vfs = _Vfs(self)  # SQLite knows it as long as it is kept

    def connect(self, path: Path | None) -> sqlite3.Connection:
        """As `Journal` wants it."""
        return Recorded(path, self)  # type: ignore[return-value]  # as much of one as a journal uses

    def called(self, op: Op) -> None:
        error = self.fail(op)
        if error is None:
            self.ops.append(op)
            return
        if op.kind == "sync":  # the system has thrown away what it could not write, and will not say so again
            self.ops.append(op._replace(kind="lose"))
        raise error

    def states(self, each: int, dice: Random, share: float = 1.0) -> Iterator[State]:
        """For a share of the calls so many disks that a power cut right after it may leave, no two alike in a row."""
        disk, seen = _Playback(), 0
        for calls, op in enumerate(self.ops, 1):
            disk.play(op)
            if dice.random() > share:
                continue
            for n in range(each):
                files = disk.after_cut(n, dice)
                digest = hash(tuple(files.items()))
                if digest != seen:
                    seen = digest
                    yield State(files, calls)


class _Playback:
    """The files as the calls make them: what is durable, and what is under way since."""

    def __init__(self) -> None:
        self.durable: dict[str, bytearray] = {}
        self.pending: dict[str, list[Op]] = {}

    def play(self, op: Op) -> None:
        under_way = self.pending.setdefault(op.file, [])
        match op.kind:
            case "sync":
                for each in under_way:
                    _apply(each, self.durable)
                under_way.clear()
            case "lose":
                under_way.clear()
            case _:
                under_way.append(op)

    def after_cut(self, n: int, dice: Random) -> Files:
        """First: nothing of what is under way; then all of it, the last write torn; then any part."""
        files = {name: bytearray(data) for name, data in self.durable.items()}
        if n:
            for ops in self.pending.values():
                torn = len(ops) - 1 if n == 1 else dice.randrange(len(ops) + 1)
                in_order = n == 1 or dice.random() < 0.3
                for position, op in enumerate(ops):
                    if in_order and position > torn:
                        break
                    if position == torn and op.kind == "write":
                        for part in _torn(op, dice):
                            _apply(part, files)
                    elif in_order or dice.random() < 0.5:
                        _apply(op, files)
        return {name: bytes(data) for name, data in files.items()}


def _apply(op: Op, files: dict[str, bytearray]) -> None:
    if op.kind == "delete":
        files.pop(op.file, None)
        return
    data = files.setdefault(op.file, bytearray())
    if op.kind == "cut":
        del data[op.offset :]
    else:
        end = op.offset + len(op.data)
        if len(data) < op.offset:
            data.extend(bytes(op.offset - len(data)))
        data[op.offset : end] = op.data


def _torn(op: Op, dice: Random) -> Iterator[Op]:
    """Some sectors of a write."""
    at, end = op.offset, op.offset + len(op.data)
    while at < end:
        upto = min(end, (at // SECTOR + 1) * SECTOR)
        if dice.random() < 0.5:
            yield Op("write", op.file, at, op.data[at - op.offset : upto - op.offset])
        at = upto


class _Vfs(apsw.VFS):
    def __init__(self, disk: Disk) -> None:
        super().__init__(disk.name, "")
        self._disk = disk

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:
        return _File(self._disk, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        file = Path(filename).name
        self._disk.called(Op("delete", file))
        super().xDelete(filename, syncdir)
        if syncdir:
            self._disk.called(Op("sync", file))


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        super().__init__("", name, flags)
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        self._disk, self._name = disk, Path(path or "temporary").name

    def xWrite(self, data: bytes, offset: int) -> None:
        self._disk.called(Op("write", self._name, offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:
        self._disk.called(Op("cut", self._name, newsize))
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:
        self._disk.called(Op("sync", self._name))  # the real one is spared: the record is the disk


class Recorded:
    """A connection of apsw with the methods of sqlite3's that a journal uses."""

    def __init__(self, path: Path | None, disk: Disk) -> None:
        with _as_sqlite3():
            self.db = apsw.Connection(str(path or ":memory:"), vfs=disk.name)
            self.db.set_busy_timeout(2000)

    def execute(self, sql: str, params: Any = ()) -> Any:
        with _as_sqlite3():
            return self.db.execute(sql, tuple(params))

    executescript = execute

    def backup(self, to: "Recorded") -> None:
        with _as_sqlite3(), to.db.backup("main", self.db, "main") as copying:
            copying.step()

    @property
    def in_transaction(self) -> bool:
        return self.db.in_transaction

    def close(self) -> None:
        with suppress(apsw.Error):  # as sqlite3: what cannot be tidied up is left for the next opening
            self.db.close(True)


@contextmanager
def _as_sqlite3() -> Iterator[None]:
    try:
        yield
    except apsw.Error as error:
        told = sqlite3.OperationalError(str(error))
        told.sqlite_errorcode = getattr(error, "extendedresult", 0) or getattr(error, "result", 0)
        raise told from error
