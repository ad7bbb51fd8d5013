"""Conformance 1.19: reservation; and what other suites add to it (4 and 5)."""

from typing import Any

from msgspec import UNSET

from chargepost.ocpp import messages
from tests.rules.conformance.case import RESTART_S, Case, covers
from tests.rules.rig import TAG

OTHER = "OTHEROTHEROTHER0"
NUMBER = 7
HELD_S = 600.0


def reserve(case: Case, connector: int = 1, held_s: float = HELD_S, **more: Any) -> messages.ReserveNow:
    fields = {"id_tag": TAG, "reservation_id": NUMBER} | more
    return messages.ReserveNow(connector_id=connector, expiry_date=case.date(held_s), **fields)  # type: ignore[arg-type]


def reserved(case: Case, connector: int = 1, held_s: float = HELD_S, **more: Any) -> None:
    """Booted, and connector 1 is held for TAG."""
    case.booted()
    case.asked(reserve(case, connector, held_s, **more))
    case.expect("Reserved 1")


def let_in(case: Case, tag: str, connector: int = 1) -> None:
    """By badge, or by remote start where there is no reader."""
    if case.reader:
        case.hands.badge(tag, connector)
    else:
        case.ask(messages.RemoteStartTransaction(id_tag=tag, connector_id=connector))


def expect_start(case: Case, tag: str, reservation: Any = NUMBER, connector: int = 1) -> None:
    before = ("Authorize", f"Preparing {connector}", f"Available {connector}")
    case.expect("StartTransaction", perhaps=before, connector_id=connector, id_tag=tag, reservation_id=reservation)
    case.expect(f"Charging {connector}")


@covers("TC_046_1_CS")
def test_tc_046_1_reservation_of_a_connector_local_start(case: Case) -> None:
    """3.12, 5.13: refused to others; the reserved one's StartTransaction names it."""
    reserved(case)
    case.needs(case.reader, "it has no badge reader")
    case.hands.plug()
    case.hands.badge(OTHER, 1)
    case.wait(10)
    assert not case.said("StartTransaction")
    case.hands.badge(TAG, 1)
    expect_start(case, TAG)


@covers("TC_046_2_CS")
def test_tc_046_2_reservation_of_a_connector_remote_start(case: Case) -> None:
    """5.11, 5.13"""
    reserved(case)
    case.hands.plug()
    case.ask(messages.RemoteStartTransaction(id_tag=OTHER, connector_id=1))
    case.wait(10)
    assert not case.said("StartTransaction")
    case.asked(messages.RemoteStartTransaction(id_tag=TAG, connector_id=1))
    expect_start(case, TAG)


@covers("TC_047_CS")
def test_tc_047_a_reservation_expires(case: Case) -> None:
    """5.13: Available at expiryDate, and then for anybody."""
    reserved(case, held_s=60)
    case.nothing(50)
    case.expect("Available 1", within_s=15)
    case.hands.plug()
    case.expect("Preparing 1")
    let_in(case, OTHER)
    expect_start(case, OTHER, reservation=UNSET)


@covers("TC_048_1_CS")
def test_tc_048_1_a_faulted_connector_is_not_reserved(case: Case) -> None:
    """5.13"""
    case.booted()
    case.hands.plug()
    case.expect("Preparing 1")
    case.hands.leak()
    case.expect("Faulted 1")
    case.asked(reserve(case), "Faulted")


@covers("TC_048_2_CS")
def test_tc_048_2_an_occupied_connector_is_not_reserved(case: Case) -> None:
    """5.13: in use, or reserved by another."""
    case.booted()
    case.asked(reserve(case))
    case.expect("Reserved 1")
    case.asked(reserve(case, reservation_id=8, id_tag=OTHER), "Occupied")
    case.asked(messages.CancelReservation(reservation_id=NUMBER))
    case.expect("Available 1")
    case.hands.plug()
    case.expect("Preparing 1")
    case.asked(reserve(case), "Occupied")


@covers("TC_048_3_CS")
def test_tc_048_3_an_unavailable_connector_is_not_reserved(case: Case) -> None:
    """5.13"""
    case.booted()
    case.asked(messages.ChangeAvailability(connector_id=1, type="Inoperative"))
    case.expect("Unavailable 1")
    case.asked(reserve(case), "Unavailable")


@covers("TC_048_4_CS")
def test_tc_048_4_a_station_that_takes_no_reservations_rejects_them(case: Case) -> None:
    """5.13"""
    case.booted()
    case.needs("ReserveNow" in case.model.messages.answers, "ReserveNow is none of its messages")
    case.not_applicable("no key lets it refuse every reservation")


def zero(case: Case) -> None:
    """The station may be reserved as a whole."""
    case.booted()
    case.needs("ReserveNow" in case.model.messages.answers, "ReserveNow is none of its messages")
    case.configure(ReserveConnectorZeroSupported="true")


@covers("TC_049_CS")
def test_tc_049_reservation_of_a_charge_point(case: Case) -> None:
    """5.13, 9.3.1: one connector stays for it; the last one is refused to others."""
    zero(case)
    case.asked(reserve(case, 0))
    if len(case.connectors) == 1:
        case.expect("Reserved 1")
        case.hands.plug()
        let_in(case, OTHER)
        case.wait(10)
        assert not case.said("StartTransaction")
    else:
        case.nothing(5)
        case.hands.plug(2)
        case.expect_all("Preparing 2", "Reserved 1")
        let_in(case, OTHER, 2)
        expect_start(case, OTHER, UNSET, 2)
        case.hands.plug(1)
        let_in(case, OTHER, 1)
        case.wait(10)
        assert len(case.said("StartTransaction")) == 1
        case.forget()
    let_in(case, TAG, 1)
    expect_start_on_1(case)


def expect_start_on_1(case: Case) -> None:
    before = ("Authorize", "Preparing 1", "Reserved 1", "Available 1")
    case.expect("StartTransaction", perhaps=before, connector_id=1, id_tag=TAG, reservation_id=NUMBER)
    case.expect("Charging 1", perhaps=before)


@covers("TC_050_1_CS")
def test_tc_050_1_a_station_whose_connectors_are_all_faulted(case: Case) -> None:
    """5.13"""
    zero(case)
    for connector in case.connectors:
        case.hands.plug(connector)
        case.hands.leak(connector)
    case.wait(3)
    case.forget()
    case.asked(reserve(case, 0), "Faulted")


@covers("TC_050_2_CS")
def test_tc_050_2_a_station_whose_connectors_are_all_occupied(case: Case) -> None:
    """5.13"""
    zero(case)
    for connector in case.connectors:
        case.hands.plug(connector)
    case.wait(3)
    case.forget()
    case.asked(reserve(case, 0), "Occupied")


@covers("TC_050_3_CS")
def test_tc_050_3_a_station_that_is_out_of_service(case: Case) -> None:
    """5.13"""
    zero(case)
    case.asked(messages.ChangeAvailability(connector_id=0, type="Inoperative"))
    case.expect_statuses("Unavailable", zero="Unavailable")
    case.asked(reserve(case, 0), "Unavailable")


@covers("TC_050_4_CS")
def test_tc_050_4_a_station_that_cannot_be_reserved_as_a_whole(case: Case) -> None:
    """9.3.1: false, or absent."""
    case.booted()
    case.needs("ReserveNow" in case.model.messages.answers, "ReserveNow is none of its messages")
    spec = case.model.keys.get("reserveconnectorzerosupported")
    if spec:
        case.configure(ReserveConnectorZeroSupported="false")
    case.asked(reserve(case, 0), "Rejected")
    case.nothing(2)


@covers("TC_051_CS")
def test_tc_051_cancel_reservation(case: Case) -> None:
    """5.1"""
    reserved(case)
    case.asked(messages.CancelReservation(reservation_id=NUMBER))
    case.expect("Available 1")
    case.hands.plug()
    case.expect("Preparing 1")
    let_in(case, OTHER)
    expect_start(case, OTHER, reservation=UNSET)


@covers("TC_052_CS")
def test_tc_052_cancel_an_unknown_reservation(case: Case) -> None:
    """5.1"""
    reserved(case)
    case.asked(messages.CancelReservation(reservation_id=99), "Rejected")
    case.nothing(5)
    assert case.view().status == "Reserved"


@covers("TC_053_1_CS")
def test_tc_053_1_a_reservation_for_a_group_local(case: Case) -> None:
    """5.13: parentIdTag."""
    reserved(case, parent_id_tag="GROUP")
    case.needs(case.reader, "it has no badge reader")
    case.accept(parent="GROUP")
    case.hands.plug()
    case.hands.badge(OTHER, 1)
    case.expect("Authorize", id_tag=OTHER, perhaps=("Preparing 1",))
    expect_start(case, OTHER)


@covers("TC_053_2_CS")
def test_tc_053_2_a_reservation_for_a_group_remote(case: Case) -> None:
    """5.11, 5.13"""
    reserved(case, parent_id_tag="GROUP")
    case.accept(parent="GROUP")
    case.hands.plug()
    case.asked(messages.RemoteStartTransaction(id_tag=OTHER, connector_id=1))
    case.expect("Authorize", id_tag=OTHER, perhaps=("Preparing 1",))
    expect_start(case, OTHER)


# --- 4 and 5 ---------------------------------------------------------------------------------------------------------


@covers("auth.reservation_group_local")
def test_a_tag_of_another_group_is_refused_at_the_reader(case: Case) -> None:
    """5.13"""
    reserved(case, parent_id_tag="GROUP")
    case.needs(case.reader, "it has no badge reader")
    case.accept(parent="ANOTHER")
    case.hands.plug()
    case.hands.badge(OTHER, 1)
    case.wait(10)
    assert not case.said("StartTransaction")
    case.accept(parent="GROUP")
    case.forget()
    case.hands.badge("THIRDTHIRDTHIRD0", 1)
    expect_start(case, "THIRDTHIRDTHIRD0")


@covers("auth.reservation_group_remote")
def test_a_tag_of_another_group_is_refused_remotely(case: Case) -> None:
    """5.13"""
    reserved(case, parent_id_tag="GROUP")
    case.accept(parent="ANOTHER")
    case.hands.plug()
    case.ask(messages.RemoteStartTransaction(id_tag=OTHER, connector_id=1))
    case.wait(10)
    case.forget()
    assert not case.said("StartTransaction")


@covers("auth.reservation_group_offline")
def test_offline_nobody_knows_the_group_of_a_stranger(case: Case) -> None:
    """5.13: refused."""
    reserved(case, parent_id_tag="GROUP")
    case.needs(case.reader, "it has no badge reader")
    case.hands.cut_link()
    case.hands.plug()
    case.hands.badge(OTHER, 1)
    case.wait(20)
    assert not case.view().contactor
    case.hands.badge(TAG, 1)
    case.wait(20)
    case.hands.mend_link()
    case.wait(5)
    case.forget()
    for start in case.said("StartTransaction"):
        assert start.id_tag == TAG


@covers("reserve.reboot")
def test_a_reservation_survives_a_reboot(case: Case) -> None:
    """5.13"""
    reserved(case)
    case.hands.power_cycle()
    case.expect("BootNotification", within_s=RESTART_S)
    case.expect_statuses("Reserved", "Available")
    case.hands.plug()
    let_in(case, TAG)
    expect_start(case, TAG)


@covers("reserve.other_connector")
def test_a_charge_on_another_connector_does_not_use_the_reservation(case: Case) -> None:
    """5.13: not even of the same badge."""
    reserved(case)
    case.needs(len(case.connectors) > 1, "it has one connector")
    case.hands.plug(2)
    case.expect("Preparing 2")
    case.asked(messages.RemoteStartTransaction(id_tag=OTHER, connector_id=2))
    expect_start(case, OTHER, UNSET, 2)
    assert case.view(1).status == "Reserved"


@covers("reserve.zero_keeps_one")
def test_a_reservation_of_the_station_keeps_one_connector_free(case: Case) -> None:
    """5.13: the last free one is refused to others."""
    zero(case)
    case.needs(len(case.connectors) > 1, "it has one connector")
    case.asked(reserve(case, 0))
    case.hands.plug(2)
    case.asked(messages.RemoteStartTransaction(id_tag=OTHER, connector_id=2))
    case.wait(10)
    case.forget()
    assert case.view(2).transaction
    case.hands.plug(1)
    case.ask(messages.RemoteStartTransaction(id_tag=OTHER, connector_id=1))
    case.wait(10)
    case.forget()
    assert not case.view(1).transaction
