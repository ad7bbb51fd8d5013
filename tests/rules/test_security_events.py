"""Security events are told, and wait for who is away (security white paper, edition 3, A04 and 8; trap 91)."""

from datetime import UTC, datetime

import pytest

from chargepost import signals as sig
from chargepost.catalogue import load
from chargepost.ocpp import messages
from chargepost.station.security_events import WAITING_MAX
from tests.rules.rig import SILENCE, Refuse, Rig, utc

BOTH = pytest.mark.parametrize("model", ["evlink-pro-ac", "evlink-pro-dc"])
"""Products that send SecurityEventNotification: R-049, R-051 and R-052."""


def booted(model: str, enabled: str = "true", **settings: str) -> Rig:
    rig = Rig(model, settings={"SecurityEventsEnabled": enabled, **settings})
    rig.run(3)
    return rig


def events(rig: Rig) -> list[str]:
    return [told.type for told in rig.said("SecurityEventNotification")]


def waiting(rig: Rig) -> int:
    return sum(key.startswith("event/") for key in rig.memory)


@BOTH
def test_r_051_r_052_a_start_is_told_once_the_central_system_has_accepted(model: str) -> None:
    rig = booted(model)
    calls = rig.calls()
    assert calls.index("BootNotification") < calls.index("SecurityEventNotification")
    assert events(rig) == ["StartupOfTheDevice"]
    assert waiting(rig) == 0, "it was taken"


@BOTH
def test_r_051_r_052_off_none_is_told(model: str) -> None:
    rig = booted(model, enabled="false")
    rig.ask(messages.Reset(type="Soft"))
    rig.run(10)
    assert (events(rig), waiting(rig)) == ([], 0)
    assert rig.change("SecurityEventsEnabled", "true") == "Accepted"
    rig.ask(messages.Reset(type="Soft"))
    rig.run(10)
    assert events(rig) == ["ResetOrReboot", "StartupOfTheDevice"]


@BOTH
def test_r_049_what_happens_offline_is_told_later_with_the_time_it_had(model: str) -> None:
    rig = booted(model)
    rig.forget()
    rig.cut()
    rig.power_cycle(off_s=60)
    at = rig.station.core.utc(rig.now)
    rig.run(600)
    assert (events(rig), waiting(rig)) == ([], 1)
    rig.mend()
    assert events(rig) == ["StartupOfTheDevice"]
    assert abs(rig.last("SecurityEventNotification").timestamp.timestamp() - at) < 1
    assert waiting(rig) == 0


@BOTH
def test_r_049_while_pending_none_is_told(model: str) -> None:
    rig = Rig(model, settings={"SecurityEventsEnabled": "true"}, start=False)
    accepted = messages.BootNotificationResponse
    rig.answers["BootNotification"] = lambda rig, _: accepted(
        status="Pending" if rig.now < 1060 else "Accepted", current_time=utc(rig), interval=30
    )
    rig.start()
    rig.run(50)
    assert events(rig) == []
    rig.run(60)
    assert events(rig) == ["StartupOfTheDevice"]


@BOTH
def test_r_049_one_that_was_not_answered_is_told_on_the_next_link(model: str) -> None:
    rig = booted(model)
    rig.answers["SecurityEventNotification"] = SILENCE
    rig.ask(messages.Reset(type="Soft"))
    rig.run(60)
    assert waiting(rig) == 2
    del rig.answers["SecurityEventNotification"]
    rig.forget()
    rig.cut()
    rig.mend()
    assert events(rig) == ["ResetOrReboot", "StartupOfTheDevice"]
    assert waiting(rig) == 0


@BOTH
def test_r_049_a_central_system_that_does_not_know_them_is_not_told_again(model: str) -> None:
    rig = booted(model)
    rig.answers["SecurityEventNotification"] = Refuse("NotImplemented")
    rig.ask(messages.Reset(type="Soft"))
    rig.run(10)
    rig.forget()
    rig.cut()
    rig.mend()
    assert (events(rig), waiting(rig)) == ([], 0)


def test_r_049_the_newest_are_kept() -> None:
    rig = booted("evlink-pro-ac")
    rig.cut()
    for _ in range(WAITING_MAX + 10):
        rig.tell(sig.ClockSet(rig.station.core.utc(rig.now) + 60, "somebody"))
    assert waiting(rig) == WAITING_MAX
    rig.power_cycle()
    rig.run(1)
    assert waiting(rig) == WAITING_MAX
    rig.forget()
    rig.mend()
    assert events(rig) == ["SettingSystemTime"] * (WAITING_MAX - 1) + ["StartupOfTheDevice"]


@BOTH
def test_trap_91_a_correction_of_the_clock_is_told_and_a_small_step_is_not(model: str) -> None:
    rig = booted(model)
    rig.forget()
    rig.tell(sig.ClockSet(rig.station.core.utc(rig.now) + 5, "somebody"))
    rig.run(1)
    assert events(rig) == []
    was_utc_s = rig.station.core.utc(rig.now)
    rig.tell(sig.ClockSet(was_utc_s - 3600, "somebody"))
    rig.run(1)
    assert events(rig) == ["SettingSystemTime"]
    was, now = (datetime.fromtimestamp(each, UTC).strftime("%F %T") for each in (was_utc_s, was_utc_s - 3600))
    assert rig.last("SecurityEventNotification").tech_info == f"from {was} to {now} UTC, -3600 s, by somebody"


def test_trap_91_a_disk_that_refuses_is_told_once() -> None:
    rig = booted("evlink-pro-ac")
    rig.forget()
    rig.disk = False
    rig.tell(sig.NotRemembered("no room"))
    rig.tell(sig.NotRemembered("no room"))
    rig.run(1)
    assert events(rig) == ["MemoryExhaustion"]


@pytest.mark.parametrize("model", ["evlink-pro-ac@1.3.6", "schneider-charge", "evlink-smart-wallbox"])
def test_r_014_products_that_send_none(model: str) -> None:
    """R-014: the Pro AC has sent them since 1.4.0."""
    assert load(model).key("SecurityEventsEnabled") is None
    rig = Rig(model)
    rig.run(3)
    rig.ask(messages.Reset(type="Soft"))
    rig.run(60)
    assert (events(rig), waiting(rig), "security event" in rig.notes()) == ([], 0, False)
