"""What a product file must hold together beyond its types: words of OCPP, references between rows, defaults."""

from collections.abc import Iterator

from chargepost.catalogue.model import Model

Problem = tuple[str, str]


def inconsistencies(model: Model) -> Iterator[Problem]:
    """Path and problem of everything that does not fit together."""
    yield from ()
