"""Each law of the fleet catches its planted fault (reliability, 3d: a law that has not failed is none)."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from chargepost import signals as sig
from chargepost.drivers.simulated import SimulatedConnector
from chargepost.fleet import hub, people, post, report, trouble
from chargepost.fleet.laws import LAWS, TABLE
from chargepost.fleet.scenario import Disturbances, Link, People, Scenario, load
from chargepost.ocpp.outbox import Outbox
from chargepost.run import runner
from chargepost.station import (
    badges,
    charging,
    conversation,
    happenings,
    profiles,
    reservations,
    station,
    status,
    transactions,
)
from chargepost.station.connector import Connector
from chargepost.supervision.state import State
from chargepost.supervision.wishes import Begun, StopRow, Store, TransactionRow

ROUGH = Link(delay_s=0.06, lose=0.02, duplicate=0.02, cuts_per_day=8, outages_per_day=3)
LOSSY = msgspec.structs.replace(ROUGH, lose=0.1)
CALM = Link(lose=0, duplicate=0, cuts_per_day=0, outages_per_day=0, refuse_dial=0)
NOTHING = Disturbances(
    power_cuts_per_day=0, unlucky_cut=0, clock_steps_per_day=0, disk_troubles_per_day=0, hardware_faults_per_day=0,
    resets_per_day=0, commands_per_day=0, central_restarts_per_day=0, central_clock_steps_per_day=0,
)  # fmt: skip
BUSY = People(visits_per_day=40, stay_s=900, by_hour=(1.0,) * 24, reserves=0)


def plan(link: Link = CALM, trouble: Disturbances = NOTHING, people: People = BUSY, **more: Any) -> Scenario:
    base = msgspec.structs.replace(load(), stations=3, hours=8, link=link, disturbances=trouble, people=people)
    return msgspec.structs.replace(base, **more)


def test_without_a_planted_fault_every_law_holds() -> None:
    rough = Disturbances(power_cuts_per_day=6, unlucky_cut=0.01)
    for each in (plan(), plan(ROUGH, rough), plan(trouble=COMMANDED), plan(ROUGH, COMMANDED, models=SHARED)):
        summary = report.run_fleet(each)
        assert summary.verdict == "laws hold", summary.broken
        assert summary.transactions > 10


def test_4_9_the_table_of_the_laws_has_every_step_of_the_specification() -> None:
    assert sum(map(len, TABLE.values())) == 7 + 6 + 6 + 6 + 6 + 4 + 4 + 6 + 8


def test_the_fleet_drives_the_very_station_of_the_runner() -> None:
    for name in ("Station", "SimulatedStation"):
        assert getattr(post, name) is getattr(runner, name)


# --- planted faults --------------------------------------------------------------------------------------------------

Plant = Callable[[pytest.MonkeyPatch], Scenario]


def a_leap_in_the_status(patch: pytest.MonkeyPatch) -> Scenario:
    real = status.status
    patch.setattr(station, "status", lambda c: "Preparing" if real(c) == "Finishing" else real(c))
    return plan()


def a_watt_hour_too_much_in_the_record(patch: pytest.MonkeyPatch) -> Scenario:
    real = transactions.close

    def close(s: Any, c: Any, tx: Any, energy_wh: float, *rest: Any) -> None:
        real(s, c, tx, energy_wh + 1, *rest)

    patch.setattr(transactions, "close", close)
    return plan()


def a_watt_hour_too_much_at_the_central_system(patch: pytest.MonkeyPatch) -> Scenario:
    real = hub.MemoryLedger.store

    def store(self: hub.MemoryLedger, wish: Store) -> Any:
        rows = [
            msgspec.structs.replace(row, stop_wh=row.stop_wh + 1) if isinstance(row, StopRow) else row
            for row in wish.rows
        ]
        return real(self, Store(wish.token, tuple(rows)))

    patch.setattr(hub.MemoryLedger, "store", store)
    return plan()


def everybody_is_taken_for_a_car(patch: pytest.MonkeyPatch) -> Scenario:
    patch.setattr(Connector, "ev_in", property(lambda _: True))
    return plan(people=msgspec.structs.replace(BUSY, no_car=0.5), models={"evlink-pro-ac/cable": 1.0})


def more_is_offered_than_the_cable_bears(patch: pytest.MonkeyPatch) -> Scenario:
    patch.setattr(charging, "limit", lambda *_: sig.Limit(32.0, "nobody"))
    return plan()


def the_car_ignores_the_offer(patch: pytest.MonkeyPatch) -> Scenario:
    patch.setattr(SimulatedConnector, "_allowed_a", lambda self: 32.0 if self._heard_a else 0.0)
    patch.setattr(people, "CABLES_A", (13.0,))
    return plan()


SHARED = {"evlink-parking@R7": 1.0}
COMMANDED = msgspec.structs.replace(NOTHING, commands_per_day=120)


def profiles_have_no_effect(patch: pytest.MonkeyPatch) -> Scenario:
    patch.setattr(profiles, "_limit", lambda *_: sig.Limit(1000.0, "nobody"))
    return plan(trouble=COMMANDED)


def each_connector_is_granted_the_whole_maximum(patch: pytest.MonkeyPatch) -> Scenario:
    patch.setattr(profiles, "_share", lambda *_: None)
    patch.setattr(trouble, "PURPOSES", ("ChargePointMaxProfile",))
    patch.setattr(trouble, "LIMITS_A", (10, 13))
    return plan(trouble=COMMANDED, models=SHARED, people=msgspec.structs.replace(BUSY, visits_per_day=80, stay_s=3600))


def a_refusal_has_no_effect(patch: pytest.MonkeyPatch) -> Scenario:
    patch.setattr(transactions, "refused", lambda *_: None)
    link = msgspec.structs.replace(CALM, outages_per_day=12, outage_s=1800)
    return plan(link, people=msgspec.structs.replace(BUSY, blocked=0.5))


def the_central_system_has_no_key_against_repeats(patch: pytest.MonkeyPatch) -> Scenario:
    def begin(self: hub.MemoryLedger, row: Any) -> Any:
        self.starts[row.transaction] = row
        return Begun(row.transaction, True)

    patch.setattr(State, "same_start", lambda *_: None)
    patch.setattr(hub.MemoryLedger, "_start", begin)
    return plan(LOSSY)


def the_central_system_answers_before_its_disk(patch: pytest.MonkeyPatch) -> Scenario:
    def store(self: hub.Hub, wish: Store) -> None:
        def written(life: int) -> None:
            if life == self._life:
                self.ledger.store(wish)

        self.timeline.after(600, written, self._life)
        started = next((row.transaction for row in wish.rows if isinstance(row, TransactionRow)), None)
        if wish.token:
            self.central.stored(wish.token, self.timeline.now, Begun(started, True) if started else None)

    patch.setitem(hub.DO, Store, store)
    return plan(trouble=msgspec.structs.replace(NOTHING, central_restarts_per_day=24))


def two_messages_change_places(patch: pytest.MonkeyPatch) -> Scenario:
    real = Outbox.add

    def add(self: Outbox, *args: Any, **more: Any) -> Any:
        entry = real(self, *args, **more)
        self._entries[-2:] = self._entries[-2:][::-1]
        return entry

    patch.setattr(Outbox, "add", add)
    return plan(msgspec.structs.replace(CALM, outages_per_day=12, outage_s=3600))


def durations_by_the_wall_clock(patch: pytest.MonkeyPatch) -> Scenario:
    real = transactions.close

    def close(s: Any, c: Any, tx: Any, energy_wh: float, utc_s: float, _: float, *rest: Any) -> None:
        real(s, c, tx, energy_wh, utc_s, utc_s - tx.start_utc_s, *rest)

    patch.setattr(transactions, "close", close)
    return plan(trouble=msgspec.structs.replace(NOTHING, clock_steps_per_day=48))


FULL = msgspec.structs.replace(NOTHING, disk_troubles_per_day=288)


def what_the_disk_says_is_swallowed(patch: pytest.MonkeyPatch) -> Scenario:
    patch.setitem(happenings.HANDLERS, sig.NotRemembered, lambda *_: None)
    return plan(trouble=FULL, stations=12)


def a_write_that_was_refused_is_acknowledged(patch: pytest.MonkeyPatch) -> Scenario:
    def refused(self: post.Post, life: int) -> None:
        if life == self.life and self.station:
            self.tell(sig.Remembered(self.station.core.memory.token))

    patch.setattr(post.Post, "_refused", refused)
    return plan(trouble=FULL, stations=12)


def the_contactor_does_not_wait_for_the_disk(patch: pytest.MonkeyPatch) -> Scenario:
    real = transactions.begun

    def begun(s: Any, c: Any, reading: Any, now: float) -> None:
        real(s, c, reading, now)
        c.token = 0

    patch.setitem(happenings.READINGS, "start", begun)
    patch.setattr(post.Disk, "draw_sync_s", lambda _: 0.2)
    return plan()


def stops_are_never_told(patch: pytest.MonkeyPatch) -> Scenario:
    real = Outbox.due

    def due(self: Outbox, now: float, durable: int) -> Any:
        entry = real(self, now, durable)
        return None if entry and entry.kind == "stop" else entry

    patch.setattr(Outbox, "due", due)
    return plan()


def message_ids_begin_anew_with_each_life(patch: pytest.MonkeyPatch) -> Scenario:
    real = conversation.Conversation.__init__
    patch.setattr(conversation.Conversation, "__init__", lambda self, core, _boots: real(self, core, 1))
    return plan(trouble=msgspec.structs.replace(NOTHING, power_cuts_per_day=6))


def a_badge_stops_the_program(patch: pytest.MonkeyPatch) -> Scenario:
    patch.setitem(happenings.HANDLERS, sig.BadgePresented, lambda *_: int("no badge"))
    return plan()


ASKED = msgspec.structs.replace(NOTHING, commands_per_day=100)
RESERVING = msgspec.structs.replace(BUSY, reserves=0.5)


def anybody_may_use_what_is_held(patch: pytest.MonkeyPatch) -> Scenario:
    patch.setattr(reservations, "admits", lambda *_: True)
    return plan(trouble=ASKED, stations=12)


def a_reservation_is_not_used_up(patch: pytest.MonkeyPatch) -> Scenario:
    patch.setattr(reservations, "used", lambda *_: msgspec.UNSET)
    return plan(people=RESERVING)


def none_is_kept_free(patch: pytest.MonkeyPatch) -> Scenario:
    real = reservations.hold

    def hold(s: Any) -> None:
        real(s)
        for c in s.connectors:
            c.reservation = c.reservation if reservations.names(s, c) else None

    patch.setattr(reservations, "hold", hold)
    return plan(trouble=ASKED, stations=20)


def the_list_is_not_looked_at(patch: pytest.MonkeyPatch) -> Scenario:
    patch.setattr(badges.LocalList, "of", lambda *_: None)
    return plan(msgspec.structs.replace(CALM, outages_per_day=12, outage_s=3600), trouble=ASKED, stations=20)


PLANTED: list[tuple[str, Plant]] = [
    ("status step", a_leap_in_the_status),
    ("energy", a_watt_hour_too_much_in_the_record),
    ("energy", a_watt_hour_too_much_at_the_central_system),
    ("car", everybody_is_taken_for_a_car),
    ("limit", more_is_offered_than_the_cable_bears),
    ("limit", the_car_ignores_the_offer),
    ("profile", profiles_have_no_effect),
    ("profile", each_connector_is_granted_the_whole_maximum),
    ("refused badge", a_refusal_has_no_effect),
    ("reservation", anybody_may_use_what_is_held),
    ("reservation", a_reservation_is_not_used_up),
    ("reservation", none_is_kept_free),
    ("local list", the_list_is_not_looked_at),
    ("exactly once", the_central_system_has_no_key_against_repeats),
    ("exactly once", the_central_system_answers_before_its_disk),
    ("order", two_messages_change_places),
    ("duration", durations_by_the_wall_clock),
    ("disk full", what_the_disk_says_is_swallowed),
    ("disk first", a_write_that_was_refused_is_acknowledged),
    ("disk first", the_contactor_does_not_wait_for_the_disk),
    ("outbox", stops_are_never_told),
    ("message id", message_ids_begin_anew_with_each_life),
    ("no crash", a_badge_stops_the_program),
]


@pytest.mark.parametrize(("law", "plant"), PLANTED, ids=lambda each: getattr(each, "__name__", each))
def test_a_planted_fault_breaks_its_law(law: str, plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = plant(monkeypatch)
    summary = report.run_fleet(scenario)
    assert summary.broken, "nobody noticed"
    assert summary.broken.law == law, summary.broken.text
    assert summary.replay.endswith(f"--seed 1 --until {summary.frames}")
    again = report.run_fleet(scenario, until_frame=summary.frames)
    assert (again.broken, again.digest) == (summary.broken, summary.digest), "the replay shows something else"


OF_SITES = {"fuse"}
"""Their days, and their planted faults, are those of test_sites.py."""


def test_every_law_has_a_planted_fault() -> None:
    assert {law for law, _ in PLANTED} | OF_SITES == set(LAWS)
