"""Photos that are stored upside-down against their own angles, found by what overlapping photos say of each other.

Each pair of overlapping photos is put on the ground four times: as the files say, with one of them turned by 180
degrees, with the other, with both. Only the true reading makes the spots that both see fall together, and even "both
turned" differs from "none": the photos' own places then come out mirrored. Every photo is read the way that its
neighbours agree with best; where they do not say clearly, nothing is changed and a flag is set.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from geo.errors import GeoError
from geo.footprint import footprint_polygon
from geo.frames import LocalFrame
from geo.ground import FlatGround, Ground
from geo.locate import locate_pixels
from geo.telemetry.photo import PhotoTelemetry
from geo.telemetry.tie_points import SMALL_SIDE_PX, ReadGrey, TiePoints, features_of, match, read_small_grey

Floats = npt.NDArray[np.float64]

_NEIGHBOURS = 4
_LEAST_OVERLAP = 0.15
# A pair says something about a photo when the wrong reading is this much worse than the right one.
_CLEAR_M, _CLEAR_RATIO = 4.0, 2.5
# What two consumer GNSS positions and compass errors explain between two photos.
_EXPLAINED_M = 12.0
# Disagreement beyond this is equally wrong, however far.
_CAP_M = 60.0
_ROUNDS = 10


@dataclass(frozen=True, kw_only=True)
class FlightCheck:
    """A flight's photos after the check.

    Attributes:
        photos: The telemetry of each photo, in the order given, corrected where its neighbours say so.
        turned: Indices of photos that were turned by 180 degrees.
        doubtful: Indices of photos that may be turned, and were left as they are (flag `maybe_turned`).
        disagreeing: Indices of photos whose neighbours contradict them either way (flag `disagrees_with_neighbours`).
        pairs: How many overlapping pairs had spots in common.
        disagreement_before_m: Median distance on the ground between spots seen twice, as the files say; None
            without pairs.
        disagreement_after_m: The same after the corrections.
    """

    photos: tuple[PhotoTelemetry, ...]
    turned: tuple[int, ...]
    doubtful: tuple[int, ...]
    disagreeing: tuple[int, ...]
    pairs: int
    disagreement_before_m: float | None
    disagreement_after_m: float | None


def check_flight(
    photos: Sequence[tuple[Path, PhotoTelemetry]],
    *,
    read_grey: ReadGrey = read_small_grey,
    ground: Ground | None = None,
    tie_points: Sequence[TiePoints] | None = None,
    on_tie_points: Callable[[Sequence[TiePoints]], None] = lambda spots: None,
) -> FlightCheck:
    """Find and correct photos stored upside-down.

    Args:
        photos: Path and telemetry of one flight's photos, in any order.
        read_grey: Gives a grey picture (h, w) uint8 of a path's stored raster, of any size; None where it cannot.
        ground: What the photos look at; level ground at the take-off height by default.
        tie_points: Spots known beforehand, instead of looking for them in the pictures.
        on_tie_points: Given the spots that were used, for who wants more of them than this check does.
    """
    surface = ground or FlatGround()
    telemetry = [photo for _, photo in photos]
    spots = list(tie_points) if tie_points is not None else _find_tie_points(photos, read_grey, surface)
    on_tie_points(spots)
    costs = [_costs(pair, telemetry, surface) for pair in spots]
    pairs = [(pair, cost) for pair, cost in zip(spots, costs, strict=True) if cost is not None]
    labels = _labels(len(telemetry), pairs)
    verdicts = [_verdict(index, photo, labels, pairs) for index, photo in enumerate(telemetry)]
    turned = tuple(index for index, verdict in enumerate(verdicts) if verdict == "turned")
    final = np.isin(np.arange(len(telemetry)), turned).astype(int)
    return FlightCheck(
        photos=tuple(_apply(photo, verdict) for photo, verdict in zip(telemetry, verdicts, strict=True)),
        turned=turned,
        doubtful=tuple(index for index, verdict in enumerate(verdicts) if verdict == "doubtful"),
        disagreeing=tuple(index for index, verdict in enumerate(verdicts) if verdict == "disagreeing"),
        pairs=len(pairs),
        disagreement_before_m=_middle(pairs, np.zeros_like(final)),
        disagreement_after_m=_middle(pairs, final),
    )


def _apply(photo: PhotoTelemetry, verdict: str) -> PhotoTelemetry:
    if verdict == "turned":
        return photo.turned_half()
    added = {
        "doubtful": ("maybe_turned", "it may be stored upside-down, and its neighbours do not tell: left as it is"),
        "disagreeing": ("disagrees_with_neighbours", "neighbouring photos contradict its place or its angles"),
    }.get(verdict)
    if added is None:
        return photo
    return replace(photo, flags=(*photo.flags, added[0]), problems=(*photo.problems, added[1]))


def _find_tie_points(
    photos: Sequence[tuple[Path, PhotoTelemetry]], read_grey: ReadGrey, ground: Ground
) -> list[TiePoints]:
    wanted = _neighbours([photo for _, photo in photos], ground)
    needed = sorted({index for pair in wanted for index in pair})
    features = {}
    for index in needed:
        path, photo = photos[index]
        grey = read_grey(path)
        features[index] = None if grey is None else features_of(grey, photo.size_wh_px)
    found = []
    for first, second in wanted:
        one, other = features[first], features[second]
        if one is not None and other is not None:
            # The homography's tolerance is in full pixels, the features come from a small picture.
            shrink = max(photos[second][1].size_wh_px) / SMALL_SIDE_PX
            spots = match(first, second, one, other, inlier_px=4.0 * max(shrink, 1.0))
            if spots is not None:
                found.append(spots)
    return found


def _neighbours(photos: Sequence[PhotoTelemetry], ground: Ground) -> list[tuple[int, int]]:
    """Pairs of photos whose footprints overlap, each with its nearest few."""
    outlines: dict[int, BaseGeometry] = {}
    frame: LocalFrame | None = None
    for index, photo in enumerate(photos):
        if photo.pose is None or photo.camera is None:
            continue
        frame = frame or LocalFrame(lon=photo.pose.lon, lat=photo.pose.lat)
        try:
            ring = footprint_polygon(photo.pose, photo.camera, ground)
        except GeoError:
            continue
        outlines[index] = shapely.convex_hull(shapely.MultiPoint(frame.en_from_lonlat(ring)))
    indices = list(outlines)
    tree = shapely.STRtree([outlines[index] for index in indices])
    pairs: set[tuple[int, int]] = set()
    for index, outline in outlines.items():
        near = [indices[found] for found in tree.query(outline) if indices[found] != index]
        shares = [(_shared(outline, outlines[other]), other) for other in near]
        best = sorted((pair for pair in shares if pair[0] >= _LEAST_OVERLAP), reverse=True)[:_NEIGHBOURS]
        pairs |= {(min(index, other), max(index, other)) for _, other in best}
    return sorted(pairs)


def _shared(one: BaseGeometry, other: BaseGeometry) -> float:
    smaller = min(one.area, other.area)
    return float(shapely.intersection(one, other).area / smaller) if smaller > 0 else 0.0


def _costs(pair: TiePoints, photos: Sequence[PhotoTelemetry], ground: Ground) -> Floats | None:
    """Median disagreement (2, 2) in metres, by whether the first and the second photo is turned."""
    first, second = photos[pair.first], photos[pair.second]
    if first.pose is None:
        return None
    frame = LocalFrame(lon=first.pose.lon, lat=first.pose.lat)
    one = [_places(pair.uv_first_px, photo, ground, frame) for photo in (first, first.turned_half())]
    other = [_places(pair.uv_second_px, photo, ground, frame) for photo in (second, second.turned_half())]
    result = np.full((2, 2), _CAP_M)
    for a, places_a in enumerate(one):
        for b, places_b in enumerate(other):
            if places_a is None or places_b is None:
                return None
            apart = np.hypot(*(places_a - places_b).T)
            apart = apart[np.isfinite(apart)]
            if len(apart) >= 5:
                result[a, b] = min(float(np.median(apart)), _CAP_M)
    return result


def _places(uv_px: Floats, photo: PhotoTelemetry, ground: Ground, frame: LocalFrame) -> Floats | None:
    if photo.pose is None or photo.camera is None or not photo.pose.has_bearing:
        return None
    try:
        return frame.en_from_lonlat(locate_pixels(uv_px, photo.pose, photo.camera, ground).lonlat_deg)
    except GeoError:
        return None


def _labels(count: int, pairs: Sequence[tuple[TiePoints, Floats]]) -> npt.NDArray[np.int_]:
    """Whether each photo is turned (1) or not (0), so that the pairs disagree least."""
    votes = np.zeros((count, 2))
    for pair, cost in pairs:
        votes[pair.first] += cost.min(axis=1)
        votes[pair.second] += cost.min(axis=0)
    labels: npt.NDArray[np.int_] = (votes[:, 1] < votes[:, 0]).astype(int)
    for _ in range(_ROUNDS):
        before = labels.copy()
        for index in range(count):
            as_is, turned = _both_readings(index, labels, pairs)
            if len(as_is):
                labels[index] = int(turned.sum() < as_is.sum())
        if (labels == before).all():
            break
    return labels


def _both_readings(
    index: int, labels: npt.NDArray[np.int_], pairs: Sequence[tuple[TiePoints, Floats]]
) -> tuple[Floats, Floats]:
    """Disagreement with each neighbour, if this photo is as it is and if it is turned, the others as labelled."""
    as_is, turned = [], []
    for pair, cost in pairs:
        if pair.first == index:
            as_is.append(cost[0, labels[pair.second]])
            turned.append(cost[1, labels[pair.second]])
        elif pair.second == index:
            as_is.append(cost[labels[pair.first], 0])
            turned.append(cost[labels[pair.first], 1])
    return np.array(as_is), np.array(turned)


def _verdict(
    index: int, photo: PhotoTelemetry, labels: npt.NDArray[np.int_], pairs: Sequence[tuple[TiePoints, Floats]]
) -> str:
    as_is, turned = _both_readings(index, labels, pairs)
    edited = "software_not_firmware" in photo.flags
    if not len(as_is):
        return "doubtful" if edited else "unchecked"
    better, worse = (turned, as_is) if labels[index] else (as_is, turned)
    right, wrong = float(np.median(better)), float(np.median(worse))
    clear = wrong - right > _CLEAR_M and wrong > _CLEAR_RATIO * right
    # One neighbour alone may itself be the wrong one, unless the file was edited as well.
    if labels[index]:
        return "turned" if clear and (len(as_is) >= 2 or edited) else "doubtful"
    if right > _EXPLAINED_M and len(as_is) >= 2:
        return "disagreeing"
    return "fine" if clear or not edited else "doubtful"


def _middle(pairs: Sequence[tuple[TiePoints, Floats]], labels: npt.NDArray[np.int_]) -> float | None:
    if not pairs:
        return None
    return float(np.median([cost[labels[pair.first], labels[pair.second]] for pair, cost in pairs]))
