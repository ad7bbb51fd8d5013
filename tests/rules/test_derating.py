"""Limits that an outlet sets itself: heat, and the microswitch of the board. Each says who it is (tables of errors)."""

import pytest

from chargepost import signals as sig
from chargepost.ocpp import messages
from tests.rules.rig import CAR, TAG, Rig

PRO_AC, EICHRECHT, CHARGE, DC = "evlink-pro-ac", "evlink-pro-ac/socket-eichrecht", "schneider-charge", "evlink-pro-dc"


def charging(model: str = PRO_AC, **settings: str) -> Rig:
    rig = Rig(model, settings={"MeterValueSampleInterval": "15", **settings})
    rig.run(3)
    rig.plug(CAR)
    if rig.model.authentication.reader:
        rig.badge()
    else:
        rig.ask(messages.RemoteStartTransaction(id_tag=TAG, connector_id=1))
    rig.run(10)
    assert rig.power()
    return rig


def warm(rig: Rig, ambient_c: float, seconds: float = 3 * 3600) -> None:
    rig.hardware.connector(1).warm(ambient_c, rig.now)
    rig.run(seconds)


# --- heat ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [PRO_AC, CHARGE, DC])
def test_a_cool_outlet_gives_all(model: str) -> None:
    rig = charging(model)
    warm(rig, 25)
    assert rig.view.limit_source != "temperature"


@pytest.mark.parametrize("model", [PRO_AC, CHARGE])
def test_a_hot_outlet_gives_less_and_says_why(model: str) -> None:
    """It settles where its own heat and its current agree, and does not swing."""
    rig = charging(model)
    warm(rig, 55)
    assert rig.view.limit_source == "temperature"
    assert 6 <= rig.view.offered_a < 32
    rig.forget()
    rig.run(3600)
    assert len(rig.wished(sig.OfferCurrent)) <= 1
    warm(rig, 20)
    assert rig.view.limit_source != "temperature"


@pytest.mark.parametrize(
    ("model", "ambient_c", "error", "stops"),
    [
        (EICHRECHT, 80, "19.0", True),
        (EICHRECHT, -40, "19.0", True),
        (CHARGE, 80, "0x100102", True),
        (DC, 80, "0x100101", False),
    ],
)
def test_beyond_it_is_the_error_of_the_product(model: str, ambient_c: float, error: str, stops: bool) -> None:
    """Of the Pro DC it is a warning beside the charge; where no cause but unplugging ends it, it stays."""
    rig = charging(model)
    warm(rig, ambient_c, 2 * 3600)
    assert rig.view.vendor_error == error
    assert bool(rig.said("StopTransaction")) == stops
    warm(rig, 20)
    assert rig.view.vendor_error == ("" if rig.model.errors[error].clears == "cause" else error)


def test_a_variant_without_the_error_is_derated_all_the_same() -> None:
    """19.0 is of the Eichrecht references only."""
    rig = charging(PRO_AC)
    warm(rig, 80)
    assert (rig.view.vendor_error, rig.view.offered_a, rig.view.limit_source) == ("", 6, "temperature")
    assert "fault unknown" not in rig.notes()


def test_an_error_that_was_raised_otherwise_does_not_go_with_the_next_reading() -> None:
    rig = charging(EICHRECHT)
    rig.tell(sig.FaultRaised(1, "19.0"))
    rig.run(60)
    assert rig.view.vendor_error == "19.0"


# --- the microswitch -------------------------------------------------------------------------------------------------


def test_software_and_microswitch_derate_and_the_lower_one_says_so() -> None:
    rig = charging(iMaxDeratingSwCapacity="20", MicroswitchCurrent="25")
    assert (rig.view.offered_a, rig.view.limit_source) == (20, "setting iMaxDeratingSwCapacity")
    rig = charging(iMaxDeratingSwCapacity="20", MicroswitchCurrent="13")
    assert (rig.view.offered_a, rig.view.limit_source) == (13, "microswitch")


def test_a_microswitch_moved_during_a_charge_is_an_error() -> None:
    """2.1, until it is set anew while nobody charges."""
    rig = charging()
    rig.own(MicroswitchCurrent="16")
    rig.run(8)
    assert (rig.view.vendor_error, rig.last("StopTransaction").reason) == ("2.1", "Other")
    rig.own(MicroswitchCurrent="16")
    rig.run(1)
    assert rig.view.vendor_error == ""


def test_a_charge_that_goes_on_after_a_power_cut_has_moved_no_switch() -> None:
    rig = charging(RestoreTimeout="0")
    rig.power_cycle()
    rig.run(10)
    assert (rig.view.vendor_error, rig.power()) == ("", True)


def test_a_microswitch_in_no_valid_position_is_an_error() -> None:
    rig = Rig(PRO_AC)
    rig.run(3)
    rig.own(MicroswitchCurrent="0")
    assert rig.view.vendor_error == "2.1"
    rig.power_cycle()
    rig.run(3)
    assert rig.view.vendor_error == "2.1"
    rig.own(MicroswitchCurrent="32")
    assert rig.view.vendor_error == ""


def test_no_supervision_moves_a_switch() -> None:
    rig = Rig(PRO_AC)
    rig.run(3)
    assert rig.change("MicroswitchCurrent", "16") == "NotSupported"
