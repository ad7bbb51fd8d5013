"""The one gate for addresses that a message names: what no message can make a station open."""

import pytest

from chargepost import catalogue
from chargepost.run.gate import URL_MAX, Gate, Place, Target, TransferError, gate, read_place, read_places

WAYS = ("FTP", "FTPS", "HTTP", "HTTPS")
HOME = "wss://central.example:9000/ocpp/CP-1"

SOME = gate(WAYS, HOME, read_places("files.example, 10.1.2.3:8080, [::1]:21, 192.0.2.7"))


def refusal(where: Gate, url: str) -> str:
    with pytest.raises(TransferError) as refused:
        where.admit(url)
    return str(refused.value)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("ftp://central.example/a", ("ftp", "central.example", 21, "a")),
        ("https://CENTRAL.example./a/b%20c?d=e", ("https", "central.example", 443, "a/b c")),
        ("ftps://files.example:990/%2Fetc/a", ("ftps", "files.example", 990, "/etc/a")),
        ("http://10.1.2.3:8080", ("http", "10.1.2.3", 8080, "")),
        ("http://central.example#@127.0.0.1/", ("http", "central.example", 80, "")),
        ("http://[::ffff:10.1.2.3]:8080/", ("http", "10.1.2.3", 8080, "")),
        ("ftp://[0:0::1]/a", ("ftp", "::1", 21, "a")),
    ],
)
def test_the_host_of_the_supervision_and_those_of_the_owner_are_allowed(
    url: str, target: tuple[str, str, int, str]
) -> None:
    """Compared as hosts, whatever their spelling."""
    found = SOME.admit(url)
    assert (found.scheme, found.host, found.port, found.file) == target


HOSTILE = [
    "", "a", "//central.example/a", "central.example/a", "http:///a", "http://", "http://:80/a", "http:central.example",
    "file:///etc/passwd", "file://central.example/etc/passwd", "gopher://central.example/", "dict://central.example/",
    "sftp://central.example/a", "ldap://central.example/", "data:text/plain,a", "jar:http://central.example/a!/",
    "javascript:alert(1)", "tftp://central.example/a", "unix:/run/docker.sock", "ws://central.example/a",
    "http://127.0.0.1/", "http://localhost/", "http://127.1/", "http://2130706433/", "http://0x7f000001/",
    "http://017700000001/", "http://0/", "http://0.0.0.0/", "http://[::]/", "http://[::1]:80/", "http://[::ffff:7f00:1]/",
    "http://[::ffff:127.0.0.1]/", "http://169.254.169.254/latest/meta-data/", "http://[fe80::1%25eth0]/",
    "http://[fe80::1]/", "http://192.168.0.1/", "http://10.1.2.3/", "http://10.1.2.3:8081/", "http://172.16.0.1/",
    "http://central.example@127.0.0.1/", "http://central.example:80@127.0.0.1/",
    "http://127.0.0.1#central.example/", "http://127.0.0.1?central.example/", "http://127.0.0.1\\@central.example/",
    "http://central.example.127.0.0.1.nip.io/", "http://evilcentral.example/", "http://central.example.evil/",
    "http://xcentral.example/", "http://central-example/", "http://cent\u0280al.example/", "http://central\u3002example/",
    "http://central.example:99999/", "http://central.example:0/", "http://central.example:-1/",
    "http://central.example:80:81/", "http://[central.example]/", "http://central.example/a b", " http://central.example/",
    "http://central.example/a\r\nX: y", "http://central.example/%0d%0aX", "ftp://central.example/a%0aDELE%20b",
    "ftp://u%0d%0a:p@central.example/a", "ftp://u:p%00@central.example/a", "ftp://central.example/a%00",
    "http://central.example/\u0000", "http://central.example\t/a", "http://central%2eexample/", "http://central.example%00/",
    "http://central.example/" + "a" * URL_MAX,
]  # fmt: skip


@pytest.mark.parametrize("url", HOSTILE, ids=range(len(HOSTILE)))
def test_nothing_else_is_opened_however_it_is_written(url: str) -> None:
    refusal(SOME, url)


def test_a_refusal_says_what_to_do_and_no_secret() -> None:
    said = refusal(SOME, "ftp://yard:canary7@other.example:2121/a")
    assert said == (
        "ftp other.example:2121: files may not be fetched from there or sent there: "
        "the owner can allow it with --transfer-hosts other.example:2121"
    )
    for url in (
        "ftp://yard:canary7@central.example:x/",
        "gopher://yard:canary7@central.example/",
        "http://a:canary7@/",
    ):
        assert "canary7" not in refusal(SOME, url)
    assert "canary7" not in repr(SOME.admit("ftp://yard:canary7@files.example/a"))


@pytest.mark.parametrize("written", ["127.1", "2130706433", "0x7f.1"])
def test_a_name_that_leads_to_this_machine_is_not_dialled(written: str) -> None:
    """What a name means is asked once, and judged; and only a host that is this machine by its name may be."""
    where = gate(WAYS, "", [Place(written), Place("127.0.0.1", 8080)])
    with pytest.raises(TransferError, match=r"leads to 127\.0\.0\.1: the owner can allow it with .* 127\.0\.0\.1$"):
        where.addresses(where.admit(f"http://{written}/a"))
    assert where.addresses(where.admit(f"http://{written}:8080/a")) == ["127.0.0.1"]


def test_this_machine_by_its_name_is_this_machine() -> None:
    local = gate(WAYS, "ws://localhost:9000", [])
    assert set(local.addresses(local.admit("http://localhost/a"))) <= {"127.0.0.1", "::1"}
    assert gate(WAYS, "ws://127.0.0.1:9000", []).addresses(Target("http", Place("127.0.0.1", 80), "", "", "/", "")) == [
        "127.0.0.1"
    ]


@pytest.mark.parametrize("supervision", ["", "ws://[", "nonsense", "ws:///a"])
def test_without_a_supervision_nobody_is_allowed(supervision: str) -> None:
    assert gate(WAYS, supervision, []).allowed == ()


@pytest.mark.parametrize(
    ("model", "spoken"),
    [
        ("evlink-pro-dc", {"ftp", "http", "https"}),
        ("evlink-pro-ac", {"ftp", "ftps", "http", "https"}),
        ("schneider-charge", {"ftp", "ftps", "http", "https"}),
    ],
)
def test_r_231_r_232_a_product_speaks_the_ways_of_its_guide(model: str, spoken: set[str]) -> None:
    """R-231: the Pro DC knows no FTPS. R-232: Charge and Pro AC know all four."""
    where = gate(catalogue.load(model).file_transfers, HOME, [])
    for scheme in ("ftp", "ftps", "http", "https"):
        if scheme in spoken:
            where.admit(f"{scheme}://central.example/a")
        else:
            assert refusal(where, f"{scheme}://central.example/a") == (
                f"{scheme}: is not spoken by this station, which knows {', '.join(sorted(spoken))}"
            )


@pytest.mark.parametrize("text", ["a b", "http://a/", "a:0", "a:65536", "[::1", "a/b", "a:b", "*"])
def test_a_host_that_is_none_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"no host|no port"):
        read_place(text)
