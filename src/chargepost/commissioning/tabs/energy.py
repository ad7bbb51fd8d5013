"""Tab Energy management (commissioning guide, chapter 4)."""

from collections.abc import Callable, Mapping

from chargepost.commissioning.port import Port
from chargepost.commissioning.views import Action, Download, Field, Rule, SubTab, Tab, Values, has, has_domestic
from chargepost.commissioning.words import _

TAB = Tab("energy", _("Energy management"))

SKILLS = _(
    "Make sure that you have the proper skills and the necessary knowledge of the electrical installation before you "
    "change this. The supply cable of each charge point has to be protected by its circuit breaker, whatever the "
    "current that is set here: else there is danger of fire, explosion and death."
)
"""What the guide prints at the derated current (R-302)."""

MIN_BALANCED = _(
    "With load balancing, 0 to 7 A work as 0 for a single-phase charge, and 0 to 13 A for a three-phase one; without, "
    "0 to 5 A work as 0. A single-phase vehicle or cable at a three-phase station counts as single-phase."
)
MIN_ALONE = _(
    "0 to 7 A work as 0 for a single-phase charge, and 0 to 13 A for a three-phase one. A single-phase vehicle or "
    "cable at a three-phase station counts as single-phase."
)

KINDS = {"T2": "T2", "T2S": "T2S", "T3": "T3", "TE": "TE", "T1": "T1", "cable": "T2", "CCS2": "CCS2",
         "CHAdeMO": "CHAdeMO"}  # fmt: skip


# --- what the product says -------------------------------------------------------------------------------------------


def _points(port: Port) -> list[list[str]]:
    """The kinds of outlets of each charge point: outlets go round where there are more of them than points."""
    outlets = port.model.connectors
    count = max(len(port.view().connectors), 1)
    return [[each.kind for each in outlets[first::count]] for first in range(count)]


def _types(number: int) -> Callable[[Port], str]:
    return lambda port: " - ".join(KINDS[kind] for kind in _points(port)[number])


def _rated(number: int) -> Callable[[Port], str]:
    """Of each outlet where they differ: 32 A (T2), 10 A (TE) (Q-050)."""

    def told(port: Port) -> str:
        count = max(len(port.view().connectors), 1)
        outlets = port.model.connectors[number::count]
        if len(outlets) == 1:
            return f"{outlets[0].max_current_a:g} A"
        return ", ".join(f"{each.max_current_a:g} A ({KINDS[each.kind]})" for each in outlets)

    return told


def _position(number: int) -> Callable[[Port], str]:
    """1 is right, 2 is left (R-299)."""

    def told(port: Port) -> str:
        rule = port.model.quirks["board_for_each_connector"]
        sides = {rule["right"]: _("1, right"), rule["left"]: _("2, left")}
        return sides[number + 1]

    return told


def _has_point(number: int, *, placed: bool = False) -> Callable[[Port], bool]:
    def there(port: Port) -> bool:
        side_by_side = "board_for_each_connector" in port.model.quirks
        return number < len(port.view().connectors) and (side_by_side or not placed)

    return there


def _point(number: int) -> tuple[Field, ...]:
    """One charge point: what is fixed of it, and what is set. The second follows the first until it has its own."""
    group = (_("Socket-outlet 1"), _("Socket-outlet 2"))[number]
    first, key = ("", "") if number == 0 else (f"socket-{number + 1}-", f"/{number + 1}")
    name, there = f"socket-{number + 1}", _has_point(number)

    def with_point(*keys: str) -> Callable[[Port], bool]:
        return lambda port: there(port) and has(*keys)(port)

    return (
        Field("sockets", f"{name}-position", _("Position on the charging station"), group=group, kind="shown",
              reads=_position(number), shown=_has_point(number, placed=True), exported=False,
              help=_("As seen by who stands in front of the station. It is fixed by the way the boards are wired.")),
        Field("sockets", f"{name}-type", _("Socket-outlet type"), group=group, kind="shown", reads=_types(number),
              shown=there, exported=False,
              help=_("T2 is a socket, or an attached cable with this connector; TE is a domestic socket.")),
        Field("sockets", f"{name}-rated", _("Rated charging current"), group=group, kind="shown",
              reads=_rated(number), shown=there, exported=False,
              help=_("The most that this outlet was built for. The derated current below may be less, never more.")),
        Field("sockets", f"{first}derated-current", _("Derated charging current"), key=f"maxIntensitySocket{key}",
              group=group, warning=SKILLS, help=MIN_BALANCED, shown=with_point("LoadBalancing")),
        Field("sockets", f"{first}derated-current", _("Derated charging current"), key=f"maxIntensitySocket{key}",
              group=group, warning=SKILLS, help=MIN_ALONE,
              shown=lambda port: there(port) and not has("LoadBalancing")(port)),
        Field("sockets", f"{first}input-1", _("User input 1"), key=f"Input1Function{key}", group=group, shown=there,
              choices={"Not used": _("Not used"), "Protection devices": _("Protection devices"),
                       "Load-shedding": _("Load-shedding input")},
              help=_("Protection devices: the contact tells whether circuit breaker and residual current device have "
                     "tripped. Load-shedding: the contact limits the current to the set point. Older pages call it "
                     "Function In-1.")),
        Field("sockets", f"{first}input-1-open", _("Input 1: normally open"), key=f"Input1NormallyOpen{key}",
              group=group, shown=there, choices={"true": _("Normally open"), "false": _("Normally closed")},
              help=_("Normally open: the contact is active when it is closed.")),
        Field("sockets", f"{first}set-point", _("Load Shedding Set Point"), key=f"loadSheddingSetPoint{key}",
              group=group, shown=with_point("Input1Function"),
              help=_("The current while the load-shedding contact is active. What is too low for a charge works as "
                     "0.")),
        Field("sockets", f"{first}input-2", _("User input 2"), key=f"Input2Function{key}", group=group, shown=there,
              choices={"Not used": _("Not used"), "Conditional outgoing line": _("Conditional outgoing line")},
              help=_("Conditional outgoing line: a charge starts only while the contact is active. Older pages call "
                     "it Function In-2.")),
        Field("sockets", f"{first}input-2-open", _("Input 2: normally open"), key=f"Input2NormallyOpen{key}",
              group=group, shown=there, choices={"true": _("Normally open"), "false": _("Normally closed")},
              help=_("Normally open: the contact is active when it is closed.")),
    )  # fmt: skip


VOLTAGE_MAX_V = 276
"""Of the page (R-310); the key goes further (Q-034)."""


# --- rules -----------------------------------------------------------------------------------------------------------


def _set_point_rules(port: Port, after: Values) -> Mapping[str, str]:
    """The set point is at most the charging current, possibly derated (R-308, R-309)."""
    wrong = {}
    for first in ("", "socket-2-"):
        wanted, most = after.get(f"{first}set-point", ""), after.get(f"{first}derated-current", "")
        if wanted.isdigit() and most.isdigit() and int(wanted) > int(most):
            wrong[f"{first}set-point"] = _("At most the derated charging current.")
    return wrong


WIRINGS = {
    ("Phase 1 - Phase 2 - Phase 3", "Phase 1 - Phase 2 - Phase 3"),
    ("Phase 3 - Phase 1 - Phase 2", "Phase 3 - Phase 1 - Phase 2"),
    ("Phase 1 - Phase 2 - Phase 3", "Phase 3 - Phase 1 - Phase 2"),
    ("Phase 3 - Phase 1 - Phase 2", "Phase 2 - Phase 3 - Phase 1"),
}
"""Phases of the meter and of the network that belong together: the four whole columns of the guide (Q-054)."""


def _wiring_rules(port: Port, after: Values) -> Mapping[str, str]:
    if after.get("energy-metering") != "IEM_3x5x" or "wiring-meter" not in after:
        return {}
    if (after["wiring-meter"], after["wiring-network"]) in WIRINGS:
        return {}
    return {"wiring-network": _("The guide knows no such wiring together with these phases of the power meter.")}


# --- rows ------------------------------------------------------------------------------------------------------------

SUB_TABS = (
    SubTab("energy", "advanced", _("Advanced settings"), user=False, only_fields=True),
    SubTab("energy", "sockets", _("Socket-outlets"), user=False, only_fields=True),
    SubTab("energy", "meters", _("Meters"), user=False, only_fields=True,
           intro=_("Each charge point is metered by itself. The current transformers inside the station see apparent "
                   "power only: for more accurate figures a power meter is fitted for each charge point.")),
)  # fmt: skip

CHARGE_POINTS, INPUTS, WIRING = _("Charging current"), _("Inputs"), _("Wiring of the phases")
CONTACT = {
    "Normally open": _("Normally open"),
    "Normally closed": _("Normally closed"),
}
RTU = ("power-meter-protocol", ("Modbus RTU",))
IEM = ("energy-metering", ("IEM_3x5x",))

FIELDS = (
    # Advanced settings
    Field("advanced", "load-balancing", _("Load balancing"), key="LoadBalancing",
          choices={"false": _("Disable"), "true": _("Enable")},
          help=_("Enable: the station divides its power between its two charge points, so that nothing trips. Disable: "
                 "the power of each is set by itself.")),
    Field("advanced", "shedding-priority", _("Load shedding priority"), key="loadSheddingPriority", user="R",
          choices={"0": _("Charge duration"), "1": _("Energy delivered")},
          help=_("When the power is not enough for two charges: the one that began first is shed first, or the one "
                 "that has got the most energy.")),
    Field("advanced", "external-control", _("Controlled by external system"), key="ControlledByExternalSystem",
          choices={"false": _("No"), "true": _("Yes")},
          help=_("Yes: a supervision by OCPP, or a building management system over Modbus, may set the maximum current "
                 "of the station while it runs.")),
    Field("advanced", "modbus", _("Modbus server"), key="ModbusEnable"),
    Field("advanced", "restore-timeout", _("Wait after a power cut"), key="RestoreTimeout"),

    # Socket-outlets
    *_point(0),
    *_point(1),
    Field("sockets", "derating", _("Derated charging current"), key="iMaxDeratingSwCapacity", group=CHARGE_POINTS,
          warning=SKILLS),
    Field("sockets", "domestic-current", _("Current of the domestic socket"), key="IMaxEvseCapacityTE",
          group=CHARGE_POINTS, kind="shown", shown=has_domestic),
    Field("sockets", "user-current", _("Derated charging current"), key="IMaxUser", group=CHARGE_POINTS,
          kind="shown"),
    Field("sockets", "power-limit", _("Greatest power of the station"), key="ChargeLimitedPower",
          group=CHARGE_POINTS, kind="shown"),
    Field("sockets", "delayed-start", _("Delayed charging start"), key="DelayedStartContact", group=INPUTS,
          choices=CONTACT,
          help=_("The contact delays the start of a charge, or interrupts it, while it is active. Normally open: "
                 "active when closed; choose this when nothing is connected.")),
    Field("sockets", "limit-contact", _("Local control of temporary charging current limitation"),
          key="CurrentLimitContact", group=INPUTS, choices=CONTACT,
          help=_("The contact limits the current while it is active. Normally open: active when closed; choose this "
                 "when nothing is connected.")),
    Field("sockets", "set-point", _("Setting of local temporary charging current limitation"),
          key="loadSheddingSetPoint", group=INPUTS, shown=has("CurrentLimitContact"),
          help=_("The current while that contact is active.")),

    # Meters
    Field("meters", "phase-voltage", _("Phase-Neutral Voltage Measured"), key="voltageReference",
          most=VOLTAGE_MAX_V,
          help=_("As the installer has measured it. Energy is worked out with it when the current transformers meter, "
                 "and when the power meter does not answer.")),
    Field("meters", "energy-metering", _("Energy metering"), key="EnergyMetering", user="R",
          choices={"IEM_3x5x": "IEM_3x5x", "Internal CT": _("Internal CT")},
          help=_("IEM_3x5x: a power meter for each charge point, with an error below 2 %. Internal CT: the current "
                 "transformers inside.")),
    Field("meters", "power-meter-protocol", _("Power meter communication protocol"), key="PowerMeterProtocol",
          when=IEM),
    Field("meters", "power-meter-rtu-address", _("Power meter RTU address"), key="PowerMeterRtuAddress", when=RTU),
    Field("meters", "power-meter-gateway", _("Power meter gateway address"), key="PowerMeterGatewayAddress", when=RTU,
          help=_("The last byte of the gateway's address in the sub-network.")),
    Field("meters", "wiring-meter", _("Power Meter Phases Connection"), key="PowerMeterPhases", group=WIRING,
          when=IEM, help=_("Of PM1, PM2 and PM3.")),
    Field("meters", "wiring-contactor", _("Contactor: Electrical Terminal Connection"), key="ContactorTerminals",
          group=WIRING, when=IEM),
    Field("meters", "wiring-network", _("Network: Electrical Phases Connected"), key="NetworkPhases", group=WIRING,
          when=IEM),
)  # fmt: skip

ACTIONS: tuple[Action, ...] = ()
DOWNLOADS: tuple[Download, ...] = ()


RULES: Mapping[str, tuple[Rule, ...]] = {
    "sockets": (_set_point_rules,), "meters": (_wiring_rules,),
}  # fmt: skip
