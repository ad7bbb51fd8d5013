"""Who may use a station's tool: the accounts admin and user, their sessions, and the fixed table of rights.

A first password is random and 80 bits long, so its hash may be fast; a person's own is short, so its hash is slow on
purpose: whoever calls `password_hash` or `password_fits` does it off the event loop, a few at a time. No password is
the same for two stations, and none that a guide prints is ever valid (Q-187). Random bytes and time are passed in.
"""

import hashlib
import hmac
from base64 import b32encode, urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from chargepost.commissioning.words import _

ADMIN, USER = "admin", "user"
ACCOUNTS = (ADMIN, USER)
"""Fixed (commissioning guide, chapter 2); names are compared without case, passwords with it."""

Right = Literal["N", "R", "RW"]
"""Not displayed, read only, read and write (commissioning guide, Parameter tables)."""

SLOW_N, FAST_N = 2**14, 2**4
"""Cost of scrypt for a password that a person thought of (65 ms), and for one of 80 random bits."""
SCRYPT_R, SCRYPT_P = 8, 1
SALT_BYTES = 16
PASSWORD_MIN, PASSWORD_MAX = 8, 128
"""Characters (R-352); a longer one is an attack on the hash."""
SESSIONS_MAX = 40
"""Open sessions of one station: its installers' and owners' browsers, many times over; the oldest goes first."""
IDLE_S = 30 * 60.0
"""A session that nobody uses ends; the page warns before. A page that refreshes itself does not count as use."""
TRIES_FREE = 5
"""Wrong passwords of an account in a row before it has to wait."""
WAIT_FIRST_S, WAIT_MAX_S = 30.0, 900.0
"""The wait doubles with each further wrong one: guessing is slow, and nobody is locked out for good."""


class Account(msgspec.Struct, frozen=True):
    """One of the two."""

    hashed: str
    first: str
    """Hash of the first password: a restore to factory settings goes back to it, as to the one on a label."""
    must_change: bool = True
    """It is still the first one, or somebody else chose it."""


class Accounts(msgspec.Struct, frozen=True):
    """Both, as the station keeps them."""

    admin: Account
    user: Account

    def of(self, account: str) -> Account:
        return self.admin if account == ADMIN else self.user

    def replaced(self, account: str, value: Account) -> "Accounts":
        return Accounts(value, self.user) if account == ADMIN else Accounts(self.admin, value)

    def restored(self) -> "Accounts":
        """As they left the factory (Q-065)."""
        return Accounts(Account(self.admin.first, self.admin.first), Account(self.user.first, self.user.first))


def new_accounts(draw: Callable[[int], bytes]) -> tuple[Accounts, dict[str, str]]:
    """Accounts with random first passwords, and these, to be shown once."""
    firsts = {account: new_password(draw) for account in ACCOUNTS}
    hashes = [password_hash(firsts[account], draw(SALT_BYTES), FAST_N) for account in ACCOUNTS]
    admin, user = (Account(hashed, hashed) for hashed in hashes)
    return Accounts(admin, user), firsts


def new_password(draw: Callable[[int], bytes]) -> str:
    """80 random bits that can be typed: "w7ka-4fq2-..."."""
    text = b32encode(draw(10)).decode().lower()
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def password_hash(password: str, salt: bytes, cost: int = SLOW_N) -> str:
    """Cost, salt and scrypt hash. Slow at the usual cost."""
    secret = password[: PASSWORD_MAX + 1].encode("utf-8", "surrogatepass")
    hashed = hashlib.scrypt(secret, salt=salt, n=cost, r=SCRYPT_R, p=SCRYPT_P)
    return f"{cost}${salt.hex()}${hashed.hex()}"


def password_fits(password: str, stored: str) -> bool:
    """Slow, and in constant time."""
    cost, salt, _hashed = stored.split("$")
    return hmac.compare_digest(password_hash(password, bytes.fromhex(salt), int(cost)), stored)


def weakness(password: str, account: str) -> str:
    """Why a password is not taken, as a text to translate; empty when it is (R-352)."""
    if len(password) > PASSWORD_MAX:
        return _("The password is too long: 128 characters are the most.")
    kinds = (str.islower, str.isupper, str.isdigit, lambda char: not char.isalnum() and not char.isspace())
    if len(password) < PASSWORD_MIN or not all(any(map(kind, password)) for kind in kinds):
        return _("The password is too weak: take 8 or more characters, among them an upper case letter, a lower case "
                 "letter, a digit and a special character such as ! or -.")  # fmt: skip
    if account in password.lower():
        return _("The password must not hold the name of the account.")
    return ""


@dataclass
class Session:
    """Somebody who logged in."""

    account: str
    csrf: str
    """Comes back in every form, so that only our own pages can send one."""
    used_at: float


@dataclass
class _Tries:
    failed: int = 0
    until: float = 0.0


@dataclass
class Access:
    """The accounts of one station and who is logged in. `keep` makes changed accounts durable."""

    accounts: Accounts
    draw: Callable[[int], bytes]
    keep: Callable[[Accounts], None]
    _sessions: OrderedDict[bytes, Session] = field(default_factory=OrderedDict)
    """By the digest of their token, so that a dump of memory opens no door later."""
    _tries: dict[str, _Tries] = field(default_factory=dict)

    # passwords

    def must_wait_s(self, account: str, now: float) -> float:
        """How long nobody may try a password of this account; 0: now."""
        return max(0.0, self._tries.get(account, _Tries()).until - now)

    def tried(self, account: str, now: float, *, right: bool) -> None:
        """A password was right, or wrong."""
        if right:
            self._tries.pop(account, None)
            return
        tries = self._tries.setdefault(account, _Tries())
        tries.failed += 1
        if tries.failed >= TRIES_FREE:
            doublings = min(tries.failed - TRIES_FREE, 10)
            tries.until = now + min(WAIT_FIRST_S * 2**doublings, WAIT_MAX_S)

    def set_password(self, account: str, hashed: str, *, by: str) -> None:
        """The new password; whoever is logged in with the old one is so no longer. One that somebody else chose has
        to be changed at the next login."""
        first = self.accounts.of(account).first
        self.accounts = self.accounts.replaced(account, Account(hashed, first, must_change=by != account))
        self.keep(self.accounts)
        self.end_all(account)
        self._tries.pop(account, None)

    def restore(self) -> None:
        """Factory settings: the first passwords, and nobody is logged in."""
        self.accounts = self.accounts.restored()
        self.keep(self.accounts)
        self._sessions.clear()
        self._tries.clear()

    # sessions

    def begin(self, account: str, now: float) -> str:
        """A new token of 256 random bits; one that a browser brings is never taken over."""
        token = urlsafe_b64encode(self.draw(32)).decode().rstrip("=")
        csrf = urlsafe_b64encode(self.draw(18)).decode()
        self._sessions[_digest(token)] = Session(account, csrf, now)
        while len(self._sessions) > SESSIONS_MAX:
            self._sessions.popitem(last=False)
        return token

    def session(self, token: str, now: float, *, using: bool = True) -> Session | None:
        """Whose token it is; `using` it keeps it alive."""
        digest = _digest(token)
        session = self._sessions.get(digest)
        if session is None or now - session.used_at > IDLE_S:
            self._sessions.pop(digest, None)
            return None
        if using:
            session.used_at = now
            self._sessions.move_to_end(digest)
        return session

    def must_change(self, account: str) -> bool:
        return self.accounts.of(account).must_change

    def end(self, token: str) -> None:
        self._sessions.pop(_digest(token), None)

    def end_all(self, account: str) -> None:
        for digest, session in list(self._sessions.items()):
            if session.account == account:
                del self._sessions[digest]


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
