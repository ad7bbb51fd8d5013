"""What must not be lost: transaction messages in order, each sent until it is processed (OCPP 1.6, 3.7).

An entry holds its transaction by the station's own name; the central system's number may come later (errata 3.18).
The outbox is a value over a mapping that survives power cuts; who owns it writes the puts and drops it returns.
"""

from collections import Counter
from math import inf
from operator import itemgetter
from typing import Literal

import msgspec

Kind = Literal["start", "meter", "stop"]

UNDELIVERED_TRANSACTION = -1
"""The number of a transaction whose start could never be delivered (errata 3.18)."""

BACKOFF_CAP_S = 600.0
"""An entry without a limit of attempts is tried at least so often: a central system that is repaired is found again."""


METERS_MAX = 5_000
"""Meter values that wait: three days and a half at one a minute, 5 MB. Beyond, they are thinned, and no start or stop
ever is (1.6, 3.7; reference 8.3): 90 days offline lose no Wh, and leave a value for every three hours at least."""

NEVER_THINNED = b'"Interruption.'
"""A gap that is told has two ends."""


class Entry(msgspec.Struct, gc=False):
    """One message that waits for its turn or its answer."""

    seq: int
    kind: Kind
    transaction: str
    """The station's own name of the transaction."""
    payload: bytes
    """The message as JSON."""
    numbered: bool
    """The payload carries the central system's number; else it holds 0 in its place."""
    token: int = 0
    """It may be sent once this token is durable."""
    sends: int = 0
    not_before: float = 0.0
    thinned: int = 0
    """How often its neighbours had to go because too many waited."""
    order: int = 0
    """Its place among all that is said on this link; 0: a backlog, which lets everything else go first."""


class Saved(msgspec.Struct, frozen=True, gc=False):
    """What of an entry survives a power cut; attempts begin anew after it."""

    kind: Kind
    transaction: str
    payload: msgspec.Raw
    numbered: bool


ACTIONS: dict[Kind, str] = {"start": "StartTransaction", "meter": "MeterValues", "stop": "StopTransaction"}


class Outbox:
    """FIFO of transaction messages. `seq` orders it across restarts."""

    __slots__ = ("_entries", "_next_seq")

    def __init__(self, entries: list[Entry] | None = None) -> None:
        self._entries: list[Entry] = sorted(entries or [], key=lambda e: e.seq)
        self._next_seq = self._entries[-1].seq + 1 if self._entries else 1

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def head(self) -> Entry | None:
        return self._entries[0] if self._entries else None

    def add(self, kind: Kind, transaction: str, payload: bytes, token: int, *, numbered: bool, order: int) -> Entry:
        """Append a message."""
        entry = Entry(self._next_seq, kind, transaction, payload, numbered, token, order=order)
        self._next_seq += 1
        self._entries.append(entry)
        return entry

    def thin(self) -> list[Entry]:
        """What has to go because too many meter values wait; never the head, which may be on its way.

        Of those that were thinned equally often, the most numerous lose every second one: so old and new ones stay
        about equally far apart, however long it takes.
        """
        if len(self._entries) <= METERS_MAX:
            return []
        meters = [e for e in self._entries[1:] if e.kind == "meter" and NEVER_THINNED not in e.payload]
        if len(meters) < METERS_MAX:
            return []
        often, _ = max(Counter(entry.thinned for entry in meters).items(), key=itemgetter(1))
        alike = [entry for entry in meters if entry.thinned == often]
        gone = {entry.seq: entry for entry in alike[::2]}
        for entry in alike[1::2]:
            entry.thinned += 1
        self._entries = [entry for entry in self._entries if entry.seq not in gone]
        return list(gone.values())

    def due(self, now: float, durable: int) -> Entry | None:
        """The head, when it is on disk and its waiting time is over."""
        head = self.head
        return head if head and head.token <= durable and head.not_before <= now else None

    def wake_at(self, now: float) -> float | None:
        """When the head's waiting time ends; None when nothing waits for time."""
        head = self.head
        return head.not_before if head and now < head.not_before < inf else None

    def failed(self, entry: Entry, now: float, attempts: int, interval_s: float) -> bool:
        """The central system failed to process it. True: it is given up (the caller removes it); else it waits.

        The wait is the interval times the sends so far (3.7.1); attempts 0 never gives up (Q-152).
        """
        entry.sends += 1
        if attempts and entry.sends >= attempts:
            return True
        wait_s = max(interval_s, 1.0) * entry.sends
        entry.not_before = now + (wait_s if attempts else min(wait_s, BACKOFF_CAP_S))
        return False

    def link_lost(self) -> None:
        """All that waits is a backlog now, tried at once on the next link; a lost link never counts (Q-185)."""
        for entry in self._entries:
            entry.not_before = 0.0
            entry.order = 0

    def remove(self, entry: Entry) -> None:
        self._entries.remove(entry)

    def of(self, transaction: str) -> list[Entry]:
        return [entry for entry in self._entries if entry.transaction == transaction]
