"""The error of an area goes with the area: into the case, to whoever reads it, and never as a made-up 0."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from alembic import command
from alembic.config import Config
from dispatch_builders import an_observation, default_rules, north_of
from sqlalchemy import create_engine

from dispatch_api.cases.intake import Intake
from dispatch_api.cases.records import get_case
from dispatch_api.store import migrate, open_store
from dispatch_api.store.migrate import MIGRATIONS_DIR, newest_revision
from geo.identity.rules import IdentityRules

MATTERS, ROUTING = default_rules()


def a_square(side_m, north_m=0.0):
    return tuple(north_of(north_m + n, east_m=e) for n, e in ((0, 0), (0, side_m), (side_m, side_m), (side_m, 0)))


def area_of(store, case_id):
    with store.read() as connection:
        row = get_case(connection, case_id)
    return row.extent_m2, row.extent_sigma_m2


def test_an_area_whose_error_is_unknown_stays_without_one(store, intake):
    assert area_of(store, intake.record(an_observation(extent_m2=12.0)).case_id) == (12.0, None)
    assert area_of(store, intake.record(an_observation(lonlat=north_of(50))).case_id) == (None, None)
    sure = an_observation(lonlat=north_of(100), extent_m2=12.0, extent_sigma_m2=0.0)
    assert area_of(store, intake.record(sure).case_id) == (12.0, 0.0)


def test_the_error_is_that_of_the_area_that_is_shown_and_not_of_another_one(store, intake):
    first = an_observation(key="a", footprint_lonlat=a_square(3), extent_m2=9.0, extent_sigma_m2=2.0, frames=3)
    case_id = intake.record(first).case_id
    more = {"extent_m2": 16.0, "extent_sigma_m2": 1.0}
    intake.record(an_observation(key="b", footprint_lonlat=a_square(4), frames=9, **more))
    assert area_of(store, case_id) == (16.0, 1.0)
    # Larger, but without an outline: it does not change what is shown.
    intake.record(an_observation(key="c", extent_m2=40.0, extent_sigma_m2=9.0, frames=20))
    assert area_of(store, case_id) == (16.0, 1.0)
    intake.record(an_observation(key="b", footprint_lonlat=a_square(4), frames=9, extent_m2=15.0))
    assert area_of(store, case_id) == (15.0, None)


def test_without_outlines_the_largest_area_counts_with_its_own_error(store, intake):
    case_id = intake.record(an_observation(extent_m2=9.0, extent_sigma_m2=0.5)).case_id
    intake.record(an_observation(extent_m2=10.0, extent_sigma_m2=3.0))
    assert area_of(store, case_id) == (10.0, 3.0)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"extent_sigma_m2": 1.0}, "the error of an extent_m2"),
        ({"extent_m2": 1.0, "extent_sigma_m2": -1.0}, "not negative"),
        ({"extent_m2": 1.0, "extent_sigma_m2": float("nan")}, "finite"),
    ],
)
def test_an_error_of_no_area_or_no_number_is_refused(changes, complaint):
    with pytest.raises(ValueError, match=complaint):
        an_observation(**changes)


def test_centre_map_and_department_read_the_error_beside_the_area(intake, people, browser):
    recorded = intake.record(an_observation(footprint_lonlat=a_square(4), extent_m2=16.0, extent_sigma_m2=1.25))
    chief, drainer = browser("chief"), browser("drainer")
    detail = chief.json(f"/api/v1/cases/{recorded.case_id}")
    (feature,) = chief.json("/api/v1/cases.geojson")["features"]
    lead = next(task.task_id for task in recorded.tasks if task.kind == "lead")
    for told in (
        detail,
        detail["observations"][0],
        feature["properties"],
        drainer.json(f"/api/v1/tasks/{lead}"),
        drainer.json("/api/v1/tasks")["items"][0],
    ):
        assert (told["extent_m2"], told["extent_sigma_m2"]) == (16.0, 1.25)
    without = intake.record(an_observation(lonlat=north_of(90), extent_m2=3.0))
    assert chief.json(f"/api/v1/cases/{without.case_id}")["extent_sigma_m2"] is None


def an_old_copy(new, old):
    """A store of the schema 0003 with the rows of a new one, its boxes as narrow as they were then."""
    engine = create_engine(f"sqlite:///{old}")
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS_DIR))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
    engine.dispose()
    with closing(sqlite3.connect(old)) as raw, raw:
        raw.execute("ATTACH ? AS new", (str(new),))
        for table in ("case_file", "observation", "task", "event", "feed", "counter"):
            columns = ", ".join(row[1] for row in raw.execute(f"PRAGMA main.table_info({table})"))
            raw.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM new.{table}")
        for seq, lon, lat in raw.execute("SELECT seq, lon, lat FROM case_file").fetchall():
            reach = 3.717 * 1.5
            east, north = reach / 97_470, reach / 110_850
            raw.execute(
                "INSERT INTO case_box VALUES (?, ?, ?, ?, ?)", (seq, lon - east, lon + east, lat - north, lat + north)
            )


def test_an_old_store_is_brought_forward_and_knows_that_it_does_not_know(tmp_path):
    new, old = tmp_path / "new.db", tmp_path / "old.db"
    with open_store(f"sqlite:///{new}", create=True) as store:
        intake = Intake(store, MATTERS, ROUTING)
        case_id = intake.record(
            an_observation(footprint_lonlat=a_square(4), extent_m2=16.0, extent_sigma_m2=1.0)
        ).case_id
    an_old_copy(new, old)
    assert migrate(f"sqlite:///{old}") == ("0003", newest_revision())
    with open_store(f"sqlite:///{old}") as store:
        assert area_of(store, case_id) == (16.0, None)
        # Found at 7.6 m by the widened box of the old case, although the new one's own error hardly reaches out.
        wide = IdentityRules(suggest_probability=0.999999)
        later = Intake(store, MATTERS, ROUTING, identity=wide).record(
            an_observation(lonlat=north_of(-7.6), sigma_m=0.1)
        )
        assert later.opened
        with store.read() as connection:
            assert get_case(connection, later.case_id).suggestions[0]["case_id"] == case_id
        assert area_of(store, later.case_id) == (None, None)
