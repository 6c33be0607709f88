"""What an analysis came to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class AnalyzeResult:
    """What an analysis came to; every figure is counted, none is assumed.

    Attributes:
        flight_id: The flight's name in the store.
        frames: Pictures (photos, frames) that were looked at.
        located_frames: Those whose footprint on the ground is known.
        unreadable: Files that could not be used, with the reason.
        detections: By label, over all pictures.
        sightings: Detections with a place on the ground.
        not_placed: By reason, detections without one; `permanent_water` and `false_alarm_mask` were masked.
        things: Things after grouping over pictures.
        without_matter: Things that are no matter where they lie, or did not stay there.
        not_seen_again: Things found too rarely for how often their place was looked at: dropped as false alarms.
        only_wet: Things dropped because they only look wet.
        tracks: Where nothing can be located: by label, things followed from picture to picture.
        cases: `opened`, `joined` and `pending_review` (of the opened ones) counts.
        case_ids: The cases that this flight opened or joined.
        tasks_by_department: Tasks of those cases.
        flags: By flag, pictures that carry it.
        ground_area_m2: Ground seen at least once.
        seconds: By stage, and `total`.
        frames_decoded: Pictures that were decoded.
        frames_dropped: Frames of a live stream that were overtaken by newer ones.
        gaps: Times in which a live stream showed nothing.
        stream_data: By kind, pieces of telemetry that came inside the video or stream.
        too_coarse: Where every picture shows the ground too coarsely for the models: `finest_m`, metres per pixel at
            best, and `coarsest_m`, which the models need; None where one picture does not, or of none it is known.
        far_from_zones_m: Where no picture shows ground within 5 km of any zone: how far the nearest zone is; else None.
        sources: What each reader says of its file or stream.
    """

    flight_id: str
    frames: int
    located_frames: int
    unreadable: tuple[dict[str, str], ...]
    detections: dict[str, int]
    sightings: int
    not_placed: dict[str, int]
    things: int
    without_matter: int
    not_seen_again: int
    cases: dict[str, int]
    case_ids: tuple[str, ...]
    tasks_by_department: dict[str, int]
    flags: dict[str, int]
    ground_area_m2: float
    seconds: dict[str, float]
    only_wet: int = 0
    tracks: dict[str, int] = field(default_factory=dict)
    frames_decoded: int = 0
    frames_dropped: int = 0
    gaps: tuple[dict[str, Any], ...] = ()
    stream_data: dict[str, int] = field(default_factory=dict)
    sources: tuple[dict[str, Any], ...] = ()
    too_coarse: dict[str, float] | None = None
    far_from_zones_m: float | None = None
