"""The host of a central system on a real loop and ledger: links that replace each other, a store that refuses."""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.patience import PATIENCE_S

from chargepost.supervision.answers import Policy
from chargepost.supervision.commands import read
from chargepost.supervision.host import Host, Talk
from chargepost.supervision.ledger import Ledger
from chargepost.supervision.roster import Knock, Refusal

BOOT = b'[2,"b","BootNotification",{"chargePointVendor":"V","chargePointModel":"M"}]'


class Line:
    """The host's end of a link, held by the test instead of a socket."""

    def __init__(self) -> None:
        self.sent: asyncio.Queue[Any] = asyncio.Queue()
        self.pings = 0
        self.closed_with: tuple[int, str] | None = None

    async def next(self) -> Any:
        async with asyncio.timeout(PATIENCE_S):
            return await self.sent.get()

    def send(self, data: bytes) -> None:
        self.sent.put_nowait(json.loads(data))

    def ping(self) -> None:
        self.pings += 1

    def close(self, code: int, reason: str) -> None:
        self.closed_with = (code, reason)


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    policy = Policy(accept_unknown_stations=True, accept_open_stations=True)
    loop = asyncio.get_running_loop()
    host = Host(Ledger(None), loop, utc_s=time.time, draw=secrets.token_bytes, policy=policy)
    yield host
    host.close()


async def connect(host: Host, identity: str = "S1") -> tuple[Talk, Line]:
    talk = await host.admit(Knock(identity, ("ocpp1.6",)))
    assert isinstance(talk, Talk)
    line = Line()
    talk.opened(line, "ocpp1.6")
    return talk, line


async def test_the_late_end_of_a_replaced_link_does_not_end_the_new_one(host: Host) -> None:
    old, old_line = await connect(host)
    coming = asyncio.create_task(host.admit(Knock("S1", ("ocpp1.6",))))
    await asyncio.sleep(0)
    assert old_line.pings == 1
    later = host.now() + 5  # as if the old link had kept silent so long
    host.central.wake(later)
    host.drain()
    new = await coming
    assert isinstance(new, Talk)
    assert old_line.closed_with
    line = Line()
    new.opened(line, "ocpp1.6")
    old.closed("cut", None)
    old.received(BOOT)
    new.received(BOOT)
    assert (await line.next())[2]["status"] == "Accepted"
    assert old_line.sent.empty()


async def test_who_waits_for_a_decision_and_goes_away_leaves_no_trace(host: Host) -> None:
    _, line = await connect(host)
    for _ in range(2):
        coming = asyncio.create_task(host.admit(Knock("S1", ("ocpp1.6",))))
        await asyncio.sleep(0)
        coming.cancel()
        await asyncio.wait({coming})
    assert line.pings == 1, "one question to the old link serves whoever comes while it is open"
    coming = asyncio.create_task(host.admit(Knock("S1", ("ocpp1.6",))))
    await asyncio.sleep(0)
    host.central.ponged("S1", host.now())
    host.drain()
    assert isinstance(await coming, Refusal)


async def test_a_store_that_refuses_is_said_to_the_station(host: Host) -> None:
    talk, line = await connect(host)
    host.ledger.journal.close()
    for _ in range(20):
        talk.received(BOOT)
        answer = await line.next()
        assert (answer[0], answer[2]) == (4, "InternalError")
    assert host.central.state.stations["S1"].unanswered == 0


async def test_a_command_ends_when_the_link_does(host: Host) -> None:
    talk, line = await connect(host)
    asked = asyncio.create_task(host.command("S1", read("ClearCache", b"")))
    assert (await line.next())[2] == "ClearCache"
    talk.closed("cut", None)
    assert (await asked).error == "LinkLost"
    assert (await host.command("S1", read("ClearCache", b""))).error == "Offline"
