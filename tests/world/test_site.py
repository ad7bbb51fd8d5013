"""The site file: what it may say, and one clear line for what it may not."""

from pathlib import Path

import pytest

from chargepost.drivers.network import AS_USUAL, HOST, Around
from chargepost.run import site
from chargepost.run.given import Unfit, find_model, judge
from chargepost.run.house import _given
from chargepost.run.quantities import Duration, Energy, Power
from chargepost.run.site import SiteError

GOOD = """\
schema = 1
name = "yard"

[supervision]
listen = "127.0.0.1:0"
heartbeat = "5min"

[[supervision.badges]]
id_tag = "A1"

[[stations]]
id = "ONE"
model = "evlink-pro-ac"
settings = { MeterValueSampleInterval = 10, AuthorizeRemoteTxRequests = true }

[[stations]]
id = "TWO"
model = "evlink-smart-wallbox"

[stations.visitors]
badges = ["A1"]
cars = ["Van", { like = "Compact", battery = "30 kWh", power = "7.4 kW", phases = 1 }]
stay = ["1min", "90s"]
"""


def test_the_demo_site_is_right_and_every_station_of_it_can_be() -> None:
    demo = site.demo()
    badges = {badge.id_tag for badge in demo.supervision.badges if badge.status == "Accepted"}
    for part in demo.stations:
        assert _given(part, "ws://127.0.0.1:8610/ocpp", {}).model.line == part.model
        assert part.visitors
        assert set(part.visitors.badges) <= badges, "the supervision knows who comes"
        assert part.visitors.habits().cars


def test_a_file_is_read_in_base_units() -> None:
    yard = site.read(GOOD, "yard.toml")
    assert float(yard.supervision.heartbeat) == 300
    one, two = yard.stations
    assert one.keys() == {"MeterValueSampleInterval": "10", "AuthorizeRemoteTxRequests": "true"}
    assert two.visitors
    assert [float(each) for each in two.visitors.stay] == [60, 90]
    van, compact = two.visitors.habits().cars
    assert van.name == "Van"
    assert (compact.battery_wh, compact.phases) == (30_000, 1)
    assert compact.max_current_a == pytest.approx(32.2, abs=0.1)


@pytest.mark.parametrize(
    ("network", "around"),
    [
        ("", AS_USUAL),
        ('network = "host"', HOST),
        ('network = { router = "10.1.0.1", meter_address = 2 }', Around(router="10.1.0.1", meter_address=2)),
        ('[stations.hardware.reader]\nat = "/dev/ttyS0"', HOST),
        ('network = { dhcp = false }\n[stations.hardware.reader]\nat = "/dev/ttyS0"', Around(dhcp=False)),
    ],
)
def test_the_network_around_a_station_is_simulated_unless_it_is_real_or_the_file_says_otherwise(
    network: str, around: Around
) -> None:
    """A station with real instruments stands in a real network: its settings must not cut it off."""
    text = f'[[stations]]\nid = "ONE"\nmodel = "evlink-pro-ac"\n{network}\n'
    (part,) = site.read(text, "yard.toml").stations
    assert part.around() == around
    assert "hardware" in network or _given(part, None, {}).around == around


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (
            "[stations.visitors]",
            'network = "hots"\n[stations.visitors]',
            "20: stations[1].network: 'hots' is none of host; did you mean host?",
        ),
        (
            "[stations.visitors]",
            'network = { ruoter = "10.1.0.1" }\n[stations.visitors]',
            "20: stations[1].network.ruoter: there is no such key; did you mean router?",
        ),
        (
            "[stations.visitors]",
            'network = { router = "10.1.0.1/24" }\n[stations.visitors]',
            "20: stations[1].network: router: '10.1.0.1/24' is no IPv4 address such as 192.168.0.254",
        ),
        ("heartbeat", "hartbeat", "6: supervision.hartbeat: there is no such key; did you mean heartbeat?"),
        ('"5min"', '"5 parsecs"', "6: supervision.heartbeat: '5 parsecs' is no duration: write it as \"30s\""),
        ("id_tag", "idtag", "9: supervision.badges[0].idtag: there is no such key; did you mean id_tag?"),
        ('model = "evlink-smart', 'modle = "evlink-smart', "18: stations[1].modle: there is no such key"),
        ('id = "TWO"', 'id = "ONE"', "17: stations[1].id: 'ONE' is there twice"),
        ('id = "TWO"\n', "", "16: stations[1]: id is missing"),
        ('["1min", "90s"]', '["1min"]', "23: stations[1].visitors.stay: expected `array` of length 2, got 1"),
        ('"Van"', '"Vam"', "20: stations[1].visitors: like: there is no car 'Vam'; did you mean Van?"),
        ("battery", "batery", "22: stations[1].visitors.cars[1].batery: there is no such key; did you mean battery?"),
        ("schema = 1", "schema = 2", "1: schema: this program reads schema 1, not 2"),
        ('name = "yard"', 'transfers.hosts = ["a/b"]', "2: transfers.hosts: 'a/b' is no host: give HOST or HOST:PORT"),
        ('name = "yard"', "name = 7", "2: name: expected `str`, got `int`"),
        ('name = "yard"', 'nam = "yard"', "2: nam: there is no such key; did you mean name?"),
        ('id = "TWO"', 'id = "TWO"\nmodbus = "here"', "18: stations[1].modbus: 'here' is no address to listen on"),
        ('badges = ["A1"]', "badges = []", "20: stations[1].visitors: badges: name one at least"),
    ],
)
def test_what_is_wrong_is_told_with_file_line_key_and_remedy(old: str, new: str, line: str) -> None:
    assert old in GOOD
    with pytest.raises(SiteError) as error:
        site.read(GOOD.replace(old, new), "yard.toml")
    assert str(error.value).startswith(f"yard.toml:{line}")
    assert "\n" not in str(error.value)


FUSED = """
[[fuses]]
name = "main"
rating = "63 A"
building = "10 A"

[[fuses]]
name = "garage"
parent = "main"
rating = ["32 A", "32 A", "20 A"]
members = ["ONE", "TWO"]

[site]
floor = "6 A"
vips = ["A1"]
random_delay = "5min"
off_peak = ["22:00-06:00"]
"""


def test_fuses_are_read_with_their_stations_and_phases() -> None:
    yard = site.read(GOOD + FUSED, "yard.toml")
    assert [part.fuse().rating_a for part in yard.fuses] == [(63, 63, 63), (32, 32, 20)]
    assert yard.fuses[0].fuse().metered
    rules = yard.site.rules()
    assert (rules.vips, rules.regulation.delay_s) == (frozenset({"a1"}), 300.0)


@pytest.mark.parametrize(("said", "delay_s"), [("true", 600), ("false", 0), ('"20min"', 1200), ("30", 30)])
def test_a_random_delay_that_names_no_number_is_the_usual_one(said: str, delay_s: float) -> None:
    yard = site.read(GOOD + FUSED.replace('"5min"', said), "yard.toml")
    assert yard.site.rules().regulation.delay_s == delay_s


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('"63 A"', '"63 V"', "27: fuses[0].rating: '63 V' is no current: write it as \"16 A\""),
        ('"63 A"', "-1", "27: fuses[0].rating: must lie in 0 to 10000 A"),
        ('"20 A"]', "]", "33: fuses[1].rating: 2 values: give one, or one for each of the three phases"),
        ('parent = "main"', 'parent = "mian"', "32: fuses[1].parent: there is no fuse 'mian'"),
        ('name = "garage"', 'name = "main"', "31: fuses[1].name: 'main' is there twice"),
        ('"TWO"]', '"THREE"]', "34: fuses[1].members: there is no station 'THREE'"),
        ('building = "10 A"', 'members = ["TWO"]', "34: fuses[1].members: 'TWO' is under 'main' already"),
        (
            'building = "10 A"',
            'biulding = "10 A"',
            "28: fuses[0].biulding: there is no such key; did you mean building",
        ),
        ('floor = "6 A"', 'floor = "4 A"', "37: site.floor: 4 A cannot be offered: 0, or 6 A and more"),
        ('floor = "6 A"', 'floor = "12 A"', "30: fuses[1]: the floors of its stations (24 A) come to more than the"),
        ('building = "10 A"', 'building = "55 A"', "25: fuses[0]: the floors of its stations (12 A) and what else"),
        ('floor = "6 A"', 'shed_by = "age"', '37: site.shed_by: must be so that it is "duration" or "energy"'),
        ('"5min"', '"1h"', "39: site.random_delay: must be so that it lies in 0 to 1800 s"),
        ('"22:00-06:00"', '"at night"', "40: site.off_peak: 'at night' are no hours: write them as 22:00-06:00"),
        ('floor = "6 A"', 'zone = "Mars/North"', "37: site.zone: "),
        ('floor = "6 A"', "wiring.ONE = 'RRR'", "37: site.wiring: 'RRR' is none of RST"),
        ('floor = "6 A"', "wiring.SIX = 'RST'", "37: site.wiring: there is no station 'SIX' under a fuse"),
        ('floor = "6 A"', 'lease = "5s"', "37: site.lease: must be so that it is twice report at least"),
    ],
)
def test_what_is_wrong_with_a_fuse_is_told_with_its_line(old: str, new: str, line: str) -> None:
    assert old in FUSED
    with pytest.raises(SiteError) as error:
        site.read(GOOD + FUSED.replace(old, new), "yard.toml")
    assert str(error.value).startswith(f"yard.toml:{line}"), str(error.value)
    assert "\n" not in str(error.value)


CLUSTER = (
    FUSED.replace('["ONE", "TWO"]', '["ONE", "FAR"]')
    + """cluster = { key_file = "k", listen = "0.0.0.0:8640" }

[[remote]]
id = "FAR"
model = "evlink-parking"
"""
)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("0.0.0.0:8640", "8640", "41: site.cluster: '8640' is no address to listen on"),
        ("listen =", 'manager = "m:1", listen =', "25: fuses: are in the site file of the manager"),
        ('cluster = { key_file = "k", listen = "0.0.0.0:8640" }', "", "43: remote: stations of other processes reach"),
        ('id = "FAR"', 'id = "ONE"', "34: fuses[1].members: there is no station 'FAR'"),
        ('"ONE", "FAR"', '"FAR"', ""),
        ('"ONE", "FAR"', '"ONE"', "44: remote[0].id: 'FAR' hangs under no fuse"),
        ("evlink-parking", "evlink-perking", "45: remote[0].model: "),
    ],
)
def test_what_is_wrong_with_a_cluster_is_told_with_its_line(old: str, new: str, line: str) -> None:
    assert old in CLUSTER
    text = GOOD + CLUSTER.replace(old, new)
    if not line:
        assert site.read(text, "yard.toml").remote
        return
    with pytest.raises(SiteError) as error:
        site.read(text, "yard.toml")
    assert str(error.value).startswith(f"yard.toml:{line}"), str(error.value)


def test_a_member_of_a_cluster_has_no_fuses_and_a_floor_that_can_be_offered() -> None:
    member = GOOD + '[site]\nfloor = "FLOOR"\ncluster = { manager = "m:8640", key_file = "k" }\n'
    assert site.read(member.replace("FLOOR", "6 A"), "yard.toml").site.cluster
    with pytest.raises(SiteError, match=r"site\.floor: 4 A cannot be offered"):
        site.read(member.replace("FLOOR", "4 A"), "yard.toml")
    with pytest.raises(SiteError, match=r"site\.cluster: there is nothing to share"):
        site.read(member.replace("FLOOR", "6 A").replace('manager = "m:8640", ', ""), "yard.toml")


def test_a_station_under_a_fuse_that_is_of_no_product_is_refused() -> None:
    """Without it, the others would be given the current that is meant for it; elsewhere the others run."""
    wrong = GOOD.replace("evlink-smart-wallbox", "evlnk-smart-wallbox")
    assert len(site.read(wrong, "yard.toml").stations) == 2
    with pytest.raises(SiteError, match=r"^yard.toml:18: stations\[1\].model: .*; did you mean evlink-smart-wallbox"):
        site.read(wrong + FUSED, "yard.toml")


def test_what_is_no_site_file_at_all(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match=r"cannot be read: No such file"):
        site.load(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("= 1")
    with pytest.raises(SiteError, match="is not TOML"):
        site.load(tmp_path / "bad.toml")
    (tmp_path / "bad.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SiteError, match="UTF-8"):
        site.load(tmp_path / "bad.toml")
    (tmp_path / "empty.toml").write_text("")
    with pytest.raises(SiteError, match="there are none: add"):
        site.load(tmp_path / "empty.toml")


def test_quantities_are_written_with_or_without_a_unit() -> None:
    assert float(Duration.read("2h")) == 7200
    assert {float(Duration.read(written)) for written in (30, "30", " 30 s ", "0.5min")} == {30.0}
    assert Power.read("7.4 kW") == pytest.approx(7400)
    assert float(Energy.read("52 kWh")) == 52_000
    wrongs: tuple[object, ...] = ("", "s", "30 ss", "1e3s", "--3s", None, True, [])
    for wrong in wrongs:
        with pytest.raises(ValueError, match="write it as"):
            Duration.read(wrong)


# --- a station as it is asked for -------------------------------------------------------------------------------------

PRO, WALLBOX = find_model("evlink-pro-ac"), find_model("evlink-smart-wallbox")


def test_q_186_naming_a_supervision_turns_ocpp_on() -> None:
    given = judge("S-1", PRO, {}, "ws://host:1/ocpp")
    key = PRO.transport.enable_key.lower()
    assert key
    assert given.settings[key] == "true"
    assert judge("S-1", PRO, {}).settings == {}


@pytest.mark.parametrize("end", ["", "/", "/{id}", "/S-1"])
def test_the_address_is_taken_with_and_without_the_identity(end: str) -> None:
    given = judge("S-1", PRO, {}, f"ws://host:1/ocpp{end}")
    assert given.settings[PRO.transport.url_key.lower()] == "ws://host:1/ocpp"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("host:9000/ocpp", "has no scheme"),
        ("http://host/ocpp", "http:// does not fit: EVlink Pro AC is reached by OCPP-J"),
        ("ftp://host", "ftp:// does not fit"),
        ("ws://", "is no address"),
        ("ws://host:99999", "is no address"),
        ("ws://ho st", "is no address"),
        ("ws://user:secret@:0/", "is no address"),
    ],
)
def test_what_is_no_address_of_a_supervision_is_refused_with_the_right_form(url: str, why: str) -> None:
    with pytest.raises(Unfit, match=why) as error:
        judge("S-1", PRO, {}, url)
    assert "give ws://HOST:PORT/PATH" in str(error.value)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("HartbeatInterval", "10", "no key HartbeatInterval; did you mean HeartbeatInterval"),
        ("Zzz", "10", "chargepost models evlink-pro-ac lists them"),
        ("HeartbeatInterval", "soon", "'soon' is refused: it is an int from 1 up to 86400 s"),
        ("HeartbeatInterval", "0", "is refused"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_with_what_fits(key: str, value: str, why: str) -> None:
    with pytest.raises(Unfit, match=why.replace("(", "\\(")):
        judge("S-1", PRO, {key: value})


def test_q_186_naming_an_address_for_modbus_lets_others_control() -> None:
    """As with a supervision: what is off in the factory is on, unless the settings say no."""
    for name, keys in (("evlink-pro-ac", ["modbusenable"]), ("evlink-parking", ["controlledbyexternalsystem"])):
        given = judge("A", find_model(name), {}, modbus=True)
        assert [given.settings[key] for key in keys] == ["true"]
    refused = judge("A", find_model("evlink-parking"), {"controlledByExternalSystem": "false"}, modbus=True)
    assert refused.settings["controlledbyexternalsystem"] == "false"
    with pytest.raises(Unfit, match="no Modbus registers of EVlink Pro DC are known: leave the address out"):
        judge("A", find_model("evlink-pro-dc"), {}, modbus=True)


@pytest.mark.parametrize("identity", ["", "a b", "a/b", "x" * 49, "a\n"])
def test_an_identity_must_fit_into_an_address(identity: str) -> None:
    with pytest.raises(Unfit, match="is no identity"):
        judge(identity, WALLBOX, {})
