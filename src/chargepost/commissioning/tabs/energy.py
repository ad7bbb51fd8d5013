"""Tab Energy management (commissioning guide, chapter 4)."""

from collections.abc import Mapping

from chargepost.commissioning.views import Action, Download, Field, Rule, SubTab, Tab
from chargepost.commissioning.words import _

TAB = Tab("energy", _("Energy management"))

SUB_TABS = (SubTab("energy", "sockets", _("Socket-outlets"), user=False),)

FIELDS = (Field("sockets", "derated-current", _("Derated charging current"), key="maxIntensitySocket"),)

ACTIONS: tuple[Action, ...] = ()
DOWNLOADS: tuple[Download, ...] = ()
RULES: Mapping[str, tuple[Rule, ...]] = {}
