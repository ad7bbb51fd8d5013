"""What the fleet found, as small as it can be told; each was a broken law of a seed."""

from tests.rules.rig import PowerCut, Rig

from chargepost.ocpp import frames, messages
from chargepost.supervision.answers import Policy
from chargepost.supervision.central import Central
from chargepost.supervision.roster import Knock
from chargepost.supervision.wishes import Admit


def ids_said(rig: Rig) -> list[str]:
    return [frame.id for _, way, frame in rig.frames if way == "sent" and isinstance(frame, frames.Call)]


def test_errata_3_1_no_message_id_twice_though_the_disk_refused_the_count_of_starts() -> None:
    rig = Rig(disk=False)
    rig.run(10)
    rig.power_cycle()
    rig.run(10)
    said = ids_said(rig)
    assert len(said) == len(dict.fromkeys(said))


def refused_and_cut(after: int) -> Rig:
    """A visit whose start is refused; the mains go away after so many wishes of it, and come back."""
    rig = Rig()
    rig.own(RestoreTimeout="40")
    rig.run(5)
    rig.answers["StartTransaction"] = messages.StartTransactionResponse(
        transaction_id=77, id_tag_info=messages.IdTagInfo(status="Blocked")
    )
    rig.cut_at = rig.done + after
    try:
        rig.plug()
        rig.badge()
        rig.run(60)
    except PowerCut:
        rig.cut_at = None
        rig.power_cycle()
    rig.cut_at = None
    rig.run(600)
    return rig


def test_8_4_a_refused_badge_charges_nothing_after_a_power_cut_either() -> None:
    charged = [after for after in range(1, 60) if refused_and_cut(after).hardware.connector(1).energy_wh > 1]
    assert not charged, f"cut after so many wishes of the visit: {charged}"


def test_a_silent_link_is_replaced_though_the_newcomer_did_not_wait() -> None:
    """A dial of the Pro AC takes 5 s at most, as long as an old link has to answer: neither waits for the other."""
    policy = Policy(accept_unknown_stations=True, accept_open_stations=True)
    central = Central(policy, bytes, utc_s=0.0, now=0.0)
    knock = Knock("CP-1", ("ocpp1.6",))
    central.opened("CP-1", "ocpp1.6", 0.0)
    for ticket in range(1, 4):
        now = 60.0 * ticket
        central.knock(ticket, knock, now)
        central.gave_up("CP-1", ticket)
        due = central.next_wake()
        central.wake(due if due is not None else now + 30)
    central.take()
    central.knock(9, knock, 300.0)
    assert Admit(9) in central.take()
