"""The station's own list of badges (commissioning guide, chapter 5; R-074 to R-079, R-315 to R-326)."""

import pytest

from chargepost import signals as sig
from chargepost.station import badge_window
from chargepost.station.own_badges import BADGES_MAX
from tests.rules.rig import CAR, Rig

USER, VIP, ADMIN, NEW = "04A1USER", "04A2VIP", "04A3ADMIN", "04A4NEW"

ALONE = {"authenticationManager": "0", "SupervisionUrl": ""}
REJECTS = ALONE | {"enableUnknown": "false"}


def standalone(model: str = "evlink-parking", settings: dict[str, str] = REJECTS, **types: str) -> Rig:
    rig = Rig(model, settings=settings, tolerant=True)
    rig.run(5)
    for tag, kind in {USER: "User", VIP: "VIP", ADMIN: "Admin", **types}.items():
        rig.tell(sig.BadgeKept(tag, kind, f"of {tag}"))  # type: ignore[arg-type]
    rig.run(1)
    return rig


def verdict(rig: Rig, tag: str) -> sig.BadgeJudged:
    rig.forget()
    rig.badge(tag, 1)
    rig.run(2)
    judged: sig.BadgeJudged = rig.wished(sig.BadgeJudged)[0]
    return judged


def charging(rig: Rig, tag: str) -> bool:
    tx = rig.station.view(rig.now).connectors[0].transaction
    return tx is not None and tx.id_tag == tag


def tags(rig: Rig) -> list[tuple[int, str, str, str]]:
    return [(each.number, each.id_tag, each.type, each.comment) for each in badge_window.listed(rig.station)]


@pytest.mark.parametrize("tag", [USER, VIP, USER.lower()])
def test_r_076_r_316_a_badge_on_the_list_charges_where_the_station_decides(tag: str) -> None:
    rig = standalone()
    rig.plug(CAR)
    rig.badge(tag, 1)
    rig.run(10)
    assert charging(rig, tag)


def test_r_079_an_unknown_badge_charges_as_the_strategy_says() -> None:
    assert not verdict(standalone(), NEW).accepted
    assert verdict(standalone(settings=ALONE), NEW).accepted


def test_r_316_an_admin_badge_does_not_charge() -> None:
    rig = standalone(settings=ALONE)
    rig.plug(CAR)
    rig.badge(ADMIN, 1)
    rig.run(10)
    assert not rig.power()


def test_r_316_an_admin_badge_ends_the_charge_of_another() -> None:
    rig = standalone()
    rig.plug(CAR)
    rig.badge(USER, 1)
    rig.run(10)
    rig.badge(NEW, 1)
    rig.run(2)
    assert charging(rig, USER)
    rig.badge(ADMIN, 1)
    rig.run(5)
    [record] = rig.records.values()
    assert (record.id_tag, record.reason) == (USER, "Local")


def test_r_316_after_an_admin_badge_users_are_added_and_removed() -> None:
    rig = standalone()
    rig.badge(ADMIN)
    for tag in (NEW, USER, VIP):
        rig.badge(tag)
    assert tags(rig) == [(2, VIP, "VIP", f"of {VIP}"), (3, ADMIN, "Admin", f"of {ADMIN}"), (4, NEW, "User", "")]
    rig.badge(ADMIN)
    assert not verdict(rig, "04A5OTHER").accepted
    assert len(tags(rig)) == 3


@pytest.mark.parametrize(("mode", "left"), [("add", 4), ("remove", 2)])
def test_r_317_r_318_badges_at_the_reader_are_added_or_removed_with_a_beep(mode: str, left: int) -> None:
    rig = standalone()
    rig.tell(sig.LearnBadges(mode))  # type: ignore[arg-type]
    heard = [verdict(rig, tag) for tag in (USER, NEW)]
    assert [each.accepted for each in heard] == ([False, True] if mode == "add" else [True, False])
    assert len(tags(rig)) == left
    done = "added" if mode == "add" else "removed"
    shown = [(tag, done if each.accepted else f"not {done}") for tag, each in zip((USER, NEW), heard, strict=True)]
    assert list(badge_window.window(rig.station, rig.now).heard) == shown


def test_q_058_the_window_ends_thirty_seconds_after_the_last_badge() -> None:
    rig = standalone(settings=REJECTS)
    rig.tell(sig.LearnBadges("add"))
    rig.run(25)
    rig.tell(sig.BadgePresented(NEW))
    rig.run(29)
    assert badge_window.window(rig.station, rig.now).mode == "add"
    assert badge_window.window(rig.station, rig.now).left_s == pytest.approx(1, abs=0.1)
    rig.run(2)
    assert badge_window.window(rig.station, rig.now).mode == ""
    rig.badge("04A5OTHER")
    assert len(tags(rig)) == 4


def test_r_317_stop_ends_the_window() -> None:
    rig = standalone()
    rig.tell(sig.LearnBadges("add"))
    rig.tell(sig.LearnBadges(""))
    rig.badge(NEW)
    assert len(tags(rig)) == 3


def test_r_324_an_import_replaces_all() -> None:
    rig = standalone()
    rig.tell(sig.BadgesReplaced((sig.OwnBadge(7, NEW, "VIP", "new"), sig.OwnBadge(9, USER))))
    assert tags(rig) == [(1, NEW, "VIP", "new"), (2, USER, "User", "")]


def test_r_349_the_list_outlives_a_power_cut_and_factory_settings() -> None:
    rig = standalone()
    before = tags(rig)
    rig.power_cycle()
    rig.run(40)
    assert tags(rig) == before
    rig.tell(sig.Restored())
    rig.run(90)
    assert tags(rig) == before


def test_r_326_the_list_does_not_decide_under_a_supervision() -> None:
    rig = Rig("evlink-parking", tolerant=True)
    rig.run(5)
    rig.tell(sig.BadgeKept(USER))
    rig.tell(sig.BadgeKept(ADMIN, "Admin"))
    rig.run(1)
    rig.forget()
    rig.badge(ADMIN, 1)
    rig.run(2)
    assert rig.said("Authorize")[0].id_tag == ADMIN


def test_the_list_has_a_bound_and_takes_only_badges() -> None:
    rig = standalone()
    for tag in ("", " a", "x" * 21, "a\nb"):
        rig.tell(sig.BadgeKept(tag))
    assert len(tags(rig)) == 3
    for number in range(BADGES_MAX):
        rig.tell(sig.BadgeKept(f"T{number}"))
    assert len(tags(rig)) == BADGES_MAX


def test_r_316_a_vip_is_known_as_one() -> None:
    rig = standalone()
    assert rig.station.authorization.is_vip(VIP)
    assert not rig.station.authorization.is_vip(USER)
