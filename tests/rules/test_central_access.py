"""The operator's login and the markup of the pages: slow hashes, sessions that end, text that stays text."""

from random import Random

import pytest

from chargepost.supervision.access import (
    FAILURES_MAX,
    FAILURES_WINDOW_S,
    SESSION_IDLE_S,
    SESSIONS_MAX,
    Sessions,
    new_password,
    password_fits,
    password_hash,
)
from chargepost.supervision.pages.markup import Html, el, join, table


@pytest.fixture
def sessions() -> Sessions:
    return Sessions(Random(3).randbytes)


def test_a_session_lives_while_it_is_used_and_ends_when_idle_or_ended(sessions: Sessions) -> None:
    token = sessions.begin(0.0)
    assert sessions.holds(token, SESSION_IDLE_S)
    assert sessions.holds(token, 2 * SESSION_IDLE_S)
    assert not sessions.holds(token, 3 * SESSION_IDLE_S + 1)
    assert not sessions.holds(token, 3 * SESSION_IDLE_S + 1)
    other = sessions.begin(0.0)
    sessions.end(other)
    assert not sessions.holds(other, 1.0)


def test_sessions_are_bounded_and_all_end_with_the_password(sessions: Sessions) -> None:
    tokens = [sessions.begin(float(number)) for number in range(SESSIONS_MAX + 1)]
    assert not sessions.holds(tokens[0], 300.0)
    assert sessions.holds(tokens[1], 300.0)
    sessions.end_all()
    assert not any(sessions.holds(token, 300.0) for token in tokens)


def test_after_too_many_failures_everybody_waits_a_while(sessions: Sessions) -> None:
    for number in range(FAILURES_MAX):
        assert sessions.must_wait_s(float(number)) == 0
        sessions.failed(float(number))
    assert sessions.must_wait_s(10.0) == FAILURES_WINDOW_S - 10
    assert sessions.must_wait_s(FAILURES_WINDOW_S) == 0


def test_passwords_are_random_typeable_and_kept_as_slow_salted_hashes() -> None:
    draw = Random(5).randbytes
    first, second = new_password(draw), new_password(draw)
    assert first != second
    assert first.replace("-", "").isalnum()
    stored = password_hash(first, b"salt")
    assert first not in stored
    assert stored != password_hash(first, b"pepper")
    assert password_fits(first, stored)
    assert not password_fits(second, stored)


def test_text_is_escaped_in_content_and_in_attributes() -> None:
    hostile = """<b>"'&"""
    made = el("a", hostile, [hostile, el("i", 1)], href=hostile, title=None, hidden=True, open=False)
    assert made == (
        '<a href="&lt;b&gt;&quot;&#x27;&amp;" hidden>&lt;b&gt;&quot;&#x27;&amp;&lt;b&gt;&quot;&#x27;&amp;<i>1</i></a>'
    )
    assert isinstance(made, Html)
    assert join([None, hostile[:3], Html("<hr>")]) == "&lt;b&gt;<hr>"


def test_an_empty_table_says_how_it_is_filled() -> None:
    assert table(["A"], [], "Nothing yet.", "Things") == '<p class="empty">Nothing yet.</p>'
