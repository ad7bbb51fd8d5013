"""Why a request is refused stands in the log, as the answers of OCPP 1.6 have no room for it (chapter 5; ux 3)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from chargepost import signals as sig
from chargepost.ocpp import messages as m
from tests.rules.rig import TAG, Rig, utc


def profile(**changes: Any) -> m.ChargingProfile:
    period = m.ChargingSchedulePeriod(start_period=0, limit=10)
    schedule = m.ChargingSchedule(charging_rate_unit=changes.pop("unit", "A"), charging_schedule_period=(period,))
    return m.ChargingProfile(
        charging_profile_id=7,
        stack_level=changes.pop("level", 0),
        charging_profile_purpose=changes.pop("purpose", "TxDefaultProfile"),
        charging_profile_kind="Relative",
        charging_schedule=schedule,
        **changes,
    )


def set_profile(**changes: Any) -> m.SetChargingProfile:
    return m.SetChargingProfile(connector_id=1, cs_charging_profiles=profile(**changes))


ASKED: dict[str, tuple[Callable[[Rig], Any], str]] = {
    "unit": (lambda rig: set_profile(unit="W"), "charging profile 7: the product does not take this chargingRateUnit"),
    "level": (
        lambda rig: set_profile(level=10_000),
        "charging profile 7: stackLevel is not within 0 to ChargeProfileMaxStackLevel",
    ),
    "no transaction": (
        lambda rig: set_profile(purpose="TxProfile"),
        "charging profile 7: a TxProfile is for the transaction that runs",
    ),
    "no such connector": (
        lambda rig: m.RemoteStartTransaction(id_tag=TAG, connector_id=9),
        "remote start: there are connectors 1 to 1",
    ),
    "over": (
        lambda rig: m.ReserveNow(
            connector_id=1, expiry_date=utc(rig) - timedelta(hours=1), id_tag=TAG, reservation_id=3
        ),
        "reservation 3: expiryDate is over",
    ),
    "version": (
        lambda rig: m.SendLocalList(list_version=0, update_type="Full", local_authorization_list=(badge(),)),
        "local list: listVersion has to be above 0",
    ),
    "read-only": (lambda rig: m.ChangeConfiguration(key="NumberOfConnectors", value="2"), "read-only"),
    "range": (
        lambda rig: m.ChangeConfiguration(key="HeartbeatInterval", value="soon"),
        "key HeartbeatInterval: the value is not of its type or range",
    ),
}


def badge() -> m.AuthorizationData:
    return m.AuthorizationData(id_tag=TAG, id_tag_info=m.IdTagInfo(status="Accepted"))


@pytest.mark.parametrize("case", ASKED)
def test_ux_3_a_refusal_says_why_in_the_log(case: str) -> None:
    rig = Rig(settings={"LocalAuthListEnabled": "true"})
    rig.run()
    make, words = ASKED[case]
    rig.forget()
    answer = rig.ask(make(rig))
    assert answer.status in ("Rejected", "Failed")
    [told] = [note.text for note in rig.wished(sig.Note) if note.event == "refused"]
    assert words in told


def test_ux_3_what_is_accepted_tells_no_refusal() -> None:
    rig = Rig()
    rig.run()
    rig.forget()
    assert rig.ask(set_profile()).status == "Accepted"
    assert "refused" not in rig.notes()
