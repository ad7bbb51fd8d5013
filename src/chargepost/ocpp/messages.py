"""Every message of OCPP 1.6, both directions: one frozen type per schema, decoded and validated in one compiled pass.

Fields stand in the order of the schema, and so do the keys on the wire. A field that may be absent is `UNSET`; null is
no value. The enumerations have the names of the OCPP 1.6 text (edition 2, section 7).

The type of a request is named after its action (`Authorize`), the answer has `Response` behind it. Values made by this
program are not checked on construction, except that a date becomes UTC and a limit must have one decimal.
"""

from datetime import UTC, datetime
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

WIRE_NAMES = {
    "certificate_chain": "certificateChain",
    "certificate_hash_data": "certificateHashData",
    "certificate_type": "certificateType",
    "charge_box_serial_number": "chargeBoxSerialNumber",
    "charge_point_model": "chargePointModel",
    "charge_point_serial_number": "chargePointSerialNumber",
    "charge_point_vendor": "chargePointVendor",
    "charging_profile": "chargingProfile",
    "charging_profile_id": "chargingProfileId",
    "charging_profile_kind": "chargingProfileKind",
    "charging_profile_purpose": "chargingProfilePurpose",
    "charging_rate_unit": "chargingRateUnit",
    "charging_schedule": "chargingSchedule",
    "charging_schedule_period": "chargingSchedulePeriod",
    "configuration_key": "configurationKey",
    "connector_id": "connectorId",
    "cs_charging_profiles": "csChargingProfiles",
    "current_time": "currentTime",
    "error_code": "errorCode",
    "expiry_date": "expiryDate",
    "file_name": "fileName",
    "firmware_version": "firmwareVersion",
    "hash_algorithm": "hashAlgorithm",
    "id_tag": "idTag",
    "id_tag_info": "idTagInfo",
    "install_date_time": "installDateTime",
    "issuer_key_hash": "issuerKeyHash",
    "issuer_name_hash": "issuerNameHash",
    "latest_timestamp": "latestTimestamp",
    "list_version": "listVersion",
    "local_authorization_list": "localAuthorizationList",
    "log_type": "logType",
    "message_id": "messageId",
    "meter_serial_number": "meterSerialNumber",
    "meter_start": "meterStart",
    "meter_stop": "meterStop",
    "meter_type": "meterType",
    "meter_value": "meterValue",
    "min_charging_rate": "minChargingRate",
    "number_phases": "numberPhases",
    "oldest_timestamp": "oldestTimestamp",
    "parent_id_tag": "parentIdTag",
    "recurrency_kind": "recurrencyKind",
    "remote_location": "remoteLocation",
    "request_id": "requestId",
    "requested_message": "requestedMessage",
    "reservation_id": "reservationId",
    "retrieve_date": "retrieveDate",
    "retrieve_date_time": "retrieveDateTime",
    "retry_interval": "retryInterval",
    "sampled_value": "sampledValue",
    "schedule_start": "scheduleStart",
    "serial_number": "serialNumber",
    "signing_certificate": "signingCertificate",
    "stack_level": "stackLevel",
    "start_period": "startPeriod",
    "start_schedule": "startSchedule",
    "start_time": "startTime",
    "stop_time": "stopTime",
    "tech_info": "techInfo",
    "transaction_data": "transactionData",
    "transaction_id": "transactionId",
    "unknown_key": "unknownKey",
    "update_type": "updateType",
    "valid_from": "validFrom",
    "valid_to": "validTo",
    "vendor_error_code": "vendorErrorCode",
    "vendor_id": "vendorId",
}
"""Python name -> name on the wire, for every field where the two differ."""


class Message(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True, rename=WIRE_NAMES):
    """A payload, or a part of one. All are trees of frozen values, so the garbage collector need not watch them."""


class Response(Message, frozen=True):
    """The payload of a CALLRESULT."""


class Request(Message, frozen=True):
    """The payload of a CALL: it knows its action's name and the type of its answer."""

    action: ClassVar[str]
    response: ClassVar[type[Response]]


# --- basic types ----------------------------------------------------------------------------------------------------

Integer = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
"""The text says 32 bits, the schema sets no bound; ours is what every store and peer can hold."""

Tenths = Annotated[float, Meta(extra={"multipleOf": "0.1"})]
"""A number with one decimal (see `tenths`). Beyond 15 digits two texts may be the same number (RFC 8259 section 6)."""

Date = Annotated[datetime, Meta(tz=True)]
"""RFC 3339; UTC once read, to the millisecond."""

IdToken = Annotated[str, Meta(max_length=20)]
"""CiString20: compares without case, keeps its case on the wire."""

Text20 = Annotated[str, Meta(max_length=20)]
Text25 = Annotated[str, Meta(max_length=25)]
Text40 = Annotated[str, Meta(max_length=40)]
Text50 = Annotated[str, Meta(max_length=50)]
Text128 = Annotated[str, Meta(max_length=128)]
Text255 = Annotated[str, Meta(max_length=255)]
Text500 = Annotated[str, Meta(max_length=500)]
Text512 = Annotated[str, Meta(max_length=512)]
Text800 = Annotated[str, Meta(max_length=800)]
Text5500 = Annotated[str, Meta(max_length=5500)]
Text10000 = Annotated[str, Meta(max_length=10000)]


def tenths(value: float) -> float:
    """`value` with the one decimal that OCPP allows for limits; round with it before building a schedule."""
    return round(value, 1)


def in_utc(date: datetime) -> datetime:
    """`date` in UTC, cut to the millisecond; one without a zone is UTC already.

    Raises ValueError when that is before year 1 or after 9999.
    """
    try:
        moved = date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except OverflowError:
        raise ValueError("a date outside the years 1 to 9999 in UTC") from None
    return moved.replace(microsecond=moved.microsecond // 1000 * 1000)


def settle_dates(message: Message, *names: str) -> None:
    """Put these dates of a new message into UTC; absent ones stay so. Part of the one pass of decoding."""
    for name in names:
        date = getattr(message, name)
        if date is not UNSET and (date.tzinfo is not UTC or date.microsecond % 1000):
            msgspec.structs.force_setattr(message, name, in_utc(date))


def check_tenths(message: Message, *names: str) -> None:
    """Refuse, by ValueError, numbers that are no multiple of 0.1.

    A binary float is one exactly when it is the float nearest to a number with one decimal: 6.3 is, 6.35 is not, and
    no remainder is ever taken.
    """
    for name in names:
        value = getattr(message, name)
        if value is not UNSET and round(value, 1) != value:
            raise ValueError(f"{value} has more than one decimal")


# --- enumerations ---------------------------------------------------------------------------------------------------

AuthorizationStatus = Literal["Accepted", "Blocked", "Expired", "Invalid", "ConcurrentTx"]
"""ConcurrentTx comes in StartTransaction only."""

AvailabilityStatus = Literal["Accepted", "Rejected", "Scheduled"]

AvailabilityType = Literal["Inoperative", "Operative"]

CancelReservationStatus = Literal["Accepted", "Rejected"]

ChargePointErrorCode = Literal[
    "ConnectorLockFailure",
    "EVCommunicationError",
    "GroundFailure",
    "HighTemperature",
    "InternalError",
    "LocalListConflict",
    "NoError",
    "OtherError",
    "OverCurrentFailure",
    "PowerMeterFailure",
    "PowerSwitchFailure",
    "ReaderFailure",
    "ResetFailure",
    "UnderVoltage",
    "OverVoltage",
    "WeakSignal",
]

ChargePointStatus = Literal[
    "Available",
    "Preparing",
    "Charging",
    "SuspendedEVSE",
    "SuspendedEV",
    "Finishing",
    "Reserved",
    "Unavailable",
    "Faulted",
]

ChargingProfileKindType = Literal["Absolute", "Recurring", "Relative"]

ChargingProfilePurposeType = Literal["ChargePointMaxProfile", "TxDefaultProfile", "TxProfile"]

ChargingProfileStatus = Literal["Accepted", "Rejected", "NotSupported"]

ChargingRateUnitType = Literal["A", "W"]
"""A is per phase, W is the total."""

ClearCacheStatus = Literal["Accepted", "Rejected"]

ClearChargingProfileStatus = Literal["Accepted", "Unknown"]

ConfigurationStatus = Literal["Accepted", "Rejected", "RebootRequired", "NotSupported"]

DataTransferStatus = Literal["Accepted", "Rejected", "UnknownMessageId", "UnknownVendorId"]

DiagnosticsStatus = Literal["Idle", "Uploaded", "UploadFailed", "Uploading"]

FirmwareStatus = Literal[
    "Downloaded",
    "DownloadFailed",
    "Downloading",
    "Idle",
    "InstallationFailed",
    "Installing",
    "Installed",
]

GetCompositeScheduleStatus = Literal["Accepted", "Rejected"]

Location = Literal["Cable", "EV", "Inlet", "Outlet", "Body"]

Measurand = Literal[
    "Energy.Active.Export.Register",
    "Energy.Active.Import.Register",
    "Energy.Reactive.Export.Register",
    "Energy.Reactive.Import.Register",
    "Energy.Active.Export.Interval",
    "Energy.Active.Import.Interval",
    "Energy.Reactive.Export.Interval",
    "Energy.Reactive.Import.Interval",
    "Power.Active.Export",
    "Power.Active.Import",
    "Power.Offered",
    "Power.Reactive.Export",
    "Power.Reactive.Import",
    "Power.Factor",
    "Current.Import",
    "Current.Export",
    "Current.Offered",
    "Voltage",
    "Frequency",
    "Temperature",
    "SoC",
    "RPM",
]

MessageTrigger = Literal[
    "BootNotification",
    "DiagnosticsStatusNotification",
    "FirmwareStatusNotification",
    "Heartbeat",
    "MeterValues",
    "StatusNotification",
]

Phase = Literal["L1", "L2", "L3", "N", "L1-N", "L2-N", "L3-N", "L1-L2", "L2-L3", "L3-L1"]

ReadingContext = Literal[
    "Interruption.Begin",
    "Interruption.End",
    "Sample.Clock",
    "Sample.Periodic",
    "Transaction.Begin",
    "Transaction.End",
    "Trigger",
    "Other",
]

Reason = Literal[
    "EmergencyStop",
    "EVDisconnected",
    "HardReset",
    "Local",
    "Other",
    "PowerLoss",
    "Reboot",
    "Remote",
    "SoftReset",
    "UnlockCommand",
    "DeAuthorized",
]

RecurrencyKindType = Literal["Daily", "Weekly"]

RegistrationStatus = Literal["Accepted", "Pending", "Rejected"]

RemoteStartStopStatus = Literal["Accepted", "Rejected"]

ReservationStatus = Literal["Accepted", "Faulted", "Occupied", "Rejected", "Unavailable"]

ResetStatus = Literal["Accepted", "Rejected"]

ResetType = Literal["Hard", "Soft"]

TriggerMessageStatus = Literal["Accepted", "Rejected", "NotImplemented"]

UnitOfMeasure = Literal[
    "Wh",
    "kWh",
    "varh",
    "kvarh",
    "W",
    "kW",
    "VA",
    "kVA",
    "var",
    "kvar",
    "A",
    "V",
    "K",
    "Celcius",
    "Celsius",
    "Fahrenheit",
    "Percent",
]
"""Both spellings of degrees are in the schema; stations send `Celcius`. Frequency goes without a unit."""

UnlockStatus = Literal["Unlocked", "UnlockFailed", "NotSupported"]

UpdateStatus = Literal["Accepted", "Failed", "NotSupported", "VersionMismatch"]

UpdateType = Literal["Differential", "Full"]

ValueFormat = Literal["Raw", "SignedData"]

# --- parts -----------------------------------------------------------------------------------------------------------


class IdTagInfo(Message, frozen=True, kw_only=True):
    """What the central system knows of a badge."""

    expiry_date: Date | UnsetType = UNSET
    parent_id_tag: IdToken | UnsetType = UNSET
    status: AuthorizationStatus

    def __post_init__(self) -> None:
        settle_dates(self, "expiry_date")


class AuthorizationData(Message, frozen=True, kw_only=True):
    """One entry of the local list; without `id_tag_info` it deletes the badge (Differential only)."""

    id_tag: IdToken
    id_tag_info: IdTagInfo | UnsetType = UNSET


class KeyValue(Message, frozen=True, kw_only=True):
    """One configuration key as reported; `value` is absent when the key is known but unset."""

    key: Text50
    readonly: bool
    value: Text500 | UnsetType = UNSET


class SampledValue(Message, frozen=True, kw_only=True):
    """One reading; `value` is text even for numbers. Absent fields mean Sample.Periodic, Raw, Outlet, Wh and the
    import register.
    """

    value: str
    context: ReadingContext | UnsetType = UNSET
    format: ValueFormat | UnsetType = UNSET
    measurand: Measurand | UnsetType = UNSET
    phase: Phase | UnsetType = UNSET
    location: Location | UnsetType = UNSET
    unit: UnitOfMeasure | UnsetType = UNSET


class MeterValue(Message, frozen=True, kw_only=True):
    """The readings of one instant. The text wants at least one, the schema does not."""

    timestamp: Date
    sampled_value: tuple[SampledValue, ...]

    def __post_init__(self) -> None:
        date = self.timestamp  # asked here first: this is the part that stations send most
        if date.tzinfo is not UTC or date.microsecond % 1000:
            settle_dates(self, "timestamp")


class ChargingSchedulePeriod(Message, frozen=True, kw_only=True):
    """From `start_period` seconds after the start of the schedule: at most `limit` A or W, with one decimal."""

    start_period: Integer
    limit: Tenths
    number_phases: Integer | UnsetType = UNSET

    def __post_init__(self) -> None:
        check_tenths(self, "limit")


class ChargingSchedule(Message, frozen=True, kw_only=True):
    """Limits over time; `duration` in seconds, `min_charging_rate` in the unit of the limits."""

    duration: Integer | UnsetType = UNSET
    start_schedule: Date | UnsetType = UNSET
    charging_rate_unit: ChargingRateUnitType
    charging_schedule_period: tuple[ChargingSchedulePeriod, ...]
    min_charging_rate: Tenths | UnsetType = UNSET

    def __post_init__(self) -> None:
        settle_dates(self, "start_schedule")
        check_tenths(self, "min_charging_rate")


class ChargingProfile(Message, frozen=True, kw_only=True):
    """A schedule with its purpose and rank; a higher `stack_level` goes before a lower one."""

    charging_profile_id: Integer
    transaction_id: Integer | UnsetType = UNSET
    stack_level: Integer
    charging_profile_purpose: ChargingProfilePurposeType
    charging_profile_kind: ChargingProfileKindType
    recurrency_kind: RecurrencyKindType | UnsetType = UNSET
    valid_from: Date | UnsetType = UNSET
    valid_to: Date | UnsetType = UNSET
    charging_schedule: ChargingSchedule

    def __post_init__(self) -> None:
        settle_dates(self, "valid_from", "valid_to")


# --- messages --------------------------------------------------------------------------------------------------------


class AuthorizeResponse(Response, frozen=True, kw_only=True):
    """The verdict on the badge."""

    id_tag_info: IdTagInfo


class Authorize(Request, frozen=True, kw_only=True):
    """May this badge charge? Never sent to stop a transaction with the badge that started it."""

    action = "Authorize"
    response = AuthorizeResponse

    id_tag: IdToken


class BootNotificationResponse(Response, frozen=True, kw_only=True):
    """`interval` in seconds: between heartbeats when Accepted, until the next attempt otherwise."""

    status: RegistrationStatus
    current_time: Date
    interval: Integer

    def __post_init__(self) -> None:
        settle_dates(self, "current_time")


class BootNotification(Request, frozen=True, kw_only=True):
    """First CALL after every start of the station."""

    action = "BootNotification"
    response = BootNotificationResponse

    charge_point_vendor: Text20
    charge_point_model: Text20
    charge_point_serial_number: Text25 | UnsetType = UNSET
    charge_box_serial_number: Text25 | UnsetType = UNSET
    firmware_version: Text50 | UnsetType = UNSET
    iccid: Text20 | UnsetType = UNSET
    imsi: Text20 | UnsetType = UNSET
    meter_type: Text25 | UnsetType = UNSET
    meter_serial_number: Text25 | UnsetType = UNSET


class CancelReservationResponse(Response, frozen=True, kw_only=True):
    """Accepted if there was such a reservation."""

    status: CancelReservationStatus


class CancelReservation(Request, frozen=True, kw_only=True):
    """Give the reserved connector free."""

    action = "CancelReservation"
    response = CancelReservationResponse

    reservation_id: Integer


class ChangeAvailabilityResponse(Response, frozen=True, kw_only=True):
    """Scheduled: it changes when the running transaction ends."""

    status: AvailabilityStatus


class ChangeAvailability(Request, frozen=True, kw_only=True):
    """Put a connector (0: the station and all of them) in or out of service."""

    action = "ChangeAvailability"
    response = ChangeAvailabilityResponse

    connector_id: Integer
    type: AvailabilityType


class ChangeConfigurationResponse(Response, frozen=True, kw_only=True):
    """NotSupported: no such key. Rejected: read-only or a wrong value."""

    status: ConfigurationStatus


class ChangeConfiguration(Request, frozen=True, kw_only=True):
    """Set one key; values are always text."""

    action = "ChangeConfiguration"
    response = ChangeConfigurationResponse

    key: Text50
    value: Text500


class ClearCacheResponse(Response, frozen=True, kw_only=True):
    """Rejected when there is no cache."""

    status: ClearCacheStatus


class ClearCache(Request, frozen=True, kw_only=True):
    """Forget all cached badges."""

    action = "ClearCache"
    response = ClearCacheResponse


class ClearChargingProfileResponse(Response, frozen=True, kw_only=True):
    """Unknown: nothing matched."""

    status: ClearChargingProfileStatus


class ClearChargingProfile(Request, frozen=True, kw_only=True):
    """Remove the profile `id`, or all that match every other field given; no field: all profiles."""

    action = "ClearChargingProfile"
    response = ClearChargingProfileResponse

    id: Integer | UnsetType = UNSET
    connector_id: Integer | UnsetType = UNSET
    charging_profile_purpose: ChargingProfilePurposeType | UnsetType = UNSET
    stack_level: Integer | UnsetType = UNSET


class DataTransferResponse(Response, frozen=True, kw_only=True):
    """UnknownVendorId and UnknownMessageId carry no `data`."""

    status: DataTransferStatus
    data: str | UnsetType = UNSET


class DataTransfer(Request, frozen=True, kw_only=True):
    """Vendor's own message, in both directions; `data` is text, JSON inside it is encoded twice."""

    action = "DataTransfer"
    response = DataTransferResponse

    vendor_id: Text255
    message_id: Text50 | UnsetType = UNSET
    data: str | UnsetType = UNSET


class DiagnosticsStatusNotificationResponse(Response, frozen=True, kw_only=True):
    """Empty."""


class DiagnosticsStatusNotification(Request, frozen=True, kw_only=True):
    """How far the upload of diagnostics is; Idle only when triggered."""

    action = "DiagnosticsStatusNotification"
    response = DiagnosticsStatusNotificationResponse

    status: DiagnosticsStatus


class FirmwareStatusNotificationResponse(Response, frozen=True, kw_only=True):
    """Empty."""


class FirmwareStatusNotification(Request, frozen=True, kw_only=True):
    """How far the firmware update is; Idle only when triggered."""

    action = "FirmwareStatusNotification"
    response = FirmwareStatusNotificationResponse

    status: FirmwareStatus


class GetCompositeScheduleResponse(Response, frozen=True, kw_only=True):
    """Rejected comes with `status` alone."""

    status: GetCompositeScheduleStatus
    connector_id: Integer | UnsetType = UNSET
    schedule_start: Date | UnsetType = UNSET
    charging_schedule: ChargingSchedule | UnsetType = UNSET

    def __post_init__(self) -> None:
        settle_dates(self, "schedule_start")


class GetCompositeSchedule(Request, frozen=True, kw_only=True):
    """What the station expects to offer for the next `duration` seconds."""

    action = "GetCompositeSchedule"
    response = GetCompositeScheduleResponse

    connector_id: Integer
    duration: Integer
    charging_rate_unit: ChargingRateUnitType | UnsetType = UNSET


class GetConfigurationResponse(Response, frozen=True, kw_only=True):
    """The keys known, and the names unknown here."""

    configuration_key: tuple[KeyValue, ...] | UnsetType = UNSET
    unknown_key: tuple[Text50, ...] | UnsetType = UNSET


class GetConfiguration(Request, frozen=True, kw_only=True):
    """Read the keys named; no or an empty list: all of them."""

    action = "GetConfiguration"
    response = GetConfigurationResponse

    key: tuple[Text50, ...] | UnsetType = UNSET


class GetDiagnosticsResponse(Response, frozen=True, kw_only=True):
    """No `file_name`: there is nothing to upload."""

    file_name: Text255 | UnsetType = UNSET


class GetDiagnostics(Request, frozen=True, kw_only=True):
    """Upload the log between two dates into the directory `location`; `retry_interval` in seconds."""

    action = "GetDiagnostics"
    response = GetDiagnosticsResponse

    location: str
    retries: Integer | UnsetType = UNSET
    retry_interval: Integer | UnsetType = UNSET
    start_time: Date | UnsetType = UNSET
    stop_time: Date | UnsetType = UNSET

    def __post_init__(self) -> None:
        settle_dates(self, "start_time", "stop_time")


class GetLocalListVersionResponse(Response, frozen=True, kw_only=True):
    """-1 not supported, 0 empty, else the version."""

    list_version: Integer


class GetLocalListVersion(Request, frozen=True, kw_only=True):
    """Which version of the local list is held?"""

    action = "GetLocalListVersion"
    response = GetLocalListVersionResponse


class HeartbeatResponse(Response, frozen=True, kw_only=True):
    """The date of the central system."""

    current_time: Date

    def __post_init__(self) -> None:
        settle_dates(self, "current_time")


class Heartbeat(Request, frozen=True, kw_only=True):
    """Still here; what time is it?"""

    action = "Heartbeat"
    response = HeartbeatResponse


class MeterValuesResponse(Response, frozen=True, kw_only=True):
    """Empty."""


class MeterValues(Request, frozen=True, kw_only=True):
    """Readings of a connector (0: the main meter), in a transaction or not."""

    action = "MeterValues"
    response = MeterValuesResponse

    connector_id: Integer
    transaction_id: Integer | UnsetType = UNSET
    meter_value: tuple[MeterValue, ...]


class RemoteStartTransactionResponse(Response, frozen=True, kw_only=True):
    """Accepted: it will try."""

    status: RemoteStartStopStatus


class RemoteStartTransaction(Request, frozen=True, kw_only=True):
    """Start for this badge; without `connector_id` the station chooses."""

    action = "RemoteStartTransaction"
    response = RemoteStartTransactionResponse

    connector_id: Integer | UnsetType = UNSET
    id_tag: IdToken
    charging_profile: ChargingProfile | UnsetType = UNSET


class RemoteStopTransactionResponse(Response, frozen=True, kw_only=True):
    """Accepted if that transaction runs."""

    status: RemoteStartStopStatus


class RemoteStopTransaction(Request, frozen=True, kw_only=True):
    """Stop this transaction."""

    action = "RemoteStopTransaction"
    response = RemoteStopTransactionResponse

    transaction_id: Integer


class ReserveNowResponse(Response, frozen=True, kw_only=True):
    """Accepted, or why not."""

    status: ReservationStatus


class ReserveNow(Request, frozen=True, kw_only=True):
    """Hold a connector (0: any) for a badge until `expiry_date`."""

    action = "ReserveNow"
    response = ReserveNowResponse

    connector_id: Integer
    expiry_date: Date
    id_tag: IdToken
    parent_id_tag: IdToken | UnsetType = UNSET
    reservation_id: Integer

    def __post_init__(self) -> None:
        settle_dates(self, "expiry_date")


class ResetResponse(Response, frozen=True, kw_only=True):
    """Accepted: it will try."""

    status: ResetStatus


class Reset(Request, frozen=True, kw_only=True):
    """Restart, stopping transactions first; Hard restarts everything."""

    action = "Reset"
    response = ResetResponse

    type: ResetType


class SendLocalListResponse(Response, frozen=True, kw_only=True):
    """VersionMismatch: a Differential not newer than what is held."""

    status: UpdateStatus


class SendLocalList(Request, frozen=True, kw_only=True):
    """Replace or change the local list."""

    action = "SendLocalList"
    response = SendLocalListResponse

    list_version: Integer
    local_authorization_list: tuple[AuthorizationData, ...] | UnsetType = UNSET
    update_type: UpdateType


class SetChargingProfileResponse(Response, frozen=True, kw_only=True):
    """Accepted, Rejected, or NotSupported."""

    status: ChargingProfileStatus


class SetChargingProfile(Request, frozen=True, kw_only=True):
    """Install one profile (the plural is the wire's); connector 0: for the whole station."""

    action = "SetChargingProfile"
    response = SetChargingProfileResponse

    connector_id: Integer
    cs_charging_profiles: ChargingProfile


class StartTransactionResponse(Response, frozen=True, kw_only=True):
    """The number of the transaction (any integer), given even when the badge is refused."""

    id_tag_info: IdTagInfo
    transaction_id: Integer


class StartTransaction(Request, frozen=True, kw_only=True):
    """A transaction began; `meter_start` in Wh of the register."""

    action = "StartTransaction"
    response = StartTransactionResponse

    connector_id: Integer
    id_tag: IdToken
    meter_start: Integer
    reservation_id: Integer | UnsetType = UNSET
    timestamp: Date

    def __post_init__(self) -> None:
        settle_dates(self, "timestamp")


class StatusNotificationResponse(Response, frozen=True, kw_only=True):
    """Empty."""


class StatusNotification(Request, frozen=True, kw_only=True):
    """Status and error of a connector (0: the station)."""

    action = "StatusNotification"
    response = StatusNotificationResponse

    connector_id: Integer
    error_code: ChargePointErrorCode
    info: Text50 | UnsetType = UNSET
    status: ChargePointStatus
    timestamp: Date | UnsetType = UNSET
    vendor_id: Text255 | UnsetType = UNSET
    vendor_error_code: Text50 | UnsetType = UNSET

    def __post_init__(self) -> None:
        settle_dates(self, "timestamp")


class StopTransactionResponse(Response, frozen=True, kw_only=True):
    """News about the badge, if any."""

    id_tag_info: IdTagInfo | UnsetType = UNSET


class StopTransaction(Request, frozen=True, kw_only=True):
    """A transaction ended; `meter_stop` in Wh. No `reason` means Local; no `id_tag` means it is not known."""

    action = "StopTransaction"
    response = StopTransactionResponse

    id_tag: IdToken | UnsetType = UNSET
    meter_stop: Integer
    timestamp: Date
    transaction_id: Integer
    reason: Reason | UnsetType = UNSET
    transaction_data: tuple[MeterValue, ...] | UnsetType = UNSET

    def __post_init__(self) -> None:
        settle_dates(self, "timestamp")


class TriggerMessageResponse(Response, frozen=True, kw_only=True):
    """The answer goes first, then the message."""

    status: TriggerMessageStatus


class TriggerMessage(Request, frozen=True, kw_only=True):
    """Send that message now; without `connector_id` for every connector."""

    action = "TriggerMessage"
    response = TriggerMessageResponse

    requested_message: MessageTrigger
    connector_id: Integer | UnsetType = UNSET


class UnlockConnectorResponse(Response, frozen=True, kw_only=True):
    """NotSupported: no lock, or no such connector."""

    status: UnlockStatus


class UnlockConnector(Request, frozen=True, kw_only=True):
    """Open the cable lock; a running transaction is ended first."""

    action = "UnlockConnector"
    response = UnlockConnectorResponse

    connector_id: Integer


class UpdateFirmwareResponse(Response, frozen=True, kw_only=True):
    """Empty."""


class UpdateFirmware(Request, frozen=True, kw_only=True):
    """Fetch the file at `location` from `retrieve_date` on and install it; `retry_interval` in seconds."""

    action = "UpdateFirmware"
    response = UpdateFirmwareResponse

    location: str
    retries: Integer | UnsetType = UNSET
    retrieve_date: Date
    retry_interval: Integer | UnsetType = UNSET

    def __post_init__(self) -> None:
        settle_dates(self, "retrieve_date")


REQUESTS: dict[str, type[Request]] = {
    kind.action: kind
    for kind in (
        Authorize,
        BootNotification,
        CancelReservation,
        ChangeAvailability,
        ChangeConfiguration,
        ClearCache,
        ClearChargingProfile,
        DataTransfer,
        DiagnosticsStatusNotification,
        FirmwareStatusNotification,
        GetCompositeSchedule,
        GetConfiguration,
        GetDiagnostics,
        GetLocalListVersion,
        Heartbeat,
        MeterValues,
        RemoteStartTransaction,
        RemoteStopTransaction,
        ReserveNow,
        Reset,
        SendLocalList,
        SetChargingProfile,
        StartTransaction,
        StatusNotification,
        StopTransaction,
        TriggerMessage,
        UnlockConnector,
        UpdateFirmware,
    )
}
"""The 28 actions of OCPP 1.6 by their name on the wire (sections 4 and 5)."""
