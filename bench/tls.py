"""What TLS costs: memory of a connection at each end, and handshakes, next to bare asyncio in the same minutes.

The memory is that of whole stations, booted, at our supervision; a bare end is a stream of asyncio and nothing more. A
handshake is that of TLS 1.3 by a certificate on P-256, and the WebSocket's after it; or it takes a session up.
"""

import datetime
import ipaddress
import os
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from parts.ends import until
from parts.figures import Of, emit, is_quick
from parts.machine import Child

FIRST, ALL = (20, 80) if is_quick() else (200, 1_000)
ROUNDS, EACH = (1, 50) if is_quick() else (5, 300)
BEFORE = 20
"""Handshakes before the clock runs: imports are made, roots are read, and a ticket is there."""

PAIRS = {
    "server": {
        "ours": ("ours", "bare"),
        "bare": ("bare", "bare"),
        "whole": ("ours", "ours"),
        "resumed": ("ours", "resumed"),
    },
    "station": {"ours": ("bare", "ours"), "bare": ("bare", "bare"), "resumed": ("bare", "resumed")},
}
"""Kinds of server and of client, by the end that is under test. Bare clients cannot resume: against the resumed ones
stand our own, for what is sent in how many pieces costs a server more than a signature."""


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Signed by itself, for the loopback; its file, and that of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bench")])
    now = datetime.datetime.now(datetime.UTC)
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(here, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(made.public_bytes(Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return paths


@contextmanager
def pair(server_kind: str, client_kind: str, certificate: Path, key: Path) -> Iterator[tuple[Child, Child]]:
    """A server and its clients, each ours or bare."""
    with ExitStack() as both:
        server = both.enter_context(Child("tls_server", server_kind, certificate, key))
        yield server, both.enter_context(Child("tls_clients", client_kind, server.hello["port"], certificate))


def memory(certificate: Path, key: Path) -> None:
    how = f"{FIRST:,} to {ALL:,} stations"
    with ExitStack() as both:
        central = both.enter_context(Child("central", "none", certificate, key))
        stations = both.enter_context(Child("stations", f"wss://127.0.0.1:{central.hello['port']}/ocpp"))
        stations.ask("connect", n=FIRST)
        until(lambda: stations.ask("booted") == FIRST, "the first are booted")
        before = stations.rss_kb(), central.rss_kb()
        stations.ask("connect", n=ALL - FIRST)
        until(lambda: stations.ask("booted") == ALL, "all are booted")
        after = stations.rss_kb(), central.rss_kb()
    say_memory([end - start for start, end in zip(before, after, strict=True)], "chargepost", how)
    with pair("bare", "bare", certificate, key) as (server, clients):
        clients.ask("connect", n=FIRST, keep=True)
        before = clients.rss_kb(), server.rss_kb()
        clients.ask("connect", n=ALL - FIRST, keep=True)
        after = clients.rss_kb(), server.rss_kb()
    say_memory([end - start for start, end in zip(before, after, strict=True)], "floor", how)


def say_memory(more_kb: list[float], of: Of, how: str) -> None:
    names = ("memory of one more station connected by TLS", "memory of one station held by TLS, supervision")
    for name, each in zip(names, more_kb, strict=True):
        emit(name, each / (ALL - FIRST), of, how)


def handshakes(end: str, certificate: Path, key: Path) -> None:
    """Of one end, the kinds by turns."""
    rates: dict[str, list[float]] = {name: [] for name in PAIRS[end]}
    for _ in range(ROUNDS):
        for name, found in rates.items():
            with pair(*PAIRS[end][name], certificate, key) as (server, clients):
                under_test = server if end == "server" else clients
                clients.ask("connect", n=BEFORE, keep=False)
                before_s = under_test.cpu_s()
                clients.ask("connect", n=EACH, keep=False)
                found.append(EACH / (under_test.cpu_s() - before_s))
    rate = {name: statistics.median(found) for name, found in rates.items()}
    how = f"{ROUNDS} rounds of {EACH}"
    emit(f"TLS handshakes of a {end}, per second of CPU", rate["ours"], "chargepost", how)
    emit(f"TLS handshakes of a {end}, per second of CPU", rate["bare"], "floor", how)
    emit(f"TLS handshakes of a {end}, against bare asyncio", rate["ours"] / rate["bare"], "chargepost", how)
    whole = rate.get("whole", rate["ours"])
    emit(f"TLS handshakes of a {end}, resumed, per second of CPU", rate["resumed"], "chargepost", how)
    emit(f"TLS handshakes of a {end}, resumed against whole", rate["resumed"] / whole, "chargepost", how)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        own, its_key = make_certificate(Path(folder))
        os.environ["SSL_CERT_FILE"] = str(own)  # for the stations; the children inherit it
        memory(own, its_key)
        for which in ("server", "station"):
            handshakes(which, own, its_key)
