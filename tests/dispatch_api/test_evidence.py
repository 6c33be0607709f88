"""Evidence: sealed originals, pictures made from them, and what is refused."""

from __future__ import annotations

import hashlib
import stat
from dataclasses import replace
from io import BytesIO

import pytest
from dispatch_builders import a_jpeg, an_observation, north_of, some_evidence
from PIL import Image
from sqlalchemy import func, select

from dispatch_api.errors import EvidenceError
from dispatch_api.evidence.looks import Finding, PictureLook
from dispatch_api.evidence.vault import Vault
from dispatch_api.store import schema as tables


def count(store, table) -> int:
    with store.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_an_original_is_kept_bit_for_bit_under_its_hash_and_sealed(store, intake, tmp_path):
    evidence = some_evidence(tmp_path)
    intake.record(an_observation(evidence=(evidence,)))
    sha256 = evidence.original_sha256
    kept = store.evidence_dir / "originals" / sha256[:2] / f"{sha256}.jpg"
    assert kept.read_bytes() == evidence.original_path.read_bytes()
    assert hashlib.sha256(kept.read_bytes()).hexdigest() == sha256
    assert stat.S_IMODE(kept.stat().st_mode) == 0o444
    assert [path for path in kept.parent.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("name", ["chief", "drainer"])
def test_the_service_gives_pictures_made_from_the_original_but_never_the_original(intake, browser, tmp_path, name):
    evidence = some_evidence(tmp_path)
    recorded = intake.record(an_observation(evidence=(evidence,)))
    somebody = browser(name)
    (shown,) = somebody.json(f"/api/v1/cases/{recorded.case_id}")["evidence"]
    assert shown["file_name"] == "DJI_0001.JPG"
    assert shown["original_sha256"] == evidence.original_sha256
    assert somebody.get(shown["annotated_url"]).content == evidence.annotated_jpeg
    assert somebody.get(shown["full_url"]).content == evidence.redacted_jpeg
    thumbnail = Image.open(BytesIO(somebody.get(shown["thumbnail_url"]).content))
    assert max(thumbnail.size) == 480
    sha256 = evidence.original_sha256
    inside = f"originals/{sha256[:2]}/{sha256}.jpg"
    for path in (
        *(f"/api/v1/evidence/{sha256}/{which}" for which in ("original", "..", "raw", f"..%2f..%2f{inside}")),
        *(f"/{folder}{inside}" for folder in ("", "city-evidence/", "assets/..%2f..%2fcity-evidence/")),
    ):
        answer = somebody.get(path)
        assert answer.status_code in {404, 422} or answer.headers["content-type"].startswith("text/html"), path
    original = evidence.original_path.read_bytes()
    served = {somebody.get(shown[f"{which}_url"]).content for which in ("thumbnail", "annotated", "full")}
    assert original not in served


def test_a_picture_is_asked_for_again_but_not_sent_twice(intake, browser, tmp_path):
    recorded = intake.record(an_observation(evidence=(some_evidence(tmp_path),)))
    answer = browser("chief").get(f"/api/v1/cases/{recorded.case_id}")
    picture = browser("chief").get(answer.json()["thumbnail_url"])
    assert picture.headers["cache-control"] == "private, no-cache"
    assert picture.headers["etag"]


def test_an_original_that_is_not_what_it_was_is_refused_and_nothing_is_recorded(store, intake, tmp_path):
    evidence = some_evidence(tmp_path)
    evidence.original_path.write_bytes(a_jpeg((9, 9, 9)))
    with pytest.raises(EvidenceError, match=r"DJI_0001\.JPG.*SHA-256"):
        intake.record(an_observation(evidence=(evidence,)))
    evidence.original_path.unlink()
    with pytest.raises(EvidenceError, match="cannot be read"):
        intake.record(an_observation(evidence=(evidence,)))
    assert (count(store, tables.case), count(store, tables.evidence)) == (0, 0)


def test_one_original_of_many_cases_is_kept_once(store, intake, tmp_path):
    evidence = some_evidence(tmp_path)
    for n in range(3):
        intake.record(an_observation(lonlat=north_of(50.0 * n), evidence=(evidence,)))
    assert (count(store, tables.original), count(store, tables.evidence)) == (1, 3)
    originals = [path for path in (store.evidence_dir / "originals").rglob("*") if path.is_file()]
    assert len(originals) == 1


def test_a_better_picture_of_the_same_original_takes_the_place_of_the_first(intake, browser, tmp_path):
    evidence = some_evidence(tmp_path)
    recorded = intake.record(an_observation(key="k", evidence=(evidence,)))
    better = replace(evidence, annotated_jpeg=a_jpeg((1, 1, 1)))
    intake.record(an_observation(key="k", evidence=(better,)))
    chief = browser("chief")
    (shown,) = chief.json(f"/api/v1/cases/{recorded.case_id}")["evidence"]
    assert chief.get(shown["annotated_url"]).content == better.annotated_jpeg


def test_the_best_picture_of_the_newest_observation_stands_for_the_case(intake, browser, tmp_path):
    first = some_evidence(tmp_path, name="a.jpg", colour=(1, 1, 1))
    best = some_evidence(tmp_path, name="b.jpg", colour=(2, 2, 2))
    second_best = some_evidence(tmp_path, name="c.jpg", colour=(3, 3, 3))
    recorded = intake.record(an_observation(evidence=(first,)))
    intake.record(an_observation(flight_id="f2", evidence=(best, second_best)))
    shown = browser("chief").json(f"/api/v1/cases/{recorded.case_id}")
    assert best.original_sha256 in shown["thumbnail_url"]
    assert len(shown["evidence"]) == 3


def a_look(confidence, *, box=(10.0, 10.0, 50.0, 50.0)) -> PictureLook:
    thing = Finding(label="standing_water", confidence=confidence, box_xyxy_px=box, mine=True)
    surer = Finding(label="waste", confidence=0.99, box_xyxy_px=(100.0, 100.0, 200.0, 200.0))
    return PictureLook(size_wh_px=(640, 480), findings=(surer, thing))


def test_pictures_of_a_case_come_surest_first_and_those_that_cut_the_thing_last(intake, browser, tmp_path):
    looks = {"weak": a_look(0.4), "cut": a_look(0.95, box=(0.0, 10.0, 50.0, 50.0)), "best": a_look(0.9)}
    evidence = [
        replace(some_evidence(tmp_path, name=f"{name}.jpg", colour=(n, n, n)), look=look)
        for n, (name, look) in enumerate(looks.items())
    ]
    # What is found first is recorded at once; better pictures come in later, and others of another observation.
    recorded = intake.record(an_observation(key="k", evidence=(evidence[0],)))
    intake.record(an_observation(key="k", evidence=tuple(evidence)))
    unsure = replace(some_evidence(tmp_path, name="unsure.jpg", colour=(9, 9, 9)), look=a_look(0.3))
    intake.record(an_observation(flight_id="f2", evidence=(unsure,)))
    shown = browser("chief").json(f"/api/v1/cases/{recorded.case_id}")
    assert [one["file_name"] for one in shown["evidence"]] == ["best.jpg", "weak.jpg", "unsure.jpg", "cut.jpg"]
    assert evidence[2].original_sha256 in shown["thumbnail_url"]


def test_a_sharp_near_picture_is_worth_more_than_a_blurred_one_that_is_a_little_surer():
    blurred, sharp = replace(a_look(0.7), shown=0.2), replace(a_look(0.6), shown=0.8)
    assert sharp.merit() > blurred.merit()
    assert PictureLook.from_json(sharp.as_json()) == sharp
    earlier = {key: value for key, value in a_look(0.7).as_json().items() if key != "shown"}
    assert PictureLook.from_json(earlier).shown is None


def test_one_picture_in_which_a_case_was_found_twice_is_shown_once_with_its_surest_finding(intake, browser, tmp_path):
    plain = some_evidence(tmp_path)
    surer = replace(plain, look=a_look(0.8), annotated_jpeg=a_jpeg((1, 2, 3)))
    weaker = replace(plain, look=a_look(0.3), annotated_jpeg=a_jpeg((200, 2, 3)))
    recorded = intake.record(an_observation(key="one", evidence=(surer,)))
    assert intake.record(an_observation(key="two", evidence=(weaker,))).case_id == recorded.case_id
    chief = browser("chief")
    (shown,) = chief.json(f"/api/v1/cases/{recorded.case_id}")["evidence"]
    assert chief.get(shown["annotated_url"]).content == surer.annotated_jpeg


def test_a_picture_that_is_gone_from_the_folder_is_said_plainly_in_the_log_and_not_to_the_page(
    store, intake, browser, tmp_path, caplog
):
    recorded = intake.record(an_observation(evidence=(some_evidence(tmp_path),)))
    chief = browser("chief")
    shown = chief.json(f"/api/v1/cases/{recorded.case_id}")
    for path in (store.evidence_dir / "pictures").rglob("*.jpg"):
        path.unlink()
    answer = chief.get(shown["thumbnail_url"])
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert str(tmp_path) not in answer.text
    assert "missing from the evidence folder" in caplog.text


@pytest.mark.parametrize(
    "changes",
    [
        {"original_sha256": "ABC"},
        {"original_sha256": "../../etc/passwd"},
        {"annotated_jpeg": b"GIF89a"},
        {"redacted_jpeg": b""},
    ],
)
def test_evidence_that_makes_no_sense_does_not_exist(tmp_path, changes):
    with pytest.raises(ValueError, match=r"hexadecimal|no JPEG"):
        replace(some_evidence(tmp_path), **changes)


def test_a_strange_file_name_makes_no_strange_path(tmp_path):
    path = tmp_path / "photo.J;P G"
    path.write_bytes(b"content")
    sealed = Vault(tmp_path / "vault").seal_original(path, hashlib.sha256(b"content").hexdigest())
    assert sealed.extension == "bin"
