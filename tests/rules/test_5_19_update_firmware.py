"""A firmware update, from the request to the new version, and every way in which it does not get there.

OCPP 1.6, 4.5 and 5.19; reference 14.1; conformance TC_044; trap 67.
"""

import functools
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from chargepost import signals as sig
from chargepost.catalogue import image, load
from chargepost.catalogue.load import releases
from chargepost.ocpp import frames, messages
from chargepost.station.maintenance import RETRIES_MAX, RETRY_S, UNTOLD_MAX
from tests.rules.rig import SILENCE, PowerCut, Refuse, Rig, utc

PRIVATE, PUBLIC = image.draw_key()
URL = "http://files.example/firmware/new.fw"
FULL = ["Downloading", "Downloaded", "Installing", "Installed"]


@functools.cache
def firmware(line: str, release: str) -> bytes:
    return image.make(line, release, "chargepost test", PRIVATE)


def older(model: str) -> str:
    """Another release of the line, or the same where there is only one."""
    known = releases()[model.partition("/")[0]]
    return known[1] if len(known) > 1 else known[0]


def fresh(model: str = "evlink-pro-ac", data: bytes | None = None, **settings: str) -> Rig:
    """A booted station, and a file that makes it an older release."""
    rig = Rig(model, settings=settings)
    rig.trusted = (PUBLIC,)
    rig.shelf[URL] = firmware(rig.model.line, older(model)) if data is None else data
    rig.run(2)
    rig.forget()
    return rig


def update(rig: Rig, url: str = URL, in_s: float = -60.0, **more: Any) -> Any:
    return rig.ask(messages.UpdateFirmware(location=url, retrieve_date=utc(rig) + timedelta(seconds=in_s), **more))


def told(rig: Rig) -> list[str]:
    return [each.status for each in rig.said("FirmwareStatusNotification")]


LAWFUL = {
    "": {"Downloading"},
    "Downloading": {"Downloaded", "DownloadFailed"},
    "DownloadFailed": {"Downloading"},
    "Downloaded": {"Installing"},
    "Installing": {"Installed", "InstallationFailed"},
    "Installed": set(),
    "InstallationFailed": set(),
}
"""What may follow what; a status that was not answered may be said again."""


def lawful(statuses: list[str]) -> bool:
    return all(after == before or after in LAWFUL[before] for before, after in pairwise(["", *statuses]))


# --- it works --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", releases())
def test_r_230_every_product_is_updated_and_says_its_new_version(line: str) -> None:
    """TC_044_1: Downloading, Downloaded, Unavailable, Installing, a boot with the new version, Available, Installed."""
    rig = fresh(line)
    target = load(f"{rig.model.line}/{rig.model.variant}@{older(line)}")
    assert isinstance(update(rig), messages.UpdateFirmwareResponse)
    rig.run(60)
    assert told(rig) == FULL
    assert rig.station.core.model.name == target.name
    assert rig.last("BootNotification").firmware_version == target.identity.firmware
    calls = rig.calls()
    installing = [n for n, call in enumerate(calls) if call == "FirmwareStatusNotification"][2]
    assert calls.index("Unavailable 1") < installing < calls.index("BootNotification") < calls.index("Available 1")
    assert calls.index("BootNotification") < len(calls) - 1 - calls[::-1].index("FirmwareStatusNotification")
    assert rig.kept == {}, "the file is not needed any more"
    assert not [key for key in rig.memory if key.startswith(("maintenance/", "firmware/update"))]


def test_an_update_keeps_what_the_owner_set_and_what_waits_to_be_told() -> None:
    rig = fresh()
    rig.change("MeterValueSampleInterval", "77")
    rig.ask(messages.ChangeAvailability(connector_id=1, type="Inoperative"))
    update(rig)
    rig.run(60)
    assert told(rig) == FULL
    assert rig.value("MeterValueSampleInterval") == "77"
    assert rig.view.status == "Unavailable"


def test_the_way_back_is_open_and_a_power_cut_later_changes_nothing() -> None:
    rig = fresh()
    update(rig)
    rig.run(60)
    rig.power_cycle()
    rig.run(5)
    assert rig.last("BootNotification").firmware_version == "2.0.0"
    rig.shelf[URL] = firmware("evlink-pro-ac", "2.0.1")
    rig.forget()
    update(rig)
    rig.run(60)
    assert told(rig) == FULL
    assert rig.last("BootNotification").firmware_version == "2.0.1"


def test_the_answer_goes_first() -> None:
    rig = fresh()
    update(rig)
    sent = [f for _, way, f in rig.frames if way == "sent"]
    assert not isinstance(sent[0], frames.Call)


# --- when ------------------------------------------------------------------------------------------------------------


def test_nothing_happens_before_the_retrieve_date() -> None:
    rig = fresh()
    update(rig, in_s=3600)
    rig.run(3590)
    assert not rig.wished(sig.Fetch)
    assert not told(rig)
    rig.run(15)
    assert told(rig)[:1] == ["Downloading"]
    rig.run(60)
    assert told(rig) == FULL


def test_a_date_that_is_set_forward_may_bring_the_retrieve_date() -> None:
    rig = fresh()
    update(rig, in_s=3600)
    rig.tell(sig.ClockSet(utc(rig).timestamp() + 4000, "NTP"))
    rig.run(1)
    assert rig.wished(sig.Fetch)


def test_a_date_that_comes_with_a_heartbeat_may_bring_it_too() -> None:
    rig = fresh()
    rig.answers["Heartbeat"] = lambda r, p: messages.HeartbeatResponse(current_time=utc(r) + timedelta(hours=1))
    update(rig, in_s=3600)
    rig.run(301)
    assert len(rig.said("Heartbeat")) == 1
    assert told(rig)[:1] == ["Downloading"]


def test_a_waiting_update_outlives_a_power_cut_that_lasts_past_its_date() -> None:
    rig = fresh()
    update(rig, in_s=3600)
    rig.power_cycle(off_s=4000)
    rig.run(60)
    assert told(rig) == FULL


def test_a_new_request_takes_the_place_of_a_waiting_one() -> None:
    rig = fresh()
    update(rig, "http://files.example/old.fw", in_s=1000)
    update(rig, in_s=2000)
    rig.run(1500)
    assert not rig.wished(sig.Fetch)
    rig.run(600)
    assert [wish.url for wish in rig.wished(sig.Fetch)] == [URL]
    assert told(rig) == FULL


def test_a_new_request_ends_a_download_whose_file_nobody_will_need() -> None:
    rig = fresh()
    rig.slow = True
    update(rig, "http://files.example/old.fw")
    rig.run(1)
    update(rig)
    rig.run(1)
    (left,) = rig.transfers
    assert isinstance(left, sig.Fetch)
    assert left.url == URL, "the old one was discarded"
    rig.slow = False
    rig.transfer()
    rig.run(60)
    assert told(rig) == FULL
    assert rig.kept == {}


def test_a_new_request_frees_the_connectors_that_waited_for_the_old_one() -> None:
    rig = Rig("evlink-pro-ac/socket-domestic", settings={"PlugNumberingMode": "1"})
    rig.power_cycle()
    rig.trusted, rig.shelf[URL] = (PUBLIC,), firmware("evlink-pro-ac", "2.0.0")
    rig.run(5)
    rig.plug()
    rig.badge()
    rig.run(10)
    update(rig)
    rig.run(5)
    assert rig.statuses(2)[-1] == "Unavailable"
    update(rig, in_s=3600)
    rig.run(5)
    assert rig.statuses(2)[-1] == "Available"


# --- retries ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("retries", "rounds"), [(None, 1), (0, 1), (2, 3), (-1, 1), (10**9, RETRIES_MAX + 1)])
def test_retries_are_attempts_after_the_first(retries: int | None, rounds: int) -> None:
    """TC_044_2; conformance, section 4: each round says Downloading and DownloadFailed, and nothing after the last."""
    rig = fresh()
    more = {} if retries is None else {"retries": retries, "retry_interval": 10}
    update(rig, "http://files.example/nothing.fw", **more)
    rig.run(15 * rounds + 60)
    assert told(rig) == ["Downloading", "DownloadFailed"] * rounds
    assert rig.view.status == "Available"
    at = [t for t, each in zip(rig.said_at("FirmwareStatusNotification"), told(rig), strict=True) if each[-1] == "g"]
    assert all(after - before == pytest.approx(10, abs=1) for before, after in pairwise(at))


@pytest.mark.parametrize(("interval_s", "waits_s"), [(0, 1.0), (-5, 1.0), (None, RETRY_S), (30, 30.0)])
def test_an_interval_is_kept_and_never_a_loop(interval_s: int | None, waits_s: float) -> None:
    rig = fresh()
    more = {} if interval_s is None else {"retry_interval": interval_s}
    update(rig, "http://files.example/nothing.fw", retries=1, **more)
    rig.run(100)
    first, second = [t for t, wish in rig.wishes if isinstance(wish, sig.Fetch)]
    assert second - first == pytest.approx(waits_s)


def test_a_download_that_works_the_second_time_goes_on() -> None:
    rig = fresh()
    data = rig.shelf.pop(URL)
    update(rig, retries=3, retry_interval=20)
    rig.run(5)
    rig.shelf[URL] = data
    rig.run(100)
    assert told(rig) == ["Downloading", "DownloadFailed", *FULL]


# --- what is no firmware ---------------------------------------------------------------------------------------------

_, SOMEBODY = image.draw_key()
WRONG = {
    "garbage": b"#!/bin/sh\nrm -rf /\n",
    "empty": b"",
    "cut": firmware("evlink-pro-ac", "2.0.0")[:-9],
    "other product": firmware("schneider-charge", "1.13.4"),
    "other signer": image.make("evlink-pro-ac", "2.0.0", "x", image.draw_key()[0]),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_no_firmware_of_this_product_is_not_installed(kind: str) -> None:
    """TC_044_3: it was downloaded, installing it fails, and the station serves as before."""
    rig = fresh(data=WRONG[kind])
    boots = len(rig.dials)
    update(rig)
    rig.run(60)
    assert told(rig) == ["Downloading", "Downloaded", "Installing", "InstallationFailed"]
    assert rig.station.core.model.release == "2.0.1"
    assert len(rig.dials) == boots
    assert not rig.statuses(), "no connector was disturbed"
    assert rig.kept == {}
    assert "firmware refused" in rig.notes()
    rig.charge()


def test_without_a_trusted_key_nothing_is_installed() -> None:
    rig = fresh()
    rig.trusted = ()
    update(rig)
    rig.run(60)
    assert told(rig)[-1] == "InstallationFailed"


def test_a_carrier_that_cannot_build_the_new_model_is_an_installation_that_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The program was replaced by an older one between the restart and the start, say."""
    monkeypatch.setattr("tests.rules.rig.installed_model", lambda memory, bought: (bought, "unknown"))
    rig = fresh()
    update(rig)
    rig.run(60)
    assert told(rig) == [*FULL[:3], "InstallationFailed"]
    monkeypatch.undo()
    rig.power_cycle()
    assert rig.station.core.model.release == "2.0.1", "nothing of it is left"


# --- who charges -----------------------------------------------------------------------------------------------------


def test_a_running_charge_is_waited_for_and_nobody_new_is_let_in() -> None:
    """Reference 14.1.3: free connectors are Unavailable meanwhile, and each one that becomes free."""
    rig = Rig("evlink-pro-ac/socket-domestic", settings={"PlugNumberingMode": "1"})
    rig.power_cycle()
    rig.trusted, rig.shelf[URL] = (PUBLIC,), firmware("evlink-pro-ac", "2.0.0")
    rig.run(5)
    rig.plug()
    rig.badge()
    rig.run(10)
    rig.forget()
    update(rig)
    rig.run(600)
    assert told(rig) == ["Downloading", "Downloaded"]
    assert rig.power()
    assert rig.statuses(2) == ["Unavailable"]
    rig.plug(connector=2)
    rig.badge("OTHER")
    rig.run(10)
    assert len(rig.station.view(rig.now).connectors) == 2
    assert rig.station.connectors[1].transaction is None
    answer = rig.ask(messages.RemoteStartTransaction(id_tag="X", connector_id=2))
    assert answer.status == "Rejected"
    rig.badge()
    rig.run(60)
    assert told(rig) == FULL
    assert rig.station.core.model.release == "2.0.0"


def test_who_was_let_in_before_may_begin() -> None:
    rig = fresh()
    rig.badge()
    update(rig)
    rig.run(5)
    assert told(rig)[-1] == "Downloaded"
    rig.plug()
    rig.run(20)
    assert rig.power()
    rig.badge()
    rig.run(5)
    rig.unplug()
    rig.run(60)
    assert told(rig) == FULL


def test_a_connector_that_becomes_free_while_waiting_is_unavailable() -> None:
    rig = Rig("evlink-pro-ac/socket-domestic", settings={"PlugNumberingMode": "1"})
    rig.power_cycle()
    rig.trusted, rig.shelf[URL] = (PUBLIC,), firmware("evlink-pro-ac", "2.0.0")
    rig.run(5)
    for connector in (1, 2):
        rig.plug(connector=connector)
        rig.badge(f"TAG{connector}", connector)
        rig.run(10)
    update(rig)
    rig.run(5)
    rig.badge("TAG2", 2)
    rig.run(5)
    rig.unplug(2)
    rig.run(5)
    assert rig.statuses(2)[-1] == "Unavailable"
    assert told(rig)[-1] == "Downloaded"


# --- offline and power -----------------------------------------------------------------------------------------------


def test_statuses_raised_offline_are_told_in_order_when_the_central_system_is_back() -> None:
    rig = fresh()
    update(rig, in_s=100)
    rig.cut()
    rig.run(200)
    assert told(rig) == []
    assert rig.station.core.model.release == "2.0.0", "it is updated all the same"
    rig.mend()
    assert told(rig) == FULL


def test_a_long_story_offline_is_told_shortened_and_in_lawful_order() -> None:
    rig = fresh()
    update(rig, "http://files.example/nothing.fw", in_s=100, retries=15, retry_interval=5)
    rig.cut()
    rig.run(400)
    rig.mend()
    assert len(told(rig)) <= UNTOLD_MAX + 1
    assert told(rig) == ["Downloading", "DownloadFailed"] * (len(told(rig)) // 2)


def test_a_status_lost_with_the_link_is_told_again() -> None:
    rig = fresh()
    rig.answers["FirmwareStatusNotification"] = SILENCE
    rig.slow = True
    update(rig)
    rig.run(3)
    assert told(rig) == ["Downloading"]
    rig.cut()
    del rig.answers["FirmwareStatusNotification"]
    rig.mend_at_once()
    rig.run(3)
    assert told(rig) == ["Downloading", "Downloading"]


def test_a_central_system_that_refuses_statuses_is_told_the_next_one() -> None:
    rig = fresh()
    rig.answers["FirmwareStatusNotification"] = Refuse("NotImplemented")
    update(rig)
    rig.run(60)
    assert told(rig) == FULL


def cut_short(rig: Rig, after: int) -> bool:
    """An update whose mains go away after so many wishes, and come back; False when it had no so many."""
    rig.cut_at = rig.done + after
    try:
        update(rig, retries=2, retry_interval=5)
        rig.run(30)
    except PowerCut:
        rig.cut_at = None
        rig.power_cycle()
        rig.run(60)
        return True
    return False


def test_the_mains_go_away_after_every_wish_of_an_update() -> None:
    """Each time it ends Installed as the new release, or was never accepted; no file stays, no status out of order."""
    base = fresh()
    before = base.done
    update(base, retries=2, retry_interval=5)
    base.run(30)
    ends = set()
    for after in range(base.done - before):
        rig = fresh()
        assert cut_short(rig, after)
        where = f"cut after wish {after}: {told(rig)}"
        assert lawful(told(rig)), where
        assert rig.kept == {}, where
        assert rig.view.status == "Available", where
        assert not [key for key in rig.memory if key.startswith(("maintenance/", "firmware/update"))], where
        end = told(rig)[-1] if told(rig) else "never accepted"
        assert (rig.station.core.model.release == "2.0.0") == (end == "Installed"), where
        ends.add(end)
    assert ends == {"Installed", "never accepted"}


def test_the_mains_go_away_after_every_wish_of_an_update_that_fails() -> None:
    for data, last in ((b"rubbish", "InstallationFailed"), (None, "DownloadFailed")):
        for after in range(200):
            rig = fresh(data=data or b"")
            if data is None:
                del rig.shelf[URL]
            if not cut_short(rig, after):
                break
            where = f"cut after wish {after}: {told(rig)}"
            assert lawful(told(rig)), where
            assert not told(rig) or told(rig)[-1] == last, where
            assert rig.station.core.model.release == "2.0.1", where
            assert rig.kept == {}, where
        else:
            raise AssertionError("it never came to its end")


def test_a_disk_that_refuses_puts_an_update_off() -> None:
    rig = fresh()
    rig.disk = False
    update(rig)
    rig.run(30)
    assert not rig.wished(sig.Fetch)
    rig.disk = True
    rig.write()
    rig.run(60)
    assert told(rig) == FULL


# --- present state ---------------------------------------------------------------------------------------------------


def triggered(rig: Rig) -> str:
    before = len(told(rig))
    assert rig.ask(messages.TriggerMessage(requested_message="FirmwareStatusNotification")).status == "Accepted"
    rig.run(1)
    (status,) = told(rig)[before:]
    return status


def test_a_trigger_tells_the_true_present_state() -> None:
    """Trap 64: Idle when nothing is under way, and only then."""
    rig = fresh()
    rig.slow = True
    assert triggered(rig) == "Idle"
    update(rig, in_s=100)
    assert triggered(rig) == "Idle", "nothing has begun"
    rig.run(110)
    assert triggered(rig) == "Downloading"
    rig.transfer()
    rig.run(1)
    assert triggered(rig) == "Downloaded"
    rig.slow = False
    rig.transfer()
    rig.run(60)
    assert triggered(rig) == "Idle"


def test_an_update_that_is_being_installed_is_not_replaced() -> None:
    rig = fresh()
    seen: list[Any] = []

    def ask_again(r: Rig, p: Any) -> Any:
        if p.status == "Installing":
            r.asks += 1
            ident = f"cs-{r.asks}"
            ask = messages.UpdateFirmware(location="http://files.example/x", retrieve_date=utc(r))
            r.station.handle(sig.FrameReceived(frames.write_call(ident, ask)), r.now)
            seen.append(ident)
        return messages.FirmwareStatusNotificationResponse()

    rig.answers["FirmwareStatusNotification"] = ask_again
    update(rig)
    rig.run(60)
    answer = rig.answer_to(seen[0], "UpdateFirmware")
    assert isinstance(answer, frames.Error)
    assert answer.code == "GenericError"
    assert told(rig) == FULL


def test_no_address_of_a_firmware_is_logged() -> None:
    rig = fresh()
    url = "ftp://user:hunter2@files.example/nothing.fw"
    update(rig, url)
    rig.run(10)
    seen = [wish for _, wish in rig.wishes if not isinstance(wish, sig.Remember)]
    assert sum(isinstance(wish, sig.Fetch) for wish in seen) == 1
    assert "hunter2" not in "".join(map(repr, seen))
