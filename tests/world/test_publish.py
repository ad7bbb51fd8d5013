"""When charge records are published, and that none is sent twice or forgotten (commissioning guide, chapter 6)."""

from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import msgspec
import pytest

from chargepost.records import publish
from chargepost.records.cdr import EXPORT_MAX
from chargepost.records.publish import RETRY_S, State

PARIS = ZoneInfo("Europe/Paris")


def at(text: str, zone: str = "Europe/Paris") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def on(frequency: str = "Daily", since: str = "2026-03-02 12:00") -> State:
    """Switched on at this time, with five charges there already."""
    return publish.look(State(), frequency, PARIS, 5, at(since))


def look(state: State, when: str, newest: int = 5) -> State:
    return publish.look(state, state.frequency, PARIS, newest, at(when))


def numbers(state: State, when: str) -> tuple[int, int] | None:
    batch = publish.ready(state, at(when))
    return (batch.first, batch.last) if batch else None


@pytest.mark.parametrize(
    ("frequency", "due"),
    [
        ("Disabled", []),
        ("Daily", ["2026-03-03 00:01", "2026-03-04 00:01", "2026-03-05 00:01"]),
        ("Weekly", ["2026-03-09 00:01", "2026-03-16 00:01", "2026-03-23 00:01"]),
        ("Monthly", ["2026-04-01 00:01", "2026-05-01 00:01", "2026-06-01 00:01"]),
    ],
)
def test_r_329_daily_each_monday_or_the_1st_of_the_month_at_one_past_midnight(frequency: str, due: list[str]) -> None:
    """Publication settings: "Everyday at 0:01", "Every Monday at 0:01", "Every 1st of the month at 0:01"."""
    found, now = [], at("2026-03-02 12:00")  # a Monday
    for _ in due:
        following = publish.following(frequency, PARIS, now)
        assert following is not None
        assert publish.latest(frequency, PARIS, following) == following
        assert publish.latest(frequency, PARIS, following - 0.001) != following
        now = following
        found.append(now)
    assert found == [at(text) for text in due]
    assert bool(due) == (publish.following(frequency, PARIS, now) is not None)


def test_r_329_nothing_is_sent_before_the_first_date_after_it_was_switched_on() -> None:
    state = look(on(), "2026-03-03 00:00")
    assert numbers(state, "2026-03-03 00:00") is None
    state = look(state, "2026-03-03 00:01")
    assert numbers(state, "2026-03-03 00:01") == (1, 5)


@pytest.mark.parametrize(
    ("zone", "day", "local"),
    [
        ("Europe/Paris", "2026-03-29", "2026-03-29 00:01"),  # two o'clock is leapt over later that night
        ("Europe/Paris", "2026-10-25", "2026-10-25 00:01"),
        ("Africa/Cairo", "2026-04-24", "2026-04-24 01:01"),  # midnight is leapt over: there is no 0:01
        ("America/Havana", "2026-11-01", "2026-11-01 00:01"),  # one o'clock becomes midnight: 0:01 comes twice
    ],
)
def test_r_329_once_a_day_also_when_the_hour_changes(zone: str, day: str, local: str) -> None:
    where, found = ZoneInfo(zone), []
    now = at(f"{day} 00:00", zone) - 7200
    for _ in range(300):  # five hours, minute by minute
        due = publish.latest("Daily", where, now)
        found += [due] if due not in found else []
        now += 60
    assert len(found) == 2, "yesterday's, and one of today"
    assert found[-1] is not None
    assert datetime.fromtimestamp(found[-1], where).strftime("%Y-%m-%d %H:%M") == local


def test_r_330_what_was_sent_is_never_sent_again() -> None:
    """Publication settings, note 1: "All data already sent will not be sent again"."""
    state = publish.sent(look(on(), "2026-03-03 00:01"), "SMTP", at("2026-03-03 00:01"), "5 charges")
    assert numbers(state, "2026-03-03 00:02") is None
    for when in ("2026-03-03 00:03", "2026-03-04 00:01"):
        state = look(state, when)
        assert numbers(state, when) is None, "nothing is new"
    state = look(state, "2026-03-05 00:01", newest=7)
    assert numbers(state, "2026-03-05 00:01") == (6, 7)
    for frequency in ("Weekly", "Disabled", "Daily"):
        state = publish.look(state, frequency, PARIS, 7, at("2026-03-05 00:02"))
    state = look(state, "2026-03-06 00:01", newest=7)
    assert numbers(state, "2026-03-06 00:01") == (6, 7), "what was not sent yet is not forgotten by a change"
    assert [(each.what, each.first, each.last) for each in state.results] == [("sent", 1, 5)]


def test_r_330_a_date_that_was_missed_is_made_up_once() -> None:
    state = look(on(), "2026-03-07 15:30")  # the station was off for days
    assert numbers(state, "2026-03-07 15:30") == (1, 5)
    state = publish.sent(state, "FTP", at("2026-03-07 15:30"), "")
    assert numbers(look(state, "2026-03-07 15:31", newest=9), "2026-03-07 15:31") is None, "the rest at the next date"


def test_r_330_a_failure_is_tried_again_some_times_then_at_the_next_date() -> None:
    state, now, tried = look(on("Weekly"), "2026-03-09 00:01"), at("2026-03-09 00:01"), []
    for _ in range(1_000):
        state = publish.look(state, "Weekly", PARIS, 8, now)
        if publish.ready(state, now):
            tried.append(now)
            state = publish.failed(state, "HTTP", now, "nobody there")
        now += 30
    pauses = [later - sooner for sooner, later in pairwise(tried)]
    assert pauses == list(RETRY_S[: len(pauses)])
    for when in ("2026-03-10 00:01", "2026-03-15 23:59"):
        state = look(state, when, newest=8)
        if publish.ready(state, at(when)):
            state = publish.failed(state, "HTTP", at(when), "")
    assert numbers(look(state, "2026-03-15 23:59"), "2026-03-15 23:59") is None
    state = look(state, "2026-03-16 00:01", newest=8)
    assert numbers(state, "2026-03-16 00:01") == (1, 5), "the same file as before"
    state = publish.sent(state, "HTTP", at("2026-03-16 00:01"), "")
    assert numbers(state, "2026-03-16 00:01") == (6, 8), "and then what has come since"


def test_r_330_a_date_does_not_wait_for_a_pause() -> None:
    state = look(on(), "2026-03-03 22:00")
    for _ in RETRY_S:
        state = publish.failed(state, "FTP", at("2026-03-03 22:00"), "")
    assert numbers(look(state, "2026-03-04 00:00"), "2026-03-04 00:00") is None, "four hours from 22:00"
    assert numbers(look(state, "2026-03-04 00:01"), "2026-03-04 00:01") == (1, 5)


def test_r_330_a_failure_of_ftp_gets_the_same_file_and_one_in_doubt_is_not_repeated() -> None:
    """FTP replaces the file of that name; a mail or a call cannot be taken back."""
    due = look(on(), "2026-03-03 00:01")
    assert numbers(publish.recovered(due, "FTP", at("2026-03-03 00:05")), "2026-03-03 00:05") == (1, 5)
    over = publish.recovered(publish.handed_over(due), "SMTP", at("2026-03-03 00:05"))
    assert numbers(over, "2026-03-03 00:05") is None
    assert (over.sent_to, over.results[0].what) == (5, "in doubt")
    assert numbers(look(over, "2026-03-04 00:01", newest=6), "2026-03-04 00:01") == (6, 6)


def test_r_330_what_is_in_doubt_is_sent_again_when_somebody_says_so_and_once() -> None:
    doubt = publish.in_doubt(look(on(), "2026-03-03 00:01"), "SMTP", at("2026-03-03 00:01"), "")
    assert publish.again(doubt, 1, 4) is doubt, "nothing of these numbers is in doubt"
    others = look(doubt, "2026-03-04 00:01", newest=7)
    assert publish.again(others, 1, 5) is others, "others are on their way"
    state = publish.again(doubt, 1, 5)
    assert numbers(state, "2026-03-03 00:02") == (1, 5)
    assert publish.again(state, 1, 5) is state
    state = publish.sent(state, "SMTP", at("2026-03-03 00:02"), "")
    assert (state.sent_to, numbers(state, "2026-03-03 00:02")) == (5, None)
    assert [each.what for each in state.results] == ["sent", "failed"]
    assert [publish.fate(each, 5) for each in (on(), doubt, publish.again(doubt, 1, 5), state)] == [
        "not yet", "in doubt", "in doubt", "published",
    ]  # fmt: skip
    assert publish.fate(state, 6) == "not yet"
    assert publish.again(state, 1, 5) is state


def test_r_330_an_answer_that_comes_after_publication_was_switched_off_still_counts() -> None:
    state = publish.look(
        publish.handed_over(look(on(), "2026-03-03 00:01")), "Disabled", PARIS, 5, at("2026-03-03 00:02")
    )
    assert publish.ready(state, at("2026-03-03 00:02")) is None
    assert publish.sent(state, "SMTP", at("2026-03-03 00:02"), "").sent_to == 5


def test_r_330_a_clock_that_was_years_ahead_does_not_stop_publication() -> None:
    state = publish.sent(look(on(), "2036-05-05 10:00"), "FTP", at("2036-05-05 10:00"), "")
    state = look(state, "2026-03-03 12:00", newest=6)
    assert numbers(state, "2026-03-03 12:00") is None
    assert numbers(look(state, "2026-03-04 00:01", newest=6), "2026-03-04 00:01") == (6, 6)
    late = publish.failed(look(on(), "2036-05-05 10:00"), "FTP", at("2036-05-05 10:00"), "")
    late = look(late, "2026-03-03 12:00")
    assert numbers(late, "2026-03-03 12:00") == (1, 5), "a pause until 2036 is over"


def test_r_328_more_than_a_file_holds_goes_in_several() -> None:
    state = publish.look(on(), "Daily", PARIS, 2 * EXPORT_MAX + 1, at("2026-03-03 00:01"))
    sent = []
    while numbers(state, "2026-03-03 00:01"):
        sent.append(numbers(state, "2026-03-03 00:01"))
        state = publish.sent(state, "FTP", at("2026-03-03 00:01"), "")
    assert sent == [(1, 3000), (3001, 6000), (6001, 6001)]


def test_results_are_bounded_and_the_state_is_one_durable_value() -> None:
    state = on()
    for n in range(publish.RESULTS_MAX + 5):
        state = publish.tested(state, "SMTP", float(n), "x" * 1000, passed=bool(n % 2))
    assert len(state.results) == publish.RESULTS_MAX
    assert (state.results[0].utc_s, len(state.results[0].text)) == (54.0, publish.TEXT_MAX)
    assert msgspec.json.decode(msgspec.json.encode(state), type=State) == state
