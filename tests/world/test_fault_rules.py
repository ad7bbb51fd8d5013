"""Faults of a link as people write them: what a row does to a frame, what a wrong file is told, and a virtual day."""

import json
from pathlib import Path

import pytest
from tests.world.test_fleet_day import day, well

from chargepost.cli import run_with
from chargepost.fleet import report
from chargepost.fleet.faults import OPEN_MAX, Fate, FrameJudge
from chargepost.run.faults import FaultsError, load, read

CALL = b'[2,"1","Authorize",{"idTag":"A"}]'
ANSWER = b'[3,"1",{"idTagInfo":{"status":"Accepted"}}]'


def judge(text: str, identity: str = "S-1") -> FrameJudge:
    faults = read(text, "bad.toml")
    return FrameJudge(faults.frames, faults.seed, identity)


def row(do: str, *more: str) -> str:
    return "\n".join(["[[frames]]", f'do = "{do}"', *more])


def test_a_frame_that_no_row_fits_passes_as_it_is() -> None:
    befall = judge(row("drop", 'action = "StartTransaction"')).befall
    assert befall(CALL, True) is befall(ANSWER, False) is None
    assert judge(row("drop")).befall(b"no frame", True) is None
    assert judge(row("drop")).befall(b"[" * 100_000, True) is None


def test_an_answer_is_known_by_the_action_of_its_call() -> None:
    befall = judge(row("drop", 'action = "Authorize"', 'message = "answer"')).befall
    assert befall(ANSWER, False) is None, "nobody has asked"
    assert befall(CALL, True) is None
    assert befall(ANSWER, True) is None, "it answers a call of the other side"
    assert befall(ANSWER, False) == Fate("drop")


def test_only_so_many_calls_are_remembered() -> None:
    befall = judge(row("drop", 'action = "Authorize"', 'message = "answer"')).befall
    befall(CALL, True)
    for number in range(OPEN_MAX):
        befall(b'[2,"x%d","Heartbeat",{}]' % number, True)
    assert befall(ANSWER, False) is None


@pytest.mark.parametrize(("text", "fate"), [
    (row("drop"), Fate("drop")),
    (row("duplicate"), Fate("duplicate", (CALL, CALL))),
    (row("delay", "delay_ms = 1500"), Fate("delay", (CALL,), 1.5)),
    (row("cut"), Fate("cut")),
    (row("silence"), Fate("silence")),
    (row("drop", 'direction = "down"'), None),
    (row("drop", "chance = 0"), None),
    (row("drop", 'message = "answer"'), None),
    (row("error"), None),
])  # fmt: skip
def test_what_befalls_a_call(text: str, fate: Fate | None) -> None:
    assert judge(text).befall(CALL, True) == fate


@pytest.mark.parametrize(("text", "reads"), [
    (row("answer", 'answer = { idTagInfo = { status = "Blocked" } }'), [3, "1", {"idTagInfo": {"status": "Blocked"}}]),
    (row("error", 'code = "NotSupported"', 'description = "no"'), [4, "1", "NotSupported", "no", {}]),
])  # fmt: skip
def test_who_asked_reads_another_answer(text: str, reads: object) -> None:
    befall = judge(text).befall
    assert befall(CALL, True) is None
    fate = befall(ANSWER, False)
    assert fate
    assert [json.loads(piece) for piece in fate.copies] == [reads]


def test_a_row_acts_so_often_at_each_station_and_the_next_one_then() -> None:
    text = f"{row('drop', 'times = 2')}\n{row('duplicate')}"
    first, other = judge(text), judge(text, "S-2")
    fates = [fate.word for _ in range(4) if (fate := first.befall(CALL, True))]
    assert fates == ["drop", "drop", "duplicate", "duplicate"]
    assert other.befall(CALL, True) == Fate("drop")


def test_the_same_seed_is_the_same_faults() -> None:
    def fates(text: str, identity: str = "S-1") -> list[bool]:
        befall = judge(text, identity).befall
        return [befall(CALL, True) is None for _ in range(50)]

    text = row("drop", "chance = 0.5")
    assert fates(text) == fates(text)
    assert fates(text) != fates(f"seed = 2\n{text}")
    assert fates(text) != fates(text, "S-2")
    another_first = row("drop", 'action = "Heartbeat"', "chance = 0.5")
    assert True in fates(f"{another_first}\n{text}")


# --- a virtual day ----------------------------------------------------------------------------------------------------

LOSSY = "\n".join([
    row("drop", 'action = "StartTransaction"', 'message = "answer"', "chance = 0.3"),
    row("drop", 'action = "StopTransaction"', "chance = 0.3"),
    row("cut", 'action = "MeterValues"', "chance = 0.01"),
    row("silence", 'action = "StatusNotification"', "chance = 0.1"),
    row("delay", "chance = 0.1", "delay_ms = 4000", "jitter_ms = 2000"),
    row("duplicate", "chance = 0.1"),
])  # fmt: skip


def test_the_laws_hold_over_a_day_of_bad_frames_and_the_same_seed_is_the_same_day() -> None:
    rules = read(LOSSY, "bad.toml").frames
    summary = report.run_fleet(day(6, 3), faults=rules)
    assert well(summary)
    for word in ("drop", "cut", "silence", "delay", "duplicate"):
        assert summary.errors[f"frame by rule: {word}"]
    assert report.run_fleet(day(6, 3), faults=rules).digest == summary.digest
    assert report.run_fleet(day(6, 3)).digest != summary.digest


def test_a_virtual_day_takes_the_rules_of_a_file_and_says_how_to_replay_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(LOSSY)
    assert run_with(["fleet", "--virtual", "--stations", "2", "--seed", "3", "--faults", str(path)]) == 0
    assert f"--faults {path}" in capsys.readouterr().out
    path.write_text('[[bytes]]\ndo = "reset"')
    assert run_with(["fleet", "--virtual", "--faults", str(path)]) == 2
    assert "a virtual day has none: leave them out, or --virtual" in capsys.readouterr().err


# --- a file that cannot be used ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "told"), [
    (row("dropp"), "bad.toml:2: frames[0].do: there is no fault 'dropp' here; did you mean drop?"),
    ('[[bytes]]\ndo = "delay"', "bad.toml:2: bytes[0].do: there is no fault 'delay' here; did you mean latency?"),
    ("[[frames]]", "bad.toml:1: frames[0]: do is missing: one of delay, drop, duplicate, cut, silence, answer, error"),
    ("[[frames]]\ndo = []", "bad.toml:2: frames[0].do: there is no fault [] here; known: delay, drop"),
    (row("drop", "actin = 1"), "bad.toml:3: frames[0].actin: there is no such key here; did you mean action"),
    (row("drop", 'action = "Autorize"'), "frames[0]: there is no action 'Autorize'; did you mean Authorize?"),
    (row("drop", 'direction = "in"'), "frames[0].direction: invalid enum value 'in': up is from the station"),
    (row("drop", "chance = 3"), "bad.toml:3: frames[0].chance: expected `float` <= 1.0"),
    (row("delay"), "bad.toml:1: frames[0]: delay_ms is missing"),
    ("[[frame]]", "bad.toml:1: frame: there is no such key here; did you mean frames?"),
    ("frames = 3", "bad.toml:1: frames: expected `array`, got `int`"),
    ("seed = 3", "bad.toml: there are no faults: add [[frames]] or [[bytes]] with do"),
    ("seed =", "bad.toml: is not TOML: "),
])  # fmt: skip
def test_a_wrong_file_is_told_its_line_its_key_and_the_remedy(text: str, told: str) -> None:
    with pytest.raises(FaultsError) as error:
        read(text, "bad.toml")
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(FaultsError, match="cannot be read: No such file"):
        load(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b"\xe9")
    with pytest.raises(FaultsError, match="is not text in UTF-8: save it so"):
        load(tmp_path / "latin.toml")
    assert run_with(["station", "evlink-pro-ac", "--faults", str(tmp_path / "none.toml")]) == 2
    assert "give the path of a file of faults" in capsys.readouterr().err
