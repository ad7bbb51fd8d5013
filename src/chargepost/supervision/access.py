"""Who may use the pages and the API: one operator, a password hashed with scrypt, sessions in memory. Pure.

A person's password is short, so its hash is slow on purpose (65 ms here): whoever calls `password_hash` does it off
the event loop, a few at a time. Random bytes are drawn outside.
"""

import hashlib
import hmac
from base64 import b32encode, urlsafe_b64encode
from collections import OrderedDict, deque
from collections.abc import Callable

OPERATOR = "operator"
SCRYPT_N, SCRYPT_R, SCRYPT_P = 2**14, 8, 1
SESSIONS_MAX = 200
"""Open sessions: each browser and program of one operator, many times over; the oldest goes first."""
SESSION_IDLE_S = 12 * 3600.0
"""A working day: nobody is thrown out at lunch."""
FAILURES_MAX, FAILURES_WINDOW_S = 10, 60.0
"""Wrong passwords in this time, over all addresses; then nobody may try: guessing is slow, locking out is short."""
PASSWORD_MAX = 1024
"""Characters of a password that are looked at: longer ones are no password but an attack on the hash."""


def new_password(draw: Callable[[int], bytes]) -> str:
    """80 random bits that can be typed: "w7ka-4fq2-..."."""
    text = b32encode(draw(10)).decode().lower()
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def password_hash(password: str, salt: bytes) -> str:
    """Salt and scrypt hash in hex. Slow."""
    secret = password[:PASSWORD_MAX].encode("utf-8", "surrogatepass")
    hashed = hashlib.scrypt(secret, salt=salt, n=SCRYPT_N, r=SCRYPT_R, p=SCRYPT_P)
    return f"{salt.hex()}${hashed.hex()}"


def password_fits(password: str, stored: str) -> bool:
    """Slow, and in constant time."""
    return hmac.compare_digest(password_hash(password, bytes.fromhex(stored.partition("$")[0])), stored)


class Sessions:
    """Tokens of those who logged in; kept as digests, so that a dump of memory opens no door later."""

    def __init__(self, draw: Callable[[int], bytes]) -> None:
        self._draw = draw
        self._used_at: OrderedDict[bytes, float] = OrderedDict()
        self._failed_at: deque[float] = deque(maxlen=FAILURES_MAX)

    def begin(self, now: float) -> str:
        """A new token of 256 random bits."""
        token = urlsafe_b64encode(self._draw(32)).decode().rstrip("=")
        self._used_at[_digest(token)] = now
        while len(self._used_at) > SESSIONS_MAX:
            self._used_at.popitem(last=False)
        return token

    def holds(self, token: str, now: float) -> bool:
        """Whether the token is good; using it keeps it alive."""
        digest = _digest(token)
        used_at = self._used_at.pop(digest, None)
        if used_at is None or now - used_at > SESSION_IDLE_S:
            return False
        self._used_at[digest] = now
        return True

    def end(self, token: str) -> None:
        self._used_at.pop(_digest(token), None)

    def end_all(self) -> None:
        """The password changed: whoever was logged in must know the new one."""
        self._used_at.clear()

    def failed(self, now: float) -> None:
        self._failed_at.append(now)

    def must_wait_s(self, now: float) -> float:
        """How long nobody may try a password; 0: now."""
        if len(self._failed_at) < FAILURES_MAX:
            return 0.0
        return max(0.0, self._failed_at[0] + FAILURES_WINDOW_S - now)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
