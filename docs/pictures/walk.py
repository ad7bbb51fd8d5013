"""Walks through the stations' tool beside the commissioning guide: a picture of each sub-tab, and the page of them.

    tools/walk

Writes docs/reference/tool-walk.md and the pictures beside this file. Needs Debian's Chromium (`make test` fetches it).
The rows below say where a sub-tab stands in the guide and what it is for; a sub-tab without a row is a failing test.
"""

import asyncio
import base64
import contextlib
import shutil
import struct
import tempfile
import zlib
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple

from playwright.async_api import Browser, Page, async_playwright

from chargepost import signals as sig
from chargepost.catalogue import load
from chargepost.commissioning import tabs
from chargepost.commissioning.access import ADMIN
from chargepost.drivers.simulated import CARS
from chargepost.run.addresses import Address
from chargepost.run.house import House, Plan, opened
from chargepost.run.site import Site, StationPart, SupervisionPart
from chargepost.run.store import hold

HERE = Path(__file__).parent
PICTURES = HERE / "tool"
PAGE = HERE.parent / "reference" / "tool-walk.md"

WIDTH, HEIGHT_MAX = 900, 1_400
"""Of a picture, in pixels; what is longer is cut at its foot."""
BYTES_MAX, ALL_BYTES_MAX = 200_000, 2_500_000
"""Of one picture and of all: the repository carries every version of them."""
PATIENCE_S = 60.0
SPEED = 60.0
CHARGED_WH = 400.0
OWN = "Brand-new 1"
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-lcd-text"]

STATION, WITH_WIFI = "EVLINK-1", "WALLBOX-1"
MODELS = {
    STATION: "evlink-parking@R7", WITH_WIFI: "evlink-smart-wallbox@R7", "CITY-1": "evlink-city", "PROAC-1":
    "evlink-pro-ac", "PRODC-1": "evlink-pro-dc", "CHARGE-1": "schneider-charge",
}  # fmt: skip
"""One of each line; the first shows every sub-tab that it has, the second what is left."""


class Row(NamedTuple):
    """One sub-tab."""

    guide: str
    """Where the commissioning guide of the EVlink family describes it."""
    purpose: str


OURS = "not in the guide"

WALK = {
    "overview/station": Row(OURS, "What happens at each outlet now, who limits the current, and the way to the "
                            "supervision; at a simulated station also the hands that plug in and show badges."),
    "overview/frames": Row(OURS, "What station and supervision say to each other, an exchange a row, with what was "
                           "wrong with it in words."),
    "configuration/general": Row("chapter 3, General sub-tab", "Name and type of the station, who decides on badges, "
                                 "and the whole configuration as a file."),
    "configuration/network": Row("chapter 3, Network sub-tab", "Addresses of the station in the local network."),
    "configuration/wifi": Row("chapter 3, Wi-Fi sub-tab", "The Wi-Fi card of a Smart Wallbox, an accessory."),
    "configuration/supervision": Row("chapter 3, Supervision sub-tab", "Where the supervision is, and how the station "
                                     "speaks with it; a test tells the first step that fails."),
    "configuration/time": Row("chapter 3, Date and Time settings sub-tab", "Date, time server and time zone, which "
                              "the charge records carry."),
    "energy/advanced": Row("chapter 4, Advanced settings sub-tab", "How two charge points share what there is, and "
                           "whether a system outside may set the current."),
    "energy/sockets": Row("chapter 4, Socket-outlets sub-tab", "The current of the charge points, and what the wired "
                          "inputs do."),
    "energy/meters": Row("chapter 4, Meters sub-tab", "What measures the energy, and how it is wired."),
    "authentication/badges": Row("chapter 5, Authentication", "The station's own list of badges: by the reader, by "
                                 "hand, or as a file."),
    "records/charges": Row("chapter 6, Charge Data Record sub-tab", "The last charges with the guide's twelve fields, "
                           "a filter, and a file of up to 3,000."),
    "records/publication": Row("chapter 6, Publication settings sub-tab", "When and where the records are sent by "
                               "themselves: by mail, FTP or HTTP."),
    "maintenance/status": Row("chapter 7, Status sub-tab", "The live states of each outlet in the guide's words, and "
                              "each error with its remedy."),
    "maintenance/report": Row("chapter 7, Report sub-tab", "All of it on one page, to read or to send to somebody."),
    "maintenance/control": Row("chapter 7, Control sub-tab", "A restart, and the way back to factory settings."),
    "maintenance/passwords": Row("chapter 7, Passwords sub-tab", "A new password of the own account, or by the "
                                 "administrator for the other one."),
    "maintenance/firmware": Row("chapter 7, Firmware Update sub-tab", "Versions of each board, and an update from a "
                                "file."),
}  # fmt: skip


def picture(at: str, station: str = "") -> Path:
    """Of this sub-tab; of a station of another line where one is named."""
    return PICTURES / f"{at.replace('/', '-')}{'-' if station else ''}{station.lower()}.png"


async def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    for old in PICTURES.glob("*.png"):
        old.unlink()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        own = {STATION: {"Supervised": "true", "authenticationManager": "0"}, WITH_WIFI: {"WifiPresent": "true"}}
        parts = tuple(StationPart(id=name, model=model, settings=own.get(name, {})) for name, model in MODELS.items())
        here = Address("127.0.0.1", 0)
        plan = Plan(
            Site(name="walk", stations=parts, supervision=SupervisionPart(accept_badges=("*",))),
            hold(folder),
            "0",
            SPEED,
            tool=here,
            supervision=here,
        )
        house = await stack.enter_async_context(opened(plan))
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        stack.push_async_callback(browser.close)
        await live(house)
        await shoot_all(browser, house)


async def live(house: House) -> None:
    """Something to see: badges, a charge that is over and one that goes on, a fault that clears by itself."""
    hosts = house.stations.hosts
    await until(lambda: all(host.station for host in hosts.values()))
    host = hosts[STATION]
    host.tell(sig.BadgeKept("04A2B3C4", "User", "Anna"), sig.BadgeKept("04D5E6F7", "VIP", "Director"),
              sig.BadgeKept("04112233", "Admin", "Caretaker"))  # fmt: skip
    host.plug_in(1, CARS["Compact"])
    host.present_badge("04A2B3C4", 1)
    await until(lambda: charged_wh(house, STATION, 0) > CHARGED_WH)
    host.tell(sig.StopAsked(1))
    await until(lambda: house.stations.publisher.newest(STATION) == 1)
    host.unplug(1)
    host.plug_in(2, CARS["Compact"])
    host.present_badge("04D5E6F7", 2)
    await until(lambda: charged_wh(house, STATION, 1) > CHARGED_WH)


def charged_wh(house: House, identity: str, index: int) -> float:
    transaction = house.stations.hosts[identity].view().connectors[index].transaction
    return transaction.energy_wh if transaction else 0.0


async def until(what: object) -> None:
    assert callable(what)
    async with asyncio.timeout(PATIENCE_S):
        while not what():  # noqa: ASYNC110 - not everything says that it happened
            await asyncio.sleep(0.05)


async def shoot_all(browser: Browser, house: House) -> None:
    shown: set[str] = set()
    for identity in MODELS:
        assert house.tools
        page = await log_in(browser, house, identity)
        port = house.tools.tools.embedded(identity).port  # type: ignore[union-attr]  # it has just been logged in to
        there = [f"{sub.tab}/{sub.name}" for _tab, subs in tabs.seen_by(ADMIN, port) for sub in subs]
        for at in there:
            if at not in shown and identity in (STATION, WITH_WIFI):
                await shoot(page, house.tools.page(identity) + at, picture(at))
                shown.add(at)
        if "overview/station" in there and identity != STATION:
            await shoot(page, f"{house.tools.page(identity)}overview/station", picture("overview/station", identity))


async def log_in(browser: Browser, house: House, identity: str) -> Page:
    assert house.tools
    first = house.tools.tools.first_passwords[identity][ADMIN]
    context = await browser.new_context(viewport={"width": WIDTH, "height": 700}, locale="en-GB")
    page = await context.new_page()
    await page.goto(house.tools.page(identity))
    await page.fill("[name=user]", ADMIN)
    await page.fill("[name=password]", first)
    await page.locator("form.narrow button").click()
    for name, value in (("old", first), ("new", OWN), ("again", OWN)):
        await page.fill(f"[name={name}]", value)
    await page.locator("form.narrow button").click()
    await page.locator("nav.tabs").wait_for()
    return page


async def shoot(page: Page, address: str, path: Path) -> None:
    await page.goto(address)
    await page.locator("h1").wait_for()
    with contextlib.suppress(Exception):  # a page that is told things at once is never idle
        await page.wait_for_load_state("networkidle", timeout=1_000)
    height = await page.evaluate("document.documentElement.scrollHeight")
    clip = {"x": 0.0, "y": 0.0, "width": float(WIDTH), "height": float(min(height, HEIGHT_MAX))}
    shot = await page.screenshot(full_page=True, clip=clip, animations="disabled", caret="hide")  # type: ignore[arg-type]
    blank = await page.context.new_page()
    found = await blank.evaluate(FEW_COLOURS, [base64.b64encode(shot).decode(), COLOURS])
    await blank.close()
    path.write_bytes(png(found["width"], bytes(found["palette"]), base64.b64decode(found["indexes"])))  # noqa: ASYNC240 - some kB


COLOURS = 64
"""Of a picture: text in grey and a few signs need no more, and it is a third of the bytes."""

FEW_COLOURS = """async ([shot, most]) => {
  const image = await createImageBitmap(await (await fetch("data:image/png;base64," + shot)).blob());
  const canvas = new OffscreenCanvas(image.width, image.height), context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const pixels = new Uint32Array(context.getImageData(0, 0, image.width, image.height).data.buffer);
  const counts = new Map();
  for (const each of pixels) counts.set(each, (counts.get(each) || 0) + 1);
  const kept = [...counts].sort((one, other) => other[1] - one[1]).slice(0, most).map(([colour]) => colour);
  const parts = (colour) => [colour & 255, (colour >> 8) & 255, (colour >> 16) & 255];
  const far = (one, other) => one.reduce((sum, part, at) => sum + (part - other[at]) ** 2, 0);
  const nearest = new Map();
  for (const colour of counts.keys()) {
    const distances = kept.map((each) => far(parts(each), parts(colour)));
    nearest.set(colour, distances.indexOf(Math.min(...distances)));
  }
  let indexes = "";
  for (const each of pixels) indexes += String.fromCharCode(nearest.get(each));
  return { width: image.width, palette: kept.flatMap(parts), indexes: btoa(indexes) };
}"""


def png(width: int, palette: bytes, indexes: bytes) -> bytes:
    """A picture of a byte for each pixel, which is the number of its colour."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = b"".join(b"\0" + indexes[at : at + width] for at in range(0, len(indexes), width))
    head = struct.pack(">IIBBBBB", width, len(indexes) // width, 8, 3, 0, 0, 0)
    parts = chunk(b"IHDR", head), chunk(b"PLTE", palette), chunk(b"IDAT", zlib.compress(rows, 9)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def weigh() -> None:
    """Refuse what a repository should not carry."""
    sizes = {each.name: each.stat().st_size for each in PICTURES.glob("*.png")}
    print(f"{len(sizes)} pictures, {sum(sizes.values()) / 1000:.0f} kB")
    assert max(sizes.values()) <= BYTES_MAX, sizes
    assert sum(sizes.values()) <= ALL_BYTES_MAX, sizes


def text() -> str:
    """The page."""
    lines = [
        "# A walk through the tool", "",
        "Every sub-tab of the stations' tool, beside the place where the commissioning guide of the EVlink family "
        "describes it. The", "pictures are of the administrator at an EVlink Parking R7 and, for its Wi-Fi card, at a "
        "Smart Wallbox; `tools/walk` makes them and this page.", "",
    ]  # fmt: skip
    for tab in tabs.TABS:
        lines += [f"## {tab.label}", ""]
        for sub in (sub for sub in tabs.SUB_TABS if sub.tab == tab.name):
            at = f"{sub.tab}/{sub.name}"
            row = WALK[at]
            where = "It is not in the guide." if row.guide == OURS else f"Guide: {row.guide}."
            lines += [f"### {sub.label}", "", f"{row.purpose} {where}", "", link(at, f"{tab.label}, {sub.label}"), ""]
    lines += ["## One station of each line", ""]
    for identity, model in MODELS.items():
        title = f"{load(model).title} {load(model).release}"
        lines += [f"### {title}", "", link("overview/station", f"Overview of the {title}", identity), ""]
    return "\n".join(lines[:-1]) + "\n"


def link(at: str, what: str, identity: str = "") -> str:
    path = picture(at, "" if identity in ("", STATION) else identity)
    return f"![{what}](../pictures/tool/{path.name})"


if __name__ == "__main__":
    asyncio.run(main())
    PAGE.write_text(text(), "utf-8")
    weigh()
