"""What a station shares: two charge points one supply, and a managed site its fuses.

Commissioning guide of the EVlink family, Advanced settings (Load Balancing, Load Shedding Priority); OCPP guide, 8.1
(EMsetting, loadSheddingPriority, the floors of load shedding).
"""

from math import inf

import msgspec
import pytest

from chargepost import signals as sig
from chargepost.drivers.simulated import CarSpec
from chargepost.ocpp import messages
from chargepost.run import words
from chargepost.station import sharing
from tests.rules.rig import CAR, TAG, Rig

PARKING = "evlink-parking@R7"
BIG = msgspec.structs.replace(CAR, max_current_a=32)
SINGLE = msgspec.structs.replace(BIG, phases=1)
SITE = "fuse garage L1"


def start(rig: Rig, connector: int, car: CarSpec, seconds: float = 20.0) -> None:
    rig.plug(car, connector)
    rig.ask(messages.RemoteStartTransaction(id_tag=f"{TAG[:-1]}{connector}", connector_id=connector))
    rig.run(seconds)


def offers(rig: Rig) -> list[float]:
    return [c.offered_a for c in rig.station.view(rig.now).connectors]


def drawn_a(rig: Rig) -> float:
    """On the phase that carries most, of all outlets together: the physics, not what was offered."""
    rig.hardware.advance(rig.now)
    return max(sum(outlet.current_a[phase] for outlet in rig.hardware.connectors) for phase in range(3))


def most_drawn_a(rig: Rig, seconds: float) -> float:
    found = 0.0
    for _ in range(round(seconds / 0.1)):
        rig.run(0.1)
        found = max(found, drawn_a(rig))
    return found


def parking(**settings: str) -> Rig:
    rig = Rig(PARKING)
    rig.own(**settings)
    rig.run(3)
    return rig


# --- load balancing between two charge points ------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["evlink-parking@R5", "evlink-parking@R7", "evlink-city@R7"])
def test_r_295_the_station_divides_its_power_between_its_charge_points(model: str) -> None:
    """R-295: Load Balancing, factory Enable: the station itself does the power split to avoid tripping."""
    rig = Rig(model)
    rig.own(maxIntensityStation="32")
    rig.run(3)
    start(rig, 1, BIG)
    assert offers(rig) == [32, 0], "alone, it has all"
    start(rig, 2, BIG)
    assert offers(rig) == [16, 16]
    assert [c.limit_source for c in rig.station.view(rig.now).connectors] == [sharing.SHARED] * 2
    assert rig.hardware.unplug_car(1, rig.now)
    rig.run(20)
    assert offers(rig) == [0, 32], "and again, when the other leaves"


def test_r_295_disabled_each_charge_point_is_set_independently() -> None:
    rig = parking(maxIntensityStation="32", LoadBalancing="false")
    start(rig, 1, BIG)
    start(rig, 2, BIG)
    assert offers(rig) == [32, 32]


def test_r_295_enough_for_both_is_not_divided() -> None:
    rig = parking()
    start(rig, 1, BIG)
    start(rig, 2, CAR)
    assert offers(rig) == [32, 32]


def test_r_176_core_has_no_energy_management() -> None:
    """R-176: EMsetting 0 is the core alone: the charge points are set independently, and no profile is taken."""
    rig = parking(maxIntensityStation="32", EMsetting="0")
    start(rig, 1, BIG)
    start(rig, 2, BIG)
    assert offers(rig) == [32, 32]
    rig.own(EMsetting="1")
    rig.run(10)
    assert offers(rig) == [16, 16]


def test_what_a_car_does_not_take_is_for_the_other() -> None:
    rig = parking(maxIntensityStation="40")
    start(rig, 1, msgspec.structs.replace(BIG, max_current_a=10), 90)
    start(rig, 2, BIG, 90)
    assert offers(rig) == [14, 26], "the first takes 10 A, and keeps the floor of three phases"


def test_in_the_seconds_after_a_start_the_supply_is_not_above_its_rating() -> None:
    """The first gives way, and its car has time to follow, before the second is offered anything."""
    rig = parking(maxIntensityStation="32")
    start(rig, 1, BIG)
    rig.plug(BIG, 2)
    rig.ask(messages.RemoteStartTransaction(id_tag=TAG, connector_id=2))
    assert most_drawn_a(rig, 20) <= 32
    assert offers(rig) == [16, 16]
    lowered, raised = (
        max(at for at, wish in rig.wishes if isinstance(wish, sig.OfferCurrent) and wish.connector == connector)
        for connector in (1, 2)
    )
    assert raised - lowered >= sharing.FOLLOW_S
    rig.own(maxIntensityStation="28")
    rig.run(sharing.FOLLOW_S)
    assert most_drawn_a(rig, 10) <= 28


def test_two_single_phase_cars_load_the_same_phase() -> None:
    rig = parking(maxIntensityStation="30")
    start(rig, 1, SINGLE, 90)
    start(rig, 2, SINGLE, 90)
    assert offers(rig) == [15, 15]
    assert drawn_a(rig) <= 30


# --- load shedding priority ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phases", [1, 3])
def test_r_296_r_177_by_charge_duration_who_started_first_is_shed_first(phases: int) -> None:
    """R-296, R-177: 0, factory. What is too little for two is for the one that started last, until it leaves."""
    rig = parking(maxIntensityStation="24" if phases == 3 else "15")
    car = msgspec.structs.replace(BIG, phases=phases)
    start(rig, 1, car, 120)
    assert offers(rig)[1] == 0
    start(rig, 2, car, 120)
    first, second = offers(rig)
    assert (first, second > 8) == (0, True)
    assert rig.station.view(rig.now).connectors[0].status == "SuspendedEVSE"
    assert rig.hardware.unplug_car(2, rig.now)
    rig.run(20)
    assert offers(rig)[0] > 8, "given back"


def test_r_296_r_177_by_energy_delivered_who_has_the_most_is_shed_first() -> None:
    """R-296, R-177: 1. And it comes back when the other is ahead by more than SWAP_WH, not at the next reading."""
    rig = parking(maxIntensityStation="24", loadSheddingPriority="1", MeterValueSampleInterval="60")
    start(rig, 1, BIG, 600)
    ahead_wh = sharing.energy_wh(rig.station.connectors[0])
    start(rig, 2, BIG, 60)
    assert offers(rig)[0] == 0
    rig.forget()
    rig.run(2 * 3600)
    turns = sum(wish.connector == 1 and wish.current_a > 0 for wish in rig.wished(sig.OfferCurrent))
    energy = [sharing.energy_wh(c) for c in rig.station.connectors]
    assert ahead_wh > 2000
    assert abs(energy[0] - energy[1]) < 3 * sharing.SWAP_WH, "over the hours both get about the same"
    assert 2 < turns <= 10, "33 kWh at 2 kWh from one change of places to the next: no turns at each reading"


# --- a managed site --------------------------------------------------------------------------------------------------


def managed(model: str = "evlink-pro-ac", floor_a: float = 0.0) -> Rig:
    rig = Rig(model, start=False)
    rig.station.handle(sig.Managed(floor_a), rig.now)
    rig.start()
    rig.run(3)
    return rig


def allow(rig: Rig, current_a: float, valid_s: float = 30.0) -> None:
    rig.tell(sig.Allowance(1, current_a, SITE, valid_s))


def test_no_allowance_means_nothing_not_everything() -> None:
    rig = managed()
    rig.plug(BIG)
    rig.badge()
    rig.run(60)
    assert (rig.view.offered_a, rig.view.limit_source) == (0, "no allowance from the site yet")
    assert drawn_a(rig) == 0
    allow(rig, 12.5)
    rig.run(5)
    assert (rig.view.offered_a, rig.view.limit_source, drawn_a(rig)) == (12.5, SITE, 12.5)


@pytest.mark.parametrize("first", [1, 2])
def test_whom_the_site_lets_charge_has_what_the_station_has_whoever_began_first(first: int) -> None:
    """R-295 in a site: the site says who waits, and the station divides nothing for that one."""
    rig = managed(PARKING)
    rig.own(maxIntensityStation="32")
    rig.run(3)
    start(rig, 1, BIG)
    start(rig, 2, BIG)
    assert demands(rig)[-1].station == sig.Limit(32.0, sharing.SHARED)
    for connector in (1, 2):
        rig.tell(sig.Allowance(connector, 32.0 if connector == first else 0.0, SITE, 1e6))
    rig.run(20)
    assert sorted(offers(rig)) == [0, 32]
    assert offers(rig)[first - 1] == 32


def test_outside_of_a_site_an_allowance_changes_nothing() -> None:
    rig = Rig()
    rig.run(3)
    allow(rig, 8)
    rig.charge()
    assert (rig.view.offered_a, rig.wished(sig.Demand)) == (32, [])


def test_an_allowance_that_is_not_renewed_falls_to_the_floor() -> None:
    rig = managed(floor_a=8.0)
    rig.plug(BIG)
    rig.badge()
    allow(rig, 20, valid_s=30)
    rig.run(29)
    assert drawn_a(rig) == 20
    rig.run(3)
    assert (rig.view.offered_a, drawn_a(rig)) == (8, 8)
    assert rig.view.limit_source == "the site is silent: its floor"


@pytest.mark.parametrize(("model", "code"), [(PARKING, "16"), ("evlink-pro-ac", "16.0")])
def test_a_station_shows_that_the_manager_of_its_cluster_is_silent(model: str, code: str) -> None:
    """Event 16, Plc Communication; 16.0, EVCE communication loss. Over with the next allowance; the charge goes on."""
    rig = managed(model, floor_a=14.0)
    rig.plug(BIG)
    rig.badge(connector=1)
    allow(rig, 20, valid_s=30)
    rig.run(29)
    assert rig.view.vendor_error == ""
    rig.run(3)
    assert (rig.view.vendor_error, rig.view.status, rig.view.offered_a) == (code, "Charging", 14)
    allow(rig, 20, valid_s=30)
    rig.run(3)
    assert (rig.view.vendor_error, rig.view.offered_a) == ("", 20)


def test_silence_never_raises_an_allowance_to_the_floor() -> None:
    rig = managed(floor_a=8.0)
    rig.plug(BIG)
    rig.badge()
    allow(rig, 0, valid_s=10)
    rig.run(60)
    assert rig.view.offered_a == 0
    rig.tell(sig.Allowance(1, 8.0, SITE, inf))
    rig.run(3600)
    assert rig.view.offered_a == 8, "one without an end does not end"


def test_below_what_an_outlet_can_say_an_allowance_is_a_pause() -> None:
    rig = managed()
    allow(rig, 5.9, 1e6)
    rig.plug(BIG)
    rig.badge()
    rig.run(20)
    assert rig.view.offered_a == 0
    assert rig.view.status == "SuspendedEVSE"


def test_a_restart_forgets_the_allowance() -> None:
    """Also while a charge goes on: after the restart there is nothing until somebody allows it."""
    rig = managed()
    allow(rig, 16, inf)
    rig.charge()
    rig.power_cycle()
    rig.station.handle(sig.Managed(0.0), rig.now)
    rig.run(1000)
    assert drawn_a(rig) == 0
    allow(rig, 16, inf)
    rig.run(10)
    assert drawn_a(rig) == 16


def test_a_step_of_the_status_says_who_limits_the_charge() -> None:
    """For the log: a charge that is paused, or begins, names who says so."""
    rig = managed()
    rig.plug()
    rig.badge()
    rig.run(5)
    allow(rig, 10, inf)
    rig.run(5)
    steps = [words.text(step) for step in rig.wished(sig.StatusChanged)]
    assert "#1 Preparing -> SuspendedEVSE: 0 A, no allowance from the site yet" in steps
    assert steps[-1] == "#1 SuspendedEV -> Charging: 10 A, fuse garage L1"


def test_the_log_says_when_somebody_else_limits_a_charge() -> None:
    """Once, also of a car that takes nothing at the moment; not when only the current changes."""
    rig = managed()
    rig.plug()
    rig.badge()
    rig.run(5)
    allow(rig, 10, inf)
    rig.run(5)
    rig.forget()
    allow(rig, 9, inf)
    rig.run(5)
    assert "limit" not in rig.notes()
    rig.tell(sig.Allowance(1, 8.0, "fuse main L2", inf))
    rig.run(5)
    assert [words.text(note) for note in rig.wished(sig.Note)] == ["#1 limit: 8 A, fuse main L2"]


def demands(rig: Rig) -> list[sig.Demand]:
    found = rig.wished(sig.Demand)
    rig.wishes.clear()
    return found


def test_what_a_connector_wants_is_told_when_it_changes() -> None:
    rig = managed()
    (first,) = demands(rig)
    assert (first.most_a, first.may_draw_a, first.id_tag) == (0, 0, "")
    rig.plug(SINGLE)
    rig.badge()
    rig.run(1)
    asks = demands(rig)[-1]
    assert (asks.phases, asks.least_a, asks.most_a, asks.id_tag) == (3, 6, 32, TAG), "it might charge on three"
    allow(rig, 20, 1e6)
    rig.run(70)
    told = demands(rig)
    assert (told[-1].phases, told[-1].may_draw_a, told[-1].takes_a) == (1, 20, 32)
    assert told[-1].energy_wh > 50
    allow(rig, 10, 1e6)
    rig.run(1)
    assert demands(rig) == [], "its car has time to follow"
    rig.run(sharing.FOLLOW_S)
    assert demands(rig)[-1].may_draw_a == 10
    rig.tell(sig.StopAsked(1))
    rig.run(2)
    assert (demands(rig)[-1].most_a, drawn_a(rig)) == (0, 0)


def test_a_car_that_takes_less_says_how_much_it_needs() -> None:
    rig = managed()
    allow(rig, 32, 1e6)
    rig.plug(CAR)
    rig.badge()
    rig.run(130)
    assert demands(rig)[-1].takes_a == 16 + sharing.HEADROOM_A


def test_r_316_a_vip_of_the_own_list_says_so_to_its_site() -> None:
    rig = managed("evlink-parking")
    rig.own(authenticationManager="0")
    rig.tell(sig.BadgeKept("04VIP", "VIP"))
    allow(rig, 32, 1e6)
    for tag, is_vip in (("04VIP", True), ("04OTHER", False)):
        rig.plug(CAR)
        rig.badge(tag, 1)
        rig.run(10)
        assert [(each.id_tag, each.is_vip) for each in demands(rig) if each.connector == 1][-1] == (tag, is_vip)
        rig.badge(tag, 1)
        rig.unplug()
        rig.run(60)


def test_a_managed_station_is_in_cluster_mode_and_shows_a_vip() -> None:
    """Commissioning guide, Status: Cluster_Mode, VIP badge mode."""
    rig = managed()
    rig.tell(sig.Allowance(1, 32, SITE, inf, is_vip=True))
    assert rig.station.connectors[0].modes == {"cluster", "vip"}
    rig.tell(sig.Allowance(1, 32, SITE, inf))
    assert rig.station.connectors[0].modes == {"cluster"}


# --- a car that does not obey ----------------------------------------------------------------------------------------


def overdrawn_s(rig: Rig, above_a: float, seconds: float) -> float:
    found = 0.0
    for _ in range(round(seconds / 0.1)):
        rig.run(0.1)
        found += 0.1 if drawn_a(rig) > above_a else 0.0
    return found


@pytest.mark.parametrize("model", ["evlink-pro-ac", "evlink-smart-wallbox", "evlink-parking"])
@pytest.mark.parametrize("interval", ["0", "900"])
def test_a_car_that_draws_more_than_the_site_allows_is_cut_off_whatever_the_samples(model: str, interval: str) -> None:
    """It has 5 s to follow (IEC 61851-1, annex A); how often values are sent to the central system is no part of it."""
    rig = managed(model)
    rig.own(MeterValueSampleInterval=interval)
    allow(rig, 10, inf)
    start(rig, 1, msgspec.structs.replace(BIG, overdraws=1.5), 0)
    assert overdrawn_s(rig, 10.1, 120) < sharing.FOLLOW_S + 2
    assert drawn_a(rig) == 0
    assert rig.station.view(rig.now).connectors[0].status == "Faulted"


def test_a_car_that_begins_to_disobey_is_seen_in_time() -> None:
    rig = managed()
    rig.own(MeterValueSampleInterval="0")
    allow(rig, 10, inf)
    start(rig, 1, BIG, 132)
    assert offers(rig) == [10]
    assert rig.hardware.connectors[0].set_car(rig.now, overdraws=1.5)
    assert overdrawn_s(rig, 10.1, 60) < sharing.FOLLOW_S + 2


def test_two_charge_points_on_one_supply_are_looked_at_too() -> None:
    rig = parking(maxIntensityStation="32", MeterValueSampleInterval="0")
    start(rig, 1, BIG)
    start(rig, 2, msgspec.structs.replace(BIG, overdraws=1.5), 0)
    assert overdrawn_s(rig, 32.1, 120) < sharing.FOLLOW_S + 2
