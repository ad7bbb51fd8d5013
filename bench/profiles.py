"""What a composite schedule costs: 100 charging profiles of 24 periods, merged over a day."""

import statistics
import time
from datetime import UTC, datetime

from parts.figures import COLUMNS, emit, is_quick

from chargepost.ocpp import messages
from chargepost.station import composite
from chargepost.station.composite import Installed, Value

ROUNDS = 20 if is_quick() else 500
PROFILES = 100
HOUR_S, DAY_S = 3600, 86_400
NOW = 1_700_000_000.0
PURPOSES: tuple[messages.ChargingProfilePurposeType, ...] = (
    "ChargePointMaxProfile",
    "TxDefaultProfile",
    "TxProfile",
)


def date(utc_s: float) -> datetime:
    return datetime.fromtimestamp(utc_s, UTC)


def installed(number: int) -> Installed:
    """A profile whose hours begin at a minute of its own; each level is over before the one below it."""
    level, purpose = number // len(PURPOSES), PURPOSES[number % len(PURPOSES)]
    levels = PROFILES // len(PURPOSES) + 1
    profile = messages.ChargingProfile(
        charging_profile_id=number,
        stack_level=level,
        charging_profile_purpose=purpose,
        charging_profile_kind="Recurring",
        recurrency_kind="Daily",
        valid_to=date(NOW + DAY_S * (levels - level) / levels),
        charging_schedule=messages.ChargingSchedule(
            charging_rate_unit="W" if number % 2 else "A",
            start_schedule=date(NOW - DAY_S + number * 37 % 60 * 60),
            charging_schedule_period=tuple(
                messages.ChargingSchedulePeriod(
                    start_period=hour * HOUR_S, limit=(6 + (number + hour) % 26) * (690 if number % 2 else 1)
                )
                for hour in range(24)
            ),
        ),
    )
    return Installed(int(purpose == "TxProfile"), "tx" * (purpose == "TxProfile"), profile, composite.plan(profile))


def merge(everything: list[Installed]) -> list[tuple[int, float, int | None]]:
    """As a station answers GetCompositeSchedule."""
    since, until = NOW, NOW + DAY_S
    own = composite.stacked(composite.ranked(everything, 1, "tx"), since, until)
    most = composite.stacked(composite.maxima(everything), since, until)
    hardware: composite.Line = [(since, Value(32.0, "A", None, "rating"))]
    lines = [composite.converted(line, "A", 3) for line in (own, hardware, most)]
    return composite.periods(composite.combined(lines, composite.least), since)


def main() -> None:
    everything = [installed(number) for number in range(PROFILES)]
    found = merge(everything)
    took_s = []
    for _ in range(ROUNDS):
        start = time.process_time()
        merge(everything)
        took_s.append(time.process_time() - start)
    how = f"{PROFILES} daily profiles of 24 periods, {len(found)} periods come of it"
    emit("100 charging profiles merged over a day", statistics.median(took_s) * 1e3, COLUMNS[0], how)


if __name__ == "__main__":
    main()
