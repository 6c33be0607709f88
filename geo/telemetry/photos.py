"""A folder of photos, or some of them, as one reading: each photo is a record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from geo.errors import InputFileError
from geo.telemetry.entry import Entry
from geo.telemetry.flight_check import check_flight
from geo.telemetry.photo import PhotoTelemetry, open_photo, photo_of
from geo.telemetry.photo_entry import photo_entry
from geo.telemetry.photo_reading import photo_reading
from geo.telemetry.reading import TelemetryReading
from geo.telemetry.screening import Account

SUFFIXES = (".jpg", ".jpeg", ".tif", ".tiff", ".png", ".mpo")
_MOST_TOLD = 5


def photos_in(folder: Path) -> list[Path]:
    """The pictures in a folder and its subfolders, in the order of their names; hidden ones are left out."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    )


def read_photos(path: Path, files: Sequence[Path], *, on_photo: Callable[[], None] = lambda: None) -> TelemetryReading:
    """The poses of photos, in the order of their times; those that are stored turned are turned back.

    Args:
        path: What they are called together: their folder, or the only one of them.
        files: The photos.
        on_photo: Called after each.

    Raises:
        InputFileError: Not one of them tells a usable place.
    """
    account = Account()
    told: list[tuple[Path, PhotoTelemetry]] = []
    entries: list[Entry] = []
    unreadable: list[str] = []
    for file in files:
        try:
            size, exif, xmp = open_photo(file)
        except InputFileError as error:
            if len(files) == 1:
                raise
            unreadable.append(str(error))
            account.drop("unreadable", file.name)
        else:
            entry = photo_entry(exif, xmp, where=file.name)
            if isinstance(entry, str):
                account.drop(entry, file.name)
            else:
                entries.append(entry)
                told.append((file, photo_of(size, exif, xmp)))
        on_photo()
    checked = check_flight(told).photos if len(told) > 1 else [photo for _, photo in told]
    return photo_reading(
        path,
        [_as_checked(entry, photo) for entry, photo in zip(entries, checked, strict=True)],
        account,
        family="photos",
        dialect=_models(checked),
        entries_told=len(files),
        problems=(*unreadable[:_MOST_TOLD], *_others(unreadable)),
    )


def _as_checked(entry: Entry, photo: PhotoTelemetry) -> Entry:
    """The record as the photo's neighbours correct it."""
    flags = tuple(dict.fromkeys((*entry.flags, *photo.flags)))
    pose = photo.pose
    if pose is None:
        return replace(entry, flags=flags)
    return replace(entry, heading_deg=pose.heading_deg, pitch_deg=pose.pitch_deg, roll_deg=pose.roll_deg, flags=flags)


def _models(photos: Sequence[PhotoTelemetry]) -> str:
    names = Counter(" ".join(filter(None, (photo.make, photo.model))) or "unknown" for photo in photos)
    return ", ".join(name for name, _ in names.most_common(3)) or "unknown"


def _others(problems: Sequence[str]) -> tuple[str, ...]:
    more = len(problems) - _MOST_TOLD
    return (f"{more} more photos cannot be read",) if more > 0 else ()
