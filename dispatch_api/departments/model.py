"""Departments as configuration."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from pydantic import Field

from dispatch_api.configuration import ConfigurationModel, Name, read_model
from dispatch_api.errors import ConfigurationError

CENTRE = "centre"


class Department(ConfigurationModel):
    """Whoever is responsible for a kind of work; `stands_for` makes it the local one of a general department."""

    key: str = Field(pattern=r"^[a-z0-9_]+$")
    name: Name
    stands_for: str | None = None
    districts: tuple[str, ...] = ()


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
    return f"{astray.key!r} stands for {astray.stands_for!r}, which is not in the list" if astray else None
