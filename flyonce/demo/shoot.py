"""The photo shoot: each exposure of the flight becomes a finished photo file, without holding up the flight."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType

from flightplan.flying.flight import PhotoEvent
from flyonce.demo.camera_sim import Photographer, TruePose
from flyonce.demo.district import District
from flyonce.demo.photo_file import PhotoRecord, write_photo
from flyonce.demo.reported import Navigator


class PhotoShoot:
    """Renders photos on threads of its own, in the order in which they were taken.

    Use it as a context manager; leaving it waits for no photo that nobody asked for.
    """

    def __init__(
        self,
        *,
        district: District,
        photographer: Photographer,
        navigator: Navigator,
        folder: Path,
        behind: timedelta = timedelta(0),
        workers: int = 1,
    ) -> None:
        """Join the parts.

        Args:
            district: Its local frame places the vehicle.
            photographer: Takes the pictures.
            navigator: Shakes the gimbal and misreports the pose.
            folder: Where the photos go.
            behind: How far the camera's clock is set behind the vehicle's hurried one.
            workers: Threads that render.
        """
        self.behind = behind
        self._district = district
        self._photographer = photographer
        self._navigator = navigator
        self._folder = folder
        self._pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="render")
        self._taken: SimpleQueue[Future[Path] | None] = SimpleQueue()

    def __enter__(self) -> PhotoShoot:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish()
        self._pool.shutdown(wait=True, cancel_futures=error is not None)

    def expose(self, event: PhotoEvent) -> None:
        """Queues the photo of one exposure and returns at once."""
        self._taken.put(self._pool.submit(self._make, event))

    def finish(self) -> None:
        """Says that the flight takes no more photos."""
        self._taken.put(None)

    def photos(self) -> Iterator[Path]:
        """Finished photo files in order, waiting for each, until `finish` was called and all are done.

        Raises:
            Exception: Whatever went wrong while a photo was made.
        """
        while (future := self._taken.get()) is not None:
            yield future.result()

    def _make(self, event: PhotoEvent) -> Path:
        true_pose = self._navigator.shaken(true_pose_of(event, self._district), event.index)
        image = self._photographer.take(true_pose, event.index)
        path = self._folder / f"DJI_{event.index:04d}.JPG"
        reported = self._navigator.reported(true_pose, event.index)
        write_photo(path, image, self._record(reported, event))
        return path

    def _record(self, reported: TruePose, event: PhotoEvent) -> PhotoRecord:
        district, lens = self._district, self._photographer.lens
        lon, lat = district.frame.lonlat_from_enu((reported.east_m, reported.north_m))[0]
        return PhotoRecord(
            taken_at=event.at - self.behind,
            lon=float(lon),
            lat=float(lat),
            alt_msl_m=district.home_alt_msl_m + reported.up_m,
            height_m=reported.up_m,
            heading_deg=reported.heading_deg,
            pitch_deg=reported.pitch_deg,
            roll_deg=reported.roll_deg,
            focal_px=lens.focal_px,
            size_wh_px=lens.size_wh_px,
        )


def true_pose_of(event: PhotoEvent, district: District) -> TruePose:
    """Where the vehicle says its camera is; the simulated vehicle knows this exactly."""
    east_m, north_m = district.frame.enu_from_lonlat((event.lon, event.lat))[0]
    return TruePose(
        east_m=float(east_m),
        north_m=float(north_m),
        up_m=event.alt_home_m,
        heading_deg=event.heading_deg,
        pitch_deg=event.pitch_deg,
        roll_deg=event.roll_deg,
    )
