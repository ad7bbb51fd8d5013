"""What stands around an EVlink station and who turns its key: modem, time server, remote system, button, sockets.

EVlink OCPP guide (6.3, 7.1, 8.1) and commissioning guide of the EVlink family.
"""

import pytest

from chargepost.catalogue import load
from chargepost.drivers.simulated import CARS
from chargepost.run.given import Unfit, judge
from chargepost.station.core import datecode, serial_number
from tests.rules.rig import Rig

WALLBOX = "evlink-smart-wallbox"
CAR = CARS["Compact"]


def idle(model: str = WALLBOX, **settings: str) -> Rig:
    rig = Rig(model, settings=settings)
    rig.run(5)
    rig.forget()
    return rig


# --- datecodes (commissioning guide, At a Glance) --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "made", "runs"),
    [
        ("evlink-parking@R5", "15271", False),
        ("evlink-parking@R5", "15272", True),
        ("evlink-city@R5", "15401", False),
        ("evlink-city@R5", "15402", True),
        ("evlink-city@R4", "15401", True),
        ("evlink-smart-wallbox@R5", "12011", True),
    ],
)
def test_r_004_r_005_software_3101_refuses_a_board_that_is_too_old(model: str, made: str, runs: bool) -> None:
    serial = f"3N{made}0234A1S1B7551700014"
    if runs:
        assert judge("CP-1", load(model), {"SerialNumber": serial}).settings == {"serialnumber": serial}
    else:
        with pytest.raises(Unfit, match=f"greater than .*{made}: take another release"):
            judge("CP-1", load(model), {"SerialNumber": serial})


def test_r_004_r_005_a_serial_number_that_nobody_gave_is_new_enough() -> None:
    """And no two stations of a fleet share one."""
    serials = [serial_number(f"CP-{n}", 26) for n in range(1000)]
    codes = [datecode(serial) or 0 for serial in serials]
    assert len(set(serials)) == 1000
    assert {len(serial) for serial in serials} == {26}
    assert all(code > 15401 and 1 <= code // 10 % 100 <= 52 and 1 <= code % 10 <= 5 for code in codes)


def test_a_serial_number_that_was_given_is_the_one_that_is_told() -> None:
    rig = Rig("evlink-parking", settings={"SerialNumber": "3N152820234A1S1B7551700014"})
    rig.run(5)
    rig.power_cycle()  # it is told anew at each start
    rig.run(5)
    assert rig.said("BootNotification")[-1].charge_point_serial_number == "3N152820234A1S1B755170001"


# --- attached cables (commissioning guide, Socket-outlets) -----------------------------------------------------------


def test_a_t1_connector_is_at_the_end_of_an_attached_cable() -> None:
    """Nothing but a car can be plugged in, and the cable is no plug procedure that waits for one (event 14)."""
    rig = idle(f"{WALLBOX}/rfid-t1")
    assert not rig.hardware.plug_in(1, None, rig.now), "the cable is there already"
    rig.run(120)
    assert rig.view.status == "Available"
    rig.charge()
    assert rig.hardware.unplug(1, rig.now), "no lock holds the car"
