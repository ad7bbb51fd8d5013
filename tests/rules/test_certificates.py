"""Root certificates come, are listed by their hashes, go (security white paper, M03 to M05; TC_075, TC_076, TC_078).

The certificates are real, made here for the day of the rig.
"""

import hashlib
from datetime import timedelta
from functools import cache
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from chargepost import signals as sig
from chargepost.ocpp import frames, messages, security
from tests.rules.remade import VERSION, Change, remade
from tests.rules.rig import Rig, utc

AC = "evlink-pro-ac"
CENTRAL: security.CertificateUse = "CentralSystemRootCertificate"
MAKER: security.CertificateUse = "ManufacturerRootCertificate"
ALGORITHMS: list[security.HashAlgorithm] = ["SHA256", "SHA384", "SHA512"]
DAY = utc(Rig(AC, start=False))


@cache
def keys() -> dict[str, CertificateIssuerPrivateKeyTypes]:
    return {
        "P-256": ec.generate_private_key(ec.SECP256R1()),
        "P-192": ec.generate_private_key(ec.SECP192R1()),
        "RSA 2048": rsa.generate_private_key(65537, 2048),
        "RSA 1024": rsa.generate_private_key(65537, 1024),
    }


@cache
def root(
    name: str = "Root", *, key: str = "P-256", serial: int = 0x0A1B2C, authority: bool | None = True, days: int = 30,
    begins: int = -1, issuer: str = "", change: Change | None = None, more: x509.ExtensionType | None = None,
) -> str:  # fmt: skip
    """A certificate in PEM, valid for so many days from the day of the rig on; of itself unless an issuer is named.

    `change`: some bytes of it; `more`: an extension beside.
    """

    def called(words: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, words)])

    made = (
        x509.CertificateBuilder()
        .subject_name(called(name))
        .issuer_name(called(issuer or name))
        .public_key(keys()[key].public_key())
        .serial_number(serial)
        .not_valid_before(DAY + timedelta(days=begins))
        .not_valid_after(DAY + timedelta(days=days))
    )
    if authority is not None:
        made = made.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    if more is not None:
        made = made.add_extension(more, critical=False)
    signed = made.sign(keys()[key], SHA256())
    if change is not None:
        own = keys()[key]
        assert isinstance(own, ec.EllipticCurvePrivateKey)
        return remade(signed, own, change)
    return signed.public_bytes(Encoding.PEM).decode()


def booted(model: str = AC, **settings: str) -> Rig:
    rig = Rig(model, settings={"SecurityEventsEnabled": "true", **settings})
    rig.run(3)
    rig.forget()
    return rig


def install(rig: Rig, pem: str, use: security.CertificateUse = CENTRAL) -> str:
    answer = rig.ask(security.InstallCertificate(certificate_type=use, certificate=pem))
    rig.run(1)
    return str(answer.status)


def ids(rig: Rig, use: security.CertificateUse = CENTRAL) -> list[security.CertificateHashData]:
    answer = rig.ask(security.GetInstalledCertificateIds(certificate_type=use))
    found = answer.certificate_hash_data
    assert answer.status == ("NotFound" if found is msgspec.UNSET else "Accepted")
    return [] if found is msgspec.UNSET else list(found)


def delete(rig: Rig, name: security.CertificateHashData) -> str:
    return str(rig.ask(security.DeleteCertificate(certificate_hash_data=name)).status)


def hashed(pem: str, algorithm: security.HashAlgorithm) -> security.CertificateHashData:
    """Worked out here once more, by the fields of the certificate itself."""
    certificate = x509.load_pem_x509_certificate(pem.encode())
    key_identifier = x509.SubjectKeyIdentifier.from_public_key(certificate.public_key())  # SHA-1 of the key's bits
    der = certificate.public_bytes(Encoding.DER)
    bits = next(
        der[start : start + length]
        for length in (65, 49, 270, 140)
        for start in range(len(der) - length)
        if hashlib.sha1(der[start : start + length], usedforsecurity=False).digest() == key_identifier.digest
    )
    return security.CertificateHashData(
        hash_algorithm=algorithm,
        issuer_name_hash=hashlib.new(algorithm, certificate.issuer.public_bytes()).hexdigest(),
        issuer_key_hash=hashlib.new(algorithm, bits).hexdigest(),
        serial_number=f"{certificate.serial_number:x}",
    )


def events(rig: Rig) -> list[str]:
    return [told.type for told in rig.said("SecurityEventNotification")]


# --- coming and going ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("use", [MAKER, CENTRAL])
@pytest.mark.parametrize("key", ["P-256", "RSA 2048"])
def test_tc_075_a_root_is_installed_and_listed(use: security.CertificateUse, key: str) -> None:
    """R-048: TC_075_1 and TC_075_2. Of the other use nothing is found."""
    rig = booted()
    assert ids(rig, use) == []
    pem = root(key=key)
    assert install(rig, pem, use) == "Accepted"
    assert ids(rig, use) == [hashed(pem, "SHA256")]
    assert ids(rig, MAKER if use == CENTRAL else CENTRAL) == []
    assert events(rig) == []


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_tc_076_a_root_is_deleted_by_its_hashes_and_then_not_found(algorithm: security.HashAlgorithm) -> None:
    """R-048: whatever algorithm the central system names it by."""
    rig = booted()
    pem, other = root("One"), root("Two", serial=7)
    assert (install(rig, pem), install(rig, other)) == ("Accepted", "Accepted")
    assert delete(rig, hashed(pem, algorithm)) == "Accepted"
    assert ids(rig) == [hashed(other, "SHA256")]
    assert delete(rig, hashed(pem, algorithm)) == "NotFound"


def test_trap_97_hexadecimal_has_no_case_and_no_leading_zeros() -> None:
    rig = booted()
    pem = root(serial=0x0ABC)
    install(rig, pem)
    (name,) = ids(rig)
    assert name.serial_number == "abc"
    loud = msgspec.structs.replace(
        name,
        issuer_name_hash=name.issuer_name_hash.upper(),
        issuer_key_hash=name.issuer_key_hash.upper(),
        serial_number="0ABC",
    )
    assert delete(rig, loud) == "Accepted"


def test_a_root_outlives_a_power_cut_and_not_the_factory_settings() -> None:
    rig = booted()
    pem = root()
    install(rig, pem)
    rig.power_cycle()
    rig.run(5)
    assert ids(rig) == [hashed(pem, "SHA256")]
    rig.tell(sig.Restored())
    rig.run(5)
    assert not [key for key in rig.memory if key.startswith("root/")]


def test_r_047_ten_roots_and_no_eleventh_and_none_twice() -> None:
    """CertificateStoreMaxLength counts both uses together."""
    rig = booted()
    for serial in range(1, 11):
        assert install(rig, root(serial=serial), MAKER if serial % 2 else CENTRAL) == "Accepted"
    assert install(rig, root(serial=2)) == "Accepted", "it is there already"
    assert install(rig, root(serial=11)) == "Rejected"
    assert (len(ids(rig)), len(ids(rig, MAKER))) == (5, 5)
    assert events(rig) == [], "the certificate was good"
    assert delete(rig, hashed(root(serial=2), "SHA256")) == "Accepted"
    assert install(rig, root(serial=11)) == "Accepted"


# --- what is refused -------------------------------------------------------------------------------------------------

X400 = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.17"), bytes.fromhex("3004a3020500"))
"""A name of a kind that no certificate has had since X.400."""

BAD: dict[str, Any] = {
    "no PEM": lambda: "a certificate",
    "no certificate": lambda: "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----",
    "letters of the world": lambda: root() + "ü",
    "two of them": lambda: root() + root("Two"),
    "over": lambda: root(days=0, begins=-30),
    "not yet": lambda: root(begins=1),
    "no authority": lambda: root(authority=False),
    "authority untold": lambda: root(authority=None),
    "of another": lambda: root("Middle", issuer="Root"),
    "a short RSA key": lambda: root(key="RSA 1024"),
    "a short curve": lambda: root(key="P-192"),
    "a version that there is not": lambda: root(change=VERSION),
    "a name that is a number": lambda: root(change=(b"\x0c\x04Root", b"\x02\x04Root")),
    "a serial number below zero": lambda: root(serial=0x4D, change=(b"\x02\x01\x4d", b"\x02\x01\xcd")),
    "an address that nobody reads": lambda: root(more=X400),
    "broken": lambda: root()[:200] + "AAAA" + root()[204:],
}


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
@pytest.mark.parametrize("what", BAD)
def test_tc_078_a_bad_root_is_refused_and_a_security_event(what: str) -> None:
    """R-049: InvalidCentralSystemCertificate, after the answer."""
    rig = booted()
    assert install(rig, BAD[what]()) == "Rejected"
    assert events(rig) == ["InvalidCentralSystemCertificate"]
    frames_sent = [frame for _, way, frame in rig.frames if way == "sent"]
    assert isinstance(frames_sent[-1], frames.Call), "the answer goes first"
    assert ids(rig) == []


def test_tc_078_a_bad_root_of_the_maker_is_no_such_event() -> None:
    rig = booted()
    assert install(rig, BAD["over"](), MAKER) == "Rejected"
    assert events(rig) == []


def test_a_certificate_that_was_not_trusted_is_told_once_there_is_a_link_again() -> None:
    """White paper, 8: InvalidCentralSystemCertificate. Dials that fail for the same reason are one event."""
    rig = booted()
    rig.cut()
    for _ in range(3):
        rig.tell(sig.LinkDown("the certificate of central.example:443 is not trusted: it has expired", untrusted=True))
    assert events(rig) == []
    rig.mend()
    assert events(rig) == ["InvalidCentralSystemCertificate"]
    (told,) = rig.said("SecurityEventNotification")
    assert told.tech_info == "the certificate of central.example:443 is not trusted: it has expired"


def test_a_full_disk_keeps_none_and_promises_none() -> None:
    """P9: what is not on disk is not acknowledged."""
    rig = booted()
    rig.disk = False
    rig.tell(sig.NotRemembered("no room"))
    answer = rig.ask(security.InstallCertificate(certificate_type=CENTRAL, certificate=root()))
    assert answer.status == "Failed"
    rig.disk = True
    rig.write()
    assert ids(rig) == []


# --- the link rests on them ------------------------------------------------------------------------------------------


def test_trap_98_the_last_root_of_the_live_connection_stays() -> None:
    rig = booted(SupervisionUrl="wss://central.example/ocpp")
    first, second = root("One"), root("Two")
    install(rig, first)
    assert not any(dial.roots for _, dial in rig.dials), "dialled before there was one"
    rig.cut()
    rig.mend()
    assert rig.dials[-1][1].roots == (first,)
    assert delete(rig, hashed(first, "SHA256")) == "Failed"
    install(rig, second)
    assert delete(rig, hashed(first, "SHA256")) == "Failed", "the link does not rest on the second one yet"
    rig.cut()
    rig.mend()
    assert delete(rig, hashed(first, "SHA256")) == "Accepted"
    assert delete(rig, hashed(second, "SHA256")) == "Failed"


@pytest.mark.parametrize(
    "settings",
    [
        {"SupervisionUrl": "ws://central.example/ocpp"},
        {"SupervisionUrl": "wss://central.example/ocpp", "SelfSignedCertificateAuthorized": "true"},
    ],
)
def test_where_no_root_is_asked_each_may_be_deleted(settings: dict[str, str]) -> None:
    rig = booted(**settings)
    install(rig, root())
    rig.cut()
    rig.mend()
    assert rig.dials[-1][1].roots == ()
    assert delete(rig, hashed(root(), "SHA256")) == "Accepted"


# --- who knows them --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["evlink-pro-ac@1.3.6", "evlink-pro-dc", "schneider-charge", "evlink-city"])
def test_r_014_products_without_them_say_so(model: str) -> None:
    """R-014: the Pro AC has had the security extension since 1.4.0."""
    rig = Rig(model)
    rig.run(3)
    answer = rig.ask(security.GetInstalledCertificateIds(certificate_type=CENTRAL))
    assert isinstance(answer, frames.Error)
    assert answer.code == "NotSupported"
    assert isinstance(rig.ask(messages.GetConfiguration(key=("CertificateStoreMaxLength",))).unknown_key, tuple)
