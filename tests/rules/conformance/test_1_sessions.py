"""Conformance 1.1 to 1.4: cold boot, start and stop of a session, the authorization cache."""

import itertools

from chargepost.ocpp import messages
from tests.rules.conformance.case import RESTART_S, Case, covers
from tests.rules.rig import TAG

INTERVAL_S = 60

PULLED = ("SuspendedEV 1", "Charging 1")
"""What may come first of a cable pulled at the car; the second one with the info "EV side disconnected"."""


def expect_boot_and_life(case: Case, since: float) -> None:
    """BootNotification not before the interval is over, the status of all, and Heartbeat at its interval."""
    case.booting("Accepted", 30)
    case.expect("BootNotification", within_s=2 * INTERVAL_S)
    assert case.at - since >= INTERVAL_S
    case.expect_statuses("Available")
    beat_s = case.seconds("HeartbeatInterval", 30)
    case.nothing(3 * beat_s + 5)
    beats = case.said_at("Heartbeat")[-2:]
    assert [round(later - sooner) for sooner, later in itertools.pairwise(beats)] == [beat_s]


@covers("TC_001_CS")
def test_tc_001_cold_boot(case: Case) -> None:
    """4.2: Rejected, nothing is said before the interval is over."""
    case.booting("Rejected", INTERVAL_S)
    case.bench.start()
    case.expect("BootNotification", within_s=RESTART_S)
    at = case.at
    case.nothing(INTERVAL_S - 5)
    expect_boot_and_life(case, at)


@covers("TC_002_CS")
def test_tc_002_cold_boot_pending(case: Case) -> None:
    """4.2: Pending, it answers and asks nothing."""
    case.booting("Pending", INTERVAL_S)
    case.bench.start()
    case.expect("BootNotification", within_s=RESTART_S)
    at = case.at
    case.wait(2)
    assert case.ask(messages.GetConfiguration()).configuration_key
    case.asked(messages.ChangeConfiguration(key="MeterValueSampleInterval", value="45"))
    case.nothing(INTERVAL_S - 10)
    expect_boot_and_life(case, at)
    assert case.setting("MeterValueSampleInterval") == "45"


# --- 1.2 start of a session ------------------------------------------------------------------------------------------


@covers("TC_003_CS")
def test_tc_003_plug_in_first(case: Case) -> None:
    """3.1, 4.8"""
    case.booted()
    case.hands.plug()
    case.expect("Preparing 1")
    case.hands.badge()
    case.expect("Authorize", id_tag=TAG)
    start = case.expect("StartTransaction", connector_id=1, id_tag=TAG, meter_start=0)
    assert abs(case.at_of(start.timestamp) - case.at) < 1
    case.expect("Charging 1")


@covers("TC_004_1_CS")
def test_tc_004_1_identification_first(case: Case) -> None:
    """3.1, 4.8"""
    case.booted()
    case.hands.badge()
    case.expect("Authorize", id_tag=TAG)
    case.hands.plug()
    case.expect("Preparing 1")
    case.expect("StartTransaction", connector_id=1, id_tag=TAG)
    case.expect("Charging 1")


@covers("TC_004_2_CS")
def test_tc_004_2_connection_time_out(case: Case) -> None:
    """9.1.4: nobody plugs in, and the badge expires."""
    case.booted()
    timeout_s = case.seconds("ConnectionTimeOut", 20)
    case.hands.badge()
    at = case.now
    case.expect("Authorize")
    if len(case.connectors) == 1:
        case.expect("Preparing 1")
        case.nothing(timeout_s - 3)
        case.expect("Available 1", within_s=5)
        assert abs(case.at - at - timeout_s) <= 2
    else:
        case.nothing(timeout_s)  # nobody knows yet which connector it is for
    case.hands.plug()
    case.expect("Preparing 1")
    case.nothing(10)


# --- 1.3 stop of a session -------------------------------------------------------------------------------------------


@covers("TC_068_CS")
def test_tc_068_stop_with_the_tag_that_started(case: Case) -> None:
    """3.3, 4.10: a wrong tag ends nothing, the right one in other letters needs no Authorize (trap 25)."""
    case.booted()
    case.needs(case.reader, "it has no badge reader")
    case.charging()
    case.refuse()
    case.hands.badge("WRONG", 1)
    case.expect("Authorize", id_tag="WRONG")
    case.nothing(5)
    assert case.view().contactor
    case.hands.badge(TAG.lower(), 1)
    stop = case.expect_stop("Local")
    assert stop.id_tag.upper() == TAG
    case.hands.unplug()
    case.expect("Available 1")


@covers("TC_069_CS")
def test_tc_069_stop_with_a_tag_of_the_same_group(case: Case) -> None:
    """3.3: parentIdTag."""
    case.booted()
    case.needs(case.reader, "it has no badge reader")
    case.accept(parent="GROUP")
    case.charging()
    case.hands.badge("COLLEAGUE", 1)
    case.expect("Authorize", id_tag="COLLEAGUE")
    stop = case.expect_stop("Local")
    assert stop.id_tag == "COLLEAGUE"


@covers("TC_005_1_CS")
def test_tc_005_1_ev_side_disconnected(case: Case) -> None:
    """9.1.27, 9.1.33"""
    case.booted()
    case.configure(StopTransactionOnEVSideDisconnect="true", UnlockConnectorOnEVSideDisconnect="true")
    case.charging()
    case.hands.pull_car()
    case.expect_stop("EVDisconnected", perhaps=PULLED)
    case.wait(3)
    assert not case.view().locked
    case.hands.unplug()
    case.expect("Available 1")


@covers("TC_005_2_CS")
def test_tc_005_2_ev_side_disconnected_and_the_cable_stays_locked(case: Case) -> None:
    """9.1.33"""
    case.booted()
    case.configure(StopTransactionOnEVSideDisconnect="true", UnlockConnectorOnEVSideDisconnect="false")
    case.charging()
    case.hands.pull_car()
    case.expect_stop("EVDisconnected", perhaps=PULLED)
    case.wait(3)
    assert case.view().locked
    case.asked(messages.UnlockConnector(connector_id=1), "Unlocked")
    case.hands.unplug()
    case.expect("Available 1")


@covers("TC_005_3_CS")
def test_tc_005_3_ev_side_disconnected_and_the_transaction_goes_on(case: Case) -> None:
    """9.1.27: false."""
    case.booted()
    case.configure(StopTransactionOnEVSideDisconnect="false", UnlockConnectorOnEVSideDisconnect="false")
    case.charging()
    case.hands.pull_car()
    case.expect("SuspendedEV 1")
    case.nothing(5)
    case.hands.plug_car()
    case.expect("Charging 1")
    case.stop("Remote")


# --- 1.4 authorization cache -----------------------------------------------------------------------------------------


def learned(case: Case, *, remote: bool) -> None:
    """TAG is in the cache, learned from a session; and the keys of the case are set."""
    case.booted()
    case.configure(AuthorizationCacheEnabled="true", LocalPreAuthorize="true")
    if remote:
        case.configure(AuthorizeRemoteTxRequests="true")
    case.charging()
    case.stop()


@covers("TC_007_1_CS")
def test_tc_007_1_a_cached_tag_starts_without_authorize(case: Case) -> None:
    """3.5.2, 3.5.3, 9.1.14"""
    learned(case, remote=False)
    case.hands.plug()
    case.expect("Preparing 1")
    case.hands.badge(TAG, 1)
    case.expect("StartTransaction", id_tag=TAG)
    case.expect("Charging 1")


@covers("TC_007_2_CS")
def test_tc_007_2_a_cached_tag_starts_remotely_without_authorize(case: Case) -> None:
    """5.11, 9.1.2, 9.1.14"""
    learned(case, remote=True)
    case.hands.plug()
    case.expect("Preparing 1")
    case.asked(messages.RemoteStartTransaction(id_tag=TAG, connector_id=1))
    case.expect("StartTransaction", id_tag=TAG)
    case.expect("Charging 1")


@covers("TC_061_1_CS")
def test_tc_061_1_a_cleared_cache_asks_again(case: Case) -> None:
    """5.4"""
    learned(case, remote=False)
    case.asked(messages.ClearCache())
    case.hands.plug()
    case.expect("Preparing 1")
    case.hands.badge(TAG, 1)
    case.expect("Authorize", id_tag=TAG)
    case.expect("StartTransaction")
    case.expect("Charging 1")


@covers("TC_061_2_CS")
def test_tc_061_2_a_cleared_cache_asks_again_for_a_remote_start(case: Case) -> None:
    """5.4, 9.1.2"""
    learned(case, remote=True)
    case.asked(messages.ClearCache())
    case.hands.plug()
    case.expect("Preparing 1")
    case.asked(messages.RemoteStartTransaction(id_tag=TAG, connector_id=1))
    case.expect("Authorize", id_tag=TAG)
    case.expect("StartTransaction", id_tag=TAG)
    case.expect("Charging 1")
