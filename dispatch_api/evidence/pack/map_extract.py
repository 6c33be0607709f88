"""The place of a case as a drawing: zones, flight path, outline, error; from the store alone, without any tiles."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from shapely import box
from shapely.errors import GEOSException
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from dispatch_api.cases.features import metres_per_degree
from dispatch_api.evidence.pack.facts import CaseFacts

SIDE_PX = 900
_LEAST_HALF_M, _MOST_HALF_M = 120.0, 5_000.0
_NAMED = 14
_FILLS = {"water": "#cfe3f5", "road": "#e9e4da", "street": "#e9e4da", "grid": "none", "building": "#dcd3cb"}
_STEPS_M = (5, 10, 20, 50, 100, 200, 500, 1000, 2000)

Point = tuple[float, float]


def map_svg(facts: CaseFacts, *, lang: str = "zh") -> str:
    """Draw the case's surroundings, north up, as SVG.

    Args:
        facts: The case.
        lang: `zh` or `en`, for the few words on it.
    """
    sheet = _Sheet(facts)
    words = _WORDS[lang]
    parts = [*_zones(facts, sheet), *_paths(facts, sheet), *_thing(facts, sheet), *_frame(sheet, words)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIDE_PX} {SIDE_PX}" width="{SIDE_PX}" '
        f'height="{SIDE_PX}" font-family="sans-serif">\n<rect width="{SIDE_PX}" height="{SIDE_PX}" fill="#f7f7f3"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


_WORDS = {
    "zh": ("北", "飞行轨迹与拍摄点", "计划航线", "95% 误差椭圆", "轮廓"),
    "en": ("N", "track and photos", "planned route", "95 % error ellipse", "outline"),
}


class _Sheet:
    """A square of ground around the case, and where its places lie on the paper."""

    def __init__(self, facts: CaseFacts) -> None:
        place = facts.about["case"]
        self.lon, self.lat = float(place["lon"]), float(place["lat"])
        self.east_m, self.north_m = metres_per_degree(self.lat)
        self.ellipse = place["ellipse_95"]
        self.footprint = [(float(lon), float(lat)) for lon, lat in place["footprint"] or ()]
        reach = [math.hypot(*self.metres(point)) for point in self.footprint]
        wanted = max(8.0 * self.ellipse["major_m"], 4.0 * max(reach, default=0.0), _LEAST_HALF_M)
        self.half_m = min(wanted, _MOST_HALF_M)

    def metres(self, point: Sequence[float]) -> Point:
        return (point[0] - self.lon) * self.east_m, (point[1] - self.lat) * self.north_m

    def on_paper(self, point: Sequence[float]) -> Point:
        east, north = self.metres(point)
        scale = SIDE_PX / (2 * self.half_m)
        return (self.half_m + east) * scale, (self.half_m - north) * scale

    @property
    def ground(self) -> BaseGeometry:
        """A little more than what is shown, in degrees."""
        lon, lat = 1.05 * self.half_m / self.east_m, 1.05 * self.half_m / self.north_m
        ground: BaseGeometry = box(self.lon - lon, self.lat - lat, self.lon + lon, self.lat + lat)
        return ground

    def path(self, points: Iterable[Sequence[float]], *, closed: bool = False) -> str:
        drawn = " L".join(f"{x:.1f},{y:.1f}" for x, y in map(self.on_paper, points))
        return f"M{drawn}{' Z' if closed else ''}"


def _zones(facts: CaseFacts, sheet: _Sheet) -> list[str]:
    areas: list[str] = []
    names: list[str] = []
    beside = 0
    for feature in facts.zones:
        seen = _cut(feature["geometry"], sheet.ground)
        if seen is None:
            continue
        kind = str(feature["properties"].get("kind", ""))
        fill = next((colour for word, colour in _FILLS.items() if word in kind), "#e4efdc")
        for part in getattr(seen, "geoms", [seen]):
            if part.geom_type == "Polygon":
                lines = " ".join(sheet.path(ring.coords, closed=True) for ring in (part.exterior, *part.interiors))
                areas.append(f'<path d="{lines}" fill="{fill}" fill-rule="evenodd" stroke="#9aa59a" stroke-width="1"/>')
            elif part.geom_type == "LineString":
                areas.append(f'<path d="{sheet.path(part.coords)}" fill="none" stroke="#b0a893" stroke-width="3"/>')
        spot = seen.representative_point()
        x, y = sheet.on_paper((spot.x, spot.y))
        if math.hypot(x - SIDE_PX / 2, y - SIDE_PX / 2) < SIDE_PX / 4:
            # What the thing lies in is named at the top, not across the thing.
            x, y, beside = SIDE_PX / 2, 36.0 + 24.0 * beside, beside + 1
        label = escape(str(feature["properties"].get("name") or feature["properties"].get("code") or kind))
        names.append(f'<text x="{x:.0f}" y="{y:.0f}" font-size="19" fill="#445044" text-anchor="middle">{label}</text>')
    return areas + names[:_NAMED]


def _cut(geometry: dict[str, Any], ground: BaseGeometry) -> BaseGeometry | None:
    try:
        whole = shape(geometry)
        seen = whole.intersection(ground) if whole.intersects(ground) else None
    except (GEOSException, ValueError, TypeError, KeyError):
        return None  # a zone that no map can show is no reason to give no evidence
    return None if seen is None or seen.is_empty else seen


def _paths(facts: CaseFacts, sheet: _Sheet) -> list[str]:
    drawn = []
    for row in facts.flights:
        if row.planned_path and len(row.planned_path) > 1:
            drawn.append(
                f'<path d="{sheet.path(row.planned_path)}" fill="none" stroke="#8a63b8" stroke-width="2" '
                'stroke-dasharray="9 6"/>'
            )
        for one in facts.photos[row.flight_id]:
            if one.lon is not None:
                x, y = sheet.on_paper((one.lon, one.lat))
                if 0 <= x <= SIDE_PX and 0 <= y <= SIDE_PX:
                    drawn.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="none" stroke="#2060c0"/>')
        track = [(one.lon, one.lat) for one in facts.positions[row.flight_id]]
        if len(track) > 1:
            drawn.append(f'<path d="{sheet.path(track)}" fill="none" stroke="#2060c0" stroke-width="2.5"/>')
    return drawn


def _thing(facts: CaseFacts, sheet: _Sheet) -> list[str]:
    x, y = sheet.on_paper((sheet.lon, sheet.lat))
    scale = SIDE_PX / (2 * sheet.half_m)
    major, minor = sheet.ellipse["major_m"] * scale, sheet.ellipse["minor_m"] * scale
    turn = sheet.ellipse["azimuth_deg"]
    drawn = []
    if sheet.footprint:
        lines = sheet.path(sheet.footprint, closed=True)
        drawn.append(f'<path d="{lines}" fill="#d03020" fill-opacity="0.25" stroke="#d03020" stroke-width="2"/>')
    return [
        *drawn,
        f'<ellipse cx="{x:.1f}" cy="{y:.1f}" rx="{max(minor, 1):.1f}" ry="{max(major, 1):.1f}" fill="none" '
        f'stroke="#c00000" stroke-width="2.5" transform="rotate({turn:.1f} {x:.1f} {y:.1f})"/>',
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="#c00000"/>',
    ]


def _frame(sheet: _Sheet, words: Sequence[str]) -> list[str]:
    step_m = max((step for step in _STEPS_M if step <= sheet.half_m / 2), default=_STEPS_M[0])
    bar = step_m * SIDE_PX / (2 * sheet.half_m)
    right, low = SIDE_PX - 30, SIDE_PX - 34
    drawn = [
        f'<path d="M{right - bar:.1f},{low} H{right}" stroke="#000" stroke-width="5"/>',
        f'<text x="{right}" y="{low - 12}" font-size="20" text-anchor="end">{step_m} m</text>',
        f'<path d="M{right - 10},70 L{right},28 L{right + 10},70 Z" fill="#000"/>',
        f'<text x="{right}" y="94" font-size="22" text-anchor="middle">{words[0]}</text>',
        f'<rect x="16" y="{SIDE_PX - 138}" width="250" height="122" fill="#fff" fill-opacity="0.85" stroke="#999"/>',
    ]
    marks = ("#2060c0", "#8a63b8", "#c00000", "#d03020")
    for number, (colour, word) in enumerate(zip(marks, words[1:], strict=True)):
        y = SIDE_PX - 114 + 28 * number
        drawn.append(f'<path d="M28,{y - 6} H62" stroke="{colour}" stroke-width="4"/>')
        drawn.append(f'<text x="74" y="{y}" font-size="19">{word}</text>')
    return drawn
