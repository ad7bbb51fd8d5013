"""What passes between rooms: facts in, wishes out, views and records. Frozen values, no behaviour.

A carrier (`run/` on real sockets, `fleet/` in virtual time) tells a station `Fact`s and does its `Wish`es.
`now` is always monotonic seconds; a date is seconds since 1970 in UTC and its name ends in `utc_s`.
Connector numbers are OCPP's: 1 and up, 0 is the station as a whole.
"""

from typing import Literal

import msgspec

PilotState = Literal["A", "B", "C", "D", "E", "F"]
"""Vehicle side of the control pilot (IEC 61851-1): A nothing, B connected, C ready, D ready with ventilation,
E short circuit, F no pilot."""

Level = Literal["debug", "info", "warning", "error"]


class Signal(msgspec.Struct, frozen=True, gc=False):
    """Anything that passes from one room to another."""


class Holder(msgspec.Struct, frozen=True):
    """A signal that holds containers."""


# --- facts: what a station is told ----------------------------------------------------------------------------------


class LinkUp(Signal, frozen=True):
    """The WebSocket is open; `subprotocol` is what the central system agreed to (empty when it agreed to none)."""

    subprotocol: str


class LinkDown(Signal, frozen=True):
    """The WebSocket closed, or a dial failed. `status` is the HTTP status of a refused handshake."""

    reason: str
    status: int | None = None
    untrusted: bool = False
    """The peer's certificate was refused."""


class FrameReceived(Signal, frozen=True):
    """One WebSocket text message, as bytes, not yet judged."""

    data: bytes


class PongReceived(Signal, frozen=True):
    """The answer to our ping."""


class ClockSet(Signal, frozen=True):
    """The date, from NTP, an installer or the machine; the central system's comes in its answers.

    `now` and `utc_s` are the same instant on both clocks.
    """

    utc_s: float
    source: str


class Remembered(Signal, frozen=True):
    """All that was wished with `Remember` up to this token is on disk."""

    token: int


class NotRemembered(Signal, frozen=True):
    """The disk refuses (full, failing). Nothing is lost yet: the carrier keeps trying; `Remembered` ends it."""

    reason: str


class PilotChanged(Signal, frozen=True):
    """The vehicle side of the control pilot, debounced by the driver."""

    connector: int
    state: PilotState
    diode: bool = True
    """The negative half of a modulated pilot reaches -12 V: the vehicle's diode is sound. Unmodulated, nobody can
    tell, and it counts as sound."""


class CableChanged(Signal, frozen=True):
    """The cable at the station's socket; `rating_a` from the proximity pilot (13, 20, 32, 63 A; 0: no valid value).

    An attached cable is always plugged on the station's side; its driver says so once at the start.
    """

    connector: int
    plugged: bool
    rating_a: float


class LockChanged(Signal, frozen=True):
    """The cable lock of a socket; `jammed` when it did not reach the position it was sent to."""

    connector: int
    locked: bool
    jammed: bool = False


class PowerSwitched(Signal, frozen=True):
    """The contactor's own position."""

    connector: int
    closed: bool


class Reading(Signal, frozen=True):
    """What a meter says at one instant. Per-phase values are L1, L2, L3 (0 where a phase is absent)."""

    energy_wh: float
    """Active import register since the meter left the factory; never falls."""
    current_a: tuple[float, float, float]
    voltage_v: tuple[float, float, float]
    power_w: tuple[float, float, float]
    """Active import per phase."""
    power_factor: float = 1.0
    frequency_hz: float = 50.0
    reactive_varh: float = 0.0
    """Reactive import register."""
    soc_percent: float | None = None
    temperature_c: float = 25.0


class MeterRead(Signal, frozen=True):
    """The answer to `ReadMeter` with the same ticket; no reading when the meter is silent.

    Ticket 0 answers nobody: the driver has noticed by itself that the meter is silent.
    """

    connector: int
    ticket: int
    reading: Reading | None


class Overdrawn(Signal, frozen=True):
    """A car has drawn more than it is offered for longer than it may take to follow: its meter is worth a look."""

    connector: int


class BadgePresented(Signal, frozen=True):
    """A badge at the reader; `connector` when the reader or the screen belongs to one."""

    id_tag: str
    connector: int | None = None


class ButtonPressed(Signal, frozen=True):
    """A push button, key switch or emergency stop, by its name: "stop", "emergency_stop", "key" ..."""

    name: str
    active: bool = True


class InputChanged(Signal, frozen=True):
    """A wired contact, door, tilt or detection loop, by its name in the product file: active, or closed where the
    product has a setting that says whether it is normally open or closed."""

    name: str
    active: bool


class FaultRaised(Signal, frozen=True):
    """A fault found by the hardware or injected: a vendor code of the model, or an OCPP errorCode."""

    connector: int
    code: str


class FaultCleared(Signal, frozen=True):
    """The cause of a fault is gone; every fault of the connector when `code` is None."""

    connector: int
    code: str | None = None


class SettingChanged(Signal, frozen=True):
    """The owner sets a key, past the access rules of OCPP."""

    key: str
    value: str
    by: str = "the owner"
    """Who it is, for whoever reads the key later."""
    at_once: bool = True
    """Also what the product takes at a reboot only works at once."""


class BadgeCached(Signal, frozen=True):
    """The owner puts a badge into the authorization cache; `status` is an OCPP AuthorizationStatus."""

    id_tag: str
    status: str


class BadgeCommented(Signal, frozen=True):
    """The owner writes up to 50 characters beside a badge, for its charge records; nothing takes it away."""

    id_tag: str
    comment: str


BadgeType = Literal["User", "VIP", "Admin"]
"""The rights of a badge on the station's own list (commissioning guide, chapter 5)."""


class OwnBadge(Signal, frozen=True):
    """A badge on the station's own list."""

    number: int
    id_tag: str
    type: BadgeType = "User"
    comment: str = ""
    """Up to 50 characters."""


class BadgeKept(Signal, frozen=True):
    """The owner puts a badge on the station's own list, or changes it there; without a comment, that stays."""

    id_tag: str
    type: BadgeType = "User"
    comment: str | None = None


class BadgesDropped(Holder, frozen=True):
    """The owner takes badges off the station's own list."""

    id_tags: tuple[str, ...]


class BadgesReplaced(Holder, frozen=True):
    """The station's own list is this one from now on."""

    badges: tuple[OwnBadge, ...]


class LearnBadges(Signal, frozen=True):
    """For half a minute, a badge at the reader is added to the own list or removed; empty: no longer."""

    mode: Literal["add", "remove", ""]


class RemoteAuthorized(Signal, frozen=True):
    """A system that is neither the reader nor the OCPP supervision lets somebody in, or reads a badge elsewhere."""

    id_tag: str
    connector: int | None = None


class ModemState(Signal, frozen=True):
    """What a modem says of itself."""

    rssi: int
    """Strength of its signal, 0 to 31 as modems count (3GPP TS 27.007, 8.5)."""
    public_ip: str
    """Where the station is reached from outside."""
    sim_ip: str
    """Of the SIM card in the operator's network."""
    dns: str


class ModemRead(Signal, frozen=True):
    """The answer to `ReadModem`; no state when the modem is silent."""

    modem: ModemState | None


class Tic(Signal, frozen=True):
    """What the meter of a French house says of itself by tele-information."""

    mode: Literal["historic", "standard"]
    subscribed_a: float
    """Per phase: what the house may draw."""
    load_a: tuple[float, float, float]
    """What it draws, the station included: L1, L2, L3, 0 where there is no such phase."""
    phases: int = 1


class TicRead(Signal, frozen=True):
    """A frame of the TIC; none when the meter has fallen silent. Told by itself: nobody asks for it."""

    tic: Tic | None


class NtpSilent(Signal, frozen=True):
    """The time server does not answer. One that does is a `ClockSet` with the source "NTP"."""

    server: str


class Fetched(Signal, frozen=True):
    """The answer to `Fetch`: the whole file is here, and stays through a power cut until `Discard`."""

    job: str
    size_bytes: int


class Examined(Signal, frozen=True):
    """The answer to `Examine`: what a fetched file is."""

    job: str
    verdict: Literal["good", "missing", "forged", "damaged", "unsigned", "foreign"]
    """A firmware of this product; not here any more; not what the certificate of `Examine` signed; a broken or
    unreadable file; nobody trusted signed it; somebody else's firmware."""
    model: str = ""
    """What a good image makes of this station, as a model's full name."""
    reason: str = ""
    """For people: what is wrong with it."""


class FirmwareBrought(Signal, frozen=True):
    """Somebody has brought a firmware file to the station: it lies under this name, until `Discard`."""

    job: str


class Sent(Signal, frozen=True):
    """The answer to `SendReport`: the receiver has taken the whole file."""

    job: str
    size_bytes: int


class TransferFailed(Signal, frozen=True):
    """The answer to `Fetch` or `SendReport`: it did not come to its end, and why."""

    job: str
    reason: str


ExternalWord = Literal[
    "acknowledge", "force_stop", "suspend", "restart", "set_available", "set_unavailable", "set_maintenance", "book",
    "postpone",
]  # fmt: skip
"""What an external system (a building management system over Modbus) may command."""


class ExternalSetPoint(Signal, frozen=True):
    """An external system sets the most current per phase of a connector, or (0) of all of them together; 0 A pauses."""

    connector: int
    current_a: float


class ExternalLife(Signal, frozen=True):
    """An external system shows that it lives, or (`on` false) ends its control."""

    connector: int
    on: bool = True


class ExternalCommand(Signal, frozen=True):
    """An external system commands a connector."""

    connector: int
    command: ExternalWord
    id_tag: str = ""
    """Whose badge a booking is for; empty: nobody's."""
    delay_s: float = 0.0
    """How long a postponed start waits; 0: until `restart`."""


class ExternalOperand(Signal, frozen=True):
    """What an external system writes ahead of a command that needs more than its number; None leaves it as it is."""

    connector: int
    id_tag: str | None = None
    delay_s: float | None = None


class StopAsked(Signal, frozen=True):
    """A local stop with an OCPP reason."""

    connector: int
    reason: str = "Local"


class ScreenTouched(Signal, frozen=True):
    """The connector now shown on a DC station's screen."""

    connector: int


class Restored(Signal, frozen=True):
    """Back to factory settings, by hand."""


class RestartAsked(Signal, frozen=True):
    """Begin the program anew, by hand: charges end and are told first."""

    why: str


class Managed(Signal, frozen=True):
    """The station is one of a site that gives out its current, for the rest of this life of its program.

    Without an allowance a connector offers nothing; when one is not renewed in time, no more than `floor_a`.
    """

    floor_a: float


class Allowance(Signal, frozen=True):
    """What a connector of a managed site may draw per phase, for so long from now on (`inf`: until another comes)."""

    connector: int
    current_a: float
    author: str
    valid_s: float
    is_vip: bool = False
    """Who charges goes before others."""
    phases: int = 3
    """On so many, as it was demanded; for a charge on more it is nothing."""


class Started(Signal, frozen=True):
    """The program of the station begins to run; the first fact of every life. `utc_s` is the machine's date."""

    utc_s: float
    speed: float = 1.0
    """How much faster this world runs than its peers do. Unless it is 1, their dates are not taken (they would throw
    ours back), and their answers are waited for in their own seconds."""


class Ending(Signal, frozen=True):
    """The program is about to be stopped in good order: what can be kept of a running charge is read and kept."""


Fact = (
    ExternalSetPoint | ExternalLife | ExternalCommand | ExternalOperand | LinkUp | LinkDown | FrameReceived
    | PongReceived | ClockSet | Remembered | NotRemembered | PilotChanged | CableChanged | LockChanged | PowerSwitched
    | MeterRead | Overdrawn | BadgePresented | ButtonPressed | InputChanged | FaultRaised | FaultCleared
    | SettingChanged | BadgeCached | StopAsked | ScreenTouched | Restored | Started | RestartAsked | Ending | Managed
    | Allowance | BadgeCommented | BadgeKept | BadgesDropped | BadgesReplaced | LearnBadges | FirmwareBrought
    | RemoteAuthorized | ModemRead | TicRead | NtpSilent | Fetched | Examined | Sent | TransferFailed
)  # fmt: skip


# --- wishes: what a station wants done ------------------------------------------------------------------------------


class Dial(Signal, frozen=True):
    """Open the WebSocket at `url` (identity already in it). Answered by `LinkUp` or `LinkDown`."""

    url: str
    subprotocols: tuple[str, ...]
    user: str
    password: bytes | None
    """HTTP Basic; None for no authentication. Never to be logged."""
    timeout_s: float
    accept_self_signed: bool = False
    roots: tuple[str, ...] = ()
    """Root certificates (PEM) of which one must vouch for a wss peer; none: those of the system."""

    def __repr__(self) -> str:
        """Without the password: whatever prints a wish must not print it."""
        return f"Dial(url={self.url!r}, user={self.user!r})"


class HangUp(Signal, frozen=True):
    """Close the WebSocket; answered by `LinkDown`."""

    code: int
    reason: str


class SendFrame(Signal, frozen=True):
    data: bytes


class SendPing(Signal, frozen=True):
    """A WebSocket ping; answered by `PongReceived`."""


class ChargeDetail(Signal, frozen=True):
    """What a charge record says besides what is billed, as it was when the charge ended."""

    serial: str
    """Of the station."""
    charge_type: str
    """AC_SINGLE_PHASE, AC_THREE_PHASE or DC."""
    socket_type: str
    """TYPE2 ..."""
    comment: str
    """Of the badge."""


class ChargeRecord(Signal, frozen=True):
    """One finished (or abandoned) transaction, for billing and for the twelve fields of the guide."""

    record: str
    """Unique within the station, for ever."""
    connector: int
    id_tag: str
    start_utc_s: float
    stop_utc_s: float
    start_wh: int
    stop_wh: int
    duration_s: float
    """From the monotonic clock: a clock step does not change it."""
    reason: str
    transaction: int | None = None
    """The central system's number, when it is known."""
    delivered: bool = False
    detail: ChargeDetail | None = None
    """None: of a charge that an older program recorded."""


class Remember(Holder, frozen=True):
    """Keep this through a power cut: put and drop keys of the memory, add charge records, in one piece.

    Answered by `Remembered(token)` once it is durable.
    """

    token: int
    puts: dict[str, bytes]
    drops: tuple[str, ...] = ()
    records: tuple[ChargeRecord, ...] = ()


class ReadMeter(Signal, frozen=True):
    """Read the meter of a connector (0: the main meter) now; answered by `MeterRead` with the ticket."""

    connector: int
    ticket: int


class AskTime(Signal, frozen=True):
    """Ask a time server for the date, as HOST or HOST:PORT; answered by `ClockSet` from "NTP", or by `NtpSilent`."""

    server: str


class MeterBy(Signal, frozen=True):
    """What the register of a connector is made of from here on; it goes on where it stands."""

    connector: int
    transformers_v: float | None
    """Current transformers in the station, and the voltage between phase and neutral that they are reckoned with:
    apparent power and energy. None: a power meter, which measures everything itself."""
    phases: tuple[int, int, int] = (0, 1, 2)
    """Which phase of the power meter stands at the station's terminals 1, 2, 3: how it is wired."""
    at: tuple[int, int] | None = None
    """Where the power meter is asked, by Modbus RTU: its address, and the last byte of the gateway's. None: by TCP,
    which needs neither."""


class WifiCard(Signal, frozen=True):
    """The accessory that leads a station into a wireless network."""

    ssid: str
    security: str
    """Open or WPA2."""
    key: str
    address: str

    def __repr__(self) -> str:
        """Without the key."""
        return f"WifiCard(ssid={self.ssid!r}, address={self.address!r})"


class Interface(Holder, frozen=True):
    """How a station is set to stand in its network: IPv4, dotted; 0.0.0.0 is none."""

    dhcp: bool
    """The addresses come from the network; those here are not used."""
    address: str
    mask: str
    gateway: str
    name_servers: tuple[str, ...]
    modem: bool = False
    """A modem is the router."""
    wifi: WifiCard | None = None
    """None: by cable."""


class UseNetwork(Signal, frozen=True):
    """The program begins, and sets up its network; a Wi-Fi card takes its part over with the next power-up."""

    own: Interface


class ReadModem(Signal, frozen=True):
    """Ask the modem for its state, at the addresses of its settings and of its SIM card's; answered by `ModemRead`."""

    address: str
    """Empty: where it is from the factory."""
    sim_address: str


class Fetch(Signal, frozen=True):
    """Download a file, through the gate for addresses; answered by `Fetched` or `TransferFailed`."""

    job: str
    """Names the file from now on; the station's own, unique in its life."""
    url: str

    def __repr__(self) -> str:
        """Without the address: it may hold a password."""
        return f"Fetch(job={self.job!r})"


class Examine(Signal, frozen=True):
    """Is the fetched file a firmware of this product, whole and signed? Answered by `Examined`."""

    job: str
    certificate: str = ""
    """Who has signed the whole file besides, PEM; empty where nobody has to."""
    signature: str = ""
    """That signature, base64."""


class Discard(Signal, frozen=True):
    """The file of this job is not needed any more; a transfer that still runs is given up without an answer."""

    job: str


class SendReport(Signal, frozen=True):
    """Upload a report to the folder `url`, through the gate for addresses; answered by `Sent` or `TransferFailed`.

    What the carrier has kept of the station's log between the two dates is added at its end.
    """

    job: str
    url: str
    name: str
    """The file's name in that folder."""
    text: str
    compressed: bool
    """As a gzip file."""
    since_utc_s: float | None = None
    until_utc_s: float | None = None

    def __repr__(self) -> str:
        """Without the address: it may hold a password."""
        return f"SendReport(job={self.job!r}, name={self.name!r})"


class OfferCurrent(Signal, frozen=True):
    """What the pilot offers the car, per phase; 0 A: connected but not offered (no PWM)."""

    connector: int
    current_a: float


class SwitchPower(Signal, frozen=True):
    """Close or open the contactor."""

    connector: int
    on: bool


class PulsePilot(Signal, frozen=True):
    """Take the pilot away for so long (state F), which wakes a sleeping car; then offer what was offered before."""

    connector: int
    lasts_s: float


class LockCable(Signal, frozen=True):
    connector: int
    locked: bool


class ShowLight(Signal, frozen=True):
    """The lamp of a connector: "off", "green", "green blinking", "blue", "red" ... with its intensity."""

    connector: int
    light: str
    intensity_percent: int = 100


class Restart(Signal, frozen=True):
    """Start the program anew. The carrier throws the station away and builds it from its memory.

    `hard` also takes the power of the outlets away for a moment.
    """

    hard: bool
    reason: str


class StatusChanged(Signal, frozen=True):
    """One step of a connector's status, told or not: for laws, pages and logs."""

    connector: int
    old: str
    new: str
    error: str
    now: float
    limit: "Limit | None" = None
    """What it may draw per phase and who says so, where somebody charges or is paused by the station."""


class Note(Signal, frozen=True):
    """A line for the log. Never holds a secret."""

    level: Level
    event: str
    text: str
    connector: int | None = None


class Demand(Signal, frozen=True):
    """What a connector of a managed site could take, told when it changes. Currents are per phase."""

    connector: int
    phases: int
    """On how many it charges, as far as is known: its first ones."""
    least_a: float
    """Less is of no use."""
    most_a: float
    """What it would be offered were it alone; 0: nothing."""
    takes_a: float
    """As much of that as its car was seen to take, with something to spare."""
    may_draw_a: float
    """What its car may draw now, a higher offer of the last seconds included."""
    since_utc_s: float
    """When the charge began."""
    energy_wh: float
    """Delivered in this charge, as far as it was metered."""
    id_tag: str
    """Who charges; empty while nobody does."""
    is_idle: bool = False
    """The car was offered current and has taken none for long."""
    is_vip: bool = False
    """The badge is a VIP on the station's own list; the site may have a list of its own, too."""
    station: "Limit | None" = None
    """What all connectors of the station may take together, and by whom; None: each is by itself."""


class BadgeJudged(Signal, frozen=True):
    """What became of a presented badge: lamp and beep of the reader, and the laws of the fleet."""

    id_tag: str
    connector: int | None
    accepted: bool
    why: str


Wish = (
    Dial | HangUp | SendFrame | SendPing | Remember | ReadMeter | OfferCurrent | SwitchPower | LockCable | ShowLight
    | Restart | StatusChanged | Note | BadgeJudged | Demand | AskTime | ReadModem | Fetch | Examine | Discard
    | SendReport | PulsePilot | MeterBy | UseNetwork
)  # fmt: skip


# --- limits: who says how much --------------------------------------------------------------------------------------


class Limit(Signal, frozen=True, order=True):
    """A current per phase and who set it: "rating", "cable 20 A", "TxProfile 7", "setting iMaxDeratingSwCapacity"."""

    current_a: float
    source: str


# --- views: what pages, the terminal and the control API show -------------------------------------------------------


class TransactionView(Signal, frozen=True):
    transaction: int | None
    id_tag: str
    start_utc_s: float
    start_wh: int
    energy_wh: float


class ReservationView(Signal, frozen=True):
    reservation: int
    """The central system's id."""
    id_tag: str
    expires_utc_s: float


class ChargeView(Signal, frozen=True):
    """A charge record as people see it: the twelve fields of the guide, then what became of it."""

    number: int
    """Counts the charges of the station from 1."""
    station: str
    """Its serial number."""
    socket: int
    transaction: int
    """The supervision's; 0 when it never said one."""
    id_tag: str
    charge_type: str
    start_utc_s: float
    stop_utc_s: float
    energy_wh: int
    socket_type: str
    duration_s: float
    comment: str
    told: Literal["sent", "waiting", "not sent"] = "not sent"
    """To the supervision; "not sent": it was given up."""
    published: Literal["not yet", "published", "in doubt"] = "not yet"


class ChargeDay(Signal, frozen=True):
    """What was charged on one local day."""

    day: str
    """2026-11-20"""
    energy_wh: int
    charges: int


class ChargesView(Holder, frozen=True):
    """Charges that somebody asked for."""

    kept: bool
    """False: there is no store, so none are kept."""
    count: int = 0
    energy_text: str = ""
    """kWh of all of them, with a point."""
    most_text: str = ""
    """kWh of the day with the most."""
    days: tuple[ChargeDay, ...] = ()
    charges: tuple[ChargeView, ...] = ()
    """The last of them, newest first."""
    texts: tuple[tuple[str, ...], ...] = ()
    """The twelve fields of each, numbers with a point."""


class PublicationResult(Signal, frozen=True):
    """What became of a sending of charge records."""

    utc_s: float
    what: Literal["sent", "failed", "in doubt", "test passed", "test failed"]
    protocol: str
    first: int
    last: int
    text: str
    """For people; holds no secret."""


class PublicationView(Holder, frozen=True):
    """What was published, and when it will be."""

    waiting: int
    """Charges that were not sent yet."""
    next_utc_s: float | None
    results: tuple[PublicationResult, ...]
    """The newest first."""


class ConnectorView(Signal, frozen=True):
    connector: int
    status: str
    error: str
    """An OCPP errorCode, "NoError" when all is well."""
    pilot: PilotState
    offered_a: float
    limit_source: str
    power_w: float
    energy_wh: float
    """The register."""
    locked: bool
    contactor: bool
    transaction: TransactionView | None = None
    vendor_error: str = ""
    reservation: ReservationView | None = None
    """What holds it, also as one of the last ones free for a reservation of the station."""


class ErrorView(Holder, frozen=True):
    """An error of the product, and where it is now."""

    code: str
    name: str
    description: str
    remedy: str
    service: bool
    """Somebody of the service has to come."""
    connectors: tuple[int, ...]
    """0: the station as a whole; empty: it is not there."""
    since_utc_s: float | None = None
    """Since when it is somewhere."""


class FirmwareView(Signal, frozen=True):
    """What an update of the firmware is doing, and how the last one ended."""

    step: str
    """"scheduled", "fetch", "again", "examine", "put off", "ready" (it waits for those who charge), "install"; empty:
    none is under way."""
    last: str = ""
    """"Installed", "InstallationFailed", "DownloadFailed", "InvalidSignature", "InstallVerificationFailed"; empty:
    there was none."""
    reason: str = ""
    """Of a failure, for people."""
    release: str = ""
    """That it brought, or would have."""
    at_utc_s: float = 0.0


class OutletGlance(Holder, frozen=True):
    """What a picture of a connector shows besides its view."""

    connector: int
    kind: str
    """Of the outlet, by the word of the product file: "T2", "cable", "CCS2" ..."""
    light: str
    """What its lamp shows, as in `ShowLight`."""
    plugged: bool
    car: bool
    """There is one at the other end."""
    since_utc_s: float
    """Since when it has its status."""
    limits: tuple[Limit, ...]
    """All of them, the lowest first."""
    faults: tuple[tuple[str, str, str, float], ...] = ()
    """Code, name and remedy of each, and since when (UTC s)."""
    soc_percent: float | None = None
    """Of the car, where the plug tells it."""


class OutletState(Holder, frozen=True):
    """One outlet in the words of the commissioning guide (Maintenance, Status); tables in station/electrics.py."""

    connector: int
    cable_state: str
    """"Not_Plugged", "13 A" ..."""
    ev_state: str
    """The control pilot: "A_Not_Present_12V", "C_Ready_6V_M12V" ..."""
    evse_status: tuple[str, ...]
    """As many of its words as fit: "Normal_Mode_3", "Three-Phase" ..."""
    outlet_status: str
    outlet_last_error: str
    """Kept after the error is over; "Not_Initialized" while there was none."""
    cpw_state: str
    cpw_number: int
    """The same as a Modbus register has it."""
    last_charge: str
    """How the last charge ended; "Not_Initialized" while there was none."""
    last_charge_number: int
    inputs: tuple[tuple[str, bool], ...] = ()
    """Wired contacts by name, and whether each is active."""
    outputs: tuple[tuple[str, bool], ...] = ()


class ExternalView(Holder, frozen=True):
    """One connector as an external system sees it; `energy/remote.py` puts it into registers."""

    status: str
    """An OCPP ChargePointStatus."""
    vehicle_state: str
    cpw_number: int
    last_charge_number: int
    errors: tuple[str, ...]
    """Vendor codes."""
    charge_s: float
    """With the contactor closed, in this charge."""
    session_s: float
    session_wh: float
    energy_wh: float
    """The register, also while the meter is silent."""
    reading: Reading | None
    vehicle_present: bool
    limit_a: float
    """The lowest limit, per phase; what is offered is this, or nothing while nobody may charge."""
    limit_author: str
    """A word of `station.charging.AUTHORS`, or "none"."""
    offered_a: float
    command: str
    command_status: Literal["none", "done", "refused"]
    set_point_a: float
    """As the external system set it; what the outlet may take while it has set none."""
    station_set_point_a: float
    """The same of the whole station."""
    life: Literal["none", "alive", "lost", "off"]
    """The controller: never heard, alive, silent for too long, or it ended its control."""
    badge: str
    delay_s: float
    settings: dict[str, str]
    """Of the keys in the register map."""

    @property
    def charging(self) -> bool:
        return self.status in ("Charging", "SuspendedEV", "SuspendedEVSE")


class BadgeWindow(Holder, frozen=True):
    """The time in which badges at the reader change the station's own list."""

    mode: str
    """"add", "remove", "turn" (by an Admin badge: one or the other), or empty: it is over."""
    left_s: float
    heard: tuple[tuple[str, str], ...] = ()
    """Each badge read in it, and what became of it: "added", "not added", "removed", "not removed"."""


class LinkView(Signal, frozen=True):
    state: str
    """off, dialling, open, waiting (for the next dial)."""
    url: str
    boot: str = ""
    """Accepted, Pending, Rejected, or empty while unanswered."""
    error: str = ""
    """The last error in words, and what to do."""
    since_utc_s: float = 0.0
    """Since when it is in this state."""
    waiting_messages: int = 0


class StationView(Holder, frozen=True):
    id: str
    model: str
    release: str
    link: LinkView
    connectors: tuple[ConnectorView, ...]
    utc_s: float = 0.0
    modem: ModemState | None = None
    """What the modem said last; none while it is switched off or silent."""
    key_locked: bool = False
    """The key in front is turned: no new charge, no light."""
