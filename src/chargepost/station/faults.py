"""Faults: an overlay that ends a charge or warns beside it, and how each goes away (the product's table of errors)."""

from typing import TYPE_CHECKING, get_args

from chargepost.catalogue.model import ErrorSpec
from chargepost.ocpp.messages import ChargePointErrorCode
from chargepost.station import electrics, transactions
from chargepost.station.connector import Connector

if TYPE_CHECKING:
    from chargepost.station.station import Station

OCPP_CODES = frozenset(get_args(ChargePointErrorCode)) - {"NoError"}
"""errorCodes that may be raised where the product has no code of its own for them (1.6, 7.6)."""


def find(s: "Station", code: str) -> ErrorSpec | None:
    """The row of a vendor code; for an OCPP errorCode the product's row that maps to it, else a plain one."""
    errors = s.core.model.errors
    if code in errors:
        variants = errors[code].variants
        return errors[code] if not variants or s.core.model.variant in variants else None
    if code not in OCPP_CODES:
        return None
    return ErrorSpec(name=code, ocpp=code, stops=code not in ("LocalListConflict", "WeakSignal", "ReaderFailure"))


NO_ROOM = ErrorSpec(code="store", name="Store full", ocpp="InternalError")
"""A connector whose transactions could not be kept offers none (P7)."""


def watch_disk(s: "Station", c: Connector, now: float) -> None:
    """A connector without a transaction, or whose transaction is over, says that it cannot begin one now."""
    if not s.core.disk_good and c.transaction is None:
        c.fault(NO_ROOM.code, NO_ROOM, s.core.utc(now))


def of_product(s: "Station", ocpp: str) -> str:
    """The code under which this product reports an OCPP error; the errorCode itself when it has none."""
    return next((code for code, spec in s.core.model.errors.items() if spec.ocpp == ocpp), ocpp)


def _told(code: str, spec: ErrorSpec) -> str:
    """For the log; of an OCPP errorCode without a row there is nothing more to say than its name."""
    name = code if spec.name == code else f"{code} {spec.name}"
    more = spec.remedy or spec.description
    return f"{name}: {more}" if more else name


def raised(s: "Station", connector: int, code: str, now: float) -> bool:
    """Put a fault on its connector, or on all of them; False for a code nobody knows."""
    spec = find(s, code)
    if spec is None:
        s.core.note("warning", "fault unknown", f"{code!r} is no error code of {s.core.model.name}")
        return False
    whole = connector == 0 or not spec.connector_only
    for c in s.all_connectors if whole else (s.zero, *(c for c in s.connectors if c.number == connector)):
        if c is s.zero and not whole:
            continue
        if code in c.faults:
            continue
        c.fault(code, spec, s.core.utc(now))
        s.core.note("warning", "fault", _told(code, spec), c.number)
        if spec.stops:
            electrics.fault_raised(c)
        if spec.stops and c.transaction and not c.stopping:
            transactions.stop(s, c, "Other", None, now)
    if spec.clears == "self" and spec.clears_after_s is not None:
        s.core.wake_at(f"fault {code}", connector, now + spec.clears_after_s)
    return True


def cleared(s: "Station", connector: int, code: str | None, now: float) -> None:
    """The cause is gone: of one fault, or of all on this connector (0: everywhere)."""
    everywhere = connector == 0 or (code is not None and code in s.zero.faults)
    for c in s.all_connectors:
        if everywhere or connector == c.number:
            for each in [code] if code else list(c.faults):
                if c.faults.pop(each, None):
                    s.core.note("info", "fault over", each, c.number)


def watch_pilot(s: "Station", c: Connector, before: str, now: float) -> None:
    """A shorted pilot (state E) is the product's fault for it (quirk pilot_short); the car has not left.

    It is over with the short, or where the product says so, when the car is unplugged.
    """
    if "E" not in (before, c.pilot) or before == c.pilot:
        return
    code = str(s.core.model.quirks.get("pilot_short", {}).get("error") or of_product(s, "EVCommunicationError"))
    spec = find(s, code)
    if c.pilot == "E":
        raised(s, c.number, code, now)
    elif spec is None or spec.clears != "unplug" or not c.plugged:
        cleared(s, c.number, code, now)


def keep_for_service(s: "Station") -> None:
    """What only the service, or the mains, can end is still there after a restart of the program."""
    for c in s.all_connectors:
        for code, spec in c.faults.items():
            if spec.clears == "service":
                s.core.memory.put(f"fault/{c.number}/{code}", c.faults_since[code])


def recall(s: "Station") -> None:
    """What was kept for the service, since when it was there; once."""
    for key, since_utc_s in s.core.memory.load_all("fault/", float):
        number, _, code = key.partition("/")
        spec = find(s, code)
        if spec and number.isdigit() and int(number) < len(s.all_connectors):
            s.all_connectors[int(number)].fault(code, spec, since_utc_s)
        s.core.memory.drop(f"fault/{key}")


def unplugged(s: "Station", c: Connector) -> None:
    """The cable is out: what clears by unplugging does."""
    for code, spec in list(c.faults.items()):
        if spec.clears == "unplug":
            del c.faults[code]
            if not any(code in other.faults for other in s.connectors):
                s.zero.faults.pop(code, None)
