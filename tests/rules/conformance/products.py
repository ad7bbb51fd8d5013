"""Who is judged: the newest release of every line with a socket, as most are, and with an attached cable."""

from collections.abc import Iterator

from chargepost.catalogue import load
from chargepost.catalogue.load import releases
from chargepost.catalogue.model import Model


def _products() -> Iterator[tuple[str, Model]]:
    for line in releases():
        newest = load(line)
        yield line, newest
        cable = next((name for name, each in newest.variants.items() if not each.connectors[0].lock), "")
        if cable and newest.connectors[0].lock:
            yield f"{line}/{cable}", load(f"{line}/{cable}")


PRODUCTS: dict[str, Model] = dict(_products())

OLDER: dict[str, Model] = {
    f"{line}@{release}": load(f"{line}@{release}") for line, each in releases().items() for release in each[1:]
}


def most_capable_first() -> tuple[Model, ...]:
    """The newest release of each line, by how many messages it answers; then those with an attached cable."""
    products = PRODUCTS.values()
    return tuple(sorted(products, key=lambda model: (not model.connectors[0].lock, -len(model.messages.answers))))
