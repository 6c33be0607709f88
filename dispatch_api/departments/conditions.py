"""Whether a rule's conditions hold, each with how surely: that is what decides, and what is shown to people."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from dispatch_api.configuration import Name
from dispatch_api.departments.facts import Facts, ZoneFact
from dispatch_api.departments.rules import RoutingRule, RulesFile

UNKNOWN = 0.5
"""The chance of a condition on something that nobody measured: perhaps, so a person decides."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One condition of a rule, held against a thing.

    Attributes:
        name: `effective`, `dates`, `season`, `zone`, `labels`, `extent` or `districts`.
        chance: How surely it holds, 0 to 1.
        text: What was asked and what was found, in Chinese and English.
    """

    name: str
    chance: float
    text: Name


def checks_of(rule: RoutingRule, facts: Facts, file: RulesFile) -> Sequence[Check]:
    """Every condition of a rule of a thing's matter, in the order in which people read them."""
    return [*_dates(rule, facts, file), *_place(rule, facts), *_thing(rule, facts)]


def chance_of(checks: Sequence[Check]) -> float:
    """How surely all of them hold: no surer than the least sure one."""
    return min((check.chance for check in checks), default=1.0)


def _dates(rule: RoutingRule, facts: Facts, file: RulesFile) -> Iterator[Check]:
    first, last = rule.effective_from or file.effective_from, rule.effective_until
    if not _lies_in(facts.decided_on, first, last):
        text = Name(zh=f"规则有效期 {_span(first, last)}", en=f"in effect {_span(first, last)}")
        yield Check(name="effective", chance=0.0, text=text)
    if rule.valid_from or rule.valid_until:
        days = _span(rule.valid_from, rule.valid_until)
        text = Name(zh=f"{facts.seen_on} 在 {days} 期间", en=f"{facts.seen_on} within {days}")
        yield Check(name="dates", chance=float(_lies_in(facts.seen_on, rule.valid_from, rule.valid_until)), text=text)
    if rule.season is not None:
        days = f"{rule.season.first}…{rule.season.last}"
        text = Name(
            zh=f"{facts.seen_on:%m-%d} 在每年 {days} 期间", en=f"{facts.seen_on:%m-%d} within each year's {days}"
        )
        yield Check(name="season", chance=float(rule.season.has(facts.seen_on)), text=text)


def _place(rule: RoutingRule, facts: Facts) -> Iterator[Check]:
    if rule.zone is not None:
        under = [zone for zone in facts.zones_in_force if zone.kind == rule.zone]
        surest = max(under, key=lambda zone: zone.probability, default=None)
        yield Check(name="zone", chance=surest.probability if surest else 0.0, text=_zone_text(rule.zone, surest))
    if rule.districts:
        inside = [zone for zone in facts.zones_in_force if zone.kind == "district" and zone.code in rule.districts]
        names = "、".join(zone.name or zone.code for zone in inside) or "、".join(rule.districts)
        chance = min(sum(zone.probability for zone in inside), 1.0)
        text = Name(zh=f"位于{names}（{chance:.0%}）", en=f"in {names} ({chance:.0%})")
        yield Check(name="districts", chance=chance, text=text)


def _zone_text(kind: str, surest: ZoneFact | None) -> Name:
    if surest is None:
        return Name(zh=f"不在 {kind} 内", en=f"in no {kind}")
    return Name(
        zh=f"{surest.name or surest.code}（{kind}，{surest.probability:.0%}）",
        en=f"{surest.name or surest.code} ({kind}, {surest.probability:.0%})",
    )


def _thing(rule: RoutingRule, facts: Facts) -> Iterator[Check]:
    if rule.labels:
        wanted = "/".join(rule.labels)
        chance = UNKNOWN if facts.label is None else float(facts.label in rule.labels)
        text = Name(
            zh=f"识别为 {facts.label or '未知'}（{wanted}）", en=f"seen as {facts.label or 'unknown'} ({wanted})"
        )
        yield Check(name="labels", chance=chance, text=text)
    if rule.min_extent_m2 is not None or rule.max_extent_m2 is not None:
        yield Check(name="extent", chance=_extent_chance(rule, facts), text=_extent_text(rule, facts))


def _extent_chance(rule: RoutingRule, facts: Facts) -> float:
    if facts.extent_m2 is None:
        return UNKNOWN
    least = 0.0 if rule.min_extent_m2 is None else rule.min_extent_m2
    above_least = 1.0 if least <= 0 else _chance_of_at_least(least, facts)
    above_most = 0.0 if rule.max_extent_m2 is None else _chance_of_at_least(rule.max_extent_m2, facts)
    return max(above_least - above_most, 0.0)


def _chance_of_at_least(bound_m2: float, facts: Facts) -> float:
    extent_m2, sigma_m2 = facts.extent_m2 or 0.0, facts.extent_sigma_m2
    if not sigma_m2:
        return float(extent_m2 >= bound_m2)
    return 0.5 * math.erfc((bound_m2 - extent_m2) / (sigma_m2 * math.sqrt(2.0)))


def _extent_text(rule: RoutingRule, facts: Facts) -> Name:
    bounds = [f"≥ {rule.min_extent_m2:g} m²"] if rule.min_extent_m2 is not None else []
    bounds += [f"< {rule.max_extent_m2:g} m²"] if rule.max_extent_m2 is not None else []
    wanted, sigma = " ".join(bounds), facts.extent_sigma_m2
    if facts.extent_m2 is None:
        return Name(zh=f"面积未知（{wanted}）", en=f"area unknown ({wanted})")
    error = f" ± {sigma:.0f}" if sigma else ""
    return Name(
        zh=f"面积 {facts.extent_m2:.0f}{error} m²（{wanted}）", en=f"{facts.extent_m2:.0f}{error} m² ({wanted})"
    )


def _lies_in(day: date, first: date | None, last: date | None) -> bool:
    return (first is None or first <= day) and (last is None or day <= last)


def _span(first: date | None, last: date | None) -> str:
    return f"{first or ''}…{last or ''}"
