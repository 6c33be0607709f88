"""DJI's WPML, the KMZ that docks fly: template.kml for people's tools and waylines.wpml for the drone."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from flightplan.errors import CannotPlan
from flightplan.files.archive import write_members
from flightplan.files.markup import Element, child, parse_markup, written
from flightplan.files.wpml_model import Stop, Wayline, WpmlOptions, begun_as_docks_do, wayline_of
from flightplan.files.wpml_schema import template_problems, waylines_problems
from flightplan.mission.mission import Mission

TEMPLATE, WAYLINES = "wpmz/template.kml", "wpmz/waylines.wpml"
_SPACES = {"xmlns": "http://www.opengis.net/kml/2.2", "xmlns:wpml": "http://www.dji.com/wpmz/1.0.2"}
# Straight to each point and a stop there: what is flown is what was planned, row ends included.
_TURN_MODE = "toPointAndStopWithDiscontinuityCurvature"


def write_wpml(
    path: Path | str, mission: Mission, options: WpmlOptions | None = None, *, made_at: datetime | None = None
) -> tuple[str, ...]:
    """Writes the KMZ, checked against what DJI's documents ask for.

    Args:
        path: Where.
        mission: What to fly.
        options: Drone, lenses, what happens when the link is lost.
        made_at: Aware; stands in the file where it is given.

    Returns:
        What of the mission the format cannot tell, in words; it must be set elsewhere.

    Raises:
        CannotPlan: A dock's drone cannot fly this mission.
        InvalidMission: It would break a limit by the way in which docks' drones begin.
    """
    template, waylines, lost = wpml_texts(mission, options, made_at=made_at)
    write_members(Path(path), [(TEMPLATE, template), (WAYLINES, waylines)])
    return lost


def wpml_texts(
    mission: Mission, options: WpmlOptions | None = None, *, made_at: datetime | None = None
) -> tuple[str, str, tuple[str, ...]]:
    """template.kml, waylines.wpml, and what they cannot tell.

    Raises:
        CannotPlan: As `write_wpml`.
        InvalidMission: As `write_wpml`.
    """
    mission = begun_as_docks_do(mission)
    if options is not None and options.geoid_m is not None and mission.home.alt_msl_m == 0.0:
        # Who does not know home's height has 0; heights above the ellipsoid would be too low by all of it.
        raise CannotPlan(
            problem="home's height above the sea is not known, and heights above the ellipsoid need it",
            remedy="Plan with --terrain, or leave out --geoid-m",
        )
    wayline = wayline_of(mission)
    writer = _Writer(mission, wayline, options or WpmlOptions())
    template, waylines = written(writer.template(made_at)), written(writer.waylines())
    for name, text, problems_of in ((TEMPLATE, template, template_problems), (WAYLINES, waylines, waylines_problems)):
        problems = list(problems_of(parse_markup(Path(name), text.encode())))
        if problems:
            raise CannotPlan(
                problem=f"{name} would not be what DJI's documents ask for: {problems[0]}",
                remedy="Change the mission there",
            )
    return template, waylines, wayline.lost


class _Writer:
    """Both documents of one mission."""

    def __init__(self, mission: Mission, wayline: Wayline, options: WpmlOptions) -> None:
        self._mission = mission
        self._wayline = wayline
        self._options = options
        home = mission.home
        # Ellipsoid heights are above home's; others above home.
        self._base_m = 0.0 if options.geoid_m is None else home.alt_msl_m + options.geoid_m

    def template(self, made_at: datetime | None) -> Element:
        root = Element("kml", _SPACES)
        document = child(root, "Document")
        child(document, "wpml:author", "flyonce")
        if made_at is not None:
            for name in ("wpml:createTime", "wpml:updateTime"):
                child(document, name, round(made_at.timestamp() * 1_000))
        self._mission_config(document, with_home=True)
        folder = child(document, "Folder")
        child(folder, "wpml:templateType", "waypoint")
        child(folder, "wpml:templateId", 0)
        system = child(folder, "wpml:waylineCoordinateSysParam")
        child(system, "wpml:coordinateMode", "WGS84")
        child(system, "wpml:heightMode", "relativeToStartPoint" if self._options.geoid_m is None else "EGM96")
        child(system, "wpml:positioningType", "GPS")
        child(folder, "wpml:autoFlightSpeed", _number(self._wayline.speed_m_s))
        child(folder, "wpml:gimbalPitchMode", "usePointSetting")
        child(folder, "wpml:globalHeight", _number(self._wayline.stops[0].height_m))
        _heading(child(folder, "wpml:globalWaypointHeadingParam"))
        child(folder, "wpml:globalWaypointTurnMode", _TURN_MODE)
        child(folder, "wpml:globalUseStraightLine", 1)
        groups = _Groups(self._wayline, self._options)
        for index, stop in enumerate(self._wayline.stops):
            mark = _placemark(folder, index, stop)
            self._template_heights(mark, stop)
            child(mark, "wpml:useGlobalSpeed", 0)
            child(mark, "wpml:waypointSpeed", _number(stop.speed_m_s))
            child(mark, "wpml:useGlobalHeadingParam", 1)
            child(mark, "wpml:useGlobalTurnParam", 1)
            child(mark, "wpml:gimbalPitchAngle", _number(stop.pitch_deg))
            groups.write(mark, index, stop)
        camera = child(folder, "wpml:payloadParam")
        child(camera, "wpml:payloadPositionIndex", 0)
        child(camera, "wpml:imageFormat", self._options.lens_index)
        return root

    def waylines(self) -> Element:
        root = Element("kml", _SPACES)
        document = child(root, "Document")
        self._mission_config(document, with_home=False)
        folder = child(document, "Folder")
        child(folder, "wpml:templateId", 0)
        child(folder, "wpml:executeHeightMode", "relativeToStartPoint" if self._options.geoid_m is None else "WGS84")
        child(folder, "wpml:waylineId", 0)
        child(folder, "wpml:autoFlightSpeed", _number(self._wayline.speed_m_s))
        if self._wayline.pitch_deg is not None:
            # Done again where an interrupted flight is taken up, before anything else.
            _gimbal(child(child(folder, "wpml:startActionGroup"), "wpml:action"), 0, self._wayline.pitch_deg)
        groups = _Groups(self._wayline, self._options)
        for index, stop in enumerate(self._wayline.stops):
            mark = _placemark(folder, index, stop)
            child(mark, "wpml:executeHeight", _number(self._base_m + stop.height_m))
            child(mark, "wpml:waypointSpeed", _number(stop.speed_m_s))
            _heading(child(mark, "wpml:waypointHeadingParam"))
            turn = child(mark, "wpml:waypointTurnParam")
            child(turn, "wpml:waypointTurnMode", _TURN_MODE)
            child(turn, "wpml:waypointTurnDampingDist", 0)
            child(mark, "wpml:useStraightLine", 1)
            groups.write(mark, index, stop)
        return root

    def _mission_config(self, document: Element, *, with_home: bool) -> None:
        config = child(document, "wpml:missionConfig")
        child(config, "wpml:flyToWaylineMode", "safely")
        child(config, "wpml:finishAction", "goHome")
        goes_on = self._options.on_link_lost == "goContinue"
        child(config, "wpml:exitOnRCLost", "goContinue" if goes_on else "executeLostAction")
        if not goes_on:
            child(config, "wpml:executeRCLostAction", self._options.on_link_lost)
        child(config, "wpml:takeOffSecurityHeight", _number(self._wayline.take_off_m))
        if with_home:
            # As everywhere in DJI's places of interest and take-off, latitude first.
            home = self._mission.home
            height_m = home.alt_msl_m + (self._options.geoid_m or 0.0)
            child(config, "wpml:takeOffRefPoint", f"{home.lat:.9f},{home.lon:.9f},{height_m:.3f}")
            child(config, "wpml:takeOffRefPointAGLHeight", _number(home.alt_msl_m))
        child(config, "wpml:globalTransitionalSpeed", _number(self._wayline.speed_m_s))
        rth_m = self._options.rth_height_m
        child(config, "wpml:globalRTHHeight", _number(self._wayline.highest_m if rth_m is None else rth_m))
        drone = self._options.drone
        info = child(config, "wpml:droneInfo")
        child(info, "wpml:droneEnumValue", drone.drone[0])
        child(info, "wpml:droneSubEnumValue", drone.drone[1])
        camera = child(config, "wpml:payloadInfo")
        child(camera, "wpml:payloadEnumValue", drone.payload)
        child(camera, "wpml:payloadPositionIndex", 0)
        if drone.reroutes:
            # Off: a drone that leaves the path leaves the place that was checked for it.
            around = child(config, "wpml:autoRerouteInfo")
            child(around, "wpml:missionAutoRerouteMode", 0)
            child(around, "wpml:transitionalAutoRerouteMode", 0)

    def _template_heights(self, mark: Element, stop: Stop) -> None:
        geoid_m = self._options.geoid_m
        child(mark, "wpml:useGlobalHeight", 0)
        child(mark, "wpml:ellipsoidHeight", _number(self._base_m + stop.height_m))
        child(mark, "wpml:height", _number(self._base_m + stop.height_m - (geoid_m or 0.0)))


class _Groups:
    """Action groups, numbered through the file."""

    def __init__(self, wayline: Wayline, options: WpmlOptions) -> None:
        self._begin = {stretch.first: stretch for stretch in wayline.stretches}
        self._options = options
        self._number = 0

    def write(self, mark: Element, index: int, stop: Stop) -> None:
        if stop.turns_camera or stop.hold_s > 0 or stop.photo:
            group = self._group(mark, index, index, "reachPoint")
            self._on_arrival(group, index, stop)
        stretch = self._begin.get(index)
        if stretch is not None:
            group = self._group(mark, stretch.first, stretch.last, "multipleDistance", stretch.distance_m)
            self._photo(child(group, "wpml:action"), 0, f"row{index}")

    def _on_arrival(self, group: Element, index: int, stop: Stop) -> None:
        number = 0
        if stop.turns_camera:
            _gimbal(child(group, "wpml:action"), number, stop.pitch_deg)
            number += 1
        if stop.hold_s > 0:
            hover = _action(child(group, "wpml:action"), number, "hover")
            child(hover, "wpml:hoverTime", _number(stop.hold_s))
            number += 1
        if stop.photo:
            self._photo(child(group, "wpml:action"), number, f"point{index}")

    def _group(self, mark: Element, first: int, last: int, trigger: str, parameter: float | None = None) -> Element:
        group = child(mark, "wpml:actionGroup")
        child(group, "wpml:actionGroupId", self._number)
        self._number += 1
        child(group, "wpml:actionGroupStartIndex", first)
        child(group, "wpml:actionGroupEndIndex", last)
        child(group, "wpml:actionGroupMode", "sequence")
        pulled = child(group, "wpml:actionTrigger")
        child(pulled, "wpml:actionTriggerType", trigger)
        if parameter is not None:
            child(pulled, "wpml:actionTriggerParam", _number(parameter))
        return group

    def _photo(self, action: Element, number: int, suffix: str) -> None:
        photo = _action(action, number, "takePhoto")
        child(photo, "wpml:fileSuffix", suffix)
        child(photo, "wpml:payloadPositionIndex", 0)
        child(photo, "wpml:payloadLensIndex", self._options.lens_index)
        child(photo, "wpml:useGlobalPayloadLensIndex", 0)


def _placemark(folder: Element, index: int, stop: Stop) -> Element:
    mark = child(folder, "Placemark")
    child(child(mark, "Point"), "coordinates", f"{stop.lon:.9f},{stop.lat:.9f}")
    child(mark, "wpml:index", index)
    return mark


def _heading(heading: Element) -> None:
    child(heading, "wpml:waypointHeadingMode", "followWayline")
    child(heading, "wpml:waypointHeadingAngle", 0)
    child(heading, "wpml:waypointHeadingPathMode", "followBadArc")


def _action(action: Element, number: int, function: str) -> Element:
    child(action, "wpml:actionId", number)
    child(action, "wpml:actionActuatorFunc", function)
    return child(action, "wpml:actionActuatorFuncParam")


def _gimbal(action: Element, number: int, pitch_deg: float) -> None:
    turned = _action(action, number, "gimbalRotate")
    for name, value in (
        ("gimbalHeadingYawBase", "north"),
        ("gimbalRotateMode", "absoluteAngle"),
        ("gimbalPitchRotateEnable", 1),
        ("gimbalPitchRotateAngle", _number(pitch_deg)),
        ("gimbalRollRotateEnable", 0),
        ("gimbalRollRotateAngle", 0),
        ("gimbalYawRotateEnable", 0),
        ("gimbalYawRotateAngle", 0),
        ("gimbalRotateTimeEnable", 0),
        ("gimbalRotateTime", 0),
        ("payloadPositionIndex", 0),
    ):
        child(turned, f"wpml:{name}", value)


def _number(value: float) -> str:
    """Millimetres and thousandths are finer than anything that flies."""
    return f"{value:.3f}".rstrip("0").rstrip(".")
