"""The report as a page and as paper: the same body, in a frame that needs nothing beside it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from html import escape

from dispatch_api.evidence.pack.pdf import pages
from dispatch_api.evidence.pack.report import ReportWriter, Told
from dispatch_api.evidence.pack.words import WORDS


def report_html(told: Told, *, svg: str, pictures: Mapping[str, bytes], lang: str = "zh") -> bytes:
    """The report as one page that needs nothing beside it; a switch without scripts shows the other language.

    Args:
        told: What it tells.
        svg: The map.
        pictures: JPEG by name.
        lang: The language shown first, `zh` or `en`.
    """

    def image(name: str) -> str:
        if name == "map":
            return f"<figure class='map'>{svg}</figure>"
        data = base64.b64encode(pictures[name]).decode("ascii")
        return f"<img alt='{escape(name)}' src='data:image/jpeg;base64,{data}'/>"

    body = ReportWriter(told, lang=None, image=image, paper=False).body()
    title = escape(f"{WORDS['title'][0 if lang == 'zh' else 1]} {told.about['case']['number']}")
    checked = {one: " checked" if one == lang else "" for one in ("zh", "en")}
    page = (
        f'<!doctype html>\n<html lang="{"zh-CN" if lang == "zh" else "en"}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        "style-src 'unsafe-inline'\">"
        f"<title>{title}</title><style>{_PAGE_CSS}</style></head><body>\n"
        f'<input type="radio" name="l" id="zh"{checked["zh"]}><label for="zh">中文</label>'
        f'<input type="radio" name="l" id="en"{checked["en"]}><label for="en">English</label>\n'
        f"<main>\n{body}\n</main></body></html>\n"
    )
    return page.encode("utf-8")


def report_pdf(told: Told, *, svg: str, pictures: Mapping[str, bytes], lang: str = "zh") -> bytes:
    """The report on A4 pages; every font it needs is inside.

    Args:
        told: What it tells.
        svg: The map.
        pictures: JPEG by name.
        lang: `zh` or `en`.
    """
    names = {name: f"p{number}.jpg" for number, name in enumerate(pictures)}
    widths = {"map": 300}

    def image(name: str) -> str:
        return f"<p><img src='{names.get(name, 'map.png')}' width='{widths.get(name, 340)}'/></p>"

    body = ReportWriter(told, lang=lang, image=image, paper=True).body()
    footer = f"{WORDS['title'][0 if lang == 'zh' else 1]} {told.about['case']['number']}"
    return pages(body, svg=svg, images={names[name]: data for name, data in pictures.items()}, footer=footer)


_PAGE_CSS = """
:root{color-scheme:light}
body{font:15px/1.55 "Noto Sans SC","PingFang SC","Microsoft YaHei",sans-serif;margin:0 auto;max-width:62rem;
padding:1rem;color:#1c2328;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem;border-bottom:2px solid #1d4f80;padding-bottom:.2rem}
h3{font-size:1rem}
table{border-collapse:collapse;width:100%}
th,td{border:1px solid #cfd6db;padding:.3rem .5rem;text-align:left;vertical-align:top}
th{background:#eef2f5;font-weight:600}
.pairs th{width:14rem}td{overflow-wrap:anywhere}code{font-size:.85em}
.wide{overflow-x:auto}.wide table{min-width:44rem}
img{max-width:100%;max-height:34rem;height:auto;border:1px solid #cfd6db;margin:.3rem 0}
.map{margin:0;max-width:34rem}.map svg{width:100%;height:auto;border:1px solid #cfd6db}
.note{color:#52606a}label{margin-right:1rem}
#zh:checked~main .en,#en:checked~main .zh{display:none}
@media(max-width:40rem){.pairs th,.pairs td{display:block;width:auto}.pairs th{border-bottom:0}}
@media print{input,label{display:none}}
"""
