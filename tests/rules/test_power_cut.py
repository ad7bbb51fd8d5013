"""The mains go away at every instant of a visit: nothing is lost or told twice (1.6, 3.7, 4.10; trap 42; Q-188)."""

from typing import Any

import msgspec
import pytest

from chargepost import signals as sig
from chargepost.ocpp import messages
from chargepost.station.connector import Transaction
from tests.rules.rig import ACCEPTED, PowerCut, Rig, two_connectors

MODELS = ["evlink-pro-ac", "evlink-smart-wallbox"]
RESTORE_S = 40


def fresh(model: str, *, cut_at: int | None = None) -> Rig:
    """A booted station that samples often; its central system knows a repeated StartTransaction."""
    rig = Rig(model)
    rig.own(RestoreTimeout=str(RESTORE_S), MeterValueSampleInterval="15", StopTxnMinimumDurationData="0")
    rig.own(StopTxnSampledData="Energy.Active.Import.Register")
    rig.run(2)
    known: dict[Any, int] = {}
    rig.answers["StartTransaction"] = lambda r, p: messages.StartTransactionResponse(
        transaction_id=known.setdefault((p.connector_id, p.id_tag, p.timestamp, p.meter_start), 700 + len(known)),
        id_tag_info=ACCEPTED,
    )
    rig.cut_at = None if cut_at is None else rig.done + cut_at
    return rig


def visit(rig: Rig) -> None:
    rig.plug()
    rig.badge()
    rig.run(50)
    rig.badge()
    rig.run(2)
    rig.unplug()


def wishes_of_a_visit(model: str) -> int:
    rig = fresh(model)
    before = rig.done
    visit(rig)
    return rig.done - before


def last_durable_wh(rig: Rig) -> int | None:
    kept = [msgspec.json.decode(raw, type=Transaction) for key, raw in rig.memory.items() if "transaction/" in key]
    return int(kept[0].last_wh) if kept else None


def cut_short(model: str, after: int) -> tuple[Rig, int | None]:
    """A visit whose mains go away after so many wishes, and come back 5 s later."""
    rig = fresh(model, cut_at=after)
    with pytest.raises(PowerCut):
        visit(rig)
    rig.cut_at = None
    return rig, last_durable_wh(rig)


def end(rig: Rig) -> None:
    """Whoever is there ends what runs and leaves."""
    if rig.view.transaction:
        rig.badge()
        rig.run(3)
    rig.run(10)
    if rig.hardware.connector(1).plugged:
        rig.unplug()
    rig.run(5)


def told(rig: Rig) -> list[Any]:
    """The transaction messages as the central system knows them: a repetition is the same message."""
    said = [
        f.payload
        for _, way, f in rig.frames
        if way == "sent" and getattr(f, "action", "") in ("StartTransaction", "MeterValues", "StopTransaction")
    ]
    return [p for n, p in enumerate(said) if p not in said[:n]]


def check(rig: Rig, where: str) -> list[sig.ChargeRecord]:
    """One start, one stop, one record of each transaction, in order, and nothing left behind."""
    messages_told = told(rig)
    kinds = [type(p).__name__ for p in messages_told]
    records = list(rig.records.values())
    assert kinds.count("StartTransaction") == kinds.count("StopTransaction") == len(records) <= 1, where
    assert rig.view.status == "Available", where
    left = [key for key in rig.memory if key.split("/")[0] in ("transaction", "outbox", "data", "number", "record")]
    assert left == [], where
    if records:
        (record,) = records
        assert (kinds[0], kinds[-1]) == ("StartTransaction", "StopTransaction"), where
        start, *samples, stop = messages_told
        assert {p.transaction_id for p in (*samples, stop)} == {700}, where
        assert (start.meter_start, stop.meter_stop) == (record.start_wh, record.stop_wh), where
        assert (record.delivered, record.transaction) == (True, 700), where
        stamps = [p.meter_value[0].timestamp for p in samples]
        assert stamps == sorted(stamps), where
        values = [int(p.meter_value[0].sampled_value[0].value) for p in samples]
        assert values == sorted(values), where
        assert all(record.start_wh <= v <= record.stop_wh for v in values), where
    return records


@pytest.mark.parametrize("model", MODELS)
def test_the_mains_go_away_after_every_wish_of_a_visit(model: str) -> None:
    """R-108: the Pro AC goes on after RestoreTimeout; the wallbox closes with PowerLoss at the last durable reading."""
    seen = set()
    for after in range(wishes_of_a_visit(model)):
        rig, durable_wh = cut_short(model, after)
        where = f"cut after wish {after}"
        rig.power_cycle()
        back_at = rig.now
        rig.run(RESTORE_S - 1)
        closed = [w for t, w in rig.wishes if t >= back_at and isinstance(w, sig.SwitchPower) and w.on]
        if durable_wh is None:
            rig.run(2)
        elif model == "evlink-pro-ac":
            assert not closed, f"{where}: power before RestoreTimeout"
            rig.run(20)
            assert rig.power(), f"{where}: it goes on"
        else:
            (record,) = rig.records.values()
            assert (record.reason, record.stop_wh) == ("PowerLoss", durable_wh), where
        end(rig)
        records = check(rig, where)
        seen |= {r.reason for r in records}
    assert seen == ({"Local"} if model == "evlink-pro-ac" else {"Local", "PowerLoss"})


def test_a_car_that_left_during_the_cut_ends_the_transaction_with_power_loss() -> None:
    """R-108, Q-188: after RestoreTimeout nobody is there to go on with."""
    ended = 0
    for after in range(wishes_of_a_visit("evlink-pro-ac")):
        rig, durable_wh = cut_short("evlink-pro-ac", after)
        rig.hardware.power_cut(rig.now)
        rig.hardware.unplug_car(1, rig.now)
        rig.power_cycle()
        rig.run(RESTORE_S + 5)
        if durable_wh is not None:
            (record,) = rig.records.values()
            assert record.reason == "PowerLoss", f"cut after wish {after}"
            assert record.stop_wh == int(rig.register_wh) >= durable_wh, "its meter still counts what was not kept"
            ended += 1
        end(rig)
        check(rig, f"cut after wish {after}")
    assert ended > 10


def test_cut_after_cut_loses_no_kept_reading() -> None:
    """Three cuts in one charge: transactionData keeps its readings, and nothing of them stays behind."""
    rig = fresh("evlink-pro-ac")
    rig.charge(seconds=40)
    for _ in range(3):
        rig.power_cycle()
        rig.run(RESTORE_S + 40)
    end(rig)
    check(rig, "three cuts")
    data = rig.last("StopTransaction").transaction_data
    samples = [p.meter_value[0].timestamp for p in told(rig) if isinstance(p, messages.MeterValues)]
    assert [v.timestamp for v in data][1:-1] == samples
    assert (data[0].sampled_value[0].context, data[-1].sampled_value[0].context) == (
        "Transaction.Begin", "Transaction.End",
    )  # fmt: skip


@pytest.mark.parametrize("model", MODELS)
def test_offline_messages_survive_the_cut_and_come_once_and_in_order(model: str) -> None:
    rig = fresh(model)
    rig.own(AllowOfflineTxForUnknownId="true", LocalAuthorizeOffline="true")
    rig.cut()
    rig.charge(seconds=60)
    rig.badge()
    rig.run(2)
    rig.power_cycle()
    rig.run(20)
    assert not told(rig)
    rig.mend()
    end(rig)
    check(rig, "offline")
    assert len(told(rig)) == 2 + 4


def test_q_188_a_resumed_charge_keeps_its_number_its_tag_and_its_start() -> None:
    rig = fresh("evlink-pro-ac")
    rig.charge(seconds=40)
    before = rig.view.transaction
    rig.power_cycle()
    rig.run(RESTORE_S + 60)
    after = rig.view.transaction
    assert before
    assert after
    assert (before.transaction, before.id_tag, before.start_wh) == (after.transaction, after.id_tag, after.start_wh)
    assert rig.statuses()[-3:] == ["SuspendedEVSE", "SuspendedEV", "Charging"]
    assert rig.ask(messages.RemoteStopTransaction(transaction_id=700)).status == "Accepted"
    rig.run(3)
    assert rig.last("StopTransaction").meter_stop == int(rig.register_wh)


def test_a_transaction_whose_connector_has_no_number_any_more_is_ended() -> None:
    """Two sockets become one connector at the next start; if the mains bring that, nobody can go on where 2 was."""
    rig = two_connectors()
    rig.own(MeterValueSampleInterval="10")
    rig.plug(connector=2)
    rig.badge()
    rig.run(25)
    assert rig.last("StartTransaction").connector_id == 2
    rig.own(PlugNumberingMode="0")
    rig.power_cycle()
    rig.run(20)
    assert len(rig.station.connectors) == 1
    (told,) = rig.said("StopTransaction")
    assert (told.transaction_id, told.reason) == (501, "PowerLoss")
    assert told.meter_stop == int(float(rig.said("MeterValues")[-1].meter_value[0].sampled_value[0].value))
    assert [r.connector for r in rig.records.values()] == [2]
    assert not any(key.startswith(("transaction/", "number/", "data/", "record/")) for key in rig.memory)


def test_a_resumed_charge_may_be_ended_while_it_waits() -> None:
    """By its badge, before RestoreTimeout is over."""
    rig = fresh("evlink-pro-ac")
    rig.charge(seconds=40)
    rig.power_cycle()
    rig.run(5)
    rig.badge()
    rig.run(2)
    assert rig.last("StopTransaction").reason == "Local"
    rig.unplug()
    check(rig, "ended while waiting")


@pytest.mark.parametrize("model", MODELS)
def test_a_cut_before_the_badge_forgets_the_visit_and_not_the_car(model: str) -> None:
    rig = fresh(model)
    rig.plug()
    rig.power_cycle()
    rig.run(5)
    assert rig.view.status == "Preparing"
    rig.badge()
    rig.run(10)
    assert rig.power()


@pytest.mark.parametrize("model", MODELS)
def test_nothing_is_promised_before_it_is_on_disk(model: str) -> None:
    """P9: with a slow disk the answer, the contactor and the message all wait; the rig's laws say so at each step."""
    rig = fresh(model)
    rig.disk = False
    assert (
        rig.ask(messages.ChangeConfiguration(key="stationName" if "wallbox" in model else "StationName", value="A"))
        is None
    )
    ident = f"cs-{rig.asks}"
    rig.write()
    rig.drain()
    assert rig.answer_to(ident, "ChangeConfiguration").status == "Accepted"
    rig.plug()
    rig.badge()
    rig.run(10)
    assert not rig.power()
    assert not rig.said("StartTransaction")
    rig.write()
    rig.run(1)
    assert rig.power()
    assert len(rig.said("StartTransaction")) == 1


@pytest.mark.parametrize("model", MODELS)
def test_a_charge_that_was_never_durable_never_was(model: str) -> None:
    rig = fresh(model)
    rig.disk = False
    rig.plug()
    rig.badge()
    rig.run(10)
    rig.disk = True
    rig.power_cycle()
    rig.run(10)
    assert not rig.records
    assert rig.view.status == "Preparing"


def test_a_new_sampling_interval_does_not_put_off_the_durable_reading() -> None:
    """What a power cut may cost is a minute of charging, however often the interval is changed."""
    rig = fresh("evlink-pro-ac")
    rig.own(MeterValueSampleInterval="60")
    rig.charge(seconds=61)
    for seconds in ("120", "300", "0"):
        rig.run(50)
        assert rig.change("MeterValueSampleInterval", seconds) == "Accepted"
        rig.run(9)
        most_w = 3 * 16 * 230 * 1.1
        assert rig.register_wh - (last_durable_wh(rig) or 0) <= most_w * 61 / 3600
