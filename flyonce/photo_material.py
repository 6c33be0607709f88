"""Photos as material: telemetry from their own files, checked over the whole flight where all are at hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from flyonce.looks import OriginalFile, Prepared, Problem, Shot
from flyonce.material import Account, Candidate
from flyonce.picture_masks import Masks
from geo.camera import Camera
from geo.errors import GeoError
from geo.flight_bias import estimate_flight_bias
from geo.ground import Ground
from geo.pose import Pose
from geo.telemetry.flight_check import check_flight
from geo.telemetry.photo import PhotoTelemetry, read_photo
from geo.telemetry.tie_points import TiePoints
from vision.errors import PhotoError
from vision.frame import Frame
from vision.sources.photos import read_frame


class PhotoMaterial:
    """Photos of one flight.

    A sequence is checked as a whole for photos stored upside-down; any other iterable is taken as it comes, while the
    drone flies.
    """

    def __init__(
        self,
        photos: Iterable[Path],
        *,
        ground: Ground,
        masks: Masks,
        on_stage: Callable[[str], None] = lambda stage: None,
        on_photo: Callable[[int], None] = lambda done: None,
        ahead: int | None = None,
    ) -> None:
        """Join the parts.

        Args:
            photos: Files in the order of flight.
            ground: What lies below.
            masks: Mapped surroundings, projected into each picture.
            on_stage: Called with the name of what begins.
            on_photo: Called with how many photos were read, good or not.
            ahead: Pictures in the works at a time; 1 where the next one may be long in coming.
        """
        self._photos = photos
        self._ground = ground
        self._masks = masks
        self._on_stage = on_stage
        self._on_photo = on_photo
        self._given = 0
        self._first: dict[str, Path] = {}
        self.unreadable: list[Problem] = []
        self.telemetry_s = 0.0
        self.ahead = ahead

    def pictures(self) -> Iterator[Prepared]:
        """Each readable photo; a file that is no picture is listed and left out."""
        for index, (path, told) in enumerate(self._told()):
            self._on_photo(index)
            try:
                frame = read_frame(path, index=index)
            except PhotoError as error:
                self.unreadable.append((path, str(error)))
                continue
            if self._is_known(frame):
                continue
            self._given += 1
            shot = Shot.of_photo(told)
            yield Prepared(
                key=str(path),
                name=path.name,
                frame=frame,
                shot=shot,
                original=OriginalFile(path=path, sha256=frame.sha256 or ""),
                masks=self._masks.of(shot),
            )

    def _is_known(self, frame: Frame) -> bool:
        """Whether the same picture was looked at: again it would confirm what it showed already."""
        path, digest = Path(frame.source), frame.sha256 or frame.source
        if digest not in self._first:
            self._first[digest] = path
            return False
        if self._first[digest] != path:
            self.unreadable.append((path, f"{path}: is the same picture as {self._first[digest]}. Give each once."))
        return True

    def attend(self, candidate: Candidate) -> None:
        """Photos were taken when they were taken: nothing to choose."""

    def settle(self, key: int) -> None:
        """Nothing to choose."""

    def account(self) -> Account:
        """How many photos were read."""
        return Account(frames_decoded=self._given)

    def _told(self) -> Iterator[tuple[Path, PhotoTelemetry]]:
        """Photos with their telemetry, turned right side up where they are stored turned."""
        if not isinstance(self._photos, Sequence):
            yield from self._read()
            return
        self._on_stage("reading telemetry")
        began = perf_counter()
        read = list(self._read())
        spots: list[TiePoints] = []
        checked = check_flight(read, ground=self._ground, on_tie_points=spots.extend)
        photos = _without_bias(checked.photos, spots, self._ground)
        self.telemetry_s = perf_counter() - began
        self._on_stage("looking")
        yield from zip((path for path, _ in read), photos, strict=True)

    def _read(self) -> Iterator[tuple[Path, PhotoTelemetry]]:
        for path in self._photos:
            try:
                yield path, read_photo(path)
            except GeoError as error:
                self.unreadable.append((path, str(error)))


def _without_bias(
    photos: Sequence[PhotoTelemetry], spots: Sequence[TiePoints], ground: Ground
) -> Sequence[PhotoTelemetry]:
    """The photos without what all of them are off by, where the spots that they share say so clearly."""
    pictures = [
        None
        if photo.pose is None or photo.camera is None or "maybe_turned" in photo.flags
        else (photo.pose, photo.camera)
        for photo in photos
    ]
    bias = estimate_flight_bias(pictures, spots, ground)
    if not bias.is_worth_correcting:
        return photos
    return [
        photo
        if photo.pose is None
        else replace(photo, pose=bias.corrected(photo.pose), flags=(*photo.flags, "flight_bias_corrected"))
        for photo in photos
    ]


def _trusted(photo: PhotoTelemetry) -> tuple[Pose, Camera] | None:
    if photo.pose is None or photo.camera is None or "maybe_turned" in photo.flags:
        return None
    return photo.pose, photo.camera
