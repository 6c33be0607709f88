"""A text with pictures as PDF; MuPDF brings the Chinese font and puts the letters that are used into the file."""

from __future__ import annotations

import io
from collections.abc import Mapping
from importlib import import_module
from typing import Any

_MARGIN_PT = 42.0
_FOOTER_CSS = "font-family:sans-serif;font-size:8px;color:#666"
_CSS = """
body{font-family:sans-serif;font-size:9px;line-height:1.35}h1{font-size:17px;margin:0 0 8px 0}
h2{font-size:12px;margin:14px 0 4px 0;color:#1d4f80}h3{font-size:10px;margin:10px 0 2px 0}
table{width:100%;border-collapse:collapse}th{color:#1d4f80}th,td{border:0.5px solid #b8c0c6;
padding:2px 4px;text-align:left;font-size:8px}
p{margin:2px 0}.apart{page-break-before:always}.note{color:#52606a}
"""


def pages(body: str, *, svg: str, images: Mapping[str, bytes], footer: str) -> bytes:
    """Lay a text out on A4.

    Args:
        body: HTML; pictures by name.
        svg: The picture `map.png`.
        images: Other pictures, JPEG by name.
        footer: Stands below each page, before its number.

    Returns:
        The PDF, with every font inside.
    """
    # What it tells of its types is only half of them.
    pymupdf: Any = import_module("pymupdf")

    archive = pymupdf.Archive()
    with pymupdf.open("svg", svg.encode("utf-8")) as drawn:
        archive.add((drawn[0].get_pixmap(dpi=110).tobytes("png"), "map.png"))
    for name, data in images.items():
        archive.add((data, name))
    paper = pymupdf.paper_rect("a4")
    room = pymupdf.Rect(_MARGIN_PT, _MARGIN_PT, paper.width - _MARGIN_PT, paper.height - _MARGIN_PT)
    out = io.BytesIO()
    writer = pymupdf.DocumentWriter(out)
    story = pymupdf.Story(html=body, user_css=_CSS, archive=archive)
    more = True
    while more:
        device = writer.begin_page(paper)
        more, _ = story.place(room)
        story.draw(device)
        writer.end_page()
    writer.close()
    with pymupdf.open("pdf", out.getvalue()) as document:
        for number, page in enumerate(document, 1):
            box = pymupdf.Rect(_MARGIN_PT, paper.height - 34, paper.width - _MARGIN_PT, paper.height - 14)
            text = f"{footer} · {number} / {document.page_count}"
            page.insert_htmlbox(box, f"<p style='{_FOOTER_CSS}'>{text}</p>")
        document.subset_fonts()
        document.set_metadata({"title": footer, "producer": "flyonce"})
        return bytes(document.tobytes(garbage=4, deflate=True))
