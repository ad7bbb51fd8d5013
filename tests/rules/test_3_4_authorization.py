"""OCPP 1.6, 3.4 and 3.5: who may charge, online and offline, and who may stop; traps 22 to 31; reference 7."""

from datetime import UTC, datetime

import msgspec
import pytest

from chargepost import signals as sig
from chargepost.ocpp import messages
from chargepost.station.authorization import CACHE_MAX
from tests.rules.rig import EPOCH_UTC_S, SILENCE, TAG, Refuse, Rig, info, two_connectors

MODELS = ["evlink-pro-ac", "evlink-smart-wallbox"]
both = pytest.mark.parametrize("model", MODELS)

OFF = {"AuthorizationCacheEnabled": "false", "LocalPreAuthorize": "false"}
CACHE = {"AuthorizationCacheEnabled": "true"}
PRE = {"AuthorizationCacheEnabled": "true", "LocalPreAuthorize": "true"}


def idle(model: str = "evlink-pro-ac", **settings: str) -> Rig:
    rig = Rig(model)
    rig.own(**settings)
    rig.run(2)
    rig.forget()
    return rig


def says(rig: Rig, status: str = "Accepted", parent: str | None = None, expires_utc_s: float | None = None) -> None:
    """What the central system says of every badge from now on."""
    said = info(status, parent)
    if expires_utc_s is not None:
        said = msgspec.structs.replace(said, expiry_date=datetime.fromtimestamp(expires_utc_s, UTC))
    rig.answers["Authorize"] = messages.AuthorizeResponse(id_tag_info=said)


def judged(rig: Rig) -> list[tuple[bool, str]]:
    return [(j.accepted, j.why) for j in rig.wished(sig.BadgeJudged)]


def starts(rig: Rig, tag: str = TAG) -> bool:
    """Whether the badge begins a charge; the visit is ended again."""
    rig.plug()
    rig.badge(tag)
    rig.run(12)
    begun = rig.power()
    if begun:
        rig.badge(tag)
        rig.run(2)
    rig.unplug()
    return begun


# --- online ----------------------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize(("settings", "known", "asks"), [
    (OFF, "Accepted", True),
    (CACHE | {"LocalPreAuthorize": "false"}, "Accepted", True),
    (PRE, "Accepted", False),
    (PRE, "Blocked", True),
    (PRE, "Expired", True),
    (PRE, "Invalid", True),
    (PRE, "ConcurrentTx", True),
    (PRE | {"AuthorizationCacheEnabled": "false"}, "Accepted", True),
])  # fmt: skip
def test_trap_24_who_is_asked_about_online(model: str, settings: dict[str, str], known: str, asks: bool) -> None:
    rig = idle(model, **settings)
    rig.tell(sig.BadgeCached(TAG, known))
    assert starts(rig, TAG.lower()), "CiString: without case (trap 23)"
    assert bool(rig.said("Authorize")) == asks


def test_3_5_1_an_entry_expires_at_its_date() -> None:
    rig = idle(**PRE)
    says(rig, expires_utc_s=EPOCH_UTC_S + rig.now + 100)
    rig.answers["StartTransaction"] = messages.StartTransactionResponse(
        transaction_id=5, id_tag_info=rig.answers["Authorize"].id_tag_info
    )
    assert starts(rig)
    rig.forget()
    assert starts(rig)
    assert not rig.said("Authorize")
    rig.run(100)
    assert starts(rig)
    assert rig.said("Authorize")
    rig.cut()
    rig.station.authorization.cache[TAG.casefold()].expires_utc_s = EPOCH_UTC_S
    assert not starts(rig), "offline an expired badge is refused, even where unknown ones may charge (trap 25)"


@both
@pytest.mark.parametrize("answer", [SILENCE, Refuse("InternalError")], ids=["silence", "callerror"])
@pytest.mark.parametrize("unknown_may", [True, False])
def test_reference_7_no_answer_is_judged_as_if_offline(model: str, answer: object, unknown_may: bool) -> None:
    rig = idle(model, AllowOfflineTxForUnknownId=str(unknown_may).lower(), LocalAuthorizeOffline="true")
    rig.answers["Authorize"] = answer
    rig.plug()
    rig.badge()
    rig.run(40)
    assert rig.power() == unknown_may


def test_a_link_that_breaks_while_a_badge_is_asked_about_decides_at_once() -> None:
    rig = idle(AllowOfflineTxForUnknownId="true")
    rig.answers["Authorize"] = SILENCE
    rig.plug()
    rig.badge()
    rig.cut()
    rig.run(5)
    assert rig.power()


def test_malformed_a_wrong_authorize_answer_starts_nothing_and_kills_nothing() -> None:
    rig = idle(AllowOfflineTxForUnknownId="false")
    rig.answers["Authorize"] = messages.StatusNotificationResponse()
    rig.plug()
    rig.badge()
    rig.run(10)
    assert not rig.said("StartTransaction")
    rig.answers.clear()
    rig.badge()
    rig.run(10)
    assert rig.power()


# --- offline ---------------------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize(("local", "unknown", "known", "allowed"), [
    ("true", "true", None, True),
    ("true", "false", None, False),
    ("false", "true", None, False),
    ("true", "false", "Accepted", True),
    ("true", "true", "Blocked", False),
    ("true", "true", "Invalid", False),
    ("false", "true", "Accepted", False),
])  # fmt: skip
def test_trap_25_offline(model: str, local: str, unknown: str, known: str | None, allowed: bool) -> None:
    """R-118 for the wallbox, R-128 for the Pro AC: known badges by the cache, unknown ones by their key."""
    rig = idle(model, LocalAuthorizeOffline=local, AllowOfflineTxForUnknownId=unknown, **CACHE)
    if known:
        rig.tell(sig.BadgeCached(TAG, known))
    rig.cut()
    assert starts(rig) == allowed


def test_r_119_enable_unknown_is_allow_offline_tx_for_unknown_id() -> None:
    rig = idle("evlink-smart-wallbox")
    assert rig.change("enableUnknown", "false") == "Accepted"
    assert rig.value("AllowOfflineTxForUnknownId") == rig.value("enableUnknown") == "false"
    rig.cut()
    assert not starts(rig)


def test_r_120_cache_list_enabled_is_the_switch_of_the_cache() -> None:
    rig = idle("evlink-smart-wallbox")
    assert rig.change("cacheListEnabled", "false") == "Accepted"
    assert rig.ask(messages.ClearCache()).status == "Rejected", "errata 3.23"
    assert rig.change("cacheListEnabled", "true") == "Accepted"
    assert rig.ask(messages.ClearCache()).status == "Accepted"


# --- the cache -------------------------------------------------------------------------------------------------------


@both
def test_trap_27_the_cache_learns_from_every_answer_good_or_bad(model: str) -> None:
    """R-121: and ClearCache empties it, also on disk."""
    rig = idle(model, **CACHE)
    says(rig, "Blocked", "GROUP")
    rig.badge("FROM-AUTHORIZE")
    says(rig)
    rig.answers["StartTransaction"] = messages.StartTransactionResponse(
        transaction_id=5, id_tag_info=info("Accepted", "P1")
    )
    rig.answers["StopTransaction"] = messages.StopTransactionResponse(id_tag_info=info("Expired"))
    rig.charge()
    cache = rig.station.authorization.cache
    assert (cache["from-authorize"].status, cache["from-authorize"].parent) == ("Blocked", "GROUP")
    assert (cache[TAG.casefold()].status, cache[TAG.casefold()].parent) == ("Accepted", "P1")
    rig.badge()
    rig.run(2)
    assert cache[TAG.casefold()].status == "Expired"
    rig.power_cycle()
    rig.run(2)
    assert sorted(rig.station.authorization.cache) == sorted(["from-authorize", TAG.casefold()])
    assert rig.ask(messages.ClearCache()).status == "Accepted"
    rig.power_cycle()
    assert not rig.station.authorization.cache


def test_errata_3_23_no_cache_no_clearing() -> None:
    assert idle("evlink-pro-ac").ask(messages.ClearCache()).status == "Rejected"


def test_errata_3_4_a_full_cache_drops_the_invalid_then_the_oldest() -> None:
    rig = idle(**CACHE)
    for n in range(CACHE_MAX - 1):
        if n == 1:
            says(rig, "Invalid")
            rig.badge("BAD")
            says(rig)
        rig.tell(sig.BadgePresented(f"T{n}"))
        rig.tell(sig.BadgePresented(f"T{n}"))  # given up again
        rig.now += 1
    cache = rig.station.authorization.cache
    assert len(cache) == CACHE_MAX
    rig.badge("NEW")
    assert len(cache) == CACHE_MAX
    assert "bad" not in cache
    assert {"t0", "new"} <= cache.keys()
    rig.badge("NEW")
    rig.badge("NEWER")
    assert "t0" not in cache
    assert len(cache) == CACHE_MAX == sum(key.startswith("cache/") for key in rig.memory)


def test_the_owner_cannot_overfill_the_cache_either() -> None:
    rig = idle(**CACHE)
    for n in range(CACHE_MAX + 5):
        rig.tell(sig.BadgeCached(f"T{n}", "Accepted"))
    assert len(rig.station.authorization.cache) == CACHE_MAX


# --- stopping --------------------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize(("starter", "other", "stops"), [
    ("GROUP", "group", True),
    ("GROUP", "ANOTHER", False),
    ("GROUP", None, False),
    (None, "GROUP", False),
    (None, None, False),
])  # fmt: skip
def test_trap_22_who_else_may_stop(model: str, starter: str | None, other: str | None, stops: bool) -> None:
    rig = idle(model)
    says(rig, parent=starter)
    rig.charge()
    says(rig, parent=other)
    rig.forget()
    rig.badge("COLLEAGUE")
    rig.run(2)
    assert [p.id_tag for p in rig.said("StopTransaction")] == (["COLLEAGUE"] if stops else [])
    assert rig.power() != stops


def test_trap_22_the_group_itself_is_no_badge_of_the_group() -> None:
    rig = idle()
    says(rig, parent="GROUP")
    rig.charge()
    says(rig)
    rig.badge("GROUP")
    rig.run(2)
    assert rig.power(), "parentIdTag is never compared with a presented tag (trap 23)"


@both
def test_trap_22_a_refused_member_of_the_group_stops_nothing(model: str) -> None:
    rig = idle(model)
    says(rig, parent="GROUP")
    rig.charge()
    says(rig, "Blocked", parent="GROUP")
    rig.badge("COLLEAGUE")
    rig.run(2)
    assert rig.power()


def test_offline_the_group_is_known_from_the_cache() -> None:
    rig = idle(**CACHE)
    says(rig, parent="GROUP")
    rig.badge("COLLEAGUE")
    rig.badge("COLLEAGUE")
    rig.charge()
    rig.cut()
    rig.badge("COLLEAGUE")
    rig.run(2)
    assert not rig.power()


def test_the_group_of_the_starter_survives_a_power_cut() -> None:
    rig = idle(RestoreTimeout="10")
    rig.answers["StartTransaction"] = messages.StartTransactionResponse(transaction_id=5, id_tag_info=info(parent="G"))
    rig.charge()
    rig.power_cycle()
    rig.run(30)
    says(rig, parent="G")
    rig.badge("COLLEAGUE")
    rig.run(2)
    assert rig.last("StopTransaction").id_tag == "COLLEAGUE"


@both
def test_a_swipe_while_finishing_stops_nothing_twice(model: str) -> None:
    rig = idle(model)
    rig.charge()
    rig.badge()
    rig.run(2)
    says(rig, "Blocked")
    rig.badge()
    rig.run(5)
    assert len(rig.said("StopTransaction")) == 1


@both
@pytest.mark.parametrize("plugged", [True, False])
def test_b1_a_second_swipe_gives_up(model: str, plugged: bool) -> None:
    rig = idle(model)
    if plugged:
        rig.hardware.plug_in(1, None, rig.now)
        rig.run(1)
    rig.badge()
    rig.badge()
    assert judged(rig)[-1] == (True, "gives up waiting")
    assert rig.view.status == ("Preparing" if plugged else "Available")
    rig.run(1)
    assert not rig.locked()
    assert not rig.said("StartTransaction")


# --- free charging ---------------------------------------------------------------------------------------------------


@both
def test_r_093_free_charging_begins_on_plugging_in_with_the_default_tag(model: str) -> None:
    """R-077, R-093: AuthenticationOCPPMode false, DefaultIdTag in StartTransaction."""
    rig = idle(model, AuthenticationOCPPMode="false", DefaultIdTag="EVERYBODY")
    rig.plug()
    rig.run(5)
    assert rig.power()
    assert rig.last("StartTransaction").id_tag == "EVERYBODY"
    assert not rig.said("Authorize")
    rig.badge("SOMEBODY")
    assert rig.power()
    assert judged(rig)[-1][0] is False
    rig.hardware.unplug_car(1, rig.now)
    rig.run(2)
    assert rig.last("StopTransaction").reason == "EVDisconnected"


def test_r_082_operating_mode_1_is_without_badges() -> None:
    rig = idle("evlink-smart-wallbox")
    assert rig.change("operatingMode", "1") == "Accepted"
    rig.plug()
    rig.run(5)
    assert rig.power()
    assert rig.change("operatingMode", "2") == "Accepted"
    rig.tell(sig.StopAsked(1))
    rig.run(2)
    rig.unplug()
    rig.plug()
    rig.run(5)
    assert not rig.power()


@both
def test_free_charging_does_not_open_a_connector_that_is_out_of_service(model: str) -> None:
    rig = idle(model, AuthenticationOCPPMode="false")
    rig.ask(messages.ChangeAvailability(connector_id=1, type="Inoperative"))
    rig.plug()
    rig.run(10)
    assert not rig.power()
    rig.ask(messages.ChangeAvailability(connector_id=1, type="Operative"))
    rig.run(10)
    assert rig.power()


# --- one reader for two connectors -----------------------------------------------------------------------------------


def test_one_reader_the_badge_is_for_the_connector_plugged_next() -> None:
    rig = two_connectors()
    rig.badge("FIRST")
    rig.plug(connector=1)
    rig.badge("SECOND")
    rig.hardware.plug_in(2, rig.hardware.connector(1).car, rig.now)
    rig.run(10)
    assert [(p.connector_id, p.id_tag) for p in rig.said("StartTransaction")] == [(1, "FIRST"), (2, "SECOND")]
    rig.badge("FIRST")
    rig.run(2)
    assert not rig.station.connectors[0].transaction
    assert rig.station.connectors[1].transaction


def test_one_reader_the_connector_plugged_next_may_be_out_of_service() -> None:
    rig = two_connectors()
    rig.ask(messages.ChangeAvailability(connector_id=2, type="Inoperative"))
    rig.badge("FIRST")
    rig.hardware.plug_in(2, rig.hardware.connector(1).car, rig.now)
    rig.run(10)
    assert not rig.said("StartTransaction")
    rig.plug(connector=1)
    rig.run(10)
    assert [p.connector_id for p in rig.said("StartTransaction")] == [1], "the badge still waits"


def test_one_reader_the_same_badge_on_both() -> None:
    """Known in the field: what is charging with a badge ends with it, a second charge needs its connector named."""
    rig = two_connectors()
    rig.plug(connector=1)
    rig.badge()
    rig.run(5)
    rig.hardware.plug_in(2, rig.hardware.connector(1).car, rig.now)
    rig.run(1)
    rig.badge(TAG, connector=2)
    rig.run(10)
    assert [p.connector_id for p in rig.said("StartTransaction")] == [1, 2]


@pytest.mark.parametrize("tag", ["", "A" * 21])
def test_7_28_what_is_no_id_tag_is_not_asked_about(tag: str) -> None:
    rig = idle()
    rig.badge(tag)
    assert judged(rig)[-1][0] is False
    assert not rig.said("Authorize")


@both
def test_errata_3_17_the_group_of_a_refused_tag_releases_its_cable(model: str) -> None:
    rig = idle(
        model, LocalAuthorizeOffline="true", AllowOfflineTxForUnknownId="true", StopTransactionOnInvalidId="true"
    )
    rig.cut()
    rig.answers["StartTransaction"] = messages.StartTransactionResponse(
        transaction_id=9, id_tag_info=info("Blocked", "GROUP")
    )
    rig.charge()
    rig.mend()
    assert rig.locked()
    says(rig, parent="GROUP")
    rig.forget()
    rig.badge("COLLEAGUE")
    assert not rig.locked()
    assert not rig.said("StartTransaction"), "it releases the cable, it does not charge"
    rig.unplug()
