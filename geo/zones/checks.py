"""What only all zones together show: codes twice, grids outside their district, areas claimed twice, old notices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import numpy.typing as npt
import shapely

from geo.zones.likelihood import metres_per_degree
from geo.zones.report import ImportedLayer, ImportedZone, Remark
from geo.zones.zone import LINE_KINDS

_DISTRICT_DIGITS = (6, 9, 12)
_CLAIMED_KINDS = ("grid", "district")
_CLAIMED_M2, _CLAIMED_SHARE = 10.0, 0.01

Finding = tuple[ImportedZone, str]


def with_checks(
    layers: Sequence[ImportedLayer], today: date, *, known_labels: Collection[str] | None = None
) -> list[ImportedLayer]:
    """The same layers; their reports tell also what was found among all their zones.

    Args:
        layers: All layers of an import.
        today: For notices that have ended.
        known_labels: What deceiving ground can deceive; None leaves its labels unchecked.
    """
    zones = [zone for layer in layers for zone in layer.zones]
    told: dict[int, list[Remark]] = defaultdict(list)
    checks = (
        _twice(zones),
        _outside_their_district(zones),
        _claimed_by_two(zones),
        _notices(zones, today),
        () if known_labels is None else _unknown_labels(zones, known_labels),
    )
    for check in checks:
        for found, problem in check:
            told[id(found)].append(Remark(feature=found.feature, code=found.zone.code, problem=problem))
    return [_with_told(layer, [remark for zone in layer.zones for remark in told[id(zone)]]) for layer in layers]


def _with_told(layer: ImportedLayer, remarks: list[Remark]) -> ImportedLayer:
    return replace(layer, report=replace(layer.report, told=(*layer.report.told, *remarks)))


def _twice(zones: Sequence[ImportedZone]) -> Iterator[Finding]:
    first: dict[tuple[str, str], ImportedZone] = {}
    for one in zones:
        # A road is drawn in many pieces under one code; an area is not.
        if one.zone.kind in LINE_KINDS:
            continue
        before = first.setdefault((one.zone.kind, one.zone.code), one)
        if before is not one:
            same = " with the same area" if before.drawn.equals(one.drawn) else ""
            yield one, f"the code is also that of {_called(before, one)}{same}"


def _called(one: ImportedZone, beside: ImportedZone) -> str:
    """A feature for people, with its layer where that is another one."""
    return f"feature {one.feature}" + ("" if one.layer == beside.layer else f" of layer {one.layer}")


def _outside_their_district(zones: Sequence[ImportedZone]) -> Iterator[Finding]:
    districts = [one for one in zones if one.zone.kind == "district" and _is_district_code(one.zone.code)]
    grids = [one for one in zones if one.zone.kind == "grid" and one.zone.code.isdigit()]
    if not districts or not grids:
        return
    areas = np.array([one.drawn for one in districts], dtype=object)
    middles = shapely.point_on_surface(np.array([one.drawn for one in grids], dtype=object))
    for index, district in zip(*shapely.STRtree(areas).query(middles, predicate="intersects"), strict=True):
        code, name = districts[district].zone.code, districts[district].zone.name
        if not grids[index].zone.code.startswith(code):
            yield grids[index], f"its code does not begin with {code}, that of {name}, in which it lies"


def _is_district_code(code: str) -> bool:
    return code.isascii() and code.isdigit() and len(code) in _DISTRICT_DIGITS


def _claimed_by_two(zones: Sequence[ImportedZone]) -> Iterator[Finding]:
    levels: dict[tuple[str, int], list[ImportedZone]] = defaultdict(list)
    for one in zones:
        if one.zone.kind in _CLAIMED_KINDS:
            levels[one.zone.kind, len(one.zone.code)].append(one)
    for level in levels.values():
        yield from _overlaps(level)


def _overlaps(zones: Sequence[ImportedZone]) -> Iterator[Finding]:
    areas = np.array([one.drawn for one in zones], dtype=object)
    one, other = shapely.STRtree(areas).query(areas, predicate="intersects")
    # A neighbour shares its border and no more; only pairs whose insides meet are worth cutting.
    pairs = one < other
    one, other = one[pairs], other[pairs]
    meets = ~shapely.touches(areas[one], areas[other])
    one, other = one[meets], other[meets]
    shared_m2 = shapely.area(shapely.intersection(areas[one], areas[other])) * _m2_per_square_degree(areas[one])
    smaller_m2 = np.minimum(shapely.area(areas[one]), shapely.area(areas[other])) * _m2_per_square_degree(areas[one])
    for index in np.flatnonzero(shared_m2 > np.maximum(_CLAIMED_M2, _CLAIMED_SHARE * smaller_m2)):
        first, second = zones[one[index]], zones[other[index]]
        yield second, f"{shared_m2[index]:.0f} m² of it lie also in {first.zone.code} ({_called(first, second)})"


def _m2_per_square_degree(areas: npt.NDArray[np.object_]) -> npt.NDArray[np.float64]:
    east, north = metres_per_degree(shapely.get_y(shapely.centroid(areas))).T
    return np.asarray(east * north, dtype=np.float64)


def _notices(zones: Sequence[ImportedZone], today: date) -> Iterator[Finding]:
    for one in zones:
        if one.zone.kind != "no_fishing":
            continue
        if one.zone.holds_always:
            yield one, "it has no dates, so it holds always"
        elif one.zone.valid_to is not None and one.zone.valid_to < today:
            yield one, f"it ended on {one.zone.valid_to}"


def _unknown_labels(zones: Sequence[ImportedZone], known: Collection[str]) -> Iterator[Finding]:
    for one in zones:
        if one.zone.kind != "false_alarm_mask":
            continue
        named = one.zone.properties.get("labels") or ()
        unknown = [label for label in ([named] if isinstance(named, str) else named) if label not in known]
        if unknown:
            yield one, f"nothing is called {', '.join(unknown)}; there are {', '.join(known)}"
