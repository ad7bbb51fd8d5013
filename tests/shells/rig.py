"""A real supervision and real stations on loopback sockets with free ports, sixty times faster than the clock."""

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

from tests.patience import PATIENCE_S

from chargepost.fleet.faults import Faults
from chargepost.journal import Journal
from chargepost.records.ledger import STATION_SCHEMA, STATION_SEALED, STATION_VERSION
from chargepost.run.clock import Clock
from chargepost.run.faults import Proxy
from chargepost.run.frames import Frames
from chargepost.run.given import find_model, judge
from chargepost.run.http import Server, serve
from chargepost.run.runner import Carriage, Happening, StationHost
from chargepost.run.websocket import Handshake, Listener, Refusal
from chargepost.supervision import roster
from chargepost.supervision.answers import Policy
from chargepost.supervision.host import Host
from chargepost.supervision.ledger import Ledger
from chargepost.supervision.wishes import BadgeRow

SPEED = 60.0
BADGE = "04A2B3C4D5E680"
SOUND = Faults()


async def until(what: Callable[[], bool], happening: asyncio.Event) -> None:
    """Look at each happening and, since not everything says that it happened, at least fifty times a second."""
    async with asyncio.timeout(PATIENCE_S):
        while not what():
            happening.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(happening.wait(), 0.02)


class Rig:
    """Stations and a supervision in one process, each on its side of a real WebSocket."""

    def __init__(self, clock: Clock, store: Path | None, faults: Faults) -> None:
        self.clock = clock
        self.happened: deque[tuple[str, Happening]] = deque(maxlen=10_000)
        self.happening = asyncio.Event()
        path = store / "stations.sqlite" if store else None
        self.journal = Journal(path, STATION_SCHEMA, STATION_VERSION, sealed=STATION_SEALED)
        self.proxy = Proxy(faults, clock)
        self.carriage = Carriage(
            clock, self.journal, Frames(), random.Random(7).random, self._publish, faults_for=self.proxy.faults_for
        )
        self.hosts: list[StationHost] = []
        self.central: Host
        self.server: Server

    async def supervise(self, store: Path | None, port: int = 0) -> None:
        policy = Policy(accept_unknown_stations=True, accept_open_stations=True, heartbeat_interval_s=300)
        ledger = Ledger(store)
        self.central = Host(
            ledger, self.clock.loop, utc_s=self.clock.utc_s, draw=random.Random(8).randbytes, policy=policy
        )
        self.central.central.put_badge(BadgeRow(BADGE))
        self.central.drain()
        self.server = await serve("127.0.0.1", port, None, self._admit, fixed=bool(port))

    async def _admit(self, handshake: Handshake) -> Listener | Refusal:
        h, address = handshake, handshake.peer.rpartition(":")[0]
        answer = await self.central.admit(roster.Knock(h.identity, h.subprotocols, h.user, h.password, address))
        return Refusal(answer.status, answer.reason) if isinstance(answer, roster.Refusal) else answer

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.server.port}/ocpp"

    def station(self, model: str, identity: str, settings: Mapping[str, str] | None = None) -> StationHost:
        wanted = {"MeterValueSampleInterval": "60", **(settings or {})}
        host = StationHost(judge(identity, find_model(model), wanted, self.url), self.carriage)
        self.hosts.append(host)
        host.start()
        return host

    def _publish(self, identity: str, what: Happening) -> None:
        self.happened.append((identity, what))
        self.happening.set()

    async def until(self, what: Callable[[], bool], why: str) -> None:
        """Wait for it, looking again whenever a station says something or a frame may have come."""
        try:
            await until(what, self.happening)
        except TimeoutError:
            frames = [trace["raw"] for host in self.hosts for trace in self.carriage.frames.traces(host.identity)]
            raise AssertionError("\n".join([f"never happened: {why}", *frames[-30:]])) from None

    async def close(self) -> None:
        for host in self.hosts:
            host.remove()
        await self.proxy.close()
        await self.server.close()
        self.central.close()
        self.journal.close()


@contextlib.asynccontextmanager
async def rigged(store: Path | None = None, speed: float = SPEED, faults: Faults = SOUND) -> AsyncIterator[Rig]:
    """`faults` of the links, by rules for frames and by a proxy."""
    rig = Rig(Clock(speed), store, faults)
    await rig.proxy.open()
    await rig.supervise(store)
    try:
        yield rig
    finally:
        await rig.close()
