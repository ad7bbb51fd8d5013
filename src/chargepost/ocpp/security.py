"""The messages of the security extension (white paper "Improved security for OCPP 1.6-J", edition 3), as in `messages`.

Two names of the white paper are taken by OCPP 1.6 with other values; here they are `ExtendedMessageTrigger` and
`SignedFirmwareStatus`.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from chargepost.ocpp.messages import (
    Date,
    Integer,
    Message,
    Request,
    Response,
    Text40,
    Text50,
    Text128,
    Text255,
    Text512,
    Text800,
    Text5500,
    Text10000,
    TriggerMessageStatus,
    settle_dates,
)

# --- enumerations ---------------------------------------------------------------------------------------------------

CertificateSignedStatus = Literal["Accepted", "Rejected"]

CertificateUse = Literal["CentralSystemRootCertificate", "ManufacturerRootCertificate"]
"""What a root certificate is for."""

DeleteCertificateStatus = Literal["Accepted", "Failed", "NotFound"]

ExtendedMessageTrigger = Literal[
    "BootNotification",
    "LogStatusNotification",
    "FirmwareStatusNotification",
    "Heartbeat",
    "MeterValues",
    "SignChargePointCertificate",
    "StatusNotification",
]
"""FirmwareStatusNotification asks for SignedFirmwareStatusNotification."""

GenericStatus = Literal["Accepted", "Rejected"]

GetInstalledCertificateStatus = Literal["Accepted", "NotFound"]

HashAlgorithm = Literal["SHA256", "SHA384", "SHA512"]

InstallCertificateStatus = Literal["Accepted", "Failed", "Rejected"]

LogStatus = Literal["Accepted", "Rejected", "AcceptedCanceled"]

LogType = Literal["DiagnosticsLog", "SecurityLog"]

SignedFirmwareStatus = Literal[
    "Downloaded",
    "DownloadFailed",
    "Downloading",
    "DownloadScheduled",
    "DownloadPaused",
    "Idle",
    "InstallationFailed",
    "Installing",
    "Installed",
    "InstallRebooting",
    "InstallScheduled",
    "InstallVerificationFailed",
    "InvalidSignature",
    "SignatureVerified",
]
"""FirmwareStatus of the security extension."""

UpdateFirmwareStatus = Literal["Accepted", "Rejected", "AcceptedCanceled", "InvalidCertificate", "RevokedCertificate"]

UploadLogStatus = Literal[
    "BadMessage",
    "Idle",
    "NotSupportedOperation",
    "PermissionDenied",
    "Uploaded",
    "UploadFailure",
    "Uploading",
]
"""The wire says UploadFailure where the prose says UploadFailed."""

# --- parts -----------------------------------------------------------------------------------------------------------


class CertificateHashData(Message, frozen=True, kw_only=True):
    """A certificate named by hashes, in hexadecimal; for a root the issuer is itself."""

    hash_algorithm: HashAlgorithm
    issuer_name_hash: Text128
    issuer_key_hash: Text128
    serial_number: Text40


class LogParameters(Message, frozen=True, kw_only=True):
    """Where the log goes, and from which dates."""

    remote_location: Text512
    oldest_timestamp: Date | UnsetType = UNSET
    latest_timestamp: Date | UnsetType = UNSET

    def __post_init__(self) -> None:
        settle_dates(self, "oldest_timestamp", "latest_timestamp")


class Firmware(Message, frozen=True, kw_only=True):
    """A file, the certificate that signed it (PEM) and the signature over the whole file (base64)."""

    location: Text512
    retrieve_date_time: Date
    install_date_time: Date | UnsetType = UNSET
    signing_certificate: Text5500
    signature: Text800

    def __post_init__(self) -> None:
        settle_dates(self, "retrieve_date_time", "install_date_time")


# --- messages --------------------------------------------------------------------------------------------------------


class CertificateSignedResponse(Response, frozen=True, kw_only=True):
    """Accepted: chain, dates, names and key are right."""

    status: CertificateSignedStatus


class CertificateSigned(Request, frozen=True, kw_only=True):
    """The certificate asked for by SignCertificate, PEM, leaf first."""

    action = "CertificateSigned"
    response = CertificateSignedResponse

    certificate_chain: Text10000


class DeleteCertificateResponse(Response, frozen=True, kw_only=True):
    """Failed: the live connection depends on it."""

    status: DeleteCertificateStatus


class DeleteCertificate(Request, frozen=True, kw_only=True):
    """Remove an installed root certificate."""

    action = "DeleteCertificate"
    response = DeleteCertificateResponse

    certificate_hash_data: CertificateHashData


class ExtendedTriggerMessageResponse(Response, frozen=True, kw_only=True):
    """The answer goes first, then the message."""

    status: TriggerMessageStatus


class ExtendedTriggerMessage(Request, frozen=True, kw_only=True):
    """TriggerMessage with the messages of the security extension."""

    action = "ExtendedTriggerMessage"
    response = ExtendedTriggerMessageResponse

    requested_message: ExtendedMessageTrigger
    connector_id: Integer | UnsetType = UNSET


class GetInstalledCertificateIdsResponse(Response, frozen=True, kw_only=True):
    """NotFound comes without `certificate_hash_data`; a list given is never empty."""

    certificate_hash_data: Annotated[tuple[CertificateHashData, ...], Meta(min_length=1)] | UnsetType = UNSET
    status: GetInstalledCertificateStatus


class GetInstalledCertificateIds(Request, frozen=True, kw_only=True):
    """Which root certificates of this use are installed?"""

    action = "GetInstalledCertificateIds"
    response = GetInstalledCertificateIdsResponse

    certificate_type: CertificateUse


class GetLogResponse(Response, frozen=True, kw_only=True):
    """AcceptedCanceled: an upload was running and is cancelled."""

    status: LogStatus
    filename: Text255 | UnsetType = UNSET


class GetLog(Request, frozen=True, kw_only=True):
    """Upload a log; a running upload is cancelled by it. `retry_interval` in seconds."""

    action = "GetLog"
    response = GetLogResponse

    log: LogParameters
    log_type: LogType
    request_id: Integer
    retries: Integer | UnsetType = UNSET
    retry_interval: Integer | UnsetType = UNSET


class InstallCertificateResponse(Response, frozen=True, kw_only=True):
    """Rejected: not acceptable. Failed: acceptable but not stored."""

    status: InstallCertificateStatus


class InstallCertificate(Request, frozen=True, kw_only=True):
    """Install a root certificate, PEM."""

    action = "InstallCertificate"
    response = InstallCertificateResponse

    certificate_type: CertificateUse
    certificate: Text5500


class LogStatusNotificationResponse(Response, frozen=True, kw_only=True):
    """Empty."""


class LogStatusNotification(Request, frozen=True, kw_only=True):
    """How far the upload of a log is; no `request_id` only when triggered while idle."""

    action = "LogStatusNotification"
    response = LogStatusNotificationResponse

    status: UploadLogStatus
    request_id: Integer | UnsetType = UNSET


class SecurityEventNotificationResponse(Response, frozen=True, kw_only=True):
    """Empty."""


class SecurityEventNotification(Request, frozen=True, kw_only=True):
    """A security event; `type` is its name."""

    action = "SecurityEventNotification"
    response = SecurityEventNotificationResponse

    type: Text50
    timestamp: Date
    tech_info: Text255 | UnsetType = UNSET

    def __post_init__(self) -> None:
        settle_dates(self, "timestamp")


class SignCertificateResponse(Response, frozen=True, kw_only=True):
    """Accepted: CertificateSigned will follow."""

    status: GenericStatus


class SignCertificate(Request, frozen=True, kw_only=True):
    """Please sign this request (PKCS#10, PEM)."""

    action = "SignCertificate"
    response = SignCertificateResponse

    csr: Text5500


class SignedFirmwareStatusNotificationResponse(Response, frozen=True, kw_only=True):
    """Empty."""


class SignedFirmwareStatusNotification(Request, frozen=True, kw_only=True):
    """How far the signed update is; no `request_id` only when triggered while idle."""

    action = "SignedFirmwareStatusNotification"
    response = SignedFirmwareStatusNotificationResponse

    status: SignedFirmwareStatus
    request_id: Integer | UnsetType = UNSET


class SignedUpdateFirmwareResponse(Response, frozen=True, kw_only=True):
    """AcceptedCanceled: it replaces a running or waiting update."""

    status: UpdateFirmwareStatus


class SignedUpdateFirmware(Request, frozen=True, kw_only=True):
    """Fetch, check and install a signed file; `retry_interval` in seconds."""

    action = "SignedUpdateFirmware"
    response = SignedUpdateFirmwareResponse

    retries: Integer | UnsetType = UNSET
    retry_interval: Integer | UnsetType = UNSET
    request_id: Integer
    firmware: Firmware


REQUESTS: dict[str, type[Request]] = {
    kind.action: kind
    for kind in (
        CertificateSigned,
        DeleteCertificate,
        ExtendedTriggerMessage,
        GetInstalledCertificateIds,
        GetLog,
        InstallCertificate,
        LogStatusNotification,
        SecurityEventNotification,
        SignCertificate,
        SignedFirmwareStatusNotification,
        SignedUpdateFirmware,
    )
}
"""The 11 actions of the security extension by their name on the wire."""
