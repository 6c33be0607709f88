"""Routing: from what is known of a thing to who leads, who helps, and on what basis. Never a guess."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dispatch_api.cases.matters import Matters
from dispatch_api.configuration import Name
from dispatch_api.departments.conditions import Check, chance_of, checks_of
from dispatch_api.departments.facts import Facts, ZoneFact
from dispatch_api.departments.model import Departments
from dispatch_api.departments.rules import RoutingRule, RulesFile, load_rules

SURELY = 0.9
PERHAPS = 0.05


@dataclass(frozen=True, kw_only=True)
class Weighed:
    """A rule held against a thing.

    Attributes:
        rule: The rule.
        number: Its number in the file, from 1.
        checks: Its conditions.
        chance: How surely it holds, 0 to 1.
    """

    rule: RoutingRule
    number: int
    checks: Sequence[Check]
    chance: float


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What routing says of a thing.

    Attributes:
        rule: The rule that fired; None where the centre decides.
        lead: The departments that lead; empty where nobody may be told yet, or there is no offence.
        co: The departments that help.
        candidates: Where conditions hold only perhaps: the rules that may.
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


@dataclass(frozen=True, kw_only=True)
class Routing:
    """The rules of a city, with the matters and departments they name."""

    file: RulesFile
    matters: Matters
    departments: Departments

    @property
    def rules(self) -> tuple[RoutingRule, ...]:
        """All rules, in order."""
        return self.file.rules

    def weigh(self, facts: Facts) -> Sequence[Weighed]:
        """Every rule of a thing's matter, held against it, in order."""
        weighed = []
        for number, rule in enumerate(self.rules, start=1):
            if rule.matter == facts.matter:
                checks = checks_of(rule, facts, self.file)
                weighed.append(Weighed(rule=rule, number=number, checks=checks, chance=chance_of(checks)))
        return weighed

    def decide(self, facts: Facts) -> Decision:
        """Who is responsible for a thing.

        The first rule that surely holds fires; but where one before it may hold, nobody is guessed: the centre decides.
        """
        candidates: list[Weighed] = []
        for weighed in self.weigh(facts):
            if weighed.chance >= SURELY and not candidates:
                return self._decided(weighed, facts)
            if weighed.chance >= PERHAPS:
                candidates.append(weighed)
        return self._undecided(candidates)

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

    def _decided(self, weighed: Weighed, facts: Facts) -> Decision:
        rule, zones = weighed.rule, facts.zones_in_force
        districts = [zone for zone in zones if zone.kind == "district" and zone.probability >= PERHAPS]
        notes = _border_note(districts)
        codes = [zone.code for zone in districts]
        lead = self.departments.local(rule.lead, codes) if rule.lead else ()
        co = tuple(local for key in rule.co for local in self.departments.local(key, codes) if local not in lead)
        return Decision(
            rule=rule, lead=lead, co=tuple(dict.fromkeys(co)), notes=notes, printed=self._printed(weighed, zones, notes)
        )

    def _undecided(self, candidates: Sequence[Weighed]) -> Decision:
        rules = [weighed.rule for weighed in candidates]
        if candidates:
            unsure = [check.text for weighed in candidates for check in weighed.checks if check.chance < SURELY]
            note = Name(
                zh=f"条件不确定（{'；'.join(text.zh for text in unsure)}），可能适用："
                + "；".join(rule.text.zh for rule in rules),
                en=f"Not sure ({'; '.join(text.en for text in unsure)}); these rules may hold: "
                + "; ".join(rule.text.en for rule in rules),
            )
        else:
            note = Name(zh="没有适用的派单规则，由指挥中心决定", en="No routing rule holds; the centre decides")
        printed = {
            "id": None,
            "text": note.model_dump(),
            "basis": {"zh": "", "en": ""},
            "candidates": [rule.id for rule in rules],
        }
        return Decision(rule=None, lead=(), co=(), candidates=tuple(rules), notes=(note,), printed=printed)

    def _printed(self, weighed: Weighed, zones: Sequence[ZoneFact], notes: Sequence[Name]) -> dict[str, Any]:
        rule, matter = weighed.rule, self.matters[weighed.rule.matter]
        fired = [zone for zone in zones if zone.kind == rule.zone and zone.probability >= SURELY]
        because = Name(
            zh=f"规则 {weighed.number}：" + " ∧ ".join([matter.code, *(check.text.zh for check in weighed.checks)]),
            en=f"rule {weighed.number}: " + " ∧ ".join([matter.code, *(check.text.en for check in weighed.checks)]),
        )
        return {
            "id": rule.id,
            "number": weighed.number,
            "text": _joined(rule.text, notes),
            "because": because.model_dump(),
            "basis": rule.basis.model_dump(),
            "zone": [{"code": z.code, "name": z.name, "probability": z.probability, "basis": z.basis} for z in fired],
            "author": rule.author or self.file.author,
            "effective_from": (rule.effective_from or self.file.effective_from).isoformat(),
            "clocks": rule.clocks.model_dump(),
            "evidence": list(rule.evidence or matter.evidence),
        }


def _border_note(districts: Sequence[ZoneFact]) -> tuple[Name, ...]:
    if len(districts) < 2 or max(zone.probability for zone in districts) >= SURELY:
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
        ConfigurationError: The file cannot be used; see `load_rules`.
    """
    file = load_rules(path, matters=matters, departments=departments)
    return Routing(file=file, matters=matters, departments=departments)
