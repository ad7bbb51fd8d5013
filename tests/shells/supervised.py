"""A supervision on a real socket, and stations that other people wrote, for tests and pictures."""

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import websockets
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call, call_result
from ocpp.v16.enums import Action

from chargepost.run.http import Server, serve
from chargepost.run.websocket import Handshake, Listener, Refusal
from chargepost.supervision import api, roster
from chargepost.supervision.answers import Policy
from chargepost.supervision.host import Host
from chargepost.supervision.ledger import Ledger

HOSTILE = "<script>x"
"""An idTag that would run if it were not escaped."""


class Site:
    """A supervision on a free port, with the operator's password."""

    def __init__(self, host: Host, server: Server, password: str) -> None:
        self.host, self.server, self.password = host, server, password

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    @contextlib.asynccontextmanager
    async def browser(self, *, log_in: bool = True) -> AsyncIterator[httpx2.AsyncClient]:
        async with httpx2.AsyncClient(base_url=self.url, trust_env=False) as client:
            if log_in:
                answer = await client.post("/login", data={"user": "operator", "password": self.password})
                assert answer.status_code == 303
            yield client

    @contextlib.asynccontextmanager
    async def station(self, identity: str = "S1", **options: Any) -> AsyncIterator["Foreign"]:
        url = f"ws://127.0.0.1:{self.server.port}/ocpp/{identity}"
        async with websockets.connect(url, subprotocols=[websockets.Subprotocol("ocpp1.6")], **options) as link:
            station = Foreign(identity, link)
            running = asyncio.create_task(station.start())
            try:
                yield station
            finally:
                running.cancel()


class Foreign(ChargePoint):  # type: ignore[misc]
    """A charging station by other people."""

    answer = "Accepted"

    @on(Action.clear_cache)
    def clear_cache(self) -> Any:
        return call_result.ClearCache(status=self.answer)

    async def boot(self) -> None:
        done = await self.call(call.BootNotification(charge_point_vendor="V", charge_point_model="M"))
        assert done.status == "Accepted"

    async def charge(self, id_tag: str = HOSTILE) -> int:
        await self.call(call.StatusNotification(connector_id=1, error_code="NoError", status="Charging"))
        started = await self.call(
            call.StartTransaction(connector_id=1, id_tag=id_tag, meter_start=0, timestamp="2027-01-15T08:00:00Z")
        )
        sample = {
            "timestamp": "2027-01-15T08:01:00Z",
            "sampledValue": [{"value": "7360", "measurand": "Power.Active.Import"}],
        }
        await self.call(call.MeterValues(connector_id=1, meter_value=[sample], transaction_id=started.transaction_id))
        return int(started.transaction_id)


@contextlib.asynccontextmanager
async def running(store: Path | None = None, policy: Policy | None = None) -> AsyncIterator[Site]:
    ledger = Ledger(store)
    password = await api.ensure_operator(ledger, secrets.token_bytes)
    host = Host(
        ledger,
        asyncio.get_running_loop(),
        utc_s=time.time,
        draw=secrets.token_bytes,
        policy=policy or Policy(accept_unknown_stations=True, accept_open_stations=True, accept_unknown_badges=True),
    )

    async def admit(handshake: Handshake) -> Listener | Refusal:
        h, address = handshake, handshake.peer.rpartition(":")[0]
        answer = await host.admit(roster.Knock(h.identity, h.subprotocols, h.user, h.password, address))
        return Refusal(answer.status, answer.reason) if isinstance(answer, roster.Refusal) else answer

    server = await serve("127.0.0.1", 0, api.application(host, secrets.token_bytes), admit)
    yield Site(host, server, password or "")
    await server.close()
    host.close()
