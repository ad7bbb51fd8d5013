"""The control API (run/control.py) on a real loopback server, over a host kept in memory: the runner's boundary."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from random import Random
from typing import Any

import httpx2
import msgspec
import pytest
from jsonschema import Draft202012Validator
from msgspec.structs import replace
from tests.patience import PATIENCE_S
from tests.shells.serving import served

from chargepost.catalogue.model import Model
from chargepost.drivers.car import CarSpec
from chargepost.run.control import (
    ACTIONS,
    Control,
    Happening,
    Refused,
    control,
    is_loopback,
)
from chargepost.run.control_bodies import TraceRecord
from chargepost.signals import BadgeJudged, ConnectorView, LinkView, StationView, StatusChanged, TransactionView
from chargepost.web import FEED_READERS, Feed, ProblemDetails, Reader

BLOCKED = "BLOCKED"
SLOW = "SLOW"
FREE = ConnectorView(1, "Available", "NoError", "A", 0.0, "", 0.0, 1000.0, False, False)


class MemoryHost:
    """Stations that react at once, as far as the control API can see."""

    def __init__(self) -> None:
        self.views: dict[str, StationView] = {}
        self.models: dict[str, Model] = {}
        self.told: list[tuple[Any, ...]] = []
        self.feed: Feed[Happening] = Feed()
        self.trouble: list[str] = []

    async def ids(self) -> Sequence[str]:
        return list(self.views)

    async def station(self, identity: str) -> StationView | None:
        return self.views.get(identity)

    async def model(self, identity: str) -> Model:
        return self.models[identity]

    async def create(self, identity: str, model: Model, supervision: str | None, settings: Mapping[str, str]) -> None:
        self.told.append(("create", identity, model.name, supervision, dict(settings)))
        self.models[identity] = model
        self.views[identity] = StationView(identity, model.line, model.release, LinkView("open", ""), (FREE,))

    async def remove(self, identity: str) -> None:
        del self.views[identity]

    async def plug_in(self, identity: str, connector: int, car: CarSpec | None, outlet: str = "") -> None:
        if self.views[identity].connectors[0].pilot != "A":
            raise Refused("a cable is there already", "Unplug it first.")
        self.told.append(("plug_in", identity, connector, car))
        self._connector(identity, pilot="B", status="Preparing")

    async def unplug(self, identity: str, connector: int, outlet: str = "") -> None:
        self._connector(identity, pilot="A", status="Available", power_w=0.0, transaction=None)

    async def present_badge(self, identity: str, id_tag: str, connector: int | None) -> None:
        accepted = id_tag != BLOCKED
        self.feed.publish(BadgeJudged(id_tag, connector, accepted, "" if accepted else "Blocked"))
        plugged = self.views[identity].connectors[0].pilot != "A"
        if accepted and plugged and id_tag != SLOW:
            tx = TransactionView(1, id_tag, 0.0, 1000, 0.0)
            self.feed.publish(StatusChanged(1, "Preparing", "Charging", "NoError", 0.0))
            self._connector(identity, status="Charging", power_w=7360.0, transaction=tx)

    async def change_car(self, identity: str, connector: int, changes: Mapping[str, Any]) -> None:
        replace(CarSpec(), **changes)
        self.told.append(("change_car", identity, connector, dict(changes)))

    async def frames(self, identity: str, after: int, limit: int) -> Sequence[Mapping[str, Any]]:
        record = TraceRecord("1.1", "", "json", identity, "cp-to-csms", "CALL", action="Heartbeat", meta={"number": 1})
        return [msgspec.to_builtins(record)][after:][:limit]

    def events(self, identity: str) -> Reader[Happening]:
        return self.feed.subscribe()

    async def not_ready(self) -> Sequence[str]:
        return self.trouble

    async def metrics(self) -> str:
        return f"chargepost_stations {len(self.views)}\n"

    def _connector(self, identity: str, **changes: Any) -> None:
        view = self.views[identity]
        self.views[identity] = replace(view, connectors=(replace(view.connectors[0], **changes),))

    async def _tell(self, *what: Any) -> None:
        self.told.append(what)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """The rest only is told."""
        if name not in {action.name for action in ACTIONS}:
            raise AttributeError(name)
        return lambda *given: self._tell(name, *given)


@pytest.fixture
def host() -> MemoryHost:
    return MemoryHost()


@pytest.fixture
async def client(host: MemoryHost) -> AsyncIterator[httpx2.AsyncClient]:
    async with served(control(host, "127.0.0.1")) as client:
        await client.post("/stations", json={"id": "PROAC-1", "model": "evlink-pro-ac"})
        yield client


async def test_the_example_of_every_row_works_in_order_and_answers_by_its_schema(host: MemoryHost) -> None:
    async with served(control(host, "127.0.0.1")) as client:
        document = (await client.get("/openapi.json")).json()
        for row in Control(host).rows():
            if row.events:
                continue
            params = dict(row.params)
            path = row.path.replace(":int", "").format(**params)
            query = {name: value for name, value in params.items() if f"{{{name}" not in row.path}
            body = None if row.example is None else msgspec.to_builtins(row.example)
            answer = await client.request(row.method, path, params=query, json=body)
            assert answer.status_code == (204 if row.answer is None else row.status), (row.operation, answer.text)
            if row.answer not in (None, str):
                operation = document["paths"][row.path.replace(":int", "")][row.method.lower()]
                schema = operation["responses"][str(row.status)]["content"]["application/json"]["schema"]
                Draft202012Validator(schema | {"components": document["components"]}).validate(answer.json())


ODD: list[Any] = [
    None,
    True,
    -1,
    0,
    1,
    2,
    256,
    2**70,
    1e308,
    0.5,
    "",
    "1",
    "A" * 21,
    "\u0000\u202e",
    [],
    [[]],
    {},
    {"like": "Van"},
]


async def test_19_no_body_makes_it_fail_and_every_refusal_is_a_problem(client: httpx2.AsyncClient) -> None:
    dice = Random(19)
    bodies = [action for action in ACTIONS if action.body is not None]
    for _ in range(400):
        action = dice.choice(bodies)
        assert action.body is not None
        body = {field: dice.choice(ODD) for field in action.body.__struct_fields__ if dice.random() < 0.8}
        body |= {"timeout_s": 0.001} if action.name == "start" else {}
        answer = await client.post(f"/stations/PROAC-1/{action.name}", json=body)
        assert answer.status_code in (200, 409, 404, 422, 504), (action.name, body, answer.text)
        if answer.status_code != 200:
            msgspec.json.decode(answer.content, type=ProblemDetails, strict=True)


async def test_design_5_the_faces_are_all_there(host: MemoryHost) -> None:
    actions = "plug_in unplug present_badge start stop inject_fault clear_fault power_cycle button input screen link"
    actions += " reset_faults restore set_key cache_badge remote_authorize charge_now"
    async with served(control(host, "127.0.0.1")) as client:
        paths = (await client.get("/openapi.json")).json()["paths"]
        page = (await client.get("/docs")).text
    assert {f"{m} {path}" for path, methods in paths.items() for m in methods} == {
        "get /stations", "post /stations", "get /stations/{id}", "delete /stations/{id}",
        "patch /stations/{id}/car/{connector}", "get /stations/{id}/frames", "get /stations/{id}/events",
        "get /live", "get /ready", "get /metrics", *(f"post /stations/{{id}}/{action}" for action in actions.split()),
    }  # fmt: skip
    assert all(f"/{action}" in page for action in actions.split())


async def test_start_plugs_badges_and_waits_for_power(client: httpx2.AsyncClient, host: MemoryHost) -> None:
    answer = await client.post("/stations/PROAC-1/start", json={"connector": 1, "id_tag": "A1", "car": "City car"})
    assert answer.status_code == 200
    assert answer.json()["connectors"][0]["power_w"] == 7360.0
    assert [what[3].name for what in host.told if what[0] == "plug_in"] == ["City car"]
    assert host.feed.readers == 0


REFUSED: list[tuple[int, str, str, Any, str]] = [
    (404, "GET", "/stations/PROAC-2", None, "PROAC-1"),
    (404, "POST", "/stations/PROAC-2/unplug", {"connector": 1}, "PROAC-1"),
    (404, "POST", "/stations/PROAC-1/unplug", {"connector": 2}, "It has: 1."),
    (404, "PATCH", "/stations/PROAC-1/car/7", {"ready": False}, "It has: 1."),
    (409, "POST", "/stations", {"id": "PROAC-1", "model": "evlink-pro-ac"}, "another id"),
    (422, "POST", "/stations", {"id": "X", "model": "evlink-pro-ca"}, "evlink-pro-ac"),
    (422, "POST", "/stations", {"id": "a/b", "model": "evlink-pro-ac"}, "/docs"),
    (422, "POST", "/stations", {"id": "X", "model": "evlink-pro-ac", "supervision": "http://x"}, "ws://"),
    (422, "POST", "/stations", {"id": "X", "model": "evlink-pro-ac", "supervision": "ws://x:999999"}, "ws://"),
    (
        422, "POST", "/stations", {"id": "X", "model": "evlink-pro-ac", "settings": {"HeartbeatIntervall": "1"}},
        "HeartbeatInterval",
    ),
    (422, "POST", "/stations/PROAC-1/inject_fault", {"connector": 1, "code": "99.9"}, "GroundFailure"),
    (422, "POST", "/stations/PROAC-1/inject_fault", {"connector": 1, "code": "NoError"}, "2.0"),
    (422, "POST", "/stations/PROAC-1/clear_fault", {"connector": 1, "code": "99.9"}, "GroundFailure"),
    (422, "POST", "/stations/PROAC-1/set_key", {"key": "HeartbeatIntervall", "value": "1"}, "HeartbeatInterval"),
    (422, "POST", "/stations/PROAC-1/plug_in", {"connector": 1, "car": "Saloom"}, "Saloon"),
    (422, "POST", "/stations/PROAC-1/plug_in", {"connector": 1, "car": {"battery_wh": 1}}, "/docs"),
    (422, "PATCH", "/stations/PROAC-1/car/1", {"phases": 4}, "/docs"),
    (422, "PATCH", "/stations/PROAC-1/car/1", {"max_current_a": 0}, "/docs"),
    (422, "POST", "/stations/PROAC-1/present_badge", {"id_tag": "x" * 21}, "/docs"),
    (422, "POST", "/stations/PROAC-1/stop", {"connector": 1, "reason": "Bored"}, "/docs"),
    (422, "POST", "/stations/PROAC-1/cache_badge", {"id_tag": "A", "status": "Friendly"}, "/docs"),
    (409, "POST", "/stations/PROAC-1/stop", {"connector": 1}, "Start one"),
    (409, "POST", "/stations/PROAC-1/start", {"connector": 1, "id_tag": BLOCKED}, "see /stations/PROAC-1 "),
    (422, "POST", "/stations/PROAC-1/button", {"name": "stopp"}, "Known: stop, emergency_stop, suspend, key."),
    (504, "POST", "/stations/PROAC-1/start", {"connector": 1, "id_tag": SLOW, "timeout_s": 0.01}, "frames"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "method", "path", "body", "remedy"), REFUSED)
async def test_a_refusal_names_the_remedy(
    client: httpx2.AsyncClient, host: MemoryHost, status: int, method: str, path: str, body: Any, remedy: str
) -> None:
    answer = await client.request(method, path, json=body)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert remedy in answer.json()["remedy"]
    assert host.feed.readers == 0


async def test_what_the_host_refuses_is_a_conflict(client: httpx2.AsyncClient) -> None:
    await client.post("/stations/PROAC-1/plug_in", json={"connector": 1})
    answer = await client.post("/stations/PROAC-1/plug_in", json={"connector": 1})
    assert (answer.status_code, answer.json()["remedy"]) == (409, "Unplug it first.")


async def test_a_car_can_be_described_or_absent(client: httpx2.AsyncClient, host: MemoryHost) -> None:
    car = {"like": "Saloon", "phases": 1, "soc_percent": 12}
    await client.post("/stations/PROAC-1/plug_in", json={"connector": 1, "car": car})
    await client.post("/stations/PROAC-1/unplug", json={"connector": 1})
    await client.post("/stations/PROAC-1/plug_in", json={"connector": 1, "car": None})
    described, absent = (what[3] for what in host.told if what[0] == "plug_in")
    assert (described.name, described.phases, described.soc_percent, described.battery_wh) == ("Saloon", 1, 12, 77_000)
    assert absent is None


async def test_a_list_is_paged_by_id(client: httpx2.AsyncClient) -> None:
    await client.post("/stations", json={"id": "PROAC-0", "model": "evlink-pro-ac"})
    first = (await client.get("/stations?limit=1")).json()
    rest = (await client.get("/stations", params={"after": first[-1]["id"]})).json()
    assert [each["id"] for each in first + rest] == ["PROAC-0", "PROAC-1"]


async def test_events_show_the_station_and_what_happens(client: httpx2.AsyncClient, host: MemoryHost) -> None:
    seen: list[tuple[str, Any]] = []
    async with client.stream("GET", "/stations/PROAC-1/events") as answer, asyncio.timeout(PATIENCE_S):
        name = ""
        async for line in answer.aiter_lines():
            kind, _, text = line.partition(": ")
            if kind == "event":
                name = text
            elif kind == "data":
                seen.append((name, json.loads(text)))
                if len(seen) == 1:
                    await client.post("/stations/PROAC-1/plug_in", json={"connector": 1})
                    await client.post("/stations/PROAC-1/present_badge", json={"id_tag": "A1", "connector": 1})
                if name == "StationView" and text.find('"Charging"') > 0:
                    break
    names = [name for name, _ in seen]
    assert names[0] == "StationView"
    assert {"BadgeJudged", "StationView"} <= set(names[1:])


async def test_a_reader_too_many_is_told_when_to_come_back(client: httpx2.AsyncClient, host: MemoryHost) -> None:
    readers = [host.feed.subscribe() for _ in range(FEED_READERS)]
    answer = await client.get("/stations/PROAC-1/events")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
    assert host.feed.readers == len(readers)


async def test_frames_are_trace_records_and_json_lines_on_request(client: httpx2.AsyncClient) -> None:
    frames = (await client.get("/stations/PROAC-1/frames")).json()
    assert frames[0]["schemaVersion"] == "1.1"
    assert frames[0]["chargePointId"] == "PROAC-1"
    assert (await client.get("/stations/PROAC-1/frames?after=1")).json() == []
    lines = await client.get("/stations/PROAC-1/frames", headers={"accept": "application/x-ndjson"})
    assert json.loads(lines.text.splitlines()[0]) == frames[0]


async def test_ready_says_why_not(client: httpx2.AsyncClient, host: MemoryHost) -> None:
    assert (await client.get("/ready")).json() == {"ready": True}
    host.trouble = ["PROAC-1 is not booted"]
    answer = await client.get("/ready")
    assert answer.status_code == 503
    assert "PROAC-1 is not booted" in answer.json()["detail"]
    assert (await client.get("/live")).json() == {"live": True}


async def test_metrics_are_prometheus_text(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.text == "chargepost_stations 1\n"


async def test_19_others_reach_it_only_with_a_token(host: MemoryHost) -> None:
    with pytest.raises(ValueError, match="needs a token"):
        control(host, "0.0.0.0")
    async with served(control(host, "0.0.0.0", token="s3cret")) as client:
        for row in Control(host).rows():
            path = row.path.replace(":int", "").format(id="X", connector=1)
            for headers in ({}, {"authorization": "Bearer wrong"}):
                answer = await client.request(row.method, path, headers=headers)
                assert (answer.status_code == 401) is (not row.open), path
        assert (await client.get("/stations", headers={"authorization": "Bearer s3cret"})).json() == []


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        *((address, True) for address in ("127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost")),
        *((address, False) for address in ("0.0.0.0", "::", "192.0.2.1", "host.example", "")),
    ],
)
def test_loopback_is_this_machine_only(address: str, loopback: bool) -> None:
    assert is_loopback(address) is loopback
