"""What each connector drew and was offered in the last hours: a ring each, so that a late viewer sees the curve.

Only where a tool is served. Nothing is advanced for a sample: a station knows what its instruments said last.
"""

from array import array
from collections.abc import Iterator
from math import isnan, nan
from typing import TYPE_CHECKING

from chargepost.commissioning.port import Sample

if TYPE_CHECKING:
    from chargepost.run.runner import StationHost
    from chargepost.run.stations import Stations

EVERY_S = 5.0
"""Of the machine: the rhythm of the pages, so a step of the limit is seen with the next one."""

SAMPLES = 1_440
"""Two hours: a charge, and what was before it. More points than a curve has pixels."""

TRACES = 3
"""Power, offered current, state of charge; 4 bytes each, so a connector takes 17 KB and a hundred stations of two
connectors 3.5 MB."""


CONNECTORS_MAX = 1_000
"""With a ring: 17 MB. A process with more has so many stations that nobody looks at the curve of the last ones."""


class History:
    """The rings of all connectors of a process, sampled together."""

    def __init__(self, stations: "Stations") -> None:
        self._stations = stations
        self._at = array("d", [0.0]) * SAMPLES
        """The date of each sample."""
        self.count = 0
        """Samples taken since the start."""
        self._rings: dict[tuple[str, int], array[float]] = {}
        """Each holds all powers, then all offers, then all states of charge."""
        self._timer = stations.clock.loop.call_later(EVERY_S, self._tick)

    def close(self) -> None:
        self._timer.cancel()

    def _tick(self) -> None:
        self._timer = self._stations.clock.loop.call_later(EVERY_S, self._tick)
        self.sample()

    def sample(self) -> None:
        """Look at every connector once."""
        place = self.count % SAMPLES
        self._at[place] = self._stations.clock.utc_s()
        self.count += 1
        rings, seen = self._rings, set()
        for identity, host in self._stations.hosts.items():
            for number, values in _look(host):
                key = identity, number
                seen.add(key)
                ring = rings.get(key)
                if ring is None:
                    if len(rings) >= CONNECTORS_MAX:
                        continue
                    ring = rings[key] = array("f", [nan]) * (TRACES * SAMPLES)
                for trace, value in enumerate(values):
                    ring[trace * SAMPLES + place] = value
        for gone in rings.keys() - seen:
            del rings[gone]

    def samples(self, identity: str, connector: int, after: int = 0) -> list[Sample]:
        """Those past so many of `count`, oldest first; at most `SAMPLES`."""
        ring = self._rings.get((identity, connector))
        if ring is None:
            return []
        found = []
        for number in range(max(after, self.count - SAMPLES), self.count):
            place = number % SAMPLES
            power_w, offered_a, soc_percent = (ring[trace * SAMPLES + place] for trace in range(TRACES))
            if not isnan(power_w):  # else the connector was not there yet
                soc = None if isnan(soc_percent) else soc_percent
                found.append(Sample(self._at[place], power_w, offered_a, soc))
        return found

    @property
    def bytes(self) -> int:
        """What all rings take."""
        return sum(ring.itemsize * len(ring) for ring in self._rings.values())


def _look(host: "StationHost") -> Iterator[tuple[int, tuple[float, float, float]]]:
    station = host.station
    for outlet in host.hardware.connectors:
        c = station.connectors[outlet.number - 1] if station and outlet.number <= len(station.connectors) else None
        soc = outlet.soc
        power_w, _energy_wh = host.hardware.shown(outlet.number)
        yield outlet.number, (power_w, c.offered_a if c else 0.0, nan if soc is None else soc)
