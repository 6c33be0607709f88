"""Reading DJI's WPML back: as much of it as a mission can say, and in words what it cannot."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from flightplan.errors import InputFileError
from flightplan.files.archive import read_members
from flightplan.files.markup import Element, children, parse_markup, text_of
from flightplan.files.wpml_schema import waylines_problems
from flightplan.mission.items import (
    ONE_PHOTO,
    Home,
    Item,
    PhotosByDistance,
    PhotosOff,
    PointCamera,
    ReturnHome,
    SetSpeed,
    TakeOff,
    Waypoint,
)
from flightplan.mission.limits import FlightLimits
from flightplan.mission.mission import Mission

_REMEDY = "Export the wayline again from DJI Pilot 2 or FlightHub 2"
_WAYLINES, _TEMPLATE = ("wpmz", "waylines.wpml"), ("wpmz", "template.kml")
_UNDERSTOOD = ("takePhoto", "gimbalRotate", "hover")
_ALONG = ("multipleDistance", "multipleTiming")
_MOST_TOLD = 5


@dataclass(frozen=True, kw_only=True)
class FromWpml:
    """A mission out of a KMZ.

    Attributes:
        mission: What it flies.
        lost: What the file says that the mission cannot, a line each.
    """

    mission: Mission
    lost: tuple[str, ...]


def read_wpml(path: Path | str, limits: FlightLimits | None = None, *, home: Home | None = None) -> FromWpml:
    """Reads the one wayline of a KMZ.

    Args:
        path: The KMZ.
        limits: What the mission is held to.
        home: Where the drone stands; without it, the place of take-off that the file refers to.

    Raises:
        InputFileError: The file is none, is broken, holds several waylines, or tells heights that need a place of
            take-off without telling it.
        InvalidMission: The mission breaks `limits`.
    """
    path = Path(path)
    members = read_members(path, lambda name: _ending(name) in (_WAYLINES, _TEMPLATE))
    documents = {_ending(name): parse_markup(path, data, name) for name, data in members.items()}
    if len(documents) < len(members):
        raise _unusable(path, "", "it holds several missions")
    root = documents.get(_WAYLINES)
    if root is None:
        raise _unusable(path, "", "there is no wpmz/waylines.wpml in it")
    reader = _Reader(path, root, documents.get(_TEMPLATE), home)
    return FromWpml(mission=reader.mission(limits or FlightLimits()), lost=tuple(reader.lost()))


class _Reader:
    def __init__(self, path: Path, root: Element, template: Element | None, home: Home | None) -> None:
        self._path = path
        self._root = root
        folders = list(root.iter("Folder"))
        if len(folders) != 1:
            raise InputFileError(
                path=path,
                place="/".join(_WAYLINES),
                problem=f"it holds {len(folders)} waylines, and a mission is one",
                remedy="Export them one by one",
            )
        self._folder = folders[0]
        self._marks = list(children(self._folder, "Placemark"))
        self._home, self._base_m = self._origin(template, home)
        self._groups = [_Group.of(group, self._number) for group in self._root.iter("wpml:actionGroup")]
        self._arrivals: dict[int, list[_Group]] = {}
        self._begin: dict[int, _Group] = {}
        for group in self._groups:
            if group.trigger == "reachPoint":
                self._arrivals.setdefault(group.first, []).append(group)
            elif group.takes_row:
                self._begin.setdefault(group.first, group)
        self._ends = {group.last for group in self._begin.values()}
        self._within = {
            index
            for group in self._begin.values()
            for index in range(group.first + 1, min(group.last, len(self._marks)))
        }

    def mission(self, limits: FlightLimits) -> Mission:
        config = next(self._root.iter("wpml:missionConfig"), self._root)
        speed_m_s = self._number(self._folder, "wpml:autoFlightSpeed", "Folder")
        items: list[Item] = [
            TakeOff(alt_home_m=self._number(config, "wpml:takeOffSecurityHeight", "missionConfig")),
            SetSpeed(speed_m_s=speed_m_s),
        ]
        pitch = next((group.pitch_deg for group in self._start_groups() if group.pitch_deg is not None), None)
        if pitch is not None:
            items.append(PointCamera(pitch_deg=pitch))
        for index, mark in enumerate(self._marks):
            place = f"Placemark[{index}]"
            if text_of(mark, "wpml:index") != str(index):
                raise _unusable(self._path, place, f"its number is not {index}")
            here = self._arrivals.get(index, [])
            waypoint = self._waypoint(place, mark)
            items.append(replace(waypoint, hold_s=math.fsum(group.hold_s for group in here)))
            own_m_s = self._number(mark, "wpml:waypointSpeed", place, speed_m_s)
            if own_m_s != speed_m_s:
                items.append(SetSpeed(speed_m_s=own_m_s))
                speed_m_s = own_m_s
            for group in here:
                if group.pitch_deg is not None and group.pitch_deg != pitch:
                    items.append(PointCamera(pitch_deg=group.pitch_deg))
                    pitch = group.pitch_deg
            items += self._photos(index, speed_m_s, at_once=any(group.photos for group in here))
        items.append(ReturnHome())
        return Mission(name=self._path.stem, home=self._home, items=tuple(items), limits=limits)

    def lost(self) -> Iterator[str]:
        """In words, what is not in the mission."""
        yield from itertools.islice(waylines_problems(self._root), _MOST_TOLD)
        modes = {
            text_of(heading, "wpml:waypointHeadingMode") for heading in self._root.iter("wpml:waypointHeadingParam")
        }
        for mode in sorted(str(mode) for mode in modes - {"followWayline", None}):
            yield f"heading {mode:.40}: the drone looks where it flies"
        functions = [text_of(action, "wpml:actionActuatorFunc") for action in self._root.iter("wpml:action")]
        for function in sorted({str(one) for one in functions} - set(_UNDERSTOOD)):
            yield f"action {function:.40}"
        more = sum(group.photos > 0 for index in self._within for group in self._arrivals.get(index, []))
        if more:
            yield f"{more} photos besides those by distance"
        if any(group.trigger == "multipleTiming" for group in self._begin.values()):
            yield "photos by time: they are taken by the distance flown in that time"
        for trigger in sorted({group.trigger for group in self._groups if not group.takes_row} - {"reachPoint"}):
            yield f"actions on {trigger:.40}"
        config = next(self._root.iter("wpml:missionConfig"), self._root)
        if text_of(config, "wpml:finishAction") != "goHome":
            yield f"what it does at the end ({text_of(config, 'wpml:finishAction')!s:.40}): it returns home"

    def _photos(self, index: int, speed_m_s: float, *, at_once: bool) -> Iterator[Item]:
        begins = self._begin.get(index)
        if begins is not None:
            by_time = begins.trigger == "multipleTiming"
            distance_m = begins.parameter * (speed_m_s if by_time else 1.0)
            yield PhotosByDistance(distance_m=distance_m, at_once=at_once)
            return
        if index in self._ends:
            yield PhotosOff()
        if at_once and index not in self._within:
            yield from ONE_PHOTO

    def _start_groups(self) -> Iterator[_Group]:
        return (_Group.of(group, self._number) for group in children(self._folder, "wpml:startActionGroup"))

    def _waypoint(self, place: str, mark: Element) -> Waypoint:
        point = next(children(mark, "Point"), mark)
        lon, lat = self._numbers(text_of(point, "coordinates"), (2, 3), place)[:2]
        height_m = self._number(mark, "wpml:executeHeight", place) - self._base_m
        return Waypoint(lon=lon, lat=lat, alt_m=height_m)

    def _origin(self, template: Element | None, home: Home | None) -> tuple[Home, float]:
        """Home, and what has to be taken off the file's heights."""
        told = None if template is None else next(template.iter("wpml:missionConfig"), None)
        point = None if told is None else text_of(told, "wpml:takeOffRefPoint")
        mode = text_of(self._folder, "wpml:executeHeightMode")
        if mode not in ("relativeToStartPoint", "WGS84"):
            raise _unusable(self._path, "Folder", f"its heights are of the kind {mode!s:.40}")
        if mode == "WGS84" and home is not None:
            # They are heights over the place that the file tells; another one's ground is higher or lower.
            raise InputFileError(
                path=self._path,
                place="Folder",
                problem="its heights are above the ellipsoid, and measured from its own place of take-off",
                remedy="Leave out --home, or export it with heights above the take-off",
            )
        if point is None and (home is None or mode == "WGS84"):
            raise InputFileError(
                path=self._path,
                place="/".join(_TEMPLATE),
                problem="it does not tell the place of take-off (takeOffRefPoint)",
                remedy="Give it with --home" if mode != "WGS84" else "Export it with heights above the take-off",
            )
        base_m = 0.0
        if point is not None:
            assert told is not None
            lat, lon, ellipsoid_m = self._numbers(point, (3,), "takeOffRefPoint")
            base_m = ellipsoid_m if mode == "WGS84" else 0.0
            msl_m = self._number(told, "wpml:takeOffRefPointAGLHeight", "missionConfig", 0.0)
            home = home or Home(lon=lon, lat=lat, alt_msl_m=msl_m)
        assert home is not None
        return home, base_m

    def _number(self, parent: Element, name: str, place: str, default: float | None = None) -> float:
        text = text_of(parent, name)
        if text is None and default is not None:
            return default
        return self._numbers(text, (1,), f"{place} > {name}")[0]

    def _numbers(self, text: str | None, counts: tuple[int, ...], place: str) -> list[float]:
        try:
            values = [float(part) for part in (text or "").split(",")]
        except ValueError as error:
            raise _unusable(self._path, place, f"{text!r:.60} is no number") from error
        if len(values) not in counts or not all(math.isfinite(value) and abs(value) < 1e15 for value in values):
            raise _unusable(self._path, place, f"{text!r:.60} is not what belongs there")
        return values


@dataclass(frozen=True, kw_only=True)
class _Group:
    """An action group, as far as it is understood; `last` is never before `first`."""

    first: int
    last: int
    trigger: str
    parameter: float
    pitch_deg: float | None
    hold_s: float
    photos: int

    @property
    def takes_row(self) -> bool:
        """Whether it takes photos along a stretch."""
        return self.trigger in _ALONG and self.photos > 0 and self.last > self.first

    @classmethod
    def of(cls, group: Element, number: Callable[..., float]) -> _Group:
        trigger = next(children(group, "wpml:actionTrigger"), group)
        pitch_deg, hold_s, photos = None, 0.0, 0
        for action in children(group, "wpml:action"):
            parameters = next(children(action, "wpml:actionActuatorFuncParam"), action)
            match text_of(action, "wpml:actionActuatorFunc"):
                case "takePhoto":
                    photos += 1
                case "hover":
                    hold_s += number(parameters, "wpml:hoverTime", "hover")
                case "gimbalRotate" if text_of(parameters, "wpml:gimbalPitchRotateEnable") == "1":
                    pitch_deg = number(parameters, "wpml:gimbalPitchRotateAngle", "gimbalRotate")
        first = number(group, "wpml:actionGroupStartIndex", "actionGroup", 0.0)
        return cls(
            first=int(first),
            last=int(max(first, number(group, "wpml:actionGroupEndIndex", "actionGroup", first))),
            trigger=text_of(trigger, "wpml:actionTriggerType") or "reachPoint",
            parameter=number(trigger, "wpml:actionTriggerParam", "actionTrigger", 0.0),
            pitch_deg=pitch_deg,
            hold_s=hold_s,
            photos=photos,
        )


def _ending(name: str) -> tuple[str, ...]:
    return tuple(name.replace("\\", "/").split("/")[-2:])


def _unusable(path: Path, place: str, problem: str) -> InputFileError:
    return InputFileError(path=path, place=place, problem=problem, remedy=_REMEDY)
