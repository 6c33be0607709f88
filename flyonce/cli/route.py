"""`flyonce route explain`: who would be responsible, by which rule, and why not by the others."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flyonce.cli.options import AsJson, lonlat
from flyonce.cli.output import emit_json, fail, stdout
from flyonce.settings import Settings

if TYPE_CHECKING:
    from dispatch_api.departments.facts import Facts, ZoneFact
    from dispatch_api.departments.routing import Decision, Routing, Weighed

app = typer.Typer(name="route", help="Routing rules: which one fires for what.", rich_markup_mode=None)


@app.callback()
def group() -> None:
    """Routing rules: which one fires for what."""


@app.command()
def explain(
    case: Annotated[str | None, typer.Option(help="Number or id of a case, with --store.")] = None,
    store: Annotated[str | None, typer.Option(help="Store URL, like sqlite:///city.db.")] = None,
    matter: Annotated[str | None, typer.Option(help="Key of a matter, like fishing.reservoir.")] = None,
    zone: Annotated[
        list[str] | None,
        typer.Option(help="A zone that it lies in, how surely (0 to 1).", metavar="KIND[:CODE[:P]]"),
    ] = None,
    zones: Annotated[Path | None, typer.Option(help="Zones file; with --place, in the place of --zone.")] = None,
    place: Annotated[str | None, typer.Option(help="LON,LAT in degrees, with --zones.", metavar="LON,LAT")] = None,
    error_m: Annotated[float, typer.Option(min=0.0, help="Error of the place, one sigma each way, metres.")] = 1.5,
    on: Annotated[str | None, typer.Option(help="Day on which it was seen; today where left out.")] = None,
    label: Annotated[str | None, typer.Option(help="What the detector calls it, like fishing_gear.")] = None,
    extent_m2: Annotated[float | None, typer.Option(min=0.0, help="Its area.")] = None,
    extent_sigma_m2: Annotated[float | None, typer.Option(min=0.0, help="Standard error of the area.")] = None,
    matters: Annotated[Path | None, typer.Option(help="The city's matters, in place of the defaults.")] = None,
    departments: Annotated[Path | None, typer.Option(help="The city's departments.")] = None,
    routing: Annotated[Path | None, typer.Option(help="The city's routing rules.")] = None,
    as_json: AsJson = False,
) -> None:
    """Hold every rule of a matter against a thing or a case, and tell which one fires and why the others do not."""
    from dispatch_api.cases.matters import load_matters
    from dispatch_api.departments.facts import Facts
    from dispatch_api.departments.model import load_departments
    from dispatch_api.departments.routing import load_routing
    from dispatch_api.errors import DispatchError
    from flyonce.cli.zones_at import day_of

    if (case is None) == (matter is None):
        fail("name either --case (with --store) or --matter with what is known of the thing.")
    if (zones is None) != (place is None):
        fail("--zones and --place belong together: a file of zones, and where in it to look.")
    if zones is not None and zone:
        fail("give the zones either by --zone or by --zones with --place.")
    try:
        city = load_matters(matters)
        rules = load_routing(routing, matters=city, departments=load_departments(departments))
        if case is not None:
            given = (matter, zone, zones, place, on, label, extent_m2, extent_sigma_m2)
            if any(value is not None for value in given):
                fail("--case brings its own zones, day, label and area; leave the other options out.")
            facts = _facts_of_case(store or Settings().store, case, rules)
        else:
            day = city.calendar.local_date(datetime.now(UTC)) if on is None else day_of(on)
            city[str(matter)]
            found = _zones_of(zone or []) if zones is None else _zones_at(zones, str(place), error_m)
            facts = Facts(
                matter=str(matter),
                zones=found,
                seen_on=day,
                decided_on=day,
                label=label,
                extent_m2=extent_m2,
                extent_sigma_m2=extent_sigma_m2,
            )
        weighed, decision = rules.weigh(facts), rules.decide(facts)
    except DispatchError as error:
        fail(error)
    if as_json:
        emit_json(_as_json(facts, weighed, decision))
    else:
        _say(facts, weighed, decision, rules)


def _facts_of_case(url: str, wanted: str, rules: Routing) -> Facts:
    from sqlalchemy import or_, select

    from dispatch_api.cases.records import facts_of
    from dispatch_api.errors import NotFound
    from dispatch_api.store import open_store
    from dispatch_api.store.schema import case
    from dispatch_api.store.times import utc_now

    with open_store(url) as opened, opened.read() as connection:
        row = connection.execute(select(case).where(or_(case.c.number == wanted, case.c.case_id == wanted))).first()
    if row is None:
        raise NotFound(kind="case", key=wanted)
    return facts_of(row, calendar=rules.matters.calendar, at=utc_now())


def _zones_of(texts: list[str]) -> list[ZoneFact]:
    from dispatch_api.departments.facts import ZoneFact

    found = []
    for text in texts:
        kind, code, chance = ([*text.split(":", 2), "", ""])[:3]
        try:
            found.append(ZoneFact(kind=kind, code=code, name=code, probability=float(chance) if chance else 1.0))
        except ValueError:
            fail(f"--zone {text}: write KIND, KIND:CODE or KIND:CODE:PROBABILITY with a probability from 0 to 1.")
    return found


def _zones_at(file: Path, place: str, error_m: float) -> list[ZoneFact]:
    from dispatch_api.zones_at import zone_fact
    from flyonce.cli.zones_at import fix_at
    from geo.zones import Zones

    lon, lat = lonlat(place)
    return [zone_fact(hit) for hit in Zones.from_file(file).under(fix_at(lon, lat, error_m))]


def _as_json(facts: Facts, weighed: Sequence[Weighed], decision: Decision) -> dict[str, Any]:
    return {
        "matter": facts.matter,
        "seen_on": facts.seen_on.isoformat(),
        "fired": None if decision.rule is None else decision.rule.id,
        "lead": list(decision.lead),
        "with": list(decision.co),
        "statistics_only": decision.statistics_only,
        "candidates": [rule.id for rule in decision.candidates],
        "printed": dict(decision.printed),
        "rules": [
            {
                "number": one.number,
                "id": one.rule.id,
                "chance": round(one.chance, 6),
                "conditions": [
                    {"name": check.name, "chance": round(check.chance, 6), **check.text.model_dump()}
                    for check in one.checks
                ],
            }
            for one in weighed
        ],
    }


def _say(facts: Facts, weighed: Sequence[Weighed], decision: Decision, rules: Routing) -> None:
    for one in weighed:
        fires = decision.rule is not None and one.rule.id == decision.rule.id
        perhaps = one.rule.id in {rule.id for rule in decision.candidates}
        mark = "fires  " if fires else "perhaps" if perhaps else "       "
        asked = " ∧ ".join(f"{check.text.zh} [{check.chance:.0%}]" for check in one.checks) or "无其他条件"
        stdout.print(f"{mark} {one.number:>3} {one.rule.id}: {asked}", markup=False, soft_wrap=True)
    printed = decision.printed
    stdout.print(printed.get("because", printed["text"])["zh"], markup=False, soft_wrap=True)
    if decision.statistics_only:
        stdout.print(f"{printed['text']['zh']}", markup=False, soft_wrap=True)
        return
    names = rules.departments.name_of
    lead = "、".join(names(key).zh for key in decision.lead) or "指挥中心决定"
    co = "、".join(names(key).zh for key in decision.co) or "–"
    stdout.print(f"{printed['text']['zh']}\n牵头：{lead}  配合：{co}", markup=False, soft_wrap=True)
    if decision.rule is not None:
        stdout.print(
            f"依据：{printed['basis']['zh']}\n作者：{printed['author']}（自 {printed['effective_from']} 起）",
            markup=False,
            soft_wrap=True,
        )
