"""The supervision over HTTP: the API's rows, the pages, and the login in front of both.

Every row but the login and the descriptions asks for a session: the cookie of a browser, or the same token as
`Authorization: Bearer`. Pages of other sites are kept out by `web` (Origin, Host) and by SameSite=Strict.
"""

import asyncio
import hmac
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import parse_qs, quote

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp

from chargepost import web
from chargepost.supervision import access, commands, roster, views
from chargepost.supervision.access import Sessions
from chargepost.supervision.host import Host
from chargepost.supervision.ledger import Event, Ledger
from chargepost.supervision.pages import pages
from chargepost.supervision.pages.markup import Html
from chargepost.supervision.state import Station
from chargepost.supervision.tracelog import Frame, trace
from chargepost.supervision.views import BadgeOut, RefusedOut, StationOut, TransactionOut
from chargepost.supervision.wishes import BadgeRow, StationRow
from chargepost.web import Asked, Body, Files, Page, Problem, Route

COOKIE = "chargepost_session"
HASHES_AT_ONCE = 2
"""Password hashes in parallel: each takes a core for 65 ms and 16 MB."""
LOGIN_BYTES_MAX = 4096
LOGIN_DEADLINE_S = 10.0
LOCAL_PATH_MAX = 1000
"""Characters of an address that the login leads back to: no page of ours has a longer one."""
FIND_MAX = 100
"""Characters of a part of an identity."""
OCPP_PATH = "/ocpp/"
"""Where the carrier takes stations, on the same address as the pages."""
PAGE_TRANSACTIONS, PAGE_EVENTS, REFUSED_SHOWN = 20, 50, 10
"""Rows on a page; more than that nobody reads, and the API pages through all."""

IdTag = Annotated[str, msgspec.Meta(min_length=1, max_length=20)]
Limit = Annotated[int, msgspec.Meta(ge=1, le=1000)]
Offset = Annotated[int, msgspec.Meta(ge=0, le=2**31)]


class Paging(Body, frozen=True):
    limit: Limit = 50
    offset: Offset = 0


CENSUS_S = 2.0
"""How long a count of all stations serves whoever looks: each costs a moment of the loop's time."""


class StationQuery(Body, frozen=True):
    find: str = ""
    """Part of an identity, whatever its case."""
    show: Literal["", "online", "offline", "charging", "faulted"] = ""
    limit: Limit = 50
    offset: Offset = 0


class TransactionQuery(Body, frozen=True):
    station: str = ""
    id_tag: str = ""
    open: bool = False
    limit: Limit = 50
    offset: Offset = 0


class FrameQuery(Body, frozen=True):
    after: int = 0
    """Frames with a higher `meta.number` only."""
    action: str = ""
    direction: Literal["", "cp-to-csms", "csms-to-cp"] = ""
    errors: bool = False
    """Only CALLERRORs and what was not taken."""
    limit: Limit = 500


class EventQuery(Body, frozen=True):
    limit: Limit = 50


class BadgeIn(Body, frozen=True):
    """What a badge may do."""

    status: Literal["Accepted", "Blocked", "Invalid"] = "Accepted"
    parent: Annotated[str, msgspec.Meta(max_length=20)] = ""
    expiry: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    comment: Annotated[str, msgspec.Meta(max_length=200)] = ""


class StationIn(Body, frozen=True):
    """What the operator says of a station."""

    boot_policy: Literal["Accepted", "Pending", "Rejected"] = "Accepted"
    """What its next BootNotification is answered."""


class KeyOut(msgspec.Struct, frozen=True):
    """The station's new password, shown this once: `key` as text in hex digits (AuthorizationKey)."""

    user: str
    key: str


class LoginIn(Body, frozen=True):
    user: str
    password: str


class TokenOut(msgspec.Struct, frozen=True):
    """Send it as `Authorization: Bearer <token>`; good for 12 h after its last use."""

    token: str


async def ensure_operator(ledger: Ledger, draw: Callable[[int], bytes]) -> str | None:
    """The operator's first password, to be shown once; None when there is one already."""
    if ledger.user_hash(access.OPERATOR):
        return None
    password = access.new_password(draw)
    await set_operator_password(ledger, draw, password)
    return password


async def set_operator_password(ledger: Ledger, draw: Callable[[int], bytes], password: str) -> None:
    """Used by `ensure_operator` and by a command line that resets a lost password."""
    hashed = await asyncio.to_thread(access.password_hash, password, draw(roster.SALT_BYTES))
    await asyncio.to_thread(ledger.put_user, access.OPERATOR, hashed)


class Supervision:
    """The handlers. `draw(n)` gives n random bytes that nobody can guess."""

    def __init__(self, host: Host, draw: Callable[[int], bytes]) -> None:
        self._host = host
        self._central = host.central
        self._ledger = host.ledger
        self._draw = draw
        self._sessions = Sessions(draw)
        self._hashing = asyncio.Semaphore(HASHES_AT_ONCE)
        self._counted: tuple[float, views.Census | None] = 0.0, None
        """The last count of all stations, and when it was made."""

    # --- who asks ----------------------------------------------------------------------------------------------------

    async def guard(self, request: Request) -> None:
        if not self._knows(request):
            raise Problem(
                401,
                "no-session",
                "Not logged in",
                "This asks for the operator.",
                "Log in at /login, or POST /api/login and send the token as 'Authorization: Bearer <token>'.",
                headers={"www-authenticate": 'Bearer realm="chargepost"'},
            )

    def _knows(self, request: Request) -> bool:
        return self._sessions.holds(_token(request), self._host.now())

    async def _log_in(self, user: str, password: str) -> str:
        """A new token. Raises Problem when the password is wrong, or too many were."""
        now = self._host.now()
        wait_s = self._sessions.must_wait_s(now)
        if wait_s:
            raise Problem(
                429,
                "too-many-logins",
                "Too many wrong passwords",
                "Somebody has been guessing.",
                f"Try again in {wait_s:.0f} s.",
                headers={"retry-after": f"{wait_s:.0f}"},
            )
        stored = self._ledger.user_hash(access.OPERATOR)
        async with self._hashing:
            right = stored is not None and await asyncio.to_thread(access.password_fits, password, stored)
        if not right or not hmac.compare_digest(user.encode("utf-8", "replace"), access.OPERATOR.encode()):
            self._sessions.failed(self._host.now())
            raise Problem(
                401, "wrong-password", "Not logged in", "User or password is wrong.", "Look for a typing error."
            )
        return self._sessions.begin(self._host.now())

    async def api_login(self, asked: Asked[LoginIn, None]) -> TokenOut:
        return TokenOut(await self._log_in(asked.body.user, asked.body.password))

    async def show_login(self, asked: Asked[None, None]) -> str:
        return pages.login_page(target=local_path(asked.request.query_params.get("next", "")))

    async def take_login(self, asked: Asked[None, None]) -> Response:
        form = parse_qs((await _small_body(asked.request)).decode("utf-8", "replace"))
        target = local_path(form.get("next", [""])[0])
        try:
            token = await self._log_in(form.get("user", [""])[0], form.get("password", [""])[0])
        except Problem as problem:
            words = f"{problem.details.detail} {problem.details.remedy}"
            return Response(pages.login_page(words, target), problem.details.status, problem.headers, "text/html")
        answer = RedirectResponse(target, 303)
        answer.set_cookie(COOKIE, token, httponly=True, samesite="strict", secure=asked.request.url.scheme == "https")
        return answer

    async def log_out(self, asked: Asked[None, None]) -> Response:
        self._sessions.end(_token(asked.request))
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(COOKIE)
        return answer

    # --- stations ----------------------------------------------------------------------------------------------------

    async def list_stations(self, asked: Asked[None, StationQuery]) -> list[StationOut]:
        query = asked.query
        return self._stations(self._names(query.find, query.show)[query.offset : query.offset + query.limit])

    def _names(self, find: str, show: str) -> list[str]:
        return views.chosen(self._central.state.stations, find, show)

    def _stations(self, names: list[str]) -> list[StationOut]:
        return [views.station(self._central, self._central.state.stations[name]) for name in names]

    def _census(self) -> views.Census:
        now, (counted_at, census) = self._host.now(), self._counted
        if census is None or not 0 <= now - counted_at < CENSUS_S or len(self._central.state.stations) < 1_000:
            census = views.census(self._central.state.stations.values())
            self._counted = now, census
        return census

    def _found(self, asked: Asked[Any, Any]) -> Station:
        identity = asked.path["id"]
        found = self._central.state.stations.get(identity)
        if found is None:
            raise Problem(
                404,
                "unknown-station",
                "Unknown station",
                f"There is no station {identity[:100]!r}.",
                web.nearest(identity, self._central.state.stations),
            )
        return found

    async def show_station(self, asked: Asked[None, None]) -> StationOut:
        return views.station(self._central, self._found(asked))

    async def put_station(self, asked: Asked[StationIn, None]) -> StationOut:
        identity = asked.path["id"]
        known = self._central.state.stations.get(identity)
        row = known.row if known else StationRow(identity)
        self._central.enrol(msgspec.structs.replace(row, boot_policy=asked.body.boot_policy))
        await self._host.settled()
        return await self.show_station(Asked(None, None, asked.path, asked.request))

    async def drop_station(self, asked: Asked[None, None]) -> None:
        self._central.strike(self._found(asked).identity, self._host.now())
        await self._host.settled()

    async def new_key(self, asked: Asked[None, None]) -> KeyOut:
        """The link that is open stays; the next handshake needs the new key."""
        identity = self._found(asked).identity
        key = roster.new_key(self._draw)
        self._central.set_password(identity, key.encode())
        await self._host.settled()
        return KeyOut(identity, key)

    async def send_command(self, asked: Asked[dict[str, Any], None]) -> dict[str, Any]:
        station = self._found(asked)
        try:
            payload = commands.read(asked.path["action"], msgspec.json.encode(asked.body))
        except commands.UnknownAction as error:
            raise Problem(404, "unknown-action", "Unknown action", f"{error.reason}.", error.remedy) from None
        except commands.BadCommand as error:
            where = f"{error.path}: {error.reason}."
            raise Problem(400, "bad-payload", "Not a valid payload", where, error.remedy) from None
        answered = await self._host.command(station.identity, payload)
        if answered.error:
            raise _command_problem(answered.error, answered.description)
        answer: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(answered.payload))
        return answer

    async def list_frames(self, asked: Asked[None, FrameQuery]) -> list[dict[str, Any]]:
        identity = self._found(asked).identity
        return [trace(identity, frame) for frame in self._frames(identity, asked.query)]

    def _frames(self, identity: str, query: FrameQuery) -> list[Frame]:
        return self._central.frames.frames(
            identity,
            after=query.after,
            action=query.action,
            direction=query.direction,
            errors=query.errors,
            limit=query.limit,
        )

    async def list_events(self, asked: Asked[None, EventQuery]) -> list[Event]:
        return self._ledger.events(self._found(asked).identity, asked.query.limit)

    async def list_refused(self, asked: Asked[None, None]) -> list[RefusedOut]:
        return self._refused()

    def _refused(self) -> list[RefusedOut]:
        return [views.refused(row) for row in reversed(self._central.state.refused.values())]

    # --- transactions and badges -------------------------------------------------------------------------------------

    async def list_transactions(self, asked: Asked[None, TransactionQuery]) -> list[TransactionOut]:
        query = asked.query
        rows = self._ledger.transactions(
            identity=query.station, id_tag=query.id_tag, open_only=query.open, limit=query.limit, offset=query.offset
        )
        return [views.transaction(self._central, row) for row in rows]

    async def list_badges(self, asked: Asked[None, Paging]) -> list[BadgeOut]:
        badges = self._central.state.badges
        names = sorted(badges)[asked.query.offset : asked.query.offset + asked.query.limit]
        return [views.badge(badges[name]) for name in names]

    async def put_badge(self, asked: Asked[BadgeIn, None]) -> BadgeOut:
        body = asked.body
        try:
            id_tag = msgspec.convert(asked.path["id_tag"], IdTag)
        except msgspec.ValidationError as error:
            raise Problem(422, "invalid", "Not valid", f"idTag: {error}.", "An idTag has 1 to 20 characters.") from None
        expiry_utc_s = body.expiry.timestamp() if body.expiry else None
        row = BadgeRow(id_tag, body.status, body.parent, expiry_utc_s, body.comment)
        self._central.put_badge(row)
        await self._host.settled()
        return views.badge(row)

    async def drop_badge(self, asked: Asked[None, None]) -> None:
        self._central.drop_badge(asked.path["id_tag"])
        await self._host.settled()

    # --- pages -------------------------------------------------------------------------------------------------------

    def page(self, handler: Callable[[Asked[Any, Any]], str]) -> web.Handler:
        """A page for the operator: everybody else is sent to the login."""

        async def shown(asked: Asked[Any, Any]) -> str | Response:
            if not self._knows(asked.request):
                return RedirectResponse(_login_for(asked.request), 303)
            try:
                return handler(asked)
            except Problem as problem:
                why = problem.details
                return Response(pages.problem_page(why.title, why.detail, why.remedy), why.status, None, "text/html")

        return shown

    def home(self, asked: Asked[None, None]) -> str:
        return pages.home(self._home(asked.request))

    async def home_part(self, asked: Asked[None, None]) -> str:
        return pages.home_part(self._home(asked.request))

    def _home(self, request: Request) -> pages.Home:
        scheme = "wss" if request.url.scheme == "https" else "ws"
        chosen = _choice(request)
        names = self._names(chosen.find, chosen.show)
        last = max(-(-len(names) // pages.PAGE_STATIONS), 1)
        chosen = msgspec.structs.replace(chosen, page=min(chosen.page, last))
        first = (chosen.page - 1) * pages.PAGE_STATIONS
        return pages.Home(
            self._stations(names[first : first + pages.PAGE_STATIONS]),
            len(names),
            self._census(),
            self._newest(""),
            self._refused()[:REFUSED_SHOWN],
            self._utc_s(),
            f"{scheme}://{request.url.netloc}{OCPP_PATH}",
            chosen,
        )

    def _utc_s(self) -> float:
        return self._central.utc_s(self._host.now())

    def _newest(self, identity: str) -> list[TransactionOut]:
        rows = self._ledger.transactions(identity=identity, limit=PAGE_TRANSACTIONS)
        return [views.transaction(self._central, row) for row in rows]

    def station_page(self, asked: Asked[None, None]) -> str:
        station = views.station(self._central, self._found(asked))
        chosen = _filter(asked.request)
        frames = self._frames_shown(station.id, chosen)
        return pages.station_page(station, self._station(station), frames, chosen)

    async def station_part(self, asked: Asked[None, None]) -> str:
        return self._station(views.station(self._central, self._found(asked)))

    def _station(self, station: StationOut) -> Html:
        events = self._ledger.events(station.id, PAGE_EVENTS)
        return pages.station_part(station, self._newest(station.id), events, self._utc_s())

    async def frames_part(self, asked: Asked[None, None]) -> str:
        return self._frames_shown(self._found(asked).identity, _filter(asked.request))

    def _frames_shown(self, identity: str, chosen: pages.Filter) -> Html:
        query = FrameQuery(
            action=chosen.action,
            direction=chosen.direction,  # type: ignore[arg-type]  # _filter checked it
            errors=chosen.errors,
            limit=chosen.limit + 1,
        )
        lines = [_line(identity, frame) for frame in self._frames(identity, query)]
        return pages.frames_part(lines, chosen, f"/stations/{quote(identity, safe='')}")

    # --- the rows ----------------------------------------------------------------------------------------------------

    def rows(self) -> list[web.Row]:
        """All requests; a carrier may add its own before it builds the application with `guard`."""
        station = {"id": "PROAC-1"}
        return [
            Route(
                "POST", "/api/login", self.api_login, "login", "A token for the API.",
                body=LoginIn, answer=TokenOut, open=True, tag="access",
                example=LoginIn("operator", "the password shown once"),
            ),
            Route(
                "GET", "/api/stations", self.list_stations, "listStations",
                "All stations with their connectors, by identity.",
                query=StationQuery, answer=list[StationOut], tag="stations",
            ),
            Route(
                "GET", "/api/stations/{id}", self.show_station, "showStation", "One station.",
                answer=StationOut, params=station, tag="stations",
            ),
            Route(
                "PUT", "/api/stations/{id}", self.put_station, "putStation",
                "Put a station on the roster, or change what its next boot is answered.",
                body=StationIn, answer=StationOut, params=station, example=StationIn(), tag="stations",
            ),
            Route(
                "DELETE", "/api/stations/{id}", self.drop_station, "deleteStation",
                "Take a station off the roster and close its link; its transactions stay.",
                params=station, tag="stations",
            ),
            Route(
                "POST", "/api/stations/{id}/key", self.new_key, "newStationKey",
                "A new random password for the station, shown this once.",
                answer=KeyOut, params=station, tag="stations",
            ),
            Route(
                "POST", "/api/stations/{id}/commands/{action}", self.send_command, "sendCommand",
                "Send any message a central system may send; the answer is the station's. 409 when it is offline, "
                "504 when it is silent, 502 when it answers with an error.",
                body=dict[str, Any], answer=dict[str, Any], tag="stations",
                params={**station, "action": "TriggerMessage"}, example={"requestedMessage": "Heartbeat"},
                answer_example={"status": "Accepted"},
            ),
            Route(
                "GET", "/api/stations/{id}/frames", self.list_frames, "listFrames",
                "The last OCPP frames both ways in the open trace format v1.1, without secrets.",
                query=FrameQuery, answer=list[dict[str, Any]], params=station, tag="stations",
            ),
            Route(
                "GET", "/api/stations/{id}/events", self.list_events, "listEvents",
                "What happened: statuses, faults, boots, security events. The newest first.",
                query=EventQuery, answer=list[Event], params=station, tag="stations",
            ),
            Route(
                "GET", "/api/refused", self.list_refused, "listRefused", "Refused handshakes, by who and why.",
                answer=list[RefusedOut], tag="stations",
            ),
            Route(
                "GET", "/api/transactions", self.list_transactions, "listTransactions",
                "Transactions, the newest first; with a stop they are charge records.",
                query=TransactionQuery, answer=list[TransactionOut], tag="transactions",
            ),
            Route(
                "GET", "/api/badges", self.list_badges, "listBadges", "The badges, by idTag.",
                query=Paging, answer=list[BadgeOut], tag="badges",
            ),
            Route(
                "PUT", "/api/badges/{id_tag}", self.put_badge, "putBadge", "Say what a badge may do.",
                body=BadgeIn, answer=BadgeOut, params={"id_tag": "04A2B391"}, example=BadgeIn(), tag="badges",
            ),
            Route(
                "DELETE", "/api/badges/{id_tag}", self.drop_badge, "deleteBadge", "Take a badge off the table.",
                params={"id_tag": "04A2B391"}, tag="badges",
            ),
            Page("/login", self.show_login, open=True),
            Page("/login", self.take_login, method="POST", open=True),
            Page("/logout", self.log_out, method="POST"),
            Page("/", self.page(self.home), open=True),
            Page("/stations/{id}", self.page(self.station_page), open=True),
            Page("/parts/home", self.home_part),
            Page("/parts/stations/{id}", self.station_part),
            Page("/parts/stations/{id}/frames", self.frames_part),
            Files("/static", "chargepost.supervision", "pages/static"),
        ]  # fmt: skip


def application(host: Host, draw: Callable[[int], bytes], *, hosts: frozenset[str] | None = web.LOOPBACK) -> ASGIApp:
    """The supervision as an ASGI application. `hosts` are the names it answers to (see `web.build`)."""
    supervision = Supervision(host, draw)
    return web.build(
        "chargepost supervision",
        supervision.rows(),
        guard=supervision.guard,
        hosts=hosts,
        description="The central system: stations, transactions, badges, and any OCPP command.",
    )


def local_path(text: str) -> str:
    """The path when it surely stays on this server, else the first page.

    Browsers read a backslash as a slash, and leave out tabs and line ends: none of these is let through.
    """
    plain = len(text) <= LOCAL_PATH_MAX and text.isascii() and text.isprintable() and "\\" not in text
    return text if plain and text.startswith("/") and not text.startswith("//") else "/"


def _choice(request: Request) -> pages.Choice:
    """What the address asks for; what it cannot ask for is as if it were not there."""
    asked = request.query_params
    show, page = asked.get("show", ""), asked.get("page", "")
    number = int(page) if page.isdecimal() and page.isascii() and len(page) < 8 else 1
    return pages.Choice(asked.get("find", "")[:FIND_MAX].strip(), show if show in views.SHOW else "", max(number, 1))


def _login_for(request: Request) -> str:
    """The login, and the page that was asked for behind it: a shared link survives."""
    path, query = request.scope["raw_path"].decode("ascii", "replace"), request.url.query
    path += f"?{query}" if query else ""
    return "/login" if path == "/" else f"/login?next={quote(path, safe='/')}"


def _token(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else request.cookies.get(COOKIE, "")


async def _small_body(request: Request) -> bytes:
    data = b""
    async with asyncio.timeout(LOGIN_DEADLINE_S):
        async for chunk in request.stream():
            data += chunk
            if len(data) > LOGIN_BYTES_MAX:
                raise Problem(413, "too-large", "Too large", "That is no login.", "Send user and password only.")
    return data


def _command_problem(code: str, description: str) -> Problem:
    """Offline 409, too many 429, silent 504; what the station itself refused is 502 with its code."""
    if code == "Offline":
        return Problem(409, "offline", "Not connected", description, "Wait until the station connects, then try again.")
    if code == "Busy":
        return Problem(429, "busy", "Too many commands", description, "Wait for the others to end.")
    if code in ("Silent", "LinkLost"):
        return Problem(504, "silent", "No answer", description, "See the station's link and frames, then try again.")
    remedy = "The station refuses this message; see its frames."
    return Problem(502, "callerror", code, description or "The station gives no reason.", remedy)


def _filter(request: Request) -> pages.Filter:
    """The filter of the frame log; what is no filter is none."""
    given = request.query_params
    direction = given.get("direction", "")
    known = direction if direction in ("cp-to-csms", "csms-to-cp") else ""
    return pages.Filter(given.get("action", "").strip()[:50], known, bool(given.get("errors")), bool(given.get("more")))


def _line(identity: str, frame: Frame) -> pages.FrameOut:
    record = trace(identity, frame)
    return pages.FrameOut(
        frame.number,
        record["timestamp"],
        frame.direction == "csms-to-cp",
        record["messageType"],
        record["action"],
        record["raw"],
        frame.trouble,
        record["meta"].get("latencyMs"),
    )
