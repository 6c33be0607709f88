"""A department says done: the next flight, planned for it, proves it; or sees it still there; or cannot tell."""

from __future__ import annotations

import json
import shutil
import sqlite3
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import film_builders as staged
import numpy as np
import pytest
from test_clean_look import EMPTY, MONDAY
from testbed import Bed
from testbed.camera import BedPose
from testbed.hills import Hills

from dispatch_api.accounts.model import Account, Role
from dispatch_api.cases.matters import load_matters
from dispatch_api.cases.schemas import Change
from dispatch_api.cases.service import CaseDesk
from dispatch_api.departments.model import load_departments
from dispatch_api.departments.routing import load_routing
from dispatch_api.store import open_store
from dispatch_api.tasks.records import tasks_of
from dispatch_api.tasks.service import TaskDesk

FLEET = """\
hours: [{begins: 08:00, ends: 18:00}]
drones: {small: {endurance_min: 30, charge_min: 30, camera: generic-84dfov}}
docks: [{name: 站, lon: 118.871, lat: 28.951, drone: small}]
"""


@dataclass(frozen=True, kw_only=True)
class AsPlanned:
    """The drone of the bed at the places that a re-flight's plan takes photos from, one a second."""

    places_en: tuple[tuple[float, float], ...]
    height_m: float

    @property
    def duration_s(self) -> float:
        return float(len(self.places_en))

    def pose(self, time_s: float, hills: Hills) -> BedPose:
        east, north = self.places_en[min(int(time_s), len(self.places_en) - 1)]
        return BedPose(east_m=east, north_m=north, alt_m=float(hills.heights(np.zeros((1, 2)))[0]) + self.height_m)


class Street:
    """A street with a heap that somebody is sent for, and its store."""

    def __init__(self, folder: Path, flyonce) -> None:
        self.folder, self._flyonce = folder, flyonce
        self.url = f"sqlite:///{folder / 'city.db'}"

    def analyze(self, name: str, bed: Bed) -> dict:
        photos = self.folder / name
        photos.mkdir()
        bed.photos(photos, every_s=1.0)
        return self.run(
            "analyze", photos, "--zones", self.folder / "zones.geojson", "--models", self.folder / "models",
            "--flight-id", name,
        )  # fmt: skip

    def run(self, *words: object) -> dict:
        outcome = self._flyonce(*words, "--store", self.url, "--json")
        assert outcome.code == 0, outcome.stderr
        return outcome.result

    def rows(self, query: str) -> list[dict]:
        with sqlite3.connect(self.folder / "city.db") as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(query)]

    @property
    def case(self) -> dict:
        return self.rows("select * from case_file order by seq limit 1")[0]

    def verdicts(self) -> list[dict]:
        return [json.loads(row["data"]) for row in self.rows("select data from event where kind = 'case.verified'")]

    def report_done(self, at: datetime) -> None:
        """The department works, between two flights."""
        matters = load_matters()
        rules = (matters, load_routing(matters=matters, departments=load_departments()))
        with open_store(self.url) as store:
            if self.case["state"] == "pending_review":
                CaseDesk(store, *rules, now=lambda: at).transition(
                    self.case["case_id"], Change(to="opened"), by=_account("chief", Role.CENTRE)
                )
            with store.read() as connection:
                lead = next(task for task in tasks_of(connection, self.case["case_id"]) if task.kind == "lead")
            worker = _account("worker", Role.LEADER, lead.department)
            for to in ("signed", "working", "done"):
                TaskDesk(store, *rules, now=lambda: at).transition(lead.task_id, Change(to=to), by=worker)
        assert self.case["state"] == "pending_verify"

    def planned(self, bed: Bed) -> Bed:
        """The bed with the flight that `flyonce reflight` plans for what waits in the store."""
        (self.folder / "fleet.yaml").write_text(FLEET, encoding="utf-8")
        out = self.folder / "refly"
        plan = self.run(
            "reflight", "--fleet", self.folder / "fleet.yaml", "--out", out, "--altitude-m", 26, "--lowest-m", 26,
            "--resolution-cm", 8,
        )  # fmt: skip
        ((case,),) = [flight["cases"] for flight in plan["flights"]]
        assert case["id"] == self.case["number"]
        features = json.loads((out / "flights.geojson").read_text("utf-8"))["features"]
        (photos,) = [one for one in features if one["properties"]["kind"] == "photos"]
        places = bed.hills.en_m(np.array(photos["geometry"]["coordinates"]))
        flight = AsPlanned(places_en=tuple(map(tuple, places.tolist())), height_m=case["height_agl_m"])
        return replace(bed, flight=flight)


def _account(name: str, role: Role, department: str | None = None) -> Account:
    return Account(
        account_id=1, name=name, display_name_zh=name, display_name_en=name, role=role, department=department
    )


@pytest.fixture(scope="module")
def monday(flyonce, tmp_path_factory) -> Path:
    """The store after the flight that found the heap; each test goes on with a copy."""
    street = Street(tmp_path_factory.mktemp("monday"), flyonce)
    staged.write_model(street.folder / "models")
    way = {"type": "LineString", "coordinates": [[118.868, 28.95], [118.872, 28.95]]}
    zone = {"type": "Feature", "geometry": way, "properties": {"kind": "street", "code": "s", "width_m": 80}}
    (street.folder / "zones.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [zone]}))
    assert len(street.analyze("monday", MONDAY)["case_ids"]) == 1
    return street.folder


@pytest.fixture
def street(flyonce, monday, tmp_path) -> Street:
    shutil.copytree(monday, tmp_path / "street")
    one = Street(tmp_path / "street", flyonce)
    one.report_done(MONDAY.began_at + timedelta(hours=5))
    return one


def test_the_planned_flight_finds_nothing_and_a_person_closes_the_case_with_both_pictures(street):
    found = street.analyze("tuesday", street.planned(EMPTY))
    assert found["case_ids"] == []
    (verdict,) = street.verdicts()
    assert (verdict["verdict"], verdict["flight_id"], verdict["lacks"]) == ("fixed", "tuesday", [])
    assert verdict["before"] != verdict["after"]
    originals = {row["sha256"]: row["file_name"] for row in street.rows("select sha256, file_name from original")}
    assert originals[verdict["after"]].startswith("DJI_")
    assert street.case["state"] == "pending_verify"
    matters = load_matters()
    rules = (matters, load_routing(matters=matters, departments=load_departments()))
    with open_store(street.url) as store:
        closing = Change(to="closed", reason="复飞核查通过")
        CaseDesk(store, *rules).transition(street.case["case_id"], closing, by=_account("chief", Role.CENTRE))
    assert (street.case["state"], street.case["closed_by"]) == ("closed", "reflight")
    assert street.run("reflight", "--fleet", street.folder / "fleet.yaml", "--out", street.folder / "next") == {
        "flights": [],
        "not_planned": [],
        "left_for_later": [],
        "files": [],
    }


def test_a_flight_that_still_sees_it_sends_the_department_back_to_work(street):
    still_there = replace(MONDAY, began_at=MONDAY.began_at + timedelta(days=1))
    assert street.analyze("tuesday", still_there)["case_ids"] == [street.case["case_id"]]
    (verdict,) = street.verdicts()
    assert (verdict["verdict"], verdict["flight_id"]) == ("not_fixed", "tuesday")
    assert verdict["before"] != verdict["after"]
    assert (street.case["state"], street.case["reworks"]) == ("reworked", 1)
    assert street.rows("select state from task where kind = 'lead'") == [{"state": "rework"}]


def test_a_flight_too_high_to_tell_says_so_and_leaves_the_case_waiting(street):
    high = replace(EMPTY.flight, height_m=120.0, row_m=12.0)
    street.analyze("tuesday", replace(EMPTY, flight=high))
    (verdict,) = street.verdicts()
    assert (verdict["verdict"], verdict["reason"]) == ("not_visible", "too_coarse")
    assert street.case["state"] == "pending_verify"
