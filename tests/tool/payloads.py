"""Sixty texts that would run as a script where a page took them for its own, and how to see that it did not.

Each calls `hit`, which the browser tests define; the short ones fit into a comment or an identifier.
"""

import re
from html.parser import HTMLParser

PAYLOADS = (
    # elements that run as soon as they are parsed
    "<script>hit()</script>", "<SCRIPT>hit()</SCRIPT>", "<script\n>hit()</script\n>", "<script/x>hit()</script>",
    "<scr<script>ipt>hit()</script>", "<script src=data:,hit()></script>", "<script src=//evil.example/x></script>",
    "<script type=module>hit()</script>", "<script>hit()//", "<svg><script>hit()</script></svg>",
    "<svg onload=hit()>", "<svg/onload=hit()>", "<svg\tonload=hit()>", "<svg onload=hit()//", "<g/onload=hit()>",
    "<img src=x onerror=hit()>", "<img/src/onerror=hit()>", "<IMG SRC=x OnErRoR=hit()>", "<image src=x onerror=hit()>",
    "<img src=x onerror=&#104;it()>", "<body onload=hit()>", "<iframe onload=hit()>", "<iframe src=javascript:hit()>",
    "<iframe srcdoc='<script>parent.hit()</script>'>", "<object data=javascript:hit()>", "<embed src=javascript:hit()>",
    "<video src=x onerror=hit()>", "<audio src=x onerror=hit()>", "<video><source onerror=hit()>",
    "<details open ontoggle=hit()>", "<input autofocus onfocus=hit()>", "<select autofocus onfocus=hit()>",
    "<textarea autofocus onfocus=hit()>", "<marquee onstart=hit()>", "<style onload=hit()></style>",
    "<style>*{background:url(//evil.example/x)}</style>", "<link rel=stylesheet href=//evil.example/x>",
    "<meta http-equiv=refresh content='0;javascript:hit()'>", "<base href=//evil.example/>",
    "<form action=javascript:hit()><button autofocus>x", "<a href=javascript:hit() autofocus>x</a>",
    "<svg><animate onbegin=hit() attributeName=x>", "<math><a xlink:href=javascript:hit()>x",
    "<noscript><p title='</noscript><img src=x onerror=hit()>'>",
    # out of an attribute, a text area, a title, a comment, a script, a style
    "\"><script>hit()</script>", "'><script>hit()</script>", "\" onfocus=hit() autofocus x=\"",
    "' onmouseover=hit() style=position:fixed;inset:0 '", "</textarea><script>hit()</script>",
    "</title><script>hit()</script>", "</select><img src=x onerror=hit()>", "--><script>hit()</script><!--",
    "</script><script>hit()</script>", "</style><script>hit()</script>", "'-hit()-'", "\\\";hit();//", "${hit()}",
    # what templates, htmx and address bars take for theirs
    "{{ self.__init__.__globals__ }}{{7*191}}", "<p hx-on:load=hit() hx-get=/ hx-trigger=load>", "javascript:hit()",
)  # fmt: skip

SHORT_MAX = 20
"""Characters of a badge's identifier."""

RUNS = re.compile(r"^\s*(javascript|vbscript|data):", re.IGNORECASE)
ADDRESSES = {"href", "src", "action", "formaction", "data", "xlink:href", "hx-get", "hx-post", "srcdoc"}
FOREIGN = {"iframe", "object", "embed", "base", "style", "marquee", "video", "audio", "math", "image", "animate"}
"""Elements that no page of ours has."""


class _Looks(HTMLParser):
    def __init__(self, *, file: bool) -> None:
        super().__init__()
        self.odd: list[str] = []
        self._foreign = FOREIGN - {"style"} if file else FOREIGN

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if (
            tag in self._foreign
            or "<" in tag
            or given.get("http-equiv") == "refresh"
            or (tag == "script" and not re.match(r"/(static|vendor)/", given.get("src", "")))
        ):
            self.odd.append(f"<{tag}>")
        self.odd += [
            f"<{tag} {name}>"
            for name, value in given.items()
            if name.startswith(("on", "hx-on"))
            or (name in ADDRESSES and RUNS.match(value))
            or "evil" in value[:30] * (name in ADDRESSES)
        ]

    def handle_data(self, data: str) -> None:
        if str(7 * 191) in data:
            self.odd.append("a template of the payload was worked out")


def odd(html: str, *, file: bool = False) -> list[str]:
    """What in a page would run and is not ours. A `file` has its style within."""
    looks = _Looks(file=file)
    looks.feed(html)
    looks.close()
    return looks.odd
