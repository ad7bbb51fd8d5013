"""What an open page is told at once: frames of the link and points of the curve, over one WebSocket a tab.

A page asks for what it shows. What has happened before came with the page itself, so little waits for a reader at any
time; who does not read is cut off by the wire (`websocket.UNSENT_MAX`).
"""

import asyncio
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from chargepost.commissioning import exchanges, pages
from chargepost.commissioning.access import ADMIN
from chargepost.commissioning.api import COOKIE, LANGUAGE_COOKIE, Embedded
from chargepost.commissioning.exchanges import Filter
from chargepost.commissioning.views import zone
from chargepost.commissioning.words import LANGUAGES, words
from chargepost.run.websocket import Handshake, Link, Listener, Refusal

if TYPE_CHECKING:
    from chargepost.run.tool import Tools

TICK_S = 0.5
"""Of the machine: what happens is on the page within that."""

STREAMS_MAX = 40
"""Of one station: as many as sessions; past it pages poll."""

ROWS_MAX = 200
"""Exchanges told at once; of a flood the newest."""

ASKED_BYTES_MAX = 1_000
"""What a page asks for is a line."""

NO_SESSION = 4401
"""Close code: whoever it was has logged out."""


class FramesAsked(msgspec.Struct, frozen=True):
    action: str = ""
    outcome: str = ""
    after: int = 0
    """The number of the last frame that the page shows."""


class CurveAsked(msgspec.Struct, frozen=True):
    connector: int
    taken: int = 0
    """Samples that the page has."""


class Asked(msgspec.Struct, frozen=True):
    """What a page wants to be told from now on."""

    frames: FramesAsked | None = None
    curve: CurveAsked | None = None
    picture: bool = False
    """Whether something else has changed on it."""


class Streams:
    """All open ones of a process; one timer for all of them."""

    def __init__(self, tools: "Tools", loop: asyncio.AbstractEventLoop, hosts: frozenset[str] | None) -> None:
        """`hosts`: the names that pages are served under; None for any (see `web.build`)."""
        self._tools, self.loop, self._hosts = tools, loop, hosts
        self.open: dict[Stream, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def admit(self, handshake: Handshake) -> Listener | Refusal:
        """A page of ours, whose session lives."""
        headers = handshake.headers
        host = headers.get("host", "")
        if self._hosts is not None and (urlsplit(f"//{host}").hostname or "") not in self._hosts:
            return Refusal(403, "this address is served under its own name only")
        if headers.get("origin", "").partition("://")[2].lower() != host.lower():
            return Refusal(403, "another site's page may not listen here")
        embedded = self._tools.embedded(handshake.identity)
        if embedded is None:
            return Refusal(404, "there is no station of this name here")
        cookies = _cookies(headers.get("cookie", ""))
        stream = Stream(self, embedded, cookies.get(COOKIE, ""), cookies.get(LANGUAGE_COOKIE, ""))
        if stream.account() is None:
            return Refusal(401, "log in first")
        if sum(each.embedded is embedded for each in self.open) >= STREAMS_MAX:
            return Refusal(503, "too many pages of this station are open")
        return stream

    def begin(self, stream: "Stream") -> None:
        self.open[stream] = None
        if self._timer is None:
            self._timer = self.loop.call_later(TICK_S, self._tick)

    def end(self, stream: "Stream") -> None:
        self.open.pop(stream, None)

    def _tick(self) -> None:
        self._timer = self.loop.call_later(TICK_S, self._tick) if self.open else None
        for stream in list(self.open):
            stream.tick()


class Stream:
    """One page; a listener of its WebSocket."""

    def __init__(self, streams: Streams, embedded: Embedded, token: str, language: str) -> None:
        self._streams, self.embedded, self._token = streams, embedded, token
        self._language = language if language in LANGUAGES else "en"
        self._link: Link | None = None
        self._asked = Asked()
        self._seen = self._taken = 0
        self._open: set[int] = set()
        """Exchanges that were told without their answer."""
        self._shown: object = None

    def account(self) -> str | None:
        """Who is on the page; None when nobody may be any more. Listening is no use of the session."""
        access = self.embedded.access
        session = access.session(self._token, self._streams.loop.time(), using=False)
        return None if session is None or access.must_change(session.account) else session.account

    # --- of the wire -------------------------------------------------------------------------------------------------

    def opened(self, link: Link, subprotocol: str) -> None:
        self._link = link
        self._streams.begin(self)

    def received(self, data: bytes) -> None:
        try:
            asked = msgspec.json.decode(data if len(data) <= ASKED_BYTES_MAX else b"", type=Asked)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            if self._link:
                self._link.close(1008, "not a question of our pages")
            return
        self._asked = asked
        port = self.embedded.port
        self._seen = min(asked.frames.after, port.last_frame()) if asked.frames else 0
        taken = asked.curve.taken if asked.curve else 0
        self._taken = taken if taken <= port.samples_taken else 0  # else they are of an earlier program
        self._open.clear()
        self.tick()

    def ponged(self) -> None: ...

    def closed(self, reason: str, status: int | None) -> None:
        self._streams.end(self)
        self._link = None

    # --- what is told ------------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """Tell what is new."""
        account = self.account()
        if self._link is None:
            return
        if account is None:
            self._link.close(NO_SESSION, "nobody is logged in any more")
            return
        if not self.embedded.port.powered:
            return
        if self._asked.frames and account == ADMIN:
            self._tell_frames(self._asked.frames)
        if self._asked.curve:
            self._tell_curve(self._asked.curve.connector)
        if self._asked.picture:
            self._tell_change()

    def _send(self, what: Mapping[str, object]) -> None:
        if self._link:
            self._link.send(msgspec.json.encode(what))

    def _tell_frames(self, asked: FramesAsked) -> None:
        port, spoken = self.embedded.port, words(self._language)
        last = port.last_frame(self._seen)
        if last == self._seen and not self._open:
            return
        wanted, rows = Filter(asked.action, asked.outcome), []
        floor = min(self._open, default=self._seen + 1) - 1
        for each in exchanges.newest_first(port, spoken, floor=floor):
            if each.changed <= self._seen and (each.number not in self._open or each.outcome == "open"):
                continue
            self._open.discard(each.number)
            if each.outcome == "open":
                self._open.add(each.number)
            if wanted.takes(each):
                rows.append(each)
            if len(rows) == ROWS_MAX:
                break
        self._seen = last
        if rows:
            told = [(each.number, self._row(each)) for each in reversed(rows)]
            self._send({"rows": told, "last": last})

    def _row(self, exchange: exchanges.Exchange) -> str:
        context = {"x": exchange, "zone": zone(self.embedded.port), "opened": 0, "outcomes": exchanges.OUTCOMES}
        return pages.render("exchange.html", self._language, **context)

    def _tell_curve(self, connector: int) -> None:
        port = self.embedded.port
        if port.samples_taken == self._taken:
            return
        self._send({"curve": curve(self.embedded, connector, self._taken)})
        self._taken = port.samples_taken

    def _tell_change(self) -> None:
        view = self.embedded.port.view()
        link = view.link
        shown = link.state, link.boot, link.error, tuple(
            (each.status, each.error, each.offered_a, each.limit_source, each.locked, each.pilot)
            for each in view.connectors
        )  # fmt: skip
        if shown != self._shown:
            self._shown = shown
            self._send({"changed": True})  # the first time, too: the page is older than its stream


def curve(embedded: Embedded, connector: int, taken: int = 0) -> dict[str, object]:
    """The samples past so many, as columns."""
    port = embedded.port
    samples = port.samples(connector, taken)
    return {
        "connector": connector,
        "from": taken,
        "taken": port.samples_taken,
        "at": [round(each.at_utc_s) for each in samples],
        "power_kw": [round(each.power_w / 1000, 3) for each in samples],
        "offered_a": [round(each.offered_a, 1) for each in samples],
        "soc": [None if each.soc_percent is None else round(each.soc_percent, 1) for each in samples],
    }


def _cookies(text: str) -> dict[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(text).items()}
    except CookieError:
        return {}
