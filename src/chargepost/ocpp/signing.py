"""Who signed a firmware: the certificate of a signed update, and its signature over the whole file (white paper
"Improved security for OCPP 1.6-J", edition 3, L01 and 2.4). Pure; `cryptography` is imported where it is needed.
"""

import binascii
from base64 import b64decode
from collections.abc import Iterable
from datetime import datetime

from chargepost.ocpp import certificates


def unfit(pem: str, roots: Iterable[str], at: datetime) -> str:
    """Why this certificate (PEM) may not sign a firmware at that date; empty when it may.

    One of the manufacturer's roots (PEM) has to have issued it itself: there are no certificates in between.
    """
    try:
        certificate = certificates.read(pem)
        certificates.must_be_strong(certificate)
    except certificates.Unfit as unfit:
        return str(unfit)
    if not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
        return f"valid from {certificate.not_valid_before_utc:%Y-%m-%d} to {certificate.not_valid_after_utc:%Y-%m-%d}"
    for root in roots:
        try:
            certificate.verify_directly_issued_by(certificates.read(root))
        except certificates.not_understood():
            continue
        return ""
    return "issued by no root of a manufacturer that is installed here"


def signed(data: bytes, pem: str, signature: str) -> bool:
    """The signature (base64) is that of the certificate (PEM) over all of the data, with SHA-256.

    ECDSA, RSA-PSS, or RSA with PKCS#1 v1.5, which is met in practice (reference 15.8).
    """
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

    try:
        key, given = certificates.read(pem).public_key(), b64decode(signature, validate=True)
    except (certificates.Unfit, binascii.Error, ValueError):
        return False
    pss = padding.PSS(padding.MGF1(SHA256()), padding.PSS.AUTO)
    for rsa_padding in (pss, padding.PKCS1v15()):
        try:
            match key:
                case ec.EllipticCurvePublicKey():
                    key.verify(given, data, ec.ECDSA(SHA256()))
                case rsa.RSAPublicKey():
                    key.verify(given, data, rsa_padding, SHA256())
                case _:
                    return False
        except (InvalidSignature, UnsupportedAlgorithm):
            continue
        return True
    return False
