"""The thresholds of identity, and reading them from YAML: what does not fit is refused with file, line and remedy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

from pydantic import BeforeValidator, create_model

from geo.errors import InputFileError
from geo.table_file import Table, TableFile

_REMEDY = "Compare with the default geo/identity/identity.yaml"
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(min|h|d)")
_SECONDS = {"min": 60.0, "h": 3_600.0, "d": 86_400.0}
# 5.3 sigmas. What looks for neighbours has to end somewhere.
LARGEST_PROBABILITY = 0.999_999


@dataclass(frozen=True, kw_only=True)
class IdentityRules:
    """When sightings are of one thing; the defaults are those of the default file.

    Attributes:
        merge_probability: Two places inside this share of their joint error are one.
        suggest_probability: Between the two shares a person decides.
        frame_probability: The gate between the pictures of one flight, whose shared offset cancels.
        residual_probability: The gate between things whose offsets cancel, where other evidence speaks for one thing.
        overlap_share: Outlines that share this much of the smaller one are one thing.
        max_ellipse95_m: A place less sure than this (95 %, major half axis) may be suggested, and never joins.
        offset_floor_m: The least offset, one sigma per axis, that all pictures of one flight share.
        align_matches: So many things seen on two flights tell the offset between them; fewer do not.
        align_floor_m: What remains uncertain of an offset that was told, one sigma per axis, at least.
        clean_look_pictures: A flight that showed a place in this many pictures without the thing found it clean.
        families: Label → family; labels of one family may join. A label that is missing is its own family.
        windows: Family → longest time between sightings of one thing; none means no limit.
    """

    merge_probability: float = 0.95
    suggest_probability: float = 0.999
    frame_probability: float = 0.99
    residual_probability: float = 0.9999
    overlap_share: float = 0.30
    max_ellipse95_m: float = 30.0
    offset_floor_m: float = 1.2
    align_matches: int = 5
    align_floor_m: float = 0.2
    clean_look_pictures: int = 4
    families: Mapping[str, str] = field(default_factory=dict)
    windows: Mapping[str, timedelta] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("merge_probability", "suggest_probability", "frame_probability", "residual_probability"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"{name} must lie between 0 and 1")
        if self.suggest_probability > LARGEST_PROBABILITY:
            raise ValueError(f"suggest_probability must not be more than {LARGEST_PROBABILITY}")
        if self.merge_probability > self.suggest_probability:
            raise ValueError("suggest_probability must not be less than merge_probability")
        if self.frame_probability > self.residual_probability:
            raise ValueError("residual_probability must not be less than frame_probability")
        if not 0 < self.overlap_share <= 1:
            raise ValueError("overlap_share must lie above 0 and not above 1")
        if self.max_ellipse95_m <= 0:
            raise ValueError("max_ellipse95_m must be positive")
        if self.offset_floor_m < 0 or self.align_floor_m < 0:
            raise ValueError("offset_floor_m and align_floor_m must not be negative")
        if self.align_matches < 3 or self.clean_look_pictures < 1:
            raise ValueError("align_matches must be at least 3, and clean_look_pictures at least 1")
        if any(window <= timedelta(0) for window in self.windows.values()):
            raise ValueError("a window must be longer than nothing")

    def family_of(self, label: str) -> str:
        """The family that a label belongs to."""
        return self.families.get(label, label)


def load_rules(path: Path | None = None) -> IdentityRules:
    """Read the rules from `path`, or the defaults that come with the package.

    Raises:
        InputFileError: The file is not YAML of the shape described in the default file; names file, line and remedy.
    """
    source: Path | Traversable = files("geo.identity").joinpath("identity.yaml") if path is None else path
    file = TableFile(source, remedy=_REMEDY, raises=InputFileError)
    told = file.model(_RulesTable).model_dump(exclude_unset=True)
    families: dict[str, str] = {}
    windows: dict[str, timedelta] = {}
    for family, table in told.pop("families", {}).items():
        for number, label in enumerate(table.get("labels", ())):
            if label in families:
                raise file.refusal(("families", family, "labels", number), f"the label {label!r} is in two families")
            families[label] = family
        if "window" in table:
            windows[family] = table["window"]
    try:
        return IdentityRules(**told, families=MappingProxyType(families), windows=MappingProxyType(windows))
    except ValueError as error:
        # The message begins with the name of the field that does not fit.
        names = [one.name for one in fields(IdentityRules) if one.name in str(error)]
        raise file.refusal(("families",) if "window" in str(error) else names[:1], str(error)) from error


def _duration(told: object) -> timedelta:
    match = _DURATION.fullmatch(told) if isinstance(told, str) else None
    if match is None:
        raise ValueError("a duration is a number with min, h or d, like 72h")
    return timedelta(seconds=float(match[1]) * _SECONDS[match[2]])


class _FamilyTable(Table):
    labels: tuple[str, ...] = ()
    window: Annotated[timedelta, BeforeValidator(_duration)] = timedelta(0)


_NUMBERS = {"float": float, "int": int}
_RulesTable = create_model(  # type: ignore[call-overload]  # fields by name, each with its kind
    "_RulesTable",
    __base__=Table,
    families=(dict[str, _FamilyTable], {}),
    **{one.name: (_NUMBERS[str(one.type)], one.default) for one in fields(IdentityRules) if one.type in _NUMBERS},
)
