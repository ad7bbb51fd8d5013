"""A firmware image is taken when it is whole, signed by somebody trusted, and of this product; else it says why not.

OCPP 1.6, 4.5 leaves the form of the file to the maker; docs/decisions/an-image-names-a-release.md.
"""

import random
import stat
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

from chargepost.catalogue import image, load
from chargepost.catalogue.load import ModelError, files, releases
from chargepost.catalogue.model import Model

ROOT = Path(__file__).parents[2]
PRIVATE, PUBLIC = image.draw_key()
LINE, RELEASE = "schneider-charge", "1.13.4"
SMALLEST = image.make(LINE, RELEASE, "chargepost test", PRIVATE)
STATION = load(LINE)


def judge(data: bytes, model: Model = STATION, *keys: bytes) -> image.Verdict:
    return image.examine(data, model, keys or (PUBLIC,))


def manifest(**other: object) -> bytes:
    """The manifest of the smallest image, some of it changed."""
    parts = [
        {"name": name, "size_bytes": len(data), "sha256": sha256(data).hexdigest()}
        for name, data in files(LINE, RELEASE).items()
    ]
    whole = {"format": 1, "line": LINE, "release": RELEASE, "variants": list(STATION.variants), "made_from": "x"}
    return msgspec.json.encode({**whole, "parts": parts, **other})


def sealed(head: bytes, parts: list[bytes] | None = None) -> bytes:
    return image.seal(head, list(files(LINE, RELEASE).values()) if parts is None else parts, PRIVATE)


def with_digest(data: bytes) -> bytes:
    """Somebody without the key who knows the format: the digest fits what was changed."""
    at = len(image.MAGIC) + 4
    end = at + 32 + int.from_bytes(data[at - 4 : at])
    return data[:at] + sha256(data[at + 32 : end]).digest() + data[at + 32 :]


@pytest.mark.parametrize("line", releases())
def test_every_release_of_every_product_has_an_image_that_its_stations_take(line: str) -> None:
    for release in releases()[line]:
        data = image.make(line, release, "chargepost test", PRIVATE)
        for variant in load(f"{line}@{release}").variants:
            target = load(f"{line}/{variant}@{release}")
            assert judge(data, target) == ("good", target.name, "")


def test_the_way_back_to_an_older_release_is_open() -> None:
    old = image.make("evlink-pro-ac", "1.2.1", "chargepost test", PRIVATE)
    assert judge(old, load("evlink-pro-ac/cable@2.0.1")) == ("good", "evlink-pro-ac/cable@1.2.1", "")


def test_a_firmware_of_another_product_is_foreign() -> None:
    for line in releases():
        if line != LINE:
            found = judge(SMALLEST, load(line))
            assert found.verdict == "foreign"
            assert line in found.reason


def test_what_nobody_trusted_signed_is_unsigned() -> None:
    _, other = image.draw_key()
    assert judge(SMALLEST, STATION, other).verdict == "unsigned"
    assert image.examine(SMALLEST, STATION, ()).verdict == "unsigned", "no key works by default"
    assert judge(SMALLEST, STATION, other, PUBLIC).verdict == "good", "one of several is enough"
    end = len(image.MAGIC) + 4 + 32 + int.from_bytes(SMALLEST[len(image.MAGIC) :][:4])
    assert judge(SMALLEST[:end] + b"\0\0").verdict == "unsigned", "an empty signature"


def test_an_image_cut_anywhere_is_damaged() -> None:
    for length in [*range(200), *range(200, len(SMALLEST), 97), *range(len(SMALLEST) - 90, len(SMALLEST))]:
        assert judge(SMALLEST[:length]).verdict == "damaged", length


@pytest.mark.parametrize("more", [b"\0", b"x" * 100, SMALLEST], ids=["a byte", "bytes", "itself"])
def test_an_image_with_something_behind_it_is_damaged(more: bytes) -> None:
    assert judge(SMALLEST + more).verdict == "damaged"


@pytest.mark.slow
def test_no_flipped_bit_is_taken() -> None:
    """Each byte once with one bit the other way, as it stands and with a digest that fits again."""
    for at in range(len(SMALLEST)):
        flipped = bytearray(SMALLEST)
        flipped[at] ^= 1 << at % 8
        for data in (bytes(flipped), with_digest(bytes(flipped))):
            assert data == SMALLEST or judge(data).verdict in ("damaged", "unsigned"), at


def test_a_broken_file_is_told_from_an_unsigned_one() -> None:
    body = len(SMALLEST) // 2
    broken = SMALLEST[:body] + bytes([SMALLEST[body] ^ 1]) + SMALLEST[body + 1 :]
    assert judge(broken).verdict == "damaged"
    assert judge(with_digest(broken)).verdict == "unsigned"


def test_a_part_that_is_not_the_one_of_the_manifest_is_named() -> None:
    first, *others = files(LINE, RELEASE).values()
    found = judge(sealed(manifest(), [first[:-1] + b"#", *others]))
    assert (found.verdict, "1.13.4.toml" in found.reason) == ("damaged", True)


def test_no_bit_of_head_and_signature_is_idle() -> None:
    ends = [*range(56), *range(len(SMALLEST) - 74, len(SMALLEST))]
    for at in ends:
        for bit in range(8):
            flipped = bytearray(SMALLEST)
            flipped[at] ^= 1 << bit
            assert judge(bytes(flipped)).verdict in ("damaged", "unsigned"), (at, bit)


def test_garbage_is_damaged() -> None:
    dice = random.Random(7)
    for size in range(0, 3000, 7):
        noise = dice.randbytes(size)
        for data in (noise, image.MAGIC + noise, with_digest(image.MAGIC + (size // 2).to_bytes(4) + noise)):
            assert judge(data).verdict in ("damaged", "unsigned")
    assert judge(b"#!/bin/sh\n").verdict == judge(b"PK\3\4").verdict == "damaged"


@pytest.mark.parametrize("length", [2**32 - 1, 2**31, image.SIZE_MAX, 30_000])
def test_a_length_that_is_too_great_is_no_reason_to_make_room(length: int) -> None:
    at = len(image.MAGIC)
    assert judge(SMALLEST[:at] + length.to_bytes(4) + SMALLEST[at + 4 :]).verdict == "damaged"
    body = length.to_bytes(4) + manifest()
    whole = image.MAGIC + len(body).to_bytes(4) + sha256(body).digest() + body
    assert judge(whole + b"\0\0").verdict == "unsigned"


def test_a_file_larger_than_any_image_is_not_looked_at() -> None:
    assert "more than" in judge(image.MAGIC + bytes(image.SIZE_MAX)).reason


PART = {"name": "a.toml", "size_bytes": 1, "sha256": sha256(b"a").hexdigest()}


@pytest.mark.parametrize(
    "head",
    [
        b"", b"{", b"[]", b"null", b"\xff\xfe{}", b'{"line": "\xff"}', b"[" * 9000, b'{"a":' * 2000,
        manifest(format=2), manifest(format="1"), manifest(script="rm -rf /"), manifest(line="x" * 100),
        manifest(parts=[]), manifest(parts=[PART]), manifest(parts=[PART] * 17), manifest(variants=["v"] * 65),
        manifest(parts=[{**PART, "size_bytes": -1}]), manifest(parts=[{**PART, "size_bytes": 2**40}]),
        manifest(parts=[{**PART, "sha256": "0" * 64}]), manifest(parts=[{**PART, "sha256": "../" * 21 + "x"}]),
        manifest()[:-1], manifest() + b" " * image.MANIFEST_MAX,
    ],
)  # fmt: skip
def test_a_signed_image_with_a_manifest_that_makes_no_sense_is_damaged(head: bytes) -> None:
    """A maker makes mistakes, too."""
    found = judge(sealed(head))
    assert found.verdict == "damaged", found
    assert found.reason


@pytest.mark.parametrize(
    "other",
    [
        {"release": "9.9"}, {"release": "../2.0.1"}, {"release": ""}, {"line": "evlink-pro-ac"}, {"line": ""},
        {"line": "../../models/evlink-pro-ac"}, {"variants": []}, {"variants": ["socket"]},
    ],
)  # fmt: skip
def test_a_signed_image_that_names_something_else_is_foreign(other: dict[str, object]) -> None:
    found = judge(sealed(manifest(**other)))
    assert found.verdict == "foreign", found


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "models\\x.toml", "", "a\0b", "run.sh"])
def test_a_part_under_another_name_is_foreign_and_written_nowhere(name: str) -> None:
    data = files(LINE, RELEASE)
    rows = [
        {"name": name, "size_bytes": len(each), "sha256": sha256(each).hexdigest()} for each in list(data.values())[:1]
    ]
    assert judge(sealed(manifest(parts=rows), list(data.values())[:1])).verdict == "foreign"


def test_other_data_under_the_same_name_are_foreign() -> None:
    """The release a program knows is not changed by a file; the reason says what to do."""
    data = files(LINE, RELEASE)
    first, *others = data
    changed = {first: data[first].replace(b'firmware = "1.13.4"', b'firmware = "6.6.6"')}
    changed |= {name: data[name] for name in others}
    rows = [
        {"name": name, "size_bytes": len(each), "sha256": sha256(each).hexdigest()} for name, each in changed.items()
    ]
    found = judge(sealed(manifest(parts=rows), list(changed.values())))
    assert found.verdict == "foreign"
    assert "make it anew" in found.reason


def test_an_image_holds_the_product_files_and_nothing_else() -> None:
    names = [name for line in releases() for release in releases()[line] for name in files(line, release)]
    assert {name for name in names if not name.endswith(".toml")} == set()
    with pytest.raises(ModelError):
        image.make(LINE, "9.9", "x", PRIVATE)


NO_KEYS = {
    "empty": b"",
    "binary": b"\xff",
    "private": PRIVATE,
    "cut": b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
}


@pytest.mark.parametrize("kind", NO_KEYS)
def test_a_key_that_is_none_is_told_at_once(kind: str) -> None:
    with pytest.raises(image.WrongKey, match="make firmware"):
        image.check_key(NO_KEYS[kind])


def test_a_key_of_another_kind_is_refused() -> None:
    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519

    for private in (ec.generate_private_key(ec.SECP384R1()), ed25519.Ed25519PrivateKey.generate()):
        public = private.public_key().public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo)
        with pytest.raises(image.WrongKey, match="P-256"):
            image.check_key(public)
    with pytest.raises(image.WrongKey):
        image.make(LINE, RELEASE, "x", b"none")
    image.check_key(PUBLIC)
    assert image.public_part(PRIVATE) == PUBLIC


def test_make_firmware_writes_every_image_and_keeps_its_key_apart(tmp_path: Path) -> None:
    """The folder of the images may be served as it is; the key is drawn once and is its owner's only."""
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, ROOT / "tools" / "firmware", tmp_path], capture_output=True, text=True, check=True
        )
        assert f"--firmware-key {tmp_path / 'maker' / 'maker.pub'}" in done.stdout
        key = (tmp_path / "maker" / "maker.key").read_bytes()
    assert image.public_part(key) == (public := (tmp_path / "maker" / "maker.pub").read_bytes())
    assert stat.S_IMODE((tmp_path / "maker" / "maker.key").stat().st_mode) == 0o600
    written = {path.name: path for path in (tmp_path / "firmware").iterdir()}
    assert written.keys() == {f"{line}@{release}.fw" for line in releases() for release in releases()[line]}
    path = written["evlink-parking@R6.fw"]
    assert judge(path.read_bytes(), load("evlink-parking"), public).verdict == "good"
    (tmp_path / "maker" / "maker.key").write_text("rubbish")
    again = subprocess.run([sys.executable, ROOT / "tools" / "firmware", tmp_path], capture_output=True, check=False)
    assert again.returncode == 1
    assert b"Take it away" in again.stderr
