"""What one message costs to read and to write: decoded, validated and typed, from the same bytes for everybody."""

import asyncio
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
import ocpp.messages as peer
from ocpp.charge_point import camel_to_snake_case, remove_nones, serialize_as_dict, snake_to_camel_case
from ocpp.v16 import call as peer_calls
from parts import words
from parts.figures import COLUMNS, MESSAGES, emit, is_quick
from parts.machine import Child, node

from chargepost.ocpp import frames

ROUNDS = 3 if is_quick() else 7
ROUND_S = 0.02 if is_quick() else 0.3
IDENT = "8c2f60a1-77"


def cost_us(what: Callable[[], object]) -> float:
    """CPU of one call, median of the rounds."""
    what()
    count, took_s = 1, 0.0
    while took_s < ROUND_S / 2:
        count *= 2
        took_s = _took_s(what, count)
    return statistics.median(_took_s(what, count) / count * 1e6 for _ in range(ROUNDS))


def _took_s(what: Callable[[], object], count: int) -> float:
    repeat = range(count)
    start = time.process_time()
    for _ in repeat:
        what()
    return time.process_time() - start


def peer_read(data: str) -> Any:
    """As `ChargePoint.route_message` and its handlers do: parse, validate, spell the names in snake case."""
    message = peer.unpack(data)
    peer._validate_payload(message, "1.6")
    return camel_to_snake_case(message.payload)


def peer_write(action: str, payload: Any) -> str:
    """As `ChargePoint.call` does, without its validation."""
    camel_case = snake_to_camel_case(serialize_as_dict(payload))
    return str(peer.Call(unique_id=IDENT, action=action, payload=remove_nones(camel_case)).to_json())


def main() -> None:
    asyncio.set_event_loop(asyncio.new_event_loop())
    data = {action: words.call(IDENT, action, words.PAYLOADS[action]) for action in MESSAGES}
    for action in MESSAGES:
        raw, how = data[action], f"{len(data[action])} bytes"
        text = raw.decode()
        call = frames.read(raw)
        assert isinstance(call, frames.Call)
        peer_payload = getattr(peer_calls, action)(**peer_read(text))
        for verb, of, what, note in (
            ("decode and validate", COLUMNS[0], partial(frames.read, raw), how),
            ("decode and validate", COLUMNS[1], partial(peer_read, text), how),
            ("decode and validate", COLUMNS[3], partial(msgspec.json.decode, raw), "parsed, not validated"),
            ("encode", COLUMNS[0], partial(frames.write_call, IDENT, call.payload), how),
            ("encode", COLUMNS[1], partial(peer_write, action, peer_payload), how),
            ("encode", COLUMNS[3], partial(msgspec.json.encode, msgspec.json.decode(raw)), "written from plain values"),
        ):
            emit(f"{verb} {action}", cost_us(what), of, note)
    if node():
        with Child("rpc_codec.cjs") as child:
            for action in MESSAGES:
                for verb, order in (("decode and validate", "decode"), ("encode", "encode")):
                    costs = [child.ask(order, data=data[action].decode(), round_s=ROUND_S) for _ in range(ROUNDS)]
                    emit(f"{verb} {action}", statistics.median(costs), "ocpp-rpc (npm)", f"{len(data[action])} bytes")


if __name__ == "__main__":
    main()
