"""P2 (reliability, bar 4): what was told already may be told again, in any mixture, and not a record changes.

A day of real stations gives the wire log. It is told to the real central system on a real disk; then every message of a
transaction again, up to five times, stations mixed, each time under a fresh message id, many acknowledgements cut off.
"""

import asyncio
import functools
from collections import deque
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import msgspec
import pytest
from tests.soak import times

from chargepost.fleet import scenario
from chargepost.fleet.scenario import Disturbances, Link, People
from chargepost.fleet.world import World
from chargepost.supervision import ledger as tables
from chargepost.supervision.answers import Policy
from chargepost.supervision.host import Host, Talk
from chargepost.supervision.ledger import Ledger
from chargepost.supervision.roster import Knock
from chargepost.supervision.wishes import Begun, Store, TransactionRow

TRANSACTIONS = times(100, 1_000)
AGAIN_MAX = 5
CUT = 0.3
"""Of the acknowledgements."""
SOUND = {
    "link": Link(refuse_dial=0, lose=0, duplicate=0, cuts_per_day=0, outages_per_day=0),
    "disturbances": Disturbances(**dict.fromkeys(Disturbances.__struct_fields__, 0.0)),
}


class Said(NamedTuple):
    """A call of a station as it went over the wire."""

    identity: str
    action: str
    payload: dict[str, Any]
    number: int | None = None
    """Of a StartTransaction: what it was answered."""


class Recording(World):
    """A day that keeps its wire log."""

    def __init__(self, plan: scenario.Scenario) -> None:
        self.log: list[Said] = []
        self._asked: dict[tuple[str, str], int] = {}
        super().__init__(plan)

    def _frame(self, identity: str, up: bool, data: bytes) -> None:
        super()._frame(identity, up, data)
        match msgspec.json.decode(data):
            case [2, message_id, action, payload] if up and action != "Heartbeat":
                self._asked[identity, message_id] = len(self.log)
                self.log.append(Said(identity, action, payload))
            case [3, message_id, {"transactionId": number}] if not up:
                at = self._asked[identity, message_id]
                self.log[at] = self.log[at]._replace(number=number)


@functools.cache
def wire_log() -> list[Said]:
    """Of a day with at least so many transactions."""
    plan = msgspec.structs.replace(
        scenario.load(),
        stations=TRANSACTIONS // 7,
        settings={"MeterValueSampleInterval": "600"},
        people=People(visits_per_day=12, stay_s=1800, blocked=0, unknown=0, no_badge=0, no_car=0),
        **SOUND,
    )
    world = Recording(plan)
    world.run(plan.duration_s)
    world.finish()
    assert len(world.ledger.starts) >= TRANSACTIONS
    return world.log


class Wire:
    """A station's connection, again and again; at most one call is open."""

    def __init__(self, host: Host, identity: str) -> None:
        self.host, self.identity = host, identity
        self.talk: Talk | None = None
        self.calls = 0
        self.answer: asyncio.Future[Any] | None = None

    async def say(self, action: str, payload: dict[str, Any], *, cut: bool = False) -> None:
        """Once the last call is answered; `cut`: the connection ends before the answer comes."""
        await self.answered()
        if self.talk is None:
            talk = await self.host.admit(Knock(self.identity, ("ocpp1.6",)))
            assert isinstance(talk, Talk)
            self.talk = talk
            talk.opened(self, "ocpp1.6")
        self.calls += 1
        self.answer = None if cut else asyncio.get_running_loop().create_future()
        self.talk.received(msgspec.json.encode((2, f"{self.identity}-{self.calls}", action, payload)))
        if cut:
            self.talk.closed("the acknowledgement was cut off", None)
            self.talk = None

    async def answered(self) -> Any:
        """The answer to the last call; None when it was cut off."""
        return await self.answer if self.answer else None

    def send(self, data: bytes) -> None:
        kind, message_id, payload = msgspec.json.decode(data)[:3]
        if kind != 2:
            assert kind == 3, data
            assert self.answer
            if message_id == f"{self.identity}-{self.calls}":
                self.answer.set_result(payload)

    def ping(self) -> None: ...
    def close(self, code: int, reason: str) -> None: ...


class Supervised:
    """The real central system, and a wire to it for each station."""

    def __init__(self, folder: Path, utc_s: float) -> None:
        policy = Policy(accept_unknown_stations=True, accept_open_stations=True, accept_unknown_badges=True)
        self.ledger = Ledger(folder)
        loop = asyncio.get_running_loop()
        self.host = Host(self.ledger, loop, utc_s=lambda: utc_s, draw=Random(4).randbytes, policy=policy)
        self.wires: dict[str, Wire] = {}

    def wire(self, identity: str) -> Wire:
        return self.wires.setdefault(identity, Wire(self.host, identity))

    async def tell(self, log: list[Said]) -> list[Said]:
        """The first time; the messages of transactions, with the numbers given here."""
        answers: dict[int, asyncio.Future[Any]] = {}
        told: list[Said] = []
        for said in log:
            wire, payload = self.wire(said.identity), dict(said.payload)
            if "transactionId" in payload:
                payload["transactionId"] = (await answers[payload["transactionId"]])["transactionId"]
            await wire.say(said.action, payload)
            if said.number is not None and wire.answer:
                answers[said.number] = wire.answer
            if said.action == "StartTransaction" or "transactionId" in payload:
                told.append(said._replace(payload=payload))
        return [said._replace(number=said.number and (await answers[said.number])["transactionId"]) for said in told]

    async def tell_again(self, log: list[Said], dice: Random) -> int:
        """How often something was told again. AssertionError for another number than the first time."""
        resends, starts = 0, []
        for said in mixed(log, dice):
            wire, cut = self.wire(said.identity), dice.random() < CUT
            resends += 1
            await wire.say(said.action, said.payload, cut=cut)
            if said.number is not None and wire.answer:
                starts.append((said.number, wire.answer))
        for wire in self.wires.values():
            await wire.answered()
        await self.host.settled()
        for number, answer in starts:
            assert answer.result()["transactionId"] == number, "it has the number it had"
        return resends

    def records(self) -> str:
        """A digest of all charge records with their samples."""
        digest = sha256()
        rows = self.ledger.transactions(limit=1_000_000)
        for row in rows:
            digest.update(msgspec.json.encode((row, self.ledger.meter_values(row.transaction, 100_000))))
        return f"{len(rows)} records: {digest.hexdigest()}"


def mixed(log: list[Said], dice: Random) -> Iterator[Said]:
    """Each message one to five times, at once or in later rounds; in the order of its station, stations mixed."""
    queues: dict[str, deque[Said]] = {}
    rounds = [(said, dice.randint(1, AGAIN_MAX)) for said in log]
    for number in range(AGAIN_MAX):
        for said, again in rounds:
            if again > number:
                queues.setdefault(said.identity, deque()).append(said)
    while queues:
        identity = dice.choice(list(queues))
        yield queues[identity].popleft()
        if not queues[identity]:
            del queues[identity]


async def replayed(folder: Path) -> None:
    log = wire_log()
    central = Supervised(folder, scenario.load().start_utc_s + 86_400)
    try:
        told = await central.tell(log)
        await central.host.settled()
        before = central.records()
        assert await central.tell_again(told, Random(5)) > 10 * TRANSACTIONS
        assert central.records() == before, "not a record has changed"
    finally:
        central.host.close()


@pytest.mark.slow
async def test_p2_a_wire_log_told_again_changes_no_record_and_no_number(tmp_path: Path) -> None:
    await replayed(tmp_path)


@pytest.mark.slow
async def test_a_central_system_that_knows_a_message_by_its_id_alone_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted: to it, what comes under a fresh id is new."""

    def begun(ledger: Ledger, wish: Store) -> Begun | None:
        rows = [row for row in wish.rows if isinstance(row, TransactionRow)]
        return Begun(rows[0].transaction, True) if rows else None

    unique = "  UNIQUE (identity, connector, id_tag, start_wh, start_utc_s));"
    assert unique in tables.SCHEMA
    monkeypatch.setattr(tables, "SCHEMA", tables.SCHEMA.replace(f",\n{unique}", ");"))
    monkeypatch.setattr(Ledger, "begun", begun)
    with pytest.raises(AssertionError, match="it has the number it had"):
        await replayed(tmp_path)
