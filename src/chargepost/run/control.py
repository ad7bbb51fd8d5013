"""The control API: what a hand at a station can do, and what an eye sees, over HTTP. One row per request.

It knows the words and what fits a model; the doing is the `Host`'s. A connector is its OCPP number.
"""

import asyncio
import ipaddress
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Protocol, get_args
from urllib.parse import urlsplit

import msgspec
from msgspec import UNSET
from starlette.types import ASGIApp

from chargepost.catalogue import load, names
from chargepost.catalogue.model import Model
from chargepost.drivers.car import CARS, CarSpec
from chargepost.fleet.faults import FrameJudge
from chargepost.ocpp.messages import ChargePointErrorCode
from chargepost.run.control_bodies import (
    BUTTONS,
    AtConnector,
    Button,
    CacheBadge,
    Car,
    CarChanges,
    ClearFault,
    FramesQuery,
    InjectFault,
    Input,
    LinkFaults,
    Live,
    NewStation,
    PlugIn,
    PowerCycle,
    PresentBadge,
    Ready,
    SetKey,
    Start,
    StationsQuery,
    Stop,
    TraceRecord,
    Unplug,
)
from chargepost.signals import BadgeJudged, ConnectorView, LinkView, Note, StationView, StatusChanged, TransactionView
from chargepost.web import LOOPBACK, Asked, Body, Lost, Problem, Route, bearer, build, nearest

VIEW_EVERY_S = 1.0
"""How often an event stream looks for what changed without an event: power and energy."""

POWER_EVERY_S = 0.1
"""How often `start` looks whether power flows, besides at each event."""

Happening = StatusChanged | Note | BadgeJudged | Lost
"""What is said at the moment it happens; `Lost` where a reader was too slow."""


class Refused(Exception):
    """The host cannot do this now: a locked cable, a socket that is taken. `remedy` is what to do first."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason, self.remedy = reason, remedy


class Host(Protocol):
    """Whoever carries the stations. Ids and connectors it is given exist, codes and keys are known to the model.

    What cannot be done now raises `Refused`, a value that does not fit `ValueError`. Views, notes and frames carry no
    secrets. An awaited request has reached the station, which need not have reacted yet.
    """

    async def ids(self) -> Sequence[str]: ...
    async def station(self, identity: str) -> StationView | None: ...
    async def model(self, identity: str) -> Model: ...
    async def create(self, identity: str, model: Model, supervision: str | None, settings: Mapping[str, str]) -> None:
        """A new station that connects at once; `supervision` None: the host's own, if it has one."""

    async def remove(self, identity: str) -> None: ...
    async def plug_in(self, identity: str, connector: int, car: CarSpec | None, outlet: str = "") -> None:
        """`outlet`: the kind of socket meant where several share the connector's number."""

    async def unplug(self, identity: str, connector: int, outlet: str = "") -> None: ...
    async def present_badge(self, identity: str, id_tag: str, connector: int | None) -> None: ...
    async def remote_authorize(self, identity: str, id_tag: str, connector: int | None) -> None: ...
    async def stop(self, identity: str, connector: int, reason: str) -> None: ...
    async def inject_fault(self, identity: str, connector: int, code: str) -> None: ...
    async def clear_fault(self, identity: str, connector: int, code: str | None) -> None: ...
    async def power_cycle(self, identity: str, seconds: float) -> None: ...
    async def button(self, identity: str, name: str, active: bool) -> None: ...
    async def input(self, identity: str, name: str, active: bool) -> None: ...
    async def screen(self, identity: str, connector: int) -> None: ...
    async def change_car(self, identity: str, connector: int, changes: Mapping[str, Any]) -> None:
        """`changes` by the field names of CarSpec."""

    async def link(self, identity: str, cut: bool | None, latency_ms: float | None, judge: FrameJudge | None) -> None:
        """Faults of the link; None leaves that one as it is."""

    async def reset_faults(self, identity: str) -> None: ...
    async def restore(self, identity: str) -> None: ...
    async def set_key(self, identity: str, key: str, value: str) -> None: ...
    async def cache_badge(self, identity: str, id_tag: str, status: str) -> None: ...
    async def charge_now(self, identity: str, connector: int) -> None: ...
    async def frames(self, identity: str, after: int, limit: int) -> Sequence[Mapping[str, Any]]:
        """The newest `limit` frames past number `after`, oldest first, as `TraceRecord`s."""

    def events(self, identity: str) -> AsyncIterator[Happening]:
        """What happens at the station from this call on; closed with `aclose` when nobody reads any more.

        May raise `Problem` when too many read already (as `web.Feed` does).
        """

    async def not_ready(self) -> Sequence[str]:
        """Why not every port answers or not every station is booted; empty when all is well."""

    async def metrics(self) -> str:
        """In the text format of Prometheus."""


# --- what is done --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class At:
    """The station an action is asked of."""

    host: Host
    view: StationView

    @property
    def identity(self) -> str:
        return self.view.id

    def connector(self, number: int) -> ConnectorView:
        for each in self.view.connectors:
            if each.connector == number:
                return each
        known = ", ".join(str(each.connector) for each in self.view.connectors)
        raise Problem(
            404,
            "unknown-connector",
            "Unknown connector",
            f"{self.identity} has no connector {number}.",
            f"It has: {known}.",
        )


def _car(given: str | Car | None) -> CarSpec | None:
    """The car meant. Raises Problem for an unknown name, ValueError for a car that cannot be."""
    if given is None:
        return None
    name = given if isinstance(given, str) else given.like
    if name not in CARS:
        raise Problem(422, "unknown-car", "Unknown car", f"There is no car {name}.", nearest(name, CARS))
    return CARS[name] if isinstance(given, str) else msgspec.structs.replace(CARS[name], **_changes(given))


def _changes(given: CarChanges) -> dict[str, Any]:
    """The fields that are there, by their names in CarSpec."""
    fields = msgspec.structs.asdict(given)
    return {name: value for name, value in fields.items() if value is not UNSET and name != "like"}


async def _plug_in(at: At, body: PlugIn) -> None:
    await at.host.plug_in(at.identity, body.connector, _car(body.car), body.outlet)


async def _unplug(at: At, body: Unplug) -> None:
    await at.host.unplug(at.identity, body.connector, body.outlet)


async def _present_badge(at: At, body: PresentBadge) -> None:
    await at.host.present_badge(at.identity, body.id_tag, body.connector)


async def _remote_authorize(at: At, body: PresentBadge) -> None:
    await at.host.remote_authorize(at.identity, body.id_tag, body.connector)


async def _start(at: At, body: Start) -> None:
    """Plug, badge, and wait for power. Nothing is undone when it fails: the station shows why."""
    connector = at.connector(body.connector)
    if connector.transaction is not None:
        raise Refused(f"connector {body.connector} already has a transaction", "Stop it first.")
    async with aclosing(_live(at.host, at.identity, at.host.events(at.identity), POWER_EVERY_S)) as events:
        if connector.pilot == "A":
            await at.host.plug_in(at.identity, body.connector, _car(body.car))
        await at.host.present_badge(at.identity, body.id_tag, body.connector)
        try:
            async with asyncio.timeout(body.timeout_s):
                async for event in events:
                    if isinstance(event, BadgeJudged) and event.id_tag == body.id_tag and not event.accepted:
                        raise Refused(
                            f"the badge {body.id_tag} was refused: {event.why}",
                            f"Present another badge, or see /stations/{at.identity} for what is in its way.",
                        )
                    if isinstance(event, StationView):
                        connector = At(at.host, event).connector(body.connector)
                        if connector.power_w > 0:
                            return
        except TimeoutError:
            pass
    raise Problem(
        504,
        "no-power",
        "No power yet",
        f"After {body.timeout_s:g} s connector {body.connector} is {connector.status} at {connector.offered_a:g} A "
        f"(limit: {connector.limit_source or 'none'}).",
        f"See /stations/{at.identity}/frames for what the central system said, or give a longer timeout_s.",
    )


async def _stop(at: At, body: Stop) -> None:
    if at.connector(body.connector).transaction is None:
        raise Refused(f"connector {body.connector} has no transaction", "Start one first.")
    await at.host.stop(at.identity, body.connector, body.reason)


async def _inject_fault(at: At, body: InjectFault) -> None:
    await _check_fault(at, body.code)
    await at.host.inject_fault(at.identity, body.connector, body.code)


async def _clear_fault(at: At, body: ClearFault) -> None:
    if body.code is not None:
        await _check_fault(at, body.code)
    await at.host.clear_fault(at.identity, body.connector, body.code)


async def _check_fault(at: At, code: str) -> None:
    """Raises Problem for a code neither the model (in this variant) nor OCPP knows, with those there are."""
    model = await at.host.model(at.identity)
    vendor = [name for name, error in model.errors.items() if not error.variants or model.variant in error.variants]
    ocpp = [name for name in get_args(ChargePointErrorCode) if name != "NoError"]
    if code not in vendor and code not in ocpp:
        raise Problem(
            422,
            "unknown-fault",
            "Unknown fault code",
            f"{model.name} knows no fault {code}.",
            f"Codes of the model: {', '.join(vendor)}. Codes of OCPP: {', '.join(ocpp)}.",
        )


async def _power_cycle(at: At, body: PowerCycle) -> None:
    await at.host.power_cycle(at.identity, body.seconds)


async def _button(at: At, body: Button) -> None:
    if body.name not in BUTTONS:
        raise Problem(
            422, "unknown-button", "Unknown button", f"There is no button {body.name}.", f"Known: {', '.join(BUTTONS)}."
        )
    await at.host.button(at.identity, body.name, body.active)


async def _input(at: At, body: Input) -> None:
    await at.host.input(at.identity, body.name, body.active)


async def _screen(at: At, body: AtConnector) -> None:
    await at.host.screen(at.identity, body.connector)


async def _link(at: At, body: LinkFaults) -> None:
    judge = None if body.frames is None else FrameJudge(body.frames, body.seed, at.identity)
    await at.host.link(at.identity, body.cut, body.latency_ms, judge)


async def _reset_faults(at: At, body: None) -> None:
    await at.host.reset_faults(at.identity)


async def _restore(at: At, body: None) -> None:
    await at.host.restore(at.identity)


async def _set_key(at: At, body: SetKey) -> None:
    _check_key(await at.host.model(at.identity), body.key)
    await at.host.set_key(at.identity, body.key, body.value)


def _check_key(model: Model, key: str) -> None:
    """Raises Problem for a key the model does not have, with the nearest one."""
    if model.key(key) is None:
        remedy = nearest(key, (each.name for each in model.keys.values()))
        raise Problem(422, "unknown-key", "Unknown key", f"{model.name} has no key {key}.", remedy)


async def _cache_badge(at: At, body: CacheBadge) -> None:
    await at.host.cache_badge(at.identity, body.id_tag, body.status)


async def _charge_now(at: At, body: AtConnector) -> None:
    await at.host.charge_now(at.identity, body.connector)


async def hand(at: At, name: str, given: Mapping[str, object]) -> None:
    """One of the actions below, or `change_car`, by its name; for a page that has hands. Raises as they do, and
    ValueError for a body that does not fit."""
    if name == "change_car":
        changes = dict(given)
        connector = at.connector(int(str(changes.pop("connector", "")))).connector
        await at.host.change_car(at.identity, connector, _changes(msgspec.convert(changes, CarChanges, strict=False)))
        return
    action = next((each for each in ACTIONS if each.name == name), None)
    if action is None:
        raise ValueError(f"there is no action {name}")
    body = msgspec.convert(dict(given), action.body, strict=False) if action.body else None
    if number := getattr(body, "connector", None):
        at.connector(number)
    await action.do(at, body)


async def _live(
    host: Host, identity: str, events: AsyncIterator[Happening], every_s: float
) -> AsyncGenerator[StationView | Happening, None]:
    """The station as it is, then what happens and, after each or at least `every_s`, the station when it changed."""
    view = None
    pending: asyncio.Future[Happening] | None = None
    try:
        while (seen := await host.station(identity)) is not None:
            changed = msgspec.structs.replace(seen, utc_s=0.0)
            if changed != view:
                view = changed
                yield seen
            pending = pending or asyncio.ensure_future(anext(events))
            await asyncio.wait({pending}, timeout=every_s)
            if pending.done():
                try:
                    happening, pending = pending.result(), None
                except StopAsyncIteration:
                    return
                yield happening
    finally:
        if pending is not None:
            pending.cancel()
            await asyncio.wait({pending})
        if hasattr(events, "aclose"):
            await events.aclose()


# --- the rows ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Action:
    """One thing a hand does at a station: `POST /stations/{id}/<name>`, answered with the station as it is then."""

    name: str
    summary: str
    body: type[Body] | None
    do: Callable[[At, Any], Awaitable[None]]
    example: Body | None = None


ACTIONS = (
    Action("plug_in", "Plug a cable in, with a car at its other end", PlugIn, _plug_in, PlugIn(1, "City car")),
    Action("present_badge", "Hold a badge to the reader", PresentBadge, _present_badge, PresentBadge("04A2911B", 1)),
    Action(
        "remote_authorize", "Let somebody in from a remote system that is no OCPP supervision",
        PresentBadge, _remote_authorize, PresentBadge("04A2911B", 1),
    ),
    Action("stop", "Stop the charge at the station, with an OCPP reason", Stop, _stop, Stop(1)),
    Action("unplug", "Pull the cable out", Unplug, _unplug, Unplug(1)),
    Action("start", "Plug in, present the badge and wait until power flows", Start, _start, Start(1, "04A2911B")),
    Action(
        "inject_fault", "Raise a fault: a vendor code of the model or an OCPP errorCode",
        InjectFault, _inject_fault, InjectFault(1, "GroundFailure"),
    ),
    Action(
        "clear_fault", "End one fault, or all of a connector", ClearFault, _clear_fault, ClearFault(1, "GroundFailure")
    ),
    Action(
        "power_cycle", "Mains off and on again, at once: nothing is saved first", PowerCycle, _power_cycle, PowerCycle()
    ),
    Action("button", "Press (or release) a push button, key switch or emergency stop", Button, _button, Button("stop")),
    Action(
        "input", "Set a wired contact, door, tilt or detection loop; whether the modem and the meters answer",
        Input, _input, Input("door", True),
    ),
    Action("screen", "Show a connector on a DC station's screen", AtConnector, _screen, AtConnector(1)),
    Action("link", "Faults of the link to the central system", LinkFaults, _link, LinkFaults(latency_ms=200)),
    Action("reset_faults", "End all faults, of the link and of the station", None, _reset_faults),
    Action("restore", "Back to factory settings, by hand", None, _restore),
    Action(
        "set_key", "Set a configuration key as the owner would, past access rules",
        SetKey, _set_key, SetKey("HeartbeatInterval", "60"),
    ),
    Action(
        "cache_badge", "Put a badge into the authorization cache",
        CacheBadge, _cache_badge, CacheBadge("04A2911B", "Accepted"),
    ),
    Action(
        "charge_now", "Charge now, whatever delay or hours its site has: the owner overrides them for this charge",
        AtConnector, _charge_now, AtConnector(1),
    ),
)  # fmt: skip

EXAMPLE_ID = "PROAC-9"
EXAMPLE_STATION = StationView(
    EXAMPLE_ID,
    "evlink-pro-ac/socket",
    "2.0.1",
    LinkView("open", "ws://127.0.0.1:8610/ocpp/PROAC-9", "Accepted"),
    (
        ConnectorView(
            1, "Charging", "NoError", "C", 16.0, "cable 20 A", 7360.0, 1250.5, True, True,
            TransactionView(1, "04A2911B", 1763640000.0, 1000, 250.5),
        ),
    ),
)  # fmt: skip
EXAMPLE_FRAME = TraceRecord(
    "1.1", "2026-11-20T12:00:00.000Z", "json", EXAMPLE_ID, "cp-to-csms", "CALL", "1", "Heartbeat",
    payload={}, ocpp_version="1.6", raw='[2,"1","Heartbeat",{}]', meta={"number": 7},
)  # fmt: skip
AT_EXAMPLE = {"id": EXAMPLE_ID}


class Control:
    """The handlers, on one host."""

    def __init__(self, host: Host) -> None:
        self.host = host

    async def at(self, identity: str) -> At:
        view = await self.host.station(identity)
        if view is None:
            remedy = nearest(identity, await self.host.ids())
            raise Problem(404, "unknown-station", "Unknown station", f"There is no station {identity}.", remedy)
        return At(self.host, view)

    async def list_stations(self, asked: Asked[None, StationsQuery]) -> list[StationView]:
        ids = sorted(each for each in await self.host.ids() if each > asked.query.after)
        views = [await self.host.station(each) for each in ids[: asked.query.limit]]
        return [view for view in views if view is not None]

    async def create_station(self, asked: Asked[NewStation, None]) -> StationView:
        body = asked.body
        if await self.host.station(body.id) is not None:
            raise Problem(409, "taken", "Id is taken", f"There is a station {body.id}.", "Choose another id.")
        model = _model(body.model)
        for key in body.settings:
            _check_key(model, key)
        if body.supervision is not None:
            _check_supervision(body.supervision)
        await _done(self.host.create(body.id, model, body.supervision, body.settings))
        return (await self.at(body.id)).view

    async def show_station(self, asked: Asked[None, None]) -> StationView:
        return (await self.at(asked.path["id"])).view

    async def remove_station(self, asked: Asked[None, None]) -> None:
        at = await self.at(asked.path["id"])
        await _done(self.host.remove(at.identity))

    def acting(self, action: Action) -> Callable[[Asked[Any, None]], Awaitable[StationView]]:
        async def handler(asked: Asked[Any, None]) -> StationView:
            at = await self.at(asked.path["id"])
            if number := getattr(asked.body, "connector", None):
                at.connector(number)
            await _done(action.do(at, asked.body))
            return (await self.at(at.identity)).view

        return handler

    async def change_car(self, asked: Asked[CarChanges, None]) -> StationView:
        at = await self.at(asked.path["id"])
        connector = at.connector(asked.path["connector"]).connector
        await _done(self.host.change_car(at.identity, connector, _changes(asked.body)))
        return (await self.at(at.identity)).view

    async def list_frames(self, asked: Asked[None, FramesQuery]) -> list[Mapping[str, Any]]:
        at = await self.at(asked.path["id"])
        return list(await self.host.frames(at.identity, asked.query.after, asked.query.limit))

    async def follow_station(self, asked: Asked[None, None]) -> AsyncIterator[StationView | Happening]:
        at = await self.at(asked.path["id"])
        return _live(self.host, at.identity, self.host.events(at.identity), VIEW_EVERY_S)

    async def live(self, asked: Asked[None, None]) -> Live:
        return Live()

    async def ready(self, asked: Asked[None, None]) -> Ready:
        reasons = await self.host.not_ready()
        if reasons:
            raise Problem(
                503, "not-ready", "Not ready", "; ".join(reasons), "Wait; if it lasts, look into the log.",
                headers={"retry-after": "1"},
            )  # fmt: skip
        return Ready()

    async def metrics(self, asked: Asked[None, None]) -> str:
        return await self.host.metrics()

    def rows(self) -> list[Route]:
        """The whole API, in an order in which the examples run one after the other."""
        station = "/stations/{id}"
        return [
            Route(
                "GET", "/stations", self.list_stations, "list_stations", "The stations of this process",
                query=StationsQuery, answer=list[StationView], answer_example=[EXAMPLE_STATION], params={"limit": 100},
            ),
            Route(
                "POST", "/stations", self.create_station, "create_station", "Create a station and connect it",
                body=NewStation, answer=StationView, status=201, example=NewStation(EXAMPLE_ID, "evlink-pro-ac"),
                answer_example=EXAMPLE_STATION,
            ),
            Route(
                "GET", station, self.show_station, "show_station", "One station",
                answer=StationView, answer_example=EXAMPLE_STATION, params=AT_EXAMPLE,
            ),
            *(
                Route(
                    "POST", f"{station}/{action.name}", self.acting(action), action.name, action.summary,
                    body=action.body, answer=StationView, example=action.example, params=AT_EXAMPLE, tag="hands",
                )
                for action in ACTIONS
            ),
            Route(
                "PATCH", station + "/car/{connector:int}", self.change_car, "change_car", "Change the car",
                body=CarChanges, answer=StationView, example=CarChanges(ready=True, soc_percent=79.5),
                params=AT_EXAMPLE | {"connector": 1}, tag="hands",
            ),
            Route(
                "GET", f"{station}/frames", self.list_frames, "list_frames",
                "Its last OCPP frames, both ways, in the open trace format v1.1; as JSON lines when asked for",
                query=FramesQuery, answer=list[TraceRecord], answer_example=[EXAMPLE_FRAME],
                params=AT_EXAMPLE | {"after": 0}, tag="eyes",
            ),
            Route(
                "GET", f"{station}/events", self.follow_station, "follow_station", "Live state, as server-sent events",
                events=(StationView, StatusChanged, Note, BadgeJudged, Lost), params=AT_EXAMPLE, tag="eyes",
            ),
            Route(
                "DELETE", station, self.remove_station, "remove_station", "Hang up and remove a station",
                params=AT_EXAMPLE,
            ),
            Route("GET", "/live", self.live, "live", "The process is up", answer=Live, open=True, tag="probes"),
            Route(
                "GET", "/ready", self.ready, "ready", "Its ports answer and its stations are booted; 503 says why not",
                answer=Ready, open=True, tag="probes",
            ),
            Route(
                "GET", "/metrics", self.metrics, "metrics", "Figures for Prometheus",
                answer=str, media="text/plain; version=0.0.4; charset=utf-8", tag="probes",
            ),
        ]  # fmt: skip


async def _done(doing: Awaitable[None]) -> None:
    """What the host refuses, as a problem."""
    try:
        await doing
    except Refused as refused:
        raise Problem(409, "refused", "Cannot be done now", f"{refused.reason}.", refused.remedy) from None
    except ValueError as error:
        raise Problem(422, "invalid", "Not valid", f"{error}.", "See /docs for what may be given.") from None


def _model(name: str) -> Model:
    try:
        return load(name)
    except ValueError as error:
        why = f"{str(error).rstrip('?')}."
        raise Problem(422, "unknown-model", "Unknown model", why, nearest(name, names())) from None


def _check_supervision(url: str) -> None:
    """Raises Problem for what is no WebSocket URL."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("ws", "wss") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise Problem(
            422, "bad-supervision", "Not a supervision URL", "A supervision is reached at ws:// or wss:// and a host.",
            "Give one like ws://127.0.0.1:8610/ocpp; the id is added.",
        )  # fmt: skip


def is_loopback(address: str) -> bool:
    """Whether nobody but this machine can reach a server bound to the address."""
    try:
        return ipaddress.ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return address == "localhost"


def control(host: Host, address: str, token: str | None = None, version: str = "0") -> ASGIApp:
    """The control API for a server bound to `address`. Raises ValueError for other than loopback without a token."""
    if token is None and not is_loopback(address):
        raise ValueError(f"the control API on {address} can be reached by others: it needs a token")
    return build(
        "chargepost control",
        Control(host).rows(),
        version=version,
        guard=bearer(token) if token is not None else None,
        hosts=LOOPBACK if token is None else None,
        description="What a hand at a station can do, and what an eye sees. A connector is its OCPP number.",
    )
