"""Who may charge: cache, central system, offline rules (OCPP 1.6, 3.4 and 3.5; traps 22 to 31)."""

from typing import Literal

import msgspec

from chargepost.ocpp.messages import IdTagInfo
from chargepost.station.core import Core

CACHE_MAX = 2000
"""Entries of the authorization cache: more than a site has badges, under 200 kB; the invalid, then the oldest go."""

ID_TAG_MAX = 20
"""Characters of an idTag: CiString20."""

Verdict = Literal["allow", "ask", "deny"]


class Cached(msgspec.Struct, gc=False, omit_defaults=True):
    """What the central system last said of a badge."""

    status: str
    parent: str | None = None
    expires_utc_s: float | None = None
    at_utc_s: float = 0.0


def fold(id_tag: str) -> str:
    """idTags compare without case (CiString)."""
    return id_tag.casefold()


class Authorization:
    """The cache and the rules that use it."""

    __slots__ = ("cache", "core")

    def __init__(self, core: Core) -> None:
        self.core = core
        self.cache: dict[str, Cached] = dict(core.memory.load_all("cache/", Cached))

    @property
    def cache_on(self) -> bool:
        return self.core.settings.flag("AuthorizationCacheEnabled")

    @property
    def decides_alone(self) -> bool:
        """The station decides on badges although somebody could be asked (quirk authentication_manager).

        A master is none of ours to ask: it decides like the supervision, as does a value without meaning (Q-017).
        """
        rule = self.core.model.quirks.get("authentication_manager")
        return rule is not None and self.core.settings.text(str(rule["manager_key"])) == rule["local"]

    def known(self, id_tag: str, now: float) -> Cached | None:
        """What is known here of a badge, expiry applied; None when nothing is, or the cache is off."""
        entry = self.cache.get(fold(id_tag)) if self.cache_on else None
        expires = entry.expires_utc_s if entry else None
        if entry and entry.status == "Accepted" and expires is not None and self.core.utc(now) >= expires:
            entry.status = "Expired"
        return entry

    def parent(self, id_tag: str, now: float) -> str | None:
        entry = self.known(id_tag, now)
        return entry.parent if entry else None

    def judge(self, id_tag: str, online: bool, now: float) -> tuple[Verdict, str]:
        """Whether a badge may start a transaction, and what decided (1.6, 3.5)."""
        settings = self.core.settings
        if not 0 < len(id_tag) <= ID_TAG_MAX:
            return "deny", "not a badge number"
        entry = self.known(id_tag, now)
        if online and not self.decides_alone:
            if settings.flag("LocalPreAuthorize") and entry and entry.status == "Accepted":
                return "allow", "cache"
            return "ask", "central system"
        alone = "the station decides" if online else "offline"
        if not settings.flag("LocalAuthorizeOffline"):
            return "deny", f"{alone}: local authorization is off"
        if entry:
            return ("allow", "cache") if entry.status == "Accepted" else ("deny", f"cache: {entry.status}")
        if settings.flag("AllowOfflineTxForUnknownId"):
            return "allow", f"{alone}: unknown badges are allowed"
        return "deny", f"{alone}: unknown badge"

    def learn(self, id_tag: str, info: IdTagInfo, now: float) -> None:
        """Write what the central system said of a badge, good or bad (trap 27)."""
        if not self.cache_on or not 0 < len(id_tag) <= ID_TAG_MAX:
            return
        key = fold(id_tag)
        parent = None if info.parent_id_tag is msgspec.UNSET else info.parent_id_tag
        expires = None if info.expiry_date is msgspec.UNSET else info.expiry_date.timestamp()
        # ConcurrentTx is about another transaction, not about the badge: kept as it is (reference 7)
        entry = Cached(info.status, parent, expires, self.core.utc(now))
        known = self.cache.get(key)
        if known and (known.status, known.parent, known.expires_utc_s) == (entry.status, parent, expires):
            known.at_utc_s = entry.at_utc_s
            return
        self.keep(key, entry)

    def keep(self, key: str, entry: Cached) -> None:
        """Put an entry into the cache, which has its bound."""
        self.cache.pop(key, None)
        if len(self.cache) >= CACHE_MAX:
            self._make_room()
        self.cache[key] = entry
        self.core.memory.put(f"cache/{key}", entry)

    def _make_room(self) -> None:
        bad = next((key for key, entry in self.cache.items() if entry.status != "Accepted"), None)
        oldest = bad or min(self.cache, key=lambda key: self.cache[key].at_utc_s)
        del self.cache[oldest]
        self.core.memory.drop(f"cache/{oldest}")

    def clear(self) -> bool:
        """ClearCache; False when there is no cache (errata 3.23)."""
        if not self.cache_on:
            return False
        for key in self.cache:
            self.core.memory.drop(f"cache/{key}")
        self.cache.clear()
        return True
