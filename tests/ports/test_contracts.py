"""Each port keeps its contract (design, drivers/check.py), and each check refuses an instrument that breaks it."""

from collections.abc import Mapping

import msgspec
import pytest

from chargepost.catalogue.model import ConnectorSpec
from chargepost.drivers import check
from chargepost.drivers.car import CARS, CarSpec
from chargepost.drivers.instruments import (
    SimulatedContactor,
    SimulatedInputs,
    SimulatedLights,
    SimulatedLock,
    SimulatedMeter,
    SimulatedPilot,
    SimulatedReader,
)
from chargepost.drivers.ports import Hardware
from chargepost.signals import ModemState, PilotState, Reading

from .world import CABLE, DC, World


def test_the_simulated_station_is_hardware_to_a_carrier(world: World) -> None:
    hardware: Hardware = world.station
    assert hardware.take() == []


@pytest.mark.parametrize("spec", [CABLE, DC], ids=lambda spec: spec.kind)
def test_pilot_of_an_attached_cable(spec: ConnectorSpec) -> None:
    world = World(spec)
    check.check_pilot(SimulatedPilot(world.outlet, world.clock), world)


def test_pilot_of_a_socket(world: World) -> None:
    check.check_pilot(SimulatedPilot(world.outlet, world.clock), world)


def test_the_whole_station(world: World) -> None:
    check.check_hardware(world.station, world, world.clock)


def test_contactor(world: World) -> None:
    check.check_contactor(SimulatedContactor(world.outlet, world.clock), world)


def test_lock(world: World) -> None:
    world.station.plug_in(1, None, world.now)
    check.check_lock(SimulatedLock(world.outlet, world.clock), world)


@pytest.mark.parametrize("car", CARS.values(), ids=lambda car: car.name)
def test_meter(world: World, car: CarSpec) -> None:
    world.charge(car)
    check.check_meter(SimulatedMeter(world.outlet, world.clock), world)


def test_meter_without_load(world: World) -> None:
    check.check_meter(SimulatedMeter(world.outlet, world.clock), world)


def test_reader(world: World) -> None:
    check.check_reader(world.reader, world)


def test_lights(world: World) -> None:
    check.check_lights(SimulatedLights(world.outlet))


def test_inputs(world: World) -> None:
    check.check_inputs(world.inputs, world)


# --- the checks bite ---


def test_a_pilot_that_takes_any_current_is_refused(world: World) -> None:
    class Takes(SimulatedPilot):
        def offer(self, current_a: float) -> None:
            super().offer(current_a if current_a == 0 or 6 <= current_a <= 80 else 6)

    with pytest.raises(AssertionError, match="refused with ValueError"):
        check.check_pilot(Takes(world.outlet, world.clock), world)


def test_a_pilot_that_hangs_in_c_is_refused(world: World) -> None:
    class Hangs(SimulatedPilot):
        seen: PilotState = "A"

        def state(self) -> PilotState:
            self.seen = "C" if self.seen == "C" else super().state()
            return self.seen

    with pytest.raises(AssertionError, match="offered 0 A"):
        check.check_pilot(Hangs(world.outlet, world.clock), world)


def test_a_pulse_that_wakes_nobody_is_found(world: World) -> None:
    class Still(SimulatedPilot):
        def pulse(self, lasts_s: float) -> None: ...

    with pytest.raises(AssertionError, match="wakes the car"):
        check.check_pilot(Still(world.outlet, world.clock), world)


@pytest.mark.parametrize(("factor", "why"), [(1.5, "nobody says so"), (0.5, "told to draw more")])
def test_a_station_that_misjudges_what_a_car_draws_is_found(
    world: World, monkeypatch: pytest.MonkeyPatch, factor: float, why: str
) -> None:
    monkeypatch.setattr("chargepost.drivers.outlet.OVERDRAWN", factor)
    with pytest.raises(AssertionError, match=why):
        check.check_hardware(world.station, world, world.clock)


def test_a_welded_contactor_is_found(world: World) -> None:
    world.station.weld(1, True)
    with pytest.raises(AssertionError, match="told False, found True"):
        check.check_contactor(SimulatedContactor(world.outlet, world.clock), world)


def test_a_jammed_lock_is_found(world: World) -> None:
    world.station.jam_lock(1, True)
    with pytest.raises(AssertionError, match="told True, found False"):
        check.check_lock(SimulatedLock(world.outlet, world.clock), world)


class Faulty(SimulatedMeter):
    """A meter whose next readings differ from the truth."""

    def __init__(self, world: World, *changes: dict[str, object], hides: bool = False) -> None:
        super().__init__(world.outlet, world.clock)
        self.changes = list(changes)
        self.hides = hides
        self.outlet = world.outlet

    def read(self) -> Reading:
        reading = self.outlet.reading if self.hides else super().read()
        return msgspec.structs.replace(reading, **self.changes.pop(0)) if self.changes else reading


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (({"energy_wh": 900_000.0}, {}), "the register fell"),
        (({}, {"energy_wh": 900_000.0}), "Wh for"),
        (({"power_w": (1.0, 1.0, 1.0)},), "U I pf"),
        (({}, {}, {"energy_wh": 1.0}), "over a silence"),
        (({"reactive_varh": 1e6},), "reactive register fell"),
    ],
)
def test_a_meter_that_lies_is_refused(world: World, changes: tuple[dict[str, object], ...], why: str) -> None:
    world.charge(CARS["Compact"])
    with pytest.raises(AssertionError, match=why):
        check.check_meter(Faulty(world, *changes), world)


def test_a_meter_that_answers_for_a_silent_one_is_refused(world: World) -> None:
    with pytest.raises(AssertionError, match="OSError"):
        check.check_meter(Faulty(world, hides=True), world)


def test_a_reader_that_repeats_a_badge_is_refused(world: World) -> None:
    class Repeats(SimulatedReader):
        def badge(self) -> str | None:
            badge = super().badge()
            self._badge = "again" if badge == "04A1B2C3" else None
            return badge

    world.reader = Repeats()
    with pytest.raises(AssertionError, match="told once"):
        check.check_reader(world.reader, world)


def test_lights_that_take_any_intensity_are_refused() -> None:
    class Takes:
        def show(self, light: str, intensity_percent: int) -> None: ...

    with pytest.raises(AssertionError, match="intensity of -1 %"):
        check.check_lights(Takes())


def test_an_input_that_crosses_to_another_is_refused(world: World) -> None:
    class Crosses(SimulatedInputs):
        def read(self) -> Mapping[str, bool]:
            return dict.fromkeys(super().read(), any(super().read().values()))

    world.inputs = Crosses("door", "tilt")
    with pytest.raises(AssertionError, match="one input was changed"):
        check.check_inputs(world.inputs, world)


# --- a modem ---------------------------------------------------------------------------------------------------------


class BrokenModem:
    """Does not notice its cable."""

    def __init__(self, *states: ModemState) -> None:
        self.states = iter(states)

    def read(self) -> ModemState:
        return next(self.states)


GOOD = ModemState(20, "203.0.113.1", "10.94.1.1", "10.4.0.240")


def test_modem(world: World) -> None:
    check.check_modem(world.station.modem, world)


@pytest.mark.parametrize(
    ("states", "why"),
    [
        ((GOOD, GOOD, GOOD), "OSError"),
        ((msgspec.structs.replace(GOOD, rssi=99),), "a signal of 99"),
    ],
)
def test_a_modem_that_breaks_its_contract_is_found(world: World, states: tuple[ModemState, ...], why: str) -> None:
    with pytest.raises(AssertionError, match=why):
        check.check_modem(BrokenModem(*states), world)
