"""P2, P9: the supervision is killed at any instant; what it answered is kept, and what is told again is billed once."""

import json
import subprocess
import sys
import threading
from pathlib import Path
from random import Random
from typing import Any

from chargepost.supervision.ledger import Ledger

PROGRAM = Path(__file__).with_name("supervised_process.py")
GUARD_S = 30.0
"""A life that hangs ends by itself, and its missing answer fails the test."""
KILLS = 6
CHARGES = 12
"""Transactions told in one life, at most; each is a start, a sample and a stop."""


class Life:
    """The supervision from its start to its death."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.guard = threading.Timer(GUARD_S, self.process.kill)
        self.guard.start()

    def tell(self, ident: str, action: str, payload: dict[str, Any]) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps([2, ident, action, payload]).encode() + b"\n")
        self.process.stdin.flush()

    def ask(self, ident: str, action: str, payload: dict[str, Any]) -> Any:
        self.tell(ident, action, payload)
        assert self.process.stdout
        frame = json.loads(self.process.stdout.readline())
        assert frame[:2] == [3, ident], frame
        return frame[2]

    def kill(self) -> None:
        self.guard.cancel()
        self.process.kill()
        self.process.communicate()

    def end(self) -> None:
        self.guard.cancel()
        self.process.communicate(timeout=30)


class Station:
    """Tells each charge in order, again and again until it is answered, as an outbox does."""

    def __init__(self) -> None:
        self.charge = 0
        self.number: int | None = None
        self.step = 0
        self.told = 0

    def next_message(self) -> tuple[str, dict[str, Any]]:
        at = f"2027-01-15T{self.charge // 60:02}:{self.charge % 60:02}:00Z"
        if self.step == 0:
            start = {"connectorId": 1, "idTag": "BADGE", "meterStart": self.charge * 1000, "timestamp": at}
            return "StartTransaction", start
        if self.step == 1:
            value = {"timestamp": at, "sampledValue": [{"value": str(self.charge)}]}
            return "MeterValues", {"connectorId": 1, "transactionId": self.number, "meterValue": [value]}
        return "StopTransaction", {"transactionId": self.number, "meterStop": self.charge * 1000 + 7, "timestamp": at}

    def answered(self, answer: Any) -> None:
        self.number = answer.get("transactionId", self.number)
        self.step += 1
        if self.step == 3:
            self.charge, self.step = self.charge + 1, 0


def test_p2_p9_killed_at_any_instant_every_charge_is_billed_exactly_once(tmp_path: Path) -> None:
    dice, station = Random(11), Station()
    for life_number in range(KILLS + 1):
        life = Life(tmp_path)
        life.ask(f"boot-{life_number}", "BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"})
        for _ in range(dice.randrange(3, 3 * CHARGES)):
            station.told += 1
            station.answered(life.ask(f"m-{station.told}", *station.next_message()))
        if life_number == KILLS:
            while station.step:
                station.told += 1
                station.answered(life.ask(f"m-{station.told}", *station.next_message()))
            life.end()
        elif dice.random() < 0.5:  # written, and the answer never arrives
            life.ask("lost", *station.next_message())
            life.kill()
        else:  # under way
            life.tell("lost", *station.next_message())
            life.kill()
    ledger = Ledger(tmp_path)
    records = ledger.transactions(limit=1000)
    samples = [len(ledger.meter_values(record.transaction)) for record in records]
    ledger.close()
    assert sorted(record.start_wh for record in records) == [1000 * charge for charge in range(station.charge)]
    assert {record.energy_wh for record in records} == {7}
    assert set(samples) == {1}
