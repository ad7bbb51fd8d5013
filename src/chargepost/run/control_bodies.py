"""What the control API is told and tells, beside the views of `signals`: one frozen type each, strict on the way in."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from chargepost.fleet.faults import FrameRows, Milliseconds
from chargepost.ocpp.messages import AuthorizationStatus, Reason
from chargepost.web import Body

STATIONS_PAGE = 1000
"""Stations in one answer: about half a megabyte. The rest comes with `after`."""

FRAMES_PAGE = 500
"""Frames in one answer: as many as are kept of one station."""

START_TIMEOUT_S = 60.0
"""`start` waits so long unless told: a slow central system, the lock and a sleepy car have time."""

WAIT_MAX_S = 3600.0
"""The longest wait or power cut one request may ask for."""


StationId = Annotated[str, Meta(min_length=1, max_length=48, pattern=r"^[^/?#%\x00-\x1f\x7f]+$")]
"""The identity a station connects under, as it stands in the URL."""
ConnectorNumber = Annotated[int, Meta(ge=1, le=255)]
ConnectorOrStation = Annotated[int, Meta(ge=0, le=255)]
"""0 is the station as a whole."""
IdTag = Annotated[str, Meta(min_length=1, max_length=20)]
Word = Annotated[str, Meta(min_length=1, max_length=50)]
Seconds = Annotated[float, Meta(ge=0, le=WAIT_MAX_S)]


class NewStation(Body, frozen=True):
    """A station to create. `model` is a name of `chargepost models`."""

    id: StationId
    model: Annotated[str, Meta(min_length=1, max_length=100)]
    supervision: Annotated[str, Meta(max_length=512)] | None = None
    settings: dict[str, Annotated[str, Meta(max_length=500)]] = msgspec.field(default_factory=dict)


class CarChanges(Body, frozen=True):
    """What of a car to change; what is absent stays. Currents are per phase."""

    ready: bool | UnsetType = UNSET
    ventilation: bool | UnsetType = UNSET
    asleep: bool | UnsetType = UNSET
    simplified: bool | UnsetType = UNSET
    diode: bool | UnsetType = UNSET
    overdraws: Annotated[float, Meta(ge=1, le=2)] | UnsetType = UNSET
    phases: Annotated[int, Meta(ge=1, le=3)] | UnsetType = UNSET
    max_current_a: float | UnsetType = UNSET
    min_current_a: float | UnsetType = UNSET
    soc_percent: Annotated[float, Meta(ge=0, le=100)] | UnsetType = UNSET
    target_soc: Annotated[float, Meta(ge=0, le=100)] | UnsetType = UNSET


class Car(CarChanges, frozen=True):
    """A car: one that is `like` a known one, with changes."""

    like: str = "Compact"
    battery_wh: float | UnsetType = UNSET
    efficiency: float | UnsetType = UNSET
    power_factor: float | UnsetType = UNSET


class PlugIn(Body, frozen=True):
    """`car`: a known name or a description; null plugs the cable alone. `outlet`: its kind ("TE"), where several share
    the connector's number; without, the first."""

    connector: ConnectorNumber
    car: str | Car | None = "Compact"
    outlet: Annotated[str, Meta(max_length=10)] = ""


class AtConnector(Body, frozen=True):
    connector: ConnectorNumber


class Unplug(AtConnector, frozen=True):
    """`outlet`: its kind, where several share the connector's number; without, the one in use."""

    outlet: Annotated[str, Meta(max_length=10)] = ""


class PresentBadge(Body, frozen=True):
    id_tag: IdTag
    connector: ConnectorNumber | None = None


class Start(Body, frozen=True):
    """`car` is plugged when none is there yet."""

    connector: ConnectorNumber
    id_tag: IdTag
    car: str | Car = "Compact"
    timeout_s: Annotated[float, Meta(gt=0, le=WAIT_MAX_S)] = START_TIMEOUT_S


class Stop(Body, frozen=True):
    connector: ConnectorNumber
    reason: Reason = "Local"


class InjectFault(Body, frozen=True):
    """`code`: a vendor code of the model, or an OCPP errorCode."""

    connector: ConnectorOrStation
    code: Word


class ClearFault(Body, frozen=True):
    """Without `code` every fault of the connector."""

    connector: ConnectorOrStation
    code: Word | None = None


class PowerCycle(Body, frozen=True):
    seconds: Seconds = 5.0


BUTTONS = ("stop", "emergency_stop", "suspend", "key")
"""What a hand can press or turn; the station has a rule for each."""


class Button(Body, frozen=True):
    """ "stop", "emergency_stop", "suspend" or "key" (active: locked); `active` false releases it."""

    name: Word
    active: bool = True


class Input(Body, frozen=True):
    """A wired contact or sensor of the product, as `chargepost models MODEL` lists them: "load_shedding" (of connector
    2, "load_shedding_2"), "detection_loop", "door" ... `active`: it is closed, where the product has a setting for
    normally open or closed; else it is active. Besides, "modem" (it answers), "modem_signal" (it is good), "meter" or
    "meter_2" (that of connector 1 or 2 answers)."""

    name: Word
    active: bool


class LinkFaults(Body, frozen=True):
    """What is absent stays as it is. A cut is silent: neither end is told."""

    cut: bool | None = None
    latency_ms: Milliseconds | None = None
    frames: FrameRows | None = None
    """Rules for OCPP frames, instead of those there are, as in a file of `--faults`; an empty list ends them."""
    seed: int = 1
    """Of the dice of `frames`."""


class SetKey(Body, frozen=True):
    key: Word
    value: Annotated[str, Meta(max_length=500)]


class CacheBadge(Body, frozen=True):
    id_tag: IdTag
    status: AuthorizationStatus


class StationsQuery(Body, frozen=True):
    """Stations in the order of their ids, those past `after`."""

    after: str = ""
    limit: Annotated[int, Meta(ge=1, le=STATIONS_PAGE)] = STATIONS_PAGE


class FramesQuery(Body, frozen=True):
    """Frames past the number `after` (`meta.number` of the last one seen), the newest `limit` of them."""

    after: Annotated[int, Meta(ge=0, le=2**53)] = 0
    limit: Annotated[int, Meta(ge=1, le=FRAMES_PAGE)] = FRAMES_PAGE


class TraceRecord(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """One frame in the open trace format v1.1. `raw` is what went over the wire, secrets masked."""

    schema_version: Literal["1.1"]
    timestamp: str
    transport: Literal["json", "soap"]
    charge_point_id: str
    direction: Literal["cp-to-csms", "csms-to-cp"]
    message_type: Literal["CALL", "CALLRESULT", "CALLERROR"]
    message_id: str = ""
    action: str = ""
    connector_id: int | UnsetType = UNSET
    payload: Any = UNSET
    error: dict[str, Any] | UnsetType = UNSET
    ocpp_version: str = ""
    raw: str = ""
    meta: dict[str, Any] = {}


class Live(msgspec.Struct, frozen=True):
    live: bool = True


class Ready(msgspec.Struct, frozen=True):
    ready: bool = True
