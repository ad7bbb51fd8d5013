"""TLS of the links, on both sides, by certificates made here (security white paper, 2.4, A00; R-020)."""

import asyncio
import contextlib
import ssl
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import NamedTuple

import httpx2
import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from tests.patience import PATIENCE_S
from tests.shells.authority import HERE, Made, foreign, given, ours
from tests.shells.rig import BADGE, Rig, rigged, until

from chargepost import signals as sig
from chargepost.cli import run_with
from chargepost.drivers.simulated import CARS
from chargepost.ocpp import security
from chargepost.run import tls
from chargepost.run.addresses import Address
from chargepost.run.given import find_model, judge
from chargepost.run.house import Plan, opened
from chargepost.run.http import Server, serve
from chargepost.run.runner import StationHost
from chargepost.run.site import Site, StationPart, SupervisionPart
from chargepost.run.store import hold

AC = "evlink-pro-ac"
BOTH_LOOPS = True


@contextlib.asynccontextmanager
async def secured(rig: Rig, folder: Path, made: Made) -> AsyncIterator[Server]:
    """The central system of the rig at a second port, by TLS."""
    server = await serve(HERE, 0, None, rig._admit, secured=tls.server(*made.files(folder)))
    yield server
    await server.close()


def station(rig: Rig, url: str, **settings: str) -> StationHost:
    host = StationHost(judge("S-1", find_model(AC), {"MeterValueSampleInterval": "60", **settings}, url), rig.carriage)
    rig.hosts.append(host)
    host.start()
    return host


async def booted(rig: Rig, host: StationHost) -> None:
    await rig.until(lambda: host.view().link.boot == "Accepted", "the boot is accepted")


async def charged(rig: Rig, host: StationHost) -> None:
    """A whole visit, of which the central system has one record with energy."""
    assert host.plug_in(1, CARS["Compact"])
    host.present_badge(BADGE, 1)
    await rig.until(lambda: host.view().connectors[0].power_w > 1000, "power flows")
    host.tell(sig.StopAsked(1))
    await rig.until(lambda: host.unplug(1), "the cable comes out")
    await rig.until(lambda: not host.view().link.waiting_messages, "all is told")
    await rig.central.settled()
    (record,) = rig.central.ledger.transactions()
    assert (record.identity, record.id_tag, record.reason) == ("S-1", BADGE, "Local")


# --- a station and its central system ---------------------------------------------------------------------------------


@pytest.mark.usefixtures("trusted")
async def test_r_020_a_station_charges_over_wss(tmp_path: Path) -> None:
    async with rigged() as rig, secured(rig, tmp_path, given(ours())) as server:
        host = station(rig, f"wss://{HERE}:{server.port}/ocpp")
        await booted(rig, host)
        await charged(rig, host)
        assert len(server.wires) == 1
        assert not rig.server.wires


@pytest.mark.usefixtures("trusted")
async def test_p7_a_disk_that_takes_no_file_keeps_nobody_from_dialling(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rigged() as rig, secured(rig, tmp_path, given(ours())) as server:
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
        await booted(rig, station(rig, f"wss://{HERE}:{server.port}/ocpp"))


async def test_a_root_that_was_installed_vouches_for_the_next_address(tmp_path: Path) -> None:
    """White paper, M05: over ws comes the root, and then the station is sent to wss."""
    async with rigged() as rig, secured(rig, tmp_path, given(ours())) as server:
        host = station(rig, rig.url)
        await booted(rig, host)
        root = security.InstallCertificate(certificate_type="CentralSystemRootCertificate", certificate=ours().pem)
        answered = await rig.central.command("S-1", root)
        assert answered.payload == security.InstallCertificateResponse(status="Accepted")
        host.tell(sig.SettingChanged("SupervisionUrl", f"wss://{HERE}:{server.port}/ocpp"))
        host.restart(hard=False)
        await rig.until(lambda: len(server.wires) == 1, "it dials by TLS")
        await booted(rig, host)
        await charged(rig, host)


class Bad(NamedTuple):
    """A certificate that no station must take, and what the link says of it."""

    made: Callable[[], Made]
    words: str


BAD = {
    "another name": Bad(
        lambda: given(ours(), name="central.example"),
        "the name does not match: it is not for the address 127.0.0.1, dial the name that it is for",
    ),
    "another address": Bad(lambda: given(ours(), name="127.0.0.2"), "the name does not match: it is not for the addr"),
    "expired": Bad(
        lambda: given(ours(), days=(-20, -1)),
        "it has expired: it needs a new one, unless the clock of this machine is wrong",
    ),
    "of the future": Bad(
        lambda: given(ours(), days=(5, 20)), "it is not valid yet: is the clock of this machine wrong?"
    ),
    "foreign root": Bad(
        lambda: given(foreign()),
        "unknown root: no root of this system vouches for it: install its root certificate, or name it by SSL",
    ),
    "self-signed": Bad(lambda: given(None), "unknown root: it is self-signed and no root of this system vouches for"),
}


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("bad", BAD.values(), ids=list(BAD))
async def test_a_bad_certificate_is_refused_and_the_link_says_why(
    bad: Bad, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with rigged() as rig, secured(rig, tmp_path, bad.made()) as server:
        host = station(rig, f"wss://{HERE}:{server.port}/ocpp")
        await rig.until(lambda: "certificate" in host.view().link.error, "the link says why")
        place = f"{HERE}:{server.port}"
        error = host.view().link.error
        assert error.startswith(f"the certificate of {place} is not trusted: {bad.words}")
        assert f"link down: {error}" in caplog.text
        assert tls.is_untrusted(error)
        assert not server.wires
        assert not rig.central.central.state.stations


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("kind", ["self-signed", "foreign root", "expired", "another name"])
async def test_what_is_signed_by_itself_is_taken_where_the_product_is_told_so(kind: str, tmp_path: Path) -> None:
    """SelfSignedCertificateAuthorized switches verification off, as its guide says: any certificate is good."""
    async with rigged() as rig, secured(rig, tmp_path, BAD[kind].made()) as server:
        host = station(rig, f"wss://{HERE}:{server.port}/ocpp", SelfSignedCertificateAuthorized="true")
        await booted(rig, host)


async def test_roots_of_the_station_replace_those_of_the_system(tmp_path: Path) -> None:
    words = tls.in_words(_unknown(), f"{HERE}:1", (foreign().pem,))
    assert "no root that is installed in the station vouches for it" in words


@pytest.mark.usefixtures("trusted")
async def test_the_security_event_is_told_once_a_certificate_is_good(tmp_path: Path) -> None:
    """White paper, 8: InvalidCentralSystemCertificate."""
    async with rigged() as rig, secured(rig, tmp_path, given(foreign())) as server:
        host = station(rig, f"wss://{HERE}:{server.port}/ocpp", SecurityEventsEnabled="true")
        await rig.until(lambda: "certificate" in host.view().link.error, "it is refused")
        host.tell(sig.SettingChanged("SelfSignedCertificateAuthorized", "true"))

        def said() -> bool:
            frames = [str(trace["raw"]) for trace in rig.carriage.frames.traces("S-1")]
            return any("InvalidCentralSystemCertificate" in frame for frame in frames)

        await rig.until(said, "the event is told")


def _unknown() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError("x")
    error.verify_code, error.verify_message = 20, "unable to get local issuer certificate"
    return error


def test_one_context_serves_all_stations_with_the_same_roots() -> None:
    assert tls.client(False, (ours().pem,)) is tls.client(False, (ours().pem,))
    assert tls.client(False, (ours().pem,)) is not tls.client(False, (foreign().pem,))


# --- what is spoken ---------------------------------------------------------------------------------------------------


async def _agreed(folder: Path, **limits: ssl.TLSVersion) -> tuple[str, str] | None:
    """Version and suite agreed with a server of ours; None: none."""
    server = await serve(HERE, 0, None, None, secured=tls.server(*given(ours()).files(folder)))
    context = ssl.create_default_context(cadata=ours().pem)
    context.set_ciphers("ALL:@SECLEVEL=0")
    for name, limit in limits.items():
        setattr(context, name, limit)
    try:
        async with asyncio.timeout(PATIENCE_S):
            _, writer = await asyncio.open_connection(HERE, server.port, ssl=context)
        spoken = writer.get_extra_info("ssl_object")
        assert spoken.compression() is None
        writer.close()
        return spoken.version(), spoken.cipher()[0]
    except (ssl.SSLError, ConnectionError):
        return None
    finally:
        await server.close()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the versions that must be refused
@pytest.mark.parametrize(
    ("most", "agreed"),
    [
        (ssl.TLSVersion.TLSv1_1, None),
        (ssl.TLSVersion.TLSv1_2, ("TLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256")),
        (ssl.TLSVersion.TLSv1_3, ("TLSv1.3", "TLS_AES_256_GCM_SHA384")),
    ],
)
async def test_a00_fr_313_tls_begins_at_1_2_and_is_forward_secret(
    most: ssl.TLSVersion, agreed: tuple[str, str] | None, tmp_path: Path
) -> None:
    assert await _agreed(tmp_path, minimum_version=ssl.TLSVersion.TLSv1, maximum_version=most) == agreed
    context = tls.server(*given(ours()).files(tmp_path))
    assert all("ECDHE" in suite["name"] or suite["protocol"] == "TLSv1.3" for suite in context.get_ciphers())
    assert tls.client(False).minimum_version == ssl.TLSVersion.TLSv1_2


# --- a whole process --------------------------------------------------------------------------------------------------


def _plan(folder: Path, made: Made) -> Plan:
    certificate, key = map(str, made.files(folder))
    site = Site(
        name="yard",
        supervision=SupervisionPart(tls_cert=certificate, tls_key=key),
        stations=(StationPart(id="S-1", model=AC),),
    )
    return Plan(site, hold(None), "0", supervision=Address(HERE, 0))


async def test_a_process_serves_pages_and_stations_by_tls_and_its_own_stations_know_it(tmp_path: Path) -> None:
    """Its own stations dial the loopback, for which no certificate of a public name can be made."""
    async with opened(_plan(tmp_path, given(ours(), name="central.example"))) as house:
        assert house.supervision
        assert house.supervision.pages.startswith("https://")
        assert house.supervision.ocpp.startswith("wss://")
        happening = asyncio.Event()
        house.stations.listeners.append(lambda event: happening.set())
        await until(lambda: house.stations.hosts["S-1"].view().link.boot == "Accepted", happening)
        trusting = ssl.create_default_context(cadata=ours().pem)
        trusting.check_hostname = False
        async with httpx2.AsyncClient(trust_env=False, verify=trusting) as browser:
            password = house.supervision.first_password
            login = {"user": "operator", "password": password}
            answer = await browser.post(f"{house.supervision.pages}login", data=login)
            assert answer.status_code == 303
            assert "; secure" in answer.headers["set-cookie"].lower()


# --- files that cannot be served --------------------------------------------------------------------------------------


def _spoilt(kind: str, folder: Path) -> tuple[str, str]:
    certificate, key = given(ours()).files(folder)
    match kind:
        case "no such certificate":
            certificate = folder / "nowhere.pem"
        case "no such key":
            key = folder / "nowhere.key"
        case "DER":
            certificate.write_bytes(given(ours()).certificate.public_bytes(Encoding.DER))
        case "the key in place of the certificate":
            certificate = key
        case "the certificate in place of the key":
            key = certificate
        case "another key":
            _, key = given(ours()).files(folder, "another")
        case "cut short":
            certificate.write_text(certificate.read_text()[:300])
        case "locked":
            coded = given(ours()).key.private_bytes(
                Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
            )
            key.write_bytes(coded)
    return str(certificate), str(key)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("no such certificate", "nowhere.pem: cannot be read: No such file or directory: give a certificate in PEM"),
        ("no such key", "nowhere.key: cannot be read: No such file or directory: give a private key in PEM"),
        ("DER", "server.pem: holds no certificate in PEM"),
        ("the key in place of the certificate", "server.key: holds no certificate in PEM"),
        ("the certificate in place of the key", "server.pem: holds no private key in PEM"),
        ("another key", "another.key: does not belong to"),
        ("cut short", "cannot be served"),
        ("locked", "server.key: is locked by a password: write it anew without"),
    ],
)
def test_files_that_cannot_be_served_are_told_in_one_line(
    kind: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    certificate, key = _spoilt(kind, tmp_path)
    options = ["--store", "none", "--listen", "127.0.0.1:0", "--tls-cert", certificate, "--tls-key", key]
    assert run_with(["supervision", *options]) == 2
    said = capsys.readouterr()
    assert said.err.startswith("chargepost: ")
    assert said.err.count("\n") == 1
    assert words in said.err
    assert "PRIVATE" not in said.err


@pytest.mark.parametrize("option", ["--tls-cert", "--tls-key"])
@pytest.mark.parametrize("command", ["run", "supervision"])
def test_a_certificate_and_its_key_go_together(
    command: str, option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    options = ["--store", "none", "--listen", "127.0.0.1:0", "--control", "none", option, str(tmp_path / "a.pem")]
    assert run_with([command, *options]) == 2
    missing = {"--tls-cert": "--tls-key", "--tls-key": "--tls-cert"}[option]
    assert f"{missing} is missing: a certificate and its key go together" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("days", "words"), [((-20, -1), "has expired on"), ((5, 20), "is not valid before"), ((-1, 1), "")]
)
def test_a_certificate_out_of_its_time_is_served_with_a_warning(
    days: tuple[int, int], words: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tls.server(*given(ours(), days=days).files(tmp_path))
    assert words in caplog.text
    assert bool(words) == bool(caplog.records)
