"""Routing: matter × zone × date → who leads, who helps, on what basis. Never a guess."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from dispatch_api.cases.matters import Clocks, Matters
from dispatch_api.configuration import ConfigurationModel, Name, read_model
from dispatch_api.departments.model import Departments
from dispatch_api.errors import ConfigurationError

SURELY_INSIDE = 0.9
PERHAPS_INSIDE = 0.05


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
    """One rule; `lead` None means: no offence, count it only."""

    id: str
    matter: str
    zone: str | None = None
    valid_from: date | None = Field(default=None, alias="from")
    valid_until: date | None = Field(default=None, alias="until")
    season: Season | None = None
    lead: str | None
    co: tuple[str, ...] = Field(default=(), alias="with")
    text: Name
    basis: Name
    clocks: Clocks = Clocks()
    author: str | None = None
    effective_from: date | None = None

    def covers(self, day: date) -> bool:
        """Whether what was seen on that day falls under the rule."""
        if (self.valid_from and day < self.valid_from) or (self.valid_until and day > self.valid_until):
            return False
        return self.season is None or self.season.has(day)


@dataclass(frozen=True, kw_only=True)
class ZoneFact:
    """That a thing lies in a zone with a probability (0 to 1), as the zones file and the error ellipse say."""

    kind: str
    code: str
    name: str
    probability: float
    basis: str | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    zone_class: str | None = None

    def __post_init__(self) -> None:
        if not 0.0 <= self.probability <= 1.0:
            raise ValueError(f"the probability of zone {self.code!r} is {self.probability}, not 0 to 1")

    def in_force_on(self, day: date) -> bool:
        """Whether the zone is in force on a day."""
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)

    def as_json(self) -> dict[str, Any]:
        """The fact as it is stored with a case."""
        dates = {"valid_from": self.valid_from, "valid_to": self.valid_to}
        return asdict(self) | {name: day.isoformat() if day else None for name, day in dates.items()}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> ZoneFact:
        """The fact from what `as_json` gave."""
        dates = {name: date.fromisoformat(raw[name]) if raw[name] else None for name in ("valid_from", "valid_to")}
        return cls(**{**raw, **dates})


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What routing says of a thing.

    Attributes:
        rule: The rule that fired; None where the centre decides.
        lead: The departments that lead; empty where nobody may be told yet, or there is no offence.
        co: The departments that help.
        candidates: Where zones lie under the thing only perhaps: the rules that may hold.
        notes: What a person should know, in Chinese and English.
        printed: The rule as it is shown on the task, JSON-ready.
    """

    rule: RoutingRule | None
    lead: tuple[str, ...]
    co: tuple[str, ...]
    candidates: tuple[RoutingRule, ...] = ()
    notes: tuple[Name, ...] = ()
    printed: Mapping[str, Any]

    @property
    def statistics_only(self) -> bool:
        """True where the rule says that there is no offence."""
        return self.rule is not None and self.rule.lead is None


class _RoutingFile(ConfigurationModel):
    author: str
    effective_from: date
    rules: tuple[RoutingRule, ...]


@dataclass(frozen=True, kw_only=True)
class Routing:
    """The rules of a city, with the departments they name."""

    author: str
    effective_from: date
    rules: tuple[RoutingRule, ...]
    departments: Departments

    def decide(self, *, matter: str, zones: Sequence[ZoneFact], seen_on: date, decided_on: date) -> Decision:
        """Who is responsible for a thing.

        Args:
            matter: Its matter.
            zones: Where it lies, and how surely.
            seen_on: The local day on which it was seen: zones, date ranges and seasons go by it.
            decided_on: The local day of the decision: a rule's effective date goes by it.
        """
        candidates: list[RoutingRule] = []
        in_force = [zone for zone in zones if zone.in_force_on(seen_on)]
        for rule in self.rules:
            effective = (rule.effective_from or self.effective_from) <= decided_on
            if rule.matter != matter or not effective or not rule.covers(seen_on):
                continue
            chance = _chance(rule, in_force)
            if chance >= SURELY_INSIDE and not candidates:
                return self._decided(rule, in_force)
            if chance >= PERHAPS_INSIDE:
                candidates.append(rule)
        return self._undecided(matter, candidates)

    def by_hand(self, *, lead: str, co: Sequence[str], by: str, why: str) -> Decision:
        """The centre's own decision, printed like a rule."""
        text = {"zh": f"指挥中心裁定：{why}", "en": f"Decided by the centre: {why}"}
        printed = {
            "id": "centre",
            "text": text,
            "basis": {"zh": "指挥中心裁定", "en": "The centre's decision"},
            "author": by,
        }
        return Decision(rule=None, lead=(lead,), co=tuple(co), printed=printed)

    def _decided(self, rule: RoutingRule, zones: Sequence[ZoneFact]) -> Decision:
        districts = [zone for zone in zones if zone.kind == "district" and zone.probability >= PERHAPS_INSIDE]
        notes = _border_note(districts)
        codes = [zone.code for zone in districts]
        lead = self.departments.local(rule.lead, codes) if rule.lead else ()
        co = tuple(local for key in rule.co for local in self.departments.local(key, codes) if local not in lead)
        return Decision(
            rule=rule, lead=lead, co=tuple(dict.fromkeys(co)), notes=notes, printed=self._printed(rule, zones, notes)
        )

    def _undecided(self, matter: str, candidates: Sequence[RoutingRule]) -> Decision:
        if candidates:
            note = Name(
                zh="误差椭圆跨越区域边界，可能适用：" + "；".join(rule.text.zh for rule in candidates),
                en="The error ellipse crosses a border; these rules may hold: "
                + "; ".join(rule.text.en for rule in candidates),
            )
        else:
            note = Name(zh="没有适用的派单规则，由指挥中心决定", en="No routing rule holds; the centre decides")
        printed = {
            "id": None,
            "text": note.model_dump(),
            "basis": {"zh": "", "en": ""},
            "candidates": [rule.id for rule in candidates],
        }
        return Decision(rule=None, lead=(), co=(), candidates=tuple(candidates), notes=(note,), printed=printed)

    def _printed(self, rule: RoutingRule, zones: Sequence[ZoneFact], notes: Sequence[Name]) -> dict[str, Any]:
        fired = [zone for zone in zones if zone.kind == rule.zone and zone.probability >= SURELY_INSIDE]
        return {
            "id": rule.id,
            "text": _joined(rule.text, notes),
            "basis": rule.basis.model_dump(),
            "zone": [{"code": z.code, "name": z.name, "probability": z.probability, "basis": z.basis} for z in fired],
            "author": rule.author or self.author,
            "effective_from": (rule.effective_from or self.effective_from).isoformat(),
            "clocks": rule.clocks.model_dump(),
        }


def _chance(rule: RoutingRule, zones: Sequence[ZoneFact]) -> float:
    if rule.zone is None:
        return 1.0
    return max((zone.probability for zone in zones if zone.kind == rule.zone), default=0.0)


def _border_note(districts: Sequence[ZoneFact]) -> tuple[Name, ...]:
    if len(districts) < 2 or max(zone.probability for zone in districts) >= SURELY_INSIDE:
        return ()
    parts = "、".join(f"{zone.name}（{zone.probability:.0%}）" for zone in districts)
    parts_en = ", ".join(f"{zone.name} ({zone.probability:.0%})" for zone in districts)
    return (Name(zh=f"位于辖区交界：{parts}", en=f"On a district border: {parts_en}"),)


def _joined(text: Name, notes: Sequence[Name]) -> dict[str, str]:
    return {
        "zh": "；".join([text.zh, *(note.zh for note in notes)]),
        "en": "; ".join([text.en, *(note.en for note in notes)]),
    }


def load_routing(path: Path | None = None, *, matters: Matters, departments: Departments) -> Routing:
    """Read the routing rules from `path`, or the defaults, and check them against matters and departments.

    Raises:
        ConfigurationError: The file cannot be used, or names a matter or department that does not exist.
    """
    model, source = read_model(_RoutingFile, path, default="routing.yaml")
    seen: set[str] = set()
    for number, rule in enumerate(model.rules):
        problem = _problem(rule, matters, departments, seen)
        if problem:
            raise ConfigurationError(
                path=source,
                place=f"rules > {number} ({rule.id})",
                problem=problem,
                remedy="Correct the rule, or add what it names to the matters or departments",
            )
        seen.add(rule.id)
    return Routing(author=model.author, effective_from=model.effective_from, rules=model.rules, departments=departments)


def _problem(rule: RoutingRule, matters: Matters, departments: Departments, seen: set[str]) -> str | None:
    if rule.id in seen:
        return "another rule has the same id"
    if rule.matter not in matters.by_key:
        return f"matter {rule.matter!r} is unknown"
    unknown = next((key for key in (rule.lead, *rule.co) if key is not None and key not in departments), None)
    return f"department {unknown!r} is unknown" if unknown else None
