"""A flight's coverage as one small file: columns of numbers, deflated, under a header of JSON."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from geo.coverage.cells import DTYPES, Cells
from geo.coverage.flight import Blind, FlightCoverage, ModelSight
from geo.errors import InputFileError
from geo.whole_file import whole_file

SUFFIX = ".coverage"
_VERSION = 1
_HEADER = "header.json"
_PICTURES = "pictures.npy"
_SIGHTED = "sighted.npy"
_REMEDY = "Analyze the flight again to write it anew, or remove the file"
_LONGEST_NAME = 120


@dataclass(frozen=True, kw_only=True)
class Header:
    """What a file tells without its cells.

    Attributes:
        path: The file.
        flight_id: The flight.
        days: The days of its cells; None for those of pictures without a time.
        bounds: West, south, east, north in degrees; None where it saw nothing.
        models: What looked.
        blind: When it saw nothing.
        looks: Pictures looked at.
        unplaced: Those of them that could not be put on the ground.
    """

    path: Path
    flight_id: str
    days: tuple[date | None, ...]
    bounds: tuple[float, float, float, float] | None
    models: tuple[ModelSight, ...]
    blind: tuple[Blind, ...]
    looks: int
    unplaced: int


def path_of(folder: Path, flight_id: str) -> Path:
    """Where a flight's coverage lies in a folder; one flight has one file."""
    name = quote(flight_id, safe=" ()+,@=")
    if len(name) > _LONGEST_NAME or name.startswith("."):
        name = f"{name.strip('.')[:60]}~{hashlib.sha256(flight_id.encode()).hexdigest()[:16]}"
    return folder / f"{name}{SUFFIX}"


def write_coverage(folder: Path, coverage: FlightCoverage) -> Path:
    """Write a flight's coverage, whole or not at all; an older one of the flight gives way.

    Raises:
        InputFileError: The folder cannot be written to.
    """
    path = path_of(folder, coverage.flight_id)
    try:
        with whole_file(path) as partial, partial.open("wb") as file:
            _write(file, coverage)
    except OSError as error:
        problem = f"the flight's coverage cannot be written ({error.strerror or error})"
        raise InputFileError(
            path=path, problem=problem, remedy="Make room, or give the right to write there"
        ) from error
    return path


def read_header(path: Path) -> Header:
    """What a file of coverage tells of itself.

    Raises:
        InputFileError: It is no such file, or damaged.
    """
    with _opened(path) as archive:
        told = json.loads(archive.read(_HEADER))
        return _header(path, told)


def read_coverage(path: Path) -> FlightCoverage:
    """A flight's coverage.

    Raises:
        InputFileError: It is no such file, or damaged.
    """
    with _opened(path) as archive:
        header = _header(path, json.loads(archive.read(_HEADER)))
        return FlightCoverage(
            flight_id=header.flight_id,
            models=header.models,
            days={day: _cells(archive, number) for number, day in enumerate(header.days)},
            blind=header.blind,
            looks=header.looks,
            unplaced=header.unplaced,
            pictures=_array(archive, _PICTURES),
            sighted=_array(archive, _SIGHTED),
        )


def _write(file: Any, coverage: FlightCoverage) -> None:  # noqa: ANN401 - a binary file
    days = sorted(coverage.days, key=lambda day: (day is not None, day or date.min))
    told: dict[str, Any] = {
        "version": _VERSION,
        "flight_id": coverage.flight_id,
        "days": [None if day is None else day.isoformat() for day in days],
        "bounds": coverage.bounds(),
        "models": [asdict(model) for model in coverage.models],
        "blind": [
            {
                "began_at": blind.began_at.isoformat(),
                "ended_at": None if blind.ended_at is None else blind.ended_at.isoformat(),
                "reason": blind.reason,
            }
            for blind in coverage.blind
        ],
        "looks": coverage.looks,
        "unplaced": coverage.unplaced,
    }
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        _put(archive, _HEADER, json.dumps(told, ensure_ascii=False).encode())
        for number, day in enumerate(days):
            for name, values in _columns(coverage.days[day]).items():
                _put_array(archive, f"{number}/{name}.npy", values)
        _put_array(archive, _PICTURES, coverage.pictures)
        _put_array(archive, _SIGHTED, coverage.sighted)


def _put_array(archive: zipfile.ZipFile, name: str, values: np.ndarray[Any, Any]) -> None:
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=False)
    _put(archive, name, buffer.getvalue())


def _array(archive: zipfile.ZipFile, name: str) -> np.ndarray[Any, Any]:
    values: np.ndarray[Any, Any] = np.load(io.BytesIO(archive.read(name)), allow_pickle=False)
    return values


def _put(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    # Without a date, so that the same coverage always makes the same bytes.
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, data)


def _columns(cells: Cells) -> dict[str, np.ndarray[Any, Any]]:
    """Keys and times as steps from one to the next: neighbours differ by little, and little deflates well."""
    columns = {name: getattr(cells, name) for name in DTYPES}
    columns["key"] = np.diff(cells.key, prepend=np.int64(0))
    columns["last_s"] = cells.last_s - cells.first_s
    columns["first_s"] = np.diff(cells.first_s, prepend=np.uint32(0))
    return columns


def _cells(archive: zipfile.ZipFile, number: int) -> Cells:
    columns = {name: _array(archive, f"{number}/{name}.npy") for name in DTYPES}
    columns["key"] = np.cumsum(columns["key"])
    columns["first_s"] = np.cumsum(columns["first_s"], dtype=np.uint32)
    columns["last_s"] = columns["last_s"] + columns["first_s"]
    return Cells(**columns)


def _header(path: Path, told: Mapping[str, Any]) -> Header:
    if told["version"] != _VERSION:
        raise ValueError(f"it was written by another version ({told['version']})")
    bounds = told["bounds"]
    return Header(
        path=path,
        flight_id=str(told["flight_id"]),
        days=tuple(None if day is None else date.fromisoformat(day) for day in told["days"]),
        bounds=None if bounds is None else (bounds[0], bounds[1], bounds[2], bounds[3]),
        models=tuple(ModelSight(**{**model, "labels": tuple(model["labels"])}) for model in told["models"]),
        blind=tuple(
            Blind(
                began_at=datetime.fromisoformat(blind["began_at"]),
                ended_at=None if blind["ended_at"] is None else datetime.fromisoformat(blind["ended_at"]),
                reason=str(blind["reason"]),
            )
            for blind in told["blind"]
        ),
        looks=int(told["looks"]),
        unplaced=int(told["unplaced"]),
    )


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except FileNotFoundError as error:
        raise InputFileError(path=path, problem="no such file", remedy="Check the path") from error
    except OSError as error:
        problem = f"cannot be read ({error.strerror or error})"
        raise InputFileError(path=path, problem=problem, remedy="Check its rights") from error
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, EOFError) as error:
        problem = f"is no file of coverage, or damaged ({str(error).splitlines()[0]})"
        raise InputFileError(path=path, problem=problem, remedy=_REMEDY) from error
