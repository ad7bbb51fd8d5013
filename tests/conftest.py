"""What holds for every test."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _levels_are_of_one_test() -> Iterator[None]:
    """A command that runs within a test sets the level of the log; the tests after it do not inherit it."""
    yield
    logging.getLogger("chargepost").setLevel(logging.NOTSET)


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This machine trusts the authority of the tests, and no other."""
    from chargepost.run import tls
    from tests.shells.authority import ours

    certificate, _key = ours().files(tmp_path, "root")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    tls.client.cache_clear()
    yield
    tls.client.cache_clear()
