"""Bad networks (reliability, bar 10): real sockets through the proxy, and the supervision's ledger as the judge.

Whatever the network does, in the end no station is stuck, and every transaction is one record with the energy of the
meter and each of its samples once.
"""

import asyncio
import logging
import re

import pytest
from tests.shells.rig import Rig, rigged
from tests.soak import times

from chargepost import signals as sig
from chargepost.drivers.simulated import CARS
from chargepost.fleet.faults import Faults
from chargepost.run.faults import read
from chargepost.run.runner import StationHost
from chargepost.supervision.wishes import BadgeRow

STATIONS = times(4, 100)
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


@pytest.mark.slow
@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
async def test_on_a_bad_network_no_station_is_stuck_and_each_transaction_is_one_record(
    network: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "chargepost.link")
    async with rigged(faults=faults(network)) as rig:
        hosts = [station(rig, f"S-{number}") for number in range(STATIONS)]
        await asyncio.gather(*(visit(rig, host) for host in hosts))
        await rig.central.settled()
        records = {record.identity: record for record in rig.central.ledger.transactions()}
        assert len(rig.central.ledger.transactions()) == len(records) == STATIONS
        for host in hosts:
            record = records[host.identity]
            assert record.stop_wh == int(host.hardware.connector(1).energy_wh)
            samples = [row.measured_utc_s for row in rig.central.ledger.meter_values(record.transaction)]
            assert len(samples) == len(set(samples)) >= 3
    slow = {"latency", "bandwidth"}  # of every byte: no news
    befell = {
        str(record.args[1])
        for record in caplog.records
        if isinstance(record.args, tuple) and record.name == "chargepost.link"
    }
    assert befell == set(re.findall(r'do = "(\w+)"', network)) - slow, "the network was as bad as it was meant to be"
