"""When charge records are published, and what was sent (commissioning guide, Publication settings; R-329, R-330).

At 0:01 local time of every day, each Monday or the 1st of each month, all charges that were not sent yet are sent, in
files of at most 3,000. A date that was missed is made up; a failure is tried again a few times, then at the next date.

What was sent is never sent again, also after a crash. Sent means: the server has answered that it has it. For one whose
answer never came, or was not written down in time, the protocol decides:

- FTP: it is sent again, under the same name. It takes the place of the first, so the receiver has it once.
- SMTP, HTTP: it is not sent again, for a second mail or a second call cannot be taken back. Before the last step the
  station writes down that it takes it; what is written down and not answered is "in doubt", in the list of results.

Pure, and one frozen value: the carrier keeps it and does the sending.
"""

from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Literal

import msgspec
from msgspec.structs import replace

from chargepost.records.cdr import EXPORT_MAX, Published, local
from chargepost.signals import PublicationResult

AT = time(0, 1)
"""Local time at which records are published (commissioning guide, Publication settings)."""

RETRY_S = (60.0, 300.0, 900.0, 3600.0, 14_400.0)
"""Pauses after a failure: a server that restarts is met soon, one that is down for a night in the morning. After the
last one the next date counts: a wrong password must not be tried for ever."""

RESULTS_MAX = 50
"""Kept for the page: seven weeks of a daily report."""

TEXT_MAX = 300
"""Characters of a result."""

DAYS_MAX = 32
"""Between two dates, at most."""

DATES: dict[str, Callable[[date], bool]] = {
    "Daily": lambda day: True,
    "Weekly": lambda day: day.weekday() == 0,
    "Monthly": lambda day: day.day == 1,
}
"""Days on which records are published, by the word of the setting; any other word: never."""

What = Literal["sent", "failed", "in doubt", "test passed", "test failed"]


class Batch(msgspec.Struct, frozen=True):
    """Charges that go in one file, from the first number to the last; it stays the same until it is sent."""

    first: int
    last: int
    tries: int = 0
    """That failed since the last date."""
    next_utc_s: float = 0.0
    handed_over: bool = False
    """The server may have it, and its answer is not written down."""


class State(msgspec.Struct, frozen=True):
    """All that is known of the publication of one station."""

    frequency: str = "Disabled"
    dated_utc_s: float = 0.0
    """Every date up to here has been looked at."""
    due_to: int = 0
    """The last charge that was there at the last date."""
    sent_to: int = 0
    """The last charge that was sent, or is in doubt; all before it were too."""
    batch: Batch | None = None
    results: tuple[PublicationResult, ...] = ()
    """The newest first."""
    cleared_to: int = 0
    """Charges up to here are not shown or published any more: the station went back to its factory settings (R-349)."""


def cleared(newest: int) -> State:
    """From the factory on: what was charged before is nobody's business here."""
    return State(due_to=newest, sent_to=newest, cleared_to=newest)


# --- dates ------------------------------------------------------------------------------------------------------------


def _never(_: date) -> bool:
    return False


def _dates(frequency: str, zone: tzinfo, day: date, step: int) -> Iterator[float]:
    """From this day on, or back. A 0:01 that the clock leaps over comes when it has leapt; of two, the first counts."""
    fits = DATES.get(frequency, _never)
    days = (day + timedelta(days=n * step) for n in range(DAYS_MAX + 1))
    return (datetime.combine(day, AT, zone).timestamp() for day in days if fits(day))


def latest(frequency: str, zone: tzinfo, utc_s: float) -> float | None:
    """The last date up to now; None: never."""
    back = _dates(frequency, zone, local(utc_s, zone).date(), -1)
    return next((at for at in back if at <= utc_s), None)


def following(frequency: str, zone: tzinfo, utc_s: float) -> float | None:
    """The next date; None: never."""
    return next((at for at in _dates(frequency, zone, local(utc_s, zone).date(), 1) if at > utc_s), None)


# --- what is to be done -----------------------------------------------------------------------------------------------


def look(state: State, frequency: str, zone: tzinfo, newest: int, utc_s: float) -> State:
    """Take notice of the setting, the date and the charges there are. `newest`: the number of the last one.

    A frequency that was just set begins with its next date. A clock that was set back leaves no gap: dates between
    come again, and find only what is not sent.
    """
    if frequency != state.frequency:
        batch = state.batch and replace(state.batch, tries=len(RETRY_S) + 1)
        state = replace(state, frequency=frequency, dated_utc_s=utc_s, batch=batch)
    at = latest(frequency, zone, utc_s)
    if at is None:
        return state
    if at > state.dated_utc_s:
        batch = state.batch and replace(state.batch, tries=0, next_utc_s=utc_s)
        return _next(replace(state, dated_utc_s=utc_s, due_to=newest, batch=batch))
    return replace(state, dated_utc_s=min(state.dated_utc_s, utc_s))


def _next(state: State) -> State:
    """The next file of this date."""
    if state.batch or state.sent_to >= state.due_to:
        return state
    return replace(state, batch=Batch(state.sent_to + 1, min(state.sent_to + EXPORT_MAX, state.due_to)))


def ready(state: State, utc_s: float) -> Batch | None:
    """What is to be sent now. A pause that has become longer than any (the clock was set back) is over."""
    batch = state.batch
    if batch is None or batch.tries > len(RETRY_S) or utc_s < batch.next_utc_s <= utc_s + max(RETRY_S):
        return None
    return batch


# --- what became of it ------------------------------------------------------------------------------------------------


def handed_over(state: State) -> State:
    """To be durable before the last step of a protocol that cannot be repeated."""
    return replace(state, batch=state.batch and replace(state.batch, handed_over=True))


def sent(state: State, protocol: str, utc_s: float, text: str) -> State:
    """The server has said that it has it."""
    return _over(state, "sent", protocol, utc_s, text)


def failed(state: State, protocol: str, utc_s: float, text: str) -> State:
    """The server does not have it, or FTP: it may have it, and gets it again."""
    batch = state.batch
    if batch is None:
        return state
    pause_s = RETRY_S[batch.tries] if batch.tries < len(RETRY_S) else 0.0
    again = replace(batch, tries=batch.tries + 1, next_utc_s=utc_s + pause_s, handed_over=False)
    return _told(replace(state, batch=again), "failed", protocol, utc_s, (batch.first, batch.last), text)


def in_doubt(state: State, protocol: str, utc_s: float, text: str) -> State:
    """SMTP, HTTP: the server may have it, so it is not sent again."""
    return _over(state, "in doubt", protocol, utc_s, text)


def again(state: State, first: int, last: int) -> State:
    """Somebody has looked, and what is in doubt did not come: it is sent once more, unless something else is."""
    doubtful = (each for each in state.results if each.what == "in doubt")
    meant = next((each for each in doubtful if (each.first, each.last) == (first, last)), None)
    if meant is None or state.batch:
        return state
    results = tuple(replace(each, what="failed") if each is meant else each for each in state.results)
    return replace(state, batch=Batch(first, last), results=results)


def recovered(state: State, protocol: str, utc_s: float) -> State:
    """At the start of the program: what it had handed over when it ended."""
    if state.batch is None or not state.batch.handed_over:
        return state
    return in_doubt(state, protocol, utc_s, "the station stopped before the server had answered")


def fate(state: State, number: int) -> Published:
    """What became of the charge of this number, as far as the results still tell."""
    if number > state.sent_to:
        return "not yet"
    doubtful = any(each.what == "in doubt" and each.first <= number <= each.last for each in state.results)
    being_sent = state.batch is not None and state.batch.first <= number <= state.batch.last
    return "in doubt" if doubtful or being_sent else "published"


def tested(state: State, protocol: str, utc_s: float, text: str, *, passed: bool) -> State:
    """A test sends no charge."""
    return _told(state, "test passed" if passed else "test failed", protocol, utc_s, (0, 0), text)


def _over(state: State, what: What, protocol: str, utc_s: float, text: str) -> State:
    batch = state.batch
    if batch is None:
        return state
    state = _told(state, what, protocol, utc_s, (batch.first, batch.last), text)
    return _next(replace(state, sent_to=max(state.sent_to, batch.last), batch=None))


def _told(state: State, what: What, protocol: str, utc_s: float, numbers: tuple[int, int], text: str) -> State:
    result = PublicationResult(utc_s, what, protocol, *numbers, text[:TEXT_MAX])
    return replace(state, results=(result, *state.results[: RESULTS_MAX - 1]))
