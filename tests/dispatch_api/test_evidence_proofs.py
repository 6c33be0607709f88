"""What proves a place clean is evidence of its case: kept, held, opened with a reason, and in the pack."""

from __future__ import annotations

import hashlib
import json
import os
import time
import zipfile
from dataclasses import replace
from datetime import timedelta

import pytest
from dispatch_builders import NOON, an_observation, default_rules, some_evidence
from pack_builders import CENTRE, WEIGHTS, a_look, a_pack, a_pose
from sqlalchemy import select, update

from dispatch_api.accounts.model import system_actor
from dispatch_api.cases.looked_again import LookedAgain, NothingFound
from dispatch_api.errors import NotFound
from dispatch_api.evidence.capture import Capture
from dispatch_api.evidence.holds import set_hold
from dispatch_api.evidence.originals import open_original
from dispatch_api.evidence.pack import standalone
from dispatch_api.evidence.quota import sweep
from dispatch_api.flights.desk import FlightDesk
from dispatch_api.store import schema as tables
from dispatch_api.store.checking import check_store

KEEPER = system_actor("command-line")
LATER = NOON + timedelta(hours=2)
pytestmark = pytest.mark.both_stores


@pytest.fixture
def looked_at(store, intake, tmp_path):
    """A case of flight f1 whose place flight f2 found clean: its id, and the picture that shows it so."""
    recorded = intake.record(an_observation(flight_id="f1", evidence=(some_evidence(tmp_path, colour=(9, 9, 9)),)))
    clean = some_evidence(tmp_path, name="after.jpg", colour=(1, 200, 30))
    capture = Capture(kind="photo", source_name="after.jpg", source_sha256=clean.original_sha256, pose=a_pose())
    desk = FlightDesk(store)
    desk.start("f2", "复飞", planned_path_lonlat=[], started_at=LATER)
    desk.position("f2", LATER, 118.87, 28.95, 40.0, 0.0)
    found = NothingFound(
        case_id=recorded.case_id, flight_id="f2", looks=5, resolution_m=0.0217,
        first_at=LATER, last_at=LATER + timedelta(seconds=9), picture=replace(clean, capture=capture),
    )  # fmt: skip
    assert LookedAgain(store, default_rules()[0]).note(found)
    return recorded.case_id, clean


def close(store, case_id: str) -> None:
    values = {"state": "closed", "ended_at": NOON - timedelta(days=900)}
    store.write(
        lambda connection: (
            connection.execute(update(tables.case).where(tables.case.c.case_id == case_id).values(**values)).rowcount
        )
    )


def swept(store):
    return sweep(store, keep_bytes=0, by=KEEPER, retention=timedelta(days=100), now=lambda: NOON)


def in_the_vault(store, sha256: str) -> bool:
    return any(store.evidence_dir.rglob(f"{sha256}.*"))


def test_the_picture_of_the_clean_place_is_in_the_pack_with_its_hash_and_its_flight(store, looked_at, tmp_path):
    case_id, clean = looked_at
    made = a_pack(store, case_id, tmp_path / "pack.zip")
    assert standalone.verify(made.path).files == made.files
    with zipfile.ZipFile(made.path) as archive:
        about, *files = json.loads(archive.read("manifest.json"))["entries"]
        shown = {one["role"]: one for one in files if one.get("shows") == "clean_look"}
        whole = archive.read("pictures/002-whole.jpg")
        page = archive.read("report.html").decode()
        tracks = [one["flight_id"] for one in files if one["role"] == "telemetry"]
    (look,) = about["clean_looks"]
    assert (look["flight_id"], look["looks"], look["resolution_m"]) == ("f2", 5, 0.0217)
    assert look["original_sha256"] == clean.original_sha256
    original = shown["original"]
    assert (original["sha256"], original["flight_id"], original["path"]) == (clean.original_sha256, "f2", None)
    assert (original["pose"]["alt_m"], original["source"]["kind"]) == (90.0, "photo")
    assert shown["redacted"]["derives_from"] == [clean.original_sha256]
    assert hashlib.sha256(whole).hexdigest() in {one["sha256"] for one in files}
    assert [one["flight_id"] for one in about["flights"]] == ["f1", "f2"]
    assert tracks == ["f2"]
    for word in ("复飞核查", "nothing found", clean.original_sha256):
        assert word in page, word
    whole_pack = a_pack(store, case_id, tmp_path / "whole.zip", originals=True, why="法院调取")
    assert clean.original_sha256 in whole_pack.originals
    with zipfile.ZipFile(whole_pack.path) as archive:
        assert archive.read("originals/002.jpg") == clean.original_path.read_bytes()


def test_what_was_made_of_it_is_no_leftover_however_old_it_is(store, looked_at):
    pictures = sorted((store.evidence_dir / "pictures").rglob("*.jpg"))
    assert len(pictures) == 6
    stray = store.evidence_dir / "pictures" / "ab" / f"{'ab' * 32}.jpg"
    stray.parent.mkdir(exist_ok=True)
    stray.write_bytes(b"broken off in writing")
    for path in (*pictures, stray):
        os.utime(path, (time.time() - 10**6,) * 2)
    assert [piece.path for piece in swept(store).pieces] == [stray]
    assert sorted((store.evidence_dir / "pictures").rglob("*.jpg")) == pictures


def test_its_original_stays_as_long_as_the_cases_own_and_a_hold_covers_it(store, looked_at):
    case_id, clean = looked_at
    assert swept(store).pieces == ()
    close(store, case_id)
    set_hold(store, case_id, held=True, by=CENTRE, why="复议")
    assert swept(store).pieces == ()
    set_hold(store, case_id, held=False, by=CENTRE, why="复议结束")
    assert clean.original_sha256 in {piece.sha256 for piece in swept(store).pieces}
    assert not any((store.evidence_dir / "originals").rglob("*.jpg"))
    with store.read() as connection:
        query = select(tables.event.c.data).where(tables.event.c.kind == "evidence.removed")
        told = [json.loads(data) for data in connection.execute(query).scalars()]
    assert any(clean.original_sha256 in one.get("originals", ()) for one in told)
    assert all(finding.ok for finding in check_store(store))


def test_opening_its_original_needs_a_reason_and_stands_in_the_cases_history(store, looked_at):
    case_id, clean = looked_at
    opened = open_original(store, clean.original_sha256, by=CENTRE, why="复议核对")
    assert (opened.case_id, opened.path.read_bytes()) == (case_id, clean.original_path.read_bytes())
    with store.read() as connection:
        query = select(tables.event).where(tables.event.c.kind == "evidence.opened")
        (row,) = connection.execute(query).all()
    assert (row.case_id, row.who, row.why) == (case_id, "chief", "复议核对")
    with pytest.raises(NotFound):
        open_original(store, "0" * 64, by=CENTRE, why="复议核对")


def test_a_pack_made_over_the_service_has_the_card_of_the_model_that_found_it(store, intake, browser, tmp_path):
    card = "name: water\n# 积水\n".encode()
    digest = hashlib.sha256(card).hexdigest()
    look = a_look()
    found = replace(look.findings[0], threshold=0.42, card_sha256=digest)
    evidence = replace(some_evidence(tmp_path), look=replace(look, findings=(found,)), cards=(card,))
    recorded = intake.record(an_observation(evidence=(evidence,)))
    answer = browser("chief").post(f"/api/v1/cases/{recorded.case_id}/evidence-pack", {})
    (tmp_path / "got.zip").write_bytes(answer.content)
    standalone.verify(tmp_path / "got.zip")
    with zipfile.ZipFile(tmp_path / "got.zip") as archive:
        about, *files = json.loads(archive.read("manifest.json"))["entries"]
        assert archive.read("models/01-card.yaml") == card
    (model,) = about["models"]
    assert (model["card"], model["thresholds"]) == ("models/01-card.yaml", {"standing_water": 0.42})
    (told,) = [one for one in files if one["role"] == "model card"]
    assert (told["sha256"], told["weights_sha256"], told["since"]) == (digest, WEIGHTS, "the finding")
    (original,) = [one for one in files if one["role"] == "original"]
    assert original["findings"][0]["threshold"] == 0.42
    # A model that came in later with other thresholds says nothing of what was found before.
    made = a_pack(store, recorded.case_id, tmp_path / "cli.zip")
    with zipfile.ZipFile(made.path) as archive:
        assert archive.read("models/01-card.yaml") == card


def test_a_card_is_never_a_leftover(store, intake, tmp_path):
    evidence = replace(some_evidence(tmp_path), look=a_look(), cards=(b"name: water\n",))
    intake.record(an_observation(evidence=(evidence,)))
    (card,) = (store.evidence_dir / "cards").rglob("*.yaml")
    os.utime(card, (time.time() - 10**6,) * 2)
    swept(store)
    assert card.is_file()
