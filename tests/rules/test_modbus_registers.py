"""The register image: exact to the word, refused where a device would refuse, and typed past the boundary."""

import contextlib
import struct
from collections.abc import Sequence
from math import isnan

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chargepost import signals as sig
from chargepost.catalogue import load
from chargepost.catalogue.model import RegisterSpec
from chargepost.energy.remote import ILLEGAL_ADDRESS, ILLEGAL_VALUE, UNTIL, IllegalError, Image

WALLBOX, PRO_AC = load("evlink-smart-wallbox"), load("evlink-pro-ac")
MAPS = {"EVlink": WALLBOX, "Pro AC": PRO_AC}
IMAGES = {
    name: Image(model.registers, low_word_first=bool(model.modbus and model.modbus.low_word_first))
    for name, model in MAPS.items()
}
EVLINK, PRO = IMAGES["EVlink"], IMAGES["Pro AC"]

READING = sig.Reading(
    energy_wh=1_234_567.0, current_a=(15.5, 14.0, 16.0), voltage_v=(230.0, 231.0, 229.0),
    power_w=(3565.0, 3234.0, 3664.0), power_factor=0.98, frequency_hz=50.02, reactive_varh=4321.0,
)  # fmt: skip
VIEW = sig.ExternalView(
    status="Charging", vehicle_state="charging", cpw_number=9, last_charge_number=1, errors=("12", "29"),
    charge_s=70_000.0, session_s=70_010.4, session_wh=5000.0, energy_wh=1_234_567.0, reading=READING,
    vehicle_present=True, limit_a=13.5, limit_author="external system", offered_a=0.0, command="suspend",
    command_status="done", set_point_a=16.0, station_set_point_a=32.0, life="alive", badge="BADGE-7", delay_s=100_000.0,
    settings={"DegradedSetPointSinglePhase": "8", "DegradedSetPointThreePhase": "6"},
)  # fmt: skip


def words(image: Image, address: int, count: int, view: sig.ExternalView = VIEW) -> list[int]:
    return list(struct.unpack(f">{count}H", image.read(address, count, view)))


def refusal(image: Image, address: int, count: int) -> int:
    with pytest.raises(IllegalError) as refused:
        image.read(address, count, VIEW)
    return refused.value.code


def write(image: Image, address: int, *values: int, allowed: bool = True) -> list[sig.Fact]:
    return list(image.write(address, values, 1, VIEW, allowed=allowed))


def wrong(image: Image, address: int, *values: int, allowed: bool = True) -> int:
    with pytest.raises(IllegalError) as refused:
        image.write(address, values, 1, VIEW, allowed=allowed)
    return refused.value.code


# --- word order ------------------------------------------------------------------------------------------------------


def test_evlink_has_the_high_word_first() -> None:
    assert words(EVLINK, 356, 2) == [1_234_567 >> 16, 1_234_567 & 0xFFFF]
    assert EVLINK.read(350, 2, VIEW) == struct.pack(">f", 15.5)
    assert words(EVLINK, 23, 2) == [0, 1 << 11 | 1 << 12], "errors 12 and 29: meter, and remote controller lost"


def test_pro_ac_has_the_low_word_first() -> None:
    assert words(PRO, 4007, 2) == [70_000 & 0xFFFF, 70_000 >> 16]
    assert PRO.read(2999, 2, VIEW) == struct.pack(">f", 15.5)[2:] + struct.pack(">f", 15.5)[:2]
    assert words(PRO, 3203, 4) == [1_234_567 & 0xFFFF, 1_234_567 >> 16, 0, 0]


def shown(image: Image, row: RegisterSpec, *, low_first: bool, view: sig.ExternalView = VIEW) -> float:
    """As a driver puts the words of a value together."""
    data = image.read(row.address, row.words, view)
    pairs = [data[at : at + 2] for at in range(0, len(data), 2)]
    form = {"float": ">f", "int64": ">q", "uint32": ">I", "bits": ">I"}.get(row.type, ">H")
    return float(struct.unpack(form, b"".join(reversed(pairs) if low_first else pairs))[0])


@pytest.mark.parametrize("name", MAPS)
@given(
    number=st.floats(min_value=0, max_value=2**31, allow_nan=False, width=32),
    energy=st.integers(min_value=0, max_value=2**40),
)
def test_every_number_reads_back_as_it_is(name: str, number: float, energy: int) -> None:
    """Round trip through the words: floats to their precision, whole numbers rounded, the largest at the end."""
    model, image = MAPS[name], IMAGES[name]
    spec = model.modbus
    assert spec
    reading = replace(READING, current_a=(number, 0.0, 0.0), reactive_varh=energy, energy_wh=energy)
    view = replace(VIEW, reading=reading, energy_wh=float(energy), session_s=number)
    rows = model.registers
    assert shown(image, rows["current_l1"], low_first=spec.low_word_first, view=view) == number
    most = UNTIL[">q" if rows["energy"].type == "int64" else ">I"]
    assert shown(image, rows["energy"], low_first=spec.low_word_first, view=view) == min(energy, most)
    expected = min(round(number), UNTIL[">I"])
    assert shown(image, rows["session_time"], low_first=spec.low_word_first, view=view) == expected


# --- reading ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MAPS)
@given(address=st.integers(0, 65_600), count=st.integers(1, 125))
def test_a_read_is_those_words_or_exception_2(name: str, address: int, count: int) -> None:
    """A hole anywhere refuses all of it; without one, each word is what it is when read alone, also inside a value."""
    rows = MAPS[name].registers.values()
    there = {row.address + word for row in rows for word in range(row.words)}
    if all(at in there for at in range(address, address + count)):
        assert words(IMAGES[name], address, count) == [
            words(IMAGES[name], at, 1)[0] for at in range(address, address + count)
        ]
    else:
        assert refusal(IMAGES[name], address, count) == ILLEGAL_ADDRESS


@pytest.mark.parametrize("name", MAPS)
def test_any_part_of_any_value_may_be_read(name: str) -> None:
    for row in MAPS[name].registers.values():
        whole = words(IMAGES[name], row.address, row.words)
        for start in range(row.words):
            for count in range(1, row.words - start + 1):
                assert words(IMAGES[name], row.address + start, count) == whole[start : start + count], row.name


def test_three_phases_are_read_in_one_block() -> None:
    """What evcc and nymea do."""
    assert len(PRO.read(2999, 6, VIEW)) == 12
    assert len(EVLINK.read(350, 10, VIEW)) == 20


def test_a_read_across_a_hole_is_refused() -> None:
    assert refusal(PRO, 3003, 3) == ILLEGAL_ADDRESS
    assert refusal(EVLINK, 5, 2) == ILLEGAL_ADDRESS
    assert refusal(EVLINK, 65_535, 2) == ILLEGAL_ADDRESS


def test_what_is_shown() -> None:
    assert words(EVLINK, 6, 1) == [9]
    assert words(EVLINK, 9, 1) == [1]
    assert words(EVLINK, 20, 1) == [1], "done"
    assert words(EVLINK, 150, 1) == [4], "suspend"
    assert words(PRO, 1, 1) == [8]
    assert words(PRO, 150, 1) == [6]
    assert words(PRO, 1150, 1) == [1]
    assert words(PRO, 4005, 2) == [8, 6]
    assert struct.pack(">10H", *words(PRO, 4020, 10)).rstrip(b"\0") == b"BADGE-7"
    rows = PRO_AC.registers
    assert shown(PRO, rows["power"], low_first=True) == pytest.approx(10.463, abs=1e-4), "kW"
    assert shown(PRO, rows["apparent_power"], low_first=True) == pytest.approx(10.463, abs=1e-3)
    assert shown(PRO, rows["current_average"], low_first=True) == pytest.approx(15.1667, abs=1e-3)
    assert shown(PRO, rows["voltage_average"], low_first=True) == 230.0


@pytest.mark.parametrize("name", MAPS)
def test_our_own_block_says_who_limits(name: str) -> None:
    """At the same addresses in every map, above all that the vendor has; in the word order of the map."""
    low_first = name == "Pro AC"
    rows = MAPS[name].registers
    assert words(IMAGES[name], 60000, 1) == [17]
    assert shown(IMAGES[name], rows["limit"], low_first=low_first) == 13.5
    assert shown(IMAGES[name], rows["offered_current"], low_first=low_first) == 0.0
    assert len(IMAGES[name].read(60000, 5, VIEW)) == 10, "one block"


def test_the_average_is_of_the_phases_that_there_are() -> None:
    one = replace(READING, current_a=(10.0, 0.0, 0.0), voltage_v=(230.0, 0.0, 0.0))
    view = replace(VIEW, reading=one)
    assert shown(PRO, PRO_AC.registers["current_average"], low_first=True, view=view) == 10.0


@pytest.mark.parametrize(
    ("life", "evlink", "pro_ac", "degraded"),
    [("none", 0, 0, 0), ("alive", 0, 1, 0), ("lost", 0, 0, 1), ("off", 2, 2, 0)],
)
def test_the_life_bit_reads_as_the_product_has_it(life: str, evlink: int, pro_ac: int, degraded: int) -> None:
    view = replace(VIEW, life=life)
    assert words(EVLINK, 932, 2, view) == [evlink, degraded]
    assert words(PRO, 4000, 1, view) == [pro_ac]


def test_without_a_charge_the_set_point_of_a_pro_ac_reads_99() -> None:
    assert words(PRO, 4004, 1) == [16]
    assert words(PRO, 4004, 1, replace(VIEW, status="Available")) == [99]
    assert words(EVLINK, 301, 1, replace(VIEW, status="Available")) == [16]


def test_a_meter_that_never_answered_is_no_number() -> None:
    view = replace(VIEW, reading=None)
    assert isnan(shown(PRO, PRO_AC.registers["power"], low_first=True, view=view))
    assert words(PRO, 3219, 4, view) == [0, 0, 0, 0]
    assert words(PRO, 3203, 1, view) == [1_234_567 & 0xFFFF], "the register is remembered"


def test_an_error_without_a_bit_sets_none() -> None:
    assert words(EVLINK, 23, 2, replace(VIEW, errors=("22", "store"))) == [0, 0]


# --- writing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("image", "address", "values", "fact"),
    [
        (PRO, 4004, [16], sig.ExternalSetPoint(1, 16.0)),
        (EVLINK, 301, [0], sig.ExternalSetPoint(1, 0.0)),
        (EVLINK, 310, [63], sig.ExternalSetPoint(0, 63.0)),
        (PRO, 4000, [1], sig.ExternalLife(1)),
        (EVLINK, 932, [2], sig.ExternalLife(1, on=False)),
        (PRO, 4005, [10], sig.SettingChanged("DegradedSetPointSinglePhase", "10")),
        (EVLINK, 150, [3], sig.ExternalCommand(1, "force_stop", "BADGE-7", 100_000.0)),
        (EVLINK, 150, [34], sig.ExternalCommand(1, "set_available", "BADGE-7", 100_000.0)),
        (EVLINK, 170, [1, 0], sig.ExternalOperand(1, delay_s=65_536.0)),
        (PRO, 4030, [1, 0], sig.ExternalOperand(1, delay_s=1.0)),
        (PRO, 4020, [0x4142, 0x4300, *[0] * 8], sig.ExternalOperand(1, id_tag="ABC")),
        (EVLINK, 160, [0] * 10, sig.ExternalOperand(1, id_tag="")),
    ],
)  # fmt: skip
def test_a_write_becomes_a_fact(image: Image, address: int, values: Sequence[int], fact: sig.Fact) -> None:
    assert write(image, address, *values) == [fact]


def test_a_block_is_written_in_the_order_of_its_addresses() -> None:
    assert write(PRO, 4004, 20, 8, 6) == [
        sig.ExternalSetPoint(1, 20.0),
        sig.SettingChanged("DegradedSetPointSinglePhase", "8"),
        sig.SettingChanged("DegradedSetPointThreePhase", "6"),
    ]


@pytest.mark.parametrize("name", MAPS)
@given(value=st.integers(0, 65_535))
def test_what_is_read_only_is_refused_whatever_is_written(name: str, value: int) -> None:
    for row in MAPS[name].registers.values():
        if row.access == "R":
            assert wrong(IMAGES[name], row.address, *[value] * row.words) == ILLEGAL_ADDRESS


@pytest.mark.parametrize("name", MAPS)
def test_r_297_while_nobody_may_control_all_is_read_only(name: str) -> None:
    """R-297: No: nothing can be set."""
    for row in MAPS[name].registers.values():
        assert wrong(IMAGES[name], row.address, *[0] * row.words, allowed=False) == ILLEGAL_ADDRESS


@pytest.mark.parametrize("name", MAPS)
@given(value=st.integers(0, 65_535))
def test_a_number_is_taken_or_is_exception_3(name: str, value: int) -> None:
    """In its range it is a fact, out of it exception 3; an enum takes its own numbers only."""
    for row in MAPS[name].registers.values():
        if row.access == "R" or row.words > 1:
            continue
        most = 65_535 if row.max is None else row.max
        good = value in {0, *row.writes.values()} if row.name == "life_bit" else value in row.writes.values()
        if good if row.type == "enum" else value <= most:
            assert len(write(IMAGES[name], row.address, value)) == 1
        else:
            assert wrong(IMAGES[name], row.address, value) == ILLEGAL_VALUE


def test_half_a_value_is_refused() -> None:
    assert wrong(EVLINK, 170, 5) == ILLEGAL_ADDRESS
    assert wrong(EVLINK, 171, 5) == ILLEGAL_ADDRESS
    assert wrong(PRO, 4020, *[0] * 9) == ILLEGAL_ADDRESS
    assert wrong(PRO, 4021, *[0] * 9) == ILLEGAL_ADDRESS


def test_one_wrong_value_refuses_the_whole_write() -> None:
    assert wrong(PRO, 4004, 20, 33, 6) == ILLEGAL_VALUE
    assert wrong(PRO, 4004, 20, 8, 6, 1, 1) == ILLEGAL_ADDRESS, "the charging time behind them is read only"


def test_a_value_of_several_words_has_its_range_too() -> None:
    assert wrong(EVLINK, 170, 0xFFFF, 0xFFFF) == ILLEGAL_VALUE
    assert write(EVLINK, 170, 9, 14_976) == [sig.ExternalOperand(1, delay_s=604_800.0)]


@pytest.mark.parametrize("text", [b"\x01\x02", b"\xc3\xa9", b"A\nB ", b"A\0B "])
def test_a_badge_is_printable(text: bytes) -> None:
    assert wrong(PRO, 4020, *struct.unpack(">10H", text.ljust(20, b"\0"))) == ILLEGAL_VALUE


@pytest.mark.parametrize("name", MAPS)
@given(address=st.integers(0, 65_535), values=st.lists(st.integers(0, 65_535), min_size=1, max_size=123))
def test_anything_written_anywhere_is_facts_or_an_exception(name: str, address: int, values: list[int]) -> None:
    facts: list[sig.Fact] = []
    with contextlib.suppress(IllegalError):  # which any other exception is not
        facts = write(IMAGES[name], address, *values)
    assert all(isinstance(fact, sig.Fact) for fact in facts)
