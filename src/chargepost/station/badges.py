"""What the central system says of badges, and the list of them that it sends to the station (OCPP 1.6, 3.5.2, 5.15).

Only SendLocalList changes the list, all of a message or nothing (reference 13; traps 69 to 71). Its bound is the
product's: LocalAuthListMaxLength.
"""

from typing import TYPE_CHECKING

import msgspec

from chargepost.catalogue.model import ErrorSpec
from chargepost.ocpp.messages import AuthorizationData, IdTagInfo, SendLocalList, UpdateStatus
from chargepost.station.core import Core

if TYPE_CHECKING:
    from chargepost.station.station import Station

UNSET = msgspec.UNSET

NOT_SUPPORTED = -1
"""The version of a list that the station does not have, or has switched off (1.6, 5.10)."""

GOOD = frozenset({"Accepted", "ConcurrentTx"})
"""Of a badge that is valid: ConcurrentTx is about another transaction (reference 7)."""

CONFLICT_CODE = "LocalListConflict"

CONFLICT = ErrorSpec(
    name="The central system contradicts the local list",
    ocpp=CONFLICT_CODE,
    stops=False,
    remedy="send the list anew: only SendLocalList changes it",
)


class Badge(msgspec.Struct, gc=False, omit_defaults=True):
    """What the central system said of a badge."""

    status: str
    parent: str | None = None
    expires_utc_s: float | None = None
    at_utc_s: float = 0.0
    """When it said so; of no meaning in the list."""

    def standing(self, utc_s: float) -> str:
        """The status of now: what has expired is Expired."""
        over = self.expires_utc_s is not None and utc_s >= self.expires_utc_s
        return "Expired" if over and self.status in GOOD else self.status


def told(info: IdTagInfo, at_utc_s: float = 0.0) -> Badge:
    """An idTagInfo as it is kept."""
    parent = None if info.parent_id_tag is UNSET else info.parent_id_tag
    expires = None if info.expiry_date is UNSET else info.expiry_date.timestamp()
    return Badge(info.status, parent, expires, at_utc_s)


def fold(id_tag: str) -> str:
    """idTags compare without case (CiString)."""
    return id_tag.casefold()


class LocalList:
    """The list with its version, kept over restarts."""

    __slots__ = ("badges", "core", "version")

    def __init__(self, core: Core) -> None:
        self.core = core
        self.badges: dict[str, Badge] = dict(core.memory.load_all("list/", Badge))
        self.version = core.memory.load("listversion", int) or 0
        """0 while the list is empty, whatever was sent with it (errata 3.52)."""

    @property
    def on(self) -> bool:
        """The product has a list, and its key has it asked; switched off it is kept, unused (trap 71)."""
        return self.core.settings.flag("LocalAuthListEnabled") and "SendLocalList" in self.core.model.messages.answers

    def of(self, key: str) -> Badge | None:
        """What the list says of a folded badge; None when it says nothing, or is off."""
        return self.badges.get(key) if self.badges and self.on else None

    def change(self, ask: SendLocalList) -> UpdateStatus:
        """Do all of a message or nothing of it (1.6, 6.41; trap 70)."""
        if not self.on:
            return "NotSupported"
        full = ask.update_type == "Full"
        if not full and ask.list_version <= self.version:
            return "VersionMismatch"
        entries = () if ask.local_authorization_list is UNSET else ask.local_authorization_list
        clears = full and not entries
        if ask.list_version < (0 if clears else 1):
            return self._failed("listVersion has to be above 0")
        if not self._takes(entries, full):
            return self._failed("too many badges, one twice, one empty, or a full list that says nothing of one")
        if not self.core.disk_good:
            return self._failed("the disk takes nothing")
        new = {} if full else dict(self.badges)
        for entry in entries:
            if entry.id_tag_info is UNSET:
                new.pop(fold(entry.id_tag), None)
            else:
                new[fold(entry.id_tag)] = told(entry.id_tag_info)
        if len(new) > self.core.settings.number("LocalAuthListMaxLength"):
            return self._failed("it would hold more than LocalAuthListMaxLength")
        self._keep(new, ask.list_version if new else 0)
        return "Accepted"

    def _failed(self, why: str) -> UpdateStatus:
        self.core.refused("local list", why)
        return "Failed"

    def _takes(self, entries: tuple[AuthorizationData, ...], full: bool) -> bool:
        """The entries can be meant: not too many, each badge once, and a full list says something of each."""
        if len(entries) > self.core.settings.number("SendLocalListMaxLength"):
            return False
        tags = {fold(entry.id_tag) for entry in entries}
        told_of_all = not full or all(entry.id_tag_info is not UNSET for entry in entries)
        return len(tags) == len(entries) and "" not in tags and told_of_all

    def _keep(self, new: dict[str, Badge], version: int) -> None:
        memory = self.core.memory
        for key in self.badges:
            if key not in new:
                memory.drop(f"list/{key}")
        for key, badge in new.items():
            if self.badges.get(key) != badge:
                memory.put(f"list/{key}", badge)
        memory.put("listversion", version)
        self.badges, self.version = new, version

    def forget(self) -> None:
        """As it left the factory."""
        for key in self.badges:
            self.core.memory.drop(f"list/{key}")
        self.core.memory.drop("listversion")
        self.badges, self.version = {}, 0


def learn(s: "Station", id_tag: str, info: IdTagInfo, now: float) -> None:
    """The central system said something of a badge: the cache learns it; where the list says otherwise, that is told.

    OCPP 1.6, 3.5.2 and 7.6, LocalListConflict; trap 28. The list is not changed by it.
    """
    listed = s.authorization.local_list.of(fold(id_tag))
    if listed is None:
        s.authorization.learn(id_tag, info, now)
    elif (listed.standing(s.core.utc(now)) in GOOD) != (info.status in GOOD):
        s.core.note("warning", "local list contradicted", f"badge {id_tag}: {listed.status}, now {info.status}")
        s.zero.fault(CONFLICT_CODE, CONFLICT, s.core.utc(now))


def settled(s: "Station") -> None:
    """A new list came: what contradicted the old one is over."""
    s.zero.faults.pop(CONFLICT_CODE, None)
