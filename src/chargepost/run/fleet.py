"""A fleet on real sockets, from a scenario: its stations, the cars that come to them, and how it begins."""

import random
from collections.abc import Mapping, Sequence

import msgspec

from chargepost.catalogue.model import Model
from chargepost.fleet.scenario import People, Scenario
from chargepost.fleet.world import assign
from chargepost.run.given import judge
from chargepost.run.quantities import Duration
from chargepost.run.site import BadgePart, Site, StationPart, SupervisionPart, VisitorsPart

STATIONS, MODEL = 200, "evlink-pro-ac"
"""Unless told."""

TURN_S, STAY_S = 1200.0, 120.0
"""From one car to the next at a connector, and how long each stays: a tenth of the connectors have one."""

STARTS_PER_S = 1_000
"""Stations switched on in a second, unless told: what one process connects and boots while it does other things."""

DAY_S = 86_400.0
VARIES = (0.5, 1.5)
"""Stays and pauses, against their mean."""
PAUSE_MIN_S = 1.0

DEFAULT = Scenario(
    stations=STATIONS,
    models={MODEL: 1.0},
    hours=24.0,
    ramp_s=0.0,
    heartbeat_interval_s=300,
    people=People(visits_per_day=DAY_S / TURN_S, stay_s=STAY_S),
)
"""Without a scenario."""


def site(plan: Scenario, supervision: str, settings: Mapping[str, str]) -> Site:
    """Its stations at this central system; without one, at ours in the same process.

    `settings` are for every station, and refused where a product has no such key; those of the scenario are for the
    products that have them. Raises Unfit.
    """
    dice = random.Random(plan.seed)  # noqa: S311 - the same fleet each time
    badges = tuple(BadgePart(id_tag=badge_of(number)) for number in range(1, plan.stations + 1))
    models = assign(plan)
    keys = {model.name: _known(model, plan.settings) | dict(settings) for model in models}
    for model in {model.name: model for model in models}.values():
        judge("FLEET-00001", model, keys[model.name], supervision or None)
    stations = tuple(
        StationPart(
            id=f"FLEET-{number:05}",
            model=model.name,
            settings=keys[model.name],  # type: ignore[arg-type]  # shared by thousands, and never changed
            visitors=_visitors(plan.people, (badge.id_tag,), dice),
        )
        for number, (model, badge) in enumerate(zip(models, badges, strict=True), 1)
    )
    central = SupervisionPart(
        url=supervision,
        accept_unknown=True,
        heartbeat=Duration(plan.heartbeat_interval_s),
        badges=() if supervision else badges,
    )
    return Site(name=f"fleet of {plan.stations}", stations=stations, supervision=central, seed=plan.seed)


def badge_of(number: int) -> str:
    """Of the cars that come to a station of the fleet."""
    return f"FLEET{number:05}"


def _known(model: Model, settings: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in settings.items() if model.key(name)}


def _visitors(people: People, badges: Sequence[str], dice: random.Random) -> VisitorsPart | None:
    if not people.visits_per_day:
        return None
    turn_s = DAY_S / people.visits_per_day
    pause_s = max(turn_s - people.stay_s, PAUSE_MIN_S)
    return VisitorsPart(
        badges=tuple(badges),
        first=Duration(dice.uniform(0, turn_s)),
        stay=_spread(people.stay_s),
        pause=_spread(pause_s),
    )


def _spread(mean_s: float) -> tuple[Duration, Duration]:
    least, most = VARIES
    return Duration(least * mean_s), Duration(most * mean_s)


def ramp_s(plan: Scenario) -> float:
    """Over how long its stations are switched on."""
    return plan.ramp_s or plan.stations / STARTS_PER_S


def with_models(plan: Scenario, names: Sequence[str]) -> Scenario:
    """As many of each."""
    return msgspec.structs.replace(plan, models=dict.fromkeys(names, 1.0)) if names else plan
