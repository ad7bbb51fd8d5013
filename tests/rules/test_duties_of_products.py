"""Duties of a product that no other file of rules is about, each as the central system or a driver meets it."""

import msgspec
import pytest

from chargepost import signals as sig
from chargepost.catalogue.load import releases
from chargepost.ocpp import messages
from tests.rules.rig import TAG, Rig, info

LINES = ["evlink-smart-wallbox", "evlink-parking", "evlink-city", "evlink-pro-dc", "schneider-charge", "evlink-pro-ac"]
EVLINK = [f"{line}@{release}" for line in LINES[:3] for release in ("R4", "R5", "R6", "R7")]
CHARGE, DC = "schneider-charge", "evlink-pro-dc"


def idle(model: str, **settings: str) -> Rig:
    rig = Rig(model, settings=settings)
    rig.run(3)
    rig.forget()
    return rig


def test_r_001_six_product_lines() -> None:
    assert sorted(releases()) == sorted(LINES)


@pytest.mark.parametrize("model", EVLINK)
def test_r_017_every_evlink_release_speaks_1_6_over_json(model: str) -> None:
    rig = Rig(model)
    rig.run(3)
    assert rig.dials[0][1].subprotocols == ("ocpp1.6",)
    assert rig.calls()[0] == "BootNotification"


@pytest.mark.parametrize("model", LINES)
def test_r_058_r_073_what_every_product_sends_in_a_charge(model: str) -> None:
    """R-066: each status with its time stamp."""
    rig = Rig(model, settings={"MeterValueSampleInterval": "60"})
    rig.run(3)
    rig.plug()
    if rig.model.authentication.reader:
        rig.badge()
    else:
        rig.ask(messages.RemoteStartTransaction(id_tag=TAG, connector_id=1))
    rig.run(130)
    rig.tell(sig.StopAsked(1))
    rig.run(5)
    wanted = {"BootNotification", "StatusNotification", "Authorize", "StartTransaction", "MeterValues"}
    assert wanted | {"StopTransaction"} <= {call.partition(" ")[0] for call in rig.calls()} | {"StatusNotification"}
    assert all(told.timestamp is not msgspec.UNSET for told in rig.said("StatusNotification"))


def test_r_026_a_new_address_of_the_charge_is_dialled_at_once_and_has_199_characters_at_most() -> None:
    rig = idle(CHARGE)
    before = len(rig.dials)
    address = "wss://other.example/" + "x" * 179
    assert len(address) == 199
    assert rig.change("SupervisionUrl", address + "x") == "Rejected"
    assert rig.change("SupervisionUrl", address) == "Accepted"
    rig.run(1)
    assert [dial.url.startswith(address) for _, dial in rig.dials[before:]] == [True]


def test_r_037_the_charge_pings_each_minute_and_0_is_never() -> None:
    rig = idle(CHARGE)
    rig.run(600)
    assert len(rig.wished(sig.SendPing)) == 10
    assert rig.change("WebSocketPingInterval", "0") == "Accepted"
    rig.forget()
    rig.run(600)
    assert rig.wished(sig.SendPing) == []


def test_r_106_at_the_charge_a_plug_is_waited_for_without_end() -> None:
    rig = idle(CHARGE)
    rig.ask(messages.RemoteStartTransaction(id_tag=TAG, connector_id=1))
    rig.run(86_400)
    assert rig.view.status == "Preparing"
    rig.plug()
    rig.run(10)
    assert rig.power()


@pytest.mark.parametrize(
    ("unknown", "local", "cache", "starts"),
    [
        ("true", "true", "false", {"known": True, "unknown": True}),
        ("false", "true", "true", {"known": True, "unknown": False}),
        ("false", "false", "true", {"known": False, "unknown": False}),
    ],
    ids=["allow all", "cache only", "reject all"],
)
def test_r_123_r_124_r_126_offline_strategies_of_the_pro_dc(
    unknown: str, local: str, cache: str, starts: dict[str, bool]
) -> None:
    for badge, expected in starts.items():
        rig = idle(DC, AllowOfflineTxForUnknownId=unknown, LocalAuthorizeOffline=local, AuthorizationCacheEnabled=cache)
        rig.tell(sig.BadgeCached("known", "Accepted"))
        rig.cut()
        rig.plug()
        rig.badge(badge)
        rig.run(10)
        assert rig.power() is expected, badge


def test_r_091_at_the_pro_dc_the_operator_decides_on_badges_and_remote_starts() -> None:
    rig = idle(DC)
    rig.answers["Authorize"] = messages.AuthorizeResponse(id_tag_info=info("Blocked"))
    rig.plug()
    rig.badge()
    rig.run(5)
    assert not rig.power()
    rig.ask(messages.RemoteStartTransaction(id_tag=TAG, connector_id=1))
    rig.run(5)
    assert (rig.power(), len(rig.said("Authorize"))) == (False, 2)
    del rig.answers["Authorize"]
    rig.badge("ANOTHER")
    rig.run(5)
    assert rig.power()


def test_r_144_at_the_pro_dc_there_is_nothing_to_unlock() -> None:
    rig = idle(DC)
    assert rig.ask(messages.UnlockConnector(connector_id=1)).status == "NotSupported"


@pytest.mark.parametrize("model", [line for line in LINES if line != CHARGE])
def test_r_147_the_cache_can_be_cleared(model: str) -> None:
    rig = idle(model)
    rig.own(AuthorizationCacheEnabled="true")
    rig.tell(sig.BadgeCached("known", "Accepted"))
    assert rig.ask(messages.ClearCache()).status == "Accepted"
    assert rig.station.authorization.cache == {}
