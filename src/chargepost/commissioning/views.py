"""Each thing shown or set, as a row: pages and API are drawn from these rows, so a new setting is one row.

A row says what the product file does not: where the setting stands, its label and help, who may do what, and when it
is shown. Type, range, choices and factory value come from the product's own key. What a product lacks is not shown.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, NamedTuple

from msgspec.structs import replace

from chargepost.catalogue.model import KeySpec, Model
from chargepost.commissioning.access import ADMIN, Right
from chargepost.commissioning.port import Port
from chargepost.commissioning.words import Words, _

Values = Mapping[str, str]
"""What the fields of a sub-tab say, by their names."""

FORM_BYTES_MAX = 65_536
"""Larger than any sub-tab's form; what uploads a file says so."""


# --- rows ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tab:
    """One of the tabs; it is shown when one of its sub-tabs is."""

    name: str
    """In addresses; never changes."""
    label: str


@dataclass(frozen=True)
class SubTab:
    """One page of a tab."""

    tab: str
    name: str
    label: str
    _: KW_ONLY
    user: bool = True
    """The account user sees it, too; admin sees all (commissioning guide, Access rights to tabs)."""
    shown: Callable[[Port], bool] = lambda port: True
    """For its product and its present configuration."""
    template: str = "form.html"
    """Has the fields of the sub-tab, and what `context` gives."""
    only_fields: bool = False
    """Without a field of the product there is no such page."""
    context: Callable[[Port, str, Mapping[str, str]], Mapping[str, Any]] = lambda port, account, query: {}
    """What else the template shows: of this station, for this account, with the query of the address."""
    worded: Callable[[Port, str, Mapping[str, str], Words], Mapping[str, Any]] = lambda port, account, query, words: {}
    """The same, for what is made of sentences."""
    live: str = ""
    """A template with the part of the page that is fetched anew every 5 s; the page includes it."""
    intro: str = ""
    warning: str = ""
    """Stands above the fields."""
    gone: Callable[[Port], str] = lambda port: ""
    """Why it is not `shown` now, and how it comes back; empty where this product never has it."""


@dataclass(frozen=True)
class Field:
    """One thing shown or set."""

    sub: str
    """The sub-tab it stands in."""
    name: str
    """In forms, in the API and in files; one of a kind, and never changed."""
    label: str
    _: KW_ONLY
    key: str = ""
    """The configuration key behind it; a product without it does not have the field."""
    help: str = ""
    """What it means, in our words."""
    warning: str = ""
    warns: Callable[[Port], str] | None = None
    """Instead: a warning that depends on other settings, as a text to translate; empty while there is none."""
    admin: Right = "RW"
    user: Right = "N"
    group: str = ""
    """A heading within the sub-tab."""
    choices: Mapping[str, str] = field(default_factory=dict)
    """Value -> what it is called; without, those of the key."""
    shown: Callable[[Port], bool] = lambda port: True
    """For its product and its present configuration."""
    when: tuple[str, tuple[str, ...]] | None = None
    """Shown only while that field of the same sub-tab has one of these values, also before it is saved."""
    reads: Callable[[Port], str] | None = None
    """Instead of the key's own text."""
    sets: Callable[[Port, str], Mapping[str, str]] | None = None
    """Instead of the key alone: the keys that a value stands for, in their order."""
    offers: Callable[[Port], Iterable[str]] | None = None
    """Which of the choices are there."""
    lists: Callable[[], Iterable[str]] | None = None
    """Choices that are called as they are, and too many to write down."""
    does: Callable[[Port, str], None] | None = None
    """Instead of setting keys."""
    refuses: Callable[[Port, str], str] | None = None
    """Besides what the key refuses: why a value is not taken, as a text to translate; empty when it is."""
    unit: str = ""
    most: float | None = None
    """Where the tool takes less than the key does."""
    kind: str = ""
    """How it is edited, where the key's type does not say: choice, switch, number, text, password, date, shown."""
    factory: Callable[[Port], str] | None = None
    """Instead of the key's own."""
    reboot: bool = False
    """Needs a reboot, whatever the key says."""
    exported: bool = True
    """Goes into the configuration file; a secret never does."""


class Told(NamedTuple):
    """What came of an action."""

    text: str
    """A sentence in the words of the account's language, with what to do where something went wrong."""
    bad: bool = False
    template: str = ""
    """A page to show; without, the sub-tab it belongs to."""
    context: Mapping[str, Any] = {}


class Sent(NamedTuple):
    """What came with an action."""

    account: str
    form: Mapping[str, str]
    """Of a repeated name the last one; see `all`."""
    all: Mapping[str, list[str]]
    data: bytes
    """The body, where it is no form: an uploaded file."""
    words: Words
    set_password: Callable[[str, str, str], Awaitable[str]]
    """Of an account: the present password of whoever asks, then the new one. Why it was refused, in words; empty when
    it was not."""
    broken: Callable[[Values], Mapping[str, str]]
    """Which of these keys, by lower-case name, break a rule of their sub-tab, and why, in words."""


@dataclass(frozen=True)
class Action:
    """Something an account may do on a sub-tab: a POST to its address and this name."""

    sub: str
    name: str
    does: Callable[[Port, Sent], Told | Awaitable[Told]]
    _: KW_ONLY
    user: bool = False
    max_bytes: int = FORM_BYTES_MAX


@dataclass(frozen=True)
class Download:
    """A file that an account may fetch from a sub-tab."""

    sub: str
    name: str
    makes: Callable[[Port], bytes | Iterable[bytes]]
    """At once, or in pieces between which others have their turn."""
    media: str
    file_name: Callable[[Port], str]
    _: KW_ONLY
    user: bool = False


Rule = Callable[[Port, Values], Mapping[str, str]]
"""Looks at all values of a sub-tab as they would be; why fields are not taken, as texts to translate, by name."""


# --- who may ---------------------------------------------------------------------------------------------------------


def sees(sub: SubTab, account: str, port: Port) -> bool:
    return (account == ADMIN or sub.user) and sub.shown(port)


def may(row: Action | Download, sub: SubTab, account: str, port: Port) -> bool:
    return sees(sub, account, port) and (account == ADMIN or row.user)


def right(row: Field, sub: SubTab, account: str, port: Port) -> Right:
    """What the account may do with a field; the sub-tab's rule goes first (Q-040)."""
    if not sees(sub, account, port) or not exists(row, port):
        return "N"
    return row.admin if account == ADMIN else row.user


def exists(row: Field, port: Port) -> bool:
    """Whether this product has it, as it is configured now."""
    return (not row.key or is_offered(port.model, row.key)) and row.shown(port)


def is_offered(model: Model, key: str) -> bool:
    """The product shows the key, or has it for its tool alone. A key of OCPP that it hides is nobody's to set."""
    lower, spec = key.partition("/")[0].lower(), spec_of(model, key)
    return spec is not None and (lower in model.keys or lower == spec.setting.lower() or not spec.ocpp_writes)


def spec_of(model: Model, key: str) -> KeySpec | None:
    """The row of a key; `name/2` is that of connector 2, where each has its own."""
    stem, _slash, number = key.partition("/")
    spec = model.key(stem)
    return spec if spec and (not number or spec.per_connector) else None


# --- what a field says -----------------------------------------------------------------------------------------------


class Shown(NamedTuple):
    """A field as a page draws it, in the account's language."""

    row: Field
    name: str
    label: str
    value: str
    """As it is sent back."""
    text: str
    """As it is read."""
    kind: str
    unit: str
    factory: str
    """As it is read; empty: none is known."""
    range: str
    """What may be entered, in words; empty when the choices say it."""
    choices: list[tuple[str, str]]
    help: str
    warning: str
    writable: bool
    least: str
    most: str
    length: str
    pattern: str
    reboot: bool
    by: str
    """Who changed it last."""
    at_utc_s: float
    when: tuple[str, tuple[str, ...]] | None


def value_of(row: Field, port: Port) -> str:
    if row.reads:
        return row.reads(port)
    setting = port.setting(row.key) if row.key else None
    return (setting.value or "") if setting else ""


def shown(row: Field, sub: SubTab, account: str, port: Port, words: Words) -> Shown:
    spec = _spec(row, port)
    value = value_of(row, port)
    setting = port.setting(row.key) if row.key else None
    factory = row.factory(port) if row.factory else (setting.factory or "") if setting else ""
    labels = dict(choices_of(row, port))
    kind = kind_of(row, spec, labels)
    if kind == "password":
        value = factory = ""
    numeric = spec is not None and spec.type in ("int", "decimal")
    return Shown(
        row, row.name, words(row.label), value, words(labels.get(value, value)), kind,
        words(row.unit or (spec.unit if spec and spec.type != "time" else "")), words(labels.get(factory, factory)),
        "" if labels or spec is None else expected(spec, words),
        [(choice, words(label)) for choice, label in labels.items()],
        words(row.help or (spec.meaning if spec else "")), words(row.warns(port) if row.warns else row.warning),
        right(row, sub, account, port) == "RW" and _is_set(row, port),
        _number(spec.min) if spec and numeric and not spec.zero and spec.out_of_range is None else "",
        _number(spec.max) if spec and numeric and spec.out_of_range is None else "",
        str(spec.max_length or "") if spec else "", spec.pattern if spec else "",
        row.reboot or bool(spec and spec.reboot),
        setting.by if setting else "", setting.at_utc_s if setting else 0.0, row.when,
    )  # fmt: skip


def choices_of(row: Field, port: Port) -> list[tuple[str, str]]:
    """Value and label of each choice there is; none for a field that is typed in."""
    spec = _spec(row, port)
    labels = {each: each for each in row.lists()} if row.lists else dict(row.choices)
    if not labels and spec and spec.type == "bool":
        labels = {"true": _("on"), "false": _("off")}
    if not labels and spec and spec.allowed and spec.type != "url":
        labels = {each: each for each in spec.allowed}
    if spec and spec.allowed and row.choices and not row.sets:
        labels = {value: label for value, label in labels.items() if value in spec.allowed}
    offered = set(row.offers(port)) if row.offers else set(labels)
    return [(value, label) for value, label in labels.items() if value in offered]


def kind_of(row: Field, spec: KeySpec | None, labels: Mapping[str, str]) -> str:
    if row.kind:
        return row.kind
    if spec is None or (spec.access == "R" and not row.sets):
        return "choice" if row.sets else "shown"
    if labels:
        return "choice"
    if spec.access == "W":
        return "password"
    return "number" if spec.type in ("int", "decimal") else "text"


def expected(spec: KeySpec, words: Words) -> str:
    """What a key takes, as a sentence: under the field, and the answer to what it does not take."""
    low, high = _number(spec.min), _number(spec.max)
    unit = f" {spec.unit}" if spec.unit else ""
    match spec.type:
        case "int" | "decimal" if low and high:
            span = words(_("A number from {low} to {high}{unit}.")).format(low=low, high=high, unit=unit)
            return words(_("0, or a number from {low} to {high}{unit}.")).format(
                low=low, high=high, unit=unit) if spec.zero else span  # fmt: skip
        case "int" | "decimal" if low:
            some = words(_("A number, {low}{unit} or more.")).format(low=low, unit=unit)
            return words(_("0, or a number, {low}{unit} or more.")).format(low=low, unit=unit) if spec.zero else some
        case "int" | "decimal":
            return words(_("A number."))
        case "ipv4":
            return words(_("An IPv4 address such as 192.168.0.102."))
        case "time":
            return words(_("A time of day such as 08:00."))
        case "url":
            schemes = ", ".join(f"{each.removesuffix('://')}://" for each in spec.allowed or ("ws", "wss"))
            return words(_("An address that begins with {schemes}")).format(schemes=schemes)
        case "list" | "measurands" | "phase_rotation":
            return words(_("Words of the product with commas between them."))
        case "bool":
            return words(_("on or off"))
    if spec.max_length and spec.min:
        return words(_("{least} to {most} characters.")).format(least=low, most=spec.max_length)
    if spec.max_length:
        return words(_("At most {most} characters.")).format(most=spec.max_length)
    return ""


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.15g}"


# --- setting ---------------------------------------------------------------------------------------------------------


class Outcome(NamedTuple):
    """What came of values that were sent."""

    refused: dict[str, str]
    """Field -> why, in the account's language. When there is one, nothing was changed."""
    changed: list[str]
    """Fields that have a new value now."""
    reboot: bool = False
    """Some of it works after a reboot only."""


def save(
    rows: Iterable[tuple[Field, SubTab]], rules: Iterable[Rule], account: str, port: Port, given: Values, words: Words,
    seen: Values | None = None,
) -> Outcome:  # fmt: skip
    """All of the values, or none. `seen` are those that the page showed: a field that was left as it was seen is not
    written, and one that somebody else has changed meanwhile is refused with the new value."""
    refused: dict[str, str] = {}
    wanted: dict[str, tuple[Field, str]] = {}
    after: dict[str, str] = {}
    for row, sub in rows:
        if right(row, sub, account, port) == "N":
            continue
        secret = kind_of(row, _spec(row, port), {}) == "password"  # a page never had it, so nobody saw it changed
        now = after[row.name] = "" if secret else value_of(row, port)
        if row.name not in given:
            continue
        value = given[row.name]
        was = now if seen is None else seen.get(row.name, now)
        if value == was or (value == now and row.kind != "password"):
            continue
        if right(row, sub, account, port) != "RW" or not _is_set(row, port):
            refused[row.name] = words(_("This can be read here, and not changed."))
        elif now != was and not row.does:  # a clock runs on while somebody types
            refused[row.name] = words(_("It was changed to {value} meanwhile. Save again to replace that.")).format(
                value=now)  # fmt: skip
        elif why := _why_not(row, port, value, words):
            refused[row.name] = why
        wanted[row.name] = row, value
        after[row.name] = value
    for name in given:
        if name not in after:
            refused[name] = words(_("There is no such field here."))
    if not refused:
        for rule in rules:
            refused |= {name: words(why) for name, why in rule(port, after).items() if name in after}
    if refused:
        return Outcome(refused, [])
    keys: dict[str, str] = {}
    for row, value in wanted.values():
        if row.does:
            row.does(port, value)
        else:
            keys |= row.sets(port, value) if row.sets else {row.key: value}
    port.change(keys, account)
    return Outcome({}, list(wanted), any(_needs_reboot(row, port) for row, _value in wanted.values()))


def _spec(row: Field, port: Port) -> KeySpec | None:
    spec = spec_of(port.model, row.key) if row.key else None
    return replace(spec, max=row.most) if spec and row.most is not None else spec


def _is_set(row: Field, port: Port) -> bool:
    """It can be changed at all."""
    spec = _spec(row, port)
    return row.kind != "shown" and bool(row.sets or row.does or (spec and spec.access != "R"))


def _why_not(row: Field, port: Port, value: str, words: Words) -> str:
    labels = dict(choices_of(row, port))
    if labels and value not in labels:
        return words(_("Choose one of: {choices}.")).format(choices=", ".join(words(each) for each in labels.values()))
    if not value.isprintable():  # a line break in a name, for one, would be lines of the configuration file
        return words(_("The station does not take this value."))
    if row.refuses and (why := row.refuses(port, value)):
        return words(why)
    spec = _spec(row, port)
    if spec and row.most is not None and _is_more(value, row.most):
        return expected(spec, words)
    keys = {} if row.does else row.sets(port, value) if row.sets else {row.key: value}
    if any(port.refuses(key, each) for key, each in keys.items()):
        return (expected(spec, words) if spec else "") or words(_("The station does not take this value."))
    return ""


def _is_more(value: str, most: float) -> bool:
    try:
        return float(value) > most
    except ValueError:
        return False  # the station says so


def _needs_reboot(row: Field, port: Port) -> bool:
    spec = _spec(row, port)
    return row.reboot or bool(spec and spec.reboot)


# --- the station as a whole ------------------------------------------------------------------------------------------


class State(NamedTuple):
    """What stands beside the name."""

    word: str
    kind: str
    """By which it has its shape and colour: available, charging, faulted, unavailable, waiting."""
    error: str = ""
    """The gravest of the errors that stand, by code and name; empty: there is none."""
    more: int = 0
    """How many others stand."""


def state(port: Port) -> State:
    """The station in one word; the worst goes first."""
    if not port.powered:
        return State(_("Starting"), "waiting")
    errors = [each for each in port.errors() if each.connectors]
    gravest = next((each for each in errors if each.service), errors[0] if errors else None)
    told = f"{gravest.code} {gravest.name}" if gravest else "", max(len(errors) - 1, 0)
    statuses = {connector.status for connector in port.view().connectors}
    if "Faulted" in statuses:
        return State(_("Fault"), "faulted", *told)
    if statuses <= {"Unavailable"}:
        return State(_("Out of service"), "unavailable", *told)
    if statuses & {"Charging", "SuspendedEV", "SuspendedEVSE"}:
        return State(_("Operational, charging"), "charging", *told)
    if errors:
        return State(_("Operational, with errors"), "faulted", *told)
    return State(_("Operational"), "available")


NAME_KEYS = ("stationName",)
"""The key with the name of the station for people, where the product has one."""


def name(port: Port) -> str:
    for key in NAME_KEYS:
        setting = port.setting(key)
        if setting and setting.value:
            return setting.value
    return port.identity


def zone(port: Port) -> str:
    """The name of the station's time zone; empty where it has none."""
    setting = port.setting("TimeZone")
    return (setting.value or "") if setting else ""


def has(*keys: str) -> Callable[[Port], bool]:
    """The product has one of these keys."""
    return lambda port: any(is_offered(port.model, key) for key in keys)


def has_domestic(port: Port) -> bool:
    """One of its outlets, in this variant, is a domestic socket."""
    return any(each.kind == "TE" for each in port.model.connectors)


def is_evlink(model: Model) -> bool:
    """A product of the family whose guides describe this tool."""
    return "supervision_watched" in model.quirks
