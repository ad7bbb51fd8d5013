"""IEC 61851-1, annex A: the levels of the control pilot, the duty cycle, and the states a car makes of them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from chargepost.catalogue.model import ConnectorSpec
from chargepost.drivers import pilot
from chargepost.drivers.car import CARS, CarSpec
from chargepost.signals import OfferCurrent, PilotChanged

from .world import DOMESTIC, World


@pytest.mark.parametrize(
    ("current_a", "percent"),
    [
        (0, 100),
        (6, 10),
        (10, 16.67),
        (13, 21.67),
        (16, 26.67),
        (20, 33.33),
        (32, 53.33),
        (51, 85),
        (63, 89.2),
        (80, 96),
    ],
)
def test_duty_cycle_table(current_a: float, percent: float) -> None:
    assert pilot.duty_percent(current_a) == pytest.approx(percent, abs=0.005)


@pytest.mark.parametrize("current_a", [-6, 0.1, 5.99, 80.1, float("nan"), float("inf")])
def test_what_a_pwm_cannot_say_is_refused(current_a: float) -> None:
    with pytest.raises(ValueError, match="cannot offer"):
        pilot.duty_percent(current_a)


@pytest.mark.parametrize(
    ("percent", "current_a"),
    [(0, 0), (5, 0), (7.9, 0), (8, 6), (9, 6), (10, 6), (26.67, 16), (85, 51), (96, 80), (97, 80), (98, 0), (100, 0)],
)
def test_what_a_car_reads_from_a_duty_cycle(percent: float, current_a: float) -> None:
    assert pilot.offered_a(percent) == pytest.approx(current_a, abs=0.01)


@settings(deadline=None)
@given(some.floats(6, 51) | some.floats(52.6, 80))
def test_a_car_reads_what_the_station_offers(current_a: float) -> None:
    assert pilot.offered_a(pilot.duty_percent(current_a)) == pytest.approx(current_a)


def test_each_state_has_its_level(world: World) -> None:
    station, outlet = world.station, world.outlet
    seen = [(outlet.pilot, outlet.pilot_v)]

    def look() -> None:
        world.let_pass(1)
        seen.append((outlet.pilot, outlet.pilot_v))

    station.plug_in(1, CarSpec(), world.now)
    look()
    station.do(OfferCurrent(1, 16), world.now)
    look()
    station.set_car(1, world.now, ventilation=True)
    look()
    station.short_pilot(1, True, world.now)
    look()
    station.power_cut(world.now)
    look()
    assert seen == [("A", 12), ("B", 9), ("C", 6), ("D", 3), ("E", 0), ("F", 0)]


def test_without_pwm_a_ready_car_stays_in_b(world: World) -> None:
    world.station.plug_in(1, CarSpec(), 0)
    world.let_pass(3600)
    assert world.pilot() == "B"


@pytest.mark.parametrize(("minimum_a", "offered_a", "state"), [(6, 6, "C"), (8, 6, "B"), (8, 8, "C"), (6, 0, "B")])
def test_a_car_pauses_below_its_own_minimum(world: World, minimum_a: float, offered_a: float, state: str) -> None:
    world.charge(CarSpec(min_current_a=minimum_a), offered_a=16)
    world.station.do(OfferCurrent(1, offered_a), world.now)
    world.let_pass(1)
    assert world.pilot() == state
    assert (world.power_w() > 0) == (state == "C")


def test_each_change_is_told_once_and_in_order(world: World) -> None:
    world.station.plug_in(1, CarSpec(), 0)
    for offered_a in (16, 10, 6, 0, 6):
        world.station.do(OfferCurrent(1, offered_a), world.now)
        world.let_pass(2)
    told = [fact.state for fact in world.station.take() if isinstance(fact, PilotChanged)]
    assert told == ["B", "C", "B", "C"]


def test_a_car_that_is_not_ready_comes_by_itself_later(world: World) -> None:
    world.charge(CARS["Timer"])
    assert world.pilot() == "B"
    world.station.set_car(1, world.now, ready=True)
    assert PilotChanged(1, "C") in world.facts_after(1)
    world.let_pass(1)
    assert world.power_w() > 0


@pytest.mark.parametrize("how", ["pulse", "replug", "short", "power cut", "by its owner"])
def test_a_sleeping_car_reacts_to_nothing_until_woken(world: World, how: str) -> None:
    world.charge(CARS["Sleeper"])
    for offered_a in (0, 32, 6):
        world.station.do(OfferCurrent(1, offered_a), world.now)
        world.let_pass(60)
        assert world.pilot() == "B"
    station, now = world.station, world.now
    if how == "pulse":
        station.pulse_pilot(1, now)
    elif how == "replug":
        assert station.replug(1, now)
    elif how == "short":
        station.short_pilot(1, True, now)
        station.short_pilot(1, False, now)
    elif how == "power cut":
        station.power_cut(now)
        station.power_up(now)
        station.do(OfferCurrent(1, 6), now)
    else:
        station.set_car(1, now, asleep=False)
    assert PilotChanged(1, "C") in world.facts_after(1)


def test_a_new_plug_is_a_new_conversation_with_the_charge_the_car_has(world: World) -> None:
    world.charge(CarSpec())
    world.let_pass(3600)
    soc = world.outlet.soc
    assert world.station.replug(1, world.now)
    assert world.facts_after(1) == [PilotChanged(1, "A"), PilotChanged(1, "B"), PilotChanged(1, "C")]
    assert world.outlet.soc == pytest.approx(soc, abs=0.01)


def test_a_car_reacts_in_its_own_time_not_in_that_of_the_one_before(world: World) -> None:
    station = world.station
    station.plug_in(1, CarSpec(), 0)
    station.do(OfferCurrent(1, 16), 0)
    station.unplug(1, 0.3)
    station.plug_in(1, CarSpec(), 0.3)
    world.let_pass(0.7)
    assert world.pilot() == "B"
    world.let_pass(0.2)
    assert world.pilot() == "C"


def test_a_restless_offer_does_not_keep_the_car_from_reacting(world: World) -> None:
    world.station.plug_in(1, CarSpec(), 0)
    for step in range(1, 6):
        world.station.do(OfferCurrent(1, 10 + step), world.now)
        world.let_pass(0.2)
    assert world.pilot() == "C"


def test_a_short_circuit_stops_the_car_and_its_end_starts_it_anew(world: World) -> None:
    world.charge(CarSpec())
    world.station.short_pilot(1, True, world.now)
    assert world.power_w() == 0
    assert world.facts_after(5) == [PilotChanged(1, "E")]
    assert world.power_w() == 0
    world.station.short_pilot(1, False, world.now)
    assert world.facts_after(5) == [PilotChanged(1, "B"), PilotChanged(1, "C")]
    assert world.power_w() > 0


def test_a_domestic_socket_has_no_pilot_but_the_contact_of_its_plug() -> None:
    world = World(DOMESTIC)
    world.charge(CarSpec(phases=1), offered_a=0, cable_rating_a=13)
    assert list(world.outlet.current_a) == [10, 0, 0]
    assert world.pilot() == "C"
    world.station.unplug(1, world.now)
    assert world.facts_after(0)[0] == PilotChanged(1, "A")


def test_on_direct_current_any_offer_can_be_said_and_the_pilot_only_tells_of_messages() -> None:
    world = World(ConnectorSpec(kind="CCS2", max_current_a=260.86, min_current_a=1.44, lock=False))
    world.station.plug_in(1, CarSpec(), 0)
    world.station.do(OfferCurrent(1, 260.86), world.now)
    assert world.outlet.duty_percent == 5
    world.station.do(OfferCurrent(1, 2.0), world.now)
    assert world.outlet.duty_percent == 5
    world.station.do(OfferCurrent(1, 0.0), world.now)
    assert world.outlet.duty_percent == 100
