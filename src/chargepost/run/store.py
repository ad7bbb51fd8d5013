"""Where a process keeps its things: one folder, held by one process at a time."""

import fcntl
import os
from itertools import count
from pathlib import Path
from typing import IO

from chargepost.journal import StoreError

STATIONS_FILE = "stations.sqlite"
LOCK_FILE = "lock"
OTHERS_MAX = 20
"""Demo sites side by side on one machine; more are a mistake."""


class Store:
    """A folder with its lock; without a folder everything is in memory."""

    def __init__(self, folder: Path | None, lock: IO[str] | None = None) -> None:
        self.folder = folder
        self._lock = lock

    @property
    def stations(self) -> Path | None:
        return self.folder / STATIONS_FILE if self.folder else None

    def close(self) -> None:
        if self._lock:
            self._lock.close()

    def __str__(self) -> str:
        return str(self.folder) if self.folder else "memory only"


def hold(folder: Path | None) -> Store:
    """Take the folder for this process. Raises StoreError when another one has it, or it cannot be written."""
    if folder is None:
        return Store(None)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / LOCK_FILE).open("a+", encoding="utf-8")
    except OSError as error:
        reason = error.strerror or str(error)
        raise StoreError(f"{folder}: cannot be written: {reason}: choose another folder with --store") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.seek(0)
        who = lock.read().strip()
        lock.close()
        whose = f" (process {who})" if who else ""
        raise StoreError(f"{folder}: another chargepost uses this store{whose}: give another with --store") from None
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return Store(folder, lock)


def hold_any(folder: Path) -> Store:
    """As `hold`; where another process has it, the next one of that name: demo, demo-2 ..."""
    for number in count(2):
        try:
            return hold(folder if number == 2 else folder.with_name(f"{folder.name}-{number - 1}"))
        except StoreError as error:
            if "another chargepost" not in str(error) or number > OTHERS_MAX:
                raise
    raise AssertionError


def state_home() -> Path:
    """$XDG_STATE_HOME/chargepost, or ~/.local/state/chargepost."""
    base = os.environ.get("XDG_STATE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".local" / "state") / "chargepost"
