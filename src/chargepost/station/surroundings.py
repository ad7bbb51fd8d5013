"""What stands around a station and is no car: its modem, its time server, a remote system that lets people in, its key.

| what | is there when | and says |
|---|---|---|
| modem | its switch is on (quirk `modem_retry_zero`) | address and signal when asked; silence is an error |
| time server | the date is set by one (quirk `ntp_watched`) | the date; silence is an error |
| remote system | authenticationManager is its number, or it is the reader (operatingMode) | who may charge |
| second socket | two share a connector (quirk `outlets_share_connector`) | that both are taken |
| key switch | a station of the line has no reader (quirk `key_lock`) | locked: no new charge, no light |
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chargepost.signals import AskTime, ButtonPressed, ModemRead, ModemState, NtpSilent, ReadModem, RemoteAuthorized
from chargepost.station import faults, visits
from chargepost.station.core import Core

if TYPE_CHECKING:
    from chargepost.station.station import Station

LEAST_RSSI = 10
"""A signal below this is as good as none (EVlink OCPP guide, 7.1, error 24)."""

NTP = "NTP"
"""The source of a `ClockSet` that is a time server's answer."""

KEY_BUTTON = "key"
"""The key switch in front: active is locked."""


@dataclass(slots=True)
class Surroundings:
    """What is known of them."""

    modem: ModemState | None = None
    """What it said last; None when it is switched off or silent."""
    locked: bool = False
    """The key is turned."""


# --- modem -----------------------------------------------------------------------------------------------------------


def watch_modem(s: "Station", now: float) -> None:
    """The station starts, or its modem is switched on or off, or is to be read in another rhythm."""
    rule = s.core.model.quirks.get("modem_retry_zero")
    if rule is None:
        return
    if s.core.settings.flag(str(rule["switch_key"])):
        ask_modem(s, now)
    else:
        s.surroundings.modem = None
        s.core.wake_at("modem", 0, None)
        faults.cleared(s, 0, str(rule["error"]), now)


def ask_modem(s: "Station", now: float) -> None:
    """Alarm: its address and signal are read anew; an interval stored as 0 works as the rule says (Q-014)."""
    rule, settings = s.core.model.quirks["modem_retry_zero"], s.core.settings
    s.core.wish(ReadModem(settings.text(str(rule["address_key"])), settings.text(str(rule["sim_key"]))))
    s.core.wake_at("modem", 0, now + (settings.number(str(rule["retry_key"])) or int(rule["effective_s"])))


def modem_read(s: "Station", fact: ModemRead, now: float) -> None:
    """It answered, or did not; an answer that comes after it was switched off is not looked at."""
    if ("modem", 0) not in s.core.alarms:
        return
    code = str(s.core.model.quirks["modem_retry_zero"]["error"])
    s.surroundings.modem = fact.modem
    if fact.modem is None or fact.modem.rssi < LEAST_RSSI:
        faults.raised(s, 0, code, now)
    else:
        faults.cleared(s, 0, code, now)


# --- time server -----------------------------------------------------------------------------------------------------


TIME_KEY, BY_SERVER, SERVER_KEY = "TimeSettings", "NTP server", "NtpServer"
"""Who sets the date, besides the supervision."""

ASKED_EVERY_S, ASKED_AGAIN_S = 3600.0, 64.0
"""Between two questions to a time server that answers, and to one that does not (RFC 5905: 64 s at least)."""


def watch_time(s: "Station", now: float) -> None:
    """The station starts, or the time server or its use was changed; also an alarm: it is asked, and asked again."""
    s.core.wake_at("ntp", 0, None)
    if s.core.settings.text(TIME_KEY) == BY_SERVER and s.core.settings.text(SERVER_KEY):
        s.core.wish(AskTime(s.core.settings.text(SERVER_KEY)))
        s.core.wake_at("ntp", 0, now + ASKED_EVERY_S)
    else:
        ntp_answered(s, now)


def ntp_silent(s: "Station", fact: NtpSilent, now: float) -> None:
    """The carrier asked the time server in vain; one that is not asked any more is not missed."""
    if s.core.settings.text(TIME_KEY) != BY_SERVER or fact.server != s.core.settings.text(SERVER_KEY):
        return
    if ("ntp", 0) in s.core.alarms:
        s.core.wake_at("ntp", 0, now + ASKED_AGAIN_S)
    rule = s.core.model.quirks.get("ntp_watched")
    if rule and s.core.settings.text(str(rule["while_key"])) == rule["while_value"]:
        faults.raised(s, 0, str(rule["error"]), now)


def ntp_answered(s: "Station", now: float) -> None:
    """The date came from the time server, or no longer comes from one."""
    rule = s.core.model.quirks.get("ntp_watched")
    if rule:
        faults.cleared(s, 0, str(rule["error"]), now)


# --- remote system ---------------------------------------------------------------------------------------------------


def remote_decides(core: Core) -> bool:
    """A system that is no OCPP supervision says who may charge; nobody else is asked (R-078, R-083)."""
    rule = core.model.quirks.get("authentication_manager")
    return rule is not None and core.settings.text(str(rule["manager_key"])) == rule["master"]


def remote_reads(core: Core) -> bool:
    """Badges come from a remote reader, and are judged as if they were presented here (R-082)."""
    rule = core.model.quirks.get("operating_mode")
    return rule is not None and core.settings.text(str(rule["mode_key"])) == rule["remote"]


def remote_authorized(s: "Station", fact: RemoteAuthorized, now: float) -> None:
    """docs/decisions/a-remote-system-is-a-fact.md."""
    if s.restarting is not None:
        return
    if remote_decides(s.core):
        visits.presented(s, fact.id_tag, fact.connector, now, how="remote system")
    elif remote_reads(s.core):
        visits.presented(s, fact.id_tag, fact.connector, now, how="remote reader")
    else:
        visits.judged(s, fact.id_tag, fact.connector, False, "no remote system is obeyed here")


def unread(s: "Station") -> str:
    """Why no badge is read at the station at all; empty when it is."""
    core = s.core
    if not has_reader(core):
        return "there is no badge reader: charges are started by the supervision"
    if remote_decides(core):
        rule = core.model.quirks["authentication_manager"]
        return f"a remote system lets people in: the reader is not used while {rule['manager_key']} is {rule['master']}"
    if remote_reads(core):
        rule = core.model.quirks["operating_mode"]
        return (
            f"badges come from a remote system: the reader is not polled while {rule['mode_key']} is {rule['remote']}"
        )
    if s.surroundings.locked:
        return "the station is locked by its key"
    return ""


def has_reader(core: Core) -> bool:
    """A variant may differ from its line."""
    own = core.model.variants[core.model.variant].reader
    return core.model.authentication.reader if own is None else own


# --- sockets that share a connector ----------------------------------------------------------------------------------

OTHER_SOCKET = "other_socket"
"""The input that is active, with the connector's number behind it, while two sockets of one connector are taken."""


def both_taken(s: "Station", connector: int, now: float, *, taken: bool) -> None:
    """The second plug has no power; in some products it is an error, too (quirk outlets_share_connector)."""
    code = s.core.model.quirks.get("outlets_share_connector", {}).get("both_error")
    if code and taken:
        faults.raised(s, connector, str(code), now)
    elif code:
        faults.cleared(s, connector, str(code), now)


# --- key switch ------------------------------------------------------------------------------------------------------


def key_turned(s: "Station", fact: ButtonPressed, now: float) -> None:
    """Locked: nobody new may charge, and there is no light; a charge that runs goes on (the guides do not say)."""
    if "key_lock" not in s.core.model.quirks or has_reader(s.core):
        return
    if fact.active == s.surroundings.locked:
        return
    s.surroundings.locked = fact.active
    s.core.note("info", "key", "locked: no new charge, no light" if fact.active else "unlocked")
    if fact.active:
        s.waiting_grant = None
    for c in s.connectors:
        c.light = ""  # told anew
        if fact.active:
            visits.shut(c, KEY_BUTTON)
        else:
            visits.reopen(c, KEY_BUTTON)
        if fact.active and c.grant and c.transaction is None and not c.starting:
            visits.give_up(s, c, now)
