"""Any sequence of what may happen to a station: the laws of books.py hold, none of them is idle, and each can fail.

A failure prints the shortest sequence of rules that shows it; the runs are the same each time.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from chargepost.ocpp import messages as m
from chargepost.ocpp.outbox import Outbox
from chargepost.signals import Limit, SwitchPower
from chargepost.station import charging, profiles, reservations, station, status, transactions, visits
from chargepost.station.answers import ANSWERS
from chargepost.station.authorization import Authorization
from chargepost.station.badges import LocalList
from chargepost.station.connector import Connector
from chargepost.station.conversation import Conversation
from chargepost.station.core import Core
from chargepost.station.memory import Memory
from chargepost.station.settings import Settings
from chargepost.station.station import Station
from tests.rules.books import LAWS, Broken
from tests.rules.machine import Machine

PRODUCTS = ("evlink-pro-ac", "evlink-parking", "evlink-pro-dc", "schneider-charge")
STEPS = 50
RUNS = 500
"""Of each product, in shards; two thousand in all."""
SHARDS = 5
FAST_RUNS = 10
NOT_THERE = {"schneider-charge": {"stopped by"}, "evlink-pro-dc": {"profile"}}
"""No reader; and limits in W, which the model does not reckon with."""


def play(model: str, runs: int, shard: int, *, shrink: bool = True) -> Counter[str]:
    """So many runs, others in each shard; how often each law was put to the test."""

    class Played(Machine):
        product = model
        work: ClassVar[Counter[str]] = Counter()

    def machine() -> Machine:
        return Played()

    phases = (Phase.generate, Phase.shrink) if shrink else (Phase.generate,)
    run_state_machine_as_test(
        seed(shard)(machine),  # type: ignore[arg-type]  # any function that makes one will do
        settings=settings(
            max_examples=runs, stateful_step_count=STEPS, database=None, deadline=None, phases=phases,
            suppress_health_check=list(HealthCheck), report_multiple_bugs=False,
        ),
    )  # fmt: skip
    return Played.work


@pytest.mark.parametrize("model", PRODUCTS)
def test_whatever_happens_the_laws_hold(model: str) -> None:
    play(model, FAST_RUNS, 0)


@pytest.mark.slow
@pytest.mark.parametrize("model", PRODUCTS)
def test_whatever_happens_the_laws_hold_over_many_runs_and_none_is_idle(model: str) -> None:
    work: Counter[str] = Counter()
    for shard in range(1, SHARDS + 1):
        work += play(model, RUNS // SHARDS, shard)
    idle = {law for law in LAWS if work[law] < 10} - NOT_THERE.get(model, set())
    assert not idle, f"hardly put to the test: {idle}: {work}"


# --- planted faults --------------------------------------------------------------------------------------------------

Patch = pytest.MonkeyPatch


def twice(kind: str) -> Callable[[Patch], None]:
    def plant(patch: Patch) -> None:
        real = Conversation.keep

        def keep(self: Conversation, what: str, *args: Any, **more: Any) -> None:
            for _ in range(2 if what == kind else 1):
                real(self, what, *args, **more)

        patch.setattr(Conversation, "keep", keep)

    return plant


def a_watt_hour_is_lost(patch: Patch) -> None:
    real = transactions.close

    def close(s: Any, c: Any, tx: Any, energy_wh: float, *rest: Any) -> None:
        real(s, c, tx, max(energy_wh - 3, tx.start_wh), *rest)

    patch.setattr(transactions, "close", close)


def a_sample_changes_places_with_start_or_stop(patch: Patch) -> None:
    real = Outbox.add

    def add(self: Outbox, kind: Any, *args: Any, **more: Any) -> Any:
        entry = real(self, kind, *args, **more)
        if [each.kind for each in self._entries[-2:]] in (["start", "meter"], ["meter", "stop"]):
            self._entries[-2:] = self._entries[-2:][::-1]
        return entry

    patch.setattr(Outbox, "add", add)


def a_contactor_is_never_opened(patch: Patch) -> None:
    real = Core.wish

    def wish(self: Core, wish: Any) -> None:
        if not (isinstance(wish, SwitchPower) and not wish.on):
            real(self, wish)

    patch.setattr(Core, "wish", wish)


def out_of_service_is_only_said(patch: Patch) -> None:
    real = ANSWERS["ChangeAvailability"]

    def change(s: Station, ask: Any, ident: str, now: float) -> Any:
        answer = real(s, ask, ident, now)
        for c in s.all_connectors:
            c.operative, c.out_when_free = True, False
        return answer

    patch.setitem(ANSWERS, "ChangeAvailability", change)


def preparing_is_not_told(patch: Patch) -> None:
    real = Station.report

    def report(self: Station, c: Connector, now: float, **more: Any) -> None:
        if c.status == "Preparing":
            c.reported = ("Preparing", "NoError", "", "")
        else:
            real(self, c, now, **more)

    patch.setattr(Station, "report", report)


def a_car_that_pauses_leaves_its_place(patch: Patch) -> None:
    real = status.status
    patch.setattr(station, "status", lambda c: "Available" if real(c) == "SuspendedEV" else real(c))


def answers(action: str, answer: Any) -> Callable[[Patch], None]:
    return lambda patch: patch.setitem(ANSWERS, action, lambda *_: answer)


def everything_is_answered_twice(patch: Patch) -> None:
    real = Conversation.answer

    def answer(self: Conversation, frame: bytes, ident: str = "") -> None:
        real(self, frame, ident)
        real(self, frame, ident)

    patch.setattr(Conversation, "answer", answer)


def message_ids_begin_anew_with_each_life(patch: Patch) -> None:
    real = Conversation.__init__
    patch.setattr(Conversation, "__init__", lambda self, core, _boots: real(self, core, 1))


def a_refused_value_is_kept(patch: Patch) -> None:
    real = Settings.change

    def change(self: Settings, name: str, value: str, **more: Any) -> Any:
        verdict, row, stored = real(self, name, value, **more)
        if verdict == "Rejected" and row and row.spec.access == "RW":
            self.changed[row.inner] = value[:500]
        return verdict, row, stored

    patch.setattr(Settings, "change", change)


def badges_are_not_written_down(patch: Patch) -> None:
    real = Memory.put
    patch.setattr(Memory, "put", lambda self, key, value: 0 if key.startswith("cache/") else real(self, key, value))


def stops_are_never_told(patch: Patch) -> None:
    real = Outbox.due

    def due(self: Outbox, now: float, durable: int) -> Any:
        entry = real(self, now, durable)
        return None if entry and entry.kind == "stop" else entry

    patch.setattr(Outbox, "due", due)


PLANTED: list[tuple[str, Callable[[Patch], None]]] = [
    ("one start", twice("start")),
    ("one stop", twice("stop")),
    ("energy", a_watt_hour_is_lost),
    ("order", a_sample_changes_places_with_start_or_stop),
    ("authorized", lambda patch: patch.setattr(Authorization, "judge", lambda *_: ("allow", "anybody"))),
    ("stopped by", lambda patch: patch.setattr(visits, "fold", lambda tag: tag[20:])),
    ("no power", a_contactor_is_never_opened),
    ("refused", lambda patch: patch.setattr(transactions, "refused", lambda *_: None)),
    ("offer", lambda patch: patch.setattr(charging, "limit", lambda *_: Limit(63.0, "nobody"))),
    ("told", preparing_is_not_told),
    ("status", a_car_that_pauses_leaves_its_place),
    ("out of service", out_of_service_is_only_said),
    ("reserved", lambda patch: patch.setattr(reservations, "admits", lambda *_: True)),
    ("local list", lambda patch: patch.setattr(LocalList, "_keep", lambda *_: None)),
    ("profile", lambda patch: patch.setattr(profiles, "govern", lambda s, now: s.connectors)),
    ("answer", answers("RemoteStopTransaction", m.RemoteStopTransactionResponse(status="Accepted"))),
    ("one answer", everything_is_answered_twice),
    ("message id", message_ids_begin_anew_with_each_life),
    ("read back", a_refused_value_is_kept),
    ("memory", badges_are_not_written_down),
    ("nothing left", stops_are_never_told),
]


@pytest.mark.slow
@pytest.mark.parametrize(("law", "plant"), PLANTED, ids=[law for law, _ in PLANTED])
def test_a_planted_fault_breaks_its_law(law: str, plant: Callable[[Patch], None], monkeypatch: Patch) -> None:
    plant(monkeypatch)
    with pytest.raises(Broken, match=f"^{law} "):
        play("evlink-pro-ac", RUNS, 1, shrink=False)


def test_every_law_has_a_planted_fault() -> None:
    assert {law for law, _ in PLANTED} == set(LAWS)
