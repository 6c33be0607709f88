"""What every family of telemetry is checked for: no fix, swapped axes, times that do not rise, impossible jumps.

Nothing is repaired in silence: what cannot be used is dropped under a reason, what is used in spite of something is
flagged, and both are counted.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from geo.frames import METRES_PER_DEGREE
from geo.telemetry.entry import Entry

DRONE_M_S = 60.0
"""Faster than this no drone flies."""
UNMANNED_M_S = 150.0
"""Faster than this nothing flies that logs MAVLink."""
AIRCRAFT_M_S = 400.0
"""Faster than this no aircraft with a camera flies."""
# Receivers tell "no fix" as 0, 0, and a filter that starts there adds some noise.
_NULL_ISLAND_DEG = 1e-6
# Positions told with four decimals step by 11 m, and a first fix settles over some more.
_JUMP_SLACK_M = 50.0
_HIGHEST_M = 30_000.0
# What strays from the track in so small a part of it is wrong; in a larger part nobody knows which part is.
_STRAY_SHARE = 0.1
_STRAY_SHARE_BETWEEN = 0.4
_TRACKS_AT_ONCE = 4
_CLOCK_STEP_S = 2.0


@dataclass(kw_only=True)
class Account:
    """Counts of what was met, by reason: changed by each step.

    Attributes:
        dropped: Records that gave no point.
        flags: Records that were used, or whole files, of which a reader should know something.
        first: For each reason, the place in the file of the first record that was dropped.
    """

    dropped: Counter[str] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)

    def drop(self, reason: str, where: str) -> None:
        """Count a record as dropped."""
        self.dropped[reason] += 1
        self.first.setdefault(reason, where)

    @property
    def raised(self) -> dict[str, int]:
        """The flags that were met, with their counts."""
        return {flag: count for flag, count in self.flags.items() if count}

    def problems(self, words: Mapping[str, str]) -> tuple[str, ...]:
        """What `words` say of the flags that were met, in their order; {count} in them stands for how often."""
        return tuple(text.format(count=self.flags[flag]) for flag, text in words.items() if self.flags[flag])

    @property
    def reasons(self) -> str:
        """Why records were dropped, in words, each with the first of them."""
        return ", ".join(
            f"{count} {reason.replace('_', ' ')}" + (f" (first: {self.first[reason]})" if reason in self.first else "")
            for reason, count in self.dropped.items()
            if count
        )


def placed(entries: Iterable[Entry], account: Account) -> list[Entry]:
    """The records that tell a place, axes in order and figures finite; the others are counted."""
    points = []
    for entry in entries:
        reason = _unusable(entry.lon, entry.lat)
        if reason is not None:
            account.drop(reason, entry.where)
            continue
        points.append(_tidied(entry, account))
    return points


def rising(points: Sequence[Entry], account: Account) -> list[Entry]:
    """The points whose times rise strictly: the longest run of them, so that one wrong time drops one point only.

    Of several points at one time the first stays.
    """
    kept: list[tuple[float, Entry]] = []
    for point in points:
        time_s = point.time_s
        if time_s is None or not math.isfinite(time_s):
            account.drop("no_time", point.where)
        elif kept and time_s == kept[-1][0]:
            account.drop("repeated_time", point.where)
        else:
            kept.append((time_s, point))
    times = [time_s for time_s, _ in kept]
    back = [here for here, there in itertools.pairwise(times) if there < here]
    if back:
        steps = [here - there for here, there in itertools.pairwise(times) if there < here]
        account.flags["clock_jumps"] += sum(step > _CLOCK_STEP_S for step in steps)
        run = _rising_from_first(times)
        longest = _longest_rising(times)
        run = run if len(run) >= len(longest) else longest
        seen = {times[index] for index in run}
        for index in sorted(set(range(len(times))) - set(run)):
            account.drop("repeated_time" if times[index] in seen else "backward_time", kept[index][1].where)
        kept = [kept[index] for index in run]
    return [point for _, point in kept]


def from_first(points: Sequence[Entry]) -> tuple[list[Entry], datetime | None]:
    """The points with their times counted from the moment of the first one, and that moment."""
    zero_at = points[0].at if points else None
    if zero_at is None:
        return list(points), None
    return [
        replace(point, time_s=None if point.at is None else (point.at - zero_at).total_seconds()) for point in points
    ], zero_at


def without_strays(points: Sequence[Entry], account: Account, *, fastest_m_s: float = DRONE_M_S) -> list[Entry]:
    """The points without those to which nothing flies and from which nothing comes back.

    Args:
        points: With rising times.
        account: Gets `position_jump` among the dropped, `axes_swapped` where a stray fits once turned, and the flag
            `position_jumps` for jumps of which nobody knows which side is right.
        fastest_m_s: Nothing flies faster.
    """
    tracks = _tracks(points, fastest_m_s)
    if len(tracks) < 2:
        return list(points)
    main = max(tracks, key=len)
    strays: set[int] = set()
    for track in tracks:
        between = main[0] < track[0] and track[-1] < main[-1]
        share = _STRAY_SHARE_BETWEEN if between else _STRAY_SHARE
        if track is not main and len(track) <= share * len(main):
            strays.update(track)
    kept = []
    for index, point in enumerate(points):
        if index not in strays:
            kept.append(point)
            continue
        turned = replace(point, lon=point.lat, lat=point.lon)
        nearest = points[main[min(bisect_left(main, index), len(main) - 1)]]
        if _unusable(turned.lon, turned.lat) is None and reachable(nearest, turned, fastest_m_s):
            account.flags["axes_swapped"] += 1
            kept.append(turned)
        else:
            account.drop("position_jump", point.where)
    jumps = sum(not reachable(here, there, fastest_m_s) for here, there in itertools.pairwise(kept))
    account.flags["position_jumps"] += jumps + account.dropped["position_jump"]
    return kept


def _unusable(lon: float | None, lat: float | None) -> str | None:
    if lon is None or lat is None:
        return "no_position"
    if not (math.isfinite(lon) and math.isfinite(lat)):
        return "not_a_number"
    if abs(lon) <= _NULL_ISLAND_DEG and abs(lat) <= _NULL_ISLAND_DEG:
        return "no_fix"
    if max(abs(lon), abs(lat)) > 180 or min(abs(lon), abs(lat)) > 90:
        return "out_of_range"
    return None


def _tidied(entry: Entry, account: Account) -> Entry:
    """The record with axes in order and without figures that are none."""
    changes: dict[str, float | str | None] = {}
    assert entry.lon is not None
    assert entry.lat is not None
    if abs(entry.lat) > 90 >= abs(entry.lon):
        changes |= {"lon": entry.lat, "lat": entry.lon}
        account.flags["axes_swapped"] += 1
    if entry.alt_m is not None and not abs(entry.alt_m) <= _HIGHEST_M:
        changes |= {"alt_m": None, "alt_datum": None}
        account.flags["altitude_implausible"] += 1
    for name in ("height_above_home_m", "reported_alt_m"):
        value = getattr(entry, name)
        if value is not None and not abs(value) <= _HIGHEST_M:
            changes[name] = None
    for name, most_deg in (("heading_deg", 360.0), ("pitch_deg", 180.0), ("roll_deg", 360.0)):
        value = getattr(entry, name)
        if value is not None and not abs(value) <= most_deg:
            changes[name] = None
            account.flags["angle_implausible"] += 1
    account.flags.update(entry.flags)
    return replace(entry, **changes) if changes else entry  # type: ignore[arg-type]


def _rising_from_first(times: Sequence[float]) -> list[int]:
    """Indices of the times above every one before them."""
    run = [0]
    for index, time_s in enumerate(times):
        if time_s > times[run[-1]]:
            run.append(index)
    return run


def _longest_rising(times: Sequence[float]) -> list[int]:
    """Indices of a longest strictly rising run."""
    tails: list[float] = []
    at: list[int] = []
    before: list[int] = []
    for index, time_s in enumerate(times):
        length = bisect_left(tails, time_s)
        before.append(at[length - 1] if length else -1)
        if length == len(tails):
            tails.append(time_s)
            at.append(index)
        else:
            tails[length] = time_s
            at[length] = index
    run, index = [], at[-1]
    while index >= 0:
        run.append(index)
        index = before[index]
    return run[::-1]


def _tracks(points: Sequence[Entry], fastest_m_s: float) -> list[list[int]]:
    """Indices of the points, parted into tracks along each of which something can fly."""
    longest = [0]
    tracks = [longest] if points else []
    recent = list(tracks)
    for index, point in enumerate(points[1:], start=1):
        home = next((track for track in recent if reachable(points[track[-1]], point, fastest_m_s)), None)
        if home is None:
            home = []
            tracks.append(home)
        home.append(index)
        longest = max(longest, home, key=len)
        if home is not recent[0]:
            others = [track for track in recent if track is not home and track is not longest]
            recent = [home, *(() if home is longest else (longest,)), *others[: _TRACKS_AT_ONCE - 2]]
    return tracks


def reachable(here: Entry, there: Entry, fastest_m_s: float) -> bool:
    """Whether something that fast gets from one screened record to the other in the time between them."""
    assert here.lon is not None
    assert here.lat is not None
    assert there.lon is not None
    assert there.lat is not None
    turn = (there.lon - here.lon + 180.0) % 360.0 - 180.0
    east_m = turn * METRES_PER_DEGREE * math.cos(math.radians((here.lat + there.lat) / 2))
    north_m = (there.lat - here.lat) * METRES_PER_DEGREE
    step_s = abs((there.time_s or 0.0) - (here.time_s or 0.0))
    return math.hypot(east_m, north_m) <= fastest_m_s * step_s + _JUMP_SLACK_M
