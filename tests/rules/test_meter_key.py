"""A meter under Eichrecht has a key; whoever reads it can check what the meter signs (Pro AC, Parameters 2)."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from chargepost.ocpp import messages
from chargepost.station.meter_key import signing_key
from tests.rules.rig import Rig

EICHRECHT = "evlink-pro-ac/socket-eichrecht"
KEYS = [
    (EICHRECHT, "MeterPublicKey"),
    ("evlink-pro-ac/cable-eichrecht", "MeterPublicKey"),
    ("evlink-pro-ac/socket-eichrecht@1.2.1", "PowerMeterPublicKey"),
]
"""Version history, revision 04: PowerMeterPublicKey is MeterPublicKey from 1.2.2 on."""
MID = ["evlink-pro-ac/socket-mid", "evlink-pro-ac/cable-mid", "evlink-pro-ac/socket-domestic-mid"]


def asked(model: str) -> Rig:
    rig = Rig(model)
    rig.run(3)
    return rig


@pytest.mark.parametrize(("model", "name"), KEYS)
def test_r_053_the_key_that_is_read_checks_what_the_meter_signs(model: str, name: str) -> None:
    rig = asked(model)
    read = rig.value(name) or ""
    assert len(read) <= 500, "OCPP 1.6, 7.29"
    key = load_der_public_key(bytes.fromhex(read))
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert isinstance(key.curve, ec.SECP256R1)
    signature = signing_key(rig.station.core.serial).sign(b"energy", ec.ECDSA(SHA256()))
    key.verify(signature, b"energy", ec.ECDSA(SHA256()))
    assert rig.change(name, read) == "Rejected"
    assert rig.value("MeterMID") == "true"


def test_r_053_a_station_keeps_its_key_and_no_two_have_the_same() -> None:
    rig = asked(EICHRECHT)
    before = rig.value("MeterPublicKey")
    rig.power_cycle()
    rig.run(3)
    assert rig.value("MeterPublicKey") == before
    serial = rig.station.core.serial
    assert signing_key(serial).private_numbers() != signing_key(f"{serial}1").private_numbers()


@pytest.mark.parametrize("model", [*MID, "evlink-pro-ac"])
def test_r_053_without_eichrecht_the_key_has_no_value(model: str) -> None:
    rig = asked(model)
    (shown,) = rig.ask(messages.GetConfiguration(key=("MeterPublicKey",))).configuration_key
    assert (shown.readonly, isinstance(shown.value, str)) == (True, False)
    assert rig.value("MeterMID") == ("true" if model in MID else "false")
