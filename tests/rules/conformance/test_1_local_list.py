"""Conformance 1.17: the local authorization list; and what other suites add to it (5)."""

from typing import Any

import msgspec

from chargepost.ocpp import frames, messages
from tests.rules.conformance.case import RESTART_S, Case, covers
from tests.rules.rig import TAG, info

UNKNOWN = "UNKNOWNUNKNOWN00"


def entry(tag: str = TAG, status: str = "Accepted", expires: Any = msgspec.UNSET) -> messages.AuthorizationData:
    return messages.AuthorizationData(
        id_tag=tag, id_tag_info=msgspec.structs.replace(info(status), expiry_date=expires)
    )


def send(kind: str, version: int, *entries: messages.AuthorizationData) -> messages.SendLocalList:
    named: Any = {"local_authorization_list": entries} if entries else {}
    return messages.SendLocalList(list_version=version, update_type=kind, **named)  # type: ignore[arg-type]


def version(case: Case) -> int:
    held: int = case.ask(messages.GetLocalListVersion()).list_version
    return held


def has_list(case: Case) -> None:
    """The product has one, and it is switched on."""
    case.booted()
    case.needs("SendLocalList" in case.model.messages.answers, "SendLocalList is none of its messages")
    case.configure(LocalAuthListEnabled="true")


def listed(case: Case, *entries: messages.AuthorizationData) -> None:
    """The list is what stands between a badge and Authorize: no cache."""
    has_list(case)
    case.configure(LocalPreAuthorize="true", AuthorizationCacheEnabled="false")
    case.asked(send("Full", version(case) + 1, *entries))


@covers("TC_008_1_CS")
def test_tc_008_1_a_listed_tag_starts_without_authorize(case: Case) -> None:
    """3.5.1, 9.1.14"""
    listed(case, entry())
    case.hands.plug()
    case.expect("Preparing 1")
    case.hands.badge(TAG, 1)
    case.expect("StartTransaction", id_tag=TAG)
    case.expect("Charging 1")


@covers("TC_008_2_CS")
def test_tc_008_2_a_listed_tag_starts_remotely_without_authorize(case: Case) -> None:
    """3.5.1, 5.11, 9.1.2"""
    listed(case, entry())
    case.configure(AuthorizeRemoteTxRequests="true")
    case.hands.plug()
    case.expect("Preparing 1")
    case.asked(messages.RemoteStartTransaction(id_tag=TAG, connector_id=1))
    case.expect("StartTransaction", id_tag=TAG)
    case.expect("Charging 1")


def without_list(case: Case) -> None:
    """The product has none, or it is switched off."""
    case.booted()
    if "SendLocalList" in case.model.messages.answers:
        case.configure(LocalAuthListEnabled="false")


@covers("TC_042_1_CS")
def test_tc_042_1_the_version_of_no_list(case: Case) -> None:
    """5.10: -1, where there is none or it is switched off."""
    without_list(case)
    assert case.ask_anyway(messages.GetLocalListVersion()).list_version == -1


@covers("TC_042_2_CS")
def test_tc_042_2_the_version_of_an_empty_list(case: Case) -> None:
    """5.10, errata 3.52: 0, whatever version came with it."""
    has_list(case)
    case.asked(send("Full", 7, entry()))
    case.asked(send("Full", 8))
    assert version(case) == 0


@covers("TC_043_CS")
def test_tc_043_full_then_differential(case: Case) -> None:
    """5.15: the version and the content follow."""
    listed(case, entry())
    first = version(case)
    case.asked(send("Differential", first + 1, entry("OTHER")))
    assert version(case) == first + 1
    case.hands.plug()
    case.expect("Preparing 1")
    case.hands.badge("OTHER", 1)
    case.expect("StartTransaction", id_tag="OTHER")
    case.expect("Charging 1")
    case.stop()
    case.asked(send("Differential", first + 2, messages.AuthorizationData(id_tag="OTHER")))
    case.hands.plug()
    case.expect("Preparing 1")
    case.hands.badge("OTHER", 1)
    case.expect("Authorize", id_tag="OTHER")
    case.expect("StartTransaction")
    case.expect("Charging 1")


@covers("TC_043_1_CS")
def test_tc_043_1_no_list_takes_none(case: Case) -> None:
    """5.15: NotSupported, where there is none or it is switched off."""
    without_list(case)
    assert case.ask_anyway(send("Full", 1, entry())).status == "NotSupported"


@covers("TC_043_2_CS")
def test_tc_043_2_version_mismatch(case: Case) -> None:
    """5.15"""
    has_list(case)
    for number in (2, 5):
        case.asked(send("Full", number, entry()))
        assert version(case) == number
    case.asked(send("Differential", 4, entry("OTHER")), "VersionMismatch")
    assert version(case) == 5


@covers("TC_043_3_CS")
def test_tc_043_3_failed_keeps_the_old_list(case: Case) -> None:
    """5.15: whole or not at all."""
    listed(case, entry())
    held = version(case)
    case.asked(send("Full", held + 1, entry("OTHER"), entry("OTHER")), "Failed")
    most = int(case.setting("SendLocalListMaxLength"))
    many = [entry(f"TAG{number:05}") for number in range(most + 1)]
    answer = case.ask(send("Full", held + 2, *many))
    assert isinstance(answer, frames.Error) or answer.status == "Failed"
    assert version(case) == held
    case.hands.plug()
    case.expect("Preparing 1")
    case.hands.badge(TAG, 1)
    case.expect("StartTransaction", id_tag=TAG)
    case.expect("Charging 1")


# --- 4 and 5 ---------------------------------------------------------------------------------------------------------


@covers("auth.list_over_long_tag")
def test_a_list_with_an_over_long_tag_is_a_callerror(case: Case) -> None:
    """5.15, 7.28: idTag has up to 20 characters; nothing of it is taken."""
    listed(case, entry())
    held = version(case)
    wrong = {
        "listVersion": held + 1,
        "updateType": "Full",
        "localAuthorizationList": [{"idTag": "X" * 21, "idTagInfo": {"status": "Accepted"}}],
    }
    answer = case.ask_raw("SendLocalList", wrong)
    assert isinstance(answer, frames.Error), answer
    assert version(case) == held


@covers("list.conflict")
def test_the_list_goes_before_the_cache(case: Case) -> None:
    """3.5.3: an identifier is in one of them, and the list is the operator's word."""
    has_list(case)
    case.configure(LocalPreAuthorize="true", AuthorizationCacheEnabled="true")
    case.charging()
    case.stop()
    case.asked(send("Full", 1, entry(status="Blocked")))
    case.refuse(status="Blocked")
    case.hands.plug()
    case.expect("Preparing 1")
    case.hands.badge(TAG, 1)
    case.expect("Authorize", id_tag=TAG)
    case.nothing(10)


@covers("list.expired")
def test_an_expired_entry_of_the_list_lets_nobody_in_by_itself(case: Case) -> None:
    """3.5.2: it is asked about."""
    listed(case, entry(expires=case.date(60)))
    case.nothing(70)
    case.refuse(status="Expired")
    case.hands.plug()
    case.expect("Preparing 1")
    case.hands.badge(TAG, 1)
    case.expect("Authorize", id_tag=TAG)
    case.nothing(10)


@covers("list.reboot")
def test_the_list_survives_a_reboot(case: Case) -> None:
    """5.15: with its version."""
    listed(case, entry())
    held = version(case)
    case.hands.power_cycle()
    case.expect("BootNotification", within_s=RESTART_S)
    case.expect_statuses("Available")
    assert version(case) == held
    case.hands.plug()
    case.expect("Preparing 1")
    case.hands.badge(TAG, 1)
    case.expect("StartTransaction", id_tag=TAG)
    case.expect("Charging 1")


@covers("list.precedence")
def test_list_and_cache_online_and_offline(case: Case) -> None:
    """3.5.1 to 3.5.3, 9.1.1, 9.1.14: without LocalPreAuthorize online asks, offline does not."""
    has_list(case)
    case.configure(LocalPreAuthorize="false", AuthorizationCacheEnabled="true", LocalAuthorizeOffline="true")
    case.configure(AllowOfflineTxForUnknownId="false")
    case.asked(send("Full", 1, entry("LISTED"), entry("BLOCKED", "Blocked")))
    case.hands.plug()
    case.expect("Preparing 1")
    case.hands.badge("LISTED", 1)
    case.expect("Authorize", id_tag="LISTED")
    case.expect("StartTransaction")
    case.expect("Charging 1")
    case.stop()
    case.hands.cut_link()
    case.wait(5)
    for tag in ("BLOCKED", UNKNOWN):
        case.hands.plug()
        case.hands.badge(tag, 1)
        case.wait(5)
        assert not case.view().contactor, tag
        case.hands.unplug()
    case.hands.plug()
    case.hands.badge("LISTED", 1)
    case.wait(5)
    assert case.view().contactor
    case.hands.mend_link()
    case.expect_all("StartTransaction", "Charging 1")
