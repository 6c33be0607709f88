"""What DJI's documents ask of WPML files, as tables; no more than that, for DJI gives no validator.

Written after the pages "template.kml", "waylines.wpml" and "Common Elements" of DJI's Cloud API documentation, as of
February to June 2025, for what is flown here: waypoint templates of the M30 and M3D families in docks. The pages tell
names, types, ranges and what depends on what. They tell nothing of the order of elements, which is not checked, nor of
what firmware does beyond them: a file without findings may still be refused by a dock.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from flightplan.files.markup import Element, children, text_of

LEAST_DOCK_TAKE_OFF_M = 8.0
MOST_HEIGHT_M = 1_500.0
SPEED_M_S = (1.0, 15.0)
_MOST_ID = 65_535.0
_LENSES = ("wide", "zoom", "ir", "narrow_band", "visable")


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One child that an element may have.

    Attributes:
        check: Says what is wrong with its text; None for elements that only hold others.
        least: How often it must be there.
        most: How often it may be there.
    """

    check: Callable[[str], str | None] | None = None
    least: int = 1
    most: int = 1


def _number(low: float = -math.inf, high: float = math.inf, *, whole: bool = False) -> Callable[[str], str | None]:
    def check(text: str) -> str | None:
        try:
            value = float(text)
        except ValueError:
            return f"{text!r:.40} is no number"
        if not math.isfinite(value) or (whole and value != int(value)):
            return f"{text:.40} is no {'whole' if whole else 'finite'} number"
        return None if low <= value <= high else f"{value:g} is not within {low:g} to {high:g}"

    return check


def _above_zero(text: str) -> str | None:
    return _number()(text) or (None if float(text) > 0 else f"{text} is not above 0")


def _one_of(*names: str) -> Callable[[str], str | None]:
    def check(text: str) -> str | None:
        return None if text in names else f"{text!r:.40} is none of {', '.join(names)}"

    return check


def _some_of(*names: str) -> Callable[[str], str | None]:
    def check(text: str) -> str | None:
        unknown = [one for one in text.split(",") if one not in names]
        return f"{unknown[0]!r:.40} is none of {', '.join(names)}" if unknown else None

    return check


def _numbers(*limits: float) -> Callable[[str], str | None]:
    """Numbers with commas between, each at most as far from 0 as its limit."""

    def check(text: str) -> str | None:
        parts = text.split(",")
        if len(parts) != len(limits):
            return f"{text!r:.60} is not {len(limits)} numbers with commas between"
        found = (_number(-limit, limit)(part) for part, limit in zip(parts, limits, strict=True))
        return next((problem for problem in found if problem), None)

    return check


def _text(text: str) -> str | None:
    return None if text else "it is empty"


_ANY_NUMBER, _ANGLE, _ID = _number(), _number(-180, 180), _number(0, _MOST_ID, whole=True)
_BOOL = _one_of("0", "1")
_SPEED = _number(*SPEED_M_S)
_POSITION = {"wpml:payloadPositionIndex": Rule(check=_number(0, 7, whole=True))}

_MISSION_CONFIG = {
    "wpml:flyToWaylineMode": Rule(check=_one_of("safely", "pointToPoint")),
    "wpml:finishAction": Rule(check=_one_of("goHome", "noAction", "autoLand", "gotoFirstWaypoint")),
    "wpml:exitOnRCLost": Rule(check=_one_of("goContinue", "executeLostAction")),
    "wpml:executeRCLostAction": Rule(check=_one_of("goBack", "landing", "hover"), least=0),
    "wpml:takeOffSecurityHeight": Rule(check=_number(LEAST_DOCK_TAKE_OFF_M, MOST_HEIGHT_M)),
    "wpml:globalTransitionalSpeed": Rule(check=_SPEED),
    "wpml:globalRTHHeight": Rule(check=_number(2, MOST_HEIGHT_M)),
    "wpml:droneInfo": Rule(),
    "wpml:payloadInfo": Rule(),
    "wpml:autoRerouteInfo": Rule(least=0),
}
_HEADING = {
    "wpml:waypointHeadingMode": Rule(
        check=_one_of("followWayline", "manually", "fixed", "smoothTransition", "towardPOI")
    ),
    "wpml:waypointHeadingAngle": Rule(check=_ANGLE, least=0),
    "wpml:waypointPoiPoint": Rule(check=_numbers(90, 180, math.inf), least=0),
    "wpml:waypointHeadingPathMode": Rule(check=_one_of("clockwise", "counterClockwise", "followBadArc")),
}
_TURN_MODE = Rule(
    check=_one_of(
        "coordinateTurn",
        "toPointAndStopWithDiscontinuityCurvature",
        "toPointAndStopWithContinuityCurvature",
        "toPointAndPassWithContinuityCurvature",
    )
)
_PLACEMARK = {
    "wpml:isRisky": Rule(check=_BOOL, least=0),
    "Point": Rule(),
    "wpml:index": Rule(check=_ID),
    "wpml:useStraightLine": Rule(check=_BOOL, least=0),
    "wpml:actionGroup": Rule(least=0, most=1_000),
}

# Which children each element has; what has no entry is not looked into.
_COMMON: Mapping[str, Mapping[str, Rule]] = {
    "kml": {"Document": Rule()},
    "wpml:droneInfo": {
        "wpml:droneEnumValue": Rule(check=_one_of("67", "91")),
        "wpml:droneSubEnumValue": Rule(check=_one_of("0", "1")),
    },
    "wpml:payloadInfo": {
        "wpml:payloadEnumValue": Rule(check=_one_of("52", "53", "80", "81")),
        "wpml:payloadSubEnumValue": Rule(check=_ID, least=0),
        **_POSITION,
    },
    "wpml:autoRerouteInfo": {
        "wpml:missionAutoRerouteMode": Rule(check=_BOOL),
        "wpml:transitionalAutoRerouteMode": Rule(check=_BOOL),
    },
    "Point": {"coordinates": Rule(check=_numbers(180, 90))},
    "wpml:waypointHeadingParam": _HEADING,
    "wpml:globalWaypointHeadingParam": _HEADING,
    "wpml:waypointTurnParam": {
        "wpml:waypointTurnMode": _TURN_MODE,
        "wpml:waypointTurnDampingDist": Rule(check=_number(0), least=0),
    },
    "wpml:startActionGroup": {"wpml:action": Rule(most=100)},
    "wpml:actionGroup": {
        "wpml:actionGroupId": Rule(check=_ID),
        "wpml:actionGroupStartIndex": Rule(check=_ID),
        "wpml:actionGroupEndIndex": Rule(check=_ID),
        "wpml:actionGroupMode": Rule(check=_one_of("sequence")),
        "wpml:actionTrigger": Rule(),
        "wpml:action": Rule(most=1_000),
    },
    "wpml:actionTrigger": {
        "wpml:actionTriggerType": Rule(
            check=_one_of("reachPoint", "betweenAdjacentPoints", "multipleTiming", "multipleDistance")
        ),
        "wpml:actionTriggerParam": Rule(check=_above_zero, least=0),
    },
    "wpml:action": {
        "wpml:actionId": Rule(check=_ID),
        "wpml:actionActuatorFunc": Rule(check=_text),
        "wpml:actionActuatorFuncParam": Rule(),
    },
}
_TEMPLATE: Mapping[str, Mapping[str, Rule]] = {
    **_COMMON,
    "Document": {
        "wpml:author": Rule(check=_text, least=0),
        "wpml:createTime": Rule(check=_number(0, whole=True), least=0),
        "wpml:updateTime": Rule(check=_number(0, whole=True), least=0),
        "wpml:missionConfig": Rule(),
        "Folder": Rule(),
    },
    "wpml:missionConfig": {
        **_MISSION_CONFIG,
        "wpml:takeOffRefPoint": Rule(check=_numbers(90, 180, math.inf), least=0),
        "wpml:takeOffRefPointAGLHeight": Rule(check=_ANY_NUMBER, least=0),
    },
    "Folder": {
        "wpml:templateType": Rule(check=_one_of("waypoint")),
        "wpml:templateId": Rule(check=_ID),
        "wpml:waylineCoordinateSysParam": Rule(),
        "wpml:autoFlightSpeed": Rule(check=_SPEED),
        "wpml:gimbalPitchMode": Rule(check=_one_of("manual", "usePointSetting")),
        "wpml:globalHeight": Rule(check=_ANY_NUMBER),
        "wpml:globalWaypointHeadingParam": Rule(),
        "wpml:globalWaypointTurnMode": _TURN_MODE,
        "wpml:globalUseStraightLine": Rule(check=_BOOL, least=0),
        "Placemark": Rule(least=2, most=65_536),
        "wpml:payloadParam": Rule(),
    },
    "wpml:waylineCoordinateSysParam": {
        "wpml:coordinateMode": Rule(check=_one_of("WGS84")),
        "wpml:heightMode": Rule(check=_one_of("EGM96", "relativeToStartPoint", "aboveGroundLevel")),
        "wpml:positioningType": Rule(check=_one_of("GPS", "RTKBaseStation", "QianXun", "Custom"), least=0),
    },
    "wpml:payloadParam": {**_POSITION, "wpml:imageFormat": Rule(check=_some_of(*_LENSES))},
    "Placemark": {
        **_PLACEMARK,
        "wpml:useGlobalHeight": Rule(check=_BOOL),
        "wpml:ellipsoidHeight": Rule(check=_ANY_NUMBER, least=0),
        "wpml:height": Rule(check=_ANY_NUMBER, least=0),
        "wpml:useGlobalSpeed": Rule(check=_BOOL),
        "wpml:waypointSpeed": Rule(check=_SPEED, least=0),
        "wpml:useGlobalHeadingParam": Rule(check=_BOOL),
        "wpml:waypointHeadingParam": Rule(least=0),
        "wpml:useGlobalTurnParam": Rule(check=_BOOL),
        "wpml:waypointTurnParam": Rule(least=0),
        "wpml:gimbalPitchAngle": Rule(check=_number(-120, 45), least=0),
    },
}
_WAYLINES: Mapping[str, Mapping[str, Rule]] = {
    **_COMMON,
    "Document": {"wpml:missionConfig": Rule(), "Folder": Rule(most=1_000)},
    "wpml:missionConfig": _MISSION_CONFIG,
    "Folder": {
        "wpml:templateId": Rule(check=_ID),
        "wpml:executeHeightMode": Rule(check=_one_of("WGS84", "relativeToStartPoint", "realTimeFollowSurface")),
        "wpml:waylineId": Rule(check=_ID),
        "wpml:autoFlightSpeed": Rule(check=_SPEED),
        "wpml:startActionGroup": Rule(least=0),
        "Placemark": Rule(least=2, most=65_536),
    },
    "Placemark": {
        **_PLACEMARK,
        "wpml:executeHeight": Rule(check=_ANY_NUMBER),
        "wpml:waypointSpeed": Rule(check=_SPEED),
        "wpml:waypointHeadingParam": Rule(),
        "wpml:waypointTurnParam": Rule(),
    },
}
_PHOTO = {
    **_POSITION,
    "wpml:fileSuffix": Rule(check=_text),
    "wpml:payloadLensIndex": Rule(check=_some_of(*_LENSES)),
    "wpml:useGlobalPayloadLensIndex": Rule(check=_BOOL),
}
_PARAMETERS: Mapping[str, Mapping[str, Rule]] = {
    "takePhoto": _PHOTO,
    "gimbalRotate": {
        **_POSITION,
        "wpml:gimbalHeadingYawBase": Rule(check=_one_of("north", "aircraft")),
        "wpml:gimbalRotateMode": Rule(check=_one_of("absoluteAngle", "relativeAngle")),
        "wpml:gimbalPitchRotateEnable": Rule(check=_BOOL),
        "wpml:gimbalPitchRotateAngle": Rule(check=_number(-120, 45)),
        "wpml:gimbalRollRotateEnable": Rule(check=_BOOL),
        "wpml:gimbalRollRotateAngle": Rule(check=_ANGLE),
        "wpml:gimbalYawRotateEnable": Rule(check=_BOOL),
        "wpml:gimbalYawRotateAngle": Rule(check=_ANGLE),
        "wpml:gimbalRotateTimeEnable": Rule(check=_BOOL),
        "wpml:gimbalRotateTime": Rule(check=_number(0)),
    },
    "rotateYaw": {
        "wpml:aircraftHeading": Rule(check=_ANGLE),
        "wpml:aircraftPathMode": Rule(check=_one_of("clockwise", "counterClockwise")),
    },
    "hover": {"wpml:hoverTime": Rule(check=_above_zero)},
}
# Needs another element where an element says this: parent, element, its text, and what must stand beside it.
_NEEDS = (
    ("wpml:missionConfig", "wpml:exitOnRCLost", "executeLostAction", "wpml:executeRCLostAction"),
    ("wpml:waypointHeadingParam", "wpml:waypointHeadingMode", "smoothTransition", "wpml:waypointHeadingAngle"),
    ("wpml:waypointHeadingParam", "wpml:waypointHeadingMode", "towardPOI", "wpml:waypointPoiPoint"),
    ("wpml:waypointTurnParam", "wpml:waypointTurnMode", "coordinateTurn", "wpml:waypointTurnDampingDist"),
    ("wpml:actionTrigger", "wpml:actionTriggerType", "multipleDistance", "wpml:actionTriggerParam"),
    ("wpml:actionTrigger", "wpml:actionTriggerType", "multipleTiming", "wpml:actionTriggerParam"),
    ("Placemark", "wpml:useGlobalHeight", "0", "wpml:height"),
    ("Placemark", "wpml:useGlobalHeight", "0", "wpml:ellipsoidHeight"),
    ("Placemark", "wpml:useGlobalSpeed", "0", "wpml:waypointSpeed"),
    ("Placemark", "wpml:useGlobalHeadingParam", "0", "wpml:waypointHeadingParam"),
    ("Placemark", "wpml:useGlobalTurnParam", "0", "wpml:waypointTurnParam"),
)
_PAYLOADS = {("67", "0"): "52", ("67", "1"): "53", ("91", "0"): "80", ("91", "1"): "81"}


def template_problems(root: Element) -> Iterator[str]:
    """What a template.kml lacks or has too much of, a line each, with its place."""
    yield from _problems(root, _TEMPLATE)


def waylines_problems(root: Element) -> Iterator[str]:
    """The same for a waylines.wpml."""
    yield from _problems(root, _WAYLINES)


def _problems(root: Element, tables: Mapping[str, Mapping[str, Rule]]) -> Iterator[str]:
    if root.tag != "kml":
        yield f"{root.tag!s:.60}: the document does not begin with kml"
        return
    yield from _inside(root, "kml", tables["kml"], tables)
    for config in root.iter("wpml:missionConfig"):
        yield from _pairing(config)
    for folder in root.iter("Folder"):
        yield from _numbering(folder)


def _inside(
    element: Element, place: str, rules: Mapping[str, Rule], tables: Mapping[str, Mapping[str, Rule]]
) -> Iterator[str]:
    for name, rule in rules.items():
        found = list(children(element, name))
        yield from _counted(found, name, rule, place)
        by_action = name == "wpml:actionActuatorFuncParam"
        inner = _PARAMETERS.get(text_of(element, "wpml:actionActuatorFunc") or "") if by_action else tables.get(name)
        for number, one in enumerate(found):
            where = f"{place} > {name}" + (f"[{number}]" if rule.most > 1 else "")
            problem = rule.check((one.text or "").strip()) if rule.check is not None else None
            if problem:
                yield f"{where}: {problem}"
            if inner is not None:
                yield from _inside(one, where, inner, tables)
    for one in element:
        if one.tag not in rules:
            yield f"{place}: {one.tag!s:.80} is not known here"
    for parent, name, told, needed in _NEEDS:
        if element.tag == parent and text_of(element, name) == told and text_of(element, needed) is None:
            yield f"{place}: {needed} is missing, which {name} {told} needs"


def _counted(found: list[Element], name: str, rule: Rule, place: str) -> Iterator[str]:
    if len(found) < rule.least:
        yield f"{place}: {name} is missing" if not found else f"{place}: {name} is there {len(found)} times only"
    elif len(found) > rule.most:
        yield f"{place}: {name} is there {len(found)} times"


def _pairing(config: Element) -> Iterator[str]:
    """The drone and its camera belong together."""
    told = [
        text_of(node, name)
        for parent, name in (
            ("wpml:droneInfo", "wpml:droneEnumValue"),
            ("wpml:droneInfo", "wpml:droneSubEnumValue"),
            ("wpml:payloadInfo", "wpml:payloadEnumValue"),
        )
        for node in children(config, parent)
    ]
    if len(told) == 3 and _PAYLOADS.get((str(told[0]), str(told[1]))) not in (None, told[2]):
        yield f"missionConfig: payload {told[2]} is not the camera of drone {told[0]}-{told[1]}"


def _numbering(folder: Element) -> Iterator[str]:
    """Waypoints count from 0 without gaps, and action groups lie within them."""
    marks = list(children(folder, "Placemark"))
    for due, mark in enumerate(marks):
        told = text_of(mark, "wpml:index")
        if told != str(due):
            yield f"Placemark[{due}] > wpml:index: {told!s:.20} stands where {due} is due"
    groups = [group for mark in marks for group in children(mark, "wpml:actionGroup")]
    numbers = [text_of(group, "wpml:actionGroupId") for group in groups]
    if len(set(numbers)) < len(numbers):
        yield "actionGroup > wpml:actionGroupId: a number is there twice"
    for group in groups:
        first, last = (text_of(group, f"wpml:actionGroup{end}Index") or "" for end in ("Start", "End"))
        are_numbers = all(text.isdecimal() and len(text) <= 5 for text in (first, last))
        if are_numbers and not int(first) <= int(last) < len(marks):
            yield f"actionGroup {text_of(group, 'wpml:actionGroupId')!s:.20}: it ends at waypoint {last:.20}"
        ids = [text_of(action, "wpml:actionId") for action in children(group, "wpml:action")]
        if len(set(ids)) < len(ids):
            yield f"actionGroup {text_of(group, 'wpml:actionGroupId')!s:.20}: an actionId is there twice"
