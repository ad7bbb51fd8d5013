"""Servers for files on loopback sockets with free ports: FTP, FTPS, HTTP, HTTPS, and one that does whatever is said."""

import contextlib
import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler, TLS_FTPHandler
from pyftpdlib.ioloop import IOLoop
from pyftpdlib.servers import FTPServer

USER, PASSWORD = "yard", "s3cret/word"
QUOTED = "s3cret%2Fword"


def certificate(folder: Path) -> Path:
    """A self-signed certificate of 127.0.0.1 with its key, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "files.example")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


@contextlib.contextmanager
def ftp(folder: Path, pem: Path | None = None, **settings: Any) -> Iterator[int]:
    """An FTP server of this folder, with TLS where a certificate is given; its port."""
    authorizer = DummyAuthorizer()
    authorizer.add_user(USER, PASSWORD, str(folder), perm="elradfmwMT")
    base = TLS_FTPHandler if pem else FTPHandler
    tls = {"certfile": str(pem), "tls_control_required": True, "tls_data_required": True} if pem else {}
    handler = type("Handler", (base,), {"authorizer": authorizer, "auth_failed_timeout": 0, **tls, **settings})
    loop = IOLoop()
    server = FTPServer(("127.0.0.1", 0), handler, ioloop=loop)
    done = threading.Event()

    def serve() -> None:
        while not done.is_set():
            loop.loop(0.01, blocking=False)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield server.socket.getsockname()[1]
    finally:
        done.set()
        thread.join()
        server.close_all()
        loop.close()


class Web:
    """An HTTP server: what it has, what it was sent, and where it sends on."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.moved: dict[str, str] = {}
        self.sent: dict[str, tuple[bytes, str]] = {}
        """By path: the body, and the Authorization header."""
        self.asked: list[tuple[str, str]] = []
        """Path and Authorization header."""
        self.posted: list[tuple[str, Message, bytes]] = []
        """Path, headers and body."""
        self.answers_post = 200
        self.port = 0


@contextlib.contextmanager
def web(pem: Path | None = None) -> Iterator[Web]:
    what = Web()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            what.asked.append((self.path, self.headers.get("Authorization", "")))
            if self.path in what.moved:
                self.send_response(302)
                self.send_header("Location", what.moved[self.path])
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if self.path not in what.files:
                self.send_error(401 if self.path == "/private" else 404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(what.files[self.path])))
            self.end_headers()
            self.wfile.write(what.files[self.path])

        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            what.sent[self.path] = body, self.headers.get("Authorization", "")
            self.send_response(201)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_POST(self) -> None:
            what.posted.append((self.path, self.headers, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(what.answers_post)
            if 300 <= what.answers_post < 400:
                self.send_header("Location", what.moved[self.path])
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None: ...

    server = Server(("127.0.0.1", 0), Handler)
    if pem:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    what.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield what
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def hostile(act: Callable[[socket.socket], None]) -> Iterator[int]:
    """Whoever connects is treated like this, until one of both has enough; its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []
    peers: list[socket.socket] = []

    def treat(peer: socket.socket) -> None:
        with peer, contextlib.suppress(OSError):
            act(peer)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = listener.accept()
                peers.append(peer)
                threads.append(threading.Thread(target=treat, args=(peer,)))
                threads[-1].start()

    threads.append(threading.Thread(target=accept))
    threads[0].start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for peer in peers:
            with contextlib.suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()


def silent(peer: socket.socket) -> None:
    """Listens, and says nothing."""
    while peer.recv(1_000):
        pass
