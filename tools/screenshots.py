"""Takes the pictures of the README from a running flyonce: the map, a case and a department's inbox.

Start a server first, `flyonce demo` for example, then:

    python tools/screenshots.py --url http://127.0.0.1:8000

It needs Debian's `chromium` and `fonts-noto-cjk`, and Playwright for Python (extra `[dev]`). It logs in with the demo's
accounts, whose passwords the server itself tells.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from tools.chromium import start_chromium

WIDE = ViewportSize(width=1440, height=900)
PHONE = ViewportSize(width=390, height=844)
MAX_BYTES = 400_000
ATTEMPTS = (
    (1.0, (40, 60, 156)),
    (1.0, (40, 48, 80)),
    (5 / 6, (40, 40, 60)),
    (5 / 6, (32, 40, 40)),
    (3 / 4, (32, 32, 32)),
    (3 / 5, (24, 24, 24)),
)
"""Ways to get below MAX_BYTES: a scale, and how many colours are kept, vivid and natural (see `palette_of`)."""
SETTLE_MS = 2_500
"""Time for the map to load its picture and to draw."""


class ScreenshotError(Exception):
    """A picture could not be taken; the message says why and what to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Take the three pictures; the exit code."""
    parser = argparse.ArgumentParser(description="Take the README's pictures from a running flyonce.")
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="where the server runs")
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "docs" / "screenshots")
    parser.add_argument("--language", choices=("zh", "en"), default="zh")
    options = parser.parse_args(arguments)
    try:
        take_all(options.url.rstrip("/"), options.out, options.language)
    except ScreenshotError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a script speaks to its user
        return 1
    return 0


def take_all(url: str, out: Path, language: str) -> None:
    """Log in as each role and write map.png, case.png and inbox.png into `out`.

    Raises:
        ScreenshotError: No server, no demo accounts, no chromium, or a page that does not come up.
    """
    chromium = shutil.which("chromium")
    if chromium is None:
        raise ScreenshotError("There is no chromium on this machine: apt-get install chromium fonts-noto-cjk")
    names = demo_names(url)
    out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = start_chromium(playwright, chromium)
        with visit(browser, url, names["centre"], WIDE, language) as page:
            take_map(page, out / "map.png")
            take_case(page, out / "case.png")
            busiest = busiest_department(page)
        with visit(browser, url, busiest or names["department"], PHONE, language) as page:
            take_inbox(page, out / "inbox.png")
        browser.close()


def demo_names(url: str) -> dict[str, str]:
    """The first demo account of each role.

    Raises:
        ScreenshotError: Nobody answers at `url`, or it is no demo.
    """
    try:
        with urllib.request.urlopen(f"{url}/api/v1/demo", timeout=10) as answer:
            demo: dict[str, Any] = json.load(answer)
    except (urllib.error.URLError, TimeoutError, ValueError) as cause:
        raise ScreenshotError(f"No flyonce answers at {url} ({cause}). Start one: flyonce demo") from cause
    names: dict[str, str] = {}
    for account in demo.get("accounts", []):
        names.setdefault(account["role"], account["name"])
    if {"operator", "centre", "department"} - names.keys():
        raise ScreenshotError(f"{url} shows no demo accounts. Start a demo: flyonce demo")
    return names


@contextmanager
def visit(browser: Browser, url: str, name: str, viewport: ViewportSize, language: str) -> Iterator[Page]:
    """A page on which a demo account is logged in."""
    context = browser.new_context(viewport=viewport, timezone_id="Asia/Shanghai", locale="zh-CN", device_scale_factor=1)
    context.add_init_script(f"localStorage.setItem('flyonce.language', '{language}')")
    page = context.new_page()
    page.goto(f"{url}/login")
    page.click(f'[data-demo-name="{name}"]')
    page.wait_for_selector("[data-case], [data-task], .empty")
    yield page
    context.close()


def take_map(page: Page, path: Path) -> None:
    """The map with its list.

    Raises:
        ScreenshotError: There is no case on it.
    """
    if page.locator("[data-case]").count() == 0:
        raise ScreenshotError("There is no case in this store yet: wait until the demo has found something.")
    page.wait_for_timeout(SETTLE_MS)
    save(page, path)


def take_case(page: Page, path: Path) -> None:
    """The page of a case that is in work, where there is one."""
    in_work = page.locator("[data-case]", has=page.locator('.state-tag[data-mood="work"]'))
    (in_work if in_work.count() else page.locator("[data-case]")).first.click()
    page.click("[data-open-case]")
    page.wait_for_selector(".evidence-main img[data-evidence]")
    page.wait_for_function("document.querySelector('img[data-evidence]')?.complete")
    page.wait_for_timeout(SETTLE_MS)
    save(page, path)


def busiest_department(page: Page) -> str | None:
    """The department with the most tasks, as far as the logged-in account may see; its demo account has its name."""
    counts: dict[str, int] = page.evaluate(
        "fetch('/api/v1/summary').then(answer => answer.json()).then(summary => summary.tasks_by_department)"
    )
    return max(counts, key=lambda name: counts[name], default=None)


def take_inbox(page: Page, path: Path) -> None:
    """The department's inbox on a phone."""
    page.wait_for_selector("[data-task], .empty")
    page.wait_for_timeout(SETTLE_MS)
    save(page, path)


def save(page: Page, path: Path) -> None:
    """Write what the page shows as a PNG of at most MAX_BYTES: as large and with as many colours as fit.

    Raises:
        ScreenshotError: Even the smallest is too large.
    """
    shot = page.screenshot()
    if len(shot) <= MAX_BYTES:
        path.write_bytes(shot)
        return
    picture = Image.open(BytesIO(shot)).convert("RGB")
    for scale, colours in ATTEMPTS:
        small = reduced(picture, scale, colours)
        if len(small) <= MAX_BYTES:
            path.write_bytes(small)
            return
    raise ScreenshotError(f"{path} cannot be made smaller than {MAX_BYTES} bytes.")


def reduced(picture: Image.Image, scale: float, colours: tuple[int, int, int]) -> bytes:
    """The picture as a PNG with a palette."""
    size = (round(picture.width * scale), round(picture.height * scale))
    scaled = picture if size == picture.size else picture.resize(size, Image.Resampling.LANCZOS)
    out = BytesIO()
    palette = palette_of(picture, scaled, *colours)
    scaled.quantize(palette=palette, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()


def palette_of(picture: Image.Image, scaled: Image.Image, kept: int, vivid: int, natural: int) -> Image.Image:
    """A palette for a page with photographs on it.

    It keeps the page's most frequent colours exactly, has some that are spread over all that occur (else the few red
    pixels of a symbol would turn grey), and gives the rest to the photographs by how often their colours occur.
    """
    colours, counts = np.unique(np.asarray(picture).reshape(-1, 3), axis=0, return_counts=True)
    frequent = colours[np.argsort(-counts)[:kept]]
    spread = colours_by(scaled, vivid, Image.Quantize.MAXCOVERAGE)
    common = colours_by(scaled, natural, Image.Quantize.MEDIANCUT)
    palette = Image.new("P", (1, 1))
    palette.putpalette(np.concatenate([frequent, spread, common]).astype(np.uint8).tobytes())
    return palette


def colours_by(picture: Image.Image, count: int, method: Image.Quantize) -> NDArray[np.uint8]:
    """At most `count` colours of the picture, (n, 3) RGB, chosen by `method`."""
    found = picture.quantize(count, method=method, dither=Image.Dither.NONE).getpalette()
    return np.asarray(found, dtype=np.uint8)[: count * 3].reshape(-1, 3)


if __name__ == "__main__":
    raise SystemExit(main())
