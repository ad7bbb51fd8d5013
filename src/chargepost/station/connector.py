"""Facts of one connector; every rule about them stands elsewhere."""

from dataclasses import dataclass
from math import inf
from typing import NamedTuple

import msgspec

from chargepost.catalogue.model import ConnectorSpec, ErrorSpec
from chargepost.ocpp.messages import ChargingProfile
from chargepost.signals import Demand, Limit, PilotState, Reading
from chargepost.station.core import EMPTY
from chargepost.station.usage import Usage


class Grant(NamedTuple):
    """Somebody may charge here."""

    id_tag: str
    parent: str | None
    how: str
    """What decided: "cache", "central system", "offline", "remote start", "free charging" ..."""
    profile: ChargingProfile | None = None
    """What a remote start brought, for the transaction to come."""


class Transaction(msgspec.Struct, gc=False, omit_defaults=True):
    """An open transaction: what is kept of it through a power cut."""

    name: str
    """The station's own, unique for ever: starts of the program, then a counter."""
    connector: int
    id_tag: str
    start_utc_s: float
    start_wh: int
    last_wh: float
    """The last reading on disk, and when it was."""
    last_utc_s: float
    parent: str | None = None
    number: int | None = None
    refused: bool = False
    """The central system did not accept it: no energy, or only MaxEnergyOnInvalidId."""
    cap_wh: float | None = None
    """The register at which the energy granted to a refused badge is used up (MaxEnergyOnInvalidId)."""
    charged_s: float = 0.0
    """Seconds up to the last reading on disk, by the monotonic clock."""
    kept_readings: int = 0
    """How many readings were kept for StopTransaction.transactionData so far: the number of the next."""
    exchanged: bool = False
    """Another meter came while it ran."""
    apart_s: float = 0.0
    """The row of them was thinned: the next is kept no sooner than this after the last."""
    phases: int = 0
    """On how many current was last seen to flow; 0: on none yet."""


@dataclass(slots=True)
class Stopping:
    """Why and by whom a transaction is being stopped; the contactor opens, then the register is read."""

    reason: str
    id_tag: str | None


NO_LIMIT = Limit(0.0, "nothing offered")

OF_A_VISIT = frozenset({"suspended", "postponed"})
"""Modes that are over when the visit is."""

ATTACHED = frozenset({"cable", "T1", "CCS2", "CHAdeMO"})
"""Outlets whose cable never leaves the station: what is plugged in there is the car. T1 is a connector at the end of a
cable in the guides (commissioning guide of the EVlink family, Socket-outlets)."""


class Connector:
    """One outlet as the station knows it."""

    __slots__ = (
        "allowed", "allowed_phases", "asked_freely", "balanced", "base_wh", "began_at", "cable_in", "cable_rating_a",
        "closed_at", "closed_s", "contactor", "cut_at", "demand", "ev_held", "ev_left", "ev_offered_at", "fades_at",
        "fading_a", "faults", "faults_since", "flowing", "grant", "hot_a", "idle", "interrupted", "jammed",
        "last_charge", "last_error", "last_start_utc_s", "light", "limit", "limit_rests_on", "limited_by",
        "lock_wanted", "locked", "met_offline", "modes", "number", "offered_a", "offered_at", "operative",
        "out_when_free", "overheated", "own_wh", "part_a", "paused", "pilot", "plugged_since_stop", "power_wanted",
        "powered", "pulsed", "read_at", "reading", "register_wh", "release", "reported", "reported_at", "reservation",
        "resume_at", "risen_at", "shut", "silent_polls", "simplified", "spec", "started_at", "starting", "status",
        "status_since", "stopping", "stuck", "takes_a", "token", "transaction", "unlock_call", "usage",
        "wanted_since_utc_s",
    )  # fmt: skip

    def __init__(self, number: int, spec: ConnectorSpec) -> None:
        self.number = number
        self.spec = spec
        # hardware
        self.pilot: PilotState = "A"
        self.ev_held = False
        """A car was there when the pilot broke."""
        self.cable_in = spec.kind in ATTACHED
        self.cable_rating_a = spec.max_current_a
        self.locked = False
        self.jammed = False
        self.contactor = False
        self.stuck = False
        """It is not where it was sent, and has had its time."""
        self.cut_at: float | None = None
        """The car has been told to stop drawing; then the contactor opens whether it has or not."""
        self.pulsed = False
        """The car is awake, or was woken, since it was offered current."""
        self.reading: Reading | None = None
        self.read_at = 0.0
        """When that was."""
        self.hot_a = inf
        """What its temperature leaves of its current."""
        self.overheated = False
        """Its own readings have raised the error of its temperature."""
        self.silent_polls = 0
        """Questions in a row that the meter left unanswered, as far as the product counts them."""
        self.own_wh: float | None = None
        """What the meter itself said last; None: it has not been heard in this life."""
        self.base_wh = 0.0
        """What the station adds to it, since meters were exchanged."""
        self.register_wh = 0.0
        """The highest register on disk."""
        # the visit
        self.usage = Usage.FREE
        self.grant: Grant | None = None
        self.ev_offered_at: float | None = None
        """Since when the car has been offered current while the transaction has not begun."""
        self.ev_left = False
        """The plug was pulled at the car during the transaction."""
        self.flowing = 0
        """Phases on which this car was last seen to charge; 0: not yet."""
        self.powered = False
        """This charge has had power since the start of the program."""
        self.asked_freely = False
        """The central system was asked about the default idTag in this visit."""
        self.met_offline = False
        """Plugged in while the central system was not there, and not seen by it since."""
        self.interrupted = False
        """The row of samples has a gap: a silent meter, or a power cut."""
        self.starting = False
        """The register is being read for a start."""
        self.transaction: Transaction | None = None
        self.token = 0
        """The transaction is on disk once this token is durable; no power before."""
        self.started_at = 0.0
        self.closed_at: float | None = None
        """Since when the contactor is closed; None: it is open."""
        self.closed_s = 0.0
        """How long it was closed in this transaction, before that."""
        self.began_at: float | None = None
        """When the transaction began, in monotonic seconds; None: before this start of the program."""
        self.stopping: Stopping | None = None
        self.idle = False
        """The car takes nothing of what is shared (profiles.py)."""
        self.paused = False
        """The push button holds the charge."""
        self.shut: frozenset[str] = EMPTY
        """Why nobody new may charge: the key is turned, an update waits; empty when somebody may."""
        self.modes: frozenset[str] = EMPTY
        """What an external system has made of it, by the words of electrics.EVSE_STATUS: "booked", "suspended",
        "unavailable", "maintenance", "postponed", "cluster", "vip"."""
        self.simplified = False
        """The car has a simplified control pilot: it went from A to C with no B between."""
        self.last_error = "Not_Initialized"
        """The last of electrics.LAST_ERRORS, kept after it is over."""
        self.last_charge = 255
        """How the last charge ended, a number of electrics.LAST_CHARGE."""
        self.resume_at: float | None = None
        """After a power cut: no power before (RestoreTimeout)."""
        self.plugged_since_stop = False
        self.release: Grant | None = None
        """The cable stays locked until this badge or its group is shown (errata 3.17)."""
        self.last_start_utc_s = 0.0
        # overlays
        self.reservation: int | None = None
        """The id of what holds it: its own reservation, or one of the station's that needs the last ones free."""
        self.faults: dict[str, ErrorSpec] = {}
        self.faults_since: dict[str, float] = {}
        """When each came (UTC s), also of those that are over."""
        self.operative = True
        self.out_when_free = False
        """ChangeAvailability is scheduled."""
        # what is shared with others
        self.allowed: Limit | None = None
        """By the site; None outside of one."""
        self.allowed_phases = 3
        self.balanced: Limit | None = None
        """By the station, which divides its power; None while nobody else is there."""
        self.part_a: float | None = None
        """Of a set point for all connectors (external.py), while it is in use; None: there is none, or nobody else."""
        self.demand: Demand | None = None
        """As the site was told last."""
        self.wanted_since_utc_s: float | None = None
        self.takes_a = inf
        """What the car was seen to take of its offer, with something to spare; inf: all of it, or not seen yet."""
        self.fading_a = self.fades_at = self.risen_at = 0.0
        """The offer before it was lowered, and until when a car may still go by it; when it was raised last."""
        self.limit = NO_LIMIT
        self.limit_rests_on: tuple[object, ...] = ()
        # last told to the hardware and to the central system
        self.offered_a = 0.0
        self.offered_at = 0.0
        """Since when it is so much."""
        self.power_wanted = False
        self.lock_wanted = False
        self.light = ""
        self.limited_by = ""
        """Who limits the charge, as the log was told."""
        self.status = ""
        self.status_since = 0.0
        self.reported: tuple[str, str, str, str] | None = None
        self.reported_at = 0.0
        self.unlock_call: str | None = None

    def fault(self, code: str, spec: ErrorSpec, utc_s: float) -> None:
        """There is this fault, since this date when it is new."""
        if code not in self.faults:
            self.faults[code] = spec
            self.faults_since[code] = utc_s

    @property
    def ev_in(self) -> bool:
        """A car is at the other end; a pilot that is shorted (E) or away (F) cannot tell that it left."""
        return self.ev_held if self.pilot in ("E", "F") else self.pilot != "A"

    @property
    def plugged(self) -> bool:
        """Something is plugged in that a visit is about: the cable at the socket, the car at an attached cable."""
        return self.ev_in if self.spec.kind in ATTACHED else self.cable_in

    @property
    def free(self) -> bool:
        """Somebody new may be let in here, as far as the connector goes."""
        in_use = self.transaction is not None or self.grant is not None or self.starting
        return self.operative and not self.shut and not self.blocked and not in_use

    @property
    def wants_out(self) -> bool:
        """A fault that ends with unplugging: the cable is not held for a charge that cannot begin.

        Not of the lock itself, which would be sent to and fro.
        """
        return any(f.stops and f.clears == "unplug" and f.ocpp != "ConnectorLockFailure" for f in self.faults.values())

    @property
    def blocked(self) -> bool:
        """A fault forbids charging."""
        return any(fault.stops for fault in self.faults.values())
