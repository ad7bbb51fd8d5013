"""The pages: stations, one station with its frames, the login. Values in, HTML out. Pure.

Status is a word, a shape and a colour, so that none of them is needed alone.
"""

import re
from urllib.parse import quote, urlencode

import msgspec

from chargepost.supervision.commands import ACTIONS
from chargepost.supervision.examples import EXAMPLES
from chargepost.supervision.ledger import Event
from chargepost.supervision.pages.markup import Child, Html, Row, el, join, table
from chargepost.supervision.views import SHOW, Census, ConnectorOut, RefusedOut, StationOut, TransactionOut, age_s, when
from chargepost.supervision.wishes import SUPERSEDED

PAGE_STATIONS = 50
"""Rows of the list of stations on a page."""

FRAMES_SHOWN, FRAMES_MORE = 20, 200
"""Rows of the frame log on the page, and when more are asked for; the rest is for the API."""

SIZES = ((1.0, ""), (1e3, "k"), (1e6, "M"))
SMALLEST = 0.001
"""Of a watt or an ampere: no meter of a station sees less."""
AGES = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))

KINDS = {
    "Available": "available",
    "Preparing": "waiting",
    "Charging": "charging",
    "SuspendedEVSE": "suspended",
    "SuspendedEV": "suspended",
    "Finishing": "waiting",
    "Reserved": "waiting",
    "Unavailable": "unavailable",
    "Faulted": "faulted",
}

SHAPES = {
    "available": el("circle", cx="8", cy="8", r="5.5", class_="line"),
    "charging": el("path", d="M9.5 1 3 9h4l-1 6 7-8H8.5z"),
    "waiting": el("path", d="M3 1h10v2L9.5 8 13 13v2H3v-2l3.5-5L3 3z"),
    "suspended": el("path", d="M3 2h3.5v12H3zM9.5 2H13v12H9.5z"),
    "faulted": el("path", d="M8 1 15.5 15H.5zM7.2 6v5h1.6V6zM7.2 12v1.6h1.6V12z", fill_rule="evenodd"),
    "unavailable": el("rect", x="1", y="6", width="14", height="4"),
}


def layout(title: str, *content: Child, login: bool = False) -> str:
    """A whole page."""
    nav = el(
        "nav",
        el("a", "Stations", href="/"),
        el("a", "API", href="/docs"),
        el("form", el("button", "Log out", class_="quiet"), method="post", action="/logout"),
    )
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("title", f"{title} - supervision"),
        el("link", rel="stylesheet", href="/static/style.css"),
        el("link", rel="icon", href="/static/icon.svg"),
        [] if login else [el("script", src=f"/static/{name}.js", defer=True) for name in ("live", "command")],
    )
    header = el("header", el("strong", "Supervision"), None if login else nav)
    body = el("body", header, el("main", el("h1", title), *content))
    return f"<!doctype html>{el('html', head, body, lang='en')}"


def live(url: str, content: Child) -> Html:
    """A part that the script fetches anew every few seconds."""
    return el("div", content, data_live=url)


def login_page(problem: str = "", target: str = "/") -> str:
    """`target`: the page that was asked for, on this server."""
    return layout(
        "Log in",
        el("p", problem, class_="problem", role="alert") if problem else None,
        el(
            "form",
            el("label", "User", el("input", name="user", autocomplete="username", value="operator", required=True)),
            el(
                "label",
                "Password",
                el(
                    "input",
                    name="password",
                    type="password",
                    autocomplete="current-password",
                    required=True,
                    autofocus=True,
                ),
            ),
            el("input", type="hidden", name="next", value=target),
            el("button", "Log in"),
            method="post",
            action="/login",
            class_="narrow",
        ),
        el("p", "The password was shown once, where the supervision was started for the first time.", class_="hint"),
        login=True,
    )


def problem_page(title: str, detail: str, remedy: str) -> str:
    """What happened, where, and what to do."""
    return layout(title, el("p", detail, class_="problem", role="alert"), el("p", remedy))


# --- words and numbers ------------------------------------------------------------------------------------------------


def status(word: str, online: bool = True) -> Html:
    kind = KINDS.get(word, "unavailable")
    shape = el("svg", SHAPES[kind], viewBox="0 0 16 16", aria_hidden="true")
    hint = None if online else "Last known: the station is not connected"
    return el("span", shape, word or "not told yet", class_=f"status {kind}{'' if online else ' stale'}", title=hint)


def time(text: str | None) -> Html:
    """In UTC; the script shows it in the reader's own zone."""
    if not text:
        return el("span", "never", class_="hint")
    return el("time", text.replace("T", " ").removesuffix("Z"), datetime=text, title=f"{text} (UTC)")


def age(text: str | None, utc_s: float) -> Html:
    """How long ago that was, in the largest unit that fits: what says whether the rest can be believed."""
    if not text:
        return time(None)
    past_s = max(age_s(text, utc_s), 1)
    size_s, unit = next((size_s, unit) for size_s, unit in AGES if past_s >= size_s)
    words = f"{past_s // size_s} {unit} ago"
    return el("time", words, datetime=text, title=f"{text} (UTC)", class_="age")


def quantity(value: float | None, unit: str) -> str:
    """Three significant digits, kilo from a thousand on: "7.36 kW", "850 W", "0 W"."""
    if value is None:
        return ""
    if abs(value) < SMALLEST:
        return f"0 {unit}"
    size, prefix = next((row for row in SIZES if abs(value) < 999.5 * row[0]), SIZES[-1])
    return f"{value / size:#.3g} {prefix}{unit}".replace(". ", " ")


def energy(value_wh: float | None) -> str:
    """To the Wh, as meters count and bills are made."""
    return "" if value_wh is None else f"{value_wh / 1000:.3f} kWh"


# --- home -------------------------------------------------------------------------------------------------------------


class Home(msgspec.Struct, frozen=True):
    """What the first page is made of."""

    stations: list[StationOut]
    """Of this page of the list."""
    total: int
    """How many the list has."""
    census: Census
    """Of all stations, whatever the list is of."""
    transactions: list[TransactionOut]
    refused: list[RefusedOut]
    utc_s: float
    """Now."""
    connect_url: str
    """Where a station connects; its identity follows."""
    chosen: "Choice"


class Choice(msgspec.Struct, frozen=True):
    """Which stations are listed."""

    find: str = ""
    """Part of an identity."""
    show: str = ""
    """A word of views.SHOW."""
    page: int = 1

    def query(self, page: int = 0) -> str:
        """As the end of an address."""
        words = {"find": self.find, "show": self.show, "page": page or self.page}
        given = urlencode({name: word for name, word in words.items() if word and (name, word) != ("page", 1)})
        return f"?{given}" if given else ""


def home(shown: Home) -> str:
    finder = choice_form(shown.chosen) if shown.census.stations > PAGE_STATIONS else None
    return layout("Stations", finder, live(f"/parts/home{shown.chosen.query()}", home_part(shown)))


def choice_form(chosen: Choice) -> Html:
    options = [el("option", word or "all", value=word, selected=word == chosen.show) for word in SHOW]
    return el(
        "form",
        el("label", "Identity", el("input", name="find", value=chosen.find, placeholder="all")),
        el("label", "Show", el("select", options, name="show")),
        el("button", "Filter", class_="quiet"),
        method="get",
        class_="filter",
    )


def home_part(shown: Home) -> Html:
    all_ = shown.census
    untold = el("span", f"{all_.untold} of {all_.charging} not told", class_="hint") if all_.untold else None
    counts: dict[str, Child] = {
        "online": f"{all_.online} of {all_.stations}",
        "charging": all_.charging,
        "power now": [quantity(all_.power_w, "W"), untold],
        "faults": all_.faults,
    }
    empty: Child = [
        "No station yet. Connect one to ",
        el("code", f"{shown.connect_url}ID"),
        ", with its identity for ID.",
    ]
    return join(
        [
            figures(counts, "figures"),
            table(
                ["Station", "Product", "Connectors", "Power", "Last message"],
                [station_row(station, shown.utc_s) for station in shown.stations],
                "No station fits. Clear the filter." if all_.stations else empty,
                "Stations",
                {"Power"},
            ),
            other_pages(shown),
            refused_part(shown.refused),
            el("h2", "Transactions"),
            transactions_table(shown.transactions),
        ]
    )


def other_pages(shown: Home) -> Html | None:
    """Where one is in the list, and the ways to its other pages."""
    page, last = shown.chosen.page, max(-(-shown.total // PAGE_STATIONS), 1)
    if last == 1:
        return None
    first = (page - 1) * PAGE_STATIONS + 1
    ways = (("First", 1), ("Previous", page - 1), ("Next", page + 1), ("Last", last))
    links = [
        [el("a", word, href=f"/{shown.chosen.query(to)}", class_="more"), " "]
        for word, to in ways
        if 1 <= to <= last and to != page
    ]
    here = f"{first} to {min(first + PAGE_STATIONS - 1, shown.total)} of {shown.total} "
    return el("p", el("span", here, class_="hint"), links)


def figures(words: dict[str, Child], kind: str) -> Html:
    """Words and their values, without those that are not known."""
    known = [(word, join(value)) for word, value in words.items()]
    return el("dl", [el("div", el("dt", word), el("dd", value)) for word, value in known if value.strip()], class_=kind)


def station_link(identity: str) -> Html:
    return el("a", identity, href=f"/stations/{quote(identity, safe='')}")


def station_row(station: StationOut, utc_s: float) -> Row:
    places = [place for place in station.connectors if place.connector]
    powers = [power(place) for place in places]
    return Row(
        [
            [station_link(station.id), link_word(station)],
            [f"{station.vendor} {station.model}".strip(), el("span", station.firmware, class_="hint")],
            [el("div", f"{place.connector} ", status(place.status, station.online), fault(place)) for place in places],
            [el("div", each or Html("&nbsp;")) for each in powers] if any(powers) else None,  # beside its connector
            age(station.last_seen, utc_s),
        ]
    )


def fault(place: ConnectorOut, info: str = "") -> Html | None:
    """What is wrong in the station's words: OCPP's code, its own, and what it adds."""
    words = [word for word in (place.error.removeprefix("NoError"), place.vendor_error, info) if word]
    return el("span", " ".join(words), class_="hint") if words else None


def power(place: ConnectorOut) -> Child:
    """A charge whose station sends no power is said to be so: nothing is not 0 W."""
    if place.power_w is None and place.status == "Charging":
        return el("span", "not told", class_="hint")
    return quantity(place.power_w, "W")


def link_word(station: StationOut) -> Html:
    if not station.online:
        return el("span", "offline", class_="hint")
    if station.registration == "Accepted":
        return el("span", "online", class_="hint")
    return el("span", f"online, {station.registration.lower() or 'not booted yet'}", class_="hint")


def refused_part(refused: list[RefusedOut]) -> Html | None:
    if not refused:
        return None
    rows = [Row([row.id, row.peer, row.reason, row.count, time(row.last)]) for row in refused]
    heads = ["Station", "Address", "Reason", "Times", "Last"]
    return join([el("h2", "Refused connections"), table(heads, rows, "", "Refused connections", {"Times"})])


def judged(row: TransactionOut) -> Html | None:
    return None if row.id_tag_status == "Accepted" else el("span", row.id_tag_status, class_="hint")


def ended(reason: str | None) -> Child:
    """OCPP's reason, or ours with what it means."""
    if reason != SUPERSEDED:
        return reason or ""
    return [reason, el("span", "no stop told, another began here", class_="hint")]


def transactions_table(transactions: list[TransactionOut]) -> Html:
    rows = [
        Row(
            [
                row.transaction,
                [station_link(row.station), f" connector {row.connector}"],
                [row.id_tag, judged(row)],
                time(row.start),
                time(row.stop) if row.stop else "running",
                energy(row.energy_wh),
                ended(row.reason),
            ]
        )
        for row in transactions
    ]
    heads = ["Number", "Where", "idTag", "Start", "Stop", "Energy", "Reason"]
    empty = "No transaction yet. The first charge appears here by itself: plug a car in and present a badge."
    return table(heads, rows, empty, "Transactions", {"Number", "Energy"})


# --- one station ------------------------------------------------------------------------------------------------------


class FrameOut(msgspec.Struct, frozen=True):
    """One line of the frame log."""

    number: int
    at: str
    outgoing: bool
    kind: str
    action: str
    raw: str
    trouble: str
    latency_ms: float | None


class Filter(msgspec.Struct, frozen=True):
    """Which frames are shown."""

    action: str = ""
    direction: str = ""
    errors: bool = False
    more: bool = False
    """FRAMES_MORE of them."""

    @property
    def limit(self) -> int:
        return FRAMES_MORE if self.more else FRAMES_SHOWN

    def query(self) -> str:
        """As the end of an address."""
        words = {"action": self.action, "direction": self.direction, "errors": self.errors, "more": self.more}
        given = urlencode({name: "true" if word is True else word for name, word in words.items() if word})
        return f"?{given}" if given else ""


def station_page(station: StationOut, part: Html, frames: Html, chosen: Filter) -> str:
    path = quote(station.id, safe="")
    return layout(
        station.id,
        live(f"/parts/stations/{path}", part),
        el("h2", "Command"),
        command_form(path),
        el("h2", "Frames", id="frames"),
        filter_form(chosen),
        live(f"/parts/stations/{path}/frames{chosen.query()}", frames),
    )


def station_part(station: StationOut, transactions: list[TransactionOut], events: list[Event], utc_s: float) -> Html:
    facts: dict[str, Child] = {
        "Product": f"{station.vendor} {station.model}".strip(),
        "Firmware": station.firmware,
        "Serial number": station.serial_number,
        "Link": ["online since " if station.online else "offline since ", time(station.link_since)],
        "Registration": station.registration or "not booted yet",
        "Last message": age(station.last_seen, utc_s),
    }
    event_rows = [Row([time(when(row.at_utc_s)), row.event, row.text]) for row in events]
    no_event = "No event yet. Statuses, faults and boots appear here when the station tells them."
    return join(
        [
            figures(facts, "facts"),
            table(
                ["Connector", "Status", "Power", "Current", "Register", "Charge", "Transaction", "Since"],
                [connector_row(place, station.online) for place in station.connectors],
                "No status yet: the station tells it after it booted. "
                "TriggerMessage with StatusNotification, below, asks for it.",
                "Connectors",
                {"Power", "Current", "Register", "Charge"},
            ),
            el("h2", "Transactions"),
            transactions_table(transactions),
            el("details", el("summary", "Events"), table(["Time", "Event", "What"], event_rows, no_event, "Events")),
        ]
    )


def connector_row(place: ConnectorOut, online: bool) -> Row:
    return Row(
        [
            place.connector or "station",
            [status(place.status, online), fault(place, place.info)],
            power(place) if place.connector else "",
            quantity(place.current_a, "A"),
            energy(place.energy_wh),
            f"{place.soc_percent:.0f} %" if place.soc_percent is not None else "",
            f"{place.transaction}, idTag {place.id_tag}" if place.transaction is not None else "",
            time(place.since),
        ]
    )


def command_form(path: str) -> Html:
    """The script fills in the example of the message that is chosen."""
    examples = {name: msgspec.json.format(msgspec.json.encode(EXAMPLES[name]), indent=0).decode() for name in ACTIONS}
    actions = [
        el("option", name, data_example=examples[name], selected=name == "TriggerMessage") for name in sorted(ACTIONS)
    ]
    return el(
        "form",
        el("label", "Message", el("select", actions, name="action")),
        el(
            "label", "Payload", el("textarea", examples["TriggerMessage"], name="payload", rows="3", spellcheck="false")
        ),
        el("button", "Send"),
        el("pre", role="status", aria_label="Answer of the station"),
        data_command=f"/api/stations/{path}/commands/",
        class_="command",
    )


def filter_form(chosen: Filter) -> Html:
    directions = {"": "both ways", "cp-to-csms": "from the station", "csms-to-cp": "to the station"}
    options = [
        el("option", word, value=value, selected=value == chosen.direction) for value, word in directions.items()
    ]
    return el(
        "form",
        el("label", "Action", el("input", name="action", value=chosen.action, placeholder="all")),
        el("label", "Direction", el("select", options, name="direction")),
        el("label", el("input", type="checkbox", name="errors", value="true", checked=chosen.errors), "errors only"),
        el("button", "Filter", class_="quiet"),
        method="get",
        class_="filter",
    )


def frames_part(frames: list[FrameOut], chosen: Filter, path: str = "") -> Html:
    """The newest first; of those on record, one more than is shown says that there are more. `path` is the page's."""
    rows = [
        Row(
            [
                time(frame.at),
                el("span", "to station" if frame.outgoing else "from station", class_="word"),
                [frame.action, el("span", answer_word(frame), class_="hint")],
                "" if frame.latency_ms is None else f"{frame.latency_ms:.0f} ms",
                el("code", [[part, el("wbr")] for part in re.split("(?<=,)", frame.raw)]),
            ],
            "bad" if frame.trouble or frame.kind == "CALLERROR" else None,
            str(frame.number),
        )
        for frame in reversed(frames[-chosen.limit :])
    ]
    filtered = "No frame fits this filter. Clear it, or wait for the next one."
    empty = "No frame yet. They appear when the station connects; TriggerMessage, above, asks it to say something."
    heads = ["Time", "Direction", "Action", "Latency", "Frame"]
    unfiltered = chosen == Filter(more=chosen.more)
    shown = table(heads, rows, empty if unfiltered else filtered, "Frames", {"Latency"})
    return join([shown, more_frames(chosen, path) if len(frames) > chosen.limit else None])


def more_frames(chosen: Filter, path: str) -> Html:
    if chosen.more:
        return el("p", f"The newest {FRAMES_MORE}; for more see the API.", class_="hint")
    query = msgspec.structs.replace(chosen, more=True).query()
    return el("p", el("a", "More frames", href=f"{path}{query}#frames", class_="more"))


def answer_word(frame: FrameOut) -> str:
    if frame.trouble:
        return f"not taken: {frame.trouble}"
    return {"CALL": "asks", "CALLRESULT": "answer", "CALLERROR": "error"}[frame.kind]
