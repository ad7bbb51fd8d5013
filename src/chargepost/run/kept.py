"""What of the simulated world outlives the process: where the meters stand, and which car is at which outlet.

It is kept in the station's own memory, under keys that the station does not know, and in the same piece as a reading
that the station keeps: so a register never falls, and a car that was plugged in is still there.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import TypeVar

import msgspec

from chargepost.catalogue.model import Model
from chargepost.drivers.outlet import CABLE_RATINGS_A
from chargepost.drivers.real.station import FittedStation, Fittings
from chargepost.drivers.simulated import CarSpec, SimulatedConnector, SimulatedStation
from chargepost.station.settings import connectors_of

PREFIX = "world/"

KEY_SWITCH = f"{PREFIX}key"
"""Whether the key in front of the station is turned to locked."""

CLOCK = f"{PREFIX}clock"
"""How far the date that somebody set by hand is from the machine's, in seconds: a clock runs on in the dark."""

T = TypeVar("T")


class Outside(msgspec.Struct, frozen=True):
    """One outlet."""

    energy_wh: float
    plugged: bool = False
    cable_rating_a: float = 0.0
    locked: bool = False
    car: CarSpec | None = None
    """As it came."""
    socket: str = ""
    """The kind of the socket in use, where several share the number."""
    soc_percent: float | None = None
    """Of the car, now."""


class _Register(msgspec.Struct):
    """What the station itself keeps of a meter (`meter/<connector>`)."""

    energy_wh: float
    own_wh: float | None = None
    """Of the meter itself, where the station's goes on from an older one."""


def puts(outlets: Iterable[SimulatedConnector]) -> dict[str, bytes]:
    """These outlets as they are at the last advance."""
    return {f"{PREFIX}{outlet.number}": msgspec.json.encode(_seen(outlet)) for outlet in outlets}


def _seen(outlet: SimulatedConnector) -> Outside:
    energy_wh, soc = outlet.stand
    return Outside(energy_wh, outlet.plugged, outlet.cable_rating_a, outlet.locked, outlet.car, outlet.spec.kind, soc)


def key_switch(hardware: SimulatedStation) -> dict[str, bytes]:
    """The key as it stands."""
    return {KEY_SWITCH: msgspec.json.encode(hardware.locked)}


def build(
    model: Model, memory: Mapping[str, bytes], now: float, seed: int, fittings: Fittings | None = None
) -> SimulatedStation:
    """The hardware as it was left, without power in between: contactors open, nothing offered.

    `fittings` are its real instruments; the rest is simulated.
    """
    points = connectors_of(model, memory)
    outsides = [_outside(memory, number) for number in range(1, points + 1)]
    registers = [each.energy_wh for each in outsides]
    make = partial(FittedStation, fittings) if fittings else SimulatedStation
    hardware = make(model.connectors, points=points, seed=seed, register_wh=registers)
    hardware.advance(now)
    for number, outside in enumerate(outsides, 1):
        outlet = hardware.connector(number)
        if outside.plugged and not outlet.plugged:
            kinds = [each.kind for each in outlet.sockets]
            kind = outside.socket if outside.socket in kinds else ""
            rating_a = outside.cable_rating_a if outside.cable_rating_a in CABLE_RATINGS_A else CABLE_RATINGS_A[0]
            hardware.plug_in(number, outside.car, now, rating_a, kind)
        elif outside.car is not None:
            hardware.plug_car(number, outside.car, now)
        outlet.locked = outside.locked and outlet.plugged
    hardware.locked = any(decoded(memory, KEY_SWITCH, bool))
    hardware.take()
    return hardware


def _outside(memory: Mapping[str, bytes], number: int) -> Outside:
    """The higher of what the station and the world remember: the station's reading may be the newer one."""
    stands = [Outside(0.0), *decoded(memory, f"{PREFIX}{number}", Outside)]
    registers = decoded(memory, f"meter/{number}", _Register)
    highest_wh = max(
        [each.energy_wh for each in stands]
        + [each.energy_wh if each.own_wh is None else each.own_wh for each in registers]
    )
    outside = msgspec.structs.replace(stands[-1], energy_wh=highest_wh)
    if outside.car is None or outside.soc_percent is None:
        return outside
    car = msgspec.structs.replace(outside.car, soc_percent=outside.soc_percent)
    return msgspec.structs.replace(outside, car=car)


def decoded(memory: Mapping[str, bytes], key: str, kind: type[T]) -> list[T]:
    """One value or none; what an older program wrote otherwise is forgotten rather than fatal."""
    try:
        return [msgspec.json.decode(memory[key], type=kind)] if key in memory else []
    except msgspec.MsgspecError:
        return []
