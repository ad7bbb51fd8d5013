"""The register maps: as programs that drive the products know them, and as the reference page prints them."""

import re
from typing import get_args

import pytest
from msgspec.structs import replace

from chargepost.catalogue import load
from chargepost.catalogue.checks import inconsistencies
from chargepost.catalogue.model import Meaning, Model, RegisterSpec
from chargepost.catalogue.report import as_text
from chargepost.energy.remote import SHOWS
from chargepost.station import charging
from tests.models.registers_page import PAGE, page

EVLINK = ["evlink-smart-wallbox", "evlink-parking", "evlink-city"]

EVLINK_MAP = {
    6: "enum R", 9: "enum R", 20: "enum R", 23: "bits R", 30: "uint32 R", 150: "enum RW", 301: "uint16 RW",
    310: "uint16 RW", 350: "float R", 352: "float R", 354: "float R", 356: "uint32 R", 358: "float R",
    932: "enum RW", 933: "uint16 R", 2004: "uint32 R",
}  # fmt: skip
PRO_AC_MAP = {
    1: "enum R", 150: "enum R", 1150: "uint16 R", 2999: "float R", 3001: "float R", 3003: "float R", 3009: "float R",
    3027: "float R", 3029: "float R", 3031: "float R", 3035: "float R", 3053: "float R", 3055: "float R",
    3057: "float R", 3059: "float R", 3075: "float R", 3083: "float R", 3109: "float R", 3203: "int64 R",
    3219: "int64 R", 4000: "enum RW", 4001: "enum RW", 4002: "uint32 R", 4004: "uint16 RW", 4005: "uint16 RW",
    4006: "uint16 RW", 4007: "uint32 R", 4009: "uint32 R", 4011: "uint16 R",
}  # fmt: skip
"""As drivers of other people have them: address, type, access."""


OURS = ["limit", "limit_author", "offered_current"]
ONLY_6_A = PAGE.parents[1] / "explanation" / "only-six-amperes.md"


def known(model: Model) -> dict[int, str]:
    rows = model.registers.values()
    return {row.address: f"{row.type} {row.access}" for row in rows if row.source not in ("chosen", "ours")}


@pytest.mark.parametrize("name", [*EVLINK, "evlink-pro-ac"])
def test_our_own_block_is_the_same_in_every_map_and_above_the_vendor_s(name: str) -> None:
    model, other = load(name), load("evlink-city")
    assert sorted(row.name for row in model.registers.values() if row.source == "ours") == OURS
    assert [model.registers[each] for each in OURS] == [other.registers[each] for each in OURS]
    assert max(known(model)) < 60_000 <= min(model.registers[each].address for each in OURS)


def test_every_author_of_a_limit_has_its_number_and_its_line_in_the_documentation() -> None:
    """only-six-amperes.md has them in the order of the register; what cannot be read by Modbus has no number."""
    numbers = load("evlink-city").registers["limit_author"].values
    assert set(charging.AUTHORS) == set(charging.RULES)
    assert set(numbers) == {charging.NOBODY, *charging.AUTHORS.values()}
    assert sorted(numbers.values()) == list(range(len(numbers)))
    told = re.findall(r"^\| (\d+) \|", ONLY_6_A.read_text("utf-8"), re.MULTILINE)
    assert list(map(int, told)) == sorted(set(numbers.values()) - {numbers[charging.NOBODY]})


@pytest.mark.parametrize("name", EVLINK)
def test_the_map_of_the_evlink_family_is_that_of_its_drivers(name: str) -> None:
    model = load(name)
    assert known(model) == EVLINK_MAP
    assert model.modbus
    assert not model.modbus.low_word_first
    assert model.registers["command"].writes["set_available"] == 34


def test_the_map_of_the_pro_ac_is_that_of_its_drivers() -> None:
    model = load("evlink-pro-ac")
    assert {address: row for address, row in known(model).items() if address != 4012} == PRO_AC_MAP
    assert model.modbus
    assert model.modbus.low_word_first
    assert model.registers["ocpp_status"].values["Available"] == 0


@pytest.mark.parametrize("name", ["evlink-parking@R4", "evlink-city@R5", "evlink-smart-wallbox@R5"])
def test_a_release_without_error_29_shows_the_lost_controller_by_bit_12_all_the_same(name: str) -> None:
    """Q-008: 29 came later; bit 12 of the error register is "remote controller lost" whichever error it is."""
    model = load(name)
    assert model.modbus
    assert model.modbus.lost_error == "13"
    assert model.registers["error_status"].values["13"] == model.registers["error_status"].values["29"] == 12


def test_a_product_without_a_map_has_none() -> None:
    assert load("evlink-pro-dc").modbus is None
    assert not load("schneider-charge").registers


def test_every_meaning_is_shown_by_a_row() -> None:
    assert set(SHOWS) == set(get_args(Meaning))


def test_registers_without_a_server_are_refused() -> None:
    wrong = replace(load("evlink-pro-ac"), modbus=None)
    assert "modbus: is missing" in " ".join(f"{each.path}: {each.what}" for each in inconsistencies(wrong))


def test_a_bit_outside_its_words_is_refused() -> None:
    model = load("evlink-parking")
    row: RegisterSpec = replace(model.registers["error_status"], values={"1": 32})
    wrong = replace(model, registers={**model.registers, "error_status": row})
    assert [each.path for each in inconsistencies(wrong)] == ["registers.error_status.values"]


def test_models_shows_the_map() -> None:
    text = as_text(load("evlink-pro-ac"), 160)
    assert "Modbus registers (" in text
    assert "4004      1      uint16  RW      set_point" in text


def test_the_reference_page_is_true() -> None:
    assert PAGE.read_text("utf-8") == page(), "run tools/registers, and look at the diff"
