"""The signing key of a calibrated meter, simulated: always the same for one serial number. It protects nothing: whoever
knows the number can make the key.
"""

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Private keys of the curve P-256 are 1 to this, less one (SEC 2, 2.4.2)."""


def signing_key(serial: str) -> "EllipticCurvePrivateKey":
    """With what the meter of this station signs: ECDSA on P-256."""
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - a tenth of a second, for few stations

    number = int.from_bytes(hashlib.sha512(f"meter of {serial}".encode()).digest())
    return ec.derive_private_key(number % (P256_ORDER - 1) + 1, ec.SECP256R1())


def public_key(serial: str) -> str:
    """By what anybody checks it: SubjectPublicKeyInfo (RFC 5480) in hexadecimal, as transparency software takes it."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415

    der = signing_key(serial).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return der.hex().upper()
