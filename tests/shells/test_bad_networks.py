"""Bad networks (reliability, bar 10): real sockets through the proxy, and the supervision's ledger as the judge.

Whatever the network does, in the end no station is stuck, and every transaction is one record with the energy of the
meter and each of its samples once.
"""

import asyncio
import contextlib
import logging
import re
import socket
from collections.abc import AsyncIterator
from functools import partial

import pytest
from tests.patience import PATIENCE_S
from tests.shells.rig import SPEED, Rig, rigged
from tests.shells.wires import Recorder
from tests.soak import times

from chargepost import signals as sig
from chargepost.drivers.simulated import CARS
from chargepost.fleet.faults import Faults
from chargepost.ocpp import messages as m
from chargepost.run import websocket
from chargepost.run.clock import Clock
from chargepost.run.faults import Proxy, read
from chargepost.run.runner import StationHost
from chargepost.run.websocket import dial
from chargepost.signals import Dial
from chargepost.station.happenings import ALARMS
from chargepost.station.station import Station
from chargepost.supervision import ledger as tables
from chargepost.supervision.ledger import Ledger
from chargepost.supervision.state import State
from chargepost.supervision.wishes import BadgeRow, Begun, Store, TransactionRow

STATIONS = times(4, 100)
SPEED_OF_ALL = float(times(60, 10))
"""A hundred stations wait half a minute of the world for each answer: in it one loop has to do all that it must."""
PING_S = 30

SETTINGS = {
    "WebSocketPingInterval": str(PING_S),
    "WebsocketRequestTimeout": "30",
    "MeterValueSampleInterval": "20",
    "TransactionMessageAttempts": "0",  # without limit
    "TransactionMessageRetryInterval": "5",
}

LATENCY = '[[bytes]]\ndo = "latency"\nlatency_ms = 3000\njitter_ms = 500'
NARROW = '[[bytes]]\ndo = "bandwidth"\nbytes_per_s = 1000'
NETWORKS = {
    "three seconds late": LATENCY,
    "a kilobyte a second": NARROW,
    "half-open, nothing to the central system":
        '[[bytes]]\ndo = "silence"\ndirection = "up"\nafter_bytes = 1300\ntimes = 1',
    "half-open, nothing to the station": '[[bytes]]\ndo = "silence"\ndirection = "down"\nafter_bytes = 420\ntimes = 1',
    "reset on the way up": '[[bytes]]\ndo = "reset"\ndirection = "up"\nafter_bytes = 1333\ntimes = 4',
    "reset on the way down": '[[bytes]]\ndo = "reset"\ndirection = "down"\nafter_bytes = 433\ntimes = 4',
    "truncated on the way up": '[[bytes]]\ndo = "truncate"\ndirection = "up"\nafter_bytes = 1333\ntimes = 4',
    "truncated on the way down": '[[bytes]]\ndo = "truncate"\ndirection = "down"\nafter_bytes = 433\ntimes = 4',
    "accepted by TCP, never answered": '[[bytes]]\ndo = "silence"\ndirection = "down"\ntimes = 1',
    "a WebSocket that never answers": '[[frames]]\ndo = "drop"\ndirection = "down"\nmessage = "answer"\ntimes = 3',
    "acknowledgements of transactions are lost":
        '[[frames]]\ndo = "drop"\ndirection = "down"\naction = "StartTransaction"\ntimes = 2\n'
        '[[frames]]\ndo = "cut"\ndirection = "down"\naction = "StopTransaction"\ntimes = 2\n'
        '[[frames]]\ndo = "silence"\ndirection = "down"\naction = "MeterValues"\ntimes = 1',
    "everything is told twice": '[[frames]]\ndo = "duplicate"\ndirection = "up"',
    "everything at once": f"{LATENCY}\nchance = 0.5\n{NARROW}\nchance = 0.5\n"
        '[[bytes]]\ndo = "reset"\nafter_bytes = 1000\nchance = 0.5\ntimes = 3\n'
        '[[frames]]\ndo = "duplicate"\nchance = 0.2\n[[frames]]\ndo = "cut"\nchance = 0.05\ntimes = 3',
}  # fmt: skip


def faults(text: str) -> Faults:
    return read(text, "test")


def station(rig: Rig, identity: str) -> StationHost:
    """One that expects of its central system, which is in this process, to be as fast as the world."""
    rig.central.central.put_badge(BadgeRow(f"BADGE{identity}"))
    rig.central.drain()
    host = rig.station("evlink-pro-ac", identity, SETTINGS)
    assert host.station
    host.station.core.speed = 1.0
    return host


async def visit(rig: Rig, host: StationHost) -> None:
    """A car comes, charges for some samples, and leaves."""
    await rig.until(lambda: host.view().link.boot == "Accepted", f"{host.identity}: the boot is accepted")
    assert host.plug_in(1, CARS["Compact"])
    host.present_badge(f"BADGE{host.identity}", 1)
    await rig.until(lambda: host.view().connectors[0].power_w > 1000, f"{host.identity}: power flows")
    soon = rig.clock.now() + 90
    await rig.until(lambda: rig.clock.now() > soon, "some minutes pass")
    host.tell(sig.StopAsked(1))
    await rig.until(lambda: host.unplug(1), f"{host.identity}: the cable comes out")
    await rig.until(lambda: not host.view().link.waiting_messages, f"{host.identity}: all is told")


async def judged(network: str, caplog: pytest.LogCaptureFixture) -> None:
    """A visit at each station, and what became of it."""
    caplog.set_level(logging.INFO, "chargepost.link")
    async with rigged(speed=SPEED_OF_ALL, faults=faults(network)) as rig:
        hosts = [station(rig, f"S-{number}") for number in range(STATIONS)]
        await asyncio.gather(*(visit(rig, host) for host in hosts))
        await rig.central.settled()
        records = {record.identity: record for record in rig.central.ledger.transactions(limit=10 * STATIONS)}
        assert len(rig.central.ledger.transactions(limit=10 * STATIONS)) == STATIONS, "one record for each visit"
        for host in hosts:
            record = records[host.identity]
            assert record.stop_wh == int(host.hardware.connector(1).energy_wh)
            samples = [row.measured_utc_s for row in rig.central.ledger.meter_values(record.transaction)]
            assert len(samples) == len(set(samples)) >= 3
    slow = {"latency", "bandwidth"}  # of every byte: no news
    told = [record.args for record in caplog.records if record.name == "chargepost.link"]
    befell = {str(args[1]) for args in told if isinstance(args, tuple)}
    assert befell == set(re.findall(r'do = "(\w+)"', network)) - slow, "the network was as bad as it was meant to be"


@pytest.mark.slow
@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
async def test_on_a_bad_network_no_station_is_stuck_and_each_transaction_is_one_record(
    network: str, caplog: pytest.LogCaptureFixture
) -> None:
    await judged(network, caplog)


async def test_a_central_system_that_does_not_know_a_start_again_is_caught(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Planted: duplicates are not recognised."""

    def begun(ledger: Ledger, wish: Store) -> Begun | None:
        rows = [row for row in wish.rows if isinstance(row, TransactionRow)]
        return Begun(rows[0].transaction, True) if rows else None

    unique = ",\n  UNIQUE (identity, connector, id_tag, start_wh, start_utc_s));"
    assert unique in tables.SCHEMA
    monkeypatch.setattr(tables, "SCHEMA", tables.SCHEMA.replace(unique, ");"))
    monkeypatch.setattr(Ledger, "begun", begun)
    monkeypatch.setattr(State, "same_start", lambda *_: None)
    with pytest.raises(AssertionError, match="one record for each visit"):
        await judged(NETWORKS["everything is told twice"], caplog)


# --- a link that is only half there -----------------------------------------------------------------------------------

LONG = {
    "up": m.GetConfiguration(),  # its answer is
    "down": m.DataTransfer(vendor_id="org.example", data="x" * 5_000),
}


async def half_open(direction: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing passes in one direction any more: the station must know it by the second ping since."""
    pings: list[websocket.Wire] = []
    ping = websocket.Wire.ping

    def counted(wire: websocket.Wire) -> None:
        pings.append(wire)
        ping(wire)

    monkeypatch.setattr(websocket.Wire, "ping", counted)
    caplog.set_level(logging.INFO, "chargepost.link")
    hole = f'[[bytes]]\ndo = "silence"\ndirection = "{direction}"\nafter_bytes = 4000\ntimes = 1'
    async with rigged(faults=faults(hole)) as rig:
        host = station(rig, "S-1")
        await rig.until(lambda: host.view().link.boot == "Accepted", "the boot is accepted")
        asking = asyncio.create_task(rig.central.command("S-1", LONG[direction]))
        await rig.until(lambda: bool(caplog.records), "the hole is there")
        before = len(pings)
        await rig.until(lambda: "silent" in host.view().link.error or len(pings) - before > 2, "it is noticed")
        assert host.view().link.error == "the central system has fallen silent: no answer to a ping"
        asking.cancel()


@pytest.mark.parametrize("direction", ["up", "down"])
async def test_a_half_open_link_is_found_out_within_two_ping_intervals(
    direction: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await half_open(direction, monkeypatch, caplog)


async def test_a_station_that_does_not_wait_for_pongs_is_caught(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Planted: no pong time-out."""
    ping = ALARMS["ping"]

    def careless(station: Station, connector: int, what: str, now: float) -> str | None:
        station.talk.ping_at = None
        return ping(station, connector, what, now)

    monkeypatch.setitem(ALARMS, "ping", careless)
    with pytest.raises(AssertionError, match="assert ''"):
        await half_open("down", monkeypatch, caplog)


# --- the proxy itself -------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def proxied(rules: str, speed: float = SPEED) -> AsyncIterator[tuple[Proxy, Clock]]:
    clock = Clock(speed)
    proxy = Proxy(faults(rules), clock)
    await proxy.open()
    try:
        yield proxy, clock
    finally:
        await proxy.close()


async def heard(rules: str, sent: bytes, identity: str = "S-1") -> tuple[bytes, BaseException | None]:
    """What a peer reads when a client sends this through the proxy and closes, and how its reading ended."""
    got: asyncio.Future[tuple[bytes, BaseException | None]] = asyncio.get_running_loop().create_future()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data = b""
        try:
            while more := await reader.read(1000):
                data += more
            got.set_result((data, None))
        except ConnectionError as error:
            got.set_result((data, error))
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    async with proxied(rules) as (proxy, _):
        near = await proxy.way(identity, "127.0.0.1", server.sockets[0].getsockname()[1])
        _, writer = await asyncio.open_connection(sock=near)
        writer.write(sent)
        with contextlib.suppress(ConnectionError):
            await writer.drain()
            writer.write_eof()
        async with asyncio.timeout(PATIENCE_S):
            outcome = await got
        writer.close()
    server.close()
    return outcome


BIG = bytes(range(256)) * 2_000


@pytest.mark.parametrize(("rules", "passed", "error"), [
    ('[[bytes]]\ndo = "latency"\nlatency_ms = 3000\njitter_ms = 1000', len(BIG), None),
    ('[[bytes]]\ndo = "bandwidth"\nbytes_per_s = 100000', len(BIG), None),
    ('[[bytes]]\ndo = "truncate"\nafter_bytes = 70001', 70_001, None),
    ('[[bytes]]\ndo = "reset"\nafter_bytes = 70001', 70_001, ConnectionResetError),
    ('[[bytes]]\ndo = "reset"\nafter_bytes = 70001\ndirection = "down"', len(BIG), None),
    ('[[bytes]]\ndo = "reset"\nafter_bytes = 70001\nchance = 0', len(BIG), None),
])  # fmt: skip
async def test_the_proxy_passes_exactly_so_many_bytes(
    rules: str, passed: int, error: type[BaseException] | None
) -> None:
    data, ended = await heard(rules, BIG)
    assert data == BIG[:passed]
    assert type(ended) is (error or type(None))


async def test_a_far_end_that_is_not_there_is_told_as_without_a_proxy() -> None:
    async with proxied('[[bytes]]\ndo = "reset"') as (proxy, _):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        told = Recorder()
        dial(Dial(f"ws://127.0.0.1:{port}/S-1", (), "S-1", None, PATIENCE_S), told, way=partial(proxy.way, "S-1"))
        assert "nothing listens on" in await told.ended()


async def test_nobody_else_on_this_machine_gets_through_the_proxy() -> None:
    async with proxied('[[bytes]]\ndo = "latency"\nlatency_ms = 1') as (proxy, _):
        assert proxy._server
        reader, writer = await asyncio.open_connection(*proxy._server.sockets[0].getsockname())
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()


async def test_the_same_seed_chooses_the_same_connections() -> None:
    def chosen(seed: int) -> list[int]:
        proxy = Proxy(faults(f'seed = {seed}\n[[bytes]]\ndo = "reset"\nchance = 0.3\ntimes = 4'), clock)
        return [number for number in range(40) if proxy._befall("S-1")["up"]]

    clock = Clock()
    assert chosen(1) == chosen(1) != chosen(2)
    assert len(chosen(1)) == 4
