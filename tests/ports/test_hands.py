"""Cables, locks, contactors and power cuts: what hands and faults can do to a station, and what it hears of it."""

import pytest

from chargepost.drivers.car import CARS, CarSpec
from chargepost.signals import (
    BadgePresented,
    ButtonPressed,
    CableChanged,
    FaultCleared,
    FaultRaised,
    InputChanged,
    LockCable,
    LockChanged,
    MeterRead,
    OfferCurrent,
    PilotChanged,
    PowerSwitched,
    ReadMeter,
    ShowLight,
    SwitchPower,
)

from .world import CABLE, World


def test_a_cable_may_come_without_a_car_and_stay_without_one(world: World) -> None:
    station = world.station
    assert station.plug_in(1, None, 0, 20)
    assert station.take() == [CableChanged(1, True, 20)]
    assert station.plug_car(1, CarSpec(), 1)
    assert station.take() == [PilotChanged(1, "B")]
    assert station.unplug_car(1, 2)
    assert station.take() == [PilotChanged(1, "A")]
    assert station.unplug(1, 3)
    assert station.take() == [CableChanged(1, False, 0)]


def test_an_attached_cable_is_always_there_and_only_its_car_comes_and_goes() -> None:
    world = World(CABLE)
    station = world.station
    assert station.take() == [CableChanged(1, True, 32)]
    assert not station.plug_in(1, None, 0)
    assert station.plug_in(1, CarSpec(), 0)
    assert station.take() == [PilotChanged(1, "B")]
    station.do(LockCable(1, True), 1)
    assert station.next_wake() is None, "there is no bolt to move"
    assert station.unplug(1, 2)
    assert station.take() == [PilotChanged(1, "A")]


def test_one_cable_and_one_car_at_a_time(world: World) -> None:
    station = world.station
    assert not station.plug_car(1, CarSpec(), 0)
    assert not station.unplug(1, 0)
    assert not station.unplug_car(1, 0)
    assert not station.replug(1, 0)
    assert not station.set_car(1, 0, ready=False)
    assert station.plug_in(1, CarSpec(), 0)
    station.take()
    assert not station.plug_in(1, CARS["Van"], 1)
    assert not station.plug_car(1, CARS["Van"], 1)
    assert station.take() == []


def test_a_cable_says_one_of_four_ratings(world: World) -> None:
    with pytest.raises(ValueError, match="no cable says 16"):
        world.station.plug_in(1, None, 0, 16)


def test_a_locked_cable_holds_at_the_station_but_not_at_the_car(world: World) -> None:
    world.charge(CarSpec())
    world.station.do(LockCable(1, True), world.now)
    assert world.facts_after(1) == [LockChanged(1, True)]
    assert not world.station.unplug(1, world.now)
    assert world.power_w() > 0
    assert world.station.unplug_car(1, world.now)
    assert world.power_w() == 0
    assert world.facts_after(1) == [PilotChanged(1, "A")]
    assert world.outlet.closed, "the contactor is the station's business"
    world.station.do(LockCable(1, False), world.now)
    world.let_pass(1)
    assert world.station.unplug(1, world.now)


def test_a_jammed_bolt_stays_and_says_so_in_either_position(world: World) -> None:
    station = world.station
    for position in (False, True):
        station.jam_lock(1, True)
        station.do(LockCable(1, not position), world.now)
        assert world.facts_after(1) == [LockChanged(1, position, jammed=True)]
        station.jam_lock(1, False)
        station.do(LockCable(1, not position), world.now)
        assert world.facts_after(1) == [LockChanged(1, not position)]


def test_the_contactor_takes_its_time_and_tells_its_place(world: World) -> None:
    station = world.station
    station.do(SwitchPower(1, True), 0)
    station.advance(0.049)
    assert station.take() == []
    station.advance(0.051)
    assert station.take() == [PowerSwitched(1, True)]


def test_no_current_without_the_contactor(world: World) -> None:
    world.charge(CarSpec())
    world.station.do(SwitchPower(1, False), world.now)
    assert world.facts_after(0.06) == [PowerSwitched(1, False)]
    assert list(world.outlet.current_a) == [0, 0, 0]
    assert world.pilot() == "C", "the car still asks"


def test_the_car_draws_a_moment_after_the_power_came(world: World) -> None:
    world.charge(CarSpec())
    for on in (False, True):
        world.station.do(SwitchPower(1, on), world.now)
        world.let_pass(0.1)
    assert world.outlet.closed
    assert world.power_w() == 0
    world.let_pass(0.5)
    assert world.power_w() > 0


def test_an_owner_may_say_how_full_the_car_is(world: World) -> None:
    world.charge(CarSpec())
    world.let_pass(3600)
    world.station.set_car(1, world.now, ready=False)
    assert (world.outlet.soc or 0) > 50, "what it has charged is not forgotten"
    world.station.set_car(1, world.now, soc_percent=90)
    assert world.outlet.soc == 90


def test_a_welded_contactor_says_closed_when_told_to_open(world: World) -> None:
    world.charge(CarSpec())
    world.station.weld(1, True)
    world.station.do(SwitchPower(1, False), world.now)
    assert world.facts_after(1) == [PowerSwitched(1, True)]
    assert world.power_w() > 0
    world.station.weld(1, False)
    assert world.facts_after(1) == [PowerSwitched(1, False)]
    assert world.power_w() == 0


def test_a_residual_current_trips_and_its_end_lets_close_again(world: World) -> None:
    world.charge(CarSpec())
    world.station.leak(1, 6, world.now)
    assert world.facts_after(1) == []
    world.station.leak(1, 30, world.now)
    assert world.facts_after(1) == [PowerSwitched(1, False), FaultRaised(1, "GroundFailure")]
    world.station.leak(1, 40, world.now)
    world.station.do(SwitchPower(1, True), world.now)
    assert world.facts_after(1) == [PowerSwitched(1, False)], "it stays open, and says its fault once"
    world.station.leak(1, 0, world.now)
    assert world.facts_after(1) == [FaultCleared(1, "GroundFailure")]
    world.station.do(SwitchPower(1, True), world.now)
    assert world.facts_after(1) == [PowerSwitched(1, True)]


def test_a_silent_meter_answers_without_a_reading_and_goes_on_counting(world: World) -> None:
    world.charge(CarSpec())
    before_wh = world.outlet.energy_wh
    world.station.mute_meter(1, True)
    world.station.do(ReadMeter(1, 7), world.now)
    assert world.facts_after(600) == [MeterRead(1, 7, None)]
    world.station.mute_meter(1, False)
    world.station.do(ReadMeter(1, 8), world.now)
    (answer,) = world.station.take()
    assert isinstance(answer, MeterRead)
    assert answer.reading
    assert answer.reading.energy_wh > before_wh + 1000


def test_a_power_cut_opens_and_its_end_tells_everything_again(world: World) -> None:
    world.charge(CarSpec())
    station, outlet = world.station, world.outlet
    station.do(LockCable(1, True), world.now)
    world.let_pass(60)
    station.take()
    station.power_cut(world.now)
    register_wh, soc = outlet.energy_wh, outlet.soc
    assert (outlet.closed, outlet.offered_a, outlet.power_w, outlet.locked) == (False, 0, 0, True)
    assert list(outlet.voltage_v) == [0, 0, 0]
    for wish in (OfferCurrent(1, 16), SwitchPower(1, True), LockCable(1, False), ReadMeter(1, 1)):
        station.do(wish, world.now)
    station.present_badge("04A1B2C3")
    assert world.facts_after(600) == [], "a station without mains hears nothing"
    assert not station.unplug(1, world.now), "the bolt holds without mains"
    station.power_up(world.now)
    assert world.facts_after(600) == [
        CableChanged(1, True, 32),
        LockChanged(1, True),
        PowerSwitched(1, False),
        PilotChanged(1, "B"),
    ]
    assert (outlet.energy_wh, outlet.soc) == (register_wh, soc)
    station.do(OfferCurrent(1, 16), world.now)
    station.do(SwitchPower(1, True), world.now)
    assert world.facts_after(60) == [PowerSwitched(1, True), PilotChanged(1, "C")]
    assert outlet.energy_wh > register_wh


def test_what_was_not_heard_before_the_cut_is_lost(world: World) -> None:
    world.station.plug_in(1, CarSpec(), 0)
    world.station.power_cut(0)
    assert world.station.take() == []


def test_an_outlet_without_mains_does_and_tells_nothing(world: World) -> None:
    world.charge(CarSpec())
    outlet = world.outlet
    outlet.power_cut(world.now)
    outlet.offer(16, world.now)
    outlet.switch(True, world.now)
    outlet.drive_lock(True, world.now)
    outlet.show("red", 100)
    assert world.facts_after(5) == []
    assert (outlet.offered_a, outlet.closed, outlet.locked, outlet.light) == (0, False, False, "off")


def test_a_car_that_left_in_the_dark_is_gone_when_the_mains_return(world: World) -> None:
    world.charge(CarSpec())
    world.station.power_cut(world.now)
    assert world.station.unplug(1, world.now)
    assert world.station.take() == []
    world.station.power_up(world.now)
    assert {CableChanged(1, False, 0), PilotChanged(1, "A")} <= set(world.station.take())


def test_the_register_starts_where_it_is_told_and_goes_on() -> None:
    world = World(register_wh=123_456.7)
    world.charge(CarSpec())
    world.let_pass(3600)
    assert 123_456.7 + 10_000 < world.outlet.energy_wh < 123_456.7 + 12_000


def test_lamps_remember_what_they_show() -> None:
    station = World(CABLE, CABLE).station
    station.do(ShowLight(1, "green blinking", 40), 0)
    assert [(outlet.light, outlet.intensity_percent) for outlet in station.connectors] == [
        ("green blinking", 40),
        ("off", 100),
    ]
    station.do(ShowLight(0, "red"), 0)
    assert [(outlet.light, outlet.intensity_percent) for outlet in station.connectors] == [("red", 100)] * 2


def test_badges_buttons_and_inputs_are_told(world: World) -> None:
    world.station.present_badge("04A1B2C3", 1)
    world.station.press("emergency_stop")
    world.station.set_input("door", True)
    assert world.station.take() == [
        BadgePresented("04A1B2C3", 1),
        ButtonPressed("emergency_stop"),
        InputChanged("door", True),
    ]


def test_an_unknown_connector_is_named(world: World) -> None:
    with pytest.raises(ValueError, match="no connector 2: this station has 1 to 1"):
        world.station.plug_in(2, None, 0)


def test_each_meter_has_its_start_or_none() -> None:
    with pytest.raises(ValueError, match="2 registers for 1 connectors"):
        World().station.__class__((CABLE,), register_wh=(1.0, 2.0))
