"""What carries a station under test, as a case needs it. Two of them: `rig.Rig` in virtual time without a wire, and
`Socket`, where the real runner talks to a real WebSocket while the hands of its clock are moved by the test."""

import asyncio
import contextlib
import json
from collections.abc import Callable, Coroutine, Iterator
from heapq import heappop, heappush
from itertools import count
from typing import Any, Protocol, TypeVar, TypeVarTuple, Unpack
from urllib.parse import unquote

from ocpp.messages import get_validator
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from chargepost import signals as sig
from chargepost.catalogue import image
from chargepost.catalogue.model import Model
from chargepost.drivers.simulated import SimulatedStation
from chargepost.journal import Journal
from chargepost.ocpp import frames
from chargepost.records.ledger import STATION_SCHEMA, STATION_VERSION
from chargepost.run.clock import Clock
from chargepost.run.frames import Frames
from chargepost.run.gate import Place
from chargepost.run.given import judge
from chargepost.run.runner import Carriage, StationHost
from chargepost.run.transfer import Terms
from tests.patience import PATIENCE_S
from tests.rules.rig import EPOCH_UTC_S, Rig, scripted
from tests.shells.file_servers import Web, web

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


FILE_S = 0.002
"""Of the machine: so often it is looked whether the threads that move files are done."""

TURNS = 8
"""Turns of the loop without a word after which nobody has anything more to do at this instant: what the loop is asked
to call soon asks it again a few times at most."""

BEGIN_S = 1000.0

SIGNER = image.draw_key()
"""Whose firmware is taken: a private key, and its public one."""


class Bench(Protocol):
    """A station, its hardware, its central system and its time."""

    model: Model
    answers: dict[str, Any]
    """How the central system answers: see `rig.Rig`."""
    frames: list[tuple[float, str, Any]]
    asks: int

    @property
    def now(self) -> float: ...
    @property
    def hardware(self) -> SimulatedStation: ...
    @property
    def connected(self) -> bool: ...

    def start(self) -> None: ...
    def run(self, seconds: float = 1.0) -> None: ...
    def ask(self, payload: Any) -> Any: ...
    def answer_to(self, ident: str, action: str) -> Any: ...
    def hear(self, data: bytes) -> None: ...
    def own(self, **settings: str) -> None: ...
    def tell(self, fact: sig.Fact) -> None: ...
    def look(self) -> sig.StationView: ...
    def cut(self) -> None: ...
    def mend_at_once(self) -> None: ...
    def power_cycle(self, off_s: float = 5.0) -> None: ...
    def close(self) -> None: ...

    # --- files: HTTP ---

    def url(self, name: str) -> str:
        """Where the files are; without a name, the folder that takes some."""

    def offer(self, name: str, data: bytes) -> str:
        """From here on this file is there; its URL."""

    def uploaded(self) -> list[str]:
        """The names of what came."""

    def nowhere(self) -> str:
        """A URL where nobody is."""


class Virtual(Rig):
    """The station alone, in virtual time."""

    def __init__(self, model: Model) -> None:
        super().__init__(model, start=False)
        self.trusted = (SIGNER[1],)
        self.folders[self.url("")] = []

    def url(self, name: str) -> str:
        return f"http://files.example/{name}"

    def offer(self, name: str, data: bytes) -> str:
        self.shelf[self.url(name)] = data
        return self.url(name)

    def uploaded(self) -> list[str]:
        return [each.name for each in self.folders[self.url("")]]

    def nowhere(self) -> str:
        return "http://nobody.example/"

    def look(self) -> sig.StationView:
        return self.station.view(self.now)

    def close(self) -> None:
        pass


class Hand:
    """A timer of a `Handmade` clock."""

    def __init__(self, what: Callable[[], object]) -> None:
        self._what: Callable[[], object] | None = what

    def cancel(self) -> None:
        self._what = None

    def __call__(self) -> None:
        what, self._what = self._what, None
        if what:
            what()


class Handmade(Clock):
    """A clock whose hands somebody moves: the machine's time does not pass in this world, that of the cases does."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.speed, self.loop = 1.0, loop
        self._now = BEGIN_S
        self._timers: list[tuple[float, int, Hand]] = []
        self._order = count()

    def now(self) -> float:
        return self._now

    def utc_s(self) -> float:
        return EPOCH_UTC_S + self._now

    def utc_at(self, now: float) -> float:
        return EPOCH_UTC_S + now

    def call_at(self, now: float, what: Callable[[Unpack[Ts]], object], *args: *Ts) -> Any:
        hand = Hand(lambda: what(*args))
        heappush(self._timers, (now, next(self._order), hand))
        return hand

    def call_later(self, wait_s: float, what: Callable[[Unpack[Ts]], object], *args: *Ts) -> Any:
        return self.call_at(self._now + wait_s, what, *args)

    def step(self, until: float) -> bool:
        """To the next timer, which rings; or to `until`, and False, when there is none before."""
        while self._timers and self._timers[0][0] <= until:
            at, _, hand = heappop(self._timers)
            self._now = max(self._now, at)
            hand()
            return True
        self._now = until
        return False


class Socket:
    """The real runner and a central system of the `websockets` library, with a loopback connection between them.

    The world's time stands still until both ends have heard all that was said, so every case has the instants it has
    in virtual time. What the station says is judged by the schemas of PyPI `ocpp`.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.answers: dict[str, Any] = {}
        self.numbers: Iterator[int] = iter(range(501, 10_000))
        self.frames: list[tuple[float, str, Any]] = []
        self.asks = 0
        self.reachable = True
        self.loop = asyncio.new_event_loop()
        self.clock = Handmade(self.loop)
        self.journal = Journal(None, STATION_SCHEMA, STATION_VERSION)
        self.log = Frames()
        self._links: list[ServerConnection] = []
        self._said = self._heard = 0
        """Frames of the central system, and those it got."""
        self._objections: list[str] = []
        self._files = contextlib.ExitStack()
        self._web: Web | None = None
        self._server: Server = self._do(self._open())
        self._host = StationHost(judge("CP-1", model, self._settings(), self._url), self._carriage())

    # --- life --------------------------------------------------------------------------------------------------------

    def _settings(self) -> dict[str, str]:
        cut = self.model.identity.truncate_serials_key
        return {"MinimumStatusDuration": "0"} | ({cut: "true"} if cut else {})

    def _carriage(self) -> Carriage:
        terms = Terms((Place("127.0.0.1"),), (SIGNER[1],))
        return Carriage(self.clock, self.journal, self.log, lambda: 0.5, lambda *_: None, terms=terms)

    @property
    def _url(self) -> str:
        return f"ws://127.0.0.1:{next(iter(self._server.sockets)).getsockname()[1]}/ocpp"

    def start(self) -> None:
        self._do(self._act(self._host.start))

    def close(self) -> None:
        self._do(self._close())
        self.journal.close()
        self.loop.close()

    async def _close(self) -> None:
        self._host.remove()
        self._host.carriage.transfers.close()
        self._files.close()
        self._server.close()
        await self._server.wait_closed()

    def power_cycle(self, off_s: float = 5.0) -> None:
        self._do(self._act(lambda: self._host.power_cycle(off_s)))
        self.run(off_s)

    def _do(self, what: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(what)

    # --- time --------------------------------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        return self.clock.now()

    def run(self, seconds: float = 1.0) -> None:
        """Let so much time of the world go by."""
        self._do(self._run(self.now + seconds))

    async def _run(self, until: float) -> None:
        await self._act(self._host.tell)
        while self.clock.step(until):
            await self._settle()
        await self._act(self._host.tell)

    async def _act(self, what: Callable[[], object]) -> None:
        what()
        await self._settle()

    async def _settle(self) -> None:
        """Until nobody has anything more to say at this instant."""
        quiet = 0
        try:
            async with asyncio.timeout(PATIENCE_S):
                while quiet < TURNS:
                    before = self._traffic()
                    await asyncio.sleep(FILE_S if self._host.carriage.transfers._jobs else 0)
                    quiet = quiet + 1 if before == self._traffic() and self._agree() else 0
                    if quiet == TURNS // 2 and self._links:
                        await self._echo()
        except TimeoutError:
            raise AssertionError(f"the two ends do not agree: {self._traffic()}, {self.look().link}") from None
        assert not self._objections, "\n".join(self._objections)

    def _traffic(self) -> tuple[int, ...]:
        counts = self.log.counts
        return counts["cp-to-csms"], self._heard, self._said, counts["csms-to-cp"], len(self._links)

    def _agree(self) -> bool:
        """All that was said has arrived, and both ends think the same of the link."""
        sent, heard, said, received, links = self._traffic()
        lines = len(self._host.faults.lines)
        moving = self._host.carriage.transfers._jobs
        return not moving and sent == heard and said == received and links == lines == int(self.connected)

    async def _echo(self) -> None:
        """There and back: whatever was on its way before has arrived, pings and pongs included."""
        with contextlib.suppress(ConnectionClosed):  # the link just went: it has nothing on its way
            await (await self._links[-1].ping())

    @property
    def connected(self) -> bool:
        return self.look().link.state == "open"

    # --- the central system ------------------------------------------------------------------------------------------

    async def _open(self) -> Server:
        return await serve(
            self._talk, "127.0.0.1", 0, subprotocols=[Subprotocol("ocpp1.6")], process_request=self._admit,
            ping_interval=None,
        )  # fmt: skip

    def _admit(self, link: ServerConnection, _: Request) -> Response | None:
        return None if self.reachable else link.respond(503, "out of reach")

    async def _talk(self, link: ServerConnection) -> None:
        self._links.append(link)
        try:
            with contextlib.suppress(ConnectionClosed):
                async for raw in link:
                    await self._hear(link, raw)
        finally:
            self._links.remove(link)
            self._said, self._heard = self.log.counts["csms-to-cp"], self.log.counts["cp-to-csms"]  # the rest is lost

    async def _hear(self, link: ServerConnection, raw: str | bytes) -> None:
        self._heard += 1
        try:
            data = raw.encode() if isinstance(raw, str) else raw
            frame = frames.read(data)
            self.frames.append((self.now, "sent", frame))
            if isinstance(frame, frames.Call):
                errors = get_validator(2, frame.action, "1.6").iter_errors(json.loads(data)[3])
                self._objections += [f"{frame.action}: {error.message}" for error in errors]
                if answer := scripted(self, frame):
                    await self._say(link, answer)
        except Exception as error:
            self._objections.append(f"{type(error).__name__}: {error}: {raw!r}")

    async def _say(self, link: ServerConnection, data: bytes) -> None:
        self._said += 1
        await link.send(data, text=True)

    def hear(self, data: bytes) -> None:
        """The central system says this to the station."""
        assert self._links, "the link is down: nobody can be asked"
        self._do(self._act_said(data))

    async def _act_said(self, data: bytes) -> None:
        await self._say(self._links[-1], data)
        await self._settle()

    def ask(self, payload: Any) -> Any:
        self.asks += 1
        ident = f"cs-{self.asks}"
        self.hear(frames.write_call(ident, payload))
        return self.answer_to(ident, payload.action)

    def answer_to(self, ident: str, action: str) -> Any:
        for _, _, frame in self.frames:
            if not isinstance(frame, frames.Call) and frame.id == ident:
                return frame if isinstance(frame, frames.Error) else frames.read_result(action, frame.payload)
        return None

    def cut(self) -> None:
        """The link breaks, and whoever dials is refused."""
        self.reachable = False
        self._do(self._act(self._drop))

    def _drop(self) -> None:
        for link in self._links:
            link.transport.abort()

    def mend_at_once(self) -> None:
        self.reachable = True
        for _ in range(400):
            if self.connected:
                return
            self.run(1)
        raise AssertionError("no dial in 400 s")

    # --- hands -------------------------------------------------------------------------------------------------------

    @property
    def hardware(self) -> SimulatedStation:
        return self._host.hardware

    def own(self, **settings: str) -> None:
        for key, value in settings.items():
            self.tell(sig.SettingChanged(key, value))

    def tell(self, fact: sig.Fact) -> None:
        self._do(self._act(lambda: self._host.tell(fact)))

    def look(self) -> sig.StationView:
        return self._host.view()

    # --- files -------------------------------------------------------------------------------------------------------

    @property
    def _store(self) -> Web:
        if self._web is None:
            self._web = self._files.enter_context(web())
        return self._web

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self._store.port}/{name}"

    def offer(self, name: str, data: bytes) -> str:
        self._store.files[f"/{name}"] = data
        return self.url(name)

    def uploaded(self) -> list[str]:
        return [unquote(path) for path in self._store.sent]

    def nowhere(self) -> str:
        """Port 9 throws away what it gets, where anybody has it at all."""
        return "http://127.0.0.1:9/"
