"""What may never be seen in a log, an export or a diagnostics file: passwords, keys and tokens. Pure.

Better too much masked than one secret shown; what carries no secret passes unchanged, byte for byte.
"""

import base64
import binascii
import re
from typing import Any

import msgspec

MASK = "***"

NESTING_MAX = 64
"""Deeper JSON is masked as a whole: no OCPP message nests deeper than 6."""

_HIDDEN = r"authorization_?key|passw(?:or)?d|paswd|passphrase|pwd|secret|(?<!id)token|api_?key|private_?key|credential"
"""Parts of names whose values are secret: AuthorizationKey, FtpPassword, client_secret ... Compared without case."""

_NAME = re.compile(_HIDDEN, re.IGNORECASE)
_SUSPECT = (
    b"authorization", b"passw", b"paswd", b"passphrase", b"pwd", b"secret", b"token", b"key", b"credential", b"://",
    b"basic ", b"bearer ", b"\\u",
)  # fmt: skip
"""Bytes without any of these hold no secret. An escaped letter could hide a name, so it is looked at too."""

_VALUE = r"""("(?:[^"\\]|\\.)*"|'[^']*'|[^\s,;&"'<>}\])]+)"""

_USERINFO = re.compile(r"(://[^\s/?#@:\"'<>]{0,256}):(?!\d{1,5}[/?#])[^\s\"'<>]{0,512}@")
"""`user:password@` of a URL, up to the last @ because people do not escape; `host:8610/` is a port, no password."""

_HEADER = re.compile(r"(\bauthorization[\"']?\s*[:=]\s*[\"']?)(?:(?:basic|bearer|digest)\s+)?[^\s\"',]+", re.IGNORECASE)
_BEARER = re.compile(r"\b(bearer)\s+[\w.~+/=-]{8,}", re.IGNORECASE)
_BASIC = re.compile(r"\b(basic)\s+([A-Za-z0-9+/]{4,}={0,2})", re.IGNORECASE)
_ASSIGNED = re.compile(rf"([\w.-]{{0,64}}(?:{_HIDDEN})[\w.-]{{0,64}}[\"']?\s*[:=]\s*){_VALUE}", re.IGNORECASE)
_JSON_PAIR = re.compile(
    rf"""("key"\s*:\s*"[^"]*(?:{_HIDDEN})[^"]*"\s*,[^{{}}]{{0,200}}?"value"\s*:\s*){_VALUE}""", re.IGNORECASE
)
_JSON_RIAP = re.compile(
    rf"""("value"\s*:\s*)"(?:[^"\\]|\\.)*"(\s*,[^{{}}]{{0,200}}?"key"\s*:\s*"[^"]*(?:{_HIDDEN})[^"]*")""",
    re.IGNORECASE,
)
_XML_PAIR = re.compile(
    rf"(<(?:\w+:)?key>[^<]*(?:{_HIDDEN})[^<]*</(?:\w+:)?key>\s*<(?:\w+:)?value>)[^<]*", re.IGNORECASE
)


def redact_url(url: str) -> str:
    """A URL without its password and without the values of secret query parameters."""
    return _ASSIGNED.sub(rf"\1{MASK}", _USERINFO.sub(rf"\1:{MASK}@", url))


def redact_text(text: str) -> str:
    """A line of text without the secrets that URLs, headers, assignments, JSON and SOAP in it carry."""
    text = _JSON_PAIR.sub(rf'\1"{MASK}"', text)
    text = _JSON_RIAP.sub(rf'\1"{MASK}"\2', text)
    text = _XML_PAIR.sub(rf"\1{MASK}", text)
    text = _HEADER.sub(rf"\1{MASK}", text)
    text = _BEARER.sub(rf"\1 {MASK}", text)
    text = _BASIC.sub(_mask_basic, text)
    text = _USERINFO.sub(rf"\1:{MASK}@", text)
    return _ASSIGNED.sub(_mask_assigned, text)


def redact_frame(data: bytes) -> bytes:
    """An OCPP frame without the values of secret keys; the very same object when it carries none.

    ChangeConfiguration, GetConfiguration and every other payload alike: wherever a `key` names a secret its `value`
    is masked, wherever a field is named like one the field is, and every text is redacted as text. What is no JSON
    is redacted as text.
    """
    lower = data.lower()
    if not any(word in lower for word in _SUSPECT):
        return data
    try:
        frame = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        text = data.decode("utf-8", "replace")
        clean = redact_text(text)
        return data if clean == text else clean.encode()
    clean = _redact(frame, 0)
    return data if clean == frame else msgspec.json.encode(clean)


def _redact(value: Any, depth: int) -> Any:
    if depth > NESTING_MAX:
        return MASK
    if isinstance(value, str):
        return _redact_str(value, depth)
    if isinstance(value, list):
        return [_redact(item, depth + 1) for item in value]
    if isinstance(value, dict):
        names_secret = any(
            isinstance(text, str) and name.lower() == "key" and _NAME.search(text) for name, text in value.items()
        )
        return {
            name: MASK if _NAME.search(name) or (names_secret and name.lower() == "value") else _redact(item, depth + 1)
            for name, item in value.items()
        }
    return value


def _redact_str(text: str, depth: int) -> str:
    """A text field; DataTransfer carries JSON inside a string."""
    if text[:1] in ("{", "["):
        try:
            inner = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return redact_text(text)
        clean = _redact(inner, depth + 1)
        return text if clean == inner else msgspec.json.encode(clean).decode()
    return redact_text(text)


def _mask_basic(match: re.Match[str]) -> str:
    """`Basic dXNlcjpwdw==` holds user:password; `Basic authentication` is only talk."""
    try:
        secret = b":" in base64.b64decode(match[2], validate=True)
    except (binascii.Error, ValueError):
        secret = False
    return f"{match[1]} {MASK}" if secret else match[0]


def _mask_assigned(match: re.Match[str]) -> str:
    quote = match[2][0] if match[2][0] in "\"'" else ""
    return f"{match[1]}{quote}{MASK}{quote}"
