"""Tab Configuration (commissioning guide, chapter 3)."""

from collections.abc import Mapping

from chargepost.commissioning.views import Action, Download, Field, Rule, SubTab, Tab
from chargepost.commissioning.words import _

TAB = Tab("configuration", _("Configuration"))

SUB_TABS = (SubTab("configuration", "general", _("General settings")),)

FIELDS = (
    Field("general", "station-name", _("Charging station name"), key="stationName", user="RW",
          help=_("The name that people know the station by. It stands at the top of every page.")),
)  # fmt: skip

ACTIONS: tuple[Action, ...] = ()
DOWNLOADS: tuple[Download, ...] = ()
RULES: Mapping[str, tuple[Rule, ...]] = {}
