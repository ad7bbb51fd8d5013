"""Each product as a central system meets it, over the wire: what it says of itself, what it answers to each request,
how each of its errors looks, what its meter values hold.

The central system is a WebSocket server that knows JSON and no product; the schemas of PyPI `ocpp` judge what it hears.
The stations are those of `chargepost station`, on real sockets, handled as the control API handles them. Nothing here
reads a product file but for the codes that are injected.

    python -m tests.models.observe [MODEL ...]      writes tests/models/golden/<line>-<release>.json
"""

import asyncio
import contextlib
import json
import logging
import random
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import msgspec
from ocpp.messages import get_validator
from ocpp.v16.enums import Measurand, Phase
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.typing import Subprotocol

from chargepost.catalogue import Model, load
from chargepost.catalogue.load import releases
from chargepost.drivers.car import CARS
from chargepost.journal import Journal
from chargepost.records.ledger import STATION_SCHEMA, STATION_VERSION
from chargepost.run.clock import Clock
from chargepost.run.stations import Stations
from chargepost.signals import ConnectorView, StationView
from tests.patience import PATIENCE_S
from tests.shells.peers.policy import TakesEverybody
from tests.shells.peers.record import CALL, Call, Record

GOLDEN = Path(__file__).parent / "golden"

BADGE, NEVER, NOWHERE = "04A2B3C4D5E680", "2099-01-01T00:00:00Z", "ftp://127.0.0.1:9/none"
PEM = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----"
SCHEDULE = {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16}]}
PROFILE = {
    "chargingProfileId": 1,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Relative",
    "chargingSchedule": SCHEDULE,
}
FIRMWARE = {"location": NOWHERE, "retrieveDateTime": NEVER, "signingCertificate": PEM, "signature": "MAA="}
HASHES = {"hashAlgorithm": "SHA256", "issuerNameHash": "00", "issuerKeyHash": "00", "serialNumber": "00"}

REQUESTS: list[tuple[str, dict[str, Any]]] = [
    ("GetLocalListVersion", {}),
    ("SendLocalList", {"listVersion": 1, "updateType": "Full", "localAuthorizationList": []}),
    ("ClearCache", {}),
    ("ChangeConfiguration", {"key": "ConnectionTimeOut", "value": "60"}),
    ("GetConfiguration", {"key": ["NumberOfConnectors"]}),
    ("DataTransfer", {"vendorId": "org.example"}),
    ("TriggerMessage", {"requestedMessage": "Heartbeat"}),
    ("ExtendedTriggerMessage", {"requestedMessage": "Heartbeat"}),
    ("UnlockConnector", {"connectorId": 1}),
    ("ChangeAvailability", {"connectorId": 0, "type": "Operative"}),
    ("SetChargingProfile", {"connectorId": 1, "csChargingProfiles": PROFILE}),
    ("GetCompositeSchedule", {"connectorId": 1, "duration": 600}),
    ("ClearChargingProfile", {}),
    ("ReserveNow", {"connectorId": 1, "expiryDate": NEVER, "idTag": BADGE, "reservationId": 1}),
    ("CancelReservation", {"reservationId": 1}),
    (
        "GetLog",
        {"logType": "DiagnosticsLog", "requestId": 1, "log": {"remoteLocation": NOWHERE}},
    ),  # before GetDiagnostics, whose upload it would cancel
    ("GetDiagnostics", {"location": NOWHERE}),
    ("UpdateFirmware", {"location": NOWHERE, "retrieveDate": NEVER}),
    ("SignedUpdateFirmware", {"requestId": 1, "firmware": FIRMWARE}),
    ("InstallCertificate", {"certificateType": "CentralSystemRootCertificate", "certificate": PEM}),
    ("GetInstalledCertificateIds", {"certificateType": "CentralSystemRootCertificate"}),
    ("DeleteCertificate", {"certificateHashData": HASHES}),
    ("CertificateSigned", {"certificateChain": PEM}),
    ("RemoteStopTransaction", {"transactionId": 1}),
    ("RemoteStartTransaction", {"connectorId": 1, "idTag": BADGE}),
    ("Heartbeat", {}),  # goes the other way only
    ("NoSuchAction", {}),
    ("Reset", {"type": "Soft"}),
]
"""Every request a central system has in OCPP 1.6 and its security extension, as small as it may be, and two that it has
not. In this order: what begins something stands before what ends it, and Reset ends all."""

CAR = msgspec.structs.replace(CARS["Compact"], battery_wh=10_000_000.0)
"""One that is never full."""
SPEED = 60.0
"""A minute of the world is a second of the machine."""
SAMPLED = "MeterValuesSampledData"
SAMPLE_INTERVAL = "60"
"""Seconds of the world: one of the machine."""
LOOK_EVERY_S = 0.02
"""What hardware does by itself is looked for so often: a second of the world."""
AT_ONCE = 8
"""Stations observed at a time: more would only wait for one another."""

Told = dict[str, Any]


class Central:
    """The other end of one station's link."""

    url: str

    def __init__(self) -> None:
        self.record = Record("observer")
        self._policy = TakesEverybody()
        self._server: Server
        self._socket: ServerConnection
        self._asked = 0
        self._identity = ""

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls) -> AsyncIterator["Central"]:
        central = cls()
        central._server = await serve(central._talk, "127.0.0.1", 0, subprotocols=[Subprotocol("ocpp1.6")])
        central.url = f"ws://127.0.0.1:{central._server.sockets[0].getsockname()[1]}"
        try:
            yield central
        finally:
            central._server.close()
            await central._server.wait_closed()

    async def _talk(self, socket: ServerConnection) -> None:
        assert socket.request
        self._socket, self._identity = socket, unquote(socket.request.path.rpartition("/")[2])
        self.record.opened(self._identity, socket.subprotocol or "")
        async for raw in socket:
            self.record.frame(self._identity, True, raw)
            kind, ident, *rest = json.loads(raw)
            if kind == CALL:
                action, payload = rest
                for error in get_validator(CALL, action, "1.6").iter_errors(payload):
                    self.record.object(self._identity, f"{action}: {error.message}")
                answer = self._policy(self._identity, action, payload)
                if action == "BootNotification":
                    answer["interval"] = 0  # the station chooses: its own key stays as it left the factory
                await self._say([3, ident, answer])

    async def _say(self, message: list[Any]) -> None:
        raw = json.dumps(message)
        self.record.frame(self._identity, False, raw)
        await self._socket.send(raw)

    async def ask(self, action: str, **payload: Any) -> list[Any]:
        """The whole frame of the answer."""
        self._asked += 1
        ident = f"ask-{self._asked}"
        begin = len(self.record.frames)
        await self._say([CALL, ident, action, payload])

        def answers() -> list[list[Any]]:
            return [each.message for each in self.record.frames[begin:] if each.heard and each.message[1] == ident]

        await self.record.until(lambda: bool(answers()), f"{self._identity} answers {action}")
        return answers()[0]


class Observed:
    """One station and the central system it talks to."""

    def __init__(self, model: Model, identity: str, central: Central, stations: Stations) -> None:
        self.model, self.identity, self.central, self.stations = model, identity, central, stations

    async def all(self) -> Told:
        """In this order: its factory settings first, what changes them later."""
        await self._until_booted(1)
        told: Told = {"model": self.model.name}
        told["BootNotification"] = self.central.record.calls(self.identity, "BootNotification")[0].payload
        told["first statuses"] = [_timeless(call.payload) for call in self._calls()]
        told["GetConfiguration"] = await self._configuration()
        told["requests"] = await self._requests()
        told["errors"] = await self._errors()
        told[f"{SAMPLED} takes"] = taken = await self._list_items()
        told["sample"] = await self._sample([f"{name}.{phases[0]}".rstrip(".") for name, phases in taken.items()])
        told["objections"] = [each.partition("\n")[0] for each in self.central.record.objections]
        return told

    # --- waiting -----------------------------------------------------------------------------------------------------

    async def _until_booted(self, times: int) -> None:
        """And until it has told the status of each connector, after so many starts."""

        def booted() -> bool:
            calls = self.central.record.calls(self.identity)
            starts = [index for index, call in enumerate(calls) if call.action == "BootNotification"]
            return len(starts) >= times and any(call.action == "StatusNotification" for call in calls[starts[-1] :])

        await self.central.record.until(booted, f"{self.identity} boots and tells its status")
        await self._quiet()

    async def _quiet(self) -> None:
        """Nothing waited to be said before a question, nor after its answer: what was said last has arrived."""
        idle = False
        while not (idle and await self._nothing_waits()):
            idle = await self._nothing_waits()
            await self.central.ask("GetConfiguration", key=["NumberOfConnectors"])

    async def _nothing_waits(self) -> bool:
        return (await self._view()).link.waiting_messages == 0

    async def _view(self) -> StationView:
        view = await self.stations.station(self.identity)
        assert view
        return view

    async def _do(self, action: str, *given: Any) -> None:
        """As the control API does it; and wait for what the station has to say of it."""
        await getattr(self.stations, action)(self.identity, *given)
        await self._quiet()

    def _calls(self) -> list[Call]:
        """Statuses and ends of transactions."""
        return self.central.record.calls(self.identity, "StatusNotification", "StopTransaction")

    # --- what is observed --------------------------------------------------------------------------------------------

    async def _configuration(self) -> Told:
        _, _, answer = await self.central.ask("GetConfiguration")
        rows = {row.pop("key"): row for row in answer["configurationKey"]}
        for row in rows.values():
            if self.central.url in row.get("value", ""):
                row["value"] = row["value"].replace(self.central.url, "<the supervision>")
        return rows

    async def _requests(self) -> dict[str, str]:
        verdicts = {}
        for action, payload in REQUESTS:
            verdicts[action] = verdict(await self.central.ask(action, **payload))
            if verdicts[action] == "Accepted" and action == "Reset":
                await self._until_booted(2)
            await self._quiet()
        return verdicts

    async def _errors(self) -> Told:
        """Each in a free connector, in full; then while it charges, with what becomes of the charge."""
        await self._set("MinimumStatusDuration", "0")
        codes = [
            code for code, row in self.model.errors.items() if not row.variants or self.model.variant in row.variants
        ]
        free = {code: await self._error_while_free(code) for code in codes}
        return {code: free[code] | {"charging": await self._error_while_charging(code)} for code in codes}

    async def _error_while_free(self, code: str) -> Told:
        since = len(self._calls())
        await self._do("inject_fault", 1, code)
        await self._over(code)
        said = self._calls()[since:]
        return {
            "free": [_timeless(call.payload) for call in said if call.payload["errorCode"] != "NoError"],
            "over": [_short(call) for call in said if call.payload["errorCode"] == "NoError"],
        }

    async def _error_while_charging(self, code: str) -> list[str]:
        await self._charge()
        since = len(self._calls())
        await self._do("inject_fault", 1, code)
        if (await self._connector()).offered_a == 0:
            await self._until_connector("is without power", lambda connector: connector.power_w == 0)
            await self._quiet()
        stopped = (await self._connector()).transaction is None
        await self._over(code)
        said = self._calls()[since:]
        if stopped:
            await self._leave()
        return list(map(_short, said))

    async def _over(self, code: str) -> None:
        """The fault's cause goes away, or it does so by itself."""
        if self.model.errors[code].clears == "self":
            await self._until_connector(f"is over {code}", lambda connector: connector.error == "NoError")
            await self._quiet()
        else:
            await self._do("clear_fault", 0, code)

    async def _charge(self) -> None:
        """Until power flows on connector 1, if it does not yet."""
        if (await self._connector()).pilot == "A":
            await self._do("plug_in", 1, CAR)
            await self.central.ask("RemoteStartTransaction", connectorId=1, idTag=BADGE)
        await self._until_connector("charges", lambda connector: connector.power_w > 0)
        await self._quiet()

    async def _leave(self) -> None:
        await self._until_connector("is unlocked", lambda connector: not connector.locked)
        await self._do("unplug", 1)
        await self._until_connector("is free", lambda connector: connector.status == "Available")
        await self._quiet()

    async def _until_connector(self, what: str, seen: Callable[[ConnectorView], bool]) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not seen(await self._connector()):  # noqa: ASYNC110 - hardware says nothing of it
                    await asyncio.sleep(LOOK_EVERY_S)
        except TimeoutError:
            now = await self._connector()
            raise AssertionError(f"{self.identity} never {what}: {now}\n{self.central.record.explain()}") from None

    async def _connector(self) -> ConnectorView:
        return (await self._view()).connectors[0]

    async def _list_items(self) -> dict[str, list[str]]:
        """Each measurand of OCPP with the phases it is taken with; "" is without."""
        taken = {}
        for measurand in Measurand:
            phases = [phase for phase in ("", *(each.value for each in Phase)) if await self._takes(measurand, phase)]
            if phases:
                taken[measurand.value] = phases
        return taken

    async def _takes(self, measurand: Measurand, phase: str) -> bool:
        item = f"{measurand.value}.{phase}".rstrip(".")
        return verdict(await self.central.ask("ChangeConfiguration", key=SAMPLED, value=item)) == "Accepted"

    async def _sample(self, items: list[str]) -> list[Told]:
        """What meter values hold when they are to hold all this."""
        await self._set("MeterValueSampleInterval", SAMPLE_INTERVAL)
        await self._charge()
        values: list[Told] = []
        for chunk in self._chunks(items):
            await self.central.ask("ChangeConfiguration", key=SAMPLED, value=",".join(chunk))
            await self._quiet()  # a sample as it was before may still have waited to be told
            since = len(self._sampled())
            await self.central.record.until(lambda since=since: len(self._sampled()) > since, "a sample")  # type: ignore[misc]
            values += [_shape(each) for each in self._sampled()[-1]]
        return values

    def _chunks(self, items: list[str]) -> Iterator[list[str]]:
        """As many at once as the key for their number allows."""
        spec = self.model.key(f"{SAMPLED}MaxLength")
        most = int(spec.default) if spec and spec.default else len(items)
        for start in range(0, len(items), most or len(items)):
            yield items[start : start + (most or len(items))]

    def _sampled(self) -> list[list[Told]]:
        """Periodic samples so far: their values."""
        samples = [
            sample["sampledValue"]
            for call in self.central.record.calls(self.identity, "MeterValues")
            for sample in call.payload["meterValue"]
        ]
        return [each for each in samples if each[0].get("context", "Sample.Periodic") == "Sample.Periodic"]

    async def _set(self, key: str, value: str) -> None:
        """As its owner; a key the product does not have stays away."""
        if self.model.key(key):
            await self._do("set_key", key, value)


def verdict(frame: list[Any]) -> str:
    """The status of an answer, what else it has instead, or the code of a CALLERROR."""
    if frame[0] != 3:
        return f"CALLERROR {frame[2]}"
    answer: Told = frame[2]
    return str(
        answer.get("status")
        or " ".join(f"{word} {answer[word]}" for word in answer if word == "listVersion")
        or "answered"
    )


def _timeless(payload: Told) -> Told:
    return {word: value for word, value in payload.items() if word != "timestamp"}


def _short(call: Call) -> str:
    said = call.payload
    if call.action == "StopTransaction":
        return f"StopTransaction {said.get('reason', 'Local')}"
    return f"{said['connectorId']} {said['status']} {said['errorCode']}"


def _shape(value: Told) -> Told:
    """The number itself is the car's and the moment's; that it is one is not."""
    float(value["value"])
    return {**value, "value": "#"}


def identity_of(model: Model) -> str:
    return f"{model.line}-{model.release}"


async def _observe(stations: Stations, model: Model) -> Told:
    identity = identity_of(model)
    async with Central.open() as central:
        await stations.create(identity, model, central.url, {})
        try:
            return await Observed(model, identity, central, stations).all()
        finally:
            await stations.remove(identity)


async def observe(models: Sequence[Model]) -> dict[str, Told]:
    """What is seen of each, by `identity_of`."""
    at_once = asyncio.Semaphore(AT_ONCE)
    journal = Journal(None, STATION_SCHEMA, STATION_VERSION)
    stations = Stations(Clock(SPEED), journal, random.Random(7).random, None, "0")

    async def one(model: Model) -> Told:
        async with at_once:
            return await _observe(stations, model)

    try:
        seen = await asyncio.gather(*map(one, models))
    finally:
        stations.close()
        journal.close()
    return {identity_of(model): told for model, told in zip(models, seen, strict=True)}


def every_release() -> list[Model]:
    """The default variant of each line and release."""
    return [load(f"{line}@{release}") for line, line_releases in releases().items() for release in line_releases]


def written(told: Told) -> str:
    """JSON with one fact per line, so that a changed fact is a changed line."""
    parts = []
    for name, part in told.items():
        facts = (
            part.items()
            if isinstance(part, dict)
            else [(None, each) for each in part]
            if isinstance(part, list)
            else []
        )
        lines = [("" if word is None else f"{json.dumps(word)}: ") + json.dumps(fact) for word, fact in facts]
        opening, closing = "{}" if isinstance(part, dict) else "[]"
        whole = f"{opening}\n    " + ",\n    ".join(lines) + f"\n  {closing}" if lines else json.dumps(part)
        parts.append(f"  {json.dumps(name)}: {whole}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main(names: Sequence[str]) -> None:
    logging.getLogger("chargepost").setLevel(logging.ERROR)  # faults are wanted here
    models = [load(name) for name in names] or every_release()
    for identity, told in asyncio.run(observe(models)).items():
        (GOLDEN / f"{identity}.json").write_text(written(told), "utf-8")
        print(f"{identity}: written")


if __name__ == "__main__":
    main(sys.argv[1:])
