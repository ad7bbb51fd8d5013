"""The control pilot as IEC 61851-1, annex A, draws it: voltages of the states, duty cycle of an offer."""

from typing import Final

from chargepost.signals import PilotState

VOLTAGE_V: Final[dict[PilotState, float]] = {"A": 12.0, "B": 9.0, "C": 6.0, "D": 3.0, "E": 0.0, "F": -12.0}
"""The positive level of the pilot at the station's end; F is the station's own "not available", a steady -12 V."""

LEAST_OFFER_A: Final = 6.0
"""The PWM cannot say less than 6 A; less is said by having no PWM at all."""
MOST_OFFER_A: Final = 80.0
STEEP_ABOVE_A: Final = 51.0
"""Above 51 A one percent of duty cycle means 2.5 A instead of 0.6 A."""
NO_PWM_PERCENT: Final = 100.0
"""A steady level is a duty cycle of 100 %."""
DIGITAL_PERCENT: Final = 5.0
"""The duty cycle that means: the current is agreed in messages (annex A, table A.7)."""


def duty_percent(current_a: float) -> float:
    """Duty cycle that offers a current per phase, in %; 0 A is no PWM at all, which is 100 %.

    Raises ValueError for a current the PWM cannot say. Source: IEC 61851-1, annex A, table A.7.
    """
    if current_a == 0:
        return NO_PWM_PERCENT
    if not LEAST_OFFER_A <= current_a <= MOST_OFFER_A:
        raise ValueError(f"the pilot cannot offer {current_a} A: 0 A, or {LEAST_OFFER_A} to {MOST_OFFER_A} A")
    return current_a / 0.6 if current_a <= STEEP_ABOVE_A else current_a / 2.5 + 64


def offered_a(duty: float) -> float:
    """What a car reads from a duty cycle in %, in A per phase; 0 where it may not draw (annex A, table A.8)."""
    if duty < 8 or duty > 97:
        return 0.0
    if duty < 10:
        return LEAST_OFFER_A
    return min(duty * 0.6 if duty <= 85 else (duty - 64) * 2.5, MOST_OFFER_A)
