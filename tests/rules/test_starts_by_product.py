"""How a charge starts where a product has rules of its own: Pro DC's tables, Schneider Charge without a reader."""

import pytest

from chargepost import signals as sig
from chargepost.ocpp import messages
from tests.rules.rig import CAR, SILENCE, TAG, Rig, info, utc

DC, CHARGE, AC = "evlink-pro-dc", "schneider-charge", "evlink-pro-ac"

BOTH = pytest.mark.parametrize("connector", [None, 1], ids=["without connector id", "with connector id"])


def idle(model: str, **settings: str) -> Rig:
    rig = Rig(model, settings=settings)
    rig.run(3)
    rig.forget()
    return rig


def plug(rig: Rig, *connectors: int) -> None:
    for connector in connectors:
        rig.plug(connector=connector)


def remote(rig: Rig, connector: int | None = None) -> str:
    extra = {} if connector is None else {"connector_id": connector}
    status: str = rig.ask(messages.RemoteStartTransaction(id_tag=TAG, **extra)).status  # type: ignore[arg-type]
    rig.run(10)
    return status


def started(rig: Rig) -> list[int]:
    """The connectors of the transactions begun."""
    return [p.connector_id for p in rig.said("StartTransaction")]


def verdicts(rig: Rig) -> list[tuple[bool, str]]:
    return [(judged.accepted, judged.why) for judged in rig.wished(sig.BadgeJudged)]


# --- Pro DC: remote start --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("connector", [1, 2])
def test_r_111_with_connector_id_and_plugged_the_charge_starts(connector: int) -> None:
    rig = idle(DC)
    plug(rig, 1, 2)
    assert remote(rig, connector) == "Accepted"
    assert started(rig) == [connector]
    assert rig.station.view(rig.now).connectors[connector - 1].contactor


def test_r_112_with_connector_id_not_plugged_it_is_rejected_while_the_key_is_false() -> None:
    rig = idle(DC, EnableRemoteStartNoConnectedEV="false")
    plug(rig, 2)
    assert remote(rig, 1) == "Rejected"
    plug(rig, 1)
    rig.run(130)
    assert started(rig) == []


@BOTH
def test_r_113_r_116_not_plugged_it_waits_two_minutes_for_the_car(connector: int | None) -> None:
    rig = idle(DC)
    assert rig.value("EnableRemoteStartNoConnectedEV") == "true"
    assert remote(rig, connector) == "Accepted"
    rig.run(105)
    assert started(rig) == []
    plug(rig, 1)
    rig.run(10)
    assert started(rig) == [1]


@BOTH
def test_r_113_r_116_after_two_minutes_the_request_is_dropped(connector: int | None) -> None:
    """Q-098: the two minutes are ConnectionTimeOut."""
    rig = idle(DC)
    assert remote(rig, connector) == "Accepted"
    rig.run(111)
    assert rig.statuses(1)[-1:] in ([], ["Available"])
    plug(rig, 1)
    rig.run(20)
    assert started(rig) == []
    assert rig.change("ConnectionTimeOut", "30") == "Accepted"


@pytest.mark.parametrize("connector", [0, 3, 99])
def test_r_114_an_incorrect_connector_id_is_rejected(connector: int) -> None:
    rig = idle(DC)
    plug(rig, 1, 2)
    assert remote(rig, connector) == "Rejected"
    assert started(rig) == []


@pytest.mark.parametrize(("plugged", "charges"), [((1,), 1), ((2,), 2), ((1, 2), 1), ((2, 1), 1)])
def test_r_115_without_connector_id_the_plugged_one_starts_and_of_two_the_first(
    plugged: tuple[int, ...], charges: int
) -> None:
    rig = idle(DC)
    plug(rig, *plugged)
    assert remote(rig) == "Accepted"
    assert started(rig) == [charges]


def test_r_116_without_connector_id_and_car_it_is_rejected_while_the_key_is_false() -> None:
    rig = idle(DC)
    assert rig.change("enableremotestartnoconnectedev", "false") == "Accepted"
    assert remote(rig) == "Rejected"
    plug(rig, 1)
    rig.run(10)
    assert started(rig) == []
    assert remote(rig) == "Accepted"
    assert started(rig) == [1]


# --- Pro DC: local start ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("connector", [1, 2])
def test_r_096_one_plugged_it_charges_after_the_badge(connector: int) -> None:
    rig = idle(DC)
    rig.tell(sig.ScreenTouched(3 - connector))
    plug(rig, connector)
    rig.badge()
    rig.run(10)
    assert started(rig) == [connector]


@pytest.mark.parametrize(("touched", "charges"), [((), 1), ((2,), 2), ((2, 1), 1), ((2, 3), 2)])
def test_r_097_both_plugged_it_charges_at_the_connector_on_the_screen(touched: tuple[int, ...], charges: int) -> None:
    rig = idle(DC)
    plug(rig, 1, 2)
    for connector in touched:
        rig.tell(sig.ScreenTouched(connector))
    rig.badge()
    rig.run(10)
    assert started(rig) == [charges]


def test_r_097_the_screen_says_whose_charge_a_badge_ends() -> None:
    rig = idle(DC)
    plug(rig, 1, 2)
    rig.badge()
    rig.run(10)
    rig.tell(sig.ScreenTouched(2))
    rig.badge("OTHER")
    rig.run(10)
    assert started(rig) == [1, 2]
    rig.badge("OTHER")
    rig.run(5)
    assert [p.transaction_id for p in rig.said("StopTransaction")] == [502]


def test_r_098_none_plugged_the_badge_is_not_taken() -> None:
    rig = idle(DC)
    rig.badge()
    assert verdicts(rig) == [(False, "no connector is plugged in: the screen stays on the Welcome page")]
    assert not rig.said("Authorize")
    plug(rig, 1)
    rig.run(10)
    assert started(rig) == []


def test_r_098_a_screen_of_a_connector_without_a_car_takes_none_either() -> None:
    rig = idle(DC)
    plug(rig, 1)
    rig.badge(connector=2)
    assert [accepted for accepted, _ in verdicts(rig)] == [False]


# --- free charging ---------------------------------------------------------------------------------------------------


def test_r_092_free_charging_of_the_pro_dc_asks_with_the_default_tag() -> None:
    rig = idle(DC, AuthenticationOCPPMode="false")
    plug(rig, 2)
    rig.run(10)
    assert [p.id_tag for p in rig.said("Authorize")] == ["SIMTAG"]
    assert [(p.connector_id, p.id_tag) for p in rig.said("StartTransaction")] == [(2, "SIMTAG")]


def test_r_092_a_refused_default_tag_charges_nobody_and_is_asked_once_a_visit() -> None:
    rig = idle(DC, AuthenticationOCPPMode="false", DefaultIdTag="GUEST")
    rig.answers["Authorize"] = messages.AuthorizeResponse(id_tag_info=info("Blocked"))
    plug(rig, 1)
    rig.run(30)
    assert (len(rig.said("Authorize")), started(rig)) == (1, [])
    rig.unplug()
    plug(rig, 1)
    rig.run(30)
    assert [p.id_tag for p in rig.said("Authorize")] == ["GUEST", "GUEST"]


def test_r_092_who_left_before_the_answer_charges_nothing() -> None:
    rig = idle(DC, AuthenticationOCPPMode="false")
    rig.answers["Authorize"] = SILENCE
    plug(rig, 1)
    rig.unplug()
    rig.run(60)
    assert rig.view.status == "Available"
    assert started(rig) == []


def test_r_092_offline_free_charging_goes_on() -> None:
    rig = idle(DC, AuthenticationOCPPMode="false")
    rig.cut()
    plug(rig, 1)
    rig.run(10)
    assert rig.power()


def test_r_093_free_charging_of_the_pro_ac_asks_nobody() -> None:
    rig = idle(AC, AuthenticationOCPPMode="false")
    plug(rig, 1)
    rig.run(10)
    assert not rig.said("Authorize")
    assert rig.last("StartTransaction").id_tag == "18237379292"


def test_q_099_a_badge_is_ignored_while_the_pro_dc_charges_freely() -> None:
    rig = idle(DC, AuthenticationOCPPMode="false")
    rig.answers["Authorize"] = messages.AuthorizeResponse(id_tag_info=info("Invalid"))
    plug(rig, 1)
    rig.badge()
    rig.run(10)
    assert (False, "everybody charges freely here: badges are not asked for") in verdicts(rig)
    assert started(rig) == []


# --- Schneider Charge ------------------------------------------------------------------------------------------------


def test_r_011_there_is_no_reader_and_a_badge_is_refused_with_words() -> None:
    rig = idle(CHARGE)
    plug(rig, 1)
    rig.badge()
    assert verdicts(rig) == [(False, "there is no badge reader: charges are started by the supervision")]
    assert not rig.said("Authorize")


def test_r_095_online_a_plugged_car_waits_for_the_remote_start() -> None:
    rig = idle(CHARGE)
    plug(rig, 1)
    rig.run(3600)
    assert (started(rig), rig.view.status) == ([], "Preparing")
    assert remote(rig) == "Accepted"
    assert started(rig) == [1]


def test_r_131_standalone_plugging_in_starts_and_unplugging_stops() -> None:
    """Q-122: no SupervisionUrl is standalone."""
    rig = idle(CHARGE, SupervisionUrl="")
    plug(rig, 1)
    rig.run(10)
    assert rig.power()
    assert rig.view.transaction
    assert rig.view.transaction.id_tag == "FreeCharge"
    rig.hardware.unplug_car(1, rig.now)
    rig.run(5)
    assert not rig.power()
    assert [record.reason for record in rig.records.values()] == ["EVDisconnected"]


def test_r_131_the_factory_address_makes_no_station_supervised() -> None:
    rig = Rig(CHARGE, memory={"setting/metervaluesampleinterval": b'"60"'})
    plug(rig, 1)
    rig.run(10)
    assert (rig.dials, rig.power()) == ([], True)


def test_r_132_r_094_offline_plugging_in_starts_with_the_default_tag() -> None:
    rig = idle(CHARGE)
    rig.cut()
    plug(rig, 1)
    rig.run(10)
    assert rig.power()
    assert rig.view.transaction
    assert rig.view.transaction.id_tag == "FreeCharge"


def test_r_132_a_car_that_waits_for_its_remote_start_is_not_let_in_by_a_broken_link() -> None:
    rig = idle(CHARGE)
    plug(rig, 1)
    rig.cut()
    rig.run(600)
    assert rig.view.status == "Preparing"
    rig.unplug()
    plug(rig, 1)
    rig.run(10)
    assert rig.power()


def test_r_132_a_central_system_that_does_not_answer_yet_is_given_its_time() -> None:
    rig = Rig(CHARGE, start=False)
    rig.hardware.plug_in(1, CAR, rig.now)
    rig.start()
    rig.run(60)
    assert rig.view.status == "Preparing"
    rig = Rig(CHARGE, start=False)
    rig.reachable = False
    rig.hardware.plug_in(1, CAR, rig.now)
    rig.start()
    rig.run(60)
    assert rig.power()


def test_r_132_rejected_at_boot_is_offline() -> None:
    rig = Rig(CHARGE, start=False)
    rig.answers["BootNotification"] = lambda rig, _: messages.BootNotificationResponse(
        status="Rejected", current_time=utc(rig), interval=300
    )
    rig.start()
    plug(rig, 1)
    rig.run(10)
    assert rig.power()


@pytest.mark.parametrize("status", ["Accepted", "Blocked", "Invalid"])
def test_r_133_back_online_the_central_system_decides_on_the_running_charge(status: str) -> None:
    rig = idle(CHARGE)
    rig.answers["StartTransaction"] = messages.StartTransactionResponse(transaction_id=7, id_tag_info=info(status))
    rig.cut()
    plug(rig, 1)
    rig.run(100)
    began = rig.view.transaction
    rig.mend()
    assert began
    assert [(p.id_tag, p.timestamp.timestamp()) for p in rig.said("StartTransaction")] == [
        ("FreeCharge", began.start_utc_s)
    ]
    if status == "Accepted":
        assert rig.power()
        assert not rig.said("StopTransaction")
    else:
        assert not rig.power()
        assert [p.reason for p in rig.said("StopTransaction")] == ["DeAuthorized"]


def test_r_132_what_was_stopped_offline_does_not_start_again_by_itself() -> None:
    rig = idle(CHARGE)
    rig.cut()
    plug(rig, 1)
    rig.run(20)
    rig.tell(sig.StopAsked(1))
    rig.run(60)
    assert not rig.power()
    assert rig.view.transaction is None


def test_r_132_who_was_seen_by_the_central_system_once_waits_for_it() -> None:
    """Plugged in before the link was there, online since: a break of the link is no reason to start."""
    rig = Rig(CHARGE, start=False)
    rig.hardware.plug_in(1, CAR, rig.now)
    rig.start()
    rig.run(60)
    rig.cut()
    rig.run(600)
    assert rig.view.status == "Preparing"


def test_r_132_the_first_dial_is_waited_for() -> None:
    rig = Rig(CHARGE, start=False)
    do = rig._do
    rig._do = lambda wish: None if isinstance(wish, sig.Dial) else do(wish)  # type: ignore[method-assign]
    rig.start()
    plug(rig, 1)
    rig.run(20)
    assert rig.view.status == "Preparing"
    rig.tell(sig.LinkDown("no answer"))
    rig.run(10)
    assert rig.power()
