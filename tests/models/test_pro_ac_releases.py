"""The releases of EVlink Pro AC against the Document Version History of GEX1969200-11, row by row."""

import pytest

from chargepost.catalogue import Model, load, names
from chargepost.catalogue.load import releases
from chargepost.ocpp import security
from chargepost.station.settings import Settings

HISTORY = ("2.0.1", "2.0.0", "1.6.0", "1.5.0", "1.4.0", "1.3.6", "1.3.4", "1.3.2", "1.3.0", "1.2.2", "1.2.1")
"""The column Software Version from 1.2 on, newest first."""

PLUG_AND_CHARGE = {
    "ISO15118PnCEnabled",
    "SeccLeafSubjectOrganization",
    "SeccLeafSubjectCommonName",
    "SeccLeafSubjectCountry",
    "CentralContractValidationAllowed",
    "CertSigningRepeatTimes",
    "CertSigningWaitMinimum",
    "ContractValidationOffline",
}
SECURITY_KEYS = {
    "CpoName", "SecurityEventsEnabled", "SecurityProfile", "CertificateStoreMaxLength", "CertificateSignedMaxChainSize",
}  # fmt: skip


def of(release: str) -> Model:
    return load(f"evlink-pro-ac@{release}")


def keys(release: str) -> set[str]:
    return {spec.name for spec in of(release).keys.values()}


def before(release: str) -> str:
    return HISTORY[HISTORY.index(release) + 1]


def test_every_software_version_of_the_history_is_a_release_and_the_newest_is_the_default() -> None:
    assert releases()["evlink-pro-ac"] == HISTORY
    assert load("evlink-pro-ac").release == HISTORY[0]


@pytest.mark.parametrize("release", HISTORY)
def test_a_release_says_its_own_number_and_what_its_guide_would_have_told(release: str) -> None:
    model = of(release)
    assert (model.release, model.identity.firmware) == (release, release)
    assert release == HISTORY[0] or "rest" in model.unknown
    assert {name for name in names() if name.endswith(f"@{release}") and name.startswith("evlink-pro-ac/")} == {
        f"evlink-pro-ac/{variant}@{release}" for variant in load("evlink-pro-ac").variants
    }


@pytest.mark.parametrize(
    ("release", "came", "went"),
    [
        ("2.0.1", {"ISO15118ChargeEnabled"}, set()),  # revision 11
        ("2.0.0", PLUG_AND_CHARGE, set()),  # revision 10
        ("1.6.0", set(), set()),
        ("1.5.0", set(), set()),
        ("1.4.0", SECURITY_KEYS, set()),  # revision 7
        ("1.3.6", set(), set()),
        ("1.3.4", set(), set()),
        ("1.3.2", set(), set()),
        ("1.3.0", set(), set()),
        ("1.2.2", {"MeterPublicKey"}, {"PowerMeterPublicKey"}),  # revision 4
    ],
)
def test_keys_came_and_went_as_told(release: str, came: set[str], went: set[str]) -> None:
    assert keys(release) - keys(before(release)) == came
    assert keys(before(release)) - keys(release) == went


def test_1_6_0_allows_voltage_and_current_without_phases() -> None:
    """Revision 9: before, a list that names one of them alone is refused."""
    for release in HISTORY:
        settings = Settings(of(release), {})
        alone = "Accepted" if HISTORY.index(release) <= HISTORY.index("1.6.0") else "Rejected"
        for name in ("Voltage", "Current.Import"):
            assert settings.change("MeterValuesSampledData", name, owner=False)[0] == alone, release
            assert settings.change("MeterValuesSampledData", f"{name}.L1", owner=False)[0] == "Accepted", release
        assert settings.change("MeterValuesSampledData", "Power.Active.Import", owner=False)[0] == "Accepted"


def test_1_5_0_made_the_derating_current_writable() -> None:
    """Revision 8."""
    for release in HISTORY:
        spec = of(release).key("iMaxDeratingSwCapacity")
        assert spec
        assert spec.access == ("RW" if HISTORY.index(release) <= HISTORY.index("1.5.0") else "R"), release


def test_1_4_0_brought_the_security_extension() -> None:
    """Revision 7: its three messages up and its five down."""
    old, new = of("1.3.6").messages, of("1.4.0").messages
    up, down = set(new.sends) - set(old.sends), set(new.answers) - set(old.answers)
    assert (len(up), len(down)) == (3, 5)
    assert up | down == (set(new.sends) | set(new.answers)) & security.REQUESTS.keys()
    assert not (set(old.sends) | set(old.answers)) & security.REQUESTS.keys()


def test_what_the_history_does_not_tell_is_written_down() -> None:
    """It says that error codes (1.4.0), measurands (1.5.0) and the WebSocket (1.3.6) changed, and not how."""
    for release in HISTORY:
        age, unknown = HISTORY.index(release), of(release).unknown
        assert ("errors" in unknown) == (age > HISTORY.index("1.4.0")), release
        assert ("measurands" in unknown) == (age > HISTORY.index("1.5.0")), release
        assert ("websocket" in unknown) == (age > HISTORY.index("1.3.6")), release


def test_variants_are_the_product_family_with_mid_and_calibrated_meters() -> None:
    """Product Family shows three kinds; MeterMID and errors 2.4 and 19.0 tell of meters."""
    variants = load("evlink-pro-ac").variants
    assert set(variants) == {
        "socket", "cable", "socket-domestic", "socket-mid", "cable-mid", "socket-domestic-mid", "socket-eichrecht",
        "cable-eichrecht",
    }  # fmt: skip
    for name in variants:
        model = load(f"evlink-pro-ac/{name}")
        meter = model.key("MeterMID")
        assert meter
        assert meter.default == str(name.endswith(("-mid", "-eichrecht"))).lower(), name


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        ("StationName", ["Yard-2_b. North", ""], ["Yard/2", "Hof für alle", "a" * 32, "a\nb"]),
        ("DefaultIdTag", ["aB9", "1" * 20], ["a-b", "a b", "1" * 21]),
    ],
)
def test_texts_hold_the_printed_characters_only(key: str, good: list[str], bad: list[str]) -> None:
    """Parameters 2."""
    settings = Settings(load("evlink-pro-ac"), {})
    assert {settings.change(key, value, owner=False)[0] for value in good} == {"Accepted"}
    assert {settings.change(key, value, owner=False)[0] for value in bad} == {"Rejected"}
