"""The rules of the central system beyond the conformance cases: durability, repeats, links, one call at a time."""

import json
from dataclasses import replace
from typing import Any

import pytest

from chargepost.supervision import commands, roster, views
from chargepost.supervision.answers import Policy
from chargepost.supervision.central import CHALLENGE_S, REFUSED_MAX, UNANSWERED_MAX, WAITING_MAX
from chargepost.supervision.roster import Knock
from chargepost.supervision.wishes import (
    Admit,
    BadgeRow,
    ConnectorRow,
    HangUp,
    Kept,
    MeterRow,
    Note,
    Ping,
    Refuse,
    Send,
    StationRow,
    Store,
    TransactionRow,
)

from .central_harness import BADGES, BLOCKED, BOOT, GOOD, OTHER, UTC_S, Peer, World, counting


def meter_values(
    *samples: tuple[str, str, str], connector: int = 1, transaction: int | None = None
) -> dict[str, object]:
    sampled = [{"value": value, "measurand": measurand, "phase": phase} for measurand, phase, value in samples]
    for sample in sampled:
        if not sample["phase"]:
            del sample["phase"]
    payload: dict[str, object] = {
        "connectorId": connector,
        "meterValue": [{"timestamp": "2027-01-15T08:01:00Z", "sampledValue": sampled}],
    }
    return payload | ({} if transaction is None else {"transactionId": transaction})


START = {"connectorId": 1, "idTag": GOOD, "meterStart": 0, "timestamp": "2027-01-15T08:00:00Z"}


# --- durability (P9) --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"}),
        ("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Available"}),
        ("StartTransaction", {"connectorId": 1, "idTag": GOOD, "meterStart": 0, "timestamp": "2027-01-15T08:00:00Z"}),
        ("StopTransaction", {"transactionId": 9, "meterStop": 0, "timestamp": "2027-01-15T08:00:00Z"}),
        ("MeterValues", meter_values(("Voltage", "", "230"))),
        ("SecurityEventNotification", {"type": "TamperDetectionActivated", "timestamp": "2027-01-15T08:00:00Z"}),
    ],
)
def test_nothing_is_answered_before_it_is_durable(action: str, payload: dict[str, object]) -> None:
    world = World()
    peer = world.station()
    world.disk = False
    ident = peer.call(action, payload)
    assert peer.answer_to(ident) is None
    assert peer.answer_to(peer.call("Heartbeat", {})), "a heartbeat stores nothing and waits for nothing"
    world.now += 5
    world.sync()
    frame = peer.answer_to(ident)
    assert frame[0] == 3
    if action == "BootNotification":
        assert frame[2]["currentTime"] == "2027-01-15T08:00:05Z", "the time of the answer, not of the question"


def test_an_answer_for_an_earlier_link_is_not_sent_on_a_later_one() -> None:
    world = World()
    peer = world.station()
    world.disk = False
    ident = peer.call("MeterValues", meter_values(("Voltage", "", "230")))
    peer.cut()
    peer.connect()
    world.sync()
    assert peer.answer_to(ident) is None


def test_a_station_cannot_fill_memory_while_the_disk_refuses() -> None:
    world = World()
    peer = world.station()
    world.disk = False
    idents = [peer.call("MeterValues", meter_values(("Voltage", "", "230"))) for _ in range(UNANSWERED_MAX + 1)]
    assert peer.answer_to(idents[-1])[2] == "InternalError"
    assert len(world.held) == UNANSWERED_MAX
    world.sync()
    assert all(peer.answer_to(ident) for ident in idents)


# --- registration (4.2) -----------------------------------------------------------------------------------------------


def test_4_2_before_it_is_accepted_a_station_may_only_boot() -> None:
    world = World()
    peer = world.station(boot=False)
    assert peer.refused("Heartbeat", {}) == "SecurityError"
    peer.ask("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"})
    assert peer.ask("Heartbeat", {})


def test_a_station_that_merely_reconnects_stays_accepted_also_over_our_restart() -> None:
    world = World()
    peer = world.station()
    peer.cut()
    peer.connect()
    assert peer.ask("Heartbeat", {})
    row = world.central.state.stations["S1"].row
    again = World(kept=Kept(life=2, stations=(row,))).station(boot=False)
    assert again.ask("Heartbeat", {})


def test_a_station_that_never_booted_here_is_asked_to_once_per_link() -> None:
    """It comes from another central system, and a reconnection is no boot (4.2)."""
    world = World()
    peer = world.station(boot=False)
    for _ in range(3):
        assert peer.refused("Heartbeat", {}) == "SecurityError"
    (asked,) = (frame for frame in peer.frames if frame[0] == 2)
    assert asked[2:] == ["TriggerMessage", {"requestedMessage": "BootNotification"}]
    peer.send([3, asked[1], {"status": "Accepted"}])
    peer.ask("BootNotification", BOOT)
    assert peer.ask("Heartbeat", {})
    peer.cut()
    peer.connect()
    assert peer.ask("Heartbeat", {})
    assert sum(frame[0] == 2 for frame in peer.frames) == 1


@pytest.mark.parametrize("policy", ["Pending", "Rejected"])
def test_4_2_pending_and_rejected_are_the_operators_choice(policy: str) -> None:
    world = World()
    world.central.enrol(StationRow("S1", boot_policy=policy))
    peer = world.station(boot=False)
    answer = peer.ask("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"})
    assert (answer["status"], answer["interval"]) == (policy, 60)
    assert peer.refused("Heartbeat", {}) == "SecurityError"
    assert not any(frame[0] == 2 for frame in peer.frames), "the operator's choice is not argued with"


def test_4_2_a_pending_station_may_send_what_it_was_triggered_to() -> None:
    world = World()
    world.central.enrol(StationRow("S1", boot_policy="Pending"))
    peer = world.station()
    trigger = commands.read("TriggerMessage", b'{"requestedMessage": "StatusNotification"}')
    world.central.command("S1", trigger, 1, world.now)
    world.drain()
    peer.send([3, peer.open_call()[1], {"status": "Accepted"}])
    peer.status("Available")
    assert peer.refused("Heartbeat", {}) == "SecurityError"


# --- badges (4.1, 4.8) ------------------------------------------------------------------------------------------------


def test_4_1_group_and_date_come_with_the_answer_and_case_does_not_matter() -> None:
    info = World().station().ask("Authorize", {"idTag": "good"})["idTagInfo"]
    assert info == {"status": "Accepted", "parentIdTag": "FAMILY", "expiryDate": "2027-01-16T08:00:00Z"}


def test_unknown_badges_are_accepted_where_the_operator_says_so_but_a_blocked_one_never() -> None:
    peer = World(Policy(accept_unknown_badges=True)).station()
    assert peer.ask("Authorize", {"idTag": "NOBODY"})["idTagInfo"]["status"] == "Accepted"
    assert peer.ask("Authorize", {"idTag": BLOCKED})["idTagInfo"]["status"] == "Blocked"
    assert peer.ask("Authorize", {"idTag": ""})["idTagInfo"]["status"] == "Invalid"


def test_4_8_concurrent_when_the_badge_charges_elsewhere() -> None:
    world = World()
    here, there = world.station("S1"), world.station("S2")
    running = here.start(GOOD)
    for connector, peer in ((2, here), (1, there)):
        answer = peer.start("good", connector=connector)
        assert answer["idTagInfo"]["status"] == "ConcurrentTx"
        assert answer["transactionId"] not in (0, running["transactionId"])
    assert there.start(OTHER, meter=5)["idTagInfo"]["status"] == "Accepted"
    here.stop(running["transactionId"])
    assert there.start(GOOD, connector=3)["idTagInfo"]["status"] == "Accepted"


def test_4_8_a_stop_that_never_came_does_not_lock_the_badge_out() -> None:
    """Given up by the station after its attempts (3.7.1): Available afterwards proves that nobody charges there."""
    world = World()
    lost, here = world.station("S1"), world.station("S2")
    lost.start(GOOD)
    lost.status("Available")
    assert here.start(GOOD)["idTagInfo"]["status"] == "Accepted"


def test_4_8_nor_does_it_after_our_restart() -> None:
    lost = TransactionRow("S1", 1, GOOD, 0, UTC_S - 100, 4711, "Accepted")
    for since_utc_s, status in ((UTC_S - 50, "Accepted"), (UTC_S - 150, "ConcurrentTx")):
        place = ConnectorRow("S1", 1, "Available", "NoError", since_utc_s)
        kept = Kept(2, (StationRow("S1"),), (place,), (lost,), BADGES)
        assert World(kept=kept).station("S2").start(GOOD)["idTagInfo"]["status"] == status


# --- connectors (4.9) -------------------------------------------------------------------------------------------------


def test_4_9_a_status_told_once_more_keeps_its_date_and_is_no_event() -> None:
    world = World()
    peer = world.station()
    place = world.central.state.stations["S1"].connector(1)
    for minute, told, since, events in [
        (0, {}, 0, 1),
        (1, {}, 0, 1),
        (2, {"info": "lid open"}, 0, 2),
        (3, {"error": "HighTemperature"}, 3, 3),
        (4, {"error": "HighTemperature"}, 3, 3),
    ]:
        more: dict[str, Any] = {"timestamp": f"2027-01-15T08:0{minute}:00Z", **told}
        peer.status("Charging", **more)
        assert place.row.since_utc_s == UTC_S + 60 * since
        assert len(world.books.events) - 1 == events, "beside the boot"


def test_4_9_available_once_more_is_news_when_it_frees_a_connector() -> None:
    world = World()
    peer = world.station()
    peer.status("Available", timestamp="2027-01-15T07:00:00Z")
    peer.start()
    peer.status("Available", timestamp="2027-01-15T09:00:00Z")
    assert world.central.state.stations["S1"].connectors[1].row.since_utc_s == UTC_S + 3600


# --- transactions (4.8, 4.10) -----------------------------------------------------------------------------------------


def test_a_repeated_start_gets_the_same_number_and_word() -> None:
    world = World()
    peer = world.station()
    first = peer.start()
    assert peer.start() == first
    world.station("S2").start(GOOD)  # refused there, and no reason to refuse it here now
    assert peer.start() == first
    assert len(world.books.starts) == 2


@pytest.mark.parametrize(
    "difference", [{"id_tag": OTHER}, {"connector": 2}, {"meter": 1}, {"at": "2027-01-15T08:00:01Z"}]
)
def test_a_start_that_differs_in_anything_is_another(difference: dict[str, Any]) -> None:
    peer = World().station()
    assert peer.start()["transactionId"] != peer.start(**difference)["transactionId"]


def test_a_repeated_start_is_known_after_its_stop_and_after_our_restart() -> None:
    world = World()
    peer = world.station()
    number = peer.start()["transactionId"]
    peer.stop(number)
    assert peer.start()["transactionId"] == number
    assert world.central.state.open == {}, "what is over stays over"

    again = World(kept=Kept(life=2, stations=(StationRow("S1", registration="Accepted"),), badges=BADGES))
    again.books = world.books
    peer = again.station(boot=False)
    assert peer.start()["transactionId"] == number
    assert again.central.state.open == {}


def test_a_start_repeated_while_the_first_waits_for_the_disk_is_one() -> None:
    world = World()
    peer = world.station()
    world.disk = False
    idents = [peer.call("StartTransaction", START) for _ in range(2)]
    world.sync()
    first, second = (peer.answer_to(ident)[2] for ident in idents)
    assert first == second
    assert len(world.books.starts) == 1


def test_a_stop_that_overtakes_the_answer_of_a_repeated_start_ends_it_for_good() -> None:
    world = World()
    peer = world.station()
    number = peer.start()["transactionId"]
    world.disk = False
    peer.call("StartTransaction", START)
    peer.call("StopTransaction", {"transactionId": number, "meterStop": 9, "timestamp": "2027-01-15T09:00:00Z"})
    world.sync()
    assert world.central.state.open == {}


def test_a_number_that_is_taken_is_drawn_again() -> None:
    world = World(draw=counting())
    peer = world.station()
    peer.stop(peer.start()["transactionId"])
    world.central._desk = replace(world.central._desk, draw=counting())  # the dice begin anew: 1 is drawn again
    answer = peer.start(meter=7)
    assert answer["transactionId"] == 2
    assert len(world.books.starts) == 2


def register(peer: Peer, transaction: int, wh: str, at: str = "2027-01-15T08:01:00Z") -> None:
    payload: Any = meter_values(("Energy.Active.Import.Register", "", wh), transaction=transaction)
    payload["meterValue"][0]["timestamp"] = at
    peer.ask("MeterValues", payload)


LATER = "2027-01-15T10:00:00Z"


def test_4_8_a_new_start_supersedes_what_the_connector_had_open_at_its_last_known_register() -> None:
    world = World()
    peer = world.station()
    ghost, elsewhere = (peer.start(meter=100, connector=connector)["transactionId"] for connector in (1, 2))
    register(peer, ghost, "750")
    register(peer, ghost, "400", at="2027-01-15T08:00:30Z")
    number = peer.start(meter=0, at=LATER)["transactionId"]
    assert set(world.central.state.open) == {elsewhere, number}
    stop = world.books.stops[ghost]
    assert (stop.stop_wh, stop.stop_utc_s, stop.reason) == (750, UTC_S + 60, "Superseded")
    event = world.books.events[-1]
    assert (event.event, str(ghost) in event.text, str(number) in event.text) == ("superseded", True, True)


def test_4_8_without_meter_values_it_is_closed_where_it_began_and_a_fallen_register_is_no_energy() -> None:
    world = World()
    peer = world.station()
    first = peer.start(meter=100)["transactionId"]
    second = peer.start(meter=50, at=LATER)["transactionId"]
    register(peer, second, "7", at="2027-01-15T10:01:00Z")
    peer.start(meter=60, at="2027-01-15T11:00:00Z")
    assert [world.books.stops[number].stop_wh for number in (first, second)] == [100, 50]


@pytest.mark.parametrize("durable", [True, False])
def test_4_10_a_late_stop_of_a_superseded_transaction_wins(durable: bool) -> None:
    world = World()
    peer = world.station()
    ghost = peer.start()["transactionId"]
    world.disk = durable
    peer.call("StartTransaction", START | {"timestamp": LATER})
    stop = {"transactionId": ghost, "meterStop": 640, "timestamp": "2027-01-15T09:00:00Z", "reason": "PowerLoss"}
    for meter in (640, 999):
        peer.call("StopTransaction", stop | {"meterStop": meter})
    world.sync()
    told = world.books.stops[ghost]
    assert (told.stop_wh, told.reason) == (640, "PowerLoss")
    assert ghost not in world.central.state.open
    assert len(world.central.state.open) == 1


def test_4_8_a_start_told_again_supersedes_nothing_and_is_not_opened_again() -> None:
    world = World()
    peer = world.station()
    ghost = peer.start()
    number = peer.start(at=LATER)
    assert peer.start(at=LATER) == number
    assert peer.start()["transactionId"] == ghost["transactionId"]
    assert set(world.central.state.open) == {number["transactionId"]}
    assert [event.event for event in world.books.events].count("superseded") == 1
    place = world.central.state.stations["S1"].connectors[1]
    assert place.transaction == number["transactionId"], "the newer one occupies the connector"


def test_4_8_an_older_start_that_comes_late_supersedes_no_newer_one() -> None:
    world = World()
    peer = world.station()
    newer = peer.start(at=LATER)["transactionId"]
    older = peer.start()["transactionId"]
    peer.start(at=LATER)
    assert set(world.central.state.open) == {newer, older}, "nor does the newer one told again"
    assert world.books.stops == {}


def test_4_8_a_start_that_could_not_be_written_supersedes_when_it_is_told_again() -> None:
    world = World()
    peer = world.station()
    ghost = peer.start()["transactionId"]
    world.disk = False
    ident = peer.call("StartTransaction", START | {"timestamp": LATER})
    lost, world.held = world.held, []
    world.central.failed(lost[-1].token, world.now)
    world.sync()
    assert peer.answer_to(ident)[2] == "InternalError"
    assert ghost in world.central.state.open
    number = peer.start(at=LATER)["transactionId"]
    assert set(world.central.state.open) == {number}
    assert world.books.stops[ghost].reason == "Superseded"


def test_4_8_superseding_holds_over_our_restart() -> None:
    world = World()
    ghost = world.station().start(meter=100)["transactionId"]
    old = world.books.starts[ghost]
    samples = b'[{"value":"0.9","unit":"kWh"}]'
    metered = (MeterRow("S1", 1, ghost, UTC_S + 60, samples), MeterRow("S1", 1, ghost, UTC_S + 90, b"[]"))
    station = StationRow("S1", registration="Accepted")
    again = World(kept=Kept(2, (station,), (), (old,), BADGES, metered=metered))
    again.books = world.books
    again.station(boot=False).start(at=LATER)
    assert again.books.stops[ghost].stop_wh == 900
    last = World(kept=Kept(3, (station,), (), (), BADGES, superseded=(old,)))
    last.books = again.books
    last.station(boot=False).stop(ghost, meter=950)
    assert last.books.stops[ghost].stop_wh == 950


def test_4_8_a_number_drawn_again_supersedes_all_the_same() -> None:
    world = World(draw=counting())
    peer = world.station()
    ghost = peer.start()["transactionId"]
    peer.stop(peer.start(connector=2)["transactionId"])
    world.central._desk = replace(world.central._desk, draw=counting(2))  # 2 is taken
    number = peer.start(at=LATER)["transactionId"]
    assert (number, world.books.stops[ghost].reason) == (3, "Superseded")


@pytest.mark.parametrize("number", [-1, 0, 424242, 2**40])
def test_4_10_a_stop_of_an_unknown_transaction_is_confirmed_and_kept(number: int) -> None:
    world = World()
    peer = world.station()
    assert peer.stop(number, meter=77) == {}
    assert world.books.events[-1].event == "stop_unplaced"
    assert "77 Wh" in world.books.events[-1].text


def test_4_10_a_repeated_stop_changes_nothing() -> None:
    world = World()
    peer = world.station()
    number = peer.start()["transactionId"]
    peer.stop(number, meter=500, reason="Remote")
    assert peer.stop(number, meter=900, reason="Local") == {}
    assert (world.books.stops[number].stop_wh, world.books.stops[number].reason) == (500, "Remote")


def test_another_stations_transaction_is_untouched() -> None:
    world = World()
    owner, thief = world.station("S1"), world.station("S2")
    number = owner.start()["transactionId"]
    assert thief.stop(number) == {}
    assert number in world.central.state.open
    assert world.books.stops == {}
    owner.stop(number)
    assert world.books.stops[number].identity == "S1"


def test_4_10_transaction_data_is_kept_with_the_stop() -> None:
    world = World()
    peer = world.station()
    number = peer.start()["transactionId"]
    data = [{"timestamp": "2027-01-15T08:30:00Z", "sampledValue": [{"value": "100"}]}]
    peer.stop(number, transactionData=data)
    (row,) = world.books.meter_values
    assert (row.transaction, row.connector, json.loads(row.samples)) == (number, 1, [{"value": "100"}])


# --- metering (4.7, 9) ------------------------------------------------------------------------------------------------


def test_4_7_meter_values_told_twice_are_kept_once() -> None:
    world = World()
    peer = world.station()
    for value in ("230", "230", "231"):
        assert peer.ask("MeterValues", meter_values(("Voltage", "", value))) == {}
    assert len(world.books.meter_values) == 2, "the same samples once; others of the same instant are not lost"


@pytest.mark.parametrize(
    ("samples", "power_w"),
    [
        ([("Power.Active.Import", "", "7200")], 7200),
        ([("Power.Active.Import", phase, "2300") for phase in ("L1", "L2", "L3")], 6900),
        ([("Current.Import", "L1", "10"), ("Current.Import", "L2", "5"), ("Voltage", "L1-N", "230"),
          ("Voltage", "L2", "230")], 3450),
        ([("Power.Active.Import", "", "nan")], None),
    ],
)  # fmt: skip
def test_live_power_is_told_or_worked_out(samples: list[tuple[str, str, str]], power_w: float | None) -> None:
    world = World()
    peer = world.station()
    peer.ask("MeterValues", meter_values(*samples))
    assert world.central.state.stations["S1"].connector(1).live.power_w == power_w


def test_meter_values_that_come_late_are_kept_but_not_shown_as_now() -> None:
    world = World()
    peer = world.station()
    late = meter_values(("Power.Active.Import", "", "11000"))
    late["meterValue"][0]["timestamp"] = "2020-01-01T00:00:00Z"  # type: ignore[index]
    peer.ask("MeterValues", meter_values(("Power.Active.Import", "", "7200")))
    peer.ask("MeterValues", late)
    assert world.central.state.stations["S1"].connector(1).live.power_w == 7200
    assert len(world.books.meter_values) == 2


def test_what_is_measured_at_the_inlet_or_signed_is_not_the_connectors_power() -> None:
    world = World()
    peer = world.station()
    told = meter_values(("Power.Active.Import", "", "22000"), ("Power.Active.Import", "", "99"))
    first, second = told["meterValue"][0]["sampledValue"]  # type: ignore[index]
    first["location"], second["format"] = "Inlet", "SignedData"
    peer.ask("MeterValues", told)
    assert world.central.state.stations["S1"].connector(1).live.power_w is None


# --- one call at a time (OCPP-J 4.1.1) --------------------------------------------------------------------------------


def clear_cache(peer: Peer, ticket: int) -> None:
    peer.world.central.command(peer.identity, commands.read("ClearCache", b""), ticket, peer.world.now)
    peer.world.drain()


def calls(peer: Peer) -> list[str]:
    return [frame[1] for frame in peer.frames if frame[0] == 2]


def test_j_4_1_1_the_second_command_waits_for_the_first_answer_and_stations_do_not_wait_for_each_other() -> None:
    world = World()
    peer, other = world.station("S1"), world.station("S2")
    clear_cache(peer, 1)
    clear_cache(peer, 2)
    clear_cache(other, 3)
    assert len(calls(peer)) == 1
    assert len(calls(other)) == 1
    assert peer.ask("Heartbeat", {}), "answered while our call is open"
    peer.send([3, calls(peer)[0], {"status": "Accepted"}])
    assert len(calls(peer)) == 2


def test_a_silent_station_is_given_up_and_its_late_answer_ignored_and_logged() -> None:
    world = World()
    peer = world.station()
    clear_cache(peer, 1)
    clear_cache(peer, 2)
    world.pass_time(30)
    assert world.outcomes[1].error == "Silent"
    first, second = calls(peer)
    peer.send([3, first, {"status": "Accepted"}])
    assert 2 not in world.outcomes
    assert any(isinstance(wish, Note) and wish.event == "frame_ignored" for wish in world.wishes)
    peer.send([3, second, {"status": "Rejected"}])
    assert world.outcomes[2].error == ""


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ([4, None, "NotSupported", "no", {}], "NotSupported"),
        ([3, None, {"status": "Maybe"}], "PropertyConstraintViolation"),
    ],
)
def test_an_error_and_an_invalid_answer_are_told_to_the_operator(answer: list[object], error: str) -> None:
    world = World()
    peer = world.station()
    clear_cache(peer, 1)
    peer.send([answer[0], calls(peer)[0], *answer[2:]])
    assert world.outcomes[1].error == error


def test_commands_to_an_absent_station_and_past_the_bound_end_at_once() -> None:
    world = World()
    peer = world.station()
    for ticket in range(WAITING_MAX + 2):
        clear_cache(peer, ticket)
    assert world.outcomes[WAITING_MAX + 1].error == "Busy"
    peer.cut()
    assert {world.outcomes[ticket].error for ticket in range(WAITING_MAX + 1)} == {"LinkLost"}
    clear_cache(peer, 99)
    assert world.outcomes[99].error == "Offline"
    assert world.central.next_wake() is None


def test_j_4_1_4_message_ids_never_repeat_over_our_restart() -> None:
    seen: set[str] = set()
    for life in (1, 2, 17):
        peer = World(kept=Kept(life=life)).station()
        for ticket in range(20):
            clear_cache(peer, ticket)
            peer.send([3, calls(peer)[-1], {"status": "Accepted"}])
        assert len(calls(peer)) == 20
        assert seen.isdisjoint(calls(peer))
        seen |= set(calls(peer))


# --- links ------------------------------------------------------------------------------------------------------------


def knock(world: World, ticket: int, identity: str = "S1", **more: object) -> None:
    world.central.knock(ticket, Knock(identity, ("ocpp1.6",), **more), world.now)  # type: ignore[arg-type]
    world.drain()


OPEN = Policy(accept_open_stations=True)


def verdicts(world: World) -> list[object]:
    return [wish for wish in world.wishes if isinstance(wish, Admit | Refuse | HangUp | Ping)]


def test_a_second_connection_is_refused_while_the_first_answers_a_ping() -> None:
    world = World(OPEN)
    world.station()
    knock(world, 1, peer="10.0.0.9")
    assert verdicts(world) == [Ping("S1")]
    knock(world, 2)
    assert [wish.status for wish in verdicts(world) if isinstance(wish, Refuse)] == [409]
    world.now += CHALLENGE_S - 0.1
    world.central.ponged("S1", world.now)
    world.drain()
    assert [wish.ticket for wish in verdicts(world) if isinstance(wish, Refuse)] == [2, 1]
    world.pass_time(60)
    assert not any(isinstance(wish, Admit | HangUp) for wish in verdicts(world))
    assert "10.0.0.9" in next(event.text for event in world.books.events if event.event == "security")


def test_a_second_connection_replaces_a_dead_one_and_commands_are_told() -> None:
    world = World(OPEN)
    peer = world.station()
    clear_cache(peer, 1)
    knock(world, 1)
    world.pass_time(CHALLENGE_S)
    kinds = [type(wish) for wish in verdicts(world)]
    assert kinds == [Ping, HangUp, Admit]
    assert world.outcomes[1].error == "LinkLost"
    peer.connect()
    assert peer.ask("Heartbeat", {})
    world.pass_time(60)
    assert [type(wish) for wish in verdicts(world)] == kinds


def test_any_frame_of_the_first_link_proves_that_it_lives_and_its_end_lets_the_newcomer_in() -> None:
    world = World(OPEN)
    peer = world.station()
    knock(world, 1)
    peer.ask("Heartbeat", {})
    assert [wish.ticket for wish in verdicts(world) if isinstance(wish, Refuse)] == [1]
    knock(world, 2)
    peer.cut()
    assert [wish.ticket for wish in verdicts(world) if isinstance(wish, Admit)] == [2]


def test_an_admitted_handshake_holds_the_place_until_it_opens_breaks_or_dawdles() -> None:
    world = World(OPEN)
    world.central.enrol(StationRow("S1"))
    knock(world, 1)
    knock(world, 2)
    assert [type(wish) for wish in verdicts(world)] == [Admit, Refuse]
    world.central.gave_up("S1", 1)
    knock(world, 3)
    world.pass_time(10)
    knock(world, 4)
    assert [wish.ticket for wish in verdicts(world) if isinstance(wish, Admit)] == [1, 3, 4]


def test_unknown_identities_are_refused_listed_and_written_rarely() -> None:
    world = World(OPEN)
    for ticket in range(100):
        knock(world, ticket, "STRANGER", peer="10.0.0.9")
    assert {wish.status for wish in verdicts(world) if isinstance(wish, Refuse)} == {404}
    (row,) = world.central.state.refused.values()
    assert (row.identity, row.peer, row.count) == ("STRANGER", "10.0.0.9", 100)
    assert sum(isinstance(wish, Store) for wish in world.wishes) == 7, "at 1, 2, 4 ... 64"
    for ticket in range(REFUSED_MAX + 5):
        knock(world, ticket, f"GUESS-{ticket}")
    assert len(world.central.state.refused) == REFUSED_MAX
    assert "STRANGER" not in world.central.state.stations


@pytest.mark.parametrize("identity", ["", "x" * 256, "A\nB", "A\x1b[2J"])
def test_identities_that_could_forge_a_log_line_are_refused(identity: str) -> None:
    world = World(Policy(accept_unknown_stations=True, accept_open_stations=True))
    knock(world, 1, identity)
    assert [wish.status for wish in verdicts(world) if isinstance(wish, Refuse)] == [404]


def test_whoever_comes_is_let_in_where_the_operator_says_so() -> None:
    world = World(Policy(accept_unknown_stations=True, accept_open_stations=True))
    knock(world, 1, "STRANGER")
    assert verdicts(world) == [Admit(1)]


def test_a_whole_fleet_is_let_in_by_a_pattern_and_one_password() -> None:
    """White paper, A00.FR.203: the password is asked for at each knock, and a station's own goes before it."""
    shared = roster.hash_password(b"one for the fleet", b"salt")
    world = World(Policy(admit=("FLEET-*",), admit_password_hash=shared))

    def verdict(ticket: int, identity: str, password: bytes | None) -> object:
        knock(world, ticket, identity, user=identity, password=password)
        return verdicts(world)[-1]

    assert verdict(1, "FLEET-1", b"one for the fleet") == Admit(1)
    assert isinstance(verdict(2, "FLEET-2", b"another"), Refuse)
    assert isinstance(verdict(3, "FLEET-3", None), Refuse)
    assert isinstance(verdict(4, "OTHER-1", b"one for the fleet"), Refuse)
    world.central.set_password("FLEET-5", b"a password of its own")
    assert isinstance(verdict(5, "FLEET-5", b"one for the fleet"), Refuse)
    assert verdict(6, "FLEET-5", b"a password of its own") == Admit(6)


def test_a_pattern_without_a_password_lets_nobody_in_where_others_can_connect() -> None:
    world = World(Policy(admit=("FLEET-*",)))
    knock(world, 1, "FLEET-1")
    assert [wish.status for wish in verdicts(world) if isinstance(wish, Refuse)] == [401]


def test_badges_of_a_pattern_are_accepted_and_the_table_goes_before_it() -> None:
    world = World(Policy(accept_badges=("FLEET*",)))
    world.central.put_badge(BadgeRow("FLEET00002", "Blocked"))
    peer = world.station()
    told = [peer.ask("Authorize", {"idTag": tag})["idTagInfo"]["status"] for tag in ("FLEET00001", "FLEET00002", "X")]
    assert told == ["Accepted", "Blocked", "Invalid"]


def test_a_station_without_password_is_refused_unless_open_ones_are_accepted() -> None:
    world = World()
    world.central.enrol(StationRow("S1"))
    knock(world, 1)
    assert [wish.status for wish in verdicts(world) if isinstance(wish, Refuse)] == [401]


def test_passwords_are_kept_as_salted_hashes_and_the_user_must_be_the_identity() -> None:
    world = World()
    world.central.set_password("S1", b"secret-key")
    world.central.set_password("S2", b"secret-key")
    stored = [world.central.state.stations[name].row.password_hash for name in ("S1", "S2")]
    assert stored[0] != stored[1]
    assert "secret-key" not in "".join(stored)
    knock(world, 1, user="S2", password=b"secret-key")
    knock(world, 2, user="S1", password=b"secret-key")
    assert [type(wish) for wish in verdicts(world)] == [Refuse, Admit]


# --- bytes from a peer ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ([2, "x", "NoSuchThing", {}], "NotImplemented"),
        ([2, "x", "Reset", {"type": "Hard"}], "NotSupported"),
        ([2, "x", "Heartbeat", {"a": 1}], "FormationViolation"),
        ([2, "x", "Authorize", {}], "OccurenceConstraintViolation"),
        (b"\xff\xfe", None),
        (b"[3", None),
        ([5, "x"], None),
    ],
)
def test_bad_frames_are_refused_or_ignored_and_the_conversation_goes_on(frame: object, code: str | None) -> None:
    world = World()
    peer = world.station()
    before = len(peer.frames)
    peer.send(frame)
    assert [answer[2] for answer in peer.frames[before:]] == ([code] if code else [])
    assert peer.ask("Heartbeat", {})


def test_frames_are_logged_both_ways_and_can_be_filtered() -> None:
    world = World()
    peer = world.station()
    peer.ask("Heartbeat", {})
    clear_cache(peer, 1)
    peer.send([4, calls(peer)[0], "InternalError", "", {}])
    log = world.central.frames
    assert [(frame.direction, frame.kind) for frame in log.frames("S1", action="heartbeat")] == [
        ("cp-to-csms", "CALL"),
        ("csms-to-cp", "CALLRESULT"),
    ]
    (error,) = log.frames("S1", errors=True)
    assert (error.action, error.kind) == ("ClearCache", "CALLERROR")
    assert log.frames("S1", after=error.number) == []
    assert world.central.utc_s(100.0) == UTC_S
    assert sum(isinstance(wish, Send) for wish in world.wishes) == len(log.frames("S1", direction="csms-to-cp"))


def test_a_new_visit_does_not_show_the_power_of_the_one_before() -> None:
    world = World()
    peer = world.station()
    first = peer.start(at="2027-01-15T08:00:00Z")["transactionId"]
    sample = {"value": "7200", "measurand": "Power.Active.Import", "unit": "W"}
    peer.ask(
        "MeterValues",
        {"connectorId": 1, "meterValue": [{"timestamp": "2027-01-15T08:01:00Z", "sampledValue": [sample]}]},
    )
    peer.stop(first)
    peer.status("Charging")
    peer.start(at="2027-01-15T09:00:00Z")
    shown = views.connector(world.central, world.central.state.stations["S1"].connector(1))
    assert (shown.status, shown.power_w) == ("Charging", None)
