"""What reviewers say: codes, what they say of the label, and pictures that carry nothing but pixels."""

from __future__ import annotations

import json
from dataclasses import replace
from io import BytesIO

import pytest
from dispatch_builders import a_jpeg, a_zone, an_observation, some_evidence
from PIL import Image
from sqlalchemy import select

from dispatch_api.cases.rejection import REJECTION_NAMES, RejectionCode, label_after_rejection
from dispatch_api.evidence.jpeg import without_metadata
from dispatch_api.evidence.looks import Finding, PictureLook
from dispatch_api.store.schema import event
from dispatch_api.verdicts.service import VerdictDesk

LOOK = PictureLook(
    size_wh_px=(640, 480),
    ground_resolution_m=0.031,
    findings=(
        Finding(
            label="standing_water",
            confidence=0.71,
            box_xyxy_px=(10.0, 10.0, 50.0, 50.0),
            polygon_px=((10.0, 10.0), (50.0, 10.0), (50.0, 50.0)),
            model="water",
            model_sha256="ab" * 32,
            mine=True,
        ),
        Finding(label="vehicle", confidence=0.33, box_xyxy_px=(60.0, 10.0, 90.0, 30.0), believed=False),
    ),
)


@pytest.fixture
def waiting(intake, tmp_path):
    """A case that waits for a person, with one picture."""
    evidence = replace(some_evidence(tmp_path), look=LOOK)
    return intake.record(an_observation(evidence=(evidence,), review_required=True))


def move(browser, case, **change):
    return browser.post(f"/api/v1/cases/{case.case_id}/transitions", change)


def test_the_page_is_told_which_causes_there_are_and_only_for_a_rejection(waiting, browser):
    allowed = browser("chief").json(f"/api/v1/cases/{waiting.case_id}")["allowed"]
    codes = {one["to"]: one.get("reason_codes") for one in allowed}
    assert [one["key"] for one in codes["rejected"]] == [code.value for code in RejectionCode]
    assert all(one["label_zh"] and one["label_en"] for one in codes["rejected"])
    assert codes["opened"] is None
    says = {one["key"]: one["label_is"] for one in codes["rejected"]}
    assert (says["shadow_or_reflection"], says["lawful"], says["other"]) == ("wrong", "right", "unknown")


def test_a_cause_stands_for_a_reason_and_stays_in_the_history(store, waiting, browser):
    answer = move(browser("chief"), waiting, to="rejected", reason_code="wet_ground")
    assert answer.status_code == 200, answer.text
    with store.read() as connection:
        row = connection.execute(select(event).where(event.c.to_state == "rejected")).one()
    assert json.loads(row.data) == {"reason_code": "wet_ground"}
    assert row.why == REJECTION_NAMES[RejectionCode.WET_GROUND][0]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"to": "rejected"}, "reason"),
        ({"to": "rejected", "reason_code": "other"}, "reason"),
        ({"to": "rejected", "reason_code": "because"}, "reason_code"),
        ({"to": "opened", "reason_code": "lookalike"}, "reason_code"),
    ],
)
def test_a_rejection_without_a_usable_reason_is_refused_and_changes_nothing(waiting, browser, change, field):
    chief = browser("chief")
    answer = move(chief, waiting, **change)
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert chief.json(f"/api/v1/cases/{waiting.case_id}")["state"] == "pending_review"


def test_a_verdict_knows_the_role_the_words_and_what_the_picture_shows(store, waiting, browser):
    move(browser("chief"), waiting, to="rejected", reason_code="shadow_or_reflection", reason="树影")
    (verdict,) = VerdictDesk(store).verdicts()
    assert (verdict.verdict, verdict.label_is, verdict.role) == ("rejected", "wrong", "centre")
    assert (verdict.reason, verdict.case_number) == ("树影", waiting.case_number)
    (picture,) = verdict.pictures
    assert picture.look == LOOK


def test_what_a_rule_opens_is_no_verdict_of_a_person(store, intake, browser, tmp_path):
    by_rule = intake.record(an_observation(evidence=(some_evidence(tmp_path),)))
    assert by_rule.state != "pending_review"
    assert VerdictDesk(store).verdicts() == ()


def test_a_confirmed_case_is_one_whatever_becomes_of_it(store, waiting, browser):
    chief = browser("chief")
    move(chief, waiting, to="opened")
    (verdict,) = VerdictDesk(store).verdicts()
    assert (verdict.verdict, verdict.label_is) == ("confirmed", "right")


@pytest.mark.parametrize(
    ("code", "label", "said"),
    [
        (RejectionCode.LOOKALIKE, "waste", "wrong"),
        (RejectionCode.NOTHING_THERE, "person", "wrong"),
        (RejectionCode.LAWFUL, "person", "right"),
        (RejectionCode.PERMANENT_WATER, "standing_water", "right"),
        (RejectionCode.UNCLEAR, "waste", "unknown"),
        (RejectionCode.OTHER, "waste", "unknown"),
        (None, "waste", "wrong"),
        (None, "person", "unknown"),
    ],
)
def test_a_rejected_case_is_not_always_a_wrong_label(code, label, said):
    assert label_after_rejection(code, label) == said


def test_no_picture_that_is_served_carries_a_place_even_if_it_came_with_one(intake, people, browser, tmp_path):
    exif = Image.Exif()
    exif[0x010F] = "CAMERA-MAKER"
    exif.get_ifd(0x8825)[1] = "N"
    out = BytesIO()
    Image.new("RGB", (640, 480), (9, 90, 9)).save(out, "JPEG", exif=exif, comment=b"GPS 28.97,118.87")
    evidence = replace(some_evidence(tmp_path), annotated_jpeg=out.getvalue(), redacted_jpeg=out.getvalue() + b"TAIL")
    recorded = intake.record(an_observation(evidence=(evidence,), zones=(a_zone(kind="road"),)))
    chief = browser("chief")
    (shown,) = chief.json(f"/api/v1/cases/{recorded.case_id}")["evidence"]
    for which in ("thumbnail", "annotated", "full"):
        served = chief.get(shown[f"{which}_url"]).content
        assert not any(word in served for word in (b"CAMERA-MAKER", b"GPS", b"Exif", b"TAIL"))
        with Image.open(BytesIO(served)) as picture:
            picture.load()
            assert not picture.getexif()


def test_taking_metadata_away_leaves_every_pixel():
    plain = a_jpeg()
    assert without_metadata(plain) == plain
    for broken in (b"GIF89a", plain[:3], plain[:20]):
        with pytest.raises(ValueError, match="JPEG"):
            without_metadata(broken)


@pytest.mark.parametrize(
    "changes",
    [{"label": ""}, {"confidence": 1.2}, {"box_xyxy_px": (5.0, 5.0, 1.0, 9.0)}, {"model_sha256": "xyz"}],
)
def test_a_finding_that_makes_no_sense_does_not_exist(changes):
    with pytest.raises(ValueError, match=r"a finding|confidence|a box|model_sha256"):
        replace(LOOK.findings[0], **changes)


def test_a_look_comes_back_from_the_store_as_it_went_in():
    assert PictureLook.from_json(json.loads(json.dumps(LOOK.as_json()))) == LOOK
