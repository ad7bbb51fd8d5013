"""What every driver must do: one check per port, the same for the simulated instrument and for the one on the bench.

A check fails with an AssertionError that says what was promised. On a bench, `ask` prints its sentence and waits for
Enter and `let_pass` sleeps; on the simulated driver both move the world.
"""

from collections.abc import Callable
from ipaddress import IPv4Address
from typing import Final, Literal, Protocol

from chargepost.drivers.ports import Contactor, Hardware, HouseMeter, Inputs, Lights, Lock, Meter, Modem, Pilot, Reader
from chargepost.signals import OfferCurrent, Overdrawn, PilotState, SwitchPower

Request = Literal[
    "unplug the car",
    "plug in a ready car",
    "plug in a car that sleeps",
    "let the car draw a fifth more than it is offered",
    "make the meter silent",
    "let the meter speak again",
    "make the house's meter silent",
    "let the house's meter speak again",
    "present a badge",
    "change one input",
    "pull the modem's cable",
    "put the modem's cable back",
]
"""What hands must do, in words that a person at the bench can follow."""

CAR_S: Final = 5.0
"""A car must have answered a change of the pilot (IEC 61851-1, annex A, table A.6: 3 s for S2, 5 s for the current)."""
MOVES_S: Final = 1.0
"""A contactor or a bolt has arrived."""
PULSE_S: Final = 4.0
METER_S: Final = 60.0
EXACT: Final = 0.02
"""A meter of class 2 may be wrong by 2 % between its own figures."""
RSSI_MOST: Final = 31
"""The strongest signal that modems count (3GPP TS 27.007, 8.5)."""
FLOOR_W: Final = 5.0
"""Rounding of the figures of a small load."""
ID_TAG_MAX: Final = 20
"""CiString20Type of OCPP 1.6."""


class Bench(Protocol):
    """Time and hands."""

    def let_pass(self, seconds: float) -> None: ...
    def ask(self, what: Request) -> None: ...


def check_pilot(pilot: Pilot, bench: Bench) -> None:
    """A without car, B without offer, C or D on an offer, B when it ends, A when the car leaves; a pulse wakes it."""
    refused = [_refuses(pilot, current_a) for current_a in (-1.0, 3.0, 5.9, 81.0, float("nan"))]
    assert all(refused), "currents that no PWM can say are refused with ValueError"
    pilot.offer(0)
    for what, offered_a, states in _VISIT:
        if what:
            bench.ask(what)
        pilot.offer(offered_a)
        bench.let_pass(CAR_S)
        state = pilot.state()
        assert state in states, f"offered {offered_a:g} A, after {what or 'nothing more'}: {states}, not {state}"
    bench.ask("plug in a car that sleeps")
    pilot.offer(16)
    bench.let_pass(CAR_S)
    assert pilot.state() == "B", f"a car that sleeps does not ask: B, not {pilot.state()}"
    pilot.pulse(PULSE_S)
    bench.let_pass(PULSE_S + CAR_S)
    assert pilot.state() in ("C", "D"), (
        f"a pulse of the pilot wakes the car, and it is offered 16 A: not {pilot.state()}"
    )


_VISIT: Final[tuple[tuple[Request | None, float, tuple[PilotState, ...]], ...]] = (
    ("unplug the car", 0, ("A",)),
    (None, 16, ("A",)),
    ("plug in a ready car", 0, ("B",)),
    (None, 6, ("C", "D")),
    (None, 16, ("C", "D")),
    (None, 0, ("B",)),
    ("unplug the car", 0, ("A",)),
)


def _refuses(pilot: Pilot, current_a: float) -> bool:
    try:
        pilot.offer(current_a)
    except ValueError:
        return True
    return False


def check_contactor(contactor: Contactor, bench: Bench) -> None:
    """It goes where it is sent, says where it is, and being sent there again changes nothing."""
    for on in (False, True, True, False, False):
        contactor.switch(on)
        bench.let_pass(MOVES_S)
        assert contactor.closed() == on, f"contactor told {on}, found {contactor.closed()}"


def check_lock(lock: Lock, bench: Bench) -> None:
    """With a cable in the socket: the bolt goes where it is sent and its switch says so."""
    for locked in (False, True, True, False):
        lock.drive(locked)
        bench.let_pass(MOVES_S)
        assert lock.locked() == locked, f"lock told {locked}, found {lock.locked()}"


def check_meter(meter: Meter, bench: Bench) -> None:
    """Under any load: the register never falls and grows by the power, and silence is an OSError, not a zero."""
    before = meter.read()
    bench.let_pass(METER_S)
    after = meter.read()
    for reading in (before, after):
        apparent_w = zip(reading.voltage_v, reading.current_a, reading.power_w, strict=True)
        for phase, (volt, ampere, watt) in enumerate(apparent_w, 1):
            expected_w = volt * ampere * reading.power_factor
            assert abs(watt - expected_w) <= FLOOR_W + EXACT * expected_w, f"L{phase}: {watt} W, U I pf {expected_w} W"
        assert 0 < reading.power_factor <= 1, f"power factor {reading.power_factor}"
    assert after.energy_wh >= before.energy_wh >= 0, f"the register fell: {before.energy_wh} to {after.energy_wh} Wh"
    assert after.reactive_varh >= before.reactive_varh, "the reactive register fell"
    most_wh = max(sum(before.power_w), sum(after.power_w)) * METER_S / 3600
    least_wh = min(sum(before.power_w), sum(after.power_w)) * METER_S / 3600
    grown_wh = after.energy_wh - before.energy_wh
    slack_wh = 1 + EXACT * most_wh
    assert least_wh - slack_wh <= grown_wh <= most_wh + slack_wh, f"{grown_wh} Wh for {least_wh} to {most_wh} Wh"
    bench.ask("make the meter silent")
    assert _is_silent(meter), "a silent meter is told with OSError"
    bench.ask("let the meter speak again")
    assert meter.read().energy_wh >= after.energy_wh, "the register fell over a silence"


def check_house_meter(meter: HouseMeter, bench: Bench) -> None:
    """Something is subscribed, nothing is drawn on a phase that there is not, and silence is an OSError, not a zero."""
    said = meter.read()
    assert said.subscribed_a > 0, "nothing is subscribed"
    assert said.phases in (1, 3), f"{said.phases} phases"
    assert all(load_a >= 0 for load_a in said.load_a), f"a house draws, it does not give: {said.load_a}"
    assert not any(said.load_a[said.phases :]), f"{said.phases} phases, yet {said.load_a} is drawn"
    bench.ask("make the house's meter silent")
    assert _is_silent(meter), "a silent meter is told with OSError"
    bench.ask("let the house's meter speak again")
    assert meter.read().subscribed_a > 0, "nothing is subscribed any more"


def _is_silent(instrument: Meter | Modem | HouseMeter) -> bool:
    try:
        instrument.read()
    except OSError:
        return True
    return False


def check_hardware(hardware: Hardware, bench: Bench, now: Callable[[], float]) -> None:
    """A car that draws what it is offered is not told of; one that draws more is, once, within its time to follow."""

    def told(seconds: float) -> int:
        bench.let_pass(seconds)
        hardware.advance(now())
        return hardware.take().count(Overdrawn(1))

    bench.ask("plug in a ready car")
    for offered_a in (16.0, 10.0):
        hardware.do(OfferCurrent(1, offered_a), now())
        hardware.do(SwitchPower(1, True), now())
        assert not told(2 * CAR_S), f"the car takes the {offered_a:g} A it is offered, and is told to draw more"
    bench.ask("let the car draw a fifth more than it is offered")
    assert told(CAR_S + MOVES_S) == 1, "a car draws more than it is offered, and nobody says so in time"
    assert not told(2 * CAR_S), "it is told once"
    hardware.do(SwitchPower(1, False), now())


def check_modem(modem: Modem, bench: Bench) -> None:
    """An address to be reached at and a signal; without its cable an OSError, and the same modem after it."""
    before = modem.read()
    assert 0 <= before.rssi <= RSSI_MOST, f"a signal of {before.rssi} is none that modems count"
    for address in (before.public_ip, before.sim_ip, before.dns):
        IPv4Address(address)
    bench.ask("pull the modem's cable")
    assert _is_silent(modem), "a modem without cable is told with OSError"
    bench.ask("put the modem's cable back")
    assert modem.read().public_ip == before.public_ip, "it is another modem"


def check_reader(reader: Reader, bench: Bench) -> None:
    """Nothing, then one badge, once."""
    while reader.badge() is not None:
        pass
    bench.ask("present a badge")
    badge = reader.badge()
    assert badge, "a presented badge is told"
    assert len(badge) <= ID_TAG_MAX, f"{badge!r} does not fit an idTag of {ID_TAG_MAX} characters"
    assert reader.badge() is None, "a badge is told once"


def check_lights(lights: Lights) -> None:
    """The usual words at any intensity, and no more than all of it."""
    for light in ("off", "green", "green blinking", "blue", "blue blinking", "red", "red blinking"):
        for intensity_percent in (0, 50, 100):
            lights.show(light, intensity_percent)
    for intensity_percent in (-1, 101):
        try:
            lights.show("green", intensity_percent)
        except ValueError:
            continue
        raise AssertionError(f"an intensity of {intensity_percent} % is refused with ValueError")


def check_inputs(inputs: Inputs, bench: Bench) -> None:
    """The names stay, and exactly the input that was changed changes."""
    before = dict(inputs.read())
    assert dict(inputs.read()) == before, "nothing changed, yet something reads otherwise"
    bench.ask("change one input")
    after = dict(inputs.read())
    assert after.keys() == before.keys(), "the names of the inputs changed"
    changed = [name for name in before if before[name] != after[name]]
    assert len(changed) == 1, f"one input was changed, {changed} read otherwise"
