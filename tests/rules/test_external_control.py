"""A building management system controls a station: what it sets and commands, and what becomes of its silence.

EVlink commissioning guide, Advanced settings and Status (EVSE Status); docs/decisions/an-external-stop-is-other.md.
"""

import random
from collections.abc import Callable
from typing import Any

import pytest
from msgspec import UNSET

from chargepost import signals as sig
from chargepost.catalogue import load
from chargepost.catalogue.load import releases
from chargepost.drivers.simulated import CarSpec
from chargepost.ocpp import messages
from chargepost.station import external, reservations, sharing
from chargepost.station.electrics import outlet_state
from tests.rules.rig import TAG, Rig
from tests.soak import times

PRO_AC, WALLBOX, PARKING = "evlink-pro-ac", "evlink-smart-wallbox", "evlink-parking"
ALLOWED = {"ModbusEnable": "true", "ControlledByExternalSystem": "true"}
OTHER_TAG = "BADGE-2"
LIFE_S = {PRO_AC: 10.0, WALLBOX: 30.0, PARKING: 30.0}
LOST = {PRO_AC: "18.0", WALLBOX: "29", PARKING: "29"}
BIG = CarSpec(name="big", battery_wh=90_000, soc_percent=20, phases=3, max_current_a=32)
SMALL = CarSpec(name="one phase", battery_wh=60_000, soc_percent=20, phases=1, max_current_a=32)


def controlled(model: str = PRO_AC, **settings: str) -> Rig:
    """A station that may be controlled, and a rig that does not know how to yet."""
    product = load(model)
    keys = {key: value for key, value in ALLOWED.items() if product.key(key)}
    more = {"maxIntensitySocket": "32"} if product.key("maxIntensitySocket") else {}
    rig = Rig(product, settings={**keys, **more, **settings}, tolerant=True)
    rig.run(3)
    rig.forget()
    return rig


def command(rig: Rig, word: Any, connector: int = 1, **more: Any) -> None:
    rig.tell(sig.ExternalCommand(connector, word, **more))
    rig.run(1)


def live(rig: Rig, seconds: float, connector: int = 1) -> None:
    """The life bit each 2 s, for so long."""
    until = rig.now + seconds
    while rig.now < until:
        rig.tell(sig.ExternalLife(connector))
        rig.run(min(2.0, until - rig.now))


def charging(rig: Rig, car: CarSpec = BIG) -> None:
    rig.plug(car)
    rig.badge()
    rig.run(10)
    assert rig.power(), rig.view


def shown(rig: Rig, connector: int = 1) -> set[str]:
    """EVSE status of the guide."""
    return set(outlet_state(rig.station, rig.station.connectors[connector - 1]).evse_status)


def view(rig: Rig, connector: int = 1) -> sig.ExternalView:
    rig.hardware.advance(rig.now)
    c = rig.station.connectors[connector - 1]
    return external.view(rig.station, c, rig.now, rig.hardware.read_meter(connector))


# --- who may ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [WALLBOX, PARKING, "evlink-city"])
def test_r_297_controlled_by_external_system_is_off_in_the_factory(model: str) -> None:
    """R-297: No: no external system sets the current or gives commands."""
    rig = Rig(model, tolerant=True)
    assert not external.obeys(rig.station.core)
    rig.tell(sig.ExternalSetPoint(1, 0.0))
    rig.tell(sig.ExternalCommand(1, "set_unavailable"))
    rig.tell(sig.ExternalLife(1))
    assert rig.notes().count("external control refused") == 3
    assert rig.station.external is None
    assert rig.view.status == "Available"
    assert external.answers(rig.station.core), "it may be read all the same"


def test_r_297_yes_lets_it_set_the_current() -> None:
    """R-297: Yes: an external system dynamically sets the maximum current."""
    rig = Rig(WALLBOX, settings={"maxIntensitySocket": "32"}, tolerant=True)
    rig.own(ControlledByExternalSystem="true")
    rig.tell(sig.ExternalSetPoint(1, 10.0))
    charging(rig)
    assert (rig.view.offered_a, rig.view.limit_source) == (10.0, "external system")
    rig.tell(sig.ExternalSetPoint(1, 20.0))
    rig.run(1)
    assert rig.view.offered_a == 20.0


def test_r_297_no_supervision_can_write_it() -> None:
    """R-297: a setting of the tool."""
    rig = Rig(WALLBOX, tolerant=True)
    assert rig.change("ControlledByExternalSystem", "true") in ("NotSupported", "Rejected")


def test_r_213_modbus_is_off_in_the_factory_of_a_pro_ac() -> None:
    """R-213: ModbusEnable false: the server answers nobody."""
    rig = Rig(PRO_AC)
    assert not external.answers(rig.station.core)
    rig.tell(sig.ExternalSetPoint(1, 6.0))
    charging(rig)
    assert rig.view.limit_source != "external system"


@pytest.mark.parametrize(("model", "key"), [(PRO_AC, "ModbusEnable"), (WALLBOX, "ControlledByExternalSystem")])
def test_with_the_key_everything_that_was_said_is_over(model: str, key: str) -> None:
    rig = controlled(model)
    rig.tell(sig.ExternalSetPoint(1, 8.0))
    charging(rig)
    command(rig, "suspend")
    command(rig, "set_unavailable")
    rig.own(**{key: "false"})
    rig.run(1)
    assert rig.view.offered_a == 32.0
    assert not rig.station.connectors[0].modes
    assert not rig.station.connectors[0].shut
    assert not [name for name in rig.memory if name.startswith("external/")]
    rig.run(100)
    assert not rig.station.zero.faults, "and nobody is missed"


def test_a_product_without_modbus_obeys_nobody() -> None:
    for line in set(releases()) - {PRO_AC, WALLBOX, PARKING, "evlink-city"}:
        assert not external.answers(Rig(line).station.core)


# --- how much --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [PRO_AC, WALLBOX])
@pytest.mark.parametrize(("set_a", "offered_a"), [(32.0, 32.0), (16.0, 16.0), (6.0, 6.0), (5.0, 0.0), (0.0, 0.0)])
def test_a_set_point_is_a_limit_and_zero_pauses(model: str, set_a: float, offered_a: float) -> None:
    rig = controlled(model)
    charging(rig)
    rig.tell(sig.ExternalSetPoint(1, set_a))
    live(rig, 10)
    assert rig.view.offered_a == offered_a
    assert rig.view.status == ("Charging" if offered_a else "SuspendedEVSE")
    if offered_a < 32:
        assert rig.view.limit_source == "external system"
    assert sum(view(rig).reading.current_a) == pytest.approx(3 * offered_a)  # type: ignore[union-attr]


def test_the_lowest_limit_wins_whoever_says_it() -> None:
    rig = controlled()
    charging(rig)
    rig.tell(sig.ExternalSetPoint(1, 20.0))
    rig.own(iMaxDeratingSwCapacity="12")
    rig.run(1)
    assert (rig.view.offered_a, rig.view.limit_source) == (12.0, "setting iMaxDeratingSwCapacity")
    assert (view(rig).limit_author, view(rig).limit_a, view(rig).offered_a) == ("derating", 12, 12)
    rig.tell(sig.ExternalSetPoint(1, 0.0))
    rig.run(1)
    assert (view(rig).limit_author, view(rig).limit_a, view(rig).offered_a) == ("external system", 0, 0)


def test_a_register_says_who_limits_each_charge_point() -> None:
    rig = controlled(PARKING, LoadBalancing="true", maxIntensityStation="30")
    rig.own(**{"maxIntensitySocket/2": "14"})
    for connector in (1, 2):
        rig.plug(BIG, connector)
        rig.badge(TAG if connector == 1 else OTHER_TAG, connector)
        rig.run(10)
    assert [(view(rig, n).limit_author, view(rig, n).limit_a) for n in (1, 2)] == [
        ("other charge point", 16),
        ("derating", 14),
    ]


def test_a_station_set_point_is_shared_by_those_that_charge() -> None:
    """Never more together than was allowed, also while one begins."""
    rig = controlled(PARKING, maxIntensitySocket="32")
    rig.tell(sig.ExternalSetPoint(0, 24.0))
    charging(rig)
    assert rig.view.offered_a == 24.0
    rig.plug(BIG, connector=2)
    assert most_a(rig, lambda: rig.badge(OTHER_TAG, 2)) <= 24.0
    assert [c.offered_a for c in rig.station.view(rig.now).connectors] == [12.0, 12.0]
    assert most_a(rig, lambda: rig.tell(sig.StopAsked(2))) <= 24.0, "as soon as its contactor is open"
    assert rig.view.offered_a == 24.0


def most_a(rig: Rig, happens: Callable[[], object]) -> float:
    """What all cars together may draw at most then: each has 5 s to follow a lower offer (IEC 61851-1, annex A)."""
    offered: list[tuple[float, dict[int, float]]] = []
    found = 0.0
    for at in range(100):
        offered.append((rig.now, {c.number: c.offered_a for c in rig.station.connectors}))
        recent = [offers for when, offers in offered if when > rig.now - sharing.FOLLOW_S]
        closed = [c.number for c in rig.hardware.connectors if c.closed]
        found = max(found, sum(max(offers[number] for offers in recent) for number in closed))
        if not at:
            happens()
            rig.tell(sig.ExternalLife(2))
        rig.run(0.1)
    return found


# --- life ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [PRO_AC, WALLBOX])
def test_while_the_life_bit_comes_nothing_changes(model: str) -> None:
    rig = controlled(model)
    charging(rig)
    rig.tell(sig.ExternalSetPoint(1, 20.0))
    live(rig, 300)
    assert rig.view.offered_a == 20.0
    assert view(rig).life == "alive"
    assert not rig.station.zero.faults


@pytest.mark.parametrize("model", [PRO_AC, WALLBOX])
def test_silence_is_the_products_error_and_its_degraded_set_point(model: str) -> None:
    """Pro AC 18.0, Dynamic Energy Management communication loss; EVlink 29, Remote EM Communication."""
    rig = controlled(model)
    charging(rig)
    rig.tell(sig.ExternalSetPoint(1, 20.0))
    rig.tell(sig.ExternalLife(1))
    rig.run(LIFE_S[model] - 0.5)
    assert rig.view.offered_a == 20.0
    rig.run(1)
    assert rig.view.offered_a == {PRO_AC: 6.0, WALLBOX: 14.0}[model]
    assert rig.view.limit_source == "external system lost: degraded set point"
    assert rig.view.vendor_error == LOST[model]
    assert rig.notification().vendor_error_code == LOST[model]
    assert rig.view.status == "Charging"
    assert "remote controller lost" in rig.notes()
    assert view(rig).life == "lost"
    live(rig, 4)
    assert rig.view.offered_a == 20.0
    assert rig.view.vendor_error == ""


def test_degraded_set_points_go_by_the_phases_of_the_charge() -> None:
    for car, degraded_a in ((SMALL, 9.0), (BIG, 7.0)):
        rig = controlled(DegradedSetPointSinglePhase="9", DegradedSetPointThreePhase="7")
        charging(rig, car)
        rig.ask(messages.TriggerMessage(requested_message="MeterValues"))  # so that it knows the phases
        rig.tell(sig.ExternalSetPoint(1, 20.0))
        rig.run(30)
        assert rig.view.offered_a == degraded_a


def test_a_reading_that_tells_the_phases_changes_the_degraded_set_point() -> None:
    rig = controlled(DegradedSetPointSinglePhase="9", DegradedSetPointThreePhase="7")
    rig.tell(sig.ExternalLife(1))
    rig.run(11)
    charging(rig, SMALL)
    assert rig.view.offered_a == 7.0
    rig.ask(messages.TriggerMessage(requested_message="MeterValues"))
    assert rig.view.offered_a == 9.0


def test_without_a_controller_a_wallbox_never_takes_more_than_it_was_told_last() -> None:
    """The Pro AC has set points for it, that stand instead."""
    rig, pro = controlled(WALLBOX), controlled()
    for each in (rig, pro):
        charging(each)
        each.tell(sig.ExternalSetPoint(1, 0.0))
        each.run(60)
    assert rig.view.offered_a == 0.0
    assert pro.view.offered_a == 6.0


def test_a_controller_that_never_spoke_is_not_missed() -> None:
    rig = controlled()
    charging(rig)
    rig.run(100)
    assert rig.view.offered_a == 32.0
    assert view(rig).life == "none"
    assert not rig.station.zero.faults


def test_a_set_point_alone_begins_control_and_its_time() -> None:
    rig = controlled()
    rig.tell(sig.ExternalSetPoint(1, 20.0))
    assert view(rig).life == "alive"
    rig.run(11)
    assert view(rig).life == "lost"


def test_its_seconds_are_the_peers_own() -> None:
    """A controller of another program lives by the clock, however fast the station's world is (--speed)."""
    rig = controlled()
    rig.station.core.speed = 60.0
    rig.tell(sig.ExternalLife(1))
    rig.run(599)
    assert view(rig).life == "alive"
    rig.run(2)
    assert view(rig).life == "lost"


def test_an_end_of_control_is_no_silence() -> None:
    rig = controlled()
    charging(rig)
    rig.tell(sig.ExternalSetPoint(1, 8.0))
    command(rig, "suspend")
    rig.tell(sig.ExternalLife(1, on=False))
    rig.run(60)
    assert rig.view.offered_a == 32.0
    assert view(rig).life == "off"
    assert not rig.station.zero.faults
    rig.tell(sig.ExternalSetPoint(1, 8.0))
    rig.run(1)
    assert rig.view.offered_a == 32.0, "its set point is refused until it shows its life"
    rig.tell(sig.ExternalLife(1))
    rig.run(1)
    assert rig.view.offered_a == 32.0
    rig.tell(sig.ExternalSetPoint(1, 8.0))
    rig.run(1)
    assert rig.view.offered_a == 8.0


def test_the_error_stays_while_any_controller_is_lost() -> None:
    rig = controlled(PARKING)
    for connector in (1, 2):
        rig.tell(sig.ExternalLife(connector))
    rig.run(31)
    assert LOST[PARKING] in rig.station.zero.faults
    rig.tell(sig.ExternalLife(1))
    rig.run(1)
    assert LOST[PARKING] in rig.station.zero.faults
    rig.tell(sig.ExternalLife(2))
    rig.run(1)
    assert not rig.station.zero.faults


def test_a_life_bit_that_changes_nothing_costs_no_disk() -> None:
    rig = controlled()
    rig.tell(sig.ExternalLife(1))
    rig.forget()
    live(rig, 60)
    assert not rig.wished(sig.Remember)
    assert not rig.wished(sig.Note)


# --- commands --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [PRO_AC, WALLBOX])
def test_a_force_stop_ends_the_transaction_with_the_reason_other(model: str) -> None:
    rig = controlled(model)
    charging(rig)
    command(rig, "force_stop")
    rig.run(3)
    assert rig.last("StopTransaction").reason == "Other"
    assert rig.view.status == "Finishing"
    assert (view(rig).command, view(rig).command_status) == ("force_stop", "done")
    assert view(rig).last_charge_number == 9, "cancelled by supervisor"


def test_a_force_stop_sends_away_who_waits() -> None:
    rig = controlled()
    rig.badge()
    assert rig.view.status == "Preparing"
    command(rig, "force_stop")
    assert rig.view.status == "Available"


def test_r_343_a_suspended_charge_waits_for_its_restart() -> None:
    """R-343: Suspend_Plc_Cmd_Received."""
    rig = controlled()
    charging(rig)
    command(rig, "suspend")
    assert (rig.view.status, rig.power()) == ("SuspendedEVSE", False)
    assert rig.view.limit_source == "external system: suspended"
    assert "Suspend_Plc_Cmd_Received" in shown(rig)
    rig.run(3600)
    assert not rig.power()
    command(rig, "restart")
    rig.run(10)
    assert rig.power()
    assert rig.view.status == "Charging"
    assert "Suspend_Plc_Cmd_Received" not in shown(rig)
    assert len(rig.said("StartTransaction")) == 1


def test_a_suspension_is_over_with_the_visit() -> None:
    rig = controlled()
    charging(rig)
    command(rig, "suspend")
    rig.badge()
    rig.run(5)
    rig.unplug()
    assert not rig.station.connectors[0].modes
    charging(rig)


def test_r_343_a_postponed_start_begins_when_its_time_is_over() -> None:
    """R-343: Charge_Postpone."""
    rig = controlled()
    command(rig, "postpone", delay_s=600.0)
    assert "Charge_Postpone" in shown(rig)
    rig.plug()
    rig.badge()
    rig.run(500)
    assert not rig.power()
    assert rig.view.limit_source == "external system: postponed"
    rig.run(120)
    assert rig.power()
    assert "Charge_Postpone" not in shown(rig)


def test_a_start_postponed_without_a_time_waits_for_the_restart() -> None:
    rig = controlled()
    rig.plug()
    rig.badge()
    command(rig, "postpone")
    rig.run(7200)
    assert not rig.power()
    command(rig, "restart")
    rig.run(10)
    assert rig.power()


@pytest.mark.parametrize(
    ("word", "line"),
    [("set_unavailable", "Unavailable_Plc_Cmd_Received"), ("set_maintenance", "Maintenance_Plc_Cmd_Received")],
)
@pytest.mark.parametrize("model", [PRO_AC, WALLBOX])
def test_r_343_out_of_service_lets_nobody_in_until_set_available(model: str, word: str, line: str) -> None:
    """R-343: Unavailable_Plc_Cmd_Received, Maintenance_Plc_Cmd_Received."""
    rig = controlled(model)
    command(rig, word)
    assert rig.view.status == "Unavailable"
    assert rig.notification().status == "Unavailable"
    assert rig.notification().error_code == "NoError"
    assert line in shown(rig)
    rig.plug()
    rig.badge()
    rig.run(10)
    assert not rig.said("StartTransaction")
    rig.unplug()
    command(rig, "set_available")
    assert rig.view.status == "Available"
    assert line not in shown(rig)


def test_a_charge_that_runs_goes_on_when_its_outlet_is_taken_out_of_service() -> None:
    rig = controlled()
    charging(rig)
    command(rig, "set_unavailable")
    rig.run(60)
    assert rig.power()
    rig.badge()
    rig.run(5)
    rig.unplug()
    assert rig.view.status == "Unavailable"


def test_each_takes_back_what_it_has_taken_away() -> None:
    """docs/decisions/an-external-stop-is-other.md."""
    rig = controlled()
    command(rig, "set_unavailable")
    answer = rig.ask(messages.ChangeAvailability(connector_id=1, type="Operative"))
    assert answer.status == "Accepted"
    assert rig.view.status == "Unavailable"
    rig.ask(messages.ChangeAvailability(connector_id=1, type="Inoperative"))
    command(rig, "set_available")
    assert rig.view.status == "Unavailable"
    assert "Unavailable_OCPP_Cmd_Received" in shown(rig)
    rig.ask(messages.ChangeAvailability(connector_id=1, type="Operative"))
    rig.run(1)
    assert rig.view.status == "Available"


def test_out_of_service_for_two_reasons_when_the_car_leaves() -> None:
    """Preparing, Available, Unavailable: the table of 4.9 knows no shorter way."""
    rig = controlled(WALLBOX)
    rig.plug()
    rig.tell(sig.FaultRaised(1, "GroundFailure"))
    command(rig, "set_unavailable")
    rig.tell(sig.FaultCleared(1))
    rig.ask(messages.ChangeAvailability(connector_id=1, type="Inoperative"))
    rig.unplug()
    assert rig.view.status == "Unavailable"


def test_r_343_a_booking_is_for_its_badge() -> None:
    """R-343: Booked_Plc_Cmd_Received."""
    rig = controlled()
    command(rig, "book", id_tag=TAG)
    assert rig.view.status == "Reserved"
    assert "Booked_Plc_Cmd_Received" in shown(rig)
    rig.plug()
    rig.badge(OTHER_TAG)
    rig.run(5)
    assert not rig.said("StartTransaction")
    assert outlet_state(rig.station, rig.station.connectors[0]).outlet_last_error == "KO_BadgeIsNotTheBooker"
    rig.badge(TAG)
    rig.run(10)
    assert rig.power()
    assert rig.last("StartTransaction").reservation_id is UNSET
    assert "Booked_Plc_Cmd_Received" not in shown(rig)


def test_a_booking_without_a_badge_is_for_nobody() -> None:
    rig = controlled()
    command(rig, "book")
    rig.plug()
    for tag in (TAG, OTHER_TAG):
        rig.badge(tag)
        rig.run(5)
    assert not rig.said("StartTransaction")
    rig.unplug()
    command(rig, "set_available")
    assert rig.view.status == "Available"


def test_the_badge_of_a_booking_is_written_ahead() -> None:
    rig = controlled()
    rig.tell(sig.ExternalOperand(1, id_tag=TAG))
    assert view(rig).badge == TAG
    command(rig, "book", id_tag=view(rig).badge)
    assert rig.view.reservation
    assert rig.view.reservation.id_tag == TAG
    assert view(rig).badge == "", "the next booking has its own"


@pytest.mark.parametrize("word", ["force_stop", "suspend", "restart"])
def test_a_command_that_has_nothing_to_act_on_is_refused(word: str) -> None:
    rig = controlled()
    command(rig, word)
    assert view(rig).command_status == "refused"
    assert "external command refused" in rig.notes()
    command(rig, "acknowledge")
    assert (view(rig).command, view(rig).command_status) == ("acknowledge", "none")


def test_what_is_taken_cannot_be_booked() -> None:
    rig = controlled()
    charging(rig)
    command(rig, "book", id_tag=OTHER_TAG)
    assert view(rig).command_status == "refused"


def test_a_command_for_a_connector_that_there_is_not_does_nothing() -> None:
    rig = controlled()
    for connector in (0, 2, -1, 99):
        command(rig, "set_unavailable", connector)
        rig.tell(sig.ExternalSetPoint(connector, 6.0)) if connector else None
    assert rig.view.status == "Available"


# --- through a restart -----------------------------------------------------------------------------------------------


def test_after_a_power_cut_the_degraded_set_point_rules_until_it_is_heard() -> None:
    rig = controlled(RestoreTimeout="0")
    charging(rig)
    rig.tell(sig.ExternalSetPoint(1, 20.0))
    rig.power_cycle()
    rig.run(5)
    assert rig.view.offered_a == 6.0
    assert view(rig).life == "none"
    rig.tell(sig.ExternalLife(1))
    rig.run(1)
    assert rig.view.offered_a == 20.0, "what it has set still stands"
    rig.power_cycle()
    rig.run(11)
    assert LOST[PRO_AC] in rig.station.zero.faults, "and it is missed when it stays away"


def test_what_is_out_of_service_and_booked_stays_so_through_a_power_cut() -> None:
    rig = controlled(PARKING)
    command(rig, "set_maintenance", 1)
    command(rig, "book", 2, id_tag=TAG)
    rig.power_cycle()
    rig.run(3)
    assert [c.status for c in rig.station.view(rig.now).connectors] == ["Unavailable", "Reserved"]
    assert "Maintenance_Plc_Cmd_Received" in shown(rig, 1)
    assert "Booked_Plc_Cmd_Received" in shown(rig, 2)
    command(rig, "set_available", 1)
    command(rig, "set_available", 2)
    rig.power_cycle()
    rig.run(3)
    assert [c.status for c in rig.station.view(rig.now).connectors] == ["Available", "Available"]


def test_a_suspended_charge_that_goes_on_after_a_power_cut_is_still_suspended() -> None:
    rig = controlled(RestoreTimeout="0")
    charging(rig)
    command(rig, "suspend")
    rig.power_cycle()
    rig.run(10)
    assert rig.view.transaction
    assert not rig.power()
    assert "Suspend_Plc_Cmd_Received" in shown(rig)


def test_a_postponed_charge_begins_at_its_time_also_over_a_power_cut() -> None:
    rig = controlled(RestoreTimeout="0")
    charging(rig)
    command(rig, "postpone", delay_s=600.0)
    rig.power_cycle(60)
    rig.run(300)
    assert not rig.power()
    rig.run(300)
    assert rig.power()


def test_factory_settings_forget_it() -> None:
    rig = controlled()
    command(rig, "set_unavailable")
    rig.tell(sig.ExternalSetPoint(1, 6.0))
    rig.tell(sig.Restored())
    rig.run(40)
    assert rig.view.status == "Available"
    assert not [name for name in rig.memory if name.startswith("external/")]


# --- the view --------------------------------------------------------------------------------------------------------


def test_the_view_follows_a_whole_visit() -> None:
    """Register 1 of the Pro AC as drivers read it: 0, 1, 2, 6 no vehicle; 3, 4, 5, 7 vehicle; 8, 9 charging."""
    rig = controlled()
    seen = [view(rig).vehicle_state]
    rig.plug()
    seen.append(view(rig).vehicle_state)
    rig.badge()
    rig.run(10)
    seen.append(view(rig).vehicle_state)
    rig.run(3600)
    now = view(rig)
    assert now.session_s == pytest.approx(3610, abs=5)
    assert now.charge_s == pytest.approx(3610, abs=5)
    assert now.session_wh == pytest.approx(16 * 3 * 230, rel=0.05)
    assert now.energy_wh == pytest.approx(rig.register_wh)
    command(rig, "suspend")
    rig.run(100)
    seen.append(view(rig).vehicle_state)
    assert view(rig).charge_s == pytest.approx(3610, abs=8)
    command(rig, "force_stop")
    rig.run(5)
    seen.append(view(rig).vehicle_state)
    rig.unplug()
    seen.append(view(rig).vehicle_state)
    command(rig, "set_unavailable")
    seen.append(view(rig).vehicle_state)
    rig.tell(sig.FaultRaised(1, "12.0"))
    seen.append(view(rig).vehicle_state)
    assert seen == ["free", "plugged", "charging", "waiting", "finished", "free", "out of service", "failed"]
    numbers = load(PRO_AC).registers["vehicle_state"].values
    assert [numbers[word] for word in seen] == [2, 3, 8, 4, 7, 2, 0, 1]


def test_the_detection_loop_is_seen() -> None:
    rig = controlled()
    assert not view(rig).vehicle_present
    rig.tell(sig.InputChanged("detection_loop", True))
    assert view(rig).vehicle_present


# --- anything, in any order ------------------------------------------------------------------------------------------


def one_step(rig: Rig, dice: random.Random) -> str:
    """Something that somebody does; what it was."""
    c = dice.choice(rig.station.connectors).number
    words = list(external.COMMANDS)
    steps: dict[str, Callable[[], object]] = {
        "plug": lambda: rig.hardware.plug_in(c, dice.choice((BIG, SMALL)), rig.now),
        "unplug": lambda: rig.hardware.unplug(c, rig.now),
        "badge": lambda: rig.badge(dice.choice((TAG, OTHER_TAG)), c),
        "set point": lambda: rig.tell(sig.ExternalSetPoint(dice.choice((0, c)), float(dice.choice((0, 5, 6, 10, 32))))),
        "life": lambda: rig.tell(sig.ExternalLife(c, on=dice.random() < 0.9)),
        "command": lambda: command(
            rig, dice.choice(words), c, id_tag=dice.choice(("", TAG)), delay_s=dice.choice((0.0, 20.0))
        ),
        "availability": lambda: rig.ask(
            messages.ChangeAvailability(connector_id=c, type=dice.choice(("Operative", "Inoperative")))
        ),
        "remote stop": lambda: rig.tell(sig.StopAsked(c)),
        "fault": lambda: rig.tell(sig.FaultRaised(c, "GroundFailure")),
        "mended": lambda: rig.tell(sig.FaultCleared(c)),
        "power cut": lambda: rig.power_cycle() if dice.random() < 0.2 else None,
        "key": lambda: rig.own(**dict.fromkeys(CONTROL[rig.model.line], dice.choice(("true", "true", "false")))),
        "command again": lambda: command(rig, dice.choice(words), c, id_tag=TAG),
        "time": lambda: rig.run(dice.choice((1, 5, 40))),
    }
    name = dice.choice(list(steps))
    steps[name]()
    rig.run(dice.choice((0, 0.2, 3)))
    return f"{name} {c}"


CONTROL = {PRO_AC: ["ModbusEnable"], WALLBOX: ["ControlledByExternalSystem"], PARKING: ["ControlledByExternalSystem"]}


@pytest.mark.parametrize("model", [PRO_AC, WALLBOX, PARKING])
def test_whatever_is_said_in_whatever_order_the_laws_hold(model: str) -> None:
    """The rig watches the table of 4.9 and what must be on disk first; here: nobody takes more than is allowed."""
    for seed in range(times(30, 1000)):
        dice = random.Random(seed)
        rig = controlled(model, RestoreTimeout="0") if model == PRO_AC else controlled(model)
        done: list[str] = []
        try:
            for _ in range(40):
                done.append(one_step(rig, dice))
                lawful(rig)
        except AssertionError as broken:
            raise AssertionError(f"seed {seed}: {done}: {broken}") from broken


def lawful(rig: Rig) -> None:
    said, outlets = rig.station.external, rig.station.view(rig.now).connectors
    controls = said.controls if said and external.obeys(rig.station.core) else {}
    for c, outlet in zip(rig.station.connectors, outlets, strict=True):
        own = controls.get(c.number)
        if own and own.life == "alive" and own.set_point_a is not None:
            assert outlet.offered_a <= own.set_point_a, "more than its set point"
        assert not outlet.offered_a or not c.modes & {"suspended", "postponed"}, "it is held"
        out = c.modes & external.OUT
        assert out == c.shut & external.OUT, "in service or out of it, but not both"
        assert bool(c.modes & {"booked"}) == (reservations.BOOKING - c.number in rig.station.reservations)
        assert not (c.modes and said is None) or c.modes <= {"booked"}, "a mode that nobody has set"
    whole = controls.get(0)
    if whole and whole.life == "alive" and whole.set_point_a is not None:
        assert sum(outlet.offered_a for outlet in outlets) <= whole.set_point_a + 0.001, "more than that of the station"
