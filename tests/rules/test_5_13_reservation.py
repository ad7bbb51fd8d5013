"""OCPP 1.6, 5.2, 5.13 and 4.9: reservations; reference 12; traps 43, 72 to 76; TC_046 to TC_053."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from chargepost import signals as sig
from chargepost.catalogue import load
from chargepost.ocpp import messages
from tests.rules.rig import CAR, EPOCH_UTC_S, TAG, Rig, info, two_connectors

ALL = ["evlink-pro-ac", "evlink-pro-dc", "evlink-smart-wallbox", "evlink-parking", "evlink-city", "schneider-charge"]
every = pytest.mark.parametrize("model", ALL)
WITH_READER = ["evlink-pro-ac", "evlink-smart-wallbox"]
reader = pytest.mark.parametrize("model", WITH_READER)

MINE, OTHER = TAG, "SOMEBODY-ELSE"
ID = 77


def idle(model: str = "evlink-pro-ac", **settings: str) -> Rig:
    rig = Rig(model)
    rig.own(**settings)
    rig.run(5)
    rig.forget()
    return rig


def single() -> Rig:
    return idle("evlink-pro-ac")


def reserve(
    rig: Rig, connector: int = 1, ident: int = ID, tag: str = MINE, parent: str | None = None, wait_s: float = 600
) -> str:
    """The status of a ReserveNow that expires so many seconds from now."""
    named: Any = {} if parent is None else {"parent_id_tag": parent}
    until = datetime.fromtimestamp(EPOCH_UTC_S + rig.now + wait_s, UTC)
    ask = messages.ReserveNow(connector_id=connector, expiry_date=until, id_tag=tag, reservation_id=ident, **named)
    status: str = rig.ask(ask).status
    rig.run(1)
    return status


def cancel(rig: Rig, ident: int = ID) -> str:
    status: str = rig.ask(messages.CancelReservation(reservation_id=ident)).status
    rig.run(1)
    return status


def remote_start(rig: Rig, tag: str = MINE, connector: int | None = 1) -> str:
    named: Any = {} if connector is None else {"connector_id": connector}
    status: str = rig.ask(messages.RemoteStartTransaction(id_tag=tag, **named)).status
    rig.run(3)
    return status


def begun(rig: Rig) -> list[tuple[int, str, Any]]:
    """Connector, badge and reservation of each StartTransaction."""
    return [(p.connector_id, p.id_tag, p.reservation_id or None) for p in rig.said("StartTransaction")]


def says(rig: Rig, status: str = "Accepted", parent: str | None = None) -> None:
    rig.answers["Authorize"] = messages.AuthorizeResponse(id_tag_info=info(status, parent))


def available(rig: Rig, kind: Any, connector: int = 1) -> None:
    rig.ask(messages.ChangeAvailability(connector_id=connector, type=kind))
    rig.run(1)


def now_on(rig: Rig, connector: int = 1) -> str:
    return rig.station.view(rig.now).connectors[connector - 1].status


# --- a connector -----------------------------------------------------------------------------------------------------


@every
def test_r_134_every_product_takes_reservations(model: str) -> None:
    """R-134, TC_047, TC_051, TC_052: Reserved after the answer, Available after the end, and the lamp says so."""
    rig = idle(model)
    assert reserve(rig, wait_s=60) == "Accepted"
    assert rig.calls() == ["Reserved 1"]
    told = [type(frame).__name__ for _, way, frame in rig.frames if way == "sent"]
    assert told == ["Result", "Call"], "the answer first"
    assert [w.light for w in rig.wished(sig.ShowLight) if w.connector == 1] == ["white"]
    assert cancel(rig, ID + 1) == "Rejected"
    assert now_on(rig) == "Reserved"
    assert cancel(rig) == "Accepted"
    assert cancel(rig) == "Rejected"
    assert rig.calls() == ["Reserved 1", "Available 1"]
    assert reserve(rig, wait_s=60) == "Accepted"
    rig.run(50)
    assert now_on(rig) == "Reserved"
    rig.run(10)
    assert rig.calls()[2:] == ["Reserved 1", "Available 1"]
    assert not any(key.startswith("reservation/") for key in rig.memory)


@reader
def test_tc_046_1_local_start(model: str) -> None:
    rig = idle(model)
    reserve(rig)
    rig.badge(OTHER)
    assert (rig.wished(sig.BadgeJudged)[-1].accepted, now_on(rig)) == (False, "Reserved")
    assert "reserved" in rig.wished(sig.BadgeJudged)[-1].why
    rig.badge(MINE.lower())
    rig.plug()
    rig.run(12)
    assert [each for each in rig.calls() if each != "Authorize"] == [
        "Reserved 1", "Preparing 1", "StartTransaction", "Charging 1",
    ]  # fmt: skip
    assert begun(rig) == [(1, MINE.lower(), ID)]
    rig.tell(sig.StopAsked(1))
    rig.run(5)
    rig.unplug()
    assert now_on(rig) == "Available", "it is used up"
    rig.badge(OTHER)
    rig.plug()
    rig.run(12)
    assert begun(rig)[1:] == [(1, OTHER, None)]


@every
def test_tc_046_2_remote_start(model: str) -> None:
    rig = idle(model)
    reserve(rig)
    rig.plug()
    assert now_on(rig) == "Reserved", "only the badge it is held for leads to Preparing (G2)"
    assert remote_start(rig, OTHER) == "Rejected"
    assert remote_start(rig) == "Accepted"
    rig.run(12)
    assert begun(rig) == [(1, MINE, ID)]


def test_tc_046_2_without_a_connector() -> None:
    rig = two_connectors()
    reserve(rig, 2)
    assert remote_start(rig, OTHER, None) == "Accepted", "it is for the one that is plugged next"
    rig.plug(connector=2)
    rig.run(12)
    assert begun(rig) == []
    rig.unplug(2)
    assert now_on(rig, 2) == "Reserved"
    rig.plug(connector=1)
    rig.run(12)
    assert begun(rig) == [(1, OTHER, None)]
    assert remote_start(rig, "THIRD", None) == "Rejected"
    assert remote_start(rig, MINE, None) == "Accepted"
    assert now_on(rig, 2) == "Preparing", "at once at the one that is reserved"
    rig.plug(connector=2)
    rig.run(12)
    assert begun(rig)[1:] == [(2, MINE, ID)]


@pytest.mark.parametrize(("key", "expected"), [("true", True), ("false", False)])
def test_tc_047_it_expires_offline_too(key: str, expected: bool) -> None:
    rig = idle(AllowOfflineTxForUnknownId=key)
    reserve(rig, wait_s=60)
    rig.cut()
    rig.plug()
    rig.badge(OTHER)
    rig.run(20)
    assert not rig.power()
    rig.run(60)
    assert now_on(rig) == "Preparing", "somebody has plugged in meanwhile"
    rig.badge(OTHER)
    rig.run(12)
    assert rig.power() == expected
    rig.mend()
    assert begun(rig) == ([(1, OTHER, None)] if expected else [])


def test_it_expires_by_the_date_when_many_small_corrections_add_up() -> None:
    rig = idle()
    assert reserve(rig, wait_s=60) == "Accepted"
    for n in range(1, 31):  # as heartbeats do
        rig.tell(sig.ClockSet(EPOCH_UTC_S + rig.now + 0.9 * n, "NTP"))
        rig.run(1)
    assert now_on(rig) == "Reserved"
    rig.run(5)
    assert now_on(rig) == "Available"


def test_it_expires_by_the_date_when_the_clock_is_set() -> None:
    rig = idle()
    reserve(rig, wait_s=3600)
    rig.cut()
    rig.tell(sig.ClockSet(EPOCH_UTC_S + rig.now + 3000, "hand"))
    rig.run(590)
    assert now_on(rig) == "Reserved"
    rig.run(15)
    assert now_on(rig) == "Available"


@pytest.mark.parametrize("wait_s", [0, -1, -100_000])
def test_trap_75_a_date_in_the_past_reserves_nothing(wait_s: float) -> None:
    rig = idle()
    assert reserve(rig, wait_s=wait_s) == "Rejected"
    assert rig.calls() == []


def test_trap_73_the_order_of_the_answers() -> None:
    """TC_048_1 to TC_048_3: Faulted, then Unavailable, then Occupied."""
    rig = idle()
    assert reserve(rig, 2) == "Rejected"
    assert reserve(rig, -1) == "Rejected"
    assert reserve(rig, tag="") == "Rejected"
    assert reserve(rig, ident=1) == "Accepted"
    assert reserve(rig, ident=2) == "Occupied", "reserved by somebody"
    cancel(rig, 1)
    rig.plug()
    assert reserve(rig) == "Occupied", "Preparing"
    rig.badge()
    rig.run(12)
    assert reserve(rig) == "Occupied", "Charging"
    rig.badge()
    rig.run(5)
    assert reserve(rig) == "Occupied", "Finishing"
    rig.unplug()
    available(rig, "Inoperative")
    assert reserve(rig) == "Unavailable"
    rig.tell(sig.FaultRaised(1, "GroundFailure"))
    assert reserve(rig) == "Faulted"
    assert not rig.station.reservations


def test_tc_048_2_a_badge_that_waits_for_its_cable_occupies() -> None:
    rig = idle()
    rig.badge()
    assert reserve(rig) == "Occupied"


# --- replacing and ending --------------------------------------------------------------------------------------------


def test_trap_72_the_same_id_replaces() -> None:
    rig = two_connectors()
    reserve(rig, 1, wait_s=60)
    assert reserve(rig, 1, tag=OTHER, wait_s=600) == "Accepted"
    rig.run(120)
    assert now_on(rig) == "Reserved"
    assert reserve(rig, 2) == "Accepted"
    assert [now_on(rig, n) for n in (1, 2)] == ["Available", "Reserved"]
    assert reserve(rig, 1, ident=5) == "Accepted"
    assert reserve(rig, 1) == "Occupied", "by another reservation"
    assert [now_on(rig, n) for n in (1, 2)] == ["Reserved", "Reserved"], "nothing is lost by a refusal"
    assert len(rig.station.reservations) == 2


@pytest.mark.parametrize("ident", [1, 2])
def test_trap_72_one_of_two_for_the_station_becomes_one_for_a_connector(ident: int) -> None:
    """Both connectors are held for both; the other one of them keeps the other connector."""
    rig = two_connectors()
    rig.own(ReserveConnectorZeroSupported="true")
    assert (reserve(rig, 0, ident=1), reserve(rig, 0, ident=2, tag=OTHER)) == ("Accepted", "Accepted")
    assert reserve(rig, 1, ident=3) == "Occupied"
    assert reserve(rig, 1, ident=ident) == "Accepted"
    assert [now_on(rig, n) for n in (1, 2)] == ["Reserved", "Reserved"]
    assert {n: held.connector for n, held in rig.station.reservations.items()} == {ident: 1, 3 - ident: 0}


def test_a_fault_ends_it() -> None:
    rig = idle()
    reserve(rig)
    rig.tell(sig.FaultRaised(1, "GroundFailure"))
    rig.run(1)
    rig.tell(sig.FaultCleared(1, "GroundFailure"))
    rig.run(1)
    assert rig.calls() == ["Reserved 1", "Faulted 1", "Available 1"]
    assert cancel(rig) == "Rejected"


@pytest.mark.parametrize("plugged", [True, False])
def test_out_of_service_ends_it(plugged: bool) -> None:
    """Practice: it does not wait for the end of a reservation; G8, and back by H1 or H2."""
    rig = idle()
    reserve(rig)
    if plugged:
        rig.plug()
    available(rig, "Inoperative")
    available(rig, "Operative")
    assert rig.calls() == ["Reserved 1", "Unavailable 1", "Preparing 1" if plugged else "Available 1"]
    assert cancel(rig) == "Rejected"


@reader
def test_without_a_cable_the_reserved_badge_gives_it_back(model: str) -> None:
    """ConnectionTimeOut: B1, and A7 again while it has not expired."""
    rig = idle(model, ConnectionTimeOut="30")
    reserve(rig, wait_s=60)
    rig.badge()
    assert now_on(rig) == "Preparing"
    rig.run(32)
    assert [each for each in rig.calls() if each != "Authorize"] == [
        "Reserved 1", "Preparing 1", "Available 1", "Reserved 1",
    ]  # fmt: skip
    rig.run(30)
    assert now_on(rig) == "Available"


def test_a_second_swipe_gives_it_back() -> None:
    rig = idle()
    reserve(rig)
    rig.badge()
    rig.badge()
    assert rig.calls()[-3:] == ["Preparing 1", "Available 1", "Reserved 1"]
    rig.badge(OTHER)
    rig.plug()
    rig.run(12)
    assert begun(rig) == []


def test_given_back_with_the_cable_in_it_is_still_held() -> None:
    """The table knows no way from Preparing to Reserved: it is Preparing, and refused to others."""
    rig = idle()
    rig.own(ConnectionTimeOut="20")
    reserve(rig)
    rig.hardware.plug_in(1, None, rig.now)
    rig.run(1)
    rig.badge()
    rig.badge()
    rig.run(25)
    assert now_on(rig) == "Preparing"
    assert remote_start(rig, OTHER) == "Rejected"
    rig.unplug()
    assert rig.calls()[-2:] == ["Available 1", "Reserved 1"]


def test_somebody_elses_cable_does_not_time_out_a_reservation() -> None:
    """B6 is not for Reserved, where one reader serves two; when it ends, the time runs again."""
    rig = two_connectors()
    rig.own(ConnectionTimeOut="20")
    reserve(rig, wait_s=50)
    rig.plug()
    rig.run(45)
    assert now_on(rig) == "Reserved"
    rig.run(30)
    assert rig.statuses() == ["Reserved", "Preparing", "Finishing"]


def test_expiry_after_the_badge_leaves_the_badge_its_turn() -> None:
    rig = idle()
    rig.own(ConnectionTimeOut="60")
    reserve(rig, wait_s=30)
    rig.badge()
    rig.run(35)
    rig.plug()
    rig.run(12)
    assert begun(rig) == [(1, MINE, None)]


# --- kept ------------------------------------------------------------------------------------------------------------


@every
def test_reservations_persist_over_a_reboot(model: str) -> None:
    rig = idle(model)
    reserve(rig, wait_s=600)
    rig.power_cycle()
    rig.run(5)
    assert now_on(rig) == "Reserved"
    assert remote_start(rig, OTHER) == "Rejected"
    assert remote_start(rig) == "Accepted"
    rig.plug()
    rig.run(15)
    assert begun(rig) == [(1, MINE, ID)]
    rig.power_cycle()
    rig.run(5)
    assert not rig.station.reservations, "used up, in one piece with the transaction"


def test_one_that_expired_while_it_was_dark_is_over() -> None:
    rig = idle()
    reserve(rig, wait_s=60)
    rig.power_cycle(off_s=120)
    rig.run(5)
    assert "Reserved" not in rig.statuses()[1:]
    assert not any(key.startswith("reservation/") for key in rig.memory)


@pytest.mark.parametrize("kind", ["Soft", "Hard"])
def test_trap_61_it_survives_a_reset(kind: Any) -> None:
    rig = idle()
    reserve(rig)
    rig.ask(messages.Reset(type=kind))
    rig.run(10)
    assert now_on(rig) == "Reserved"


def test_factory_settings_forget_it() -> None:
    rig = idle()
    reserve(rig)
    rig.tell(sig.Restored())
    rig.run(10)
    assert now_on(rig) == "Available"
    assert not any(key.startswith("reservation/") for key in rig.memory)


# --- groups ----------------------------------------------------------------------------------------------------------


@reader
def test_tc_053_1_another_badge_of_the_group(model: str) -> None:
    rig = idle(model)
    reserve(rig, parent="GROUP")
    rig.plug()
    says(rig, parent="OTHERS")
    rig.badge(OTHER)
    rig.run(5)
    assert begun(rig) == []
    says(rig, parent="group")
    rig.badge("COLLEAGUE")
    rig.run(12)
    assert begun(rig) == [(1, "COLLEAGUE", ID)]


@pytest.mark.parametrize("model", ["evlink-pro-ac", "evlink-smart-wallbox", "schneider-charge"])
@pytest.mark.parametrize(("parent", "starts"), [("GROUP", True), ("OTHERS", False), (None, False)])
def test_tc_053_2_a_remote_start_of_the_group_asks_for_it(model: str, parent: str | None, starts: bool) -> None:
    """Trap 76: also where remote starts are not authorized otherwise (AuthorizeRemoteTxRequests false)."""
    rig = idle(model)
    reserve(rig, parent="GROUP")
    rig.plug()
    says(rig, parent=parent)
    rig.forget()
    assert remote_start(rig, "COLLEAGUE") == "Accepted"
    rig.run(12)
    assert [p.id_tag for p in rig.said("Authorize")] == ["COLLEAGUE"]
    assert begun(rig) == ([(1, "COLLEAGUE", ID)] if starts else [])


def test_trap_23_the_group_itself_is_no_badge_of_it() -> None:
    rig = idle()
    reserve(rig, parent="GROUP")
    rig.plug()
    rig.badge("GROUP")
    rig.run(12)
    assert begun(rig) == []


@pytest.mark.parametrize(("known", "starts"), [("GROUP", True), ("OTHERS", False), (None, False)])
def test_trap_76_offline_a_group_must_be_known(known: str | None, starts: bool) -> None:
    rig = idle(LocalAuthListEnabled="true", AllowOfflineTxForUnknownId="true")
    if known:
        listed = messages.AuthorizationData(id_tag="COLLEAGUE", id_tag_info=info(parent=known))
        send = messages.SendLocalList(list_version=1, update_type="Full", local_authorization_list=(listed,))
        assert rig.ask(send).status == "Accepted"
    reserve(rig, parent="GROUP")
    rig.cut()
    rig.plug()
    rig.badge("COLLEAGUE")
    rig.run(12)
    assert rig.power() == starts


# --- two connectors --------------------------------------------------------------------------------------------------


def test_a_charge_on_another_connector_does_not_use_it() -> None:
    rig = two_connectors()
    reserve(rig, 1)
    assert remote_start(rig, MINE, 2) == "Accepted"
    rig.plug(connector=2)
    rig.run(12)
    assert begun(rig) == [(2, MINE, None)]
    assert now_on(rig, 1) == "Reserved"


def test_one_reader_the_badge_goes_to_its_own_connector() -> None:
    rig = two_connectors()
    reserve(rig, 2)
    rig.plug(connector=1)
    rig.badge(MINE)
    assert [now_on(rig, n) for n in (1, 2)] == ["Preparing", "Preparing"]
    rig.badge(OTHER)
    rig.hardware.plug_in(2, CAR, rig.now)
    rig.run(12)
    assert sorted(begun(rig), key=str) == [(1, OTHER, None), (2, MINE, ID)]


def test_two_reservations_on_two_connectors() -> None:
    rig = two_connectors()
    assert reserve(rig, 1, ident=1, tag="A", wait_s=60) == "Accepted"
    assert reserve(rig, 2, ident=2, tag="B", wait_s=30) == "Accepted"
    rig.run(35)
    assert [now_on(rig, n) for n in (1, 2)] == ["Reserved", "Available"]
    rig.run(30)
    assert now_on(rig, 1) == "Available"


# --- the station as a whole ------------------------------------------------------------------------------------------


def test_tc_049_one_of_two_is_kept_free() -> None:
    """Trap 74, R-135: ReserveConnectorZeroSupported is true."""
    rig = two_connectors()
    assert reserve(rig, 0) == "Accepted"
    assert rig.calls() == [], "two are free: none is held yet"
    assert remote_start(rig, OTHER, 1) == "Accepted"
    assert [now_on(rig, n) for n in (1, 2)] == ["Preparing", "Reserved"]
    assert remote_start(rig, "THIRD", 2) == "Rejected"
    rig.plug(connector=1)
    rig.run(12)
    assert remote_start(rig, MINE, 2) == "Accepted"
    rig.plug(connector=2)
    rig.run(12)
    assert begun(rig) == [(1, OTHER, None), (2, MINE, ID)]


@every
def test_tc_049_a_single_connector_is_the_last(model: str) -> None:
    rig = idle(model)
    expected = "Reserved" if len(rig.station.connectors) == 1 else "Available"
    assert reserve(rig, 0) == "Accepted"
    assert now_on(rig) == expected
    assert remote_start(rig) == "Accepted"
    rig.plug()
    rig.run(12)
    assert begun(rig) == [(1, MINE, ID)]


def test_trap_74_a_cable_that_takes_the_last_but_one_reserves_the_last() -> None:
    rig = two_connectors()
    reserve(rig, 0)
    rig.plug(connector=1)
    assert [now_on(rig, n) for n in (1, 2)] == ["Preparing", "Reserved"]
    rig.badge(MINE)
    rig.run(12)
    assert [now_on(rig, n) for n in (1, 2)] == ["Charging", "Available"], "it was the one it is held for"
    assert begun(rig) == [(1, MINE, ID)]


def test_trap_74_who_it_is_for_holds_no_second_connector_while_getting_ready() -> None:
    rig = two_connectors()
    reserve(rig, 0)
    rig.hardware.plug_in(1, None, rig.now)
    rig.run(1)
    assert [now_on(rig, n) for n in (1, 2)] == ["Preparing", "Reserved"]
    rig.badge(MINE)
    assert [now_on(rig, n) for n in (1, 2)] == ["Preparing", "Available"]
    rig.badge(MINE)
    assert [now_on(rig, n) for n in (1, 2)] == ["Preparing", "Reserved"], "given up"


def test_trap_74_a_second_cable_does_not_move_what_is_held() -> None:
    rig = two_connectors()
    reserve(rig, 0)
    rig.hardware.plug_in(1, CAR, rig.now)
    rig.run(1)
    rig.hardware.plug_in(2, CAR, rig.now)
    rig.run(1)
    assert [now_on(rig, n) for n in (1, 2)] == ["Preparing", "Reserved"]
    rig.badge(OTHER)
    rig.run(12)
    assert begun(rig) == [(1, OTHER, None)]


def test_what_is_used_up_is_the_nearest() -> None:
    """The connector's own before the station's; the badge's own before its group's."""
    rig = two_connectors()
    reserve(rig, 0, ident=1)
    reserve(rig, 1, ident=2)
    assert remote_start(rig, MINE, 1) == "Accepted"
    rig.plug(connector=1)
    rig.run(12)
    assert begun(rig) == [(1, MINE, 2)]
    rig = two_connectors()
    reserve(rig, 0, ident=1, tag="A", parent="GROUP")
    reserve(rig, 0, ident=2, tag="B", parent="GROUP")
    says(rig, parent="GROUP")
    rig.plug(connector=1)
    rig.badge("B", connector=1)
    rig.run(12)
    assert begun(rig) == [(1, "B", 2)]


def test_trap_74_the_last_comes_free_by_way_of_available() -> None:
    """F1 and A7: the table knows no way from Finishing to Reserved."""
    rig = two_connectors()
    reserve(rig, 0)
    rig.plug(connector=1)
    rig.badge(OTHER)
    rig.run(12)
    available(rig, "Inoperative", 2)
    assert now_on(rig, 2) == "Unavailable"
    rig.badge(OTHER)
    rig.run(5)
    rig.forget()
    rig.unplug(1)
    assert rig.statuses(1) == ["Available", "Reserved"]
    available(rig, "Operative", 2)
    assert [now_on(rig, n) for n in (1, 2)] == ["Available", "Available"]
    available(rig, "Inoperative", 1)
    assert [now_on(rig, n) for n in (1, 2)] == ["Unavailable", "Reserved"]
    available(rig, "Operative", 1)
    assert [now_on(rig, n) for n in (1, 2)] == ["Available", "Available"]
    assert cancel(rig) == "Accepted"


def test_a_station_reserved_twice_is_full() -> None:
    rig = two_connectors()
    assert reserve(rig, 0, ident=1, tag="A") == "Accepted"
    assert reserve(rig, 0, ident=2, tag="B") == "Accepted"
    assert reserve(rig, 0, ident=3, tag="C") == "Occupied"
    assert reserve(rig, 1, ident=3, tag="C") == "Occupied"
    assert [now_on(rig, n) for n in (1, 2)] == ["Reserved", "Reserved"]
    for connector, tag in ((1, "B"), (2, "A")):
        assert remote_start(rig, tag, connector) == "Accepted"
        rig.plug(connector=connector)
        rig.run(12)
    assert begun(rig) == [(1, "B", 2), (2, "A", 1)]


@pytest.mark.parametrize(("first", "second", "expected"), [
    ("faulted", "faulted", "Faulted"),
    ("out", "out", "Unavailable"),
    ("plugged", "plugged", "Occupied"),
    ("plugged", "out", "Occupied"),
    ("faulted", "out", "Unavailable"),
    ("faulted", "free", "Accepted"),
])  # fmt: skip
def test_tc_050_what_is_said_of_the_whole_station(first: str, second: str, expected: str) -> None:
    """TC_050_1 to TC_050_3: the best state of any connector counts."""
    rig = two_connectors()
    for connector, state in enumerate((first, second), 1):
        if state == "faulted":
            rig.tell(sig.FaultRaised(connector, "GroundFailure"))
        elif state == "out":
            available(rig, "Inoperative", connector)
        elif state == "plugged":
            rig.plug(connector=connector)
    assert reserve(rig, 0) == expected


def test_tc_050_1_tc_050_3_connector_0_itself_goes_before_its_connectors() -> None:
    rig = two_connectors()
    available(rig, "Inoperative", 0)
    available(rig, "Operative", 1)
    assert reserve(rig, 0) == "Unavailable"
    rig.tell(sig.FaultRaised(0, "GroundFailure"))
    assert reserve(rig, 0) == "Faulted"


@pytest.mark.parametrize("ends", ["fault", "availability", "each"])
def test_the_whole_station_out_of_service_ends_it(ends: str) -> None:
    rig = two_connectors()
    reserve(rig, 0)
    if ends == "fault":
        rig.tell(sig.FaultRaised(0, "GroundFailure"))
    else:
        for connector in [0] if ends == "availability" else [1, 2]:
            assert rig.station.reservations
            available(rig, "Inoperative", connector)
    rig.run(1)
    assert cancel(rig) == "Rejected"


def test_tc_050_4_a_product_that_cannot_be_reserved_as_a_whole() -> None:
    model = load("evlink-pro-ac")
    spec = model.key("ReserveConnectorZeroSupported")
    assert spec
    keys = {**model.keys, "reserveconnectorzerosupported": msgspec.structs.replace(spec, default="false")}
    rig = Rig(msgspec.structs.replace(model, keys=keys))
    rig.run(5)
    assert reserve(rig, 0) == "Rejected"
    assert reserve(rig, 1) == "Accepted"


# --- free charging, key, view ----------------------------------------------------------------------------------------


def test_free_charging_is_not_for_who_a_connector_is_not_held_for() -> None:
    rig = idle(AuthenticationOCPPMode="false", DefaultIdTag="EVERYBODY")
    reserve(rig, wait_s=60)
    rig.plug()
    rig.run(12)
    assert (begun(rig), now_on(rig)) == ([], "Reserved")
    rig.run(60)
    assert begun(rig) == [(1, "EVERYBODY", None)]


def test_offline_the_charge_does_not_let_a_plug_into_what_is_reserved() -> None:
    rig = idle("schneider-charge")
    reserve(rig, wait_s=900)
    rig.cut()
    rig.run(200)
    rig.plug()
    rig.run(12)
    assert not rig.power()
    rig.run(900)
    assert rig.power()


def test_the_view_says_what_holds_a_connector() -> None:
    rig = idle()
    until_utc_s = EPOCH_UTC_S + rig.now + 60
    reserve(rig, wait_s=60)
    assert rig.view.reservation == sig.ReservationView(ID, MINE, until_utc_s)
    cancel(rig)
    assert rig.view.reservation is None


def test_while_it_restarts_nothing_is_reserved() -> None:
    rig = idle()
    rig.charge()
    rig.reachable = False
    rig.ask(messages.Reset(type="Soft"))
    assert rig.station.restarting
    assert reserve(rig, 1) == "Rejected"
