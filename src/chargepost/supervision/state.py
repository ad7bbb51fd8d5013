"""What the central system knows while it runs: stations, connectors, badges, open transactions. Facts, few rules."""

from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from chargepost.ocpp.messages import SampledValue
from chargepost.ocpp.session import Session
from chargepost.supervision.live import Live, Told, by_measurand, register_wh
from chargepost.supervision.wishes import BadgeRow, ConnectorRow, Kept, RefusedRow, StationRow, TransactionRow

SUPERSEDED_MAX = 10_000
"""Transactions whose stop may still come after we closed them: more stations never lose their store at once."""

Samples = list[SampledValue]
Key = TypeVar("Key")


@dataclass(slots=True)
class Connector:
    """One connector as its station tells of it."""

    row: ConnectorRow
    live: Live = Live()
    transaction: int | None = None
    """The transaction that occupies it: the last one begun, until it stops or the connector is Available again."""


@dataclass(slots=True)
class Command:
    """A CALL toward a station that waits for its turn or its answer."""

    ticket: int
    payload: msgspec.Struct


@dataclass(slots=True)
class Guest:
    """A handshake that is being decided: the carrier's number for it, and where it comes from."""

    ticket: int
    peer: str


@dataclass(slots=True)
class Station:
    """One station and its link."""

    row: StationRow
    session: Session | None = None
    """None: offline."""
    link: int = 0
    """Counts its links: an answer for an earlier one is not sent on a later one."""
    linked_utc_s: float = 0.0
    """When the link opened, or was lost."""
    seen_utc_s: float = 0.0
    """The last message: any is a sign of life."""
    subprotocol: str = ""
    unanswered: int = 0
    """CALLs of the station that wait for the disk."""
    waiting: deque[Command] = field(default_factory=deque)
    connectors: dict[int, Connector] = field(default_factory=dict)
    triggered: set[str] = field(default_factory=set)
    """What it was asked to send with TriggerMessage: allowed even before it is accepted (4.2, 5.17)."""
    asked_to_boot: bool = False
    challenge: Guest | None = None
    """A second connection of the same identity, waiting for the first one to prove that it lives."""
    arriving: Guest | None = None
    """Admitted, and its handshake is being finished."""

    @property
    def identity(self) -> str:
        return self.row.identity

    def connector(self, number: int) -> Connector:
        found = self.connectors.get(number)
        if found is None:
            found = Connector(ConnectorRow(self.identity, number, "", "NoError", 0.0))
            self.connectors[number] = found
        return found


class State:
    """Everything the answers to stations rest on."""

    def __init__(self, kept: Kept) -> None:
        self.stations: dict[str, Station] = {row.identity: Station(row) for row in kept.stations}
        self.badges: dict[str, BadgeRow] = {row.id_tag.lower(): row for row in kept.badges}
        self.open: dict[int, TransactionRow] = {}
        self.superseded: dict[int, TransactionRow] = {row.transaction: row for row in kept.superseded}
        """Closed by us, and not by their station: the oldest first."""
        self._proposed: set[int] = set()
        """Begun, and the ledger has not taken them yet."""
        self._registers: dict[int, tuple[float, float]] = {}
        """When the register was read in an open transaction, and its Wh."""
        self.refused: dict[tuple[str, str, str], RefusedRow] = {(r.identity, r.peer, r.reason): r for r in kept.refused}
        self._by_tag: defaultdict[str, set[int]] = defaultdict(set)
        self._by_place: defaultdict[tuple[str, int], set[int]] = defaultdict(set)
        for connector in kept.connectors:
            if connector.identity in self.stations:
                self.stations[connector.identity].connectors[connector.connector] = Connector(connector)
        for row in sorted(kept.open_transactions, key=lambda row: row.start_utc_s):
            self.begin(row)
            self._free_if_available(row)
        for metered in kept.metered:
            told = by_measurand(msgspec.json.decode(metered.samples, type=Samples))
            self.metered(metered.identity, metered.transaction, metered.measured_utc_s, told)

    def station(self, identity: str) -> Station:
        """The station of this identity; made when it is not on the roster (the carrier let it in)."""
        if identity not in self.stations:
            self.stations[identity] = Station(StationRow(identity))
        return self.stations[identity]

    # --- transactions ------------------------------------------------------------------------------------------------

    def begin(self, row: TransactionRow) -> None:
        self.open[row.transaction] = row
        self._by_tag[row.id_tag.lower()].add(row.transaction)
        self._by_place[row.identity, row.connector].add(row.transaction)
        if row.identity in self.stations:
            place = self.stations[row.identity].connector(row.connector)
            there = self.open.get(place.transaction or 0)
            if there is None or there.start_utc_s <= row.start_utc_s:
                place.transaction = row.transaction

    def propose(self, row: TransactionRow) -> None:
        """A new start, as far as we know: the ledger has the last word."""
        self.begin(row)
        self._proposed.add(row.transaction)

    def end(self, transaction: int) -> None:
        row = self.open.pop(transaction, None)
        if row is None:
            return
        self._proposed.discard(transaction)
        self._registers.pop(transaction, None)
        _take_out(self._by_tag, row.id_tag.lower(), transaction)
        _take_out(self._by_place, (row.identity, row.connector), transaction)
        if self._occupies(row):
            self.stations[row.identity].connector(row.connector).transaction = None

    def metered(self, identity: str, transaction: int, measured_utc_s: float, told: Told) -> None:
        """Remember the last register that an open transaction of this very station told."""
        row = self.open.get(transaction)
        if row is None or row.identity != identity:
            return
        last_utc_s, _ = self._registers.get(transaction, (row.start_utc_s, 0.0))
        told_wh = register_wh(told) if measured_utc_s >= last_utc_s else None
        if told_wh is not None:
            self._registers[transaction] = measured_utc_s, told_wh

    def last_register(self, row: TransactionRow) -> tuple[float, int]:
        """When it was read, and its Wh; never less than at the start."""
        read_utc_s, told_wh = self._registers.get(row.transaction, (row.start_utc_s, row.start_wh))
        return read_utc_s, max(round(told_wh), row.start_wh)

    def ghosts(self, row: TransactionRow) -> list[TransactionRow]:
        """Open transactions on the connector of this start that did not begin after it; none once it was taken."""
        if row.transaction not in self._proposed:
            return []
        return [
            known
            for known in map(self.open.__getitem__, sorted(self._by_place.get((row.identity, row.connector), ())))
            if known.transaction != row.transaction and known.start_utc_s <= row.start_utc_s
        ]

    def taken(self, row: TransactionRow) -> None:
        """The ledger took this start: its connector's older transactions are over, as far as we know."""
        for ghost in self.ghosts(row):
            self.end(ghost.transaction)
            self.superseded[ghost.transaction] = ghost
        self._proposed.discard(row.transaction)
        while len(self.superseded) > SUPERSEDED_MAX:
            del self.superseded[next(iter(self.superseded))]

    def same_start(self, row: TransactionRow) -> TransactionRow | None:
        """The open transaction that this start tells of once more."""
        for number in self._by_tag.get(row.id_tag.lower(), ()):
            known = self.open[number]
            if start_key(known) == start_key(row):
                return known
        return None

    def in_use_elsewhere(self, id_tag: str, identity: str, connector: int) -> bool:
        """Whether an accepted transaction of this badge occupies another connector, here or anywhere."""
        return any(
            row.id_tag_status == "Accepted"
            and (row.identity, row.connector) != (identity, connector)
            and self._occupies(row)
            for row in map(self.open.__getitem__, self._by_tag.get(id_tag.lower(), ()))
        )

    def _free_if_available(self, row: TransactionRow) -> None:
        """A connector that was Available after the start is free, also for who reads it from the ledger."""
        if self._occupies(row):
            place = self.stations[row.identity].connectors[row.connector]
            if place.row.status == "Available" and place.row.since_utc_s > row.start_utc_s:
                place.transaction = None

    def _occupies(self, row: TransactionRow) -> bool:
        station = self.stations.get(row.identity)
        connector = station.connectors.get(row.connector) if station else None
        return connector is not None and connector.transaction == row.transaction


def _take_out(index: dict[Key, set[int]], key: Key, transaction: int) -> None:
    index[key].discard(transaction)
    if not index[key]:
        del index[key]


def start_key(row: TransactionRow) -> tuple[str, int, str, int, float]:
    """What makes a StartTransaction the same one told again: a station never has two alike."""
    return row.identity, row.connector, row.id_tag, row.start_wh, row.start_utc_s
