"""Every case of the conformance list that concerns a station: sections 1 (without 1.23), 4 and 5.

Not here, for their features are not: security, Plug & Charge, signed firmware. A case of 4 or 5 that says the same as
one of 1 has one script. The ids of sections 4 and 5 are ours; their sources name no numbers.
"""

from typing import NamedTuple

LISTED = """
[1.1 Cold boot (Core)]
TC_001_CS  Cold Boot Charge Point
TC_002_CS  Cold Boot Charge Point - Pending

[1.2 Start of a session (Core)]
TC_003_CS  Regular Charging Session - Plugin First
TC_004_1_CS  Regular Charging Session - Identification First
TC_004_2_CS  Identification First - ConnectionTimeOut

[1.3 Stop of a session (Core)]
TC_068_CS  Stop transaction - IdTag equals start IdTag
TC_069_CS  Stop transaction - ParentIdTag equals start ParentIdTag
TC_005_1_CS  EV Side Disconnected - stop true, unlock true
TC_005_2_CS  EV Side Disconnected - stop true, unlock false
TC_005_3_CS  EV Side Disconnected - stop false

[1.4 Authorization cache (Core, cache supported)]
TC_007_1_CS  Regular Start Charging Session - Cached Id
TC_007_2_CS  Remote Start Charging Session - Cached Id
TC_061_1_CS  Clear Authorization Data in Cache - Local
TC_061_2_CS  Clear Authorization Data in Cache - Remote

[1.5 Remote actions, happy flow (Core)]
TC_010_CS  Remote Start - Cable Plugged in First
TC_011_1_CS  Remote Start - Remote Start First
TC_011_2_CS  Remote Start - Time Out
TC_012_CS  Remote Stop Charging Session

[1.6 Reset, happy flow (Core)]
TC_013_CS  Hard Reset Without transaction
TC_014_CS  Soft Reset Without Transaction
TC_015_CS  Hard Reset With Transaction
TC_016_CS  Soft Reset With Transaction

[1.7 Unlock, happy flow (Core)]
TC_017_1_CS  Unlock connector - no session (not fixed cable)
TC_017_2_CS  Unlock connector - no session (fixed cable)
TC_018_1_CS  Unlock Connector - With Charging Session (not fixed cable)
TC_018_2_CS  Unlock Connector - With Charging Session (fixed cable)

[1.8 Configuration, happy flow (Core)]
TC_019_CS  Retrieve configuration
TC_021_CS  Change/set Configuration

[1.9 Meter values (Core)]
TC_070_CS  Sampled Meter Values
TC_071_CS  Clock-aligned Meter Values

[1.10 Basic actions, non-happy (Core)]
TC_023_4_CS  Start local session - Authorize invalid
TC_023_5_CS  Start remote session - Authorize invalid
TC_024_CS  Start Charging Session - Lock Failure

[1.11 Remote actions, non-happy (Core)]
TC_026_CS  Remote Start - Rejected
TC_027_CS  Remote start - connectorId shall not be 0
TC_028_CS  Remote Stop Transaction - Rejected

[1.12 Unlock, non-happy (Core)]
TC_030_CS  Unlock Connector - Unlock Failure
TC_031_CS  Unlock Connector - Unknown Connector

[1.13 Power failure (Core)]
TC_032_1_CS  Power failure - stop transaction(s) before going down
TC_032_2_CS  Power failure - stop transaction(s) after going down
TC_034_CS  Power Failure with Unavailable Status

[1.14 Offline behaviour (Core)]
TC_036_CS  Connection Loss During Transaction
TC_037_1_CS  Offline Start - Valid IdTag
TC_037_2_CS  Offline Start - Invalid IdTag - StopTransactionOnInvalidId=false
TC_037_3_CS  Offline Start - Invalid IdTag - StopTransactionOnInvalidId=true
TC_038_CS  Offline Stop Transaction
TC_039_CS  Offline Transaction

[1.15 Configuration keys, non-happy (Core)]
TC_040_1_CS  Configuration key - NotSupported
TC_040_2_CS  Configuration key - Invalid value

[1.16 Fault behaviour (Core)]
TC_041_CS  Fault Behavior

[1.17 Local authorization list (LAL)]
TC_008_1_CS  Regular Start - Id in Local Authorization List
TC_008_2_CS  Remote Start - Id in Local Authorization List
TC_042_1_CS  Get Local List Version (not supported)
TC_042_2_CS  Get Local List Version (empty)
TC_043_CS  Send Local Authorization List
TC_043_1_CS  Send Local List - NotSupported
TC_043_2_CS  Send Local List - VersionMismatch
TC_043_3_CS  Send Local List - Failed

[1.18 Firmware and diagnostics (FW)]
TC_044_1_CS  Firmware Update - Download and Install
TC_044_2_CS  Firmware Update - Download Failed
TC_044_3_CS  Firmware Update - Installation Failed
TC_045_1_CS  Get Diagnostics
TC_045_2_CS  Get Diagnostics - Upload Failed

[1.19 Reservation (RES)]
TC_046_1_CS  Reservation of a Connector - Local start
TC_046_2_CS  Reservation of a Connector - Remote start
TC_047_CS  Reservation of a Connector - Expire
TC_048_1_CS  Reservation - Faulted
TC_048_2_CS  Reservation - Occupied
TC_048_3_CS  Reservation - Unavailable
TC_048_4_CS  Reservation - Rejected
TC_049_CS  Reservation of a Charge Point - Transaction
TC_050_1_CS  Reservation of a Charge Point - Faulted
TC_050_2_CS  Reservation of a Charge Point - Occupied
TC_050_3_CS  Reservation of a Charge Point - Unavailable
TC_050_4_CS  Reservation of a Charge Point - Rejected
TC_051_CS  Cancel Reservation
TC_052_CS  Cancel Reservation - Rejected
TC_053_1_CS  Reserved Connector with parentIdTag - Local
TC_053_2_CS  Reserved Connector with parentIdTag - Remote

[1.20 Remote trigger (RT)]
TC_054_CS  Trigger Message
TC_055_CS  Trigger Message - Rejected

[1.21 Smart charging (SC)]
TC_056_CS  TxDefaultProfile
TC_057_CS  TxProfile
TC_058_1_CS  TxProfile - No ongoing transaction
TC_058_2_CS  TxProfile - Wrong transactionId
TC_059_CS  Remote Start with Charging Profile
TC_060_CS  Remote Start with Charging Profile - Rejected
TC_066_CS  Get Composite Schedule
TC_067_CS  Clear Charging Profile
TC_072_CS  Stacking Charging Profiles
TC_082_CS  TxDefaultProfile with ongoing transaction

[1.22 Data transfer (Core)]
TC_062_CS  Data Transfer to a Charge Point
[4 Booting]
boot.unfinished_transaction  A transaction that a crash left open is stopped with PowerLoss
boot.pending_remote_start_stop  RemoteStart and RemoteStop while Pending are Rejected
boot.rejected_then_accepted  Rejected, tried again after the interval, then as usual
boot.callerror  BootNotification answered with a CALLERROR is tried again
boot.no_answer  BootNotification that nobody answers is tried again
boot.pending_triggers  While Pending, triggered messages are sent
boot.rejected_answers_nothing  While Rejected, no request is answered
boot.configuration_stays  A changed key is still changed after a restart
[4 Authorization]
auth.group_stops  A tag of the same group stops
auth.invalid_starts_nothing  An invalid tag starts nothing
auth.reservation_group_local  A reservation for a group, another of its tags at the reader
auth.reservation_group_remote  A reservation for a group, another of its tags by remote start
auth.reservation_group_offline  A reservation for a group, another of its tags while offline
auth.cache_offline  A tag in the cache starts offline
auth.cache_no_authorize  A tag in the cache starts without Authorize with LocalPreAuthorize
auth.cache_expired  An expired entry of the cache means Authorize
auth.swipe_while_finishing  A swipe while Finishing sends no second StopTransaction
auth.remote_without_connector  Remote starts without connectorId: each for the connector that gets plugged
auth.remote_without_connector_rejected  A remote start that finds no car is Rejected, where a key says so
auth.remote_bound  A remote start for connector 2 ignores connector 1
auth.same_tag_twice  The same tag on two connectors
auth.list_over_long_tag  SendLocalList with an over-long idTag gives a CALLERROR
auth.one_reader  One reader for two connectors starts and stops the right one
[4 Malformed input]
wrong.missing_field  A payload without a required field
wrong.extra_field  A payload with a field too many
wrong.type  A payload with a field of another type
wrong.too_long  A payload with a text that is too long
wrong.utf8  A frame that is not UTF-8
wrong.authorize_answer  A wrong answer to Authorize starts nothing and harms nothing
wrong.boot_callerror_reconnect  BootNotification refused, reconnected: it boots again
wrong.start_refused  StartTransaction refused or unanswered, and the StopTransaction has the right number
[4 Message queue]
queue.attempts  StartTransaction refused by CALLERROR is tried so many times, then the StopTransaction
[4 Availability]
available.same_twice  The same state twice is Accepted, with no second StatusNotification
available.zero_is_all  Connector 0 changes 0 and all connectors
available.while_preparing  Inoperative during Preparing is Scheduled there and done elsewhere
available.while_charging  Inoperative during a transaction takes effect at its end
[4 Firmware and diagnostics]
files.diagnostics_retries  GetDiagnostics with two retries: three rounds, and no more
files.log_retries  GetLog with two retries: three rounds, and no more
files.firmware_retries  UpdateFirmware with two retries: three rounds, and no more
files.firmware_in_service  An install that leaves the connectors in service sends no StatusNotification
[4 Smart charging]
profile.recurring_without_start  Recurring without startSchedule or recurrencyKind is Rejected
profile.recurring_daily  A daily profile comes again after a day
profile.recurring_weekly  A weekly profile of one day falls back to the level below
profile.zero_over_one  A higher level on connector 0 over a lower one on connector 1
profile.number_phases  numberPhases of the winning period is in the schedule
profile.composite_zero  GetCompositeSchedule of connector 0 is that of ChargePointMaxProfile
profile.clear_zero_restart  ClearChargingProfile for connector 0, with a restart
[5 Boot and transactions]
stay.crashes  It recovers by itself from crash after crash
stay.before_first_boot  Charges before the first Accepted boot are kept, and told with their times
stay.deauthorized  A start that the central system refuses at once is ended
stay.deauthorized_kept  A start that is refused at once, where the transaction is to go on without energy
stay.unlock_after_stop  UnlockConnector when the session has ended
stay.retry_back_off  TransactionMessageRetryInterval grows with each attempt
stay.order_with_samples  Queued MeterValues keep their place between start and stop
stay.measurands_live  A changed list of measurands acts at once
stay.connector_zero_metering  MeterValues of connector 0 on the clock's grid
stay.cut_before_start  Power cut before the start was sent
stay.cut_start_unanswered  Power cut with the start unanswered
stay.cut_running  Power cut while it charges
stay.cut_stop_unanswered  Power cut with the stop unanswered
stay.cut_finished  Power cut after the end
[5 Reservation]
reserve.reboot  A reservation survives a reboot
reserve.other_connector  A transaction on another connector does not use the reservation
reserve.zero_keeps_one  A reservation of connector 0 keeps one connector free
[5 Smart charging]
profile.reboot  Profiles survive a reboot
profile.mixed_units  Profiles in A and in W together
profile.gap  A composite schedule with a gap
profile.installed_max  MaxChargingProfilesInstalled is enforced
profile.stack_max  ChargeProfileMaxStackLevel is enforced
profile.periods_max  ChargingScheduleMaxPeriods is enforced
profile.unit_allowed  ChargingScheduleAllowedChargingRateUnit is enforced
profile.replaces  The same id, or the same purpose and level, replaces
profile.contiguous  Profiles one after the other, and with time between them
[5 Local list and cache]
list.conflict  The list goes before the cache
list.expired  An expired entry of the list
list.reboot  The list survives a reboot
list.precedence  List and cache with and without LocalPreAuthorize, online and offline
[5 Firmware]
files.download_fails_twice  Two downloads fail, the third works
files.install_fails_twice  Two installations fail, the third works
files.waits  It waits for retrieveDate and for the end of sessions
"""


class Row(NamedTuple):
    """One case of the list."""

    ident: str
    section: str
    name: str


def _rows() -> list[Row]:
    rows, section = [], ""
    for line in filter(None, LISTED.splitlines()):
        if line.startswith("["):
            section = line.strip("[]")
        else:
            ident, name = line.split("  ", 1)
            rows.append(Row(ident, section, name))
    return rows


CASES: dict[str, Row] = {row.ident: row for row in _rows()}
"""By id, in the order of the list."""
