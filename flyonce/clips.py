"""The film around a finding: some seconds of the original as they were filmed, and a copy with people hidden."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import cv2
import numpy as np

from dispatch_api.cases.observation import Evidence
from dispatch_api.evidence.capture import Capture
from flyonce.evidence_shelf import Shelved
from flyonce.looks import FilmFrame
from flyonce.near_threshold import NearThreshold
from vision.errors import VideoError
from vision.films import Moment, hidden_moments, write_film
from vision.frame import Frame
from vision.onnx_detector import detect_many
from vision.pixels import Image
from vision.redaction import to_hide
from vision.sources.clips import cut_clip
from vision.sources.photos import read_frame
from vision.sources.video import VideoSource

_log = logging.getLogger(__name__)

SHOWN_PER_S = 2.5
"""Pictures a second of the redacted copy: each goes through the detector, for what it does not find it cannot hide."""

# A finding so far inside a clip needs no clip of its own.
_INSIDE_S = 3.0
_BLOCK = 1 << 20
# Mean difference of small grey copies, of 255: what is more is another picture, and the film's clock jumps.
_SAME_PICTURE = 12.0
_SMALL_WH = (64, 36)


@dataclass(frozen=True, kw_only=True)
class _Clip:
    """A clip that was cut already."""

    film: FilmFrame
    first_s: float
    last_s: float
    path: Path
    sha256: str
    redacted: Path

    def shows(self, film: FilmFrame) -> bool:
        at_s, inside_s = film.media_time_s, min(_INSIDE_S, (self.last_s - self.first_s) / 3)
        return film.sha256 == self.film.sha256 and self.first_s + inside_s <= at_s <= self.last_s - inside_s


class Clips:
    """Cuts clips out of a flight's films; things seen in the same seconds share one."""

    def __init__(self, near: NearThreshold, folder: Path) -> None:
        """Begin without clips.

        Args:
            near: Finds whom to hide.
            folder: Where clips are written; they are gone with it once they are sealed.
        """
        self._near = near
        self._folder = folder / "clips"
        self._cut: list[_Clip] = []

    def around(self, kept: Shelved, picture: Evidence, *, seconds: float) -> Evidence | None:
        """The clip around a kept picture of a film, with that picture as its cover.

        Args:
            kept: The picture on the shelf.
            picture: The same as evidence.
            seconds: The clip lasts so long at least, or as long as the film.

        Returns:
            None where the picture is of no film in a file, or the film cannot be cut there; the log says why.
        """
        film = kept.file.film
        if film is None or film.path is None or seconds <= 0:
            return None
        clip = next((clip for clip in self._cut if clip.shows(film)), None)
        if clip is None:
            try:
                clip = self._new(film, kept, seconds)
            except VideoError as error:
                _log.warning("No clip of %s at %.1f s: %s.", film.name, film.media_time_s, error)
                return None
            self._cut.append(clip)
        began_at = _moment(picture.captured_at, clip.first_s - film.media_time_s)
        return Evidence(
            original_path=clip.path,
            original_sha256=clip.sha256,
            captured_at=began_at,
            annotated_jpeg=picture.annotated_jpeg,
            redacted_jpeg=picture.redacted_jpeg,
            capture=Capture(
                kind="clip",
                source_name=film.name,
                source_sha256=film.sha256,
                media_time_s=round(clip.first_s, 6),
                duration_s=round(clip.last_s - clip.first_s, 6),
                pose=None,
            ),
            redacted_film=clip.redacted,
        )

    def _new(self, film: FilmFrame, kept: Shelved, seconds: float) -> _Clip:
        assert film.path is not None
        self._folder.mkdir(exist_ok=True)
        stem = self._folder / f"{kept.file.path.stem}-clip"
        # Where the film begins or ends too soon, the other side makes up for it as far as there is film.
        first_s = max(0.0, film.media_time_s - seconds / 2)
        cut = cut_clip(film.path, stem, first_s=first_s, last_s=first_s + seconds)
        if cut.last_s - cut.first_s < seconds and first_s > 0:
            cut = cut_clip(film.path, stem, first_s=max(0.0, cut.last_s - seconds), last_s=cut.last_s)
        # Before anything else looks at it.
        sha256 = _digest(cut.path)
        redacted = stem.with_name(f"{stem.name}-redacted.mp4")
        self._redact(cut.path, redacted, kept, at_s=film.media_time_s - cut.first_s)
        return _Clip(film=film, first_s=cut.first_s, last_s=cut.last_s, path=cut.path, sha256=sha256, redacted=redacted)

    def _redact(self, clip: Path, out: Path, kept: Shelved, *, at_s: float) -> None:
        """Write the copy that may be seen, and make sure that the clip shows what the still shows.

        Raises:
            VideoError: The clip shows something else at that time: the film's clock is not what it seems.
        """
        still = _small_grey(read_frame(kept.file.path).image_bgr)
        offs: list[tuple[float, float]] = []

        def frames() -> Iterator[Frame]:
            for frame in _chosen(clip, at_s):
                offs.append((abs((frame.media_time_s or 0.0) - at_s), _difference(still, frame.image_bgr)))
                yield replace(frame, ground_resolution_m=kept.look.ground_resolution_m)

        def moments() -> Iterator[Moment]:
            for frame, found in detect_many(self._near.everything, frames()):
                sure = self._near.models.believed(found)
                hide = to_hide(found.where(sure), found.where(~sure))
                yield Moment(image_bgr=frame.image_bgr, media_time_s=frame.media_time_s or 0.0, hide=hide)

        write_film(hidden_moments(moments()), out)
        if not offs or min(offs)[1] > _SAME_PICTURE:
            raise VideoError(clip, "does not show at this time what the still shows", "cut it by hand from the film")


def _chosen(clip: Path, at_s: float) -> Iterator[Frame]:
    """Some pictures of a clip a second, the one of the finding among them."""
    step_s = 1 / SHOWN_PER_S
    next_s = at_s % step_s

    def want(media_time_s: float) -> bool:
        nonlocal next_s
        if media_time_s < next_s - 1e-3:
            return False
        next_s += step_s * max(1, -(-(media_time_s - next_s + 1e-3) // step_s))
        return True

    with VideoSource(clip, want=want) as source:
        yield from source


def _small_grey(image: Image) -> Image:
    return np.asarray(cv2.cvtColor(cv2.resize(image, _SMALL_WH, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY))


def _difference(still: Image, image: Image) -> float:
    return float(np.abs(still.astype(np.int16) - _small_grey(image)).mean())


def _moment(at: datetime | None, seconds: float) -> datetime | None:
    return None if at is None else at + timedelta(seconds=seconds)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
