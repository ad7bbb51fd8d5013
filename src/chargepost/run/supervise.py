"""The supervision on real sockets: its pages, its API and its OCPP on one port."""

import re
import secrets
import ssl
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import msgspec

from chargepost.journal import StoreError
from chargepost.run import tls
from chargepost.run.addresses import Address
from chargepost.run.clock import Clock
from chargepost.run.control import is_loopback
from chargepost.run.http import Server, serve
from chargepost.run.metrics import Metric, counted, of_store, of_tally, one
from chargepost.run.overheard import Ears
from chargepost.run.site import SupervisionPart
from chargepost.run.store import Store
from chargepost.run.websocket import Admit, Handshake, Listener, Refusal
from chargepost.supervision import api, roster
from chargepost.supervision.access import OPERATOR
from chargepost.supervision.answers import Policy
from chargepost.supervision.host import Host
from chargepost.supervision.ledger import Ledger
from chargepost.supervision.wishes import BadgeRow, StationRow
from chargepost.web import LOOPBACK

DRAW = secrets.token_bytes

ADMIT_KEY_MIN, ADMIT_KEY_MAX = 16, 40
"""Characters: the white paper's least (A00.FR.205), and the longest AuthorizationKey of OCPP 1.6. Hex digits for 16 to
20 bytes are those bytes, as stations read them (trap 59)."""


class Supervision:
    """One central system that listens."""

    def __init__(
        self, host: Host, server: Server, first_password: str | None, is_open: bool, ears: Ears,
        pinned: ssl.SSLContext | None = None,
    ) -> None:  # fmt: skip
        self.host, self.server, self.ears = host, server, ears
        self.pinned = pinned
        """By which stations of this process know it; None: it serves without TLS."""
        self.first_password = first_password
        """Of the operator, to be shown once; None when there is one already."""
        self._is_open = is_open
        self.at = Address(server.host, server.port)
        self._s = "s" if pinned else ""

    @property
    def pages(self) -> str:
        return f"http{self._s}://{self.at.from_here()}/"

    @property
    def ocpp(self) -> str:
        return f"ws{self._s}://{self.at.from_here()}/ocpp"

    @property
    def from_others(self) -> str:
        return f"ws{self._s}://{self.at.from_elsewhere()}/ocpp"

    def expect(self, identities: Iterable[str]) -> Mapping[str, str]:
        """Put stations of our own on the roster. Their keys, where stations need one, by identity."""
        keys = {}
        for identity in identities:
            known = self.host.central.state.stations.get(identity)
            if known is None:
                self.host.central.enrol(StationRow(identity))
            if not self._is_open:
                keys[identity] = key = roster.new_key(DRAW)
                self.host.central.set_password(identity, key.encode())
        self.host.drain()
        return keys

    def metrics(self) -> list[Metric]:
        """What the central system tells Prometheus."""
        state = self.host.central.state
        online = sum(station.session is not None for station in state.stations.values())
        links = {"online": online, "offline": len(state.stations) - online}
        return [
            counted("chargepost_supervision_stations", "gauge", "Stations the supervision knows.", "link", links),
            one("chargepost_supervision_open_transactions", "gauge", "Transactions without an end.", len(state.open)),
            *of_tally("supervision", self.ears.tally),
            *of_store("supervision", self.host.ledger.journal),
        ]

    def forget_first_password(self) -> None:
        """Nobody was shown it: the next start draws another one."""
        if self.first_password:
            self.host.ledger.put_user(OPERATOR, "")

    async def close(self) -> None:
        await self.server.close()
        self.host.close()


async def supervise(
    part: SupervisionPart,
    address: Address,
    store: Store,
    clock: Clock,
    on_trouble: Callable[[str | None], None] | None = None,
) -> Supervision:
    """Open the ledger, then the port. Raises StoreError, ServeError or TlsError with one clear line."""
    secured, pinned = _secured(part)
    ledger = Ledger(store.folder, on_trouble=on_trouble)
    try:
        is_open = part.accept_unknown or is_loopback(address.host)
        policy = Policy(
            heartbeat_interval_s=round(part.heartbeat),
            accept_unknown_stations=part.accept_unknown,
            accept_open_stations=is_open,
            admit=part.admit,
            admit_password_hash=_admit_hash(part, is_open),
            accept_badges=part.accept_badges,
        )
        host = Host(ledger, clock.loop, utc_s=clock.utc_s, draw=DRAW, policy=policy)
        for badge in part.badges:
            host.central.put_badge(BadgeRow(**msgspec.structs.asdict(badge)))
        host.drain()
        password = await api.ensure_operator(ledger, DRAW)
        app = api.application(host, DRAW, hosts=LOOPBACK if is_loopback(address.host) else None)
        ears = Ears(clock.utc_s)
        server = await serve(address.host, address.port, app, _admit(host, ears), fixed=address.fixed, secured=secured)
    except BaseException:
        ledger.close()
        raise
    return Supervision(host, server, password, is_open, ears, pinned)


def _secured(part: SupervisionPart) -> tuple[ssl.SSLContext | None, ssl.SSLContext | None]:
    """What the port serves, and how stations of this process know it. Raises TlsError."""
    if not (part.tls_cert or part.tls_key):
        return None, None
    if not (part.tls_cert and part.tls_key):
        missing = "--tls-key" if part.tls_cert else "--tls-cert"
        raise tls.TlsError(f"{missing} is missing: a certificate and its key go together")
    certificate, key = Path(part.tls_cert).expanduser(), Path(part.tls_key).expanduser()
    return tls.server(certificate, key), tls.pinned(certificate)


def _admit_hash(part: SupervisionPart, is_open: bool) -> str:
    """Of the password of those that are let in by a pattern. Raises StoreError with one clear line."""
    if not part.admit_key_file:
        if part.admit and not is_open:
            raise StoreError("admit: others can connect here, so a key is needed: name a file with --admit-key")
        return ""
    try:
        key = Path(part.admit_key_file).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"{part.admit_key_file}: the key cannot be read: {error}") from None
    if not ADMIT_KEY_MIN <= len(key) <= ADMIT_KEY_MAX:
        raise StoreError(
            f"{part.admit_key_file}: a key has {ADMIT_KEY_MIN} to {ADMIT_KEY_MAX} characters (many products take 20 at "
            "most): write it anew"
        )
    password = bytes.fromhex(key) if re.fullmatch(r"([0-9A-Fa-f]{2}){16,20}", key) else key.encode()
    return roster.hash_password(password, DRAW(roster.SALT_BYTES))


def _admit(host: Host, ears: Ears) -> Admit:
    async def admit(handshake: Handshake) -> Listener | Refusal:
        h, peer = handshake, handshake.peer.rpartition(":")[0]
        answer = await host.admit(roster.Knock(h.identity, h.subprotocols, h.user, h.password, peer))
        if isinstance(answer, roster.Refusal):
            ears.refused(h.identity, f"{answer.status} {answer.reason}")
            return Refusal(answer.status, answer.reason)
        return ears.admitted(h.identity, answer, peer)

    return admit
