"""Every error of every product and release: told as its row says, and gone as its row says (1.6, 4.9 and 7.6)."""

import pytest

from chargepost import signals as sig
from chargepost.catalogue import load
from chargepost.catalogue.load import releases
from chargepost.catalogue.model import ErrorSpec
from chargepost.ocpp import messages
from chargepost.station import report
from tests.rules.rig import Rig

EVERY = pytest.mark.parametrize("model", [f"{line}@{each}" for line, known in releases().items() for each in known])
NEWEST = ["evlink-pro-ac", "evlink-pro-dc", "evlink-smart-wallbox", "evlink-parking", "evlink-city", "schneider-charge"]
SERVICE = [(model, code) for model in NEWEST for code, spec in load(model).errors.items() if spec.clears == "service"]
UNPLUG = [(model, code) for model in NEWEST for code, spec in load(model).errors.items() if spec.clears == "unplug"]


def plugged(model: str, spec: ErrorSpec | None = None) -> Rig:
    """A car that waits, at a variant that has the error."""
    line, at, release = model.partition("@")
    rig = Rig(f"{line}/{spec.variants[0]}{at}{release}" if spec and spec.variants else model)
    rig.run(3)
    rig.plug()
    rig.forget()
    return rig


def told(rig: Rig, connector: int = 1) -> tuple[str, str, str]:
    last = rig.notification(connector)
    return last.error_code, str(last.vendor_error_code or ""), str(last.info or "")


@EVERY
def test_r_069_r_070_r_071_r_072_each_code_raises_the_status_its_row_says(model: str) -> None:
    """errorCode, the vendor's code (Q-095), its name; Faulted or a warning; of connector 0 too when it is for all."""
    rig = plugged(model)
    for code, spec in rig.model.errors.items():
        here = plugged(model, spec) if spec.variants else rig
        here.forget()
        here.tell(sig.FaultRaised(1, code))
        assert told(here) == (spec.ocpp, code, spec.name[:50])
        beside = spec.ocpp == "EVCommunicationError"
        faulted = spec.stops and not beside
        assert (here.view.status == "Faulted") == faulted, code
        assert (here.statuses(0) != []) != spec.connector_only, code
        if not spec.connector_only:
            assert told(here, 0)[:2] == (spec.ocpp, code)
            assert here.notification(0).status == ("Faulted" if faulted else "Available")
        here.tell(sig.FaultCleared(1, code))
        here.run(1)
        assert (here.view.error, here.notification().error_code) == ("NoError", "NoError"), code


@EVERY
def test_r_069_a_code_of_other_variants_is_unknown_and_no_other_is(model: str) -> None:
    """Of the Pro AC 2.4 and 19.0 only under Eichrecht (R-246)."""
    rig = plugged(model)
    for code, spec in rig.model.errors.items():
        rig.tell(sig.FaultRaised(1, code))
        assert bool(rig.view.vendor_error) == (not spec.variants or rig.model.variant in spec.variants), code
        rig.tell(sig.FaultCleared(1, code))


@pytest.mark.parametrize(("model", "code"), SERVICE)
def test_r_245_what_is_for_the_service_stays_until_the_mains_or_a_hand_end_it(model: str, code: str) -> None:
    """Neither unplugging nor a restart of the program ends it; a power cycle does, or the control API."""
    rig = plugged(model, load(model).errors[code])
    rig.tell(sig.FaultRaised(1, code))
    (error,) = (each for each in report.errors(rig.station) if each.connectors)
    assert error.since_utc_s == pytest.approx(rig.station.core.utc(rig.now))
    rig.unplug()
    rig.run(3600)
    assert rig.view.vendor_error == code
    rig.ask(messages.Reset(type="Soft"))
    rig.run(30)
    (still,) = (each for each in report.errors(rig.station) if each.connectors)
    assert still.since_utc_s == pytest.approx(error.since_utc_s, abs=1)
    assert (rig.view.vendor_error, rig.notification().vendor_error_code) == (code, code)
    rig.power_cycle()
    rig.run(30)
    assert (rig.view.vendor_error, rig.notification().error_code) == ("", "NoError")
    rig.tell(sig.FaultRaised(1, code))
    rig.tell(sig.FaultCleared(1, code))
    assert rig.view.vendor_error == ""


def test_r_245_a_hard_reset_takes_the_mains_away_for_a_moment() -> None:
    rig = plugged("schneider-charge")
    rig.tell(sig.FaultRaised(1, "0x100208"))
    rig.ask(messages.Reset(type="Hard"))
    rig.run(30)
    assert rig.view.vendor_error == ""


def test_r_245_a_power_cut_after_a_restart_ends_it_too() -> None:
    """It is kept for one start only."""
    rig = plugged("schneider-charge")
    rig.tell(sig.FaultRaised(1, "0x100208"))
    rig.ask(messages.Reset(type="Soft"))
    rig.run(30)
    assert not [key for key in rig.memory if key.startswith("fault/")]


@pytest.mark.parametrize(("model", "code"), UNPLUG)
def test_r_070_what_unplugging_mends_goes_with_the_plug(model: str, code: str) -> None:
    """R-070: the guide of Schneider Charge says it for each code."""
    rig = plugged(model, load(model).errors[code])
    rig.tell(sig.FaultRaised(1, code))
    rig.run(600)
    assert rig.view.vendor_error == code
    rig.unplug()
    assert rig.view.vendor_error == ""


@pytest.mark.parametrize("model", ["evlink-smart-wallbox", "evlink-smart-wallbox@R4"])
def test_r_242_error_25_goes_after_a_few_seconds(model: str) -> None:
    rig = plugged(model)
    rig.tell(sig.FaultRaised(1, "25"))
    rig.run(4)
    assert rig.view.vendor_error == "25"
    rig.run(2)
    assert rig.view.vendor_error == ""


def test_r_241_columns_of_the_errors() -> None:
    """3, 6, 7, 10 and 15 are of City and Parking only, 25 of the Smart Wallbox only."""
    for model, others in (("evlink-smart-wallbox", "3 6 7 10 15"), ("evlink-parking", "25"), ("evlink-city", "25")):
        rig = plugged(model)
        for code in others.split():
            rig.tell(sig.FaultRaised(1, code))
        assert (rig.view.vendor_error, rig.notes()) == ("", ["fault unknown"] * len(others.split()))
