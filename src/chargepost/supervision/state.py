"""What the central system knows while it runs: stations, connectors, badges, open transactions. Facts, few rules."""

from collections import defaultdict, deque
from dataclasses import dataclass, field

import msgspec

from chargepost.ocpp.session import Session
from chargepost.supervision.live import Live
from chargepost.supervision.wishes import BadgeRow, ConnectorRow, Kept, RefusedRow, StationRow, TransactionRow


@dataclass(slots=True)
class Connector:
    """One connector as its station tells of it."""

    row: ConnectorRow
    live: Live = Live()  # noqa: RUF009 - frozen
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
        self.refused: dict[tuple[str, str, str], RefusedRow] = {(r.identity, r.peer, r.reason): r for r in kept.refused}
        self._by_tag: defaultdict[str, set[int]] = defaultdict(set)
        for connector in kept.connectors:
            if connector.identity in self.stations:
                self.stations[connector.identity].connectors[connector.connector] = Connector(connector)
        for row in sorted(kept.open_transactions, key=lambda row: row.start_utc_s):
            self.begin(row)
            self._free_if_available(row)

    def station(self, identity: str) -> Station:
        """The station of this identity; made when it is not on the roster (the carrier let it in)."""
        if identity not in self.stations:
            self.stations[identity] = Station(StationRow(identity))
        return self.stations[identity]

    # --- transactions ------------------------------------------------------------------------------------------------

    def begin(self, row: TransactionRow) -> None:
        self.open[row.transaction] = row
        self._by_tag[row.id_tag.lower()].add(row.transaction)
        if row.identity in self.stations:
            self.stations[row.identity].connector(row.connector).transaction = row.transaction

    def end(self, transaction: int) -> None:
        row = self.open.pop(transaction, None)
        if row is None:
            return
        self._by_tag[row.id_tag.lower()].discard(transaction)
        if not self._by_tag[row.id_tag.lower()]:
            del self._by_tag[row.id_tag.lower()]
        if self._occupies(row):
            self.stations[row.identity].connector(row.connector).transaction = None

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


def start_key(row: TransactionRow) -> tuple[str, int, str, int, float]:
    """What makes a StartTransaction the same one told again: a station never has two alike."""
    return row.identity, row.connector, row.id_tag, row.start_wh, row.start_utc_s
