"""A station's link with and without TLS and a password, against a real server (security white paper, 2; Q-096)."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.shells.rig import Rig, rigged
from tests.shells.wires import certificate

from chargepost.run.given import find_model, judge
from chargepost.run.http import serve
from chargepost.run.runner import StationHost
from chargepost.run.tls import client
from chargepost.run.websocket import Handshake, Listener, Refusal

PASSWORD = "0123456789abcdef"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """What this machine trusts is the certificate in there."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    client.cache_clear()
    yield tmp_path
    client.cache_clear()


async def knocked(rig: Rig, folder: Path, model: str, *, tls: bool, password: str) -> Handshake:
    """The handshake of a station that booted."""
    knocks: list[Handshake] = []

    async def admit(handshake: Handshake) -> Listener | Refusal:
        knocks.append(handshake)
        return await rig._admit(handshake)

    context, _ = certificate(folder)
    server = await serve("127.0.0.1", 0, None, admit, secured=context if tls else None)
    settings = {"AuthorizationKey": password} if password else {}
    url = f"{'wss' if tls else 'ws'}://127.0.0.1:{server.port}/ocpp"
    host = StationHost(judge("S-1", find_model(model), settings, url), rig.carriage)
    rig.hosts.append(host)
    host.start()
    try:
        await rig.until(lambda: host.view().link.boot == "Accepted", "the boot is accepted")
    finally:
        await server.close()
    (knock,) = knocks
    return knock


@pytest.mark.skipif(not shutil.which("openssl"), reason="makes its certificate with openssl")
@pytest.mark.parametrize("password", ["", PASSWORD], ids=["open", "password"])
@pytest.mark.parametrize("tls", [False, True], ids=["ws", "wss"])
@pytest.mark.parametrize("model", ["evlink-pro-dc", "schneider-charge"])
async def test_r_041_r_043_with_and_without_tls_and_a_password(
    folder: Path, model: str, tls: bool, password: str
) -> None:
    """R-041: all four at the Pro DC. R-043: profile 0 with or without TLS, 1 and 2 at the Charge."""
    async with rigged() as rig:
        knock = await knocked(rig, folder, model, tls=tls, password=password)
    assert (knock.user, knock.password) == (("S-1", password.encode()) if password else (None, None))
