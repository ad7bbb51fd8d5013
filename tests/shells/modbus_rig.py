"""A station with its Modbus server on loopback, and controllers in other processes."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from typing import Any

from msgspec.structs import replace
from tests.patience import PATIENCE_S
from tests.shells.rig import BADGE, Rig

from chargepost.catalogue.model import Model
from chargepost.drivers.simulated import CARS
from chargepost.run.addresses import Address
from chargepost.run.given import find_model, judge
from chargepost.run.modbus import Bounds, ModbusServer, serve_modbus
from chargepost.run.runner import StationHost

PRO_AC, WALLBOX, PARKING = "evlink-pro-ac", "evlink-smart-wallbox", "evlink-parking"
LIFE_S = 1.0
"""Instead of the product's 10 and 30 s, which are the peer's own seconds."""


def quick(name: str) -> Model:
    model = find_model(name)
    assert model.modbus
    return replace(model, modbus=replace(model.modbus, life_timeout_s=LIFE_S))


def station(rig: Rig, name: str = PRO_AC, *, served: bool = True, **settings: str) -> StationHost:
    model = quick(name)
    more = {"maxIntensitySocket": "32"} if model.key("maxIntensitySocket") else {}
    given = judge("MB-1", model, {"RestoreTimeout": "0", **settings} if name == PRO_AC else more | settings,
                  rig.url, modbus=served)  # fmt: skip
    host = StationHost(given, rig.carriage)
    rig.hosts.append(host)
    host.start()
    return host


@contextlib.asynccontextmanager
async def serving(host: StationHost, **bounds: Any) -> AsyncIterator[ModbusServer]:
    server = await serve_modbus(host, Address("127.0.0.1", 0), Bounds(**bounds))
    try:
        yield server
    finally:
        await server.close()


class Peer:
    """A controller in another process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def ask(self, call: str, *arguments: Any) -> Any:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps([call, *arguments]).encode() + b"\n")
        async with asyncio.timeout(PATIENCE_S):
            line = await self.process.stdout.readline()
        assert line, "the peer ended"
        return json.loads(line)


@contextlib.asynccontextmanager
async def peer(driver: str, server: ModbusServer) -> AsyncIterator[Peer]:
    pipe = asyncio.subprocess.PIPE
    program = (sys.executable, "-m", "tests.shells.peers.modbus", driver, str(server.address))
    process = await asyncio.create_subprocess_exec(*program, stdin=pipe, stdout=pipe)
    try:
        yield Peer(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def offered_a(host: StationHost, connector: int = 1) -> float:
    return host.view().connectors[connector - 1].offered_a


def power_w(host: StationHost) -> float:
    return host.view().connectors[0].power_w


async def begin_charge(rig: Rig, host: StationHost) -> None:
    await rig.until(lambda: host.view().link.boot == "Accepted", "booted")
    assert host.plug_in(1, CARS["Compact"])
    host.present_badge(BADGE)
    await rig.until(lambda: power_w(host) > 0, "power")
