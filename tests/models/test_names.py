"""Model names (design, section 5): line, variant after a slash, release after @, without case."""

import pytest

from chargepost.catalogue import ModelError, load, names
from chargepost.catalogue.load import MODELS, releases


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("evlink-pro-ac", "evlink-pro-ac/socket@2.0.1"),
        ("evlink-pro-ac/cable", "evlink-pro-ac/cable@2.0.1"),
        ("evlink-pro-ac@2.0.1", "evlink-pro-ac/socket@2.0.1"),
        ("evlink-pro-ac/cable@2.0.1", "evlink-pro-ac/cable@2.0.1"),
        ("EVlink-Pro-AC/Cable@2.0.1", "evlink-pro-ac/cable@2.0.1"),
        ("evlink-smart-wallbox@r7", "evlink-smart-wallbox/rfid@R7"),
        ("socket-domestic", "evlink-pro-ac/socket-domestic@2.0.1"),
    ],
)
def test_a_name_means_one_model(said: str, meant: str) -> None:
    assert load(said).name == meant


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("my-product.toml", "model my-product.toml: a product file is looked at with chargepost models"),
        ("evlink-pro-av", "model evlink-pro-av: there is no model evlink-pro-av; did you mean evlink-pro-ac"),
        ("socket-domestik", "there is no model socket-domestik; did you mean socket-domestic"),
        ("evlink-pro-ac/cabel", "model evlink-pro-ac/cabel: there is no variant cabel; did you mean cable"),
        ("evlink-smart-wallbox@R99", "there is no release R99; "),
        ("zzz", "there is no model zzz; known: "),
        ("", "there is no model ; known: "),
        ("q\nq", "there is no model q\\nq; known: "),
    ],
)
def test_a_wrong_name_is_answered_with_the_nearest(said: str, answer: str) -> None:
    with pytest.raises(ModelError) as error:
        load(said)
    assert answer in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", names())
def test_every_name_loads_one_shared_model(name: str) -> None:
    model = load(name)
    assert model.name == name
    assert load(name.upper()) is model
    assert load(f"{model.line}/{model.variant}") is load(f"{model.line}/{model.variant}@{releases()[model.line][0]}")


REFERENCES = {load(name).variants[load(name).variant].reference for name in names()} - {""}


@pytest.mark.parametrize("reference", sorted(REFERENCES))
def test_a_commercial_reference_stands_for_line_and_variant_in_any_case(reference: str) -> None:
    model = load(reference.lower())
    assert model.variants[model.variant].reference == reference
    assert load(f"{model.line}/{reference.upper()}@{model.release}") is model


def test_a_file_stands_where_it_says_it_does() -> None:
    for path in MODELS.glob("*/*.toml"):
        model = load(f"{path.parent.name}@{path.stem}")
        assert (model.line, model.release) == (path.parent.name, path.stem)


def test_newest_release_comes_first() -> None:
    for line, line_releases in releases().items():
        assert load(line).release == line_releases[0]
