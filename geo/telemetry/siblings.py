"""One photo read in the light of those beside it in its folder: a single file cannot tell that it is stored turned."""

from __future__ import annotations

from pathlib import Path

from geo.errors import InputFileError
from geo.frames import LocalFrame
from geo.telemetry.flight_check import check_flight
from geo.telemetry.photo import PhotoTelemetry, read_photo

_SUFFIXES = (".jpg", ".jpeg", ".tif", ".tiff")
# Telemetry is read in milliseconds, features take longer: many files are asked where they are, few are matched.
_MOST_FILES, _MOST_NEIGHBOURS = 400, 12


def read_photo_among_siblings(path: str | Path) -> PhotoTelemetry:
    """Telemetry of one photo; where its Software tag is not the drone's, checked against its neighbours in the folder.

    A photo that the drone wrote itself is read as it is, by `read_photo`. One that other software has saved is compared
    with the photos around it by `check_flight`, and comes back turned, confirmed, or flagged `maybe_turned`.

    Raises:
        InputFileError: The file is missing, empty, truncated or no picture.
    """
    file = Path(path)
    told = read_photo(file)
    if "software_not_firmware" not in told.flags or not told.locatable:
        return told
    neighbours = _neighbours(file, told)
    return check_flight([(file, told), *neighbours]).photos[0]


def _neighbours(file: Path, told: PhotoTelemetry) -> list[tuple[Path, PhotoTelemetry]]:
    """The nearest other photos of the folder that can be located, nearest first."""
    assert told.pose is not None
    frame = LocalFrame(lon=told.pose.lon, lat=told.pose.lat)
    found: list[tuple[float, Path, PhotoTelemetry]] = []
    for other in _beside(file):
        try:
            photo = read_photo(other)
        except InputFileError:
            continue
        if photo.pose is not None and photo.locatable:
            east_m, north_m = frame.en_from_lonlat([(photo.pose.lon, photo.pose.lat)])[0]
            found.append((float(east_m**2 + north_m**2), other, photo))
    return [(other, photo) for _, other, photo in sorted(found, key=lambda item: item[0])[:_MOST_NEIGHBOURS]]


def _beside(file: Path) -> list[Path]:
    """The other pictures of the folder, those with the nearest names where there are very many."""
    names = sorted(p for p in file.parent.iterdir() if p.suffix.lower() in _SUFFIXES and p.name != file.name)
    if len(names) <= _MOST_FILES:
        return names
    middle = sum(name < file for name in names)
    start = min(max(middle - _MOST_FILES // 2, 0), len(names) - _MOST_FILES)
    return names[start : start + _MOST_FILES]
