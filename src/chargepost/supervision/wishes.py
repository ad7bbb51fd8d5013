"""What the central system wants done, and the rows it wants kept. Frozen values, no behaviour.

`utc_s` is seconds since 1970 in UTC. A station is named by its identity, the last part of its connection URL.
"""

import msgspec

from chargepost.signals import Level


class Value(msgspec.Struct, frozen=True, gc=False):
    """A row or a wish."""


# --- rows: what must outlive a power cut ----------------------------------------------------------------------------


class StationRow(Value, frozen=True):
    """One station of the roster, as a whole: what the operator says of it and what it says of itself."""

    identity: str
    boot_policy: str = "Accepted"
    """What its next BootNotification is answered: Accepted, Pending or Rejected."""
    registration: str = ""
    """What its last BootNotification was answered; empty before the first one ever."""
    password_hash: str = ""
    """`roster.hash_password`; empty: no password set."""
    vendor: str = ""
    model: str = ""
    serial_number: str = ""
    firmware: str = ""


class TransactionRow(Value, frozen=True):
    """One transaction as StartTransaction tells it. Unique in all fields but the last two."""

    identity: str
    connector: int
    id_tag: str
    start_wh: int
    start_utc_s: float
    transaction: int
    """The number proposed; the ledger answers with the one that holds when the same start was told before."""
    id_tag_status: str
    """What the badge was judged: Accepted, Blocked, Expired, Invalid, ConcurrentTx."""
    reservation: int | None = None


class StopRow(Value, frozen=True):
    """The end of a transaction of this very station; the first one told holds."""

    identity: str
    transaction: int
    stop_wh: int
    stop_utc_s: float
    reason: str
    stop_id_tag: str = ""


SUPERSEDED = "Superseded"
"""Our own reason, no word of OCPP: no stop was told, and another transaction began on the connector."""


class SupersededRow(Value, frozen=True):
    """The end of a transaction whose stop may never come; a stop that is told after all replaces it.

    Holds only if the ledger took `by` as a new start: it stands behind it in the same piece.
    """

    identity: str
    transaction: int
    stop_wh: int
    stop_utc_s: float
    """Of the last known register."""
    at_utc_s: float
    """Now: of the event that goes with it."""
    by: TransactionRow

    @property
    def words(self) -> str:
        return (
            f"transaction {self.transaction} on connector {self.by.connector} closed at {self.stop_wh} Wh without a "
            f"stop: transaction {self.by.transaction} began there"
        )


class MeterRow(Value, frozen=True):
    """One MeterValue: what was measured at one instant. The same row told twice is one row."""

    identity: str
    connector: int
    transaction: int
    """0: outside a transaction."""
    measured_utc_s: float
    samples: bytes
    """The list of SampledValue as JSON."""


class ConnectorRow(Value, frozen=True):
    """The last StatusNotification of a connector."""

    identity: str
    connector: int
    status: str
    error: str
    since_utc_s: float
    info: str = ""
    vendor_error: str = ""


class EventRow(Value, frozen=True):
    """Something worth knowing later: a fault, a firmware step, a security event, a stop nobody can place."""

    identity: str
    at_utc_s: float
    event: str
    text: str


class BadgeRow(Value, frozen=True):
    """What a badge may do. Compared without case (CiString)."""

    id_tag: str
    status: str = "Accepted"
    """Accepted, Blocked or Invalid; Expired follows from the date."""
    parent: str = ""
    expiry_utc_s: float | None = None
    comment: str = ""


class BadgeGone(Value, frozen=True):
    """The badge is taken off the table."""

    id_tag: str


class StationGone(Value, frozen=True):
    """The station is taken off the roster; its transactions stay."""

    identity: str


class RefusedRow(Value, frozen=True):
    """Handshakes refused, counted by who and why."""

    identity: str
    peer: str
    reason: str
    status: int
    count: int
    last_utc_s: float


Row = (
    StationRow | TransactionRow | StopRow | SupersededRow | MeterRow | ConnectorRow | EventRow | BadgeRow | BadgeGone
    | StationGone | RefusedRow
)  # fmt: skip


class Begun(Value, frozen=True):
    """The ledger's word on a TransactionRow, read after it was written."""

    transaction: int
    open: bool


class Kept(msgspec.Struct, frozen=True):
    """All a ledger hands to a central system that begins to run."""

    life: int = 1
    """How often a central system began to run on this ledger; message ids are built on it."""
    stations: tuple[StationRow, ...] = ()
    connectors: tuple[ConnectorRow, ...] = ()
    open_transactions: tuple[TransactionRow, ...] = ()
    badges: tuple[BadgeRow, ...] = ()
    refused: tuple[RefusedRow, ...] = ()
    metered: tuple[MeterRow, ...] = ()
    """The last meter values of open transactions."""
    superseded: tuple[TransactionRow, ...] = ()
    """Transactions we closed ourselves: their stop may still come. The oldest first."""


# --- wishes ---------------------------------------------------------------------------------------------------------


class Send(Value, frozen=True):
    """Send one text message to the station."""

    identity: str
    data: bytes


class Ping(Value, frozen=True):
    """Send a WebSocket ping; answered by `Central.ponged`."""

    identity: str


class HangUp(Value, frozen=True):
    """Close the link. For Central it is gone already: nothing more of this link may be told."""

    identity: str
    code: int
    reason: str


class Admit(Value, frozen=True):
    """The handshake with this ticket may be finished; answered by `Central.opened`, or `gave_up` when it broke."""

    ticket: int


class Refuse(Value, frozen=True):
    """The handshake with this ticket is answered with an HTTP status."""

    ticket: int
    status: int
    reason: str


class Store(Value, frozen=True):
    """Write the rows as one piece; answered by `Central.stored(token)` once they are durable.

    A piece holds at most one TransactionRow, and then the answer carries what the ledger made of it. Token 0: no
    answer is awaited.
    """

    token: int
    rows: tuple[Row, ...]


class Answered(msgspec.Struct, frozen=True):
    """What became of a command of ours."""

    ticket: int
    payload: msgspec.Struct | None = None
    """The station's answer: the valid `...Response` message."""
    error: str = ""
    """A CALLERROR code, or one of ours: Offline, Busy, Silent, LinkLost."""
    description: str = ""


class Note(Value, frozen=True):
    """A line for the log. Never holds a secret."""

    level: Level
    event: str
    text: str
    identity: str = ""


Wish = Send | Ping | HangUp | Admit | Refuse | Store | Answered | Note
