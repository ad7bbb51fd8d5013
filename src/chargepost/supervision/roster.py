"""Who may connect: keys of stations, kept as hashes, compared in constant time. Pure: salts and keys are drawn outside.

A station's key is random and long (OCPP: 16 to 20 bytes), so one fast keyed hash is right: a slow one would make ten
thousand stations that come back at once wait for minutes, and guessing 2^128 keys needs no slowing down.
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase

import msgspec

SALT_BYTES = 16
KEY_BYTES = 15
"""Drawn for a key: 120 bits, written as 20 characters that are their own bytes. The white paper wants 16 to 20 bytes
(A00.FR.205), and some products take no more than 20 characters, so hex digits would not do."""


def new_key(draw: Callable[[int], bytes]) -> str:
    """A station's AuthorizationKey, to be shown once and kept as a hash."""
    return urlsafe_b64encode(draw(KEY_BYTES)).decode()


class Knock(msgspec.Struct, frozen=True):
    """A WebSocket handshake that asks to be let in."""

    identity: str
    subprotocols: tuple[str, ...]
    user: str | None = None
    password: bytes | None = None
    peer: str = ""
    """The address it comes from, without the port."""


class Refusal(msgspec.Struct, frozen=True):
    """An HTTP status and the reason, in words that help and give nothing away."""

    status: int
    reason: str


SUBPROTOCOL = "ocpp1.6"
IDENTITY_MAX = 255
"""Characters: ten times what any product has; it stands in logs and pages, so it must also be printable."""


def hash_password(password: bytes, salt: bytes) -> str:
    """HMAC-SHA256 under a salt of the station's own: "salt$hash" in hex."""
    return f"{salt.hex()}${hmac.new(salt, password, hashlib.sha256).hexdigest()}"


def password_matches(password: bytes, stored: str) -> bool:
    """Whether `password` has this hash, in constant time."""
    salt, _, _ = stored.partition("$")
    return hmac.compare_digest(hash_password(password, bytes.fromhex(salt)), stored)


def key_bytes(value: str) -> bytes:
    """The password an AuthorizationKey stands for: hex digits for bytes, else the text itself."""
    try:
        return bytes.fromhex(value)
    except ValueError:
        return value.encode()


def fits(word: str, patterns: Iterable[str]) -> bool:
    """Whether one of the operator's patterns (`FLEET-*`, `A?`, `[AB]1`) is of this word, case included."""
    return any(fnmatchcase(word, pattern) for pattern in patterns)


def judge(knock: Knock, known: bool, password_hash: str, accept_unknown: bool, accept_open: bool) -> Refusal | None:
    """None when the handshake may go on (OCPP-J 3.1.2, 3.2, 6; white paper, A00.FR.203).

    `accept_open` lets stations in that have no password set; where one is set it is always asked for.
    """
    if not 0 < len(knock.identity) <= IDENTITY_MAX or not knock.identity.isprintable():
        return Refusal(404, "the address names no station")
    if SUBPROTOCOL not in knock.subprotocols:
        return Refusal(400, f"no common subprotocol: {SUBPROTOCOL} is spoken here")
    if not known and not accept_unknown:
        return Refusal(404, "unknown station")
    if not password_hash:
        return None if accept_open else Refusal(401, "no password is set for this station")
    if knock.password is None:
        return Refusal(401, "the handshake carries no password")
    named = hmac.compare_digest((knock.user or "").encode(), knock.identity.encode())
    right = password_matches(knock.password, password_hash)
    return None if named and right else Refusal(401, "wrong user or password")
