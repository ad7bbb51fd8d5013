"""OCPP 1.6, 3.5.2, 5.10 and 5.15: the local list; reference 13; traps 26, 28, 69 to 71; TC_008, TC_042, TC_043."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from chargepost import signals as sig
from chargepost.ocpp import frames, messages
from tests.rules.rig import EPOCH_UTC_S, TAG, Rig, info

LISTED = ["evlink-pro-ac", "evlink-pro-dc"]
"""The lines whose guides print the two messages as supported."""

UNLISTED = ["evlink-smart-wallbox", "evlink-parking", "evlink-city", "schneider-charge"]

ON = {"LocalAuthListEnabled": "true"}
STRICT = ON | {"AllowOfflineTxForUnknownId": "false", "LocalAuthorizeOffline": "true", "ConnectionTimeOut": "20"}
listed = pytest.mark.parametrize("model", LISTED)


def idle(model: str = "evlink-pro-ac", **settings: str) -> Rig:
    rig = Rig(model)
    rig.own(**(ON | settings))
    rig.run(5)
    rig.forget()
    return rig


def entry(tag: str, status: str | None = "Accepted", parent: str | None = None) -> messages.AuthorizationData:
    """One entry; without a status it takes the badge off the list."""
    if status is None:
        return messages.AuthorizationData(id_tag=tag)
    return messages.AuthorizationData(id_tag=tag, id_tag_info=info(status, parent))


def until(tag: str, utc_s: float) -> messages.AuthorizationData:
    said = msgspec.structs.replace(info(), expiry_date=datetime.fromtimestamp(utc_s, UTC))
    return messages.AuthorizationData(id_tag=tag, id_tag_info=said)


def send(rig: Rig, kind: Any, version: int, *entries: messages.AuthorizationData) -> str:
    """The status of a SendLocalList; none of its entries leaves the field out."""
    named: Any = {"local_authorization_list": entries} if entries else {}
    answer = rig.ask(messages.SendLocalList(list_version=version, update_type=kind, **named))
    status: str = answer.status
    return status


def version(rig: Rig) -> int:
    held: int = rig.ask(messages.GetLocalListVersion()).list_version
    return held


def held(rig: Rig) -> dict[str, str]:
    return {tag: badge.status for tag, badge in rig.station.authorization.local_list.badges.items()}


def starts(rig: Rig, tag: str = TAG) -> bool:
    """Whether the badge begins a charge; the visit is ended again."""
    rig.plug()
    rig.badge(tag)
    rig.run(12)
    begun = rig.power()
    if begun:
        rig.tell(sig.StopAsked(1))
        rig.run(5)
    rig.unplug()
    return begun


# --- who has a list --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", UNLISTED)
def test_r_122_r_137_a_product_without_a_list_says_so(model: str) -> None:
    """TC_042_1, TC_043_1; R-122, R-137: -1 and NotSupported, whatever an owner does to a key it does not show."""
    rig = idle(model)
    assert version(rig) == -1
    assert send(rig, "Full", 1, entry(TAG)) == "NotSupported"
    assert version(rig) == -1


def test_r_130_r_137_what_the_charge_does_not_support_otherwise_is_a_callerror() -> None:
    """R-130, R-137, Q-114: no availability by command and no cache to clear; offline, a car is let in by its plug."""
    rig = idle("schneider-charge")
    for ask in (messages.ChangeAvailability(connector_id=0, type="Inoperative"), messages.ClearCache()):
        answer = rig.ask(ask)
        assert isinstance(answer, frames.Error)
        assert answer.code == "NotSupported"
    rig.cut()
    rig.run(200)
    rig.plug()
    rig.run(12)
    assert rig.power()


@listed
def test_trap_71_switched_off_the_list_is_kept_and_not_used(model: str) -> None:
    rig = idle(model, **STRICT)
    assert send(rig, "Full", 4, entry(TAG)) == "Accepted"
    rig.own(LocalAuthListEnabled="false")
    assert version(rig) == -1
    assert send(rig, "Full", 5) == "NotSupported"
    rig.cut()
    rig.run(200)
    assert not starts(rig)
    rig.own(LocalAuthListEnabled="true")
    assert starts(rig)
    rig.mend()
    assert version(rig) == 4


# --- versions --------------------------------------------------------------------------------------------------------


@listed
def test_tc_042_2_an_empty_list_has_version_0(model: str) -> None:
    """Errata 3.52: even if a version was sent with it."""
    rig = idle(model)
    assert version(rig) == 0
    assert send(rig, "Full", 7, entry(TAG)) == "Accepted"
    assert version(rig) == 7
    assert send(rig, "Full", 9) == "Accepted"
    assert version(rig) == 0
    assert held(rig) == {}


@listed
def test_tc_043_full_then_differential(model: str) -> None:
    rig = idle(model)
    assert send(rig, "Full", 1, entry("A"), entry("B"), entry("C", "Blocked")) == "Accepted"
    assert send(rig, "Differential", 2, entry("b", None), entry("C"), entry("D", "Expired")) == "Accepted"
    assert (version(rig), held(rig)) == (2, {"a": "Accepted", "c": "Accepted", "d": "Expired"})
    assert send(rig, "Differential", 3) == "Accepted", "only the version changes"
    assert send(rig, "Differential", 4, entry("NOBODY", None)) == "Accepted", "no harm"
    assert (version(rig), len(held(rig))) == (4, 3)
    assert send(rig, "Full", 2, entry("E")) == "Accepted", "Full does not compare versions"
    assert (version(rig), held(rig)) == (2, {"e": "Accepted"})


@listed
@pytest.mark.parametrize("old", [5, 4, 0, -1])
def test_tc_043_2_version_mismatch(model: str, old: int) -> None:
    rig = idle(model)
    assert send(rig, "Full", 2, entry("A")) == "Accepted"
    assert version(rig) == 2
    assert send(rig, "Full", 5, entry("A")) == "Accepted"
    assert send(rig, "Differential", old, entry("B")) == "VersionMismatch"
    assert (version(rig), held(rig)) == (5, {"a": "Accepted"})


# --- failed: nothing changes -----------------------------------------------------------------------------------------


@listed
@pytest.mark.parametrize(("kind", "number", "entries"), [
    ("Full", 3, [entry("B"), entry("b")]),
    ("Differential", 3, [entry("B"), entry("B", None)]),
    ("Full", 3, [entry("B"), entry("C", None)]),
    ("Full", 3, [entry("")]),
    ("Full", 0, [entry("B")]),
    ("Full", -1, [entry("B")]),
    ("Full", -1, []),
], ids=["duplicates", "twice", "no idTagInfo", "no badge", "version 0", "version -1", "-1 clears not"])  # fmt: skip
def test_tc_043_3_failed_keeps_the_old_list(model: str, kind: str, number: int, entries: list[Any]) -> None:
    """Trap 69: neither 0 nor -1 is a version, yet 0 may clear."""
    rig = idle(model)
    assert send(rig, "Full", 2, entry("A")) == "Accepted"
    assert send(rig, kind, number, *entries) == "Failed"
    assert (version(rig), held(rig)) == (2, {"a": "Accepted"})
    assert send(rig, "Full", 0) == "Accepted"


@pytest.mark.parametrize(("model", "most_sent", "most_held"), [
    ("evlink-pro-ac", 100, 100), ("evlink-pro-dc", 400, 4000),
])  # fmt: skip
def test_r_127_r_128_a_list_has_its_bounds(model: str, most_sent: int, most_held: int) -> None:
    """R-127, R-128: LocalAuthListMaxLength and SendLocalListMaxLength."""
    rig = idle(model)
    everybody = [entry(f"T{n}") for n in range(most_held + 1)]
    assert send(rig, "Full", 1, *everybody[: most_sent + 1]) == "Failed"
    assert (version(rig), held(rig)) == (0, {})
    for number, first in enumerate(range(0, most_held, most_sent), 1):
        assert send(rig, "Differential", number, *everybody[first : first + most_sent]) == "Accepted"
    assert len(held(rig)) == most_held
    full = version(rig)
    assert send(rig, "Differential", full + 1, everybody[-1]) == "Failed"
    assert send(rig, "Differential", full + 1, everybody[-1], entry("T0", None)) == "Accepted"
    assert len(held(rig)) == most_held == sum(key.startswith("list/") for key in rig.memory)


def test_reference_13_a_disk_that_refuses_fails_the_list() -> None:
    rig = idle()
    assert send(rig, "Full", 2, entry("A")) == "Accepted"
    rig.disk = False
    rig.tell(sig.NotRemembered("no space left on device"))
    assert send(rig, "Full", 3, entry("B")) == "Failed"
    assert (version(rig), held(rig)) == (2, {"a": "Accepted"})


def test_an_over_long_badge_is_a_callerror() -> None:
    rig = idle()
    long = {"listVersion": 1, "updateType": "Full", "localAuthorizationList": [{"idTag": "A" * 21}]}
    rig.hear(msgspec.json.encode([2, "long", "SendLocalList", long]))
    rig.drain()
    assert isinstance(rig.answer_to("long", "SendLocalList"), frames.Error)
    assert version(rig) == 0


# --- kept ------------------------------------------------------------------------------------------------------------


@listed
def test_reference_6_the_list_and_its_version_survive(model: str) -> None:
    rig = idle(model)
    send(rig, "Full", 3, entry("A/1", parent="G"), entry("B", "Blocked"), until("C", EPOCH_UTC_S))
    send(rig, "Differential", 4, entry("B", None))
    before = dict(rig.station.authorization.local_list.badges)
    rig.power_cycle()
    rig.run(5)
    assert version(rig) == 4
    assert rig.station.authorization.local_list.badges == before
    assert before.keys() == {"a/1", "c"}


def test_factory_settings_forget_the_list() -> None:
    rig = idle()
    send(rig, "Full", 3, entry(TAG))
    rig.tell(sig.Restored())
    rig.run(5)
    rig.own(**ON)
    assert (version(rig), held(rig)) == (0, {})
    assert not any(key.startswith("list") for key in rig.memory)


# --- who may charge --------------------------------------------------------------------------------------------------


@listed
@pytest.mark.parametrize(("said", "pre", "asks"), [
    ("Accepted", "true", False),
    ("ConcurrentTx", "true", False),
    ("Blocked", "true", True),
    ("Accepted", "false", True),
])  # fmt: skip
def test_tc_008_1_online_a_listed_badge(model: str, said: str, pre: str, asks: bool) -> None:
    """Trap 24; reference 7: Accepted and ConcurrentTx both mean a valid badge."""
    rig = idle(model, LocalPreAuthorize=pre, AuthorizationCacheEnabled="false")
    send(rig, "Full", 1, entry(TAG.lower(), said))
    assert starts(rig)
    assert bool(rig.said("Authorize")) == asks


@listed
def test_tc_008_2_a_remote_start_of_a_listed_badge(model: str) -> None:
    rig = idle(model, LocalPreAuthorize="true", AuthorizeRemoteTxRequests="true", AuthorizationCacheEnabled="false")
    send(rig, "Full", 1, entry(TAG))
    rig.plug()
    assert rig.ask(messages.RemoteStartTransaction(id_tag=TAG, connector_id=1)).status == "Accepted"
    rig.run(12)
    assert rig.power()
    assert not rig.said("Authorize")


@listed
@pytest.mark.parametrize(("in_list", "in_cache", "unknown_may", "allowed"), [
    ("Accepted", None, "false", True),
    ("ConcurrentTx", None, "false", True),
    ("Accepted", "Blocked", "false", True),
    ("Blocked", "Accepted", "true", False),
    ("Invalid", None, "true", False),
    ("Expired", None, "true", False),
    (None, "Accepted", "false", True),
    (None, None, "false", False),
    (None, None, "true", True),
])  # fmt: skip
def test_r_125_offline_the_list_goes_before_the_cache(
    model: str, in_list: str | None, in_cache: str | None, unknown_may: str, allowed: bool
) -> None:
    """Traps 25 and 26. R-124: cached badges only; R-125: listed badges only."""
    rig = idle(model, **STRICT | {"AllowOfflineTxForUnknownId": unknown_may, "AuthorizationCacheEnabled": "true"})
    if in_list:
        send(rig, "Full", 1, entry(TAG, in_list))
    if in_cache:
        rig.tell(sig.BadgeCached(TAG, in_cache))
    rig.cut()
    rig.run(200)
    assert starts(rig) == allowed


@listed
def test_r_126_offline_reject_all(model: str) -> None:
    rig = idle(model, AllowOfflineTxForUnknownId="false", LocalAuthorizeOffline="false")
    send(rig, "Full", 1, entry(TAG))
    rig.cut()
    rig.run(200)
    assert not starts(rig)


@listed
def test_a_listed_badge_expires_at_its_date(model: str) -> None:
    rig = idle(model, **STRICT | {"AllowOfflineTxForUnknownId": "true"})
    send(rig, "Full", 1, until(TAG, EPOCH_UTC_S + rig.now + 300))
    rig.cut()
    rig.run(200)
    assert starts(rig)
    rig.run(100)
    assert not starts(rig), "also where unknown badges may charge (trap 25)"
    assert held(rig) == {TAG.casefold(): "Accepted"}, "only SendLocalList changes the list"


def test_trap_26_a_listed_badge_never_enters_the_cache() -> None:
    rig = idle(AuthorizationCacheEnabled="true")
    send(rig, "Full", 1, entry(TAG))
    assert starts(rig)
    assert starts(rig, "OTHER")
    assert list(rig.station.authorization.cache) == ["other"]


def test_offline_the_group_is_known_from_the_list() -> None:
    rig = idle(**STRICT)
    send(rig, "Full", 1, entry(TAG, parent="G"), entry("COLLEAGUE", parent="g"), entry("STRANGER", parent="H"))
    rig.cut()
    rig.charge()
    rig.badge("STRANGER")
    rig.run(2)
    assert rig.power()
    rig.badge("COLLEAGUE")
    rig.run(2)
    assert not rig.power()


# --- conflict --------------------------------------------------------------------------------------------------------


@listed
@pytest.mark.parametrize(("in_list", "said", "conflict"), [
    ("Accepted", "Blocked", True),
    ("Accepted", "ConcurrentTx", False),
    ("Blocked", "Accepted", True),
    ("Blocked", "Invalid", False),
    ("Accepted", "Accepted", False),
])  # fmt: skip
def test_trap_28_an_answer_that_contradicts_the_list_is_told_on_connector_0(
    model: str, in_list: str, said: str, conflict: bool
) -> None:
    """OCPP 1.6, 3.5.2 and 7.6: LocalListConflict, until a new list comes; the list itself stays as it is."""
    rig = idle(model, LocalPreAuthorize="true")
    send(rig, "Full", 1, entry(TAG, in_list))
    rig.answers["Authorize"] = messages.AuthorizeResponse(id_tag_info=info(said))
    rig.answers["StartTransaction"] = messages.StartTransactionResponse(transaction_id=5, id_tag_info=info(said))
    rig.forget()
    rig.plug()
    rig.badge()
    rig.run(12)
    told = [(p.status, p.error_code) for p in rig.said("StatusNotification") if p.connector_id == 0]
    assert told == ([("Available", "LocalListConflict")] if conflict else [])
    assert not [p for p in rig.said("StatusNotification") if p.connector_id and p.error_code != "NoError"]
    assert held(rig) == {TAG.casefold(): in_list}
    rig.forget()
    assert send(rig, "Differential", 2, entry(TAG, "Accepted")) == "Accepted"
    rig.run(2)
    assert [p.error_code for p in rig.said("StatusNotification")] == (["NoError"] if conflict else [])
