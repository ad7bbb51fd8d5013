"""The tabs, each a module with its rows; what is listed here is what the tool has."""

from collections.abc import Iterator, Mapping

from chargepost.catalogue.model import Model
from chargepost.commissioning.port import Port
from chargepost.commissioning.tabs import authentication, configuration, energy, maintenance, overview, records
from chargepost.commissioning.views import (
    Action,
    Download,
    Field,
    Rule,
    SubTab,
    Tab,
    Values,
    exists,
    is_evlink,
    sees,
    value_of,
)
from chargepost.commissioning.words import Words, _

MODULES = (overview, configuration, energy, authentication, records, maintenance)
"""In the order of the tool."""

TABS: tuple[Tab, ...] = tuple(module.TAB for module in MODULES)
SUB_TABS: tuple[SubTab, ...] = tuple(row for module in MODULES for row in module.SUB_TABS)
FIELDS: tuple[Field, ...] = tuple(row for module in MODULES for row in module.FIELDS)
ACTIONS: tuple[Action, ...] = tuple(row for module in MODULES for row in module.ACTIONS)
DOWNLOADS: tuple[Download, ...] = tuple(row for module in MODULES for row in module.DOWNLOADS)
RULES: Mapping[str, tuple[Rule, ...]] = {sub: rules for module in MODULES for sub, rules in module.RULES.items()}

SUB_TAB: Mapping[str, SubTab] = {row.name: row for row in SUB_TABS}


def seen_by(account: str, port: Port) -> Iterator[tuple[Tab, list[SubTab]]]:
    """The tabs of an account with their sub-tabs. A sub-tab that has only fields, and none of this product, is none."""
    for tab in TABS:
        subs = [sub for sub in SUB_TABS if sub.tab == tab.name and is_there(sub, account, port)]
        if subs:
            yield tab, subs


def is_there(sub: SubTab, account: str, port: Port) -> bool:
    return sees(sub, account, port) and (not sub.only_fields or any(fields_of(sub, port)))


def fields_of(sub: SubTab, port: Port) -> Iterator[Field]:
    rows = FIELDS if is_evlink(port.model) else (*FIELDS, *_left_over(port.model))
    own = [row for row in rows if row.sub == sub.name and exists(row, port)]
    yield from sorted(own, key=lambda row: bool(row.group))  # what has no heading stands before all headings


OTHER_KEYS = _("More settings of OCPP")


def _left_over(model: Model) -> list[Field]:
    """Keys that can be set and have no row of their own: a product whose guide describes no tool shows them all."""
    named = {spec.name for row in FIELDS if row.key and (spec := model.key(row.key))}
    return [
        Field("supervision", f"key-{lower}", spec.name, key=spec.name, group=OTHER_KEYS, exported=spec.access != "W")
        for lower, spec in model.keys.items()
        if spec.access != "R" and spec.name not in named
    ]


def broken(port: Port, keys: Values, words: Words) -> dict[str, str]:
    """Of keys by their lower-case names, each a value that the station takes: those that break a rule, and why."""
    rows = {row.name: row for row, _sub in every_field(port)}
    after = {name: keys.get(row.key.lower(), value_of(row, port)) for name, row in rows.items()}
    touched = {row.sub for row in rows.values() if row.key and row.key.lower() in keys}
    rules = [rule for sub in touched for rule in RULES.get(sub, ())]
    found = {name: why for rule in rules for name, why in rule(port, after).items() if name in rows}
    return {rows[name].key.lower(): words(why) for name, why in found.items()}


def every_field(port: Port) -> Iterator[tuple[Field, SubTab]]:
    """Of all sub-tabs, in the order of the tool."""
    for sub in SUB_TABS:
        yield from ((row, sub) for row in fields_of(sub, port))
