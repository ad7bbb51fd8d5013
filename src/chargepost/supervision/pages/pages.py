"""The pages: stations, one station with its frames, the login. Values in, HTML out. Pure.

Status is a word, a shape and a colour, so that none of them is needed alone.
"""

from urllib.parse import quote

import msgspec

from chargepost.supervision.commands import ACTIONS
from chargepost.supervision.ledger import Event
from chargepost.supervision.pages.markup import Child, Html, el, join, table
from chargepost.supervision.views import ConnectorOut, RefusedOut, StationOut, TransactionOut, when

FRAMES_SHOWN = 200
"""Rows of the frame log on the page; more is for the API."""

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
        el("meta", name="referrer", content="same-origin"),  # else a form's Origin is "null", and refused
        el("title", f"{title} - supervision"),
        el("link", rel="stylesheet", href="/static/style.css"),
        el("link", rel="icon", href="/static/icon.svg"),
        None if login else el("script", src="/static/live.js", defer=True),
    )
    header = el("header", el("strong", "Supervision"), None if login else nav)
    body = el("body", header, el("main", el("h1", title), *content))
    return f"<!doctype html>{el('html', head, body, lang='en')}"


def live(url: str, content: Child) -> Html:
    """A part that the script fetches anew every few seconds."""
    return el("div", content, data_live=url)


def login_page(problem: str = "") -> str:
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


def quantity(value: float | None, unit: str) -> str:
    """Three significant digits, kilo above a thousand: "7.36 kW"."""
    if value is None:
        return ""
    if abs(value) >= 1000:
        value, unit = value / 1000, f"k{unit}"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:.{digits}f} {unit}"


# --- home -------------------------------------------------------------------------------------------------------------


def home(content: Html) -> str:
    return layout("Stations", live("/parts/home", content))


def home_part(
    stations: list[StationOut], total: int, transactions: list[TransactionOut], refused: list[RefusedOut]
) -> Html:
    places = [place for station in stations for place in station.connectors if place.connector]
    counts = {
        "online": f"{sum(station.online for station in stations)} of {total}",
        "charging": str(sum(place.status == "Charging" for place in places)),
        "power now": quantity(sum(place.power_w or 0 for place in places), "W"),
        "faults": str(sum(place.status == "Faulted" for place in places)),
    }
    return join(
        [
            figures(counts, "figures"),
            table(
                ["Station", "Product", "Connectors", "Power", "Last message"],
                [station_row(station) for station in stations],
                "No station yet. Connect one to ws://HOST:PORT/ocpp/ID, as this server's address line says.",
                "Stations",
            ),
            el("p", f"{total - len(stations)} more: see the API.", class_="hint") if total > len(stations) else None,
            refused_part(refused),
            el("h2", "Transactions"),
            transactions_table(transactions),
        ]
    )


def figures(words: dict[str, str], kind: str) -> Html:
    """Words and their values, without those that are not known."""
    return el(
        "dl",
        [el("div", el("dt", word), el("dd", value)) for word, value in words.items() if value.strip()],
        class_=kind,
    )


def station_row(station: StationOut) -> Html:
    places = [place for place in station.connectors if place.connector]
    power = [quantity(place.power_w, "W") for place in places if place.power_w]
    return el(
        "tr",
        el("td", el("a", station.id, href=f"/stations/{quote(station.id, safe='')}"), link_word(station)),
        el("td", f"{station.vendor} {station.model}", el("span", station.firmware, class_="hint")),
        el("td", [el("div", f"{place.connector} ", status(place.status, station.online)) for place in places]),
        el("td", [el("div", text) for text in power], class_="number"),
        el("td", time(station.last_seen)),
    )


def link_word(station: StationOut) -> Html:
    if not station.online:
        return el("span", "offline", class_="hint")
    if station.registration == "Accepted":
        return el("span", "online", class_="hint")
    return el("span", f"online, {station.registration.lower() or 'not booted yet'}", class_="hint")


def refused_part(refused: list[RefusedOut]) -> Html | None:
    if not refused:
        return None
    rows = [
        el(
            "tr",
            el("td", row.id),
            el("td", row.peer),
            el("td", row.reason),
            el("td", row.count, class_="number"),
            el("td", time(row.last)),
        )
        for row in refused
    ]
    heads = ["Station", "Address", "Reason", "Times", "Last"]
    return join([el("h2", "Refused connections"), table(heads, rows, "", "Refused connections")])


def judged(row: TransactionOut) -> Html | None:
    return None if row.id_tag_status == "Accepted" else el("span", row.id_tag_status, class_="hint")


def transactions_table(transactions: list[TransactionOut]) -> Html:
    rows = [
        el(
            "tr",
            el("td", row.transaction, class_="number"),
            el(
                "td",
                el("a", row.station, href=f"/stations/{quote(row.station, safe='')}"),
                f" connector {row.connector}",
            ),
            el("td", row.id_tag, judged(row)),
            el("td", time(row.start)),
            el("td", time(row.stop) if row.stop else "running"),
            el("td", quantity(row.energy_wh, "Wh"), class_="number"),
            el("td", row.reason or ""),
        )
        for row in transactions
    ]
    heads = ["Number", "Where", "idTag", "Start", "Stop", "Energy", "Reason"]
    return table(heads, rows, "No transaction yet. The first charge appears here by itself.", "Transactions")


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


def station_page(station: StationOut, part: Html, frames: Html, chosen: Filter, query: str) -> str:
    path = quote(station.id, safe="")
    return layout(
        station.id,
        live(f"/parts/stations/{path}", part),
        el("h2", "Command"),
        command_form(path),
        el("h2", "Frames"),
        filter_form(chosen),
        live(f"/parts/stations/{path}/frames{query}", frames),
    )


def station_part(station: StationOut, transactions: list[TransactionOut], events: list[Event]) -> Html:
    facts = {
        "Product": f"{station.vendor} {station.model}",
        "Firmware": station.firmware,
        "Serial number": station.serial_number,
        "Link": "online" if station.online else "offline",
        "Registration": station.registration or "not booted yet",
    }
    event_rows = [
        el("tr", el("td", time(when(row.at_utc_s))), el("td", row.event), el("td", row.text)) for row in events
    ]
    events_table = table(["Time", "Event", "What"], event_rows, "No event yet.", "Events")
    return join(
        [
            figures(facts, "facts"),
            table(
                ["Connector", "Status", "Power", "Current", "Register", "Charge", "Transaction", "Since"],
                [connector_row(place, station.online) for place in station.connectors],
                "No status yet: the station tells it after it booted.",
                "Connectors",
            ),
            el("h2", "Transactions"),
            transactions_table(transactions),
            el("details", el("summary", "Events"), events_table),
        ]
    )


def connector_row(place: ConnectorOut, online: bool) -> Html:
    words = [word for word in (place.error if place.error != "NoError" else "", place.vendor_error, place.info) if word]
    running = f"{place.transaction}, idTag {place.id_tag}" if place.transaction is not None else ""
    return el(
        "tr",
        el("td", place.connector or "station"),
        el("td", status(place.status, online), el("span", " ".join(words), class_="hint") if words else None),
        el("td", quantity(place.power_w, "W"), class_="number"),
        el("td", quantity(place.current_a, "A"), class_="number"),
        el("td", quantity(place.energy_wh, "Wh"), class_="number"),
        el("td", f"{place.soc_percent:.0f} %" if place.soc_percent is not None else "", class_="number"),
        el("td", running),
        el("td", time(place.since)),
    )


def command_form(path: str) -> Html:
    actions = [el("option", name, selected=name == "TriggerMessage") for name in sorted(ACTIONS)]
    example = '{"requestedMessage": "StatusNotification"}'
    return el(
        "form",
        el("label", "Message", el("select", actions, name="action")),
        el("label", "Payload", el("textarea", example, name="payload", rows="3", spellcheck="false")),
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


def frames_part(frames: list[FrameOut]) -> Html:
    """The newest first."""
    rows = [
        el(
            "tr",
            el("td", time(frame.at)),
            el("td", "to station" if frame.outgoing else "from station", class_="word"),
            el("td", frame.action, el("span", answer_word(frame), class_="hint")),
            el("td", "" if frame.latency_ms is None else f"{frame.latency_ms:.0f} ms", class_="number"),
            el("td", el("code", frame.raw)),
            class_="bad" if frame.trouble or frame.kind == "CALLERROR" else None,
            data_key=str(frame.number),
        )
        for frame in reversed(frames)
    ]
    return table(["Time", "Direction", "Action", "Latency", "Frame"], rows, "No frame fits.", "Frames")


def answer_word(frame: FrameOut) -> str:
    if frame.trouble:
        return f"not taken: {frame.trouble}"
    return {"CALL": "asks", "CALLRESULT": "answer", "CALLERROR": "error"}[frame.kind]
