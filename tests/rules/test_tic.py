"""What the house leaves: the meter of a French house as a source of the limit (R-205, R-246; quirk tic)."""

import msgspec
import pytest

from chargepost import signals as sig
from chargepost.signals import Tic
from chargepost.station.tic import RISE_S
from tests.rules.rig import CAR, Rig

AC, CHARGE = "evlink-pro-ac", "schneider-charge/Evh5A22N400F"
SUBSCRIBED_A = 30.0


def house(rig: Rig, *load_a: float, mode: str = "historic", subscribed_a: float = SUBSCRIBED_A) -> None:
    """A frame of the house's meter, with what its other loads draw: the station's own current comes on top."""
    own = rig.hardware.connector(1).current_a
    phases = len(load_a)
    loads = [load_a[phase] + own[phase] if phase < phases else 0.0 for phase in range(3)]
    rig.tell(sig.TicRead(Tic(mode, subscribed_a, (loads[0], loads[1], loads[2]), phases)))  # type: ignore[arg-type]


def for_a_while(rig: Rig, *load_a: float, seconds: float = RISE_S + 2) -> None:
    """A frame a second."""
    for _ in range(int(seconds)):
        house(rig, *load_a)
        rig.run(1)


def charging(model: str = AC, *, phases: int = 1) -> Rig:
    rig = Rig(model)
    rig.run(3)
    house(rig, *[5.0] * phases)
    rig.plug(msgspec.structs.replace(CAR, phases=phases, max_current_a=32))
    rig.badge()
    rig.run(10)
    assert rig.power(), rig.view
    return rig


def offered(rig: Rig) -> tuple[float, str]:
    return rig.view.offered_a, rig.view.limit_source


def test_the_station_takes_what_the_house_leaves_and_says_why() -> None:
    rig = charging()
    assert offered(rig) == (25.0, "TIC: 30 A subscribed")
    house(rig, 14.0)
    assert offered(rig) == (16.0, "TIC: 30 A subscribed"), "taken back at once"


def test_its_own_current_is_not_the_houses() -> None:
    rig = charging()
    for_a_while(rig, 5.0, seconds=120)
    assert rig.hardware.connector(1).current_a[0] == 25
    assert offered(rig)[0] == 25, "5 A besides, whatever the station draws"


def test_no_phase_of_the_house_is_ever_above_what_is_subscribed() -> None:
    """A house whose loads come and go: in no second more is drawn than was left in the second before."""
    rig = charging(phases=3)
    for second in range(600):
        loads = [5.0 + 20 * (second // 37 % 2), 8.0 + 15 * (second // 53 % 2), 3.0]
        house(rig, *loads)
        rig.run(1)
        drawn = rig.hardware.connector(1).current_a
        if second // 37 == (second - 1) // 37 and second // 53 == (second - 1) // 53:
            assert all(own + other <= SUBSCRIBED_A for own, other in zip(drawn, loads, strict=True)), second


def test_more_is_given_when_it_was_there_for_a_while_and_the_least_of_it() -> None:
    rig = charging()
    for_a_while(rig, 14.0, seconds=5)
    assert offered(rig)[0] == 16
    for_a_while(rig, 4.0, seconds=RISE_S / 2)
    for_a_while(rig, 8.0, seconds=3)
    assert offered(rig)[0] == 16
    for_a_while(rig, 4.0, seconds=RISE_S / 2)
    assert offered(rig)[0] == 22, "30 less the 8 A that were drawn for three seconds"


def test_a_kettle_does_not_make_the_charge_go_up_and_down() -> None:
    rig = charging()
    for_a_while(rig, 14.0, seconds=5)
    before = len(rig.wished(sig.OfferCurrent))
    for _ in range(20):
        for_a_while(rig, 2.0, seconds=10)
        for_a_while(rig, 14.0, seconds=10)
    assert len(rig.wished(sig.OfferCurrent)) == before


def test_below_six_amperes_it_is_a_pause_that_ends_by_itself() -> None:
    rig = charging()
    house(rig, 26.0)
    rig.run(5)
    assert (rig.view.status, offered(rig)[0]) == ("SuspendedEVSE", 0)
    for_a_while(rig, 5.0)
    rig.run(10)
    assert (rig.view.status, offered(rig)[0]) == ("Charging", 25)


def test_r_246_a_tic_that_falls_silent_is_18_0_and_nothing_is_drawn() -> None:
    """Pro AC, Vendor Error Codes: Dynamic Energy Management communication loss, TIC or Modbus."""
    rig = charging()
    rig.tell(sig.TicRead(None))
    rig.run(5)
    assert (rig.view.vendor_error, rig.view.status) == ("18.0", "SuspendedEVSE")
    assert offered(rig) == (0.0, "TIC: the meter is silent")
    assert rig.notification().vendor_error_code == "18.0"
    for_a_while(rig, 5.0)
    rig.run(5)
    assert (rig.view.vendor_error, rig.view.status, offered(rig)[0]) == ("", "Charging", 25)


def test_r_246_a_tic_that_was_never_heard_is_silent_too() -> None:
    rig = Rig(AC)
    rig.run(3)
    rig.tell(sig.TicRead(None))
    assert rig.view.vendor_error == "18.0"


def test_a_meter_of_the_station_that_is_silent_leaves_nothing_of_its_own() -> None:
    """What is ours is not known then: the house may draw all of it."""
    rig = charging()
    for_a_while(rig, 5.0, seconds=3)
    rig.hardware.mute_meter(1, True)
    rig.run(3)
    house(rig, 5.0)
    assert offered(rig)[0] <= 6


def test_r_205_tic_detection_tells_whether_the_meter_is_heard() -> None:
    """Charge, Customized Keys: TICdetection is read only; Q-110: false and true."""
    rig = Rig(CHARGE)
    rig.run(3)
    assert rig.value("TICdetection") == "false"
    house(rig, 5.0)
    assert rig.value("TICdetection") == "true"
    assert rig.change("TICdetection", "true") == "Rejected"
    rig.tell(sig.TicRead(None))
    assert rig.value("TICdetection") == "false"
    house(rig, 5.0)
    rig.power_cycle()
    rig.run(3)
    assert rig.value("TICdetection") == "false", "seen, not kept"


def test_r_205_tic_mode_is_the_mode_that_is_heard() -> None:
    rig = Rig(CHARGE)
    rig.run(3)
    house(rig, 5.0, mode="standard")
    assert rig.value("TICdetection") == "false", "0 is the historic mode"
    assert rig.change("TICmode", "1") == "Accepted"
    house(rig, 5.0, mode="standard")
    assert rig.value("TICdetection") == "true"
    house(rig, 5.0)
    assert rig.value("TICdetection") == "false"


@pytest.mark.parametrize("model", ["schneider-charge", "evlink-smart-wallbox", "evlink-pro-dc"])
def test_a_station_without_the_interface_takes_no_notice(model: str) -> None:
    rig = Rig(model)
    rig.run(3)
    house(rig, 29.0)
    assert rig.view.limit_source != "TIC: 30 A subscribed"
    assert "TIC ignored" in rig.notes()


def test_without_a_tic_there_is_no_such_limit() -> None:
    rig = Rig(AC)
    rig.charge(seconds=10)
    assert "TIC" not in rig.view.limit_source


def test_two_who_charge_get_equal_parts() -> None:
    rig = Rig("evlink-pro-ac/socket-domestic", settings={"PlugNumberingMode": "1"})
    rig.run(3)
    rig.power_cycle()
    rig.run(3)
    assert len(rig.station.connectors) == 2
    house(rig, 10.0)
    for number in (1, 2):
        rig.plug(CAR, number)
        rig.badge(connector=number)
        rig.run(15)
    assert [c.limit.current_a for c in rig.station.connectors] == [10.0, 10.0]
