"""What is made of a thing: whether it is certain, which rule it meets, and what speaks against it."""

from __future__ import annotations

from flyonce.confirmation import LookLedger, Verdict, verdict
from flyonce.context import GroundContext
from flyonce.interpretation import Interpretation
from flyonce.rules import Rule, Stay, StayRule, stays
from flyonce.staying import longest_stay
from flyonce.wet_look import doubts
from geo.identity import Thing


class Judge:
    """Judges the things of one flight, by what was looked at so far."""

    def __init__(self, *, rules: Interpretation, ledger: LookLedger, context: GroundContext) -> None:
        """Join the parts.

        Args:
            rules: The table.
            ledger: Which ground each picture showed; grows with the flight.
            context: What is mapped around a place.
        """
        self._rules = rules
        self._ledger = ledger
        self._context = context

    def verdict(self, thing: Thing) -> Verdict:
        """Whether it was found often enough, in enough of the looks at its place."""
        hits, looks = self._hits_and_looks(thing)
        return verdict(hits=hits, looks=looks, needed=self._rules.confirmation_of(thing.label))

    def rule_for(self, thing: Thing) -> Rule | None:
        """The rule that makes it a matter, or None: then it is counted, and nothing more."""
        return self._rules.rule_for(
            label=thing.label,
            area_m2=thing.area_m2,
            around=self._context.around(
                thing.fix.lon, thing.fix.lat, thing.footprint_lonlat, seen_at=thing.last_seen_at
            ),
            mapped_kinds=self._context.mapped_kinds,
            stay_of=lambda rule: self._stay(thing, rule),
        )

    def doubts(self, thing: Thing) -> tuple[str, ...]:
        """What speaks for a wet look only; empty for things that are no water."""
        hits, looks = self._hits_and_looks(thing)
        return doubts(thing, hits=hits, looks=looks, figures=self._rules.wet_look)

    def is_timed(self, thing: Thing, rule: Rule) -> bool:
        """Whether the rule's stay was measured; where pictures tell no time, a person must say."""
        return rule.stay is None or stays(rule.stay, self._stay(thing, rule.stay)) is True

    def can_become_matter(self, thing: Thing) -> bool:
        """Whether any rule speaks of things of this label."""
        return any(thing.label in rule.label for rule in self._rules.rules)

    def reason_to_drop(self, rule: Rule | None, judged: Verdict, found: tuple[str, ...]) -> str | None:
        """Why a thing with this rule, verdict and these doubts is dropped; None if it is kept."""
        if rule is None:
            return "without_matter"
        if judged is Verdict.NOT_SEEN_AGAIN:
            return "not_seen_again"
        return "only_wet" if len(found) >= self._rules.wet_look.drop_at else None

    def _stay(self, thing: Thing, rule: StayRule) -> Stay:
        looks = self._ledger.looks_at(thing.fix.lon, thing.fix.lat)
        clocks = [self._ledger.clock_of(sighting.source) for sighting in thing.sightings]
        return longest_stay(thing.sightings, looks, clocks, rule)

    def _hits_and_looks(self, thing: Thing) -> tuple[int, int]:
        hits = len({sighting.source for sighting in thing.sightings})
        return hits, len(self._ledger.looks_at(thing.fix.lon, thing.fix.lat))
