"""Sessions of TLS that are taken up again, on real sockets and between bare ends (RFC 8446, 2.2; white paper, A00)."""

import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.shells.authority import HERE, Made, foreign, given, ours
from tests.shells.wires import Recorder, dialled

from chargepost.run import resumption, tls
from chargepost.run.http import Server, serve
from chargepost.run.resumption import Client

BOTH_LOOPS = True


class Central:
    """A central system of ours that echoes, by TLS."""

    def __init__(self, server: Server, secured: ssl.SSLContext) -> None:
        self.server, self.secured = server, secured

    @property
    def resumed(self) -> int:
        """Handshakes in which it took a session up."""
        return self.secured.session_stats()["hits"]

    async def heard(self, trust: Client | None = None, roots: tuple[str, ...] = ()) -> bool:
        """One visit of a station, a word said and answered; whether its handshake was a short one."""
        listener = dialled(f"wss://{HERE}:{self.server.port}/ocpp/CP1", trust=trust, roots=roots)
        await listener.next("opened")
        assert listener.link
        listener.link.send(b"hello")
        assert await listener.next("received") == b"hello"
        spoken = listener.link._transport.underlying_transport.get_extra_info("ssl_object")  # type: ignore[attr-defined]
        listener.link.cut()  # type: ignore[attr-defined]  # without a word, as a network does
        await listener.ended()
        return bool(spoken.session_reused)


@contextlib.asynccontextmanager
async def central(folder: Path, made: Made, port: int = 0) -> AsyncIterator[Central]:
    secured = tls.server(*made.files(folder))
    server = await serve(HERE, port, None, lambda _: Recorder(echo=True), secured=secured)
    yield Central(server, secured)
    await server.close()


# --- on real sockets --------------------------------------------------------------------------------------------------


async def test_the_second_connection_is_resumed_at_both_ends_and_so_are_those_after_it(tmp_path: Path) -> None:
    tls.client.cache_clear()
    async with central(tmp_path, given(ours())) as system:
        assert [await system.heard(roots=(ours().pem,)) for _ in range(3)] == [False, True, True]
        assert system.resumed == 2


async def test_other_roots_want_a_whole_handshake_and_may_refuse_the_host(tmp_path: Path) -> None:
    """White paper, M05: a root is installed, another removed."""
    tls.client.cache_clear()
    async with central(tmp_path, given(ours())) as system:
        for _ in range(2):
            await system.heard(roots=(ours().pem,))
        assert not await system.heard(roots=(ours().pem, foreign().pem))
        assert system.resumed == 1
        refused = dialled(f"wss://{HERE}:{system.server.port}/ocpp/CP1", roots=(foreign().pem,))
        assert "unknown root" in await refused.ended()


async def test_a_wrong_certificate_is_refused_though_another_hosts_session_is_known(tmp_path: Path) -> None:
    trust = tls.client(False, (ours().pem,))
    trust.forget(HERE)
    async with central(tmp_path, given(ours())) as good:
        await good.heard(trust)
        assert await good.heard(trust)
        # the very server that would take the session up, under a name that its certificate does not have
        named = dialled(f"wss://localhost:{good.server.port}/ocpp/CP1", trust=trust)
        assert "the name does not match" in await named.ended()
        async with central(tmp_path, given(ours(), name="central.example")) as bad:
            # the host at another port: its session is offered, not taken, and the certificate is looked at
            other = dialled(f"wss://{HERE}:{bad.server.port}/ocpp/CP1", trust=trust)
            assert "the name does not match" in await other.ended()
            assert bad.resumed == 0
        assert not await good.heard(trust), "what failed is forgotten"


async def test_a_server_that_started_anew_is_greeted_by_a_whole_handshake(tmp_path: Path) -> None:
    trust, made = tls.client(False, (ours().pem,)), given(ours())
    trust.forget(HERE)
    async with central(tmp_path, made) as system:
        assert [await system.heard(trust), await system.heard(trust)] == [False, True]
    async with central(tmp_path, made, system.server.port) as system:
        assert [await system.heard(trust), await system.heard(trust)] == [False, True]


# --- between bare ends: time and bounds -------------------------------------------------------------------------------


class Bench:
    """A client's context with a clock of its own, and servers it shakes hands with."""

    def __init__(self, folder: Path) -> None:
        self.now_s = 1_000.0
        self.client = Client(ssl.PROTOCOL_TLS_CLIENT, lambda: self.now_s)
        self.client.check_hostname = False
        self.client.load_verify_locations(cadata=ours().pem)
        self.server = tls.server(*given(ours()).files(folder))

    def shake(self, host: str = "a.example", *, whole: bool = True) -> ssl.SSLObject:
        """Shake hands, and hear what the server says; `whole`: to the end."""
        pipes = up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
        client: ssl.SSLObject = self.client.wrap_bio(down, up, server_hostname=host)
        server = self.server.wrap_bio(*pipes, server_side=True)
        for _ in range(3 if whole else 0):
            for end in (client, server):
                with contextlib.suppress(ssl.SSLWantReadError):
                    end.do_handshake()
        if whole:
            server.write(b"hello")
            assert client.read() == b"hello"
        return client

    def resumes(self, host: str = "a.example") -> bool:
        return bool(self.shake(host).session_reused)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_after_an_hour_the_host_must_show_its_certificate_again(bench: Bench) -> None:
    assert [bench.resumes(), bench.resumes()] == [False, True]
    bench.now_s += resumption.LIFE_S
    assert bench.resumes()
    bench.now_s += 1
    assert [bench.resumes(), bench.resumes()] == [False, True]


def test_a_session_is_of_one_host_and_the_oldest_of_too_many_is_forgotten(bench: Bench) -> None:
    hosts = [f"{n}.example" for n in range(resumption.HOSTS_MAX + 1)]
    assert not any(bench.resumes(host) for host in hosts)
    assert all(bench.resumes(host) for host in hosts[1:])
    assert not bench.resumes(hosts[0])


def test_a_session_with_which_no_handshake_ends_is_forgotten_after_a_minute(bench: Bench) -> None:
    bench.shake()
    assert bench.shake(whole=False).session
    bench.now_s += resumption.VAIN_S
    assert bench.shake(whole=False).session
    bench.now_s += 1
    assert not bench.shake(whole=False).session


def test_sessions_of_tls_1_2_are_not_taken_up_for_they_would_reuse_the_keys(bench: Bench) -> None:
    bench.client.maximum_version = ssl.TLSVersion.TLSv1_2
    assert not any([bench.resumes(), bench.resumes()])


def test_a_server_without_tickets_is_asked_again_and_no_more(bench: Bench) -> None:
    bench.server.num_tickets = 0
    assert not any([bench.resumes(), bench.resumes()])
    bench.server.num_tickets = 1
    assert not bench.resumes(), "the first connection's ticket is awaited still"
    bench.now_s += resumption.TICKET_WAIT_S + 1
    assert [bench.resumes(), bench.resumes()] == [False, True]
