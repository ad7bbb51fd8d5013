"""What a tool may ask of the station that it is embedded in, and tell it. Nothing else of a station is known here."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from chargepost.catalogue.model import Model
from chargepost.signals import (
    BadgeKept,
    BadgesDropped,
    BadgesReplaced,
    BadgeWindow,
    ChargesView,
    ErrorView,
    FirmwareView,
    LearnBadges,
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

    def charges_csv(self) -> bytes:
        """As a file, with the separators that are set."""

    def publication(self) -> PublicationView:
        """What was published, and when it will be."""

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
