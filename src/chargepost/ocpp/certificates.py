"""Root certificates as OCPP handles them: judged when they come, named by hashes (white paper "Improved security for
OCPP 1.6-J", edition 3, M03 to M05). Pure; `cryptography` is imported where it is needed: most stations never see one.
"""

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING, Any, get_args

from chargepost.ocpp.security import CertificateHashData, HashAlgorithm

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

RSA_LEAST_BITS, CURVE_LEAST_BITS = 2048, 224
"""Shorter keys are not trusted (white paper, 2.4)."""

SERIAL_MAX = 40
"""Hexadecimal digits of a serial number: the schema of CertificateHashData."""

ALGORITHMS: tuple[HashAlgorithm, ...] = get_args(HashAlgorithm)


class Unfit(ValueError):
    """This is no root certificate to be trusted; its text says why, for people."""


def judged(pem: str, at: datetime) -> str:
    """The root certificate in `pem`, as PEM in one form. Raises `Unfit` when it is none, or not valid at `at`."""
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415

    certificate = read(pem)
    if not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
        raise Unfit(
            f"valid from {certificate.not_valid_before_utc:%Y-%m-%d} to {certificate.not_valid_after_utc:%Y-%m-%d}"
        )
    _must_be_a_root(certificate)
    must_be_strong(certificate)
    if certificate.serial_number < 0 or len(f"{certificate.serial_number:x}") > SERIAL_MAX:
        raise Unfit("the serial number is none that X.509 allows")
    kept = certificate.public_bytes(Encoding.PEM).decode("ascii")
    try:
        named(kept, ALGORITHMS[0])
    except not_understood():
        raise Unfit("the name in it is not understood") from None
    return kept


def not_understood() -> tuple[type[Exception], ...]:
    """What `cryptography` raises for a certificate that it cannot make sense of, at whichever field it looks; these
    have no base of their own."""
    from cryptography import x509  # noqa: PLC0415
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm  # noqa: PLC0415

    return (
        ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm, x509.InvalidVersion, x509.ExtensionNotFound,
        x509.DuplicateExtension, x509.UnsupportedGeneralNameType,
    )  # fmt: skip


def read(pem: str) -> "Certificate":
    from cryptography import x509  # noqa: PLC0415

    try:
        certificates = x509.load_pem_x509_certificates(pem.encode("ascii"))
    except not_understood():
        raise Unfit("not a certificate in PEM") from None
    if len(certificates) != 1:
        raise Unfit(f"{len(certificates)} certificates instead of one")
    return certificates[0]


def _must_be_a_root(certificate: "Certificate") -> None:
    """One that may sign others (RFC 5280, 4.2.1.9), signed by itself."""
    from cryptography import x509  # noqa: PLC0415

    try:
        constraints: Any = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        authority = bool(constraints.ca)
    except not_understood():
        authority = False
    if not authority:
        raise Unfit("not the certificate of an authority")
    try:
        certificate.verify_directly_issued_by(certificate)
    except not_understood():
        raise Unfit("not signed by itself: not a root") from None


def must_be_strong(certificate: "Certificate") -> None:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa  # noqa: PLC0415

    try:
        key = certificate.public_key()
    except not_understood():
        raise Unfit("the key is of no known kind") from None
    match key:
        case rsa.RSAPublicKey(key_size=bits) if bits >= RSA_LEAST_BITS:
            return
        case ec.EllipticCurvePublicKey(key_size=bits) if bits >= CURVE_LEAST_BITS:
            return
    raise Unfit(f"the key is neither RSA of {RSA_LEAST_BITS} bits nor on a curve of {CURVE_LEAST_BITS}")


def named(pem: str, algorithm: HashAlgorithm) -> CertificateHashData:
    """How OCPP names a root certificate: hashes of the issuer's name and key (itself), and the serial number."""
    certificate = read(pem)
    return CertificateHashData(
        hash_algorithm=algorithm,
        issuer_name_hash=_hash(algorithm, certificate.issuer.public_bytes()),
        issuer_key_hash=_hash(algorithm, _key_bits(certificate)),
        serial_number=f"{certificate.serial_number:x}",
    )


def is_named(pem: str, name: CertificateHashData) -> bool:
    """Whether this certificate is meant; hexadecimal digits have no case, zeros in front count nothing (trap 97)."""
    own = named(pem, name.hash_algorithm)
    return (own.issuer_name_hash, own.issuer_key_hash, own.serial_number) == (
        name.issuer_name_hash.lower(),
        name.issuer_key_hash.lower(),
        name.serial_number.lower().lstrip("0") or "0",
    )


def fingerprint(pem: str) -> str:
    """Different for each certificate."""
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

    return read(pem).fingerprint(SHA256()).hex()


def _hash(algorithm: HashAlgorithm, data: bytes) -> str:
    return hashlib.new(algorithm, data).hexdigest()


def _key_bits(certificate: "Certificate") -> bytes:
    """The value of the BIT STRING subjectPublicKey without tag, length and count of unused bits (RFC 6960, 4.1.1)."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415

    info = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    _, content = _element(info)
    algorithm_end, _ = _element(content)
    _, bits = _element(content[algorithm_end:])
    return bits[1:]


def _element(der: bytes) -> tuple[int, bytes]:
    """Where the first DER element ends, and what is in it (X.690, 8.1)."""
    length, start = der[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(der[2:start])
    return start + length, der[start : start + length]
