"""The way of a station to its supervision, step by step: how far it goes now, and how far it would go to an address
that is only tried.

A page that shows these steps is never greener than the lowest of them. Here they are found; the tool has the words.
"""

import asyncio
import base64
import re
import secrets
import ssl
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from msgspec import UNSET

from chargepost.commissioning.port import Step, StepState
from chargepost.redact import redact_text, redact_url
from chargepost.run import tls
from chargepost.run.gate import Gate, Place, Target, TransferError, host_of, read_place
from chargepost.run.given import VERSION_KEY
from chargepost.run.line import NOBODY
from chargepost.run.resumption import Client
from chargepost.run.tally import kind_of
from chargepost.run.websocket import UNREACHED
from chargepost.signals import Dial
from chargepost.station.conversation import SERIAL_MAX, SUBPROTOCOLS, password
from chargepost.station.status import status

if TYPE_CHECKING:
    from chargepost.run.runner import StationHost
    from chargepost.station.station import Station

ORDER = ("process", "address", "tcp", "tls", "websocket", "boot", "connectors", "answer", "waiting")

STEP_S = 5.0
"""Of the machine, for each step of a trial: a person waits for it."""

FAREWELL_S = 1.0
"""A supervision that lets everybody in and then throws out whom it does not know does so within that."""

ANSWER_BYTES_MAX = 16 * 1024
"""Of the head of an answer."""

OF_TCP = {"name", "refused", "timeout", "unreachable", "cable", "reset", "files"}
"""Kinds of `tally.kind_of` that say that nobody was reached."""

GOODBYE = b"\x88\x82\0\0\0\0\x03\xe8"
"""Close 1000, masked with zeros."""


# --- as it is now ---------------------------------------------------------------------------------------------------


def ladder(host: "StationHost") -> list[Step]:
    """The steps as the running station knows them."""
    station = host.station
    if station is None:
        return _padded([Step("process", "wait")], "")
    talk = station.talk
    url = talk.url()
    if _stands_alone(station):
        return _padded([Step("process", "good"), Step("address", "unknown", "standalone")], url)
    older = station.core.settings.text(VERSION_KEY) == "1.5"
    steps = [Step("process", "good"), _address(url, enabled=talk.enabled(), older=older)]
    if steps[-1].state != "good":
        return _padded(steps, url)
    if talk.state != "open":
        if stands := _obstacle(host, url):
            return _padded([*steps, stands], url)
        return _padded([*steps, *_unreached(url, talk.state, talk.error)], url)
    steps += [Step("tcp", "good", told=_place(url)), Step("tls", "good"), Step("websocket", "good")]
    return _padded([*steps, *_spoken(station, host.clock.now())], url)


def _stands_alone(station: "Station") -> bool:
    """Its station type says so: it needs no supervision, so nothing is broken."""
    settings = station.core.settings
    return settings.row("Supervised") is not None and not settings.flag("Supervised")


def _address(url: str, *, enabled: bool = True, older: bool = False) -> Step:
    shown = redact_url(url)
    if not url:
        return Step("address", "bad", "none")
    scheme = url.partition("://")[0].lower()
    if scheme in ("http", "https"):
        return Step("address", "bad", "http", shown)
    if scheme not in ("ws", "wss"):
        return Step("address", "bad", "scheme", shown)
    if not enabled:
        return Step("address", "bad", "disabled", shown)
    return Step("address", "good", "version" if older else "", shown)


def _obstacle(host: "StationHost", url: str) -> Step | None:
    """What of the station's own settings keeps it from that address, in the simulated network."""
    stands = host.hardware.obstacle(host_of(url))
    return stands and Step("tcp", "bad", stands.cause, stands.told)


def _unreached(url: str, state: str, error: str) -> list[Step]:
    """A link that is not open: which step was the last that went well is told by what was said of it."""
    if not error or kind_of(error, None) == "network":  # which has been put right since
        return [Step("tcp", "wait", told=_place(url))]
    step, cause = _place_of(error)
    good = [Step(name, "good") for name in ("tcp", "tls") if ORDER.index(name) < ORDER.index(step)]
    return [*good, Step(step, "bad", cause, redact_text(error))]  # type: ignore[arg-type]  # a name of ORDER


def _place_of(error: str) -> tuple[str, str]:
    """The step that an error of a dial belongs to, and its cause."""
    if found := re.match(r"HTTP (\d{3}) ", error):
        return "websocket", f"http {found[1]}"
    kind = kind_of(error, None)
    if error == NOBODY:
        return "tcp", "cable"
    if kind == "tls":
        return "tls", _of_tls(error)
    if kind in OF_TCP:
        return "tcp", kind
    if kind == "protocol" or "no OCPP version" in error:
        return "websocket", "subprotocol"
    return "websocket", {"silent": "silent", "closed": "closed"}.get(kind, "websocket")


def _of_tls(error: str) -> str:
    for words, cause in (("not valid yet", "not_yet"), ("has expired", "expired"), ("name does not match", "tls_name"),
                         ("unknown root", "root")):  # fmt: skip
        if words in error:
            return cause
    return "tls"


def _spoken(station: "Station", now: float) -> Iterator[Step]:
    """What is said on an open link."""
    talk = station.talk
    if talk.boot != "Accepted":
        yield _boot(station)
        return
    yield Step("boot", "good")
    told = [c.reported is not None for c in station.connectors]
    words = ", ".join(f"{c.number} {c.status or status(c)}" for c in station.connectors)
    yield Step("connectors", "good" if all(told) else "wait", told=words, number=len(told))
    yield Step("answer", "good", number=max(now - talk.heard_at, 0.0))
    waiting = len(talk.outbox) + len(talk.calls)
    yield Step("waiting", "wait" if waiting else "good", number=waiting)


def _boot(station: "Station") -> Step:
    talk = station.talk
    if not talk.error and talk.boot in ("", "Pending"):
        return Step("boot", "wait", "pending" if talk.boot else "")
    serial = talk.boot_notification().charge_box_serial_number
    key = station.core.model.identity.truncate_serials_key
    if key and not talk.boot and serial is not UNSET and len(serial) > SERIAL_MAX:
        return Step("boot", "bad", "serial", redact_text(talk.error), number=len(serial))
    cause = {"Rejected": "rejected", "Pending": "pending"}.get(talk.boot, "boot")
    return Step("boot", "wait" if cause == "pending" else "bad", cause, redact_text(talk.error))


def _padded(steps: list[Step], url: str) -> list[Step]:
    """All steps of this address, those that it did not come to included."""
    there = {step.name: step for step in steps}
    secure = url.lower().startswith("wss:")
    return [
        there.get(name, Step(name, "unknown"))  # type: ignore[arg-type,call-overload]  # a name of ORDER
        for name in ORDER
        if name != "tls" or secure or there.get("tls", Step("tls", "good")).state == "bad"
    ]


def _place(url: str) -> str:
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2]


# --- a trial --------------------------------------------------------------------------------------------------------


class _Ended(Exception):
    """It goes no further."""

    def __init__(self, step: Step) -> None:
        self.step = step


async def walk(host: "StationHost", url: str, allowed: tuple[Place, ...]) -> list[Step]:
    """Try an address as the station would dial it, without taking it over and without a boot.

    Nothing is followed elsewhere, no password is sent to another place than the one it is for, and each step has its
    time. The link there is stays as it is: where it leads to the same address, it is what is told. `allowed`: hosts
    that the owner of the process means, also this machine itself.
    """
    station = host.station
    if station is None:
        return ladder(host)
    talk = station.talk
    base = url.strip()
    whole = f"{base.rstrip('/')}/{quote(talk.identity(), safe='')}" if base else ""
    if whole == talk.url() and talk.state == "open":
        return ladder(host)
    steps = [Step("process", "good")]
    writer: asyncio.StreamWriter | None = None
    try:
        steps.append(_checked(_address(whole)))
        if stands := _obstacle(host, whole):
            raise _Ended(stands)
        target, numbers = await _resolved(base, allowed)
        if host.faults.cut:
            raise _Ended(Step("tcp", "bad", "cable", NOBODY))
        reader, writer = await _connected(target, numbers)
        steps.append(Step("tcp", "good", told=f"{target.place} ({numbers[0]})"))
        if target.scheme == "wss":
            await _secured(host, whole, target, writer)
            steps.append(Step("tls", "good"))
        steps.append(_checked(await _greeted(host, station, whole, target, reader, writer)))
    except _Ended as ended:
        steps.append(ended.step)
    finally:
        if writer is not None:
            writer.close()
    return _padded(steps, whole)


def _checked(step: Step) -> Step:
    if step.state == "bad":
        raise _Ended(step)
    return step


def _bad(name: str, cause: str, told: str = "") -> _Ended:
    state: StepState = "bad"
    return _Ended(Step(name, state, cause, redact_text(told)))  # type: ignore[arg-type]  # a name of ORDER


SCHEMES = frozenset({"ws", "wss"})


async def _resolved(url: str, allowed: tuple[Place, ...]) -> tuple[Target, list[str]]:
    """Through the gate: an account of the tool names a host, and that leads to nothing near this machine."""
    try:
        typed = read_place(urlsplit(url).netloc.rpartition("@")[2])
        gate = Gate(SCHEMES, allowed, (typed,))
        target = gate.admit(url)
    except (TransferError, ValueError) as error:
        raise _bad("address", "scheme", str(error)) from None
    try:
        async with asyncio.timeout(STEP_S):
            return target, await asyncio.to_thread(gate.addresses, target)
    except TimeoutError:
        raise _bad("tcp", "name", f"the name server did not answer within {STEP_S:g} s") from None
    except TransferError as error:
        cause = "name" if "leads nowhere" in str(error) else "forbidden"
        raise _bad("tcp", cause, str(error)) from None


async def _connected(target: Target, numbers: list[str]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    place = str(target.place)
    found = "" if numbers == [target.host] else f"{target.host} resolves to {', '.join(numbers)}; "
    try:
        async with asyncio.timeout(STEP_S):
            return await asyncio.open_connection(numbers[0], target.port, limit=ANSWER_BYTES_MAX)
    except TimeoutError:
        raise _bad("tcp", "timeout", f"{found}{place} did not answer within {STEP_S:g} s") from None
    except OSError as error:
        words = UNREACHED.get(error.errno or 0, "no connection to {place}").format(place=place)
        cause = kind_of(words, None)
        raise _bad("tcp", cause if cause in OF_TCP else "unreachable", f"{found}{words}") from None


async def _secured(host: "StationHost", url: str, target: Target, writer: asyncio.StreamWriter) -> None:
    assert host.station
    settings, roots = host.station.core.settings, host.station.talk.dialled_roots
    dial = Dial(url, (), "", None, STEP_S, settings.flag("SelfSignedCertificateAuthorized"), roots)
    context = host.carriage.trust(dial) or tls.client(dial.accept_self_signed, roots)
    if isinstance(context, Client):
        context.forget(target.host)  # it is the certificate that shall be looked at
    try:
        async with asyncio.timeout(STEP_S):
            await writer.start_tls(context, server_hostname=target.host, ssl_handshake_timeout=STEP_S)
    except ssl.SSLError as error:
        words = tls.in_words(error, str(target.place), roots)
        raise _bad("tls", _of_tls(words), words) from None
    except TimeoutError:
        raise _bad("tls", "tls", f"no TLS with {target.place} within {STEP_S:g} s: is it a wss port?") from None
    except OSError:
        raise _bad("tls", "tls", f"no TLS with {target.place}, it ended the handshake: is it a wss port?") from None


async def _greeted(
    host: "StationHost", station: "Station", url: str, target: Target, reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> Step:  # fmt: skip
    """Ask for a WebSocket, and leave at once."""
    core, talk = station.core, station.talk
    offered = [SUBPROTOCOLS[each] for each in core.model.dialects if each in SUBPROTOCOLS]
    lines = [
        f"GET {urlsplit(url).path} HTTP/1.1", f"Host: {target.place}", "Upgrade: websocket", "Connection: Upgrade",
        "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {base64.b64encode(secrets.token_bytes(16)).decode()}",
        f"Sec-WebSocket-Protocol: {', '.join(offered)}",
    ]  # fmt: skip
    if _origin(url) == _origin(talk.url()):
        key = password(core.settings.text(core.model.transport.password_key))
        if key is not None:
            coded = base64.b64encode(talk.identity().encode() + b":" + key).decode()
            lines.append(f"Authorization: Basic {coded}")
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    try:
        async with asyncio.timeout(STEP_S):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except TimeoutError:
        raise _bad("websocket", "silent", f"{target.place} does not answer the question") from None
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ssl.SSLError):
        raise _bad("websocket", "not_websocket", f"{target.place} closed the connection without an answer") from None
    first, *rest = head.split("\r\n")
    found = re.match(r"HTTP/1\.\d (\d{3})(.*)", first)
    if not found:
        return Step("websocket", "bad", "not_websocket", f"{target.place} does not speak HTTP")
    if found[1] != "101":
        return Step("websocket", "bad", f"http {found[1]}", redact_text(f"HTTP {found[1]}{found[2]}")[:120])
    fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
    chosen = fields.get("sec-websocket-protocol", "")
    if chosen not in offered:
        told = f"it chose {chosen!r}, offered were {', '.join(offered)}"
        return Step("websocket", "bad", "subprotocol", told[:120])
    if await _thrown_out(reader):
        return Step("websocket", "bad", "closed", "it let the station in and closed at once")
    writer.write(GOODBYE)
    return Step("websocket", "good", told=chosen)


async def _thrown_out(reader: asyncio.StreamReader) -> bool:
    try:
        async with asyncio.timeout(FAREWELL_S):
            first = await reader.read(1)
    except TimeoutError:
        return False
    except OSError:
        return True
    return first in (b"", b"\x88")


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme.lower(), parts.netloc.lower()
