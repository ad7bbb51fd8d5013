"""What the charging profiles that a station keeps allow at one instant, for the laws: worked out anew each time.

Limits in A only, and a profile as it lies on the disk; no function of the station's is used (reference 10.3, 10.4).
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

DAYS = {"Daily": 86_400, "Weekly": 604_800}


class Period(msgspec.Struct, rename="camel"):
    start_period: int
    limit: float


class Schedule(msgspec.Struct, rename="camel"):
    charging_rate_unit: str
    charging_schedule_period: list[Period]
    duration: int | None = None
    start_schedule: datetime | None = None


class Profile(msgspec.Struct, rename="camel"):
    stack_level: int
    charging_profile_purpose: str
    charging_schedule: Schedule
    recurrency_kind: str | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None


class Placed(msgspec.Struct):
    """What a station keeps under `profile/<id>`."""

    connector: int
    transaction: str
    profile: Profile


def read(durable: Mapping[str, bytes]) -> dict[str, Placed]:
    return {key: placed(value) for key, value in durable.items() if key.startswith("profile/")}


def placed(value: bytes) -> Placed:
    return msgspec.json.decode(value, type=Placed)


def station_a(profiles: Iterable[Placed], utc_s: float) -> float | None:
    """What all connectors together may take at this instant; None: no limit in A."""
    return _first([each for each in profiles if each.profile.charging_profile_purpose[0] == "C"], utc_s, utc_s)


def connector_a(
    profiles: Iterable[Placed], connector: int, transaction: str, began_utc_s: float, utc_s: float
) -> float | None:
    """What the transaction on a connector may take; None: no limit in A."""
    known = list(profiles)
    own = [each for each in known if each.transaction == transaction and each.connector == connector]
    limit = _first(own, utc_s, began_utc_s)
    if limit is not None:
        return limit
    defaults = [each for each in known if each.profile.charging_profile_purpose == "TxDefaultProfile"]
    here = [each for each in defaults if each.connector == connector]
    taken = {each.profile.stack_level for each in here}
    here += [each for each in defaults if each.connector == 0 and each.profile.stack_level not in taken]
    return _first(here, utc_s, began_utc_s)


def _first(profiles: list[Placed], utc_s: float, began_utc_s: float) -> float | None:
    for each in sorted(profiles, key=lambda each: each.profile.stack_level, reverse=True):
        limit = _limit(each.profile, utc_s, began_utc_s)
        if limit is not None:
            return limit
    return None


def _limit(profile: Profile, utc_s: float, began_utc_s: float) -> float | None:
    schedule = profile.charging_schedule
    start = schedule.start_schedule.timestamp() if schedule.start_schedule else began_utc_s
    passed_s = utc_s - start
    early = profile.valid_from is not None and utc_s < profile.valid_from.timestamp()
    late = profile.valid_to is not None and utc_s >= profile.valid_to.timestamp()
    if schedule.charging_rate_unit != "A" or passed_s < 0 or early or late:
        return None
    if profile.recurrency_kind is not None:
        passed_s %= DAYS[profile.recurrency_kind]
    if schedule.duration is not None and passed_s >= schedule.duration:
        return None
    return [period.limit for period in schedule.charging_schedule_period if period.start_period <= passed_s][-1]
