"""Tab Overview, before those of the guide: the station as a picture, its link, its frames, and hands where it is
simulated. Who trains on the real thing hides it (the setting Guide layout only)."""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from chargepost.commissioning import badge_file, exchanges, ladder
from chargepost.commissioning.pages import local_time, zone_of
from chargepost.commissioning.port import Port
from chargepost.commissioning.state_words import contact
from chargepost.commissioning.tabs import configuration, energy
from chargepost.commissioning.views import Action, Download, Field, Rule, Sent, SubTab, Tab, Told, exists, zone
from chargepost.commissioning.words import Words, _
from chargepost.redact import redact_url
from chargepost.signals import ConnectorView, Limit, OutletGlance

TAB = Tab("overview", _("Overview"))

LAYOUT_KEY = "GuideLayout"


def is_shown(port: Port) -> bool:
    setting = port.setting(LAYOUT_KEY)
    return setting is None or setting.value != "true"


# --- words ----------------------------------------------------------------------------------------------------------

STATUSES: Mapping[str, tuple[str, str]] = {
    "Available": (_("Available"), "available"),
    "Preparing": (_("Preparing"), "waiting"),
    "Charging": (_("Charging"), "charging"),
    "SuspendedEV": (_("Paused by the car"), "suspended"),
    "SuspendedEVSE": (_("Paused by the station"), "suspended"),
    "Finishing": (_("Finishing"), "waiting"),
    "Reserved": (_("Reserved"), "waiting"),
    "Unavailable": (_("Out of service"), "unavailable"),
    "Faulted": (_("Fault"), "faulted"),
}
"""OCPP's word -> ours, and the shape beside it."""

KINDS: Mapping[str, str] = {
    "T2": _("socket T2"),
    "T2S": _("socket T2 with shutter"),
    "T3": _("socket T3"),
    "T1": _("cable with T1"),
    "TE": _("domestic socket"),
    "cable": _("attached cable"),
    "CCS2": _("cable with CCS 2"),
    "CHAdeMO": _("cable with CHAdeMO"),
}

LIGHTS: Mapping[str, str] = {
    "off": _("off"),
    "green": _("green"),
    "green blinking": _("green, blinking"),
    "blue": _("blue"),
    "blue blinking": _("blue, blinking"),
    "white": _("white"),
    "white blinking": _("white, blinking"),
    "red": _("red"),
    "red blinking": _("red, blinking"),
    "yellow": _("yellow"),
}

AUTHORS: Mapping[str, str] = {
    "rating": _("the rating of the outlet"),
    "simplified control pilot": _("the car, whose control pilot is simplified"),
    "push button": _("the push button in front"),
    "refused by the central system": _("the supervision, which refused the badge"),
    "waiting after a power cut": _("the wait after a power cut"),
    "nothing offered": _("nothing is offered yet"),
    "temperature": _("the temperature in the station"),
    "microswitch": _("the microswitch in the station"),
    "input: charging is delayed": _("the contact that delays charging"),
    "input: condition not met": _("the contact whose condition is not met"),
    "no allowance from the site yet": _("the site, which has not allowed anything yet"),
    "the site is silent: its floor": _("the floor while the site is silent"),
    "the site": _("the site, where there is enough for all"),
    "the site: given when others have less": _("the site, which gives more when others have less"),
    "regulation: a random delay": _("the random delay before each charge"),
    "regulation: waits for off-peak hours": _("the wait for off-peak hours"),
    "TIC: the meter is silent": _("the meter of the house (TIC), which is silent"),
    "external system lost: degraded set point": _("the degraded set point, because the external system is lost"),
    "allowed on fewer phases": _("the site, which allows fewer phases"),
    "external system": _("the external system"),
    "external system: suspended": _("the external system, which suspends the charge"),
    "external system: postponed": _("the external system, which postpones the charge"),
}
"""Authors of a limit, by the words of the station."""

AUTHORS_OF: tuple[tuple[str, str], ...] = (
    (r"load shedding, setting (?P<key>.+)", _("load shedding (setting {what})")),
    (r"shared with the other charge point, setting (?P<key>.+)", _("the other charge point (setting {what})")),
    (r"setting (?P<key>.+)", _("the setting {what}")),
    (r"cable (?P<what>.+)", _("the cable of {what}")),
    (r"TxProfile (?P<what>.+)", _("the supervision (TxProfile {what})")),
    (r"TxDefaultProfile (?P<what>.+)", _("the supervision (TxDefaultProfile {what})")),
    (r"ChargePointMaxProfile (?P<what>.+)", _("the supervision (ChargePointMaxProfile {what})")),
    (r"fuse (?P<fuse>.+) (?P<phase>L\d), (?P<all>.+ A)", _("the fuse {fuse}, which has {all} for all on {phase}")),
    (
        r"fuse (?P<fuse>.+) (?P<phase>L\d), (?P<all>.+ A): given when others have less",
        _("the fuse {fuse}, which has {all} for all on {phase}, until others have less"),
    ),
    (r"TIC: (?P<what>.+) subscribed", _("the subscription of {what}")),
    (r"cabinet, (?P<some>\d+) of (?P<all>\d+) power modules", _("{some} of {all} power modules of the cabinet")),
)
"""Patterns of authors with something of their own."""

REFUSALS: tuple[tuple[str, str], ...] = (
    ("the cable is locked", _("The cable is locked. End the charge first, with the badge or with Stop.")),
    ("nothing is plugged in", _("Nothing is plugged in.")),
    ("is taken", _("Something is plugged in there already. Unplug it first.")),
    ("there is no car at", _("There is no car. Plug one in first.")),
    ("has no transaction", _("Nothing is charging there.")),
    ("no power, or is just", _("The station has no power, or is just starting. Wait until it is back.")),
)
"""Why hands cannot do something now, by what the station says."""


def author(source: str, spoken: Words, label: Callable[[str], str] = str) -> str:
    """Who sets a limit. What has no words of ours is told as the station tells it; `label` is what a setting is called
    on the pages, for that is what people look for."""
    if source in AUTHORS:
        return spoken(AUTHORS[source])
    for pattern, text in AUTHORS_OF:
        if own := re.fullmatch(pattern, source):
            found = own.groupdict()
            if key := found.get("key"):
                found["what"] = label(key)
            if amperes := found.get("all"):
                found["all"] = spoken.number(amperes)
            return spoken(text).format(**found)
    return source


def _label(key: str, port: Port, spoken: Words) -> str:
    stem = key.partition("/")[0].lower()
    rows = (row for row in (*energy.FIELDS, *configuration.FIELDS) if row.key.partition("/")[0].lower() == stem)
    return spoken(next((row.label for row in rows if exists(row, port)), key))


def quantity(value: float, unit: str) -> str:
    """Three significant digits: 6.94 kW, 345 W, 0 W. Currents as people set them: 16 A, 13.5 A."""
    if unit == "A":
        return f"{value:.1f}".removesuffix(".0") + " A"
    if unit in ("W", "Wh") and abs(value) >= 1000:
        value, unit = value / 1000, f"k{unit}"
    digits = 0 if value == 0 else max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{digits}f} {unit}"


# --- the picture ----------------------------------------------------------------------------------------------------


class Card(NamedTuple):
    """One connector as the page shows it."""

    view: ConnectorView
    glance: OutletGlance
    word: str
    shape: str
    kind: str
    light: str
    power: str
    energy: str
    """Of this visit; empty: there is none."""
    since: str
    limits: list[tuple[str, str, bool]]
    """Current, author, and whether it is the one that counts."""
    least: str
    """What can be regulated at least; below it is a pause."""
    limited: str
    car: str
    soc: str
    reserved: str
    faults: list[tuple[str, str, str, str]]
    """Code, name and remedy of each, and since when."""


def cards(port: Port, spoken: Words) -> list[Card]:
    return [_card(port, view, spoken) for view in port.view().connectors]


def _card(port: Port, view: ConnectorView, spoken: Words) -> Card:
    glance = port.glance(view.connector)
    word, shape = STATUSES.get(view.status, (view.status, "waiting"))
    at, here = port.utc_s(), zone(port)

    def label(key: str) -> str:
        return _label(key, port, spoken)

    limits = [
        (spoken.number(quantity(each.current_a, "A")), author(each.source, spoken, label), n == 0)
        for n, each in enumerate(glance.limits)
    ]
    soc = glance.soc_percent
    if soc is None and (samples := port.samples(view.connector, port.samples_taken - 1)) and glance.car:
        soc = samples[-1].soc_percent
    held = view.reservation
    return Card(
        view, glance, spoken(word), shape, spoken(KINDS.get(glance.kind, glance.kind)),
        spoken(LIGHTS.get(glance.light, glance.light)), spoken.number(quantity(view.power_w, "W")),
        spoken.number(quantity(view.transaction.energy_wh, "Wh")) if view.transaction else "",
        since(glance.since_utc_s, at, here), limits,
        spoken.number(quantity(port.model.connectors[view.connector - 1].min_current_a, "A")),
        _limited(view, glance, spoken, label), port.car(view.connector), "" if soc is None else f"{soc:.0f} %",
        spoken(_("Reserved for badge {badge} until {until} (no. {number})")).format(
            badge=held.id_tag, until=since(held.expires_utc_s, at, here), number=held.reservation) if held else "",
        [(code, name, remedy, since(utc_s, at, here)) for code, name, remedy, utc_s in glance.faults],
    )  # fmt: skip


def _limited(view: ConnectorView, glance: OutletGlance, spoken: Words, label: Callable[[str], str]) -> str:
    """One line: how much, and who says so."""
    lowest: Limit = glance.limits[0]
    if view.offered_a and view.offered_a < lowest.current_a:
        lowest = Limit(view.offered_a, view.limit_source)
    is_paused = view.transaction is not None and not view.offered_a
    sentence = _("Paused by {author}") if is_paused else _("Limited to {current} by {author}")
    current = spoken.number(quantity(lowest.current_a, "A"))
    return spoken(sentence).format(current=current, author=author(lowest.source, spoken, label))


def since(utc_s: float, now_utc_s: float, zone: str) -> str:
    """The time; of another day with its date."""
    then, now = local_time(utc_s, zone), local_time(now_utc_s, zone)
    return then[11:16] if then[:10] == now[:10] else then[:16]


def shape_of_station(port: Port) -> str:
    """How it stands there: a cabinet for direct current, a pillar with two outlets or more, else a box on the wall."""
    kinds = {each.kind for each in port.model.connectors}
    if kinds & {"CCS2", "CHAdeMO"}:
        return "cabinet"
    return "pillar" if len(port.model.connectors) > 1 else "wall"


def _station(port: Port, account: str, query: Mapping[str, str], spoken: Words) -> Mapping[str, Any]:
    outlets = cards(port, spoken)
    sides = port.model.quirks.get("board_for_each_connector", {"left": 1, "right": 2})
    return {
        **ladder.context(port, account, query, spoken), "cards": outlets, "form": shape_of_station(port),
        "drawn": outlets[:: 1 if int(sides["left"]) < int(sides["right"]) else -1],  # from left to right
        "badge": port.badge_refused(), "zone": zone_of(zone(port)).key, "curve_words": _curve_words(spoken),
        "faults": _faults(port), "inputs": _inputs(port, spoken),
        "buttons": [row for row in BUTTONS if row[3] in ("", *port.model.quirks)],
    }  # fmt: skip


def _curve_words(spoken: Words) -> str:
    """What the script says of the curve, as JSON."""
    return msgspec.json.encode(
        {
            "time": spoken(_("Time")),
            "power": spoken(_("Power (kW)")),
            "offered": spoken(_("Offered current (A)")),
            "soc": spoken(_("State of charge (%)")),
            "said": spoken(_("Now {power} kW at {offered} A offered; the highest power shown is {highest} kW.")),
        }
    ).decode()


# --- hands ----------------------------------------------------------------------------------------------------------

ANSWERS: Mapping[str, str] = {
    "meter": _("Meter answers"),
    "modem": _("Modem answers"),
    "modem_signal": _("Signal of the modem is good"),
}
"""Inputs that no wire leads to: what answers when it is asked."""

BUTTONS: tuple[tuple[str, str, str, str], ...] = (
    ("stop", "true", _("Press Stop in front"), ""),
    ("suspend", "true", _("Press the push button in front"), "push_button"),
    ("emergency_stop", "true", _("Press the emergency stop"), ""),
    ("emergency_stop", "false", _("Release the emergency stop"), ""),
    ("key", "true", _("Turn the key: locked"), "key_lock"),
    ("key", "false", _("Turn the key: open"), "key_lock"),
)
"""Name, whether it is pressed, its words, and the quirk without which a product has none."""


def _inputs(port: Port, spoken: Words) -> list[tuple[str, str]]:
    """Those of this product, each connector's own where it has one."""
    connectors = range(1, len(port.view().connectors) + 1)
    found = []
    for name, row in port.model.inputs.items():
        label = spoken(contact(name))
        numbers = connectors if row.each else (1,)
        found += [(name if n == 1 else f"{name}_{n}", label if len(numbers) == 1 else f"{label} {n}") for n in numbers]
    return found + [(name, spoken(label)) for name, label in ANSWERS.items()]


HANDS: Mapping[str, tuple[str, ...]] = {
    "plug_in": ("connector", "car", "outlet"),
    "unplug": ("connector", "outlet"),
    "present_badge": ("id_tag", "connector"),
    "stop": ("connector",),
    "button": ("name", "active"),
    "input": ("name", "active"),
    "inject_fault": ("connector", "code"),
    "clear_fault": ("connector", "code"),
    "power_cycle": ("seconds",),
    "change_car": ("connector", "ready", "ventilation", "asleep", "phases", "max_current_a", "soc_percent"),
}
"""What hands can do, as in the control API, with the fields that a form may send."""


def _faults(port: Port) -> list[tuple[str, str]]:
    """Code and name of those that this product in this variant has."""
    model = port.model
    rows = [(code, row) for code, row in model.errors.items() if not row.variants or model.variant in row.variants]
    return [(code, f"{code} {row.name}" if row.name != code else code) for code, row in rows]


def _hand(name: str) -> Callable[[Port, Sent], Any]:
    async def does(port: Port, sent: Sent) -> Told:
        if not badge_file.READ.fullmatch(sent.form.get("id_tag", "04A2")):
            return Told(sent.words(badge_file.NOT_READ), bad=True)
        given = {key: sent.form[key] for key in HANDS[name] if sent.form.get(key, "") != ""}
        why = await port.hand(name, given)
        told = next((text for words, text in REFUSALS if words in why), why)
        return Told(sent.words(told) if told else "", bad=bool(told))

    return does


# --- the link -------------------------------------------------------------------------------------------------------

URL_FIELD = "supervision-url"
"""The field of the sub-tab Supervision whose value is tried."""


def _cure(port: Port, sent: Sent) -> Told:
    """Switch on what a step of the ladder asks for."""
    key = port.model.identity.truncate_serials_key
    if not key or sent.form.get("key") != key:
        return Told(sent.words(_("There is nothing to switch on.")), bad=True)
    port.change({key: "true"}, sent.account)
    return Told(sent.words(_("{key} is on. The station tells its boot again.")).format(key=key))


async def _test(port: Port, sent: Sent) -> Told:
    """Walk the way to the address that is typed, without saving it."""
    setting = port.setting(port.model.transport.url_key)
    url = sent.form.get(URL_FIELD, (setting.value or "") if setting else "").strip()
    steps = await port.try_link(url)
    if not steps:
        return Told(sent.words(_("A test is under way already. Wait a moment.")), bad=True)
    return Told(
        "", template="link-tested.html", context={"url": redact_url(url), **ladder.shown(steps, port, sent.words)}
    )


# --- frames ---------------------------------------------------------------------------------------------------------


def _frames(port: Port, account: str, query: Mapping[str, str], spoken: Words) -> Mapping[str, Any]:
    """What the address asks for: `action`, `outcome`, `before` a number, or `n`, the one that somebody has sent."""
    wanted = exchanges.Filter(query.get("action", "")[:50], query.get("outcome", ""))
    before, n = (_number(query.get(name, "")) for name in ("before", "n"))
    last = port.last_frame()
    single = exchanges.one(port, spoken, n) if n else None
    rows = [single] if single else [] if n else exchanges.found(port, spoken, wanted, before or exchanges.NEWEST)
    return {
        "rows": rows, "wanted": wanted, "before": before, "n": n, "last": last,
        "opened": n, "outcomes": exchanges.OUTCOMES, "more": len(rows) == exchanges.PAGE and not n,
        "actions": sorted({*port.model.messages.sends, *port.model.messages.answers}),
    }  # fmt: skip


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else 0


SUB_TABS = (
    SubTab("overview", "station", _("Station"), shown=is_shown, template="overview.html", live="overview-live.html",
           worded=_station),
    SubTab("overview", "frames", _("OCPP frames"), shown=is_shown, template="frames.html", user=False, worded=_frames),
)  # fmt: skip

FIELDS: tuple[Field, ...] = (
    Field("general", "guide-layout", _("Guide layout only"), key=LAYOUT_KEY, group=_("This tool"),
          help=_("Hides the tab Overview, for who trains on the tool of the real station.")),
)  # fmt: skip
ACTIONS: tuple[Action, ...] = (
    *(Action("station", name, _hand(name), user=True) for name in HANDS),
    Action("station", "cure", _cure),
    Action("supervision", "test", _test),
)
DOWNLOADS: tuple[Download, ...] = ()
RULES: Mapping[str, tuple[Rule, ...]] = {}
