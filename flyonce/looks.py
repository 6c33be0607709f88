"""From files to looks: one picture with what it tells of itself and what was found in it.

Where the chain decides which photos can be used at all: a file that cannot be read is reported and left out, a photo
without a pose is looked at but locates nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from geo.errors import GeoError, HeightUnknown
from geo.frames import LocalFrame
from geo.ground import Ground
from geo.locate import locate_pixels
from geo.telemetry.photo import PhotoTelemetry, read_photo
from vision.detections import Detections, Detector
from vision.errors import PhotoError
from vision.frame import Frame
from vision.onnx_detector import detect_many
from vision.sources.photos import read_frame

Problem = tuple[Path, str]


@dataclass(frozen=True, kw_only=True)
class Look:
    """One picture, read and looked at; the pixels themselves are let go of.

    Attributes:
        path: The file.
        sha256: SHA-256 of the file's bytes, taken before decoding.
        size_wh_px: Size of the picture as displayed; `detections` are in these pixels.
        telemetry: What the file tells of place and time.
        detections: What was found.
    """

    path: Path
    sha256: str
    size_wh_px: tuple[int, int]
    telemetry: PhotoTelemetry
    detections: Detections


def looks_of(
    photos: Iterable[tuple[Path, PhotoTelemetry]],
    *,
    detector: Detector,
    ground: Ground,
    report: Callable[[Problem], None],
) -> Iterator[Look]:
    """Read and look at photos, a few at a time, in their order.

    Args:
        photos: Files with their telemetry.
        detector: What finds things; called from several threads.
        ground: Tells how much ground a pixel covers, which chooses the tiles.
        report: Called with each file that cannot be read, and why.

    Yields:
        One look per readable photo.
    """
    told: dict[str, PhotoTelemetry] = {}

    def frames() -> Iterator[Frame]:
        for index, (path, telemetry) in enumerate(photos):
            try:
                frame = read_frame(path, index=index)
            except PhotoError as error:
                report((path, str(error)))
                continue
            told[frame.source] = telemetry
            yield replace(frame, ground_resolution_m=_ground_resolution_m(telemetry, ground))

    for frame, detections in detect_many(detector, frames()):
        yield Look(
            path=Path(frame.source),
            sha256=frame.sha256 or "",
            size_wh_px=frame.size_wh_px,
            telemetry=told.pop(frame.source),
            detections=detections,
        )


def telemetry_of(paths: Iterable[Path], *, report: Callable[[Problem], None]) -> Iterator[tuple[Path, PhotoTelemetry]]:
    """Each file with its telemetry; a file that is no picture is reported and left out."""
    for path in paths:
        try:
            yield path, read_photo(path)
        except GeoError as error:
            report((path, str(error)))


def _ground_resolution_m(telemetry: PhotoTelemetry, ground: Ground) -> float | None:
    """Metres of ground per pixel in the picture's middle; None where the height or the look is unknown."""
    if telemetry.pose is None or telemetry.camera is None or telemetry.pose.pitch_deg is None:
        return None
    width, height = telemetry.camera.size_wh_px
    middle = (width / 2, height / 2)
    try:
        here, beside = locate_pixels([middle, (middle[0] + 10, middle[1])], telemetry.pose, telemetry.camera, ground)
    except HeightUnknown:
        return None
    if here is None or beside is None:
        return None
    east_m, north_m = LocalFrame(lon=here.lon, lat=here.lat).en_from_lonlat([(beside.lon, beside.lat)])[0]
    return float((east_m**2 + north_m**2) ** 0.5) / 10
