"""A meter that leaves question after question unanswered is an error, and is asked on until it answers (quirk
meter_polled): Pro AC 7.0 after three polls, EVlink 12. What it would have said is estimated meanwhile (meters.py).
"""

from typing import TYPE_CHECKING

from chargepost.station import faults
from chargepost.station.connector import Connector

if TYPE_CHECKING:
    from chargepost.station.station import Station


def heard(s: "Station", c: Connector, now: float, *, answered: bool) -> bool:
    """A poll of the meter is over; True when that raised or ended the error.

    An error that a hand has raised stays: only one that was counted here ends here.
    """
    rule = s.core.model.quirks.get("meter_polled")
    if rule is None or (answered and not c.silent_polls):
        return False
    code, most = str(rule["error"]), int(rule["after"])
    lost, c.silent_polls = c.silent_polls >= most, 0 if answered else min(c.silent_polls + 1, most)
    s.core.wake_at("meter", c.number, None if answered else now + float(rule["every_s"]))
    if answered and lost:
        faults.cleared(s, c.number, code, now)
    elif c.silent_polls >= most:
        faults.raised(s, c.number, code, now)
    return lost or c.silent_polls >= most
