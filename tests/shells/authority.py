"""An authority of the test's own, and the certificates it gives."""

import ipaddress
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

HERE = "127.0.0.1"


class Made(NamedTuple):
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    def files(self, folder: Path, name: str = "server") -> tuple[Path, Path]:
        """The certificate and its key, written there."""
        paths = folder / f"{name}.pem", folder / f"{name}.key"
        paths[0].write_text(self.pem)
        paths[1].write_bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return paths


def _made(name: str, issuer: Made | None, days: tuple[int, int], *extensions: tuple[x509.ExtensionType, bool]) -> Made:
    key = ec.generate_private_key(ec.SECP256R1())
    called = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder: Any = (
        x509.CertificateBuilder()
        .subject_name(called)
        .issuer_name(issuer.certificate.subject if issuer else called)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return Made(builder.sign(issuer.key if issuer else key, SHA256()), key)


def root(name: str = "Our root") -> Made:
    return _made(name, None, (-400, 400), (x509.BasicConstraints(ca=True, path_length=None), True))


@cache
def ours() -> Made:
    return root()


@cache
def foreign() -> Made:
    return root("Another root")


def given(by: Made | None, *, name: str = HERE, days: tuple[int, int] = (-2, 30)) -> Made:
    """The certificate of a server under this name or address; by nobody: signed by itself."""
    try:
        named: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        named = x509.DNSName(name)
    return _made(
        "central",
        by,
        days,
        (x509.SubjectAlternativeName([named]), False),
        (x509.BasicConstraints(ca=False, path_length=None), True),
    )
