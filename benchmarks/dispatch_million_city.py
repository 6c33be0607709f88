"""A made-up city's store for `dispatch_million.py`: many cases of two years, written in bulk.

Written are: cases with their boxes in the index of places, observations (one to three each), tasks, a picture's rows
(not its files) for each, the counters of case numbers, flights, and the history of every `HISTORY_EVERY`th case and of
all that were sent back, as a chain that `flyonce db check` accepts. Left out, for no measured query reads it: the live
feed, deliveries, reminders, and the history of the others.

The city is 45 km wide and high. Five in six cases lie in some eighty places of half a kilometre to three, the rest
anywhere. Work has a week and a year: fewer at weekends, more in the rainy months. Of the last weeks' cases many are
open, of older ones few: some thirty thousand of a million.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, event

from dispatch_api.cases.matters import Matters
from dispatch_api.cases.model import ENDED_STATES, CaseState
from dispatch_api.store import schema
from dispatch_api.store.backend import backend_of
from dispatch_api.store.bulk import write_rows
from dispatch_api.store.dialects import go_on_counting, put_boxes
from dispatch_api.store.history import GENESIS_HASH, entry_hash
from dispatch_api.store.tallies import count_anew, drop_triggers, make_triggers
from dispatch_api.store.url import store_place

CENTRE_LONLAT = (118.87, 28.97)
SIDE_KM = 45.0
DAYS = 730
HISTORY_EVERY = 20
BATCH = 5000
TOWNS = 24
DISTRICTS = 4
Row = dict[str, Any]
Tick = Callable[[int], None]

# Matter, share, lead, who helps: as the default routing rules have it.
_WORK: tuple[tuple[str, float, str, tuple[str, ...]], ...] = (
    ("dumping.household", 0.34, "sanitation", ("town",)),
    ("waterlogging.road", 0.17, "drainage", ("town", "traffic_police")),
    ("river.rubbish", 0.15, "water", ("river_chief", "town")),
    ("dumping.construction", 0.12, "housing", ()),
    ("dumping.site_waste", 0.08, "housing", ()),
    ("truck.uncovered", 0.06, "enforcement", ()),
    ("fishing.reservoir", 0.04, "fisheries", ("town",)),
    ("river.occupation", 0.02, "water", ()),
    ("river.pollution", 0.015, "ecology", ()),
    ("dumping.landfill", 0.005, "ecology", ("enforcement", "natural_resources", "town")),
)
_CLOSED_AS = (("closed", 0.885), ("rejected", 0.07), ("merged", 0.03), ("recurred", 0.015))
_OPEN_AS = (
    ("pending_review", 0.10), ("opened", 0.01), ("dispatched", 0.14), ("in_progress", 0.41), ("returned", 0.01),
    ("arbitration", 0.002), ("suspended", 0.05), ("pending_verify", 0.22), ("unverifiable", 0.03), ("reworked", 0.028),
)  # fmt: skip
_TASK_IN = {
    "dispatched": "sent", "in_progress": "working", "suspended": "working", "pending_verify": "done",
    "unverifiable": "done", "reworked": "rework", "closed": "accepted", "recurred": "accepted", "returned": "refused",
    "arbitration": "refused",
}  # fmt: skip
_COLOURS = (("green", 0.71), ("yellow", 0.22), ("red", 0.07))


def departments_file(folder: Path) -> Path:
    """The departments of the city: the usual ones, four districts, and six towns in each."""
    path = folder / "departments.yaml"
    usual = [
        "centre", "drainage", "sanitation", "enforcement", "housing", "ecology", "fisheries", "water",
        "reservoir_manager", "river_chief", "town", "town_enforcement", "traffic_police", "police", "emergency",
        "natural_resources",
    ]  # fmt: skip
    lines = [f"  - {{key: {key}, name: {{zh: {key}, en: {key}}}}}" for key in usual]
    for number in range(DISTRICTS):
        lines.append(f"  - {{key: district_{number}, name: {{zh: 区{number}, en: District {number}}}, level: county}}")
    for number in range(TOWNS):
        above = f"parent: district_{number % DISTRICTS}, level: town"
        lines.append(f"  - {{key: town_{number:02d}, name: {{zh: 镇{number}, en: Town {number}}}, {above}}}")
    path.write_text("departments:\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_city(url: str, cases: int, matters: Matters, *, tick: Tick, seed: int = 9, now: datetime) -> None:
    """Fill an empty store.

    Args:
        url: The store's; it has this version's schema.
        cases: How many.
        matters: The city's.
        tick: Told how many cases are written.
        seed: Of everything that is made up.
        now: The city's present moment.
    """
    engine = backend_of(store_place(url)).writer_engine()
    city = _City(random.Random(seed), matters, now)
    lite = engine.dialect.name == "sqlite"
    if lite:
        # Nobody else has the file yet, and what is lost is made again.
        event.listen(engine, "connect", _hasten)
    with engine.begin() as connection:
        drop_triggers(connection)
        indexes = _drop_indexes(connection)
        city.flights(connection)
        for done in city.fill(connection, cases):
            tick(done)
        for statement in indexes:
            connection.exec_driver_sql(statement)
        count_anew(connection)
        make_triggers(connection)
        go_on_counting(connection, [schema.case, schema.observation, schema.task, schema.evidence])
    if not lite:
        # What a server does by itself within minutes of such a load.
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
    engine.dispose()


def _hasten(raw: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own connection
    for pragma in ("synchronous=OFF", "cache_size=-1000000", "journal_mode=MEMORY"):
        raw.execute(f"PRAGMA {pragma}")


def _drop_indexes(connection: Connection) -> list[str]:
    """Drop what is quicker made at the end; gives the statements that make it."""
    if connection.dialect.name == "sqlite":
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    else:
        query = (
            "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema() AND indexname NOT IN "
            "(SELECT conname FROM pg_constraint) AND indexname NOT LIKE 'spatial_ref%%'"
        )
    found = [(str(name), str(sql)) for name, sql in connection.exec_driver_sql(query).all()]
    for name, _ in found:
        connection.exec_driver_sql(f'DROP INDEX "{name}"')
    return [sql for _, sql in found]


class _City:
    def __init__(self, rng: random.Random, matters: Matters, now: datetime) -> None:
        self._rng, self._matters, self._now = rng, matters, now
        lon, lat = CENTRE_LONLAT
        self._per_km = (1 / (111.32 * math.cos(math.radians(lat))), 1 / 110.95)
        self._places = [
            (rng.uniform(-0.45, 0.45) * SIDE_KM, rng.uniform(-0.45, 0.45) * SIDE_KM, rng.uniform(0.5, 3.0) / 2)
            for _ in range(80)
        ]
        self._weights = [1 / (rank + 3) for rank in range(80)]
        self._origin = (lon, lat)
        self._previous, self._events = GENESIS_HASH, 0
        self._counted: dict[str, int] = {}
        self._tasks = self._observations = 0
        self._rows: dict[Table, list[Row]] = {
            one: []
            for one in (schema.case, schema.observation, schema.original, schema.evidence, schema.task, schema.event)
        }
        self._boxes: list[tuple[int, tuple[float, float, float, float]]] = []

    def flights(self, connection: Connection) -> None:
        """One flight a day."""
        rows = [
            {
                "flight_id": f"flight-{number}",
                "name": f"Patrol {number}",
                "state": "ended",
                "planned_path": None,
                "area": None,
                "started_at": self._now - timedelta(days=DAYS - number),
                "ended_at": self._now - timedelta(days=DAYS - number) + timedelta(minutes=30),
                "figures": {},
                "facts": None,
            }
            for number in range(DAYS)
        ]
        write_rows(connection, schema.flight, rows)

    def fill(self, connection: Connection, cases: int) -> Iterator[int]:
        """Make and write the cases, the oldest first; gives now and then how many are done."""
        at_days = sorted(self._days(cases))
        for seq, days in enumerate(at_days, start=1):
            self._case(seq, self._now - timedelta(days=DAYS) + timedelta(days=days))
            if seq % BATCH == 0:
                self._write(connection)
                yield seq
        self._write(connection)
        counters = [{"name": name, "value": value} for name, value in self._counted.items()]
        write_rows(connection, schema.counter, counters)
        yield cases

    def _days(self, cases: int) -> Iterator[float]:
        rng, weights = self._rng, []
        for number in range(DAYS):
            day = (self._now - timedelta(days=DAYS - number)).date()
            weekend, rainy = (0.7 if day.weekday() >= 5 else 1.0), (1.5 if 4 <= day.month <= 8 else 1.0)
            weights.append(weekend * rainy * rng.uniform(0.7, 1.3))
        for number in rng.choices(range(DAYS), weights, k=cases):
            # By daylight, as drones fly.
            yield number + rng.uniform(0.0, 0.5)

    def _write(self, connection: Connection) -> None:
        for table, rows in self._rows.items():
            if rows:
                write_rows(connection, table, rows)
                rows.clear()
        put_boxes(connection, self._boxes)
        self._boxes.clear()

    def _place(self) -> tuple[float, float]:
        rng = self._rng
        if rng.random() < 1 / 6:
            east, north = rng.uniform(-0.5, 0.5) * SIDE_KM, rng.uniform(-0.5, 0.5) * SIDE_KM
        else:
            east, north, spread = rng.choices(self._places, self._weights)[0]
            east, north = rng.gauss(east, spread), rng.gauss(north, spread)
        return self._origin[0] + east * self._per_km[0], self._origin[1] + north * self._per_km[1]

    def _state(self, at: datetime) -> str:
        age_days = (self._now - at) / timedelta(days=1)
        # Half of a day's cases have ended within two weeks; a few drag on for a season.
        is_open = self._rng.random() < 0.92 * math.exp(-age_days / 22) + 0.02 * math.exp(-age_days / 120) + 0.001
        return self._one_of(_OPEN_AS if is_open else _CLOSED_AS)

    def _one_of(self, shares: tuple[tuple[str, float], ...]) -> str:
        return self._rng.choices([name for name, _ in shares], [share for _, share in shares])[0]

    def _number(self, at: datetime) -> str:
        day = self._matters.calendar.local_date(at)
        name = f"case:{day:%Y%m%d}"
        self._counted[name] = self._counted.get(name, 0) + 1
        return f"{day:%Y%m%d}-{self._counted[name]:04d}"

    def _case(self, seq: int, at: datetime) -> None:
        rng = self._rng
        key, _, lead, helpers = rng.choices(_WORK, [work[1] for work in _WORK])[0]
        matter, state = self._matters[key], self._state(at)
        lon, lat = self._place()
        sigma = rng.uniform(0.8, 6.0)
        case_id = f"{rng.getrandbits(128):032x}"
        ended = CaseState(state) in ENDED_STATES
        reported = state in {"closed", "recurred", "pending_verify", "unverifiable", "reworked"}
        dispatched_at = at + timedelta(minutes=rng.uniform(1, 90)) if state in _TASK_IN else None
        done_at = dispatched_at + timedelta(hours=rng.expovariate(1 / 20)) if dispatched_at and reported else None
        ended_at = (done_at or at) + timedelta(hours=rng.expovariate(1 / 30)) if ended else None
        reworks = 1 if state == "reworked" or (reported and rng.random() < 0.04) else 0
        paused_s = rng.uniform(1, 20) * 86_400 if dispatched_at and rng.random() < 0.03 else 0.0
        looks = rng.choices((1, 2, 3), (0.7, 0.2, 0.1))[0]
        seen = [at + timedelta(hours=26 * number) for number in range(looks)]
        extent = round(rng.lognormvariate(2.2, 1.1), 2) if matter.family != "fishing" else None
        town = int((lon - self._origin[0]) / self._per_km[0] / SIDE_KM * 5 + 2.5) * 5
        town = max(0, min(TOWNS - 1, town + int((lat - self._origin[1]) / self._per_km[1] / SIDE_KM * 5 + 2.5)))
        rule = _printed(key, lead)
        half = extent**0.5 / 2 / 111_000 if extent else 0.0
        place = {
            "confidence": round(rng.uniform(0.55, 0.98), 3), "lon": lon, "lat": lat, "cov_ee_m2": sigma**2,
            "cov_en_m2": sigma * rng.uniform(-0.3, 0.3), "cov_nn_m2": (sigma * rng.uniform(0.8, 1.3)) ** 2,
            "footprint": _square(lon, lat, half) if extent else None, "extent_m2": extent,
            "extent_sigma_m2": round(extent * 0.1, 2) if extent else None,
        }  # fmt: skip
        self._rows[schema.case].append(
            {
                "seq": seq, "case_id": case_id, "number": self._number(at), "matter": key, "family": matter.family,
                "label": matter.family, "state": state, "colour": self._one_of(_COLOURS), **place,
                "address": f"第{town}镇 {rng.randrange(900)} 路 {rng.randrange(300)} 号",
                "zones": [{"kind": "grid", "code": f"33080{town:02d}", "name": f"网格{town}", "probability": 1.0}],
                "grid_code": f"33080{town:02d}", "grid_name": f"网格{town}", "first_seen_at": seen[0],
                "last_seen_at": seen[-1], "frames": 3 * looks, "observations": looks, "review_reasons": [],
                "suggestions": [], "rule": rule, "duplicate_of": None, "recurrence_of": None, "repeats": 0,
                "refusals": int(state == "returned"), "reworks": reworks, "reporters": [], "created_at": at,
                "verify_deadline_at": at + timedelta(hours=2), "opened_at": dispatched_at,
                "dispatched_at": dispatched_at, "suspended_at": self._now if state == "suspended" else None,
                "suspended_until": self._now + timedelta(days=9) if state == "suspended" else None,
                "ended_at": ended_at, "version": 3, "overdue": not ended and rng.random() < 0.1, "supervised": 0,
                "hold": False, "handed_over_at": None, "paused_s": paused_s,
                "closed_by": "person" if ended else None, "storm_id": None, "departments": None,
            }
        )  # fmt: skip
        self._boxes.append((seq, (lon - 4e-4, lat - 4e-4, lon + 4e-4, lat + 4e-4)))
        for number, when in enumerate(seen):
            self._observation(case_id, seq, number, when, key, matter.family, place)
        happened = [("case.detected", at, None, "detected", None)]
        if dispatched_at:
            leads = [(lead, "lead")]
            helping = [f"town_{town:02d}" if one == "town" else one for one in helpers if rng.random() < 0.6]
            self._rows[schema.case][-1]["departments"] = f"|{'|'.join(sorted({lead, *helping}))}|"
            for department, kind in [*leads, *((one, "co") for one in helping)]:
                task_id = self._task(case_id, department, kind, state, rule, dispatched_at, done_at, ended_at, reworks)
                happened += _task_history(task_id, dispatched_at, done_at, reworks, state)
            happened += _case_history(state, at, dispatched_at, done_at, ended_at, reworks)
        elif ended_at:
            happened.append((f"case.{state}", ended_at, "pending_review", state, None))
        if seq % HISTORY_EVERY == 0 or reworks:
            for kind, when, from_state, to_state, task_id in sorted(happened, key=lambda one: one[1]):
                self._event(case_id, kind, when, from_state, to_state, task_id)

    def _observation(
        self, case_id: str, seq: int, number: int, at: datetime, matter: str, label: str, place: Row
    ) -> None:
        self._observations += 1
        flight = f"flight-{min(DAYS - 1, max(0, DAYS - (self._now - at).days))}"
        stamps = {"first_seen_at": at, "last_seen_at": at, "recorded_at": at}
        self._rows[schema.observation].append(
            {
                "observation_id": self._observations, "key": f"{flight}/{seq}/{number}", "case_id": case_id,
                "flight_id": flight, "matter": matter, "label": label, **place, **stamps, "frames": 3,
            }
        )  # fmt: skip
        if number:
            return
        sha256 = f"{self._rng.getrandbits(256):064x}"
        self._rows[schema.original].append(
            {
                "sha256": sha256, "file_name": f"DJI_{seq:07d}.JPG", "extension": "jpg", "bytes": 8_000_000,
                "captured_at": at, "received_at": at, "capture": None,
            }
        )  # fmt: skip
        self._rows[schema.evidence].append(
            {
                "evidence_id": seq, "case_id": case_id, "observation_id": self._observations, "original_sha256": sha256,
                "annotated_sha256": sha256, "full_sha256": sha256, "thumbnail_sha256": sha256,
                "boxes": [[100.0, 200.0, 180.0, 260.0]], "look": None, "merit": 0.5,
            }
        )  # fmt: skip

    def _task(
        self,
        case_id: str,
        department: str,
        kind: str,
        state: str,
        rule: Row,
        at: datetime,
        done_at: datetime | None,
        ended_at: datetime | None,
        reworks: int,
    ) -> int:
        self._tasks += 1
        rework = state == "reworked"
        self._rows[schema.task].append(
            {
                "task_id": self._tasks, "case_id": case_id, "department": department, "kind": kind,
                "state": _TASK_IN[state], "rule": rule, "created_at": at, "sign_deadline_at": at + timedelta(hours=2),
                "deadline_at": at + timedelta(hours=48 if kind == "lead" else 72),
                "signed_at": at + timedelta(minutes=30) if state != "dispatched" else None,
                "done_at": None if rework else done_at, "ended_at": ended_at, "version": 4 + reworks, "t3": "2wd",
                "reworks": reworks,
            }
        )  # fmt: skip
        return self._tasks

    def _event(
        self, case_id: str, kind: str, at: datetime, from_state: str | None, to_state: str | None, task_id: int | None
    ) -> None:
        self._events += 1
        values = {
            "seq": self._events, "at": at.astimezone(UTC), "who": "system:million", "kind": kind, "case_id": case_id,
            "task_id": task_id, "from_state": from_state, "to_state": to_state, "why": "",
            "data": json.dumps({"made": "up"}, separators=(",", ":")), "previous_hash": self._previous,
        }  # fmt: skip
        self._previous = entry_hash(values)
        self._rows[schema.event].append({**values, "hash": self._previous})


_Happened = tuple[str, datetime, str | None, str | None, int | None]


def _task_history(task_id: int, at: datetime, done_at: datetime | None, reworks: int, state: str) -> list[_Happened]:
    told: list[_Happened] = [("task.queued", at, None, "queued", task_id), ("task.sent", at, "queued", "sent", task_id)]
    if done_at:
        told += [("task.signed", at, "sent", "signed", task_id), ("task.done", done_at, "working", "done", task_id)]
        if reworks:
            told.append(("task.rework", done_at, "done", "rework", task_id))
    return told


def _case_history(
    state: str, at: datetime, dispatched_at: datetime, done_at: datetime | None, ended_at: datetime | None, reworks: int
) -> list[_Happened]:
    told: list[_Happened] = [
        ("case.opened", at, "detected", "opened", None),
        ("case.dispatched", dispatched_at, "opened", "dispatched", None),
    ]
    if done_at:
        told += [
            ("case.in_progress", dispatched_at, "dispatched", "in_progress", None),
            ("case.reported_done", done_at, "in_progress", "reported_done", None),
            ("case.pending_verify", done_at, "reported_done", "pending_verify", None),
        ]
        if reworks:
            told.append(("case.reworked", done_at, "pending_verify", "reworked", None))
    if ended_at:
        told.append((f"case.{state}", ended_at, "pending_verify", state, None))
    return told


def _printed(matter: str, lead: str) -> Row:
    return {
        "id": f"{matter}-1", "number": 7, "text": {"zh": f"{matter} 由 {lead} 主办", "en": f"{lead} leads {matter}"},
        "because": {"zh": "事项", "en": "the matter"}, "basis": {"zh": "条例", "en": "By-law"}, "evidence": [],
        "author": "city", "effective_from": date(2026, 7, 1).isoformat(), "zone": [], "candidates": [],
    }  # fmt: skip


def _square(lon: float, lat: float, half: float) -> list[list[float]]:
    return [[lon + x * half, lat + y * half] for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))]


def digest_of(path: Path) -> str:
    """SHA-256 of the code that makes the city, so that a kept store is made anew when it changes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
