"""The firmware image: one signed file that says which release of a product a station is to become. Pure: bytes in.

```
magic          "chargepost firmware\\n"
length         of the body, 4 bytes, big endian
digest         SHA-256 of the body
body           length of the manifest (4 bytes), the manifest (JSON), then its parts one after the other
length         of the signature, 2 bytes
signature      ECDSA over P-256 with SHA-256 of all that stands before its length (DER)
```

It holds data and never code: the product files of the release. Nothing in it is unpacked, compressed or written
anywhere, and nothing of the manifest is read before the signature over the whole has been found good. Why an image
does not bring a release that the program does not know: docs/decisions/an-image-names-a-release.md.
"""

from collections.abc import Iterable
from hashlib import sha256
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import msgspec

from chargepost.catalogue.load import ModelError, files, load, releases
from chargepost.catalogue.model import Model
from chargepost.ocpp import signing

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey

MAGIC = b"chargepost firmware\n"
FORMAT = 1
SIZE_MAX = 1 << 20
"""Bytes of an image: ten times the largest product with all it extends."""
MANIFEST_MAX = 1 << 14
SIGNATURE_MAX = 72
"""Bytes of the longest DER signature over P-256."""
PARTS_MAX = 16
"""A product file, what it extends, and the standard keys: five today."""
DIGEST = sha256().digest_size


class WrongKey(ValueError):
    """A key file is not the one it has to be; its text says what to do."""


class Broken(ValueError):
    """The bytes are no whole image; its text says where they stop making sense."""


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One product file inside an image."""

    name: Annotated[str, msgspec.Meta(max_length=128)]
    size_bytes: Annotated[int, msgspec.Meta(ge=0, le=SIZE_MAX)]
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an image says of itself."""

    format: int
    line: Annotated[str, msgspec.Meta(max_length=64)]
    release: Annotated[str, msgspec.Meta(max_length=64)]
    variants: Annotated[tuple[str, ...], msgspec.Meta(max_length=64)]
    made_from: Annotated[str, msgspec.Meta(max_length=64)]
    """The program and its version."""
    parts: Annotated[tuple[Part, ...], msgspec.Meta(min_length=1, max_length=PARTS_MAX)]


class Verdict(NamedTuple):
    """What a file is to a station (`signals.Examined`)."""

    verdict: Literal["good", "forged", "damaged", "unsigned", "foreign"]
    model: str = ""
    """What a good image makes of the station, as a model's full name."""
    reason: str = ""
    """For people."""


# --- making ----------------------------------------------------------------------------------------------------------


def make(line: str, release: str, made_from: str, private_key_pem: bytes) -> bytes:
    """The image of one release of a product, signed. Raises `ModelError` and `WrongKey`."""
    model, parts = load(f"{line}@{release}"), files(line, release)
    rows = tuple(Part(name, len(data), sha256(data).hexdigest()) for name, data in parts.items())
    manifest = Manifest(FORMAT, line, release, tuple(model.variants), made_from, rows)
    return seal(msgspec.json.encode(manifest), parts.values(), private_key_pem)


def seal(manifest: bytes, parts: Iterable[bytes], private_key_pem: bytes) -> bytes:
    """Lay out and sign; what is in it is the caller's."""
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415 - a station that is never updated needs none
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    body = len(manifest).to_bytes(4) + manifest + b"".join(parts)
    whole = MAGIC + len(body).to_bytes(4) + sha256(body).digest() + body
    signature = _private(private_key_pem).sign(whole, ec.ECDSA(hashes.SHA256()))
    return whole + len(signature).to_bytes(2) + signature


def draw_key() -> tuple[bytes, bytes]:
    """A new key pair of a maker: the private and the public part, PEM. Nobody trusts it until it is told to."""
    from cryptography.hazmat.primitives import serialization as s  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    private = ec.generate_private_key(ec.SECP256R1())
    public = private.public_key().public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo)
    return private.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()), public


def public_part(private_key_pem: bytes) -> bytes:
    """The public key that goes with a private one, PEM. Raises `WrongKey`."""
    from cryptography.hazmat.primitives import serialization as s  # noqa: PLC0415

    key = _private(private_key_pem).public_key()
    return key.public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo)


# --- examining -------------------------------------------------------------------------------------------------------


def examine(
    data: bytes, model: Model, trusted_keys: Iterable[bytes], certificate: str = "", signature: str = ""
) -> Verdict:
    """Is this a firmware of the station's product, whole, and signed by one of these public keys (PEM)?

    With a `certificate` (PEM) the whole file has to be what its `signature` (base64) says, first of all.

    A release older than the station's is as good as a newer one: no guide forbids the way back.
    Raises `WrongKey` for a trusted key that is none, and nothing else whatever the bytes are.
    """
    keys = [_public(pem) for pem in trusted_keys]
    if certificate and not signing.signed(data, certificate, signature):
        return Verdict("forged", reason="it is not what the certificate of the request signed")
    try:
        whole, body, own = _split(data)
    except Broken as broken:
        return Verdict("damaged", reason=str(broken))
    if not keys:
        return Verdict("unsigned", reason="no maker's key is trusted here: name one")
    if not any(_signed(key, whole, own) for key in keys):
        return Verdict("unsigned", reason="nobody who is trusted here signed it")
    try:
        manifest, parts = _read(body)
    except Broken as broken:
        return Verdict("damaged", reason=str(broken))
    return _fits(manifest, parts, model)


def _split(data: bytes) -> tuple[bytes, bytes, bytes]:
    """What is signed, the body in it, and the signature."""
    head = len(MAGIC) + 4 + DIGEST
    if not data.startswith(MAGIC):
        raise Broken("it is no firmware image: it begins with something else")
    if len(data) > SIZE_MAX:
        raise Broken(f"it has {len(data)} bytes, more than the {SIZE_MAX} of any image")
    end = head + int.from_bytes(data[len(MAGIC) : len(MAGIC) + 4])
    length = int.from_bytes(data[end : end + 2])
    if len(data) < end + 2 or len(data) < end + 2 + length:
        raise Broken(f"it breaks off after {len(data)} bytes")
    if len(data) > end + 2 + length or length > SIGNATURE_MAX:
        raise Broken("something stands behind its end")
    body = data[head:end]
    if sha256(body).digest() != data[head - DIGEST : head]:
        raise Broken("its digest is another: it was changed on its way")
    return data[:end], body, data[end + 2 :]


def _read(body: bytes) -> tuple[Manifest, dict[str, bytes]]:
    size = int.from_bytes(body[:4])
    if size > min(MANIFEST_MAX, len(body) - 4):
        raise Broken("its manifest is longer than it may be")
    try:
        manifest = msgspec.json.decode(body[4 : 4 + size], type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Broken(f"its manifest cannot be read: {error}") from None
    if manifest.format != FORMAT:
        raise Broken(f"it is written in format {manifest.format}, this program reads {FORMAT}")
    parts: dict[str, bytes] = {}
    at = 4 + size
    for row in manifest.parts:
        part = body[at : at + row.size_bytes]
        if sha256(part).hexdigest() != row.sha256:
            raise Broken(f"its part {row.name!r} is not the one that its manifest names")
        parts[row.name] = part
        at += row.size_bytes
    if at != len(body):
        raise Broken("its parts are not as long as its manifest says")
    return manifest, parts


def _fits(manifest: Manifest, parts: dict[str, bytes], model: Model) -> Verdict:
    name = f"{manifest.line}@{manifest.release}"
    if manifest.line != model.line:
        return Verdict("foreign", reason=f"it is a firmware of {name}, and this station is of {model.line}")
    if manifest.release not in releases().get(model.line, ()):
        return Verdict("foreign", reason=f"this program knows no release {manifest.release} of {model.line}")
    if parts != files(model.line, manifest.release):
        made = f"it was made by {manifest.made_from} from other product files than this program has of {name}"
        return Verdict("foreign", reason=f"{made}: make it anew")
    try:
        target = load(f"{model.line}/{model.variant}@{manifest.release}")
    except ModelError:
        target = None
    if target is None or model.variant not in manifest.variants:
        return Verdict("foreign", reason=f"{name} is not for the variant {model.variant}")
    return Verdict("good", target.name)


# --- keys ------------------------------------------------------------------------------------------------------------


def check_key(pem: bytes) -> None:
    """Raises `WrongKey` for what is not the public key of a maker: tell it at the start, not at the first update."""
    _public(pem)


def _public(pem: bytes) -> "EllipticCurvePublicKey":
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_public_key  # noqa: PLC0415

    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise WrongKey("it is no public key in PEM: `make firmware` writes one beside the images") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise WrongKey("it is no key for ECDSA over P-256: `make firmware` writes one beside the images")
    return key


def _private(pem: bytes) -> "EllipticCurvePrivateKey":
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    try:
        key = load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise WrongKey("it is no private key in PEM") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise WrongKey("it is no key for ECDSA over P-256")
    return key


def _signed(key: "EllipticCurvePublicKey", whole: bytes, signature: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    try:
        key.verify(signature, whole, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True
