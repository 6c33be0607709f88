"""From what is known about a picture to what the store keeps of its origin."""

from __future__ import annotations

from dispatch_api.evidence.capture import CameraPose, Capture
from flyonce.looks import OriginalFile, Shot
from geo.pose import Pose


def capture_of(file: OriginalFile, shot: Shot) -> Capture:
    """What an original is: a photo, or a frame of which film; and where the camera was."""
    film, pose = file.film, shot.pose
    return Capture(
        kind="photo" if film is None else film.kind,
        source_name=file.path.name if film is None else film.name,
        source_sha256=file.sha256 if film is None else film.sha256,
        frame=None if film is None else film.frame,
        media_time_s=None if film is None else film.media_time_s,
        pose=None if pose is None else _pose(pose),
    )


def _pose(pose: Pose) -> CameraPose:
    sigmas = pose.sigmas
    return CameraPose(
        lon=pose.lon,
        lat=pose.lat,
        alt_m=pose.alt_m,
        alt_datum=pose.alt_datum,
        heading_deg=pose.heading_deg,
        pitch_deg=pose.pitch_deg,
        roll_deg=pose.roll_deg,
        sigma_east_m=sigmas.east_m,
        sigma_north_m=sigmas.north_m,
        sigma_height_m=sigmas.height_m,
        sigma_heading_deg=sigmas.heading_deg,
        sigma_pitch_deg=sigmas.pitch_deg,
    )
