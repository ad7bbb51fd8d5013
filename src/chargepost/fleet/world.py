"""A fleet in virtual time: stations, their links, the central system, people and trouble, from one seed.

Everything that happens stands on one heap in the order of (time, number), each purpose has dice of its own, and every
frame goes into a digest: the same scenario with the same seed is the same day, to the byte.
"""

import struct
from collections import deque
from collections.abc import Sequence
from hashlib import sha256
from random import Random
from typing import NamedTuple

import msgspec

from chargepost import catalogue, signals
from chargepost.catalogue.model import Model
from chargepost.energy.tree import TreeError
from chargepost.fleet.faults import FrameFault, FrameJudge
from chargepost.fleet.fuses import rules_of
from chargepost.fleet.hub import Hub, MemoryLedger
from chargepost.fleet.laws import LawBroken, Laws
from chargepost.fleet.link import Line, Network
from chargepost.fleet.people import Badges, People
from chargepost.fleet.post import Post, factory_memory
from chargepost.fleet.scenario import Scenario, ScenarioError
from chargepost.fleet.site import Site
from chargepost.fleet.timeline import Stopped, Timeline, dice
from chargepost.fleet.trouble import Trouble
from chargepost.redact import redact_frame
from chargepost.supervision import wishes
from chargepost.supervision.answers import Policy

FRAMES_KEPT = 30
"""Of each station, for the report of a broken law."""
QUIET_S = 3600.0
"""At the end nobody comes and nothing goes wrong: what was held up must arrive."""
LEAVING_S = 3600.0
"""Before that everybody leaves."""
URL = "ws://central.invalid/ocpp"
HEAD = struct.Struct("<d?I")
"""Of a frame in the digest: instant, direction, length."""


class Frame(NamedTuple):
    """One frame as it was sent, lost ones included."""

    number: int
    at_s: float
    up: bool
    """From the station."""
    data: bytes

    def in_words(self) -> str:
        text = redact_frame(self.data).decode("utf-8", "replace")
        return f"#{self.number} {clock(self.at_s)} {'->' if self.up else '<-'} {text}"


class World:
    """Everything of one run."""

    def __init__(
        self, plan: Scenario, *, until_frame: int | None = None, laws: Laws | None = None,
        faults: Sequence[FrameFault] = (),
    ) -> None:  # fmt: skip
        """`faults`: what befalls OCPP frames by rules, beside what the scenario's links do."""
        self.plan, self.faults = plan, faults
        self.timeline = Timeline()
        self.laws = laws or Laws()
        self.frames = 0
        self.until_frame = until_frame
        self.errors: dict[str, int] = {}
        self.slowest: tuple[float, str] = (0.0, "")
        self._slowest_s = 0.0
        self._digest = sha256()
        self._last: dict[str, deque[tuple[int, float, bool, bytes]]] = {}
        models = assign(plan)
        connectors = sum(len(model.connectors) for model in models)
        self.badges = Badges(connectors)
        policy = Policy(
            heartbeat_interval_s=plan.heartbeat_interval_s, accept_unknown_stations=True, accept_open_stations=True
        )
        self.ledger = MemoryLedger(self.badges.rows)
        self.hub = Hub(self.timeline, self, policy, self.ledger, self.dice("central"), plan.start_utc_s)
        quiet_s = plan.duration_s - QUIET_S
        leaving_s = quiet_s - LEAVING_S
        self.people = People(plan, self.timeline, self.hub, self.badges, leaving_s - LEAVING_S / 2, leaving_s)
        self.trouble = Trouble(plan, self.timeline, self.hub, quiet_s)
        self.posts = [self._post(number, model) for number, model in enumerate(models, 1)]
        self.sites = self._sites(quiet_s) if plan.fuses else []
        self.trouble.begin_central(self.dice("trouble"))

    def dice(self, purpose: str) -> Random:
        return dice(self.plan.seed, purpose)

    def _post(self, number: int, model: Model) -> Post:
        plan, identity = self.plan, f"CP{number:05d}"
        judge = FrameJudge(self.faults, plan.seed, identity) if self.faults else None
        network = Network(self.timeline, plan.link, self.dice(f"link {identity}"), self.hub, self.count, judge)
        post = Post(
            identity, model, factory_memory(model, URL, plan.settings), seed=plan.seed, timeline=self.timeline,
            network=network, laws=self.laws, watch=self, utc_s=plan.start_utc_s,
        )  # fmt: skip
        self._last[identity] = deque(maxlen=FRAMES_KEPT)
        people = self.dice(f"people {identity}")
        self.timeline.at(people.uniform(0, plan.ramp_s), post.start)
        for connector in range(1, len(post.hardware.connectors) + 1):
            self.timeline.follow(self.people.arrivals(post, connector, people))
        self.trouble.begin(post, self.dice(f"trouble {identity}"))
        self.timeline.at(self.trouble.until_s, network.calm)
        return post

    def _sites(self, quiet_s: float) -> list[Site]:
        """The stations divided into sites, in turn."""
        plan, count = self.plan, self.plan.site.clusters
        rules = rules_of(plan.site, [badge.id_tag for badge in self.badges.good], self.dice("vips"))
        try:
            sites = [
                Site(
                    f"site {n + 1}", plan.site, plan.fuses, self.posts[n::count], rules, timeline=self.timeline,
                    laws=self.laws, dice=self.dice(f"site {n}"), utc_s=plan.start_utc_s, until_s=quiet_s,
                )
                for n in range(count)
            ]  # fmt: skip
        except TreeError as error:
            raise ScenarioError(f"{error.path}: {error}") from None
        for n, post in enumerate(self.posts):
            post.site = sites[n % count]
        return sites

    # --- running -----------------------------------------------------------------------------------------------------

    def run(self, until_s: float) -> None:
        """Let the day go on. Raises LawBroken, and Stopped at the frame asked for."""
        self.timeline.run(until_s)

    def finish(self) -> None:
        """The laws of the end."""
        for post in self.posts:
            online = post.station is not None and post.station.talk.online
            self.laws.quiet(post.witness, post.disk.durable, online)
        self.laws.books(self.ledger.starts.values(), self.ledger.stops)

    def digest(self) -> str:
        """Of all frames so far, and of the records as they stand."""
        whole = self._digest.copy()
        for start, stop in self.ledger.records():
            whole.update(msgspec.json.encode((start, stop)))
        return whole.hexdigest()

    def last_frames(self, identity: str) -> list[str]:
        return [Frame(*each).in_words() for each in self._last.get(identity, ())]

    # --- what passes -------------------------------------------------------------------------------------------------

    def frame_up(self, post: Post, data: bytes) -> None:
        self._frame(post.identity, True, data)

    def frame_down(self, line: Line, data: bytes) -> None:
        self._frame(line.identity, False, data)
        if data.startswith(b"[4"):
            code = data.split(b'"', 4)[3].decode()
            self.count(f"CALLERROR {code}")

    def _frame(self, identity: str, up: bool, data: bytes) -> None:
        if self.frames == self.until_frame:
            raise Stopped  # before the next one, so that what followed from the last one is seen
        self.frames += 1
        now = self.timeline.now
        self._digest.update(HEAD.pack(now, up, len(data)) + identity.encode() + data)
        self._last[identity].append((self.frames, now, up, data))

    def answered(self, action: bytes, latency_s: float) -> None:
        if latency_s > self._slowest_s:
            self._slowest_s = latency_s
            self.slowest = latency_s, action.split(b'"')[3].decode()

    def noted(self, who: str, note: signals.Note | wishes.Note) -> None:
        if note.level in ("warning", "error"):
            self.count(note.event)

    def count(self, kind: str) -> None:
        self.errors[kind] = self.errors.get(kind, 0) + 1


def assign(plan: Scenario) -> list[Model]:
    """A model for each station, evenly mixed by the shares."""
    total = sum(plan.models.values())
    owed = dict.fromkeys(plan.models, 0.0)
    chosen: list[Model] = []
    for _ in range(plan.stations):
        for name, share in plan.models.items():
            owed[name] += share / total
        name = max(owed, key=lambda name: owed[name])
        owed[name] -= 1
        chosen.append(catalogue.load(name))
    return chosen


def clock(at_s: float) -> str:
    """Virtual time in words: day, hour, minute and second."""
    days, rest = divmod(int(at_s), 86400)
    day = f"{days} d " if days else ""
    return f"{day}{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}.{int(at_s % 1 * 1000):03d}"


__all__ = ["Frame", "LawBroken", "Stopped", "World", "assign", "clock"]
