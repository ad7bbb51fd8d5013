"""OCPP-J 1.6, 3: what is dialled, with which credentials and patience; traps 9, 10 and 59."""

import pytest

from chargepost import signals as sig
from chargepost.ocpp import messages
from chargepost.station.conversation import password
from tests.rules.rig import SILENCE, Rig

MODELS = ["evlink-pro-ac", "evlink-smart-wallbox"]
both = pytest.mark.parametrize("model", MODELS)


def dial(rig: Rig) -> sig.Dial:
    rig.run(5)
    return rig.dials[-1][1]


def test_r_034_patience_of_the_pro_ac() -> None:
    """A connection attempt may take 5 to 60 s (default 5), a request 10 to 60 s (default 10)."""
    rig = Rig()
    assert dial(rig).timeout_s == 5
    assert [rig.change("WebsocketConnectionTimeout", v) for v in ("4", "61", "20")] == [
        "Rejected",
        "Rejected",
        "Accepted",
    ]
    assert [rig.change("WebsocketRequestTimeout", v) for v in ("9", "61", "30")] == ["Rejected", "Rejected", "Accepted"]
    rig.cut()
    rig.mend_at_once()
    assert dial(rig).timeout_s == 20
    rig.own(AllowOfflineTxForUnknownId="false")
    rig.answers["Authorize"] = SILENCE
    rig.badge()
    rig.run(28)
    assert not rig.wished(sig.BadgeJudged)
    rig.run(2)
    assert rig.wished(sig.BadgeJudged)


def test_r_046_self_signed_certificates_only_when_the_key_says_so() -> None:
    rig = Rig()
    assert dial(rig).accept_self_signed is False
    assert rig.change("SelfSignedCertificateAuthorized", "true") == "Accepted"
    rig.cut()
    rig.mend_at_once()
    assert dial(rig).accept_self_signed is True


@both
def test_q_187_no_printed_password_is_ever_sent(model: str) -> None:
    assert dial(Rig(model)).password is None


@both
def test_trap_9_only_what_can_be_spoken_is_offered(model: str) -> None:
    assert dial(Rig(model)).subprotocols == ("ocpp1.6",)


@pytest.mark.parametrize(("key", "sent"), [
    ("", None),
    ("0001020304050607FFFFFFFFFFFFFFFFFFFFFFFF", bytes.fromhex("0001020304050607ffffffffffffffffffffffff")),
    ("00" * 16, bytes(16)),
    ("0123456789abcdef", b"0123456789abcdef"),
    ("a plain password", b"a plain password"),
])  # fmt: skip
def test_trap_59_hex_of_the_right_length_is_bytes_the_rest_is_characters(key: str, sent: bytes | None) -> None:
    assert password(key) == sent


def test_a_station_that_is_refused_says_so_and_comes_back() -> None:
    rig = Rig(start=False)
    rig.reachable = False
    rig.start()
    rig.tell(sig.LinkDown("HTTP 401: wrong password", 401))
    view = rig.station.view(rig.now).link
    assert (view.state, view.error) == ("waiting", "HTTP 401: wrong password")
    rig.mend_at_once()
    assert rig.station.view(rig.now).link.state == "open"
    assert rig.station.view(rig.now).link.error == ""


def test_the_first_redial_is_drawn_and_each_further_one_comes_a_range_later() -> None:
    """OCPP-J 3.2: a good connection begins the back-off anew. The dice of the rig always show the middle."""
    rig = Rig()
    first_s = rig.model.transport.backoff_least_s + 0.5 * rig.model.transport.backoff_range_s
    for _ in range(2):
        lost_at, before = rig.now, len(rig.dials)
        rig.cut()
        rig.run(80)
        assert [at - lost_at for at, _ in rig.dials[before:]] == pytest.approx([first_s, first_s + 30, first_s + 60])
        rig.mend()


def test_no_address_no_dial() -> None:
    rig = Rig(settings={"SupervisionUrl": ""})
    rig.run(600)
    assert not rig.dials
    assert rig.station.view(rig.now).link.state == "off"


@both
def test_nothing_is_said_before_the_first_accepted_boot_and_a_charge_is_possible(model: str) -> None:
    """A station that was never heard charges as if offline, and tells it later with its own times."""
    rig = Rig(model, start=False)
    rig.reachable = False
    rig.start()
    rig.own(AllowOfflineTxForUnknownId="true", LocalAuthorizeOffline="true")
    rig.charge()
    rig.mend()
    assert rig.calls()[0] == "BootNotification"
    assert len(rig.said("StartTransaction")) == 1
    assert rig.ask(messages.RemoteStopTransaction(transaction_id=501)).status == "Accepted"
