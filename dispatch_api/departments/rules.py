"""Routing rules as data: matter × zone × date × gear × extent × district → who, on what basis, by which clocks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from dispatch_api.cases.matters import Clocks, Matters
from dispatch_api.configuration import ConfigurationModel, Name, read_model
from dispatch_api.departments.model import Departments
from dispatch_api.errors import ConfigurationError


def _month_and_day(text: str) -> str:
    date.fromisoformat(f"2000-{text}")
    return text


MonthDay = Annotated[str, AfterValidator(_month_and_day)]


class Season(ConfigurationModel):
    """A part of every year, both ends included; may run over New Year."""

    first: MonthDay
    last: MonthDay

    def has(self, day: date) -> bool:
        """Whether a day lies in it."""
        here = f"{day:%m-%d}"
        if self.first <= self.last:
            return self.first <= here <= self.last
        return here >= self.first or here <= self.last


class RoutingRule(ConfigurationModel):
    """One rule. All its conditions must hold; a condition that is left out always does.

    Attributes:
        id: Its name, unique.
        matter: Key of the matter.
        zone: Kind of zone that the thing lies in.
        valid_from: First day of the year's days on which it holds (`from` in the file).
        valid_until: Last one (`until`).
        season: The part of every year in which it holds.
        labels: What the detector must have called the thing: gear, a boat, a person.
        min_extent_m2: Least area.
        max_extent_m2: Area that is too large for it.
        districts: Codes of districts, of which it lies in one.
        lead: Who leads; None means: no offence, count it only.
        co: Who helps (`with`).
        text: What the rule says.
        basis: The legal basis.
        clocks: In the place of the matter's.
        evidence: In the place of the matter's.
        author: Who wrote it; the file's where left out.
        effective_from: First day on which decisions go by it; the file's where left out.
        effective_until: Last such day.
    """

    id: str = Field(min_length=1, max_length=64)
    matter: str
    zone: str | None = None
    valid_from: date | None = Field(default=None, alias="from")
    valid_until: date | None = Field(default=None, alias="until")
    season: Season | None = None
    labels: tuple[str, ...] = ()
    min_extent_m2: float | None = Field(default=None, ge=0)
    max_extent_m2: float | None = Field(default=None, gt=0)
    districts: tuple[str, ...] = ()
    lead: str | None
    co: tuple[str, ...] = Field(default=(), alias="with")
    text: Name
    basis: Name
    clocks: Clocks = Clocks()
    evidence: tuple[str, ...] = ()
    author: str | None = None
    effective_from: date | None = None
    effective_until: date | None = None

    @model_validator(mode="after")
    def _can_hold(self) -> RoutingRule:
        if self.valid_from and self.valid_until and self.valid_until < self.valid_from:
            raise ValueError(f"it ends ({self.valid_until}) before it begins ({self.valid_from})")
        if self.effective_from and self.effective_until and self.effective_until < self.effective_from:
            raise ValueError(f"it is in effect until {self.effective_until}, which is before {self.effective_from}")
        least = self.min_extent_m2 or 0.0
        if self.max_extent_m2 is not None and self.max_extent_m2 <= least:
            raise ValueError(f"no area is at least {least:g} and below {self.max_extent_m2:g} m2")
        return self

    @property
    def has_conditions(self) -> bool:
        """Whether anything but the matter is asked."""
        asked = (self.zone, self.valid_from, self.valid_until, self.season, self.min_extent_m2, self.max_extent_m2)
        return any(value is not None for value in asked) or bool(self.labels or self.districts)


class RulesFile(ConfigurationModel):
    """A whole file of rules; within a matter the first one that holds wins."""

    author: str
    effective_from: date
    rules: tuple[RoutingRule, ...]


def load_rules(path: Path | None, *, matters: Matters, departments: Departments) -> RulesFile:
    """Read the rules from `path`, or the defaults, and check them against matters, departments and each other.

    Raises:
        ConfigurationError: The file cannot be used, names a matter or department that does not exist, or has a rule
            that could never fire.
    """
    model, source = read_model(RulesFile, path, default="routing.yaml")
    for number, rule in enumerate(model.rules):
        problem = _problem(rule, model, model.rules[:number], matters, departments)
        if problem:
            raise ConfigurationError(
                path=source,
                place=f"rules > {number} ({rule.id})",
                problem=problem,
                remedy="Correct the rule, or what it names in the matters or departments",
            )
    return model


def _problem(
    rule: RoutingRule, file: RulesFile, before: Sequence[RoutingRule], matters: Matters, departments: Departments
) -> str | None:
    if any(other.id == rule.id for other in before):
        return "another rule has the same id"
    if rule.matter not in matters.by_key:
        return f"matter {rule.matter!r} is unknown"
    unknown = next((key for key in (rule.lead, *rule.co) if key is not None and key not in departments), None)
    if unknown is not None:
        return f"department {unknown!r} is unknown"
    above = next((other for other in before if _hides(other, rule, file)), None)
    return None if above is None else f"it can never fire, for {above.id!r} before it asks for nothing but the matter"


def _hides(other: RoutingRule, rule: RoutingRule, file: RulesFile) -> bool:
    if other.matter != rule.matter or other.has_conditions:
        return False
    starts_later = (other.effective_from or file.effective_from) > (rule.effective_from or file.effective_from)
    ends_earlier = other.effective_until is not None and (
        rule.effective_until is None or other.effective_until < rule.effective_until
    )
    return not (starts_later or ends_earlier)
