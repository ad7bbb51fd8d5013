"""What somebody asks of a station, in their words, judged once: model, settings, address of the supervision."""

import re
from collections.abc import Mapping
from sys import intern
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from chargepost import catalogue
from chargepost.catalogue.checks import nearest
from chargepost.catalogue.load import ModelError
from chargepost.catalogue.model import Model
from chargepost.drivers.network import AS_USUAL, Around
from chargepost.drivers.real.station import Fittings
from chargepost.station.core import SERIAL_KEY, datecode
from chargepost.station.settings import Settings

ID_MAX = 48
"""Characters of an identity: the longest that OCPP lets a station have (errata 4.0, CiString48)."""

SCHEMES = ("ws", "wss")
"""OCPP-J. What a product says by SOAP besides is not spoken here yet."""

VERSION_KEY = "ocppVersion"
"""Of products that speak 1.5 in the factory."""


class Unfit(ValueError):
    """It cannot be so; `path` is the part that is wrong, `reason` one line with the remedy."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(reason)
        self.path, self.reason = path, reason


class Given(NamedTuple):
    """A station that can be."""

    identity: str
    model: Model
    settings: dict[str, str]
    """By inner name."""
    fittings: Fittings | None = None
    """Its real instruments."""
    around: Around = AS_USUAL
    """The network that it stands in."""


def find_model(name: str) -> Model:
    """Raises Unfit with the nearest names."""
    try:
        return catalogue.load(name)
    except ModelError as error:
        raise Unfit("model", str(error)) from error


def judge(
    identity: str, model: Model, settings: Mapping[str, str], supervision: str | None = None, *, modbus: bool = False
) -> Given:
    """Raises Unfit. Naming a supervision turns OCPP on where it is off in the factory (Q-186).

    So does naming an address for Modbus: the keys that let others read and control are on, unless settings say no.
    """
    if not re.fullmatch(rf"[^\s/\x00-\x1f\x7f]{{1,{ID_MAX}}}", identity):
        raise Unfit("id", f"{identity[:60]!r} is no identity: 1 to {ID_MAX} characters without space or slash")
    wanted = dict(settings)
    if supervision:
        wanted[model.transport.url_key] = supervision_url(supervision, identity, model)
        if model.transport.enable_key:
            wanted[model.transport.enable_key] = "true"
        if model.key(VERSION_KEY) and VERSION_KEY.lower() not in map(str.lower, settings):
            wanted[VERSION_KEY] = "1.6"  # that is what ws and wss mean
    if modbus:
        wanted = _controllable(model) | wanted
    given = _inner(model, wanted)
    enable, url = model.transport.enable_key.lower(), model.transport.url_key.lower()
    if enable and given.get(url):  # naming it as a key is naming it, too
        given.setdefault(enable, "true")
    _check_board(model, given.get(SERIAL_KEY.lower(), ""))
    return Given(identity, model, given)


def _controllable(model: Model) -> dict[str, str]:
    """The keys of the product that let others read and control it. Raises Unfit."""
    if model.modbus is None:
        raise Unfit("modbus", f"no Modbus registers of {model.title} are known: leave the address out")
    return {key: "true" for key in (model.modbus.enable_key, model.modbus.control_key) if key}


def _check_board(model: Model, serial: str) -> None:
    """Raises Unfit for a board that is too old for the release (quirk datecode_above; R-004, R-005)."""
    rule, made = model.quirks.get("datecode_above"), datecode(serial)
    if rule and made is not None and made <= int(rule["datecode"]):
        raise Unfit(
            f"settings.{SERIAL_KEY}",
            f"{model.title} {model.release} (software {rule['software']}) runs on boards with a datecode greater than "
            f"{rule['datecode']}, and {serial} says {made}: take another release; chargepost models lists them",
        )


def _inner(model: Model, wanted: Mapping[str, str]) -> dict[str, str]:
    """Settings by inner name, in the model's own spelling of values."""
    keys = Settings(model, {})
    given = {}
    for name, value in wanted.items():
        verdict, row, stored = keys.change(name, value, owner=True)
        if row is None:
            known = [spec.name for spec in (*model.keys.values(), *model.hidden.values())]
            hint = nearest(name, known) or f"; chargepost models {model.line} lists them"
            raise Unfit(f"settings.{name}", f"{model.title} has no key {name}{hint}")
        if verdict == "Rejected":
            shown = "the value" if row.spec.access == "W" else repr(value)  # a write-only key is a secret
            raise Unfit(f"settings.{name}", f"{shown} is refused: {_fits(model, row.spec.name)}")
        given[row.inner] = intern(stored)  # thousands of stations have the same
    return given


def _fits(model: Model, name: str) -> str:
    spec = model.key(name)
    assert spec
    words = [f"it is {'a' if spec.type[0] not in 'aeiou' else 'an'} {spec.type}"]
    if spec.min is not None or spec.max is not None:
        least = "" if spec.min is None else f" from {spec.min:g}"
        most = "" if spec.max is None else f" up to {spec.max:g}"
        words[0] += f"{least}{most} {spec.unit}".rstrip()
    if spec.allowed:
        words.append(f"one of {', '.join(spec.allowed)}")
    if spec.max_length:
        words.append(f"of at most {spec.max_length} characters")
    return ", ".join(words)


def supervision_url(url: str, identity: str, model: Model) -> str:
    """The address as a station's key holds it: without the identity, which the station appends. Raises Unfit."""
    wanted = "give ws://HOST:PORT/PATH or wss://HOST:PORT/PATH"
    if "://" not in url:
        raise Unfit("supervision", f"{url!r} has no scheme: {wanted}")
    try:
        parts = urlsplit(url)
        whole = bool(parts.hostname) and parts.port != 0 and not re.search(r"[\x00-\x20\x7f]", url)
    except ValueError:  # a port that is no port, an address that is none
        whole = False
    if not whole:
        raise Unfit("supervision", f"{_masked(url)!r} is no address: {wanted}")
    if parts.scheme not in SCHEMES:
        raise Unfit("supervision", f"{parts.scheme}:// does not fit: {model.title} is reached by OCPP-J here: {wanted}")
    base, _, last = url.rstrip("/").rpartition("/")
    return base if unquote(last) in ("{id}", identity) and parts.path.count("/") else url.rstrip("/")


def _masked(url: str) -> str:
    """Whatever it is, it may hold a password."""
    return re.sub(r"//.*@", "//***@", url)
