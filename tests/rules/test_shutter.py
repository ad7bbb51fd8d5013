"""The shutter of a City is watched while somebody charges (commissioning guide, outlet last error; R-346)."""

import pytest

from tests.rules.rig import Rig


def shutter(rig: Rig, *, opened: bool, name: str = "shutter") -> None:
    rig.hardware.set_input(name, opened)
    rig.run(1)


def charging(model: str) -> Rig:
    rig = Rig(model)
    rig.run(3)
    rig.charge()
    return rig


@pytest.mark.parametrize("release", ["R4", "R7"])
def test_r_346_an_open_shutter_ends_the_charge_of_a_city(release: str) -> None:
    rig = charging(f"evlink-city@{release}")
    shutter(rig, opened=True)
    told = rig.notification()
    assert (told.status, told.error_code, told.vendor_error_code) == ("Faulted", "ConnectorLockFailure", "10")
    assert rig.last("StopTransaction").reason == "Other"
    shutter(rig, opened=False)
    assert rig.view.vendor_error == ""


def test_r_346_without_a_charge_it_may_stand_open() -> None:
    rig = Rig("evlink-city")
    rig.run(3)
    shutter(rig, opened=True)
    assert rig.view.vendor_error == ""


def test_r_346_each_connector_has_its_own() -> None:
    rig = charging("evlink-city")
    shutter(rig, opened=True, name="shutter_2")
    assert rig.view.vendor_error == ""


@pytest.mark.parametrize("model", ["evlink-parking", "evlink-smart-wallbox"])
def test_r_346_it_is_of_the_city_only(model: str) -> None:
    rig = charging(model)
    shutter(rig, opened=True)
    assert (rig.view.vendor_error, rig.power()) == ("", True)
