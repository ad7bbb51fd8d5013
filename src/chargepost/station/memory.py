"""What survives a power cut, as one value: text keys and small JSON values, each kind under a prefix of its own.

| prefix | holds |
|---|---|
| `boot` | number of starts of the program: message ids and record names rest on it |
| `setting/<inner name>` | a changed configuration key |
| `availability/<connector>` | Inoperative by command |
| `transaction/<name>` | an open transaction with its last durable reading |
| `data/<name>/<n>` | one reading kept for StopTransaction.transactionData |
| `outbox/<seq>` | a transaction message not yet processed by the central system |
| `number/<name>` | the central system's number of a transaction whose messages still wait |
| `cache/<tag>` | an entry of the authorization cache |
| `list/<tag>`, `listversion` | an entry of the local list, and the version of the list |
| `reservation/<id>` | a reservation |
| `profile/<id>` | a charging profile in its place, with the transaction it ends with |
| `external/<connector>` | what an external system has set, 0 of the station: current, and what is out of service |
| `root/<use>/<fingerprint>` | a root certificate |
| `security/before` | the security profile before the present one, until that has worked |
| `event/<n>` | a security event that the central system has not taken yet |
| `fault/<connector>/<code>` | a fault for the service, over a restart that does not take the mains away |
| `firmware/model` | what an installed firmware has made of the station: a model's full name |
| `firmware/update` | the update under way: its step and what it needs for the next ones |
| `maintenance/report` | of a report that is being sent: what is told of it when it cannot be |
| `maintenance/untold` | statuses of firmware and diagnostics that the central system has not answered |
| `meter/<connector>` | the last durable register, and the last start time stamp |

Changes are collected and taken as one `Remember`; a token tells when they are durable.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

import msgspec

from chargepost.catalogue import Model, ModelError, load
from chargepost.signals import ChargeRecord, Remember

T = TypeVar("T")

INSTALLED = "firmware/model"


def installed_model(memory: Mapping[str, bytes], bought: Model) -> tuple[Model, str]:
    """What a station is after the firmware that was installed last, and why it is not what its memory says.

    A carrier builds each program with it. `bought` is what the owner named; another line or variant is another station,
    which the firmware of the last one does not fit.
    """
    if INSTALLED not in memory:
        return bought, ""
    try:
        name = msgspec.json.decode(memory[INSTALLED], type=str)
        model = load(name)
    except (msgspec.MsgspecError, ModelError):
        return bought, f"the firmware installed last is not known to this program: {bought.name} runs instead"
    if (model.line, model.variant) != (bought.line, bought.variant):
        return bought, f"the firmware installed last is {model.name}, for another product: {bought.name} runs instead"
    return model, ""


SIGNED_PAGES = "ocmf"
"""Key: how many records the meter has signed, for ever."""


class Memory:
    """Collects changes; knows up to where they are on disk."""

    __slots__ = ("_drops", "_initial", "_puts", "_records", "broken", "durable", "token")

    def __init__(self, initial: Mapping[str, bytes]) -> None:
        self._initial: Mapping[str, bytes] | None = initial
        self._puts: dict[str, bytes] = {}
        self._drops: dict[str, None] = {}
        self._records: list[ChargeRecord] = []
        self.token = 0
        """Of the last changes taken; what is collected since shares the next one."""
        self.durable = 0
        self.broken: list[str] = []
        """Keys of values that cannot be read: a damaged disk. They are dropped, and the rest is used."""

    # reading back: once, when the station is built

    def load(self, key: str, kind: type[T]) -> T | None:
        return next((value for _, value in self._decoded([key], kind)), None)

    def load_all(self, prefix: str, kind: type[T]) -> Iterator[tuple[str, T]]:
        """Each value under a prefix, with the rest of its key, in the order of the keys."""
        keys = sorted(key for key in self._initial or {} if key.startswith(prefix))
        return ((key[len(prefix) :], value) for key, value in self._decoded(keys, kind))

    def load_numbered(self, prefix: str, kind: type[T]) -> Iterator[tuple[int, T]]:
        """As `load_all`, where the rest of the key is a number."""
        return ((int(rest), value) for rest, value in self.load_all(prefix, kind) if rest.isdigit())

    def _decoded(self, keys: Iterable[str], kind: type[T]) -> Iterator[tuple[str, T]]:
        for key in keys:
            if self._initial and key in self._initial:
                try:
                    yield key, msgspec.json.decode(self._initial[key], type=kind)
                except msgspec.MsgspecError:
                    self.broken.append(key)
                    self.drop(key)

    def loaded(self) -> None:
        """The value was read; it is not needed twice."""
        self._initial = None

    # changing

    def put(self, key: str, value: object) -> int:
        """Keep a value; the token under which it will be durable."""
        self._drops.pop(key, None)
        self._puts[key] = msgspec.json.encode(value)
        return self.token + 1

    def drop(self, key: str) -> int:
        self._puts.pop(key, None)
        self._drops[key] = None
        return self.token + 1

    def record(self, record: ChargeRecord) -> int:
        self._records.append(record)
        return self.token + 1

    @property
    def pending_token(self) -> int:
        """The token that must be durable before what was done so far may be told to anybody."""
        return self.token + 1 if self._puts or self._drops or self._records else self.token

    def take(self) -> Remember | None:
        """The changes since the last time, as one piece; None when there are none."""
        if not (self._puts or self._drops or self._records):
            return None
        self.token += 1
        wish = Remember(self.token, self._puts, tuple(self._drops), tuple(self._records))
        self._puts, self._drops, self._records = {}, {}, []
        return wish
