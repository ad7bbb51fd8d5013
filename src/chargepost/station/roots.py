"""The root certificates a station keeps, by what they are for. They last through power cuts, not through factory
settings; what they are is judged in certificates.py.
"""

from chargepost.ocpp.certificates import fingerprint, is_named
from chargepost.ocpp.security import CertificateHashData, CertificateUse
from chargepost.station.memory import Memory

CENTRAL: CertificateUse = "CentralSystemRootCertificate"


class Roots:
    """PEM texts under `<use>/<fingerprint>`. How many there may be is for who puts them."""

    __slots__ = ("_kept", "_memory")

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._kept = dict(memory.load_all("root/", str))

    def __len__(self) -> int:
        return len(self._kept)

    def of(self, use: CertificateUse) -> tuple[str, ...]:
        return tuple(pem for name, pem in sorted(self._kept.items()) if name.startswith(f"{use}/"))

    def has(self, use: CertificateUse, pem: str) -> bool:
        return pem in self.of(use)

    def put(self, use: CertificateUse, pem: str) -> None:
        name = f"{use}/{fingerprint(pem)}"
        self._kept[name] = pem
        self._memory.put(f"root/{name}", pem)

    def named(self, name: CertificateHashData) -> set[str]:
        """The texts that are meant: one, whatever it is kept for."""
        return {pem for pem in self._kept.values() if is_named(pem, name)}

    def drop(self, pem: str) -> None:
        """Whatever it is kept for."""
        for name in [name for name, kept in self._kept.items() if kept == pem]:
            del self._kept[name]
            self._memory.drop(f"root/{name}")

    def clear(self) -> None:
        for pem in set(self._kept.values()):
            self.drop(pem)
