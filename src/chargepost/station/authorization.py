"""Who may charge: local list, cache, central system, offline rules (OCPP 1.6, 3.4 and 3.5; traps 22 to 31)."""

from typing import Literal, NamedTuple

from chargepost.ocpp.messages import IdTagInfo
from chargepost.station.badges import Badge, LocalList, fold, told
from chargepost.station.core import Core
from chargepost.station.own_badges import OwnBadges

CACHE_MAX = 2000
"""Entries of the authorization cache: more than a site has badges, under 200 kB; the invalid, then the oldest go."""

ID_TAG_MAX = 20
"""Characters of an idTag: CiString20."""

Verdict = Literal["allow", "ask", "deny"]


class Known(NamedTuple):
    """What the station knows of a badge by itself."""

    by: str
    """"local list" or "cache"."""
    status: str
    """Of now: "Accepted" may charge."""
    parent: str | None


class Authorization:
    """The list, the cache and the rules that use them."""

    __slots__ = ("cache", "core", "local_list", "own")

    def __init__(self, core: Core) -> None:
        self.core = core
        self.local_list = LocalList(core)
        self.own = OwnBadges(core)
        self.cache: dict[str, Badge] = dict(core.memory.load_all("cache/", Badge))

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

    @property
    def own_list_rules(self) -> bool:
        """The station's own list decides: its product has one, and nobody else is to be asked (R-326, Q-061)."""
        if "authentication_manager" not in self.core.model.quirks:
            return False
        return self.decides_alone or not self.core.settings.named(self.core.model.transport.url_key)

    def is_vip(self, id_tag: str) -> bool:
        """Before others where stations share (R-316); without effect on a station alone (Q-060)."""
        kept = self.own.kept.get(fold(id_tag)) if self.own.kept else None
        return kept is not None and kept.type == "VIP" and self.own_list_rules

    def known(self, id_tag: str, now: float) -> Known | None:
        """What a list says of a badge, else the cache (trap 26); None when nothing is known here."""
        key, utc_s = fold(id_tag), self.core.utc(now)
        kept = self.own.kept.get(key) if self.own.kept and self.own_list_rules else None
        if kept:
            return Known("badge list", "an Admin badge does not charge" if kept.type == "Admin" else "Accepted", None)
        listed = self.local_list.of(key)
        if listed:
            status = listed.standing(utc_s)
            return Known("local list", "Accepted" if status == "ConcurrentTx" else status, listed.parent)
        cached = self.cache.get(key) if self.cache_on else None
        return Known("cache", cached.standing(utc_s), cached.parent) if cached else None

    def parent(self, id_tag: str, now: float) -> str | None:
        known = self.known(id_tag, now)
        return known.parent if known else None

    def judge(self, id_tag: str, online: bool, now: float) -> tuple[Verdict, str]:
        """Whether a badge may start a transaction, and what decided (1.6, 3.5)."""
        settings = self.core.settings
        if not 0 < len(id_tag) <= ID_TAG_MAX:
            return "deny", "not a badge number"
        known = self.known(id_tag, now)
        if online and not self.decides_alone:
            if settings.flag("LocalPreAuthorize") and known and known.status == "Accepted":
                return "allow", known.by
            return "ask", "central system"
        alone = "the station decides" if online else "offline"
        if not settings.flag("LocalAuthorizeOffline"):
            return "deny", f"{alone}: local authorization is off"
        if known:
            return ("allow", known.by) if known.status == "Accepted" else ("deny", f"{known.by}: {known.status}")
        if settings.flag("AllowOfflineTxForUnknownId"):
            return "allow", f"{alone}: unknown badges are allowed"
        return "deny", f"{alone}: unknown badge"

    def learn(self, id_tag: str, info: IdTagInfo, now: float) -> None:
        """Write what the central system said of a badge, good or bad (trap 27)."""
        if not self.cache_on or not 0 < len(id_tag) <= ID_TAG_MAX:
            return
        key, entry = fold(id_tag), told(info, self.core.utc(now))
        known = self.cache.get(key)
        if known and (known.status, known.parent, known.expires_utc_s) == (
            entry.status, entry.parent, entry.expires_utc_s,
        ):  # fmt: skip
            known.at_utc_s = entry.at_utc_s
            return
        self.keep(key, entry)

    def keep(self, key: str, entry: Badge) -> None:
        """Put an entry into the cache, which has its bound."""
        self.cache.pop(key, None)
        if len(self.cache) >= CACHE_MAX:
            self._make_room(entry.at_utc_s)
        self.cache[key] = entry
        self.core.memory.put(f"cache/{key}", entry)

    def _make_room(self, utc_s: float) -> None:
        bad = next((key for key, entry in self.cache.items() if entry.standing(utc_s) != "Accepted"), None)
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
