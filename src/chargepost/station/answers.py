"""Requests of the central system and the function that answers each, as a table (OCPP 1.6, chapter 5).

A function changes facts and returns the answer; what is seen of it comes after the answer (reference 1.2). None means
that the answer comes later. What the product supports but is not in the table is answered NotSupported.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from chargepost.ocpp import messages as m
from chargepost.station import (
    badges,
    certificates,
    maintenance,
    metering,
    profiles,
    reservations,
    security_profile,
    transactions,
    visits,
)
from chargepost.station.connector import Connector, Grant
from chargepost.station.core import Refusal
from chargepost.station.settings import Row
from chargepost.station.usage import On, Usage, advance

if TYPE_CHECKING:
    from chargepost.station.station import Station

UNSET = msgspec.UNSET
UNLOCK_WAIT_S = 5.0
"""A lock that has not moved by then has jammed."""


# --- availability, reset, unlock -------------------------------------------------------------------------------------


def change_availability(s: "Station", ask: m.ChangeAvailability, ident: str, now: float) -> Any:
    """0 is the station and all its connectors; a busy connector follows when it is free (trap 49)."""
    if not 0 <= ask.connector_id <= len(s.connectors):
        return m.ChangeAvailabilityResponse(status="Rejected")
    operative = ask.type == "Operative"
    targets = s.all_connectors if ask.connector_id == 0 else [s.connectors[ask.connector_id - 1]]
    scheduled = False
    for c in targets:
        busy = c.transaction is not None or (c.usage is Usage.PREPARING and c.status != "Reserved")
        c.out_when_free = False
        if not operative and c.operative and busy:
            c.out_when_free = scheduled = True
        elif operative != c.operative:
            c.operative = operative
            if operative and c.usage is Usage.FINISHING:
                c.usage = advance(c.usage, On.BACK_IN_SERVICE)
        if operative:
            s.core.memory.drop(f"availability/{c.number}")
        else:
            s.core.memory.put(f"availability/{c.number}", "Inoperative")
    return m.ChangeAvailabilityResponse(status="Scheduled" if scheduled else "Accepted")


def reset(s: "Station", ask: m.Reset, ident: str, now: float) -> Any:
    """Answer, stop what runs, tell it or keep it, then start anew (trap 61)."""
    s.restart(ask.type == "Hard", f"Reset {ask.type}", f"{ask.type}Reset", now)
    return m.ResetResponse(status="Accepted")


def unlock_connector(s: "Station", ask: m.UnlockConnector, ident: str, now: float) -> Any:
    """Ends a transaction first; no lock or no such connector is NotSupported (trap 62)."""
    if not 0 < ask.connector_id <= len(s.connectors):
        return m.UnlockConnectorResponse(status="NotSupported")
    c = s.connectors[ask.connector_id - 1]
    if not c.spec.lock:
        return m.UnlockConnectorResponse(status="NotSupported")
    if c.unlock_call is not None:
        return m.UnlockConnectorResponse(status="UnlockFailed")
    transactions.stop(s, c, "UnlockCommand", None, now)
    if c.grant:
        visits.give_up(s, c, now)
    c.release = None
    c.unlock_call = ident
    s.core.wake_at("unlock", c.number, now + UNLOCK_WAIT_S)
    if c.transaction is None:
        s.unlock(c)
    return None


# --- configuration ---------------------------------------------------------------------------------------------------


def change_configuration(s: "Station", ask: m.ChangeConfiguration, ident: str, now: float) -> Any:
    row = s.core.settings.row(ask.key)
    rises = row is not None and s.shows(row) and row.inner == security_profile.KEY.lower()
    if rises and not security_profile.may_rise(s, ask.value):
        return m.ChangeConfigurationResponse(status="Rejected")
    before = s.core.settings.number(security_profile.KEY)
    verdict = s.change_setting(ask.key, ask.value, now, owner=False)
    if verdict == "Rejected":
        fixed = row is None or row.spec.access == "R" or not row.spec.ocpp_writes
        s.core.refused(f"key {ask.key}", "it is read-only here" if fixed else "the value is not of its type or range")
    if rises and verdict == "Accepted":
        security_profile.risen(s, before)
    return m.ChangeConfigurationResponse(status=verdict)


def get_configuration(s: "Station", ask: m.GetConfiguration, ident: str, now: float) -> Any:
    settings = s.core.settings
    if ask.key is UNSET or not ask.key:
        return m.GetConfigurationResponse(configuration_key=tuple(_key_value(s, row) for row in settings.shown()))
    most = settings.number("GetConfigurationMaxKeys")
    if most and len(ask.key) > most:
        raise Refusal("OccurenceConstraintViolation", f"{len(ask.key)} keys asked for, {most} allowed")
    known: dict[str, m.KeyValue] = {}
    unknown: list[str] = []
    for name in ask.key:
        row = settings.row(name)
        if row is None or not s.shows(row):
            unknown.append(name)
        else:
            known.setdefault(row.inner, _key_value(s, row))
    return m.GetConfigurationResponse(
        configuration_key=tuple(known.values()) or UNSET, unknown_key=tuple(unknown) or UNSET
    )


def _key_value(s: "Station", row: Row) -> m.KeyValue:
    value = None if row.spec.access == "W" else s.core.settings.value(row)
    identity_key = s.core.model.transport.identity_key.lower()
    if value is None and row.inner == identity_key and s.talk.url():
        value = s.talk.identity()  # the one we are connected with
    readonly = row.spec.access == "R"
    return m.KeyValue(key=row.spec.name, readonly=readonly, value=UNSET if value is None else value)


def clear_cache(s: "Station", ask: m.ClearCache, ident: str, now: float) -> Any:
    return m.ClearCacheResponse(status="Accepted" if s.authorization.clear() else "Rejected")


# --- remote start and stop -------------------------------------------------------------------------------------------


def remote_start(s: "Station", ask: m.RemoteStartTransaction, ident: str, now: float) -> Any:
    """Accepted means that it will be tried (trap 30)."""
    connector = None if ask.connector_id is UNSET else ask.connector_id
    why = _will_not_start(s, ask, connector, now)
    if why:
        s.core.refused("remote start", why, connector)
    return m.RemoteStartTransactionResponse(status="Rejected" if why else "Accepted")


def _will_not_start(s: "Station", ask: m.RemoteStartTransaction, connector: int | None, now: float) -> str:
    """Why not, in words; empty when it will be tried after the answer."""
    if s.talk.boot != "Accepted" or s.restarting:
        return "the station has not booted, or is about to start anew"
    if connector is not None and not 0 < connector <= len(s.connectors):
        return f"there are connectors 1 to {len(s.connectors)}"
    profile = profiles.brought(s.core, ask)
    if profile and profiles.refused_at_start(s, connector, profile, now):
        return "its charging profile cannot be installed"
    parent = s.authorization.parent(ask.id_tag, now)
    c = visits.choose(s, connector, ask.id_tag, parent)
    waits = connector is None and visits.may_wait(s, ask.id_tag, parent)
    unsure = c is None and not waits
    c = reservations.of_a_group(s, connector) if unsure else c
    if c is None and not waits:
        return "no connector is free for this badge"
    rule = s.core.model.authentication
    unplugged = not rule.remote_unplugged_key or s.core.settings.flag(rule.remote_unplugged_key, True)
    if not unplugged and (c is None or not c.plugged):
        return f"no car is plugged in, and {rule.remote_unplugged_key} is false"
    if c and rule.refuse_plugged_since_stop and (c.usage is Usage.FINISHING or c.plugged_since_stop):
        return "the cable has stayed plugged since the last stop: unplug it once"
    asking = visits.Asking(ask.id_tag, connector, "remote start", profile)
    if unsure or s.core.settings.flag("AuthorizeRemoteTxRequests"):  # trap 76: Authorize tells the group
        s.after_answer.append(lambda: visits.ask(s, asking, now))
    else:
        s.after_answer.append(lambda: visits.admitted(s, asking, Grant(ask.id_tag, parent, "remote start"), now))
    return ""


def remote_stop(s: "Station", ask: m.RemoteStopTransaction, ident: str, now: float) -> Any:
    for c in s.connectors:
        if c.transaction and c.transaction.number == ask.transaction_id and s.talk.boot == "Accepted":
            if not c.stopping:
                transactions.stop(s, c, "Remote", None, now)
            return m.RemoteStopTransactionResponse(status="Accepted")
    return m.RemoteStopTransactionResponse(status="Rejected")


# --- trigger and data ------------------------------------------------------------------------------------------------


def trigger(s: "Station", ask: m.TriggerMessage, ident: str, now: float) -> Any:
    """The answer first, then the message (trap 64)."""
    wanted = ask.requested_message
    doing, kinds = TRIGGERS.get(wanted), s.core.model.messages.triggers or s.core.model.messages.sends
    if doing is None or wanted not in kinds:
        return m.TriggerMessageResponse(status="NotImplemented")
    targets = _triggered(s, wanted, None if ask.connector_id is UNSET else ask.connector_id)
    if not targets or not _may_say(s, wanted):
        return m.TriggerMessageResponse(status="Rejected")
    s.after_answer.append(lambda: doing(s, targets, now))
    return m.TriggerMessageResponse(status="Accepted")


def _may_say(s: "Station", wanted: str) -> bool:
    """Pending says what it is triggered to; once accepted there is no booting again (traps 15 and 20)."""
    if wanted == "BootNotification":
        return s.talk.boot != "Accepted" and s.talk.idle
    return s.talk.boot in ("Accepted", "Pending")


def _triggered(s: "Station", wanted: str, connector: int | None) -> list[Connector]:
    """Whom a trigger is about: all when none is named; of a message about none, whatever was named (trap 64)."""
    if wanted not in OF_CONNECTORS:
        return [s.zero]
    targets = [c for c in s.all_connectors if connector in (None, c.number)]
    if wanted == "StatusNotification":
        return targets
    if not metering.items(s.core, "MeterValuesSampledData"):
        return []  # there is nothing it could say
    if s.core.model.quirks.get("trigger_only_charging", {}).get("message") == wanted:
        return [c for c in targets if c.transaction]
    return [c for c in targets if c is not s.zero or connector == 0 or metering.has_main(s)]


OF_CONNECTORS = frozenset({"StatusNotification", "MeterValues"})
"""Messages that are about a connector."""


def _trigger_status(s: "Station", targets: list[Connector], now: float) -> None:
    for c in targets:
        s.report(c, now, triggered=True)


def _say(s: "Station", payload: Any, now: float) -> None:
    tag = ("heartbeat" if isinstance(payload, m.Heartbeat) else "other", None)
    s.talk.say(payload, tag, now, triggered=True)


def _trigger_boot(s: "Station", targets: list[Connector], now: float) -> None:
    s.talk.boot_again(now)


def _trigger_meter(s: "Station", targets: list[Connector], now: float) -> None:
    for c in targets:
        s.read_meter(c.number, "trigger", None)


TRIGGERS: dict[str, Callable[["Station", list[Connector], float], None]] = {
    "BootNotification": _trigger_boot,
    "Heartbeat": lambda s, _t, now: _say(s, m.Heartbeat(), now),
    "StatusNotification": _trigger_status,
    "MeterValues": _trigger_meter,
    "DiagnosticsStatusNotification": maintenance.trigger_diagnostics,
    "FirmwareStatusNotification": maintenance.trigger_firmware,
}


def data_transfer(s: "Station", ask: m.DataTransfer, ident: str, now: float) -> Any:
    """The vendor's own messages, as the product's rows have them (trap 66)."""
    rows = [row for row in s.core.model.data_transfers if row.direction == "in"]
    of_vendor = [row for row in rows if row.vendor.lower() == ask.vendor_id.lower()]
    if not of_vendor:
        return m.DataTransferResponse(status="UnknownVendorId")
    message = None if ask.message_id is UNSET else ask.message_id
    row = next((row for row in of_vendor if row.message == message), None)
    if row is None:
        return m.DataTransferResponse(status="UnknownMessageId")
    data, good = _json(ask.data)
    example = msgspec.json.decode(row.data or "{}")
    if not good or not _has_fields(data, example):
        return m.DataTransferResponse(status="Rejected")
    if row.message == "Locate":
        s.after_answer.append(lambda: s.locate(now))
    elif row.message == "CostUpdated":
        _note_cost(s, data)
    return m.DataTransferResponse(status="Accepted", data="" if example else UNSET)


def _json(text: Any) -> tuple[Any, bool]:
    """The JSON in a data field, and whether there was any."""
    try:
        return msgspec.json.decode(text.encode() if isinstance(text, str) else b""), True
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        return None, False


def _has_fields(data: Any, example: dict[str, Any]) -> bool:
    """The JSON has every field of the product's example, in any case (a guide spells one both ways, Q-088)."""
    given = {name.casefold() for name in data} if isinstance(data, dict) else set()
    return given.issuperset(name.casefold() for name in example)


def _note_cost(s: "Station", data: Any) -> None:
    """What the driver owes so far, as the central system counts it; no page of ours shows it yet."""
    cost = {name.casefold(): value for name, value in data.items()} if isinstance(data, dict) else {}
    connector = cost.get("connectid")
    known = isinstance(connector, int) and 0 < connector <= len(s.connectors)
    s.core.note("info", "cost", f"{cost.get('totalcost')} {cost.get('currency')}"[:50], connector if known else None)


def local_list_version(s: "Station", ask: m.GetLocalListVersion, ident: str, now: float) -> Any:
    """0 is an empty list (trap 69)."""
    held = s.authorization.local_list
    return m.GetLocalListVersionResponse(list_version=held.version if held.on else badges.NOT_SUPPORTED)


def send_local_list(s: "Station", ask: m.SendLocalList, ident: str, now: float) -> Any:
    status = s.authorization.local_list.change(ask)
    if status == "Accepted":
        badges.settled(s)
    return m.SendLocalListResponse(status=status)


ANSWERS: dict[str, Callable[["Station", Any, str, float], Any]] = {
    "CancelReservation": reservations.cancel,
    "ChangeAvailability": change_availability,
    "ChangeConfiguration": change_configuration,
    "ClearCache": clear_cache,
    "ClearChargingProfile": profiles.clear_profile,
    "DataTransfer": data_transfer,
    "DeleteCertificate": certificates.delete,
    "GetCompositeSchedule": profiles.composite_schedule,
    "GetConfiguration": get_configuration,
    "GetInstalledCertificateIds": certificates.listed,
    "GetDiagnostics": maintenance.get_diagnostics,
    "GetLog": maintenance.get_log,
    "GetLocalListVersion": local_list_version,
    "InstallCertificate": certificates.install,
    "RemoteStartTransaction": remote_start,
    "RemoteStopTransaction": remote_stop,
    "ReserveNow": reservations.reserve,
    "Reset": reset,
    "SendLocalList": send_local_list,
    "SetChargingProfile": profiles.set_profile,
    "TriggerMessage": trigger,
    "UnlockConnector": unlock_connector,
    "SignedUpdateFirmware": maintenance.signed_update_firmware,
    "UpdateFirmware": maintenance.update_firmware,
}
