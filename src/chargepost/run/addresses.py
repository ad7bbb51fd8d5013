"""HOST:PORT as people write it."""

import re
import socket
from typing import NamedTuple


class Address(NamedTuple):
    """Where to listen; port 0 takes a free one."""

    host: str
    port: int
    fixed: bool = False
    """Asked for by name: if it is busy that is an error, not a reason to take the next one."""

    @property
    def is_everywhere(self) -> bool:
        """All addresses of this machine: good to listen on, not to dial."""
        return self.host in ("0.0.0.0", "::")  # noqa: S104 - compared, not bound

    def from_here(self) -> "Address":
        """As a program on this machine dials it."""
        return Address("::1" if ":" in self.host else "127.0.0.1", self.port) if self.is_everywhere else self

    def from_elsewhere(self) -> "Address":
        """As other machines dial it, if they know this one by its name."""
        return Address(socket.gethostname(), self.port) if self.is_everywhere else self

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse(text: str, *, fixed: bool = False) -> Address:
    """Raises ValueError with the remedy."""
    match = re.fullmatch(r"(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<name>[\w.-]*)):(?P<port>\d{1,5})", text.strip())
    if not match or int(match["port"]) > 65_535:
        raise ValueError(f"{text!r} is no address to listen on: give HOST:PORT, for example 127.0.0.1:8610")
    return Address(match["six"] or match["name"] or "127.0.0.1", int(match["port"]), fixed)
