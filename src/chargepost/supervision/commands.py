"""What the central system may ask of a station: the action's name and its JSON payload -> a typed message. Pure."""

from difflib import get_close_matches

import msgspec

from chargepost.ocpp import messages, security
from chargepost.ocpp.messages import Request
from chargepost.supervision.answers import RULES

ACTIONS: dict[str, type[Request]] = {
    name: request
    for name, request in (messages.REQUESTS | security.REQUESTS).items()
    if request not in RULES or name == "DataTransfer"
}
"""All requests but those only stations send; DataTransfer goes both ways."""


class BadCommand(ValueError):
    """The command cannot be sent; `path` is where the payload is wrong, `remedy` what to write instead."""

    def __init__(self, path: str, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.path, self.reason, self.remedy = path, reason, remedy


class UnknownAction(BadCommand):
    """There is no such action."""


def read(action: str, payload: bytes) -> Request:
    """The message to send. Raises UnknownAction, or BadCommand with the path of what is wrong."""
    request = ACTIONS.get(action)
    if request is None:
        near = get_close_matches(action, ACTIONS, n=1, cutoff=0.5)
        remedy = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(sorted(ACTIONS))}."
        raise UnknownAction("", f"{action[:50]!r} is no message a central system sends", remedy)
    try:
        return msgspec.json.decode(payload.strip() or b"{}", type=request)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at ")
        fields = ", ".join(field.encode_name for field in msgspec.structs.fields(request))
        raise BadCommand(path.strip("`") or "$", reason, f"{action} has: {fields or 'no fields'}.") from error
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BadCommand("$", f"not JSON: {error}", "Send the payload as one JSON object.") from error
