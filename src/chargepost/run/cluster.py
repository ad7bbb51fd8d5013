"""Stations of several processes under the fuses of one: the manager's end and the members', a datagram a message.

A datagram that has not the key, is no message or was heard before is counted and left alone; so is a station that the
site file of the manager does not name. What the answer to a report is sent to is where that report came from.
"""

import asyncio
import logging
import os
import secrets
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from chargepost.energy.cluster import Grant, Report
from chargepost.energy.wire import KEY_MIN, Answer, Down, Hello, Unheard, Up, read_answer, read_report, seal
from chargepost.run.addresses import Address, parse
from chargepost.run.clock import Clock
from chargepost.run.http import ServeError
from chargepost.run.metrics import Metric, counted
from chargepost.run.sharing import ClusterPart, Members, SharedSite, SharingPart

KEY_VARIABLE = "CHARGEPOST_CLUSTER_KEY"

TOLD_MAX = 20
"""Different troubles that a manager writes into its log; whoever makes more of them is counted."""

LIVES_MAX = 16
"""Earlier lives of a member that a manager knows again: whoever brings more to run at once is led astray by hand."""

RETRY_S = 10.0
"""Of the machine: so often a member looks up where a manager is that does not answer."""

log = logging.getLogger("chargepost.cluster")

Peer = tuple[Any, ...]
"""Where a datagram came from."""


def read_key(part: ClusterPart) -> bytes:
    """What all processes of the cluster know. Raises ServeError."""
    if part.key_file:
        whence = f"site.cluster.key_file {part.key_file}"
        try:
            key = Path(part.key_file).expanduser().read_bytes().strip()
        except OSError as error:
            raise ServeError(f"{whence}: cannot be read: {error.strerror}: {MAKE}") from None
    else:
        whence = f"the environment's {KEY_VARIABLE}"
        key = os.environ.get(KEY_VARIABLE, "").strip().encode()
        if not key:
            raise ServeError(f"site.cluster: key_file is missing, and {KEY_VARIABLE} is not set: {MAKE}")
    if len(key) < KEY_MIN:
        raise ServeError(f"{whence}: a key has {KEY_MIN} bytes and more, this one {len(key)}: {MAKE}")
    return key


MAKE = "make one with openssl rand -base64 32 > cluster.key, and give it to the manager and all members"


class End(asyncio.DatagramProtocol):
    """One end of the links: what comes is counted, and what is none of ours is told once."""

    def __init__(self, key: bytes, log_name: str) -> None:
        self.key, self._who = key, log_name
        self.counts: Counter[str] = Counter()
        """Datagrams, by what became of them."""
        self.transport: asyncio.DatagramTransport | None = None
        self._told: set[str] = set()

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def error_received(self, error: Exception) -> None:
        self.counts["not delivered"] += 1

    def send(self, what: Up | Answer, peer: Peer | None = None) -> None:
        if self.transport and not self.transport.is_closing():
            self.transport.sendto(seal(what, self.key), peer)

    def unheard(self, error: Unheard, peer: Peer) -> None:
        self.counts[str(error)] += 1
        if str(error) == "wrong key":
            self.warn(f"a datagram from {peer[0]} has not our key: if it is of this cluster, give it the same one")

    def warn(self, text: str) -> None:
        """Once. Ports are no part of it: who takes another for each datagram would leave no room for others."""
        if text not in self._told and len(self._told) < TOLD_MAX:
            self._told.add(text)
            log.warning("%s: %s", self._who, text)

    def metrics(self) -> Iterable[Metric]:
        yield counted("chargepost_cluster_datagrams_total", "counter", "Of a cluster, by what became of them.",
                      "outcome", self.counts)  # fmt: skip

    def close(self) -> None:
        if self.transport:
            self.transport.close()


class ManagerEnd(End):
    """Where the reports of other processes come in."""

    def __init__(self, site: SharedSite, key: bytes) -> None:
        super().__init__(key, "manager of the fuses")
        self.site, self._life = site, secrets.token_hex(8)
        self._peers: dict[str, tuple[str, Peer]] = {}
        """Of each member: its life, and where it is. By the last report that was taken."""
        self._replaced: dict[str, deque[str]] = {}
        """Of each member: its lives before that, which are over."""
        site.post = self._post

    @property
    def address(self) -> Address:
        """Where it listens."""
        assert self.transport
        host, port = self.transport.get_extra_info("sockname")[:2]
        return Address(host, port)

    def datagram_received(self, data: bytes, addr: Peer) -> None:
        try:
            up = read_report(data, self.key)
        except Unheard as error:
            self.unheard(error, addr)
            return
        name, heard = up.report.member, self.site.leader.heard(up.report.member)
        hello = Hello(up.nonce, name, self._life, heard)
        if why := self._refusal(up):
            self.counts["refused"] += 1
            self.warn(f"{name} at {addr[0]}: {why}")
            self.send(Hello(up.nonce, name, self._life, heard, why), addr)
        elif up.life != self._life:
            self.counts["met"] += 1
            self.send(hello, addr)
        elif up.report.number <= heard:
            self.counts["stale"] += 1
            if name in self._peers and up.nonce != self._peers[name][0]:  # it began anew, and its clock is behind
                self.send(hello, addr)
        else:
            self.counts["taken"] += 1
            if name in self._peers and up.nonce != self._peers[name][0]:
                self._replaced.setdefault(name, deque(maxlen=LIVES_MAX)).append(self._peers[name][0])
            self._peers[name] = up.nonce, addr
            self.site.hear(up.report)
            if self.site.clock.now() < self.site.leader.starts_at:  # it hears, and may not give yet
                self.send(hello, addr)

    def _refusal(self, up: Up) -> str:
        """Why this station cannot be a member, in words for both logs; empty: it can."""
        site, name = self.site, up.report.member
        if name not in site.remote:
            return "it is not in the manager's [[remote]]: add it there and under a fuse, or take it out of the cluster"
        if up.nonce in self._replaced.get(name, ()):
            return "another process runs a station of this name, and began later: stop one of them"
        for what, theirs, ours in (
            ("connectors", up.connectors, site.connectors[name]),
            ("a floor (A) of", up.floor_a, site.floor_a),
            ("a speed of", up.speed, site.clock.speed),
        ):
            if theirs != ours:
                return f"it has {what} {theirs:g}, the manager says {ours:g}: make them the same"
        return ""

    def _post(self, grant: Grant) -> None:
        if grant.member in self._peers:
            nonce, peer = self._peers[grant.member]
            self.send(Down(nonce, grant), peer)


class MemberSite(Members):
    """Stations whose fuses are another process's."""

    def __init__(
        self, clock: Clock, connectors: Mapping[str, int], sharing: SharingPart, manager: Address, key: bytes
    ) -> None:
        self.end = MemberEnd(self, manager, key)
        self._nonce, self._life = secrets.token_hex(8), ""
        self._heard_at = clock.now()
        self._is_silent = False
        super().__init__(clock, connectors, float(sharing.floor), sharing.terms(clock.speed))
        date = int(clock.utc_s() * 1000)
        for member in self.members.values():
            member.catch_up(date, clock.now())  # what an earlier life has said is behind that
        self._looking = clock.loop.create_task(self.end.look())

    def send(self, report: Report) -> None:
        if self.clock.now() >= self._heard_at + self.members[report.member].terms.lease_s and not self._is_silent:
            self._is_silent = True
            log.warning("manager %s does not answer: the stations go on with their floor", self.end.manager)
        connectors = len(self.members[report.member].limits)
        self.end.send(Up(self._nonce, self._life, self.clock.speed, self.floor_a, connectors, report))

    def _lead(self, now: float) -> None:
        """It is elsewhere."""

    def answered(self, answer: Answer) -> None:
        """By the manager."""
        name = answer.member if isinstance(answer, Hello) else answer.grant.member
        if answer.nonce != self._nonce or name not in self.members:
            self.end.counts["stale"] += 1
            return
        self.end.counts["taken"] += 1
        self._heard_at = self.clock.now()
        if self._is_silent:
            self._is_silent = False
            log.warning("manager %s answers again", self.end.manager)
        if isinstance(answer, Hello):
            if answer.why:
                self.end.warn(f"{name} is refused: {answer.why}")
                return
            if answer.life != self._life or answer.number >= self.members[name].number:
                self._life = answer.life
                self.members[name].catch_up(answer.number, self.clock.now())
        elif len(answer.grant.limits) == len(self.members[name].limits):
            self.granted(answer.grant)
        self._arm()

    @property
    def is_heard(self) -> bool:
        """The manager has answered within the last lease."""
        return self.clock.now() < self._heard_at + self.terms.lease_s

    def charge_now(self, identity: str, connector: int) -> bool:
        done = self.members[identity].override(connector, self.clock.now())
        self._arm()
        return done

    async def close(self) -> None:
        await super().close()
        self._looking.cancel()
        await asyncio.gather(self._looking, return_exceptions=True)
        self.end.close()


class MemberEnd(End):
    """The way to the manager: its socket takes datagrams from there alone."""

    def __init__(self, site: MemberSite, manager: Address, key: bytes) -> None:
        super().__init__(key, f"manager {manager}")
        self.site, self.manager = site, manager

    def datagram_received(self, data: bytes, addr: Peer) -> None:
        try:
            answer = read_answer(data, self.key)
        except Unheard as error:
            self.unheard(error, addr)
        else:
            self.site.answered(answer)

    async def look(self) -> None:
        """Find the manager; where it is silent, look anew: its name may lead elsewhere by now."""
        loop = asyncio.get_running_loop()
        while True:
            if self.transport is None or not self.site.is_heard:
                self.close()
                self.transport = None
                with suppress(OSError, UnicodeError):  # there is no such name, or no network: later, perhaps
                    where = self.manager.host, self.manager.port
                    await loop.create_datagram_endpoint(lambda: self, remote_addr=where)
            await asyncio.sleep(RETRY_S)


async def manage(site: SharedSite, part: ClusterPart) -> ManagerEnd:
    """Take the reports of other processes. Raises ServeError."""
    end, address = ManagerEnd(site, read_key(part)), parse(part.listen)
    try:
        await site.clock.loop.create_datagram_endpoint(lambda: end, local_addr=(address.host, address.port))
    except OSError as error:
        raise ServeError(f"site.cluster: cannot listen on {address} by UDP: {error.strerror or error}") from None
    return end


def join(clock: Clock, connectors: Mapping[str, int], sharing: SharingPart, part: ClusterPart) -> MemberSite:
    """Be led by another process. Raises ServeError."""
    return MemberSite(clock, connectors, sharing, parse(part.manager), read_key(part))
