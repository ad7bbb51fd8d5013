"""Tab Authentication: the station's own list of badges (commissioning guide, chapter 5)."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from chargepost.commissioning import badge_file
from chargepost.commissioning.badge_file import BadFileError
from chargepost.commissioning.port import Port
from chargepost.commissioning.views import Action, Download, Field, Rule, Sent, SubTab, Tab, Told
from chargepost.commissioning.words import _
from chargepost.signals import BadgeKept, BadgesDropped, BadgesReplaced, BadgeType, LearnBadges, OwnBadge

PAGE_BADGES = 50
"""Rows of a page: what a person looks through, and a browser draws at once."""

TYPES: Sequence[BadgeType] = get_args(BadgeType)

TYPE_WORDS: Mapping[BadgeType, str] = {
    "User": _("charges"),
    "VIP": _("charges, before others in a cluster"),
    "Admin": _("does not charge; ends the charge of another, and adds or removes User badges at the station"),
}

QUESTION = _("Are you sure you want to delete those badges ?")
"""The guide's own."""


def _matches(each: OwnBadge, search: str) -> bool:
    return any(search in text.casefold() for text in (each.id_tag, each.type, each.comment))


def _context(port: Port, account: str, query: Mapping[str, str]) -> Mapping[str, Any]:
    every = port.badges()
    search = query.get("search", "").strip()[: badge_file.COMMENT_MAX]
    found = [each for each in every if _matches(each, search.casefold())] if search else list(every)
    pages = max(1, -(-len(found) // PAGE_BADGES))
    asked = query.get("page", "1")
    page = min(int(asked), pages) if asked.isdecimal() and len(asked) < 9 and int(asked) else 1
    return {
        "badges": found[(page - 1) * PAGE_BADGES : page * PAGE_BADGES], "found": len(found), "all": len(every),
        "search": search, "page": page, "pages": pages, "window": port.badge_window(), "types": TYPE_WORDS,
        "question": QUESTION, "simulated": port.simulated,
    }  # fmt: skip


# --- what may be done ------------------------------------------------------------------------------------------------


def _learn(port: Port, sent: Sent) -> Told:
    mode = sent.form.get("mode", "")
    port.tell(LearnBadges("add" if mode == "add" else "remove" if mode == "remove" else ""))
    return Told("")


def _present(port: Port, sent: Sent) -> Told:
    """The hand at the reader of a simulated station."""
    badge = sent.form.get("badge", "").strip()
    if not port.simulated or not badge_file.READ.fullmatch(badge):
        return Told(sent.words(badge_file.NOT_READ), bad=True)
    port.present_badge(badge)
    return Told("")


def _change(port: Port, sent: Sent) -> Told:
    """One badge: its type and its comment."""
    badge, comment, kind = sent.form.get("badge", ""), sent.form.get("comment", "").strip(), _type(sent)
    if kind is None or badge not in {each.id_tag for each in port.badges()}:
        return Told(sent.words(_("This badge is not on the list any more.")), bad=True)
    if len(comment) > badge_file.COMMENT_MAX or not comment.isprintable():
        return Told(sent.words(_("A comment has at most 50 characters. Nothing was saved.")), bad=True)
    port.tell(BadgeKept(badge, kind, comment))
    return Told(sent.words(_("Badge {badge} is saved.")).format(badge=badge))


def _type(sent: Sent) -> BadgeType | None:
    return next((each for each in TYPES if each == sent.form.get("type")), None)


def _selected(port: Port, sent: Sent) -> Told:
    """Several at once: removed, or of another type."""
    every = {each.id_tag: each for each in port.badges()}
    chosen = [badge for badge in sent.all.get("badge", []) if badge in every]
    do = sent.form.get("do", "")
    kind = next((each for each in TYPES if each == do), None)
    if do == "remove-all":
        chosen = list(every)
    if not chosen:
        return Told(sent.words(_("No badge is selected. Tick the badges first.")), bad=True)
    if do in ("remove", "remove-all"):
        port.tell(BadgesDropped(tuple(chosen)))
        return Told(sent.words.count("%(num)s badge was removed.", "%(num)s badges were removed.", len(chosen)))
    if kind is None:
        return Told(sent.words(_("Choose what to do with the badges.")), bad=True)
    port.tell(*(BadgeKept(badge, kind) for badge in chosen))
    return Told(sent.words.count("%(num)s badge was changed.", "%(num)s badges were changed.", len(chosen)))


def _preview(port: Port, sent: Sent) -> Told:
    """What an import would do, before it does it."""
    try:
        new = badge_file.read(sent.data, sent.words)
    except BadFileError as error:
        return Told(f"{error} {sent.words(_('Nothing was changed.'))}", bad=True, template="badges.html")
    old = {each.id_tag.casefold(): each for each in port.badges()}
    coming = {each.id_tag.casefold(): each for each in new}
    changed = [each for key, each in coming.items() if key in old and _differs(old[key], each)]
    context = {
        "new": [each for key, each in coming.items() if key not in old],
        "gone": [each for key, each in old.items() if key not in coming],
        "changed": changed,
        "file": badge_file.written(new).decode(),
        "count": len(new),
    }
    return Told("", template="badges-import.html", context=context)


def _differs(one: OwnBadge, other: OwnBadge) -> bool:
    return (one.type, one.comment) != (other.type, other.comment)


def _replace(port: Port, sent: Sent) -> Told:
    try:
        new = badge_file.read(_as_file(sent.form.get("file", "")), sent.words)
    except BadFileError as error:
        return Told(f"{error} {sent.words(_('Nothing was changed.'))}", bad=True, template="badges.html")
    port.tell(BadgesReplaced(new))
    return Told(sent.words.count("The list has %(num)s badge now.", "The list has %(num)s badges now.", len(new)))


def _as_file(text: str) -> bytes:
    """A form sends its lines with either ending."""
    return text.replace("\r\n", "\n").replace("\n", "\r\n").encode()


def _decides(port: Port) -> bool:
    return port.own_list


TAB = Tab("authentication", _("Authentication"))

SUB_TABS = (
    SubTab(
        "authentication", "badges", _("Badges"), shown=_decides, template="badges.html", context=_context,
        live="badges-window.html",
        gone=lambda port: _("The station itself does not decide who charges: its list of badges has no effect, and is "
                            "kept.") if port.has_reader else "",
        intro=_("Who charges here is on this list. It decides as long as no supervision does."),
    ),
)  # fmt: skip

FIELDS: tuple[Field, ...] = ()

ACTIONS = (
    Action("badges", "learn", _learn, user=True),
    Action("badges", "present", _present, user=True),
    Action("badges", "change", _change, user=True),
    Action("badges", "selected", _selected, user=True, max_bytes=badge_file.BYTES_MAX),
    Action("badges", "import", _preview, user=True, max_bytes=badge_file.BYTES_MAX),
    Action("badges", "replace", _replace, user=True, max_bytes=4 * badge_file.BYTES_MAX),  # each sign as %XX
)

DOWNLOADS = (
    Download(
        "badges", "badges.csv", lambda port: badge_file.written(port.badges()), "text/csv; charset=utf-8",
        lambda port: f"{port.identity}-badges.csv", user=True,
    ),
)  # fmt: skip

RULES: Mapping[str, tuple[Rule, ...]] = {}
