"""What a tool may ask of the station that it is embedded in, and tell it. Nothing else of a station is known here."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from chargepost.catalogue.model import Model
from chargepost.signals import (
    BadgeJudged,
    BadgeKept,
    BadgesDropped,
    BadgesReplaced,
    BadgeWindow,
    ChargesView,
    ErrorView,
    FirmwareView,
    LearnBadges,
    OutletGlance,
    OutletState,
    OwnBadge,
    PublicationResult,
    PublicationView,
    StationView,
)


class Setting(NamedTuple):
    """A configuration key as it stands."""

    value: str | None
    """As OCPP writes it; None: known, but unset."""
    factory: str | None
    by: str = ""
    """Who changed it last; empty: nobody since the factory, or nobody knows."""
    at_utc_s: float = 0.0


class ReportSection(Protocol):
    """A heading of the maintenance report with its lines, each a label and a value."""

    @property
    def title(self) -> str: ...

    @property
    def lines(self) -> tuple[tuple[str, str], ...]: ...


class Sample(NamedTuple):
    """A connector at one instant of the last hours."""

    at_utc_s: float
    power_w: float
    offered_a: float
    soc_percent: float | None
    """Of the car; None without one."""


class Frame(NamedTuple):
    """One frame of the link, as it went over the wire but for its secrets."""

    number: int
    at_utc_s: float
    up: bool
    """From the station to the supervision."""
    kind: Literal["CALL", "CALLRESULT", "CALLERROR"]
    message_id: str
    action: str
    """Of an answer: that of its call."""
    text: str
    size: int
    """Bytes on the wire."""
    latency_s: float | None
    """Of an answer: the time since its call."""
    trouble: str
    """Why its reader did not take it, with the field named; empty: it is as it should be."""


StepState = Literal["good", "wait", "bad", "unknown"]


class Step(NamedTuple):
    """One step of the way to the supervision."""

    name: Literal["process", "address", "tcp", "tls", "websocket", "boot", "connectors", "answer", "waiting"]
    state: StepState
    """unknown: it did not come to that."""
    cause: str = ""
    """Which of the causes there are, for the remedy (`ladder.REMEDIES`)."""
    told: str = ""
    """What was found, in English: addresses, answers of the other side."""
    number: float | None = None
    """How many, or since how many seconds."""


class Port(Protocol):
    """One station. Everything is answered at once; a station without power has no tool."""

    @property
    def identity(self) -> str: ...

    @property
    def model(self) -> Model: ...

    @property
    def powered(self) -> bool:
        """False while its program is off or just beginning."""

    def view(self) -> StationView: ...

    def setting(self, key: str) -> Setting | None:
        """By any of its names; None where the product has no such key, or the station is off."""

    def refuses(self, key: str, value: str) -> bool:
        """Whether the station would not take the value."""

    def change(self, values: Mapping[str, str], by: str) -> None:
        """Set these keys, as the owner may, in this order. What the station `refuses` is not set."""

    def restart(self) -> None:
        """Begin the program anew, in good order: charges end, their messages are told first."""

    def utc_s(self) -> float:
        """The station's date."""

    def set_clock(self, utc_s: float) -> None:
        """The date, by hand."""

    def charges(self, chosen: Mapping[str, str]) -> ChargesView:
        """The charges of this first and last day, badge, socket and comment; what is empty or none chooses nothing."""

    def charges_csv(self) -> Iterable[bytes]:
        """As a file, with the separators that are set, in pieces."""

    def publication(self) -> PublicationView:
        """What was published, and when it will be."""

    def publish_again(self, first: int, last: int) -> bool:
        """Send the charges of a result that is in doubt once more; False where there is none, or another is sent."""

    async def test_publication(self) -> PublicationResult:
        """Send a file without charges now, with the settings as they are saved."""

    def mac_address(self) -> str:
        """Of the network card."""

    @property
    def has_reader(self) -> bool:
        """A badge reader is built in."""

    def outlets(self) -> Sequence[OutletState]:
        """Each outlet in the words of the guide; none while the station is off."""

    def errors(self) -> Sequence[ErrorView]:
        """Each error of the product, and where it is now."""

    def report(self) -> Sequence[ReportSection]: ...

    def firmware(self) -> FirmwareView: ...

    def bring_firmware(self, data: bytes) -> str:
        """A file to be examined and installed; why the disk does not take it, empty when it does."""

    def restore(self) -> None:
        """Back to factory settings, with the passwords of the first day; badges and software stay."""

    @property
    def simulated(self) -> bool:
        """There are hands for its hardware: nobody stands before it."""

    @property
    def own_list(self) -> bool:
        """It reads badges, and its own list of them decides: no supervision does."""

    def badges(self) -> Sequence[OwnBadge]:
        """The own list, in the order of its numbers."""

    def badge_window(self) -> BadgeWindow: ...

    def tell(self, *facts: BadgeKept | BadgesDropped | BadgesReplaced | LearnBadges) -> None: ...

    def present_badge(self, id_tag: str) -> None:
        """At the reader of a simulated station."""

    def glance(self, connector: int) -> OutletGlance: ...

    def car(self, connector: int) -> str:
        """The name of the simulated car that is plugged in; empty: none, or nobody knows."""

    def badge_refused(self) -> BadgeJudged | None:
        """The badge that was presented last, when it was refused a moment ago."""

    def samples(self, connector: int, after: int = 0) -> Sequence[Sample]:
        """Of the last hours, oldest first: those past so many of all that were taken."""

    @property
    def samples_taken(self) -> int: ...

    def frames(self, after: int, before: int, limit: int) -> Sequence[Frame]:
        """The newest `limit` (negative: the oldest) past one number and short of another, oldest first."""

    def last_frame(self, after: int = 0) -> int:
        """The number of the last one, when it is past this one; else this one."""

    def ladder(self) -> Sequence[Step]:
        """The way to the supervision, as it is now."""

    async def try_link(self, url: str) -> Sequence[Step]:
        """Walk the way to this address without taking it over."""

    def sockets(self, connector: int) -> Sequence[str]:
        """The kinds of socket that share this connector."""

    @property
    def cars(self) -> Sequence[str]:
        """Those that can be plugged in, by name."""

    async def hand(self, action: str, body: Mapping[str, object]) -> str:
        """Do what the control API does under this name. Why it cannot be done now, in English; empty: it is done."""
