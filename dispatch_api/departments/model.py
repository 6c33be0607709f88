"""Departments as configuration."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from pydantic import Field

from dispatch_api.configuration import ConfigurationModel, Name, read_model
from dispatch_api.errors import ConfigurationError

CENTRE = "centre"


Level = Literal["city", "county", "town"]
_LEVELS: tuple[Level, ...] = ("city", "county", "town")


class Department(ConfigurationModel):
    """Whoever is responsible for a kind of work.

    Attributes:
        key: Its name in rules, tasks and accounts.
        name: What people call it.
        stands_for: The general department whose local one it is.
        districts: The districts in which it stands for that one.
        parent: The department above it; its people see this one's tasks, and do not touch them.
        level: Where in the city's tree it stands, where that is said: below a county there are towns only.
        code: Its unified social credit code (18 characters), for exports that name departments by it.
    """

    key: str = Field(pattern=r"^[a-z0-9_]+$", max_length=64)
    name: Name
    stands_for: str | None = None
    districts: tuple[str, ...] = ()
    parent: str | None = None
    level: Level | None = None
    code: str | None = Field(default=None, pattern=r"^[0-9A-HJ-NPQRTUWXY]{18}$")


class _DepartmentsFile(ConfigurationModel):
    departments: tuple[Department, ...] = Field(min_length=1)


@dataclass(frozen=True, kw_only=True)
class Departments:
    """Every department of a city, by key."""

    by_key: Mapping[str, Department]

    def __contains__(self, key: object) -> bool:
        return key in self.by_key

    def name_of(self, key: str) -> Name:
        """The department's name; its key, where the configuration no longer has it."""
        department = self.by_key.get(key)
        return department.name if department else Name(zh=key, en=key)

    def under(self, key: str) -> tuple[str, ...]:
        """The departments below one, at any depth, in the order of the file; without itself."""
        below: list[str] = []
        for department in self.by_key.values():
            if key in _above(department, self.by_key):
                below.append(department.key)
        return tuple(below)

    def local(self, key: str, districts: Collection[str]) -> tuple[str, ...]:
        """The departments that stand for `key` in these districts, or `key` itself where none does."""
        found = tuple(
            department.key
            for department in self.by_key.values()
            if department.stands_for == key and set(department.districts) & set(districts)
        )
        return found or (key,)


def load_departments(path: Path | None = None) -> Departments:
    """Read the departments from `path`, or the defaults.

    Raises:
        ConfigurationError: The file cannot be used.
    """
    model, source = read_model(_DepartmentsFile, path, default="departments.yaml")
    keys = [department.key for department in model.departments]
    problem = _problem(model.departments, keys)
    if problem:
        raise ConfigurationError(
            path=source, place="departments", problem=problem, remedy="Correct the list of departments"
        )
    return Departments(by_key=MappingProxyType({department.key: department for department in model.departments}))


def _problem(departments: tuple[Department, ...], keys: list[str]) -> str | None:
    if CENTRE not in keys:
        return f"{CENTRE!r} is missing"
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice:
        return f"{twice!r} is there twice"
    astray = next((d for d in departments if d.stands_for and d.stands_for not in keys), None)
    if astray:
        return f"{astray.key!r} stands for {astray.stands_for!r}, which is not in the list"
    return _tree_problem({department.key: department for department in departments})


def _tree_problem(by_key: Mapping[str, Department]) -> str | None:
    for department in by_key.values():
        if department.parent is not None and department.parent not in by_key:
            return f"the parent of {department.key!r} is {department.parent!r}, which is not in the list"
    for department in by_key.values():
        above = _above(department, by_key)
        if department.key in above:
            return f"{department.key!r} is above itself ({' > '.join((department.key, *above))})"
        for key in above:
            higher = by_key[key].level
            if department.level and higher and _LEVELS.index(higher) >= _LEVELS.index(department.level):
                return f"{department.key!r} ({department.level}) is under {key!r} ({higher})"
    return None


def _above(department: Department, by_key: Mapping[str, Department]) -> tuple[str, ...]:
    """The departments above one, the nearest first; in a circle it ends where it comes round."""
    above: list[str] = []
    key = department.parent
    while key is not None and key not in above:
        above.append(key)
        key = by_key[key].parent
    return tuple(above)
