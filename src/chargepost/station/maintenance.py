"""Firmware and diagnostics: what a station does for its maintainer (OCPP 1.6, 4.4, 4.5, 5.9, 5.19; reference 14).

An update is one step at a time. A step and the status it raises are put on disk in one piece, and only then acted on:
after a power cut the station takes up the step it was in, and no status is told that it does not remember.

| step | raises | does | ends when |
|---|---|---|---|
| scheduled | | waits | retrieveDate has come |
| fetch | Downloading | `Fetch` | `Fetched`, or `TransferFailed` |
| again | DownloadFailed | waits, while there are retries | retryInterval is over |
| examine | Downloaded | `Examine` | `Examined` |
| put off | SignatureVerified, InstallScheduled | waits (signed updates) | installDateTime has come |
| ready | SignatureVerified (signed updates) | free connectors become Unavailable | nobody charges or is about to |
| install | Installing | restarts, to be built as the new model | the next life: Installed, or InstallationFailed |

To examine is the first part of installing: what is no firmware of this product, whole and signed, was Downloaded and
then is InstallationFailed, and no connector is disturbed (conformance, TC_044_3). A report is of the moment: it is
asked for anew when a power cut ends it, which is told as UploadFailed.

A signed update (white paper "Improved security for OCPP 1.6-J", L01; reference 15.8) is the same machine with statuses
of its own, each with its requestId. A product whose table lists UpdateFirmware beside it answers both (its guide goes
before trap 95).
"""

from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from chargepost.ocpp import messages as m
from chargepost.ocpp import security, signing
from chargepost.signals import (
    Discard,
    Examine,
    Examined,
    Fetch,
    Fetched,
    FirmwareBrought,
    FirmwareView,
    SendReport,
    Sent,
    TransferFailed,
)
from chargepost.station import metering, report, security_events, visits
from chargepost.station.core import Refusal
from chargepost.station.memory import INSTALLED, Memory

if TYPE_CHECKING:
    from chargepost.station.connector import Connector
    from chargepost.station.station import Station

UNSET = msgspec.UNSET

RETRIES_MAX = 20
"""Attempts after the first: more would only keep a dead address busy."""

RETRY_S = 60.0
"""Between two attempts where the central system does not say (1.6, 5.9 and 5.19 leave it to the station)."""

RETRY_MIN_S = 1.0
"""A retryInterval of 0 is no reason to turn in a loop."""

UNTOLD_MAX = 8
"""Statuses of one kind that wait for the central system: more than an update raises without retries. Of a longer
story the oldest pairs of Downloading and DownloadFailed go."""

FIRMWARE, DIAGNOSTICS = "FirmwareStatusNotification", "DiagnosticsStatusNotification"
LOG = "LogStatusNotification"
SIGNED = "SignedFirmwareStatusNotification"

UPDATE_KEY, UNTOLD_KEY, REPORT_KEY = "firmware/update", "maintenance/untold", "maintenance/report"
ENDED_KEY = "firmware/ended"

HELD = "firmware"
"""Why a connector takes nobody new: an update waits for those who charge."""

Step = Literal["scheduled", "fetch", "again", "examine", "put off", "ready", "install"]


class Update(msgspec.Struct, gc=False):
    """The update under way, as it is kept through a power cut."""

    url: str
    retrieve_utc_s: float
    retries: int
    """Attempts left after this one."""
    retry_s: float
    step: Step = "scheduled"
    job: str = ""
    """Of the file; a new one for each attempt."""
    status: str = ""
    """The last one raised; empty before the first."""
    target: str = ""
    """The model the station is to become."""
    request: int | None = None
    """Of a signed update; what follows is of signed updates only."""
    install_utc_s: float = 0.0
    certificate: str = ""
    signature: str = ""
    brought: bool = False
    """By somebody at the tool: the central system, which did not ask for it, is told nothing."""


class Ended(msgspec.Struct, frozen=True, gc=False):
    """How the last update ended."""

    status: str
    reason: str
    release: str
    at_utc_s: float


class Untold(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A status that the central system has not yet answered."""

    action: str
    status: str
    request: int | None = None
    """The requestId of what it is about, in the security extension."""


class Upload(msgspec.Struct, gc=False):
    """A report or a log that is asked for, until it is sent or cannot be."""

    job: str
    url: str
    name: str
    retries: int
    retry_s: float
    since_utc_s: float | None
    until_utc_s: float | None
    failed: Untold
    """What is told of it when it cannot be sent; kept through a power cut, which ends it."""
    security: bool = False
    """The security log."""
    token: int = 0
    """What must be on disk before it begins."""
    status: str = ""


class Maintenance:
    """What is under way at one station."""

    __slots__ = (
        "acted",
        "due",
        "ended",
        "interrupted",
        "jobs",
        "telling",
        "token",
        "untold",
        "untold_token",
        "update",
        "upload",
        "upload_due",
    )

    def __init__(self, memory: Memory) -> None:
        self.update = memory.load(UPDATE_KEY, Update)
        self.ended = memory.load(ENDED_KEY, Ended)
        self.token = 0
        """The step is on disk once this token is durable."""
        self.acted = False
        """The present step has been acted on in this life."""
        self.due = 0.0
        """When the next attempt is due."""
        self.upload: Upload | None = None
        self.upload_due: float | None = 0.0
        """When the upload begins; None while it runs."""
        self.untold = memory.load(UNTOLD_KEY, list[Untold]) or []
        self.untold_token = 0
        self.telling = False
        """The first of them is being said."""
        self.jobs = 0
        self.interrupted = memory.load(REPORT_KEY, Untold)
        """What is told of an upload that the last life did not bring to its end."""


# --- what the central system asks ------------------------------------------------------------------------------------


def update_firmware(s: "Station", ask: m.UpdateFirmware, ident: str, now: float) -> Any:
    """Takes the place of one that is not being installed yet; its empty answer can refuse nothing (trap 67)."""
    old = s.maintenance.update
    if old and old.step == "install":
        raise Refusal("GenericError", "an update is being installed; ask again after it")
    update = Update(ask.location, ask.retrieve_date.timestamp(), _retries(ask.retries), _retry_s(ask.retry_interval))
    update.status = old.status if old and old.request is None else ""
    _schedule(s, update, now)
    return m.UpdateFirmwareResponse()


def signed_update_firmware(s: "Station", ask: security.SignedUpdateFirmware, ident: str, now: float) -> Any:
    """The certificate is looked at before anything else (trap 94); Rejected while another update is being installed."""
    old, firmware = s.maintenance.update, ask.firmware
    roots = s.core.roots.of("ManufacturerRootCertificate")
    why = signing.unfit(firmware.signing_certificate, roots, metering.date(s.core.utc(now)))
    if why:
        s.core.note("warning", "firmware refused", why)
        s.after_answer.append(lambda: security_events.happened(s, "InvalidFirmwareSigningCertificate", now, why))
        return security.SignedUpdateFirmwareResponse(status="InvalidCertificate")
    if old and old.step == "install":
        return security.SignedUpdateFirmwareResponse(status="Rejected")
    update = Update(
        url=firmware.location,
        retrieve_utc_s=firmware.retrieve_date_time.timestamp(),
        retries=_retries(ask.retries),
        retry_s=_retry_s(ask.retry_interval),
        request=ask.request_id,
        install_utc_s=_utc_s(firmware.install_date_time) or 0.0,
        certificate=firmware.signing_certificate,
        signature=firmware.signature,
    )
    ahead = update.retrieve_utc_s > s.core.utc(now)
    _schedule(s, update, now, "DownloadScheduled" if ahead else "")
    return security.SignedUpdateFirmwareResponse(status="AcceptedCanceled" if old else "Accepted")


def _schedule(s: "Station", update: Update, now: float, status: str = "") -> None:
    """In the place of the one before, if any."""
    if s.maintenance.update:
        _give_up(s, s.maintenance.update)
    s.maintenance.update = update
    _enter(s, update, "scheduled", now, status)


def get_diagnostics(s: "Station", ask: m.GetDiagnostics, ident: str, now: float) -> Any:
    """There is always something to report. A second request takes the place of the first, as with GetLog (trap 93)."""
    upload = Upload(
        job=_job(s, "report"),
        url=ask.location,
        name=_file_name(s, "report", now),
        retries=_retries(ask.retries),
        retry_s=_retry_s(ask.retry_interval),
        since_utc_s=_utc_s(ask.start_time),
        until_utc_s=_utc_s(ask.stop_time),
        failed=Untold(DIAGNOSTICS, "UploadFailed"),
    )
    _begin(s, upload, now)
    return m.GetDiagnosticsResponse(file_name=upload.name)


def get_log(s: "Station", ask: security.GetLog, ident: str, now: float) -> Any:
    """The report, or the security log; an upload that runs is cancelled (white paper, N01; trap 93)."""
    what = "security-log" if ask.log_type == "SecurityLog" else "report"
    upload = Upload(
        job=_job(s, what),
        url=ask.log.remote_location,
        name=_file_name(s, what, now),
        retries=_retries(ask.retries),
        retry_s=_retry_s(ask.retry_interval),
        since_utc_s=_utc_s(ask.log.oldest_timestamp),
        until_utc_s=_utc_s(ask.log.latest_timestamp),
        failed=Untold(LOG, "UploadFailure", ask.request_id),
        security=ask.log_type == "SecurityLog",
    )
    cancelled = _begin(s, upload, now)
    return security.GetLogResponse(status="AcceptedCanceled" if cancelled else "Accepted", filename=upload.name)


def _begin(s: "Station", upload: Upload, now: float) -> bool:
    """Once this is on disk the upload begins; True when it takes the place of another."""
    old = s.maintenance.upload
    if old:
        s.core.wish(Discard(old.job))
    upload.token = s.core.memory.put(REPORT_KEY, upload.failed)
    s.maintenance.upload, s.maintenance.upload_due = upload, now
    return old is not None


def _file_name(s: "Station", what: str, now: float) -> str:
    return report.file_name(s, what, now) + (".gz" if s.core.settings.flag(COMPRESS_KEY) else "")


def _utc_s(date: Any) -> float | None:
    return None if date is UNSET else float(date.timestamp())


COMPRESS_KEY = "CompressDiagnostic"
"""True: reports are sent compressed. Products without such a key send them as they are."""


def _retries(asked: Any) -> int:
    return 0 if asked is UNSET else min(max(asked, 0), RETRIES_MAX)


def _retry_s(asked: Any) -> float:
    return RETRY_S if asked is UNSET else max(float(asked), RETRY_MIN_S)


def trigger_firmware(s: "Station", targets: "list[Connector]", now: float) -> None:
    """Idle is only ever said here (trap 64)."""
    update = s.maintenance.update
    mine = update and update.request is None
    _say_now(s, Untold(FIRMWARE, (update.status if update and mine else "") or "Idle"), now)


def trigger_diagnostics(s: "Station", targets: "list[Connector]", now: float) -> None:
    upload = s.maintenance.upload
    mine = upload and upload.failed.action == DIAGNOSTICS
    _say_now(s, Untold(DIAGNOSTICS, (upload.status if upload and mine else "") or "Idle"), now)


def _say_now(s: "Station", status: Untold, now: float) -> None:
    s.talk.say(_payload(status), ("other", None), now, triggered=True)


# --- what the tool brings, and shows ---------------------------------------------------------------------------------


def brought(s: "Station", fact: FirmwareBrought, now: float) -> None:
    """Examined and installed like one that was fetched. It takes the place of one that is not being installed yet."""
    old = s.maintenance.update
    if old and old.step == "install":
        s.core.note("warning", "firmware refused", "an update is being installed")
        s.core.wish(Discard(fact.job))
        return
    if old:
        _give_up(s, old)
    s.maintenance.update = update = Update("", s.core.utc(now), 0, RETRY_S, job=fact.job, brought=True)
    _enter(s, update, "examine", now)


def view(s: "Station") -> FirmwareView:
    update, last = s.maintenance.update, s.maintenance.ended
    step = update.step if update else ""
    return FirmwareView(step, last.status, last.reason, last.release, last.at_utc_s) if last else FirmwareView(step)


# --- what the carrier answers ----------------------------------------------------------------------------------------


def fetched(s: "Station", fact: Fetched, now: float) -> None:
    update = s.maintenance.update
    if update and update.step == "fetch" and fact.job == update.job:
        _enter(s, update, "examine", now, "Downloaded")


def examined(s: "Station", fact: Examined, now: float) -> None:
    update = s.maintenance.update
    if not update or update.step != "examine" or fact.job != update.job:
        return
    signed = update.request is not None
    if fact.verdict == "good":
        update.target = fact.model
        put_off = update.install_utc_s > s.core.utc(now)
        _enter(s, update, "put off" if put_off else "ready", now, "SignatureVerified" if signed else "")
        return
    s.core.note("warning", "firmware refused", f"{fact.verdict}: {fact.reason}")
    if fact.verdict == "forged":
        security_events.happened(s, "InvalidFirmwareSignature", now)
        _end(s, update, "InvalidSignature", now, fact.reason)
        return
    _tell(s, update, "SignatureVerified" if signed else "Installing")
    _end(s, update, "InstallVerificationFailed" if signed else "InstallationFailed", now, fact.reason)


def sent(s: "Station", fact: Sent, now: float) -> None:
    upload = s.maintenance.upload
    if upload and fact.job == upload.job:
        _uploaded(s, msgspec.structs.replace(upload.failed, status="Uploaded"))


def transfer_failed(s: "Station", fact: TransferFailed, now: float) -> None:
    update, upload = s.maintenance.update, s.maintenance.upload
    s.core.note("warning", "transfer failed", fact.reason)
    if update and update.step == "fetch" and fact.job == update.job:
        _not_fetched(s, update, fact.reason, now)
    elif upload and fact.job == upload.job:
        _not_sent(s, upload, now)


def _not_fetched(s: "Station", update: Update, reason: str, now: float) -> None:
    if update.retries:
        update.retries -= 1
        s.maintenance.due = now + update.retry_s
        _enter(s, update, "again", now, "DownloadFailed")
    else:
        _end(s, update, "DownloadFailed", now, reason)


def _not_sent(s: "Station", upload: Upload, now: float) -> None:
    if upload.retries:
        upload.retries -= 1
        upload.status = upload.failed.status
        _raise(s, upload.failed)
        s.maintenance.upload_due = now + upload.retry_s
    else:
        _uploaded(s, upload.failed)


# --- a life begins ---------------------------------------------------------------------------------------------------


def started(s: "Station", now: float) -> None:
    """Take up the step of the last life: an installation has ended with it, and what was being fetched begins anew."""
    update = s.maintenance.update
    if s.maintenance.interrupted:
        _raise(s, s.maintenance.interrupted)
        s.core.memory.drop(REPORT_KEY)
        s.maintenance.interrupted = None
    if update and update.step == "install":
        good = s.core.model.name == update.target
        s.core.memory.put(INSTALLED, s.core.model.name)
        reason = "" if good else "it did not come up, and the old one goes on"
        _end(s, update, "Installed" if good else "InstallationFailed", now, reason)
        s.core.note("info", "firmware", f"{s.core.model.name} {'is installed' if good else 'goes on'}")
        if good:
            security_events.happened(s, "FirmwareUpdated", now, s.core.model.release)
    elif update and update.step == "fetch":
        _give_up(s, update)
        _enter(s, update, "fetch", now)


def clock_changed(s: "Station", now: float) -> None:
    """A retrieveDate is a date: it may have come."""
    if s.maintenance.update:
        s.core.wake_at("maintenance", 0, now)


def reach_changed(s: "Station") -> None:
    """What was being said went down with the link."""
    if not s.talk.online:
        s.maintenance.telling = False


def idle(s: "Station") -> bool:
    """Nothing waits for the disk or for its turn."""
    return not (s.maintenance.update or s.maintenance.upload or s.maintenance.untold)


# --- the next step ---------------------------------------------------------------------------------------------------


def advance(s: "Station", now: float) -> None:
    """Act on the step that is on disk, begin the upload that is due, tell what is untold."""
    state, durable = s.maintenance, s.core.memory.durable
    if s.restarting and s.restarting[2] == inf:
        return  # this life has ended
    if state.update and state.token <= durable:
        STEPS[state.update.step](s, state.update, now)
    if state.upload and state.upload.token <= durable:
        _upload(s, state.upload, now)
    if state.untold and not state.telling and s.talk.online and state.untold_token <= durable:
        state.telling = s.talk.say(_payload(state.untold[0]), ("maintenance", None), now)


def _enter(s: "Station", update: Update, step: Step, now: float, status: str = "") -> None:
    """The next step and its status, in one piece; `advance` acts on it once it is on disk."""
    if step == "fetch":
        update.job = _job(s, "firmware")
    update.step = step
    s.maintenance.acted = False
    if status and status != update.status:
        update.status = status
        _tell(s, update, status)
    s.maintenance.token = s.core.memory.put(UPDATE_KEY, update)
    s.core.wake_at("maintenance", 0, now)


def _end(s: "Station", update: Update, status: str, now: float, reason: str = "") -> None:
    _tell(s, update, status)
    release = update.target.rpartition("@")[2]
    s.maintenance.ended = Ended(status, reason, release, s.core.utc(now))
    s.core.memory.put(ENDED_KEY, s.maintenance.ended)
    s.core.wish(Discard(update.job))
    s.core.memory.drop(UPDATE_KEY)
    s.maintenance.update = None


def _give_up(s: "Station", update: Update) -> None:
    """Its file is not needed, and its connectors are free again."""
    if update.job:
        s.core.wish(Discard(update.job))
    for c in s.connectors:
        visits.reopen(c, HELD)


def _scheduled(s: "Station", update: Update, now: float) -> None:
    _wait(s, update, update.retrieve_utc_s - s.core.offset_s, now)


def _again(s: "Station", update: Update, now: float) -> None:
    _wait(s, update, s.maintenance.due, now)


def _wait(s: "Station", update: Update, due: float, now: float) -> None:
    if now >= due:
        _enter(s, update, "fetch", now, "Downloading")
    else:
        s.core.wake_at("maintenance", 0, due)


def _fetch(s: "Station", update: Update, now: float) -> None:
    if not s.maintenance.acted:
        s.maintenance.acted = True
        s.core.wish(Fetch(update.job, update.url))


def _examine(s: "Station", update: Update, now: float) -> None:
    if not s.maintenance.acted:
        s.maintenance.acted = True
        s.core.wish(Examine(update.job, update.certificate, update.signature))


def _put_off(s: "Station", update: Update, now: float) -> None:
    due = update.install_utc_s - s.core.offset_s
    if now >= due:
        _enter(s, update, "ready", now)
    elif update.status == "SignatureVerified":
        _enter(s, update, "put off", now, "InstallScheduled")
    else:
        s.core.wake_at("maintenance", 0, due)


def _ready(s: "Station", update: Update, now: float) -> None:
    """Nobody new is let in; who charges or was let in before goes on (reference 14.1; no guide says otherwise)."""
    if not s.maintenance.acted:
        s.maintenance.acted = True
        s.waiting_grant = None
        for c in s.connectors:
            visits.shut(c, HELD)
        s.core.wake_at("maintenance", 0, now)  # the connectors are told first
    elif not s.asking and not any(c.transaction or c.grant or c.starting for c in s.connectors):
        s.core.memory.put(INSTALLED, update.target)
        _enter(s, update, "install", now, "Installing")


def _install(s: "Station", update: Update, now: float) -> None:
    if not s.maintenance.acted:
        s.maintenance.acted = True
        if update.request is not None:
            _tell(s, update, "InstallRebooting")
        s.restart(False, "firmware update", "Reboot", now)


STEPS: dict[Step, Callable[["Station", Update, float], None]] = {
    "scheduled": _scheduled,
    "fetch": _fetch,
    "again": _again,
    "examine": _examine,
    "put off": _put_off,
    "ready": _ready,
    "install": _install,
}


def _upload(s: "Station", upload: Upload, now: float) -> None:
    state = s.maintenance
    if state.upload_due is None:
        return
    if now < state.upload_due:
        s.core.wake_at("upload", 0, state.upload_due)
        return
    state.upload_due = None
    upload.status = "Uploading"
    _raise(s, msgspec.structs.replace(upload.failed, status=upload.status))
    text = report.security_log(s) if upload.security else report.text(s, now)
    compressed = upload.name.endswith(".gz")
    since, until = upload.since_utc_s, upload.until_utc_s
    s.core.wish(SendReport(upload.job, upload.url, upload.name, text, compressed, since, until))


def _uploaded(s: "Station", end: Untold) -> None:
    _raise(s, end)
    s.core.memory.drop(REPORT_KEY)
    s.maintenance.upload = None


def _job(s: "Station", what: str) -> str:
    s.maintenance.jobs += 1
    return f"{what}-{s.boots:x}-{s.maintenance.jobs:x}"


# --- telling ---------------------------------------------------------------------------------------------------------


def _tell(s: "Station", update: Update, status: str) -> None:
    if not update.brought:
        _raise(s, Untold(FIRMWARE if update.request is None else SIGNED, status, update.request))


def _raise(s: "Station", status: Untold) -> None:
    """To be told in its turn, now or when the central system is back."""
    untold = s.maintenance.untold
    untold.append(status)
    same = [n for n, each in enumerate(untold) if n and each.action == status.action]
    if len(same) > UNTOLD_MAX:
        del untold[same[1]], untold[same[0]]
    s.maintenance.untold_token = s.core.memory.put(UNTOLD_KEY, untold)


def told(s: "Station") -> None:
    """The central system has answered, or was silent on a link that lives: the next, once this one is forgotten."""
    state, memory = s.maintenance, s.core.memory
    state.telling = False
    if state.untold:
        state.untold.pop(0)
        state.untold_token = memory.put(UNTOLD_KEY, state.untold) if state.untold else memory.drop(UNTOLD_KEY)


def _payload(untold: Untold) -> Any:
    return PAYLOADS[untold.action](untold.status, UNSET if untold.request is None else untold.request)


PAYLOADS: dict[str, Callable[[Any, Any], Any]] = {
    FIRMWARE: lambda status, _request: m.FirmwareStatusNotification(status=status),
    DIAGNOSTICS: lambda status, _request: m.DiagnosticsStatusNotification(status=status),
    SIGNED: lambda status, request: security.SignedFirmwareStatusNotification(status=status, request_id=request),
    LOG: lambda status, request: security.LogStatusNotification(status=status, request_id=request),
}
"""How each status is said."""
