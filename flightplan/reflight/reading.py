"""Reading what is to be looked at again: JSON or YAML; whatever does not fit is refused with its place and a remedy."""

from __future__ import annotations

import json
import math
import re
import reprlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, field_validator, model_validator
from pydantic import Field as Key

from flightplan.errors import InputFileError
from flightplan.files.text import read_text
from flightplan.reflight.model import MOST_PRIORITY, Spread, Target

REMEDY = "Compare with the example in docs/reflight.md"
_JSON_ENDINGS = (".json", ".geojson")
MOST_ROWS = 100_000
USUAL_RESOLUTION_M = 0.03
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
Table = TypeVar("Table", bound=BaseModel)


def read_targets(path: Path | str, resolution_m: float = USUAL_RESOLUTION_M) -> list[Target]:
    """The cases of a file: a list under `cases`, or a list alone.

    Args:
        path: JSON or YAML.
        resolution_m: Metres of ground per pixel where a case does not say, 0.001 to 10.

    Raises:
        InputFileError: The file cannot be read, is not JSON or YAML of that shape, or says what cannot be.
    """
    path = Path(path)
    told = read_document(path)
    if isinstance(told, list):
        told = {"cases": told}
    return [case.target(resolution_m) for case in validated(path, _CasesTable, told).cases]


def read_document(path: Path) -> object:
    """What a JSON or YAML file says; dates stay texts.

    Raises:
        InputFileError: It cannot be read.
    """
    text = read_text(path)
    try:
        if path.suffix.lower() in _JSON_ENDINGS:
            return json.loads(text, object_pairs_hook=_once_each)
        loader = _Texts(text)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except json.JSONDecodeError as error:
        raise InputFileError(
            path=path,
            place=f"line {error.lineno}, column {error.colno}",
            problem=f"this is not JSON ({error.msg})",
            remedy=REMEDY,
        ) from error
    except yaml.MarkedYAMLError as error:
        place = "" if error.problem_mark is None else f"line {error.problem_mark.line + 1}"
        raise InputFileError(
            path=path, place=place, problem=f"this is no YAML ({error.problem})", remedy=REMEDY
        ) from error
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise InputFileError(path=path, problem=f"it cannot be read ({error})", remedy=REMEDY) from error


def _once_each(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A table of a document: of two values under one key, nobody can say which is meant."""
    table = dict(pairs)
    if len(table) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {twice!r:.60} stands twice in one table")
    return table


class _Texts(yaml.BaseLoader):
    """Nothing is made of what is written: YAML would take 2026-11-30 for a date and yes for true."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [one.value for one, _ in node.value if isinstance(one, yaml.ScalarNode)]
        _once_each([(key, None) for key in keys])
        return super().construct_mapping(node, deep=deep)


def validated(path: Path, table: type[Table], told: object, within: str = "") -> Table:
    """The document, or what stands `within` it, as a table.

    Raises:
        InputFileError: It is not of that shape; names the first place where it is not.
    """
    try:
        return table.model_validate(told)
    except ValidationError as error:
        # A key that is not known is most often the misspelt one that is missing, too.
        first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
        place = " > ".join(part for part in (within, _place(first["loc"], told)) if part)
        raise InputFileError(
            path=path, place=place, problem=_in_words(first["msg"], first.get("input")), remedy=REMEDY
        ) from error


class Strict(BaseModel):
    """A table without keys that nobody knows, without numbers that are none, and with nothing made of true."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _is_no_truth(cls, told: object) -> object:
        if isinstance(told, bool):
            raise ValueError(f"{str(told).lower()} is neither a number nor a text")
        return told


def _name(told: object) -> object:
    return str(told) if isinstance(told, int) and not isinstance(told, bool) else told


def _day(told: object) -> object:
    # Nothing is made of numbers: they would be seconds since 1970.
    if told is None or isinstance(told, date):
        return told
    if not (isinstance(told, str) and _DAY.fullmatch(told)):
        raise ValueError(f"days are written like 2026-11-30, not {reprlib.repr(told)}")
    return date.fromisoformat(told)


Day = Annotated[date, BeforeValidator(_day)]
"""A day, written in full."""

Name = Annotated[str, BeforeValidator(_name), Key(min_length=1, max_length=200)]
"""A number is a name, too."""


class _EllipseTable(Strict):
    semi_major_m: float
    semi_minor_m: float
    bearing_deg: float = 0.0


class _CovarianceTable(Strict):
    east_m2: float
    north_m2: float
    east_north_m2: float = 0.0


class _CaseTable(Strict):
    id: Name
    lon: float
    lat: float
    ellipse: _EllipseTable | None = None
    covariance: _CovarianceTable | None = None
    radius_m: float | None = None
    view: Literal["nadir", "oblique"] = "nadir"
    resolution_m: float | None = None
    bearing_deg: float | None = None
    priority: int = Key(default=1, ge=1, le=MOST_PRIORITY)
    due_on: Day | None = None
    _target: Target

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        # Here, so that what its own types refuse is refused with its place in the file.
        self._target = Target(
            target_id=self.id,
            lon=self.lon,
            lat=self.lat,
            spread=self._spread(),
            view=self.view,
            resolution_m=USUAL_RESOLUTION_M if self.resolution_m is None else self.resolution_m,
            bearing_deg=self.bearing_deg,
            priority=self.priority,
            due_on=self.due_on,
        )
        return self

    def target(self, resolution_m: float) -> Target:
        return replace(self._target, resolution_m=resolution_m) if self.resolution_m is None else self._target

    def _spread(self) -> Spread:
        told = [one for one in (self.ellipse, self.covariance, self.radius_m) if one is not None]
        if len(told) != 1:
            raise ValueError("give one of ellipse, covariance and radius_m")
        if self.ellipse is not None:
            if self.ellipse.semi_minor_m > self.ellipse.semi_major_m:
                raise ValueError("semi_minor_m must not be more than semi_major_m")
            return Spread(
                half_length_m=self.ellipse.semi_major_m,
                half_width_m=self.ellipse.semi_minor_m,
                bearing_deg=self.ellipse.bearing_deg,
            )
        if self.covariance is not None:
            return Spread.of_covariance(
                self.covariance.east_m2, self.covariance.north_m2, self.covariance.east_north_m2
            )
        radius_m = self.radius_m if self.radius_m is not None else math.nan
        return Spread(half_length_m=radius_m, half_width_m=radius_m)


class _CasesTable(Strict):
    cases: list[_CaseTable] = Key(min_length=1, max_length=MOST_ROWS)


def _place(loc: Sequence[int | str], told: object) -> str:
    """The path to a value, with the id of the case that it belongs to."""
    words, node = [], told
    for part in loc:
        try:
            node = node[part]  # type: ignore[index]  # whatever the document holds
        except (TypeError, LookupError):
            node = None
        name = node.get("id") if isinstance(node, dict) else None
        words.append(f"{part} (id {name!s:.40})" if name is not None and isinstance(part, int) else str(part))
    return " > ".join(words)


def _in_words(message: str, told: object) -> str:
    match message:
        case "Field required":
            return "it is missing"
        case "Extra inputs are not permitted":
            return "this key is not known"
        case _ if message.startswith("Input should be a valid dictionary"):
            return f"this is no table of keys and values, but {reprlib.repr(told)}"
        case _ if message.startswith("List should have at least 1 item"):
            return "the list is empty"
        case _ if message.startswith("Value error, "):
            return message.removeprefix("Value error, ")
        case _:
            return f"{message[:1].lower()}{message[1:]}, not {reprlib.repr(told)}"
