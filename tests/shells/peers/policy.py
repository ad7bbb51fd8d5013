"""What the peers answer: a central system that takes everybody, and a station that agrees to everything."""

from datetime import UTC, datetime
from itertools import count
from typing import Any

BLOCKED = "BLOCKED"
"""The one badge that is refused."""

QUIET_S = 3600
"""Between heartbeats: the other side's traffic is then only what a test is about."""


def date() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _tag(payload: dict[str, Any]) -> dict[str, Any]:
    return {"idTagInfo": {"status": "Blocked" if payload.get("idTag") == BLOCKED else "Accepted"}}


class TakesEverybody:
    """The answers of a central system, each transaction with a number of its own."""

    def __init__(self) -> None:
        self.numbers = count(1001)

    def __call__(self, identity: str, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        match action:
            case "BootNotification":
                return {"status": "Accepted", "currentTime": date(), "interval": QUIET_S}
            case "Heartbeat":
                return {"currentTime": date()}
            case "Authorize":
                return _tag(payload)
            case "StartTransaction":
                return {"transactionId": next(self.numbers)} | _tag(payload)
            case "StopTransaction":
                return _tag(payload) if "idTag" in payload else {}
            case "DataTransfer":
                return {"status": "Accepted"}
            case "SignCertificate":
                return {"status": "Rejected"}
            case "MeterValues" | "StatusNotification" | "DiagnosticsStatusNotification" | "FirmwareStatusNotification":
                return {}
            case "LogStatusNotification" | "SecurityEventNotification" | "SignedFirmwareStatusNotification":
                return {}
        raise ValueError(f"no station asks for {action}")


class AgreesToAll:
    """The answers of a station; its keys can be changed."""

    def __init__(self) -> None:
        self.keys = {"HeartbeatInterval": "3600", "NumberOfConnectors": "1"}

    def __call__(self, identity: str, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        match action:
            case "GetConfiguration":
                return self._configuration(payload.get("key"))
            case "ChangeConfiguration":
                return {"status": self._change(payload["key"], payload["value"])}
            case "UnlockConnector":
                return {"status": "Unlocked"}
            case "DataTransfer":
                return {"status": "UnknownMessageId", "data": payload.get("data", "")}
            case "ChangeAvailability" | "ClearCache" | "RemoteStartTransaction" | "RemoteStopTransaction":
                return {"status": "Accepted"}
            case "Reset" | "TriggerMessage":
                return {"status": "Accepted"}
        raise ValueError(f"no central system asks for {action}")

    def _configuration(self, wanted: list[str] | None) -> dict[str, Any]:
        known = [name for name in wanted or self.keys if name in self.keys]
        rows = [{"key": name, "readonly": name == "NumberOfConnectors", "value": self.keys[name]} for name in known]
        return {"configurationKey": rows, "unknownKey": [name for name in wanted or () if name not in self.keys]}

    def _change(self, key: str, value: str) -> str:
        if key not in self.keys:
            return "NotSupported"
        if key == "NumberOfConnectors":
            return "Rejected"
        self.keys[key] = value
        return "Accepted"
