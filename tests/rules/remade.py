"""Certificates that no program makes: some bytes of a good one are others, and it is signed anew (P-256)."""

import ssl

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

Change = tuple[bytes, bytes]
"""Bytes of the certificate, and what stands in their place; as long."""

VERSION: Change = (bytes.fromhex("a003020102"), bytes.fromhex("a003020108"))
"""A version of X.509 that there is not."""

CURVE: Change = (bytes.fromhex("06082a8648ce3d030107"), bytes.fromhex("06082a8648ce3d030177"))
"""A curve that nobody knows."""

KEY: Change = (bytes.fromhex("06072a8648ce3d0201"), bytes.fromhex("06072a8648ce3d0277"))
"""A kind of key that nobody knows."""

ECDSA_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")


def remade(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey, change: Change) -> str:
    """In PEM."""
    old, new = change
    inner = certificate.tbs_certificate_bytes.replace(old, new)
    assert inner != certificate.tbs_certificate_bytes
    assert len(old) == len(new)
    signature = _element(0x03, b"\0" + key.sign(inner, ec.ECDSA(SHA256())))
    return ssl.DER_cert_to_PEM_cert(_element(0x30, inner + ECDSA_SHA256 + signature))


def _element(tag: int, content: bytes) -> bytes:
    """DER, long form: a certificate has a few hundred bytes."""
    size = len(content)
    return bytes((tag, size) if size < 128 else (tag, 0x82, *size.to_bytes(2))) + content
