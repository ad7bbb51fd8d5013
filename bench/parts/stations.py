"""Our stations with their simulated hardware, many in one process, as `chargepost fleet` hosts them on real sockets.

Argument: the address of the central system.
"""

import random
import sys

from chargepost.drivers.simulated import CarSpec
from chargepost.journal import Journal
from chargepost.records.ledger import STATION_SCHEMA, STATION_VERSION
from chargepost.run.clock import Clock
from chargepost.run.given import find_model, judge
from chargepost.run.stations import Stations
from parts import orders

MODEL = "evlink-pro-ac"

TALK = {
    "MeterValueSampleInterval": "2",
    "MeterValuesSampledData": "Energy.Active.Import.Register,Power.Active.Import,Current.Import.L1,Current.Import.L2,"
    "Current.Import.L3,Voltage.L1,Current.Offered",
}
"""While a car charges: one MeterValues of seven values each two seconds; heartbeats fill the seconds between."""

ALIGNED_S = 1.5
"""Past what is due by itself, which comes once a second."""

CAR = CarSpec(battery_wh=1_000_000.0, soc_percent=1.0)
"""It is never full while we look."""


async def main() -> None:
    url = sys.argv[1]
    journal = Journal(None, STATION_SCHEMA, STATION_VERSION)
    stations = Stations(Clock(), journal, random.Random(1).random, url, "bench")
    model = find_model(MODEL)

    async def connect(n: int, talk: bool = False) -> None:
        first = len(stations.hosts)
        settings = TALK if talk else {}
        await stations.add_all([judge(f"S{number:05}", model, settings, url) for number in range(first, first + n)])

    async def charge() -> None:
        """A car and a badge at every station."""
        for host in stations.hosts.values():
            host.plug_in(1, CAR)
            host.present_badge("04A2B3C4D5E680")

    async def align() -> None:
        """From a second from now on every station is due at the same instant, each second again."""
        now = stations.clock.now()
        for host in stations.hosts.values():
            assert host.station
            core, due = host.station.core, now + ALIGNED_S
            core.wake_at("heartbeat", 0, due)
            for c in host.station.connectors:
                if c.transaction:
                    c.started_at = due
                    core.wake_at("sample", c.number, due)
            host.look()

    async def booted() -> int:
        return sum(host.view().link.boot == "Accepted" for host in stations.hosts.values())

    await orders.obey({"connect": connect, "charge": charge, "align": align, "booted": booted})


if __name__ == "__main__":
    orders.run(main())
