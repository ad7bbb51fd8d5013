"""A cellular modem beside a station: an address to be reached at, and a signal that may be weak. Simulated."""

from typing import Final

import msgspec

from chargepost.signals import ModemState

STRONG_RSSI: Final = 20
WEAK_RSSI: Final = 5
"""Half of what an EVlink station takes for a signal (EVlink OCPP guide, 7.1, error 24)."""


class SimulatedModem:
    """Always there; whether a station has one is a switch of the product. Its addresses are of no real network."""

    __slots__ = ("answers", "state")

    def __init__(self, seed: int) -> None:
        last = seed % 254 + 1
        self.state = ModemState(STRONG_RSSI, f"203.0.113.{last}", f"10.94.{seed // 254 % 254 + 1}.{last}", "10.4.0.240")
        self.answers = True
        """It has power and its network cable is in."""

    def read(self) -> ModemState:
        if not self.answers:
            raise OSError("the modem does not answer")
        return self.state

    def weaken(self, weak: bool) -> None:
        """The antenna stands badly, or well again."""
        self.state = msgspec.structs.replace(self.state, rssi=WEAK_RSSI if weak else STRONG_RSSI)
