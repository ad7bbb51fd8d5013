"""What a station writes down of a charge beside what is billed (commissioning guide, chapters 5 and 6)."""

import pytest

from chargepost import signals as sig
from chargepost.drivers.simulated import CarSpec
from tests.rules.rig import TAG, Rig


def charged(rig: Rig, phases: int = 3, seconds: float = 200) -> sig.ChargeRecord:
    rig.run(3)
    rig.plug(car=CarSpec(name="car", battery_wh=60_000, soc_percent=20, phases=phases, max_current_a=16))
    rig.badge()
    rig.run(seconds)
    rig.badge()
    rig.run(10)
    (record,) = rig.records.values()
    return record


@pytest.mark.parametrize("line", ["evlink-smart-wallbox", "evlink-parking", "evlink-pro-ac"])
@pytest.mark.parametrize(("phases", "kind"), [(1, "AC_SINGLE_PHASE"), (3, "AC_THREE_PHASE")])
@pytest.mark.parametrize("seconds", [15, 200])
def test_r_327_type_of_charge_is_detected_and_the_outlet_named(
    line: str, phases: int, kind: str, seconds: float
) -> None:
    """Chapter 6: "Type of charge detected by the charging station", "Type of socket-outlet or connector"; also of a
    charge that is over before its register was ever kept."""
    rig = Rig(line, tolerant=True)
    detail = charged(rig, phases, seconds).detail
    assert detail
    assert (detail.charge_type, detail.socket_type) == (kind, "TYPE2")
    assert detail.serial == rig.station.core.serial


def test_r_337_the_comment_is_the_badges_as_it_was_when_the_charge_ended() -> None:
    """Chapter 5: "This comment will be displayed in the Charge Data Record"; it is written down with the record."""
    rig = Rig("evlink-parking", tolerant=True)
    rig.tell(sig.BadgeCommented(TAG.lower(), "Anna\n, " + 60 * "x"))
    rig.tell(sig.BadgeCommented("other", "Bert"))
    rig.run(1)
    rig.power_cycle()
    record = charged(rig)
    assert record.detail
    assert record.detail.comment == ("Anna, " + 60 * "x")[:50]
    rig.tell(sig.BadgeCommented(TAG, ""))
    assert f"comment/{TAG.casefold()}" not in rig.memory
    assert "comment/other" in rig.memory
    assert next(iter(rig.records.values())).detail == record.detail
