"""The list of badges as a file: one line each, and a last line by which an edited file is recognised (R-323 to R-325).

A copy goes into the same station or another one as it is (Q-059); whoever wants another list changes it in a tool.
"""

import csv
import hashlib
import io
import re
from collections.abc import Iterable, Sequence
from typing import get_args

from chargepost.commissioning.words import Words, _
from chargepost.signals import BadgeType, OwnBadge
from chargepost.spreadsheet import meant, neutral

HEAD = ["number", "identifier", "type", "comment"]
SEAL = "chargepost badges"
BYTES_MAX = 1_000_000
"""More than the 5,000 badges of a full list take."""

BADGES_MAX = 5_000
ID_TAG_MAX, COMMENT_MAX = 20, 50
TYPES: Sequence[BadgeType] = get_args(BadgeType)


class BadFileError(ValueError):
    """The file is not taken; its text says which line and why, in the language of whoever sent it."""


def written(badges: Iterable[OwnBadge]) -> bytes:
    lines = io.StringIO()
    table = csv.writer(lines, delimiter=";", lineterminator="\r\n")
    table.writerow(HEAD)
    for each in badges:
        table.writerow([each.number, neutral(each.id_tag), each.type, neutral(each.comment)])
    return _sealed(lines.getvalue()).encode("utf-8")


def read(data: bytes, say: Words) -> tuple[OwnBadge, ...]:
    """All of it or nothing. Raises BadFileError."""
    if len(data) > BYTES_MAX:
        raise BadFileError(say(_("The file is larger than any list of badges. Choose a file that was exported here.")))
    try:
        text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
        head, *rows = csv.reader(io.StringIO(text), delimiter=";", strict=True)
    except (UnicodeDecodeError, csv.Error, ValueError):
        foreign = _("This is no list of badges: it cannot be read as one. Choose a file that was exported here.")
        raise BadFileError(say(foreign)) from None
    if head != HEAD or not rows or rows[-1][:1] != [SEAL]:
        raise BadFileError(say(_("This is no list of badges, or its end is missing. Choose a file that was exported.")))
    badges = tuple(_badge(number, row, say) for number, row in enumerate(rows[:-1], 2))
    _differ(badges, say)
    if written(badges) != text.encode("utf-8"):
        raise BadFileError(
            say(_("The file was changed after its export, and is not taken so. Change the list here instead."))
        )
    return badges


def _badge(line: int, row: Sequence[str], say: Words) -> OwnBadge:
    def wrong(why: str) -> BadFileError:
        return BadFileError(say(_("Line {line}: {why}")).format(line=line, why=say(why)))

    if len(row) != len(HEAD) or not row[0].isdecimal() or len(row[0]) > 9:
        raise wrong(_("it needs a number, an identifier, a type and a comment."))
    id_tag, comment = meant(row[1]), meant(row[3])
    if not is_badge(id_tag):
        raise wrong(_("the identifier has 1 to 20 characters that can be seen."))
    kind = next((each for each in TYPES if each == row[2]), None)
    if kind is None:
        raise wrong(_("the type is User, VIP or Admin."))
    if len(comment) > COMMENT_MAX or not all(each.isprintable() for each in comment):
        raise wrong(_("the comment has at most 50 characters."))
    return OwnBadge(int(row[0]), id_tag, kind, comment)


def _differ(badges: Sequence[OwnBadge], say: Words) -> None:
    if len(badges) > BADGES_MAX:
        raise BadFileError(say(_("There are more badges than the station can hold: {most}.")).format(most=BADGES_MAX))
    seen: set[str] = set()
    for line, each in enumerate(badges, 2):
        if (key := each.id_tag.casefold()) in seen:
            twice = _("Line {line}: the badge {badge} is there twice.")
            raise BadFileError(say(twice).format(line=line, badge=each.id_tag))
        seen.add(key)


READ = re.compile(r"(?:[0-9A-Fa-f]{2}){2,10}")
"""What a reader reads of a badge: the bytes of its number, two hexadecimal digits each."""
NOT_READ = _("A reader reads 4 to 20 hexadecimal digits of a badge, an even number of them: such as 04A2911B.")


def is_badge(id_tag: str) -> bool:
    return 0 < len(id_tag) <= ID_TAG_MAX and id_tag.isprintable() and id_tag == id_tag.strip()


def _sealed(text: str) -> str:
    return f"{text}{SEAL};1;{hashlib.sha256(text.encode('utf-8')).hexdigest()};\r\n"
