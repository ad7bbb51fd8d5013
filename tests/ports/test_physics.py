"""The laws of the simulated outlet: one state, integrated; every reading follows from it (design, section 4)."""

from math import acos, tan

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from chargepost.drivers import check
from chargepost.drivers.car import CARS, CarSpec
from chargepost.drivers.check import Request
from chargepost.drivers.instruments import SimulatedMeter
from chargepost.drivers.mains import Mains
from chargepost.drivers.outlet import REACTION_S
from chargepost.drivers.simulated import SimulatedStation
from chargepost.signals import MeterBy, MeterRead, OfferCurrent, Overdrawn, PilotChanged, ReadMeter, SwitchPower

from .world import DC, SOCKET, World

cars = some.builds(
    CarSpec,
    battery_wh=some.floats(5_000, 100_000),
    soc_percent=some.floats(0, 100),
    target_soc=some.floats(50, 100),
    phases=some.integers(1, 3),
    max_current_a=some.floats(6, 32),
    min_current_a=some.floats(6, 10),
    efficiency=some.floats(0.7, 1),
    power_factor=some.floats(0.8, 1),
)
offers = some.one_of(some.just(0.0), some.floats(6, 63))
deeds = some.lists(
    some.tuples(
        some.floats(0.01, 5_000),
        some.one_of(
            offers.map(lambda current_a: OfferCurrent(1, current_a)),
            some.booleans().map(lambda on: SwitchPower(1, on)),
            some.sampled_from(["unplug", "plug", "cut", "up", "replug", "short", "free", "pulse"]),
        ),
    ),
    max_size=12,
)
Deed = OfferCurrent | SwitchPower | str


def lives(station: SimulatedStation, car: CarSpec, deed: Deed, now: float) -> None:
    match deed:
        case OfferCurrent() | SwitchPower():
            station.do(deed, now)
        case "plug":
            station.plug_in(1, car, now, 32)
        case "unplug":
            station.unplug(1, now)
        case "replug":
            station.replug(1, now)
        case "short" | "free":
            station.short_pilot(1, deed == "short", now)
        case "pulse":
            station.pulse_pilot(1, now)
        case "cut":
            station.power_cut(now)
        case _:
            station.power_up(now)


@settings(max_examples=60, deadline=None)
@given(cars, deeds, some.integers(2, 40), some.integers(0, 2**64))
def test_how_often_one_looks_changes_nothing(
    car: CarSpec, life: list[tuple[float, Deed]], looks: int, seed: int
) -> None:
    blind, watched = (SimulatedStation((SOCKET,), seed=seed, register_wh=(500.0,)) for _ in range(2))
    now, register_wh = 0.0, 500.0
    for station in (blind, watched):
        lives(station, car, "plug", now)
        station.do(OfferCurrent(1, 16), now)
        station.do(SwitchPower(1, True), now)
    told = [*watched.take()]
    for wait_s, deed in [*life, (3600.0, "up")]:
        for look in range(1, looks):
            watched.advance(now + wait_s * look / looks)
            told += watched.take()
            reading = watched.connectors[0].reading
            assert reading.energy_wh >= register_wh, "the register fell"
            register_wh = reading.energy_wh
        now += wait_s
        for station in (blind, watched):
            lives(station, car, deed, now)
        told += watched.take()
    assert abs(blind.connectors[0].energy_wh - watched.connectors[0].energy_wh) < 1e-9
    assert blind.connectors[0].reading == watched.connectors[0].reading
    assert blind.next_wake() == watched.next_wake()


@settings(max_examples=60, deadline=None)
@given(cars, some.lists(some.tuples(some.floats(0.1, 2_000), offers), max_size=15), some.sampled_from([13, 20, 32, 63]))
def test_never_above_the_offer_nor_the_cable_once_the_car_reacted(
    car: CarSpec, life: list[tuple[float, float]], cable_a: float
) -> None:
    world = World()
    world.charge(car, 16, cable_a)
    for wait_s, offered_a in life:
        world.station.do(OfferCurrent(1, offered_a), world.now)
        world.let_pass(REACTION_S)
        for _ in range(3):
            limit_a = min(offered_a, cable_a, car.max_current_a)
            assert max(world.outlet.current_a) <= limit_a
            assert sum(a > 0 for a in world.outlet.current_a) in (0, car.phases)
            world.let_pass(wait_s / 3)


@settings(deadline=None)
@given(cars, some.floats(6, 63), some.integers(0, 2**64), some.floats(0, 1e7))
def test_each_reading_follows_from_the_others(car: CarSpec, offered_a: float, seed: int, later_s: float) -> None:
    world = World(seed=seed)
    world.now = later_s
    world.charge(car, offered_a)
    world.let_pass(777)
    reading = world.outlet.reading
    for volt, ampere, watt in zip(reading.voltage_v, reading.current_a, reading.power_w, strict=True):
        assert watt == volt * ampere * reading.power_factor
        assert 220 < volt < 235
    assert world.power_w() == sum(reading.power_w)
    assert 49.9 < reading.frequency_hz < 50.1
    assert reading.reactive_varh == pytest.approx(reading.energy_wh * tan(acos(car.power_factor)), abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(cars, some.floats(6, 32), some.integers(0, 2**64))
def test_energy_is_the_integral_of_the_power(car: CarSpec, offered_a: float, seed: int) -> None:
    """Simpson's rule over ten minutes, cut where the car changes its current, agrees with the register."""
    world = World(seed=seed)
    world.charge(car, offered_a)
    start_wh, integral_wh, end = world.outlet.energy_wh, 0.0, world.now + 600
    while world.now < end:
        stop = min(end, world.now + 10, world.station.next_wake() or end)
        step_s = (stop - world.now) / 2
        before_w = world.outlet.power_w
        world.let_pass(step_s)
        middle_w = world.outlet.power_w
        world.outlet.advance(world.now + step_s * (1 - 1e-9))
        after_w = world.outlet.power_w
        integral_wh += step_s / 3 * (before_w + 4 * middle_w + after_w) / 3600
        world.now = stop
        world.let_pass(0)
    assert world.outlet.energy_wh - start_wh == pytest.approx(integral_wh, rel=1e-6, abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(cars, some.floats(6, 32), some.floats(0, 100_000))
def test_the_battery_gets_what_the_meter_counted_less_the_losses(car: CarSpec, offered_a: float, wait_s: float) -> None:
    world = World()
    world.charge(car, offered_a)
    world.let_pass(wait_s)
    gained_wh = (world.outlet.soc or 0.0) - car.soc_percent
    assert gained_wh / 100 * car.battery_wh == pytest.approx(world.outlet.energy_wh * car.efficiency, abs=1e-3)


@pytest.mark.parametrize(
    "car", [car for car in CARS.values() if car.ready and not car.asleep], ids=lambda car: car.name
)
def test_a_full_car_stops_by_itself(car: CarSpec) -> None:
    world = World()
    world.charge(car, 32)
    currents_a: list[float] = []
    while (due := world.station.next_wake()) is not None:
        assert len(currents_a) < 100, "a step of half a percent at most"
        world.now = due
        world.let_pass(0)
        currents_a.append(max(world.outlet.current_a))
    assert world.now < 24 * 3600
    assert world.outlet.soc == pytest.approx(car.target_soc, abs=1e-5)
    assert currents_a == sorted(currents_a, reverse=True), "the current only falls as the battery fills"
    assert currents_a[-1] == 0
    assert world.station.take()[-1] == PilotChanged(1, "B")
    assert world.outlet.closed, "the contactor is the station's business"


def test_the_taper_begins_at_the_knee(world: World) -> None:
    world.charge(CarSpec(soc_percent=79), 16)
    for _ in range(2):
        assert max(world.outlet.current_a) == 16
        world.now = world.station.next_wake() or 0.0
        world.let_pass(0)
    assert 15 < max(world.outlet.current_a) < 16
    assert world.outlet.soc == pytest.approx(80.5, abs=1e-5)


@pytest.mark.parametrize("target_soc", [50, 80, 80.2, 90])
def test_a_car_stops_at_its_own_target(world: World, target_soc: float) -> None:
    world.charge(CarSpec(target_soc=target_soc))
    world.let_pass(24 * 3600)
    assert world.outlet.soc == pytest.approx(target_soc, abs=1e-5)
    assert world.pilot() == "B"


def test_a_full_car_wakes_when_it_wants_more(world: World) -> None:
    world.charge(CarSpec(soc_percent=80, target_soc=80))
    assert world.pilot() == "B"
    world.station.set_car(1, world.now, target_soc=90)
    world.let_pass(1)
    assert world.pilot() == "C"
    assert world.power_w() > 10_000


@pytest.mark.parametrize(("phases", "lines"), [(1, (16, 0, 0)), (2, (16, 16, 0)), (3, (16, 16, 16))])
@pytest.mark.parametrize("wired", [1, 3])
def test_a_car_draws_on_the_phases_it_and_the_outlet_have(phases: int, lines: tuple[int, int, int], wired: int) -> None:
    world = World(msgspec.structs.replace(SOCKET, phases=wired))
    world.charge(CarSpec(phases=phases))
    assert list(world.outlet.current_a) == list(lines if wired == 3 else (16, 0, 0))
    assert [volt > 0 for volt in world.outlet.voltage_v] == [True, wired == 3, wired == 3]


def test_load_pulls_the_voltage_down(world: World) -> None:
    world.charge(CarSpec(phases=1), 16)
    free = world.station.mains
    loaded_v, *others_v = world.outlet.voltage_v
    assert loaded_v == pytest.approx(free.voltage_v(0, world.now) - 16 * 0.05)
    assert others_v == [free.voltage_v(1, world.now), free.voltage_v(2, world.now)]


@settings(deadline=None)
@given(some.integers(0, 2**64), some.integers(0, 2), some.floats(0, 1e7), some.floats(0, 1e5))
def test_the_voltage_moves_smoothly_and_its_integral_is_exact(
    seed: int, phase: int, start: float, length_s: float
) -> None:
    mains, middle, end = Mains(seed), start + length_s / 3, start + length_s
    assert abs(mains.voltage_v(phase, start) - mains.voltage_v(phase, start + 1)) < 0.05
    whole = mains.volt_seconds(phase, start, end)
    assert whole == pytest.approx(
        mains.volt_seconds(phase, start, middle) + mains.volt_seconds(phase, middle, end), abs=1e-4
    )
    assert 227 * length_s - 1e-6 <= whole <= 233 * length_s + 1e-6


def test_the_same_seed_is_the_same_mains_and_another_is_another() -> None:
    assert Mains(7).voltage_v(1, 99) == Mains(7).voltage_v(1, 99) != Mains(8).voltage_v(1, 99)
    assert len({Mains(seed).voltage_v(0, 0) for seed in range(100)}) == 100


def test_the_outlet_warms_under_load_and_cools_again(world: World) -> None:
    world.charge(CarSpec(max_current_a=32, soc_percent=0), 32)
    world.let_pass(1800)
    warm_c = world.outlet.temperature_c
    world.let_pass(1800)
    hot_c = world.outlet.temperature_c
    world.station.do(OfferCurrent(1, 0), world.now)
    world.let_pass(7200)
    assert 20 < world.outlet.temperature_c < 21 < warm_c < hot_c < 51


def test_only_a_direct_current_plug_tells_the_state_of_charge() -> None:
    for spec, told in ((SOCKET, False), (DC, True)):
        world = World(spec)
        world.charge(CarSpec())
        assert (world.outlet.reading.soc_percent is not None) == told
        assert world.outlet.soc == pytest.approx(40, abs=0.1)


def test_the_main_meter_is_the_sum_of_the_others() -> None:
    world = World(SOCKET, SOCKET, register_wh=100)
    world.charge(CarSpec())
    world.let_pass(600)
    station = world.station
    for number in range(3):
        station.do(ReadMeter(number, ticket=number), world.now)
    main, first, second = (fact.reading for fact in station.take() if isinstance(fact, MeterRead))
    assert main
    assert first
    assert second
    assert main.energy_wh == first.energy_wh + second.energy_wh
    assert main.current_a == first.current_a
    assert sum(main.power_w) == sum(first.power_w)
    assert main.power_factor == pytest.approx(first.power_factor)
    station.mute_meter(2, True)
    station.do(ReadMeter(0, 9), world.now)
    assert station.take() == [MeterRead(0, 9, None)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"battery_wh": 0}, {"battery_wh": float("inf")}, {"battery_wh": float("nan")},
        {"soc_percent": 101}, {"target_soc": -1}, {"phases": 4}, {"max_current_a": 0},
        {"min_current_a": 5}, {"efficiency": 0}, {"power_factor": 1.1}, {"curve": ((0, 1), (90, 1))},
    ],
    ids=lambda wrong: next(iter(wrong)),
)  # fmt: skip
def test_a_car_that_cannot_be_is_refused_by_field(world: World, wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        CarSpec(**wrong)  # type: ignore[arg-type]
    world.charge(CarSpec())
    with pytest.raises(ValueError, match=next(iter(wrong))):
        world.station.set_car(1, world.now, **wrong)
    assert world.outlet.car == CarSpec(), "a refused change changes nothing"


# --- what an outlet is metered by ------------------------------------------------------------------------------------


def test_current_transformers_count_apparent_energy_however_often_they_are_looked_at() -> None:
    """Commissioning guide of the EVlink family, Meters: the power factor is not taken into account."""
    often, once = World(SOCKET), World(SOCKET)
    for world in (often, once):
        world.station.do(MeterBy(1, 235.0), world.now)
        world.charge(CARS["Compact"])
    for _ in range(600):
        often.let_pass(1)
    once.let_pass(600)
    assert often.outlet.energy_wh == pytest.approx(once.outlet.energy_wh)
    assert once.outlet.soc == often.outlet.soc, "the battery knows nothing of it"
    current_a = once.outlet.current_a
    assert once.outlet.reading.power_w == tuple(235.0 * ampere for ampere in current_a)
    assert once.outlet.stand[0] == once.outlet.energy_wh == once.outlet.reading.energy_wh
    check.check_meter(SimulatedMeter(once.outlet, once.clock), NeverSilent(once))


class NeverSilent:
    """A bench on which the meter is silent by its power meter only."""

    def __init__(self, world: World) -> None:
        self.world = world

    def let_pass(self, seconds: float) -> None:
        self.world.let_pass(seconds)

    def ask(self, what: Request) -> None:
        silent = what == "make the meter silent"
        self.world.station.do(MeterBy(1, None if silent else 235.0), self.world.now)
        self.world.station.mute_meter(1, silent)


# --- more than is offered --------------------------------------------------------------------------------------------


def test_a_car_that_draws_too_much_is_told_after_its_time_to_follow_the_last_offer(world: World) -> None:
    world.charge(msgspec.structs.replace(CARS["Compact"], overdraws=1.5), offered_a=10)
    world.station.do(OfferCurrent(1, 8), world.now)
    world.let_pass(3)
    world.station.do(OfferCurrent(1, 6), world.now)
    assert Overdrawn(1) not in world.facts_after(5)
    assert world.facts_after(1) == [Overdrawn(1)]
    assert not world.facts_after(100)
