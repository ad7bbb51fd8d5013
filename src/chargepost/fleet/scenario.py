"""A scenario file: how many stations, which, who comes, and what goes wrong. Typed, strict, one line an error."""

import tomllib
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from random import Random
from re import search
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from chargepost import catalogue
from chargepost.energy.regulation import DELAY_MAX_S
from chargepost.energy.tree import TreeError
from chargepost.fleet.fuses import FuseTable, SiteTable, rules_of, tree_of

SCENARIOS = Path(__file__).parent / "scenarios"
HOURS_MIN = 4.0
"""Time to come, to charge, to leave, and a quiet hour."""
STATIONS_MAX = 100_000


class ScenarioError(ValueError):
    """What is wrong with a scenario: file, key and remedy in one line."""


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One table of the file."""


class People(Table, frozen=True):
    """Who comes. Rates are per connector and day; the others are probabilities."""

    visits_per_day: float = 4.0
    by_hour: tuple[float, ...] = (
        0.2, 0.1, 0.1, 0.1, 0.2, 0.5, 1.2, 2.4, 2.6, 1.5, 1.0, 1.0,
        1.3, 1.2, 1.0, 1.0, 1.4, 2.4, 2.6, 1.6, 1.0, 0.7, 0.5, 0.4,
    )  # fmt: skip
    """How busy each hour of the day is, against the mean."""
    stay_s: float = 5400.0
    """On average."""
    badge_first: float = 0.3
    by_app: float = 0.1
    """Started by the central system."""
    no_badge: float = 0.04
    """Plugs, and never shows a badge."""
    no_car: float = 0.05
    """Shows a badge, and never plugs."""
    blocked: float = 0.05
    unknown: float = 0.04
    second_swipe: float = 0.03
    """Shows the badge once more at once."""
    pulls_plug: float = 0.3
    """Leaves by pulling the plug at the car while it charges."""
    group_stop: float = 0.1
    """Leaves with another badge of the same group."""
    shared_badge: float = 0.02
    """Comes with a badge that somebody else is charging with."""
    reserves: float = 0.03
    """Reserves the connector, or any of the station, some minutes before."""


class Link(Table, frozen=True):
    """What the network does. Rates are per station and day; the others are per frame, per dial, or seconds."""

    delay_s: float = 0.06
    """One way, on average over the stations."""
    refuse_dial: float = 0.02
    lose: float = 0.0002
    """A frame is lost, and with it the connection: TCP keeps order, so nothing after it arrives either."""
    duplicate: float = 0.0005
    cuts_per_day: float = 1.0
    """Both ends are told at once."""
    outages_per_day: float = 0.5
    """Nothing passes and nobody is told, for a while."""
    outage_s: float = 1200.0
    """On average."""
    tcp_gives_up_s: float = 400.0
    """How long an end that gets no answer holds on, on average."""


class Disturbances(Table, frozen=True):
    """What else goes wrong. Rates are per station and day unless said."""

    power_cuts_per_day: float = 0.5
    power_off_s: float = 600.0
    """On average."""
    unlucky_cut: float = 0.0005
    """Of each piece on its way to the disk: the power goes just then."""
    clock_steps_per_day: float = 0.3
    disk_troubles_per_day: float = 0.1
    hardware_faults_per_day: float = 0.1
    """A residual current, a pilot against earth, a jammed lock, the emergency stop."""
    resets_per_day: float = 0.1
    """The operator: soft or hard."""
    commands_per_day: float = 2.0
    """The operator: everything else."""
    central_restarts_per_day: float = 3.0
    """Of the whole fleet."""
    central_clock_steps_per_day: float = 1.0
    """Of the whole fleet."""


class Scenario(Table, frozen=True):
    """Everything a run depends on."""

    title: str = ""
    stations: int = 200
    seed: int = 1
    hours: float = 24.0
    start: datetime = datetime(2026, 3, 2, tzinfo=UTC)
    models: dict[str, float] = msgspec.field(
        default_factory=lambda: {"evlink-pro-ac": 0.6, "evlink-smart-wallbox": 0.4}
    )
    """Name -> share of the stations."""
    settings: dict[str, str] = {}
    """Keys of OCPP or of the products, as the owner sets them; a product that has no such key goes without."""
    heartbeat_interval_s: int = 900
    ramp_s: float = 60.0
    """Stations are switched on over so long."""
    people: People = People()
    link: Link = Link()
    disturbances: Disturbances = Disturbances()
    fuses: tuple[FuseTable, ...] = ()
    """Without any, every station may draw what it can."""
    site: SiteTable = SiteTable()

    @property
    def duration_s(self) -> float:
        return self.hours * 3600

    @property
    def start_utc_s(self) -> float:
        return self.start.timestamp()


DEFAULT = SCENARIOS / "day.toml"


def load(path: Path = DEFAULT) -> Scenario:
    """Read and check a scenario file. Raises ScenarioError."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ScenarioError(f"{path.name}: {getattr(error, 'strerror', None) or error}") from None
    return read(table, path.name)


def read(table: dict[str, Any], name: str) -> Scenario:
    """The scenario a table says. Raises ScenarioError naming the file and the key."""
    try:
        scenario = msgspec.convert(table, Scenario)
    except msgspec.ValidationError as error:
        raise ScenarioError(f"{name}: {_in_words(str(error))}") from None
    check(scenario, name)
    return scenario


def check(scenario: Scenario, name: str) -> None:
    """What types cannot say. Raises ScenarioError naming the key and what it may be."""
    for where, table in (
        ("people.", scenario.people),
        ("link.", scenario.link),
        ("disturbances.", scenario.disturbances),
        ("site.", scenario.site),
    ):
        for field in table.__struct_fields__:
            value = getattr(table, field)
            if isinstance(value, float):
                chance = not field.endswith(("_per_day", "_s", "_a"))
                if not 0 <= value <= (1 if chance else 1e6):
                    raise ScenarioError(f"{name}: {where}{field}: {value} is not within 0 and {1 if chance else 10**6}")
    for key, good, must in (
        ("stations", 1 <= scenario.stations <= STATIONS_MAX, f"1 to {STATIONS_MAX}"),
        ("ramp_s", 0 <= scenario.ramp_s <= scenario.duration_s / 4, "0 to a quarter of the hours"),
        ("hours", HOURS_MIN <= scenario.hours <= 10_000, f"{HOURS_MIN:g} to 10000"),
        ("start", scenario.start.tzinfo is not None, "a date with a zone, as 2026-03-02T00:00:00Z"),
        ("people.by_hour", _is_day(scenario.people.by_hour), "24 numbers of 0 and more, not all 0"),
        ("site.clusters", 1 <= scenario.site.clusters <= scenario.stations, "1 to the number of stations"),
        ("site.random_delay_s", scenario.site.random_delay_s <= DELAY_MAX_S, f"0 to {DELAY_MAX_S:g}"),
        ("site.lease_s", scenario.site.lease_s >= 2 * scenario.site.report_s > 0, "twice report_s at least"),
        ("site.delay_s", scenario.site.delay_s > 0, "above 0"),
        ("site.outage_s", scenario.site.outage_s > 0, "above 0"),
        ("models", sum(scenario.models.values()) > 0 and min(scenario.models.values()) >= 0, "shares above 0"),
    ):
        if not good:
            raise ScenarioError(f"{name}: {key}: must be {must}")
    if scenario.fuses:
        _check_site(scenario, name)
    for model in scenario.models:
        try:
            catalogue.load(model)
        except catalogue.ModelError as error:
            raise ScenarioError(f"{name}: models: {error}") from None


def _check_site(scenario: Scenario, name: str) -> None:
    """As a trial, with one station under each fuse. What all of them come to is known when they are built."""
    try:
        rules_of(scenario.site, (), Random(0))  # noqa: S311 - nothing is drawn
        tree_of(scenario.site, scenario.fuses, [])
        ZoneInfo(scenario.site.zone)
    except TreeError as error:
        raise ScenarioError(f"{name}: {error.path}: {error}") from None
    except (ValueError, ZoneInfoNotFoundError) as error:
        raise ScenarioError(f"{name}: site: {error}") from None


def _is_day(hours: tuple[float, ...]) -> bool:
    return len(hours) == 24 and min(hours) >= 0 and sum(hours) > 0


def _in_words(error: str) -> str:
    """A ValidationError with the key first: `people.stay_s: expected float, got str`."""
    reason, _, where = error.partition(" - at ")
    path = where.strip("`").removeprefix("$").removeprefix(".")
    unknown = search(r"unknown field `(.+?)`", reason)
    if unknown is None:
        return f"{path}: {reason[0].lower()}{reason[1:].replace('`', '')}"
    tables: dict[str, type[msgspec.Struct]] = {
        "people": People,
        "link": Link,
        "disturbances": Disturbances,
        "site": SiteTable,
    }
    key, table = unknown[1], FuseTable if path.startswith("fuses") else tables.get(path, Scenario)
    near = get_close_matches(key, table.__struct_fields__, 1)
    hint = f"did you mean {near[0]}?" if near else f"it may be one of {', '.join(table.__struct_fields__)}"
    return f"{path}{'.' if path else ''}{key}: unknown key; {hint}"
