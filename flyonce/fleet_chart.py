"""A fleet's schedule as a chart of bars: a PNG to send, and a page to look at, one line per drone."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from PIL import Image, ImageDraw

from flightplan.fleet.plan import FleetPlan
from flightplan.fleet.schedule import Departure, Schedule
from vision.drawing import Language, cjk_font, letters

_PAPER, _INK, _FAINT, _GRID = "#fafaf7", "#222831", "#5a6069", "#d9dbd6"
# By turns, so that two flights on end are told apart; also by eyes that see no red or green.
_BARS = ("#266a8c", "#7fb3c8")
_SHUT = "#e9eae5"
_LINE_PX, _BAR_PX, _TITLE_PX, _HEAD_PX, _NAMES_PX, _RIGHT_PX = 22, 14, 84, 36, 150, 30
_PX_PER_HOUR, _MOST_PX, _LEAST_PX = 60.0, 6_000, 900

_WORDS = {
    "zh": {
        "title": "机队飞行计划",
        "sums": "{docks} 架无人机 · {flights} 架次 · {days} 天 · 首飞 {first} · 末次降落 {last}",
        "least": "最忙的 {name} 共 {hours:.1f} 小时(夜间不计):航线 {over_rows:.1f}、往返与转弯 "
        "{on_the_way_and_turning:.1f}、升降 {climbing_and_landing:.1f}、充电 {charging:.1f};分配下界 {least:.1f} 小时",
        "day": "{0:%m-%d}",
        "drone": "无人机",
        "share": "忙碌",
        "shut": "此时不飞(时段或禁飞时间)",
        "flight": "{name} 第 {number} 架次:{off:%m-%d %H:%M} 起飞,{on:%H:%M} 降落,{minutes:.0f} 分钟,{rows} 条航线",
    },
    "en": {
        "title": "The fleet's flights",
        "sums": "{docks} drones · {flights} flights · {days} days · first take-off {first} · last landing {last}",
        "least": "busiest: {name}, {hours:.1f} h without nights (rows {over_rows:.1f}, ways and turns "
        "{on_the_way_and_turning:.1f}, up and down {climbing_and_landing:.1f}, charging {charging:.1f}); "
        "bound of sharing out {least:.1f} h",
        "day": "{0:%d %b}",
        "drone": "drone",
        "share": "busy",
        "shut": "nobody flies: outside the hours, or a curfew",
        "flight": "{name} flight {number}: up {off:%d %b %H:%M}, down {on:%H:%M}, {minutes:.0f} min, {rows} rows",
    },
}


@dataclass(frozen=True, kw_only=True)
class FleetChart:
    """The chart of a plan with its times.

    Attributes:
        plan: Drones and flights.
        schedule: When they fly; at least one flight.
        lang: Of all words; in the PNG, Chinese falls back to English where the machine has no Chinese font.
    """

    plan: FleetPlan
    schedule: Schedule
    lang: Language = "zh"

    def __post_init__(self) -> None:
        if not self.schedule.departures:
            raise ValueError("there is nothing to draw: nobody flies")

    def png(self) -> Image.Image:
        """The chart as a picture."""
        font = cjk_font() if self.lang == "zh" else None
        said = _WORDS["zh" if font else "en"]
        width, height = self._size_wh_px
        picture = Image.new("RGB", (width, height + _TITLE_PX), _PAPER)
        pen = ImageDraw.Draw(picture)
        for size, top, text in ((24, 10, said["title"]), (14, 44, self._sums(said)), (14, 62, self._least(said))):
            pen.text((14, top), text, font=letters(font, size), fill=_INK if size > 20 else _FAINT)
        foot = _TITLE_PX + height
        for left, right in self._shut():
            pen.rectangle((left, _TITLE_PX + _HEAD_PX, right, foot), fill=_SHUT)
        for x, day, clock in self._ticks(said):
            pen.line((x, _TITLE_PX + _HEAD_PX, x, foot), fill=_INK if day else _GRID)
            pen.text((x + 2, _TITLE_PX + 18), clock, font=letters(font, 11), fill=_FAINT)
            pen.text((x + 2, _TITLE_PX + 2), day, font=letters(font, 12), fill=_INK)
        for line, (name, share) in enumerate(self._lines()):
            top = _TITLE_PX + _HEAD_PX + line * _LINE_PX + 3
            pen.text((14, top), name, font=letters(font, 12), fill=_INK)
            pen.text((_NAMES_PX - 8, top), share, font=letters(font, 12), fill=_FAINT, anchor="ra")
        for _, _, (left, top, right, bottom), colour in self._bars():
            pen.rectangle((left, _TITLE_PX + top, max(right, left + 1), _TITLE_PX + bottom), fill=colour)
        return picture

    def page(self) -> str:
        """The chart as an HTML page of its own: nothing is loaded from elsewhere.

        Names and clock stay in sight while the flights are scrolled.
        """
        said = _WORDS[self.lang]
        width, height = self._size_wh_px
        rows = height - _HEAD_PX
        return "\n".join(
            [
                f'<!doctype html><html lang="{"zh-CN" if self.lang == "zh" else "en"}"><meta charset="utf-8">',
                f'<meta name="viewport" content="width=device-width"><title>{html.escape(said["title"])}</title>',
                f"<style>body{{margin:0;height:100dvh;display:flex;flex-direction:column;background:{_PAPER};"
                f"color:{_INK};font:14px system-ui,sans-serif}}",
                "header{padding:12px 14px}h1{font-size:22px;margin:0 0 4px}p{margin:2px 0}svg{display:block}",
                f".chart{{flex:1;overflow:auto;display:grid;align-content:start;"
                f"grid-template-columns:{_NAMES_PX}px {width - _NAMES_PX}px}}",
                f".clock{{position:sticky;top:0}}.names{{position:sticky;left:0}}"
                f".clock,.names{{background:{_PAPER};z-index:1}}.corner{{left:0;z-index:2}}"
                "rect.flight:hover{stroke:#d64541;stroke-width:2}</style>",
                f"<header><h1>{html.escape(said['title'])}</h1><p>{html.escape(self._sums(said))}</p>",
                f"<p>{html.escape(self._least(said))}</p></header>",
                f'<div class="chart" tabindex="0"><div class="clock corner">{_svg(0, 0, _NAMES_PX, _HEAD_PX)}',
                f'<text x="14" y="28">{html.escape(said["drone"])}</text>',
                f'<text x="{_NAMES_PX - 8}" y="28" text-anchor="end">{html.escape(said["share"])}</text></svg></div>',
                f'<div class="clock">{_svg(_NAMES_PX, 0, width - _NAMES_PX, _HEAD_PX)}',
                *self._clock(said),
                f'</svg></div><div class="names">{_svg(0, _HEAD_PX, _NAMES_PX, rows)}',
                *self._names(),
                f"</svg></div>{_svg(_NAMES_PX, _HEAD_PX, width - _NAMES_PX, rows)}",
                *self._flights(said),
                "</svg></div></html>\n",
            ]
        )

    def _clock(self, said: dict[str, str]) -> Iterator[str]:
        for x, day, clock in self._ticks(said):
            yield f'<text x="{x + 2:.1f}" y="29" fill="{_FAINT}" font-size="11">{clock}</text>'
            if day:
                yield f'<text x="{x + 2:.1f}" y="14">{html.escape(day)}</text>'

    def _names(self) -> Iterator[str]:
        for line, (name, share) in enumerate(self._lines()):
            top = _HEAD_PX + line * _LINE_PX + 15
            yield f'<text x="14" y="{top}">{html.escape(name)}</text>'
            yield f'<text x="{_NAMES_PX - 8}" y="{top}" text-anchor="end" fill="{_FAINT}">{share}</text>'

    def _flights(self, said: dict[str, str]) -> Iterator[str]:
        height = self._size_wh_px[1]
        for left, right in self._shut():
            yield (
                f'<rect x="{left:.1f}" y="{_HEAD_PX}" width="{right - left:.1f}" height="{height - _HEAD_PX}" '
                f'fill="{_SHUT}"><title>{html.escape(said["shut"])}</title></rect>'
            )
        for x, day, _ in self._ticks(said):
            yield f'<path d="M{x:.1f} {_HEAD_PX}V{height}" stroke="{_INK if day else _GRID}"/>'
        for departure, number, (left, top, right, bottom), colour in self._bars():
            words = said["flight"].format(
                name=self.plan.stations[departure.station].name,
                number=number,
                off=departure.takes_off_at,
                on=departure.lands_at,
                minutes=departure.flight.seconds / 60,
                rows=len(departure.flight.runs_uv),
            )
            yield (
                f'<rect class="flight" x="{left:.1f}" y="{top}" width="{max(right - left, 1):.1f}" '
                f'height="{bottom - top}" fill="{colour}"><title>{html.escape(words)}</title></rect>'
            )

    def _lines(self) -> Iterator[tuple[str, str]]:
        """Each drone's name, and how long it is busy, as a share of the busiest one's time."""
        most_s = max(self.plan.seconds, 1e-9)
        for station, tour in zip(self.plan.stations, self.plan.tours, strict=True):
            yield station.name[:16], f"{tour.seconds / most_s:.0%}"

    def _shut(self) -> Iterator[tuple[float, float]]:
        """From where to where nobody may fly."""
        opened = [stretch for stretch in self.schedule.windows if stretch[1] > self._begins and stretch[0] < self._ends]
        edges = [self._begins, *(edge for stretch in opened for edge in stretch), self._ends]
        for shut, free in zip(edges[::2], edges[1::2], strict=True):
            if opened and free > shut:
                yield self._x(shut), self._x(free)

    @cached_property
    def _begins(self) -> datetime:
        return self.schedule.departures[0].takes_off_at.replace(minute=0, second=0, microsecond=0)

    @cached_property
    def _ends(self) -> datetime:
        return max(departure.lands_at for departure in self.schedule.departures)

    @cached_property
    def _px_per_hour(self) -> float:
        hours = (self._ends - self._begins).total_seconds() / 3_600
        return min(max(_PX_PER_HOUR, _LEAST_PX / hours), _MOST_PX / hours)

    @property
    def _size_wh_px(self) -> tuple[int, int]:
        width = _NAMES_PX + int(self._x(self._ends) - _NAMES_PX) + _RIGHT_PX
        return width, _HEAD_PX + _LINE_PX * len(self.plan.stations)

    def _x(self, at: datetime) -> float:
        return _NAMES_PX + (at - self._begins).total_seconds() / 3_600 * self._px_per_hour

    def _ticks(self, said: dict[str, str]) -> Iterator[tuple[float, str, str]]:
        """Left edge, day where one begins, and clock of every hour that there is room for."""
        step = next(hours for hours in (1, 2, 3, 6, 12, 24) if hours * self._px_per_hour >= 38 or hours == 24)
        at, day = self._begins, None
        while at <= self._ends:
            if day != at.date() or at.hour % step == 0:
                yield self._x(at), said["day"].format(at) if day != at.date() else "", f"{at:%H:%M}"
            day = at.date()
            at += timedelta(hours=1)

    def _bars(self) -> Iterator[tuple[Departure, int, tuple[float, int, float, int], str]]:
        flown: dict[int, int] = {}
        for departure in self.schedule.departures:
            number = flown[departure.station] = flown.get(departure.station, 0) + 1
            top = _HEAD_PX + departure.station * _LINE_PX + (_LINE_PX - _BAR_PX) // 2
            box = self._x(departure.takes_off_at), top, self._x(departure.lands_at), top + _BAR_PX
            yield departure, number, box, _BARS[number % 2]

    def _sums(self, said: dict[str, str]) -> str:
        return said["sums"].format(
            docks=len(self.plan.stations),
            flights=self.plan.flights,
            days=self.schedule.days,
            first=f"{self.schedule.departures[0].takes_off_at:%Y-%m-%d %H:%M}",
            last=f"{self._ends:%Y-%m-%d %H:%M}",
        )

    def _least(self, said: dict[str, str]) -> str:
        busiest = max(range(len(self.plan.tours)), key=lambda number: self.plan.tours[number].seconds)
        return said["least"].format(
            name=self.plan.stations[busiest].name,
            hours=self.plan.seconds / 3_600,
            least=self.plan.least_s / 3_600,
            **{name: seconds / 3_600 for name, seconds in self.plan.time_of(busiest).items()},
        )


def _svg(left: int, top: int, width: int, height: int) -> str:
    """The opening of a part of the chart."""
    return (
        f'<svg width="{width}" height="{height}" viewBox="{left} {top} {width} {height}" font-size="12" '
        'font-family="system-ui,sans-serif">'
    )
