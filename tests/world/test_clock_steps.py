"""P6: whatever the date does, a charge lasts as long as it lasts, has its energy, its place and its identity.

Two hundred half days of a busy station whose clock is set every few minutes: by a second, an hour, a day, to 1970 and
to 2038. The laws of the fleet watch (reliability bar 6).
"""

from collections import Counter

import msgspec
import pytest
from tests.soak import times
from tests.world.test_fleet_laws import BUSY, CALM, NOTHING

from chargepost.fleet import report, trouble
from chargepost.fleet.scenario import Scenario, load

SEEDS = 200
SHARD = 50
STEPS_PER_DAY = 240.0


def stepping(seed: int) -> Scenario:
    """A Pro AC and a wallbox, in calm weather but for their clocks and some power cuts."""
    disturbed = msgspec.structs.replace(
        NOTHING, clock_steps_per_day=STEPS_PER_DAY, central_clock_steps_per_day=24, power_cuts_per_day=6
    )
    return msgspec.structs.replace(
        load(), stations=2, hours=times(8, 24), seed=seed, link=CALM, disturbances=disturbed, people=BUSY,
        models={"evlink-pro-ac": 1.0, "evlink-smart-wallbox": 1.0},
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1, SEEDS + 1, SHARD))
def test_p6_no_clock_step_changes_durations_energy_order_or_identity(first: int) -> None:
    done: Counter[str] = Counter()
    for seed in range(first, first + SHARD):
        summary = report.run_fleet(stepping(seed))
        assert summary.verdict == "laws hold", "\n".join(report.summary_lines(summary))
        done.update(summary.trouble)
        done["transactions"] += summary.transactions
    assert done["clock step"] >= 60 * SHARD
    assert done["transactions"] >= 8 * SHARD


def test_every_kind_of_step_is_among_them() -> None:
    assert {1.0, 3600.0, 86400.0} <= {abs(step_s) for step_s in trouble.CLOCK_STEPS_S}
    assert trouble.ODD_DATES_UTC_S == (0.0, 2.0**31 - 1)
