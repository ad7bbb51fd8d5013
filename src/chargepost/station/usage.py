"""How far one car's visit has come, as a table: what is not in it cannot happen, and says so.

Codes are those of the table of OCPP 1.6, 4.9. Faults, availability and pauses are overlays (`status.py`).
"""

from enum import StrEnum


class Usage(StrEnum):
    FREE = "Available"
    PREPARING = "Preparing"
    CHARGING = "Charging"
    FINISHING = "Finishing"


On = StrEnum("On", "PLUG_IN PLUG_OUT TAG_OK GIVE_UP NO_TAG START STOP STOP_AND_GONE BACK_IN_SERVICE")

NEXT: dict[Usage, dict[On, Usage]] = {
    Usage.FREE: {On.PLUG_IN: Usage.PREPARING, On.TAG_OK: Usage.PREPARING},  # A2
    Usage.PREPARING: {
        On.PLUG_IN: Usage.PREPARING,
        On.TAG_OK: Usage.PREPARING,
        On.PLUG_OUT: Usage.FREE,  # B1
        On.GIVE_UP: Usage.FREE,  # B1: ConnectionTimeOut, a second swipe
        On.NO_TAG: Usage.FINISHING,  # B6
        On.START: Usage.CHARGING,  # B3, B4, B5
    },
    Usage.CHARGING: {
        On.STOP: Usage.FINISHING,  # C6, D6, E6
        On.STOP_AND_GONE: Usage.FREE,  # C1, D1, E1: nothing left to do
    },
    Usage.FINISHING: {
        On.PLUG_OUT: Usage.FREE,  # F1, F8
        On.TAG_OK: Usage.PREPARING,  # F2
        On.BACK_IN_SERVICE: Usage.PREPARING,  # H2: from Unavailable the table knows no way to Finishing
    },
}


def advance(usage: Usage, event: On) -> Usage:
    """The next row. Raises ValueError for what cannot happen: a bug of ours, never of a peer."""
    try:
        return NEXT[usage][event]
    except KeyError:
        raise ValueError(f"{event} cannot happen while {usage}") from None
