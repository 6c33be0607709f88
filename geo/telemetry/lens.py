"""Which lens took a photo: the drone's own calibration, else the camera table, else EXIF; and how sure that is."""

from __future__ import annotations

import math
from dataclasses import replace

from geo.camera import CAMERA_BY_MODEL, Camera, camera_by_name
from geo.telemetry.exif import Exif
from geo.telemetry.xmp import Xmp

_DEWARP_SIGMA, _CALIBRATED_SIGMA, _SENSOR_SIGMA, _EQUIVALENT_SIGMA = 0.003, 0.005, 0.02, 0.03
_DIAGONAL_35MM = math.hypot(36.0, 24.0)
# Two aspects are the same picture shape when they differ less than this; resizing rounds to whole pixels.
_SAME_ASPECT = 0.01
# A focal length further than this from what EXIF calls the 35 mm equivalent belongs to another lens, or another size.
_PLAUSIBLE = 0.18
# Focal length by picture width of drone cameras: of the wide ones, and of any.
_WIDE_RATIOS, _ANY_RATIOS = (0.45, 1.5), (0.2, 20.0)


def camera_of_photo(exif: Exif, xmp: Xmp, size_wh_px: tuple[int, int]) -> tuple[Camera | None, tuple[str, ...]]:
    """The camera for pictures of the decoded size, and flags that name where it comes from or why there is none."""
    original = _original_size(exif)
    if original is not None:
        shape = _reshaped(original, size_wh_px)
        if shape is not None:
            return None, (shape,)
    for source in (_dewarped, _calibrated, _tabled, _by_sensor, _by_equivalent):
        camera = source(exif, xmp, size_wh_px)
        if camera is not None:
            zoom = exif.number("DigitalZoomRatio")
            if zoom is not None and zoom > 1.001 and source is not _by_equivalent:
                ratio = (camera.focal_xy_px[0] * zoom, camera.focal_xy_px[1] * zoom)
                camera = replace(camera, focal_xy_px=ratio, focal_sigma_ratio=_EQUIVALENT_SIGMA)
            untold = source is _dewarped and "DewarpFlag" not in xmp.entries
            return camera, (f"focal_{camera.name.split(':')[0]}", *(("dewarp_flag_missing",) if untold else ()))
    return None, ("focal_unknown",)


def _original_size(exif: Exif) -> tuple[float, float] | None:
    width, height = exif.number("ExifImageWidth"), exif.number("ExifImageHeight")
    return (width, height) if width and height and width > 0 and height > 0 else None


def _reshaped(original: tuple[float, float], size: tuple[int, int]) -> str | None:
    """Whether the picture was cut or turned since the drone wrote it: then its pixels belong to no known ray."""
    before, now = original[0] / original[1], size[0] / size[1]
    if abs(now / before - 1) < _SAME_ASPECT:
        return None
    return "turned_quarter" if abs(now * before - 1) < _SAME_ASPECT else "cropped"


def _equivalent_ratio(exif: Exif, size: tuple[int, int]) -> float | None:
    """Focal length by picture width, from the 35 mm equivalent over the diagonal (CIPA's definition)."""
    focal_35mm = exif.number("FocalLengthIn35mmFilm")
    if focal_35mm is None or focal_35mm <= 0:
        return None
    return focal_35mm / _DIAGONAL_35MM * math.hypot(*size) / size[0]


def _plausible(
    ratio: float, exif: Exif, size: tuple[int, int], *, otherwise: tuple[float, float] = _ANY_RATIOS
) -> bool:
    """Whether a focal length by width agrees with the 35 mm equivalent; without one, whether it lies in a range."""
    expected = _equivalent_ratio(exif, size)
    if expected is None:
        return otherwise[0] < ratio < otherwise[1]
    return abs(ratio / expected - 1) < _PLAUSIBLE


def _calibrated_width(focal_px: float, exif: Exif, xmp: Xmp, size: tuple[int, int]) -> float | None:
    """The picture width that a calibrated focal length in pixels belongs to; None where none makes sense."""
    original = _original_size(exif)
    centre = xmp.number("CalibratedOpticalCenterX")
    tabled = CAMERA_BY_MODEL.get((exif.text("Model") or "").lower())
    # EXIF's size may have been rewritten for a smaller file, so without a 35 mm equivalent to check by, the optical
    # centre, which stands beside the focal length in the same pixels, goes first.
    candidates = (
        (round(2 * centre) if centre else None, _ANY_RATIOS),
        (original[0] if original else None, _WIDE_RATIOS),
        (camera_by_name(tabled).size_wh_px[0] if tabled else None, _WIDE_RATIOS),
        (size[0], _WIDE_RATIOS),
    )
    fitting = [
        width for width, ratios in candidates if width and _plausible(focal_px / width, exif, size, otherwise=ratios)
    ]
    expected = _equivalent_ratio(exif, size)
    if expected is not None:
        fitting.sort(key=lambda width: abs(focal_px / width - expected))
    return fitting[0] if fitting else None


def _dewarped(exif: Exif, xmp: Xmp, size: tuple[int, int]) -> Camera | None:
    if xmp.entries.get("DewarpFlag", "0").strip() != "0":
        return None
    try:
        numbers = [float(part) for part in xmp.entries.get("DewarpData", "").split(";")[-1].split(",")]
    except ValueError:
        return None
    if len(numbers) < 9 or not all(map(math.isfinite, numbers)) or min(numbers[:2]) <= 0:
        return None
    fx, fy, cx, cy, *distortion = numbers[:9]
    width = _calibrated_width(fx, exif, xmp, size)
    if width is None:
        return None
    scale = size[0] / width
    k1, k2, p1, p2, k3 = distortion
    return Camera(
        name="dewarp_data:" + (exif.text("Model") or "unknown"),
        size_wh_px=size,
        focal_xy_px=(fx * scale, fy * scale),
        principal_xy_px=(size[0] / 2 + cx * scale, size[1] / 2 + cy * scale),
        distortion=(k1, k2, p1, p2, k3),
        focal_sigma_ratio=_DEWARP_SIGMA,
    )


def _calibrated(exif: Exif, xmp: Xmp, size: tuple[int, int]) -> Camera | None:
    focal_px = xmp.number("CalibratedFocalLength")
    if focal_px is None or focal_px <= 0:
        return None
    width = _calibrated_width(focal_px, exif, xmp, size)
    return _pinhole("calibrated", exif, size, focal_px / width, _CALIBRATED_SIGMA) if width else None


def _tabled(exif: Exif, xmp: Xmp, size: tuple[int, int]) -> Camera | None:
    key = CAMERA_BY_MODEL.get((exif.text("Model") or "").lower())
    if key is None:
        return None
    full = camera_by_name(key)
    ratio = full.focal_xy_px[0] / full.size_wh_px[0]
    full_aspect, aspect = full.size_wh_px[0] / full.size_wh_px[1], size[0] / size[1]
    if aspect < full_aspect * (1 - _SAME_ASPECT):
        # A narrower shape (4:3 on a 3:2 sensor) keeps the full height and cuts the sides.
        ratio = full.focal_xy_px[1] / full.size_wh_px[1] / aspect
    return _pinhole("table", exif, size, ratio, full.focal_sigma_ratio) if _plausible(ratio, exif, size) else None


def _by_sensor(exif: Exif, xmp: Xmp, size: tuple[int, int]) -> Camera | None:
    """From the focal length in mm and the sensor's pixels per inch or cm, which cameras other than drones write."""
    focal_mm, density = exif.number("FocalLength"), exif.number("FocalPlaneXResolution")
    unit_mm = {2.0: 25.4, 3.0: 10.0}.get(exif.number("FocalPlaneResolutionUnit") or 2.0)
    original = _original_size(exif)
    if not focal_mm or not density or unit_mm is None or original is None:
        return None
    ratio = focal_mm * density / unit_mm / original[0]
    return _pinhole("sensor", exif, size, ratio, _SENSOR_SIGMA) if _plausible(ratio, exif, size) else None


def _by_equivalent(exif: Exif, xmp: Xmp, size: tuple[int, int]) -> Camera | None:
    ratio = _equivalent_ratio(exif, size)
    return _pinhole("35mm_equivalent", exif, size, ratio, _EQUIVALENT_SIGMA) if ratio else None


def _pinhole(source: str, exif: Exif, size: tuple[int, int], ratio: float, sigma_ratio: float) -> Camera:
    focal_px = ratio * size[0]
    return Camera(
        name=f"{source}:{exif.text('Model') or 'unknown'}",
        size_wh_px=size,
        focal_xy_px=(focal_px, focal_px),
        principal_xy_px=(size[0] / 2, size[1] / 2),
        focal_sigma_ratio=sigma_ratio,
    )
