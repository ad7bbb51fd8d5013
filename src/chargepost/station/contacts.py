"""Wired contacts and sensors: which there are, what each is for now, and whether it is active (product file).

A contact is closed or open; whether that means active is its setting (normally open or normally closed). Where several
connectors have one of a name, `load_shedding` is that of connector 1 and `load_shedding_2` that of connector 2.
"""

from collections.abc import Iterator

from chargepost.catalogue.model import InputSpec
from chargepost.station.core import Core

CLOSED_AT_REST = frozenset({"false", "Normally closed"})
"""Values of a normally_key."""

SHED, HOLD, CONDITION, DETECT = "shed", "hold", "condition", "detect"


def names(core: Core) -> Iterator[str]:
    """Every input of the station, as it is named."""
    for name, spec in core.model.inputs.items():
        yield from (wire(name, n) for n in range(1, (core.settings.connectors if spec.each else 1) + 1))


def wire(name: str, connector: int) -> str:
    return name if connector == 1 else f"{name}_{connector}"


def find(core: Core, wired: str) -> tuple[InputSpec, int] | None:
    """What a name means: its row, and the connector (0 for one of the whole station). None for no input of ours."""
    spec, number = core.model.inputs.get(wired), "1"
    if spec is None:
        stem, _, number = wired.rpartition("_")
        spec = core.model.inputs.get(stem)
        if spec is None or not spec.each or number not in map(str, range(1, core.settings.connectors + 1)):
            return None
    return spec, int(number) if spec.each else 0


def is_wired(core: Core, spec: InputSpec, connector: int) -> bool:
    """The contact is used for this at all."""
    return not spec.function_key or core.settings.own(spec.function_key, connector or 1) == spec.function


def is_active(core: Core, spec: InputSpec, connector: int) -> bool:
    if not is_wired(core, spec, connector):
        return False
    closed = wire(spec.name, connector or 1) in core.inputs
    return closed != (
        bool(spec.normally_key) and core.settings.own(spec.normally_key, connector or 1) in CLOSED_AT_REST
    )


def any_active(core: Core, does: str, connector: int) -> bool:
    """A contact of this connector, or of the whole station, that does this is active."""
    return any(
        spec.does == does and is_active(core, spec, connector if spec.each else 0)
        for spec in core.model.inputs.values()
    )


def unmet(core: Core, connector: int) -> bool:
    """A condition of the start is wired and not fulfilled."""
    return any(
        spec.does == CONDITION and is_wired(core, spec, connector) and not is_active(core, spec, connector)
        for spec in core.model.inputs.values()
    )
