"""Matters (事项) as configuration: names, codes, families, clocks and colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, model_validator

from dispatch_api.cases.clocks import ChinaDays, ClockText, WorkingCalendar
from dispatch_api.cases.model import Colour
from dispatch_api.clockwork.rules import Escalation
from dispatch_api.configuration import ConfigurationModel, Name, read_model
from dispatch_api.errors import ConfigurationError, InvalidRequest


class Clocks(ConfigurationModel):
    """Verify (T1, the centre), sign (T2) and dispose (T3, the department) of one matter."""

    t1: ClockText | None = None
    t2: ClockText | None = None
    t3: ClockText | None = None

    def overridden_by(self, other: Clocks) -> Clocks:
        """These clocks, with those of `other` in the place of every one that it names."""
        return Clocks(t1=other.t1 or self.t1, t2=other.t2 or self.t2, t3=other.t3 or self.t3)


class ColourRule(ConfigurationModel):
    """A colour, and all that must hold for it; the first rule that fits gives the colour."""

    colour: Colour
    zone: tuple[str, ...] = ()
    zone_class: tuple[str, ...] = ()
    min_extent_m2: float = Field(default=0.0, ge=0)
    min_repeats: int = Field(default=0, ge=0)


# As many as make a look a clean one when nobody looks at the picture.
_LOOKS_WITHOUT_A_PERSON = 4


class Closure(ConfigurationModel):
    """What a flight must show before it proves that a thing is gone.

    Attributes:
        auto_close: Whether such a flight closes the case by itself; else a person confirms it, seeing both pictures.
        min_looks: So many sure looks at the place, none of which found anything; left out, 4 where flights close cases
            by themselves, and 1 where a person sees the picture anyway.
        coarsest_cm: No coarser than so many centimetres of ground per pixel; None for what the model asks anyway.
        wait: So long after the work was reported done, and no sooner.
        unverifiable_after: So many flights that looked and could not tell make the case unverifiable.
    """

    auto_close: bool = False
    min_looks: int | None = Field(default=None, ge=1)
    coarsest_cm: float | None = Field(default=None, gt=0)
    wait: ClockText | None = None
    unverifiable_after: int = Field(default=2, ge=1)

    @property
    def looks(self) -> int:
        """How many sure looks are asked for."""
        return self.min_looks or (_LOOKS_WITHOUT_A_PERSON if self.auto_close else 1)

    @model_validator(mode="after")
    def _waits_by_the_clock(self) -> Closure:
        if self.wait is not None and self.wait.elapsed is None:
            raise ValueError("what a re-flight waits counts clock time: write min, h or d")
        return self


class Matter(ConfigurationModel):
    """One kind of thing that a city deals with."""

    key: str = Field(pattern=r"^[a-z_]+(\.[a-z_]+)*$")
    code: str = Field(pattern=r"^\d{5}$")
    local_extension: bool = False
    crosswalk: dict[str, str] = Field(default_factory=dict)
    name: Name
    family: str
    review: Literal["always", "below_auto_level"] = "below_auto_level"
    auto_level: float = Field(default=1.0, gt=0, le=1)
    clocks: Clocks
    red_clocks: Clocks = Clocks()
    colours: tuple[ColourRule, ...] = ()
    otherwise: Colour = Colour.GREEN
    evidence: tuple[str, ...] = ()
    reportable: bool = True
    published: bool = False
    closure: Closure = Closure()

    def colour_of(self, *, zones: Mapping[str, frozenset[str]], extent_m2: float | None, repeats: int) -> Colour:
        """The colour of a thing of this matter.

        Args:
            zones: The kinds of zone that it surely lies in, each with the classes of those zones.
            extent_m2: Its area; an unknown one passes no minimum above zero.
            repeats: How often the same was closed at this place in the last 30 days.
        """
        for rule in self.colours:
            if _fits(rule, zones, extent_m2, repeats):
                return rule.colour
        return self.otherwise

    def clocks_for(self, colour: Colour) -> Clocks:
        """The clocks that run for a case of this colour."""
        return self.clocks.overridden_by(self.red_clocks) if colour is Colour.RED else self.clocks


def _fits(rule: ColourRule, zones: Mapping[str, frozenset[str]], extent_m2: float | None, repeats: int) -> bool:
    if rule.zone and not any(kind in zones for kind in rule.zone):
        return False
    if rule.zone_class:
        classes = frozenset[str]().union(*(zones[kind] for kind in rule.zone or zones if kind in zones))
        if not classes & set(rule.zone_class):
            return False
    if rule.min_extent_m2 > 0 and (extent_m2 is None or extent_m2 < rule.min_extent_m2):
        return False
    return repeats >= rule.min_repeats


class _Family(ConfigurationModel):
    window: ClockText

    @model_validator(mode="after")
    def _counts_clock_time(self) -> _Family:
        if self.window.elapsed is None:
            raise ValueError("a family's window counts clock time: write min, h or d")
        return self


class _Calendar(ConfigurationModel):
    time_zone: str
    opens: time
    closes: time
    weekdays: tuple[int, ...]
    holidays: tuple[date, ...] = ()
    working_days: tuple[date, ...] = ()
    official: Literal["china"] | None = None

    @model_validator(mode="after")
    def _is_usable(self) -> _Calendar:
        try:
            self.built()
        except ZoneInfoNotFoundError as error:
            raise ValueError(f"time zone {self.time_zone!r} is unknown") from error
        return self

    def built(self) -> WorkingCalendar:
        return WorkingCalendar(
            time_zone=ZoneInfo(self.time_zone),
            opens=self.opens,
            closes=self.closes,
            weekdays=frozenset(self.weekdays),
            holidays=frozenset(self.holidays),
            working_days=frozenset(self.working_days),
            official=ChinaDays() if self.official == "china" else None,
        )


class _MattersFile(ConfigurationModel):
    standard: str
    effective_from: date
    calendar: _Calendar
    escalation: Escalation = Escalation()
    families: dict[str, _Family]
    matters: tuple[Matter, ...] = Field(min_length=1)


@dataclass(frozen=True, kw_only=True)
class Matters:
    """Every matter of a city, by key, with the families they form and the working calendar."""

    standard: str
    by_key: Mapping[str, Matter]
    windows: Mapping[str, timedelta]
    calendar: WorkingCalendar
    escalation: Escalation

    def __getitem__(self, key: str) -> Matter:
        """The matter of that key.

        Raises:
            InvalidRequest: There is none.
        """
        try:
            return self.by_key[key]
        except KeyError:
            raise InvalidRequest(field="matter", problem=f"{key!r} is none of {', '.join(self.by_key)}") from None


def load_matters(path: Path | None = None) -> Matters:
    """Read the matters from `path`, or the defaults.

    Raises:
        ConfigurationError: The file cannot be used.
    """
    model, source = read_model(_MattersFile, path, default="matters.yaml")
    for number, matter in enumerate(model.matters):
        if matter.family not in model.families:
            raise ConfigurationError(
                path=source,
                place=f"matters > {number} ({matter.key}) > family",
                problem=f"{matter.family!r} is not among the families",
                remedy="Add it under `families`, with its window",
            )
    _refuse_twice(source, [matter.key for matter in model.matters])
    calendar = model.calendar.built()
    return Matters(
        standard=model.standard,
        by_key=MappingProxyType({matter.key: matter for matter in model.matters}),
        windows=MappingProxyType(
            {name: family.window.elapsed for name, family in model.families.items() if family.window.elapsed}
        ),
        calendar=calendar,
        escalation=model.escalation,
    )


def _refuse_twice(source: str, keys: Sequence[str]) -> None:
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        raise ConfigurationError(
            path=source, place="matters", problem=f"{twice!r} is there twice", remedy="Keep one of the two"
        )
