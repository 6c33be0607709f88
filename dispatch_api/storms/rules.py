"""When a storm is suggested, how its dangers are weighed, and when units are told, as configuration."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, model_validator

from dispatch_api.cases.clocks import ClockText
from dispatch_api.cases.matters import Matters
from dispatch_api.configuration import ConfigurationModel, read_model
from dispatch_api.errors import ConfigurationError


class _Suggest(ConfigurationModel):
    cases: int = Field(ge=2)
    within: ClockText


class _Digest(ConfigurationModel):
    settle: ClockText
    longest: ClockText


class Weights(ConfigurationModel):
    """Points of each reason for danger; `area_full_m2` is the area that gets all the points of `area`."""

    underpass: float = Field(ge=0)
    main_road: float = Field(ge=0)
    area: float = Field(ge=0)
    area_full_m2: float = Field(gt=0)
    growing: float = Field(ge=0)


class StormRules(ConfigurationModel):
    """A city's rules of storms; see the comments in the default file."""

    families: tuple[str, ...] = Field(min_length=1)
    suggest: _Suggest
    digest: _Digest
    danger: Weights

    @model_validator(mode="after")
    def _runs_by_the_clock(self) -> StormRules:
        for clock in (self.suggest.within, self.digest.settle, self.digest.longest):
            if clock.elapsed is None:
                raise ValueError("a storm does not wait for working hours: write min, h or d")
        return self


def load_storm_rules(path: Path | None = None, *, matters: Matters) -> StormRules:
    """Read the rules from `path`, or the defaults.

    Raises:
        ConfigurationError: The file cannot be used, or names a family that does not exist.
    """
    rules, source = read_model(StormRules, path, default="storms.yaml")
    unknown = next((family for family in rules.families if family not in matters.windows), None)
    # A city with matters of its own may have no water in them.
    if unknown is not None and path is not None:
        raise ConfigurationError(
            path=source, place="families", problem=f"{unknown!r} is no family of matters", remedy="Correct the name"
        )
    return rules
