"""Conformance 4, authorization, and 5, transactions: what the suites of other stacks add."""

import msgspec

from chargepost.ocpp import messages
from tests.rules.conformance.case import RESTART_S, Case, covers
from tests.rules.rig import SILENCE, TAG, info

OTHER = "OTHEROTHEROTHER0"


def with_badge(case: Case, **keys: str) -> None:
    case.booted()
    case.needs(case.reader, "it has no badge reader")
    case.configure(**keys)


def two(case: Case) -> None:
    """Two connectors."""
    case.booted()
    case.needs(len(case.connectors) > 1, "it has one connector")


def starts(case: Case, connector: int = 1, tag: str = TAG) -> None:
    """What a charge says that begins with the cable in and the badge accepted."""
    case.expect("StartTransaction", connector_id=connector, id_tag=tag)
    case.expect(f"Charging {connector}")


# --- 4 authorization -------------------------------------------------------------------------------------------------


@covers("auth.group_stops")
def test_a_tag_of_the_group_stops_what_another_of_it_started(case: Case) -> None:
    """3.3, with a group that only the answer to StartTransaction told."""
    with_badge(case)
    case.accept("StartTransaction", parent="GROUP")
    case.charging()
    case.accept(parent="GROUP")
    case.hands.badge(OTHER, 1)
    case.expect("Authorize", id_tag=OTHER)
    assert case.expect_stop("Local").id_tag == OTHER


@covers("auth.invalid_starts_nothing")
def test_an_invalid_tag_starts_nothing_also_before_the_cable(case: Case) -> None:
    """4.1"""
    with_badge(case)
    case.refuse()
    case.hands.badge()
    case.expect("Authorize")
    case.hands.plug()
    case.expect("Preparing 1")
    case.nothing(20)
    assert not case.view().contactor


@covers("auth.cache_offline")
def test_a_tag_in_the_cache_starts_offline(case: Case) -> None:
    """3.5.2, 9.1.1"""
    with_badge(case, AuthorizationCacheEnabled="true", AllowOfflineTxForUnknownId="false")
    case.configure(LocalAuthorizeOffline="true")
    case.charging()
    case.stop()
    case.hands.cut_link()
    case.hands.plug()
    case.hands.badge(OTHER, 1)
    case.wait(10)
    assert not case.view().contactor, "nobody knows this one"
    case.hands.badge(TAG, 1)
    case.wait(10)
    assert case.view().contactor
    case.hands.mend_link()
    case.expect_all("StartTransaction", "Charging 1")


@covers("auth.cache_no_authorize")
def test_a_tag_in_the_cache_starts_without_authorize(case: Case) -> None:
    """3.5.2, 9.1.14: learned from Authorize alone."""
    with_badge(case, AuthorizationCacheEnabled="true", LocalPreAuthorize="true")
    case.hands.plug()
    case.expect("Preparing 1")
    case.hands.badge(TAG, 1)
    case.expect("Authorize")
    starts(case)
    case.stop()
    case.hands.plug()
    case.expect("Preparing 1")
    case.hands.badge(TAG, 1)
    starts(case)


@covers("auth.cache_expired")
def test_an_expired_entry_of_the_cache_means_authorize(case: Case) -> None:
    """3.5.2"""
    with_badge(case, AuthorizationCacheEnabled="true", LocalPreAuthorize="true")
    until = msgspec.structs.replace(info(), expiry_date=case.date(60))
    case.answers["Authorize"] = messages.AuthorizeResponse(id_tag_info=until)
    case.answers["StartTransaction"] = messages.StartTransactionResponse(transaction_id=501, id_tag_info=until)
    case.charging()
    case.stop()
    case.nothing(70)
    del case.answers["Authorize"]
    case.hands.plug()
    case.expect("Preparing 1")
    case.hands.badge(TAG, 1)
    case.expect("Authorize")
    starts(case)


@covers("auth.swipe_while_finishing")
def test_a_swipe_while_finishing_stops_nothing_twice(case: Case) -> None:
    """4.10"""
    with_badge(case)
    case.charging()
    case.hands.badge(TAG, 1)
    case.expect_stop("Local")
    case.hands.badge(OTHER, 1)
    case.wait(5)
    case.forget()
    assert len(case.said("StopTransaction")) == 1


@covers("auth.remote_without_connector")
def test_remote_starts_without_a_connector_are_each_for_the_one_that_gets_plugged(case: Case) -> None:
    """5.11: the second start ends nothing of the first."""
    two(case)
    gate = case.model.authentication.remote_unplugged_key
    if gate:
        case.configure(**{gate: "true"})
    for connector, tag in ((1, TAG), (2, OTHER)):
        case.asked(messages.RemoteStartTransaction(id_tag=tag))
        case.wait(2)
        case.hands.plug(connector)
        case.expect("StartTransaction", perhaps=preparing(case), connector_id=connector, id_tag=tag)
        case.expect(f"Charging {connector}")
    assert case.view(1).transaction
    assert case.view(2).transaction


def preparing(case: Case) -> list[str]:
    return ["Authorize", *(f"Preparing {number}" for number in case.connectors)]


@covers("auth.remote_without_connector_rejected")
def test_a_remote_start_that_finds_no_car_is_rejected_where_a_key_says_so(case: Case) -> None:
    """5.11"""
    case.booted()
    gate = case.model.authentication.remote_unplugged_key
    case.needs(gate, "no key lets it reject a remote start without a car")
    case.configure(**{gate: "false"})
    case.asked(messages.RemoteStartTransaction(id_tag=TAG, connector_id=1), "Rejected")
    case.asked(messages.RemoteStartTransaction(id_tag=TAG), "Rejected")
    case.nothing(5)


@covers("auth.remote_bound")
def test_a_remote_start_for_connector_2_is_not_for_connector_1(case: Case) -> None:
    """5.11"""
    two(case)
    gate = case.model.authentication.remote_unplugged_key
    if gate:
        case.configure(**{gate: "true"})
    case.asked(messages.RemoteStartTransaction(id_tag=TAG, connector_id=2))
    case.hands.plug(1)
    case.expect_all("Preparing 1", "Preparing 2", perhaps=("Authorize",))
    case.nothing(5)
    assert not case.view(1).contactor
    case.hands.plug(2)
    starts(case, 2)


@covers("auth.same_tag_twice")
def test_the_same_tag_on_two_connectors(case: Case) -> None:
    """7.2: it is the central system that says ConcurrentTx."""
    two(case)
    case.charging(1)
    case.accept("StartTransaction", "ConcurrentTx")
    case.hands.plug(2)
    case.asked(messages.RemoteStartTransaction(id_tag=TAG, connector_id=2))
    case.expect("StartTransaction", perhaps=preparing(case), connector_id=2)
    case.wait(10)
    case.forget()
    assert not case.view(2).contactor, "refused"
    assert case.view(1).contactor, "and this one goes on"


@covers("auth.one_reader")
def test_one_reader_starts_and_stops_the_right_connector(case: Case) -> None:
    """3.1, 3.3"""
    two(case)
    case.needs(case.reader, "it has no badge reader")
    case.charging(1)
    case.hands.plug(2)
    case.expect("Preparing 2")
    case.hands.badge(OTHER, 2)
    case.expect("Authorize")
    starts(case, 2, OTHER)
    case.hands.badge(TAG, 1)
    assert case.expect_stop("Local", 1).id_tag == TAG
    assert case.view(2).contactor


# --- 5 transactions --------------------------------------------------------------------------------------------------


@covers("stay.before_first_boot")
def test_a_charge_before_the_first_boot_is_told_with_its_own_time(case: Case) -> None:
    """4.2, 4.8: kept until Accepted."""
    case.answers["BootNotification"] = SILENCE
    case.bench.start()
    case.needs(case.reader, "it has no badge reader")
    case.expect("BootNotification", within_s=RESTART_S)
    case.hands.plug()
    case.hands.badge(TAG, 1)
    case.wait(20)
    assert case.view().contactor
    at = case.now - 20
    del case.answers["BootNotification"]
    case.expect("StartTransaction", within_s=900, perhaps=["BootNotification", *every_status(case)])
    start = case.said("StartTransaction")[-1]
    assert abs(case.at_of(start.timestamp) - at) < 2
    case.wait(5)
    case.forget()
    case.stop()


def every_status(case: Case) -> list[str]:
    words = ("Available", "Preparing", "Charging", "SuspendedEV", "SuspendedEVSE", "Finishing")
    return [f"{word} {number}" for word in words for number in (0, *case.connectors)]


def refused_at_once(case: Case, stop: str) -> None:
    """Authorize lets somebody in, StartTransaction does not."""
    case.booted()
    case.configure(StopTransactionOnInvalidId=stop)
    case.refuse("StartTransaction", "Blocked")
    case.hands.plug()
    let_in(case)
    case.expect("StartTransaction", perhaps=("Authorize", "Preparing 1"))


@covers("stay.deauthorized")
def test_a_start_that_is_refused_at_once_is_ended(case: Case) -> None:
    """4.8, 9.1.28: true; DeAuthorized."""
    refused_at_once(case, "true")
    stop = case.expect_stop("DeAuthorized", perhaps=("Charging 1", "SuspendedEVSE 1"))
    assert stop.transaction_id == 501
    assert not case.view().contactor


@covers("stay.deauthorized_kept")
def test_a_start_that_is_refused_at_once_goes_on_without_energy(case: Case) -> None:
    """4.8, 9.1.28: false."""
    refused_at_once(case, "false")
    case.expect("SuspendedEVSE 1", perhaps=("Charging 1",))
    case.nothing(10)
    assert not case.view().contactor
    assert not case.said("StopTransaction")
    case.stop()


@covers("stay.unlock_after_stop")
def test_unlock_when_the_session_has_ended(case: Case) -> None:
    """5.18: no second StopTransaction."""
    case.booted()
    case.needs_socket()
    number = case.charging()
    case.asked(messages.RemoteStopTransaction(transaction_id=number))
    case.expect_stop("Remote")
    case.asked(messages.UnlockConnector(connector_id=1), "Unlocked")
    case.hands.unplug()
    case.expect("Available 1")


@covers("stay.order_with_samples")
def test_queued_samples_keep_their_place_between_start_and_stop(case: Case) -> None:
    """3.7.1, 4.7"""
    with_badge(case, MeterValueSampleInterval="20", LocalAuthorizeOffline="true", AllowOfflineTxForUnknownId="true")
    while_offline = case.model.quirks.get("offline_samples", {}).get("interval_key")
    if while_offline:
        case.configure(**{str(while_offline): "20"})
    case.hands.cut_link()
    case.hands.plug()
    case.hands.badge(TAG, 1)
    case.wait(70)
    case.hands.badge(TAG, 1)
    case.hands.unplug()
    case.hands.mend_link()
    case.wait(20)
    case.forget()
    told = [action for action in case.actions() if action in ("StartTransaction", "MeterValues", "StopTransaction")]
    assert told[0] == "StartTransaction"
    assert told[-1] == "StopTransaction"
    assert told.count("MeterValues") >= 3
    numbers = {each.transaction_id for each in case.said("MeterValues")}
    assert numbers == {case.said("StopTransaction")[-1].transaction_id}


@covers("stay.measurands_live")
def test_a_changed_list_of_measurands_acts_at_once(case: Case) -> None:
    """9.1.17"""
    case.booted()
    energy = "Energy.Active.Import.Register"
    case.configure(MeterValuesSampledData=energy, MeterValueSampleInterval="20")
    case.charging()
    case.nothing(25)
    other = case.list_of("MeterValuesSampledData", "Power.Active.Import", "Voltage").partition(",")[0]
    case.configure(MeterValuesSampledData=other)
    case.nothing(25)
    told = [{value.measurand for value in each.meter_value[0].sampled_value} for each in case.said("MeterValues")]
    assert told[0] <= {energy, msgspec.UNSET}
    assert told[-1] == {other}


@covers("stay.connector_zero_metering")
def test_connector_0_is_metered_on_the_grid_of_the_clock(case: Case) -> None:
    """3.16.3: also while nobody charges."""
    case.booted()
    spec = case.model.keys.get("clockaligneddatainterval")
    case.needs(spec and not spec.inert, "it has no clock-aligned meter values")
    case.needs(len(case.connectors) > 1, "one connector has its own meter and no main meter")
    case.configure(ClockAlignedDataInterval="60")
    case.nothing(130)
    told = [each for each in case.said("MeterValues") if each.connector_id == 0]
    assert len(told) == 2
    assert all(each.transaction_id is msgspec.UNSET for each in told)


# --- 5 power cuts ----------------------------------------------------------------------------------------------------


def cut_and_back(case: Case) -> None:
    """The power comes back, and what is open is told once."""
    case.forget()
    case.hands.power_cycle()
    case.expect("BootNotification", within_s=RESTART_S)
    power = case.model.after_power_cut
    case.wait(float(case.setting(power.delay_key)) + 15 if power.resumes else 15)
    case.forget()


def let_in(case: Case) -> None:
    if case.reader:
        case.hands.badge(TAG, 1)
    else:
        case.asked(messages.RemoteStartTransaction(id_tag=TAG, connector_id=1))


@covers("stay.cut_before_start")
def test_a_power_cut_before_the_start_starts_nothing(case: Case) -> None:
    """3.7: plugged in, nobody let in yet."""
    case.booted()
    case.hands.plug()
    cut_and_back(case)
    assert not case.said("StartTransaction")
    assert not case.said("StopTransaction")
    assert not case.view().contactor


@covers("stay.cut_start_unanswered")
def test_a_power_cut_with_the_start_unanswered(case: Case) -> None:
    """4.8: told again, the same."""
    case.booted()
    case.answers["StartTransaction"] = SILENCE
    case.hands.plug()
    let_in(case)
    case.wait(10)
    del case.answers["StartTransaction"]
    cut_and_back(case)
    told = case.said("StartTransaction")
    assert len(told) >= 2
    assert all(each == told[0] for each in told)
    ends(case)


def ends(case: Case) -> None:
    """One StopTransaction in the end: of the power cut, or of the charge that went on."""
    if case.view().transaction:
        case.stop()
    stops = case.said("StopTransaction")
    assert len({(each.transaction_id, each.timestamp) for each in stops}) == 1
    assert stops[0].transaction_id != 0


@covers("stay.cut_running")
def test_a_power_cut_while_it_charges(case: Case) -> None:
    """3.7, 4.10: one stop, of the right transaction."""
    case.booted()
    number = case.charging()
    case.wait(30)
    cut_and_back(case)
    ends(case)
    assert case.said("StopTransaction")[-1].transaction_id == number
    assert len(case.said("StartTransaction")) == 1


@covers("stay.cut_stop_unanswered")
def test_a_power_cut_with_the_stop_unanswered(case: Case) -> None:
    """4.10: told again, the same."""
    case.booted()
    number = case.charging()
    case.answers["StopTransaction"] = SILENCE
    case.asked(messages.RemoteStopTransaction(transaction_id=number))
    case.wait(5)
    del case.answers["StopTransaction"]
    cut_and_back(case)
    told = case.said("StopTransaction")
    assert len(told) >= 2
    assert all(each == told[0] for each in told)
    assert told[0].reason == "Remote"


@covers("stay.cut_finished")
def test_a_power_cut_after_the_end(case: Case) -> None:
    """4.10: nothing of it is told again."""
    case.booted()
    case.charging()
    case.stop()
    cut_and_back(case)
    assert len(case.said("StartTransaction")) == len(case.said("StopTransaction")) == 1


@covers("stay.crashes")
def test_it_recovers_by_itself_from_crash_after_crash(case: Case) -> None:
    """4.2, 4.10"""
    case.booted()
    number = case.charging()
    for off_s in (1.0, 2.0, 3.0):
        case.hands.power_cycle(off_s)
        case.wait(1)
    case.expect("BootNotification", within_s=RESTART_S, perhaps=every_status(case))
    case.wait(120)
    case.forget()
    ends(case)
    assert case.said("StopTransaction")[-1].transaction_id == number
