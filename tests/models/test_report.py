"""What `chargepost models` tells: lists, sections with sources, JSON, differences."""

import json

import msgspec
import pytest

from chargepost.catalogue import Model, load, names
from chargepost.catalogue.report import Section, as_differences, as_json, as_list, as_text, describe, diff, list_models

WIDE = 400
"""Characters of a line in which nothing is folded."""
LONGEST_WORD = 40
"""Room for the longest word that cannot be folded."""


LINES = sorted({name.partition("/")[0] for name in names()})


def test_the_list_has_every_model_and_marks_the_default_of_each_line() -> None:
    rows = list_models()
    assert [row.name for row in rows] == names()
    assert [row.name for row in rows if row.default] == [load(line).name for line in LINES]


@pytest.mark.parametrize("width", [80, 200])
def test_the_list_for_people_has_every_release_and_variant_in_names_that_load(width: int) -> None:
    text = as_list(list_models(), width)
    typed = [word for line in text.splitlines() for word in line.split() if word.partition("/")[0] in LINES]
    assert {load(name).name for name in typed} == {
        name for name in names() if load(name).release == load(name.partition("/")[0]).release
    }
    for line in LINES:
        assert f"* {load(line).name}" in text
    assert all(f" {row.release}" in text for row in list_models())
    assert max(map(len, text.splitlines())) <= width


@pytest.mark.parametrize("name", LINES)
def test_every_fact_of_a_model_is_told_with_its_source(name: str) -> None:
    model = load(name)
    sections = {section.title.partition(" (")[0]: section for section in describe(model)}
    assert len(sections["Configuration keys"].rows) == len(model.keys)
    assert len(sections["Vendor errors"].rows) == len(model.errors)
    assert len(sections["Measurands"].rows) == len(model.measurands)
    for title, section in sections.items():
        assert all(len(row) == len(section.columns) for row in section.rows), title
        if section.columns[-1] == "source":
            assert all(row[-1] for row in section.rows), title


def test_text_shows_ranges_aliases_and_what_has_no_effect() -> None:
    wallbox, pro_ac = as_text(load("evlink-smart-wallbox"), WIDE), as_text(load("evlink-pro-ac"), WIDE)
    assert "enableUnknown (is AllowOfflineTxForUnknownId)" in wallbox
    assert "0 or 15..7200" in wallbox
    assert "15..60, else stored as 0" in wallbox
    assert "at once, not over OCPP" in pro_ac
    assert "at most 31 characters, matching [A-Za-z0-9 _.-]*" in pro_ac
    assert "0..4294967295" in pro_ac
    assert "Without effect: the station never sends SignCertificate (Q-153)" in pro_ac


def test_json_is_one_line_and_holds_the_whole_model() -> None:
    model = load("evlink-pro-ac")
    text = as_json(model)
    assert "\n" not in text
    assert msgspec.json.decode(text, type=Model) == model
    assert json.loads(text)["keys"]["heartbeatinterval"]["max"] == 86400


def test_a_difference_names_its_path_and_both_sides() -> None:
    socket, cable = load("evlink-pro-ac"), load("evlink-pro-ac/cable")
    assert [(each.path, each.left, each.right) for each in diff(socket, cable)] == [("variant", "socket", "cable")]
    assert diff(socket, socket) == []
    far = {each.path: (each.left, each.right) for each in diff(socket, load("evlink-smart-wallbox"))}
    assert far["keys.resetretries.default"] == ("3", "0")
    assert far["keys.enableunknown.setting"] == ("", "AllowOfflineTxForUnknownId")


@pytest.mark.parametrize("width", [80, 120, 200])
@pytest.mark.parametrize("name", LINES)
def test_no_line_is_longer_than_the_terminal_and_no_word_is_lost(name: str, width: int) -> None:
    narrow, wide = as_text(load(name), width), as_text(load(name), WIDE)
    for line in narrow.splitlines():
        assert len(line) <= width or len(line.split()) == 1 or max(map(len, line.split())) > LONGEST_WORD, line
    assert set(wide.split()) <= set(narrow.split()) | {"·"} | {
        word for s in describe(load(name)) for word in " ".join(s.columns).split()
    }


ROWS = (("HeartbeatInterval", "RW", "Quiet time after which a Heartbeat is sent"), ("Reset", "R", "Starts anew"))
SECTION = Section("Keys", ("key", "access", "meaning"), ROWS, prose=("meaning",))


def test_sentences_stand_beside_below_or_in_records_as_there_is_room() -> None:
    assert SECTION.text(80).splitlines()[2] == "  HeartbeatInterval  RW      Quiet time after which a Heartbeat is sent"
    assert SECTION.text(48).splitlines()[2:4] == [
        "  HeartbeatInterval  RW",
        "      Quiet time after which a Heartbeat is sent",
    ]
    assert SECTION.text(26).splitlines()[1:5] == [
        "  HeartbeatInterval",
        "      access RW",
        "      Quiet time after",
        "      which a Heartbeat is",
    ]


def test_a_column_that_says_nothing_is_left_out() -> None:
    assert SECTION.text(80).splitlines()[1] == "  key                access  meaning"
    quiet = Section("Keys", SECTION.columns, tuple((name, access, "") for name, access, _ in ROWS))
    assert quiet.text(80).splitlines()[1] == "  key                access"


def test_differences_for_people_tell_whole_rows_and_what_lists_have_alone() -> None:
    text = as_differences(load("evlink-pro-ac@1.3.6"), load("evlink-pro-ac@1.4.0"), WIDE)
    assert text.splitlines()[0] == "9 differences: A is evlink-pro-ac/socket@1.3.6, B is evlink-pro-ac/socket@1.4.0"
    told = {line.split()[0]: line.split(maxsplit=2)[1:] for line in text.splitlines()[2:]}
    assert told["keys.SecurityProfile"] == ["-", "RW int 0..2 = 0"]
    assert told["messages.answers"] == [
        "-", "DeleteCertificate, GetInstalledCertificateIds, GetLog, InstallCertificate, SignedUpdateFirmware",
    ]  # fmt: skip
    socket, cable = load("evlink-pro-ac"), load("evlink-pro-ac/cable")
    assert "T2S 3-phase 6 to 32 A" in as_differences(socket, cable, WIDE)
    assert as_differences(socket, socket, WIDE) == f"{socket.name} and {socket.name} do not differ"
