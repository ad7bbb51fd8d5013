"""The world of the port tests: outlets as product files describe them, and hands that do what a check asks."""

from collections.abc import Callable

from chargepost.catalogue.model import ConnectorSpec
from chargepost.drivers.car import CARS, CarSpec
from chargepost.drivers.check import Request
from chargepost.drivers.instruments import SimulatedInputs, SimulatedReader
from chargepost.drivers.simulated import SimulatedStation
from chargepost.signals import Fact, OfferCurrent, SwitchPower

SOCKET = ConnectorSpec(kind="T2S")
CABLE = ConnectorSpec(kind="cable", lock=False)
DOMESTIC = ConnectorSpec(kind="TE", phases=1, max_current_a=10, lock=False)
DC = ConnectorSpec(kind="CCS2", max_current_a=63)

SLEEPER = CarSpec(name="sleeper", battery_wh=60_000, asleep=True)


class World:
    """One simulated station, its clock, and the hands of a bench."""

    def __init__(self, *connectors: ConnectorSpec, register_wh: float = 0.0, seed: int = 1) -> None:
        self.now = 0.0
        specs = connectors or (SOCKET,)
        self.station = SimulatedStation(specs, seed=seed, register_wh=(register_wh,) * len(specs))
        self.outlet = self.station.connectors[0]
        self.reader = SimulatedReader()
        self.inputs = SimulatedInputs("door", "tilt")

    def clock(self) -> float:
        return self.now

    def pilot(self) -> str:
        return self.outlet.pilot

    def power_w(self) -> float:
        return self.outlet.power_w

    def let_pass(self, seconds: float) -> None:
        self.now += seconds
        self.station.advance(self.now)

    def ask(self, what: Request) -> None:
        hands: dict[Request, Callable[[], object]] = {
            "unplug the car": lambda: self.station.unplug(1, self.now),
            "plug in a ready car": lambda: self.station.plug_in(1, CARS["Compact"], self.now),
            "plug in a car that sleeps": lambda: self.station.plug_in(1, SLEEPER, self.now),
            "let the car draw a fifth more than it is offered": lambda: self.station.set_car(
                1, self.now, max_current_a=32, overdraws=1.2
            ),
            "make the meter silent": lambda: self.station.mute_meter(1, True),
            "let the meter speak again": lambda: self.station.mute_meter(1, False),
            "present a badge": lambda: self.reader.present("04A1B2C3"),
            "change one input": lambda: self.inputs.set("door", True),
            "pull the modem's cable": lambda: self.station.set_input("modem", False),
            "put the modem's cable back": lambda: self.station.set_input("modem", True),
        }
        hands[what]()

    def charge(self, car: CarSpec, offered_a: float = 16.0, cable_rating_a: float = 32.0) -> None:
        """A car is plugged, offered and powered; its reactions are over and the facts taken."""
        assert self.station.plug_in(1, car, self.now, cable_rating_a)
        self.station.do(OfferCurrent(1, offered_a), self.now)
        self.let_pass(1)
        self.station.do(SwitchPower(1, True), self.now)
        self.let_pass(1)
        self.station.take()

    def facts_after(self, seconds: float) -> list[Fact]:
        self.let_pass(seconds)
        return self.station.take()
