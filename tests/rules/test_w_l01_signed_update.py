"""Signed firmware updates (white paper "Improved security for OCPP 1.6-J", L01; reference 15.8; TC_080, TC_081;
traps 94 to 96)."""

import functools
from base64 import b64encode
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from chargepost import signals as sig
from chargepost.catalogue import image
from chargepost.catalogue.load import releases
from chargepost.ocpp import frames, security
from tests.rules.remade import CURVE, KEY, VERSION, Change, remade
from tests.rules.rig import PowerCut, Rig, utc

PRIVATE, PUBLIC = image.draw_key()
URL = "https://files.example/new.fw"
FULL = ["Downloading", "Downloaded", "SignatureVerified", "Installing", "InstallRebooting", "Installed"]
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@functools.cache
def firmware(release: str = "2.0.0") -> bytes:
    return image.make("evlink-pro-ac", release, "chargepost test", PRIVATE)


class Signer(NamedTuple):
    """Somebody with a certificate."""

    key: Key
    certificate: x509.Certificate

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    def sign(self, data: bytes, *, pss: bool = True) -> str:
        if isinstance(self.key, ec.EllipticCurvePrivateKey):
            return b64encode(self.key.sign(data, ec.ECDSA(hashes.SHA256()))).decode()
        how = padding.PSS(padding.MGF1(hashes.SHA256()), 32) if pss else padding.PKCS1v15()
        return b64encode(self.key.sign(data, how, hashes.SHA256())).decode()


def signer(name: str, issuer: Signer | None = None, key: Key | None = None, from_s: float = 0.0) -> Signer:
    """A certificate valid for some years around the day of the rig, or from another instant on."""
    own = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begins = utc(Rig(start=False)) + timedelta(seconds=from_s) - timedelta(days=1)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    return Signer(own, built.sign(issuer.key if issuer else own, hashes.SHA256()))


ROOT = signer("the maker")
SIGNER = signer("the maker's firmware", ROOT)


def fresh(*, root: bool = True) -> Rig:
    rig = Rig("evlink-pro-ac", settings={"SecurityEventsEnabled": "true"})
    rig.answers["SignedFirmwareStatusNotification"] = security.SignedFirmwareStatusNotificationResponse()
    rig.answers["SecurityEventNotification"] = security.SecurityEventNotificationResponse()
    rig.trusted, rig.shelf[URL] = (PUBLIC,), firmware()
    rig.run(2)
    if root:
        ask = security.InstallCertificate(certificate_type="ManufacturerRootCertificate", certificate=ROOT.pem)
        assert rig.ask(ask).status == "Accepted"
    rig.run(2)
    rig.forget()
    return rig


def ask(rig: Rig, request: int = 5, by: Signer = SIGNER, **other: Any) -> Any:
    given: dict[str, Any] = {
        "location": URL,
        "retrieve_date_time": utc(rig) - timedelta(minutes=1),
        "signing_certificate": by.pem,
        "signature": by.sign(firmware()),
    }
    retries = {name: other.pop(name) for name in ("retries", "retry_interval") if name in other}
    asked = security.SignedUpdateFirmware(request_id=request, firmware=security.Firmware(**given | other), **retries)
    return rig.ask(asked)


def told(rig: Rig) -> list[str]:
    return [each.status for each in rig.said("SignedFirmwareStatusNotification")]


def events(rig: Rig) -> list[str]:
    return [each.type for each in rig.said("SecurityEventNotification")]


def test_r_048_r_049_a_signed_firmware_is_installed_under_its_request() -> None:
    """TC_080."""
    rig = fresh()
    assert ask(rig).status == "Accepted"
    rig.run(60)
    assert told(rig) == FULL
    before = rig.calls()[: rig.calls().index("BootNotification")]
    assert before.count("SignedFirmwareStatusNotification") == 5, "the reboot waits until it is told"
    assert {each.request_id for each in rig.said("SignedFirmwareStatusNotification")} == {5}
    assert not rig.said("FirmwareStatusNotification")
    assert rig.last("BootNotification").firmware_version == "2.0.0"
    assert "FirmwareUpdated" in events(rig)
    assert rig.kept == {}


@pytest.mark.parametrize("kind", ["RSA-PSS", "RSA PKCS#1 v1.5", "ECDSA"])
def test_every_algorithm_of_the_paper_and_of_practice(kind: str) -> None:
    rig = fresh()
    by = signer("x", ROOT, rsa.generate_private_key(65537, 2048) if "RSA" in kind else None)
    assert ask(rig, by=by, signature=by.sign(firmware(), pss=kind == "RSA-PSS")).status == "Accepted"
    rig.run(60)
    assert told(rig) == FULL


FORGED = {
    "of another file": SIGNER.sign(b"something else"),
    "of another key": ROOT.sign(firmware()),
    "empty": "",
    "no base64": "%%%",
    "too short": "AAAA",
}


@pytest.mark.parametrize("kind", FORGED)
def test_a_wrong_signature_ends_it_with_an_event(kind: str) -> None:
    """TC_081."""
    rig = fresh()
    assert ask(rig, signature=FORGED[kind]).status == "Accepted"
    rig.run(60)
    assert told(rig) == ["Downloading", "Downloaded", "InvalidSignature"]
    assert events(rig) == ["InvalidFirmwareSignature"]
    assert rig.station.core.model.release == "2.0.1"
    assert not rig.statuses()


def test_well_signed_but_no_firmware_of_this_product_is_not_installed() -> None:
    rig = fresh()
    rig.shelf[URL] = b"rubbish"
    ask(rig, signature=SIGNER.sign(b"rubbish"))
    rig.run(60)
    assert told(rig) == ["Downloading", "Downloaded", "SignatureVerified", "InstallVerificationFailed"]
    assert rig.station.core.model.release == "2.0.1"


BAD = {
    "of another maker": signer("x", signer("somebody")),
    "signed by itself": signer("x"),
    "over an intermediate": signer("x", SIGNER),
    "not valid yet": signer("x", ROOT, from_s=9 * 86400),
    "not valid any more": signer("x", ROOT, from_s=-3700 * 86400),
    "a weak key": signer("x", ROOT, rsa.generate_private_key(65537, 1024)),
}


@pytest.mark.parametrize("kind", [*BAD, "no certificate"])
def test_a_bad_certificate_is_refused_before_anything_else(kind: str) -> None:
    """Trap 94."""
    rig = fresh()
    other: dict[str, Any] = {"signing_certificate": "rubbish"} if kind == "no certificate" else {}
    assert ask(rig, by=BAD.get(kind, SIGNER), **other).status == "InvalidCertificate"
    rig.run(60)
    assert events(rig) == ["InvalidFirmwareSigningCertificate"]
    assert not told(rig)
    assert not rig.wished(sig.Fetch)


@pytest.mark.parametrize("change", [VERSION, CURVE, KEY])
def test_a_certificate_that_no_program_makes_is_a_bad_one(change: Change) -> None:
    """What is not understood of it is refused like what is wrong with it."""
    rig = fresh()
    assert isinstance(ROOT.key, ec.EllipticCurvePrivateKey)
    strange = remade(SIGNER.certificate, ROOT.key, change)
    assert ask(rig, signing_certificate=strange).status == "InvalidCertificate"
    rig.run(60)
    assert events(rig) == ["InvalidFirmwareSigningCertificate"]


def test_without_a_root_of_the_manufacturer_no_certificate_is_good() -> None:
    rig = fresh(root=False)
    assert ask(rig).status == "InvalidCertificate"


def test_a_scheduled_download_and_a_scheduled_installation() -> None:
    rig = fresh()
    ask(
        rig,
        retrieve_date_time=utc(rig) + timedelta(seconds=100),
        install_date_time=utc(rig) + timedelta(seconds=500),
    )
    rig.run(10)
    assert told(rig) == ["DownloadScheduled"]
    rig.run(200)
    assert told(rig) == ["DownloadScheduled", *FULL[:3], "InstallScheduled"]
    rig.power_cycle()
    rig.run(600)
    assert told(rig) == ["DownloadScheduled", *FULL[:3], "InstallScheduled", *FULL[3:]]


def test_a_second_request_cancels_the_first() -> None:
    rig = fresh()
    rig.slow = True
    assert ask(rig, 5).status == "Accepted"
    rig.run(1)
    assert ask(rig, 6).status == "AcceptedCanceled"
    rig.slow = False
    rig.run(1)
    rig.transfer()
    rig.run(60)
    requests = [each.request_id for each in rig.said("SignedFirmwareStatusNotification")]
    assert requests == [5, *[6] * len(FULL)]
    assert told(rig)[1:] == FULL


def test_retries_are_attempts_after_the_first() -> None:
    rig = fresh()
    ask(rig, location="https://files.example/nothing", retries=2, retry_interval=5)
    rig.run(60)
    assert told(rig) == ["Downloading", "DownloadFailed"] * 3


@pytest.mark.parametrize("line", releases())
def test_a_product_whose_table_has_no_signed_update_says_so(line: str) -> None:
    rig = Rig(line)
    rig.run(2)
    answer = ask(rig)
    if "SignedUpdateFirmware" in rig.model.messages.answers:
        assert answer.status == "InvalidCertificate"
    else:
        assert isinstance(answer, frames.Error)
        assert answer.code == "NotSupported"


def test_the_mains_go_away_after_every_wish_of_a_signed_update() -> None:
    """Whatever was cut off, a status said twice is said twice in a row, and it ends Installed or was never accepted.

    InstallRebooting is not said where the mains went away before the reboot could be told.
    """
    for after in range(300):
        rig = fresh()
        rig.cut_at = rig.done + after
        try:
            ask(rig)
            rig.run(60)
        except (PowerCut, AttributeError):
            rig.cut_at = None
            rig.power_cycle()
            rig.run(60)
        else:
            break
        said = [each for n, each in enumerate(told(rig)) if told(rig)[n - 1 : n] != [each]]
        assert said in ([], FULL, [*FULL[:4], "Installed"]), f"cut after wish {after}: {told(rig)}"
        assert rig.station.core.model.release == ("2.0.0" if said else "2.0.1")
        assert rig.kept == {}
    else:
        raise AssertionError("it never came to its end")
