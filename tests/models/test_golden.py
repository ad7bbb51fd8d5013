"""Each line and release is seen over the wire as its golden file has it (tests/models/observe.py, tools/golden)."""

import difflib

import pytest

from chargepost.ocpp import messages, security
from tests.models.observe import GOLDEN, REQUESTS, every_release, identity_of, observe, written

FROM_STATIONS = {
    "Authorize", "BootNotification", "DiagnosticsStatusNotification", "FirmwareStatusNotification", "Heartbeat",
    "LogStatusNotification", "MeterValues", "SecurityEventNotification", "SignCertificate",
    "SignedFirmwareStatusNotification", "StartTransaction", "StatusNotification", "StopTransaction",
}  # fmt: skip
"""Actions a central system does not have (OCPP 1.6, 4; security extension, 4)."""


def test_every_request_of_a_central_system_is_asked() -> None:
    """OCPP 1.6, 5; security extension, 4; besides a request of the other direction, and one that does not exist."""
    asked = {action for action, _ in REQUESTS}
    assert (
        asked - {"Heartbeat", "NoSuchAction"} == (messages.REQUESTS.keys() | security.REQUESTS.keys()) - FROM_STATIONS
    )


def test_there_is_a_golden_file_for_every_release_and_no_other() -> None:
    wanted = {f"{identity_of(model)}.json" for model in every_release()}
    assert {path.name for path in GOLDEN.glob("*")} == wanted, "tools/golden writes them"


@pytest.mark.slow
async def test_every_release_is_seen_as_its_golden_file_has_it() -> None:
    differences: list[str] = []
    for identity, told in (await observe(every_release())).items():
        path = GOLDEN / f"{identity}.json"
        before = path.read_text("utf-8") if path.is_file() else ""
        differences += difflib.unified_diff(before.splitlines(), written(told).splitlines(), path.name, "seen", n=0)
    assert not differences, "\n".join([*differences, "If this is as its guide has it, tools/golden writes it down."])
