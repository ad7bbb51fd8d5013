"""Five hundred days, each of one seed: every product in turn, everything goes wrong, and the laws hold.

A world is small on purpose: three stations and one central system, with more trouble in a day than a site has in a
year. `python -m tests.world.test_fleet_seeds 457` shows one seed, and runs as many as are named.
"""

import sys
from collections import Counter

import msgspec
import pytest
from tests.world.test_fleet_laws import OF_SITES

from chargepost.catalogue import names
from chargepost.fleet import report
from chargepost.fleet.laws import LAWS
from chargepost.fleet.scenario import Disturbances, Link, People, Scenario, load

STATIONS = 3
SEEDS = 500
SHARD = 50
"""Seeds of one test: a broken law stops no more than these."""

SPOKEN = [name for name in names() if "@R4" not in name]
"""Every variant of every release that speaks OCPP 1.6 over a WebSocket."""

ROUGH = Link(lose=0.003, duplicate=0.01, cuts_per_day=10, outages_per_day=4)
TROUBLE = Disturbances(
    power_cuts_per_day=4, unlucky_cut=0.01, clock_steps_per_day=4, disk_troubles_per_day=2, hardware_faults_per_day=4,
    resets_per_day=2, commands_per_day=20, central_restarts_per_day=10, central_clock_steps_per_day=6,
)  # fmt: skip
BUSY = People(visits_per_day=8, stay_s=3600, blocked=0.1, reserves=0.2)


def day(seed: int) -> Scenario:
    """Three products of the catalogue, others with each seed; neighbours there are strangers here."""
    models = {SPOKEN[(seed + n * len(SPOKEN) // STATIONS) % len(SPOKEN)]: 1.0 for n in range(STATIONS)}
    return msgspec.structs.replace(
        load(), stations=STATIONS, seed=seed, models=models, link=ROUGH, disturbances=TROUBLE, people=BUSY
    )


def run(seed: int) -> report.Summary:
    """One day. Fails with what is needed to look at it."""
    summary = report.run_fleet(day(seed))
    assert summary.verdict == "laws hold", f"{list(day(seed).models)}\n" + "\n".join(report.summary_lines(summary))
    return summary


def test_a_seed_is_the_same_day_again() -> None:
    once, again = run(1), run(1)
    assert (once.digest, once.work) == (again.digest, again.work)
    assert once.digest != run(2).digest


TROUBLED = (
    "frame lost", "frame doubled", "link cut", "outage", "power cut", "power cut while writing", "reset",
    "central restart", "clock step", "central clock", "disk trouble", "hardware fault",
)  # fmt: skip
"""What goes wrong in fifty days: messages, crashes and restarts, clocks, and disks."""


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1, SEEDS + 1, SHARD))
def test_the_laws_hold_over_fifty_days_and_none_of_them_is_idle(first: int) -> None:
    work: Counter[str] = Counter()
    trouble: Counter[str] = Counter()
    for seed in range(first, first + SHARD):
        summary = run(seed)
        work.update(summary.work)
        trouble.update(summary.errors)
        trouble.update(summary.trouble)
    idle = [law for law in set(LAWS) - OF_SITES if work[law] < SHARD / 2]
    assert not idle, f"hardly put to the test: {idle} of {dict(work)}"
    missing = [what for what in TROUBLED if trouble[what] < SHARD / 2]
    assert not missing, f"hardly happened: {missing} of {dict(trouble)}"


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        print("\n".join(report.summary_lines(report.run_fleet(day(int(argument))))))
