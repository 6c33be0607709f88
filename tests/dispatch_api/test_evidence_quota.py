"""Holds and the quota: nothing that a case may need is deleted, and nothing is deleted silently."""

from __future__ import annotations

import json
import os
import time
from datetime import timedelta
from pathlib import Path

import pytest
from dispatch_builders import NOON, a_jpeg, an_observation, north_of, some_evidence
from pack_builders import CENTRE, a_pack
from sqlalchemy import select, update

from dispatch_api.accounts.model import system_actor
from dispatch_api.errors import EvidenceGone, InvalidRequest, NotFound
from dispatch_api.evidence.holds import set_hold
from dispatch_api.evidence.looks import Finding, PictureLook
from dispatch_api.evidence.originals import open_original
from dispatch_api.evidence.pack import standalone
from dispatch_api.evidence.quota import sweep
from dispatch_api.evidence.vault import Vault
from dispatch_api.store import schema as tables
from dispatch_api.store.checking import check_store
from dispatch_api.verdicts.model import NearMiss
from dispatch_api.verdicts.service import VerdictDesk

KEEPER = system_actor("command-line")
pytestmark = pytest.mark.both_stores


def end(store, case_id: str, *, days_ago: float, **columns) -> None:
    """End a case as if so many days ago."""
    values = {"state": "closed", "ended_at": NOON - timedelta(days=days_ago), **columns}
    store.write(
        lambda connection: (
            connection.execute(update(tables.case).where(tables.case.c.case_id == case_id).values(**values)).rowcount
        )
    )


def swept(store, *, keep: int = 0, dry_run: bool = False):
    return sweep(store, keep_bytes=keep, by=KEEPER, retention=timedelta(days=100), dry_run=dry_run, now=lambda: NOON)


def originals(store) -> set[str]:
    return {path.stem for path in (store.evidence_dir / "originals").rglob("*.jpg")}


def events(store, kind: str) -> list:
    with store.read() as connection:
        return connection.execute(select(tables.event).where(tables.event.c.kind == kind)).all()


@pytest.fixture
def cases(store, intake, tmp_path) -> dict[str, tuple[str, str]]:
    """Cases with one original each: case id and original's hash, by what became of them."""
    made = {}
    for number, name in enumerate(("open", "fresh", "held", "handed", "old", "older")):
        evidence = some_evidence(tmp_path, name=f"{name}.jpg", colour=(40 * number, 7, 7))
        recorded = intake.record(an_observation(lonlat=north_of(500.0 * number), evidence=(evidence,)))
        made[name] = (recorded.case_id, evidence.original_sha256)
    end(store, made["fresh"][0], days_ago=99)
    end(store, made["held"][0], days_ago=900, hold=True)
    end(store, made["handed"][0], days_ago=900, handed_over_at=NOON - timedelta(days=901))
    end(store, made["old"][0], days_ago=200)
    end(store, made["older"][0], days_ago=900)
    return made


def test_only_originals_of_ended_unheld_cases_past_their_retention_may_go(store, cases):
    pictures = set((store.evidence_dir / "pictures").rglob("*.jpg"))
    told = swept(store)
    gone = {cases[name][1] for name in ("old", "older")}
    assert {piece.sha256 for piece in told.pieces} == gone
    assert originals(store) == {sha256 for _, sha256 in cases.values()} - gone
    assert not told.fits
    assert set((store.evidence_dir / "pictures").rglob("*.jpg")) == pictures != set()
    removed = {row.case_id: json.loads(row.data) for row in events(store, "evidence.removed")}
    assert removed[cases["old"][0]] == {"originals": [cases["old"][1]]}
    assert removed[None]["original"] == 2
    assert all(finding.ok for finding in check_store(store))


def test_no_more_goes_than_must_and_what_came_in_first_goes_first(store, cases):
    before = swept(store, keep=10**12)
    assert (before.pieces, before.fits) == ((), True)
    told = swept(store, keep=before.before_bytes - 1)
    assert [piece.sha256 for piece in told.pieces] == [cases["old"][1]]
    assert told.fits
    assert events(store, "evidence.over_quota") == []


def test_a_dry_run_tells_the_same_and_changes_nothing(store, cases):
    before = originals(store)
    dry = swept(store, dry_run=True)
    assert originals(store) == before
    assert events(store, "evidence.removed") + events(store, "evidence.over_quota") == []
    assert dry.pieces == swept(store).pieces


def test_a_quota_that_cannot_be_met_is_an_alarm(store, cases):
    told = swept(store, keep=1)
    (alarm,) = events(store, "evidence.over_quota")
    assert json.loads(alarm.data) == {"bytes": told.after_bytes, "keep_bytes": 1}
    with store.read() as connection:
        types = connection.execute(select(tables.feed.c.type)).scalars().all()
    assert types.count("evidence.over_quota") == 1


def test_what_an_open_case_was_merged_from_or_is_the_recurrence_of_is_kept(store, cases):
    end(store, cases["old"][0], days_ago=900, state="merged", duplicate_of=cases["older"][0])
    end(store, cases["older"][0], days_ago=900, state="merged", duplicate_of=cases["open"][0])
    assert swept(store, dry_run=True).pieces == ()
    end(store, cases["older"][0], days_ago=900, state="recurred", duplicate_of=None)
    assert len(swept(store, dry_run=True).pieces) == 2
    store.write(
        lambda connection: (
            connection.execute(
                update(tables.case)
                .where(tables.case.c.case_id == cases["open"][0])
                .values(recurrence_of=cases["older"][0])
            ).rowcount
        )
    )
    assert swept(store, dry_run=True).pieces == ()


def test_an_original_that_another_open_case_shows_too_is_kept(store, intake, cases, tmp_path):
    shared = some_evidence(tmp_path, name="old.jpg", colour=(160, 7, 7))
    assert shared.original_sha256 == cases["old"][1]
    intake.record(an_observation(lonlat=north_of(9000.0), evidence=(shared,)))
    assert {piece.sha256 for piece in swept(store).pieces} == {cases["older"][1]}


def test_holding_and_releasing_is_in_the_history_and_decides(store, cases):
    case_id, sha256 = cases["old"]
    assert set_hold(store, case_id, held=True, by=CENTRE, why="行政复议")
    assert not set_hold(store, case_id, held=True, by=CENTRE, why="again")
    assert sha256 not in {piece.sha256 for piece in swept(store, dry_run=True).pieces}
    assert set_hold(store, case_id, held=False, by=CENTRE, why="复议终结")
    assert sha256 in {piece.sha256 for piece in swept(store, dry_run=True).pieces}
    assert [(row.who, row.why) for row in events(store, "evidence.held")] == [("chief", "行政复议")]
    assert [(row.who, row.why) for row in events(store, "evidence.released")] == [("chief", "复议终结")]
    with pytest.raises(InvalidRequest):
        set_hold(store, case_id, held=True, by=CENTRE, why=" ")
    with pytest.raises(NotFound):
        set_hold(store, "no-such-case", held=True, by=CENTRE, why="because")


def test_what_belongs_to_no_case_goes_first(store, cases):
    thing = Finding(label="waste", confidence=0.5, box_xyxy_px=(1, 1, 9, 9), mine=True)
    near = NearMiss(
        flight_id="flight-1",
        picture_jpeg=a_jpeg((77, 1, 1)),
        source_sha256=None,
        label="waste",
        confidence=0.5,
        threshold=0.55,
        look=PictureLook(size_wh_px=(640, 480), findings=(thing,)),
        seen_at=NOON,
    )
    VerdictDesk(store).keep_near_misses("flight-1", [near])
    stray = Vault(store.evidence_dir).keep_picture(a_jpeg((99, 9, 9)))
    recent = Vault(store.evidence_dir).keep_picture(a_jpeg((98, 9, 9)))
    path = store.evidence_dir / "pictures" / stray[:2] / f"{stray}.jpg"
    long_ago = time.time() - 3 * 86_400
    os.utime(path, (long_ago, long_ago))
    told = swept(store)
    assert [piece.kind for piece in told.pieces] == ["leftover", "near_miss", "original", "original"]
    assert not path.exists()
    assert Vault(store.evidence_dir).picture_path(recent).is_file()
    with store.read() as connection:
        assert connection.execute(select(tables.near_miss)).all() == []


def test_an_original_that_is_gone_is_said_to_be_gone_and_its_case_still_has_a_pack(store, cases, browser, tmp_path):
    case_id, sha256 = cases["old"]
    swept(store)
    with pytest.raises(EvidenceGone, match=r"removed on 2026-11-23, after its retention"):
        open_original(store, sha256, by=CENTRE, why="复议核对")
    answer = browser("chief").post(f"/api/v1/evidence/{sha256}/original", {"reason": "复议核对"})
    assert answer.status_code == 410
    assert str(tmp_path) not in answer.text
    made = a_pack(store, case_id, tmp_path / "pack.zip", originals=True, why="法院调取")
    entry = next(one for one in _entries(made.path) if one.get("role") == "original")
    assert (entry["path"], entry["sha256"], made.originals) == (None, sha256, ())
    assert entry["removed_at"].startswith("2026-11-23")


def _entries(pack: Path) -> list[dict]:
    with standalone.opened(pack) as container:
        return json.loads(b"".join(container.blocks(standalone.MANIFEST)))["entries"]


def test_an_original_that_comes_in_again_is_sealed_again(store, intake, cases, tmp_path):
    sha256 = cases["old"][1]
    swept(store)
    assert sha256 not in originals(store)
    again = some_evidence(tmp_path, name="old.jpg", colour=(160, 7, 7))
    intake.record(an_observation(lonlat=north_of(9000.0), evidence=(again,)))
    assert sha256 in originals(store)
    assert open_original(store, sha256, by=CENTRE, why="复议核对").path.read_bytes() == again.original_path.read_bytes()


def test_a_case_that_is_held_between_the_look_and_the_removal_keeps_its_original(store, cases, monkeypatch):
    case_id, sha256 = cases["old"]
    real = store.write
    calls = []

    def write(work):
        if not calls:
            calls.append(1)
            monkeypatch.setattr(store, "write", real)
            set_hold(store, case_id, held=True, by=CENTRE, why="行政复议")
        return real(work)

    monkeypatch.setattr(store, "write", write)
    assert {piece.sha256 for piece in swept(store).pieces} == {cases["older"][1]}
    assert sha256 in originals(store)
