"""The shape of a product file: what is known of one product, release and variant. Loaded, checked, frozen, shared.

Facts about the product, each with its source; nothing about a site, a network or a test. What is unknown is written
down, not guessed. Names are looked up without case, as OCPP compares them.
"""

from typing import Annotated, Literal

import msgspec

KeyType = Literal["bool", "int", "decimal", "string", "list", "measurands", "phase_rotation", "url", "ipv4", "time"]
Access = Literal["R", "RW", "W"]
Clears = Literal["cause", "unplug", "self", "service"]


class KeySpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One configuration key of the product, as its table prints it."""

    name: str = ""
    """As the product spells it."""
    type: KeyType
    access: Access = "RW"
    default: str | None = None
    """None: known but unset (no value in GetConfiguration). `{serial}` and `{meter_public_key}` are filled in."""
    unit: str = ""
    min: float | None = None
    max: float | None = None
    zero: bool = False
    """0 is allowed below `min` (and means off)."""
    allowed: tuple[str, ...] = ()
    max_length: int | None = None
    """Characters."""
    pattern: str = ""
    """A regular expression that the whole of a text has to match."""
    max_items_key: str = ""
    """The key that bounds the number of list items."""
    out_of_range: str | None = None
    """A value out of range is stored as this instead of refused."""
    reboot: bool = False
    """Takes effect after a reboot: answered RebootRequired."""
    setting: str = ""
    """The inner name when the product calls it otherwise (`enableUnknown` is AllowOfflineTxForUnknownId)."""
    per_connector: bool = False
    """The tool has a column for each socket-outlet: the name is that of connector 1, `name/2` that of connector 2,
    which follows connector 1 until it has a value of its own."""
    ocpp_writes: bool = True
    """False: answered Rejected over OCPP although writable elsewhere (the tool, the control API)."""
    meaning: str = ""
    inert: str = ""
    """Why a write has no effect here, when it has none."""
    source: str = ""


class ErrorSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One vendor error: what it means to OCPP, to a charge, and to the person in front of the station."""

    code: str = ""
    name: str
    description: str = ""
    remedy: str = ""
    ocpp: str
    """An OCPP ChargePointErrorCode."""
    stops: bool = True
    """Takes the connector to Faulted and ends a charge; else a warning beside the status."""
    clears: Clears = "cause"
    clears_after_s: float | None = None
    service: bool | None = None
    """Whether somebody of the service has to come; None where the guide does not say."""
    charge_end: int | None = None
    """How a charge that it stops has ended: the number of Modbus register 9, where the product has one."""
    connector_only: bool = True
    """False: a fault of the whole station (connector 0)."""
    variants: tuple[str, ...] = ()
    """Only these variants have it; empty: all."""
    source: str = ""


class InputSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One wired contact or sensor, by what it is for."""

    name: str = ""
    does: Literal["error", "emergency", "shed", "hold", "condition", "detect", "shutter"]
    """While it is active: `error` raises its error; `emergency` ends all charges as well; `shed` limits the current to
    the load shedding set point; `hold` lets no charge begin or go on; `detect` tells of a vehicle; `shutter` is open.
    While it is not: `condition` lets no charge begin."""
    error: str = ""
    """The product's code."""
    each: bool = False
    """Every connector has one: `name` is that of connector 1, `name_2` that of connector 2."""
    function_key: str = ""
    function: str = ""
    """It is wired to this only while the key has this value."""
    normally_key: str = ""
    """The key that says whether the contact is normally open ("true", "Normally open") or closed; without one, what is
    told of it is whether it is active."""
    meaning: str = ""
    source: str = ""


class MeasurandSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One measurand the product can report."""

    name: str = ""
    unit: str | None = None
    """The wire's unit; None: reported without unit."""
    scale: float = 1.0
    """Reading in base units (A, V, W, Wh, varh, Hz, %) times this is the value sent."""
    digits: int = 2
    phases: tuple[str, ...] = ()
    """Phase suffixes that MeterValuesSampledData may name: L1, L1-N, L1-L2 ..."""
    default_phases: tuple[str, ...] = ()
    """Phases reported when the list names the measurand alone; empty: one value without phase."""
    phase_required: bool = False
    """A list may not name the measurand alone."""
    source: str = ""


class ConnectorSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One outlet as it leaves the factory."""

    kind: Literal["T2", "T2S", "T3", "T1", "TE", "cable", "CCS2", "CHAdeMO"]
    phases: Literal[1, 3] = 3
    max_current_a: float = 32.0
    min_current_a: float = 6.0
    lock: bool = True
    """A cable lock at the station's socket; an attached cable has none."""

    @property
    def direct(self) -> bool:
        """Direct current comes out of it: its own current and voltage are the battery's, not the grid's."""
        return self.kind in ("CCS2", "CHAdeMO")


class Variant(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A commercial variant or reference of a line."""

    description: str
    reference: str = ""
    """The commercial reference, as BootNotification may say it."""
    connectors: tuple[ConnectorSpec, ...]
    power_w: float | None = None
    """What the cabinet gives to all outlets together (DC)."""
    keys: dict[str, str] = {}
    """Defaults that differ in this variant."""
    reader: bool | None = None
    """A badge reader is built in; None: as `Authentication.reader` says of the line."""
    signed_values: bool = False
    """The meter signs its value at begin and end of a charge (Eichrecht)."""
    source: str = ""


class Identity(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What BootNotification says. `{serial}` and `{reference}` are filled from the station's identity."""

    vendor: str
    model: str
    reference: str = ""
    """As much of the commercial reference as is known of a variant that has none: `{connectors}` is their number."""
    firmware: str
    charge_point_serial: str | None = None
    charge_box_serial: str | None = None
    meter_type: str | None = None
    meter_serial: str | None = None
    truncate_serials_key: str = ""
    """The key that cuts both serial numbers to the 25 characters OCPP allows."""
    source: str = ""


class Authentication(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How this product decides who may charge."""

    mode_key: str = ""
    """A bool key: true = badges are asked for, false = everybody charges with the default idTag."""
    default_tag_key: str = ""
    reader: bool = True
    """A badge reader is built in."""
    plug_starts_offline: bool = False
    """Without a central system, or while it is out of reach, whoever plugs in charges with the default idTag."""
    remote_unplugged_key: str = ""
    """A bool key: true = a remote start waits for the car (ConnectionTimeOut), false = it is rejected without one."""
    shown_connector: bool = False
    """With several cars plugged in, a badge is for the connector the screen shows; with none it is not taken."""
    refuse_plugged_since_stop: bool = False
    """A remote start is refused while the cable has stayed plugged since the last stop."""
    source: str = ""


class Transport(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How it speaks to its supervision. Keys are inner names."""

    url_key: str = "SupervisionUrl"
    identity_key: str = "BoxIdentifier"
    enable_key: str = ""
    """A bool key that turns OCPP on; empty: on when there is a URL."""
    password_key: str = "AuthorizationKey"  # noqa: S105 - the name of the key, not its value
    call_timeout_key: str = ""
    call_timeout_s: float = 30.0
    connect_timeout_key: str = ""
    connect_timeout_s: float = 30.0
    silence_key: str = ""
    """Communication counts as lost when nothing came in for so long."""
    boot_retry_key: str = ""
    boot_retry_s: float = 60.0
    backoff_least_s: Annotated[float, msgspec.Meta(ge=0.1, le=3600)] = 2.0
    """From a link that was lost, or a first dial that failed, to the next dial at least (RetryBackOffWaitMinimum of
    OCPP 2.0.1). No guide says when its station dials again: this and the range are ours, and chosen so that a fleet
    whose central system returns is back within half a minute, with few more in one second than in another."""
    backoff_range_s: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 30.0
    """Up to so much is drawn on top (RetryBackOffRandomRange), and after further failures each dial comes so much
    later. 0 lets a herd come at once."""
    source: str = ""


class Messages(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which actions exist, both ways. What is not listed is answered NotSupported (known) or NotImplemented."""

    sends: tuple[str, ...]
    answers: tuple[str, ...]
    triggers: tuple[str, ...] = ()
    """What TriggerMessage may ask for; empty: all that the station can send."""
    comments: dict[str, str] = {}
    source: str = ""


class SmartCharging(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Restrictions of SetChargingProfile and its kin."""

    units: tuple[Literal["A", "W"], ...] = ()
    purposes: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    recurrencies: tuple[str, ...] = ()
    refused_attributes: tuple[str, ...] = ()
    ignored_attributes: tuple[str, ...] = ()
    composite_connector_zero: bool = True
    connector_kinds: tuple[str, ...] = ()
    """Kinds of outlets that take profiles; empty: all."""
    min_limit_w: float | None = None
    """A limit above 0 and below this is refused (Q-090)."""
    residual_a_per_module: float | None = None
    """What still flows at a limit of 0 (DC)."""
    while_setting: dict[str, tuple[str, ...]] = {}
    """Profiles are accepted only while each key here has one of its values (Q-189: EMsetting 2 or 3)."""
    source: str = ""


class AfterPowerCut(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What becomes of an open transaction (Q-188)."""

    resumes: bool = False
    delay_key: str = ""
    """Seconds between the return of power and resuming the load."""
    source: str = ""


class DataTransferSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One message of the vendor's own."""

    vendor: str
    message: str
    direction: Literal["in", "out"]
    enable_key: str = ""
    data: str = ""
    source: str = ""


RegisterType = Literal["uint16", "uint32", "int64", "float", "enum", "bits", "text"]

Meaning = Literal[
    "apparent_power", "booking_badge", "charge_status", "charge_time", "command", "command_status", "cpw_state",
    "current_average", "current_l1", "current_l2", "current_l3", "degraded_mode", "energy", "error_status", "frequency",
    "life_bit", "limit", "limit_author", "ocpp_status", "offered_current", "postponed_start", "power", "power_factor",
    "power_l1", "power_l2", "power_l3", "reactive_energy", "session_energy", "session_time", "set_point",
    "station_set_point", "vehicle_present", "vehicle_state", "voltage_average", "voltage_l1", "voltage_l2",
    "voltage_l3",
]  # fmt: skip
"""What a register may show or set, besides a key; `energy/remote.py` has a row for each."""


class RegisterSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One value of the Modbus map, under its meaning (or, with `key`, under any name)."""

    name: str = ""
    address: Annotated[int, msgspec.Meta(ge=0, le=65535)]
    """On the wire, of the first word."""
    words: Annotated[int, msgspec.Meta(ge=1, le=123)] = 1
    """Registers of 16 bits; no more than one write can carry."""
    type: RegisterType
    access: Literal["R", "RW"] = "R"
    unit: str = ""
    scale: float = 1.0
    """What is shown is the value in base units (A, V, W, Wh, varh, Hz, s) times this."""
    min: float | None = None
    max: float | None = None
    """Of what may be written, as it stands in the register."""
    values: dict[str, int] = {}
    """The number of each word that an enum shows, or the bit of each vendor error."""
    writes: dict[str, int] = {}
    """The number of each word that an enum takes."""
    other: int | None = None
    """The number for a word that is not in `values`."""
    key: str = ""
    """The configuration key it shows and sets."""
    meaning: str = ""
    source: str = ""


class ModbusSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The station as a Modbus server: what switches it on, and how it is controlled. Its map is `Model.registers`."""

    enable_key: str = ""
    """A bool key without which it answers nobody; empty: it is always on."""
    control_key: str = ""
    """A bool key without which nothing can be written; empty: whoever is answered may write."""
    low_word_first: bool
    """The word order of values that have several: true begins with the low word."""
    life_timeout_s: Annotated[float, msgspec.Meta(gt=0, le=3600)]
    """A controller that writes no life bit for so long is lost."""
    lost_error: str
    """The vendor code that the station shows while its controller is lost."""
    degraded_single_key: str
    """The key with the current (A) that a single-phase charge does not exceed then."""
    degraded_three_key: str
    """The same of a three-phase charge, per phase."""
    degraded_raises: bool
    """These stand instead of what the controller allowed last; false: the lower of both does."""
    source: str = ""


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One product, release and variant; immutable and shared by all its stations."""

    line: str
    """evlink-pro-ac"""
    release: str
    """2.0.1 or R7: what stands after the @."""
    variant: str
    """A key of `variants`: what stands after the slash."""
    title: str
    dialects: tuple[str, ...]
    reference_prefixes: tuple[str, ...] = ()
    """How commercial references of the line begin, where a guide prints no more of them."""
    identity: Identity
    variants: dict[str, Variant]
    messages: Messages
    keys: dict[str, KeySpec]
    """By lower-case name, in the order of the guide: all that GetConfiguration shows."""
    hidden: dict[str, KeySpec]
    """Standard keys the product does not show, by lower-case name: their defaults still rule its behaviour."""
    errors: dict[str, ErrorSpec]
    """By vendor code."""
    measurands: dict[str, MeasurandSpec]
    inputs: dict[str, InputSpec] = {}
    """Wired contacts and sensors, by name."""
    transport: Transport
    authentication: Authentication
    smart_charging: SmartCharging
    after_power_cut: AfterPowerCut = AfterPowerCut()
    data_transfers: tuple[DataTransferSpec, ...] = ()
    file_transfers: tuple[str, ...] = ()
    modbus: ModbusSpec | None = None
    registers: dict[str, RegisterSpec] = {}
    """The Modbus map, by meaning."""
    quirks: dict[str, dict[str, str | int | float | bool]] = {}
    sources: dict[str, str] = {}
    """Short name -> document, section, edition."""
    unknown: dict[str, str] = {}

    @property
    def name(self) -> str:
        """evlink-pro-ac/socket@2.0.1"""
        return f"{self.line}/{self.variant}@{self.release}"

    @property
    def connectors(self) -> tuple[ConnectorSpec, ...]:
        return self.variants[self.variant].connectors

    def key(self, name: str) -> KeySpec | None:
        """The row that rules a key, shown or hidden, by any of its names; None for an unknown one."""
        lower = name.lower()
        return self.keys.get(lower) or self.hidden.get(lower)
