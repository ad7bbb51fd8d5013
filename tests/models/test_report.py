"""What `chargepost models` tells: lists, sections with sources, JSON, differences."""

import json

import msgspec
import pytest

from chargepost.catalogue import Model, load, names
from chargepost.catalogue.report import as_json, as_text, describe, diff, list_models


def test_the_list_has_every_model_and_marks_the_default_of_each_line() -> None:
    rows = list_models()
    assert [row.name for row in rows] == names()
    assert {row.name for row in rows if row.default} >= {"evlink-pro-ac/socket@2.0.1", "evlink-smart-wallbox/rfid@R7"}


@pytest.mark.parametrize("name", ["evlink-pro-ac", "evlink-smart-wallbox"])
def test_every_fact_of_a_model_is_told_with_its_source(name: str) -> None:
    model = load(name)
    sections = {section.title: section for section in describe(model)}
    assert len(sections["Configuration keys"].rows) == len(model.keys)
    assert len(sections["Vendor errors"].rows) == len(model.errors)
    assert len(sections["Measurands"].rows) == len(model.measurands)
    for title, section in sections.items():
        assert all(len(row) == len(section.columns) for row in section.rows), title
        if section.columns[-1] == "source":
            assert all(row[-1] for row in section.rows), title


def test_text_shows_ranges_aliases_and_what_has_no_effect() -> None:
    wallbox, pro_ac = as_text(load("evlink-smart-wallbox")), as_text(load("evlink-pro-ac"))
    assert "enableUnknown (is AllowOfflineTxForUnknownId)" in wallbox
    assert "0 or 15..7200" in wallbox
    assert "15..60, else stored as 0" in wallbox
    assert "W not over OCPP" in pro_ac
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
