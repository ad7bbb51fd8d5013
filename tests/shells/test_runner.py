"""The carrier: a real station against the real central system over a real WebSocket, sixty times faster."""

import asyncio
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from tests.patience import PATIENCE_S
from tests.shells.rig import BADGE, SPEED, Rig, rigged, until

from chargepost import signals as sig
from chargepost.drivers.simulated import CARS, SimulatedStation
from chargepost.ocpp import messages as m
from chargepost.records.ledger import recall
from chargepost.run.clock import Clock
from chargepost.run.frames import Frames
from chargepost.run.kept import Outside
from chargepost.run.line import Line, LinkFaults
from chargepost.run.runner import StationHost
from chargepost.station.pilot import CONTACTOR_WAIT_S
from chargepost.supervision.ledger import Transaction

MODELS = pytest.mark.parametrize("model", ["evlink-pro-ac", "evlink-smart-wallbox"])


async def charging(rig: Rig, model: str = "evlink-pro-ac", identity: str = "S-1") -> StationHost:
    """A station that has begun to charge."""
    host = rig.station(model, identity)
    await booted(rig, host)
    assert host.plug_in(1, CARS["Compact"])
    host.present_badge(BADGE, 1)
    await rig.until(lambda: host.view().connectors[0].power_w > 1000, "power flows")
    return host


async def booted(rig: Rig, host: StationHost) -> None:
    await rig.until(lambda: host.view().link.boot == "Accepted", "the boot is accepted")


def energy_wh(host: StationHost) -> float:
    transaction = host.view().connectors[0].transaction
    return transaction.energy_wh if transaction else 0.0


async def ended(rig: Rig, host: StationHost) -> Transaction:
    """End the visit; the one record of it at the central system."""
    host.tell(sig.StopAsked(1))
    await rig.until(lambda: host.unplug(1), "the cable comes out")
    await rig.until(lambda: host.view().connectors[0].status == "Available", "the connector is free")
    await rig.until(lambda: not host.view().link.waiting_messages, "all is told")
    await rig.central.settled()
    (record,) = rig.central.ledger.transactions()
    return record


@MODELS
async def test_a_whole_visit_leaves_one_record_with_the_energy_of_the_meter(model: str) -> None:
    async with rigged() as rig:
        host = await charging(rig, model)
        await rig.until(lambda: energy_wh(host) > 300, "energy flows")
        record = await ended(rig, host)
        assert (record.identity, record.connector, record.id_tag, record.reason) == ("S-1", 1, BADGE, "Local")
        assert record.energy_wh is not None
        assert abs(record.energy_wh - host.view().connectors[0].energy_wh) <= 1
        statuses = [what.new for _, what in rig.happened if isinstance(what, sig.StatusChanged)]
        assert statuses[-1] == "Available"
        assert "Charging" in statuses


async def test_who_was_held_up_takes_what_has_happened_before_what_is_overdue(monkeypatch: pytest.MonkeyPatch) -> None:
    """A computer that slept or is too busy: a contactor that has closed meanwhile is no discordant one."""
    async with rigged() as rig:
        do = SimulatedStation.do

        def held_up(hardware: SimulatedStation, wish: sig.Wish, now: float) -> None:
            do(hardware, wish, now)
            if isinstance(wish, sig.SwitchPower) and wish.on:
                rig.clock._start -= 2 * CONTACTOR_WAIT_S / SPEED

        monkeypatch.setattr(SimulatedStation, "do", held_up)
        host = await charging(rig)
        assert host.view().connectors[0].error == "NoError"


@pytest.mark.parametrize(("model", "reason"), [("evlink-pro-ac", "Local"), ("evlink-smart-wallbox", "PowerLoss")])
async def test_q_188_after_a_power_cut_the_transaction_goes_on_or_is_closed(model: str, reason: str) -> None:
    async with rigged() as rig:
        host = await charging(rig, model)
        await rig.until(lambda: energy_wh(host) > 300, "more than one sample is on disk")
        before_wh = host.view().connectors[0].energy_wh
        host.power_cycle(20)
        assert host.station is None
        assert host.view().link.state == "off"
        await booted(rig, host)
        assert host.view().connectors[0].energy_wh >= before_wh
        assert host.view().connectors[0].pilot != "A", "the car is still there"
        record = await ended(rig, host)
        assert record.reason == reason
        assert record.stop_wh is not None
        lost_wh = 200 if reason == "PowerLoss" else 1  # a charge that ends is billed up to its last sample on disk
        assert record.stop_wh >= before_wh - lost_wh


async def test_a_power_cut_within_a_power_cut_does_not_bring_the_power_back_early() -> None:
    async with rigged() as rig:
        host = rig.station("evlink-pro-ac", "S-1")
        await booted(rig, host)
        host.power_cycle(5)
        host.power_cycle(60)
        back_at = rig.clock.now() + 60
        await rig.until(lambda: host.hardware.powered, "the power is back")
        assert rig.clock.now() >= back_at


async def test_a_process_that_ends_in_mid_charge_goes_on_at_its_next_start(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        host = await charging(rig)
        await rig.until(lambda: energy_wh(host) > 300, "more than one sample is on disk")
        soc = host.hardware.connector(1).soc
        kept = msgspec.json.decode(recall(rig.journal, "S-1")["world/1"], type=Outside)
        assert kept.energy_wh > 0, "kept with the reading, not only at the end"
        assert kept.car
        assert (kept.soc_percent or 0.0) > kept.car.soc_percent, "the battery as it is now"
    left_wh = host.hardware.connector(1).energy_wh
    async with rigged(tmp_path) as rig:
        host = rig.station("evlink-pro-ac", "S-1")
        outlet = host.hardware.connector(1)
        assert outlet.energy_wh >= left_wh
        assert outlet.soc == pytest.approx(soc, abs=1)
        assert outlet.locked, "the lock stays where it was"
        await rig.until(lambda: host.view().connectors[0].transaction is not None, "the transaction is known")
        record = await ended(rig, host)
        assert record.start_wh == 0
        assert record.stop_wh is not None
        assert record.stop_wh >= int(left_wh)


@pytest.mark.slow
async def test_p1_after_a_write_that_the_store_dropped_nothing_counts_as_kept(tmp_path: Path) -> None:
    """Later pieces are durable, and their acknowledgement speaks for all before: no power flows for the one that is
    not on disk."""
    async with rigged(tmp_path) as rig:
        host = rig.station("evlink-pro-ac", "S-1")
        await booted(rig, host)
        assert rig.journal.path
        with closing(sqlite3.connect(rig.journal.path)) as other:
            other.execute(
                "CREATE TRIGGER wrong BEFORE INSERT ON memory WHEN NEW.key LIKE 'transaction/%' "
                "BEGIN SELECT RAISE(ABORT, 'wrong in itself'); END"
            )
        assert host.plug_in(1, CARS["Compact"])
        host.present_badge(BADGE, 1)
        await rig.until(lambda: host.view().connectors[0].transaction is not None, "it would charge")
        later = asyncio.Event()
        host.tell(sig.SettingChanged("MeterValueSampleInterval", "61", "the owner"))
        host._put({"beside": b"1"}, later.set)
        async with asyncio.timeout(PATIENCE_S):
            await later.wait()
        assert recall(rig.journal, "S-1")["setting/metervaluesampleinterval"] == b'"61"', "a later piece is on disk"
        assert host.station
        assert not host.station.connectors[0].power_wanted


async def test_a_pulled_network_cable_is_found_out_and_nothing_is_lost_or_told_twice() -> None:
    async with rigged() as rig:
        host = await charging(rig)
        host.tell(sig.SettingChanged("WebSocketPingInterval", "30"))
        host.faults.set(cut=True)
        ten_minutes_on = rig.clock.now() + 600
        await rig.until(lambda: host.view().link.state != "open", "the silence is noticed")
        await rig.until(lambda: rig.clock.now() > ten_minutes_on, "ten minutes pass")
        assert host.view().link.waiting_messages >= 5
        host.faults.set(cut=False)
        await rig.until(lambda: host.view().link.state == "open", "it is connected again")
        await rig.until(lambda: not host.view().link.waiting_messages, "the backlog is told")
        record = await ended(rig, host)
        times = [row.measured_utc_s for row in rig.central.ledger.meter_values(record.transaction)]
        assert len(times) == len(set(times)) >= 10
        assert abs((record.energy_wh or 0) - host.view().connectors[0].energy_wh) <= 1


async def test_latency_delays_frames_and_keeps_their_order() -> None:
    async with rigged() as rig:
        host = rig.station("evlink-pro-ac", "S-1")
        await booted(rig, host)
        host.faults.set(latency_s=5.0)
        answer = await rig.central.command("S-1", m.TriggerMessage(requested_message="Heartbeat"))
        host.faults.set(latency_s=0.0)
        assert answer.payload == m.TriggerMessageResponse(status="Accepted")
        await rig.until(lambda: "Heartbeat" in actions(rig, host), "the beat comes")
        sent = [trace for trace in rig.carriage.frames.traces("S-1") if trace["action"] == "TriggerMessage"]
        assert [trace["messageType"] for trace in sent] == ["CALL", "CALLRESULT"]


class FarEnd:
    """The station's side of a line."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.happening = asyncio.Event()

    def line_up(self, line: Line, subprotocol: str) -> None: ...
    def line_ponged(self, line: Line) -> None: ...
    def line_down(self, line: Line, reason: str, status: int | None) -> None: ...
    def line_received(self, line: Line, data: bytes) -> None:
        self.heard.append(data)
        self.happening.set()


async def test_what_comes_after_a_latency_does_not_overtake_what_came_during_it() -> None:
    end, faults = FarEnd(), LinkFaults()
    line = Line(end, Clock(SPEED), faults)
    faults.set(latency_s=6.0)
    line.received(b"1")
    faults.set(latency_s=0.0)
    line.received(b"2")
    await until(lambda: len(end.heard) == 2, end.happening)
    assert end.heard == [b"1", b"2"]


def actions(rig: Rig, host: StationHost) -> list[str]:
    return [trace["action"] for trace in rig.carriage.frames.traces(host.identity)]


@pytest.mark.parametrize("kind", ["Soft", "Hard"])
async def test_5_14_a_reset_builds_the_station_anew(kind: m.ResetType) -> None:
    async with rigged() as rig:
        host = await charging(rig)
        first = host.station
        answer = await rig.central.command("S-1", m.Reset(type=kind))
        assert answer.payload == m.ResetResponse(status="Accepted")
        await rig.until(lambda: host.station not in (None, first), "it starts anew")
        await booted(rig, host)
        await rig.until(lambda: not host.view().link.waiting_messages, "all is told")
        await rig.central.settled()
        (record,) = rig.central.ledger.transactions()
        assert record.reason == f"{kind}Reset"


async def test_a_changed_key_outlives_the_process_until_the_start_asks_for_something_else(tmp_path: Path) -> None:
    async def heartbeat(asked: str | None, change: str | None) -> str:
        async with rigged(tmp_path) as rig:
            settings = {"MinimumStatusDuration": asked} if asked else {}
            host = rig.station("evlink-pro-ac", "S-1", settings)
            await booted(rig, host)
            if change:
                await rig.central.command("S-1", m.ChangeConfiguration(key="MinimumStatusDuration", value=change))
            answer = await rig.central.command("S-1", m.GetConfiguration(key=("MinimumStatusDuration",)))
            assert isinstance(answer.payload, m.GetConfigurationResponse)
            assert answer.payload.configuration_key
            return str(answer.payload.configuration_key[0].value)

    assert await heartbeat("3", None) == "3"
    assert await heartbeat("3", "7") == "7"
    assert await heartbeat("3", None) == "7", "the start asks for nothing new"
    assert await heartbeat("4", None) == "4"


async def test_a_fault_of_ours_in_one_station_stops_no_other() -> None:
    async with rigged(speed=600) as rig:
        sick, well = rig.station("evlink-pro-ac", "S-1"), rig.station("evlink-pro-ac", "S-2")
        await booted(rig, sick)
        await booted(rig, well)
        first = sick.station
        sick.tell(object())  # type: ignore[arg-type]  # no fact: the station cannot but fail
        assert sick.station is None
        assert well.view().link.boot == "Accepted"
        await rig.until(lambda: sick.station not in (None, first), "it starts anew")
        await booted(rig, sick)


async def test_a_machine_that_stalls_for_a_moment_is_no_fault_of_the_hardware() -> None:
    """What the hardware said in time counts, although the alarm that waits for it is as late."""
    async with rigged() as rig:
        host = rig.station("evlink-pro-ac", "S-1")
        await booted(rig, host)
        assert host.plug_in(1, CARS["Compact"])
        host.present_badge(BADGE, 1)
        assert host.station
        while ("contactor", 1) not in host.station.core.alarms:  # noqa: ASYNC110 - for 1 ms
            await asyncio.sleep(0)
        time.sleep(0.05)  # noqa: ASYNC251 - the loop stalls for three seconds of the world
        host.ring()
        assert host.view().connectors[0].contactor
        assert not [what.text for _, what in rig.happened if isinstance(what, sig.Note) and what.event == "fault"]


async def test_a_removed_station_says_and_does_nothing_more() -> None:
    async with rigged() as rig:
        host = await charging(rig)
        host.remove()
        said = len(rig.carriage.frames.traces("S-1"))
        later = rig.clock.now() + 120
        await rig.until(lambda: rig.clock.now() > later, "two minutes pass")
        assert host.station is None
        assert len(rig.carriage.frames.traces("S-1")) == said
        rig.hosts.clear()


async def test_the_trace_names_action_and_latency_of_answers_and_hides_secrets() -> None:
    async with rigged() as rig:
        host = rig.station("evlink-pro-ac", "S-1")
        await booted(rig, host)
        await rig.central.command("S-1", m.ChangeConfiguration(key="AuthorizationKey", value="00112233445566778899"))
        boot, answer, *_ = rig.carriage.frames.traces("S-1")
        assert (boot["direction"], boot["action"], boot["messageType"]) == ("cp-to-csms", "BootNotification", "CALL")
        assert (answer["action"], answer["messageId"]) == ("BootNotification", boot["messageId"])
        assert answer["meta"]["latencyMs"] >= 0
        assert "00112233445566778899" not in str(rig.carriage.frames.traces("S-1"))
        assert rig.carriage.frames.traces("S-1", after=2)[0]["meta"]["number"] == 3
        assert len(rig.carriage.frames.traces("S-1", limit=2)) == 2


def test_what_is_no_frame_is_traced_all_the_same() -> None:
    frames = Frames()
    for data in (b"", b"[", b"[3]", b'{"a":1}', b"\xff", b"[9,1,2]", b"[" * 100_000):
        frames.received("S-1", data, 0.0)
    assert [trace["raw"][:1] for trace in frames.traces("S-1")] == ["", "[", "[", "{", "\ufffd", "[", "["]


async def test_a_supervision_that_is_not_there_is_told_in_words() -> None:
    async with rigged() as rig:
        host = rig.station("evlink-pro-ac", "S-1", {})
        await booted(rig, host)
        port = rig.server.port
        await rig.server.close()
        await rig.until(lambda: "nothing listens" in host.view().link.error, "the reason is known")
        await rig.central.settled()
        rig.central.close()
        await rig.supervise(None, port)
        await booted(rig, host)


async def test_many_stations_share_a_process() -> None:
    async with rigged() as rig:
        hosts = [rig.station("evlink-smart-wallbox", f"S-{number}") for number in range(50)]
        await asyncio.gather(*(booted(rig, host) for host in hosts))
        assert len(rig.central.central.state.stations) == 50


async def test_p1_a_stop_in_good_order_keeps_the_register_of_a_running_charge(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        host = await charging(rig)
        await rig.until(lambda: energy_wh(host) > 20, "20 Wh drawn")
        host.remove()
        rig.journal.flush()
        drawn_wh = host.hardware.connector(1).energy_wh
        kept_wh = msgspec.json.decode(recall(rig.journal, "S-1")["meter/1"])["energy_wh"]
    assert 0 <= drawn_wh - kept_wh < 5, "a stop in good order costs what is drawn while it is done"


async def test_r_216_a_car_at_the_domestic_socket_stays_there_when_the_outlets_are_numbered_anew() -> None:
    async with rigged() as rig:
        host = rig.station("evlink-pro-ac/socket-domestic", "S-1")
        await booted(rig, host)
        assert host.plug_in(1, CARS["Compact"], outlet="TE")
        host.present_badge(BADGE, 1)
        await rig.until(lambda: host.view().connectors[0].power_w > 1000, "power flows")
        assert host.view().connectors[0].power_w < 2600, "10 A on one phase"
        host.tell(sig.SettingChanged("PlugNumberingMode", "1"))
        host.power_cycle(5)
        await rig.until(lambda: len(host.view().connectors) == 2, "each outlet has its number")
        assert [outlet.plugged for outlet in host.hardware.connectors] == [False, True]


async def test_r_078_a_remote_system_lets_somebody_in_through_the_carrier() -> None:
    async with rigged() as rig:
        host = rig.station("evlink-smart-wallbox", "S-1", {"authenticationManager": "1"})
        await booted(rig, host)
        assert host.plug_in(1, CARS["Compact"])
        host.authorize_remotely(BADGE, 1)
        await rig.until(lambda: host.view().connectors[0].power_w > 1000, "power flows")


async def test_a_key_that_was_turned_is_turned_in_the_next_process(tmp_path: Path) -> None:
    for locked in (True, False):
        async with rigged(tmp_path) as rig:
            host = rig.station("evlink-smart-wallbox/key", "S-1")
            await booted(rig, host)
            assert host.view().key_locked != locked
            host.press("key", locked)
            assert host.view().key_locked == locked


async def test_r_258_the_lamp_of_an_evlink_station_is_dark_for_30_s_at_a_restart() -> None:
    async with rigged() as rig:
        host = rig.station("evlink-smart-wallbox", "S-1")
        await booted(rig, host)
        outlet = host.hardware.connector(1)
        assert outlet.light == "green"
        asked_at = rig.clock.now()
        host.tell(sig.Restored())
        await rig.until(lambda: host.station is None, "its program has ended")
        assert outlet.light == "off"
        await rig.until(lambda: outlet.light == "green", "the lamp is on again")
        assert rig.clock.now() >= asked_at + 30
