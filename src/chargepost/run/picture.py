"""What the Overview asks of its station: the picture, the last hours, the link with its frames, and hands."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from chargepost import signals as sig
from chargepost.commissioning import port
from chargepost.drivers.simulated import CARS, SimulatedStation
from chargepost.ocpp import frames
from chargepost.redact import redact_frame, redact_text
from chargepost.run import control, ladder
from chargepost.run.gate import Place, read_place
from chargepost.run.history import History
from chargepost.supervision.tracelog import Frame
from chargepost.web import LOOPBACK, Problem

if TYPE_CHECKING:
    from chargepost.run.runner import StationHost
    from chargepost.run.stations import Stations

REFUSAL_SHOWN_S = 60.0
"""Of the world: how long a page says that a badge was refused."""


class Picture:
    """This part of the `Port` of a station."""

    def __init__(self, host: "StationHost", stations: "Stations", history: History, private: bool) -> None:
        """`private`: only who is at this machine sees the tool."""
        self._host, self._stations, self._history = host, stations, history
        self._private = private
        self._trying = False

    def glance(self, connector: int) -> sig.OutletGlance:
        assert self._host.station
        return self._host.station.glance(connector, self._host.clock.now())

    def car(self, connector: int) -> str:
        car = self._host.hardware.connector(connector).car
        return car.name if car else ""

    def badge_refused(self) -> sig.BadgeJudged | None:
        since_utc_s = self._host.clock.utc_s() - REFUSAL_SHOWN_S
        for event in reversed(self._stations.happened):
            if event.utc_s < since_utc_s:
                return None
            if event.station == self._host.identity and isinstance(event.what, sig.BadgeJudged):
                return None if event.what.accepted else event.what
        return None

    def samples(self, connector: int, after: int = 0) -> Sequence[port.Sample]:
        return self._history.samples(self._host.identity, connector, after)

    @property
    def samples_taken(self) -> int:
        return self._history.count

    # --- the link ----------------------------------------------------------------------------------------------------

    def frames(self, after: int, before: int, limit: int) -> Sequence[port.Frame]:
        return [_frame(each) for each in self._stations.log.between(self._host.identity, after, before, limit)]

    def last_frame(self, after: int = 0) -> int:
        return self._stations.log.last(self._host.identity, after)

    def ladder(self) -> Sequence[port.Step]:
        return ladder.ladder(self._host)

    async def try_link(self, url: str) -> Sequence[port.Step]:
        if self._trying:
            return []
        self._trying = True
        try:
            return await ladder.walk(self._host, url, self._meant())
        finally:
            self._trying = False

    def _meant(self) -> tuple[Place, ...]:
        """Hosts that the owner of the process means: by options, and this machine where nobody else sees the tool."""
        given = (self._stations.supervision, self._host.given.get(self._host.model.transport.url_key))
        homes = [urlsplit(url).netloc.rpartition("@")[2] for url in given if url]
        own = [Place(name) for name in LOOPBACK] if self._private else []
        return (*map(read_place, homes), *own, *self._host.carriage.transfers.allowed)

    # --- hands -------------------------------------------------------------------------------------------------------

    @property
    def simulated(self) -> bool:
        return type(self._host.hardware) is SimulatedStation

    def sockets(self, connector: int) -> Sequence[str]:
        return [each.kind for each in self._host.hardware.connector(connector).sockets]

    @property
    def cars(self) -> Sequence[str]:
        return list(CARS)

    async def hand(self, action: str, body: Mapping[str, object]) -> str:
        view = await self._stations.station(self._host.identity)
        if view is None or not self.simulated:
            return "nobody can do this here"
        at = control.At(self._stations, view)
        try:
            await control.hand(at, action, body)
        except control.Refused as refused:
            return f"{refused.reason}: {refused.remedy}"
        except Problem as problem:
            return f"{problem.details.detail} {problem.details.remedy}"
        except (ValueError, msgspec.ValidationError) as error:
            return str(error)
        return ""


def _frame(frame: Frame) -> port.Frame:
    """As the tool is told it: without secrets, and with what its reader found wrong with it."""
    return port.Frame(
        frame.number, frame.at_utc_s, frame.direction == "cp-to-csms", frame.kind, frame.message_id, frame.action,
        redact_frame(frame.data).decode("utf-8", "replace"), len(frame.data), frame.latency_s, _wrong(frame),
    )  # fmt: skip


def _wrong(frame: Frame) -> str:
    """Why the frame is not valid, with the field named; empty when it is, as far as a station is tolerant."""
    try:
        read = frames.read(frame.data, tolerant=True)
        if isinstance(read, frames.Result) and frame.action in frames.RESPONSES:
            frames.read_result(frame.action, read.payload, tolerant=True)
    except frames.NotAFrame as error:
        return redact_text(str(error))
    except frames.BadMessage as error:
        return redact_text(error.description)
    return redact_text(frame.trouble) if frame.trouble else ""
