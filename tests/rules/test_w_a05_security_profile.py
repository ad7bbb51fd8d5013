"""Raising the security profile (white paper "Improved security for OCPP 1.6-J", A05; reference 15.3; trap 60)."""

import itertools
from typing import Any

import pytest

from chargepost import signals as sig
from chargepost.ocpp import frames, messages
from tests.rules.rig import PowerCut, Rig
from tests.rules.test_certificates import install, root

PASSWORD = "0123456789abcdefABCD"


class Doors(Rig):
    """A central system that listens at some kinds of address only."""

    opens: tuple[str, ...] = ("ws:", "wss:")

    def _do(self, wish: sig.Wish) -> None:
        if isinstance(wish, sig.Dial):
            self.reachable = wish.url.startswith(self.opens)
        super()._do(wish)


def ready(*, password: bool = True, with_root: bool = True) -> Doors:
    rig = Doors()
    rig.run(3)
    if with_root:
        assert install(rig, root()) == "Accepted"
    if password:
        rig.tell(sig.SettingChanged("AuthorizationKey", PASSWORD))
        rig.run(3)
    return rig


def change(rig: Rig, value: str) -> Any:
    answer = rig.ask(messages.ChangeConfiguration(key="SecurityProfile", value=value))
    status = None if answer is None else str(answer.status)
    rig.run(10)
    return status


def profile(rig: Rig) -> str:
    (known,) = rig.ask(messages.GetConfiguration(key=("SecurityProfile",))).configuration_key
    return str(known.value)


def urls(rig: Rig) -> list[str]:
    return [dial.url.partition(":")[0] for _, dial in rig.dials]


def test_trap_60_it_only_rises_and_only_on_what_it_rests_on() -> None:
    rig = ready(password=False)
    assert [change(rig, value) for value in ("0", "1", "2", "3", "-1", "x", "")] == ["Rejected"] * 7
    rig = ready(with_root=False)
    assert [change(rig, value) for value in ("0", "2", "3")] == ["Rejected"] * 3
    assert change(rig, "1") == "Accepted"
    assert [change(rig, value) for value in ("0", "1", "2")] == ["Rejected"] * 3
    assert profile(rig) == "1"


def test_r_044_a_higher_profile_is_answered_and_then_connected_with() -> None:
    """R-044, TC_083: the answer goes over the old link, and the station boots on the new one."""
    rig = ready()
    dialled = len(rig.dials)
    rig.forget()
    assert change(rig, "1") == "Accepted"
    assert urls(rig)[dialled:] == ["ws"]
    assert change(rig, "2") == "Accepted"
    assert urls(rig)[dialled:] == ["ws", "wss"]
    assert rig.dials[-1][1].roots == (root(),)
    assert rig.dials[-1][1].password == PASSWORD.encode()
    order = [type(wish) for wish in rig.wished(sig.Signal) if isinstance(wish, sig.HangUp | sig.Dial | sig.SendFrame)]
    assert order[:3] == [sig.SendFrame, sig.HangUp, sig.Dial]
    assert rig.said("BootNotification")
    assert change(rig, "1") == "Rejected"
    rig.power_cycle()
    rig.run(5)
    assert (urls(rig)[-1], profile(rig)) == ("wss", "2")


def test_what_does_not_work_is_taken_back() -> None:
    """R-044: nobody speaks TLS there, so the old profile goes on; later it may be tried again."""
    rig = ready()
    rig.opens = ("ws:",)
    dialled = len(rig.dials)
    assert change(rig, "2") == "Accepted"
    assert urls(rig)[dialled:] == ["wss", "ws"]
    assert profile(rig) == "0"
    assert [n.text for n in rig.wished(sig.Note) if n.event == "security profile"] == [
        "0 again, the higher one does not work: nothing listens there"
    ]
    rig.opens = ("wss:",)
    rig.cut()
    rig.mend()
    rig.run(30)
    assert urls(rig)[-1] == "ws", "only an attempt falls back, and nothing rises by itself"
    rig.opens = ("ws:", "wss:")
    rig.run(300)
    assert change(rig, "2") == "Accepted"
    assert profile(rig) == "2"


def test_one_that_has_worked_is_not_taken_back_when_the_link_is_lost_later() -> None:
    rig = ready()
    assert change(rig, "2") == "Accepted"
    rig.opens = ("ws:",)
    rig.cut()
    rig.mend()
    rig.run(600)
    assert set(urls(rig)[-3:]) == {"wss"}
    rig.opens = ("wss:",)
    rig.run(600)
    assert profile(rig) == "2"


def test_a_link_that_is_lost_before_the_attempt_is_no_failed_attempt() -> None:
    rig = ready()
    rig.disk = False
    assert change(rig, "2") is None, "the answer waits for the disk"
    rig.cut()
    rig.disk = True
    rig.write()
    rig.mend()
    rig.run(30)
    assert (urls(rig)[-1], profile(rig)) == ("wss", "2")


@pytest.mark.parametrize("opens", ["ws:", "wss:"])
def test_whenever_the_power_goes_there_is_a_way_back(opens: str) -> None:
    """After each of its wishes; what was accepted and works stays, what does not work is taken back."""
    for steps in itertools.count():
        rig = ready()
        rig.opens = (opens,)
        rig.cut_at = rig.done + steps
        try:
            change(rig, "2")
            break
        except PowerCut:
            rig.cut_at = None
        answers = [frame for _, way, frame in rig.frames if way == "sent" and isinstance(frame, frames.Result)]
        answered = answers[-1].id == f"cs-{rig.asks}"
        rig.power_cycle()
        rig.run(30)
        if opens == "ws:":
            assert (rig.station.talk.online, profile(rig)) == (True, "0"), steps
        elif answered:
            assert (rig.station.talk.online, profile(rig)) == (True, "2"), steps
    assert steps > 3
