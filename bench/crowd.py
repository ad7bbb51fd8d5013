"""Many stations connected and booted, over real WebSockets: their memory, their CPU, and the time until all are there.

Once with the stations under test, against a light central system, and once with the central system under test.
"""

import time

from parts.ends import CENTRALS, STATIONS, boot, central, present, stations
from parts.figures import Of, emit, is_quick

FIRST, ALL = (50, 200) if is_quick() else (1_000, 10_000)
PEERS_FIRST, PEERS_ALL = (20, 60) if is_quick() else (200, 1_000)
"""Peers are heavier; their slope is as straight, and a whole crowd of theirs is not comparable."""

LEAN: tuple[Of, ...] = ("chargepost", "floor")


def sizes(of: Of) -> tuple[int, int]:
    return (FIRST, ALL) if of in LEAN else (PEERS_FIRST, PEERS_ALL)


def as_stations(of: Of) -> None:
    first, everyone = sizes(of)
    how = f"{first:,} to {everyone:,} stations"
    with stations(of) as (under_test, at_other_end):
        begun_s, begun_cpu_s = time.monotonic(), under_test.cpu_s()
        boot(under_test, at_other_end, first, 0)
        before_kb, before_cpu_s = under_test.rss_kb(), under_test.cpu_s()
        boot(under_test, at_other_end, everyone - first, first)
        booted_s, booted_cpu_s = time.monotonic(), under_test.cpu_s()
        more_kb = under_test.rss_kb() - before_kb
    emit("memory of one more connected station", more_kb / (everyone - first), of, how)
    emit("CPU to boot one station", (booted_cpu_s - before_cpu_s) / (everyone - first) * 1000, of, how)
    if of not in LEAN:
        return
    emit("the whole crowd connected and booted, CPU", booted_cpu_s - begun_cpu_s, of, f"{everyone:,} stations")
    emit("the whole crowd connected and booted, time", booted_s - begun_s, of, f"{everyone:,} stations")


def as_central(of: Of) -> None:
    first, everyone = sizes(of)
    how = f"{first:,} to {everyone:,} stations"
    with central(of) as (under_test, load):
        load.ask("connect", n=first)
        before_kb, before_cpu_s = under_test.rss_kb(), under_test.cpu_s()
        load.ask("connect", n=everyone - first)
        booted_cpu_s = under_test.cpu_s()
        more_kb = under_test.rss_kb() - before_kb
    emit("memory of one station held by the supervision", more_kb / (everyone - first), of, how)
    emit(
        "CPU to let in and boot one station, supervision",
        (booted_cpu_s - before_cpu_s) / (everyone - first) * 1000,
        of,
        how,
    )


if __name__ == "__main__":
    for who in present(STATIONS):
        as_stations(who)
    for who in present(CENTRALS):
        as_central(who)
