"""A station with real instruments behind the ports of drivers/ports.py; what it has none of stays simulated."""

from typing import TypeVar

from chargepost import signals as sig
from chargepost.catalogue.model import ConnectorSpec
from chargepost.drivers.instruments import SimulatedInputs, SimulatedReader
from chargepost.drivers.ports import Hardware
from chargepost.drivers.real.instrument import NotHeardYet
from chargepost.drivers.real.station import FittedStation, Fittings

from .world import DOMESTIC, SOCKET

NOW = 100.0
READING = sig.Reading(5000.0, (10.0, 0.0, 0.0), (231.0, 0.0, 0.0), (2300.0, 0.0, 0.0))

T = TypeVar("T")


class Coil:
    """A contactor whose contact is where we put it; None: nobody answers."""

    def __init__(self) -> None:
        self.sent: list[bool] = []
        self.at: bool | None = False

    def switch(self, on: bool) -> None:
        self.sent.append(on)

    def closed(self) -> bool:
        return said(self.at)


class Says:
    """A meter, a TIC or a reader that says what we put; None: nobody answers; an error is raised."""

    def __init__(self, value: object = None) -> None:
        self.value = value

    def read(self) -> object:
        return said(self.value)


class Lamp:
    def __init__(self) -> None:
        self.shown: list[tuple[str, int]] = []

    def show(self, light: str, intensity_percent: int) -> None:
        self.shown.append((light, intensity_percent))


def said(value: T | None) -> T:
    if isinstance(value, Exception):
        raise value
    if value is None:
        raise OSError("nobody answers")
    return value


def station(fittings: Fittings, *outlets: ConnectorSpec) -> FittedStation:
    made = FittedStation(fittings, outlets or (SOCKET,))
    made.advance(NOW)
    made.take()
    return made


def facts(hardware: FittedStation, now: float = NOW + 1) -> list[sig.Fact]:
    hardware.advance(now)
    return hardware.take()


def test_it_is_hardware_to_a_carrier() -> None:
    hardware: Hardware = station(Fittings())
    assert hardware.take() == []


def test_the_contactor_is_where_its_auxiliary_contact_says() -> None:
    coil = Coil()
    hardware = station(Fittings(contactors={1: coil}))
    hardware.do(sig.SwitchPower(1, True), NOW)
    assert coil.sent == [True]
    assert facts(hardware, NOW + 5) == [], "sent is not arrived"
    coil.at = True
    hardware.advance(NOW + 6)
    assert facts(hardware, NOW + 7) == [sig.PowerSwitched(1, True)]
    coil.at = False
    hardware.advance(NOW + 8)
    assert facts(hardware, NOW + 9) == [sig.PowerSwitched(1, False)], "a breaker has tripped"


def test_a_power_cut_opens_a_real_contactor_too() -> None:
    coil = Coil()
    hardware = station(Fittings(contactors={1: coil}))
    hardware.power_cut(NOW)
    assert coil.sent == [False]
    hardware.do(sig.SwitchPower(1, True), NOW)
    assert coil.sent == [False], "without mains nothing is done"


def test_an_instrument_that_falls_silent_is_a_fault_once_until_it_speaks() -> None:
    coil, reader = Coil(), Says()
    hardware = station(Fittings(contactors={1: coil}, reader=Reads(reader), reader_error="9.0"))
    coil.at = None
    assert facts(hardware) == [sig.FaultRaised(1, "PowerSwitchFailure")]
    assert facts(hardware) == []
    coil.at, reader.value = False, "A1"
    assert facts(hardware) == [
        sig.FaultCleared(1, "PowerSwitchFailure"), sig.FaultCleared(0, "9.0"), sig.BadgePresented("A1"),
    ]  # fmt: skip


class Reads:
    def __init__(self, says: Says) -> None:
        self.says = says

    def badge(self) -> str | None:
        return str(self.says.read())


def test_what_was_never_heard_is_not_missed_yet() -> None:
    meter, tic = Says(NotHeardYet("not yet")), Says(NotHeardYet("not yet"))
    hardware = station(Fittings(meters={1: meter}, tic=tic))  # type: ignore[dict-item,arg-type]
    assert facts(hardware) == []
    meter.value = tic.value = None
    assert facts(hardware) == [sig.MeterRead(1, 0, None), sig.TicRead(None)]


def test_a_real_meter_that_sees_more_than_is_offered_says_so_once() -> None:
    """After the time that a car has to follow each offer; what it measures is asked for by the station."""
    meter = Says(READING)
    hardware = station(Fittings(meters={1: meter}))  # type: ignore[dict-item]
    hardware.do(sig.OfferCurrent(1, 10), NOW)
    assert not facts(hardware, NOW + 100), "what is offered"
    hardware.do(sig.OfferCurrent(1, 8), NOW + 100)
    assert not facts(hardware, NOW + 100)
    hardware.do(sig.OfferCurrent(1, 6), NOW + 103)
    assert not facts(hardware, NOW + 103)
    assert not facts(hardware, NOW + 107), "four seconds after the last offer"
    assert facts(hardware, NOW + 109) == [sig.Overdrawn(1)]
    assert not facts(hardware, NOW + 200), "once"
    hardware.do(sig.OfferCurrent(1, 0), NOW + 201)
    assert not facts(hardware, NOW + 300), "who opens the contactor is mode3.py"


def test_a_meter_that_is_real_is_the_one_that_is_read_and_shown() -> None:
    meter = Says(READING)
    hardware = station(Fittings(meters={2: meter}), SOCKET, SOCKET)  # type: ignore[dict-item]
    hardware.do(sig.ReadMeter(2, 7), NOW)
    hardware.do(sig.ReadMeter(1, 8), NOW)
    hardware.do(sig.ReadMeter(0, 9), NOW)
    second, first, main = hardware.take()
    assert second == sig.MeterRead(2, 7, READING)
    assert isinstance(first, sig.MeterRead)
    assert first.reading
    assert first.reading.energy_wh == 0, "that of connector 1 is simulated"
    assert isinstance(main, sig.MeterRead)
    assert main.reading
    assert main.reading.energy_wh == 5000, "the main meter adds up"
    assert hardware.shown(2) == (2300.0, 5000.0)
    meter.value = None
    assert facts(hardware) == [sig.MeterRead(2, 0, None)]
    hardware.do(sig.ReadMeter(0, 10), NOW)
    assert hardware.take() == [sig.MeterRead(0, 10, None)]
    assert hardware.shown(2) == (0.0, 5000.0)


def test_r_313_the_phases_of_a_real_meter_are_those_at_the_terminals() -> None:
    """Commissioning guide, Meters: how the meter and the terminals are connected to the network."""
    reading = sig.Reading(5000.0, (1.0, 2.0, 3.0), (231.0, 232.0, 233.0), (100.0, 200.0, 300.0))
    hardware = station(Fittings(meters={1: Says(reading)}))  # type: ignore[dict-item]
    hardware.do(sig.MeterBy(1, None, (2, 0, 1), at=(99, 131)), NOW)  # the site file says where it is
    assert hardware.take() == []
    read = hardware.read_meter(1)
    assert read
    assert (read.current_a, read.voltage_v, read.power_w) == (
        (3.0, 1.0, 2.0), (233.0, 231.0, 232.0), (300.0, 100.0, 200.0),
    )  # fmt: skip


def test_badges_inputs_and_buttons_become_facts_and_are_told_again() -> None:
    reader = SimulatedReader()
    inputs = SimulatedInputs("emergency_stop", "load_shedding", "key")
    hardware = station(Fittings(inputs=[inputs], reader=reader))
    reader.present("04A1B2C3")
    inputs.set("emergency_stop", True)
    inputs.set("load_shedding", True)
    inputs.set("key", True)
    assert facts(hardware) == [
        sig.ButtonPressed("emergency_stop"), sig.InputChanged("load_shedding", True), sig.ButtonPressed("key"),
        sig.BadgePresented("04A1B2C3"),
    ]  # fmt: skip
    assert hardware.locked
    hardware.tell_again()
    assert {type(each) for each in facts(hardware)} >= {sig.ButtonPressed, sig.InputChanged}
    inputs.set("load_shedding", False)
    assert facts(hardware) == [sig.InputChanged("load_shedding", False)]


def test_the_plug_of_a_domestic_socket_is_where_its_contact_says() -> None:
    inputs = SimulatedInputs("plug")
    hardware = station(Fittings(inputs=[inputs]), DOMESTIC)
    inputs.set("plug", True)
    assert facts(hardware) == [sig.CableChanged(1, True, 10.0), sig.PilotChanged(1, "C")]
    hardware.tell_again()
    assert sig.CableChanged(1, True, 10.0) in facts(hardware)
    inputs.set("plug", False)
    assert facts(hardware) == [sig.PilotChanged(1, "A"), sig.CableChanged(1, False, 0.0)]


def test_lamps_are_lit_by_connector() -> None:
    first, second = Lamp(), Lamp()
    hardware = station(Fittings(lights={1: [first], 2: [second]}), SOCKET, SOCKET)
    hardware.do(sig.ShowLight(2, "green", 80), NOW)
    hardware.do(sig.ShowLight(0, "off", 100), NOW)
    assert (first.shown, second.shown) == ([("off", 100)], [("green", 80), ("off", 100)])


def test_each_frame_of_the_tic_is_told_and_its_silence_once() -> None:
    frames = [sig.Tic("historic", 30.0, (load_a, 0.0, 0.0)) for load_a in (2.0, 3.0)]
    tic = Says(frames[0])
    hardware = station(Fittings(tic=tic))  # type: ignore[arg-type]
    tic.value = frames[1]
    assert facts(hardware) == [sig.TicRead(frames[1])]
    assert facts(hardware) == []
    tic.value = None
    assert facts(hardware) == [sig.TicRead(None)]
    assert facts(hardware) == []
