"""The picture of each place that waits for proof which shows it best: what a person compares with the one before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from dispatch_api.cases.observation import Evidence
from dispatch_api.cases.records import CaseRow
from flyonce.captures import capture_of
from flyonce.looks import Look, OriginalFile
from geo.errors import GeoError
from geo.ground import Ground
from geo.locate import project_to_pixels
from geo.orientation import upright_from_stored
from vision.drawing import evidence_window
from vision.redaction import leaving_jpeg, redact, to_hide
from vision.sources.photos import read_frame

_JPEG_QUALITY = 88
# A place near a picture's edge may be cut off there.
_MIDDLE = 0.9
# The window around a place shows at least so much of its surroundings to each side.
_REACH_M = 6.0
_USUAL_M = 0.05


@dataclass(frozen=True, kw_only=True)
class _Kept:
    off: float
    look: Look
    file: OriginalFile
    uv_px: tuple[float, float]


class AfterPictures:
    """Keeps, of the places of some cases, the picture that shows each nearest to its middle."""

    def __init__(self, waiting: Sequence[CaseRow], *, ground: Ground, folder: Path) -> None:
        """Begin without pictures.

        Args:
            waiting: The cases.
            ground: What lies below.
            folder: Where stills of films are put.
        """
        self._places = {row.case_id: (row.lon, row.lat) for row in waiting}
        self._ground = ground
        # Not where the best pictures of things lie: those are let go of by themselves.
        self._folder = folder / "after"
        self._kept: dict[str, _Kept] = {}

    def offer(self, look: Look, footprint_lonlat: NDArray[np.float64] | None) -> None:
        """Keep a look's picture for each place of which it is the best so far."""
        pose, camera = look.shot.pose, look.shot.camera
        if footprint_lonlat is None or pose is None or camera is None or not self._places:
            return
        outline = shapely.Polygon(footprint_lonlat)
        for case_id, (lon, lat) in self._places.items():
            if not shapely.contains_xy(outline, lon, lat):
                continue
            try:
                stored = project_to_pixels([(lon, lat)], pose, camera, self._ground)
            except GeoError:
                continue
            uv = upright_from_stored(stored, look.shot.orientation, look.shot.size_wh_px)[0]
            off = float(np.abs(uv / np.array(look.size_wh_px) * 2 - 1).max())
            known = self._kept.get(case_id)
            if np.isfinite(off) and off <= _MIDDLE and (known is None or off < known.off):
                self._folder.mkdir(exist_ok=True)
                file = look.original.secure(self._folder)
                kept = replace(look, original=file)
                self._kept[case_id] = _Kept(off=off, look=kept, file=file, uv_px=(float(uv[0]), float(uv[1])))

    def of(self, case_id: str) -> Evidence | None:
        """The picture of a case's place, people and plates hidden, and a window of it around the place."""
        kept = self._kept.get(case_id)
        if kept is None:
            return None
        look = kept.look
        hidden = redact(read_frame(kept.file.path).image_bgr, to_hide(look.found, look.doubtful))
        half_px = _REACH_M / 3 / (look.ground_resolution_m or _USUAL_M)
        u, v = kept.uv_px
        around = (u - half_px, v - half_px, u + half_px, v + half_px)
        left, top, right, bottom = evidence_window(around, look.size_wh_px)
        return Evidence(
            original_path=kept.file.path,
            original_sha256=kept.file.sha256,
            captured_at=look.shot.taken_at,
            annotated_jpeg=leaving_jpeg(hidden[top:bottom, left:right], quality=_JPEG_QUALITY),
            redacted_jpeg=leaving_jpeg(hidden, quality=_JPEG_QUALITY),
            capture=capture_of(kept.file, look.shot),
        )
