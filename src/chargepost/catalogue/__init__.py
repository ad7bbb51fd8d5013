"""What is known of each product: data files with their sources, loaded, checked, frozen and shared."""

from chargepost.catalogue.load import ModelError, load, names, read
from chargepost.catalogue.model import Model

__all__ = ["Model", "ModelError", "load", "names", "read"]
