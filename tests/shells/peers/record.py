"""What a peer heard and said, what it objects to, and how a test waits for it."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from tests.patience import PATIENCE_S

CALL, RESULT, ERROR = 2, 3, 4
ID_MAX = 36
"""Characters of a message id (OCPP-J 1.6, 4.1.4)."""

FRAMES_TOLD = 20
"""The last frames are what explains a wait that was in vain."""


class Refused(Exception):
    """The other side answered with a CALLERROR."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(f"{code}: {description}")
        self.code, self.description = code, description


class News:
    """Something that changes and can be waited for, without looking again and again."""

    def __init__(self) -> None:
        self._change = asyncio.Event()

    def tell(self) -> None:
        self._change.set()
        self._change = asyncio.Event()

    def explain(self) -> str:
        return ""

    async def until(self, seen: Callable[[], bool], why: str, within_s: float = PATIENCE_S) -> None:
        """Raises AssertionError with `why` and all that explains it."""
        try:
            async with asyncio.timeout(within_s):
                while not seen():
                    await self._change.wait()
        except TimeoutError:
            raise AssertionError(f"never happened: {why}\n{self.explain()}") from None


class Frame(NamedTuple):
    identity: str
    heard: bool
    """By the peer; else it said it."""
    message: list[Any]

    @property
    def kind(self) -> int:
        return int(self.message[0])

    @property
    def id(self) -> str:
        return str(self.message[1])


class Call(NamedTuple):
    action: str
    payload: dict[str, Any]
    id: str


class Record(News):
    """All that passed at one peer. It objects by itself to what no schema says: OCPP-J 1.6, 4.1.1 and 4.1.4."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.frames: list[Frame] = []
        self.links: list[tuple[str, str]] = []
        """Identity, and the subprotocol agreed when it opened or "closed"."""
        self.objections: list[str] = []
        self._open: dict[tuple[str, bool], str] = {}
        """Whose call is unanswered: identity and whether the peer heard it -> its id."""
        self._said: dict[tuple[str, str], list[Any]] = {}

    # --- told by a peer ----------------------------------------------------------------------------------------------

    def opened(self, identity: str, subprotocol: str) -> None:
        self.links.append((identity, subprotocol))
        self._forget(identity)
        if subprotocol != "ocpp1.6":
            self.object(identity, f"agreed on the subprotocol {subprotocol!r}")
        self.tell()

    def closed(self, identity: str) -> None:
        self.links.append((identity, "closed"))
        self._forget(identity)
        self.tell()

    def _forget(self, identity: str) -> None:
        for heard in (True, False):
            self._open.pop((identity, heard), None)

    def object(self, identity: str, why: str) -> None:
        last = next((frame.message for frame in reversed(self.frames) if frame.identity == identity), None)
        self.objections.append(f"{self.name} to {identity}: {why}\n  last frame: {json.dumps(last)}")
        self.tell()

    def frame(self, identity: str, heard: bool, raw: str | bytes) -> None:
        if isinstance(raw, bytes):
            self.object(identity, "a binary message")
        try:
            message = json.loads(raw)
            frame = Frame(identity, heard, message)
            judge = {CALL: self._called, RESULT: self._answered, ERROR: self._answered}[frame.kind]
        except (ValueError, LookupError, TypeError):
            self.object(identity, f"no OCPP-J message: {raw!r}")
            return
        self.frames.append(frame)
        judge(frame)
        self.tell()

    def _called(self, frame: Frame) -> None:
        whose = frame.identity, frame.heard
        if frame.heard:
            if whose in self._open:
                self.object(frame.identity, f"a call before the answer to {self._open[whose]} (J 4.1.1)")
            if len(frame.id) > ID_MAX:
                self.object(frame.identity, f"an id of {len(frame.id)} characters (J 4.1.4)")
            if self._said.setdefault((frame.identity, frame.id), frame.message) != frame.message:
                self.object(frame.identity, "an id that named another message before (J 4.1.4)")
        self._open[whose] = frame.id

    def _answered(self, frame: Frame) -> None:
        whose = frame.identity, not frame.heard
        if self._open.pop(whose, None) != frame.id and frame.heard:
            self.object(frame.identity, "an answer to nothing that was asked")
        if frame.kind == ERROR and not frame.heard:
            self.object(frame.identity, "answered with a CALLERROR")

    # --- asked by tests ----------------------------------------------------------------------------------------------

    def calls(self, identity: str, *actions: str) -> list[Call]:
        """What the peer was asked, in order."""
        return [
            Call(frame.message[2], frame.message[3], frame.id)
            for frame in self.frames
            if frame.heard and frame.identity == identity and frame.kind == CALL
            if not actions or frame.message[2] in actions
        ]

    def caused(self, identity: str, *actions: str) -> list[Call]:
        """What the peer was asked since the newest answer to a call of its own."""
        asked: list[Call] = []
        for frame in reversed(self.frames):
            if frame.heard and frame.identity == identity:
                if frame.kind != CALL:
                    break
                asked.insert(0, Call(frame.message[2], frame.message[3], frame.id))
        return [call for call in asked if not actions or call.action in actions]

    def statuses(self, identity: str, connector: int = 1) -> list[str]:
        told = [call.payload for call in self.calls(identity, "StatusNotification")]
        return [payload["status"] for payload in told if payload["connectorId"] == connector]

    def asked(self, identity: str, ident: str) -> Call:
        """The call with this id that the peer heard."""
        found = [call for call in self.calls(identity) if call.id == ident]
        return found[-1]

    def answer(self, identity: str, ident: str) -> dict[str, Any]:
        """What was answered to a call of the peer. Raises Refused, or LookupError when nothing was."""
        for frame in reversed(self.frames):
            if frame.identity == identity and frame.heard and frame.kind != CALL and frame.id == ident:
                if frame.kind == ERROR:
                    raise Refused(str(frame.message[2]), str(frame.message[3]))
                answer: dict[str, Any] = frame.message[2]
                return answer
        raise LookupError(f"no answer to {ident}")

    def answers(self, identity: str, *actions: str) -> list[dict[str, Any]]:
        """What the peer answered, in order."""
        ids = [call.id for call in self.calls(identity, *actions)]
        return [
            frame.message[2]
            for frame in self.frames
            if not frame.heard and frame.identity == identity and frame.kind == RESULT and frame.id in ids
        ]

    def connections(self, identity: str) -> int:
        """How often its link was opened."""
        return Counter(name for name, what in self.links if what != "closed")[identity]

    def explain(self) -> str:
        return "\n".join(
            [
                *(f"objection: {each}" for each in self.objections),
                *(
                    f"{frame.identity} {'->' if frame.heard else '<-'} {json.dumps(frame.message)[:240]}"
                    for frame in self.frames[-FRAMES_TOLD:]
                ),
                f"links: {self.links[-FRAMES_TOLD:]}",
            ]
        )

    def clean(self) -> None:
        """Raises AssertionError when the peer has anything to object to."""
        assert not self.objections, "\n".join(self.objections)


Policy = Callable[[str, str, dict[str, Any]], dict[str, Any]]
"""Identity, action and payload of what a peer is asked -> what it answers. What it raises becomes a CALLERROR."""


class Peer(Protocol):
    """A central system or a station written by others. `call` returns the answer's payload or raises Refused."""

    record: Record

    async def call(self, identity: str, action: str, payload: dict[str, Any]) -> dict[str, Any]: ...
    async def close(self) -> None: ...


class CentralPeer(Peer, Protocol):
    """It accepts every station that connects under `url`."""

    url: str


class StationPeer(Peer, Protocol):
    async def connect(self, url: str, identity: str) -> None:
        """Raises ConnectionError when the other side does not let it in."""
