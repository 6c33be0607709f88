"""What is looked at on the spot, by matter, as configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from dispatch_api.cases.matters import Matters
from dispatch_api.configuration import ConfigurationModel, read_model
from dispatch_api.errors import ConfigurationError


class Point(ConfigurationModel):
    """One thing to look at."""

    key: str = Field(pattern=r"^[a-z_]+$", max_length=32)
    zh: str
    en: str


class _VisitsFile(ConfigurationModel):
    near_m: float = Field(gt=0, le=2_000)
    other: tuple[Point, ...] = Field(min_length=1)
    checklists: dict[str, tuple[Point, ...]] = Field(default_factory=dict)
    evidence_zh: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class VisitRules:
    """A city's rules of joint visits.

    Attributes:
        near_m: Cases that surely lie no farther apart than this are of one place.
        other: What is looked at for matters without a list of their own.
        checklists: By matter, what is looked at.
        evidence_zh: What matters ask as evidence, in Chinese, by their own words.
        matters: The city's matters, whose `evidence` every list ends with.
    """

    near_m: float
    other: tuple[Point, ...]
    checklists: Mapping[str, tuple[Point, ...]]
    evidence_zh: Mapping[str, str]
    matters: Matters

    def checklist(self, matter: str) -> list[dict[str, Any]]:
        """The list of a matter, JSON-ready: what to look at, then what the matter asks as evidence.

        Each point has `key`, `zh`, `en`, and `kind`: `look` or `evidence`.
        """
        looks = [{**point.model_dump(), "kind": "look"} for point in self.checklists.get(matter, self.other)]
        known = self.matters.by_key.get(matter)
        asked = known.evidence if known else ()
        return looks + [
            {"key": f"evidence_{number}", "zh": self.evidence_zh.get(text, text), "en": text, "kind": "evidence"}
            for number, text in enumerate(asked, start=1)
        ]


def load_visit_rules(path: Path | None = None, *, matters: Matters) -> VisitRules:
    """Read the rules from `path`, or the defaults.

    Raises:
        ConfigurationError: The file cannot be used, or names a matter that does not exist.
    """
    model, source = read_model(_VisitsFile, path, default="visits.yaml")
    for matter, points in model.checklists.items():
        keys = [point.key for point in points]
        problem = f"matter {matter!r} is unknown" if matter not in matters.by_key else None
        if len(set(keys)) < len(keys):
            problem = "two points have the same key"
        # A city with matters of its own may keep the default lists.
        if problem and (path is not None or "unknown" not in problem):
            raise ConfigurationError(
                path=source, place=f"checklists > {matter}", problem=problem, remedy="Correct the checklist"
            )
    return VisitRules(
        near_m=model.near_m,
        other=model.other,
        checklists=model.checklists,
        evidence_zh=model.evidence_zh,
        matters=matters,
    )
