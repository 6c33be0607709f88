"""Eighty-four puddles, forty frames each over two flights, tracks that break thrice: eighty-four cases in the store."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from one_case_city import PLANE, Film, Puddles, found_in_bursts
from sqlalchemy import select

from dispatch_api.cases.intake import Intake
from dispatch_api.cases.known import KnownCases
from dispatch_api.cases.matters import load_matters
from dispatch_api.departments.model import load_departments
from dispatch_api.departments.routing import load_routing
from dispatch_api.flights import FlightDesk
from dispatch_api.store import Store, open_store
from dispatch_api.store.schema import case, observation
from flyonce.analysis_result import AnalyzeResult
from flyonce.pipeline import analyze_material
from flyonce.rules_file import load_interpretation
from flyonce.tools import Tools
from geo.ground import FlatGround
from geo.identity import load_rules

MANY = 84


def analysed(film: Film, store: Store) -> AnalyzeResult:
    matters = load_matters()
    tools = Tools(
        detector=film,
        ground=FlatGround(),
        interpretation=load_interpretation(),
        intake=Intake(store, matters, load_routing(matters=matters, departments=load_departments())),
        flights=FlightDesk(store),
        identity=load_rules(),
        known=KnownCases(store, matters),
    )
    return analyze_material(film, tools=tools, flight_id=film.flight_id)


def test_84_puddles_in_forty_frames_each_over_two_flights_with_three_track_breaks_are_84_cases(tmp_path: Path) -> None:
    puddles = Puddles.scattered(12, 7, 4.6, seed=1)
    assert len(puddles.en_m) == MANY
    with open_store(f"sqlite:///{tmp_path}/flyonce.db", create=True) as store:
        for number, (offset_m, hours) in enumerate((((1.1, -0.9), 0.0), ((-0.9, 1.2), 6.0))):
            found = found_in_bursts(MANY, hits=20, breaks=3, gap=3, seed=number)
            assert (found.sum(axis=0) == 20).all()
            film = Film(
                flight_id=f"F{number}", puddles=puddles, there=np.ones(MANY, bool), found=found, offset_m=offset_m,
                hours=hours, seed=number,
            )  # fmt: skip
            result = analysed(film, store)
            assert result.sightings == MANY * 20
            assert result.things == MANY
        with store.read() as connection:
            rows = connection.execute(select(case)).all()
            seen = connection.execute(select(observation)).all()
    assert len(rows) == MANY
    assert len(seen) == 2 * MANY
    assert all((row.observations, row.frames) == (2, 40) for row in rows)
    places = PLANE.enu_from_lonlat([(row.lon, row.lat) for row in rows])[:, :2]
    nearest = np.hypot(*(places[:, None] - puddles.en_m[None]).transpose(2, 0, 1)).argmin(axis=1)
    assert sorted(nearest) == list(range(MANY))
