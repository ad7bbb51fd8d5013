"""The ledger's word without a disk: for virtual time and for rules under test. Pure, at once, and forgetful.

It decides about a start as the unique key of the real ledger does; a test holds the two against each other.
"""

from collections.abc import Iterable

from chargepost.supervision.state import start_key
from chargepost.supervision.wishes import (
    SUPERSEDED,
    Begun,
    EventRow,
    MeterRow,
    StopRow,
    Store,
    SupersededRow,
    TransactionRow,
)


class Books:
    """Charge records, meter values and events in memory."""

    def __init__(self, *, keep_meter_values: bool = True) -> None:
        self.starts: dict[int, TransactionRow] = {}
        self.stops: dict[int, StopRow] = {}
        self.meter_values: dict[MeterRow, None] = {}
        self.events: list[EventRow] = []
        self._numbers: dict[tuple[str, int, str, int, float], int] = {}
        self._keep_meter_values = keep_meter_values

    def store(self, wish: Store) -> Begun | None:
        """Write all rows; what `Central.stored` is to be told of a start."""
        begun: Begun | None = None
        for row in wish.rows:
            if isinstance(row, TransactionRow):
                begun = self._start(row)
            elif isinstance(row, StopRow):
                self._stop(row)
            elif isinstance(row, SupersededRow):
                self._supersede(row)
            elif isinstance(row, MeterRow) and self._keep_meter_values:
                self.meter_values[row] = None
            elif isinstance(row, EventRow):
                self.events.append(row)
        return begun

    def _start(self, row: TransactionRow) -> Begun | None:
        number = self._numbers.get(start_key(row))
        if number is None:
            if row.transaction in self.starts:
                return None
            number = self._numbers[start_key(row)] = row.transaction
            self.starts[number] = row
        return Begun(number, number not in self.stops)

    def _stop(self, row: StopRow) -> None:
        start, known = self.starts.get(row.transaction), self.stops.get(row.transaction)
        if start and start.identity == row.identity and (known is None or known.reason == SUPERSEDED):
            self.stops[row.transaction] = row

    def _supersede(self, row: SupersededRow) -> None:
        start, by = self.starts.get(row.transaction), self.starts.get(row.by.transaction)
        taken = by is not None and start_key(by) == start_key(row.by)
        if taken and start and start.identity == row.identity and row.transaction not in self.stops:
            stop = StopRow(row.identity, row.transaction, row.stop_wh, row.stop_utc_s, SUPERSEDED)
            self.stops[row.transaction] = stop
            self.events.append(EventRow(row.identity, row.at_utc_s, "superseded", row.words))

    def records(self) -> Iterable[tuple[TransactionRow, StopRow]]:
        """Every finished transaction: its start and its stop."""
        return ((self.starts[number], stop) for number, stop in self.stops.items())
