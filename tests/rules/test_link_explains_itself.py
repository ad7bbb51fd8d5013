"""What the link says of itself when it does not work, and what a reader does while it waits for an answer."""

import pytest

from chargepost import signals as sig
from chargepost.ocpp import messages
from tests.rules.rig import SILENCE, Refuse, Rig, utc


def error(rig: Rig) -> str:
    return rig.station.view(rig.now).link.error


def test_a_refused_boot_is_told_in_words_with_the_cause_that_is_known() -> None:
    rig = Rig("evlink-smart-wallbox", tolerant=True, start=False)
    rig.answers["BootNotification"] = Refuse("TypeConstraintViolation")
    rig.start()
    rig.run(2)
    assert "BootNotification was not accepted: TypeConstraintViolation" in error(rig)
    assert "33 characters, OCPP allows 25: set truncateBootNotificationsSerialNumbers" in error(rig)
    rig.answers.clear()
    rig.run(400)
    assert error(rig) == ""


@pytest.mark.parametrize("answer", ["Pending", "Rejected"])
def test_a_boot_that_is_put_off_is_told(answer: str) -> None:
    rig = Rig(start=False)
    rig.answers["BootNotification"] = lambda r, _: messages.BootNotificationResponse(
        status=answer,  # type: ignore[arg-type]  # both are words of OCPP
        current_time=utc(r),
        interval=60,
    )
    rig.start()
    rig.run(2)
    assert answer in error(rig)


def test_a_badge_waits_for_the_answer_about_the_one_before() -> None:
    rig = Rig()
    rig.run(5)
    rig.answers["Authorize"] = SILENCE
    rig.plug()
    for n in range(5):
        rig.tell(sig.BadgePresented(f"TAG{n}"))
    assert len(rig.said("Authorize")) == 1
    refused = [j for j in rig.wished(sig.BadgeJudged) if not j.accepted]
    assert [j.why for j in refused] == ["the badge before it is still being asked about"] * 4


def test_the_identity_key_reads_as_the_link_has_it() -> None:
    rig = Rig()
    rig.run(1)
    (known,) = rig.ask(messages.GetConfiguration(key=("BoxIdentifier",))).configuration_key
    assert known.value == "CP-1" == rig.dials[0][1].url.rpartition("/")[2]


def test_why_the_link_is_down_is_noted_once_for_each_reason() -> None:
    rig = Rig(start=False)
    rig.reachable = False
    rig.start()
    rig.run(300)
    assert len(rig.dials) > 3
    assert [n.text for n in rig.wished(sig.Note) if n.event == "link down"] == ["nothing listens there"]
