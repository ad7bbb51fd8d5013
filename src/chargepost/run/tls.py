"""TLS of the links, on both sides: who is trusted, who we are, and what a refusal means (white paper "Improved security
for OCPP 1.6-J", edition 3, 2.4 and A00).

Contexts are shared: reading the roots of a system takes milliseconds and a third of a megabyte, a station has neither.
"""

import functools
import logging
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chargepost.run.resumption import Client

CONTEXTS_KEPT = 64
"""Sets of root certificates whose reading is remembered: more than the operators one process serves."""

SUITES = ":".join(
    (
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-RSA-CHACHA20-POLY1305",
    )
)
"""Of TLS 1.2, ours first; those of 1.3 are all of this kind. A key that is stolen later opens no old conversation, so
the white paper's TLS_RSA_... (A00.FR.317) are not among them."""

TICKETS = 1
"""Given after a whole handshake of TLS 1.3, so that the next may be a short one. A station needs no second: one may be
shown again, and what others might learn from that, a station says by its name anyway (RFC 8446, C.4)."""

BUFFER_BYTES = 17 * 1024
"""Of a connection, for each direction: one TLS record, 16 KiB and its frame."""

BUFFERS: dict[str, Any] = {"ssl_incoming_bio_size": BUFFER_BYTES, "ssl_outgoing_bio_size": BUFFER_BYTES}
"""What aiofastnet is told; by itself it takes sixteen records for each."""


class TlsError(Exception):
    """A certificate or key that cannot be served; the text is one line for people."""


# --- the client -----------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=CONTEXTS_KEPT)
def client(accept_self_signed: bool, roots: tuple[str, ...] = ()) -> Client:
    """Verified against these roots (PEM), else the system's, unless a self-signed certificate is to be accepted: then
    not at all. Other roots are another context, and so other sessions."""
    context = Client(ssl.PROTOCOL_TLS_CLIENT)
    if roots:
        context.load_verify_locations(cadata="".join(roots))
    else:
        context.load_default_certs()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if accept_self_signed:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return _without_files(context)


def pinned(certificate: Path) -> Client:
    """For stations that dial their own process: the certificate that it serves is trusted, under whatever name."""
    context = Client(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(certificate)
    return _without_files(context)


def _without_files(context: Client) -> Client:
    """aiofastnet would write each certificate it has verified to a file and read it back: a third of the handshake's
    CPU, and no connection once the disk is full. It does not where it uses Python's own TLS, told by a name of its
    own; should the name be gone one day, a test fails."""
    vars(context)["_aiofastnet_force_fallback_ssl"] = True
    return context


EXPIRED, NOT_YET, NAME, ADDRESS = (10,), (9,), (62,), (64,)
UNKNOWN_ROOT = (2, 19, 20, 21)
SELF_SIGNED = (18,)
WEAK = (66, 67, 68)
"""OpenSSL's codes of X509_V_ERR_..., as SSLCertVerificationError.verify_code has them."""

UNTRUSTED: dict[tuple[int, ...], str] = {
    EXPIRED: "it has expired: it needs a new one, unless the clock of this machine is wrong",
    NOT_YET: "it is not valid yet: is the clock of this machine wrong?",
    NAME: "the name does not match: it is not for {host}, dial the name that it is for",
    ADDRESS: "the name does not match: it is not for the address {host}, dial the name that it is for",
    UNKNOWN_ROOT: "unknown root: {roots} vouches for it: install its root certificate, or name it by SSL_CERT_FILE",
    SELF_SIGNED: "unknown root: it is self-signed and {roots} vouches for it: install it as a root certificate",
    WEAK: "its key or signature is too weak",
}

CERTIFICATE, DISTRUST = "the certificate of ", " is not trusted: "
WHOSE = {False: "no root of this system", True: "no root that is installed in the station"}


def in_words(error: ssl.SSLError, place: str, roots: Sequence[str]) -> str:
    """Why there is no TLS with this HOST:PORT, for a person who has to put it right; `roots`: those of the dial."""
    if isinstance(error, ssl.SSLCertVerificationError):
        words = next((words for codes, words in UNTRUSTED.items() if error.verify_code in codes), error.verify_message)
        words = words.format(host=place.rpartition(":")[0], roots=WHOSE[bool(roots)])
        return f"{CERTIFICATE}{place}{DISTRUST}{words}"
    return f"no TLS with {place}: {error.reason or error}: is it a wss port?"


def is_untrusted(reason: str) -> bool:
    """Whether a dial failed for this kind of reason."""
    return reason.startswith(CERTIFICATE) and DISTRUST in reason


# --- the server -----------------------------------------------------------------------------------------------------


def server(certificate: Path, key: Path) -> ssl.SSLContext:
    """What a port serves with this chain and its key (PEM). Raises TlsError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(SUITES)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.num_tickets = TICKETS
    _must_be_pem(certificate, "CERTIFICATE-----", "certificate")
    _must_be_pem(key, "PRIVATE KEY-----", "private key")
    try:
        context.load_cert_chain(certificate, key, password=functools.partial(_locked, key))
    except ssl.SSLError as error:
        raise TlsError(_unfit(error, certificate, key)) from None
    for each in unusable(certificate, datetime.now(UTC)):
        logging.getLogger(__name__).warning("%s: %s", certificate, each)
    return context


def _must_be_pem(path: Path, mark: str, what: str) -> None:
    try:
        found = path.read_text("ascii", errors="replace")
    except OSError as error:
        raise TlsError(f"{path}: cannot be read: {error.strerror}: give a {what} in PEM") from None
    if mark not in found:
        raise TlsError(f"{path}: holds no {what} in PEM, the form that begins with -----BEGIN")


def _locked(key: Path) -> str:
    """Instead of OpenSSL's question at the terminal."""
    raise TlsError(f"{key}: is locked by a password: write it anew without, readable by this user alone")


def _unfit(error: ssl.SSLError, certificate: Path, key: Path) -> str:
    if error.reason == "KEY_VALUES_MISMATCH":
        return f"{key}: does not belong to {certificate}: name the key that the certificate was made with"
    if error.reason in ("EE_KEY_TOO_SMALL", "CA_MD_TOO_WEAK", "CA_KEY_TOO_SMALL"):
        return f"{certificate}: is too weak ({error.reason}): make one with a key on the curve P-256"
    return f"{certificate} and {key}: cannot be served: {error.reason or error}: are both whole, in PEM?"


def unusable(certificate: Path, at: datetime) -> list[str]:
    """Why stations will not take this certificate at that time; the wish to serve it is not refused for that."""
    from cryptography import x509  # noqa: PLC0415 - large, and few serve TLS

    own = x509.load_pem_x509_certificates(certificate.read_bytes())[0]
    found = []
    if at > own.not_valid_after_utc:
        found.append(f"has expired on {own.not_valid_after_utc:%Y-%m-%d}: stations will refuse it")
    if at < own.not_valid_before_utc:
        found.append(f"is not valid before {own.not_valid_before_utc:%Y-%m-%d}: stations will refuse it until then")
    try:
        own.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        found.append("has no subjectAltName: stations will refuse it, whatever its CN says")
    return found
