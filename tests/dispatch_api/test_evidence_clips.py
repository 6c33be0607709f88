"""A clip is evidence of its observation: shown redacted, opened with a reason, kept and removed with the rest."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from dispatch_builders import NOON, an_observation, some_evidence
from pack_builders import CENTRE, FILM, FILMED, REDACTED, a_clip, a_look
from sqlalchemy import select, update

from dispatch_api.accounts.model import system_actor
from dispatch_api.evidence.capture import Capture
from dispatch_api.evidence.originals import open_original
from dispatch_api.evidence.quota import sweep
from dispatch_api.store import schema as tables

pytestmark = pytest.mark.both_stores


@pytest.fixture
def filmed(intake, tmp_path):
    still = replace(some_evidence(tmp_path), look=a_look())
    recorded = intake.record(an_observation(evidence=(still, a_clip(tmp_path, still))))
    return recorded.case_id, still


def test_the_case_tells_of_its_clip_beside_its_pictures_and_shows_the_redacted_one(browser, filmed):
    case_id, still = filmed
    told = browser("chief").get(f"/api/v1/cases/{case_id}").json()
    assert [picture["original_sha256"] for picture in told["evidence"]] == [still.original_sha256]
    (clip,) = told["clips"]
    assert (clip["film"], clip["film_sha256"], clip["first_s"], clip["seconds"]) == ("DJI.MP4", FILM, 36.1, 10.4)
    answer = browser("chief").get(clip["clip_url"])
    assert (answer.content, answer.headers["content-type"]) == (REDACTED, "video/mp4")
    assert browser("chief").get(clip["cover_url"]).headers["content-type"] == "image/jpeg"
    assert browser(None).get(clip["clip_url"]).status_code == 401
    # Neither is a picture a clip, nor a clip a picture.
    assert browser("chief").get(clip["clip_url"].replace("/clip?", "/full?")).status_code == 404
    assert browser("chief").get(told["evidence"][0]["full_url"].replace("/full?", "/clip?")).status_code == 404


def test_whoever_may_not_see_the_case_sees_no_clip_of_it(browser, filmed):
    address = f"/api/v1/evidence/{hashlib.sha256(FILMED).hexdigest()}/clip"
    assert browser("chief").get(address).status_code == 200
    assert browser("ecologist").get(address).status_code == 404


def test_the_clip_as_it_was_filmed_is_opened_with_a_reason_only(store, browser, filmed):
    case_id, _ = filmed
    sha256 = hashlib.sha256(FILMED).hexdigest()
    opened = open_original(store, sha256, by=CENTRE, why="复议核对")
    assert (opened.path.read_bytes(), opened.case_id) == (FILMED, case_id)
    assert opened.path.stat().st_mode & 0o777 == 0o444
    assert browser("drainer").post(f"/api/v1/evidence/{sha256}/original", {"reason": "复议核对"}).status_code == 403
    with store.read() as connection:
        query = select(tables.event.c.data).where(tables.event.c.kind == "evidence.opened")
        assert [json.loads(data)["sha256"] for data in connection.execute(query).scalars()] == [sha256]


def test_the_quota_takes_the_clip_with_its_case_and_leaves_the_redacted_one(store, filmed):
    case_id, still = filmed
    keeper, days = system_actor("command-line"), timedelta(days=100)
    assert sweep(store, keep_bytes=0, by=keeper, retention=days, now=lambda: NOON).pieces == ()
    ended = {"state": "closed", "ended_at": NOON - timedelta(days=900)}
    store.write(
        lambda connection: (
            connection.execute(update(tables.case).where(tables.case.c.case_id == case_id).values(**ended)).rowcount
        )
    )
    told = sweep(store, keep_bytes=0, by=keeper, retention=days, now=lambda: NOON)
    clip = hashlib.sha256(FILMED).hexdigest()
    assert {piece.sha256 for piece in told.pieces} == {still.original_sha256, clip}
    redacted = hashlib.sha256(REDACTED).hexdigest()
    assert (store.evidence_dir / "pictures" / redacted[:2] / f"{redacted}.mp4").read_bytes() == REDACTED


def test_a_clip_names_its_film_and_its_seconds_or_is_none():
    for wrong in ({"duration_s": None}, {"frame": 3}, {"media_time_s": None}):
        told = {"kind": "clip", "source_name": "f", "source_sha256": FILM, "media_time_s": 1.0, "duration_s": 10.0}
        with pytest.raises(ValueError, match="clip"):
            Capture(**{**told, **wrong})
